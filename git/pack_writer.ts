/**
 * Writing packs. What is stored as a delta already is copied as it is when its base goes along (or the receiver has
 * it), and so are the compressed bytes of whole objects. The rest is sorted by type, name, and size, and each is
 * tried against the ten before it, as git does it.
 *
 * A pack is never whole in memory: chunks come from a generator. Held are about 100 bytes an object, the window of
 * the search, and new deltas, compressed, up to 256 MiB; deltas beyond that are made again when they are written.
 *
 * @module
 */
import { type ByteString, fromHex, readU32, toHex, writeU32 } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import {
  directoryName,
  nativePath,
  readAt,
  removeFile,
  syncDirectory,
  temporaryName,
  writeAll,
  writeFileAtomically,
} from "./_files.ts";
import { DeltaIndex } from "./delta.ts";
import { corrupt, GitError } from "./errors.ts";
import { FileObjectStore, type Pack } from "./file_object_store.ts";
import type { HashAlgorithm, Hasher, ObjectId } from "./hash_algorithm.ts";
import { packEntryHeader } from "./index_pack.ts";
import { type ObjectStore, peelTo, readTree } from "./object_store.ts";
import { isGitlinkMode, isTreeMode } from "./objects.ts";
import { OFS_DELTA, PACK_TYPES, packTypeNumber, REF_DELTA } from "./pack_file.ts";
import { formatPackIndex, formatPackIndexV1, type PackIndexEntry } from "./pack_index.ts";

/** An object to be packed; the path it was found at helps to find a delta base. */
export interface PackCandidate {
  /** Its id. */
  readonly id: ObjectId;
  /** A path it was found at. */
  readonly path?: ByteString;
}

/** Options of {@linkcode packChunks}, {@linkcode packStream}, and {@linkcode writePack}. */
export interface PackWriterOptions {
  /** How many earlier objects each one is tried against; 0 for no new deltas. Default 10. */
  window?: number;
  /** Most memory (bytes) that the objects of the window take. Default 256 MiB. */
  windowMemory?: number;
  /** Longest delta chain. Default 50. */
  depth?: number;
  /** Name delta bases by offset. Default true. */
  offsetDeltas?: boolean;
  /** Zlib level of what is compressed anew. Default -1. */
  compression?: number;
  /** Copy deltas that are stored already. Default true. */
  reuseDeltas?: boolean;
  /** Copy the compressed bytes of whole objects that are in packs already. Default true. */
  reuseObjects?: boolean;
  /** Makes a thin pack: a stored delta is copied also if the receiver has its base. */
  receiverHas?: (id: ObjectId) => boolean;
  /**
   * Makes a thin pack: commits that the receiver has. What their trees have at the paths of the objects serves as
   * bases; as many commits as the window has places are looked at.
   */
  boundary?: Iterable<ObjectId>;
  /** Stops the work. */
  signal?: AbortSignal;
  /** Called now and then with how many objects are done in a phase: deltas are looked for, the pack is written. */
  progress?: (done: number, total: number, phase: "compress" | "write") => void;
}

/** What was written. */
export interface PackSummary {
  /** The pack's checksum, which is its last bytes. */
  readonly checksum: Uint8Array;
  /** How many objects it holds. */
  readonly count: number;
  /** How many of them are deltas. */
  readonly deltas: number;
  /** How many of them were copied from other packs. */
  readonly reused: number;
  /** How many of those are deltas. */
  readonly reusedDeltas: number;
}

const CHUNK_SIZE = 65536;
const NOTHING = new Uint8Array(0);
/** How long the search goes on before it lets others work (milliseconds). */
const SLICE_MS = 20;
/** Objects from this size on are not made into deltas. */
const BIG_OBJECT_SIZE = 512 * 1024 * 1024;
const SMALLEST_DELTA_TARGET = 50;
/** New deltas that are kept until they are written (bytes). */
const WAITING_LIMIT = 256 * 1024 * 1024;
const NO_BASE = -1;
const EXTERNAL_BASE = -2;

