/**
 * `git stash`.
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { lstat, nativePath, readTextIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import type { Pathspec } from "../pathspec.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { formatReflog } from "../ref_store.ts";
import { GitIndex, makeEntry } from "../index_file.ts";
import { flattenTree, listUntracked, writeIndexTree } from "../status.ts";
import { checkoutFile, removeWorktreeFile, switchTree } from "../worktree.ts";
import { applyStash, makeStash, type StashOutcome, treePaths } from "./_autostash.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions } from "./_options.ts";
import { makePathspec } from "./_revs.ts";
import { diff as diffCommand, log } from "./history.ts";
import { checkout } from "./checkout.ts";
import { status } from "./status.ts";

const USAGE =
  "git stash list [<log-options>]\n   or: git stash show [-u | --include-untracked | --only-untracked] [<diff-options>] [<stash>]\n   or: git stash drop [-q | --quiet] [<stash>]\n   or: git stash pop [--index] [-q | --quiet] [<stash>]\n   or: git stash apply [--index] [-q | --quiet] [<stash>]\n   or: git stash branch <branchname> [<stash>]\n   or: git stash [push [-p | --patch] [-S | --staged] [-k | --[no-]keep-index] [-q | --quiet]\n          [-u | --include-untracked] [-a | --all] [(-m | --message) <message>]\n          [--pathspec-from-file=<file> [--pathspec-file-nul]]\n          [--] [<pathspec>...]]\n   or: git stash save [-p | --patch] [-S | --staged] [-k | --[no-]keep-index] [-q | --quiet]\n          [-u | --include-untracked] [-a | --all] [<message>]\n   or: git stash clear\n   or: git stash create [<message>]\n   or: git stash store [(-m | --message) <message>] [-q | --quiet] <commit>";

const REF = "refs/stash";

interface Named {
  readonly id: ObjectId;
  /** What it was called. */
  readonly name: ByteString;
  /** Its place in the log; `undefined` for a commit given otherwise. */
  readonly index: number | undefined;
}

function named(cli: Cli, text: ByteString | undefined): Named {
  const { repo } = cli;
  let name = text ?? `${REF}@{0}`;
  if (text === undefined && !repo.refs.exists(REF)) throw new Exit(1, "No stash entries found.\n");
  if (/^\d+$/.test(name)) name = `${REF}@{${name}}`;
  const match = /^(?:refs\/)?stash(?:@\{(\d+)\})?$/.exec(name);
  let id: ObjectId | undefined;
  let index: number | undefined;
  if (match !== null) {
    index = Number(match[1] ?? 0);
    const entries = repo.refs.readLog(REF) ?? [];
    id = entries.at(-1 - index)?.newId;
    if (id === undefined) {
      throw new Exit(
        1,
        entries.length === 0
          ? "No stash entries found.\n"
          : `error: ${text ?? name} is not a valid reference\n`,
      );
    }
  } else id = cli.tryRevision(name);
  if (id === undefined) throw new Exit(1, `error: ${text} is not a valid reference\n`);
  const commit = peelTo(repo.objects, id, "commit");
  if (commit === undefined || readCommit(repo.objects, commit).parents.length < 2) {
    throw new Exit(1, `error: '${text}' is not a stash-like commit\n`);
  }
  return { id: commit, name, index };
}

