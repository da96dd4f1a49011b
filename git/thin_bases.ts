/**
 * What the receiver of a thin pack has, near enough to what is sent to be a base of its deltas.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks } from "./merge_base.ts";
import { isGitlinkMode, isTreeMode } from "./objects.ts";
import { type ObjectStore, readTree } from "./object_store.ts";

/** Commits whose trees are looked at. */
const MAX_EDGES = 16;
/** Entries of trees that are looked at. */
const MAX_ENTRIES = 200_000;
/** What the other side has. */
export interface ThinBases {
  /** Whether the other side is known to have an object. */
  has(id: ObjectId): boolean;
  /** Commits of the other side that sent commits sit on. */
  readonly boundary: readonly ObjectId[];
}

/**
 * Looks at the commits that sent commits sit on, which the other side has: their trees and blobs
 * may be bases. Costs one walk over a few trees, along the paths that are sent.
 */
export function thinBases(
  store: ObjectStore,
  commits: readonly ObjectId[],
  sent: ReadonlySet<ObjectId>,
  objects: readonly { id: ObjectId; path: ByteString }[],
): ThinBases {
  const edges = new Set<ObjectId>();
  for (const commit of commits) {
    for (const parent of commitLinks(store, commit).parents) {
      if (!sent.has(parent) && store.has(parent)) edges.add(parent);
    }
    if (edges.size >= MAX_EDGES) break;
  }
  const paths = new Set<ByteString>();
  for (const { path } of objects) paths.add(path);
  const known = new Set<ObjectId>();
  let entries = 0;
  for (const edge of edges) {
    const stack: { id: ObjectId; path: ByteString }[] = [{
      id: commitLinks(store, edge).tree,
      path: "",
    }];
    while (stack.length > 0 && entries < MAX_ENTRIES) {
      const { id, path } = stack.pop()!;
      if (known.has(id) || sent.has(id) || !store.has(id)) continue;
      known.add(id);
      for (const entry of readTree(store, id)) {
        entries++;
        if (isGitlinkMode(entry.mode) || sent.has(entry.id)) continue;
        const inner = path === "" ? entry.name : `${path}/${entry.name}`;
        if (isTreeMode(entry.mode)) {
          // What did not change below is no good base for what did.
          if (paths.has(inner)) stack.push({ id: entry.id, path: inner });
          continue;
        }
        known.add(entry.id);
      }
    }
  }
  return { has: (id) => known.has(id), boundary: [...edges] };
}
