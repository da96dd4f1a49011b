/**
 * Diff output: patches, statistics, raw and name lists, in Git's exact form.
 *
 * @module
 */
import { type ByteString, ByteWriter, decodeText, equalBytes, toByteString } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { hashObject } from "./hash_algorithm.ts";
import {
  type Hunk,
  hunkHeader,
  hunkHeading,
  type HunkOptions,
  hunkRanges,
  type LineChange,
  LineDiff,
  type LineDiffOptions,
  Lines,
  makeHunks,
} from "./line_diff.ts";
import { isFileMode, isGitlinkMode, isLinkMode } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import { displayWidth } from "./pretty.ts";
import { patchDelta } from "./patch_delta.ts";
import { changedBytes } from "./rename.ts";
import { type DiffFile, type DiffPair, fileContent, MAX_SCORE } from "./tree_diff.ts";
import {
  type DiffColors,
  markWords,
  type MovedOptions,
  PatchPainter,
  type WhitespaceHighlight,
  type WordDiffStyle,
} from "./patch_painter.ts";
import { PosixRegex } from "./posix_regex.ts";
import { blankAtEnd, type WhitespaceRule } from "./whitespace.ts";
import { diffWords } from "./word_diff.ts";

/** How differences are shown. */
export interface DiffFormatOptions extends LineDiffOptions, HunkOptions {
  /** Shortens an id for `index` lines. */
  abbrev: (id: ObjectId) => string;
  /** Whole ids in `index` lines. */
  fullIndex?: boolean;
  /** Quotes a path; `prefix` is part of what is quoted. */
  quote: (path: ByteString) => ByteString;
  /** Prefixes. Defaults `a/` and `b/`. */
  oldPrefix?: ByteString;
  /** Prefix of new paths. Default `b/`. */
  newPrefix?: ByteString;
  /** Show binary files as patches. */
  binary?: boolean;
  /** Treat all files as text. */
  text?: boolean;
  /** Exchange the sides. */
  reverse?: boolean;
  /** No lines of deleted files. */
  irreversibleDelete?: boolean;
  /** Width of statistics. */
  statWidth?: number;
  /** Most columns of names in statistics. */
  statNameWidth?: number;
  /** Most columns of bars in statistics. */
  statGraphWidth?: number;
  /** Most files in statistics. */
  statCount?: number;
  /** Paths are shown from here. */
  relative?: ByteString;
  /** Ends records. */
  nul?: boolean;
  /** What is known about the files of a path. */
  driver?: ((path: ByteString) => DiffDriver | undefined) | undefined;
  /** Characters in front of lines: new, old, context. */
  indicators?: [string, string, string];
  /** Names of new, deleted and mode-changed files in statistics say so. */
  compactSummary?: boolean;
  /** Changes whose lines all match one of these are left out. */
  ignoreLines?: readonly ((line: ByteString) => boolean)[];
  /** Colours; none for plain output. */
  colors?: DiffColors | undefined;
  /** Which whitespace is shown as an error in coloured output. */
  whitespace?: ((path: ByteString) => WhitespaceRule) | undefined;
  /** In which lines whitespace errors are shown. Default: new ones. */
  highlight?: WhitespaceHighlight | undefined;
  /** Lines that moved. */
  moved?: MovedOptions | undefined;
  /** Show words rather than lines. */
  wordDiff?: WordDiffStyle | undefined;
  /** What a word is, as an extended regular expression. Default: by driver, else no whitespace. */
  wordRegex?: ByteString | undefined;
  /** What a word is where neither option nor driver say. */
  defaultWordRegex?: ByteString | undefined;
  /** Unchanged empty lines have no space in front. */
  suppressBlankEmpty?: boolean;
  /** Level of compression of binary patches. Default 1. */
  compression?: number;
  /** Runs `textconv` of drivers. */
  textconv?: boolean;
  /** What is shown of submodules; without text they are shown as a patch. */
  submodule?: ((pair: DiffPair) => ByteString | undefined) | undefined;
}

/** What attributes and configuration say about the files of a path (`diff.<driver>.*`). */
export interface DiffDriver {
  /** Whether files are binary, text, or what their content says. */
  binary?: boolean | undefined;
  /** Finds the heading that a line gives, or `undefined`. */
  heading?: HunkOptions["heading"];
  /** What a word is, as an extended regular expression. */
  wordRegex?: ByteString | undefined;
  /** Makes text of a file's content. */
  textconv?: ((file: DiffFile, data: Uint8Array) => Uint8Array) | undefined;
  /** Shows the pair itself; returns the output. */
  external?: ((pair: DiffPair, header: ByteString) => Uint8Array) | undefined;
}

/** How `--dirstat` weighs directories. */
export interface DirstatOptions {
  /** Bytes that changed, lines that changed, or files that changed. */
  mode: "changes" | "lines" | "files";
  /** Directories count what is below them again. */
  cumulative: boolean;
  /** The smallest share that is shown. */
  permille: number;
}

