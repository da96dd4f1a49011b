/**
 * `git rebase`: commits applied again on top of others, from a list that the user may edit.
 *
 * The state is kept in `rebase-merge/` as Git keeps it, so that either can go on with what the
 * other began.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, trimSpace, trimSpaceEnd } from "../_bytes.ts";
import { makeDirectories, nativePath, readTextIfAny, removeFile, stat } from "../_files.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks, isAncestor, mergeBases } from "../merge_base.ts";
import { mergeCommits, mergeTrees, type MergeTreesOptions } from "../merge_trees.ts";
import { formatCommit, parseSignature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { patchId } from "../patch_id.ts";
import { subjectOf } from "../pretty.ts";
import { walkCommits } from "../rev_list.ts";
import { diffIndexWorktree, diffTreeIndex, writeIndexTree } from "../status.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { checkedOutAt, listWorktrees } from "../worktree_list.ts";
import { applyStash, makeStash } from "./_autostash.ts";
import { type Cli, die, Exit, runChild } from "./_context.ts";
import { type Options, parseOptions, splitWords, usageError } from "./_options.ts";
import { applyMerge, showMerge } from "./_apply_merge.ts";
import { printCommitSummary } from "./_commit_summary.ts";
import { mergeSettings } from "./_merge_settings.ts";
import { cleanupMessage } from "./_message.ts";
import { switchMessage } from "./_switch.ts";
import { checkout } from "./checkout.ts";
import { commit as commitCommand } from "./commit.ts";

const USAGE =
  "git rebase [-i] [options] [--exec <cmd>] [--onto <newbase> | --keep-base] [<upstream> [<branch>]]\n   or: git rebase [-i] [options] [--exec <cmd>] [--onto <newbase>] --root [<branch>]\n   or: git rebase --continue | --abort | --skip | --edit-todo";

type Verb =
  | "pick"
  | "reword"
  | "edit"
  | "squash"
  | "fixup"
  | "exec"
  | "break"
  | "drop"
  | "label"
  | "reset"
  | "merge"
  | "update-ref"
  | "noop";

interface Step {
  readonly verb: Verb;
  /** The commit, for those that name one. */
  readonly id?: ObjectId | undefined;
  /** What follows: a command, a label, or the subject. */
  readonly text: ByteString;
  /** `-c` or `-C`. */
  readonly flag?: "-c" | "-C" | undefined;
}

const SHORT: Record<string, Verb> = {
  p: "pick",
  r: "reword",
  e: "edit",
  s: "squash",
  f: "fixup",
  x: "exec",
  b: "break",
  d: "drop",
  l: "label",
  t: "reset",
  m: "merge",
  u: "update-ref",
};
const VERBS = new Set<string>([...Object.values(SHORT), "noop"]);

const RESOLVE_HINT =
  'hint: Resolve all conflicts manually, mark them as resolved with\nhint: "git add/rm <conflicted_files>", then run "git rebase --continue".\nhint: You can instead skip this commit: run "git rebase --skip".\nhint: To abort and get back to the state before "git rebase", run "git rebase --abort".\n';

const TODO_HELP = `#
# Commands:
# p, pick <commit> = use commit
# r, reword <commit> = use commit, but edit the commit message
# e, edit <commit> = use commit, but stop for amending
# s, squash <commit> = use commit, but meld into previous commit
# f, fixup [-C | -c] <commit> = like "squash" but keep only the previous
#                    commit's log message, unless -C is used, in which case
#                    keep only this commit's message; -c is same as -C but
#                    opens the editor
# x, exec <command> = run command (the rest of the line) using shell
# b, break = stop here (continue rebase later with 'git rebase --continue')
# d, drop <commit> = remove commit
# l, label <label> = label current HEAD with a name
# t, reset <label> = reset HEAD to a label
# m, merge [-C <commit> | -c <commit>] <label> [# <oneline>]
#         create a merge commit using the original merge commit's
#         message (or the oneline, if no original merge commit was
#         specified); use -c <commit> to reword the commit message
# u, update-ref <ref> = track a placeholder for the <ref> to be updated
#                       to this position in the new commits. The <ref> is
#                       updated at the end of the rebase
#
# These lines can be re-ordered; they are executed from top to bottom.
#
# If you remove a line here THAT COMMIT WILL BE LOST.
#
# However, if you remove everything, the rebase will be aborted.
#
`;

/** Quotes a value as a shell would. */
function shellQuote(text: ByteString): ByteString {
  return `'${text.replaceAll("'", "'\\''").replaceAll("!", "'\\!'")}'`;
}

class Rebase {
  readonly cli: Cli;
  readonly dir: ByteString;
  #hookRan = false;
  quiet = false;

  constructor(cli: Cli) {
    this.cli = cli;
    this.dir = `${cli.repo.paths.gitDir}/rebase-merge`;
  }

  get running(): boolean {
    return stat(this.dir) !== undefined;
  }

  read(name: string): ByteString | undefined {
    return readTextIfAny(`${this.dir}/${name}`)?.replace(/\n$/, "");
  }

  write(name: string, text: ByteString): void {
    Deno.writeFileSync(nativePath(`${this.dir}/${name}`), fromByteString(text));
  }

  append(name: string, text: ByteString): void {
    Deno.writeFileSync(nativePath(`${this.dir}/${name}`), fromByteString(text), { append: true });
  }

  drop(name: string): void {
    removeFile(`${this.dir}/${name}`);
  }

  removeState(): void {
    for (const name of ["REBASE_HEAD", "CHERRY_PICK_HEAD", "MERGE_MSG", "AUTO_MERGE"]) {
      removeFile(`${this.cli.repo.paths.gitDir}/${name}`);
    }
    Deno.removeSync(nativePath(this.dir), { recursive: true });
  }

  action(what: string): ByteString {
    return `${this.cli.env.get("GIT_REFLOG_ACTION") ?? "rebase"} (${what})`;
  }

  head(): ObjectId {
    return this.cli.repo.head()!;
  }

