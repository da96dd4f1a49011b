/**
 * Writing a worktree: checking out files, and moving from one tree to another without losing
 * what the user changed.
 *
 * @module
 */
import { type ByteString, decodeText, toByteString } from "./_bytes.ts";
import {
  directoryName,
  listDirectory,
  lstat,
  makeDirectories,
  nativePath,
  readFileIfAny,
  removeEmptyDirectory,
  removeFile,
  writeAll,
} from "./_files.ts";
import { GitError } from "./errors.ts";
import { type GitIndex, type IndexEntry, makeEntry, statDataOf } from "./index_file.ts";
import { isGitlinkMode, isLinkMode, MODE_GITLINK, MODE_SYMLINK } from "./objects.ts";
import { readBlob } from "./object_store.ts";
import type { Repository } from "./repository.ts";
import { ensureSafePath, isSafePath } from "./safe_path.ts";
import {
  flattenTree,
  ignoreRulesOf,
  readWorktreeFile,
  submoduleHead,
  WorktreeComparer,
  worktreeMode,
} from "./status.ts";
import { smudgeContent } from "./worktree_content.ts";

/** Makes the directories above a path; a file or link in the way is removed when `force`. */
function prepareParents(repository: Repository, path: ByteString, force: boolean): void {
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const full = repository.worktreePath(path.slice(0, slash));
    const info = lstat(full);
    if (info === undefined) {
      makeDirectories(full);
      continue;
    }
    if (info.isDirectory) continue;
    // Never write through a symbolic link: it may lead out of the worktree.
    if (!force) {
      throw new GitError("unsafe", `'${path.slice(0, slash)}' is in the way of '${path}'`);
    }
    removeFile(full);
    makeDirectories(full);
  }
}

/** The symbolic link that a path would lead through, or `undefined`: what is behind it is not ours. */
export function linkAbove(repository: Repository, path: ByteString): ByteString | undefined {
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const above = path.slice(0, slash);
    if (lstat(repository.worktreePath(above))?.isSymlink) return above;
  }
  return undefined;
}

/**
 * Puts a file of the worktree into an index: its content is stored as a blob. Throws `GitError`:
 * "not_found" when it is not there, "unsafe" for a path that must not be tracked or that leads through
 * a symbolic link, "invalid" for a directory that is no repository with a commit.
 */
export function stageFile(repository: Repository, index: GitIndex, path: ByteString): void {
  ensureSafePath(path);
  if (linkAbove(repository, path) !== undefined) {
    throw new GitError("unsafe", `'${path}' is beyond a symbolic link`);
  }
  const full = repository.worktreePath(path);
  const info = lstat(full);
  if (info === undefined) {
    throw new GitError("not_found", `unable to stat '${path}': No such file or directory`);
  }
  if (info.isDirectory) {
    const head = submoduleHead(full);
    if (head === undefined) {
      throw new GitError("invalid", `'${path}/' does not have a commit checked out`);
    }
    index.add({ ...makeEntry(path, MODE_GITLINK, head), stat: statDataOf(info) });
    return;
  }
  // In a conflict our side says what kind of file it is, then the common base.
  const known = index.get(path) ??
    [2, 1].map((stage) => index.stages(path).find((entry) => entry.stage === stage)).find((entry) =>
      entry !== undefined
    );
  // Where links cannot be made, a link is a file with the name of its target.
  const plainLink = known?.mode === MODE_SYMLINK && info.isFile &&
    !repository.config.bool("core.symlinks", true);
  const mode = plainLink
    ? MODE_SYMLINK
    : worktreeMode(info, known?.mode, repository.config.bool("core.filemode", true));
  const data = plainLink ? readFileIfAny(full)! : readWorktreeFile(repository, path, mode);
  const id = repository.objects.write("blob", data);
  index.add({ ...makeEntry(path, mode, id), stat: statDataOf(info) });
}

