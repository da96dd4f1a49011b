/**
 * Bytes: order, varints, fixed-width integers, and copies that leave the engine.
 *
 * LevelDB's integers are little-endian; varints hold seven bits a byte, low bits first.
 */

/** An empty array that everybody may share. */
export const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Orders two byte ranges as unsigned bytes; a prefix comes first. Negative, zero or positive. */
export function compareRanges(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const length = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < length; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/**
 * Four bytes of a key from `at` on as a number that sorts like them; zeros stand for what is
 * behind `end`. Keys whose words are equal still have to be compared.
 */
export function wordAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) ^
      0x8000_0000;
  }
  let word = 0;
  for (let i = 0; i < 4; i++) word = word << 8 | (at + i < end ? bytes[at + i]! : 0);
  return word ^ 0x8000_0000;
}

/** How many bytes two ranges have in common at their start. */
export function commonPrefix(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const most = aLength < bLength ? aLength : bLength;
  let i = 0;
  while (i < most && a[aStart + i] === b[bStart + i]) i++;
  return i;
}

/** Orders two byte strings as unsigned bytes; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

const LOOP_LIMIT = 160;

/** Copies a range into `target`; a loop where the range is short, because `set` needs a view. */
export function copyRange(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length <= LOOP_LIMIT) {
    for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  } else {
    target.set(source.subarray(start, start + length), at);
  }
}

/** Reads four little-endian bytes as an unsigned number. */
export function readFixed32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}

/** Writes four little-endian bytes. */
export function writeFixed32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Reads eight little-endian bytes; exact up to 2^53. */
export function readFixed64(bytes: Uint8Array, at: number): number {
  return readFixed32(bytes, at) + readFixed32(bytes, at + 4) * 0x1_0000_0000;
}

/** Writes a safe integer as eight little-endian bytes. */
export function writeFixed64(bytes: Uint8Array, at: number, value: number): void {
  writeFixed32(bytes, at, value >>> 0);
  writeFixed32(bytes, at + 4, Math.floor(value / 0x1_0000_0000));
}

/** Where the last call of {@linkcode readVarint} ended, or -1 when it failed. */
export let varintEnd = 0;

/**
 * Reads a varint that fits a safe integer and leaves the offset behind it in
 * {@linkcode varintEnd}; -1 there means that it overran `limit` or was too large.
 */
export function readVarint(bytes: Uint8Array, at: number, limit: number): number {
  let result = 0;
  let scale = 1;
  for (let i = 0; i < 8 && at < limit; i++) {
    const byte = bytes[at++]!;
    result += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      varintEnd = result <= Number.MAX_SAFE_INTEGER ? at : -1;
      return result;
    }
    scale *= 128;
  }
  varintEnd = -1;
  return 0;
}

/** Writes a varint and gives back the offset behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 0x8000_0000) {
    bytes[at++] = value % 128 | 128;
    value = Math.floor(value / 128);
  }
  while (value >= 128) {
    bytes[at++] = value & 0x7f | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

/** A byte string that grows. */
export class ByteWriter {
  /** The bytes; only the first {@linkcode length} count. */
  bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes were written. */
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `extra` more bytes. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(
      Math.max(needed, Math.min(this.bytes.length * 2, needed + 2 ** 27)),
    );
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  varint(value: number): void {
    this.reserve(9);
    this.length = writeVarint(this.bytes, this.length, value);
  }

  fixed32(value: number): void {
    this.reserve(4);
    writeFixed32(this.bytes, this.length, value);
    this.length += 4;
  }

  range(source: Uint8Array, start: number, length: number): void {
    this.reserve(length);
    copyRange(source, start, length, this.bytes, this.length);
    this.length += length;
  }

  /** A varint length and the bytes. */
  prefixed(source: Uint8Array): void {
    this.varint(source.length);
    this.range(source, 0, source.length);
  }

  /** The bytes so far, as a view. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
}

/** Joins byte strings. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
