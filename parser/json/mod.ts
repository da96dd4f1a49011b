/**
 * JSON: a strict parser that says exactly where a text is wrong, tokens, streams in constant memory, JSON Lines, JSONC and JSON5,
 * edits that keep comments, JSON Pointer, JSONPath with I-Regexp, and documents read lazily.
 *
 * Nothing here recurses over its input: a million levels parse, print and compare.
 *
 * @example
 * ```ts
 * import { parse, stringify } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(stringify(parse('{"a": [1, 2.50, "x"]}')), '{"a":[1,2.5,"x"]}');
 * ```
 *
 * @module
 */
export * from "./error.ts";
export * from "./value.ts";
export * from "./parse.ts";
export * from "./tokenize.ts";
export * from "./parse_stream.ts";
export * from "./lines.ts";
export * from "./stringify.ts";
export * from "./equal.ts";
export * from "./tree.ts";
export * from "./edit.ts";
export * from "./document.ts";
export * from "./pointer.ts";
export * from "./path.ts";
export * from "./i_regexp.ts";
