/**
 * Commands that show history and differences.
 *
 * @module
 */
import { type ByteString, encodeText, fromByteString, toByteString } from "../_bytes.ts";
import { isDirectory, listDirectory, lstat, nativePath, readFileIfAny, stat } from "../_files.ts";
import { formatCombined } from "../combined_diff.ts";
import { currentTime, formatDate } from "../date.ts";
import { type ObjectId, SHA1 } from "../hash_algorithm.ts";
import { commitLinks, mergeBases } from "../merge_base.ts";
import { isTreeMode, parseSignature } from "../objects.ts";
import { MemoryObjectStore, peelTo, readCommit, readTag, readTree } from "../object_store.ts";
import { formatMessage } from "../pretty.ts";
import { ObjectWalk, parseFilter, walkCommits, type WalkedCommit } from "../rev_list.ts";
import { diffIndexWorktree, diffTreeIndex } from "../status.ts";
import { type DiffFile, type DiffPair, diffTrees, fileContent, makePair } from "../tree_diff.ts";
import { blameFile, formatBlame } from "./_blame.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { LogColors } from "./_colors.ts";
import { commitFilter, Decorations, type LogSettings, parseLogOptions } from "./_log_options.ts";
import { combinedDiff, LogTree } from "./_log_tree.ts";
import {
  dateMode,
  DiffArguments,
  makePathspec,
  parseRevs,
  type RevArguments,
  VALUE_OPTIONS,
} from "./_revs.ts";
import { excludedCommits, leftSide, startingCommits, walkHistory } from "./_walk.ts";
import { lsTree } from "./ls_tree.ts";

/** `git rev-list` */
export function revListCommand(cli: Cli, args: ByteString[]): number {
  const revs = parseRevs(cli, args, { takesValue: VALUE_OPTIONS, stdin: true });
  const settings = parseLogOptions(cli, revs.rest);
  let abbrev: number | undefined;
  const unknown = settings.rest.filter((option) => {
    const match = /^--abbrev(?:=(\d+))?$/.exec(option);
    if (match !== null) abbrev = match[1] === undefined ? cli.abbrevLength : Number(match[1]);
    if (option === "--quiet" || option === "-q") settings.quiet = true;
    return match === null && option !== "--no-abbrev" && option !== "--quiet" && option !== "-q";
  });
  const usage = "git rev-list [<options>] <commit>... [--] [<path>...]";
  if (unknown.length > 0) throw new Exit(129, `usage: ${usage}\n`);
  if (
    revs.include.length === 0 && revs.exclude.length === 0 && !revs.all &&
    !args.includes("--stdin") && !args.some((one) => /^--(branches|tags|remotes|glob)/.test(one))
  ) {
    throw new Exit(129, `usage: ${usage}\n`);
  }
  const { repo } = cli;
  const store = repo.objects;
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const name = (id: ObjectId): string => settings.abbrevCommit ? cli.abbrev(id, abbrev) : id;
  const keep = commitFilter(settings);
  if (settings.objects) {
    const filter = settings.filter === undefined
      ? undefined
      : parseFilter(settings.filter) ?? die(`invalid filter-spec '${settings.filter}'`);
    let count = 0;
    let disk = 0;
    let commitsLeft = settings.maxCount;
    const walk = new ObjectWalk(store, {
      // `<rev>:<path>` and `:<stage>:<path>` name a path; other names do not.
      include: revs.include.map(({ id, name }) => ({
        id,
        name: /^[^:]*:(?:[0-3]:)?(.*)$/s.exec(name)?.[1] ?? "",
      })),
      exclude: revs.exclude,
      pathspec,
      filter,
      commits: { ...settings.walk, pathspec, reverse: settings.reverse },
    });
    let line = new Uint8Array(512);
    while (walk.next()) {
      if (walk.type === "commit") {
        if (commitsLeft === 0) continue;
        commitsLeft--;
      }
      count++;
      if (settings.diskUsage) disk += store.locate(walk.id)?.diskSize ?? 0;
      else if (settings.count || settings.quiet) continue;
      else if (walk.type === "commit") cli.out(`${name(walk.id)}\n`);
      else if (!walk.inTree) {
        cli.out(settings.noNames ? `${walk.id}\n` : `${walk.id} ${walk.path}\n`);
      } else {
        // Straight from the trees' bytes: there may be millions.
        const { trees } = walk;
        if (line.length < trees.pathLength + 80) line = new Uint8Array(2 * trees.pathLength + 80);
        let at = trees.ids.writeHex(trees.number, line, 0);
        if (!settings.noNames) {
          line[at++] = 32;
          for (let i = 0; i < trees.pathLength; i++) line[at++] = trees.path[i]!;
        }
        line[at++] = 10;
        cli.outBytes(line, at);
      }
    }
    if (settings.diskUsage) cli.out(`${disk}\n`);
    else if (settings.count) cli.out(`${count}\n`);
    return 0;
  }
  let count = 0, left = 0, right = 0;
  let skip = settings.skip;
  const side = settings.leftRight && revs.symmetric !== undefined ? leftSide(cli, revs) : undefined;
  const { commits: walk, picked } = walkHistory(cli, revs, settings, pathspec);
  const boundary = settings.boundary ? boundaryOf(cli, revs) : undefined;
  const mark = (id: ObjectId): string =>
    boundary?.has(id)
      ? "-"
      : picked.has(id)
      ? "="
      : side === undefined
      ? settings.cherryMark ? "+" : ""
      : side.has(id)
      ? "<"
      : ">";
  const verbose = settings.pretty !== "" || settings.header;
  const bare = settings.pretty === "oneline" || settings.noCommitHeader;
  if (settings.header) settings.pretty = "raw";
  const empty = DiffArguments.parse(cli, []).diff;
  empty.color = "never";
  if (settings.decorate === "auto") settings.decorate = "no";
  const children = settings.children ? childrenOf(cli, revs, settings, pathspec) : undefined;
  const tree = new LogTree(cli, settings, empty, {
    verbose: verbose && settings.pretty !== "oneline",
    always: true,
    diff: false,
    showRoot: false,
    mark,
    ...(children === undefined ? {} : { children }),
  });
  const show = (commit: WalkedCommit): void => {
    const time = settings.timestamp ? `${commitLinks(store, commit.id).time} ` : "";
    const related = (settings.parents ? commit.parents.map((id) => ` ${name(id)}`).join("") : "") +
      (children?.get(commit.id) ?? []).map((id) => ` ${name(id)}`).join("");
    const graph = tree.graph;
    if (graph !== undefined) {
      tree.show(commit);
      return;
    }
    if (!bare || settings.pretty === "oneline") {
      const word = verbose && settings.pretty !== "oneline" && !settings.header ? "commit " : "";
      cli.out(`${time}${word}${mark(commit.id)}${name(commit.id)}${related}`);
      cli.out(settings.pretty === "oneline" ? " " : "\n");
    }
    if (!verbose) return;
    const full = readCommit(store, commit.id);
    const text = formatMessage(commit.id, full, {
      style: settings.pretty,
      format: settings.format,
      abbrev: (id) => cli.abbrev(id, abbrev),
      date: dateMode(cli, settings.date),
      decorate: (id, form) =>
        form === "bare" ? decorations.text(id, plain, "", ", ", "") : decorations.text(id, plain),
      mark: mark(commit.id) || ">",
    });
    if (settings.header) cli.out(`${text}\0`);
    else if (settings.pretty === "format" && text === "" && settings.noCommitHeader) return;
    else cli.out(`${text}\n`);
  };
  const plain = new LogColors(cli, false);
  const decorations = new Decorations(cli, settings);
  const all: WalkedCommit[] = [];
  const collect = settings.reverse || settings.graph;
  for (const commit of walk) {
    if (keep !== undefined && !keep(readCommit(store, commit.id))) continue;
    if (!settings.graph) {
      if (skip > 0) {
        skip--;
        continue;
      }
      if (settings.maxCount >= 0 && count >= settings.maxCount) break;
      count++;
    }
    if (side?.has(commit.id)) left++;
    else right++;
    if (settings.count || settings.quiet) continue;
    if (collect) all.push(commit);
    else show(commit);
  }
  if (settings.graph) showGraph(tree, all, settings, mark, (commit) => tree.show(commit));
  else for (const commit of all.reverse()) show(commit);
  if (boundary !== undefined && !settings.count && !settings.quiet && !settings.graph) {
    for (const id of boundary) show({ id, parents: commitLinks(store, id).parents });
  }
  if (settings.count) cli.out(side === undefined ? `${count}\n` : `${left}\t${right}\n`);
  return 0;
}

