/**
 * Lists in columns, as `column.*` asks for them.
 *
 * @module
 */
import { type ByteString, decodeText } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { displayWidth } from "./pretty.ts";

/** How a list is laid out. */
export interface ColumnLayout {
  /** Whether columns are used at all; `auto` on terminals. */
  when: "always" | "never" | "auto";
  /** Columns filled first, rows filled first, or one name to a line. */
  fill: "column" | "row" | "plain";
  /** Columns as narrow as they can be. */
  dense: boolean;
}

/** Changes a layout by a list of words; throws `GitError` ("invalid") for an unknown one. */
export function parseColumnLayout(text: ByteString, layout: ColumnLayout): ColumnLayout {
  const out = { ...layout };
  let whenSet = false, fillSet = false;
  for (const word of text.split(/[\s,]+/)) {
    if (word === "") continue;
    if (word === "always" || word === "never" || word === "auto") {
      out.when = word;
      whenSet = true;
    } else if (word === "column" || word === "row" || word === "plain") {
      out.fill = word;
      fillSet = true;
    } else if (word === "dense") out.dense = true;
    else if (word === "nodense") out.dense = false;
    else throw new GitError("invalid", `unsupported option '${word}'`);
  }
  if (fillSet && !whenSet) out.when = "always";
  return out;
}

/** Lays names out in columns over at most `width` columns of text. */
export function formatColumns(
  names: readonly ByteString[],
  layout: ColumnLayout,
  options: { width: number; padding?: number; indent?: ByteString },
): ByteString {
  if (names.length === 0) return "";
  const indent = options.indent ?? "";
  if (layout.fill === "plain") return names.map((name) => `${indent}${name}\n`).join("");
  const padding = options.padding ?? 1;
  const lengths = names.map((name) =>
    // deno-lint-ignore no-control-regex -- escape sequences take no room
    displayWidth(decodeText(name.replace(/\x1b\[[0-9;]*m/g, "")))
  );
  const cellWidth = Math.max(...lengths) + padding;
  let columns = Math.max(1, Math.floor((options.width - indent.length) / cellWidth));
  let rows = Math.ceil(names.length / columns);
  const index = (x: number, y: number): number =>
    layout.fill === "column" ? x * rows + y : y * columns + x;
  const widths = (): number[] =>
    Array.from({ length: columns }, (_, x) => {
      let width = 0;
      for (let y = 0; y < rows; y++) width = Math.max(width, lengths[index(x, y)] ?? 0);
      return width;
    });
  let shown: number[] | undefined;
  if (layout.dense) {
    while (rows > 1) {
      const before: [number, number] = [rows, columns];
      rows--;
      columns = Math.ceil(names.length / rows);
      const total = widths().reduce((sum, width) => sum + width + padding, indent.length);
      if (total > options.width) {
        [rows, columns] = before;
        break;
      }
    }
    shown = widths();
  }
  let out = "";
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const i = index(x, y);
      if (i >= names.length) break;
      const last = layout.fill === "column"
        ? i + rows >= names.length
        : x === columns - 1 || i === names.length - 1;
      const room = shown === undefined ? cellWidth : shown[x]! + padding;
      out += (x === 0 ? indent : "") + names[i]! +
        (last ? "\n" : " ".repeat(Math.max(0, room - lengths[i]!)));
    }
  }
  return out;
}
