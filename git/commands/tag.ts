/**
 * `tag`: tags made, listed, removed and verified.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { nativePath, readFileIfAny } from "../_files.ts";
import { formatDate } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { formatTag, isObjectType, parseSignature } from "../objects.ts";
import { readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { isRefName } from "../ref_name.ts";
import { wildmatch } from "../wildmatch.ts";
import { columnLayout, printColumns } from "./_columns.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { cleanupMessage, commentCharacter } from "./_message.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";
import { expandRefFormat, FILTER_SPEC, filterRows, type RefRow, sortRows } from "./_ref_format.ts";
import { signText, verifyTagSignature } from "./_signing.ts";

const USAGE =
  "git tag [-a | -s | -u <key-id>] [-f] [-m <msg> | -F <file>] [-e]\n        <tagname> [<commit> | <object>]\n   or: git tag -d <tagname>...\n   or: git tag [-n[<num>]] -l [--contains <commit>] [--no-contains <commit>]\n        [--points-at <object>] [--column[=<options>] | --no-column]\n        [--create-reflog] [--sort=<key>] [--format=<format>]\n        [--merged <commit>] [--no-merged <commit>] [<pattern>...]\n   or: git tag -v [--format=<format>] <tagname>...";

/** Options that belong to the list only, in the order in which they are complained about. */
const LIST_ONLY = ["n", "contains", "no-contains", "points-at", "merged", "no-merged"];

/** `git tag` */
export function tag(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    `l,list n? d,delete v,verify a,annotate m,message* F,file= e,edit s,sign u,local-user= f,force cleanup= create-reflog column? ${FILTER_SPEC}`,
    USAGE,
  );
  const modes = ["list", "delete", "verify"].filter((name) => o.flag(name));
  if (modes.length > 1) {
    throw new Exit(
      129,
      `error: option \`${modes[1]}' is incompatible with --${modes[0]}\n`,
    );
  }
  let mode: string | undefined = modes[0];
  const listing = LIST_ONLY.filter((name) => o.given(name));
  if (mode === undefined && (o.rest.length === 0 || listing.length > 0)) mode = "list";
  const messages = o.list("message");
  const file = o.text("file");
  const key = o.text("local-user");
  const signing = o.given("sign")
    ? o.flag("sign")
    : key !== undefined || (mode === undefined && cli.config.bool("tag.gpgsign", false));
  const object = signing || o.flag("annotate") || messages.length > 0 || file !== undefined;
  if ((object || o.flag("force")) && mode !== undefined) throw usageError("", USAGE);
  if (mode === "list") return listTags(cli, o);
  if (listing.length > 0) die(`the '--${listing[0]}' option is only allowed in list mode`);
  if (mode === "delete") return deleteTags(cli, o.rest);
  if (mode === "verify") return verifyTags(cli, o.rest, o.text("format"));
  return makeTag(cli, o, { object, signing, key });
}

