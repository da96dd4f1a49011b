/**
 * Walks over history and over the objects that commits reach.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { ObjectId, ObjectType } from "./hash_algorithm.ts";
import { type ObjectStore, peelTo, readTag } from "./object_store.ts";
import { commitLinks, TimeQueue } from "./merge_base.ts";
import type { Pathspec } from "./pathspec.ts";
import { TreeWalk } from "./_tree_walk.ts";
import { diffTrees } from "./tree_diff.ts";

/** What to walk and how. */
export interface RevListOptions {
  /** Start here. */
  include: readonly ObjectId[];
  /** Leave out these and everything they reach. */
  exclude?: readonly ObjectId[];
  /** Order. Default by time. */
  order?: "time" | "topo" | "date" | "author-date";
  /** Oldest first. */
  reverse?: boolean;
  /** Only the first parent of merges. */
  firstParent?: boolean;
  /** Only commits that change these paths, with history simplified. */
  pathspec?: Pathspec | undefined;
  /** Do not simplify merges away. */
  fullHistory?: boolean;
  /** Time window in seconds: not older than, not newer than. */
  since?: number | undefined;
  /** Not newer than this (seconds). */
  until?: number | undefined;
  /** Parents: at least, at most. */
  minParents?: number | undefined;
  /** At most so many parents. */
  maxParents?: number | undefined;
  /** Do not walk: only the given commits. */
  noWalk?: boolean;
  /** Time of authorship, for `author-date`. */
  authorTime?: (id: ObjectId) => number;
  /** Stops the walk. */
  signal?: AbortSignal;
}

/** A commit of a walk with the parents that remain after simplification. */
export interface WalkedCommit {
  /** The object's id. */
  readonly id: ObjectId;
  /** Parents that remain after simplification. */
  readonly parents: readonly ObjectId[];
}

