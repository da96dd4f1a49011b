/**
 * Namespaces: parts of a database with keys and values of their own types.
 *
 * ## The format of keys
 *
 * The namespace `users` holds its entries at `!users!=` followed by the encoded key; the namespace
 * `posts` inside it is at `!users!!posts!`, so its entries are at `!users!!posts!=`. Names hold no
 * `!`, hence no namespace's keys are another's, and the entries of one stand together in the order of
 * its keys. Keys of the database itself that begin with `!` should be left to namespaces.
 *
 * @module
 */
import { compareBytes, concatBytes, EMPTY } from "./_bytes.ts";
import { type Codec, codecOf, type CodecTypes, encodeBehind } from "./codec.ts";
import type { WatchEvent, WatchOptions } from "./changes.ts";
import { EncodingError } from "./errors.ts";
import {
  DatabaseIterator,
  type IteratorOptions,
  type IteratorSource,
  type KeyRange,
  type ReadOptions,
} from "./iterator.ts";
import type {
  DeleteOperation,
  DeleteRangeOperation,
  Operation,
  PutOperation,
  WriteOptions,
} from "./operation.ts";

/** An encoding: the name of one of the codecs, or a codec. */
export type Encoding<T> = Codec<T> | { [Name in keyof CodecTypes]: Name }[keyof CodecTypes];

/** What an encoding encodes. */
export type Encoded<E> = E extends keyof CodecTypes ? CodecTypes[E]
  : E extends Codec<infer T> ? T
  : never;

/** Options of `Database.namespace()`. */
export interface NamespaceOptions<K, V> {
  /** How keys become bytes, which decides their order. Default `"bytes"`. */
  readonly keyEncoding?: K;
  /** How values become bytes. Default `"bytes"`. */
  readonly valueEncoding?: V;
}

/** A range of keys of a namespace. */
export interface NamespaceRange<K> {
  /** Keys greater than this one. */
  readonly gt?: K | undefined;
  /** Keys greater than or equal to this one. */
  readonly gte?: K | undefined;
  /** Keys less than this one. */
  readonly lt?: K | undefined;
  /** Keys less than or equal to this one. */
  readonly lte?: K | undefined;
  /** Keys that begin with this one: a text's beginning, or a tuple's first elements. */
  readonly prefix?: K | undefined;
}

/** What to iterate over in a namespace. */
export interface NamespaceIteratorOptions<K>
  extends NamespaceRange<K>, Pick<IteratorOptions, "snapshot" | "reverse" | "limit" | "signal"> {}

/** Options of {@linkcode Namespace.put}. */
export interface NamespacePutOptions extends WriteOptions {
  /** A lifetime in milliseconds, for a database opened with `ttl`. */
  readonly ttl?: number | undefined;
}

/** One operation on a key of a namespace that is watched. */
export type NamespaceEvent<K, V> =
  & ({ readonly type: "put"; readonly key: K; readonly value: V } | {
    readonly type: "delete";
    readonly key: K;
  })
  & {
    /** The sequence number of this operation. */
    readonly sequence: number;
  };

/** What a namespace stands on: a database or a transaction. */
export interface NamespaceTarget {
  /** As `Database.getSync()`. */
  getSync(key: Uint8Array, options?: ReadOptions): Uint8Array | undefined;
  /** As `Database.iterator()`. */
  iterator(options?: IteratorOptions): DatabaseIterator;
  /** As `Database.keys()`. */
  keys(options?: IteratorOptions): DatabaseIterator<Uint8Array>;
  /** As `Database.write()`. */
  write(operations: readonly Operation[], options?: WriteOptions): Promise<void>;
  /** As `Database.watch()`; a transaction has none. */
  watch?(options: WatchOptions): AsyncIterableIterator<WatchEvent> & AsyncDisposable;
}

const OPEN = 0x21;
const ENTRIES = 0x3d;
const MAX_NAME_BYTES = 255;
const ENTRY_MARK = Uint8Array.of(ENTRIES);

