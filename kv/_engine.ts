/**
 * The state of an open database, its reads and its writes. Recovery, compaction and maintenance
 * are in files of their own that work on it. Fields are plain because those files share them.
 */
import { bloomHash } from "./_bloom.ts";
import { copyRange, EMPTY, writeFixed32 } from "./_bytes.ts";
import { writeFixed64, writeVarint } from "./_bytes.ts";
import { BlockCache, TableCache } from "./_caches.ts";
import { CompactionJob } from "./_compaction.ts";
import { Compactor } from "./_compactor.ts";
import type { Cursor } from "./_cursor.ts";
import { envelopeBytes, expiryOf } from "./_envelope.ts";
import { readSequence, TRAILER_BYTES } from "./_internal_key.ts";
import { LevelCursor } from "./_level_cursor.ts";
import { GroupCommit } from "./_group_commit.ts";
import { BATCH_HEADER, CHUNK_BYTES, LogWriter } from "./_log.ts";
import { Memtable } from "./_memtable.ts";
import { prepare, readableValue, sizeOfBatch } from "./_operations.ts";
import { RowCache } from "./_row_cache.ts";
import { boundsOf, Scan, Slab } from "./_scan.ts";
import type { Compression } from "./_table_builder.ts";
import { compareUser } from "./_table_builder.ts";
import { found, TableReader } from "./_table_reader.ts";
import { type Edit, encodeEdit, LEVELS, type Table, TTL_COMPARATOR, Version } from "./_version.ts";
import { CorruptionError, DatabaseClosedError, ReadOnlyError } from "./errors.ts";
import type { FileSystem, StorageFile, StorageLock } from "./file_system.ts";
import type { IteratorOptions, ReadOptions } from "./iterator.ts";
import type { CommittedBatch, CommittedOperation, Operation, WriteOptions } from "./operation.ts";
import { Snapshot } from "./snapshot.ts";
import type { CommitRecorder } from "./transaction.ts";

/** Options with their defaults filled in. */
export interface EngineOptions {
  readonly memtableBytes: number;
  readonly cacheBytes: number;
  readonly tableCacheBytes: number;
  readonly maxOpenTables: number;
  readonly blockBytes: number;
  readonly compression: Compression;
  readonly retainLogBytes: number;
  readonly worker: boolean;
}

/** What recovery found and cut. */
export interface CutLog {
  /** The log file. */
  readonly file: string;
  /** Where its whole records end. */
  readonly offset: number;
  /** How many bytes behind that were dropped. */
  readonly droppedBytes: number;
  /** What was wrong. */
  readonly reason: string;
}

/** An open database. */
export class Engine {
  path: string;
  fs: FileSystem;
  lock: StorageLock;
  options: EngineOptions;
  comparator: string;
  ttl = false;
  blockCache: BlockCache;
  rowCache: RowCache;
  tableCache: TableCache<TableReader>;
  slab = new Slab();
  memtable = new Memtable();
  version: Version = new Version(Array.from({ length: LEVELS }, () => []));
  nextFile = 2;
  sequence = 0;
  log: LogWriter | undefined;
  logNumber = 0;
  /** Logs whose batches are in tables, kept for readers of changes, oldest first. */
  oldLogs: { number: number; sizeBytes: number }[] = [];
  manifest: LogWriter | undefined;
  manifestNumber = 0;
  snapshots = new Set<Snapshot>();
  scans = new Set<Scan>();
  listeners = new Set<(batch: CommittedBatch) => void>();
  /** While transactions are open, what takes down the keys of commits. It must not keep the arrays. */
  recorder: CommitRecorder | undefined;
  closeListeners = new Set<() => void>();
  compactor: Compactor;
  /** The newest sequence number that is known to be durable, and whether the log says so. */
  durable = 0;
  marked = 0;
  commits: GroupCommit = new GroupCommit(this);
  poison: unknown;
  /** Reads go on until the files are closed, writes do not. */
  closing = false;
  closed = false;
  /** Resolves once a close that is under way is done, whatever came of it. */
  closeDone: Promise<void> | undefined;
  cuts: CutLog[] = [];
  replayedBatches = 0;
  counters = { gets: 0, batches: 0, operations: 0, writtenBytes: 0, flushes: 0, syncs: 0 };

