import { skipSpace, skipString, skipValue } from "./_bytes_scan.ts";
import { JsonSyntaxError } from "./error.ts";
import { parse, type ParseOptions, validate } from "./parse.ts";
import { indexOf, JsonPointer } from "./pointer.ts";
import type { JsonTypeName } from "./tree.ts";

/** Where the parts of an object or array are in the bytes. */
interface Layout {
  /** Decoded keys in order, or null for an array. */
  keys: Map<string, number> | null;
  /** Start of each value. */
  starts: number[];
}

/** Most objects and arrays whose layout is remembered. */
const MAX_LAYOUTS = 1_000;

const TYPES: Record<number, JsonTypeName> = {
  123: "Object",
  91: "Array",
  34: "String",
  116: "Boolean",
  102: "Boolean",
  110: "Null",
};

/**
 * A JSON text of which only what is asked for is built, in the manner of simdjson's On-Demand.
 *
 * Reading one value walks over what comes before it by brackets and quotes alone, several times faster than parsing, and then
 * parses that value strictly. What is never read is therefore not checked: call `validate()` first where the source
 * is not trusted. The layout of objects and arrays on the way is remembered (up to 1,000 of them), so a second
 * read nearby is quick.
 *
 * As in `parse()`, the last of several members with one key counts.
 *
 * @example
 * ```ts
 * import { JsonDocument } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const document = new JsonDocument('{"items": [{"id": 1}, {"id": 2}], "total": 2}');
 * assertEquals(document.get("/items/1/id"), 2);
 * assertEquals(document.keys(""), ["items", "total"]);
 * assertEquals(document.length("/items"), 2);
 * ```
 */
export class JsonDocument {
  readonly #bytes: Uint8Array;
  readonly #options: ParseOptions;
  readonly #layouts = new Map<number, Layout>();

  /**
   * Wraps a text, as a string or as bytes of UTF-8. The bytes are not copied and must not change.
   *
   * @param options How `get()` parses; the dialect is always `json`.
   */
  constructor(input: string | Uint8Array, options: Omit<ParseOptions, "dialect" | "reviver"> = {}) {
    this.#bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    this.#options = options;
  }

