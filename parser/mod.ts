/**
 * Parsing: JSON, and a toolkit (lexer, Pratt parser, recovery, diagnostics, pretty-printer).
 *
 * @module
 */
export * from "./span.ts";
export * from "./diagnostic.ts";
export * from "./lexer.ts";
export * from "./token_stream.ts";
export * from "./pratt.ts";
export * from "./visitor.ts";
export * from "./pretty_printer.ts";
export * from "./json/mod.ts";
