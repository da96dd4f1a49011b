/**
 * The RESP protocol: requests as a server reads them, replies as a client reads them.
 *
 * Bytes are kept as *byte strings*, JavaScript strings of one character (0 to 255) a byte: V8 stores
 * them in one byte a character, compares and hashes them natively, and they map to bytes exactly.
 *
 * Source: the RESP2 and RESP3 specifications.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { allocate, type Latin1Buffer, writeLatin1 } from "./_values.ts";

/** Bytes that break the protocol; the connection has to be closed. */
export class RespProtocolError extends Error {
  /** Always `"RespProtocolError"`. */
  override readonly name = "RespProtocolError";
  /** Stable code. */
  readonly code = "ERR_RESP_PROTOCOL";
}

/** Limits of a {@linkcode RequestParser}. */
export interface RequestLimits {
  /** Longest argument in bytes. Default 512 MiB. */
  maxBulkBytes?: number;
  /** Most arguments in a request. Default 2,147,483,647. */
  maxArguments?: number;
  /** Longest inline request, and longest header line, in bytes. Default 64 KiB. */
  maxInlineBytes?: number;
}

const CR = 13;
const LF = 10;
/** Where an idle connection is read into. */
const FIRST_BUFFER = 4 * 1024;
/** Where a busy connection is read into. */
const READ_BUFFER = 64 * 1024;
/** What a request that has arrived in part is moved to, at least. */
const PRIVATE_BUFFER = 16 * 1024;
/** Longest argument that V8 copies out of a longer string rather than keep all of that alive. */
const SHORT = 12;
/** Bytes that are made text at once, for short arguments. */
const TEXT_BYTES = 8 * 1024;
/** A header that has not arrived in full. */
const INCOMPLETE = -2;
/** Names of commands met last, by a hash of their bytes; shared, so it holds no more than 256 short strings. */
const NAMES: string[] = new Array<string>(256).fill("");

/**
 * Incremental parser of requests: arrays of bulk strings, or inline commands.
 *
 * Read into {@linkcode RequestParser.space}, tell {@linkcode RequestParser.commit} how much arrived,
 * and take requests from {@linkcode RequestParser.next} until it returns null. Whole requests are parsed
 * where they were read; only one that has arrived in part is moved, to a buffer of its own. That buffer
 * grows with the bytes that arrive, at most {@linkcode RequestParser.maxAheadBytes} ahead of them whatever
 * length was announced.
 *
 * @example Two pipelined requests
 * ```ts
 * import { RequestParser } from "@groundwork/std/cache/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const parser = new RequestParser();
 * const bytes = new TextEncoder().encode("*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n");
 * parser.feed(bytes);
 * assertEquals(parser.next(), ["GET", "a"]);
 * assertEquals(parser.next(), ["PING"]);
 * assertEquals(parser.next(), null);
 * ```
 */
export class RequestParser {
  /** Longest argument in bytes; may be changed between requests. */
  maxBulkBytes: number;
  /** Whether the client has yet to authenticate: then requests are kept small. */
  restricted = false;
  /** Room that is made for a long argument before its bytes arrive, at most. Default 1 MiB. */
  maxAheadBytes = 1024 * 1024;
  readonly #maxArguments: number;
  readonly #maxInlineBytes: number;
  /** Read into. A read of it may be under way, so it is never parsed and refilled at once. */
  #landing: Latin1Buffer = allocate(FIRST_BUFFER);
  /** Holds what has arrived of incomplete requests, or null. */
  #held: Latin1Buffer | null = null;
  /** What is being parsed: `#landing` or `#held`. */
  #buffer: Latin1Buffer = this.#landing;
  #start = 0;
  #end = 0;
  #lastRead = 0;
  #missing = 0;
  #args: string[] = [];
  #bulkLength = -1;
  #text = "";
  #textFrom = 0;
  #textTo = 0;

  /**
   * A parser with nothing to parse yet.
   *
   * @param limits Limits.
   */
  constructor(limits: RequestLimits = {}) {
    this.maxBulkBytes = limits.maxBulkBytes ?? 512 * 1024 * 1024;
    this.#maxArguments = limits.maxArguments ?? 0x7fffffff;
    this.#maxInlineBytes = limits.maxInlineBytes ?? 64 * 1024;
  }