/** Walks commits. */
export function* walkCommits(store: ObjectStore, options: RevListOptions): Generator<WalkedCommit> {
  const uninteresting = new Set<ObjectId>();
  const seen = new Set<ObjectId>();
  const queue = new TimeQueue();
  const spec = options.pathspec?.empty ? undefined : options.pathspec;
  const push = (id: ObjectId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    queue.push(id, commitLinks(store, id).time);
  };
  const pick = (id: ObjectId, parents: readonly ObjectId[]): boolean => {
    const { time } = commitLinks(store, id);
    if (options.until !== undefined && time > options.until) return false;
    if (options.since !== undefined && time < options.since) return false;
    if (options.minParents !== undefined && parents.length < options.minParents) return false;
    if (options.maxParents !== undefined && parents.length > options.maxParents) return false;
    return true;
  };
  if (options.noWalk) {
    for (const id of options.include) {
      const { parents } = commitLinks(store, id);
      if (pick(id, parents)) yield { id, parents };
    }
    return;
  }
  const markUninteresting = (start: ObjectId): void => {
    const stack = [start];
    while (stack.length > 0) {
      const id = stack.pop()!;
      if (uninteresting.has(id)) continue;
      uninteresting.add(id);
      // Only as far as the walk has come; the rest is marked when it gets there.
      if (!seen.has(id)) continue;
      for (const parent of commitLinks(store, id).parents) stack.push(parent);
    }
  };
  for (const id of options.exclude ?? []) {
    uninteresting.add(id);
    push(id);
  }
  for (const id of options.include) push(id);
  const limited = (options.exclude?.length ?? 0) > 0 || (options.order ?? "time") !== "time" ||
    options.reverse === true ||
    spec !== undefined;
  const treeOf = (id: ObjectId | undefined): ObjectId | undefined =>
    id === undefined ? undefined : commitLinks(store, id).tree;
  const same = (a: ObjectId, b: ObjectId | undefined): boolean => {
    const x = treeOf(a)!, y = treeOf(b);
    if (x === y) return true;
    return diffTrees(store, y, x, { pathspec: spec }).length === 0;
  };
  interface Node {
    id: ObjectId;
    parents: readonly ObjectId[];
    /** Changes nothing that is looked for. */
    same: boolean;
  }
  const simplify = (id: ObjectId): Node => {
    let { parents } = commitLinks(store, id);
    if (options.firstParent) parents = parents.slice(0, 1);
    if (spec === undefined) return { id, parents, same: false };
    if (parents.length === 0) return { id, parents, same: same(id, undefined) };
    let allSame = true;
    let anyTreeSame = false;
    for (const parent of parents) {
      if (same(id, parent)) {
        anyTreeSame = true;
        if (!options.fullHistory && !uninteresting.has(parent)) {
          return { id, parents: [parent], same: true };
        }
      } else allSame = false;
    }
    return {
      id,
      parents,
      same: parents.length === 1
        ? anyTreeSame
        : options.fullHistory
        ? allSame || (parents.length > 1 && anyTreeSame)
        : anyTreeSame && allSame,
    };
  };
  if (!limited) {
    for (;;) {
      const id = queue.pop();
      if (id === undefined) return;
      options.signal?.throwIfAborted();
      const node = simplify(id);
      if (options.since !== undefined && commitLinks(store, id).time < options.since) continue;
      for (const parent of node.parents) push(parent);
      if (pick(id, node.parents)) yield { id, parents: node.parents };
    }
  }
  // Limited: everything first, then output.
  const nodes: Node[] = [];
  let slop = 5;
  for (;;) {
    const id = queue.pop();
    if (id === undefined) break;
    options.signal?.throwIfAborted();
    if (uninteresting.has(id)) {
      for (const parent of commitLinks(store, id).parents) {
        markUninteresting(parent);
        push(parent);
      }
      // Nothing interesting waits: a few more steps catch clocks that run backwards.
      if (
        queue.ids().length < 2000 ? queue.ids().every((other) => uninteresting.has(other)) : false
      ) {
        const newest = nodes.at(-1);
        if (
          newest === undefined || commitLinks(store, id).time < commitLinks(store, newest.id).time
        ) {
          if (--slop <= 0) break;
        }
      } else slop = 5;
      continue;
    }
    const node = simplify(id);
    if (options.since !== undefined && commitLinks(store, id).time < options.since) {
      for (const parent of node.parents) {
        markUninteresting(parent);
      }
      continue;
    }
    for (const parent of node.parents) push(parent);
    nodes.push(node);
  }
  let list = nodes.filter((node) => !uninteresting.has(node.id));
  const order = options.order ?? "time";
  if (order !== "time") list = topological(store, list, order, options.authorTime);
  const byId = new Map(list.map((node) => [node.id, node]));
  const rewrite = new Map<ObjectId, ObjectId | undefined>();
  const rewritten = (id: ObjectId): ObjectId | undefined => {
    const path: ObjectId[] = [];
    let at: ObjectId | undefined = id;
    while (at !== undefined) {
      if (rewrite.has(at)) {
        at = rewrite.get(at);
        break;
      }
      const node = byId.get(at);
      if (node === undefined || !node.same || node.parents.length > 1) break;
      path.push(at);
      at = node.parents[0];
    }
    for (const one of path) rewrite.set(one, at);
    return at;
  };
  const out: WalkedCommit[] = [];
  for (const node of list) {
    if (node.same) continue;
    const parents = spec === undefined ? node.parents : [
      ...new Set(
        node.parents.map((parent) => rewritten(parent)).filter((id): id is ObjectId =>
          id !== undefined
        ),
      ),
    ];
    if (pick(node.id, commitLinks(store, node.id).parents)) out.push({ id: node.id, parents });
  }
  if (options.reverse) out.reverse();
  yield* out;
}