function nameBytes(name: string): Uint8Array {
  const bytes = codecOf<string>("utf8").encode(name);
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES || bytes.includes(OPEN)) {
    throw new EncodingError(
      "namespace",
      `a name has 1 to ${MAX_NAME_BYTES} bytes and no "!", unlike ${JSON.stringify(name)}`,
    );
  }
  return concatBytes(Uint8Array.of(OPEN), bytes, Uint8Array.of(OPEN));
}

/** The first key behind all that begin with `prefix`; none where that is all 0xff. */
function endOf(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = prefix.slice(0, length);
  end[length - 1]!++;
  return end;
}

/**
 * A part of a database whose keys and values have their own encodings, apart from all others. Made
 * by `Database.namespace()`; it holds nothing and needs no closing.
 *
 * Reads throw `EncodingError` for bytes that the encoding has no value for, and everything that the
 * database throws.
 *
 * @example
 * ```ts
 * import { Database } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await Database.open(await Deno.makeTempDir());
 * const users = db.namespace("users", { keyEncoding: "utf8", valueEncoding: "json" });
 * const scores = db.namespace("scores", { keyEncoding: "tuple", valueEncoding: "number" });
 *
 * await users.put("ada", { born: 1815 });
 * assertEquals(users.getSync("ada"), { born: 1815 });
 *
 * await db.write([
 *   users.putOperation("alan", { born: 1912 }),
 *   scores.putOperation(["chess", -3], 1),
 *   scores.putOperation(["chess", 20], 2),
 * ]);
 * assertEquals([...users.keys()], ["ada", "alan"]);
 * assertEquals([...scores.iterator({ prefix: ["chess"], reverse: true })], [
 *   [["chess", 20], 2],
 *   [["chess", -3], 1],
 * ]);
 *
 * await db.transaction({}, (tx) => {
 *   const inside = tx.namespace(scores);
 *   inside.put(["chess", 20], inside.getSync(["chess", 20])! + 1);
 * });
 * assertEquals(scores.getSync(["chess", 20]), 3);
 * ```
 */
export class Namespace<K, V> {
  /** Its name and those of the namespaces around it, the outermost first. */
  readonly path: readonly string[];
  #target: NamespaceTarget;
  #root: Uint8Array;
  /** What the entries' keys begin with. */
  #prefix: Uint8Array;
  #end: Uint8Array;
  #key: Codec<K>;
  #value: Codec<V>;

  /** Made by `Database.namespace()`; `root` is what the keys of this namespace begin with. */
  constructor(
    target: NamespaceTarget,
    path: readonly string[],
    root: Uint8Array,
    key: Codec<K>,
    value: Codec<V>,
  ) {
    this.#target = target;
    this.path = path;
    this.#root = root;
    this.#prefix = concatBytes(root, ENTRY_MARK);
    this.#end = endOf(this.#prefix)!;
    this.#key = key;
    this.#value = value;
  }

