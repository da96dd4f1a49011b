/**
 * Combined diffs: a merge result beside all its parents at once (`-c`, `--cc`).
 *
 * Every line of the result knows which parents lack it, and which lines of parents are gone in
 * front of it; lines that several parents lost are found by longest common subsequences.
 *
 * @module
 */
import { type ByteString, toByteString } from "./_bytes.ts";
import { type DiffFormatOptions, idOf, looksBinary } from "./diff_format.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { comparableLine, LineDiff, type LineDiffOptions, Lines } from "./line_diff.ts";
import { isFileMode } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import { type DiffFile, fileContent } from "./tree_diff.ts";

/** A parent's version of a file. */
export interface CombinedParent {
  /** Mode; 0 when the parent does not have the file. */
  readonly mode: number;
  /** Its content. */
  readonly id: ObjectId;
  /** Where the parent has it. */
  readonly path: ByteString;
}

/** A line of parents that is gone, and from which of them (a bit each). */
interface LostLine {
  readonly text: ByteString;
  parents: number;
}

/** Beyond so many pairs of lost lines no common ones are looked for. */
const MAX_PAIRS = 4_000_000;
/** More parents than this do not fit the bits of a line. */
const MAX_PARENTS = 28;
/** How far headings go (bytes). */
const MAX_HEADING = 40;

function octal(mode: number): string {
  return mode.toString(8).padStart(6, "0");
}

/** The marks of the lines of a result. */
class Marks {
  /** For every line, and for the end: bits of the parents that lack it, and of how it is shown. */
  readonly flags: Int32Array;
  readonly lost: LostLine[][];
  readonly #all: number;
  readonly #shown: number;
  readonly #noLost: number;
  readonly #context: number;
  readonly count: number;

  constructor(count: number, parents: number, context: number) {
    this.count = count;
    this.flags = new Int32Array(count + 2);
    this.lost = Array.from({ length: count + 2 }, () => []);
    this.#all = 2 ** parents - 1;
    this.#shown = 2 ** parents;
    this.#noLost = 2 ** (parents + 1);
    this.#context = context;
  }

  shown(i: number): boolean {
    return (this.flags[i]! & this.#shown) !== 0;
  }

  /** A line of context in front of a change: what was lost there is not shown. */
  hidesLost(i: number): boolean {
    return (this.flags[i]! & this.#noLost) !== 0;
  }

  missing(i: number): number {
    return this.flags[i]! & this.#all;
  }

  #set(i: number, on: boolean): void {
    if (on) this.flags[i]! |= this.#shown;
    else this.flags[i]! &= ~this.#shown;
  }

  /** A last line with nothing but lost lines in front makes one line of context by itself. */
  #tail(begin: number, i: number): number {
    return begin + 1 <= i && this.missing(i - 1) === 0 ? i - 1 : i;
  }

  #next(from: number, shown: boolean): number {
    let i = from;
    while (i <= this.count && this.shown(i) !== shown) i++;
    return i;
  }

  /** Decides what is shown; false when nothing is. `dense`: not what comes from one side only. */
  choose(dense: boolean): boolean {
    const { count } = this;
    for (let i = 0; i <= count; i++) {
      this.#set(i, this.missing(i) !== 0 || this.lost[i]!.length > 0);
    }
    if (dense) this.#thin();
    return this.#addContext();
  }

  #thin(): void {
    const { count } = this;
    for (let i = this.#next(0, true); i <= count; i = this.#next(i, true)) {
      let end = i + 1;
      for (; end <= count; end++) {
        if (this.shown(end)) continue;
        // Does the hunk go on within the lines of context?
        let ahead = Math.min(this.#tail(i, end) + this.#context, count + 1);
        let more = false;
        while (ahead > 0 && end <= --ahead) {
          if (this.shown(ahead)) {
            more = true;
            break;
          }
        }
        if (!more) break;
        end = ahead;
      }
      let same = 0;
      let differs = false;
      for (let j = i; j < end && !differs; j++) {
        for (const parents of [this.missing(j), ...this.lost[j]!.map((one) => one.parents)]) {
          if (parents === 0) continue;
          if (same === 0) same = parents;
          else if (same !== parents) differs = true;
        }
      }
      if (!differs && same !== this.#all) { for (let j = i; j < end; j++) this.#set(j, false); }
      i = end;
    }
  }

  #addContext(): boolean {
    const { count } = this, context = this.#context;
    let i = this.#next(0, true);
    if (i > count) return false;
    while (i <= count) {
      for (let j = Math.max(0, i - context); j < i; j++) {
        if (!this.shown(j)) this.flags[j]! |= this.#noLost;
        this.#set(j, true);
      }
      for (;;) {
        let j = this.#next(i, false);
        if (j > count) return true;
        const k = this.#next(j, true);
        j = this.#tail(i, j);
        if (k < j + context) {
          // A small gap is shown.
          for (; j < k; j++) this.#set(j, true);
          i = k;
          continue;
        }
        const end = Math.min(j + context, count + 1);
        for (; j < end; j++) this.#set(j, true);
        i = k;
        break;
      }
    }
    return true;
  }
}