function topological<T extends { id: ObjectId; parents: readonly ObjectId[] }>(
  store: ObjectStore,
  list: T[],
  order: "topo" | "date" | "author-date",
  authorTime: ((id: ObjectId) => number) | undefined,
): T[] {
  const degree = new Map<ObjectId, number>();
  const byId = new Map(list.map((node) => [node.id, node]));
  for (const node of list) degree.set(node.id, 1);
  for (const node of list) {
    for (const parent of node.parents) {
      const n = degree.get(parent);
      if (n !== undefined) degree.set(parent, n + 1);
    }
  }
  const tips = list.filter((node) => degree.get(node.id) === 1);
  const out: T[] = [];
  const time = (id: ObjectId): number =>
    order === "author-date" && authorTime !== undefined
      ? authorTime(id)
      : commitLinks(store, id).time;
  if (order === "topo") {
    const stack = tips.reverse();
    while (stack.length > 0) {
      const node = stack.pop()!;
      degree.set(node.id, 0);
      for (const parent of node.parents) {
        const n = degree.get(parent);
        if (n === undefined || n === 0) continue;
        degree.set(parent, n - 1);
        if (n - 1 === 1) stack.push(byId.get(parent)!);
      }
      out.push(node);
    }
    return out;
  }
  const queue = new TimeQueue();
  for (const tip of tips) queue.push(tip.id, time(tip.id));
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    const node = byId.get(id)!;
    degree.set(id, 0);
    for (const parent of node.parents) {
      const n = degree.get(parent);
      if (n === undefined || n === 0) continue;
      degree.set(parent, n - 1);
      if (n - 1 === 1) queue.push(parent, time(parent));
    }
    out.push(node);
  }
  return out;
}

/** An object of a walk, with the path it was found at ("" for commits). */
export interface WalkedObject {
  /** The object's id. */
  readonly id: ObjectId;
  /** Path it was found at. */
  readonly path: ByteString;
  /** Its kind. */
  readonly type: "commit" | "tree" | "blob" | "tag";
}

/** What {@linkcode walkObjects} walks. */
export interface ObjectWalkOptions {
  /** Commits, tags, trees or blobs, with the paths of trees and blobs where they have one. */
  include: readonly { id: ObjectId; name?: ByteString }[];
  /** Left out with all they reach. */
  exclude?: readonly ObjectId[];
  /** Only these paths. */
  pathspec?: Pathspec | undefined;
  /** Skip objects: `blob:none`, `blob:limit=n`, `tree:n`. */
  filter?: ObjectFilter | undefined;
  /** Further options of the commit walk. */
  commits?: Partial<RevListOptions>;
  /** Stops the walk. */
  signal?: AbortSignal;
}

/** A partial clone filter. */
export interface ObjectFilter {
  /** Largest blob kept (bytes, exclusive); 0 keeps none. */
  blobLimit?: number;
  /** Depth below root trees from which trees and blobs are left out. */
  treeDepth?: number;
  /** Only this kind. */
  only?: string;
}

