import type { TokenStream } from "./token_stream.ts";

/** An operator before its operand. */
export interface PrefixRule<N> {
  /** Binding power: a higher one binds tighter. */
  readonly power: number;
  /** Makes the node. `operator` is a token index. Return undefined after reporting an error. */
  readonly build: (operator: number, operand: N) => N | undefined;
}

/** An operator between two operands. */
export interface InfixRule<N> {
  /** Binding power: a higher one binds tighter. */
  readonly power: number;
  /** How operators of the same power group. `"none"` refuses `a < b < c`. Default `"left"`. */
  readonly associativity?: "left" | "right" | "none";
  /** Makes the node. `operator` is a token index. Return undefined after reporting an error. */
  readonly build: (left: N, operator: number, right: N) => N | undefined;
}

/** An operator behind its operand, or any construct that starts with one token behind an operand. */
export interface PostfixRule<N> {
  /** Binding power: a higher one binds tighter. */
  readonly power: number;
  /** Makes the node; the token is consumed, and the function may consume more. Undefined after reporting an error. */
  readonly build: (operand: N, operator: number) => N | undefined;
}

/** Brackets around expressions: a group, a list, a call, an index. They nest without using the host's stack. */
export interface BracketRule<K extends string, N> {
  /** The closing token. */
  readonly close: K;
  /** What stands between two items; without it there is exactly one item. */
  readonly separator?: K;
  /** Accept a separator before the closing token. Default false. */
  readonly trailing?: boolean;
  /** Binding power, for brackets behind an operand. */
  readonly power?: number;
  /** Makes the node. `head` is the operand in front, undefined where there is none. Undefined after reporting an error. */
  readonly build: (
    items: N[],
    open: number,
    close: number,
    head: N | undefined,
  ) => N | undefined;
}

/** The tables of a {@linkcode PrattParser}, by the name of the token kind. */
export interface PrattGrammar<K extends string, N> {
  /** What starts an operand: consumes at least its token. Return undefined after reporting an error. */
  readonly atoms: { readonly [name in K]?: (stream: TokenStream<K>) => N | undefined };
  /** Operators before an operand. */
  readonly prefix?: { readonly [name in K]?: PrefixRule<N> };
  /** Operators between operands. */
  readonly infix?: { readonly [name in K]?: InfixRule<N> };
  /** Operators behind an operand. */
  readonly postfix?: { readonly [name in K]?: PostfixRule<N> };
  /** Brackets where an operand may start: `(a)`, `[a, b]`. */
  readonly groups?: { readonly [name in K]?: BracketRule<K, N> };
  /** Brackets behind an operand: `f(a, b)`, `a[i]`. */
  readonly calls?: { readonly [name in K]?: BracketRule<K, N> };
}

/** Options of a {@linkcode PrattParser}. */
export interface PrattOptions {
  /** Open prefixes, right operands and brackets at a time. Beyond it the expression is an error. Default 1,000,000. */
  maxDepth?: number;
  /** What messages call an operand. Default `"an expression"`. */
  expected?: string;
}

const PREFIX = 0;
const INFIX = 1;
const BRACKET = 2;

interface Frame<K extends string, N> {
  type: number;
  prefix: PrefixRule<N> | undefined;
  infix: InfixRule<N> | undefined;
  bracket: BracketRule<K, N> | undefined;
  token: number;
  left: N | undefined;
  items: N[] | undefined;
  minimum: number;
}

/**
 * An operator-precedence parser (V. Pratt, "Top down operator precedence", 1973) that runs from tables on a stack of its
 * own: a million `-` or `(` in a row cost memory and not the host's stack.
 *
 * @example
 * ```ts
 * import { Lexer, PrattParser, TokenStream } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * const lexer = new Lexer([
 *   { name: "space", pattern: "\\s+", skip: true },
 *   { name: "number", pattern: "\\d+" },
 *   ...(["+", "-", "*", "^", "!", "(", ")"] as const).map((name) => ({ name, literal: name })),
 * ]);
 * const stream = new TokenStream(lexer, "-2 ^ 3 ^ 2 + 4! * (5 - 6)");
 * const parser = new PrattParser<string, string>(lexer, {
 *   atoms: { number: (s) => s.text(s.advance()) },
 *   prefix: { "-": { power: 30, build: (_, a) => `(-${a})` } },
 *   infix: {
 *     "+": { power: 10, build: (a, _, b) => `(${a} + ${b})` },
 *     "-": { power: 10, build: (a, _, b) => `(${a} - ${b})` },
 *     "*": { power: 20, build: (a, _, b) => `(${a} * ${b})` },
 *     "^": { power: 40, associativity: "right", build: (a, _, b) => `(${a} ^ ${b})` },
 *   },
 *   postfix: { "!": { power: 50, build: (a) => `(${a}!)` } },
 *   groups: { "(": { close: ")", build: ([a]) => a } },
 * });
 * assertEquals(parser.parse(stream), "((-(2 ^ (3 ^ 2))) + ((4!) * (5 - 6)))");
 * ```
 */
export class PrattParser<K extends string, N> {
  readonly #atoms: ((stream: TokenStream<K>) => N | undefined)[];
  readonly #prefix: PrefixRule<N>[];
  readonly #infix: InfixRule<N>[];
  readonly #postfix: PostfixRule<N>[];
  readonly #groups: BracketRule<K, N>[];
  readonly #calls: BracketRule<K, N>[];
  readonly #maxDepth: number;
  readonly #expected: string;

