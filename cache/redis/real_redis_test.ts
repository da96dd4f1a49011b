/** Files that Redis 7 and this server exchange; ignored where the programs of Redis are not installed. */
import { assertEquals, assertMatch } from "@std/assert";
import { encodeRequest, ReplyParser, type RespValue } from "./resp.ts";
import { RedisServer } from "./server.ts";

const suites = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../../shared/suites", import.meta.url).pathname;
const dumps = `${suites}/rdb/dumps`;

/** What a program says of its version, or undefined when it is not there. */
function versionOf(program: string): string | undefined {
  try {
    const { stdout } = new Deno.Command(program, { args: ["--version"], stderr: "null" })
      .outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return undefined;
  }
}

/** Why these tests cannot run here, or undefined. Version 7.0 or later of Redis, or Valkey, will do. */
function missing(): string | undefined {
  for (const program of ["redis-server", "redis-cli", "redis-check-rdb"]) {
    if (versionOf(program) === undefined) return `no ${program}`;
  }
  const major = Number(/v=(\d+)/.exec(versionOf("redis-server")!)?.[1] ?? 0);
  return major < 7 ? "redis-server is older than 7.0" : undefined;
}

const reason = missing();

function realTest(name: string, fn: () => Promise<void>, ignored = reason): void {
  Deno.test({
    name: ignored === undefined ? name : `${name} (ignored: ${ignored})`,
    ignore: ignored !== undefined,
    fn,
  });
}

