import { assert, assertEquals, assertRejects } from "@std/assert";
import { Group, type GroupLoader, PeerError, PeerPool } from "./mod.ts";
import { decodeGetResponse, encodeGetResponse } from "./_peer_message.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Peers in one process whose requests go straight to each other's handlers. */
class Cluster {
  readonly pools = new Map<string, PeerPool>();
  readonly groups: Group[] = [];
  readonly loads: string[] = [];
  readonly down = new Set<string>();
  requests = 0;

  constructor(
    size: number,
    options: { secret?: string; hotQps?: number; load?: GroupLoader } = {},
  ) {
    const urls = Array.from({ length: size }, (_, index) => `http://peer-${index}.test`);
    for (const url of urls) {
      const pool = new PeerPool({
        self: url,
        peers: urls,
        retryMs: 60_000,
        ...(options.secret === undefined ? {} : { secret: options.secret }),
        fetch: (request) => this.#send(request),
      });
      const group = new Group({
        name: "test group/ä",
        maxBytes: 1_000_000,
        hotQps: options.hotQps ?? Infinity,
        load: options.load ?? ((key) => {
          this.loads.push(`${url} ${key}`);
          return Promise.resolve(encoder.encode(`value of ${key}`));
        }),
      });
      pool.register(group);
      this.pools.set(url, pool);
      this.groups.push(group);
    }
  }

  #send(request: Request): Promise<Response> {
    this.requests++;
    const { origin } = new URL(request.url);
    if (this.down.has(origin)) return Promise.reject(new TypeError("connection refused"));
    return this.pools.get(origin)!.fetch(request);
  }
}

async function text(group: Group, key: string): Promise<string> {
  return decoder.decode(await group.get(key));
}

Deno.test("`Group.get()` loads each key once in the whole cluster, at its owner", async () => {
  const cluster = new Cluster(3);
  for (const key of ["a", "b/c", "d e", "ü%2F?#", ""]) {
    for (const group of cluster.groups) assertEquals(await text(group, key), `value of ${key}`);
  }
  assertEquals(cluster.loads.length, 5);
  assert(cluster.groups.reduce((sum, group) => sum + group.stats().peerLoads, 0) >= 5);
});

Deno.test("`Group.get()` shares one load among concurrent callers on every peer", async () => {
  let loads = 0;
  const { promise, resolve } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  const cluster = new Cluster(3, {
    load: () => {
      loads++;
      return promise;
    },
  });
  const callers = cluster.groups.flatMap((group) =>
    Array.from({ length: 50 }, () => text(group, "shared"))
  );
  resolve(encoder.encode("one"));
  assertEquals(new Set(await Promise.all(callers)), new Set(["one"]));
  assertEquals(loads, 1);
});

Deno.test("`Group.get()` loads here when the owner is down, and leaves it alone for a while", async () => {
  const cluster = new Cluster(2);
  cluster.down.add("http://peer-1.test");
  const [group] = cluster.groups;
  const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
  for (const key of keys) assertEquals(await text(group!, key), `value of ${key}`);
  assertEquals(cluster.loads.every((load) => load.startsWith("http://peer-0.test")), true);
  assertEquals(group!.stats().peerErrors, 1);
  assertEquals(cluster.requests, 1);
  assertEquals(cluster.pools.get("http://peer-0.test")!.states(), [
    { url: "http://peer-1.test", healthy: false, failures: 1 },
  ]);
});

Deno.test("`Group` keeps copies of other peers' hot keys only", async () => {
  const cluster = new Cluster(2, { hotQps: 0 });
  for (const group of cluster.groups) {
    for (let round = 0; round < 5; round++) await text(group, "a");
  }
  assertEquals(cluster.requests, 1);
  const cold = new Cluster(2);
  for (const group of cold.groups) for (let round = 0; round < 5; round++) await text(group, "a");
  assertEquals(cold.requests, 5);
});

Deno.test("`Group.remove()` drops the key at its owner and all copies", async () => {
  let version = 1;
  const cluster = new Cluster(3, {
    hotQps: 0,
    load: () => Promise.resolve(encoder.encode(`v${version}`)),
  });
  for (const group of cluster.groups) assertEquals(await text(group, "a"), "v1");
  version = 2;
  await cluster.groups[0]!.remove("a");
  for (const group of cluster.groups) assertEquals(await text(group, "a"), "v2");
  cluster.down.add("http://peer-2.test");
  await assertRejects(() => cluster.groups[0]!.remove("a"), AggregateError, "1 of its peers");
});

