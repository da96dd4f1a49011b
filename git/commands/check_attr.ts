/**
 * `check-attr`: attributes of paths.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { attributesOf } from "../worktree_content.ts";
import { type Cli, quotePath } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git check-attr` */
export function checkAttr(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "a,all cached stdin z source=",
    "git check-attr [-a | --all | <attr>...] [--] <pathname>...",
  );
  const attributes = attributesOf(cli.repo);
  const names = o.flag("all")
    ? []
    : o.dashes >= 0
    ? o.rest.slice(0, o.dashes)
    : o.flag("stdin")
    ? o.rest
    : o.rest.slice(0, 1);
  const paths = o.flag("stdin")
    ? cli.stdinLines(o.flag("z") ? "\0" : "\n")
    : o.rest.slice(names.length);
  for (const path of paths) {
    const found = attributes.get(cli.pathArgument(path));
    const show = (name: ByteString): void => {
      const value = found.get(name);
      const text = value === true
        ? "set"
        : value === false
        ? "unset"
        : value === undefined
        ? "unspecified"
        : value;
      cli.out(
        o.flag("z") ? `${path}\0${name}\0${text}\0` : `${quotePath(path)}: ${name}: ${text}\n`,
      );
    };
    if (o.flag("all")) { for (const name of found.keys()) show(name); }
    else for (const name of names) show(name);
  }
  return 0;
}
