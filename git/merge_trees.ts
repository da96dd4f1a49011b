/**
 * Three-way merge of trees and commits: renames of files and directories on both sides, contents
 * line by line, several merge bases merged into one first. Results, conflicts and their wording
 * are those of Git's "ort" strategy.
 *
 * @module
 */
import { type ByteString, equalBytes } from "./_bytes.ts";
import { directoryOf } from "./_directory_renames.ts";
import {
  KnownRenames,
  MergePaths,
  type PathInfo,
  type Side,
  type Version,
  type Versions,
} from "./_merge_paths.ts";
import { findRenames, processRenames, type RenameContext } from "./_merge_renames.ts";
import { mergeSubmodule, type SubmoduleRepository } from "./_merge_submodule.ts";
import { shiftSubtree } from "./_subtree_shift.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import type { LineDiffOptions } from "./line_diff.ts";
import { commitLinks, mergeBases, rememberLinks } from "./merge_base.ts";
import { type MergeAttributes, mergeContents } from "./merge_content.ts";
import { formatTree, isFileMode, isGitlinkMode, MODE_TREE, type TreeEntry } from "./objects.ts";
import { type ObjectStore, readBlob } from "./object_store.ts";

/** One version of a path. */
export interface MergeSide {
  /** File mode. */
  readonly mode: number;
  /** The blob, or a submodule's commit. */
  readonly id: ObjectId;
}

/** A path that could not be merged. */
export interface MergeConflict {
  /** Its path. */
  readonly path: ByteString;
  /** Versions of base, ours, theirs. */
  readonly stages: readonly [MergeSide | undefined, MergeSide | undefined, MergeSide | undefined];
}

/** Something to tell about a merge. */
export interface MergeMessage {
  /** What it is about, in the stable words of `git merge-tree -z`. */
  readonly kind:
    | "Auto-merging"
    | "CONFLICT (contents)"
    | "CONFLICT (binary)"
    | "CONFLICT (file/directory)"
    | "CONFLICT (distinct modes)"
    | "CONFLICT (modify/delete)"
    | "CONFLICT (rename/rename)"
    | "CONFLICT (rename involved in collision)"
    | "CONFLICT (rename/delete)"
    | "CONFLICT (directory rename suggested)"
    | "Path updated due to directory rename"
    | "Directory rename skipped since directory was renamed on both sides"
    | "CONFLICT (file in way of directory rename)"
    | "CONFLICT(directory rename collision)"
    | "CONFLICT(directory rename unclear split)"
    | "Fast forwarding submodule"
    | "CONFLICT (submodule)"
    | "CONFLICT (submodule with possible resolution)"
    | "CONFLICT (submodule not initialized)"
    | "CONFLICT (submodule history not available)"
    | "CONFLICT (submodule may have rewinds)"
    | "CONFLICT (submodule lacks merge base)";
  /** The paths it is about, the one it is listed under first. */
  readonly paths: readonly ByteString[];
  /** What happened, in Git's words. */
  readonly text: ByteString;
}

/** A submodule that has to be merged by hand. */
export interface MergeSubmodule {
  /** Its path. */
  readonly path: ByteString;
  /** The commit to merge in it, short; `undefined` when it is not there to be merged. */
  readonly commit: ByteString | undefined;
}

/** What a merge made. */
export interface MergeTreesResult {
  /** The tree, conflicts with markers included. */
  readonly tree: ObjectId;
  /** Nothing conflicts. (Unclear renames of directories conflict without a path that does.) */
  readonly clean: boolean;
  /** What conflicts, in the order of the paths. */
  readonly conflicts: readonly MergeConflict[];
  /** What happened, in the order of the paths it is listed under. */
  readonly messages: readonly MergeMessage[];
  /** Submodules that were not merged. */
  readonly submodules: readonly MergeSubmodule[];
  /** The `renameLimit` with which all renames would have been looked for, if it was too low. */
  readonly neededRenameLimit: number | undefined;
}

