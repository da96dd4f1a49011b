/**
 * The Redis client against ioredis and node-redis, all on one server: Debian's redis-server when it is
 * installed, else our own in a process of its own. All clients are used as their documentation shows:
 * one connection each, commands awaited one by one, in batches of one tick, and from concurrent loops.
 */
import { Redis } from "npm:ioredis@6.0.0";
import { createClient } from "npm:redis@6.3.1";
import { RedisClient } from "../cache/redis_client/mod.ts";

const { port, stop } = await startServer();

const ours = await RedisClient.connect({ port });
const ioredis = new Redis(port, "127.0.0.1");
const ioredisAuto = new Redis(port, "127.0.0.1", { enableAutoPipelining: true });
const nodeRedis = createClient({ url: `redis://127.0.0.1:${port}` });
await nodeRedis.connect();

const VALUE = "x".repeat(64);
const BIG = "y".repeat(100_000);
const BATCH = 1_000;
const KEYS = Array.from({ length: BATCH }, (_, i) => `bench:key:${i}`);
await ours.set("bench:big", BIG);
for (const key of KEYS) await ours.set(key, VALUE);

interface Peer {
  name: string;
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
}

const peers: Peer[] = [
  { name: "groundwork", get: (key) => ours.get(key), set: (key, value) => ours.set(key, value) },
  {
    name: "ioredis",
    get: (key) => ioredis.get(key),
    set: (key, value) => ioredis.set(key, value),
  },
  {
    name: "ioredis (enableAutoPipelining)",
    get: (key) => ioredisAuto.get(key),
    set: (key, value) => ioredisAuto.set(key, value),
  },
  {
    name: "node-redis",
    get: (key) => nodeRedis.get(key),
    set: (key, value) => nodeRedis.set(key, value),
  },
];

for (const peer of peers) {
  const baseline = peer.name === "groundwork";
  Deno.bench({
    name: peer.name,
    group: "client: SET then GET, awaited",
    baseline,
    fn: async () => {
      await peer.set("bench:one", VALUE);
      await peer.get("bench:one");
    },
  });
  Deno.bench({
    name: peer.name,
    group: "client: 1,000 GET in one tick",
    baseline,
    fn: async () => {
      await Promise.all(KEYS.map((key) => peer.get(key)));
    },
  });
  Deno.bench({
    name: peer.name,
    group: "client: 1,000 SET in one tick",
    baseline,
    fn: async () => {
      await Promise.all(KEYS.map((key) => peer.set(key, VALUE)));
    },
  });
  Deno.bench({
    name: peer.name,
    group: "client: 50 loops of 20 GET",
    baseline,
    fn: async () => {
      await Promise.all(Array.from({ length: 50 }, async (_, loop) => {
        for (let i = 0; i < 20; i++) await peer.get(KEYS[loop * 20 + i]!);
      }));
    },
  });
  Deno.bench({
    name: peer.name,
    group: "client: 100 KB values, SET then GET",
    baseline,
    fn: async () => {
      await peer.set("bench:big", BIG);
      await peer.get("bench:big");
    },
  });
}

// Messages: one publisher that is the same for all, 1,000 messages to one subscriber.
const MESSAGES = 1_000;
const subscription = await ours.subscribe("bench:groundwork");
let arrived = 0;
let wanted = Promise.withResolvers<void>();
const count = (message: string): void => {
  if (message !== VALUE) throw new Error("a message was damaged");
  if (++arrived === MESSAGES) wanted.resolve();
};
const ioredisSubscriber = ioredis.duplicate();
await ioredisSubscriber.subscribe("bench:ioredis");
ioredisSubscriber.on("message", (_channel, message) => count(message));
const nodeRedisSubscriber = nodeRedis.duplicate();
await nodeRedisSubscriber.connect();
await nodeRedisSubscriber.subscribe("bench:node-redis", count);
(async () => {
  for await (const { message } of subscription) count(message);
})();

for (const { name } of peers) {
  if (name.includes("(")) continue;
  Deno.bench({
    name,
    group: "client: 1,000 messages to a subscriber",
    baseline: name === "groundwork",
    fn: async () => {
      arrived = 0;
      wanted = Promise.withResolvers<void>();
      const published = Array.from(
        { length: MESSAGES },
        () => ours.publish(`bench:${name}`, VALUE),
      );
      for (const receivers of await Promise.all(published)) {
        if (receivers !== 1) throw new Error(`${receivers} subscribers got a message`);
      }
      await wanted.promise;
      if (arrived !== MESSAGES) throw new Error(`${arrived} messages arrived`);
    },
  });
}

// The connections hold the process open: when nothing runs any more they end with it.
globalThis.addEventListener("unload", stop);

async function startServer(): Promise<{ port: number; stop: () => void }> {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  let child: Deno.ChildProcess;
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  try {
    child = new Deno.Command("redis-server", {
      args: ["--port", String(port), "--save", "", "--appendonly", "no"],
      ...quiet,
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const cli = new URL("../cache/cli.ts", import.meta.url).href;
    child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", cli, "redis", "--port", String(port)],
      ...quiet,
    }).spawn();
  }
  for (let attempt = 0;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return { port, stop: () => child.kill() };
}
