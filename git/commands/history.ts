/**
 * Commands that show history and differences.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { readFileIfAny, stat } from "../_files.ts";
import { formatCombined, formatHunks } from "../diff_format.ts";
import { currentTime, formatDate } from "../date.ts";
import { hashObject, type ObjectId, SHA1 } from "../hash_algorithm.ts";
import { commitLinks, mergeBases } from "../merge_base.ts";
import { type Commit, isTreeMode, parseSignature } from "../objects.ts";
import { peelTo, readCommit, readTag, readTree } from "../object_store.ts";
import { expandFormat, formatCommitText, type PrettyContext } from "../pretty.ts";
import {
  parseFilter,
  type RevListOptions,
  walkCommits,
  type WalkedCommit,
  walkObjects,
} from "../rev_list.ts";
import { diffIndexWorktree, diffTreeIndex } from "../status.ts";
import { type DiffFile, type DiffPair, diffTrees } from "../tree_diff.ts";
import { blameFile, formatBlame } from "./_blame.ts";
import { type Cli, die, Exit } from "./_context.ts";
import {
  dateMode,
  DiffArguments,
  makePathspec,
  parseRevs,
  type RevArguments,
  timeArgument,
  VALUE_OPTIONS,
} from "./_revs.ts";
import { lsTree } from "./plumbing.ts";

interface LogSettings {
  pretty: string;
  format: ByteString | undefined;
  terminator: boolean;
  abbrevCommit: boolean;
  maxCount: number;
  skip: number;
  walk: Partial<RevListOptions>;
  date: ByteString | undefined;
  decorate: "no" | "short" | "full" | "auto";
  parents: boolean;
  children: boolean;
  leftRight: boolean;
  reverse: boolean;
  graph: boolean;
  authors: ByteString[];
  committers: ByteString[];
  greps: ByteString[];
  invertGrep: boolean;
  allMatch: boolean;
  ignoreCase: boolean;
  fixed: boolean;
  walkReflogs: boolean;
  noWalk: boolean;
  header: boolean;
  objects: boolean;
  count: boolean;
  boundary: boolean;
  filter: ByteString | undefined;
  timestamp: boolean;
  noNames: boolean;
  quiet: boolean;
  noCommitHeader: boolean;
  diskUsage: boolean;
  source: boolean;
  follow: boolean;
  rest: ByteString[];
}

const STYLES = [
  "oneline",
  "short",
  "medium",
  "full",
  "fuller",
  "reference",
  "email",
  "mboxrd",
  "raw",
];

function parseLogOptions(cli: Cli, args: ByteString[]): LogSettings {
  const s: LogSettings = {
    pretty: "",
    format: undefined,
    terminator: false,
    abbrevCommit: false,
    maxCount: -1,
    skip: 0,
    walk: {},
    date: undefined,
    decorate: "auto",
    parents: false,
    children: false,
    leftRight: false,
    reverse: false,
    graph: false,
    authors: [],
    committers: [],
    greps: [],
    invertGrep: false,
    allMatch: false,
    ignoreCase: false,
    fixed: false,
    walkReflogs: false,
    noWalk: false,
    header: false,
    objects: false,
    count: false,
    boundary: false,
    filter: undefined,
    timestamp: false,
    noNames: false,
    quiet: false,
    noCommitHeader: false,
    diskUsage: false,
    source: false,
    follow: false,
    rest: [],
  };
  const pretty = (text: ByteString): void => {
    if (text.startsWith("format:")) {
      [s.pretty, s.format, s.terminator] = ["format", text.slice(7), false];
    } else if (text.startsWith("tformat:")) {
      [s.pretty, s.format, s.terminator] = ["format", text.slice(8), true];
    } else if (text.includes("%")) [s.pretty, s.format, s.terminator] = ["format", text, true];
    else {
      const style = STYLES.find((one) => one === text) ??
        (text === "" ? "medium" : STYLES.find((one) => one.startsWith(text)));
      if (style === undefined) {
        const custom = cli.config.get(`pretty.${text}`);
        if (custom === undefined) die(`invalid --pretty format: ${text}`);
        return pretty(custom);
      }
      s.pretty = style;
    }
  };
  const number = (text: ByteString): number => {
    if (!/^-?\d+$/.test(text)) die(`'${text}': not an integer`);
    return Number(text);
  };
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const equals = argument.indexOf("=");
    const name = argument.startsWith("--") && equals >= 0 ? argument.slice(0, equals) : argument;
    const inline = argument.startsWith("--") && equals >= 0
      ? argument.slice(equals + 1)
      : undefined;
    const value = (): ByteString => inline ?? args[++i] ?? die(`option '${name}' requires a value`);
    let match: RegExpExecArray | null;
    if (
      (match = /^-(\d+)$/.exec(argument)) !== null || (match = /^-n(\d+)$/.exec(argument)) !== null
    ) {
      s.maxCount = Number(match[1]);
      continue;
    }
    switch (name) {
      case "-n":
      case "--max-count":
        s.maxCount = number(value());
        break;
      case "--skip":
        s.skip = number(value());
        break;
      case "--oneline":
        s.pretty = "oneline";
        s.abbrevCommit = true;
        break;
      case "--pretty":
      case "--format":
        pretty(name === "--format" ? (inline ?? value()) : (inline ?? "medium"));
        break;
      case "--abbrev-commit":
        s.abbrevCommit = true;
        break;
      case "--no-abbrev-commit":
        s.abbrevCommit = false;
        break;
      case "--date":
        s.date = value();
        break;
      case "--relative-date":
        s.date = "relative";
        break;
      case "--since":
      case "--after":
        s.walk.since = timeArgument(cli, value());
        break;
      case "--until":
      case "--before":
        s.walk.until = timeArgument(cli, value());
        break;
      case "--max-age":
        s.walk.since = number(value());
        break;
      case "--min-age":
        s.walk.until = number(value());
        break;
      case "--merges":
        s.walk.minParents = 2;
        break;
      case "--no-merges":
        s.walk.maxParents = 1;
        break;
      case "--min-parents":
        s.walk.minParents = number(value());
        break;
      case "--max-parents":
        s.walk.maxParents = number(value());
        break;
      case "--no-min-parents":
        delete s.walk.minParents;
        break;
      case "--no-max-parents":
        delete s.walk.maxParents;
        break;
      case "--first-parent":
        s.walk.firstParent = true;
        break;
      case "--topo-order":
        s.walk.order = "topo";
        break;
      case "--date-order":
        s.walk.order = "date";
        break;
      case "--author-date-order":
        s.walk.order = "author-date";
        break;
      case "--reverse":
        s.reverse = !s.reverse;
        break;
      case "--full-history":
        s.walk.fullHistory = true;
        break;
      case "--parents":
        s.parents = true;
        break;
      case "--children":
        s.children = true;
        break;
      case "--left-right":
        s.leftRight = true;
        break;
      case "--boundary":
        s.boundary = true;
        break;
      case "--graph":
        s.graph = true;
        if (s.walk.order === undefined) s.walk.order = "topo";
        break;
      case "--author":
        s.authors.push(value());
        break;
      case "--committer":
        s.committers.push(value());
        break;
      case "--grep":
        s.greps.push(value());
        break;
      case "--invert-grep":
        s.invertGrep = true;
        break;
      case "--all-match":
        s.allMatch = true;
        break;
      case "-i":
      case "--regexp-ignore-case":
        s.ignoreCase = true;
        break;
      case "-F":
      case "--fixed-strings":
        s.fixed = true;
        break;
      case "-E":
      case "--extended-regexp":
      case "-P":
      case "--perl-regexp":
      case "--basic-regexp":
        break;
      case "-g":
      case "--walk-reflogs":
        s.walkReflogs = true;
        break;
      case "--no-walk":
        s.noWalk = true;
        break;
      case "--do-walk":
        s.noWalk = false;
        break;
      case "--decorate":
        s.decorate = inline === "no" ? "no" : inline === "full" ? "full" : "short";
        break;
      case "--no-decorate":
        s.decorate = "no";
        break;
      case "--header":
        s.header = true;
        break;
      case "--objects":
        s.objects = true;
        break;
      case "--objects-edge":
      case "--objects-edge-aggressive":
        s.objects = true;
        break;
      case "--count":
        s.count = true;
        break;
      case "--filter":
        s.filter = value();
        break;
      case "--no-filter":
        s.filter = undefined;
        break;
      case "--timestamp":
        s.timestamp = true;
        break;
      case "--no-object-names":
        s.noNames = true;
        break;
      case "--object-names":
        break;
      case "--no-commit-header":
        s.noCommitHeader = true;
        break;
      case "--commit-header":
        s.noCommitHeader = false;
        break;
      case "--disk-usage":
        s.diskUsage = true;
        break;
      case "--source":
        s.source = true;
        break;
      case "--follow":
        s.follow = true;
        break;
      case "--no-follow":
        break;
      case "--dense":
      case "--sparse":
      case "--simplify-merges":
      case "--simplify-by-decoration":
      case "--ancestry-path":
      case "--use-mailmap":
      case "--mailmap":
      case "--no-mailmap":
      case "--no-use-mailmap":
      case "--no-notes":
      case "--notes":
      case "--show-notes":
      case "--encoding":
      case "--no-expand-tabs":
      case "--expand-tabs":
      case "--show-signature":
      case "--no-show-signature":
      case "--cherry-mark":
      case "--cherry-pick":
      case "--cherry":
      case "--left-only":
      case "--right-only":
      case "--ignore-missing":
      case "--log-size":
      case "--use-bitmap-index":
      case "--progress":
      case "--in-commit-order":
      case "--clear-decorations":
      case "--always":
      case "--full-diff":
      case "--no-graph":
      case "--decorate-refs":
      case "--decorate-refs-exclude":
      case "--remove-empty":
      case "--missing":
      case "--exclude-promisor-objects":
      case "--unpacked":
      case "--indexed-objects":
      case "--reflog":
        break;
      default:
        s.rest.push(argument);
    }
  }
  return s;
}

/** Makes a function that names the refs at each commit. */
function decorations(
  cli: Cli,
  full: boolean,
): (id: ObjectId, style: "wrapped" | "bare") => ByteString {
  const { repo } = cli;
  let map: Map<ObjectId, ByteString[]> | undefined;
  const load = (): Map<ObjectId, ByteString[]> => {
    const out = new Map<ObjectId, ByteString[]>();
    const add = (id: ObjectId, text: ByteString): void => {
      const list = out.get(id);
      if (list === undefined) out.set(id, [text]);
      else list.push(text);
    };
    const head = repo.head();
    const branch = repo.headBranch();
    const short = (name: ByteString): ByteString =>
      full ? name : name.replace(/^refs\/(heads|remotes|tags)\//, "");
    if (head !== undefined) {
      add(
        head,
        branch !== undefined && repo.refs.id(branch) !== undefined
          ? `HEAD -> ${short(branch)}`
          : "HEAD",
      );
    }
    const entries = repo.refs.list().filter((ref) => !ref.broken);
    // Names are put in front as they are found, so the order turns round.
    const groups: [string, (name: string) => boolean][] = [
      ["", (name) => name.startsWith("refs/tags/")],
      ["", (name) => name.startsWith("refs/remotes/")],
      ["", (name) => name.startsWith("refs/heads/")],
      ["", (name) => name === "refs/stash"],
    ];
    for (const [, wanted] of groups) {
      for (const ref of entries.filter((one) => wanted(one.name)).reverse().reverse()) {
        if (ref.name === branch) continue;
        const commit = peelTo(repo.objects, ref.id, "any");
        if (commit === undefined) continue;
        add(
          commit,
          ref.name.startsWith("refs/tags/") ? `tag: ${short(ref.name)}` : short(ref.name),
        );
      }
    }
    return out;
  };
  return (id, style) => {
    map ??= load();
    const names = map.get(id);
    if (names === undefined) return "";
    return style === "bare" ? names.join(", ") : ` (${names.join(", ")})`;
  };
}

function matcher(patterns: ByteString[], settings: LogSettings): (text: ByteString) => boolean {
  const tests = patterns.map((pattern) => {
    if (settings.fixed) {
      return (text: ByteString): boolean =>
        settings.ignoreCase
          ? text.toLowerCase().includes(pattern.toLowerCase())
          : text.includes(pattern);
    }
    const expression = new RegExp(pattern, settings.ignoreCase ? "im" : "m");
    return (text: ByteString): boolean => expression.test(text);
  });
  return (text) =>
    settings.allMatch ? tests.every((test) => test(text)) : tests.some((test) => test(text));
}

function commitFilter(settings: LogSettings): ((commit: Commit) => boolean) | undefined {
  if (settings.authors.length + settings.committers.length + settings.greps.length === 0) {
    return undefined;
  }
  const ident = (line: ByteString): ByteString => line.replace(/ \d+ [+-]\d+$/, "");
  const byAuthor = settings.authors.length > 0
    ? matcher(settings.authors, { ...settings, allMatch: false })
    : undefined;
  const byCommitter = settings.committers.length > 0
    ? matcher(settings.committers, { ...settings, allMatch: false })
    : undefined;
  const byMessage = settings.greps.length > 0 ? matcher(settings.greps, settings) : undefined;
  return (commit) => {
    if (byAuthor !== undefined && !byAuthor(ident(commit.author))) return false;
    if (byCommitter !== undefined && !byCommitter(ident(commit.committer))) return false;
    if (byMessage !== undefined && byMessage(commit.message) === settings.invertGrep) return false;
    return true;
  };
}

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
    for (
      const object of walkObjects(store, {
        include: revs.include,
        exclude: revs.exclude,
        pathspec,
        filter,
        commits: { ...settings.walk, pathspec, reverse: settings.reverse },
      })
    ) {
      if (object.type === "commit") {
        if (commitsLeft === 0) continue;
        commitsLeft--;
      }
      count++;
      if (settings.diskUsage) disk += store.locate(object.id)?.diskSize ?? 0;
      else if (settings.count || settings.quiet) continue;
      else if (object.type === "commit") cli.out(`${name(object.id)}\n`);
      else cli.out(settings.noNames ? `${object.id}\n` : `${object.id} ${object.path}\n`);
    }
    if (settings.diskUsage) cli.out(`${disk}\n`);
    else if (settings.count) cli.out(`${count}\n`);
    return 0;
  }
  const commits = tips(cli, revs);
  let count = 0, left = 0, right = 0;
  let skip = settings.skip;
  const side = settings.leftRight && revs.symmetric !== undefined ? leftSide(cli, revs) : undefined;
  const walk = walkCommits(store, {
    include: commits,
    exclude: revs.exclude.map((id) => peelTo(store, id, "commit")).filter((id): id is string =>
      id !== undefined
    ),
    pathspec,
    ...settings.walk,
    noWalk: settings.noWalk,
    authorTime: (id) => parseSignature(readCommit(store, id).author).time,
  });
  const list: WalkedCommit[] = [];
  const show = (commit: WalkedCommit): void => {
    const mark = side === undefined ? "" : side.has(commit.id) ? "<" : ">";
    const parents = settings.parents ? commit.parents.map((id) => ` ${name(id)}`).join("") : "";
    const time = settings.timestamp ? `${commitLinks(store, commit.id).time} ` : "";
    if (settings.pretty === "" && !settings.header) {
      cli.out(`${time}${mark}${name(commit.id)}${parents}\n`);
      return;
    }
    const full = readCommit(store, commit.id);
    const context = prettyContext(cli, settings, commit);
    if (settings.header) {
      cli.out(`${name(commit.id)}${parents}\n${toByteString(store.read(commit.id)!.data)}`);
      cli.out("\0");
      return;
    }
    if (settings.pretty === "oneline") {
      cli.out(
        `${time}${mark}${name(commit.id)}${parents} ${
          expandFormat("%s", commit.id, full, context)
        }\n`,
      );
      return;
    }
    if (settings.pretty === "format") {
      if (!settings.noCommitHeader) cli.out(`commit ${time}${mark}${name(commit.id)}${parents}\n`);
      const text = expandFormat(settings.format!, commit.id, full, context);
      cli.out(text === "" && settings.noCommitHeader ? "" : `${text}\n`);
      return;
    }
    cli.out(
      formatCommitText(commit.id, full, {
        ...context,
        mark,
        parents: settings.parents ? commit.parents : [],
      }),
    );
    cli.out("\n");
  };
  for (const commit of walk) {
    if (keep !== undefined && !keep(readCommit(store, commit.id))) continue;
    if (skip > 0) {
      skip--;
      continue;
    }
    if (settings.maxCount >= 0 && count >= settings.maxCount) break;
    count++;
    if (side?.has(commit.id)) left++;
    else right++;
    if (settings.count || settings.quiet) continue;
    if (settings.reverse) list.push(commit);
    else show(commit);
  }
  for (const commit of list.reverse()) show(commit);
  if (settings.count) cli.out(side === undefined ? `${count}\n` : `${left}\t${right}\n`);
  return 0;
}

