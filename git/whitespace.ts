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

/** Where the trailing whitespace of a line (without its line feed) begins. */
export function trailingStart(line: ByteString, rule: WhitespaceRule): number {
  const text = rule.crAtEol && line.endsWith("\r") ? line.slice(0, -1) : line;
  return rule.blankAtEol ? text.length - /[\t\v\f\r ]*$/.exec(text)![0].length : text.length;
}

/** What is wrong with a line (without its line feed), as words separated by commas; or "". */
export function whitespaceErrors(line: ByteString, rule: WhitespaceRule): ByteString {
  const found: string[] = [];
  const text = rule.crAtEol && line.endsWith("\r") ? line.slice(0, -1) : line;
  if (trailingStart(line, rule) < text.length) found.push("trailing whitespace");
  const indent = /^[\t ]*/.exec(text)![0];
  if (rule.spaceBeforeTab && indent.includes(" \t")) found.push("space before tab in indent");
  if (rule.indentWithNonTab && new RegExp(` {${rule.tabWidth},}`).test(indent)) {
    found.push("indent with spaces");
  }
  if (rule.tabInIndent && indent.includes("\t")) found.push("tab in indent");
  return found.join(", ");
}
