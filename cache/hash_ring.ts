import { crc32 } from "node:zlib";

/** How a {@linkcode HashRing} places its nodes. */
export interface HashRingOptions {
  /**
   * Points a node has on the ring, 1 to 10,000. More spread the keys more evenly: with 50 the
   * busiest of ten nodes has about a third more than its share.
   *
   * @default {50}
   */
  replicas?: number;
  /**
   * Maps a text to an unsigned 32-bit number.
   *
   * @default {CRC-32 (IEEE) of the text as UTF-8}
   */
  hash?: (text: string) => number;
}

const DEFAULT_REPLICAS = 50;
const MAX_REPLICAS = 10_000;

/**
 * Consistent hashing: gives each key to one of the nodes, so that a node that comes takes keys from
 * all others and a node that goes leaves its keys to all others, and no other key moves.
 *
 * A node's points are the hashes of its replica number (in decimal) followed by its name; a key
 * belongs to the first point at or after its own hash. The same placement as Go's groupcache, so
 * both give the same owners. Looking up is O(log(nodes × replicas)).
 *
 * Source: D. Karger et al., "Consistent Hashing and Random Trees", STOC 1997.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { HashRing } from "@groundwork/std/cache";
 *
 * const ring = new HashRing(["alpha", "beta", "gamma"]);
 * const owner = ring.get("user:1");
 * ring.remove(["alpha", "beta", "gamma"].find((node) => node !== owner)!);
 * assertEquals(ring.get("user:1"), owner);
 * ```
 */
export class HashRing {
  readonly #replicas: number;
  readonly #hash: (text: string) => number;
  readonly #nodes = new Set<string>();
  /** Sorted; the owner of the point at an index is the node at that index. */
  #points = new Uint32Array(0);
  #owners: string[] = [];

  /**
   * Makes a ring of these nodes.
   *
   * @throws {RangeError} If `replicas` is out of its range.
   */
  constructor(nodes: Iterable<string> = [], options: HashRingOptions = {}) {
    const { replicas = DEFAULT_REPLICAS } = options;
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS) {
      throw new RangeError(`replicas must be an integer from 1 to ${MAX_REPLICAS}: ${replicas}`);
    }
    this.#replicas = replicas;
    this.#hash = options.hash ?? ((text) => crc32(text));
    this.add(...nodes);
  }

  /** The nodes, in the order in which they came. */
  get nodes(): string[] {
    return [...this.#nodes];
  }

  /** Adds nodes; those that are there already stay as they are. */
  add(...nodes: string[]): void {
    for (const node of nodes) this.#nodes.add(node);
    this.#place();
  }

  /** Takes nodes away. */
  remove(...nodes: string[]): void {
    for (const node of nodes) this.#nodes.delete(node);
    this.#place();
  }

  /** Returns the node that owns the key, `undefined` where there are no nodes. */
  get(key: string): string | undefined {
    const points = this.#points;
    if (points.length === 0) return undefined;
    const hash = this.#hash(key) >>> 0;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return this.#owners[low === points.length ? 0 : low];
  }

  /** Two nodes whose points collide are put in the order of their names, so every ring agrees. */
  #place(): void {
    const placed: { point: number; node: string }[] = [];
    for (const node of this.#nodes) {
      for (let replica = 0; replica < this.#replicas; replica++) {
        placed.push({ point: this.#hash(`${replica}${node}`) >>> 0, node });
      }
    }
    placed.sort((a, b) => a.point - b.point || (a.node < b.node ? -1 : 1));
    this.#points = Uint32Array.from(placed, ({ point }) => point);
    this.#owners = placed.map(({ node }) => node);
  }
}
