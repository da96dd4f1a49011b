/**
 * `clean`: files that are not tracked removed.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { listDirectory, nativePath, stat } from "../_files.ts";
import { GitError } from "../errors.ts";
import { reason } from "../lock_file.ts";
import { isGitDirectory, readGitFile } from "../repository.ts";
import { ignoreRulesOf, listUntracked } from "../status.ts";
import { type Cli, die, quotePath, relativeToPrefix } from "./_context.ts";
import { parseOptions, refusePatchMode } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

/** `git clean` */
export function clean(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet n,dry-run f,force+ i,interactive d e,exclude* x X",
    "git clean [-d] [-f] [-i] [-n] [-q] [-e <pattern>] [-x | -X] [--] [<pathspec>...]",
  );
  refusePatchMode(o, "clean");
  cli.needWorkTree();
  const { repo } = cli;
  if (o.count("force") === 0 && !o.flag("dry-run") && cli.config.bool("clean.requireforce", true)) {
    die("clean.requireForce defaults to true and neither -i, -n, nor -f given; refusing to clean");
  }
  if (o.flag("x") && o.flag("X")) die("options '-x' and '-X' cannot be used together");
  const index = repo.readIndex();
  const rules = ignoreRulesOf(repo, index);
  for (const pattern of o.list("exclude")) rules.addPattern(pattern);
  const spec = o.rest.length > 0
    ? makePathspec(cli, o.rest)
    : cli.prefix === ""
    ? undefined
    : makePathspec(cli, ["."]);
  const found = listUntracked(repo, index, {
    ignored: o.flag("x") || o.flag("X"),
    rules,
    pathspec: spec,
    emptyDirectories: o.flag("d"),
  });
  const chosen = o.flag("X")
    ? found.ignored
    : o.flag("x")
    ? [...new Set([...found.untracked, ...found.ignored])].sort()
    : sparingIgnored(found.untracked, () =>
      listUntracked(repo, index, { collapse: false, ignored: true, rules, pathspec: spec }));
  const quoteHigh = cli.config.bool("core.quotepath", true);
  const run: CleanRun = {
    cli,
    dry: o.flag("dry-run"),
    quiet: o.flag("quiet") && !o.flag("dry-run"),
    nested: o.count("force") > 1,
    shown: (path) => quotePath(relativeToPrefix(path, cli.prefix), quoteHigh),
    failed: 0,
  };
  for (const path of chosen) {
    if (path.endsWith("/")) {
      if (!o.flag("d") && o.rest.length === 0) continue;
      if (removeDirectory(run, path)) say(run, path);
    } else if (removeOne(run, path, false)) say(run, path);
  }
  return run.failed;
}

interface CleanRun {
  readonly cli: Cli;
  readonly dry: boolean;
  readonly quiet: boolean;
  /** Repositories inside go too (`-f` twice). */
  readonly nested: boolean;
  readonly shown: (path: ByteString) => ByteString;
  failed: number;
}

/** Opens up directories in which something is ignored: that stays, and so do they. */
function sparingIgnored(
  untracked: ByteString[],
  list: () => { untracked: ByteString[]; ignored: ByteString[] },
): ByteString[] {
  if (!untracked.some((path) => path.endsWith("/"))) return untracked;
  const { untracked: files, ignored } = list();
  const kept = new Set<ByteString>();
  for (const path of ignored) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      kept.add(path.slice(0, at + 1));
    }
  }
  return untracked.flatMap((path) => {
    if (!kept.has(path)) return [path];
    const inside = files.filter((file) => file.startsWith(path)).map((file) => {
      // The highest directory that holds nothing ignored goes as a whole.
      for (let at = file.indexOf("/"); at >= 0; at = file.indexOf("/", at + 1)) {
        if (!kept.has(file.slice(0, at + 1))) return file.slice(0, at + 1);
      }
      return file;
    });
    return [...new Set(inside)];
  });
}

function say(run: CleanRun, path: ByteString): void {
  if (!run.quiet) run.cli.out(`${run.dry ? "Would remove" : "Removing"} ${run.shown(path)}\n`);
}

function removeOne(run: CleanRun, path: ByteString, directory: boolean): boolean {
  if (run.dry) return true;
  try {
    Deno.removeSync(
      nativePath(run.cli.repo.worktreePath(directory ? path.slice(0, -1) : path)),
    );
    return true;
  } catch (error) {
    run.cli.err(`warning: failed to remove ${run.shown(path)}: ${reason(error)}\n`);
    run.failed = 1;
    return false;
  }
}

/** Whether a directory is the worktree of a repository of its own. */
function isNestedRepository(full: ByteString): boolean {
  const info = stat(`${full}.git`);
  if (info?.isDirectory) return isGitDirectory(`${full}.git`);
  if (!info?.isFile) return false;
  try {
    return readGitFile(`${full}.git`) !== undefined;
  } catch (error) {
    // A file that leads to a repository which is gone is still one of Git's.
    return error instanceof GitError && error.code === "not_found";
  }
}

/** Removes what is in a directory, and then itself; whether all of it is gone. */
function removeDirectory(run: CleanRun, path: ByteString, inner = false): boolean {
  // Git names what is below the first level without a slash.
  const shown = inner ? path.slice(0, -1) : path;
  const full = run.cli.repo.worktreePath(path);
  if (!run.nested && isNestedRepository(full)) {
    if (!run.quiet) {
      run.cli.out(`${run.dry ? "Would skip" : "Skipping"} repository ${run.shown(shown)}\n`);
    }
    return false;
  }
  let gone = true;
  const removed: ByteString[] = [];
  try {
    for (const entry of listDirectory(full.slice(0, -1))) {
      const inside = `${path}${entry.name}${entry.isDirectory ? "/" : ""}`;
      const done = entry.isDirectory
        ? removeDirectory(run, inside, true)
        : removeOne(run, inside, false);
      if (done) removed.push(inside.replace(/\/$/, ""));
      else gone = false;
    }
  } catch (error) {
    run.cli.err(`warning: failed to remove ${run.shown(path)}: ${reason(error)}\n`);
    run.failed = 1;
    gone = false;
  }
  if (gone) return removeOne(run, path, true);
  for (const one of removed.sort()) say(run, one);
  return false;
}
