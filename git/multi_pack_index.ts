/**
 * The multi-pack-index (gitformat-pack): one index over the objects of many packs.
 *
 * Chunks: `PNAM` names of the packs' indexes, `OIDF` fan-out, `OIDL` ids, `OOFF` pack and offset of
 * each object, `LOFF` offsets over 31 bits.
 *
 * @module
 */
import { type ByteString, ByteWriter, readU32, toByteString, toHex } from "./_bytes.ts";
import { stat } from "./_files.ts";
import {
  type Chunk,
  formatChunkFile,
  formatFanout,
  IdTable,
  readChunkTable,
  readU64,
  verifyChecksum,
} from "./_chunk_file.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import { type ByteSource, WindowedFile } from "./pack_file.ts";

/** An object for {@linkcode formatMultiPackIndex}. */
export interface MultiPackEntry {
  /** Its id. */
  readonly id: ObjectId;
  /** Number of its pack in the list of names. */
  readonly pack: number;
  /** Its offset there. */
  readonly offset: number;
}

const WHAT = "multi-pack-index";
const LARGE = 0x80000000;
const MAX_NAMES = 16_777_216;

/** An open multi-pack-index. */
export class MultiPackIndex {
  /** File names of the packs' indexes. */
  readonly packs: readonly ByteString[];
  readonly #source: ByteSource;
  readonly #ids: IdTable;
  readonly #offsets: Chunk;
  readonly #large: Chunk | undefined;

  /** Reads the header. Throws `GitError` ("corrupt"). */
  constructor(source: ByteSource, algorithm: HashAlgorithm) {
    const head = source.read(0, 12);
    if (head.length < 12 || toHex(head.subarray(0, 4)) !== "4d494458") {
      throw corrupt(`${WHAT}: this is no multi-pack-index`);
    }
    if (head[4] !== 1) throw corrupt(`${WHAT}: version ${head[4]} is not supported`);
    if (head[5] !== (algorithm.name === "sha1" ? 1 : 2)) {
      throw corrupt(`${WHAT}: the hash is another one`);
    }
    if (head[7] !== 0) throw corrupt(`${WHAT}: files below are not supported`);
    const count = readU32(head, 8);
    const chunks = readChunkTable(source, 12, head[6]!, algorithm, WHAT);
    const names = chunks.get("PNAM"), offsets = chunks.get("OOFF");
    if (names === undefined || offsets === undefined) throw corrupt(`${WHAT}: a chunk is missing`);
    if (names.size > MAX_NAMES) throw corrupt(`${WHAT}: names of packs are too long`);
    this.#ids = new IdTable(source, algorithm, chunks.get("OIDF"), chunks.get("OIDL"), WHAT);
    if (offsets.size !== this.#ids.count * 8) {
      throw corrupt(`${WHAT}: table of offsets has the wrong size`);
    }
    const packs = toByteString(source.read(names.at, names.size)).split("\0").slice(0, count);
    if (packs.length !== count || packs.some((name) => name === "" || name.includes("/"))) {
      throw corrupt(`${WHAT}: names of packs are damaged`);
    }
    this.packs = packs;
    this.#source = source;
    this.#offsets = offsets;
    this.#large = chunks.get("LOFF");
  }

  /** Opens the one of an object directory; `undefined` when it has none. */
  static open(directory: ByteString, algorithm: HashAlgorithm): MultiPackIndex | undefined {
    const path = `${directory}/pack/multi-pack-index`;
    if (stat(path) === undefined) return undefined;
    const file = new WindowedFile(path);
    try {
      return new MultiPackIndex(file, algorithm);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** How many objects it lists. */
  get count(): number {
    return this.#ids.count;
  }

  /** The id at a position. */
  id(position: number): ObjectId {
    return this.#ids.id(position);
  }

  /** Pack and offset at a position. */
  at(position: number): { pack: number; offset: number } {
    const row = this.#source.read(this.#offsets.at + position * 8, 8);
    const pack = readU32(row, 0);
    let offset = readU32(row, 4);
    if (pack >= this.packs.length) throw corrupt(`${WHAT}: number of a pack is out of range`);
    if (offset >= LARGE && this.#large !== undefined) {
      const index = offset - LARGE;
      if ((index + 1) * 8 > this.#large.size) throw corrupt(`${WHAT}: offset is out of range`);
      offset = readU64(this.#source.read(this.#large.at + index * 8, 8), 0, WHAT);
    }
    return { pack, offset };
  }

  /** Pack and offset of an object, or `undefined`. */
  find(id: ObjectId): { pack: number; offset: number } | undefined {
    const position = this.#ids.find(id);
    return position < 0 ? undefined : this.at(position);
  }

  /** Checks order, numbers and checksum. Throws `GitError` ("corrupt"). */
  verify(algorithm: HashAlgorithm): void {
    verifyChecksum(this.#source, algorithm, WHAT);
    let previous = "";
    for (let i = 0; i < this.count; i++) {
      const id = this.id(i);
      if (id <= previous) throw corrupt(`${WHAT}: ids are not in order`);
      previous = id;
      this.at(i);
    }
  }

  /** Closes its file. */
  close(): void {
    this.#source.close();
  }
}

/** Serialises a multi-pack-index; `names` are sorted, and each object is listed once. */
export function formatMultiPackIndex(
  names: readonly ByteString[],
  entries: readonly MultiPackEntry[],
  algorithm: HashAlgorithm,
): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const list = new ByteWriter(sorted.length * algorithm.rawSize);
  const offsets = new ByteWriter(sorted.length * 8);
  const large = new ByteWriter();
  const needsLarge = sorted.some((entry) => entry.offset > 0xffffffff);
  for (const { id, pack, offset } of sorted) {
    list.hex(id);
    offsets.u32(pack);
    if (offset >= LARGE && needsLarge) {
      offsets.u32(LARGE + large.length / 8);
      large.u32(Math.floor(offset / 2 ** 32));
      large.u32(offset >>> 0);
    } else offsets.u32(offset);
  }
  const text = new ByteWriter();
  text.text(names.map((name) => `${name}\0`).join(""));
  while (text.length % 4 !== 0) text.u8(0);
  const chunks: [string, Uint8Array][] = [
    ["PNAM", text.view()],
    ["OIDF", formatFanout(sorted.map((entry) => entry.id))],
    ["OIDL", list.view()],
    ["OOFF", offsets.view()],
    ...(large.length > 0 ? [["LOFF", large.view()] as [string, Uint8Array]] : []),
  ];
  const header = new ByteWriter(12);
  header.text("MIDX");
  header.bytes(
    new Uint8Array([1, algorithm.name === "sha1" ? 1 : 2, chunks.length, 0]),
  );
  header.u32(names.length);
  return formatChunkFile(header.view().slice(), chunks, algorithm);
}
