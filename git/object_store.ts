/**
 * Where objects live: the interface that everything above is written against, and the store that
 * keeps them in memory.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import {
  type HashAlgorithm,
  hashObject,
  type ObjectId,
  type ObjectType,
  SHA1,
} from "./hash_algorithm.ts";
import {
  type Commit,
  type GitObject,
  isTreeMode,
  parseCommit,
  parseTag,
  parseTree,
  type Tag,
  type TreeEntry,
} from "./objects.ts";

/** A store of immutable objects by id. Calls are synchronous: a store answers from disk or memory. */
export interface ObjectStore {
  /** The hash that names objects. */
  readonly algorithm: HashAlgorithm;
  /** The object, or `undefined`. Throws `GitError` ("corrupt") when it is damaged. */
  read(id: ObjectId): GitObject | undefined;
  /** Type and size (bytes) without making the object, or `undefined`. */
  describe(id: ObjectId): { type: ObjectType; size: number } | undefined;
  /** Whether it is there. */
  has(id: ObjectId): boolean;
  /** Stores an object and returns its id; storing it again does nothing. */
  write(type: ObjectType, data: Uint8Array): ObjectId;
  /** All ids that start with some hexadecimal digits (at least 2), sorted, at most `limit`. */
  withPrefix(prefix: string, limit?: number): ObjectId[];
  /** Every id, in no particular order; some may come twice. */
  ids(): Iterable<ObjectId>;
}

/**
 * Objects in memory.
 *
 * @example
 * ```ts
 * import { MemoryObjectStore } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryObjectStore();
 * const id = store.write("blob", new TextEncoder().encode("Hello, World!\n"));
 * assertEquals(id, "8ab686eafeb1f44702738c8b0f24f2567c36da6d");
 * assertEquals(store.describe(id), { type: "blob", size: 14 });
 * ```
 */
export class MemoryObjectStore implements ObjectStore {
  readonly algorithm: HashAlgorithm;
  #objects = new Map<ObjectId, GitObject>();

  /** Makes an empty store; SHA-1 unless told otherwise. */
  constructor(algorithm: HashAlgorithm = SHA1) {
    this.algorithm = algorithm;
  }

  /** The object, or `undefined`. */
  read(id: ObjectId): GitObject | undefined {
    return this.#objects.get(id);
  }

  /** Type and size, or `undefined`. */
  describe(id: ObjectId): { type: ObjectType; size: number } | undefined {
    const object = this.#objects.get(id);
    return object && { type: object.type, size: object.data.length };
  }

  /** Whether it is there. */
  has(id: ObjectId): boolean {
    return this.#objects.has(id);
  }

  /** Stores a copy. */
  write(type: ObjectType, data: Uint8Array): ObjectId {
    const id = hashObject(this.algorithm, type, data, true);
    if (!this.#objects.has(id)) this.#objects.set(id, { type, data: data.slice() });
    return id;
  }

  /** Ids that start with a prefix. */
  withPrefix(prefix: string, limit = 1000): ObjectId[] {
    const out: ObjectId[] = [];
    for (const id of this.#objects.keys()) if (id.startsWith(prefix)) out.push(id);
    return out.sort().slice(0, limit);
  }

  /** Every id. */
  ids(): Iterable<ObjectId> {
    return this.#objects.keys();
  }
}

/** Reads an object that must be there. Throws `GitError` ("not_found"). */
export function mustRead(store: ObjectStore, id: ObjectId): GitObject {
  const object = store.read(id);
  if (object === undefined) throw new GitError("not_found", `unable to read ${id}`);
  return object;
}

/** Reads an object of a given type. Throws `GitError` ("not_found" or "invalid"). */
export function readTyped(store: ObjectStore, id: ObjectId, type: ObjectType): Uint8Array {
  const object = mustRead(store, id);
  if (object.type !== type) {
    throw new GitError("invalid", `object ${id} is a ${object.type}, not a ${type}`);
  }
  return object.data;
}

/** Reads a commit. */
export function readCommit(store: ObjectStore, id: ObjectId): Commit {
  return parseCommit(readTyped(store, id, "commit"), store.algorithm);
}

/** Reads a tree; the empty tree is always there. */
export function readTree(store: ObjectStore, id: ObjectId): TreeEntry[] {
  if (id === store.algorithm.emptyTree) return [];
  return parseTree(readTyped(store, id, "tree"), store.algorithm);
}

/**
 * The deepest directory that is walked into (Git calls it `core.maxTreeDepth`): some walks recurse, and
 * the stack must do for them.
 */
export const MAX_TREE_DEPTH = 1024;
/** The most files of one tree: directories that hold each other many times over make more. */
export const MAX_TREE_FILES = 5_000_000;

/** Throws `GitError` ("limit") for a directory deeper than {@linkcode MAX_TREE_DEPTH}. */
export function checkTreeDepth(depth: number): void {
  if (depth > MAX_TREE_DEPTH) {
    throw new GitError("limit", `tree is deeper than ${MAX_TREE_DEPTH} directories`);
  }
}

/**
 * The files of a tree and of the trees in it by path, in no particular order. Throws `GitError`
 * ("limit") for more than {@linkcode MAX_TREE_FILES}, or deeper than {@linkcode MAX_TREE_DEPTH}.
 */
export function flattenTree(
  store: ObjectStore,
  tree: ObjectId,
): Map<ByteString, { mode: number; id: ObjectId }> {
  const out = new Map<ByteString, { mode: number; id: ObjectId }>();
  const stack = [{ id: tree, base: "", depth: 0 }];
  let read = 0;
  while (stack.length > 0) {
    const { id, base, depth } = stack.pop()!;
    checkTreeDepth(depth);
    for (const entry of readTree(store, id)) {
      if (++read > MAX_TREE_FILES) {
        throw new GitError("limit", `tree has more than ${MAX_TREE_FILES} entries`);
      }
      if (isTreeMode(entry.mode)) {
        stack.push({ id: entry.id, base: `${base}${entry.name}/`, depth: depth + 1 });
      } else out.set(base + entry.name, { mode: entry.mode, id: entry.id });
    }
  }
  return out;
}

/** Reads a blob; the empty blob is always there. */
export function readBlob(store: ObjectStore, id: ObjectId): Uint8Array {
  if (id === store.algorithm.emptyBlob) return new Uint8Array(0);
  return readTyped(store, id, "blob");
}

/** Reads a tag. */
export function readTag(store: ObjectStore, id: ObjectId): Tag {
  return parseTag(readTyped(store, id, "tag"), store.algorithm);
}

/** Follows tags, and a commit to its tree when a tree is wanted; `undefined` if it cannot be. */
export function peelTo(
  store: ObjectStore,
  id: ObjectId,
  type: ObjectType | "any",
): ObjectId | undefined {
  for (let depth = 0; depth < 1000; depth++) {
    const kind = store.describe(id)?.type;
    if (kind === undefined) return undefined;
    if (kind === type || (type === "any" && kind !== "tag")) return id;
    if (kind === "tag") id = readTag(store, id).object;
    else if (kind === "commit" && type === "tree") id = readCommit(store, id).tree;
    else return undefined;
  }
  return undefined;
}
