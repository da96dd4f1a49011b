/**
 * Positions among versions of keys, in order of key and then from new to old.
 *
 * Fields are plain and hold (buffer, start, length): a `#private` field costs about 80 ns once
 * objects of several classes have it, and a `subarray` about 100 ns.
 */
import { compareRanges, EMPTY } from "./_bytes.ts";

/** A position. The fields count while `valid`, and until the next move. */
export abstract class Cursor {
  valid = false;
  key: Uint8Array = EMPTY;
  keyStart = 0;
  keyLength = 0;
  sequence = 0;
  /** Whether this version is a value and not a deletion. */
  live = false;
  value: Uint8Array = EMPTY;
  valueStart = 0;
  valueLength = 0;

  abstract first(): void;
  abstract last(): void;
  /** To the first version at or behind (key, sequence). */
  abstract seek(key: Uint8Array, start: number, length: number, sequence: number): void;
  /** To the last version of the last key before this one. */
  abstract seekBefore(key: Uint8Array, start: number, length: number): void;
  abstract next(): void;
  abstract previous(): void;
  /** Gives up what it pins. */
  close(): void {}
}

/** Orders two valid cursors. */
export function compareCursors(a: Cursor, b: Cursor): number {
  const order = compareRanges(a.key, a.keyStart, a.keyLength, b.key, b.keyStart, b.keyLength);
  return order !== 0 ? order : b.sequence - a.sequence;
}

/** Several cursors as one; `top` is the one that stands first in the direction of travel. */
export class Merge {
  cursors: Cursor[];
  heap: Cursor[] = [];
  size = 0;
  /** 1 forward, -1 backward. */
  direction = 1;
  top: Cursor | undefined;

  constructor(cursors: Cursor[]) {
    this.cursors = cursors;
  }

  rebuild(direction: 1 | -1): void {
    this.direction = direction;
    let size = 0;
    for (const cursor of this.cursors) if (cursor.valid) this.heap[size++] = cursor;
    this.size = size;
    for (let i = (size >>> 1) - 1; i >= 0; i--) this.sink(i);
    this.top = size > 0 ? this.heap[0] : undefined;
  }

  sink(at: number): void {
    const { heap, size, direction } = this;
    const moved = heap[at]!;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= size) break;
      if (
        child + 1 < size && compareCursors(heap[child + 1]!, heap[child]!) * direction < 0
      ) child++;
      if (compareCursors(heap[child]!, moved) * direction >= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }

  first(): void {
    for (const cursor of this.cursors) cursor.first();
    this.rebuild(1);
  }

  last(): void {
    for (const cursor of this.cursors) cursor.last();
    this.rebuild(-1);
  }

  seek(key: Uint8Array, sequence: number): void {
    for (const cursor of this.cursors) cursor.seek(key, 0, key.length, sequence);
    this.rebuild(1);
  }

  seekBefore(key: Uint8Array): void {
    for (const cursor of this.cursors) cursor.seekBefore(key, 0, key.length);
    this.rebuild(-1);
  }

  /** Moves the top on in the direction of travel. */
  step(): void {
    const top = this.heap[0]!;
    if (this.direction > 0) top.next();
    else top.previous();
    if (!top.valid) {
      const size = --this.size;
      if (size === 0) {
        this.top = undefined;
        return;
      }
      this.heap[0] = this.heap[size]!;
    }
    if (this.size > 1) this.sink(0);
    this.top = this.heap[0];
  }

  close(): void {
    for (const cursor of this.cursors) cursor.close();
  }
}
