/**
 * `add`: files of the worktree into the index.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isDirectory, lstat } from "../_files.ts";
import { makeEntry } from "../index_file.ts";
import {
  diffIndexWorktree,
  ignoreRulesOf,
  listUntracked,
  refreshIndex,
  worktreeMode,
} from "../status.ts";
import { addPath } from "./_add_path.ts";
import { linkAbove } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { pathArguments } from "./_pathspec_file.ts";
import { parseOptions, refusePatchMode } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

/** `git add` */
export function add(cli: Cli, args: ByteString[]): number {
  const usage = "git add [<options>] [--] <pathspec>...";
  const o = parseOptions(
    cli,
    args,
    "n,dry-run v,verbose i,interactive p,patch e,edit f,force u,update renormalize N,intent-to-add A,all ignore-removal refresh ignore-errors ignore-missing sparse chmod= pathspec-from-file= pathspec-file-nul",
    usage,
  );
  cli.needWorkTree();
  const { repo } = cli;
  if (o.flag("all") && o.flag("update")) die("options '-A' and '-u' cannot be used together");
  if (o.flag("dry-run") === false && o.flag("ignore-missing")) {
    die("the option '--ignore-missing' requires '--dry-run'");
  }
  refusePatchMode(o, "add");
  const chmod = o.text("chmod");
  if (chmod !== undefined && chmod !== "+x" && chmod !== "-x") {
    die(`--chmod param '${chmod}' must be either -x or +x`);
  }
  const paths = pathArguments(cli, o);
  if (paths.length === 0 && !o.flag("all") && !o.flag("update") && !o.flag("renormalize")) {
    cli.err("Nothing specified, nothing added.\n");
    if (cli.config.bool("advice.addemptypathspec", true)) {
      cli.err(
        "hint: Maybe you wanted to say 'git add .'?\nhint: Turn this message off by running\nhint: \"git config advice.addEmptyPathspec false\"\n",
      );
    }
    return 0;
  }
  if (paths.includes("")) {
    die(
      "empty string is not a valid pathspec. please use . instead if you meant to match all paths",
    );
  }
  const wholeTree = paths.length === 0;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const spec = wholeTree ? makePathspec(cli, [":/"]) : makePathspec(cli, paths);
  for (const path of paths) {
    if (!path.startsWith(":") && linkAbove(repo, cli.pathArgument(path)) !== undefined) {
      die(`pathspec '${path}' is beyond a symbolic link`);
    }
  }
  let failed = 0;
  if (o.flag("refresh")) {
    refreshIndex(repo, index, wholeTree ? undefined : spec);
    for (const entry of index.entries) spec.matches(entry.path);
    const missing = wholeTree ? [] : spec.unmatched();
    if (missing.length > 0) die(`pathspec '${missing[0]}' did not match any files`);
    repo.writeIndex(index, lock);
    return 0;
  }
  const show = (text: ByteString): void => {
    if (o.flag("verbose") || o.flag("dry-run")) cli.out(text);
  };
  const shownLines: [ByteString, ByteString][] = [];
  const removal = o.flag("all") || o.flag("update") ||
    !(o.flag("ignore-removal") || o.negated("all"));
  const changed = diffIndexWorktree(repo, index, spec);
  // Paths that match something tracked count as matched.
  for (const entry of index.entries) spec.matches(entry.path);
  const additions: ByteString[] = [];
  const unresolved: ByteString[] = [];
  for (const pair of changed) {
    const path = pair.new.path;
    if (pair.status === "D" || (pair.status === "U" && pair.new.mode === 0)) {
      if (!removal) {
        if (pair.status === "U" && !wholeTree) unresolved.push(path);
        continue;
      }
      shownLines.push([path, `remove '${path}'\n`]);
      if (!o.flag("dry-run")) index.remove(path);
    } else additions.push(path);
  }
  for (const path of unresolved) {
    if (paths.some((one) => cli.pathArgument(one) === path)) {
      die(`pathspec '${path}' did not match any files`);
    }
  }
  if (o.flag("renormalize")) {
    additions.push(
      ...index.entries.filter((entry) => entry.stage === 0 && spec.matches(entry.path)).map((
        entry,
      ) => entry.path),
    );
  }
  if (!o.flag("update") && !o.flag("renormalize")) {
    const { untracked, ignored } = listUntracked(repo, index, {
      collapse: false,
      ignored: true,
      pathspec: spec,
    });
    additions.push(...untracked.map((path) => path.replace(/\/$/, "")));
    if (o.flag("force")) additions.push(...ignored.map((path) => path.replace(/\/$/, "")));
    else {
      const refused = paths.filter((path) => {
        const full = cli.pathArgument(path).replace(/\/$/, "");
        return full !== "" &&
          ignored.some((one) =>
            one === full || one === `${full}/` ||
            (isIgnoredDirectory(cli, full) && one.startsWith(`${full}/`))
          );
      }).map((path) => cli.pathArgument(path).replace(/\/$/, ""));
      if (refused.length > 0) {
        const tops = [...new Set(refused.map((path) => topIgnored(cli, path)))];
        cli.err(
          `The following paths are ignored by one of your .gitignore files:\n${tops.join("\n")}\n`,
        );
        if (cli.config.bool("advice.addignoredfile", true)) {
          cli.err(
            'hint: Use -f if you really want to add them.\nhint: Turn this message off by running\nhint: "git config advice.addIgnoredFile false"\n',
          );
        }
        failed = 1;
      }
    }
  }
  if (!wholeTree && !(o.flag("ignore-missing") && o.flag("dry-run"))) {
    for (const path of spec.unmatched()) {
      const full = path.startsWith(":") ? undefined : cli.pathArgument(path).replace(/\/$/, "");
      if (full === "" || (full !== undefined && lstat(repo.worktreePath(full)) !== undefined)) {
        continue;
      }
      die(`pathspec '${path}' did not match any files`);
    }
  }
  if (o.flag("ignore-missing")) {
    const rules = ignoreRulesOf(repo, index);
    const refused = spec.unmatched().map((path) => cli.pathArgument(path)).filter((path) =>
      rules.isIgnored(path, false)
    );
    if (refused.length > 0) {
      failed = 1;
      cli.err(
        `The following paths are ignored by one of your .gitignore files:\n${refused.join("\n")}\n`,
      );
      if (cli.config.bool("advice.addignoredfile", true)) {
        cli.err(
          'hint: Use -f if you really want to add them.\nhint: Turn this message off by running\nhint: "git config advice.addIgnoredFile false"\n',
        );
      }
    }
  }
  for (const path of [...new Set(additions)].sort()) {
    shownLines.push([path, `add '${path}'\n`]);
    if (o.flag("dry-run")) continue;
    if (o.flag("intent-to-add") && index.get(path) === undefined) {
      index.add({
        ...makeEntry(
          path,
          worktreeMode(lstat(repo.worktreePath(path))!, undefined, true),
          repo.algorithm.emptyBlob,
        ),
        intentToAdd: true,
      });
      continue;
    }
    try {
      addPath(cli, index, path);
    } catch (error) {
      const denied = error instanceof Deno.errors.PermissionDenied;
      if (!denied && !(error instanceof Exit)) throw error;
      if (denied) {
        cli.err(
          `error: open("${path}"): Permission denied\nerror: unable to index file '${path}'\n`,
        );
      }
      if (!o.flag("ignore-errors") && !cli.config.bool("add.ignoreerrors", false)) {
        if (error instanceof Exit) throw error;
        throw new Exit(128, "fatal: adding files failed\n");
      }
      failed = 1;
    }
  }
  if (chmod !== undefined) {
    for (const entry of index.entries) {
      if (entry.stage !== 0 || !spec.matches(entry.path)) continue;
      if ((entry.mode & 0o170000) !== 0o100000) {
        cli.err(`cannot chmod ${chmod} '${entry.path}'\n`);
        failed = 1;
        continue;
      }
      index.add({ ...entry, mode: chmod === "+x" ? 0o100755 : 0o100644 });
    }
  }
  for (const [, line] of shownLines.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))) {
    show(line);
  }
  if (o.flag("dry-run")) lock.rollback();
  else repo.writeIndex(index, lock);
  return failed;
}

function isIgnoredDirectory(cli: Cli, path: ByteString): boolean {
  return isDirectory(cli.repo.worktreePath(path)) && ignoreRulesOf(cli.repo).isIgnored(path, true);
}

function topIgnored(cli: Cli, path: ByteString): ByteString {
  const rules = ignoreRulesOf(cli.repo);
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    if (rules.isIgnored(path.slice(0, slash), true)) return path.slice(0, slash);
  }
  return path;
}