/** Excluded commits that are parents of included ones, newest first. */
function boundaryOf(cli: Cli, revs: RevArguments): Set<ObjectId> {
  const store = cli.repo.objects;
  const exclude = excludedCommits(cli, revs);
  const shown = new Set<ObjectId>();
  const commits = [...walkCommits(store, { include: startingCommits(cli, revs), exclude })];
  for (const { id } of commits) shown.add(id);
  const out: ObjectId[] = [];
  for (const { id } of commits) {
    for (const parent of commitLinks(store, id).parents) {
      if (!shown.has(parent) && !out.includes(parent)) out.push(parent);
    }
  }
  out.sort((a, b) => commitLinks(store, b).time - commitLinks(store, a).time);
  return new Set(out);
}

/** The children of every commit in the walk. */
function childrenOf(
  cli: Cli,
  revs: RevArguments,
  settings: LogSettings,
  pathspec: ReturnType<typeof makePathspec> | undefined,
): Map<ObjectId, ObjectId[]> {
  const out = new Map<ObjectId, ObjectId[]>();
  const walk = walkCommits(cli.repo.objects, {
    include: startingCommits(cli, revs),
    exclude: excludedCommits(cli, revs),
    pathspec,
    ...settings.walk,
  });
  for (const { id, parents } of walk) {
    for (const parent of parents) {
      const list = out.get(parent);
      if (list === undefined) out.set(parent, [id]);
      else list.push(id);
    }
  }
  return out;
}

/** Draws commits with the history beside them. */
function showGraph(
  tree: LogTree,
  commits: readonly WalkedCommit[],
  settings: LogSettings,
  mark: (id: ObjectId) => string,
  show: (commit: WalkedCommit) => boolean,
): void {
  const drawn = new Set(commits.map((commit) => commit.id));
  let { skip } = settings;
  let count = 0;
  for (const commit of settings.reverse ? [...commits].reverse() : commits) {
    if (settings.maxCount >= 0 && count >= settings.maxCount) break;
    if (skip > 0) {
      skip--;
      continue;
    }
    const parents = settings.walk.firstParent ? commit.parents.slice(0, 1) : commit.parents;
    tree.graph!.update({
      id: commit.id,
      parents: parents.filter((id) => drawn.has(id)),
      mark: mark(commit.id) || "*",
    });
    if (show(commit)) count++;
  }
}

