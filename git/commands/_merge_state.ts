/**
 * Files that say what a merge, cherry-pick or revert that has not ended was about.
 *
 * @module
 */
import { removeFile } from "../_files.ts";
import type { Cli } from "./_context.ts";

/** Forgets about a merge. */
export function removeMergeState(cli: Cli): void {
  for (const name of ["MERGE_HEAD", "MERGE_RR", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE"]) {
    removeFile(`${cli.repo.paths.gitDir}/${name}`);
  }
}

/** Forgets about whatever was going on at the branch that is left. */
export function removeBranchState(cli: Cli): void {
  for (const name of ["CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG"]) {
    removeFile(`${cli.repo.paths.gitDir}/${name}`);
  }
  removeMergeState(cli);
}
