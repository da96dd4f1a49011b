/** What hostile and careless clients do: the server stays small, answers others, and never fails itself. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeRequest, ReplyParser, RespErrorReply, type RespValue } from "./resp.ts";
import { RedisServer } from "./server.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";

class Wire implements Disposable {
  readonly #parser = new ReplyParser();
  readonly #buffer = new Uint8Array(65_536);
  private constructor(readonly conn: Deno.TcpConn) {}
  static async to(port: number): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: "127.0.0.1", port }));
  }
  async raw(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
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
    await this.raw(encodeRequest(args));
    return await this.read();
  }
  /** Sends requests and reads as many replies; an end of the connection ends the list. */
  async batch(requests: readonly string[][]): Promise<RespValue[]> {
    const replies: RespValue[] = [];
    const writing = (async () => {
      for (const request of requests) await this.raw(encodeRequest(request));
    })().catch(() => {});
    try {
      while (replies.length < requests.length) replies.push(await this.read());
    } catch {
      // The server closed it.
    }
    await writing;
    return replies;
  }
  [Symbol.dispose](): void {
    this.conn.close();
  }
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** A server in a process of its own, so that its memory can be told from ours. */
async function serverProcess(): Promise<{ port: number; pid: number } & AsyncDisposable> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  const mod = new URL("./server.ts", import.meta.url).href;
  await Deno.writeTextFile(
    script,
    `import { RedisServer } from ${JSON.stringify(mod)};\n` +
      `const server = await RedisServer.start({ port: 0, parameters: { maxclients: "20000" } });\n` +
      `console.log(server.port);\nawait server.finished;\n`,
  );
  const map = new URL("../../.ci/std_npm.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `--import-map=${map}`, script],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value));
  return {
    port,
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
      await Deno.remove(script);
    },
  };
}

async function fieldOf(wire: Wire, section: string, field: string): Promise<number> {
  const info = await wire.call("INFO", section) as string;
  return Number(new RegExp(`${field}:([0-9.]+)`).exec(info)?.[1]);
}

const CLIENTS = SOAK ? 10_000 : 300;

