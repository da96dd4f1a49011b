/**
 * The paths of a three-way merge: which of them the three trees disagree about.
 *
 * The trees are walked side by side. What is equal on both sides, or changed on one only, is
 * settled at once, whole directories included, unless a rename could lead into or out of it. For
 * the rest the versions are noted, and what was added or removed on each side for the search for
 * renames. Follows the traversal of Git's "ort" strategy.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { directoryOf, DirectoryRenames } from "./_directory_renames.ts";
import { hashMapOrder } from "./_hash_map_order.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { canonicalMode, isTreeMode } from "./objects.ts";
import { checkTreeDepth, type ObjectStore, readTree } from "./object_store.ts";
import { type DiffFile, type DiffPair, makePair } from "./tree_diff.ts";

/** A file's mode and content; mode 0 is no file. */
export interface Version {
  readonly mode: number;
  readonly id: ObjectId;
}

/** Versions of a path in base, ours, theirs. */
export type Versions = [Version, Version, Version];

/** The sides that have renames. */
export type Side = 1 | 2;

/** What is known about a path. Masks have a bit each for base (1), ours (2) and theirs (4). */
export interface PathInfo {
  /** What the merge makes of it. */
  result: Version;
  /** There is nothing at this path afterwards. */
  isNull: boolean;
  /** Settled; the fields below mean nothing then. */
  clean: boolean;
  /** The three versions. */
  stages: Versions;
  /** Where each of them was. */
  names: [ByteString, ByteString, ByteString];
  /** A file on one side and a directory on the other. */
  fileDirectory: boolean;
  /** A conflict that is not about content. */
  pathConflict: boolean;
  /** Who has a file here. */
  fileMask: number;
  /** Who has a directory here. */
  directoryMask: number;
  /** Who agrees. */
  matchMask: number;
}

/** Three versions under one name, and who has it. */
interface Names {
  name: ByteString;
  versions: Versions;
  mask: number;
  directoryMask: number;
}

/** Renames of one side that an earlier walk found out about. */
export class KnownRenames {
  /** Old path to new one; `undefined` for what was deleted. */
  readonly pairs: Map<ByteString, ByteString | undefined> = new Map();
  /** New paths. */
  readonly targets: Set<ByteString> = new Set();
  /** Paths whose renames turned out not to matter. */
  readonly irrelevant: Set<ByteString> = new Set();
  /** Where directories went. */
  readonly counts: Map<ByteString, Map<ByteString, number>>;

  /** Keeps the renames among pairs whose sources matter. */
  constructor(pairs: readonly DiffPair[], directories: DirectoryRenames) {
    this.counts = directories.counts;
    for (const { old, new: target, status } of pairs) {
      const relevance = directories.sources.get(old.path);
      if (relevance === undefined) continue;
      if (relevance === "none") this.irrelevant.add(old.path);
      else if (status === "D") this.pairs.set(old.path, undefined);
      else if (status === "R") {
        this.pairs.set(old.path, target.path);
        this.targets.add(target.path);
      }
    }
  }
}

/** How many times the paths have to grow for a second walk, with renames known, to be worth it. */
const REDO_FACTOR = 3;

/** What one walk over three trees finds. */
export class MergePaths {
  readonly paths: Map<ByteString, PathInfo> = new Map();
  /** Added and removed files of each side (index 0 is not used). */
  readonly pairs: [DiffPair[], DiffPair[], DiffPair[]] = [[], [], []];
  /** What renames of each side matter for (index 0 is not used). */
  readonly directories: [DirectoryRenames, DirectoryRenames, DirectoryRenames];
  /**
   * Whole directories had to be walked for the sake of renames; once these are known, another walk
   * may settle the directories at once, which also decides what conflicts in them.
   */
  readonly worthRedoing: boolean = false;
  /** No version at all. */
  readonly absent: Version;
  readonly #store: ObjectStore;
  /** Directories that may be taken whole from each side, with the mask they were met under. */
  readonly #deferred: [Map<ByteString, number>, Map<ByteString, number>, Map<ByteString, number>] =
    [new Map(), new Map(), new Map()];
  readonly #mayDefer: [boolean, boolean, boolean] = [true, true, true];
  /**
   * 0: unchanged sources are of no interest; 2 or 4: neither, unless that side added a file here;
   * 7: they are, as their directory may have been renamed.
   */
  #renameMask = 0;