  constructor(
    path: string,
    fs: FileSystem,
    lock: StorageLock,
    options: EngineOptions,
    comparator: string,
  ) {
    this.path = path;
    this.fs = fs;
    this.lock = lock;
    this.options = options;
    this.comparator = comparator;
    this.ttl = comparator === TTL_COMPARATOR;
    this.rowCache = new RowCache(Math.floor(options.cacheBytes / 4));
    this.blockCache = new BlockCache(options.cacheBytes - this.rowCache.limitBytes);
    this.tableCache = new TableCache(options.tableCacheBytes, options.maxOpenTables);
    this.compactor = new Compactor(this);
  }

  fileName(number: number, kind: string): string {
    return `${this.path}/${String(number).padStart(6, "0")}.${kind}`;
  }

  usable(): void {
    if (this.closed) throw new DatabaseClosedError("database");
  }

  writable(what = "a write"): void {
    if (this.closing) throw new DatabaseClosedError("database");
    if (this.poison !== undefined) throw new ReadOnlyError(what, this.poison);
  }

  // Tables

  /** The open table, from the cache or the file. */
  reader(table: Table): TableReader {
    const { reader } = table;
    if (reader !== undefined) {
      reader.used = true;
      return reader;
    }
    return this.openTable(table);
  }

  openTable(table: Table): TableReader {
    const { name, file } = this.openTableFile(table.number);
    let reader: TableReader;
    try {
      reader = new TableReader(file, name, table.number, this.blockCache);
      if (reader.fileBytes !== table.sizeBytes) {
        throw new CorruptionError(name, reader.fileBytes, "the size is not that of the manifest");
      }
    } catch (error) {
      file.close();
      throw error;
    }
    reader.onEvict = () => {
      if (table.reader === reader) table.reader = undefined;
    };
    table.reader = reader;
    this.tableCache.add(reader);
    return reader;
  }

  openTableFile(number: number): { name: string; file: StorageFile } {
    const name = this.fileName(number, "ldb");
    try {
      return { name, file: this.fs.open(name) };
    } catch (error) {
      const old = this.fileName(number, "sst"); // the name of LevelDB before 1.14
      const names = this.fs.list(this.path);
      const has = (name: string) => names.includes(name.slice(this.path.length + 1));
      if (has(old)) return { name: old, file: this.fs.open(old) };
      if (has(name)) throw error;
      throw new CorruptionError(name, 0, "the table is missing");
    }
  }

  // Reads

  /** Where the values of a read are: `value` and its range. Whether there is one. */
  found: Uint8Array = EMPTY;
  foundStart = 0;
  foundLength = 0;
  foundSequence = 0;

  lookUp(key: Uint8Array, sequence: number, time: number | undefined): boolean {
    const { memtable } = this;
    const { length } = key;
    const hash = bloomHash(key, 0, length);
    const node = memtable.find(key, hash, sequence);
    if (node !== 0) {
      const { nodes } = memtable;
      if (nodes[node + 3]! < 0) return false;
      this.found = memtable.arena;
      this.foundStart = nodes[node + 2]!;
      this.foundLength = nodes[node + 3]!;
      return time === undefined || this.isAlive(time);
    }
    const { rowCache } = this;
    if (rowCache.find(key, hash, sequence) >= 0) {
      if (rowCache.length < 0) return false;
      this.found = rowCache.ring;
      this.foundStart = rowCache.start;
      this.foundLength = rowCache.length;
      return time === undefined || this.isAlive(time);
    }
    const there = this.lookUpTables(key, hash, sequence);
    // Only the newest version may be kept: a snapshot may have seen an older one.
    if (sequence === this.sequence) {
      rowCache.add(
        key,
        hash,
        there ? this.foundSequence : sequence,
        this.found,
        this.foundStart,
        there ? this.foundLength : -1,
      );
    }
    return there && (time === undefined || this.isAlive(time));
  }

  lookUpTables(key: Uint8Array, hash: number, sequence: number): boolean {
    const { length } = key;
    const { version } = this;
    const level0 = version.levels[0]!;
    let missed: Table | undefined;
    let charged = false;
    for (let i = 0; i < level0.length; i++) {
      const table = level0[i]!;
      if (
        compareUser(key, 0, length, table.smallest) < 0 ||
        compareUser(key, 0, length, table.largest) > 0
      ) continue;
      if (missed !== undefined && !charged) {
        charged = true;
        this.charge(missed);
      }
      if (this.reader(table).find(key, hash, sequence)) return this.take();
      missed ??= table;
    }
    for (let level = 1; level < LEVELS; level++) {
      const tables = version.levels[level]!;
      if (tables.length === 0) continue;
      const place = version.locate(level, key, length, sequence);
      const table = tables[place];
      if (table === undefined || compareUser(key, 0, length, table.smallest) < 0) continue;
      if (missed !== undefined && !charged) {
        charged = true;
        this.charge(missed);
      }
      if (this.reader(table).find(key, hash, sequence)) return this.take();
      missed ??= table;
    }
    return false;
  }

