/**
 * From patterns to one deterministic automaton: pattern text, syntax tree, NFA (Thompson), DFA (subset construction) over
 * classes of UTF-16 code units, states merged by partition refinement (Moore).
 *
 * The pattern language is the regular part of ECMAScript's: literals, `.`, `[…]`, `[^…]`, `\d \w \s` and their negations,
 * `\p{…}` (within the Basic Multilingual Plane), escapes, `(…)`, `|`, `* + ?`, `{m}`, `{m,}`, `{m,n}`.
 */

/** Thrown when a table of token rules is wrong. */
export class LexerDefinitionError extends Error {
  /** Always `"LexerDefinitionError"`. */
  override readonly name = "LexerDefinitionError";
  /** Stable identifier of this kind of error. */
  readonly code = "lexer-definition";
}

type Range = readonly [number, number];
type Pattern =
  | { type: "set"; ranges: readonly Range[] }
  | { type: "sequence"; items: readonly Pattern[] }
  | { type: "choice"; items: readonly Pattern[] }
  | { type: "repeat"; item: Pattern; min: number; max: number };

const MAX_NESTING = 64;
const MAX_REPEAT = 256;
const MAX_NFA_STATES = 100_000;
const MAX_DFA_STATES = 20_000;
const DIGITS: Range[] = [[48, 57]];
const WORDS: Range[] = [[48, 57], [65, 90], [95, 95], [97, 122]];
const SPACES: Range[] = [
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const CONTROL: Record<string, number> = { n: 10, r: 13, t: 9, f: 12, v: 11, "0": 0 };

/** Reads a pattern; the text stands for exactly itself when `literal` is set. */
export function parsePattern(text: string, literal: boolean): Pattern {
  if (literal) {
    const items: Pattern[] = [];
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      items.push({ type: "set", ranges: [[unit, unit]] });
    }
    return { type: "sequence", items };
  }
  return new PatternParser(text).parse();
}

class PatternParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Pattern {
    const pattern = this.#choice();
    if (this.#at < this.#text.length) this.#fail("unexpected ')'");
    return pattern;
  }

