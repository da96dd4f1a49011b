/**
 * A hierarchical timer wheel over numbered slots: setting, moving and dropping a deadline are O(1),
 * and no timer of the event loop exists, whatever the number of entries.
 *
 * Four wheels of 64 buckets turn in ticks of 64 ms, 4.1 s, 4.4 min and 4.7 h. A deadline lies in the
 * finest wheel that reaches it, and moves to a finer one when its bucket comes round; the last
 * wheel holds everything beyond 12 days and looks again when it comes round.
 *
 * Source: G. Varghese, A. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987.
 */
const BUCKETS = 64;
const WHEELS = 4;
const FINEST_TICK_BITS = 6;
const BITS_PER_WHEEL = 6;
const NO_BUCKET = 0xffff;

/** Length of one tick of a wheel, in milliseconds. */
function tickMs(wheel: number): number {
  return 2 ** (FINEST_TICK_BITS + wheel * BITS_PER_WHEEL);
}

export class TimerWheel {
  #heads = new Int32Array(BUCKETS * WHEELS);
  #next = new Int32Array(0);
  #prev = new Int32Array(0);
  #bucket = new Uint16Array(0);
  #deadlines = new Float64Array(0);
  /** Where the wheels stand, in milliseconds of the caller's clock. */
  #nowMs: number;
  #dueTick: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
    this.#dueTick = Math.floor(nowMs / tickMs(0)) + 1;
  }

  resize(capacity: number): void {
    const { length } = this.#bucket;
    const next = new Int32Array(capacity);
    const prev = new Int32Array(capacity);
    const bucket = new Uint16Array(capacity).fill(NO_BUCKET, length);
    const deadlines = new Float64Array(capacity).fill(Infinity, length);
    next.set(this.#next);
    prev.set(this.#prev);
    bucket.set(this.#bucket);
    deadlines.set(this.#deadlines);
    this.#next = next;
    this.#prev = prev;
    this.#bucket = bucket;
    this.#deadlines = deadlines;
  }

  /** The slot's deadline in milliseconds, `Infinity` where it has none. */
  deadline(slot: number): number {
    return this.#deadlines[slot]!;
  }

  schedule(slot: number, deadlineMs: number): void {
    this.cancel(slot);
    if (deadlineMs === Infinity) return;
    this.#deadlines[slot] = deadlineMs;
    this.#link(slot, this.#bucketFor(deadlineMs));
  }

  cancel(slot: number): void {
    const bucket = this.#bucket[slot]!;
    if (bucket === NO_BUCKET) return;
    const next = this.#next[slot]!;
    const prev = this.#prev[slot]!;
    if (prev === 0) this.#heads[bucket] = next;
    else this.#next[prev] = next;
    if (next !== 0) this.#prev[next] = prev;
    this.#bucket[slot] = NO_BUCKET;
    this.#deadlines[slot] = Infinity;
  }

  /** Whether `advance()` would have anything to look at. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueTick * tickMs(0);
  }

  /** Turns the wheels and hands each slot whose deadline has passed to `expire`, which must cancel it. */
  advance(nowMs: number, expire: (slot: number) => void): void {
    const fromMs = this.#nowMs;
    if (nowMs <= fromMs) return;
    this.#nowMs = nowMs;
    this.#dueTick = Math.floor(nowMs / tickMs(0)) + 1;
    for (let wheel = 0; wheel < WHEELS; wheel++) {
      const from = Math.floor(fromMs / tickMs(wheel));
      const to = Math.floor(nowMs / tickMs(wheel));
      if (to === from && wheel > 0) break;
      const buckets = Math.min(to - from + 1, BUCKETS);
      for (let index = 0; index < buckets; index++) {
        this.#empty(wheel * BUCKETS + (from + index) % BUCKETS, expire);
      }
    }
  }

  /** `expire` may run a listener that changes the cache, so the bucket is unlinked before it is called. */
  #empty(bucket: number, expire: (slot: number) => void): void {
    const due: number[] = [];
    let slot = this.#heads[bucket]!;
    while (slot !== 0) {
      const next = this.#next[slot]!;
      const deadlineMs = this.#deadlines[slot]!;
      if (deadlineMs <= this.#nowMs) due.push(slot);
      else this.schedule(slot, deadlineMs);
      slot = next;
    }
    for (const slot of due) {
      if (this.#deadlines[slot]! <= this.#nowMs) expire(slot);
    }
  }

  #bucketFor(deadlineMs: number): number {
    const waitMs = deadlineMs - this.#nowMs;
    let wheel = 0;
    while (wheel < WHEELS - 1 && waitMs >= tickMs(wheel + 1)) wheel++;
    return wheel * BUCKETS + Math.floor(deadlineMs / tickMs(wheel)) % BUCKETS;
  }

  #link(slot: number, bucket: number): void {
    const head = this.#heads[bucket]!;
    this.#next[slot] = head;
    this.#prev[slot] = 0;
    if (head !== 0) this.#prev[head] = slot;
    this.#heads[bucket] = slot;
    this.#bucket[slot] = bucket;
  }
}
