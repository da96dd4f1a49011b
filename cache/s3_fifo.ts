import { BoundedCache } from "./bounded_cache.ts";
import type { CacheOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { hashKey } from "./_hash_key.ts";
import { Links, SlotList } from "./_slot_list.ts";

/** The share of the cache that newcomers get. */
const SMALL_SHARE = 0.1;
/** Uses beyond this many are not counted. */
const MAX_USES = 3;
/** Slots read more often than this leave the small queue for the main one. */
const PROMOTE_ABOVE = 1;

/** The hashes of keys that left the small queue, in a ring that forgets the oldest first. */
class Ghosts {
  /** The turn at which a hash came last, so that one that came again is not forgotten too early. */
  readonly #turns = new Map<number, number>();
  #ring = new Uint32Array(64);
  #oldest = 0;
  #turn = 0;

  add(hash: number, limit: number): void {
    if (this.#turn - this.#oldest === this.#ring.length) this.#grow();
    this.#ring[this.#turn % this.#ring.length] = hash;
    this.#turns.set(hash, this.#turn++);
    while (this.#turn - this.#oldest > limit) this.#forgetOldest();
  }

  take(hash: number): boolean {
    return this.#turns.delete(hash);
  }

  #forgetOldest(): void {
    const hash = this.#ring[this.#oldest % this.#ring.length]!;
    if (this.#turns.get(hash) === this.#oldest) this.#turns.delete(hash);
    this.#oldest++;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#ring.length * 2);
    for (let turn = this.#oldest; turn < this.#turn; turn++) {
      larger[turn % larger.length] = this.#ring[turn % this.#ring.length]!;
    }
    this.#ring = larger;
  }
}

class S3FifoPolicy<K> implements EvictionPolicy<K> {
  readonly #links = new Links();
  readonly #small = new SlotList(this.#links);
  readonly #main = new SlotList(this.#links);
  readonly #ghosts = new Ghosts();
  readonly #smallLimit: number;
  #hashes = new Uint32Array(0);
  #weights = new Float64Array(0);
  #uses = new Uint8Array(0);
  #inMain = new Uint8Array(0);
  #smallWeight = 0;

  constructor(limit: number) {
    this.#smallLimit = limit * SMALL_SHARE;
  }

  resize(capacity: number): void {
    const { length } = this.#hashes;
    this.#links.resize(capacity);
    const hashes = new Uint32Array(capacity);
    const weights = new Float64Array(capacity);
    const uses = new Uint8Array(capacity);
    const inMain = new Uint8Array(capacity);
    hashes.set(this.#hashes.subarray(0, length));
    weights.set(this.#weights);
    uses.set(this.#uses);
    inMain.set(this.#inMain);
    this.#hashes = hashes;
    this.#weights = weights;
    this.#uses = uses;
    this.#inMain = inMain;
  }

  insert(slot: number, key: K, weight: number): void {
    const hash = hashKey(key);
    this.#hashes[slot] = hash;
    this.#weights[slot] = weight;
    this.#uses[slot] = 0;
    if (this.#ghosts.take(hash)) this.#enterMain(slot);
    else this.#enterSmall(slot);
  }

  hit(slot: number, weight: number): void {
    if (this.#uses[slot]! < MAX_USES) this.#uses[slot]!++;
    const grown = weight - this.#weights[slot]!;
    if (grown === 0) return;
    this.#weights[slot] = weight;
    if (this.#inMain[slot] === 0) this.#smallWeight += grown;
  }

  remove(slot: number): void {
    if (this.#inMain[slot] === 1) {
      this.#main.remove(slot);
    } else {
      this.#small.remove(slot);
      this.#smallWeight -= this.#weights[slot]!;
    }
  }

  victim(): number {
    while (true) {
      const fromSmall = this.#main.length === 0 ||
        (this.#smallWeight >= this.#smallLimit && this.#small.length > 0);
      if (!fromSmall) {
        const slot = this.#main.tail;
        if (this.#uses[slot] === 0) return slot;
        this.#uses[slot]!--;
        this.#main.moveToHead(slot);
        continue;
      }
      const slot = this.#small.tail;
      if (this.#uses[slot]! <= PROMOTE_ABOVE) {
        this.#ghosts.add(this.#hashes[slot]!, this.#main.length + this.#small.length);
        return slot;
      }
      this.remove(slot);
      this.#uses[slot] = 0;
      this.#enterMain(slot);
    }
  }

  *slots(): Iterable<number> {
    yield* this.#main.slots();
    yield* this.#small.slots();
  }

  #enterMain(slot: number): void {
    this.#inMain[slot] = 1;
    this.#main.pushHead(slot);
  }

  #enterSmall(slot: number): void {
    this.#inMain[slot] = 0;
    this.#smallWeight += this.#weights[slot]!;
    this.#small.pushHead(slot);
  }
}

/**
 * Evicts with three first-in-first-out queues: newcomers pass through a small one, those read
 * again move to the main one, and the keys of those that were not are remembered for a while, so
 * that they enter the main queue when they come back. Strong against scans and one-time visitors.
 *
 * Source: J. Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023, with the
 * paper's small queue of a tenth. Amortised O(1).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { S3FifoCache } from "@groundwork/std/cache";
 *
 * const cache = new S3FifoCache<number, string>({ maxEntries: 10 });
 * cache.set(1, "often");
 * for (let key = 1; key <= 100; key++) {
 *   cache.get(1);
 *   cache.set(key + 1, "once");
 * }
 * assertEquals(cache.get(1), "often");
 * ```
 */
export class S3FifoCache<K, V> extends BoundedCache<K, V> {
  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or an option is out of its range.
   */
  constructor(options: CacheOptions<K, V>) {
    super(new S3FifoPolicy<K>(options.maxBytes ?? options.maxEntries ?? 0), options);
  }
}
