import { BoundedCache } from "./bounded_cache.ts";
import type { CacheOptions } from "./cache.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { Links, SlotList } from "./_slot_list.ts";

class FifoPolicy<K> implements EvictionPolicy<K> {
  readonly #links = new Links();
  readonly #list = new SlotList(this.#links);

  resize(capacity: number): void {
    this.#links.resize(capacity);
  }

  insert(slot: number): void {
    this.#list.pushHead(slot);
  }

  hit(): void {}

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
 * Evicts the entry that came first, whatever was read since: the cheapest policy, and the right one
 * where age alone decides.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FifoCache } from "@groundwork/std/cache";
 *
 * const cache = new FifoCache<string, number>({ maxEntries: 2 });
 * cache.set("a", 1);
 * cache.set("b", 2);
 * cache.get("a");
 * cache.set("c", 3);
 * assertEquals([...cache.keys()], ["c", "b"]);
 * ```
 */
export class FifoCache<K, V> extends BoundedCache<K, V> {
  /**
   * Makes an empty cache.
   *
   * @throws {RangeError} If neither bound is given, or an option is out of its range.
   */
  constructor(options: CacheOptions<K, V>) {
    super(new FifoPolicy<K>(), options);
  }
}
