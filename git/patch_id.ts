/**
 * Patch ids: what a commit changes, told apart by its lines and not by where they are.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { toHex } from "./_bytes.ts";
import { formatPatch } from "./diff_format.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks } from "./merge_base.ts";
import type { ObjectStore } from "./object_store.ts";
import { diffTrees } from "./tree_diff.ts";

/** The patch id of a commit against its first parent; `undefined` for merges and empty commits. */
export function patchId(store: ObjectStore, id: ObjectId): string | undefined {
  const { parents, tree } = commitLinks(store, id);
  if (parents.length > 1) return undefined;
  const before = parents.length === 0 ? undefined : commitLinks(store, parents[0]!).tree;
  const pairs = diffTrees(store, before, tree);
  if (pairs.length === 0) return undefined;
  const hasher = store.algorithm.create(4096);
  for (const pair of pairs) {
    const text = formatPatch(store, pair, {
      abbrev: (one) => one,
      quote: (path) => path,
      fullIndex: true,
    });
    hasher.update(stableBytes(text, pair.old.mode !== 0 && pair.new.mode !== 0));
  }
  return toHex(hasher.digest());
}

const encoder = new TextEncoder();

/** A patch without line numbers, white space and, for text, ids. */
function stableBytes(patch: ByteString, changed: boolean): Uint8Array {
  let out = "";
  for (const line of patch.split("\n")) {
    if (line.startsWith("@@ ")) {
      out += "@@";
      continue;
    }
    if (changed && line.startsWith("index ") && patch.includes("\n@@ ")) continue;
    out += line.replace(/[ \t\r\f\v]+/g, "");
  }
  return encoder.encode(out);
}
