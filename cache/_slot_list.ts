/**
 * The links of doubly linked lists over numbered slots, in two typed arrays: a policy's lists share
 * them, since a slot is in one list at a time. Slot 0 means none.
 */
export class Links {
  next: Int32Array = new Int32Array(0);
  prev: Int32Array = new Int32Array(0);

  resize(capacity: number): void {
    this.next = grow(this.next, capacity);
    this.prev = grow(this.prev, capacity);
  }
}

function grow(array: Int32Array, capacity: number): Int32Array {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}

/** One list over {@linkcode Links}: the newest slot is its head, the oldest its tail. */
export class SlotList {
  head = 0;
  tail = 0;
  length = 0;
  #links: Links;

  constructor(links: Links) {
    this.#links = links;
  }

  pushHead(slot: number): void {
    const { next, prev } = this.#links;
    const head = this.head;
    next[slot] = head;
    prev[slot] = 0;
    if (head === 0) this.tail = slot;
    else prev[head] = slot;
    this.head = slot;
    this.length++;
  }

  remove(slot: number): void {
    const { next, prev } = this.#links;
    const after = next[slot]!;
    const before = prev[slot]!;
    if (before === 0) this.head = after;
    else next[before] = after;
    if (after === 0) this.tail = before;
    else prev[after] = before;
    this.length--;
  }

  moveToHead(slot: number): void {
    if (slot === this.head) return;
    this.remove(slot);
    this.pushHead(slot);
  }

  /** The slot on the head's side of this one, 0 at the head. */
  newer(slot: number): number {
    return this.#links.prev[slot]!;
  }

  *slots(): IterableIterator<number> {
    for (let slot = this.head; slot !== 0; slot = this.#links.next[slot]!) yield slot;
  }
}
