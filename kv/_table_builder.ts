/**
 * Writes sorted tables (`.ldb`).
 *
 *     table   := data block*  filter block  metaindex block  index block  footer
 *     trailer := compression(1 byte)  masked CRC-32C(fixed32), behind every block
 *     index   := for each data block, a key not before its last one and before the next one's first,
 *                with the block's handle: offset(varint) size(varint)
 *     footer  := metaindex handle, index handle, zeros up to 40 bytes, magic number(8 bytes)
 */
import { zstdCompressSync } from "node:zlib";
import { BlockBuilder } from "./_block.ts";
import { FILTER_NAME, FilterBuilder } from "./_bloom.ts";
import { ByteWriter, compareRanges, EMPTY, writeFixed32 } from "./_bytes.ts";
import { crc32c, maskCrc } from "./_crc32c.ts";
import { internalKey, TRAILER_BYTES, writeTrailer } from "./_internal_key.ts";
import { snappyBound, snappyCompress } from "./_snappy.ts";
import type { StorageFile } from "./file_system.ts";

/** The last eight bytes of a table. */
export const MAGIC: Uint8Array = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
/** The size of the footer. */
export const FOOTER_BYTES = 48;
/** The size of a block's trailer. */
export const BLOCK_TRAILER_BYTES = 5;
/** How blocks are compressed; zstd only where LevelDB need not read them. */
export type Compression = "none" | "snappy" | "zstd";

/** The largest block that is compressed with zstd, and so the most that reading one may give. */
export const MAX_ZSTD_BLOCK: number = 2 ** 26;

const WRITE_BYTES = 65536;
const FILTER_BITS = 10;

/** Writes one table; entries come in order. */
export class TableBuilder {
  file: StorageFile;
  compression: Compression;
  blockBytes: number;
  /** Bytes handed over so far, those in `out` among them. */
  offset = 0;
  out: Uint8Array<ArrayBuffer> = new Uint8Array(2 * WRITE_BYTES);
  outLength = 0;
  data = new BlockBuilder(16);
  index = new BlockBuilder(1);
  filter = new FilterBuilder(FILTER_BITS);
  key: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  keyLength = 0;
  entries = 0;
  handle = new ByteWriter(20);
  pending = false;
  smallest: Uint8Array = EMPTY;
  lastFilterKey = -1;

  constructor(file: StorageFile, compression: Compression, blockBytes = 4096) {
    this.file = file;
    this.compression = compression;
    this.blockBytes = blockBytes;
    this.filter.startBlock(0);
  }

  /** Bytes written, with the block that is being filled. */
  get sizeBytes(): number {
    return this.offset + this.data.length;
  }

  /** The last internal key. */
  get largest(): Uint8Array {
    return this.key.slice(0, this.keyLength);
  }

  /** Adds a version. Versions of one key come together, from new to old. */
  add(
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    sequence: number,
    live: boolean,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    if (this.pending) this.addIndex(key, keyStart, keyLength);
    const length = keyLength + TRAILER_BYTES;
    if (length > this.key.length) this.key = new Uint8Array(length * 2);
    const own = this.key;
    for (let i = 0; i < keyLength; i++) own[i] = key[keyStart + i]!;
    writeTrailer(own, keyLength, sequence, live);
    this.keyLength = length;
    if (this.entries++ === 0) {
      this.smallest = internalKey(key, keyStart, keyLength, sequence, live);
    }
    this.filter.add(own, 0, keyLength);
    this.data.add(own, length, value, valueStart, live ? valueLength : 0);
    if (this.data.length >= this.blockBytes) this.flush();
  }

  /** The index entry of the block before, once the key behind it is known. */
  addIndex(next: Uint8Array, start: number, length: number): void {
    this.pending = false;
    const last = this.key;
    const lastLength = this.keyLength - TRAILER_BYTES;
    // As LevelDB: the shortest key at or behind the last one and before the next.
    let shared = 0;
    const most = Math.min(lastLength, length);
    while (shared < most && last[shared] === next[start + shared]) shared++;
    let key: Uint8Array = last;
    let keyLength = this.keyLength;
    if (
      shared < most && shared + 1 < lastLength && last[shared]! < 255 &&
      last[shared]! + 1 < next[start + shared]!
    ) {
      const short = last.slice(0, shared + 1 + TRAILER_BYTES);
      short[shared]! += 1;
      this.seekTrailer(short, shared + 1);
      key = short;
      keyLength = short.length;
    }
    this.index.add(key, keyLength, this.handle.bytes, 0, this.handle.length);
  }

