import { toNumber } from "./_builder.ts";
import { BytePush } from "./_push.ts";
import {
  BEGIN_ARRAY,
  BEGIN_OBJECT,
  COLON,
  COMMA,
  COMMENT,
  END_ARRAY,
  END_OBJECT,
  FALSE,
  KEY,
  NULL,
  NUMBER,
  Scanner,
  STRING,
  type TokenHandler,
  TRUE,
} from "./_scanner.ts";
import { decodeUtf8, validUtf8Prefix } from "./_utf8.ts";
import type { JsonDialect } from "./parse.ts";

/** What a token is. */
export type JsonTokenKind =
  | "LEFT_BRACE"
  | "RIGHT_BRACE"
  | "LEFT_BRACKET"
  | "RIGHT_BRACKET"
  | "COLON"
  | "COMMA"
  | "STRING"
  | "NUMBER"
  | "TRUE"
  | "FALSE"
  | "NULL"
  | "COMMENT"
  | "EOF";

/** A token of a JSON text. */
export interface JsonToken {
  /** What it is. */
  kind: JsonTokenKind;
  /** Its characters in the text, quotes and escapes included; empty for `EOF`. */
  lexeme: string;
  /** What it stands for: a decoded string, a number, true, false, null; undefined for the rest. */
  value: string | number | boolean | null | undefined;
  /** The string is a member's name. */
  isKey: boolean;
  /** Where it starts, from 0: UTF-16 units of a string, bytes of bytes. */
  offset: number;
  /** Where it ends, in the same unit. */
  end: number;
}

/** What to accept; every field is optional. */
export interface TokenizeOptions {
  /** The grammar. `json` by default. */
  dialect?: JsonDialect;
  /** Yield comments too; they are left out by default. */
  comments?: boolean;
  /** What a byte order mark at the start does: `error` (default) or `skip`. */
  bom?: "error" | "skip";
  /** Most levels of objects and arrays; no limit by default, 1,000,000 in a stream. */
  maxDepth?: number;
}

/** Options of a `JsonTokenStream`. */
export interface JsonTokenStreamOptions extends TokenizeOptions {
  /** Longest string, number or comment in UTF-16 units; 67,108,864 by default. */
  maxTokenLength?: number;
  /** Accept any number of values, one after the other. One by default. */
  multiple?: boolean;
}

const KINDS: Record<number, JsonTokenKind> = {
  [BEGIN_OBJECT]: "LEFT_BRACE",
  [END_OBJECT]: "RIGHT_BRACE",
  [BEGIN_ARRAY]: "LEFT_BRACKET",
  [END_ARRAY]: "RIGHT_BRACKET",
  [COLON]: "COLON",
  [COMMA]: "COMMA",
  [KEY]: "STRING",
  [STRING]: "STRING",
  [NUMBER]: "NUMBER",
  [TRUE]: "TRUE",
  [FALSE]: "FALSE",
  [NULL]: "NULL",
  [COMMENT]: "COMMENT",
};

function valueOf(kind: number, text: string): JsonToken["value"] {
  switch (kind) {
    case KEY:
    case STRING:
      return text;
    case NUMBER:
      return toNumber(text);
    case TRUE:
      return true;
    case FALSE:
      return false;
    case NULL:
      return null;
    default:
      return undefined;
  }
}

/** Turns the scanner's calls into tokens, with offsets in bytes where asked. */
class TokenMaker implements TokenHandler {
  scanner!: Scanner;
  tokens: JsonToken[] = [];
  readonly #comments: boolean;
  readonly #bytes: boolean;

  constructor(comments: boolean, bytes: boolean) {
    this.#comments = comments;
    this.#bytes = bytes;
  }

