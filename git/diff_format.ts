/**
 * Diff output: patches, statistics, raw and name lists, in Git's exact form.
 *
 * @module
 */
import { type ByteString, decodeText, trimSpaceEnd } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { hashObject } from "./hash_algorithm.ts";
import {
  comparableLine,
  hunkHeader,
  type HunkOptions,
  type LineChange,
  LineDiff,
  type LineDiffOptions,
  Lines,
  makeHunks,
} from "./line_diff.ts";
import { isFileMode, isGitlinkMode, isLinkMode } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import { displayWidth } from "./pretty.ts";
import { copiedBytes } from "./rename.ts";
import { type DiffFile, type DiffPair, fileContent, MAX_SCORE } from "./tree_diff.ts";
import { trailingStart, whitespaceErrors, type WhitespaceRule } from "./whitespace.ts";

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
  /** Whether attributes say that a path is binary (`true`), text (`false`), or nothing. */
  isBinary?: (path: ByteString) => boolean | undefined;
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
  /** How headings of hunks are found in the files of a path. */
  headingOf?: ((path: ByteString) => HunkOptions["heading"]) | undefined;
}

/** Escape sequences of the parts of a diff. */
export interface DiffColors {
  /** Headers. */
  meta: string;
  /** `@@ … @@` */
  frag: string;
  /** The heading of a hunk. */
  func: string;
  /** Removed lines. */
  old: string;
  /** Added lines. */
  new: string;
  /** Unchanged lines. */
  context: string;
  /** Whitespace errors. */
  whitespace: string;
  /** Ends a colour. */
  reset: string;
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
  const at = data.indexOf(0);
  return at >= 0 && at < 8000;
}

