/**
 * Indexing a pack: every object is inflated, deltas are resolved, every id and the trailer are computed, and thin
 * packs are completed from the repository.
 *
 * @module
 */
import { equalBytes, toHex } from "./_bytes.ts";
import { nodeCrypto, zlib } from "./_builtins.ts";

import { applyDelta } from "./delta.ts";
import { corrupt, GitError } from "./errors.ts";
import { type FsckProblem, ObjectChecker } from "./fsck.ts";
import {
  type HashAlgorithm,
  hashObjectRaw,
  type ObjectId,
  type ObjectType,
} from "./hash_algorithm.ts";
import { mustRead, type ObjectStore } from "./object_store.ts";
import type { GitObject } from "./objects.ts";
import {
  type ByteSource,
  MAX_OBJECT_SIZE,
  PACK_TYPES,
  type PackEntryHeader,
  PackFile,
  packTypeNumber,
  REF_DELTA,
} from "./pack_file.ts";
import { formatPackIndexColumns, type PackIndexEntry } from "./pack_index.ts";

/** Options of {@linkcode indexPack}. */
export interface IndexPackOptions {
  /** Where bases of a thin pack are. */
  store?: ObjectStore;
  /** Refuse objects that `fsck` would report as errors. */
  strict?: boolean;
  /** Called with every object as soon as it is known, and its number in the pack. */
  inspect?: (id: ObjectId, type: ObjectType, data: Uint8Array, number: number) => void;
  /** Look for SHA-1 collisions, which takes three times as long. Default true. */
  detectCollisions?: boolean;
  /** Called now and then with how many objects are done. */
  progress?: (done: number, total: number) => void;
  /** Stops the work. */
  signal?: AbortSignal;
  /** Largest object (bytes); a larger one is an error of code "limit". Default about 2 GiB. */
  maxObjectSize?: number;
  /** Cache for objects that deltas may need (bytes). Default 192 MiB. */
  cacheSize?: number;
}

/** An object of the repository that a thin pack lacks. */
export interface AppendedObject {
  /** Its id. */
  readonly id: ObjectId;
  /** Its type. */
  readonly type: ObjectType;
  /** Its content, read anew each time. */
  readonly data: Uint8Array;
}

/** What a pack holds: columns in the order of the pack. */
export class IndexedPack {
  /** Raw ids, one after another. */
  readonly rawIds: Uint8Array;
  /** Where each entry starts. */
  readonly offsets: Float64Array;
  /** CRC-32 of each entry's bytes. */
  readonly crcs: Uint32Array;
  /** Type numbers of the objects. */
  readonly typeNumbers: Uint8Array;
  /** The pack's checksum. */
  readonly checksum: Uint8Array;
  /** Objects that have to be appended to complete a thin pack. */
  readonly appended: readonly AppendedObject[];
  readonly #algorithm: HashAlgorithm;
  #entries: PackIndexEntry[] | undefined;

  /** Takes what {@linkcode indexPack} found. */
  constructor(
    algorithm: HashAlgorithm,
    columns: Pick<
      IndexedPack,
      "rawIds" | "offsets" | "crcs" | "typeNumbers" | "checksum" | "appended"
    >,
  ) {
    this.#algorithm = algorithm;
    this.rawIds = columns.rawIds;
    this.offsets = columns.offsets;
    this.crcs = columns.crcs;
    this.typeNumbers = columns.typeNumbers;
    this.checksum = columns.checksum;
    this.appended = columns.appended;
  }

  /** How many objects there are, without those to be appended. */
  get count(): number {
    return this.typeNumbers.length;
  }

  /** The id of an object by its number. */
  id(number: number): ObjectId {
    const size = this.#algorithm.rawSize;
    return toHex(this.rawIds, number * size, (number + 1) * size);
  }

  /** The type of an object by its number. */
  type(number: number): ObjectType {
    return PACK_TYPES[this.typeNumbers[number]!]!;
  }

  /** The objects as entries of an index. */
  get entries(): PackIndexEntry[] {
    return this.#entries ??= Array.from({ length: this.count }, (_, i) => ({
      id: this.id(i),
      offset: this.offsets[i]!,
      crc: this.crcs[i]!,
    }));
  }

  /** The types of the objects. */
  get types(): ObjectType[] {
    return Array.from({ length: this.count }, (_, i) => this.type(i));
  }

  /** The index file (version 2) of a pack to which nothing is appended. */
  formatIndex(largeFrom?: number): Uint8Array {
    return formatPackIndexColumns(this, this.checksum, this.#algorithm, largeFrom);
  }
}

