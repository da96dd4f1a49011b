/**
 * What people do with a repository that has a worktree: look at it, stage, commit, switch, merge and
 * exchange history. Each is one function over a {@linkcode Repository}; what works on objects alone
 * (history, differences, merges of trees) takes an `ObjectStore` and is elsewhere.
 *
 * Paths and names are text here; in what is returned they are byte strings, as in the rest of the
 * module ({@linkcode decodeText} turns them into text).
 *
 * @module
 */
import { type ByteString, encodeText, fromByteString } from "./_bytes.ts";
import { nativePath, readTextIfAny, removeFile } from "./_files.ts";
import { openTransport, type TransportOptions } from "./clone.ts";
import { GitError } from "./errors.ts";
import { FetchSession } from "./fetch_pack.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { identity } from "./ident.ts";
import { type GitIndex, makeEntry } from "./index_file.ts";
import { commitLinks, isAncestor, mergeBases } from "./merge_base.ts";
import { mergeCommits, type MergeConflict } from "./merge_trees.ts";
import { formatCommit, isHex } from "./objects.ts";
import { peelTo } from "./object_store.ts";
import { Pathspec } from "./pathspec.ts";
import { isRefName } from "./ref_name.ts";
import { mapRef, parseRefspec, type Refspec } from "./refspec.ts";
import type { Repository } from "./repository.ts";
import { resolveRevision } from "./revision.ts";
import { type PushReport, PushSession, type PushUpdate } from "./send_pack.ts";
import { diffIndexWorktree, diffTreeIndex, listUntracked, writeIndexTree } from "./status.ts";
import type { DiffPair } from "./tree_diff.ts";
import { stageFile, switchTree } from "./worktree.ts";

/** How a file differs. */
export type FileChange = "added" | "modified" | "deleted" | "type changed";

/** A path that is not as it was committed. */
export interface StatusEntry {
  /** The path. */
  readonly path: ByteString;
  /** The index against `HEAD`. */
  readonly staged: FileChange | undefined;
  /** The worktree against the index. */
  readonly unstaged: FileChange | "untracked" | "ignored" | undefined;
  /** Whether a merge left it to be resolved. */
  readonly conflicted: boolean;
}

/** Options of {@linkcode status}. */
export interface StatusOptions {
  /** List ignored files too. Default false. */
  ignored?: boolean;
  /** Stops the work. */
  signal?: AbortSignal;
}

const CHANGES: Readonly<Record<string, FileChange>> = {
  A: "added",
  M: "modified",
  D: "deleted",
  T: "type changed",
};

function worktreeOf(repository: Repository): ByteString {
  const { workTree } = repository.paths;
  if (workTree === undefined) {
    throw new GitError("usage", "this operation must be run in a work tree");
  }
  return workTree;
}

function headTree(repository: Repository): ObjectId | undefined {
  const head = repository.head();
  return head === undefined ? undefined : commitLinks(repository.objects, head).tree;
}

/**
 * The paths that differ between `HEAD`, the index and the worktree, sorted. Costs a `stat` for each
 * file, and reads those that may have changed.
 *
 * Throws `GitError` ("usage") for a bare repository, and the reason of an aborted signal.
 */
