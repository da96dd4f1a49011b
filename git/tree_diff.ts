/**
 * Differences between trees, and the pairs of files that all diff output is made from.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { compareTreeNames, isTreeMode, type TreeEntry } from "./objects.ts";
import { checkTreeDepth, type ObjectStore, readBlob, readTree } from "./object_store.ts";
import type { Pathspec } from "./pathspec.ts";

/** One side of a difference. */
export interface DiffFile {
  /** Path from the top. */
  path: ByteString;
  /** File mode; 0 when the file is not there. */
  mode: number;
  /** The blob; the zero id when it is only in the worktree. */
  id: ObjectId;
  /** Whether `id` names the content. */
  idKnown: boolean;
  /** Reads the content of a file in the worktree. */
  load?: () => Uint8Array;
  /** A submodule whose worktree has changes. */
  dirty?: boolean;
  /** What is changed in the worktree of a submodule. */
  submodule?: { commits: boolean; modified: boolean; untracked: boolean };
}

/** A difference between two files. */
export interface DiffPair {
  /** Before. */
  old: DiffFile;
  /** After. */
  new: DiffFile;
  /** `A`, `D`, `M`, `T`, `R`, `C`, `U` (unmerged), or "" when nothing differs. */
  status: string;
  /** Similarity, 0 to 60000, for renames, copies and rewrites. */
  score: number;
  /** The old side is also used by another pair: a copy. */
  copied?: boolean;
}

/** Largest score: the files are the same. */
export const MAX_SCORE = 60000;

/** Options of {@linkcode diffTrees}. */
export interface TreeDiffOptions {
  /** Compare inside directories. Default true. */
  recursive?: boolean;
  /** Also report the directories themselves. */
  showTrees?: boolean;
  /** Only these paths. */
  pathspec?: Pathspec | undefined;
  /** Also pair files that do not differ (for copies). */
  unchanged?: boolean;
}

/** Makes a pair and its status. */
export function makePair(oldFile: DiffFile, newFile: DiffFile): DiffPair {
  let status = "M";
  if (oldFile.mode === 0) status = "A";
  else if (newFile.mode === 0) status = "D";
  else if ((oldFile.mode & 0o170000) !== (newFile.mode & 0o170000)) status = "T";
  return { old: oldFile, new: newFile, status, score: 0 };
}

/**
 * Compares two trees (either may be `undefined`: empty). Throws `GitError` ("limit") for trees deeper
 * than 1024 directories.
 */
export function diffTrees(
  store: ObjectStore,
  before: ObjectId | undefined,
  after: ObjectId | undefined,
  options: TreeDiffOptions = {},
): DiffPair[] {
  const out: DiffPair[] = [];
  const zero = store.algorithm.zero;
  const recursive = options.recursive ?? true;
  const file = (path: ByteString, entry: TreeEntry | undefined): DiffFile =>
    entry === undefined
      ? { path, mode: 0, id: zero, idKnown: false }
      : { path, mode: entry.mode, id: entry.id, idKnown: true };
  const spec = options.pathspec?.empty ? undefined : options.pathspec;
  const entryOrUndefined = (id: ObjectId | undefined): TreeEntry[] =>
    id === undefined ? [] : readTree(store, id);
  const show = (
    path: ByteString,
    a: TreeEntry | undefined,
    b: TreeEntry | undefined,
    depth: number,
  ): void => {
    const aTree = a !== undefined && isTreeMode(a.mode),
      bTree = b !== undefined && isTreeMode(b.mode);
    if (spec !== undefined) {
      if (
        aTree || bTree
          ? !(recursive
            ? spec.mayMatchInside(path)
            : spec.matches(path, true) || spec.mayMatchInside(path))
          : !spec.matches(path)
      ) return;
    }
    const descend = recursive ||
      (spec !== undefined && (aTree || bTree) && !spec.matches(path, true));
    if ((aTree || bTree) && descend) {
      if (options.showTrees) out.push(makePair(file(path, a), file(path, b)));
      else if (aTree !== bTree && a !== undefined && b !== undefined) {
        // A file became a directory or the other way round: both are reported.
        if (!aTree) out.push(makePair(file(path, a), file(path, undefined)));
        walk(aTree ? a.id : undefined, bTree ? b.id : undefined, `${path}/`, depth + 1);
        if (!bTree) out.push(makePair(file(path, undefined), file(path, b)));
        return;
      }
      walk(aTree ? a!.id : undefined, bTree ? b!.id : undefined, `${path}/`, depth + 1);
      return;
    }
    out.push(makePair(file(path, a), file(path, b)));
  };
  const walk = (
    a: ObjectId | undefined,
    b: ObjectId | undefined,
    base: ByteString,
    depth: number,
  ): void => {
    checkTreeDepth(depth);
    const left = entryOrUndefined(a), right = entryOrUndefined(b);
    let i = 0, j = 0;
    while (i < left.length || j < right.length) {
      const x = left[i], y = right[j];
      const order = x === undefined
        ? 1
        : y === undefined
        ? -1
        : x.name === y.name && isTreeMode(x.mode) === isTreeMode(y.mode)
        ? 0
        : compareTreeNames(x.name, isTreeMode(x.mode), y.name, isTreeMode(y.mode));
      if (order === 0) {
        i++;
        j++;
        if (x!.id === y!.id && x!.mode === y!.mode) {
          if (options.unchanged) {
            if (isTreeMode(x!.mode)) walk(x!.id, y!.id, `${base}${x!.name}/`, depth + 1);
            else {out.push({
                old: file(base + x!.name, x),
                new: file(base + x!.name, y),
                status: "",
                score: 0,
              });}
          }
          continue;
        }
        show(base + x!.name, x, y, depth);
      } else if (order < 0) {
        i++;
        show(base + x!.name, x, undefined, depth);
      } else {
        j++;
        show(base + y!.name, undefined, y, depth);
      }
    }
  };
  walk(before, after, "", 0);
  return out;
}

/** Joins a deletion and an addition of the same path (file and directory swaps sort apart) into one type change. */
export function mergeTypeChanges(pairs: DiffPair[]): DiffPair[] {
  const additions = new Map<ByteString, DiffPair>();
  for (const pair of pairs) if (pair.status === "A") additions.set(pair.new.path, pair);
  const out: DiffPair[] = [];
  const used = new Set<DiffPair>();
  for (const pair of pairs) {
    if (used.has(pair)) continue;
    if (pair.status === "D") {
      const twin = additions.get(pair.old.path);
      if (twin !== undefined && !isTreeMode(twin.new.mode) && !isTreeMode(pair.old.mode)) {
        used.add(twin);
        out.push(makePair(pair.old, twin.new));
        continue;
      }
    }
    out.push(pair);
  }
  return out.filter((pair) => !used.has(pair));
}

/** The content of one side; empty when it is not there. */
export function fileContent(store: ObjectStore, file: DiffFile): Uint8Array {
  if (file.mode === 0) return new Uint8Array(0);
  if (file.load !== undefined) return file.load();
  if ((file.mode & 0o170000) === 0o160000) {
    return new TextEncoder().encode(`Subproject commit ${file.id}${file.dirty ? "-dirty" : ""}\n`);
  }
  return readBlob(store, file.id);
}
