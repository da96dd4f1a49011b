/**
 * Rename and copy detection.
 *
 * Equal contents are paired first, then files whose base name is unique on both sides, then the
 * best of all remaining pairs. Similarity is the share of bytes in lines (or 64-byte pieces) that
 * both files have, counted by hash.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { isFileMode, isTreeMode } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import type { DirectoryRenames } from "./_directory_renames.ts";
import { type DiffFile, type DiffPair, fileContent, MAX_SCORE } from "./tree_diff.ts";

/** Options of {@linkcode detectRenames}. */
export interface RenameOptions {
  /** Least similarity, 0 to 60000. Default half. */
  minimumScore?: number;
  /** Also find copies: from changed files, or from all (`harder`). */
  copies?: boolean | "harder";
  /** Give up on inexact matches beyond this many squared. Default 1000; 0 for no limit. */
  limit?: number;
  /** Pair empty files. Default true. */
  empty?: boolean;
  /** Unchanged files that copies may come from. */
  sources?: DiffPair[];
  /** Receives the limit that would have been needed. */
  onLimit?: (needed: number) => void;
}

interface Source {
  file: DiffFile;
  pair: DiffPair;
  used: number;
}

interface Target {
  pair: DiffPair;
  from: Source | undefined;
  score: number;
}

function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}

const HASH_BASE = 107927;

/** Bytes by hash of the piece they are in: hashes in ascending order, and how many bytes each has. */
interface Spectrum {
  size: number;
  hashes: Int32Array;
  counts: Int32Array;
}

function isBinary(data: Uint8Array): boolean {
  const end = Math.min(data.length, 8000);
  const at = data.indexOf(0);
  return at >= 0 && at < end;
}

/** Bytes by hash while a content is counted; all zero between calls. */
const tally = new Int32Array(HASH_BASE);

function spectrum(data: Uint8Array): Spectrum {
  const text = !isBinary(data);
  let seen = new Int32Array(Math.max(16, data.length >> 5));
  let distinct = 0;
  const count = (a: number, b: number, n: number): void => {
    const hash = ((a + Math.imul(b, 0x61)) >>> 0) % HASH_BASE;
    if (tally[hash] === 0) {
      if (distinct === seen.length) {
        const grown = new Int32Array(seen.length * 2);
        grown.set(seen);
        seen = grown;
      }
      seen[distinct++] = hash;
    }
    tally[hash]! += n;
  };
  let a = 0, b = 0, n = 0;
  for (let i = 0; i < data.length; i++) {
    const c = data[i]!;
    if (text && c === 13 && data[i + 1] === 10) continue;
    const before = a;
    a = (a << 7) ^ (b >>> 25);
    b = (b << 7) ^ (before >>> 25);
    a = (a + c) | 0;
    if (++n < 64 && c !== 10) continue;
    count(a, b, n);
    n = a = b = 0;
  }
  // A last piece that is neither a whole line nor 64 bytes long does not count.
  const hashes = seen.slice(0, distinct).sort();
  const counts = new Int32Array(distinct);
  for (let i = 0; i < distinct; i++) {
    counts[i] = tally[hashes[i]!]!;
    tally[hashes[i]!] = 0;
  }
  return { size: data.length, hashes, counts };
}

/** How many bytes of one content are in another, and how many are new there, as renames are judged. */
export function changedBytes(
  before: Uint8Array,
  after: Uint8Array,
): { copied: number; added: number } {
  const target = spectrum(after);
  const shared = copied(spectrum(before), target);
  return { copied: shared, added: target.counts.reduce((sum, n) => sum + n, 0) - shared };
}

function copied(source: Spectrum, target: Spectrum): number {
  const { hashes: from, counts: fromCounts } = source;
  const { hashes: to, counts: toCounts } = target;
  let total = 0;
  for (let i = 0, j = 0; i < from.length && j < to.length;) {
    const difference = from[i]! - to[j]!;
    if (difference === 0) total += Math.min(fromCounts[i++]!, toCounts[j++]!);
    else if (difference < 0) i++;
    else j++;
  }
  return total;
}