  /** A look-up went through this table in vain and on to another. */
  charge(table: Table): void {
    if (--table.seeksLeft === 0) this.compactor.suggest(table);
  }

  take(): boolean {
    const trailer = found.keyLength - TRAILER_BYTES;
    if (found.key[trailer] === 0) return false;
    this.foundSequence = readSequence(found.key, trailer);
    this.found = found.bytes;
    this.foundStart = found.valueStart;
    this.foundLength = found.valueLength;
    return true;
  }

  isAlive(time: number): boolean {
    const expiry = expiryOf(this.found, this.foundStart, this.foundLength);
    if (Number.isNaN(expiry)) throw new CorruptionError(this.path, 0, "a value has no envelope");
    if (expiry <= time) return false;
    const head = envelopeBytes(this.found, this.foundStart);
    this.foundStart += head;
    this.foundLength -= head;
    return true;
  }

  sequenceOf(options: ReadOptions | undefined): number {
    const snapshot = options?.snapshot;
    if (snapshot === undefined) return this.sequence;
    if (snapshot.disposed) throw new DatabaseClosedError("snapshot");
    return snapshot.sequence;
  }

  timeOf(options: ReadOptions | undefined): number | undefined {
    return this.ttl ? options?.snapshot?.time ?? Date.now() : undefined;
  }

  get(key: Uint8Array, options: ReadOptions | undefined): Uint8Array | undefined {
    if (this.closed) throw new DatabaseClosedError("database");
    this.counters.gets++;
    const sequence = options === undefined ? this.sequence : this.sequenceOf(options);
    if (!this.lookUp(key, sequence, this.ttl ? this.timeOf(options) : undefined)) return undefined;
    const { found, foundStart, foundLength, rowCache } = this;
    return found === rowCache.ring && (foundStart & 3) === 0
      ? this.slab.copyWords(rowCache.words, foundStart, foundLength)
      : this.slab.copy(found, foundStart, foundLength);
  }

  has(key: Uint8Array, options: ReadOptions | undefined): boolean {
    if (this.closed) throw new DatabaseClosedError("database");
    return this.lookUp(key, this.sequenceOf(options), this.timeOf(options));
  }

  /** When an entry ends; Infinity for never, undefined where there is none. */
  expires(key: Uint8Array, options: ReadOptions | undefined): number | undefined {
    this.usable();
    const time = this.timeOf(options);
    if (!this.lookUp(key, this.sequenceOf(options), undefined)) return undefined;
    if (time === undefined) return Infinity;
    const expiry = expiryOf(this.found, this.foundStart, this.foundLength);
    return this.isAlive(time) ? expiry : undefined;
  }

  /** Cursors over all that there is; they pin `version`. */
  cursors(version: Version, sequence: number, fill: boolean): Cursor[] {
    const cursors: Cursor[] = [];
    if (this.memtable.count > 0) cursors.push(this.memtable.cursor(sequence));
    try {
      for (const table of version.levels[0]!) cursors.push(this.reader(table).cursor(fill));
    } catch (error) {
      for (const cursor of cursors) cursor.close();
      throw error;
    }
    for (let level = 1; level < LEVELS; level++) {
      const tables = version.levels[level]!;
      if (tables.length > 0) {
        cursors.push(new LevelCursor(version, level, (table) => this.reader(table), fill));
      }
    }
    return cursors;
  }

  scan(options: IteratorOptions): Scan {
    this.usable();
    const sequence = this.sequenceOf(options);
    const { from, to } = boundsOf(options, this.slab);
    const { version } = this;
    const cursors = this.cursors(version, sequence, true);
    version.references++;
    const scan: Scan = new Scan({
      cursors,
      sequence,
      from,
      to,
      reverse: options.reverse === true,
      time: this.timeOf(options),
      slab: this.slab,
      path: this.path,
      onClose: (scan) => {
        this.scans.delete(scan);
        this.unref(version);
      },
    });
    this.scans.add(scan);
    return scan;
  }

  // Versions and files

