/**
 * `git cherry-pick` and `git revert`: one commit or a sequence of them, which stops at a conflict
 * and goes on later. What a sequence still has to do is in `sequencer/` of the git directory.
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny, removeFile, stat } from "../_files.ts";
import { formatDate } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { GitIndex } from "../index_file.ts";
import { commitLinks } from "../merge_base.ts";
import { mergeTrees, type MergeTreesResult } from "../merge_trees.ts";
import { formatCommit, parseSignature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { walkCommits } from "../rev_list.ts";
import { refreshIndex, writeIndexTree } from "../status.ts";
import { SwitchError } from "../worktree.ts";
import { applyMerge, showMerge } from "./_apply_merge.ts";
import { printCommitSummary } from "./_commit_summary.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { mergeSettings } from "./_merge_settings.ts";
import { removeBranchState, removeSequence } from "./_merge_state.ts";
import { addTrailer, cleanupMessage } from "./_message.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";
import { parseRevs } from "./_revs.ts";
import { switchMessage } from "./_switch.ts";
import { commit as commitCommand } from "./commit.ts";
import { reset } from "./reset.ts";

type Action = "cherry-pick" | "revert";

/** How each commit is taken over; kept in `sequencer/opts` while a sequence waits. */
interface Settings {
  noCommit: boolean;
  edit: boolean | undefined;
  signoff: boolean;
  mainline: number;
  recordOrigin: boolean;
  allowFastForward: boolean;
  allowEmpty: boolean;
  keepRedundant: boolean;
  allowEmptyMessage: boolean;
  strategy: ByteString | undefined;
  strategyOptions: ByteString[];
  cleanup: string | undefined;
  reference: boolean;
}

/** The switches of {@linkcode Settings} by their name in `sequencer/opts`. */
const SWITCHES = [
  ["no-commit", "noCommit"],
  ["allow-empty", "allowEmpty"],
  ["allow-empty-message", "allowEmptyMessage"],
  ["keep-redundant-commits", "keepRedundant"],
  ["signoff", "signoff"],
  ["record-origin", "recordOrigin"],
  ["allow-ff", "allowFastForward"],
  ["commit-use-reference", "reference"],
] as const;

function usage(action: Action): ByteString {
  const pick = action === "cherry-pick";
  return `git ${action} [--edit] [-n] [-m <parent-number>] [-s]${
    pick ? " [-x] [--ff]" : ""
  } [-S[<keyid>]] <commit>...\n   or: git ${action} (--continue | --skip | --abort | --quit)`;
}

/** One run of picks or reverts. */
class Picker {
  readonly cli: Cli;
  readonly action: Action;
  readonly settings: Settings;
  readonly #directory: ByteString;

  constructor(cli: Cli, action: Action, settings: Settings) {
    this.cli = cli;
    this.action = action;
    this.settings = settings;
    this.#directory = `${cli.repo.paths.gitDir}/sequencer`;
  }

  fail(text: ByteString): never {
    throw new Exit(128, `error: ${text}\nfatal: ${this.action} failed\n`);
  }

