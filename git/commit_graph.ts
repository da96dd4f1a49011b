/**
 * The commit-graph (gitformat-commit-graph): parents, tree, time and generation of commits in one
 * file, so that walks need not read the commits themselves. `objects/info/commit-graph`, or a chain
 * of files in `objects/info/commit-graphs`.
 *
 * Chunks: `OIDF` fan-out, `OIDL` ids, `CDAT` tree, two parent positions, generation and time of each
 * commit, `EDGE` further parents, `GDA2`/`GDO2` corrected dates, `BASE` the files of a chain below.
 *
 * @module
 */
import { type ByteString, ByteWriter, readU32, toHex } from "./_bytes.ts";
import { readTextIfAny, stat } from "./_files.ts";
import {
  type Chunk,
  formatChunkFile,
  formatFanout,
  IdTable,
  readChunkTable,
  verifyChecksum,
} from "./_chunk_file.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import { type ByteSource, MemorySource, WindowedFile } from "./pack_file.ts";

/** What the graph knows of a commit. */
export interface GraphEntry {
  /** Its tree. */
  readonly tree: ObjectId;
  /** Its parents, in order. */
  readonly parents: readonly ObjectId[];
  /** Committer time, seconds. */
  readonly time: number;
  /** Topological level: one more than the largest of its parents. */
  readonly generation: number;
}

const WHAT = "commit-graph";
const NONE = 0x70000000;
const MORE = 0x80000000;
const MAX_GENERATION = 0x3fffffff;
const MAX_PARENTS = 100_000;
const MAX_CHAIN = 1_000;

/** One file of the graph. */
class Layer {
  readonly ids: IdTable;
  readonly source: ByteSource;
  readonly #data: Chunk;
  readonly #edges: Chunk | undefined;
  readonly #algorithm: HashAlgorithm;
  readonly bases: number;
  /** Positions below belong to the layers under this one. */
  start = 0;

  constructor(source: ByteSource, algorithm: HashAlgorithm) {
    const head = source.read(0, 8);
    if (head.length < 8 || toHex(head.subarray(0, 4)) !== "43475048") {
      throw corrupt(`${WHAT}: this is no commit-graph`);
    }
    if (head[4] !== 1) throw corrupt(`${WHAT}: version ${head[4]} is not supported`);
    if (head[5] !== (algorithm.name === "sha1" ? 1 : 2)) {
      throw corrupt(`${WHAT}: the hash is another one`);
    }
    const chunks = readChunkTable(source, 8, head[6]!, algorithm, WHAT);
    this.bases = head[7]!;
    this.source = source;
    this.ids = new IdTable(source, algorithm, chunks.get("OIDF"), chunks.get("OIDL"), WHAT);
    const data = chunks.get("CDAT");
    if (data === undefined || data.size !== this.ids.count * (algorithm.rawSize + 16)) {
      throw corrupt(`${WHAT}: table of commits has the wrong size`);
    }
    const base = chunks.get("BASE");
    if (this.bases > 0 && base?.size !== this.bases * algorithm.rawSize) {
      throw corrupt(`${WHAT}: list of files below has the wrong size`);
    }
    this.#data = data;
    this.#edges = chunks.get("EDGE");
    this.#algorithm = algorithm;
  }

  row(position: number): {
    tree: ObjectId;
    parents: number[];
    time: number;
    generation: number;
  } {
    const raw = this.#algorithm.rawSize;
    const row = this.source.read(this.#data.at + position * (raw + 16), raw + 16).slice();
    const parents: number[] = [];
    const first = readU32(row, raw), second = readU32(row, raw + 4);
    if (first !== NONE) {
      parents.push(first);
      if (second >= MORE) this.#further(second - MORE, parents);
      else if (second !== NONE) parents.push(second);
    }
    const high = readU32(row, raw + 8);
    return {
      tree: toHex(row.subarray(0, raw)),
      parents,
      time: (high & 3) * 2 ** 32 + readU32(row, raw + 12),
      generation: high >>> 2,
    };
  }

  #further(at: number, into: number[]): void {
    const edges = this.#edges;
    for (let i = at;; i++) {
      if (edges === undefined || (i + 1) * 4 > edges.size || into.length > MAX_PARENTS) {
        throw corrupt(`${WHAT}: list of parents does not end`);
      }
      const value = readU32(this.source.read(edges.at + i * 4, 4), 0);
      into.push(value & 0x7fffffff);
      if (value >= MORE) return;
    }
  }
}

