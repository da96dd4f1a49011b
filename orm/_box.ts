import { unicodeWidth } from "@std/cli";

/** What must not reach a terminal as it is: it could move the cursor, or worse. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Shows control characters as `\n`, `\t` or `\u{…}`. */
export function printable(content: string): string {
  return content.replaceAll(CONTROL, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

/** Draws a table. Columns are as wide as their widest cell, or as `widths` says if that is wider. */
export function drawBox(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly number[] = [],
): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const wide = header.map((_, column) =>
    cells.reduce(
      (most, row) => Math.max(most, unicodeWidth(row[column] ?? "")),
      widths[column] ?? 0,
    )
  );
  const rule = (left: string, middle: string, right: string) =>
    left + wide.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const line = (row: readonly string[]) =>
    `│${
      wide.map((width, column) => {
        const cell = row[column] ?? "";
        return ` ${cell}${" ".repeat(width - unicodeWidth(cell))} `;
      }).join("│")
    }│`;
  return [
    rule("┌", "┬", "┐"),
    line(cells[0]!),
    rule("├", "┼", "┤"),
    ...cells.slice(1).map(line),
    rule("└", "┴", "┘"),
  ].join("\n");
}
