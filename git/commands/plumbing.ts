/**
 * Commands on single objects, and `init`, `rev-parse`, `var`.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import {
  isDirectory,
  makeDirectories,
  nativePath,
  readFileIfAny,
  relativePath,
  stat,
} from "../_files.ts";
import { parseBool, parseInt64 } from "../config.ts";
import { approximateDate, currentTime } from "../date.ts";
import { GitError } from "../errors.ts";
import { checkObject } from "../fsck.ts";
import {
  hashAlgorithm,
  hashObject,
  type ObjectId,
  type ObjectType,
  SHA1,
} from "../hash_algorithm.ts";
import {
  formatCommit,
  formatTree,
  type GitObject,
  isObjectType,
  isTreeMode,
  parseCommit,
  parseTag,
  parseTree,
  type TreeEntry,
} from "../objects.ts";
import { peelTo, readTree } from "../object_store.ts";
import {
  absolutePath,
  initRepository,
  isGitDirectory,
  loadConfig,
  readGitFile,
} from "../repository.ts";
import {
  abbreviate,
  AmbiguousIdError,
  expandRef,
  interpretBranchName,
  resolveRevision,
} from "../revision.ts";
import { mergeBases } from "../merge_base.ts";
import { isRefName } from "../ref_name.ts";
import { shortenRef } from "../ref_filter.ts";
import { wildmatch } from "../wildmatch.ts";
import {
  type Cli,
  currentDirectory,
  die,
  Exit,
  quotePath,
  realPath,
  relativeToPrefix,
  unquotePath,
} from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { cleanWorktreeContent, smudgeContent } from "../worktree_content.ts";

/** `git init` */
export function init(cli: Cli, args: ByteString[]): number {
  const usage =
    "git init [-q | --quiet] [--bare] [--template=<template-directory>]\n         [--separate-git-dir <git-dir>] [--object-format=<format>]\n         [-b <branch-name> | --initial-branch=<branch-name>]\n         [--shared[=<permissions>]] [<directory>]";
  const o = parseOptions(
    cli,
    args,
    "template= bare shared? q,quiet separate-git-dir= b,initial-branch= object-format=",
    usage,
  );
  if (o.rest.length > 1) throw usageError("", usage);
  const bareRequested = o.flag("bare") || cli.global.bare === true;
  if (o.given("separate-git-dir") && bareRequested) {
    die("options '--separate-git-dir' and '--bare' cannot be used together");
  }
  const directory = o.rest[0];
  let target = currentDirectory();
  if (directory !== undefined) {
    target = absolutePath(directory);
    try {
      makeDirectories(target);
    } catch {
      die(`cannot mkdir ${directory}`);
    }
    Deno.chdir(nativePath(target));
    target = currentDirectory();
  }
  const testName = cli.env.get("GIT_TEST_DEFAULT_INITIAL_BRANCH_NAME") || undefined;
  const defaultBranch = testName ?? initConfig(cli).get("init.defaultbranch");
  if (defaultBranch !== undefined && !o.given("initial-branch")) {
    if (!isRefName(`refs/heads/${defaultBranch}`)) {
      die(`invalid branch name: init.defaultBranch = ${defaultBranch}`);
    }
  }
  const gitDirEnv = cli.global.bare === true && directory === undefined
    ? undefined
    : cli.env.get("GIT_DIR");
  const workTreeEnv = cli.env.get("GIT_WORK_TREE");
  if (workTreeEnv !== undefined && gitDirEnv === undefined) {
    die(
      `GIT_WORK_TREE (or --work-tree=<directory>) not allowed without specifying GIT_DIR (or --git-dir=<directory>)`,
    );
  }
  if (workTreeEnv !== undefined && bareRequested) {
    die(
      `GIT_WORK_TREE (or --work-tree=<directory>) not allowed without specifying GIT_DIR (or --git-dir=<directory>)`,
    );
  }
  const formatText = o.text("object-format") ?? cli.env.get("GIT_DEFAULT_HASH");
  let algorithm;
  if (formatText !== undefined && formatText !== "") {
    algorithm = hashAlgorithm(formatText);
    if (algorithm === undefined) die(`unknown hash algorithm '${formatText}'`);
    if (!o.given("object-format") && algorithm === SHA1) algorithm = undefined;
  }
  let bare = bareRequested;
  let gitDir: ByteString | undefined;
  let workTree: ByteString | undefined;
  if (gitDirEnv !== undefined && !bareRequested) {
    gitDir = absolutePath(gitDirEnv);
    if (workTreeEnv !== undefined) workTree = realPath(absolutePath(workTreeEnv));
    else if (!gitDir.endsWith("/.git")) bare = guessBare(gitDirEnv);
  } else if (gitDirEnv !== undefined && bareRequested && directory === undefined) {
    gitDir = absolutePath(gitDirEnv);
  }
  if (bare && o.given("separate-git-dir")) {
    die("--separate-git-dir incompatible with bare repository");
  }
  let template = o.text("template");
  if (template === undefined && !o.negated("template")) {
    template = cli.env.get("GIT_TEMPLATE_DIR");
    template ??= initConfig(cli).get("init.templatedir");
    if (template !== undefined && template.startsWith("~/")) {
      template = `${cli.env.get("HOME") ?? ""}${template.slice(1)}`;
    }
  }
  if (template !== undefined && template !== "") {
    const from = template.startsWith("/")
      ? template
      : absolutePath(`${cli.startDirectory}/${template}`);
    if (!isDirectory(from)) {
      cli.warn(`templates not found in ${template}`);
      template = "";
    } else template = from;
  }
  const existing = gitDir ?? (bare ? target : `${target}/.git`);
  const knownHead = stat(`${existing}/HEAD`) !== undefined;
  if (knownHead && o.given("initial-branch")) {
    cli.warn(`re-init: ignored --initial-branch=${o.text("initial-branch")}`);
  }
  if (
    !knownHead && !o.given("initial-branch") &&
    defaultBranch === undefined && !o.flag("quiet")
  ) {
    const colored = initConfig(cli).get("color.advice") === "always";
    const hint = (text: ByteString): void =>
      cli.err(colored ? text.replace(/^.+$/gm, "\x1b[33m$&\x1b[m") : text);
    hint(
      "hint: Using 'master' as the name for the initial branch. This default branch name\n" +
        "hint: is subject to change. To configure the initial branch name to use in all\n" +
        "hint: of your new repositories, which will suppress this warning, call:\nhint: \n" +
        "hint: \tgit config --global init.defaultBranch <name>\nhint: \n" +
        "hint: Names commonly chosen instead of 'master' are 'main', 'trunk' and\n" +
        "hint: 'development'. The just-created branch can be renamed via this command:\nhint: \n" +
        "hint: \tgit branch -m <name>\n",
    );
  }
  const shared = o.values.get("shared") ?? initConfig(cli).get("core.sharedrepository");
  const result = initRepository(bare ? (gitDir ?? target) : target, {
    environment: cli.env,
    overrides: cli.global.overrides,
    bare,
    initialBranch: o.text("initial-branch") ?? defaultBranch,
    algorithm,
    template,
    gitDir: bare ? undefined : gitDir,
    workTree,
    separateGitDir: o.text("separate-git-dir") === undefined
      ? undefined
      : cli.fileArgument(o.text("separate-git-dir")!),
    shared: shared === true ? "group" : typeof shared === "string" ? shared : undefined,
  });
  if (!o.flag("quiet")) {
    const word = result.existed ? "Reinitialized existing" : "Initialized empty";
    const share = shared === undefined ? "" : " shared";
    cli.out(`${word}${share} Git repository in ${result.gitDir}/\n`);
  }
  result.repository.close();
  return 0;
}

