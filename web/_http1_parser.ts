/**
 * The syntax of an HTTP/1 request, strict: RFC 9112, sections 2 to 7, with every leniency that it
 * permits a server left out. Pure: bytes in, spans and values out, so it runs the same however the
 * network cut the input.
 */
import { Buffer } from "node:buffer";
import type { Http1Limits } from "./http1_limits.ts";
import { HttpError } from "./http_error.ts";

/** A Node buffer, with the exact and fast one-byte decoding that its types leave out. */
export type ByteBuffer = Buffer & { latin1Slice(start: number, end: number): string };

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HTAB = 0x09;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bits of {@linkcode CLASSES}. */
const TOKEN = 1;
const FIELD = 2;
const TARGET = 4;

/** What each byte may be part of: a token, a field value, a request target. */
const CLASSES: Uint8Array = (() => {
  const classes = new Uint8Array(256);
  for (let byte = 0x21; byte <= 0x7e; byte++) classes[byte] = FIELD | TARGET;
  for (let byte = 0x80; byte <= 0xff; byte++) classes[byte] = FIELD;
  classes[SP] = FIELD;
  classes[HTAB] = FIELD;
  const symbols = "!#$%&'*+-.^_`|~";
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  for (const char of symbols + letters) classes[char.charCodeAt(0)]! |= TOKEN;
  return classes;
})();

function bad(message: string): never {
  throw new HttpError(400, message);
}

/** A request's start line and fields, once all of it has come. */
export class RequestHead {
  method = "";
  target = "";
  /** 0 or 1: the version is `HTTP/1.` and this. */
  minorVersion = 1;
  /** The head as Latin-1, which {@linkcode RequestHead.spans} points into. */
  text = "";
  /** Four offsets a field: start and end of its name, start and end of its value. */
  spans: number[] = [];
  /** The stated length of the body, -1 where there is none. */
  contentLength = -1;
  chunked = false;
  /** Whether the client wants the connection kept, by version and `Connection`. */
  keepAlive = true;
  /** Whether `Connection` names `upgrade`. */
  upgrade = false;
  expectsContinue = false;
  /** The value of `Host`, `undefined` where there is none. */
  host: string | undefined;

  get fieldCount(): number {
    return this.spans.length >> 2;
  }

  name(field: number): string {
    return this.text.slice(this.spans[field * 4], this.spans[field * 4 + 1]);
  }

  value(field: number): string {
    return this.text.slice(this.spans[field * 4 + 2], this.spans[field * 4 + 3]);
  }
}

/** Finds the fields of a head or of trailers in a buffer, line by line. */
class FieldScanner {
  spans: number[] = [];
  /**
   * Takes one line.
   *
   * @returns The offset after the line, 0 where the line is not all there, and minus the offset
   * where the line was the empty one that ends the fields.
   */
  line(buffer: Uint8Array, start: number, end: number, origin: number, maxCount: number): number {
    let at = start;
    if (at >= end) return 0;
    let byte = buffer[at]!;
    if (byte === CR) {
      if (at + 1 >= end) return 0;
      if (buffer[at + 1] !== LF) bad("CR without LF");
      return -(at + 2);
    }
    while ((CLASSES[byte]! & TOKEN) !== 0) {
      if (++at >= end) return 0;
      byte = buffer[at]!;
    }
    if (byte !== COLON) badName(byte, at === start);
    if (at === start) bad("Empty field name");
    const nameEnd = at++;
    while (at < end && (buffer[at] === SP || buffer[at] === HTAB)) at++;
    const valueStart = at;
    while (at < end && (CLASSES[buffer[at]!]! & FIELD) !== 0) at++;
    if (at >= end) return 0;
    if (buffer[at] !== CR) bad("Invalid character in a field value");
    if (at + 1 >= end) return 0;
    if (buffer[at + 1] !== LF) bad("CR without LF");
    let valueEnd = at;
    while (valueEnd > valueStart && isBlank(buffer[valueEnd - 1]!)) valueEnd--;
    if (this.spans.length >= maxCount * 4) {
      throw new HttpError(431, "Too many fields");
    }
    this.spans.push(start - origin, nameEnd - origin, valueStart - origin, valueEnd - origin);
    return at + 2;
  }
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function badName(byte: number, first: boolean): never {
  if (first && isBlank(byte)) bad("Folded field");
  if (isBlank(byte)) bad("Space in a field name");
  bad("Invalid character in a field name");
}

/**
 * Takes the heads of requests one after another. A head may come in any number of pieces: the same
 * bytes are given again, longer, until it is complete.
 */
export class HeadParser {
  readonly #limits: Http1Limits;
  /** Where the next line to take begins, from the head's start; 0 before the request line. */
  #line = 0;
  #requestLineEnd = 0;
  #targetStart = 0;
  #targetEnd = 0;
  #headLength = 0;
  #head = new RequestHead();
  readonly #scanner = new FieldScanner();
  readonly #framing = new FramingFields();

  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  /** The head, after `parse()` returned its end. */
  get head(): RequestHead {
    return this.#head;
  }

