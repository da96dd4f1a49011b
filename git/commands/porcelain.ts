/**
 * Commands on the worktree and index for people: add, rm, mv, status, commit, checkout, reset.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, toByteString } from "../_bytes.ts";
import {
  isDirectory,
  lstat,
  nativePath,
  readFileIfAny,
  readTextIfAny,
  removeFile,
  stat,
} from "../_files.ts";
import { editConfig, parseConfig, updateConfigFile } from "../config.ts";
import { approximateDate, formatDate, localZone, parseDate } from "../date.ts";
import { diffStats, formatPatch, formatShortStat, formatSummary, percent } from "../diff_format.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type GitIndex, GitIndex as GitIndexClass, makeEntry } from "../index_file.ts";
import { reason } from "../lock_file.ts";
import { commitLinks, mergeBases } from "../merge_base.ts";
import { formatCommit, isGitlinkMode, parseSignature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { shortenRef } from "../ref_filter.ts";
import { isRefName } from "../ref_name.ts";
import { detectRenames } from "../rename.ts";
import { interpretBranchName, mapRefspec, resolveRevision, trackingRef } from "../revision.ts";
import { walkCommits } from "../rev_list.ts";
import {
  diffIndexWorktree,
  diffTreeIndex,
  flattenTree,
  hasRacyEntries,
  ignoreRulesOf,
  listUntracked,
  refreshIndex,
  type SubmoduleIgnore,
  WorktreeComparer,
  worktreeMode,
  writeIndexTree,
} from "../status.ts";
import { type DiffPair, diffTrees } from "../tree_diff.ts";
import { checkoutFile, removeWorktreeFile, SwitchError, switchTree } from "../worktree.ts";
import { type Cli, die, Exit, quotePath, relativeToPrefix } from "./_context.ts";
import { type ColumnLayout, formatColumns } from "../columns.ts";
import { columnLayout } from "./_columns.ts";
import { addPath } from "./_add_path.ts";
import { finishAutostash } from "./_merge_autostash.ts";
import { submoduleSummary } from "./_submodule_summary.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";
import { DiffArguments, makePathspec, terminalColumns } from "./_revs.ts";

/** The tree of `HEAD`, or `undefined`. */
export function headTree(cli: Cli): ObjectId | undefined {
  const head = cli.repo.head();
  return head === undefined ? undefined : commitLinks(cli.repo.objects, head).tree;
}

/** `git add` */
export function add(cli: Cli, args: ByteString[]): number {
  const usage = "git add [<options>] [--] <pathspec>...";
  const o = parseOptions(
    cli,
    args,
    "n,dry-run v,verbose i,interactive p,patch e,edit f,force u,update renormalize N,intent-to-add A,all ignore-removal refresh ignore-errors ignore-missing sparse chmod= pathspec-from-file= pathspec-file-nul",
    usage,
  );
  cli.needWorkTree();
  const { repo } = cli;
  if (o.flag("all") && o.flag("update")) die("options '-A' and '-u' cannot be used together");
  if (o.flag("dry-run") === false && o.flag("ignore-missing")) {
    die("the option '--ignore-missing' requires '--dry-run'");
  }
  const chmod = o.text("chmod");
  if (chmod !== undefined && chmod !== "+x" && chmod !== "-x") {
    die(`--chmod param '${chmod}' must be either -x or +x`);
  }
  const paths = o.rest;
  if (paths.length === 0 && !o.flag("all") && !o.flag("update") && !o.flag("renormalize")) {
    cli.err("Nothing specified, nothing added.\n");
    if (cli.config.bool("advice.addemptypathspec", true)) {
      cli.err(
        "hint: Maybe you wanted to say 'git add .'?\nhint: Turn this message off by running\nhint: \"git config advice.addEmptyPathspec false\"\n",
      );
    }
    return 0;
  }
  if (paths.includes("")) {
    die(
      "empty string is not a valid pathspec. please use . instead if you meant to match all paths",
    );
  }
  const wholeTree = paths.length === 0;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const spec = wholeTree ? makePathspec(cli, [":/"]) : makePathspec(cli, paths);
  let failed = 0;
  if (o.flag("refresh")) {
    refreshIndex(repo, index);
    repo.writeIndex(index, lock);
    return 0;
  }
  const show = (text: ByteString): void => {
    if (o.flag("verbose") || o.flag("dry-run")) cli.out(text);
  };
  const shownLines: [ByteString, ByteString][] = [];
  const removal = o.flag("all") || o.flag("update") ||
    !(o.flag("ignore-removal") || o.negated("all"));
  const changed = diffIndexWorktree(repo, index, spec);
  // Paths that match something tracked count as matched.
  for (const entry of index.entries) spec.matches(entry.path);
  const additions: ByteString[] = [];
  for (const pair of changed) {
    const path = pair.new.path;
    if (pair.status === "D" || (pair.status === "U" && pair.new.mode === 0)) {
      if (!removal) continue;
      shownLines.push([path, `remove '${path}'\n`]);
      if (!o.flag("dry-run")) index.remove(path);
    } else additions.push(path);
  }
  if (o.flag("renormalize")) {
    additions.push(
      ...index.entries.filter((entry) => entry.stage === 0 && spec.matches(entry.path)).map((
        entry,
      ) => entry.path),
    );
  }
  if (!o.flag("update") && !o.flag("renormalize")) {
    const { untracked, ignored } = listUntracked(repo, index, {
      collapse: false,
      ignored: true,
      pathspec: spec,
    });
    additions.push(...untracked.map((path) => path.replace(/\/$/, "")));
    if (o.flag("force")) additions.push(...ignored.map((path) => path.replace(/\/$/, "")));
    else {
      const refused = paths.filter((path) => {
        const full = cli.pathArgument(path).replace(/\/$/, "");
        return full !== "" &&
          ignored.some((one) =>
            one === full || one === `${full}/` ||
            (isIgnoredDirectory(cli, full) && one.startsWith(`${full}/`))
          );
      }).map((path) => cli.pathArgument(path).replace(/\/$/, ""));
      if (refused.length > 0) {
        const tops = [...new Set(refused.map((path) => topIgnored(cli, path)))];
        cli.err(
          `The following paths are ignored by one of your .gitignore files:\n${tops.join("\n")}\n`,
        );
        if (cli.config.bool("advice.addignoredfile", true)) {
          cli.err(
            'hint: Use -f if you really want to add them.\nhint: Turn this message off by running\nhint: "git config advice.addIgnoredFile false"\n',
          );
        }
        failed = 1;
      }
    }
  }
  if (!wholeTree && !(o.flag("ignore-missing") && o.flag("dry-run"))) {
    for (const path of spec.unmatched()) {
      const full = path.startsWith(":") ? undefined : cli.pathArgument(path).replace(/\/$/, "");
      if (full === "" || (full !== undefined && lstat(repo.worktreePath(full)) !== undefined)) {
        continue;
      }
      die(`pathspec '${path}' did not match any files`);
    }
  }
  for (const path of [...new Set(additions)].sort()) {
    shownLines.push([path, `add '${path}'\n`]);
    if (o.flag("dry-run")) continue;
    if (o.flag("intent-to-add") && index.get(path) === undefined) {
      index.add({
        ...makeEntry(
          path,
          worktreeMode(lstat(repo.worktreePath(path))!, undefined, true),
          repo.algorithm.emptyBlob,
        ),
        intentToAdd: true,
      });
      continue;
    }
    try {
      addPath(cli, index, path);
    } catch (error) {
      const denied = error instanceof Deno.errors.PermissionDenied;
      if (!denied && !(error instanceof Exit)) throw error;
      if (denied) {
        cli.err(
          `error: open("${path}"): Permission denied\nerror: unable to index file '${path}'\n`,
        );
      }
      if (!o.flag("ignore-errors") && !cli.config.bool("add.ignoreerrors", false)) {
        if (error instanceof Exit) throw error;
        throw new Exit(128, "fatal: adding files failed\n");
      }
      failed = 1;
    }
  }
  if (chmod !== undefined) {
    for (const entry of index.entries) {
      if (entry.stage !== 0 || !spec.matches(entry.path)) continue;
      if ((entry.mode & 0o170000) !== 0o100000) {
        cli.err(`cannot chmod ${chmod} '${entry.path}'\n`);
        failed = 1;
        continue;
      }
      index.add({ ...entry, mode: chmod === "+x" ? 0o100755 : 0o100644 });
    }
  }
  for (const [, line] of shownLines.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))) {
    show(line);
  }
  if (o.flag("dry-run")) lock.rollback();
  else repo.writeIndex(index, lock);
  return failed;
}