function guessBare(gitDir: ByteString): boolean {
  if (gitDir === ".") return true;
  if (absolutePath(gitDir) === currentDirectory()) return true;
  if (gitDir === ".git" || gitDir.endsWith("/.git")) return false;
  return true;
}

let initSettings: Cli["config"] | undefined;
function initConfig(cli: Cli): Cli["config"] {
  // The repository is about to be made: only the user's own settings count.
  return initSettings ??= loadConfig({
    environment: cli.env,
    overrides: cli.global.overrides,
  });
}

/** `git hash-object` */
export function hashObjectCommand(cli: Cli, args: ByteString[]): number {
  const usage =
    "git hash-object [-t <type>] [-w] [--path=<file> | --no-filters]\n                       [--stdin [--literally]] [--] <file>...";
  const o = parseOptions(cli, args, "t= w stdin+ stdin-paths no-filters literally path=", usage);
  const type = o.text("t") ?? "blob";
  const write = o.flag("w");
  const repository = write ? cli.repo : cli.findRepository();
  const conflict = (text: string): never => {
    throw usageError(`error: ${text}`, usage);
  };
  if (o.flag("stdin-paths")) {
    if (o.flag("stdin")) conflict("Can't use --stdin-paths with --stdin");
    if (o.rest.length > 0) conflict("Can't specify files with --stdin-paths");
    if (o.given("path")) conflict("Can't use --stdin-paths with --path");
  } else {
    if (o.count("stdin") > 1) conflict("Multiple --stdin arguments are not supported");
    if (o.given("path") && o.flag("no-filters")) conflict("Can't use --path with --no-filters");
  }
  const algorithm = repository?.algorithm ?? SHA1;
  const one = (data: Uint8Array, path: ByteString | undefined): void => {
    if (!o.flag("literally") && !isObjectType(type)) die(`invalid object type "${type}"`);
    if (
      path !== undefined && !o.flag("no-filters") && repository !== undefined && type === "blob"
    ) {
      data = cleanWorktreeContent(repository, path, data);
    }
    if (!o.flag("literally") && type !== "blob") {
      // Well-formed is enough: `fsck` is stricter.
      try {
        if (type === "commit") parseCommit(data, algorithm);
        else if (type === "tree") parseTree(data, algorithm);
        else if (type === "tag") parseTag(data, algorithm);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        cli.err(`error: ${error.message}\n`);
        die(`corrupt ${type}`);
      }
    }
    const id = hashObject(algorithm, type, data, true);
    if (write && !repository!.objects.hasLocally(id)) {
      repository!.objects.writeLoose(id, type, data);
    }
    cli.out(`${id}\n`);
  };
  const file = (name: ByteString): void => {
    const data = readFileIfAny(cli.fileArgument(name));
    if (data === undefined) {
      die(
        isDirectory(cli.fileArgument(name))
          ? `could not open '${name}' for reading: Is a directory`
          : `could not open '${name}' for reading: No such file or directory`,
      );
    }
    const path = o.text("path") ?? name;
    one(data, repository?.paths.workTree === undefined ? path : cli.prefix + path);
  };
  if (o.flag("stdin")) one(cli.readStdin(), o.text("path"));
  for (const name of o.rest) file(name);
  if (o.flag("stdin-paths")) { for (const name of cli.stdinLines()) file(name); }
  return 0;
}

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
export function catFile(cli: Cli, args: ByteString[]): number {
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
      unknown: o.flag("allow-unknown-type"),
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
    unknown: boolean;
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
      if (settings.unknown) {
        const loose = objects.readLoose(id, { anyType: true });
        if (loose !== undefined) info = { type: loose.type, size: loose.data.length };
      }
      if (info === undefined) {
        if (error.message.includes("unknown type")) die("invalid object type");
        cli.err(`error: ${error.message}\n`);
      }
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

/** `git ls-tree` */
export function lsTree(cli: Cli, args: ByteString[]): number {
  const usage =
    "git ls-tree [-d] [-r] [-t] [-l] [-z]\n                   [--name-only] [--name-status] [--object-only] [--full-name] [--full-tree] [--abbrev[=<n>]] [--format=<format>] <tree-ish> [<path>...]";
  const o = parseOptions(
    cli,
    args,
    "d r t z l,long name-only name-status object-only full-name full-tree format= abbrev?",
    usage,
  );
  if (o.rest.length === 0) throw usageError("", usage);
  const { repo } = cli;
  const id = cli.tryRevision(o.rest[0]!, { prefer: "treeish" });
  if (id === undefined) die(`Not a valid object name ${o.rest[0]}`);
  const tree = peelTo(repo.objects, id, "tree");
  if (tree === undefined) die("not a tree object");
  const prefix = o.flag("full-tree") ? "" : cli.prefix;
  const shownPrefix = o.flag("full-name") || o.flag("full-tree") ? "" : prefix;
  const paths = o.rest.slice(1).map((path) => {
    const trailing = path.endsWith("/");
    const full = o.flag("full-tree") ? path.replace(/\/+$/, "") : cli.pathArgument(path);
    return trailing && full !== "" ? `${full}/` : full;
  });
  if (paths.length === 0 && prefix !== "") paths.push(prefix);
  const end = o.flag("z") ? "\0" : "\n";
  const abbrev = o.values.get("abbrev");
  const shorten = (oid: string): string =>
    abbrev === undefined
      ? oid
      : cli.abbrev(oid, typeof abbrev === "string" ? Number(abbrev) : undefined);
  const quote = cli.config.bool("core.quotepath", true);
  const wanted = (path: ByteString, isTree: boolean): "no" | "inside" | "yes" => {
    if (paths.length === 0) return "yes";
    let answer: "no" | "inside" | "yes" = "no";
    for (const one of paths) {
      const bare = one.replace(/\/$/, "");
      if (
        one === "" ||
        (one.endsWith("/") ? path.startsWith(one) : path === bare || path.startsWith(`${bare}/`))
      ) return "yes";
      if (isTree && (one.startsWith(`${path}/`))) answer = "inside";
    }
    return answer;
  };
  const emit = (entry: TreeEntry, path: ByteString): void => {
    const type = isTreeMode(entry.mode)
      ? "tree"
      : (entry.mode & 0o170000) === 0o160000
      ? "commit"
      : "blob";
    const shown = shownPrefix === "" ? path : relativeToPrefix(path, shownPrefix);
    const name = o.flag("z") ? shown : quotePath(shown, quote);
    const size = (): string =>
      type === "blob" ? String(repo.objects.describe(entry.id)?.size ?? "BAD") : "-";
    const format = o.text("format");
    if (format !== undefined) {
      const text = format.replace(
        /%(?:\(([^)]*)\)|x([0-9a-fA-F]{2})|(%))/g,
        (whole, atom, hex, percent) => {
          if (percent !== undefined) return "%";
          if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
          switch (atom) {
            case "objectmode":
              return entry.mode.toString(8).padStart(6, "0");
            case "objecttype":
              return type;
            case "objectname":
              return shorten(entry.id);
            case "objectsize":
              return size();
            case "objectsize:padded":
              return size().padStart(7);
            case "path":
              return name;
            default:
              die(`bad ls-tree format: ${whole}`);
          }
        },
      );
      cli.out(text + end);
    } else if (o.flag("name-only") || o.flag("name-status")) cli.out(name + end);
    else if (o.flag("object-only")) cli.out(shorten(entry.id) + end);
    else {
      const mode = entry.mode.toString(8).padStart(6, "0");
      cli.out(
        `${mode} ${type} ${shorten(entry.id)}${
          o.flag("long") ? ` ${size().padStart(7)}` : ""
        }\t${name}${end}`,
      );
    }
  };
  const walk = (oid: ObjectId, base: ByteString): void => {
    for (const entry of readTree(repo.objects, oid)) {
      const path = base + entry.name;
      const isTree = isTreeMode(entry.mode);
      const answer = wanted(path, isTree);
      if (answer === "no") continue;
      // "dir/" asks for what is inside.
      const inside = isTree && (answer === "inside" || paths.includes(`${path}/`));
      const recurse = isTree && (o.flag("r") || inside);
      if (recurse) {
        if (o.flag("t") || (o.flag("d") && o.flag("r"))) emit(entry, path);
        walk(entry.id, `${path}/`);
        continue;
      }
      if (answer !== "yes") continue;
      if (o.flag("d") && !isTree) continue;
      emit(entry, path);
    }
  };
  walk(tree, "");
  return 0;
}

