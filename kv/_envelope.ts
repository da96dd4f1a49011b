/**
 * How values are stored in a database with lifetimes.
 *
 *     value := 0  bytes | 1  end of life in milliseconds since the epoch(fixed64)  bytes
 */
import { copyRange, readFixed64, writeFixed64 } from "./_bytes.ts";

/** Bytes in front of a value without an end. */
export const PLAIN_BYTES = 1;
/** Bytes in front of a value with an end. */
export const EXPIRING_BYTES = 9;

/** When a stored value ends; `Infinity` for never, NaN for a malformed one. */
export function expiryOf(bytes: Uint8Array, start: number, length: number): number {
  if (length >= PLAIN_BYTES && bytes[start] === 0) return Infinity;
  if (length >= EXPIRING_BYTES && bytes[start] === 1) return readFixed64(bytes, start + 1);
  return NaN;
}

/** How many bytes stand in front of a stored value. */
export function envelopeBytes(bytes: Uint8Array, start: number): number {
  return bytes[start] === 0 ? PLAIN_BYTES : EXPIRING_BYTES;
}

/** The stored form of a value. */
export function wrapValue(value: Uint8Array, expires: number | undefined): Uint8Array<ArrayBuffer> {
  const head = expires === undefined ? PLAIN_BYTES : EXPIRING_BYTES;
  const out = new Uint8Array(head + value.length);
  if (expires !== undefined) {
    out[0] = 1;
    writeFixed64(out, 1, expires);
  }
  copyRange(value, 0, value.length, out, head);
  return out;
}
