/** Connections that break: nothing is lost or repeated without a word. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  RedisClient,
  type RedisClientOptions,
  RedisConnectionError,
  type RedisError,
  RedisProtocolError,
  RedisReplyError,
  type RedisState,
  type RedisSubscription,
  RedisTimeoutError,
} from "./mod.ts";
import { Proxy, ScriptedServer, startOwn } from "./servers_test.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const HELLO = "-ERR unknown command\r\n";
const QUICK: RedisClientOptions = { reconnect: { baseMs: 1, maxMs: 5 } };

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await condition()) return;
    await delay(2);
  }
  throw new Error("it did not happen");
}

/** What became of each of a number of increments of a counter. */
async function outcomes(
  issued: Promise<number>[],
): Promise<{ done: number[]; unknown: number; unsent: number }> {
  const done: number[] = [];
  let unknown = 0;
  let unsent = 0;
  for (const result of await Promise.allSettled(issued)) {
    if (result.status === "fulfilled") done.push(result.value);
    else {
      assertInstanceOf(result.reason, RedisConnectionError);
      if (result.reason.sent) {
        assertEquals(result.reason.code, "ERR_REDIS_IN_FLIGHT");
        unknown++;
      } else unsent++;
    }
  }
  return { done, unknown, unsent };
}

Deno.test("`RedisClient` tells what happened however a reply is cut: at every byte", async () => {
  await using server = await startOwn();
  await using control = await RedisClient.connect({ port: server.port });
  // Of the greeting, 1 reply to a write, 1 to a read, 1 to a write.
  for (let cut = 1; cut < 240; cut += SOAK ? 1 : 3) {
    await control.flushall();
    await control.set("value", "some text");
    await using proxy = new Proxy(server.port);
    let greeted = false;
    proxy.rules = (connection) => connection === 0 ? { cutReplyAfter: cut } : {};
    let redis: RedisClient;
    try {
      redis = await RedisClient.connect({ port: proxy.port, ...QUICK });
      greeted = true;
    } catch (error) {
      assertInstanceOf(error, RedisConnectionError, `cut ${cut}`);
      assertEquals(error.code, "ERR_REDIS_CONNECT");
      continue;
    }
    assert(greeted);
    const first = redis.incr("n");
    const read = redis.get("value");
    const second = redis.incr("n");
    const written = outcomes([first, second]);
    // A read is repeated, so it never fails.
    assertEquals(await read, "some text", `cut ${cut}`);
    const { done, unknown, unsent } = await written;
    const count = Number(await control.get("n") ?? 0);
    assertEquals(done.length + unknown, 2, `cut ${cut}`);
    assertEquals(unsent, 0);
    // What was confirmed has run, once; what failed ran at most once.
    assert(count >= done.length && count <= done.length + unknown, `cut ${cut}: ${count}`);
    assertEquals(done, done.map((_, i) => i + 1), `cut ${cut}`);
    assertEquals(await redis.ping(), "PONG");
    await redis.close();
  }
});

Deno.test("`RedisClient` neither loses nor repeats a write through a storm of cuts", async () => {
  await using server = await startOwn();
  await using control = await RedisClient.connect({ port: server.port });
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  await using proxy = new Proxy(server.port);
  await using redis = await RedisClient.connect({
    port: proxy.port,
    reconnect: { baseMs: 1, maxMs: 2 },
    maxOfflineCommands: 1e6,
    maxReadRetries: 1e6,
  });
  // A greeting is about 150 bytes, so some connections never get beyond it.
  proxy.rules = () => {
    const kind = random();
    if (kind < 0.2) return { refuse: true };
    if (kind < 0.5) return { cutReplyAfter: Math.floor(random() * 3_000) };
    if (kind < 0.8) return { cutRequestAfter: Math.floor(random() * 5_000) };
    return {
      cutReplyAfter: 200 + Math.floor(random() * 20_000),
      pieceBytes: 1 + Math.floor(random() * 50),
    };
  };
  proxy.cut();
  const total = SOAK ? 50_000 : 3_000;
  const written: Promise<number>[] = [];
  const reads: Promise<string | null>[] = [];
  for (let i = 0; i < total; i++) {
    const write = redis.incr("n");
    write.catch(() => {});
    written.push(write);
    reads.push(redis.get("n"));
    if (i % 100 === 0) await delay(1);
  }
  const { done, unknown } = await outcomes(written);
  const count = Number(await control.get("n"));
  assert(
    count >= done.length && count <= done.length + unknown,
    `seed ${seed}: ${count} of ${done.length} to ${done.length + unknown}`,
  );
  for (let i = 1; i < done.length; i++) assert(done[i]! > done[i - 1]!, `seed ${seed}: order`);
  for (const value of await Promise.all(reads)) assert(Number(value) <= count, `seed ${seed}`);
  proxy.rules = () => ({});
  assertEquals(done.length + unknown, total, `seed ${seed}`);
  assert(proxy.connections > 3, `${proxy.connections} connections`);
});

