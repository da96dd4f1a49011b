/**
 * Whitespace errors: `core.whitespace`'s rules and what they find in a line.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";

/** Which whitespace is an error. */
export interface WhitespaceRule {
  /** At the end of a line. */
  blankAtEol: boolean;
  /** Blank lines at the end of a file. */
  blankAtEof: boolean;
  /** A space right before a tab in the indentation. */
  spaceBeforeTab: boolean;
  /** Indentation by `tabWidth` spaces or more. */
  indentWithNonTab: boolean;
  /** A tab in the indentation. */
  tabInIndent: boolean;
  /** A carriage return at the end of a line is fine. */
  crAtEol: boolean;
  /** Columns of a tab. */
  tabWidth: number;
}

/** Reads `core.whitespace`; what it does not mention is as Git has it without a setting. */
export function parseWhitespaceRule(text: ByteString): WhitespaceRule {
  const rule: WhitespaceRule = {
    blankAtEol: true,
    blankAtEof: true,
    spaceBeforeTab: true,
    indentWithNonTab: false,
    tabInIndent: false,
    crAtEol: false,
    tabWidth: 8,
  };
  for (const part of text.split(/[\s,]+/)) {
    const off = part.startsWith("-");
    const word = off ? part.slice(1) : part;
    const width = /^tabwidth=(\d+)$/.exec(word);
    if (width !== null) {
      const n = Number(width[1]);
      if (n > 0 && n < 64) rule.tabWidth = n;
    } else if (word === "trailing-space") rule.blankAtEol = rule.blankAtEof = !off;
    else if (word === "blank-at-eol") rule.blankAtEol = !off;
    else if (word === "blank-at-eof") rule.blankAtEof = !off;
    else if (word === "space-before-tab") rule.spaceBeforeTab = !off;
    else if (word === "indent-with-non-tab") rule.indentWithNonTab = !off;
    else if (word === "tab-in-indent") rule.tabInIndent = !off;
    else if (word === "cr-at-eol") rule.crAtEol = !off;
  }
  return rule;
}

/** What is wrong with a line, by the names of the rules. */
interface WhitespaceFindings {
  blankAtEol: boolean;
  spaceBeforeTab: boolean;
  indentWithNonTab: boolean;
  tabInIndent: boolean;
}

/** Colours for {@linkcode paintWhitespace}. */
export interface WhitespaceColors {
  /** The line itself. */
  line: string;
  /** What is wrong in it. */
  whitespace: string;
  /** Ends a colour. */
  reset: string;
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9 || c === 10 || c === 13;
}

/** Goes through a line (without its line feed); calls back with its parts, wrong and other ones. */
function examine(
  line: ByteString,
  rule: WhitespaceRule,
  part?: (text: ByteString, kind: "plain" | "line" | "wrong") => void,
): WhitespaceFindings {
  const found: WhitespaceFindings = {
    blankAtEol: false,
    spaceBeforeTab: false,
    indentWithNonTab: false,
    tabInIndent: false,
  };
  let end = line.length;
  const carriageReturn = rule.crAtEol && line.endsWith("\r");
  if (carriageReturn) end--;
  let trailing = end;
  if (rule.blankAtEol) {
    while (trailing > 0 && isSpace(line.charCodeAt(trailing - 1))) {
      trailing--;
    }
  }
  found.blankAtEol = trailing < end;
  let written = 0;
  let i = 0;
  for (; i < trailing; i++) {
    const c = line.charCodeAt(i);
    if (c === 32) continue;
    if (c !== 9) break;
    if (rule.spaceBeforeTab && written < i) {
      found.spaceBeforeTab = true;
      part?.(line.slice(written, i), "wrong");
      part?.("\t", "plain");
    } else if (rule.tabInIndent) {
      found.tabInIndent = true;
      part?.(line.slice(written, i), "plain");
      part?.("\t", "wrong");
    } else part?.(line.slice(written, i + 1), "plain");
    written = i + 1;
  }
  if (rule.indentWithNonTab && i - written >= rule.tabWidth) {
    found.indentWithNonTab = true;
    part?.(line.slice(written, i), "wrong");
    written = i;
  }
  if (trailing > written) part?.(line.slice(written, trailing), "line");
  if (trailing < end) part?.(line.slice(trailing, end), "wrong");
  if (carriageReturn) part?.("\r", "plain");
  return found;
}

/** A line (without its line feed) with what is wrong in it in a colour of its own. */
export function paintWhitespace(
  line: ByteString,
  rule: WhitespaceRule,
  colors: WhitespaceColors,
): ByteString {
  let out = "";
  examine(line, rule, (text, kind) => {
    out += kind === "plain"
      ? text
      : (kind === "line" ? colors.line : colors.whitespace) + text + colors.reset;
  });
  return out;
}

/** What is wrong with a line (without its line feed), as words separated by commas; or "". */
export function whitespaceErrors(line: ByteString, rule: WhitespaceRule): ByteString {
  const found = examine(line, rule);
  const words: string[] = [];
  if (found.blankAtEol) words.push("trailing whitespace");
  if (found.spaceBeforeTab) words.push("space before tab in indent");
  if (found.indentWithNonTab) words.push("indent with spaces");
  if (found.tabInIndent) words.push("tab in indent");
  return words.join(", ");
}

/** Where blank lines at the end begin, when a text ends with more of them than it did before. */
export interface BlankAtEnd {
  /** Line (from 1) in the text before. */
  before: number;
  /** Line (from 1) in the text after. */
  after: number;
}

/** How many blank lines a text ends with; one that is not the first line of the text. */
function trailingBlankLines(data: Uint8Array): number {
  let end = data.length;
  if (end === 0) return 0;
  if (data[end - 1] === 10) end--;
  let count = 0;
  while (end > 1) {
    let start = end;
    while (start > 0 && data[start - 1] !== 10) start--;
    for (let i = start; i < end; i++) if (!isSpace(data[i]!)) return count;
    count++;
    end = start - 1;
  }
  return count;
}

function countLines(data: Uint8Array): number {
  let count = 0;
  for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) count++;
  return data.length > 0 && data[data.length - 1] !== 10 ? count + 1 : count;
}

/** Looks for blank lines that were added at the end. */
export function blankAtEnd(before: Uint8Array, after: Uint8Array): BlankAtEnd | undefined {
  const a = trailingBlankLines(before), b = trailingBlankLines(after);
  if (b <= a) return undefined;
  return { before: countLines(before) - a + 1, after: countLines(after) - b + 1 };
}