  onToken(kind: number, start: number, end: number, text: string): void {
    if (kind === COMMENT && !this.#comments) return;
    const lexeme = this.scanner.sourceOf(start, end);
    const offset = this.#bytes ? this.scanner.byteOffset(start) : start;
    const stop = this.#bytes ? this.scanner.byteOffset(end) : end;
    this.tokens.push({
      kind: KINDS[kind]!,
      lexeme,
      value: valueOf(kind, text),
      isKey: kind === KEY,
      offset,
      end: stop,
    });
  }

  endOfInput(offset: number): JsonToken {
    return { kind: "EOF", lexeme: "", value: undefined, isKey: false, offset, end: offset };
  }
}

const PIECE_UNITS = 8_192;

/**
 * Yields the tokens of a JSON text, the last one `EOF`. The grammar is checked on the way, so an error comes when its
 * token is asked for; tokens before it come first.
 *
 * @param input The text, as a string or as bytes of UTF-8.
 * @param options What to accept.
 * @throws {JsonSyntaxError} Where `parse()` would.
 *
 * @example
 * ```ts
 * import { tokenize } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const tokens = [...tokenize('{"x": 1}')].map(({ kind, lexeme }) => `${kind} ${lexeme}`);
 * assertEquals(tokens, ["LEFT_BRACE {", 'STRING "x"', "COLON :", "NUMBER 1", "RIGHT_BRACE }", "EOF "]);
 * ```
 */
export function* tokenize(
  input: string | Uint8Array,
  options: TokenizeOptions = {},
): Generator<JsonToken> {
  const bytes = typeof input !== "string";
  const maker = new TokenMaker(options.comments ?? false, bytes);
  const scanner = new Scanner(maker, { ...options, byteOffsets: bytes });
  maker.scanner = scanner;
  let text: string;
  let broken = false;
  if (typeof input === "string") text = input;
  else {
    const decoded = decodeUtf8(input);
    broken = decoded === null;
    text = decoded ?? decodeUtf8(input.subarray(0, validUtf8Prefix(input)))!;
  }
  let failure: unknown = null;
  for (let at = 0; at <= text.length && failure === null;) {
    const last = at + PIECE_UNITS >= text.length;
    let end = last ? text.length : at + PIECE_UNITS;
    const unit = text.charCodeAt(end - 1);
    if (!last && unit >= 0xd800 && unit <= 0xdbff) end++;
    try {
      scanner.write(text.slice(at, end));
      if (last) {
        if (broken) scanner.failUtf8();
        scanner.end();
      }
    } catch (error) {
      failure = error;
    }
    yield* maker.tokens;
    maker.tokens = [];
    at = last ? Infinity : end;
  }
  if (failure !== null) throw failure;
  yield maker.endOfInput(input.length);
}

/**
 * Turns bytes of UTF-8, cut anywhere, into tokens. Memory holds one chunk, one token and a byte for each open
 * level. A chunk's tokens queue up together: feed chunks of about 64 KiB. Cancelling the tokens cancels the
 * source.
 *
 * @example
 * ```ts
 * import { JsonTokenStream } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const source = ReadableStream.from(["[tr", "ue]"]).pipeThrough(new TextEncoderStream());
 * const kinds: string[] = [];
 * for await (const token of source.pipeThrough(new JsonTokenStream())) kinds.push(token.kind);
 * assertEquals(kinds, ["LEFT_BRACKET", "TRUE", "RIGHT_BRACKET", "EOF"]);
 * ```
 */
export class JsonTokenStream extends TransformStream<Uint8Array, JsonToken> {
  /** Makes a stream; errors of the text are `JsonSyntaxError`s with offsets in bytes. */
  constructor(options: JsonTokenStreamOptions = {}) {
    const maker = new TokenMaker(options.comments ?? false, true);
    const push = new BytePush(maker, options);
    maker.scanner = push.scanner;
    let total = 0;
    const flush = (controller: TransformStreamDefaultController<JsonToken>) => {
      for (const token of maker.tokens) controller.enqueue(token);
      maker.tokens.length = 0;
    };
    super({
      transform(chunk, controller) {
        total += chunk.length;
        push.push(chunk);
        flush(controller);
      },
      flush(controller) {
        push.end();
        flush(controller);
        controller.enqueue(maker.endOfInput(total));
      },
    });
  }
}