/** Adds the lines that another parent lost at a place; those it shares with others are joined. */
function join(
  into: LostLine[],
  texts: readonly ByteString[],
  bit: number,
  options: LineDiffOptions,
): LostLine[] {
  const a = into.map((one) => comparableLine(one.text, options)),
    b = texts.map((text) => comparableLine(text, options));
  const columns = b.length + 1;
  if (a.length === 0 || (a.length + 1) * columns > MAX_PAIRS) {
    return [...into, ...texts.map((text) => ({ text, parents: bit }))];
  }
  const table = new Uint32Array((a.length + 1) * columns);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j < columns; j++) {
      const at = i * columns + j;
      table[at] = a[i - 1] === b[j - 1]
        ? table[at - columns - 1]! + 1
        : Math.max(table[at - 1]!, table[at - columns]!);
    }
  }
  const out: LostLine[] = [];
  let i = a.length, j = b.length;
  while (i > 0 || j > 0) {
    const at = i * columns + j;
    if (i > 0 && j > 0 && a[i - 1] === b[j - 1]) {
      const one = into[--i]!;
      j--;
      one.parents |= bit;
      out.push(one);
    } else if (j > 0 && (i === 0 || table[at - 1]! >= table[at - columns]!)) {
      out.push({ text: texts[--j]!, parents: bit });
    } else out.push(into[--i]!);
  }
  return out.reverse();
}

/**
 * A combined diff of a merge result with its parents; "" when nothing is to be shown. `dense`
 * leaves out hunks whose lines all come from one side.
 */
export function formatCombined(
  store: ObjectStore,
  path: ByteString,
  parents: readonly CombinedParent[],
  result: DiffFile,
  dense: boolean,
  options: DiffFormatOptions & { inWorktree?: boolean; allPaths?: boolean },
): ByteString {
  const n = parents.length;
  const { colors } = options;
  const meta = colors?.meta ?? "", reset = colors?.reset ?? "";
  const inWorktree = options.inWorktree === true;
  const modeDiffers = parents.some((parent) => parent.mode !== result.mode);
  const deleted = modeDiffers && result.mode === 0;
  const added = modeDiffers && !deleted && parents.every((parent) => parent.mode === 0);
  const line = (text: ByteString): ByteString => `${meta}${text}${reset}\n`;
  const header = (files: boolean): ByteString => {
    const show = (id: ObjectId): string =>
      options.fullIndex ? id : /^0+$/.test(id) ? id.slice(0, short) : options.abbrev(id);
    const short = options.abbrev(parents[0]!.id).length;
    const id = inWorktree ? store.algorithm.zero : idOf(store, result);
    let out = line(`diff --${dense ? "cc" : "combined"} ${options.quote(path)}`) +
      line(`index ${parents.map((one) => show(one.id)).join(",")}..${show(id)}`);
    if (added) out += line(`new file mode ${octal(result.mode)}`);
    else if (modeDiffers) {
      const modes = parents.map((one) => octal(one.mode)).join(",");
      out += line(
        `${deleted ? "deleted file " : ""}mode ${modes}${
          result.mode === 0 ? "" : `..${octal(result.mode)}`
        }`,
      );
    }
    if (!files) return out;
    const before = (name: ByteString): ByteString =>
      options.quote((options.oldPrefix ?? "a/") + name);
    if (options.allPaths) {
      for (const one of parents) {
        out += line(`--- ${one.mode === 0 ? "/dev/null" : before(one.path)}`);
      }
    } else out += line(`--- ${added ? "/dev/null" : before(path)}`);
    const after = options.quote((options.newPrefix ?? "b/") + path);
    return out + line(`+++ ${deleted ? "/dev/null" : after}`);
  };
  const content = (file: DiffFile): Uint8Array => {
    const data = fileContent(store, file);
    const driver = isFileMode(file.mode) ? options.driver?.(file.path) : undefined;
    return options.textconv && driver?.textconv !== undefined && file.mode !== 0
      ? driver.textconv(file, data)
      : data;
  };
  const isBinary = (file: DiffFile, data: Uint8Array): boolean => {
    const driver = isFileMode(file.mode) ? options.driver?.(file.path) : undefined;
    if (options.textconv && driver?.textconv !== undefined) return false;
    return file.mode !== 0 && (driver?.binary ?? looksBinary(data));
  };
  const after = content(result);
  const befores = parents.map((one) =>
    content({ path: one.path, mode: one.mode, id: one.id, idKnown: true })
  );
  if (
    !options.text &&
    (isBinary(result, after) ||
      befores.some((data, i) => isBinary({ ...parents[i]!, idKnown: true }, data)))
  ) return `${header(false)}Binary files differ\n`;
  if (n > MAX_PARENTS) return header(true);
  const b = new Lines(after);
  const marks = new Marks(b.count, n, options.context ?? 3);
  const numbers: Int32Array[] = [];
  for (let p = 0; p < n; p++) {
    const bit = 2 ** p;
    if (result.mode !== 0) {
      const diff = new LineDiff(befores[p]!, after, { ...options, trimTail: true });
      for (const { oldStart, oldCount, newStart, newCount } of diff.changes()) {
        for (let j = 0; j < newCount; j++) marks.flags[newStart + j]! |= bit;
        const texts: ByteString[] = [];
        for (let i = 0; i < oldCount; i++) texts.push(plain(diff.old, oldStart + i));
        if (texts.length > 0) {
          marks.lost[newStart] = join(marks.lost[newStart]!, texts, bit, options);
        }
      }
    }
    // The number of the parent's line that each line of the result starts at.
    const starts = new Int32Array(b.count + 2);
    let at = 1;
    for (let j = 0; j <= b.count; j++) {
      starts[j] = at;
      for (const one of marks.lost[j]!) if ((one.parents & bit) !== 0) at++;
      if (j < b.count && (marks.flags[j]! & bit) === 0) at++;
    }
    starts[b.count + 1] = at;
    numbers.push(starts);
  }
  const anything = result.mode !== 0 && marks.choose(dense);
  if (!anything && !modeDiffers && !inWorktree) return "";
  return header(true) + (result.mode === 0 ? "" : hunks(b, marks, numbers, options));
}

