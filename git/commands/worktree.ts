/**
 * `git worktree`.
 *
 * @module
 */
import { type ByteString, fromByteString, trimSpace } from "../_bytes.ts";
import {
  isDirectory,
  listDirectory,
  lstat,
  makeDirectories,
  nativePath,
  readTextIfAny,
  removeFile,
  stat,
} from "../_files.ts";
import { commitLinks } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { isRefName } from "../ref_name.ts";
import { absolutePath, Repository } from "../repository.ts";
import { collectStatusEntries } from "./_worktree_state.ts";
import { writeIndexTree } from "../status.ts";
import { switchTree } from "../worktree.ts";
import { checkedOutAt, listWorktrees, type WorktreeInfo } from "../worktree_list.ts";
import { type Cli, die, Exit, realPath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { remoteTracking, setupTracking } from "./_tracking.ts";

const USAGE =
  "git worktree add [-f] [--detach] [--checkout] [--lock [--reason <string>]]\n                 [-b <new-branch>] <path> [<commit-ish>]\n   or: git worktree list [-v | --porcelain [-z]]\n   or: git worktree lock [--reason <string>] <worktree>\n   or: git worktree move <worktree> <new-path>\n   or: git worktree prune [-n] [-v] [--expire <expire>]\n   or: git worktree remove [-f] <worktree>\n   or: git worktree repair [<path>...]\n   or: git worktree unlock <worktree>";

function write(path: ByteString, text: ByteString): void {
  Deno.writeFileSync(nativePath(path), fromByteString(text));
}

/** The worktree that a path, or the end of one, names. */
function findWorktree(cli: Cli, name: ByteString): WorktreeInfo | undefined {
  const all = listWorktrees(cli.repo);
  const full = realPath(absolutePath(cli.fileArgument(name)));
  const exact = all.find((one) => realPath(one.path) === full);
  if (exact !== undefined) return exact;
  const plain = name.replace(/\/+$/, "");
  const ends = all.filter((one) => one.path.endsWith(`/${plain}`));
  return ends.length === 1 ? ends[0] : undefined;
}

/** Why a linked worktree can be pruned; `undefined` when it is in use. */
function prunable(cli: Cli, id: ByteString): string | undefined {
  const dir = `${cli.repo.paths.commonDir}/worktrees/${id}`;
  if (!isDirectory(dir)) return "not a valid directory";
  if (stat(`${dir}/locked`) !== undefined) return undefined;
  const text = readTextIfAny(`${dir}/gitdir`);
  if (text === undefined) return "gitdir file does not exist";
  const target = trimSpace(text);
  if (target === "") return "invalid gitdir file";
  const full = target.startsWith("/") ? target : absolutePath(`${dir}/${target}`);
  if (lstat(full) === undefined) return "gitdir file points to non-existent location";
  return undefined;
}

function add(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "f,force+ b= B= orphan d,detach checkout lock reason= q,quiet track guess-remote",
    USAGE,
  );
  const { repo } = cli;
  const store = repo.objects;
  const modes = [o.text("b"), o.text("B"), o.flag("detach") ? "" : undefined].filter((one) =>
    one !== undefined
  );
  if (modes.length > 1) die("options '-b', '-B', and '--detach' cannot be used together");
  if (o.text("reason") !== undefined && !o.flag("lock")) {
    die("the option '--reason' requires '--lock'");
  }
  const [pathText, given] = o.rest;
  if (pathText === undefined || o.rest.length > 2) throw usageError("", USAGE);
  const path = absolutePath(cli.fileArgument(pathText));
  const force = o.count("force");
  let name = given === "-" ? "@{-1}" : given ?? "HEAD";
  let branch = o.text("b") ?? o.text("B");
  let make = branch !== undefined;
  const reset = o.text("B") !== undefined;
  if (branch !== undefined && !isRefName(`refs/heads/${branch}`)) {
    die(`'${branch}' is not a valid branch name`);
  }
  let track: ByteString | undefined;
  if (given === undefined && branch === undefined && !o.flag("detach")) {
    const base = path.slice(path.lastIndexOf("/") + 1);
    branch = base;
    if (repo.refs.exists(`refs/heads/${base}`)) {
      name = base;
      make = false;
    } else {
      make = true;
      if (
        o.given("guess-remote")
          ? o.flag("guess-remote")
          : cli.config.bool("worktree.guessremote", false)
      ) {
        track = remoteBranch(cli, base);
        if (track !== undefined) name = track;
      }
    }
  } else if (
    given !== undefined && branch === undefined && !o.flag("detach") &&
    !repo.refs.exists(`refs/heads/${name}`)
  ) {
    const remote = cli.tryRevision(name) === undefined ? remoteBranch(cli, name) : undefined;
    if (remote !== undefined) {
      branch = name;
      name = remote;
      make = true;
      track = remote;
    }
  }
  const id = cli.tryRevision(name);
  const commit = id === undefined ? undefined : peelTo(store, id, "commit");
  if (commit === undefined) die(`invalid reference: ${name}`);
  if (!make && !o.flag("detach")) {
    branch = repo.refs.exists(`refs/heads/${name}`) ? name : undefined;
  }
  const worktrees = listWorktrees(repo);
  const known = worktrees.find((one) => realPath(one.path) === realPath(path));
  if (lstat(path) !== undefined && (!isDirectory(path) || listDirectory(path).length > 0)) {
    die(`'${pathText}' already exists`);
  }
  if (known !== undefined) {
    const locked = known.locked !== undefined;
    if ((locked && force < 2) || force < 1) {
      die(
        locked
          ? `'${pathText}' is a missing but locked worktree;\nuse 'add -f -f' to override, or 'unlock' and 'prune' or 'remove' to clear`
          : `'${pathText}' is a missing but already registered worktree;\nuse 'add -f' to override, or 'prune' or 'remove' to clear`,
      );
    }
    Deno.removeSync(nativePath(known.gitDir), { recursive: true });
  }
  const exists = branch !== undefined && repo.refs.exists(`refs/heads/${branch}`);
  if (!o.flag("quiet")) {
    if (make && reset && exists) {
      cli.err(
        `Preparing worktree (resetting branch '${branch}'; was at ${
          cli.abbrev(repo.refs.id(`refs/heads/${branch}`)!)
        })\n`,
      );
    } else if (make) cli.err(`Preparing worktree (new branch '${branch}')\n`);
    else if (branch !== undefined) cli.err(`Preparing worktree (checking out '${branch}')\n`);
    else cli.err(`Preparing worktree (detached HEAD ${cli.abbrev(commit)})\n`);
  }
  if (branch !== undefined && (!make || reset)) {
    const at = checkedOutAt(listWorktrees(repo), `refs/heads/${branch}`);
    if (at !== undefined && force === 0) {
      die(`'${branch}' is already checked out at '${at.path}'`);
    }
  }
  if (make) {
    if (exists && !reset) die(`a branch named '${branch}' already exists`);
    repo.refs.update({
      name: `refs/heads/${branch}`,
      newId: commit,
      message: exists ? `branch: Reset to ${name}` : `branch: Created from ${name}`,
    });
    const source = track ?? name;
    const wantsTrack = o.given("track")
      ? o.flag("track")
      : track !== undefined || (repo.refs.exists(`refs/remotes/${source}`) &&
        cli.config.bool("branch.autosetupmerge", true));
    const upstream = wantsTrack ? remoteTracking(cli, source) : undefined;
    if (upstream !== undefined) setupTracking(cli, branch!, upstream, o.flag("quiet"));
  }
  // A name of its own below worktrees/.
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/[^A-Za-z0-9._-]+/g, "-").replace(
    /^[.-]+|\.lock$/g,
    "",
  ) || "worktree";
  const root = `${repo.paths.commonDir}/worktrees`;
  makeDirectories(root);
  let label = base;
  for (let i = 1; stat(`${root}/${label}`) !== undefined; i++) label = `${base}${i}`;
  const dir = `${root}/${label}`;
  Deno.mkdirSync(nativePath(dir));
  write(
    `${dir}/locked`,
    o.flag("lock")
      ? `${o.text("reason") ?? "added with --lock"}${o.text("reason") === undefined ? "" : "\n"}`
      : "initializing",
  );
  makeDirectories(path);
  const real = realPath(path);
  write(`${real}/.git`, `gitdir: ${realPath(dir)}\n`);
  write(`${dir}/gitdir`, `${real}/.git\n`);
  write(`${dir}/commondir`, "../..\n");
  write(`${dir}/HEAD`, `${commit}\n`);
  const tree = Repository.at(
    { gitDir: realPath(dir), commonDir: repo.paths.commonDir, workTree: real },
    { environment: cli.env, overrides: cli.global.overrides, fsync: repo.fsync },
  );
  try {
    if (branch !== undefined) {
      tree.refs.setSymbolic("HEAD", `refs/heads/${branch}`);
      tree.refs.appendLog("HEAD", repo.algorithm.zero, commit, "");
    } else {
      tree.refs.update({ name: "HEAD", newId: commit, noDeref: true });
    }
    if (!o.negated("checkout")) {
      const index = tree.readIndex();
      const lock = tree.lockIndex();
      try {
        switchTree(tree, index, undefined, commitLinks(store, commit).tree, { force: true });
        writeIndexTree(tree, index, { dry: true });
        tree.writeIndex(index, lock);
        tree.refs.update({ name: "ORIG_HEAD", newId: commit, noDeref: true, skipReflog: true });
      } finally {
        lock.rollback();
      }
      if (!o.flag("quiet")) {
        cli.out(
          `HEAD is now at ${cli.abbrev(commit)} ${subjectOf(readCommit(store, commit).message)}\n`,
        );
      }
    }
    if (!o.flag("lock")) removeFile(`${dir}/locked`);
    const hook = cli.runHook("post-checkout", [repo.algorithm.zero, commit, "1"], {
      cwd: real,
      env: { GIT_DIR: `${real}/.git`, GIT_WORK_TREE: real },
    });
    return hook;
  } finally {
    tree.close();
  }
}

