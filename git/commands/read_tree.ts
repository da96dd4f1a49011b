/**
 * `read-tree`: trees into the index.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { GitIndex, makeEntry } from "../index_file.ts";
import { peelTo } from "../object_store.ts";
import { ensureSafePath } from "../safe_path.ts";
import { flattenTree, writeIndexTree } from "../status.ts";
import { checkoutFile, SwitchError, switchTree } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git read-tree` */
export function readTreeCommand(cli: Cli, args: ByteString[]): number {
  const usage =
    "git read-tree [(-m [--trivial] [--aggressive] | --reset | --prefix=<prefix>)\n                      [-u | -i]] [--index-output=<file>] [--no-sparse-checkout]\n                      (--empty | <tree-ish1> [<tree-ish2> [<tree-ish3>]])";
  const o = parseOptions(
    cli,
    args,
    "m reset u i n,dry-run v aggressive trivial empty prefix= index-output= exclude-per-directory= no-sparse-checkout q,quiet debug-unpack recurse-submodules?",
    usage,
  );
  const { repo } = cli;
  const trees = o.rest.map((name) => {
    const id = cli.tryRevision(name, { prefer: "treeish" });
    if (id === undefined) die(`Not a valid object name ${name}`);
    return peelTo(repo.objects, id, "tree") ?? die(`failed to unpack tree object ${name}`);
  });
  for (const tree of trees) {
    for (const [path, { mode }] of flattenTree(repo, tree)) ensureSafePath(path, mode);
  }
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const prefix = o.text("prefix");
  if (o.flag("empty")) index.replaceAll([]);
  else if (prefix !== undefined) {
    const base = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    for (const [path, { mode, id }] of flattenTree(repo, trees[0])) {
      if (index.hasPath(base + path)) {
        throw new Exit(
          128,
          `error: Entry '${base}${path}' overlaps with '${base}${path}'.  Cannot bind.\n`,
        );
      }
      index.add(
        o.flag("u") ? checkoutFile(repo, base + path, mode, id) : makeEntry(base + path, mode, id),
      );
    }
  } else if (trees.length === 0) throw usageError("", usage);
  else if (o.flag("reset") || (!o.flag("m") && trees.length === 1)) {
    if (o.flag("u")) switchTree(repo, index, undefined, trees.at(-1), { force: true });
    else {
      const entries = [...flattenTree(repo, trees.at(-1))].map(([path, { mode, id }]) => {
        const known = o.flag("reset") || o.flag("m") ? index.get(path) : undefined;
        return known !== undefined && known.id === id && known.mode === mode
          ? known
          : makeEntry(path, mode, id);
      });
      index.replaceAll(entries);
    }
  } else if (trees.length === 3) {
    const [base, ours, theirs] = trees.map((tree) => flattenTree(repo, tree)) as [
      Map<string, { mode: number; id: string }>,
      Map<string, { mode: number; id: string }>,
      Map<string, { mode: number; id: string }>,
    ];
    const next = new GitIndex(repo.algorithm);
    for (const path of [...new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])].sort()) {
      const a = base.get(path), b = ours.get(path), c = theirs.get(path);
      const same = (x: typeof a, y: typeof a): boolean =>
        x === y || (x !== undefined && y !== undefined && x.id === y.id && x.mode === y.mode);
      const pick = same(b, c) && (b !== undefined || o.flag("aggressive"))
        ? b
        : same(a, c) && (b !== undefined || o.flag("aggressive")) && a !== undefined
        ? b
        : same(a, b) && a !== undefined && (c !== undefined || o.flag("aggressive"))
        ? c
        : a === undefined && b === undefined && o.flag("aggressive")
        ? c
        : a === undefined && c === undefined && b !== undefined
        ? b
        : null;
      if (pick === undefined) continue;
      if (pick !== null) {
        const known = index.get(path);
        next.add(
          known !== undefined && known.id === pick.id && known.mode === pick.mode
            ? known
            : o.flag("u")
            ? checkoutFile(repo, path, pick.mode, pick.id)
            : makeEntry(path, pick.mode, pick.id),
          { keepDirectoryConflicts: true },
        );
        continue;
      }
      [a, b, c].forEach((side, i) =>
        side !== undefined &&
        next.add(makeEntry(path, side.mode, side.id, i + 1), { keepDirectoryConflicts: true })
      );
    }
    index.replaceAll([...next.entries]);
  } else {
    const from = trees.length === 1 ? undefined : trees[0];
    try {
      if (from === undefined) {
        const entries = [...flattenTree(repo, trees[0])].map(([path, { mode, id }]) => {
          const known = index.get(path);
          return known !== undefined && known.id === id && known.mode === mode
            ? known
            : makeEntry(path, mode, id);
        });
        if (o.flag("u")) switchTree(repo, index, writeIndexTree(repo, index), trees[0], {});
        else index.replaceAll(entries);
      } else {switchTree(repo, index, from, trees[1], {
          updateWorktree: o.flag("u"),
          dry: o.flag("dry-run"),
        });}
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      throw new Exit(
        128,
        [
          ...error.conflicts.changed.map((path) =>
            `error: Entry '${path}' not uptodate. Cannot merge.\n`
          ),
          ...error.conflicts.untracked.map((path) =>
            `error: Untracked working tree file '${path}' would be overwritten by merge.\n`
          ),
        ].join(""),
      );
    }
  }
  if (o.flag("dry-run")) return 0;
  if (!index.unmerged && prefix === undefined && !o.flag("empty")) {
    writeIndexTree(repo, index, { dry: true });
  }
  repo.writeIndex(index, lock);
  return 0;
}
