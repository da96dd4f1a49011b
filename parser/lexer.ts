import {
  type Automaton,
  buildAutomaton,
  LexerDefinitionError,
  parsePattern,
} from "./_automaton.ts";
export { LexerDefinitionError } from "./_automaton.ts";

/** One row of a {@linkcode Lexer}'s table. Give exactly one of `pattern` and `literal`. */
export interface TokenRule<K extends string = string> {
  /** Kind of the token; several rules may share one. */
  readonly name: K;
  /**
   * A regular pattern in ECMAScript's notation: literals, `.`, sets, `\d \w \s \p{…}`, groups, `|` and repetition. No
   * anchors, look-around, lazy repetition or back-references. `\p{…}` covers U+0000 to U+FFFF.
   */
  readonly pattern?: string;
  /** Text that stands for exactly itself. */
  readonly literal?: string;
  /** Leave the token out of the buffer (white space, comments). */
  readonly skip?: boolean;
  /** Modes in which the rule applies. Default `["main"]`. */
  readonly modes?: readonly string[];
  /** Mode to enter after the token; `pop` goes back to the one before. */
  readonly push?: string;
  /** Go back to the mode that was entered from. In the outermost mode it does nothing. */
  readonly pop?: boolean;
}

/** Options of a {@linkcode Lexer}. */
export interface LexerOptions {
  /** Modes that nest deeper than this stop nesting: the token is reported as an error. Default 10,000. */
  maxModeDepth?: number;
}

/** Kind of a run of characters that no rule matches. */
export const ERROR_TOKEN = 0;
/** Kind of the token that ends every buffer. */
export const END_TOKEN = 1;

const RETRY_LIMIT = 256;

/**
 * The tokens of a text as three arrays, so that a million tokens are three allocations and not a million objects. The last
 * token is always {@linkcode END_TOKEN}.
 */
export class TokenBuffer {
  /** Kind of each token. */
  kinds: Uint16Array = new Uint16Array(256);
  /** Start offset of each token. */
  starts: Uint32Array = new Uint32Array(256);
  /** End offset of each token. */
  ends: Uint32Array = new Uint32Array(256);
  /** Number of tokens, the end token included. */
  length = 0;

  /** Appends a token. Amortised O(1). */
  push(kind: number, start: number, end: number): void {
    if (this.length === this.kinds.length) this.#grow();
    this.kinds[this.length] = kind;
    this.starts[this.length] = start;
    this.ends[this.length++] = end;
  }

  #grow(): void {
    const size = this.length * 2;
    const kinds = new Uint16Array(size);
    const starts = new Uint32Array(size);
    const ends = new Uint32Array(size);
    kinds.set(this.kinds);
    starts.set(this.starts);
    ends.set(this.ends);
    this.kinds = kinds;
    this.starts = starts;
    this.ends = ends;
  }
}

/**
 * A lexer made from a table of rules. The whole table becomes one deterministic automaton over classes of UTF-16 code
 * units; reading a token is two array look-ups a code unit. The longest match wins; of equal matches, the earlier rule.
 *
 * Lexing is linear in the text: a rule that reads far ahead and fails is remembered and not tried again from the same
 * state and place (T. Reps, "Maximal-munch tokenization in linear time", 1998).
 *
 * @example
 * ```ts
 * import { Lexer } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * const lexer = new Lexer([
 *   { name: "space", pattern: "\\s+", skip: true },
 *   { name: "let", literal: "let" },
 *   { name: "name", pattern: "[A-Za-z_]\\w*" },
 *   { name: "number", pattern: "\\d+" },
 *   { name: "=", literal: "=" },
 * ]);
 * const text = "let letter = 42";
 * const tokens = lexer.tokenize(text);
 * const seen = Array.from({ length: tokens.length }, (_, i) => lexer.nameOf(tokens.kinds[i]!));
 * assertEquals(seen, ["let", "name", "=", "number", "end"]);
 * ```
 */
export class Lexer<K extends string = string> {
  /** Name of every kind, by number; 0 is `error`, 1 is `end`. */
  readonly names: readonly string[];
  readonly #kinds: ReadonlyMap<string, number>;
  readonly #automaton: Automaton;
  readonly #kindOf: Uint16Array;
  /** 1 skip, 2 changes the mode. */
  readonly #flags: Uint8Array;
  readonly #push: Int32Array;
  readonly #pop: Uint8Array;
  readonly #maxModeDepth: number;

