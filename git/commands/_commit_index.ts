/**
 * The index that a commit is made of, and the index that is left behind.
 *
 * @module
 */
import { type ByteString, decodeText } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { formatIndex, GitIndex, makeEntry, readIndex } from "../index_file.ts";
import { LockFile } from "../lock_file.ts";
import { diffIndexWorktree, flattenTree, smudgeRacyEntries, writeIndexTree } from "../status.ts";
import { addPath } from "./_add_path.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { headTree } from "./_head_tree.ts";
import { makePathspec } from "./_revs.ts";

/** Which paths of the worktree go into a commit besides what is staged. */
export interface CommitPaths {
  /** Every tracked file that changed. */
  all: boolean;
  /** The paths on top of the index, not on top of HEAD alone. */
  include: boolean;
  paths: ByteString[];
  /** Commit nothing but these paths, even when there are none. */
  only: boolean;
}

/** An index that is made ready and not yet in place. */
export class CommitIndex {
  readonly #cli: Cli;
  readonly #lock: LockFile | undefined;
  #temporary: LockFile | undefined;
  /** What the commit's tree is made of. */
  committed: GitIndex;
  /** The file in which hooks and editors find it. */
  readonly path: ByteString;

  private constructor(
    cli: Cli,
    lock: LockFile | undefined,
    temporary: LockFile | undefined,
    committed: GitIndex,
  ) {
    this.#cli = cli;
    this.#lock = lock;
    this.#temporary = temporary;
    this.committed = committed;
    const file = temporary ?? lock;
    this.path = file === undefined ? cli.repo.indexPath : `${file.path}.lock`;
  }

  /** Takes the lock and writes the index into it. `dry`: nothing is put into place. */
  static prepare(cli: Cli, choice: CommitPaths, dry: boolean): CommitIndex {
    const { repo } = cli;
    const index = repo.readIndex();
    const partial = !choice.all && !choice.include && (choice.paths.length > 0 || choice.only);
    const chosen = choice.paths.length > 0 ? choosePaths(cli, index, choice.paths, partial) : [];
    if (!dry) refuseUnmerged(index, choice, chosen);
    const lock = repo.lockIndex();
    let temporary: LockFile | undefined;
    try {
      if (choice.all) {
        for (const pair of diffIndexWorktree(repo, index)) stage(cli, index, pair.new.path);
      } else for (const path of chosen) stage(cli, index, path);
      let committed = index;
      if (partial) {
        committed = onHead(cli, index, new Set(chosen));
        temporary = LockFile.take(`${repo.paths.gitDir}/next-index-${Deno.pid}`);
        write(cli, committed, temporary);
      } else writeIndexTreeQuietly(cli, index);
      write(cli, index, lock);
      if (!dry && !choice.all && !partial && chosen.length === 0) {
        // Nothing is added to what is staged: hooks find the index where it always is.
        lock.commit(repo.fsync);
        return new CommitIndex(cli, undefined, undefined, committed);
      }
      return new CommitIndex(cli, lock, temporary, committed);
    } catch (error) {
      lock.rollback();
      temporary?.rollback();
      throw error;
    }
  }

  /** Reads it again: a hook may have changed it. */
  reload(): void {
    this.committed = readIndex(this.path, this.#cli.repo.algorithm);
  }

  /** Puts the index into place. */
  commit(): void {
    this.#temporary?.rollback();
    this.#temporary = undefined;
    this.#lock?.commit(this.#cli.repo.fsync);
  }

  /** The variables under which hooks see it. */
  environment(): Record<string, string> {
    return { GIT_INDEX_FILE: decodeText(this.path) };
  }

  /** Leaves everything as it was, unless it is in place. */
  [Symbol.dispose](): void {
    this.#temporary?.rollback();
    this.#lock?.rollback();
  }
}

function write(cli: Cli, index: GitIndex, lock: LockFile): void {
  smudgeRacyEntries(cli.repo, index);
  lock.write(formatIndex(index));
  lock.close(cli.repo.fsync);
}

function writeIndexTreeQuietly(cli: Cli, index: GitIndex): void {
  // The trees are needed in a moment; with them in the index they need not be made twice.
  if (!index.unmerged) writeIndexTree(cli.repo, index);
}

function stage(cli: Cli, index: GitIndex, path: ByteString): void {
  if (lstat(cli.repo.worktreePath(path)) === undefined) index.remove(path);
  else addPath(cli, index, path);
}

function choosePaths(
  cli: Cli,
  index: GitIndex,
  paths: ByteString[],
  withHead: boolean,
): ByteString[] {
  const spec = makePathspec(cli, paths);
  const chosen = new Set<ByteString>();
  for (const entry of index.entries) if (spec.matches(entry.path)) chosen.add(entry.path);
  if (withHead) {
    for (const path of flattenTree(cli.repo, headTree(cli)).keys()) {
      if (spec.matches(path)) chosen.add(path);
    }
  }
  const missing = spec.unmatched();
  if (missing.length > 0) {
    throw new Exit(
      1,
      missing.map((path) => `error: pathspec '${path}' did not match any file(s) known to git\n`)
        .join(""),
    );
  }
  return [...chosen];
}

/** HEAD with the chosen paths as they are in the index. */
function onHead(cli: Cli, index: GitIndex, chosen: Set<ByteString>): GitIndex {
  const { repo } = cli;
  const entries = [...flattenTree(repo, headTree(cli))].filter(([path]) => !chosen.has(path))
    .map(([path, { mode, id }]) => {
      const known = index.get(path);
      return known !== undefined && known.id === id && known.mode === mode
        ? { ...known }
        : makeEntry(path, mode, id as ObjectId);
    });
  for (const path of chosen) {
    const entry = index.get(path);
    if (entry !== undefined) entries.push({ ...entry });
  }
  const out = new GitIndex(repo.algorithm);
  out.replaceAll(entries);
  return out;
}

function refuseUnmerged(index: GitIndex, choice: CommitPaths, chosen: ByteString[]): void {
  if (!index.unmerged || choice.all) return;
  const known = new Set(chosen);
  const open = [
    ...new Set(
      index.entries.filter((entry) => entry.stage > 0 && !known.has(entry.path)).map((entry) =>
        entry.path
      ),
    ),
  ];
  if (open.length === 0) return;
  throw new Exit(
    128,
    `${
      open.map((path) => `U\t${path}\n`).join("")
    }error: Committing is not possible because you have unmerged files.\nhint: Fix them up in the work tree, and then use 'git add/rm <file>'\nhint: as appropriate to mark resolution and make a commit.\nfatal: Exiting because of an unresolved conflict.\n`,
  );
}

/** What is under way, as `commit` has to know it. */
export type CommitOrigin = "commit" | "merge" | "cherry-pick" | "rebase";

/** Fails where only a part cannot be committed. */
export function refusePartial(origin: CommitOrigin): void {
  if (origin !== "commit") die(`cannot do a partial commit during a ${origin}.`);
}