  /** The commit a word of the list means. */
  #commit(word: ByteString): ObjectId {
    const id = this.cli.tryRevision(word, { prefer: "committish" });
    const commit = id === undefined ? undefined : peelTo(this.cli.repo.objects, id, "commit");
    if (commit === undefined) throw new GitError("invalid", `could not parse '${word}'`);
    return commit;
  }

  parse(text: ByteString): Step[] {
    const comment = this.cli.config.get("core.commentchar") ?? "#";
    const out: Step[] = [];
    let number = 0;
    for (const raw of text.split("\n")) {
      number++;
      const line = trimSpace(raw);
      if (line === "" || line.startsWith(comment)) continue;
      const [word = "", ...others] = line.split(/[ \t]+/);
      const verb = (SHORT[word] ?? word) as Verb;
      const invalid = (): GitError => new GitError("invalid", `invalid line ${number}: ${raw}`);
      if (!VERBS.has(verb)) throw invalid();
      const rest = trimSpace(line.slice(word.length));
      if (verb === "noop" || verb === "break") {
        if (rest !== "") throw invalid();
        out.push({ verb, text: "" });
      } else if (verb === "exec" || verb === "label" || verb === "reset" || verb === "update-ref") {
        if (rest === "") throw invalid();
        out.push({ verb, text: rest });
      } else if (verb === "merge") {
        const flag = others[0] === "-c" || others[0] === "-C" ? others[0] : undefined;
        out.push({
          verb,
          flag,
          id: flag === undefined ? undefined : this.#commit(others[1] ?? ""),
          text: others.slice(flag === undefined ? 0 : 2).join(" "),
        });
      } else {
        const flag = verb === "fixup" && (others[0] === "-c" || others[0] === "-C")
          ? others.shift() as "-c" | "-C"
          : undefined;
        const name = others.shift();
        if (name === undefined) throw invalid();
        let id: ObjectId;
        try {
          id = this.#commit(name);
        } catch {
          throw new GitError(
            "invalid",
            `could not parse '${name}'\nerror: invalid line ${number}: ${raw}`,
          );
        }
        out.push({ verb, id, flag, text: others.join(" ") });
      }
    }
    return out;
  }

  format(step: Step, short: boolean): ByteString {
    const id = step.id === undefined ? "" : short ? this.cli.abbrev(step.id) : step.id;
    const flag = step.flag === undefined ? "" : ` ${step.flag}`;
    return `${step.verb}${flag}${id === "" ? "" : ` ${id}`}${
      step.text === "" ? "" : ` ${step.text}`
    }\n`;
  }

  saveTodo(steps: readonly Step[]): void {
    this.write("git-rebase-todo", steps.map((step) => this.format(step, false)).join(""));
  }

  /** Moves HEAD, index and worktree to a commit. */
  moveTo(id: ObjectId, message: ByteString, force = false): void {
    const { repo } = this.cli;
    const before = repo.head();
    const index = repo.readIndex();
    using lock = repo.lockIndex();
    switchTree(
      repo,
      index,
      before === undefined ? undefined : commitLinks(repo.objects, before).tree,
      commitLinks(repo.objects, id).tree,
      { force },
    );
    writeIndexTree(repo, index, { dry: true });
    repo.writeIndex(index, lock);
    repo.refs.update({ name: "HEAD", newId: id, noDeref: true, message });
  }

  /** Moves to where the rebase begins, as a checkout that hooks hear of. */
  begin(id: ObjectId, name: ByteString): void {
    const before = this.cli.repo.head();
    this.moveTo(id, `${this.action("start")}: checkout ${name}`);
    this.cli.runHook("post-checkout", [before ?? this.cli.repo.algorithm.zero, id, "1"]);
  }

  authorScript(author: ByteString): ByteString {
    const { name, email, time, zone } = parseSignature(author);
    return `GIT_AUTHOR_NAME=${shellQuote(name)}\nGIT_AUTHOR_EMAIL=${
      shellQuote(email)
    }\nGIT_AUTHOR_DATE=${shellQuote(`@${time} ${zone}`)}\n`;
  }

  readAuthor(): ByteString | undefined {
    const text = this.read("author-script");
    if (text === undefined) return undefined;
    const value = (name: string): ByteString => {
      const match = new RegExp(`^${name}='(.*)'$`, "m").exec(text);
      return (match?.[1] ?? "").replaceAll("'\\''", "'").replaceAll("'\\!'", "!");
    };
    return `${value("GIT_AUTHOR_NAME")} <${value("GIT_AUTHOR_EMAIL")}> ${
      value("GIT_AUTHOR_DATE").replace(/^@/, "")
    }`;
  }

  /** Makes a commit and moves HEAD to it. */
  record(
    tree: ObjectId,
    parents: readonly ObjectId[],
    author: ByteString,
    message: ByteString,
    what: string,
  ): ObjectId {
    const { cli } = this;
    const { repo } = cli;
    let committer = cli.ident("committer");
    let by = author;
    const signature = parseSignature(author);
    if (this.read("cdate_is_adate") !== undefined) {
      const own = parseSignature(committer);
      committer = `${own.name} <${own.email}> ${signature.time} ${signature.zone}`;
    }
    if (this.read("ignore_date") !== undefined) {
      const own = parseSignature(committer);
      by = `${signature.name} <${signature.email}> ${own.time} ${own.zone}`;
    }
    let text = message;
    if (this.read("signoff") !== undefined) {
      const own = parseSignature(committer);
      const line = `Signed-off-by: ${own.name} <${own.email}>`;
      if (!text.includes(`\n${line}\n`)) {
        text = `${trimSpaceEnd(text)}\n${
          /\n[A-Za-z-]+: [^\n]*\n*$/.test(text) ? "" : "\n"
        }${line}\n`;
      }
    }
    text = this.prepareMessage(text);
    const id = repo.objects.write(
      "commit",
      formatCommit({ tree, parents, author: by, committer, extra: [], message: text }),
    );
    repo.refs.update({
      name: "HEAD",
      newId: id,
      noDeref: true,
      message: `${this.action(what)}: ${subjectOf(text)}`,
    });
    cli.runHook("post-commit");
    return id;
  }

  mergeOptions(): MergeTreesOptions {
    const options = splitWords(this.read("strategy_opts") ?? "");
    return mergeSettings(this.cli, options.map((option) => option.replace(/^--/, "")));
  }

  rewritten(oldId: ObjectId, melt: boolean): void {
    this.append("rewritten-pending", `${oldId}\n`);
    if (!melt) this.flushRewritten();
  }

  flushRewritten(): void {
    const pending = this.read("rewritten-pending");
    if (pending === undefined) return;
    const head = this.head();
    for (const id of pending.split("\n")) this.append("rewritten-list", `${id} ${head}\n`);
    this.drop("rewritten-pending");
  }

  /** Stops for a conflict. */
  stopConflict(step: Step, message: ByteString, paths: readonly ByteString[]): never {
    const { cli } = this;
    const { gitDir } = cli.repo.paths;
    const id = step.id!;
    const commit = readCommit(cli.repo.objects, id);
    this.write("stopped-sha", `${cli.abbrev(id)}\n`);
    this.write("author-script", this.authorScript(commit.author));
    this.write("message", message);
    cli.repo.refs.update({ name: "REBASE_HEAD", newId: id, noDeref: true, skipReflog: true });
    Deno.writeFileSync(nativePath(`${gitDir}/CHERRY_PICK_HEAD`), fromByteString(`${id}\n`));
    const note = paths.length === 0
      ? ""
      : `\n# Conflicts:\n${paths.map((path) => `#\t${path}\n`).join("")}`;
    Deno.writeFileSync(
      nativePath(`${gitDir}/MERGE_MSG`),
      fromByteString(`${trimSpaceEnd(message)}\n${note}`),
    );
    const subject = subjectOf(commit.message);
    throw new Exit(
      1,
      `error: could not apply ${cli.abbrev(id)}... ${subject}\n${
        cli.config.bool("advice.mergeconflict", true) ? RESOLVE_HINT : ""
      }Could not apply ${cli.abbrev(id)}... ${subject}\n`,
    );
  }

  /** Stops so that the user can change the commit. */
  stopEdit(id: ObjectId): never {
    const { cli } = this;
    this.write("stopped-sha", `${cli.abbrev(id)}\n`);
    this.write("amend", `${this.head()}\n`);
    const commit = readCommit(cli.repo.objects, id);
    this.write("author-script", this.authorScript(commit.author));
    cli.repo.refs.update({ name: "REBASE_HEAD", newId: id, noDeref: true, skipReflog: true });
    throw new Exit(
      0,
      `Stopped at ${cli.abbrev(id)}...  ${
        subjectOf(commit.message)
      }\nYou can amend the commit now, with\n\n  git commit --amend \n\nOnce you are satisfied with your changes, run\n\n  git rebase --continue\n`,
    );
  }

  /** The message of a chain of squashed commits with one more. */
  squashMessage(step: Step): ByteString {
    const { cli } = this;
    const store = cli.repo.objects;
    const comment = "#";
    const own = readCommit(store, step.id!).message;
    const before = this.read("current-fixups");
    const count = before === undefined || before === "" ? 1 : before.split("\n").length + 1;
    let text: ByteString;
    const quoted = (message: ByteString): ByteString =>
      trimSpaceEnd(message).split("\n").map((line) => line === "" ? comment : `${comment} ${line}`)
        .join("\n");
    const nth = (n: number): string => `commit message #${n}`;
    if (count === 1) {
      const headMessage = readCommit(store, this.head()).message;
      const replaced = step.flag !== undefined;
      text = `${comment} This is a combination of 2 commits.\n${comment} ${
        replaced ? "The 1st commit message will be skipped:" : "This is the 1st commit message:"
      }\n\n${replaced ? quoted(headMessage) : trimSpaceEnd(headMessage)}\n`;
    } else {
      text = (this.read("message-squash") ?? "").replace(
        /^# This is a combination of \d+ commits\./,
        `# This is a combination of ${count + 1} commits.`,
      );
      if (!text.endsWith("\n")) text += "\n";
    }
    const body = own.replace(
      /^(?:squash|fixup|amend)! [^\n]*\n?\n?/,
      (first) =>
        step.flag !== undefined && first.startsWith("amend!")
          ? ""
          : `${comment} ${trimSpaceEnd(first)}\n\n`,
    );
    if (step.verb === "squash") {
      text += `\n${comment} This is the ${nth(count + 1)}:\n\n${trimSpaceEnd(body)}\n`;
    } else if (step.flag !== undefined) {
      text += `\n${comment} This is the ${nth(count + 1)}:\n\n${
        trimSpaceEnd(own.replace(/^amend! [^\n]*\n\n?/, ""))
      }\n`;
    } else {
      text += `\n${comment} The ${nth(count + 1)} will be skipped:\n\n${quoted(own)}\n`;
    }
    this.write("message-squash", text);
    this.append(
      "current-fixups",
      `${step.verb}${step.flag === undefined ? "" : ` ${step.flag}`} ${step.id}\n`,
    );
    return text;
  }

  /** Applies one commit. `next` is the step that follows. */
  pick(step: Step, next: Step | undefined): void {
    const { cli } = this;
    const { repo } = cli;
    const store = repo.objects;
    const id = step.id!;
    const commit = readCommit(store, id);
    const links = commitLinks(store, id);
    const head = this.head();
    const melting = step.verb === "squash" || step.verb === "fixup";
    const meltsNext = next?.verb === "squash" || next?.verb === "fixup";
    if (links.parents.length > 1) {
      throw new Exit(
        1,
        `error: commit ${id} is a merge but no -m option was given.\n`,
      );
    }
    const parent = links.parents[0];
    const forced = this.read("force-rebase") !== undefined;
    if (!melting && parent === head && !forced) {
      this.moveTo(id, `${this.action(step.verb)}: ${subjectOf(commit.message)}`);
      this.finishPick(step, meltsNext);
      return;
    }
    const parentTree = parent === undefined ? undefined : commitLinks(store, parent).tree;
    const headTree = commitLinks(store, head).tree;
    const label = `${cli.abbrev(id)} (${subjectOf(commit.message)})`;
    const result = mergeTrees(store, parentTree, headTree, commit.tree, {
      ours: "HEAD",
      base: `parent of ${label}`,
      theirs: label,
      ...this.mergeOptions(),
    });
    const index = repo.readIndex();
    const lock = repo.lockIndex();
    try {
      try {
        applyMerge(cli, index, headTree, result);
      } catch (error) {
        if (!(error instanceof SwitchError)) throw error;
        cli.err(switchMessage(error, "merge").replace(/Aborting\n$/, ""));
        // The step is tried again by --continue.
        const rest = this.parse(this.read("git-rebase-todo") ?? "");
        this.saveTodo([step, ...rest]);
        throw new Exit(
          1,
          `hint: Could not execute the todo command\nhint: \nhint:     ${
            trimSpaceEnd(this.format(step, false))
          }\nhint: \nhint: It has been rescheduled; To edit the command before continuing, please\nhint: edit the todo list first:\nhint: \nhint:     git rebase --edit-todo\nhint:     git rebase --continue\nerror: could not apply ${
            label.replace(" (", "... ").replace(/\)$/, "")
          }\n`,
        );
      }
      if (result.clean) writeIndexTree(repo, index, { dry: true });
      repo.writeIndex(index, lock);
    } finally {
      lock.rollback();
    }
    showMerge(cli, result);
    cli.flush();
    let message = commit.message;
    if (melting) message = this.squashMessage(step);
    if (!result.clean) {
      this.stopConflict(
        step,
        message,
        [...new Set(result.conflicts.map((conflict) => conflict.path))],
      );
    }
    if (melting) {
      this.meld(step, result.tree, message, meltsNext);
      return;
    }
    const wasEmpty = parentTree === commit.tree;
    if (result.tree === headTree && !wasEmpty) {
      const mode = this.read("empty") ?? "drop";
      if (mode === "drop") {
        cli.err(
          `dropping ${id} ${subjectOf(commit.message)} -- patch contents already upstream\n`,
        );
        return;
      }
      if (mode === "ask") {
        this.write("stopped-sha", `${cli.abbrev(id)}\n`);
        this.write("author-script", this.authorScript(commit.author));
        this.write("message", commit.message);
        Deno.writeFileSync(
          nativePath(`${repo.paths.gitDir}/CHERRY_PICK_HEAD`),
          fromByteString(`${id}\n`),
        );
        throw new Exit(
          1,
          `The previous cherry-pick is now empty, possibly due to conflict resolution.\nIf you wish to commit it anyway, use:\n\n    git commit --allow-empty\n\nOtherwise, please use 'git rebase --skip'\nCould not apply ${
            cli.abbrev(id)
          }... ${subjectOf(commit.message)}\n`,
        );
      }
    }
    this.record(result.tree, [head], commit.author, commit.message, step.verb);
    this.finishPick(step, meltsNext);
  }

  finishPick(step: Step, meltsNext: boolean): void {
    if (step.verb === "reword") {
      const code = this.amendWithEditor();
      if (code !== 0) {
        this.write("amend", `${this.head()}\n`);
        this.write("stopped-sha", `${this.cli.abbrev(step.id!)}\n`);
        throw new Exit(
          1,
          `Could not amend commit after successfully picking ${step.id}... ${step.text}\nThis is most likely due to an empty commit message, or the pre-commit hook\nfailed. If the pre-commit hook failed, you may need to resolve the issue before\nyou are able to reword the commit.\n`,
        );
      }
    }
    if (step.verb === "edit") this.stopEdit(step.id!);
    this.rewritten(step.id!, meltsNext);
  }

  /** `git commit --amend` with an editor. */
  amendWithEditor(): number {
    this.cli.flush();
    Deno.env.set("GIT_REFLOG_ACTION", decodeText(this.action("reword")));
    try {
      return commitCommand(this.cli, ["--amend", "-e", "--allow-empty", "-q", "--no-verify"]);
    } catch (error) {
      if (error instanceof Exit) {
        this.cli.err(error.text);
        return error.code;
      }
      throw error;
    } finally {
      Deno.env.delete("GIT_REFLOG_ACTION");
    }
  }

  /** Puts a commit into the one before it. */
  meld(step: Step, tree: ObjectId, message: ByteString, meltsNext: boolean): void {
    const { cli } = this;
    const { repo } = cli;
    const head = this.head();
    const before = readCommit(repo.objects, head);
    const steps = (this.read("current-fixups") ?? "").split("\n").filter((line) => line !== "");
    const edits = steps.some((line) => line.startsWith("squash") || line.includes(" -c "));
    let text = before.message;
    if (meltsNext) text = message;
    else if (edits) text = this.editMessage(message);
    else if (steps.some((line) => line.includes(" -C "))) {
      text = cleanupMessage(message, "strip", "#");
    } else {
      const saved = this.read("message-fixup");
      text = saved === undefined ? before.message : `${saved}\n`;
    }
    if (meltsNext) {
      // The first commit's own message waits until the chain ends.
      if (this.read("message-fixup") === undefined) this.write("message-fixup", before.message);
      text = before.message;
    }
    if (text === "") {
      throw new Exit(1, "Aborting commit due to empty commit message.\n");
    }
    const made = this.record(tree, before.parents, before.author, text, step.verb);
    if (edits && !meltsNext && before.parents.length > 0) this.summary(made, before.parents[0]!);
    if (!meltsNext) {
      for (const name of ["message-squash", "message-fixup", "current-fixups"]) this.drop(name);
    }
    this.rewritten(step.id!, meltsNext);
  }

  /** Says what was committed, as `git commit` does. */
  summary(id: ObjectId, base: ObjectId): void {
    const { cli } = this;
    const { author, committer } = readCommit(cli.repo.objects, id);
    printCommitSummary(
      cli,
      id,
      commitLinks(cli.repo.objects, base).tree,
      undefined,
      false,
      author,
      committer,
    );
    cli.flush();
  }

  /** Lets a hook change a message, unless it has seen it in {@linkcode editMessage}. */
  prepareMessage(message: ByteString): ByteString {
    const { cli } = this;
    const seen = this.#hookRan;
    this.#hookRan = false;
    if (seen || cli.hookPath("prepare-commit-msg") === undefined) return message;
    const path = `${cli.repo.paths.gitDir}/COMMIT_EDITMSG`;
    Deno.writeFileSync(nativePath(path), fromByteString(message));
    const env = { GIT_EDITOR: ":" };
    if (cli.runHook("prepare-commit-msg", [path, "message"], { env }) !== 0) {
      throw new Exit(1, "error: 'prepare-commit-msg' hook failed\n");
    }
    return readTextIfAny(path) ?? message;
  }

  /** Lets the user edit a message. */
  editMessage(message: ByteString): ByteString {
    const { cli } = this;
    const path = `${cli.repo.paths.gitDir}/COMMIT_EDITMSG`;
    const head = this.read("head-name") ?? "";
    Deno.writeFileSync(
      nativePath(path),
      fromByteString(
        `${
          trimSpaceEnd(message)
        }\n\n# Please enter the commit message for your changes. Lines starting\n# with '#' will be ignored, and an empty message aborts the commit.\n#\n# interactive rebase in progress; onto ${
          cli.abbrev(this.read("onto") ?? this.head())
        }\n# You are currently rebasing branch '${head.replace(/^refs\/heads\//, "")}'.\n#\n`,
      ),
    );
    cli.runHook("prepare-commit-msg", [path, "message"]);
    this.#hookRan = true;
    cli.edit(path);
    return cleanupMessage(readTextIfAny(path) ?? "", "strip", "#");
  }

  exec(command: ByteString): void {
    const { cli } = this;
    if (!this.quiet) cli.err(`Executing: ${command}\n`);
    cli.flush();
    const cwd = cli.repo.paths.workTree;
    const code = runChild(["/bin/sh", "-c", command], {
      inherit: true,
      ...(cwd === undefined ? {} : { cwd }),
      env: { GIT_DIR: decodeText(cli.repo.paths.gitDir), GIT_WORK_TREE: decodeText(cwd ?? ".") },
    });
    const index = cli.repo.readIndex();
    const dirty = diffIndexWorktree(cli.repo, index).length > 0;
    if (code === 0 && !dirty) return;
    if (code === 0) {
      throw new Exit(
        1,
        `warning: execution succeeded: ${command}\nbut left changes to the index and/or the working tree.\nCommit or stash your changes, and then run\n\n  git rebase --continue\n\n`,
      );
    }
    throw new Exit(
      1,
      `warning: execution failed: ${command}\n${
        dirty ? "and made changes to the index and/or the working tree.\n" : ""
      }You can fix the problem, and then run\n\n  git rebase --continue\n\n\n`,
    );
  }

  label(name: ByteString): ByteString {
    return `refs/rewritten/${name}`;
  }

  reset(name: ByteString): void {
    const { cli } = this;
    const word = name.split(/\s+/)[0]!;
    let target: ObjectId | undefined;
    if (word === "onto" && cli.repo.refs.id(this.label(word)) === undefined) {
      target = this.read("onto");
    } else if (word === "[new" || word === "[new-root]") {
      throw new GitError("invalid", "resetting to a new root is not available");
    } else target = cli.repo.refs.id(this.label(word)) ?? this.#commit(word);
    this.moveTo(target!, `${this.action("reset")}: '${word}'`);
  }

  merge(step: Step): void {
    const { cli } = this;
    const { repo } = cli;
    const store = repo.objects;
    const [labels = "", oneline] = step.text.split(/\s*#\s*/, 2);
    const names = trimSpace(labels).split(/\s+/);
    if (names.length !== 1) {
      throw new GitError("invalid", "octopus merges are not available in a rebase");
    }
    const theirs = repo.refs.id(this.label(names[0]!)) ?? this.#commit(names[0]!);
    const head = this.head();
    const original = step.id === undefined ? undefined : readCommit(store, step.id);
    if (
      original !== undefined && original.parents.length === 2 && original.parents[0] === head &&
      original.parents[1] === theirs && step.flag === "-C"
    ) {
      this.moveTo(step.id!, `${this.action("merge")}: ${subjectOf(original.message)}`);
      return;
    }
    const message = original?.message ??
      `${oneline === undefined || oneline === "" ? `Merge branch '${names[0]}'` : oneline}\n`;
    const result = mergeCommits(store, head, theirs, {
      ours: "HEAD",
      theirs: `refs/rewritten/${names[0]}`,
      ...this.mergeOptions(),
    });
    const index = repo.readIndex();
    const headTree = commitLinks(store, head).tree;
    const lock = repo.lockIndex();
    try {
      applyMerge(cli, index, headTree, result);
      if (result.clean) writeIndexTree(repo, index, { dry: true });
      repo.writeIndex(index, lock);
    } finally {
      lock.rollback();
    }
    showMerge(cli, result);
    const author = original?.author ?? cli.ident("author");
    if (!result.clean) {
      Deno.writeFileSync(
        nativePath(`${repo.paths.gitDir}/MERGE_HEAD`),
        fromByteString(`${theirs}\n`),
      );
      Deno.writeFileSync(nativePath(`${repo.paths.gitDir}/MERGE_MSG`), fromByteString(message));
      this.write("message", message);
      this.write("author-script", this.authorScript(author));
      if (step.id !== undefined) this.write("stopped-sha", `${cli.abbrev(step.id)}\n`);
      throw new Exit(
        1,
        `${RESOLVE_HINT}Could not merge ${names[0]}\n`,
      );
    }
    const text = step.flag === "-C" ? message : this.editMessage(message);
    this.record(result.tree, [head, theirs], author, text, "merge");
    if (step.id !== undefined) this.rewritten(step.id, false);
  }

  /** Runs the steps that are left. */
  run(): number {
    const { cli } = this;
    for (;;) {
      const steps = this.parse(this.read("git-rebase-todo") ?? "");
      const step = steps.shift();
      if (step === undefined) return this.finish();
      const done = this.read("done");
      const count = (done === undefined || done === "" ? 0 : done.split("\n").length) + 1;
      this.append("done", this.format(step, false));
      this.saveTodo(steps);
      this.write("msgnum", `${count}\n`);
      this.write("end", `${count + steps.length}\n`);
      if (!this.quiet && step.verb !== "noop") {
        cli.flush();
        const verbose = this.read("verbose") !== undefined;
        cli.err(`Rebasing (${count}/${count + steps.length})${verbose ? "\n" : "\r"}`);
      }
      for (const name of ["message", "author-script", "stopped-sha", "amend"]) this.drop(name);
      removeFile(`${cli.repo.paths.gitDir}/REBASE_HEAD`);
      switch (step.verb) {
        case "pick":
        case "reword":
        case "edit":
        case "squash":
        case "fixup":
          this.pick(step, steps.find((one) => one.verb !== "noop"));
          break;
        case "exec":
          this.exec(step.text);
          break;
        case "break": {
          const head = this.head();
          this.write("stopped-sha", "");
          throw new Exit(
            0,
            `Stopped at ${cli.abbrev(head)}... ${
              subjectOf(readCommit(cli.repo.objects, head).message)
            }\n`,
          );
        }
        case "label":
          cli.repo.refs.update({
            name: this.label(step.text),
            newId: this.head(),
            message: `${this.action("label")} '${step.text}'`,
          });
          break;
        case "reset":
          this.reset(step.text);
          break;
        case "merge":
          this.merge(step);
          break;
        case "update-ref":
          this.append(
            "update-refs",
            `${step.text}\n${
              cli.repo.refs.id(step.text) ?? cli.repo.algorithm.zero
            }\n${this.head()}\n`,
          );
          break;
        case "drop":
        case "noop":
          break;
      }
    }
  }

  finish(): number {
    const { cli } = this;
    const { repo } = cli;
    this.flushRewritten();
    const name = this.read("head-name") ?? "detached HEAD";
    const onto = this.read("onto")!;
    const origHead = this.read("orig-head")!;
    const head = this.head();
    if (name.startsWith("refs/")) {
      repo.refs.update({
        name,
        newId: head,
        oldId: origHead,
        message: `${this.action("finish")}: ${name} onto ${onto}`,
      });
      repo.refs.setSymbolic("HEAD", name, `${this.action("finish")}: returning to ${name}`);
    }
    const updates = (this.read("update-refs") ?? "").split("\n");
    for (let i = 0; i + 2 < updates.length; i += 3) {
      try {
        repo.refs.update({
          name: updates[i]!,
          newId: updates[i + 2]!,
          oldId: updates[i + 1]!,
          message: "rewritten during rebase",
        });
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        cli.err(`error: ${error.message}\n`);
      }
    }
    for (const ref of repo.refs.list("refs/rewritten/")) {
      repo.refs.update({ name: ref.name, newId: repo.algorithm.zero });
    }
    const list = this.read("rewritten-list");
    if (list !== undefined && list !== "") {
      cli.runHook("post-rewrite", ["rebase"], { input: `${list}\n` });
    }
    this.applyAutostash();
    this.removeState();
    if (!this.quiet) {
      const terminal = cli.env.get("TERM");
      const columns = Number(cli.env.get("COLUMNS") ?? "80") || 80;
      const clear = terminal === undefined || terminal === "dumb"
        ? `\r${" ".repeat(columns)}\r`
        : "\r\x1b[K";
      cli.flush();
      cli.err(
        name.startsWith("refs/")
          ? `${clear}Successfully rebased and updated ${name}.\n`
          : `${clear}Successfully rebased and updated detached HEAD.\n`,
      );
    }
    return 0;
  }

  applyAutostash(): void {
    const id = this.read("autostash");
    if (id === undefined || id === "") return;
    const outcome = applyStash(this.cli, id, { quiet: true });
    if (outcome === "applied") this.cli.err("Applied autostash.\n");
    else {
      storeAutostash(this.cli, id);
      this.cli.err(
        `Applying autostash resulted in conflicts.\nYour changes are safe in the stash.\nYou can run "git stash pop" or "git stash drop" at any time.\n`,
      );
    }
    this.drop("autostash");
  }

  /** Takes what the user staged after a stop and goes on. */
  continue(): number {
    const { cli } = this;
    const { repo } = cli;
    const { gitDir } = repo.paths;
    const index = repo.readIndex();
    if (index.unmerged) {
      const paths = [
        ...new Set(index.entries.filter((one) => one.stage !== 0).map((one) => one.path)),
      ];
      throw new Exit(
        1,
        `${
          paths.map((path) => `${path}: needs merge\n`).join("")
        }You must edit all merge conflicts and then\nmark them as resolved using git add\n`,
      );
    }
    const unstaged = diffIndexWorktree(repo, index);
    if (unstaged.length > 0) {
      throw new Exit(
        1,
        "error: cannot rebase: You have unstaged changes.\nerror: Please commit or stash them.\n",
      );
    }
    const head = this.head();
    const tree = writeIndexTree(repo, index);
    const staged = tree !== commitLinks(repo.objects, head).tree;
    const amend = this.read("amend");
    const author = this.readAuthor();
    const done = this.parse(this.read("done") ?? "");
    const last = done.at(-1);
    const melting = last?.verb === "squash" || last?.verb === "fixup";
    const merging = readTextIfAny(`${gitDir}/MERGE_HEAD`)?.trim();
    const picking = stat(`${gitDir}/CHERRY_PICK_HEAD`) !== undefined;
    if (amend !== undefined) {
      if (staged) {
        if (amend !== head) {
          throw new Exit(
            1,
            "error: \nYou have uncommitted changes in your working tree. Please, commit them\nfirst and then run 'git rebase --continue' again.\n",
          );
        }
        const before = readCommit(repo.objects, head);
        this.record(
          tree,
          before.parents,
          before.author,
          this.editMessage(before.message),
          "continue",
        );
      }
      if (last?.id !== undefined) this.rewritten(last.id, false);
    } else if (staged || merging !== undefined) {
      if (author === undefined) {
        throw new Exit(
          1,
          `error: you have staged changes in your working tree\nIf these changes are meant to be squashed into the previous commit, run:\n\n  git commit --amend \n\nIf they are meant to go into a new commit, run:\n\n  git commit \n\nIn both cases, once you're done, continue with:\n\n  git rebase --continue\n\n`,
        );
      }
      const message = readTextIfAny(`${gitDir}/MERGE_MSG`) ?? this.read("message") ?? "";
      if (melting) {
        const rest = this.parse(this.read("git-rebase-todo") ?? "");
        const next = rest[0];
        this.meld(
          last!,
          tree,
          this.read("message-squash") ?? message,
          next?.verb === "squash" || next?.verb === "fixup",
        );
      } else {
        const text = this.editMessage(message);
        if (text === "") throw new Exit(1, "Aborting commit due to empty commit message.\n");
        const made = this.record(
          tree,
          merging === undefined ? [head] : [head, merging],
          author,
          text,
          "continue",
        );
        this.summary(made, head);
        if (last?.id !== undefined) this.rewritten(last.id, false);
      }
    } else if (picking && melting) {
      const rest = this.parse(this.read("git-rebase-todo") ?? "");
      this.meld(
        last!,
        tree,
        this.read("message-squash") ?? "",
        rest[0]?.verb === "squash" || rest[0]?.verb === "fixup",
      );
    }
    for (const name of ["CHERRY_PICK_HEAD", "MERGE_MSG", "MERGE_HEAD", "MERGE_MODE"]) {
      removeFile(`${gitDir}/${name}`);
    }
    return this.run();
  }

  abort(): number {
    const { cli } = this;
    const { repo } = cli;
    const name = this.read("head-name") ?? "";
    const origHead = this.read("orig-head")!;
    this.moveTo(
      origHead,
      `${this.action("abort")}: returning to ${name.startsWith("refs/") ? name : origHead}`,
      true,
    );
    if (name.startsWith("refs/")) {
      repo.refs.setSymbolic("HEAD", name, `${this.action("abort")}: returning to ${name}`);
    }
    for (const ref of repo.refs.list("refs/rewritten/")) {
      repo.refs.update({ name: ref.name, newId: repo.algorithm.zero });
    }
    removeFile(`${repo.paths.gitDir}/MERGE_HEAD`);
    this.applyAutostash();
    this.removeState();
    return 0;
  }

  skip(): number {
    const { cli } = this;
    this.moveTo(this.head(), `${this.action("skip")}`, true);
    for (const name of ["CHERRY_PICK_HEAD", "MERGE_MSG", "MERGE_HEAD"]) {
      removeFile(`${cli.repo.paths.gitDir}/${name}`);
    }
    const fixups = this.read("current-fixups");
    if (fixups !== undefined) {
      const lines = fixups.split("\n").filter((line) => line !== "").slice(0, -1);
      if (lines.length === 0) {
        for (const name of ["current-fixups", "message-squash", "message-fixup"]) {
          this.drop(name);
        }
      } else this.write("current-fixups", `${lines.join("\n")}\n`);
    }
    return this.run();
  }
}