/** `git mktree` */
export function mktree(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "z missing batch", "git mktree [-z] [--missing] [--batch]");
  const { repo } = cli;
  let entries: TreeEntry[] = [];
  const finish = (): void => {
    cli.out(`${repo.objects.write("tree", formatTree(entries))}\n`);
    cli.flush();
    entries = [];
  };
  let got = false;
  for (const line of cli.stdinLines(o.flag("z") ? "\0" : "\n")) {
    if (line === "") {
      if (o.flag("batch")) {
        finish();
        got = false;
        continue;
      }
      die("input format error: (blank line only valid in batch mode)");
    }
    const match = /^([0-7]+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line);
    if (match === null) die(`input format error: ${line}`);
    const mode = parseInt(match[1]!, 8);
    let name = match[4]!;
    if (!o.flag("z") && name.startsWith('"')) {
      name = unquotePath(name)?.path ?? die("invalid quoting");
    }
    if (name.includes("/")) die(`path ${name} contains slash`);
    const type = isTreeMode(mode) ? "tree" : (mode & 0o170000) === 0o160000 ? "commit" : "blob";
    if (type !== match[2]) {
      die(`entry '${name}' object type (${match[2]}) doesn't match mode type (${type})`);
    }
    if (!o.flag("missing") && type !== "commit") {
      const actual = repo.objects.describe(match[3]!)?.type;
      if (actual === undefined) die(`entry '${name}' object ${match[3]} is unavailable`);
      if (actual !== type) {
        die(
          `entry '${name}' object ${match[3]} is a ${actual} but specified type was (${match[2]})`,
        );
      }
    }
    entries.push({ mode, name, id: match[3]! });
    got = true;
  }
  if (!o.flag("batch") || got) finish();
  return 0;
}

