/**
 * Git's delta format: two sizes as little-endian base-128 numbers, then copy instructions (high
 * bit set; flags say which offset and size bytes follow; size 0 means 0x10000) and insert
 * instructions (1 to 127 literal bytes).
 *
 * @module
 */
import { ByteWriter } from "./_bytes.ts";
import { corrupt } from "./errors.ts";

/** Reads a size at the head of a delta. Beyond 2^53 it throws. */
export function readDeltaSize(delta: Uint8Array, at: number): { size: number; at: number } {
  let size = 0, scale = 1;
  for (;;) {
    if (at >= delta.length) throw corrupt("delta ends inside its header");
    const byte = delta[at++]!;
    size += (byte & 0x7f) * scale;
    if (size > Number.MAX_SAFE_INTEGER) throw corrupt("delta announces an impossible size");
    if (byte < 0x80) return { size, at };
    scale *= 128;
  }
}

/** The size of what a delta produces. */
export function deltaResultSize(delta: Uint8Array): number {
  return readDeltaSize(delta, readDeltaSize(delta, 0).at).size;
}

/**
 * Applies a delta. Every instruction is checked against both buffers, so a delta that lies ends in
 * `GitError` ("corrupt"). `maxSize` bounds the result (bytes).
 */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  maxSize: number = 0x7fffffff,
): Uint8Array {
  const from = readDeltaSize(delta, 0);
  if (from.size !== base.length) throw corrupt("delta does not fit its base");
  const to = readDeltaSize(delta, from.at);
  if (to.size > maxSize) throw corrupt(`delta result of ${to.size} bytes is over the limit`);
  // A copy instruction of at most 7 bytes makes at most 0xffffff bytes.
  if (to.size > (delta.length - to.at) * 0xffffff) {
    throw corrupt("delta announces an impossible size");
  }
  const out = new Uint8Array(to.size);
  let at = to.at, written = 0;
  const end = delta.length;
  while (at < end) {
    const op = delta[at++]!;
    if (op & 0x80) {
      let offset = 0, size = 0;
      if (op & 0x01) offset = delta[at++]!;
      if (op & 0x02) offset |= delta[at++]! << 8;
      if (op & 0x04) offset |= delta[at++]! << 16;
      if (op & 0x08) offset += delta[at++]! * 0x1000000;
      if (op & 0x10) size = delta[at++]!;
      if (op & 0x20) size |= delta[at++]! << 8;
      if (op & 0x40) size |= delta[at++]! << 16;
      if (size === 0) size = 0x10000;
      if (at > end || offset + size > base.length || written + size > out.length) {
        throw corrupt("delta copies outside its base or result");
      }
      if (size < 32) {
        for (let i = 0; i < size; i++) out[written++] = base[offset++]!;
      } else {
        out.set(base.subarray(offset, offset + size), written);
        written += size;
      }
    } else {
      if (op === 0) throw corrupt("delta has an instruction of zero");
      if (at + op > end || written + op > out.length) {
        throw corrupt("delta inserts outside its result");
      }
      for (let i = 0; i < op; i++) out[written++] = delta[at++]!;
    }
  }
  if (written !== out.length) throw corrupt("delta makes less than it announces");
  return out;
}

const BLOCK = 16;
const MAX_CHAIN = 64;

/**
 * An index over a base object for making deltas against it: every 16-byte block by a rolling
 * hash (Rabin-Karp), chains cut at 64.
 */
export class DeltaIndex {
  /** What deltas are made against. */
  readonly base: Uint8Array;
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #mask: number;

  /** Indexes a base. */
  constructor(base: Uint8Array) {
    this.base = base;
    const blocks = Math.floor(base.length / BLOCK);
    let size = 16;
    while (size < blocks * 2) size *= 2;
    this.#mask = size - 1;
    this.#heads = new Int32Array(size).fill(-1);
    this.#next = new Int32Array(blocks).fill(-1);
    const depth = new Uint8Array(size);
    let previous = -1;
    for (let block = blocks - 1; block >= 0; block--) {
      const hash = blockHash(base, block * BLOCK);
      const slot = (hash ^ (hash >>> 15)) & this.#mask;
      // A run of equal blocks is indexed once, at its start.
      if (hash === previous && this.#heads[slot] === block + 1) {
        this.#next[block] = this.#next[block + 1]!;
        this.#heads[slot] = block;
        continue;
      }
      previous = hash;
      if (depth[slot]! >= MAX_CHAIN) continue;
      depth[slot]!++;
      this.#next[block] = this.#heads[slot]!;
      this.#heads[slot] = block;
    }
  }