  /** A namespace inside this one, which has no entry in common with it. */
  namespace<
    KE extends Encoding<unknown> = "bytes",
    VE extends Encoding<unknown> = "bytes",
  >(name: string, options: NamespaceOptions<KE, VE> = {}): Namespace<Encoded<KE>, Encoded<VE>> {
    return namespaceOf(this.#target, name, options, this.path, this.#root);
  }

  /** This namespace as a transaction, or another way to the same database, reads and writes it. */
  within(target: NamespaceTarget): Namespace<K, V> {
    return new Namespace(target, this.path, this.#root, this.#key, this.#value);
  }

  /** The key of the database that stands for a key of this namespace. */
  encodeKey(key: K): Uint8Array {
    return encodeBehind(this.#prefix, this.#key, key);
  }

  /** The key of this namespace that a key of the database stands for. */
  #decodeKey(key: Uint8Array): K {
    return this.#key.decode(key.subarray(this.#prefix.length));
  }

  #encodeRange(range: NamespaceRange<K>): KeyRange {
    const { gt, gte, lt, lte, prefix } = range;
    const start = prefix === undefined ? this.#prefix : this.encodeKey(prefix);
    let end = prefix === undefined ? this.#end : endOf(start) ?? this.#end;
    // 0xff behind the last element of a tuple would be a part of that element.
    if (prefix !== undefined && this.#key.name === "tuple") {
      end = concatBytes(start, Uint8Array.of(0xff));
    }
    return {
      from: start,
      to: end,
      gt: gt === undefined ? undefined : this.encodeKey(gt),
      gte: gte === undefined ? undefined : this.encodeKey(gte),
      lt: lt === undefined ? undefined : this.encodeKey(lt),
      lte: lte === undefined ? undefined : this.encodeKey(lte),
    };
  }

  /** The value of a key, or undefined. */
  getSync(key: K, options?: ReadOptions): V | undefined {
    const value = this.#target.getSync(this.encodeKey(key), options);
    return value && this.#value.decode(value);
  }

  /** As {@linkcode Namespace.getSync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async get(key: K, options?: ReadOptions): Promise<V | undefined> {
    return this.getSync(key, options);
  }

  /** The values of several keys, in their order. */
  getManySync(keys: readonly K[], options?: ReadOptions): (V | undefined)[] {
    return keys.map((key) => this.getSync(key, options));
  }

  /** As {@linkcode Namespace.getManySync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async getMany(keys: readonly K[], options?: ReadOptions): Promise<(V | undefined)[]> {
    return this.getManySync(keys, options);
  }

  /** Whether the key has a value, which is not decoded. */
  hasSync(key: K, options?: ReadOptions): boolean {
    return this.#target.getSync(this.encodeKey(key), options) !== undefined;
  }

  /** As {@linkcode Namespace.hasSync}, in a promise. */
  // deno-lint-ignore require-await -- errors must reject
  async has(key: K, options?: ReadOptions): Promise<boolean> {
    return this.hasSync(key, options);
  }

  /** Sets a key. Visible at once; see `Database.write()` for `sync` and errors. */
  async put(key: K, value: V, options: NamespacePutOptions = {}): Promise<void> {
    await this.#target.write([this.putOperation(key, value, options)], options);
  }

  /** Removes a key, if it is there. */
  async delete(key: K, options?: WriteOptions): Promise<void> {
    await this.#target.write([this.deleteOperation(key)], options);
  }

  /** Removes the keys of a range; those of namespaces inside stay. */
  async deleteRange(range: NamespaceRange<K>, options?: WriteOptions): Promise<void> {
    await this.#target.write([this.deleteRangeOperation(range)], options);
  }

  /** Removes everything, the namespaces inside too, in one batch and within the limits of one. */
  async clear(options?: WriteOptions): Promise<void> {
    await this.#target.write([
      { type: "deleteRange", from: this.#root, to: endOf(this.#root)! },
    ], options);
  }

  /** What {@linkcode Namespace.put} does, for a batch of a database or a transaction. */
  putOperation(
    key: K,
    value: V,
    options: { readonly ttl?: number | undefined } = {},
  ): PutOperation {
    const { ttl } = options;
    const operation = {
      type: "put",
      key: this.encodeKey(key),
      value: this.#value.encode(value),
    } as const;
    return ttl === undefined ? operation : { ...operation, ttl };
  }

  /** What {@linkcode Namespace.delete} does, for a batch. */
  deleteOperation(key: K): DeleteOperation {
    return { type: "delete", key: this.encodeKey(key) };
  }

  /** What {@linkcode Namespace.deleteRange} does, for a batch. */
  deleteRangeOperation(range: NamespaceRange<K> = {}): DeleteRangeOperation {
    const { from, to, gt, gte, lt, lte } = this.#encodeRange(range);
    const after = (key: Uint8Array) => concatBytes(key, Uint8Array.of(0));
    const starts = [from, gte, gt && after(gt)].filter((key) => key !== undefined);
    const ends = [to, lt, lte && after(lte)].filter((key) => key !== undefined);
    return {
      type: "deleteRange",
      from: starts.reduce((a, b) => compareBytes(a, b) > 0 ? a : b),
      to: ends.reduce((a, b) => compareBytes(a, b) < 0 ? a : b),
    };
  }