function isIgnoredDirectory(cli: Cli, path: ByteString): boolean {
  return isDirectory(cli.repo.worktreePath(path)) && ignoreRulesOf(cli.repo).isIgnored(path, true);
}

function topIgnored(cli: Cli, path: ByteString): ByteString {
  const rules = ignoreRulesOf(cli.repo);
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    if (rules.isIgnored(path.slice(0, slash), true)) return path.slice(0, slash);
  }
  return path;
}

/** `git rm` */
export function rm(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "n,dry-run q,quiet cached f,force r ignore-unmatch sparse pathspec-from-file= pathspec-file-nul",
    "git rm [<options>] [--] <file>...",
  );
  const { repo } = cli;
  if (!o.flag("cached")) cli.needWorkTree();
  if (o.rest.length === 0) die("No pathspec was given. Which files should I remove?");
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const spec = makePathspec(cli, o.rest);
  const chosen = [
    ...new Set(
      index.entries.filter((entry) => spec.matches(entry.path)).map((entry) => entry.path),
    ),
  ];
  for (const path of o.rest) {
    const full = cli.pathArgument(path).replace(/\/$/, "");
    if (spec.unmatched().includes(path)) {
      if (!o.flag("ignore-unmatch")) die(`pathspec '${path}' did not match any files`);
    } else if (
      !o.flag("r") && !index.hasPath(full) && (full === "" || index.hasDirectory(full)) &&
      !/[*?[]/.test(path)
    ) {
      die(`not removing '${path}' recursively without -r`);
    }
  }
  if (!o.flag("force")) {
    const head = flattenTree(repo, headTree(cli));
    const state = refreshIndex(repo, index);
    const both: string[] = [], staged: string[] = [], local: string[] = [];
    for (const path of chosen) {
      const entry = index.get(path);
      if (entry === undefined || (entry.mode & 0o170000) === 0o160000) continue;
      const info = lstat(repo.worktreePath(path));
      if (info === undefined) continue;
      const localChange = state.get(path) === "modified" || state.get(path) === "type";
      const known = head.get(path);
      const stagedChange = known === undefined || known.id !== entry.id ||
        known.mode !== entry.mode;
      if (localChange && stagedChange) {
        if (!(o.flag("cached") && entry.intentToAdd)) both.push(path);
      } else if (!o.flag("cached")) {
        if (stagedChange) staged.push(path);
        if (localChange) local.push(path);
      }
    }
    const advice = cli.config.bool("advice.rmhints", true);
    let text = "";
    const report = (list: string[], one: string, many: string, hint: string): void => {
      if (list.length === 0) return;
      text += `error: ${list.length === 1 ? one : many}\n${
        list.map((path) => `    ${path}\n`).join("")
      }${advice ? `${hint}\n` : ""}`;
    };
    report(
      both,
      "the following file has staged content different from both the\nfile and the HEAD:",
      "the following files have staged content different from both the\nfile and the HEAD:",
      "(use -f to force removal)",
    );
    report(
      staged,
      "the following file has changes staged in the index:",
      "the following files have changes staged in the index:",
      "(use --cached to keep the file, or -f to force removal)",
    );
    report(
      local,
      "the following file has local modifications:",
      "the following files have local modifications:",
      "(use --cached to keep the file, or -f to force removal)",
    );
    if (text !== "") throw new Exit(1, text);
  }
  for (const path of chosen) {
    if (!o.flag("quiet")) cli.out(`rm '${path}'\n`);
    if (o.flag("dry-run")) continue;
    index.remove(path);
    if (!o.flag("cached")) removeWorktreeFile(repo, path, cli.prefix);
  }
  if (o.flag("dry-run")) lock.rollback();
  else repo.writeIndex(index, lock);
  return 0;
}

/** `git mv` */
export function mv(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose n,dry-run f,force k sparse",
    "git mv [<options>] <source>... <destination>",
  );
  cli.needWorkTree();
  if (o.rest.length < 2) throw usageError("", "git mv [<options>] <source>... <destination>");
  const { repo } = cli;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const sources = o.rest.slice(0, -1).map((path) => cli.pathArgument(path));
  const targetText = o.rest.at(-1)!;
  const target = cli.pathArgument(targetText);
  const into = target === "" || isDirectory(repo.worktreePath(target));
  if (!into && sources.length > 1) die(`destination '${target}' is not a directory`);
  if (!into && targetText.endsWith("/") && !isDirectory(repo.worktreePath(sources[0]!))) {
    die(`destination directory does not exist, source=${sources[0]}, destination=${target}/`);
  }
  for (const source of sources) {
    const to = into
      ? `${target === "" ? "" : `${target}/`}${source.slice(source.lastIndexOf("/") + 1)}`
      : target;
    const bad = (text: string): void => {
      if (!o.flag("k")) die(`${text}, source=${source}, destination=${to}`);
    };
    const info = lstat(repo.worktreePath(source));
    const [start, end] = index.range(`${source}/`);
    const directory = info?.isDirectory === true && index.get(source) === undefined;
    if (info === undefined) {
      bad("bad source");
      continue;
    }
    if (to === source || to.startsWith(`${source}/`)) {
      bad("can not move directory into itself");
      continue;
    }
    if (directory ? start === end : index.get(source) === undefined) {
      bad(
        directory
          ? "source directory is empty"
          : index.hasPath(source)
          ? "conflicted"
          : "not under version control",
      );
      continue;
    }
    if (lstat(repo.worktreePath(to)) !== undefined) {
      if (!o.flag("force") || directory) {
        bad(directory ? "destination already exists" : "destination exists");
        continue;
      }
      if (o.flag("verbose")) cli.warn(`overwriting '${to}'`);
    }
    if (o.flag("verbose") || o.flag("dry-run")) cli.out(`Renaming ${source} to ${to}\n`);
    if (o.flag("dry-run")) continue;
    try {
      Deno.renameSync(nativePath(repo.worktreePath(source)), nativePath(repo.worktreePath(to)));
    } catch (error) {
      if (o.flag("k")) continue;
      die(`renaming '${source}' failed: ${reason(error)}`);
    }
    const moved = directory ? index.entries.slice(start, end) : [index.get(source)!];
    for (const entry of [...moved]) {
      index.remove(entry.path);
      index.add({ ...entry, path: directory ? to + entry.path.slice(source.length) : to });
    }
  }
  index.resolveUndo.clear();
  repo.writeIndex(index, lock);
  return 0;
}

/** What `status` and commit templates show. */
export interface StatusInfo {
  staged: DiffPair[];
  unstaged: DiffPair[];
  unmerged: { path: ByteString; stages: number }[];
  untracked: ByteString[];
  ignored: ByteString[];
}

/** Collects the state of the worktree. */
export function collectStatus(
  cli: Cli,
  index: GitIndex,
  tree: ObjectId | undefined,
  options: {
    untracked: "no" | "normal" | "all";
    ignored: boolean;
    paths?: ByteString[];
    renames: boolean;
    score?: number;
    ignoreSubmodules?: ByteString | undefined;
  },
): StatusInfo {
  const { repo } = cli;
  const spec = options.paths !== undefined && options.paths.length > 0
    ? makePathspec(cli, options.paths)
    : undefined;
  let staged = diffTreeIndex(repo, tree, index, { cached: true, pathspec: spec }).filter((pair) =>
    pair.status !== "U"
  );
  if (options.renames) {
    staged = detectRenames(
      repo.objects,
      staged,
      options.score === undefined ? {} : { minimumScore: options.score },
    );
  }
  staged.sort((a, b) => (a.new.path < b.new.path ? -1 : 1));
  const unstaged = repo.paths.workTree === undefined ? [] : diffIndexWorktree(repo, index, spec, {
    submodules: (path) =>
      (options.ignoreSubmodules ?? ignoredSubmodule(cli, path) ??
        cli.config.get("diff.ignoresubmodules") ?? "none") as SubmoduleIgnore,
  }).filter((pair) => pair.status !== "U");
  if (options.ignoreSubmodules === "all") {
    staged = staged.filter((pair) => !isGitlinkMode(pair.new.mode || pair.old.mode));
  }
  const unmerged = new Map<ByteString, number>();
  for (const entry of index.entries) {
    if (entry.stage > 0 && (spec === undefined || spec.matches(entry.path))) {
      unmerged.set(entry.path, (unmerged.get(entry.path) ?? 0) | (1 << (entry.stage - 1)));
    }
  }
  let untracked: ByteString[] = [], ignored: ByteString[] = [];
  if (options.untracked !== "no" || options.ignored) {
    const found = listUntracked(repo, index, {
      collapse: options.untracked !== "all",
      ignored: options.ignored,
      pathspec: spec,
    });
    untracked = options.untracked === "no" ? [] : found.untracked;
    ignored = options.ignored ? found.ignored : [];
  }
  return {
    staged,
    unstaged,
    unmerged: [...unmerged].map(([path, stages]) => ({ path, stages })),
    untracked,
    ignored,
  };
}

