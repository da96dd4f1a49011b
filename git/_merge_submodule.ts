/**
 * Merging the commit that a submodule is at: only a fast-forward can be done, but a merge that
 * someone made already can be suggested.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { isAncestor } from "./merge_base.ts";
import type { MergeMessage } from "./merge_trees.ts";
import { type ObjectStore, peelTo, readCommit } from "./object_store.ts";
import { subjectOf } from "./pretty.ts";
import { walkCommits } from "./rev_list.ts";

/** A submodule's repository, as a merge needs it. */
export interface SubmoduleRepository {
  /** Its objects. */
  readonly objects: ObjectStore;
  /** What its refs point at. */
  tips(): Iterable<ObjectId>;
  /** A short name of one of its commits. */
  abbreviate(id: ObjectId): ByteString;
}

/** What became of a submodule. */
export interface SubmoduleMerge {
  id: ObjectId;
  clean: boolean;
  /** What there is to say about it. */
  message: { kind: MergeMessage["kind"]; text: ByteString } | undefined;
  /** A merge by hand has something to do inside of the submodule. */
  byHand: boolean;
}

/** Merges in both, with none of the others before them. */
function firstMerges(repository: SubmoduleRepository, a: ObjectId, b: ObjectId): ObjectId[] {
  const { objects } = repository;
  const tips: ObjectId[] = [];
  for (const tip of repository.tips()) {
    const commit = peelTo(objects, tip, "commit");
    if (commit !== undefined) tips.push(commit);
  }
  const merges: ObjectId[] = [];
  for (const { id } of walkCommits(objects, { include: tips, exclude: [a], minParents: 2 })) {
    if (isAncestor(objects, a, id) && isAncestor(objects, b, id)) merges.push(id);
  }
  return merges.filter((id) =>
    !merges.some((other) => other !== id && isAncestor(objects, other, id))
  );
}

/** Merges the commits `ours` and `theirs` that come from `base` (`undefined`: no such thing). */
export function mergeSubmodule(
  path: ByteString,
  repository: SubmoduleRepository | undefined,
  base: ObjectId | undefined,
  ours: ObjectId,
  theirs: ObjectId,
  virtual: boolean,
): SubmoduleMerge {
  const failed = (
    kind: MergeMessage["kind"],
    why: ByteString,
    byHand: boolean,
  ): SubmoduleMerge => ({
    id: virtual && base !== undefined ? base : ours,
    clean: false,
    message: { kind, text: `Failed to merge submodule ${path}${why}` },
    byHand,
  });
  if (repository === undefined) {
    return failed("CONFLICT (submodule not initialized)", " (not checked out)", false);
  }
  if (base === undefined) {
    return failed("CONFLICT (submodule lacks merge base)", " (no merge base)", true);
  }
  const { objects } = repository;
  if ([base, ours, theirs].some((id) => objects.describe(id)?.type !== "commit")) {
    return failed(
      "CONFLICT (submodule history not available)",
      " (commits not present)",
      false,
    );
  }
  if (!isAncestor(objects, base, ours) || !isAncestor(objects, base, theirs)) {
    return failed(
      "CONFLICT (submodule may have rewinds)",
      " (commits don't follow merge-base)",
      true,
    );
  }
  for (const [before, after] of [[ours, theirs], [theirs, ours]] as const) {
    if (!isAncestor(objects, before, after)) continue;
    return {
      id: after,
      clean: true,
      message: {
        kind: "Fast forwarding submodule",
        text: `Note: Fast-forwarding submodule ${path} to ${after}`,
      },
      byHand: false,
    };
  }
  if (virtual) return { id: base, clean: false, message: undefined, byHand: true };
  const merges = firstMerges(repository, ours, theirs).map((id) =>
    `    ${repository.abbreviate(id)} ${subjectOf(readCommit(objects, id).message)}\n`
  );
  if (merges.length === 0) return failed("CONFLICT (submodule)", "", true);
  return failed(
    "CONFLICT (submodule with possible resolution)",
    merges.length === 1
      ? `, but a possible merge resolution exists: ${merges[0]}`
      : `, but multiple possible merges exist:\n${merges.join("")}`,
    true,
  );
}
