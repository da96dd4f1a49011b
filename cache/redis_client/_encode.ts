/**
 * Requests as bytes.
 *
 * A tick's requests are joined into one string and written by one `encodeInto`, which costs a third
 * of writing the arguments one by one. Lengths are taken as if all text were ASCII; when the
 * bytes turn out to be more than the characters, the batch is encoded again with exact lengths.
 */
import { Buffer } from "node:buffer";
import type { RedisArgument } from "./reply.ts";

/** A request: its words, the name first. */
export type Words = readonly RedisArgument[];

/** Bytes that one write takes at most, unless a single request is larger. */
export const MAX_WRITE_BYTES = 256 * 1024;
/** Bytes of an argument from which they are written from where they are, instead of copied. */
const LARGE_BYTES = 16 * 1024;
/** Batches that are encoded with exact lengths after one that held more than ASCII. */
const EXACT_BATCHES = 64;

const KNOWN_LENGTHS = 1024;
const BULK = Array.from({ length: KNOWN_LENGTHS }, (_, length) => `\r\n$${length}\r\n`);
const ARRAY = Array.from({ length: 64 }, (_, length) => `*${length}`);

const encoder = new TextEncoder();

/** Collects requests and gives the bytes to write. */
export class RequestBatch {
  #text = "";
  /** Text and bytes in turns, all before {@linkcode RequestBatch.#text}. */
  #parts: (string | Uint8Array)[] = [];
  #requests: Words[] = [];
  #sizeEstimate = 0;
  #exactLeft = 0;
  #buffer = new Uint8Array(16 * 1024);
  #markedText = "";
  #markedParts = 0;
  #markedRequests = 0;
  #markedSize = 0;

  /** About how many bytes wait. */
  get sizeBytes(): number {
    return this.#sizeEstimate + this.#text.length;
  }

  /** Remembers what was added so far. */
  mark(): void {
    this.#markedText = this.#text;
    this.#markedParts = this.#parts.length;
    this.#markedRequests = this.#requests.length;
    this.#markedSize = this.#sizeEstimate;
  }

  /** Forgets what was added since {@linkcode RequestBatch.mark}. */
  rollback(): void {
    this.#text = this.#markedText;
    this.#parts.length = this.#markedParts;
    this.#requests.length = this.#markedRequests;
    this.#sizeEstimate = this.#markedSize;
  }

  /** Adds a request. */
  add(words: Words): void {
    this.#requests.push(words);
    this.#append(words, this.#exactLeft > 0);
  }

  #append(words: Words, exact: boolean): void {
    const count = words.length;
    let text = this.#text;
    text += count < 64 ? ARRAY[count]! : `*${count}`;
    for (let i = 0; i < count; i++) {
      let word = words[i]!;
      if (typeof word === "object") {
        const length = word.length;
        text += length < KNOWN_LENGTHS ? BULK[length]! : `\r\n$${length}\r\n`;
        this.#parts.push(text, word);
        this.#sizeEstimate += text.length + length;
        text = "";
        continue;
      }
      if (typeof word !== "string") word = word.toString();
      const length = exact ? Buffer.byteLength(word) : word.length;
      text += (length < KNOWN_LENGTHS ? BULK[length]! : `\r\n$${length}\r\n`) + word;
    }
    this.#text = text + "\r\n";
  }

  /**
   * The bytes of all requests that were added, in pieces; afterwards the batch is empty. They are valid
   * until the next call.
   */
  take(): Uint8Array[] {
    let pieces = this.#encode(this.#exactLeft > 0);
    if (pieces === undefined) {
      this.#exactLeft = EXACT_BATCHES;
      this.#text = "";
      this.#parts = [];
      for (const words of this.#requests) this.#append(words, true);
      pieces = this.#encode(true)!;
    }
    if (this.#exactLeft > 0) this.#exactLeft--;
    this.clear();
    return pieces;
  }

  /** Forgets what was added. */
  clear(): void {
    this.#text = "";
    this.#sizeEstimate = 0;
    if (this.#parts.length > 0) this.#parts = [];
    this.#requests.length = 0;
  }

  /** Encodes what is there; undefined when lengths were taken for ASCII and are not. */
  #encode(exact: boolean): Uint8Array[] | undefined {
    const parts = this.#parts;
    if (parts.length === 0) {
      const text = this.#text;
      // The room that the worst case needs would be thrice the text; it is almost never used.
      this.#reserve(exact ? Buffer.byteLength(text) : text.length);
      const { read, written } = encoder.encodeInto(text, this.#buffer);
      if (!exact && (read !== written || read !== text.length)) return undefined;
      return [this.#buffer.subarray(0, written)];
    }
    parts.push(this.#text);
    let size = 0;
    for (const part of parts) {
      size += typeof part === "string"
        ? exact ? Buffer.byteLength(part) : part.length
        : part.length >= LARGE_BYTES
        ? 0
        : part.length;
    }
    this.#reserve(size);
    const buffer = this.#buffer;
    const pieces: Uint8Array[] = [];
    let from = 0;
    let at = 0;
    for (const part of parts) {
      if (typeof part === "string") {
        const { read, written } = encoder.encodeInto(part, buffer.subarray(at));
        if (!exact && (read !== written || read !== part.length)) return undefined;
        at += written;
      } else if (part.length >= LARGE_BYTES) {
        if (at > from) pieces.push(buffer.subarray(from, at));
        pieces.push(part);
        from = at;
      } else {
        buffer.set(part, at);
        at += part.length;
      }
    }
    if (at > from) pieces.push(buffer.subarray(from, at));
    return pieces;
  }

  #reserve(size: number): void {
    if (size > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.max(size, Math.min(this.#buffer.length * 2, 1 << 20)));
    } else if (this.#buffer.length > 4 * MAX_WRITE_BYTES && size < MAX_WRITE_BYTES) {
      this.#buffer = new Uint8Array(MAX_WRITE_BYTES);
    }
  }
}