export function status(repository: Repository, options: StatusOptions = {}): StatusEntry[] {
  worktreeOf(repository);
  const index = repository.readIndex();
  const found = new Map<ByteString, { -readonly [K in keyof StatusEntry]: StatusEntry[K] }>();
  const at = (path: ByteString): { -readonly [K in keyof StatusEntry]: StatusEntry[K] } => {
    let entry = found.get(path);
    if (entry === undefined) {
      entry = { path, staged: undefined, unstaged: undefined, conflicted: false };
      found.set(path, entry);
    }
    return entry;
  };
  const pathOf = (pair: DiffPair): ByteString => pair.new.path;
  for (const pair of diffTreeIndex(repository, headTree(repository), index, { cached: true })) {
    if (pair.status === "U") at(pathOf(pair)).conflicted = true;
    else at(pathOf(pair)).staged = CHANGES[pair.status];
  }
  options.signal?.throwIfAborted();
  for (const pair of diffIndexWorktree(repository, index)) {
    if (pair.status === "U") at(pathOf(pair)).conflicted = true;
    else at(pathOf(pair)).unstaged = CHANGES[pair.status];
  }
  options.signal?.throwIfAborted();
  const { untracked, ignored } = listUntracked(repository, index, {
    collapse: false,
    ...(options.ignored ? { ignored: true } : {}),
  });
  for (const path of untracked) at(path).unstaged = "untracked";
  if (options.ignored) { for (const path of ignored) at(path).unstaged = "ignored"; }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Does something to the index under its lock, and writes it. */
function withIndex<T>(repository: Repository, change: (index: GitIndex) => T): T {
  using lock = repository.lockIndex();
  const index = repository.readIndex();
  const result = change(index);
  repository.writeIndex(index, lock);
  return result;
}

/**
 * Puts files of the worktree into the index: all that is below the given paths (`.` for everything),
 * new, changed and deleted ones, but no ignored ones. Returns the paths that changed.
 *
 * Throws `GitError`: "not_found" when a path matches nothing, "unsafe" for what must not be tracked,
 * "locked" when another process writes the index; and the reason of an aborted signal, after which
 * the index is as it was.
 */
export function stage(
  repository: Repository,
  paths: readonly string[],
  options: { signal?: AbortSignal } = {},
): ByteString[] {
  const top = worktreeOf(repository);
  return withIndex(repository, (index) => {
    const spec = new Pathspec(paths.map(encodeText), "", top, { literal: true });
    const changed: ByteString[] = [];
    for (const entry of index.entries) spec.matches(entry.path);
    for (const pair of diffIndexWorktree(repository, index, spec)) {
      options.signal?.throwIfAborted();
      const { path, mode } = pair.new;
      if (pair.status === "D" || (pair.status === "U" && mode === 0)) index.remove(path);
      else stageFile(repository, index, path);
      changed.push(path);
    }
    const { untracked } = listUntracked(repository, index, { collapse: false, pathspec: spec });
    for (const path of untracked) {
      options.signal?.throwIfAborted();
      stageFile(repository, index, path.replace(/\/$/, ""));
      changed.push(path);
    }
    const missing = spec.unmatched()[0];
    if (missing !== undefined && !paths.includes(".")) {
      throw new GitError("not_found", `pathspec '${missing}' did not match any files`);
    }
    return changed.sort();
  });
}

/** Options of {@linkcode commit}. */
export interface CommitOptions {
  /** The message; it gets a line feed at its end if it has none. */
  message: string;
  /** `Name <mail> seconds zone`. Default: from the settings and the environment, now. */
  author?: string;
  /** The committer, like `author`. */
  committer?: string;
  /** Commit even when nothing changed. Default false. */
  allowEmpty?: boolean;
}

/**
 * Commits the index on the current branch, and ends a merge that was under way. No hooks run.
 *
 * Throws `GitError`: "invalid" when nothing changed or nobody is named, "conflict" when paths are
 * left to be resolved or another process moved the branch.
 *
 * @example
 * ```ts
 * import { checkout, commit, merge, Repository, stage, status } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * using repository = Repository.init(root, { initialBranch: "main" });
 * const author = "Ada <ada@example.com> 1700000000 +0000";
 * const save = (name: string) => {
 *   Deno.writeTextFileSync(`${root}/${name}`, "text\n");
 *   stage(repository, ["."]);
 *   return commit(repository, { message: `Add ${name}`, author });
 * };
 * save("a.txt");
 * checkout(repository, "side", { create: true });
 * save("b.txt");
 * checkout(repository, "main");
 * save("c.txt");
 * assertEquals(merge(repository, "side", { author }).kind, "merged");
 * assertEquals(status(repository), []);
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export function commit(repository: Repository, options: CommitOptions): ObjectId {
  const { objects, config, environment } = repository;
  const { gitDir } = repository.paths;
  const index = repository.readIndex();
  const conflicted = index.entries.find((entry) => entry.stage !== 0);
  if (conflicted !== undefined) {
    throw new GitError("conflict", `'${conflicted.path}' is not resolved yet`);
  }
  const tree = writeIndexTree(repository, index);
  const head = repository.head();
  const merging = (readTextIfAny(`${gitDir}/MERGE_HEAD`) ?? "").split("\n").filter((id) =>
    isHex(id, repository.algorithm.hexSize)
  );
  if (!options.allowEmpty && merging.length === 0 && tree === headTree(repository)) {
    throw new GitError("invalid", "nothing to commit");
  }
  const author = options.author === undefined
    ? identity("author", config, environment)
    : encodeText(options.author);
  const committer = options.committer !== undefined
    ? encodeText(options.committer)
    : options.author === undefined
    ? identity("committer", config, environment)
    : author;
  const message = encodeText(options.message.replace(/\n?$/, "\n"));
  const id = objects.write(
    "commit",
    formatCommit({
      tree,
      parents: [...(head === undefined ? [] : [head]), ...merging],
      author,
      committer,
      extra: [],
      message,
    }),
  );
  repository.refs.update({
    name: "HEAD",
    newId: id,
    oldId: head ?? repository.algorithm.zero,
    message: `commit${head === undefined ? " (initial)" : merging.length > 0 ? " (merge)" : ""}: ${
      message.slice(0, message.indexOf("\n"))
    }`,
  });
  for (const file of ["MERGE_HEAD", "MERGE_MSG", "MERGE_MODE"]) removeFile(`${gitDir}/${file}`);
  return id;
}

/** Options of {@linkcode checkout}. */
export interface CheckoutOptions {
  /** Make the branch, at `HEAD`. Default false. */
  create?: boolean;
  /** Give up changes that are in the way. Default false. */
  force?: boolean;
  /** Called with how many files are written. */
  progress?: (done: number, total: number) => void;
  /** Stops the work: the files that were written stay, the index and `HEAD` are as they were. */
  signal?: AbortSignal;
}

/**
 * Switches to a branch, or to any commit without one. Files that do not differ keep their changes.
 *
 * Throws `GitError`: "not_found" for an unknown name, "invalid" for a bad one, "exists" when the
 * branch to make is there; `SwitchError` ("conflict") when changes would be lost, before anything is
 * touched; and the reason of an aborted signal.
 */
export function checkout(
  repository: Repository,
  revision: string,
  options: CheckoutOptions = {},
): void {
  worktreeOf(repository);
  const { refs, objects } = repository;
  const name = encodeText(revision);
  const branch = `refs/heads/${name}`;
  const before = repository.head();
  if (options.create) {
    if (!isRefName(branch)) throw new GitError("invalid", `'${name}' is not a valid branch name`);
    if (refs.id(branch) !== undefined) throw new GitError("exists", `branch '${name}' exists`);
  }
  const isBranch = options.create || (isRefName(branch) && refs.id(branch) !== undefined);
  const found = options.create ? before : resolveRevision(repository, isBranch ? branch : name);
  const target = found === undefined ? undefined : peelTo(objects, found, "commit");
  if (target === undefined && !(options.create && before === undefined)) {
    throw new GitError("not_found", `'${name}' does not name a commit`);
  }
  if (target !== undefined) {
    withIndex(repository, (index) => {
      switchTree(repository, index, headTree(repository), commitLinks(objects, target).tree, {
        ...(options.force ? { force: true } : {}),
        ...(options.progress === undefined ? {} : { progress: options.progress }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      writeIndexTree(repository, index, { dry: true });
    });
  }
  const from = repository.headBranch()?.replace(/^refs\/heads\//, "") ?? before;
  const message = `checkout: moving from ${from} to ${name}`;
  if (options.create && target !== undefined) {
    refs.update({ name: branch, newId: target, oldId: repository.algorithm.zero, message });
  }
  if (isBranch) refs.setSymbolic("HEAD", branch, message);
  else refs.update({ name: "HEAD", newId: target, noDeref: true, message });
}

/** What {@linkcode merge} did. */
export interface MergeResult {
  /**
   * `up to date`: nothing to do; `fast-forward`: the branch moved; `merged`: a commit was made;
   * `conflicts`: the worktree and index hold what is to be resolved and committed.
   */
  readonly kind: "up to date" | "fast-forward" | "merged" | "conflicts";
  /** Where `HEAD` is now. */
  readonly head: ObjectId;
  /** What is to be resolved. */
  readonly conflicts: readonly MergeConflict[];
}

/** Options of {@linkcode merge}. */
export interface MergeOptions extends Omit<CommitOptions, "message" | "allowEmpty"> {
  /** The message. Default `Merge '<revision>'`. */
  message?: string;
  /** Make a commit even where the branch could just move. Default false. */
  noFastForward?: boolean;
}

/**
 * Merges a revision into the current branch.
 *
 * Throws `GitError`: "not_found" for an unknown name, "conflict" when `HEAD` has no commit, when the
 * histories have nothing in common, or (`SwitchError`) when changes in the worktree would be lost.
 */
export function merge(
  repository: Repository,
  revision: string,
  options: MergeOptions = {},
): MergeResult {
  worktreeOf(repository);
  const { objects, refs } = repository;
  const { gitDir } = repository.paths;
  const name = encodeText(revision);
  const found = resolveRevision(repository, name);
  const theirs = found === undefined ? undefined : peelTo(objects, found, "commit");
  if (theirs === undefined) throw new GitError("not_found", `'${name}' does not name a commit`);
  const head = repository.head();
  if (head === undefined) throw new GitError("conflict", "HEAD has no commit to merge into");
  if (isAncestor(objects, theirs, head)) return { kind: "up to date", head, conflicts: [] };
  const ours = commitLinks(objects, head).tree;
  if (!options.noFastForward && isAncestor(objects, head, theirs)) {
    withIndex(
      repository,
      (index) => switchTree(repository, index, ours, commitLinks(objects, theirs).tree),
    );
    refs.update({
      name: "HEAD",
      newId: theirs,
      oldId: head,
      message: `merge ${name}: Fast-forward`,
    });
    return { kind: "fast-forward", head: theirs, conflicts: [] };
  }
  if (mergeBases(objects, head, [theirs]).length === 0) {
    throw new GitError("conflict", "refusing to merge unrelated histories");
  }
  const result = mergeCommits(objects, head, theirs, { ours: "HEAD", theirs: name });
  withIndex(repository, (index) => {
    switchTree(repository, index, ours, result.tree);
    const conflicted = new Set(result.conflicts.map(({ path }) => path));
    if (conflicted.size === 0) return;
    index.filter((entry) => entry.stage !== 0 || !conflicted.has(entry.path));
    for (const { path, stages } of result.conflicts) {
      for (const [i, side] of stages.entries()) {
        if (side === undefined) continue;
        index.add(makeEntry(path, side.mode, side.id, i + 1), { keepDirectoryConflicts: true });
      }
    }
  });
  const message = options.message ?? `Merge '${revision}'`;
  Deno.writeFileSync(nativePath(`${gitDir}/MERGE_HEAD`), fromByteString(`${theirs}\n`));
  Deno.writeFileSync(nativePath(`${gitDir}/MERGE_MSG`), fromByteString(encodeText(`${message}\n`)));
  if (!result.clean) return { kind: "conflicts", head, conflicts: result.conflicts };
  const id = commit(repository, {
    message,
    ...(options.author === undefined ? {} : { author: options.author }),
    ...(options.committer === undefined ? {} : { committer: options.committer }),
  });
  return { kind: "merged", head: id, conflicts: [] };
}

/** Options of {@linkcode fetchRemote} and {@linkcode pushBranches}. */
export interface ExchangeOptions extends TransportOptions {
  /** Called with how many objects are indexed or written. */
  progress?: (done: number, total: number) => void;
  /** Stops the work. */
  signal?: AbortSignal;
}

function remoteOf(repository: Repository, remote: ByteString): { url: string; specs: Refspec[] } {
  const url = repository.config.get(`remote.${remote}.url`);
  if (url === undefined) throw new GitError("not_found", `no remote named '${remote}'`);
  const specs = repository.config.all(`remote.${remote}.fetch`).map((text) =>
    parseRefspec(text, "fetch")
  );
  return { url, specs };
}

/**
 * Fetches what the settings of a remote name and moves the remote-tracking refs. Returns the refs that
 * changed with their new ids.
 *
 * Throws `GitError`: "not_found" for an unknown remote, what {@linkcode openTransport} throws, and
 * "protocol", "refused" and "io" for what goes wrong on the way; and the reason of an aborted signal.
 */
export async function fetchRemote(
  repository: Repository,
  remote = "origin",
  options: ExchangeOptions = {},
): Promise<{ name: ByteString; id: ObjectId }[]> {
  const { url, specs } = remoteOf(repository, encodeText(remote));
  const session = await FetchSession.open(openTransport(url, options));
  try {
    const there = await session.listRefs(["refs/"]);
    const moved: { name: ByteString; id: ObjectId; forced: boolean }[] = [];
    for (const { name, id } of there) {
      if (id === undefined || !isRefName(name)) continue;
      for (const spec of specs) {
        const local = mapRef(spec, name);
        if (local === undefined || repository.refs.id(local) === id) continue;
        moved.push({ name: local, id, forced: spec.force });
      }
    }
    const wants = [...new Set(moved.map(({ id }) => id))].filter((id) =>
      !repository.objects.has(id)
    );
    if (wants.length > 0) {
      await session.fetch(repository, {
        wants,
        remoteRefs: there,
        ...(options.progress === undefined ? {} : { progress: options.progress }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    }
    const out: { name: ByteString; id: ObjectId }[] = [];
    for (const { name, id, forced } of moved) {
      const old = repository.refs.id(name);
      if (!forced && old !== undefined && !isAncestor(repository.objects, old, id)) continue;
      repository.refs.update({
        name,
        newId: id,
        oldId: old ?? repository.algorithm.zero,
        message: "fetch",
      });
      out.push({ name, id });
    }
    return out;
  } finally {
    await session.close();
  }
}

/**
 * Pushes local branches (their short names) to branches of the same name. Returns what the other side
 * answered; a branch whose history does not contain what is there is refused unless `force`.
 *
 * Throws as {@linkcode fetchRemote} does, and `GitError` ("not_found") for an unknown branch, ("refused")
 * for one that would lose history.
 */
export async function pushBranches(
  repository: Repository,
  branches: readonly string[],
  remote = "origin",
  options: ExchangeOptions & { force?: boolean } = {},
): Promise<PushReport> {
  const { url } = remoteOf(repository, encodeText(remote));
  const session = await PushSession.open(openTransport(url, options));
  try {
    const there = new Map(session.refs.map(({ name, id }) => [name, id]));
    const updates: PushUpdate[] = branches.map((branch) => {
      const name = `refs/heads/${encodeText(branch)}`;
      const newId = repository.refs.id(name);
      if (newId === undefined) throw new GitError("not_found", `no branch named '${branch}'`);
      const oldId = there.get(name) ?? repository.algorithm.zero;
      if (
        !options.force && oldId !== repository.algorithm.zero &&
        !(repository.objects.has(oldId) && isAncestor(repository.objects, oldId, newId))
      ) throw new GitError("refused", `'${branch}' would lose history of the remote`);
      return { name, oldId, newId };
    });
    return await session.push(repository, updates, {
      ...(options.progress === undefined ? {} : { progress: options.progress }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } finally {
    await session.close();
  }
}