  #fail(reason: string): never {
    throw new LexerDefinitionError(
      `Cannot read the pattern /${this.#text}/: ${reason} at offset ${this.#at}`,
    );
  }

  #choice(): Pattern {
    if (++this.#depth > MAX_NESTING) this.#fail("too many nested groups");
    const items = [this.#sequence()];
    while (this.#text[this.#at] === "|") {
      this.#at++;
      items.push(this.#sequence());
    }
    this.#depth--;
    return items.length === 1 ? items[0]! : { type: "choice", items };
  }

  #sequence(): Pattern {
    const items: Pattern[] = [];
    while (this.#at < this.#text.length && !"|)".includes(this.#text[this.#at]!)) {
      items.push(this.#repeat());
    }
    return items.length === 1 ? items[0]! : { type: "sequence", items };
  }

  #repeat(): Pattern {
    let item = this.#atom();
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === "*" || char === "+" || char === "?") {
        this.#at++;
        item = {
          type: "repeat",
          item,
          min: char === "+" ? 1 : 0,
          max: char === "?" ? 1 : Infinity,
        };
      } else if (char === "{") {
        const bounds = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 16));
        if (bounds === null) this.#fail("a bad repetition");
        const min = Number(bounds[1]);
        const max = bounds[2] === undefined ? min : bounds[3] === "" ? Infinity : Number(bounds[3]);
        if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT) || min > max) {
          this.#fail(`a repetition beyond ${MAX_REPEAT}`);
        }
        this.#at += bounds[0].length;
        item = { type: "repeat", item, min, max };
      } else break;
    }
    return item;
  }

  #atom(): Pattern {
    const char = this.#text[this.#at]!;
    if (char === "(") {
      this.#at++;
      if (this.#text.startsWith("?:", this.#at)) this.#at += 2;
      const inner = this.#choice();
      if (this.#text[this.#at] !== ")") this.#fail("a group that is not closed");
      this.#at++;
      return inner;
    }
    if (char === "[") return this.#set();
    if (char === ".") {
      this.#at++;
      return { type: "set", ranges: complement([[10, 10], [13, 13], [0x2028, 0x2029]]) };
    }
    if (char === "\\") return { type: "set", ranges: this.#escape() };
    if ("*+?{}])".includes(char)) this.#fail(`an unescaped '${char}'`);
    const point = this.#text.codePointAt(this.#at)!;
    this.#at += point > 0xffff ? 2 : 1;
    return { type: "set", ranges: [[point, point]] };
  }

  #set(): Pattern {
    this.#at++;
    const negated = this.#text[this.#at] === "^";
    if (negated) this.#at++;
    const ranges: Range[] = [];
    while (this.#text[this.#at] !== "]") {
      if (this.#at >= this.#text.length) this.#fail("a set that is not closed");
      const first = this.#member();
      const single = first.length === 1 && first[0]![0] === first[0]![1];
      if (single && this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]") {
        this.#at++;
        const last = this.#member();
        if (last.length !== 1 || last[0]![1] < first[0]![0]) this.#fail("a bad range");
        ranges.push([first[0]![0], last[0]![1]]);
      } else ranges.push(...first);
    }
    this.#at++;
    if (negated && ranges.some((range) => range[1] > 0xffff)) {
      this.#fail("a negated set with characters beyond U+FFFF");
    }
    return { type: "set", ranges: negated ? complement(ranges) : ranges };
  }

  #member(): readonly Range[] {
    if (this.#text[this.#at] === "\\") return this.#escape();
    const point = this.#text.codePointAt(this.#at);
    if (point === undefined) this.#fail("a set that is not closed");
    this.#at += point > 0xffff ? 2 : 1;
    return [[point, point]];
  }

  #escape(): readonly Range[] {
    const rest = this.#text.slice(this.#at + 1, this.#at + 40);
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/.exec(rest);
    if (code !== null) {
      this.#at += 1 + code[0].length;
      const point = parseInt(code[1] ?? code[2] ?? code[3]!, 16);
      if (point > 0x10ffff) this.#fail("a character beyond U+10FFFF");
      return [[point, point]];
    }
    const property = /^[pP]\{[A-Za-z_=]+\}/.exec(rest);
    if (property !== null) {
      this.#at += 1 + property[0].length;
      return propertyRanges(`\\${property[0]}`, (reason) => this.#fail(reason));
    }
    const char = rest[0];
    if (char === undefined) this.#fail("a lone backslash");
    this.#at += 2;
    if (char === "d") return DIGITS;
    if (char === "D") return complement(DIGITS);
    if (char === "w") return WORDS;
    if (char === "W") return complement(WORDS);
    if (char === "s") return SPACES;
    if (char === "S") return complement(SPACES);
    const control = CONTROL[char];
    if (control !== undefined) return [[control, control]];
    if (/[A-Za-z0-9]/.test(char)) this.#fail(`an unknown escape '\\${char}'`);
    const unit = char.charCodeAt(0);
    return [[unit, unit]];
  }
}

function propertyRanges(source: string, fail: (reason: string) => never): Range[] {
  let test: RegExp;
  try {
    test = new RegExp(`^${source}$`, "u");
  } catch {
    fail(`an unknown property ${source}`);
  }
  const ranges: [number, number][] = [];
  for (let unit = 0; unit < 0x10000; unit++) {
    if (unit >= 0xd800 && unit < 0xe000) continue;
    if (!test.test(String.fromCharCode(unit))) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === unit - 1) last[1] = unit;
    else ranges.push([unit, unit]);
  }
  return ranges;
}

function complement(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const out: Range[] = [];
  let next = 0;
  for (const [low, high] of sorted) {
    if (low > next) out.push([next, low - 1]);
    next = Math.max(next, high + 1);
  }
  if (next <= 0xffff) out.push([next, 0xffff]);
  return out;
}

/** One state machine for several start states; what a {@linkcode Lexer} runs on. */
export interface Automaton {
  /** Class of every UTF-16 code unit. */
  readonly classOf: Uint16Array;
  /** Number of classes: the length of one row of `next`. */
  readonly classCount: number;
  /** Row offset of the following state, by row offset plus class; row 0 is the dead state. */
  readonly next: Int32Array;
  /** Rule that a state accepts, by row index; -1 for none. */
  readonly accept: Int32Array;
  /** Row offset of each start state. */
  readonly starts: readonly number[];
}

