/**
 * Blocks of a table: sorted entries whose keys leave out what they share with the key before.
 *
 *     block := entry*  restart offset(fixed32)*  restart count(fixed32)
 *     entry := shared(varint) unshared(varint) value length(varint)  key bytes  value
 *
 * At a restart nothing is shared, so a look-up halves over the restarts and reads on from there.
 * Blocks stay in memory as they are on disk, uncompressed: decoding one whole costs more than a
 * look-up in it.
 */
import { ByteWriter, compareRanges, copyRange, EMPTY, readFixed32 } from "./_bytes.ts";
import { readVarint, varintEnd, writeFixed32, writeVarint } from "./_bytes.ts";
import { readSequence, TRAILER_BYTES } from "./_internal_key.ts";

/** Thrown by block code; the table adds its file and offset. */
export class BlockDamage extends Error {}

/** Builds a block. */
export class BlockBuilder {
  out: Uint8Array<ArrayBuffer> = new Uint8Array(8192);
  length = 0;
  restarts = new Uint32Array(64);
  restartCount = 1;
  interval: number;
  count = 0;
  entries = 0;
  last: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  lastLength = 0;

  constructor(interval: number) {
    this.interval = interval;
  }

  /** Starts the next block in the same memory. */
  reset(): void {
    this.length = 0;
    this.restartCount = 1;
    this.count = 0;
    this.entries = 0;
    this.lastLength = 0;
  }

  grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.out.length * 2));
    grown.set(this.out.subarray(0, this.length));
    this.out = grown;
  }

  /** Adds an entry; its key comes behind the one before. */
  add(
    key: Uint8Array,
    keyLength: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    const needed = this.length + keyLength + valueLength + 15;
    if (needed > this.out.length) this.grow(needed);
    if (keyLength > this.last.length) {
      const grown = new Uint8Array(keyLength * 2);
      grown.set(this.last);
      this.last = grown;
    }
    const { out, last } = this;
    let shared = 0;
    if (this.count === this.interval) {
      if (this.restartCount === this.restarts.length) {
        const grown = new Uint32Array(this.restartCount * 2);
        grown.set(this.restarts);
        this.restarts = grown;
      }
      this.restarts[this.restartCount++] = this.length;
      this.count = 0;
    } else {
      const most = keyLength < this.lastLength ? keyLength : this.lastLength;
      while (shared < most && key[shared] === last[shared]) shared++;
    }
    let at = this.length;
    const unshared = keyLength - shared;
    if ((shared | unshared | valueLength) < 128) {
      out[at] = shared;
      out[at + 1] = unshared;
      out[at + 2] = valueLength;
      at += 3;
    } else {
      at = writeVarint(out, at, shared);
      at = writeVarint(out, at, unshared);
      at = writeVarint(out, at, valueLength);
    }
    for (let i = shared; i < keyLength; i++) out[at++] = last[i] = key[i]!;
    copyRange(value, valueStart, valueLength, out, at);
    this.length = at + valueLength;
    this.lastLength = keyLength;
    this.count++;
    this.entries++;
  }

  /** Bytes that {@linkcode finish} will give. */
  get sizeBytes(): number {
    return this.length + this.restartCount * 4 + 4;
  }

  /** Completes the block; its bytes are `out` up to the length given back. */
  finish(): number {
    const size = this.sizeBytes;
    if (size > this.out.length) this.grow(size);
    let at = this.length;
    for (let i = 0; i < this.restartCount; i++, at += 4) {
      writeFixed32(this.out, at, i === 0 ? 0 : this.restarts[i]!);
    }
    writeFixed32(this.out, at, this.restartCount);
    return size;
  }
}

