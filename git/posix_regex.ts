/**
 * POSIX regular expressions, basic and extended, with the extensions of the GNU C library (`\+`,
 * `\|`, `\w`, `\b`, `\<`), matched in time linear in the text times the size of the expression.
 *
 * The expression becomes a nondeterministic automaton that is run over bytes with all its states
 * at once (Thompson 1968); sets of states that come up are kept as a deterministic automaton, so
 * that most bytes cost one table look-up. Finding where a match begins tries each start in turn.
 * Back-references are refused: nothing linear has them.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";

/** Options of a {@linkcode PosixRegex}. */
export interface PosixRegexOptions {
  /** Extended syntax (`+ ? | ( ) { }` without backslashes). Default basic. */
  extended?: boolean;
  /** Case of letters does not count. */
  ignoreCase?: boolean;
  /** `^` and `$` match at line feeds as well, and `.` and `[^…]` do not match them. */
  multiline?: boolean;
}

/** Where an expression matched: `[start, end)`. */
export interface RegexMatch {
  /** First byte. */
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
}

const MAX_REPEAT = 32767;
const MAX_STATES = 200_000;
const MAX_CACHED = 2_000;
const MAX_DEPTH = 500;

type Assertion =
  | "start"
  | "end"
  | "word"
  | "not-word"
  | "word-start"
  | "word-end"
  | "buffer-start"
  | "buffer-end";

/** A part of an expression. */
type Node =
  | { kind: "empty" }
  | { kind: "set"; set: Uint8Array }
  | { kind: "assert"; what: Assertion }
  | { kind: "group"; inner: Node; index: number }
  | { kind: "join"; parts: Node[] }
  | { kind: "either"; parts: Node[] }
  | { kind: "repeat"; inner: Node; min: number; max: number };

const CLASSES: Record<string, (c: number) => boolean> = {
  alpha: (c) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122),
  digit: (c) => c >= 48 && c <= 57,
  alnum: (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122),
  upper: (c) => c >= 65 && c <= 90,
  lower: (c) => c >= 97 && c <= 122,
  space: (c) => c === 32 || (c >= 9 && c <= 13),
  blank: (c) => c === 32 || c === 9,
  punct: (c) =>
    (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126),
  print: (c) => c >= 32 && c <= 126,
  graph: (c) => c > 32 && c <= 126,
  cntrl: (c) => c < 32 || c === 127,
  xdigit: (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102),
};

function isWord(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
}

class Parser {
  #at = 0;
  #depth = 0;
  #groups = 0;
  readonly #text: ByteString;
  readonly #extended: boolean;
  readonly #ignoreCase: boolean;
  readonly #multiline: boolean;

  constructor(text: ByteString, options: PosixRegexOptions) {
    this.#text = text;
    this.#extended = options.extended ?? false;
    this.#ignoreCase = options.ignoreCase ?? false;
    this.#multiline = options.multiline ?? false;
  }

