/**
 * Indexing a pack: every object is inflated, deltas are resolved breadth first from their bases,
 * every id and the trailer are computed, and thin packs are completed from the repository.
 *
 * @module
 */
import { type ByteString, concatBytes, readU32, toHex } from "./_bytes.ts";
import { nodeCrypto, zlib } from "./_builtins.ts";
import { makeDirectories, stat, writeFileAtomically } from "./_files.ts";
import { applyDelta } from "./delta.ts";
import { corrupt, GitError } from "./errors.ts";
import { checkObject } from "./fsck.ts";
import {
  type HashAlgorithm,
  hashObject,
  type ObjectId,
  type ObjectType,
} from "./hash_algorithm.ts";
import type { ObjectStore } from "./object_store.ts";
import {
  type ByteSource,
  MAX_OBJECT_SIZE,
  MemorySource,
  OFS_DELTA,
  PACK_TYPES,
  type PackEntryHeader,
  PackFile,
  packTypeNumber,
} from "./pack_file.ts";
import { formatPackIndex, type PackIndexEntry } from "./pack_index.ts";

/** Options of {@linkcode indexPack}. */
export interface IndexPackOptions {
  /** Where bases of a thin pack are. */
  store?: ObjectStore;
  /** Refuse objects that `fsck` would report as errors. */
  strict?: boolean;
  /** Called now and then with how many objects are done. */
  progress?: (done: number, total: number) => void;
  /** Stops the work. */
  signal?: AbortSignal;
  /** Cache for inflated bases (bytes). Default 96 MiB. */
  cacheSize?: number;
}

/** What a pack holds. */
export interface IndexedPack {
  /** The objects, in pack order. */
  readonly entries: PackIndexEntry[];
  /** Type of each entry. */
  readonly types: ObjectType[];
  /** The pack's checksum. */
  readonly checksum: Uint8Array;
  /** Objects that were appended to complete a thin pack. */
  readonly appended: { id: ObjectId; type: ObjectType; data: Uint8Array }[];
}

/**
 * Reads a whole pack and computes its index.
 *
 * Throws `GitError` ("corrupt") for damage of any kind, "not_found" for missing delta bases.
 * Memory: about 100 bytes an object, plus the cache of bases.
 */