/** A number that sorts paths with equal endings together. */
function nameHash(path: ByteString): number {
  let hash = 0;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === 32 || (c >= 9 && c <= 13)) continue;
    hash = ((hash >>> 2) + c * 0x1000000) >>> 0;
  }
  return hash;
}

/** Where the entries of a stored pack begin and end. */
class PackLayout {
  readonly pack: Pack;
  readonly #offsets: Float64Array;
  #positions: Uint32Array | undefined;

  constructor(pack: Pack) {
    this.pack = pack;
    this.#offsets = pack.index.offsets().sort();
  }

  #rank(offset: number): number {
    const offsets = this.#offsets;
    let low = 0, high = offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    if (offsets[low] !== offset) throw corrupt(`no object starts at offset ${offset} of a pack`);
    return low;
  }

  #position(offset: number): number {
    if (this.#positions === undefined) {
      const positions = this.#positions = new Uint32Array(this.#offsets.length);
      const unsorted = this.pack.index.offsets();
      for (let at = 0; at < unsorted.length; at++) positions[this.#rank(unsorted[at]!)] = at;
    }
    return this.#positions[this.#rank(offset)]!;
  }

  /** The id of the entry at an offset. */
  idAt(offset: number): ObjectId {
    return this.pack.index.id(this.#position(offset));
  }

  /** Where the entry at an offset ends. */
  end(offset: number): number {
    const next = this.#offsets[this.#rank(offset) + 1];
    return next ?? this.pack.file.size - this.pack.index.packChecksum().length;
  }

  /** The checksum of the entry at an offset that the index has, if any. */
  crc(offset: number): number | undefined {
    return this.pack.index.crc(this.#position(offset));
  }
}

/** Byte arrays one after another, in blocks. */
class Arena {
  readonly #blocks: Uint8Array[] = [];
  #used = 0;
  /** Bytes taken. */
  size = 0;

  add(data: Uint8Array): number {
    const block = this.#blocks.at(-1);
    if (block === undefined || this.#used + data.length > block.length) {
      this.#blocks.push(new Uint8Array(Math.max(1 << 22, data.length)));
      this.#used = 0;
    }
    const last = this.#blocks.length - 1;
    this.#blocks[last]!.set(data, this.#used);
    const at = last * 2 ** 32 + this.#used;
    this.#used += data.length;
    this.size += data.length;
    return at;
  }

  get(at: number, length: number): Uint8Array {
    const from = at % 2 ** 32;
    return this.#blocks[Math.floor(at / 2 ** 32)]!.subarray(from, from + length);
  }
}

/** What the tree of a commit has at some paths, the trees above them, and the root. */
function* objectsAtPaths(
  store: ObjectStore,
  commit: ObjectId,
  paths: ReadonlySet<ByteString>,
): Generator<PackCandidate> {
  const directories = new Set<ByteString>();
  for (let path of paths) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/")) {
      path = path.slice(0, slash);
      if (directories.has(path)) break;
      directories.add(path);
    }
  }
  const root = peelTo(store, commit, "tree");
  if (root === undefined) return;
  const stack: { id: ObjectId; path: ByteString }[] = [{ id: root, path: "" }];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (!store.has(at.id)) continue;
    yield at;
    for (const entry of readTree(store, at.id)) {
      const path = at.path === "" ? entry.name : `${at.path}/${entry.name}`;
      if (isTreeMode(entry.mode)) {
        if (paths.has(path) || directories.has(path)) stack.push({ id: entry.id, path });
      } else if (!isGitlinkMode(entry.mode) && paths.has(path) && store.has(entry.id)) {
        yield { id: entry.id, path };
      }
    }
  }
}

