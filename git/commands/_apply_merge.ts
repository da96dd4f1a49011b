/**
 * What becomes of a merge's result: worktree, index and messages.
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { nativePath } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type GitIndex, makeEntry } from "../index_file.ts";
import type { MergeSubmodule, MergeTreesResult } from "../merge_trees.ts";
import { switchTree } from "../worktree.ts";
import type { Cli } from "./_context.ts";

/** What to do about submodules that could not be merged. */
function submoduleAdvice(submodules: readonly MergeSubmodule[]): ByteString {
  if (submodules.length === 0) return "";
  const steps = submodules.flatMap(({ path, commit }) =>
    commit === undefined ? [] : [
      ` - go to submodule (${path}), and either merge commit ${commit}\n   or update to an existing commit which has merged those changes\n`,
    ]
  );
  return `Recursive merging with submodules currently only supports trivial cases.\nPlease manually handle the merging of each conflicted submodule.\nThis can be accomplished with the following steps:\n${
    steps.join("")
  } - come back to superproject and run:\n\n      git add ${
    submodules.map(({ path }) => path).join(" ")
  }\n\n   to record the above merge or update\n - resolve any other conflicts in the superproject\n - commit the resulting index in the superproject\n`;
}

/** The messages of a merge, as they are shown; with all that programs want to know of each. */
export function shownMessages(result: MergeTreesResult, detailed = false): ByteString {
  const messages = result.messages.map(({ kind, paths, text }) =>
    detailed
      ? `${paths.length}\0${paths.map((path) => `${path}\0`).join("")}${kind}\0${text}\n\0`
      : `${text}\n`
  );
  return messages.join("") + submoduleAdvice(result.submodules);
}

/** Shows the messages of a merge. */
export function showMerge(cli: Cli, result: MergeTreesResult, detailed = false): void {
  cli.out(shownMessages(result, detailed));
  if (result.neededRenameLimit !== undefined) {
    cli.err(
      `warning: inexact rename detection was skipped due to too many files.\nwarning: you may want to set your merge.renamelimit variable to at least ${result.neededRenameLimit} and retry the command.\n`,
    );
  }
}

/** Puts the result of a merge into worktree and index. */
export function applyMerge(
  cli: Cli,
  index: GitIndex,
  oursTree: ObjectId | undefined,
  result: MergeTreesResult,
): void {
  switchTree(cli.repo, index, oursTree, result.tree, {});
  Deno.writeFileSync(
    nativePath(`${cli.repo.paths.gitDir}/AUTO_MERGE`),
    fromByteString(`${result.tree}\n`),
  );
  const conflicted = new Set(result.conflicts.map(({ path }) => path));
  if (conflicted.size === 0) return;
  index.filter((entry) => entry.stage !== 0 || !conflicted.has(entry.path));
  for (const { path, stages } of result.conflicts) {
    stages.forEach((side, i) =>
      side !== undefined &&
      index.add(makeEntry(path, side.mode, side.id, i + 1), { keepDirectoryConflicts: true })
    );
  }
}
