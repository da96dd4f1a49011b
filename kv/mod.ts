/** An ordered, crash-safe key-value store in LevelDB's on-disk format. @module */
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
