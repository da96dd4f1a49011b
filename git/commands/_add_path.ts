/**
 * One file on its way from the worktree to an index.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { GitError } from "../errors.ts";
import type { GitIndex } from "../index_file.ts";
import { stageFile } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";

/** Adds a file of the worktree to an index. */
export function addPath(cli: Cli, index: GitIndex, path: ByteString): void {
  try {
    stageFile(cli.repo, index, path);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (error.code === "not_found") die(error.message);
    if (error.code === "invalid") {
      throw new Exit(128, `error: ${error.message}\nfatal: adding files failed\n`);
    }
    throw error;
  }
}
