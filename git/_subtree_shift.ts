/**
 * Finding out which directory of a tree another tree is a version of, for merges of a project that
 * lives in a directory of another.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { compareTreeNames, formatTree, isLinkMode, isTreeMode, type TreeEntry } from "./objects.ts";
import { type ObjectStore, readTree } from "./object_store.ts";

/** How deep a directory is searched for. */
const SEARCH_DEPTH = 2;

/** What one entry says about likeness, by what kind of thing it is. */
function weigh(mode: number, tree: number, link: number, file: number): number {
  return isTreeMode(mode) ? tree : isLinkMode(mode) ? link : file;
}

/** How alike two trees are, by their own entries only. */
function likeness(store: ObjectStore, one: ObjectId, two: ObjectId): number {
  const a = readTree(store, one), b = readTree(store, two);
  let score = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const x = a[i], y = b[j];
    const order = x === undefined
      ? 1
      : y === undefined
      ? -1
      : compareTreeNames(x.name, isTreeMode(x.mode), y.name, isTreeMode(y.mode));
    if (order !== 0) {
      score += weigh(order < 0 ? a[i++]!.mode : b[j++]!.mode, -1000, -500, -50);
      continue;
    }
    i++;
    j++;
    if (isTreeMode(x!.mode) !== isTreeMode(y!.mode)) score -= 100;
    else if (isLinkMode(x!.mode) !== isLinkMode(y!.mode)) score -= 50;
    else score += x!.id === y!.id ? weigh(x!.mode, 1000, 500, 250) : -5;
  }
  return score;
}

/** The directory in `tree` that is most like `other`; "" is the tree itself. */
function mostAlike(
  store: ObjectStore,
  tree: ObjectId,
  other: ObjectId,
): { path: ByteString; score: number } {
  const best = { path: "", score: likeness(store, tree, other) };
  const search = (id: ObjectId, base: ByteString, depth: number): void => {
    for (const { mode, name, id: child } of readTree(store, id)) {
      if (!isTreeMode(mode)) continue;
      const score = likeness(store, child, other);
      if (score > best.score) {
        best.path = base + name;
        best.score = score;
      }
      if (depth > 0) search(child, `${base}${name}/`, depth - 1);
    }
  };
  search(tree, "", SEARCH_DEPTH);
  return best;
}

function subtreeAt(store: ObjectStore, tree: ObjectId, path: ByteString): ObjectId | undefined {
  let id = tree;
  for (const name of path.split("/").filter((part) => part !== "")) {
    const entry = readTree(store, id).find((one) => one.name === name);
    if (entry === undefined || !isTreeMode(entry.mode)) return undefined;
    id = entry.id;
  }
  return id;
}

/** The tree with another in the place of one of its directories. */
function splice(
  store: ObjectStore,
  tree: ObjectId,
  path: ByteString,
  replacement: ObjectId,
): ObjectId {
  const names = path.split("/").filter((part) => part !== "");
  const levels: TreeEntry[][] = [];
  let id = tree;
  for (const name of names) {
    const entries = readTree(store, id);
    const entry = entries.find((one) => one.name === name);
    if (entry === undefined || !isTreeMode(entry.mode)) {
      throw new GitError("not_found", `entry ${name} not found in tree ${id}`);
    }
    levels.push(entries);
    id = entry.id;
  }
  let made = replacement;
  for (let i = names.length - 1; i >= 0; i--) {
    made = store.write(
      "tree",
      formatTree(
        levels[i]!.map((one) => one.name === names[i] ? { ...one, id: made } : one),
      ),
    );
  }
  return made;
}

/** Moves `tree` down or up so that it is about the same directory as `target`. */
export function shiftSubtree(
  store: ObjectStore,
  target: ObjectId,
  tree: ObjectId,
  prefix: ByteString,
): ObjectId {
  if (prefix !== "") {
    const down = subtreeAt(store, target, prefix), up = subtreeAt(store, tree, prefix);
    if (down === undefined) return up ?? tree;
    if (up === undefined) return splice(store, target, prefix, tree);
    const stay = likeness(store, target, tree);
    const downScore = likeness(store, down, tree), upScore = likeness(store, up, target);
    if (upScore > Math.max(stay, downScore)) return up;
    return downScore > stay ? splice(store, target, prefix, tree) : tree;
  }
  const down = mostAlike(store, target, tree), up = mostAlike(store, tree, target);
  if (down.score < up.score) {
    return up.path === "" ? tree : subtreeAt(store, tree, up.path)!;
  }
  return down.path === "" ? tree : splice(store, target, down.path, tree);
}
