/**
 * `clean`: files that are not tracked removed.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { nativePath, stat } from "../_files.ts";
import { reason } from "../lock_file.ts";
import { ignoreRulesOf, listUntracked } from "../status.ts";
import { type Cli, die, quotePath, relativeToPrefix } from "./_context.ts";
import { parseOptions, refusePatchMode } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

/** `git clean` */
export function clean(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet n,dry-run f,force+ i,interactive d e,exclude* x X",
    "git clean [-d] [-f] [-i] [-n] [-q] [-e <pattern>] [-x | -X] [--] [<pathspec>...]",
  );
  refusePatchMode(o, "clean");
  cli.needWorkTree();
  const { repo } = cli;
  if (o.count("force") === 0 && !o.flag("dry-run") && cli.config.bool("clean.requireforce", true)) {
    die("clean.requireForce defaults to true and neither -i, -n, nor -f given; refusing to clean");
  }
  if (o.flag("x") && o.flag("X")) die("options '-x' and '-X' cannot be used together");
  const index = repo.readIndex();
  const rules = ignoreRulesOf(repo, index);
  for (const pattern of o.list("exclude")) rules.addPattern(pattern);
  const spec = o.rest.length > 0
    ? makePathspec(cli, o.rest)
    : cli.prefix === ""
    ? undefined
    : makePathspec(cli, ["."]);
  const found = listUntracked(repo, index, {
    ignored: o.flag("x") || o.flag("X"),
    rules,
    pathspec: spec,
    emptyDirectories: o.flag("d"),
  });
  const chosen = o.flag("X")
    ? found.ignored
    : o.flag("x")
    ? [...new Set([...found.untracked, ...found.ignored])].sort()
    : found.untracked;
  let failed = 0;
  for (const path of chosen) {
    const directory = path.endsWith("/");
    if (directory && !o.flag("d") && o.rest.length === 0) continue;
    const shown = quotePath(
      relativeToPrefix(path, cli.prefix),
      cli.config.bool("core.quotepath", true),
    );
    if (directory && stat(`${repo.worktreePath(path)}.git`) !== undefined && o.count("force") < 2) {
      if (!o.flag("quiet")) {
        cli.out(`${o.flag("dry-run") ? "Would skip" : "Skipping"} repository ${shown}\n`);
      }
      continue;
    }
    if (!o.flag("quiet") || o.flag("dry-run")) {
      cli.out(`${o.flag("dry-run") ? "Would remove" : "Removing"} ${shown}\n`);
    }
    if (o.flag("dry-run")) continue;
    try {
      Deno.removeSync(nativePath(repo.worktreePath(path.replace(/\/$/, ""))), {
        recursive: directory,
      });
    } catch (error) {
      cli.err(`warning: failed to remove ${shown}: ${reason(error)}\n`);
      failed = 1;
    }
  }
  return failed;
}
