import { unicodeWidth } from "@std/cli";

/**
 * What is wrong, for programs:
 *
 * - `unexpected-token`: a character that cannot stand there
 * - `unexpected-end`: the input ended inside a value
 * - `bad-escape`: an escape sequence that the dialect does not have
 * - `control-character`: a raw control character inside a string
 * - `bad-number`: a number that the grammar refuses, such as `01` or `1.`
 * - `bad-utf8`: bytes that are not UTF-8
 * - `byte-order-mark`: a BOM where the `bom` option refuses it
 * - `lone-surrogate`: half a surrogate pair where the `loneSurrogates` option refuses it
 * - `duplicate-key`: a repeated key where the `duplicateKeys` option refuses it
 * - `too-deep`: more levels than the `maxDepth` option allows
 * - `too-long`: a string or number longer than a stream may hold
 */
export type JsonErrorCode =
  | "unexpected-token"
  | "unexpected-end"
  | "bad-escape"
  | "control-character"
  | "bad-number"
  | "bad-utf8"
  | "byte-order-mark"
  | "lone-surrogate"
  | "duplicate-key"
  | "too-deep"
  | "too-long";

/** Where something is in a JSON text. */
export interface JsonLocation {
  /** From 0: UTF-16 code units where the input was a string, bytes where it was bytes. */
  offset: number;
  /** From 1. A line ends with LF, CR or CRLF. */
  line: number;
  /** From 1, in Unicode code points. */
  column: number;
}

/**
 * A text that is not JSON. `message` has four lines: what and at which offset, line and column, the line of the text
 * (shortened around the place), and a caret under the place.
 *
 * @example
 * ```ts
 * import { JsonSyntaxError, parse } from "@groundwork/std/parser/json";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => parse('{"broken": }'), JsonSyntaxError);
 * assertEquals(error.message, [
 *   "Parse error at position 11: unexpected token '}', expected value",
 *   "line 1, column 12",
 *   '{"broken": }',
 *   "           ^",
 * ].join("\n"));
 * ```
 */
export class JsonSyntaxError extends SyntaxError implements JsonLocation {
  /** Always `"JsonSyntaxError"`. */
  override readonly name = "JsonSyntaxError";
  /** What is wrong, for programs. */
  readonly code: JsonErrorCode;
  /** What is wrong, for people, without the place. */
  readonly reason: string;
  /** From 0: UTF-16 code units where the input was a string, bytes where it was bytes. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  /** From 1, in Unicode code points. */
  readonly column: number;
  /** The line of the text around the place, and under it a line with the caret. */
  readonly excerpt: string;

  /** Made by the parsers. */
  constructor(code: JsonErrorCode, reason: string, location: JsonLocation, excerpt: string) {
    super(
      `Parse error at position ${location.offset}: ${reason}\n` +
        `line ${location.line}, column ${location.column}\n${excerpt}`,
    );
    this.code = code;
    this.reason = reason;
    this.offset = location.offset;
    this.line = location.line;
    this.column = location.column;
    this.excerpt = excerpt;
  }
}

const BEFORE_UNITS = 60;
const AFTER_UNITS = 20;

/**
 * The excerpt for a place: `before` is text that ends there, `after` text that starts there. Both may be longer than
 * the line. Control characters show as pictures, so that a hostile document cannot drive the terminal.
 */
export function excerptOf(before: string, after: string): string {
  let from = Math.max(before.lastIndexOf("\n"), before.lastIndexOf("\r")) + 1;
  let left = "";
  if (before.length - from > BEFORE_UNITS) {
    from = before.length - BEFORE_UNITS;
    if (isLow(before.charCodeAt(from))) from++;
    left = "…";
  }
  let to = after.search(/[\r\n]/);
  if (to < 0) to = after.length;
  let right = "";
  if (to > AFTER_UNITS) {
    to = AFTER_UNITS;
    if (isLow(after.charCodeAt(to))) to--;
    right = "…";
  }
  const head = left + visible(before.slice(from));
  const indent = head.split("\t").map((part) => " ".repeat(unicodeWidth(part))).join("\t");
  return `${head}${visible(after.slice(0, to))}${right}\n${indent}^`;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

function visible(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.toWellFormed().replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "\u2421" : "\ufffd";
  });
}
