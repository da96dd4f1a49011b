import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { parseRedisUrl } from "./_settings.ts";
import {
  RedisClient,
  RedisConnectionError,
  RedisReplyError,
  RedisTimeoutError,
  RedisTransactionError,
  RedisUsageError,
} from "./mod.ts";
import {
  HAS_REDIS,
  Proxy,
  ScriptedServer,
  startOwn,
  startReal,
  type TestServer,
  WITHOUT_REDIS,
} from "./servers_test.ts";

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Registers a test for our own server and one for the reference. */
function both(name: string, fn: (start: typeof startOwn) => Promise<void>): void {
  Deno.test(`${name}, on our own server`, () => fn(startOwn));
  Deno.test({
    name: `${name}, on redis-server${WITHOUT_REDIS}`,
    ignore: !HAS_REDIS,
    fn: () =>
      fn(async (options = {}): Promise<TestServer> => {
        const args = options.password === undefined ? [] : ["--requirepass", options.password];
        return await startReal({ args });
      }),
  });
}

Deno.test("`parseRedisUrl()` takes URLs apart", () => {
  assertEquals(parseRedisUrl("redis://"), {});
  assertEquals(parseRedisUrl("redis://h"), { hostname: "h" });
  assertEquals(parseRedisUrl("rediss://al%40ice:p%3Aw@[::1]:7000/3"), {
    username: "al@ice",
    password: "p:w",
    hostname: "::1",
    port: 7000,
    db: 3,
    tls: true,
  });
  assertEquals(parseRedisUrl("redis://:secret@h?db=2"), {
    password: "secret",
    hostname: "h",
    db: 2,
  });
  assertEquals(parseRedisUrl("unix:///run/redis.sock?db=1"), { path: "/run/redis.sock", db: 1 });
  for (
    const url of [
      "",
      "http://h",
      "redis://h/x",
      "redis://h:99999",
      "redis://%zz@h",
      "unix:///a?db=-1",
    ]
  ) {
    assertThrows(() => parseRedisUrl(url), RedisUsageError, "Cannot read the Redis URL", url);
  }
});

both("`RedisClient.connect()` authenticates, selects and names", async (start) => {
  await using server = await start({ password: "p:w/1" });
  const url = `redis://:${encodeURIComponent("p:w/1")}@127.0.0.1:${server.port}/2`;
  for (const protocol of [2, 3] as const) {
    await using redis = await RedisClient.connect(url, { clientName: "tester", protocol });
    assertEquals(redis.state, "ready");
    assertEquals(redis.protocol, protocol);
    assertEquals(await redis.command("CLIENT", "GETNAME"), "tester");
    await redis.set("where", "db2");
    await using other = await RedisClient.connect({
      port: server.port,
      password: "p:w/1",
      protocol,
    });
    assertEquals(await other.get("where"), null);
  }
  for (const password of ["wrong", undefined]) {
    const error = await assertRejects(
      () => RedisClient.connect({ port: server.port, ...(password ? { password } : { db: 1 }) }),
      RedisReplyError,
    );
    assertEquals(error.code, password ? "WRONGPASS" : "NOAUTH");
  }
  await assertRejects(
    () => RedisClient.connect({ port: server.port, password: "p:w/1", db: 99 }),
    RedisReplyError,
    "out of range",
  );
});

