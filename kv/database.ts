/** The database: a log, a memtable, and levels of sorted tables, in LevelDB's format. */
import { ByteWriter, compareBytes, readFixed32, readFixed64, readVarint } from "./_bytes.ts";
import { varintEnd, writeFixed32, writeFixed64 } from "./_bytes.ts";
import { LogWriter, readLog } from "./_log.ts";
import { type Cursor, type Entry, Memtable } from "./_memtable.ts";
import { BlockCache, TableBuilder, TableReader } from "./_table.ts";
import { decodeEdit, type Edit, encodeEdit, LEVELS, type Table } from "./_version.ts";
import {
  CorruptionError,
  DatabaseClosedError,
  DatabaseExistsError,
  DatabaseLockedError,
  DatabaseNotFoundError,
  LimitError,
  ReadOnlyError,
} from "./errors.ts";
import { type FileSystem, RealFileSystem, type StorageLock } from "./file_system.ts";

const MAX_KEY = 65536;
const MAX_VALUE = 2 ** 30;
const MAX_BATCH = 2 ** 30 + 2 ** 20;
const TABLE_BYTES = 2 * 2 ** 20;
const LEVEL_0_TABLES = 4;

/** Options of {@linkcode Database.open}. */
export interface DatabaseOptions {
  /** Create the database where there is none. Default `true`. */
  readonly createIfMissing?: boolean;
  /** Refuse a database that exists. Default `false`. */
  readonly errorIfExists?: boolean;
  /** Memtable size at which it is written out, in bytes. Default 4 MiB. */
  readonly memtableBytes?: number;
  /** Greatest size of the cache of blocks, in bytes. Default 32 MiB. */
  readonly cacheBytes?: number;
  /** The file system. Default: the machine's. */
  readonly fileSystem?: FileSystem;
}

/** Options of a write. */
export interface WriteOptions {
  /** Resolve only once the write is durable. Default `false`. */
  readonly sync?: boolean;
}

/** Options of a read. */
export interface ReadOptions {
  /** Read as of this snapshot. Default: now. */
  readonly snapshot?: Snapshot;
}

/** What to iterate over. */
export interface IteratorOptions extends ReadOptions {
  /** The first key, inclusive. Default: the first of all. */
  readonly from?: Uint8Array;
  /** The end, exclusive. Default: none. */
  readonly to?: Uint8Array;
  /** From the greatest key to the smallest. Default `false`. */
  readonly reverse?: boolean;
  /** The most entries. Default: all. */
  readonly limit?: number;
}

/** One operation of a batch; without a value it deletes. */
export interface Operation {
  /** The key, up to 64 KiB. */
  readonly key: Uint8Array;
  /** The value, up to 1 GiB; left out to delete the key. */
  readonly value?: Uint8Array;
}

/** A state of the database that reads can go back to until it is disposed. */
export class Snapshot implements Disposable {
  /** The sequence number of the last write that it sees. */
  readonly sequence: number;
  #release: (snapshot: Snapshot) => void;

  /** Made by {@linkcode Database.snapshot}. */
  constructor(sequence: number, release: (snapshot: Snapshot) => void) {
    this.sequence = sequence;
    this.#release = release;
  }

  /** Lets compaction drop what only this snapshot sees. */
  [Symbol.dispose](): void {
    this.#release(this);
  }
}