  #fail(message: string): never {
    throw new GitError("invalid", message);
  }

  parse(): Node {
    const node = this.#alternatives();
    if (this.#at < this.#text.length) {
      this.#fail("Unmatched ) or \\)");
    }
    return node;
  }

  #looking(word: string): boolean {
    return this.#text.startsWith(word, this.#at);
  }

  #alternatives(): Node {
    if (++this.#depth > MAX_DEPTH) this.#fail("Regular expression too big");
    const bar = this.#extended ? "|" : "\\|";
    const parts: Node[] = [this.#sequence()];
    while (this.#looking(bar)) {
      this.#at += bar.length;
      parts.push(this.#sequence());
    }
    this.#depth--;
    return parts.length === 1 ? parts[0]! : { kind: "either", parts };
  }

  #atEnd(): boolean {
    if (this.#at >= this.#text.length) return true;
    if (this.#extended) {
      return this.#text[this.#at] === "|" || this.#text[this.#at] === ")";
    }
    return this.#looking("\\|") || this.#looking("\\)");
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (!this.#atEnd()) {
      const first = parts.length === 0;
      const atom = this.#atom(first);
      parts.push(this.#repeats(atom, first));
    }
    return parts.length === 1
      ? parts[0]!
      : parts.length === 0
      ? { kind: "empty" }
      : { kind: "join", parts };
  }

  #repeats(atom: Node, first: boolean): Node {
    for (;;) {
      const c = this.#text[this.#at];
      let min: number, max: number;
      // In basic syntax `*` after an anchor at the start stands for itself.
      if (c === "*" && !(!this.#extended && first && atom.kind === "assert")) {
        [min, max] = [0, Infinity];
        this.#at++;
      } else if (this.#extended && (c === "+" || c === "?")) {
        [min, max] = c === "+" ? [1, Infinity] : [0, 1];
        this.#at++;
      } else if (!this.#extended && (this.#looking("\\+") || this.#looking("\\?"))) {
        [min, max] = this.#text[this.#at + 1] === "+" ? [1, Infinity] : [0, 1];
        this.#at += 2;
      } else if (this.#extended ? c === "{" : this.#looking("\\{")) {
        const bounds = this.#bounds();
        if (bounds === undefined) return atom;
        [min, max] = bounds;
      } else return atom;
      atom = { kind: "repeat", inner: atom, min, max };
    }
  }

  #bounds(): [number, number] | undefined {
    const open = this.#extended ? 1 : 2;
    const match = /^(\d*)(,?)(\d*)(\\?)\}/.exec(
      this.#text.slice(this.#at + open, this.#at + open + 16),
    );
    const closed = match !== null && (this.#extended ? match[4] === "" : match[4] === "\\");
    if (!closed || (match[1] === "" && match[2] === "")) {
      if (this.#extended && !/^[\d,]/.test(this.#text.slice(this.#at + 1))) return undefined;
      this.#fail(closed ? "Invalid content of \\{\\}" : "Unmatched \\{");
    }
    const min = match[1] === "" ? 0 : Number(match[1]);
    const max = match[2] === "" ? min : match[3] === "" ? Infinity : Number(match[3]);
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT) || min > max) {
      this.#fail("Invalid content of \\{\\}");
    }
    this.#at += open + match[0].length;
    return [min, max];
  }

  #set(test: (c: number) => boolean): Node {
    const set = new Uint8Array(256);
    for (let c = 0; c < 256; c++) {
      if (test(c)) set[c] = 1;
      if (this.#ignoreCase) {
        const other = CLASSES.upper!(c) ? c + 32 : CLASSES.lower!(c) ? c - 32 : c;
        if (test(other)) set[c] = 1;
      }
    }
    return { kind: "set", set };
  }

  #literal(c: number): Node {
    return this.#set((other) => other === c);
  }

  #atom(first: boolean): Node {
    const c = this.#text[this.#at]!;
    if (this.#extended && c === "{" && !/^\{[\d,]/.test(this.#text.slice(this.#at))) {
      this.#at++;
      return this.#literal(123);
    }
    if (this.#extended && (c === "+" || c === "?" || c === "*" || c === "{")) {
      if (first && c === "*") {
        this.#at++;
        return this.#literal(42);
      }
      this.#fail("Invalid preceding regular expression");
    }
    if (c === "[") return this.#bracket();
    if (c === ".") {
      this.#at++;
      return this.#set((other) => !(this.#multiline && other === 10));
    }
    if (c === "^" && (this.#extended || first)) {
      this.#at++;
      return { kind: "assert", what: "start" };
    }
    if (c === "$") {
      const next = this.#at + 1;
      const last = next >= this.#text.length || this.#text.startsWith("\\)", next) ||
        this.#text.startsWith("\\|", next);
      if (this.#extended || last) {
        this.#at++;
        return { kind: "assert", what: "end" };
      }
    }
    if (this.#extended && c === "(") {
      this.#at++;
      const index = ++this.#groups;
      const inner = this.#alternatives();
      if (this.#text[this.#at] !== ")") this.#fail("Unmatched ( or \\(");
      this.#at++;
      return { kind: "group", inner, index };
    }
    if (c === "\\") return this.#escape();
    this.#at++;
    return this.#literal(c.charCodeAt(0));
  }

  #escape(): Node {
    const c = this.#text[this.#at + 1];
    if (c === undefined) this.#fail("Trailing backslash");
    this.#at += 2;
    if (!this.#extended && c === "(") {
      const index = ++this.#groups;
      const inner = this.#alternatives();
      if (!this.#looking("\\)")) this.#fail("Unmatched ( or \\(");
      this.#at += 2;
      return { kind: "group", inner, index };
    }
    switch (c) {
      case "w":
        return this.#set(isWord);
      case "W":
        return this.#set((other) => !isWord(other));
      case "s":
        return this.#set(CLASSES.space!);
      case "S":
        return this.#set((other) => !CLASSES.space!(other));
      case "b":
        return { kind: "assert", what: "word" };
      case "B":
        return { kind: "assert", what: "not-word" };
      case "<":
        return { kind: "assert", what: "word-start" };
      case ">":
        return { kind: "assert", what: "word-end" };
      case "`":
        return { kind: "assert", what: "buffer-start" };
      case "'":
        return { kind: "assert", what: "buffer-end" };
    }
    if (c >= "1" && c <= "9") this.#fail("Back-references are not supported");
    return this.#literal(c.charCodeAt(0));
  }

  #bracket(): Node {
    let at = this.#at + 1;
    const text = this.#text;
    const negated = text[at] === "^";
    if (negated) at++;
    const set = new Uint8Array(256);
    const add = (c: number): void => {
      set[c] = 1;
    };
    for (let first = true;; first = false) {
      if (at >= text.length) this.#fail("Unmatched [, [^, [:, [., or [=");
      if (text[at] === "]" && !first) break;
      let low: number;
      const named = /^\[([:.=])(.*?)\1\]/s.exec(text.slice(at, at + 40));
      if (named !== null) {
        at += named[0].length;
        if (named[1] === ":") {
          const test = CLASSES[named[2]!];
          if (test === undefined) this.#fail("Invalid character class name");
          for (let c = 0; c < 256; c++) if (test(c)) add(c);
          continue;
        }
        if (named[2]!.length !== 1) this.#fail("Invalid collation character");
        low = named[2]!.charCodeAt(0);
      } else low = text.charCodeAt(at++);
      if (text[at] === "-" && at + 1 < text.length && text[at + 1] !== "]") {
        const end = /^\[[.=](.)[.=]\]/s.exec(text.slice(at + 1, at + 7));
        const high = end === null ? text.charCodeAt(at + 1) : end[1]!.charCodeAt(0);
        at += 1 + (end === null ? 1 : end[0].length);
        if (high < low) this.#fail("Invalid range end");
        for (let c = low; c <= high; c++) add(c);
      } else add(low);
    }
    this.#at = at + 1;
    // Case is folded before the set is turned around.
    const folded = this.#ignoreCase ? foldSet(set) : set;
    const out = new Uint8Array(256);
    for (let c = 0; c < 256; c++) out[c] = (folded[c] === 1) !== negated ? 1 : 0;
    if (negated && this.#multiline) out[10] = 0;
    return { kind: "set", set: out };
  }
}

