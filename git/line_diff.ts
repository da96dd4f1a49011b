/**
 * Line differences that agree with Git's to the byte.
 *
 * The edit script comes from Myers' O(ND) algorithm in its linear-space form, searched from both
 * ends (Myers 1986), with the short cuts Git makes: lines without a counterpart are set aside
 * before the search, very frequent ones too when their surroundings differ, and a search that
 * costs too much settles for a good diagonal. Runs of changes are then slid to where they line up
 * with the other side or where the indentation says that a block begins.
 *
 * @module
 */
import { type ByteString, toByteString } from "./_bytes.ts";

/** What counts as equal, and how changes are placed. */
export interface LineDiffOptions {
  /** `-w` */
  ignoreAllSpace?: boolean;
  /** `-b` */
  ignoreSpaceChange?: boolean;
  /** `--ignore-space-at-eol` */
  ignoreSpaceAtEol?: boolean;
  /** `--ignore-cr-at-eol` */
  ignoreCrAtEol?: boolean;
  /** `--ignore-blank-lines` */
  ignoreBlankLines?: boolean;
  /** Spend any amount of time on the smallest script. */
  minimal?: boolean;
  /** Slide by indentation. Default true. */
  indentHeuristic?: boolean;
  /** Leave out most of what both texts end with, as Git does where no context is shown. */
  trimTail?: boolean;
  /** Search strategy. Default `myers`. */
  algorithm?: "myers" | "patience" | "histogram";
}

/** One change: `removed` lines at `oldStart` become `added` lines at `newStart` (0-based). */
export interface LineChange {
  /** First line removed. */
  oldStart: number;
  /** How many lines are removed. */
  oldCount: number;
  /** First line added. */
  newStart: number;
  /** How many lines are added. */
  newCount: number;
  /** A change in blank lines only, when those are ignored. */
  ignored: boolean;
}

/** A text cut into lines. */
export class Lines {
  /** The bytes. */
  readonly data: Uint8Array;
  /** Start of each line, and the length of the text at the end. */
  readonly starts: Int32Array;
  /** How many lines; a last one without a line feed counts. */
  readonly count: number;

  /** Finds the lines of a text; `starts` are their starts where those are known already. */
  constructor(data: Uint8Array, starts?: Int32Array) {
    this.data = data;
    if (starts === undefined) {
      const found = findStarts(data, 0, data.length, 0);
      starts = scratchStarts.slice(0, found + 1);
      starts[found] = data.length;
    }
    this.starts = starts;
    this.count = starts.length - 1;
  }

  /** A line with its line feed. */
  text(i: number): ByteString {
    return toByteString(this.data, this.starts[i]!, this.starts[i + 1]!);
  }
}

/** Starts of lines while they are looked for; grows as needed. */
let scratchStarts = new Int32Array(4096);
let scratchTail = new Int32Array(4096);

function growStarts(needed: number): void {
  const grown = new Int32Array(Math.max(needed, scratchStarts.length * 2));
  grown.set(scratchStarts);
  scratchStarts = grown;
}

/** Puts the starts of the lines in `data[from..to)` into the scratch array behind `count` others. */
function findStarts(data: Uint8Array, from: number, to: number, count: number): number {
  let starts = scratchStarts;
  let start = from;
  for (let at = from; at < to; at++) {
    if (data[at] !== 10) continue;
    if (count + 2 >= starts.length) {
      growStarts(count + 2);
      starts = scratchStarts;
    }
    starts[count++] = start;
    start = at + 1;
  }
  if (start < to) {
    if (count + 2 >= starts.length) growStarts(count + 2);
    scratchStarts[count++] = start;
  }
  return count;
}

/** Two texts in lines, and how many lines they begin and end with in common. */
interface LinePair {
  a: Lines;
  b: Lines;
  prefix: number;
  suffix: number;
}

/** Cuts two texts into lines; what they have in common at both ends is looked at once. */
function pairLines(a: Uint8Array, b: Uint8Array): LinePair {
  const shorter = Math.min(a.length, b.length);
  let starts = scratchStarts;
  let at = 0, start = 0, prefix = 0;
  for (; at < shorter; at++) {
    const c = a[at];
    if (c !== b[at]) break;
    if (c !== 10) continue;
    if (prefix + 2 >= starts.length) {
      growStarts(prefix + 2);
      starts = scratchStarts;
    }
    starts[prefix++] = start;
    start = at + 1;
  }
  // Backwards, as long as lines begin where the common part of both allows it.
  let i = a.length, j = b.length;
  let tail = scratchTail;
  let suffix = 0;
  while (i > start && j > start) {
    const c = a[i - 1];
    if (c !== b[j - 1]) break;
    if (c === 10 && i < a.length) {
      if (suffix + 2 >= tail.length) {
        const grown = new Int32Array(tail.length * 2);
        grown.set(tail);
        tail = scratchTail = grown;
      }
      tail[suffix++] = i;
    }
    i--;
    j--;
  }
  if (
    i < a.length &&
    ((i === start && (j === start || b[j - 1] === 10)) ||
      (j === start && (i === start || a[i - 1] === 10)))
  ) tail[suffix++] = i;
  const suffixAt = suffix === 0 ? a.length : tail[suffix - 1]!;
  const shift = b.length - a.length;
  const countA = findStarts(a, start, suffixAt, prefix);
  const startsA = new Int32Array(countA + suffix + 1);
  startsA.set(scratchStarts.subarray(0, countA));
  const countB = findStarts(b, start, suffixAt + shift, prefix);
  const startsB = new Int32Array(countB + suffix + 1);
  startsB.set(scratchStarts.subarray(0, countB));
  for (let k = 0, to = suffix - 1; k < suffix; k++, to--) {
    const at = tail[k]!;
    startsA[countA + to] = at;
    startsB[countB + to] = at + shift;
  }
  startsA[countA + suffix] = a.length;
  startsB[countB + suffix] = b.length;
  return { a: new Lines(a, startsA), b: new Lines(b, startsB), prefix, suffix };
}

