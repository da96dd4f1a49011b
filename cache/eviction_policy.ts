/**
 * Decides which entry of a {@linkcode BoundedCache} goes when it is full.
 *
 * The cache numbers its entries by *slots* from 1 on and tells the policy what happens to them; a
 * slot is used again after it was removed. A *weight* is an entry's size in bytes where the cache
 * is bounded by bytes, else 1.
 */
export interface EvictionPolicy<K> {
  /** Makes room in the policy's own tables for slots below `capacity`. */
  resize(capacity: number): void;
  /** A new entry took this slot. There is room for it: victims were removed before. */
  insert(slot: number, key: K, weight: number): void;
  /** The entry was read, or its value replaced by one of this weight. */
  hit(slot: number, weight: number): void;
  /** A read found nothing under this key. */
  miss?(key: K): void;
  /** The entry left, by the policy's own choice or not. */
  remove(slot: number): void;
  /** Names the entry to evict next. Called only where there is one; the cache then removes it. */
  victim(): number;
  /** All slots, from the one to keep longest to the next victim. */
  slots(): Iterable<number>;
}
