/**
 * `update-index`: entries of the index, one by one.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import { isSafePath } from "../safe_path.ts";
import { linkAbove } from "../worktree.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { makeEntry } from "../index_file.ts";
import { isHex } from "../objects.ts";
import { refreshIndex } from "../status.ts";
import { addPath } from "./_add_path.ts";
import { type Cli, die, Exit, unquotePath } from "./_context.ts";

/** `git update-index` */
export function updateIndex(cli: Cli, args: ByteString[]): number {
  const { repo } = cli;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  let addNew = false,
    removeGone = false,
    replace = false,
    forceRemove = false,
    quiet = false,
    verbose = false,
    nul = false,
    ignoreMissing = false,
    unmergedOk = false;
  let mark: "assume" | "no-assume" | "skip" | "no-skip" | undefined;
  let failed = 0;
  const refresh = (): void => {
    const unclean = refreshIndex(repo, index);
    const unmerged = new Set(
      index.entries.filter((entry) => entry.stage > 0).map((entry) => entry.path),
    );
    if (!unmergedOk) {
      for (const path of unmerged) {
        failed = 1;
        if (!quiet) cli.out(`${path}: needs merge\n`);
      }
    }
    for (const [path, state] of unclean) {
      if (ignoreMissing && state === "deleted") continue;
      if (!quiet) {
        failed = 1;
        cli.out(`${path}: needs update\n`);
      } else failed = 1;
    }
  };
  const put = (mode: number, id: ObjectId, path: ByteString, stage: number): void => {
    if (!isSafePath(path, mode)) die(`git update-index: --cacheinfo cannot add ${path}`);
    if (!addNew && !index.hasPath(path)) {
      throw new Exit(
        128,
        `error: ${path}: cannot add to the index - missing --add option?\nfatal: git update-index: --cacheinfo cannot add ${path}\n`,
      );
    }
    if (!replace && stage === 0 && index.directoryConflict(path)) {
      throw new Exit(
        128,
        `error: '${path}' appears as both a file and as a directory\nerror: ${path}: cannot add to the index - missing --add option?\nfatal: git update-index: --cacheinfo cannot add ${path}\n`,
      );
    }
    index.add(makeEntry(path, mode, id, stage), { keepDirectoryConflicts: !replace });
  };
  const one = (argument: ByteString): void => {
    const path = cli.pathArgument(argument);
    if (!isSafePath(path)) {
      cli.err(`Ignoring path ${argument}\n`);
      return;
    }
    if (mark !== undefined) {
      const entry = index.get(path);
      if (entry === undefined) die(`Unable to mark file ${path}`);
      if (mark === "assume" || mark === "no-assume") entry.assumeValid = mark === "assume";
      else entry.skipWorktree = mark === "skip";
      index.changed = true;
      return;
    }
    if (forceRemove) {
      index.remove(path);
      if (verbose) cli.out(`remove '${path}'\n`);
      return;
    }
    const info = lstat(repo.worktreePath(path));
    if (
      info === undefined ||
      (info.isDirectory && lstat(`${repo.worktreePath(path)}/.git`) === undefined)
    ) {
      if (removeGone || (info === undefined && ignoreMissing)) {
        if (removeGone) index.remove(path);
        return;
      }
      throw new Exit(
        128,
        info === undefined
          ? `error: ${argument}: does not exist and --remove not passed\nfatal: Unable to process path ${argument}\n`
          : `error: ${argument}: is a directory - add individual files instead\nfatal: Unable to process path ${argument}\n`,
      );
    }
    if (!addNew && !index.hasPath(path)) {
      throw new Exit(
        128,
        `error: ${argument}: cannot add to the index - missing --add option?\nfatal: Unable to process path ${argument}\n`,
      );
    }
    if (!replace && index.directoryConflict(path)) {
      throw new Exit(
        128,
        `error: '${path}' appears as both a file and as a directory\nerror: ${argument}: cannot add to the index - missing --add option?\nfatal: Unable to process path ${argument}\n`,
      );
    }
    if (linkAbove(repo, path) !== undefined) {
      throw new Exit(
        128,
        `error: '${path}' is beyond a symbolic link\nfatal: Unable to process path ${argument}\n`,
      );
    }
    addPath(cli, index, path);
    if (verbose) cli.out(`add '${path}'\n`);
  };
  let onlyPaths = false;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (onlyPaths || !argument.startsWith("-")) {
      cli.needWorkTree();
      one(argument);
      continue;
    }
    const value = (): ByteString => args[++i] ?? die(`option '${argument}' requires a value`);
    switch (argument) {
      case "--":
        onlyPaths = true;
        break;
      case "--add":
        addNew = true;
        break;
      case "--remove":
        removeGone = true;
        break;
      case "--force-remove":
        forceRemove = true;
        break;
      case "--replace":
        replace = true;
        break;
      case "-q":
        quiet = true;
        break;
      case "--unmerged":
        unmergedOk = true;
        break;
      case "--ignore-missing":
        ignoreMissing = true;
        break;
      case "--info-only":
        break;
      case "--verbose":
        verbose = true;
        break;
      case "-z":
        nul = true;
        break;
      case "--assume-unchanged":
        mark = "assume";
        break;
      case "--no-assume-unchanged":
        mark = "no-assume";
        break;
      case "--skip-worktree":
        mark = "skip";
        break;
      case "--no-skip-worktree":
        mark = "no-skip";
        break;
      case "--refresh":
      case "--really-refresh":
        refresh();
        break;
      case "--again":
      case "-g":
        for (const entry of [...index.entries]) {
          if (entry.stage === 0) addPath(cli, index, entry.path);
        }
        break;
      case "--index-version":
        index.version = Number(value());
        index.changed = true;
        break;
      case "--cacheinfo": {
        const text = value();
        const match = /^([0-7]+),([0-9a-f]+),(.*)$/s.exec(text);
        if (match !== null) put(parseInt(match[1]!, 8), match[2]!, match[3]!, 0);
        else {
          const id = value();
          const path = value();
          if (!isHex(id, repo.algorithm.hexSize)) {
            die(`option 'cacheinfo' expects <mode>,<sha1>,<path>`);
          }
          put(parseInt(text, 8), id, path, 0);
        }
        break;
      }
      case "--chmod=+x":
      case "--chmod=-x": {
        const path = cli.pathArgument(value());
        const entry = index.get(path) ??
          die(`git update-index: cannot chmod ${argument.slice(8)} '${path}'`);
        index.add({ ...entry, mode: argument.endsWith("+x") ? 0o100755 : 0o100644 });
        break;
      }
      case "--index-info":
        for (const line of cli.stdinLines(nul ? "\0" : "\n")) {
          const match = /^([0-7]+) (?:(\w+) )?([0-9a-f]{40,64})(?: ([0-3]))?\t(.*)$/s.exec(line);
          if (match === null) die(`malformed index info ${line}`);
          const path = !nul && match[5]!.startsWith('"')
            ? unquotePath(match[5]!)?.path ?? die(`git update-index: bad quoting of path name`)
            : match[5]!;
          if (!isSafePath(path, parseInt(match[1]!, 8))) {
            cli.err(`Ignoring path ${path}\n`);
            continue;
          }
          if (parseInt(match[1]!, 8) === 0) index.remove(path);
          else index.add(makeEntry(path, parseInt(match[1]!, 8), match[3]!, Number(match[4] ?? 0)));
        }
        break;
      case "--stdin":
        for (const line of cli.stdinLines(nul ? "\0" : "\n")) {
          one(
            !nul && line.startsWith('"')
              ? unquotePath(line)?.path ?? die(`line is badly quoted`)
              : line,
          );
        }
        break;
      default:
        if (
          /^--(no-)?(split-index|untracked-cache|fsmonitor|test-untracked-cache|force-untracked-cache|force-write-index|ignore-skip-worktree-entries|ignore-submodules|unresolve|clear-resolve-undo|fsmonitor-valid|show-index-version)/
            .test(argument)
        ) break;
        throw new Exit(
          129,
          `error: unknown option \`${
            argument.replace(/^-+/, "")
          }'\nusage: git update-index [<options>] [--] [<file>...]\n`,
        );
    }
  }
  if (index.changed) repo.writeIndex(index, lock);
  return failed;
}
