/**
 * Sorted tables (`.ldb`).
 *
 *     table   := data block*  filter block  metaindex block  index block  footer
 *     block   := entry*  restart offset(fixed32)*  restart count(fixed32)
 *     entry   := shared(varint) unshared(varint) value length(varint) key bytes, value
 *     trailer := compression(1 byte: 0 none, 1 Snappy)  masked CRC-32C(fixed32), behind every block
 *     footer  := metaindex handle, index handle, zeros up to 40 bytes, magic number(8 bytes)
 */
import { bloomHash, FILTER_NAME, FilterBuilder, FilterReader } from "./_bloom.ts";
import {
  ByteWriter,
  compareBytes,
  readFixed32,
  readVarint,
  varintEnd,
  writeFixed32,
} from "./_bytes.ts";
import { crc32c, maskCrc } from "./_crc32c.ts";
import { compareEntry, type Cursor, type Entry } from "./_memtable.ts";
import { snappyBound, snappyCompress, snappyDecompress } from "./_snappy.ts";
import { CorruptionError } from "./errors.ts";
import type { StorageFile } from "./file_system.ts";

const MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
const FOOTER = 48;
const TRAILER = 5;

/** A user key with its sequence number and kind behind it. */
export function internalKey(key: Uint8Array, sequence: number, live: boolean): Uint8Array {
  const out = new Uint8Array(key.length + 8);
  out.set(key);
  out[key.length] = live ? 1 : 0;
  writeFixed32(out, key.length + 1, sequence >>> 0);
  const high = Math.floor(sequence / 0x1_0000_0000);
  for (let i = 0; i < 3; i++) out[key.length + 5 + i] = high >>> (8 * i);
  return out;
}

/** Takes an internal key apart; undefined where it is none. */
export function parseInternalKey(
  bytes: Uint8Array,
): { key: Uint8Array; sequence: number; live: boolean } | undefined {
  const at = bytes.length - 8;
  if (at < 0 || bytes[at]! > 1) return undefined;
  const high = bytes[at + 5]! | bytes[at + 6]! << 8 | bytes[at + 7]! << 16;
  const sequence = readFixed32(bytes, at + 1) + high * 0x1_0000_0000;
  return { key: bytes.subarray(0, at), sequence, live: bytes[at] === 1 };
}

