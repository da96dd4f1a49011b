/** A text that is not an I-Regexp, or one that is larger than the limits. */
export class IRegexpError extends Error {
  /** Always `"IRegexpError"`. */
  override readonly name = "IRegexpError";
  /** `syntax`: not an I-Regexp; `too-large`: more states than `MAX_STATES`. */
  readonly code: "syntax" | "too-large";
  /** Where it is wrong, in UTF-16 units from 0. */
  readonly offset: number;

  /** Made by `IRegexp`. */
  constructor(code: "syntax" | "too-large", offset: number, message: string) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

/** Most states of a compiled expression; `(a{100}){100}` has about ten thousand. */
const MAX_STATES = 20_000;
/** Most levels of groups. */
const MAX_GROUPS = 200;
/** Most sets of states that are kept as states of a deterministic automaton. */
const MAX_CACHED_SETS = 500;
/** A larger set of states is not kept. */
const MAX_CACHED_SET_SIZE = 200;

/** Tells whether a code point is in a class. */
type Accepts = (point: number) => boolean;

// Instructions of the automaton.
const CHARACTER = 0;
const SPLIT = 1;
const MATCH = 2;
const START = 3;
const END = 4;

interface State {
  op: number;
  accepts: Accepts | null;
  next: number;
  other: number;
}

/** The syntax tree, flat enough to be repeated by walking it again. */
type Node =
  | { kind: "empty" }
  | { kind: "class"; accepts: Accepts }
  | { kind: "anchor"; op: number }
  | { kind: "sequence"; items: Node[] }
  | { kind: "choice"; items: Node[] }
  | { kind: "repeat"; item: Node; min: number; max: number };

const CATEGORY = /^(?:L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|Z[lps]?|S[ckmo]?|C[cfno]?)$/;
const SINGLE_ESCAPES: Record<string, number> = { n: 10, r: 13, t: 9 };
const ESCAPABLE = "()*+-.?[\\]^{|}";
/** Characters that stand for themselves only after a backslash. */
const SPECIAL = "()*+.?[\\]{|}";

const categories = new Map<string, Accepts>();

function category(name: string, negated: boolean): Accepts {
  const key = (negated ? "P" : "p") + name;
  let accepts = categories.get(key);
  if (accepts === undefined) {
    // One character against one class: nothing to backtrack over.
    const pattern = new RegExp(`^\\${key[0]}{${name}}$`, "u");
    accepts = (point) => pattern.test(String.fromCodePoint(point));
    categories.set(key, accepts);
  }
  return accepts;
}

class Parser {
  #at = 0;
  #depth = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#text.length) this.#fail("unexpected ')'");
    return node;
  }

