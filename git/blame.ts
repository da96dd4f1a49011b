/**
 * Which commit each line of a file comes from.
 *
 * Lines are handed from a version of the file to the versions in the parents of its commit as long
 * as they are there too; what no parent has comes from that commit. Renames of the whole file are
 * followed.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { diffLines, Lines } from "./line_diff.ts";
import { commitLinks, TimeQueue } from "./merge_base.ts";
import { type ObjectStore, readBlob } from "./object_store.ts";
import { detectRenames } from "./rename.ts";
import { findInTree } from "./revision.ts";
import { diffTrees } from "./tree_diff.ts";

/** A run of lines from one commit. */
export interface BlameEntry {
  /** First line in the result, 0-based. */
  line: number;
  /** How many lines. */
  count: number;
  /** Where they come from; the zero id for lines that are not committed. */
  commit: ObjectId;
  /** Path of the file there. */
  path: ByteString;
  /** First line in the file of that commit, 0-based. */
  origin: number;
  /** The search ended here: the lines may be older. */
  boundary: boolean;
  /** The version of the file that did not have the lines. */
  previous: { commit: ObjectId; path: ByteString } | undefined;
}

/** The lines and where they come from. */
export interface BlameResult {
  /** The lines of the file. */
  lines: Lines;
  /** Runs of lines in order. */
  entries: BlameEntry[];
  /** Path of the file. */
  path: ByteString;
}

/** Options of {@linkcode blame}. */
export interface BlameOptions {
  /** Content of the file that is not committed yet. */
  content?: Uint8Array | undefined;
  /** Commits at which the search ends. */
  stop?: readonly ObjectId[];
  /** Only these lines: start and end, 0-based, end excluded. Called with the lines of the file. */
  ranges?: (lines: Lines) => readonly (readonly [from: number, to: number])[];
  /** Do not look into the second and later parents of merges. */
  firstParent?: boolean;
  /** Lines that differ in whitespace only are the same. */
  ignoreWhitespace?: boolean;
  /** First commits of the history do not count as boundaries. */
  rootIsNoBoundary?: boolean;
  /** After so many versions of the file the search ends as at a boundary. No limit by default. */
  maxVersions?: number;
  /** Stops the search. */
  signal?: AbortSignal;
}

interface Suspect {
  commit: ObjectId;
  path: ByteString;
  blob: ObjectId;
  entries: { line: number; count: number; origin: number }[];
}

/**
 * Finds the origin of each line of a file as it is in a commit. Costs a diff for each version of
 * the file. Throws `GitError` ("not_found") when there is no such file.
 *
 * @example
 * ```ts
 * import { blame, formatCommit, formatTree, MemoryObjectStore } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryObjectStore();
 * const blob = store.write("blob", new TextEncoder().encode("one\ntwo\n"));
 * const tree = store.write("tree", formatTree([{ name: "a", id: blob, mode: 0o100644 }]));
 * const who = "A <a@b> 0 +0000";
 * const commit = store.write("commit", formatCommit({
 *   tree, parents: [], author: who, committer: who, extra: [], message: "first\n",
 * }));
 * assertEquals(blame(store, commit, "a").entries.map((run) => [run.line, run.count, run.commit]), [
 *   [0, 2, commit],
 * ]);
 * ```
 */
