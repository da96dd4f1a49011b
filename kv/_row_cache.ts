/**
 * The newest versions of keys that were read from tables lately: a look-up in it replaces bloom
 * filters, indexes and blocks of several levels (0.5 µs against 2 to 4).
 *
 * Keys and values lie in a ring of bytes, the oldest overwritten first. A table of slots leads to
 * them by hash, four slots to choose from for each; a slot is four numbers: the hash, the position
 * (counted on and on, so that what was overwritten shows), the sequence number, and the length of
 * the value, -1 where there is none.
 */
import { compareRanges, copyRange } from "./_bytes.ts";

const SLOT = 4;
const WAYS = 4;
const AVERAGE_BYTES = 96;
/** Longer values are left to the cache of blocks. */
const MAX_ROW = 1024;

/** A cache of rows, bounded in bytes. */
export class RowCache {
  limitBytes: number;
  ringBytes = 0;
  ring: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The same bytes, four at a time: values start at a multiple of four. */
  words: Int32Array<ArrayBuffer> = new Int32Array(0);
  slots: Float64Array<ArrayBuffer> = new Float64Array(0);
  mask = 0;
  /** Bytes ever written to the ring. */
  head = 0;
  /** Where the row that was found last lies. */
  start = 0;
  length = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes held. */
  get sizeBytes(): number {
    return this.ring.length + this.slots.length * 8;
  }

  /** Memory is taken at the first use: many databases are only written. */
  allocate(): void {
    let count = 32;
    while (count * 2 * AVERAGE_BYTES <= this.limitBytes) count *= 2;
    this.slots = new Float64Array(count * SLOT);
    this.mask = count / WAYS - 1;
    this.ringBytes = Math.max(0, this.limitBytes - count * SLOT * 8) & ~3;
    this.ring = new Uint8Array(this.ringBytes);
    this.words = new Int32Array(this.ring.buffer);
  }

  /**
   * The slot of a key's newest version when it is no newer than `sequence`, else -1. Then `start`
   * and `length` say where in `ring` the value is.
   */
  find(key: Uint8Array, hash: number, sequence: number): number {
    const { slots } = this;
    const first = (hash & this.mask) * (SLOT * WAYS);
    for (let slot = first; slot < first + SLOT * WAYS; slot += SLOT) {
      if (slots[slot] !== hash + 1) continue;
      const position = slots[slot + 1]!;
      if (position < this.head - this.ringBytes) continue;
      const at = position % this.ringBytes;
      const { length } = key;
      const { ring } = this;
      if ((ring[at]! | ring[at + 1]! << 8) !== length) continue;
      if (compareRanges(ring, at + 2, length, key, 0, length) !== 0) continue;
      if (slots[slot + 2]! > sequence) return -1;
      this.start = at + length + 5 & ~3;
      this.length = slots[slot + 3]!;
      return slot;
    }
    return -1;
  }

  /** Keeps the newest version of a key; a value length of -1 says that there is none. */
  add(
    key: Uint8Array,
    hash: number,
    sequence: number,
    value: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (this.slots.length === 0) this.allocate();
    const head = key.length + 5 & ~3;
    const size = head + (length > 0 ? length + 3 & ~3 : 0);
    if (size > MAX_ROW || size > this.ringBytes >> 2) return;
    this.remove(hash);
    let position = this.head; // a multiple of four
    let at = position % this.ringBytes;
    if (at + size > this.ringBytes) {
      position += this.ringBytes - at;
      at = 0;
    }
    const { ring, slots } = this;
    ring[at] = key.length;
    ring[at + 1] = key.length >>> 8;
    copyRange(key, 0, key.length, ring, at + 2);
    if (length > 0) copyRange(value, start, length, ring, at + head);
    this.head = position + size;
    const first = (hash & this.mask) * (SLOT * WAYS);
    let slot = first;
    for (let other = first + SLOT; other < first + SLOT * WAYS; other += SLOT) {
      if (slots[other + 1]! < slots[slot + 1]!) slot = other;
    }
    slots[slot] = hash + 1;
    slots[slot + 1] = position;
    slots[slot + 2] = sequence;
    slots[slot + 3] = length;
  }

  /** Forgets every key with this hash: a newer version was written. */
  remove(hash: number): void {
    if (this.slots.length === 0) return;
    const { slots } = this;
    const first = (hash & this.mask) * (SLOT * WAYS);
    for (let slot = first; slot < first + SLOT * WAYS; slot += SLOT) {
      if (slots[slot] === hash + 1) slots[slot] = slots[slot + 1] = 0;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.slots.fill(0);
  }
}