/** How many bytes both texts have in common at their ends, in large blocks and whole lines. */
function commonTail(a: Uint8Array, b: Uint8Array): number {
  const block = 1024;
  const smaller = Math.min(a.length, b.length);
  let common = 0;
  while (block + common <= smaller) {
    let i = a.length - common, j = b.length - common;
    const end = i - block;
    while (i > end && a[i - 1] === b[j - 1]) {
      i--;
      j--;
    }
    if (i > end) break;
    common += block;
  }
  if (common === 0) return 0;
  // The first line of that part may have begun before it.
  const feed = a.indexOf(10, a.length - common);
  return feed < 0 ? 0 : a.length - feed - 1;
}

/** The same for texts that are cut already. */
function commonEnds(a: Lines, b: Lines): LinePair {
  const shorter = Math.min(a.count, b.count);
  let prefix = 0;
  while (prefix < shorter && sameLine(a, prefix, b, prefix)) prefix++;
  let suffix = 0;
  while (
    suffix < shorter - prefix && sameLine(a, a.count - 1 - suffix, b, b.count - 1 - suffix)
  ) suffix++;
  return { a, b, prefix, suffix };
}

function sameLine(a: Lines, i: number, b: Lines, j: number): boolean {
  let x = a.starts[i]!, y = b.starts[j]!;
  const end = a.starts[i + 1]!;
  if (end - x !== b.starts[j + 1]! - y) return false;
  const p = a.data, q = b.data;
  for (; x < end; x++, y++) if (p[x] !== q[y]) return false;
  return true;
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9 || c === 10 || c === 13;
}

/** The text by which a line is compared under whitespace options. */
export function comparableLine(line: ByteString, options: LineDiffOptions): ByteString {
  if (options.ignoreAllSpace) return line.replace(/[\t\n\r ]+/g, "");
  if (options.ignoreSpaceChange) return line.replace(/[\t\n\r ]+$/, "").replace(/[\t\n\r ]+/g, " ");
  if (options.ignoreSpaceAtEol) return line.replace(/[\t\n\r ]+$/, "");
  if (options.ignoreCrAtEol) return line.replace(/\r?\n$/, "");
  return line;
}

/** A text as whitespace options compare it: every line reduced, and ended by a line feed. */
function comparableLines(lines: Lines, options: LineDiffOptions): Lines {
  const { data, starts, count } = lines;
  const out = new Uint8Array(data.length + count);
  const begins = new Int32Array(count + 1);
  let to = 0;
  for (let i = 0; i < count; i++) {
    begins[i] = to;
    let end = starts[i + 1]!;
    const at = starts[i]!;
    if (options.ignoreAllSpace) {
      for (let k = at; k < end; k++) if (!isSpace(data[k]!)) out[to++] = data[k]!;
    } else if (options.ignoreSpaceChange || options.ignoreSpaceAtEol) {
      while (end > at && isSpace(data[end - 1]!)) end--;
      for (let k = at; k < end; k++) {
        const c = data[k]!;
        if (!options.ignoreSpaceChange || !isSpace(c)) out[to++] = c;
        else if (!isSpace(data[k + 1]!)) out[to++] = 32;
      }
    } else {
      if (end > at && data[end - 1] === 10) {
        end--;
        if (end > at && data[end - 1] === 13) end--;
      }
      for (let k = at; k < end; k++) out[to++] = data[k]!;
    }
    out[to++] = 10;
  }
  begins[count] = to;
  return new Lines(out.subarray(0, to), begins);
}

/** One side of a comparison. */
class Side {
  readonly lines: Lines;
  /** What is compared; the lines themselves unless whitespace is ignored. */
  readonly compared: Lines;
  /** Classes of the lines from `first` on, where they have been found out. */
  ids: Int32Array = EMPTY;
  /** The part between the common ends. */
  readonly first: number;
  readonly end: number;
  /** 1 where a line is changed; index 0 is a guard, so line i is at i + 1. */
  readonly changed: Uint8Array;
  /** Lines that take part in the search. */
  index: Int32Array = EMPTY;
  /** Their ids. */
  keys: Int32Array = EMPTY;

  constructor(lines: Lines, compared: Lines, first: number, end: number) {
    this.lines = lines;
    this.compared = compared;
    this.first = first;
    this.end = end;
    this.changed = new Uint8Array(lines.count + 2);
  }

  same(i: number, j: number): boolean {
    return sameLine(this.compared, i, this.compared, j);
  }
}

const EMPTY = new Int32Array(0);

const SNAKE = 20;
const HEURISTIC_FACTOR = 4;
const MIN_COST = 256;
const MAX_FREQUENT = 1024;
const SCAN = 100;
const FAR = 0x7fffffff;

function roughRoot(n: number): number {
  let root = 1;
  for (; n > 0; n = Math.floor(n / 4)) root *= 2;
  return root;
}

/** Decides whether a frequent line lies among lines without counterpart on both sides. */
function isLost(kind: Uint8Array, at: number, first: number, last: number): boolean {
  const from = Math.max(first, at - SCAN), to = Math.min(last, at + SCAN);
  let alone = 0, frequent = 1;
  let i = at - 1;
  for (; i >= from && kind[i] !== 1; i--) kind[i] === 0 ? alone++ : frequent++;
  if (alone === 0) return false;
  let aloneAfter = 0;
  frequent++;
  for (i = at + 1; i <= to && kind[i] !== 1; i++) kind[i] === 0 ? aloneAfter++ : frequent++;
  if (aloneAfter === 0) return false;
  alone += aloneAfter;
  return frequent * 4 < frequent + alone;
}