/** Parses `--filter=`; `undefined` when it is not known. */
export function parseFilter(spec: ByteString): ObjectFilter | undefined {
  if (spec === "blob:none") return { blobLimit: 0 };
  const limit = /^blob:limit=(\d+)([kmg]?)$/i.exec(spec);
  if (limit !== null) {
    return {
      blobLimit: Number(limit[1]) *
        ({ "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[limit[2]!.toLowerCase()]!),
    };
  }
  const tree = /^tree:(\d+)$/.exec(spec);
  if (tree !== null) return { treeDepth: Number(tree[1]) };
  const only = /^object:type=(blob|tree|commit|tag)$/.exec(spec);
  if (only !== null) return { only: only[1]! };
  return undefined;
}

/**
 * A cursor over commits and then every tree and blob they reach. Ids and paths stay bytes until they
 * are asked for. {@linkcode walkObjects} is the same as an iterator.
 */
export class ObjectWalk {
  /** The kind of the current object. */
  type: ObjectType = "commit";
  /** Trees and blobs below them. */
  readonly trees: TreeWalk;
  /** The current object where it is not one of `trees`. */
  #id: ObjectId | undefined;
  #path: ByteString = "";
  readonly #store: ObjectStore;
  readonly #options: ObjectWalkOptions;
  readonly #steps: Generator<void>;

  /** Looks at what is to be walked. */
  constructor(store: ObjectStore, options: ObjectWalkOptions) {
    this.#store = store;
    this.#options = options;
    const { filter, pathspec, signal } = options;
    this.trees = new TreeWalk(store, {
      pathspec: pathspec?.empty ? undefined : pathspec,
      blobLimit: filter?.blobLimit,
      treeDepth: filter?.treeDepth,
      signal,
    });
    this.#steps = this.#walk();
  }

  /** Goes to the next object; false when there is none. */
  next(): boolean {
    return this.#steps.next().done !== true;
  }

  /** Whether the current object is a tree or blob found below another; else it was asked for, or a commit. */
  get inTree(): boolean {
    return this.#id === undefined;
  }

  /** The current object's id. */
  get id(): ObjectId {
    return this.#id ?? this.trees.ids.hex(this.trees.number);
  }

  /** The path or name the current object was found by. */
  get path(): ByteString {
    return this.#id === undefined ? this.trees.pathText() : this.#path;
  }

  *#walk(): Generator<void> {
    const store = this.#store;
    const options = this.#options;
    const { trees } = this;
    const only = options.filter?.only;
    const commits: ObjectId[] = [];
    const pending: { id: ObjectId; name: ByteString; type: "tag" | "tree" | "blob" }[] = [];
    for (const { id: start, name } of options.include) {
      let id = start;
      let path = name ?? "";
      for (let depth = 0; depth < 1000; depth++) {
        const type = store.describe(id)?.type;
        if (type === "tag") {
          const tag = readTag(store, id);
          pending.push({ id, name: tag.tag, type: "tag" });
          id = tag.object;
          path = "";
          continue;
        }
        if (type === "commit") commits.push(id);
        else if (type !== undefined) pending.push({ id, name: path, type });
        break;
      }
    }
    const excluded: ObjectId[] = [];
    for (let id of options.exclude ?? []) {
      for (let depth = 0; depth < 1000; depth++) {
        const type = store.describe(id)?.type;
        if (type === "tag") {
          trees.skip(id);
          id = readTag(store, id).object;
          continue;
        }
        if (type === "commit") excluded.push(id);
        else if (type === "tree") trees.skipTree(id);
        else trees.skip(id);
        break;
      }
    }
    const walked: ObjectId[] = [];
    this.#path = "";
    this.type = "commit";
    for (
      const { id } of walkCommits(store, {
        include: commits,
        exclude: excluded,
        ...options.commits,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })
    ) {
      walked.push(id);
      if (only !== undefined && only !== "commit") continue;
      this.#id = id;
      yield;
    }
    if (excluded.length > 0) {
      // Trees at the edge are known to the other side.
      for (const id of excluded) trees.skipTree(commitLinks(store, id).tree);
      const shown = new Set(walked);
      for (const id of walked) {
        for (const parent of commitLinks(store, id).parents) {
          if (!shown.has(parent) && store.has(parent)) {
            trees.skipTree(commitLinks(store, parent).tree);
          }
        }
      }
    }
    const wanted = (): boolean => {
      this.type = trees.isTree ? "tree" : "blob";
      return only === undefined || only === this.type;
    };
    for (const { id, name, type } of pending) {
      if (trees.known(id)) continue;
      if (type === "tree") {
        this.#id = undefined;
        if (trees.start(id, name) && wanted()) yield;
        while (trees.next()) if (wanted()) yield;
      } else {
        trees.done(id);
        if (only !== undefined && only !== type) continue;
        this.#id = id;
        this.#path = name;
        this.type = type;
        yield;
      }
    }
    this.#id = undefined;
    for (const id of walked) {
      if (trees.start(commitLinks(store, id).tree, "") && wanted()) yield;
      while (trees.next()) if (wanted()) yield;
    }
  }
}

/** Walks commits and then every tree and blob they reach, as `rev-list --objects` does. */
export function* walkObjects(
  store: ObjectStore,
  options: ObjectWalkOptions,
): Generator<WalkedObject> {
  const walk = new ObjectWalk(store, options);
  while (walk.next()) yield { id: walk.id, path: walk.path, type: walk.type };
}

/** Resolves to the commit a name's object leads to, or `undefined`. */
export function toCommit(store: ObjectStore, id: ObjectId): ObjectId | undefined {
  return peelTo(store, id, "commit");
}
