import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import Redis from "npm:ioredis@5.4.2";
import { createClient } from "npm:redis@4.7.0";
import { RedisServer, RedisServerError } from "./server.ts";
import {
  encodeRequest,
  ReplyParser,
  RespErrorReply,
  type RespPush,
  type RespValue,
} from "./resp.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";

/** A connection that sends requests and reads replies in order. */
class Wire implements Disposable {
  readonly #parser = new ReplyParser();
  readonly #buffer = new Uint8Array(65_536);
  private constructor(readonly conn: Deno.TcpConn) {}
  static async to(server: RedisServer): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  }
  async send(...args: string[]): Promise<void> {
    await this.raw(encodeRequest(args));
  }
  async raw(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }
  async read(): Promise<RespValue> {
    for (;;) {
      const reply = this.#parser.next();
      if (reply !== undefined) return reply;
      const count = await this.conn.read(this.#buffer);
      if (count === null) throw new Error("connection ended");
      this.#parser.feed(this.#buffer.subarray(0, count));
    }
  }
  async call(...args: string[]): Promise<RespValue> {
    await this.send(...args);
    return await this.read();
  }
  [Symbol.dispose](): void {
    this.conn.close();
  }
}

const message = (reply: RespValue): string =>
  reply instanceof RespErrorReply ? reply.message : `no error: ${String(reply)}`;

Deno.test("`RedisServer` answers the session of the transcript", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  assertEquals(await wire.call("SET", "user:1:name", "Alice"), "OK");
  assertEquals(await wire.call("GET", "user:1:name"), "Alice");
  assertEquals(await wire.call("SETEX", "session:abc", "3600", "active"), "OK");
  assertEquals(await wire.call("TTL", "session:abc"), 3600);
  assertEquals(await wire.call("LPUSH", "queue:jobs", "job1", "job2", "job3"), 3);
  assertEquals(await wire.call("RPOP", "queue:jobs"), "job1");
  assertEquals(await wire.call("HSET", "user:1", "name", "Alice", "age", "30", "city", "NYC"), 3);
  assertEquals(await wire.call("HGETALL", "user:1"), ["name", "Alice", "age", "30", "city", "NYC"]);
  const info = await wire.call("INFO") as string;
  for (
    const field of [
      "# Server\r\nminiredis_version:1.0.0",
      "uptime_in_seconds:",
      "connected_clients:1",
      "used_memory:",
    ]
  ) {
    assertStringIncludes(info, field);
  }
});

Deno.test("`RedisServer` keeps keys and values that are no text apart", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
  assertEquals(await wire.call("SET", "\xff", all), "OK");
  assertEquals(await wire.call("SET", "\xfe", "other"), "OK");
  assertEquals(await wire.call("GET", "\xff"), all);
  assertEquals(await wire.call("STRLEN", "\xff"), 256);
});

Deno.test("`RedisServer` counts in int64 and says so at the end of it", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  await wire.call("SET", "n", "9223372036854775806");
  assertEquals(await wire.call("INCR", "n"), 9223372036854775807n);
  assertEquals(message(await wire.call("INCR", "n")), "ERR increment or decrement would overflow");
  await wire.call("SET", "f", "3.0");
  assertEquals(await wire.call("INCRBYFLOAT", "f", "1.1"), "4.1");
  // The sum in 64 bits of mantissa, as x87 computes it.
  assertEquals(await wire.call("INCRBYFLOAT", "f", "1.0e20"), "100000000000000000008");
});

Deno.test("`EXEC` refuses after an error while queueing, and runs on after an error while running", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  await wire.call("MULTI");
  assertStringIncludes(message(await wire.call("SET", "a")), "wrong number of arguments");
  assertStringIncludes(message(await wire.call("EXEC")), "EXECABORT");
  await wire.call("MULTI");
  await wire.call("SET", "a", "x");
  await wire.call("INCR", "a");
  await wire.call("SET", "b", "y");
  const replies = await wire.call("EXEC") as RespValue[];
  assertEquals(replies[0], "OK");
  assert(replies[1] instanceof RespErrorReply);
  assertEquals(await wire.call("GET", "b"), "y");
});

