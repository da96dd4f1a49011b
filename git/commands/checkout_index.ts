/**
 * `checkout-index`: files of the index written out.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import { diffIndexWorktree } from "../status.ts";
import { checkoutFile } from "../worktree.ts";
import type { Cli } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

/** `git checkout-index` */
export function checkoutIndex(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "a,all f,force q,quiet n,no-create u,index z stdin temp prefix= stage= ignore-skip-worktree-bits",
    "git checkout-index [<options>] [--] [<file>...]",
  );
  const { repo } = cli;
  cli.needWorkTree();
  const index = repo.readIndex();
  const names = o.flag("all")
    ? index.entries.filter((entry) => entry.stage === 0).map((entry) => entry.path)
    : [
      ...o.rest.map((path) => cli.pathArgument(path)),
      ...(o.flag("stdin") ? [...cli.stdinLines(o.flag("z") ? "\0" : "\n")] : []),
    ];
  let failed = 0;
  for (const path of names) {
    const entry = index.get(path, Number(o.text("stage") ?? 0));
    if (entry === undefined) {
      if (!o.flag("quiet")) {
        cli.err(
          `git checkout-index: ${path} is ${
            index.hasPath(path) ? "unmerged" : "not in the cache"
          }\n`,
        );
      }
      failed = 1;
      continue;
    }
    if (lstat(repo.worktreePath(path)) !== undefined && !o.flag("force")) {
      if (
        !o.flag("quiet") &&
        diffIndexWorktree(repo, index, makePathspec(cli, [`:/${path}`])).length > 0
      ) {
        cli.err(`${path} already exists, no checkout\n`);
        failed = 1;
      }
      continue;
    }
    if (o.flag("no-create")) continue;
    entry.stat = checkoutFile(repo, path, entry.mode, entry.id).stat;
    index.changed = true;
  }
  if (o.flag("index")) repo.writeIndex(index);
  return failed;
}
