/**
 * The patch below the text of `status -v` and `commit -v`.
 *
 * @module
 */
import type { GitIndex } from "../index_file.ts";
import { diffIndexWorktree, diffTreeIndex } from "../status.ts";
import type { Cli } from "./_context.ts";
import { headTree, parentTree } from "./_head_tree.ts";
import { DiffArguments } from "./_revs.ts";

/** The changes that `-v` shows: staged, and from level 2 unstaged. */
export function showVerbose(
  cli: Cli,
  index: GitIndex,
  level: number,
  amend: boolean,
  comment?: string,
): void {
  const prefix = comment === undefined ? "" : `${comment} `;
  const d = new DiffArguments();
  d.patch = d.given = true;
  d.applyConfig(cli);
  if (level > 1) [d.output.oldPrefix, d.output.newPrefix] = ["c/", "i/"];
  const tree = amend ? parentTree(cli) : headTree(cli);
  const staged = d.process(cli, diffTreeIndex(cli.repo, tree, index, { cached: true }));
  if (level > 1 && staged.length > 0) {
    cli.out(`${comment === undefined ? "" : `${comment}\n`}${prefix}Changes to be committed:\n`);
  }
  cli.out(d.show(cli, staged, false));
  if (level > 1) {
    const unstaged = diffIndexWorktree(cli.repo, index);
    if (unstaged.length > 0) {
      cli.out(`${prefix}${"-".repeat(50)}\n${prefix}Changes not staged for commit:\n`);
      const e = Object.assign(new DiffArguments(), d, {
        output: { ...d.output, oldPrefix: "i/", newPrefix: "w/" },
      });
      cli.out(e.show(cli, unstaged, false));
    }
  }
}
