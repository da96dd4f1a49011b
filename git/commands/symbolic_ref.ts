/**
 * `symbolic-ref`: symbolic references read and changed.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { shortenRef } from "../ref_filter.ts";
import { isRefName } from "../ref_name.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git symbolic-ref` */
export function symbolicRef(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet d,delete short recurse m=",
    "git symbolic-ref [-m <reason>] <name> <ref>\n   or: git symbolic-ref [-q] [--short] [--no-recurse] <name>\n   or: git symbolic-ref --delete [-q] <name>",
  );
  const { refs } = cli.repo;
  if (o.given("m") && o.text("m") === "") die("Refusing to perform update with empty message");
  const [name, target] = o.rest;
  if (name === undefined) throw usageError("", "git symbolic-ref");
  const read = (): ByteString | undefined => {
    const value = refs.read(name);
    return value?.kind === "symbolic" ? value.target : undefined;
  };
  if (o.flag("delete")) {
    const now = read();
    if (now === undefined) {
      if (o.flag("quiet")) return 1;
      die(`Cannot delete ${name}, not a symbolic ref`);
    }
    if (name === "HEAD") die("deleting 'HEAD' is not allowed");
    refs.update({ name, newId: cli.repo.algorithm.zero, noDeref: true });
    return 0;
  }
  if (target === undefined) {
    const now = o.negated("recurse")
      ? read()
      : read() === undefined
      ? undefined
      : refs.resolve(name)?.target ?? read();
    if (now === undefined) {
      if (o.flag("quiet")) return 1;
      die(`ref ${name} is not a symbolic ref`);
    }
    cli.out(`${o.flag("short") ? shortenRef(cli.repo, now, false) : now}\n`);
    return 0;
  }
  if (name === "HEAD" && !target.startsWith("refs/")) {
    die("Refusing to point HEAD outside of refs/");
  }
  if (!isRefName(target, { oneLevel: true })) {
    die(`Refusing to set '${name}' to invalid ref '${target}'`);
  }
  refs.setSymbolic(name, target, o.text("m"));
  return 0;
}
