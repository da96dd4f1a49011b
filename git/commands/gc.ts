/**
 * `git gc`, `git prune` and `git maintenance run`.
 *
 * @module
 */
import process from "node:process";
import { type ByteString, encodeText, fromByteString } from "../_bytes.ts";
import { listDirectory, nativePath, readTextIfAny, removeFile, stat, writeAll } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { walkObjects } from "../rev_list.ts";
import { objectsInUse } from "./_reachable.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { timeArgument } from "./_revs.ts";
import { packRefs } from "./pack_refs.ts";
import { reflog } from "./reflog.ts";
import { repack } from "./repack.ts";
import { worktreeCommand } from "./worktree.ts";

function limitOf(cli: Cli, text: ByteString): number {
  if (text === "now" || text === "all") return Infinity;
  if (text === "never" || text === "false") return -Infinity;
  return timeArgument(cli, text);
}

/** `git prune`: removes loose objects that nothing leads to. */
export function prune(cli: Cli, args: ByteString[]): number {
  const usage = "git prune [-n] [-v] [--progress] [--expire <time>] [--] [<head>...]";
  const o = parseOptions(
    cli,
    args,
    "n,dry-run v,verbose progress expire= exclude-promisor-objects",
    usage,
  );
  const { repo } = cli;
  if (repo.config.bool("extensions.preciousobjects", false)) {
    die("cannot prune in a precious-objects repo");
  }
  const limit = o.text("expire") === undefined ? Infinity : limitOf(cli, o.text("expire")!);
  const used = objectsInUse(repo);
  const extra = o.rest.map((name) =>
    cli.tryRevision(name) ?? die(`unrecognized argument: ${name}`)
  );
  for (const object of walkObjects(repo.objects, { include: extra.map((id) => ({ id })) })) {
    used.add(object.id);
  }
  const old = (path: ByteString): boolean => {
    const time = stat(path)?.mtime?.getTime();
    return time !== undefined && time / 1000 < limit;
  };
  // What is young keeps what it leads to.
  const loose: { id: ObjectId; path: ByteString }[] = [];
  const young: ObjectId[] = [];
  const root = repo.objects.directory;
  const directories = listDirectory(root).sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of directories) {
    if (!isDirectory || !/^[0-9a-f]{2}$/.test(name)) continue;
    for (const file of listDirectory(`${root}/${name}`)) {
      const path = `${root}/${name}/${file.name}`;
      if (file.name.startsWith("tmp_obj_")) {
        if (old(path)) {
          cli.out(o.flag("dry-run") ? `Removing stale temporary file ${path}\n` : "");
          if (!o.flag("dry-run")) removeFile(path);
        }
        continue;
      }
      const id = name + file.name;
      if (!/^[0-9a-f]+$/.test(file.name) || id.length !== repo.algorithm.hexSize) continue;
      if (used.has(id)) continue;
      if (old(path)) loose.push({ id, path });
      else young.push(id);
    }
  }
  if (young.length > 0 && loose.length > 0) {
    for (const id of young) {
      try {
        for (const object of walkObjects(repo.objects, { include: [{ id }] })) used.add(object.id);
      } catch { /* It leads to something that is gone already. */ }
    }
  }
  for (const { id, path } of loose) {
    if (used.has(id)) continue;
    if (o.flag("dry-run") || o.flag("verbose")) {
      cli.out(`${id} ${repo.objects.describe(id)?.type ?? "unknown"}\n`);
    }
    if (!o.flag("dry-run")) removeFile(path);
  }
  if (!o.flag("dry-run")) {
    for (const { name, isDirectory } of listDirectory(root)) {
      if (!isDirectory || !/^[0-9a-f]{2}$/.test(name)) continue;
      try {
        Deno.removeSync(nativePath(`${root}/${name}`));
      } catch { /* Objects are left in it. */ }
    }
    for (const { name } of listDirectory(`${root}/pack`)) {
      const path = `${root}/pack/${name}`;
      if (name.startsWith("tmp_") && old(path)) removeFile(path);
    }
    for (const { name } of listDirectory(root)) {
      if (name.startsWith("tmp_objdir-") && old(`${root}/${name}`)) {
        Deno.removeSync(nativePath(`${root}/${name}`), { recursive: true });
      }
    }
  }
  return 0;
}

/** Whether there is so much loose that `gc --auto` has work. */
function needsWork(cli: Cli): boolean {
  const { repo } = cli;
  const most = repo.config.int("gc.auto") ?? 6700;
  if (most <= 0) return false;
  const sample = listDirectory(`${repo.objects.directory}/17`).length;
  if (sample > Math.ceil(most / 256)) return true;
  const packs = repo.config.int("gc.autopacklimit") ?? 50;
  return packs > 0 && repo.objects.packs().length > packs;
}