  /**
   * Looks for a head from `start` on.
   *
   * @returns The offset of the first byte after it, or -1 where more input is needed.
   * @throws {HttpError} If it is none, or exceeds a limit.
   */
  parse(buffer: ByteBuffer, start: number, end: number): number {
    if (this.#line === 0 && !this.#parseRequestLine(buffer, start, end)) return -1;
    const { headerBytes, headerCount } = this.#limits;
    while (true) {
      const next = this.#scanner.line(buffer, start + this.#line, end, start, headerCount);
      if (next === 0) {
        if (end - start - this.#requestLineEnd > headerBytes) this.#tooLarge();
        return -1;
      }
      this.#line = Math.abs(next) - start;
      if (this.#line - this.#requestLineEnd > headerBytes) this.#tooLarge();
      if (next < 0) break;
      this.#framing.read(this.#head, buffer, start, this.#scanner.spans);
    }
    this.#complete(buffer, start);
    return start + this.#headLength;
  }

  #tooLarge(): never {
    throw new HttpError(431, "Header fields too large");
  }

  #parseRequestLine(buffer: ByteBuffer, start: number, end: number): boolean {
    const { requestLineBytes } = this.#limits;
    let at = start;
    while (at < end && buffer[at] === CR) {
      if (at + 1 >= end) return false;
      if (buffer[at + 1] !== LF) bad("CR without LF");
      at += 2;
      if (at - start > requestLineBytes) throw new HttpError(414, "Request line too long");
    }
    const methodStart = at;
    while (at < end && (CLASSES[buffer[at]!]! & TOKEN) !== 0) at++;
    if (at >= end) return this.#incomplete(end - start);
    if (buffer[at] !== SP || at === methodStart) bad("Invalid method");
    const methodEnd = at++;
    const targetStart = at;
    while (at < end && (CLASSES[buffer[at]!]! & TARGET) !== 0) at++;
    if (at >= end) return this.#incomplete(end - start);
    if (buffer[at] === CR || buffer[at] === LF) bad("Request line without a version");
    if (buffer[at] !== SP || at === targetStart) bad("Invalid request target");
    const targetEnd = at++;
    if (at - start > requestLineBytes) throw new HttpError(414, "Request line too long");
    const minorVersion = readVersion(buffer, at, end);
    if (minorVersion < 0) return false;
    this.#head.method = methodOf(buffer, methodStart, methodEnd);
    this.#targetStart = targetStart - start;
    this.#targetEnd = targetEnd - start;
    this.#head.minorVersion = minorVersion;
    this.#line = at + VERSION_LINE_BYTES - start;
    this.#requestLineEnd = this.#line;
    return true;
  }

  #incomplete(length: number): false {
    if (length > this.#limits.requestLineBytes) {
      throw new HttpError(414, "Request line too long");
    }
    return false;
  }