/** The objects of a pack that is being written: columns by number of the object. */
class PackPlan {
  readonly ids: ObjectId[] = [];
  readonly numbers = new Map<ObjectId, number>();
  /** Objects to write; those that follow are only bases. */
  readonly count: number;
  readonly total: number;
  readonly names: Uint32Array;
  /** Type numbers; 0 for copied deltas. */
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  /** Which of `layouts` an object is in, or -1. */
  readonly packs: Int32Array;
  /** Where it is in that pack. */
  readonly storedAt: Float64Array;
  readonly bases: Int32Array;
  readonly externalBases = new Map<number, ObjectId>();
  readonly isCopiedDelta: Uint8Array;
  /** Objects that their pack has as whole ones. */
  readonly isStoredWhole: Uint8Array;
  readonly depths: Int32Array;
  /** How many copied deltas are at most below an object. */
  readonly heights: Int32Array;
  readonly layouts: PackLayout[] = [];

  constructor(store: ObjectStore, objects: Iterable<PackCandidate>, options: PackWriterOptions) {
    const { ids, numbers } = this;
    const hashes: number[] = [];
    const paths = options.boundary === undefined ? undefined : new Set<ByteString>();
    const add = ({ id, path }: PackCandidate): void => {
      if (numbers.has(id)) return;
      numbers.set(id, ids.length);
      ids.push(id);
      hashes.push(path === undefined ? 0 : nameHash(path));
    };
    for (const object of objects) {
      add(object);
      paths?.add(object.path ?? "");
    }
    this.count = ids.length;
    if (paths !== undefined) {
      const most = options.window ?? 10;
      let commits = 0;
      for (const commit of options.boundary!) {
        if (commits++ >= most) break;
        for (const base of objectsAtPaths(store, commit, paths)) add(base);
      }
    }
    const total = this.total = ids.length;
    this.names = Uint32Array.from(hashes);
    this.types = new Uint8Array(total);
    this.sizes = new Float64Array(total);
    this.packs = new Int32Array(total).fill(-1);
    this.storedAt = new Float64Array(total);
    this.bases = new Int32Array(total).fill(NO_BASE);
    this.isCopiedDelta = new Uint8Array(total);
    this.isStoredWhole = new Uint8Array(total);
    this.depths = new Int32Array(total);
    this.heights = new Int32Array(total);
  }

  /** Finds where everything is, and which deltas can be copied. */
  *locate(store: ObjectStore, options: PackWriterOptions): Generator<Uint8Array, void> {
    const layouts = new Map<Pack, number>();
    const files = store instanceof FileObjectStore ? store : undefined;
    // What a partial clone lacks comes in one go.
    files?.prefetch(this.ids);
    let pause = performance.now() + SLICE_MS;
    for (let i = 0; i < this.total; i++) {
      if ((i & 255) === 0) {
        options.signal?.throwIfAborted();
        if (performance.now() > pause) {
          yield NOTHING;
          pause = performance.now() + SLICE_MS;
        }
      }
      const id = this.ids[i]!;
      const stored = files?.packed(id);
      if (stored === undefined) {
        this.#describe(store, i);
        continue;
      }
      let layout = layouts.get(stored.pack);
      if (layout === undefined) {
        layout = this.layouts.length;
        layouts.set(stored.pack, layout);
        this.layouts.push(new PackLayout(stored.pack));
      }
      this.packs[i] = layout;
      this.storedAt[i] = stored.offset;
      const header = stored.pack.file.header(stored.offset);
      if (PACK_TYPES[header.type] !== undefined) {
        this.types[i] = header.type;
        this.sizes[i] = header.size;
        this.isStoredWhole[i] = 1;
        continue;
      }
      if (i < this.count && options.reuseDeltas !== false) {
        const baseId = header.type === OFS_DELTA
          ? this.layouts[layout]!.idAt(header.baseOffset)
          : header.baseId;
        const base = this.numbers.get(baseId);
        if (base !== undefined && base < this.count) {
          this.bases[i] = base;
          this.isCopiedDelta[i] = 1;
          continue;
        }
        if (base !== undefined || options.receiverHas?.(baseId)) {
          this.bases[i] = EXTERNAL_BASE;
          this.externalBases.set(i, baseId);
          this.isCopiedDelta[i] = 1;
          continue;
        }
      }
      this.#describe(store, i);
    }
    this.#breakChains(store, options.depth ?? 50);
  }

