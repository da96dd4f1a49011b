/**
 * Where the files of directories went, counted while renames are found for a merge.
 *
 * A merge asks for renames only where the answer can matter: a source is relevant when the other
 * side changed it, or when it helps to say where its directory went. Follows the bookkeeping of
 * Git's rename detection for its "ort" strategy, so that the same sources are skipped.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { hashMapOrder } from "./_hash_map_order.ts";

/**
 * Why a deleted path is looked at: the other side changed its content, it helps to find where its
 * directory went, or, by now, for no reason.
 */
export type SourceRelevance = "none" | "content" | "location";

/** Why a removed directory's destination matters: for itself, for those above it, or not at all. */
export type DirectoryRelevance = "none" | "ancestor" | "self";

/** The destination of files that have not been placed yet. */
const UNKNOWN = "/";

/** The directory of a path; "" at the top. */
export function directoryOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** Counts, for each removed directory, where its files were renamed to. */
export class DirectoryRenames {
  /** Paths whose renames matter. */
  readonly sources: Map<ByteString, SourceRelevance> = new Map();
  /** Directories that are gone. */
  readonly removed: Map<ByteString, DirectoryRelevance> = new Map();
  /** Old directory to new directory to how many files went there. */
  readonly counts: Map<ByteString, Map<ByteString, number>>;
  #guesses = new Map<ByteString, ByteString>();

  /** Starts with nothing, or with what was counted before. */
  constructor(counts: Map<ByteString, Map<ByteString, number>> = new Map()) {
    this.counts = counts;
  }

  /** Whether a rename of this path matters. */
  wants(path: ByteString): boolean {
    return this.sources.has(path);
  }

  /** Starts from the renames that are exact. */
  begin(exact: Iterable<readonly [from: ByteString, to: ByteString]>): void {
    for (const [from, to] of exact) this.count(from, to);
    for (const [directory, counts] of this.counts) {
      let best: ByteString | undefined;
      let most = 0;
      for (const target of hashMapOrder(counts.keys())) {
        const n = counts.get(target)!;
        if (n > most) {
          most = n;
          best = target;
        }
      }
      if (best !== undefined) this.#guesses.set(directory, best);
    }
  }

  /** Where a path would be if it went the way of most of its neighbours. */
  guess(path: ByteString): ByteString | undefined {
    const target = this.#guesses.get(directoryOf(path));
    return target === undefined ? undefined : `${target}/${path.slice(path.lastIndexOf("/") + 1)}`;
  }

  /** Counts a rename for its directory, and for those above it while their names agree. */
  count(from: ByteString, to: ByteString): void {
    let oldDirectory = from, newDirectory = to;
    for (let first = true;; first = false) {
      const oldName = oldDirectory.slice(oldDirectory.lastIndexOf("/") + 1);
      oldDirectory = directoryOf(oldDirectory);
      const relevance = this.removed.get(oldDirectory);
      if (relevance === undefined) return;
      const newName = newDirectory.slice(newDirectory.lastIndexOf("/") + 1);
      newDirectory = directoryOf(newDirectory);
      if (!first && oldName !== newName) return;
      if (first || relevance === "self") {
        this.#increment(oldDirectory, newDirectory);
      }
      if (relevance === "none" || oldDirectory === "" || newDirectory === "") {
        return;
      }
    }
  }

  #increment(oldDirectory: ByteString, newDirectory: ByteString): void {
    let counts = this.counts.get(oldDirectory);
    if (counts === undefined) this.counts.set(oldDirectory, counts = new Map());
    counts.set(newDirectory, (counts.get(newDirectory) ?? 0) + 1);
  }

  /** Of the sources that are left, those that an inexact search must look at. */
  narrow(paths: readonly ByteString[]): ByteString[] {
    for (const path of paths) {
      for (
        let directory = directoryOf(path);
        directory !== "" && (this.removed.get(directory) ?? "none") !== "none";
        directory = directoryOf(directory)
      ) this.#increment(directory, UNKNOWN);
    }
    for (const [directory, counts] of this.counts) {
      if (this.removed.get(directory) !== "self") continue;
      if (isDecided(counts)) this.removed.set(directory, "ancestor");
    }
    return paths.filter((path) => {
      if (this.sources.get(path) !== "location") return true;
      for (let directory = directoryOf(path);; directory = directoryOf(directory)) {
        const relevance = this.removed.get(directory) ?? "none";
        if (relevance === "none") break;
        if (relevance === "self") return true;
        if (directory === "") break;
      }
      this.sources.set(path, "none");
      return false;
    });
  }

  /** Keeps what is known of directories that are gone. */
  end(): void {
    for (const [directory, counts] of this.counts) {
      if ((this.removed.get(directory) ?? "none") === "none") {
        this.counts.delete(directory);
      } else counts.delete(UNKNOWN);
    }
  }
}

/** Whether no file that is still unplaced can change which destination has most. */
function isDecided(counts: ReadonlyMap<ByteString, number>): boolean {
  let first = 0, second = 0, unknown = 0;
  for (const [directory, n] of counts) {
    if (directory === UNKNOWN) unknown = n;
    else if (n >= first) {
      second = first;
      first = n;
    } else if (n >= second) second = n;
  }
  return first > second + unknown;
}
