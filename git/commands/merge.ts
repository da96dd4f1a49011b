/**
 * `git merge`.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString, trimSpaceEnd } from "../_bytes.ts";
import { nativePath, readFileIfAny, readTextIfAny, removeFile, stat } from "../_files.ts";
import { diffStats, formatStat, formatSummary } from "../diff_format.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { GitIndex } from "../index_file.ts";
import { commitLinks, isAncestor, mergeBases, octopusBases } from "../merge_base.ts";
import { mergeCommits, mergeTrees, type MergeTreesResult } from "../merge_trees.ts";
import { formatCommit, parseSignature } from "../objects.ts";
import { peelTo, readCommit, readTag } from "../object_store.ts";
import { formatMessage, subjectOf } from "../pretty.ts";
import { shortenRef } from "../ref_filter.ts";
import { walkCommits } from "../rev_list.ts";
import { diffTreeIndex, writeIndexTree } from "../status.ts";
import { diffTrees } from "../tree_diff.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { beginAutostash, finishAutostash } from "./_merge_autostash.ts";
import { type Options, parseOptions, splitWords, usageError } from "./_options.ts";
import { DiffArguments, terminalColumns } from "./_revs.ts";
import { applyMerge, showMerge } from "./_apply_merge.ts";
import { removeMergeState } from "./_merge_state.ts";
import { mergeSettings } from "./_merge_settings.ts";
import { cleanupMessage } from "./_message.ts";
import { switchMessage } from "./_switch.ts";
import { commit as commitCommand } from "./commit.ts";
import { reset } from "./reset.ts";

const USAGE =
  "git merge [<options>] [<commit>...]\n   or: git merge --abort\n   or: git merge --continue";
const SPEC =
  "n stat summary log? squash commit fetched-message= e,edit cleanup= ff !ff-only rerere-autoupdate verify-signatures s,strategy* X,strategy-option* m,message* F,file= into-name= v,verbose+ q,quiet !abort !quit !continue allow-unrelated-histories progress S,gpg-sign? autostash overwrite-ignore signoff no-verify";
const STRATEGIES = ["octopus", "ours", "recursive", "resolve", "subtree", "ort"];
/** Commits that a summary lists for each branch. */
const DEFAULT_LOG_LENGTH = 20;

/** A commit to merge. */
interface MergeHead {
  /** As the user called it. */
  name: ByteString;
  id: ObjectId;
  /** What the message calls it: a kind and a name. */
  kind: "branch" | "tag" | "remote" | "commit";
  label: ByteString;
  /** Repository it came from; `.` for this one. */
  source: ByteString;
  /** An annotated tag's text. */
  tagText?: ByteString | undefined;
  /** Name used for lists of commits. */
  origin: ByteString;
}

type FastForward = "allow" | "no" | "only";

function describeHead(cli: Cli, name: ByteString, id: ObjectId): MergeHead {
  const { refs, objects } = cli.repo;
  const make = (kind: MergeHead["kind"], label: ByteString, origin: ByteString): MergeHead => ({
    name,
    id,
    kind,
    label,
    source: ".",
    origin,
  });
  if (refs.id(`refs/heads/${name}`) !== undefined) return make("branch", `'${name}'`, name);
  const tag = refs.id(`refs/tags/${name}`);
  if (tag !== undefined) {
    const made = make("tag", `'${name}'`, `tag '${name}'`);
    if (objects.describe(tag)?.type === "tag") {
      made.tagText = readTag(objects, tag).message.replace(/-----BEGIN [^]*$/, "");
    }
    return made;
  }
  if (refs.id(`refs/remotes/${name}`) !== undefined) {
    return make("remote", `'${name}'`, `remote-tracking branch '${name}'`);
  }
  const full = /^refs\/heads\/(.+)$/.exec(name);
  if (full !== null && refs.id(name) !== undefined) return make("branch", `'${full[1]}'`, full[1]!);
  const suffix = /^(.*?)(\^+|~(\d*))$/.exec(name);
  if (suffix !== null && refs.id(`refs/heads/${suffix[1]}`) !== undefined) {
    const early = suffix[2]!.startsWith("^") || suffix[3] === "" || /[1-9]/.test(suffix[3]!);
    const label = `'${suffix[1]}'${early ? " (early part)" : ""}`;
    return make("branch", label, label);
  }
  return make("commit", `'${name}'`, `commit '${name}'`);
}

