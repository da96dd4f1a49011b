/**
 * The resumable scanner: text in pieces cut anywhere, tokens out, grammar checked on the way. It is what decides where an
 * error is; the fast parser only ever says "no". Whatever the cuts, the tokens and errors are the same.
 *
 * Tokens go to the handler as numbers and strings, no object a token. Open containers are one
 * byte each, nothing recurses.
 */
import { excerptOf, type JsonErrorCode, type JsonLocation, JsonSyntaxError } from "./error.ts";
import { isIdentifierPart, isIdentifierStart, isJson5Space } from "./_unicode.ts";

/** The grammar to accept. */
export type Dialect = "json" | "jsonc" | "json5";

export const BEGIN_OBJECT = 0;
export const END_OBJECT = 1;
export const BEGIN_ARRAY = 2;
export const END_ARRAY = 3;
export const COLON = 4;
export const COMMA = 5;
/** A member's name; the value is the decoded text. */
export const KEY = 6;
/** A string value, decoded. */
export const STRING = 7;
/** A number; the value is its source text. */
export const NUMBER = 8;
export const TRUE = 9;
export const FALSE = 10;
export const NULL = 11;
/** A comment with its delimiters; only where the dialect has comments. */
export const COMMENT = 12;

export interface TokenHandler {
  /** `start` and `end` are absolute offsets in UTF-16 units. */
  onToken(kind: number, start: number, end: number, value: string): void;
}

export interface ScannerOptions {
  dialect?: Dialect;
  maxDepth?: number;
  /** Longest string, number or comment in UTF-16 units. */
  maxTokenLength?: number;
  /** Accepts any number of values, with white space or nothing between them. */
  multiple?: boolean;
  bom?: "error" | "skip";
  loneSurrogates?: "allow" | "error" | "replace";
  /** Report offsets in bytes of UTF-8 instead of UTF-16 units. */
  byteOffsets?: boolean;
}

/** Reports that the whole value at `index` of the current piece was consumed, by its end; else -1. */
export type Jump = (index: number) => number;

// What may come next.
const VALUE = 0;
const FIRST_ITEM = 1;
const FIRST_KEY = 2;
const NEXT_KEY = 3;
const AFTER_KEY = 4;
const AFTER_VALUE = 5;
const DONE = 6;
const NEXT_ITEM = 7;

// What token is open.
const NONE = 0;
const IN_STRING = 1;
const IN_ESCAPE = 2;
const IN_HEX = 3;
const IN_NUMBER = 4;
const IN_WORD = 5;
const IN_NAME = 6;
const IN_NAME_ESCAPE = 7;
const IN_SLASH = 8;
const IN_LINE_COMMENT = 9;
const IN_BLOCK_COMMENT = 10;
const AFTER_CONTINUATION_CR = 11;
const AFTER_ZERO_ESCAPE = 12;

// How far a number is.
const N_SIGN = 0;
const N_ZERO = 1;
const N_INTEGER = 2;
const N_POINT = 3;
const N_FRACTION = 4;
const N_E = 5;
const N_E_SIGN = 6;
const N_EXPONENT = 7;
const N_HEX_MARK = 8;
const N_HEX = 9;
const N_BARE_POINT = 10;

const EXPECTED: Record<number, string> = {
  [VALUE]: "value",
  [NEXT_ITEM]: "value",
  [FIRST_ITEM]: "value or ']'",
  [FIRST_KEY]: "string or '}'",
  [NEXT_KEY]: "string",
  [AFTER_KEY]: "':'",
  [DONE]: "end of input",
};

/** Text kept of earlier pieces, for excerpts. */
const TAIL_UNITS = 160;

/** A place and the excerpt of it. */
interface Mark extends JsonLocation {
  units: number;
  excerpt: string;
}

