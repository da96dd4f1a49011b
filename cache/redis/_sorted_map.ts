/** Map with 128-bit keys in order, as a list of short sorted arrays: streams and their pending entries. */

const CHUNK = 128;

interface Chunk<V> {
  keys: bigint[];
  values: V[];
}

/** Ordered map from a `bigint` to a value. */
export class SortedMap<V> {
  #chunks: Chunk<V>[] = [];
  /** Number of entries. */
  size = 0;

  /** Chunk that would hold a key: the last whose first key is not above it, or 0. */
  #chunkOf(key: bigint): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]!.keys[0]! <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  static #offsetOf(keys: bigint[], key: bigint): number {
    let low = 0;
    let high = keys.length;
    if (high > 0 && keys[high - 1]! < key) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The value of a key. */
  get(key: bigint): V | undefined {
    if (this.size === 0) return undefined;
    const chunk = this.#chunks[this.#chunkOf(key)]!;
    const at = SortedMap.#offsetOf(chunk.keys, key);
    return chunk.keys[at] === key ? chunk.values[at] : undefined;
  }

  /** Sets a key. */
  set(key: bigint, value: V): void {
    if (this.#chunks.length === 0) this.#chunks.push({ keys: [], values: [] });
    const last = this.#chunks[this.#chunks.length - 1]!;
    const lastKeys = last.keys;
    if (lastKeys.length === 0 || lastKeys[lastKeys.length - 1]! < key) {
      this.size++;
      if (lastKeys.length >= CHUNK) this.#chunks.push({ keys: [key], values: [value] });
      else {
        lastKeys.push(key);
        last.values.push(value);
      }
      return;
    }
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    const offset = SortedMap.#offsetOf(chunk.keys, key);
    if (chunk.keys[offset] === key) {
      chunk.values[offset] = value;
      return;
    }
    this.size++;
    chunk.keys.splice(offset, 0, key);
    chunk.values.splice(offset, 0, value);
    if (chunk.keys.length > CHUNK * 2) {
      this.#chunks.splice(at + 1, 0, {
        keys: chunk.keys.splice(CHUNK),
        values: chunk.values.splice(CHUNK),
      });
    }
  }

  /** Removes a key; false when absent. */
  delete(key: bigint): boolean {
    if (this.size === 0) return false;
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    const offset = SortedMap.#offsetOf(chunk.keys, key);
    if (chunk.keys[offset] !== key) return false;
    chunk.keys.splice(offset, 1);
    chunk.values.splice(offset, 1);
    this.size--;
    if (chunk.keys.length === 0) this.#chunks.splice(at, 1);
    return true;
  }

  /** Smallest key. */
  first(): bigint | undefined {
    return this.#chunks[0]?.keys[0];
  }

  /** Largest key. */
  last(): bigint | undefined {
    return this.#chunks[this.#chunks.length - 1]?.keys.at(-1);
  }

  /** Entries with from <= key <= to, upward. The map must not change during the walk. */
  *range(from: bigint, to: bigint): Generator<[bigint, V]> {
    if (this.size === 0) return;
    for (let at = this.#chunkOf(from); at < this.#chunks.length; at++) {
      const { keys, values } = this.#chunks[at]!;
      for (let i = SortedMap.#offsetOf(keys, from); i < keys.length; i++) {
        const key = keys[i]!;
        if (key > to) return;
        yield [key, values[i]!];
      }
    }
  }

  /** Entries with from <= key <= to, downward. The map must not change during the walk. */
  *reverseRange(from: bigint, to: bigint): Generator<[bigint, V]> {
    if (this.size === 0) return;
    for (let at = this.#chunkOf(to); at >= 0; at--) {
      const { keys, values } = this.#chunks[at]!;
      for (let i = keys.length - 1; i >= 0; i--) {
        const key = keys[i]!;
        if (key > to) continue;
        if (key < from) return;
        yield [key, values[i]!];
      }
    }
  }

  /** Every entry, upward. */
  *[Symbol.iterator](): Generator<[bigint, V]> {
    for (const { keys, values } of this.#chunks) {
      for (let i = 0; i < keys.length; i++) yield [keys[i]!, values[i]!];
    }
  }
}
