/**
 * `commit`: the index as a commit, with its message, author and hooks.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, toByteString, trimSpace } from "../_bytes.ts";
import { lstat, nativePath, readFileIfAny, readTextIfAny, removeFile, stat } from "../_files.ts";
import { approximateDate, formatDate, localZone, parseDate } from "../date.ts";
import { formatPatch } from "../diff_format.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type GitIndex, GitIndex as GitIndexClass, makeEntry } from "../index_file.ts";
import { commitLinks } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { formatCommit, parseSignature } from "../objects.ts";
import { subjectOf } from "../pretty.ts";
import { walkCommits } from "../rev_list.ts";
import { resolveRevision } from "../revision.ts";
import { diffIndexWorktree, flattenTree, writeIndexTree } from "../status.ts";
import { addPath } from "./_add_path.ts";
import { printCommitSummary } from "./_commit_summary.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { headTree, parentTree } from "./_head_tree.ts";
import { finishAutostash } from "./_merge_autostash.ts";
import { addTrailer, cleanupMessage } from "./_message.ts";
import { type Options, parseOptions } from "./_options.ts";
import { DiffArguments, makePathspec } from "./_revs.ts";
import { collectStatus, longStatus, renamesSetting } from "./_status_text.ts";
import { status } from "./status.ts";

/** `git commit` */
export function commit(cli: Cli, args: ByteString[]): number {
  const usage =
    "git commit [-a | --interactive | --patch] [-s] [-v] [-u<mode>] [--amend]\n           [--dry-run] [(-c | -C | --squash) <commit> | --fixup [(amend|reword):]<commit>)]\n           [-F <file> | -m <msg>] [--reset-author] [--allow-empty]\n           [--allow-empty-message] [--no-verify] [-e] [--author=<author>]\n           [--date=<date>] [--cleanup=<mode>] [--[no-]status]\n           [-i | -o] [--pathspec-from-file=<file> [--pathspec-file-nul]]\n           [(--trailer <token>[(=|:)<value>])...] [-S[<keyid>]]\n           [--] [<pathspec>...]";
  const o = parseOptions(
    cli,
    args,
    "q,quiet v,verbose+ F,file= author= date= m,message* c,reedit-message= C,reuse-message= fixup= squash= reset-author trailer* s,signoff t,template= e,edit cleanup= status S,gpg-sign? a,all i,include interactive p,patch o,only n,no-verify dry-run short branch ahead-behind porcelain long z,null amend no-post-rewrite u,untracked-files? pathspec-from-file= pathspec-file-nul allow-empty allow-empty-message",
    usage,
  );
  cli.needWorkTree();
  const { repo, config } = cli;
  const { gitDir } = repo.paths;
  const comment = config.get("core.commentchar") ?? "#";
  if (o.flag("dry-run") || o.flag("short") || o.flag("porcelain") || o.flag("long")) {
    if (o.flag("all")) updateTracked(cli, repo.readIndex());
    const index = repo.readIndex();
    const info = collectStatus(cli, index, headTree(cli), {
      untracked: "normal",
      ignored: false,
      renames: renamesSetting(cli),
    });
    if (o.flag("short") || o.flag("porcelain")) {
      status(cli, [
        o.flag("short") ? "--short" : "--porcelain",
        ...(o.flag("branch") ? ["--branch"] : []),
      ]);
    } else {cli.out(
        longStatus(cli, info, {
          committing: true,
          untrackedShown: true,
          ignoredShown: false,
          aheadBehind: true,
        })
          .text,
      );}
    return info.staged.length > 0 ? 0 : 1;
  }
  const amend = o.flag("amend");
  const headId = repo.head();
  const branch = repo.headBranch();
  if (amend && headId === undefined) die("You have nothing to amend.");
  const mergeHeads =
    readTextIfAny(`${gitDir}/MERGE_HEAD`)?.trim().split("\n").filter((line) => line !== "") ?? [];
  const picking = readTextIfAny(`${gitDir}/CHERRY_PICK_HEAD`)?.trim();
  if (amend && mergeHeads.length > 0) die("You are in the middle of a merge -- cannot amend.");
  if (amend && picking !== undefined) {
    die("You are in the middle of a cherry-pick -- cannot amend.");
  }
  if (o.flag("all") && o.rest.length > 0) {
    die(`paths '${o.rest[0]} ...' with -a does not make sense`);
  }
  if (mergeHeads.length > 0 && o.rest.length > 0 && !o.flag("include")) {
    die("cannot do a partial commit during a merge.");
  }
  const index = repo.readIndex();
  if (index.unmerged && !o.flag("all") && o.rest.length === 0) {
    const paths = [
      ...new Set(
        index.entries.filter((entry) => entry.stage > 0).map((entry) => `U\t${entry.path}\n`),
      ),
    ].join("");
    throw new Exit(
      128,
      `${paths}error: Committing is not possible because you have unmerged files.\nhint: Fix them up in the work tree, and then use 'git add/rm <file>'\nhint: as appropriate to mark resolution and make a commit.\nfatal: Exiting because of an unresolved conflict.\n`,
    );
  }
  using lock = repo.lockIndex();
  let commitIndexState = index;
  if (o.flag("all")) updateTracked(cli, index);
  else if (o.rest.length > 0) {
    const spec = makePathspec(cli, o.rest);
    const known = flattenTree(repo, headTree(cli));
    const chosen = new Set<ByteString>();
    for (const entry of index.entries) if (spec.matches(entry.path)) chosen.add(entry.path);
    for (const path of known.keys()) if (spec.matches(path)) chosen.add(path);
    const missing = spec.unmatched();
    if (missing.length > 0) {
      throw new Exit(
        1,
        missing.map((path) => `error: pathspec '${path}' did not match any file(s) known to git\n`)
          .join(""),
      );
    }
    for (const path of chosen) stagePath(cli, index, path);
    if (!o.flag("include")) {
      // Only these paths on top of HEAD are committed.
      const partial = new GitIndexClass(repo.algorithm);
      const entries = [...known].filter(([path]) => !chosen.has(path)).map(([path, { mode, id }]) =>
        makeEntry(path, mode, id)
      );
      for (const path of chosen) {
        const entry = index.get(path);
        if (entry !== undefined) entries.push({ ...entry });
      }
      partial.replaceAll(entries);
      commitIndexState = partial;
    }
  }
  if (!o.flag("no-verify")) {
    const code = cli.runHook("pre-commit", [], {
      env: { GIT_INDEX_FILE: decodeText(repo.indexPath) },
    });
    if (code !== 0) return 1;
  }
  const parentIds = amend
    ? [...readCommit(repo.objects, headId!).parents]
    : headId === undefined
    ? []
    : [headId, ...mergeHeads];
  const tree = writeIndexTree(repo, commitIndexState);
  const baseTree = parentIds[0] === undefined
    ? undefined
    : commitLinks(repo.objects, parentIds[0]).tree;
  const useEditorState = { edit: true };
  let message = composeMessage(cli, o, amend, headId, useEditorState, picking);
  const info = collectStatus(cli, commitIndexState, amend ? parentTree(cli) : headTree(cli), {
    untracked: "normal",
    ignored: false,
    renames: renamesSetting(cli),
  });
  const empty = tree === (baseTree ?? repo.algorithm.emptyTree) && parentIds.length < 2;
  if (
    empty && !o.flag("allow-empty") && !amend && mergeHeads.length === 0 && (picking === undefined)
  ) {
    repo.writeIndex(index, lock);
    cli.out(
      longStatus(cli, info, {
        committing: true,
        untrackedShown: config.entry("status.showuntrackedfiles")?.value !== "no",
        ignoredShown: false,
        aheadBehind: true,
      }).text,
    );
    return 1;
  }
  if (
    empty && amend && !o.flag("allow-empty") && parentIds.length > 0 &&
    commitLinks(repo.objects, headId!).tree !== tree
  ) {
    cli.err(
      'You asked to amend the most recent commit, but doing so would make\nit empty. You can repeat your command with --allow-empty, or you can\nremove the commit entirely with "git reset HEAD^".\n',
    );
    return 1;
  }
  if (o.flag("signoff")) message = addSignoff(cli, message);
  for (const trailer of o.list("trailer")) message = addTrailer(message, trailer);
  const author = authorOf(cli, o, amend, headId, picking);
  const committer = cli.ident("committer");
  const cleanupText = o.text("cleanup") ?? config.get("commit.cleanup") ?? "default";
  const wantEdit = o.given("edit") ? o.flag("edit") : useEditorState.edit;
  if (!["default", "verbatim", "whitespace", "strip", "scissors"].includes(cleanupText)) {
    die(`Invalid cleanup mode ${cleanupText}`);
  }
  const cleanup = cleanupText === "default"
    ? wantEdit ? "strip" : "whitespace"
    : cleanupText === "scissors" && !wantEdit
    ? "whitespace"
    : cleanupText;
  const file = `${gitDir}/COMMIT_EDITMSG`;
  let text = message;
  if (
    cleanup !== "verbatim" && !o.given("cleanup") || cleanup === "strip" || cleanup === "whitespace"
  ) text = cleanupMessage(text, "whitespace", comment);
  if (wantEdit) {
    const showStatus = o.given("status") ? o.flag("status") : config.bool("commit.status", true);
    let template = text === "" ? "\n" : text;
    if (
      showStatus &&
      (cleanup === "strip" || cleanup === "scissors" || cleanup === "whitespace" ||
        cleanup === "verbatim")
    ) {
      const note = cleanup === "strip"
        ? `Please enter the commit message for your changes. Lines starting\nwith '${comment}' will be ignored, and an empty message aborts the commit.`
        : `Please enter the commit message for your changes. Lines starting\nwith '${comment}' will be kept; you may remove them yourself if you want to.\nAn empty message aborts the commit.`;
      if (cleanup === "scissors") {
        template +=
          `${comment} ------------------------ >8 ------------------------\n${comment} Do not modify or remove the line above.\n${comment} Everything below it will be ignored.\n`;
      } else {template += `${template.endsWith("\n\n") || text === "" ? "" : "\n"}${
          note.split("\n").map((line) => `${comment} ${line}\n`).join("")
        }`;}
      const a = parseSignature(author), c = parseSignature(committer);
      let identLines = "";
      if (a.name !== c.name || a.email !== c.email) {
        identLines += `${comment} Author:    ${a.name} <${a.email}>\n`;
      }
      if (o.given("date") || (amend && a.time !== c.time)) {
        identLines += `${comment} Date:      ${formatDate(a.time, a.zone, { type: "default" })}\n`;
      }
      template += `${comment}\n${identLines}${identLines === "" ? "" : `${comment}\n`}`;
      template += longStatus(cli, info, {
        comment,
        amend,
        template: true,
        untrackedShown: config.entry("status.showuntrackedfiles")?.value !== "no",
        ignoredShown: false,
        aheadBehind: true,
      }).text + `${comment}\n`;
    }
    if (o.count("verbose") > 0 || config.bool("commit.verbose", false)) {
      template +=
        `${comment} ------------------------ >8 ------------------------\n${comment} Do not modify or remove the line above.\n${comment} Everything below it will be ignored.\n`;
      for (const pair of info.staged) {
        template += formatPatch(repo.objects, pair, new DiffArguments().format(cli));
      }
    }
    text = template;
  }
  Deno.writeFileSync(nativePath(file), fromByteString(text));
  const hookArguments = messageSource(o, amend, mergeHeads.length > 0, gitDir);
  if (
    cli.runHook(
      "prepare-commit-msg",
      [".git/COMMIT_EDITMSG", ...hookArguments].map((one, i) => (i === 0 ? file : one)),
      { env: wantEdit ? {} : { GIT_EDITOR: ":" } },
    ) !== 0
  ) return 1;
  if (wantEdit) {
    try {
      cli.edit(file);
    } catch (error) {
      if (error instanceof Exit) {
        throw new Exit(1, `${error.text}Please supply the message using either -m or -F option.\n`);
      }
      throw error;
    }
  }
  if (
    !o.flag("no-verify") &&
    cli.runHook("commit-msg", [file], { env: wantEdit ? {} : { GIT_EDITOR: ":" } }) !== 0
  ) return 1;
  text = readTextIfAny(file) ?? "";
  if (wantEdit && (o.count("verbose") > 0 || config.bool("commit.verbose", false))) {
    text = cleanupMessage(text, "scissors", comment);
  }
  text = cleanupMessage(text, cleanup, comment);
  if (trimSpace(text) === "" && !o.flag("allow-empty-message")) {
    throw new Exit(1, "Aborting commit due to empty commit message.\n");
  }
  if (text.includes("\0")) {
    throw new Exit(1, "error: a NUL byte in commit log message not allowed.\n");
  }
  const encoding = config.get("i18n.commitencoding");
  const extra: [string, string][] = encoding !== undefined && !/^utf-?8$/i.test(encoding)
    ? [["encoding", encoding]]
    : [];
  if (amend) {
    for (const [key, value] of readCommit(repo.objects, headId!).extra) {
      if (!["gpgsig", "gpgsig-sha256", "encoding", "mergetag"].includes(key)) {
        extra.push([key, value]);
      }
    }
  }
  const id = repo.objects.write(
    "commit",
    formatCommit({ tree, parents: parentIds, author, committer, extra, message: text }),
  );
  const action = cli.env.get("GIT_REFLOG_ACTION");
  const word = action ??
    (amend
      ? "commit (amend)"
      : headId === undefined
      ? "commit (initial)"
      : mergeHeads.length > 0
      ? "commit (merge)"
      : picking !== undefined
      ? "commit (cherry-pick)"
      : "commit");
  repo.refs.update({
    name: "HEAD",
    newId: id,
    oldId: headId ?? repo.algorithm.zero,
    message: `${word}: ${subjectOf(text)}`,
  });
  repo.writeIndex(index, lock);
  for (
    const name of [
      "CHERRY_PICK_HEAD",
      "REVERT_HEAD",
      "MERGE_HEAD",
      "MERGE_MSG",
      "MERGE_MODE",
      "SQUASH_MSG",
      "AUTO_MERGE",
    ]
  ) removeFile(`${gitDir}/${name}`);
  cli.runHook("post-commit");
  finishAutostash(cli, true);
  if (amend && !o.flag("no-post-rewrite")) {
    cli.runHook("post-rewrite", ["amend"], { input: `${headId} ${id}\n` });
  }
  if (!o.flag("quiet")) {
    printCommitSummary(cli, id, baseTree, branch, parentIds.length === 0, author, committer);
  }
  return 0;
}

