/**
 * Files made of chunks, as commit-graph and multi-pack-index are (gitformat-chunk): a header, then a
 * table with an id of four letters and a 64-bit offset for each chunk and for the end, then the
 * chunks, then a checksum over everything before it.
 *
 * @module
 */
import { ByteWriter, fromHex, readU32, toHex } from "./_bytes.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import type { ByteSource } from "./pack_file.ts";
import { seal } from "./pack_index.ts";

/** Where a chunk is. */
export interface Chunk {
  readonly at: number;
  readonly size: number;
}

const ENTRY = 12;

/** A 64-bit number that fits into a double; throws for others. */
export function readU64(data: Uint8Array, at: number, what: string): number {
  const value = readU32(data, at) * 2 ** 32 + readU32(data, at + 4);
  if (!Number.isSafeInteger(value)) throw corrupt(`${what}: number is too large`);
  return value;
}

/** Reads the table of chunks that stands at `at`. */
export function readChunkTable(
  source: ByteSource,
  at: number,
  count: number,
  algorithm: HashAlgorithm,
  what: string,
): Map<string, Chunk> {
  const table = source.read(at, (count + 1) * ENTRY);
  if (table.length !== (count + 1) * ENTRY) throw corrupt(`${what}: chunk table is cut off`);
  const out = new Map<string, Chunk>();
  const first = at + table.length, last = source.size - algorithm.rawSize;
  for (let i = 0; i < count; i++) {
    const name = String.fromCharCode(...table.subarray(i * ENTRY, i * ENTRY + 4));
    const start = readU64(table, i * ENTRY + 4, what);
    const end = readU64(table, (i + 1) * ENTRY + 4, what);
    if (readU32(table, i * ENTRY) === 0) throw corrupt(`${what}: chunk table ends too early`);
    if (start < first || end < start || end > last) {
      throw corrupt(`${what}: chunk '${name}' lies outside of the file`);
    }
    if (out.has(name)) throw corrupt(`${what}: two chunks '${name}'`);
    out.set(name, { at: start, size: end - start });
  }
  if (readU32(table, count * ENTRY) !== 0) throw corrupt(`${what}: chunk table has no end`);
  return out;
}

/** A sorted table of ids with its fan-out of 256 counts. */
export class IdTable {
  /** How many ids there are. */
  readonly count: number;
  readonly #source: ByteSource;
  readonly #algorithm: HashAlgorithm;
  readonly #fanout = new Uint32Array(256);
  readonly #at: number;

  constructor(
    source: ByteSource,
    algorithm: HashAlgorithm,
    fanout: Chunk | undefined,
    ids: Chunk | undefined,
    what: string,
  ) {
    if (fanout === undefined || ids === undefined) throw corrupt(`${what}: a chunk is missing`);
    if (fanout.size !== 1024) throw corrupt(`${what}: fan-out has the wrong size`);
    const counts = source.read(fanout.at, 1024);
    let previous = 0;
    for (let i = 0; i < 256; i++) {
      const n = readU32(counts, i * 4);
      if (n < previous) throw corrupt(`${what}: fan-out goes backwards`);
      this.#fanout[i] = previous = n;
    }
    this.count = previous;
    if (ids.size !== this.count * algorithm.rawSize) {
      throw corrupt(`${what}: table of ids has the wrong size`);
    }
    this.#source = source;
    this.#algorithm = algorithm;
    this.#at = ids.at;
  }

  /** The id at a position. */
  id(position: number): ObjectId {
    if (position < 0 || position >= this.count) throw corrupt("position of an id is out of range");
    const raw = this.#algorithm.rawSize;
    return toHex(this.#source.read(this.#at + position * raw, raw));
  }

  /** The position of an id, or -1. */
  find(id: ObjectId): number {
    const raw = this.#algorithm.rawSize;
    if (id.length !== raw * 2) return -1;
    const wanted = fromHex(id);
    const first = wanted[0]!;
    let low = first === 0 ? 0 : this.#fanout[first - 1]!, high = this.#fanout[first]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#source.read(this.#at + middle * raw, raw);
      let order = 0;
      for (let i = 0; i < raw && order === 0; i++) order = wanted[i]! - at[i]!;
      if (order === 0) return middle;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return -1;
  }
}

/** Writes the counts of sorted ids by their first byte. */
export function formatFanout(ids: readonly ObjectId[]): Uint8Array {
  const counts = new Uint32Array(256);
  for (const id of ids) counts[parseInt(id.slice(0, 2), 16)]!++;
  const out = new ByteWriter(1024);
  let total = 0;
  for (let i = 0; i < 256; i++) out.u32(total += counts[i]!);
  return out.view();
}

/** Puts header, table, chunks and checksum together. */
export function formatChunkFile(
  header: Uint8Array,
  chunks: readonly (readonly [name: string, data: Uint8Array])[],
  algorithm: HashAlgorithm,
): Uint8Array {
  const out = new ByteWriter(
    header.length + chunks.reduce((sum, [, data]) => sum + data.length + ENTRY, 64),
  );
  out.bytes(header);
  let at = header.length + (chunks.length + 1) * ENTRY;
  const offset = (value: number): void => {
    out.u32(Math.floor(value / 2 ** 32));
    out.u32(value >>> 0);
  };
  for (const [name, data] of chunks) {
    out.text(name);
    offset(at);
    at += data.length;
  }
  out.u32(0);
  offset(at);
  for (const [, data] of chunks) out.bytes(data);
  return seal(out, algorithm);
}

/** Throws unless the checksum at the end is that of the file. */
export function verifyChecksum(source: ByteSource, algorithm: HashAlgorithm, what: string): void {
  const end = source.size - algorithm.rawSize;
  if (end < 0) throw corrupt(`${what}: file is too small`);
  const hasher = algorithm.create(end);
  for (let at = 0; at < end;) {
    const part = source.read(at, Math.min(65_536, end - at));
    hasher.update(part);
    at += part.length;
  }
  if (toHex(hasher.digest()) !== toHex(source.read(end, algorithm.rawSize))) {
    throw corrupt(`${what}: the checksum is wrong`);
  }
}