  #describe(store: ObjectStore, i: number): void {
    const info = store.describe(this.ids[i]!);
    if (info === undefined) throw new GitError("not_found", `unable to read ${this.ids[i]}`);
    this.types[i] = packTypeNumber(info.type);
    this.sizes[i] = info.size;
  }

  /** Deltas from several packs can form circles, and chains that are longer than asked for. */
  #breakChains(store: ObjectStore, maxDepth: number): void {
    const { bases, depths, heights } = this;
    const done = new Uint8Array(this.total);
    const chain: number[] = [];
    for (let i = 0; i < this.count; i++) {
      let at = i;
      chain.length = 0;
      while (at >= 0 && done[at] === 0) {
        done[at] = 1;
        chain.push(at);
        at = bases[at]!;
      }
      // What is still on the chain being walked closes a circle.
      const circle = at >= 0 && done[at] === 1 ? at : -1;
      for (let k = chain.length - 1; k >= 0; k--) {
        const one = chain[k]!;
        const base = bases[one]!;
        if (base !== NO_BASE) {
          const depth = base >= 0 ? depths[base]! + 1 : 1;
          if ((k === chain.length - 1 && circle >= 0) || depth > maxDepth) {
            bases[one] = NO_BASE;
            this.isCopiedDelta[one] = 0;
            this.externalBases.delete(one);
            this.#describe(store, one);
          } else depths[one] = depth;
        }
        done[one] = 2;
      }
    }
    for (let i = 0; i < this.count; i++) {
      let height = 0;
      for (let at = bases[i]!; at >= 0 && heights[at]! < ++height; at = bases[at]!) {
        heights[at] = height;
      }
    }
  }
}

/** Deltas that were found and wait to be written. */
class FoundDeltas {
  readonly arena = new Arena();
  /** Where the compressed delta is in the arena, or -1 for what has to be made again. */
  readonly places = new Map<number, { at: number; packedSize: number; size: number }>();
}

interface WindowSlot {
  number: number;
  data: Uint8Array | undefined;
  index: DeltaIndex | undefined;
}

