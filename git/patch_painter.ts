/**
 * The lines of a patch in colour: headers, hunks, lines with whitespace errors, words, and lines
 * that moved.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { COLOR_RESET } from "./color.ts";
import { comparableLine, type LineDiffOptions } from "./line_diff.ts";
import { type BlankAtEnd, paintWhitespace, type WhitespaceRule } from "./whitespace.ts";

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
  /** Removed lines that were moved; then every other block of them, and both of these dimmed. */
  oldMoved?: readonly string[];
  /** The same for added lines. */
  newMoved?: readonly string[];
}

/** How lines that moved are shown. */
export interface MovedOptions {
  /** `plain` shows every one; `blocks` and `zebra` only blocks that say something. */
  mode: "plain" | "blocks" | "zebra" | "dimmed-zebra";
  /** What counts as the same line. */
  whitespace: LineDiffOptions;
  /** Blocks whose indentation changed as a whole count too. */
  indentation: boolean;
}

/** In which lines whitespace errors are shown. */
export interface WhitespaceHighlight {
  /** Removed ones. */
  old: boolean;
  /** Added ones. */
  new: boolean;
  /** Unchanged ones. */
  context: boolean;
}

/** What {@linkcode PatchPainter} needs to know. */
export interface PainterOptions {
  /** No colours without these. */
  colors?: DiffColors | undefined;
  /** Shows lines that moved. */
  moved?: MovedOptions | undefined;
  /** Default: in new lines. */
  highlight?: WhitespaceHighlight | undefined;
  /** Characters in front of lines: new, old, context. */
  indicators?: readonly [string, string, string] | undefined;
}

/** What is being written, when it has to wait until all is known. */
interface Waiting {
  kind: "new" | "old" | "other";
  text: ByteString;
  rule: WhitespaceRule | undefined;
  blankAtEnd: boolean;
  moved: boolean;
  alternate: boolean;
  dimmed: boolean;
  id: number;
  indent: number;
  indentEnd: number;
}

/** A line that took part in a move, linked with the next line and with its equals. */
interface MovedLine {
  readonly line: Waiting;
  nextLine: MovedLine | undefined;
  nextMatch: MovedLine | undefined;
}

/** Blocks with fewer letters and digits than this are not worth showing. */
const MIN_ALNUM = 20;
const BLANK = Number.MIN_SAFE_INTEGER;
const NO_COLORS: DiffColors = {
  meta: "",
  frag: "",
  func: "",
  old: "",
  new: "",
  context: "",
  whitespace: "",
  reset: "",
};

/** Paints the lines of patches, one after the other. */
export class PatchPainter {
  readonly colors: DiffColors;
  readonly #write: (text: ByteString) => void;
  readonly #highlight: WhitespaceHighlight;
  readonly #indicators: readonly [string, string, string];
  readonly #moved: MovedOptions | undefined;
  readonly #waiting: Waiting[] = [];
  #rule: WhitespaceRule | undefined;
  #blank: BlankAtEnd | undefined;
  #oldLine = 0;
  #newLine = 0;

  /** Paints to `write`. */
  constructor(options: PainterOptions, write: (text: ByteString) => void) {
    this.colors = options.colors ?? NO_COLORS;
    this.#write = write;
    this.#highlight = options.highlight ?? { old: false, new: true, context: false };
    this.#indicators = options.indicators ?? ["+", "-", " "];
    this.#moved = options.colors === undefined ? undefined : options.moved;
  }

  /** Starts the lines of a file. */
  file(rule: WhitespaceRule | undefined, blank: BlankAtEnd | undefined): void {
    this.#rule = rule;
    this.#blank = blank;
    this.#oldLine = this.#newLine = 1;
  }