  #source<S, T>(
    base: DatabaseIterator<S>,
    map: (entry: S) => T,
  ): IteratorSource<T, K> {
    return {
      next() {
        const entry = base.nextSync();
        return entry === undefined ? undefined : map(entry);
      },
      seek: (key) => base.seek(this.encodeKey(key)),
      close: () => base.close(),
    };
  }

  #options(options: NamespaceIteratorOptions<K>): IteratorOptions {
    const { snapshot, reverse } = options;
    return { ...this.#encodeRange(options), snapshot, reverse };
  }

  /** Goes over decoded entries in order of key. */
  iterator(options: NamespaceIteratorOptions<K> = {}): DatabaseIterator<[K, V], K> {
    const base = this.#target.iterator(this.#options(options));
    return new DatabaseIterator(
      this.#source(base, ([key, value]): [K, V] => [
        this.#decodeKey(key),
        this.#value.decode(value),
      ]),
      options,
    );
  }

  /** Goes over decoded keys in order. */
  keys(options: NamespaceIteratorOptions<K> = {}): DatabaseIterator<K, K> {
    const base = this.#target.keys(this.#options(options));
    return new DatabaseIterator(this.#source(base, (key) => this.#decodeKey(key)), options);
  }

  /** Goes over decoded values in order of their keys. */
  values(options: NamespaceIteratorOptions<K> = {}): DatabaseIterator<V, K> {
    const base = this.#target.iterator(this.#options(options));
    return new DatabaseIterator(
      this.#source(base, (entry) => this.#value.decode(entry[1])),
      options,
    );
  }

  /**
   * Operations on the keys of a range, decoded, from the call on; those on namespaces inside are not
   * among them. As `Database.watch()`; `TypeError` in a transaction.
   */
  watch(
    options: NamespaceRange<K> & { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<NamespaceEvent<K, V>> & AsyncDisposable {
    if (!this.#target.watch) throw new TypeError("A transaction cannot be watched");
    const { signal } = options;
    const events = this.#target.watch({
      ...this.#encodeRange(options),
      ...(signal === undefined ? {} : { signal }),
    });
    const decoded = (event: WatchEvent): NamespaceEvent<K, V> => {
      const { sequence } = event;
      const key = this.#decodeKey(event.key);
      return event.type === "delete"
        ? { type: "delete", key, sequence }
        : { type: "put", key, value: this.#value.decode(event.value), sequence };
    };
    const result: AsyncIterableIterator<NamespaceEvent<K, V>> & AsyncDisposable = {
      async next() {
        const { done, value } = await events.next();
        return done ? { done, value: undefined } : { done: false, value: decoded(value) };
      },
      async return() {
        await events.return!();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => result,
      [Symbol.asyncDispose]: () => events[Symbol.asyncDispose](),
    };
    return result;
  }
}

/** The namespace `name` of a database, or of the namespace whose path and root are given. */
export function namespaceOf<
  KE extends Encoding<unknown> = "bytes",
  VE extends Encoding<unknown> = "bytes",
>(
  target: NamespaceTarget,
  name: string,
  options: NamespaceOptions<KE, VE>,
  path: readonly string[] = [],
  root: Uint8Array = EMPTY,
): Namespace<Encoded<KE>, Encoded<VE>> {
  return new Namespace<Encoded<KE>, Encoded<VE>>(
    target,
    [...path, name],
    concatBytes(root, nameBytes(name)),
    codecOf((options.keyEncoding ?? "bytes") as Codec<Encoded<KE>>),
    codecOf((options.valueEncoding ?? "bytes") as Codec<Encoded<VE>>),
  );
}