/** Looks for deltas; yields now and then so that others can work. */
function* findDeltas(
  store: ObjectStore,
  plan: PackPlan,
  found: FoundDeltas,
  options: PackWriterOptions,
): Generator<Uint8Array, void> {
  const { types, sizes, names, bases, depths, heights, ids } = plan;
  const window = options.window ?? 10;
  const maxDepth = options.depth ?? 50;
  if (window <= 0 || maxDepth <= 0) return;
  const windowMemory = options.windowMemory ?? 256 * 1024 * 1024;
  const level = options.compression ?? -1;
  const rawSize = store.algorithm.rawSize;
  const sorted: number[] = [];
  for (let i = 0; i < plan.total; i++) {
    if (plan.isCopiedDelta[i] === 1 || sizes[i]! < SMALLEST_DELTA_TARGET) continue;
    if (sizes[i]! < BIG_OBJECT_SIZE) sorted.push(i);
  }
  sorted.sort((a, b) =>
    types[b]! - types[a]! || names[b]! - names[a]! ||
    // Bases that the receiver has come first among equal names.
    Number(b >= plan.count) - Number(a >= plan.count) || sizes[b]! - sizes[a]! || a - b
  );
  const read = (number: number): Uint8Array => {
    const object = store.read(ids[number]!);
    if (object === undefined) throw new GitError("not_found", `unable to read ${ids[number]}`);
    return object.data;
  };
  const recent: WindowSlot[] = [];
  let held = 0;
  let pause = performance.now() + SLICE_MS;
  for (let done = 0; done < sorted.length; done++) {
    if ((done & 15) === 0) {
      options.signal?.throwIfAborted();
      if (performance.now() > pause) {
        options.progress?.(done, sorted.length, "compress");
        yield NOTHING;
        pause = performance.now() + SLICE_MS;
      }
    }
    const target = sorted[done]!;
    const type = types[target]!;
    if (recent.length > 0 && types[recent[0]!.number] !== type) {
      recent.length = 0;
      held = 0;
    }
    const slot: WindowSlot = { number: target, data: undefined, index: undefined };
    const size = sizes[target]!;
    // What was left whole in a pack would hardly be made a delta of what that pack has whole as well.
    const settledIn = plan.isStoredWhole[target] === 1 && options.reuseDeltas !== false
      ? plan.packs[target]!
      : -1;
    let best: Uint8Array | undefined;
    let bestSlot = -1;
    const deepest = maxDepth - heights[target]!;
    if (target < plan.count && deepest > 0) {
      for (let k = recent.length - 1; k >= 0; k--) {
        const source = recent[k]!;
        const sourceDepth = depths[source.number]!;
        if (sourceDepth >= deepest) continue;
        if (
          settledIn >= 0 && plan.packs[source.number] === settledIn && source.number < plan.count
        ) continue;
        // A short chain is worth some bytes.
        let limit = best === undefined ? Math.floor(size / 2) - rawSize : best.length;
        const atDepth = best === undefined ? 1 : depths[target]!;
        limit = Math.floor((limit * (deepest - sourceDepth)) / (deepest - atDepth + 1));
        if (limit <= 0) continue;
        const sourceSize = sizes[source.number]!;
        if (Math.max(0, size - sourceSize) >= limit || size < sourceSize / 32) continue;
        source.index ??= new DeltaIndex(source.data ??= read(source.number));
        const delta = source.index.make(slot.data ??= read(target), limit);
        if (delta === undefined) continue;
        if (
          best !== undefined && delta.length >= best.length && sourceDepth + 1 >= depths[target]!
        ) continue;
        best = delta;
        bestSlot = k;
        bases[target] = source.number;
        depths[target] = sourceDepth + 1;
      }
    }
    if (best !== undefined) {
      const packed = zlib().deflateSync(best, { level });
      const kept = found.arena.size + packed.length <= WAITING_LIMIT;
      found.places.set(target, {
        at: kept ? found.arena.add(packed) : -1,
        packedSize: packed.length,
        size: best.length,
      });
      // A base that served stays longer.
      recent.push(...recent.splice(bestSlot, 1));
    }
    // What is as deep as can be cannot be a base.
    if (depths[target]! >= maxDepth) continue;
    recent.push(slot);
    held += size * 2;
    while (recent.length > window || (held > windowMemory && recent.length > 1)) {
      held -= sizes[recent.shift()!.number]! * 2;
    }
  }
  options.progress?.(sorted.length, sorted.length, "compress");
}