  /** Text as it is. */
  raw(text: ByteString): void {
    if (text === "") return;
    if (this.#moved === undefined) this.#write(text);
    else this.#waiting.push(waiting("other", text));
  }

  /** Lines of a header. */
  header(text: ByteString): void {
    const { meta, reset } = this.colors;
    this.raw(meta + reset === "" ? text : text.replace(/[^\n]+/g, `${meta}$&${reset}`));
  }

  /** `--- name` and `+++ name`; a tab after a name with a space tells patch(1) where it ends. */
  labels(before: ByteString, after: ByteString): void {
    const { meta, reset } = this.colors;
    const tab = (name: ByteString): string => (name.includes(" ") ? "\t" : "");
    this.raw(
      `${meta}--- ${before}${reset}${tab(before)}\n${meta}+++ ${after}${reset}${tab(after)}\n`,
    );
  }

  /** The line that starts a hunk, by its parts. */
  hunk(ranges: ByteString, heading: ByteString, oldStart: number, newStart: number): void {
    const { frag, func, context, reset } = this.colors;
    this.#oldLine = oldStart;
    this.#newLine = newStart;
    let out = frag + ranges + reset;
    let text = heading;
    const end = /[\r\n]*$/.exec(text)![0];
    text = text.slice(0, text.length - end.length);
    const space = /^[ \t]*/.exec(text)![0];
    if (space !== "") out += context + space + reset;
    if (text.length > space.length) out += func + text.slice(space.length) + reset;
    this.raw(`${out}\n`);
  }

  /** `@@ -1,2 +1,3 @@` of a file that is shown as rewritten. */
  rewriteHunk(text: ByteString): void {
    const { frag, reset } = this.colors;
    this.raw(`${frag}${text}${reset}\n`);
  }

  /** A line of both texts; `text` is without line feed. */
  context(text: ByteString): void {
    this.#oldLine++;
    this.#newLine++;
    const { context, reset } = this.colors;
    this.raw(
      `${this.#line(text, context, reset, this.#indicators[2], this.#highlight.context, false)}\n`,
    );
  }

  /** A removed line, without its line feed. */
  old(text: ByteString): void {
    this.#oldLine++;
    this.#changed("old", text, false);
  }

  /** An added line, without its line feed. */
  new(text: ByteString): void {
    this.#newLine++;
    const blank = this.#blank;
    this.#changed(
      "new",
      text,
      blank !== undefined && this.#rule?.blankAtEof === true && blank.before <= this.#oldLine &&
        blank.after <= this.#newLine && !/[^\t\n\r ]/.test(text),
    );
  }

  /** A line in the colour of unchanged ones with nothing in front. */
  plain(text: ByteString): void {
    this.raw(`${this.painted(this.colors.context, text)}\n`);
  }

  /** Text between a colour and its end; the end of a line stays outside. */
  painted(color: string, text: ByteString): ByteString {
    const cut = text.endsWith("\r") ? text.length - 1 : text.length;
    return cut === 0 ? text : color + text.slice(0, cut) + this.colors.reset + text.slice(cut);
  }

  #changed(kind: "old" | "new", text: ByteString, blankAtEnd: boolean): void {
    const one = waiting(kind, text);
    one.rule = this.#rule;
    one.blankAtEnd = blankAtEnd;
    if (this.#moved === undefined) this.#write(this.#paint(one));
    else this.#waiting.push(one);
  }

