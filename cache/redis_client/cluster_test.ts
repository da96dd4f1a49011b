import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { crc16, keySlot, redirection, slotsReply } from "./_slots.ts";
import {
  RedisClient,
  RedisCluster,
  RedisClusterError,
  type RedisClusterOptions,
  RedisConnectionError,
  RedisProtocolError,
  RedisReplyError,
} from "./mod.ts";
import {
  HAS_REDIS,
  ScriptedServer,
  startOwn,
  startReal,
  type TestServer,
  WITHOUT_REDIS,
} from "./servers_test.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await condition()) return;
    await delay(10);
  }
  throw new Error("it did not happen");
}

Deno.test("`RedisCluster.slotOf()` gives the specification's values", () => {
  assertEquals(crc16(encode("123456789")), 0x31c3);
  assertEquals(crc16(encode("")), 0);
  const slots: [string, number][] = [
    ["", 0],
    ["foo", 12_182],
    ["bar", 5_061],
    ["hello", 866],
    ["user1000", 3_443],
    ["{user1000}.following", 3_443],
    ["{user1000}.followers", 3_443],
    ["foo{bar}{zap}", 5_061],
  ];
  for (const [key, slot] of slots) assertEquals(RedisCluster.slotOf(key), slot, key);
  // Only a first pair of braces with something between counts.
  assertEquals(keySlot("foo{}{bar}"), crc16(encode("foo{}{bar}")) % 16_384);
  assertEquals(keySlot("foo{{bar}}zap"), crc16(encode("{bar")) % 16_384);
  assertEquals(keySlot("a}{b"), crc16(encode("a}{b")) % 16_384);
  assertEquals(keySlot("é"), keySlot(encode("é")));
  assertEquals(keySlot(12), keySlot("12"));
});

Deno.test("`redirection()` and `slotsReply()` take no nonsense", () => {
  assertEquals(redirection("MOVED 3999 127.0.0.1:6381", "x"), {
    slot: 3999,
    to: { hostname: "127.0.0.1", port: 6381 },
  });
  assertEquals(redirection("ASK 1 ::1:6381", "x")!.to, { hostname: "::1", port: 6381 });
  assertEquals(redirection("MOVED 1 :6381", "x")!.to, { hostname: "x", port: 6381 });
  for (
    const text of [
      "MOVED",
      "MOVED x 1:1",
      "MOVED 16384 h:1",
      "MOVED 1 h:0",
      "MOVED 1 h:99999",
      "MOVED 1 h",
    ]
  ) {
    assertEquals(redirection(text, "x"), undefined, text);
  }
  assertEquals(slotsReply([[0, 5, ["", 1, "id"], ["r", 2, "id"], ["?", 3]]], "asked"), [{
    start: 0,
    end: 5,
    master: { hostname: "asked", port: 1 },
    replicas: [{ hostname: "r", port: 2 }],
  }]);
  for (
    const reply of [1, [1], [[0, 16_384, ["h", 1]]], [[-1, 1, ["h", 1]]], [["0", 1, ["h", 1]]], [[
      0,
      1,
      ["h", "x"],
    ]]]
  ) {
    let error: unknown;
    try {
      slotsReply(reply, "asked");
    } catch (caught) {
      error = caught;
    }
    assertInstanceOf(error, RedisProtocolError, JSON.stringify(reply));
  }
});

/** Nodes that answer by a script; each owns an equal part of the slots at first. */
class MockCluster implements AsyncDisposable {
  readonly nodes: ScriptedServer[] = [];
  readonly log: string[] = [];
  /** Gives a reply, or undefined for the usual one. */
  answer: (node: number, words: string[]) => string | undefined = () => undefined;
  slots: () => string = () => this.usualSlots();

  constructor(count: number) {
    for (let node = 0; node < count; node++) {
      this.nodes.push(
        new ScriptedServer((words) => {
          if (words[0] === "HELLO") return "-ERR unknown command\r\n";
          if (words[0] === "CLUSTER") return this.slots();
          this.log.push(`${node} ${words.join(" ")}`);
          return this.answer(node, words) ?? `$${words.at(-1)!.length}\r\n${words.at(-1)}\r\n`;
        }),
      );
    }
  }