/** Classes of equal lines while they are told apart; arrays are kept from one comparison to the next. */
class Classes {
  #slots = new Int32Array(1024);
  #mask = 0;
  #hashes = new Int32Array(512);
  #from = new Int32Array(512);
  #length = new Int32Array(512);
  #side = new Uint8Array(512);
  #data: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  count = 0;

  reset(lines: number, a: Uint8Array, b: Uint8Array): void {
    let size = 64;
    while (size < lines * 2) size *= 2;
    if (this.#slots.length < size) this.#slots = new Int32Array(size);
    else this.#slots.fill(0, 0, size);
    this.#mask = size - 1;
    if (this.#hashes.length < lines) {
      const room = Math.max(lines, this.#hashes.length * 2);
      this.#hashes = new Int32Array(room);
      this.#from = new Int32Array(room);
      this.#length = new Int32Array(room);
      this.#side = new Uint8Array(room);
    }
    this.#data = [a, b];
    this.count = 0;
  }

  /** The class of a line, or -1 for one not seen yet when nothing is to be added. */
  find(side: 0 | 1, from: number, end: number, add: boolean): number {
    const data = this.#data[side];
    let hash = 5381;
    for (let at = from; at < end; at++) hash = (Math.imul(hash, 33) + data[at]!) | 0;
    hash ^= hash >>> 15;
    const length = end - from;
    for (let slot = hash & this.#mask;; slot = (slot + 1) & this.#mask) {
      const id = this.#slots[slot]! - 1;
      if (id < 0) {
        if (!add) return -1;
        const made = this.count++;
        this.#slots[slot] = made + 1;
        this.#hashes[made] = hash;
        this.#from[made] = from;
        this.#length[made] = length;
        this.#side[made] = side;
        return made;
      }
      if (this.#hashes[id] !== hash || this.#length[id] !== length) continue;
      const other = this.#data[this.#side[id] as 0 | 1];
      let x = this.#from[id]!, y = from;
      while (y < end && other[x] === data[y]) {
        x++;
        y++;
      }
      if (y === end) return id;
    }
  }

  /** Forgets the texts. */
  release(): void {
    this.#data = [NOTHING, NOTHING];
  }
}

const NOTHING = new Uint8Array(0);
const classes = new Classes();
/** Which lines are in the part that is compared, by {@linkcode roughHash}. */
const roughSeen = new Uint8Array(4096);

/** A quick look at a line: its length and a few of its bytes. */
function roughHash(data: Uint8Array, from: number, end: number): number {
  const length = end - from;
  return (Math.imul(length, 37) + Math.imul(data[from + (length >> 1)]!, 5) +
    Math.imul(data[end - (length > 2 ? 3 : 1)]!, 113)) & 4095;
}

/** Paths of the search, kept from one comparison to the next. */
let forwardPath = new Int32Array(1024);
let backwardPath = new Int32Array(1024);

/** Compares two texts. */
export class LineDiff {
  readonly old: Lines;
  readonly new: Lines;
  readonly #a: Side;
  readonly #b: Side;
  readonly #options: LineDiffOptions;
  #origin = 0;
  #maxCost = 0;
  #lowest = 0;

  constructor(
    before: Uint8Array | Lines,
    after: Uint8Array | Lines,
    options: LineDiffOptions = {},
  ) {
    this.#options = options;
    const plain = !(options.ignoreAllSpace || options.ignoreSpaceChange ||
      options.ignoreSpaceAtEol || options.ignoreCrAtEol);
    const cut = (text: Uint8Array | Lines): Lines => text instanceof Lines ? text : new Lines(text);
    let pair: LinePair;
    if (options.trimTail && !(before instanceof Lines) && !(after instanceof Lines)) {
      const cut = commonTail(before, after);
      before = before.subarray(0, before.length - cut);
      after = after.subarray(0, after.length - cut);
    }
    if (plain) {
      pair = before instanceof Lines || after instanceof Lines
        ? commonEnds(cut(before), cut(after))
        : pairLines(before, after);
      this.old = pair.a;
      this.new = pair.b;
    } else {
      this.old = cut(before);
      this.new = cut(after);
      pair = commonEnds(
        comparableLines(this.old, options),
        comparableLines(this.new, options),
      );
    }
    const { prefix, suffix } = pair;
    this.#a = new Side(this.old, pair.a, prefix, this.old.count - suffix);
    this.#b = new Side(this.new, pair.b, prefix, this.new.count - suffix);
    this.#lowest = prefix;
  }

  /** The changes, in order. */
  changes(): LineChange[] {
    const a = this.#a, b = this.#b;
    const algorithm = this.#options.algorithm ?? "myers";
    if (a.first === a.end || b.first === b.end) {
      // Only lines added, or only lines removed.
      if (algorithm === "myers" || a.lines.count === 0 || b.lines.count === 0) {
        a.changed.fill(1, a.first + 1, a.end + 1);
        b.changed.fill(1, b.first + 1, b.end + 1);
      } else this.#anchored(algorithm);
    } else if (algorithm === "myers") this.#myers();
    else this.#anchored(algorithm);
    this.#compact(a, b);
    this.#compact(b, a);
    return this.#script();
  }

  /** Finds the classes of lines from `first` on, up to `end` of each side. */
  #classify(): void {
    const a = this.#a, b = this.#b;
    classes.reset(
      a.end - a.first + (b.end - b.first),
      a.compared.data,
      b.compared.data,
    );
    for (const side of [a, b]) {
      const which = side === a ? 0 : 1;
      const { starts } = side.compared;
      const { first, end } = side;
      const ids = side.ids = new Int32Array(end - first);
      for (let i = first; i < end; i++) {
        ids[i - first] = classes.find(which, starts[i]!, starts[i + 1]!, true);
      }
    }
  }

  #myers(): void {
    const a = this.#a, b = this.#b;
    this.#classify();
    const count = classes.count;
    const countA = new Int32Array(count), countB = new Int32Array(count);
    for (let i = 0; i < a.ids.length; i++) countA[a.ids[i]!]!++;
    let shared = false;
    for (let i = 0; i < b.ids.length; i++) {
      const id = b.ids[i]!;
      countB[id]!++;
      if (countA[id] !== 0) shared = true;
    }
    if (!shared) {
      classes.release();
      a.changed.fill(1, a.first + 1, a.end + 1);
      b.changed.fill(1, b.first + 1, b.end + 1);
      return;
    }
    // How frequent a line is counts the common ends too; they are the same on both sides.
    roughSeen.fill(0);
    for (const side of [a, b]) {
      const { data, starts } = side.compared;
      for (let i = side.first; i < side.end; i++) {
        roughSeen[roughHash(data, starts[i]!, starts[i + 1]!)] = 1;
      }
    }
    const { data, starts, count: lines } = a.compared;
    for (let i = 0; i < lines; i++) {
      if (i === a.first) {
        i = a.end;
        if (i === lines) break;
      }
      const from = starts[i]!, end = starts[i + 1]!;
      if (roughSeen[roughHash(data, from, end)] === 0) continue;
      const id = classes.find(0, from, end, false);
      if (id < 0) continue;
      countA[id]!++;
      countB[id]!++;
    }
    classes.release();
    this.#select(a, countB);
    this.#select(b, countA);
    const diagonals = a.keys.length + b.keys.length + 3;
    if (forwardPath.length < diagonals * 2 + 2) {
      forwardPath = new Int32Array(diagonals * 4);
      backwardPath = new Int32Array(diagonals * 4);
    }
    this.#origin = b.keys.length + 1;
    this.#maxCost = Math.max(MIN_COST, roughRoot(diagonals));
    this.#search(0, a.keys.length, 0, b.keys.length, this.#options.minimal ?? false);
  }

  #select(side: Side, others: Int32Array): void {
    const { first, end, ids } = side;
    const limit = Math.min(roughRoot(side.lines.count), MAX_FREQUENT);
    const length = end - first;
    const kind = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const n = others[ids[i]!]!;
      kind[i] = n === 0 ? 0 : n >= limit ? 2 : 1;
    }
    const index = new Int32Array(length), keys = new Int32Array(length);
    let used = 0;
    for (let i = 0; i < length; i++) {
      if (kind[i] === 1 || (kind[i] === 2 && !isLost(kind, i, 0, length - 1))) {
        keys[used] = ids[i]!;
        index[used++] = first + i;
      } else side.changed[first + i + 1] = 1;
    }
    side.index = index.subarray(0, used);
    side.keys = keys.subarray(0, used);
  }

  /** Marks what changes inside a box; an explicit stack instead of recursion. */
  #search(a0: number, a1: number, b0: number, b1: number, minimal: boolean): void {
    const x = this.#a.keys, y = this.#b.keys;
    const stack: number[] = [a0, a1, b0, b1, minimal ? 1 : 0];
    while (stack.length > 0) {
      const min = stack.pop()! === 1;
      let j1 = stack.pop()!, j0 = stack.pop()!, i1 = stack.pop()!, i0 = stack.pop()!;
      while (i0 < i1 && j0 < j1 && x[i0] === y[j0]) {
        i0++;
        j0++;
      }
      while (i0 < i1 && j0 < j1 && x[i1 - 1] === y[j1 - 1]) {
        i1--;
        j1--;
      }
      if (i0 === i1) {
        for (; j0 < j1; j0++) this.#b.changed[this.#b.index[j0]! + 1] = 1;
      } else if (j0 === j1) {
        for (; i0 < i1; i0++) this.#a.changed[this.#a.index[i0]! + 1] = 1;
      } else {
        const [si, sj, low, high] = this.#split(i0, i1, j0, j1, min);
        stack.push(si, i1, sj, j1, high ? 1 : 0, i0, si, j0, sj, low ? 1 : 0);
      }
    }
  }

  /** A point on an optimal (or, past the cost limit, a good) path through a box. */
  #split(
    i0: number,
    i1: number,
    j0: number,
    j1: number,
    minimal: boolean,
  ): [number, number, boolean, boolean] {
    const x = this.#a.keys, y = this.#b.keys;
    const f = forwardPath, r = backwardPath, o = this.#origin;
    const least = i0 - j1, most = i1 - j0;
    const fMid = i0 - j0, rMid = i1 - j1;
    const odd = ((fMid - rMid) & 1) !== 0;
    let fMin = fMid, fMax = fMid, rMin = rMid, rMax = rMid;
    f[o + fMid] = i0;
    r[o + rMid] = i1;
    for (let cost = 1;; cost++) {
      let snake = false;
      if (fMin > least) f[o + --fMin - 1] = -1;
      else fMin++;
      if (fMax < most) f[o + ++fMax + 1] = -1;
      else fMax--;
      for (let d = fMax; d >= fMin; d -= 2) {
        const below = f[o + d - 1]!, above = f[o + d + 1]!;
        let i = below >= above ? below + 1 : above;
        const from = i;
        let j = i - d;
        while (i < i1 && j < j1 && x[i] === y[j]) {
          i++;
          j++;
        }
        if (i - from > SNAKE) snake = true;
        f[o + d] = i;
        if (odd && rMin <= d && d <= rMax && r[o + d]! <= i) return [i, j, true, true];
      }
      if (rMin > least) r[o + --rMin - 1] = FAR;
      else rMin++;
      if (rMax < most) r[o + ++rMax + 1] = FAR;
      else rMax--;
      for (let d = rMax; d >= rMin; d -= 2) {
        const below = r[o + d - 1]!, above = r[o + d + 1]!;
        let i = below < above ? below : above - 1;
        const from = i;
        let j = i - d;
        while (i > i0 && j > j0 && x[i - 1] === y[j - 1]) {
          i--;
          j--;
        }
        if (from - i > SNAKE) snake = true;
        r[o + d] = i;
        if (!odd && fMin <= d && d <= fMax && i <= f[o + d]!) return [i, j, true, true];
      }
      if (minimal) continue;
      if (snake && cost > MIN_COST) {
        let best = 0, bi = 0, bj = 0;
        for (let d = fMax; d >= fMin; d -= 2) {
          const i = f[o + d]!, j = i - d;
          const value = (i - i0) + (j - j0) - Math.abs(d - fMid);
          if (value <= HEURISTIC_FACTOR * cost || value <= best) continue;
          if (!(i0 + SNAKE <= i && i < i1 && j0 + SNAKE <= j && j < j1)) continue;
          let run = 1;
          while (run <= SNAKE && x[i - run] === y[j - run]) run++;
          if (run > SNAKE) [best, bi, bj] = [value, i, j];
        }
        if (best > 0) return [bi, bj, true, false];
        for (let d = rMax; d >= rMin; d -= 2) {
          const i = r[o + d]!, j = i - d;
          const value = (i1 - i) + (j1 - j) - Math.abs(d - rMid);
          if (value <= HEURISTIC_FACTOR * cost || value <= best) continue;
          if (!(i0 < i && i <= i1 - SNAKE && j0 < j && j <= j1 - SNAKE)) continue;
          let run = 0;
          while (run < SNAKE && x[i + run] === y[j + run]) run++;
          if (run === SNAKE) [best, bi, bj] = [value, i, j];
        }
        if (best > 0) return [bi, bj, false, true];
      }
      if (cost < this.#maxCost) continue;
      let fBest = -1, fAt = -1;
      for (let d = fMax; d >= fMin; d -= 2) {
        let i = Math.min(f[o + d]!, i1);
        let j = i - d;
        if (j > j1) [i, j] = [j1 + d, j1];
        if (i + j > fBest) [fBest, fAt] = [i + j, i];
      }
      let rBest = FAR, rAt = FAR;
      for (let d = rMax; d >= rMin; d -= 2) {
        let i = Math.max(i0, r[o + d]!);
        let j = i - d;
        if (j < j0) [i, j] = [j0 + d, j0];
        if (i + j < rBest) [rBest, rAt] = [i + j, i];
      }
      if (i1 + j1 - rBest < fBest - (i0 + j0)) return [fAt, fBest - fAt, true, false];
      return [rAt, rBest - rAt, false, true];
    }
  }

  /** Patience and histogram: find anchors, recurse between them, fall back to Myers. */
  #anchored(kind: "patience" | "histogram"): void {
    // What is unique or rare is so in the whole texts, the common ends included.
    const a = new Side(this.old, this.#a.compared, 0, this.old.count),
      b = new Side(this.new, this.#b.compared, 0, this.new.count);
    this.#anchoredSides(a, b, kind);
    this.#a.changed.set(a.changed);
    this.#b.changed.set(b.changed);
    this.#lowest = 0;
  }

  #anchoredSides(a: Side, b: Side, kind: "patience" | "histogram"): void {
    classes.reset(a.end + b.end, a.compared.data, b.compared.data);
    for (const side of [a, b]) {
      const { starts } = side.compared;
      side.ids = new Int32Array(side.end);
      for (let i = 0; i < side.end; i++) {
        side.ids[i] = classes.find(side === a ? 0 : 1, starts[i]!, starts[i + 1]!, true);
      }
    }
    classes.release();
    const stack: [number, number, number, number][] = [[0, a.end, 0, b.end]];
    while (stack.length > 0) {
      const [i0, i1, j0, j1] = stack.pop()!;
      const all = (): void => {
        a.changed.fill(1, i0 + 1, i1 + 1);
        b.changed.fill(1, j0 + 1, j1 + 1);
      };
      if (i0 >= i1 || j0 >= j1) {
        all();
        continue;
      }
      if (kind === "histogram") {
        const found = histogramRun(a.ids, b.ids, i0, i1, j0, j1);
        if (found === "myers") this.#inner(a, b, i0, i1, j0, j1);
        else if (found === undefined) all();
        else {
          stack.push([found.i + found.length, i1, found.j + found.length, j1]);
          stack.push([i0, found.i, j0, found.j]);
        }
        continue;
      }
      const anchors = patienceAnchors(a.ids, b.ids, i0, i1, j0, j1);
      if (anchors === "none") all();
      else if (anchors.length === 0) this.#inner(a, b, i0, i1, j0, j1);
      else {
        // Lines around the anchors that are the same on both sides belong to them.
        let i = i0, j = j0;
        for (let k = 0; k <= anchors.length; k++) {
          const anchor = anchors[k];
          let nextI = anchor === undefined ? i1 : anchor[0];
          let nextJ = anchor === undefined ? j1 : anchor[1];
          if (anchor !== undefined) {
            while (nextI > i && nextJ > j && a.ids[nextI - 1] === b.ids[nextJ - 1]) {
              nextI--;
              nextJ--;
            }
          }
          while (i < nextI && j < nextJ && a.ids[i] === b.ids[j]) {
            i++;
            j++;
          }
          if (nextI > i || nextJ > j) stack.push([i, nextI, j, nextJ]);
          if (anchor === undefined) break;
          i = anchor[0] + 1;
          j = anchor[1] + 1;
        }
      }
    }
  }

  /** Myers over a part of the two texts, as if they were whole files. */
  #inner(a: Side, b: Side, i0: number, i1: number, j0: number, j1: number): void {
    const part = (side: Side, from: number, to: number): Uint8Array =>
      side.lines.data.subarray(side.lines.starts[from]!, side.lines.starts[to]!);
    const diff = new LineDiff(part(a, i0, i1), part(b, j0, j1), {
      ...this.#options,
      algorithm: "myers",
    });
    const x = diff.#a, y = diff.#b;
    if (x.first === x.end || y.first === y.end) {
      x.changed.fill(1, x.first + 1, x.end + 1);
      y.changed.fill(1, y.first + 1, y.end + 1);
    } else diff.#myers();
    a.changed.set(x.changed.subarray(1, i1 - i0 + 1), i0 + 1);
    b.changed.set(y.changed.subarray(1, j1 - j0 + 1), j0 + 1);
  }

  /** Slides groups of changes in `side` to where they read best. */
  #compact(side: Side, other: Side): void {
    const changed = side.changed, otherChanged = other.changed;
    const n = side.lines.count, m = other.lines.count;
    // What is in front of all changes is the same on both sides.
    const lowest = this.#lowest;
    let start = lowest, end = lowest, oStart = lowest, oEnd = lowest;
    while (changed[end + 1]) end++;
    while (otherChanged[oEnd + 1]) oEnd++;
    const slideUp = (): boolean => {
      if (start === 0 || !side.same(start - 1, end - 1)) return false;
      changed[start--] = 1;
      changed[end--] = 0;
      while (changed[start]) start--;
      if (start < this.#lowest) this.#lowest = start;
      return true;
    };
    const slideDown = (): boolean => {
      if (end >= n || !side.same(start, end)) return false;
      changed[++start] = 0;
      changed[++end] = 1;
      while (changed[end + 1]) end++;
      return true;
    };
    const otherBack = (): void => {
      oEnd = oStart - 1;
      oStart = oEnd;
      while (otherChanged[oStart]) oStart--;
    };
    const otherOn = (): void => {
      oStart = oEnd + 1;
      oEnd = oStart;
      while (otherChanged[oEnd + 1]) oEnd++;
    };
    for (;;) {
      if (end !== start) {
        let size: number, highest: number, aligned: number;
        do {
          size = end - start;
          aligned = -1;
          while (slideUp()) otherBack();
          highest = end;
          if (oEnd > oStart) aligned = end;
          while (slideDown()) {
            otherOn();
            if (oEnd > oStart) aligned = end;
          }
        } while (size !== end - start);
        if (end === highest) {
          // It cannot move.
        } else if (aligned !== -1) {
          while (oEnd === oStart) {
            if (!slideUp()) break;
            otherBack();
          }
        } else if (this.#options.indentHeuristic !== false) {
          const best = this.#bestShift(side.lines, highest, end, size);
          while (end > best) {
            if (!slideUp()) break;
            otherBack();
          }
        }
      }
      if (end >= n) return;
      const next = changed.indexOf(1, end + 2) - 1;
      if (next < 0) return;
      // Groups without lines cannot move; the other side is one such group further for each line.
      for (let skip = next - end - 1; skip > 0; skip--) {
        if (oEnd < m) otherOn();
      }
      end = next - 1;
      start = end + 1;
      end = start;
      while (changed[end + 1]) end++;
      if (oEnd < m) otherOn();
    }
  }

  #bestShift(lines: Lines, highest: number, end: number, size: number): number {
    let best = -1, bestIndent = 0, bestPenalty = 0;
    const first = Math.max(highest, end - size - 1, end - 100);
    for (let shift = first; shift <= end; shift++) {
      const lower = splitScore(lines, shift), upper = splitScore(lines, shift - size);
      const indent = lower.indent + upper.indent;
      const penalty = lower.penalty + upper.penalty;
      const order = 60 * Math.sign(indent - bestIndent) + (penalty - bestPenalty);
      if (best === -1 || order <= 0) [best, bestIndent, bestPenalty] = [shift, indent, penalty];
    }
    return best;
  }

  #script(): LineChange[] {
    const a = this.#a.changed, b = this.#b.changed;
    const out: LineChange[] = [];
    let i = this.#lowest, j = this.#lowest;
    for (;;) {
      const nextA = a.indexOf(1, i + 1), nextB = b.indexOf(1, j + 1);
      if (nextA < 0 && nextB < 0) break;
      const step = Math.min(
        nextA < 0 ? Infinity : nextA - 1 - i,
        nextB < 0 ? Infinity : nextB - 1 - j,
      );
      i += step;
      j += step;
      const oldStart = i, newStart = j;
      while (a[i + 1]) i++;
      while (b[j + 1]) j++;
      out.push({
        oldStart,
        oldCount: i - oldStart,
        newStart,
        newCount: j - newStart,
        ignored: false,
      });
    }
    if (this.#options.ignoreBlankLines) {
      const blank = (lines: Lines, from: number, count: number): boolean => {
        for (let k = from; k < from + count; k++) {
          const text = lines.text(k).replace(/\n$/, "");
          if (
            this.#options.ignoreAllSpace || this.#options.ignoreSpaceChange ||
              this.#options.ignoreSpaceAtEol
              ? /[^\t\n\r ]/.test(text)
              : text !== ""
          ) return false;
        }
        return true;
      };
      for (const change of out) {
        change.ignored = blank(this.old, change.oldStart, change.oldCount) &&
          blank(this.new, change.newStart, change.newCount);
      }
    }
    return out;
  }
}