/** Writes one file of the worktree and records its stat data. Returns the index entry. */
export function checkoutFile(
  repository: Repository,
  path: ByteString,
  mode: number,
  id: string,
  options: { force?: boolean } = {},
): IndexEntry {
  ensureSafePath(path, mode);
  const force = options.force ?? true;
  prepareParents(repository, path, force);
  const full = repository.worktreePath(path);
  const entry = makeEntry(path, mode, id);
  const info = lstat(full);
  if (isGitlinkMode(mode)) {
    if (info === undefined) makeDirectories(full);
    const now = lstat(full);
    if (now !== undefined) entry.stat = statDataOf(now);
    return entry;
  }
  if (info !== undefined) {
    if (info.isDirectory) Deno.removeSync(nativePath(full), { recursive: true });
    else removeFile(full);
  }
  const data = readBlob(repository.objects, id);
  if (isLinkMode(mode) && repository.config.bool("core.symlinks", true)) {
    Deno.symlinkSync(decodeText(toByteString(data)), nativePath(full));
  } else {
    const content = isLinkMode(mode) ? data : smudgeContent(repository, path, data);
    const file = Deno.openSync(nativePath(full), {
      write: true,
      createNew: true,
      mode: mode & 0o100 ? 0o777 : 0o666,
    });
    try {
      writeAll(file, content);
    } finally {
      file.close();
    }
  }
  entry.stat = statDataOf(lstat(full)!);
  return entry;
}

/** Removes a file of the worktree and the directories it leaves empty. */
export function removeWorktreeFile(
  repository: Repository,
  path: ByteString,
  keep?: ByteString,
): void {
  if (!isSafePath(path) || linkAbove(repository, path) !== undefined) return;
  const full = repository.worktreePath(path);
  const info = lstat(full);
  if (info === undefined) return;
  if (info.isDirectory) {
    if (!removeEmptyDirectory(full)) return;
  } else removeFile(full);
  let at = directoryName(path);
  while (at !== "." && at !== "" && `${at}/` !== keep) {
    if (!removeEmptyDirectory(repository.worktreePath(at))) return;
    at = directoryName(at);
  }
}

/** Why a switch was refused. */
export interface SwitchConflicts {
  /** Files with changes that would be lost. */
  changed: ByteString[];
  /** Untracked files that would be overwritten. */
  untracked: ByteString[];
  /** Untracked files that would be removed. */
  removed: ByteString[];
}

/** Thrown by {@linkcode switchTree}. */
export class SwitchError extends GitError {
  /** What is in the way. */
  readonly conflicts: SwitchConflicts;
  /** Reports what is in the way. */
  constructor(conflicts: SwitchConflicts) {
    super("conflict", "your local changes would be overwritten");
    this.conflicts = conflicts;
  }
}

/** A planned change of the worktree. */
export interface WorktreePlan {
  write: { path: ByteString; mode: number; id: string }[];
  remove: ByteString[];
  /** The new merged entries. */
  entries: IndexEntry[];
}

/**
 * Moves index and worktree from one tree to another. Files that do not differ between the trees
 * keep local changes; others must be clean. Throws {@linkcode SwitchError} before anything is
 * touched.
 */
