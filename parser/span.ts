/** A half-open range `[start, end)` of offsets into a source text, in UTF-16 code units. */
export interface Span {
  /** Offset of the first code unit, 0-based. */
  readonly start: number;
  /** Offset just past the last code unit. */
  readonly end: number;
}

/** A place in a source text as people count it. */
export interface SourcePosition {
  /** Line, 1-based. `\n`, `\r\n` and a lone `\r` each end one line. */
  readonly line: number;
  /** Column, 1-based, in Unicode code points. */
  readonly column: number;
}

/**
 * A source text with a name, which turns offsets into lines and columns.
 *
 * The table of line starts is built on first use in one pass; a lookup is a binary search plus a walk along one line.
 *
 * @example
 * ```ts
 * import { SourceText } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new SourceText("let a = 1;\r\nlet 🙂 = 2;", "demo.monkey");
 * assertEquals(source.position(19), { line: 2, column: 7 });
 * assertEquals(source.lineText(2), "let 🙂 = 2;");
 * ```
 */
export class SourceText {
  /** The whole text. */
  readonly text: string;
  /** What diagnostics call the text: a path, or `<input>`. */
  readonly name: string;
  #lineStarts: Uint32Array | undefined;

  /** Wraps `text`; `name` appears in diagnostics. */
  constructor(text: string, name = "<input>") {
    this.text = text;
    this.name = name;
  }

  /** Number of lines, at least 1. A text that ends in a line break has an empty last line. */
  get lineCount(): number {
    return this.#starts().length;
  }

  /** Line and column of an offset; an offset past the end counts as the end. */
  position(offset: number): SourcePosition {
    const at = clamp(offset, this.text.length);
    const line = this.#lineIndex(at);
    let column = 1;
    for (let i = this.#starts()[line]!; i < at; i++) {
      const unit = this.text.charCodeAt(i);
      const pairs = unit >= 0xd800 && unit < 0xdc00 && i + 1 < at &&
        (this.text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
      if (pairs) i++;
      column++;
    }
    return { line: line + 1, column };
  }

  /** Line (1-based) of an offset. */
  line(offset: number): number {
    return this.#lineIndex(clamp(offset, this.text.length)) + 1;
  }

  /** Offset at which a line (1-based) starts; the length of the text for a line past the end. */
  lineStart(line: number): number {
    return line < 1 ? 0 : this.#starts()[line - 1] ?? this.text.length;
  }

  /** The text of a line (1-based) without its line break; empty for a line that does not exist. */
  lineText(line: number): string {
    const starts = this.#starts();
    if (line < 1 || line > starts.length) return "";
    const start = starts[line - 1]!;
    let end = line < starts.length ? starts[line]! : this.text.length;
    if (end > start && this.text.charCodeAt(end - 1) === 10) end--;
    if (end > start && line < starts.length && this.text.charCodeAt(end - 1) === 13) end--;
    return this.text.slice(start, end);
  }

  #lineIndex(offset: number): number {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #starts(): Uint32Array {
    if (this.#lineStarts !== undefined) return this.#lineStarts;
    const text = this.text;
    let starts = new Uint32Array(64);
    let count = 1;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit !== 10 && (unit !== 13 || text.charCodeAt(i + 1) === 10)) continue;
      if (count === starts.length) {
        const grown = new Uint32Array(count * 2);
        grown.set(starts);
        starts = grown;
      }
      starts[count++] = i + 1;
    }
    return this.#lineStarts = starts.slice(0, count);
  }
}

function clamp(offset: number, length: number): number {
  return offset < 0 ? 0 : offset > length ? length : offset;
}