/** A block in memory. */
export class Block {
  bytes: Uint8Array;
  /** What holds it, and as which of its blocks. */
  owner: BlockOwner | undefined;
  number = 0;
  /** Its place in a shard of the cache, -1 when it is in none. */
  place = -1;
  /** Where the entries end and the restarts begin. */
  end: number;
  restartCount: number;
  /** Set by each use, cleared as the cache's hand passes. */
  used = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.restartCount = bytes.length < 4 ? 0 : readFixed32(bytes, bytes.length - 4);
    this.end = bytes.length - 4 - this.restartCount * 4;
    if (this.restartCount === 0 || this.end < 0) throw new BlockDamage("a block has no restarts");
  }
}

/** What a cached block belongs to. */
export interface BlockOwner {
  /** The blocks in memory, by their number. */
  readonly blocks: (Block | undefined)[];
  /** Spreads the blocks of tables over the shards of the cache. */
  readonly salt: number;
}

/** Key buffers of cursors that were closed: an iterator over seven levels needs that many. */
const spareKeys: Uint8Array<ArrayBuffer>[] = [];
const KEY_BYTES = 256;
const MAX_SPARE_KEYS = 64;

/** A position in a block. */
export class BlockCursor {
  bytes: Uint8Array = EMPTY;
  end = 0;
  restartCount = 0;
  /** Where the entry starts, and where the next one does. */
  at = 0;
  nextAt = 0;
  valid = false;
  /** The internal key. */
  key: Uint8Array<ArrayBuffer> = spareKeys.pop() ?? new Uint8Array(KEY_BYTES);
  keyLength = 0;
  /** How many bytes of it were in the key before. */
  shared = 0;
  valueStart = 0;
  valueLength = 0;

  /** Gives the key's buffer to the next cursor; this one must not be used any more. */
  release(): void {
    if (this.key.length === KEY_BYTES && spareKeys.length < MAX_SPARE_KEYS) {
      spareKeys.push(this.key);
    }
    this.key = EMPTY;
  }

  set(block: Block): void {
    this.bytes = block.bytes;
    this.end = block.end;
    this.restartCount = block.restartCount;
    this.valid = false;
  }

  restart(number: number): number {
    const offset = readFixed32(this.bytes, this.end + number * 4);
    if (offset > this.end) throw new BlockDamage("a restart is out of range");
    return offset;
  }

  /** Reads the entry at `nextAt`; whether there is one. */
  next(): boolean {
    const { bytes, end } = this;
    let at = this.nextAt;
    if (at >= end) return this.valid = false;
    this.at = at;
    let shared = bytes[at]!;
    let unshared = bytes[at + 1]!;
    let valueLength = bytes[at + 2]!;
    if ((shared | unshared | valueLength) < 128 && at + 3 <= end) at += 3;
    else {
      shared = readVarint(bytes, at, end);
      if (varintEnd < 0) throw new BlockDamage("a length overruns");
      unshared = readVarint(bytes, varintEnd, end);
      if (varintEnd < 0) throw new BlockDamage("a length overruns");
      valueLength = readVarint(bytes, varintEnd, end);
      if (varintEnd < 0) throw new BlockDamage("a length overruns");
      at = varintEnd;
    }
    const keyLength = shared + unshared;
    if (
      shared > this.keyLength || keyLength < TRAILER_BYTES || at + unshared + valueLength > end
    ) throw new BlockDamage("an entry overruns");
    if (keyLength > this.key.length) {
      const grown = new Uint8Array(keyLength * 2);
      grown.set(this.key);
      this.key = grown;
    }
    const key = this.key;
    for (let i = shared; i < keyLength; i++) key[i] = bytes[at++]!;
    this.keyLength = keyLength;
    this.shared = shared;
    this.valueStart = at;
    this.valueLength = valueLength;
    this.nextAt = at + valueLength;
    return this.valid = true;
  }

  first(): boolean {
    this.nextAt = 0;
    this.keyLength = 0;
    return this.next();
  }

  last(): boolean {
    this.nextAt = this.restart(this.restartCount - 1);
    this.keyLength = 0;
    while (this.next()) if (this.nextAt >= this.end) return true;
    return false;
  }

