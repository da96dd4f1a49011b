/**
 * `kv`'s transactions against those of node:sqlite, lmdb and Deno.openKv: a bank of 100,000 accounts
 * with 16-byte keys and 100-byte values. Every transaction reads two accounts and writes both. One
 * iteration is 256 transactions. `plain write` is groundwork without a transaction, for the cost of one.
 *
 * `Deno.openKv` takes part with `--unstable-kv`. `KV_BENCH_PEERS` names a folder whose
 * `node_modules` has lmdb, for registries from which Deno cannot install it.
 */
import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { Database, type TransactionIsolation } from "../kv/mod.ts";

const ACCOUNTS = 100_000;
const TRANSACTIONS = 256;

/** Moves an amount between two accounts, each a key. */
type Transfer = (from: Uint8Array, to: Uint8Array) => unknown;

interface Bank {
  readonly name: string;
  /** One transfer after the other, not durable before the next begins. */
  readonly inTurn: Transfer;
  /** All transfers of an iteration at once, durable when they are done. */
  readonly atOnce: (pairs: readonly [Uint8Array, Uint8Array][]) => Promise<unknown> | void;
  close(): void | Promise<void>;
}

const encoder = new TextEncoder();
const keys = Array.from({ length: ACCOUNTS }, (_, id) => encoder.encode(`${id}`.padStart(16, "0")));
let seed = 1;
function anyKey(): Uint8Array {
  seed = Math.imul(seed, 1664525) + 1013904223 | 0;
  return keys[(seed >>> 8) % ACCOUNTS]!;
}
const pairs = (): [Uint8Array, Uint8Array][] =>
  Array.from({ length: TRANSACTIONS }, () => [anyKey(), anyKey()]);

/** What a transfer writes: the balance is in the first byte. */
function changed(value: Uint8Array, by: number): Uint8Array {
  const result = value.slice();
  result[0]! += by;
  return result;
}

const root = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
const balance = new Uint8Array(100).fill(100);

async function openGroundwork(isolation: TransactionIsolation | undefined): Promise<Bank> {
  const db = await Database.open(`${root}/${isolation}`);
  await db.write(keys.map((key) => ({ type: "put", key, value: balance })));
  const transfer = (from: Uint8Array, to: Uint8Array, sync: boolean): Promise<void> => {
    if (isolation === undefined) {
      const source = db.getSync(from)!;
      const target = db.getSync(to)!;
      return db.write([
        { type: "put", key: from, value: changed(source, -1) },
        { type: "put", key: to, value: changed(target, 1) },
      ], { sync });
    }
    return db.transaction({ isolation, sync }, (tx) => {
      const source = tx.getSync(from)!;
      const target = tx.getSync(to)!;
      tx.put(from, changed(source, -1));
      tx.put(to, changed(target, 1));
    });
  };
  return {
    name: isolation === undefined
      ? "plain write"
      : isolation === "serializable"
      ? "groundwork"
      : `groundwork, ${isolation}`,
    inTurn: (from, to) => transfer(from, to, false),
    atOnce: (pairs) => Promise.all(pairs.map(([from, to]) => transfer(from, to, true))),
    close: () => db.close(),
  };
}