/** Keeps an autostash that could not be applied as a stash entry. */
export function storeAutostash(cli: Cli, id: ObjectId): void {
  cli.repo.refs.update({ name: "refs/stash", newId: id, message: "autostash", createReflog: true });
}

function requireClean(cli: Cli): void {
  const { repo } = cli;
  const index = repo.readIndex();
  const head = repo.head();
  const unstaged = diffIndexWorktree(repo, index).length > 0;
  const staged = diffTreeIndex(
    repo,
    head === undefined ? undefined : commitLinks(repo.objects, head).tree,
    index,
    { cached: true },
  ).length > 0;
  if (!unstaged && !staged) return;
  throw new Exit(
    1,
    (unstaged
      ? `error: cannot rebase: You have unstaged changes.\n${
        staged ? "error: additionally, your index contains uncommitted changes.\n" : ""
      }`
      : "error: cannot rebase: Your index contains uncommitted changes.\n") +
      "error: Please commit or stash them.\n",
  );
}

function noUpstream(cli: Cli): never {
  const branch = cli.repo.headBranch()?.replace(/^refs\/heads\//, "");
  if (branch === undefined) {
    throw new Exit(
      1,
      "You are not currently on a branch.\nPlease specify which branch you want to rebase against.\nSee git-rebase(1) for details.\n\n    git rebase '<branch>'\n\n",
    );
  }
  const names = cli.repo.config.subsections("remote");
  throw new Exit(
    1,
    `There is no tracking information for the current branch.\nPlease specify which branch you want to rebase against.\nSee git-rebase(1) for details.\n\n    git rebase '<branch>'\n\nIf you wish to set tracking information for this branch you can do so with:\n\n    git branch --set-upstream-to=${
      names.length === 1 ? names[0] : "<remote>"
    }/<branch> ${branch}\n\n`,
  );
}

/** Moves `fixup!` and `squash!` commits behind the commits they name. */
function rearrange(cli: Cli, steps: Step[]): Step[] {
  const store = cli.repo.objects;
  const out: Step[] = [];
  const used: { id: ObjectId; subject: ByteString; after: Step[] }[] = [];
  const byStep = new Map<Step, { id: ObjectId; subject: ByteString; after: Step[] }>();
  for (const step of steps) {
    if (step.id === undefined || step.verb !== "pick") {
      out.push(step);
      continue;
    }
    const subject = subjectOf(readCommit(store, step.id).message);
    const match = /^((?:fixup|squash|amend)! )+/.exec(subject);
    if (match !== null) {
      const target = subject.slice(match[0].length);
      const kind = /^(fixup|squash|amend)/.exec(subject)![1]!;
      const found = used.find((one) => one.subject === target) ??
        (/^[0-9a-f]{4,40}$/.test(target.split(" ")[0]!)
          ? used.find((one) => one.id.startsWith(target.split(" ")[0]!))
          : undefined) ??
        used.find((one) => one.subject.startsWith(target));
      if (found !== undefined) {
        found.after.push({
          ...step,
          verb: kind === "squash" ? "squash" : "fixup",
          flag: kind === "amend" ? "-C" : undefined,
        });
        continue;
      }
    }
    const entry = { id: step.id, subject, after: [] };
    used.push(entry);
    byStep.set(step, entry);
    out.push(step);
  }
  return out.flatMap((step) => [step, ...(byStep.get(step)?.after ?? [])]);
}

/** The list for `--rebase-merges`: branches of the history become labels. */
function mergeSteps(cli: Cli, commits: readonly ObjectId[]): Step[] {
  const store = cli.repo.objects;
  const inside = new Set(commits);
  const names = new Map<ObjectId, ByteString>();
  const taken = new Set<ByteString>(["onto"]);
  const nameFor = (id: ObjectId, hint: ByteString): ByteString => {
    const known = names.get(id);
    if (known !== undefined) return known;
    let base = hint.replace(/[^A-Za-z0-9\x80-\xff]+/g, "-").replace(/^-+|-+$/g, "");
    if (base === "") base = cli.abbrev(id);
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
    taken.add(name);
    names.set(id, name);
    return name;
  };
  const steps: Step[] = [{ verb: "label", text: "onto" }];
  const subject = (id: ObjectId): ByteString => subjectOf(readCommit(store, id).message);
  // Tips of side branches, and commits where branches leave, need names.
  const children = new Map<ObjectId, number>();
  for (const id of commits) {
    const { parents } = commitLinks(store, id);
    parents.forEach((parent, i) => {
      if (!inside.has(parent)) return;
      children.set(parent, (children.get(parent) ?? 0) + 1);
      if (i > 0) {
        const hint = /^Merge (?:remote-tracking )?branch '([^']+)'/.exec(subject(id))?.[1] ??
          subject(parent);
        nameFor(parent, hint);
      }
    });
  }
  for (const [id, count] of children) {
    if (count > 1 && !names.has(id)) nameFor(id, `branch-point-${subject(id)}`);
  }
  let at: ObjectId | undefined;
  for (const id of commits) {
    const { parents } = commitLinks(store, id);
    const first = parents[0];
    const base = first !== undefined && inside.has(first) ? first : undefined;
    if (at !== base || at === undefined) {
      if (steps.length > 1 || base !== undefined) {
        steps.push({ verb: "reset", text: base === undefined ? "onto" : names.get(base) ?? base });
      }
    }
    if (parents.length > 1) {
      const others = parents.slice(1).map((parent) =>
        inside.has(parent) ? names.get(parent)! : cli.abbrev(parent)
      );
      steps.push({ verb: "merge", flag: "-C", id, text: `${others.join(" ")} # ${subject(id)}` });
    } else steps.push({ verb: "pick", id, text: subject(id) });
    const label = names.get(id);
    if (label !== undefined) steps.push({ verb: "label", text: label });
    at = id;
  }
  return steps;
}