  /**
   * Checks the whole text without building it.
   *
   * @throws {JsonSyntaxError} Where it is not JSON; the offset is in bytes.
   */
  validate(): void {
    validate(this.#bytes, this.#options);
  }

  /**
   * Builds the value that a JSON Pointer leads to; undefined where it leads nowhere.
   *
   * @throws {JsonSyntaxError} Where the value, or the way to it, is not JSON; the offset is in
   * bytes of the document.
   * @throws {JsonPointerError} Where the pointer is malformed.
   */
  get(pointer: string | JsonPointer): unknown {
    const start = this.#find(pointer);
    if (start < 0) return undefined;
    const end = skipValue(this.#bytes, start);
    try {
      return parse(this.#bytes.subarray(start, end < 0 ? this.#bytes.length : end), {
        ...this.#options,
        bom: "error",
      });
    } catch (error) {
      if (error instanceof JsonSyntaxError) throw this.#errorAt(start + error.offset, error.reason);
      throw error;
    }
  }

  /** Tells whether a JSON Pointer leads to a value. */
  has(pointer: string | JsonPointer): boolean {
    return this.#find(pointer) >= 0;
  }

  /** The type of the value that a pointer leads to, from its first byte; undefined for none. */
  type(pointer: string | JsonPointer): JsonTypeName | undefined {
    const start = this.#find(pointer);
    if (start < 0) return undefined;
    const first = this.#bytes[start]!;
    return TYPES[first] ?? (first === 45 || (first >= 48 && first <= 57) ? "Number" : undefined);
  }

  /** The keys of an object, in order, without its values; empty for anything else. */
  keys(pointer: string | JsonPointer): string[] {
    const layout = this.#layoutOf(this.#find(pointer));
    return layout === null || layout.keys === null ? [] : [...layout.keys.keys()];
  }

  /** How many items or members an array or object has; 0 for anything else. */
  length(pointer: string | JsonPointer): number {
    const layout = this.#layoutOf(this.#find(pointer));
    return layout === null ? 0 : layout.keys === null ? layout.starts.length : layout.keys.size;
  }

  /** The bytes of a value as they are in the document, not a copy; undefined for none. */
  raw(pointer: string | JsonPointer): Uint8Array | undefined {
    const start = this.#find(pointer);
    if (start < 0) return undefined;
    const end = skipValue(this.#bytes, start);
    if (end < 0) throw this.#errorAt(this.#bytes.length, "unexpected end of input");
    return this.#bytes.subarray(start, end);
  }

  /** Where the value starts, or -1. */
  #find(pointer: string | JsonPointer): number {
    const { tokens } = typeof pointer === "string" ? new JsonPointer(pointer) : pointer;
    const bytes = this.#bytes;
    const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    if (marked && this.#options.bom !== "skip") {
      throw this.#errorAt(0, "unexpected byte order mark");
    }
    let at = skipSpace(bytes, marked ? 3 : 0);
    if (at >= bytes.length) throw this.#errorAt(at, "unexpected end of input, expected value");
    for (const token of tokens) {
      const layout = this.#layoutOf(at);
      if (layout === null) return -1;
      const index = layout.keys === null ? indexOf(token) : layout.keys.get(token) ?? -1;
      if (index < 0 || index >= layout.starts.length) return -1;
      at = layout.starts[index]!;
    }
    return at;
  }

  #layoutOf(start: number): Layout | null {
    const bytes = this.#bytes;
    if (start < 0 || (bytes[start] !== 123 && bytes[start] !== 91)) return null;
    const known = this.#layouts.get(start);
    if (known !== undefined) return known;
    const isObject = bytes[start] === 123;
    const close = isObject ? 125 : 93;
    const layout: Layout = { keys: isObject ? new Map() : null, starts: [] };
    let at = skipSpace(bytes, start + 1);
    if (bytes[at] !== close) {
      for (;;) {
        if (layout.keys !== null) {
          if (bytes[at] !== 34) throw this.#unexpected(at, "string");
          const end = skipString(bytes, at);
          if (end < 0) throw this.#unexpected(bytes.length, `'"'`);
          let key: string;
          try {
            key = parse(bytes.subarray(at, end), this.#options) as string;
          } catch (error) {
            if (error instanceof JsonSyntaxError) {
              throw this.#errorAt(at + error.offset, error.reason);
            }
            throw error;
          }
          layout.keys.set(key, layout.starts.length);
          at = skipSpace(bytes, end);
          if (bytes[at] !== 58) throw this.#unexpected(at, "':'");
          at = skipSpace(bytes, at + 1);
        }
        const end = at < bytes.length ? skipValue(bytes, at) : -1;
        if (end < 0) throw this.#unexpected(at < bytes.length ? bytes.length : at, "value");
        layout.starts.push(at);
        at = skipSpace(bytes, end);
        if (bytes[at] === close) break;
        if (bytes[at] !== 44) throw this.#unexpected(at, `',' or '${isObject ? "}" : "]"}'`);
        at = skipSpace(bytes, at + 1);
      }
    }
    if (this.#layouts.size >= MAX_LAYOUTS) this.#layouts.clear();
    this.#layouts.set(start, layout);
    return layout;
  }

  #unexpected(at: number, expected: string): JsonSyntaxError {
    return this.#errorAt(
      at,
      at >= this.#bytes.length
        ? `unexpected end of input, expected ${expected}`
        : `unexpected token, expected ${expected}`,
    );
  }

  /** The strict parser's error where it finds one first; the walk is too rough to name the place. */
  #errorAt(offset: number, reason: string): JsonSyntaxError {
    try {
      this.validate();
    } catch (error) {
      if (error instanceof JsonSyntaxError) return error;
      throw error;
    }
    return new JsonSyntaxError(
      "unexpected-token",
      reason,
      { offset, line: 1, column: offset + 1 },
      "",
    );
  }
}