function logSettings(
  cli: Cli,
  args: ByteString[],
): { revs: RevArguments; settings: LogSettings; diff: DiffArguments } {
  const configuredMerges = cli.config.get("log.diffmerges");
  if (configuredMerges !== undefined && !new DiffArguments().setMerges(configuredMerges, cli)) {
    die(`unable to parse 'log.diffmerges' from command-line config\n`);
  }
  const revs = parseRevs(cli, args, { takesValue: VALUE_OPTIONS });
  const { diff, rest } = DiffArguments.parse(cli, revs.rest);
  const settings = parseLogOptions(cli, rest);
  if (settings.rest.length > 0) die(`unrecognized argument: ${settings.rest[0]}`);
  if (diff.abbrev !== undefined) {
    if (diff.abbrev > 0) settings.abbrevLength = diff.abbrev;
    if (diff.abbrev === 0) settings.abbrevCommit = false;
  }
  const configured = cli.config.get("format.pretty");
  if (settings.pretty === "" && configured !== undefined) {
    const again = parseLogOptions(cli, [`--pretty=${configured}`]);
    [settings.pretty, settings.format, settings.terminator] = [
      again.pretty,
      again.format,
      again.terminator,
    ];
  }
  if (settings.decorate === "auto" && cli.config.has("log.decorate")) {
    const text = cli.config.entry("log.decorate")!.value;
    settings.decorate = text === "full" || text === "short"
      ? text
      : text === "auto"
      ? "auto"
      : cli.config.bool("log.decorate", true)
      ? "short"
      : "no";
  }
  if (cli.config.bool("log.abbrevcommit", false) && !args.includes("--no-abbrev-commit")) {
    settings.abbrevCommit = true;
  }
  settings.showRoot ??= cli.config.bool("log.showroot", true);
  if (settings.follow === undefined) {
    settings.follow = revs.paths.length === 1 && cli.config.bool("log.follow", false);
  }
  settings.mailmap ??= cli.config.bool("log.mailmap", true);
  diff.convertsText = true;
  diff.applyConfig(cli);
  return { revs, settings, diff };
}

/** Whether `log` computes differences at all. */
function needsDiff(diff: DiffArguments): boolean {
  return diff.anyOutput || diff.pickaxe !== undefined || diff.filter !== undefined;
}

