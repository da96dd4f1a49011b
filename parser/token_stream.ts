import type { Diagnostic } from "./diagnostic.ts";
import { END_TOKEN, ERROR_TOKEN, type Lexer, TokenBuffer } from "./lexer.ts";
import { SourceText, type Span } from "./span.ts";

/** Options of a {@linkcode TokenStream}. */
export interface TokenStreamOptions<K extends string> {
  /** Findings beyond this many are counted and not kept. Default 100. */
  maxDiagnostics?: number;
  /** Brackets that belong together: recovery skips them as a whole. */
  pairs?: readonly (readonly [open: K, close: K])[];
  /** What messages call a kind. Default: its name in quotes. */
  describe?: (kind: string, text: string) => string;
}

/** What {@linkcode TokenStream.error} may carry besides the message. */
export interface ErrorDetails {
  /** Stable identifier. Default `"syntax"`. */
  code?: string;
  /** Where. Default: the current token. */
  span?: Span;
  /** Text beside the carets. */
  label?: string;
  /** Further places. */
  related?: readonly { span: Span; message: string }[];
  /** What to do about it. */
  help?: string;
}

/**
 * A cursor over the tokens of a text with the helpers of a recursive-descent parser: look, accept, expect, and recover.
 *
 * Recovery is panic mode: after {@linkcode TokenStream.error} nothing is reported until {@linkcode
 * TokenStream.synchronize} has found a place where the grammar can go on, so one mistake is one diagnostic.
 * `synchronize` always consumes at least one token since the last time, so a loop around it ends.
 *
 * Characters that no rule matched are reported once, when the stream is made, and are not in the stream; a parse error
 * right behind them is taken for their consequence and kept silent.
 *
 * @example
 * ```ts
 * import { Lexer, TokenStream } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * const lexer = new Lexer([
 *   { name: "space", pattern: "\\s+", skip: true },
 *   { name: "word", pattern: "[a-z]+" },
 *   { name: "=", literal: "=" },
 *   { name: ";", literal: ";" },
 * ]);
 * const stream = new TokenStream(lexer, "a = b; c d; e = ; f = g;");
 * const done: string[] = [];
 * while (!stream.atEnd) {
 *   const name = stream.text();
 *   if (stream.expect("word") && stream.expect("=") && stream.expect("word")) done.push(name);
 *   if (stream.panicking || !stream.expect(";")) stream.synchronize([], [";"]);
 * }
 * assertEquals(done, ["a", "f"]);
 * assertEquals(stream.diagnostics.map((d) => d.message), [
 *   "expected '=', found 'd'",
 *   "expected 'word', found ';'",
 * ]);
 * ```
 */
export class TokenStream<K extends string = string> {
  /** The text that is parsed. */
  readonly source: SourceText;
  /** The lexer that the kinds belong to. */
  readonly lexer: Lexer<K>;
  /** Findings so far, in the order they were made. */
  readonly diagnostics: Diagnostic[] = [];
  /** Index of the current token. */
  index = 0;
  /** Kind of the current token. */
  kind: number;
  /** True between an error and the next {@linkcode TokenStream.synchronize}. */
  panicking = false;
  /** Findings beyond `maxDiagnostics`. */
  suppressed = 0;
  readonly #kinds: Uint16Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #length: number;
  readonly #behindError: Set<number> = new Set();
  readonly #maxDiagnostics: number;
  readonly #closers: Map<number, number> = new Map();
  readonly #describe: (kind: string, text: string) => string;
  #synchronizedAt = -1;

  /** Lexes `source` and stands on its first token. */
  constructor(
    lexer: Lexer<K>,
    source: SourceText | string,
    options: TokenStreamOptions<K> = {},
  ) {
    this.lexer = lexer;
    this.source = typeof source === "string" ? new SourceText(source) : source;
    this.#maxDiagnostics = options.maxDiagnostics ?? 100;
    this.#describe = options.describe ?? ((kind) => `'${kind}'`);
    for (const [open, close] of options.pairs ?? []) {
      this.#closers.set(lexer.kind(open), lexer.kind(close));
    }
    const tokens = this.#withoutErrors(lexer.tokenize(this.source.text));
    this.#kinds = tokens.kinds;
    this.#starts = tokens.starts;
    this.#ends = tokens.ends;
    this.#length = tokens.length;
    this.kind = this.#kinds[0]!;
  }

  /** Number of tokens, the end token included. */
  get length(): number {
    return this.#length;
  }

  /** Whether all tokens are consumed. */
  get atEnd(): boolean {
    return this.kind === END_TOKEN;
  }

  /** Start offset of the current token. */
  get start(): number {
    return this.#starts[this.index]!;
  }

  /** End offset of the token before the current one; 0 at the beginning. */
  get previousEnd(): number {
    return this.index === 0 ? 0 : this.#ends[this.index - 1]!;
  }

  /** Kind of the token `offset` places ahead; the end token past the end. */
  peek(offset = 1): number {
    return this.#kinds[Math.min(this.index + offset, this.#length - 1)]!;
  }