Deno.test("`RedisClient` sends what waited when the connection comes back", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  const states: [RedisState, string | undefined][] = [];
  await using redis = await RedisClient.connect({
    port: proxy.port,
    ...QUICK,
    maxOfflineCommands: 5,
    onState: (state, error) => states.push([state, error?.name]),
  });
  let refuse = true;
  proxy.rules = () => ({ refuse });
  proxy.cut();
  await until(() => redis.state === "reconnecting");
  const waiting = Promise.all(["a", "b", "c", "d"].map((value) => redis.rpush("l", value)));
  const transaction = redis.multi().rpush("l", "e").rpush("l", "f").exec();
  const over = await assertRejects(() => redis.rpush("l", "never"), RedisConnectionError);
  assertEquals([over.code, over.sent], ["ERR_REDIS_QUEUE_FULL", false]);
  await delay(20);
  refuse = false;
  assertEquals(await waiting, [1, 2, 3, 4]);
  assertEquals(await transaction, [5, 6]);
  assertEquals(await redis.lrange("l", 0, -1), ["a", "b", "c", "d", "e", "f"]);
  assertEquals(states[0], ["ready", undefined]);
  assertEquals(states[1], ["reconnecting", "RedisConnectionError"]);
  assertEquals(states.at(-1), ["ready", undefined]);
});

Deno.test("`RedisClient` gives up waiting for a connection: by time, by abort, by attempts", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  await using redis = await RedisClient.connect({
    port: proxy.port,
    reconnect: { baseMs: 1, maxMs: 2 },
    commandTimeoutMs: 40,
    maxOfflineCommands: 2,
  });
  proxy.rules = () => ({ refuse: true });
  proxy.cut();
  await until(() => redis.state === "reconnecting");
  const controller = new AbortController();
  const aborted = redis.with({ signal: controller.signal }).set("a", 1);
  const late = redis.set("b", 1);
  controller.abort(new Error("mine"));
  await assertRejects(() => aborted, Error, "mine");
  // The aborted one makes room.
  const third = redis.set("c", 1);
  for (const command of [late, third]) {
    const error = await assertRejects(() => command, RedisTimeoutError, "there is no connection");
    assertEquals([error.timeoutMs, error.sent], [40, false]);
  }
  await redis.destroy();
  proxy.rules = () => ({});
  await using brief = await RedisClient.connect({
    port: proxy.port,
    reconnect: { baseMs: 1, maxMs: 2, maxAttempts: 3 },
  });
  proxy.rules = () => ({ refuse: true });
  const before = proxy.connections;
  proxy.cut();
  await until(() => brief.state === "reconnecting");
  const failed = await assertRejects(
    () => brief.set("a", 1),
    RedisConnectionError,
    "gave up after 3 attempts",
  );
  assertEquals(failed.code, "ERR_REDIS_CLOSED");
  assertEquals(proxy.connections - before, 3);
  assertEquals(brief.state, "closed");
  proxy.rules = () => ({});
  await using single = await RedisClient.connect({ port: proxy.port, reconnect: false });
  proxy.cut();
  await until(() => single.state === "closed");
  const closed = await assertRejects(() => single.get("a"), RedisConnectionError, "ended");
  assertEquals(closed.code, "ERR_REDIS_CLOSED");
});

Deno.test("`RedisClient` does not storm a server that hangs up on it", async () => {
  let greetings = 0;
  await using server = new ScriptedServer((words) => {
    if (words[0] !== "HELLO") return undefined;
    greetings++;
    return HELLO;
  });
  await using redis = await RedisClient.connect({
    port: server.port,
    reconnect: { baseMs: 20, maxMs: 40 },
  });
  const read = redis.get("a");
  read.catch(() => {});
  await delay(300);
  // At once, then after 10 to 20, and 20 to 40 ms each: without growing waits there would be hundreds.
  assert(greetings <= 20, `${greetings} greetings`);
  await assertRejects(() => read, RedisConnectionError, "was sent and not answered");
  await redis.destroy();
});