function push(
  cli: Cli,
  o: Options,
  message: ByteString | undefined,
  paths: readonly ByteString[],
): number {
  cli.needWorkTree();
  const { repo } = cli;
  const quiet = o.flag("quiet");
  if (o.flag("patch")) die("stashing parts of files is not available; name the files instead");
  const all = o.flag("all"), includeUntracked = o.flag("include-untracked") || all;
  if (includeUntracked && o.flag("staged")) {
    throw new Exit(
      1,
      "error: options '--staged' and '--include-untracked' cannot be used together\n",
    );
  }
  let spec: Pathspec | undefined;
  if (paths.length > 0) spec = makePathspec(cli, paths);
  const head = repo.head();
  if (head === undefined) throw new Exit(1, "You do not have the initial commit yet\n");
  const index = repo.readIndex();
  let untracked: ByteString[] = [];
  if (includeUntracked) {
    const found = listUntracked(repo, index, { collapse: false, ignored: all });
    untracked = found.untracked.concat(all ? found.ignored : []).filter((path) =>
      !path.endsWith("/") && (spec === undefined || spec.matches(path))
    );
  }
  if (spec !== undefined && !includeUntracked) {
    for (const path of paths) {
      const one = makePathspec(cli, [path]);
      if (!index.entries.some((entry) => one.matches(entry.path))) {
        throw new Exit(
          1,
          `error: pathspec ':(,prefix:0)${path}' did not match any file(s) known to git\nDid you forget to 'git add'?\n`,
        );
      }
    }
  }
  const made = makeStash(cli, message, { untracked, spec, staged: o.flag("staged") });
  if (made === undefined) {
    if (repo.readIndex().unmerged) {
      cli.err("error: could not write index\n");
      return 1;
    }
    if (!quiet) cli.out("No local changes to save\n");
    return 0;
  }
  repo.refs.update({ name: REF, newId: made.id, message: made.message, createReflog: true });
  if (!quiet) cli.out(`Saved working directory and index state ${made.message}\n`);
  // What was saved goes from the worktree.
  const keep = o.flag("keep-index");
  const headTree = commitLinks(repo.objects, head).tree;
  const indexTree = commitLinks(repo.objects, commitLinks(repo.objects, made.id).parents[1]!).tree;
  for (const path of untracked) removeWorktreeFile(repo, path);
  const lock = repo.lockIndex();
  try {
    if (o.flag("staged")) {
      // Only what was staged is taken back, from index and worktree.
      switchTree(repo, index, indexTree, headTree, { force: true });
    } else if (spec === undefined) {
      switchTree(repo, index, undefined, keep ? indexTree : headTree, { force: true });
    } else {
      const target = new Map(files(cli, keep ? indexTree : headTree));
      const touched = new Set([...index.entries.map((entry) => entry.path), ...target.keys()]);
      for (const path of touched) {
        if (!spec.matches(path)) continue;
        const want = target.get(path);
        if (want === undefined) {
          index.remove(path);
          if (lstat(repo.worktreePath(path)) !== undefined) removeWorktreeFile(repo, path);
        } else index.add(checkoutFile(repo, path, want.mode, want.id));
      }
    }
    repo.writeIndex(index, lock);
  } finally {
    lock.rollback();
  }
  return 0;
}

