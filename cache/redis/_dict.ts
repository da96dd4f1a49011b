/**
 * Hash table over dense arrays.
 *
 * Entries sit in two parallel arrays without holes; a `Map` gives the position of a key. Removing
 * moves the last entry into the hole, so entries only ever move to lower positions. A scan that
 * walks from the highest position to 0 therefore meets everything that was present throughout, even
 * while the table grows or shrinks, and a random entry costs one index.
 *
 * A `Map` stops at 16,777,216 entries; past {@linkcode MAX_PER_MAP} a further one is opened.
 */

/** Tables up to this size are searched linearly and keep their order when an entry is removed. */
const LINEAR_SIZE = 8;
/** Entries in one `Map`, below V8's limit of 2^24. */
const MAX_PER_MAP = 12_000_000;
/** Estimated bytes an entry costs beside the characters of its strings. */
const ENTRY_OVERHEAD = 72;

/** Hash table from byte strings to values, with random access and guaranteed scans. */
export class Dict<V> {
  /** Keys by position. */
  readonly keys: string[] = [];
  /** Values by position. */
  readonly values: V[] = [];
  /** Estimated bytes that the entries take. */
  bytes = 64;
  /** A word an entry (access clock), where kept. */
  meta: Uint32Array | null = null;
  #index: Map<string, number> | null = null;
  #more: Map<string, number>[] | null = null;

  /** @param keepMeta Whether each entry has a word in `meta`. */
  constructor(keepMeta = false) {
    if (keepMeta) this.meta = new Uint32Array(16);
  }

  /** Number of entries. */
  get size(): number {
    return this.keys.length;
  }

  /** Position of a key, or -1. */
  find(key: string): number {
    const index = this.#index;
    if (index === null) return this.keys.indexOf(key);
    const at = index.get(key);
    if (at !== undefined) return at;
    return this.#more === null ? -1 : this.#findMore(key);
  }

  #findMore(key: string): number {
    for (const map of this.#more!) {
      const at = map.get(key);
      if (at !== undefined) return at;
    }
    return -1;
  }

  #put(key: string, at: number): void {
    const index = this.#index!;
    if (this.#more === null) {
      if (index.size < MAX_PER_MAP) {
        index.set(key, at);
        return;
      }
      this.#more = [];
    }
    for (const map of [index, ...this.#more]) {
      if (map.has(key)) {
        map.set(key, at);
        return;
      }
    }
    for (const map of [index, ...this.#more]) {
      if (map.size < MAX_PER_MAP) {
        map.set(key, at);
        return;
      }
    }
    this.#more.push(new Map([[key, at]]));
  }

  #drop(key: string): void {
    if (this.#index!.delete(key) || this.#more === null) return;
    for (const map of this.#more) if (map.delete(key)) return;
  }

  /** Whether a key is present. */
  has(key: string): boolean {
    return this.find(key) >= 0;
  }

  /** The value of a key, or undefined. */
  get(key: string): V | undefined {
    const at = this.find(key);
    return at < 0 ? undefined : this.values[at];
  }

  /** Sets a key; true when it is new. */
  set(key: string, value: V): boolean {
    const at = this.find(key);
    if (at >= 0) {
      const old = this.values[at];
      if (typeof value === "string") this.bytes += value.length;
      if (typeof old === "string") this.bytes -= old.length;
      this.values[at] = value;
      return false;
    }
    this.add(key, value);
    return true;
  }

  /** Adds a key that is known to be absent; returns its position. */
  add(key: string, value: V): number {
    const keys = this.keys;
    const at = keys.length;
    keys.push(key);
    this.values.push(value);
    this.bytes += ENTRY_OVERHEAD + key.length + (typeof value === "string" ? value.length : 0);
    if (this.meta !== null) {
      if (at >= this.meta.length) {
        const grown = new Uint32Array(this.meta.length * 2);
        grown.set(this.meta);
        this.meta = grown;
      }
      this.meta[at] = 0;
    }
    if (this.#index !== null) this.#put(key, at);
    else if (at >= LINEAR_SIZE) {
      const index = new Map<string, number>();
      for (let i = 0; i <= at; i++) index.set(keys[i]!, i);
      this.#index = index;
    }
    return at;
  }

  /** Replaces the value at a position. */
  replaceAt(at: number, value: V): void {
    this.values[at] = value;
  }

  /** Removes a key; true when it was present. */
  delete(key: string): boolean {
    const at = this.find(key);
    if (at < 0) return false;
    this.deleteAt(at);
    return true;
  }

  /** Removes the entry at a position. */
  deleteAt(at: number): void {
    const { keys, values, meta } = this;
    const key = keys[at]!;
    const value = values[at];
    this.bytes -= ENTRY_OVERHEAD + key.length + (typeof value === "string" ? value.length : 0);
    if (this.#index === null) {
      if (meta !== null) meta.copyWithin(at, at + 1, keys.length);
      keys.splice(at, 1);
      values.splice(at, 1);
      return;
    }
    this.#drop(key);
    const lastKey = keys.pop()!;
    const lastValue = values.pop()!;
    const last = keys.length;
    if (at !== last) {
      keys[at] = lastKey;
      values[at] = lastValue;
      if (meta !== null) meta[at] = meta[last]!;
      this.#put(lastKey, at);
    }
    if (last === 0) {
      this.#index = null;
      this.#more = null;
    }
  }

  /** Removes everything. */
  clear(): void {
    this.keys.length = 0;
    this.values.length = 0;
    this.#index = null;
    this.#more = null;
    this.bytes = 64;
    if (this.meta !== null) this.meta = new Uint32Array(16);
  }

  /** Position of a random entry, or -1. */
  randomAt(): number {
    const size = this.keys.length;
    return size === 0 ? -1 : Math.floor(Math.random() * size);
  }

  /**
   * One step of a scan. Cursor 0 starts; the next cursor is 0 at the end.
   *
   * @param visit Called with each position.
   */
  scan(cursor: number, count: number, visit: (at: number) => void): number {
    const size = this.keys.length;
    let at = cursor === 0 || cursor > size ? size : cursor;
    let left = count;
    while (at > 0 && left > 0) {
      at--;
      left--;
      visit(at);
    }
    return at;
  }
}
