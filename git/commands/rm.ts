/**
 * `rm`: files out of the index and the worktree.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import { flattenTree, refreshIndex } from "../status.ts";
import { removeWorktreeFile } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { headTree } from "./_head_tree.ts";
import { parseOptions } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

/** `git rm` */
export function rm(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "n,dry-run q,quiet cached f,force r ignore-unmatch sparse pathspec-from-file= pathspec-file-nul",
    "git rm [<options>] [--] <file>...",
  );
  const { repo } = cli;
  if (!o.flag("cached")) cli.needWorkTree();
  if (o.rest.length === 0) die("No pathspec was given. Which files should I remove?");
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const spec = makePathspec(cli, o.rest);
  const chosen = [
    ...new Set(
      index.entries.filter((entry) => spec.matches(entry.path)).map((entry) => entry.path),
    ),
  ];
  for (const path of o.rest) {
    const full = cli.pathArgument(path).replace(/\/$/, "");
    if (spec.unmatched().includes(path)) {
      if (!o.flag("ignore-unmatch")) die(`pathspec '${path}' did not match any files`);
    } else if (
      !o.flag("r") && !index.hasPath(full) && (full === "" || index.hasDirectory(full)) &&
      !/[*?[]/.test(path)
    ) {
      die(`not removing '${path}' recursively without -r`);
    }
  }
  if (!o.flag("force")) {
    const head = flattenTree(repo, headTree(cli));
    const state = refreshIndex(repo, index);
    const both: string[] = [], staged: string[] = [], local: string[] = [];
    for (const path of chosen) {
      const entry = index.get(path);
      if (entry === undefined || (entry.mode & 0o170000) === 0o160000) continue;
      const info = lstat(repo.worktreePath(path));
      if (info === undefined) continue;
      const localChange = state.get(path) === "modified" || state.get(path) === "type";
      const known = head.get(path);
      const stagedChange = known === undefined || known.id !== entry.id ||
        known.mode !== entry.mode;
      if (localChange && stagedChange) {
        if (!(o.flag("cached") && entry.intentToAdd)) both.push(path);
      } else if (!o.flag("cached")) {
        if (stagedChange) staged.push(path);
        if (localChange) local.push(path);
      }
    }
    const advice = cli.config.bool("advice.rmhints", true);
    let text = "";
    const report = (list: string[], one: string, many: string, hint: string): void => {
      if (list.length === 0) return;
      text += `error: ${list.length === 1 ? one : many}\n${
        list.map((path) => `    ${path}\n`).join("")
      }${advice ? `${hint}\n` : ""}`;
    };
    report(
      both,
      "the following file has staged content different from both the\nfile and the HEAD:",
      "the following files have staged content different from both the\nfile and the HEAD:",
      "(use -f to force removal)",
    );
    report(
      staged,
      "the following file has changes staged in the index:",
      "the following files have changes staged in the index:",
      "(use --cached to keep the file, or -f to force removal)",
    );
    report(
      local,
      "the following file has local modifications:",
      "the following files have local modifications:",
      "(use --cached to keep the file, or -f to force removal)",
    );
    if (text !== "") throw new Exit(1, text);
  }
  for (const path of chosen) {
    if (!o.flag("quiet")) cli.out(`rm '${path}'\n`);
    if (o.flag("dry-run")) continue;
    index.remove(path);
    if (!o.flag("cached")) removeWorktreeFile(repo, path, cli.prefix);
  }
  if (o.flag("dry-run")) lock.rollback();
  else repo.writeIndex(index, lock);
  return 0;
}