function updateTracked(cli: Cli, index: GitIndex): void {
  for (const pair of diffIndexWorktree(cli.repo, index)) stagePath(cli, index, pair.new.path);
}

function stagePath(cli: Cli, index: GitIndex, path: ByteString): void {
  if (lstat(cli.repo.worktreePath(path)) === undefined) index.remove(path);
  else addPath(cli, index, path);
}

function messageSource(
  o: Options,
  amend: boolean,
  merging: boolean,
  gitDir: ByteString,
): ByteString[] {
  if (o.list("message").length > 0 || o.given("file")) return ["message"];
  if (o.given("reuse-message") || o.given("reedit-message")) {
    return ["commit", o.text("reuse-message") ?? o.text("reedit-message")!];
  }
  if (amend) return ["commit", "HEAD"];
  if (merging) return ["merge"];
  if (stat(`${gitDir}/SQUASH_MSG`) !== undefined) return ["squash"];
  if (o.given("template")) return ["template"];
  return [];
}

function composeMessage(
  cli: Cli,
  o: Options,
  amend: boolean,
  head: ObjectId | undefined,
  state: { edit: boolean },
  picking: ObjectId | undefined,
): ByteString {
  const { repo } = cli;
  const { gitDir } = repo.paths;
  const messageOf = (name: ByteString): ByteString => {
    const id = resolveRevision(repo, name);
    const target = id === undefined ? undefined : peelTo(repo.objects, id, "commit");
    if (target === undefined) die(`could not lookup commit ${name}`);
    return readCommit(repo.objects, target).message;
  };
  const messages = o.list("message");
  const fixup = o.text("fixup");
  if (messages.length > 0 && fixup === undefined && !o.given("squash")) {
    state.edit = false;
    return `${messages.join("\n\n")}\n`;
  }
  const file = o.text("file");
  if (file !== undefined) {
    state.edit = false;
    if (file === "-") return toByteString(cli.readStdin());
    return toByteString(
      readFileIfAny(cli.fileArgument(file)) ??
        die(`could not read log file '${file}': No such file or directory`),
    );
  }
  if (o.given("reuse-message")) {
    state.edit = false;
    return messageOf(o.text("reuse-message")!);
  }
  if (o.given("reedit-message")) return messageOf(o.text("reedit-message")!);
  if (fixup !== undefined) {
    state.edit = false;
    return `fixup! ${subjectOf(messageOf(fixup.replace(/^(amend|reword):/, "")))}\n${
      messages.length > 0 ? `\n${messages.join("\n\n")}\n` : ""
    }`;
  }
  if (o.given("squash")) {
    state.edit = messages.length === 0;
    return `squash! ${subjectOf(messageOf(o.text("squash")!))}\n\n${messages.join("\n\n")}`;
  }
  if (amend) return readCommit(repo.objects, head!).message;
  const merge = readTextIfAny(`${gitDir}/MERGE_MSG`),
    squash = readTextIfAny(`${gitDir}/SQUASH_MSG`);
  if (squash !== undefined) return squash + (merge ?? "");
  if (merge !== undefined) return merge;
  if (picking !== undefined) return readCommit(repo.objects, picking).message;
  const template = o.text("template") ?? cli.config.get("commit.template");
  if (template !== undefined) {
    return toByteString(
      readFileIfAny(cli.fileArgument(template)) ??
        die(`could not read '${template}': No such file or directory`),
    );
  }
  return "";
}