  usualSlots(): string {
    const size = Math.ceil(16_384 / this.nodes.length);
    const ranges = this.nodes.map((node, i) =>
      `*3\r\n:${i * size}\r\n:${
        Math.min(16_383, (i + 1) * size - 1)
      }\r\n*2\r\n$9\r\n127.0.0.1\r\n:${node.port}\r\n`
    );
    return `*${ranges.length}\r\n${ranges.join("")}`;
  }

  connect(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    return RedisCluster.connect([`redis://127.0.0.1:${this.nodes[0]!.port}`], options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
  }
}

Deno.test("`RedisCluster` follows MOVED and ASK, and waits on TRYAGAIN and CLUSTERDOWN", async () => {
  await using cluster = new MockCluster(2);
  await using redis = await cluster.connect();
  // "foo" is of the slot 12,182, the second node's.
  assertEquals(await redis.get("foo"), "foo");
  assertEquals(cluster.log.splice(0), ["1 GET foo"]);
  cluster.answer = (node, words) =>
    node === 1 && words[0] === "GET"
      ? `-MOVED 12182 127.0.0.1:${cluster.nodes[0]!.port}\r\n`
      : undefined;
  assertEquals(await redis.get("foo"), "foo");
  assertEquals(cluster.log.splice(0), ["1 GET foo", "0 GET foo"]);
  cluster.answer = (node, words) =>
    node === 1 && words[0] === "SETEX"
      ? `-ASK 12182 127.0.0.1:${cluster.nodes[0]!.port}\r\n`
      : undefined;
  await delay(80);
  await redis.setex("foo", 1, "v");
  assertEquals(cluster.log.splice(0), ["1 SETEX foo 1 v", "0 ASKING", "0 SETEX foo 1 v"]);
  let refusals = [
    "-TRYAGAIN later\r\n",
    "-CLUSTERDOWN the cluster is down\r\n",
    "-LOADING wait\r\n",
    "-READONLY no\r\n",
  ];
  cluster.answer = () => refusals.shift();
  assertEquals(await redis.echo("x"), "x");
  assertEquals(refusals, []);
  cluster.log.length = 0;
  cluster.answer = (node) => `-MOVED 12182 127.0.0.1:${cluster.nodes[1 - node]!.port}\r\n`;
  const error = await assertRejects(
    () => redis.get("foo"),
    RedisClusterError,
    "did not run the command in 17 attempts",
  );
  assertEquals(error.code, "ERR_REDIS_REDIRECTIONS");
  assertInstanceOf(error.cause, RedisReplyError);
  assertEquals(cluster.log.length, 17);
  cluster.answer = () => "-MOVED nonsense\r\n";
  await assertRejects(() => redis.get("foo"), RedisReplyError, "MOVED nonsense");
  cluster.answer = () => undefined;
  assertEquals(await redis.get("foo"), "foo");
  refusals = [];
});

Deno.test("`RedisCluster` splits commands of many keys when told to, and keeps the order", async () => {
  await using cluster = new MockCluster(3);
  const stored = new Map<string, string>();
  cluster.answer = (_, [first, ...args]) => {
    const name = first!.toUpperCase();
    const slots = new Set(
      args.filter((_, i) => name !== "MSET" || i % 2 === 0).map((key) => keySlot(key)),
    );
    if (slots.size > 1) return "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    if (name === "MSET") {
      for (let i = 0; i < args.length; i += 2) stored.set(args[i]!, args[i + 1]!);
      return "+OK\r\n";
    }
    if (name === "MGET") {
      const values = args.map((key) => {
        const value = stored.get(key);
        return value === undefined ? "$-1\r\n" : `$${value.length}\r\n${value}\r\n`;
      });
      return `*${values.length}\r\n${values.join("")}`;
    }
    return `:${args.length}\r\n`;
  };
  const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);
  {
    await using redis = await cluster.connect();
    const error = await assertRejects(() => redis.mget(...keys), RedisReplyError);
    assertEquals(error.code, "CROSSSLOT");
  }
  await using redis = await cluster.connect({ splitMultiKey: true });
  await redis.mset(keys.map((key, i) => [key, i] as const));
  assertEquals(stored.size, 50);
  assertEquals(await redis.mget(...keys, "none", "key:0"), [
    ...keys.map((_, i) => String(i)),
    null,
    "0",
  ]);
  for (
    const count of [
      redis.del(...keys),
      redis.unlink(...keys),
      redis.exists(...keys),
      redis.touch(...keys),
    ]
  ) {
    assertEquals(await count, 50);
  }
  assertEquals(await redis.command("mget", "key:1", "key:2"), ["1", "2"]);
  const crossing = await assertRejects(
    () => redis.multi().set("a", 1).set("b", 1).exec(),
    RedisClusterError,
  );
  assertEquals(crossing.code, "ERR_REDIS_CROSSSLOT");
});

