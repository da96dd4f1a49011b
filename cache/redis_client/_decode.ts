/**
 * Replies from bytes, RESP2 and RESP3.
 *
 * The server's parser in `../redis/resp.ts` reads replies as byte strings, for tests and tools; this one gives
 * UTF-8 text or bytes as each reply's caller asked, and spends no allocation beyond the value: a chunk that
 * is all ASCII is decoded once, and short strings are cut out of it.
 *
 * Nesting is kept on an explicit stack, so a reply may arrive in any pieces, is parsed once, and its depth
 * costs no call stack.
 */
import { Buffer, isAscii } from "node:buffer";
import { RedisProtocolError, RedisReplyError } from "./errors.ts";
import type { RedisReply } from "./reply.ts";

/** The methods of Node's `Buffer` that its types leave out. */
interface RawBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

/** What a parser accepts. */
export interface ReplyLimits {
  /** Bytes of one reply, all that it holds included. */
  maxReplyBytes: number;
  /** Elements of one reply, on all levels. */
  maxReplyElements: number;
  /** Levels of one reply. */
  maxDepth: number;
}

/** What {@linkcode ReplyReader.next} gives when the reply is not whole yet. */
export const INCOMPLETE: unique symbol = Symbol("incomplete");

/** A RESP3 push message. */
export class Push {
  /** @param items What it holds, its kind first. */
  constructor(readonly items: RedisReply[]) {}
}

const enum Kind {
  array,
  set,
  map,
  push,
  attribute,
}

interface Frame {
  kind: Kind;
  left: number;
  items: RedisReply[];
  parent: Frame | null;
  depth: number;
}

const LF = 10;
const CR = 13;
const FIRST_BUFFER_BYTES = 16 * 1024;
const READ_BYTES = 64 * 1024;
/** Longest line of a number, a length, or a simple string. */
const MAX_LINE_BYTES = 64 * 1024;
/** V8 copies shorter substrings; longer ones would keep the whole chunk alive. */
const COPIED_LENGTH = 13;
/** A chunk shorter than this is not worth decoding as a whole. */
const CHUNK_TEXT_BYTES = 48;

/** An aggregate was opened. */
const NESTED: unique symbol = Symbol("nested");
/** Something without meaning was read: an empty attribute. */
const SKIPPED: unique symbol = Symbol("skipped");

function allocate(sizeBytes: number): RawBuffer {
  return Buffer.allocUnsafeSlow(sizeBytes) as RawBuffer;
}

/** An incremental reader of replies; it owns the buffer that is read into. */
export class ReplyReader {
  /** Whether strings of the next reply are given as bytes. Pushes are, when {@linkcode ReplyReader.pushBytes} is set. */
  asBytes = false;
  /** Whether strings of pushes are given as bytes. */
  pushBytes = false;
  readonly #limits: ReplyLimits;
  #buffer = allocate(FIRST_BUFFER_BYTES);
  #start = 0;
  #end = 0;
  /** Bytes of the reply at hand that left the buffer already. */
  #consumed = 0;
  /** Whether the last read filled the buffer, so that more was waiting. */
  #full = false;
  #elements = 0;
  #frame: Frame | null = null;
  /** Total bytes that the string at hand needs in the buffer, when known. */
  #needed = 0;
  /** The chunk from {@linkcode ReplyReader.#textFrom} on as text, when it is all ASCII. */
  #text: string | null = null;
  #textFrom = 0;
  #textEnd = 0;

  /** @param limits What is accepted. */
  constructor(limits: ReplyLimits) {
    this.#limits = limits;
  }

  /** Bytes of the buffer, for tests. */
  get bufferBytes(): number {
    return this.#buffer.length;
  }

