/** List of byte strings as a chain of small arrays: pushes, pops and inserts touch one array only. */

/** Elements in one array of the chain. */
const CHUNK = 256;
/** Estimated bytes of an element beside its characters. */
const ELEMENT_OVERHEAD = 24;

/** An array of the chain. */
export interface Chunk {
  /** Its elements. */
  items: string[];
  /** The array before, if any. */
  prev: Chunk | null;
  /** The array after, if any. */
  next: Chunk | null;
}

/** A list value. */
export class ListValue {
  /** Tag. */
  readonly type = "list";
  /** Number of elements. */
  length = 0;
  /** First array. */
  head: Chunk = { items: [], prev: null, next: null };
  /** Last array. */
  tail: Chunk = this.head;
  /** Estimated bytes. */
  bytes = 64;
  /** What the key space has accounted for this value. */
  accounted = 0;
  /** Whether it has ever been large: OBJECT ENCODING. */
  big = false;

  /** Adds at the head. */
  pushLeft(value: string): void {
    let chunk = this.head;
    if (chunk.items.length >= CHUNK) {
      const fresh: Chunk = { items: [], prev: null, next: chunk };
      chunk.prev = fresh;
      this.head = chunk = fresh;
    }
    chunk.items.unshift(value);
    this.length++;
    this.bytes += value.length + ELEMENT_OVERHEAD;
  }

  /** Adds at the tail. */
  pushRight(value: string): void {
    let chunk = this.tail;
    if (chunk.items.length >= CHUNK) {
      const fresh: Chunk = { items: [], prev: chunk, next: null };
      chunk.next = fresh;
      this.tail = chunk = fresh;
    }
    chunk.items.push(value);
    this.length++;
    this.bytes += value.length + ELEMENT_OVERHEAD;
  }

  #unlink(chunk: Chunk): void {
    if (chunk === this.head && chunk === this.tail) return;
    if (chunk.prev !== null) chunk.prev.next = chunk.next;
    else this.head = chunk.next!;
    if (chunk.next !== null) chunk.next.prev = chunk.prev;
    else this.tail = chunk.prev!;
  }

  #removed(chunk: Chunk, value: string): void {
    this.length--;
    this.bytes -= value.length + ELEMENT_OVERHEAD;
    if (chunk.items.length === 0) this.#unlink(chunk);
  }

  /** Takes from the head. */
  popLeft(): string | undefined {
    if (this.length === 0) return undefined;
    const chunk = this.head;
    const value = chunk.items.shift()!;
    this.#removed(chunk, value);
    return value;
  }

  /** Takes from the tail. */
  popRight(): string | undefined {
    if (this.length === 0) return undefined;
    const chunk = this.tail;
    const value = chunk.items.pop()!;
    this.#removed(chunk, value);
    return value;
  }

  /** The array and offset of an index in [0, length). */
  #locate(index: number): [Chunk, number] {
    if (index < this.length / 2) {
      let chunk = this.head;
      while (index >= chunk.items.length) {
        index -= chunk.items.length;
        chunk = chunk.next!;
      }
      return [chunk, index];
    }
    let chunk = this.tail;
    let back = this.length - index;
    while (back > chunk.items.length) {
      back -= chunk.items.length;
      chunk = chunk.prev!;
    }
    return [chunk, chunk.items.length - back];
  }

  /** Element at an index in [0, length). */
  at(index: number): string | undefined {
    if (index < 0 || index >= this.length) return undefined;
    const [chunk, offset] = this.#locate(index);
    return chunk.items[offset];
  }

  /** Replaces the element at an index in [0, length). */
  setAt(index: number, value: string): void {
    const [chunk, offset] = this.#locate(index);
    this.bytes += value.length - chunk.items[offset]!.length;
    chunk.items[offset] = value;
  }

  /** Calls `visit` for [start, stop], in order. */
  forRange(start: number, stop: number, visit: (value: string) => void): void {
    if (start > stop || this.length === 0) return;
    let [chunk, offset] = this.#locate(start) as [Chunk | null, number];
    let left = stop - start + 1;
    while (left > 0 && chunk !== null) {
      const items = chunk.items;
      for (; offset < items.length && left > 0; offset++, left--) visit(items[offset]!);
      offset = 0;
      chunk = chunk.next;
    }
  }

  /** Every element, in order. */
  *[Symbol.iterator](): Generator<string> {
    for (let chunk: Chunk | null = this.head; chunk !== null; chunk = chunk.next) {
      yield* chunk.items;
    }
  }

  /** Inserts beside the first element equal to `pivot`; false when there is none. */
  insert(pivot: string, value: string, after: boolean): boolean {
    for (let chunk: Chunk | null = this.head; chunk !== null; chunk = chunk.next) {
      const at = chunk.items.indexOf(pivot);
      if (at < 0) continue;
      chunk.items.splice(after ? at + 1 : at, 0, value);
      this.length++;
      this.bytes += value.length + ELEMENT_OVERHEAD;
      if (chunk.items.length > CHUNK * 2) {
        const upper: Chunk = { items: chunk.items.splice(CHUNK), prev: chunk, next: chunk.next };
        if (chunk.next !== null) chunk.next.prev = upper;
        else this.tail = upper;
        chunk.next = upper;
      }
      return true;
    }
    return false;
  }

  /** Removes up to `count` elements equal to `value`, from the tail when asked; returns how many. */
  remove(value: string, count: number, fromTail: boolean): number {
    let removed = 0;
    let chunk: Chunk | null = fromTail ? this.tail : this.head;
    while (chunk !== null && removed < count) {
      const following: Chunk | null = fromTail ? chunk.prev : chunk.next;
      const items: string[] = chunk.items;
      let taken = 0;
      if (fromTail) {
        for (let i = items.length - 1; i >= 0 && removed + taken < count; i--) {
          if (items[i] === value) {
            items.splice(i, 1);
            taken++;
          }
        }
      } else if (items.includes(value)) {
        let to = 0;
        for (let i = 0; i < items.length; i++) {
          if (removed + taken < count && items[i] === value) taken++;
          else items[to++] = items[i]!;
        }
        items.length = to;
      }
      if (taken > 0) {
        removed += taken;
        this.length -= taken;
        this.bytes -= taken * (value.length + ELEMENT_OVERHEAD);
        if (items.length === 0) this.#unlink(chunk);
      }
      chunk = following;
    }
    return removed;
  }

  /** Keeps [start, stop] only. */
  trim(start: number, stop: number): void {
    let left = start;
    while (left > 0 && this.length > 0) {
      const chunk = this.head;
      const drop = Math.min(left, chunk.items.length);
      for (const value of chunk.items.splice(0, drop)) {
        this.bytes -= value.length + ELEMENT_OVERHEAD;
      }
      this.length -= drop;
      left -= drop;
      stop -= drop;
      if (chunk.items.length === 0) this.#unlink(chunk);
    }
    let right = this.length - 1 - stop;
    while (right > 0 && this.length > 0) {
      const chunk = this.tail;
      const drop = Math.min(right, chunk.items.length);
      for (const value of chunk.items.splice(chunk.items.length - drop, drop)) {
        this.bytes -= value.length + ELEMENT_OVERHEAD;
      }
      this.length -= drop;
      right -= drop;
      if (chunk.items.length === 0) this.#unlink(chunk);
    }
  }
}
