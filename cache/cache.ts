/** Why an entry left the cache; the listener of {@linkcode CacheOptions.onEvict} gets it. */
export type EvictionReason = "capacity" | "expired" | "replaced" | "deleted" | "cleared";

/** Counters since the cache was made; see {@linkcode Cache.stats}. */
export interface CacheStats {
  /** Reads that found a fresh entry. */
  hits: number;
  /** Reads that did not. */
  misses: number;
  /** Loads that ended, with a value or with an error; a load shared by many callers counts once. */
  loads: number;
  /** Loads that failed. */
  loadErrors: number;
  /** Time spent in loads, in milliseconds, summed. */
  loadTimeMs: number;
  /** Entries that left because the cache was full. */
  evictions: number;
  /** Entries that left because their time was over. */
  expirations: number;
}

/** What bounds a cache and how long its entries live. At least one of the two bounds is required. */
export interface CacheOptions<K, V> {
  /** The most entries it holds: 1 to 16,777,215, the size at which a JavaScript `Map` is full. */
  maxEntries?: number;
  /** The most bytes it holds, as {@linkcode CacheOptions.sizeOf} or `set()` states them. */
  maxBytes?: number;
  /** The size of an entry in bytes, a finite number of at least 0. Needed with `maxBytes` unless `set()` is given sizes. */
  sizeOf?: (value: V, key: K) => number;
  /** How long an entry is fresh after it was set, in milliseconds. Without it, for ever. */
  ttlMs?: number;
  /**
   * How long after its time an entry may still be handed out by `getOrLoad()` while it is loaded
   * anew in the background, in milliseconds (RFC 5861, section 3).
   *
   * @default {0}
   */
  staleWhileRevalidateMs?: number;
  /**
   * How long after its time an entry may still be handed out by `getOrLoad()` when loading it
   * failed, in milliseconds (RFC 5861, section 4).
   *
   * @default {0}
   */
  staleIfErrorMs?: number;
  /**
   * How long before its time is over an entry that `getOrLoad()` finds is loaded anew in the
   * background, in milliseconds.
   *
   * @default {0}
   */
  refreshAheadMs?: number;
  /** Called after an entry left. It may use the cache; what it throws reaches the caller. */
  onEvict?: (key: K, value: V, reason: EvictionReason) => void;
  /**
   * A monotonic clock in milliseconds.
   *
   * @default {performance.now}
   */
  now?: () => number;
}

/** What one entry may state for itself. */
export interface SetOptions {
  /** How long it is fresh, in milliseconds, instead of the cache's own `ttlMs`; `Infinity` for ever. */
  ttlMs?: number;
  /** Its size in bytes, instead of what `sizeOf` would say. */
  sizeBytes?: number;
}

/** What one call of {@linkcode Cache.getOrLoad} may state. */
export interface LoadOptions extends SetOptions {
  /** Ends this caller's wait. The load goes on as long as another caller waits for it. */
  signal?: AbortSignal;
}

/**
 * Makes the value of a key that is not in the cache. The signal aborts when nobody waits for the
 * value any more.
 */
export type Loader<K, V> = (key: K, signal: AbortSignal) => V | Promise<V>;

/** A bounded store of values by key, the same for every eviction policy. */
export interface Cache<K, V> extends Iterable<[key: K, value: V]>, Disposable {
  /** The number of entries, those whose time is over but that are not swept yet included. */
  readonly size: number;
  /** The size of all entries in bytes; 0 where no sizes are stated. */
  readonly sizeBytes: number;
  /** Returns the value if it is there and fresh, and counts as a use of it. */
  get(key: K): V | undefined;
  /** Returns the value if it is there and fresh; neither a use nor a hit. */
  peek(key: K): V | undefined;
  /** Whether a fresh value is there; neither a use nor a hit. */
  has(key: K): boolean;
  /**
   * Stores a value and evicts what no longer fits. A value larger than the whole cache is not
   * stored, and what was there under its key is dropped.
   *
   * @returns Whether the value was stored.
   */
  set(key: K, value: V, options?: SetOptions): boolean;
  /** Drops an entry, and makes a load of this key that is under way store nothing. */
  delete(key: K): boolean;
  /** Drops every entry, and makes all loads that are under way store nothing. */
  clear(): void;
  /**
   * Returns the fresh value or loads it. Callers that ask for one key at the same time share one
   * load; a load that fails is not stored.
   */
  getOrLoad(key: K, loader: Loader<K, V>, options?: LoadOptions): Promise<V>;
  /** Drops what has expired and returns how many entries that were. Reads and writes do it too, a bit at a time. */
  sweep(): number;
  /** The fresh keys, from the entry that the policy would keep longest to its next victim. */
  keys(): IterableIterator<K>;
  /** The fresh values, in the order of {@linkcode Cache.keys}. */
  values(): IterableIterator<V>;
  /** The fresh entries, in the order of {@linkcode Cache.keys}. */
  entries(): IterableIterator<[key: K, value: V]>;
  /** The counters so far, as a copy. */
  stats(): CacheStats;
}
