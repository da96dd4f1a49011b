/**
 * A set of object ids, numbered in the order they came. Ids are compared as bytes where they stand in
 * a tree or an index: nothing is made of the ones that are known already, which is nearly all of them
 * when the trees of a history are walked.
 *
 * An open-addressing table (linear probing, at most half full) of numbers; the ids themselves lie
 * side by side in one buffer. About 30 bytes an id for SHA-1.
 *
 * @module
 */
import { HEX_OF_BYTES, toHex } from "./_bytes.ts";
import type { ObjectId } from "./hash_algorithm.ts";

/** Ids with numbers from 0. */
export class IdMap {
  /** How many ids there are. */
  size = 0;
  readonly #rawSize: number;
  readonly #words: number;
  #slots: Uint32Array;
  #mask: number;
  #ids: Uint32Array;
  // A flag byte for each id.
  #flags: Uint8Array;

  /** Makes an empty map for ids of `rawSize` bytes (a multiple of 4). */
  constructor(rawSize: number, capacity = 1024) {
    this.#rawSize = rawSize;
    this.#words = rawSize >> 2;
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#slots = new Uint32Array(slots);
    this.#mask = slots - 1;
    this.#ids = new Uint32Array((slots >> 1) * this.#words);
    this.#flags = new Uint8Array(slots >> 1);
  }

  /** The number of the id at `at`, or -1. */
  find(data: DataView, at: number): number {
    const first = data.getUint32(at, true), second = data.getUint32(at + 4, true);
    const slots = this.#slots, ids = this.#ids, mask = this.#mask, words = this.#words;
    // Two words: ids that share their first four bytes are cheap to make.
    for (let slot = (first ^ Math.imul(second, 0x9e3779b1)) & mask;; slot = (slot + 1) & mask) {
      const number = slots[slot]!;
      if (number === 0) return -1;
      const base = (number - 1) * words;
      if (ids[base] !== first || ids[base + 1] !== second) continue;
      let i = 2;
      while (i < words && ids[base + i] === data.getUint32(at + i * 4, true)) i++;
      if (i === words) return number - 1;
    }
  }

  /** The number of the id at `at`, which is added when it is new: then it is the last, `size - 1`. */
  add(data: DataView, at: number): number {
    const known = this.find(data, at);
    if (known >= 0) return known;
    if ((this.size + 1) * 2 > this.#slots.length) this.#grow();
    const number = this.size++;
    const words = this.#words;
    for (let i = 0; i < words; i++) {
      this.#ids[number * words + i] = data.getUint32(at + i * 4, true);
    }
    this.#place(number);
    return number;
  }

  #place(number: number): void {
    const base = number * this.#words;
    const mask = this.#mask;
    let slot = (this.#ids[base]! ^ Math.imul(this.#ids[base + 1]!, 0x9e3779b1)) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = number + 1;
  }

  #grow(): void {
    const slots = this.#slots.length * 2;
    this.#slots = new Uint32Array(slots);
    this.#mask = slots - 1;
    const ids = new Uint32Array((slots >> 1) * this.#words);
    ids.set(this.#ids);
    this.#ids = ids;
    const flags = new Uint8Array(slots >> 1);
    flags.set(this.#flags);
    this.#flags = flags;
    for (let number = 0; number < this.size; number++) this.#place(number);
  }

  /** The flags of an id, all clear at first. */
  flags(number: number): number {
    return this.#flags[number]!;
  }

  /** Sets flags of an id. */
  set(number: number, flags: number): void {
    this.#flags[number]! |= flags;
  }

  /** The bytes of an id; valid until the next one is added. */
  raw(number: number): Uint8Array {
    return new Uint8Array(this.#ids.buffer, number * this.#rawSize, this.#rawSize);
  }

  /** Writes an id in hexadecimal at `at` of `out`; returns where it ends. */
  writeHex(number: number, out: Uint8Array, at: number): number {
    const ids = this.#ids, words = this.#words;
    const base = number * words;
    for (let i = base; i < base + words; i++) {
      // Words hold the bytes as the machine does, lowest first.
      for (let word = ids[i]!, k = 0; k < 4; k++, word >>>= 8) {
        const digits = (word & 255) * 2;
        out[at++] = HEX_OF_BYTES[digits]!;
        out[at++] = HEX_OF_BYTES[digits + 1]!;
      }
    }
    return at;
  }

  /** An id in hexadecimal. */
  hex(number: number): ObjectId {
    return toHex(this.raw(number));
  }
}
