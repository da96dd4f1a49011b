/**
 * `commit`: the index as a commit, with its message, author and hooks.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, toByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny, removeFile, stat } from "../_files.ts";
import { approximateDate, isApproximateDate, localZone, parseDate } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks, mergeBases } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { formatCommit, parseSignature } from "../objects.ts";
import { walkCommits } from "../rev_list.ts";
import { writeIndexTree } from "../status.ts";
import { CommitIndex, type CommitOrigin, refusePartial } from "./_commit_index.ts";
import {
  type Cleanup,
  type CommitRequest,
  composeMessage,
  messageIsEmpty,
  messageTemplate,
  templateUntouched,
} from "./_commit_message.ts";
import { finishPick } from "./_merge_state.ts";
import { printCommitSummary } from "./_commit_summary.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { headTree, parentTree } from "./_head_tree.ts";
import { finishAutostash } from "./_merge_autostash.ts";
import { addTrailer, cleanupMessage, commentCharacter } from "./_message.ts";
import { type Options, parseOptions } from "./_options.ts";
import { pathArguments } from "./_pathspec_file.ts";
import { signText } from "./_signing.ts";
import { printStatus, statusInfo, statusSettings } from "./status.ts";

const USAGE =
  "git commit [-a | --interactive | --patch] [-s] [-v] [-u<mode>] [--amend]\n           [--dry-run] [(-c | -C | --squash) <commit> | --fixup [(amend|reword):]<commit>)]\n           [-F <file> | -m <msg>] [--reset-author] [--allow-empty]\n           [--allow-empty-message] [--no-verify] [-e] [--author=<author>]\n           [--date=<date>] [--cleanup=<mode>] [--[no-]status]\n           [-i | -o] [--pathspec-from-file=<file> [--pathspec-file-nul]]\n           [(--trailer <token>[(=|:)<value>])...] [-S[<keyid>]]\n           [--] [<pathspec>...]";

const EMPTY_AMEND =
  'You asked to amend the most recent commit, but doing so would make\nit empty. You can repeat your command with --allow-empty, or you can\nremove the commit entirely with "git reset HEAD^".\n';
const EMPTY_PICK =
  "The previous cherry-pick is now empty, possibly due to conflict resolution.\nIf you wish to commit it anyway, use:\n\n    git commit --allow-empty\n\n";

function refuseTogether(pairs: [boolean, string][]): void {
  const given = pairs.filter(([on]) => on).map(([, name]) => `'${name}'`);
  if (given.length < 2) return;
  const last = given.pop();
  die(
    given.length === 1
      ? `options ${given[0]} and ${last} cannot be used together`
      : `options ${given.join(", ")}, and ${last} cannot be used together`,
  );
}

/** How to go on after a pick that would change nothing. */
function afterEmptyPick(cli: Cli, origin: CommitOrigin): ByteString {
  if (origin === "rebase") return "Otherwise, please use 'git rebase --skip'\n";
  return stat(`${cli.repo.paths.gitDir}/sequencer`) === undefined
    ? "Otherwise, please use 'git cherry-pick --skip'\n"
    : "and then use:\n\n    git cherry-pick --continue\n\nto resume cherry-picking the remaining commits.\nIf you wish to skip this commit, use:\n\n    git cherry-pick --skip\n\n";
}

function originOf(cli: Cli): CommitOrigin {
  const { gitDir } = cli.repo.paths;
  if (stat(`${gitDir}/MERGE_HEAD`) !== undefined) return "merge";
  if (stat(`${gitDir}/CHERRY_PICK_HEAD`) === undefined) return "commit";
  return stat(`${gitDir}/rebase-merge`) === undefined ? "cherry-pick" : "rebase";
}

function commitNamed(cli: Cli, name: ByteString): ObjectId {
  const id = cli.tryRevision(name);
  const commit = id === undefined ? undefined : peelTo(cli.repo.objects, id, "commit");
  return commit ?? die(`could not lookup commit ${name}`);
}

