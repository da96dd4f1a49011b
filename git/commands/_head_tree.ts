/**
 * The trees of HEAD and of its first parent.
 *
 * @module
 */
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import type { Cli } from "./_context.ts";

/** The tree of `HEAD`, or `undefined`. */
export function headTree(cli: Cli): ObjectId | undefined {
  const head = cli.repo.head();
  return head === undefined ? undefined : commitLinks(cli.repo.objects, head).tree;
}

export function parentTree(cli: Cli): ObjectId | undefined {
  const head = cli.repo.head();
  const parent = head === undefined ? undefined : commitLinks(cli.repo.objects, head).parents[0];
  return parent === undefined ? undefined : commitLinks(cli.repo.objects, parent).tree;
}
