/**
 * Paths brought back from the index or a tree.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { makeEntry } from "../index_file.ts";
import { flattenTree, WorktreeComparer } from "../status.ts";
import { checkoutFile, removeWorktreeFile } from "../worktree.ts";
import { type Cli, Exit } from "./_context.ts";
import { makePathspec } from "./_revs.ts";

/** Takes files from the index or a tree into the worktree (and index). */
export function restorePaths(
  cli: Cli,
  source: ObjectId | undefined,
  paths: ByteString[],
  settings: {
    staged: boolean;
    worktree: boolean;
    overlay: boolean;
    quiet: boolean;
    stage?: number;
    ignoreUnmerged?: boolean;
    verb: string;
  },
): number {
  const { repo } = cli;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const spec = makePathspec(cli, paths);
  let count = 0;
  const tree = source === undefined ? undefined : flattenTree(repo, source);
  if (tree !== undefined) { for (const path of tree.keys()) spec.matches(path); }
  for (const entry of index.entries) spec.matches(entry.path);
  const missing = spec.unmatched();
  if (missing.length > 0) {
    throw new Exit(
      1,
      missing.map((path) => `error: pathspec '${path}' did not match any file(s) known to git\n`)
        .join(""),
    );
  }
  if (tree !== undefined) {
    for (const [path, { mode, id }] of tree) {
      if (!spec.matches(path)) continue;
      const known = index.get(path);
      if (settings.worktree) {
        const comparer = new WorktreeComparer(repo, index);
        if (
          known !== undefined && known.id === id && known.mode === mode &&
          comparer.state(known) === "clean"
        ) continue;
        const entry = checkoutFile(repo, path, mode, id);
        if (settings.staged) index.add(entry);
        count++;
      } else if (
        settings.staged && (known === undefined || known.id !== id || known.mode !== mode)
      ) {
        index.add(makeEntry(path, mode, id));
        count++;
      }
    }
    if (!settings.overlay) {
      for (const entry of [...index.entries]) {
        if (tree.has(entry.path) || !spec.matches(entry.path)) continue;
        if (settings.worktree) removeWorktreeFile(repo, entry.path, cli.prefix);
        if (settings.staged) index.remove(entry.path);
        count++;
      }
    }
  } else {
    const comparer = new WorktreeComparer(repo, index);
    const unmerged = new Set<ByteString>();
    for (const entry of [...index.entries]) {
      if (!spec.matches(entry.path)) continue;
      if (entry.stage !== 0) {
        if (settings.stage !== undefined) {
          if (entry.stage === settings.stage) {
            checkoutFile(repo, entry.path, entry.mode, entry.id);
            count++;
          } else if (!index.stages(entry.path).some((one) => one.stage === settings.stage)) {
            throw new Exit(
              1,
              `error: path '${entry.path}' does not have ${
                settings.stage === 2 ? "our" : "their"
              } version\n`,
            );
          }
        } else unmerged.add(entry.path);
        continue;
      }
      if (comparer.state(entry) === "clean") continue;
      entry.stat = checkoutFile(repo, entry.path, entry.mode, entry.id).stat;
      index.changed = true;
      count++;
    }
    if (unmerged.size > 0) {
      for (const path of unmerged) {
        cli.err(
          settings.ignoreUnmerged
            ? `warning: path '${path}' is unmerged\n`
            : `error: path '${path}' is unmerged\n`,
        );
      }
      if (!settings.ignoreUnmerged) return 1;
    }
  }
  repo.writeIndex(index, lock);
  if (!settings.quiet && settings.verb === "checkout") {
    cli.err(
      `Updated ${count} path${count === 1 ? "" : "s"} from ${
        source === undefined ? "the index" : cli.abbrev(source)
      }\n`,
    );
  }
  return 0;
}
