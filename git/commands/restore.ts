/**
 * `restore`: paths of the worktree or index brought back.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { peelTo } from "../object_store.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, refusePatchMode } from "./_options.ts";
import { restorePaths } from "./_restore_paths.ts";

/** `git restore` */
export function restore(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "s,source= S,staged W,worktree ignore-unmerged overlay q,quiet progress m,merge conflict= 2,ours 3,theirs p,patch recurse-submodules? pathspec-from-file= pathspec-file-nul ignore-skip-worktree-bits",
    "git restore [<options>] [--source=<branch>] <file>...",
  );
  refusePatchMode(o, "restore");
  cli.needWorkTree();
  if (o.rest.length === 0) die("you must specify path(s) to restore");
  const staged = o.flag("staged");
  const worktree = o.given("worktree") ? o.flag("worktree") : !staged;
  const source = o.text("source") ?? (staged ? "HEAD" : undefined);
  const tree = source === undefined
    ? undefined
    : peelTo(cli.repo.objects, cli.revision(source), "tree") ??
      die(`reference is not a tree: ${source}`);
  return restorePaths(cli, tree, o.rest, {
    staged,
    worktree,
    overlay: o.flag("overlay"),
    quiet: true,
    ...(o.flag("ours") ? { stage: 2 } : o.flag("theirs") ? { stage: 3 } : {}),
    ignoreUnmerged: o.flag("ignore-unmerged"),
    verb: "restore",
  });
}