for (const how of ["SET k 2", "DEL k", "FLUSHALL", "SWAPDB 0 1", "EXPIRE k -1"]) {
  Deno.test(`\`WATCH\` sees ${how}`, async () => {
    await using server = await RedisServer.start({ port: 0 });
    using wire = await Wire.to(server);
    using other = await Wire.to(server);
    await wire.call("SET", "k", "1");
    await wire.call("WATCH", "k");
    await other.call(...how.split(" "));
    await wire.call("MULTI");
    await wire.call("PING");
    assertEquals(await wire.call("EXEC"), null);
  });
}

Deno.test("blocked clients are served in order of arrival, and one that left is skipped", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using pusher = await Wire.to(server);
  using first = await Wire.to(server);
  using third = await Wire.to(server);
  const second = await Wire.to(server);
  for (const wire of [first, second, third]) {
    await wire.send("BLPOP", "q", "0");
    await pusher.call("PING");
  }
  second[Symbol.dispose]();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await pusher.call("RPUSH", "q", "a", "b");
  assertEquals(await first.read(), ["q", "a"]);
  assertEquals(await third.read(), ["q", "b"]);
});

Deno.test("`SCAN` gives everything that was present throughout, while the table grows and shrinks", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  for (let i = 0; i < 400; i++) await wire.call("SET", `stay:${i}`, "1");
  for (let i = 0; i < 400; i++) await wire.call("SET", `go:${i}`, "1");
  const seen = new Set<string>();
  let cursor = "0";
  let turn = 0;
  do {
    const [next, keys] = await wire.call("SCAN", cursor, "COUNT", "20") as [string, string[]];
    for (const key of keys) seen.add(key);
    cursor = next;
    for (let i = 0; i < 15 && turn < 400; i++, turn++) {
      await wire.call("DEL", `go:${turn}`);
      await wire.call("SET", `new:${turn}`, "1");
    }
  } while (cursor !== "0");
  for (let i = 0; i < 400; i++) assert(seen.has(`stay:${i}`), `stay:${i} was not returned`);
});

Deno.test("keys expire when touched and in the background", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  await wire.call("SET", "a", "1", "PX", "20");
  await wire.call("SET", "b", "1", "PX", "20");
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(await wire.call("GET", "a"), null);
  for (let i = 0; i < 50 && await wire.call("DBSIZE") !== 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(await wire.call("DBSIZE"), 0);
});

Deno.test("`HELLO 3` gives maps, nulls, doubles and push messages", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  const hello = await wire.call("HELLO", "3") as Map<string, RespValue>;
  assertEquals(hello.get("proto"), 3);
  await wire.call("HSET", "h", "f", "v");
  assertEquals(await wire.call("HGETALL", "h"), new Map([["f", "v"]]));
  assertEquals(await wire.call("GET", "none"), null);
  await wire.call("ZADD", "z", "1.5", "m");
  assertEquals(await wire.call("ZSCORE", "z", "m"), 1.5);
  await wire.send("SUBSCRIBE", "ch");
  assertEquals((await wire.read() as RespPush).items, ["subscribe", "ch", 1]);
  await wire.send("PUBLISH", "ch", "hi");
  assertEquals(await wire.read(), 1);
  assertEquals((await wire.read() as RespPush).items, ["message", "ch", "hi"]);
});

Deno.test("`AUTH` guards everything, and small requests only are read before it", async () => {
  await using server = await RedisServer.start({ port: 0, password: "secret" });
  using wire = await Wire.to(server);
  assertEquals(message(await wire.call("GET", "a")), "NOAUTH Authentication required.");
  assertStringIncludes(message(await wire.call("AUTH", "wrong")), "WRONGPASS");
  using big = await Wire.to(server);
  await big.raw(new TextEncoder().encode("*2\r\n$3\r\nGET\r\n$20000000\r\n"));
  assertStringIncludes(message(await big.read()), "unauthenticated bulk length");
  assertEquals(await wire.call("AUTH", "default", "secret"), "OK");
  assertEquals(await wire.call("GET", "a"), null);
});