  #fail(why: string): never {
    throw new IRegexpError(
      "syntax",
      this.#at,
      `Cannot read the I-Regexp at position ${this.#at}: ${why}`,
    );
  }

  #choice(): Node {
    const items = [this.#sequence()];
    while (this.#text[this.#at] === "|") {
      this.#at++;
      items.push(this.#sequence());
    }
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (character === "|" || character === ")") break;
      items.push(this.#quantified(this.#atom(character)));
    }
    return items.length === 0
      ? { kind: "empty" }
      : items.length === 1
      ? items[0]!
      : { kind: "sequence", items };
  }

  #quantified(item: Node): Node {
    switch (this.#text[this.#at]) {
      case "*":
        this.#at++;
        return { kind: "repeat", item, min: 0, max: Infinity };
      case "+":
        this.#at++;
        return { kind: "repeat", item, min: 1, max: Infinity };
      case "?":
        this.#at++;
        return { kind: "repeat", item, min: 0, max: 1 };
      case "{": {
        const match = /^\{([0-9]+)(?:(,)([0-9]*))?\}/.exec(
          this.#text.slice(this.#at, this.#at + 64),
        );
        if (match === null) this.#fail("'{' does not start a repetition such as '{2,3}'");
        const min = Number(match[1]);
        const max = match[2] === undefined ? min : match[3] === "" ? Infinity : Number(match[3]);
        if (max < min) this.#fail("the repetition's bounds are in the wrong order");
        this.#at += match[0].length;
        return { kind: "repeat", item, min, max };
      }
      default:
        return item;
    }
  }

  #atom(character: string): Node {
    if (character === "(") {
      if (++this.#depth > MAX_GROUPS) this.#fail(`more than ${MAX_GROUPS} levels of groups`);
      this.#at++;
      const node = this.#choice();
      if (this.#text[this.#at] !== ")") this.#fail("')' is missing");
      this.#at++;
      this.#depth--;
      return node;
    }
    if (character === ".") {
      this.#at++;
      return { kind: "class", accepts: (point) => point !== 10 && point !== 13 };
    }
    if (character === "[") return { kind: "class", accepts: this.#class() };
    if (character === "\\") {
      const escape = this.#escape();
      return {
        kind: "class",
        accepts: typeof escape === "number" ? (point) => point === escape : escape,
      };
    }
    if (character === "^" || character === "$") {
      this.#at++;
      return { kind: "anchor", op: character === "^" ? START : END };
    }
    if (SPECIAL.includes(character)) this.#fail(`'${character}' must be escaped`);
    const own = this.#character();
    return { kind: "class", accepts: (point) => point === own };
  }

  /** Reads one code point. */
  #character(): number {
    const point = this.#text.codePointAt(this.#at)!;
    if (point >= 0xd800 && point <= 0xdfff) this.#fail("half of a surrogate pair");
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #escape(): number | Accepts {
    const letter = this.#text[this.#at + 1] ?? "";
    if (letter === "p" || letter === "P") {
      const match = /^\{([A-Z][a-z]?)\}/.exec(this.#text.slice(this.#at + 2, this.#at + 6));
      if (match === null || !CATEGORY.test(match[1]!)) this.#fail("unknown character category");
      this.#at += 2 + match[0].length;
      return category(match[1]!, letter === "P");
    }
    const single = SINGLE_ESCAPES[letter];
    if (single === undefined && (letter === "" || !ESCAPABLE.includes(letter))) {
      this.#fail("unknown escape sequence");
    }
    this.#at += 2;
    return single ?? letter.charCodeAt(0);
  }

  #class(): Accepts {
    this.#at++;
    const negated = this.#text[this.#at] === "^";
    if (negated) this.#at++;
    const ranges: number[] = [];
    const others: Accepts[] = [];
    let first = true;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) this.#fail("']' is missing");
      if (character === "]") {
        if (first) this.#fail("the class is empty");
        this.#at++;
        break;
      }
      if (character === "-" && !first && this.#text[this.#at + 1] !== "]") {
        this.#fail("'-' must be first, last or escaped");
      }
      const plain = character === "-";
      const low = this.#classItem();
      first = false;
      if (typeof low !== "number") {
        others.push(low);
        continue;
      }
      let high = low;
      if (!plain && this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]") {
        this.#at++;
        const end = this.#text[this.#at] === "-"
          ? this.#fail("'-' must be escaped")
          : this.#classItem();
        if (typeof end !== "number" || end < low) this.#fail("the range is not in order");
        high = end;
      }
      ranges.push(low, high);
    }
    return (point) => {
      for (let i = 0; i < ranges.length; i += 2) {
        if (point >= ranges[i]! && point <= ranges[i + 1]!) return !negated;
      }
      for (const accepts of others) if (accepts(point)) return !negated;
      return negated;
    };
  }

  #classItem(): number | Accepts {
    const character = this.#text[this.#at];
    if (character === undefined) this.#fail("']' is missing");
    if (character === "\\") return this.#escape();
    if (character === "[") this.#fail("'[' must be escaped");
    return this.#character();
  }
}

/** Builds the automaton from back to front; depth is bounded by the parser's limit on groups. */
class Compiler {
  readonly states: State[] = [];
  readonly #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  add(op: number, accepts: Accepts | null, next: number, other: number): number {
    if (this.states.length >= MAX_STATES) {
      throw new IRegexpError(
        "too-large",
        this.#offset,
        `Cannot compile the I-Regexp: it needs more than ${MAX_STATES} states`,
      );
    }
    return this.states.push({ op, accepts, next, other }) - 1;
  }

  /** The entry of `node` followed by the state `next`. */
  compile(node: Node, next: number): number {
    switch (node.kind) {
      case "empty":
        return next;
      case "class":
        return this.add(CHARACTER, node.accepts, next, -1);
      case "anchor":
        return this.add(node.op, null, next, -1);
      case "sequence": {
        let entry = next;
        for (let i = node.items.length - 1; i >= 0; i--) {
          entry = this.compile(node.items[i]!, entry);
        }
        return entry;
      }
      case "choice": {
        let entry = this.compile(node.items.at(-1)!, next);
        for (let i = node.items.length - 2; i >= 0; i--) {
          entry = this.add(SPLIT, null, this.compile(node.items[i]!, next), entry);
        }
        return entry;
      }
      case "repeat":
        return this.#repeat(node, next);
    }
  }

  #repeat(node: Node & { kind: "repeat" }, next: number): number {
    let entry = next;
    if (node.max === Infinity) {
      const loop = this.add(SPLIT, null, -1, next);
      this.states[loop]!.next = this.compile(node.item, loop);
      entry = loop;
    } else {
      for (let i = node.min; i < node.max; i++) {
        const before = this.states.length;
        entry = this.add(SPLIT, null, this.compile(node.item, entry), next);
        if (this.states.length === before + 1) break; // matches the empty text only
      }
    }
    for (let i = 0; i < node.min; i++) {
      const before = this.states.length;
      entry = this.compile(node.item, entry);
      if (this.states.length === before) break;
    }
    return entry;
  }
}

/** A set of states, with the sets that follow it by character. */
interface StateSet {
  states: Int32Array;
  matches: boolean;
  /** Matches if the text ends here. */
  matchesAtEnd: boolean;
  next: Map<number, StateSet>;
}

