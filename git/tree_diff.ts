/**
 * Differences between trees, and the pairs of files that all diff output is made from.
 *
 * @module
 */
import { type ByteString, toByteString, toHex } from "./_bytes.ts";
import { corrupt } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { compareTreeNames, isTreeMode, type TreeEntry } from "./objects.ts";
import { checkTreeDepth, type ObjectStore, readBlob, readTyped } from "./object_store.ts";
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
  /** Half of a pair that was taken apart because its content was rewritten. */
  broken?: boolean;
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

/** The mode that counts: of files only whether they can be run, as trees of old have others. */
function canonicalMode(mode: number): number {
  switch (mode & 0o170000) {
    case 0o100000:
      return (mode & 0o100) !== 0 ? 0o100755 : 0o100644;
    case 0o120000:
      return 0o120000;
    case 0o040000:
      return 0o040000;
    default:
      return 0o160000;
  }
}

/** An entry with the offset behind it. */
interface ParsedEntry extends TreeEntry {
  readonly end: number;
}

function parseEntry(data: Uint8Array, start: number, rawSize: number): ParsedEntry {
  let at = start, mode = 0;
  for (; data[at] !== 0x20; at++) {
    const digit = data[at]! - 48;
    if (!(digit >= 0 && digit < 8) || at - start > 6) {
      throw corrupt("malformed mode in tree entry");
    }
    mode = mode * 8 + digit;
  }
  const nameStart = ++at;
  at = data.indexOf(0, at);
  if (nameStart === start + 1) throw corrupt("malformed mode in tree entry");
  if (at < 0 || at + 1 + rawSize > data.length) throw corrupt("too-short tree file");
  if (at === nameStart) throw corrupt("empty filename in tree entry");
  const end = at + 1 + rawSize;
  return {
    mode: canonicalMode(mode),
    name: toByteString(data, nameStart, at),
    id: toHex(data, at + 1, end),
    end,
  };
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
  const { rawSize } = store.algorithm;
  const treeData = (id: ObjectId | undefined): Uint8Array =>
    id === undefined || id === store.algorithm.emptyTree
      ? new Uint8Array(0)
      : readTyped(store, id, "tree");
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
    const left = treeData(a), right = treeData(b);
    let i = 0, j = 0;
    let x: ParsedEntry | undefined, y: ParsedEntry | undefined;
    for (;;) {
      if (options.unchanged !== true && x === undefined && y === undefined) {
        // Entries that are the same to the byte need no more than that.
        for (;;) {
          const limit = Math.min(left.length - i, right.length - j);
          let k = 0;
          while (k < limit && left[i + k] === right[j + k] && left[i + k] !== 0) k++;
          if (k >= limit || left[i + k] !== 0 || right[j + k] !== 0) break;
          const end = k + 1 + rawSize;
          if (end > limit) break;
          k++;
          while (k < end && left[i + k] === right[j + k]) k++;
          if (k < end) break;
          i += end;
          j += end;
        }
      }
      if (x === undefined && i < left.length) i = (x = parseEntry(left, i, rawSize)).end;
      if (y === undefined && j < right.length) j = (y = parseEntry(right, j, rawSize)).end;
      if (x === undefined && y === undefined) break;
      const order = x === undefined
        ? 1
        : y === undefined
        ? -1
        : x.name === y.name && isTreeMode(x.mode) === isTreeMode(y.mode)
        ? 0
        : compareTreeNames(x.name, isTreeMode(x.mode), y.name, isTreeMode(y.mode));
      const p = x, q = y;
      if (order <= 0) x = undefined;
      if (order >= 0) y = undefined;
      if (order < 0) show(base + p!.name, p, undefined, depth);
      else if (order > 0) show(base + q!.name, undefined, q, depth);
      else if (p!.id !== q!.id || p!.mode !== q!.mode) show(base + p!.name, p, q, depth);
      else if (options.unchanged) {
        const path = base + p!.name;
        if (isTreeMode(p!.mode)) walk(p!.id, q!.id, `${path}/`, depth + 1);
        else out.push({ old: file(path, p), new: file(path, q), status: "", score: 0 });
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