function foldSet(set: Uint8Array): Uint8Array {
  const out = set.slice();
  for (let c = 65; c <= 90; c++) if (set[c] === 1 || set[c + 32] === 1) out[c] = out[c + 32] = 1;
  return out;
}

// States of the automaton, as columns.
const SET = 0, SPLIT = 1, ASSERT = 2, MATCH = 3, SAVE = 4;

class Program {
  readonly op: number[] = [];
  readonly a: number[] = [];
  readonly b: number[] = [];
  readonly sets: (Uint8Array | undefined)[] = [];
  readonly assertions: (Assertion | undefined)[] = [];

  add(op: number, a = -1, b = -1, set?: Uint8Array, assertion?: Assertion): number {
    if (this.op.length >= MAX_STATES) throw new GitError("limit", "Regular expression too big");
    this.op.push(op);
    this.a.push(a);
    this.b.push(b);
    this.sets.push(set);
    this.assertions.push(assertion);
    return this.op.length - 1;
  }

  /** Adds states for a node that go on at `next`; returns the first of them. */
  compile(node: Node, next: number): number {
    switch (node.kind) {
      case "empty":
        return next;
      case "set":
        return this.add(SET, next, -1, node.set);
      case "assert":
        return this.add(ASSERT, next, -1, undefined, node.what);
      case "group": {
        const end = this.add(SAVE, next, node.index * 2 + 1);
        return this.add(SAVE, this.compile(node.inner, end), node.index * 2);
      }
      case "join": {
        for (let i = node.parts.length - 1; i >= 0; i--) next = this.compile(node.parts[i]!, next);
        return next;
      }
      case "either": {
        let start = this.compile(node.parts.at(-1)!, next);
        for (let i = node.parts.length - 2; i >= 0; i--) {
          start = this.add(SPLIT, this.compile(node.parts[i]!, next), start);
        }
        return start;
      }
      case "repeat": {
        const { inner, min, max } = node;
        let at = next;
        if (max === Infinity) {
          const loop = this.add(SPLIT, -1, next);
          this.a[loop] = this.compile(inner, loop);
          at = loop;
        } else for (let i = min; i < max; i++) at = this.add(SPLIT, this.compile(inner, at), next);
        for (let i = 0; i < min; i++) at = this.compile(inner, at);
        return at;
      }
    }
  }
}

