/**
 * An ordered, crash-safe key-value store in LevelDB's on-disk format.
 *
 * - {@linkcode Database} maps bytes to bytes, in the order of the keys. Reads have a synchronous form,
 *   which costs less than an `await`. What a write with `sync` has acknowledged outlives a power cut.
 * - {@linkcode Namespace} is a part of it with types: texts, numbers, tuples, JSON, or a codec of one's
 *   own, for keys and for values.
 * - {@linkcode Transaction} reads and writes as if nobody else did; conflicts are found at the commit
 *   and the function runs again.
 * - `changes()` and `watch()` tell what was written, `checkpoint()` copies the database while it is in
 *   use, `verify()` and `repair()` are for files that are damaged.
 *
 * LevelDB, and what is built on it, opens the files too, unless `ttl` or zstd was asked for when the
 * database was created. One process has a database open at a time. Needs `--allow-read` and
 * `--allow-write` for its folder.
 *
 * @example
 * ```ts
 * import { Database } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await Database.open(await Deno.makeTempDir());
 * const stock = db.namespace("stock", { keyEncoding: "utf8", valueEncoding: "number" });
 * const orders = db.namespace("orders", { keyEncoding: "tuple", valueEncoding: "json" });
 * await stock.put("apple", 3);
 *
 * const order = (customer: string, id: number, item: string) =>
 *   db.transaction({ sync: true }, async (tx) => {
 *     const left = await tx.namespace(stock).get(item) ?? 0;
 *     if (left === 0) return false;
 *     await tx.namespace(stock).put(item, left - 1);
 *     await tx.namespace(orders).put([customer, id], { item });
 *     return true;
 *   });
 *
 * assertEquals(await order("ada", 1, "apple"), true);
 * assertEquals(await order("ada", 2, "pear"), false);
 * assertEquals(stock.getSync("apple"), 2);
 * assertEquals([...orders.iterator({ prefix: ["ada"] })], [[["ada", 1], { item: "apple" }]]);
 * ```
 *
 * @module
 */
export type { CutLog } from "./_engine.ts";
export type { SortedRun } from "./_ingest.ts";
export type { RepairReport } from "./_repair.ts";
export type { DatabaseStats, LevelStats, VerifyReport } from "./_maintenance.ts";
export * from "./batch.ts";
export type { ChangesOptions, WatchEvent, WatchOptions } from "./changes.ts";
export { type Codec, codecs, type CodecTypes, type Tuple, type TupleElement } from "./codec.ts";
export * from "./database.ts";
export * from "./errors.ts";
export * from "./escape.ts";
export * from "./file_system.ts";
export * from "./iterator.ts";
export * from "./json_lines.ts";
export {
  type Encoded,
  type Encoding,
  Namespace,
  type NamespaceEvent,
  type NamespaceIteratorOptions,
  type NamespaceOptions,
  type NamespacePutOptions,
  type NamespaceRange,
  type NamespaceTarget,
} from "./namespace.ts";
export * from "./memory_file_system.ts";
export * from "./operation.ts";
export * from "./snapshot.ts";
export { Transaction, type TransactionIsolation, type TransactionOptions } from "./transaction.ts";