/** What the automaton builder needs to know of a rule. */
export interface AutomatonRule {
  readonly pattern: Pattern;
  /** Which of the start states the rule belongs to. */
  readonly start: number;
}

/** Compiles rules; where two match the same text, the earlier rule wins. */
export function buildAutomaton(rules: readonly AutomatonRule[], startCount: number): Automaton {
  const nfa = new Nfa();
  const roots = Array.from({ length: startCount }, () => nfa.state());
  rules.forEach((rule, index) => {
    const from = nfa.state();
    nfa.epsilon(roots[rule.start]!, from);
    nfa.accept[nfa.add(rule.pattern, from)] = index;
  });
  const { classOf, representatives } = nfa.classes();
  return determinize(nfa, roots, classOf, representatives);
}

class Nfa {
  readonly epsilons: number[][] = [];
  readonly edges: [low: number, high: number, to: number][][] = [];
  readonly accept: (number | undefined)[] = [];

  state(): number {
    if (this.edges.length >= MAX_NFA_STATES) {
      throw new LexerDefinitionError(`Cannot compile the rules: over ${MAX_NFA_STATES} states`);
    }
    this.epsilons.push([]);
    this.edges.push([]);
    this.accept.push(undefined);
    return this.edges.length - 1;
  }

  epsilon(from: number, to: number): void {
    this.epsilons[from]!.push(to);
  }

  /** Adds a pattern that starts in `from` and returns the state it ends in. */
  add(pattern: Pattern, from: number): number {
    if (pattern.type === "set") return this.#set(pattern.ranges, from);
    if (pattern.type === "sequence") {
      let at = from;
      for (const item of pattern.items) at = this.add(item, at);
      return at;
    }
    const end = this.state();
    if (pattern.type !== "repeat") {
      for (const item of pattern.items) {
        const start = this.state();
        this.epsilon(from, start);
        this.epsilon(this.add(item, start), end);
      }
      return end;
    }
    let at = from;
    for (let i = 0; i < pattern.min; i++) at = this.add(pattern.item, at);
    if (pattern.max === Infinity) {
      const loop = this.state();
      this.epsilon(at, loop);
      this.epsilon(this.add(pattern.item, loop), loop);
      this.epsilon(loop, end);
      return end;
    }
    this.epsilon(at, end);
    for (let i = pattern.min; i < pattern.max; i++) {
      // A fresh state, so that the loop of an inner star cannot be re-entered from outside.
      const start = this.state();
      this.epsilon(at, start);
      at = this.add(pattern.item, start);
      this.epsilon(at, end);
    }
    return end;
  }

  #set(ranges: readonly Range[], from: number): number {
    const end = this.state();
    for (const [low, high] of ranges) {
      if (low <= 0xffff) this.edges[from]!.push([low, Math.min(high, 0xffff), end]);
      if (high > 0xffff) this.#astral(Math.max(low, 0x10000), high, from, end);
    }
    return end;
  }

  /** Characters beyond U+FFFF are two units: one edge for each lead, its trails behind it. */
  #astral(low: number, high: number, from: number, end: number): void {
    for (let lead = lead16(low); lead <= lead16(high); lead++) {
      const first = lead === lead16(low) ? trail16(low) : 0xdc00;
      const last = lead === lead16(high) ? trail16(high) : 0xdfff;
      const middle = this.state();
      this.edges[from]!.push([lead, lead, middle]);
      this.edges[middle]!.push([first, last, end]);
    }
  }

  classes(): { classOf: Uint16Array; representatives: number[] } {
    const cuts = new Set<number>([0]);
    for (const edges of this.edges) {
      for (const [low, high] of edges) {
        cuts.add(low);
        cuts.add(high + 1);
      }
    }
    // Two intervals are one class when the same edges cross both.
    const sorted = [...cuts].filter((cut) => cut <= 0xffff).sort((a, b) => a - b);
    const signatures = sorted.map(() => "");
    const index = new Map(sorted.map((cut, i) => [cut, i]));
    let edgeId = 0;
    for (const edges of this.edges) {
      for (const [low, high] of edges) {
        const id = String.fromCharCode(edgeId & 0x7fff, edgeId >> 15);
        edgeId++;
        const last = high + 1 > 0xffff ? sorted.length : index.get(high + 1)!;
        for (let i = index.get(low)!; i < last; i++) signatures[i] += id;
      }
    }
    const classOf = new Uint16Array(0x10000);
    const known = new Map<string, number>();
    const representatives: number[] = [];
    sorted.forEach((cut, i) => {
      let id = known.get(signatures[i]!);
      if (id === undefined) {
        known.set(signatures[i]!, id = representatives.length);
        representatives.push(cut);
      }
      classOf.fill(id, cut, sorted[i + 1] ?? 0x10000);
    });
    return { classOf, representatives };
  }
}