Deno.test(`${CLIENTS} idle and slow clients cost little, and others are unaffected`, async () => {
  await using server = await serverProcess();
  using other = await Wire.to(server.port);
  await other.call("SET", "k", "v");
  const before = await fieldOf(other, "memory", "used_memory_rss");
  const clients: Wire[] = [];
  try {
    for (let i = 0; i < CLIENTS; i++) {
      const client = await Wire.to(server.port);
      clients.push(client);
      // A third stays idle, a third is in the middle of a header, a third of an argument said to be huge.
      if (i % 3 === 1) await client.raw("*3\r\n$3\r\nSET\r\n$");
      if (i % 3 === 2) await client.raw("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$500000000\r\nx");
    }
    const times: number[] = [];
    for (let i = 0; i < (SOAK ? 5_000 : 300); i++) {
      // The slow ones go on, a byte at a time.
      const slow = clients[(i * 3 + 2) % clients.length]!;
      if ((i * 3 + 2) % clients.length % 3 === 2) await slow.raw("x");
      const start = performance.now();
      assertEquals(await other.call("GET", "k"), "v");
      times.push(performance.now() - start);
    }
    const after = await fieldOf(other, "memory", "used_memory_rss");
    assertEquals(await fieldOf(other, "clients", "connected_clients"), CLIENTS + 1);
    const each = (after - before) / CLIENTS;
    if (SOAK) {
      times.sort((a, b) => a - b);
      console.log(
        `${CLIENTS} clients: ${Math.round(each)} bytes each; GET of another: p50 ${
          times[times.length >> 1]!.toFixed(2)
        } ms, p99 ${times[Math.floor(times.length * 0.99)]!.toFixed(2)} ms`,
      );
      assert(each < 48_000, `${each} bytes a client`);
    }
    assert(after - before < 64e6 + CLIENTS * 48_000, `${after - before} bytes`);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

Deno.test("a client that asks much and never reads is held at its limit, and others are unaffected", async () => {
  await using server = await serverProcess();
  using other = await Wire.to(server.port);
  await other.call("SET", "big", "x".repeat(1 << 20));
  const before = await fieldOf(other, "memory", "used_memory_rss");
  const rounds = SOAK ? 1_000 : 400;
  using greedy = await Wire.to(server.port);
  const asking = greedy.raw(
    new TextEncoder().encode("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n".repeat(rounds)),
  ).catch(() => {});
  for (let i = 0; i < 50; i++) {
    assertEquals(await other.call("PING"), "PONG");
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  const pending = /omem=(\d+)/.exec(
    (await other.call("CLIENT", "LIST") as string).split("\n").find((line) =>
      line.includes("cmd=get")
    )!,
  );
  assert(Number(pending![1]) < 80e6, `${pending![1]} bytes wait`);
  const after = await fieldOf(other, "memory", "used_memory_rss");
  assert(after - before < 400e6, `${after - before} bytes`);
  // It gets all of its replies once it reads.
  let received = 0;
  const buffer = new Uint8Array(1 << 20);
  const whole = rounds * ((1 << 20) + 12);
  while (received < (SOAK ? whole : Math.min(whole, 200e6))) {
    received += await greedy.conn.read(buffer) ?? 0;
  }
  if (!SOAK) greedy.conn.closeWrite();
  else assertEquals(received, whole);
  await asking;
});

Deno.test("subscribers and monitors that never read are closed at their limits", async () => {
  await using server = await serverProcess();
  using other = await Wire.to(server.port);
  const limit = "normal 0 0 0 slave 8388608 0 0 pubsub 4194304 0 0";
  await other.call("CONFIG", "SET", "client-output-buffer-limit", limit);
  const before = await fieldOf(other, "memory", "used_memory_rss");
  const deaf: Wire[] = [];
  for (let i = 0; i < (SOAK ? 50 : 4); i++) {
    const client = await Wire.to(server.port);
    if (i % 2 === 0) await client.call("SUBSCRIBE", "news");
    else await client.call("MONITOR");
    deaf.push(client);
  }
  const message = "m".repeat(100_000);
  for (let i = 0; i < 300; i++) await other.call("PUBLISH", "news", message);
  assertEquals(await other.call("PUBLISH", "news", "x"), 0);
  assertEquals(await fieldOf(other, "clients", "connected_clients"), 1);
  const after = await fieldOf(other, "memory", "used_memory_rss");
  assert(after - before < 250e6 + deaf.length * 9e6, `${after - before} bytes`);
  for (const client of deaf) client[Symbol.dispose]();
});

Deno.test("every command answers random arguments, and none fails in the server itself", async () => {
  await using server = await RedisServer.start({ port: 0 });
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  using first = await Wire.to(server.port);
  const names = await first.call("COMMAND", "LIST") as string[];
  const waits =
    /^(shutdown|monitor|sync|psync|quit|wait|waitaof|debug|b[lrz].*|client\|pause|client\|reply|hello|xread.*)$/;
  const words = ["", "0", "1", "-1", "2", "10", "100", "3.5", "-inf", "nan", "9223372036854775807"];
  words.push(
    "-9223372036854775808",
    "1e400",
    "a",
    "b",
    "k",
    "*",
    "[a-",
    "\xff\x00",
    "x".repeat(300),
  );
  words.push(
    "count",
    "limit",
    "match",
    "withscores",
    "nx",
    "xx",
    "get",
    "ex",
    "px",
    "left",
    "right",
  );
  words.push(
    "weights",
    "aggregate",
    "min",
    "byscore",
    "rev",
    "bylex",
    "(1",
    "[a",
    "+",
    "-",
    "$",
    ">",
  );
  words.push(
    "1-1",
    "5-*",
    "streams",
    "group",
    "maxlen",
    "~",
    "=",
    "fromlonlat",
    "byradius",
    "m",
    "asc",
  );
  words.push(
    "u8",
    "i64",
    "#1",
    "overflow",
    "sat",
    "incrby",
    "and",
    "not",
    "#",
    "store",
    "by",
    "alpha",
  );
  const keys = ["string", "list", "hash", "set", "zset", "stream", "geo", "hll", "absent"];
  const seeded: string[][] = [
    ["FLUSHALL"],
    ["SET", "string", "12"],
    ["RPUSH", "list", "a", "b", "3"],
    ["HSET", "hash", "a", "1", "b", "x"],
    ["SADD", "set", "1", "2", "a"],
    ["ZADD", "zset", "1", "a", "2", "b", "inf", "c"],
    ["XADD", "stream", "1-1", "a", "b"],
    ["XGROUP", "CREATE", "stream", "group", "0"],
    ["GEOADD", "geo", "13", "38", "a", "15", "37", "b"],
    ["PFADD", "hll", "a", "b"],
  ];
  let answered = 0;
  for (let round = 0; round < (SOAK ? 400 : 12); round++) {
    using wire = await Wire.to(server.port);
    const requests: string[][] = [...seeded];
    for (const name of names) {
      if (waits.test(name)) continue;
      for (let n = 0; n < 4; n++) {
        const args = name.split("|");
        const count = random(9);
        for (let i = 0; i < count; i++) {
          args.push(
            i === 0 || random(4) === 0 ? keys[random(keys.length)]! : words[random(words.length)]!,
          );
        }
        requests.push(args);
      }
    }
    const replies = await wire.batch(requests);
    answered += replies.length;
    for (const [at, reply] of replies.entries()) {
      if (!(reply instanceof RespErrorReply) || !reply.message.includes("internal error")) continue;
      throw new Error(`seed ${seed}: ${reply.message} (about request ${at} of round ${round})`);
    }
  }
  assert(answered > 1_000, `${answered} replies`);
  assertEquals(await first.call("PING"), "PONG");
});

Deno.test("random requests, cut and spliced anywhere, are answered or refused", async () => {
  await using server = await RedisServer.start({ port: 0 });
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  for (let round = 0; round < (SOAK ? 5_000 : 80); round++) {
    using wire = await Wire.to(server.port);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 12; i++) {
      const bytes = encodeRequest(["SET", "k".repeat(random(20)), "\x00".repeat(random(90))]);
      for (let n = random(3); n > 0; n--) bytes[random(bytes.length)] = random(256);
      parts.push(bytes.subarray(0, random(5) === 0 ? random(bytes.length) : bytes.length));
    }
    for (const part of parts) {
      try {
        await wire.raw(part);
      } catch {
        break;
      }
    }
  }
  using wire = await Wire.to(server.port);
  assertEquals(await wire.call("PING"), "PONG", `seed ${seed}`);
});

Deno.test("lengths without end are refused before anything is allocated", async () => {
  await using server = await RedisServer.start({ port: 0 });
  for (
    const [text, error] of [
      ["*1000000000000\r\n", "invalid multibulk length"],
      ["*1\r\n$999999999999\r\n", "invalid bulk length"],
      ["*" + "1".repeat(70_000), "too big mbulk count string"],
      ["*1\r\n$" + "1".repeat(70_000), "too big bulk count string"],
      ["a".repeat(70_000), "too big inline request"],
    ] as const
  ) {
    using wire = await Wire.to(server.port);
    await wire.raw(text);
    const reply = await wire.read();
    assert(reply instanceof RespErrorReply);
    assertStringIncludes(reply.message, error);
  }
  // A count that is allowed costs nothing until arguments arrive.
  using wire = await Wire.to(server.port);
  await wire.raw("*2000000000\r\n$4\r\nPING\r\n");
  using other = await Wire.to(server.port);
  assertEquals(await other.call("PING"), "PONG");
});

Deno.test("answers that would be huge are refused", async () => {
  await using server = await RedisServer.start({ port: 0 });
  using wire = await Wire.to(server.port);
  const refused: [string[], string][] = [
    [["SETRANGE", "a", "9000000000", "x"], "maximum allowed size"],
    [["SETBIT", "a", "4294967296000", "1"], "bit offset is not an integer"],
    [["BITFIELD", "a", "SET", "u8", "99999999999", "1"], "bit offset is not an integer"],
    [["SRANDMEMBER", "s", "-9223372036854775808"], "out of range"],
    [["HRANDFIELD", "h", "-9223372036854775807", "WITHVALUES"], "out of range"],
    [["ZRANDMEMBER", "z", "-9223372036854775807", "WITHSCORES"], "out of range"],
  ];
  await wire.call("SADD", "s", "a");
  await wire.call("HSET", "h", "a", "1");
  await wire.call("ZADD", "z", "1", "a");
  for (const [request, error] of refused) {
    const reply = await wire.call(...request);
    assert(reply instanceof RespErrorReply, request.join(" "));
    assertStringIncludes(reply.message, error);
  }
});