function openSqlite(): Bank {
  const db = new DatabaseSync(`${root}/db.sqlite`);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;`);
  const put = db.prepare("INSERT OR REPLACE INTO kv VALUES (?, ?)");
  const get = db.prepare("SELECT value FROM kv WHERE key = ?");
  db.exec("BEGIN");
  for (const key of keys) put.run(key, balance);
  db.exec("COMMIT");
  const read = (key: Uint8Array) => get.get(key)!.value as Uint8Array;
  const transfer: Transfer = (from, to) => {
    db.exec("BEGIN IMMEDIATE");
    const source = read(from);
    const target = read(to);
    put.run(from, changed(source, -1));
    put.run(to, changed(target, 1));
    db.exec("COMMIT");
  };
  return {
    name: "node:sqlite",
    inTurn: transfer,
    atOnce(pairs) {
      db.exec("PRAGMA synchronous = FULL");
      for (const [from, to] of pairs) transfer(from, to);
      db.exec("PRAGMA synchronous = NORMAL");
    },
    close: () => db.close(),
  };
}

async function openLmdb(): Promise<Bank> {
  const folder = Deno.env.get("KV_BENCH_PEERS");
  const specifier = "npm:lmdb@3.5.6";
  const { open } = folder ? createRequire(`${folder}/`)("lmdb") : await import(specifier);
  const prepare = async (name: string, options: object) => {
    const path = `${root}/${name}`;
    const db = open({ path, encoding: "binary", keyEncoding: "binary", ...options });
    await db.transaction(() => {
      for (const key of keys) db.put(key, balance);
    });
    return db;
  };
  const quick = await prepare("lmdb-quick", { noSync: true });
  const durable = await prepare("lmdb-durable", { overlappingSync: true });
  const move = (db: typeof durable, from: Uint8Array, to: Uint8Array) => {
    const source = db.getBinary(from);
    const target = db.getBinary(to);
    db.put(from, changed(source, -1));
    db.put(to, changed(target, 1));
  };
  return {
    name: "lmdb",
    inTurn: (from, to) => quick.transactionSync(() => move(quick, from, to)),
    async atOnce(pairs) {
      await Promise.all(
        pairs.map(([from, to]) => durable.transaction(() => move(durable, from, to))),
      );
      await durable.flushed;
    },
    async close() {
      await quick.close();
      await durable.close();
    },
  };
}

interface DenoKvEntry {
  readonly key: Uint8Array[];
  readonly value: Uint8Array;
  readonly versionstamp: string;
}
interface DenoKvAtomic {
  check(...entries: DenoKvEntry[]): DenoKvAtomic;
  set(key: Uint8Array[], value: Uint8Array): DenoKvAtomic;
  commit(): Promise<{ ok: boolean }>;
}
interface DenoKv {
  getMany(keys: Uint8Array[][]): Promise<DenoKvEntry[]>;
  atomic(): DenoKvAtomic;
  close(): void;
}

async function openDenoKv(): Promise<Bank> {
  const { openKv } = Deno as unknown as { openKv(path: string): Promise<DenoKv> };
  const db = await openKv(`${root}/kv.sqlite`);
  for (let at = 0; at < keys.length; at += 500) {
    const atomic = db.atomic();
    for (const key of keys.slice(at, at + 500)) atomic.set([key], balance);
    await atomic.commit();
  }
  const transfer = async (from: Uint8Array, to: Uint8Array): Promise<void> => {
    for (;;) {
      const [source, target] = await db.getMany([[from], [to]]);
      const { ok } = await db.atomic().check(source!, target!)
        .set([from], changed(source!.value, -1)).set([to], changed(target!.value, 1)).commit();
      if (ok) return;
    }
  };
  return {
    name: "Deno.openKv",
    inTurn: transfer,
    atOnce: (pairs) => Promise.all(pairs.map(([from, to]) => transfer(from, to))),
    close: () => db.close(),
  };
}

const banks = [
  await openGroundwork("serializable"),
  await openGroundwork("snapshot"),
  await openGroundwork(undefined),
  openSqlite(),
];
try {
  banks.push(await openLmdb());
} catch (error) {
  console.error(`lmdb does not take part: ${(error as Error).message.split("\n")[0]}`);
}
if ("openKv" in Deno) banks.push(await openDenoKv());

for (const bank of banks) {
  const baseline = bank.name === "groundwork";
  Deno.bench({
    name: bank.name,
    group: "256 transfers in turn",
    baseline,
    async fn() {
      for (const [from, to] of pairs()) await bank.inTurn(from, to);
    },
  });
  Deno.bench({
    name: bank.name,
    group: "256 durable transfers at once",
    baseline,
    async fn() {
      await bank.atOnce(pairs());
    },
  });
}
