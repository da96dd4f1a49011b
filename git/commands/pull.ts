/**
 * `git pull` and `git fmt-merge-msg`.
 *
 * @module
 */
import { type ByteString, decodeText, toByteString } from "../_bytes.ts";
import { readFileIfAny, stat } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks, isAncestor, mergeBases } from "../merge_base.ts";
import { peelTo } from "../object_store.ts";
import { anonymousUrl, currentBranch, remoteNames } from "../remote.ts";
import { diffIndexWorktree, diffTreeIndex } from "../status.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions } from "./_options.ts";
import { fetchCommand, readFetchHead } from "./fetch.ts";
import { merge } from "./merge.ts";
import { rebase } from "./rebase.ts";

/** The message of a merge of what was fetched, or of named branches. */
export function fetchedMergeMessage(
  cli: Cli,
  heads: readonly { description: ByteString }[],
  into: ByteString | undefined,
): ByteString {
  const order: ByteString[] = [];
  const groups = new Map<ByteString, Map<string, ByteString[]>>();
  for (const { description } of heads) {
    const match = /^(?:(branch|tag|remote-tracking branch|commit) )?'(.*?)'(?: of (.*))?$/s.exec(
      description,
    );
    let source: ByteString, kind: string, name: ByteString;
    if (match !== null) {
      [kind, name, source] = [match[1] ?? "generic", match[2]!, match[3] ?? "."];
      if (kind === "generic" || kind === "commit") {
        name = description.replace(/ of .*$/s, "");
        kind = "generic";
      }
    } else [kind, name, source] = ["head", "", description];
    if (!groups.has(source)) {
      groups.set(source, new Map());
      order.push(source);
    }
    const kinds = groups.get(source)!;
    kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  const join = (singular: string, plural: string, names: readonly ByteString[]): ByteString =>
    names.length === 1
      ? `${singular}'${names[0]}'`
      : `${plural}${names.slice(0, -1).map((name) => `'${name}'`).join(", ")} and '${
        names.at(-1)
      }'`;
  const parts = order.map((source) => {
    const kinds = groups.get(source)!;
    const words: ByteString[] = [];
    if (kinds.has("head")) {
      if (kinds.size === 1) return source;
      words.push("HEAD");
    }
    const branches = kinds.get("branch"), tracking = kinds.get("remote-tracking branch");
    const tags = kinds.get("tag"), generic = kinds.get("generic");
    if (branches) words.push(join("branch ", "branches ", branches));
    if (tracking) {
      words.push(join("remote-tracking branch ", "remote-tracking branches ", tracking));
    }
    if (tags) words.push(join("tag ", "tags ", tags));
    if (generic) words.push(generic.join(", "));
    return `${words.join(", ")}${source === "." ? "" : ` of ${source}`}`;
  });
  const quiet = suppressed(cli, into);
  return `Merge ${parts.join("; ")}${quiet ? "" : ` into ${into ?? "HEAD"}`}\n`;
}

function suppressed(cli: Cli, into: ByteString | undefined): boolean {
  if (into === undefined) return false;
  const patterns = cli.config.all("merge.suppressdest");
  const list = patterns.length === 0 && !cli.config.has("merge.suppressdest")
    ? ["main", "master"]
    : patterns.slice(patterns.lastIndexOf("") + 1);
  return list.some((pattern) =>
    new RegExp(
      `^${
        pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")
      }$`,
    )
      .test(into)
  );
}

/** `git fmt-merge-msg` */
export function fmtMergeMsg(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "log? summary m,message= F,file= into-name=",
    "git fmt-merge-msg [-m <message>] [--log[=<n>] | --no-log] [--file <file>]",
  );
  const file = o.text("file");
  const text = toByteString(
    file === undefined || file === "-"
      ? cli.readStdin()
      : readFileIfAny(cli.fileArgument(file)) ?? die(`cannot open '${file}'`),
  );
  const heads = text.split("\n").filter((line) => line !== "").map((line) => line.split("\t"))
    .filter((fields) => fields[1] === "").map((fields) => ({
      description: fields.slice(2).join("\t"),
    }));
  if (o.text("message") !== undefined) cli.out(`${o.text("message")}\n`);
  else if (heads.length > 0) {
    cli.out(fetchedMergeMessage(cli, heads, o.text("into-name") ?? currentBranch(cli.repo)));
  }
  return 0;
}