/**
 * An I-Regexp (RFC 9485), the regular expressions of JSONPath: no back references, no look-around, no lazy
 * forms. Matching takes time proportional to the text (times the expression's size at worst), never exponential.
 *
 * Characters are Unicode code points; `.` is any but LF and CR. `^` and `$` hold at the start and the end of the text, as in the
 * mappings of section 5 and in JSONPath's conformance suite.
 *
 * @example
 * ```ts
 * import { IRegexp } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const date = new IRegexp("[0-9]{4}-[0-9]{2}");
 * assertEquals(date.matches("2025-01"), true);
 * assertEquals(date.matches("on 2025-01-15"), false);
 * assertEquals(date.isFoundIn("on 2025-01-15"), true);
 * assertEquals(new IRegexp("(a*)*b").matches("a".repeat(100_000)), false);
 * ```
 */
export class IRegexp {
  /** The expression's text. */
  readonly source: string;
  readonly #states: State[];
  readonly #entry: number;
  readonly #marks: Uint32Array;
  #mark = 0;
  #sets = new Map<string, StateSet>();
  #start: StateSet | null = null;

  /**
   * Compiles an expression.
   *
   * @throws {IRegexpError} For anything that is not an I-Regexp, or needs more than 20,000 states.
   */
  constructor(source: string) {
    this.source = source;
    const tree = new Parser(source).parse();
    const compiler = new Compiler(source.length);
    const match = compiler.add(MATCH, null, -1, -1);
    this.#entry = compiler.compile(tree, match);
    this.#states = compiler.states;
    this.#marks = new Uint32Array(this.#states.length);
  }

  /** Tells whether the expression matches the whole of `text`. */
  matches(text: string): boolean {
    return this.#run(text, false);
  }

  /** Tells whether the expression matches some part of `text`. */
  isFoundIn(text: string): boolean {
    return this.#run(text, true);
  }

  #run(text: string, anywhere: boolean): boolean {
    let set = this.#start ??= this.#close([this.#entry], true);
    for (let at = 0; at < text.length;) {
      if (anywhere && set.matches) return true;
      if (!anywhere && set.states.length === 0) return false;
      const point = text.codePointAt(at)!;
      at += point > 0xffff ? 2 : 1;
      set = this.#step(set, point, anywhere);
    }
    return set.matchesAtEnd;
  }

  #step(set: StateSet, point: number, anywhere: boolean): StateSet {
    const key = anywhere ? ~point : point;
    const known = set.next.get(key);
    if (known !== undefined) return known;
    const entries: number[] = anywhere ? [this.#entry] : [];
    for (const state of set.states) {
      const { accepts, next } = this.#states[state]!;
      if (accepts!(point)) entries.push(next);
    }
    const result = this.#close(entries, false);
    if (
      set.next.size < MAX_CACHED_SETS && set.states.length <= MAX_CACHED_SET_SIZE &&
      result.states.length <= MAX_CACHED_SET_SIZE
    ) set.next.set(key, result);
    return result;
  }

  /** The states that read a character, reachable from `entries` without reading one. */
  #close(entries: number[], atStart: boolean): StateSet {
    if (++this.#mark === 0xffff_ffff) {
      this.#marks.fill(0);
      this.#mark = 1;
    }
    const pending = entries;
    const readers: number[] = [];
    const ends: number[] = [];
    let matches = false;
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (this.#marks[state] === this.#mark) continue;
      this.#marks[state] = this.#mark;
      const { op, next, other } = this.#states[state]!;
      if (op === CHARACTER) readers.push(state);
      else if (op === MATCH) matches = true;
      else if (op === SPLIT) pending.push(other, next);
      else if (op === END) ends.push(next);
      else if (atStart) pending.push(next);
    }
    // Behind a '$' only what reads no character can still lead to a match.
    let matchesAtEnd = matches;
    for (let state = ends.pop(); state !== undefined && !matchesAtEnd; state = ends.pop()) {
      const { op, next, other } = this.#states[state]!;
      if (op === MATCH) matchesAtEnd = true;
      if (this.#marks[state] === this.#mark) continue;
      this.#marks[state] = this.#mark;
      if (op === SPLIT) ends.push(other, next);
      else if (op === END || (op === START && atStart)) ends.push(next);
    }
    const states = Int32Array.from(readers).sort();
    if (states.length > MAX_CACHED_SET_SIZE) {
      return { states, matches, matchesAtEnd, next: new Map() };
    }
    const key = `${matches}${matchesAtEnd}${states.join()}`;
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = { states, matches, matchesAtEnd, next: new Map() };
      if (this.#sets.size >= MAX_CACHED_SETS) {
        // Forget everything: a text that visits many sets pays for the simulation alone.
        for (const old of this.#sets.values()) old.next.clear();
        this.#sets.clear();
      }
      this.#sets.set(key, set);
    }
    return set;
  }
}
