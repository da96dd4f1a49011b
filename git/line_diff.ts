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

  /** Finds the lines of a text. */
  constructor(data: Uint8Array) {
    this.data = data;
    let capacity = Math.max(16, data.length >> 4);
    let starts = new Int32Array(capacity + 1);
    let count = 0;
    for (let at = 0; at < data.length;) {
      if (count === capacity) {
        capacity *= 2;
        const grown = new Int32Array(capacity + 1);
        grown.set(starts);
        starts = grown;
      }
      starts[count++] = at;
      const end = data.indexOf(10, at);
      at = end < 0 ? data.length : end + 1;
    }
    starts[count] = data.length;
    this.starts = starts;
    this.count = count;
  }

  /** A line with its line feed. */
  text(i: number): ByteString {
    return toByteString(this.data, this.starts[i]!, this.starts[i + 1]!);
  }
}

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

/** The text by which a line is compared under whitespace options. */
export function comparableLine(line: ByteString, options: LineDiffOptions): ByteString {
  if (options.ignoreAllSpace) return line.replace(/[\t-\r ]+/g, "");
  if (options.ignoreSpaceChange) return line.replace(/[\t-\r ]+$/, "").replace(/[\t-\r ]+/g, " ");
  if (options.ignoreSpaceAtEol) return line.replace(/[\t-\r ]+$/, "");
  if (options.ignoreCrAtEol) return line.replace(/\r?\n$/, "");
  return line;
}

/** One side of a comparison. */
class Side {
  readonly lines: Lines;
  readonly ids: Int32Array;
  /** 1 where a line is changed; index 0 is a guard, so line i is at i + 1. */
  readonly changed: Uint8Array;
  /** Lines that take part in the search. */
  index: Int32Array = new Int32Array(0);
  /** Their ids. */
  keys: Int32Array = new Int32Array(0);

  constructor(lines: Lines) {
    this.lines = lines;
    this.ids = new Int32Array(lines.count);
    this.changed = new Uint8Array(lines.count + 2);
  }
}

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

/** Compares two texts. */
export class LineDiff {
  readonly old: Lines;
  readonly new: Lines;
  readonly #a: Side;
  readonly #b: Side;
  readonly #options: LineDiffOptions;
  #forward: Int32Array = new Int32Array(0);
  #backward: Int32Array = new Int32Array(0);
  #origin = 0;
  #maxCost = 0;

  constructor(
    before: Uint8Array | Lines,
    after: Uint8Array | Lines,
    options: LineDiffOptions = {},
  ) {
    this.old = before instanceof Lines ? before : new Lines(before);
    this.new = after instanceof Lines ? after : new Lines(after);
    this.#a = new Side(this.old);
    this.#b = new Side(this.new);
    this.#options = options;
  }

  /** The changes, in order. */
  changes(): LineChange[] {
    const a = this.#a, b = this.#b;
    const classes = this.#classify();
    const algorithm = this.#options.algorithm ?? "myers";
    if (algorithm === "myers") this.#myers(a, b, classes);
    else this.#anchored(0, a.lines.count, 0, b.lines.count, algorithm);
    this.#compact(a, b);
    this.#compact(b, a);
    return this.#script();
  }

  #classify(): number {
    const ids = new Map<ByteString, number>();
    const { ignoreAllSpace, ignoreSpaceChange, ignoreSpaceAtEol, ignoreCrAtEol } = this.#options;
    const plain = !(ignoreAllSpace || ignoreSpaceChange || ignoreSpaceAtEol || ignoreCrAtEol);
    for (const side of [this.#a, this.#b]) {
      for (let i = 0; i < side.lines.count; i++) {
        const text = side.lines.text(i);
        const key = plain ? text : comparableLine(text, this.#options);
        let id = ids.get(key);
        if (id === undefined) ids.set(key, id = ids.size);
        side.ids[i] = id;
      }
    }
    return ids.size;
  }

  #myers(a: Side, b: Side, classes: number): void {
    const n = a.lines.count, m = b.lines.count;
    let start = 0;
    const shorter = Math.min(n, m);
    while (start < shorter && a.ids[start] === b.ids[start]) start++;
    let tail = 0;
    while (tail < shorter - start && a.ids[n - 1 - tail] === b.ids[m - 1 - tail]) tail++;
    const countA = new Int32Array(classes), countB = new Int32Array(classes);
    for (let i = 0; i < n; i++) countA[a.ids[i]!]!++;
    for (let i = 0; i < m; i++) countB[b.ids[i]!]!++;
    this.#select(a, countB, start, n - 1 - tail);
    this.#select(b, countA, start, m - 1 - tail);
    const diagonals = a.keys.length + b.keys.length + 3;
    this.#forward = new Int32Array(diagonals * 2 + 2);
    this.#backward = new Int32Array(diagonals * 2 + 2);
    this.#origin = b.keys.length + 1;
    this.#maxCost = Math.max(MIN_COST, roughRoot(diagonals));
    this.#search(0, a.keys.length, 0, b.keys.length, this.#options.minimal ?? false);
  }