  /** Where to read the next bytes into; at least one byte long. */
  space(): Uint8Array {
    this.#text = null;
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      if (
        this.#buffer.length > 4 * READ_BYTES || (this.#full && this.#buffer.length < READ_BYTES)
      ) {
        this.#buffer = allocate(READ_BYTES);
      }
    }
    const size = this.#buffer.length;
    const held = this.#end - this.#start;
    const short = this.#needed > size - this.#start;
    if (this.#end === size || (short && this.#start > 0)) {
      if (this.#start > 0 && (short || held <= size >> 1)) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
      } else {
        // At most twice what has arrived: memory follows the bytes, not the announced length.
        const wanted = this.#needed > 0 ? Math.min(this.#needed, held * 2) : held * 2;
        const grown = allocate(Math.max(READ_BYTES, wanted));
        grown.set(this.#buffer.subarray(this.#start, this.#end));
        this.#buffer = grown;
      }
      this.#end = held;
      this.#start = 0;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Says that so many bytes were read into {@linkcode ReplyReader.space}. */
  commit(count: number): void {
    this.#end += count;
    this.#full = this.#end === this.#buffer.length;
  }

  /**
   * The next whole reply; an error reply is given, not thrown.
   *
   * @throws {RedisProtocolError} when the bytes are no reply, or break a limit.
   */
  next(): RedisReply | Push | typeof INCOMPLETE {
    for (;;) {
      const at = this.#start;
      let value = this.#element();
      if (value === INCOMPLETE) {
        if (this.#consumed + this.#end - this.#start > this.#limits.maxReplyBytes) this.#tooLarge();
        return INCOMPLETE;
      }
      if (value === SKIPPED) continue;
      if (this.#frame === null) {
        this.#consumed = 0;
        this.#elements = 0;
        return value as RedisReply;
      }
      this.#consumed += this.#start - at;
      if (this.#consumed > this.#limits.maxReplyBytes) this.#tooLarge();
      if (value === NESTED) continue;
      for (;;) {
        const frame: Frame | null = this.#frame;
        if (frame === null) {
          this.#consumed = 0;
          this.#elements = 0;
          return value as RedisReply;
        }
        frame.items.push(value as RedisReply);
        if (--frame.left > 0) break;
        this.#frame = frame.parent;
        if (frame.kind === Kind.attribute) break;
        value = close(frame) as RedisReply;
      }
    }
  }

  #tooLarge(): never {
    throw new RedisProtocolError(
      `The server sent a reply of more than ${this.#limits.maxReplyBytes} bytes`,
    );
  }

  #element(): RedisReply | typeof INCOMPLETE | typeof NESTED | typeof SKIPPED {
    const buffer = this.#buffer;
    const start = this.#start;
    const end = this.#end;
    if (start >= end) return INCOMPLETE;
    const mark = buffer[start]!;
    switch (mark) {
      case 36: // $ a string
      case 61: // = a string with its format
      case 33: { // ! an error
        const length = this.#length();
        if (length === -2) return INCOMPLETE;
        if (length === -1) {
          this.#start = this.#lineEnd;
          return null;
        }
        const from = this.#lineEnd;
        const to = from + length;
        if (end < to + 2) {
          this.#needed = to + 2 - start;
          if (this.#consumed + this.#needed > this.#limits.maxReplyBytes) this.#tooLarge();
          return INCOMPLETE;
        }
        this.#needed = 0;
        if (buffer[to] !== CR || buffer[to + 1] !== LF) {
          throw new RedisProtocolError("The server sent a string without its line end");
        }
        this.#start = to + 2;
        if (mark === 33) return new RedisReplyError(buffer.utf8Slice(from, to));
        if (mark === 61) {
          if (length < 4 || buffer[from + 3] !== 58) {
            throw new RedisProtocolError("The server sent a verbatim string without a format");
          }
          return this.#string(from + 4, to);
        }
        return this.#string(from, to);
      }
      case 58: { // : an integer
        const value = this.#integer(start + 1);
        if (value !== INCOMPLETE) this.#start = this.#lineEnd;
        return value;
      }
      case 43: { // + a short text
        if (!this.#line()) return INCOMPLETE;
        this.#start = this.#lineEnd;
        if (this.#lineEnd - start === 5 && buffer[start + 1] === 79 && buffer[start + 2] === 75) {
          return "OK";
        }
        return buffer.utf8Slice(start + 1, this.#lineEnd - 2);
      }
      case 45: // - an error
        if (!this.#line()) return INCOMPLETE;
        this.#start = this.#lineEnd;
        return new RedisReplyError(buffer.utf8Slice(start + 1, this.#lineEnd - 2));
      case 42: // *
        return this.#aggregate(Kind.array);
      case 37: // %
        return this.#aggregate(Kind.map);
      case 126: // ~
        return this.#aggregate(Kind.set);
      case 62: // >
        if (this.#frame !== null) throw new RedisProtocolError("The server sent a push in a reply");
        return this.#aggregate(Kind.push);
      case 124: // |
        return this.#aggregate(Kind.attribute);
      case 95: // _ null
      case 35: // # a boolean
      case 44: // , a double
      case 40: // ( a big number
        if (!this.#line()) return INCOMPLETE;
        this.#start = this.#lineEnd;
        return simple(mark, buffer.latin1Slice(start + 1, this.#lineEnd - 2));
      default:
        throw new RedisProtocolError(
          `The server sent bytes that are no reply: type 0x${mark.toString(16).padStart(2, "0")}`,
        );
    }
  }

  #string(from: number, to: number): string | Uint8Array {
    const length = to - from;
    const buffer = this.#buffer;
    let root = this.#frame;
    if (root !== null) { while (root.parent !== null) root = root.parent; }
    const asBytes = root !== null && root.kind === Kind.push ? this.pushBytes : this.asBytes;
    if (asBytes) {
      const left = this.#end - this.#start;
      if (length > READ_BYTES && length > buffer.length >> 1 && left < length) {
        // Hand the buffer over instead of copying a large value out of it.
        const value = new Uint8Array(buffer.buffer, buffer.byteOffset + from, length);
        const next = allocate(Math.max(READ_BYTES, left));
        next.set(buffer.subarray(this.#start, this.#end));
        this.#buffer = next;
        this.#start = 0;
        this.#end = left;
        this.#text = null;
        return value;
      }
      return new Uint8Array(buffer.subarray(from, to));
    }
    if (length < COPIED_LENGTH) {
      if (length === 0) return "";
      if (this.#text === null || from < this.#textFrom || to > this.#textEnd) {
        this.#decodeChunk(from);
      }
      if (this.#text !== "") {
        return this.#text!.slice(from - this.#textFrom, to - this.#textFrom);
      }
    }
    return buffer.utf8Slice(from, to);
  }

  /** Decodes the rest of the chunk in one go, if it is all ASCII; else {@linkcode ReplyReader.#text} is empty. */
  #decodeChunk(from: number): void {
    const end = this.#end;
    this.#textFrom = from;
    this.#textEnd = end;
    this.#text = "";
    if (end - from < CHUNK_TEXT_BYTES || end - from > 4 * READ_BYTES) return;
    const rest = this.#buffer.subarray(from, end);
    if (isAscii(rest)) this.#text = decoder.decode(rest);
  }

  /** Just past the line that {@linkcode ReplyReader.#line} and the like found. */
  #lineEnd = 0;

  /** Finds the end of the line; false when it has not arrived. */
  #line(): boolean {
    const buffer = this.#buffer;
    const end = this.#end;
    for (let at = this.#start + 1; at < end; at++) {
      if (buffer[at] !== CR) {
        if (at - this.#start > MAX_LINE_BYTES) break;
        continue;
      }
      if (at + 1 >= end) return false;
      if (buffer[at + 1] !== LF) {
        throw new RedisProtocolError("The server sent a line with a bare CR");
      }
      this.#lineEnd = at + 2;
      return true;
    }
    if (end - this.#start > MAX_LINE_BYTES) {
      throw new RedisProtocolError(`The server sent a line of more than ${MAX_LINE_BYTES} bytes`);
    }
    return false;
  }

  /** A length after the mark; -1 for null, -2 when it has not arrived. */
  #length(): number {
    const value = this.#integer(this.#start + 1);
    if (value === INCOMPLETE) return -2;
    if (typeof value !== "number" || value < -1) {
      throw new RedisProtocolError(`The server sent the length ${value}`);
    }
    return value;
  }

  #integer(from: number): number | bigint | typeof INCOMPLETE {
    const buffer = this.#buffer;
    const end = this.#end;
    let at = from;
    let value = 0;
    let negative = false;
    if (at < end && (buffer[at] === 45 || buffer[at] === 43)) negative = buffer[at++] === 45;
    const digits = at;
    for (; at < end; at++) {
      const digit = buffer[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (at - digits > 19) {
        throw new RedisProtocolError("The server sent an integer of over 64 bits");
      }
    }
    if (at + 1 >= end && (at === end || buffer[at] === CR)) return INCOMPLETE;
    if (buffer[at] !== CR || buffer[at + 1] !== LF || at === digits) {
      throw new RedisProtocolError("The server sent an integer that is none");
    }
    this.#lineEnd = at + 2;
    if (value <= Number.MAX_SAFE_INTEGER) return negative ? 0 - value : value;
    const exact = BigInt(buffer.latin1Slice(digits, at));
    return negative ? -exact : exact;
  }

  #aggregate(kind: Kind): RedisReply | typeof INCOMPLETE | typeof NESTED | typeof SKIPPED {
    const length = this.#length();
    if (length === -2) return INCOMPLETE;
    this.#start = this.#lineEnd;
    if (length === -1) return null;
    const left = kind === Kind.map || kind === Kind.attribute ? length * 2 : length;
    const parent = this.#frame;
    this.#elements += left;
    if (this.#elements > this.#limits.maxReplyElements) {
      throw new RedisProtocolError(
        `The server sent a reply of more than ${this.#limits.maxReplyElements} elements`,
      );
    }
    const depth = parent === null ? 1 : parent.depth + 1;
    if (depth > this.#limits.maxDepth) {
      throw new RedisProtocolError(
        `The server sent a reply of more than ${this.#limits.maxDepth} levels`,
      );
    }
    const frame: Frame = { kind, left, items: [], parent, depth };
    if (left > 0) {
      this.#frame = frame;
      return NESTED;
    }
    if (kind === Kind.attribute) return SKIPPED;
    return close(frame) as RedisReply;
  }
}

const decoder = new TextDecoder();

function simple(mark: number, text: string): RedisReply {
  switch (mark) {
    case 95:
      if (text === "") return null;
      break;
    case 35:
      if (text === "t") return true;
      if (text === "f") return false;
      break;
    case 40:
      if (/^[+-]?[0-9]{1,4096}$/.test(text)) return BigInt(text.replace(/^\+/, ""));
      break;
    default:
      if (/^[+-]?[0-9]{1,400}(?:\.[0-9]{0,400})?(?:[eE][+-]?[0-9]{1,5})?$/.test(text)) {
        return Number(text);
      }
      if (text === "inf" || text === "+inf") return Infinity;
      if (text === "-inf") return -Infinity;
      if (/^[+-]?nan$/i.test(text)) return NaN;
  }
  throw new RedisProtocolError("The server sent a null, boolean or number that is none");
}

/** The value of an aggregate; a push is no reply, and is only ever the outermost. */
function close(frame: Frame): RedisReply | Push {
  const { items } = frame;
  switch (frame.kind) {
    case Kind.map: {
      const map = new Map<RedisReply, RedisReply>();
      for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
      return map;
    }
    case Kind.set:
      return new Set(items);
    case Kind.push:
      return new Push(items);
    default:
      return items;
  }
}