/** Options of {@linkcode mergeTrees}. */
export interface MergeTreesOptions {
  /** Label of our side in markers and messages. Default `ours`. */
  ours?: ByteString;
  /** Label of their side. Default `theirs`. */
  theirs?: ByteString;
  /** Label of the base. */
  base?: ByteString;
  /** Kind of markers. */
  style?: "merge" | "diff3" | "zdiff3";
  /** Resolve content conflicts by a side. */
  favor?: "ours" | "theirs" | "union" | undefined;
  /** What lines count as equal. */
  whitespace?: LineDiffOptions;
  /** Look for renames. Default true. */
  renames?: boolean;
  /** Least similarity of a rename, 0 to 60000. Default half. */
  renameScore?: number;
  /** See `RenameOptions.limit`. Default 7000. */
  renameLimit?: number;
  /**
   * What the other side added in a directory that was renamed: moves along (true), moves along but
   * conflicts ("conflict", the default), or stays (false).
   */
  directoryRenames?: boolean | "conflict";
  /** Their tree is a part of ours: in this directory, or "" to find out where. */
  subtree?: ByteString;
  /** How contents of a path are merged; `virtual` for those of a base of several bases. */
  attributes?: (path: ByteString, virtual: boolean) => MergeAttributes | undefined;
  /** Brings a file's content into the form that is compared (end of line, filters). */
  renormalize?: (path: ByteString, data: Uint8Array) => Uint8Array;
  /** Submodules that are checked out. */
  submodule?: (path: ByteString) => SubmoduleRepository | undefined;
  /** A short name of a commit. Default its first 7 digits. */
  abbreviate?: (id: ObjectId) => ByteString;
}

export type { SubmoduleRepository };

const KIND = 0o170000;

/** One merge of three trees. */
class TreeMerge {
  readonly store: ObjectStore;
  readonly options: MergeTreesOptions;
  readonly depth: number;
  readonly branches: readonly [ByteString, ByteString, ByteString];
  readonly trees: readonly [ObjectId, ObjectId, ObjectId];
  found: MergePaths;
  paths: Map<ByteString, PathInfo>;
  readonly absent: Version;
  readonly #conflicted = new Map<ByteString, PathInfo>();
  readonly #messages = new Map<ByteString, MergeMessage[]>();
  readonly #submodules: MergeSubmodule[] = [];
  #neededRenameLimit: number | undefined;
  /** Entries of the directories that are being made, outermost first. */
  readonly #open: { path: ByteString; entries: TreeEntry[] }[] = [];

  constructor(
    store: ObjectStore,
    trees: readonly [ObjectId, ObjectId, ObjectId],
    options: MergeTreesOptions,
    depth: number,
  ) {
    this.store = store;
    this.options = options;
    this.depth = depth;
    this.branches = ["", options.ours ?? "ours", options.theirs ?? "theirs"];
    this.trees = trees;
    this.found = new MergePaths(store, trees);
    this.paths = this.found.paths;
    this.absent = this.found.absent;
  }