  #complete(buffer: ByteBuffer, start: number): void {
    const head = this.#head;
    // One decoding for all of the head: each costs a call out of JavaScript.
    head.text = buffer.latin1Slice(start, start + this.#line);
    head.target = head.text.slice(this.#targetStart, this.#targetEnd);
    head.spans = this.#scanner.spans;
    this.#scanner.spans = [];
    this.#framing.finish(head);
    this.#framing.clear();
    this.#headLength = this.#line;
    this.#line = 0;
  }

  /** Makes the parser ready for the next head; the one before stays as it is. */
  next(): void {
    this.#head = new RequestHead();
  }
}

/** Length of `HTTP/1.1` and its CRLF. */
const VERSION_LINE_BYTES = 10;
const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f];

/** The minor version, -1 where more input is needed. */
function readVersion(buffer: Uint8Array, start: number, end: number): number {
  const length = Math.min(end - start, VERSION_LINE_BYTES);
  for (let index = 0; index < length; index++) {
    const byte = buffer[start + index]!;
    const fits = index < 5
      ? byte === VERSION[index]
      : index === 6
      ? byte === 0x2e
      : index === 8
      ? byte === CR
      : index === 9
      ? byte === LF
      : byte >= 0x30 && byte <= 0x39;
    if (!fits) bad("Invalid version");
  }
  if (length < 8) return -1;
  const minor = buffer[start + 7]! - 0x30;
  if (buffer[start + 5] !== 0x31 || minor > 1) {
    throw new HttpError(505, "HTTP version not supported");
  }
  return length < VERSION_LINE_BYTES ? -1 : minor;
}

const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
const METHOD_BYTES = METHODS.map((method) => [...method].map((char) => char.charCodeAt(0)));

/** Returns the method without making a string for the usual ones. */
function methodOf(buffer: ByteBuffer, start: number, end: number): string {
  for (let index = 0; index < METHODS.length; index++) {
    const bytes = METHOD_BYTES[index]!;
    if (bytes.length !== end - start) continue;
    let at = 0;
    while (at < bytes.length && bytes[at] === buffer[start + at]) at++;
    if (at === bytes.length) return METHODS[index]!;
  }
  return buffer.latin1Slice(start, end);
}

const HOST_NAME = Buffer.from("host");
const EXPECT_NAME = Buffer.from("expect");
const CONNECTION_NAME = Buffer.from("connection");
const LENGTH_NAME = Buffer.from("content-length");
const CODING_NAME = Buffer.from("transfer-encoding");

/** Whether the token at `start` is the name, which is given in lower case, in any case. */
function spells(buffer: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    if ((buffer[start + index]! | 0x20) !== name[index]) return false;
  }
  return true;
}

/** Gathers the fields that decide about framing and the connection, each as soon as it has come. */
class FramingFields {
  #lengths = 0;
  /** The number of the field that is `Host`, -1 before it. */
  #host = -1;
  #codings: string | undefined;
  #connection: string | undefined;

  clear(): void {
    this.#lengths = 0;
    this.#host = -1;
    this.#codings = this.#connection = undefined;
  }

