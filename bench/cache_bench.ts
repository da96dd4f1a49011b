/**
 * In-process caches: the time of one request (a read, and a write where it missed) on a Zipf load
 * and on one that scans, with 10,000 entries of room for 100,000 keys; and the hit rates.
 *
 * Every cache is bounded by entries only, the one bound that all peers have, and starts full.
 */
import { LRUCache } from "npm:lru-cache@11.5.3";
import { LRUMap } from "npm:mnemonist@0.40.8";
import QuickLRU from "npm:quick-lru@7.3.0";
import { lru as tinyLru } from "npm:tiny-lru@13.1.0";
import {
  type Cache,
  FifoCache,
  LfuCache,
  LruCache,
  S3FifoCache,
  SieveCache,
  TinyLfuCache,
} from "../cache/mod.ts";

const ENTRIES = 10_000;
const KEYS = 100_000;
const REQUESTS = 200_000;
const ZIPF_EXPONENT = 0.9;

/** What all peers have in common. */
interface Store {
  get(key: string): number | undefined;
  set(key: string, value: number): unknown;
}

/** Requests drawn by Zipf's law with a fixed seed. */
function zipf(): Uint32Array {
  const cumulative = new Float64Array(KEYS);
  let sum = 0;
  for (let rank = 0; rank < KEYS; rank++) {
    sum += 1 / (rank + 1) ** ZIPF_EXPONENT;
    cumulative[rank] = sum;
  }
  let seed = 42;
  return Uint32Array.from({ length: REQUESTS }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const wanted = (seed / 2 ** 32) * sum;
    let low = 0;
    let high = KEYS - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** The Zipf load with every fourth stretch of 5,000 requests replaced by a walk over keys in order. */
function scanning(base: Uint32Array): Uint32Array {
  return base.map((key, request) => Math.floor(request / 5_000) % 4 === 3 ? request % KEYS : key);
}

const keys = Array.from({ length: KEYS }, (_, index) => `key:${index}`);
const zipfLoad = zipf();
const loads = { zipf: zipfLoad, scan: scanning(zipfLoad) };

const makers: Record<string, () => Store> = {
  "groundwork LruCache": () => new LruCache<string, number>({ maxEntries: ENTRIES }),
  "groundwork SieveCache": () => new SieveCache<string, number>({ maxEntries: ENTRIES }),
  "groundwork S3FifoCache": () => new S3FifoCache<string, number>({ maxEntries: ENTRIES }),
  "groundwork TinyLfuCache": () => new TinyLfuCache<string, number>({ maxEntries: ENTRIES }),
  "groundwork FifoCache": () => new FifoCache<string, number>({ maxEntries: ENTRIES }),
  "groundwork LfuCache": () => new LfuCache<string, number>({ maxEntries: ENTRIES }),
  "lru-cache": () => new LRUCache<string, number>({ max: ENTRIES }),
  "mnemonist LRUMap": () => new LRUMap<string, number>(ENTRIES),
  "quick-lru": () => new QuickLRU<string, number>({ maxSize: ENTRIES }),
  "tiny-lru": () => tinyLru<number>(ENTRIES),
};

function run(store: Store, load: Uint32Array): number {
  let hits = 0;
  for (let request = 0; request < load.length; request++) {
    const key = keys[load[request]!]!;
    if (store.get(key) !== undefined) hits++;
    else store.set(key, request);
  }
  return hits;
}

for (const [loadName, load] of Object.entries(loads)) {
  for (const [name, make] of Object.entries(makers)) {
    const store = make();
    const hits = run(store, load);
    console.log(`${loadName} ${name}: ${(100 * hits / load.length).toFixed(1)} % hits`);
    Deno.bench({
      name,
      group: `cache ${loadName} x${REQUESTS}`,
      baseline: name === "groundwork LruCache",
      fn: () => void run(store, load),
    });
  }
}

const resident: Cache<string, number> = new LruCache({ maxEntries: ENTRIES });
for (let key = 0; key < ENTRIES; key++) resident.set(keys[key]!, key);
const loader = () => 1;
Deno.bench({
  name: "groundwork LruCache getOrLoad hit",
  group: "cache hit through a loader",
  baseline: true,
  fn: async () => void await resident.getOrLoad("key:77", loader),
});
const fetching = new LRUCache<string, number>({ max: ENTRIES, fetchMethod: loader });
for (let key = 0; key < ENTRIES; key++) fetching.set(keys[key]!, key);
Deno.bench({
  name: "lru-cache fetch hit",
  group: "cache hit through a loader",
  fn: async () => void await fetching.fetch("key:77"),
});
