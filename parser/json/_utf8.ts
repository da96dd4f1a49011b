/** UTF-8 in and out: strict decoding, whole or in pieces cut anywhere. */
import { PADDING } from "./_fast.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of `bytes`, or null where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** How many bytes at the start of `bytes` are whole, well-formed characters. */
export function validUtf8Prefix(bytes: Uint8Array): number {
  const length = bytes.length;
  let at = 0;
  while (at < length) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at++;
      continue;
    }
    let more: number;
    let low = 0x80;
    let high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      else if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      else if (lead === 0xf4) high = 0x8f;
    } else return at;
    if (at + more >= length) return at;
    for (let i = 1; i <= more; i++) {
      const byte = bytes[at + i]!;
      if (byte < low || byte > high) return at;
      low = 0x80;
      high = 0xbf;
    }
    at += more + 1;
  }
  return at;
}

/** How many bytes at the end of `bytes` may be the start of a character still to come: 0 to 3. */
function incompleteTail(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? back : 0;
    }
  }
  return 0;
}

/** Turns bytes cut anywhere into text cut between characters, with the bytes of each text. */
export class Utf8Pieces {
  #buffer: Uint8Array = new Uint8Array(0);
  #carried = 0;
  #tail: Uint8Array = new Uint8Array(4);
  /** The current piece as text. */
  text = "";
  /** The current piece as bytes: `length` of them, then zero bytes. */
  bytes: Uint8Array = this.#buffer;
  length = 0;
  /** How many pieces there were. */
  count = 0;
  /** After the current piece comes something that is not UTF-8. */
  broken = false;

  /** Makes the next piece of what was carried over and `chunk`. */
  push(chunk: Uint8Array): void {
    const total = this.#carried + chunk.length;
    if (this.#buffer.length < total + PADDING) this.#buffer = new Uint8Array(total + PADDING);
    const buffer = this.#buffer;
    buffer.set(this.#tail.subarray(0, this.#carried));
    buffer.set(chunk, this.#carried);
    this.#carried = incompleteTail(buffer, total);
    let length = total - this.#carried;
    this.#tail.set(buffer.subarray(length, total));
    let text = decodeUtf8(buffer.subarray(0, length));
    if (text === null) {
      this.broken = true;
      length = validUtf8Prefix(buffer.subarray(0, length));
      text = decodeUtf8(buffer.subarray(0, length))!;
    }
    buffer.fill(0, length, length + PADDING);
    this.count++;
    this.text = text;
    this.bytes = buffer;
    this.length = length;
  }

  /** The input ends here; a character that began and did not end makes it `broken`. */
  finish(): void {
    if (this.#carried > 0) this.broken = true;
  }
}

const KEPT_BYTES = 4 << 20;
const FIRST_BYTES = 64 << 10;
let scratch = new Uint8Array(0);

/** Bytes of the text that `encodeInto()` encoded last. */
export let encodedLength = 0;

/** Encodes `text`, followed by `PADDING` zero bytes; the length is left in `encodedLength`. */
export function encodeInto(text: string): Uint8Array {
  let buffer = takeBuffer(text.length + PADDING);
  let { read, written } = encoder.encodeInto(text, buffer);
  if (read < text.length || written + PADDING > buffer.length) {
    const larger = takeBuffer(written + (text.length - read) * 3 + PADDING);
    larger.set(buffer.subarray(0, written));
    const rest = encoder.encodeInto(
      read === 0 ? text : text.slice(read),
      larger.subarray(written),
    );
    read += rest.read;
    written += rest.written;
    buffer = larger;
  }
  buffer.fill(0, written, written + PADDING);
  encodedLength = written;
  return buffer;
}

/** A buffer of at least `size` bytes with any content. */
function takeBuffer(size: number): Uint8Array {
  if (size > KEPT_BYTES) return new Uint8Array(size);
  if (scratch.length < size) {
    scratch = new Uint8Array(Math.min(KEPT_BYTES, Math.max(FIRST_BYTES, size * 2)));
  }
  return scratch;
}

/** Copies `bytes` into a buffer with `PADDING` zero bytes after them. */
export function paddedCopy(bytes: Uint8Array): Uint8Array {
  const buffer = takeBuffer(bytes.length + PADDING);
  buffer.set(bytes);
  buffer.fill(0, bytes.length, bytes.length + PADDING);
  return buffer;
}
