/**
 * `git archive` and `git get-tar-commit-id`.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { zlib } from "../_builtins.ts";
import { lstat, readFileIfAny, readTextIfAny } from "../_files.ts";
import { type ArchiveEntry, writeTar, writeZip } from "../archive.ts";
import { Attributes } from "../attributes.ts";
import { currentTime } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import { isGitlinkMode, isTreeMode } from "../objects.ts";
import { checkTreeDepth, peelTo, readBlob, readCommit, readTree } from "../object_store.ts";
import { expandFormat } from "../pretty.ts";
import { type Cli, die, runChild } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

const FORMATS = ["tar", "tgz", "tar.gz", "zip"];

/** `git archive` */
export function archive(cli: Cli, args: ByteString[]): number {
  const usage =
    "git archive [<options>] <tree-ish> [<path>...]\n   or: git archive --list\n   or: git archive --remote <repo> [--exec <cmd>] [<options>] <tree-ish> [<path>...]\n   or: git archive --remote <repo> [--exec <cmd>] --list";
  const o = parseOptions(
    cli,
    args.filter((word) => !/^-\d$/.test(word)),
    "format= prefix* add-file* o,output= worktree-attributes v,verbose l,list remote= exec=",
    usage,
  );
  const level = args.map((word) => /^-(\d)$/.exec(word)?.[1]).filter((one) => one !== undefined)
    .map(Number).at(-1);
  if (o.text("remote") !== undefined) die("archives of other repositories are not available");
  const custom = cli.config.subsections("tar").filter((name) =>
    cli.config.entry(`tar.${name}.command`) !== undefined
  );
  if (o.flag("list")) {
    for (const name of ["tar", ...new Set(["tgz", "tar.gz", ...custom]), "zip"]) {
      cli.out(`${name}\n`);
    }
    return 0;
  }
  const [treeish, ...paths] = o.rest;
  if (treeish === undefined) throw usageError("", usage);
  const output = o.text("output");
  let format = o.text("format");
  if (format === undefined && output !== undefined) {
    format = [...custom, ...FORMATS].sort((a, b) => b.length - a.length).find((one) =>
      output.endsWith(`.${one}`)
    );
  }
  format ??= "tar";
  if (!FORMATS.includes(format) && !custom.includes(format)) {
    die(`Unknown archive format '${format}'`);
  }
  const { repo } = cli;
  const store = repo.objects;
  const id = cli.tryRevision(treeish);
  if (id === undefined) die(`not a valid object name: ${treeish}`);
  const commit = peelTo(store, id, "commit");
  let tree = peelTo(store, id, "tree");
  if (tree === undefined) die("not a tree object");
  const time = commit === undefined ? currentTime() : commitLinks(store, commit).time;
  if (cli.prefix !== "") {
    // Started in a subdirectory: only that is archived.
    for (const part of cli.prefix.split("/").filter((one) => one !== "")) {
      const entry: { id: ObjectId; mode: number } | undefined = readTree(store, tree!).find((one) =>
        one.name === part
      );
      if (entry === undefined || !isTreeMode(entry.mode)) {
        die("current working directory is untracked");
      }
      tree = entry.id;
    }
  }
  const prefix = o.list("prefix").at(-1) ?? "";
  const root = tree!;
  const rules = new Attributes(
    (path) => {
      if (o.flag("worktree-attributes")) {
        const data = readFileIfAny(repo.worktreePath(`${cli.prefix}${path}`));
        return data === undefined ? undefined : toByteString(data);
      }
      let at: ObjectId | undefined = root;
      for (const part of path.split("/")) {
        const found: { id: ObjectId } | undefined = readTree(store, at).find((one) =>
          one.name === part
        );
        if (found === undefined) return undefined;
        at = found.id;
      }
      return toByteString(readBlob(store, at));
    },
    [],
    readTextIfAny(`${repo.paths.commonDir}/info/attributes`),
  );
  const entries: ArchiveEntry[] = [];
  const spec = paths.length > 0 ? makePathspec(cli, paths) : undefined;
  const seenPaths = new Set<ByteString>();
  const visit = (treeId: ObjectId, base: ByteString, depth: number): void => {
    checkTreeDepth(depth);
    for (const entry of readTree(store, treeId)) {
      const path = base + entry.name;
      const attributes = rules.get(path);
      if (attributes.get("export-ignore") === true) continue;
      if (isTreeMode(entry.mode) || isGitlinkMode(entry.mode)) {
        const before = entries.length;
        const directory = {
          path: `${prefix}${path}/`,
          mode: 0o40000,
          data: new Uint8Array(0),
          id: entry.id,
        };
        entries.push(directory);
        if (isTreeMode(entry.mode)) visit(entry.id, `${path}/`, depth + 1);
        // Directories without anything that was asked for are left out.
        if (spec !== undefined && entries.length === before + 1 && !spec.matches(path)) {
          entries.pop();
        }
        continue;
      }
      if (spec !== undefined && !spec.matches(path)) continue;
      seenPaths.add(path);
      let data = readBlob(store, entry.id);
      if (attributes.get("export-subst") === true && commit !== undefined) {
        data = substitute(cli, data, commit);
      }
      entries.push({ path: prefix + path, mode: entry.mode, data, id: entry.id });
    }
  };
  if (prefix.endsWith("/")) {
    entries.push({ path: prefix, mode: 0o40000, data: new Uint8Array(0) });
  }
  visit(root, "", 0);
  for (const path of paths) {
    const one = makePathspec(cli, [path]);
    if (![...seenPaths].some((known) => one.matches(known))) {
      die(`pathspec '${path}' did not match any files`);
    }
  }
  for (const file of o.list("add-file")) {
    const data = readFileIfAny(cli.fileArgument(file)) ?? die(`File not found: ${file}`);
    const executable = ((lstat(cli.fileArgument(file))?.mode ?? 0) & 0o111) !== 0;
    entries.push({
      path: `${prefix}${file.slice(file.lastIndexOf("/") + 1)}`,
      mode: executable ? 0o100755 : 0o100644,
      data,
    });
  }
  if (o.flag("verbose")) { for (const { path } of entries) cli.err(`${path}\n`); }
  const umaskText = cli.config.get("tar.umask");
  const options = {
    time,
    commit,
    level,
    umask: umaskText === undefined || umaskText === "user" ? 0o002 : parseInt(umaskText, 8),
  };
  using file = output === undefined
    ? undefined
    : Deno.openSync(cli.fileArgument(output), { write: true, create: true, truncate: true });
  const put = (data: Uint8Array): void => {
    if (file === undefined) cli.out(data);
    else for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
  };
  if (format === "zip") {
    for (const part of writeZip(entries, options)) put(part);
    return 0;
  }
  if (format === "tar") {
    for (const part of writeTar(entries, options)) put(part);
    return 0;
  }
  const parts: Uint8Array[] = [];
  for (const part of writeTar(entries, options)) parts.push(part);
  const command = cli.config.get(`tar.${format}.command`);
  if (command !== undefined && command !== "git archive gzip") {
    let whole = "";
    for (const part of parts) whole += toByteString(part);
    if (file !== undefined) die("a command of your own writes to standard output only");
    return runChild(["/bin/sh", "-c", level === undefined ? command : `${command} -${level}`], {
      input: whole,
    });
  }
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const packed = zlib().gzipSync(whole, { level: level ?? -1 });
  // No name and no time, so that the same tree gives the same bytes.
  packed[9] = 3;
  put(packed);
  return 0;
}

function substitute(cli: Cli, data: Uint8Array, id: ObjectId): Uint8Array {
  const text = toByteString(data);
  if (!text.includes("$Format:")) return data;
  const commit = readCommit(cli.repo.objects, id);
  return fromByteString(
    text.replace(/\$Format:([^$\n]*)\$/g, (_, format: string) =>
      expandFormat(format, id, commit, {
        style: "format",
        abbrev: (one) => cli.abbrev(one),
      })),
  );
}

/** `git get-tar-commit-id` */
export function getTarCommitId(cli: Cli): number {
  const data = cli.readStdin();
  if (data.length < 1024 || data[156] !== 103) return 1;
  const text = toByteString(data, 512, 1024);
  const match = /^(\d+) comment=([0-9a-f]{40,64})\n/.exec(text);
  if (match === null) return 1;
  cli.out(`${match[2]}\n`);
  return 0;
}
