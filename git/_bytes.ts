/**
 * Byte strings: Git's names, paths and messages are bytes. Inside this module text that came from
 * Git is a JavaScript string in which every code unit is one byte (0 to 255). It compares, splits
 * and hashes in byte order, and nothing is lost on the way to disk and back.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { corrupt } from "./errors.ts";

/** A string whose code units are bytes, 0 to 255. */
export type ByteString = string;

const encoder = new TextEncoder();

/** The bytes of `data` as a byte string. Throws `GitError` ("corrupt") when `data` ends before `end`. */
export function toByteString(data: Uint8Array, start = 0, end: number = data.length): ByteString {
  if (end > data.length) throw corrupt("data ends early");
  return Buffer.prototype.latin1Slice.call(data, start, end);
}

/** The bytes that a byte string stands for. */
export function fromByteString(text: ByteString): Uint8Array {
  return Buffer.from(text, "latin1");
}

// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/;

/** Encodes text as UTF-8 and returns the bytes as a byte string. */
export function encodeText(text: string): ByteString {
  return NON_ASCII.test(text) ? toByteString(encoder.encode(text)) : text;
}

/** Decodes a byte string as UTF-8; bytes that are not UTF-8 become U+FFFD. */
export function decodeText(text: ByteString): string {
  return NON_ASCII.test(text) ? Buffer.from(text, "latin1").toString("utf8") : text;
}

/** What Git takes for white space. Others that JavaScript knows, such as 0xa0, are parts of characters. */
function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 9 || code === 13;
}

/** The text without white space at its start. */
export function trimSpaceStart(text: ByteString): ByteString {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return text.slice(start);
}

/** The text without white space at its end. Linear, where a regular expression may not be. */
export function trimSpaceEnd(text: ByteString): ByteString {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

/** The text without white space at both ends. */
export function trimSpace(text: ByteString): ByteString {
  return trimSpaceStart(trimSpaceEnd(text));
}

/** Joins byte arrays. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i]!.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    out.set(parts[i]!, at);
    at += parts[i]!.length;
  }
  return out;
}

/** Lower-case hexadecimal of `data[start..end)`. Throws `GitError` ("corrupt") as above. */
export function toHex(data: Uint8Array, start = 0, end: number = data.length): string {
  if (end > data.length) throw corrupt("data ends early");
  return Buffer.prototype.hexSlice.call(data, start, end);
}

/** The bytes that hexadecimal text stands for. */
export function fromHex(text: string): Uint8Array {
  return Buffer.from(text, "hex");
}

const HEX_DIGITS = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  HEX_DIGITS["0123456789abcdef".charCodeAt(i)] = i;
  HEX_DIGITS["0123456789ABCDEF".charCodeAt(i)] = i;
}

/** Fills `out` from hexadecimal text of exactly twice its length; false when it is not that. */
export function hexInto(text: string, out: Uint8Array): boolean {
  if (text.length !== out.length * 2) return false;
  let bad = 0;
  for (let i = 0; i < out.length; i++) {
    const high = HEX_DIGITS[text.charCodeAt(2 * i)] ?? -1;
    const low = HEX_DIGITS[text.charCodeAt(2 * i + 1)] ?? -1;
    bad |= high | low;
    out[i] = (high << 4) | low;
  }
  return bad >= 0;
}

/** Two hexadecimal digits of every byte, one behind the other. */
export const HEX_OF_BYTES: Uint8Array = Uint8Array.from(
  { length: 512 },
  (_, i) => "0123456789abcdef".charCodeAt(i & 1 ? (i >> 1) & 15 : i >> 5),
);

/** Big-endian 32-bit read, unsigned. */
export function readU32(data: Uint8Array, at: number): number {
  return ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
}

/** Big-endian 32-bit write. */
export function writeU32(data: Uint8Array, at: number, value: number): void {
  data[at] = value >>> 24;
  data[at + 1] = value >>> 16;
  data[at + 2] = value >>> 8;
  data[at + 3] = value;
}

/** Whether two byte arrays hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Order of two byte strings, as `memcmp` gives it. */
export function compareByteStrings(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A growing byte buffer for writers. */
export class ByteWriter {
  #data: Uint8Array;
  /** How many bytes have been written. */
  length = 0;

  constructor(capacity = 1024) {
    this.#data = new Uint8Array(capacity);
  }

  #reserve(extra: number): void {
    const need = this.length + extra;
    if (need <= this.#data.length) return;
    const grown = new Uint8Array(Math.max(need, this.#data.length * 2));
    grown.set(this.#data.subarray(0, this.length));
    this.#data = grown;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#data[this.length++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#data[this.length++] = value >>> 8;
    this.#data[this.length++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    writeU32(this.#data, this.length, value);
    this.length += 4;
  }

  bytes(data: Uint8Array): void {
    this.#reserve(data.length);
    this.#data.set(data, this.length);
    this.length += data.length;
  }

  /** A byte and then a part of some data. */
  marked(mark: number, data: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length + 1);
    const out = this.#data;
    let at = this.length;
    out[at++] = mark;
    if (length < 64) { for (; start < end; start++) out[at++] = data[start]!; }
    else out.set(data.subarray(start, end), at);
    this.length += length + 1;
  }

  text(text: ByteString): void {
    this.#reserve(text.length);
    const data = this.#data;
    let at = this.length;
    for (let i = 0; i < text.length; i++) data[at++] = text.charCodeAt(i);
    this.length = at;
  }

  hex(text: string): void {
    this.bytes(fromHex(text));
  }

  /** Starts anew. */
  clear(): void {
    this.length = 0;
  }

  /** What was written; valid until the next write. */
  view(): Uint8Array {
    return this.#data.subarray(0, this.length);
  }
}
