import { assertEquals, assertLess } from "@std/assert";
import { type Cache, FifoCache, LruCache, SieveCache, TinyLfuCache } from "./mod.ts";

const MEBIBYTE = 2 ** 20;
const RECORD_BYTES = 24;
const SIZES_MIB = [128, 256, 384, 512, 640, 768, 896, 1024];

/** Misses at each size, as libCacheSim's own tests state them. */
const PUBLISHED = {
  LRU: [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704],
  FIFO: [93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140],
  SIEVE: [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376],
};

interface Trace {
  ids: Float64Array;
  sizes: Uint32Array;
}

const suites = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../shared/suites", import.meta.url).pathname;
const path = `${suites}/cache_traces/cloudPhysicsIO.oracleGeneral.bin`;

function readTrace(): Trace | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const view = new DataView(bytes.buffer);
  const count = bytes.length / RECORD_BYTES;
  const ids = new Float64Array(count);
  const sizes = new Uint32Array(count);
  for (let record = 0; record < count; record++) {
    ids[record] = Number(view.getBigUint64(record * RECORD_BYTES + 4, true));
    sizes[record] = view.getUint32(record * RECORD_BYTES + 12, true);
  }
  return { ids, sizes };
}

const trace = readTrace();
const ignore = trace === undefined;
const reason = ignore ? " (ignored: no cache_traces in GROUNDWORK_SUITES)" : "";

function misses(cache: Cache<number, true>): number {
  const { ids, sizes } = trace!;
  for (let request = 0; request < ids.length; request++) {
    const key = ids[request]!;
    if (cache.get(key) === undefined) cache.set(key, true, { sizeBytes: sizes[request]! });
  }
  return cache.stats().misses;
}

const CACHES = { LRU: LruCache, FIFO: FifoCache, SIEVE: SieveCache };

for (const name of ["LRU", "FIFO", "SIEVE"] as const) {
  Deno.test({
    name: `${name} misses as often as published at all eight sizes${reason}`,
    ignore,
    fn() {
      assertEquals(
        SIZES_MIB.map((size) => misses(new CACHES[name]({ maxBytes: size * MEBIBYTE }))),
        PUBLISHED[name],
      );
    },
  });
}

Deno.test({
  name: `W-TinyLFU misses less often than LRU at every size${reason}`,
  ignore,
  fn() {
    for (const [index, size] of SIZES_MIB.entries()) {
      const count = misses(new TinyLfuCache({ maxBytes: size * MEBIBYTE }));
      assertLess(count, PUBLISHED.LRU[index]!, `at ${size} MiB`);
    }
  },
});
