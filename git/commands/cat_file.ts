/**
 * `cat-file`: objects shown, one or a batch.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { GitError } from "../errors.ts";
import type { FileObjectStore } from "../file_object_store.ts";
import type { ObjectId, ObjectType } from "../hash_algorithm.ts";
import type { ObjectStream } from "../object_stream.ts";
import { peelTo, readTree } from "../object_store.ts";
import { type GitObject, isObjectType, isTreeMode, parseTree, type TreeEntry } from "../objects.ts";
import { AmbiguousIdError, resolveRevision } from "../revision.ts";
import { smudgeContent } from "../worktree_content.ts";
import { type Cli, die, Exit, quotePath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** Writes an object the way `cat-file -p` does. */
export function prettyPrint(cli: Cli, id: ObjectId, type: ObjectType, data: Uint8Array): void {
  if (type === "tree") {
    for (const entry of parseTree(data, cli.repo.algorithm)) {
      cli.out(
        `${treeLine(entry)}\t${quotePath(entry.name, cli.config.bool("core.quotepath", true))}\n`,
      );
    }
  } else cli.out(data);
  void id;
}

function treeLine(entry: TreeEntry): string {
  const type = isTreeMode(entry.mode)
    ? "tree"
    : (entry.mode & 0o170000) === 0o160000
    ? "commit"
    : "blob";
  return `${entry.mode.toString(8).padStart(6, "0")} ${type} ${entry.id}`;
}

const CAT_FILE_USAGE =
  "git cat-file <type> <object>\n   or: git cat-file (-e | -p) <object>\n   or: git cat-file (-t | -s) [--allow-unknown-type] <object>\n   or: git cat-file (--batch | --batch-check | --batch-command) [--batch-all-objects]\n                [--buffer] [--follow-symlinks] [--unordered]\n                [--textconv | --filters] [-z]\n   or: git cat-file (--textconv | --filters)\n                [<rev>:<path|tree-ish> | --path=<path|tree-ish> <rev>]";

/** `git cat-file` */
export function catFile(cli: Cli, args: ByteString[]): number | Promise<number> {
  const o = parseOptions(
    cli,
    args,
    "!e !p !t !s allow-unknown-type !textconv !filters path= buffer !batch? !batch-check? !batch-command? batch-all-objects unordered follow-symlinks use-mailmap,mailmap z",
    CAT_FILE_USAGE,
  );
  const modes = ["e", "p", "t", "s", "textconv", "filters"].filter((name) => o.flag(name));
  if (o.flag("batch-all-objects") && modes.length > 0) modes.push("batch-all-objects");
  const batches = ["batch", "batch-check", "batch-command"].filter((name) => o.given(name));
  const bad = (text: string): never => {
    throw usageError(`fatal: ${text}\n`, CAT_FILE_USAGE);
  };
  if (modes.length > 1) {
    const shown = (name: string): string => name.length === 1 ? `-${name}` : `--${name}`;
    throw new Exit(129, `error: ${shown(modes[1]!)} is incompatible with ${shown(modes[0]!)}\n`);
  }
  if (batches.length > 1) bad("only one batch option may be specified");
  const batch = batches[0];
  const mode = modes[0];
  const conversion = mode === "textconv" || mode === "filters";
  if (batch !== undefined) {
    if (mode !== undefined && !conversion) bad(`'-${mode}' is incompatible with batch mode`);
    if (o.rest.length > 0) bad("batch modes take no arguments");
    if (o.given("path")) bad("'--path=<path|tree-ish>' is incompatible with batch mode");
    return batchObjects(cli, o.values.get(batch), batch, {
      all: o.flag("batch-all-objects"),
      nul: o.flag("z"),
      buffer: o.flag("buffer"),
      follow: o.flag("follow-symlinks"),
      filters: mode === "filters",
    });
  }
  if (o.flag("follow-symlinks")) bad("'--follow-symlinks' requires a batch mode");
  if (o.flag("buffer")) bad("'--buffer' requires a batch mode");
  if (o.flag("batch-all-objects")) bad("'--batch-all-objects' requires a batch mode");
  if (o.flag("z")) bad("'-z' requires a batch mode");
  if (o.given("path") && !conversion) {
    bad("'--path=<path|tree-ish>' needs '--filters' or '--textconv'");
  }
  let want: ByteString | undefined;
  let name: ByteString;
  if (mode === undefined) {
    if (o.rest.length === 0) throw usageError("", CAT_FILE_USAGE);
    if (o.rest.length !== 2) {
      bad("only two arguments allowed in <type> <object> mode, not " + o.rest.length);
    }
    [want, name] = o.rest as [string, string];
  } else {
    if (o.rest.length === 0) {
      bad(conversion ? `<rev> required with '--${mode}'` : `<object> required with '-${mode}'`);
    }
    if (o.rest.length > 1) bad("too many arguments");
    name = o.rest[0]!;
  }
  const { repo } = cli;
  const { objects } = repo;
  const unknown = o.flag("allow-unknown-type");
  if (unknown && mode !== "t" && mode !== "s") {
    die("git cat-file --allow-unknown-type: use with -s or -t");
  }
  if (want !== undefined && !isObjectType(want)) die(`invalid object type "${want}"`);
  const id = cli.tryRevision(
    name,
    want === "commit" || want === "tree" || want === "blob" || want === "tag"
      ? { prefer: want === "commit" ? "committish" : want === "tree" ? "treeish" : want }
      : {},
  );
  if (id === undefined) die(`Not a valid object name ${name}`);
  if (mode === "e") return objects.has(id) ? 0 : 1;
  if (mode === "t" || mode === "s") {
    const stand = unknown ? repo.refs.id(`refs/replace/${id}`) ?? id : id;
    if (unknown) {
      const loose = objects.readLoose(stand, { anyType: true });
      if (loose !== undefined) {
        cli.out(mode === "t" ? `${loose.type}\n` : `${loose.data.length}\n`);
        return 0;
      }
    }
    let info: { type: string; size: number } | undefined;
    try {
      info = objects.describe(id);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      if (error.message.includes("unknown type")) die("invalid object type");
      cli.err(`error: ${error.message}\n`);
    }
    if (info === undefined) die("git cat-file: could not get object info");
    cli.out(mode === "t" ? `${info.type}\n` : `${info.size}\n`);
    return 0;
  }
  if (!conversion && (mode === "p" || want === "blob")) {
    const stream = bigBlob(objects, id);
    if (stream !== undefined) return copyOut(cli, stream);
  }
  let object: GitObject | undefined;
  try {
    object = objects.read(id);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (error.message.includes("unknown type")) die("invalid object type");
    cli.err(`error: ${error.message}\n`);
  }
  if (object === undefined) {
    if (mode === "p" || want !== undefined) {
      die(mode === "p" ? `Not a valid object name ${name}` : `git cat-file ${name}: bad file`);
    }
    die(`git cat-file ${name}: bad file`);
  }
  if (mode === "p") {
    prettyPrint(cli, id, object.type, object.data);
    return 0;
  }
  if (conversion) {
    const path = o.text("path") ?? name.slice(name.indexOf(":") + 1);
    if (!name.includes(":") && !o.given("path")) {
      die(`<object>:<path> required, only <object> '${name}' given`);
    }
    if (mode === "filters" && object.type === "blob") {
      cli.out(smudge(cli, path, object.data));
      return 0;
    }
    cli.out(object.data);
    return 0;
  }
  if (!isObjectType(want!)) die(`invalid object type "${want}"`);
  const peeled = object.type === want ? id : peelTo(objects, id, want);
  if (peeled === undefined) die(`git cat-file ${name}: bad file`);
  cli.out(objects.read(peeled)!.data);
  return 0;
}

