/** Reads sorted tables; their form is at the top of `_table_builder.ts`. */
import { zstdDecompressSync } from "node:zlib";
import { Block, BlockCursor, BlockDamage, type BlockOwner, readPlainBlock } from "./_block.ts";
import { FILTER_NAME, FilterReader } from "./_bloom.ts";
import {
  commonPrefix,
  compareBytes,
  compareRanges,
  EMPTY,
  readFixed32,
  readVarint,
} from "./_bytes.ts";
import { varintEnd, wordAt } from "./_bytes.ts";
import type { BlockCache, CachedTable } from "./_caches.ts";
import { crc32c, maskCrc } from "./_crc32c.ts";
import { Cursor } from "./_cursor.ts";
import { MAX_SEQUENCE, readSequence, TRAILER_BYTES } from "./_internal_key.ts";
import { snappyDecompress } from "./_snappy.ts";
import { BLOCK_TRAILER_BYTES, FOOTER_BYTES, MAGIC, MAX_ZSTD_BLOCK } from "./_table_builder.ts";
import { CorruptionError } from "./errors.ts";
import type { StorageFile } from "./file_system.ts";

/** Sequence number that stands before every version of a key. */
export const FIRST = Infinity;

const scratch = new Uint8Array(65536);

/** The position at which {@linkcode TableReader.find} found its version. */
export const found: BlockCursor = new BlockCursor();

/** One open table. It stays open while `references` is above zero. */
export class TableReader implements BlockOwner, CachedTable {
  file: StorageFile;
  name: string;
  fileBytes: number;
  cache: BlockCache | undefined;
  salt: number;
  blocks: (Block | undefined)[] = [];
  used = true;
  references = 1;
  /** Of each block: where its index key starts in `keys` (with the end behind the last one). */
  keyStarts = new Uint32Array(1);
  keys: Uint8Array = EMPTY;
  sequences = new Float64Array(0);
  offsets = new Float64Array(0);
  sizes = new Float64Array(0);
  /** Bytes that all index keys have in common, and the four behind them of each. */
  shared = 0;
  words = new Int32Array(0);
  count = 0;
  filter: FilterReader | undefined;
  sizeBytes = 0;
  /** Called when the cache lets go. */
  onEvict: (() => void) | undefined;

  /** Reads footer, index and filter. Without a cache every block is read anew. */
  constructor(file: StorageFile, name: string, salt: number, cache: BlockCache | undefined) {
    this.file = file;
    this.name = name;
    this.salt = salt;
    this.cache = cache;
    this.fileBytes = file.size();
    const footer = new Uint8Array(FOOTER_BYTES);
    const at = this.fileBytes - FOOTER_BYTES;
    if (at < 0 || file.read(footer, at) !== FOOTER_BYTES) {
      throw this.damage(0, "the table is too short");
    }
    if (compareBytes(footer.subarray(40), MAGIC) !== 0) {
      throw this.damage(at + 40, "the magic number is wrong");
    }
    const [metaOffset, metaSize] = this.handle(footer, 0, 40, at);
    const [indexOffset, indexSize] = this.handle(footer, varintEnd, 40, at);
    this.readIndex(indexOffset, indexSize);
    try {
      for (const { key, value } of readPlainBlock(this.raw(metaOffset, metaSize))) {
        if (new TextDecoder().decode(key) !== FILTER_NAME) continue;
        const [offset, size] = this.handle(value, 0, value.length, metaOffset);
        const bytes = this.raw(offset, size);
        this.filter = new FilterReader(bytes);
        this.sizeBytes += bytes.length;
      }
    } catch (error) {
      throw this.wrap(error, metaOffset);
    }
  }

