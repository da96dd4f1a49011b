/** What stands behind an iterator: the visible versions of a merge, copied out. */
import { compareBytes, compareRanges, EMPTY } from "./_bytes.ts";
import { type Cursor, Merge } from "./_cursor.ts";
import { envelopeBytes, expiryOf } from "./_envelope.ts";
import { CorruptionError } from "./errors.ts";
import type { IteratorSource, KeyRange } from "./iterator.ts";

const SLAB_BYTES = 16384;
const LARGE = 2048;

/**
 * Memory that results are copied to. A view of a slab costs 0.1 µs where an array of its own costs
 * 1 µs; results over 2 KiB get one of their own, so that a small one kept pins no more than a slab.
 */
export class Slab {
  bytes: Uint8Array<ArrayBuffer> = EMPTY;
  words: Int32Array<ArrayBuffer> = new Int32Array(0);
  /** A multiple of four. */
  used = 0;

  renew(): void {
    this.bytes = new Uint8Array(SLAB_BYTES);
    this.words = new Int32Array(this.bytes.buffer);
    this.used = 0;
  }

  /** A copy that nobody else writes to. */
  copy(source: Uint8Array, start: number, length: number): Uint8Array<ArrayBuffer> {
    if (length > LARGE) {
      const own = new Uint8Array(length);
      own.set(source.subarray(start, start + length));
      return own;
    }
    if (this.used + length > this.bytes.length) this.renew();
    const { bytes, used } = this;
    for (let i = 0; i < length; i++) bytes[used + i] = source[start + i]!;
    this.used = used + length + 3 & ~3;
    return new Uint8Array(bytes.buffer, used, length);
  }

  /** As {@linkcode Slab.copy}, four bytes at a time, from a multiple of four. */
  copyWords(source: Int32Array, start: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.used + length > this.bytes.length) this.renew();
    const { words, used } = this;
    const from = start >>> 2;
    const to = used >>> 2;
    const count = length + 3 >>> 2;
    for (let i = 0; i < count; i++) words[to + i] = source[from + i]!;
    this.used = used + length + 3 & ~3;
    return new Uint8Array(words.buffer, used, length);
  }
}

/** Bounds as `from` inclusive and `to` exclusive. */
export function boundsOf(
  range: KeyRange,
  slab: Slab,
): { from: Uint8Array | undefined; to: Uint8Array | undefined } {
  let { from, to } = range;
  for (const low of [range.gte, range.gt && after(range.gt)]) {
    if (low && (!from || compareBytes(low, from) > 0)) from = low;
  }
  for (const high of [range.lt, range.lte && after(range.lte)]) {
    if (high && (!to || compareBytes(high, to) < 0)) to = high;
  }
  return {
    from: from && slab.copy(from, 0, from.length),
    to: to && slab.copy(to, 0, to.length),
  };
}

/** The key right behind this one. */
export function after(key: Uint8Array): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** What is to be read, and how. */
export interface ScanSpec {
  readonly cursors: Cursor[];
  readonly sequence: number;
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
  readonly reverse: boolean;
  /** Where values have envelopes, the time at which they are judged. */
  readonly time: number | undefined;
  readonly slab: Slab;
  /** For errors. */
  readonly path: string;
  /** Called once, at the end. */
  readonly onClose: (scan: Scan) => void;
}

/** Visible versions of keys in order. */
export class Scan {
  merge: Merge;
  spec: ScanSpec;
  sequence: number;
  from: Uint8Array | undefined;
  to: Uint8Array | undefined;
  reverse: boolean;
  time: number | undefined;
  slab: Slab;
  closed = false;
  started = false;
  /** A copy of the current key. */
  key: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  keyLength = -1;
  value: Uint8Array = EMPTY;
  valueStart = 0;
  valueLength = 0;

  constructor(spec: ScanSpec) {
    this.spec = spec;
    this.merge = new Merge(spec.cursors);
    this.sequence = spec.sequence;
    this.from = spec.from;
    this.to = spec.to;
    this.reverse = spec.reverse;
    this.time = spec.time;
    this.slab = spec.slab;
  }

  start(): void {
    this.started = true;
    this.keyLength = -1;
    const { merge, from, to } = this;
    if (this.reverse) {
      if (to === undefined) merge.last();
      else merge.seekBefore(to);
    } else if (from === undefined) merge.first();
    else merge.seek(from, Infinity);
  }

  /** The first key at or behind this one, in the direction of the scan. */
  seek(key: Uint8Array): void {
    this.started = true;
    this.keyLength = -1;
    const { from, to, merge } = this;
    const outside = from && compareBytes(key, from) < 0 || to && compareBytes(key, to) >= 0;
    if (outside) {
      merge.size = 0;
      merge.top = undefined;
    } else if (this.reverse) merge.seekBefore(after(key));
    else merge.seek(key, Infinity);
  }

