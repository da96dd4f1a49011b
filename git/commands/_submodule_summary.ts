/**
 * What changed in submodules, commit by commit, for `status.submoduleSummary`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { mergeBases } from "../merge_base.ts";
import { isGitlinkMode } from "../objects.ts";
import { readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { Repository } from "../repository.ts";
import { walkCommits } from "../rev_list.ts";
import type { DiffPair } from "../tree_diff.ts";
import type { Cli } from "./_context.ts";

/** The paragraphs of changed submodules; at most `limit` commits each (negative: all). */
export function submoduleSummary(
  cli: Cli,
  pairs: readonly DiffPair[],
  limit: number,
): ByteString {
  let out = "";
  for (const pair of pairs) {
    const isOld = isGitlinkMode(pair.old.mode), isNew = isGitlinkMode(pair.new.mode);
    if (!isOld && !isNew) continue;
    const path = pair.new.path;
    let sub: Repository | undefined;
    try {
      sub = Repository.open(cli.repo.worktreePath(path), { environment: cli.env });
    } catch { /* Not checked out: nothing is known of its commits. */ }
    const to = isNew ? pair.new.idKnown ? pair.new.id : sub?.head() : undefined;
    const from = isOld ? pair.old.id : undefined;
    if (from !== undefined && from === to) {
      sub?.close();
      continue;
    }
    const zero = cli.repo.algorithm.zero;
    const short = (id: ObjectId | undefined): string => (id ?? zero).slice(0, 7);
    const has = (id: ObjectId | undefined): boolean =>
      id === undefined || (sub?.objects.has(id) ?? false);
    let header = `* ${path} ${short(from)}...${short(to)}`;
    if (pair.old.mode !== 0 && !isOld) {
      header = `* ${path} ${short(pair.old.id)}(blob)->${short(to)}(submodule)`;
    }
    if (pair.new.mode !== 0 && !isNew) {
      header = `* ${path} ${short(from)}(submodule)->${short(pair.new.id)}(blob)`;
    }
    let total = -1;
    const lines: string[] = [];
    const missing = [from, to].filter((id) => !has(id));
    if (missing.length === 0 && sub !== undefined) {
      const store = sub.objects;
      const walk = (include: ObjectId[], exclude: ObjectId[]): ObjectId[] =>
        [...walkCommits(store, { include, exclude, firstParent: true })].map(({ id }) => id);
      const subject = (id: ObjectId): ByteString => subjectOf(readCommit(store, id).message);
      if (from !== undefined && to !== undefined) {
        const bases = mergeBases(store, from, [to]);
        const right = walk([to], bases), left = walk([from], bases);
        total = right.length + left.length;
        const all = [
          ...right.map((id) => [">", id] as const),
          ...left.map((id) => ["<", id] as const),
        ];
        for (const [mark, id] of limit < 0 ? all : all.slice(0, limit)) {
          lines.push(`  ${mark} ${subject(id)}\n`);
        }
      } else {
        const only = (to ?? from)!;
        total = walk([only], []).length;
        lines.push(`  ${to === undefined ? "<" : ">"} ${subject(only)}\n`);
      }
    }
    sub?.close();
    out += `${header}${total < 0 ? ":" : ` (${total}):`}\n`;
    if (missing.length > 0 && sub !== undefined) {
      out += `  Warn: ${path} doesn't contain commit${missing.length > 1 ? "s" : ""} ${
        missing.join(" and ")
      }\n`;
    } else out += lines.join("");
    out += "\n";
  }
  return out;
}