function isBinaryFile(file: DiffFile, data: Uint8Array, options: DiffFormatOptions): boolean {
  if (file.mode === 0 || isGitlinkMode(file.mode)) return false;
  return options.isBinary?.(file.path) ?? looksBinary(data);
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

/** Writes the patch of one pair; nothing when contents agree under the options. */
export function formatPatch(
  store: ObjectStore,
  pair: DiffPair,
  options: DiffFormatOptions,
): ByteString {
  const typeChanged = pair.old.mode !== 0 && pair.new.mode !== 0 &&
    (pair.old.mode & 0o170000) !== (pair.new.mode & 0o170000);
  if (typeChanged) {
    const zero = store.algorithm.zero;
    const gone: DiffPair = {
      old: pair.old,
      new: { path: pair.new.path, mode: 0, id: zero, idKnown: false },
      status: "D",
      score: 0,
    };
    const come: DiffPair = {
      old: { path: pair.old.path, mode: 0, id: zero, idKnown: false },
      new: pair.new,
      status: "A",
      score: 0,
    };
    return formatPatch(store, gone, options) + formatPatch(store, come, options);
  }
  if (options.colors === undefined) return plainPatch(store, pair, options);
  // Hunks come with colours; what stands before them is in the colour of headers.
  const { meta, reset } = options.colors;
  const text = plainPatch(store, pair, options);
  const marker = text.startsWith("* Unmerged") ? -1 : text.indexOf(options.colors.frag + "@@");
  const cut = marker < 0 ? text.length : marker;
  return text.slice(0, cut).split("\n").map((line) =>
    line === "" ? "" : /^Binary files /.test(line) ? line : `${meta}${line}${reset}`
  ).join("\n") + text.slice(cut);
}

function plainPatch(
  store: ObjectStore,
  pair: DiffPair,
  options: DiffFormatOptions,
): ByteString {
  const oldPrefix = options.oldPrefix ?? "a/", newPrefix = options.newPrefix ?? "b/";
  if (pair.status === "U") return `* Unmerged path ${pair.new.path}\n`;
  const a = pair.old, b = pair.new;
  const nameA = prefixed(options, oldPrefix, a.path), nameB = prefixed(options, newPrefix, b.path);
  const labelA = a.mode === 0 ? "/dev/null" : nameA, labelB = b.mode === 0 ? "/dev/null" : nameB;
  const idA = idOf(store, a), idB = idOf(store, b);
  let head = `diff --git ${nameA} ${nameB}\n`;
  let must = false;
  if (a.mode === 0) {
    head += `new file mode ${octal(b.mode)}\n`;
    must = true;
  } else if (b.mode === 0) {
    head += `deleted file mode ${octal(a.mode)}\n`;
    must = true;
  } else {
    if (a.mode !== b.mode) {
      head += `old mode ${octal(a.mode)}\nnew mode ${octal(b.mode)}\n`;
      must = true;
    }
    if (pair.status === "R" || pair.status === "C") {
      const word = pair.status === "R" ? "rename" : "copy";
      head += `similarity index ${percent(pair.score)}%\n${word} from ${
        options.quote(a.path)
      }\n${word} to ${options.quote(b.path)}\n`;
      must = true;
    } else if (pair.status === "M" && pair.score > 0) {
      head += `dissimilarity index ${percent(pair.score)}%\n`;
      must = true;
    }
  }
  const indexLine = (full: boolean): ByteString => {
    if (idA === idB) return "";
    const show = (id: ObjectId): string => full || options.fullIndex ? id : options.abbrev(id);
    const sameMode = a.mode === b.mode ? ` ${octal(a.mode)}` : "";
    return `index ${show(idA)}..${show(idB)}${sameMode}\n`;
  };
  if (idA === idB && a.idKnown && b.idKnown && a.mode !== 0 && b.mode !== 0) {
    return must ? head : "";
  }
  const before = fileContent(store, a), after = fileContent(store, b);
  if (b.mode === 0 && options.irreversibleDelete) return head + indexLine(false);
  if (!options.text && (isBinaryFile(a, before, options) || isBinaryFile(b, after, options))) {
    if (idA === idB) return must ? head : "";
    if (options.binary) return head + indexLine(true) + binaryPatch(before, after);
    return `${head}${indexLine(false)}Binary files ${labelA} and ${labelB} differ\n`;
  }
  if (pair.status === "M" && pair.score > 0) {
    return head + indexLine(false) + rewrite(before, after, labelA, labelB, options);
  }
  const body = formatHunks(before, after, options, a.mode === 0 ? b.path : a.path);
  if (body === "") {
    return must || (idA !== idB && (a.mode === 0 || b.mode === 0)) ? head + indexLine(false) : "";
  }
  // A tab after a name with a space tells patch(1) where the name ends.
  const tab = (label: ByteString): ByteString =>
    label !== "/dev/null" && /[ \t]/.test(label) && !label.startsWith('"') ? "\t" : "";
  return `${head}${indexLine(false)}--- ${labelA}${tab(labelA)}\n+++ ${labelB}${
    tab(labelB)
  }\n${body}`;
}

function rewrite(
  before: Uint8Array,
  after: Uint8Array,
  labelA: ByteString,
  labelB: ByteString,
  _options: DiffFormatOptions,
): ByteString {
  const a = new Lines(before), b = new Lines(after);
  const range = (n: number): string => n === 0 ? "0,0" : n === 1 ? "1" : `1,${n}`;
  let out = `--- ${labelA}\n+++ ${labelB}\n@@ -${range(a.count)} +${range(b.count)} @@\n`;
  for (let i = 0; i < a.count; i++) out += markLine("-", a, i);
  for (let i = 0; i < b.count; i++) out += markLine("+", b, i);
  return out;
}

function markLine(mark: string, lines: Lines, i: number): ByteString {
  const text = lines.text(i);
  return text.endsWith("\n") ? mark + text : `${mark}${text}\n\\ No newline at end of file\n`;
}

/** Lines of a patch with colours. */
class Painter {
  readonly #colors: DiffColors;
  readonly #rule: WhitespaceRule | undefined;

  constructor(colors: DiffColors, rule: WhitespaceRule | undefined) {
    this.#colors = colors;
    this.#rule = rule;
  }

  /** Every line in one colour. */
  all(color: string, text: ByteString): ByteString {
    return text.replace(/[^\n]+/g, (line) => `${color}${line}${this.#colors.reset}`);
  }

  hunk(header: ByteString): ByteString {
    const { frag, func, context, reset } = this.#colors;
    const match = /^(@@+ .*? @@+)(?:( +)(.*))?\n$/s.exec(header);
    if (match === null) return header;
    return `${frag}${match[1]}${reset}${
      match[2] === undefined ? "" : `${context}${match[2]}${reset}`
    }${match[3] ? `${func}${match[3]}${reset}` : ""}\n`;
  }

  line(mark: string, kind: "old" | "new" | "context", lines: Lines, i: number): ByteString {
    const { reset, context } = this.#colors;
    const color = this.#colors[kind];
    const whole = lines.text(i);
    const end = whole.endsWith("\n");
    const text = end ? whole.slice(0, -1) : whole;
    const tail = end ? "\n" : `\n${context}\\ No newline at end of file${reset}\n`;
    if (kind !== "new" || this.#rule === undefined) {
      return text === "" && color === "" ? mark + reset + tail : color + mark + text + reset + tail;
    }
    return `${color}${mark}${reset}${this.#checked(text, color)}${tail}`;
  }

  /** An added line with its whitespace errors shown. */
  #checked(text: ByteString, color: string): ByteString {
    const { whitespace, reset } = this.#colors;
    const rule = this.#rule!;
    const cut = trailingStart(text, rule);
    const indent = /^[\t ]*/.exec(text)![0].length;
    let out = "";
    let body = text.slice(0, cut);
    if (indent > 0 && indent <= cut && whitespaceErrors(text.slice(0, indent) + "x", rule) !== "") {
      out += `${whitespace}${body.slice(0, indent)}${reset}`;
      body = body.slice(indent);
    }
    if (body !== "") out += `${color}${body}${reset}`;
    if (cut < text.length) out += `${whitespace}${text.slice(cut)}${reset}`;
    return out;
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

/** The hunks of a unified diff between two texts; `path` chooses headings and whitespace rules. */
export function formatHunks(
  before: Uint8Array,
  after: Uint8Array,
  options: Partial<DiffFormatOptions>,
  path: ByteString = "",
): ByteString {
  const a = new Lines(before), b = new Lines(after);
  const changes = new LineDiff(a, b, options).changes();
  if (options.ignoreLines !== undefined && options.ignoreLines.length > 0) {
    ignoreMatching(a, b, changes, options.ignoreLines);
  }
  const [plus, minus, space] = options.indicators ?? ["+", "-", " "];
  const heading = options.heading ?? options.headingOf?.(path);
  const hunks = makeHunks(a, b, changes, heading === undefined ? options : { ...options, heading });
  if (hunks.length === 0) return "";
  const painter = options.colors === undefined
    ? undefined
    : new Painter(options.colors, options.whitespace?.(path));
  const line = (mark: string, kind: "old" | "new" | "context", lines: Lines, i: number): string =>
    painter === undefined ? markLine(mark, lines, i) : painter.line(mark, kind, lines, i);
  const out: string[] = [];
  for (const hunk of hunks) {
    out.push(painter === undefined ? hunkHeader(hunk) : painter.hunk(hunkHeader(hunk)));
    let j = hunk.newStart;
    for (const change of hunk.changes) {
      for (; j < change.newStart; j++) out.push(line(space, "context", b, j));
      for (let i = change.oldStart; i < change.oldStart + change.oldCount; i++) {
        out.push(line(minus, "old", a, i));
      }
      for (; j < change.newStart + change.newCount; j++) out.push(line(plus, "new", b, j));
    }
    for (; j < hunk.newStart + hunk.newCount; j++) out.push(line(space, "context", b, j));
  }
  return out.join("");
}

const BASE85 =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

function binaryPatch(before: Uint8Array, after: Uint8Array): ByteString {
  return `GIT binary patch\n${binaryHunk(after)}${binaryHunk(before)}`;
}

function binaryHunk(to: Uint8Array): ByteString {
  const literal = new Uint8Array(zlib().deflateSync(to, { level: -1 }));
  let out = `literal ${to.length}\n`;
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
        const copied = both ? copiedBytes(before, after) : 0;
        // What is new, and what of the old is gone.
        changed = before.length - copied + (after.length - copied) || 1;
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

/** A combined diff (`-c`, `--cc`) of a merge result with its parents; "" when nothing is to be shown. */
export function formatCombined(
  store: ObjectStore,
  path: ByteString,
  parents: { mode: number; id: ObjectId; path: ByteString }[],
  result: DiffFile,
  dense: boolean,
  options: DiffFormatOptions,
): ByteString {
  const n = parents.length;
  const after = fileContent(store, result);
  const befores = parents.map((parent) =>
    fileContent(store, { path: parent.path, mode: parent.mode, id: parent.id, idKnown: true })
  );
  const resultId = idOf(store, result);
  const modes = [...parents.map((parent) => parent.mode), result.mode];
  const header = (): ByteString => {
    let head = `diff --${dense ? "cc" : "combined"} ${options.quote(path)}\n`;
    const show = (id: ObjectId): string => options.fullIndex ? id : options.abbrev(id);
    head += `index ${parents.map((parent) => show(parent.id)).join(",")}..${show(resultId)}\n`;
    const differs = parents.some((parent) => parent.mode !== result.mode);
    if (result.mode === 0) {
      head += `deleted file mode ${parents.map((parent) => octal(parent.mode)).join(",")}\n`;
    } else if (parents.every((parent) => parent.mode === 0)) {
      head += `new file mode ${octal(result.mode)}\n`;
    } else if (differs) {
      head += `mode ${parents.map((parent) => octal(parent.mode)).join(",")}..${
        octal(result.mode)
      }\n`;
    }
    return head;
  };
  const added = parents.every((parent) => parent.mode === 0);
  if (!options.text && (looksBinary(after) || befores.some(looksBinary))) {
    return `${header()}Binary files differ\n`;
  }
  const b = new Lines(after);
  // For each line of the result: which parents lack it, and the lines lost in front of it.
  const lacks = Array.from({ length: b.count + 1 }, () => new Uint8Array(n));
  interface Lost {
    text: ByteString;
    from: Uint8Array;
  }
  const lost: Lost[][] = Array.from({ length: b.count + 1 }, () => []);
  const oldLine: Int32Array[] = [];
  for (let p = 0; p < n; p++) {
    const a = new Lines(befores[p]!);
    const changes = new LineDiff(a, b, options).changes();
    const starts = new Int32Array(b.count + 2);
    let i = 0, j = 0;
    const own: Map<number, ByteString[]> = new Map();
    for (const change of changes) {
      while (j < change.newStart) starts[j++] = i++;
      own.set(
        change.newStart,
        Array.from({ length: change.oldCount }, (_, k) => a.text(change.oldStart + k)),
      );
      for (let k = 0; k < change.newCount; k++) {
        lacks[change.newStart + k]![p] = 1;
        starts[j++] = k === 0 ? i : i + change.oldCount;
      }
      i += change.oldCount;
    }
    while (j < b.count) starts[j++] = i++;
    starts[b.count] = a.count;
    oldLine.push(starts);
    for (const [at, texts] of own) mergeLost(lost[at]!, texts, p, n, options);
  }
  const interesting = new Uint8Array(b.count + 1);
  for (let j = 0; j <= b.count; j++) {
    if (lost[j]!.length > 0 || (j < b.count && lacks[j]!.some((flag) => flag === 1))) {
      interesting[j] = 1;
    }
  }
  if (dense && n > 1) {
    // A hunk whose lines all come from one side is of no interest.
    for (let j = 0; j <= b.count;) {
      if (!interesting[j]) {
        j++;
        continue;
      }
      let end = j;
      while (end <= b.count && interesting[end]) end++;
      let same = true;
      let pattern: Uint8Array | undefined;
      const check = (flags: Uint8Array): void => {
        if (pattern === undefined) pattern = flags;
        else if (!flags.every((flag, k) => flag === pattern![k])) same = false;
      };
      for (let k = j; k < end && same; k++) {
        if (k < b.count && lacks[k]!.some((flag) => flag === 1)) check(lacks[k]!);
        for (const one of lost[k]!) check(one.from);
      }
      // Lines lost before the first line of an otherwise untouched stretch belong to it.
      if (same && pattern !== undefined && !pattern.every((flag) => flag === 1)) {
        interesting.fill(0, j, end);
      }
      j = end;
    }
  }
  const context = options.context ?? 3;
  const hunks: [number, number][] = [];
  for (let j = 0; j <= b.count; j++) {
    if (!interesting[j]) continue;
    const from = Math.max(0, j - context), to = Math.min(b.count, j + context + 1);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else hunks.push([from, to]);
  }
  const modeChange = modes.some((mode) => mode !== modes[0]);
  if (hunks.length === 0) return modeChange && dense === false ? header() : "";
  const labelA = added ? "/dev/null" : options.quote(`${options.oldPrefix ?? "a/"}${path}`);
  const labelB = result.mode === 0
    ? "/dev/null"
    : options.quote(`${options.newPrefix ?? "b/"}${path}`);
  let out = `${header()}--- ${labelA}\n+++ ${labelB}\n`;
  let previousEnd = -1;
  for (const [from, to] of hunks) {
    const marks = "@".repeat(n + 1);
    let line = marks;
    const includesTail = to === b.count && (interesting[b.count] === 1);
    for (let p = 0; p < n; p++) {
      let count = 0;
      for (let j = from; j < to; j++) {
        count += lost[j]!.filter((one) => one.from[p] === 1).length;
        if (!lacks[j]![p]) count++;
      }
      if (includesTail) count += lost[b.count]!.filter((one) => one.from[p] === 1).length;
      const first = from < b.count
        ? startOf(oldLine[p]!, lacks, lost, from, p)
        : oldLine[p]![b.count]! - lost[b.count]!.filter((one) => one.from[p] === 1).length;
      line += ` -${count === 0 ? first : first + 1},${count}`;
    }
    line += ` +${to - from === 0 ? from : from + 1},${to - from} ${marks}`;
    let heading = "";
    for (let j = from - 1; j > previousEnd && j >= 0; j--) {
      const text = options.heading === undefined
        ? (/^[A-Za-z_$]/.test(b.text(j)) ? trimSpaceEnd(b.text(j).slice(0, 40)) : undefined)
        : options.heading(b.text(j));
      if (text !== undefined) {
        heading = ` ${text}`;
        break;
      }
    }
    previousEnd = -1;
    out += `${line}${heading}\n`;
    const put = (marks: string, text: ByteString): void => {
      out += text.endsWith("\n") ? marks + text : `${marks}${text}\n`;
      if (!text.endsWith("\n")) {
        out += `${" ".repeat(n)}\\ No newline at end of file\n`.replace(/^ */, "");
      }
    };
    for (let j = from; j < to || (j === b.count && includesTail && j === to); j++) {
      for (const one of lost[j]!) {
        put([...one.from].map((flag) => (flag ? "-" : " ")).join(""), one.text);
      }
      if (j < b.count && j < to) {
        put([...lacks[j]!].map((flag) => (flag ? "+" : " ")).join(""), b.text(j));
      }
    }
  }
  return out;
}

function startOf(
  starts: Int32Array,
  lacks: Uint8Array[],
  lost: { from: Uint8Array }[][],
  at: number,
  p: number,
): number {
  const gone = lost[at]!.filter((one) => one.from[p] === 1).length;
  return lacks[at]![p] ? starts[at]! : starts[at]! - gone;
}

function mergeLost(
  into: { text: ByteString; from: Uint8Array }[],
  texts: ByteString[],
  p: number,
  n: number,
  options: LineDiffOptions,
): void {
  const flag = (): Uint8Array => {
    const from = new Uint8Array(n);
    from[p] = 1;
    return from;
  };
  if (into.length === 0) {
    for (const text of texts) into.push({ text, from: flag() });
    return;
  }
  // The longest common subsequence keeps lines that several parents lost together.
  const a = into.map((one) => comparableLine(one.text, options)),
    b = texts.map((text) => comparableLine(text, options));
  const rows = a.length + 1, columns = b.length + 1;
  if (rows * columns > 4_000_000) {
    for (const text of texts) into.push({ text, from: flag() });
    return;
  }
  const table = new Uint32Array(rows * columns);
  for (let i = 1; i < rows; i++) {
    for (let j = 1; j < columns; j++) {
      table[i * columns + j] = a[i - 1] === b[j - 1]
        ? table[(i - 1) * columns + j - 1]! + 1
        : Math.max(table[(i - 1) * columns + j]!, table[i * columns + j - 1]!);
    }
  }
  const merged: typeof into = [];
  let i = a.length, j = b.length;
  while (i > 0 || j > 0) {
    if (i > 0 && j > 0 && a[i - 1] === b[j - 1]) {
      const one = into[--i]!;
      j--;
      one.from[p] = 1;
      merged.push(one);
    } else if (j > 0 && (i === 0 || table[i * columns + j - 1]! >= table[(i - 1) * columns + j]!)) {
      merged.push({ text: texts[--j]!, from: flag() });
    } else merged.push(into[--i]!);
  }
  into.splice(0, into.length, ...merged.reverse());
}
