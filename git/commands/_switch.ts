/**
 * The change from one branch or commit to another.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks, mergeBases } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { isRefName } from "../ref_name.ts";
import { walkCommits } from "../rev_list.ts";
import { interpretBranchName } from "../revision.ts";
import { diffTreeIndex, writeIndexTree } from "../status.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { removeBranchState } from "./_merge_state.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { trackingText } from "./_status_text.ts";
import { remoteTracking, setupTracking } from "./_tracking.ts";

/** What stands in the way of a switch, in Git's words. */
export function switchMessage(error: SwitchError, verb: string): ByteString {
  const { changed, untracked } = error.conflicts;
  let text = "";
  const list = (paths: ByteString[]): string => paths.map((path) => `\t${path}\n`).join("");
  const again = verb === "merge" ? "merge" : "switch branches";
  if (changed.length > 0) {
    text += `error: Your local changes to the following files would be overwritten by ${verb}:\n${
      list(changed)
    }Please commit your changes or stash them before you ${again}.\n`;
  }
  if (untracked.length > 0) {
    text += `error: The following untracked working tree files would be overwritten by ${verb}:\n${
      list(untracked)
    }Please move or remove them before you ${again}.\n`;
  }
  return `${text}Aborting\n`;
}

export interface SwitchRequest {
  create?: ByteString | undefined;
  reset?: boolean;
  detach: boolean;
  orphan?: ByteString | undefined;
  force: boolean;
  merge: boolean;
  quiet: boolean;
  track: string | boolean | undefined;
  createLog: boolean;
  guess: boolean;
}

export function describeDetached(cli: Cli, id: ObjectId): ByteString {
  return `${cli.abbrev(id)} ${subjectOf(readCommit(cli.repo.objects, id).message)}`;
}