function authorOf(
  cli: Cli,
  o: Options,
  amend: boolean,
  head: ObjectId | undefined,
  picking: ObjectId | undefined,
): ByteString {
  const { repo } = cli;
  let base: ByteString | undefined;
  const reuse = o.text("reuse-message") ?? o.text("reedit-message");
  if (!o.flag("reset-author")) {
    if (reuse !== undefined) {
      base = readCommit(repo.objects, peelTo(repo.objects, cli.revision(reuse), "commit")!).author;
    } else if (amend) base = readCommit(repo.objects, head!).author;
    else if (picking !== undefined) base = readCommit(repo.objects, picking).author;
  }
  const dateText = o.text("date");
  const forced = o.text("author");
  if (forced !== undefined) {
    const match = /^(.*?)\s*<([^>]*)>$/.exec(forced);
    let name: ByteString, email: ByteString;
    if (match === null) {
      let found: ByteString | undefined;
      const pattern = new RegExp(forced, "i");
      for (
        const walked of walkCommits(repo.objects, { include: head === undefined ? [] : [head] })
      ) {
        const who = readCommit(repo.objects, walked.id).author;
        if (pattern.test(who.replace(/ \d+ [+-]\d+$/, ""))) {
          found = who;
          break;
        }
      }
      if (found === undefined) {
        die(`--author '${forced}' is not 'Name <email>' and matches no existing author`);
      }
      ({ name, email } = parseSignature(found));
    } else [name, email] = [match[1]!, match[2]!];
    const date = dateText ??
      (base === undefined
        ? undefined
        : `@${parseSignature(base).time} ${parseSignature(base).zone}`);
    return cli.ident("author", { name, email, ...(date === undefined ? {} : { date }) });
  }
  if (base !== undefined) {
    if (dateText === undefined) return base;
    const { name, email } = parseSignature(base);
    return cli.ident("author", { name, email, date: dateOrDie(dateText) });
  }
  return cli.ident("author", dateText === undefined ? {} : { date: dateOrDie(dateText) });
}

function dateOrDie(text: ByteString): ByteString {
  const parsed = parseDate(text);
  if (parsed === undefined) {
    if (!/^(now|yesterday|today|.* ago|noon|tea|midnight)$/.test(text)) {
      die(`invalid date format: ${text}`);
    }
    return `@${approximateDate(text)} ${localZone(approximateDate(text))}`;
  }
  return `@${parsed.time} ${parsed.zone}`;
}

function addSignoff(cli: Cli, message: ByteString): ByteString {
  const who = parseSignature(cli.ident("committer"));
  return addTrailer(message, `Signed-off-by: ${who.name} <${who.email}>`, true);
}