const userKey = (internal: Uint8Array) => internal.subarray(0, internal.length - 8);

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
 * assertEquals([...db.entriesSync()], [[bytes("a"), bytes("1")]]);
 * ```
 */
export class Database implements AsyncDisposable {
  #path: string;
  #fs: FileSystem;
  #lock: StorageLock;
  #cache: BlockCache;
  #memtableBytes: number;
  #memtable = new Memtable();
  #levels: Table[][] = Array.from({ length: LEVELS }, () => []);
  #next: number[] = new Array(LEVELS).fill(0);
  #nextFile = 2;
  #sequence = 0;
  #log: LogWriter | undefined;
  #logNumber = 0;
  #manifest: LogWriter | undefined;
  #manifestNumber = 0;
  #snapshots = new Set<Snapshot>();
  #sync: Promise<void> | undefined;
  #poison: unknown;
  #closed = false;

  private constructor(path: string, fs: FileSystem, lock: StorageLock, options: DatabaseOptions) {
    this.#path = path;
    this.#fs = fs;
    this.#lock = lock;
    this.#cache = new BlockCache(options.cacheBytes ?? 32 * 2 ** 20);
    this.#memtableBytes = options.memtableBytes ?? 4 * 2 ** 20;
  }

  /**
   * Opens the database in the directory `path` and replays its log. Throws `DatabaseLockedError`
   * when it is open elsewhere, `DatabaseNotFoundError` or `DatabaseExistsError` as the options
   * say, and `CorruptionError` for a file that is damaged or missing.
   */
  // deno-lint-ignore require-await -- the work is synchronous; errors must reject
  static async open(path: string, options: DatabaseOptions = {}): Promise<Database> {
    const fs = options.fileSystem ?? new RealFileSystem();
    const names = fs.list(path);
    const exists = names.includes("CURRENT");
    if (!exists && options.createIfMissing === false) throw new DatabaseNotFoundError(path);
    if (exists && options.errorIfExists) throw new DatabaseExistsError(path);
    fs.makeDirectory(path);
    const lock = fs.lock(`${path}/LOCK`);
    if (typeof lock === "number") throw new DatabaseLockedError(path, lock < 0 ? undefined : lock);
    const db = new Database(path, fs, lock, options);
    try {
      db.#recover();
    } catch (error) {
      db.#closeFiles();
      throw error;
    }
    return db;
  }

  #name(number: number, kind: string): string {
    return `${this.#path}/${String(number).padStart(6, "0")}.${kind}`;
  }

  #readLog(path: string): ReturnType<typeof readLog> {
    const file = this.#fs.open(path);
    try {
      return readLog(file, path);
    } finally {
      file.close();
    }
  }

  #recover(): void {
    const names = this.#fs.list(this.#path);
    if (names.includes("CURRENT")) this.#readManifest();
    else if (names.some((name) => /\.(ldb|sst)$/.test(name))) {
      throw new CorruptionError(`${this.#path}/CURRENT`, 0, "it is missing but tables are not");
    }
    const logs = names.filter((name) => /^\d+\.log$/.test(name)).map((name) => parseInt(name, 10))
      .filter((number) => number >= this.#logNumber).sort((a, b) => a - b);
    let cut: CorruptionError | undefined;
    for (const number of logs) {
      this.#nextFile = Math.max(this.#nextFile, number + 1);
      const path = this.#name(number, "log");
      const { records, torn } = this.#readLog(path);
      // A power cut while logs are switched leaves a torn log and an empty newer one; records behind
      // a torn log would be a hole.
      if (cut && records.length > 0) throw cut;
      if (torn !== undefined) {
        cut = new CorruptionError(path, torn, "the log is cut short and a newer one follows");
      }
      for (const { data, offset } of records) this.#replay(data, path, offset);
    }
    const added = this.#writeMemtable();
    for (const table of added) this.#levels[0]!.push(table);
    this.#memtable = new Memtable();
    this.#newLog();
    this.#newManifest();
    this.#removeObsolete();
    this.#compact();
  }

  #readManifest(): void {
    const current = this.#fs.open(`${this.#path}/CURRENT`);
    const text = new Uint8Array(64);
    let name: string;
    try {
      name = new TextDecoder().decode(text.subarray(0, current.read(text, 0)));
    } finally {
      current.close();
    }
    if (!/^MANIFEST-\d{1,15}\n$/.test(name)) {
      throw new CorruptionError(`${this.#path}/CURRENT`, 0, "it names no manifest");
    }
    const path = `${this.#path}/${name.trim()}`;
    if (!this.#fs.list(this.#path).includes(name.trim())) {
      throw new CorruptionError(path, 0, "the manifest is missing");
    }
    const live = new Map<number, Table>();
    for (const { data, offset } of this.#readLog(path).records) {
      const edit = decodeEdit(data, path, offset);
      for (const { number } of edit.removed) live.delete(number);
      for (const table of edit.added) live.set(table.number, table);
      this.#logNumber = edit.logNumber ?? this.#logNumber;
      this.#nextFile = edit.nextFile ?? this.#nextFile;
      this.#sequence = edit.lastSequence ?? this.#sequence;
    }
    if (this.#logNumber === 0) throw new CorruptionError(path, 0, "the manifest holds no state");
    this.#nextFile = Math.max(this.#nextFile, parseInt(name.slice(9), 10) + 1);
    for (const table of live.values()) {
      this.#levels[table.level]!.push({ ...table, reader: this.#openTable(table.number) });
    }
    for (let level = 0; level < LEVELS; level++) this.#sort(level);
  }

  #sort(level: number): void {
    this.#levels[level]!.sort((a, b) =>
      level === 0 ? a.number - b.number : compareBytes(userKey(a.smallest), userKey(b.smallest))
    );
  }

  #openTable(number: number): TableReader {
    const names = this.#fs.list(this.#path);
    const base = String(number).padStart(6, "0");
    const kind = names.includes(`${base}.ldb`) ? "ldb" : "sst";
    const path = this.#name(number, kind);
    if (!names.includes(`${base}.${kind}`)) {
      throw new CorruptionError(this.#name(number, "ldb"), 0, "the table is missing");
    }
    const file = this.#fs.open(path);
    try {
      return new TableReader(file, path, this.#cache);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #replay(data: Uint8Array, file: string, offset: number): void {
    const bad = () => new CorruptionError(file, offset, "a batch of the log is malformed");
    if (data.length < 12) throw bad();
    let sequence = readFixed64(data, 0);
    const count = readFixed32(data, 8);
    let at = 12;
    const text = () => {
      const length = readVarint(data, at, data.length);
      if (varintEnd < 0 || length > data.length - varintEnd) throw bad();
      at = varintEnd + length;
      return data.slice(varintEnd, at);
    };
    let seen = 0;
    for (; at < data.length; seen++) {
      const kind = data[at++]!;
      if (kind > 1) throw bad();
      const key = text();
      this.#memtable.add(key, sequence++, kind === 1 ? text() : undefined);
    }
    if (seen !== count || !Number.isSafeInteger(sequence)) throw bad();
    this.#sequence = Math.max(this.#sequence, sequence - 1);
  }

  #newLog(): void {
    const number = this.#nextFile++;
    const log = new LogWriter(this.#fs.create(this.#name(number, "log")));
    this.#log?.file.close();
    this.#log = log;
    this.#logNumber = number;
  }

  #newManifest(): void {
    this.#manifestNumber = this.#nextFile++;
    const name = `MANIFEST-${String(this.#manifestNumber).padStart(6, "0")}`;
    this.#manifest = new LogWriter(this.#fs.create(`${this.#path}/${name}`));
    this.#manifest.append(
      encodeEdit(this.#state({ removed: [], added: this.#levels.flat() }), true),
    );
    this.#manifest.file.sync();
    this.#fs.syncDirectory(this.#path);
    const temporary = this.#name(this.#manifestNumber, "dbtmp");
    const current = this.#fs.create(temporary);
    try {
      current.append(new TextEncoder().encode(`${name}\n`));
      current.sync();
    } finally {
      current.close();
    }
    this.#fs.rename(temporary, `${this.#path}/CURRENT`);
    this.#fs.syncDirectory(this.#path);
  }

  #state(edit: Edit): Edit {
    const { removed, added } = edit;
    const numbers = { logNumber: this.#logNumber, nextFile: this.#nextFile };
    return { ...numbers, lastSequence: this.#sequence, removed, added };
  }

  /** Makes an edit durable, then shows it to readers. */
  #apply(edit: Edit): void {
    this.#fs.syncDirectory(this.#path);
    this.#manifest!.append(encodeEdit(this.#state(edit), false));
    this.#manifest!.file.sync();
    for (const { level, number } of edit.removed) {
      const list = this.#levels[level]!;
      const [gone] = list.splice(list.findIndex((table) => table.number === number), 1);
      gone?.reader?.release();
    }
    for (const table of edit.added) this.#levels[table.level]!.push(table);
    for (let level = 0; level < LEVELS; level++) this.#sort(level);
  }

  #removeObsolete(): void {
    const live = new Set(this.#levels.flat().map((table) => table.number));
    for (const name of this.#fs.list(this.#path)) {
      const [, manifest, file, kind] =
        /^(?:MANIFEST-(\d+)|(\d+)\.(ldb|sst|log|dbtmp))$/.exec(name) ??
          [];
      const keep = manifest
        ? Number(manifest) === this.#manifestNumber
        : kind === "log"
        ? Number(file) === this.#logNumber
        : kind === undefined || kind !== "dbtmp" && live.has(Number(file));
      if (!keep) this.#fs.remove(`${this.#path}/${name}`);
    }
  }

  /** Writes sorted entries to tables of about 2 MiB; versions of one key stay together. */
  #writeTables(entries: Iterable<Entry>, level: number): Table[] {
    const tables: Table[] = [];
    let open: { builder: TableBuilder; number: number; close: () => void } | undefined;
    let last: Uint8Array | undefined;
    const finish = () => {
      const { builder, number, close } = open!;
      const sizeBytes = builder.finish();
      close();
      open = undefined;
      const { largest } = builder;
      const reader = this.#openTable(number);
      tables.push({ level, number, sizeBytes, smallest: builder.smallest!, largest, reader });
    };
    try {
      for (const entry of entries) {
        const full = level > 0 && open !== undefined && open.builder.sizeBytes >= TABLE_BYTES;
        if (full && compareBytes(last!, entry.key) !== 0) finish();
        if (!open) {
          const number = this.#nextFile++;
          const file = this.#fs.create(this.#name(number, "ldb"));
          open = { builder: new TableBuilder(file), number, close: () => file.close() };
        }
        open.builder.add(entry);
        last = entry.key;
      }
      if (open) finish();
    } catch (error) {
      open?.close();
      for (const table of tables) table.reader?.release();
      throw error;
    }
    return tables;
  }

  #writeMemtable(): Table[] {
    const cursor = this.#memtable.cursor();
    cursor.seek(undefined, 0);
    return this.#writeTables(merged([cursor], false), 0);
  }

  /** Writes the memtable to a table of level 0 and compacts what is due. */
  #flush(): void {
    if (this.#memtable.count === 0) return;
    const added = this.#writeMemtable();
    this.#newLog();
    this.#apply({ removed: [], added });
    this.#memtable = new Memtable();
    this.#removeObsolete();
    this.#compact();
  }

  #overlapping(level: number, from: Uint8Array, to: Uint8Array): Table[] {
    return this.#levels[level]!.filter((table) =>
      compareBytes(userKey(table.largest), from) >= 0 &&
      compareBytes(userKey(table.smallest), to) <= 0
    );
  }

  #compact(): void {
    for (;;) {
      let due = -1;
      if (this.#levels[0]!.length >= LEVEL_0_TABLES) due = 0;
      for (let level = 1; due < 0 && level < LEVELS - 1; level++) {
        const size = this.#levels[level]!.reduce((sum, table) => sum + table.sizeBytes, 0);
        if (size > 10 ** level * 2 ** 20) due = level;
      }
      if (due < 0) return;
      const tables = this.#levels[due]!;
      this.#compactTables(
        due,
        due === 0 ? [...tables] : [tables[this.#next[due]!++ % tables.length]!],
      );
    }
  }

  #compactTables(level: number, picked: Table[]): void {
    let from = userKey(picked[0]!.smallest);
    let to = userKey(picked[0]!.largest);
    const widen = (tables: Table[]) => {
      for (const table of tables) {
        if (compareBytes(userKey(table.smallest), from) < 0) from = userKey(table.smallest);
        if (compareBytes(userKey(table.largest), to) > 0) to = userKey(table.largest);
      }
    };
    widen(picked);
    // LevelDB may have cut the versions of one key over two tables of a level: take both.
    for (let more = this.#overlapping(level, from, to); more.length > picked.length;) {
      picked = more;
      widen(picked);
      more = this.#overlapping(level, from, to);
    }
    const inputs = [...picked, ...this.#overlapping(level + 1, from, to)];
    const cursors = inputs.map((table) => table.reader!.cursor());
    for (const cursor of cursors) cursor.seek(undefined, 0);
    let oldest = this.#sequence;
    for (const snapshot of this.#snapshots) oldest = Math.min(oldest, snapshot.sequence);
    const deeper = (key: Uint8Array) => {
      for (let below = level + 2; below < LEVELS; below++) {
        if (this.#overlapping(below, key, key).length > 0) return true;
      }
      return false;
    };
    const kept = function* (): Generator<Entry> {
      let key: Uint8Array | undefined;
      let hidden = false;
      for (const entry of merged(cursors, false)) {
        if (!key || compareBytes(key, entry.key) !== 0) {
          key = entry.key;
          hidden = false;
        }
        if (hidden) continue;
        hidden = entry.sequence <= oldest;
        if (hidden && entry.value === undefined && !deeper(entry.key)) continue;
        yield entry;
      }
    };
    this.#apply({ removed: inputs, added: this.#writeTables(kept(), level + 1) });
    this.#removeObsolete();
  }

  #usable(): void {
    if (this.#closed) throw new DatabaseClosedError("database");
  }

  /** The value of a key, in a copy of its own, or undefined. Throws `CorruptionError`. */
  getSync(key: Uint8Array, options: ReadOptions = {}): Uint8Array | undefined {
    this.#usable();
    const sequence = options.snapshot?.sequence ?? this.#sequence;
    let found = this.#memtable.find(key, sequence);
    if (!found) {
      for (const table of this.#overlapping(0, key, key)) {
        const entry = table.reader!.find(key, sequence);
        if (entry && (!found || entry.sequence > found.sequence)) found = entry;
      }
    }
    for (let level = 1; !found && level < LEVELS; level++) {
      for (const table of this.#overlapping(level, key, key)) {
        const entry = table.reader!.find(key, sequence);
        if (entry && (!found || entry.sequence > found.sequence)) found = entry;
      }
    }
    return found?.value?.slice();
  }

  /** As {@linkcode Database.getSync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async get(key: Uint8Array, options: ReadOptions = {}): Promise<Uint8Array | undefined> {
    return this.getSync(key, options);
  }

  /** Whether the key has a value. */
  async has(key: Uint8Array, options: ReadOptions = {}): Promise<boolean> {
    return await this.get(key, options) !== undefined;
  }

  /** Sets a key. Errors as {@linkcode Database.write}. */
  put(key: Uint8Array, value: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.write([{ key, value }], options);
  }

  /** Removes a key, if it is there. Errors as {@linkcode Database.write}. */
  delete(key: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.write([{ key }], options);
  }

  /**
   * Writes operations all or not at all, in order. Keys hold up to 64 KiB, values up to 1 GiB and
   * a batch up to 1 GiB and 1 MiB, else `LimitError`. Writers with `sync` at one time share one
   * fdatasync. `ReadOnlyError` after a failure, whose outcome reopening decides.
   */
  async write(operations: readonly Operation[], options: WriteOptions = {}): Promise<void> {
    this.#usable();
    if (this.#poison !== undefined) throw new ReadOnlyError("a write", this.#poison);
    const copies: Operation[] = [];
    const out = new ByteWriter(256);
    let size = 12;
    for (const { key, value } of operations) {
      if (key.length > MAX_KEY) throw new LimitError("key", MAX_KEY, key.length);
      if (value && value.length > MAX_VALUE) throw new LimitError("value", MAX_VALUE, value.length);
      size += key.length + (value?.length ?? 0) + 16;
      if (size > MAX_BATCH) throw new LimitError("batch", MAX_BATCH, size);
    }
    if (operations.length === 0) return;
    out.length = 12;
    for (const { key, value } of operations) {
      out.byte(value ? 1 : 0);
      out.prefixed(key);
      if (value) out.prefixed(value);
      copies.push(value ? { key: key.slice(), value: value.slice() } : { key: key.slice() });
    }
    writeFixed64(out.bytes, 0, this.#sequence + 1);
    writeFixed32(out.bytes, 8, operations.length);
    try {
      this.#log!.append(out.view());
      let sequence = this.#sequence;
      for (const { key, value } of copies) this.#memtable.add(key, ++sequence, value);
      this.#sequence = sequence;
      if (this.#memtable.sizeBytes >= this.#memtableBytes) this.#flush();
    } catch (error) {
      this.#poison ??= error;
      throw new ReadOnlyError("a write", error);
    }
    if (options.sync) await (this.#sync ??= Promise.resolve().then(() => this.#syncLog()));
  }

  #syncLog(): void {
    this.#sync = undefined;
    if (this.#poison !== undefined) throw new ReadOnlyError("a write", this.#poison);
    this.#usable();
    try {
      this.#log!.file.sync();
    } catch (error) {
      this.#poison = error;
      throw new ReadOnlyError("an fsync", error);
    }
  }

  /** Holds the state of this moment; dispose of it. */
  snapshot(): Snapshot {
    this.#usable();
    const snapshot = new Snapshot(this.#sequence, (gone) => this.#snapshots.delete(gone));
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /** Entries in order of key, as of the call's first step, in copies of their own. */
  *entriesSync(options: IteratorOptions = {}): Generator<[Uint8Array, Uint8Array]> {
    this.#usable();
    const { from, to, reverse = false, limit = Infinity } = options;
    const sequence = options.snapshot?.sequence ?? this.#sequence;
    const tables = this.#levels.flat();
    const cursors = [this.#memtable.cursor(), ...tables.map((table) => table.reader!.cursor())];
    for (const { reader } of tables) reader!.references++;
    try {
      let left = limit;
      for (const cursor of cursors) {
        if (reverse) cursor.seekBefore(to, Infinity);
        else cursor.seek(from, Infinity);
      }
      for (const { key, value } of visible(merged(cursors, reverse), sequence, reverse)) {
        if (left-- <= 0) return;
        if (reverse ? from && compareBytes(key, from) < 0 : to && compareBytes(key, to) >= 0) {
          return;
        }
        yield [key.slice(), value!.slice()];
        this.#usable();
      }
    } finally {
      for (const { reader } of tables) reader!.release();
    }
  }

  /** As {@linkcode Database.entriesSync}, for `for await`. */
  async *iterator(options: IteratorOptions = {}): AsyncGenerator<[Uint8Array, Uint8Array]> {
    yield* this.entriesSync(options);
  }

  #closeFiles(): void {
    this.#closed = true;
    this.#log?.file.close();
    this.#manifest?.file.close();
    for (const table of this.#levels.flat()) table.reader?.release();
    this.#lock.release();
  }

  /** Makes what was written durable and closes the database. Closing again does nothing. */
  // deno-lint-ignore require-await -- errors must reject
  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#poison === undefined) this.#log!.file.sync();
    } finally {
      this.#closeFiles();
    }
  }

  /** As {@linkcode Database.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Entries of several cursors in one order. */
function* merged(cursors: Cursor[], reverse: boolean): Generator<Entry> {
  for (;;) {
    let best: Cursor | undefined;
    for (const cursor of cursors) {
      const entry = cursor.entry;
      if (!entry) continue;
      if (best) {
        const other = best.entry!;
        const order = compareBytes(entry.key, other.key) || other.sequence - entry.sequence;
        if (reverse ? order <= 0 : order >= 0) continue;
      }
      best = cursor;
    }
    if (!best) return;
    yield best.entry!;
    if (reverse) best.previous();
    else best.next();
  }
}

/** The version of each key that a sequence number sees; deleted keys left out. */
function* visible(entries: Iterable<Entry>, sequence: number, reverse: boolean): Generator<Entry> {
  let current: Entry | undefined;
  for (const entry of entries) {
    if (entry.sequence > sequence) continue;
    const same = current !== undefined && compareBytes(current.key, entry.key) === 0;
    if (same && !reverse) continue;
    if (!same && reverse && current?.value) yield current;
    current = entry;
    if (!reverse && entry.value) yield entry;
  }
  if (reverse && current?.value) yield current;
}