  /** Lets go of a version; files that no version holds are removed. */
  unref(version: Version): void {
    if (--version.references > 0) return;
    for (const table of version.all()) {
      if (--table.versions > 0) continue;
      if (table.reader !== undefined) this.tableCache.remove(table.reader);
      if (!this.closed) this.removeTable(table.number);
    }
  }

  removeTable(number: number): void {
    if (this.poison !== undefined) return; // what the manifest says now is for recovery to find out
    this.removeFile(this.fileName(number, "ldb"));
  }

  /** Removes a file that is not needed. Failing is harmless: the next open tries again. */
  removeFile(name: string): void {
    try {
      this.fs.remove(name);
    } catch {
      // still there, or called `.sst`
    }
  }

  /** Makes an edit durable, then shows it to readers. Created files are made durable with it. */
  apply(edit: Edit): void {
    const { nextFile, sequence, logNumber } = this;
    this.fs.syncDirectory(this.path);
    const full = { logNumber, nextFile, lastSequence: sequence, ...edit };
    this.manifest!.append(encodeEdit(full));
    this.manifest!.drain();
    this.manifest!.file.sync();
    const old = this.version;
    this.version = old.apply(edit);
    this.unref(old);
  }

  /** Creates the next log, which starts with a durable mark. */
  createLog(): { log: LogWriter; number: number } {
    const number = this.nextFile++;
    const log = new LogWriter(this.fs.create(this.fileName(number, "log")));
    try {
      log.mark(this.sequence);
      log.drain();
      log.file.sync();
    } catch (error) {
      log.file.close();
      throw error;
    }
    return { log, number };
  }

  createTable(): { number: number; file: StorageFile } {
    const number = this.nextFile++;
    return { number, file: this.fs.create(this.fileName(number, "ldb")) };
  }

  /** The newest sequence number that every snapshot sees. */
  oldestSequence(): number {
    let oldest = this.sequence;
    for (const snapshot of this.snapshots) oldest = Math.min(oldest, snapshot.sequence);
    return oldest;
  }

  /** Where values have envelopes, the time at which no snapshot is left to see what had ended. */
  oldestTime(): number | undefined {
    if (!this.ttl) return undefined;
    let oldest = Date.now();
    for (const snapshot of this.snapshots) oldest = Math.min(oldest, snapshot.time);
    return oldest;
  }

  /** Writes the memtable to one table of level 0. */
  writeMemtable(isLowest = true): Table[] {
    if (this.memtable.count === 0) return [];
    const job = new CompactionJob(
      {
        oldest: this.oldestSequence(),
        expired: this.oldestTime(),
        deeper: isLowest && this.version.bytes.every((bytes) => bytes === 0) ? [] : undefined,
        compression: this.options.compression,
        blockBytes: this.options.blockBytes,
      },
      [this.memtable.cursor()],
      { create: () => this.createTable() },
      this.path,
    );
    try {
      job.step(Infinity);
    } catch (error) {
      job.abort();
      throw error;
    }
    return job.added;
  }

  /** Writes the memtable out and goes on with an empty one and a new log. */
  flush(): void {
    if (this.memtable.count === 0) return;
    this.log!.drain();
    const added = this.writeMemtable();
    const { log, number } = this.createLog();
    try {
      const placed = added.map((table) => ({ level: 0, table }));
      this.apply({ logNumber: number, removed: [], added: placed });
    } catch (error) {
      log.file.close();
      throw error;
    }
    const old = { number: this.logNumber, sizeBytes: this.log!.sizeBytes };
    this.log!.file.close();
    this.log = log;
    this.logNumber = number;
    this.durable = this.marked = this.sequence;
    const spare = this.scans.size === 0 &&
      this.memtable.sizeBytes <= 2 * this.options.memtableBytes;
    this.memtable = new Memtable(spare ? this.memtable : undefined);
    this.counters.flushes++;
    this.oldLogs.push(old);
    this.trimLogs();
    this.compactor.wake();
  }

  /** Removes logs beyond what is kept for readers of changes. */
  trimLogs(): void {
    let kept = this.oldLogs.reduce((sum, log) => sum + log.sizeBytes, 0);
    while (this.oldLogs.length > 0 && kept > this.options.retainLogBytes) {
      const { number, sizeBytes } = this.oldLogs.shift()!;
      kept -= sizeBytes;
      this.removeFile(this.fileName(number, "log"));
    }
  }

