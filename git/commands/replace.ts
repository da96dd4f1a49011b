/**
 * `git replace`: refs that make one object stand for another.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { formatCommit } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { wildmatch } from "../wildmatch.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

const USAGE =
  "git replace [-f] <object> <replacement>\n   or: git replace [-f] --graft <commit> [<parent>...]\n   or: git replace -d <object>...\n   or: git replace [--format=<format>] [-l [<pattern>]]";
const PREFIX = "refs/replace/";

/** `git replace` */
export function replaceCommand(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "!l,list !d,delete g,graft f,force raw format=", USAGE);
  const { repo } = cli;
  repo.objects.setReplacements(undefined);
  const { objects, refs } = repo;
  const resolve = (name: ByteString): ObjectId =>
    cli.tryRevision(name) ?? die(`failed to resolve '${name}' as a valid ref`);
  const type = (id: ObjectId): string => objects.describe(id)?.type ?? "bad";
  const put = (id: ObjectId, replacement: ObjectId): number => {
    const name = PREFIX + id;
    if (type(id) !== type(replacement) && !o.flag("force")) {
      return cli.error(
        `Objects must be of the same type.\n'${id}' points to a replaced object of type '${
          type(id)
        }'\nwhile '${replacement}' points to a replacement object of type '${type(replacement)}'.`,
        255,
      );
    }
    const before = refs.id(name);
    if (before !== undefined && !o.flag("force")) {
      return cli.error(`replace ref '${name}' already exists`, 255);
    }
    refs.update({ name, newId: replacement, oldId: before ?? repo.algorithm.zero });
    return 0;
  };
  if (o.flag("delete")) {
    let failed = 0;
    for (const raw of o.rest) {
      const id = cli.tryRevision(raw);
      if (id === undefined) {
        failed = cli.error(`failed to resolve '${raw}' as a valid ref`);
        continue;
      }
      if (refs.id(PREFIX + id) === undefined) {
        failed = cli.error(`replace ref '${id}' not found`);
        continue;
      }
      refs.update({ name: PREFIX + id, newId: repo.algorithm.zero });
      cli.out(`Deleted replace ref '${id}'\n`);
    }
    return failed;
  }
  if (o.flag("graft")) {
    if (o.rest.length === 0) throw usageError("", USAGE);
    const [name, ...parents] = o.rest as [ByteString, ...ByteString[]];
    const id = peelTo(objects, resolve(name), "commit") ?? die(`could not parse ${name}`);
    const replacement = objects.write(
      "commit",
      formatCommit({
        ...readCommit(objects, id),
        parents: parents.map((one) =>
          peelTo(objects, resolve(one), "commit") ?? die(`could not parse ${one} as a commit`)
        ),
      }),
    );
    if (replacement === id) {
      cli.warn(`graft for '${id}' unnecessary`);
      return 0;
    }
    return put(id, replacement);
  }
  if (o.flag("list") || o.rest.length === 0) {
    if (o.rest.length > 1) throw usageError("", USAGE);
    const format = o.text("format") ?? "short";
    for (const ref of refs.list(PREFIX)) {
      const id = ref.name.slice(PREFIX.length);
      if (o.rest[0] !== undefined && !wildmatch(o.rest[0], id)) continue;
      if (format === "short") cli.out(`${id}\n`);
      else if (format === "medium") cli.out(`${id} -> ${ref.id}\n`);
      else if (format === "long") cli.out(`${id} (${type(id)}) -> ${ref.id} (${type(ref.id)})\n`);
      else {
        return cli.error(
          `invalid replace format '${format}'\nvalid formats are 'short', 'medium' and 'long'`,
          255,
        );
      }
    }
    return 0;
  }
  if (o.rest.length !== 2) throw usageError("bad number of arguments", USAGE);
  return put(resolve(o.rest[0]!), resolve(o.rest[1]!));
}
