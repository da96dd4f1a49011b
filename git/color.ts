/**
 * Colours of terminals: Git's descriptions such as `bold red` as escape sequences.
 *
 * @module
 */
import { GitError } from "./errors.ts";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ATTRIBUTES: Record<string, [on: number, off: number]> = {
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  ul: [4, 24],
  blink: [5, 25],
  reverse: [7, 27],
  strike: [9, 29],
};
const BACKGROUND = 10;

/** Ends all colours. */
export const COLOR_RESET = "\x1b[m";

/** The code of one colour word for the foreground; "" for `normal`; `undefined` for no colour. */
function colorCode(word: string, offset: number): string | undefined {
  const lower = word.toLowerCase();
  if (lower === "normal") return "";
  const rgb = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/.exec(lower);
  if (rgb !== null) {
    return `${38 + offset};2;${rgb.slice(1).map((part) => parseInt(part, 16)).join(";")}`;
  }
  if (lower === "default") return String(39 + offset);
  const bright = lower.startsWith("bright");
  const at = NAMES.indexOf(bright ? lower.slice(6) : lower);
  if (at >= 0) return String((bright ? 90 : 30) + at + offset);
  if (!/^[+-]?\d+$/.test(word)) return undefined;
  const value = Number(word);
  if (value === -1) return "";
  if (value < 0 || value > 255) return undefined;
  if (value < 8) return String(30 + value + offset);
  if (value < 16) return String(90 + value - 8 + offset);
  return `${38 + offset};5;${value}`;
}

/**
 * The escape sequence of a description: a foreground, a background, attributes (`nobold` turns
 * one off), `reset`; colours by name, as `#rrggbb` or as a number up to 255.
 *
 * Throws `GitError` ("invalid") for anything else.
 *
 * @example
 * ```ts
 * import { colorSequence } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(colorSequence("bold red"), "\x1b[1;31m");
 * ```
 */
export function colorSequence(text: string): string {
  const words = text.trim().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return "";
  let reset = false;
  let foreground: string | undefined, background: string | undefined;
  const attributes = new Set<number>();
  for (const word of words) {
    if (word.toLowerCase() === "reset") {
      reset = true;
      continue;
    }
    const code = colorCode(word, foreground === undefined ? 0 : BACKGROUND);
    if (code !== undefined) {
      if (foreground === undefined) foreground = code;
      else if (background === undefined) background = code;
      else throw new GitError("invalid", `invalid color value: ${text}`);
      continue;
    }
    const off = /^no-?/.exec(word);
    const attribute = ATTRIBUTES[off === null ? word : word.slice(off[0].length)];
    if (attribute === undefined) throw new GitError("invalid", `invalid color value: ${text}`);
    attributes.add(attribute[off === null ? 0 : 1]);
  }
  const codes = [
    ...(reset ? [""] : []),
    ...[...attributes].sort((a, b) => a - b).map(String),
    ...(foreground ? [foreground] : []),
    ...(background ? [background] : []),
  ];
  return codes.length === 0 ? "" : `\x1b[${codes.join(";")}m`;
}
