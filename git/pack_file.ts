/**
 * Pack files, versions 2 and 3: `PACK`, version, object count, then each object as a type and size
 * header and a zlib stream, then a checksum. Deltas name their base by offset or id.
 *
 * A pack is read in windows of 256 KiB through positioned reads; at most 128 are kept.
 *
 * @module
 */
import { type ByteString, readU32, toHex } from "./_bytes.ts";
import { nativePath, readAt } from "./_files.ts";
import { inflate, inflated, inflateInto, TRUNCATED } from "./_inflate.ts";
import { applyDelta, deltaResultSize } from "./delta.ts";
import { corrupt, GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId, ObjectType } from "./hash_algorithm.ts";
import type { GitObject } from "./objects.ts";

const WINDOW = 1 << 18;
const MAX_WINDOWS = 128;

/** Type numbers in pack entries. */
export const PACK_TYPES: readonly (ObjectType | undefined)[] = [
  undefined,
  "commit",
  "tree",
  "blob",
  "tag",
];
/** A delta whose base is given by offset. */
export const OFS_DELTA = 6;
/** A delta whose base is given by id. */
export const REF_DELTA = 7;

/** The number of a type in pack entries. */
export function packTypeNumber(type: ObjectType): number {
  return PACK_TYPES.indexOf(type);
}

/** The largest object this module will hold in memory (bytes). */
export const MAX_OBJECT_SIZE = 0x7fffffff - 64;

/** Anything that can be read at a position: a file or bytes in memory. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /** At most `length` bytes at `at`; fewer only at the end. */
  read(at: number, length: number): Uint8Array;
  /** Releases it. */
  close(): void;
}

/** A file read through windows. */
export class WindowedFile implements ByteSource {
  readonly size: number;
  readonly #file: Deno.FsFile;
  #windows = new Map<number, Uint8Array>();
  #lastIndex = -1;
  #last: Uint8Array = new Uint8Array(0);

  /** Opens it. */
  constructor(path: ByteString) {
    this.#file = Deno.openSync(nativePath(path), { read: true });
    this.size = this.#file.statSync().size;
  }