  /** A delta from the base to `target`, or `undefined` when it would be longer than `maxSize`. */
  make(target: Uint8Array, maxSize: number): Uint8Array | undefined {
    const base = this.base, mask = this.#mask, heads = this.#heads, next = this.#next;
    const out = new ByteWriter(Math.min(maxSize + 16, 4096));
    writeSize(out, base.length);
    writeSize(out, target.length);
    let literal = 0;
    let at = 0;
    const flush = (end: number): void => {
      let from = end - literal;
      while (literal > 0) {
        const n = Math.min(literal, 127);
        out.u8(n);
        out.bytes(target.subarray(from, from + n));
        from += n;
        literal -= n;
      }
    };
    const last = target.length - BLOCK;
    let hash = 0;
    let fresh = true;
    while (at < target.length) {
      let bestSize = 0, bestOffset = 0;
      if (at <= last) {
        if (fresh) {
          hash = blockHash(target, at);
          fresh = false;
        }
        const slot = (hash ^ (hash >>> 15)) & mask;
        for (let block = heads[slot]!; block >= 0; block = next[block]!) {
          const start = block * BLOCK;
          if (base[start] !== target[at] || base[start + bestSize] !== target[at + bestSize]) {
            continue;
          }
          let size = 0;
          const room = Math.min(base.length - start, target.length - at);
          while (size < room && base[start + size] === target[at + size]) size++;
          if (size > bestSize) {
            bestSize = size;
            bestOffset = start;
            if (size > 4096) break;
          }
        }
      }
      if (bestSize < BLOCK) {
        if (at < last) {
          hash = (Math.imul(hash, MULTIPLIER) + target[at + BLOCK]! -
            Math.imul(target[at]!, OUT_FACTOR)) | 0;
        }
        at++;
        literal++;
        if (out.length + literal > maxSize) return undefined;
        continue;
      }
      // The match may reach back into what was to be inserted.
      while (literal > 0 && bestOffset > 0 && base[bestOffset - 1] === target[at - 1]) {
        bestOffset--;
        at--;
        bestSize++;
        literal--;
      }
      flush(at);
      at += bestSize;
      fresh = true;
      while (bestSize > 0) {
        const n = Math.min(bestSize, 0x10000);
        writeCopy(out, bestOffset, n);
        bestOffset += n;
        bestSize -= n;
      }
      if (out.length > maxSize) return undefined;
    }
    flush(at);
    return out.length > maxSize ? undefined : out.view().slice();
  }
}

const MULTIPLIER = 0x01000193;
let OUT_FACTOR = 1;
for (let i = 0; i < BLOCK; i++) OUT_FACTOR = Math.imul(OUT_FACTOR, MULTIPLIER);

function blockHash(data: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = 0; i < BLOCK; i++) hash = (Math.imul(hash, MULTIPLIER) + data[at + i]!) | 0;
  return hash;
}

function writeSize(out: ByteWriter, size: number): void {
  while (size >= 128) {
    out.u8((size % 128) | 0x80);
    size = Math.floor(size / 128);
  }
  out.u8(size);
}

function writeCopy(out: ByteWriter, offset: number, size: number): void {
  const bytes: number[] = [];
  let op = 0x80;
  for (let i = 0; i < 4; i++) {
    const byte = Math.floor(offset / 2 ** (8 * i)) & 255;
    if (byte !== 0) {
      op |= 1 << i;
      bytes.push(byte);
    }
  }
  if (size !== 0x10000) {
    for (let i = 0; i < 2; i++) {
      const byte = (size >> (8 * i)) & 255;
      if (byte !== 0) {
        op |= 0x10 << i;
        bytes.push(byte);
      }
    }
  }
  out.u8(op);
  for (const byte of bytes) out.u8(byte);
}