  /** Takes the last field of `spans`. Names are compared as bytes: most fields make no string. */
  read(head: RequestHead, buffer: ByteBuffer, origin: number, spans: readonly number[]): void {
    const at = spans.length - 4;
    const start = origin + spans[at]!;
    switch (spans[at + 1]! - spans[at]!) {
      case 4:
        if (!spells(buffer, start, HOST_NAME)) return;
        if (this.#host >= 0) bad("More than one Host");
        this.#host = at >> 2;
        return;
      case 6:
        if (!spells(buffer, start, EXPECT_NAME)) return;
        if (valueOf(buffer, origin, spans, at).toLowerCase() !== "100-continue") {
          throw new HttpError(417);
        }
        head.expectsContinue = head.minorVersion === 1;
        return;
      case 10:
        if (!spells(buffer, start, CONNECTION_NAME)) return;
        this.#connection = joined(this.#connection, valueOf(buffer, origin, spans, at));
        return;
      case 14:
        if (!spells(buffer, start, LENGTH_NAME)) return;
        if (++this.#lengths > 1) bad("More than one Content-Length");
        head.contentLength = readLength(valueOf(buffer, origin, spans, at));
        return;
      case 17:
        if (!spells(buffer, start, CODING_NAME)) return;
        this.#codings = joined(this.#codings, valueOf(buffer, origin, spans, at));
        return;
    }
  }

  finish(head: RequestHead): void {
    if (this.#host >= 0) head.host = head.value(this.#host);
    head.keepAlive = head.minorVersion === 1;
    if (this.#connection !== undefined) readConnection(head, this.#connection.toLowerCase());
    if (this.#codings === undefined) return;
    if (this.#lengths > 0) bad("Both Content-Length and Transfer-Encoding");
    if (head.minorVersion === 0) bad("Transfer-Encoding in HTTP/1.0");
    readCodings(this.#codings);
    head.chunked = true;
  }
}

function valueOf(
  buffer: ByteBuffer,
  origin: number,
  spans: readonly number[],
  at: number,
): string {
  return buffer.latin1Slice(origin + spans[at + 2]!, origin + spans[at + 3]!);
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

function readConnection(head: RequestHead, connection: string): void {
  if (connection === "keep-alive") {
    head.keepAlive = true;
    return;
  }
  const options = connection.split(",").map((option) => option.trim());
  if (options.includes("close")) head.keepAlive = false;
  else if (options.includes("keep-alive")) head.keepAlive = true;
  head.upgrade = options.includes("upgrade");
}

function readLength(value: string): number {
  if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value))) {
    bad("Invalid Content-Length");
  }
  return Number(value);
}

/** Only `chunked` is taken. RFC 9112, section 6.1 and 6.3: 501 for another coding before it, 400 else. */
function readCodings(codings: string): void {
  const list = codings.toLowerCase().split(",").map((coding) => coding.trim());
  if (list.length === 1 && list[0] === "chunked") return;
  const last = list.pop();
  if (last === "chunked" && !list.includes("chunked") && !list.includes("")) {
    throw new HttpError(501, "Transfer coding not supported");
  }
  bad("Invalid Transfer-Encoding");
}

/** The most bytes that the extensions of all chunks of one body may have together. */
export const MAX_EXTENSION_BYTES = 16_384;
/** The most digits of a chunk's size. */
const MAX_SIZE_DIGITS = 16;

const enum ChunkState {
  Size,
  ExtensionName,
  ExtensionValue,
  ExtensionQuoted,
  ExtensionEscape,
  ExtensionEnd,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  Trailers,
  Done,
}

/** Takes a chunked body apart: RFC 9112, section 7.1. Gives data where it lies, without copying. */
export class ChunkDecoder {
  /** Where the data that `next()` found begins and ends; empty where it found none. */
  dataStart = 0;
  dataEnd = 0;
  /** The trailer fields as names and values, after the end. */
  trailers: [name: string, value: string][] = [];
  readonly #limits: Http1Limits;
  readonly #scanner = new FieldScanner();
  #state: ChunkState = ChunkState.Size;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  /** Whether the name or value that is being read has no character yet. */
  #extensionEmpty = false;
  #trailerBytes = 0;

  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === ChunkState.Done;
  }

  /**
   * Takes bytes up to the end of a stretch of data, of the body, or of the input.
   *
   * @returns The offset of the first byte not taken.
   * @throws {HttpError} If the bytes are no chunked body, or exceed a limit.
   */
  next(buffer: ByteBuffer, start: number, end: number): number {
    this.dataStart = this.dataEnd = start;
    let at = start;
    while (at < end) {
      if (this.#state === ChunkState.Data) {
        const length = Math.min(this.#size, end - at);
        this.dataStart = at;
        this.dataEnd = at + length;
        this.#size -= length;
        if (this.#size === 0) this.#state = ChunkState.DataCr;
        return at + length;
      }
      if (this.#state === ChunkState.Trailers) {
        const next = this.#trailer(buffer, at, end);
        if (next === at || this.done) return next;
        at = next;
        continue;
      }
      if (this.#state === ChunkState.Done) return at;
      this.#framing(buffer[at]!);
      at++;
    }
    return at;
  }

  #framing(byte: number): void {
    switch (this.#state) {
      case ChunkState.Size:
        this.#sizeByte(byte);
        break;
      case ChunkState.ExtensionName:
      case ChunkState.ExtensionValue:
      case ChunkState.ExtensionQuoted:
      case ChunkState.ExtensionEscape:
      case ChunkState.ExtensionEnd:
        if (++this.#extensionBytes > MAX_EXTENSION_BYTES) {
          throw new HttpError(413, "Chunk extensions too long");
        }
        this.#extensionByte(byte);
        break;
      case ChunkState.SizeLf:
        if (byte !== LF) bad("CR without LF");
        this.#state = this.#size > 0 ? ChunkState.Data : ChunkState.Trailers;
        this.#digits = 0;
        break;
      case ChunkState.DataCr:
        if (byte !== CR) bad("Chunk longer than its size");
        this.#state = ChunkState.DataLf;
        break;
      case ChunkState.DataLf:
        if (byte !== LF) bad("CR without LF");
        this.#state = ChunkState.Size;
        this.#size = 0;
        break;
    }
  }

  #startExtension(): void {
    this.#state = ChunkState.ExtensionName;
    this.#extensionEmpty = true;
  }

  /** `chunk-ext-name [ "=" chunk-ext-val ]`, RFC 9112 section 7.1.1, without blanks. */
  #extensionByte(byte: number): void {
    const isToken = (CLASSES[byte]! & TOKEN) !== 0;
    if (this.#state === ChunkState.ExtensionEscape) {
      if ((CLASSES[byte]! & FIELD) === 0) bad("Invalid chunk extension");
      this.#state = ChunkState.ExtensionQuoted;
    } else if (this.#state === ChunkState.ExtensionQuoted) {
      if (byte === QUOTE) this.#state = ChunkState.ExtensionEnd;
      else if (byte === BACKSLASH) this.#state = ChunkState.ExtensionEscape;
      else if ((CLASSES[byte]! & FIELD) === 0) bad("Invalid chunk extension");
    } else if (isToken && this.#state !== ChunkState.ExtensionEnd) {
      this.#extensionEmpty = false;
    } else if (
      byte === QUOTE && this.#state === ChunkState.ExtensionValue && this.#extensionEmpty
    ) {
      this.#state = ChunkState.ExtensionQuoted;
      this.#extensionEmpty = false;
    } else if (this.#extensionEmpty) {
      bad("Invalid chunk extension");
    } else if (byte === EQUALS && this.#state === ChunkState.ExtensionName) {
      this.#state = ChunkState.ExtensionValue;
      this.#extensionEmpty = true;
    } else if (byte === SEMICOLON) {
      this.#startExtension();
    } else if (byte === CR) {
      this.#state = ChunkState.SizeLf;
    } else {
      bad("Invalid chunk extension");
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit;
      if (++this.#digits > MAX_SIZE_DIGITS || !Number.isSafeInteger(this.#size)) {
        bad("Chunk size too large");
      }
      return;
    }
    if (this.#digits === 0) bad("Invalid chunk size");
    if (byte === SEMICOLON) this.#startExtension();
    else if (byte === CR) this.#state = ChunkState.SizeLf;
    else bad("Invalid chunk size");
  }

  #trailer(buffer: ByteBuffer, start: number, end: number): number {
    const { trailerBytes, trailerCount } = this.#limits;
    const next = this.#scanner.line(buffer, start, end, start, trailerCount);
    const length = next === 0 ? end - start : Math.abs(next) - start;
    if (this.#trailerBytes + length > trailerBytes) {
      throw new HttpError(431, "Trailers too large");
    }
    if (next === 0) return start;
    this.#trailerBytes += length;
    if (next < 0) {
      this.#state = ChunkState.Done;
      return -next;
    }
    const [nameStart, nameEnd, valueStart, valueEnd] = this.#scanner.spans.slice(-4);
    this.trailers.push([
      buffer.latin1Slice(start + nameStart!, start + nameEnd!),
      buffer.latin1Slice(start + valueStart!, start + valueEnd!),
    ]);
    return next;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

const HOST =
  /^(?:\[[0-9a-fA-F:.]+(?:%25[\w.~-]+)?\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-fA-F]{2})*)(?::(\d{0,5}))?$/;

/** The last host that was found valid: most requests name the same. */
let lastValidHost = "";

/**
 * Whether the text is `uri-host [ ":" port ]` (RFC 9110, section 7.2) with a port that exists, and
 * one that a URL can have: what fits the grammar and is none, `1.2.3.4.5` say, would fail later.
 */
export function isValidHost(host: string): boolean {
  if (host === lastValidHost) return true;
  const match = HOST.exec(host);
  if (match === null || Number(match[1] ?? 0) > 65_535) return false;
  if (host !== "" && !URL.canParse(`http://${host}/`)) return false;
  lastValidHost = host;
  return true;
}