export function indexPack(
  source: ByteSource,
  algorithm: HashAlgorithm,
  options: IndexPackOptions = {},
): IndexedPack {
  nodeCrypto();
  const pack = new PackFile(source, algorithm);
  const end = pack.size - algorithm.rawSize;
  const crc32 = zlib().crc32;
  const hasher = algorithm.create(1 << 20);
  for (let at = 0; at < end; at += 1 << 20) {
    hasher.update(source.read(at, Math.min(1 << 20, end - at)));
  }
  const checksum = hasher.digest();
  if (toHex(checksum) !== toHex(source.read(end, algorithm.rawSize))) {
    throw corrupt("pack is corrupted (checksum mismatch)");
  }
  const headers: PackEntryHeader[] = new Array(pack.count);
  const offsets = new Float64Array(pack.count);
  const crcs = new Uint32Array(pack.count);
  const ids: ObjectId[] = new Array(pack.count);
  const types: ObjectType[] = new Array(pack.count);
  const childrenByOffset = new Map<number, number[]>();
  const childrenById = new Map<ObjectId, number[]>();
  const byId = new Map<ObjectId, number>();
  const check = (type: ObjectType, data: Uint8Array): void => {
    if (!options.strict) return;
    const bad = checkObject(type, data, algorithm).find((problem) => problem.severity === "error");
    if (bad !== undefined) throw corrupt(`object fails fsck: ${bad.id}: ${bad.message}`);
  };
  const limit = options.cacheSize ?? 96 * 1024 * 1024;
  const kept = new Map<number, Uint8Array>();
  let keptSize = 0;
  let at = 12;
  let done = 0;
  const finish = (i: number, type: ObjectType, data: Uint8Array): void => {
    check(type, data);
    const id = hashObject(algorithm, type, data, true);
    ids[i] = id;
    types[i] = type;
    byId.set(id, i);
    if ((++done & 1023) === 0) {
      options.progress?.(done, pack.count);
      options.signal?.throwIfAborted();
    }
  };
  const stop = { at: 0 };
  for (let i = 0; i < pack.count; i++) {
    const header = pack.header(at);
    headers[i] = header;
    offsets[i] = at;
    const data = pack.inflate(header, stop);
    crcs[i] = crc32(source.read(at, stop.at - at));
    const plain = PACK_TYPES[header.type];
    if (plain !== undefined) {
      finish(i, plain, data);
      if (keptSize + data.length < limit && data.length < limit / 8) {
        kept.set(i, data);
        keptSize += data.length;
      }
    } else {
      const map = header.type === OFS_DELTA
        ? childrenByOffset
        : childrenById as Map<unknown, number[]>;
      const key = header.type === OFS_DELTA ? header.baseOffset : header.baseId;
      const list = (map as Map<unknown, number[]>).get(key);
      if (list === undefined) (map as Map<unknown, number[]>).set(key, [i]);
      else list.push(i);
    }
    at = stop.at;
  }
  if (at !== end) throw corrupt("pack has junk at the end");
  // Depth first with an explicit stack: a node's data lives only while its children are made.
  const resolveFrom = (
    rootId: ObjectId,
    rootOffset: number,
    type: ObjectType,
    data: Uint8Array,
  ): void => {
    const stack: { children: number[]; next: number; data: Uint8Array }[] = [];
    const push = (offset: number, id: ObjectId, bytes: Uint8Array): void => {
      const a = offset >= 0 ? childrenByOffset.get(offset) : undefined;
      const b = childrenById.get(id);
      if (b !== undefined) childrenById.delete(id);
      const children = a === undefined ? b : b === undefined ? a : [...a, ...b];
      if (children !== undefined) stack.push({ children, next: 0, data: bytes });
    };
    push(rootOffset, rootId, data);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next === top.children.length) {
        stack.pop();
        continue;
      }
      const i = top.children[top.next++]!;
      if (ids[i] !== undefined) continue;
      const made = applyDelta(top.data, pack.inflate(headers[i]!), MAX_OBJECT_SIZE);
      finish(i, type, made);
      if (stack.length > pack.count) throw corrupt("delta chain has a cycle");
      push(offsets[i]!, ids[i]!, made);
    }
  };
  for (let i = 0; i < pack.count; i++) {
    if (PACK_TYPES[headers[i]!.type] === undefined) continue;
    if (!childrenByOffset.has(offsets[i]!) && !childrenById.has(ids[i]!)) {
      kept.delete(i);
      continue;
    }
    const data = kept.get(i) ?? pack.inflate(headers[i]!);
    kept.delete(i);
    resolveFrom(ids[i]!, offsets[i]!, types[i]!, data);
  }
  const appended: { id: ObjectId; type: ObjectType; data: Uint8Array }[] = [];
  for (const baseId of [...childrenById.keys()]) {
    if (!childrenById.has(baseId) || byId.has(baseId)) continue;
    const base = options.store?.read(baseId);
    if (base === undefined) continue;
    appended.push({ id: baseId, type: base.type, data: base.data });
    resolveFrom(baseId, -1, base.type, base.data);
  }
  if (done !== pack.count) {
    throw new GitError(
      options.store === undefined ? "corrupt" : "not_found",
      `pack has ${pack.count - done} unresolved deltas`,
    );
  }
  const entries: PackIndexEntry[] = new Array(pack.count);
  for (let i = 0; i < pack.count; i++) {
    entries[i] = { id: ids[i]!, offset: offsets[i]!, crc: crcs[i]! };
  }
  return { entries, types, checksum, appended };
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

/** Puts received pack bytes into an object directory; completes thin packs. Returns the pack's name. */
export function storePack(
  directory: ByteString,
  data: Uint8Array,
  algorithm: HashAlgorithm,
  options: IndexPackOptions & { fsync?: boolean; keep?: ByteString } = {},
): { name: string; count: number } {
  const indexed = indexPack(new MemorySource(data), algorithm, options);
  let { entries, checksum } = indexed;
  let bytes = data;
  if (indexed.appended.length > 0) {
    const raw = algorithm.rawSize;
    const parts: Uint8Array[] = [data.slice(0, data.length - raw)];
    let at = data.length - raw;
    entries = [...entries];
    for (const { id, type, data: content } of indexed.appended) {
      const packed = concatBytes([
        packEntryHeader(packTypeNumber(type), content.length),
        zlib().deflateSync(content),
      ]);
      entries.push({ id, offset: at, crc: zlib().crc32(packed) });
      parts.push(packed);
      at += packed.length;
    }
    bytes = concatBytes(parts);
    new DataView(bytes.buffer).setUint32(8, entries.length);
    const hasher = algorithm.create(bytes.length);
    hasher.update(bytes);
    checksum = hasher.digest();
    bytes = concatBytes([bytes, checksum]);
  }
  const name = toHex(checksum);
  const base = `${directory}/pack/pack-${name}`;
  makeDirectories(`${directory}/pack`);
  if (stat(`${base}.pack`) === undefined) {
    const fsync = options.fsync ?? true;
    writeFileAtomically(`${base}.pack`, bytes, { fsync, mode: 0o444 });
    if (options.keep !== undefined) writeFileAtomically(`${base}.keep`, options.keep, { fsync });
    writeFileAtomically(`${base}.idx`, formatPackIndex(entries, checksum, algorithm), {
      fsync,
      mode: 0o444,
    });
  }
  return { name, count: entries.length };
}

/** Whether bytes look like the start of a pack with this many objects; used before anything is stored. */
export function packObjectCount(data: Uint8Array): number {
  if (data.length < 12 || readU32(data, 0) !== 0x5041434b) throw corrupt("not a pack file");
  return readU32(data, 8);
}