async function command(port: number, ...args: string[]): Promise<string> {
  const output = await new Deno.Command("redis-cli", {
    args: ["-p", String(port), ...args],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(output.stdout).trim();
}

/** Digest, and keys by database, of the file in a folder by the real server; undefined when that refuses it. */
async function realDigest(dir: string): Promise<[string, string] | undefined> {
  const probe = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = probe.addr;
  probe.close();
  const child = new Deno.Command("redis-server", {
    args: ["--port", String(port), "--dir", dir, "--save", "", "--enable-debug-command", "yes"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  const status = child.status.then(() => ended = true);
  let result: [string, string] | undefined;
  for (let i = 0; i < 100 && result === undefined && !ended; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    const text = await command(port, "debug", "digest");
    if (/^[0-9a-f]{40}$/.test(text)) result = [text, await keyspace(port)];
  }
  if (!ended) child.kill();
  await status;
  return result;
}

async function keyspace(port: number): Promise<string> {
  const lines = (await command(port, "info", "keyspace")).split("\r\n");
  return lines.map((line) => line.replace(/,avg_ttl.*/, "")).join("\n");
}

/** Sends all requests at once; their replies, errors included. */
async function batch(port: number, requests: readonly string[][]): Promise<RespValue[]> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const parser = new ReplyParser();
  const buffer = new Uint8Array(65_536);
  const replies: RespValue[] = [];
  const writing = (async () => {
    for (const request of requests) {
      const bytes = encodeRequest(request);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }
  })();
  while (replies.length < requests.length) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("connection ended");
    parser.feed(buffer.subarray(0, count));
    for (let reply = parser.next(); reply !== undefined; reply = parser.next()) replies.push(reply);
  }
  await writing;
  return replies;
}

const many = (count: number, make: (i: number) => string | string[]): string[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();

/** Every type, in every size class that Redis keeps differently. */
const EVERYTHING: string[][] = [
  ["SET", "string:empty", ""],
  ["SET", "string:int8", "-7"],
  ["SET", "string:int16", "-30000"],
  ["SET", "string:int32", "2147483647"],
  ["SET", "string:int64", "-9223372036854775808"],
  ["SET", "string:almost", "007"],
  ["SET", "string:bytes", String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))],
  ["SET", "string:repetitive", "abc".repeat(30_000)],
  ["SET", "string:16k", many(20_000, (i) => String.fromCharCode((i * 7919) % 251)).join("")],
  ["SET", "key \r\n \x00\xff", "x"],
  ["SET", "expires", "later", "PXAT", "99999999999999"],
  ["SETBIT", "bitmap", "100003", "1"],
  ["PFADD", "hll:sparse", "a", "b", "c"],
  ["PFADD", "hll:dense", ...many(5_000, (i) => `member ${i}`)],
  ["RPUSH", "list:small", "a", "", "-1", "127", "4095", "-40000", "8388607", "2147483647"],
  ["RPUSH", "list:ints", "9223372036854775807", "-9223372036854775808", "10000000000"],
  ["RPUSH", "list:large", ...many(3_000, (i) => `element ${i}`)],
  ["RPUSH", "list:huge elements", "x".repeat(70_000), "y".repeat(5_000), "z"],
  ["HSET", "hash:small", "f", "v", "", "empty name", "n", "12"],
  ["HSET", "hash:large", ...many(2_000, (i) => [`field ${i}`, `${i}`])],
  ["HSET", "hash:long value", "f", "v".repeat(300)],
  ["SADD", "set:int16", "1", "-5", "30000"],
  ["SADD", "set:int32", "1", "-70000"],
  ["SADD", "set:int64", "1", "9223372036854775807"],
  ["SADD", "set:ints", ...many(1_000, (i) => String(i * 3))],
  ["SADD", "set:small", "a", "b", "3"],
  ["SADD", "set:large", ...many(2_000, (i) => `member ${i}`)],
  ["ZADD", "zset:small", "1.5", "a", "-inf", "b", "inf", "c", "0", "d", "1e300", "e", "-0.1", "f"],
  ["ZADD", "zset:large", ...many(2_000, (i) => [String(i / 7), `member ${i}`])],
  ["GEOADD", "geo", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"],
  ["XADD", "stream", "1-1", "f", "v"],
  ["XADD", "stream", "1-2", "f", "w"],
  ["XADD", "stream", "5-0", "other", "1", "fields", "2"],
  ["XDEL", "stream", "1-2"],
  ["XGROUP", "CREATE", "stream", "g1", "0"],
  ["XGROUP", "CREATE", "stream", "g2", "$"],
  ["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "1", "STREAMS", "stream", ">"],
  ["XGROUP", "CREATECONSUMER", "stream", "g1", "idle"],
  ["XGROUP", "CREATE", "stream:empty", "g", "$", "MKSTREAM"],
  ...Array.from({ length: 500 }, (_, i) => ["XADD", "stream:large", `${i + 1}-0`, "n", `${i}`]),
  ["XTRIM", "stream:large", "MAXLEN", "321"],
  ["SELECT", "9"],
  ["SET", "in another database", "1"],
];

realTest(
  "a dump with every type loads in redis-server with equal DEBUG DIGEST, and passes redis-check-rdb",
  async () => {
    const dir = await Deno.makeTempDir();
    let expected: [string, string];
    {
      await using server = await RedisServer.start({
        port: 0,
        dir,
        parameters: { save: "", "enable-debug-command": "yes" },
      });
      const replies = await batch(server.port, EVERYTHING);
      for (const [at, reply] of replies.entries()) {
        assertEquals(
          reply?.constructor?.name === "RespErrorReply",
          false,
          `${EVERYTHING[at]!.slice(0, 3)}: ${JSON.stringify(reply)}`,
        );
      }
      assertEquals(await command(server.port, "save"), "OK");
      expected = [await command(server.port, "debug", "digest"), await keyspace(server.port)];
    }
    const check = await new Deno.Command("redis-check-rdb", { args: [`${dir}/dump.rdb`] }).output();
    const said = new TextDecoder().decode(check.stdout);
    assertEquals(check.code, 0, said);
    assertMatch(said, /RDB looks OK/);
    assertEquals(await realDigest(dir), expected);
    await Deno.remove(dir, { recursive: true });
  },
);

realTest("DUMP of redis-server is read by RESTORE here, and the other way round", async () => {
  const dir = await Deno.makeTempDir();
  await using ours = await RedisServer.start({
    port: 0,
    dir,
    parameters: { save: "", "enable-debug-command": "yes" },
  });
  // DUMP carries no expiry.
  const here = EVERYTHING.filter(([name, key]) => name !== "SELECT" && key !== "expires");
  const digests = async (server: number): Promise<Record<string, RespValue>> => {
    const found = await batch(server, keys[0].map((key) => ["DEBUG", "DIGEST-VALUE", key]));
    return Object.fromEntries(keys[0].map((key, i) => [key, found[i]!]));
  };
  await batch(ours.port, here);
  const keys = await batch(ours.port, [["KEYS", "*"]]) as [string[]];
  const dumped = await batch(ours.port, keys[0].map((key) => ["DUMP", key])) as string[];
  const probe = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = probe.addr;
  probe.close();
  const child = new Deno.Command("redis-server", {
    args: ["--port", String(port), "--dir", dir, "--save", "", "--enable-debug-command", "yes"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (let i = 0; i < 100 && await command(port, "ping") !== "PONG"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const there = keys[0].map((key, i) => ["RESTORE", key, "0", dumped[i]!]);
    assertEquals(new Set(await batch(port, there)), new Set(["OK"]));
    assertEquals(await digests(ours.port), await digests(port));
    const back = await batch(port, keys[0].map((key) => ["DUMP", key])) as string[];
    const restored = back.map((dump, i) => ["RESTORE", keys[0][i]!, "0", dump, "REPLACE"]);
    assertEquals(new Set(await batch(ours.port, restored)), new Set(["OK"]));
    assertEquals(await digests(ours.port), await digests(port));
  } finally {
    child.kill();
    await child.status;
  }
  await Deno.remove(dir, { recursive: true });
});

function present(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

realTest("rdb/dumps: DEBUG DIGEST equals that of redis-server", async () => {
  for (const { name } of Deno.readDirSync(dumps)) {
    const dir = await Deno.makeTempDir();
    await Deno.copyFile(`${dumps}/${name}`, `${dir}/dump.rdb`);
    const expected = await realDigest(dir);
    if (expected !== undefined) {
      await using server = await RedisServer.start({
        port: 0,
        dir,
        parameters: { save: "", "enable-debug-command": "yes" },
      });
      assertEquals(await command(server.port, "debug", "digest"), expected[0], name);
    }
    await Deno.remove(dir, { recursive: true });
  }
}, reason ?? (present(dumps) ? undefined : "the suites are not here"));