/** How long the work goes on before it lets others work (milliseconds). */
const SLICE_MS = 20;
/** No base: a whole object. */
const WHOLE = -1;
/** The base is named by id and not known yet. */
const BY_ID = -2;
/** There is no object where the base should be. */
const NOWHERE = -3;

/** Objects by number, the ones used last, bounded by total size. */
class RecentObjects {
  readonly #objects = new Map<number, Uint8Array>();
  readonly #limit: number;
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(number: number): Uint8Array | undefined {
    return this.#objects.get(number);
  }

  add(number: number, data: Uint8Array): void {
    if (data.length > this.#limit / 8) return;
    this.#objects.set(number, data);
    this.#size += data.length + 128;
    while (this.#size > this.#limit) {
      const [oldest, { length }] = this.#objects.entries().next().value!;
      this.#objects.delete(oldest);
      this.#size -= length + 128;
    }
  }
}

/** Throws for the first problem that is an error. */
function refuse(problems: readonly FsckProblem[]): void {
  const problem = problems.find(({ severity }) => severity === "error");
  if (problem !== undefined) {
    throw corrupt(`object fails fsck: ${problem.id}: ${problem.message}`);
  }
}

/**
 * One run over a pack. A delta is resolved at once when its base is among the objects seen last; the rest is resolved
 * depth first from the bases, which are made again where they were forgotten.
 */
class PackIndexer {
  readonly #pack: PackFile;
  readonly #source: ByteSource;
  readonly #algorithm: HashAlgorithm;
  readonly #options: IndexPackOptions;
  readonly #count: number;
  readonly #offsets: Float64Array;
  readonly #crcs: Uint32Array;
  readonly #rawIds: Uint8Array;
  readonly #types: Uint8Array;
  readonly #bases: Int32Array;
  /** Deltas that wait for an object: the first, and the next for the same one. */
  readonly #waiting: Int32Array;
  readonly #nextWaiting: Int32Array;
  readonly #waitingById = new Map<ObjectId, number[]>();
  readonly #baseIds = new Map<number, ObjectId>();
  readonly #recent: RecentObjects;
  readonly #heldLimit: number;
  readonly #maxSize: number;
  readonly #checker: ObjectChecker | undefined;
  #done = 0;
  #pauseAt = performance.now() + SLICE_MS;

  constructor(source: ByteSource, algorithm: HashAlgorithm, options: IndexPackOptions) {
    this.#source = source;
    this.#algorithm = algorithm;
    this.#options = options;
    this.#checker = options.strict ? new ObjectChecker(algorithm) : undefined;
    this.#pack = new PackFile(source, algorithm);
    const count = this.#count = this.#pack.count;
    this.#offsets = new Float64Array(count);
    this.#crcs = new Uint32Array(count);
    this.#rawIds = new Uint8Array(count * algorithm.rawSize);
    this.#types = new Uint8Array(count);
    this.#bases = new Int32Array(count).fill(WHOLE);
    this.#waiting = new Int32Array(count).fill(-1);
    this.#nextWaiting = new Int32Array(count).fill(-1);
    const cacheSize = options.cacheSize ?? 192 * 1024 * 1024;
    this.#recent = new RecentObjects(cacheSize);
    this.#heldLimit = cacheSize;
    this.#maxSize = Math.min(options.maxObjectSize ?? MAX_OBJECT_SIZE, MAX_OBJECT_SIZE);
  }

  /** Whether it is time to let others work. */
  #mayPause(): boolean {
    if (performance.now() < this.#pauseAt) return false;
    this.#pauseAt = performance.now() + SLICE_MS;
    this.#options.signal?.throwIfAborted();
    this.#options.progress?.(this.#done, this.#count);
    return true;
  }