/** `git mktag` */
export function mktag(cli: Cli, args: ByteString[]): number {
  parseOptions(cli, args, "strict", "git mktag");
  const data = cli.readStdin();
  const problems = checkObject("tag", data, cli.repo.algorithm);
  if (problems.length > 0) {
    cli.err(`error: tag input does not pass fsck: ${problems[0]!.id}: ${problems[0]!.message}\n`);
    die("tag on stdin did not pass our strict fsck check");
  }
  const tag = parseTag(data, cli.repo.algorithm);
  const info = cli.repo.objects.describe(tag.object);
  if (info === undefined) die("could not read tagged object '" + tag.object + "'");
  if (info.type !== tag.type) {
    die(`object '${tag.object}' tagged as '${tag.type}', but is a '${info.type}' type`);
  }
  cli.out(`${cli.repo.objects.write("tag", data)}\n`);
  return 0;
}

/** `git commit-tree` */
export function commitTree(cli: Cli, args: ByteString[]): number {
  const usage =
    "git commit-tree <tree> [(-p <parent>)...]\n   or: git commit-tree [(-p <parent>)...] [-S[<keyid>]] [(-m <message>)...]\n                       [(-F <file>)...] <tree>";
  const o = parseOptions(cli, args, "!p* !m* !F* S,gpg-sign?", usage);
  if (o.rest.length !== 1) die("must give exactly one tree");
  const { repo } = cli;
  const treeId = cli.tryRevision(o.rest[0]!, { prefer: "treeish" });
  if (treeId === undefined) die(`not a valid object name ${o.rest[0]}`);
  if (repo.objects.describe(treeId)?.type !== "tree") die(`${treeId} is not a valid 'tree' object`);
  const parents: ObjectId[] = [];
  for (const name of o.list("p")) {
    const id = cli.tryRevision(name, { prefer: "committish" });
    if (id === undefined) die(`not a valid object name ${name}`);
    if (repo.objects.describe(id)?.type !== "commit") die(`${id} is not a valid 'commit' object`);
    if (parents.includes(id)) cli.err(`error: duplicate parent ${id} ignored\n`);
    else parents.push(id);
  }
  let message = "";
  let given = false;
  for (const [key, value] of o.order) {
    if (key !== "m" && key !== "F") continue;
    given = true;
    if (message !== "") message += "\n";
    if (key === "m") message += value;
    else {message += toByteString(
        value === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(value as string)) ??
          die(`git commit-tree: failed to open '${value}': No such file or directory`),
      );}
    if (!message.endsWith("\n")) message += "\n";
  }
  if (!given) message = toByteString(cli.readStdin());
  const encoding = cli.config.get("i18n.commitencoding");
  const extra: [string, string][] = encoding !== undefined && !/^utf-?8$/i.test(encoding)
    ? [["encoding", encoding]]
    : [];
  const author = cli.ident("author");
  const committer = cli.ident("committer");
  cli.out(
    `${
      repo.objects.write(
        "commit",
        formatCommit({ tree: treeId, parents, author, committer, extra, message }),
      )
    }\n`,
  );
  return 0;
}