/** How long another run is believed to go on (milliseconds). */
const LONGEST_RUN_MS = 12 * 3600 * 1000;

/**
 * Notes in `gc.pid` which process of which host collects garbage. A note whose process is gone, on this host, or that
 * is twelve hours old, is left from a run that was killed.
 */
function takeTurn(path: ByteString, isForced: boolean): void {
  const host = encodeText(Deno.hostname());
  const lock = `${path}.lock`;
  if (Date.now() - (stat(lock)?.mtime?.getTime() ?? Infinity) > LONGEST_RUN_MS) removeFile(lock);
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(nativePath(lock), { write: true, createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new Exit(128, `fatal: gc is already running (remove ${lock} if it is not)\n`);
  }
  try {
    const match = /^(\d+) (\S+)$/.exec((readTextIfAny(path) ?? "").replace(/\0?\n?$/, ""));
    const age = Date.now() - (stat(path)?.mtime?.getTime() ?? 0);
    if (!isForced && match !== null && age < LONGEST_RUN_MS) {
      const [, pid, where] = match;
      if (where !== host || isAlive(Number(pid))) {
        throw new Exit(
          128,
          `fatal: gc is already running on machine '${where}' pid ${pid} (use --force if not)\n`,
        );
      }
    }
    writeAll(file, fromByteString(`${Deno.pid} ${host}`));
  } catch (error) {
    file.close();
    removeFile(lock);
    throw error;
  }
  file.close();
  Deno.renameSync(nativePath(lock), nativePath(path));
}

function isAlive(pid: number): boolean {
  if (pid === Deno.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** `git gc` */
export async function gc(cli: Cli, args: ByteString[]): Promise<number> {
  const usage = "git gc [<options>]";
  const o = parseOptions(
    cli,
    args,
    "q,quiet prune? cruft aggressive auto force keep-largest-pack",
    usage,
  );
  const { repo } = cli;
  const quiet = o.flag("quiet");
  if (o.rest.length > 0) throw usageError("", usage);
  if (o.flag("auto")) {
    if (!needsWork(cli)) return 0;
    if (!quiet) {
      cli.err(
        'Auto packing the repository for optimum performance.\nSee "git help gc" for manual housekeeping.\n',
      );
    }
    if (cli.runHook("pre-auto-gc") !== 0) return 0;
  }
  const running = `${repo.paths.commonDir}/gc.pid`;
  takeTurn(running, o.flag("force"));
  try {
    if (repo.config.bool("gc.packrefs", true)) packRefs(cli, ["--all", "--prune"]);
    await reflog(cli, ["expire", "--all"]);
    let expire = repo.config.get("gc.pruneexpire") ?? "2.weeks.ago";
    if (o.negated("prune")) expire = "never";
    else if (typeof o.values.get("prune") === "string") expire = o.text("prune")!;
    const options = expire === "now"
      ? ["-a"]
      : ["-A", ...(expire === "never" ? [] : [`--unpack-unreachable=${expire}`])];
    const deep = o.flag("aggressive")
      ? [
        `--window=${repo.config.int("gc.aggressivewindow") ?? 250}`,
        `--depth=${repo.config.int("gc.aggressivedepth") ?? 50}`,
      ]
      : [];
    repack(cli, ["-d", "-l", "-q", ...options, ...deep]);
    cli.reopen();
    if (expire !== "never") prune(cli, ["--expire", expire]);
    await worktreeCommand(cli, ["prune"]);
    return 0;
  } finally {
    removeFile(running);
  }
}

/** `git maintenance run` */
export async function maintenance(cli: Cli, args: ByteString[]): Promise<number> {
  const usage = "git maintenance <subcommand> [<options>]";
  const [word, ...rest] = args;
  if (word === undefined) throw new Exit(129, `error: need a subcommand\nusage: ${usage}\n`);
  if (word !== "run") {
    throw new Exit(129, `error: unknown subcommand: \`${word}'\nusage: ${usage}\n`);
  }
  const o = parseOptions(cli, rest, "auto schedule= quiet task*", usage);
  for (const task of o.list("task").length > 0 ? o.list("task") : ["gc"]) {
    if (task === "gc") {
      const code = await gc(cli, [
        ...(o.flag("auto") ? ["--auto"] : []),
        ...(o.flag("quiet") ? ["-q"] : []),
      ]);
      if (code !== 0) return code;
    } else if (task === "pack-refs") packRefs(cli, ["--all", "--prune"]);
    else if (task === "loose-objects") repack(cli, ["-d", "-q"]);
    else if (task === "incremental-repack") repack(cli, ["-d", "-q"]);
    else throw new Exit(129, `error: '${task}' is not a valid task\n`);
  }
  return 0;
}
