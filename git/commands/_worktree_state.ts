/**
 * Whether a worktree other than the current one has changes.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { commitLinks } from "../merge_base.ts";
import { Repository } from "../repository.ts";
import { diffTreeIndex, listUntracked } from "../status.ts";
import type { WorktreeInfo } from "../worktree_list.ts";
import type { Cli } from "./_context.ts";

/** Paths that differ from the commit that is checked out, or are not tracked. */
export function collectStatusEntries(cli: Cli, worktree: WorktreeInfo): ByteString[] {
  const repository = Repository.at(
    {
      gitDir: worktree.gitDir,
      commonDir: cli.repo.paths.commonDir,
      workTree: worktree.path,
    },
    { environment: cli.env, overrides: cli.global.overrides },
  );
  try {
    const index = repository.readIndex();
    const head = repository.head();
    const changed = diffTreeIndex(
      repository,
      head === undefined ? undefined : commitLinks(repository.objects, head).tree,
      index,
      { cached: false },
    );
    return [...changed.map((pair) => pair.new.path), ...listUntracked(repository, index).untracked];
  } finally {
    repository.close();
  }
}
