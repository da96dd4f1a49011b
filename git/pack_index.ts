/**
 * Pack index files, version 1 and 2 (Git's gitformat-pack). Version 2: magic `\377tOc`, version,
 * a fan-out of 256 counts, sorted raw ids, CRC-32 of each packed entry, 31-bit offsets or indexes
 * into a table of 64-bit ones, the pack's checksum, the index's own.
 *
 * Lookups read the fan-out and the one bucket that can hold an id, and read the rest only after
 * many lookups.
 *
 * @module
 */
import { type ByteString, ByteWriter, hexInto, readU32, toHex, writeU32 } from "./_bytes.ts";
import { nativePath, readAt } from "./_files.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";

/** One object in a pack, for writing an index. */
export interface PackIndexEntry {
  /** Object id. */
  readonly id: ObjectId;
  /** Offset in the pack. */
  readonly offset: number;
  /** CRC-32 of the packed bytes. */
  readonly crc: number;
}

/** Serialises a version 2 index. */
export function formatPackIndex(
  entries: readonly PackIndexEntry[],
  packChecksum: Uint8Array,
  algorithm: HashAlgorithm,
  largeFrom: number = 0x7fffffff,
): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const out = new ByteWriter(1100 + sorted.length * (algorithm.rawSize + 8));
  out.bytes(new Uint8Array([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]));
  writeFanout(out, sorted);
  for (const entry of sorted) out.hex(entry.id);
  for (const entry of sorted) out.u32(entry.crc);
  const large: number[] = [];
  for (const entry of sorted) {
    if (entry.offset > largeFrom) {
      out.u32(0x80000000 + large.length);
      large.push(entry.offset);
    } else out.u32(entry.offset);
  }
  for (const offset of large) {
    out.u32(Math.floor(offset / 2 ** 32));
    out.u32(offset >>> 0);
  }
  out.bytes(packChecksum);
  return seal(out, algorithm);
}

/** What an index is made of, as columns: raw ids, offsets, and CRCs. */
export interface PackIndexColumns {
  /** Raw ids, one after another. */
  readonly rawIds: Uint8Array;
  /** Where each entry starts. */
  readonly offsets: Float64Array;
  /** CRC-32 of each entry's bytes. */
  readonly crcs: Uint32Array;
}

/** The numbers of entries in the order of their ids. */
export function sortRawIds(rawIds: Uint8Array, rawSize: number): Uint32Array {
  const count = rawIds.length / rawSize;
  // By two bytes first, of which large packs have all; what shares them is little.
  const starts = new Uint32Array(65537);
  for (let i = 0; i < count; i++) {
    starts[((rawIds[i * rawSize]! << 8) | rawIds[i * rawSize + 1]!) + 1]!++;
  }
  for (let bucket = 0; bucket < 65536; bucket++) starts[bucket + 1]! += starts[bucket]!;
  const order = new Uint32Array(count);
  const filled = starts.slice();
  for (let i = 0; i < count; i++) {
    order[filled[(rawIds[i * rawSize]! << 8) | rawIds[i * rawSize + 1]!]!++] = i;
  }
  const compare = (a: number, b: number): number => {
    for (let k = 2; k < rawSize; k++) {
      const difference = rawIds[a * rawSize + k]! - rawIds[b * rawSize + k]!;
      if (difference !== 0) return difference;
    }
    return a - b;
  };
  for (let bucket = 0; bucket < 65536; bucket++) {
    const from = starts[bucket]!, to = starts[bucket + 1]!;
    if (to - from > 1) order.subarray(from, to).sort(compare);
  }
  return order;
}