Deno.test("`RedisClient` finds a half-open connection out, and leaves it", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  await using redis = await RedisClient.connect({ port: proxy.port, keepAliveMs: 30, ...QUICK });
  await delay(100);
  // Pings keep an idle connection that is alive.
  assertEquals([redis.state, proxy.connections], ["ready", 1]);
  const rules = { blackhole: true };
  proxy.rules = () => rules;
  proxy.cut();
  const stuck = RedisClient.connect({ port: proxy.port, connectTimeoutMs: 50 });
  await assertRejects(() => stuck, RedisTimeoutError);
  rules.blackhole = false;
  await until(() => redis.state === "ready");
  await redis.ping();
  rules.blackhole = true;
  const write = redis.set("a", 1);
  const read = redis.get("a");
  read.catch(() => {});
  const error = await assertRejects(() => write, RedisConnectionError, "silent for");
  assertEquals([error.code, error.sent], ["ERR_REDIS_IN_FLIGHT", true]);
  rules.blackhole = false;
  assertEquals(await read, null);
});

/** Publishes until a subscription has got it: what is published before it is back is lost. */
async function hear(
  subscription: RedisSubscription,
  text: string,
  publish: () => Promise<number>,
): Promise<void> {
  let next = subscription.next();
  for (let i = 0; i < 500; i++) {
    await publish();
    const got = await Promise.race([next, delay(10)]);
    if (got?.value?.message === text) return;
    if (got !== undefined) next = subscription.next();
  }
  throw new Error(`${text} did not arrive`);
}

Deno.test("`RedisSubscription` goes on after a reconnection, and counts the gap", async () => {
  await using server = await startOwn();
  for (const protocol of [2, 3] as const) {
    await using proxy = new Proxy(server.port);
    await using control = await RedisClient.connect({ port: server.port });
    await using redis = await RedisClient.connect({
      port: proxy.port,
      protocol,
      keepAliveMs: 20,
      ...QUICK,
    });
    await using news = await redis.subscribe(["a", "b"]);
    await using all = await redis.psubscribe("*");
    await using shard = await redis.ssubscribe("s");
    for (let round = 1; round <= 3; round++) {
      proxy.cut();
      const text = String(round);
      await hear(news, text, () => control.publish("a", text));
      await hear(all, text, () => control.publish("z", text));
      await hear(shard, text, () => control.spublish("s", text));
      await hear(news, `b${text}`, () => control.publish("b", `b${text}`));
      assertEquals(news.interruptions, round);
    }
    // The keep-alive of a connection that subscribes.
    await delay(80);
    assertEquals(news.interruptions, 3);
  }
});

Deno.test("`RedisClient.session()` does not outlive its connection", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  await using redis = await RedisClient.connect({ port: proxy.port, ...QUICK });
  await using session = await redis.session();
  await session.watch("a");
  proxy.cut();
  await until(async () => {
    try {
      await session.get("a");
      return false;
    } catch (error) {
      return error instanceof RedisConnectionError;
    }
  });
  await assertRejects(() => session.multi().set("a", 1).exec(), RedisConnectionError);
  await session.close();
  await using next = await redis.session();
  assertEquals(await next.get("a"), null);
});

Deno.test("`RedisClient` repeats a blocking read, and no other blocking command", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  await using redis = await RedisClient.connect({ port: proxy.port, ...QUICK });
  await using control = await RedisClient.connect({ port: server.port });
  const read = redis.xread({ x: "$" }, { block: 0 });
  const taken = redis.blpop(["l"], 0);
  taken.catch(() => {});
  await until(async () =>
    String(await control.command("CLIENT", "LIST")).split("flags=b").length === 3
  );
  proxy.cut();
  const error = await assertRejects(() => taken, RedisConnectionError);
  assertEquals(error.code, "ERR_REDIS_IN_FLIGHT");
  await until(async () => String(await control.command("CLIENT", "LIST")).includes("flags=b"));
  await control.xadd("x", { a: 1 }, { id: "1-1" });
  assertEquals((await read)[0]!.entries[0]!.id, "1-1");
});

