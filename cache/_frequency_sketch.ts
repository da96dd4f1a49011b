/**
 * Estimates how often keys came lately, in 4-bit counters: a count-min sketch of four rows, whose
 * counters are halved once it has counted ten times its capacity, so that old fame fades.
 *
 * Source: G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy",
 * ACM Transactions on Storage, 2017.
 */
const ROWS = 4;
const COUNTERS_PER_WORD = 8;
const MAX_COUNT = 15;
const SAMPLE_FACTOR = 10;
const SEEDS = Int32Array.of(0x2c1b3c6d, 0x297a2d39, 0x9e3779b1 | 0, 0x85ebca77 | 0);

export class FrequencySketch {
  #table = new Uint32Array(0);
  /** Selects a counter: one less than the number of counters, a power of two. */
  #mask = 0;
  #sampleSize = 0;
  #counted = 0;

  /**
   * Makes it fit for this many keys. A larger table begins as copies of the one before, since a
   * counter's number only gains bits: no estimate gets lower.
   */
  resize(keys: number): void {
    const old = this.#table;
    if (keys <= old.length) return;
    const words = 2 ** Math.ceil(Math.log2(Math.max(8, keys)));
    this.#table = new Uint32Array(words);
    for (let at = 0; at < words && old.length > 0; at += old.length) this.#table.set(old, at);
    this.#mask = words * COUNTERS_PER_WORD - 1;
    this.#sampleSize = words * SAMPLE_FACTOR;
  }

  /** How often the key with this hash came: 0 to 15, never less than it did since the last halving. */
  estimate(hash: number): number {
    let least = MAX_COUNT;
    for (let row = 0; row < ROWS; row++) {
      const counter = this.#counter(hash, row);
      const count = (this.#table[counter >>> 3]! >>> ((counter & 7) << 2)) & MAX_COUNT;
      if (count < least) least = count;
    }
    return least;
  }

  increment(hash: number): void {
    let changed = false;
    for (let row = 0; row < ROWS; row++) {
      const counter = this.#counter(hash, row);
      const word = counter >>> 3;
      const shift = (counter & 7) << 2;
      if (((this.#table[word]! >>> shift) & MAX_COUNT) === MAX_COUNT) continue;
      this.#table[word]! += 1 << shift;
      changed = true;
    }
    if (changed && ++this.#counted >= this.#sampleSize) this.#halve();
  }

  #counter(hash: number, row: number): number {
    const spread = Math.imul(hash, SEEDS[row]!);
    return (spread ^ (spread >>> 15)) & this.#mask;
  }

  #halve(): void {
    const table = this.#table;
    for (let word = 0; word < table.length; word++) table[word] = (table[word]! >>> 1) & 0x77777777;
    this.#counted = this.#counted >>> 1;
  }
}
