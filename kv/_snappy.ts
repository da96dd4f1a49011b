/**
 * Snappy's raw format (google/snappy, format_description.txt).
 *
 *     stream  := uncompressed length(varint)  element*
 *     literal := (length-1)<<2 | 00, lengths over 60 in 1 to 4 more bytes; then the bytes
 *     copy 1  := offset>>8<<5 | (length-4)<<2 | 01, offset&255        length 4..11, offset < 2048
 *     copy 2  := (length-1)<<2 | 10, offset(2 bytes)                 length 1..64
 *     copy 4  := (length-1)<<2 | 11, offset(4 bytes)
 */
import { readVarint, varintEnd, writeVarint } from "./_bytes.ts";

const HASH_BITS = 14;
const table = new Uint16Array(1 << HASH_BITS);
const FRAGMENT = 65536;

/** The most bytes that {@linkcode snappyCompress} writes for `length` bytes of input. */
export function snappyBound(length: number): number {
  return 32 + length + Math.floor(length / 6);
}

/** Compresses `input[start, start + length)` into `output` at `to`; gives the compressed size. */
export function snappyCompress(
  input: Uint8Array,
  start: number,
  length: number,
  output: Uint8Array,
  to = 0,
): number {
  let at = writeVarint(output, to, length);
  for (let from = start; from < start + length; from += FRAGMENT) {
    at = compressFragment(input, from, Math.min(FRAGMENT, start + length - from), output, at);
  }
  return at - to;
}

function compressFragment(
  input: Uint8Array,
  base: number,
  length: number,
  output: Uint8Array,
  at: number,
): number {
  const end = base + length;
  let literal = base;
  if (length >= 15) {
    let bits = 8;
    while (bits < HASH_BITS && 1 << bits < length) bits++;
    const shift = 32 - bits;
    table.fill(0, 0, 1 << bits);
    const limit = end - 15;
    let i = base + 1;
    let skip = 32;
    while (i <= limit) {
      const word = input[i]! | input[i + 1]! << 8 | input[i + 2]! << 16 | input[i + 3]! << 24;
      const slot = Math.imul(word, 0x1e35a7bd) >>> shift;
      const match = base + table[slot]!;
      table[slot] = i - base;
      if (
        match >= i || input[match] !== input[i] || input[match + 1] !== input[i + 1] ||
        input[match + 2] !== input[i + 2] || input[match + 3] !== input[i + 3]
      ) {
        i += skip >>> 5; // the longer nothing matched, the larger the steps
        skip++;
        continue;
      }
      skip = 32;
      if (literal < i) at = emitLiteral(input, literal, i - literal, output, at);
      const offset = i - match;
      let matched = 4;
      while (i + matched < end && input[match + matched] === input[i + matched]) matched++;
      at = emitCopy(offset, matched, output, at);
      i += matched;
      literal = i;
      if (i <= limit) {
        const p = i - 1;
        const before = input[p]! | input[p + 1]! << 8 | input[p + 2]! << 16 | input[p + 3]! << 24;
        table[Math.imul(before, 0x1e35a7bd) >>> shift] = p - base;
      }
    }
  }
  return literal < end ? emitLiteral(input, literal, end - literal, output, at) : at;
}

function emitLiteral(
  input: Uint8Array,
  start: number,
  length: number,
  output: Uint8Array,
  at: number,
): number {
  const n = length - 1;
  if (n < 60) {
    output[at++] = n << 2;
  } else if (n < 256) {
    output[at++] = 60 << 2;
    output[at++] = n;
  } else {
    output[at++] = 61 << 2;
    output[at++] = n;
    output[at++] = n >>> 8;
  }
  if (length <= 64) {
    for (let i = 0; i < length; i++) output[at + i] = input[start + i]!;
  } else {
    output.set(input.subarray(start, start + length), at);
  }
  return at + length;
}

function emitCopy(offset: number, length: number, output: Uint8Array, at: number): number {
  while (length >= 68) {
    output[at++] = 63 << 2 | 2;
    output[at++] = offset;
    output[at++] = offset >>> 8;
    length -= 64;
  }
  if (length > 64) { // leaves at least four for the last copy
    output[at++] = 59 << 2 | 2;
    output[at++] = offset;
    output[at++] = offset >>> 8;
    length -= 60;
  }
  if (length < 12 && offset < 2048) {
    output[at++] = offset >>> 8 << 5 | length - 4 << 2 | 1;
    output[at++] = offset;
  } else {
    output[at++] = length - 1 << 2 | 2;
    output[at++] = offset;
    output[at++] = offset >>> 8;
  }
  return at;
}

/**
 * Decompresses a range; undefined when it is not valid Snappy. Three bytes can stand for 64 at the
 * most, so a length that claims more is refused before anything is allocated.
 */
export function snappyDecompress(
  input: Uint8Array,
  start: number,
  length: number,
): Uint8Array<ArrayBuffer> | undefined {
  const end = start + length;
  const size = readVarint(input, start, Math.min(end, start + 5));
  let i = varintEnd;
  if (i < 0 || size > 0xffff_ffff || size > (length - (i - start)) * 22) return undefined;
  const output = new Uint8Array(size);
  let at = 0;
  while (i < end) {
    const tag = input[i++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let n = tag >>> 2;
      if (n >= 60) {
        const extra = n - 59;
        if (i + extra > end) return undefined;
        n = 0;
        for (let k = 0; k < extra; k++) n += input[i + k]! * 2 ** (8 * k);
        i += extra;
      }
      n++;
      if (n > end - i || n > size - at) return undefined;
      if (n <= 48) {
        for (let k = 0; k < n; k++) output[at + k] = input[i + k]!;
      } else {
        output.set(input.subarray(i, i + n), at);
      }
      i += n;
      at += n;
      continue;
    }
    let n: number;
    let offset: number;
    if (kind === 1) {
      if (i >= end) return undefined;
      n = (tag >>> 2 & 7) + 4;
      offset = tag >>> 5 << 8 | input[i++]!;
    } else if (kind === 2) {
      if (i + 2 > end) return undefined;
      n = (tag >>> 2) + 1;
      offset = input[i]! | input[i + 1]! << 8;
      i += 2;
    } else {
      if (i + 4 > end) return undefined;
      n = (tag >>> 2) + 1;
      offset = (input[i]! | input[i + 1]! << 8 | input[i + 2]! << 16 | input[i + 3]! << 24) >>> 0;
      i += 4;
    }
    if (offset === 0 || offset > at || n > size - at) return undefined;
    // Forward and byte by byte: the source may overlap what is being written.
    for (let from = at - offset, stop = at + n; at < stop;) output[at++] = output[from++]!;
  }
  return at === size ? output : undefined;
}