/** Unique lines in common, in an order that both sides share; "none" without any line in common. */
function patienceAnchors(
  a: Int32Array,
  b: Int32Array,
  i0: number,
  i1: number,
  j0: number,
  j1: number,
): [number, number][] | "none" {
  const seen = new Map<number, { i: number; j: number }>();
  for (let i = i0; i < i1; i++) {
    const known = seen.get(a[i]!);
    if (known === undefined) seen.set(a[i]!, { i, j: -1 });
    else known.i = -2;
  }
  let matches = false;
  for (let j = j0; j < j1; j++) {
    const known = seen.get(b[j]!);
    if (known === undefined) continue;
    matches = true;
    known.j = known.j === -1 ? j : -2;
  }
  if (!matches) return "none";
  const piles: { i: number; j: number; back: number }[] = [];
  const tops: number[] = [];
  for (const { i, j } of seen.values()) {
    if (i < 0 || j < 0) continue;
    let low = 0, high = tops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (piles[tops[middle]!]!.j < j) low = middle + 1;
      else high = middle;
    }
    piles.push({ i, j, back: low === 0 ? -1 : tops[low - 1]! });
    tops[low] = piles.length - 1;
  }
  const out: [number, number][] = [];
  for (let at = tops.at(-1) ?? -1; at >= 0; at = piles[at]!.back) {
    out.push([piles[at]!.i, piles[at]!.j]);
  }
  return out.reverse();
}

