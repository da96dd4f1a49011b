/**
 * Best common ancestors of commits.
 *
 * @module
 */
import { readU32, toByteString } from "./_bytes.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import { isHex } from "./objects.ts";
import { type ObjectStore, readTyped } from "./object_store.ts";

/** What walks need of a commit. */
export interface CommitLinks {
  /** Parents, in order. */
  readonly parents: readonly ObjectId[];
  /** The tree. */
  readonly tree: ObjectId;
  /** Committer time, seconds. */
  readonly time: number;
}

const TREE = 0x74726565, PARE = 0x70617265, COMM = 0x636f6d6d, ITTE = 0x69747465;

/** The time in a signature line, as `parseSignature()` finds it. */
function lineTime(data: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at >= start && data[at] !== 0x3e) at--;
  const open = data.indexOf(0x3c, start);
  if (at < start || open < 0 || open > at) return 0;
  at++;
  while (at < end && (data[at] === 32 || (data[at]! >= 9 && data[at]! <= 13))) at++;
  let time = 0;
  for (; at < end && data[at]! >= 48 && data[at]! <= 57; at++) time = time * 10 + data[at]! - 48;
  return time;
}

/**
 * Reads only what walks need of a commit. Throws as `parseCommit()` does; a committer line
 * that cannot be read counts as time 0.
 */
export function parseCommitLinks(data: Uint8Array, algorithm: HashAlgorithm): CommitLinks {
  const hex = algorithm.hexSize;
  const id = (from: number): ObjectId | undefined => {
    if (data[from + hex] !== 10 && from + hex !== data.length) return undefined;
    const text = toByteString(data, from, from + hex);
    return isHex(text, hex) ? text : undefined;
  };
  const word = (from: number): number => from + 4 <= data.length ? readU32(data, from) : 0;
  const tree = word(0) === TREE && data[4] === 32 ? id(5) : undefined;
  if (tree === undefined) throw corrupt("bogus commit object");
  const parents: ObjectId[] = [];
  let at = 6 + hex;
  while (
    word(at) === PARE && data[at + 4] === 0x6e && data[at + 5] === 0x74 && data[at + 6] === 32
  ) {
    const parent = id(at + 7);
    if (parent === undefined) throw corrupt("bad parents in commit");
    parents.push(parent);
    at += 8 + hex;
  }
  // Further headers, up to the committer's; its time stands behind the last `>`.
  while (at < data.length && data[at] !== 10) {
    let end = data.indexOf(10, at);
    if (end < 0) end = data.length;
    if (
      word(at) === COMM && word(at + 4) === ITTE && data[at + 8] === 0x72 && data[at + 9] === 32
    ) {
      return { tree, parents, time: lineTime(data, at + 10, end) };
    }
    at = end + 1;
  }
  return { tree, parents, time: 0 };
}

/** A store that may have a commit-graph. */
interface GraphedStore {
  commitGraph?(): { find(id: ObjectId): CommitLinks | undefined } | undefined;
}

const cache = new WeakMap<ObjectStore, Map<ObjectId, CommitLinks>>();
const ends = new WeakMap<ObjectStore, ReadonlySet<ObjectId>>();

/** Says at which commits the history of a shallow repository ends. */
export function setShallow(store: ObjectStore, commits: ReadonlySet<ObjectId>): void {
  if (commits.size > 0 || ends.has(store)) cache.delete(store);
  ends.set(store, commits);
}

/** The commits at which the history of a shallow repository ends. */
export function shallowCommits(store: ObjectStore): ReadonlySet<ObjectId> {
  return ends.get(store) ?? NONE;
}

const NONE: ReadonlySet<ObjectId> = new Set();

/** Parents, tree and committer time of a commit, remembered. */
export function commitLinks(store: ObjectStore, id: ObjectId): CommitLinks {
  let map = cache.get(store);
  if (map === undefined) cache.set(store, map = new Map());
  let links = map.get(id);
  if (links === undefined) {
    const shallow = ends.get(store);
    const known = shallow !== undefined && shallow.size > 0
      ? undefined
      : (store as GraphedStore).commitGraph?.()?.find(id);
    if (known !== undefined) links = { parents: known.parents, tree: known.tree, time: known.time };
    else {
      links = parseCommitLinks(readTyped(store, id, "commit"), store.algorithm);
      if (shallow?.has(id)) links = { parents: [], tree: links.tree, time: links.time };
    }
    map.set(id, links);
  }
  return links;
}

/** How many commits were made up so far. */
let virtualCommits = 0;

/** Makes up a commit that only walks over this store's history see, and names it. */
export function rememberLinks(store: ObjectStore, links: CommitLinks): ObjectId {
  let map = cache.get(store);
  if (map === undefined) cache.set(store, map = new Map());
  const id: ObjectId = `virtual-${++virtualCommits}`;
  map.set(id, links);
  return id;
}

/** A priority queue, largest time first, first in first out among equals. */
export class TimeQueue {
  #heap: { id: ObjectId; time: number; order: number }[] = [];
  #order = 0;

  /** How many are waiting. */
  get size(): number {
    return this.#heap.length;
  }