  run(): MergeTreesResult {
    const { options } = this;
    const renamesClean = options.renames === false || this.#processRenames();
    const tree = this.#processPaths();
    const conflicts = [...this.#conflicted].sort(([a], [b]) => (a < b ? -1 : 1)).map((
      [path, info],
    ): MergeConflict => {
      const stage = (i: 0 | 1 | 2): MergeSide | undefined =>
        (info.fileMask & (1 << i)) === 0 ? undefined : info.stages[i];
      return { path, stages: [stage(0), stage(1), stage(2)] };
    });
    return {
      tree,
      clean: renamesClean && conflicts.length === 0,
      conflicts,
      messages: [...this.#messages].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, list]) =>
        list
      ),
      submodules: this.#submodules,
      neededRenameLimit: this.#neededRenameLimit,
    };
  }

  #renameContext(): RenameContext {
    const { options } = this;
    return {
      store: this.store,
      found: this.found,
      branches: this.branches,
      directoryRenames: options.directoryRenames ?? "conflict",
      renameLimit: options.renameLimit ?? 7000,
      minimumScore: options.renameScore,
      onLimit: (needed) => {
        this.#neededRenameLimit = Math.max(this.#neededRenameLimit ?? 0, needed);
      },
      say: (kind, paths, text) => this.#say(kind, paths, text),
      mergeContent: (path, versions, names, growth) =>
        this.#mergeContent(path, versions, names, growth),
      depth: this.depth,
    };
  }

  /** Finds and follows renames; false when one of them conflicts by itself. */
  #processRenames(): boolean {
    let { found } = this;
    const possible = (): boolean =>
      ([1, 2] as const).some((side) =>
        found.pairs[side].length > 0 && found.directories[side].sources.size > 0
      );
    if (!possible()) return true;
    const looked = findRenames(this.#renameContext());
    if (looked && found.worthRedoing && this.#neededRenameLimit === undefined) {
      const known = ([1, 2] as const).map((side) =>
        new KnownRenames(found.pairs[side], found.directories[side])
      );
      this.found = found = new MergePaths(this.store, this.trees, [undefined, ...known]);
      this.paths = found.paths;
      if (!possible() && known.every(({ pairs }) => pairs.size === 0)) return true;
      findRenames(this.#renameContext());
      for (const side of [1, 2] as const) found.useKnown(side);
    }
    return processRenames(this.#renameContext());
  }

  #say(kind: MergeMessage["kind"], paths: readonly ByteString[], text: ByteString): void {
    // Nobody is told of the conflicts between bases.
    if (this.depth > 0) return;
    const list = this.#messages.get(paths[0]!);
    if (list === undefined) this.#messages.set(paths[0]!, [{ kind, paths, text }]);
    else list.push({ kind, paths, text });
  }

  /** A path beside another that says whose it is. */
  #uniquePath(path: ByteString, branch: ByteString): ByteString {
    const stem = `${path}~${branch.replaceAll("/", "_")}`;
    let name = stem;
    for (let n = 0; this.paths.has(name); n++) name = `${stem}_${n}`;
    return name;
  }

  /** Goes through all paths from the last to the first, so that directories follow their files. */
  #processPaths(): ObjectId {
    if (this.paths.size === 0) return this.store.algorithm.emptyTree;
    // A directory before what is in it, and nothing between.
    const sorted = [...this.paths.keys()].map((path) => `${path}/`).sort();
    for (let i = sorted.length - 1; i >= 0; i--) {
      const path = sorted[i]!.slice(0, -1);
      const info = this.paths.get(path)!;
      this.#enter(directoryOf(path));
      if (info.clean) this.#record(path, info);
      else this.#process(path, info);
    }
    this.#enter("");
    return this.#writeTree(this.#open[0]!.entries);
  }

  #writeTree(entries: readonly TreeEntry[]): ObjectId {
    return this.store.write("tree", formatTree(entries));
  }

  /** Goes on in another directory; the one that was left has all its entries now. */
  #enter(directory: ByteString): void {
    const open = this.#open;
    while (open.length > 0) {
      const last = open.at(-1)!;
      if (last.path === directory) return;
      if (last.path === "" || directory.startsWith(`${last.path}/`)) break;
      open.pop();
      const info = this.paths.get(last.path)!;
      info.isNull = last.entries.length === 0;
      if (!info.isNull) info.result = { mode: MODE_TREE, id: this.#writeTree(last.entries) };
    }
    open.push({ path: directory, entries: [] });
  }

  /** Puts a path into the directory that is being made. */
  #record(path: ByteString, info: PathInfo): void {
    if (info.isNull) return;
    this.#open.at(-1)!.entries.push({
      mode: info.result.mode,
      name: path.slice(path.lastIndexOf("/") + 1),
      id: info.result.id,
    });
  }

  /** Drops the versions that are directories. */
  #filesOnly(info: PathInfo): void {
    info.matchMask &= ~info.directoryMask;
    info.directoryMask = 0;
    for (const i of [0, 1, 2] as const) {
      if ((info.fileMask & (1 << i)) === 0) info.stages[i] = this.absent;
    }
  }

  #process(originalPath: ByteString, original: PathInfo): void {
    let path = originalPath, info = original;
    let fileSide: Side = 1;
    if (info.directoryMask !== 0) {
      this.#record(path, info);
      if (info.fileMask === 0) return;
    }
    if (info.fileDirectory && info.result.mode === 0) {
      // Nothing is left of the directory.
      info.fileDirectory = false;
      info.clean = false;
      info.isNull = false;
      this.#filesOnly(info);
    } else if (info.fileDirectory) {
      if (info.fileMask === 1) {
        info.fileMask = 0;
        return;
      }
      // The directory stays; the file moves out of its way.
      const own: PathInfo = {
        ...info,
        isNull: false,
        clean: false,
        stages: [...info.stages],
        names: [...info.names],
      };
      this.#filesOnly(own);
      fileSide = (info.directoryMask & 2) !== 0 ? 2 : 1;
      const branch = this.branches[fileSide];
      const moved = this.#uniquePath(path, branch);
      this.paths.set(moved, own);
      this.#say(
        "CONFLICT (file/directory)",
        [moved, path],
        `CONFLICT (file/directory): directory in the way of ${path} from ${branch}; moving it to ${moved} instead.`,
      );
      info.fileMask = 0;
      path = moved;
      info = own;
    }
    const { stages } = info;
    const byItself = !info.fileDirectory && !info.pathConflict;
    if (info.matchMask !== 0) {
      info.clean = byItself;
      const side: Side = info.matchMask === 3 ? 2 : 1;
      info.result = stages[side];
      if (info.matchMask !== 6) {
        info.isNull = info.result.mode === 0;
        if (info.isNull) info.clean = true;
      }
    } else if (info.fileMask >= 6 && (stages[1].mode & KIND) !== (stages[2].mode & KIND)) {
      path = this.#keepBothKinds(path, info);
    } else if (info.fileMask >= 6) {
      const merged = this.#mergeContent(path, stages, info.names, this.depth * 2);
      info.clean = merged.clean && byItself;
      info.result = merged.version;
      info.isNull = merged.version.mode === 0;
      if (merged.clean && info.fileDirectory) {
        info.fileMask = 1 << fileSide;
        stages[fileSide] = merged.version;
      }
      if (!merged.clean) {
        const reason = isGitlinkMode(merged.version.mode)
          ? "submodule"
          : info.fileMask === 6
          ? "add/add"
          : "content";
        this.#say(
          "CONFLICT (contents)",
          [path],
          `CONFLICT (${reason}): Merge conflict in ${path}`,
        );
      }
    } else if (info.fileMask === 3 || info.fileMask === 5) this.#modifyDelete(path, info);
    else if (info.fileMask === 2 || info.fileMask === 4) {
      info.result = stages[info.fileMask === 2 ? 1 : 2];
      info.clean = byItself;
    } else {
      info.isNull = true;
      info.result = this.absent;
      info.clean = !info.pathConflict;
    }
    if (!info.clean) this.#conflicted.set(path, info);
    this.#record(path, info);
  }

  /** One side changed what the other deleted. */
  #modifyDelete(path: ByteString, info: PathInfo): void {
    const { stages } = info;
    const side: Side = info.fileMask === 5 ? 2 : 1;
    info.result = stages[this.depth > 0 ? 0 : side];
    info.clean = false;
    const modified = this.branches[side], deleted = this.branches[side === 1 ? 2 : 1];
    if (
      this.options.renormalize !== undefined && this.#sameNormalized(path, stages[0], stages[side])
    ) {
      if (info.pathConflict) return;
      info.isNull = true;
      info.clean = true;
      info.fileDirectory = false;
    } else if (!info.pathConflict || stages[0].id !== stages[side].id) {
      this.#say(
        "CONFLICT (modify/delete)",
        [path],
        `CONFLICT (modify/delete): ${path} deleted in ${deleted} and modified in ${modified}.  Version ${modified} of ${path} left in tree.`,
      );
    }
  }

  #sameNormalized(path: ByteString, a: Version, b: Version): boolean {
    if (a.mode !== b.mode) return false;
    if (a.id === b.id) return true;
    const { renormalize } = this.options;
    const one = readBlob(this.store, a.id), two = readBlob(this.store, b.id);
    return equalBytes(renormalize!(path, one), renormalize!(path, two));
  }

  /** The sides have different kinds of things at a path: each gets one of its own. */
  #keepBothKinds(path: ByteString, info: PathInfo): ByteString {
    const { stages } = info;
    info.clean = false;
    if (this.depth > 0) {
      info.result = stages[0];
      info.isNull = info.result.mode === 0;
      return path;
    }
    const [o, a, b] = stages;
    const moveOurs = isFileMode(a.mode) || !isFileMode(b.mode);
    const moveTheirs = !isFileMode(a.mode);
    const oursPath = moveOurs ? this.#uniquePath(path, this.branches[1]) : path;
    const theirsPath = moveTheirs ? this.#uniquePath(path, this.branches[2]) : path;
    this.#say(
      "CONFLICT (distinct modes)",
      [path, ...(moveOurs ? [oursPath] : []), ...(moveTheirs ? [theirsPath] : [])],
      `CONFLICT (distinct types): ${path} had different types on each side; renamed ${
        moveOurs && moveTheirs ? "both" : "one"
      } of them so each can be recorded somewhere.`,
    );
    const other: PathInfo = {
      ...info,
      result: b,
      stages: [o, this.absent, b],
      names: [...info.names],
      fileMask: 5,
    };
    if ((b.mode & KIND) !== (o.mode & KIND)) {
      other.stages[0] = this.absent;
      other.fileMask = 4;
    }
    info.result = a;
    stages[2] = this.absent;
    info.fileMask = 3;
    if ((a.mode & KIND) !== (o.mode & KIND)) {
      stages[0] = this.absent;
      info.fileMask = 2;
    }
    if (moveOurs) this.paths.set(oursPath, info);
    this.paths.set(theirsPath, other);
    if (moveOurs && moveTheirs) this.paths.delete(path);
    this.#conflicted.set(theirsPath, other);
    this.#record(theirsPath, other);
    return oursPath;
  }

  /** Merges two versions of the same kind, wherever they were. */
  #mergeContent(
    path: ByteString,
    [o, a, b]: Readonly<Versions>,
    names: readonly [ByteString, ByteString, ByteString],
    markerGrowth: number,
  ): { version: Version; clean: boolean } {
    const { options } = this;
    const mode = a.mode === b.mode || a.mode === o.mode ? b.mode : a.mode;
    const modeClean = a.mode === b.mode || a.mode === o.mode || b.mode === o.mode;
    if (a.id === b.id || a.id === o.id) return { version: { mode, id: b.id }, clean: modeClean };
    if (b.id === o.id) return { version: { mode, id: a.id }, clean: modeClean };
    const sameKind = (o.mode & KIND) === (a.mode & KIND);
    if (isFileMode(a.mode)) {
      const { id, clean } = this.#mergeFiles(
        path,
        [sameKind ? o.id : undefined, a.id, b.id],
        names,
        markerGrowth,
      );
      return { version: { mode, id }, clean: clean && modeClean };
    }
    if (isGitlinkMode(a.mode)) {
      const repository = options.submodule?.(names[0]);
      const merged = mergeSubmodule(
        names[0],
        repository,
        sameKind ? o.id : undefined,
        a.id,
        b.id,
        this.depth > 0,
      );
      if (merged.message !== undefined) {
        this.#say(merged.message.kind, [names[0]], merged.message.text);
      }
      if (!merged.clean && this.depth === 0) {
        this.#submodules.push({
          path: names[0],
          commit: merged.byHand ? repository?.abbreviate(b.id) : undefined,
        });
      }
      if (!merged.clean && this.depth > 0 && !sameKind) return { version: o, clean: false };
      return { version: { mode, id: merged.id }, clean: merged.clean };
    }
    if (this.depth > 0) return { version: o, clean: false };
    const { favor } = options;
    return {
      version: { mode, id: favor === "theirs" ? b.id : a.id },
      clean: modeClean && (favor === "ours" || favor === "theirs"),
    };
  }

  #mergeFiles(
    path: ByteString,
    ids: readonly [ObjectId | undefined, ObjectId, ObjectId],
    names: readonly [ByteString, ByteString, ByteString],
    markerGrowth: number,
  ): { id: ObjectId; clean: boolean } {
    const { options, store } = this;
    const inPlace = names[0] === names[1] && names[1] === names[2];
    const label = (i: 0 | 1 | 2): ByteString => {
      const side = i === 0 ? options.base ?? "base" : this.branches[i];
      return inPlace ? side : `${side}:${names[i]}`;
    };
    const read = (id: ObjectId | undefined): Uint8Array => {
      const data = id === undefined ? new Uint8Array(0) : readBlob(store, id);
      return options.renormalize?.(path, data) ?? data;
    };
    const virtual = this.depth > 0;
    const { data, outcome } = mergeContents(path, read(ids[0]), read(ids[1]), read(ids[2]), {
      labels: { ours: label(1), base: label(0), theirs: label(2) },
      attributes: options.attributes?.(path, virtual),
      style: options.style ?? "merge",
      favor: options.favor,
      whitespace: options.whitespace,
      markerGrowth,
      virtual,
    });
    if (outcome === "binary") {
      this.#say(
        "CONFLICT (binary)",
        [path],
        `warning: Cannot merge binary files: ${path} (${label(1)} vs. ${label(2)})`,
      );
    }
    this.#say("Auto-merging", [path], `Auto-merging ${path}`);
    return { id: store.write("blob", data), clean: outcome === "clean" };
  }
}

