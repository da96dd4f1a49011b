/** The database: a log, a memtable, and levels of sorted tables, in LevelDB's format. */
import { type CutLog, Engine, type EngineOptions } from "./_engine.ts";
import { ingest, type SortedRun } from "./_ingest.ts";
import { loggedBatches } from "./_log_changes.ts";
import {
  approximateSize,
  checkpoint,
  compactRange,
  type DatabaseStats,
  statsOf,
  verify,
  type VerifyReport,
} from "./_maintenance.ts";
import { type ManifestState, readManifest, recover } from "./_recovery.ts";
import { destroy, repair, type RepairReport } from "./_repair.ts";
import { KeySource, PairSource, ValueSource } from "./_scan.ts";
import { LEVELDB_COMPARATOR, OWN_COMPARATOR, TTL_COMPARATOR } from "./_version.ts";
import { Batch } from "./batch.ts";
import {
  changesOf,
  type ChangesOptions,
  type ChangeSource,
  type WatchEvent,
  watchOf,
  type WatchOptions,
} from "./changes.ts";
import {
  DatabaseExistsError,
  DatabaseLockedError,
  DatabaseNotFoundError,
  DatabaseOptionsError,
} from "./errors.ts";
import { type FileSystem, RealFileSystem, type StorageLock } from "./file_system.ts";
import {
  DatabaseIterator,
  type IteratorOptions,
  type KeyRange,
  type ReadOptions,
} from "./iterator.ts";
import {
  type Encoded,
  type Encoding,
  type Namespace,
  namespaceOf,
  type NamespaceOptions,
} from "./namespace.ts";
import type { CommittedBatch, Operation, PutOptions, WriteOptions } from "./operation.ts";
import type { Snapshot } from "./snapshot.ts";
import { type Transaction, TransactionManager, type TransactionOptions } from "./transaction.ts";

const MIB = 2 ** 20;

/** Options of {@linkcode Database.open}. */
export interface DatabaseOptions {
  /** Create the database where there is none. Default `true`. */
  readonly createIfMissing?: boolean;
  /** Refuse a database that exists. Default `false`. */
  readonly errorIfExists?: boolean;
  /**
   * What the caches and two memtables may take together, in bytes; it sets the defaults of the
   * options below. Iterators and results come on top: a few blocks for each iterator.
   */
  readonly memoryBytes?: number;
  /** Memtable size at which it is written out, in bytes. Default 4 MiB. */
  readonly memtableBytes?: number;
  /** Greatest size of the cache of blocks, in bytes. Default 32 MiB. */
  readonly cacheBytes?: number;
  /** Greatest size of the indexes and filters of open tables, in bytes. Default 16 MiB. */
  readonly tableCacheBytes?: number;
  /** The most tables open at a time; each holds a file descriptor. Default 500. */
  readonly maxOpenTables?: number;
  /** Size at which a block of a table is closed, in bytes before compression. Default 4096. */
  readonly blockBytes?: number;
  /** How blocks are compressed. Default `"snappy"`; `"zstd"` needs `levelDbCompatible: false`. */
  readonly compression?: "none" | "snappy" | "zstd";
  /**
   * Whether LevelDB may open the database too. Given up once and for all with `false` when it is
   * created; `ttl` gives it up too. Default `true`.
   */
  readonly levelDbCompatible?: boolean;
  /**
   * Whether entries may have a lifetime. Settled when the database is created, since every value
   * then has one or nine bytes in front of it. Default `false`, or what the database was created with.
   */
  readonly ttl?: boolean;
  /** Bytes of logs kept for `changes()` although their batches are in tables. Default 16 MiB. */
  readonly retainLogBytes?: number;
  /**
   * Where tables are merged: in this thread, in slices paid for by writes and idle time, or in a
   * worker, which leaves this thread alone and takes a second core. Default `"thread"`.
   */
  readonly compaction?: "thread" | "worker";
  /** The file system. Default: the machine's. */
  readonly fileSystem?: FileSystem;
}

/** Options of an operation that takes long. */
export interface LongOptions {
  /** Ends it with the signal's reason. */
  readonly signal?: AbortSignal;
}

const SIZES = [
  "memoryBytes",
  "memtableBytes",
  "cacheBytes",
  "tableCacheBytes",
  "maxOpenTables",
  "blockBytes",
  "retainLogBytes",
] as const;

