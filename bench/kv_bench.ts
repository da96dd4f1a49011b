/**
 * `kv` against classic-level (LevelDB), lmdb, node:sqlite and Deno.openKv: db_bench's workloads and
 * YCSB A to F, with 16-byte keys and 100-byte values over 10^6 entries (`KV_BENCH_ENTRIES` changes
 * that). One iteration is 1,000 operations unless the group says otherwise. Every store gets the
 * same cache, 512 MiB, where it takes one; reads use a store's synchronous call where it has one.
 *
 * `Deno.openKv` takes part with `--unstable-kv`. `KV_BENCH_PEERS` names a folder whose
 * `node_modules` has lmdb, for registries from which Deno cannot install it.
 */
import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { ClassicLevel } from "npm:classic-level@3.0.0";
import { Database } from "../kv/mod.ts";

const ENTRIES = Number(Deno.env.get("KV_BENCH_ENTRIES") ?? 1_000_000);
const CACHE_BYTES = 512 * 2 ** 20;
const OPERATIONS = 1000;
const PEERS = (Deno.env.get("KV_BENCH_ONLY") ?? "classic-level,lmdb,node:sqlite,Deno.openKv").split(
  ",",
);

type Entry = readonly [key: Uint8Array, value: Uint8Array];
type MaybePromise<T> = T | Promise<T>;

/** What a store has to do; each one does it in its own best way. */
interface Store {
  readonly name: string;
  /** All of them in one batch. */
  write(entries: readonly Entry[]): MaybePromise<unknown>;
  /** One durable write for each entry, all called at once. */
  writeSync(entries: readonly Entry[]): MaybePromise<unknown>;
  get(key: Uint8Array): MaybePromise<Uint8Array | undefined | null>;
  /** Whether `get` gives a promise. */
  readonly awaits: boolean;
  /** Reads entries from a key on; gives the bytes of their values. */
  scan(from: Uint8Array, limit: number): MaybePromise<number>;
  /** Lets compaction finish, as db_bench does before it reads. */
  settle?(): Promise<unknown>;
  close(): MaybePromise<unknown>;
}

async function openGroundwork(path: string): Promise<Store> {
  const db = await Database.open(path, { cacheBytes: CACHE_BYTES });
  return {
    name: "groundwork",
    awaits: false,
    write: (entries) => db.write(entries.map(([key, value]) => ({ type: "put", key, value }))),
    writeSync: (entries) =>
      Promise.all(entries.map(([key, value]) => db.put(key, value, { sync: true }))),
    get: (key) => db.getSync(key),
    scan(from, limit) {
      let bytes = 0;
      for (const [, value] of db.iterator({ from, limit })) bytes += value.length;
      return bytes;
    },
    settle: () => db.compactRange(),
    close: () => db.close(),
  };
}

async function openClassicLevel(path: string): Promise<Store> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    cacheSize: CACHE_BYTES,
  });
  await db.open();
  return {
    name: "classic-level",
    awaits: false,
    write: (entries) => db.batch(entries.map(([key, value]) => ({ type: "put", key, value }))),
    writeSync: (entries) =>
      Promise.all(entries.map(([key, value]) => db.put(key, value, { sync: true }))),
    get: (key) => db.getSync(key),
    async scan(from, limit) {
      const iterator = db.iterator({ gte: from, limit });
      let bytes = 0;
      for (;;) {
        const entries = await iterator.nextv(1000);
        if (entries.length === 0) break;
        for (const [, value] of entries) bytes += value.length;
      }
      await iterator.close();
      return bytes;
    },
    settle: () => db.compactRange(keyOf(0), keyOf(1e15)),
    close: () => db.close(),
  };
}

