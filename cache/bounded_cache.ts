import type { Cache, CacheOptions, CacheStats, Loader, LoadOptions, SetOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { CacheEngine } from "./_cache_engine.ts";

/**
 * A cache over any {@linkcode EvictionPolicy}. {@linkcode LruCache} and its siblings are this with a
 * policy chosen. Reads and writes are O(1) where the policy's operations are; an entry costs no
 * object of its own.
 */
export class BoundedCache<K, V> implements Cache<K, V> {
  /** A plain property, since a `#private` one is slow to reach on objects of several classes. */
  private readonly engine: CacheEngine<K, V>;

  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or a bound or a time is out of its range.
   */
  constructor(policy: EvictionPolicy<K>, options: CacheOptions<K, V>) {
    this.engine = new CacheEngine(policy, options);
  }

  get size(): number {
    return this.engine.size;
  }

  get sizeBytes(): number {
    return this.engine.sizeBytes;
  }

  get(key: K): V | undefined {
    return this.engine.get(key);
  }

  peek(key: K): V | undefined {
    return this.engine.peek(key);
  }

  has(key: K): boolean {
    return this.engine.has(key);
  }

  /**
   * Stores a value and evicts what no longer fits; see {@linkcode Cache.set}.
   *
   * @throws {RangeError} If the entry's size or time is not a number of at least 0.
   */
  set(key: K, value: V, options?: SetOptions): boolean {
    return this.engine.set(key, value, options);
  }

  delete(key: K): boolean {
    return this.engine.delete(key);
  }

  clear(): void {
    this.engine.clear();
  }

  getOrLoad(key: K, loader: Loader<K, V>, options?: LoadOptions): Promise<V> {
    return this.engine.getOrLoad(key, loader, options);
  }

  sweep(): number {
    return this.engine.sweep();
  }

  *keys(): IterableIterator<K> {
    for (const [key] of this.engine.entries()) yield key;
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.engine.entries()) yield value;
  }

  /** Walks the entries as they were when it began; those that left since are passed over. */
  entries(): IterableIterator<[key: K, value: V]> {
    return this.engine.entries();
  }

  /** The same as {@linkcode BoundedCache.entries}. */
  [Symbol.iterator](): IterableIterator<[key: K, value: V]> {
    return this.engine.entries();
  }

  stats(): CacheStats {
    return this.engine.stats();
  }

  /** Drops every entry; the listener hears of them as cleared. */
  [Symbol.dispose](): void {
    this.engine.clear();
  }
}
