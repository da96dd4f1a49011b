/**
 * Commits that hold local changes, as `stash` makes them.
 *
 * @module
 */
import { trimSpaceEnd } from "../_bytes.ts";
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import { mergeTrees } from "../merge_trees.ts";
import { formatCommit, formatTree, MODE_EXECUTABLE, MODE_FILE, MODE_SYMLINK } from "../objects.ts";
import { readCommit } from "../object_store.ts";
import type { Pathspec } from "../pathspec.ts";
import { subjectOf } from "../pretty.ts";
import type { Repository } from "../repository.ts";
import {
  diffIndexWorktree,
  diffTreeIndex,
  flattenTree,
  readWorktreeFile,
  writeIndexTree,
} from "../status.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { type Cli, die } from "./_context.ts";
import { addPath } from "./_add_path.ts";
import { applyMerge, showMerge } from "./_apply_merge.ts";
import { mergeSettings } from "./_merge_settings.ts";

/** A stash: the commit, its parents and what it says. */
export interface MadeStash {
  /** The commit of the worktree. */
  readonly id: ObjectId;
  /** Its message. */
  readonly message: ByteString;
}

/** Makes a tree of some files that are not tracked. */
function treeOfFiles(repository: Repository, paths: readonly ByteString[]): ObjectId {
  interface Directory {
    files: { name: ByteString; mode: number; id: ObjectId }[];
    directories: Map<ByteString, Directory>;
  }
  const root: Directory = { files: [], directories: new Map() };
  for (const path of paths) {
    const info = Deno.lstatSync(repository.worktreePath(path));
    const mode = info.isSymlink
      ? MODE_SYMLINK
      : ((info.mode ?? 0) & 0o111) !== 0
      ? MODE_EXECUTABLE
      : MODE_FILE;
    const data = readWorktreeFile(repository, path, mode);
    const id = repository.objects.write("blob", data);
    const parts = path.split("/");
    let at = root;
    for (const part of parts.slice(0, -1)) {
      let next = at.directories.get(part);
      if (next === undefined) {
        at.directories.set(part, next = { files: [], directories: new Map() });
      }
      at = next;
    }
    at.files.push({ name: parts.at(-1)!, mode, id });
  }
  const write = (directory: Directory): ObjectId =>
    repository.objects.write(
      "tree",
      formatTree(
        [
          ...directory.files,
          ...[...directory.directories].map(([name, inner]) => ({
            name,
            mode: 0o40000,
            id: write(inner),
          })),
        ].sort((a, b) => {
          const x = a.mode === 0o40000 ? `${a.name}/` : a.name;
          const y = b.mode === 0o40000 ? `${b.name}/` : b.name;
          return x < y ? -1 : x > y ? 1 : 0;
        }),
      ),
    );
  return write(root);
}

/** Whether anything tracked differs from `HEAD`. */
export function hasLocalChanges(repository: Repository, spec?: Pathspec): boolean {
  const head = repository.head();
  const index = repository.readIndex();
  if (
    diffTreeIndex(
      repository,
      head === undefined ? undefined : commitLinks(repository.objects, head).tree,
      index,
      { cached: true, pathspec: spec },
    ).length > 0
  ) return true;
  return diffIndexWorktree(repository, index, spec).some((pair) => pair.status !== "");
}

/** Writes the commits of a stash; `undefined` when there is nothing to keep. */
export function makeStash(
  cli: Cli,
  message: ByteString | undefined,
  options: { untracked?: readonly ByteString[]; spec?: Pathspec | undefined; staged?: boolean } =
    {},
): MadeStash | undefined {
  const { repo } = cli;
  const store = repo.objects;
  const head = repo.head() ?? die("You do not have the initial commit yet");
  const untracked = options.untracked ?? [];
  if (untracked.length === 0 && !hasLocalChanges(repo, options.spec)) return undefined;
  const branch = repo.headBranch();
  const name = branch === undefined
    ? "(no branch)"
    : branch.startsWith("refs/heads/")
    ? branch.slice(11)
    : branch;
  const where = `${name}: ${cli.abbrev(head)} ${subjectOf(readCommit(store, head).message)}\n`;
  const author = cli.ident("author"), committer = cli.ident("committer");
  const commit = (tree: ObjectId, parents: ObjectId[], text: ByteString): ObjectId =>
    store.write(
      "commit",
      formatCommit({ tree, parents, author, committer, extra: [], message: text }),
    );
  const index = repo.readIndex();
  if (index.unmerged) {
    const paths = new Set(index.entries.filter((one) => one.stage !== 0).map((one) => one.path));
    for (const path of paths) cli.err(`${path}: needs merge\n`);
    return undefined;
  }
  const indexTree = writeIndexTree(repo, index);
  const indexCommit = commit(indexTree, [head], `index on ${where}`);
  let untrackedCommit: ObjectId | undefined;
  if (untracked.length > 0) {
    untrackedCommit = commit(treeOfFiles(repo, untracked), [], `untracked files on ${where}`);
  }
  let tree = indexTree;
  if (!options.staged) {
    // The worktree's tree: the index with what differs added, without touching the index file.
    for (const pair of diffIndexWorktree(repo, index)) {
      const path = pair.new.path;
      if (options.spec !== undefined && !options.spec.matches(path)) continue;
      if (pair.new.mode === 0) index.filter((entry) => entry.path !== path);
      else addPath(cli, index, path);
    }
    // What is only staged but removed from the worktree is in the index already.
    index.cacheTree = undefined;
    tree = writeIndexTree(repo, index);
  }
  const text = message === undefined ? `WIP on ${trimSpaceEnd(where)}` : `On ${name}: ${message}`;
  const id = commit(
    tree,
    [head, indexCommit, ...(untrackedCommit === undefined ? [] : [untrackedCommit])],
    text,
  );
  return { id, message: trimSpaceEnd(text) };
}