/** A line without its line feed. */
function plain(lines: Lines, i: number): ByteString {
  const end = lines.starts[i + 1]!;
  return toByteString(
    lines.data,
    lines.starts[i]!,
    lines.data[end - 1] === 10 ? end - 1 : end,
  );
}

function hunks(
  b: Lines,
  marks: Marks,
  numbers: readonly Int32Array[],
  options: DiffFormatOptions,
): ByteString {
  const n = numbers.length;
  const { colors } = options;
  const reset = colors?.reset ?? "", unchanged = colors?.context ?? "";
  const noContext = options.context === 0;
  const sign = "@".repeat(n + 1);
  const put = (color: string, bits: number, mark: string, text: ByteString): ByteString => {
    let out = color;
    for (let p = 0; p < n; p++) out += (bits & (2 ** p)) !== 0 ? mark : " ";
    const cut = text.endsWith("\r") ? text.length - 1 : text.length;
    return `${out}${text.slice(0, cut)}${reset}${text.slice(cut)}\n`;
  };
  const out: ByteString[] = [];
  let at = 0;
  for (;;) {
    let heading: ByteString | undefined;
    for (; at <= b.count && !marks.shown(at); at++) {
      if (at < b.count && /^[A-Za-z_$]/.test(String.fromCharCode(b.data[b.starts[at]!]!))) {
        heading = plain(b, at);
      }
    }
    if (at > b.count) return out.join("");
    let end = at + 1;
    while (end <= b.count && marks.shown(end)) end++;
    let rows = end - at;
    if (end > b.count) rows--;
    let hidden = 0;
    if (noContext) {
      for (let j = at; j < end; j++) if (marks.missing(j) === 0) hidden++;
      rows -= hidden;
    }
    let head = (colors?.frag ?? "") + sign;
    for (const starts of numbers) {
      head += ` -${starts[at]},${starts[end]! - starts[at]! - hidden}`;
    }
    head += ` +${at + 1},${rows} ${sign}`;
    if (heading !== undefined) {
      const cut = heading.slice(0, MAX_HEADING).replace(/[\t\n\r ]+$/, "").length - 1;
      if (cut > 0) {
        head += `${reset}${unchanged} ${reset}${colors?.func ?? ""}${heading.slice(0, cut)}`;
      }
    }
    out.push(`${head}${reset}\n`);
    while (at < end) {
      const i = at++;
      if (!marks.hidesLost(i)) {
        for (const one of marks.lost[i]!) {
          out.push(put(colors?.old ?? "", one.parents, "-", one.text));
        }
      }
      if (at > b.count) break;
      const missing = marks.missing(i);
      if (missing === 0 && noContext) continue;
      out.push(put(missing === 0 ? unchanged : colors?.new ?? "", missing, "+", plain(b, i)));
    }
  }
}