function remoteBranch(cli: Cli, name: ByteString): ByteString | undefined {
  const { repo } = cli;
  const found = repo.config.subsections("remote").filter((remote) =>
    repo.refs.exists(`refs/remotes/${remote}/${name}`)
  );
  return found.length === 1 ? `${found[0]}/${name}` : undefined;
}

function list(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "porcelain z v,verbose expire=", USAGE);
  if (o.flag("z") && !o.flag("porcelain")) die("the option '-z' requires '--porcelain'");
  if (o.flag("verbose") && o.flag("porcelain")) {
    die("options '--verbose' and '--porcelain' cannot be used together");
  }
  const zero = cli.repo.algorithm.zero;
  const end = o.flag("z") ? "\0" : "\n";
  const all = listWorktrees(cli.repo);
  const rest = all.slice(1).sort((a, b) => a.path < b.path ? -1 : 1);
  const rows = all.length === 0 ? [] : [all[0]!, ...rest];
  const wide = Math.max(...rows.map((row) => row.path.length));
  const short = Math.max(...rows.map((row) => cli.abbrev(row.head ?? zero).length));
  for (const row of rows) {
    const gone = row.id === undefined ? undefined : prunable(cli, row.id);
    if (o.flag("porcelain")) {
      cli.out(`worktree ${row.path}${end}`);
      if (row.bare) cli.out(`bare${end}`);
      else {
        cli.out(`HEAD ${row.head ?? zero}${end}`);
        cli.out(row.branch === undefined ? `detached${end}` : `branch ${row.branch}${end}`);
      }
      if (row.locked !== undefined) {
        cli.out(`locked${row.locked === "" ? "" : ` ${row.locked}`}${end}`);
      }
      if (gone !== undefined) cli.out(`prunable ${gone}${end}`);
      cli.out(end);
      continue;
    }
    let line = `${row.path.padEnd(wide + 1)} `;
    if (row.bare) line += "(bare)";
    else {
      line += `${cli.abbrev(row.head ?? zero).padEnd(short)} `;
      line += row.branch === undefined
        ? "(detached HEAD)"
        : `[${row.branch.replace(/^refs\/heads\//, "")}]`;
    }
    if (row.locked !== undefined) {
      line += o.flag("verbose") && row.locked !== "" ? `\n\tlocked: ${row.locked}` : " locked";
    }
    if (gone !== undefined) line += o.flag("verbose") ? `\n\tprunable: ${gone}` : " prunable";
    cli.out(`${line}\n`);
  }
  return 0;
}