  #before(a: number, b: number): boolean {
    const x = this.#heap[a]!, y = this.#heap[b]!;
    return x.time !== y.time ? x.time > y.time : x.order < y.order;
  }

  /** Adds a commit. */
  push(id: ObjectId, time: number): void {
    const heap = this.#heap;
    heap.push({ id, time, order: this.#order++ });
    let at = heap.length - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#before(at, up)) break;
      [heap[at], heap[up]] = [heap[up]!, heap[at]!];
      at = up;
    }
  }

  /** Takes the newest. */
  pop(): ObjectId | undefined {
    const heap = this.#heap;
    if (heap.length === 0) return undefined;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let at = 0;
      for (;;) {
        const left = 2 * at + 1;
        if (left >= heap.length) break;
        const right = left + 1;
        const child = right < heap.length && this.#before(right, left) ? right : left;
        if (!this.#before(child, at)) break;
        [heap[at], heap[child]] = [heap[child]!, heap[at]!];
        at = child;
      }
    }
    return top.id;
  }

  /** What is waiting, unordered. */
  ids(): ObjectId[] {
    return this.#heap.map((entry) => entry.id);
  }
}

const LEFT = 1, RIGHT = 2, STALE = 4, RESULT = 8;

function paint(
  store: ObjectStore,
  one: ObjectId,
  others: readonly ObjectId[],
): { flags: Map<ObjectId, number>; results: ObjectId[] } {
  const flags = new Map<ObjectId, number>();
  const queue = new TimeQueue();
  const results: ObjectId[] = [];
  let fresh = 0;
  const isFresh = (id: ObjectId): boolean => (flags.get(id)! & STALE) === 0;
  const waiting = new Map<ObjectId, number>();
  const enqueue = (id: ObjectId): void => {
    queue.push(id, commitLinks(store, id).time);
    waiting.set(id, (waiting.get(id) ?? 0) + 1);
    if (isFresh(id)) fresh++;
  };
  const mark = (id: ObjectId, bits: number): void => {
    const before = flags.get(id) ?? 0;
    const after = before | bits;
    flags.set(id, after);
    if ((before & STALE) === 0 && (after & STALE) !== 0) fresh -= waiting.get(id) ?? 0;
  };
  mark(one, LEFT);
  enqueue(one);
  for (const other of others) {
    mark(other, RIGHT);
    enqueue(other);
  }
  while (fresh > 0) {
    const id = queue.pop()!;
    waiting.set(id, waiting.get(id)! - 1);
    if (isFresh(id)) fresh--;
    let own = flags.get(id)! & (LEFT | RIGHT | STALE);
    if (own === (LEFT | RIGHT)) {
      if ((flags.get(id)! & RESULT) === 0) {
        flags.set(id, flags.get(id)! | RESULT);
        results.push(id);
      }
      own |= STALE;
    }
    for (const parent of commitLinks(store, id).parents) {
      if (((flags.get(parent) ?? 0) & own) === own) continue;
      mark(parent, own);
      enqueue(parent);
    }
  }
  return { flags, results: results.filter((id) => (flags.get(id)! & STALE) === 0) };
}

/** The best common ancestors of `one` and any of `others`, newest first. */
export function mergeBases(
  store: ObjectStore,
  one: ObjectId,
  others: readonly ObjectId[],
): ObjectId[] {
  if (others.includes(one)) return [one];
  const { results } = paint(store, one, others);
  const best = results.length > 1 ? removeRedundant(store, results) : results;
  return best.sort((a, b) => commitLinks(store, b).time - commitLinks(store, a).time);
}

/** Drops commits that others can reach. */
export function removeRedundant(store: ObjectStore, commits: readonly ObjectId[]): ObjectId[] {
  const unique = [...new Set(commits)];
  const redundant = new Set<ObjectId>();
  for (const one of unique) {
    if (redundant.has(one)) continue;
    const rest = unique.filter((id) => id !== one && !redundant.has(id));
    if (rest.length === 0) continue;
    const { flags } = paint(store, one, rest);
    if ((flags.get(one)! & RIGHT) !== 0) redundant.add(one);
    for (const other of rest) if ((flags.get(other)! & LEFT) !== 0) redundant.add(other);
  }
  return unique.filter((id) => !redundant.has(id));
}

/** Whether `ancestor` can be reached from `commit` (or is it). */
export function isAncestor(store: ObjectStore, ancestor: ObjectId, commit: ObjectId): boolean {
  if (ancestor === commit) return true;
  const { flags } = paint(store, ancestor, [commit]);
  return (flags.get(ancestor)! & RIGHT) !== 0;
}

/** The best common ancestors of all of several commits (`merge-base --octopus`). */
export function octopusBases(store: ObjectStore, commits: readonly ObjectId[]): ObjectId[] {
  let bases: ObjectId[] = [commits[0]!];
  for (const other of commits.slice(1)) {
    const next: ObjectId[] = [];
    for (const base of bases) next.push(...mergeBases(store, base, [other]));
    bases = removeRedundant(store, next);
  }
  return bases;
}