export function blame(
  store: ObjectStore,
  start: ObjectId,
  path: ByteString,
  options: BlameOptions = {},
): BlameResult {
  const { zero } = store.algorithm;
  const worktree = options.content;
  const blobAt = (commit: ObjectId, name: ByteString): ObjectId | undefined => {
    const found = findInTree({ objects: store }, commitLinks(store, commit).tree, name);
    return found === undefined || (found.mode & 0o170000) === 0o40000 ? undefined : found.id;
  };
  const startBlob = blobAt(start, path);
  if (startBlob === undefined && worktree === undefined) {
    throw new GitError("not_found", `no such path '${path}' in ${start}`);
  }
  const data = worktree ?? readBlob(store, startBlob!);
  const lines = new Lines(data);
  const firstParent = options.firstParent ?? false;
  const boundary = new Set<ObjectId>(options.stop ?? []);
  const whitespace = options.ignoreWhitespace ? { ignoreAllSpace: true } : {};
  const result: BlameEntry[] = [];
  const suspects = new Map<string, Suspect>();
  const queue = new TimeQueue();
  const pending = new Map<ObjectId, Set<string>>();
  const add = (
    commit: ObjectId,
    name: ByteString,
    blob: ObjectId,
    entries: Suspect["entries"],
  ): void => {
    const key = `${commit}\0${name}`;
    const known = suspects.get(key);
    if (known !== undefined) known.entries.push(...entries);
    else suspects.set(key, { commit, path: name, blob, entries });
    let keys = pending.get(commit);
    if (keys === undefined) {
      pending.set(commit, keys = new Set());
      queue.push(commit, commitLinks(store, commit).time);
    }
    keys.add(key);
  };
  const wanted = options.ranges?.(lines) ?? (lines.count === 0 ? [] : [[0, lines.count] as const]);
  const initial = wanted.map(([from, to]) => ({ line: from, count: to - from, origin: from }));
  if (worktree !== undefined) {
    const before = startBlob === undefined ? new Uint8Array(0) : readBlob(store, startBlob);
    const { passed, kept } = passThrough(before, worktree, initial, whitespace);
    for (const entry of kept) {
      result.push({
        ...entry,
        commit: zero,
        path,
        boundary: false,
        previous: startBlob === undefined ? undefined : { commit: start, path },
      });
    }
    if (passed.length > 0) add(start, path, startBlob!, passed);
  } else add(start, path, startBlob!, initial);
  let versions = 0;
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    options.signal?.throwIfAborted();
    const keys = pending.get(id)!;
    pending.delete(id);
    for (const key of keys) {
      const suspect = suspects.get(key)!;
      suspects.delete(key);
      let { entries } = suspect;
      const stopHere = boundary.has(id) || versions++ >= (options.maxVersions ?? Infinity);
      const parents = stopHere
        ? []
        : firstParent
        ? commitLinks(store, id).parents.slice(0, 1)
        : commitLinks(store, id).parents;
      let previous: BlameEntry["previous"];
      const origins = parents.map((parent) => {
        let name = suspect.path;
        let blob = blobAt(parent, name);
        if (blob === undefined) {
          // Where other new files came from does not matter.
          const candidates = diffTrees(
            store,
            commitLinks(store, parent).tree,
            commitLinks(store, id!).tree,
          ).filter((pair) => pair.status !== "A" || pair.new.path === suspect.path);
          const pairs = detectRenames(store, candidates, {});
          const from = pairs.find((pair) =>
            pair.new.path === suspect.path && (pair.status === "R" || pair.status === "C")
          );
          if (from !== undefined) {
            name = from.old.path;
            blob = from.old.id;
          }
        }
        return blob === undefined ? undefined : { parent, name, blob };
      });
      const same = origins.find((origin) => origin !== undefined && origin.blob === suspect.blob);
      if (same !== undefined) {
        add(same.parent, same.name, same.blob, entries);
        continue;
      }
      for (const origin of origins) {
        if (origin === undefined || entries.length === 0) continue;
        previous ??= { commit: origin.parent, path: origin.name };
        const split = passThrough(
          readBlob(store, origin.blob),
          readBlob(store, suspect.blob),
          entries,
          whitespace,
        );
        if (split.passed.length > 0) add(origin.parent, origin.name, origin.blob, split.passed);
        entries = split.kept;
      }
      const isRoot = commitLinks(store, id).parents.length === 0;
      for (const entry of entries) {
        result.push({
          ...entry,
          commit: id,
          path: suspect.path,
          boundary: stopHere ||
            (isRoot && !(options.rootIsNoBoundary ?? false)),
          previous,
        });
      }
    }
  }
  result.sort((a, b) => a.line - b.line);
  const merged: BlameEntry[] = [];
  for (const entry of result) {
    const last = merged.at(-1);
    if (
      last !== undefined && last.commit === entry.commit && last.path === entry.path &&
      last.line + last.count === entry.line && last.origin + last.count === entry.origin
    ) {
      last.count += entry.count;
    } else merged.push({ ...entry });
  }
  return { lines, entries: merged, path };
}

/** Splits entries into lines that the older text has too, and the rest. */
function passThrough(
  before: Uint8Array,
  after: Uint8Array,
  entries: Suspect["entries"],
  options: { ignoreAllSpace?: boolean },
): { passed: Suspect["entries"]; kept: Suspect["entries"] } {
  const passed: Suspect["entries"] = [], kept: Suspect["entries"] = [];
  const changes = diffLines(before, after, { ...options, indentHeuristic: true });
  for (const entry of entries) {
    let at = entry.origin;
    const end = entry.origin + entry.count;
    const put = (list: Suspect["entries"], from: number, to: number, shift: number): void => {
      if (to > from) {
        list.push({
          line: entry.line + (from - entry.origin),
          count: to - from,
          origin: from + shift,
        });
      }
    };
    let shift = 0;
    for (const change of changes) {
      if (change.newStart >= end) break;
      const stop = change.newStart + change.newCount;
      if (stop > at || change.newStart >= at) {
        if (change.newStart > at) {
          put(passed, at, Math.min(change.newStart, end), shift);
          at = Math.min(change.newStart, end);
        }
        if (stop > at) {
          put(kept, at, Math.min(stop, end), 0);
          at = Math.min(stop, end);
        }
      }
      shift = change.oldStart + change.oldCount - stop;
    }
    put(passed, at, end, shift);
  }
  return { passed, kept };
}
