/**
 * Files that were rewritten: `-B` takes them apart into a removal and an addition, so that renames
 * can be found for both, and puts together again what is left.
 *
 * @module
 */
import { isFileMode, isTreeMode } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import { changedBytes } from "./rename.ts";
import { type DiffFile, type DiffPair, fileContent, MAX_SCORE } from "./tree_diff.ts";

/** How much of a file must have changed, 0 to 60000. */
export interface BreakOptions {
  /** To be taken apart. Default half. */
  breakScore?: number;
  /** To be shown as a rewrite when no rename comes of it. Default 60 %. */
  mergeScore?: number;
}

/** Smaller files (bytes) are never taken apart. */
const MIN_SIZE = 400;

/** The share of the old content that is gone when a pair is to be taken apart; else `undefined`. */
function damage(store: ObjectStore, pair: DiffPair, breakScore: number): number | undefined {
  const { old: a, new: b } = pair;
  if (isFileMode(a.mode) !== isFileMode(b.mode)) return MAX_SCORE;
  if (a.idKnown && b.idKnown && a.id === b.id) return undefined;
  const before = fileContent(store, a), after = fileContent(store, b);
  const largest = Math.max(before.length, after.length);
  if (largest < MIN_SIZE || before.length === 0) return undefined;
  const changed = changedBytes(before, after);
  const copied = Math.min(changed.copied, before.length);
  let { added } = changed;
  if (after.length < added + copied) added = Math.max(0, after.length - copied);
  const removed = before.length - copied;
  const score = Math.floor(removed * MAX_SCORE / before.length);
  if (score > breakScore) return score;
  if (Math.floor((removed + added) * MAX_SCORE / largest) < breakScore) return undefined;
  // Much removed and little added is no rewrite.
  if (
    before.length * breakScore < removed * MAX_SCORE && added * 20 < removed &&
    added * 20 < copied
  ) return undefined;
  return score;
}

/** Takes pairs with largely different contents apart. */
export function breakRewrites(
  store: ObjectStore,
  pairs: readonly DiffPair[],
  options: BreakOptions = {},
): DiffPair[] {
  const breakScore = options.breakScore ?? MAX_SCORE / 2;
  const mergeScore = options.mergeScore ?? MAX_SCORE * 6 / 10;
  const out: DiffPair[] = [];
  for (const pair of pairs) {
    const { old: a, new: b } = pair;
    const whole = (file: DiffFile): boolean =>
      file.mode !== 0 && !isTreeMode(file.mode) && (file.mode & 0o170000) !== 0o160000;
    const score = whole(a) && whole(b) && a.path === b.path && pair.status !== "U" &&
        pair.status !== ""
      ? damage(store, pair, breakScore)
      : undefined;
    if (score === undefined) {
      out.push(pair);
      continue;
    }
    // A score of zero says: together again without a word.
    const shown = score < mergeScore ? 0 : score;
    const nothing: DiffFile = {
      path: a.path,
      mode: 0,
      id: store.algorithm.zero,
      idKnown: false,
    };
    out.push(
      { old: a, new: nothing, status: "D", score: shown, broken: true },
      { old: nothing, new: b, status: "A", score: shown, broken: true },
    );
  }
  return out;
}

/** Puts the parts of pairs together for which no rename was found. */
export function mergeBroken(pairs: readonly DiffPair[]): DiffPair[] {
  const removals = new Map<string, DiffPair>(), additions = new Map<string, DiffPair>();
  for (const pair of pairs) {
    if (pair.broken !== true) continue;
    if (pair.status === "D") removals.set(pair.old.path, pair);
    if (pair.status === "A") additions.set(pair.new.path, pair);
  }
  const used = new Set<DiffPair>();
  const kept = new Set<string>();
  const out: DiffPair[] = [];
  for (const pair of pairs) {
    if (used.has(pair)) continue;
    const removed = removals.get(pair.old.path), added = additions.get(pair.new.path);
    if (
      pair.broken !== true || removed === undefined || added === undefined ||
      (pair !== removed && pair !== added)
    ) {
      out.push(pair);
      continue;
    }
    used.add(removed).add(added);
    kept.add(removed.old.path);
    const kind = 0o170000;
    out.push({
      old: removed.old,
      new: added.new,
      status: (removed.old.mode & kind) !== (added.new.mode & kind) ? "T" : "M",
      score: pair.score,
    });
  }
  // What comes from a file that is still there is a copy.
  return out.map((pair) =>
    pair.status === "R" && kept.has(pair.old.path) ? { ...pair, status: "C", copied: true } : pair
  );
}