/** Whether content is binary: a NUL among the first 8000 bytes. */
export function looksBinary(data: Uint8Array): boolean {
  return data.subarray(0, 8000).indexOf(0) >= 0;
}

function isBinaryFile(file: DiffFile, data: Uint8Array, options: DiffFormatOptions): boolean {
  if (file.mode === 0 || isGitlinkMode(file.mode)) return false;
  const driver = isFileMode(file.mode) ? options.driver?.(file.path) : undefined;
  return driver?.binary ?? looksBinary(data);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(6, "0");
}

/** The id for an `index` line, computed for files of the worktree. */
export function idOf(store: ObjectStore, file: DiffFile): ObjectId {
  if (file.mode === 0) return store.algorithm.zero;
  if (file.idKnown || isGitlinkMode(file.mode)) return file.id;
  return hashObject(store.algorithm, "blob", fileContent(store, file));
}

function prefixed(options: DiffFormatOptions, prefix: ByteString, path: ByteString): ByteString {
  return options.quote(prefix + path);
}

/** Similarity in percent. */
export function percent(score: number): number {
  return Math.floor(score * 100 / MAX_SCORE);
}

/** The patch of one pair; nothing when contents agree under the options. */
export function formatPatch(
  store: ObjectStore,
  pair: DiffPair,
  options: DiffFormatOptions,
): ByteString {
  const out = new ByteWriter();
  const writer = new PatchWriter(store, options, out);
  writer.pair(pair);
  writer.finish();
  return toByteString(out.view());
}

/** Writes the patches of pairs, one after the other. */
export class PatchWriter {
  readonly #store: ObjectStore;
  readonly #options: DiffFormatOptions;
  readonly #out: ByteWriter;
  readonly #painter: PatchPainter;
  /** Lines go out as they are, without going through the painter. */
  readonly #plain: boolean;

  /** Writes to `out`. With lines that moved, nothing is written before {@linkcode finish}. */
  constructor(store: ObjectStore, options: DiffFormatOptions, out: ByteWriter) {
    this.#store = store;
    this.#options = options;
    this.#out = out;
    this.#painter = new PatchPainter(options, (text) => out.text(text));
    this.#plain = options.colors === undefined && options.wordDiff === undefined;
  }

  /** Writes what waited. */
  finish(): void {
    this.#painter.finish();
  }

  /** Writes the patch of a pair. */
  pair(pair: DiffPair): void {
    const kind = 0o170000;
    const external = isFileMode(pair.old.mode) || isFileMode(pair.new.mode)
      ? this.#options.driver?.(pair.old.path)?.external
      : undefined;
    if (
      external === undefined && pair.old.mode !== 0 && pair.new.mode !== 0 &&
      (pair.old.mode & kind) !== (pair.new.mode & kind)
    ) {
      // Files of another kind are removed and added.
      const zero = this.#store.algorithm.zero;
      const nothing = (path: ByteString): DiffFile => ({ path, mode: 0, id: zero, idKnown: false });
      this.#one({ old: pair.old, new: nothing(pair.new.path), status: "D", score: 0 });
      this.#one({ old: nothing(pair.old.path), new: pair.new, status: "A", score: 0 });
    } else this.#one(pair, external);
  }