/** The commits that the last fetch marked for merging. */
function fetchedHeads(cli: Cli): MergeHead[] {
  const text = readTextIfAny(`${cli.repo.paths.gitDir}/FETCH_HEAD`) ?? "";
  const out: MergeHead[] = [];
  for (const line of text.split("\n")) {
    const [id, note, what] = line.split("\t");
    if (id === undefined || id === "" || note !== "") continue;
    const commit = peelTo(cli.repo.objects, id, "commit") ??
      die(`not something we can merge in .git/FETCH_HEAD: ${line}`);
    const match = /^(?:(branch|tag|remote-tracking branch) )?'([^']*)' of (.*)$/.exec(what ?? "");
    const word = match?.[1];
    const kind = word === "branch"
      ? "branch"
      : word === "tag"
      ? "tag"
      : word === undefined
      ? "commit"
      : "remote";
    const label = match === null ? (what ?? "") : `'${match[2]}'`;
    const made: MergeHead = {
      name: id,
      id: commit,
      kind,
      label,
      source: match?.[3] ?? ".",
      origin: kind === "branch" ? match![2]! : `${word ?? "commit"} ${label}`,
    };
    if (kind === "tag" && cli.repo.objects.describe(id)?.type === "tag") {
      made.tagText = readTag(cli.repo.objects, id).message;
    }
    out.push(made);
  }
  return out;
}