/** Everything that is written goes through here: chunks, offset, checksum. */
class ChunkBuffer {
  readonly #hasher: Hasher;
  #chunk = new Uint8Array(CHUNK_SIZE);
  #used = 0;
  #ready: Uint8Array[] = [];
  /** Offset in the pack. */
  offset = 0;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  add(data: Uint8Array): void {
    this.offset += data.length;
    if (this.#used + data.length > CHUNK_SIZE) this.flush();
    if (data.length >= CHUNK_SIZE) {
      this.#hasher.update(data);
      this.#ready.push(data.slice());
      return;
    }
    this.#chunk.set(data, this.#used);
    this.#used += data.length;
  }

  flush(): void {
    if (this.#used === 0) return;
    const chunk = this.#chunk.subarray(0, this.#used);
    this.#hasher.update(chunk);
    this.#ready.push(chunk);
    this.#chunk = new Uint8Array(CHUNK_SIZE);
    this.#used = 0;
  }

  get isReady(): boolean {
    return this.#ready.length > 0;
  }

  take(): Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  finish(): Uint8Array {
    this.flush();
    const checksum = this.#hasher.digest();
    this.#ready.push(checksum);
    return checksum;
  }
}

/** How a written delta names its base by distance. */
function distanceBytes(distance: number): Uint8Array {
  const bytes = [distance % 128];
  while ((distance = Math.floor(distance / 128)) > 0) bytes.unshift(0x80 | (--distance % 128));
  return Uint8Array.from(bytes);
}

function* packChunksWithEntries(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  options: PackWriterOptions,
  onEntry: ((entry: PackIndexEntry) => void) | undefined,
  sizeLimit = Infinity,
): Generator<Uint8Array, PackSummary> {
  const plan = new PackPlan(store, objects, options);
  yield* plan.locate(store, options);
  const found = new FoundDeltas();
  yield* findDeltas(store, plan, found, options);
  const { ids, bases, types, sizes, count } = plan;
  const { crc32, deflateSync } = zlib();
  const level = options.compression ?? -1;
  const out = new ChunkBuffer(store.algorithm.create(1 << 20));
  const head = new Uint8Array(12);
  writeU32(head, 0, 0x5041434b);
  writeU32(head, 4, 2);
  writeU32(head, 8, count);
  out.add(head);
  const offsets = new Float64Array(count);
  let written = 0, deltas = 0, reused = 0, reusedDeltas = 0;
  const read = (i: number): Uint8Array => {
    const object = store.read(ids[i]!);
    if (object === undefined) throw new GitError("not_found", `unable to read ${ids[i]}`);
    return object.data;
  };
  /** The compressed bytes of a stored entry; `undefined` when they are damaged. */
  const stored = (i: number): { size: number; body: Uint8Array } | undefined => {
    const layout = plan.layouts[plan.packs[i]!]!;
    const { file } = layout.pack;
    const at = plan.storedAt[i]!;
    const header = file.header(at);
    const bytes = file.source.read(at, layout.end(at) - at);
    const expected = layout.crc(at);
    if (expected !== undefined && crc32(bytes) !== expected) return undefined;
    return { size: header.size, body: bytes.subarray(header.dataAt - at) };
  };
  const put = (i: number): boolean => {
    const at = out.offset;
    let base = bases[i]!;
    let size = sizes[i]!;
    let body: Uint8Array | undefined;
    let isCopy = false;
    const place = found.places.get(i);
    if (place !== undefined) {
      size = place.size;
      if (place.at >= 0) body = found.arena.get(place.at, place.packedSize);
      else {
        const delta = new DeltaIndex(read(base)).make(read(i), place.size);
        if (delta === undefined) throw corrupt(`object ${ids[i]} changed while it was packed`);
        size = delta.length;
        body = deflateSync(delta, { level });
      }
    } else if (plan.isCopiedDelta[i] === 1) {
      const copy = stored(i);
      if (copy !== undefined) {
        ({ size, body } = copy);
        isCopy = true;
      } else base = NO_BASE;
    } else if (plan.packs[i]! >= 0 && options.reuseObjects !== false) {
      const { file } = plan.layouts[plan.packs[i]!]!.pack;
      if (PACK_TYPES[file.header(plan.storedAt[i]!).type] !== undefined) {
        body = stored(i)?.body;
        isCopy = body !== undefined;
      }
    }
    let type = types[i]!;
    if (body === undefined) {
      const object = store.read(ids[i]!);
      if (object === undefined) throw new GitError("not_found", `unable to read ${ids[i]}`);
      type = packTypeNumber(object.type);
      size = object.data.length;
      body = deflateSync(object.data, { level });
    }
    let header: Uint8Array;
    let name: Uint8Array = NOTHING;
    if (base === NO_BASE) header = packEntryHeader(type, size);
    else if (base >= 0 && base < count && options.offsetDeltas !== false) {
      header = packEntryHeader(OFS_DELTA, size);
      name = distanceBytes(at - offsets[base]!);
    } else {
      header = packEntryHeader(REF_DELTA, size);
      name = fromHex(base >= 0 ? ids[base]! : plan.externalBases.get(i)!);
    }
    const end = at + header.length + name.length + body.length;
    if (written > 0 && end + 2 * store.algorithm.rawSize >= sizeLimit) return false;
    offsets[i] = at;
    if (base !== NO_BASE) deltas++;
    if (isCopy) {
      reused++;
      if (base !== NO_BASE) reusedDeltas++;
    }
    out.add(header);
    out.add(name);
    out.add(body);
    onEntry?.({ id: ids[i]!, offset: at, crc: crc32(body, crc32(name, crc32(header))) });
    written++;
    return true;
  };
  const chain: number[] = [];
  let isFull = false;
  for (let i = 0; i < count && !isFull; i++) {
    // Bases go first.
    for (let at = i; at >= 0 && at < count && offsets[at] === 0; at = bases[at]!) chain.push(at);
    while (chain.length > 0 && !isFull) isFull = !put(chain.pop()!);
    if (out.isReady) {
      options.signal?.throwIfAborted();
      options.progress?.(written, count, "write");
      yield* out.take();
    }
  }
  const checksum = out.finish();
  options.progress?.(count, count, "write");
  yield* out.take();
  return { checksum, count: written, deltas, reused, reusedDeltas };
}

/**
 * Writes a pack as chunks of about 64 KiB. An empty chunk only says that work went on.
 *
 * `objects` is read whole before the first byte comes; an id that comes again is passed over.
 *
 * Throws `GitError` ("not_found" for an object that is missing, "corrupt" for one that is damaged) and the reason of
 * `signal`.
 *
 * @example
 * ```ts
 * import { MemoryObjectStore, packChunks } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryObjectStore();
 * const id = store.write("blob", new TextEncoder().encode("Hello, World!\n"));
 * let size = 0;
 * for (const chunk of packChunks(store, [{ id }])) size += chunk.length;
 * assertEquals(size, 12 + 1 + 22 + 20);
 * ```
 */
export function packChunks(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  options: PackWriterOptions = {},
): Generator<Uint8Array, PackSummary> {
  return packChunksWithEntries(store, objects, options, undefined);
}

/**
 * {@linkcode packChunks} as a stream: work is done as it is read, with pauses for others, and ends when the stream is
 * cancelled.
 */
export function packStream(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  options: PackWriterOptions = {},
): ReadableStream<Uint8Array> {
  const chunks = packChunks(store, objects, options);
  let pause = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        if (performance.now() > pause) {
          await new Promise((resolve) => setTimeout(resolve, 0));
          pause = performance.now() + SLICE_MS;
        }
        const next = chunks.next();
        if (next.done) return controller.close();
        if (next.value.length > 0) return controller.enqueue(next.value);
      }
    },
    cancel() {
      chunks.return?.(undefined as never);
    },
  }, { highWaterMark: 0 });
}