/** Caches what similarity needs of each blob. */
export class SimilarityIndex {
  readonly #store: ObjectStore;
  #spectra = new Map<string, Spectrum>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  #key(file: DiffFile): string {
    return file.idKnown ? file.id : `:${file.path}`;
  }

  #size(file: DiffFile): number {
    const known = this.#spectra.get(this.#key(file));
    if (known !== undefined) return known.size;
    if (file.load === undefined && file.idKnown) return this.#store.describe(file.id)?.size ?? 0;
    return fileContent(this.#store, file).length;
  }

  #spectrum(file: DiffFile): Spectrum {
    const key = this.#key(file);
    let known = this.#spectra.get(key);
    if (known === undefined) {
      known = spectrum(fileContent(this.#store, file));
      this.#spectra.set(key, known);
    }
    return known;
  }

  /** 0 to 60000; 0 when it is below `minimum` for sure. */
  similarity(a: DiffFile, b: DiffFile, minimum: number): number {
    if (!isFileMode(a.mode) || !isFileMode(b.mode)) return 0;
    const sizeA = this.#size(a), sizeB = this.#size(b);
    const largest = Math.max(sizeA, sizeB), least = Math.min(sizeA, sizeB);
    if (largest * (MAX_SCORE - minimum) < (largest - least) * MAX_SCORE) return 0;
    if (sizeB === 0) return 0;
    const shared = copied(this.#spectrum(a), this.#spectrum(b));
    return largest === 0 ? 0 : Math.floor(shared * MAX_SCORE / largest);
  }
}

/** Turns deletions and additions into renames (and copies). Returns new pairs in path order. */
export function detectRenames(
  store: ObjectStore,
  pairs: DiffPair[],
  options: RenameOptions = {},
): DiffPair[] {
  return matchRenames(store, pairs, options, undefined);
}

/**
 * {@linkcode detectRenames} for a merge too, which says in `directories` which sources it cares
 * for and learns from it where directories went. The pairs then keep their order.
 */
export function matchRenames(
  store: ObjectStore,
  pairs: DiffPair[],
  options: RenameOptions,
  directories: DirectoryRenames | undefined,
): DiffPair[] {
  const minimum = options.minimumScore ?? MAX_SCORE / 2;
  const copies = options.copies ?? false;
  const limit = options.limit ?? 1000;
  const targets: Target[] = [];
  let sources: Source[] = [];
  const emptyBlob: ObjectId = store.algorithm.emptyBlob;
  for (const pair of pairs) {
    if (pair.status === "A") {
      if (isTreeMode(pair.new.mode)) continue;
      if (options.empty === false && pair.new.id === emptyBlob) continue;
      targets.push({ pair, from: undefined, score: 0 });
    } else if (pair.status === "D") {
      if (options.empty === false && pair.old.id === emptyBlob) continue;
      // What is to be put together again is still there.
      const used = pair.broken === true && pair.score === 0 ? 1 : 0;
      if (!isTreeMode(pair.old.mode)) sources.push({ file: pair.old, pair, used });
    } else if (copies !== false && pair.status !== "U" && !isTreeMode(pair.old.mode)) {
      sources.push({ file: pair.old, pair, used: 1 });
    }
  }
  if (copies === "harder") {
    for (const pair of options.sources ?? []) sources.push({ file: pair.old, pair, used: 1 });
  }
  if (targets.length === 0 || sources.length === 0) return pairs;
  if (directories === undefined) {
    sources.sort((a, b) => (a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : 0));
    targets.sort((a, b) => (a.pair.new.path < b.pair.new.path ? -1 : 1));
  }
  const take = (target: Target, source: Source, score: number): void => {
    target.from = source;
    target.score = score;
    source.used++;
  };
  // 1. The same content.
  const byId = new Map<ObjectId, Source[]>();
  for (const source of sources) {
    if (!source.file.idKnown) continue;
    const list = byId.get(source.file.id);
    if (list === undefined) byId.set(source.file.id, [source]);
    else list.push(source);
  }
  for (const target of targets) {
    if (!target.pair.new.idKnown) continue;
    let best: Source | undefined;
    let bestScore = -1;
    let tried = 0;
    for (const source of byId.get(target.pair.new.id) ?? []) {
      if (
        (!isFileMode(source.file.mode) || !isFileMode(target.pair.new.mode)) &&
        source.file.mode !== target.pair.new.mode
      ) continue;
      let score = source.used === 0 ? 1 : 0;
      if (source.used > 0 && copies === false) continue;
      if (baseName(source.file.path) === baseName(target.pair.new.path)) score++;
      if (score > bestScore) {
        best = source;
        bestScore = score;
        if (score === 2) break;
      }
      if (++tried > 100) break;
    }
    if (best !== undefined) take(target, best, MAX_SCORE);
  }
  if (minimum < MAX_SCORE) {
    const index = new SimilarityIndex(store);
    if (copies === false) {
      sources = sources.filter((source) => source.used === 0);
      directories?.begin(
        targets.filter((target) => target.from !== undefined).map((target) => [
          target.from!.file.path,
          target.pair.new.path,
        ]),
      );
      // 2. The same base name, unique or in the directory where most of the neighbours went.
      const basenameMinimum = minimum + Math.floor((MAX_SCORE - minimum) / 2);
      const unique = <T>(items: T[], path: (item: T) => ByteString): Map<ByteString, T | null> => {
        const map = new Map<ByteString, T | null>();
        for (const item of items) {
          const name = baseName(path(item));
          map.set(name, map.has(name) ? null : item);
        }
        return map;
      };
      const fromNames = unique(sources, (source) => source.file.path);
      const toNames = unique(
        targets.filter((target) => target.from === undefined),
        (target) => target.pair.new.path,
      );
      const open = directories === undefined ? undefined : new Map(
        targets.filter((target) => target.from === undefined).map((
          target,
        ) => [target.pair.new.path, target]),
      );
      for (const source of sources) {
        const { path } = source.file;
        if (directories !== undefined && !directories.wants(path)) continue;
        const name = baseName(path);
        let target = toNames.get(name);
        if (target === undefined) continue;
        if (target === null || fromNames.get(name) !== source) {
          const guess = directories?.guess(path);
          target = guess === undefined ? undefined : open!.get(guess);
        }
        if (target === undefined || target.from !== undefined) continue;
        const score = index.similarity(source.file, target.pair.new, basenameMinimum);
        if (score < basenameMinimum) continue;
        take(target, source, score);
        directories?.count(path, target.pair.new.path);
      }
      sources = sources.filter((source) => source.used === 0);
      if (directories !== undefined) {
        const wanted = new Set(
          directories.narrow(
            sources.map((source) => source.file.path).filter((path) => directories.wants(path)),
          ),
        );
        sources = sources.filter((source) => wanted.has(source.file.path));
      }
    }
    // 3. Everything against everything.
    const open = targets.filter((target) => target.from === undefined);
    const tooMany = limit > 0 && open.length * sources.length > limit * limit;
    if (tooMany) options.onLimit?.(Math.max(open.length, sources.length));
    let candidates = sources;
    if (tooMany && copies === "harder") {
      candidates = sources.filter((source) => source.pair.status !== "");
    }
    if (!tooMany || (copies === "harder" && open.length * candidates.length <= limit * limit)) {
      const matrix: { target: Target; source: Source; score: number; name: number }[] = [];
      for (const target of open) {
        const best: typeof matrix = [];
        for (const source of candidates) {
          const score = index.similarity(source.file, target.pair.new, minimum);
          const name = baseName(source.file.path) === baseName(target.pair.new.path) ? 1 : 0;
          const one = { target, source, score, name };
          // The four best candidates of each target are enough.
          if (best.length < 4) best.push(one);
          else {
            let worst = 0;
            for (let k = 1; k < 4; k++) if (better(best[worst]!, best[k]!)) worst = k;
            if (better(one, best[worst]!)) best[worst] = one;
          }
        }
        matrix.push(...best);
      }
      matrix.sort((a, b) => b.score - a.score || b.name - a.name);
      for (const pass of copies === false ? [0] : [0, 1]) {
        for (const { target, source, score } of matrix) {
          if (score < minimum || target.from !== undefined) continue;
          if (pass === 0 && source.used > 0) continue;
          take(target, source, score);
          directories?.count(source.file.path, target.pair.new.path);
        }
      }
    }
  }
  const fromOf = new Map(targets.map((target) => [target.pair, target]));
  // A path that is still there, or that several renames start from, is copied; the last one of
  // those renames takes it away.
  const left = new Map<Source, number>();
  for (const target of targets) {
    if (target.from !== undefined) left.set(target.from, target.from.used);
  }
  const out: DiffPair[] = [];
  const renamedAway = new Set<DiffPair>();
  for (const target of targets) {
    if (target.from?.pair.status === "D") renamedAway.add(target.from.pair);
  }
  const replaced = new Set<ByteString>();
  for (const target of targets) {
    if (target.from !== undefined && target.pair.broken) replaced.add(target.pair.new.path);
  }
  for (const pair of pairs) {
    const target = fromOf.get(pair);
    if (target?.from !== undefined) {
      const source = target.from;
      // A rename may lead back to the path of a pair that was taken apart.
      const same = source.file.path === pair.new.path;
      const uses = left.get(source)! - (same ? 0 : 1);
      left.set(source, uses);
      const copy = uses > 0 && !same;
      out.push({
        old: source.file,
        new: pair.new,
        status: same ? "M" : copy ? "C" : "R",
        score: same ? source.pair.score : target.score,
        ...(copy ? { copied: true } : {}),
      });
    } else if (
      pair.status === "D" &&
      (pair.broken ? replaced.has(pair.old.path) : renamedAway.has(pair))
    ) continue;
    else out.push(pair);
  }
  directories?.end();
  return out;
}

function better(a: { score: number; name: number }, b: { score: number; name: number }): boolean {
  return a.score !== b.score ? a.score > b.score : a.name > b.name;
}
