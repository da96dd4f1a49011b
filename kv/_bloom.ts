/**
 * Bloom filters as `leveldb.BuiltinBloomFilter2` writes them.
 *
 *     filter block := filter*  offset(fixed32)*  offset of the offsets(fixed32)  11
 *     filter       := bits  number of probes(1 byte)
 *
 * One filter covers the keys of the data blocks that start in one 2 KiB range of the file.
 */
import { ByteWriter, readFixed32 } from "./_bytes.ts";

/** The name in the metaindex block. */
export const FILTER_NAME = "filter.leveldb.BuiltinBloomFilter2";
const BASE_LOG = 11;

/** LevelDB's string hash with the seed of its filters. */
export function bloomHash(key: Uint8Array, start: number, length: number): number {
  let hash = 0xbc9f1d34 ^ Math.imul(length, 0xc6a4a793);
  let i = start;
  const end = start + length;
  for (; i + 4 <= end; i += 4) {
    hash = hash + (key[i]! | key[i + 1]! << 8 | key[i + 2]! << 16 | key[i + 3]! << 24) | 0;
    hash = Math.imul(hash, 0xc6a4a793);
    hash ^= hash >>> 16;
  }
  const rest = end - i;
  if (rest > 0) {
    if (rest === 3) hash = hash + (key[i + 2]! << 16) | 0;
    if (rest >= 2) hash = hash + (key[i + 1]! << 8) | 0;
    hash = Math.imul(hash + key[i]! | 0, 0xc6a4a793);
    hash ^= hash >>> 24;
  }
  return hash >>> 0;
}

/** Builds the filter block of one table. */
export class FilterBuilder {
  #bitsPerKey: number;
  #probes: number;
  #hashes = new Uint32Array(256);
  #count = 0;
  #out = new ByteWriter(4096);
  #offsets: number[] = [];

  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey;
    this.#probes = Math.min(30, Math.max(1, Math.floor(bitsPerKey * 0.69)));
  }

  /** A data block starts at this offset of the file. */
  startBlock(offset: number): void {
    const index = Math.floor(offset / 2 ** BASE_LOG);
    while (index > this.#offsets.length) this.#generate();
  }

  add(key: Uint8Array, start: number, length: number): void {
    if (this.#count === this.#hashes.length) {
      const grown = new Uint32Array(this.#count * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes[this.#count++] = bloomHash(key, start, length);
  }

  finish(): Uint8Array {
    if (this.#count > 0) this.#generate();
    const start = this.#out.length;
    for (const offset of this.#offsets) this.#out.fixed32(offset);
    this.#out.fixed32(start);
    this.#out.byte(BASE_LOG);
    return this.#out.view();
  }

  #generate(): void {
    const out = this.#out;
    this.#offsets.push(out.length);
    if (this.#count === 0) return;
    const size = Math.max(64, this.#count * this.#bitsPerKey) + 7 >>> 3;
    const bits = size * 8;
    out.reserve(size + 1);
    const bytes = out.bytes;
    const start = out.length;
    bytes.fill(0, start, start + size);
    for (let i = 0; i < this.#count; i++) {
      let hash = this.#hashes[i]!;
      const delta = hash >>> 17 | hash << 15;
      for (let probe = 0; probe < this.#probes; probe++) {
        const bit = (hash >>> 0) % bits;
        bytes[start + (bit >>> 3)]! |= 1 << (bit & 7);
        hash = hash + delta | 0;
      }
    }
    bytes[start + size] = this.#probes;
    out.length = start + size + 1;
    this.#count = 0;
  }
}

/** Answers from a filter block; one that does not parse lets every key pass. */
export class FilterReader {
  #bytes: Uint8Array;
  #offsets: number;
  #count: number;
  #baseLog: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#count = 0;
    this.#offsets = 0;
    this.#baseLog = 0;
    if (bytes.length < 5) return;
    const offsets = readFixed32(bytes, bytes.length - 5);
    if (offsets > bytes.length - 5) return;
    this.#baseLog = Math.min(31, bytes[bytes.length - 1]!);
    this.#offsets = offsets;
    this.#count = bytes.length - 5 - offsets >>> 2;
  }

  /** Whether the data block at `blockOffset` may hold the key of this hash. */
  mayContain(blockOffset: number, hash: number): boolean {
    const index = blockOffset >= 0x1_0000_0000
      ? Math.floor(blockOffset / 2 ** this.#baseLog)
      : blockOffset >>> this.#baseLog;
    if (index >= this.#count) return true;
    const bytes = this.#bytes;
    const at = this.#offsets + index * 4;
    const start = readFixed32(bytes, at);
    const limit = readFixed32(bytes, at + 4);
    if (start > limit || limit > this.#offsets) return true;
    const size = limit - start - 1;
    if (size < 1) return false;
    const probes = bytes[limit - 1]!;
    if (probes > 30) return true;
    const bits = size * 8;
    const delta = hash >>> 17 | hash << 15;
    for (let probe = 0; probe < probes; probe++) {
      const bit = (hash >>> 0) % bits;
      if ((bytes[start + (bit >>> 3)]! & 1 << (bit & 7)) === 0) return false;
      hash = hash + delta | 0;
    }
    return true;
  }
}