/** `git rebase` */
export async function rebase(cli: Cli, args: ByteString[]): Promise<number> {
  const o = parseOptions(
    cli,
    args,
    "onto= keep-base no-verify q,quiet v,verbose n,no-stat stat signoff committer-date-is-author-date reset-author-date ignore-date C= ignore-whitespace whitespace= f,force-rebase no-ff ff continue skip abort quit edit-todo show-current-patch apply m,merge i,interactive rerere-autoupdate empty= keep-empty autosquash update-refs S,gpg-sign? autostash x,exec* r,rebase-merges? fork-point s,strategy= X,strategy-option* root reschedule-failed-exec reapply-cherry-picks",
    USAGE,
  );
  cli.needWorkTree();
  const { repo } = cli;
  const run = new Rebase(cli);
  const verb = ["continue", "skip", "abort", "quit", "edit-todo", "show-current-patch"].find((
    one,
  ) => o.flag(one));
  if (verb !== undefined) {
    if (!run.running) {
      if (stat(`${repo.paths.gitDir}/rebase-apply`) !== undefined) {
        die("It looks like 'git am' is in progress. Cannot rebase.");
      }
      die("No rebase in progress?");
    }
    run.quiet = run.read("quiet") !== undefined;
    switch (verb) {
      case "continue":
        return run.continue();
      case "skip":
        return run.skip();
      case "abort":
        return run.abort();
      case "quit": {
        const stash = run.read("autostash");
        if (stash !== undefined) storeAutostash(cli, stash);
        run.removeState();
        return 0;
      }
      case "edit-todo": {
        const path = `${run.dir}/git-rebase-todo`;
        editTodo(cli, path, (readTextIfAny(path) ?? "") + TODO_HELP);
        run.saveTodo(run.parse(readTextIfAny(path) ?? ""));
        return 0;
      }
      default: {
        const id = repo.refs.id("REBASE_HEAD") ?? die("REBASE_HEAD not found");
        const { show } = await import("./history.ts");
        return show(cli, [id, "--"]);
      }
    }
  }
  if (run.running) {
    die(
      `It seems that there is already a rebase-merge directory, and\nI wonder if you are in the middle of another rebase.  If that is the\ncase, please try\n\tgit rebase (--continue | --abort | --skip)\nIf that is not the case, please\n\trm -fr "${run.dir}"\nand run me again.  I am stopping in case you still have something\nvaluable there.\n`,
    );
  }
  run.quiet = o.flag("quiet");
  return await begin(cli, run, o);
}