function lead16(point: number): number {
  return 0xd800 + ((point - 0x10000) >> 10);
}

function trail16(point: number): number {
  return 0xdc00 + ((point - 0x10000) & 0x3ff);
}

function determinize(
  nfa: Nfa,
  roots: readonly number[],
  classOf: Uint16Array,
  representatives: readonly number[],
): Automaton {
  const width = representatives.length;
  const ids = new Map<string, number>([["", 0]]);
  const sets: number[][] = [[]];
  const rows: number[] = new Array<number>(width).fill(0);
  const stateOf = (seeds: Iterable<number>): number => {
    const closed = closure(nfa, seeds);
    const key = closed.join(",");
    let id = ids.get(key);
    if (id === undefined) {
      if (sets.length >= MAX_DFA_STATES) {
        throw new LexerDefinitionError(`Cannot compile the rules: over ${MAX_DFA_STATES} states`);
      }
      ids.set(key, id = sets.length);
      sets.push(closed);
    }
    return id;
  };
  const starts = roots.map((root) => stateOf([root]));
  for (let state = 1; state < sets.length; state++) {
    for (let cls = 0; cls < width; cls++) {
      const unit = representatives[cls]!;
      const targets: number[] = [];
      for (const member of sets[state]!) {
        for (const [low, high, to] of nfa.edges[member]!) {
          if (unit >= low && unit <= high) targets.push(to);
        }
      }
      rows[state * width + cls] = targets.length === 0 ? 0 : stateOf(targets);
    }
  }
  const accept = sets.map((members) => {
    let best = -1;
    for (const member of members) {
      const rule = nfa.accept[member];
      if (rule !== undefined && (best < 0 || rule < best)) best = rule;
    }
    return best;
  });
  return minimize(rows, accept, starts, width, classOf);
}

function closure(nfa: Nfa, seeds: Iterable<number>): number[] {
  const seen = new Set<number>(seeds);
  const queue = [...seen];
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (const to of nfa.epsilons[state]!) {
      if (!seen.has(to)) {
        seen.add(to);
        queue.push(to);
      }
    }
  }
  return [...seen].sort((a, b) => a - b);
}

function minimize(
  rows: readonly number[],
  accept: readonly number[],
  starts: readonly number[],
  width: number,
  classOf: Uint16Array,
): Automaton {
  // State 0 is dead and keeps block 0, since no other state has both no rule and no way out.
  let block = accept.map((rule, state) => state === 0 ? 0 : rule + 2);
  let count = new Set(block).size;
  for (;;) {
    const ids = new Map<string, number>();
    const refined = block.map((own, state) => {
      let key = `${own}`;
      for (let cls = 0; cls < width; cls++) key += `,${block[rows[state * width + cls]!]}`;
      let id = ids.get(key);
      if (id === undefined) ids.set(key, id = ids.size);
      return id;
    });
    block = refined;
    if (ids.size === count) break;
    count = ids.size;
  }
  const next = new Int32Array(count * width);
  const merged = new Int32Array(count).fill(-1);
  block.forEach((own, state) => {
    merged[own] = accept[state]!;
    for (let cls = 0; cls < width; cls++) {
      next[own * width + cls] = block[rows[state * width + cls]!]! * width;
    }
  });
  return {
    classOf,
    classCount: width,
    next,
    accept: merged,
    starts: starts.map((start) => block[start]! * width),
  };
}