function prune(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "n,dry-run v,verbose expire=", USAGE);
  const root = `${cli.repo.paths.commonDir}/worktrees`;
  for (const { name } of listDirectory(root)) {
    const why = prunable(cli, name);
    if (why === undefined) continue;
    if (o.flag("dry-run") || o.flag("verbose")) cli.err(`Removing worktrees/${name}: ${why}\n`);
    if (!o.flag("dry-run")) Deno.removeSync(nativePath(`${root}/${name}`), { recursive: true });
  }
  removeIfEmpty(root);
  return 0;
}

function removeIfEmpty(path: ByteString): void {
  try {
    Deno.removeSync(nativePath(path));
  } catch { /* Others are there, or it was never made. */ }
}

function linked(cli: Cli, name: ByteString, verb: string): WorktreeInfo & { id: ByteString } {
  const found = findWorktree(cli, name);
  if (found === undefined) die(`'${name}' is not a working tree`);
  if (found.id === undefined) {
    die(
      verb === "lock" || verb === "unlock"
        ? "The main working tree cannot be locked or unlocked"
        : `'${name}' is a main working tree`,
    );
  }
  return { ...found, id: found.id };
}

function remove(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "f,force+", USAGE);
  if (o.rest.length !== 1) throw usageError("", USAGE);
  const one = linked(cli, o.rest[0]!, "remove");
  const force = o.count("force");
  if (one.locked !== undefined && force < 2) {
    die(
      one.locked === ""
        ? "cannot remove a locked working tree;\nuse 'remove -f -f' to override or unlock first"
        : `cannot remove a locked working tree, lock reason: ${one.locked}\nuse 'remove -f -f' to override or unlock first`,
    );
  }
  if (lstat(one.path) !== undefined) {
    if (force === 0 && collectStatusEntries(cli, one).length > 0) {
      die(`'${o.rest[0]}' contains modified or untracked files, use --force to delete it`);
    }
    Deno.removeSync(nativePath(one.path), { recursive: true });
  }
  Deno.removeSync(nativePath(one.gitDir), { recursive: true });
  removeIfEmpty(`${cli.repo.paths.commonDir}/worktrees`);
  return 0;
}