function engineOptions(options: DatabaseOptions): EngineOptions {
  const { memoryBytes } = options;
  for (const name of SIZES) {
    const size = options[name];
    const least = name === "retainLogBytes" || name === "cacheBytes" ? 0 : 1;
    if (size === undefined || Number.isSafeInteger(size) && size >= least) continue;
    throw new DatabaseOptionsError(`\`${name}: ${size}\` is not a whole number from ${least} on`);
  }
  const share = (part: number, least: number, otherwise: number) =>
    memoryBytes === undefined ? otherwise : Math.max(least, Math.floor(memoryBytes * part));
  return {
    memtableBytes: options.memtableBytes ?? share(1 / 8, 65536, 4 * MIB),
    cacheBytes: options.cacheBytes ?? share(1 / 2, 65536, 32 * MIB),
    tableCacheBytes: options.tableCacheBytes ?? share(1 / 4, 65536, 16 * MIB),
    maxOpenTables: options.maxOpenTables ?? 500,
    blockBytes: options.blockBytes ?? 4096,
    compression: options.compression ?? "snappy",
    retainLogBytes: options.retainLogBytes ?? 16 * MIB,
    worker: options.compaction === "worker" && (options.fileSystem?.shared ?? true),
  };
}

/** The comparator to create a database with, or to check one that exists against. */
function comparatorOf(options: DatabaseOptions, state: ManifestState | undefined): string {
  const compatible = options.levelDbCompatible;
  if (options.ttl && compatible) {
    throw new DatabaseOptionsError("`ttl` cannot go together with `levelDbCompatible: true`");
  }
  const comparator = state?.comparator ??
    (options.ttl ? TTL_COMPARATOR : compatible === false ? OWN_COMPARATOR : LEVELDB_COMPARATOR);
  const has = (name: string, wanted: boolean | undefined, is: boolean) => {
    if (wanted === undefined || wanted === is) return;
    throw new DatabaseOptionsError(
      `Cannot open the database with \`${name}: ${wanted}\`: it was created with ${is}`,
    );
  };
  has("ttl", options.ttl, comparator === TTL_COMPARATOR);
  has("levelDbCompatible", compatible, comparator === LEVELDB_COMPARATOR);
  if (options.compression === "zstd" && comparator === LEVELDB_COMPARATOR) {
    throw new DatabaseOptionsError('`compression: "zstd"` needs `levelDbCompatible: false`');
  }
  return comparator;
}

/** Takes the lock of a directory that has files of a database. */
function lockExisting(
  path: string,
  fileSystem: FileSystem | undefined,
): { fs: FileSystem; lock: StorageLock } {
  const fs = fileSystem ?? new RealFileSystem();
  const known = /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))$/;
  if (!fs.list(path).some((name) => known.test(name))) throw new DatabaseNotFoundError(path);
  const lock = fs.lock(`${path}/LOCK`);
  if (typeof lock === "number") throw new DatabaseLockedError(path, lock < 0 ? undefined : lock);
  return { fs, lock };
}

/**
 * An ordered key-value store of bytes in LevelDB's format, which LevelDB itself can open.
 * Needs `--allow-read` and `--allow-write` for its directory. A failed write or fsync makes it
 * read-only; damage found in a file throws `CorruptionError`.
 *
 * @example
 * ```ts
 * import { Database } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempDir();
 * await using db = await Database.open(path);
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * await db.put(bytes("a"), bytes("1"), { sync: true });
 * assertEquals(db.getSync(bytes("a")), bytes("1"));
 * assertEquals([...db.iterator()], [[bytes("a"), bytes("1")]]);
 * ```
 */