/** The rarest, then longest, run in common; `undefined` when there is nothing in common. */
function histogramRun(
  a: Int32Array,
  b: Int32Array,
  i0: number,
  i1: number,
  j0: number,
  j1: number,
): { i: number; j: number; length: number } | "myers" | undefined {
  const MAX_COUNT = 64;
  const places = new Map<number, number[]>();
  for (let i = i0; i < i1; i++) {
    const known = places.get(a[i]!);
    if (known === undefined) places.set(a[i]!, [i]);
    else known.push(i);
  }
  let best: { i: number; j: number; length: number } | undefined;
  let bestLength = 1;
  let bestCount = MAX_COUNT + 1;
  let common = false;
  for (let j = j0; j < j1;) {
    let next = j + 1;
    const list = places.get(b[j]!);
    if (list !== undefined) common = true;
    if (list === undefined || list.length > bestCount) {
      j = next;
      continue;
    }
    let reached = -1;
    for (const i of list) {
      if (i <= reached) continue;
      let is = i, js = j, ie = i + 1, je = j + 1;
      let rarest = list.length;
      while (is > i0 && js > j0 && a[is - 1] === b[js - 1]) {
        is--;
        js--;
        if (rarest > 1) rarest = Math.min(rarest, places.get(a[is]!)!.length);
      }
      while (ie < i1 && je < j1 && a[ie] === b[je]) {
        if (rarest > 1) rarest = Math.min(rarest, places.get(a[ie]!)!.length);
        ie++;
        je++;
      }
      if (next < je) next = je;
      if (bestLength < ie - is || rarest < bestCount) {
        best = { i: is, j: js, length: ie - is };
        bestLength = ie - is;
        bestCount = rarest;
      }
      reached = ie - 1;
    }
    j = next;
  }
  return common && bestCount > MAX_COUNT ? "myers" : best;
}

