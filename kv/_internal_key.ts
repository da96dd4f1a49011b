/**
 * Internal keys: what tables and manifests hold.
 *
 *     internal key := user key  (sequence number << 8 | kind)(fixed64)      kind: 0 deletion, 1 value
 */
import { readFixed32, writeFixed32 } from "./_bytes.ts";

/**
 * The greatest sequence number taken for real. The format has room for 2^56; numbers are exact up
 * to 2^53, and what is left above keeps sums with it exact.
 */
export const MAX_SEQUENCE: number = 2 ** 52;
/** Bytes behind the user key. */
export const TRAILER_BYTES = 8;

/** Writes the trailer of a version. */
export function writeTrailer(out: Uint8Array, at: number, sequence: number, live: boolean): void {
  out[at] = live ? 1 : 0;
  writeFixed32(out, at + 1, sequence >>> 0);
  const high = Math.floor(sequence / 0x1_0000_0000);
  out[at + 5] = high;
  out[at + 6] = high >>> 8;
  out[at + 7] = high >>> 16;
}

/** The sequence number of the trailer at `at`. */
export function readSequence(bytes: Uint8Array, at: number): number {
  return readFixed32(bytes, at + 1) +
    (bytes[at + 5]! | bytes[at + 6]! << 8 | bytes[at + 7]! << 16) * 0x1_0000_0000;
}

/** A user key with its trailer behind it. */
export function internalKey(
  key: Uint8Array,
  start: number,
  length: number,
  sequence: number,
  live: boolean,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length + TRAILER_BYTES);
  out.set(key.subarray(start, start + length));
  writeTrailer(out, length, sequence, live);
  return out;
}

/** The user key of an internal key, as a view. */
export function userKey(internal: Uint8Array): Uint8Array {
  return internal.subarray(0, internal.length - TRAILER_BYTES);
}