/** Serialises a version 2 index of columns. */
export function formatPackIndexColumns(
  { rawIds, offsets, crcs }: PackIndexColumns,
  packChecksum: Uint8Array,
  algorithm: HashAlgorithm,
  largeFrom: number = 0x7fffffff,
): Uint8Array {
  const raw = algorithm.rawSize;
  const count = offsets.length;
  const order = sortRawIds(rawIds, raw);
  let large = 0;
  for (let i = 0; i < count; i++) if (offsets[i]! > largeFrom) large++;
  const out = new Uint8Array(8 + 1024 + count * (raw + 8) + large * 8 + 2 * raw);
  out.set([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]);
  const counts = new Uint32Array(256);
  for (let i = 0; i < count; i++) counts[rawIds[i * raw]!]!++;
  for (let i = 0, total = 0; i < 256; i++) writeU32(out, 8 + i * 4, total += counts[i]!);
  const names = 8 + 1024, checks = names + count * raw, table = checks + count * 4;
  let largeAt = table + count * 4;
  for (let at = 0, seen = 0; at < count; at++) {
    const i = order[at]!;
    for (let k = 0; k < raw; k++) out[names + at * raw + k] = rawIds[i * raw + k]!;
    writeU32(out, checks + at * 4, crcs[i]!);
    const offset = offsets[i]!;
    if (offset > largeFrom) {
      writeU32(out, table + at * 4, 0x80000000 + seen++);
      writeU32(out, largeAt, Math.floor(offset / 2 ** 32));
      writeU32(out, largeAt + 4, offset >>> 0);
      largeAt += 8;
    } else writeU32(out, table + at * 4, offset);
  }
  out.set(packChecksum, largeAt);
  const hasher = algorithm.create(out.length);
  hasher.update(out.subarray(0, out.length - raw));
  out.set(hasher.digest(), out.length - raw);
  return out;
}

/** Serialises a version 1 index, which has no CRCs and no offsets over 4 GiB. */
export function formatPackIndexV1(
  entries: readonly PackIndexEntry[],
  packChecksum: Uint8Array,
  algorithm: HashAlgorithm,
): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const out = new ByteWriter(1100 + sorted.length * (algorithm.rawSize + 4));
  writeFanout(out, sorted);
  for (const entry of sorted) {
    out.u32(entry.offset);
    out.hex(entry.id);
  }
  out.bytes(packChecksum);
  return seal(out, algorithm);
}

function writeFanout(out: ByteWriter, sorted: readonly PackIndexEntry[]): void {
  const counts = new Uint32Array(256);
  for (const entry of sorted) counts[parseInt(entry.id.slice(0, 2), 16)]!++;
  let total = 0;
  for (let i = 0; i < 256; i++) out.u32(total += counts[i]!);
}

/** Appends the checksum over everything so far. */
export function seal(out: ByteWriter, algorithm: HashAlgorithm): Uint8Array {
  const hasher = algorithm.create(out.length);
  hasher.update(out.view());
  out.bytes(hasher.digest());
  return out.view().slice();
}

const WHOLE_AFTER = 48;

/** An open pack index. */
export class PackIndex {
  /** 1 or 2. */
  readonly version: number;
  /** How many objects it lists. */
  readonly count: number;
  readonly #algorithm: HashAlgorithm;
  readonly #file: Deno.FsFile | undefined;
  readonly #size: number;
  readonly #fanout = new Uint32Array(256);
  readonly #wanted: Uint8Array;
  #whole: Uint8Array | undefined;
  #buckets = new Map<number, Uint8Array>();
  readonly #namesAt: number;
  readonly #stride: number;

