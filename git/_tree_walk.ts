/**
 * The walk over trees and blobs below root trees, each object once: the part of `rev-list --objects`
 * that takes the time. Trees are read as bytes; of an entry that was seen before, which is what nearly
 * all entries of a history are, nothing is made.
 *
 * A large tree is compared with the tree that was last walked at the same path: where the two are
 * equal there is nothing new, and words are compared faster than ids are looked up.
 *
 * @module
 */
import { type ByteString, fromHex, hexInto, toByteString, toHex } from "./_bytes.ts";
import { IdMap } from "./_id_map.ts";
import { corrupt, GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import type { GitObject } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import type { Pathspec } from "./pathspec.ts";

/** A store that finds objects by ids that stand in other objects. */
interface RawStore {
  readRaw?(data: Uint8Array, at: number): GitObject | undefined;
}

/** What is left out of a {@linkcode TreeWalk}. */
export interface TreeWalkOptions {
  /** Only these paths. */
  pathspec?: Pathspec | undefined;
  /** Largest blob kept (bytes, exclusive); 0 keeps none. */
  blobLimit?: number | undefined;
  /** Depth below root trees from which trees and blobs are left out. */
  treeDepth?: number | undefined;
  /** Checked at every tree. */
  signal?: AbortSignal | undefined;
}

/** Left out with all below it. */
const SKIP = 1;
/** Was come to. */
const DONE = 2;

/** Trees below this size (bytes) are not worth comparing. */
const LARGE_TREE = 1024;
/** Trees kept for comparison, at most (bytes). */
const MAX_KEPT = 64 * 1024 * 1024;

/** A tree that was walked, and where its entries start once that was asked for. */
interface Kept {
  readonly data: Uint8Array;
  readonly view: DataView;
  starts: Uint32Array | undefined;
}

/** A tree on the way down. */
interface Frame {
  data: Uint8Array;
  view: DataView;
  at: number;
  pathLength: number;
  depth: number;
  /** The tree it is compared with, where in that one the comparison is, and the entry's number. */
  before: Kept | undefined;
  beforeAt: number;
  entry: number;
  /** Whether both have had the same entries so far, but for their ids. */
  alike: boolean;
}

const NOTHING = new Uint8Array(0);

/** A cursor over the objects below trees. */
export class TreeWalk {
  /** Every object that was seen. */
  readonly ids: IdMap;
  /** The number of the current object in {@linkcode TreeWalk.ids}. */
  number = -1;
  /** Whether the current object is a tree; else it is a blob. */
  isTree = false;
  /** The path of the current object: the first `pathLength` bytes. */
  path: Uint8Array = new Uint8Array(256);
  /** Length of the path of the current object. */
  pathLength = 0;
  readonly #store: ObjectStore & RawStore;
  readonly #options: TreeWalkOptions;
  readonly #rawSize: number;
  readonly #emptyTree: Uint8Array;
  readonly #plain: boolean;
  readonly #name: Uint8Array;
  readonly #namedView: DataView;
  readonly #frames: Frame[] = [];
  #top = -1;
  /** The depth at which a tree was walked, when depth matters. */
  readonly #depths = new Map<number, number>();
  readonly #kept = new Map<ByteString, Kept>();
  #keptSize = 0;

  /** A walk over what is in a store. */
  constructor(store: ObjectStore, options: TreeWalkOptions) {
    this.#store = store;
    this.#options = options;
    this.#rawSize = store.algorithm.rawSize;
    this.#emptyTree = fromHex(store.algorithm.emptyTree);
    this.ids = new IdMap(this.#rawSize);
    this.#name = new Uint8Array(this.#rawSize);
    this.#namedView = new DataView(this.#name.buffer);
    this.#plain = options.pathspec === undefined && options.blobLimit === undefined &&
      options.treeDepth === undefined;
  }

  #add(id: ObjectId): number {
    this.#named(id);
    return this.ids.add(this.#namedView, 0);
  }

  #named(id: ObjectId): void {
    if (!hexInto(id, this.#name)) throw new GitError("invalid", `not an object name: ${id}`);
  }

  /** Whether an object is left out or was come to. */
  known(id: ObjectId): boolean {
    this.#named(id);
    const number = this.ids.find(this.#namedView, 0);
    return number >= 0 && this.ids.flags(number) !== 0;
  }

  /** Leaves an object out. */
  skip(id: ObjectId): void {
    this.ids.set(this.#add(id), SKIP);
  }

  /** Says that an object was come to elsewhere. */
  done(id: ObjectId): void {
    this.ids.set(this.#add(id), DONE);
  }

  /** Leaves a tree and all below it out; what is missing of it is passed over. */
  skipTree(id: ObjectId): void {
    const { ids } = this;
    const raw = this.#rawSize;
    const first = this.#add(id);
    if (ids.flags(first) & SKIP) return;
    ids.set(first, SKIP);
    const stack = [first];
    while (stack.length > 0) {
      const number = stack.pop()!;
      const hex = ids.hex(number);
      if (!this.#store.has(hex)) continue;
      const data = this.#read(ids.raw(number), 0);
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      for (let at = 0; at < data.length;) {
        const mode = modeAt(data, at);
        const end = nameEnd(data, at + (mode & 15), raw);
        at = end + 1 + raw;
        const kind = (mode >> 4) & 0o170000;
        if (kind === GITLINK) continue;
        const inner = ids.add(view, end + 1);
        if (ids.flags(inner) & SKIP) continue;
        ids.set(inner, SKIP);
        if (kind === TREE) stack.push(inner);
      }
    }
  }

  /** Begins at a root tree, which is the current object unless `false` is returned. */
  start(id: ObjectId, path: ByteString): boolean {
    const { ids } = this;
    this.#top = -1;
    if (this.#options.treeDepth === 0) return false;
    const number = this.#add(id);
    const flags = ids.flags(number);
    if (flags & SKIP) return false;
    this.#reservePath(path.length);
    for (let i = 0; i < path.length; i++) this.path[i] = path.charCodeAt(i);
    this.pathLength = path.length;
    return this.#enter(number, flags, 0);
  }

  /** Goes to the next object below the root; false when there is none. */
  next(): boolean {
    const { ids } = this;
    const raw = this.#rawSize;
    const plain = this.#plain;
    while (this.#top >= 0) {
      const frame = this.#frames[this.#top]!;
      const { data, view } = frame;
      const size = data.length;
      let at = frame.at;
      while (at < size) {
        if (frame.before !== undefined) {
          at = this.#skipEqual(frame, at);
          if (at >= size) break;
        }
        const mode = modeAt(data, at);
        const name = at + (mode & 15);
        const end = nameEnd(data, name, raw);
        at = end + 1 + raw;
        const number = ids.add(view, end + 1);
        const flags = ids.flags(number);
        // Of a tree that is met again, but closer to the root, more may be wanted.
        if (flags !== 0 && (plain || (flags & SKIP) !== 0)) continue;
        const kind = (mode >> 4) & 0o170000;
        if (kind === GITLINK) continue;
        frame.at = at;
        this.#setPath(frame.pathLength, data, name, end);
        if (kind === TREE) {
          if (!plain && !this.#wantsTree(frame.depth)) continue;
          if (this.#enter(number, flags, frame.depth + 1)) return true;
          // Known itself, and its frame is on top now.
          if (this.#frames[this.#top] !== frame) break;
          continue;
        }
        if (flags !== 0 || (!plain && !this.#wantsBlob(number, frame.depth))) continue;
        ids.set(number, DONE);
        this.number = number;
        this.isTree = false;
        return true;
      }
      if (at >= size && this.#frames[this.#top] === frame) this.#leave(frame);
    }
    return false;
  }

  /** The path of the current object. */
  pathText(): ByteString {
    return toByteString(this.path, 0, this.pathLength);
  }

  #wantsTree(depth: number): boolean {
    const { treeDepth, pathspec } = this.#options;
    if (treeDepth !== undefined && depth + 1 >= treeDepth) return false;
    return pathspec === undefined || pathspec.mayMatchInside(this.pathText());
  }

  #wantsBlob(number: number, depth: number): boolean {
    const { treeDepth, pathspec, blobLimit } = this.#options;
    if (treeDepth !== undefined && depth + 1 >= treeDepth) return false;
    if (pathspec !== undefined && !pathspec.matches(this.pathText())) return false;
    return blobLimit === undefined || (blobLimit > 0 &&
      (this.#store.describe(this.ids.hex(number))?.size ?? 0) < blobLimit);
  }

  /** Goes into a tree. Returns whether it is a new object. */
  #enter(number: number, flags: number, depth: number): boolean {
    const fresh = (flags & DONE) === 0;
    if (this.#options.treeDepth !== undefined) {
      if (!fresh && this.#depths.get(number)! <= depth) return false;
      this.#depths.set(number, depth);
    } else if (!fresh) return false;
    this.#options.signal?.throwIfAborted();
    this.ids.set(number, DONE);
    const data = this.#read(this.ids.raw(number), 0);
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    let before: Kept | undefined;
    if (data.length >= LARGE_TREE && this.#options.treeDepth === undefined) {
      before = this.#kept.get(this.pathText());
    }
    const pathLength = this.pathLength;
    const frame = this.#frames[++this.#top];
    if (frame === undefined) {
      this.#frames.push({
        data,
        view,
        at: 0,
        pathLength,
        depth,
        before,
        beforeAt: 0,
        entry: 0,
        alike: true,
      });
    } else {
      frame.data = data;
      frame.view = view;
      frame.at = 0;
      frame.pathLength = pathLength;
      frame.depth = depth;
      frame.before = before;
      frame.beforeAt = 0;
      frame.entry = 0;
      frame.alike = true;
    }
    this.number = number;
    this.isTree = true;
    return fresh;
  }

  /** All of a tree was walked. */
  #leave(frame: Frame): void {
    this.#top--;
    const { data, view } = frame;
    if (data.length >= LARGE_TREE && this.#options.treeDepth === undefined) {
      const key = toByteString(this.path, 0, frame.pathLength);
      this.#keptSize += data.length - (this.#kept.get(key)?.data.length ?? 0);
      if (this.#keptSize > MAX_KEPT) {
        this.#kept.clear();
        this.#keptSize = data.length;
      }
      const before = frame.before;
      const alike = before !== undefined && frame.alike && before.data.length === data.length;
      this.#kept.set(key, { data, view, starts: alike ? before.starts : undefined });
    }
    frame.data = NOTHING;
    frame.before = undefined;
  }

  /** From the start of an entry to the first one that the tree compared with does not have. */
  #skipEqual(frame: Frame, at: number): number {
    const { data, view } = frame;
    const before = frame.before!;
    const other = before.data;
    for (;;) {
      const shift = frame.beforeAt - at;
      const end = Math.min(data.length, other.length - shift);
      let i = firstDifference(view, before.view, at, end, shift);
      while (i < end && data[i] === other[i + shift]) i++;
      if (i >= data.length) {
        if (i + shift < other.length) frame.alike = false;
        return i;
      }
      const starts = before.starts ??= entryStarts(other, this.#rawSize);
      // Entries change a few at a time, and in order.
      let entry = frame.entry;
      while (entry + 1 < starts.length && starts[entry + 1]! <= i + shift) entry++;
      frame.entry = entry;
      if (i + shift >= other.length) {
        // All that is left comes after the last entry of the other.
        frame.before = undefined;
        return i;
      }
      const start = starts[entry]!;
      const next = entry + 1 < starts.length ? starts[entry + 1]! : other.length;
      at = start - shift;
      frame.beforeAt = next;
      if (i + shift >= next - this.#rawSize) return at;
      frame.alike = false;
      const order = compareEntries(data, at, other, start);
      if (order === 0) return at;
      if (order < 0) {
        frame.beforeAt = start;
        return at;
      }
    }
  }

  #read(id: Uint8Array, at: number): Uint8Array {
    const store = this.#store;
    const hex = store.readRaw === undefined ? toHex(id, at, at + this.#rawSize) : "";
    const object = hex === "" ? store.readRaw!(id, at) : store.read(hex);
    if (object === undefined) {
      let i = 0;
      while (i < this.#rawSize && id[at + i] === this.#emptyTree[i]) i++;
      if (i === this.#rawSize) return NOTHING;
      throw new GitError("not_found", `unable to read ${toHex(id, at, at + this.#rawSize)}`);
    }
    if (object.type !== "tree") {
      const name = toHex(id, at, at + this.#rawSize);
      throw new GitError("invalid", `object ${name} is a ${object.type}, not a tree`);
    }
    return object.data;
  }

  #reservePath(length: number): void {
    if (length <= this.path.length) return;
    const path = new Uint8Array(length * 2);
    path.set(this.path);
    this.path = path;
  }

  #setPath(base: number, data: Uint8Array, start: number, end: number): void {
    this.#reservePath(base + 1 + end - start);
    const path = this.path;
    let at = base;
    if (base > 0) path[at++] = 47;
    for (let i = start; i < end; i++) path[at++] = data[i]!;
    this.pathLength = at;
  }
}

const TREE = 0o40000;
const GITLINK = 0o160000;

/** The mode of the entry at `at`, times 16, plus how far the name is behind it. */
function modeAt(data: Uint8Array, at: number): number {
  let mode = 0;
  for (let i = 0; i < 8; i++) {
    const digit = data[at + i]! - 48;
    if (digit === -16 && i > 0) return (mode << 4) | (i + 1);
    if (!(digit >= 0 && digit < 8)) break;
    mode = mode * 8 + digit;
  }
  throw corrupt("malformed mode in tree entry");
}

/** Where the NUL behind the name at `start` is. */
function nameEnd(data: Uint8Array, start: number, rawSize: number): number {
  const last = data.length - rawSize;
  let at = start;
  while (at < last && data[at] !== 0) at++;
  if (at >= last) throw corrupt("too-short tree file");
  if (at === start) throw corrupt("empty filename in tree entry");
  return at;
}

/** The first of `at..end` at which two views may differ; the last few bytes are not looked at. */
function firstDifference(
  view: DataView,
  other: DataView,
  at: number,
  end: number,
  shift: number,
): number {
  const last = end - 16;
  while (at <= last) {
    const difference = (view.getUint32(at, true) ^ other.getUint32(at + shift, true)) |
      (view.getUint32(at + 4, true) ^ other.getUint32(at + 4 + shift, true)) |
      (view.getUint32(at + 8, true) ^ other.getUint32(at + 8 + shift, true)) |
      (view.getUint32(at + 12, true) ^ other.getUint32(at + 12 + shift, true));
    if (difference !== 0) return at;
    at += 16;
  }
  return at;
}

/** Order of two entries by name; a guess is enough where one is a directory. */
function compareEntries(a: Uint8Array, at: number, b: Uint8Array, bAt: number): number {
  let i = at + (modeAt(a, at) & 15), k = bAt + (modeAt(b, bAt) & 15);
  while (i < a.length && a[i] === b[k] && a[i] !== 0) {
    i++;
    k++;
  }
  return i < a.length ? a[i]! - b[k]! : 0;
}

/** The entry of a name in a tree, without making the others. Throws `GitError` ("corrupt"). */
export function findEntry(
  data: Uint8Array,
  name: ByteString,
  algorithm: HashAlgorithm,
): { id: ObjectId; mode: number } | undefined {
  const raw = algorithm.rawSize;
  const first = name.charCodeAt(0), length = name.length;
  for (let at = 0; at < data.length;) {
    const mode = modeAt(data, at);
    const start = at + (mode & 15);
    const end = nameEnd(data, start, raw);
    at = end + 1 + raw;
    if (end - start !== length || data[start] !== first) continue;
    let i = 1;
    while (i < length && data[start + i] === name.charCodeAt(i)) i++;
    if (i === length) return { id: toHex(data, end + 1, at), mode: mode >> 4 };
  }
  return undefined;
}

function entryStarts(data: Uint8Array, rawSize: number): Uint32Array {
  const starts: number[] = [];
  for (let at = 0; at < data.length;) {
    starts.push(at);
    at = nameEnd(data, at + (modeAt(data, at) & 15), rawSize) + 1 + rawSize;
  }
  return Uint32Array.from(starts);
}