  isCurrent(cursor: Cursor): boolean {
    return cursor.keyLength === this.keyLength &&
      compareRanges(cursor.key, cursor.keyStart, cursor.keyLength, this.key, 0, this.keyLength) ===
        0;
  }

  keepKey(cursor: Cursor): void {
    const { keyLength, keyStart } = cursor;
    if (keyLength > this.key.length) this.key = new Uint8Array(keyLength * 2);
    const { key } = this;
    const from = cursor.key;
    for (let i = 0; i < keyLength; i++) key[i] = from[keyStart + i]!;
    this.keyLength = keyLength;
  }

  /** Takes the envelope off; whether the value still lives. */
  unwrap(): boolean {
    const expiry = expiryOf(this.value, this.valueStart, this.valueLength);
    if (Number.isNaN(expiry)) {
      throw new CorruptionError(this.spec.path, 0, "a value has no envelope");
    }
    if (expiry <= this.time!) return false;
    const head = envelopeBytes(this.value, this.valueStart);
    this.valueStart += head;
    this.valueLength -= head;
    return true;
  }

  /** Goes to the next visible entry; its key and value are then in the fields. */
  advance(): boolean {
    if (!this.started) this.start();
    return this.reverse ? this.retreat() : this.forward();
  }

  forward(): boolean {
    const { merge, sequence, to } = this;
    for (let top; (top = merge.top) !== undefined; merge.step()) {
      if (top.sequence > sequence || this.isCurrent(top)) continue;
      this.keepKey(top);
      if (to !== undefined && compareRanges(this.key, 0, this.keyLength, to, 0, to.length) >= 0) {
        merge.size = 0;
        merge.top = undefined;
        return false;
      }
      if (!top.live) continue;
      this.value = top.value;
      this.valueStart = top.valueStart;
      this.valueLength = top.valueLength;
      if (this.time !== undefined && !this.unwrap()) continue;
      merge.step();
      return true;
    }
    return false;
  }

  retreat(): boolean {
    const { merge, sequence, from } = this;
    for (let top; (top = merge.top) !== undefined;) {
      this.keepKey(top);
      if (
        from !== undefined && compareRanges(this.key, 0, this.keyLength, from, 0, from.length) < 0
      ) {
        merge.size = 0;
        merge.top = undefined;
        return false;
      }
      // Versions come from old to new: the last one that is not too new counts. A block's bytes
      // and an arena never change, so the value stays good while the cursor moves on.
      let live = false;
      do {
        if (top.sequence <= sequence) {
          live = top.live;
          this.value = top.value;
          this.valueStart = top.valueStart;
          this.valueLength = top.valueLength;
        }
        merge.step();
      } while ((top = merge.top) !== undefined && this.isCurrent(top));
      if (live && (this.time === undefined || this.unwrap())) return true;
    }
    return false;
  }

  copyKey(): Uint8Array<ArrayBuffer> {
    return this.slab.copy(this.key, 0, this.keyLength);
  }

  copyValue(): Uint8Array<ArrayBuffer> {
    return this.slab.copy(this.value, this.valueStart, this.valueLength);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.merge.close();
    this.spec.onClose(this);
  }
}

/** Entries of a scan as pairs. */
export class PairSource implements IteratorSource<[Uint8Array, Uint8Array]> {
  scan: Scan;
  constructor(scan: Scan) {
    this.scan = scan;
  }
  next(): [Uint8Array, Uint8Array] | undefined {
    const { scan } = this;
    return scan.advance() ? [scan.copyKey(), scan.copyValue()] : undefined;
  }
  seek(key: Uint8Array): void {
    this.scan.seek(key);
  }
  close(): void {
    this.scan.close();
  }
}

/** Only the keys of a scan. */
export class KeySource implements IteratorSource<Uint8Array> {
  scan: Scan;
  constructor(scan: Scan) {
    this.scan = scan;
  }
  next(): Uint8Array | undefined {
    return this.scan.advance() ? this.scan.copyKey() : undefined;
  }
  seek(key: Uint8Array): void {
    this.scan.seek(key);
  }
  close(): void {
    this.scan.close();
  }
}

/** Only the values of a scan. */
export class ValueSource implements IteratorSource<Uint8Array> {
  scan: Scan;
  constructor(scan: Scan) {
    this.scan = scan;
  }
  next(): Uint8Array | undefined {
    return this.scan.advance() ? this.scan.copyValue() : undefined;
  }
  seek(key: Uint8Array): void {
    this.scan.seek(key);
  }
  close(): void {
    this.scan.close();
  }
}