  /** Runs a step that writes; a failure ends writing for good. */
  guard<T>(what: string, step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.poison ??= error;
      throw new ReadOnlyError(what, error);
    }
  }

  // Writes

  write(operations: readonly Operation[], options: WriteOptions | undefined): Promise<void> {
    try {
      return this.accept(operations, options?.sync === true);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Makes a batch visible; the promise is for its way to the file. */
  accept(given: readonly Operation[], sync: boolean): Promise<void> {
    this.writable();
    const operations = prepare(this, given);
    const size = sizeOfBatch(operations, this.ttl);
    const count = operations.length;
    if (count > 0) this.commit(operations, count, size);
    const done = sync ? this.commits.syncSoon() : this.commits.drainSoon();
    return this.compactor.stalled ? this.compactor.relief(done) : done;
  }

  commit(operations: readonly CommittedOperation[], count: number, size: number): void {
    this.compactor.pace(size);
    if (
      this.memtable.sizeBytes + size > this.options.memtableBytes && this.memtable.count > 0
    ) this.guard("a flush", () => this.flush());
    this.writable();
    const log = this.log!;
    const { memtable, rowCache } = this;
    const first = this.sequence + 1;
    if (this.durable > this.marked) {
      log.mark(this.durable);
      this.marked = this.durable;
    }
    let at = log.begin(size);
    const whole = at >= 0;
    const target = whole ? log.chunk : new Uint8Array(size);
    const start = whole ? at : 0;
    writeFixed64(target, start, first);
    writeFixed32(target, start + 8, count);
    at = start + BATCH_HEADER;
    let sequence = this.sequence;
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      const { key } = operation;
      const keyLength = key.length;
      sequence++;
      const hash = bloomHash(key, 0, keyLength);
      rowCache.remove(hash);
      if (operation.type === "put") {
        const { value } = operation;
        const valueLength = value.length;
        target[at] = 1;
        at = writeVarint(target, at + 1, keyLength);
        copyRange(key, 0, keyLength, target, at);
        at = writeVarint(target, at + keyLength, valueLength);
        copyRange(value, 0, valueLength, target, at);
        at += valueLength;
        memtable.add(key, 0, keyLength, sequence, value, 0, valueLength, hash);
      } else {
        target[at] = 0;
        at = writeVarint(target, at + 1, keyLength);
        copyRange(key, 0, keyLength, target, at);
        at += keyLength;
        memtable.add(key, 0, keyLength, sequence, EMPTY, 0, -1, hash);
      }
    }
    if (whole) log.finish(size);
    else this.guard("a write", () => log.append(target, size));
    this.sequence = sequence;
    const { counters } = this;
    counters.batches++;
    counters.operations += count;
    counters.writtenBytes += size;
    if (this.recorder !== undefined) this.recorder(operations, first, undefined);
    if (this.listeners.size > 0) this.announce(operations, first);
    if (log.chunkLength >= CHUNK_BYTES) this.guard("a write", () => log.drain());
  }

  announce(operations: readonly CommittedOperation[], sequence: number): void {
    const copies = operations.map((operation): CommittedOperation => {
      const key = operation.key.slice();
      if (operation.type === "delete") return { type: "delete", key };
      return readableValue(this, key, operation.value.slice());
    });
    const batch = { sequence, operations: copies };
    this.notify(batch);
  }

  /** Calls the listeners; one that throws must not look like a write that failed. */
  notify(batch: CommittedBatch): void {
    for (const listener of this.listeners) {
      try {
        listener(batch);
      } catch (error) {
        reportError(error);
      }
    }
  }

  takeSnapshot(): Snapshot {
    this.usable();
    const snapshot = new Snapshot(
      this.sequence,
      Date.now(),
      (gone) => this.snapshots.delete(gone),
    );
    this.snapshots.add(snapshot);
    return snapshot;
  }

  closeFiles(): void {
    this.closing = this.closed = true;
    this.compactor.stop();
    for (const listener of [...this.closeListeners]) listener();
    for (const scan of [...this.scans]) scan.close();
    for (const table of this.version.all()) {
      if (table.reader !== undefined) this.tableCache.remove(table.reader);
    }
    this.log?.file.close();
    this.manifest?.file.close();
    this.lock.release();
  }

  async close(): Promise<void> {
    if (this.closing) return await this.closeDone;
    this.closing = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closeDone = promise;
    try {
      await this.compactor.pause();
      if (this.closed || this.poison !== undefined) return;
      if (this.durable !== this.sequence) await this.commits.syncSoon();
    } finally {
      if (!this.closed) this.closeFiles();
      resolve();
    }
  }
}