function deleteTags(cli: Cli, names: ByteString[]): number {
  const { repo } = cli;
  let failed = 0;
  for (const name of names) {
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

function verifyTags(cli: Cli, names: ByteString[], format: ByteString | undefined): number {
  let failed = 0;
  for (const name of names) {
    const id = cli.repo.refs.id(`refs/tags/${name}`);
    if (id === undefined) {
      failed = cli.error(`tag '${name}' not found.`);
      continue;
    }
    if (!verifyTagSignature(cli, id, name, { show: format === undefined, raw: false })) {
      failed = 1;
    } else if (format !== undefined) {
      cli.out(
        `${expandRefFormat(cli, format, { name: `refs/tags/${name}`, id }, (text) => text)}\n`,
      );
    }
  }
  return failed;
}

function listTags(cli: Cli, o: Options): number {
  const { repo } = cli;
  const columns = columnLayout(cli, "tag", o);
  const lines = o.given("n") && !o.negated("n") ? o.values.get("n") : undefined;
  if (lines !== undefined && o.given("column") && !o.negated("column")) {
    die("options '--column' and '-n' cannot be used together");
  }
  let rows: RefRow[] = repo.refs.list("refs/tags/").filter((ref) => !ref.broken).map((ref) => ({
    name: ref.name,
    id: ref.id,
    symbolic: ref.symbolic,
  }));
  const fold = o.flag("ignore-case");
  if (o.rest.length > 0) {
    rows = rows.filter((row) =>
      o.rest.some((pattern) => wildmatch(pattern, row.name.slice(10), { fold }))
    );
  }
  rows = filterRows(cli, rows, o);
  const keys = o.list("sort").length > 0 ? o.list("sort") : repo.config.all("tag.sort");
  sortRows(cli, rows, keys.length > 0 ? [...keys].reverse() : ["refname"], fold);
  const count = lines === true ? 1 : lines === undefined ? undefined : Number(lines);
  if (count !== undefined && !(count >= 0)) {
    throw new Exit(129, "error: switch `n' expects a numerical value\n");
  }
  const format = o.text("format") ??
    (count === undefined || count === 0
      ? "%(refname:strip=2)"
      : `%(align:15)%(refname:strip=2)%(end) %(contents:lines=${count})`);
  const color = o.order.findLast(([key]) => key === "color")?.[1];
  const colored = color === undefined || color === "auto"
    ? cli.useColor("color.ui")
    : color === true || color === "always";
  for (const row of rows) row.color = colored;
  const shown = rows.map((row) => expandRefFormat(cli, format, row, (text) => text));
  if (count === undefined) printColumns(cli, shown, columns, { padding: 2 });
  else for (const line of shown) cli.out(`${line}\n`);
  return 0;
}

function reflogMessage(cli: Cli, id: ObjectId): ByteString {
  const { objects } = cli.repo;
  const type = objects.describe(id)?.type;
  const what = (): ByteString => {
    if (type !== "commit") return `${type === "tag" ? "other tag" : type ?? "unknown"} object`;
    const commit = readCommit(objects, id);
    const { time } = parseSignature(commit.committer);
    return `${subjectOf(commit.message)}, ${formatDate(time, "+0000", { type: "short" })}`;
  };
  const action = cli.env.get("GIT_REFLOG_ACTION") ?? `tag: tagging ${cli.abbrev(id)}`;
  return `${action} (${what()})`;
}

function makeTag(
  cli: Cli,
  o: Options,
  request: { object: boolean; signing: boolean; key: ByteString | undefined },
): number {
  const { repo } = cli;
  const messages = o.list("message");
  const file = o.text("file");
  if (messages.length > 0 && file !== undefined) {
    die("options '-F' and '-m' cannot be used together");
  }
  let given: ByteString | undefined;
  if (messages.length > 0) given = `${messages.join("\n\n")}\n`;
  else if (file !== undefined) {
    given = toByteString(
      file === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(file)) ??
        die(`could not open or read '${file}': No such file or directory`),
    );
  }
  const name = o.rest[0]!;
  const target = o.rest[1] ?? "HEAD";
  if (o.rest.length > 2) die("too many arguments");
  const id = cli.tryRevision(target);
  if (id === undefined) die(`Failed to resolve '${target}' as a valid ref.`);
  if (name.startsWith("-") || name === "HEAD" || !isRefName(`refs/tags/${name}`)) {
    die(`'${name}' is not a valid tag name.`);
  }
  const full = `refs/tags/${name}`;
  const before = repo.refs.id(full);
  if (before !== undefined && !o.flag("force")) die(`tag '${name}' already exists`);
  const cleanup = o.text("cleanup") ?? "strip";
  if (!/^(strip|verbatim|whitespace)$/.test(cleanup)) die(`Invalid cleanup mode ${cleanup}`);
  const message = reflogMessage(cli, id);
  let newId = id;
  if (request.object) {
    const { config } = cli;
    const signing = request.signing ||
      (!o.negated("sign") && !o.flag("annotate") && config.bool("tag.forcesignannotated", false));
    newId = writeTag(cli, o, { ...request, name, target, id, given, before, cleanup, signing });
  }
  repo.refs.update({
    name: full,
    newId,
    oldId: before ?? repo.algorithm.zero,
    createReflog: o.flag("create-reflog"),
    message,
  });
  if (before !== undefined && before !== newId) {
    cli.out(`Updated tag '${name}' (was ${cli.abbrev(before)})\n`);
  }
  return 0;
}

function writeTag(
  cli: Cli,
  o: Options,
  request: {
    name: ByteString;
    target: ByteString;
    id: ObjectId;
    given: ByteString | undefined;
    before: ObjectId | undefined;
    cleanup: string;
    signing: boolean;
    key: ByteString | undefined;
  },
): ObjectId {
  const { repo } = cli;
  const { name, target, id, given, before, cleanup, signing, key } = request;
  const type = repo.objects.describe(id)?.type;
  if (type === undefined || !isObjectType(type)) die("bad object type.");
  if (type === "tag" && cli.config.bool("advice.nestedtag", true)) {
    cli.err(
      `hint: You have created a nested tag. The object referred to by your new tag is\nhint: already a tag. If you meant to tag the object that it points to, use:\nhint: \nhint: \tgit tag -f ${name} ${target}^{}\nhint: Disable this message with "git config advice.nestedTag false"\n`,
    );
  }
  const tagger = cli.ident("committer");
  const comment = commentCharacter(cli, given ?? "");
  let message = given ?? "";
  const editing = given === undefined || o.flag("edit");
  const path = `${repo.paths.gitDir}/TAG_EDITMSG`;
  if (editing) {
    const kept = cleanup === "strip"
      ? `Lines starting with '${comment}' will be ignored.`
      : `Lines starting with '${comment}' will be kept; you may remove them yourself if you want to.`;
    const template =
      `\n${comment}\n${comment} Write a message for tag:\n${comment}   ${name}\n${comment} ${kept}\n`;
    Deno.writeFileSync(
      nativePath(path),
      fromByteString(given ?? (before === undefined ? template : tagBody(cli, before))),
    );
    try {
      cli.edit(path);
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      throw new Exit(1, `${error.text}Please supply the message using either -m or -F option.\n`);
    }
    message = toByteString(readFileIfAny(path)!);
  }
  message = cleanupMessage(message, cleanup, comment);
  if (given === undefined && message === "") die("no tag message?");
  let data = formatTag({ object: id, type, tag: name, tagger, message });
  if (signing) {
    try {
      data = fromByteString(toByteString(data) + signText(cli, toByteString(data), key));
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      throw new Exit(
        128,
        `${error.text}error: unable to sign the tag\n${
          editing ? `The tag message has been left in ${path}\n` : ""
        }`,
      );
    }
  }
  const written = repo.objects.write("tag", data);
  if (editing) Deno.removeSync(nativePath(path));
  return written;
}

/** The message of an annotated tag without its signature; "" for anything else. */
function tagBody(cli: Cli, id: ObjectId): ByteString {
  const object = cli.repo.objects.read(id);
  if (object?.type !== "tag") return "";
  const text = toByteString(object.data);
  const at = text.indexOf("\n\n");
  if (at < 0) return "";
  const body = text.slice(at + 2);
  const signature = body.search(/^-----BEGIN (PGP|SSH|SIGNED) /m);
  return signature < 0 ? body : body.slice(0, signature);
}