  /**
   * Compiles the table.
   *
   * @throws {LexerDefinitionError} If a pattern is malformed, matches the empty text, names an unknown mode, or the table
   * needs more than 20,000 states.
   */
  constructor(rules: readonly TokenRule<K>[], options: LexerOptions = {}) {
    this.#maxModeDepth = options.maxModeDepth ?? 10_000;
    const names = ["error", "end"];
    const kinds = new Map<string, number>([["error", ERROR_TOKEN], ["end", END_TOKEN]]);
    const modes = new Map<string, number>([["main", 0]]);
    for (const rule of rules) {
      if (!kinds.has(rule.name)) {
        kinds.set(rule.name, names.length);
        names.push(rule.name);
      }
      for (const mode of rule.modes ?? []) if (!modes.has(mode)) modes.set(mode, modes.size);
    }
    const flat = rules.flatMap((rule) => {
      const { pattern, literal } = rule;
      if ((pattern === undefined) === (literal === undefined)) {
        throw new LexerDefinitionError(
          `Cannot read the rule '${rule.name}': give a pattern or a literal`,
        );
      }
      const parsed = parsePattern(literal ?? pattern!, literal !== undefined);
      return (rule.modes ?? ["main"]).map((mode) => ({
        rule,
        pattern: parsed,
        start: modes.get(mode)!,
      }));
    });
    this.names = names;
    this.#kinds = kinds;
    this.#automaton = buildAutomaton(flat, modes.size);
    this.#kindOf = Uint16Array.from(flat, (entry) => kinds.get(entry.rule.name)!);
    this.#flags = Uint8Array.from(
      flat,
      ({ rule }) => (rule.skip ? 1 : 0) | (rule.push !== undefined || rule.pop ? 2 : 0),
    );
    this.#pop = Uint8Array.from(flat, ({ rule }) => rule.pop ? 1 : 0);
    this.#push = Int32Array.from(flat, ({ rule }) => {
      if (rule.push === undefined) return -1;
      const mode = modes.get(rule.push);
      if (mode === undefined) {
        throw new LexerDefinitionError(
          `Cannot read the rule '${rule.name}': no rule is in the mode '${rule.push}'`,
        );
      }
      return mode;
    });
    for (const start of this.#automaton.starts) {
      const rule = this.#automaton.accept[start / this.#automaton.classCount]!;
      if (rule >= 0) {
        throw new LexerDefinitionError(
          `Cannot use the rule '${flat[rule]!.rule.name}': it matches the empty text`,
        );
      }
    }
  }

  /** Number of a kind. */
  kind(name: K | "error" | "end"): number {
    return this.#kinds.get(name)!;
  }

  /** Name of a kind. */
  nameOf(kind: number): string {
    return this.names[kind] ?? "error";
  }

  /**
   * Splits a text into tokens. A run of characters that no rule matches becomes one {@linkcode ERROR_TOKEN}; nothing is
   * thrown. O(length).
   */
  tokenize(text: string): TokenBuffer {
    const tokens = new TokenBuffer();
    const { classOf, classCount, next, accept, starts } = this.#automaton;
    const kindOf = this.#kindOf;
    const flags = this.#flags;
    const length = text.length;
    const modes: number[] = [];
    let mode = 0;
    let start = starts[0]!;
    let failures: Set<number> | undefined;
    let errorStart = -1;
    let at = 0;
    while (at < length) {
      let state = start;
      let rule = -1;
      let end = at;
      let i = at;
      while (i < length) {
        state = next[state + classOf[text.charCodeAt(i)]!]!;
        if (state === 0) break;
        i++;
        const accepted = accept[state / classCount]!;
        if (accepted >= 0) {
          rule = accepted;
          end = i;
        } else if (failures !== undefined && failures.has(i * next.length + state)) break;
      }
      if (i - end > RETRY_LIMIT) {
        failures ??= new Set();
        this.#remember(text, rule < 0 ? at : end, i, at, start, failures);
      }
      if (rule < 0) {
        if (errorStart < 0) errorStart = at;
        // A surrogate pair is one character of the error.
        at += (text.charCodeAt(at) & 0xfc00) === 0xd800 && at + 1 < length ? 2 : 1;
        continue;
      }
      if (errorStart >= 0) {
        tokens.push(ERROR_TOKEN, errorStart, at);
        errorStart = -1;
      }
      const flag = flags[rule]!;
      if ((flag & 1) === 0) tokens.push(kindOf[rule]!, at, end);
      if ((flag & 2) !== 0) {
        if (this.#pop[rule] === 1 && modes.length > 0) mode = modes.pop()!;
        const target = this.#push[rule]!;
        if (target >= 0) {
          if (modes.length >= this.#maxModeDepth) tokens.kinds[tokens.length - 1] = ERROR_TOKEN;
          else {
            modes.push(mode);
            mode = target;
          }
        }
        start = starts[mode]!;
      }
      at = end;
    }
    if (errorStart >= 0) tokens.push(ERROR_TOKEN, errorStart, length);
    tokens.push(END_TOKEN, length, length);
    return tokens;
  }

  /** Notes the states of a read-ahead that came to nothing, from `from` to `to`. */
  #remember(
    text: string,
    from: number,
    to: number,
    at: number,
    start: number,
    failures: Set<number>,
  ): void {
    const { classOf, next } = this.#automaton;
    let state = start;
    // The set is bounded; beyond it the lexer is right but no longer protected against read-ahead.
    for (let i = at; i < to && failures.size < 8_000_000; i++) {
      state = next[state + classOf[text.charCodeAt(i)]!]!;
      if (i >= from) failures.add((i + 1) * next.length + state);
    }
  }
}