/** Blobs from this size on (bytes) go out piece by piece. */
const BIG_BLOB = 16 * 1024 * 1024;

function bigBlob(objects: FileObjectStore, id: ObjectId): ObjectStream | undefined {
  try {
    const info = objects.describe(id);
    if (info?.type !== "blob" || info.size < BIG_BLOB) return undefined;
    return objects.openStream(id);
  } catch (error) {
    // Whoever reads it as a whole finds the same, and says it as the command does.
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

async function copyOut(cli: Cli, stream: ObjectStream): Promise<number> {
  for await (const piece of stream.pieces) cli.out(piece);
  return 0;
}

function smudge(cli: Cli, path: ByteString, data: Uint8Array): Uint8Array {
  return smudgeContent(cli.repo, path, data);
}

function batchObjects(
  cli: Cli,
  formatValue: unknown,
  kind: string,
  settings: {
    all: boolean;
    nul: boolean;
    buffer: boolean;
    follow: boolean;
    filters: boolean;
  },
): number {
  const format = typeof formatValue === "string"
    ? formatValue
    : "%(objectname) %(objecttype) %(objectsize)";
  const split = /%\(rest\)/.test(format);
  const { repo } = cli;
  const { objects } = repo;
  const expand = (id: ObjectId, type: string, size: number, rest: string): ByteString =>
    format.replace(/%\(([^)]*)\)/g, (_, atom: string) => {
      switch (atom) {
        case "objectname":
          return id;
        case "objecttype":
          return type;
        case "objectsize":
          return String(size);
        case "objectsize:disk":
          return String(objects.locate(id)?.diskSize ?? 0);
        case "deltabase":
          return objects.locate(id)?.deltaBase ?? repo.algorithm.zero;
        case "rest":
          return rest;
        default:
          die(`unknown format element: ${atom}`);
      }
    });
  const withContents = kind === "batch";
  const show = (id: ObjectId, rest: string, contents: boolean, name: string): void => {
    let info: { type: string; size: number } | undefined;
    try {
      info = objects.describe(id);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      if (error.message.includes("unknown type")) die("invalid object type");
      cli.err(`error: ${error.message}\n`);
    }
    if (info === undefined) {
      cli.out(`${name} missing\n`);
      return;
    }
    if (!contents) {
      cli.out(`${expand(id, info.type, info.size, rest)}\n`);
      return;
    }
    let data = objects.read(id)?.data;
    if (data === undefined) die(`object ${id} disappeared`);
    if (settings.filters && info.type === "blob" && rest !== "") data = smudge(cli, rest, data);
    cli.out(`${expand(id, info.type, data.length, rest)}\n`);
    cli.out(data);
    cli.out("\n");
  };
  if (settings.all) {
    objects.setReplacements(undefined);
    const seen = new Set<ObjectId>();
    for (const id of objects.ids()) seen.add(id);
    for (const id of [...seen].sort()) show(id, "", withContents, id);
    return 0;
  }
  const single = (line: ByteString, contents: boolean): void => {
    let name = line;
    let rest = "";
    if (split || settings.filters) {
      const space = line.search(/[ \t]/);
      if (space >= 0) {
        name = line.slice(0, space);
        rest = line.slice(space).replace(/^[ \t]+/, "");
      }
    }
    if (settings.follow && name.includes(":")) {
      followName(cli, name, (id) => show(id, rest, contents, name));
      return;
    }
    let id: ObjectId | undefined;
    try {
      id = cli.repo && resolveQuiet(cli, name);
    } catch (error) {
      if (error instanceof Ambiguous) {
        cli.out(`${name} ambiguous\n`);
        return;
      }
      throw error;
    }
    if (id === undefined) cli.out(`${name} missing\n`);
    else show(id, rest, contents, name);
  };
  const delimiter = settings.nul ? "\0" : "\n";
  const queue: (() => void)[] = [];
  for (const line of cli.stdinLines(delimiter)) {
    if (kind !== "batch-command") {
      single(line, withContents);
      if (!settings.buffer) cli.flush();
      continue;
    }
    if (line === "") die("empty command in input");
    if (/^\s/.test(line)) die(`whitespace before command: '${line}'`);
    const space = line.indexOf(" ");
    const word = space < 0 ? line : line.slice(0, space);
    const argument = space < 0 ? "" : line.slice(space + 1);
    if (word === "flush") {
      if (!settings.buffer) die("flush is only for --buffer mode");
      if (space >= 0) die(`flush takes no arguments`);
      for (const action of queue) action();
      queue.length = 0;
      cli.flush();
      continue;
    }
    if (word !== "contents" && word !== "info") die(`unknown command: '${line}'`);
    if (argument === "") die(`${word} requires arguments`);
    if (settings.buffer) queue.push(() => single(argument, word === "contents"));
    else {
      single(argument, word === "contents");
      cli.flush();
    }
  }
  if (cli.env.get("GIT_TEST_CAT_FILE_NO_FLUSH_ON_EXIT") === undefined) {
    for (const action of queue) {
      action();
    }
  }
  return 0;
}

class Ambiguous extends Error {}

function resolveQuiet(cli: Cli, name: ByteString): ObjectId | undefined {
  try {
    return resolveRevision(cli.repo, name, { prefix: cli.prefix });
  } catch (error) {
    if (error instanceof AmbiguousIdError) throw new Ambiguous();
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

function followName(cli: Cli, name: ByteString, found: (id: ObjectId) => void): void {
  const colon = name.indexOf(":");
  const say = (word: string, text: ByteString): void =>
    cli.out(`${word} ${text.length}\n${text}\n`);
  const root = resolveQuiet(cli, name.slice(0, colon));
  const tree = root === undefined ? undefined : peelTo(cli.repo.objects, root, "tree");
  if (tree === undefined) {
    cli.out(`${name} missing\n`);
    return;
  }
  let rest = name.slice(colon + 1).split("/").filter((part) => part !== "");
  const stack: ObjectId[] = [tree];
  let viaLink = false, trailing = false;
  for (let links = 0; links < 40;) {
    if (rest.length === 0) return found(stack.at(-1)!);
    const part = rest[0]!;
    rest = rest.slice(1);
    if (part === ".") continue;
    if (part === "..") {
      if (stack.length === 1) {
        return say("symlink", ["..", ...rest].join("/") + (trailing ? "/" : ""));
      }
      stack.pop();
      continue;
    }
    const entry = readTree(cli.repo.objects, stack.at(-1)!).find((entry) => entry.name === part);
    if (entry === undefined) {
      if (viaLink) return say("dangling", name);
      cli.out(`${name} missing\n`);
      return;
    }
    if (isTreeMode(entry.mode)) {
      stack.push(entry.id);
      continue;
    }
    if ((entry.mode & 0o170000) === 0o120000) {
      const target = toByteString(cli.repo.objects.read(entry.id)!.data);
      viaLink = true;
      links++;
      if (target.startsWith("/")) {
        return say("symlink", target + (rest.length > 0 ? `/${rest.join("/")}` : ""));
      }
      // A slash at the end shows where the link leaves the tree.
      trailing = target.endsWith("/") && rest.length === 0;
      rest = [...target.split("/").filter((piece) => piece !== ""), ...rest];
      continue;
    }
    if (rest.length > 0) return say("notdir", name);
    return found(entry.id);
  }
  say("loop", name);
}