/** `git log` */
export function log(cli: Cli, args: ByteString[]): number {
  const { revs, settings, diff } = logSettings(cli, args);
  if (revs.include.length === 0) {
    const head = cli.repo.head();
    if (head === undefined) {
      const branch = cli.repo.headBranch()?.replace(/^refs\/heads\//, "");
      die(`your current branch '${branch}' does not have any commits yet`);
    }
    revs.include.push({ id: head, name: "HEAD" });
  }
  if (settings.walk.firstParent) diff.firstParentMerges();
  const searching = diff.pickaxe !== undefined || diff.filter !== undefined;
  const mergesOnly = !needsDiff(diff) && diff.mergesNeedDiff && !diff.mergesImplyPatch;
  diff.finishMerges();
  return showLog(cli, revs, settings, diff, !searching, mergesOnly);
}

/** `git whatchanged` */
export function whatchanged(cli: Cli, args: ByteString[]): number {
  const { revs, settings, diff } = logSettings(cli, args);
  if (!diff.given) diff.raw = diff.given = true;
  if (settings.walk.firstParent) diff.firstParentMerges();
  if (revs.include.length === 0) revs.include.push({ id: cli.revision("HEAD"), name: "HEAD" });
  return showLog(cli, revs, settings, diff, false);
}

function showLog(
  cli: Cli,
  revs: RevArguments,
  settings: LogSettings,
  diff: DiffArguments,
  always: boolean,
  mergesOnly = false,
): number {
  const store = cli.repo.objects;
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const keep = commitFilter(settings);
  const side = revs.symmetric !== undefined && settings.leftRight ? leftSide(cli, revs) : undefined;
  const boundary = settings.boundary ? boundaryOf(cli, revs) : undefined;
  const follow = settings.follow === true && revs.paths.length === 1 && !settings.walkReflogs;
  const { commits: walk, picked, source } = walkHistory(
    cli,
    revs,
    settings,
    follow ? undefined : pathspec,
  );
  const mark = (id: ObjectId): string =>
    boundary?.has(id)
      ? settings.graph ? "o" : "-"
      : picked.has(id)
      ? "="
      : side === undefined
      ? settings.cherryMark && !settings.graph ? "+" : ""
      : side.has(id)
      ? "<"
      : ">";
  const tree = new LogTree(cli, settings, diff, {
    pathspec,
    verbose: true,
    always: always && !follow,
    diff: needsDiff(diff) || follow,
    mergesOnly,
    showRoot: settings.showRoot ?? true,
    mark,
    ...(source === undefined ? {} : { source }),
    ...(follow ? { follow: cli.pathArgument(revs.paths[0]!) } : {}),
  });
  // A walk along first parents still shows merges as merges.
  const display = (commit: WalkedCommit): boolean =>
    tree.show(
      settings.walk.firstParent && !settings.parents
        ? { id: commit.id, parents: commitLinks(store, commit.id).parents }
        : commit,
    );
  let count = 0;
  let { skip } = settings;
  const list: WalkedCommit[] = [];
  if (settings.walkReflogs) {
    showReflogs(cli, revs, settings, tree);
    return 0;
  }
  const collect = settings.reverse || settings.graph;
  for (const commit of walk) {
    if (keep !== undefined && !keep(readCommit(store, commit.id))) continue;
    if (settings.graph) {
      list.push(commit);
      continue;
    }
    if (skip > 0) {
      skip--;
      continue;
    }
    if (settings.maxCount >= 0 && count >= settings.maxCount) break;
    count++;
    if (collect) list.push(commit);
    else if (!display(commit)) count--;
  }
  if (settings.graph) {
    for (const id of boundary ?? []) list.push({ id, parents: commitLinks(store, id).parents });
    showGraph(tree, list, settings, mark, (commit) => display(commit));
    return diff.exitCode && tree.shownOne ? 1 : 0;
  }
  for (const commit of list.reverse()) display(commit);
  for (const id of boundary ?? []) tree.show({ id, parents: commitLinks(store, id).parents });
  return diff.check && diff.problems ? 2 : 0;
}

/** `log -g` */
function showReflogs(
  cli: Cli,
  revs: RevArguments,
  settings: LogSettings,
  tree: LogTree,
): void {
  let count = 0;
  let { skip } = settings;
  for (const { name } of revs.include) {
    const plain = name.replace(/@\{.*\}$/, "") || "HEAD";
    const ref = plain === "HEAD" ? "HEAD" : cli.repo.refs.resolve(`refs/heads/${plain}`)?.target ??
      [plain, `refs/${plain}`, `refs/tags/${plain}`, `refs/remotes/${plain}`].find((full) =>
        cli.repo.refs.hasLog(full)
      ) ?? `refs/${plain}`;
    const entries = cli.repo.refs.readLog(ref) ?? [];
    const shown = plain.replace(/^refs\/heads\//, "");
    const start = /@\{(\d+)\}$/.exec(name);
    const first = entries.length - 1 - (start === null ? 0 : Number(start[1]));
    for (let i = first, n = start === null ? 0 : Number(start[1]); i >= 0; i--, n++) {
      if (settings.maxCount >= 0 && count >= settings.maxCount) return;
      const entry = entries[i]!;
      if (cli.repo.objects.describe(entry.newId)?.type !== "commit") continue;
      if (skip > 0) {
        skip--;
        continue;
      }
      count++;
      const selector = settings.date !== undefined || /@\{[^}\d]/.test(name)
        ? `${shown}@{${formatReflogDate(cli, settings, entry.who)}}`
        : `${shown}@{${n}}`;
      const { parents } = commitLinks(cli.repo.objects, entry.newId);
      tree.show({ id: entry.newId, parents }, {
        selector,
        short: selector,
        who: entry.who.replace(/ \d+ [+-]\d+$/, ""),
        message: entry.message,
      });
    }
  }
}

function formatReflogDate(cli: Cli, settings: LogSettings, who: ByteString): ByteString {
  const { time, zone } = parseSignature(who);
  return formatDate(
    time,
    zone,
    dateMode(cli, settings.date) ?? { type: "default" },
    currentTime(cli.env.get("GIT_TEST_DATE_NOW")),
  );
}

/** `git show` */
export function show(cli: Cli, args: ByteString[]): number {
  const { revs, settings, diff } = logSettings(cli, args);
  if (settings.walk.firstParent) diff.firstParentMerges();
  else if (!diff.mergeGiven) {
    diff.setMerges("cc");
    diff.mergeGiven = false;
  }
  if (!diff.given) diff.patch = diff.given = true;
  const store = cli.repo.objects;
  const names = revs.names.length === 0
    ? [{ name: "HEAD", id: cli.revision("HEAD"), negative: false }]
    : revs.names;
  if (names.some((name) => name.negative)) return showLog(cli, revs, settings, diff, true);
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const tree = new LogTree(cli, settings, diff, {
    pathspec,
    verbose: true,
    always: diff.pickaxe === undefined && diff.filter === undefined,
    diff: true,
    showRoot: settings.showRoot ?? true,
  });
  let between = false;
  const colors = diff.colors(cli);
  for (const { name, id: start } of names) {
    let id = start;
    for (;;) {
      const object = store.read(id);
      if (object === undefined) die(`bad object ${name}`);
      if (object.type === "blob") cli.out(object.data);
      else if (object.type === "tree") {
        if (between || tree.shownOne) cli.out("\n");
        cli.out(`${colors.diff("commit")}tree ${name}${colors.reset}\n\n`);
        const out: ByteString[] = [];
        const previous = cli.capture;
        cli.capture = (data) => void out.push(toByteString(data));
        lsTree(cli, ["--name-only", "--full-tree", id]);
        cli.capture = previous;
        const modes = treeModes(cli, id);
        cli.out(
          out.join("").split("\n").filter((line) => line !== "").map((line) =>
            modes.has(line) ? `${line}/\n` : `${line}\n`
          ).join(""),
        );
        between = true;
      } else if (object.type === "tag") {
        const tag = readTag(store, id);
        if (between || tree.shownOne) cli.out("\n");
        const who = parseSignature(tag.tagger);
        cli.out(
          `${colors.diff("commit")}tag ${tag.tag}${colors.reset}\n${
            tag.tagger === "" ? "" : `Tagger: ${who.name} <${who.email}>\nDate:   ${
              formatDate(
                who.time,
                who.zone,
                dateMode(cli, settings.date) ?? { type: "default" },
                currentTime(),
              )
            }\n`
          }\n${tag.message}`,
        );
        tree.shownOne = true;
        id = tag.object;
        continue;
      } else {
        const { parents } = commitLinks(store, id);
        tree.graph?.update({ id, parents: [] });
        tree.show({ id, parents });
      }
      break;
    }
  }
  return diff.check && diff.problems ? 2 : 0;
}

function treeModes(cli: Cli, id: ObjectId): Set<ByteString> {
  return new Set(
    readTree(cli.repo.objects, id).filter((entry) => isTreeMode(entry.mode)).map((entry) =>
      entry.name
    ),
  );
}

function diffResult(cli: Cli, diff: DiffArguments, pairs: DiffPair[], rawFull: boolean): number {
  if (!diff.quiet) cli.out(diff.show(cli, pairs, rawFull));
  const differs = diff.exitCode && diff.differs(cli, pairs);
  return (differs ? 1 : 0) | (diff.check && diff.problems ? 2 : 0);
}

/** `git diff` */
export function diff(cli: Cli, args: ByteString[]): number {
  const noIndex = args.includes("--no-index");
  if (noIndex || cli.findRepository() === undefined) {
    return diffNoIndex(
      cli,
      args.filter((one) => one !== "--no-index"),
    );
  }
  const revs = parseRevs(cli, args, { takesValue: VALUE_OPTIONS });
  const { diff: d, rest } = DiffArguments.parse(cli, revs.rest);
  d.runsPrograms = d.convertsText = true;
  d.applyConfig(cli);
  let mergeBase = false;
  let base = 0;
  const unknown = rest.filter((option) => {
    if (option === "--merge-base") return !(mergeBase = true);
    const stage = option === "--base" ? 1 : option === "--ours" ? 2 : option === "--theirs" ? 3 : 0;
    if (stage > 0) base = stage;
    return stage === 0 && option !== "-q" && option !== "-0";
  });
  if (unknown.length > 0) {
    throw new Exit(
      129,
      `error: invalid option: ${
        unknown[0]
      }\nusage: git diff [<options>] [<commit>] [--] [<path>...]\n`,
    );
  }
  if (!d.given) d.patch = true;
  const { repo } = cli;
  const store = repo.objects;
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const trees: ObjectId[] = [];
  const blobs: { id: ObjectId; name: ByteString }[] = [];
  const take = (id: ObjectId, name: ByteString): void => {
    const type = store.describe(peelTo(store, id, "any") ?? id)?.type;
    if (type === "blob") blobs.push({ id, name });
    else trees.push(peelTo(store, id, "tree") ?? die(`unable to read tree ${id}`));
  };
  if (revs.symmetric !== undefined) {
    const bases = mergeBases(store, revs.symmetric[0], [revs.symmetric[1]]);
    if (bases.length === 0) die(`${revs.symmetric.join("...")}: no merge base`);
    take(bases[0]!, "");
    take(revs.symmetric[1], "");
  } else {
    for (const { id, name } of revs.names) take(id, name);
  }
  if (mergeBase && revs.names.length > 0) {
    const a = peelTo(store, revs.names[0]!.id, "commit")!;
    const b = revs.names[1] === undefined
      ? cli.revision("HEAD")
      : peelTo(store, revs.names[1].id, "commit")!;
    trees[0] = commitLinks(store, mergeBases(store, a, [b])[0] ?? die("no merge base found")).tree;
  }
  let pairs: DiffPair[];
  const unchanged: DiffPair[] = [];
  if (blobs.length === 2) {
    const file = (blob: { id: ObjectId; name: ByteString }): DiffFile => {
      const path = blob.name.includes(":") ? blob.name.slice(blob.name.indexOf(":") + 1) : blob.id;
      return { path, mode: 0o100644, id: blob.id, idKnown: true };
    };
    pairs = blobs[0]!.id === blobs[1]!.id
      ? []
      : [{ old: file(blobs[0]!), new: file(blobs[1]!), status: "M", score: 0 }];
  } else if (blobs.length === 1 && revs.paths.length === 1) {
    const path = cli.pathArgument(revs.paths[0]!);
    pairs = [{
      old: { path, mode: 0o100644, id: blobs[0]!.id, idKnown: true },
      new: {
        path,
        mode: 0o100644,
        id: repo.algorithm.zero,
        idKnown: false,
        load: () => readFileIfAny(repo.worktreePath(path)) ?? die(`unable to read ${path}`),
      },
      status: "M",
      score: 0,
    }];
  } else if (trees.length >= 2) {
    const [a, b] =
      trees.length === 2 && revs.names[0]?.negative !== true && revs.names[1]?.negative === true
        ? [trees[1]!, trees[0]!]
        : [trees[0]!, trees[1]!];
    if (trees.length > 2) {
      if (d.combined === "") d.setMerges("cc");
      cli.out(combinedDiff(cli, trees.slice(1), trees[0]!, d, pathspec, { rawFull: false }));
      return 0;
    }
    pairs = diffTrees(store, a, b, { pathspec });
    if (d.copies === "harder") {
      unchanged.push(
        ...diffTrees(store, a, b, { unchanged: true }).filter((pair) => pair.status === ""),
      );
    }
  } else {
    const index = repo.readIndex();
    if (trees.length === 1 || d.cached) {
      const head = trees[0] ??
        (repo.head() === undefined ? undefined : commitLinks(store, repo.head()!).tree);
      if (!d.cached) cli.needWorkTree();
      d.mnemonicPrefixes(cli, "c/", d.cached ? "i/" : "w/");
      pairs = diffTreeIndex(repo, head, index, { cached: d.cached, pathspec });
    } else {
      cli.needWorkTree();
      d.mnemonicPrefixes(cli, "i/", "w/");
      pairs = diffIndexWorktree(repo, index, pathspec);
      pairs = unmergedPairs(cli, index, pairs, base, d);
    }
  }
  if (
    pairs.some((pair) => pair.status === "U") && d.patch && trees.length === 0 && !d.cached &&
    base === 0
  ) {
    return showUnmerged(cli, d, pairs);
  }
  return diffResult(cli, d, d.process(cli, pairs, unchanged), false);
}

function unmergedPairs(
  cli: Cli,
  index: ReturnType<Cli["repo"]["readIndex"]>,
  pairs: DiffPair[],
  base: number,
  d: DiffArguments,
): DiffPair[] {
  const out: DiffPair[] = [];
  for (const pair of pairs) {
    out.push(pair);
    if (pair.status !== "U") continue;
    const entry = index.get(pair.new.path, base === 0 ? 2 : base);
    if ((base > 0 || !d.patch) && entry !== undefined && pair.new.mode !== 0) {
      out.push({
        old: { path: entry.path, mode: entry.mode, id: entry.id, idKnown: true },
        new: {
          path: entry.path,
          mode: pair.new.mode,
          id: cli.repo.algorithm.zero,
          idKnown: false,
          load: () => readFileIfAny(cli.repo.worktreePath(entry.path)) ?? new Uint8Array(0),
        },
        status: "M",
        score: 0,
      });
    }
  }
  return out;
}

function showUnmerged(cli: Cli, d: DiffArguments, pairs: DiffPair[]): number {
  const { repo } = cli;
  const index = repo.readIndex();
  const format = d.format(cli);
  for (const pair of pairs) {
    if (pair.status !== "U") {
      cli.out(d.show(cli, d.process(cli, [pair]), false));
      continue;
    }
    const path = pair.new.path;
    const stages = index.stages(path);
    const ours = stages.find((entry) => entry.stage === 2),
      theirs = stages.find((entry) => entry.stage === 3);
    if (ours === undefined || theirs === undefined || pair.new.mode === 0) {
      cli.out(`* Unmerged path ${path}\n`);
      continue;
    }
    const data = readFileIfAny(repo.worktreePath(path)) ?? new Uint8Array(0);
    cli.out(formatCombined(
      repo.objects,
      path,
      [ours, theirs].map((entry) => ({ mode: entry.mode, id: entry.id, path })),
      {
        path,
        mode: pair.new.mode,
        id: repo.algorithm.zero,
        idKnown: false,
        load: () => data,
      },
      true,
      { ...format, inWorktree: true },
    ));
  }
  return d.exitCode && pairs.length > 0 ? 1 : 0;
}

/** Paths of the files below a directory, sorted; "" alone for a file. */
function filesBelow(path: ByteString): ByteString[] {
  const out: ByteString[] = [];
  const stack: ByteString[] = [""];
  while (stack.length > 0) {
    const at = stack.pop()!;
    for (const { name, isDirectory } of listDirectory(`${path}/${at}`)) {
      if (isDirectory) stack.push(`${at}${name}/`);
      else out.push(at + name);
    }
  }
  return out.sort();
}

function diffNoIndex(cli: Cli, args: ByteString[]): number {
  const { diff: d, rest } = DiffArguments.parse(cli, args);
  const paths = rest.filter((one) => one !== "--" && (!one.startsWith("-") || one === "-"));
  if (paths.length !== 2) {
    throw new Exit(129, "usage: git diff --no-index [<options>] <path> <path>\n");
  }
  const repository = cli.findRepository();
  const store = repository?.objects ?? new MemoryObjectStore(SHA1);
  d.runsPrograms = d.convertsText = true;
  d.applyConfig(cli);
  if (!d.given) d.patch = d.given = true;
  const full = (path: ByteString): ByteString => cli.fileArgument(path);
  let [a, b] = paths as [ByteString, ByteString];
  const directory = (path: ByteString): boolean => path !== "-" && isDirectory(full(path));
  const file = (path: ByteString, shown: ByteString): DiffFile => {
    if (path === "/dev/null") {
      return { path: shown, mode: 0, id: store.algorithm.zero, idKnown: false };
    }
    if (path === "-") {
      const data = cli.readStdin();
      return {
        path: shown,
        mode: 0o100644,
        id: store.algorithm.zero,
        idKnown: false,
        load: () => data,
      };
    }
    const info = lstat(full(path));
    if (info === undefined) die(`Could not access '${path}'`);
    const link = info.isSymlink;
    return {
      path: shown,
      mode: link ? 0o120000 : ((info.mode ?? 0) & 0o100) !== 0 ? 0o100755 : 0o100644,
      id: store.algorithm.zero,
      idKnown: false,
      load: () =>
        link
          ? fromByteString(encodeText(Deno.readLinkSync(nativePath(full(path)))))
          : readFileIfAny(full(path)) ?? new Uint8Array(0),
    };
  };
  const strip = (path: ByteString): ByteString => path.replace(/^\/+/, "");
  const pair = (from: ByteString, to: ByteString): DiffPair | undefined => {
    const old = file(from, strip(from === "/dev/null" ? to : from));
    const next = file(to, strip(to === "/dev/null" ? from : to));
    if (old.mode === next.mode && old.mode !== 0) {
      const x = fileContent(store, old), y = fileContent(store, next);
      if (x.length === y.length && x.every((byte, i) => byte === y[i])) return undefined;
    }
    return makePair(old, next);
  };
  let pairs: DiffPair[] = [];
  if (directory(a) && directory(b)) {
    const left = filesBelow(full(a)), right = filesBelow(full(b));
    [a, b] = [a.replace(/\/+$/, ""), b.replace(/\/+$/, "")];
    for (const path of [...new Set([...left, ...right])].sort()) {
      const one = pair(
        left.includes(path) ? `${a}/${path}` : "/dev/null",
        right.includes(path) ? `${b}/${path}` : "/dev/null",
      );
      if (one !== undefined) pairs.push(one);
    }
  } else {
    // A file beside a directory is compared with the file of its name in there.
    if (directory(a) && b !== "/dev/null") a = `${a.replace(/\/+$/, "")}/${b.split("/").at(-1)}`;
    else if (directory(b) && a !== "/dev/null") {
      b = `${b.replace(/\/+$/, "")}/${a.split("/").at(-1)}`;
    }
    const one = pair(a, b);
    if (one !== undefined) pairs.push(one);
  }
  if (repository !== undefined) pairs = d.process(cli, pairs);
  const text = d.show(cli, pairs, false);
  if (!d.quiet) cli.out(text);
  return (d.differs(cli, pairs) ? 1 : 0) | (d.check && d.problems ? 2 : 0);
}

/** `git diff-tree` */
export function diffTree(cli: Cli, args: ByteString[]): number {
  const revs = parseRevs(cli, args, { takesValue: VALUE_OPTIONS });
  const { diff: d, rest } = DiffArguments.parse(cli, revs.rest);
  let root = false, noCommitId = false, verbose = false, stdin = false, always = false;
  const logOptions: ByteString[] = [];
  for (const option of rest) {
    if (option === "--root") root = true;
    else if (option === "--no-commit-id") noCommitId = true;
    else if (option === "-v") verbose = true;
    else if (option === "--stdin") stdin = true;
    else if (option === "--always") always = true;
    else logOptions.push(option);
  }
  const settings = parseLogOptions(cli, logOptions);
  if (settings.rest.length > 0) {
    throw new Exit(
      129,
      "usage: git diff-tree [--stdin] [-m] [-c | --cc] [-s] [-v] [--pretty] [<common-diff-options>] <tree-ish> [<tree-ish>] [<path>...]\n",
    );
  }
  if (settings.pretty !== "") verbose = true;
  else if (verbose) settings.pretty = "raw";
  if (!d.given) {
    if (d.combined === "cc" || d.combined === "c" && d.mergesImplyPatch) {
      if (d.combined === "cc") d.patch = true;
      else d.raw = true;
    } else d.raw = true;
    d.given = true;
  }
  const { repo } = cli;
  const store = repo.objects;
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  if (settings.decorate === "auto") settings.decorate = "no";
  const tree = new LogTree(cli, settings, d, {
    pathspec,
    verbose,
    always,
    diff: true,
    showRoot: root,
    noCommitId,
    rawFull: true,
  });
  let differs = false;
  const compareTrees = (a: ObjectId, b: ObjectId): void => {
    const pairs = diffTrees(store, a, b, {
      recursive: d.recursive || d.needsRecursion,
      showTrees: d.showTrees,
      pathspec,
    });
    const unchanged = d.copies === "harder"
      ? diffTrees(store, a, b, { unchanged: true }).filter((pair) => pair.status === "")
      : [];
    const found = d.process(cli, pairs, unchanged);
    differs ||= found.length > 0;
    if (!d.quiet) cli.out(d.show(cli, found, true));
  };
  const commitOne = (id: ObjectId, parents?: ObjectId[]): void => {
    if (tree.show({ id, parents: parents ?? commitLinks(store, id).parents })) differs = true;
  };
  const names = revs.names;
  if (names.length === 1) {
    const commit = peelTo(store, names[0]!.id, "commit");
    if (commit === undefined) {
      if (!stdin) die(`ambiguous: ${names[0]!.name} is not a commit`);
    } else commitOne(commit);
  } else if (names.length === 2) {
    const [a, b] = names[1]!.negative && !names[0]!.negative
      ? [names[1]!, names[0]!]
      : [names[0]!, names[1]!];
    const treeA = peelTo(store, a.id, "tree") ?? die(`not a tree: ${a.name}`),
      treeB = peelTo(store, b.id, "tree") ?? die(`not a tree: ${b.name}`);
    compareTrees(treeA, treeB);
  } else if (!stdin) {
    throw new Exit(
      129,
      "usage: git diff-tree [--stdin] [-m] [-c | --cc] [-s] [-v] [--pretty] [<common-diff-options>] <tree-ish> [<tree-ish>] [<path>...]\n",
    );
  }
  if (stdin) {
    for (const line of cli.stdinLines()) {
      const words = line.trim().split(/\s+/);
      const id = cli.tryRevision(words[0]!);
      if (id === undefined) {
        cli.out(`${line}\n`);
        continue;
      }
      if (store.describe(id)?.type === "tree" && words.length === 2) {
        cli.out(`${line}\n`);
        compareTrees(id, words[1]!);
      } else commitOne(id, words.length > 1 ? words.slice(1) : undefined);
      cli.flush();
    }
  }
  return (d.exitCode && differs ? 1 : 0) | (d.check && d.problems ? 2 : 0);
}

/** `git diff-index` */
export function diffIndex(cli: Cli, args: ByteString[]): number {
  const revs = parseRevs(cli, args, { takesValue: VALUE_OPTIONS });
  const { diff: d, rest } = DiffArguments.parse(cli, revs.rest);
  const matchMissing = d.mergeMode === "m";
  const mergeBase = rest.includes("--merge-base");
  if (revs.names.length !== 1) {
    throw new Exit(
      129,
      "usage: git diff-index [-m] [--cached] [--merge-base] [<common-diff-options>] <tree-ish> [<path>...]\n",
    );
  }
  if (!d.given) d.raw = true;
  const { repo } = cli;
  let tree = peelTo(repo.objects, revs.names[0]!.id, "tree") ??
    die(`bad tree object ${revs.names[0]!.name}`);
  if (mergeBase) {
    tree = commitLinks(
      repo.objects,
      mergeBases(repo.objects, peelTo(repo.objects, revs.names[0]!.id, "commit")!, [
        cli.revision("HEAD"),
      ])[0] ?? die("no merge base found"),
    ).tree;
  }
  if (!d.cached) cli.needWorkTree();
  const index = repo.readIndex();
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const pairs = diffTreeIndex(repo, tree, index, { cached: d.cached, pathspec, matchMissing });
  return diffResult(cli, d, d.process(cli, pairs), true);
}

/** `git diff-files` */
export function diffFiles(cli: Cli, args: ByteString[]): number {
  cli.needWorkTree();
  const dashes = args.indexOf("--");
  const options = (dashes < 0 ? args : args.slice(0, dashes)).filter((one) => one.startsWith("-"));
  const paths = [
    ...(dashes < 0 ? args : args.slice(0, dashes)).filter((one) => !one.startsWith("-")),
    ...(dashes < 0 ? [] : args.slice(dashes + 1)),
  ];
  const { diff: d, rest } = DiffArguments.parse(cli, options);
  const base = rest.includes("-1") || rest.includes("--base")
    ? 1
    : rest.includes("-3") || rest.includes("--theirs")
    ? 3
    : rest.includes("-0")
    ? 0
    : 2;
  if (!d.given) d.raw = true;
  const index = cli.repo.readIndex();
  const pathspec = paths.length > 0 ? makePathspec(cli, paths) : undefined;
  let pairs = diffIndexWorktree(cli.repo, index, pathspec, { refresh: false, statOnly: true });
  pairs = unmergedPairs(cli, index, pairs, base, d);
  if (pairs.some((pair) => pair.status === "U") && d.combined !== "") {
    return showUnmerged(cli, d, pairs);
  }
  return diffResult(cli, d, d.process(cli, pairs), true);
}

/** `git blame` and `git annotate` */
export function blame(cli: Cli, args: ByteString[], command: string): number {
  const revs: ByteString[] = [];
  let path: ByteString | undefined;
  const options: ByteString[] = [];
  const ranges: ByteString[] = [];
  let contents: ByteString | undefined;
  const values = new Set([
    "-L",
    "--contents",
    "--date",
    "-S",
    "--ignore-rev",
    "--ignore-revs-file",
  ]);
  const plain: ByteString[] = [];
  let after: ByteString[] | undefined;
  for (let i = 0; i < args.length; i++) {
    const one = args[i]!;
    if (after !== undefined) after.push(one);
    else if (one === "--") after = [];
    else if (values.has(one)) {
      const value = args[++i] ?? die(`option '${one}' requires a value`);
      if (one === "-L") ranges.push(value);
      else if (one === "--contents") contents = value;
      else options.push(`${one}=${value}`);
    } else if (one.startsWith("-L")) ranges.push(one.slice(2));
    else if (one.startsWith("-")) options.push(one);
    else plain.push(one);
  }
  if (after !== undefined && after.length > 0) {
    path = after[0];
    revs.push(...plain);
    if (after.length === 2 && revs.length === 0) revs.push(after[1]!);
  } else if (plain.length === 1) path = plain[0];
  else if (plain.length >= 2) {
    // Both "<rev> <file>" and "<file> <rev>" are taken.
    const last = plain.at(-1)!;
    if (stat(cli.fileArgument(last)) !== undefined || cli.tryRevision(last) === undefined) {
      [path] = [plain.pop()!];
    } else path = plain.shift();
    revs.push(...plain);
  }
  if (path === undefined) {
    throw new Exit(129, "usage: git blame [<options>] [<rev-opts>] [<rev>] [--] <file>\n");
  }
  const full = cli.pathArgument(path);
  const { repo } = cli;
  let start: ObjectId | undefined;
  const stop: ObjectId[] = [];
  for (const rev of revs) {
    const parsed = parseRevs(cli, [rev]);
    for (const { id } of parsed.include) start = peelTo(repo.objects, id, "commit");
    for (const id of parsed.exclude) stop.push(peelTo(repo.objects, id, "commit")!);
  }
  let worktree: Uint8Array | undefined;
  if (start === undefined || contents !== undefined) {
    if (contents !== undefined) {
      worktree = contents === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(contents)) ??
        die(`Cannot stat '${contents}': No such file or directory`);
    } else if (revs.length === 0 && repo.paths.workTree !== undefined) {
      worktree = readFileIfAny(repo.worktreePath(full));
      if (worktree === undefined) die(`Cannot lstat '${path}': No such file or directory`);
    }
    start ??= repo.head() ?? die("no such ref: HEAD");
  }
  if (options.includes("--exclude-promisor-objects")) {
    throw new Exit(129, "usage: git blame [<options>] [<rev-opts>] [<rev>] [--] <file>\n");
  }
  const result = blameFile(cli, start, full, worktree, stop, ranges, options);
  if (options.includes("--progress")) {
    const total = result.entries.reduce((sum, entry) => sum + entry.count, 0);
    cli.err(`Blaming lines: 100% (${total}/${total}), done.\n`);
  }
  cli.out(formatBlame(cli, result, options, command === "annotate"));
  return 0;
}