Deno.test("`RedisCluster` asks another node for what was not sent, and for reads", async () => {
  await using cluster = new MockCluster(3);
  await using redis = await cluster.connect({ reconnect: { baseMs: 1, maxMs: 5 } });
  // "foo" is the third node's; then it goes, and the first has its slots.
  assertEquals(await redis.get("foo"), "foo");
  cluster.answer = (node, words) => {
    if (node !== 2) return undefined;
    if (words[0] === "GET" || words[0] === "INCR") {
      cluster.slots = () => {
        const { port } = cluster.nodes[0]!;
        return `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`;
      };
      void cluster.nodes[2]![Symbol.asyncDispose]();
      return "";
    }
    return undefined;
  };
  const write = assertRejects(() => redis.incr("foo"), RedisConnectionError);
  assertEquals(await redis.get("foo"), "foo");
  assertEquals((await write).code, "ERR_REDIS_IN_FLIGHT");
  assertEquals(redis.masters, [`127.0.0.1:${cluster.nodes[0]!.port}`]);
  assertEquals(await redis.setGet("foo", "bar"), "GET");
});

Deno.test("`RedisCluster.connect()` says why it cannot", async () => {
  await using own = await startOwn();
  const error = await assertRejects(
    () => RedisCluster.connect([{ hostname: "127.0.0.1", port: own.port }]),
    RedisReplyError,
  );
  assert(/cluster/i.test(error.message), error.message);
  await using cluster = new MockCluster(1);
  cluster.slots = () => "*0\r\n";
  const empty = await assertRejects(() => cluster.connect(), RedisClusterError);
  assertEquals(empty.code, "ERR_REDIS_NO_NODE");
  cluster.slots = () => "*1\r\n:1\r\n";
  await assertRejects(() => cluster.connect(), RedisProtocolError);
  // The next seed may do.
  cluster.slots = () => cluster.usualSlots();
  await using redis = await RedisCluster.connect([
    "redis://127.0.0.1:1",
    `redis://127.0.0.1:${cluster.nodes[0]!.port}`,
  ]);
  assertEquals(await redis.ping("x"), "x");
  const many = Array.from(
    { length: 1_100 },
    (_, i) => `*3\r\n:${i}\r\n:${i}\r\n*2\r\n$9\r\n127.0.0.1\r\n:${10_000 + i}\r\n`,
  );
  cluster.slots = () => `*1100\r\n${many.join("")}`;
  await assertRejects(() => cluster.connect(), RedisClusterError, "over 1000 nodes");
});

interface RealCluster extends AsyncDisposable {
  ports: number[];
  replica: number;
}