function editTodo(cli: Cli, path: ByteString, text: ByteString): void {
  Deno.writeFileSync(nativePath(path), fromByteString(text));
  const editor = cli.env.get("GIT_SEQUENCE_EDITOR") ?? cli.config.get("sequence.editor") ??
    cli.editor();
  if (editor === ":") return;
  cli.flush();
  const code = runChild(["/bin/sh", "-c", `${editor} "$@"`, editor, path], { inherit: true });
  if (code !== 0) {
    throw new Exit(1, `error: There was a problem with the editor '${editor}'.\n`);
  }
}

async function begin(cli: Cli, run: Rebase, o: Options): Promise<number> {
  const { repo } = cli;
  const store = repo.objects;
  const commitOf = (name: ByteString): ObjectId | undefined => {
    const id = cli.tryRevision(name, { prefer: "committish" });
    return id === undefined ? undefined : peelTo(store, id, "commit");
  };
  const interactive = o.flag("interactive");
  const root = o.flag("root");
  const words = [...o.rest];
  if (words.length > (root ? 1 : 2)) throw usageError("", USAGE);
  let upstreamName: ByteString | undefined;
  let upstream: ObjectId | undefined;
  if (!root) {
    upstreamName = words.shift();
    if (upstreamName === undefined) {
      const branch = repo.headBranch();
      const id = branch === undefined ? undefined : safely(() => commitOf("@{upstream}"));
      if (id === undefined) noUpstream(cli);
      upstream = id;
      upstreamName = "@{upstream}";
    } else {
      if (upstreamName === "-") upstreamName = "@{-1}";
      upstream = commitOf(upstreamName);
      if (upstream === undefined) die(`invalid upstream '${upstreamName}'`);
    }
  }
  const autostash = o.given("autostash")
    ? o.flag("autostash")
    : cli.config.bool("rebase.autostash", false) ?? false;
  const branchName = words.shift();
  const ontoText = o.text("onto");
  let ontoName = ontoText ?? upstreamName ?? "";
  let onto: ObjectId | undefined;
  let headName = repo.headBranch();
  let head: ObjectId | undefined;
  if (branchName !== undefined) {
    const full = `refs/heads/${branchName}`;
    if (repo.refs.exists(full)) {
      headName = full;
      head = repo.refs.id(full);
      const at = checkedOutAt(listWorktrees(repo), full);
      if (at !== undefined && at.gitDir !== repo.paths.gitDir) {
        die(`'${branchName}' is already checked out at '${at.path}'`);
      }
    } else {
      head = commitOf(branchName);
      headName = undefined;
      if (head === undefined) die(`no such branch/commit '${branchName}'`);
    }
  } else head = repo.head();
  if (head === undefined) die("Could not resolve HEAD to a commit");
  if (o.flag("keep-base")) {
    const bases = mergeBases(store, upstream!, [head]);
    if (bases.length !== 1) die(`'${upstreamName}': need exactly one merge base with branch`);
    onto = bases[0]!;
    ontoName = `${upstreamName}...${branchName ?? "HEAD"}`;
  } else if (ontoText?.includes("...")) {
    const [a = "", b = ""] = ontoText.split("...");
    const bases = mergeBases(store, commitOf(a || "HEAD")!, [commitOf(b || "HEAD")!]);
    if (bases.length !== 1) die(`'${ontoText}': need exactly one merge base`);
    onto = bases[0]!;
  } else if (ontoText !== undefined) {
    onto = commitOf(ontoText);
    if (onto === undefined) die(`Does not point to a valid commit '${ontoText}'`);
  } else onto = upstream;
  let squashOnto = false;
  if (root && onto === undefined) {
    // A commit that holds nothing stands in for "before everything".
    const me = cli.ident("committer");
    onto = store.write(
      "commit",
      formatCommit({
        tree: store.write("tree", new Uint8Array(0)),
        parents: [],
        author: me,
        committer: me,
        extra: [],
        message: "",
      }),
    );
    ontoName = onto;
    squashOnto = true;
  }
  const rebaseMerges = o.given("rebase-merges") && !o.negated("rebase-merges");
  const autosquash = o.given("autosquash")
    ? o.flag("autosquash")
    : interactive && (cli.config.bool("rebase.autosquash", false) ?? false);
  const force = o.flag("force-rebase") || o.flag("no-ff") || o.negated("ff") || o.flag("signoff") ||
    o.flag("committer-date-is-author-date") || o.flag("reset-author-date") ||
    o.flag("ignore-date");
  if (!autostash) requireClean(cli);
  // Nothing to do when the branch already sits on what it is to sit on.
  const bases = upstream === undefined ? [] : mergeBases(store, onto!, [head]);
  if (
    !interactive && !force && !root && !rebaseMerges && o.list("exec").length === 0 &&
    !autosquash && bases.length === 1 && bases[0] === onto &&
    isAncestor(store, upstream!, head) === isAncestor(store, onto!, head) &&
    linear(cli, onto!, head) && mergeBases(store, upstream!, [head])[0] === onto
  ) {
    if (branchName !== undefined) {
      const code = await checkout(cli, ["-q", branchName, "--"]);
      if (code !== 0) return code;
    }
    if (!run.quiet) {
      cli.out(
        headName === undefined
          ? "HEAD is up to date.\n"
          : `Current branch ${headName.replace(/^refs\/heads\//, "")} is up to date.\n`,
      );
    }
    return 0;
  }
  if (!o.flag("no-verify")) {
    const hookArgs = [
      root ? "--root" : upstreamName!,
      ...(branchName === undefined ? [] : [branchName]),
    ];
    if (cli.runHook("pre-rebase", hookArgs) !== 0) die("The pre-rebase hook refused to rebase.");
  }
  let stash: ObjectId | undefined;
  if (autostash) {
    const made = makeStash(cli, "autostash");
    if (made !== undefined) {
      stash = made.id;
      cli.out(`Created autostash: ${cli.abbrev(stash)}\n`);
      run.moveTo(repo.head()!, "rebase: autostash", true);
    }
  }
  // The commits to take along.
  const range = [...walkCommits(store, {
    include: [head],
    exclude: upstream === undefined ? (squashOnto ? [] : [onto!]) : [upstream],
    order: "topo",
    reverse: true,
  })].map((one) => one.id);
  const upstreamIds = new Set<string>();
  const equivalents = !o.flag("reapply-cherry-picks") && upstream !== undefined &&
    !(o.flag("keep-base") && !o.given("reapply-cherry-picks"));
  if (equivalents) {
    const theirs = [...walkCommits(store, { include: [upstream!], exclude: [head] })].slice(
      0,
      10_000,
    );
    for (const { id } of theirs) {
      const patch = patchId(store, id);
      if (patch !== undefined) upstreamIds.add(patch);
    }
  }
  let skipped = false;
  const keepEmpty = !o.negated("keep-empty");
  const wanted = range.filter((id) => {
    const { parents, tree } = commitLinks(store, id);
    if (parents.length > 1) return rebaseMerges;
    const parentTree = parents.length === 0 ? undefined : commitLinks(store, parents[0]!).tree;
    if (parentTree === tree) return keepEmpty;
    const patch = upstreamIds.size === 0 ? undefined : patchId(store, id);
    if (patch !== undefined && upstreamIds.has(patch)) {
      skipped = true;
      if (!run.quiet) cli.warn(`skipped previously applied commit ${cli.abbrev(id)}`);
      return false;
    }
    return true;
  });
  if (skipped && !run.quiet) {
    cli.err(
      'hint: use --reapply-cherry-picks to include skipped commits\nhint: Disable this message with "git config advice.skippedCherryPicks false"\n',
    );
  }
  let steps: Step[] = rebaseMerges ? mergeSteps(cli, wanted) : wanted.map((id) => ({
    verb: "pick" as const,
    id,
    text: `${subjectOf(readCommit(store, id).message)}${
      commitLinks(store, id).parents.length > 0 &&
        commitLinks(store, commitLinks(store, id).parents[0]!).tree === commitLinks(store, id).tree
        ? " # empty"
        : ""
    }`,
  }));
  if (autosquash) steps = rearrange(cli, steps);
  if (
    o.given("update-refs") ? o.flag("update-refs") : cli.config.bool("rebase.updaterefs", false)
  ) {
    steps = withUpdates(cli, steps, headName);
  }
  const commands = o.list("exec");
  if (commands.length > 0) {
    const out: Step[] = [];
    steps.forEach((step, i) => {
      out.push(step);
      const next = steps[i + 1];
      const picks = step.verb === "pick" || step.verb === "squash" || step.verb === "fixup" ||
        step.verb === "merge";
      if (picks && next?.verb !== "squash" && next?.verb !== "fixup") {
        for (const text of commands) out.push({ verb: "exec", text });
      }
    });
    steps = out;
  }
  if (steps.length === 0) steps = [{ verb: "noop", text: "" }];
  makeDirectories(run.dir);
  run.write("head-name", `${headName ?? "detached HEAD"}\n`);
  run.write("onto", `${onto}\n`);
  run.write("orig-head", `${head}\n`);
  if (stash !== undefined) run.write("autostash", `${stash}\n`);
  if (run.quiet) run.write("quiet", "t\n");
  if (o.flag("verbose")) run.write("verbose", "");
  run.write("interactive", "");
  if (o.flag("signoff")) run.write("signoff", "--signoff\n");
  if (o.flag("committer-date-is-author-date")) run.write("cdate_is_adate", "");
  if (o.flag("reset-author-date") || o.flag("ignore-date")) run.write("ignore_date", "");
  if (force) run.write("force-rebase", "");
  const empty = o.text("empty") ?? (interactive ? "ask" : "drop");
  run.write("empty", `${commands.length > 0 && o.text("empty") === undefined ? "keep" : empty}\n`);
  const strategy = o.list("strategy-option");
  if (strategy.length > 0) {
    run.write(
      "strategy_opts",
      strategy.map((one) => ` '--${one}'`).join(""),
    );
  }
  if (interactive) {
    const todo = steps.map((step) => run.format(step, true)).join("");
    const path = `${run.dir}/git-rebase-todo`;
    const count = steps.filter((step) => step.verb !== "noop").length;
    const from = upstream === undefined ? "" : `${cli.abbrev(upstream)}..`;
    const help = `\n# Rebase ${from}${cli.abbrev(head)} onto ${
      cli.abbrev(onto!)
    } (${count} command${count === 1 ? "" : "s"})\n${TODO_HELP}`;
    editTodo(cli, path, todo + help);
    let parsed: Step[];
    try {
      parsed = run.parse(readTextIfAny(path) ?? "");
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      run.begin(onto!, ontoName);
      throw new Exit(
        1,
        `error: ${error.message}\nYou can fix this with 'git rebase --edit-todo' and then run 'git rebase --continue'.\nOr you can abort the rebase with 'git rebase --abort'.\n`,
      );
    }
    if (parsed.length === 0) {
      run.applyAutostash();
      run.removeState();
      throw new Exit(1, "error: nothing to do\n");
    }
    const first = parsed[0]!;
    if (first.verb === "squash" || first.verb === "fixup") {
      run.removeState();
      throw new Exit(1, `error: cannot '${first.verb}' without a previous commit\n`);
    }
    steps = parsed;
  }
  run.saveTodo(steps);
  run.write("git-rebase-todo.backup", steps.map((step) => run.format(step, false)).join(""));
  run.write("end", `${steps.length}\n`);
  run.write("done", "");
  repo.refs.update({ name: "ORIG_HEAD", newId: head, noDeref: true, skipReflog: true });
  if (branchName !== undefined && repo.head() !== head) {
    run.begin(head, branchName);
  }
  // Picks that already sit where they belong need not be made again.
  let base = onto!;
  while (!force && steps[0]?.verb === "pick") {
    const { parents } = commitLinks(store, steps[0].id!);
    if (parents[0] !== base || parents.length !== 1) break;
    base = steps[0].id!;
    run.append("done", run.format(steps[0], false));
    steps = steps.slice(1);
  }
  run.saveTodo(steps);
  try {
    run.begin(base, ontoName);
  } catch (error) {
    if (!(error instanceof SwitchError)) throw error;
    run.applyAutostash();
    run.removeState();
    throw new Exit(1, `${switchMessage(error, "checkout")}error: could not detach HEAD\n`);
  }
  return run.run();
}

function withUpdates(cli: Cli, steps: readonly Step[], headName: ByteString | undefined): Step[] {
  const refs = cli.repo.refs.list("refs/heads/").filter((ref) =>
    !ref.broken && ref.name !== headName
  );
  return steps.flatMap((step) => {
    const here = step.id === undefined ? [] : refs.filter((ref) => ref.id === step.id);
    return [step, ...here.map((ref): Step => ({ verb: "update-ref", text: ref.name }))];
  });
}

function safely<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch (error) {
    if (error instanceof GitError || error instanceof Exit) return undefined;
    throw error;
  }
}

function linear(cli: Cli, from: ObjectId, to: ObjectId): boolean {
  const store = cli.repo.objects;
  for (let at = to; at !== from;) {
    const { parents } = commitLinks(store, at);
    if (parents.length !== 1) return false;
    at = parents[0]!;
  }
  return true;
}
