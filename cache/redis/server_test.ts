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

Deno.test("many keys that expire at once are removed soon, in short steps", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  const count = SOAK ? 300_000 : 20_000;
  const requests = Array.from(
    { length: count },
    (_, i) => encodeRequest(["SET", `k${i}`, "v", "PX", "1"]),
  );
  const at = String(Date.now() + 60_000);
  await wire.call("SET", "stays", "v", "PXAT", at);
  const writing = (async () => {
    for (let i = 0; i < count; i += 1_000) {
      await wire.raw(
        new Uint8Array(await new Blob(requests.slice(i, i + 1_000) as BlobPart[]).arrayBuffer()),
      );
    }
  })();
  for (let i = 0; i < count; i++) assertEquals(await wire.read(), "OK");
  await writing;
  while (await wire.call("DBSIZE") !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
  const stats = await wire.call("INFO", "stats") as string;
  assertStringIncludes(stats, `expired_keys:${count}`);
});

Deno.test("`EXEC` is not refused because a watched key that had expired before was removed", async () => {
  await using server = await RedisServer.start({
    port: 0,
    parameters: { "enable-debug-command": "yes" },
  });
  using wire = await Wire.to(server);
  using other = await Wire.to(server);
  await wire.call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  const ways: [string[][], RespValue][] = [
    [[["DEL", "k"]], ["PONG"]],
    [[["FLUSHDB"]], ["PONG"]],
    [[["GET", "k"]], ["PONG"]],
    [[["SWAPDB", "0", "1"]], ["PONG"]],
    [[["SET", "k", "new"]], null],
    [[["DEL", "k"], ["SET", "k", "new"]], null],
  ];
  for (const [changes, expected] of ways) {
    await wire.call("SET", "k", "v", "PX", "1");
    await new Promise((resolve) => setTimeout(resolve, 3));
    assertEquals(await wire.call("WATCH", "k"), "OK");
    for (const change of changes) await other.call(...change);
    await wire.call("MULTI");
    await wire.call("PING");
    assertEquals(await wire.call("EXEC"), expected, changes.join("; "));
    await wire.call("FLUSHALL");
  }
});

Deno.test("`SCAN` with TYPE refuses unknown types, and leaves expired keys of other types alone", async () => {
  await using server = await RedisServer.start({
    port: 0,
    parameters: { "enable-debug-command": "yes" },
  });
  using wire = await Wire.to(server);
  await wire.call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  assertEquals(
    message(await wire.call("SCAN", "0", "TYPE", "string1")),
    "ERR unknown type name 'string1'",
  );
  await wire.call("SET", "s", "v", "PX", "1");
  await wire.call("HSET", "h", "f", "v");
  await wire.call("PEXPIRE", "h", "1");
  await new Promise((resolve) => setTimeout(resolve, 3));
  assertEquals(await wire.call("SCAN", "0", "TYPE", "string"), ["0", []]);
  assertEquals(await wire.call("DBSIZE"), 1);
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

Deno.test("an invalidation that serving a blocked client causes follows the client's reply", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using reader = await Wire.to(server);
  using writer = await Wire.to(server);
  await writer.call("RPUSH", "to", "a");
  await reader.call("HELLO", "3");
  await reader.call("CLIENT", "TRACKING", "on");
  assertEquals(await reader.call("LRANGE", "to", "0", "-1"), ["a"]);
  await reader.send("BLMOVE", "from", "to", "LEFT", "LEFT", "0");
  while (!/blocked_clients:1/.test(await writer.call("INFO", "clients") as string));
  await writer.call("RPUSH", "from", "b");
  assertEquals(await reader.read(), "b");
  assertEquals((await reader.read() as RespPush).items, ["invalidate", ["to"]]);
});

Deno.test("members around a position come in the order of the cells that are searched", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  const add = (key: string, ...rest: string[]) => wire.call("GEOADD", key, ...rest);
  await add("nyc", "-73.9454966", "40.747533", "lic market");
  await add("nyc", "-73.9733487", "40.7648057", "central park n/q/r");
  await add("nyc", "-73.9903085", "40.7362513", "union square");
  await add("nyc", "-74.0131604", "40.7126674", "wtc one");
  await add("nyc", "-73.7858139", "40.6428986", "jfk");
  await add("nyc", "-73.9375699", "40.7498929", "q4");
  await add("nyc", "-73.9564142", "40.7480973", "4545");
  const near = ["GEORADIUS", "nyc", "-73.9798091", "40.7598464", "10", "km"];
  assertEquals(await wire.call(...near, "COUNT", "3", "ANY"), [
    "wtc one",
    "union square",
    "central park n/q/r",
  ]);
  assertEquals(await wire.call(...near, "COUNT", "3", "ANY", "ASC"), [
    "central park n/q/r",
    "union square",
    "wtc one",
  ]);
  await add("poles", "45", "65", "n1", "-135", "85.05", "n2");
  assertEquals(await wire.call("GEORADIUSBYMEMBER", "poles", "n1", "5009431", "m"), ["n1", "n2"]);
});