function fixupOf(o: Options, origin: CommitOrigin): CommitRequest["fixup"] {
  const text = o.text("fixup");
  if (text === undefined) return undefined;
  const match = /^([A-Za-z]+):(.*)$/s.exec(text);
  if (match === null) return { prefix: "fixup", commit: text };
  const [, word, commit] = match as unknown as [string, string, string];
  if (word !== "amend" && word !== "reword") die(`unknown option: --fixup=${word}:${commit}`);
  if (word === "reword") {
    if (origin === "merge") die("You are in the middle of a merge -- cannot reword.");
    if (origin === "cherry-pick") die("You are in the middle of a cherry-pick -- cannot reword.");
    if (o.rest.length > 0) {
      die(`reword option of '--fixup' and path '${o.rest[0]}' cannot be used together`);
    }
    if (["patch", "interactive", "all", "include", "only"].some((name) => o.flag(name))) {
      die(
        "reword option of '--fixup' and '--patch/--interactive/--all/--include/--only' cannot be used together",
      );
    }
  }
  if (o.list("message").length > 0) {
    die(`options '-m' and '--fixup:${word}' cannot be used together`);
  }
  return { prefix: "amend", commit };
}

function readRequest(cli: Cli, o: Options): CommitRequest {
  const { repo, config } = cli;
  const head = repo.head();
  const origin = originOf(cli);
  const amend = o.flag("amend");
  const messages = o.list("message").length > 0;
  if (o.given("author") && o.flag("reset-author")) {
    die("options '--reset-author' and '--author' cannot be used together");
  }
  if (amend && head === undefined) die("You have nothing to amend.");
  if (amend && origin !== "commit") {
    die(`You are in the middle of a ${origin} -- cannot amend.`);
  }
  if (o.given("fixup") && o.given("squash")) {
    die("options '--squash' and '--fixup' cannot be used together");
  }
  const reuseText = o.text("reuse-message"), reedit = o.text("reedit-message");
  const file = o.text("file");
  refuseTogether([
    [reuseText !== undefined, "-C"],
    [reedit !== undefined, "-c"],
    [file !== undefined, "-F"],
    [o.given("fixup"), "--fixup"],
  ]);
  refuseTogether([
    [messages, "-m"],
    [reedit !== undefined, "-c"],
    [reuseText !== undefined, "-C"],
    [file !== undefined, "-F"],
  ]);
  let useEditor = !(file !== undefined || messages || reuseText !== undefined);
  const fixup = fixupOf(o, origin);
  const reuse = reedit ?? reuseText ?? (amend && fixup === undefined ? "HEAD" : undefined);
  if (
    reuse === undefined && origin !== "cherry-pick" && origin !== "rebase" &&
    o.flag("reset-author")
  ) die("--reset-author can be used only with -C, -c or --amend.");
  let authorFrom: ObjectId | undefined;
  if (!o.flag("reset-author")) {
    if (reuse !== undefined) authorFrom = commitNamed(cli, reuse);
    if (origin === "cherry-pick" || origin === "rebase") {
      authorFrom = commitNamed(cli, "CHERRY_PICK_HEAD");
    }
  } else if (reuse !== undefined) commitNamed(cli, reuse);
  refuseTogether([
    [o.flag("include"), "-i/--include"],
    [o.flag("only"), "-o/--only"],
    [o.flag("all"), "-a/--all"],
    [o.flag("interactive") || o.flag("patch"), "--interactive/-p/--patch"],
  ]);
  if (fixup?.prefix === "fixup") useEditor = false;
  const edit = o.values.get("edit");
  if (edit !== undefined) useEditor = edit !== false;
  const word = o.text("cleanup") ?? config.get("commit.cleanup") ?? "default";
  if (!/^(default|verbatim|whitespace|strip|scissors)$/.test(word)) {
    die(`Invalid cleanup mode ${word}`);
  }
  const cleanup = word === "default"
    ? useEditor ? "strip" : "whitespace"
    : word === "scissors" && !useEditor
    ? "whitespace"
    : word as Cleanup;
  const given = reuse !== undefined && !amend || file !== undefined || fixup !== undefined ||
    messages;
  const configured = o.given("template") ? undefined : config.get("commit.template");
  const template = given || o.negated("template")
    ? undefined
    : o.text("template") !== undefined
    ? cli.fileArgument(o.text("template")!)
    : configured === undefined
    ? undefined
    : expandTemplate(cli, configured);
  const verbose = o.given("verbose")
    ? o.count("verbose")
    : /^\d+$/.test(config.entry("commit.verbose")?.value ?? "")
    ? Number(config.get("commit.verbose"))
    : config.bool("commit.verbose", false)
    ? 1
    : 0;
  return {
    options: o,
    origin,
    amend,
    head,
    reuse,
    authorFrom,
    fixup,
    template,
    useEditor,
    allowEmpty: o.flag("allow-empty") || fixup?.prefix === "amend",
    only: o.flag("only") || /^reword:/.test(o.text("fixup") ?? ""),
    cleanup,
    verbose,
  };
}