  readIndex(offset: number, size: number): void {
    const bytes = this.raw(offset, size);
    // The smallest entry takes twelve bytes, so this bounds the arrays.
    const most = Math.ceil(bytes.length / 12) + 1;
    const starts = new Uint32Array(most + 1);
    const sequences = new Float64Array(most);
    const offsets = new Float64Array(most);
    const sizes = new Float64Array(most);
    let keys = new Uint8Array(bytes.length);
    let used = 0;
    let count = 0;
    try {
      const cursor = new BlockCursor();
      cursor.set(new Block(bytes));
      for (let more = cursor.first(); more; more = cursor.next()) {
        const length = cursor.keyLength - TRAILER_BYTES;
        if (used + length > keys.length) {
          if (used + length > 64 * bytes.length + 2 ** 20) throw new BlockDamage("index too large");
          const grown = new Uint8Array((used + length) * 2);
          grown.set(keys);
          keys = grown;
        }
        for (let i = 0; i < length; i++) keys[used + i] = cursor.key[i]!;
        starts[count] = used;
        used += length;
        sequences[count] = readSequence(cursor.key, length);
        const end = cursor.valueStart + cursor.valueLength;
        const handle = this.handle(bytes, cursor.valueStart, end, offset);
        offsets[count] = handle[0];
        sizes[count] = handle[1];
        count++;
      }
    } catch (error) {
      throw this.wrap(error, offset);
    }
    starts[count] = used;
    this.keyStarts = starts.slice(0, count + 1);
    this.keys = keys.slice(0, used);
    this.sequences = sequences.slice(0, count);
    this.offsets = offsets.slice(0, count);
    this.sizes = sizes.slice(0, count);
    this.count = count;
    this.blocks = new Array(count).fill(undefined);
    // The keys are in order, so what the first and the last share, all share.
    const last = starts[Math.max(0, count - 1)]!;
    this.shared = commonPrefix(keys, 0, starts[1] ?? 0, keys, last, used - last);
    this.words = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      this.words[i] = wordAt(keys, starts[i]! + this.shared, starts[i + 1]!);
    }
    this.sizeBytes += used + count * 40 + 512;
  }

  damage(offset: number, reason: string): CorruptionError {
    return new CorruptionError(this.name, offset, reason);
  }

  wrap(error: unknown, offset: number): unknown {
    return error instanceof BlockDamage ? this.damage(offset, error.message) : error;
  }

  handle(bytes: Uint8Array, at: number, end: number, where: number): [number, number] {
    const offset = readVarint(bytes, at, end);
    const size = varintEnd < 0 ? 0 : readVarint(bytes, varintEnd, end);
    if (varintEnd < 0 || offset + size + BLOCK_TRAILER_BYTES > this.fileBytes) {
      throw this.damage(where, "a block handle is malformed");
    }
    return [offset, size];
  }

  /** A block's bytes from the file, checked and uncompressed. */
  raw(offset: number, size: number): Uint8Array {
    // A new array costs more than reading into an old one: compressed blocks need it only for a moment.
    const length = size + BLOCK_TRAILER_BYTES;
    const bytes = length <= scratch.length ? scratch.subarray(0, length) : new Uint8Array(length);
    if (this.file.read(bytes, offset) !== length) {
      throw this.damage(offset, "a block is cut short");
    }
    if (maskCrc(crc32c(bytes, 0, size + 1)) !== readFixed32(bytes, size + 1)) {
      throw this.damage(offset, "the checksum of a block is wrong");
    }
    const type = bytes[size]!;
    if (type === 0) return bytes.slice(0, size);
    let plain: Uint8Array | undefined;
    if (type === 1) plain = snappyDecompress(bytes, 0, size);
    else if (type === 2) {
      try {
        plain = zstdDecompressSync(bytes.subarray(0, size), { maxOutputLength: MAX_ZSTD_BLOCK });
      } catch {
        // reported below
      }
    }
    if (!plain) throw this.damage(offset, "a block does not decompress");
    return plain;
  }

  /** The block of this number, from the cache or the file. */
  block(number: number): Block {
    const cached = this.blocks[number];
    if (cached !== undefined) {
      cached.used = true;
      return cached;
    }
    return this.load(number, this.cache);
  }

  load(number: number, cache: BlockCache | undefined): Block {
    const offset = this.offsets[number]!;
    try {
      const block = new Block(this.raw(offset, this.sizes[number]!));
      if (cache !== undefined) {
        cache.misses++;
        cache.add(this, number, block);
      }
      return block;
    } catch (error) {
      throw this.wrap(error, offset);
    }
  }

  /** The first block whose index key is not before (key, sequence); `count` when there is none. */
  locate(key: Uint8Array, start: number, length: number, sequence: number): number {
    const { keys, keyStarts, sequences, words, shared, count } = this;
    const common = commonPrefix(keys, 0, shared, key, start, length);
    if (common < shared) {
      return common < length && key[start + common]! > keys[common]! ? count : 0;
    }
    const word = wordAt(key, start + shared, start + length);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = low + high >>> 1;
      const own = words[middle]!;
      let before = own < word;
      if (own === word) {
        const at = keyStarts[middle]!;
        const order = compareRanges(keys, at, keyStarts[middle + 1]! - at, key, start, length);
        before = order < 0 || order === 0 && sequences[middle]! > sequence;
      }
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether there is a version of the key up to a sequence number: {@linkcode found} is there. */
  find(key: Uint8Array, hash: number, sequence: number): boolean {
    this.used = true;
    const number = this.locate(key, 0, key.length, sequence);
    if (number === this.count) return false;
    if (this.filter !== undefined && !this.filter.mayContain(this.offsets[number]!, hash)) {
      return false;
    }
    const block = this.block(number);
    try {
      found.set(block);
      if (!found.seek(key, 0, key.length, sequence)) return false;
    } catch (error) {
      throw this.wrap(error, this.offsets[number]!);
    }
    return compareRanges(found.key, 0, found.keyLength - TRAILER_BYTES, key, 0, key.length) === 0;
  }

  /**
   * A cursor; it keeps the table open until it is closed. `fill` keeps the blocks it reads. With
   * `onDamage`, a block that cannot be read is reported there and passed over, going forward.
   */
  cursor(fill = true, onDamage?: (error: unknown) => void): Cursor {
    return new TableCursor(this, fill, onDamage);
  }

  /** Lets a reference go. */
  release(): void {
    if (--this.references > 0) return;
    this.cache?.forget(this);
    this.file.close();
  }

  /** Called by the cache of tables. */
  evict(): void {
    this.onEvict?.();
    this.release();
  }
}

