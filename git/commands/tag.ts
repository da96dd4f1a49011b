/**
 * `tag`: tags made, listed, removed and verified.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { readFileIfAny } from "../_files.ts";
import { formatTag, isObjectType } from "../objects.ts";
import { isRefName } from "../ref_name.ts";
import { wildmatch } from "../wildmatch.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { expandRefFormat, FILTER_SPEC, filterRows, type RefRow, sortRows } from "./_ref_format.ts";
import { signText } from "./_signing.ts";
import { cleanupMessage } from "./_message.ts";

/** `git tag` */
export function tag(cli: Cli, args: ByteString[]): number {
  const usage =
    "git tag [-a | -s | -u <key-id>] [-f] [-m <msg> | -F <file>] [-e]\n        <tagname> [<commit> | <object>]\n   or: git tag -d <tagname>...\n   or: git tag [-n[<num>]] -l [--contains <commit>] [--no-contains <commit>]\n        [--points-at <object>] [--column[=<options>] | --no-column]\n        [--create-reflog] [--sort=<key>] [--format=<format>]\n        [--merged <commit>] [--no-merged <commit>] [<pattern>...]\n   or: git tag -v [--format=<format>] <tagname>...";
  const o = parseOptions(
    cli,
    args,
    `l,list n? d,delete v,verify a,annotate m,message* F,file= e,edit s,sign u,local-user= f,force cleanup= create-reflog column? ${FILTER_SPEC}`,
    usage,
  );
  const { repo } = cli;
  if (o.flag("delete")) {
    let failed = 0;
    for (const name of o.rest) {
      const id = repo.refs.id(`refs/tags/${name}`);
      if (id === undefined) {
        failed = cli.error(`tag '${name}' not found.`);
        continue;
      }
      repo.refs.update({ name: `refs/tags/${name}`, newId: repo.algorithm.zero, noDeref: true });
      cli.out(`Deleted tag '${name}' (was ${cli.abbrev(id)})\n`);
    }
    return failed;
  }
  const filtering = o.order.some(([key]) =>
    ["merged", "no-merged", "contains", "no-contains", "points-at", "n", "sort", "format"].includes(
      key,
    )
  );
  if (o.rest.length === 0 || o.flag("list") || filtering) {
    let rows: RefRow[] = repo.refs.list("refs/tags/").filter((ref) => !ref.broken).map((ref) => ({
      name: ref.name,
      id: ref.id,
      symbolic: ref.symbolic,
    }));
    if (o.rest.length > 0) {
      rows = rows.filter((row) =>
        o.rest.some((pattern) =>
          wildmatch(pattern, row.name.slice(10), { fold: o.flag("ignore-case") })
        )
      );
    }
    rows = filterRows(cli, rows, o);
    const keys = o.list("sort").length > 0 ? o.list("sort") : repo.config.all("tag.sort");
    sortRows(cli, rows, keys.length > 0 ? [...keys].reverse() : ["refname"], o.flag("ignore-case"));
    const lines = o.values.get("n");
    const format = o.text("format") ??
      (lines === undefined || lines === false
        ? "%(refname:strip=2)"
        : `%(align:15)%(refname:strip=2)%(end) %(contents:lines=${lines === true ? 1 : lines})`);
    for (const row of rows) cli.out(`${expandRefFormat(cli, format, row, (text) => text)}\n`);
    return 0;
  }
  if (o.rest.length > 2) die("too many arguments");
  const name = o.rest[0]!;
  const id = cli.tryRevision(o.rest[1] ?? "HEAD");
  if (id === undefined) die(`Failed to resolve '${o.rest[1] ?? "HEAD"}' as a valid ref.`);
  if (name.startsWith("-") || !isRefName(`refs/tags/${name}`)) {
    die(`'${name}' is not a valid tag name.`);
  }
  const full = `refs/tags/${name}`;
  const before = repo.refs.id(full);
  if (before !== undefined && !o.flag("force")) die(`tag '${name}' already exists`);
  const messages = o.list("message");
  const file = o.text("file");
  let newId = id;
  if (o.flag("annotate") || messages.length > 0 || file !== undefined) {
    let message = messages.length > 0
      ? `${messages.join("\n\n")}\n`
      : file === undefined
      ? undefined
      : toByteString(
        file === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(file)) ??
          die(`could not open or read '${file}': No such file or directory`),
      );
    if (message === undefined || o.flag("edit")) {
      const path = `${repo.paths.gitDir}/TAG_EDITMSG`;
      Deno.writeFileSync(
        path,
        fromByteString(
          `${
            message ?? ""
          }\n#\n# Write a message for tag:\n#   ${name}\n# Lines starting with '#' will be ignored.\n`,
        ),
      );
      cli.edit(path);
      message = toByteString(readFileIfAny(path)!);
      Deno.removeSync(path);
      message = cleanupMessage(message, "strip", "#");
      if (message === "") die("no tag message?");
    } else message = cleanupMessage(message, o.text("cleanup") ?? "strip", "#");
    const type = repo.objects.describe(id)?.type;
    if (type === undefined || !isObjectType(type)) die("bad object type.");
    let data = formatTag({ object: id, type, tag: name, tagger: cli.ident("committer"), message });
    const key = o.text("local-user");
    if (o.negated("sign") ? false : o.flag("sign") || key !== undefined) {
      const text = toByteString(data);
      data = fromByteString(text + signText(cli, text, key));
    }
    newId = repo.objects.write("tag", data);
  }
  repo.refs.update({
    name: full,
    newId,
    oldId: before ?? repo.algorithm.zero,
    createReflog: o.flag("create-reflog"),
    message: `tag: tagging ${cli.abbrev(id)}`,
  });
  if (before !== undefined && before !== newId) {
    cli.out(`Updated tag '${name}' (was ${cli.abbrev(before)})\n`);
  }
  return 0;
}