  /** Resolves the names in the tables to the numbers of `lexer`'s kinds. */
  constructor(
    lexer: { readonly names: readonly string[] },
    grammar: PrattGrammar<K, N>,
    options: PrattOptions = {},
  ) {
    const numbers = new Map(lexer.names.map((name, kind) => [name, kind]));
    const table = <T>(rules: { readonly [name in K]?: T } | undefined): T[] => {
      const out: T[] = [];
      for (const [name, rule] of Object.entries(rules ?? {})) {
        const kind = numbers.get(name);
        if (kind === undefined) throw new TypeError(`Cannot use '${name}': no such token kind`);
        out[kind] = rule as T;
      }
      return out;
    };
    this.#atoms = table(grammar.atoms);
    this.#prefix = table(grammar.prefix);
    this.#infix = table(grammar.infix);
    this.#postfix = table(grammar.postfix);
    this.#groups = table(grammar.groups);
    this.#calls = table(grammar.calls);
    this.#maxDepth = options.maxDepth ?? 1_000_000;
    this.#expected = options.expected ?? "an expression";
  }

  /**
   * Parses the longest expression whose operators bind tighter than `minimum` (default: any). Returns undefined after an
   * error, which is reported to the stream and leaves it panicking. With `first`, an operand that is parsed already, it
   * goes on behind that. O(tokens).
   */
  parse(stream: TokenStream<K>, minimum = 0, first?: N): N | undefined {
    const frames: Frame<K, N>[] = [];
    // Powers are doubled, so that a right-associative operator can ask for half a step less.
    let min = minimum * 2;
    let refused = -1;
    let value: N | undefined = first;
    for (let given = first !== undefined;; given = false) {
      const kind = stream.kind;
      const prefix = this.#prefix[kind];
      const group = prefix === undefined ? this.#groups[kind] : undefined;
      if (given) {
        // Nothing to read: the operand was handed over.
      } else if (prefix !== undefined || group !== undefined) {
        if (frames.length >= this.#maxDepth) return this.#tooDeep(stream);
        const token = stream.advance();
        frames.push({
          type: prefix !== undefined ? PREFIX : BRACKET,
          prefix,
          infix: undefined,
          bracket: group,
          token,
          left: undefined,
          items: group === undefined ? undefined : [],
          minimum: min,
        });
        min = prefix !== undefined ? prefix.power * 2 : 0;
        refused = -1;
        if (group?.separator === undefined || !stream.at(group.close)) continue;
        value = group.build([], token, stream.advance(), undefined);
        min = frames.pop()!.minimum;
      } else {
        const atom = this.#atoms[kind];
        if (atom === undefined) {
          stream.unexpected(this.#expected);
          return undefined;
        }
        value = atom(stream);
      }
      // An operand is complete: extend it, or give it to the frame that waits for it.
      for (;;) {
        if (value === undefined || stream.panicking) return undefined;
        const next = stream.kind;
        const postfix = this.#postfix[next];
        if (postfix !== undefined && postfix.power * 2 > min) {
          value = postfix.build(value, stream.advance());
          continue;
        }
        const call = this.#calls[next];
        if (call !== undefined && call.power! * 2 > min) {
          if (frames.length >= this.#maxDepth) return this.#tooDeep(stream);
          const token = stream.advance();
          if (call.separator !== undefined && stream.at(call.close)) {
            value = call.build([], token, stream.advance(), value);
            continue;
          }
          frames.push({
            type: BRACKET,
            prefix: undefined,
            infix: undefined,
            bracket: call,
            token,
            left: value,
            items: [],
            minimum: min,
          });
          min = 0;
          refused = -1;
          break;
        }
        const infix = this.#infix[next];
        if (infix !== undefined && infix.power * 2 > min) {
          if (infix.power === refused) {
            stream.error(`'${stream.text()}' cannot be chained; use parentheses`);
            return undefined;
          }
          if (frames.length >= this.#maxDepth) return this.#tooDeep(stream);
          frames.push({
            type: INFIX,
            prefix: undefined,
            infix,
            bracket: undefined,
            token: stream.advance(),
            left: value,
            items: undefined,
            minimum: min,
          });
          min = infix.power * 2 - (infix.associativity === "right" ? 1 : 0);
          refused = -1;
          break;
        }
        const frame = frames.at(-1);
        if (frame === undefined) return value;
        if (frame.type === PREFIX) value = frame.prefix!.build(frame.token, value);
        else if (frame.type === INFIX) {
          value = frame.infix!.build(frame.left!, frame.token, value);
          refused = frame.infix!.associativity === "none" ? frame.infix!.power : -1;
        } else {
          const rule = frame.bracket!;
          frame.items!.push(value);
          if (rule.separator !== undefined && stream.accept(rule.separator)) {
            if (rule.trailing !== true || !stream.at(rule.close)) {
              refused = -1;
              break;
            }
          }
          if (!stream.at(rule.close)) {
            const open = { span: stream.span(frame.token), message: "opened here" };
            const either = rule.separator === undefined ? "" : `'${rule.separator}' or `;
            stream.unexpected(`${either}'${rule.close}'`, { related: [open] });
            return undefined;
          }
          value = rule.build(frame.items!, frame.token, stream.advance(), frame.left);
          refused = -1;
        }
        frames.pop();
        min = frame.minimum;
      }
    }
  }

  #tooDeep(stream: TokenStream<K>): undefined {
    stream.error(`more than ${this.#maxDepth} operators and brackets are open`, {
      code: "too-deep",
    });
    return undefined;
  }
}