/** What came before a position, as far as assertions care: nothing, a line feed, a word, other. */
const BEFORE_NONE = 0, BEFORE_LINE = 1, BEFORE_WORD = 2, BEFORE_OTHER = 3;

/** A set of automaton states and where each byte leads from it. */
interface DfaState {
  readonly key: string;
  /** States before assertions are looked at. */
  readonly states: readonly number[];
  readonly before: number;
  /** By byte; 256 is the end of the text. */
  readonly next: (DfaState | undefined)[];
  /** Whether a match ends here, by the byte that follows. */
  readonly accepts: (boolean | undefined)[];
  readonly dead: boolean;
}

/**
 * A compiled expression over byte strings.
 *
 * @example
 * ```ts
 * import { PosixRegex } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const words = new PosixRegex("(foo|ba[rz])+", { extended: true });
 * assertEquals(words.test("a bazfoo"), true);
 * assertEquals(words.exec("a bazfoo b"), { start: 2, end: 8 });
 * // No expression can make it slow.
 * assertEquals(new PosixRegex("(a*)*b", { extended: true }).test("a".repeat(100_000)), false);
 * ```
 */
export class PosixRegex {
  readonly #program = new Program();
  readonly #start: number;
  readonly #multiline: boolean;
  readonly #hasAssertions: boolean;
  /** A text that every match contains; found faster than a match. */
  readonly #needle: ByteString;
  #cache = new Map<string, DfaState>();

  /**
   * Compiles `source`. Throws `GitError`: "invalid" with the words of the C library for bad
   * syntax and for back-references, "limit" when it is too big.
   */
  constructor(source: ByteString, options: PosixRegexOptions = {}) {
    this.#multiline = options.multiline ?? false;
    const node = new Parser(source, options).parse();
    const match = this.#program.add(MATCH);
    this.#start = this.#program.compile(node, match);
    this.#hasAssertions = this.#program.op.includes(ASSERT);
    this.#needle = options.ignoreCase ? "" : literalOf(node);
  }

  #holds(what: Assertion, before: number, after: number): boolean {
    // `after` is the byte that follows, 256 at the end.
    const wordBefore = before === BEFORE_WORD;
    const wordAfter = after < 256 && isWord(after);
    switch (what) {
      case "start":
        return before === BEFORE_NONE || (this.#multiline && before === BEFORE_LINE);
      case "end":
        return after === 256 || (this.#multiline && after === 10);
      case "word":
        return wordBefore !== wordAfter;
      case "not-word":
        return wordBefore === wordAfter;
      case "word-start":
        return !wordBefore && wordAfter;
      case "word-end":
        return wordBefore && !wordAfter;
      case "buffer-start":
        return before === BEFORE_NONE;
      case "buffer-end":
        return after === 256;
    }
  }

  /** The states that `seeds` lead to without a byte. */
  #close(seeds: readonly number[], before: number, after: number): number[] {
    const { op, a, b, assertions } = this.#program;
    const seen = new Set<number>();
    const out: number[] = [];
    const stack = [...seeds].reverse();
    while (stack.length > 0) {
      const at = stack.pop()!;
      if (seen.has(at)) continue;
      seen.add(at);
      if (op[at] === SPLIT) stack.push(b[at]!, a[at]!);
      else if (op[at] === SAVE) stack.push(a[at]!);
      else if (op[at] === ASSERT) {
        if (this.#holds(assertions[at]!, before, after)) stack.push(a[at]!);
      } else out.push(at);
    }
    return out;
  }

  #state(states: readonly number[], before: number): DfaState {
    const context = this.#hasAssertions ? before : 0;
    const sorted = [...new Set(states)].sort((x, y) => x - y);
    const key = `${context}:${sorted.join()}`;
    let state = this.#cache.get(key);
    if (state === undefined) {
      if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
      state = {
        key,
        states: sorted,
        before: context,
        next: [],
        accepts: [],
        dead: sorted.length === 0,
      };
      this.#cache.set(key, state);
    }
    return state;
  }