class BlockBuilder {
  out = new ByteWriter(8192);
  #restarts: number[] = [0];
  #count = 0;
  #last: Uint8Array = new Uint8Array(0);
  #interval: number;
  constructor(interval: number) {
    this.#interval = interval;
  }
  get empty(): boolean {
    return this.out.length === 0;
  }
  add(key: Uint8Array, value: Uint8Array): void {
    let shared = 0;
    if (this.#count === this.#interval) {
      this.#restarts.push(this.out.length);
      this.#count = 0;
    } else {
      const most = Math.min(key.length, this.#last.length);
      while (shared < most && key[shared] === this.#last[shared]) shared++;
    }
    this.out.varint(shared);
    this.out.varint(key.length - shared);
    this.out.varint(value.length);
    this.out.range(key, shared, key.length - shared);
    this.out.range(value, 0, value.length);
    this.#last = key;
    this.#count++;
  }
  finish(): Uint8Array {
    for (const restart of this.#restarts) this.out.fixed32(restart);
    this.out.fixed32(this.#restarts.length);
    return this.out.view();
  }
}

/** Writes one table; entries come in order. */
export class TableBuilder {
  #file: StorageFile;
  #offset = 0;
  #data = new BlockBuilder(16);
  #index = new BlockBuilder(1);
  #filter = new FilterBuilder(10);
  #lastKey: Uint8Array = new Uint8Array(0);
  /** The first and last internal keys. */
  smallest: Uint8Array | undefined;
  largest: Uint8Array = this.#lastKey;

  constructor(file: StorageFile) {
    this.#file = file;
    this.#filter.startBlock(0);
  }

  /** Bytes written, with the block that is being filled. */
  get sizeBytes(): number {
    return this.#offset + this.#data.out.length;
  }

  add(entry: Entry): void {
    const key = internalKey(entry.key, entry.sequence, entry.value !== undefined);
    this.smallest ??= key;
    this.largest = key;
    this.#filter.add(entry.key, 0, entry.key.length);
    this.#data.add(key, entry.value ?? new Uint8Array(0));
    this.#lastKey = key;
    if (this.#data.out.length >= 4096) this.#flush();
  }

  #flush(): void {
    if (this.#data.empty) return;
    this.#index.add(this.#lastKey, this.#write(this.#data.finish(), true));
    this.#data = new BlockBuilder(16);
    this.#filter.startBlock(this.#offset);
  }

  /** Writes a block and gives its handle. */
  #write(raw: Uint8Array, compress: boolean): Uint8Array {
    let body = raw;
    let type = 0;
    if (compress) {
      const packed = new Uint8Array(snappyBound(raw.length));
      const size = snappyCompress(raw, 0, raw.length, packed);
      if (size < raw.length - (raw.length >>> 3)) {
        body = packed.subarray(0, size);
        type = 1;
      }
    }
    const out = new Uint8Array(body.length + TRAILER);
    out.set(body);
    out[body.length] = type;
    writeFixed32(out, body.length + 1, maskCrc(crc32c(out, 0, body.length + 1)));
    this.#file.append(out);
    const handle = new ByteWriter(18);
    handle.varint(this.#offset);
    handle.varint(body.length);
    this.#offset += out.length;
    return handle.view();
  }

  /** Writes what is left and makes the file durable; gives its size. */
  finish(): number {
    this.#flush();
    const filter = this.#write(this.#filter.finish(), false);
    const meta = new BlockBuilder(1);
    meta.add(new TextEncoder().encode(FILTER_NAME), filter);
    const metaHandle = this.#write(meta.finish(), false);
    const indexHandle = this.#write(this.#index.finish(), true);
    const footer = new Uint8Array(FOOTER);
    footer.set(metaHandle);
    footer.set(indexHandle, metaHandle.length);
    footer.set(MAGIC, 40);
    this.#file.append(footer);
    this.#file.sync();
    return this.#offset + FOOTER;
  }
}

/** Blocks in memory, the least recently used dropped beyond a number of bytes. */
export class BlockCache {
  #blocks = new Map<string, { entries: Entry[]; size: number }>();
  #limit: number;
  #used = 0;
  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }
  get(key: string): Entry[] | undefined {
    const found = this.#blocks.get(key);
    if (!found) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, found);
    return found.entries;
  }
  set(key: string, entries: Entry[], bytes: number): void {
    const size = bytes + entries.length * 200;
    this.#blocks.set(key, { entries, size });
    this.#used += size;
    for (const [old, block] of this.#blocks) {
      if (this.#used <= this.#limit) break;
      this.#blocks.delete(old);
      this.#used -= block.size;
    }
  }
}

interface Pair {
  key: Uint8Array;
  value: Uint8Array;
}

/** Reads one table. It stays open while `references` is above zero. */
export class TableReader {
  #file: StorageFile;
  #name: string;
  #size: number;
  #cache: BlockCache;
  #index: { key: Uint8Array; sequence: number; offset: number; size: number }[] = [];
  #filter: FilterReader | undefined;
  references = 1;

  constructor(file: StorageFile, name: string, cache: BlockCache) {
    this.#file = file;
    this.#name = name;
    this.#cache = cache;
    this.#size = file.size();
    const footer = new Uint8Array(FOOTER);
    if (this.#size < FOOTER || file.read(footer, this.#size - FOOTER) !== FOOTER) {
      throw this.#damage(0, "the table is too short");
    }
    if (compareBytes(footer.subarray(40), MAGIC) !== 0) {
      throw this.#damage(this.#size - 8, "the magic number is wrong");
    }
    const meta = this.#handle(footer, 0, this.#size - FOOTER);
    const index = this.#handle(footer, meta.end, this.#size - FOOTER);
    for (const { key, value } of this.#parse(index.offset, index.size)) {
      const parsed = parseInternalKey(key);
      if (!parsed) throw this.#damage(index.offset, "an index key is malformed");
      const { offset, size } = this.#handle(value, 0, index.offset);
      this.#index.push({ key: parsed.key, sequence: parsed.sequence, offset, size });
    }
    for (const { key, value } of this.#parse(meta.offset, meta.size)) {
      if (new TextDecoder().decode(key) !== FILTER_NAME) continue;
      const { offset, size } = this.#handle(value, 0, index.offset);
      this.#filter = new FilterReader(this.#raw(offset, size));
    }
  }

  release(): void {
    if (--this.references === 0) this.#file.close();
  }

  #damage(offset: number, reason: string): CorruptionError {
    return new CorruptionError(this.#name, offset, reason);
  }

  #handle(bytes: Uint8Array, at: number, where: number): {
    offset: number;
    size: number;
    end: number;
  } {
    const offset = readVarint(bytes, at, bytes.length);
    const middle = varintEnd;
    const size = middle < 0 ? 0 : readVarint(bytes, middle, bytes.length);
    if (middle < 0 || varintEnd < 0 || offset + size + TRAILER > this.#size) {
      throw this.#damage(where, "a block handle is malformed");
    }
    return { offset, size, end: varintEnd };
  }

  #raw(offset: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size + TRAILER);
    if (this.#file.read(bytes, offset) !== bytes.length) {
      throw this.#damage(offset, "a block is cut short");
    }
    if (maskCrc(crc32c(bytes, 0, size + 1)) !== readFixed32(bytes, size + 1)) {
      throw this.#damage(offset, "the checksum of a block is wrong");
    }
    if (bytes[size] === 0) return bytes.subarray(0, size);
    const plain = bytes[size] === 1 ? snappyDecompress(bytes, 0, size) : undefined;
    if (!plain) throw this.#damage(offset, "a block does not decompress");
    return plain;
  }

  #parse(offset: number, size: number): Pair[] {
    const bytes = this.#raw(offset, size);
    const bad = () => this.#damage(offset, "an entry of a block is malformed");
    if (bytes.length < 4) throw bad();
    const end = bytes.length - 4 - readFixed32(bytes, bytes.length - 4) * 4;
    if (end < 0) throw bad();
    const pairs: Pair[] = [];
    let last: Uint8Array = new Uint8Array(0);
    let budget = 64 * bytes.length + 2 ** 26; // bounds what shared prefixes can expand to
    for (let at = 0; at < end;) {
      const shared = readVarint(bytes, at, end);
      if (varintEnd < 0 || shared > last.length) throw bad();
      const unshared = readVarint(bytes, varintEnd, end);
      if (varintEnd < 0) throw bad();
      const length = readVarint(bytes, varintEnd, end);
      if (varintEnd < 0 || varintEnd + unshared + length > end) throw bad();
      budget -= shared + unshared;
      if (budget < 0) throw bad();
      const key = new Uint8Array(shared + unshared);
      key.set(last.subarray(0, shared));
      const start = varintEnd;
      key.set(bytes.subarray(start, start + unshared), shared);
      at = start + unshared + length;
      pairs.push({ key, value: bytes.subarray(start + unshared, at) });
      last = key;
    }
    return pairs;
  }

  #block(number: number): Entry[] {
    const { offset, size } = this.#index[number]!;
    const id = `${this.#name}:${offset}`;
    const cached = this.#cache.get(id);
    if (cached) return cached;
    const entries: Entry[] = [];
    let bytes = 0;
    for (const { key, value } of this.#parse(offset, size)) {
      const parsed = parseInternalKey(key);
      const last = entries.at(-1);
      if (!parsed || (last && compareEntry(last, parsed.key, parsed.sequence) >= 0)) {
        throw this.#damage(offset, "the keys of a block are malformed or out of order");
      }
      bytes += key.length + value.length;
      const { sequence, live } = parsed;
      entries.push({ key: parsed.key, sequence, value: live ? value : undefined });
    }
    if (entries.length === 0) throw this.#damage(offset, "a data block is empty");
    this.#cache.set(id, entries, bytes);
    return entries;
  }