  /** The greatest sequence number there is: the key then stands before all versions. */
  seekTrailer(key: Uint8Array, at: number): void {
    key[at] = 1;
    key.fill(255, at + 1, at + TRAILER_BYTES);
  }

  flush(): void {
    if (this.data.entries === 0) return;
    this.writeBlock(this.data, this.compression);
    this.pending = true;
    this.data.reset();
    this.filter.startBlock(this.offset);
  }

  writeBlock(block: BlockBuilder, compression: Compression): void {
    const size = block.finish(); // may move the block's memory
    this.write(block.out, size, compression);
  }

  /** Writes a block; its handle is then in `handle`. */
  write(raw: Uint8Array, length: number, compression: Compression): void {
    const room = snappyBound(length) + BLOCK_TRAILER_BYTES;
    if (this.outLength >= WRITE_BYTES || this.outLength + room > this.out.length) this.drain();
    const large = room > this.out.length; // a value of megabytes: not worth keeping the memory
    const out = large ? new Uint8Array(room) : this.out;
    const { outLength } = this;
    let size = length;
    let type = 0;
    if (compression === "snappy") {
      const packed = snappyCompress(raw, 0, length, out, outLength);
      // As LevelDB: saving less than an eighth does not pay for the time of decompression.
      if (packed < length - (length >>> 3)) {
        size = packed;
        type = 1;
      }
    } else if (compression === "zstd" && length <= MAX_ZSTD_BLOCK) {
      const packed = zstdCompressSync(raw.subarray(0, length));
      if (packed.length < length - (length >>> 3)) {
        out.set(packed, outLength);
        size = packed.length;
        type = 2;
      }
    }
    if (type === 0) out.set(raw.subarray(0, length), outLength);
    out[outLength + size] = type;
    writeFixed32(out, outLength + size + 1, maskCrc(crc32c(out, outLength, size + 1)));
    this.handle.length = 0;
    this.handle.varint(this.offset);
    this.handle.varint(size);
    this.offset += size + BLOCK_TRAILER_BYTES;
    if (large) this.file.append(out.subarray(0, size + BLOCK_TRAILER_BYTES));
    else this.outLength += size + BLOCK_TRAILER_BYTES;
  }

  drain(): void {
    if (this.outLength > 0) this.file.append(this.out.subarray(0, this.outLength));
    this.outLength = 0;
  }

  /** Writes what is left and makes the file durable; gives its size. */
  finish(): number {
    this.flush();
    if (this.pending) {
      this.pending = false;
      this.index.add(this.key, this.keyLength, this.handle.bytes, 0, this.handle.length);
    }
    const filter = this.filter.finish();
    this.write(filter, filter.length, "none");
    const meta = new BlockBuilder(1);
    const name = new TextEncoder().encode(FILTER_NAME);
    meta.add(name, name.length, this.handle.bytes, 0, this.handle.length);
    this.writeBlock(meta, "none");
    const footer = new ByteWriter(FOOTER_BYTES);
    footer.range(this.handle.bytes, 0, this.handle.length);
    this.writeBlock(this.index, this.compression);
    footer.range(this.handle.bytes, 0, this.handle.length);
    while (footer.length < 40) footer.byte(0);
    footer.range(MAGIC, 0, 8);
    this.drain();
    this.file.append(footer.view());
    this.file.sync();
    this.offset += FOOTER_BYTES;
    return this.offset;
  }
}

/** Orders a user key against the user key of an internal one. */
export function compareUser(
  key: Uint8Array,
  start: number,
  length: number,
  internal: Uint8Array,
): number {
  return compareRanges(key, start, length, internal, 0, internal.length - TRAILER_BYTES);
}
