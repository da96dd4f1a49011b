/**
 * The extension `link` of an index that is split: an index file of its own, shared by several, and
 * two bitmaps of which of its entries are gone and which are replaced.
 *
 * The bitmaps are EWAH compressed: runs of words that are all zeros or all ones between words that
 * are written out. Format: gitformat-index(5), "Split index", and the EWAH description in
 * gitformat-bitmap(5).
 *
 * @module
 */
import { readU32, toHex } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import type { IndexEntry } from "./index_file.ts";

/** What an index that is split says about the shared one. */
export interface SplitLink {
  /** Hash that names the shared index; all zeros for none. */
  base: ObjectId;
  /** Positions of entries that are gone. */
  deleted: Set<number>;
  /** Positions of entries that are replaced, ascending. */
  replaced: number[];
}

function corrupt(message: string): GitError {
  return new GitError("corrupt", message);
}

/** Positions of the set bits; `limit` bounds them. */
function readBitmap(
  data: Uint8Array,
  start: number,
  limit: number,
): { bits: number[]; next: number } {
  const bad = (): GitError => corrupt("corrupt link extension in the index");
  if (start + 8 > data.length) throw bad();
  const size = readU32(data, start), words = readU32(data, start + 4);
  const end = start + 8 + words * 8;
  if (end + 4 > data.length || size > limit) throw bad();
  const bits: number[] = [];
  let at = start + 8, position = 0;
  while (at < end) {
    const high = readU32(data, at), low = readU32(data, at + 4);
    at += 8;
    const run = (low >>> 1) + (high & 1) * 2 ** 31;
    let literals = high >>> 1;
    if (low & 1) {
      const until = Math.min(position + run * 64, size);
      for (let i = position; i < until; i++) bits.push(i);
    }
    position += run * 64;
    for (; literals > 0; literals--) {
      if (at + 8 > end || position > size) throw bad();
      for (const [word, first] of [[readU32(data, at + 4), 0], [readU32(data, at), 32]] as const) {
        for (let i = 0; i < 32; i++) {
          if ((word >>> i) & 1 && position + first + i < size) bits.push(position + first + i);
        }
      }
      at += 8;
      position += 64;
    }
  }
  return { bits, next: end + 4 };
}

/** Reads the extension. `limit` is the most entries a shared index can have. */
export function parseSplitLink(
  data: Uint8Array,
  algorithm: HashAlgorithm,
  limit: number,
): SplitLink {
  const raw = algorithm.rawSize;
  if (data.length < raw) throw corrupt("corrupt link extension (too short)");
  const base = toHex(data, 0, raw);
  if (data.length === raw) return { base, deleted: new Set(), replaced: [] };
  const deleted = readBitmap(data, raw, limit);
  const replaced = readBitmap(data, deleted.next, limit);
  return { base, deleted: new Set(deleted.bits), replaced: replaced.bits };
}

/**
 * The whole list of entries. Entries of `own` without a name stand for replaced ones, in order.
 * Throws `GitError` ("corrupt") when the two do not go together.
 */
export function mergeSplitEntries(
  link: SplitLink,
  base: readonly IndexEntry[],
  own: readonly IndexEntry[],
): IndexEntry[] {
  const merged = base.slice();
  let next = 0;
  for (const position of link.replaced) {
    const entry = own[next++];
    const known = merged[position];
    if (entry === undefined || entry.path !== "" || known === undefined) {
      throw corrupt("corrupt link extension: an entry to replace is missing");
    }
    merged[position] = { ...entry, path: known.path };
  }
  const kept = merged.filter((_, position) => !link.deleted.has(position));
  const added = own.slice(next);
  if (added.some((entry) => entry.path === "")) {
    throw corrupt("corrupt link extension: an entry has no name");
  }
  const paths = new Set(added.map((entry) => `${entry.path}\0${entry.stage}`));
  return [...kept.filter((entry) => !paths.has(`${entry.path}\0${entry.stage}`)), ...added];
}
