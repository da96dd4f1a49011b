import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type BoundedCache,
  type CacheOptions,
  type EvictionReason,
  FifoCache,
  LfuCache,
  LruCache,
  S3FifoCache,
  SieveCache,
  TinyLfuCache,
} from "./mod.ts";

const CACHES = { LruCache, FifoCache, SieveCache, LfuCache, S3FifoCache, TinyLfuCache };
type Make = new <K, V>(options: CacheOptions<K, V>) => BoundedCache<K, V>;

/** A repeatable source of numbers in [0, 1) (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

for (const [name, CacheClass] of Object.entries(CACHES) as [string, Make][]) {
  Deno.test(`\`${name}\` holds what a map holds, within its bounds, over random operations`, () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const next = random(seed);
    const model = new Map<number, { value: number; sizeBytes: number }>();
    const cache = new CacheClass<number, number>({
      maxEntries: 50,
      maxBytes: 1_000,
      onEvict: (key, value, reason) => {
        if (reason === "replaced") return;
        assertEquals(model.get(key)?.value, value, `seed ${seed}: evicted`);
        model.delete(key);
      },
    });
    const operations = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 1_000_000 : 20_000;
    for (let operation = 0; operation < operations; operation++) {
      const key = Math.floor(next() ** 2 * 150);
      const kind = next();
      if (kind < 0.5) {
        assertEquals(cache.get(key), model.get(key)?.value, `seed ${seed}: get`);
      } else if (kind < 0.95) {
        const sizeBytes = Math.floor(next() * 60);
        const old = model.get(key);
        model.set(key, { value: operation, sizeBytes });
        // An entry that is replaced may be evicted by what it has grown to.
        if (!cache.set(key, operation, { sizeBytes })) assert(old !== undefined);
      } else if (kind < 0.999) {
        const present = model.has(key);
        assertEquals(cache.delete(key), present, `seed ${seed}: delete`);
      } else {
        cache.clear();
        assertEquals(cache.size, 0);
      }
      assertEquals(cache.size, model.size, `seed ${seed}: size`);
      assert(cache.size <= 50 && cache.sizeBytes <= 1_000, `seed ${seed}: bounds`);
    }
    const expected = [...model.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    assertEquals(cache.sizeBytes, expected, `seed ${seed}: bytes`);
    assertEquals(
      [...cache.entries()].sort(([a], [b]) => a - b),
      [...model].map(([key, { value }]) => [key, value] as [number, number])
        .sort(([a], [b]) => a - b),
      `seed ${seed}: entries`,
    );
  });

  Deno.test(`\`${name}\` refuses a value larger than itself, and drops what that would replace`, () => {
    const cache = new CacheClass<string, string>({
      maxBytes: 10,
      sizeOf: (value) => value.length,
    });
    assert(cache.set("a", "small"));
    assertFalse(cache.set("a", "much too large"));
    assertEquals(cache.get("a"), undefined);
    assertEquals(cache.sizeBytes, 0);
  });

  Deno.test(`\`${name}\` takes any key and any value`, () => {
    const cache = new CacheClass<unknown, unknown>({ maxEntries: 100 });
    const keys = [undefined, null, NaN, 0, "0", 0n, true, {}, [], Symbol("a"), Symbol.for("b"), ""];
    for (const key of keys) cache.set(key, undefined);
    assertEquals(cache.size, keys.length);
    for (const key of keys) assert(cache.has(key), String(key));
    assert(cache.delete(undefined));
    assertFalse(cache.has(undefined));
    cache.clear();
    assertEquals([...cache], []);
  });
}

Deno.test("`LfuCache` keeps what was used most, over random operations, as a sorted model does", () => {
  const next = random(7);
  const cache = new LfuCache<number, number>({ maxEntries: 20 });
  const uses = new Map<number, { count: number; turn: number }>();
  for (let turn = 0; turn < 20_000; turn++) {
    const key = Math.floor(next() ** 2 * 60);
    const known = uses.get(key);
    if (known) {
      cache.get(key);
      uses.set(key, { count: known.count + 1, turn });
      continue;
    }
    if (uses.size === 20) {
      const [victim] = [...uses].sort(([, a], [, b]) => a.count - b.count || a.turn - b.turn)[0]!;
      uses.delete(victim);
    }
    cache.set(key, turn);
    uses.set(key, { count: 1, turn });
    assertEquals(new Set(cache.keys()), new Set(uses.keys()), `turn ${turn}`);
  }
});

Deno.test("`S3FifoCache` takes a key that comes back soon into its main queue", () => {
  const cache = new S3FifoCache<string, number>({ maxEntries: 10 });
  cache.set("back", 1);
  for (let key = 0; key < 10; key++) cache.set(`scan ${key}`, key);
  assertFalse(cache.has("back"));
  cache.set("back", 2);
  for (let key = 10; key < 100; key++) cache.set(`scan ${key}`, key);
  assertEquals(cache.get("back"), 2);
});

Deno.test("`TinyLfuCache` keeps frequent keys through a scan that would flush an LRU", () => {
  const tiny = new TinyLfuCache<number, number>({ maxEntries: 100 });
  const lru = new LruCache<number, number>({ maxEntries: 100 });
  for (const cache of [tiny, lru]) {
    for (let round = 0; round < 20; round++) {
      for (let key = 0; key < 90; key++) if (cache.get(key) === undefined) cache.set(key, key);
    }
    for (let key = 1_000; key < 3_000; key++) cache.set(key, key);
  }
  const kept = (cache: BoundedCache<number, number>) =>
    Array.from({ length: 90 }, (_, key) => key).filter((key) => cache.has(key)).length;
  assertEquals(kept(lru), 0);
  assert(kept(tiny) >= 70, `kept ${kept(tiny)}`);
});

Deno.test("A cache without a bound, or with a bad one, is refused", () => {
  assertThrows(() => new LruCache({}), RangeError, "without a bound");
  for (const maxEntries of [0, -1, 1.5, NaN, Infinity, 16_777_216]) {
    assertThrows(() => new LruCache({ maxEntries }), RangeError, "maxEntries must be");
  }
  for (const maxBytes of [0, -1, NaN, Infinity]) {
    assertThrows(() => new LruCache({ maxBytes }), RangeError, "maxBytes must be");
  }
  assertThrows(() => new LruCache({ maxEntries: 1, ttlMs: NaN }), RangeError, "ttlMs must be");
  const cache = new LruCache<string, number>({ maxBytes: 10 });
  assertThrows(() => cache.set("a", 1), RangeError, "unknown size");
  assertThrows(() => cache.set("a", 1, { sizeBytes: NaN }), RangeError, "size must be");
  assertThrows(() => cache.set("a", 1, { sizeBytes: 1, ttlMs: -1 }), RangeError, "ttlMs must be");
});

Deno.test("The listener hears every reason, after the cache is whole again", () => {
  const events: [string, number, EvictionReason, boolean][] = [];
  let nowMs = 0;
  const cache: LruCache<string, number> = new LruCache({
    maxEntries: 2,
    now: () => nowMs,
    onEvict: (key, value, reason) => {
      events.push([key, value, reason, cache.has("again")]);
      if (reason === "deleted") cache.set("again", 0);
    },
  });
  cache.set("a", 1);
  cache.set("a", 2);
  cache.set("b", 3, { ttlMs: 100 });
  cache.set("c", 4);
  nowMs = 200;
  assertEquals(cache.sweep(), 1);
  cache.delete("c");
  cache.clear();
  assertEquals(events, [
    ["a", 1, "replaced", false],
    ["a", 2, "capacity", false],
    ["b", 3, "expired", false],
    ["c", 4, "deleted", false],
    ["again", 0, "cleared", false],
  ]);
});

Deno.test("Entries expire by the cache's time or their own, and leave without being read", () => {
  let nowMs = 0;
  const expired: string[] = [];
  const cache = new LruCache<string, number>({
    maxEntries: 10,
    ttlMs: 1_000,
    now: () => nowMs,
    onEvict: (key) => void expired.push(key),
  });
  cache.set("short", 1, { ttlMs: 10 });
  cache.set("usual", 2);
  cache.set("ever", 3, { ttlMs: Infinity });
  nowMs = 9;
  assertEquals(cache.get("short"), 1);
  nowMs = 10;
  assertEquals([cache.get("short"), cache.peek("short"), cache.has("short")], [
    undefined,
    undefined,
    false,
  ]);
  nowMs = 1_100;
  cache.set("new", 4);
  assertEquals(expired, ["short", "usual"]);
  assertEquals([...cache.keys()], ["new", "ever"]);
  assertEquals(cache.stats().expirations, 2);
});

Deno.test("Deadlines from milliseconds to years are met by the timer wheel", () => {
  const next = random(11);
  let nowMs = 12_345;
  const deadlines = new Map<number, number>();
  const late: number[] = [];
  const cache = new LruCache<number, number>({
    maxEntries: 5_000,
    now: () => nowMs,
    onEvict: (key, _, reason) => {
      if (reason !== "expired") return;
      late.push(nowMs - deadlines.get(key)!);
      deadlines.delete(key);
    },
  });
  for (let key = 0; key < 5_000; key++) {
    const ttlMs = Math.floor(10 ** (next() * 11));
    cache.set(key, key, { ttlMs });
    deadlines.set(key, nowMs + ttlMs);
  }
  while (nowMs < 2e11) {
    nowMs += Math.floor(10 ** (next() * 10));
    cache.sweep();
    for (const [key, deadline] of deadlines) {
      assert(deadline > nowMs, `key ${key} is ${nowMs - deadline} ms late`);
    }
  }
  assertEquals(cache.size, 0);
  assertEquals(late.length, 5_000);
  assert(late.every((ms) => ms >= 0));
});

Deno.test("`getOrLoad()` shares one load among many callers, and keeps its value", async () => {
  const cache = new LruCache<string, number>({ maxEntries: 10 });
  let loads = 0;
  const { promise, resolve } = Promise.withResolvers<number>();
  const loader = () => {
    loads++;
    return promise;
  };
  const callers = Array.from({ length: 100 }, () => cache.getOrLoad("a", loader));
  resolve(7);
  assertEquals(new Set(await Promise.all(callers)), new Set([7]));
  assertEquals(await cache.getOrLoad("a", () => 8), 7);
  assertEquals(loads, 1);
  assertEquals(cache.stats().loads, 1);
});

Deno.test("`getOrLoad()`: a caller's abort ends its wait, not the load of the others", async () => {
  const cache = new LruCache<string, number>({ maxEntries: 10 });
  const { promise, resolve } = Promise.withResolvers<number>();
  const controller = new AbortController();
  let signal: AbortSignal | undefined;
  const loader = (_: string, loadSignal: AbortSignal) => {
    signal = loadSignal;
    return promise;
  };
  const first = cache.getOrLoad("a", loader, { signal: controller.signal });
  const second = cache.getOrLoad("a", loader, { signal: new AbortController().signal });
  controller.abort(new Error("gone"));
  await assertRejects(() => first, Error, "gone");
  assertEquals(signal?.aborted, false);
  resolve(7);
  assertEquals(await second, 7);
  assertEquals(cache.get("a"), 7);
});

Deno.test("`getOrLoad()`: when the last caller gives up the load is aborted and stores nothing", async () => {
  const cache = new LruCache<string, number>({ maxEntries: 10 });
  const { promise, resolve } = Promise.withResolvers<number>();
  const controller = new AbortController();
  let signal: AbortSignal | undefined;
  const waiting = cache.getOrLoad("a", (_, loadSignal) => {
    signal = loadSignal;
    return promise;
  }, { signal: controller.signal });
  controller.abort();
  await assertRejects(() => waiting, DOMException);
  assertEquals(signal?.aborted, true);
  resolve(7);
  await promise;
  assertEquals(await cache.getOrLoad("a", () => 8), 8);
});

Deno.test("`getOrLoad()` does not keep a failed load", async () => {
  const cache = new LruCache<string, number>({ maxEntries: 10 });
  const failing = () => Promise.reject(new TypeError("down"));
  await assertRejects(() => cache.getOrLoad("a", failing), TypeError, "down");
  await assertRejects(
    () =>
      cache.getOrLoad("a", () => {
        throw new TypeError("at once");
      }),
    TypeError,
    "at once",
  );
  assertEquals(cache.size, 0);
  assertEquals(await cache.getOrLoad("a", () => 1), 1);
  assertEquals(cache.stats().loadErrors, 2);
});

Deno.test("A delete, a clear or a set during a load is not undone by it", async () => {
  for (const change of ["delete", "clear", "set"] as const) {
    const cache = new LruCache<string, number>({ maxEntries: 10 });
    const { promise, resolve } = Promise.withResolvers<number>();
    const waiting = cache.getOrLoad("a", () => promise);
    if (change === "delete") cache.delete("a");
    else if (change === "clear") cache.clear();
    else cache.set("a", 2);
    resolve(1);
    assertEquals(await waiting, 1);
    assertEquals(cache.get("a"), change === "set" ? 2 : undefined, change);
  }
});

Deno.test("`getOrLoad()` serves stale while it loads anew, and stale when loading fails", async () => {
  let nowMs = 0;
  const cache = new LruCache<string, number>({
    maxEntries: 10,
    ttlMs: 100,
    staleWhileRevalidateMs: 50,
    staleIfErrorMs: 500,
    now: () => nowMs,
  });
  const failing = () => Promise.reject(new Error("down"));
  cache.set("a", 1);
  nowMs = 120;
  assertEquals(cache.get("a"), undefined);
  assertEquals(await cache.getOrLoad("a", () => 2), 1);
  assertEquals(cache.get("a"), 2);
  nowMs = 120 + 400;
  assertEquals(await cache.getOrLoad("a", failing), 2);
  nowMs = 120 + 700;
  await assertRejects(() => cache.getOrLoad("a", failing), Error, "down");
});

Deno.test("`getOrLoad()` refreshes ahead of the end, once", async () => {
  let nowMs = 0;
  let loads = 0;
  const cache = new LruCache<string, number>({
    maxEntries: 10,
    ttlMs: 100,
    refreshAheadMs: 20,
    now: () => nowMs,
  });
  const loader = () => Promise.resolve(++loads);
  assertEquals(await cache.getOrLoad("a", loader), 1);
  nowMs = 85;
  assertEquals(await Promise.all([cache.getOrLoad("a", loader), cache.getOrLoad("a", loader)]), [
    1,
    1,
  ]);
  assertEquals(loads, 2);
  nowMs = 150;
  assertEquals(await cache.getOrLoad("a", loader), 2);
});

Deno.test("Iteration passes over what left since it began, and disposal clears", () => {
  const cleared: string[] = [];
  const cache = new LruCache<string, number>({
    maxEntries: 10,
    onEvict: (key) => void cleared.push(key),
  });
  for (const key of ["a", "b", "c", "d"]) cache.set(key, key.charCodeAt(0));
  const seen: string[] = [];
  for (const [key] of cache) {
    seen.push(key);
    if (key === "d") cache.delete("c");
    if (key === "b") cache.set("e", 1);
  }
  assertEquals(seen, ["d", "b", "a"]);
  cache[Symbol.dispose]();
  assertEquals(
    cleared,
    ["c", "e", "d", "b", "a"].toSorted((a, b) => cleared.indexOf(a) - cleared.indexOf(b)),
  );
  assertStrictEquals(cache.size, 0);
});

Deno.test("Hits, misses and evictions are counted", () => {
  const cache = new SieveCache<string, number>({ maxEntries: 1 });
  cache.get("a");
  cache.set("a", 1);
  cache.get("a");
  cache.peek("a");
  cache.set("b", 2);
  const { hits, misses, evictions } = cache.stats();
  assertEquals({ hits, misses, evictions }, { hits: 1, misses: 1, evictions: 1 });
});
