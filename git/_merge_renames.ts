/**
 * Renames in a three-way merge: of files, on either side or both, and of whole directories, which
 * what the other side added follows. Results and words follow Git's "ort" strategy.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { directoryOf } from "./_directory_renames.ts";
import type { MergePaths, PathInfo, Side, Version, Versions } from "./_merge_paths.ts";
import type { MergeMessage } from "./merge_trees.ts";
import { isFileMode } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import { matchRenames } from "./rename.ts";
import type { DiffPair } from "./tree_diff.ts";

/** What renames need of the merge they are part of. */
export interface RenameContext {
  readonly store: ObjectStore;
  readonly found: MergePaths;
  /** Names of the sides (index 0 is not used). */
  readonly branches: readonly [ByteString, ByteString, ByteString];
  /** What files follow a renamed directory: all, none, or all but as conflicts. */
  readonly directoryRenames: boolean | "conflict";
  readonly renameLimit: number;
  readonly minimumScore: number | undefined;
  onLimit(needed: number): void;
  say(kind: MergeMessage["kind"], paths: readonly ByteString[], text: ByteString): void;
  /** Merges contents; `markerGrowth` is added to the length of markers. */
  mergeContent(
    path: ByteString,
    versions: Versions,
    names: readonly [ByteString, ByteString, ByteString],
    markerGrowth: number,
  ): { version: Version; clean: boolean };
  /** How many virtual bases deep this merge is. */
  readonly depth: number;
}

/** A path that renamed directories would move files to. */
interface Destination {
  sources: ByteString[];
  reported: boolean;
}

type DirectoryMap = Map<ByteString, ByteString>;

/** The most common destination of each directory that a side removed. */
function directoryDestinations(context: RenameContext, side: Side): [DirectoryMap, boolean] {
  const out: DirectoryMap = new Map();
  let clean = true;
  for (const [source, counts] of context.found.directories[side].counts) {
    let most = 0, tied = 0;
    let best: ByteString | undefined;
    for (const [target, n] of counts) {
      if (n === most) tied = most;
      else if (n > most) {
        most = n;
        best = target;
      }
    }
    if (best === undefined) continue;
    if (tied === most) {
      context.say(
        "CONFLICT(directory rename unclear split)",
        [source],
        `CONFLICT (directory rename split): Unclear where to rename ${source} to; it was renamed to multiple other directories, with no destination getting a majority of the files.`,
      );
      clean = false;
    } else out.set(source, best);
  }
  return [out, clean];
}

/** The nearest directory above a path that was renamed. */
function renamedDirectory(path: ByteString, renames: DirectoryMap): ByteString | undefined {
  for (let slash = path.lastIndexOf("/"); slash >= 0; slash = path.lastIndexOf("/", slash - 1)) {
    const directory = path.slice(0, slash);
    if (renames.has(directory)) return directory;
    if (slash === 0) break;
  }
  return undefined;
}

function moved(path: ByteString, from: ByteString, to: ByteString): ByteString {
  return to === "" ? path.slice(from.length + 1) : to + path.slice(from.length);
}

/** Where the renamed directories of the other side would put what this side added or renamed. */
function destinations(
  pairs: readonly DiffPair[],
  renames: DirectoryMap,
): Map<ByteString, Destination> {
  const out = new Map<ByteString, Destination>();
  if (renames.size === 0) return out;
  for (const pair of pairs) {
    if (pair.status !== "A" && pair.status !== "R") continue;
    const directory = renamedDirectory(pair.new.path, renames);
    if (directory === undefined) continue;
    const target = moved(pair.new.path, directory, renames.get(directory)!);
    let known = out.get(target);
    if (known === undefined) out.set(target, known = { sources: [], reported: false });
    known.sources.push(pair.new.path);
  }
  for (const known of out.values()) known.sources = [...new Set(known.sources)].sort();
  return out;
}

