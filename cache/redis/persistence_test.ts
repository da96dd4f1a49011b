import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeRequest, ReplyParser, RequestParser, type RespValue } from "./resp.ts";
import { toBytes, toByteString } from "./_values.ts";
import { RedisServer, RedisServerError } from "./server.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";

async function call(server: { port: number }, ...requests: string[][]): Promise<RespValue[]> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const parser = new ReplyParser();
  const buffer = new Uint8Array(65_536);
  const replies: RespValue[] = [];
  for (const request of requests) {
    await conn.write(encodeRequest(request));
    let reply = parser.next();
    while (reply === undefined) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("connection ended");
      parser.feed(buffer.subarray(0, count));
      reply = parser.next();
    }
    replies.push(reply);
  }
  return replies;
}

const EVERY_TYPE: string[][] = [
  ["SET", "s", "hello"],
  ["SET", "bin", "\x00\xff\r\n"],
  ["SET", "ttl", "x", "PXAT", "99999999999999"],
  ["RPUSH", "l", "a", "1", "-300", "x".repeat(100)],
  ["HSET", "h", "f", "v", "g", "9999999999999"],
  ["SADD", "set", "a", "b", "3"],
  ["ZADD", "z", "1.5", "a", "-inf", "b"],
  ["XADD", "x", "1-1", "f", "v"],
  ["XGROUP", "CREATE", "x", "g", "0"],
  ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"],
  ["PFADD", "hll", "a", "b"],
  ["SETBIT", "bits", "77", "1"],
];
const DEBUG = { "enable-debug-command": "yes", save: "" };