function expandTemplate(cli: Cli, path: ByteString): ByteString {
  if (path.startsWith("~/")) return `${cli.env.get("HOME") ?? ""}${path.slice(1)}`;
  return path.startsWith("/") ? path : `${cli.repo.paths.workTree}/${path}`;
}

/** `git commit` */
export function commit(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet v,verbose+ F,file= author= date= m,message* c,reedit-message= C,reuse-message= fixup= squash= reset-author trailer* s,signoff t,template= e,edit cleanup= status S,gpg-sign? a,all i,include interactive p,patch o,only n,no-verify dry-run short branch ahead-behind !porcelain long z,null amend no-post-rewrite u,untracked-files? pathspec-from-file= pathspec-file-nul allow-empty allow-empty-message",
    USAGE,
  );
  cli.needWorkTree();
  const { repo } = cli;
  const request = readRequest(cli, o);
  const { origin, amend, head } = request;
  const settings = statusSettings(cli, o, false);
  const paths = pathArguments(cli, o);
  if (o.flag("all") && paths.length > 0) {
    die(`paths '${paths[0]} ...' with -a does not make sense`);
  }
  if (o.flag("interactive") || o.flag("patch")) {
    die("commit has no interactive mode; stage with 'git add' and run commit again");
  }
  if (
    paths.length === 0 &&
    (o.flag("include") ||
      (request.only && !request.allowEmpty && (!amend || request.fixup?.prefix === "fixup")))
  ) die("No paths with --include/--only does not make sense.");
  const partial = !o.flag("include") && (paths.length > 0 || request.only);
  if (partial) refusePartial(origin);
  const choice = { all: o.flag("all"), include: o.flag("include"), paths, only: request.only };
  const dry = o.flag("dry-run") || settings.format !== "long" || o.flag("long");
  using prepared = CommitIndex.prepare(cli, choice, dry);
  const showStatus = (committing: boolean): boolean => {
    const tree = amend ? parentTree(cli) : headTree(cli);
    const info = statusInfo(cli, prepared.committed, tree, { ...settings, paths: [] });
    printStatus(cli, prepared.committed, info, settings, { committing, amend });
    return info.staged.length > 0 || (origin === "merge" && info.unmerged.length === 0);
  };
  if (dry) return showStatus(true) ? 0 : 1;
  const author = authorOf(cli, request);
  exportAuthor(author);
  const hookEnvironment = {
    ...prepared.environment(),
    ...(request.useEditor ? {} : { GIT_EDITOR: ":" }),
  };
  const runHook = (name: string, hookArguments: ByteString[] = []): number =>
    cli.runHook(name, hookArguments, { env: hookEnvironment });
  if (!o.flag("no-verify") && cli.hookPath("pre-commit") !== undefined) {
    if (runHook("pre-commit") !== 0) return 1;
    prepared.reload();
  }
  const composed = composeMessage(cli, request);
  let text = composed.text;
  if (o.flag("signoff")) text = addSignoff(cli, text);
  const committer = cli.ident("committer");
  for (const trailer of o.list("trailer")) text = addTrailer(text, trailer);
  const comment = commentCharacter(cli, text);
  const tree = writeIndexTree(repo, prepared.committed);
  const base = amend ? readCommit(repo.objects, head!).parents[0] : head;
  const unchanged =
    tree === (base === undefined ? repo.algorithm.emptyTree : commitLinks(repo.objects, base).tree);
  const merged = amend && readCommit(repo.objects, head!).parents.length > 1;
  const refused = unchanged && origin !== "merge" && !request.allowEmpty && !merged;
  if (
    request.useEditor &&
    (o.given("status") ? o.flag("status") : cli.config.bool("commit.status", true))
  ) {
    const info = statusInfo(cli, prepared.committed, amend ? parentTree(cli) : headTree(cli), {
      ...settings,
      paths: [],
    });
    text += messageTemplate(cli, request, {
      author,
      committer,
      comment,
      info,
      settings,
      index: prepared.committed,
      hasScissors: composed.hasScissors,
    });
  }
  const file = `${repo.paths.gitDir}/COMMIT_EDITMSG`;
  const shownFile = repo.paths.gitDir === `${repo.paths.workTree}/.git`
    ? ".git/COMMIT_EDITMSG"
    : file;
  Deno.writeFileSync(nativePath(file), fromByteString(text));
  if (refused) {
    showStatus(false);
    if (amend) cli.err(EMPTY_AMEND);
    else if (origin !== "commit") cli.err(EMPTY_PICK + afterEmptyPick(cli, origin));
    return 1;
  }
  if (runHook("prepare-commit-msg", [shownFile, ...composed.source]) !== 0) return 1;
  if (request.useEditor) {
    try {
      cli.edit(file, prepared.environment());
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      throw new Exit(1, `${error.text}Please supply the message using either -m or -F option.\n`);
    }
  }
  if (!o.flag("no-verify") && runHook("commit-msg", [shownFile]) !== 0) return 1;
  const message = finalMessage(request, file, comment);
  const parents = parentsOf(cli, request);
  const id = writeCommit(cli, request, { tree, parents, author, committer, message });
  repo.refs.update({
    name: "HEAD",
    newId: id,
    oldId: head ?? repo.algorithm.zero,
    message: `${reflogAction(cli, request)}: ${message.split("\n", 1)[0]}`,
  });
  finishPick(cli);
  for (
    const name of [
      "MERGE_HEAD",
      "MERGE_MSG",
      "MERGE_MODE",
      "SQUASH_MSG",
      "AUTO_MERGE",
    ]
  ) removeFile(`${repo.paths.gitDir}/${name}`);
  prepared.commit();
  cli.runHook("post-commit", [], { env: request.useEditor ? {} : { GIT_EDITOR: ":" } });
  if (amend && !o.flag("no-post-rewrite")) {
    cli.runHook("post-rewrite", ["amend"], { input: `${head} ${id}\n` });
  }
  if (!o.flag("quiet")) {
    const from = parents[0] === undefined ? undefined : commitLinks(repo.objects, parents[0]).tree;
    printCommitSummary(cli, id, from, repo.headBranch(), head === undefined, author, committer, {
      date: request.authorFrom !== undefined || o.given("date"),
    });
  }
  finishAutostash(cli, true);
  return 0;
}

