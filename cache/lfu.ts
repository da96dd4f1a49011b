import { BoundedCache } from "./bounded_cache.ts";
import type { CacheOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { Links, SlotList } from "./_slot_list.ts";

/** The slots that were used equally often, between the neighbours used less and more often. */
interface Bucket {
  uses: number;
  list: SlotList;
  fewer: Bucket | undefined;
  more: Bucket | undefined;
}

class LfuPolicy<K> implements EvictionPolicy<K> {
  readonly #links = new Links();
  readonly #buckets: (Bucket | undefined)[] = [];
  #least: Bucket | undefined;

  resize(capacity: number): void {
    this.#links.resize(capacity);
  }

  insert(slot: number): void {
    if (this.#least?.uses !== 1) {
      this.#least = this.#addBucket(1, undefined, this.#least);
    }
    this.#enter(slot, this.#least);
  }

  hit(slot: number): void {
    const from = this.#buckets[slot]!;
    const uses = from.uses + 1;
    const to = from.more?.uses === uses ? from.more : this.#addBucket(uses, from, from.more);
    this.#leave(slot, from);
    this.#enter(slot, to);
  }

  remove(slot: number): void {
    this.#leave(slot, this.#buckets[slot]!);
    this.#buckets[slot] = undefined;
  }

  victim(): number {
    return this.#least!.list.tail;
  }

  *slots(): Iterable<number> {
    let most = this.#least;
    while (most?.more !== undefined) most = most.more;
    for (let bucket = most; bucket !== undefined; bucket = bucket.fewer) yield* bucket.list.slots();
  }

  #addBucket(uses: number, fewer: Bucket | undefined, more: Bucket | undefined): Bucket {
    const bucket = { uses, list: new SlotList(this.#links), fewer, more };
    if (fewer !== undefined) fewer.more = bucket;
    if (more !== undefined) more.fewer = bucket;
    return bucket;
  }

  #enter(slot: number, bucket: Bucket): void {
    bucket.list.pushHead(slot);
    this.#buckets[slot] = bucket;
  }

  #leave(slot: number, bucket: Bucket): void {
    bucket.list.remove(slot);
    if (bucket.list.length > 0) return;
    if (bucket.fewer === undefined) this.#least = bucket.more;
    else bucket.fewer.more = bucket.more;
    if (bucket.more !== undefined) bucket.more.fewer = bucket.fewer;
  }
}

/**
 * Evicts the entry that was used the fewest times, the longest unused of those first. Every
 * operation is O(1). Counts never fade: for loads that shift, take {@linkcode TinyLfuCache}.
 *
 * Source: K. Shah, A. Mitra, D. Matani, "An O(1) algorithm for implementing the LFU cache eviction
 * scheme", 2010.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LfuCache } from "@groundwork/std/cache";
 *
 * const cache = new LfuCache<string, number>({ maxEntries: 2 });
 * cache.set("a", 1);
 * cache.get("a");
 * cache.set("b", 2);
 * cache.set("c", 3);
 * assertEquals([...cache.keys()], ["a", "c"]);
 * ```
 */
export class LfuCache<K, V> extends BoundedCache<K, V> {
  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or an option is out of its range.
   */
  constructor(options: CacheOptions<K, V>) {
    super(new LfuPolicy<K>(), options);
  }
}