const UNMERGED_CODES: Record<number, string> = {
  1: "DD",
  2: "AU",
  3: "UD",
  4: "UA",
  5: "DU",
  6: "AA",
  7: "UU",
};
const UNMERGED_WORDS: Record<number, string> = {
  1: "both deleted:",
  2: "added by us:",
  3: "deleted by them:",
  4: "added by them:",
  5: "deleted by us:",
  6: "both added:",
  7: "both modified:",
};

/** How far a branch is from its upstream. */
export function aheadBehind(cli: Cli, a: ObjectId, b: ObjectId): [number, number] {
  if (a === b) return [0, 0];
  const count = (include: ObjectId, exclude: ObjectId): number => {
    let n = 0;
    for (const _ of walkCommits(cli.repo.objects, { include: [include], exclude: [exclude] })) n++;
    return n;
  };
  return [count(a, b), count(b, a)];
}

/** The lines about a branch's upstream. */
export function trackingText(cli: Cli, branch: ByteString, full: boolean): ByteString {
  const { repo } = cli;
  const upstream = trackingRef(repo, branch);
  if (upstream === undefined) return "";
  const short = shortenRef(repo, upstream, false);
  const theirs = repo.refs.id(upstream);
  const advice = cli.config.bool("advice.statushints", true);
  if (theirs === undefined) {
    return `Your branch is based on '${short}', but the upstream is gone.\n${
      advice ? '  (use "git branch --unset-upstream" to fixup)\n' : ""
    }`;
  }
  const own = repo.refs.id(`refs/heads/${branch}`);
  if (own === undefined) return "";
  if (own === theirs) return `Your branch is up to date with '${short}'.\n`;
  if (!full) {
    return `Your branch and '${short}' refer to different commits.\n${
      advice ? '  (use "git status --ahead-behind" for details)\n' : ""
    }`;
  }
  const [ahead, behind] = aheadBehind(cli, own, theirs);
  const commits = (n: number): string => `${n} commit${n === 1 ? "" : "s"}`;
  if (behind === 0) {
    return `Your branch is ahead of '${short}' by ${commits(ahead)}.\n${
      advice ? '  (use "git push" to publish your local commits)\n' : ""
    }`;
  }
  if (ahead === 0) {
    return `Your branch is behind '${short}' by ${commits(behind)}, and can be fast-forwarded.\n${
      advice ? '  (use "git pull" to update your local branch)\n' : ""
    }`;
  }
  return `Your branch and '${short}' have diverged,\nand have ${ahead} and ${behind} different commits each, respectively.\n${
    advice ? '  (use "git pull" to merge the remote branch into yours)\n' : ""
  }`;
}

function renamesSetting(cli: Cli): boolean {
  const { config } = cli;
  for (const key of ["status.renames", "diff.renames"]) {
    const text = config.entry(key)?.value?.toLowerCase();
    if (text === "copies" || text === "copy") return true;
    if (config.has(key)) return config.bool(key, true);
  }
  return true;
}