function finalMessage(
  request: CommitRequest,
  file: ByteString,
  comment: string,
): ByteString {
  const { options: o, cleanup } = request;
  let message = readTextIfAny(file) ?? die(`could not read commit message: ${file}`);
  if (request.verbose > 0 || cleanup === "scissors") {
    message = cleanupMessage(message, "cut", comment);
  }
  message = cleanupMessage(message, cleanup, comment);
  const lenient = o.flag("allow-empty-message");
  if (!lenient && messageIsEmpty(message, cleanup === "verbatim")) {
    throw new Exit(1, "Aborting commit due to empty commit message.\n");
  }
  if (!lenient && templateUntouched(request, message, comment)) {
    throw new Exit(1, "Aborting commit; you did not edit the message.\n");
  }
  if (request.fixup !== undefined && message.startsWith("amend! ") && !lenient) {
    const end = message.indexOf("\n\n");
    if (end < 0 || messageIsEmpty(message.slice(end), cleanup === "verbatim")) {
      throw new Exit(1, "Aborting commit due to empty commit message body.\n");
    }
  }
  if (message.includes("\0")) {
    throw new Exit(
      128,
      "error: a NUL byte in commit log message not allowed.\nfatal: failed to write commit object\n",
    );
  }
  return message;
}

function parentsOf(cli: Cli, request: CommitRequest): ObjectId[] {
  const { repo } = cli;
  const { amend, head, origin } = request;
  if (head === undefined) return [];
  if (amend) return [...readCommit(repo.objects, head).parents];
  if (origin !== "merge") return [head];
  const { gitDir } = repo.paths;
  const parents = [head];
  for (const line of (readTextIfAny(`${gitDir}/MERGE_HEAD`) ?? "").split("\n")) {
    if (line === "") continue;
    const id = cli.tryRevision(line);
    if (id === undefined || peelTo(repo.objects, id, "commit") === undefined) {
      die(`Corrupt MERGE_HEAD file (${line})`);
    }
    if (!parents.includes(id)) parents.push(id);
  }
  if (readTextIfAny(`${gitDir}/MERGE_MODE`) === "no-ff") return parents;
  // What another parent contains already is no parent of its own.
  return parents.filter((one) =>
    !parents.some((other) => other !== one && mergeBases(repo.objects, one, [other]).includes(one))
  );
}