/** What {@linkcode applyStash} did. */
export type StashOutcome = "applied" | "conflicts" | "refused";

/** Merges a stash into worktree and index. */
export function applyStash(
  cli: Cli,
  id: ObjectId,
  options: { index?: boolean; labels?: { ours: ByteString; theirs: ByteString }; quiet?: boolean } =
    {},
): StashOutcome {
  const { repo } = cli;
  const store = repo.objects;
  const { parents, tree } = readCommit(store, id);
  const baseTree = commitLinks(store, parents[0]!).tree;
  const index = repo.readIndex();
  if (index.unmerged) {
    const paths = new Set(index.entries.filter((one) => one.stage !== 0).map((one) => one.path));
    for (const path of paths) cli.out(`${path}: needs merge\n`);
    cli.err("error: could not write index\n");
    return "refused";
  }
  const current = writeIndexTree(repo, index);
  let restored: ObjectId | undefined;
  const indexTree = commitLinks(store, parents[1]!).tree;
  if (options.index && indexTree !== baseTree && indexTree !== current) {
    const staged = mergeTrees(store, baseTree, current, indexTree, mergeSettings(cli));
    if (!staged.clean) {
      cli.err("error: conflicts in index. Try without --index.\n");
      return "refused";
    }
    restored = staged.tree;
  }
  const result = mergeTrees(store, baseTree, current, tree, {
    ...mergeSettings(cli),
    ours: options.labels?.ours ?? "Updated upstream",
    theirs: options.labels?.theirs ?? "Stashed changes",
    base: "Stash base",
  });
  const before = new Map(index.entries.map((entry) => [entry.path, entry]));
  const lock = repo.lockIndex();
  try {
    try {
      applyMerge(cli, index, current, result);
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      const { changed, untracked } = error.conflicts;
      if (changed.length > 0) {
        cli.err(
          `error: Your local changes to the following files would be overwritten by merge:\n${
            changed.map((path) => `\t${path}\n`).join("")
          }Please commit your changes or stash them before you merge.\n`,
        );
      }
      if (untracked.length > 0) {
        cli.err(
          `error: The following untracked working tree files would be overwritten by merge:\n${
            untracked.map((path) => `\t${path}\n`).join("")
          }Please move or remove them before you merge.\n`,
        );
      }
      cli.err("Aborting\n");
      return "refused";
    }
    if (!options.quiet) showMerge(cli, result);
    if (!result.clean) {
      repo.writeIndex(index, lock);
      if (options.index) cli.err("Index was not unstashed.\n");
      return "conflicts";
    }
    if (restored !== undefined) {
      switchTree(repo, index, result.tree, restored, { force: true, updateWorktree: false });
    } else if (!options.index) {
      // Changes stay unstaged; only new files are kept in the index.
      const kept = index.entries.map((entry) => before.get(entry.path) ?? entry);
      const known = new Set(kept.map((entry) => entry.path));
      for (const [path, entry] of before) if (!known.has(path)) kept.push(entry);
      index.replaceAll(kept.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    } else {
      const back = indexTree === baseTree ? current : indexTree;
      switchTree(repo, index, result.tree, back, { force: true, updateWorktree: false });
    }
    repo.writeIndex(index, lock);
    return "applied";
  } finally {
    lock.rollback();
  }
}

/** The files of a tree, by path. */
export function treePaths(repository: Repository, tree: ObjectId): ByteString[] {
  return [...flattenTree(repository, tree).keys()].sort();
}