export class Scanner {
  readonly #handler: TokenHandler;
  readonly #json5: boolean;
  readonly #comments: boolean;
  readonly #maxDepth: number;
  readonly #maxTokenLength: number;
  readonly #multiple: boolean;
  readonly #bom: "error" | "skip";
  readonly #loneSurrogates: "allow" | "error" | "replace";
  readonly #byteOffsets: boolean;
  /** Called before an object or array, when set. */
  jump: Jump | null = null;

  #state = VALUE;
  #open = NONE;
  /** 1 for each open object, 0 for each open array. */
  #containers = new Uint8Array(64);
  #depth = 0;

  #text = "";
  /** The piece is known to be ASCII. */
  #ascii = false;
  /** Offset of the piece, in units. */
  #base = 0;
  /** Start of the open token, in units from the very start. */
  #tokenStart = 0;
  /** Decoded part of the open token, from earlier pieces or before an escape. */
  #decoded = "";
  /** Source of the open token in earlier pieces. */
  #source = "";
  #quote = 34;
  #isKey = false;
  #number = N_SIGN;
  #hexValue = 0;
  #hexLeft = 0;
  /** Start of an escape in an identifier. */
  #escapeStart = 0;
  #escapeMark: Mark | null = null;
  #word = "";
  #wordAt = 0;
  #wordKind = NULL;
  #star = false;
  #surrogates = false;

  // The place of the piece's start.
  #line = 1;
  #column = 1;
  #bytes = 0;
  #afterReturn = false;
  #tail = "";
  #mark: Mark | null = null;
  #askedUnits = -1;
  #askedBytes = 0;

  constructor(handler: TokenHandler, options: ScannerOptions = {}) {
    this.#handler = handler;
    this.#json5 = options.dialect === "json5";
    this.#comments = options.dialect === "jsonc" || this.#json5;
    this.#maxDepth = options.maxDepth ?? Infinity;
    this.#maxTokenLength = options.maxTokenLength ?? Infinity;
    this.#multiple = options.multiple ?? false;
    this.#bom = options.bom ?? "error";
    this.#loneSurrogates = options.loneSurrogates ?? "allow";
    this.#byteOffsets = options.byteOffsets ?? false;
  }

  /** Open containers. */
  get depth(): number {
    return this.#depth;
  }

  /** The innermost open container is an object. */
  get inObject(): boolean {
    return this.#depth > 0 && this.#containers[this.#depth - 1] === 1;
  }

  /** Offset of the current piece in units. */
  get base(): number {
    return this.#base;
  }

  /** The source of the token being handed over, which ends at `end`. */
  sourceOf(start: number, end: number): string {
    const from = start - this.#base;
    return from >= 0
      ? this.#text.slice(from, end - this.#base)
      : this.#source + this.#text.slice(0, end - this.#base);
  }