function joined(singular: string, plural: string, list: readonly ByteString[]): ByteString {
  if (list.length === 1) return `${singular} ${list[0]}`;
  return `${plural} ${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
}

/** The first line of a merge's message, and the texts of tags. */
function mergeTitle(
  cli: Cli,
  heads: readonly MergeHead[],
  into: ByteString | undefined,
): ByteString {
  const sources = [...new Set(heads.map((head) => head.source))];
  const parts = sources.map((source) => {
    const of = heads.filter((head) => head.source === source);
    const kinds: [MergeHead["kind"], string, string][] = [
      ["branch", "branch", "branches"],
      ["remote", "remote-tracking branch", "remote-tracking branches"],
      ["tag", "tag", "tags"],
      ["commit", "commit", "commits"],
    ];
    const groups = kinds.flatMap(([kind, singular, plural]) => {
      const labels = of.filter((head) => head.kind === kind).map((head) => head.label);
      return labels.length === 0 ? [] : [joined(singular, plural, labels)];
    });
    return `${groups.join(", ")}${source === "." ? "" : ` of ${source}`}`;
  });
  const suppressed = cli.config.entries.filter((entry) => entry.key === "merge.suppressdest").map((
    entry,
  ) => entry.value ?? "");
  const quiet = into !== undefined &&
    (suppressed.length === 0 ? into === "main" || into === "master" : suppressed.includes(into));
  return `Merge ${parts.join("; ")}${quiet ? "" : ` into ${into ?? "HEAD"}`}\n`;
}

/** The list of commits that a merge brings, for `--log`. */
function mergeLog(cli: Cli, heads: readonly MergeHead[], limit: number): ByteString {
  const store = cli.repo.objects;
  const head = cli.repo.head();
  let out = "";
  for (const { id, origin } of heads) {
    const subjects: ByteString[] = [];
    let count = 0;
    for (
      const commit of walkCommits(store, {
        include: [id],
        exclude: head === undefined ? [] : [head],
        maxParents: 1,
      })
    ) {
      count++;
      if (subjects.length < limit) {
        subjects.push(subjectOf(readCommit(store, commit.id).message) || commit.id);
      }
    }
    if (count === 0) continue;
    out += `\n* ${origin}:${count > limit ? ` (${count} commits)` : ""}\n`;
    out += subjects.map((subject) => `  ${subject}\n`).join("");
    if (count > limit) out += "  ...\n";
  }
  return out;
}

/** The message of a squashed merge. */
function squashMessage(cli: Cli, head: ObjectId, heads: readonly ObjectId[]): void {
  const store = cli.repo.objects;
  const lines: ByteString[] = [];
  for (const { id } of walkCommits(store, { include: heads, exclude: [head], maxParents: 1 })) {
    const text = formatMessage(id, readCommit(store, id), {
      style: "medium",
      abbrev: (one) => cli.abbrev(one),
    });
    lines.push(`\ncommit ${id}\n${text}`);
  }
  writeState(cli, "SQUASH_MSG", `Squashed commit of the following:\n${lines.join("")}`);
}

function writeState(cli: Cli, name: string, text: ByteString): void {
  Deno.writeFileSync(nativePath(`${cli.repo.paths.gitDir}/${name}`), fromByteString(text));
}

function showStat(cli: Cli, o: Options, head: ObjectId, tree: ObjectId): void {
  if (o.flag("quiet")) return;
  const chosen = o.order.findLast(([key]) => key === "stat" || key === "summary" || key === "n");
  const on = chosen === undefined
    ? cli.config.bool("merge.stat", true)
    : (chosen[0] === "n") !== (chosen[1] !== false);
  if (!on) return;
  const d = new DiffArguments();
  d.findRenames = true;
  const pairs = d.process(
    cli,
    diffTrees(cli.repo.objects, commitLinks(cli.repo.objects, head).tree, tree),
  );
  const format = { ...d.format(cli), statWidth: terminalColumns(cli) };
  cli.out(
    formatStat(diffStats(cli.repo.objects, pairs, format), format) + formatSummary(pairs, format),
  );
}

/** Fast-forward setting, the last of all that speak of it. */
function fastForward(cli: Cli, o: Options): { mode: FastForward; given: boolean } {
  const entry = cli.config.entry("merge.ff");
  let mode: FastForward = "allow";
  let given = false;
  if (entry !== undefined) {
    const value = entry.value?.toLowerCase();
    if (value === "only") mode = "only";
    else if (value === undefined || /^(true|yes|on|1)$/.test(value)) given = true;
    else if (/^(false|no|off|0|)$/.test(value)) mode = "no";
    given ||= mode !== "allow";
  }
  for (const [key, value] of o.order) {
    if (key === "ff-only") mode = "only";
    else if (key === "ff") mode = value === false ? "no" : "allow";
    else continue;
    given = true;
  }
  return { mode, given };
}

/** Suggests remote branches for a name that means nothing here. */
function unknownName(cli: Cli, name: ByteString): Exit {
  const similar: ByteString[] = [];
  for (const ref of cli.repo.refs.list("refs/remotes/")) {
    const branch = /^refs\/remotes\/[^/]+\/(.*)$/.exec(ref.name)?.[1];
    if (branch === name) similar.push(shortenRef(cli.repo, ref.name, true));
  }
  const hint = similar.length === 0
    ? ""
    : `\nDid you mean ${similar.length === 1 ? "this" : "one of these"}?\n${
      similar.map((one) => `\t${one}\n`).join("")
    }`;
  return new Exit(1, `merge: ${name} - not something we can merge\n${hint}`);
}

/** Merges several heads one after the other; they must not conflict before the last. */
function octopus(
  cli: Cli,
  index: GitIndex,
  head: ObjectId,
  heads: readonly MergeHead[],
  say: (text: ByteString) => void,
): MergeTreesResult | undefined {
  const store = cli.repo.objects;
  const headTree = commitLinks(store, head).tree;
  let merged: ObjectId[] = [head];
  let tree = headTree;
  let result: MergeTreesResult | undefined;
  let linear = true;
  for (const { id, name } of heads) {
    if (result !== undefined && !result.clean) {
      cli.err("Automated merge did not work.\nShould not be doing an octopus.\n");
      return undefined;
    }
    const bases = mergeBases(store, id, merged);
    if (bases.includes(id)) {
      say(`Already up to date with ${name}\n`);
      continue;
    }
    const theirs = commitLinks(store, id).tree;
    if (linear && bases.length === 1 && bases[0] === merged[0]) {
      say(`Fast-forwarding to: ${name}\n`);
      merged = [id];
      tree = theirs;
      result = mergeTrees(store, tree, tree, tree);
      continue;
    }
    linear = false;
    say(`Trying simple merge with ${name}\n`);
    const base = bases[0] === undefined ? undefined : commitLinks(store, bases[0]).tree;
    result = mergeTrees(store, base, tree, theirs, {
      ...mergeSettings(cli),
      renames: false,
    });
    tree = result.tree;
    merged.push(id);
  }
  result ??= mergeTrees(store, headTree, headTree, headTree);
  applyMerge(cli, index, headTree, result);
  return result;
}

/** `git merge` */
export function merge(cli: Cli, args: ByteString[]): number {
  if (args.length === 1 && args[0] === "-h") throw usageError("", USAGE);
  const { repo } = cli;
  const branch = repo.headBranch()?.replace(/^refs\/heads\//, "");
  const configured = branch === undefined
    ? undefined
    : repo.config.get(`branch.${branch}.mergeoptions`);
  let o = parseOptions(cli, args, SPEC, USAGE);
  if (configured !== undefined && !["abort", "quit", "continue"].some((name) => o.flag(name))) {
    o = parseOptions(cli, [...splitWords(configured), ...args], SPEC, USAGE);
  }
  cli.needWorkTree();
  const { gitDir } = repo.paths;
  const store = repo.objects;
  for (const action of ["abort", "quit", "continue"]) {
    if (o.flag(action) && args.length > 1) {
      throw usageError(`fatal: --${action} expects no arguments`, USAGE);
    }
  }
  if (o.flag("abort")) {
    if (stat(`${gitDir}/MERGE_HEAD`) === undefined) {
      die("There is no merge to abort (MERGE_HEAD missing).");
    }
    const stash = readTextIfAny(`${gitDir}/MERGE_AUTOSTASH`);
    removeFile(`${gitDir}/MERGE_AUTOSTASH`);
    reset(cli, ["--merge", "-q", "HEAD"]);
    if (stash !== undefined) writeState(cli, "MERGE_AUTOSTASH", stash);
    finishAutostash(cli, true);
    return 0;
  }
  if (o.flag("quit")) {
    removeMergeState(cli);
    finishAutostash(cli, false);
    return 0;
  }
  if (o.flag("continue")) {
    if (stat(`${gitDir}/MERGE_HEAD`) === undefined) {
      die("There is no merge in progress (MERGE_HEAD missing).");
    }
    return commitCommand(cli, []);
  }
  const index = repo.readIndex();
  if (index.unmerged) {
    throw new Exit(
      128,
      "error: Merging is not possible because you have unmerged files.\nhint: Fix them up in the work tree, and then use 'git add/rm <file>'\nhint: as appropriate to mark resolution and make a commit.\nfatal: Exiting because of an unresolved conflict.\n",
    );
  }
  for (const [file, what] of [["MERGE_HEAD", "merge"], ["CHERRY_PICK_HEAD", "cherry-pick"]]) {
    if (stat(`${gitDir}/${file}`) !== undefined) {
      die(
        `You have not concluded your ${what} (${file} exists).\nPlease, commit your changes before you merge.`,
      );
    }
  }
  const strategies = o.list("strategy");
  for (const one of strategies) {
    if (!STRATEGIES.includes(one)) {
      throw new Exit(
        1,
        `Could not find merge strategy '${one}'.\nAvailable strategies are: ${
          [...STRATEGIES].sort().join(" ")
        }.\n`,
      );
    }
  }
  let { mode: ff, given: ffGiven } = fastForward(cli, o);
  const squash = o.flag("squash");
  if (squash) {
    if (ff === "no") die("options '--squash' and '--no-ff.' cannot be used together");
    if (o.flag("commit")) die("options '--squash' and '--commit.' cannot be used together");
  }
  const noCommit = squash || o.negated("commit");
  const say = (text: ByteString): void => {
    if (!o.flag("quiet")) cli.out(text);
  };
  const head = repo.head();
  const names = o.rest.length > 0
    ? o.rest
    : cli.config.bool("merge.defaulttoupstream", true)
    ? ["@{upstream}"]
    : die("No commit specified and merge.defaultToUpstream not set.");
  let heads: MergeHead[] = [];
  for (const name of names) {
    if (name === "FETCH_HEAD" && names.length === 1) {
      heads = fetchedHeads(cli);
      if (heads.length === 0) throw unknownName(cli, name);
      break;
    }
    const shown = name === "-" ? "@{-1}" : name;
    const id = cli.tryRevision(shown, { prefer: "committish" });
    const commit = id === undefined ? undefined : peelTo(store, id, "commit");
    if (commit === undefined) {
      if (head === undefined) die(`${name} - not something we can merge`);
      throw unknownName(cli, name);
    }
    heads.push(describeHead(cli, name, commit));
  }
  if (head === undefined) {
    if (squash) die("Squash commit into empty head not supported yet");
    if (ff === "no") die("Non-fast-forward commit does not make sense into an empty head");
    if (heads.length !== 1) die("Can merge only exactly one commit into empty head");
    using lock = repo.lockIndex();
    switchTree(repo, index, undefined, commitLinks(store, heads[0]!.id).tree, {});
    repo.writeIndex(index, lock);
    repo.refs.update({
      name: "HEAD",
      newId: heads[0]!.id,
      oldId: repo.algorithm.zero,
      message: "initial pull",
    });
    return 0;
  }
  const named = heads;
  // Heads that others reach add nothing.
  const unique = heads.filter((one, i) => heads.findIndex((other) => other.id === one.id) === i);
  heads = unique.filter((one) =>
    !isAncestor(store, one.id, head) &&
    !unique.some((other) => other.id !== one.id && isAncestor(store, one.id, other.id))
  );
  const headSubsumed = heads.length > 1 && heads.some((one) => isAncestor(store, head, one.id));
  if (strategies.some((one) => one === "ours" || one === "subtree") && ff === "allow") ff = "no";
  if (!ffGiven && heads.length === 1 && named.length === 1 && named[0]!.tagText !== undefined) {
    // An annotated tag that is not kept here is kept in the message of a merge.
    const local = repo.refs.id(`refs/tags/${named[0]!.label.slice(1, -1)}`);
    if (local === undefined || peelTo(store, local, "commit") !== named[0]!.id) ff = "no";
  }
  const action = cli.env.get("GIT_REFLOG_ACTION") ?? `merge ${names.join(" ")}`;
  const orig = (): void =>
    repo.refs.update({ name: "ORIG_HEAD", newId: head, noDeref: true, skipReflog: true });
  const upToDate = (): number => {
    say(squash ? " (nothing to squash)Already up to date.\n" : "Already up to date.\n");
    return 0;
  };
  orig();
  if (heads.length === 0) return upToDate();
  const only = heads.length === 1 ? heads[0]! : undefined;
  const bases = only === undefined
    ? octopusBases(store, [head, ...heads.map((one) => one.id)])
    : mergeBases(store, head, [only.id]);
  if (bases.length === 0 && !o.flag("allow-unrelated-histories")) {
    die("refusing to merge unrelated histories");
  }
  const stashing = o.given("autostash")
    ? o.flag("autostash")
    : cli.config.bool("merge.autostash", false);
  const clean = (): void => void reset(cli, ["--hard", "-q", "HEAD"]);
  const refuse = (error: unknown): never => {
    if (!(error instanceof SwitchError)) throw error;
    finishAutostash(cli, true);
    throw new Exit(1, switchMessage(error, "merge"));
  };
  const finish = (id: ObjectId | undefined, text: ByteString): void => {
    if (squash) {
      say("Squash commit -- not updating HEAD\n");
      squashMessage(cli, head, heads.map((one) => one.id));
    } else if (id !== undefined) {
      repo.refs.update({ name: "HEAD", newId: id, oldId: head, message: `${action}: ${text}` });
    }
    if (id !== undefined) showStat(cli, o, head, commitLinks(store, id).tree);
    cli.runHook("post-merge", [squash ? "1" : "0"]);
    if (id !== undefined) finishAutostash(cli, true);
  };
  if (only !== undefined && bases.length === 1 && bases[0] === head && ff !== "no") {
    say(`Updating ${cli.abbrev(head)}..${cli.abbrev(only.id)}\n`);
    const stashed = stashing && beginAutostash(cli, clean);
    const current = stashed ? repo.readIndex() : index;
    {
      using lock = repo.lockIndex();
      try {
        switchTree(
          repo,
          current,
          commitLinks(store, head).tree,
          commitLinks(store, only.id).tree,
          {},
        );
      } catch (error) {
        lock.rollback();
        refuse(error);
      }
      writeIndexTree(repo, current, { dry: true });
      repo.writeIndex(current, lock);
    }
    say(
      `Fast-forward${
        o.list("message").length > 0 ? " (no commit created; -m option ignored)" : ""
      }\n`,
    );
    finish(only.id, "Fast-forward");
    return 0;
  }
  if (
    only === undefined && heads.every((one) => {
      const common = mergeBases(store, head, [one.id]);
      return common.length === 1 && common[0] === one.id;
    })
  ) return upToDate();
  if (ff === "only") {
    throw new Exit(
      128,
      'hint: Diverging branches can\'t be fast-forwarded, you need to either:\nhint: \nhint: \tgit merge --no-ff\nhint: \nhint: or:\nhint: \nhint: \tgit rebase\nhint: \nhint: Disable this message with "git config advice.diverging false"\nfatal: Not possible to fast-forward, aborting.\n',
    );
  }
  const stashed = stashing && beginAutostash(cli, clean);
  const current = stashed ? repo.readIndex() : index;
  const strategy = strategies[0] ?? (only === undefined ? "octopus" : "ort");
  const dirty = diffTreeIndex(repo, commitLinks(store, head).tree, current, { cached: true });
  if (dirty.length > 0) {
    finishAutostash(cli, true);
    throw new Exit(
      2,
      `error: Your local changes to the following files would be overwritten by merge:\n  ${
        dirty.map((pair) => pair.new.path).join(" ")
      }\nMerge with strategy ${strategy} failed.\n`,
    );
  }
  if (only === undefined && strategy !== "octopus" && strategy !== "ours") {
    finishAutostash(cli, true);
    throw new Exit(
      2,
      `error: Not handling anything other than two heads merge.\nMerge with strategy ${strategy} failed.\n`,
    );
  }
  const author = cli.ident("author"), committer = cli.ident("committer");
  let result: MergeTreesResult | undefined;
  let trivial = false;
  {
    using lock = repo.lockIndex();
    const headTree = commitLinks(store, head).tree;
    try {
      if (only === undefined && strategy !== "ours") {
        result = octopus(cli, current, head, heads, say);
      } else if (strategy === "ours") {
        result = mergeTrees(store, headTree, headTree, headTree);
      } else {
        const simple = strategy === "resolve" && bases.length === 1;
        if (simple) say("Trying really trivial in-index merge...\n");
        result = mergeCommits(store, head, only!.id, {
          ours: "HEAD",
          theirs: only!.name,
          ...mergeSettings(cli, o.list("strategy-option")),
          ...(strategy === "subtree" ? { subtree: "" } : {}),
          ...(strategy === "resolve" ? { renames: false } : {}),
        }, bases);
        if (simple) {
          // Trivial: no file changed on both sides.
          trivial = result.messages.length === 0;
          say(trivial ? "Wonderful.\n" : "Nope.\n");
        }
        applyMerge(cli, current, headTree, result);
      }
    } catch (error) {
      lock.rollback();
      if (error instanceof SwitchError) {
        finishAutostash(cli, true);
        throw new Exit(
          only === undefined ? 2 : 1,
          `${switchMessage(error, "merge")}${
            only === undefined ? `Merge with strategy ${strategy} failed.\n` : ""
          }`,
        );
      }
      throw error;
    }
    if (result === undefined) {
      lock.rollback();
      finishAutostash(cli, true);
      throw new Exit(2, `Merge with strategy ${strategy} failed.\n`);
    }
    if (result.clean) writeIndexTree(repo, current, { dry: true });
    repo.writeIndex(current, lock);
  }
  if (!o.flag("quiet")) showMerge(cli, result);
  const message = mergeMessage(cli, o, named, branch);
  const conflicted = !result.clean;
  const cleanupSetting = o.text("cleanup") ?? cli.config.get("commit.cleanup");
  const hint = (): ByteString => {
    const paths = [...new Set(result.conflicts.map((conflict) => conflict.path))].sort();
    const scissors = cleanupSetting === "scissors"
      ? `# ------------------------ >8 ------------------------\n# Do not modify or remove the line above.\n# Everything below it will be ignored.\n#\n`
      : "";
    return `\n${scissors}# Conflicts:\n${paths.map((path) => `#\t${path}\n`).join("")}`;
  };
  if (squash) {
    squashMessage(cli, head, heads.map((one) => one.id));
    say("Squash commit -- not updating HEAD\n");
    if (conflicted) writeState(cli, "MERGE_MSG", hint());
    cli.runHook("post-merge", ["1"]);
  } else {
    writeState(cli, "MERGE_HEAD", heads.map((one) => `${one.id}\n`).join(""));
    writeState(cli, "MERGE_MODE", ff === "no" ? "no-ff" : "");
    writeState(cli, "MERGE_MSG", conflicted ? message + hint() : message);
  }
  if (conflicted || noCommit) {
    if (conflicted) cli.out("Automatic merge failed; fix conflicts and then commit the result.\n");
    else if (!o.flag("quiet")) {
      cli.err("Automatic merge went well; stopped before committing as requested\n");
    }
    if (stashed) cli.out("When finished, apply stashed changes with `git stash pop`\n");
    return conflicted ? 1 : 0;
  }
  const path = `${gitDir}/MERGE_MSG`;
  const verify = !o.flag("no-verify");
  const abort = (): number => {
    cli.err(
      "Not committing merge; use 'git commit' to complete the merge.\n",
    );
    return 1;
  };
  if (verify && cli.runHook("pre-merge-commit") !== 0) return abort();
  const edit = o.given("edit")
    ? o.flag("edit")
    : o.list("message").length === 0 && !o.given("file") &&
      cli.env.get("GIT_MERGE_AUTOEDIT") !== "no" &&
      Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  if (o.flag("signoff")) {
    const who = parseSignature(committer);
    writeState(
      cli,
      "MERGE_MSG",
      `${trimSpaceEnd(message)}\n\nSigned-off-by: ${who.name} <${who.email}>\n`,
    );
  }
  if (edit) {
    const plain = readTextIfAny(path) ?? message;
    const scissors = cleanupSetting === "scissors"
      ? "# ------------------------ >8 ------------------------\n# Do not modify or remove the line above.\n# Everything below it will be ignored.\n#\n"
      : "";
    writeState(
      cli,
      "MERGE_MSG",
      `${plain}\n${scissors}# Please enter a commit message to explain why this merge is necessary,\n# especially if it merges an updated upstream into a topic branch.\n#\n${
        scissors === ""
          ? "# Lines starting with '#' will be ignored, and an empty message aborts\n# the commit.\n"
          : "# An empty message aborts the commit.\n"
      }`,
    );
  }
  if (cli.runHook("prepare-commit-msg", [path, "merge"]) !== 0) return abort();
  if (edit) cli.edit(path);
  if (verify && cli.runHook("commit-msg", [path]) !== 0) return abort();
  const text = cleanupMessage(
    readTextIfAny(path) ?? message,
    cleanupSetting === undefined || cleanupSetting === "default"
      ? edit ? "strip" : "whitespace"
      : cleanupSetting === "scissors" && !edit
      ? "whitespace"
      : cleanupSetting,
    "#",
  );
  if (text === "") {
    cli.err("error: Empty commit message.\n");
    return abort();
  }
  const id = store.write(
    "commit",
    formatCommit({
      tree: result.tree,
      parents: [...(headSubsumed ? [] : [head]), ...heads.map((one) => one.id)],
      author,
      committer,
      extra: [],
      message: text,
    }),
  );
  removeMergeState(cli);
  const made = trivial ? "In-index merge" : `Merge made by the '${strategy}' strategy.`;
  if (!trivial) say(`${made}\n`);
  finish(id, made);
  return 0;
}