function freeClusterPort(): number {
  // The bus listens 10,000 above.
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 30_000);
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      Deno.listen({ port: port + 10_000, hostname: "127.0.0.1" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Three nodes that take writes and a copy of the first. */
async function startCluster(): Promise<RealCluster> {
  const args = [
    ...["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"],
    ...[
      "--cluster-allow-replica-migration",
      "no",
      "--repl-diskless-sync-delay",
      "0",
      "--repl-ping-replica-period",
      "1",
    ],
  ];
  const servers: TestServer[] = [];
  for (let i = 0; i < 4; i++) servers.push(await startReal({ args, port: freeClusterPort() }));
  const ports = servers.map(({ port }) => port);
  const clients = await Promise.all(ports.map((port) => RedisClient.connect({ port })));
  const [first, , , replica] = clients as [RedisClient, RedisClient, RedisClient, RedisClient];
  for (const [i, client] of clients.entries()) {
    await client.command("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    if (i === 3) continue;
    const start = Math.ceil(i * 16_384 / 3);
    await client.command("CLUSTER", "ADDSLOTSRANGE", start, Math.ceil((i + 1) * 16_384 / 3) - 1);
  }
  for (const client of clients) {
    for (const port of ports) await client.command("CLUSTER", "MEET", "127.0.0.1", port);
  }
  const id = String(await first.command("CLUSTER", "MYID"));
  await until(async () => {
    try {
      return await replica.command("CLUSTER", "REPLICATE", id) === "OK";
    } catch {
      return false;
    }
  });
  for (const client of clients) {
    await until(async () => {
      const slots = await client.command("CLUSTER", "SLOTS") as unknown[][];
      return slots.length === 3 && slots.some((range) => range.length === 4) &&
        String(await client.command("CLUSTER", "INFO")).includes("cluster_state:ok");
    });
  }
  await until(async () => (await replica.info("replication")).includes("master_link_status:up"));
  await Promise.all(clients.map((client) => client.close()));
  return {
    ports: ports.slice(0, 3),
    replica: ports[3]!,
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test({
  name:
    `\`RedisCluster\` works on a real cluster, through a live migration of a slot${WITHOUT_REDIS}`,
  ignore: !HAS_REDIS,
  async fn(t) {
    await using cluster = await startCluster();
    const url = `redis://127.0.0.1:${cluster.ports[0]}`;
    await using redis = await RedisCluster.connect([url], { splitMultiKey: true });
    assertEquals(
      redis.masters.map((name) => Number(name.split(":")[1])).sort(),
      [...cluster.ports].sort(),
    );

    await t.step("slots are the server's", async () => {
      for (let i = 0; i < 200; i++) {
        const key = `k${i}{${i % 7 === 0 ? "" : i}}é`;
        assertEquals(RedisCluster.slotOf(key), await redis.command("CLUSTER", "KEYSLOT", key));
      }
    });

    await t.step("commands go where their keys are", async () => {
      const keys = Array.from({ length: 300 }, (_, i) => `key:${i}`);
      await Promise.all(keys.map((key, i) => redis.set(key, i)));
      assertEquals(
        await Promise.all(keys.map((key) => redis.get(key))),
        keys.map((_, i) => String(i)),
      );
      assertEquals(await redis.mget(...keys), keys.map((_, i) => String(i)));
      assertEquals((await redis.bytes.mget("key:1", "key:2")).length, 2);
      assertEquals((await redis.keys("key:*")).sort(), [...keys].sort());
      assertEquals(await redis.dbsize(), 300);
      assertEquals(new Set(await Array.fromAsync(redis.scan({ count: 50 }))).size, 300);
      assertEquals(await redis.exists(...keys), 300);
      assertEquals(await redis.del(...keys), 300);
      await redis.mset(keys.map((key, i) => [key, i] as const));
      await redis.flushall();
      assertEquals(await redis.dbsize(), 0);
    });

    await t.step("transactions, sessions and blocking commands", async () => {
      assertEquals(await redis.multi().set("{t}a", 1).incr("{t}a").get("{t}b").exec(), [
        true,
        2,
        null,
      ]);
      assertEquals(
        await redis.transaction(["{t}a"], async (session) => {
          const value = Number(await session.get("{t}a"));
          return session.multi().set("{t}a", value * 10).get("{t}a");
        }),
        [true, "20"],
      );
      const taken = redis.blpop(["{q}1", "{q}2"], 5);
      await delay(20);
      await redis.rpush("{q}2", "job");
      assertEquals(await taken, { key: "{q}2", value: "job" });
    });

    await t.step("messages", async () => {
      await using news = await redis.subscribe(["news", "sport"]);
      await using shard = await redis.ssubscribe(["{s}1", "{s}2"]);
      await redis.publish("sport", "1:0");
      await redis.spublish("{s}2", "x");
      assertEquals((await news.next()).value!.message, "1:0");
      assertEquals((await shard.next()).value!.channel, "{s}2");
      await assertRejects(() => redis.ssubscribe(["a", "b"]), RedisClusterError, "several slots");
    });

    await t.step("a slot moves while it is written and read", async () => {
      const slot = RedisCluster.slotOf("{m}");
      const clients = await Promise.all(cluster.ports.map((port) => RedisClient.connect({ port })));
      const ids = await Promise.all(
        clients.map((client) => client.command("CLUSTER", "MYID").then(String)),
      );
      const owners = await Promise.all(clients.map(async (client) => {
        try {
          await client.get("{m}");
          return true;
        } catch {
          return false;
        }
      }));
      let from = owners.indexOf(true);
      const counters = Array.from({ length: SOAK ? 400 : 60 }, (_, i) => `{m}:${i}`);
      await redis.del(...counters);
      await using messages = await redis.ssubscribe("{m}channel");
      let running = true;
      const confirmed = new Map<string, number>();
      const load = Promise.all(Array.from({ length: 8 }, async (_, worker) => {
        for (let i = worker; running; i++) {
          const key = counters[i % counters.length]!;
          const value = await redis.incr(key);
          confirmed.set(key, Math.max(confirmed.get(key) ?? 0, value));
          const seen = await redis.get(key);
          assert(Number(seen) >= value, `${key}: ${seen} after ${value}`);
          if (i % 10 === 0) {
            const replies = await redis.multi().incr(key).incr(key).exec();
            assertEquals(replies![1], replies![0]! + 1);
            confirmed.set(key, Math.max(confirmed.get(key) ?? 0, replies![1]));
          }
        }
      }));
      let total = 0;
      for (let round = 0; round < (SOAK ? 6 : 2); round++) {
        const to = (from + 1) % 3;
        await clients[to]!.command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from]!);
        await clients[from]!.command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to]!);
        await delay(20);
        for (;;) {
          const keys = await clients[from]!.command(
            "CLUSTER",
            "GETKEYSINSLOT",
            slot,
            5,
          ) as string[];
          if (keys.length === 0) break;
          await clients[from]!.command(
            "MIGRATE",
            "127.0.0.1",
            cluster.ports[to]!,
            "",
            0,
            5_000,
            "KEYS",
            ...keys,
          );
          await delay(2);
        }
        for (const i of [to, from, 3 - to - from]) {
          await clients[i]!.command("CLUSTER", "SETSLOT", slot, "NODE", ids[to]!);
        }
        from = to;
        await delay(50);
        // The subscription has moved along.
        const text = `round ${round}`;
        const next = messages.next();
        const arrived = next.then(({ value }) => assertEquals(value!.message, text));
        let here = false;
        void arrived.then(() => here = true, () => here = true);
        await until(async () => {
          if (!here && await redis.spublish("{m}channel", text) > 0) await delay(5);
          return here;
        });
        await arrived;
      }
      running = false;
      await load;
      for (const key of counters) {
        const value = Number(await redis.get(key));
        total += value;
        // Every increment was confirmed, so the last confirmed value is the value.
        assertEquals(value, confirmed.get(key) ?? 0, key);
      }
      assert(total > 0);
      await Promise.all(clients.map((client) => client.close()));
    });

    await t.step("reads go to copies when asked to, and a copy takes over", async () => {
      await using reader = await RedisCluster.connect([url], {
        readFrom: "replica",
        reconnect: { baseMs: 5, maxMs: 50 },
      });
      await using copy = await RedisClient.connect({ port: cluster.replica });
      await using first = await RedisClient.connect({ port: cluster.ports[0]! });
      // A key of the node that has a copy.
      let key = "";
      for (let i = 0; key === ""; i++) {
        try {
          await first.set(`r${i}`, "v");
          key = `r${i}`;
        } catch (error) {
          assertInstanceOf(error, RedisReplyError);
        }
      }
      const calls = async (client: RedisClient): Promise<number> => {
        const match = /cmdstat_get:calls=(\d+)/.exec(await client.info("commandstats"));
        return Number(match?.[1] ?? 0);
      };
      await until(async () => {
        const before = await calls(copy);
        assertEquals(await reader.get(key), "v");
        return await calls(copy) > before;
      });
      assertEquals(await reader.set(key, "w"), true);
      await until(async () => await reader.get(key) === "w");
      // The node goes; its copy is promoted, and both clients find it.
      await first.command("SHUTDOWN", "NOSAVE").catch(() => {});
      await copy.command("CLUSTER", "FAILOVER", "TAKEOVER");
      assertEquals(await reader.set(key, "after"), true);
      assertEquals(await redis.get(key), "after");
      await until(() => redis.masters.includes(`127.0.0.1:${cluster.replica}`));
    });
  },
});