/**
 * An open commit-graph.
 *
 * @example
 * ```ts
 * import { CommitGraph, formatCommitGraph, MemorySource, SHA1 } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const id = "1".repeat(40), tree = "2".repeat(40);
 * const file = formatCommitGraph(new Map([[id, { tree, parents: [], time: 5 }]]), SHA1);
 * assertEquals(new CommitGraph([new MemorySource(file)], SHA1).find(id)?.time, 5);
 * ```
 */
export class CommitGraph {
  readonly #layers: Layer[] = [];

  /** Opens the files of a graph, the lowest first. Throws `GitError` ("corrupt"). */
  constructor(sources: readonly ByteSource[], algorithm: HashAlgorithm) {
    let start = 0;
    for (const [i, source] of sources.entries()) {
      const layer = new Layer(source, algorithm);
      if (layer.bases !== i) throw corrupt(`${WHAT}: the chain does not fit together`);
      layer.start = start;
      start += layer.ids.count;
      this.#layers.push(layer);
    }
  }

  /** Opens the graph of an object directory; `undefined` when it has none. */
  static open(directory: ByteString, algorithm: HashAlgorithm): CommitGraph | undefined {
    const single = `${directory}/info/commit-graph`;
    const paths: ByteString[] = [];
    if (stat(single) !== undefined) paths.push(single);
    else {
      const chain = readTextIfAny(`${directory}/info/commit-graphs/commit-graph-chain`);
      for (const line of chain?.split("\n") ?? []) {
        if (new RegExp(`^[0-9a-f]{${algorithm.hexSize}}$`).test(line)) {
          paths.push(`${directory}/info/commit-graphs/graph-${line}.graph`);
        }
      }
      if (paths.length > MAX_CHAIN) throw corrupt(`${WHAT}: the chain is too long`);
    }
    if (paths.length === 0 || paths.some((path) => stat(path) === undefined)) return undefined;
    const files: WindowedFile[] = [];
    try {
      for (const path of paths) files.push(new WindowedFile(path));
      return new CommitGraph(files, algorithm);
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
  }

  /** How many commits it knows. */
  get count(): number {
    return this.#layers.reduce((sum, layer) => sum + layer.ids.count, 0);
  }

  #id(position: number): ObjectId {
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const layer = this.#layers[i]!;
      if (position >= layer.start) return layer.ids.id(position - layer.start);
    }
    throw corrupt(`${WHAT}: position of a parent is out of range`);
  }

  /** What it knows of a commit, or `undefined`. */
  find(id: ObjectId): GraphEntry | undefined {
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const layer = this.#layers[i]!;
      const position = layer.ids.find(id);
      if (position < 0) continue;
      const row = layer.row(position);
      return { ...row, parents: row.parents.map((parent) => this.#id(parent)) };
    }
    return undefined;
  }

  /** Every commit. */
  *ids(): Generator<ObjectId> {
    for (const layer of this.#layers) {
      for (let i = 0; i < layer.ids.count; i++) yield layer.ids.id(i);
    }
  }

  /** Checks order, positions and checksums. Throws `GitError` ("corrupt"). */
  verify(algorithm: HashAlgorithm): void {
    for (const layer of this.#layers) {
      verifyChecksum(layer.source, algorithm, WHAT);
      let previous = "";
      for (let i = 0; i < layer.ids.count; i++) {
        const id = layer.ids.id(i);
        if (id <= previous) throw corrupt(`${WHAT}: ids are not in order`);
        previous = id;
        for (const parent of layer.row(i).parents) this.#id(parent);
      }
    }
  }

  /** Closes its files. */
  close(): void {
    for (const layer of this.#layers) layer.source.close();
  }
}

/**
 * Serialises a graph. `commits` must hold the parents of its commits too; throws `GitError`
 * ("corrupt") otherwise, and for histories that go in circles.
 */
export function formatCommitGraph(
  commits: ReadonlyMap<ObjectId, Omit<GraphEntry, "generation">>,
  algorithm: HashAlgorithm,
): Uint8Array {
  const ids = [...commits.keys()].sort();
  const position = new Map(ids.map((id, i) => [id, i]));
  const levels = new Map<ObjectId, number>();
  // Corrected dates: later than those of all parents.
  const dates = new Map<ObjectId, number>();
  const open = new Set<ObjectId>();
  for (const start of ids) {
    const stack = [start];
    while (stack.length > 0) {
      const id = stack.at(-1)!;
      if (levels.has(id)) {
        stack.pop();
        continue;
      }
      const entry = commits.get(id);
      if (entry === undefined) throw corrupt(`${WHAT}: parent ${id} is missing`);
      const missing = entry.parents.filter((parent) => !levels.has(parent));
      if (missing.length > 0) {
        if (open.has(id)) throw corrupt(`${WHAT}: ${id} is an ancestor of itself`);
        open.add(id);
        stack.push(...missing);
        continue;
      }
      stack.pop();
      let level = 0, date = entry.time;
      for (const parent of entry.parents) {
        level = Math.max(level, levels.get(parent)!);
        date = Math.max(date, dates.get(parent)! + 1);
      }
      levels.set(id, Math.min(level + 1, MAX_GENERATION));
      dates.set(id, date);
    }
  }
  const list = new ByteWriter(ids.length * algorithm.rawSize);
  const data = new ByteWriter(ids.length * (algorithm.rawSize + 16));
  const edges = new ByteWriter();
  const offsets = new ByteWriter(ids.length * 4);
  const large = new ByteWriter();
  for (const id of ids) {
    const { tree, parents, time } = commits.get(id)!;
    list.hex(id);
    data.hex(tree);
    const at = (parent: ObjectId): number => position.get(parent)!;
    data.u32(parents[0] === undefined ? NONE : at(parents[0]));
    if (parents.length > 2) {
      data.u32(MORE + edges.length / 4);
      parents.slice(1).forEach((parent, i) =>
        edges.u32(at(parent) + (i === parents.length - 2 ? MORE : 0))
      );
    } else data.u32(parents[1] === undefined ? NONE : at(parents[1]));
    data.u32(((levels.get(id)! << 2) | (Math.floor(time / 2 ** 32) & 3)) >>> 0);
    data.u32(time >>> 0);
    const offset = dates.get(id)! - time;
    if (offset > 0x7fffffff) {
      offsets.u32(MORE + large.length / 8);
      large.u32(Math.floor(offset / 2 ** 32));
      large.u32(offset >>> 0);
    } else offsets.u32(offset);
  }
  const chunks: [string, Uint8Array][] = [
    ["OIDF", formatFanout(ids)],
    ["OIDL", list.view()],
    ["CDAT", data.view()],
    ["GDA2", offsets.view()],
    ...(large.length > 0 ? [["GDO2", large.view()] as [string, Uint8Array]] : []),
    ...(edges.length > 0 ? [["EDGE", edges.view()] as [string, Uint8Array]] : []),
  ];
  const header = new Uint8Array([
    0x43,
    0x47,
    0x50,
    0x48,
    1,
    algorithm.name === "sha1" ? 1 : 2,
    chunks.length,
    0,
  ]);
  return formatChunkFile(header, chunks, algorithm);
}

/** Reads a graph from memory: for checks of files from elsewhere. */
export function parseCommitGraph(data: Uint8Array, algorithm: HashAlgorithm): CommitGraph {
  return new CommitGraph([new MemorySource(data)], algorithm);
}