  #accepts(state: DfaState, after: number): boolean {
    let yes = state.accepts[after];
    if (yes === undefined) {
      const { op } = this.#program;
      yes = this.#close(state.states, state.before, after).some((at) => op[at] === MATCH);
      state.accepts[after] = yes;
    }
    return yes;
  }

  #step(state: DfaState, byte: number, restart: boolean): DfaState {
    const index = restart ? byte + 257 : byte;
    let next = state.next[index];
    if (next === undefined) {
      const { op, a, sets } = this.#program;
      const states: number[] = [];
      for (const at of this.#close(state.states, state.before, byte)) {
        if (op[at] === SET && sets[at]![byte] === 1) states.push(a[at]!);
      }
      if (restart) states.push(this.#start);
      const before = byte === 10 ? BEFORE_LINE : isWord(byte) ? BEFORE_WORD : BEFORE_OTHER;
      next = this.#state(states, before);
      state.next[index] = next;
    }
    return next;
  }

  #before(text: ByteString, at: number): number {
    if (at === 0) return BEFORE_NONE;
    const c = text.charCodeAt(at - 1);
    return c === 10 ? BEFORE_LINE : isWord(c) ? BEFORE_WORD : BEFORE_OTHER;
  }

  /** Whether the expression matches anywhere from `from` on. */
  test(text: ByteString, from = 0, end: number = text.length): boolean {
    if (this.#needle !== "") {
      const found = text.indexOf(this.#needle, from);
      if (found < 0 || found + this.#needle.length > end) return false;
    }
    let state = this.#state([this.#start], this.#before(text, from));
    for (let at = from; at < end; at++) {
      const byte = text.charCodeAt(at);
      if (this.#accepts(state, byte)) return true;
      state = this.#step(state, byte, true);
    }
    return this.#accepts(state, 256);
  }

  /** The leftmost longest match from `from` on, or `undefined`. */
  exec(text: ByteString, from = 0, end: number = text.length): RegexMatch | undefined {
    if (!this.test(text, from, end)) return undefined;
    for (let start = from; start <= end; start++) {
      let state = this.#state([this.#start], this.#before(text, start));
      let best = -1;
      for (let at = start;; at++) {
        const byte = at < end ? text.charCodeAt(at) : 256;
        if (this.#accepts(state, byte)) best = at;
        if (at >= end) break;
        state = this.#step(state, byte, false);
        if (state.dead) break;
      }
      if (best >= 0) return { start, end: best };
    }
    return undefined;
  }

  /**
   * Where a group (from 1) of a match that {@linkcode exec} found lies; `undefined` when it took
   * no part. Among several ways to match, earlier alternatives and more repetitions win.
   */
  group(text: ByteString, match: RegexMatch, index: number): RegexMatch | undefined {
    const { op, a, b, sets, assertions } = this.#program;
    const slot = index * 2;
    let threads: Thread[] = [{ at: this.#start, from: -1, to: -1 }];
    for (let at = match.start; at <= match.end; at++) {
      const byte = at < text.length ? text.charCodeAt(at) : 256;
      const before = this.#before(text, at);
      const seen = new Set<number>();
      const next: Thread[] = [];
      const stack = threads.reverse();
      while (stack.length > 0) {
        const thread = stack.pop()!;
        const state = thread.at;
        if (seen.has(state)) continue;
        seen.add(state);
        const go = (to: number): void => void stack.push({ ...thread, at: to });
        if (op[state] === SPLIT) {
          go(b[state]!);
          go(a[state]!);
        } else if (op[state] === SAVE) {
          stack.push({
            at: a[state]!,
            from: b[state] === slot ? at : thread.from,
            to: b[state] === slot + 1 ? at : thread.to,
          });
        } else if (op[state] === ASSERT) {
          if (this.#holds(assertions[state]!, before, byte)) go(a[state]!);
        } else if (op[state] === MATCH) {
          if (at < match.end) continue;
          return thread.to < 0 ? undefined : { start: thread.from, end: thread.to };
        } else if (byte < 256 && sets[state]![byte] === 1) {
          next.push({ at: a[state]!, from: thread.from, to: thread.to });
        }
      }
      threads = next;
    }
    return undefined;
  }
}

/** A way through the automaton, with where the group that is looked for starts and ends. */
interface Thread {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** A text that is part of every match; empty when none is known. */
function literalOf(node: Node): ByteString {
  if (node.kind === "group") return literalOf(node.inner);
  const single = (one: Node): string | undefined => {
    if (one.kind !== "set") return undefined;
    const at = one.set.indexOf(1);
    return at >= 0 && one.set.indexOf(1, at + 1) < 0 ? String.fromCharCode(at) : undefined;
  };
  if (node.kind === "set") return single(node) ?? "";
  if (node.kind !== "join") return "";
  let best = "", run = "";
  for (const part of node.parts) {
    const c = single(part);
    if (c === undefined) {
      if (run.length > best.length) best = run;
      run = "";
    } else run += c;
  }
  return run.length > best.length ? run : best;
}
