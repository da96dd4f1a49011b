/**
 * `reset`: HEAD, index and worktree set to a commit.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat, stat } from "../_files.ts";
import { type GitIndex, makeEntry } from "../index_file.ts";
import { commitLinks } from "../merge_base.ts";
import { peelTo } from "../object_store.ts";
import { diffIndexWorktree, flattenTree, refreshIndex, writeIndexTree } from "../status.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { removeBranchState } from "./_merge_state.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { finishAutostash } from "./_merge_autostash.ts";
import { parseOptions, refusePatchMode } from "./_options.ts";
import { makePathspec } from "./_revs.ts";
import { describeDetached } from "./_switch.ts";

/** `git reset` */
export function reset(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet refresh mixed soft hard merge keep p,patch N,intent-to-add recurse-submodules? pathspec-from-file= pathspec-file-nul",
    "git reset [--mixed | --soft | --hard | --merge | --keep] [-q] [<commit>]\n   or: git reset [-q] [<tree-ish>] [--] <pathspec>...",
    { keepDashes: true },
  );
  refusePatchMode(o, "reset");
  const { repo } = cli;
  const mode = ["soft", "hard", "merge", "keep", "mixed"].find((name) => o.flag(name)) ?? "mixed";
  if (mode !== "soft" && repo.bare && mode !== "mixed") {
    die("this operation must be run in a work tree");
  }
  if (mode === "mixed" && repo.bare) die("mixed reset is not allowed in a bare repository");
  if (mode !== "soft") cli.needWorkTree();
  const dash = o.rest.indexOf("--");
  let name: ByteString = "HEAD";
  let paths: ByteString[];
  if (dash >= 0) {
    if (dash > 0) name = o.rest[0]!;
    paths = o.rest.slice(dash + 1);
  } else if (o.rest.length > 0 && (cli.tryRevision(o.rest[0]!) !== undefined)) {
    name = o.rest[0]!;
    paths = o.rest.slice(1);
  } else {
    paths = o.rest;
    for (const path of paths) {
      if (
        lstat(cli.fileArgument(path)) === undefined &&
        !repo.readIndex().hasPath(cli.pathArgument(path)) &&
        !repo.readIndex().hasDirectory(cli.pathArgument(path)) && !/[*?[:]/.test(path)
      ) cli.revision(path);
    }
  }
  const oldHead = repo.head();
  const unborn = name === "HEAD" && oldHead === undefined;
  const id = unborn ? undefined : cli.revision(name);
  const quiet = o.flag("quiet") || (!o.given("quiet") && cli.config.bool("reset.quiet", false));
  if (paths.length > 0) {
    if (mode !== "mixed") die(`Cannot do ${mode} reset with paths.`);
    const tree = id === undefined
      ? repo.algorithm.emptyTree
      : peelTo(repo.objects, id, "tree") ?? die(`Could not parse object '${name}'.`);
    using lock = repo.lockIndex();
    const index = repo.readIndex();
    const spec = makePathspec(cli, paths);
    const known = flattenTree(repo, tree);
    for (const entry of [...index.entries]) {
      if (!spec.matches(entry.path)) continue;
      const want = known.get(entry.path);
      if (want === undefined) {
        if (o.flag("intent-to-add")) {
          index.add({
            ...makeEntry(entry.path, entry.mode, repo.algorithm.emptyBlob),
            intentToAdd: true,
          });
        } else index.remove(entry.path);
      }
    }
    for (const [path, { mode: fileMode, id: blob }] of known) {
      if (!spec.matches(path)) continue;
      const current = index.get(path);
      if (
        current === undefined || current.id !== blob || current.mode !== fileMode ||
        current.intentToAdd
      ) index.add(makeEntry(path, fileMode, blob));
    }
    if (!quiet) reportUnstaged(cli, index);
    repo.writeIndex(index, lock);
    return 0;
  }
  const target = id === undefined
    ? undefined
    : peelTo(repo.objects, id, "commit") ?? die(`Could not parse object '${name}'.`);
  const tree = target === undefined ? undefined : commitLinks(repo.objects, target).tree;
  const index = repo.readIndex();
  if (mode === "soft") {
    if (stat(`${repo.paths.gitDir}/MERGE_HEAD`) !== undefined || index.unmerged) {
      die("Cannot do a soft reset in the middle of a merge.");
    }
  } else {
    using lock = repo.lockIndex();
    if (mode === "hard") switchTree(repo, index, undefined, tree, { force: true });
    else if (mode === "mixed") {
      const known = flattenTree(repo, tree);
      const entries = [...known].map(([path, { mode: fileMode, id: blob }]) => {
        const current = index.get(path);
        return current !== undefined && current.id === blob && current.mode === fileMode &&
            !current.intentToAdd
          ? current
          : makeEntry(path, fileMode, blob);
      });
      if (o.flag("intent-to-add")) {
        for (const entry of index.entries) {
          if (!known.has(entry.path)) {
            entries.push({
              ...makeEntry(entry.path, entry.mode, repo.algorithm.emptyBlob),
              intentToAdd: true,
            });
          }
        }
      }
      index.replaceAll(entries);
      index.resolveUndo.clear();
      if (!quiet) reportUnstaged(cli, index);
      else refreshIndex(repo, index);
    } else {
      // merge and keep: local changes survive where the trees agree.
      if (mode === "keep" && index.unmerged) {
        die("Cannot do a keep reset in the middle of a merge.");
      }
      try {
        switchTree(
          repo,
          index,
          oldHead === undefined ? undefined : commitLinks(repo.objects, oldHead).tree,
          tree,
          { discardIndex: mode === "merge" },
        );
      } catch (error) {
        if (!(error instanceof SwitchError)) throw error;
        throw new Exit(
          128,
          `${
            error.conflicts.changed.map((path) =>
              `error: Entry '${path}' not uptodate. Cannot merge.\n`
            ).join("")
          }fatal: Could not reset index file to revision '${name}'.\n`,
        );
      }
    }
    if (tree !== undefined) writeIndexTree(repo, index, { dry: true });
    repo.writeIndex(index, lock);
  }
  if (target !== undefined) {
    const action = cli.env.get("GIT_REFLOG_ACTION") ?? "reset";
    repo.refs.update({
      name: "ORIG_HEAD",
      ...(oldHead === undefined ? { newId: repo.algorithm.zero } : { newId: oldHead }),
      noDeref: true,
      skipReflog: true,
    });
    repo.refs.update({ name: "HEAD", newId: target, message: `${action}: moving to ${name}` });
  }
  if (mode === "hard" && !quiet && target !== undefined) {
    cli.out(`HEAD is now at ${describeDetached(cli, target)}\n`);
  }
  removeBranchState(cli);
  finishAutostash(cli, false);
  return 0;
}

function reportUnstaged(cli: Cli, index: GitIndex): void {
  const pairs = diffIndexWorktree(cli.repo, index);
  if (pairs.length === 0) return;
  cli.out(
    `Unstaged changes after reset:\n${
      pairs.map((pair) => `${pair.status}\t${pair.new.path}\n`).join("")
    }`,
  );
}