Deno.test("a snapshot gives every type back", async () => {
  const dir = await Deno.makeTempDir();
  let digest: RespValue;
  {
    await using server = await RedisServer.start({ port: 0, dir, parameters: DEBUG });
    await call(server, ...EVERY_TYPE);
    [digest] = await call(server, ["DEBUG", "DIGEST"]) as [RespValue];
    assertEquals(await call(server, ["SAVE"]), ["OK"]);
  }
  await using server = await RedisServer.start({ port: 0, dir, parameters: DEBUG });
  assertEquals(await call(server, ["DEBUG", "DIGEST"]), [digest]);
  const [pending] = await call(server, ["XPENDING", "x", "g"]) as RespValue[][];
  assertEquals(pending![0], 1);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a background snapshot is the state at its start, whatever changes meanwhile", async () => {
  const dir = await Deno.makeTempDir();
  let digest: RespValue;
  {
    await using server = await RedisServer.start({ port: 0, dir, parameters: DEBUG });
    await call(server, ["DEBUG", "POPULATE", SOAK ? "1000000" : "9000", "key", "50"], [
      "RPUSH",
      "list",
      "a",
    ]);
    [digest] = await call(server, ["DEBUG", "DIGEST"]) as [RespValue];
    const changes: string[][] = [["BGSAVE"]];
    for (let i = 0; i < (SOAK ? 300 : 100); i++) {
      changes.push(["SET", `key:${i * 90}`, "changed"], ["DEL", `key:${i * 91 + 1}`], [
        "SET",
        `new:${i}`,
        "1",
      ]);
      changes.push(["RPUSH", "list", "b"], ["RENAME", `key:${i * 93 + 2}`, `renamed:${i}`]);
    }
    await call(server, ...changes);
    for (;;) {
      const [info] = await call(server, ["INFO", "persistence"]);
      if (/rdb_bgsave_in_progress:0/.test(info as string)) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  await using server = await RedisServer.start({ port: 0, dir, parameters: DEBUG });
  assertEquals(await call(server, ["DEBUG", "DIGEST"]), [digest]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("`FLUSHALL` replaces the snapshot where snapshots are configured, also one that is being written", async () => {
  const dir = await Deno.makeTempDir();
  const parameters = { ...DEBUG, save: "3600 1" };
  {
    await using server = await RedisServer.start({ port: 0, dir, parameters });
    const replies = await call(
      server,
      ["DEBUG", "POPULATE", "20000"],
      ["SAVE"],
      ["BGSAVE"],
      ["FLUSHALL"],
      ["INFO", "persistence"],
    );
    assertStringIncludes(replies[4] as string, "rdb_changes_since_last_save:0");
    for (;;) {
      const [info] = await call(server, ["INFO", "persistence"]);
      if (/rdb_bgsave_in_progress:0/.test(info as string)) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // What the folder holds now is what a crash would leave.
    await Deno.copyFile(`${dir}/dump.rdb`, `${dir}/crash.rdb`);
  }
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), [
    "crash.rdb",
    "dump.rdb",
  ]);
  await using server = await RedisServer.start({
    port: 0,
    dir,
    parameters: { ...DEBUG, dbfilename: "crash.rdb" },
  });
  assertEquals(await call(server, ["DBSIZE"]), [0]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("the append-only file gives every type back, before and after a rewrite", async () => {
  const dir = await Deno.makeTempDir();
  const aof = `${dir}/test.aof`;
  let digest: RespValue;
  {
    await using server = await RedisServer.start({ port: 0, aof, parameters: DEBUG });
    await call(
      server,
      ...EVERY_TYPE,
      ["SPOP", "set"],
      ["INCRBYFLOAT", "n", "0.1"],
      ["MULTI"],
      ["SET", "m", "1"],
      ["SET", "m2", "1"],
      ["EXEC"],
    );
    [digest] = await call(server, ["DEBUG", "DIGEST"]) as [RespValue];
  }
  {
    let loaded = -1;
    await using server = await RedisServer.start({
      port: 0,
      aof,
      parameters: DEBUG,
      onLoading: (count) => loaded = count,
    });
    assertEquals(await call(server, ["DEBUG", "DIGEST"]), [digest]);
    assert(loaded >= 15, `${loaded} commands`);
    await call(server, ["BGREWRITEAOF"], ["SET", "during", "1"]);
    for (;;) {
      const [info] = await call(server, ["INFO", "persistence"]);
      if (/aof_rewrite_in_progress:0/.test(info as string)) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    [digest] = await call(server, ["DEBUG", "DIGEST"]) as [RespValue];
  }
  const names = [...Deno.readDirSync(`${dir}/appendonlydir`)].map((entry) => entry.name).sort();
  assertEquals(names, ["test.aof.2.base.rdb", "test.aof.2.incr.aof", "test.aof.manifest"]);
  await using server = await RedisServer.start({ port: 0, aof, parameters: DEBUG });
  assertEquals(await call(server, ["DEBUG", "DIGEST"]), [digest]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("times to live reach the append-only file as absolute ones; absolute ones as they were sent", async () => {
  const dir = await Deno.makeTempDir();
  await using server = await RedisServer.start({ port: 0, aof: `${dir}/t.aof` });
  const at = String(Date.now() + 777_000);
  const [, dump] = await call(server, ["SET", "p", "v"], ["DUMP", "p"]) as [string, string];
  await call(
    server,
    ["SET", "a", "1", "ex", "100"],
    ["set", "b", "1", "pxat", at],
    ["EXPIRE", "p", "100"],
    ["RESTORE", "r", "1000", dump],
    ["RESTORE", "q", at, dump, "absttl"],
  );
  const text = toByteString(await Deno.readFile(`${dir}/appendonlydir/t.aof.1.incr.aof`));
  const parser = new RequestParser();
  parser.feed(toBytes(text));
  const commands: string[] = [];
  for (let args = parser.next(); args !== null; args = parser.next()) {
    commands.push(args.filter((arg) => arg !== dump).join(" ").replaceAll(at, "T"));
  }
  const shown = commands.map((command) => command.replace(/[0-9]{13}/, "N"));
  assertEquals(shown, [
    "SELECT 0",
    "SET p v",
    "SET a 1 PXAT N",
    "set b 1 pxat T",
    "PEXPIREAT p N",
    "RESTORE r N ABSTTL",
    "RESTORE q T absttl",
  ]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("`appendfsync everysec` syncs beside the server, and a rewrite meanwhile loses nothing", async () => {
  const dir = await Deno.makeTempDir();
  const aof = `${dir}/e.aof`;
  {
    await using server = await RedisServer.start({ port: 0, aof, appendfsync: "everysec" });
    for (let i = 0; i < 20; i++) {
      await call(server, ["RPUSH", "l", String(i)], ["BGREWRITEAOF"]);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    const [info] = await call(server, ["INFO", "persistence"]);
    assertStringIncludes(info as string, "aof_last_write_status:ok");
  }
  await using server = await RedisServer.start({ port: 0, aof });
  const [items] = await call(server, ["LRANGE", "l", "0", "-1"]);
  assertEquals(items, Array.from({ length: 20 }, (_, i) => String(i)));
  await Deno.remove(dir, { recursive: true });
});

Deno.test("`CONFIG SET appendonly` off and on again starts from what is there then", async () => {
  const dir = await Deno.makeTempDir();
  const aof = `${dir}/o.aof`;
  const appendonly = (value: string) => ["CONFIG", "SET", "appendonly", value];
  {
    await using server = await RedisServer.start({ port: 0, aof });
    await call(server, ["INCR", "n"], ["INCR", "n"], ["INCR", "n"]);
    await call(server, appendonly("no"), ["INCR", "n"], ["INCR", "n"]);
    await call(server, appendonly("yes"), ["INCR", "n"]);
  }
  {
    await using server = await RedisServer.start({ port: 0, aof });
    assertEquals(await call(server, ["GET", "n"]), ["6"]);
  }
  {
    // A server that starts without the file, and turns it on while a rewrite runs.
    await using server = await RedisServer.start({
      port: 0,
      dir,
      parameters: { ...DEBUG, appendfilename: "o.aof" },
    });
    assertEquals(await call(server, ["GET", "n"]), [null]);
    await call(
      server,
      ["DEBUG", "POPULATE", "20000"],
      ["BGREWRITEAOF"],
      appendonly("yes"),
      ["INCRBY", "n", "100"],
    );
    for (;;) {
      const [info] = await call(server, ["INFO", "persistence"]);
      if (/aof_rewrite_in_progress:0/.test(info as string)) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await call(server, ["INCR", "n"]);
  }
  await using server = await RedisServer.start({ port: 0, aof });
  assertEquals(await call(server, ["GET", "n"], ["DBSIZE"]), ["101", 20_001]);
  const names = [...Deno.readDirSync(`${dir}/appendonlydir`)].map((entry) => entry.name);
  assertEquals(names.length, 3, names.join(" "));
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a torn tail of the append-only file is dropped, damage inside is refused", async () => {
  const dir = await Deno.makeTempDir();
  const aof = `${dir}/t.aof`;
  {
    await using server = await RedisServer.start({ port: 0, aof });
    await call(server, ["SET", "a", "1"], ["SET", "b", "2"]);
  }
  const file = `${dir}/appendonlydir/t.aof.1.incr.aof`;
  const good = await Deno.readFile(file);
  await Deno.writeFile(file, good.subarray(0, good.length - 3));
  {
    await using server = await RedisServer.start({ port: 0, aof });
    assertEquals(await call(server, ["GET", "a"], ["GET", "b"], ["SET", "c", "3"]), [
      "1",
      null,
      "OK",
    ]);
  }
  {
    await using server = await RedisServer.start({ port: 0, aof });
    assertEquals(await call(server, ["GET", "a"], ["GET", "c"]), ["1", "3"]);
  }
  const bad = good.slice();
  bad[Math.floor(bad.length / 2)] = 0x21;
  bad.set(new TextEncoder().encode("!!!!"), 30);
  await Deno.writeFile(file, bad);
  const error = await assertRejects(() => RedisServer.start({ port: 0, aof }), RedisServerError);
  assertEquals(error.code, "ERR_LOAD");
  assertStringIncludes(error.message, "t.aof.1.incr.aof");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a single append-only file is carried on as a multi-part set", async () => {
  const dir = await Deno.makeTempDir();
  const aof = `${dir}/old.aof`;
  const parts = [["SELECT", "0"], ["SET", "a", "1"]].map((args) => encodeRequest(args));
  await Deno.writeFile(aof, new Uint8Array([...parts[0]!, ...parts[1]!]));
  {
    await using server = await RedisServer.start({ port: 0, aof });
    assertEquals(await call(server, ["GET", "a"], ["SET", "b", "2"]), ["1", "OK"]);
  }
  await using server = await RedisServer.start({ port: 0, aof });
  assertEquals(await call(server, ["GET", "a"], ["GET", "b"]), ["1", "2"]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("no acknowledged write is lost when the process is killed, with appendfsync always", async () => {
  const dir = await Deno.makeTempDir();
  const script = `${dir}/run.ts`;
  const mod = new URL("./server.ts", import.meta.url).href;
  await Deno.writeTextFile(
    script,
    `import { RedisServer } from ${JSON.stringify(mod)};\n` +
      `const server = await RedisServer.start({ port: 0, aof: ${
        JSON.stringify(dir + "/k.aof")
      }, appendfsync: "always" });\n` +
      `console.log(server.port);`,
  );
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const writers = 4;
  const acknowledged = new Array<number>(writers).fill(0);
  for (let round = 0; round < (SOAK ? 100 : 2); round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", ...importMap(), script],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const port = Number(new TextDecoder().decode((await reader.read()).value));
    const found = await call(
      { port },
      ...acknowledged.flatMap((_, i) => [["GET", `n:${i}`], ["LLEN", `l:${i}`]]),
    );
    acknowledged.forEach((count, i) => {
      const label = `seed ${seed}, round ${round}, writer ${i}`;
      const counter = Number(found[i * 2] ?? 0);
      assert(counter >= count, `${label}: ${count} acknowledged, ${counter} found`);
      // A transaction is there as a whole or not at all.
      assertEquals(Number(found[i * 2 + 1]), counter, label);
      acknowledged[i] = counter;
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 20 + random(80));
    const write = async (i: number): Promise<void> => {
      for (;;) {
        const replies = await call(
          { port },
          ["MULTI"],
          ["INCR", `n:${i}`],
          ["RPUSH", `l:${i}`, "x".repeat(random(2_000))],
          ["EXEC"],
          ...(i === 0 && random(4) === 0 ? [["BGREWRITEAOF"]] : []),
        );
        acknowledged[i] = Number((replies[3] as RespValue[])[0]);
      }
    };
    // Each ends with an error when the process is killed.
    await Promise.allSettled(acknowledged.map((_, i) => write(i)));
    clearTimeout(timer);
    await reader.cancel();
    await child.status;
  }
  await Deno.remove(dir, { recursive: true });
});

/** The import map of this run, where the registry of the real packages cannot be reached. */
function importMap(): string[] {
  const path = new URL("../../.ci/std_npm.json", import.meta.url);
  return [`--import-map=${path.pathname}`];
}
