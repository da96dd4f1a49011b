/**
 * The worktrees of a repository: the main one and those below `worktrees/`.
 *
 * @module
 */
import { type ByteString, encodeText } from "./_bytes.ts";
import {
  directoryName,
  listDirectory,
  nativePath,
  normalisePath,
  readTextIfAny,
} from "./_files.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { FileRefStore } from "./ref_store.ts";
import type { Repository } from "./repository.ts";

/** One worktree. */
export interface WorktreeInfo {
  /** The name of its directory below `worktrees/`; `undefined` for the main one. */
  readonly id: ByteString | undefined;
  /** Its top directory (for a bare main repository, the repository itself). */
  readonly path: ByteString;
  /** Its Git directory. */
  readonly gitDir: ByteString;
  /** Whether there is nothing checked out. */
  readonly bare: boolean;
  /** The commit of its `HEAD`. */
  readonly head: ObjectId | undefined;
  /** The branch of its `HEAD`, full; `undefined` when detached. */
  readonly branch: ByteString | undefined;
  /** Why it is locked; `undefined` when it is not. */
  readonly locked: ByteString | undefined;
}

/** All worktrees, the main one first. */
export function listWorktrees(repository: Repository): WorktreeInfo[] {
  const { commonDir } = repository.paths;
  const out: WorktreeInfo[] = [];
  const read = (
    id: ByteString | undefined,
    gitDir: ByteString,
    path: ByteString,
    bare: boolean,
  ): void => {
    const refs = new FileRefStore(gitDir, commonDir, repository.algorithm);
    let branch: ByteString | undefined;
    try {
      const head = refs.read("HEAD");
      if (head?.kind === "symbolic") branch = head.target;
    } catch { /* A broken HEAD names no branch. */ }
    const locked = id === undefined ? undefined : readTextIfAny(`${gitDir}/locked`);
    out.push({
      id,
      path,
      gitDir,
      bare,
      head: refs.id("HEAD"),
      branch,
      locked: locked?.trimEnd(),
    });
  };
  const bare = repository.config.bool("core.bare", false) ?? false;
  let top = real(commonDir);
  if (top.endsWith("/.git")) top = top.slice(0, -5) || "/";
  else if (
    !bare && repository.paths.gitDir === commonDir && repository.paths.workTree !== undefined
  ) {
    top = repository.paths.workTree;
  }
  read(undefined, commonDir, top, bare);
  for (
    const { name } of listDirectory(`${commonDir}/worktrees`).sort((a, b) =>
      a.name < b.name ? -1 : 1
    )
  ) {
    const gitDir = `${commonDir}/worktrees/${name}`;
    const text = readTextIfAny(`${gitDir}/gitdir`)?.trimEnd();
    if (text === undefined || text === "") continue;
    const dotGit = text.startsWith("/") ? text : normalisePath(`${gitDir}/${text}`);
    read(name, gitDir, dotGit.endsWith("/.git") ? directoryName(dotGit) : dotGit, false);
  }
  return out;
}

function real(path: ByteString): ByteString {
  try {
    return encodeText(Deno.realPathSync(nativePath(path)));
  } catch {
    return path;
  }
}

/** The worktree in which a branch is checked out, or being rebased or bisected. */
export function checkedOutAt(
  worktrees: readonly WorktreeInfo[],
  branch: ByteString,
): WorktreeInfo | undefined {
  return worktrees.find((worktree) => {
    if (worktree.bare) return false;
    if (worktree.branch === branch) return true;
    for (const file of ["rebase-merge/head-name", "rebase-apply/head-name"]) {
      if (readTextIfAny(`${worktree.gitDir}/${file}`)?.trim() === branch) return true;
    }
    const bisect = readTextIfAny(`${worktree.gitDir}/BISECT_START`)?.trim();
    return bisect !== undefined && `refs/heads/${bisect}` === branch;
  });
}