  /**
   * Scans one piece of text. A surrogate pair must not be cut. `byteLength` is its length in
   * UTF-8 where the caller knows it.
   */
  write(text: string, byteLength = -1): void {
    this.#text = text;
    this.#ascii = byteLength === text.length;
    const length = text.length;
    let at = 0;
    if (this.#base === 0 && length > 0 && text.charCodeAt(0) === 0xfeff && !this.#json5) {
      if (this.#bom === "error") this.failAt("byte-order-mark", "unexpected byte order mark", 0);
      at = 1;
    }
    while (at < length) {
      if (this.#open !== NONE) {
        at = this.#resume(at);
        continue;
      }
      const code = text.charCodeAt(at);
      if (code === 32 || code === 10 || code === 13 || code === 9) {
        at++;
        continue;
      }
      at = this.#start(code, at);
    }
    this.#finishPiece(byteLength);
  }

  /** Declares the end of the input. */
  end(): void {
    this.#text = "";
    this.#ascii = false;
    const at = this.#base;
    switch (this.#open) {
      case NONE:
      case IN_LINE_COMMENT:
        break;
      case IN_NUMBER:
        if (!this.#numberMayEnd()) this.#unexpectedEnd(at, this.#numberNeeds());
        this.#endNumber(0);
        break;
      case IN_STRING:
      case AFTER_CONTINUATION_CR:
      case AFTER_ZERO_ESCAPE:
        this.#unexpectedEnd(at, this.#quote === 39 ? `"'"` : `'"'`);
        break;
      case IN_NAME:
        this.#unexpectedEnd(at, "':'");
        break;
      case IN_BLOCK_COMMENT:
        this.#unexpectedEnd(at, "'*/'");
        break;
      case IN_WORD:
        this.#unexpectedEnd(at, `'${this.#word[this.#wordAt]}'`);
        break;
      case IN_HEX:
        this.#unexpectedEnd(at, "hexadecimal digit");
        break;
      case IN_SLASH:
        this.#unexpectedEnd(at, "'/' or '*'");
        break;
      default:
        this.#unexpectedEnd(at, "escape sequence");
    }
    if (this.#open === IN_LINE_COMMENT) this.#endComment(0);
    if (this.#state !== DONE && !(this.#multiple && this.#depth === 0 && this.#state === VALUE)) {
      this.#unexpectedEnd(at, this.#expected());
    }
  }

  /** Throws for a place in this piece, or for the start of the open token; `offset` in units. */
  failAt(code: JsonErrorCode, reason: string, offset: number): never {
    const mark = this.locate(offset);
    throw new JsonSyntaxError(code, reason, mark, mark.excerpt);
  }

  /** Throws for bytes that are not UTF-8, right after what was written so far. */
  failUtf8(): never {
    this.#text = "\ufffd";
    this.#ascii = false;
    this.failAt("bad-utf8", "invalid UTF-8", this.#base);
  }

  /**
   * Where `units` is in bytes of UTF-8: a place in this piece, not before the last one asked for, or
   * the start of the open token.
   */
  byteOffset(units: number): number {
    if (units < this.#base) return this.#mark?.offset ?? 0;
    if (this.#ascii) return this.#bytes + units - this.#base;
    if (this.#askedUnits < this.#base || this.#askedUnits > units) {
      this.#askedUnits = this.#base;
      this.#askedBytes = this.#bytes;
    }
    this.#askedBytes += utf8Length(
      this.#text.slice(this.#askedUnits - this.#base, units - this.#base),
    );
    this.#askedUnits = units;
    return this.#askedBytes;
  }

  /** The place at `offset`, which lies in this piece or starts the open token. */
  locate(offset: number): Mark {
    if (offset < this.#base) {
      for (const mark of [this.#mark, this.#escapeMark]) {
        if (mark !== null && mark.units === offset) return mark;
      }
      offset = this.#base;
    }
    const index = offset - this.#base;
    const before = this.#text.slice(0, index);
    const place = this.#advance(before, this.#byteOffsets);
    return {
      units: offset,
      offset: this.#byteOffsets ? place.bytes : offset,
      line: place.line,
      column: place.column,
      excerpt: excerptOf(
        this.#tail + before.slice(-TAIL_UNITS),
        this.#text.slice(index, index + TAIL_UNITS),
      ),
    };
  }

  /** Where the piece's start would be after `text`. */
  #advance(text: string, countBytes: boolean): { line: number; column: number; bytes: number } {
    let line = this.#line;
    let from = 0;
    if (this.#afterReturn && text.charCodeAt(0) === 10) from = 1;
    let lineStart = -1;
    for (let at = text.indexOf("\n", from); at >= 0; at = text.indexOf("\n", at + 1)) {
      line++;
      lineStart = at + 1;
    }
    if (text.includes("\r")) {
      for (let at = text.indexOf("\r"); at >= 0; at = text.indexOf("\r", at + 1)) {
        if (text.charCodeAt(at + 1) === 10) continue;
        line++;
        if (at + 1 > lineStart) lineStart = at + 1;
      }
    }
    let column = 1;
    if (lineStart < 0) {
      column = this.#column;
      lineStart = from;
    }
    column += this.#ascii ? text.length - lineStart : codePoints(text, lineStart);
    if (!countBytes) return { line, column, bytes: 0 };
    return { line, column, bytes: this.#bytes + (this.#ascii ? text.length : utf8Length(text)) };
  }

  #finishPiece(byteLength: number): void {
    const text = this.#text;
    if (text.length === 0) return;
    if (this.#open !== NONE) {
      const from = this.#tokenStart - this.#base;
      if (from >= 0) this.#mark = this.locate(this.#tokenStart);
      if (this.#escapeStart > this.#tokenStart && this.#escapeStart >= this.#base) {
        this.#escapeMark = this.locate(this.#escapeStart);
      }
      this.#source += from > 0 ? text.slice(from) : text;
      if (this.#source.length > this.#maxTokenLength) this.#tooLong();
    }
    const place = this.#advance(text, byteLength < 0 && this.#byteOffsets);
    this.#line = place.line;
    this.#column = place.column;
    this.#bytes = byteLength < 0 ? place.bytes : this.#bytes + byteLength;
    this.#afterReturn = text.charCodeAt(text.length - 1) === 13;
    this.#tail = (this.#tail + text.slice(-TAIL_UNITS)).slice(-TAIL_UNITS);
    this.#base += text.length;
    this.#text = "";
  }

  #tooLong(): never {
    this.failAt(
      "too-long",
      `token is longer than ${this.#maxTokenLength} characters`,
      this.#tokenStart,
    );
  }

  #expected(): string {
    if (this.#state === AFTER_VALUE) return this.inObject ? "',' or '}'" : "',' or ']'";
    return EXPECTED[this.#state]!;
  }

  #unexpected(at: number, expected: string, code: JsonErrorCode = "unexpected-token"): never {
    const point = this.#text.codePointAt(at)!;
    const shown = point < 32 || (point >= 127 && point < 160) || (point >= 0xd800 && point < 0xe000)
      ? "\\u" + point.toString(16).padStart(4, "0")
      : String.fromCodePoint(point);
    this.failAt(code, `unexpected token '${shown}', expected ${expected}`, this.#base + at);
  }

  #unexpectedEnd(offset: number, expected: string): never {
    this.failAt("unexpected-end", `unexpected end of input, expected ${expected}`, offset);
  }

  /** Begins the token at `at`; returns where to go on. */
  #start(code: number, at: number): number {
    const state = this.#state;
    switch (code) {
      case 34: // "
      case 39: // '
        if (code === 39 && !this.#json5) break;
        if (state === AFTER_KEY || state === AFTER_VALUE || state === DONE) break;
        this.#isKey = state === FIRST_KEY || state === NEXT_KEY;
        this.#quote = code;
        this.#begin(IN_STRING, at);
        return this.#string(at + 1);
      case 44: // ,
        if (state !== AFTER_VALUE) break;
        this.#state = this.inObject ? NEXT_KEY : NEXT_ITEM;
        this.#emit(COMMA, at, at + 1);
        return at + 1;
      case 58: // :
        if (state !== AFTER_KEY) break;
        this.#state = VALUE;
        this.#emit(COLON, at, at + 1);
        return at + 1;
      case 91: // [
      case 123: // {
        if (state !== VALUE && state !== FIRST_ITEM && state !== NEXT_ITEM) break;
        return this.#enter(code === 123, at);
      case 93: // ]
        if (
          state === FIRST_ITEM || (state === NEXT_ITEM && this.#comments) ||
          (state === AFTER_VALUE && !this.inObject)
        ) return this.#leave(END_ARRAY, at);
        break;
      case 125: // }
        if (
          state === FIRST_KEY || (state === NEXT_KEY && this.#comments) ||
          (state === AFTER_VALUE && this.inObject)
        ) return this.#leave(END_OBJECT, at);
        break;
      case 47: // /
        if (!this.#comments) break;
        this.#begin(IN_SLASH, at);
        return at + 1;
      default:
        if (state === VALUE || state === FIRST_ITEM || state === NEXT_ITEM) {
          const next = this.#scalar(code, at);
          if (next >= 0) return next;
        } else if (
          this.#json5 && (state === FIRST_KEY || state === NEXT_KEY) && !isJson5Space(code)
        ) {
          const point = this.#text.codePointAt(at)!;
          if (code === 92) {
            this.#begin(IN_NAME_ESCAPE, at);
            this.#escapeStart = this.#base + at;
            return at + 1;
          }
          if (isIdentifierStart(point)) {
            this.#begin(IN_NAME, at);
            return this.#name(at);
          }
        }
        if (this.#json5 && isJson5Space(code)) return at + 1;
    }
    this.#unexpected(at, this.#expected());
  }

  #begin(token: number, at: number): void {
    this.#open = token;
    this.#tokenStart = this.#base + at;
    this.#decoded = "";
    this.#source = "";
    this.#surrogates = false;
  }

  #emit(kind: number, start: number, end: number): void {
    this.#handler.onToken(kind, this.#base + start, this.#base + end, "");
  }

  #afterValue(): void {
    this.#state = this.#depth > 0 ? AFTER_VALUE : this.#multiple ? VALUE : DONE;
  }

  #enter(object: boolean, at: number): number {
    if (this.jump !== null) {
      const end = this.jump(at);
      if (end >= 0) {
        this.#afterValue();
        return end;
      }
    }
    if (this.#depth >= this.#maxDepth) {
      this.failAt("too-deep", `more than ${this.#maxDepth} levels`, this.#base + at);
    }
    if (this.#depth === this.#containers.length) {
      const grown = new Uint8Array(this.#depth * 2);
      grown.set(this.#containers);
      this.#containers = grown;
    }
    this.#containers[this.#depth++] = object ? 1 : 0;
    this.#state = object ? FIRST_KEY : FIRST_ITEM;
    this.#emit(object ? BEGIN_OBJECT : BEGIN_ARRAY, at, at + 1);
    return at + 1;
  }

  #leave(kind: number, at: number): number {
    this.#depth--;
    this.#afterValue();
    this.#emit(kind, at, at + 1);
    return at + 1;
  }

  #scalar(code: number, at: number): number {
    if (code === 45 || (code >= 48 && code <= 57)) {
      this.#begin(IN_NUMBER, at);
      this.#number = code === 45 ? N_SIGN : code === 48 ? N_ZERO : N_INTEGER;
      return this.#digits(at + 1);
    }
    if (code === 116) return this.#beginWord("true", TRUE, at);
    if (code === 102) return this.#beginWord("false", FALSE, at);
    if (code === 110) return this.#beginWord("null", NULL, at);
    if (!this.#json5) return -1;
    if (code === 43 || code === 46) {
      this.#begin(IN_NUMBER, at);
      this.#number = code === 43 ? N_SIGN : N_BARE_POINT;
      return this.#digits(at + 1);
    }
    if (code === 73) return this.#beginWord("Infinity", NUMBER, at);
    if (code === 78) return this.#beginWord("NaN", NUMBER, at);
    return -1;
  }

  #beginWord(word: string, kind: number, at: number): number {
    this.#begin(IN_WORD, at);
    this.#word = word;
    this.#wordAt = 1;
    this.#wordKind = kind;
    return this.#wordPart(at + 1);
  }

  #resume(at: number): number {
    switch (this.#open) {
      case IN_STRING:
        return this.#string(at);
      case IN_ESCAPE:
        return this.#escape(at);
      case IN_HEX:
        return this.#hex(at);
      case IN_NUMBER:
        return this.#digits(at);
      case IN_WORD:
        return this.#wordPart(at);
      case IN_NAME:
        return this.#name(at);
      case IN_NAME_ESCAPE:
        if (this.#text.charCodeAt(at) !== 117) this.#unexpected(at, "'u'", "bad-escape");
        this.#hexValue = 0;
        this.#hexLeft = 4;
        this.#open = IN_HEX;
        this.#quote = 0;
        return at + 1;
      case IN_SLASH: {
        const code = this.#text.charCodeAt(at);
        if (code !== 47 && code !== 42) this.#unexpected(at, "'/' or '*'");
        this.#open = code === 47 ? IN_LINE_COMMENT : IN_BLOCK_COMMENT;
        this.#star = false;
        return at + 1;
      }
      case IN_LINE_COMMENT:
        return this.#lineComment(at);
      case IN_BLOCK_COMMENT:
        return this.#blockComment(at);
      case AFTER_CONTINUATION_CR:
        this.#open = IN_STRING;
        return this.#text.charCodeAt(at) === 10 ? at + 1 : at;
      default: { // AFTER_ZERO_ESCAPE
        const code = this.#text.charCodeAt(at);
        if (code >= 48 && code <= 57) this.#unexpected(at, "no digit after '\\0'", "bad-escape");
        this.#open = IN_STRING;
        return at;
      }
    }
  }

  #string(at: number): number {
    const text = this.#text;
    const length = text.length;
    const quote = this.#quote;
    const from = at;
    for (; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) {
        this.#decoded = this.#decoded === ""
          ? text.slice(from, at)
          : this.#decoded + text.slice(from, at);
        this.#endString(at + 1);
        return at + 1;
      }
      if (code === 92) {
        this.#decoded += text.slice(from, at);
        this.#open = IN_ESCAPE;
        return at + 1;
      }
      if (code < 32) {
        if (!this.#json5 || code === 10 || code === 13) {
          this.failAt(
            "control-character",
            `control character \\u${code.toString(16).padStart(4, "0")} in string`,
            this.#base + at,
          );
        }
      } else if (code >= 0xd800 && code <= 0xdfff) this.#surrogates = true;
    }
    this.#decoded += text.slice(from);
    return length;
  }

  #escape(at: number): number {
    const code = this.#text.charCodeAt(at);
    this.#open = IN_STRING;
    switch (code) {
      case 34:
      case 92:
      case 47:
        this.#decoded += String.fromCharCode(code);
        return at + 1;
      case 98:
        this.#decoded += "\b";
        return at + 1;
      case 102:
        this.#decoded += "\f";
        return at + 1;
      case 110:
        this.#decoded += "\n";
        return at + 1;
      case 114:
        this.#decoded += "\r";
        return at + 1;
      case 116:
        this.#decoded += "\t";
        return at + 1;
      case 117:
        this.#hexValue = 0;
        this.#hexLeft = 4;
        this.#open = IN_HEX;
        return at + 1;
    }
    if (!this.#json5 || (code >= 49 && code <= 57)) {
      this.#unexpected(at, "escape sequence", "bad-escape");
    }
    switch (code) {
      case 118:
        this.#decoded += "\v";
        return at + 1;
      case 48:
        this.#decoded += "\0";
        this.#open = AFTER_ZERO_ESCAPE;
        return at + 1;
      case 120:
        this.#hexValue = 0;
        this.#hexLeft = 2;
        this.#open = IN_HEX;
        return at + 1;
      case 13:
        this.#open = AFTER_CONTINUATION_CR;
        return at + 1;
      case 10:
      case 0x2028:
      case 0x2029:
        return at + 1;
    }
    const point = String.fromCodePoint(this.#text.codePointAt(at)!);
    this.#decoded += point;
    if (point.length > 1) this.#surrogates = true;
    return at + point.length;
  }

  #hex(at: number): number {
    const text = this.#text;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const digit = code >= 48 && code <= 57
        ? code - 48
        : code >= 97 && code <= 102
        ? code - 87
        : code >= 65 && code <= 70
        ? code - 55
        : -1;
      if (digit < 0) this.#unexpected(at, "hexadecimal digit", "bad-escape");
      this.#hexValue = this.#hexValue << 4 | digit;
      if (--this.#hexLeft === 0) {
        if (this.#quote === 0) {
          const valid = this.#decoded === ""
            ? isIdentifierStart(this.#hexValue)
            : isIdentifierPart(this.#hexValue);
          if (!valid) {
            this.failAt("bad-escape", "invalid character in identifier", this.#escapeStart);
          }
          this.#open = IN_NAME;
        } else {
          this.#open = IN_STRING;
          if (this.#hexValue >= 0xd800 && this.#hexValue <= 0xdfff) this.#surrogates = true;
        }
        this.#decoded += String.fromCharCode(this.#hexValue);
        return at + 1;
      }
    }
    return at;
  }

  #endString(end: number): void {
    const start = this.#tokenStart;
    let value = this.#decoded;
    if (value.length > this.#maxTokenLength) this.#tooLong();
    if (this.#surrogates && this.#loneSurrogates !== "allow" && !value.isWellFormed()) {
      if (this.#loneSurrogates === "error") {
        this.failAt("lone-surrogate", "half of a surrogate pair in string", start);
      }
      value = value.toWellFormed();
    }
    this.#open = NONE;
    this.#decoded = "";
    if (this.#isKey) this.#state = AFTER_KEY;
    else this.#afterValue();
    this.#handler.onToken(this.#isKey ? KEY : STRING, start, this.#base + end, value);
  }

  #wordPart(at: number): number {
    const text = this.#text;
    const word = this.#word;
    for (; at < text.length; at++) {
      if (text.charCodeAt(at) !== word.charCodeAt(this.#wordAt)) {
        this.#unexpected(at, `'${word[this.#wordAt]}'`);
      }
      if (++this.#wordAt === word.length) {
        this.#open = NONE;
        this.#afterValue();
        const end = this.#base + at + 1;
        const kind = this.#wordKind;
        this.#handler.onToken(
          kind,
          this.#tokenStart,
          end,
          kind === NUMBER ? this.sourceOf(this.#tokenStart, end) : word,
        );
        return at + 1;
      }
    }
    return at;
  }

  #digits(at: number): number {
    const text = this.#text;
    let state = this.#number;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const digit = code >= 48 && code <= 57;
      switch (state) {
        case N_SIGN:
          if (digit) state = code === 48 ? N_ZERO : N_INTEGER;
          else if (this.#json5 && code === 46) state = N_BARE_POINT;
          else if (this.#json5 && code === 73) return this.#signedWord("Infinity", at);
          else if (this.#json5 && code === 78) return this.#signedWord("NaN", at);
          else this.#unexpected(at, "digit", "bad-number");
          break;
        case N_ZERO:
          if (code === 46) state = N_POINT;
          else if (code === 101 || code === 69) state = N_E;
          else if (digit) {
            this.failAt("bad-number", "unexpected digit after a leading zero", this.#base + at);
          } else if (this.#json5 && (code === 120 || code === 88)) state = N_HEX_MARK;
          else return this.#endNumber(at);
          break;
        case N_INTEGER:
          if (digit) break;
          if (code === 46) state = N_POINT;
          else if (code === 101 || code === 69) state = N_E;
          else return this.#endNumber(at);
          break;
        case N_POINT:
          if (digit) state = N_FRACTION;
          else if (!this.#json5) this.#unexpected(at, "digit", "bad-number");
          else if (code === 101 || code === 69) state = N_E;
          else return this.#endNumber(at);
          break;
        case N_BARE_POINT:
          if (!digit) this.#unexpected(at, "digit", "bad-number");
          state = N_FRACTION;
          break;
        case N_FRACTION:
          if (digit) break;
          if (code === 101 || code === 69) state = N_E;
          else return this.#endNumber(at);
          break;
        case N_E:
          if (code === 43 || code === 45) state = N_E_SIGN;
          else if (digit) state = N_EXPONENT;
          else this.#unexpected(at, "digit", "bad-number");
          break;
        case N_E_SIGN:
          if (!digit) this.#unexpected(at, "digit", "bad-number");
          state = N_EXPONENT;
          break;
        case N_EXPONENT:
          if (!digit) return this.#endNumber(at);
          break;
        case N_HEX_MARK:
        case N_HEX:
          if (digit || (code >= 97 && code <= 102) || (code >= 65 && code <= 70)) state = N_HEX;
          else if (state === N_HEX_MARK) {
            this.#unexpected(at, "hexadecimal digit", "bad-number");
          } else return this.#endNumber(at);
          break;
      }
    }
    this.#number = state;
    return at;
  }

  #signedWord(word: string, at: number): number {
    this.#open = IN_WORD;
    this.#word = word;
    this.#wordAt = 1;
    this.#wordKind = NUMBER;
    return this.#wordPart(at + 1);
  }

  #numberMayEnd(): boolean {
    const state = this.#number;
    return state === N_ZERO || state === N_INTEGER || state === N_FRACTION ||
      state === N_EXPONENT || state === N_HEX || (state === N_POINT && this.#json5);
  }

  #numberNeeds(): string {
    return this.#number === N_HEX_MARK ? "hexadecimal digit" : "digit";
  }

  #endNumber(at: number): number {
    // The character after the number decides in #start() whether it may stand there.
    this.#open = NONE;
    this.#afterValue();
    const end = this.#base + at;
    const source = this.sourceOf(this.#tokenStart, end);
    if (source.length > this.#maxTokenLength) this.#tooLong();
    this.#handler.onToken(NUMBER, this.#tokenStart, end, source);
    return at;
  }

  #name(at: number): number {
    const text = this.#text;
    const from = at;
    while (at < text.length) {
      const point = text.codePointAt(at)!;
      if (point === 92) {
        this.#decoded += text.slice(from, at);
        this.#open = IN_NAME_ESCAPE;
        this.#escapeStart = this.#base + at;
        return at + 1;
      }
      if (!isIdentifierPart(point)) {
        const value = this.#decoded + text.slice(from, at);
        this.#open = NONE;
        this.#decoded = "";
        this.#state = AFTER_KEY;
        this.#handler.onToken(KEY, this.#tokenStart, this.#base + at, value);
        return at;
      }
      at += point > 0xffff ? 2 : 1;
    }
    this.#decoded += text.slice(from);
    return at;
  }

  #lineComment(at: number): number {
    const text = this.#text;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (
        code === 10 || code === 13 || (this.#json5 && (code === 0x2028 || code === 0x2029))
      ) {
        this.#endComment(at);
        return at;
      }
    }
    return at;
  }

  #blockComment(at: number): number {
    const text = this.#text;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 47 && this.#star) {
        this.#endComment(at + 1);
        return at + 1;
      }
      this.#star = code === 42;
    }
    return at;
  }

  #endComment(at: number): void {
    this.#open = NONE;
    const end = this.#base + at;
    this.#handler.onToken(COMMENT, this.#tokenStart, end, "");
  }
}

function codePoints(text: string, from: number): number {
  let count = text.length - from;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0xdc00 && code <= 0xdfff && i > from) {
      const before = text.charCodeAt(i - 1);
      if (before >= 0xd800 && before <= 0xdbff) count--;
    }
  }
  return count;
}

/** Bytes of `text` in UTF-8; half a surrogate pair counts three. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) bytes++;
    else {
      bytes += 2;
      if (code >= 0xd800 && code <= 0xdbff) {
        const next = text.charCodeAt(i + 1);
        if (next >= 0xdc00 && next <= 0xdfff) i++; // four bytes for two units
      }
    }
  }
  return bytes;
}