function mergeAtDepth(
  store: ObjectStore,
  base: ObjectId,
  ours: ObjectId,
  theirs: ObjectId,
  options: MergeTreesOptions,
  depth: number,
): MergeTreesResult {
  const { subtree } = options;
  const trees: [ObjectId, ObjectId, ObjectId] = subtree === undefined
    ? [base, ours, theirs]
    : [shiftSubtree(store, ours, base, subtree), ours, shiftSubtree(store, ours, theirs, subtree)];
  return new TreeMerge(store, trees, options, depth).run();
}

/**
 * Merges two trees that come from a base (`undefined`: from nothing). What is equal is not looked
 * into, so the cost is that of what differs. Writes the trees and blobs of the result.
 *
 * @throws {GitError} "not_found" or "corrupt" when an object is not there or is damaged, "limit"
 * when trees nest deeper than 2,048.
 */
export function mergeTrees(
  store: ObjectStore,
  baseTree: ObjectId | undefined,
  oursTree: ObjectId,
  theirsTree: ObjectId,
  options: MergeTreesOptions = {},
): MergeTreesResult {
  const base = baseTree ?? store.algorithm.emptyTree;
  return mergeAtDepth(store, base, oursTree, theirsTree, options, 0);
}

/**
 * Merges two commits; several merge bases are merged into a virtual one first, conflicts included.
 *
 * @throws {GitError} As {@linkcode mergeTrees}.
 *
 * @example
 * ```ts
 * import { MemoryRepository, mergeCommits } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const author = "Ada <ada@example.com> 1700000000 +0000";
 * const repository = MemoryRepository.init();
 * repository.add("a.txt", bytes("1\n2\n3\n4\n"));
 * repository.commit({ author, message: "first\n" });
 * repository.switchTo("side");
 * repository.add("a.txt", bytes("1\n2\n3\nfour\n"));
 * const theirs = repository.commit({ author, message: "theirs\n" });
 * repository.switchTo("master");
 * repository.add("a.txt", bytes("1\n2\n3\n5\n"));
 * const ours = repository.commit({ author, message: "ours\n" });
 *
 * const merged = mergeCommits(repository.objects, ours, theirs);
 * assertEquals(merged.clean, false);
 * assertEquals(merged.messages.map(({ text }) => text), [
 *   "Auto-merging a.txt",
 *   "CONFLICT (content): Merge conflict in a.txt",
 * ]);
 * ```
 */
