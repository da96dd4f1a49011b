/**
 * `show-ref`: references listed or verified.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { peelTo } from "../object_store.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git show-ref` */
export function showRef(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "tags heads verify head d,dereference s,hash? abbrev? q,quiet exclude-existing?",
    "git show-ref [-q | --quiet] [--verify] [--head] [-d | --dereference]\n                    [-s | --hash[=<n>]] [--abbrev[=<n>]] [--tags]\n                    [--heads] [--] [<pattern>...]",
  );
  const { repo } = cli;
  let found = false;
  const show = (name: ByteString, id: ObjectId): void => {
    found = true;
    if (!repo.objects.has(id)) die(`git show-ref: bad ref ${name} (${id})`);
    if (o.flag("quiet")) return;
    const hash = o.values.get("hash"), abbrev = o.values.get("abbrev");
    const width = typeof hash === "string"
      ? Number(hash)
      : typeof abbrev === "string"
      ? Number(abbrev)
      : abbrev === true
      ? cli.abbrevLength
      : 0;
    const shown = width > 0 ? cli.abbrev(id, width) : id;
    cli.out(hash !== undefined && hash !== false ? `${shown}\n` : `${shown} ${name}\n`);
    if (o.flag("dereference")) {
      const peeled = peelTo(repo.objects, id, "any");
      if (peeled !== undefined && peeled !== id) {
        cli.out(
          hash !== undefined
            ? `${peeled}\n`
            : `${width > 0 ? cli.abbrev(peeled, width) : peeled} ${name}^{}\n`,
        );
      }
    }
  };
  if (o.flag("verify")) {
    if (o.rest.length === 0) die("--verify requires a reference");
    for (const name of o.rest) {
      const id = name.startsWith("refs/") || name === "HEAD" ? repo.refs.id(name) : undefined;
      if (id === undefined) {
        if (o.flag("quiet")) return 1;
        die(`'${name}' - not a valid ref`);
      }
      show(name, id);
    }
    return 0;
  }
  const list = repo.refs.list().filter((ref) => !ref.broken);
  if (o.flag("head")) {
    const head = repo.head();
    if (head !== undefined) show("HEAD", head);
  }
  for (const ref of list) {
    if (o.flag("tags") || o.flag("heads")) {
      if (
        !(o.flag("tags") && ref.name.startsWith("refs/tags/")) &&
        !(o.flag("heads") && ref.name.startsWith("refs/heads/"))
      ) continue;
    }
    if (
      o.rest.length > 0 &&
      !o.rest.some((pattern) => ref.name === pattern || ref.name.endsWith(`/${pattern}`))
    ) continue;
    show(ref.name, ref.id);
  }
  return found ? 0 : 1;
}