function writeCommit(
  cli: Cli,
  request: CommitRequest,
  parts: {
    tree: ObjectId;
    parents: ObjectId[];
    author: ByteString;
    committer: ByteString;
    message: ByteString;
  },
): ObjectId {
  const { repo, config } = cli;
  const encoding = config.get("i18n.commitencoding");
  const extra: [string, string][] = encoding !== undefined && !/^utf-?8$/i.test(encoding)
    ? [["encoding", encoding]]
    : [];
  if (request.amend) {
    for (const [key, value] of readCommit(repo.objects, request.head!).extra) {
      if (!["gpgsig", "gpgsig-sha256", "encoding", "mergetag"].includes(key)) {
        extra.push([key, value]);
      }
    }
  }
  const o = request.options;
  const signing = o.given("gpg-sign")
    ? !o.negated("gpg-sign")
    : config.bool("commit.gpgsign", false);
  if (signing) {
    const payload = toByteString(formatCommit({ ...parts, extra }));
    extra.push(["gpgsig", signText(cli, payload, o.text("gpg-sign")).trimEnd()]);
  }
  return repo.objects.write("commit", formatCommit({ ...parts, extra }));
}

function reflogAction(cli: Cli, request: CommitRequest): ByteString {
  const action = cli.env.get("GIT_REFLOG_ACTION");
  if (action !== undefined) return action;
  if (request.head === undefined) return "commit (initial)";
  if (request.amend) return "commit (amend)";
  return request.origin === "commit" ? "commit" : `commit (${request.origin})`;
}

/** Hooks see who the author is. */
function exportAuthor(author: ByteString): void {
  const { name, email, time, zone } = parseSignature(author);
  Deno.env.set("GIT_AUTHOR_NAME", decodeText(name));
  Deno.env.set("GIT_AUTHOR_EMAIL", decodeText(email));
  Deno.env.set("GIT_AUTHOR_DATE", `@${time} ${zone}`);
}

function authorOf(cli: Cli, request: CommitRequest): ByteString {
  const { repo } = cli;
  const { options: o, authorFrom, head } = request;
  let name: ByteString | undefined, email: ByteString | undefined, date: ByteString | undefined;
  if (authorFrom !== undefined) {
    const line = readCommit(repo.objects, authorFrom).author;
    if (line === "") die(`commit '${request.reuse ?? "CHERRY_PICK_HEAD"}' lacks author header`);
    if (!/^[^<>\n]*<[^<>\n]*> \d+ [+-]\d+$/.test(line)) {
      die(`commit '${request.reuse ?? "CHERRY_PICK_HEAD"}' has malformed author line`);
    }
    const from = parseSignature(line);
    [name, email, date] = [from.name, from.email, `@${from.time} ${from.zone}`];
  }
  const forced = o.text("author");
  if (forced !== undefined) {
    const match = /^(.*?)[ \t]*<([^>]*)>[ \t]*$/.exec(
      forced.includes(">") ? forced : authorLike(cli, forced, head),
    );
    if (match === null) die("malformed --author parameter");
    [name, email] = [match[1]!, match[2]!];
  }
  const dateText = o.text("date");
  if (dateText !== undefined) date = dateOrDie(dateText);
  return cli.ident("author", { name, email, date, strict: true });
}

function authorLike(cli: Cli, text: ByteString, head: ObjectId | undefined): ByteString {
  const wanted = text.toLowerCase();
  for (
    const { id } of walkCommits(cli.repo.objects, { include: head === undefined ? [] : [head] })
  ) {
    const who = readCommit(cli.repo.objects, id).author.replace(/ \d+ [+-]\d+$/, "");
    if (who.toLowerCase().includes(wanted)) return who;
  }
  die(`--author '${text}' is not 'Name <email>' and matches no existing author`);
}

function dateOrDie(text: ByteString): ByteString {
  const parsed = parseDate(text);
  if (parsed === undefined) {
    if (!isApproximateDate(text)) die(`invalid date format: ${text}`);
    return `@${approximateDate(text)} ${localZone(approximateDate(text))}`;
  }
  return `@${parsed.time} ${parsed.zone}`;
}

function addSignoff(cli: Cli, message: ByteString): ByteString {
  const who = parseSignature(cli.ident("committer"));
  return addTrailer(message, `Signed-off-by: ${who.name} <${who.email}>`, true);
}