Deno.test("`GEOSEARCH` by its cells finds what a look at every member finds", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  const points: [number, number][] = [];
  const add = ["GEOADD", "g"];
  for (let i = 0; i < 2_000; i++) {
    const point: [number, number] = [random() * 360 - 180, random() * 140 - 70];
    points.push(point);
    add.push(String(point[0]), String(point[1]), String(i));
  }
  await wire.call(...add);
  const stored = await wire.call("GEOPOS", "g", ...points.map((_, i) => String(i))) as string[][];
  const radians = Math.PI / 180;
  const metres = (lon1: number, lat1: number, lon2: number, lat2: number): number => {
    const u = Math.sin((lat2 - lat1) * radians / 2);
    const v = Math.sin((lon2 - lon1) * radians / 2);
    return 2 * 6372797.560856 *
      Math.asin(Math.sqrt(u * u + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * v * v));
  };
  for (let round = 0; round < 100; round++) {
    // The date line is where real servers miss members, too: searches stay clear of it.
    const lon = random() * 160 - 80;
    const lat = random() * 100 - 50;
    const radius = 10 ** (3 + random() * 3.2);
    const expected = stored.map((place, i) => ({ i, place }))
      .filter(({ place }) => metres(lon, lat, Number(place[0]), Number(place[1])) <= radius)
      .map(({ i }) => String(i));
    const found = await wire.call(
      ...["GEOSEARCH", "g", "FROMLONLAT", String(lon), String(lat)],
      ...["BYRADIUS", String(radius), "m"],
    ) as string[];
    assertEquals(found.toSorted(), expected.toSorted(), `seed ${seed}, round ${round}`);
  }
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

Deno.test("`SWAPDB` names the index that is no number before one that is out of range", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  const swap = async (...args: string[]) => message(await wire.call("SWAPDB", ...args));
  assertEquals(await swap("44", "a"), "ERR invalid second DB index");
  assertEquals(await swap("a", "55"), "ERR invalid first DB index");
  assertEquals(await swap("44", "55"), "ERR DB index is out of range");
  assertEquals(await wire.call("SWAPDB", "0", "0"), "OK");
});

Deno.test("`CONFIG SET maxmemory` evicts at once, not with the next command", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  using listener = await Wire.to(server);
  await wire.call("CONFIG", "SET", "notify-keyspace-events", "Ee");
  await wire.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await wire.call("SET", "foo", "bar");
  await listener.call("SUBSCRIBE", "__keyevent@0__:evicted");
  await wire.call("CONFIG", "SET", "maxmemory", "1");
  assertEquals(await listener.read(), ["message", "__keyevent@0__:evicted", "foo"]);
});

Deno.test("a request above `client-query-buffer-limit` ends the connection, and is counted", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  await wire.call("CONFIG", "SET", "client-query-buffer-limit", "1048576");
  {
    using big = await Wire.to(server);
    await assertRejects(() => big.call("SET", "k", "a".repeat(1 << 20)));
  }
  const info = await wire.call("INFO", "stats") as string;
  assertStringIncludes(info, "client_query_buffer_limit_disconnections:1");
  assertEquals(await wire.call("EXISTS", "k"), 0);
});

Deno.test("a reply above the output limit is not sent, and its connection ends", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  await wire.call("SET", "k", "a".repeat(100_000));
  await wire.call("CONFIG", "SET", "client-output-buffer-limit", "normal 10 0 0");
  {
    using reader = await Wire.to(server);
    await assertRejects(() => reader.call("GET", "k"));
  }
  assertStringIncludes(
    await wire.call("INFO", "stats") as string,
    "client_output_buffer_limit_disconnections:1",
  );
});

Deno.test("statistics of commands: errors inside EXEC, CLIENT UNBLOCK, percentiles, cycles", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server);
  using waiter = await Wire.to(server);
  await wire.call("MULTI");
  await wire.call("SET", "a", "b");
  await wire.call("LPUSH", "a", "x");
  await wire.call("EXEC");
  const id = await waiter.call("CLIENT", "ID");
  await waiter.send("BLPOP", "nothing", "0");
  while (!/blocked_clients:1/.test(await wire.call("INFO", "clients") as string));
  assertEquals(await wire.call("CLIENT", "UNBLOCK", String(id), "ERROR"), 1);
  assertStringIncludes(message(await waiter.read()), "UNBLOCKED");
  const stats = await wire.call("INFO", "commandstats") as string;
  const failed = (name: string): string =>
    new RegExp(`cmdstat_${name}:calls=1,.*failed_calls=(\\d+)`).exec(stats)?.[1] ?? "none";
  assertEquals(["exec", "lpush", "set", "blpop"].map(failed), ["0", "1", "0", "1"]);
  const percentiles = "latency-tracking-info-percentiles";
  assertEquals(await wire.call("CONFIG", "SET", percentiles, "0.0 50.0 100.0"), "OK");
  assertEquals(await wire.call("CONFIG", "GET", percentiles), [percentiles, "0 50 100"]);
  for (const bad of ["10 a", "10 101"]) {
    assertStringIncludes(
      message(await wire.call("CONFIG", "SET", percentiles, bad)),
      "ERR CONFIG SET failed",
    );
  }
  const cycles = /eventloop_cycles:(\d+)/.exec(await wire.call("INFO", "stats") as string);
  assert(Number(cycles![1]) > 10);
  assertEquals(await wire.call("MODULE", "LIST"), []);
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
