/**
 * Simplification of history with merges: `--simplify-merges` and `--simplify-by-decoration`.
 *
 * @module
 */
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks, removeRedundant } from "./merge_base.ts";
import type { ObjectStore } from "./object_store.ts";
import type { WalkedCommit } from "./rev_list.ts";

/**
 * Leaves commits out that change nothing. `same` says whether a commit is the same as a parent
 * (`undefined`: as nothing at all); merges stay where their sides still differ once the commits in
 * between are gone. `commits` has children before parents; so has what is returned.
 */
export function simplifyMerges(
  store: ObjectStore,
  commits: readonly WalkedCommit[],
  same: (id: ObjectId, parent: ObjectId | undefined) => boolean,
): WalkedCommit[] {
  const known = new Set(commits.map((commit) => commit.id));
  const simplified = new Map<ObjectId, ObjectId>();
  const kept = new Map<ObjectId, ObjectId[]>();
  for (let at = commits.length - 1; at >= 0; at--) {
    const { id, parents } = commits[at]!;
    const sameAs = new Map<ObjectId, boolean>();
    for (const parent of parents) {
      const to = simplified.get(parent) ?? parent;
      sameAs.set(to, (sameAs.get(to) ?? true) && same(id, parent));
    }
    let rest = [...sameAs.keys()];
    if (rest.length > 1) {
      const independent = new Set(removeRedundant(store, rest));
      const without = rest.filter((one) =>
        independent.has(one) &&
        !(sameAs.get(one) === true && commitLinks(store, one).parents.length === 0)
      );
      // One parent that is the same stays, or the commit would seem to change something.
      if (
        rest.some((one) => sameAs.get(one)) && !without.some((one) => sameAs.get(one))
      ) {
        const one = rest.find((parent) => sameAs.get(parent) && independent.has(parent)) ??
          rest.find((parent) => sameAs.get(parent))!;
        rest = rest.filter((parent) => without.includes(parent) || parent === one);
      } else rest = without;
    }
    const relevant = rest.filter((one) => known.has(one));
    const judged = relevant.length > 0 ? relevant : rest;
    const unchanged = rest.length === 0
      ? same(id, undefined)
      : judged.every((one) => sameAs.get(one) === true);
    const only = rest.length === 1 ? rest[0] : relevant.length === 1 ? relevant[0] : undefined;
    if (rest.length > 0 && unchanged && only !== undefined) {
      simplified.set(id, simplified.get(only) ?? only);
      continue;
    }
    simplified.set(id, id);
    if (!unchanged || relevant.length > 1) kept.set(id, rest);
  }
  return commits.flatMap(({ id }) => {
    const parents = kept.get(id);
    return parents === undefined ? [] : [{ id, parents }];
  });
}