  #state(name: ByteString): ByteString | undefined {
    return readTextIfAny(`${this.cli.repo.paths.gitDir}/${name}`);
  }

  #write(name: ByteString, text: ByteString): void {
    Deno.writeFileSync(
      nativePath(`${this.cli.repo.paths.gitDir}/${name}`),
      fromByteString(text),
    );
  }

  get inSequence(): boolean {
    return stat(`${this.#directory}/todo`) !== undefined;
  }

  /** Whether one commit waits to be finished. */
  get stopped(): boolean {
    return this.#state("CHERRY_PICK_HEAD") !== undefined ||
      this.#state("REVERT_HEAD") !== undefined;
  }

  /** Starts with the commits given, in that order. */
  start(commits: readonly ObjectId[], single: boolean): number {
    const { cli } = this;
    if (single) return this.#pick(commits[0]!);
    const last = this.#lastAction();
    if (last !== undefined) {
      const skip = this.stopped ? "--skip | " : "";
      this.fail(
        `${last} is already in progress\nhint: try "git ${last} (--continue | ${skip}--abort | --quit)"`,
      );
    }
    const head = cli.repo.head();
    if (head === undefined && this.action === "revert") this.fail("can't revert as initial commit");
    Deno.mkdirSync(nativePath(this.#directory), { recursive: true });
    this.#write("sequencer/head", `${head ?? cli.repo.algorithm.zero}\n`);
    this.#saveOptions();
    this.#rememberHead();
    return this.#run(commits);
  }

  #lastAction(): Action | undefined {
    const todo = this.#state("sequencer/todo");
    if (todo === undefined) return undefined;
    return /^(?:revert|r )/.test(todo) ? "revert" : "cherry-pick";
  }

  #saveOptions(): void {
    const { settings } = this;
    let text = "";
    for (const [name, key] of SWITCHES) if (settings[key]) text += `\t${name} = true\n`;
    if (settings.edit !== undefined) text += `\tedit = ${settings.edit}\n`;
    if (settings.mainline > 0) text += `\tmainline = ${settings.mainline}\n`;
    if (settings.strategy !== undefined) text += `\tstrategy = ${settings.strategy}\n`;
    for (const option of settings.strategyOptions) text += `\tstrategy-option = ${option}\n`;
    if (settings.cleanup !== undefined) text += `\tdefault-msg-cleanup = ${settings.cleanup}\n`;
    if (text !== "") this.#write("sequencer/opts", `[options]\n${text}`);
  }

  /** Takes up the settings that the sequence was started with. */
  loadOptions(): void {
    const { settings } = this;
    for (const line of (this.#state("sequencer/opts") ?? "").split("\n")) {
      const match = /^\t([a-z-]+) = (.*)$/.exec(line);
      if (match === null) continue;
      const [, name, value] = match as unknown as [string, string, string];
      const known = SWITCHES.find(([one]) => one === name);
      if (known !== undefined) settings[known[1]] = value === "true";
      else if (name === "edit") settings.edit = value === "true";
      else if (name === "mainline") settings.mainline = Number(value);
      else if (name === "strategy") settings.strategy = value;
      else if (name === "strategy-option") settings.strategyOptions.push(value);
      else if (name === "default-msg-cleanup") settings.cleanup = value;
    }
  }

  /** `--abort` only goes back when nobody moved HEAD since. */
  #rememberHead(): void {
    this.#write("sequencer/abort-safety", `${this.cli.repo.head() ?? ""}\n`);
  }

  #run(commits: readonly ObjectId[]): number {
    const { cli } = this;
    const verb = this.action === "revert" ? "revert" : "pick";
    const line = (id: ObjectId): ByteString =>
      `${verb} ${cli.abbrev(id)} ${subjectOf(readCommit(cli.repo.objects, id).message)}\n`;
    const lines = commits.map(line);
    for (let i = 0; i < commits.length; i++) {
      this.#write("sequencer/todo", lines.slice(i).join(""));
      const code = this.#pick(commits[i]!);
      if (code !== 0) return code;
      this.#rememberHead();
    }
    removeSequence(cli);
    return 0;
  }

  #parents(id: ObjectId, parents: readonly ObjectId[]): ObjectId | undefined {
    const { mainline } = this.settings;
    if (parents.length > 1) {
      if (mainline === 0) this.fail(`commit ${id} is a merge but no -m option was given.`);
      return parents[mainline - 1] ?? this.fail(`commit ${id} does not have parent ${mainline}`);
    }
    if (mainline > 1) this.fail(`commit ${id} does not have parent ${mainline}`);
    return parents[0];
  }

  #message(id: ObjectId, parent: ObjectId | undefined): ByteString {
    const { settings } = this;
    const picked = readCommit(this.cli.repo.objects, id);
    if (this.action === "revert") {
      const merge = picked.parents.length > 1
        ? `, reversing\nchanges made to ${this.#refer(parent!)}`
        : "";
      const title = settings.reference
        ? "# *** SAY WHY WE ARE REVERTING ON THE TITLE LINE ***"
        : `Revert "${subjectOf(picked.message)}"`;
      return `${title}\n\nThis reverts commit ${this.#refer(id)}${merge}.\n`;
    }
    let { message } = picked;
    if (settings.recordOrigin) {
      if (message !== "" && !message.endsWith("\n")) message += "\n";
      if (!endsInTrailers(message)) message += "\n";
      message += `(cherry picked from commit ${id})\n`;
    }
    return message;
  }

  /** A commit as a message names it. */
  #refer(id: ObjectId): ByteString {
    if (!this.settings.reference) return id;
    const commit = readCommit(this.cli.repo.objects, id);
    const { time, zone } = parseSignature(commit.author);
    const date = formatDate(time, zone, { type: "short" });
    return `${this.cli.abbrev(id)} (${subjectOf(commit.message)}, ${date})`;
  }

  #dirty(index: GitIndex, headTree: ObjectId): boolean {
    return index.unmerged || writeIndexTree(this.cli.repo, index, { dry: true }) !== headTree;
  }

  #refuseDirty(): never {
    throw new Exit(
      128,
      `error: your local changes would be overwritten by ${this.action}.\nhint: commit your changes or stash them to proceed.\nfatal: ${this.action} failed\n`,
    );
  }

  /** Takes one commit over; not 0 when it stops. */
  #pick(id: ObjectId): number {
    const { cli, settings, action } = this;
    const { repo } = cli;
    const store = repo.objects;
    const revert = action === "revert";
    const picked = readCommit(store, id);
    const head = repo.head();
    const headTree = head === undefined ? repo.algorithm.emptyTree : commitLinks(store, head).tree;
    const index = repo.readIndex();
    let current = headTree;
    if (settings.noCommit) {
      if (index.unmerged) this.fail("your index file is unmerged.");
      current = writeIndexTree(repo, index);
    } else if (this.#dirty(index, headTree)) this.#refuseDirty();
    const parent = this.#parents(id, picked.parents);
    if (settings.allowFastForward && parent !== undefined && parent === head) {
      this.#fastForward(index, id, headTree);
      return 0;
    }
    const parentTree = parent === undefined
      ? repo.algorithm.emptyTree
      : commitLinks(store, parent).tree;
    const label = `${cli.abbrev(id)} (${subjectOf(picked.message)})`;
    const shared = mergeSettings(cli, settings.strategyOptions);
    const result = revert
      ? mergeTrees(store, picked.tree, current, parentTree, {
        ...shared,
        ours: "HEAD",
        base: label,
        theirs: `parent of ${label}`,
      })
      : mergeTrees(store, parentTree, current, picked.tree, {
        ...shared,
        ours: "HEAD",
        base: `parent of ${label}`,
        theirs: label,
      });
    this.#apply(index, current, result);
    showMerge(cli, result);
    let message = this.#message(id, parent);
    if (settings.signoff) message = addTrailer(message, this.#signoff(), true);
    const stateFile = revert ? "REVERT_HEAD" : "CHERRY_PICK_HEAD";
    if (!result.clean) {
      this.#write("MERGE_MSG", message + this.#conflictNote(result));
      if (!settings.noCommit || revert) this.#write(stateFile, `${id}\n`);
      cli.err(
        `error: could not ${revert ? "revert" : "apply"} ${cli.abbrev(id)}... ${
          subjectOf(picked.message)
        }\n${this.#advice()}`,
      );
      return 1;
    }
    if (settings.noCommit) {
      this.#write("MERGE_MSG", message);
      if (revert) this.#write(stateFile, `${id}\n`);
      return 0;
    }
    if (result.tree === headTree && !this.#mayBeEmpty(parentTree === picked.tree)) {
      this.#write("MERGE_MSG", message);
      this.#write(stateFile, `${id}\n`);
      // `commit` says that nothing would change.
      return commitCommand(cli, ["--no-edit"]) || 1;
    }
    return this.#commit(id, message, result.tree, head, headTree);
  }

  #mayBeEmpty(originally: boolean): boolean {
    const { settings } = this;
    return settings.keepRedundant || (originally && settings.allowEmpty);
  }

  #signoff(): ByteString {
    return `Signed-off-by: ${this.cli.ident("committer").replace(/ \d+ [+-]\d+$/, "")}`;
  }

  #conflictNote(result: MergeTreesResult): ByteString {
    const paths = [...new Set(result.conflicts.map(({ path }) => path))];
    const cleanup = this.settings.cleanup ?? this.cli.config.get("commit.cleanup");
    const scissors = cleanup === "scissors"
      ? "# ------------------------ >8 ------------------------\n# Do not modify or remove the line above.\n# Everything below it will be ignored.\n#\n"
      : "";
    return `\n${scissors}# Conflicts:\n${paths.map((path) => `#\t${path}\n`).join("")}`;
  }

  #advice(): ByteString {
    const { action } = this;
    const own = this.cli.env.get("GIT_CHERRY_PICK_HELP");
    if (own !== undefined) {
      removeFile(`${this.cli.repo.paths.gitDir}/CHERRY_PICK_HEAD`);
      return `${own.split("\n").map((line) => `hint: ${line}`.trimEnd()).join("\n")}\n`;
    }
    if (this.settings.noCommit) {
      return "hint: after resolving the conflicts, mark the corrected paths\nhint: with 'git add <paths>' or 'git rm <paths>'\n";
    }
    return `hint: After resolving the conflicts, mark them with\nhint: "git add/rm <pathspec>", then run\nhint: "git ${action} --continue".\nhint: You can instead skip this commit with "git ${action} --skip".\nhint: To abort and get back to the state before "git ${action}",\nhint: run "git ${action} --abort".\n`;
  }

  #apply(index: GitIndex, current: ObjectId, result: MergeTreesResult): void {
    const { cli } = this;
    using lock = cli.repo.lockIndex();
    try {
      refreshIndex(cli.repo, index);
      applyMerge(cli, index, current, result);
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      throw new Exit(
        128,
        `${switchMessage(error, "merge").replace(/Aborting\n$/, "")}fatal: ${this.action} failed\n`,
      );
    }
    if (result.clean) writeIndexTree(cli.repo, index, { dry: true });
    cli.repo.writeIndex(index, lock);
  }

  #fastForward(index: GitIndex, id: ObjectId, headTree: ObjectId): void {
    const { cli, action } = this;
    const { repo } = cli;
    this.#apply(
      index,
      headTree,
      mergeTrees(repo.objects, headTree, headTree, commitLinks(repo.objects, id).tree),
    );
    removeFile(`${repo.paths.gitDir}/AUTO_MERGE`);
    repo.refs.update({ name: "HEAD", newId: id, message: `${action}: fast-forward` });
  }

  #commit(
    id: ObjectId,
    message: ByteString,
    tree: ObjectId,
    head: ObjectId | undefined,
    headTree: ObjectId,
  ): number {
    const { cli, settings, action } = this;
    const { repo } = cli;
    const revert = action === "revert";
    const edit = settings.edit ?? (revert && Deno.stdin.isTerminal());
    const cleanup = settings.cleanup ?? cli.config.get("commit.cleanup");
    if (edit) {
      this.#write("MERGE_MSG", message);
      if (!revert) this.#write("CHERRY_PICK_HEAD", `${id}\n`);
      const args: ByteString[] = ["-e"];
      if (settings.cleanup !== undefined) args.push(`--cleanup=${settings.cleanup}`);
      if (settings.allowEmptyMessage) args.push("--allow-empty-message");
      if (tree === headTree) args.push("--allow-empty");
      return commitCommand(cli, args);
    }
    const text = cleanup === undefined || cleanup === "default"
      ? message
      : cleanupMessage(message, cleanup, "#");
    if (cleanupMessage(text, "whitespace", "#") === "" && !settings.allowEmptyMessage) {
      this.#write("MERGE_MSG", text);
      if (!revert) this.#write("CHERRY_PICK_HEAD", `${id}\n`);
      cli.err("Aborting commit due to empty commit message.\n");
      return 1;
    }
    const author = revert ? cli.ident("author") : readCommit(repo.objects, id).author;
    const committer = cli.ident("committer");
    const encoding = revert
      ? []
      : readCommit(repo.objects, id).extra.filter(([key]) => key === "encoding");
    const made = repo.objects.write(
      "commit",
      formatCommit({
        tree,
        parents: head === undefined ? [] : [head],
        author,
        committer,
        extra: encoding,
        message: text,
      }),
    );
    repo.refs.update({
      name: "HEAD",
      newId: made,
      oldId: head ?? repo.algorithm.zero,
      message: `${cli.env.get("GIT_REFLOG_ACTION") ?? action}: ${subjectOf(text)}`,
    });
    for (const name of ["CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_MSG", "AUTO_MERGE"]) {
      removeFile(`${repo.paths.gitDir}/${name}`);
    }
    cli.runHook("post-commit");
    printCommitSummary(
      cli,
      made,
      head === undefined ? undefined : headTree,
      repo.headBranch(),
      head === undefined,
      author,
      committer,
    );
    return 0;
  }

  /** Commits what was resolved by hand. */
  #finishOne(): number {
    const { edit } = this.settings;
    if (!this.stopped) this.fail("no cherry-pick or revert in progress");
    return commitCommand(
      this.cli,
      edit === true || (edit === undefined && Deno.stdin.isTerminal())
        ? []
        : ["--no-edit", "--cleanup=strip"],
    );
  }

  continue(): number {
    const { cli } = this;
    const { repo } = cli;
    if (!this.inSequence) return this.#finishOne();
    this.loadOptions();
    const rest = this.#todo();
    if (this.stopped) {
      const code = this.#finishOne();
      if (code !== 0) return code;
    }
    const head = repo.head();
    const headTree = head === undefined
      ? repo.algorithm.emptyTree
      : commitLinks(repo.objects, head).tree;
    if (this.#dirty(repo.readIndex(), headTree)) this.#refuseDirty();
    this.#rememberHead();
    return this.#run(rest.slice(1));
  }

  #todo(): ObjectId[] {
    const { cli } = this;
    const out: ObjectId[] = [];
    for (const line of (this.#state("sequencer/todo") ?? "").split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const [, verb, name] = /^(p|pick|revert)\s+(\S+)/.exec(line) ?? [];
      const expected = this.action === "revert" ? verb === "revert" : verb?.startsWith("p");
      const id = name === undefined || !expected
        ? undefined
        : cli.tryRevision(name, { prefer: "committish" });
      out.push(
        id ??
          this.fail(
            `invalid line ${
              out.length + 1
            }: ${line}\nerror: unusable instruction sheet: '${cli.repo.paths.gitDir}/sequencer/todo'`,
          ),
      );
    }
    if (out.length === 0) this.fail("no commits parsed.");
    return out;
  }

  skip(): number {
    const { cli, action } = this;
    const own = action === "revert" ? "REVERT_HEAD" : "CHERRY_PICK_HEAD";
    if (this.#state(own) === undefined) {
      if (this.#lastAction() !== action) this.fail(`no ${action} in progress`);
      if (!this.#headUnmoved()) {
        this.fail(
          `there is nothing to skip\nhint: have you committed already?\nhint: try "git ${action} --continue"`,
        );
      }
    }
    const rest = this.inSequence ? this.#todo().slice(1) : [];
    const wasSequence = this.inSequence;
    if (wasSequence) this.loadOptions();
    const code = reset(cli, ["--merge", "-q"]);
    if (code !== 0 || !wasSequence) return code;
    return this.#run(rest);
  }

  #headUnmoved(): boolean {
    const expected = this.#state("sequencer/abort-safety");
    return expected !== undefined && expected.replace(/\n$/, "") === (this.cli.repo.head() ?? "");
  }

  abort(): number {
    const { cli } = this;
    const saved = this.#state("sequencer/head")?.replace(/\n[^]*$/, "");
    if (saved === undefined) {
      if (!this.stopped) this.fail("no cherry-pick or revert in progress");
      if (cli.repo.head() === undefined) this.fail("cannot abort from a branch yet to be born");
      return reset(cli, ["--merge", "-q"]);
    }
    if (saved === cli.repo.algorithm.zero) this.fail("cannot abort from a branch yet to be born");
    if (!this.#headUnmoved()) {
      cli.err(
        "warning: You seem to have moved HEAD. Not rewinding, check your HEAD!\n",
      );
    } else {
      const code = reset(cli, ["--merge", "-q", saved]);
      if (code !== 0) return code;
    }
    removeSequence(cli);
    return 0;
  }
}

