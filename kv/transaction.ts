/**
 * Optimistic transactions over the versions that the database keeps.
 *
 * A transaction reads from a snapshot and keeps its writes to itself. To commit, it checks what was
 * committed since its snapshot and writes its batch in the same tick, so nothing comes between. What
 * was committed lately is remembered only while transactions are open, up to a bound; one that is
 * older than the memory conflicts. After Kung and Robinson, "On Optimistic Methods for Concurrency
 * Control" (1981), with backward validation; the isolation levels are those of Berenson et al.,
 * "A Critique of ANSI SQL Isolation Levels" (1995).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { delay } from "@std/async";
import { Slab } from "./_scan.ts";
import { DatabaseClosedError, LimitError, TransactionConflictError } from "./errors.ts";
import type { Database } from "./database.ts";
import { DatabaseIterator, type IteratorOptions, type IteratorSource } from "./iterator.ts";
import type { KeyRange } from "./iterator.ts";
import type { Namespace } from "./namespace.ts";
import type { Operation } from "./operation.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a transaction is kept apart from. */
export type TransactionIsolation = "snapshot" | "serializable";

/** Options of `Database.transaction()`. */
export interface TransactionOptions {
  /**
   * `"serializable"`: as if the transactions had run one behind the other; keys that were read (there
   * or not) and ranges that were iterated are checked. `"snapshot"`: only keys that were written are,
   * so two transactions may each read what the other writes (write skew). Default `"serializable"`.
   */
  readonly isolation?: TransactionIsolation | undefined;
  /** Resolve only once the commit is durable. Default `false`. */
  readonly sync?: boolean | undefined;
  /** How often to run again after a conflict. Default 16. */
  readonly retries?: number | undefined;
  /** Ends it before the next run, and before the commit, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Refuse writes, and check nothing. Default `false`. */
  readonly readOnly?: boolean | undefined;
}

type Entry = [Uint8Array, Uint8Array];

/** A key as a string of one character a byte: a map's key, and in the order of the bytes. */
function textOf(key: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(key as Buffer, 0, key.length);
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** A range of texts; `from` inclusive, `to` exclusive and undefined for no end. */
interface TextRange {
  readonly from: string;
  readonly to: string | undefined;
}

function rangeOf(range: KeyRange): TextRange {
  let from = "";
  let to: string | undefined;
  const narrow = (end: string) => to = to === undefined || end < to ? end : to;
  for (const key of [range.from, range.gte]) {
    if (key && textOf(key) > from) from = textOf(key);
  }
  if (range.gt && `${textOf(range.gt)}\0` > from) from = `${textOf(range.gt)}\0`;
  if (range.to) narrow(textOf(range.to));
  if (range.lt) narrow(textOf(range.lt));
  if (range.lte) narrow(`${textOf(range.lte)}\0`);
  return { from, to };
}

/** Ranges in order, those that touch joined. */
function joined(ranges: TextRange[]): TextRange[] {
  ranges.sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0);
  const result: TextRange[] = [];
  for (const range of ranges) {
    const last = result[result.length - 1];
    if (!last || last.to !== undefined && range.from > last.to) result.push(range);
    else if (last.to !== undefined && (range.to === undefined || range.to > last.to)) {
      result[result.length - 1] = { from: last.from, to: range.to };
    }
  }
  return result;
}

/** Of ranges in order that don't touch, the one that holds `text`. */
function holding(ranges: readonly TextRange[], text: string): TextRange | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.from <= text) low = middle + 1;
    else high = middle;
  }
  const range = ranges[low - 1];
  return range && (range.to === undefined || text < range.to) ? range : undefined;
}

/** A key that a transaction has written; without a value it is deleted. */
interface OwnWrite {
  readonly text: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly lifetime: Lifetime | undefined;
}

/** How long an entry is to live, from the commit on, or until when. */
interface Lifetime {
  readonly ttl?: number | undefined;
  readonly expires?: number | undefined;
}

