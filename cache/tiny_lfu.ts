import { BoundedCache } from "./bounded_cache.ts";
import type { CacheOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { FrequencySketch } from "./_frequency_sketch.ts";
import { hashKey } from "./_hash_key.ts";
import { Links, SlotList } from "./_slot_list.ts";

/** The share of the cache that the window has at first. */
const FIRST_WINDOW_SHARE = 0.01;
/** The share of the main space that is kept for entries read at least twice. */
const PROTECTED_SHARE = 0.8;
/** The climber looks at the hit rate once in this many times the number of entries. */
const SAMPLE_FACTOR = 10;
/** The climber's first step, as a share of the cache, and what a step shrinks to after each. */
const STEP_SHARE = 0.0625;
const STEP_DECAY = 0.98;
/** A change of the hit rate that makes the climber start again with a full step. */
const RESTART_CHANGE = 0.05;

const WINDOW = 0;
const PROBATION = 1;
const PROTECTED = 2;

class TinyLfuPolicy<K> implements EvictionPolicy<K> {
  readonly #links = new Links();
  readonly #lists = [
    new SlotList(this.#links),
    new SlotList(this.#links),
    new SlotList(this.#links),
  ] as const;
  /** The weight of each list. */
  readonly #held = [0, 0, 0];
  readonly #sketch = new FrequencySketch();
  readonly #limit: number;
  #windowLimit: number;
  #hashes = new Uint32Array(0);
  #weights = new Float64Array(0);
  #places = new Uint8Array(0);
  #hits = 0;
  #requests = 0;
  #lastHitRate = 0;
  #step: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#windowLimit = Math.max(1, limit * FIRST_WINDOW_SHARE);
    this.#step = limit * STEP_SHARE;
  }

  resize(capacity: number): void {
    const hashes = new Uint32Array(capacity);
    const weights = new Float64Array(capacity);
    const places = new Uint8Array(capacity);
    hashes.set(this.#hashes);
    weights.set(this.#weights);
    places.set(this.#places);
    this.#hashes = hashes;
    this.#weights = weights;
    this.#places = places;
    this.#links.resize(capacity);
    this.#sketch.resize(capacity);
  }

  insert(slot: number, key: K, weight: number): void {
    const hash = hashKey(key);
    this.#hashes[slot] = hash;
    this.#weights[slot] = weight;
    this.#sketch.increment(hash);
    this.#enter(slot, WINDOW);
    while (this.#held[WINDOW]! > this.#windowLimit && this.#lists[WINDOW].length > 1) {
      this.#move(this.#lists[WINDOW].tail, PROBATION);
    }
  }

  hit(slot: number, weight: number): void {
    this.#hits++;
    this.#sketch.increment(this.#hashes[slot]!);
    const place = this.#places[slot]!;
    this.#held[place]! += weight - this.#weights[slot]!;
    this.#weights[slot] = weight;
    if (place === PROBATION) this.#protect(slot);
    else this.#lists[place as 0 | 2].moveToHead(slot);
    this.#climb();
  }

  miss(): void {
    this.#climb();
  }

  remove(slot: number): void {
    const place = this.#places[slot] as 0 | 1 | 2;
    this.#held[place]! -= this.#weights[slot]!;
    this.#lists[place].remove(slot);
  }

  /** The window's oldest competes with the main space's: whose key came less often goes. */
  victim(): number {
    const main = this.#lists[PROBATION].tail || this.#lists[PROTECTED].tail;
    const candidate = this.#lists[WINDOW].tail;
    if (main === 0) return candidate;
    if (candidate === 0 || this.#held[WINDOW]! < this.#windowLimit) return main;
    const candidateUses = this.#sketch.estimate(this.#hashes[candidate]!);
    if (candidateUses <= this.#sketch.estimate(this.#hashes[main]!)) return candidate;
    this.#move(candidate, PROBATION);
    return main;
  }

  *slots(): Iterable<number> {
    yield* this.#lists[PROTECTED].slots();
    yield* this.#lists[WINDOW].slots();
    yield* this.#lists[PROBATION].slots();
  }

  #enter(slot: number, place: 0 | 1 | 2): void {
    this.#places[slot] = place;
    this.#held[place]! += this.#weights[slot]!;
    this.#lists[place].pushHead(slot);
  }

  #move(slot: number, place: 0 | 1 | 2): void {
    this.remove(slot);
    this.#enter(slot, place);
  }

  #protect(slot: number): void {
    this.#move(slot, PROTECTED);
    const limit = (this.#limit - this.#windowLimit) * PROTECTED_SHARE;
    while (this.#held[PROTECTED]! > limit && this.#lists[PROTECTED].length > 1) {
      this.#move(this.#lists[PROTECTED].tail, PROBATION);
    }
  }

  /** Hill climbing: moves the border of the window on as long as the hit rate rises. */
  #climb(): void {
    const entries = this.#lists[0].length + this.#lists[1].length + this.#lists[2].length;
    if (++this.#requests < SAMPLE_FACTOR * Math.max(entries, 64)) return;
    const hitRate = this.#hits / this.#requests;
    const change = hitRate - this.#lastHitRate;
    const step = change >= 0 ? this.#step : -this.#step;
    this.#step = Math.abs(change) >= RESTART_CHANGE
      ? this.#limit * STEP_SHARE * Math.sign(step)
      : step * STEP_DECAY;
    const most = this.#limit * PROTECTED_SHARE;
    this.#windowLimit = Math.min(most, Math.max(1, this.#windowLimit + step));
    this.#lastHitRate = hitRate;
    this.#hits = 0;
    this.#requests = 0;
  }
}

/**
 * Window TinyLFU: an entry that has to go from the window competes with the main space's next
 * victim, and the one whose key came less often lately leaves. A hill climber sizes the window
 * while it runs, so it does well on loads that favour recent keys and on loads that favour frequent
 * ones. The best hit rate of the policies here on most traces, at the highest cost of a read.
 *
 * Sources: G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy",
 * ACM Transactions on Storage, 2017; G. Einziger et al., "Adaptive Software Cache Management",
 * Middleware 2018.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { TinyLfuCache } from "@groundwork/std/cache";
 *
 * const cache = new TinyLfuCache<string, number>({ maxEntries: 100 });
 * for (let use = 0; use < 10; use++) cache.set("often", use);
 * for (let key = 0; key < 1_000; key++) cache.set(`once ${key}`, key);
 * assertEquals(cache.get("often"), 9);
 * ```
 */
export class TinyLfuCache<K, V> extends BoundedCache<K, V> {
  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or an option is out of its range.
   */
  constructor(options: CacheOptions<K, V>) {
    super(new TinyLfuPolicy<K>(options.maxBytes ?? options.maxEntries ?? 0), options);
  }
}