  *run(): Generator<void, IndexedPack> {
    const checksum = yield* this.#verifyChecksum();
    yield* this.#readEntries();
    const appended: AppendedObject[] = [];
    if (this.#done < this.#count) yield* this.#resolve(appended);
    if (this.#done < this.#count) {
      const left = this.#count - this.#done;
      throw new GitError(
        this.#options.store === undefined ? "corrupt" : "not_found",
        `pack has ${left} unresolved delta${left === 1 ? "" : "s"}`,
      );
    }
    if (this.#checker !== undefined) this.#checkSettings(this.#checker);
    this.#options.progress?.(this.#count, this.#count);
    return new IndexedPack(this.#algorithm, {
      rawIds: this.#rawIds,
      offsets: this.#offsets,
      crcs: this.#crcs,
      typeNumbers: this.#types,
      checksum,
      appended,
    });
  }

  *#verifyChecksum(): Generator<void, Uint8Array> {
    const source = this.#source;
    const end = this.#pack.size - this.#algorithm.rawSize;
    const hasher = this.#algorithm.create(1 << 20);
    for (let at = 0; at < end; at += 1 << 20) {
      hasher.update(source.read(at, Math.min(1 << 20, end - at)));
      if (this.#mayPause()) yield;
    }
    const checksum = hasher.digest();
    if (!equalBytes(checksum, source.read(end, this.#algorithm.rawSize))) {
      throw corrupt("pack is corrupted (checksum mismatch)");
    }
    return checksum;
  }

  #header(at: number): PackEntryHeader {
    const header = this.#pack.header(at);
    if (header.size > this.#maxSize) {
      throw new GitError("limit", `object of ${header.size} bytes is too large`);
    }
    return header;
  }

  /** The number of the entry that starts at an offset, among the first `count`; -1 if there is none. */
  #numberAt(offset: number, count: number): number {
    const offsets = this.#offsets;
    let low = 0, high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low < count && offsets[low] === offset ? low : -1;
  }

  *#readEntries(): Generator<void, void> {
    const { crc32 } = zlib();
    const end = this.#pack.size - this.#algorithm.rawSize;
    const stop = { at: 0 };
    let at = 12;
    for (let i = 0; i < this.#count; i++) {
      if ((i & 31) === 0 && this.#mayPause()) yield;
      const header = this.#header(at);
      this.#offsets[i] = at;
      const data = this.#pack.inflate(header, stop);
      this.#crcs[i] = crc32(this.#source.read(at, stop.at - at));
      at = stop.at;
      if (PACK_TYPES[header.type] !== undefined) {
        this.#finish(i, header.type, data);
        this.#recent.add(i, data);
        continue;
      }
      if (header.type === REF_DELTA) {
        this.#bases[i] = BY_ID;
        this.#baseIds.set(i, header.baseId);
        const list = this.#waitingById.get(header.baseId);
        if (list === undefined) this.#waitingById.set(header.baseId, [i]);
        else list.push(i);
        continue;
      }
      const base = this.#numberAt(header.baseOffset, i);
      if (base < 0) {
        this.#bases[i] = NOWHERE;
        continue;
      }
      this.#bases[i] = base;
      const baseData = this.#types[base] === 0 ? undefined : this.#recent.get(base);
      if (baseData === undefined) {
        this.#nextWaiting[i] = this.#waiting[base]!;
        this.#waiting[base] = i;
        continue;
      }
      const made = applyDelta(baseData, data, this.#maxSize);
      this.#finish(i, this.#types[base]!, made);
      this.#recent.add(i, made);
    }
    if (at !== end) throw corrupt("pack has junk at the end");
  }

  #finish(i: number, type: number, data: Uint8Array): void {
    const { inspect } = this.#options;
    const name = PACK_TYPES[type]!;
    const id = hashObjectRaw(this.#algorithm, name, data, this.#options.detectCollisions ?? true);
    this.#rawIds.set(id, i * id.length);
    this.#types[i] = type;
    if (this.#checker !== undefined) refuse(this.#checker.check(toHex(id), name, data));
    inspect?.(toHex(id), name, data, i);
    this.#done++;
  }

  /** Checks the blobs that came before the trees that name them as settings of Git. */
  #checkSettings(checker: ObjectChecker): void {
    let numbers: Map<ObjectId, number> | undefined;
    const offsetOf = (id: ObjectId): number | undefined => {
      numbers ??= new Map(Array.from({ length: this.#count }, (_, i) => [this.#id(i), i]));
      const number = numbers.get(id);
      return number === undefined ? undefined : this.#offsets[number]!;
    };
    const base = (id: ObjectId): number | GitObject | undefined =>
      offsetOf(id) ?? this.#options.store?.read(id);
    const read = (id: ObjectId): GitObject | undefined => {
      const offset = offsetOf(id);
      return offset === undefined ? undefined : this.#pack.read(offset, base);
    };
    for (const { problem } of checker.finish(read)) {
      // What did not come is the business of who looks at the links.
      if (!problem.id.endsWith("Missing")) refuse([problem]);
    }
  }

  #id(i: number): ObjectId {
    const size = this.#algorithm.rawSize;
    return toHex(this.#rawIds, i * size, (i + 1) * size);
  }

  /** Deltas that wait for an object, which do so no longer. */
  #takeWaiting(i: number, id: ObjectId | undefined): number[] {
    const out: number[] = [];
    if (i >= 0) {
      for (let at = this.#waiting[i]!; at >= 0; at = this.#nextWaiting[at]!) out.push(at);
      this.#waiting[i] = -1;
      out.reverse();
    }
    if (this.#waitingById.size > 0) {
      const key = id ?? this.#id(i);
      const byId = this.#waitingById.get(key);
      if (byId !== undefined) {
        this.#waitingById.delete(key);
        for (const one of byId) {
          if (i >= 0) this.#bases[one] = i;
          out.push(one);
        }
      }
    }
    return out;
  }

  *#resolve(appended: AppendedObject[]): Generator<void, void> {
    for (let i = 0; i < this.#count; i++) {
      if (this.#types[i] === 0) continue;
      const children = this.#takeWaiting(i, undefined);
      if (children.length > 0) yield* this.#resolveFrom(i, undefined, children);
    }
    const { store } = this.#options;
    if (store === undefined) return;
    for (const id of [...this.#waitingById.keys()]) {
      if (!this.#waitingById.has(id)) continue;
      const base = store.read(id);
      if (base === undefined) continue;
      appended.push({
        id,
        type: base.type,
        get data() {
          return mustRead(store, id).data;
        },
      });
      yield* this.#resolveFrom(-1, base, this.#takeWaiting(-1, id));
    }
  }

  /** Resolves everything below an object. What is held of it is bounded, but for the two at work. */
  *#resolveFrom(
    root: number,
    external: GitObject | undefined,
    children: number[],
  ): Generator<void, void> {
    const type = external === undefined ? this.#types[root]! : packTypeNumber(external.type);
    const stack: { number: number; children: number[]; next: number; data?: Uint8Array }[] = [
      { number: root, children, next: 0 },
    ];
    let held = 0;
    // Frames below this one hold nothing.
    let lowest = 0;
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next === top.children.length) {
        held -= top.data?.length ?? 0;
        stack.pop();
        lowest = Math.min(lowest, stack.length);
        continue;
      }
      if (top.data === undefined) {
        top.data = top.number < 0 ? external!.data : this.#make(top.number);
        held += top.data.length;
        lowest = Math.min(lowest, stack.length - 1);
      }
      const base = top.data;
      const i = top.children[top.next++]!;
      if (top.next === top.children.length) {
        held -= base.length;
        delete top.data;
      }
      const delta = this.#pack.inflate(this.#header(this.#offsets[i]!));
      const data = applyDelta(base, delta, this.#maxSize);
      this.#finish(i, type, data);
      if ((i & 31) === 0 && this.#mayPause()) yield;
      const below = this.#takeWaiting(i, undefined);
      if (below.length === 0) continue;
      stack.push({ number: i, children: below, next: 0, data });
      held += data.length;
      while (held > this.#heldLimit && lowest < stack.length - 1) {
        const frame = stack[lowest++]!;
        held -= frame.data?.length ?? 0;
        delete frame.data;
      }
    }
  }

  /** Makes an object whose base is known anew. */
  #make(i: number): Uint8Array {
    const chain: number[] = [];
    let data: Uint8Array | undefined;
    for (let at = i; data === undefined; at = this.#bases[at]!) {
      data = this.#recent.get(at);
      if (data !== undefined) break;
      if (this.#bases[at] === WHOLE) {
        data = this.#pack.inflate(this.#header(this.#offsets[at]!));
        break;
      }
      chain.push(at);
      if (this.#bases[at] === BY_ID) {
        data = mustRead(this.#options.store!, this.#baseIds.get(at)!).data;
      }
    }
    for (let k = chain.length - 1; k >= 0; k--) {
      const delta = this.#pack.inflate(this.#header(this.#offsets[chain[k]!]!));
      data = applyDelta(data, delta, this.#maxSize);
    }
    return data;
  }
}

/**
 * Reads a whole pack and computes its index.
 *
 * Memory: about 60 bytes an object, plus twice `cacheSize`.
 *
 * @throws {GitError} Of code "corrupt" for damage of any kind, "not_found" for missing delta bases, "limit" for an
 * object that is too large, "unsafe" for one side of a SHA-1 collision.
 */
export function indexPack(
  source: ByteSource,
  algorithm: HashAlgorithm,
  options: IndexPackOptions = {},
): IndexedPack {
  const steps = indexPackSteps(source, algorithm, options);
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}

/** {@linkcode indexPack} in steps of about 20 ms, so that others can work in between. */
export function indexPackSteps(
  source: ByteSource,
  algorithm: HashAlgorithm,
  options: IndexPackOptions = {},
): Generator<void, IndexedPack> {
  nodeCrypto();
  return new PackIndexer(source, algorithm, options).run();
}

/** The header bytes of a packed entry. */
export function packEntryHeader(type: number, size: number): Uint8Array {
  const bytes: number[] = [];
  let byte = (type << 4) | (size % 16);
  size = Math.floor(size / 16);
  while (size > 0) {
    bytes.push(byte | 0x80);
    byte = size % 128;
    size = Math.floor(size / 128);
  }
  bytes.push(byte);
  return Uint8Array.from(bytes);
}