function noCandidates(
  cli: Cli,
  name: ByteString | undefined,
  refspecs: readonly ByteString[],
  rebasing: boolean,
): never {
  const { repo } = cli;
  const branch = currentBranch(repo);
  const remote = branch === undefined
    ? undefined
    : repo.config.entry(`branch.${branch}.remote`)?.value;
  const merges = branch === undefined ? [] : repo.config.all(`branch.${branch}.merge`);
  const ask = rebasing
    ? "Please specify which branch you want to rebase against."
    : "Please specify which branch you want to merge with.";
  if (refspecs.length > 0) {
    throw new Exit(
      1,
      `${
        rebasing
          ? "There is no candidate for rebasing against among the refs that you just fetched."
          : "There are no candidates for merging among the refs that you just fetched."
      }\nGenerally this means that you provided a wildcard refspec which had no\nmatches on the remote end.\n`,
    );
  }
  if (name !== undefined && branch !== undefined && name !== remote) {
    throw new Exit(
      1,
      `You asked to pull from the remote '${name}', but did not specify\na branch. Because this is not the default configured remote\nfor your current branch, you must specify a branch on the command line.\n`,
    );
  }
  if (branch === undefined) {
    throw new Exit(
      1,
      `You are not currently on a branch.\n${ask}\nSee git-pull(1) for details.\n\n    git pull <remote> <branch>\n\n`,
    );
  }
  if (merges.length === 0) {
    const names = remoteNames(repo);
    throw new Exit(
      1,
      `There is no tracking information for the current branch.\n${ask}\nSee git-pull(1) for details.\n\n    git pull <remote> <branch>\n\nIf you wish to set tracking information for this branch you can do so with:\n\n    git branch --set-upstream-to=${
        names.length === 1 ? names[0] : "<remote>"
      }/<branch> ${branch}\n\n`,
    );
  }
  throw new Exit(
    1,
    `Your configuration specifies to merge with the ref '${
      merges[0]
    }'\nfrom the remote, but no such ref was fetched.\n`,
  );
}

type RebaseMode = "false" | "true" | "merges" | "interactive";

function rebaseMode(text: ByteString, source: ByteString): RebaseMode {
  const word = text.toLowerCase();
  if (["false", "no", "off", "0", ""].includes(word)) return "false";
  if (["true", "yes", "on", "1"].includes(word)) return "true";
  if (word === "merges" || word === "m") return "merges";
  if (word === "interactive" || word === "i") return "interactive";
  return die(`invalid value for '${source}': '${text}'`);
}

const FETCH_FLAGS = [
  "all",
  "append",
  "force",
  "tags",
  "prune",
  "dry-run",
  "keep",
  "unshallow",
  "update-shallow",
  "set-upstream",
  "show-forced-updates",
  "progress",
];
const FETCH_VALUES = [
  "upload-pack",
  "jobs",
  "depth",
  "shallow-since",
  "deepen",
];
const FETCH_LISTS = ["shallow-exclude", "refmap", "server-option", "negotiation-tip"];