/** `git var` */
export function varCommand(cli: Cli, args: ByteString[]): number {
  const show = (name: string): ByteString | undefined => {
    switch (name) {
      case "GIT_AUTHOR_IDENT":
        return cli.ident("author");
      case "GIT_COMMITTER_IDENT":
        return cli.ident("committer");
      case "GIT_EDITOR":
        return cli.editor();
      case "GIT_SEQUENCE_EDITOR":
        return cli.env.get("GIT_SEQUENCE_EDITOR") ?? cli.config.get("sequence.editor") ??
          cli.editor();
      case "GIT_PAGER":
        return cli.env.get("GIT_PAGER") ?? cli.config.get("core.pager") ?? cli.env.get("PAGER") ??
          "pager";
      case "GIT_DEFAULT_BRANCH":
        return cli.config.get("init.defaultbranch") ?? "master";
      default:
        return undefined;
    }
  };
  if (args[0] === "-l") {
    for (const entry of cli.config.entries) {
      cli.out(entry.value === undefined ? `${entry.key}\n` : `${entry.key}=${entry.value}\n`);
    }
    for (
      const name of [
        "GIT_COMMITTER_IDENT",
        "GIT_AUTHOR_IDENT",
        "GIT_EDITOR",
        "GIT_SEQUENCE_EDITOR",
        "GIT_PAGER",
        "GIT_DEFAULT_BRANCH",
      ]
    ) {
      try {
        cli.out(`${name}=${show(name)}\n`);
      } catch (error) {
        if (!(error instanceof Exit)) throw error;
      }
    }
    return 0;
  }
  const value = args.length === 1 ? show(args[0]!) : undefined;
  if (value === undefined) throw usageError("", "git var (-l | <variable>)");
  cli.out(`${value}\n`);
  return 0;
}

