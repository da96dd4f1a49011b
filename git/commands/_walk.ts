/**
 * Walks over history as the options of `log` and `rev-list` ask for them.
 *
 * @module
 */
import type { ObjectId } from "../hash_algorithm.ts";
import { simplifyMerges } from "../history_simplification.ts";
import { commitLinks } from "../merge_base.ts";
import { parseSignature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { patchId } from "../patch_id.ts";
import type { Pathspec } from "../pathspec.ts";
import { walkCommits, type WalkedCommit } from "../rev_list.ts";
import { diffTrees } from "../tree_diff.ts";
import { type Cli, die } from "./_context.ts";
import { Decorations, type LogSettings } from "./_log_options.ts";
import type { RevArguments } from "./_revs.ts";

/** Commits that a command starts from. */
export function startingCommits(cli: Cli, revs: RevArguments): ObjectId[] {
  const out: ObjectId[] = [];
  for (const { id } of revs.include) {
    const commit = peelTo(cli.repo.objects, id, "commit");
    if (commit !== undefined) out.push(commit);
  }
  return out;
}

/** Commits that a command leaves out, with all they reach. */
export function excludedCommits(cli: Cli, revs: RevArguments): ObjectId[] {
  return revs.exclude.map((id) => peelTo(cli.repo.objects, id, "commit")).filter((
    id,
  ): id is string => id !== undefined);
}

/** What is on the left of `A...B`. */
export function leftSide(cli: Cli, revs: RevArguments): Set<ObjectId> {
  const [left, right] = revs.symmetric!;
  const out = new Set<ObjectId>();
  for (const commit of walkCommits(cli.repo.objects, { include: [left], exclude: [right] })) {
    out.add(commit.id);
  }
  return out;
}

/** A walk, and what it found out about commits. */
export interface HistoryWalk {
  commits: Iterable<WalkedCommit>;
  /** Commits whose patch is on the other side too, with `--cherry-mark`. */
  picked: ReadonlySet<ObjectId>;
  /** The ref or name through which a commit was found, with `--source`. */
  source: ((id: ObjectId) => string | undefined) | undefined;
}

/** Walks history with all limits and simplifications. */
export function walkHistory(
  cli: Cli,
  revs: RevArguments,
  settings: LogSettings,
  pathspec: Pathspec | undefined,
): HistoryWalk {
  const store = cli.repo.objects;
  const include = startingCommits(cli, revs), exclude = excludedCommits(cli, revs);
  const time = (id: ObjectId): number => commitLinks(store, id).time;
  const simplifies = settings.simplifyMerges || settings.simplifyByDecoration;
  const walk = (): Iterable<WalkedCommit> =>
    walkCommits(store, {
      include: settings.noWalk === "sorted"
        ? [...new Set(include)].sort((a, b) => time(b) - time(a))
        : include,
      exclude,
      ...settings.walk,
      ...(simplifies
        ? { order: settings.walk.order ?? "topo" }
        : pathspec === undefined
        ? {}
        : { pathspec }),
      noWalk: settings.noWalk !== false,
      authorTime: (id) => parseSignature(readCommit(store, id).author).time,
    });
  const picked = new Set<ObjectId>();
  const source = settings.source ? sources(cli, revs) : undefined;
  const sided = settings.cherryPick || settings.cherryMark || settings.leftOnly ||
    settings.rightOnly;
  if (!simplifies && !sided && settings.ancestryPath === undefined) {
    return { commits: walk(), picked, source };
  }
  let commits = [...walk()];
  if (settings.ancestryPath !== undefined) {
    const bottoms = settings.ancestryPath.map((name) =>
      peelTo(store, cli.revision(name), "commit") ??
        die(`could not get commit for --ancestry-path argument ${name}`)
    );
    if (bottoms.length === 0 && exclude.length === 0) {
      die("--ancestry-path given but there are no bottom commits");
    }
    commits = onPath(cli, commits, bottoms, exclude);
  }
  if (sided && revs.symmetric !== undefined) {
    const left = leftSide(cli, revs);
    if (settings.cherryPick || settings.cherryMark) {
      const ids = new Map<string, ObjectId[]>();
      for (const { id } of commits) {
        const patch = patchId(store, id);
        if (patch === undefined) continue;
        const list = ids.get(patch);
        if (list === undefined) ids.set(patch, [id]);
        else list.push(id);
      }
      for (const list of ids.values()) {
        if (new Set(list.map((id) => left.has(id))).size < 2) continue;
        for (const id of list) picked.add(id);
      }
    }
    commits = commits.filter(({ id }) =>
      !(settings.leftOnly && !left.has(id)) && !(settings.rightOnly && left.has(id)) &&
      !(settings.cherryPick && picked.has(id))
    );
  }
  if (simplifies) {
    const decorated = settings.simplifyByDecoration ? new Decorations(cli, settings) : undefined;
    const tree = (id: ObjectId | undefined): ObjectId | undefined =>
      id === undefined ? undefined : commitLinks(store, id).tree;
    commits = simplifyMerges(store, commits, (id, parent) => {
      if (decorated !== undefined && parent !== undefined) {
        if (decorated.has(id)) return false;
        if (pathspec === undefined) return true;
      }
      return diffTrees(store, tree(parent), tree(id), { pathspec }).length === 0;
    });
  }
  return { commits, picked, source };
}

/** Commits between others: descendants of the bottom, and ancestors of commits that were named. */
function onPath(
  cli: Cli,
  commits: readonly WalkedCommit[],
  named: readonly ObjectId[],
  exclude: readonly ObjectId[],
): WalkedCommit[] {
  const store = cli.repo.objects;
  const parents = (id: ObjectId): readonly ObjectId[] => commitLinks(store, id).parents;
  const found = new Set(named.length > 0 ? named : exclude);
  // Parents may come before children where clocks were wrong: until nothing is added.
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (let at = commits.length - 1; at >= 0; at--) {
      const { id } = commits[at]!;
      if (!found.has(id) && parents(id).some((parent) => found.has(parent))) found.add(id);
    }
  }
  const inWalk = new Set(commits.map((commit) => commit.id));
  const stack = [...named];
  const seen = new Set<ObjectId>();
  while (stack.length > 0) {
    const id = stack.pop()!;
    if (seen.has(id) || !inWalk.has(id)) continue;
    seen.add(id);
    found.add(id);
    stack.push(...parents(id));
  }
  return commits.filter(({ id }) => found.has(id));
}

/** Where commits were found from; a commit that several names lead to has the first that came. */
function sources(cli: Cli, revs: RevArguments): (id: ObjectId) => string | undefined {
  const store = cli.repo.objects;
  const names = new Map<ObjectId, string>();
  for (const { id, name } of revs.include) {
    const commit = peelTo(store, id, "commit");
    if (commit !== undefined && !names.has(commit)) names.set(commit, name);
  }
  const walked = new Set<ObjectId>();
  const walk = walkCommits(store, {
    include: startingCommits(cli, revs),
    exclude: excludedCommits(cli, revs),
  })[Symbol.iterator]();
  return (wanted) => {
    // The walk is followed only as far as commits are asked for.
    while (!names.has(wanted) || !walked.has(wanted)) {
      const next = walk.next();
      if (next.done) break;
      const { id } = next.value;
      walked.add(id);
      const name = names.get(id);
      for (const parent of commitLinks(store, id).parents) {
        if (name !== undefined && !names.has(parent)) names.set(parent, name);
      }
    }
    return names.get(wanted);
  };
}