/**
 * Writes a pack piece by piece to `write`; returns what {@linkcode packChunks} does, and the entries of its index.
 *
 * Throws `GitError` ("not_found") for an object that is missing.
 */
export function writePack(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  write: (data: Uint8Array) => void,
  options: PackWriterOptions = {},
): PackSummary & { entries: PackIndexEntry[] } {
  return writeEntries(store, objects, write, options, Infinity);
}

function writeEntries(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  write: (data: Uint8Array) => void,
  options: PackWriterOptions,
  sizeLimit: number,
): PackSummary & { entries: PackIndexEntry[] } {
  const entries: PackIndexEntry[] = [];
  const take = (entry: PackIndexEntry): void => void entries.push(entry);
  const chunks = packChunksWithEntries(store, objects, options, take, sizeLimit);
  for (;;) {
    const next = chunks.next();
    if (next.done) return { ...next.value, entries };
    if (next.value.length > 0) write(next.value);
  }
}

/** Options of {@linkcode writePackFile}. */
export interface PackFileOptions extends PackWriterOptions {
  /** Flush to disk before the pack counts. Default true. */
  fsync?: boolean;
  /** Version of the index, 1 or 2. Default 2. */
  indexVersion?: 1 | 2;
  /** Offsets above this go into the index's table of 64-bit ones. */
  largeOffsetsFrom?: number;
  /** Where a pack ends and another one begins (bytes): no pack is larger, but for one with a single object. */
  sizeLimit?: number;
}