/** `git rev-parse` */
export function revParse(cli: Cli, args: ByteString[]): number {
  if (args[0] === "--sq-quote") {
    cli.out(
      `${
        args.slice(1).map((word) => ` '${word.replaceAll("'", "'\\''").replaceAll("!", "'\\!'")}'`)
          .join("")
      }\n`,
    );
    return 0;
  }
  let verify = false,
    quiet = false,
    symbolic = false,
    symbolicFull = false,
    sq = false,
    abbrevRef: string | undefined;
  let short: number | undefined;
  let revsOnly = false, noRevs = false, flags = true, noFlags = false, asIs = false;
  let defaultName: ByteString | undefined;
  let pathPrefix: ByteString | undefined;
  let pathFormat: "absolute" | "relative" | undefined;
  let count = 0;
  let excludes: ByteString[] = [];
  let found: { name: ByteString; id: ObjectId; negative: boolean } | undefined;
  const put = (text: ByteString): void => {
    cli.out(sq ? `'${text.replaceAll("'", "'\\''")}' ` : `${text}\n`);
  };
  const dieVerify = (): never => {
    if (quiet) throw new Exit(1);
    die("Needed a single revision");
  };
  const showRev = (negative: boolean, id: ObjectId, name: ByteString | undefined): void => {
    if (noRevs) return;
    defaultName = undefined;
    count++;
    const sign = negative ? "^" : "";
    if (verify) {
      if (count > 1) dieVerify();
      found = { name: name ?? id, id, negative };
      return;
    }
    emitRev(sign, id, name);
  };
  const emitRev = (sign: string, id: ObjectId, name: ByteString | undefined): void => {
    if ((symbolic || symbolicFull || abbrevRef !== undefined) && name !== undefined) {
      if (symbolicFull || abbrevRef !== undefined) {
        const inner = interpretBranchName(cli.repo, name);
        const candidates = expandRef(cli.repo, inner);
        if (candidates.length > 0) {
          let full = candidates[0]!.name;
          const resolved = cli.repo.refs.resolve(full);
          if (full === "HEAD" && resolved?.symbolic) full = resolved.target;
          else if (resolved?.symbolic) full = resolved.target;
          put(
            sign +
              (abbrevRef !== undefined ? shortenRef(cli.repo, full, abbrevRef !== "loose") : full),
          );
        }
        return;
      }
      put(sign + name);
      return;
    }
    put(
      sign +
        (short === undefined
          ? id
          : abbreviate(cli.repo, id, short === 0 ? cli.abbrevLength : short)),
    );
  };
  const showFlag = (flag: ByteString): boolean => {
    if (noFlags) return false;
    if (!revsOnly || REV_FLAGS.test(flag)) {
      if (flags) put(flag);
      return true;
    }
    return false;
  };
  const showFile = (path: ByteString): void => {
    defaultName = undefined;
    if (!revsOnly) put(pathPrefix === undefined ? path : pathPrefix + path);
  };
  const formatPath = (
    path: ByteString,
    fallback: "absolute" | "relative" | "as-is",
  ): ByteString => {
    const format = pathFormat ?? fallback;
    if (format === "as-is") return path;
    const full = realPath(absolutePath(path));
    if (format === "absolute") return full;
    return relativePath(realPath(currentDirectory()), full);
  };
  const shownGitDir = (): ByteString => {
    const { paths } = cli.repo;
    const env = cli.env.get("GIT_DIR");
    if (env !== undefined) return env;
    if (paths.workTree === undefined && paths.gitDir === cli.startDirectory) return ".";
    if (
      paths.workTree !== undefined && paths.gitDir === `${paths.workTree}/.git` &&
      cli.prefix === "" && cli.startDirectory === paths.workTree
    ) return ".git";
    if (paths.gitDir === `${cli.startDirectory}/.git`) return ".git";
    return paths.gitDir;
  };
  const refsMatching = (prefix: ByteString, pattern: ByteString | undefined): void => {
    let glob = pattern;
    if (glob !== undefined) {
      if (!glob.startsWith("refs/")) glob = prefix + glob;
      if (!/[*?[]/.test(glob)) glob = `${glob.replace(/\/$/, "")}/*`;
    }
    for (const ref of cli.repo.refs.list(glob === undefined ? prefix : "refs/")) {
      if (ref.broken || (glob !== undefined && !wildmatch(glob, ref.name))) continue;
      if (
        excludes.some((ex) =>
          wildmatch(ex, ref.name) || (prefix !== "refs/" && wildmatch(prefix + ex, ref.name))
        )
      ) continue;
      showRev(false, ref.id, ref.name);
    }
    excludes = [];
  };
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (asIs) {
      showFile(argument);
      continue;
    }
    if (argument === "--") {
      asIs = true;
      // Names before "--" have been taken as revisions; the dashes stay for the caller.
      if (flags && !revsOnly && !verify) put("--");
      continue;
    }
    if (argument.startsWith("-") && argument !== "-") {
      const equals = argument.indexOf("=");
      const name = equals < 0 ? argument : argument.slice(0, equals);
      const value = equals < 0 ? undefined : argument.slice(equals + 1);
      switch (name) {
        case "--git-path": {
          const path = args[++i];
          if (path === undefined) die("--git-path requires an argument");
          put(
            formatPath(
              gitPath(cli, path, shownGitDir()),
              "relative" === pathFormat ? "relative" : "as-is",
            ),
          );
          continue;
        }
        case "-n":
          put(argument);
          if (i + 1 < args.length) put(args[++i]!);
          continue;
        case "--default":
          defaultName = args[++i] ?? die("--default requires an argument");
          continue;
        case "--prefix":
          pathPrefix = args[++i] ?? die("--prefix requires an argument");
          cli.prefix = pathPrefix;
          continue;
        case "--revs-only":
          revsOnly = true;
          continue;
        case "--no-revs":
          noRevs = true;
          continue;
        case "--flags":
          revsOnly = false;
          noFlags = false;
          flags = true;
          continue;
        case "--no-flags":
          noFlags = true;
          continue;
        case "--verify":
          revsOnly = true;
          noFlags = true;
          verify = true;
          continue;
        case "--quiet":
        case "-q":
          quiet = true;
          continue;
        case "--short":
          revsOnly = true;
          noFlags = true;
          verify = true;
          short = value === undefined ? 0 : Math.max(4, Number(value));
          continue;
        case "--sq":
          sq = true;
          continue;
        case "--symbolic":
          symbolic = true;
          continue;
        case "--symbolic-full-name":
          symbolicFull = true;
          continue;
        case "--abbrev-ref":
          abbrevRef = value ??
            (cli.config.bool("core.warnambiguousrefs", true) ? "strict" : "loose");
          if (value !== undefined && value !== "strict" && value !== "loose") {
            die(`unknown mode for --abbrev-ref: ${value}`);
          }
          continue;
        case "--all":
          refsMatching("refs/", undefined);
          continue;
        case "--branches":
          refsMatching("refs/heads/", value);
          continue;
        case "--tags":
          refsMatching("refs/tags/", value);
          continue;
        case "--remotes":
          refsMatching("refs/remotes/", value);
          continue;
        case "--glob":
          refsMatching("refs/", value ?? args[++i]);
          continue;
        case "--exclude":
          excludes.push(value ?? args[++i] ?? "");
          continue;
        case "--disambiguate": {
          const prefix = value ?? "";
          if (prefix.length >= 4) {
            for (const id of cli.repo.objects.withPrefix(prefix, 100000)) put(id);
          }
          continue;
        }
        case "--bisect":
          refsMatching("refs/bisect/bad", undefined);
          continue;
        case "--local-env-vars":
          cli.out(
            "GIT_ALTERNATE_OBJECT_DIRECTORIES\nGIT_CONFIG\nGIT_CONFIG_PARAMETERS\nGIT_CONFIG_COUNT\nGIT_OBJECT_DIRECTORY\nGIT_DIR\nGIT_WORK_TREE\nGIT_IMPLICIT_WORK_TREE\nGIT_GRAFT_FILE\nGIT_INDEX_FILE\nGIT_NO_REPLACE_OBJECTS\nGIT_REPLACE_REF_BASE\nGIT_PREFIX\nGIT_SHALLOW_FILE\nGIT_COMMON_DIR\n",
          );
          continue;
        case "--path-format":
          if (value !== "absolute" && value !== "relative") {
            die(`unknown argument to --path-format: ${value}`);
          }
          pathFormat = value;
          continue;
        case "--show-toplevel":
          if (cli.repo.paths.workTree === undefined) {
            die("this operation must be run in a work tree");
          }
          put(formatPath(cli.repo.paths.workTree, "as-is"));
          continue;
        case "--show-superproject-working-tree":
          continue;
        case "--show-prefix":
          cli.findRepository();
          cli.out(`${cli.prefix}\n`);
          continue;
        case "--show-cdup":
          cli.findRepository();
          cli.out(`${"../".repeat(cli.prefix.split("/").length - 1)}\n`);
          continue;
        case "--git-dir":
          put(formatPath(shownGitDir(), "as-is"));
          continue;
        case "--absolute-git-dir":
          put(realPath(absolutePath(cli.repo.paths.gitDir)));
          continue;
        case "--git-common-dir": {
          const { paths } = cli.repo;
          put(
            paths.commonDir === paths.gitDir
              ? formatPath(
                shownGitDir() === ".git"
                  ? ".git"
                  : relativePath(realPath(cli.startDirectory), realPath(paths.commonDir)),
                "as-is",
              )
              : formatPath(paths.commonDir, "as-is"),
          );
          continue;
        }
        case "--is-inside-git-dir": {
          const { paths } = cli.repo;
          const here = realPath(cli.startDirectory);
          const dir = realPath(paths.gitDir);
          put(String(here === dir || here.startsWith(`${dir}/`)));
          continue;
        }
        case "--is-inside-work-tree": {
          const { workTree, gitDir } = cli.repo.paths;
          const here = realPath(cli.startDirectory);
          const inGit = here === gitDir || here.startsWith(`${gitDir}/`);
          put(
            String(
              workTree !== undefined &&
                (here === workTree || here.startsWith(`${workTree === "/" ? "" : workTree}/`)) &&
                (!inGit || cli.env.get("GIT_WORK_TREE") !== undefined),
            ),
          );
          continue;
        }
        case "--is-bare-repository":
          put(String(cli.repo.bare));
          continue;
        case "--is-shallow-repository":
          put(String(stat(`${cli.repo.paths.commonDir}/shallow`) !== undefined));
          continue;
        case "--show-object-format":
          if (
            value !== undefined && value !== "storage" && value !== "input" && value !== "output"
          ) die(`unknown mode for --show-object-format: ${value}`);
          put(cli.repo.algorithm.name);
          continue;
        case "--shared-index-path":
          continue;
        case "--resolve-git-dir": {
          const path = args[++i] ?? die("--resolve-git-dir requires an argument");
          const info = stat(path);
          const target = info?.isFile ? readGitFile(path) : isGitDirectory(path) ? path : undefined;
          if (target === undefined) die(`not a gitdir '${path}'`);
          put(target);
          continue;
        }
        case "--since":
        case "--after":
          put(
            `--max-age=${
              approximateDate(value ?? "", currentTime(cli.env.get("GIT_TEST_DATE_NOW")))
            }`,
          );
          continue;
        case "--until":
        case "--before":
          put(
            `--min-age=${
              approximateDate(value ?? "", currentTime(cli.env.get("GIT_TEST_DATE_NOW")))
            }`,
          );
          continue;
        case "--not":
          put("--not");
          continue;
        case "--end-of-options":
          asIs = false;
          if (!verify && flags && !revsOnly) put(argument);
          continue;
      }
      if (showFlag(argument) && verify) dieVerify();
      continue;
    }
    cli.findRepository();
    void cli.repo;
    const range = /^(.*?)(\.\.\.?)(.*)$/s.exec(argument);
    if (range !== null && !argument.startsWith("../") && argument !== "..") {
      const from = cli.tryRevision(range[1]! || "HEAD", { prefer: "committish" });
      const to = cli.tryRevision(range[3]! || "HEAD", { prefer: "committish" });
      if (from !== undefined && to !== undefined) {
        showRev(false, to, range[3] || "HEAD");
        if (range[2] === "...") {
          showRev(false, from, range[1] || "HEAD");
          const a = peelTo(cli.repo.objects, from, "commit"),
            b = peelTo(cli.repo.objects, to, "commit");
          if (a !== undefined && b !== undefined) {
            for (const base of mergeBases(cli.repo.objects, a, [b])) {
              showRev(true, base, undefined);
            }
          }
        } else showRev(true, from, range[1] || "HEAD");
        continue;
      }
    }
    const all = /^(.*)\^(@|!|-(\d*))$/s.exec(argument);
    if (all !== null) {
      const id = cli.tryRevision(all[1]!, { prefer: "committish" });
      const commitId = id === undefined ? undefined : peelTo(cli.repo.objects, id, "commit");
      if (commitId !== undefined) {
        const { parents } = parseCommit(cli.repo.objects.read(commitId)!.data, cli.repo.algorithm);
        if (all[2] === "@") {
          parents.forEach((parent, n) =>
            showRev(false, parent, symbolic ? `${all[1]}^${n + 1}` : undefined)
          );
        } else if (all[2] === "!") {
          showRev(false, commitId, all[1]);
          parents.forEach((parent, n) =>
            showRev(true, parent, symbolic ? `${all[1]}^${n + 1}` : undefined)
          );
        } else {
          const n = all[3] === "" ? 1 : Number(all[3]);
          showRev(false, commitId, all[1]);
          showRev(true, parents[n - 1] ?? dieVerify(), symbolic ? `${all[1]}^${n}` : undefined);
        }
        continue;
      }
    }
    const negative = argument.startsWith("^");
    const name = negative ? argument.slice(1) : argument;
    const id = cli.tryRevision(name);
    if (id !== undefined) {
      showRev(negative, id, name);
      continue;
    }
    if (verify) dieVerify();
    {
      const path = argument;
      if (stat(cli.fileArgument(path)) === undefined && !asIs) {
        cli.flush();
        cli.out(`${path}\n`);
        die(
          `ambiguous argument '${path}': unknown revision or path not in the working tree.\n` +
            "Use '--' to separate paths from revisions, like this:\n'git <command> [<revision>...] -- [<file>...]'",
        );
      }
      asIs = true;
      showFile(argument);
    }
  }
  if (defaultName !== undefined) {
    const id = cli.tryRevision(defaultName);
    if (id !== undefined) showRev(false, id, defaultName);
  }
  if (verify) {
    if (count !== 1) dieVerify();
    emitRev(found!.negative ? "^" : "", found!.id, found!.name);
  }
  return 0;
}

