import { Buffer } from "node:buffer";
import { ProtocolError } from "./errors.ts";

/** Received bytes: a node Buffer, whose slicing into text costs half of what TextDecoder does. */
export type Bytes = Buffer<ArrayBuffer> & {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
};

/** Makes room for received bytes. */
export function allocate(size: number): Bytes {
  return Buffer.from(new ArrayBuffer(size)) as Bytes;
}

/** A view of bytes that came from elsewhere. */
export function bytesOf(source: Uint8Array<ArrayBuffer>): Bytes {
  return Buffer.from(source.buffer, source.byteOffset, source.byteLength) as Bytes;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this length a loop is fastest; beyond the other one, TextDecoder. */
const SHORT_BYTES = 6;
const LONG_BYTES = 400;

/** Reads UTF-8. What is not UTF-8 reads as U+FFFD. */
export function readText(bytes: Bytes, start: number, end: number): string {
  const length = end - start;
  if (length <= SHORT_BYTES) {
    let text = "";
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte > 0x7f) return bytes.utf8Slice(start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  if (length >= LONG_BYTES) return decoder.decode(bytes.subarray(start, end));
  return bytes.utf8Slice(start, end);
}

/** Refuses what the server sent. */
export function malformed(what: string): never {
  throw new ProtocolError(`The server broke the protocol: ${what}`);
}

/** Reads the parts of one message, and never past its end. */
export class MessageReader {
  /** The next byte to read. */
  at: number;
  readonly #bytes: Bytes;
  readonly #end: number;

  /** Reads the bytes from `start` up to `end`. */
  constructor(bytes: Bytes, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#end - this.at;
  }

  #take(count: number): number {
    const { at } = this;
    if (count < 0 || count > this.#end - at) malformed("a message is shorter than what it says");
    this.at = at + count;
    return at;
  }

  /** One byte. */
  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** 16 bits. */
  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  /** 32 bits. */
  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** 32 bits without a sign: an object identifier. */
  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** Text up to a NUL. */
  cstring(): string {
    const nul = this.#bytes.indexOf(0, this.at);
    if (nul < 0 || nul >= this.#end) malformed("a text has no end");
    const text = readText(this.#bytes, this.at, nul);
    this.at = nul + 1;
    return text;
  }

  /** So many bytes, copied. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(count);
    return new Uint8Array(this.#bytes.subarray(at, at + count));
  }

  /** So many bytes as text. */
  text(count: number): string {
    const at = this.#take(count);
    return readText(this.#bytes, at, at + count);
  }

  /** Refuses a message that goes on. */
  finish(): void {
    if (this.at !== this.#end) malformed("a message is longer than what it says");
  }
}