Deno.test("`RedisClient.connect()` says when there is no server, or none that answers", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const slow = await assertRejects(
    () => RedisClient.connect({ port, connectTimeoutMs: 30 }),
    RedisTimeoutError,
    `Cannot connect to 127.0.0.1:${port}`,
  );
  assertEquals([slow.timeoutMs, slow.sent], [30, false]);
  const reason = new Error("enough");
  const aborted = await assertRejects(
    () => RedisClient.connect({ port }, { signal: AbortSignal.any([AbortSignal.timeout(20)]) }),
    DOMException,
  );
  assertEquals(aborted.name, "TimeoutError");
  await assertRejects(
    () => RedisClient.connect({ port }, { signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  listener.close();
  const refused = await assertRejects(() => RedisClient.connect({ port }), RedisConnectionError);
  assertEquals(refused.code, "ERR_REDIS_CONNECT");
  await assertRejects(() => RedisClient.connect("http://x"), RedisUsageError);
  await assertRejects(() => RedisClient.connect({ port: -1 }), RedisUsageError, "port");
});

Deno.test("`RedisClient.connect()` falls back to RESP2 where HELLO is not known", async () => {
  for (
    const refusal of [
      "-ERR unknown command 'HELLO'\r\n",
      "-NOPROTO unsupported protocol version\r\n",
    ]
  ) {
    const requests: string[] = [];
    await using server = new ScriptedServer((words) => {
      requests.push(words.join(" "));
      if (words[0] === "HELLO") return refusal;
      if (words[0] === "HGETALL") return "*2\r\n$1\r\na\r\n$1\r\nb\r\n";
      return "+OK\r\n";
    });
    await using redis = await RedisClient.connect({
      port: server.port,
      username: "u",
      password: "p",
      clientName: "n",
      db: 1,
    });
    assertEquals(redis.protocol, 2);
    assertEquals(await redis.hgetall("x"), new Map([["a", "b"]]));
    assertEquals(requests, [
      "HELLO 3 AUTH u p SETNAME n",
      "AUTH u p",
      "CLIENT SETNAME n",
      "SELECT 1",
      "HGETALL x",
    ]);
  }
});

/** Makes a certificate authority and a certificate of it for localhost; undefined without openssl. */
async function makeCertificates(): Promise<
  { ca: string; cert: string; key: string; dir: string } | undefined
> {
  const dir = await Deno.makeTempDir();
  const openssl = async (...args: string[]): Promise<void> => {
    const command = new Deno.Command("openssl", { args, cwd: dir, stdout: "null", stderr: "null" });
    assert((await command.output()).success, `openssl ${args.join(" ")}`);
  };
  try {
    await Deno.writeTextFile(
      `${dir}/leaf.ext`,
      "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    );
    const newKey = ["-newkey", "rsa:2048", "-nodes"];
    await openssl(
      "req",
      "-x509",
      ...newKey,
      "-days",
      "2",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-subj",
      "/CN=CA",
    );
    await openssl(
      "req",
      ...newKey,
      "-keyout",
      "key.pem",
      "-out",
      "req.pem",
      "-subj",
      "/CN=localhost",
    );
    await openssl(
      ...["x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-days", "2", "-extfile", "leaf.ext", "-out", "cert.pem"],
    );
    const read = (name: string): Promise<string> => Deno.readTextFile(`${dir}/${name}`);
    return {
      ca: await read("ca.pem"),
      cert: await read("cert.pem"),
      key: await read("key.pem"),
      dir,
    };
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const certificates = await makeCertificates();
globalThis.addEventListener("unload", () => {
  if (certificates !== undefined) Deno.removeSync(certificates.dir, { recursive: true });
});

Deno.test({
  name: "`RedisClient.connect()` speaks TLS, and verifies whom it speaks to" +
    (certificates === undefined ? " (ignored: openssl is not installed)" : WITHOUT_REDIS),
  ignore: certificates === undefined || !HAS_REDIS,
  async fn() {
    const { ca, cert, key, dir } = certificates!;
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const tlsPort = listener.addr.port;
    listener.close();
    await using _server = await startReal({
      args: [
        ...["--tls-port", String(tlsPort), "--tls-cert-file", `${dir}/cert.pem`],
        ...["--tls-key-file", `${dir}/key.pem`, "--tls-ca-cert-file", `${dir}/ca.pem`],
        ...["--tls-auth-clients", "optional"],
      ],
    });
    const url = `rediss://localhost:${tlsPort}`;
    await using redis = await RedisClient.connect(url, { tls: { caCerts: [ca] } });
    await redis.set("a", "é".repeat(100_000));
    assertEquals((await redis.get("a"))!.length, 100_000);
    assertEquals(
      await Promise.all(Array.from({ length: 1_000 }, () => redis.incr("n"))),
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    );
    await using named = await RedisClient.connect(url, { tls: { caCerts: [ca], cert, key } });
    assertEquals(await named.ping(), "PONG");
    const untrusted = await assertRejects(() => RedisClient.connect(url), RedisConnectionError);
    assertEquals(untrusted.code, "ERR_REDIS_CONNECT");
    await assertRejects(
      () => RedisClient.connect(`rediss://127.0.0.1:${tlsPort}`, { tls: { caCerts: [ca] } }),
      RedisConnectionError,
    );
  },
});

Deno.test({
  name: `\`RedisClient.connect()\` takes the path of a Unix socket${WITHOUT_REDIS}`,
  ignore: !HAS_REDIS,
  async fn() {
    const dir = await Deno.makeTempDir();
    try {
      await using server = await startReal({ args: ["--unixsocket", `${dir}/s`] });
      // The server opens the path before or after the port.
      await using ready = await RedisClient.connect({ port: server.port });
      assertEquals(await ready.ping(), "PONG");
      await using redis = await RedisClient.connect(`unix://${dir}/s?db=1`);
      assertEquals(await redis.set("a", 1), true);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("`RedisClient` writes the commands of one tick at once, and matches replies in order", async () => {
  await using server = new ScriptedServer((words) =>
    words[0] === "HELLO" ? "-ERR unknown command\r\n" : `+${words[1]}\r\n`
  );
  await using redis = await RedisClient.connect({ port: server.port });
  const before = server.reads;
  const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => redis.echo(String(i))));
  assertEquals(replies, Array.from({ length: 100 }, (_, i) => String(i)));
  assertEquals(server.reads - before, 1);
  // Loops that await join each other's writes.
  const loops = await Promise.all(Array.from({ length: 20 }, async (_, loop) => {
    const seen: string[] = [];
    for (let i = 0; i < 20; i++) seen.push(await redis.echo(`${loop}:${i}`));
    return seen.every((text, i) => text === `${loop}:${i}`);
  }));
  assert(loops.every((right) => right));
  assert(server.reads - before < 400, `${server.reads - before} reads`);
});

Deno.test("`RedisClient.with()` aborts a command and keeps its place", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  proxy.rules = () => ({ delayMs: 20 });
  await using redis = await RedisClient.connect({ port: proxy.port });
  const controller = new AbortController();
  const reason = new Error("not wanted any more");
  const aborting = redis.with({ signal: controller.signal });
  const first = redis.echo("first");
  const second = aborting.echo("second");
  const third = redis.echo("third");
  await delay(5);
  controller.abort(reason);
  assertEquals(await assertRejects(() => second), reason);
  assertEquals(await Promise.all([first, third, redis.echo("fourth")]), [
    "first",
    "third",
    "fourth",
  ]);
  assertEquals(await assertRejects(() => aborting.set("never", 1)), reason);
  // One that waits to be written is not sent at all.
  const late = new AbortController();
  const unsent = redis.with({ signal: late.signal }).set("unsent", 1);
  late.abort(reason);
  await assertRejects(() => unsent, Error, "not wanted");
  assertEquals(await redis.exists("never", "unsent"), 0);
});

Deno.test("`RedisClient` gives up on commands that take too long", async () => {
  let answering = true;
  await using server = new ScriptedServer((words) => {
    if (words[0] === "HELLO") return "-ERR unknown command\r\n";
    return answering ? `+${words[1] ?? "OK"}\r\n` : "";
  });
  await using redis = await RedisClient.connect({ port: server.port, commandTimeoutMs: 60 });
  answering = false;
  const started = performance.now();
  const results = await Promise.allSettled([
    redis.echo("a"),
    redis.with({ timeoutMs: 20 }).echo("b"),
    redis.echo("c"),
  ]);
  assert(performance.now() - started < 1_000);
  for (const [i, result] of results.entries()) {
    assert(result.status === "rejected");
    assertInstanceOf(result.reason, RedisTimeoutError);
    assertEquals([result.reason.timeoutMs, result.reason.sent], [i === 1 ? 20 : 60, true]);
  }
  await redis.destroy();
});

both("`RedisClient` refuses commands that would break the shared connection", async (start) => {
  await using server = await start();
  await using redis = await RedisClient.connect({ port: server.port });
  for (
    const words of [["subscribe", "a"], ["MULTI"], ["Select", "1"], ["CLIENT", "reply", "off"], [
      "QUIT",
    ], ["MONITOR"]]
  ) {
    await assertRejects(() => redis.command(words[0]!, ...words.slice(1)), RedisUsageError, "use ");
  }
  await assertRejects(
    () => redis.set("a", undefined as unknown as string),
    RedisUsageError,
    "Cannot encode SET",
  );
  assertEquals(await redis.ping(), "PONG");
});

Deno.test("`RedisClient` bounds what waits", async () => {
  await using server = new ScriptedServer((words) =>
    words[0] === "HELLO" ? "-ERR unknown command\r\n" : ""
  );
  await using redis = await RedisClient.connect({
    port: server.port,
    maxPendingCommands: 3,
    maxDedicatedConnections: 1,
    maxOfflineCommands: 1,
  });
  const waiting = Promise.allSettled([redis.get("a"), redis.get("b"), redis.get("c")]);
  const full = await assertRejects(() => redis.get("d"), RedisConnectionError, "3 commands wait");
  assertEquals([full.code, full.sent], ["ERR_REDIS_QUEUE_FULL", false]);
  const session = await redis.session();
  const queued = assertRejects(() => redis.session(), RedisConnectionError);
  const crowded = await assertRejects(
    () => redis.session(),
    RedisConnectionError,
    "all 1 are lent",
  );
  assertEquals(crowded.code, "ERR_REDIS_QUEUE_FULL");
  const closing = session.close();
  await redis.destroy();
  await closing;
  await queued;
  assertEquals((await waiting).map(({ status }) => status), ["rejected", "rejected", "rejected"]);
});

both("`RedisClient.multi()` runs all or nothing", async (start) => {
  await using server = await start();
  await using redis = await RedisClient.connect({ port: server.port });
  const transaction = redis.multi().set("a", 1).incr("a").hset("h", { f: "v" }).hgetall("h").get(
    "none",
  );
  assertEquals(transaction.length, 5);
  const replies: [boolean, number, number, Map<string, string>, string | null] | null =
    await transaction.exec();
  assertEquals(replies, [true, 2, 1, new Map([["f", "v"]]), null]);
  await assertRejects(() => transaction.exec(), RedisUsageError, "twice");
  assertEquals(await redis.multi().exec(), []);
  assertEquals(await redis.multi({ bytes: true }).get("a").exec(), [Uint8Array.of(50)]);
  assertEquals(await redis.multi().command("LRANGE", "none", 0, -1).blpop(["none"], 5).exec(), [
    [],
    null,
  ]);
  const refused = await assertRejects(
    () => redis.multi().set("a", 9).command("NOSUCHCOMMAND").exec(),
    RedisReplyError,
  );
  assertEquals(refused.code, "EXECABORT");
  assertInstanceOf(refused.cause, RedisReplyError);
  const failed = await assertRejects(
    () => redis.multi().incr("a").lpush("a", 1).incr("a").exec(),
    RedisTransactionError,
    "1 of the transaction's 3 commands failed",
  );
  assertEquals([failed.code, failed.replies[0], failed.replies[2]], [
    "ERR_REDIS_TRANSACTION",
    3,
    4,
  ]);
  assertEquals((failed.replies[1] as RedisReplyError).code, "WRONGTYPE");
  assertEquals(await redis.get("a"), "4");
  // Concurrent transactions and commands do not mix.
  const mixed = await Promise.all(
    Array.from(
      { length: 50 },
      (_, i) => i % 2 ? redis.get("a") : redis.multi().incr("m").incr("m").exec(),
    ),
  );
  for (const [i, value] of mixed.entries()) assertEquals(value, i % 2 ? "4" : [i + 1, i + 2]);
});

both("`RedisSession.watch()` makes a transaction depend on what was read", async (start) => {
  await using server = await start();
  await using redis = await RedisClient.connect({ port: server.port });
  await redis.set("a", 1);
  {
    await using session = await redis.session();
    await session.watch("a");
    assertEquals(await session.get("a"), "1");
    await redis.set("a", 2);
    assertEquals(await session.multi().set("a", 3).exec(), null);
    assertEquals(await session.multi().set("a", 3).exec(), [true]);
    await session.watch("a");
  }
  // The connection goes back without what it watched.
  await using again = await redis.session();
  await redis.set("a", 4);
  assertEquals(await again.multi().get("a").exec(), ["4"]);
  await again.watch("a");
  await redis.set("a", 5);
  await again.unwatch();
  assertEquals(await again.multi().get("a").exec(), ["5"]);
});

both("`RedisClient.transaction()` tries again until nobody interferes", async (start) => {
  await using server = await start();
  await using redis = await RedisClient.connect({ port: server.port });
  await redis.set("n", 0);
  const add = () =>
    redis.transaction(["n"], async (session) => {
      const value = Number(await session.get("n"));
      return session.multi().set("n", value + 1);
    }, { maxAttempts: 200 });
  await Promise.all(Array.from({ length: 20 }, add));
  assertEquals(await redis.get("n"), "20");
  assertEquals(await redis.transaction(["n"], () => Promise.resolve(undefined)), undefined);
  const conflict = await assertRejects(
    () =>
      redis.transaction(["n"], async (session) => {
        await redis.incr("n");
        return session.multi().set("n", 0);
      }, { maxAttempts: 3 }),
    RedisTransactionError,
    "each of 3 attempts",
  );
  assertEquals(conflict.code, "ERR_REDIS_CONFLICT");
  assertEquals(await redis.get("n"), "23");
  await assertRejects(
    () => redis.transaction(["n"], () => Promise.reject(new Error("mine"))),
    Error,
    "mine",
  );
});

both("`RedisClient.blpop()` blocks nobody else, within a limit of connections", async (start) => {
  await using server = await start();
  await using redis = await RedisClient.connect({ port: server.port, maxDedicatedConnections: 2 });
  const waiting = [redis.blpop(["q"], 5), redis.blpop(["q"], 5), redis.blpop(["q"], 5)];
  assertEquals(await redis.ping(), "PONG");
  for (const value of ["a", "b", "c"]) {
    await delay(20);
    await redis.rpush("q", value);
  }
  assertEquals((await Promise.all(waiting)).map((taken) => taken!.value).sort(), ["a", "b", "c"]);
  const clients = String(await redis.command("CLIENT", "LIST"));
  assertEquals(clients.trim().split("\n").length, 3);
});

both("`RedisClient.blpop()` can be aborted without losing an element", async (start) => {
  await using server = await start();
  await using redis = await RedisClient.connect({ port: server.port, maxDedicatedConnections: 1 });
  const reason = new Error("stop");
  const controller = new AbortController();
  const waiting = redis.with({ signal: controller.signal }).blpop(["q"], 0);
  const queued = redis.with({ signal: controller.signal }).blpop(["q"], 0);
  await delay(30);
  controller.abort(reason);
  for (const result of await Promise.allSettled([waiting, queued])) {
    assertEquals(result, { status: "rejected", reason });
  }
  await redis.rpush("q", "kept");
  assertEquals(await redis.lrange("q", 0, -1), ["kept"]);
  // The connection is used again.
  assertEquals(await redis.blpop(["q"], 1), { key: "q", value: "kept" });
  const limited = await assertRejects(
    () => redis.with({ timeoutMs: 30 }).blpop(["q"], 0),
    RedisTimeoutError,
  );
  assertEquals(limited.timeoutMs, 30);
  // However an abort and a push race, the element is either given or still there.
  for (let i = 0; i < 30; i++) {
    const race = new AbortController();
    const taken = redis.with({ signal: race.signal }).blpop(["race"], 0).then(
      (got) => got!.value,
      () => null,
    );
    await delay(2);
    const pushed = redis.rpush("race", `r${i}`);
    race.abort(reason);
    await pushed;
    const value = await taken ?? await redis.lpop("race");
    assertEquals(value, `r${i}`);
  }
});

both("`RedisClient.subscribe()` gives messages of channels and patterns", async (start) => {
  await using server = await start();
  for (const protocol of [2, 3] as const) {
    await using redis = await RedisClient.connect({ port: server.port, protocol });
    await using news = await redis.subscribe(["news", "sport"]);
    await using again = await redis.subscribe("news");
    await using all = await redis.psubscribe("n*");
    await using shard = await redis.ssubscribe("s");
    await using raw = await redis.subscribe(Uint8Array.of(0xff), { bytes: true });
    assertEquals(await redis.publish("news", "é"), 2);
    assertEquals(await redis.publish("sport", "2:1"), 1);
    assertEquals(await redis.spublish("s", "x"), 1);
    assertEquals(await redis.publish(Uint8Array.of(0xff), Uint8Array.of(0, 255)), 1);
    const next = async (of: { next(): Promise<IteratorResult<unknown, void>> }) =>
      (await of.next()).value;
    assertEquals(await next(news), { channel: "news", message: "é", pattern: undefined });
    assertEquals(await next(news), { channel: "sport", message: "2:1", pattern: undefined });
    assertEquals(await next(again), { channel: "news", message: "é", pattern: undefined });
    assertEquals(await next(all), { channel: "news", message: "é", pattern: "n*" });
    assertEquals(await next(shard), { channel: "s", message: "x", pattern: undefined });
    assertEquals(await next(raw), {
      channel: Uint8Array.of(0xff),
      message: Uint8Array.of(0, 255),
      pattern: undefined,
    });
    await again.close();
    assertEquals((await again.next()).done, true);
    await redis.publish("news", "still");
    assertEquals((await next(news) as { message: string }).message, "still");
    const pending = news.next();
    await assertRejects(() => news.next(), RedisUsageError, "twice at a time");
    await news.close();
    assertEquals((await pending).done, true);
    while (await redis.publish("sport", "") > 0) await delay(5);
    await assertRejects(() => redis.subscribe([]), RedisUsageError);
  }
});

Deno.test("`RedisSubscription` says so when its reader falls behind, and keeps the order when not", async () => {
  await using server = await startOwn();
  await using redis = await RedisClient.connect({ port: server.port });
  await using slow = await redis.subscribe("c", { maxWaiting: 10 });
  await using fine = await redis.subscribe("c");
  await using small = await redis.subscribe("c", { maxWaitingSize: 5 });
  const total = 5_000;
  await Promise.all(Array.from({ length: total }, (_, i) => redis.publish("c", i)));
  let expected = 0;
  for await (const { message } of fine) {
    assertEquals(message, String(expected));
    if (++expected === total) break;
  }
  assertEquals(fine.waiting, 0);
  let seen = 0;
  await assertRejects(
    async () => {
      for await (const _ of slow) seen++;
    },
    RedisUsageError,
    "fell behind: 10 messages wait",
  );
  assertEquals(seen, 10);
  // Ten digits are more than five characters.
  await assertRejects(
    async () => {
      for await (const _ of small) seen++;
    },
    RedisUsageError,
    "fell behind: 5 messages wait",
  );
  assertEquals(seen, 15);
});

Deno.test("`RedisClient.subscribe()` rejects when the server refuses, and others stay", async () => {
  await using server = new ScriptedServer(([name, ...args]) => {
    if (name === "HELLO") return "-ERR unknown command\r\n";
    if (name === "SUBSCRIBE" && args[0] === "secret") return "-NOPERM no access to the channel\r\n";
    if (name === "SUBSCRIBE") {
      const confirmed = args.map((channel) =>
        `*3\r\n+subscribe\r\n$${channel.length}\r\n${channel}\r\n:1\r\n`
      );
      return `${confirmed.join("")}*3\r\n+message\r\n+${args[0]}\r\n+hello\r\n`;
    }
    return "+PONG\r\n";
  });
  await using redis = await RedisClient.connect({ port: server.port });
  await using open = await redis.subscribe(["a", "b"]);
  const refused = await assertRejects(() => redis.subscribe("secret"), RedisReplyError);
  assertEquals(refused.code, "NOPERM");
  assertEquals((await open.next()).value!.message, "hello");
  await using again = await redis.subscribe("c");
  assertEquals((await again.next()).value!.channel, "c");
});

Deno.test("`RedisClient.blpop()` can be aborted where the server tells no number", async () => {
  await using server = new ScriptedServer(([name]) =>
    name === "HELLO" || name === "CLIENT" ? "-ERR unknown command\r\n" : ""
  );
  await using redis = await RedisClient.connect({ port: server.port });
  const started = performance.now();
  const blocked = redis.with({ signal: AbortSignal.timeout(20) }).blpop(["q"], 0);
  assertEquals((await assertRejects(() => blocked, DOMException)).name, "TimeoutError");
  assert(performance.now() - started < 900);
});

both("`RedisClient.close()` waits for replies, and `destroy()` does not", async (start) => {
  await using server = await start({ parameters: { "enable-debug-command": "yes" } });
  const redis = await RedisClient.connect({ port: server.port });
  const subscription = await redis.subscribe("c");
  const issued = Promise.all(Array.from({ length: 500 }, () => redis.incr("n")));
  await redis.close();
  assertEquals((await issued).at(-1), 500);
  assertEquals(redis.state, "closed");
  assertEquals((await subscription.next()).done, true);
  for (
    const late of [
      () => redis.get("n"),
      () => redis.blpop(["q"], 1),
      () => redis.session(),
      () => redis.multi().get("n").exec(),
    ]
  ) {
    const error = await assertRejects(late, RedisConnectionError);
    assertEquals([error.code, error.sent], ["ERR_REDIS_CLOSED", false]);
  }
  await assertRejects(() => redis.subscribe("c"), RedisUsageError, "closed");
  // One that was aborted before it was written does not cut the wait for others short.
  const waited = await RedisClient.connect({ port: server.port });
  const slow = waited.command("DEBUG", "SLEEP", "0.05");
  await delay(10);
  const dropped = new AbortController();
  const never = waited.with({ signal: dropped.signal }).incr("n");
  dropped.abort(new Error("dropped"));
  await assertRejects(() => never, Error, "dropped");
  await waited.close();
  assertEquals(await slow, "OK");
  const other = await RedisClient.connect({ port: server.port });
  const unsent = other.incr("n");
  const blocked = other.blpop(["q"], 0);
  blocked.catch(() => {});
  await delay(20);
  const sent = other.incr("n");
  await Promise.all([other.destroy(), assertRejects(() => sent, RedisConnectionError)]);
  assertEquals(await unsent, 501);
  const error = await assertRejects(() => blocked, RedisConnectionError);
  assertEquals(error.code, "ERR_REDIS_CLOSED");
  await other.destroy();
  await other.close();
});