  /** Reads the header and fan-out of an open index. */
  constructor(source: Uint8Array | Deno.FsFile, size: number, algorithm: HashAlgorithm) {
    this.#algorithm = algorithm;
    this.#size = size;
    const raw = algorithm.rawSize;
    this.#wanted = new Uint8Array(raw);
    if (size < 256 * 4 + 2 * raw) throw corrupt("pack index is too small");
    if (source instanceof Uint8Array) this.#whole = source;
    else this.#file = source;
    const head = this.#read(0, Math.min(size, 8 + 1024));
    let at = 0;
    if (readU32(head, 0) === 0xff744f63) {
      this.version = readU32(head, 4);
      if (this.version !== 2) throw corrupt(`pack index version ${this.version} is not supported`);
      at = 8;
    } else this.version = 1;
    let previous = 0;
    for (let i = 0; i < 256; i++) {
      const n = readU32(head, at + i * 4);
      if (n < previous) throw corrupt("pack index has a non-monotonic fan-out");
      this.#fanout[i] = previous = n;
    }
    this.count = previous;
    const least = at + 1024 + previous * (raw + (this.version === 2 ? 8 : 4)) + 2 * raw;
    if (size < least || (this.version === 1 && size !== least)) {
      throw corrupt("pack index has a wrong size");
    }
    if (this.version === 2 && size > least + Math.max(0, previous - 1) * 8) {
      throw corrupt("pack index has a wrong size");
    }
    this.#namesAt = at + 1024 + (this.version === 1 ? 4 : 0);
    this.#stride = this.version === 1 ? raw + 4 : raw;
  }