/** `git pull` */
export async function pullCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const usage = "git pull [<options>] [<repository> [<refspec>...]]";
  const o = parseOptions(
    cli,
    args,
    "v,verbose+ q,quiet progress recurse-submodules? r,rebase? n stat summary log? signoff squash commit edit e cleanup= ff ff-only verify verify-signatures autostash s,strategy* X,strategy-option* S,gpg-sign? allow-unrelated-histories all a,append upload-pack= f,force t,tags p,prune j,jobs= dry-run k,keep depth= shallow-since= shallow-exclude* deepen= unshallow update-shallow refmap* o,server-option* 4,ipv4 6,ipv6 negotiation-tip* show-forced-updates set-upstream",
    usage,
  );
  const { repo } = cli;
  cli.needWorkTree();
  const action = cli.env.get("GIT_REFLOG_ACTION") ??
    ["pull", ...args.map((word) => anonymousUrl(word))].join(" ");
  Deno.env.set("GIT_REFLOG_ACTION", decodeText(action));
  const [name, ...refspecs] = o.rest;
  let ff = o.flag("ff-only") ? "only" : o.given("ff") ? (o.flag("ff") ? "yes" : "no") : undefined;
  const rebaseGiven = o.given("rebase");
  let mode: RebaseMode | undefined;
  if (rebaseGiven) {
    const value = o.values.get("rebase");
    mode = value === false
      ? "false"
      : value === true
      ? "true"
      : rebaseMode(value as ByteString, "--rebase");
  }
  if (ff === undefined) {
    const setting = repo.config.entry("pull.ff");
    if (setting !== undefined) {
      const value = setting.value?.toLowerCase();
      ff = value === "only" ? "only" : repo.config.bool("pull.ff", true) ? "yes" : "no";
      if (mode !== undefined && ff === "only") ff = "yes";
    }
  }
  let unspecified = false;
  const branch = currentBranch(repo);
  if (mode === undefined) {
    const own = branch === undefined ? undefined : repo.config.entry(`branch.${branch}.rebase`);
    const general = repo.config.entry("pull.rebase");
    if (own !== undefined) mode = rebaseMode(own.value ?? "true", `branch.${branch}.rebase`);
    else if (general !== undefined) mode = rebaseMode(general.value ?? "true", "pull.rebase");
    else {
      mode = "false";
      unspecified = true;
    }
  }
  const rebasing = mode !== "false";
  if (repo.readIndex().unmerged) {
    throw new Exit(
      128,
      "error: Pulling is not possible because you have unmerged files.\nhint: Fix them up in the work tree, and then use 'git add/rm <file>'\nhint: as appropriate to mark resolution and make a commit.\nfatal: Exiting because of an unresolved conflict.\n",
    );
  }
  if (stat(`${repo.paths.gitDir}/MERGE_HEAD`) !== undefined) {
    die(
      "You have not concluded your merge (MERGE_HEAD exists).\nPlease, commit your changes before merging.",
    );
  }
  const before = repo.head();
  const autostash = o.given("autostash")
    ? o.flag("autostash")
    : repo.config.bool("rebase.autostash", false) ?? false;
  if (rebasing && !autostash) requireClean(cli, before);
  const fetchArgs = passedOn(o);
  const code = await fetchCommand(cli, ["--update-head-ok", ...fetchArgs, ...o.rest]);
  if (code !== 0) return 1;
  if (o.flag("dry-run")) return 0;
  const current = repo.head();
  if (before !== undefined && current !== undefined && before !== current) {
    cli.warn(
      `fetch updated the current branch head.\nfast-forwarding your working tree from\ncommit ${before}.`,
    );
    const index = repo.readIndex();
    using lock = repo.lockIndex();
    try {
      switchTree(
        repo,
        index,
        commitLinks(repo.objects, before).tree,
        commitLinks(repo.objects, current).tree,
        {},
      );
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      die(
        `Cannot fast-forward your working tree.\nAfter making sure that you saved anything precious from\n$ git diff ${before}\noutput, run\n$ git reset --hard\nto recover.`,
      );
    }
    repo.writeIndex(index, lock);
  }
  const heads = readFetchHead(cli).filter((head) => head.merge);
  if (heads.length === 0) noCandidates(cli, name, refspecs, rebasing);
  const store = repo.objects;
  const commits = heads.map((head) =>
    peelTo(store, head.id, "commit") ?? die(`${head.id} is not a commit`)
  );
  if (before === undefined) {
    if (commits.length > 1) die("Cannot merge multiple branches into empty head.");
    return await merge(cli, [...(o.flag("quiet") ? ["-q"] : []), "FETCH_HEAD"]);
  }
  if (commits.length > 1) {
    if (rebasing) die("Cannot rebase onto multiple branches.");
    if (ff === "only") die("Cannot fast-forward to multiple branches.");
  }
  const head = current ?? before;
  const first = commits[0]!;
  const canForward = commits.length === 1 && isAncestor(store, head, first);
  const upToDate = commits.every((id) => isAncestor(store, id, head));
  const divergent = !canForward && !upToDate;
  let doRebase = rebasing;
  if (ff === "only") {
    if (divergent) {
      throw new Exit(
        128,
        'hint: Diverging branches can\'t be fast-forwarded, you need to either:\nhint: \nhint: \tgit merge --no-ff\nhint: \nhint: or:\nhint: \nhint: \tgit rebase\nhint: \nhint: Disable this message with "git config advice.diverging false"\nfatal: Not possible to fast-forward, aborting.\n',
      );
    }
    doRebase = false;
  }
  if (ff === undefined && unspecified && divergent) {
    throw new Exit(
      128,
      "hint: You have divergent branches and need to specify how to reconcile them.\n" +
        "hint: You can do so by running one of the following commands sometime before\n" +
        "hint: your next pull:\nhint: \nhint:   git config pull.rebase false  # merge\n" +
        "hint:   git config pull.rebase true   # rebase\nhint:   git config pull.ff only       # fast-forward only\nhint: \n" +
        'hint: You can replace "git config" with "git config --global" to set a default\n' +
        "hint: preference for all repositories. You can also pass --rebase, --no-rebase,\n" +
        "hint: or --ff-only on the command line to override the configured default per\nhint: invocation.\n" +
        "fatal: Need to specify how to reconcile divergent branches.\n",
    );
  }
  if (doRebase && !canForward) {
    return await rebase(cli, [
      ...(o.flag("quiet") ? ["-q"] : []),
      ...(mode === "merges" ? ["--rebase-merges"] : mode === "interactive" ? ["-i"] : []),
      ...(o.given("autostash") ? [o.flag("autostash") ? "--autostash" : "--no-autostash"] : []),
      "--onto",
      first,
      forkPoint(cli, branch, head, first) ?? first,
    ]);
  }
  const mergeArgs = mergeOptions(o, ff, doRebase);
  const message = fetchedMergeMessage(cli, heads, branch);
  return await merge(cli, [...mergeArgs, "--fetched-message", message, "FETCH_HEAD"]);
}

