/**
 * The state of a worktree: what differs between `HEAD`, the index and the files, and what is not
 * tracked.
 *
 * @module
 */
import { type ByteString, encodeText, fromByteString, toByteString } from "./_bytes.ts";
import { listDirectory, lstat, nativePath, readFileIfAny, readTextIfAny, stat } from "./_files.ts";
import { expandHome } from "./config.ts";
import { hashObject } from "./hash_algorithm.ts";
import {
  type CacheTree,
  type GitIndex,
  type IndexEntry,
  type StatData,
  statDataOf,
} from "./index_file.ts";
import {
  formatTree,
  isGitlinkMode,
  MODE_EXECUTABLE,
  MODE_FILE,
  MODE_GITLINK,
  MODE_SYMLINK,
} from "./objects.ts";
import { flattenTree as flattenObjects, peelTo } from "./object_store.ts";
import { type DiffFile, type DiffPair, makePair } from "./tree_diff.ts";
import type { Repository } from "./repository.ts";
import { GitError } from "./errors.ts";
import { IgnoreRules } from "./ignore.ts";
import type { Pathspec } from "./pathspec.ts";
import { cleanWorktreeContent } from "./worktree_content.ts";

/** The mode that a file on disk would be recorded with. */
export function worktreeMode(
  info: Deno.FileInfo,
  known: number | undefined,
  trustExecutable: boolean,
): number {
  if (info.isSymlink) return MODE_SYMLINK;
  if (info.isDirectory) return MODE_GITLINK;
  if (!trustExecutable) {
    return known !== undefined && (known & 0o170000) === 0o100000 ? known : MODE_FILE;
  }
  return (info.mode ?? 0) & 0o100 ? MODE_EXECUTABLE : MODE_FILE;
}

/** Reads a file of the worktree as blob content: links as their target, text through filters. */
export function readWorktreeFile(
  repository: Repository,
  path: ByteString,
  mode: number,
): Uint8Array {
  const full = repository.worktreePath(path);
  if ((mode & 0o170000) === 0o120000) {
    return fromByteString(encodeText(Deno.readLinkSync(nativePath(full))));
  }
  const data = readFileIfAny(full);
  if (data === undefined) throw new Deno.errors.NotFound(`unable to read ${path}`);
  return cleanWorktreeContent(repository, path, data);
}

function statMatches(a: StatData, b: StatData, trustCtime: boolean): boolean {
  return a.mtime === b.mtime && (!trustCtime || a.ctime === b.ctime) && a.ino === b.ino &&
    a.uid === b.uid && a.gid === b.gid &&
    a.size === b.size;
}

/** The same as {@linkcode statMatches} of the file's stat data, which is not made. */
function fileMatches(a: StatData, info: Deno.FileInfo, trustCtime: boolean): boolean {
  return a.size === info.size % 0x100000000 && a.ino === (info.ino ?? 0) % 0x100000000 &&
    a.mtime === Math.floor((info.mtime?.getTime() ?? 0) / 1000) >>> 0 &&
    (!trustCtime || a.ctime === Math.floor((info.ctime?.getTime() ?? 0) / 1000) >>> 0) &&
    a.uid === (info.uid ?? 0) >>> 0 && a.gid === (info.gid ?? 0) >>> 0;
}

/** What the worktree says of one index entry. */
export type EntryState = "clean" | "modified" | "deleted" | "type";

/** Compares index entries with files. */
export class WorktreeComparer {
  readonly #repository: Repository;
  readonly #index: GitIndex;
  readonly #trustExecutable: boolean;
  readonly #trustCtime: boolean;
  #directories = new Map<ByteString, boolean>();

  constructor(repository: Repository, index: GitIndex) {
    this.#repository = repository;
    this.#index = index;
    this.#trustExecutable = repository.config.bool("core.filemode", true);
    this.#trustCtime = repository.config.bool("core.trustctime", true);
  }