const HOSTILE: [string, string, RegExp][] = [
  ["bytes that are no reply", "HTTP/1.1 400 Bad Request\r\n", /no reply/],
  ["a huge length", "$999999999999\r\n", /more than/],
  ["a length that is none", "$x\r\n", /integer/],
  ["endless nesting", "*1\r\n".repeat(1_000), /levels/],
  ["more elements than allowed", "*99999999\r\n", /elements/],
  ["an endless line", "+" + "x".repeat(100_000), /line/],
  ["a reply that nobody asked for", "+OK\r\n+surplus\r\n", /nobody asked/],
  ["a push inside a reply", "*1\r\n>1\r\n+a\r\n", /push/],
];

for (const [what, bytes, message] of HOSTILE) {
  Deno.test(`\`RedisClient\` leaves a server that sends ${what}`, async () => {
    const errors: Error[] = [];
    let hostile = true;
    await using server = new ScriptedServer((words) =>
      words[0] === "HELLO" ? HELLO : hostile ? bytes : "+fine\r\n"
    );
    await using redis = await RedisClient.connect({
      port: server.port,
      ...QUICK,
      onState: (_, error) => error && errors.push(error),
    });
    const write = redis.setGet("a", 1);
    write.catch(() => {});
    await until(() => errors.length > 0);
    hostile = false;
    assertInstanceOf(errors[0], RedisProtocolError);
    assert(message.test(errors[0].message), errors[0].message);
    const [result] = await Promise.allSettled([write]);
    if (result.status === "rejected") {
      assertInstanceOf(result.reason, RedisConnectionError);
      assertEquals(result.reason.code, "ERR_REDIS_IN_FLIGHT");
    } else assertEquals(result.value, "OK");
    assertEquals(await redis.ping(), "fine");
  });
}

Deno.test("`RedisClient` takes replies of another kind, and pushes without end, as typed errors or not at all", async () => {
  const answers: Record<string, string> = {
    GET: ":1\r\n",
    HGETALL: "*1\r\n+a\r\n",
    INCR: "$1\r\nx\r\n",
    SMEMBERS: "+x\r\n",
    ZRANGE: "*2\r\n+a\r\n*0\r\n",
    SCAN: "*1\r\n+0\r\n",
    XRANGE: "*1\r\n*1\r\n:1\r\n",
    GEOPOS: "*1\r\n*1\r\n+x\r\n",
    MULTI: "+OK\r\n",
    EXEC: "*0\r\n",
    ECHO: ">2\r\n+invalidate\r\n*1\r\n+a\r\n".repeat(20_000) + "+done\r\n",
  };
  await using server = new ScriptedServer((words) =>
    words[0] === "HELLO" ? HELLO : answers[words[0]!] ?? "+QUEUED\r\n"
  );
  await using redis = await RedisClient.connect({ port: server.port });
  for (
    const wrong of [
      () => redis.get("a"),
      () => redis.hgetall("a"),
      () => redis.incr("a"),
      () => redis.smembers("a"),
      () => redis.zrangeWithScores("a", 0, -1),
      () => Array.fromAsync(redis.scan()),
      () => redis.xrange("a", "-", "+"),
      () => redis.geopos("a", "b"),
      () => redis.multi().incr("a").exec(),
    ]
  ) {
    await assertRejects<RedisError>(wrong, RedisProtocolError, "The server replied with");
  }
  assertEquals(await redis.echo("x"), "done");
});

Deno.test("`RedisClient` keeps trying when the server refuses it for a while", async () => {
  let refusing = false;
  await using server = new ScriptedServer((words) => {
    if (words[0] === "HELLO") return refusing ? "-NOAUTH needed\r\n" : HELLO;
    if (words[0] === "DROP") {
      refusing = true;
      return undefined;
    }
    return "+fine\r\n";
  });
  const errors: Error[] = [];
  await using redis = await RedisClient.connect({
    port: server.port,
    ...QUICK,
    onState: (_, error) => error && errors.push(error),
  });
  await assertRejects(() => redis.command("DROP"), RedisConnectionError);
  const read = redis.ping();
  await until(() =>
    errors.some((error) => error instanceof RedisReplyError && error.code === "NOAUTH")
  );
  refusing = false;
  assertEquals(await read, "fine");
});
