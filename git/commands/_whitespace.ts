/**
 * `--check`: whitespace that should not be there, by `core.whitespace` and attributes.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { LineDiff, Lines } from "../line_diff.ts";
import { type DiffPair, fileContent } from "../tree_diff.ts";
import { parseWhitespaceRule, whitespaceErrors, type WhitespaceRule } from "../whitespace.ts";
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

/** What is wrong with the lines that pairs add; "" when nothing is. */
export function checkWhitespace(cli: Cli, pairs: readonly DiffPair[]): ByteString {
  let out = "";
  for (const pair of pairs) {
    if (pair.status === "U" || pair.new.mode === 0) continue;
    const store = cli.repo.objects;
    const before = fileContent(store, pair.old), after = fileContent(store, pair.new);
    if (after.subarray(0, 8000).includes(0)) continue;
    const rule = whitespaceRule(cli, pair.new.path);
    const b = new Lines(after);
    const changes = new LineDiff(new Lines(before), b, {}).changes();
    for (const change of changes) {
      for (let i = change.newStart; i < change.newStart + change.newCount; i++) {
        const text = b.text(i);
        const line = text.replace(/\n$/, "");
        const found = whitespaceErrors(line, rule);
        if (/^(<{7}|={7}|>{7}|\|{7})( |$)/.test(line)) {
          out += `${pair.new.path}:${i + 1}: leftover conflict marker\n`;
        }
        if (found !== "") out += `${pair.new.path}:${i + 1}: ${found}.\n+${line}\n`;
      }
    }
    if (rule.blankAtEof) {
      let last = b.count;
      while (last > 0 && /^[\t ]*\n?$/.test(b.text(last - 1))) last--;
      const added = changes.find((change) =>
        change.newStart <= last && change.newStart + change.newCount > last &&
        change.newStart + change.newCount === b.count
      );
      if (last < b.count && added !== undefined) {
        out += `${pair.new.path}:${last + 1}: new blank line at EOF.\n`;
      }
    }
  }
  return out;
}