Deno.test("`maxmemory` refuses writes, or evicts, by its policy", async () => {
  await using server = await RedisServer.start({ port: 0, parameters: { maxmemory: "2mb" } });
  using wire = await Wire.to(server);
  let refused = "";
  for (let i = 0; i < 3000 && refused === ""; i++) {
    const reply = await wire.call("SET", `k${i}`, "x".repeat(1000));
    if (reply instanceof RespErrorReply) refused = reply.message;
  }
  assertEquals(refused, "OOM command not allowed when used memory > 'maxmemory'.");
  assertEquals(await wire.call("GET", "k1"), "x".repeat(1000));
  assertEquals(await wire.call("DEL", "k1"), 1);
  await wire.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  for (let i = 0; i < 1000; i++) {
    assertEquals(await wire.call("SET", `n${i}`, "x".repeat(1000)), "OK");
  }
  assertEquals(await wire.call("GET", "n999"), "x".repeat(1000));
});

Deno.test("a subscriber that never reads is closed at its limit, others are unaffected", async () => {
  await using server = await RedisServer.start({
    port: 0,
    parameters: { "client-output-buffer-limit": "pubsub 1mb 0 0" },
  });
  using slow = await Wire.to(server);
  await slow.call("SUBSCRIBE", "ch");
  using wire = await Wire.to(server);
  const text = "x".repeat(100_000);
  let receivers: RespValue = 1;
  for (let i = 0; i < 400 && receivers === 1; i++) {
    receivers = await wire.call("PUBLISH", "ch", text);
  }
  assertEquals(receivers, 0);
  assertEquals(await wire.call("PING"), "PONG");
});

Deno.test("random bytes are answered with an error or nothing, and the server lives on", async () => {
  await using server = await RedisServer.start({ port: 0 });
  const seed = Date.now() % 100_000;
  let state = seed;
  const random = (): number => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  for (let round = 0; round < (SOAK ? 2000 : 60); round++) {
    using wire = await Wire.to(server);
    const alphabet = "*$+-:\r\n0123456789abSETGET \"'\\\x00\xff";
    let text = random() < 0.5 ? "*" : "";
    for (let i = 0; i < 60; i++) text += alphabet[Math.floor(random() * alphabet.length)];
    await wire.raw(Uint8Array.from(text, (char) => char.charCodeAt(0)));
  }
  using wire = await Wire.to(server);
  assertEquals(await wire.call("PING"), "PONG", `seed ${seed}`);
});

for (
  const [bytes, error] of [
    ["*-10\r\nPING\r\n", "PONG"],
    ["*3000000000\r\n", "Protocol error: invalid multibulk length"],
    ["*1\r\n$3000000000\r\n", "Protocol error: invalid bulk length"],
    ["*1\r\n!3\r\n", "Protocol error: expected '$', got '!'"],
    ['SET "a\r\n', "Protocol error: unbalanced quotes in request"],
  ] as const
) {
  Deno.test(`${JSON.stringify(bytes)} is answered with ${error}`, async () => {
    await using server = await RedisServer.start({ port: 0 });
    using wire = await Wire.to(server);
    await wire.raw(new TextEncoder().encode(bytes));
    const reply = await wire.read();
    assertEquals(reply instanceof RespErrorReply ? reply.message.slice(4) : reply, error);
  });
}

Deno.test("ioredis works unmodified", async () => {
  await using server = await RedisServer.start({ port: 0 });
  const redis = new Redis.default({ port: server.port, host: "127.0.0.1" });
  try {
    await redis.set("a", "é");
    assertEquals(await redis.get("a"), "é");
    assertEquals(await redis.multi().incr("n").incr("n").exec(), [[null, 1], [null, 2]]);
    await redis.xadd("s", "1-1", "f", "v");
    assertEquals(await redis.xread("STREAMS", "s", "0"), [["s", [["1-1", ["f", "v"]]]]]);
  } finally {
    await redis.quit();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

Deno.test("node-redis works unmodified", async () => {
  await using server = await RedisServer.start({ port: 0 });
  const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
  await client.connect();
  try {
    await client.hSet("h", { a: "1", b: "2" });
    assertEquals({ ...(await client.hGetAll("h")) }, { a: "1", b: "2" });
    await client.zAdd("z", [{ score: 2, value: "b" }, { score: 1, value: "a" }]);
    assertEquals(await client.zRange("z", 0, -1), ["a", "b"]);
  } finally {
    await client.quit();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

Deno.test("`RedisServer.start()` says that a port is taken", async () => {
  await using server = await RedisServer.start({ port: 0 });
  const error = await assertRejects(
    () => RedisServer.start({ port: server.port }),
    RedisServerError,
  );
  assertEquals(error.code, "ERR_LISTEN");
});