function leftSide(cli: Cli, revs: RevArguments): Set<ObjectId> {
  const [left, right] = revs.symmetric!;
  const out = new Set<ObjectId>();
  for (const commit of walkCommits(cli.repo.objects, { include: [left], exclude: [right] })) {
    out.add(commit.id);
  }
  return out;
}

function tips(cli: Cli, revs: RevArguments): ObjectId[] {
  const out: ObjectId[] = [];
  for (const { id } of revs.include) {
    const commit = peelTo(cli.repo.objects, id, "commit");
    if (commit !== undefined) out.push(commit);
  }
  return out;
}

function prettyContext(cli: Cli, settings: LogSettings, commit: WalkedCommit): PrettyContext {
  return {
    style: settings.pretty === "" ? "medium" : settings.pretty,
    format: settings.format,
    abbrevCommit: settings.abbrevCommit,
    abbrev: (id) => cli.abbrev(id),
    date: dateMode(cli, settings.date),
    decorate: decorator(cli, settings),
    ...(settings.parents ? { parents: commit.parents } : {}),
  };
}

const decorators = new WeakMap<
  LogSettings,
  (id: ObjectId, style: "wrapped" | "bare") => ByteString
>();
function decorator(
  cli: Cli,
  settings: LogSettings,
): ((id: ObjectId, style: "wrapped" | "bare") => ByteString) | undefined {
  const explicit = settings.decorate === "short" || settings.decorate === "full";
  const terminal = settings.decorate === "auto" && Deno.stdout.isTerminal();
  let make = decorators.get(settings);
  if (make === undefined) {
    decorators.set(settings, make = decorations(cli, settings.decorate === "full"));
  }
  if (settings.pretty === "format") return make;
  return explicit || terminal ? make : undefined;
}

