/**
 * `mv`: files moved in the index and the worktree.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isDirectory, lstat, nativePath } from "../_files.ts";
import { reason } from "../lock_file.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git mv` */
export function mv(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose n,dry-run f,force k sparse",
    "git mv [<options>] <source>... <destination>",
  );
  cli.needWorkTree();
  if (o.rest.length < 2) throw usageError("", "git mv [<options>] <source>... <destination>");
  const { repo } = cli;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const sources = o.rest.slice(0, -1).map((path) => cli.pathArgument(path));
  const targetText = o.rest.at(-1)!;
  const target = cli.pathArgument(targetText);
  const into = target === "" || isDirectory(repo.worktreePath(target));
  if (!into && sources.length > 1) die(`destination '${target}' is not a directory`);
  if (!into && targetText.endsWith("/") && !isDirectory(repo.worktreePath(sources[0]!))) {
    die(`destination directory does not exist, source=${sources[0]}, destination=${target}/`);
  }
  for (const source of sources) {
    const to = into
      ? `${target === "" ? "" : `${target}/`}${source.slice(source.lastIndexOf("/") + 1)}`
      : target;
    const bad = (text: string): void => {
      if (!o.flag("k")) die(`${text}, source=${source}, destination=${to}`);
    };
    const info = lstat(repo.worktreePath(source));
    const [start, end] = index.range(`${source}/`);
    const directory = info?.isDirectory === true && index.get(source) === undefined;
    if (info === undefined) {
      bad("bad source");
      continue;
    }
    if (to === source || to.startsWith(`${source}/`)) {
      bad("can not move directory into itself");
      continue;
    }
    if (directory ? start === end : index.get(source) === undefined) {
      bad(
        directory
          ? "source directory is empty"
          : index.hasPath(source)
          ? "conflicted"
          : "not under version control",
      );
      continue;
    }
    if (lstat(repo.worktreePath(to)) !== undefined) {
      if (!o.flag("force") || directory) {
        bad(directory ? "destination already exists" : "destination exists");
        continue;
      }
      if (o.flag("verbose")) cli.warn(`overwriting '${to}'`);
    }
    if (o.flag("verbose") || o.flag("dry-run")) cli.out(`Renaming ${source} to ${to}\n`);
    if (o.flag("dry-run")) continue;
    try {
      Deno.renameSync(nativePath(repo.worktreePath(source)), nativePath(repo.worktreePath(to)));
    } catch (error) {
      if (o.flag("k")) continue;
      die(`renaming '${source}' failed: ${reason(error)}`);
    }
    const moved = directory ? index.entries.slice(start, end) : [index.get(source)!];
    for (const entry of [...moved]) {
      index.remove(entry.path);
      index.add({ ...entry, path: directory ? to + entry.path.slice(source.length) : to });
    }
  }
  index.resolveUndo.clear();
  repo.writeIndex(index, lock);
  return 0;
}