  #select(side: Side, others: Int32Array, first: number, last: number): void {
    const limit = Math.min(roughRoot(side.lines.count), MAX_FREQUENT);
    const kind = new Uint8Array(side.lines.count + 1);
    for (let i = first; i <= last; i++) {
      const n = others[side.ids[i]!]!;
      kind[i] = n === 0 ? 0 : n >= limit ? 2 : 1;
    }
    const index = new Int32Array(Math.max(0, last - first + 1));
    let used = 0;
    for (let i = first; i <= last; i++) {
      if (kind[i] === 1 || (kind[i] === 2 && !isLost(kind, i, first, last))) index[used++] = i;
      else side.changed[i + 1] = 1;
    }
    side.index = index.subarray(0, used);
    side.keys = side.index.map((i) => side.ids[i]!);
  }

  /** Marks what changes inside a box; an explicit stack instead of recursion. */
  #search(a0: number, a1: number, b0: number, b1: number, minimal: boolean): void {
    const x = this.#a.keys, y = this.#b.keys;
    const stack: [number, number, number, number, boolean][] = [[a0, a1, b0, b1, minimal]];
    while (stack.length > 0) {
      let [i0, i1, j0, j1, min] = stack.pop()!;
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
        stack.push([si, i1, sj, j1, high]);
        stack.push([i0, si, j0, sj, low]);
        min = false;
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
    const f = this.#forward, r = this.#backward, o = this.#origin;
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
  #anchored(a0: number, a1: number, b0: number, b1: number, kind: "patience" | "histogram"): void {
    const a = this.#a, b = this.#b;
    const stack: [number, number, number, number][] = [[a0, a1, b0, b1]];
    while (stack.length > 0) {
      let [i0, i1, j0, j1] = stack.pop()!;
      if (kind === "patience") {
        while (i0 < i1 && j0 < j1 && a.ids[i0] === b.ids[j0]) {
          i0++;
          j0++;
        }
        while (i0 < i1 && j0 < j1 && a.ids[i1 - 1] === b.ids[j1 - 1]) {
          i1--;
          j1--;
        }
      }
      if (i0 === i1 || j0 === j1) {
        for (; i0 < i1; i0++) a.changed[i0 + 1] = 1;
        for (; j0 < j1; j0++) b.changed[j0 + 1] = 1;
        continue;
      }
      if (kind === "histogram") {
        const found = this.#histogramRun(i0, i1, j0, j1);
        if (found === "myers") this.#inner(i0, i1, j0, j1);
        else if (found === undefined) {
          for (; i0 < i1; i0++) a.changed[i0 + 1] = 1;
          for (; j0 < j1; j0++) b.changed[j0 + 1] = 1;
        } else {
          stack.push([found.i + found.length, i1, found.j + found.length, j1]);
          stack.push([i0, found.i, j0, found.j]);
        }
        continue;
      }
      const anchors = this.#patienceAnchors(i0, i1, j0, j1);
      if (anchors === undefined) {
        this.#inner(i0, i1, j0, j1);
        continue;
      }
      let [pi, pj] = [i0, j0];
      for (const [i, j] of anchors) {
        stack.push([pi, i, pj, j]);
        [pi, pj] = [i + 1, j + 1];
      }
      stack.push([pi, i1, pj, j1]);
    }
  }

  /** Myers over a part of the two texts, as if they were whole files. */
  #inner(i0: number, i1: number, j0: number, j1: number): void {
    const a = this.#a, b = this.#b;
    const part = new LineDiff(
      a.lines.data.subarray(a.lines.starts[i0]!, a.lines.starts[i1]!),
      b.lines.data.subarray(b.lines.starts[j0]!, b.lines.starts[j1]!),
      { ...this.#options, algorithm: "myers" },
    );
    part.#myers(part.#a, part.#b, part.#classify());
    for (let i = 0; i < i1 - i0; i++) if (part.#a.changed[i + 1]) a.changed[i0 + i + 1] = 1;
    for (let j = 0; j < j1 - j0; j++) if (part.#b.changed[j + 1]) b.changed[j0 + j + 1] = 1;
  }

  #patienceAnchors(i0: number, i1: number, j0: number, j1: number): [number, number][] | undefined {
    const a = this.#a.ids, b = this.#b.ids;
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
    // Nothing in common at all: everything between is changed, which Myers says as well.
    if (!matches) return undefined;
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
    if (tops.length === 0) return undefined;
    const out: [number, number][] = [];
    for (let at = tops[tops.length - 1]!; at >= 0; at = piles[at]!.back) {
      out.push([piles[at]!.i, piles[at]!.j]);
    }
    return out.reverse();
  }

  /** The rarest, then longest, run in common; `undefined` when there is nothing in common. */
  #histogramRun(
    i0: number,
    i1: number,
    j0: number,
    j1: number,
  ): { i: number; j: number; length: number } | "myers" | undefined {
    const a = this.#a.ids, b = this.#b.ids;
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

  /** Slides groups of changes in `side` to where they read best. */
  #compact(side: Side, other: Side): void {
    const ids = side.ids, changed = side.changed, otherChanged = other.changed;
    const n = side.lines.count, m = other.lines.count;
    let start = 0, end = 0, oStart = 0, oEnd = 0;
    while (changed[end + 1]) end++;
    while (otherChanged[oEnd + 1]) oEnd++;
    const slideUp = (): boolean => {
      if (start === 0 || ids[start - 1] !== ids[end - 1]) return false;
      changed[start--] = 1;
      changed[end--] = 0;
      while (changed[start]) start--;
      return true;
    };
    const slideDown = (): boolean => {
      if (end >= n || ids[start] !== ids[end]) return false;
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
    const n = this.#a.lines.count, m = this.#b.lines.count;
    const out: LineChange[] = [];
    let i = 0, j = 0;
    while (i < n || j < m) {
      if (!a[i + 1] && !b[j + 1]) {
        i++;
        j++;
        continue;
      }
      const oldStart = i, newStart = j;
      while (i < n && a[i + 1]) i++;
      while (j < m && b[j + 1]) j++;
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
              ? /[^\t-\r ]/.test(text)
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
  heading?: (line: ByteString) => ByteString | undefined;
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

/** The heading that Git shows without a driver: a line that starts with a letter, `_` or `$`. */
export function defaultHeading(line: ByteString): ByteString | undefined {
  return /^[A-Za-z_$]/.test(line) ? line.slice(0, 80).replace(/[\t-\r ]+$/, "") : undefined;
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
  const heading = options.heading ?? defaultHeading;
  const hunks: Hunk[] = [];
  let previousStart = -1;
  let lastHeading = "";
  const isHeading = (lines: Lines, i: number): boolean => heading(lines.text(i)) !== undefined;
  const isEmpty = (i: number): boolean => !/[^\t-\r ]/.test(before.text(i));
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
    if (found >= 0) lastHeading = heading(before.text(found))!;
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

/** The line `@@ -a,b +c,d @@ heading`. */
export function hunkHeader(hunk: Hunk): ByteString {
  const range = (start: number, count: number): string => {
    const shown = count === 0 ? start : start + 1;
    return count === 1 ? String(shown) : `${shown},${count}`;
  };
  return `@@ -${range(hunk.oldStart, hunk.oldCount)} +${range(hunk.newStart, hunk.newCount)} @@${
    hunk.heading === "" ? "" : ` ${hunk.heading}`
  }\n`;
}
