/**
 * Writing packs with delta compression: candidates are sorted by type, path and size, and each
 * object is tried against the ten before it.
 *
 * @module
 */
import { type ByteString, concatBytes, fromByteString, fromHex } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import { DeltaIndex } from "./delta.ts";
import { GitError } from "./errors.ts";
import type { ObjectId, ObjectType } from "./hash_algorithm.ts";
import type { ObjectStore } from "./object_store.ts";
import { packEntryHeader } from "./index_pack.ts";
import { OFS_DELTA, packTypeNumber, REF_DELTA } from "./pack_file.ts";
import type { PackIndexEntry } from "./pack_index.ts";

/** Options of {@linkcode writePack}. */
export interface PackWriterOptions {
  /** How many earlier objects each one is tried against; 0 for no deltas. Default 10. */
  window?: number;
  /** Longest delta chain. Default 50. */
  depth?: number;
  /** Name delta bases by offset. Default true. */
  offsetDeltas?: boolean;
  /** Zlib level. Default -1. */
  compression?: number;
  /** Stops the work. */
  signal?: AbortSignal;
  /** Called now and then with how many objects are written. */
  progress?: (done: number, total: number) => void;
}

interface Candidate {
  id: ObjectId;
  type: ObjectType;
  size: number;
  name: number;
  order: number;
  base: Candidate | undefined;
  delta: Uint8Array | undefined;
  depth: number;
}

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

/**
 * Writes a pack piece by piece to `write`; returns its checksum and index entries.
 *
 * Throws `GitError` ("not_found") for an object that is missing.
 */
export function writePack(
  store: ObjectStore,
  objects: readonly { id: ObjectId; path?: ByteString }[],
  write: (data: Uint8Array) => void,
  options: PackWriterOptions = {},
): { checksum: Uint8Array; entries: PackIndexEntry[]; deltas: number } {
  const seen = new Set<ObjectId>();
  const list: Candidate[] = [];
  for (const { id, path } of objects) {
    if (seen.has(id)) continue;
    seen.add(id);
    const info = store.describe(id);
    if (info === undefined) throw new GitError("not_found", `unable to read ${id}`);
    list.push({
      id,
      type: info.type,
      size: info.size,
      name: nameHash(path ?? ""),
      order: list.length,
      base: undefined,
      delta: undefined,
      depth: 0,
    });
  }
  const window = options.window ?? 10;
  if (window > 0) findDeltas(store, list, window, options);
  const hasher = store.algorithm.create(1 << 20);
  const entries: PackIndexEntry[] = [];
  let at = 0;
  const emit = (data: Uint8Array): void => {
    hasher.update(data);
    write(data);
    at += data.length;
  };
  const head = new Uint8Array(12);
  head.set(fromByteString("PACK\0\0\0\x02"));
  new DataView(head.buffer).setUint32(8, list.length);
  emit(head);
  const offsets = new Map<Candidate, number>();
  let deltas = 0;
  const level = options.compression ?? -1;
  const put = (one: Candidate): void => {
    let header: Uint8Array;
    let body: Uint8Array;
    if (one.delta !== undefined && one.base !== undefined) {
      body = one.delta;
      deltas++;
      if (options.offsetDeltas !== false) {
        let distance = at - offsets.get(one.base)!;
        const bytes = [distance % 128];
        while ((distance = Math.floor(distance / 128)) > 0) {
          bytes.unshift(0x80 | (--distance % 128));
        }
        header = concatBytes([packEntryHeader(OFS_DELTA, body.length), Uint8Array.from(bytes)]);
      } else header = concatBytes([packEntryHeader(REF_DELTA, body.length), fromHex(one.base.id)]);
    } else {
      const object = store.read(one.id);
      if (object === undefined) throw new GitError("not_found", `unable to read ${one.id}`);
      body = object.data;
      header = packEntryHeader(packTypeNumber(one.type), body.length);
    }
    const packed = concatBytes([header, zlib().deflateSync(body, { level })]);
    offsets.set(one, at);
    entries.push({ id: one.id, offset: at, crc: zlib().crc32(packed) });
    emit(packed);
    one.delta = undefined;
    if ((entries.length & 255) === 0) {
      options.signal?.throwIfAborted();
      options.progress?.(entries.length, list.length);
    }
  };
  for (const one of list) {
    // Bases go first.
    const chain: Candidate[] = [];
    for (
      let base: Candidate | undefined = one;
      base !== undefined && !offsets.has(base);
      base = base.base
    ) chain.push(base);
    for (let i = chain.length - 1; i >= 0; i--) put(chain[i]!);
  }
  const checksum = hasher.digest();
  write(checksum);
  return { checksum, entries, deltas };
}

function findDeltas(
  store: ObjectStore,
  list: Candidate[],
  window: number,
  options: PackWriterOptions,
): void {
  const maxDepth = options.depth ?? 50;
  const sorted = list.filter((one) => one.size >= 50 && one.size < 512 * 1024 * 1024).sort((a, b) =>
    a.type !== b.type
      ? (a.type < b.type ? 1 : -1)
      : a.name !== b.name
      ? b.name - a.name
      : b.size !== a.size
      ? b.size - a.size
      : a.order - b.order
  );
  const recent: { one: Candidate; data: Uint8Array; index: DeltaIndex | undefined }[] = [];
  for (const target of sorted) {
    const data = store.read(target.id)?.data;
    if (data === undefined) throw new GitError("not_found", `unable to read ${target.id}`);
    let limit = Math.floor(data.length / 2) - store.algorithm.rawSize;
    for (let i = recent.length - 1; i >= 0; i--) {
      const source = recent[i]!;
      if (source.one.type !== target.type || source.one.depth >= maxDepth) continue;
      // Deltas shrink: a small source cannot make a large target cheaply.
      if (data.length < source.data.length / 32 || data.length - source.data.length > limit) {
        continue;
      }
      source.index ??= new DeltaIndex(source.data);
      const delta = source.index.make(data, limit);
      if (delta === undefined) continue;
      target.base = source.one;
      target.delta = delta;
      target.depth = source.one.depth + 1;
      limit = delta.length - 1;
    }
    recent.push({ one: target, data, index: undefined });
    if (recent.length > window) recent.shift();
    options.signal?.throwIfAborted();
  }
}
