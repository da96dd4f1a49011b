/** Iteration over a range of keys. */
import { DatabaseClosedError } from "./errors.ts";
import type { Snapshot } from "./snapshot.ts";

/** A range of keys. Of two lower bounds, or two upper ones, the narrower counts. */
export interface KeyRange {
  /** The first key, inclusive. */
  readonly from?: Uint8Array | undefined;
  /** The end, exclusive. */
  readonly to?: Uint8Array | undefined;
  /** Keys greater than this one. */
  readonly gt?: Uint8Array | undefined;
  /** Keys greater than or equal to this one, as `from`. */
  readonly gte?: Uint8Array | undefined;
  /** Keys less than this one, as `to`. */
  readonly lt?: Uint8Array | undefined;
  /** Keys less than or equal to this one. */
  readonly lte?: Uint8Array | undefined;
}

/** Options of a read. */
export interface ReadOptions {
  /** Read as of this snapshot. Default: now. */
  readonly snapshot?: Snapshot | undefined;
}

/** What to iterate over. */
export interface IteratorOptions extends KeyRange, ReadOptions {
  /** From the greatest key to the smallest. Default `false`. */
  readonly reverse?: boolean | undefined;
  /** The most entries. Default: all. */
  readonly limit?: number | undefined;
  /** Ends the iteration: the next step throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What stands behind an iterator: a position in a state of the database. */
export interface IteratorSource<T, K = Uint8Array> {
  /** The next entry, or undefined at the end of the range. */
  next(): T | undefined;
  /** Goes to the first entry, in the order of the iteration, at or behind `key`. */
  seek(key: K): void;
  /** Gives up what the position holds on to. */
  close(): void;
}

/**
 * Goes over the entries of a range as they were when it was made. Works with `for` (cheap) and
 * `for await`; both close it when they end. Otherwise close it: until then it keeps files and
 * memory. Every array handed out is the caller's own. `CorruptionError` for a damaged file,
 * `DatabaseClosedError` once it or the database is closed.
 *
 * @example
 * ```ts
 * import { Database } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * await using db = await Database.open(await Deno.makeTempDir());
 * for (const key of ["a", "b", "c"]) await db.put(bytes(key), bytes("1"));
 * using iterator = db.iterator({ gt: bytes("a") });
 * assertEquals(iterator.nextSync(), [bytes("b"), bytes("1")]);
 * iterator.seek(bytes("c"));
 * assertEquals(iterator.nextMany(10), [[bytes("c"), bytes("1")]]);
 * ```
 */
export class DatabaseIterator<T = [Uint8Array, Uint8Array], K = Uint8Array> implements Disposable {
  #source: IteratorSource<T, K>;
  #left: number;
  #signal: AbortSignal | undefined;
  #closed = false;

  /** Made by `Database.iterator()`, `keys()` and `values()`. */
  constructor(
    source: IteratorSource<T, K>,
    options: Pick<IteratorOptions, "limit" | "signal"> = {},
  ) {
    this.#source = source;
    this.#left = options.limit ?? Infinity;
    this.#signal = options.signal;
  }

  /** The next entry, or undefined at the end. */
  nextSync(): T | undefined {
    if (this.#closed) throw new DatabaseClosedError("iterator");
    if (this.#signal?.aborted) throw this.#signal.reason;
    if (this.#left <= 0) return undefined;
    this.#left--;
    return this.#source.next();
  }

  /** As {@linkcode DatabaseIterator.nextSync}, in a promise and in the shape of an async iterator. */
  // deno-lint-ignore require-await -- errors must reject
  async next(): Promise<IteratorResult<T, undefined>> {
    const value = this.nextSync();
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  }

  /** Up to `count` entries at once; an empty array at the end. */
  nextMany(count: number): T[] {
    const entries: T[] = [];
    while (entries.length < count) {
      const entry = this.nextSync();
      if (entry === undefined) break;
      entries.push(entry);
    }
    return entries;
  }

  /**
   * Goes on at `key`, or at the next one behind it in the order of the iteration; with a key
   * outside the range, at the end. It does not give back what `limit` has counted.
   */
  seek(key: K): void {
    if (this.#closed) throw new DatabaseClosedError("iterator");
    this.#source.seek(key);
  }

  /** Gives up what it holds on to. Closing again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.close();
  }

  /** As {@linkcode DatabaseIterator.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For `for`; closes the iterator at the end of the loop. */
  [Symbol.iterator](): IterableIterator<T> {
    const iterator: IterableIterator<T> = {
      next: () => {
        if (this.#closed) return { done: true, value: undefined };
        let value: T | undefined;
        try {
          value = this.nextSync();
        } finally {
          if (value === undefined) this.close(); // `for` does not, when a step throws or ends
        }
        if (value !== undefined) return { done: false, value };
        return { done: true, value: undefined };
      },
      return: () => {
        this.close();
        return { done: true, value: undefined };
      },
      [Symbol.iterator]: () => iterator,
    };
    return iterator;
  }

  /** For `for await`; closes the iterator at the end of the loop. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const sync = this[Symbol.iterator]();
    const iterator: AsyncIterableIterator<T> = {
      // deno-lint-ignore require-await -- errors must reject
      next: async () => sync.next(),
      // deno-lint-ignore require-await -- errors must reject
      return: async () => sync.return!(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}
