/** Entries in order of key, then newest first; the memtable is a skip list of them. */
import { compareBytes } from "./_bytes.ts";

/** One version of a key; `value` undefined is a deletion. */
export interface Entry {
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly value: Uint8Array | undefined;
}

/** Orders by key, then from new to old. */
export function compareEntry(
  a: { key: Uint8Array; sequence: number },
  key: Uint8Array,
  sequence: number,
): number {
  return compareBytes(a.key, key) || sequence - a.sequence;
}

/** A position among entries. Forward and backward; undefined where it stands outside. */
export interface Cursor {
  readonly entry: Entry | undefined;
  /** The first entry at or behind (key, sequence); the first of all without a key. */
  seek(key: Uint8Array | undefined, sequence: number): void;
  /** The last entry before (key, sequence); the last of all without a key. */
  seekBefore(key: Uint8Array | undefined, sequence: number): void;
  next(): void;
  previous(): void;
}

interface Node extends Entry {
  readonly forward: (Node | undefined)[];
}

const MAX_HEIGHT = 12;
const ENTRY_OVERHEAD = 64;

/** A sorted set of entries that grows. */
export class Memtable {
  #head: Node = {
    key: new Uint8Array(0),
    sequence: 0,
    value: undefined,
    forward: new Array(MAX_HEIGHT).fill(undefined),
  };
  #random = 0x2545f491;
  /** Estimate of the bytes held. */
  sizeBytes = 0;
  count = 0;

  #before(key: Uint8Array | undefined, sequence: number, path?: Node[]): Node {
    let node = this.#head;
    for (let level = MAX_HEIGHT - 1; level >= 0; level--) {
      for (;;) {
        const next = node.forward[level];
        if (!next || (key && compareEntry(next, key, sequence) >= 0)) break;
        node = next;
      }
      if (path) path[level] = node;
    }
    return node;
  }

  /** Keeps the arrays as they are: the caller has copied them. */
  add(key: Uint8Array, sequence: number, value: Uint8Array | undefined): void {
    const path: Node[] = [];
    this.#before(key, sequence, path);
    let height = 1;
    while (height < MAX_HEIGHT) {
      let x = this.#random;
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#random = x;
      if ((x & 3) !== 0) break;
      height++;
    }
    const forward: (Node | undefined)[] = [];
    const node: Node = { key, sequence, value, forward };
    for (let level = 0; level < height; level++) {
      const previous = path[level]!;
      forward.push(previous.forward[level]);
      previous.forward[level] = node;
    }
    this.count++;
    this.sizeBytes += key.length + (value?.length ?? 0) + ENTRY_OVERHEAD;
  }

  /** The newest version of a key up to a sequence number. */
  find(key: Uint8Array, sequence: number): Entry | undefined {
    const node = this.#before(key, sequence).forward[0];
    return node && compareBytes(node.key, key) === 0 ? node : undefined;
  }

  cursor(): Cursor {
    const head = this.#head;
    const before = (key: Uint8Array | undefined, sequence: number) => this.#before(key, sequence);
    let node: Node | undefined;
    return {
      get entry() {
        return node;
      },
      seek(key, sequence) {
        node = key ? before(key, sequence).forward[0] : head.forward[0];
      },
      seekBefore(key, sequence) {
        const found = before(key, sequence);
        node = found === head ? undefined : found;
      },
      next() {
        node = node?.forward[0];
      },
      previous() {
        if (node) this.seekBefore(node.key, node.sequence);
      },
    };
  }
}
