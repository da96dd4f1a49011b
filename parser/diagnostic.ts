import { unicodeWidth } from "@std/cli";
import type { SourceText, Span } from "./span.ts";

/** How bad a {@linkcode Diagnostic} is. */
export type Severity = "error" | "warning" | "note";

/** A marked range of the source with a word on what it has to do with the problem. */
export interface DiagnosticLabel {
  /** The range to underline. */
  readonly span: Span;
  /** Text beside the underline; may be empty. */
  readonly message: string;
}

/** One finding about a source text. */
export interface Diagnostic {
  /** How bad it is. */
  readonly severity: Severity;
  /** A stable identifier that programs may test. */
  readonly code: string;
  /** One line that says what is wrong. */
  readonly message: string;
  /** Where; underlined with carets. */
  readonly span: Span;
  /** Text beside the carets. */
  readonly label?: string;
  /** Further places, underlined with dashes. */
  readonly related?: readonly DiagnosticLabel[];
  /** What to do about it. */
  readonly help?: string;
}

/** Options of {@linkcode renderDiagnostic}. */
export interface RenderDiagnosticOptions {
  /** Use ANSI colours. Default false. */
  color?: boolean;
  /** Columns to a tab stop. Default 4. */
  tabWidth?: number;
  /** A longer source line is cut around the mark. In columns, default 160. */
  maxLineWidth?: number;
}

interface Marker {
  span: Span;
  message: string;
  mark: string;
}

const CODES: Record<Severity, string> = { error: "31", warning: "33", note: "36" };

/**
 * Renders a diagnostic with the source lines it talks about. Underlines are placed by display width: tabs are expanded to
 * tab stops, an emoji or a wide character takes two columns and a combining mark none.
 *
 * @example
 * ```ts
 * import { renderDiagnostic, SourceText } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new SourceText('let s = "日本" + ;', "demo.monkey");
 * const text = renderDiagnostic({
 *   severity: "error",
 *   code: "expected-expression",
 *   message: "expected an expression, found ';'",
 *   span: { start: 15, end: 16 },
 * }, source);
 * assertEquals(text, [
 *   "error[expected-expression]: expected an expression, found ';'",
 *   " --> demo.monkey:1:16",
 *   "  |",
 *   '1 | let s = "日本" + ;',
 *   "  |                  ^",
 * ].join("\n"));
 * ```
 */
export function renderDiagnostic(
  diagnostic: Diagnostic,
  source: SourceText,
  options: RenderDiagnosticOptions = {},
): string {
  const { color = false, tabWidth = 4, maxLineWidth = 160 } = options;
  const paint = (text: string, code: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  const accent = CODES[diagnostic.severity];
  const { line, column } = source.position(diagnostic.span.start);
  const markers: Marker[] = [
    { span: diagnostic.span, message: diagnostic.label ?? "", mark: "^" },
    ...(diagnostic.related ?? []).map((label) => ({ ...label, mark: "-" })),
  ];
  const byLine = new Map<number, Marker[]>();
  for (const marker of markers) {
    const at = source.line(marker.span.start);
    byLine.set(at, [...(byLine.get(at) ?? []), marker]);
  }
  const lines = [...byLine.keys()].sort((a, b) => a - b);
  const gutter = String(lines.at(-1) ?? line).length;
  const blank = " ".repeat(gutter);
  const bar = paint("|", "34");
  const out = [
    `${paint(`${diagnostic.severity}[${diagnostic.code}]`, `1;${accent}`)}: ${
      printable(diagnostic.message)
    }`,
    `${blank}${paint("-->", "34")} ${printable(source.name)}:${line}:${column}`,
    `${blank} ${bar}`,
  ];
  let previous = 0;
  for (const at of lines) {
    if (previous !== 0 && at > previous + 1) out.push(`${blank} ${paint("...", "34")}`);
    previous = at;
    const group = byLine.get(at)!.sort((a, b) => a.span.start - b.span.start);
    const window = excerpt(
      source.lineText(at),
      source.lineStart(at),
      group,
      tabWidth,
      maxLineWidth,
    );
    out.push(`${paint(String(at).padStart(gutter), "34")} ${bar} ${window.text}`);
    for (const mark of window.marks) {
      const label = mark.message === "" ? "" : ` ${printable(mark.message)}`;
      const code = mark.mark === "^" ? accent : "34";
      const underline = mark.mark.repeat(mark.width) + label;
      out.push(`${blank} ${bar} ${" ".repeat(mark.column)}${paint(underline, code)}`);
    }
  }
  if (diagnostic.help !== undefined) {
    out.push(`${blank} ${paint("=", "34")} help: ${printable(diagnostic.help)}`);
  }
  return out.join("\n");
}

interface PlacedMark {
  column: number;
  width: number;
  message: string;
  mark: string;
}

/** Lays out one line in display columns and cuts it where it is too wide. */
function excerpt(
  line: string,
  start: number,
  markers: readonly Marker[],
  tabWidth: number,
  maxWidth: number,
): { text: string; marks: PlacedMark[] } {
  // Only a window around the first mark is measured, so one line of a gigabyte costs no more than a short one.
  const first = Math.max(0, markers[0]!.span.start - start);
  let from = first > maxWidth ? first - (maxWidth >> 1) : 0;
  if (from > 0 && (line.charCodeAt(from) & 0xfc00) === 0xdc00) from--;
  const columns: number[] = [];
  let text = "";
  let width = 0;
  let index = from;
  for (const char of line.slice(from, from + maxWidth * 2)) {
    if (width >= maxWidth) break;
    for (let unit = 0; unit < char.length; unit++) columns.push(width);
    index += char.length;
    const shown = char === "\t" ? " ".repeat(tabWidth - width % tabWidth) : printable(char);
    text += shown;
    width += unicodeWidth(shown);
  }
  columns.push(width);
  const cutLeft = from > 0 ? "…" : "";
  const marks = markers.map((marker): PlacedMark => {
    const begin = Math.min(Math.max(marker.span.start - start - from, 0), columns.length - 1);
    const end = Math.min(Math.max(marker.span.end - start - from, begin), columns.length - 1);
    const column = columns[begin]!;
    return {
      column: column + cutLeft.length,
      width: Math.max(1, columns[end]! - column),
      message: marker.message,
      mark: marker.mark,
    };
  });
  return { text: cutLeft + text + (index < line.length ? "…" : ""), marks };
}

/** Replaces control characters, so that a hostile source cannot drive the terminal. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
