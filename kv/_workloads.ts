/** The workloads of LevelDB's db_bench, under its names, for the command line. */
import { setImmediate } from "node:timers";
import type { Database } from "./database.ts";
import type { Operation } from "./operation.ts";

/** How much a workload does. */
export interface WorkloadSize {
  /** Entries of the database and operations of a workload. */
  readonly entries: number;
  /** Bytes of a value. */
  readonly valueBytes: number;
}

/** What a workload took. */
export interface WorkloadResult {
  /** Operations that were done. */
  readonly operations: number;
  /** Bytes of keys and values that were written or found. */
  readonly bytes: number;
  /** Reads that found something, for workloads that look for keys. */
  readonly found?: number;
}

/** One workload; those that are `fresh` want an empty database. */
export interface Workload {
  readonly fresh?: boolean;
  run(db: Database, size: WorkloadSize, signal: AbortSignal): Promise<WorkloadResult>;
}

const KEY_BYTES = 16;
const HOT_PART = 100;
/** A durable write costs a thousand times as much as another. */
const SYNC_PART = 1000;
/** As many times larger are the values of fill100K, and so many fewer are there. */
const LARGE_PART = 1000;
/** Operations between two turns of the event loop, in which a signal can arrive. */
const STRIDE = 10_000;

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  for (let i = KEY_BYTES - 1; i >= 0; i--) {
    key[i] = 48 + number % 10;
    number = Math.floor(number / 10);
  }
  return key;
}

/** Numbers in a fixed random order, so that runs compare. */
function random(seed: number): (limit: number) => number {
  return (limit) => {
    seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((seed ^ seed >>> 13) >>> 0) % limit;
  };
}

/** Values of which Snappy saves half, as db_bench's do. */
function valuesOf(valueBytes: number): (number: number) => Uint8Array {
  const next = random(301);
  const pool = Uint8Array.from({ length: 1 << 20 }, () => 32 + next(95));
  const half = Math.ceil(valueBytes / 2);
  return (number) => {
    const value = new Uint8Array(valueBytes);
    const start = number * 127 % (pool.length - half);
    const part = pool.subarray(start, start + half);
    value.set(part);
    value.set(part.subarray(0, valueBytes - half), half);
    return value;
  };
}

type Order = (index: number, entries: number, next: (limit: number) => number) => number;
const inOrder: Order = (index) => index;
const anyOrder: Order = (_index, entries, next) => next(entries);

/** Lets signals and compactions have their turn. */
async function breathe(signal: AbortSignal): Promise<void> {
  // A timer would take two milliseconds, as long as thousands of reads.
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}

interface FillOptions {
  readonly fresh?: boolean;
  readonly sync?: boolean;
  readonly delete?: boolean;
  /** One operation for so many entries. */
  readonly part?: number;
  /** Operations of one write. */
  readonly batch?: number;
  readonly valueBytes?: number;
}

function fill(order: Order, options: FillOptions): Workload {
  const { batch = 1, part = 1, sync = false } = options;
  return {
    fresh: options.fresh ?? false,
    async run(db, size, signal) {
      const { entries } = size;
      const valueBytes = options.valueBytes ?? size.valueBytes;
      const next = random(1);
      const valueOf = valuesOf(valueBytes);
      const operations = Math.ceil(entries / part);
      for (let i = 0; i < operations;) {
        const together: Operation[] = [];
        for (const end = Math.min(operations, i + batch); i < end; i++) {
          const key = keyOf(order(i, entries, next));
          together.push(
            options.delete ? { type: "delete", key } : { type: "put", key, value: valueOf(i) },
          );
        }
        await db.write(together, { sync });
        if (i % STRIDE === 0) await breathe(signal);
      }
      const each = KEY_BYTES + (options.delete ? 0 : valueBytes);
      return { operations, bytes: operations * each };
    },
  };
}

function read(
  keyAt: (index: number, entries: number, next: (limit: number) => number) => Uint8Array,
): Workload {
  return {
    async run(db, { entries }, signal) {
      const next = random(2);
      let found = 0;
      let bytes = 0;
      for (let i = 0; i < entries; i++) {
        const value = db.getSync(keyAt(i, entries, next));
        if (value) {
          found++;
          bytes += KEY_BYTES + value.length;
        }
        if (i % STRIDE === 0) await breathe(signal);
      }
      return { operations: entries, bytes, found };
    },
  };
}

function scan(reverse: boolean): Workload {
  return {
    async run(db, { entries }, signal) {
      let operations = 0;
      let bytes = 0;
      using iterator = db.iterator({ reverse, limit: entries });
      for (let entry; (entry = iterator.nextSync());) {
        bytes += entry[0].length + entry[1].length;
        if (++operations % STRIDE === 0) await breathe(signal);
      }
      return { operations, bytes };
    },
  };
}

/** The workloads by name. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  fillseq: fill(inOrder, { fresh: true }),
  fillbatch: fill(inOrder, { fresh: true, batch: 1000 }),
  fillsync: fill(anyOrder, { fresh: true, sync: true, part: SYNC_PART }),
  fillrandom: fill(anyOrder, { fresh: true }),
  overwrite: fill(anyOrder, {}),
  fill100K: fill(anyOrder, { fresh: true, part: LARGE_PART, valueBytes: 100_000 }),
  readrandom: read((_index, entries, next) => keyOf(next(entries))),
  readmissing: read((_index, entries, next) => {
    const key = keyOf(next(entries));
    key[KEY_BYTES - 1] = 46;
    return key;
  }),
  readhot: read((_index, entries, next) => keyOf(next(Math.ceil(entries / HOT_PART)))),
  readseq: scan(false),
  readreverse: scan(true),
  seekrandom: {
    async run(db, { entries }, signal) {
      const next = random(3);
      let found = 0;
      let bytes = 0;
      for (let i = 0; i < entries; i++) {
        using iterator = db.iterator({ gte: keyOf(next(entries)), limit: 1 });
        const entry = iterator.nextSync();
        if (entry) {
          found++;
          bytes += entry[0].length + entry[1].length;
        }
        if (i % STRIDE === 0) await breathe(signal);
      }
      return { operations: entries, bytes, found };
    },
  },
  deleteseq: fill(inOrder, { delete: true }),
  deleterandom: fill(anyOrder, { delete: true }),
  compact: {
    async run(db, _size, signal) {
      await db.compactRange({ signal });
      return { operations: 1, bytes: 0 };
    },
  },
};

/** What is run where nothing is asked for, as in db_bench. */
export const DEFAULT_WORKLOADS: readonly string[] = [
  "fillseq",
  "fillsync",
  "fillrandom",
  "overwrite",
  "readrandom",
  "readmissing",
  "readseq",
  "readreverse",
  "compact",
  "readrandom",
  "seekrandom",
  "readhot",
  "deleterandom",
  "fill100K",
];