/** Where our branch left the one it follows, by the reflog of the latter. */
function forkPoint(
  cli: Cli,
  branch: ByteString | undefined,
  head: ObjectId,
  upstream: ObjectId,
): ObjectId | undefined {
  if (branch === undefined) return undefined;
  const { repo } = cli;
  const remote = repo.config.entry(`branch.${branch}.remote`)?.value;
  const from = repo.config.entry(`branch.${branch}.merge`)?.value;
  if (remote === undefined || !from?.startsWith("refs/heads/")) return undefined;
  const log = repo.refs.readLog(`refs/remotes/${remote}/${from.slice(11)}`) ?? [];
  for (const entry of [...log].reverse()) {
    for (const id of [entry.newId, entry.oldId]) {
      if (!repo.objects.has(id) || id === upstream) continue;
      if (isAncestor(repo.objects, id, head)) {
        return mergeBases(repo.objects, head, [upstream]).includes(id) ? undefined : id;
      }
    }
  }
  return undefined;
}

function requireClean(cli: Cli, head: ObjectId | undefined): void {
  const { repo } = cli;
  const index = repo.readIndex();
  if (head === undefined) {
    if (index.entries.length > 0) {
      die("Updating an unborn branch with changes added to the index.");
    }
    return;
  }
  const unstaged = diffIndexWorktree(repo, index).length > 0;
  const staged =
    diffTreeIndex(repo, commitLinks(repo.objects, head).tree, index, { cached: true }).length > 0;
  if (!unstaged && !staged) return;
  throw new Exit(
    128,
    `${
      unstaged
        ? `error: cannot pull with rebase: You have unstaged changes.\n${
          staged ? "error: additionally, your index contains uncommitted changes.\n" : ""
        }`
        : "error: cannot pull with rebase: Your index contains uncommitted changes.\n"
    }error: please commit or stash them.\n`,
  );
}

function passedOn(o: Options): ByteString[] {
  const out: ByteString[] = [];
  for (let i = 0; i < o.count("verbose"); i++) out.push("-v");
  if (o.flag("quiet")) out.push("-q");
  for (const key of FETCH_FLAGS) {
    if (o.given(key)) out.push(o.flag(key) ? `--${key}` : `--no-${key}`);
  }
  for (const key of FETCH_VALUES) {
    const value = o.text(key);
    if (value !== undefined) out.push(`--${key}=${value}`);
  }
  for (const key of FETCH_LISTS) for (const value of o.list(key)) out.push(`--${key}=${value}`);
  return out;
}

function mergeOptions(o: Options, ff: string | undefined, forwardOnly: boolean): ByteString[] {
  const out: ByteString[] = [];
  if (o.flag("quiet")) out.push("-q");
  if (o.flag("n")) out.push("-n");
  for (const key of ["stat", "signoff", "squash", "commit", "edit", "autostash"]) {
    if (o.given(key)) out.push(o.flag(key) ? `--${key}` : `--no-${key}`);
  }
  if (o.flag("allow-unrelated-histories")) out.push("--allow-unrelated-histories");
  if (o.negated("verify")) out.push("--no-verify");
  if (forwardOnly || ff === "only") out.push("--ff-only");
  else if (ff === "no") out.push("--no-ff");
  else if (ff === "yes") out.push("--ff");
  for (const value of o.list("strategy")) out.push(`--strategy=${value}`);
  for (const value of o.list("strategy-option")) out.push(`--strategy-option=${value}`);
  return out;
}