Deno.test("`Group` loads a value anew once it has expired, also across peers", async () => {
  let loads = 0;
  const cluster = new Cluster(2, {
    hotQps: 0,
    load: () => {
      loads++;
      return Promise.resolve({
        value: encoder.encode(`${loads}`),
        expiresAtMs: loads === 1 ? Date.now() - 1 : Date.now() + 60_000,
      });
    },
  });
  const [one, two] = cluster.groups;
  assertEquals(await text(one!, "a"), "1");
  assertEquals(await text(two!, "a"), "2");
  assertEquals(await text(one!, "a"), "2");
});

Deno.test("`Group.get()` passes a load's failure on and keeps nothing", async () => {
  let loads = 0;
  const group = new Group({
    name: "failing",
    maxBytes: 1_000,
    load: () =>
      ++loads === 1 ? Promise.reject(new TypeError("down")) : Promise.resolve(encoder.encode("up")),
  });
  await assertRejects(() => group.get("a"), TypeError, "down");
  assertEquals(await text(group, "a"), "up");
});

Deno.test("Peers whose lists differ do not send a request round in circles", async () => {
  const cluster = new Cluster(2);
  const [one, two] = [...cluster.pools.values()];
  one!.setPeers(["http://peer-1.test"]);
  two!.setPeers([]);
  for (let key = 0; key < 20; key++) await text(cluster.groups[0]!, `${key}`);
  assert(cluster.requests <= 20);
  assertEquals(cluster.loads.length, 20);
});

Deno.test("`PeerPool.fetch()` refuses a wrong secret, path, group, method and key", async () => {
  const cluster = new Cluster(1, { secret: "right" });
  const pool = cluster.pools.get("http://peer-0.test")!;
  const base = "http://peer-0.test/_groundwork/";
  const name = encodeURIComponent("test group/ä");
  const ask = async (path: string, secret = "right", method = "GET") => {
    const headers = { authorization: `Bearer ${secret}` };
    const response = await pool.fetch(new Request(base + path, { method, headers }));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await ask(`${name}/a`), 200);
  assertEquals(await ask(`${name}/a`, "wrong"), 401);
  assertEquals(await ask(`${name}/a`, ""), 401);
  assertEquals(await ask(`${name}/a/b`), 400);
  assertEquals(await ask(name), 400);
  assertEquals(await ask(`${name}/%ff`), 400);
  assertEquals(await ask("other/a"), 404);
  assertEquals(await ask(`${name}/a`, "right", "POST"), 405);
  assertEquals(await ask(`${name}/${"k".repeat(2_049)}`), 414);
  const elsewhere = await pool.fetch(new Request("http://peer-0.test/else"));
  assertEquals([elsewhere.status, await elsewhere.text()], [404, "Not found\n"]);
});

Deno.test("A peer that answers nonsense or too much is told apart from one that is down", async () => {
  const answers = [
    new Response(new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])),
    new Response(new Uint8Array(2_000)),
    new Response("no", { status: 401 }),
    new Response("broken loader", { status: 500 }),
  ];
  const pool = new PeerPool({
    self: "http://self.test",
    peers: ["http://peer.test"],
    maxValueBytes: 1_000,
    retryMs: 0,
    fetch: () => Promise.resolve(answers.shift()!),
  });
  const [peer] = pool.others();
  const { signal } = new AbortController();
  for (const code of ["protocol", "limit", "unauthorized", "load"]) {
    const error = await assertRejects(() => peer!.get("group", "key", signal), PeerError);
    assertEquals(error.code, code);
  }
});

Deno.test("`decodeGetResponse()` reads what `encodeGetResponse()` writes, and groupcache's bytes", () => {
  for (const length of [0, 1, 127, 128, 70_000]) {
    const value = new Uint8Array(length).fill(7);
    const message = encodeGetResponse({ value, minuteQps: 1.5 });
    assertEquals(decodeGetResponse(message), { value, minuteQps: 1.5 });
  }
  // value = "abc", minute_qps = 2, and an unknown field of each wire type.
  const bytes = [10, 3, 97, 98, 99, 17, 0, 0, 0, 0, 0, 0, 0, 64, 24, 5, 34, 1, 0, 45, 1, 2, 3, 4];
  const { value, minuteQps } = decodeGetResponse(Uint8Array.from(bytes));
  assertEquals([decoder.decode(value), minuteQps], ["abc", 2]);
});

Deno.test("`decodeGetResponse()` meets hostile bytes with a `PeerError` and nothing else", () => {
  let seed = 99;
  for (let round = 0; round < 20_000; round++) {
    const bytes = new Uint8Array(round % 24);
    for (let index = 0; index < bytes.length; index++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      bytes[index] = seed >>> 16;
    }
    try {
      assert(decodeGetResponse(bytes).value.length <= bytes.length);
    } catch (error) {
      assert(error instanceof PeerError, `round ${round}: ${error}`);
    }
  }
});
