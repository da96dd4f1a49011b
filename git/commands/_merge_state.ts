/**
 * Files that say what a merge, cherry-pick or revert that has not ended was about.
 *
 * @module
 */
import { nativePath, readTextIfAny, removeFile, stat } from "../_files.ts";
import type { Cli } from "./_context.ts";

/** Forgets about a merge. */
export function removeMergeState(cli: Cli): void {
  for (const name of ["MERGE_HEAD", "MERGE_RR", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE"]) {
    removeFile(`${cli.repo.paths.gitDir}/${name}`);
  }
}

/** Forgets what a sequence of picks or reverts has still to do. */
export function removeSequence(cli: Cli): void {
  try {
    Deno.removeSync(nativePath(`${cli.repo.paths.gitDir}/sequencer`), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Forgets about the commit that was picked or reverted, and the sequence if it was the last. */
export function finishPick(cli: Cli): void {
  const { gitDir } = cli.repo.paths;
  let picking = false;
  for (const name of ["CHERRY_PICK_HEAD", "REVERT_HEAD"]) {
    picking ||= stat(`${gitDir}/${name}`) !== undefined;
    removeFile(`${gitDir}/${name}`);
  }
  if (!picking) return;
  const todo = readTextIfAny(`${gitDir}/sequencer/todo`);
  if (todo !== undefined && todo.split("\n").length <= 2) removeSequence(cli);
}

/** Forgets about whatever was going on at the branch that is left. */
export function removeBranchState(cli: Cli): void {
  finishPick(cli);
  removeFile(`${cli.repo.paths.gitDir}/SQUASH_MSG`);
  removeMergeState(cli);
}
