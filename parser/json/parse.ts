import { Builder } from "./_builder.ts";
import { FAILED, parseFast } from "./_fast.ts";
import { revive } from "./_revive.ts";
import { checkLength, scanAll } from "./_scan_all.ts";
import { Scanner, type TokenHandler } from "./_scanner.ts";
import { decodeUtf8, encodedLength, encodeInto, paddedCopy } from "./_utf8.ts";

/**
 * The grammar that a text follows: `json` is RFC 8259 to the letter, `jsonc` adds comments and a trailing comma, `json5` is
 * the JSON5 specification 1.0.
 */
export type JsonDialect = "json" | "jsonc" | "json5";

/** How to read a JSON text; every field is optional. */
export interface ParseOptions {
  /** The grammar. `json` by default. */
  dialect?: JsonDialect;
  /**
   * What a repeated key does: the `last` (default) or the `first` value stays, it is an `error`, or
   * `all` values are kept in a `RepeatedMembers`.
   */
  duplicateKeys?: "last" | "first" | "error" | "all";
  /**
   * What a number becomes: a `number` (default; the nearest double, so `1e400` is Infinity and `-0` stays -0), a
   * `bigint` for an integer that no double holds exactly and a number otherwise, or its `source` text in a `JsonNumber`.
   */
  numbers?: "number" | "bigint" | "source";
  /**
   * What an escape that makes half a surrogate pair does: `allow` (default) keeps it as RFC 8259 permits, `error`
   * refuses it as I-JSON (RFC 7493) does, `replace` makes it U+FFFD.
   */
  loneSurrogates?: "allow" | "error" | "replace";
  /** What a byte order mark at the start does: `error` (default) or `skip`. JSON5 always skips it. */
  bom?: "error" | "skip";
  /**
   * Most levels of objects and arrays. No limit by default: nothing here recurses, so a million levels
   * cost memory only. Set it where the value goes on to code that does recurse.
   */
  maxDepth?: number;
  /**
   * Called for every value from the inside out, with its key or index as text and the object or array that holds it as `this`; what it
   * returns takes the value's place, undefined removes it. Streams and documents ignore it.
   */
  reviver?: (this: unknown, key: string, value: unknown) => unknown;
}

/**
 * Parses a JSON text, from a string or from bytes of UTF-8.
 *
 * Objects are plain objects and `__proto__` is a key like any other. Strings of 13 units and more may share memory
 * with the source text, which therefore lives as long as they do.
 *
 * Bytes are decoded once as a whole; invalid UTF-8 is an error at its first byte. More than 536,870,888 bytes are an error of code
 * `too-long`: that is the longest string, and a stream takes more.
 *
 * @param input The text.
 * @param options What to accept and what to make of it.
 * @returns The value.
 * @throws {JsonSyntaxError} Where the text is not JSON in the chosen dialect, or an option
 * forbids what it holds. Nothing else is thrown, whatever the text, but what a reviver throws.
 *
 * @example
 * ```ts
 * import { parse } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parse('{"key": [1, 2, 3]}'), { key: [1, 2, 3] });
 * assertEquals(parse("9007199254740993", { numbers: "bigint" }), 9007199254740993n);
 * assertEquals(parse("[1, 3,] // two", { dialect: "jsonc" }), [1, 3]);
 * ```
 */
export function parse(input: string | Uint8Array, options: ParseOptions = {}): unknown {
  const value = read(input, options);
  return options.reviver === undefined ? value : revive(value, options.reviver);
}

function read(input: string | Uint8Array, options: ParseOptions): unknown {
  const isText = typeof input === "string";
  if (isPlain(options)) {
    const maxDepth = options.maxDepth ?? Infinity;
    let value: unknown = FAILED;
    if (isText) {
      const bytes = encodeInto(input);
      value = parseFast(input, bytes, encodedLength, maxDepth);
    } else {
      checkLength(input);
      const text = decodeUtf8(input);
      if (text !== null) value = parseFast(text, paddedCopy(input), input.length, maxDepth);
    }
    if (value !== FAILED) return value;
  }
  const builder = new Builder(options);
  builder.scanner = new Scanner(builder, { ...options, byteOffsets: !isText });
  scanAll(builder.scanner, input);
  return builder.value;
}

/** The fast parser does what the options ask for. */
function isPlain(options: ParseOptions): boolean {
  return (options.dialect ?? "json") === "json" &&
    (options.duplicateKeys ?? "last") === "last" &&
    (options.numbers ?? "number") === "number" &&
    (options.loneSurrogates ?? "allow") === "allow";
}

const IGNORE_TOKENS: TokenHandler = { onToken() {} };

/**
 * Checks a JSON text without building its value.
 *
 * @param input The text.
 * @param options What to accept; `duplicateKeys` and `numbers` concern values only and are ignored.
 * @throws {JsonSyntaxError} Where `parse()` would.
 */
export function validate(input: string | Uint8Array, options: ParseOptions = {}): void {
  const scanner = new Scanner(IGNORE_TOKENS, {
    ...options,
    byteOffsets: typeof input !== "string",
  });
  scanAll(scanner, input);
}