function logSettings(
  cli: Cli,
  args: ByteString[],
  command: string,
): { revs: RevArguments; settings: LogSettings; diff: DiffArguments } {
  const revs = parseRevs(cli, args, { takesValue: VALUE_OPTIONS });
  const { diff, rest } = DiffArguments.parse(cli, revs.rest);
  const settings = parseLogOptions(cli, rest);
  if (settings.rest.length > 0) {
    die(`unrecognized argument: ${settings.rest[0]}`);
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
    settings.decorate = text === "full"
      ? "full"
      : text === "auto"
      ? "auto"
      : cli.config.bool("log.decorate", true)
      ? "short"
      : "no";
  }
  if (cli.config.bool("log.abbrevcommit", false) && !args.includes("--no-abbrev-commit")) {
    settings.abbrevCommit = true;
  }
  diff.applyConfig(cli);
  void command;
  return { revs, settings, diff };
}

/** `git log` */
export function log(cli: Cli, args: ByteString[]): number {
  const { revs, settings, diff } = logSettings(cli, args, "log");
  if (revs.include.length === 0) {
    const head = cli.repo.head();
    if (head === undefined) {
      const branch = cli.repo.headBranch()?.replace(/^refs\/heads\//, "");
      die(`your current branch '${branch}' does not have any commits yet`);
    }
    revs.include.push({ id: head, name: "HEAD" });
  }
  return showLog(cli, revs, settings, diff);
}

/** `git whatchanged` */
export function whatchanged(cli: Cli, args: ByteString[]): number {
  const { revs, settings, diff } = logSettings(cli, args, "whatchanged");
  if (!diff.given) diff.raw = diff.given = true;
  if (settings.walk.maxParents === undefined && diff.combined === "" && diff.mergeMode === "") {
    settings.walk.maxParents = 1;
  }
  if (revs.include.length === 0) revs.include.push({ id: cli.revision("HEAD"), name: "HEAD" });
  return showLog(cli, revs, settings, diff, true);
}

function showLog(
  cli: Cli,
  revs: RevArguments,
  settings: LogSettings,
  diff: DiffArguments,
  skipEmpty = false,
): number {
  const store = cli.repo.objects;
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const keep = commitFilter(settings);
  let count = 0;
  let skip = settings.skip;
  let first = true;
  const list: WalkedCommit[] = [];
  const needDiff = diff.pickaxe !== undefined || diff.filter !== undefined || skipEmpty;
  const show = (commit: WalkedCommit, reflog?: PrettyContext["reflog"]): void => {
    const text = needDiff || diff.given
      ? commitDiff(cli, commit.id, diff, pathspec, settings.walk.firstParent ?? false)
      : "";
    if (needDiff && text === "") {
      count--;
      return;
    }
    const full = readCommit(store, commit.id);
    const context = {
      ...prettyContext(cli, settings, commit),
      ...(reflog === undefined ? {} : { reflog }),
      ...(settings.parents ? {} : { parents: undefined as never }),
    };
    if (!settings.parents) delete (context as { parents?: unknown }).parents;
    const body = formatCommitText(commit.id, full, context as PrettyContext);
    writeEntry(cli, settings, body, text, first, diff);
    first = false;
  };
  if (settings.walkReflogs) {
    for (const { name } of revs.include) {
      const ref = name === "HEAD" ? "HEAD" : cli.repo.refs.resolve(`refs/heads/${name}`)?.target ??
        (cli.repo.refs.hasLog(name) ? name : `refs/${name}`);
      const entries = cli.repo.refs.readLog(ref) ?? [];
      const shown = name.replace(/^refs\/heads\//, "");
      for (let i = entries.length - 1, n = 0; i >= 0; i--, n++) {
        if (settings.maxCount >= 0 && count >= settings.maxCount) break;
        const entry = entries[i]!;
        if (store.describe(entry.newId)?.type !== "commit") continue;
        count++;
        const selector = settings.date !== undefined
          ? `${shown}@{${formatReflogDate(cli, settings, entry.who)}}`
          : `${shown}@{${n}}`;
        show({ id: entry.newId, parents: [] }, {
          selector,
          short: selector,
          who: entry.who.replace(/ \d+ [+-]\d+$/, ""),
          message: entry.message,
        });
      }
    }
    finishLog(cli, settings, first);
    return 0;
  }
  const walk = walkCommits(store, {
    include: tips(cli, revs),
    exclude: revs.exclude.map((id) => peelTo(store, id, "commit")).filter((id): id is string =>
      id !== undefined
    ),
    pathspec,
    ...settings.walk,
    noWalk: settings.noWalk,
    authorTime: (id) => parseSignature(readCommit(store, id).author).time,
  });
  for (const commit of walk) {
    if (keep !== undefined && !keep(readCommit(store, commit.id))) continue;
    if (skip > 0) {
      skip--;
      continue;
    }
    if (settings.maxCount >= 0 && count >= settings.maxCount) break;
    count++;
    if (settings.reverse) list.push(commit);
    else show(commit);
  }
  for (const commit of list.reverse()) show(commit);
  finishLog(cli, settings, first);
  return 0;
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

function finishLog(cli: Cli, settings: LogSettings, first: boolean): void {
  if (!first && settings.pretty === "format" && !settings.terminator) cli.out("\n");
}

function writeEntry(
  cli: Cli,
  settings: LogSettings,
  body: ByteString,
  text: ByteString,
  first: boolean,
  diff: DiffArguments,
): void {
  const { pretty } = settings;
  if (pretty === "oneline" || pretty === "reference") {
    cli.out(`${body}\n${text}`);
    return;
  }
  if (pretty === "format") {
    if (settings.terminator) {
      cli.out(body === "" ? "" : `${body}\n`);
      if (text !== "") cli.out(`\n${text}`);
      return;
    }
    if (!first) cli.out("\n");
    cli.out(body);
    if (text !== "") cli.out(`\n${text}`.replace(/\n$/, ""));
    return;
  }
  if (!first) cli.out("\n");
  cli.out(body);
  if (text !== "") {
    const both = diff.patch && diff.stat;
    cli.out(both ? `---\n${text}` : `\n${text}`);
  }
}

/** The differences a commit makes, as its log entry shows them. */
function commitDiff(
  cli: Cli,
  id: ObjectId,
  diff: DiffArguments,
  pathspec: ReturnType<typeof makePathspec> | undefined,
  firstParent: boolean,
): ByteString {
  const store = cli.repo.objects;
  const commit = readCommit(store, id);
  const one = (before: ObjectId | undefined): DiffPair[] => {
    const beforeTree = before === undefined ? undefined : commitLinks(store, before).tree;
    const pairs = diffTrees(store, beforeTree, commit.tree, { pathspec });
    const unchanged = diff.copies === "harder" && beforeTree !== undefined
      ? diffTrees(store, beforeTree, commit.tree, { unchanged: true }).filter((pair) =>
        pair.status === ""
      )
      : [];
    return diff.process(cli, pairs, unchanged);
  };
  if (commit.parents.length === 0) return diff.show(cli, one(undefined), false);
  if (
    commit.parents.length === 1 || diff.mergeMode === "first" ||
    (firstParent && diff.mergeMode !== "off" && diff.combined === "")
  ) return diff.show(cli, one(commit.parents[0]), false);
  if (diff.mergeMode === "m") {
    return commit.parents.map((parent) => diff.show(cli, one(parent), false)).filter((text) =>
      text !== ""
    ).join("\n");
  }
  if (diff.combined !== "") return combinedDiff(cli, commit, diff, pathspec);
  return "";
}

/** `-c` and `--cc` of a merge. */
function combinedDiff(
  cli: Cli,
  commit: Commit,
  diff: DiffArguments,
  pathspec: ReturnType<typeof makePathspec> | undefined,
): ByteString {
  const store = cli.repo.objects;
  const perParent = commit.parents.map((parent) => {
    const map = new Map<ByteString, DiffPair>();
    for (
      const pair of diffTrees(store, commitLinks(store, parent).tree, commit.tree, { pathspec })
    ) map.set(pair.new.path, pair);
    return map;
  });
  const paths = [...perParent[0]!.keys()].filter((path) => perParent.every((map) => map.has(path)))
    .sort();
  let out = "";
  const format = diff.format(cli);
  const pairs: DiffPair[] = [];
  for (const path of paths) pairs.push(perParent[0]!.get(path)!);
  if (diff.raw) {
    for (const path of paths) {
      const all = perParent.map((map) => map.get(path)!);
      const shorten = diff.rawAbbrev(cli, false);
      out += `${":".repeat(all.length)}${
        all.map((pair) => pair.old.mode.toString(8).padStart(6, "0")).join(" ")
      } ${all[0]!.new.mode.toString(8).padStart(6, "0")} ${
        all.map((pair) => shorten(pair.old.id)).join(" ")
      } ${shorten(all[0]!.new.id)} ${all.map((pair) => pair.status).join("")}\t${
        format.quote(path)
      }\n`;
    }
  }
  if (
    diff.stat || diff.numstat || diff.shortstat || diff.summary || diff.nameOnly || diff.nameStatus
  ) {
    const first = diff.process(
      cli,
      diffTrees(store, commitLinks(store, commit.parents[0]!).tree, commit.tree, { pathspec }),
    );
    const copy = Object.assign(new DiffArguments(), diff, { patch: false, raw: false });
    if (diff.nameOnly || diff.nameStatus) {
      out += paths.map((path) =>
        `${diff.nameStatus ? `${perParent.map((map) => map.get(path)!.status).join("")}\t` : ""}${
          format.quote(path)
        }\n`
      ).join("");
    } else out += copy.show(cli, first, false);
  }
  if (
    diff.patch ||
    (!diff.raw && !diff.stat && !diff.nameOnly && !diff.nameStatus && !diff.numstat &&
      !diff.shortstat && !diff.summary)
  ) {
    let patch = "";
    for (const path of paths) {
      const all = perParent.map((map) => map.get(path)!);
      patch += formatCombined(
        store,
        path,
        all.map((pair) => ({ mode: pair.old.mode, id: pair.old.id, path: pair.old.path })),
        all[0]!.new,
        diff.combined === "cc",
        format,
      );
    }
    if (out !== "" && patch !== "") out += "\n";
    out += patch;
  }
  return out;
}

/** `git show` */
export function show(cli: Cli, args: ByteString[]): number {
  const { revs, settings, diff } = logSettings(cli, args, "show");
  if (!diff.given) diff.patch = diff.given = true;
  if (diff.combined === "" && diff.mergeMode === "") diff.combined = "cc";
  const store = cli.repo.objects;
  const names = revs.names.length === 0
    ? [{ name: "HEAD", id: cli.revision("HEAD"), negative: false }]
    : revs.names;
  if (names.some((name) => name.negative)) {
    return showLog(cli, revs, settings, diff);
  }
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  let first = true;
  for (const { name, id: start } of names) {
    let id = start;
    for (;;) {
      const object = store.read(id);
      if (object === undefined) die(`bad object ${name}`);
      if (object.type === "blob") cli.out(object.data);
      else if (object.type === "tree") {
        if (!first) cli.out("\n");
        cli.out(`tree ${name}\n\n`);
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
      } else if (object.type === "tag") {
        const tag = readTag(store, id);
        if (!first) cli.out("\n");
        const who = parseSignature(tag.tagger);
        cli.out(
          `tag ${tag.tag}\n${
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
        first = false;
        id = tag.object;
        continue;
      } else {
        const text = commitDiff(cli, id, diff, pathspec, settings.walk.firstParent ?? false);
        const context = prettyContext(cli, settings, {
          id,
          parents: readCommit(store, id).parents,
        });
        const body = formatCommitText(id, readCommit(store, id), context);
        writeEntry(cli, settings, body, text, first, diff);
      }
      first = false;
      break;
    }
  }
  finishLog(cli, settings, first);
  return 0;
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
  const differs = pairs.some((pair) => pair.status !== "");
  return diff.exitCode && differs ? 1 : 0;
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
    if (trees.length > 2) return combinedTrees(cli, trees, d, pathspec);
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
      pairs = diffTreeIndex(repo, head, index, { cached: d.cached, pathspec });
    } else {
      cli.needWorkTree();
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
    const text = formatCombined(
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
      format,
    );
    // The worktree's side has no id.
    cli.out(
      text.replace(
        /^(index [0-9a-f,]+\.\.)([0-9a-f]+)$/m,
        (_, head: string, id: string) => head + "0".repeat(id.length),
      ),
    );
  }
  return d.exitCode && pairs.length > 0 ? 1 : 0;
}

function combinedTrees(
  cli: Cli,
  trees: ObjectId[],
  d: DiffArguments,
  pathspec: ReturnType<typeof makePathspec> | undefined,
): number {
  const result = trees[0]!;
  const store = cli.repo.objects;
  const maps = trees.slice(1).map((tree) =>
    new Map(diffTrees(store, tree, result, { pathspec }).map((pair) => [pair.new.path, pair]))
  );
  const format = d.format(cli);
  for (const path of [...maps[0]!.keys()].sort()) {
    if (!maps.every((map) => map.has(path))) continue;
    const all = maps.map((map) => map.get(path)!);
    cli.out(
      formatCombined(
        store,
        path,
        all.map((pair) => ({ mode: pair.old.mode, id: pair.old.id, path })),
        all[0]!.new,
        true,
        format,
      ),
    );
  }
  return 0;
}

function diffNoIndex(cli: Cli, args: ByteString[]): number {
  const { diff: d, rest } = DiffArguments.parse(cli, args);
  const paths = rest.filter((one) => one !== "--" && (!one.startsWith("-") || one === "-"));
  if (paths.length !== 2) {
    throw new Exit(129, "usage: git diff --no-index [<options>] <path> <path>\n");
  }
  const read = (path: ByteString): Uint8Array =>
    path === "-"
      ? cli.readStdin()
      : path === "/dev/null"
      ? new Uint8Array(0)
      : readFileIfAny(cli.fileArgument(path)) ?? die(`Could not access '${path}'`);
  const [a, b] = paths.map(read) as [Uint8Array, Uint8Array];
  const modes = paths.map((path) =>
    path === "/dev/null"
      ? 0
      : (stat(cli.fileArgument(path))?.mode ?? 0) & 0o100
      ? 0o100755
      : 0o100644
  );
  const text = formatHunks(a, b, d.output);
  if (text === "" && modes[0] === modes[1]) return 0;
  if (!d.quiet) {
    const repository = cli.findRepository();
    const algorithm = repository?.algorithm ?? SHA1;
    const short = (data: Uint8Array, mode: number): string =>
      (mode === 0 ? algorithm.zero : hashObject(algorithm, "blob", data)).slice(0, 7);
    const strip = (path: ByteString): ByteString => path.replace(/^\/+/, "");
    const names: [ByteString, ByteString] = [
      modes[0] === 0 ? paths[1]! : paths[0]!,
      modes[1] === 0 ? paths[0]! : paths[1]!,
    ];
    cli.out(`diff --git a/${strip(names[0])} b/${strip(names[1])}\n`);
    if (modes[0] === 0) cli.out(`new file mode ${modes[1]!.toString(8)}\n`);
    else if (modes[1] === 0) cli.out(`deleted file mode ${modes[0]!.toString(8)}\n`);
    cli.out(
      `index ${short(a, modes[0]!)}..${short(b, modes[1]!)}${
        modes[0] === modes[1] ? ` ${modes[0]!.toString(8)}` : ""
      }\n`,
    );
    if (text !== "") {
      cli.out(
        `--- ${modes[0] === 0 ? "/dev/null" : `a/${strip(paths[0]!)}`}\n+++ ${
          modes[1] === 0 ? "/dev/null" : `b/${strip(paths[1]!)}`
        }\n${text}`,
      );
    }
  }
  return 1;
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
  if (!d.given) d.raw = true;
  if (d.combined === "cc" && !d.given) {
    d.raw = false;
    d.patch = true;
  }
  const recursive = d.recursive || d.patch || d.stat || d.numstat || d.shortstat || d.summary ||
    d.combined !== "";
  const { repo } = cli;
  const store = repo.objects;
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const compare = (a: ObjectId | undefined, b: ObjectId): DiffPair[] => {
    const pairs = diffTrees(store, a, b, { recursive, showTrees: d.showTrees, pathspec });
    const unchanged = d.copies === "harder"
      ? diffTrees(store, a, b, { unchanged: true }).filter((pair) => pair.status === "")
      : [];
    return d.process(cli, pairs, unchanged);
  };
  let differs = false;
  const emit = (commitId: ObjectId | undefined, pairs: DiffPair[], parent?: ObjectId): void => {
    if (pairs.length === 0 && !always && !(d.given && d.noPatch && verbose)) return;
    differs ||= pairs.length > 0;
    if (commitId !== undefined && !noCommitId) header(commitId, parent);
    cli.out(d.show(cli, pairs, true));
  };
  const header = (commitId: ObjectId, parent?: ObjectId): void => {
    if (!verbose) {
      cli.out(`${commitId}${d.nul ? "\0" : "\n"}`);
      return;
    }
    const style = settings.pretty === "" ? "raw" : settings.pretty;
    const text = formatCommitText(commitId, readCommit(store, commitId), {
      ...prettyContext(cli, { ...settings, pretty: style }, { id: commitId, parents: [] }),
      style,
    });
    const from = parent === undefined ? "" : ` (from ${parent})`;
    const shown = text.replace(/^commit (\S+)/, `commit $1${from}`);
    if (style === "oneline" || style === "reference") cli.out(`${shown}\n`);
    else if (style === "format") {
      cli.out(`${shown}\n${d.noPatch ? "" : "\n"}`.replace(/\n\n$/, "\n"));
    } else cli.out(d.patch && d.stat ? `${shown}---\n` : d.noPatch ? shown : `${shown}\n`);
  };
  const commitOne = (id: ObjectId, parents?: ObjectId[]): void => {
    const commit = readCommit(store, id);
    const from = parents ?? commit.parents;
    if (from.length === 0) {
      if (root || cli.config.bool("log.showroot", false)) emit(id, compare(undefined, commit.tree));
    } else if (from.length === 1) emit(id, compare(commitLinks(store, from[0]!).tree, commit.tree));
    else if (d.combined !== "") {
      const text = combinedDiff(cli, { ...commit, parents: from }, d, pathspec);
      if (text !== "") {
        if (!noCommitId) header(id);
        cli.out(text);
      }
    } else if (d.mergeMode === "m") {
      for (const parent of from) {
        emit(id, compare(commitLinks(store, parent).tree, commit.tree), parent);
      }
    } else if (d.mergeMode === "first") {
      emit(id, compare(commitLinks(store, from[0]!).tree, commit.tree));
    }
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
    emit(undefined, compare(treeA, treeB));
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
        emit(undefined, compare(id, words[1]!));
      } else commitOne(id, words.length > 1 ? words.slice(1) : undefined);
      cli.flush();
    }
  }
  return d.exitCode && differs ? 1 : 0;
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
  let pairs = diffIndexWorktree(cli.repo, index, pathspec, { refresh: false });
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
  const result = blameFile(cli, start, full, worktree, stop, ranges, options);
  cli.out(formatBlame(cli, result, options, command === "annotate"));
  return 0;
}
