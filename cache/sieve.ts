import { BoundedCache } from "./bounded_cache.ts";
import type { CacheOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { Links, SlotList } from "./_slot_list.ts";

class SievePolicy<K> implements EvictionPolicy<K> {
  readonly #links = new Links();
  readonly #list = new SlotList(this.#links);
  #visited = new Uint8Array(0);
  /** Where the next search for a victim begins; 0 for the tail. */
  #hand = 0;

  resize(capacity: number): void {
    this.#links.resize(capacity);
    const visited = new Uint8Array(capacity);
    visited.set(this.#visited);
    this.#visited = visited;
  }

  insert(slot: number): void {
    this.#visited[slot] = 0;
    this.#list.pushHead(slot);
  }

  hit(slot: number): void {
    this.#visited[slot] = 1;
  }

  remove(slot: number): void {
    if (slot === this.#hand) this.#hand = this.#list.newer(slot);
    this.#list.remove(slot);
  }

  /** Walks from the hand to the head, and round again from the tail, sparing each visited slot once. */
  victim(): number {
    let slot = this.#hand || this.#list.tail;
    while (this.#visited[slot] === 1) {
      this.#visited[slot] = 0;
      slot = this.#list.newer(slot) || this.#list.tail;
    }
    this.#hand = slot;
    return slot;
  }

  slots(): Iterable<number> {
    return this.#list.slots();
  }
}

/**
 * Evicts the oldest entry that was not read since the hand last passed it. A hit only sets a bit,
 * so reads are cheaper than an LRU's, and one-time visitors leave quickly.
 *
 * Source: Y. Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for
 * Web Caches", NSDI 2024. Amortised O(1).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { SieveCache } from "@groundwork/std/cache";
 *
 * const cache = new SieveCache<string, number>({ maxEntries: 2 });
 * cache.set("a", 1);
 * cache.set("b", 2);
 * cache.get("a");
 * cache.set("c", 3);
 * assertEquals([...cache.keys()], ["c", "a"]);
 * ```
 */
export class SieveCache<K, V> extends BoundedCache<K, V> {
  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or an option is out of its range.
   */
  constructor(options: CacheOptions<K, V>) {
    super(new SievePolicy<K>(), options);
  }
}