export function switchTree(
  repository: Repository,
  index: GitIndex,
  from: string | undefined,
  to: string | undefined,
  options: {
    force?: boolean;
    overwriteIgnored?: boolean;
    updateWorktree?: boolean;
    dry?: boolean;
    /**
     * Give up what is in the index, `from` or not, but not what is only in the worktree; what is
     * unmerged is given up in both.
     */
    discardIndex?: boolean;
    /** Called with how many files are written. */
    progress?: (done: number, total: number) => void;
    /** Stops the work; the index is not changed then. */
    signal?: AbortSignal;
  } = {},
): void {
  options.signal?.throwIfAborted();
  const before = flattenTree(repository, from), after = flattenTree(repository, to);
  for (const [path, { mode }] of after) ensureSafePath(path, mode);
  const comparer = new WorktreeComparer(repository, index);
  const conflicts: SwitchConflicts = { changed: [], untracked: [], removed: [] };
  const plan: WorktreePlan = { write: [], remove: [], entries: [] };
  const paths = new Set<ByteString>([...before.keys(), ...after.keys()]);
  const current = new Map<ByteString, IndexEntry>();
  for (const entry of index.entries) {
    paths.add(entry.path);
    if (entry.stage === 0) current.set(entry.path, entry);
  }
  const update = options.updateWorktree ?? true;
  const rules = ignoreRulesOf(repository);
  const same = (
    a: { mode: number; id: string } | undefined,
    b: { mode: number; id: string } | undefined,
  ): boolean =>
    a === b || (a !== undefined && b !== undefined && a.mode === b.mode && a.id === b.id);
  for (const path of [...paths].sort()) {
    const b = after.get(path), c = current.get(path);
    const a = options.discardIndex ? c : before.get(path);
    if (options.discardIndex && c === undefined && index.hasPath(path)) {
      if (b === undefined) plan.remove.push(path);
      else plan.write.push({ path, ...b });
      continue;
    }
    if (options.force) {
      if (b === undefined) {
        if (c !== undefined || index.hasPath(path)) plan.remove.push(path);
        continue;
      }
      if (c !== undefined && same(c, b) && update && comparer.state(c) === "clean") {
        plan.entries.push(c);
      } else plan.write.push({ path, ...b });
      continue;
    }
    if (c !== undefined && same(c, b)) {
      plan.entries.push(c);
      continue;
    }
    if (same(a, b)) {
      if (c !== undefined) plan.entries.push(c);
      else if (a !== undefined && index.hasPath(path)) conflicts.changed.push(path);
      continue;
    }
    if (c === undefined) {
      if (a !== undefined && b === undefined) continue;
      if (a !== undefined) {
        conflicts.changed.push(path);
        continue;
      }
      // New in the target: nothing untracked may be lost.
      if (update && b !== undefined) {
        const info = comparer.info(path);
        if (info !== undefined && !(info.isDirectory && isGitlinkMode(b.mode))) {
          if (info.isDirectory) {
            if (directoryHasUntracked(repository, index, path, rules)) {
              conflicts.untracked.push(path);
            }
          } else if (!(options.overwriteIgnored !== false && rules.isIgnored(path, false))) {
            conflicts.untracked.push(path);
          }
        } else if (info === undefined) {
          const blocking = blockingFile(repository, path);
          if (
            blocking !== undefined && !current.has(blocking) && !before.has(blocking) &&
            !rules.isIgnored(blocking, false)
          ) conflicts.untracked.push(path);
        }
      }
      if (b !== undefined) plan.write.push({ path, ...b });
      continue;
    }
    // Changed between the trees: the index must be as before, and the file clean.
    if (!same(a, c)) {
      conflicts.changed.push(path);
      continue;
    }
    // A submodule may be at another commit than the index says: it stays there.
    if (update && !isGitlinkMode(c.mode)) {
      const state = comparer.state(c);
      if (state !== "clean" && state !== "deleted") {
        conflicts.changed.push(path);
        continue;
      }
    }
    if (b === undefined) plan.remove.push(path);
    else plan.write.push({ path, ...b });
  }
  if (conflicts.changed.length + conflicts.untracked.length + conflicts.removed.length > 0) {
    throw new SwitchError(conflicts);
  }
  if (options.dry) return;
  if (update) {
    for (const path of plan.remove) if (!after.has(path)) removeWorktreeFile(repository, path);
    repository.objects.prefetch(
      plan.write.filter(({ mode }) => !isGitlinkMode(mode)).map(({ id }) => id),
    );
    for (const [done, { path, mode, id }] of plan.write.entries()) {
      options.signal?.throwIfAborted();
      plan.entries.push(checkoutFile(repository, path, mode, id));
      options.progress?.(done + 1, plan.write.length);
    }
  } else for (const { path, mode, id } of plan.write) plan.entries.push(makeEntry(path, mode, id));
  index.replaceAll(plan.entries);
}

function blockingFile(repository: Repository, path: ByteString): ByteString | undefined {
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const above = path.slice(0, slash);
    const info = lstat(repository.worktreePath(above));
    if (info !== undefined && !info.isDirectory) return above;
  }
  return undefined;
}

function directoryHasUntracked(
  repository: Repository,
  index: GitIndex,
  path: ByteString,
  rules: ReturnType<typeof ignoreRulesOf>,
): boolean {
  for (const entry of listDirectory(repository.worktreePath(path))) {
    const inner = `${path}/${entry.name}`;
    if (entry.isDirectory) {
      if (directoryHasUntracked(repository, index, inner, rules)) return true;
    } else if (!index.hasPath(inner) && !rules.isIgnored(inner, false)) return true;
  }
  return false;
}