  /** Whether the current token is of this kind. */
  at(name: K): boolean {
    return this.kind === this.lexer.kind(name);
  }

  /** The characters of a token. Default: the current one. */
  text(index: number = this.index): string {
    return this.source.text.slice(this.#starts[index]!, this.#ends[index]!);
  }

  /** Range of a token. Default: the current one. */
  span(index: number = this.index): Span {
    return { start: this.#starts[index]!, end: this.#ends[index]! };
  }

  /** Start offset of a token. */
  startOf(index: number): number {
    return this.#starts[index]!;
  }

  /** End offset of a token. */
  endOf(index: number): number {
    return this.#ends[index]!;
  }

  /** Consumes the current token and returns its index; the end token is never passed. */
  advance(): number {
    const index = this.index;
    if (index < this.#length - 1) this.kind = this.#kinds[++this.index]!;
    return index;
  }

  /** Consumes the current token if it is of this kind. */
  accept(name: K): boolean {
    if (this.kind !== this.lexer.kind(name)) return false;
    this.advance();
    return true;
  }

  /** Consumes a token of this kind, or reports what stands there instead and returns false. */
  expect(name: K, details: ErrorDetails = {}): boolean {
    if (this.accept(name)) return true;
    this.unexpected(this.#describe(name, ""), details);
    return false;
  }

  /** Reports `expected …, found …` at the current token. */
  unexpected(expected: string, details: ErrorDetails = {}): void {
    const found = this.atEnd ? "the end of the input" : `'${shorten(this.text())}'`;
    this.error(`expected ${expected}, found ${found}`, details);
  }

  /** Reports an error and starts panicking; silent while panicking already. */
  error(message: string, details: ErrorDetails = {}): void {
    if (this.panicking) return;
    this.panicking = true;
    if (details.span === undefined && this.#behindError.has(this.index)) return;
    const { code = "syntax", span = this.span(), ...rest } = details;
    this.report({ severity: "error", code, message, span, ...rest });
  }

  /** Adds a finding without panicking. */
  report(diagnostic: Diagnostic): void {
    if (this.diagnostics.length < this.#maxDiagnostics) this.diagnostics.push(diagnostic);
    else this.suppressed++;
  }

  /**
   * Skips to a place where parsing can go on and stops panicking: before a token of `before`, behind one of `after`, or
   * before a closing bracket that was opened outside. Brackets opened on the way are skipped as a whole. Consumes at least
   * one token if it is called twice in the same place, unless the text is at its end.
   */
  synchronize(before: readonly K[], after: readonly K[] = []): void {
    this.panicking = false;
    const stops = new Set(before.map((name) => this.lexer.kind(name)));
    const ends = new Set(after.map((name) => this.lexer.kind(name)));
    const closing = new Set(this.#closers.values());
    const open: number[] = [];
    if (this.index === this.#synchronizedAt) this.advance();
    while (!this.atEnd) {
      const kind = this.kind;
      if (open.length === 0) {
        if (stops.has(kind)) break;
        if (ends.has(kind)) {
          this.advance();
          break;
        }
        if (closing.has(kind)) break;
      } else if (kind === open.at(-1)) open.pop();
      else if (stops.has(kind) && closing.has(kind)) break;
      const closer = this.#closers.get(kind);
      if (closer !== undefined) open.push(closer);
      this.advance();
    }
    this.#synchronizedAt = this.index;
  }

  /**
   * Parses `item (separator item)*` up to a closing token, which it consumes. A separator before the closing token is
   * accepted where `trailing` is set. Stops at the first item that reports an error. Returns whether the list was whole.
   */
  separated(
    separator: K,
    close: K,
    item: () => void,
    options: { trailing?: boolean } = {},
  ): boolean {
    if (this.accept(close)) return true;
    for (;;) {
      const before = this.index;
      item();
      if (this.panicking) return false;
      if (this.accept(close)) return true;
      if (!this.accept(separator)) {
        this.unexpected(`${this.#describe(separator, "")} or ${this.#describe(close, "")}`);
        return false;
      }
      if (options.trailing === true && this.accept(close)) return true;
      if (this.index === before) return false;
    }
  }

  /** Goes back to a token that was current before. Findings made since are kept. */
  rewind(index: number): void {
    this.index = index;
    this.kind = this.#kinds[index]!;
  }

  #withoutErrors(tokens: TokenBuffer): TokenBuffer {
    let any = false;
    for (let i = 0; i < tokens.length && !any; i++) any = tokens.kinds[i] === ERROR_TOKEN;
    if (!any) return tokens;
    const kept = new TokenBuffer();
    for (let i = 0; i < tokens.length; i++) {
      const start = tokens.starts[i]!;
      const end = tokens.ends[i]!;
      if (tokens.kinds[i] !== ERROR_TOKEN) {
        kept.push(tokens.kinds[i]!, start, end);
        continue;
      }
      this.#behindError.add(kept.length);
      const text = shorten(this.source.text.slice(start, end));
      this.report({
        severity: "error",
        code: "unexpected-character",
        message: `unexpected '${text}'`,
        span: { start, end },
      });
    }
    return kept;
  }
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