  /** To the entry before this one. */
  previous(): boolean {
    const here = this.at;
    if (here === 0) return this.valid = false;
    let low = 0;
    let high = this.restartCount - 1;
    while (low < high) {
      const middle = low + high + 1 >>> 1;
      if (this.restart(middle) < here) low = middle;
      else high = middle - 1;
    }
    this.nextAt = this.restart(low);
    this.keyLength = 0;
    while (this.next()) if (this.nextAt >= here) return true;
    return false;
  }

  /** To the first entry at or behind (key, sequence). */
  seek(key: Uint8Array, start: number, length: number, sequence: number): boolean {
    const bytes = this.bytes;
    let low = 0;
    let high = this.restartCount - 1;
    while (low < high) {
      const middle = low + high + 1 >>> 1;
      let at = this.restart(middle);
      let unshared = bytes[at + 1]!;
      if ((bytes[at]! | unshared | bytes[at + 2]!) < 128 && at + 3 <= this.end) at += 3;
      else {
        readVarint(bytes, at, this.end);
        if (varintEnd < 0) throw new BlockDamage("a length overruns");
        unshared = readVarint(bytes, varintEnd, this.end);
        if (varintEnd < 0) throw new BlockDamage("a length overruns");
        readVarint(bytes, varintEnd, this.end);
        if (varintEnd < 0) throw new BlockDamage("a length overruns");
        at = varintEnd;
      }
      if (unshared < TRAILER_BYTES || at + unshared > this.end) {
        throw new BlockDamage("an entry overruns");
      }
      const size = unshared - TRAILER_BYTES;
      const order = compareRanges(bytes, at, size, key, start, length);
      if (order < 0 || order === 0 && readSequence(bytes, at + size) > sequence) low = middle;
      else high = middle - 1;
    }
    this.nextAt = this.restart(low);
    this.keyLength = 0;
    // While the entry is before the wanted key, they have `same` bytes in common, and differ there
    // unless the entry's key ends. Only an entry that shares no more than that needs a comparison.
    let same = 0;
    let ended = true;
    while (this.next()) {
      const size = this.keyLength - TRAILER_BYTES;
      if (!ended && this.shared > same) continue;
      const own = this.key;
      let i = this.shared < same ? this.shared : same;
      const most = size < length ? size : length;
      while (i < most && own[i] === key[start + i]) i++;
      if (i < most) {
        if (own[i]! > key[start + i]!) return true;
        ended = false;
      } else {
        if (size > length) return true;
        if (size === length && readSequence(own, size) <= sequence) return true;
        ended = true;
      }
      same = i;
    }
    return false;
  }
}

/** Reads the pairs of a small block whose keys are not internal ones (the metaindex). */
export function readPlainBlock(
  bytes: Uint8Array,
): { key: Uint8Array; value: Uint8Array }[] {
  const block = new Block(bytes);
  const pairs: { key: Uint8Array; value: Uint8Array }[] = [];
  let last: Uint8Array = EMPTY;
  for (let at = 0; at < block.end;) {
    const shared = readVarint(bytes, at, block.end);
    if (varintEnd < 0) throw new BlockDamage("a length overruns");
    const unshared = readVarint(bytes, varintEnd, block.end);
    if (varintEnd < 0) throw new BlockDamage("a length overruns");
    const length = readVarint(bytes, varintEnd, block.end);
    const start = varintEnd;
    const end = start + unshared + length;
    if (start < 0 || end > block.end || shared > last.length || shared + unshared > 4096) {
      throw new BlockDamage("an entry overruns");
    }
    const out = new ByteWriter(shared + unshared);
    out.range(last, 0, shared);
    out.range(bytes, start, unshared);
    last = out.view();
    pairs.push({ key: last, value: bytes.subarray(start + unshared, end) });
    at = end;
  }
  return pairs;
}