class TableCursor extends Cursor {
  reader: TableReader;
  fill: boolean;
  number = 0;
  inner = new BlockCursor();
  closed = false;

  onDamage: ((error: unknown) => void) | undefined;

  constructor(
    reader: TableReader,
    fill: boolean,
    onDamage: ((error: unknown) => void) | undefined,
  ) {
    super();
    this.reader = reader;
    this.fill = fill;
    this.onDamage = onDamage;
    reader.references++;
  }

  enter(number: number): boolean {
    this.number = number;
    const { reader } = this;
    if (number < 0 || number >= reader.count) return this.valid = false;
    this.inner.set(
      this.fill ? reader.block(number) : reader.blocks[number] ?? reader.load(number, undefined),
    );
    return true;
  }

  /** Takes over the position of the block. */
  show(): void {
    const inner = this.inner;
    const size = inner.keyLength - TRAILER_BYTES;
    const key = inner.key;
    const kind = key[size]!;
    if (kind > 1) throw new BlockDamage("the kind of an entry is not known");
    const sequence = readSequence(key, size);
    if (sequence > MAX_SEQUENCE) throw new BlockDamage("a sequence number is too large");
    this.valid = true;
    this.key = key;
    this.keyLength = size;
    this.sequence = sequence;
    this.live = kind === 1;
    this.value = inner.bytes;
    this.valueStart = inner.valueStart;
    this.valueLength = inner.valueLength;
  }

  /** Goes over blocks until one has an entry. */
  forward(more: boolean): void {
    for (;;) {
      try {
        while (!more) {
          if (!this.enter(this.number + 1)) return;
          more = this.inner.first();
        }
        this.show();
        return;
      } catch (error) {
        if (this.onDamage === undefined) throw error;
        this.onDamage(this.wrap(error));
        more = false;
      }
    }
  }

  backward(more: boolean): void {
    while (!more) {
      if (!this.enter(this.number - 1)) return;
      more = this.inner.last();
    }
    this.show();
  }

  wrap(error: unknown): unknown {
    this.valid = false;
    return this.reader.wrap(error, this.reader.offsets[this.number] ?? 0);
  }

  override first(): void {
    this.number = -1;
    this.run(() => this.forward(false));
  }

  override last(): void {
    this.number = this.reader.count;
    this.run(() => this.backward(false));
  }

  run(move: () => void): void {
    try {
      move();
    } catch (error) {
      throw this.wrap(error);
    }
  }

  override seek(key: Uint8Array, start: number, length: number, sequence: number): void {
    this.run(() => {
      if (!this.enter(this.reader.locate(key, start, length, sequence))) return;
      this.forward(this.inner.seek(key, start, length, sequence));
    });
  }

  override seekBefore(key: Uint8Array, start: number, length: number): void {
    this.run(() => {
      if (!this.enter(this.reader.locate(key, start, length, FIRST))) {
        this.number = this.reader.count;
        this.backward(false);
        return;
      }
      const inner = this.inner;
      this.backward(inner.seek(key, start, length, FIRST) ? inner.previous() : inner.last());
    });
  }

  override next(): void {
    try {
      if (this.inner.next()) this.show();
      else this.forward(false);
    } catch (error) {
      if (this.onDamage === undefined) throw this.wrap(error);
      this.onDamage(this.wrap(error));
      this.forward(false);
    }
  }

  override previous(): void {
    try {
      this.backward(this.inner.previous());
    } catch (error) {
      throw this.wrap(error);
    }
  }

  override close(): void {
    if (this.closed) return;
    this.closed = true;
    this.valid = false;
    this.key = EMPTY;
    this.inner.release();
    this.reader.release();
  }
}