function indentOf(lines: Lines, i: number): number {
  let width = 0;
  const data = lines.data;
  for (let at = lines.starts[i]!; at < lines.starts[i + 1]!; at++) {
    const c = data[at]!;
    if (!isSpace(c)) return width;
    if (c === 32) width++;
    else if (c === 9) width += 8 - (width % 8);
    if (width >= 200) return 200;
  }
  return -1;
}

/** How bad it would be to cut before line `at`; the weights are Git's. */
function splitScore(lines: Lines, at: number): { indent: number; penalty: number } {
  const atEnd = at >= lines.count;
  const own = atEnd ? -1 : indentOf(lines, at);
  let before = -1, blanksBefore = 0;
  for (let i = at - 1; i >= 0; i--) {
    before = indentOf(lines, i);
    if (before !== -1) break;
    if (++blanksBefore === 20) {
      before = 0;
      break;
    }
  }
  let after = -1, blanksAfter = 0;
  for (let i = at + 1; i < lines.count; i++) {
    after = indentOf(lines, i);
    if (after !== -1) break;
    if (++blanksAfter === 20) {
      after = 0;
      break;
    }
  }
  let penalty = 0;
  if (before === -1 && blanksBefore === 0) penalty += 1;
  if (atEnd) penalty += 21;
  const following = own === -1 ? 1 + blanksAfter : 0;
  const blanks = blanksBefore + following;
  penalty += -30 * blanks + 6 * following;
  const indent = own !== -1 ? own : after;
  if (indent !== -1 && before !== -1) {
    if (indent > before) penalty += blanks !== 0 ? 10 : -4;
    else if (indent < before) {
      if (after !== -1 && after > indent) penalty += blanks !== 0 ? 17 : 24;
      else penalty += blanks !== 0 ? 17 : 23;
    }
  }
  return { indent, penalty };
}