/**
 * Writes packs with their indexes as `<prefix>-<checksum>.pack` and `.idx`: one, unless there is a limit of size. An
 * index comes last, and both are on the disk before the next is begun: before that there is no new pack, whatever
 * happens.
 */
export function writePackFiles(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  prefix: ByteString,
  options: PackFileOptions = {},
): (PackSummary & { path: ByteString })[] {
  let left = [...new Map(Array.from(objects, (object) => [object.id, object])).values()];
  const out: (PackSummary & { path: ByteString })[] = [];
  do {
    const { written, ids } = writeOnePack(store, left, prefix, options);
    out.push(written);
    left = left.filter(({ id }) => !ids.has(id));
  } while (left.length > 0);
  return out;
}

/** {@linkcode writePackFiles} for one pack, without a limit of size. */
export function writePackFile(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  prefix: ByteString,
  options: Omit<PackFileOptions, "sizeLimit"> = {},
): PackSummary & { path: ByteString } {
  return writeOnePack(store, objects, prefix, options).written;
}

function writeOnePack(
  store: ObjectStore,
  objects: Iterable<PackCandidate>,
  prefix: ByteString,
  options: PackFileOptions,
): { written: PackSummary & { path: ByteString }; ids: Set<ObjectId> } {
  const fsync = options.fsync ?? true;
  const directory = directoryName(prefix);
  const temp = temporaryName(`${directory}/tmp_pack_`);
  const file = Deno.openSync(nativePath(temp), {
    read: true,
    write: true,
    createNew: true,
    mode: 0o444,
  });
  try {
    let size = 0;
    let { entries, ...summary } = writeEntries(
      store,
      objects,
      (data) => {
        writeAll(file, data);
        size += data.length;
      },
      options,
      options.sizeLimit ?? Infinity,
    );
    const head = new Uint8Array(12);
    readAt(file, head, 0);
    if (readU32(head, 8) !== entries.length) {
      // It came to its end before all it was to hold.
      writeU32(head, 8, entries.length);
      file.seekSync(0, Deno.SeekMode.Start);
      writeAll(file, head);
      summary = { ...summary, checksum: sealPack(file, size, store.algorithm) };
    }
    if (fsync) file.syncSync();
    const { checksum } = summary;
    const path = `${prefix}-${toHex(checksum)}`;
    Deno.renameSync(nativePath(temp), nativePath(`${path}.pack`));
    const index = options.indexVersion === 1
      ? formatPackIndexV1(entries, checksum, store.algorithm)
      : formatPackIndex(entries, checksum, store.algorithm, options.largeOffsetsFrom);
    writeFileAtomically(`${path}.idx`, index, { mode: 0o444, fsync });
    if (fsync) syncDirectory(directory);
    return { written: { ...summary, path }, ids: new Set(entries.map(({ id }) => id)) };
  } catch (error) {
    removeFile(temp);
    throw error;
  } finally {
    file.close();
  }
}

/** Computes the checksum of a pack of a size (bytes) anew, and writes it to its end. */
function sealPack(file: Deno.FsFile, size: number, algorithm: HashAlgorithm): Uint8Array {
  const end = size - algorithm.rawSize;
  const hasher = algorithm.create(end);
  const chunk = new Uint8Array(1 << 20);
  for (let at = 0; at < end;) {
    const length = readAt(file, chunk.subarray(0, Math.min(chunk.length, end - at)), at);
    if (length === 0) throw corrupt("pack shrank while it was written");
    hasher.update(chunk.subarray(0, length));
    at += length;
  }
  const checksum = hasher.digest();
  file.seekSync(end, Deno.SeekMode.Start);
  writeAll(file, checksum);
  return checksum;
}