function files(cli: Cli, tree: ObjectId): [ByteString, { mode: number; id: ObjectId }][] {
  return [...flattenTree(cli.repo, tree)].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function apply(cli: Cli, stash: Named, o: Options): Promise<StashOutcome> {
  const { repo } = cli;
  cli.needWorkTree();
  const quiet = o.flag("quiet");
  const untracked = commitLinks(repo.objects, stash.id).parents[2];
  if (untracked !== undefined) {
    const list = treePaths(repo, commitLinks(repo.objects, untracked).tree);
    const there = list.filter((path) => lstat(repo.worktreePath(path)) !== undefined);
    if (there.length > 0) {
      cli.err(
        `${
          there.map((path) => `${path} already exists, no checkout\n`).join("")
        }error: could not restore untracked files from stash\n`,
      );
      return "refused";
    }
  }
  const outcome = applyStash(cli, stash.id, { index: o.flag("index"), quiet });
  if (outcome === "refused") return outcome;
  if (untracked !== undefined) {
    for (const [path, { mode, id }] of files(cli, commitLinks(repo.objects, untracked).tree)) {
      checkoutFile(repo, path, mode, id);
    }
  }
  if (!quiet) {
    cli.reopen();
    await status(cli, []);
  }
  return outcome;
}

function drop(cli: Cli, stash: Named, quiet: boolean): number {
  const { refs } = cli.repo;
  if (stash.index === undefined) {
    throw new Exit(1, `error: '${stash.name}' is not a stash reference\n`);
  }
  const entries = refs.readLog(REF) ?? [];
  const at = entries.length - 1 - stash.index;
  const kept = entries.filter((_, i) => i !== at);
  // The chain of old and new ids stays closed.
  const next = kept[at];
  if (next !== undefined) {
    kept[at] = { ...next, oldId: kept[at - 1]?.newId ?? cli.repo.algorithm.zero };
  }
  if (kept.length === 0) refs.update({ name: REF, newId: cli.repo.algorithm.zero });
  else {
    Deno.writeFileSync(nativePath(refs.logPath(REF)), fromByteString(formatReflog(kept)));
    refs.update({ name: REF, newId: kept.at(-1)!.newId, skipReflog: true });
  }
  if (!quiet) cli.out(`Dropped ${stash.name} (${stash.id})\n`);
  return 0;
}

async function show(cli: Cli, args: ByteString[]): Promise<number> {
  const { repo } = cli;
  const options: ByteString[] = [];
  const names: ByteString[] = [];
  let untracked = cli.config.bool("stash.showincludeuntracked", false) ?? false;
  let only = false;
  for (const word of args) {
    if (word === "-u" || word === "--include-untracked") untracked = true;
    else if (word === "--no-include-untracked") untracked = false;
    else if (word === "--only-untracked") only = true;
    else if (word.startsWith("-")) options.push(word);
    else names.push(word);
  }
  if (names.length > 1) {
    throw new Exit(
      1,
      `Too many revisions specified:${names.map((name) => ` '${name}'`).join("")}\n`,
    );
  }
  const stash = named(cli, names[0]);
  const { parents } = readCommit(repo.objects, stash.id);
  if (options.length === 0) {
    if (cli.config.bool("stash.showstat", true)) options.push("--stat");
    if (cli.config.bool("stash.showpatch", false)) options.push("-p");
    if (options.length === 0) return 0;
  }
  const third = parents[2];
  if (only) {
    if (third === undefined) return 0;
    return await diffCommand(cli, [...options, repo.algorithm.emptyTree, third]);
  }
  if (untracked && third !== undefined) {
    // Both trees side by side: what was not tracked is new.
    const tracked = new Map(files(cli, readCommit(repo.objects, stash.id).tree));
    for (const [path, file] of files(cli, commitLinks(repo.objects, third).tree)) {
      tracked.set(path, file);
    }
    return await diffCommand(cli, [...options, parents[0]!, joined(cli, tracked)]);
  }
  return await diffCommand(cli, [...options, parents[0]!, stash.id]);
}

/** Writes a tree of files. */
function joined(cli: Cli, all: ReadonlyMap<ByteString, { mode: number; id: ObjectId }>): ObjectId {
  const index = new GitIndex(cli.repo.algorithm);
  for (const [path, { mode, id }] of all) index.add(makeEntry(path, mode, id));
  return writeIndexTree(cli.repo, index);
}

/** `git stash` */
export async function stashCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const { repo } = cli;
  const pushSpec =
    "k,keep-index p,patch S,staged q,quiet u,include-untracked a,all m,message= pathspec-from-file= pathspec-file-nul";
  const word = args[0];
  const rest = args.slice(1);
  switch (word) {
    case "list":
      if (!repo.refs.exists(REF)) return 0;
      return await log(cli, ["--format=%gd: %gs", "-g", "--first-parent", ...rest, "stash", "--"]);
    case "show":
      return await show(cli, rest);
    case "clear":
      if (rest.length > 0) {
        throw new Exit(1, "error: git stash clear with arguments is unimplemented\n");
      }
      if (repo.refs.exists(REF)) repo.refs.update({ name: REF, newId: repo.algorithm.zero });
      return 0;
    case "drop": {
      const o = parseOptions(cli, rest, "q,quiet", USAGE);
      return drop(cli, named(cli, o.rest[0]), o.flag("quiet"));
    }
    case "apply":
    case "pop": {
      const o = parseOptions(cli, rest, "index q,quiet", USAGE);
      if (o.rest.length > 1) {
        throw new Exit(
          1,
          `Too many revisions specified:${o.rest.map((name) => ` '${name}'`).join("")}\n`,
        );
      }
      const stash = named(cli, o.rest[0]);
      if (word === "pop" && stash.index === undefined) {
        throw new Exit(1, `error: '${stash.name}' is not a stash reference\n`);
      }
      const outcome = await apply(cli, stash, o);
      if (word === "apply") return outcome === "applied" ? 0 : 1;
      if (outcome === "applied") return drop(cli, stash, o.flag("quiet"));
      cli.flush();
      cli.err("The stash entry is kept in case you need it again.\n");
      return 1;
    }
    case "branch": {
      const [branch, name] = rest;
      if (branch === undefined) throw new Exit(1, "No branch name specified\n");
      const stash = named(cli, name);
      const base = readCommit(repo.objects, stash.id).parents[0]!;
      const code = await checkout(cli, ["-b", branch, base]);
      if (code !== 0) return code;
      const o = parseOptions(cli, ["--index"], "index q,quiet", USAGE);
      const outcome = await apply(cli, stash, o);
      if (outcome !== "applied") return 1;
      return stash.index === undefined ? 0 : drop(cli, stash, false);
    }
    case "create": {
      const made = makeStash(cli, rest.length === 0 ? undefined : rest.join(" "));
      if (made !== undefined) cli.out(`${made.id}\n`);
      return 0;
    }
    case "store": {
      const o = parseOptions(cli, rest, "m,message= q,quiet", USAGE);
      if (o.rest.length !== 1) {
        throw new Exit(1, '"git stash store" requires one <commit> argument\n');
      }
      const id = cli.tryRevision(o.rest[0]!);
      const commit = id === undefined ? undefined : peelTo(repo.objects, id, "commit");
      if (commit === undefined) {
        if (!o.flag("quiet")) cli.err(`Cannot update ${REF} with ${o.rest[0]}\n`);
        return 1;
      }
      repo.refs.update({
        name: REF,
        newId: commit,
        message: o.text("message") ?? 'Created via "git stash store".',
        createReflog: true,
      });
      return 0;
    }
    case "save": {
      const o = parseOptions(cli, rest, pushSpec, USAGE, { stopAtArgument: true });
      return push(cli, o, o.rest.length > 0 ? o.rest.join(" ") : o.text("message"), []);
    }
    case "push": {
      const o = parseOptions(cli, rest, pushSpec, USAGE);
      return push(cli, o, o.text("message"), pathsOf(cli, o));
    }
    case "-h":
      cli.out(`usage: ${USAGE}\n`);
      return 129;
    default: {
      // Without a word, or with options only, it is push.
      if (word !== undefined && !word.startsWith("-")) {
        throw new Exit(
          1,
          `fatal: subcommand wasn't specified; 'push' can't be assumed due to unexpected token '${word}'\n`,
        );
      }
      const o = parseOptions(cli, args, pushSpec, USAGE);
      if (o.rest.length > 0 && o.dashes !== 0) {
        throw new Exit(
          128,
          `fatal: subcommand wasn't specified; 'push' can't be assumed due to unexpected token '${
            o.rest[0]
          }'\n`,
        );
      }
      return push(cli, o, o.text("message"), pathsOf(cli, o));
    }
  }
}

function pathsOf(cli: Cli, o: Options): ByteString[] {
  const file = o.text("pathspec-from-file");
  if (file === undefined) return o.rest;
  const text = file === "-"
    ? [...cli.stdinLines()].join("\n")
    : readTextIfAny(cli.fileArgument(file)) ?? "";
  return text.split(o.flag("pathspec-file-nul") ? "\0" : "\n").filter((line) => line !== "");
}
