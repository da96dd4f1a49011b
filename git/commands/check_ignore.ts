/**
 * `check-ignore`: which pattern ignores a path.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isDirectory } from "../_files.ts";
import { ignoreRulesOf } from "../status.ts";
import type { Cli } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git check-ignore` */
export function checkIgnore(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet v,verbose stdin z n,non-matching no-index",
    "git check-ignore [<options>] <pathname>...",
  );
  const { repo } = cli;
  const rules = ignoreRulesOf(repo);
  const index = repo.readIndex();
  let found = false;
  for (const path of o.flag("stdin") ? cli.stdinLines(o.flag("z") ? "\0" : "\n") : o.rest) {
    const full = cli.pathArgument(path);
    let match = full === "" || (!o.flag("no-index") && index.hasPath(full))
      ? undefined
      : rules.match(full, isDirectory(repo.worktreePath(full)));
    if (!o.flag("verbose") && match?.negative) match = undefined;
    if (match !== undefined) found = true;
    if (o.flag("quiet") || (match === undefined && !o.flag("non-matching"))) continue;
    if (o.flag("verbose")) {
      cli.out(
        o.flag("z")
          ? `${match?.source ?? ""}\0${match?.line ?? ""}\0${match?.text ?? ""}\0${path}\0`
          : `${match?.source ?? ""}:${match?.line ?? ""}:${match?.text ?? ""}\t${path}\n`,
      );
    } else cli.out(path + (o.flag("z") ? "\0" : "\n"));
  }
  return found ? 0 : 1;
}