function lockTree(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "reason=", USAGE);
  if (o.rest.length !== 1) throw usageError("", USAGE);
  const one = linked(cli, o.rest[0]!, "lock");
  if (one.locked !== undefined) {
    die(
      one.locked === ""
        ? `'${o.rest[0]}' is already locked`
        : `'${o.rest[0]}' is already locked, reason: ${one.locked}`,
    );
  }
  const reason = o.text("reason");
  write(`${one.gitDir}/locked`, reason === undefined ? "" : `${reason}\n`);
  return 0;
}

function unlock(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "", USAGE);
  if (o.rest.length !== 1) throw usageError("", USAGE);
  const one = linked(cli, o.rest[0]!, "unlock");
  if (one.locked === undefined) die(`'${o.rest[0]}' is not locked`);
  removeFile(`${one.gitDir}/locked`);
  return 0;
}

function move(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "f,force+", USAGE);
  if (o.rest.length !== 2) throw usageError("", USAGE);
  const one = linked(cli, o.rest[0]!, "move");
  let target = absolutePath(cli.fileArgument(o.rest[1]!));
  if (isDirectory(target)) target = `${target}/${one.path.slice(one.path.lastIndexOf("/") + 1)}`;
  if (lstat(target) !== undefined) die(`target '${target}' already exists`);
  if (one.locked !== undefined && o.count("force") < 2) {
    die(
      one.locked === ""
        ? "cannot move a locked working tree;\nuse 'move -f -f' to override or unlock first"
        : `cannot move a locked working tree, lock reason: ${one.locked}\nuse 'move -f -f' to override or unlock first`,
    );
  }
  Deno.renameSync(nativePath(one.path), nativePath(target));
  write(`${one.gitDir}/gitdir`, `${realPath(target)}/.git\n`);
  return 0;
}

function repair(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "", USAGE);
  const { commonDir } = cli.repo.paths;
  for (const one of listWorktrees(cli.repo)) {
    if (one.id === undefined || !isDirectory(one.path)) continue;
    const text = readTextIfAny(`${one.path}/.git`)?.trim();
    if (text === `gitdir: ${realPath(one.gitDir)}`) continue;
    cli.out(`repair: .git file ${text === undefined ? "broken" : "incorrect"}: ${one.path}\n`);
    write(`${one.path}/.git`, `gitdir: ${realPath(one.gitDir)}\n`);
  }
  for (const name of o.rest.length > 0 ? o.rest : ["."]) {
    const path = realPath(absolutePath(cli.fileArgument(name)));
    const text = readTextIfAny(`${path}/.git`)?.trim();
    if (!text?.startsWith("gitdir: ")) continue;
    const dir = text.slice(8);
    if (!dir.startsWith(`${realPath(commonDir)}/worktrees/`) || !isDirectory(dir)) continue;
    const old = readTextIfAny(`${dir}/gitdir`)?.trim();
    if (old === `${path}/.git`) continue;
    cli.out(`repair: gitdir incorrect: ${dir}/gitdir\n`);
    write(`${dir}/gitdir`, `${path}/.git\n`);
  }
  return 0;
}

/** `git worktree` */
export function worktreeCommand(cli: Cli, args: ByteString[]): number {
  const [word, ...rest] = args;
  switch (word) {
    case "add":
      return add(cli, rest);
    case "list":
      return list(cli, rest);
    case "lock":
      return lockTree(cli, rest);
    case "unlock":
      return unlock(cli, rest);
    case "move":
      return move(cli, rest);
    case "prune":
      return prune(cli, rest);
    case "remove":
      return remove(cli, rest);
    case "repair":
      return repair(cli, rest);
    case "-h":
      cli.out(`usage: ${USAGE}\n`);
      return 129;
    case undefined:
      throw new Exit(129, `error: need a subcommand\nusage: ${USAGE}\n`);
    default:
      throw new Exit(129, `error: unknown subcommand: \`${word}'\nusage: ${USAGE}\n`);
  }
}
