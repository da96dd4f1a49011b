import type { CacheOptions, CacheStats, EvictionReason, Loader } from "./cache.ts";
import type { LoadOptions, SetOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { type Flight, Singleflight } from "./singleflight.ts";
import { TimerWheel } from "./_timer_wheel.ts";

/** One less than the number of entries at which a JavaScript `Map` throws. */
const MAX_ENTRIES = 16_777_215;
const FIRST_CAPACITY = 64;

/**
 * The store beneath {@linkcode BoundedCache}: values, sizes, expiry, shared loads and counters.
 *
 * Entries are slots in parallel arrays, so an entry costs no object of its own. A class of its own,
 * not the base of the caches: a private field costs 80 ns to reach once objects of several classes
 * have it, and every request reaches a dozen.
 */
export class CacheEngine<K, V> {
  readonly #policy: EvictionPolicy<K>;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #options: CacheOptions<K, V>;
  readonly #now: () => number;
  /** How long after its time an entry is kept for `getOrLoad()`. */
  readonly #staleMs: number;
  readonly #index = new Map<K, number>();
  readonly #flights = new Singleflight<K, V>();
  readonly #free: number[] = [];
  readonly #events: [key: K, value: V, reason: EvictionReason][] | undefined;
  #keys: (K | undefined)[] = [undefined];
  #values: (V | undefined)[] = [undefined];
  #sizes: Float64Array | undefined;
  #wheel: TimerWheel | undefined;
  #capacity = 0;
  #sizeBytes = 0;
  #hits = 0;
  #misses = 0;
  #loads = 0;
  #loadErrors = 0;
  #loadTimeMs = 0;
  #evictions = 0;
  #expirations = 0;

  constructor(policy: EvictionPolicy<K>, options: CacheOptions<K, V>) {
    const { maxEntries, maxBytes, ttlMs = Infinity } = options;
    if (maxEntries === undefined && maxBytes === undefined) {
      throw new RangeError("Cannot create a cache without a bound: set maxEntries or maxBytes");
    }
    if (
      maxEntries !== undefined &&
      (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > MAX_ENTRIES)
    ) {
      throw new RangeError(`maxEntries must be an integer from 1 to ${MAX_ENTRIES}: ${maxEntries}`);
    }
    if (maxBytes !== undefined && !(maxBytes > 0 && maxBytes <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`maxBytes must be a positive safe integer: ${maxBytes}`);
    }
    checkTime("ttlMs", ttlMs);
    for (const name of ["staleWhileRevalidateMs", "staleIfErrorMs", "refreshAheadMs"] as const) {
      checkTime(name, options[name] ?? 0);
    }
    this.#policy = policy;
    this.#options = options;
    this.#maxEntries = maxEntries ?? MAX_ENTRIES;
    this.#maxBytes = maxBytes ?? Infinity;
    this.#now = options.now ?? (() => performance.now());
    this.#events = options.onEvict === undefined ? undefined : [];
    this.#staleMs = Math.max(options.staleWhileRevalidateMs ?? 0, options.staleIfErrorMs ?? 0);
    if (maxBytes !== undefined || options.sizeOf !== undefined) this.#sizes = new Float64Array(0);
    if (ttlMs !== Infinity) this.#wheel = new TimerWheel(this.#now());
    this.#grow(Math.min(FIRST_CAPACITY, this.#maxEntries + 1));
  }

  get size(): number {
    return this.#index.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(key: K): V | undefined {
    const slot = this.#index.get(key);
    if (slot === undefined || (this.#wheel !== undefined && !this.#isFresh(slot))) {
      this.#misses++;
      this.#policy.miss?.(key);
      return undefined;
    }
    this.#hits++;
    this.#policy.hit(slot, this.#weight(slot));
    return this.#values[slot];
  }

  peek(key: K): V | undefined {
    const slot = this.#index.get(key);
    return slot !== undefined && this.#isFresh(slot) ? this.#values[slot] : undefined;
  }

  has(key: K): boolean {
    const slot = this.#index.get(key);
    return slot !== undefined && this.#isFresh(slot);
  }

  set(key: K, value: V, options?: SetOptions): boolean {
    if (this.#flights.size > 0) this.#flights.forget(key);
    const stored = this.#store(key, value, options);
    this.#notify();
    return stored;
  }

  delete(key: K): boolean {
    this.#flights.forget(key);
    const slot = this.#index.get(key);
    if (slot === undefined) return false;
    const wasFresh = this.#isFresh(slot);
    this.#drop(slot, wasFresh ? "deleted" : "expired");
    this.#notify();
    return wasFresh;
  }

  clear(): void {
    this.#flights.forgetAll();
    for (const slot of this.#index.values()) this.#drop(slot, "cleared");
    this.#notify();
  }

  async getOrLoad(key: K, loader: Loader<K, V>, options: LoadOptions = {}): Promise<V> {
    options.signal?.throwIfAborted();
    const slot = this.#index.get(key);
    if (slot === undefined) return await this.#loadMissing(key, loader, options);
    const { refreshAheadMs = 0, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 } = this.#options;
    const leftMs = this.#freshUntil(slot) - this.#clock();
    if (leftMs > 0) {
      const value = this.get(key) as V;
      if (leftMs <= refreshAheadMs) this.#refresh(key, loader, options);
      return value;
    }
    const stale = this.#values[slot] as V;
    if (-leftMs < staleWhileRevalidateMs) {
      this.#misses++;
      this.#refresh(key, loader, options);
      return stale;
    }
    try {
      return await this.#loadMissing(key, loader, options);
    } catch (error) {
      if (options.signal?.aborted || -leftMs >= staleIfErrorMs) throw error;
      return stale;
    }
  }

  sweep(): number {
    const before = this.#expirations;
    this.#expire(true);
    this.#notify();
    return this.#expirations - before;
  }

  /** Walks the entries as they were when it began; those that left since are passed over. */
  *entries(): IterableIterator<[key: K, value: V]> {
    const slots = [...this.#policy.slots()];
    const keys = slots.map((slot) => this.#keys[slot] as K);
    for (let index = 0; index < slots.length; index++) {
      const key = keys[index]!;
      const slot = slots[index]!;
      if (this.#index.get(key) !== slot || !this.#isFresh(slot)) continue;
      yield [key, this.#values[slot] as V];
    }
  }

  stats(): CacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      loads: this.#loads,
      loadErrors: this.#loadErrors,
      loadTimeMs: this.#loadTimeMs,
      evictions: this.#evictions,
      expirations: this.#expirations,
    };
  }

  #clock(): number {
    return this.#wheel === undefined ? 0 : this.#now();
  }

  #freshUntil(slot: number): number {
    return this.#wheel === undefined ? Infinity : this.#wheel.deadline(slot) - this.#staleMs;
  }

  #isFresh(slot: number): boolean {
    if (this.#wheel === undefined) return true;
    const deadlineMs = this.#wheel.deadline(slot);
    return deadlineMs === Infinity || this.#now() < deadlineMs - this.#staleMs;
  }

  #weight(slot: number): number {
    return this.#maxBytes === Infinity ? 1 : this.#sizes![slot]!;
  }

  #sizeOf(key: K, value: V, options: SetOptions | undefined): number {
    const size = options?.sizeBytes ?? this.#options.sizeOf?.(value, key);
    if (size === undefined) {
      if (this.#maxBytes === Infinity) return 0;
      throw new RangeError("Cannot store an entry of unknown size: set sizeOf or sizeBytes");
    }
    if (!(size >= 0 && size < Infinity)) {
      throw new RangeError(`An entry's size must be a finite number of at least 0: ${size}`);
    }
    return size;
  }

  #store(key: K, value: V, options: SetOptions | undefined): boolean {
    const sizeBytes = options === undefined && this.#sizes === undefined
      ? 0
      : this.#sizeOf(key, value, options);
    const ttlMs = options?.ttlMs ?? this.#options.ttlMs ?? Infinity;
    if (ttlMs !== this.#options.ttlMs) checkTime("ttlMs", ttlMs);
    if (this.#wheel !== undefined) this.#expire(false);
    const present = this.#index.get(key);
    if (sizeBytes > this.#maxBytes) {
      if (present !== undefined) this.#drop(present, "replaced");
      return false;
    }
    if (sizeBytes > 0) this.#sizes ??= new Float64Array(this.#capacity);
    if (present !== undefined) return this.#replace(present, key, value, sizeBytes, ttlMs);
    this.#makeRoom(sizeBytes, 1);
    const slot = this.#free.pop() ?? this.#newSlot();
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#index.set(key, slot);
    if (this.#sizes !== undefined) this.#sizes[slot] = sizeBytes;
    this.#sizeBytes += sizeBytes;
    this.#policy.insert(slot, key, this.#maxBytes === Infinity ? 1 : sizeBytes);
    this.#schedule(slot, ttlMs);
    return true;
  }

  #replace(slot: number, key: K, value: V, sizeBytes: number, ttlMs: number): boolean {
    const old = this.#values[slot] as V;
    const reason = this.#isFresh(slot) ? "replaced" : "expired";
    this.#values[slot] = value;
    if (this.#sizes !== undefined) {
      this.#sizeBytes += sizeBytes - this.#sizes[slot]!;
      this.#sizes[slot] = sizeBytes;
    }
    this.#schedule(slot, ttlMs);
    this.#policy.hit(slot, this.#weight(slot));
    this.#makeRoom(0, 0);
    if (reason === "expired") this.#expirations++;
    this.#events?.push([key, old, reason]);
    return this.#index.get(key) === slot;
  }

  #makeRoom(sizeBytes: number, entries: number): void {
    while (
      this.#index.size + entries > this.#maxEntries ||
      this.#sizeBytes + sizeBytes > this.#maxBytes
    ) {
      if (this.#index.size === 0) return;
      this.#drop(this.#policy.victim(), "capacity");
    }
  }

  #schedule(slot: number, ttlMs: number): void {
    if (this.#wheel === undefined) {
      if (ttlMs === Infinity) return;
      this.#wheel = new TimerWheel(this.#now());
      this.#wheel.resize(this.#capacity);
    }
    const deadlineMs = ttlMs === Infinity ? Infinity : this.#now() + ttlMs + this.#staleMs;
    this.#wheel.schedule(slot, deadlineMs);
  }

  /** Drops the entries that no read may return any more. */
  #expire(all: boolean): void {
    const wheel = this.#wheel;
    if (wheel === undefined) return;
    const nowMs = this.#now();
    if (all || wheel.isDue(nowMs)) wheel.advance(nowMs, (slot) => this.#drop(slot, "expired"));
  }

  #drop(slot: number, reason: EvictionReason): void {
    const key = this.#keys[slot] as K;
    const value = this.#values[slot] as V;
    if (reason === "capacity") this.#evictions++;
    else if (reason === "expired") this.#expirations++;
    this.#policy.remove(slot);
    this.#wheel?.cancel(slot);
    this.#index.delete(key);
    this.#keys[slot] = undefined;
    this.#values[slot] = undefined;
    if (this.#sizes !== undefined) {
      this.#sizeBytes -= this.#sizes[slot]!;
      this.#sizes[slot] = 0;
    }
    this.#free.push(slot);
    this.#events?.push([key, value, reason]);
  }

  /** Tells the listener what left, once the cache is whole again: it may call back into it. */
  #notify(): void {
    const events = this.#events;
    if (events === undefined) return;
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      this.#options.onEvict!(...event);
    }
  }

  #newSlot(): number {
    const slot = this.#keys.length;
    if (slot >= this.#capacity) this.#grow(Math.min(this.#capacity * 2, this.#maxEntries + 1));
    return slot;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    this.#policy.resize(capacity);
    this.#wheel?.resize(capacity);
    if (this.#sizes !== undefined) {
      const sizes = new Float64Array(capacity);
      sizes.set(this.#sizes);
      this.#sizes = sizes;
    }
  }

  #loadMissing(key: K, loader: Loader<K, V>, options: LoadOptions): Promise<V> {
    this.#misses++;
    this.#policy.miss?.(key);
    return this.#load(key, loader, options, options.signal);
  }

  /** Loads in the background; a failure leaves the entry as it is and is counted. */
  #refresh(key: K, loader: Loader<K, V>, options: LoadOptions): void {
    if (this.#flights.has(key)) return;
    this.#load(key, loader, options, undefined).catch(() => {});
  }

  #load(
    key: K,
    loader: Loader<K, V>,
    options: LoadOptions,
    signal: AbortSignal | undefined,
  ): Promise<V> {
    return this.#flights.run(key, async (flight: Flight) => {
      const startMs = this.#now();
      try {
        const value = await loader(key, flight.signal);
        if (!flight.forgotten) {
          this.#store(key, value, options);
          this.#notify();
        }
        return value;
      } catch (error) {
        this.#loadErrors++;
        throw error;
      } finally {
        this.#loads++;
        this.#loadTimeMs += this.#now() - startMs;
      }
    }, signal);
  }
}

function checkTime(name: string, value: number): void {
  if (!(value >= 0)) throw new RangeError(`${name} must be a number of at least 0: ${value}`);
}