  #one(pair: DiffPair, external?: DiffDriver["external"]): void {
    const options = this.#options, store = this.#store, painter = this.#painter;
    const { reverse } = options;
    const oldPrefix = (reverse ? options.newPrefix : options.oldPrefix) ?? (reverse ? "b/" : "a/");
    const newPrefix = (reverse ? options.oldPrefix : options.newPrefix) ?? (reverse ? "a/" : "b/");
    if (pair.status === "U") {
      painter.raw(`* Unmerged path ${pair.new.path}\n`);
      return;
    }
    const a = pair.old, b = pair.new;
    if (
      options.submodule !== undefined && (a.mode === 0 || isGitlinkMode(a.mode)) &&
      (b.mode === 0 || isGitlinkMode(b.mode))
    ) {
      const text = options.submodule(pair);
      if (text !== undefined) {
        painter.raw(text);
        return;
      }
    }
    const pathA = a.mode === 0 ? b.path : a.path, pathB = b.mode === 0 ? a.path : b.path;
    const nameA = prefixed(options, oldPrefix, pathA), nameB = prefixed(options, newPrefix, pathB);
    const labelA = a.mode === 0 ? "/dev/null" : nameA, labelB = b.mode === 0 ? "/dev/null" : nameB;
    const idA = idOf(store, a), idB = idOf(store, b);
    let head = `diff --git ${nameA} ${nameB}\n`;
    let must = false;
    let about = "";
    if (pair.status === "R" || pair.status === "C") {
      const word = pair.status === "R" ? "rename" : "copy";
      about += `similarity index ${percent(pair.score)}%\n${word} from ${
        options.quote(a.path)
      }\n${word} to ${options.quote(b.path)}\n`;
      must = true;
    } else if (pair.status === "M" && pair.score > 0) {
      about += `dissimilarity index ${percent(pair.score)}%\n`;
      must = true;
    }
    const indexLine = (full: boolean): ByteString => {
      if (idA === idB) return "";
      const show = (id: ObjectId): string => full || options.fullIndex ? id : options.abbrev(id);
      const sameMode = a.mode === b.mode ? ` ${octal(a.mode)}` : "";
      return `index ${show(idA)}..${show(idB)}${sameMode}\n`;
    };
    if (external !== undefined) {
      this.#out.bytes(external(pair, about + indexLine(false)));
      return;
    }
    if (a.mode === 0) {
      head += `new file mode ${octal(b.mode)}\n`;
      must = true;
    } else if (b.mode === 0) {
      head += `deleted file mode ${octal(a.mode)}\n`;
      must = true;
    } else if (a.mode !== b.mode) {
      head += `old mode ${octal(a.mode)}\nnew mode ${octal(b.mode)}\n`;
      must = true;
    }
    head += about;
    if (idA === idB && a.idKnown && b.idKnown && a.mode !== 0 && b.mode !== 0) {
      if (must) painter.header(head);
      return;
    }
    const driverA = isFileMode(a.mode) ? options.driver?.(a.path) : undefined;
    const driverB = isFileMode(b.mode) ? options.driver?.(b.path) : undefined;
    const convertA = options.textconv ? driverA?.textconv : undefined;
    const convertB = options.textconv ? driverB?.textconv : undefined;
    let before = fileContent(store, a), after = fileContent(store, b);
    const binary = (file: DiffFile, data: Uint8Array): boolean => isBinaryFile(file, data, options);
    const binaryA = binary(a, before), binaryB = binary(b, after);
    head += indexLine(options.binary === true && (binaryA || binaryB));
    if (
      pair.status === "M" && pair.score > 0 && a.mode !== 0 && b.mode !== 0 &&
      (convertA !== undefined || !binaryA) && (convertB !== undefined || !binaryB)
    ) {
      painter.header(head);
      if (convertA !== undefined) before = convertA(a, before);
      if (convertB !== undefined) after = convertB(b, after);
      this.#rewrite(before, after, labelA, labelB, b.path);
      return;
    }
    if (options.irreversibleDelete && b.mode === 0) {
      painter.header(head);
      return;
    }
    if (
      !options.text &&
      ((convertA === undefined && binaryA) || (convertB === undefined && binaryB))
    ) {
      if (idA === idB || equalBytes(before, after)) {
        if (must) painter.header(head);
        return;
      }
      painter.header(head);
      painter.raw(
        options.binary
          ? binaryPatch(before, after, options.compression ?? 1)
          : `Binary files ${labelA} and ${labelB} differ\n`,
      );
      return;
    }
    if (must) painter.header(head);
    if (convertA !== undefined) before = convertA(a, before);
    if (convertB !== undefined) after = convertB(b, after);
    const text = compareTexts(before, after, {
      ...options,
      heading: options.heading ?? driverA?.heading ?? driverB?.heading,
    });
    if (text.hunks.length === 0) return;
    if (!must) painter.header(head);
    painter.labels(labelA, labelB);
    if (this.#plain) writeHunks(this.#out, text, options);
    else if (options.wordDiff !== undefined) {
      this.#words(
        text,
        options.wordDiff,
        options.wordRegex ?? driverA?.wordRegex ?? driverB?.wordRegex ?? options.defaultWordRegex,
      );
    } else {
      painter.file(options.whitespace?.(b.path), blankAtEnd(before, after));
      this.#paintHunks(text);
    }
  }

  #paintHunks({ a, b, hunks }: ComparedTexts): void {
    const painter = this.#painter;
    const put = (kind: "old" | "new" | "context", lines: Lines, i: number): void => {
      const text = lines.text(i);
      const end = text.endsWith("\n");
      const line = end ? text.slice(0, -1) : text;
      if (kind === "context" && line === "" && this.#options.suppressBlankEmpty) painter.plain("");
      else painter[kind](line);
      if (!end) painter.plain(NO_END);
    };
    for (const hunk of hunks) {
      painter.hunk(
        hunkRanges(hunk),
        hunkHeading(hunk),
        hunk.oldStart + (hunk.oldCount > 0 ? 1 : 0),
        hunk.newStart + (hunk.newCount > 0 ? 1 : 0),
      );
      let j = hunk.newStart;
      for (const change of hunk.changes) {
        for (; j < change.newStart; j++) put("context", b, j);
        for (let i = 0; i < change.oldCount; i++) put("old", a, change.oldStart + i);
        for (; j < change.newStart + change.newCount; j++) put("new", b, j);
      }
      for (; j < hunk.newStart + hunk.newCount; j++) put("context", b, j);
    }
  }

  #words(
    { a, b, hunks }: ComparedTexts,
    style: WordDiffStyle,
    regex: ByteString | undefined,
  ): void {
    const painter = this.#painter;
    const expression = regex === undefined ? undefined : wordExpression(regex);
    const line = (lines: Lines, i: number): ByteString => {
      const text = lines.text(i);
      return text.endsWith("\n") ? text : `${text}\n`;
    };
    let before: ByteString[] = [], after: ByteString[] = [];
    const flush = (): void => {
      if (before.length > 0 || after.length > 0) {
        diffWords(
          before.join(""),
          after.join(""),
          expression,
          (kind, text) => painter.raw(markWords(text, kind, style, painter.colors)),
        );
      }
      before = [];
      after = [];
    };
    const context = (i: number): void => {
      flush();
      const text = line(b, i).slice(0, -1);
      if (style === "porcelain") {
        const blank = text === "" && this.#options.suppressBlankEmpty;
        painter.plain(blank ? "" : ` ${text}`);
        painter.raw("~\n");
      } else painter.plain(text);
    };
    for (const hunk of hunks) {
      flush();
      painter.hunk(hunkRanges(hunk), hunkHeading(hunk), 0, 0);
      let j = hunk.newStart;
      for (const change of hunk.changes) {
        for (; j < change.newStart; j++) context(j);
        for (let i = 0; i < change.oldCount; i++) before.push(line(a, change.oldStart + i));
        for (; j < change.newStart + change.newCount; j++) after.push(line(b, j));
      }
      for (; j < hunk.newStart + hunk.newCount; j++) context(j);
    }
    flush();
  }

  /** Everything removed and everything added. */
  #rewrite(
    before: Uint8Array,
    after: Uint8Array,
    labelA: ByteString,
    labelB: ByteString,
    path: ByteString,
  ): void {
    const painter = this.#painter;
    const a = new Lines(before), b = new Lines(after);
    const range = (n: number): string => n === 0 ? "0,0" : n === 1 ? "1" : `1,${n}`;
    painter.labels(labelA, labelB);
    const removed = this.#options.irreversibleDelete ? "?,?" : range(a.count);
    painter.rewriteHunk(`@@ -${removed} +${range(b.count)} @@`);
    painter.file(this.#options.whitespace?.(path), blankAtEnd(before, after));
    for (const [lines, kind] of [[a, "old"], [b, "new"]] as const) {
      if (kind === "old" && this.#options.irreversibleDelete) continue;
      for (let i = 0; i < lines.count; i++) {
        const text = lines.text(i);
        const end = text.endsWith("\n");
        painter[kind](end ? text.slice(0, -1) : text);
        if (!end) painter.plain(NO_END);
      }
    }
  }
}

const NO_END = "\\ No newline at end of file";

const wordExpressions = new Map<ByteString, PosixRegex>();

/** Words by an expression; compiled once. */
function wordExpression(source: ByteString): PosixRegex {
  let expression = wordExpressions.get(source);
  if (expression === undefined) {
    expression = new PosixRegex(source, { extended: true, multiline: true });
    if (wordExpressions.size > 100) wordExpressions.clear();
    wordExpressions.set(source, expression);
  }
  return expression;
}

/** Two texts with the hunks that show their differences. */
interface ComparedTexts {
  a: Lines;
  b: Lines;
  hunks: Hunk[];
}

function compareTexts(
  before: Uint8Array,
  after: Uint8Array,
  options: Partial<DiffFormatOptions>,
): ComparedTexts {
  const diff = new LineDiff(before, after, {
    ...options,
    trimTail: options.context === 0 && !options.functionContext,
  });
  const { old: a, new: b } = diff;
  const changes = diff.changes();
  if (options.ignoreLines !== undefined && options.ignoreLines.length > 0) {
    ignoreMatching(a, b, changes, options.ignoreLines);
  }
  return { a, b, hunks: makeHunks(a, b, changes, options) };
}

/** Writes hunks without colours. */
function writeHunks(
  out: ByteWriter,
  { a, b, hunks }: ComparedTexts,
  options: Partial<DiffFormatOptions>,
): void {
  const [plus, minus, space] = (options.indicators ?? ["+", "-", " "]).map((mark) =>
    mark.charCodeAt(0)
  );
  const blank = options.suppressBlankEmpty === true;
  const put = (mark: number, lines: Lines, from: number, to: number): void => {
    const { data, starts } = lines;
    for (let i = from; i < to; i++) {
      const start = starts[i]!, end = starts[i + 1]!;
      if (blank && mark === space && end === start + 1) out.u8(10);
      else out.marked(mark, data, start, end);
    }
    if (to === lines.count && from < to && data[data.length - 1] !== 10) out.text(`\n${NO_END}\n`);
  };
  for (const hunk of hunks) {
    out.text(hunkHeader(hunk));
    let j = hunk.newStart;
    for (const change of hunk.changes) {
      put(space!, b, j, change.newStart);
      put(minus!, a, change.oldStart, change.oldStart + change.oldCount);
      j = change.newStart + change.newCount;
      put(plus!, b, change.newStart, j);
    }
    put(space!, b, j, hunk.newStart + hunk.newCount);
  }
}

/** Marks changes whose lines all match one of the patterns as not worth showing. */
function ignoreMatching(
  a: Lines,
  b: Lines,
  changes: LineChange[],
  patterns: readonly ((line: ByteString) => boolean)[],
): void {
  const matches = (text: ByteString): boolean => {
    const line = text.replace(/\n$/, "");
    return patterns.some((pattern) => pattern(line));
  };
  for (const change of changes) {
    let ignored = true;
    for (let i = 0; ignored && i < change.oldCount; i++) {
      ignored = matches(a.text(change.oldStart + i));
    }
    for (let i = 0; ignored && i < change.newCount; i++) {
      ignored = matches(b.text(change.newStart + i));
    }
    if (ignored) change.ignored = true;
  }
}

/** The hunks of a unified diff between two texts. */
export function formatHunks(
  before: Uint8Array,
  after: Uint8Array,
  options: Partial<DiffFormatOptions> = {},
): ByteString {
  const out = new ByteWriter();
  writeHunks(out, compareTexts(before, after, options), options);
  return toByteString(out.view());
}

const BASE85 =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

function binaryPatch(before: Uint8Array, after: Uint8Array, level: number): ByteString {
  return `GIT binary patch\n${binaryHunk(before, after, level)}${binaryHunk(after, before, level)}`;
}

/** One direction of a binary patch: the whole content, or a delta where that is shorter. */
function binaryHunk(from: Uint8Array, to: Uint8Array, level: number): ByteString {
  let literal = new Uint8Array(zlib().deflateSync(to, { level }));
  let out = `literal ${to.length}\n`;
  const delta = from.length > 0 && to.length > 0 ? patchDelta(from, to, literal.length) : undefined;
  if (delta !== undefined) {
    const packed = new Uint8Array(zlib().deflateSync(delta, { level }));
    if (packed.length < literal.length) {
      literal = packed;
      out = `delta ${delta.length}\n`;
    }
  }
  for (let at = 0; at < literal.length; at += 52) {
    const line = literal.subarray(at, at + 52);
    out += String.fromCharCode(line.length <= 26 ? 64 + line.length : 96 + line.length - 26);
    for (let i = 0; i < line.length; i += 4) {
      let word = 0;
      for (let k = 0; k < 4; k++) word = word * 256 + (line[i + k] ?? 0);
      let text = "";
      for (let k = 0; k < 5; k++) {
        text = BASE85[word % 85] + text;
        word = Math.floor(word / 85);
      }
      out += text;
    }
    out += "\n";
  }
  return `${out}\n`;
}

/** Lines added and removed; `undefined` counts for binary files. */
export interface FileStat {
  /** The pair. */
  pair: DiffPair;
  /** Added lines, or bytes after, for binary files. */
  added: number;
  /** Removed lines, or bytes before. */
  deleted: number;
  /** Whether bytes are counted rather than lines. */
  binary: boolean;
  /** Whether it is unmerged in the index. */
  unmerged: boolean;
}

/** Counts the lines of each pair. */
export function diffStats(
  store: ObjectStore,
  pairs: DiffPair[],
  options: DiffFormatOptions,
): FileStat[] {
  const out: FileStat[] = [];
  for (const pair of pairs) {
    if (pair.status === "U") {
      out.push({ pair, added: 0, deleted: 0, binary: false, unmerged: true });
      continue;
    }
    const sameId = pair.old.idKnown && pair.new.idKnown && pair.old.id === pair.new.id;
    if (sameId && pair.old.mode !== 0 && pair.new.mode !== 0) {
      const binary = isFileMode(pair.new.mode) && !options.text &&
        isBinaryFile(pair.new, fileContent(store, pair.new), options);
      out.push({ pair, added: 0, deleted: 0, binary, unmerged: false });
      continue;
    }
    const before = fileContent(store, pair.old), after = fileContent(store, pair.new);
    if (
      !options.text &&
      (isBinaryFile(pair.old, before, options) || isBinaryFile(pair.new, after, options))
    ) {
      out.push({
        pair,
        added: after.length,
        deleted: before.length,
        binary: true,
        unmerged: false,
      });
      continue;
    }
    let added = 0, deleted = 0;
    if (pair.status === "M" && pair.score > 0) {
      added = new Lines(after).count;
      deleted = new Lines(before).count;
    } else {
      const a = new Lines(before), b = new Lines(after);
      const changes = new LineDiff(a, b, options).changes();
      if (options.ignoreLines !== undefined && options.ignoreLines.length > 0) {
        ignoreMatching(a, b, changes, options.ignoreLines);
      }
      for (
        const hunk of makeHunks(a, b, changes, {
          ...options,
          heading: () => undefined,
          context: options.context ?? 3,
        })
      ) {
        for (const change of hunk.changes) {
          added += change.newCount;
          deleted += change.oldCount;
        }
      }
    }
    // A difference only in ignored whitespace is no difference.
    if (added === 0 && deleted === 0 && pair.status === "M" && pair.old.mode === pair.new.mode) {
      continue;
    }
    out.push({ pair, added, deleted, binary: false, unmerged: false });
  }
  return out;
}

/** `a => b` with common directories in braces. */
export function renameText(
  a: ByteString,
  b: ByteString,
  quote: (path: ByteString) => ByteString,
): ByteString {
  if (quote(a) !== a || quote(b) !== b) return `${quote(a)} => ${quote(b)}`;
  let head = 0;
  for (let i = 0; i < a.length && i < b.length && a[i] === b[i]; i++) {
    if (a[i] === "/") head = i + 1;
  }
  let tail = 0;
  // The slash that ends the common head may begin the common tail.
  const room = head > 0 ? head - 1 : 0;
  for (
    let i = 1;
    i <= a.length - room && i <= b.length - room && a[a.length - i] === b[b.length - i];
    i++
  ) {
    if (a[a.length - i] === "/") tail = i;
  }
  let middleA = a.slice(head, Math.max(head, a.length - tail)),
    middleB = b.slice(head, Math.max(head, b.length - tail));
  if (a.length - tail < head) middleA = "";
  if (b.length - tail < head) middleB = "";
  if (head === 0 && tail === 0) return `${a} => ${b}`;
  return `${a.slice(0, head)}{${middleA} => ${middleB}}${
    tail === 0 ? "" : a.slice(a.length - tail)
  }`;
}

function shownPath(path: ByteString, options: DiffFormatOptions): ByteString {
  const { relative } = options;
  return relative !== undefined && path.startsWith(relative) ? path.slice(relative.length) : path;
}

function statName(stat: FileStat, options: DiffFormatOptions): ByteString {
  const { pair } = stat;
  const a = shownPath(pair.old.path, options), b = shownPath(pair.new.path, options);
  const name = pair.status === "R" || pair.status === "C"
    ? renameText(a, b, options.quote)
    : options.quote(b);
  return options.compactSummary ? name + compactNote(pair) : name;
}

/** ` (new +x)` and the like. */
function compactNote(pair: DiffPair): string {
  const before = pair.old.mode, after = pair.new.mode;
  const kind = (mode: number): string =>
    isLinkMode(mode) ? " +l" : isFileMode(mode) && (mode & 0o111) !== 0 ? " +x" : "";
  if (pair.status === "A") return ` (new${kind(after)})`;
  if (pair.status === "D") return " (gone)";
  if (isLinkMode(before) && !isLinkMode(after)) return " (mode -l)";
  if (!isLinkMode(before) && isLinkMode(after)) return " (mode +l)";
  if ((before & 0o777) === 0o644 && (after & 0o777) === 0o755) return " (mode +x)";
  if ((before & 0o777) === 0o755 && (after & 0o777) === 0o644) return " (mode -x)";
  return "";
}

/** `--stat` */
export function formatStat(stats: FileStat[], options: DiffFormatOptions): ByteString {
  if (stats.length === 0) return "";
  const width = options.statWidth ?? 80;
  const shown = stats.slice(
    0,
    options.statCount && options.statCount > 0 ? options.statCount : stats.length,
  );
  let maxName = 0, maxChange = 0, binaryWidth = 0, numberWidth = 0;
  const names = shown.map((stat) => statName(stat, options));
  shown.forEach((stat, i) => {
    maxName = Math.max(maxName, displayWidth(decodeText(names[i]!)));
    if (stat.unmerged) {
      binaryWidth = Math.max(binaryWidth, 8);
      return;
    }
    if (stat.binary) {
      binaryWidth = Math.max(
        binaryWidth,
        stat.added + stat.deleted === 0
          ? 3
          : 14 + String(stat.added).length + String(stat.deleted).length,
      );
      numberWidth = 3;
      return;
    }
    maxChange = Math.max(maxChange, stat.added + stat.deleted);
  });
  numberWidth = Math.max(numberWidth, String(maxChange).length);
  let totalWidth = Math.max(width, 16 + 6 + numberWidth);
  let graphWidth = maxChange + 4 > binaryWidth ? maxChange : binaryWidth - 4;
  if (options.statGraphWidth && options.statGraphWidth < graphWidth) {
    graphWidth = options.statGraphWidth;
  }
  let nameWidth =
    options.statNameWidth && options.statNameWidth > 0 && options.statNameWidth < maxName
      ? options.statNameWidth
      : maxName;
  if (nameWidth + numberWidth + 6 + graphWidth > totalWidth) {
    if (graphWidth > Math.floor(totalWidth * 3 / 8) - numberWidth - 6) {
      graphWidth = Math.floor(totalWidth * 3 / 8) - numberWidth - 6;
      if (graphWidth < 6) graphWidth = 6;
    }
    if (options.statGraphWidth && graphWidth > options.statGraphWidth) {
      graphWidth = options.statGraphWidth;
    }
    if (nameWidth > totalWidth - numberWidth - 6 - graphWidth) {
      nameWidth = totalWidth - numberWidth - 6 - graphWidth;
    } else graphWidth = totalWidth - numberWidth - 6 - nameWidth;
  }
  totalWidth = 0;
  let out = "";
  shown.forEach((stat, i) => {
    let name = names[i]!;
    let prefix = "";
    let long = displayWidth(decodeText(name));
    if (nameWidth < long) {
      prefix = "...";
      let length = nameWidth - 3;
      if (length < 0) length = 0;
      while (long > length && name !== "") {
        name = name.slice(1);
        while (name !== "" && (name.charCodeAt(0) & 0xc0) === 0x80) name = name.slice(1);
        long = displayWidth(decodeText(name));
      }
      const slash = name.indexOf("/");
      if (slash >= 0) name = name.slice(slash);
    }
    const pad = " ".repeat(Math.max(0, nameWidth - prefix.length - displayWidth(decodeText(name))));
    const start = ` ${prefix}${name}${pad} |`;
    if (stat.unmerged) {
      out += `${start} Unmerged\n`;
      return;
    }
    if (stat.binary) {
      out += `${start} ${"Bin".padStart(numberWidth)}${
        stat.added + stat.deleted === 0 ? "" : ` ${stat.deleted} -> ${stat.added} bytes`
      }\n`;
      return;
    }
    let add = stat.added, del = stat.deleted;
    if (graphWidth <= maxChange) {
      const scale = (n: number): number =>
        n === 0 ? 0 : 1 + Math.floor(n * (graphWidth - 1) / maxChange);
      let total = scale(add + del);
      if (total < 2 && add > 0 && del > 0) total = 2;
      if (add < del) {
        add = scale(add);
        del = total - add;
      } else {
        del = scale(del);
        add = total - del;
      }
    }
    const count = stat.added + stat.deleted;
    const bar = (color: string | undefined, text: string): string =>
      text === "" || !color ? text : `${color}${text}${options.colors!.reset}`;
    out += `${start} ${String(count).padStart(numberWidth)}${count > 0 ? " " : ""}${
      bar(options.colors?.new, "+".repeat(add))
    }${bar(options.colors?.old, "-".repeat(del))}\n`;
  });
  if (shown.length < stats.length) out += " ...\n";
  return out + formatShortStat(stats);
}

/** The line that sums statistics up. */
export function formatShortStat(stats: FileStat[]): ByteString {
  let added = 0, deleted = 0, files = 0;
  for (const stat of stats) {
    if (stat.unmerged) continue;
    files++;
    if (stat.binary) continue;
    added += stat.added;
    deleted += stat.deleted;
  }
  if (stats.length === 0) return "";
  return summaryLine(files, added, deleted);
}

/** ` 1 file changed, 2 insertions(+), 3 deletions(-)` */
export function summaryLine(files: number, added: number, deleted: number): ByteString {
  if (files === 0) return " 0 files changed\n";
  let out = ` ${files} file${files === 1 ? "" : "s"} changed`;
  if (added > 0 || deleted === 0) out += `, ${added} insertion${added === 1 ? "" : "s"}(+)`;
  if (deleted > 0 || added === 0) out += `, ${deleted} deletion${deleted === 1 ? "" : "s"}(-)`;
  return `${out}\n`;
}

/** `--numstat` */
export function formatNumStat(stats: FileStat[], options: DiffFormatOptions): ByteString {
  let out = "";
  for (const stat of stats) {
    const counts = stat.binary ? "-\t-" : `${stat.added}\t${stat.deleted}`;
    const { pair } = stat;
    if (options.nul) {
      out += pair.status === "R" || pair.status === "C"
        ? `${counts}\t\0${shownPath(pair.old.path, options)}\0${
          shownPath(pair.new.path, options)
        }\0`
        : `${counts}\t${shownPath(pair.new.path, options)}\0`;
    } else out += `${counts}\t${statName(stat, { ...options, compactSummary: false })}\n`;
  }
  return out;
}

/** `--dirstat`: the share of each directory in all changes. */
export function formatDirstat(
  store: ObjectStore,
  pairs: readonly DiffPair[],
  stats: readonly FileStat[],
  how: DirstatOptions,
  options: DiffFormatOptions,
): ByteString {
  const files: { name: ByteString; changed: number }[] = [];
  if (how.mode === "lines") {
    for (const { pair, added, deleted, binary } of stats) {
      const changed = binary ? Math.ceil((added + deleted) / 64) : added + deleted;
      files.push({ name: pair.new.path, changed });
    }
  } else {
    for (const pair of pairs) {
      if (pair.status === "U") continue;
      let changed: number;
      if (pair.old.idKnown && pair.new.idKnown && pair.old.id === pair.new.id) changed = 0;
      else if (how.mode === "files") changed = 1;
      else {
        const before = fileContent(store, pair.old), after = fileContent(store, pair.new);
        const both = pair.old.mode !== 0 && pair.new.mode !== 0;
        const { copied, added } = both
          ? changedBytes(before, after)
          : { copied: 0, added: after.length };
        // What is new, and what of the old is gone.
        changed = before.length - copied + added || 1;
      }
      files.push({ name: shownPath(pair.new.path, options), changed });
    }
  }
  const total = files.reduce((sum, file) => sum + file.changed, 0);
  if (total === 0) return "";
  files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  let out = "";
  let at = 0;
  interface Frame {
    base: ByteString;
    sum: number;
    sources: number;
  }
  // One frame for each directory that is open; paths are at most as deep as they are long.
  const frames: Frame[] = [{ base: "", sum: 0, sources: 0 }];
  for (;;) {
    const frame = frames.at(-1)!;
    const file = files[at];
    if (file !== undefined && file.name.startsWith(frame.base)) {
      const slash = file.name.indexOf("/", frame.base.length);
      if (slash >= 0) frames.push({ base: file.name.slice(0, slash + 1), sum: 0, sources: 0 });
      else {
        frame.sum += file.changed;
        frame.sources += 2;
        at++;
      }
      continue;
    }
    frames.pop();
    const parent = frames.at(-1);
    if (parent === undefined) return out;
    let { sum } = frame;
    // A directory whose changes all come from one directory below it says nothing new.
    if (frame.sources !== 1 && sum > 0) {
      const permille = Math.floor(sum * 1000 / total);
      if (permille >= how.permille) {
        out += `${String(Math.floor(permille / 10)).padStart(4)}.${permille % 10}% ${frame.base}\n`;
        if (!how.cumulative) sum = 0;
      }
    }
    parent.sum += sum;
    parent.sources++;
  }
}

/** `--summary` */
export function formatSummary(pairs: DiffPair[], options: DiffFormatOptions): ByteString {
  let out = "";
  for (const pair of pairs) {
    const a = shownPath(pair.old.path, options), b = shownPath(pair.new.path, options);
    if (pair.status === "A") out += ` create mode ${octal(pair.new.mode)} ${options.quote(b)}\n`;
    else if (pair.status === "D") {
      out += ` delete mode ${octal(pair.old.mode)} ${options.quote(a)}\n`;
    } else if (pair.status === "R" || pair.status === "C") {
      out += ` ${pair.status === "R" ? "rename" : "copy"} ${renameText(a, b, options.quote)} (${
        percent(pair.score)
      }%)\n`;
      if (pair.old.mode !== pair.new.mode) {
        out += ` mode change ${octal(pair.old.mode)} => ${octal(pair.new.mode)}\n`;
      }
    } else if (pair.status === "M" && pair.score > 0) {
      out += ` rewrite ${options.quote(b)} (${percent(pair.score)}%)\n`;
      if (pair.old.mode !== pair.new.mode) {
        out += ` mode change ${octal(pair.old.mode)} => ${octal(pair.new.mode)}\n`;
      }
    } else if (pair.status !== "U" && pair.old.mode !== pair.new.mode) {
      out += ` mode change ${octal(pair.old.mode)} => ${octal(pair.new.mode)} ${
        options.quote(b)
      }\n`;
    }
  }
  return out;
}

/** `--raw`; ids as given by `options.abbrev`. */
export function formatRaw(
  store: ObjectStore,
  pairs: DiffPair[],
  options: DiffFormatOptions,
): ByteString {
  let out = "";
  const end = options.nul ? "\0" : "\n";
  const between = options.nul ? "\0" : "\t";
  const zero = store.algorithm.zero;
  for (const pair of pairs) {
    const id = (file: DiffFile): string =>
      options.abbrev(file.mode === 0 || (!file.idKnown) ? zero : file.id);
    const score = pair.status === "R" || pair.status === "C" || pair.score > 0
      ? String(percent(pair.score)).padStart(3, "0")
      : "";
    const a = shownPath(pair.old.path, options), b = shownPath(pair.new.path, options);
    const show = (path: ByteString): ByteString => options.nul ? path : options.quote(path);
    const names = pair.status === "R" || pair.status === "C"
      ? show(a) + between + show(b)
      : show(b);
    out += `:${octal(pair.old.mode)} ${octal(pair.new.mode)} ${id(pair.old)} ${
      id(pair.new)
    } ${pair.status}${score}${between}${names}${end}`;
  }
  return out;
}

/** `--name-status` and `--name-only` */
export function formatNames(
  pairs: DiffPair[],
  withStatus: boolean,
  options: DiffFormatOptions,
): ByteString {
  let out = "";
  const end = options.nul ? "\0" : "\n";
  const between = options.nul ? "\0" : "\t";
  for (const pair of pairs) {
    const show = (path: ByteString): ByteString =>
      options.nul ? shownPath(path, options) : options.quote(shownPath(path, options));
    const score = pair.status === "R" || pair.status === "C" || pair.score > 0
      ? String(percent(pair.score)).padStart(3, "0")
      : "";
    const both = withStatus && (pair.status === "R" || pair.status === "C");
    out += `${withStatus ? `${pair.status}${score}${between}` : ""}${
      both ? show(pair.old.path) + between : ""
    }${show(pair.new.path)}${end}`;
  }
  return out;
}
