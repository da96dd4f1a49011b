import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisClient, RedisReplyError, RedisUsageError } from "./mod.ts";
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

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await condition()) return;
    await delay(2);
  }
  throw new Error("it did not happen");
}

const SERVERS: [string, boolean, () => Promise<TestServer>][] = [
  ["our own server", true, startOwn],
  ["redis-server", HAS_REDIS, startReal],
];

for (const [what, present, start] of SERVERS) {
  Deno.test({
    name: `\`RedisClient.cached()\` answers from memory until a key changes, on ${what}${
      present ? "" : WITHOUT_REDIS
    }`,
    ignore: !present,
    async fn() {
      await using server = await start();
      await using redis = await RedisClient.connect({ port: server.port });
      await using cached = await redis.cached();
      await redis.hset("h", { f: "é" });
      await redis.set("a", 1);
      for (let i = 0; i < 3; i++) {
        assertEquals(await cached.get("a"), "1");
        assertEquals(await cached.bytes.get("a"), Uint8Array.of(49));
        assertEquals(await cached.hgetall("h"), new Map([["f", "é"]]));
        assertEquals(await cached.get("absent"), null);
      }
      assertEquals(cached.stats, { hits: 8, misses: 4, invalidations: 0, entries: 4 });
      // What is given may be changed by whoever got it.
      (await cached.hgetall("h")).set("f", "changed");
      assertEquals(await cached.hgetall("h"), new Map([["f", "é"]]));
      // Others' writes arrive, to keys that were absent too.
      await redis.mset({ a: 2, absent: 3 });
      await until(() => cached.stats.invalidations >= 2);
      assertEquals([await cached.get("a"), await cached.get("absent")], ["2", "3"]);
      // Own writes are seen at once.
      for (let i = 0; i < 50; i++) {
        await cached.set("a", i);
        assertEquals(await cached.get("a"), String(i));
        assertEquals(await cached.get("a"), String(i));
      }
      // A key that expires.
      await redis.psetex("brief", 20, "x");
      assertEquals(await cached.get("brief"), "x");
      await until(async () => await redis.get("brief") === null);
      await until(async () => await cached.get("brief") === null);
      await redis.flushall();
      await until(() => cached.stats.entries === 0);
      assertEquals(await cached.hgetall("h"), new Map());
      // Bytes that are no text.
      const key = Uint8Array.of(255, 254);
      await cached.set(key, 1);
      assertEquals(await cached.get(key), "1");
      const before = cached.stats.invalidations;
      await redis.set(key, 2);
      await until(() => cached.stats.invalidations > before);
      assertEquals(await cached.get(key), "2");
      // Errors are not kept; blocking and raw commands work.
      await redis.rpush("l", "x");
      await assertRejects(() => cached.get("l"), RedisReplyError);
      assertEquals(await cached.blpop(["l"], 1), { key: "l", value: "x" });
      assertEquals(await cached.command("GET", "l"), null);
      await assertRejects(() => cached.command("CLIENT", "TRACKING", "OFF"), RedisUsageError);
    },
  });
}

Deno.test("`RedisClient.cached()` keeps no more than told, and nothing over a lost connection", async () => {
  await using server = await startOwn();
  await using proxy = new Proxy(server.port);
  await using redis = await RedisClient.connect({ port: server.port });
  await using proxied = await RedisClient.connect({
    port: proxy.port,
    reconnect: { baseMs: 1, maxMs: 5 },
  });
  await using cached = await proxied.cached({ maxEntries: 3, maxReplySize: 10 });
  await redis.mset({ a: 1, b: 2, c: 3, d: 4, long: "x".repeat(20) });
  for (const key of ["a", "b", "c", "a", "d", "a", "b"]) await cached.get(key);
  // b went when d came; a was used in between.
  assertEquals(cached.stats, { hits: 2, misses: 5, invalidations: 0, entries: 3 });
  await cached.get("long");
  assertEquals(cached.stats.entries, 3);
  proxy.rules = () => ({ refuse: true });
  proxy.cut();
  await until(() => cached.stats.entries === 0);
  await redis.set("a", 9);
  proxy.rules = () => ({});
  assertEquals(await cached.get("a"), "9");
  await redis.set("a", 10);
  await until(() => cached.stats.entries === 0);
  assertEquals(await cached.get("a"), "10");
  cached.clear();
  assertEquals(cached.stats.entries, 0);
});

Deno.test("`RedisClient.cached()` needs a server that tracks", async () => {
  await using server = new ScriptedServer((words) =>
    words[0] === "HELLO" ? "-ERR unknown command\r\n" : "+OK\r\n"
  );
  await using redis = await RedisClient.connect({ port: server.port });
  await assertRejects(() => redis.cached(), RedisUsageError, "RESP3");
});

Deno.test("`RedisClient.cached()` never gives a value older than one it gave before", async () => {
  await using server = await startOwn();
  await using redis = await RedisClient.connect({ port: server.port });
  await using cached = await redis.cached();
  let last = 0;
  let running = true;
  const writer = (async () => {
    for (let i = 1; i <= 2_000; i++) await redis.set("n", i);
    running = false;
  })();
  for (let reads = 1; running; reads++) {
    const value = Number(await cached.get("n"));
    assert(value >= last, `${value} after ${last}`);
    last = value;
    // Answers from memory never let the event loop turn.
    if (reads % 10 === 0) await delay(0);
  }
  await writer;
  await until(async () => await cached.get("n") === "2000");
});