export class Database implements AsyncDisposable {
  #engine: Engine;
  /** One at a time: each has a sequence number ahead of all writes. */
  #ingests: Promise<void> = Promise.resolve();
  #transactions: TransactionManager = new TransactionManager(this, (recorder) => {
    this.#engine.recorder = recorder;
  });

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Opens the database in the directory `path` and replays its log. Throws `DatabaseLockedError`
   * when it is open elsewhere, `DatabaseNotFoundError` or `DatabaseExistsError` as the options
   * say, `DatabaseOptionsError` when they contradict what it was created with, and
   * `CorruptionError` for a file that is damaged or missing.
   *
   * A crash may have torn the end of the newest log. That end is cut, and {@linkcode
   * Database.cuts} says so, unless something behind it proves that a batch was lost which had
   * been acknowledged as durable.
   */
  // deno-lint-ignore require-await -- the work is synchronous; errors must reject
  static async open(path: string, options: DatabaseOptions = {}): Promise<Database> {
    const settings = engineOptions(options);
    const fs = options.fileSystem ?? new RealFileSystem();
    const missing = () => !fs.list(path).includes("CURRENT");
    if (missing() && options.createIfMissing === false) throw new DatabaseNotFoundError(path);
    fs.makeDirectory(path);
    const lock = fs.lock(`${path}/LOCK`);
    if (typeof lock === "number") throw new DatabaseLockedError(path, lock < 0 ? undefined : lock);
    let engine: Engine | undefined;
    try {
      const exists = !missing();
      if (exists && options.errorIfExists) throw new DatabaseExistsError(path);
      const state = exists ? readManifest(fs, path) : undefined;
      const comparator = comparatorOf(options, state);
      engine = new Engine(path, fs, lock, settings, comparator);
      recover(engine, state);
      engine.compactor.wake();
      return new Database(engine);
    } catch (error) {
      if (engine) engine.closeFiles();
      else lock.release();
      throw error;
    }
  }

  /**
   * Saves what can be read of a damaged database that nobody has open: merges its tables and logs
   * into new tables, past blocks and records that are damaged, and moves the old files to the
   * folder `lost` in it. Without a readable manifest every table counts, so that keys deleted long
   * ago may come back; `ttl` and `levelDbCompatible` must then be those of its creation. Throws
   * `DatabaseLockedError`, `DatabaseNotFoundError`, the signal's reason, or the file system's error.
   */
  static async repair(
    path: string,
    options: Pick<DatabaseOptions, "ttl" | "levelDbCompatible" | "fileSystem"> & LongOptions = {},
  ): Promise<RepairReport> {
    const { fs, lock } = lockExisting(path, options.fileSystem);
    try {
      return await repair(fs, path, comparatorOf(options, undefined), options.signal);
    } finally {
      lock.release();
    }
  }

  /**
   * Removes the database in a directory, and the directory if nothing else is in it. Throws
   * `DatabaseLockedError` when it is open, and `DatabaseNotFoundError`.
   */
  // deno-lint-ignore require-await -- errors must reject
  static async destroy(
    path: string,
    options: Pick<DatabaseOptions, "fileSystem"> = {},
  ): Promise<void> {
    const { fs, lock } = lockExisting(path, options.fileSystem);
    try {
      destroy(fs, path);
    } finally {
      lock.release();
    }
  }

  /** The directory. */
  get path(): string {
    return this.#engine.path;
  }

  /** The sequence number of the last visible write. */
  get sequence(): number {
    return this.#engine.sequence;
  }

  /** Whether entries may have a lifetime, as settled when the database was created. */
  get ttl(): boolean {
    return this.#engine.ttl;
  }

  /** What opening cut off logs that a crash had torn. */
  get cuts(): readonly CutLog[] {
    return this.#engine.cuts;
  }

  /** The value of a key, in a copy of its own, or undefined. Throws `CorruptionError`. */
  getSync(key: Uint8Array, options?: ReadOptions): Uint8Array | undefined {
    return this.#engine.get(key, options);
  }

  /** As {@linkcode Database.getSync}, in a promise, which costs more than the read. */
  // deno-lint-ignore require-await -- errors must reject
  async get(key: Uint8Array, options?: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#engine.get(key, options);
  }

  /** The values of several keys as of one moment, in the order of the keys. */
  getManySync(keys: readonly Uint8Array[], options?: ReadOptions): (Uint8Array | undefined)[] {
    return keys.map((key) => this.#engine.get(key, options));
  }

  /** As {@linkcode Database.getManySync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async getMany(
    keys: readonly Uint8Array[],
    options?: ReadOptions,
  ): Promise<(Uint8Array | undefined)[]> {
    return this.getManySync(keys, options);
  }

  /** Whether the key has a value. */
  hasSync(key: Uint8Array, options?: ReadOptions): boolean {
    return this.#engine.has(key, options);
  }

  /**
   * When an entry's life ends, in milliseconds since the epoch: `Infinity` for one that has no end,
   * undefined where there is none.
   */
  expiresSync(key: Uint8Array, options?: ReadOptions): number | undefined {
    return this.#engine.expires(key, options);
  }

  /** As {@linkcode Database.hasSync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async has(key: Uint8Array, options?: ReadOptions): Promise<boolean> {
    return this.#engine.has(key, options);
  }

  /** Sets a key. Errors as {@linkcode Database.write}. */
  put(key: Uint8Array, value: Uint8Array, options?: PutOptions): Promise<void> {
    const ttl = options?.ttl;
    return this.#engine.write(
      [ttl === undefined ? { type: "put", key, value } : { type: "put", key, value, ttl }],
      options,
    );
  }

  /** Removes a key, if it is there. Errors as {@linkcode Database.write}. */
  delete(key: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#engine.write([{ type: "delete", key }], options);
  }

  /** Removes the keys from `from` up to `to`, which stays. Errors as {@linkcode Database.write}. */
  deleteRange(from: Uint8Array, to: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#engine.write([{ type: "deleteRange", from, to }], options);
  }

  /** A batch to fill and write. */
  batch(): Batch {
    return new Batch((operations, options) => this.#engine.write(operations, options));
  }

  /**
   * Writes operations all or not at all, in order. They are visible when the call returns; the
   * promise resolves once they are with the operating system, or with `sync` once they are durable.
   * All who wait for that at one time share one fdatasync. When compaction falls behind, the
   * promise takes longer: wait for it, and memory and level 0 stay bounded.
   *
   * Keys hold up to 64 KiB, values up to 1 GiB and a batch up to 1 GiB and 1 MiB, each operation
   * counting 16 bytes; else `LimitError`, and nothing is written. A `deleteRange` looks its keys up
   * and is written as a deletion of each, which counts towards the batch: LevelDB's format has no
   * other form. `ReadOnlyError` after a failure: reopening decides what became of the batch.
   */
  write(operations: readonly Operation[], options?: WriteOptions): Promise<void> {
    return this.#engine.write(operations, options);
  }

  /** Calls `listener` with each batch at the moment at which it becomes visible. */
  onCommit(listener: (batch: CommittedBatch) => void): Disposable {
    const engine = this.#engine;
    engine.usable();
    const own = (batch: CommittedBatch) => listener(batch);
    engine.listeners.add(own);
    return { [Symbol.dispose]: () => void engine.listeners.delete(own) };
  }

  #source(): ChangeSource {
    const engine = this.#engine;
    return {
      get sequence() {
        return engine.sequence;
      },
      onCommit: (listener) => this.onCommit(listener),
      onClose: (listener) => {
        engine.closeListeners.add(listener);
        return { [Symbol.dispose]: () => void engine.closeListeners.delete(listener) };
      },
      readLogs: (since) => loggedBatches(engine, since),
    };
  }

  /**
   * Committed batches in order, first from the logs and then as they come. Throws
   * `ChangesGoneError` when the batches behind `since` are no longer in a log (see
   * `retainLogBytes`), or were ingested; reads of the logs throw `CorruptionError`. It ends when
   * the database is closed.
   *
   * @example
   * ```ts
   * import { Database } from "@groundwork/std/kv";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await Database.open(await Deno.makeTempDir());
   * await db.put(Uint8Array.of(1), Uint8Array.of(10));
   * for await (const { sequence, operations } of db.changes({ since: 0 })) {
   *   assertEquals([sequence, operations.length], [1, 1]);
   *   break;
   * }
   * ```
   */
  changes(options: ChangesOptions = {}): AsyncIterableIterator<CommittedBatch> & AsyncDisposable {
    this.#engine.usable();
    return changesOf(this.#source(), options);
  }

  /**
   * Operations on the keys of a range, from the call on. A reader that falls behind by more than
   * 16 MiB gets a `LimitError`. It ends when the database is closed.
   */
  watch(options: WatchOptions = {}): AsyncIterableIterator<WatchEvent> & AsyncDisposable {
    this.#engine.usable();
    return watchOf(this.#source(), options);
  }

  /** Holds the state of this moment; dispose of it. */
  snapshot(): Snapshot {
    return this.#engine.takeSnapshot();
  }

  /** Entries in order of key, as of the call. */
  iterator(options: IteratorOptions = {}): DatabaseIterator<[Uint8Array, Uint8Array]> {
    return new DatabaseIterator(new PairSource(this.#engine.scan(options)), options);
  }

  /** Keys in order, as of the call. */
  keys(options: IteratorOptions = {}): DatabaseIterator<Uint8Array> {
    return new DatabaseIterator(new KeySource(this.#engine.scan(options)), options);
  }

  /** Values in order of their keys, as of the call. */
  values(options: IteratorOptions = {}): DatabaseIterator<Uint8Array> {
    return new DatabaseIterator(new ValueSource(this.#engine.scan(options)), options);
  }

  /**
   * Takes entries in as finished tables, past log and memtable, and shows them all at once; gives
   * their number. They must ascend by key, each key once (`OrderError`). Later than a crash or
   * failure they are there all or not at all, and durable once the promise resolves. They are newer
   * than every write so far. `onCommit` and `changes` report the range and no operations, `watch`
   * nothing. Others may write meanwhile.
   *
   * @example
   * ```ts
   * import { Database } from "@groundwork/std/kv";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await Database.open(await Deno.makeTempDir());
   * function* run(): Generator<[Uint8Array, Uint8Array]> {
   *   for (let i = 0; i < 200; i++) yield [Uint8Array.of(i), new Uint8Array(10)];
   * }
   * assertEquals(await db.ingest(run()), 200);
   * assertEquals(db.hasSync(Uint8Array.of(199)), true);
   * ```
   */
  async ingest(run: SortedRun, options: LongOptions = {}): Promise<number> {
    const before = this.#ingests;
    const mine = before.then(() => ingest(this.#engine, run, options.signal));
    this.#ingests = mine.then(() => {}, () => {});
    return await mine;
  }

  /** Bytes that the keys of a range take in tables, to about a block; what is in memory does not count. */
  approximateSize(range: KeyRange = {}): number {
    return approximateSize(this.#engine, range);
  }

  /**
   * Writes the memtable out and merges the levels over a range, which drops what was deleted,
   * overwritten or has expired. Costs reading and writing all of it. `ReadOnlyError` as for a
   * write, or the signal's reason; what was done by then stays done.
   */
  compactRange(range: KeyRange & LongOptions = {}): Promise<void> {
    return compactRange(this.#engine, range, range.signal);
  }

  /**
   * Copies the state of this moment to a directory that is new or empty, while writes go on.
   * Tables are immutable and linked, not copied, where the file system can. The copy opens as a
   * database of its own; one that was interrupted does not open at all. Throws
   * `DatabaseExistsError`, the signal's reason, or the error of the file system.
   */
  checkpoint(path: string, options: LongOptions = {}): Promise<void> {
    return checkpoint(this.#engine, path, options.signal);
  }

  /**
   * Reads every table from the disk, past the caches, and checks sums, order and ranges. Damage is
   * reported and not thrown; the files stay as they are.
   */
  verify(options: LongOptions = {}): Promise<VerifyReport> {
    return verify(this.#engine, options.signal);
  }

  /** Figures of this moment; cheap. */
  stats(): DatabaseStats {
    return statsOf(this.#engine);
  }

  /** Makes what was written durable and closes the database. Closing again does nothing. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  /**
   * Runs a function as a transaction and commits what it wrote, all or nothing, once it has returned;
   * when it throws, nothing is written and its error passes on. What the function writes is seen by
   * its own reads alone before. Where somebody else has committed first, it is run again: let it do
   * nothing but read and write the database. Write through the transaction only, and keep it short:
   * it holds a snapshot, and one conflicts that outlives 65,536 keys, or
   * 16 MiB of them, which others commit.
   *
   * Throws `TransactionConflictError` when it still conflicts after `retries`, the reason of
   * `signal`, and what {@linkcode Database.write} throws. Costs little more than a write: the check is
   * of the keys that were committed in the meantime.
   *
   * @example
   * ```ts
   * import { Database } from "@groundwork/std/kv";
   * import { assertEquals } from "@std/assert";
   *
   * await using db = await Database.open(await Deno.makeTempDir());
   * const key = new TextEncoder().encode("counter");
   * const add = () =>
   *   db.transaction({ isolation: "serializable" }, async (tx) => {
   *     const value = (await tx.get(key))?.[0] ?? 0;
   *     tx.put(key, Uint8Array.of(value + 1));
   *   });
   * await Promise.all([add(), add(), add()]);
   * assertEquals(db.getSync(key), Uint8Array.of(3));
   * ```
   */
  transaction<T>(
    options: TransactionOptions,
    run: (transaction: Transaction) => T | Promise<T>,
  ): Promise<T> {
    return this.#transactions.run(options, run);
  }

  /**
   * A part of the database with its own encodings of keys and values, apart from all others. Throws
   * `EncodingError` for a name that is empty, longer than 255 bytes, or holds `!`.
   */
  namespace<KE extends Encoding<unknown> = "bytes", VE extends Encoding<unknown> = "bytes">(
    name: string,
    options: NamespaceOptions<KE, VE> = {},
  ): Namespace<Encoded<KE>, Encoded<VE>> {
    return namespaceOf(this, name, options);
  }

  /** As {@linkcode Database.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