interface SidedPair {
  pair: DiffPair;
  side: Side;
}

/** One run over the renames of both sides. */
class Renames {
  readonly context: RenameContext;
  readonly paths: Map<ByteString, PathInfo>;
  /** Where each side moved directories (index 0 is not used). */
  #renamed: [DirectoryMap, DirectoryMap, DirectoryMap] = [new Map(), new Map(), new Map()];
  #destinations: Map<ByteString, Destination>[] = [];
  clean = true;

  constructor(context: RenameContext) {
    this.context = context;
    this.paths = context.found.paths;
  }

  run(): void {
    const { context } = this;
    const { found } = context;
    if (context.depth === 0 && context.directoryRenames !== false) {
      for (const side of [1, 2] as const) {
        const [map, clean] = directoryDestinations(context, side);
        this.#renamed[side] = map;
        this.clean &&= clean;
      }
      // A directory that both sides renamed has no destination.
      for (const directory of [...this.#renamed[1].keys()]) {
        if (this.#renamed[2].delete(directory)) this.#renamed[1].delete(directory);
      }
    }
    this.#destinations = [
      new Map(),
      destinations(found.pairs[1], this.#renamed[2]),
      destinations(found.pairs[2], this.#renamed[1]),
    ];
    const pairs = [...this.#collect(1), ...this.#collect(2)];
    pairs.sort((a, b) => compare(a.pair.old.path, b.pair.old.path));
    for (let i = 0; i < pairs.length; i++) if (this.#process(pairs[i]!, pairs[i + 1])) i++;
  }

  /** The renames of a side, and what it added where the other side renamed the directory. */
  #collect(side: Side): SidedPair[] {
    const out: SidedPair[] = [];
    for (const pair of this.context.found.pairs[side]) {
      if (pair.status !== "A" && pair.status !== "R") continue;
      const target = this.#directoryTarget(pair.new.path, side);
      if (pair.status !== "R" && target === undefined) continue;
      let kept = pair;
      if (target !== undefined) {
        this.#move(pair, target);
        kept = { ...pair, new: { ...pair.new, path: target } };
      }
      out.push({ pair: kept, side });
    }
    return out;
  }

  /** Where a renamed directory of the other side takes a path; `undefined` if nowhere. */
  #directoryTarget(path: ByteString, side: Side): ByteString | undefined {
    const { context } = this;
    const other = side === 1 ? 2 : 1;
    const renames = this.#renamed[other], exclusions = this.#renamed[side];
    if (renames.size === 0) return undefined;
    // The other side has something on its way to this very path.
    if (this.#destinations[other]!.has(path)) return undefined;
    const directory = renamedDirectory(path, renames);
    if (directory === undefined) return undefined;
    const newDirectory = renames.get(directory)!;
    if (exclusions.has(newDirectory)) {
      context.say(
        "Directory rename skipped since directory was renamed on both sides",
        [directory, path, newDirectory],
        `WARNING: Avoiding applying ${directory} -> ${newDirectory} rename to ${path}, because ${newDirectory} itself was renamed.`,
      );
      return undefined;
    }
    const target = moved(path, directory, newDirectory);
    const destination = this.#destinations[side]!.get(target)!;
    const { sources } = destination;
    if (destination.reported) {
      this.clean = false;
      return undefined;
    }
    const there = this.paths.get(target);
    if (
      there !== undefined &&
      (there.clean || ((there.fileMask | there.directoryMask) & (1 << side)) !== 0)
    ) {
      destination.reported = true;
      context.say(
        "CONFLICT (file in way of directory rename)",
        [target, ...sources],
        `CONFLICT (implicit dir rename): Existing file/dir at ${target} in the way of implicit directory rename(s) putting the following path(s) there: ${
          sources.join(", ")
        }.`,
      );
      this.clean = false;
      return undefined;
    }
    if (sources.length > 1) {
      destination.reported = true;
      context.say(
        "CONFLICT(directory rename collision)",
        [target, ...sources],
        `CONFLICT (implicit dir rename): Cannot map more than one path to ${target}; implicit directory renames tried to put these paths there: ${
          sources.join(", ")
        }`,
      );
      this.clean = false;
      return undefined;
    }
    return target;
  }

  /** Moves what is known of a path to where its directory went. */
  #move(pair: DiffPair, target: ByteString): void {
    const { context, paths } = this;
    const { absent } = context.found;
    const from = pair.new.path;
    let info = paths.get(from)!;
    const missing: ByteString[] = [];
    for (
      let directory = directoryOf(target);
      directory !== "" && !paths.has(directory);
      directory = directoryOf(directory)
    ) missing.push(directory);
    for (const directory of missing.reverse()) {
      const made = context.found.make(directory);
      made.directoryMask = info.fileMask;
      paths.set(directory, made);
    }
    if (info.directoryMask === 0) paths.delete(from);
    else {
      // A directory of the base is here too, and stays.
      const own: PathInfo = {
        ...info,
        directoryMask: 0,
        stages: [absent, info.stages[1], info.stages[2]],
        names: [...info.names],
      };
      info.fileMask = 0;
      info.clean = true;
      for (let i = 0; i < 3; i++) {
        if ((info.directoryMask & (1 << i)) === 0) info.stages[i] = absent;
      }
      info = own;
    }
    const side: Side = info.fileMask === 2 ? 1 : 2;
    const withPath = context.branches[side], withRename = context.branches[side === 1 ? 2 : 1];
    const there = paths.get(target);
    if (there === undefined) paths.set(target, info);
    else {
      there.fileMask |= info.fileMask;
      if (there.directoryMask !== 0) there.fileDirectory = true;
      there.names[side] = info.names[side];
      there.stages[side] = info.stages[side];
      info = there;
    }
    const applied = context.directoryRenames === true;
    const what = pair.status === "A" ? `${from} added` : `${pair.old.path} renamed to ${from}`;
    if (applied) {
      context.say(
        "Path updated due to directory rename",
        [target, from],
        pair.status === "A"
          ? `Path updated: ${what} in ${withPath} inside a directory that was renamed in ${withRename}; moving it to ${target}.`
          : `Path updated: ${what} in ${withPath}, inside a directory that was renamed in ${withRename}; moving it to ${target}.`,
      );
      return;
    }
    info.pathConflict = true;
    context.say(
      "CONFLICT (directory rename suggested)",
      [target, from],
      pair.status === "A"
        ? `CONFLICT (file location): ${what} in ${withPath} inside a directory that was renamed in ${withRename}, suggesting it should perhaps be moved to ${target}.`
        : `CONFLICT (file location): ${what} in ${withPath}, inside a directory that was renamed in ${withRename}, suggesting it should perhaps be moved to ${target}.`,
    );
  }

  /** Joins what a rename connects; true when it took the next one (of the same source) with it. */
  #process({ pair, side }: SidedPair, next: SidedPair | undefined): boolean {
    const { context, paths } = this;
    const { absent } = context.found;
    const from = pair.old.path, to = pair.new.path;
    const source = paths.get(from);
    // Only the destination was of interest, or both sides agree by now.
    if (pair.status !== "R" || source === undefined || source.clean) return false;
    if (next !== undefined && next.pair.status === "R" && next.pair.old.path === from) {
      this.#processBoth(from, to, next.pair.new.path);
      return true;
    }
    const target = paths.get(to);
    // Settled without this rename: in a directory that was taken whole.
    if (target === undefined || target.clean) return false;
    const other: Side = side === 1 ? 2 : 1;
    const otherBit = 1 << other;
    const deleted = source.fileMask === 1;
    const typeChanged = !deleted &&
      isFileMode(source.stages[other].mode) !== isFileMode(target.stages[side].mode);
    const collides = (target.fileMask & otherBit) !== 0 && !typeChanged;
    const sayDeleted = (): void =>
      context.say(
        "CONFLICT (rename/delete)",
        [to, from],
        `CONFLICT (rename/delete): ${from} renamed to ${to} in ${
          context.branches[side]
        }, but deleted in ${context.branches[other]}.`,
      );
    if (collides && !deleted) {
      const names: [ByteString, ByteString, ByteString] = [from, from, from];
      names[side] = to;
      const merged = context.mergeContent(
        from,
        [
          source.stages[0],
          (side === 1 ? target : source).stages[1],
          (side === 1 ? source : target).stages[2],
        ],
        names,
        1 + 2 * context.depth,
      );
      target.stages[side] = merged.version;
      if (!merged.clean) {
        context.say(
          "CONFLICT (rename involved in collision)",
          [to, from],
          `CONFLICT (rename involved in collision): rename of ${from} -> ${to} has content conflicts AND collides with another path; this may result in nested conflict markers.`,
        );
      }
    } else if (collides) {
      target.pathConflict = true;
      sayDeleted();
    } else {
      target.stages[0] = source.stages[0];
      target.fileMask |= 1;
      target.names[0] = from;
      if (typeChanged) {
        source.stages[0] = absent;
        source.fileMask &= 6;
      } else if (deleted) {
        target.pathConflict = true;
        sayDeleted();
      } else {
        target.stages[other] = source.stages[other];
        target.fileMask |= otherBit;
        target.names[other] = from;
      }
    }
    if (!typeChanged) {
      source.isNull = true;
      source.clean = true;
    }
    return false;
  }

  /** Both sides renamed one file. */
  #processBoth(from: ByteString, ours: ByteString, theirs: ByteString): void {
    const { context, paths } = this;
    const base = paths.get(from)!, side1 = paths.get(ours), side2 = paths.get(theirs);
    if (side1 === undefined || side1.clean || side2 === undefined || side2.clean) return;
    if (ours === theirs) {
      side1.stages[0] = base.stages[0];
      side1.fileMask |= 1;
      base.isNull = true;
      base.clean = true;
      return;
    }
    const merged = context.mergeContent(
      from,
      [base.stages[0], side1.stages[1], side2.stages[2]],
      [from, ours, theirs],
      1 + 2 * context.depth,
    );
    this.clean &&= merged.clean;
    const { version } = merged;
    // What cannot be merged is kept as it was on each side.
    const unmerged = !merged.clean && version.mode === side1.stages[1].mode &&
      version.id === side1.stages[1].id;
    side1.stages[1] = version;
    if (!unmerged) side2.stages[2] = version;
    side1.pathConflict = true;
    side2.pathConflict = true;
    base.pathConflict = true;
    context.say(
      "CONFLICT (rename/rename)",
      [from, ours, theirs],
      `CONFLICT (rename/rename): ${from} renamed to ${ours} in ${
        context.branches[1]
      } and to ${theirs} in ${context.branches[2]}.`,
    );
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Looks for the renames of both sides; those that were known before join them. True when there was
 * something to look for.
 */
export function findRenames(context: RenameContext): boolean {
  const { found } = context;
  let looked = false;
  for (const side of [1, 2] as const) {
    found.pruneSources(side);
    if (found.pairs[side].length === 0 || found.directories[side].sources.size === 0) continue;
    looked = true;
    found.directories[side].counts.clear();
    found.pairs[side] = matchRenames(context.store, found.pairs[side], {
      empty: false,
      limit: context.renameLimit,
      ...(context.minimumScore === undefined ? {} : { minimumScore: context.minimumScore }),
      onLimit: (needed) => context.onLimit(needed),
    }, found.directories[side]);
  }
  return looked;
}

/** Joins the versions that renames connect. False when something conflicts by itself. */
export function processRenames(context: RenameContext): boolean {
  const renames = new Renames(context);
  renames.run();
  return renames.clean;
}