async function openLmdb(path: string): Promise<Store> {
  const folder = Deno.env.get("KV_BENCH_PEERS");
  const specifier = "npm:lmdb@3.5.6";
  const { open } = folder ? createRequire(`${folder}/`)("lmdb") : await import(specifier);
  const options = { encoding: "binary", keyEncoding: "binary", mapSize: 4 * 2 ** 30 };
  // The others' plain writes are not durable either: lmdb gets an environment without syncs for them.
  const db = open({ ...options, path: `${path}/plain`, noSync: true });
  const durable = open({ ...options, path: `${path}/durable` });
  return {
    name: "lmdb",
    awaits: false,
    write: (entries) =>
      db.transactionSync(() => {
        for (const [key, value] of entries) db.put(key, value);
      }),
    writeSync: async (entries) => {
      await Promise.all(entries.map(([key, value]) => durable.put(key, value)));
      await durable.flushed;
    },
    get: (key) => db.getBinary(key),
    scan(from, limit) {
      let bytes = 0;
      for (const { value } of db.getRange({ start: from, limit })) bytes += value.length;
      return bytes;
    },
    close: () => Promise.all([db.close(), durable.close()]),
  };
}

function openSqlite(path: string): Store {
  const db = new DatabaseSync(`${path}/db.sqlite`);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -${CACHE_BYTES / 1024};
    CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;`);
  const put = db.prepare("INSERT OR REPLACE INTO kv VALUES (?, ?)");
  type Rows =
    & { setReturnArrays(on: boolean): void; get(key: Uint8Array): Uint8Array[] | undefined }
    & {
      all(from: Uint8Array, limit: number): Uint8Array[][];
    };
  const prepare = (text: string) => {
    const statement = db.prepare(text) as unknown as Rows; // Deno's types lack setReturnArrays
    statement.setReturnArrays(true);
    return statement;
  };
  const get = prepare("SELECT value FROM kv WHERE key = ?");
  const range = prepare("SELECT key, value FROM kv WHERE key >= ? ORDER BY key LIMIT ?");
  const write = (entries: readonly Entry[]) => {
    db.exec("BEGIN");
    for (const [key, value] of entries) put.run(key, value);
    db.exec("COMMIT");
  };
  return {
    name: "node:sqlite",
    awaits: false,
    write,
    writeSync(entries) {
      db.exec("PRAGMA synchronous = FULL");
      for (const [key, value] of entries) put.run(key, value);
      db.exec("PRAGMA synchronous = NORMAL");
    },
    get: (key) => get.get(key)?.[0],
    scan(from, limit) {
      let bytes = 0;
      for (const row of range.all(from, limit) as unknown as Uint8Array[][]) {
        bytes += row[1]!.length;
      }
      return bytes;
    },
    close: () => db.close(),
  };
}

interface DenoKv {
  get(key: unknown[]): Promise<{ value: Uint8Array | null }>;
  list(
    selector: { start: unknown[]; end: unknown[] },
    options: { limit: number; batchSize?: number },
  ): AsyncIterable<{ value: Uint8Array }>;
  set(key: unknown[], value: Uint8Array): Promise<unknown>;
  atomic(): { set(key: unknown[], value: Uint8Array): unknown; commit(): Promise<unknown> };
  close(): void;
}

async function openDenoKv(path: string): Promise<Store> {
  const { openKv } = Deno as unknown as { openKv(path: string): Promise<DenoKv> };
  const db = await openKv(`${path}/kv.sqlite`);
  const end = [new Uint8Array([255])];
  return {
    name: "Deno.openKv",
    awaits: true,
    async write(entries) {
      for (let at = 0; at < entries.length; at += 500) {
        const atomic = db.atomic();
        for (const [key, value] of entries.slice(at, at + 500)) atomic.set([key], value);
        await atomic.commit();
      }
    },
    writeSync: (entries) => Promise.all(entries.map(([key, value]) => db.set([key], value))),
    get: async (key) => (await db.get([key])).value,
    async scan(from, limit) {
      let bytes = 0;
      const batchSize = Math.min(500, limit);
      for await (const { value } of db.list({ start: [from], end }, { limit, batchSize })) {
        bytes += value.length;
      }
      return bytes;
    },
    close: () => db.close(),
  };
}

function random(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let x = Math.imul(seed ^ seed >>> 15, 1 | seed);
    x = x + Math.imul(x ^ x >>> 7, 61 | x) ^ x;
    return ((x ^ x >>> 14) >>> 0) / 2 ** 32;
  };
}

/** YCSB's skew: theta 0.99, ranks spread over the keys. */
function zipfian(count: number, next: () => number): () => number {
  const theta = 0.99;
  let zeta = 0;
  for (let i = 1; i <= count; i++) zeta += 1 / i ** theta;
  const zeta2 = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zeta2 / zeta);
  return () => {
    const u = next();
    const uz = u * zeta;
    const rank = uz < 1 ? 0 : uz < zeta2 ? 1 : Math.floor(count * (eta * u - eta + 1) ** alpha);
    return Math.floor(random(rank)() * count);
  };
}

const encoder = new TextEncoder();
const keyOf = (i: number) => encoder.encode(String(i).padStart(16, "0"));
const VALUES = crypto.getRandomValues(new Uint8Array(65536));
/** Values are half random bytes and half text, so that they compress to about one half. */
for (let i = 0; i < VALUES.length; i++) if (i % 100 < 50) VALUES[i] = 97 + i % 10;
let valueAt = 0;
const nextValue = () => {
  valueAt = (valueAt + 100) % (VALUES.length - 100);
  return VALUES.subarray(valueAt, valueAt + 100);
};

const folders: string[] = [];
const folder = async () => {
  const path = await Deno.makeTempDir({ prefix: "kv_bench" });
  folders.push(path);
  return path;
};

const opens: ((path: string) => MaybePromise<Store>)[] = [openGroundwork];
if (PEERS.includes("classic-level")) opens.push(openClassicLevel);
if (PEERS.includes("lmdb")) opens.push(openLmdb);
if (PEERS.includes("node:sqlite")) opens.push(openSqlite);
if (PEERS.includes("Deno.openKv") && "openKv" in Deno) opens.push(openDenoKv);

const stores: Store[] = [];
const fillers: Store[] = [];
for (const open of opens) {
  try {
    stores.push(await open(await folder()));
    fillers.push(await open(await folder()));
  } catch (error) {
    console.error(`Left out: ${open.name}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function group(
  name: string,
  among: readonly Store[],
  workload: (store: Store) => () => MaybePromise<unknown>,
  n?: number,
): void {
  for (const store of among) {
    const run = workload(store);
    Deno.bench({
      name: store.name,
      group: name,
      baseline: store.name === "groundwork",
      ...(n === undefined ? {} : { n, warmup: Math.ceil(n / 10) }),
      fn: async () => void await run(),
    });
  }
}

const batch = (index: () => number, size = OPERATIONS): Entry[] =>
  Array.from({ length: size }, () => [keyOf(index()), nextValue()]);

group("fillseq", fillers, (store) => {
  let at = 0;
  return () => store.write(batch(() => at++));
}, 300);
group("fillrandom", fillers, (store) => {
  const next = random(1);
  return () => store.write(batch(() => 1e9 + Math.floor(next() * ENTRIES)));
}, 300);
group("fillsync (1 durable write)", fillers, (store) => {
  const next = random(2);
  return () => store.writeSync(batch(() => Math.floor(next() * ENTRIES), 1));
}, 50);
group("fillsync (256 durable writes at once)", fillers, (store) => {
  const next = random(3);
  return () => store.writeSync(batch(() => Math.floor(next() * ENTRIES), 256));
}, 20);

// The rest works on a full store.
for (const store of stores) {
  const order = Uint32Array.from({ length: ENTRIES }, (_, i) => i);
  const next = random(4);
  for (let i = ENTRIES - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const started = performance.now();
  for (let at = 0; at < ENTRIES; at += OPERATIONS) {
    let i = at;
    await store.write(batch(() => order[i++]!));
  }
  const micros = (performance.now() - started) * 1000 / ENTRIES;
  console.error(`${store.name}: ${ENTRIES} entries in random order, ${micros.toFixed(2)} µs each`);
  await store.settle?.();
}

const reads = (store: Store, keys: Uint8Array[]) =>
  store.awaits
    ? async () => {
      for (const key of keys) await store.get(key);
    }
    : () => {
      for (const key of keys) store.get(key);
    };
const some = (seed: number, count: number, suffix = "") => {
  const next = random(seed);
  return Array.from(
    { length: count },
    () => encoder.encode(String(Math.floor(next() * ENTRIES)).padStart(16, "0") + suffix),
  );
};
/** New keys in each iteration, taken from many made beforehand. */
const rotating = (store: Store, keys: Uint8Array[]) => {
  const runs = Array.from(
    { length: keys.length / OPERATIONS },
    (_, i) => reads(store, keys.slice(i * OPERATIONS, (i + 1) * OPERATIONS)),
  );
  let at = 0;
  return () => runs[at++ % runs.length]!();
};
group("readrandom", stores, (store) => rotating(store, some(6, 200 * OPERATIONS)), 200);
group("readhot (1,000 keys)", stores, (store) => reads(store, some(7, OPERATIONS)), 200);
group("readmissing", stores, (store) => rotating(store, some(8, 100 * OPERATIONS, "x")), 100);
group("readseq (10,000 entries)", stores, (store) => {
  const next = random(9);
  return () => store.scan(keyOf(Math.floor(next() * ENTRIES * 0.9)), 10_000);
}, 30);
group("seekrandom (100 seeks, 10 entries each)", stores, (store) => {
  const keys = some(10, 100);
  return async () => {
    for (const key of keys) {
      const bytes = store.scan(key, 10);
      if (typeof bytes !== "number") await bytes;
    }
  };
}, 30);

/** Of each hundred operations so many reads, updates, inserts, scans and read-modify-writes. */
const YCSB: Record<string, [number, number, number, number, number]> = {
  "A (50 read, 50 update)": [50, 50, 0, 0, 0],
  "B (95 read, 5 update)": [95, 5, 0, 0, 0],
  "C (100 read)": [100, 0, 0, 0, 0],
  "D (95 read of the newest, 5 insert)": [95, 0, 5, 0, 0],
  "E (95 scan of up to 100, 5 insert)": [0, 0, 5, 95, 0],
  "F (50 read, 50 read-modify-write)": [50, 0, 0, 0, 50],
};
for (const [name, [read, update, insert, scan]] of Object.entries(YCSB)) {
  const short = name.startsWith("E");
  const count = short ? 100 : OPERATIONS;
  group(`YCSB ${name}${short ? ", 100 operations" : ""}`, stores, (store) => {
    const next = random(11);
    const skewed = zipfian(ENTRIES, next);
    let newest = ENTRIES;
    const pick = () => name.startsWith("D") ? Math.max(0, newest - 1 - skewed() % 1000) : skewed();
    return async () => {
      for (let i = 0; i < count; i++) {
        const kind = next() * 100;
        if (kind < read) {
          const got = store.get(keyOf(pick()));
          if (store.awaits) await got;
        } else if (kind < read + update) await store.write([[keyOf(pick()), nextValue()]]);
        else if (kind < read + update + insert) await store.write([[keyOf(newest++), nextValue()]]);
        else if (kind < read + update + insert + scan) {
          const got = store.scan(keyOf(pick()), 1 + Math.floor(next() * 100));
          if (typeof got !== "number") await got;
        } else {
          const key = keyOf(pick());
          const got = store.get(key);
          if (store.awaits) await got;
          await store.write([[key, nextValue()]]);
        }
      }
    };
  }, short ? 20 : 30);
}

group("overwrite", stores, (store) => {
  const next = random(5);
  return () => store.write(batch(() => Math.floor(next() * ENTRIES)));
}, 100);

globalThis.addEventListener("unload", () => {
  for (const path of folders) {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch {
      // still open: the temporary directory is cleaned by the system
    }
  }
});