  /** Directories in which a known rename ends. */
  readonly #targetDirectories: [Set<ByteString>, Set<ByteString>, Set<ByteString>] = [
    new Set(),
    new Set(),
    new Set(),
  ];
  readonly #known: readonly (KnownRenames | undefined)[];

  /** Walks the trees; `known` are the renames of both sides, if they were found before. */
  constructor(
    store: ObjectStore,
    trees: readonly [base: ObjectId, ours: ObjectId, theirs: ObjectId],
    known: readonly (KnownRenames | undefined)[] = [],
  ) {
    this.#store = store;
    this.#known = known;
    this.directories = [
      new DirectoryRenames(),
      new DirectoryRenames(known[1]?.counts),
      new DirectoryRenames(known[2]?.counts),
    ];
    this.absent = { mode: 0, id: store.algorithm.zero };
    this.#walk("", trees, 0);
    const before = this.paths.size;
    let walked = false;
    for (const side of [1, 2] as const) if (this.#settleDeferred(side)) walked = true;
    this.worthRedoing = walked && Math.floor(this.paths.size / before) >= REDO_FACTOR;
  }

  /** What an earlier walk found about a side joins the pairs of this one. */
  useKnown(side: Side): void {
    const known = this.#known[side];
    if (known === undefined) return;
    const file = (path: ByteString): DiffFile => ({ path, ...this.absent, idKnown: false });
    for (const from of hashMapOrder(known.pairs.keys())) {
      const to = known.pairs.get(from);
      this.pairs[side].push({
        old: file(from),
        new: file(to ?? from),
        status: to === undefined ? "D" : "R",
        score: 0,
      });
    }
  }

  /** Drops the sources of a side about which all is known. */
  pruneSources(side: Side): void {
    const known = this.#known[side];
    if (known === undefined) return;
    for (const path of known.pairs.keys()) this.directories[side].sources.delete(path);
    for (const path of known.irrelevant) this.directories[side].sources.delete(path);
  }

  /** A path about which nothing is known yet. */
  make(path: ByteString): PathInfo {
    return {
      result: this.absent,
      isNull: false,
      clean: false,
      stages: [this.absent, this.absent, this.absent],
      names: [path, path, path],
      fileDirectory: false,
      pathConflict: false,
      fileMask: 0,
      directoryMask: 0,
      matchMask: 0,
    };
  }

  /** The names in three trees, in a tree's order; one that is a file and a directory comes once. */
  #read(trees: readonly (ObjectId | undefined)[]): Names[] {
    const found = new Map<ByteString, Names>();
    let inOrder = true;
    for (let i = 0, before = 0; i < 3; i++) {
      const tree = trees[i];
      if (tree === undefined) continue;
      for (const entry of readTree(this.#store, tree)) {
        const directoryBit = isTreeMode(entry.mode) ? 1 << i : 0;
        let names = found.get(entry.name);
        if (names === undefined) {
          names = {
            name: entry.name,
            versions: [this.absent, this.absent, this.absent],
            mask: 0,
            directoryMask: 0,
          };
          found.set(entry.name, names);
          inOrder &&= before === 0;
        } else inOrder &&= (names.directoryMask !== 0) === (directoryBit !== 0);
        names.versions[i] = { mode: canonicalMode(entry.mode), id: entry.id };
        names.mask |= 1 << i;
        names.directoryMask |= directoryBit;
      }
      before++;
    }
    const list = [...found.values()];
    if (inOrder) return list;
    // A directory sorts as if its name ended in a slash, but a name that is both as a file.
    const keys = new Map(
      list.map((names) => [
        names,
        names.mask === names.directoryMask ? `${names.name}/` : names.name,
      ]),
    );
    return list.sort((a, b) => (keys.get(a)! < keys.get(b)! ? -1 : 1));
  }

  #walk(base: ByteString, trees: readonly (ObjectId | undefined)[], depth: number): void {
    checkTreeDepth(depth);
    const list = this.#read(trees);
    if (this.#renameMask === 2 || this.#renameMask === 4) {
      for (const names of list) {
        const fileMask = names.mask & ~names.directoryMask;
        if (fileMask !== 0 && fileMask === this.#renameMask) this.#renameMask = 7;
      }
    }
    for (const names of list) this.#visit(base, names, depth);
  }

  #visit(base: ByteString, { name, versions, mask, directoryMask }: Names, depth: number): void {
    const path = base + name;
    const fileMask = mask & ~directoryMask;
    const [o, a, b] = versions;
    const oursUnchanged = (mask & 3) === 3 && o.mode === a.mode && o.id === a.id;
    const theirsUnchanged = (mask & 5) === 5 && o.mode === b.mode && o.id === b.id;
    const bothAlike = (mask & 6) === 6 && a.mode === b.mode && a.id === b.id;
    const info = this.make(path);
    this.paths.set(path, info);
    const settle = (result: Version): void => {
      info.clean = true;
      info.result = result;
    };
    if (oursUnchanged && theirsUnchanged) return settle(o);
    if (fileMask === 7) {
      if (bothAlike) return settle(a);
      if (oursUnchanged) return settle(b);
      if (theirsUnchanged) return settle(a);
    }
    const matchMask = oursUnchanged ? 3 : theirsUnchanged ? 5 : bothAlike ? 6 : 0;
    const previousMask = this.#renameMask;
    this.#noteRenames(base, path, versions, fileMask, directoryMask, matchMask);
    info.stages = versions;
    info.fileMask = fileMask;
    info.directoryMask = directoryMask;
    info.fileDirectory = fileMask !== 0 && directoryMask !== 0;
    info.isNull = directoryMask !== 0;
    info.matchMask = matchMask;
    if (directoryMask === 0) return;
    let side: 0 | Side = oursUnchanged ? 2 : theirsUnchanged ? 1 : 0;
    if (fileMask === 0 && (directoryMask === 2 || directoryMask === 4)) {
      info.matchMask = 7 - directoryMask;
      side = directoryMask === 2 ? 1 : 2;
    }
    if (
      this.#renameMask !== 7 && side !== 0 && this.#mayDefer[side] &&
      !this.#targetDirectories[side].has(path)
    ) {
      this.#deferred[side].set(path, this.#renameMask);
      this.#renameMask = previousMask;
      return;
    }
    info.matchMask &= fileMask;
    this.#walk(`${path}/`, treesOf(versions, directoryMask), depth + 1);
    this.#renameMask = previousMask;
  }

  /** Notes what was added and removed here, and which of it matters. */
  #noteRenames(
    base: ByteString,
    path: ByteString,
    versions: Versions,
    fileMask: number,
    directoryMask: number,
    matchMask: number,
  ): void {
    if (this.#renameMask !== 7 && (directoryMask === 3 || directoryMask === 5)) {
      // One side lacks this directory: it may have renamed it.
      this.#renameMask = directoryMask & ~1;
    }
    if (directoryMask === 1 || directoryMask === 3 || directoryMask === 5) {
      const relevance = this.#renameMask === 7 ? "ancestor" : "none";
      if ((directoryMask & 2) === 0) this.directories[1].removed.set(path, relevance);
      if ((directoryMask & 4) === 0) this.directories[2].removed.set(path, relevance);
    }
    if (this.#renameMask === 7 && (fileMask === 2 || fileMask === 4)) {
      // A new file in a directory that the other side lacks.
      this.directories[fileMask === 2 ? 2 : 1].removed.set(base.slice(0, -1), "self");
    }
    if (fileMask === 0 || fileMask === 7) return;
    const match = matchMask & fileMask;
    for (const side of [1, 2] as const) {
      const bit = 1 << side;
      const before = (fileMask & 1) !== 0, after = (fileMask & bit) !== 0;
      if (before === after) continue;
      const known = this.#known[side];
      if (before) {
        if (match === 0) known?.irrelevant.delete(path);
        if (match === 0) this.directories[side].sources.set(path, "content");
        else if (this.#renameMask === 7) this.directories[side].sources.set(path, "location");
      }
      if (
        before ? known?.pairs.has(path) || known?.irrelevant.has(path) : known?.targets.has(path)
      ) {
        continue;
      }
      const file = (version: Version): DiffFile => ({
        path,
        mode: version.mode,
        id: version.id,
        idKnown: version.mode !== 0,
      });
      this.pairs[side].push(
        before
          ? makePair(file(versions[0]), file(this.absent))
          : makePair(file(this.absent), file(versions[side])),
      );
    }
  }

  /**
   * Takes directories that only one side changed from that side; where renames still have to be
   * found on it, they are walked after all. True when that is so.
   */
  #settleDeferred(side: Side): boolean {
    let whole = true;
    const known = this.#known[side];
    const targets = this.#targetDirectories[side];
    for (const source of this.directories[side].sources.keys()) {
      if (known?.irrelevant.has(source)) continue;
      if (known === undefined || !known.pairs.has(source)) {
        whole = false;
        break;
      }
      const target = known.pairs.get(source);
      if (target === undefined || this.paths.has(target)) continue;
      for (
        let directory = directoryOf(target);
        directory !== "" && !targets.has(directory);
        directory = directoryOf(directory)
      ) targets.add(directory);
    }
    this.#mayDefer[side] = whole;
    const settle = (path: ByteString): void => {
      const info = this.paths.get(path)!;
      info.result = info.stages[side];
      info.isNull = info.result.mode === 0;
      info.matchMask = 0;
      info.clean = true;
    };
    const deferred = new Map(this.#deferred[side]);
    this.#deferred[side].clear();
    for (const path of hashMapOrder(deferred.keys())) {
      if (whole && !targets.has(path)) {
        settle(path);
        continue;
      }
      const info = this.paths.get(path)!;
      info.matchMask &= info.fileMask;
      this.#renameMask = deferred.get(path)!;
      let depth = 1;
      for (let i = path.indexOf("/"); i >= 0; i = path.indexOf("/", i + 1)) depth++;
      this.#walk(`${path}/`, treesOf(info.stages, info.directoryMask), depth);
    }
    for (const path of this.#deferred[side].keys()) settle(path);
    return !whole;
  }
}

function treesOf(versions: Versions, directoryMask: number): (ObjectId | undefined)[] {
  return versions.map((version, i) => (directoryMask & (1 << i)) !== 0 ? version.id : undefined);
}