  /** Opens the index at a path. */
  static open(path: ByteString, algorithm: HashAlgorithm): PackIndex {
    const file = Deno.openSync(nativePath(path), { read: true });
    try {
      return new PackIndex(file, file.statSync().size, algorithm);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #read(at: number, length: number): Uint8Array {
    if (this.#whole !== undefined) return this.#whole.subarray(at, at + length);
    const out = new Uint8Array(length);
    if (readAt(this.#file!, out, at) !== length) throw corrupt("pack index is truncated");
    return out;
  }

  #load(): Uint8Array {
    if (this.#whole === undefined) {
      this.#whole = this.#read(0, this.#size);
      this.#buckets.clear();
    }
    return this.#whole;
  }

  /** All bytes, checksum included. */
  bytes(): Uint8Array {
    return this.#load();
  }

  /** The position of the first name that is not less than `raw` (a prefix or whole id). */
  lowerBound(raw: Uint8Array): number {
    const bucket = raw[0]!;
    let low = bucket === 0 ? 0 : this.#fanout[bucket - 1]!;
    const first = low;
    let high = this.#fanout[bucket]!;
    if (low === high) return low;
    let data: Uint8Array;
    let base: number;
    if (this.#whole !== undefined) {
      data = this.#whole;
      base = this.#namesAt;
    } else {
      let bytes = this.#buckets.get(bucket);
      if (bytes === undefined) {
        if (this.#buckets.size >= WHOLE_AFTER) {
          this.#load();
          return this.lowerBound(raw);
        }
        bytes = this.#read(this.#namesAt + low * this.#stride, (high - low) * this.#stride);
        this.#buckets.set(bucket, bytes);
      }
      data = bytes;
      base = -first * this.#stride;
    }
    const stride = this.#stride;
    const length = raw.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = base + middle * stride;
      let order = 0;
      for (let i = 1; i < length && order === 0; i++) order = data[at + i]! - raw[i]!;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The position of an object, or -1. */
  find(id: ObjectId): number {
    const wanted = this.#wanted;
    return hexInto(id, wanted) ? this.findRaw(wanted, 0) : -1;
  }

  /** The position of the object whose raw id stands at `at`, or -1. */
  findRaw(data: Uint8Array, at: number): number {
    const whole = this.#whole;
    const length = this.#algorithm.rawSize;
    if (whole === undefined) {
      const raw = data.subarray(at, at + length);
      const position = this.lowerBound(raw);
      if (position >= this.count) return -1;
      const name = this.#name(position);
      for (let i = 0; i < length; i++) if (name[i] !== raw[i]) return -1;
      return position;
    }
    const bucket = data[at]!;
    let low = bucket === 0 ? 0 : this.#fanout[bucket - 1]!;
    let high = this.#fanout[bucket]!;
    const stride = this.#stride, names = this.#namesAt;
    // Ids are spread evenly: three bytes tell nearly all of a bucket apart.
    const wanted = (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = names + middle * stride;
      const found = (whole[start + 1]! << 16) | (whole[start + 2]! << 8) | whole[start + 3]!;
      let order = found - wanted;
      for (let i = 4; order === 0 && i < length; i++) order = whole[start + i]! - data[at + i]!;
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  #name(at: number): Uint8Array {
    const raw = this.#algorithm.rawSize;
    if (this.#whole === undefined) {
      for (const [bucket, bytes] of this.#buckets) {
        const first = bucket === 0 ? 0 : this.#fanout[bucket - 1]!;
        if (at >= first && at < this.#fanout[bucket]!) {
          const start = (at - first) * this.#stride;
          return bytes.subarray(start, start + raw);
        }
      }
    }
    return this.#read(this.#namesAt + at * this.#stride, raw);
  }

  /** The id at a position. */
  id(at: number): ObjectId {
    return toHex(this.#name(at));
  }

  /** The raw id at a position. */
  rawId(at: number): Uint8Array {
    return this.#name(at);
  }

  /** The pack offset of the object at a position. */
  offset(at: number): number {
    const raw = this.#algorithm.rawSize;
    if (this.version === 1) return readU32(this.#read(this.#namesAt + at * this.#stride - 4, 4), 0);
    const table = this.#namesAt + this.count * (raw + 4);
    const value = this.#whole === undefined
      ? readU32(this.#read(table + at * 4, 4), 0)
      : readU32(this.#whole, table + at * 4);
    if (value < 0x80000000) return value;
    const large = table + this.count * 4 + (value - 0x80000000) * 8;
    if (large + 8 > this.#size - 2 * raw) {
      throw corrupt("pack index points outside its large offsets");
    }
    const words = this.#read(large, 8);
    const offset = readU32(words, 0) * 2 ** 32 + readU32(words, 4);
    if (!Number.isSafeInteger(offset)) throw corrupt("pack index has an impossible offset");
    return offset;
  }

  /** The CRC-32 at a position; `undefined` in version 1. */
  crc(at: number): number | undefined {
    if (this.version === 1) return undefined;
    return readU32(this.#read(this.#namesAt + this.count * this.#algorithm.rawSize + at * 4, 4), 0);
  }

  /** The checksum of the pack it belongs to. */
  packChecksum(): Uint8Array {
    return this.#read(this.#size - 2 * this.#algorithm.rawSize, this.#algorithm.rawSize);
  }

  /** Whether its own checksum is right. */
  verify(): boolean {
    const data = this.#load();
    const raw = this.#algorithm.rawSize;
    const hasher = this.#algorithm.create(data.length);
    hasher.update(data.subarray(0, data.length - raw));
    return toHex(hasher.digest()) === toHex(data, data.length - raw);
  }

  /** All offsets in index order. */
  offsets(): Float64Array {
    const data = this.#load();
    const out = new Float64Array(this.count);
    if (this.version === 2) {
      const table = this.#namesAt + this.count * (this.#algorithm.rawSize + 4);
      for (let i = 0; i < out.length; i++) {
        const value = readU32(data, table + i * 4);
        out[i] = value < 0x80000000 ? value : this.offset(i);
      }
    } else for (let i = 0; i < out.length; i++) out[i] = this.offset(i);
    return out;
  }

  /** Closes the file. */
  close(): void {
    this.#file?.close();
  }
}

/** The packs' reverse order: positions in the index sorted by offset. */
export function reverseIndex(offsets: Float64Array): Uint32Array {
  const order = new Uint32Array(offsets.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => offsets[a]! - offsets[b]!);
}

/** Serialises a `.rev` file (version 1). */
export function formatReverseIndex(
  order: Uint32Array,
  packChecksum: Uint8Array,
  algorithm: HashAlgorithm,
): Uint8Array {
  const out = new ByteWriter(12 + order.length * 4 + 2 * algorithm.rawSize);
  out.text("RIDX");
  out.u32(1);
  out.u32(algorithm.formatId);
  for (const position of order) out.u32(position);
  out.bytes(packChecksum);
  return seal(out, algorithm);
}

/** Overwrites a big-endian count at offset 8 of a pack header; used when thin packs are completed. */
export function patchPackCount(header: Uint8Array, count: number): void {
  writeU32(header, 8, count);
}