/** The changes between two texts. */
export function diffLines(
  before: Uint8Array,
  after: Uint8Array,
  options: LineDiffOptions = {},
): LineChange[] {
  return new LineDiff(before, after, options).changes();
}

/** How hunks are cut and labelled. */
export interface HunkOptions {
  /** Lines of context. Default 3. */
  context?: number;
  /** Show what lies between hunks that are this close. Default 0. */
  interHunk?: number;
  /** Extend to whole functions. */
  functionContext?: boolean;
  /** Finds the heading that a line gives, or `undefined`. */
  heading?: ((line: ByteString) => ByteString | undefined) | undefined;
}

/** A hunk: ranges are 0-based, `changes` are those inside. */
export interface Hunk {
  oldStart: number;
  oldCount: number;
  newStart: number;
  newCount: number;
  heading: ByteString;
  changes: LineChange[];
}

function startsHeading(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || c === 36;
}

/** The heading that Git shows without a driver: a line that starts with a letter, `_` or `$`. */
export function defaultHeading(line: ByteString): ByteString | undefined {
  return startsHeading(line.charCodeAt(0))
    ? line.slice(0, 80).replace(/[\t\n\r ]+$/, "")
    : undefined;
}

/** Groups changes into hunks. */
export function makeHunks(
  before: Lines,
  after: Lines,
  changes: LineChange[],
  options: HunkOptions = {},
): Hunk[] {
  const context = options.context ?? 3;
  const merge = 2 * context + (options.interHunk ?? 0);
  const { heading } = options;
  const hunks: Hunk[] = [];
  let previousStart = -1;
  let lastHeading = "";
  const isHeading = (lines: Lines, i: number): boolean =>
    heading === undefined
      ? startsHeading(lines.data[lines.starts[i]!]!)
      : heading(lines.text(i)) !== undefined;
  const isEmpty = (i: number): boolean => !/[^\t\n\r ]/.test(before.text(i));
  const findHeading = (from: number, limit: number): number => {
    const step = from > limit ? -1 : 1;
    for (let l = from; l !== limit && l >= 0 && l < before.count; l += step) {
      if (isHeading(before, l)) return l;
    }
    return -1;
  };
  let at = 0;
  while (at < changes.length) {
    // Ignorable changes that are far from others are dropped.
    let first = at;
    for (let k = at; k < changes.length && changes[k]!.ignored; k++) {
      const next = changes[k + 1];
      if (
        next === undefined ||
        next.oldStart - (changes[k]!.oldStart + changes[k]!.oldCount) >= context
      ) first = k + 1;
    }
    if (first >= changes.length) break;
    let last = first;
    let ignored = 0;
    for (let k = first + 1; k < changes.length; k++) {
      const one = changes[k]!, previous = changes[k - 1]!, kept = changes[last]!;
      const distance = one.oldStart - (previous.oldStart + previous.oldCount);
      if (distance > merge) break;
      if (distance < context && (!one.ignored || last === k - 1)) {
        last = k;
        ignored = 0;
      } else if (distance < context && one.ignored) ignored += one.newCount;
      else if (last !== k - 1 && one.oldStart + ignored - (kept.oldStart + kept.oldCount) > merge) {
        break;
      } else if (!one.ignored) {
        last = k;
        ignored = 0;
      } else ignored += one.newCount;
    }
    let s1 = 0, s2 = 0;
    let begin = first;
    for (;;) {
      const c = changes[begin]!;
      s1 = Math.max(c.oldStart - context, 0);
      s2 = Math.max(c.newStart - context, 0);
      if (!options.functionContext) break;
      let i1 = c.oldStart;
      if (i1 >= before.count) {
        let whole = false;
        for (let i2 = c.newStart; i2 < after.count && !whole; i2++) whole = isHeading(after, i2);
        if (whole) break;
        i1 = before.count - 1;
      }
      let f = findHeading(i1, -1);
      while (f > 0 && !isEmpty(f - 1) && !isHeading(before, f - 1)) f--;
      if (f < 0) f = 0;
      if (f >= s1) break;
      s2 = Math.max(s2 - (s1 - f), 0);
      s1 = f;
      let earlier = at;
      while (
        earlier !== begin && changes[earlier]!.oldStart + changes[earlier]!.oldCount <= s1 &&
        changes[earlier]!.newStart + changes[earlier]!.newCount <= s2
      ) earlier++;
      if (earlier === begin) break;
      begin = earlier;
    }
    first = begin;
    let e1 = 0, e2 = 0;
    for (;;) {
      const c = changes[last]!;
      const tail = Math.min(
        context,
        before.count - (c.oldStart + c.oldCount),
        after.count - (c.newStart + c.newCount),
      );
      e1 = c.oldStart + c.oldCount + tail;
      e2 = c.newStart + c.newCount + tail;
      if (!options.functionContext) break;
      let f = findHeading(c.oldStart + c.oldCount, before.count);
      while (f > 0 && isEmpty(f - 1)) f--;
      if (f < 0) f = before.count;
      if (f > e1) {
        e2 = Math.min(e2 + (f - e1), after.count);
        e1 = f;
      }
      const next = changes[last + 1];
      if (next === undefined) break;
      const l = Math.min(next.oldStart, before.count - 1);
      if (!(l - context <= e1 || findHeading(l, e1) < 0)) break;
      last++;
    }
    const found = findHeading(s1 - 1, previousStart);
    if (found >= 0) lastHeading = (heading ?? defaultHeading)(before.text(found))!;
    previousStart = s1 - 1;
    hunks.push({
      oldStart: s1,
      oldCount: e1 - s1,
      newStart: s2,
      newCount: e2 - s2,
      heading: lastHeading,
      changes: changes.slice(first, last + 1),
    });
    at = last + 1;
  }
  return hunks;
}