export function mergeCommits(
  store: ObjectStore,
  ours: ObjectId,
  theirs: ObjectId,
  options: MergeTreesOptions = {},
  bases?: readonly ObjectId[],
): MergeTreesResult {
  return mergeRecursively(store, ours, theirs, options, bases, 0);
}

function mergeRecursively(
  store: ObjectStore,
  ours: ObjectId,
  theirs: ObjectId,
  options: MergeTreesOptions,
  bases: readonly ObjectId[] | undefined,
  depth: number,
): MergeTreesResult {
  // Oldest first, as they are joined.
  const list = [...bases ?? mergeBases(store, ours, [theirs])].reverse();
  let base = list[0];
  const label = base === undefined
    ? "empty tree"
    : list.length > 1
    ? "merged common ancestors"
    : options.abbreviate?.(base) ?? base.slice(0, 7);
  const { base: _, ...inner } = options;
  for (const next of list.slice(1)) {
    const { tree } = mergeRecursively(
      store,
      base!,
      next,
      {
        ...inner,
        ours: "Temporary merge branch 1",
        theirs: "Temporary merge branch 2",
      },
      undefined,
      depth + 1,
    );
    base = rememberLinks(store, { parents: [base!, next], tree, time: 0 });
  }
  return mergeAtDepth(
    store,
    base === undefined ? store.algorithm.emptyTree : commitLinks(store, base).tree,
    commitLinks(store, ours).tree,
    commitLinks(store, theirs).tree,
    { ...options, base: options.base ?? label },
    depth,
  );
}