  /** Whether a directory on the way to a path is a symbolic link. */
  behindLink(path: ByteString): boolean {
    const last = path.lastIndexOf("/");
    if (last < 0) return false;
    // Paths come sorted: the one before was nearly always in the same directory.
    if (last === this.#here.length && path.startsWith(this.#here)) return this.#hereBehindLink;
    const behind = this.#linkAbove(path);
    this.#here = path.slice(0, last);
    this.#hereBehindLink = behind;
    return behind;
  }

  #here: ByteString = "";
  #hereBehindLink = false;

  #linkAbove(path: ByteString): boolean {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const directory = path.slice(0, slash);
      let link = this.#directories.get(directory);
      if (link === undefined) {
        link = lstat(this.#repository.worktreePath(directory))?.isSymlink ?? false;
        this.#directories.set(directory, link);
      }
      if (link) return true;
    }
    return false;
  }

  /** `lstat` of a path, `undefined` when it is missing or behind a link. */
  info(path: ByteString): Deno.FileInfo | undefined {
    if (this.behindLink(path)) return undefined;
    return lstat(this.#repository.worktreePath(path));
  }

  /** The mode on disk. */
  mode(entry: IndexEntry, info: Deno.FileInfo): number {
    return worktreeMode(info, entry.mode, this.#trustExecutable);
  }

  /**
   * Whether a file is as the index says. Racy entries (changed in the second the index was
   * written) are compared by content. With `refresh`, stat data of unchanged files is updated.
   */
  state(entry: IndexEntry, refresh = false, statOnly = false): EntryState {
    if (entry.assumeValid || entry.skipWorktree) return "clean";
    const info = this.info(entry.path);
    if (info === undefined) return "deleted";
    if ((entry.mode & 0o170000) === 0o160000) {
      if (!info.isDirectory) return "type";
      const head = submoduleHead(this.#repository.worktreePath(entry.path));
      return head === undefined || head === entry.id ? "clean" : "modified";
    }
    if (info.isDirectory) return "deleted";
    if (entry.intentToAdd) return "modified";
    const mode = this.mode(entry, info);
    if ((mode & 0o170000) !== (entry.mode & 0o170000)) return "type";
    const racy = this.#index.timestamp !== 0 && this.#index.timestamp <= entry.stat.mtime;
    const matches = fileMatches(entry.stat, info, this.#trustCtime);
    if (mode === entry.mode && matches && !racy) return "clean";
    const now = statDataOf(info);
    if (mode !== entry.mode || (statOnly && !matches)) return "modified";
    if (
      entry.stat.size !== 0 && entry.stat.size !== now.size && entry.stat.mtime !== 0 &&
      !this.#converts(entry)
    ) return "modified";
    const data = readWorktreeFile(this.#repository, entry.path, entry.mode);
    if (hashObject(this.#repository.algorithm, "blob", data) !== entry.id) return "modified";
    if (refresh && !statMatches(entry.stat, now, true)) {
      entry.stat = now;
      this.#index.changed = true;
    }
    return "clean";
  }

  #converts(_entry: IndexEntry): boolean {
    return this.#repository.config.has("core.autocrlf");
  }
}

/** The commit that a submodule has checked out. */
export function submoduleHead(path: ByteString): string | undefined {
  const info = stat(`${path}/.git`);
  if (info === undefined) return undefined;
  let gitDir = `${path}/.git`;
  if (info.isFile) {
    const text = readTextIfAny(gitDir)?.trim() ?? "";
    if (!text.startsWith("gitdir: ")) return undefined;
    gitDir = text.slice(8).startsWith("/") ? text.slice(8) : `${path}/${text.slice(8)}`;
  }
  let name = "HEAD";
  for (let depth = 0; depth < 5; depth++) {
    const text = readTextIfAny(`${gitDir}/${name}`)?.trim();
    if (text === undefined) {
      const packed = readTextIfAny(`${gitDir}/packed-refs`)?.split("\n").find((line) =>
        line.endsWith(` ${name}`)
      );
      return packed?.split(" ")[0];
    }
    if (!text.startsWith("ref: ")) return /^[0-9a-f]{40,64}$/.test(text) ? text : undefined;
    name = text.slice(5);
  }
  return undefined;
}

/** What of submodules is left out: nothing, files that are not tracked, all changes, everything. */
export type SubmoduleIgnore = "none" | "untracked" | "dirty" | "all";

/** Submodules in submodules are looked into this deep. */
const MAX_SUBMODULE_DEPTH = 16;
let submoduleDepth = 0;

/** What is changed in the worktree of a submodule; `undefined` when it is not checked out. */
function submoduleChanges(
  repository: Repository,
  path: ByteString,
  untracked: boolean,
): { commits: boolean; modified: boolean; untracked: boolean } | undefined {
  const directory = repository.worktreePath(path);
  if (stat(`${directory}/.git`) === undefined || submoduleDepth >= MAX_SUBMODULE_DEPTH) {
    return undefined;
  }
  submoduleDepth++;
  try {
    using inner = repository.openAt(directory);
    const index = inner.readIndex();
    const head = inner.head();
    const tree = head === undefined ? undefined : peelTo(inner.objects, head, "tree");
    return {
      commits: false,
      modified: diffTreeIndex(inner, tree, index, { cached: true }).length > 0 ||
        diffIndexWorktree(inner, index).length > 0,
      untracked: untracked && listUntracked(inner, index, { collapse: true }).untracked.length > 0,
    };
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  } finally {
    submoduleDepth--;
  }
}

/** Whether some file may have changed in the moment the index was written. */
export function hasRacyEntries(index: GitIndex): boolean {
  return index.timestamp !== 0 &&
    index.entries.some((entry) =>
      entry.stage === 0 && (entry.mode & 0o170000) !== 0o160000 &&
      entry.stat.mtime >= index.timestamp
    );
}

/** Refreshes stat data; returns what is not clean, by path. */
export function refreshIndex(
  repository: Repository,
  index: GitIndex,
  pathspec?: Pathspec,
): Map<ByteString, EntryState> {
  const comparer = new WorktreeComparer(repository, index);
  const out = new Map<ByteString, EntryState>();
  for (const entry of index.entries) {
    if (entry.stage !== 0 || (pathspec !== undefined && !pathspec.matches(entry.path))) continue;
    const state = comparer.state(entry, true);
    if (state !== "clean") out.set(entry.path, state);
  }
  return out;
}

/** Differences between the index and the worktree. */
export function diffIndexWorktree(
  repository: Repository,
  index: GitIndex,
  pathspec?: Pathspec,
  options: {
    refresh?: boolean;
    showIntentToAdd?: boolean;
    /** Take a file whose stat data differ for changed, without a look at its content. */
    statOnly?: boolean;
    /** What of a submodule's worktree counts. Default: what it tracks. */
    submodules?: (path: ByteString) => SubmoduleIgnore;
  } = {},
): DiffPair[] {
  const comparer = new WorktreeComparer(repository, index);
  const out: DiffPair[] = [];
  const zero = repository.algorithm.zero;
  let unmerged = "";
  for (const entry of index.entries) {
    if (pathspec !== undefined && !pathspec.matches(entry.path)) continue;
    if (entry.stage !== 0) {
      if (unmerged === entry.path) continue;
      unmerged = entry.path;
      const info = comparer.info(entry.path);
      const mode = info === undefined || info.isDirectory ? 0 : comparer.mode(entry, info);
      const none: DiffFile = { path: entry.path, mode: 0, id: zero, idKnown: false };
      out.push({ old: none, new: { ...none, mode }, status: "U", score: 0 });
      continue;
    }
    let state = comparer.state(entry, options.refresh ?? true, options.statOnly);
    let inside: DiffFile["submodule"];
    if ((entry.mode & 0o170000) === 0o160000 && (state === "clean" || state === "modified")) {
      const ignore = options.submodules?.(entry.path) ?? "untracked";
      if (ignore === "all") continue;
      if (ignore !== "dirty") {
        inside = submoduleChanges(repository, entry.path, ignore === "none");
        if (inside !== undefined) {
          inside.commits = state === "modified";
          if (inside.modified || inside.untracked) state = "modified";
        }
      } else if (state === "modified") {
        inside = { commits: true, modified: false, untracked: false };
      }
    }
    if (state === "clean") continue;
    const file: DiffFile = { path: entry.path, mode: entry.mode, id: entry.id, idKnown: true };
    if (state === "deleted") {
      out.push(makePair(file, { path: entry.path, mode: 0, id: zero, idKnown: false }));
      continue;
    }
    const after = worktreeFile(repository, comparer, entry);
    if (inside !== undefined) {
      after.submodule = inside;
      if (inside.modified || inside.untracked) after.dirty = true;
    }
    out.push(makePair(entry.intentToAdd ? { ...file, mode: 0, idKnown: false } : file, after));
  }
  return out;
}

function worktreeFile(
  repository: Repository,
  comparer: WorktreeComparer,
  entry: IndexEntry,
): DiffFile {
  const info = comparer.info(entry.path)!;
  const mode = comparer.mode(entry, info);
  if ((mode & 0o170000) === 0o160000) {
    return {
      path: entry.path,
      mode,
      id: submoduleHead(repository.worktreePath(entry.path)) ?? entry.id,
      idKnown: true,
    };
  }
  return {
    path: entry.path,
    mode,
    id: repository.algorithm.zero,
    idKnown: false,
    load: () => readWorktreeFile(repository, entry.path, mode),
  };
}

/** Entries of a tree by path. */
export function flattenTree(
  repository: Pick<Repository, "objects">,
  tree: string | undefined,
): Map<ByteString, { mode: number; id: string }> {
  return tree === undefined ? new Map() : flattenObjects(repository.objects, tree);
}

/** Differences between a tree and the index (`cached`) or the worktree seen through the index. */
export function diffTreeIndex(
  repository: Repository,
  tree: string | undefined,
  index: GitIndex,
  options: {
    cached: boolean;
    pathspec?: Pathspec | undefined;
    matchMissing?: boolean;
    unchanged?: boolean;
  },
): DiffPair[] {
  const zero = repository.algorithm.zero;
  const spec = options.pathspec?.empty ? undefined : options.pathspec;
  const out: DiffPair[] = [];
  const known = index.cacheTree;
  if (
    options.cached && known !== undefined && known.count >= 0 && known.id === tree &&
    !options.unchanged
  ) return out;
  const before = flattenTree(repository, tree);
  const comparer = options.cached ? undefined : new WorktreeComparer(repository, index);
  const seen = new Set<ByteString>();
  for (const entry of index.entries) {
    if (spec !== undefined && !spec.matches(entry.path)) continue;
    const old = before.get(entry.path);
    if (entry.stage !== 0) {
      if (seen.has(entry.path)) continue;
      seen.add(entry.path);
      const none: DiffFile = { path: entry.path, mode: 0, id: zero, idKnown: false };
      out.push({
        old: old === undefined
          ? none
          : { path: entry.path, mode: old.mode, id: old.id, idKnown: true },
        new: none,
        status: "U",
        score: 0,
      });
      if (comparer !== undefined && old !== undefined) {
        const info = comparer.info(entry.path);
        if (info !== undefined && !info.isDirectory) {
          out.push(
            makePair(
              { path: entry.path, mode: old.mode, id: old.id, idKnown: true },
              worktreeFile(repository, comparer, entry),
            ),
          );
        } else {out.push(
            makePair({ path: entry.path, mode: old.mode, id: old.id, idKnown: true }, none),
          );}
      }
      continue;
    }
    seen.add(entry.path);
    if (entry.intentToAdd && options.cached) {
      if (old !== undefined) {
        out.push(
          makePair({ path: entry.path, mode: old.mode, id: old.id, idKnown: true }, {
            path: entry.path,
            mode: 0,
            id: zero,
            idKnown: false,
          }),
        );
      }
      continue;
    }
    const oldFile: DiffFile = old === undefined
      ? { path: entry.path, mode: 0, id: zero, idKnown: false }
      : { path: entry.path, mode: old.mode, id: old.id, idKnown: true };
    let newFile: DiffFile = { path: entry.path, mode: entry.mode, id: entry.id, idKnown: true };
    if (comparer !== undefined) {
      const state = comparer.state(entry, true);
      if (state === "deleted") {
        if (!options.matchMissing) {
          if (old !== undefined) {
            out.push(makePair(oldFile, { path: entry.path, mode: 0, id: zero, idKnown: false }));
          }
          continue;
        }
      } else if (state !== "clean") newFile = worktreeFile(repository, comparer, entry);
    }
    if (oldFile.mode === newFile.mode && newFile.idKnown && oldFile.id === newFile.id) {
      if (options.unchanged) out.push({ old: oldFile, new: newFile, status: "", score: 0 });
      continue;
    }
    out.push(makePair(oldFile, newFile));
  }
  for (const [path, old] of before) {
    if (seen.has(path) || index.hasPath(path) || (spec !== undefined && !spec.matches(path))) {
      continue;
    }
    out.push(
      makePair({ path, mode: old.mode, id: old.id, idKnown: true }, {
        path,
        mode: 0,
        id: zero,
        idKnown: false,
      }),
    );
  }
  return out.sort((a, b) => (a.new.path < b.new.path ? -1 : a.new.path > b.new.path ? 1 : 0));
}

/** Options of {@linkcode listUntracked}. */
export interface UntrackedOptions {
  /** Whole directories as `dir/` rather than each file. Default true. */
  collapse?: boolean;
  /** Ignored files instead of unignored ones: `only`, or both kinds apart. */
  ignored?: boolean;
  pathspec?: Pathspec | undefined;
  /** Rules; those of the repository by default. */
  rules?: IgnoreRules;
  /** List empty directories too. */
  emptyDirectories?: boolean;
}

/** Paths that are not tracked, sorted; ignored ones separately. */
export function listUntracked(
  repository: Repository,
  index: GitIndex,
  options: UntrackedOptions = {},
): { untracked: ByteString[]; ignored: ByteString[] } {
  const rules = options.rules ?? ignoreRulesOf(repository, index);
  const untracked: ByteString[] = [];
  const ignored: ByteString[] = [];
  const collapse = options.collapse ?? true;
  const spec = options.pathspec?.empty ? undefined : options.pathspec;
  const tracked = new Map<ByteString, number>();
  const trackedDirectories = new Set<ByteString>();
  for (const entry of index.entries) {
    tracked.set(entry.path, entry.mode);
    for (
      let slash = entry.path.lastIndexOf("/");
      slash > 0;
      slash = entry.path.lastIndexOf("/", slash - 1)
    ) {
      const directory = entry.path.slice(0, slash);
      if (trackedDirectories.has(directory)) break;
      trackedDirectories.add(directory);
    }
  }
  /** Returns what is inside: has untracked files, has ignored files, has tracked ones. */
  const scan = (
    directory: ByteString,
    inIgnored: boolean,
    collect: { untracked: ByteString[]; ignored: ByteString[] },
  ): void => {
    const entries = listDirectory(repository.worktreePath(directory)).sort((
      a,
      b,
    ) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name === ".git" || entry.name.toLowerCase() === ".git") continue;
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      const mode = tracked.get(path);
      // A directory may stand where a file is tracked; a submodule is one.
      if (mode !== undefined && (!entry.isDirectory || isGitlinkMode(mode))) continue;
      if (entry.isDirectory) {
        if (spec !== undefined && !spec.mayMatchInside(path)) continue;
        const isIgnored = inIgnored || rules.isIgnored(path, true);
        if (trackedDirectories.has(path)) {
          scan(path, isIgnored, collect);
          continue;
        }
        if (isIgnored && !options.ignored) continue;
        const nested = stat(`${repository.worktreePath(path)}/.git`) !== undefined;
        if (nested) {
          (isIgnored ? collect.ignored : collect.untracked).push(`${path}/`);
          continue;
        }
        const inner = { untracked: [] as ByteString[], ignored: [] as ByteString[] };
        scan(path, isIgnored, inner);
        const whole = spec === undefined || spec.matches(path, true);
        if (isIgnored) {
          if (collapse && whole && inner.ignored.length > 0) collect.ignored.push(`${path}/`);
          else collect.ignored.push(...inner.ignored);
        } else if (collapse && whole) {
          if (inner.untracked.length > 0) collect.untracked.push(`${path}/`);
          if (inner.untracked.length > 0 || inner.ignored.length === 0) {
            collect.ignored.push(...inner.ignored);
          } else {collect.ignored.push(
              ...(options.ignored && inner.ignored.length > 0 ? [`${path}/`] : inner.ignored),
            );}
          if (
            inner.untracked.length === 0 && inner.ignored.length === 0 && options.emptyDirectories
          ) collect.untracked.push(`${path}/`);
        } else {
          collect.untracked.push(...inner.untracked);
          collect.ignored.push(...inner.ignored);
        }
        continue;
      }
      if (spec !== undefined && !spec.matches(path)) continue;
      if (inIgnored || rules.isIgnored(path, false)) collect.ignored.push(path);
      else collect.untracked.push(path);
    }
  };
  if (repository.paths.workTree !== undefined) scan("", false, { untracked, ignored });
  return { untracked: untracked.sort(), ignored: ignored.sort() };
}

/** The ignore rules of a repository; `index` gives the files that a sparse checkout leaves out. */
export function ignoreRulesOf(repository: Repository, index?: GitIndex): IgnoreRules {
  let sparse: boolean | undefined;
  const skipped = (path: ByteString): ByteString | undefined => {
    sparse ??= index?.entries.some((entry) => entry.skipWorktree) ?? false;
    const entry = sparse ? index!.get(path) : undefined;
    const object = entry?.skipWorktree ? repository.objects.read(entry.id) : undefined;
    return object === undefined ? undefined : toByteString(object.data);
  };
  const home = repository.environment.get("HOME");
  const configured = repository.config.get("core.excludesfile");
  const xdg = repository.environment.get("XDG_CONFIG_HOME") ||
    (home === undefined ? undefined : `${home}/.config`);
  const globalPath = configured === undefined
    ? (xdg === undefined ? undefined : `${xdg}/git/ignore`)
    : configured === ""
    ? undefined
    : expandHome(configured, home);
  const rules = new IgnoreRules(
    (path) => readTextIfAny(repository.worktreePath(path)) ?? skipped(path),
    repository.config.bool("core.ignorecase", false),
  );
  if (globalPath !== undefined) rules.addFile(globalPath);
  rules.addFile(`${repository.paths.commonDir}/info/exclude`);
  return rules;
}

/** Computes the tree of the index, writing what is missing. Throws on unmerged entries. */
export function writeIndexTree(
  repository: Repository,
  index: GitIndex,
  options: { missingOk?: boolean; dry?: boolean; prefix?: ByteString } = {},
): string {
  const { objects } = repository;
  let root = index.cacheTree;
  if (root === undefined) index.cacheTree = root = { count: -1, id: "", children: new Map() };
  const entries = index.entries;
  const build = (node: CacheTree, start: number, base: ByteString): number => {
    if (node.count >= 0 && objects.has(node.id)) return start + node.count;
    const children: { mode: number; name: ByteString; id: string }[] = [];
    const used = new Set<ByteString>();
    let at = start;
    let skipped = false;
    while (at < entries.length) {
      const entry = entries[at]!;
      if (!entry.path.startsWith(base)) break;
      const rest = entry.path.slice(base.length);
      const slash = rest.indexOf("/");
      if (slash < 0) {
        at++;
        if (entry.intentToAdd) {
          skipped = true;
          continue;
        }
        children.push({ mode: entry.mode, name: rest, id: entry.id });
        continue;
      }
      const name = rest.slice(0, slash);
      used.add(name);
      let child = node.children.get(name);
      if (child === undefined) {
        node.children.set(name, child = { count: -1, id: "", children: new Map() });
      }
      at = build(child, at, `${base}${name}/`);
      if (child.count < 0) skipped = true;
      if (child.id !== repository.algorithm.emptyTree || child.count > 0) {
        children.push({ mode: 0o40000, name, id: child.id });
      }
    }
    for (const name of node.children.keys()) if (!used.has(name)) node.children.delete(name);
    const data = formatTree(children);
    node.id = options.dry
      ? hashObject(repository.algorithm, "tree", data)
      : objects.write("tree", data);
    node.count = skipped ? -1 : at - start;
    index.changed = true;
    return at;
  };
  build(root, 0, "");
  return root.id;
}

/**
 * Before an index is written: an entry whose file changed in the very second the index was last
 * written, with its stat data unchanged, gets a size of zero, so that every later reader compares
 * content.
 */
export function smudgeRacyEntries(repository: Repository, index: GitIndex): void {
  if (index.timestamp === 0 || repository.paths.workTree === undefined) return;
  for (const entry of index.entries) {
    if (entry.stage !== 0 || entry.stat.mtime < index.timestamp || entry.stat.size === 0) continue;
    if ((entry.mode & 0o170000) === 0o160000) continue;
    const info = lstat(repository.worktreePath(entry.path));
    if (info === undefined || info.isDirectory) continue;
    if (!statMatches(entry.stat, statDataOf(info), true)) continue;
    if (worktreeMode(info, entry.mode, true) !== entry.mode) continue;
    const data = readWorktreeFile(repository, entry.path, entry.mode);
    if (hashObject(repository.algorithm, "blob", data) !== entry.id) entry.stat.size = 0;
  }
}