/** The long form of status, for terminals and commit templates. */
export function longStatus(
  cli: Cli,
  info: StatusInfo,
  options: {
    comment?: string;
    amend?: boolean;
    verbose?: number;
    untrackedShown: boolean;
    ignoredShown: boolean;
    aheadBehind: boolean;
    template?: boolean;
    committing?: boolean;
    columns?: ColumnLayout | undefined;
    ignoreSubmodules?: ByteString | undefined;
  },
): { text: ByteString; committable: boolean } {
  const { repo } = cli;
  const hints = cli.config.bool("advice.statushints", true) && !options.template;
  const relative = cli.config.bool("status.relativepaths", true);
  const shown = (path: ByteString): ByteString =>
    quotePath(
      relative ? relativeToPrefix(path, cli.prefix) : path,
      cli.config.bool("core.quotepath", true),
    );
  let out = "";
  const head = repo.refs.read("HEAD");
  const initial = repo.head() === undefined;
  const state = operationState(cli);
  if (head?.kind === "symbolic") {
    const branch = head.target.replace(/^refs\/heads\//, "");
    out += `On branch ${branch}\n`;
    const tracking = initial ? "" : trackingText(cli, branch, options.aheadBehind);
    if (tracking !== "") out += `${tracking}\n`;
  } else if (head !== undefined) {
    const moved = repo.refs.readLog("HEAD")?.findLast((entry) =>
      entry.message.startsWith("checkout: moving from ")
    );
    const to = moved === undefined
      ? undefined
      : /^checkout: moving from \S+ to (\S+)/.exec(moved.message)?.[1];
    if (to !== undefined && moved !== undefined) {
      const same = repo.head() === moved.newId;
      const label = /^[0-9a-f]{40}/.test(to)
        ? cli.abbrev(moved.newId)
        : interpretBranchName(repo, to).replace(/^refs\/(remotes|tags|heads)\//, "");
      out += `HEAD detached ${same ? "at" : "from"} ${label}\n`;
    } else out += "Not currently on any branch.\n";
  }
  if (state !== "") out += state(info.unmerged.length > 0, hints);
  if (initial) {
    out += options.template || options.committing ? "\nInitial commit\n\n" : "\nNo commits yet\n\n";
  }
  const pad = (label: string, width: number): string => label.padEnd(width);
  const labels: Record<string, string> = {
    A: "new file:",
    D: "deleted:",
    M: "modified:",
    R: "renamed:",
    C: "copied:",
    T: "typechange:",
  };
  const committable = info.staged.length > 0;
  if (committable) {
    out += "Changes to be committed:\n";
    if (hints) {
      const restore = initial
        ? '  (use "git rm --cached <file>..." to unstage)\n'
        : options.amend
        ? '  (use "git restore --source=HEAD^1 --staged <file>..." to unstage)\n'
        : '  (use "git restore --staged <file>..." to unstage)\n';
      out += restore;
    }
    for (const pair of info.staged) {
      const name = pair.status === "R" || pair.status === "C"
        ? `${shown(pair.old.path)} -> ${shown(pair.new.path)}`
        : shown(pair.new.path);
      out += `\t${pad(labels[pair.status]!, 12)}${name}\n`;
    }
    out += "\n";
  }
  if (info.unmerged.length > 0) {
    out += "Unmerged paths:\n";
    if (hints) {
      if (!initial && !mergeInProgress(cli)) {
        out += '  (use "git restore --staged <file>..." to unstage)\n';
      }
      const both = info.unmerged.some(({ stages }) => stages === 1),
        deleted = info.unmerged.some(({ stages }) =>
          stages !== 1 && stages !== 7 && stages !== 6 && (stages & 6) !== 6
        ),
        other = info.unmerged.some(({ stages }) => stages === 6 || stages === 7);
      if (!deleted && !both) out += '  (use "git add <file>..." to mark resolution)\n';
      else if (!other && !deleted && both) out += '  (use "git rm <file>..." to mark resolution)\n';
      else out += '  (use "git add/rm <file>..." as appropriate to mark resolution)\n';
    }
    for (const { path, stages } of info.unmerged) {
      out += `\t${pad(UNMERGED_WORDS[stages]!, 17)}${shown(path)}\n`;
    }
    out += "\n";
  }
  if (info.unstaged.length > 0) {
    out += "Changes not staged for commit:\n";
    if (hints) {
      const removal = info.unstaged.some((pair) => pair.status === "D");
      out += removal
        ? '  (use "git add/rm <file>..." to update what will be committed)\n'
        : '  (use "git add <file>..." to update what will be committed)\n';
      out += '  (use "git restore <file>..." to discard changes in working directory)\n';
      if (info.unstaged.some((pair) => pair.new.dirty)) {
        out += "  (commit or discard the untracked or modified content in submodules)\n";
      }
    }
    for (const pair of info.unstaged) {
      const inside = pair.new.submodule;
      const notes = inside === undefined ? [] : [
        ...(inside.commits ? ["new commits"] : []),
        ...(inside.modified ? ["modified content"] : []),
        ...(inside.untracked ? ["untracked content"] : []),
      ];
      out += `\t${pad(labels[pair.status]!, 12)}${shown(pair.new.path)}${
        notes.length === 0 ? "" : ` (${notes.join(", ")})`
      }\n`;
    }
    out += "\n";
  }
  const limit = submoduleLimit(cli);
  if (limit !== 0) {
    const section = (title: string, pairs: readonly DiffPair[]): void => {
      const text = submoduleSummary(
        cli,
        pairs.filter((pair) => ignoredSubmodule(cli, pair.new.path) !== "all"),
        limit,
      );
      if (text !== "") out += `${title}\n\n${text}`;
    };
    if (options.ignoreSubmodules !== "all") {
      section("Submodule changes to be committed:", info.staged);
      section("Submodules changed but not updated:", info.unstaged);
    }
  }
  const group = (title: string, hint: string, paths: ByteString[]): void => {
    if (paths.length === 0) return;
    out += `${title}\n`;
    if (hints) out += `${hint}\n`;
    out += options.columns === undefined
      ? paths.map((path) => `\t${shown(path)}\n`).join("")
      : formatColumns(paths.map(shown), options.columns, {
        width: terminalColumns(cli) - 1,
        indent: "\t",
      });
    out += "\n";
  };
  if (options.untrackedShown) {
    group(
      "Untracked files:",
      '  (use "git add <file>..." to include in what will be committed)',
      info.untracked,
    );
    if (options.ignoredShown) {
      group(
        "Ignored files:",
        '  (use "git add -f <file>..." to include in what will be committed)',
        info.ignored,
      );
    }
  } else if (committable) {
    out += `Untracked files not listed${hints ? " (use -u option to show untracked files)" : ""}\n`;
  }
  let tail = "";
  if (!committable && !options.template) {
    if (options.amend) tail += "No changes\n";
    else if (info.unstaged.length > 0 || info.unmerged.length > 0) {
      tail += hints
        ? 'no changes added to commit (use "git add" and/or "git commit -a")\n'
        : "no changes added to commit\n";
    } else if (info.untracked.length > 0) {
      tail += hints
        ? 'nothing added to commit but untracked files present (use "git add" to track)\n'
        : "nothing added to commit but untracked files present\n";
    } else if (initial) {
      tail += hints
        ? 'nothing to commit (create/copy files and use "git add" to track)\n'
        : "nothing to commit\n";
    } else if (!options.untrackedShown) {
      tail += hints
        ? "nothing to commit (use -u to show untracked files)\n"
        : "nothing to commit\n";
    } else tail += "nothing to commit, working tree clean\n";
  }
  if (options.comment !== undefined) {
    out = out.replace(/\n$/, "").split("\n").map((line) =>
      line === ""
        ? options.comment
        : line.startsWith("\t")
        ? options.comment + line
        : `${options.comment} ${line}`
    ).join("\n") + "\n";
  }
  return { text: out + tail, committable };
}

/** How many commits of each submodule are shown; 0 for none, negative for all. */
function submoduleLimit(cli: Cli): number {
  const value = cli.config.entry("status.submodulesummary");
  if (value === undefined) return 0;
  if (value.value !== undefined && /^-?\d+$/.test(value.value)) return Number(value.value);
  return cli.config.bool("status.submodulesummary", false) ? -1 : 0;
}

/** `ignore` of a submodule, from the configuration or `.gitmodules`. */
function ignoredSubmodule(cli: Cli, path: ByteString): ByteString | undefined {
  const modules = readTextIfAny(`${cli.repo.paths.workTree}/.gitmodules`);
  const entries = modules === undefined
    ? []
    : parseConfig(modules, "file .gitmodules").filter((token) => token.kind === "entry");
  const name = entries.find((token) =>
    token.key.startsWith("submodule.") && token.key.endsWith(".path") && token.value === path
  )?.key.slice("submodule.".length, -".path".length);
  if (name === undefined) return undefined;
  return cli.config.get(`submodule.${name}.ignore`) ??
    entries.findLast((token) => token.key === `submodule.${name}.ignore`)?.value;
}

function mergeInProgress(cli: Cli): boolean {
  return stat(`${cli.repo.paths.gitDir}/MERGE_HEAD`) !== undefined;
}

function operationState(cli: Cli): "" | ((unmerged: boolean, hints: boolean) => ByteString) {
  const { gitDir } = cli.repo.paths;
  if (stat(`${gitDir}/MERGE_HEAD`) !== undefined) {
    return (unmerged, hints) =>
      unmerged
        ? `You have unmerged paths.\n${
          hints
            ? '  (fix conflicts and run "git commit")\n  (use "git merge --abort" to abort the merge)\n'
            : ""
        }\n`
        : `All conflicts fixed but you are still merging.\n${
          hints ? '  (use "git commit" to conclude merge)\n' : ""
        }\n`;
  }
  for (
    const [file, verb, command] of [["CHERRY_PICK_HEAD", "cherry-picking", "cherry-pick"], [
      "REVERT_HEAD",
      "reverting",
      "revert",
    ]] as const
  ) {
    const id = readTextIfAny(`${gitDir}/${file}`)?.trim();
    if (id === undefined) continue;
    return (unmerged, hints) =>
      `You are currently ${verb} commit ${cli.abbrev(id)}.\n${
        hints
          ? (unmerged
            ? `  (fix conflicts and run "git ${command} --continue")\n`
            : `  (all conflicts fixed: run "git ${command} --continue")\n`) +
            `  (use "git ${command} --skip" to skip this patch)\n  (use "git ${command} --abort" to cancel the ${command} operation)\n`
          : ""
      }\n`;
  }
  return "";
}

/** `git status` */
export function status(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose+ s,short b,branch show-stash ahead-behind porcelain? long z,null u,untracked-files? ignored? ignore-submodules? column? no-renames M,find-renames?",
    "git status [<options>] [--] <pathspec>...",
  );
  cli.needWorkTree();
  const { repo, config } = cli;
  const index = repo.readIndex();
  const porcelain = o.values.get("porcelain");
  let format = "long";
  if (o.flag("short")) format = "short";
  else if (o.given("porcelain") && porcelain !== false) {
    format = porcelain === "v2" || porcelain === "2" ? "v2" : "v1";
  } else if (o.flag("null")) format = "v1";
  else if (!o.given("long") && !o.negated("short") && config.bool("status.short", false)) {
    format = "short";
  }
  if (o.flag("long")) format = "long";
  const branch = o.given("branch")
    ? o.flag("branch")
    : format === "short" && config.bool("status.branch", false);
  let untracked: "no" | "normal" | "all" = "normal";
  const configured = o.values.get("untracked-files") ??
    config.entry("status.showuntrackedfiles")?.value;
  if (configured === true) untracked = "all";
  else if (configured === "no" || configured === false || configured === "false") untracked = "no";
  else if (configured === "all") untracked = "all";
  else if (configured === "normal" || configured === undefined || configured === "true") {
    untracked = "normal";
  } else die(`Invalid untracked files mode '${configured}'`);
  const ignoredMode = o.values.get("ignored");
  const ignored = ignoredMode !== undefined && ignoredMode !== false && ignoredMode !== "no";
  const renames = o.given("no-renames")
    ? !o.flag("no-renames")
    : o.given("find-renames")
    ? true
    : renamesSetting(cli);
  const info = collectStatus(cli, index, headTree(cli), {
    untracked: ignored && untracked === "no" ? "normal" : untracked,
    ignored,
    paths: o.rest,
    renames,
    ignoreSubmodules: o.text("ignore-submodules") ??
      (o.flag("ignore-submodules") ? "all" : undefined),
  });
  if ((index.changed || hasRacyEntries(index)) && cli.env.get("GIT_OPTIONAL_LOCKS") !== "0") {
    try {
      repo.writeIndex(index, repo.lockIndex());
    } catch { /* Another process is writing: the refresh can wait. */ }
  }
  const quoteHigh = config.bool("core.quotepath", true);
  const relative = format === "v1" || format === "v2"
    ? false
    : config.bool("status.relativepaths", true);
  const shown = (path: ByteString): ByteString => {
    if (o.flag("null")) return path;
    const text = relative ? relativeToPrefix(path, cli.prefix) : path;
    const quoted = quotePath(text, quoteHigh);
    return format === "v2"
      ? quoted
      : quoted.startsWith('"') || !text.includes(" ")
      ? quoted
      : `"${text}"`;
  };
  const end = o.flag("null") ? "\0" : "\n";
  if (format === "long") {
    const columns = columnLayout(cli, "status", o);
    const ignoreSubmodules = o.text("ignore-submodules") ??
      (o.flag("ignore-submodules") ? "all" : undefined);
    const { text } = longStatus(cli, info, {
      ...(columns.active ? { columns: columns.layout } : {}),
      ignoreSubmodules,
      ...(config.bool("status.displaycommentprefix", false)
        ? { comment: config.get("core.commentchar") ?? "#" }
        : {}),
      untrackedShown: untracked !== "no",
      ignoredShown: ignored,
      aheadBehind: o.given("ahead-behind")
        ? o.flag("ahead-behind")
        : config.bool("status.aheadbehind", true),
    });
    cli.out(text);
    if (o.given("show-stash") ? o.flag("show-stash") : config.bool("status.showstash", false)) {
      const n = repo.refs.readLog("refs/stash")?.length ?? 0;
      if (n > 0) cli.out(`Your stash currently has ${n} entr${n === 1 ? "y" : "ies"}\n`);
    }
    if (o.count("verbose") > 0) showVerbose(cli, index, o.count("verbose"), false);
    return 0;
  }
  const head = repo.headBranch();
  const headId = repo.head();
  if (format === "v2") {
    if (branch) {
      cli.out(
        `# branch.oid ${headId ?? "(initial)"}${end}# branch.head ${
          head === undefined ? "(detached)" : head.replace(/^refs\/heads\//, "")
        }${end}`,
      );
      const short = head?.replace(/^refs\/heads\//, "");
      const upstream = short === undefined ? undefined : trackingRef(repo, short);
      if (upstream !== undefined && headId !== undefined) {
        cli.out(`# branch.upstream ${shortenRef(repo, upstream, false)}${end}`);
        const theirs = repo.refs.id(upstream);
        if (theirs !== undefined) {
          if (o.given("ahead-behind") ? o.flag("ahead-behind") : true) {
            const [a, b] = aheadBehind(cli, headId, theirs);
            cli.out(`# branch.ab +${a} -${b}${end}`);
          } else cli.out(headId === theirs ? `# branch.ab +0 -0${end}` : `# branch.ab +? -?${end}`);
        }
      } else if (upstream !== undefined) {
        cli.out(`# branch.upstream ${shortenRef(repo, upstream, false)}${end}`);
      }
    }
    if (o.flag("show-stash")) {
      const n = repo.refs.readLog("refs/stash")?.length ?? 0;
      if (n > 0) cli.out(`# stash ${n}${end}`);
    }
  } else if (branch) {
    if (head === undefined) cli.out(`## HEAD (no branch)${end}`);
    else {
      const short = head.replace(/^refs\/heads\//, "");
      const upstream = trackingRef(repo, short);
      let text = `## ${headId === undefined ? "No commits yet on " : ""}${short}`;
      if (upstream !== undefined) {
        text += `...${shortenRef(repo, upstream, false)}`;
        const theirs = repo.refs.id(upstream);
        if (theirs === undefined) text += " [gone]";
        else if (headId !== undefined && theirs !== headId) {
          if (o.given("ahead-behind") && !o.flag("ahead-behind")) text += " [different]";
          else {
            const [a, b] = aheadBehind(cli, headId, theirs);
            const parts = [...(a > 0 ? [`ahead ${a}`] : []), ...(b > 0 ? [`behind ${b}`] : [])];
            if (parts.length > 0) text += ` [${parts.join(", ")}]`;
          }
        }
      }
      cli.out(text + end);
    }
  }
  const rows = new Map<
    ByteString,
    { x: string; y: string; staged?: DiffPair; unstaged?: DiffPair }
  >();
  for (const pair of info.staged) {
    rows.set(pair.new.path, { x: pair.status, y: format === "v2" ? "." : " ", staged: pair });
  }
  for (const pair of info.unstaged) {
    const row = rows.get(pair.new.path);
    if (row === undefined) {
      rows.set(pair.new.path, { x: format === "v2" ? "." : " ", y: pair.status, unstaged: pair });
    } else {
      row.y = pair.status;
      row.unstaged = pair;
    }
  }
  const unmergedPaths = new Map(info.unmerged.map(({ path, stages }) => [path, stages]));
  const paths = [...new Set([...rows.keys(), ...unmergedPaths.keys()])].sort();
  const octal = (mode: number): string => mode.toString(8).padStart(6, "0");
  const zero = repo.algorithm.zero;
  const late: string[] = [];
  for (const path of paths) {
    const stages = unmergedPaths.get(path);
    if (stages !== undefined) {
      if (format === "v2") {
        const entries = index.stages(path);
        const at = (n: number): { mode: number; id: string } =>
          entries.find((entry) => entry.stage === n) ?? { mode: 0, id: zero };
        const onDisk = lstat(repo.worktreePath(path));
        const mode = onDisk === undefined ? 0 : worktreeMode(onDisk, undefined, true);
        late.push(
          `u ${UNMERGED_CODES[stages]} N... ${octal(at(1).mode)} ${octal(at(2).mode)} ${
            octal(at(3).mode)
          } ${octal(mode)} ${at(1).id} ${at(2).id} ${at(3).id} ${shown(path)}${end}`,
        );
      } else cli.out(`${UNMERGED_CODES[stages]} ${shown(path)}${end}`);
      continue;
    }
    const row = rows.get(path)!;
    const renamed = row.x === "R" || row.x === "C";
    if (format !== "v2") {
      if (renamed) {
        cli.out(
          o.flag("null")
            ? `${row.x}${row.y} ${path}\0${row.staged!.old.path}\0`
            : `${row.x}${row.y} ${shown(row.staged!.old.path)} -> ${shown(path)}\n`,
        );
      } else cli.out(`${row.x}${row.y} ${shown(path)}${end}`);
      continue;
    }
    const entry = index.get(path);
    const headMode = row.staged?.old.mode ?? entry?.mode ?? 0,
      headOid = row.staged === undefined
        ? entry?.id ?? zero
        : row.staged.old.mode === 0
        ? zero
        : row.staged.old.id;
    const indexMode = entry === undefined || entry.intentToAdd ? 0 : entry.mode,
      indexOid = entry === undefined || entry.intentToAdd ? zero : entry.id;
    const workMode = row.unstaged === undefined ? indexMode : row.unstaged.new.mode;
    const sub = (indexMode & 0o170000) === 0o160000 ? "SC.." : "N...";
    const headModeShown = entry?.intentToAdd ? 0 : headMode,
      headOidShown = entry?.intentToAdd ? zero : headOid;
    if (renamed) {
      const score = percent(row.staged!.score);
      cli.out(
        `2 ${row.x}${row.y} ${sub} ${octal(headMode)} ${octal(indexMode)} ${
          octal(workMode)
        } ${headOid} ${indexOid} ${row.x}${score} ${shown(path)}${o.flag("null") ? "\0" : "\t"}${
          shown(row.staged!.old.path)
        }${end}`,
      );
    } else {cli.out(
        `1 ${row.x}${row.y} ${sub} ${octal(headModeShown)} ${octal(indexMode)} ${
          octal(workMode)
        } ${headOidShown} ${indexOid} ${shown(path)}${end}`,
      );}
  }
  for (const line of late) cli.out(line);
  for (const path of info.untracked) {
    cli.out(`${format === "v2" ? "?" : "??"} ${shown(path)}${end}`);
  }
  for (const path of info.ignored) cli.out(`${format === "v2" ? "!" : "!!"} ${shown(path)}${end}`);
  return 0;
}

function showVerbose(cli: Cli, index: GitIndex, level: number, amend: boolean): void {
  const d = new DiffArguments();
  d.patch = d.given = true;
  d.applyConfig(cli);
  if (level > 1) [d.output.oldPrefix, d.output.newPrefix] = ["c/", "i/"];
  const tree = amend ? parentTree(cli) : headTree(cli);
  const staged = d.process(cli, diffTreeIndex(cli.repo, tree, index, { cached: true }));
  if (level > 1 && staged.length > 0) cli.out("Changes to be committed:\n");
  cli.out(d.show(cli, staged, false));
  if (level > 1) {
    const unstaged = diffIndexWorktree(cli.repo, index);
    if (unstaged.length > 0) {
      cli.out(`${"-".repeat(50)}\nChanges not staged for commit:\n`);
      const e = Object.assign(new DiffArguments(), d, {
        output: { ...d.output, oldPrefix: "i/", newPrefix: "w/" },
      });
      cli.out(e.show(cli, unstaged, false));
    }
  }
}

function parentTree(cli: Cli): ObjectId | undefined {
  const head = cli.repo.head();
  const parent = head === undefined ? undefined : commitLinks(cli.repo.objects, head).parents[0];
  return parent === undefined ? undefined : commitLinks(cli.repo.objects, parent).tree;
}

/** Cleans a commit message the way `--cleanup` says. */
export function cleanupMessage(text: ByteString, mode: string, comment: string): ByteString {
  if (mode === "verbatim") return text;
  let body = text;
  if (mode === "scissors") {
    const cut = body.search(
      new RegExp(
        `(^|\\n)${
          comment === "#" ? "#" : comment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        } -{24} >8 -{24}\\n`,
      ),
    );
    if (cut >= 0) body = body.slice(0, cut === 0 ? 0 : cut + 1);
  }
  const lines: string[] = [];
  let blank = false;
  for (const raw of body.split("\n")) {
    if (mode === "strip" && raw.startsWith(comment)) continue;
    const line = raw.trimEnd();
    if (line === "") {
      blank = lines.length > 0;
      continue;
    }
    if (blank) lines.push("");
    blank = false;
    lines.push(line);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

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
  if (text.trim() === "" && !o.flag("allow-empty-message")) {
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

/** The lines that `commit` prints when it is done. */
export function printCommitSummary(
  cli: Cli,
  id: ObjectId,
  baseTree: ObjectId | undefined,
  branch: ByteString | undefined,
  root: boolean,
  author: ByteString,
  committer: ByteString,
): void {
  const { repo } = cli;
  const made = readCommit(repo.objects, id);
  const where = branch === undefined ? "detached HEAD" : branch.replace(/^refs\/heads\//, "");
  cli.out(
    `[${where}${root ? " (root-commit)" : ""} ${cli.abbrev(id)}] ${subjectOf(made.message)}\n`,
  );
  const a = parseSignature(author), c = parseSignature(committer);
  if (a.name !== c.name || a.email !== c.email) cli.out(` Author: ${a.name} <${a.email}>\n`);
  if (a.time !== c.time || a.zone !== c.zone) {
    cli.out(` Date: ${formatDate(a.time, a.zone, { type: "default" })}\n`);
  }
  if (made.parents.length > 1) return;
  const d = new DiffArguments();
  d.findRenames = true;
  const pairs = d.process(cli, diffTrees(repo.objects, baseTree, made.tree));
  const format = d.format(cli);
  const stats = diffStats(repo.objects, pairs, format);
  if (stats.length > 0) cli.out(formatShortStat(stats));
  cli.out(formatSummary(pairs, format));
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

/** Adds a trailer at the end of a message; `once`: not after an equal last line. */
export function addTrailer(message: ByteString, trailer: ByteString, once = false): ByteString {
  const line = /^[^:=]+=/.test(trailer) && !/^[^:=]+:/.test(trailer)
    ? trailer.replace("=", ": ")
    : trailer.replace(/^([^:]+):\s*/, "$1: ");
  const text = message.replace(/\n+$/, "");
  const last = text.slice(text.lastIndexOf("\n") + 1);
  if (once && last === line) return message;
  const isTrailer = /^[A-Za-z0-9-]+: /.test(last) && text.includes("\n");
  return `${text}${text === "" ? "\n\n" : isTrailer ? "\n" : "\n\n"}${line}\n`;
}

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

interface SwitchRequest {
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

function describeDetached(cli: Cli, id: ObjectId): ByteString {
  return `${cli.abbrev(id)} ${subjectOf(readCommit(cli.repo.objects, id).message)}`;
}

function switchTo(cli: Cli, nameText: ByteString | undefined, request: SwitchRequest): number {
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
  for (
    const file of [
      "CHERRY_PICK_HEAD",
      "REVERT_HEAD",
      "MERGE_HEAD",
      "MERGE_RR",
      "MERGE_MSG",
      "MERGE_MODE",
      "SQUASH_MSG",
    ]
  ) removeFile(`${repo.paths.gitDir}/${file}`);
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

/** What a remote-tracking name stands for. */
export function remoteTracking(
  cli: Cli,
  name: ByteString,
): { remote: ByteString; merge: ByteString; shown: ByteString } | undefined {
  const { repo } = cli;
  const full = repo.refs.id(`refs/remotes/${name}`) !== undefined
    ? `refs/remotes/${name}`
    : name.startsWith("refs/remotes/")
    ? name
    : undefined;
  if (full === undefined) return undefined;
  for (const remote of repo.config.subsections("remote")) {
    for (const spec of repo.config.all(`remote.${remote}.fetch`)) {
      const [from, to] = spec.replace(/^\+/, "").split(":");
      const back = to === undefined ? undefined : mapRefspec(`${to}:${from}`, full);
      if (back !== undefined) {
        return { remote, merge: back, shown: full.replace(/^refs\/remotes\//, "") };
      }
    }
  }
  return undefined;
}

/** Makes a branch follow another. */
export function setupTracking(
  cli: Cli,
  branch: ByteString,
  upstream: { remote: ByteString; merge: ByteString; shown: ByteString },
  quiet: boolean,
): void {
  const file = `${cli.repo.paths.commonDir}/config`;
  updateConfigFile(file, (text) => {
    text =
      editConfig(text, `file ${file}`, `branch.${branch}.remote`, upstream.remote, { all: true })
        .text;
    return editConfig(text, `file ${file}`, `branch.${branch}.merge`, upstream.merge, { all: true })
      .text;
  });
  cli.reopen();
  if (!quiet) cli.out(`branch '${branch}' set up to track '${upstream.shown}'.\n`);
}

/** Takes files from the index or a tree into the worktree (and index). */
export function restorePaths(
  cli: Cli,
  source: ObjectId | undefined,
  paths: ByteString[],
  settings: {
    staged: boolean;
    worktree: boolean;
    overlay: boolean;
    quiet: boolean;
    stage?: number;
    ignoreUnmerged?: boolean;
    verb: string;
  },
): number {
  const { repo } = cli;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const spec = makePathspec(cli, paths);
  let count = 0;
  const tree = source === undefined ? undefined : flattenTree(repo, source);
  if (tree !== undefined) { for (const path of tree.keys()) spec.matches(path); }
  for (const entry of index.entries) spec.matches(entry.path);
  const missing = spec.unmatched();
  if (missing.length > 0) {
    throw new Exit(
      1,
      missing.map((path) => `error: pathspec '${path}' did not match any file(s) known to git\n`)
        .join(""),
    );
  }
  if (tree !== undefined) {
    for (const [path, { mode, id }] of tree) {
      if (!spec.matches(path)) continue;
      const known = index.get(path);
      if (settings.worktree) {
        const comparer = new WorktreeComparer(repo, index);
        if (
          known !== undefined && known.id === id && known.mode === mode &&
          comparer.state(known) === "clean"
        ) continue;
        const entry = checkoutFile(repo, path, mode, id);
        if (settings.staged) index.add(entry);
        count++;
      } else if (
        settings.staged && (known === undefined || known.id !== id || known.mode !== mode)
      ) {
        index.add(makeEntry(path, mode, id));
        count++;
      }
    }
    if (!settings.overlay) {
      for (const entry of [...index.entries]) {
        if (tree.has(entry.path) || !spec.matches(entry.path)) continue;
        if (settings.worktree) removeWorktreeFile(repo, entry.path, cli.prefix);
        if (settings.staged) index.remove(entry.path);
        count++;
      }
    }
  } else {
    const comparer = new WorktreeComparer(repo, index);
    const unmerged = new Set<ByteString>();
    for (const entry of [...index.entries]) {
      if (!spec.matches(entry.path)) continue;
      if (entry.stage !== 0) {
        if (settings.stage !== undefined) {
          if (entry.stage === settings.stage) {
            checkoutFile(repo, entry.path, entry.mode, entry.id);
            count++;
          } else if (!index.stages(entry.path).some((one) => one.stage === settings.stage)) {
            throw new Exit(
              1,
              `error: path '${entry.path}' does not have ${
                settings.stage === 2 ? "our" : "their"
              } version\n`,
            );
          }
        } else unmerged.add(entry.path);
        continue;
      }
      if (comparer.state(entry) === "clean") continue;
      entry.stat = checkoutFile(repo, entry.path, entry.mode, entry.id).stat;
      index.changed = true;
      count++;
    }
    if (unmerged.size > 0) {
      for (const path of unmerged) {
        cli.err(
          settings.ignoreUnmerged
            ? `warning: path '${path}' is unmerged\n`
            : `error: path '${path}' is unmerged\n`,
        );
      }
      if (!settings.ignoreUnmerged) return 1;
    }
  }
  repo.writeIndex(index, lock);
  if (!settings.quiet && settings.verb === "checkout") {
    cli.err(
      `Updated ${count} path${count === 1 ? "" : "s"} from ${
        source === undefined ? "the index" : cli.abbrev(source)
      }\n`,
    );
  }
  return 0;
}

const CHECKOUT_SPEC =
  "b= B= l guess overlay q,quiet recurse-submodules? progress m,merge conflict= d,detach t,track? f,force orphan= overwrite-ignore ignore-other-worktrees 2,ours 3,theirs p,patch ignore-skip-worktree-bits pathspec-from-file= pathspec-file-nul";

/** `git checkout` */
export function checkout(cli: Cli, args: ByteString[]): number {
  const usage =
    "git checkout [<options>] <branch>\n   or: git checkout [<options>] [<branch>] -- <file>...";
  const o = parseOptions(cli, args, CHECKOUT_SPEC, usage, { keepDashes: true });
  cli.needWorkTree();
  const { repo } = cli;
  const dash = o.rest.indexOf("--");
  const creating = o.text("b") ?? o.text("B");
  let before = dash < 0 ? o.rest : o.rest.slice(0, dash);
  let paths = dash < 0 ? [] : o.rest.slice(dash + 1);
  const request: SwitchRequest = {
    create: creating,
    reset: o.given("B"),
    detach: o.flag("detach"),
    orphan: o.text("orphan"),
    force: o.flag("force"),
    merge: o.flag("merge"),
    quiet: o.flag("quiet"),
    track: o.values.get("track") as string | boolean | undefined,
    createLog: o.flag("l"),
    guess: !o.negated("guess"),
  };
  if (dash < 0 && before.length > 0) {
    const first = before[0]!;
    const isRev = first === "-" || cli.tryRevision(first) !== undefined ||
      /^.*\.\.\.?.*$/.test(first) && repo.head() !== undefined && !lstat(cli.fileArgument(first));
    if (!isRev) {
      const guess = request.guess && creating === undefined && before.length === 1
        ? guessRemote(cli, first)
        : undefined;
      const exists = lstat(cli.fileArgument(first)) !== undefined || /[*?[]/.test(first) ||
        first.startsWith(":");
      if (guess !== undefined && !exists) {
        return switchTo(cli, guess, { ...request, create: first, track: true });
      }
      paths = before;
      before = [];
      if (creating !== undefined) {
        die(`'${first}' is not a commit and a branch '${creating}' cannot be created from it`);
      }
    } else {
      paths = before.slice(1);
      before = before.slice(0, 1);
      if (
        paths.length === 0 && first !== "-" && lstat(cli.fileArgument(first)) !== undefined &&
        repo.refs.id(`refs/heads/${first}`) === undefined && !first.includes("/")
      ) {
        throw new Exit(
          128,
          `fatal: '${first}' could be both a local file and a tracking branch.\nPlease use -- (and optionally --no-guess) to disambiguate\n`,
        );
      }
    }
  }
  if (
    request.track !== undefined && request.track !== false && creating === undefined &&
    before.length === 1 && paths.length === 0
  ) {
    const upstream = remoteTracking(cli, before[0]!);
    if (upstream === undefined && !before[0]!.includes("/")) die("missing branch name; try -b");
    const short = before[0]!.replace(/^(refs\/)?remotes\//, "").replace(/^[^/]*\//, "");
    return switchTo(cli, before[0], { ...request, create: short });
  }
  if (paths.length > 0) {
    if (creating !== undefined || request.orphan !== undefined) {
      die(`'${before[0]}' is not a commit and a branch '${creating}' cannot be created from it`);
    }
    if (request.detach) die("'--detach' does not take a path argument '" + paths[0] + "'");
    const source = before[0] === undefined
      ? undefined
      : peelTo(repo.objects, cli.revision(before[0]), "tree");
    return restorePaths(cli, source, paths, {
      staged: source !== undefined,
      worktree: true,
      overlay: !o.negated("overlay"),
      quiet: request.quiet,
      ...(o.flag("ours") ? { stage: 2 } : o.flag("theirs") ? { stage: 3 } : {}),
      ignoreUnmerged: request.force,
      verb: "checkout",
    });
  }
  if (before.length > 1) throw usageError("", usage);
  return switchTo(cli, before[0], request);
}

function guessRemote(cli: Cli, name: ByteString): ByteString | undefined {
  const found: ByteString[] = [];
  for (const remote of cli.repo.config.subsections("remote")) {
    for (const spec of cli.repo.config.all(`remote.${remote}.fetch`)) {
      const mapped = mapRefspec(spec, `refs/heads/${name}`);
      if (mapped !== undefined && cli.repo.refs.id(mapped) !== undefined) found.push(mapped);
    }
  }
  const preferred = cli.config.get("checkout.defaultremote");
  if (found.length > 1 && preferred !== undefined) {
    return found.find((ref) => ref.startsWith(`refs/remotes/${preferred}/`));
  }
  if (found.length > 1) {
    die(`'${name}' matched multiple (${found.length}) remote tracking branches`);
  }
  return found[0]?.replace(/^refs\/remotes\//, "");
}

/** `git switch` */
export function switchCommand(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "c,create= C,force-create= guess discard-changes f,force q,quiet d,detach t,track? m,merge conflict= orphan= progress overwrite-ignore ignore-other-worktrees recurse-submodules?",
    "git switch [<options>] [<branch>]",
  );
  cli.needWorkTree();
  const request: SwitchRequest = {
    create: o.text("create") ?? o.text("force-create"),
    reset: o.given("force-create"),
    detach: o.flag("detach"),
    orphan: o.text("orphan"),
    force: o.flag("force") || o.flag("discard-changes"),
    merge: o.flag("merge"),
    quiet: o.flag("quiet"),
    track: o.values.get("track") as string | boolean | undefined,
    createLog: false,
    guess: !o.negated("guess"),
  };
  const name = o.rest[0];
  if (o.rest.length > 1) die("only one reference expected");
  if (
    name === undefined && request.create === undefined && request.orphan === undefined &&
    !request.detach
  ) die("missing branch or commit argument");
  if (
    name !== undefined && request.create === undefined && !request.detach && name !== "-" &&
    !name.startsWith("@{")
  ) {
    if (cli.repo.refs.id(`refs/heads/${name}`) === undefined) {
      const guess = request.guess ? guessRemote(cli, name) : undefined;
      if (guess !== undefined) {
        return switchTo(cli, guess, { ...request, create: name, track: true });
      }
      const id = cli.tryRevision(name);
      if (id === undefined) die(`invalid reference: ${name}`);
      const kind = cli.repo.refs.id(`refs/tags/${name}`) !== undefined
        ? "tag"
        : cli.repo.refs.id(`refs/remotes/${name}`) !== undefined
        ? "remote branch"
        : "commit";
      die(
        `a branch is expected, got ${kind} '${name}'\nhint: If you want to detach HEAD at the commit, try again with the --detach option.`,
      );
    }
  }
  return switchTo(cli, name, request);
}

/** `git restore` */
export function restore(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "s,source= S,staged W,worktree ignore-unmerged overlay q,quiet progress m,merge conflict= 2,ours 3,theirs p,patch recurse-submodules? pathspec-from-file= pathspec-file-nul ignore-skip-worktree-bits",
    "git restore [<options>] [--source=<branch>] <file>...",
  );
  cli.needWorkTree();
  if (o.rest.length === 0) die("you must specify path(s) to restore");
  const staged = o.flag("staged");
  const worktree = o.given("worktree") ? o.flag("worktree") : !staged;
  const source = o.text("source") ?? (staged ? "HEAD" : undefined);
  const tree = source === undefined
    ? undefined
    : peelTo(cli.repo.objects, cli.revision(source), "tree") ??
      die(`reference is not a tree: ${source}`);
  return restorePaths(cli, tree, o.rest, {
    staged,
    worktree,
    overlay: o.flag("overlay"),
    quiet: true,
    ...(o.flag("ours") ? { stage: 2 } : o.flag("theirs") ? { stage: 3 } : {}),
    ignoreUnmerged: o.flag("ignore-unmerged"),
    verb: "restore",
  });
}

/** `git reset` */
export function reset(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet refresh mixed soft hard merge keep p,patch N,intent-to-add recurse-submodules? pathspec-from-file= pathspec-file-nul",
    "git reset [--mixed | --soft | --hard | --merge | --keep] [-q] [<commit>]\n   or: git reset [-q] [<tree-ish>] [--] <pathspec>...",
    { keepDashes: true },
  );
  const { repo } = cli;
  const mode = ["soft", "hard", "merge", "keep", "mixed"].find((name) => o.flag(name)) ?? "mixed";
  if (mode !== "soft" && repo.bare && mode !== "mixed") {
    die("this operation must be run in a work tree");
  }
  if (mode === "mixed" && repo.bare) die("mixed reset is not allowed in a bare repository");
  if (mode !== "soft") cli.needWorkTree();
  const dash = o.rest.indexOf("--");
  let name: ByteString = "HEAD";
  let paths: ByteString[];
  if (dash >= 0) {
    if (dash > 0) name = o.rest[0]!;
    paths = o.rest.slice(dash + 1);
  } else if (o.rest.length > 0 && (cli.tryRevision(o.rest[0]!) !== undefined)) {
    name = o.rest[0]!;
    paths = o.rest.slice(1);
  } else {
    paths = o.rest;
    for (const path of paths) {
      if (
        lstat(cli.fileArgument(path)) === undefined &&
        !repo.readIndex().hasPath(cli.pathArgument(path)) &&
        !repo.readIndex().hasDirectory(cli.pathArgument(path)) && !/[*?[:]/.test(path)
      ) cli.revision(path);
    }
  }
  const oldHead = repo.head();
  const unborn = name === "HEAD" && oldHead === undefined;
  const id = unborn ? undefined : cli.revision(name);
  const quiet = o.flag("quiet") || (!o.given("quiet") && cli.config.bool("reset.quiet", false));
  if (paths.length > 0) {
    if (mode !== "mixed") die(`Cannot do ${mode} reset with paths.`);
    const tree = id === undefined
      ? repo.algorithm.emptyTree
      : peelTo(repo.objects, id, "tree") ?? die(`Could not parse object '${name}'.`);
    using lock = repo.lockIndex();
    const index = repo.readIndex();
    const spec = makePathspec(cli, paths);
    const known = flattenTree(repo, tree);
    for (const entry of [...index.entries]) {
      if (!spec.matches(entry.path)) continue;
      const want = known.get(entry.path);
      if (want === undefined) {
        if (o.flag("intent-to-add")) {
          index.add({
            ...makeEntry(entry.path, entry.mode, repo.algorithm.emptyBlob),
            intentToAdd: true,
          });
        } else index.remove(entry.path);
      }
    }
    for (const [path, { mode: fileMode, id: blob }] of known) {
      if (!spec.matches(path)) continue;
      const current = index.get(path);
      if (
        current === undefined || current.id !== blob || current.mode !== fileMode ||
        current.intentToAdd
      ) index.add(makeEntry(path, fileMode, blob));
    }
    if (!quiet) reportUnstaged(cli, index);
    repo.writeIndex(index, lock);
    return 0;
  }
  const target = id === undefined
    ? undefined
    : peelTo(repo.objects, id, "commit") ?? die(`Could not parse object '${name}'.`);
  const tree = target === undefined ? undefined : commitLinks(repo.objects, target).tree;
  const index = repo.readIndex();
  if (mode === "soft") {
    if (stat(`${repo.paths.gitDir}/MERGE_HEAD`) !== undefined || index.unmerged) {
      die("Cannot do a soft reset in the middle of a merge.");
    }
  } else {
    using lock = repo.lockIndex();
    if (mode === "hard") switchTree(repo, index, undefined, tree, { force: true });
    else if (mode === "mixed") {
      const known = flattenTree(repo, tree);
      const entries = [...known].map(([path, { mode: fileMode, id: blob }]) => {
        const current = index.get(path);
        return current !== undefined && current.id === blob && current.mode === fileMode &&
            !current.intentToAdd
          ? current
          : makeEntry(path, fileMode, blob);
      });
      if (o.flag("intent-to-add")) {
        for (const entry of index.entries) {
          if (!known.has(entry.path)) {
            entries.push({
              ...makeEntry(entry.path, entry.mode, repo.algorithm.emptyBlob),
              intentToAdd: true,
            });
          }
        }
      }
      index.replaceAll(entries);
      index.resolveUndo.clear();
      if (!quiet) reportUnstaged(cli, index);
      else refreshIndex(repo, index);
    } else {
      // merge and keep: local changes survive where the trees agree.
      if (mode === "keep" && index.unmerged) {
        die("Cannot do a keep reset in the middle of a merge.");
      }
      if (mode === "merge") {
        // What a merge left undecided is not the user's own.
        for (const entry of index.entries) {
          if (entry.stage > 0) removeFile(repo.worktreePath(entry.path));
        }
        index.filter((entry) => entry.stage === 0);
      }
      try {
        switchTree(
          repo,
          index,
          oldHead === undefined ? undefined : commitLinks(repo.objects, oldHead).tree,
          tree,
          { force: false },
        );
      } catch (error) {
        if (!(error instanceof SwitchError)) throw error;
        throw new Exit(
          128,
          `${
            error.conflicts.changed.map((path) =>
              `error: Entry '${path}' not uptodate. Cannot merge.\n`
            ).join("")
          }fatal: Could not reset index file to revision '${name}'.\n`,
        );
      }
    }
    if (tree !== undefined) writeIndexTree(repo, index, { dry: true });
    repo.writeIndex(index, lock);
  }
  if (target !== undefined) {
    const action = cli.env.get("GIT_REFLOG_ACTION") ?? "reset";
    repo.refs.update({
      name: "ORIG_HEAD",
      ...(oldHead === undefined ? { newId: repo.algorithm.zero } : { newId: oldHead }),
      noDeref: true,
      skipReflog: true,
    });
    repo.refs.update({ name: "HEAD", newId: target, message: `${action}: moving to ${name}` });
  }
  if (mode === "hard" && !quiet && target !== undefined) {
    cli.out(`HEAD is now at ${describeDetached(cli, target)}\n`);
  }
  for (
    const file of [
      "CHERRY_PICK_HEAD",
      "REVERT_HEAD",
      "MERGE_HEAD",
      "MERGE_RR",
      "MERGE_MSG",
      "MERGE_MODE",
      "SQUASH_MSG",
    ]
  ) removeFile(`${repo.paths.gitDir}/${file}`);
  finishAutostash(cli, false);
  return 0;
}

function reportUnstaged(cli: Cli, index: GitIndex): void {
  const pairs = diffIndexWorktree(cli.repo, index);
  if (pairs.length === 0) return;
  cli.out(
    `Unstaged changes after reset:\n${
      pairs.map((pair) => `${pair.status}\t${pair.new.path}\n`).join("")
    }`,
  );
}

/** `git clean` */
export function clean(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet n,dry-run f,force+ i,interactive d e,exclude* x X",
    "git clean [-d] [-f] [-i] [-n] [-q] [-e <pattern>] [-x | -X] [--] [<pathspec>...]",
  );
  cli.needWorkTree();
  const { repo } = cli;
  if (o.count("force") === 0 && !o.flag("dry-run") && cli.config.bool("clean.requireforce", true)) {
    die("clean.requireForce defaults to true and neither -i, -n, nor -f given; refusing to clean");
  }
  if (o.flag("x") && o.flag("X")) die("options '-x' and '-X' cannot be used together");
  const index = repo.readIndex();
  const rules = ignoreRulesOf(repo);
  for (const pattern of o.list("exclude")) rules.addPattern(pattern);
  const spec = o.rest.length > 0
    ? makePathspec(cli, o.rest)
    : cli.prefix === ""
    ? undefined
    : makePathspec(cli, ["."]);
  const found = listUntracked(repo, index, {
    ignored: o.flag("x") || o.flag("X"),
    rules,
    pathspec: spec,
    emptyDirectories: o.flag("d"),
  });
  const chosen = o.flag("X")
    ? found.ignored
    : o.flag("x")
    ? [...new Set([...found.untracked, ...found.ignored])].sort()
    : found.untracked;
  let failed = 0;
  for (const path of chosen) {
    const directory = path.endsWith("/");
    if (directory && !o.flag("d") && o.rest.length === 0) continue;
    const shown = quotePath(
      relativeToPrefix(path, cli.prefix),
      cli.config.bool("core.quotepath", true),
    );
    if (directory && stat(`${repo.worktreePath(path)}.git`) !== undefined && o.count("force") < 2) {
      if (!o.flag("quiet")) {
        cli.out(`${o.flag("dry-run") ? "Would skip" : "Skipping"} repository ${shown}\n`);
      }
      continue;
    }
    if (!o.flag("quiet") || o.flag("dry-run")) {
      cli.out(`${o.flag("dry-run") ? "Would remove" : "Removing"} ${shown}\n`);
    }
    if (o.flag("dry-run")) continue;
    try {
      Deno.removeSync(nativePath(repo.worktreePath(path.replace(/\/$/, ""))), {
        recursive: directory,
      });
    } catch (error) {
      cli.err(`warning: failed to remove ${shown}: ${reason(error)}\n`);
      failed = 1;
    }
  }
  return failed;
}

/** `git stripspace` */
export function stripspace(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "s,strip-comments c,comment-lines",
    "git stripspace [-s | --strip-comments]\n   or: git stripspace [-c | --comment-lines]",
  );
  const text = toByteString(cli.readStdin());
  const comment = cli.config.get("core.commentchar") ?? "#";
  if (o.flag("comment-lines")) {
    cli.out(
      text.replace(/\n?$/, "\n").split("\n").slice(0, -1).map((line) =>
        line === "" || line.startsWith("\t") ? `${comment}${line}\n` : `${comment} ${line}\n`
      ).join(""),
    );
  } else {
    cli.out(cleanupMessage(text, o.flag("strip-comments") ? "strip" : "whitespace", comment));
  }
  return 0;
}