/** The place of the first write whose key is `text` or greater. */
function placeOf(writes: readonly OwnWrite[], text: string): number {
  let low = 0;
  let high = writes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (writes[middle]!.text < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** For copies of keys and values: a typed array with memory of its own costs several times as much. */
const slab = new Slab();

function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return slab.copy(bytes, 0, bytes.length);
}

const OVERHEAD = 64;
const MAX_BYTES = 2 ** 30;
const MAX_READS = 2 ** 20;

/** The writes of one transaction. Ranges were deleted before all single keys that it holds. */
class WriteSet {
  readonly writes = new Map<string, OwnWrite>();
  /** In order and apart. Replaced, never changed: iterators hold on to it. */
  ranges: readonly TextRange[] = [];
  #sorted: OwnWrite[] | undefined;
  #shared = false;
  #sizeBytes = 0;

  get isEmpty(): boolean {
    return this.writes.size === 0 && this.ranges.length === 0;
  }

  #grow(bytes: number): void {
    const size = this.#sizeBytes + bytes + OVERHEAD;
    if (size > MAX_BYTES) throw new LimitError("transaction", MAX_BYTES, size);
    this.#sizeBytes = size;
  }

  set(write: OwnWrite): void {
    this.#grow(write.key.length + (write.value?.length ?? 0));
    if (!this.#sorted) {
      this.writes.set(write.text, write);
      return;
    }
    const isNew = !this.writes.has(write.text);
    this.writes.set(write.text, write);
    if (this.#shared) this.#sorted = this.#sorted.slice();
    this.#shared = false;
    this.#sorted.splice(placeOf(this.#sorted, write.text), isNew ? 0 : 1, write);
  }

  deleteRange(from: Uint8Array, to: Uint8Array): void {
    const range = { from: textOf(from), to: textOf(to) };
    if (range.from >= range.to) return;
    this.#grow(from.length + to.length);
    for (const text of this.writes.keys()) {
      if (text >= range.from && text < range.to) this.writes.delete(text);
    }
    this.#sorted = undefined;
    this.#shared = false;
    this.ranges = joined([...this.ranges, range]);
  }

  /** The writes in order of key; a list that stays as it is. */
  sorted(): readonly OwnWrite[] {
    this.#sorted ??= [...this.writes.values()].sort((a, b) => a.text < b.text ? -1 : 1);
    this.#shared = true;
    return this.#sorted;
  }

  operations(): Operation[] {
    const operations: Operation[] = [];
    for (const { from, to } of this.ranges) {
      operations.push({ type: "deleteRange", from: bytesOf(from), to: bytesOf(to!) });
    }
    for (const { key, value, lifetime } of this.writes.values()) {
      if (value === undefined) operations.push({ type: "delete", key });
      else if (lifetime === undefined) operations.push({ type: "put", key, value });
      else {
        const { ttl, expires } = lifetime;
        operations.push(
          ttl !== undefined
            ? { type: "put", key, value, ttl }
            : expires !== undefined
            ? { type: "put", key, value, expires }
            : { type: "put", key, value },
        );
      }
    }
    return operations;
  }
}

/** The part of a range that an iterator has looked at so far. */
class ObservedRange {
  #range: TextRange;
  #reverse: boolean;
  /** The last key that it gave. */
  last: string | undefined;
  /** Whether it came to the end. */
  ended = false;

  constructor(range: TextRange, reverse: boolean) {
    this.#range = range;
    this.#reverse = reverse;
  }

  /** What was seen, or undefined where nothing was. */
  range(): TextRange | undefined {
    const { from, to } = this.#range;
    if (this.ended) return this.#range;
    if (this.last === undefined) return undefined;
    return this.#reverse ? { from: this.last, to } : { from, to: `${this.last}\0` };
  }
}

/** The entries of a snapshot and of the transaction's own writes, in one order. */
class MergedSource implements IteratorSource<Entry> {
  #base: DatabaseIterator;
  #writes: readonly OwnWrite[];
  #deleted: readonly TextRange[];
  #range: TextRange;
  #reverse: boolean;
  /** The writes inside the range: from #low up to #high, that not included. */
  #low: number;
  #high: number;
  /** The next of the writes, in the order of the iteration. */
  #at: number;
  /** The next entry of the snapshot, once it was asked for. */
  #peeked: Entry | undefined;
  #peekedText = "";
  #onSeek: ((range: TextRange) => ObservedRange) | undefined;
  #observed: ObservedRange | undefined;
  #onClose: (source: MergedSource) => void;
  /** Nothing of the transaction's own stands before the rest of the iteration. */
  #plain: boolean;

  constructor(
    base: DatabaseIterator,
    writes: WriteSet,
    range: TextRange,
    reverse: boolean,
    onSeek: ((range: TextRange) => ObservedRange) | undefined,
    onClose: (source: MergedSource) => void,
  ) {
    this.#base = base;
    this.#deleted = writes.ranges;
    this.#range = range;
    this.#reverse = reverse;
    this.#writes = writes.writes.size === 0 ? [] : writes.sorted();
    this.#low = placeOf(this.#writes, range.from);
    this.#high = range.to === undefined ? this.#writes.length : placeOf(this.#writes, range.to);
    this.#at = reverse ? this.#high - 1 : this.#low;
    this.#plain = this.#low >= this.#high && this.#deleted.length === 0;
    this.#onSeek = onSeek;
    this.#observed = onSeek?.(range);
    this.#onClose = onClose;
  }

  /** The next entry of the snapshot that the transaction has not deleted with a range. */
  #peek(): Entry | undefined {
    if (this.#peeked) return this.#peeked;
    for (;;) {
      const entry = this.#base.nextSync();
      if (!entry) return undefined;
      const text = textOf(entry[0]);
      const deleted = holding(this.#deleted, text);
      if (!deleted) {
        this.#peekedText = text;
        return this.#peeked = entry;
      }
      // Behind the whole range; in reverse the seek may end on the first key of the range itself.
      if (this.#reverse) {
        if (text !== deleted.from) this.#base.seek(bytesOf(deleted.from));
      } else if (this.#range.to !== undefined && deleted.to! >= this.#range.to) return undefined;
      else this.#base.seek(bytesOf(deleted.to!));
    }
  }

  next(): Entry | undefined {
    const observed = this.#observed;
    if (this.#plain) {
      const entry = this.#base.nextSync();
      if (observed) {
        if (entry) observed.last = textOf(entry[0]);
        else observed.ended = true;
      }
      return entry;
    }
    for (;;) {
      const base = this.#peek();
      const own = this.#at >= this.#low && this.#at < this.#high
        ? this.#writes[this.#at]
        : undefined;
      if (
        !own ||
        base && this.#peekedText !== own.text && (this.#peekedText < own.text) !== this.#reverse
      ) {
        this.#peeked = undefined;
        if (observed) {
          if (base) observed.last = this.#peekedText;
          else observed.ended = true;
        }
        return base;
      }
      if (base && this.#peekedText === own.text) this.#peeked = undefined;
      this.#at += this.#reverse ? -1 : 1;
      if (own.value === undefined) continue;
      if (observed) observed.last = own.text;
      return [copyOf(own.key), copyOf(own.value)];
    }
  }

  seek(key: Uint8Array): void {
    const text = textOf(key);
    const { from, to } = this.#range;
    this.#peeked = undefined;
    this.#base.seek(key);
    if (text < from || to !== undefined && text >= to) {
      this.#at = this.#reverse ? this.#low - 1 : this.#high;
      this.#observed = undefined;
      return;
    }
    if (!this.#reverse) this.#at = placeOf(this.#writes, text);
    else {
      const place = placeOf(this.#writes, text);
      this.#at = this.#writes[place]?.text === text ? place : place - 1;
    }
    this.#observed = this.#onSeek?.(
      this.#reverse ? { from, to: `${text}\0` } : { from: text, to },
    );
  }

  close(): void {
    this.#base.close();
    this.#onClose(this);
  }
}

/** What a transaction has read and written. */
interface TransactionUse {
  readonly writes: WriteSet;
  readonly reads: ReadonlySet<string> | undefined;
  readonly ranges: TextRange[];
}

/** Ends a transaction and gives what it has used: only the manager may. */
let end: (transaction: Transaction) => TransactionUse;

/**
 * What a transaction's function reads and writes with. Reads see the state at which the transaction
 * began and its own writes on top; nobody else sees them before it commits. Made by
 * `Database.transaction()`, and of no use once that has returned.
 *
 * Iterators see the writes that came before they were made. Writes are bounded to 1 GiB with keys
 * and 64 bytes each, and single keys read to 2^20 where they are checked, else `LimitError`.
 */
export class Transaction {
  /** What it is kept apart from. */
  readonly isolation: TransactionIsolation;
  /** Whether it refuses writes. */
  readonly readOnly: boolean;
  #db: Database;
  #snapshot: Snapshot;
  #read: { readonly snapshot: Snapshot };
  #writes = new WriteSet();
  #tracks: boolean;
  #reads: Set<string> | undefined;
  #observed: ObservedRange[] = [];
  #open: Set<MergedSource> | undefined;
  #ended = false;

  /** Made by `Database.transaction()`. */
  constructor(db: Database, options: TransactionOptions) {
    this.#db = db;
    this.isolation = options.isolation ?? "serializable";
    this.readOnly = options.readOnly ?? false;
    this.#tracks = this.isolation === "serializable" && !this.readOnly;
    this.#snapshot = db.snapshot();
    this.#read = { snapshot: this.#snapshot };
  }

  /** The sequence number of the last write of others that it sees. */
  get sequence(): number {
    return this.#snapshot.sequence;
  }

  #usable(): void {
    if (this.#ended) throw new DatabaseClosedError("transaction");
  }

  #track(text: string): void {
    this.#reads ??= new Set();
    this.#reads.add(text);
    if (this.#reads.size > MAX_READS) {
      throw new LimitError("set of keys that a transaction reads", MAX_READS, this.#reads.size);
    }
  }

  /** The value of a key, in a copy of its own, or undefined. */
  getSync(key: Uint8Array): Uint8Array | undefined {
    this.#usable();
    const { writes, ranges } = this.#writes;
    if (this.#tracks || !this.#writes.isEmpty) {
      const text = textOf(key);
      const own = writes.get(text);
      if (own) return own.value && copyOf(own.value);
      if (ranges.length > 0 && holding(ranges, text)) return undefined;
      if (this.#tracks) this.#track(text);
    }
    return this.#db.getSync(key, this.#read);
  }

  /** As {@linkcode Transaction.getSync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.getSync(key);
  }

  /** The values of several keys, in their order. */
  getManySync(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return keys.map((key) => this.getSync(key));
  }

  /** As {@linkcode Transaction.getManySync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.getManySync(keys);
  }

  /** Whether the key has a value. */
  hasSync(key: Uint8Array): boolean {
    return this.getSync(key) !== undefined;
  }

  /** As {@linkcode Transaction.hasSync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async has(key: Uint8Array): Promise<boolean> {
    return this.hasSync(key);
  }

  #writable(): void {
    this.#usable();
    if (this.readOnly) throw new TypeError("Cannot write: the transaction is read-only");
  }

  /**
   * Sets a key. `ttl` is a lifetime in milliseconds, which begins with the commit; `expires` is its
   * end in milliseconds since the epoch.
   */
  put(
    key: Uint8Array,
    value: Uint8Array,
    options?: { readonly ttl?: number | undefined; readonly expires?: number | undefined },
  ): void {
    this.#writable();
    this.#writes.set({
      text: textOf(key),
      key: copyOf(key),
      value: copyOf(value),
      lifetime: options,
    });
  }

  /** Removes a key, if it is there. */
  delete(key: Uint8Array): void {
    this.#writable();
    this.#writes.set({
      text: textOf(key),
      key: copyOf(key),
      value: undefined,
      lifetime: undefined,
    });
  }

  /** Removes the keys of a range, `to` not among them, also those that somebody else adds to it. */
  deleteRange(from: Uint8Array, to: Uint8Array): void {
    this.#writable();
    this.#writes.deleteRange(from, to);
  }

  /** Does the operations of a batch, such as those that a namespace makes. */
  // deno-lint-ignore require-await -- a namespace writes to this as it does to a database
  async write(operations: readonly Operation[]): Promise<void> {
    this.#writable();
    for (const operation of operations) {
      if (operation.type === "put") this.put(operation.key, operation.value, operation);
      else if (operation.type === "delete") this.delete(operation.key);
      else this.deleteRange(operation.from, operation.to);
    }
  }

  #source(options: Omit<IteratorOptions, "snapshot">): MergedSource {
    this.#usable();
    const { limit: _limit, signal: _signal, ...range } = options;
    const reverse = options.reverse ?? false;
    const source = new MergedSource(
      this.#db.iterator({ ...range, snapshot: this.#snapshot }),
      this.#writes,
      rangeOf(range),
      reverse,
      this.#tracks
        ? (range) => {
          const observed = new ObservedRange(range, reverse);
          if (this.#observed.push(observed) > MAX_READS) {
            throw new LimitError(
              "set of ranges that a transaction reads",
              MAX_READS,
              MAX_READS + 1,
            );
          }
          return observed;
        }
        : undefined,
      (closed) => this.#open!.delete(closed),
    );
    this.#open ??= new Set();
    this.#open.add(source);
    return source;
  }

  /** Goes over entries in order of key, the transaction's own writes among them. */
  iterator(options: Omit<IteratorOptions, "snapshot"> = {}): DatabaseIterator {
    return new DatabaseIterator(this.#source(options), options);
  }

  /** Goes over keys in order. */
  keys(options: Omit<IteratorOptions, "snapshot"> = {}): DatabaseIterator<Uint8Array> {
    return new DatabaseIterator(mapped(this.#source(options), (entry) => entry[0]), options);
  }

  /** Goes over values in order of their keys. */
  values(options: Omit<IteratorOptions, "snapshot"> = {}): DatabaseIterator<Uint8Array> {
    return new DatabaseIterator(mapped(this.#source(options), (entry) => entry[1]), options);
  }

  /** A namespace of the database as this transaction reads and writes it. */
  namespace<K, V>(namespace: Namespace<K, V>): Namespace<K, V> {
    this.#usable();
    return namespace.within(this);
  }

  static {
    end = (transaction) => {
      transaction.#ended = true;
      if (transaction.#open) { for (const source of [...transaction.#open]) source.close(); }
      transaction.#snapshot[Symbol.dispose]();
      const ranges = transaction.#observed.map((observed) => observed.range())
        .filter((range) => range !== undefined);
      return { writes: transaction.#writes, reads: transaction.#reads, ranges: joined(ranges) };
    };
  }
}

function mapped<T>(source: MergedSource, map: (entry: Entry) => T): IteratorSource<T> {
  return {
    next() {
      const entry = source.next();
      return entry && map(entry);
    },
    seek: (key) => source.seek(key),
    close: () => source.close(),
  };
}

const MAX_RECORDS = 65_536;
const MAX_RECORD_BYTES = 16 * 2 ** 20;
const RECORD_OVERHEAD = 64;

interface CommitRecord {
  readonly sequence: number;
  /** The key, or the first key of a run. */
  readonly text: string;
  /** The last key of a run that was ingested; undefined for a key alone. */
  readonly last: string | undefined;
}

/** Keys that were committed lately. */
class CommitRecords {
  #records: CommitRecord[] = [];
  #head = 0;
  #sizeBytes = 0;
  /** The newest commit of each key. */
  #newest = new Map<string, number>();
  #runs = 0;
  /** Commits up to this one may be missing. */
  #floor = 0;

  #add(record: CommitRecord): void {
    this.#records.push(record);
    this.#sizeBytes += record.text.length + RECORD_OVERHEAD;
    if (record.last === undefined) this.#newest.set(record.text, record.sequence);
    else this.#runs++;
  }

  add(...[operations, sequence, ingested]: Parameters<CommitRecorder>): void {
    for (const { key } of operations) this.#add({ sequence, text: textOf(key), last: undefined });
    if (ingested) {
      this.#add({ sequence, text: textOf(ingested.first), last: textOf(ingested.last) });
    }
    this.#bound();
  }

  /** As {@linkcode CommitRecords.add}, where the keys are texts already. */
  addTexts(texts: Iterable<string>, sequence: number): void {
    for (const text of texts) this.#add({ sequence, text, last: undefined });
    this.#bound();
  }

  #bound(): void {
    while (
      this.#records.length - this.#head > MAX_RECORDS || this.#sizeBytes > MAX_RECORD_BYTES
    ) {
      this.#floor = this.#records[this.#head]!.sequence;
      this.#dropHead();
    }
    this.#trim();
  }

  #dropHead(): void {
    const { sequence, text, last } = this.#records[this.#head++]!;
    this.#sizeBytes -= text.length + RECORD_OVERHEAD;
    if (last !== undefined) this.#runs--;
    else if (this.#newest.get(text) === sequence) this.#newest.delete(text);
  }

  #trim(): void {
    if (this.#head < 1024 || this.#head < this.#records.length / 2) return;
    this.#records = this.#records.slice(this.#head);
    this.#head = 0;
  }

  /** Forgets the commits up to `sequence`, which all transactions see. */
  forget(sequence: number): void {
    while (
      this.#head < this.#records.length && this.#records[this.#head]!.sequence <= sequence
    ) this.#dropHead();
    this.#trim();
  }

  clear(): void {
    if (this.#records.length === 0) return;
    this.#records = [];
    this.#head = 0;
    this.#sizeBytes = 0;
    this.#newest.clear();
    this.#runs = 0;
    this.#floor = 0;
  }

  /** Throws `TransactionConflictError` where a commit behind `sequence` is in the way. */
  check(sequence: number, use: TransactionUse): void {
    if (sequence < this.#floor) throw new TransactionConflictError(undefined, undefined);
    const newest = this.#newest;
    const { writes, reads, ranges } = use;
    for (const write of writes.writes.values()) {
      if ((newest.get(write.text) ?? 0) > sequence) {
        throw new TransactionConflictError(write.key, "written");
      }
    }
    if (reads) {
      for (const text of reads) {
        if ((newest.get(text) ?? 0) > sequence) {
          throw new TransactionConflictError(bytesOf(text), "read");
        }
      }
    }
    if (writes.ranges.length === 0 && ranges.length === 0 && this.#runs === 0) return;
    for (let at = this.#records.length - 1; at >= this.#head; at--) {
      const record = this.#records[at]!;
      if (record.sequence <= sequence) return;
      if (record.last !== undefined) {
        this.#checkRun(record.text, record.last, use);
      } else if (holding(writes.ranges, record.text)) {
        throw new TransactionConflictError(bytesOf(record.text), "written");
      } else if (holding(ranges, record.text)) {
        throw new TransactionConflictError(bytesOf(record.text), "read");
      }
    }
  }

  /** Any use of the run's range is in the way: which keys it holds isn't known. */
  #checkRun(first: string, last: string, use: TransactionUse): void {
    const within = (text: string) => text >= first && text <= last;
    const touches = ({ from, to }: TextRange) => from <= last && (to === undefined || to > first);
    for (const write of use.writes.writes.values()) {
      if (within(write.text)) throw new TransactionConflictError(write.key, "written");
    }
    for (const text of use.reads ?? []) {
      if (within(text)) throw new TransactionConflictError(bytesOf(text), "read");
    }
    const written = use.writes.ranges.some(touches);
    if (written || use.ranges.some(touches)) {
      throw new TransactionConflictError(bytesOf(first), written ? "written" : "read");
    }
  }
}

const DEFAULT_RETRIES = 16;
const MAX_DELAY_MS = 64;

/**
 * Takes down what a batch has written, before its call returns: its operations and the sequence
 * number of the first, or the keys between which a sorted run was ingested.
 */
export type CommitRecorder = (
  operations: readonly { readonly key: Uint8Array }[],
  sequence: number,
  ingested: { readonly first: Uint8Array; readonly last: Uint8Array } | undefined,
) => void;

/** Runs the transactions of one database. */
export class TransactionManager {
  #db: Database;
  #setRecorder: (recorder: CommitRecorder | undefined) => void;
  /** Transactions that may commit, the oldest first. */
  #open = new Set<Transaction>();
  #records = new CommitRecords();
  /** The commit that is being written. */
  #own: { readonly sequence: number; readonly texts: Iterable<string> } | undefined;
  #record: CommitRecorder = (operations, sequence, ingested) => {
    if (this.#own?.sequence === sequence) this.#records.addTexts(this.#own.texts, sequence);
    else this.#records.add(operations, sequence, ingested);
  };

  /** For the database `db`, which hands its commits to the recorder that was set last. */
  constructor(db: Database, setRecorder: (recorder: CommitRecorder | undefined) => void) {
    this.#db = db;
    this.#setRecorder = setRecorder;
  }

  /** Runs a function as a transaction; see `Database.transaction()`. */
  async run<T>(
    options: TransactionOptions,
    run: (transaction: Transaction) => T | Promise<T>,
  ): Promise<T> {
    const { retries = DEFAULT_RETRIES, signal } = options;
    if (!(retries >= 0)) throw new RangeError(`retries wants a number from 0 on, not ${retries}`);
    for (let attempt = 0;; attempt++) {
      signal?.throwIfAborted();
      const transaction = this.#begin(options);
      let result: T;
      try {
        const running = run(transaction);
        result = isPromise(running) ? await running : running;
        signal?.throwIfAborted();
      } catch (error) {
        end(transaction);
        this.#leave(transaction);
        throw error;
      }
      try {
        const written = this.#commit(transaction, options.sync ?? false);
        if (written) await written;
        return result;
      } catch (error) {
        if (!(error instanceof TransactionConflictError) || attempt >= retries) throw error;
      }
      // The first time at once, as the other has just finished; then after a random part of a
      // time that doubles, so that those which conflict don't meet again.
      if (attempt === 0) continue;
      const longest = Math.min(MAX_DELAY_MS, 2 ** attempt);
      await delay(Math.random() * longest, signal ? { signal } : {});
    }
  }

  #begin(options: TransactionOptions): Transaction {
    const transaction = new Transaction(this.#db, options);
    if (!transaction.readOnly) {
      if (this.#open.size === 0) this.#setRecorder(this.#record);
      this.#open.add(transaction);
    }
    return transaction;
  }

  /** Checks and writes in one step; the promise is for the writing. */
  #commit(transaction: Transaction, sync: boolean): Promise<void> | undefined {
    const { sequence } = transaction;
    const use = end(transaction);
    const { writes } = use;
    try {
      if (writes.isEmpty) return undefined;
      if (this.#db.sequence !== sequence) this.#records.check(sequence, use);
      this.#open.delete(transaction);
      if (this.#open.size === 0) this.#setRecorder(undefined);
      // The keys are at hand as texts, unless the database is to look up those of a range.
      if (writes.ranges.length === 0) {
        this.#own = { sequence: this.#db.sequence + 1, texts: writes.writes.keys() };
      }
      // It shows the batch before it returns: nothing comes between the check and the write.
      return this.#db.write(writes.operations(), { sync });
    } finally {
      this.#own = undefined;
      this.#leave(transaction);
    }
  }

  #leave(transaction: Transaction): void {
    this.#open.delete(transaction);
    for (const oldest of this.#open) return this.#records.forget(oldest.sequence);
    // No transaction is open: nothing has to be remembered.
    this.#setRecorder(undefined);
    this.#records.clear();
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