  /** Bytes that wait to be parsed. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Bytes of the buffers. */
  get bufferBytes(): number {
    return this.#landing.length + this.heldBytes;
  }

  /** Bytes of the buffer for requests that have arrived in part; 0 when there is none. */
  get heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length;
  }

  /** Arguments of the request that is incomplete. */
  get pendingArguments(): number {
    return this.#args.length;
  }

  /** Where to read the next bytes into; at least one byte long, and empty of anything else. */
  space(): Uint8Array {
    this.#forgetText();
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      if (this.#held !== null && this.#held.length > READ_BUFFER) this.#held = null;
    } else if (this.#buffer !== this.#held) {
      const rest = this.#buffer.subarray(this.#start, this.#end);
      this.#reserve(rest.length);
      this.#held!.set(rest);
      this.#buffer = this.#held!;
      this.#start = 0;
      this.#end = rest.length;
    }
    const size = this.#landing.length;
    if (this.#lastRead === size && size < READ_BUFFER) this.#landing = allocate(size * 4);
    else if (this.#lastRead * 16 <= size && size > FIRST_BUFFER) {
      this.#landing = allocate(size >> 2);
    }
    if (this.#start === this.#end) this.#buffer = this.#landing;
    return this.#landing;
  }

  /** Says that `count` bytes were read into {@linkcode RequestParser.space}. */
  commit(count: number): void {
    this.#lastRead = count;
    this.#forgetText();
    if (this.#buffer === this.#landing) {
      this.#end = count;
      return;
    }
    const held = this.#held!;
    if (this.#end + count > held.length) {
      const pending = this.#end - this.#start;
      if (pending + count <= held.length >> 1) held.copyWithin(0, this.#start, this.#end);
      else {
        this.#held = null;
        this.#reserve(pending + count);
        this.#held!.set(held.subarray(this.#start, this.#end));
        this.#buffer = this.#held!;
      }
      this.#start = 0;
      this.#end = pending;
    }
    this.#buffer.set(this.#landing.subarray(0, count), this.#end);
    this.#end += count;
  }

  /** Makes the buffer for incomplete requests, for `size` bytes and what is known to follow. */
  #reserve(size: number): void {
    const announced = this.#bulkLength >= 0 ? this.#bulkLength + 2 : 0;
    const doubled = Math.max(PRIVATE_BUFFER, size * 2);
    const wanted = announced < size
      ? doubled
      : Math.max(PRIVATE_BUFFER, Math.min(announced, Math.max(doubled, size + this.maxAheadBytes)));
    if (this.#held === null || this.#held.length < wanted) this.#held = allocate(wanted);
  }

  /** Gives bytes that were read elsewhere; they are copied. */
  feed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const space = this.space();
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      this.commit(count);
      at += count;
    }
  }

  /** Frees what an idle connection does not need. */
  shrink(): void {
    if (this.#held === null) return;
    if (this.#buffer !== this.#held) this.#held = null;
    else if (this.#held.length > PRIVATE_BUFFER) {
      const rest = this.#held.subarray(this.#start, this.#end);
      const smaller = allocate(Math.max(FIRST_BUFFER, rest.length));
      if (smaller.length >= this.#held.length) return;
      smaller.set(rest);
      this.#forgetText();
      this.#held = this.#buffer = smaller;
      this.#start = 0;
      this.#end = rest.length;
    }
  }

  /**
   * The next whole request, or null when more bytes are needed.
   *
   * Empty requests are skipped.
   *
   * @throws {RespProtocolError} when the bytes break the protocol or a limit.
   */
  next(): string[] | null {
    for (;;) {
      if (this.#missing === 0) {
        if (this.#start >= this.#end) return null;
        if (this.#buffer[this.#start] !== 42) {
          const inline = this.#inline();
          if (inline === null) return null;
          if (inline.length > 0) return inline;
          continue;
        }
        const count = this.#header("mbulk");
        if (count === INCOMPLETE) return null;
        if (count === undefined || count > this.#maxArguments) {
          throw new RespProtocolError("invalid multibulk length");
        }
        if (count > 10 && this.restricted) {
          throw new RespProtocolError("unauthenticated multibulk length");
        }
        if (count <= 0) continue;
        this.#missing = count;
        this.#args = [];
      }
      const buffer = this.#buffer;
      const args = this.#args;
      while (this.#missing > 0) {
        if (this.#bulkLength < 0) {
          if (this.#start >= this.#end) return null;
          const mark = buffer[this.#start]!;
          const length = this.#header("bulk");
          if (length === INCOMPLETE) return null;
          if (mark !== 36) {
            throw new RespProtocolError(`expected '$', got '${String.fromCharCode(mark)}'`);
          }
          if (length === undefined || length < 0 || length > this.maxBulkBytes) {
            throw new RespProtocolError("invalid bulk length");
          }
          if (length > 16_384 && this.restricted) {
            throw new RespProtocolError("unauthenticated bulk length");
          }
          this.#bulkLength = length;
        }
        const length = this.#bulkLength;
        const from = this.#start;
        const to = from + length;
        if (this.#end - from < length + 2) return null;
        args.push(
          length > SHORT
            ? buffer.latin1Slice(from, to)
            : args.length === 0
            ? this.#name(from, to)
            : this.#short(from, to),
        );
        this.#start = to + 2;
        this.#bulkLength = -1;
        this.#missing--;
      }
      this.#args = [];
      return args;
    }
  }

  /** A name of a command: the same string each time, so that its hash is known already. */
  #name(from: number, to: number): string {
    const buffer = this.#buffer;
    let hash = to - from;
    for (let at = from; at < to; at++) hash = hash * 31 + buffer[at]! & 255;
    const known = NAMES[hash]!;
    if (known.length === to - from) {
      let at = from;
      while (at < to && known.charCodeAt(at - from) === buffer[at]) at++;
      if (at === to) return known;
    }
    return NAMES[hash] = buffer.latin1Slice(from, to);
  }

  /** A short argument, copied out of a longer piece of text: cheaper than a call for each. */
  #short(from: number, to: number): string {
    if (from < this.#textFrom || to > this.#textTo) {
      if (this.#end - from < SHORT * 8) return this.#buffer.latin1Slice(from, to);
      this.#textFrom = from;
      this.#textTo = Math.min(this.#end, from + TEXT_BYTES);
      this.#text = this.#buffer.latin1Slice(from, this.#textTo);
    }
    return this.#text.substring(from - this.#textFrom, to - this.#textFrom);
  }

  /** Forgets the piece of text, since the bytes behind it change. */
  #forgetText(): void {
    this.#text = "";
    this.#textFrom = this.#textTo = 0;
  }

  /** The number of the line at the start, which is passed; undefined when it is none. */
  #header(what: "mbulk" | "bulk"): number | undefined {
    const buffer = this.#buffer;
    const end = this.#end;
    // Nearly every header is a few digits, all of which have arrived.
    let at = this.#start + 1;
    let value = 0;
    const stop = Math.min(end, at + 9);
    while (at < stop) {
      const digit = buffer[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    if (buffer[at] === CR && at > this.#start + 1 && at + 1 < end) {
      this.#start = at + 2;
      return value;
    }
    const lineEnd = this.#line(what);
    if (lineEnd < 0) return INCOMPLETE;
    const number = this.#number(this.#start + 1, lineEnd);
    this.#start = lineEnd + 2;
    return number === undefined ? undefined : Math.max(-1, number);
  }

  /** Offset of the CR that ends the line at the start, or -1. */
  #line(what: "mbulk" | "bulk"): number {
    const buffer = this.#buffer;
    const end = this.#end;
    for (let at = this.#start; at < end; at++) {
      if (buffer[at] === CR) return at + 1 < end ? at : -1;
      if (at - this.#start > this.#maxInlineBytes) {
        throw new RespProtocolError(`too big ${what} count string`);
      }
    }
    return -1;
  }

  #number(from: number, to: number): number | undefined {
    const buffer = this.#buffer;
    let at = from;
    const negative = buffer[at] === 45;
    if (negative) at++;
    if (at >= to || to - at > 15) return undefined;
    let value = 0;
    for (; at < to; at++) {
      const digit = buffer[at]! - 48;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  #inline(): string[] | null {
    const lineFeed = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#start);
    if (lineFeed < 0) {
      if (this.#end - this.#start > this.#maxInlineBytes) {
        throw new RespProtocolError("too big inline request");
      }
      return null;
    }
    let end = lineFeed;
    if (end > this.#start && this.#buffer[end - 1] === CR) end--;
    const line = this.#buffer.latin1Slice(this.#start, end);
    this.#start = lineFeed + 1;
    const args = splitArguments(line);
    if (args === null) throw new RespProtocolError("unbalanced quotes in request");
    return args;
  }
}

/**
 * Splits a line as a shell-like tool does: blanks separate, double quotes take `\n`, `\xff` and the
 * like, single quotes take `\'`. Returns null when quotes do not balance.
 */
export function splitArguments(line: string): string[] | null {
  const args: string[] = [];
  let at = 0;
  const isBlank = (code: number): boolean => code === 32 || (code >= 9 && code <= 13) || code === 0;
  for (;;) {
    while (at < line.length && isBlank(line.charCodeAt(at))) at++;
    if (at >= line.length) return args;
    let current = "";
    let quote = "";
    for (;;) {
      const char = line[at];
      if (quote === '"') {
        if (char === undefined) return null;
        if (char === "\\" && /^x[0-9a-fA-F]{2}/.test(line.slice(at + 1, at + 4))) {
          current += String.fromCharCode(parseInt(line.slice(at + 2, at + 4), 16));
          at += 4;
          continue;
        }
        if (char === "\\" && at + 1 < line.length) {
          const escape = line[at + 1]!;
          const known = "nrtba".indexOf(escape);
          current += known >= 0 ? "\n\r\t\b\x07"[known] : escape;
          at += 2;
          continue;
        }
        at++;
        if (char === '"') {
          if (at < line.length && !isBlank(line.charCodeAt(at))) return null;
          break;
        }
        current += char;
      } else if (quote === "'") {
        if (char === undefined) return null;
        if (char === "\\" && line[at + 1] === "'") {
          current += "'";
          at += 2;
          continue;
        }
        at++;
        if (char === "'") {
          if (at < line.length && !isBlank(line.charCodeAt(at))) return null;
          break;
        }
        current += char;
      } else {
        if (char === undefined || isBlank(line.charCodeAt(at))) break;
        at++;
        if (char === '"' || char === "'") quote = char;
        else current += char;
      }
    }
    args.push(current);
  }
}

/**
 * A request as bytes: an array of bulk strings.
 *
 * Strings are byte strings; text has to be encoded to UTF-8 by the caller (see {@linkcode utf8ByteString}).
 */
export function encodeRequest(args: readonly (string | Uint8Array)[]): Uint8Array {
  let size = 16;
  for (const arg of args) size += arg.length + 32;
  const buffer = allocate(size);
  // What is text goes into the bytes in few long pieces: each call costs more than the characters.
  let at = 0;
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    text += `$${arg.length}\r\n`;
    if (typeof arg === "string") text += arg;
    else {
      writeLatin1(buffer, text, at);
      at += text.length;
      buffer.set(arg, at);
      at += arg.length;
      text = "";
    }
    text += "\r\n";
  }
  writeLatin1(buffer, text, at);
  return buffer.subarray(0, at + text.length);
}

/** Text as the byte string of its UTF-8 form. */
export function utf8ByteString(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) {
      const bytes = Buffer.from(text, "utf8") as Latin1Buffer;
      return bytes.latin1Slice(0, bytes.length);
    }
  }
  return text;
}

/** An error that the server replied with. */
export class RespErrorReply {
  /**
   * An error as it was received.
   *
   * @param message The whole line, code first.
   */
  constructor(readonly message: string) {}
  /** First word, such as `WRONGTYPE`. */
  get code(): string {
    const space = this.message.indexOf(" ");
    return space < 0 ? this.message : this.message.slice(0, space);
  }
}

/** A simple string, such as `OK`, from a {@linkcode ReplyParser} that was asked to tell them apart. */
export class RespStatus {
  /**
   * A simple string as it was received.
   *
   * @param text What it says.
   */
  constructor(readonly text: string) {}
}

/** A RESP3 push message. */
export class RespPush {
  /**
   * A message as it was received.
   *
   * @param items What it holds; the first names the kind.
   */
  constructor(readonly items: RespValue[]) {}
}

/**
 * A reply. Bulk strings are byte strings, and so are simple ones unless {@linkcode ReplyOptions.statuses} is set;
 * RESP3 maps and sets are `Map` and `Set`.
 */
export type RespValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | RespErrorReply
  | RespStatus
  | RespPush
  | RespValue[]
  | Map<RespValue, RespValue>
  | Set<RespValue>;

interface Frame {
  kind: "array" | "map" | "set" | "push" | "attribute";
  left: number;
  items: RespValue[];
}

/** Options of a {@linkcode ReplyParser}. */
export interface ReplyOptions {
  /** Longest bulk string in bytes. Default 512 MiB. */
  maxBulkBytes?: number;
  /** Deepest nesting. Default 128. */
  maxDepth?: number;
  /** Longest reply in bytes, everything nested in it included. Default no limit. */
  maxReplyBytes?: number;
  /** Whether simple strings are given as {@linkcode RespStatus}. Default false: as strings, like bulk ones. */
  statuses?: boolean;
}

/**
 * Incremental parser of replies, RESP2 and RESP3.
 *
 * Any split of the bytes gives the same values. Attributes are dropped. Nesting is kept on an
 * explicit stack, and parsed elements are never parsed again, so the cost is linear.
 *
 * @example A reply in two pieces
 * ```ts
 * import { ReplyParser } from "@groundwork/std/cache/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const parser = new ReplyParser();
 * parser.feed(new TextEncoder().encode("*2\r\n:1\r\n$3\r\nfo"));
 * assertEquals(parser.next(), undefined);
 * parser.feed(new TextEncoder().encode("o\r\n"));
 * assertEquals(parser.next(), [1, "foo"]);
 * ```
 */
export class ReplyParser {
  readonly #maxBulkBytes: number;
  readonly #maxDepth: number;
  readonly #maxReplyBytes: number;
  readonly #statuses: boolean;
  #replyBytes = 0;
  #buffer: Latin1Buffer = allocate(FIRST_BUFFER);
  #start = 0;
  #end = 0;
  #stack: Frame[] = [];

  /**
   * A parser with nothing to parse yet.
   *
   * @param options Limits, and how simple strings are given.
   */
  constructor(options: ReplyOptions = {}) {
    this.#maxBulkBytes = options.maxBulkBytes ?? 512 * 1024 * 1024;
    this.#maxDepth = options.maxDepth ?? 128;
    this.#maxReplyBytes = options.maxReplyBytes ?? Infinity;
    this.#statuses = options.statuses ?? false;
  }

  /** Gives bytes; they are copied. */
  feed(bytes: Uint8Array): void {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#end + bytes.length > this.#buffer.length) {
      const held = this.#end - this.#start;
      const next = held + bytes.length > this.#buffer.length
        ? allocate(Math.max(this.#buffer.length * 2, held + bytes.length))
        : this.#buffer;
      next.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = next;
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /**
   * The next whole reply, or undefined when more bytes are needed.
   *
   * @throws {RespProtocolError} when the bytes are no reply, or break a limit.
   */
  next(): RespValue | undefined {
    for (;;) {
      const from = this.#start;
      let value = this.#scalar();
      this.#replyBytes += this.#start - from;
      const unfinished = value === undefined ? this.#end - this.#start : 0;
      if (this.#replyBytes + unfinished > this.#maxReplyBytes) {
        throw new RespProtocolError(`reply longer than ${this.#maxReplyBytes} bytes`);
      }
      if (value === undefined) return undefined;
      if (value === OPENED) continue;
      for (;;) {
        const frame = this.#stack[this.#stack.length - 1];
        if (frame === undefined) {
          this.#replyBytes = 0;
          return value;
        }
        frame.items.push(value);
        if (--frame.left > 0) break;
        this.#stack.pop();
        if (frame.kind === "attribute") break;
        value = close(frame);
      }
    }
  }

  #scalar(): RespValue | undefined | typeof OPENED {
    const buffer = this.#buffer;
    if (this.#start >= this.#end) return undefined;
    const lineEnd = buffer.subarray(0, this.#end).indexOf(CR, this.#start);
    if (lineEnd < 0 || lineEnd + 1 >= this.#end) {
      if (this.#end - this.#start > this.#maxBulkBytes) {
        throw new RespProtocolError("line too long");
      }
      return undefined;
    }
    const mark = buffer[this.#start]!;
    const from = this.#start + 1;
    const after = lineEnd + 2;
    switch (mark) {
      case 43: // +
        this.#start = after;
        return this.#statuses
          ? new RespStatus(buffer.latin1Slice(from, lineEnd))
          : buffer.latin1Slice(from, lineEnd);
      case 45: // -
        this.#start = after;
        return new RespErrorReply(buffer.latin1Slice(from, lineEnd));
      case 58: { // :
        this.#start = after;
        const text = buffer.latin1Slice(from, lineEnd);
        if (!/^[+-]?[0-9]{1,20}$/.test(text)) throw new RespProtocolError("invalid integer");
        const value = Number(text);
        return Number.isSafeInteger(value) ? value : BigInt(text);
      }
      case 40: { // (
        this.#start = after;
        const text = buffer.latin1Slice(from, lineEnd);
        if (!/^[+-]?[0-9]{1,10000}$/.test(text)) throw new RespProtocolError("invalid big number");
        return BigInt(text);
      }
      case 95: // _
        this.#start = after;
        return null;
      case 35: // #
        this.#start = after;
        return buffer[from] === 116;
      case 44: { // ,
        this.#start = after;
        const text = buffer.latin1Slice(from, lineEnd);
        if (/^-?inf/.test(text)) return text[0] === "-" ? -Infinity : Infinity;
        return text.includes("nan") ? NaN : Number(text);
      }
      case 36: // $
      case 33: // !
      case 61: { // =
        const length = this.#length(from, lineEnd);
        if (length < 0) {
          this.#start = after;
          return null;
        }
        if (length > this.#maxBulkBytes) throw new RespProtocolError("bulk string too long");
        if (this.#end - after < length + 2) return undefined;
        this.#start = after + length + 2;
        if (mark === 61) return buffer.latin1Slice(after + 4, after + length);
        const text = buffer.latin1Slice(after, after + length);
        return mark === 33 ? new RespErrorReply(text) : text;
      }
      case 42: // *
      case 37: // %
      case 126: // ~
      case 62: // >
      case 124: { // |
        const length = this.#length(from, lineEnd);
        this.#start = after;
        if (length < 0) return null;
        const kind = mark === 42
          ? "array"
          : mark === 37
          ? "map"
          : mark === 126
          ? "set"
          : mark === 62
          ? "push"
          : "attribute";
        const frame: Frame = {
          kind,
          left: kind === "map" || kind === "attribute" ? length * 2 : length,
          items: [],
        };
        if (frame.left === 0) return kind === "attribute" ? OPENED : close(frame);
        if (this.#stack.length >= this.#maxDepth) throw new RespProtocolError("nested too deeply");
        this.#stack.push(frame);
        return OPENED;
      }
      default:
        throw new RespProtocolError(
          `unknown reply type ${JSON.stringify(String.fromCharCode(mark))}`,
        );
    }
  }

  #length(from: number, to: number): number {
    const text = this.#buffer.latin1Slice(from, to);
    if (!/^(?:-1|[0-9]{1,12})$/.test(text)) throw new RespProtocolError("invalid length");
    return Number(text);
  }
}

const OPENED = Symbol("opened");

function close(frame: Frame): RespValue {
  const { items } = frame;
  if (frame.kind === "map") {
    const map = new Map<RespValue, RespValue>();
    for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
    return map;
  }
  if (frame.kind === "set") return new Set(items);
  if (frame.kind === "push") return new RespPush(items);
  return items;
}