const REV_FLAGS =
  /^-(n\d*|\d+)$|^--(all|bisect|branches|cherry|cherry-pick|date-order|dense|disk-usage|first-parent|full-history|glob|header|ignore-missing|left-right|max-age|max-count|merges|min-age|no-merges|not|objects|parents|pretty|remotes|reverse|since|skip|sparse|tags|topo-order|until|after|before|author|committer|grep|cc|children|remove-empty)(=.*)?$/;

function gitPath(cli: Cli, path: ByteString, gitDir: ByteString): ByteString {
  const { env } = cli;
  if (path === "index" && env.get("GIT_INDEX_FILE") !== undefined) {
    return env.get("GIT_INDEX_FILE")!;
  }
  if (path === "info/grafts" && env.get("GIT_GRAFT_FILE") !== undefined) {
    return env.get("GIT_GRAFT_FILE")!;
  }
  const objects = env.get("GIT_OBJECT_DIRECTORY");
  if (objects !== undefined && (path === "objects" || path.startsWith("objects/"))) {
    return objects + path.slice(7);
  }
  const hooks = cli.config.get("core.hookspath");
  if (hooks !== undefined && (path === "hooks" || path.startsWith("hooks/"))) {
    return hooks + path.slice(5);
  }
  const { paths } = cli.repo;
  if (paths.gitDir !== paths.commonDir) {
    const shared =
      !(/^(HEAD|index|logs\/HEAD|[A-Z_]+|config\.worktree|refs\/(bisect|worktree|rewritten).*|logs\/refs\/(bisect|worktree|rewritten).*|info\/sparse-checkout|modules.*)(\.lock)?$/
        .test(path));
    return shared ? `${paths.commonDir}/${path}` : `${gitDir}/${path}`;
  }
  return `${gitDir}/${path}`;
}

