/**
 * `--check`: whitespace that should not be there, by `core.whitespace` and attributes.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { type DiffFormatOptions, looksBinary } from "../diff_format.ts";
import { LineDiff } from "../line_diff.ts";
import { MemoryObjectStore } from "../object_store.ts";
import { type DiffPair, fileContent } from "../tree_diff.ts";
import {
  blankAtEnd,
  paintWhitespace,
  parseWhitespaceRule,
  whitespaceErrors,
  type WhitespaceRule,
} from "../whitespace.ts";
import { attributesOf } from "../worktree_content.ts";
import type { Cli } from "./_context.ts";

/** The rule for a path. */
export function whitespaceRule(cli: Cli, path: ByteString): WhitespaceRule {
  const repository = cli.findRepository();
  const attribute = repository === undefined
    ? undefined
    : attributesOf(repository).get(path).get("whitespace");
  if (attribute === false) {
    return parseWhitespaceRule("-blank-at-eol,-space-before-tab,-blank-at-eof");
  }
  if (attribute === true) {
    return parseWhitespaceRule("trailing-space,space-before-tab,indent-with-non-tab,cr-at-eol");
  }
  return parseWhitespaceRule(
    typeof attribute === "string" ? attribute : cli.config.get("core.whitespace") ?? "",
  );
}

/** What {@linkcode checkWhitespace} needs to know of a diff. */
export interface CheckOptions {
  colors?: { new: string; whitespace: string; reset: string } | undefined;
  driver?: DiffFormatOptions["driver"];
}

/** What is wrong with the lines that pairs add; "" when nothing is. */
export function checkWhitespace(
  cli: Cli,
  pairs: readonly DiffPair[],
  options: CheckOptions,
): ByteString {
  let out = "";
  const colors = options.colors ?? { new: "", whitespace: "", reset: "" };
  const paint = { line: colors.new, whitespace: colors.whitespace, reset: colors.reset };
  const repository = cli.findRepository();
  const store = repository?.objects ?? new MemoryObjectStore();
  for (const pair of pairs) {
    const { path } = pair.new;
    if (pair.status === "U" || pair.new.mode === 0) continue;
    const before = fileContent(store, pair.old), after = fileContent(store, pair.new);
    if (options.driver?.(path)?.binary ?? looksBinary(after)) continue;
    const rule = whitespaceRule(cli, path);
    const size = repository === undefined
      ? DEFAULT_MARKER
      : Number(attributesOf(repository).get(path).get("conflict-marker-size")) || DEFAULT_MARKER;
    const diff = new LineDiff(before, after, { indentHeuristic: false });
    for (const change of diff.changes()) {
      for (let i = change.newStart; i < change.newStart + change.newCount; i++) {
        const line = diff.new.text(i).replace(/\n$/, "");
        if (isMarker(line, size)) out += `${path}:${i + 1}: leftover conflict marker\n`;
        const found = whitespaceErrors(line, rule);
        if (found === "") continue;
        out += `${path}:${i + 1}: ${found}.\n${colors.new}+${colors.reset}${
          paintWhitespace(line, rule, paint)
        }\n`;
      }
    }
    const blank = rule.blankAtEof ? blankAtEnd(before, after) : undefined;
    if (blank !== undefined) out += `${path}:${blank.after}: new blank line at EOF.\n`;
  }
  return out;
}

const DEFAULT_MARKER = 7;

/** Whether a line is a marker of a conflict that nobody resolved. */
function isMarker(line: ByteString, size: number): boolean {
  const c = line[0];
  if (c !== "=" && c !== ">" && c !== "<" && c !== "|") return false;
  const next = line[size] ?? "\n";
  return line.startsWith(c.repeat(size)) && /[\t\n\r ]/.test(next);
}
