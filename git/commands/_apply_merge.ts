/**
 * What becomes of a merge's result: worktree, index and messages.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type GitIndex, makeEntry } from "../index_file.ts";
import type { MergeTreesResult } from "../merge_trees.ts";
import { switchTree } from "../worktree.ts";
import type { Cli } from "./_context.ts";

/** The messages of a merge, by path. */
export function shownMessages(result: MergeTreesResult): ByteString {
  return [...result.messages].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map((
    [, text],
  ) => `${text}\n`).join("");
}

/** How conflicts are marked, from the configuration. */
export function conflictStyle(cli: Cli): "merge" | "diff3" | "zdiff3" {
  const style = cli.config.get("merge.conflictstyle");
  return style === "diff3" || style === "zdiff3" ? style : "merge";
}

/** Puts the result of a merge into worktree and index. */
export function applyMerge(
  cli: Cli,
  index: GitIndex,
  oursTree: ObjectId | undefined,
  result: MergeTreesResult,
): void {
  switchTree(cli.repo, index, oursTree, result.tree, {});
  for (const { path, stages } of result.conflicts) {
    const stat0 = index.get(path);
    if (stat0 !== undefined) index.filter((entry) => !(entry.path === path && entry.stage === 0));
    stages.forEach((side, i) =>
      side !== undefined &&
      index.add(makeEntry(path, side.mode, side.id, i + 1), { keepDirectoryConflicts: true })
    );
  }
}
