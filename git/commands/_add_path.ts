/**
 * One file on its way from the worktree to an index.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat, readFileIfAny } from "../_files.ts";
import { GitError } from "../errors.ts";
import { type GitIndex, makeEntry, statDataOf } from "../index_file.ts";
import { readWorktreeFile, submoduleHead, worktreeMode } from "../status.ts";
import { ensureSafePath } from "../safe_path.ts";
import { linkAbove } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";

/** Adds a file of the worktree to an index. */
export function addPath(cli: Cli, index: GitIndex, path: ByteString): void {
  ensureSafePath(path);
  const { repo } = cli;
  if (linkAbove(repo, path) !== undefined) {
    throw new GitError("unsafe", `'${path}' is beyond a symbolic link`);
  }
  const info = lstat(repo.worktreePath(path));
  if (info === undefined) die(`unable to stat '${path}': No such file or directory`);
  // In a conflict our side says what kind of file it is, then the common base.
  const known = index.get(path) ??
    [2, 1].map((stage) => index.stages(path).find((entry) => entry.stage === stage)).find((entry) =>
      entry !== undefined
    );
  if (info.isDirectory) {
    const head = submoduleHead(repo.worktreePath(path));
    if (head === undefined) {
      throw new Exit(
        128,
        `error: '${path}/' does not have a commit checked out\nfatal: adding files failed\n`,
      );
    }
    index.add({ ...makeEntry(path, 0o160000, head), stat: statDataOf(info) });
    return;
  }
  // Where links cannot be made, a link is a file with the name of its target.
  const plainLink = known?.mode === 0o120000 && info.isFile &&
    !repo.config.bool("core.symlinks", true);
  const mode = plainLink
    ? 0o120000
    : worktreeMode(info, known?.mode, repo.config.bool("core.filemode", true));
  const data = plainLink
    ? readFileIfAny(repo.worktreePath(path))!
    : readWorktreeFile(repo, path, mode);
  const id = repo.objects.write("blob", data);
  index.add({ ...makeEntry(path, mode, id), stat: statDataOf(info) });
}
