import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeRequest, ReplyParser, type RespValue } from "./resp.ts";
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
    await call(server, ["DEBUG", "POPULATE", SOAK ? "1000000" : "30000", "key", "50"], [
      "RPUSH",
      "list",
      "a",
    ]);
    [digest] = await call(server, ["DEBUG", "DIGEST"]) as [RespValue];
    const changes: string[][] = [["BGSAVE"]];
    for (let i = 0; i < 300; i++) {
      changes.push(["SET", `key:${i * 90}`, "changed"], ["DEL", `key:${i * 91 + 1}`], [
        "SET",
        `new:${i}`,
        "1",
      ]);
      changes.push(["RPUSH", "list", "b"], ["RENAME", `key:${i * 93 + 2}`, `renamed:${i}`]);
    }
    await call(server, ...changes.filter((_, i) => i === 0 || i % 5 !== 0 || i < 1400));
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
  let acknowledged = 0;
  for (let round = 0; round < (SOAK ? 100 : 2); round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", ...importMap(), script],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const port = Number(new TextDecoder().decode((await reader.read()).value));
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const buffer = new Uint8Array(4096);
    const parser = new ReplyParser();
    const next = async (): Promise<RespValue> => {
      for (;;) {
        const reply = parser.next();
        if (reply !== undefined) return reply;
        const count = await conn.read(buffer);
        if (count === null) throw new Error("ended");
        parser.feed(buffer.subarray(0, count));
      }
    };
    await conn.write(encodeRequest(["GET", "n"]));
    const found = Number(await next() ?? 0);
    assert(found >= acknowledged, `round ${round}: ${acknowledged} acknowledged, ${found} found`);
    acknowledged = found;
    const killAfter = 20 + Math.floor(Math.random() * 60);
    const timer = setTimeout(() => child.kill("SIGKILL"), killAfter);
    try {
      for (;;) {
        await conn.write(encodeRequest(["INCR", "n"]));
        acknowledged = Number(await next());
      }
    } catch {
      // The process is gone.
    }
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