/** Whether a message ends in a paragraph of trailers, to which another line can be added. */
function endsInTrailers(message: ByteString): boolean {
  const lines = message.replace(/\n+$/, "").split("\n");
  const from = lines.lastIndexOf("") + 1;
  if (from === 0) return false;
  return lines.slice(from).every((line) =>
    /^[A-Za-z0-9-]+:/.test(line) || /^\(cherry picked from commit /.test(line) ||
    /^[ \t]/.test(line)
  );
}

/** The commits to take over, in order, and whether only one was named. */
function commitsOf(
  cli: Cli,
  o: Options,
  action: Action,
  limits: readonly ByteString[],
): { ids: ObjectId[]; single: boolean } {
  let maxCount: number | undefined;
  let maxParents: number | undefined;
  const names = o.rest.map((name) => name === "-" ? "@{-1}" : name);
  for (const limit of limits) {
    if (limit === "--stdin") names.push(...cli.stdinLines());
    else if (limit === "--no-merges") maxParents = 1;
    else maxCount = Number(limit.replace(/^.*[-=]/, ""));
  }
  const walks = maxCount !== undefined || maxParents !== undefined;
  const revs = parseRevs(cli, names);
  const { objects } = cli.repo;
  if (revs.rest.length > 0) {
    throw usageError(`fatal: unrecognized argument: ${revs.rest[0]}`, usage(action));
  }
  const commit = (id: ObjectId, name: ByteString): ObjectId =>
    peelTo(objects, id, "commit") ??
      die(`${name}: can't cherry-pick a ${objects.describe(id)?.type ?? "missing object"}`);
  if (revs.exclude.length === 0 && revs.symmetric === undefined && !walks) {
    const ids = revs.include.map(({ id, name }) => commit(id, name));
    return { ids, single: ids.length === 1 };
  }
  const ids = [
    ...walkCommits(objects, {
      include: revs.include.map(({ id, name }) => commit(id, name)),
      exclude: revs.exclude.map((id) => commit(id, id)),
      maxParents,
    }),
  ].slice(0, maxCount).map(({ id }) => id);
  return { ids: action === "cherry-pick" ? ids.reverse() : ids, single: false };
}

/** `git cherry-pick` and `git revert` */
export function cherryPick(cli: Cli, args: ByteString[], command: string): number {
  const action: Action = command === "revert" ? "revert" : "cherry-pick";
  if (args.length === 1 && args[0] === "-h") throw usageError("", usage(action));
  const isLimit = (argument: ByteString): boolean =>
    /^(-\d+|--max-count=\d+|--no-merges|--stdin)$/.test(argument);
  const o = parseOptions(
    cli,
    args.filter((argument) => !isLimit(argument)),
    `!quit !continue !abort !skip cleanup= n,no-commit e,edit s,signoff m,mainline= rerere-autoupdate strategy= X,strategy-option* S,gpg-sign?${
      action === "revert"
        ? " reference"
        : " x ff allow-empty allow-empty-message keep-redundant-commits"
    }`,
    usage(action),
    { keepDashes: true },
  );
  cli.needWorkTree();
  const cleanup = o.text("cleanup");
  if (
    cleanup !== undefined &&
    !["default", "verbatim", "whitespace", "strip", "scissors"].includes(cleanup)
  ) die(`Invalid cleanup mode ${cleanup}`);
  const mainline = o.text("mainline");
  if (mainline !== undefined && !(Number(mainline) > 0)) {
    throw new Exit(
      129,
      `error: option \`mainline' expects a number greater than zero\n`,
    );
  }
  const keepRedundant = o.flag("keep-redundant-commits");
  const picker = new Picker(cli, action, {
    noCommit: o.flag("no-commit"),
    edit: o.given("edit") ? o.flag("edit") : undefined,
    signoff: o.flag("signoff"),
    mainline: Number(mainline ?? 0),
    recordOrigin: o.flag("x"),
    allowFastForward: o.flag("ff"),
    allowEmpty: o.flag("allow-empty") || keepRedundant,
    keepRedundant,
    allowEmptyMessage: o.flag("allow-empty-message"),
    strategy: o.text("strategy"),
    strategyOptions: [...o.list("strategy-option")],
    cleanup,
    reference: action === "revert" &&
      (o.given("reference") ? o.flag("reference") : cli.config.bool("revert.reference", false)),
  });
  const actions = ["quit", "continue", "abort", "skip"].filter((name) => o.flag(name));
  if (actions.length > 1) {
    die(`options '--${actions[0]}' and '--${actions[1]}' cannot be used together`);
  }
  if (actions.length === 1) {
    for (
      const name of [
        "no-commit",
        "signoff",
        "mainline",
        "strategy",
        "strategy-option",
        "x",
        "ff",
        "rerere-autoupdate",
      ]
    ) {
      if (o.given(name)) {
        const shown = name.length === 1 ? `-${name}` : `--${name}`;
        die(`${action}: ${shown} cannot be used with --${actions[0]}`);
      }
    }
    if (o.rest.length > 0) throw usageError("", usage(action));
    switch (actions[0]) {
      case "quit":
        removeSequence(cli);
        removeBranchState(cli);
        return 0;
      case "continue":
        return picker.continue();
      case "abort":
        return picker.abort();
      default:
        return picker.skip();
    }
  }
  if (o.flag("ff")) {
    for (const name of ["signoff", "no-commit", "x", "edit"]) {
      if (o.flag(name)) {
        die(`${action}: --ff cannot be used with ${name.length === 1 ? "-x" : `--${name}`}`);
      }
    }
  }
  const limits = args.filter(isLimit);
  if (o.rest.length === 0 && limits.length === 0) throw usageError("", usage(action));
  const { ids, single } = commitsOf(cli, o, action, limits);
  if (ids.length === 0) {
    throw new Exit(128, `error: empty commit set passed\nfatal: ${action} failed\n`);
  }
  return picker.start(ids, single);
}