function mergeMessage(
  cli: Cli,
  o: Options,
  heads: readonly MergeHead[],
  branch: ByteString | undefined,
): ByteString {
  const messages = o.list("message");
  const logOption = o.order.findLast(([key]) => key === "log")?.[1];
  const configured = cli.config.entry("merge.log") ?? cli.config.entry("merge.summary");
  let limit = 0;
  if (logOption !== undefined) {
    limit = logOption === true ? DEFAULT_LOG_LENGTH : logOption === false ? 0 : Number(logOption);
  } else if (configured !== undefined) {
    const { value } = configured;
    limit = value !== undefined && /^\d+$/.test(value)
      ? Number(value)
      : cli.config.bool(configured.key, false)
      ? DEFAULT_LOG_LENGTH
      : 0;
  }
  const given = o.text("file");
  const body = given !== undefined
    ? toByteString(readFileIfAny(cli.fileArgument(given)) ?? die(`could not read file '${given}'`))
    : messages.length > 0
    ? `${messages.join("\n\n")}\n`
    : undefined;
  let out = body ?? o.text("fetched-message") ??
    mergeTitle(cli, heads, o.text("into-name") ?? branch);
  if (body === undefined && o.text("fetched-message") === undefined) {
    for (const head of heads) {
      if (head.tagText !== undefined) out += `\n${head.tagText}`;
    }
  }
  if (limit > 0) out += mergeLog(cli, heads, limit);
  return out;
}