/** `@@ -a,b +c,d @@` */
export function hunkRanges(hunk: Hunk): ByteString {
  const range = (start: number, count: number): string => {
    const shown = count === 0 ? start : start + 1;
    return count === 1 ? String(shown) : `${shown},${count}`;
  };
  return `@@ -${range(hunk.oldStart, hunk.oldCount)} +${range(hunk.newStart, hunk.newCount)} @@`;
}

/** What follows the ranges: a space and the heading, as far as that is UTF-8. */
export function hunkHeading(hunk: Hunk): ByteString {
  return hunk.heading === "" ? "" : ` ${validPrefix(hunk.heading)}`;
}

/** The line `@@ -a,b +c,d @@ heading`. */
export function hunkHeader(hunk: Hunk): ByteString {
  return `${hunkRanges(hunk)}${hunkHeading(hunk)}\n`;
}

/** A text up to the first bytes that are not UTF-8: a heading may have been cut inside a character. */
function validPrefix(text: ByteString): ByteString {
  for (let at = 0; at < text.length;) {
    const c = text.charCodeAt(at);
    let length = 1, point = c;
    if (c >= 0x80) {
      length = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) === 0xe0 ? 3 : (c & 0xf8) === 0xf0 ? 4 : 0;
      if (length === 0) return text.slice(0, at);
      point = c & (0xff >> (length + 1));
      for (let k = 1; k < length; k++) {
        const next = text.charCodeAt(at + k);
        if ((next & 0xc0) !== 0x80) return text.slice(0, at);
        point = point * 64 + (next & 0x3f);
      }
      const low = length === 3 ? 0x800 : length === 4 ? 0x10000 : 0x80;
      if (
        point < low || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ||
        point === 0xfffe || point === 0xffff
      ) return text.slice(0, at);
    }
    at += length;
  }
  return text;
}