  #paint(one: Waiting): ByteString {
    if (one.kind === "other") return one.text;
    const { colors } = this;
    const isNew = one.kind === "new";
    const moved = isNew ? colors.newMoved : colors.oldMoved;
    const color = one.moved && moved !== undefined
      ? moved[(one.alternate ? 1 : 0) + (one.dimmed ? 2 : 0)]!
      : colors[one.kind];
    this.#rule = one.rule;
    return `${
      this.#line(
        one.text,
        color,
        colors.reset,
        this.#indicators[isNew ? 0 : 1],
        this.#highlight[one.kind],
        one.blankAtEnd,
      )
    }\n`;
  }

  #line(
    text: ByteString,
    color: string,
    reset: string,
    mark: string,
    highlight: boolean,
    blankAtEnd: boolean,
  ): ByteString {
    const { whitespace } = this.colors;
    if (!highlight || whitespace === "" || this.#rule === undefined) {
      return marked(color, mark, text, reset);
    }
    if (blankAtEnd) return marked(whitespace, mark, text, reset);
    return color + mark + reset +
      paintWhitespace(text, this.#rule, { line: color, whitespace, reset });
  }

  /** Writes what waited for lines that moved to be found. */
  finish(): void {
    const { mode } = this.#moved ?? {};
    if (mode === undefined) return;
    const all = this.#waiting;
    markMoved(all, this.#moved!);
    if (mode === "dimmed-zebra") dim(all);
    for (const one of all) this.#write(this.#paint(one));
    all.length = 0;
  }
}

/** A marked line; a carriage return at its end stays outside the colour. */
function marked(color: string, mark: string, text: ByteString, reset: string): ByteString {
  const cut = text.endsWith("\r") ? text.length - 1 : text.length;
  return color + mark + text.slice(0, cut) + reset + text.slice(cut);
}

function waiting(kind: Waiting["kind"], text: ByteString): Waiting {
  return {
    kind,
    text,
    rule: undefined,
    blankAtEnd: false,
    moved: false,
    alternate: false,
    dimmed: false,
    id: -1,
    indent: 0,
    indentEnd: 0,
  };
}

/** Measures the indentation of a line. */
function measure(one: Waiting): void {
  const { text } = one;
  const tab = one.rule?.tabWidth ?? 8;
  let at = /^[\f\v\r]*/.exec(text)![0].length;
  let width = 0;
  for (;; at++) {
    if (text[at] === " ") width++;
    else if (text[at] === "\t") width += tab - (width % tab);
    else break;
  }
  if (/[^\t\n\r ]/.test(text.slice(at))) {
    one.indent = width;
    one.indentEnd = at;
  } else {
    one.indent = BLANK;
    one.indentEnd = text.length;
  }
}

/** A run of lines elsewhere that the lines at hand may have come from. */
interface Candidate {
  at: MovedLine;
  /** By how much the indentation differs. */
  shift: number;
}

function markMoved(all: Waiting[], options: MovedOptions): void {
  const ids = new Map<ByteString, number>();
  const added: (MovedLine | undefined)[] = [], removed: (MovedLine | undefined)[] = [];
  let previous: MovedLine | undefined;
  for (const line of all) {
    if (line.kind === "other") {
      previous = undefined;
      continue;
    }
    if (options.indentation) measure(line);
    const key = comparableLine(line.text.slice(line.indentEnd), options.whitespace);
    let id = ids.get(key);
    if (id === undefined) ids.set(key, id = ids.size);
    line.id = id;
    const lists = line.kind === "new" ? added : removed;
    const entry: MovedLine = { line, nextLine: undefined, nextMatch: lists[id] };
    if (previous !== undefined && previous.line.kind === line.kind) previous.nextLine = entry;
    previous = entry;
    lists[id] = entry;
  }
  const plain = options.mode === "plain";
  /** Whether the block of `length` lines before `n` counts; takes the marks off when it does not. */
  const settle = (n: number, length: number): boolean => {
    if (plain) return length > 0;
    let count = 0;
    for (let i = n - length; i < n; i++) {
      count += (all[i]!.text.match(/[A-Za-z0-9]/g) ?? []).length;
      if (count >= MIN_ALNUM) return true;
    }
    for (let i = n - length; i < n; i++) all[i]!.moved = all[i]!.alternate = false;
    return false;
  };
  let candidates: Candidate[] = [];
  let length = 0;
  let flipped = false;
  let kind: Waiting["kind"] = "other";
  for (let n = 0; n < all.length; n++) {
    const line = all[n]!;
    let match = line.kind === "new"
      ? removed[line.id]
      : line.kind === "old"
      ? added[line.id]
      : undefined;
    if (line.kind === "other") flipped = false;
    if (candidates.length > 0 && (match === undefined || line.kind !== kind)) {
      if (!settle(n, length) && length > 1) {
        // Another block may start at the second line of this one.
        match = undefined;
        n -= length;
      }
      candidates = [];
      length = 0;
      flipped = false;
    }
    if (match === undefined) {
      kind = "other";
      continue;
    }
    if (plain) {
      line.moved = true;
      continue;
    }
    candidates = candidates.filter((one) => advance(one, line, options.indentation));
    if (candidates.length === 0) {
      const contiguous = settle(n, length);
      if (!contiguous && length > 1) n -= length;
      else {
        for (let at: MovedLine | undefined = match; at !== undefined; at = at.nextMatch) {
          const a = line.indent, b = at.line.indent;
          candidates.push({ at, shift: a === BLANK && b === BLANK ? BLANK : a - b });
        }
      }
      flipped = contiguous && candidates.length > 0 && kind === line.kind && !flipped;
      kind = candidates.length > 0 ? line.kind : "other";
      length = 0;
    }
    if (candidates.length > 0) {
      length++;
      line.moved = true;
      if (flipped && options.mode !== "blocks") line.alternate = true;
    }
  }
  settle(all.length, length);
}

/** Whether the line after a candidate is like the line at hand; if so it becomes the candidate. */
function advance(one: Candidate, line: Waiting, indentation: boolean): boolean {
  const next = one.at.nextLine;
  if (next === undefined || next.line.id !== line.id) return false;
  if (indentation && next.line.indent !== BLANK) {
    const shift = line.indent - next.line.indent;
    if (one.shift === BLANK) one.shift = shift;
    if (one.shift !== shift) return false;
  }
  one.at = next;
  return true;
}

/** Dims all of a block but its borders to other blocks. */
function dim(all: Waiting[]): void {
  const neighbour = (one: Waiting | undefined): Waiting | undefined =>
    one === undefined || one.kind === "other" ? undefined : one;
  for (let n = 0; n < all.length; n++) {
    const line = all[n]!;
    if (line.kind === "other" || !line.moved) continue;
    const near = [neighbour(all[n - 1]), neighbour(all[n + 1])];
    const inside = near.every((one) =>
      one !== undefined && one.moved === line.moved && one.alternate === line.alternate
    );
    const border = near.some((one) =>
      one !== undefined && one.moved && one.alternate !== line.alternate
    );
    line.dimmed = inside || !border;
  }
}

/** How words are marked. */
export type WordDiffStyle = "plain" | "color" | "porcelain";

const WORD_MARKS: Record<
  WordDiffStyle,
  { old: [string, string]; new: [string, string]; context: [string, string]; newline: string }
> = {
  porcelain: { new: ["+", "\n"], old: ["-", "\n"], context: [" ", "\n"], newline: "~\n" },
  plain: { new: ["{+", "+}"], old: ["[-", "-]"], context: ["", ""], newline: "\n" },
  color: { new: ["", ""], old: ["", ""], context: ["", ""], newline: "\n" },
};

/** Marks a text of words, line by line. */
export function markWords(
  text: ByteString,
  kind: "old" | "new" | "context",
  style: WordDiffStyle,
  colors: DiffColors,
): ByteString {
  const marks = WORD_MARKS[style];
  const color = colors[kind];
  const [before, after] = marks[kind];
  let out = "";
  for (let at = 0; at < text.length;) {
    const next = text.indexOf("\n", at);
    const end = next < 0 ? text.length : next;
    if (end > at) {
      out += color + before + text.slice(at, end) + after + (color === "" ? "" : COLOR_RESET);
    }
    if (next < 0) break;
    out += marks.newline;
    at = next + 1;
  }
  return out;
}