export function switchTo(
  cli: Cli,
  nameText: ByteString | undefined,
  request: SwitchRequest,
): number {
  const { repo } = cli;
  const oldHead = repo.head();
  const oldBranch = repo.headBranch();
  const oldShort = oldBranch?.replace(/^refs\/heads\//, "");
  let name = nameText === "-" ? "@{-1}" : nameText;
  if (name !== undefined) name = interpretBranchName(repo, name);
  let targetBranch: ByteString | undefined;
  let target: ObjectId | undefined;
  if (name === undefined) target = oldHead;
  else {
    if (name !== "HEAD" && repo.refs.id(`refs/heads/${name}`) !== undefined) {
      targetBranch = `refs/heads/${name}`;
    }
    const symmetric = /^(.*)\.\.\.(.*)$/.exec(name);
    if (symmetric !== null) {
      const a = cli.revision(symmetric[1]! || "HEAD"), b = cli.revision(symmetric[2]! || "HEAD");
      target = mergeBases(repo.objects, a, [b])[0];
    } else target = targetBranch === undefined ? cli.tryRevision(name) : repo.refs.id(targetBranch);
    if (target === undefined) {
      die(
        nameText === "-" || nameText?.startsWith("@{-")
          ? `invalid reference: ${nameText}`
          : `invalid reference: ${name}`,
      );
    }
    const commitId = peelTo(repo.objects, target, "commit");
    if (commitId === undefined) die(`reference is not a tree: ${name}`);
    target = commitId;
  }
  if (request.create !== undefined || request.orphan !== undefined) {
    const branch = request.create ?? request.orphan!;
    if (branch.startsWith("-") || !isRefName(`refs/heads/${branch}`)) {
      die(`'${branch}' is not a valid branch name`);
    }
    if (repo.refs.exists(`refs/heads/${branch}`) && !request.reset) {
      die(`a branch named '${branch}' already exists`);
    }
  }
  const index = repo.readIndex();
  if (index.unmerged && !request.force) {
    const paths = [
      ...new Set(index.entries.filter((entry) => entry.stage > 0).map((entry) => entry.path)),
    ];
    throw new Exit(
      1,
      `${
        paths.map((path) => `${path}: needs merge\n`).join("")
      }error: you need to resolve your current index first\n`,
    );
  }
  const newTree = target === undefined ? undefined : commitLinks(repo.objects, target).tree;
  const oldTree = oldHead === undefined ? undefined : commitLinks(repo.objects, oldHead).tree;
  const moves = target !== oldHead || request.force;
  if (target !== undefined && (moves || nameText !== undefined)) {
    using lock = repo.lockIndex();
    try {
      switchTree(repo, index, oldHead === undefined ? repo.algorithm.emptyTree : oldTree, newTree, {
        force: request.force,
      });
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      throw new Exit(1, switchMessage(error, "checkout"));
    }
    writeIndexTree(repo, index, { dry: true });
    repo.writeIndex(index, lock);
    if (!request.quiet && !request.force) {
      const pairs = diffTreeIndex(repo, newTree, index, { cached: false });
      cli.out(
        pairs.filter((pair) => pair.status !== "").map((pair) =>
          `${pair.status}\t${pair.new.path}\n`
        ).join(""),
      );
    }
  }
  const from = oldShort ?? (oldHead ?? "");
  const log = (to: ByteString): ByteString => `checkout: moving from ${from} to ${to}`;
  if (request.orphan !== undefined) {
    repo.refs.setSymbolic("HEAD", `refs/heads/${request.orphan}`);
    if (!request.quiet) cli.err(`Switched to a new branch '${request.orphan}'\n`);
    return 0;
  }
  if (request.create !== undefined) {
    const branch = request.create;
    const full = `refs/heads/${branch}`;
    const existed = repo.refs.exists(full);
    if (target === undefined) {
      repo.refs.setSymbolic("HEAD", full);
      if (!request.quiet) cli.err(`Switched to a new branch '${branch}'\n`);
      return 0;
    }
    repo.refs.update({
      name: full,
      newId: target,
      message: existed
        ? `branch: Reset to ${nameText ?? "HEAD"}`
        : `branch: Created from ${nameText ?? "HEAD"}`,
      createReflog: request.createLog,
    });
    const upstream = name === undefined ? undefined : remoteTracking(cli, name);
    const auto = cli.config.entry("branch.autosetupmerge")?.value ?? "true";
    if (
      request.track !== false && upstream !== undefined &&
      (request.track !== undefined || auto !== "false")
    ) setupTracking(cli, branch, upstream, request.quiet);
    else if (
      request.track !== undefined && request.track !== false && name !== undefined &&
      targetBranch !== undefined
    ) setupTracking(cli, branch, { remote: ".", merge: targetBranch, shown: name }, request.quiet);
    repo.refs.setSymbolic("HEAD", full, log(branch));
    if (!request.quiet) {
      cli.err(
        existed
          ? (oldBranch === full
            ? `Reset branch '${branch}'\n`
            : `Switched to and reset branch '${branch}'\n`)
          : `Switched to a new branch '${branch}'\n`,
      );
    }
  } else if (targetBranch !== undefined && !request.detach) {
    const short = targetBranch.replace(/^refs\/heads\//, "");
    if (oldBranch === targetBranch) {
      if (!request.quiet) cli.err(`Already on '${short}'\n`);
      repo.refs.setSymbolic("HEAD", targetBranch, log(short));
    } else {
      if (
        !request.quiet && oldBranch === undefined && oldHead !== undefined && oldHead !== target
      ) leaving(cli, oldHead, target!);
      repo.refs.setSymbolic("HEAD", targetBranch, log(short));
      if (!request.quiet) cli.err(`Switched to branch '${short}'\n`);
    }
    if (!request.quiet) cli.out(trackingText(cli, short, true));
  } else if (target !== undefined && (nameText !== undefined || request.detach)) {
    if (name === "HEAD" && !request.detach) return 0;
    if (!request.quiet && oldBranch === undefined && oldHead !== undefined && oldHead !== target) {
      leaving(cli, oldHead, target);
    }
    if (
      !request.quiet && oldBranch !== undefined && cli.config.bool("advice.detachedhead", true) &&
      !request.detach
    ) {
      cli.err(
        `Note: switching to '${nameText}'.\n\nYou are in 'detached HEAD' state. You can look around, make experimental\nchanges and commit them, and you can discard any commits you make in this\nstate without impacting any branches by switching back to a branch.\n\nIf you want to create a new branch to retain commits you create, you may\ndo so (now or later) by using -c with the switch command. Example:\n\n  git switch -c <new-branch-name>\n\nOr undo this operation with:\n\n  git switch -\n\nTurn off this advice by setting config variable advice.detachedHead to false\n\n`,
      );
    }
    repo.refs.update({
      name: "HEAD",
      newId: target,
      noDeref: true,
      message: log(nameText ?? target),
    });
    if (!request.quiet) cli.err(`HEAD is now at ${describeDetached(cli, target)}\n`);
  }
  removeBranchState(cli);
  return cli.runHook("post-checkout", [
      oldHead ?? repo.algorithm.zero,
      target ?? repo.algorithm.zero,
      "1",
    ]) === 0
    ? 0
    : 1;
}

function leaving(cli: Cli, old: ObjectId, target: ObjectId): void {
  const { repo } = cli;
  const tips = repo.refs.list().filter((ref) => !ref.broken).map((ref) =>
    peelTo(repo.objects, ref.id, "commit")
  ).filter((id): id is string => id !== undefined);
  const lost = [...walkCommits(repo.objects, { include: [old], exclude: [...tips, target] })];
  if (lost.length === 0) {
    cli.err(`Previous HEAD position was ${describeDetached(cli, old)}\n`);
    return;
  }
  const shown = lost.slice(0, 4).map(({ id }) => `  ${describeDetached(cli, id)}\n`).join("");
  cli.err(
    `Warning: you are leaving ${lost.length} commit${
      lost.length === 1 ? "" : "s"
    } behind, not connected to\nany of your branches:\n\n${shown}${
      lost.length > 4 ? ` ... and ${lost.length - 4} more.\n` : ""
    }\n`,
  );
  cli.err(
    `If you want to keep ${
      lost.length === 1 ? "it" : "them"
    } by creating a new branch, this may be a good time\nto do so with:\n\n git branch <new-branch-name> ${
      cli.abbrev(old)
    }\n\n`,
  );
}
