/**
 * Whether new tips lead to nothing but objects that are there.
 *
 * @module
 */
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks } from "./merge_base.ts";
import { isGitlinkMode, isTreeMode } from "./objects.ts";
import { type ObjectStore, readTag, readTree } from "./object_store.ts";
import { walkCommits } from "./rev_list.ts";

/** Options of {@linkcode findUnconnected}. */
export interface ConnectivityOptions {
  /** Whether an object that is only named, a blob, is there. Default the store's `has`. */
  has?: (id: ObjectId) => boolean;
  /** Stops the walk. */
  signal?: AbortSignal;
}

/** Nested tags that are followed. */
const MAX_TAGS = 1000;

/**
 * Walks from `tips` down to what `known` reaches. The value it returns is the first object that is
 * missing or unreadable, or `undefined` when everything is there; it yields now and then, so that
 * its caller can let others work.
 *
 * Only trees of commits that new commits sit on are taken as known, so the work grows with what is
 * new, not with the number of refs.
 */
export function* findUnconnected(
  store: ObjectStore,
  tips: Iterable<ObjectId>,
  known: readonly ObjectId[],
  options: ConnectivityOptions = {},
): Generator<void, ObjectId | undefined> {
  const has = options.has ?? ((id: ObjectId): boolean => store.has(id));
  const settled = new Set<ObjectId>(known);
  const commits: ObjectId[] = [];
  const trees: ObjectId[] = [];
  let at: ObjectId = "";
  let steps = 0;
  try {
    for (const tip of tips) {
      at = tip;
      for (let depth = 0; depth < MAX_TAGS && !settled.has(at); depth++) {
        const type = store.describe(at)?.type;
        if (type === undefined) return at;
        if (type !== "tag") {
          if (type === "commit") commits.push(at);
          else if (type === "tree") trees.push(at);
          break;
        }
        at = readTag(store, at).object;
      }
    }
    if (commits.length > 0) {
      const exclude: ObjectId[] = [];
      for (const start of known) {
        at = start;
        for (let depth = 0; depth < MAX_TAGS; depth++) {
          const type = store.describe(at)?.type;
          if (type === "commit") exclude.push(at);
          if (type !== "tag") break;
          at = readTag(store, at).object;
        }
      }
      const walked = new Set<ObjectId>();
      const list: { tree: ObjectId; parents: readonly ObjectId[] }[] = [];
      const signal = options.signal === undefined ? {} : { signal: options.signal };
      for (const { id } of walkCommits(store, { include: commits, exclude, ...signal })) {
        at = id;
        walked.add(id);
        list.push(commitLinks(store, id));
        if ((++steps & 255) === 0) yield;
      }
      for (const { parents } of list) {
        for (const parent of parents) {
          if (walked.has(parent) || settled.has(parent)) continue;
          settled.add(parent);
          yield* settleTree(store, commitLinks(store, parent).tree, settled);
        }
      }
      for (const { tree } of list) trees.push(tree);
    }
    while (trees.length > 0) {
      at = trees.pop()!;
      if (settled.has(at)) continue;
      settled.add(at);
      for (const entry of readTree(store, at)) {
        if (isGitlinkMode(entry.mode) || settled.has(entry.id)) continue;
        if (isTreeMode(entry.mode)) trees.push(entry.id);
        else if (has(entry.id)) settled.add(entry.id);
        else return entry.id;
      }
      if ((++steps & 63) === 0) {
        options.signal?.throwIfAborted();
        yield;
      }
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return at;
  }
}

/** Marks a tree and what is in it as known; what cannot be read is left to be found missing. */
function* settleTree(
  store: ObjectStore,
  root: ObjectId,
  settled: Set<ObjectId>,
): Generator<void> {
  const stack = [root];
  let steps = 0;
  while (stack.length > 0) {
    const id = stack.pop()!;
    if (settled.has(id) || !store.has(id)) continue;
    settled.add(id);
    for (const entry of readTree(store, id)) {
      if (isTreeMode(entry.mode)) stack.push(entry.id);
      else settled.add(entry.id);
    }
    if ((++steps & 63) === 0) yield;
  }
}