  #find(key: Uint8Array, sequence: number): number {
    return lowerBound(this.#index, key, sequence);
  }

  /** The newest version of a key up to a sequence number. */
  find(key: Uint8Array, sequence: number): Entry | undefined {
    const block = this.#find(key, sequence);
    const handle = this.#index[block];
    if (!handle) return undefined;
    if (this.#filter?.mayContain(handle.offset, bloomHash(key, 0, key.length)) === false) {
      return undefined;
    }
    const entries = this.#block(block);
    const entry = entries[lowerBound(entries, key, sequence)];
    return entry && compareBytes(entry.key, key) === 0 ? entry : undefined;
  }

  cursor(): Cursor {
    const find = (key: Uint8Array, sequence: number) => this.#find(key, sequence);
    const load = (number: number) => this.#block(number);
    const blocks = this.#index.length;
    let block = 0;
    let at = 0;
    let entries: Entry[] = [];
    const place = (number: number, from: "start" | "end") => {
      block = number;
      entries = number >= 0 && number < blocks ? load(number) : [];
      at = from === "start" ? 0 : entries.length - 1;
    };
    return {
      get entry() {
        return entries[at];
      },
      seek(key, sequence) {
        place(key ? find(key, sequence) : 0, "start");
        if (key) at = lowerBound(entries, key, sequence);
      },
      seekBefore(key, sequence) {
        if (!key) return place(blocks - 1, "end");
        this.seek(key, sequence);
        if (entries.length === 0) return place(blocks - 1, "end");
        this.previous();
      },
      next() {
        if (++at >= entries.length && entries.length > 0) place(block + 1, "start");
      },
      previous() {
        if (--at < 0 && entries.length > 0) place(block - 1, "end");
      },
    };
  }
}

function lowerBound(
  list: readonly { key: Uint8Array; sequence: number }[],
  key: Uint8Array,
  sequence: number,
): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (compareEntry(list[middle]!, key, sequence) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