  #window(index: number): Uint8Array {
    if (index === this.#lastIndex) return this.#last;
    let window = this.#windows.get(index);
    if (window === undefined) {
      const start = index * WINDOW;
      window = new Uint8Array(Math.min(WINDOW, this.size - start));
      if (readAt(this.#file, window, start) !== window.length) {
        throw corrupt("file shrank while it was read");
      }
      if (this.#windows.size >= MAX_WINDOWS) {
        this.#windows.delete(this.#windows.keys().next().value!);
      }
    } else this.#windows.delete(index);
    this.#windows.set(index, window);
    this.#lastIndex = index;
    this.#last = window;
    return window;
  }

  read(at: number, length: number): Uint8Array {
    const end = Math.min(this.size, at + length);
    if (at >= end) return new Uint8Array(0);
    const first = Math.floor(at / WINDOW);
    const last = Math.floor((end - 1) / WINDOW);
    if (first === last) {
      return this.#window(first).subarray(at - first * WINDOW, end - first * WINDOW);
    }
    const out = new Uint8Array(end - at);
    if (last - first > 4) {
      if (readAt(this.#file, out, at) !== out.length) {
        throw corrupt("file shrank while it was read");
      }
      return out;
    }
    for (let index = first; index <= last; index++) {
      const base = index * WINDOW;
      const from = Math.max(at, base);
      out.set(this.#window(index).subarray(from - base, Math.min(end - base, WINDOW)), from - at);
    }
    return out;
  }

  close(): void {
    this.#windows.clear();
    this.#file.close();
  }
}

/** Bytes in memory as a source. */
export class MemorySource implements ByteSource {
  readonly size: number;
  readonly #data: Uint8Array;
  /** Opens it. */
  constructor(data: Uint8Array) {
    this.#data = data;
    this.size = data.length;
  }
  read(at: number, length: number): Uint8Array {
    return this.#data.subarray(at, at + length);
  }
  close(): void {}
}

/** The head of a packed entry. */
export interface PackEntryHeader {
  /** 1 to 4 for plain objects, 6 or 7 for deltas. */
  readonly type: number;
  /** Inflated size: of the object, or of the delta. */
  readonly size: number;
  /** Where the zlib stream starts. */
  readonly dataAt: number;
  /** Base offset of an offset delta, else -1. */
  readonly baseOffset: number;
  /** Base id of a reference delta, else "". */
  readonly baseId: ObjectId;
}

/**
 * Objects by pack and offset, the ones used last, bounded by their total size. A map from offset to
 * slot for each pack, and one list through the slots of all packs: moving an entry to the front of a
 * `Map` instead costs more than undoing a delta.
 */
class BaseCache {
  readonly #limit: number;
  #size = 0;
  #objects: (GitObject | undefined)[] = [undefined];
  #offsets: number[] = [0];
  #owners: (Map<number, number> | undefined)[] = [undefined];
  // Slot 0 is the head of the list: its next is the newest, its previous the oldest.
  #next: number[] = [0];
  #previous: number[] = [0];
  #free: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  #unlink(slot: number): void {
    const next = this.#next[slot]!, previous = this.#previous[slot]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #link(slot: number): void {
    const first = this.#next[0]!;
    this.#next[slot] = first;
    this.#previous[slot] = 0;
    this.#previous[first] = slot;
    this.#next[0] = slot;
  }

  #release(slot: number): void {
    this.#unlink(slot);
    this.#size -= this.#objects[slot]!.data.length + SLOT_COST;
    this.#objects[slot] = undefined;
    this.#owners[slot] = undefined;
    this.#free.push(slot);
  }

  get(owner: Map<number, number>, offset: number): GitObject | undefined {
    const slot = owner.get(offset);
    if (slot === undefined) return undefined;
    if (this.#next[0] !== slot) {
      this.#unlink(slot);
      this.#link(slot);
    }
    return this.#objects[slot];
  }

  set(owner: Map<number, number>, offset: number, object: GitObject): void {
    if (object.data.length > this.#limit / 4 || owner.has(offset)) return;
    const slot = this.#free.pop() ?? this.#objects.length;
    this.#objects[slot] = object;
    this.#offsets[slot] = offset;
    this.#owners[slot] = owner;
    this.#link(slot);
    owner.set(offset, slot);
    this.#size += object.data.length + SLOT_COST;
    while (this.#size > this.#limit) {
      const oldest = this.#previous[0]!;
      this.#owners[oldest]!.delete(this.#offsets[oldest]!);
      this.#release(oldest);
    }
  }

  /** Forgets all that is of one pack. */
  drop(owner: Map<number, number>): void {
    for (const slot of owner.values()) this.#release(slot);
    owner.clear();
  }
}

/** What an entry of the cache costs besides its data (bytes). */
const SLOT_COST = 128;
const baseCache = new BaseCache(96 * 1024 * 1024);

/** Finds a base by id outside the chain being read: another offset of the pack, or an object. */
export type BaseResolver = (id: ObjectId) => number | GitObject | undefined;

/** An open pack. */
export class PackFile {
  /** How many objects the header announces. */
  readonly count: number;
  /** Size in bytes, checksum included. */
  readonly size: number;
  readonly #source: ByteSource;
  readonly #algorithm: HashAlgorithm;
  /** Slots of the cache of bases by offset. */
  readonly #cached = new Map<number, number>();

  /** Opens it. */
  constructor(source: ByteSource, algorithm: HashAlgorithm) {
    this.#source = source;
    this.#algorithm = algorithm;
    this.size = source.size;
    const head = source.read(0, 12);
    if (head.length < 12 || readU32(head, 0) !== 0x5041434b) throw corrupt("not a pack file");
    const version = readU32(head, 4);
    if (version !== 2 && version !== 3) throw corrupt(`pack version ${version} is not supported`);
    this.count = readU32(head, 8);
    // The smallest entry is 9 bytes: one of header, eight of an empty zlib stream.
    if (source.size < 12 + algorithm.rawSize || this.count > (source.size - 12) / 9) {
      throw corrupt("pack is shorter than its object count needs");
    }
  }

  /** Opens the pack at a path. */
  static open(path: ByteString, algorithm: HashAlgorithm): PackFile {
    const source = new WindowedFile(path);
    try {
      return new PackFile(source, algorithm);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Where the bytes come from. */
  get source(): ByteSource {
    return this.#source;
  }

  /** Reads the entry header at an offset. */
  header(offset: number): PackEntryHeader {
    const raw = this.#algorithm.rawSize;
    const end = this.size - raw;
    if (!(offset >= 12 && offset < end)) throw corrupt(`offset ${offset} is outside the pack`);
    const data = this.#source.read(offset, Math.min(64, end - offset));
    let at = 0;
    let byte = data[at++]!;
    const type = (byte >> 4) & 7;
    let size = byte & 15;
    let scale = 16;
    while (byte & 0x80) {
      if (at >= data.length || at > 9) throw corrupt("bad size in a pack entry");
      byte = data[at++]!;
      size += (byte & 0x7f) * scale;
      scale *= 128;
    }
    if (size > Number.MAX_SAFE_INTEGER) throw corrupt("bad size in a pack entry");
    let baseOffset = -1, baseId = "";
    if (type === OFS_DELTA) {
      if (at >= data.length) throw corrupt("pack entry is truncated");
      byte = data[at++]!;
      let distance = byte & 0x7f;
      while (byte & 0x80) {
        if (at >= data.length) throw corrupt("pack entry is truncated");
        byte = data[at++]!;
        distance = (distance + 1) * 128 + (byte & 0x7f);
        if (distance > this.size) throw corrupt("delta base offset is out of bound");
      }
      baseOffset = offset - distance;
      if (distance === 0 || baseOffset < 12) throw corrupt("delta base offset is out of bound");
    } else if (type === REF_DELTA) {
      if (at + raw > data.length) throw corrupt("pack entry is truncated");
      baseId = toHex(data, at, at + raw);
      at += raw;
    } else if (type === 0 || type === 5) {
      throw corrupt(`unknown object type ${type} at offset ${offset}`);
    }
    return { type, size, dataAt: offset + at, baseOffset, baseId };
  }

  /** Inflates the stream of an entry; `end`, when given, receives where it stopped. */
  inflate(header: PackEntryHeader, end?: { at: number }): Uint8Array {
    const { size, dataAt } = header;
    if (size > MAX_OBJECT_SIZE) throw new GitError("limit", `object of ${size} bytes is too large`);
    const limit = this.size - this.#algorithm.rawSize;
    // Deflate cannot do better than 1032 to 1, so a size that the rest of the pack cannot hold is
    // refused before memory is taken for it.
    if (size > (limit - dataAt) * 1040 + 64) {
      throw corrupt("pack entry announces an impossible size");
    }
    const available = limit - dataAt;
    let guess = Math.min(available, size + (size >> 6) + 128);
    for (;;) {
      // A little more than is needed: the decoder looks ahead.
      const input = this.#source.read(dataAt, guess + 8);
      try {
        const out = inflate(input, 0, Math.min(guess, input.length), size);
        if (end !== undefined) end.at = dataAt + inflated.end;
        return out;
      } catch (error) {
        if (!(error instanceof GitError && error.message === TRUNCATED) || guess >= available) {
          throw error;
        }
        guess = Math.min(available, guess * 4);
      }
    }
  }

  /** The type and size of the object at an offset, without making it. */
  describe(offset: number, resolve: BaseResolver): { type: ObjectType; size: number } {
    let header = this.header(offset);
    let size = -1;
    let steps = 0;
    for (;;) {
      const plain = PACK_TYPES[header.type];
      if (plain !== undefined) return { type: plain, size: size < 0 ? header.size : size };
      if (size < 0) size = this.#deltaTargetSize(header);
      if (++steps > this.count) throw corrupt("delta chain has a cycle");
      if (header.type === OFS_DELTA) header = this.header(header.baseOffset);
      else {
        const base = resolve(header.baseId);
        if (base === undefined) throw corrupt(`delta base ${header.baseId} is missing`);
        if (typeof base !== "number") return { type: base.type, size };
        header = this.header(base);
      }
    }
  }

  #deltaTargetSize(header: PackEntryHeader): number {
    const head = new Uint8Array(Math.min(header.size, 20));
    const available = this.size - this.#algorithm.rawSize - header.dataAt;
    const input = this.#source.read(header.dataAt, Math.min(available, 4096));
    inflateInto(input, 0, input.length, head, true);
    return deltaResultSize(head);
  }

  /** Reads the object at an offset: deltas are applied one after another, however long the chain. */
  read(offset: number, resolve: BaseResolver): GitObject {
    const cached = baseCache.get(this.#cached, offset);
    if (cached !== undefined) return cached;
    // Deltas are inflated one at a time: together they may be far larger than the object.
    const chain: { at: number; header: PackEntryHeader }[] = [];
    let visited: Set<number> | undefined;
    let at = offset;
    let object: GitObject | undefined;
    while (object === undefined) {
      object = baseCache.get(this.#cached, at);
      if (object !== undefined) break;
      const header = this.header(at);
      const plain = PACK_TYPES[header.type];
      if (plain !== undefined) {
        object = { type: plain, data: this.inflate(header) };
        baseCache.set(this.#cached, at, object);
        break;
      }
      chain.push({ at, header });
      if (header.type === OFS_DELTA) {
        at = header.baseOffset;
        continue;
      }
      visited ??= new Set();
      if (visited.has(at) || chain.length > this.count) throw corrupt("delta chain has a cycle");
      visited.add(at);
      const base = resolve(header.baseId);
      if (base === undefined) throw corrupt(`delta base ${header.baseId} is missing`);
      if (typeof base === "number") at = base;
      else object = base;
    }
    let data = object.data;
    for (let i = chain.length - 1; i >= 0; i--) {
      const { at, header } = chain[i]!;
      data = applyDelta(data, this.inflate(header), MAX_OBJECT_SIZE);
      object = { type: object.type, data };
      baseCache.set(this.#cached, at, object);
    }
    return object;
  }

  /** Closes the file. */
  close(): void {
    baseCache.drop(this.#cached);
    this.#source.close();
  }
}