/** `git env--helper`, which Git's own scripts use to read switches. */
export function envHelper(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "type= default= exit-code",
    "git env--helper --type=[bool|ulong] <options> <env-var>",
  );
  const name = o.rest[0];
  const type = o.text("type");
  if (name === undefined || (type !== "bool" && type !== "ulong")) {
    throw usageError("", "git env--helper --type=[bool|ulong] <options> <env-var>");
  }
  const fallback = o.text("default");
  const check = (text: ByteString): number => {
    if (type === "bool") {
      const value = parseBool(text);
      if (value === undefined) die(`bad boolean environment value '${text}' for '${name}'`);
      return value ? 1 : 0;
    }
    const value = parseInt64(text);
    if (value === undefined) die(`failed to parse ulong number '${text}'`);
    return value;
  };
  if (fallback !== undefined && type === "bool" && parseBool(fallback) === undefined) {
    throw new Exit(
      129,
      `error: option \`--default' expects a boolean value with \`--type=bool\`, not \`${fallback}\`\n`,
    );
  }
  const text = cli.env.get(name);
  const value = text === undefined
    ? check(fallback ?? (type === "bool" ? "false" : "0"))
    : check(text);
  if (!o.flag("exit-code")) cli.out(type === "bool" ? `${value !== 0}\n` : `${value}\n`);
  return value !== 0 ? 0 : 1;
}
