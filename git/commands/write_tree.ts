/**
 * `write-tree`: the index as a tree.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { findInTree } from "../revision.ts";
import { writeIndexTree } from "../status.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git write-tree` */
export function writeTree(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "missing-ok prefix=",
    "git write-tree [--missing-ok] [--prefix=<prefix>/]",
  );
  const { repo } = cli;
  const index = repo.readIndex();
  if (index.unmerged) {
    const lines = index.entries.filter((entry) => entry.stage > 0).map((entry) =>
      `${entry.path}: unmerged (${entry.id})\n`
    ).join("");
    throw new Exit(128, `${lines}fatal: git-write-tree: error building trees\n`);
  }
  if (!o.flag("missing-ok")) {
    for (const entry of index.entries) {
      if (
        (entry.mode & 0o170000) !== 0o160000 && !entry.intentToAdd && !repo.objects.has(entry.id)
      ) {
        throw new Exit(
          128,
          `error: invalid object ${
            entry.mode.toString(8)
          } ${entry.id} for '${entry.path}'\nfatal: git-write-tree: error building trees\n`,
        );
      }
    }
  }
  const id = writeIndexTree(repo, index);
  const prefix = o.text("prefix");
  if (prefix !== undefined) {
    const inner = findInTree(repo, id, prefix.replace(/\/$/, ""));
    if (inner === undefined) die(`git-write-tree: prefix ${prefix} not found`);
    cli.out(`${inner.id}\n`);
    return 0;
  }
  cli.out(`${id}\n`);
  try {
    repo.writeIndex(index, repo.lockIndex());
  } catch { /* Keeping the trees in the index is only a short cut. */ }
  return 0;
}
