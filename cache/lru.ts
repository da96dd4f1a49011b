import { BoundedCache } from "./bounded_cache.ts";
import type { CacheOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { Links, SlotList } from "./_slot_list.ts";

class LruPolicy<K> implements EvictionPolicy<K> {
  readonly #links = new Links();
  readonly #list = new SlotList(this.#links);

  resize(capacity: number): void {
    this.#links.resize(capacity);
  }

  insert(slot: number): void {
    this.#list.pushHead(slot);
  }

  hit(slot: number): void {
    this.#list.moveToHead(slot);
  }

  remove(slot: number): void {
    this.#list.remove(slot);
  }

  victim(): number {
    return this.#list.tail;
  }

  slots(): Iterable<number> {
    return this.#list.slots();
  }
}

/**
 * Evicts the entry that was used the longest ago. The choice when recently used things are used
 * again soon, and what others are measured against; a scan over many keys flushes it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LruCache } from "@groundwork/std/cache";
 *
 * const cache = new LruCache<string, number>({ maxEntries: 2 });
 * cache.set("a", 1);
 * cache.set("b", 2);
 * cache.get("a");
 * cache.set("c", 3);
 * assertEquals([...cache.keys()], ["c", "a"]);
 * ```
 */
export class LruCache<K, V> extends BoundedCache<K, V> {
  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or an option is out of its range.
   */
  constructor(options: CacheOptions<K, V>) {
    super(new LruPolicy<K>(), options);
  }
}
