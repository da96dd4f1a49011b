/**
 * Options of the commands that show commits, and the names of refs beside them.
 *
 * @module
 */
import { PosixRegex } from "../posix_regex.ts";
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { Commit } from "../objects.ts";
import { readTag } from "../object_store.ts";
import type { RevListOptions } from "../rev_list.ts";
import { hasWildcard, wildmatch } from "../wildmatch.ts";
import { type Cli, die } from "./_context.ts";
import type { LogColors } from "./_colors.ts";
import { timeArgument } from "./_revs.ts";

/** Options of `log` and its kin. */
export interface LogSettings {
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
  /** Patterns are extended expressions. */
  extended: boolean;
  walkReflogs: boolean;
  /** Only the given commits, newest first or as they were given. */
  noWalk: false | "sorted" | "unsorted";
  simplifyMerges: boolean;
  simplifyByDecoration: boolean;
  /** Names of commits to be on the path; empty for those that are left out. */
  ancestryPath: ByteString[] | undefined;
  cherryPick: boolean;
  cherryMark: boolean;
  leftOnly: boolean;
  rightOnly: boolean;
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
  follow: boolean | undefined;
  showNotes: boolean | undefined;
  notesRefs: ByteString[];
  defaultNotes: boolean;
  decorateRefs: ByteString[];
  decorateRefsExclude: ByteString[];
  clearDecorations: boolean;
  showRoot: boolean | undefined;
  expandTabs: number | undefined;
  logSize: boolean;
  /** Names and addresses go through the mailmap; the configuration decides when not set. */
  mailmap: boolean | undefined;
  /** Encoding of messages; "none" leaves them as they are. */
  encoding: ByteString | undefined;
  abbrevLength: number | undefined;
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

/** Takes the options of `log`; what it does not know is left in `rest`. */
export function parseLogOptions(cli: Cli, args: ByteString[]): LogSettings {
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
    extended: false,
    walkReflogs: false,
    noWalk: false,
    simplifyMerges: false,
    simplifyByDecoration: false,
    ancestryPath: undefined,
    cherryPick: false,
    cherryMark: false,
    leftOnly: false,
    rightOnly: false,
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
    follow: undefined,
    showNotes: undefined,
    notesRefs: [],
    defaultNotes: true,
    decorateRefs: [],
    decorateRefsExclude: [],
    clearDecorations: false,
    showRoot: undefined,
    expandTabs: undefined,
    logSize: false,
    mailmap: undefined,
    encoding: undefined,
    abbrevLength: undefined,
    rest: [],
  };
  let patternsGiven = false;
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
        s.extended = false;
        patternsGiven = true;
        break;
      case "-E":
      case "--extended-regexp":
        s.extended = true;
        s.fixed = false;
        patternsGiven = true;
        break;
      case "-P":
      case "--perl-regexp":
        throw die("cannot use Perl-compatible regexes when not compiled with USE_LIBPCRE");
      case "-G":
      case "--basic-regexp":
        s.fixed = s.extended = false;
        patternsGiven = true;
        break;
      case "-g":
      case "--walk-reflogs":
        s.walkReflogs = true;
        break;
      case "--no-walk":
        s.noWalk = inline === "unsorted" ? "unsorted" : "sorted";
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
        s.follow = false;
        break;
      case "--notes":
      case "--show-notes":
        s.showNotes = true;
        if (inline !== undefined) {
          s.defaultNotes = s.defaultNotes && s.notesRefs.length > 0;
          s.notesRefs.push(
            inline.startsWith("refs/") ? inline : `refs/notes/${inline.replace(/^notes\//, "")}`,
          );
        }
        break;
      case "--no-notes":
        s.showNotes = false;
        s.notesRefs = [];
        s.defaultNotes = true;
        break;
      case "--decorate-refs":
        s.decorateRefs.push(value());
        break;
      case "--decorate-refs-exclude":
        s.decorateRefsExclude.push(value());
        break;
      case "--clear-decorations":
        s.clearDecorations = true;
        s.decorateRefs = [];
        s.decorateRefsExclude = [];
        break;
      case "--root":
        s.showRoot = true;
        break;
      case "--no-expand-tabs":
        s.expandTabs = 0;
        break;
      case "--expand-tabs":
        s.expandTabs = inline === undefined ? 8 : number(inline);
        break;
      case "--log-size":
        s.logSize = true;
        break;
      case "--no-graph":
        s.graph = false;
        break;
      case "--simplify-merges":
        s.simplifyMerges = true;
        break;
      case "--simplify-by-decoration":
        s.simplifyByDecoration = true;
        break;
      case "--ancestry-path":
        s.ancestryPath ??= [];
        if (inline !== undefined) s.ancestryPath.push(inline);
        break;
      case "--cherry":
        s.cherryMark = s.rightOnly = true;
        s.walk.maxParents = 1;
        break;
      case "--cherry-mark":
        s.cherryMark = true;
        break;
      case "--cherry-pick":
        s.cherryPick = true;
        break;
      case "--left-only":
        s.leftOnly = true;
        break;
      case "--right-only":
        s.rightOnly = true;
        break;
      case "--encoding":
        s.encoding = value();
        break;
      case "--use-mailmap":
      case "--mailmap":
        s.mailmap = true;
        break;
      case "--no-mailmap":
      case "--no-use-mailmap":
        s.mailmap = false;
        break;
      case "--dense":
      case "--sparse":
      case "--show-signature":
      case "--no-show-signature":
      case "--ignore-missing":
      case "--use-bitmap-index":
      case "--progress":
      case "--in-commit-order":
      case "--always":
      case "--full-diff":
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
  const kind = cli.config.get("grep.patterntype");
  if (!patternsGiven && kind !== undefined && kind !== "default") {
    s.fixed = kind === "fixed";
    s.extended = kind === "extended" || kind === "perl";
  } else if (!patternsGiven && cli.config.bool("grep.extendedregexp", false)) s.extended = true;
  const together = (a: string, b: string): never =>
    die(`options '${a}' and '${b}' cannot be used together`);
  if (s.graph && s.reverse) together("--reverse", "--graph");
  if (s.graph && s.walkReflogs) together("--walk-reflogs", "--graph");
  if (s.graph && s.noWalk !== false) together("--no-walk", "--graph");
  if (s.cherryPick && s.cherryMark) together("--cherry-pick", "--cherry-mark");
  if (s.leftOnly && s.rightOnly) together("--left-only", "--right-only");
  return s;
}

/** A ref that points at a commit. */
interface Decoration {
  kind: string;
  name: ByteString;
}

/** Names the refs at commits. */
export class Decorations {
  readonly #cli: Cli;
  readonly #settings: LogSettings;
  #map: Map<ObjectId, Decoration[]> | undefined;

  constructor(cli: Cli, settings: LogSettings) {
    this.#cli = cli;
    this.#settings = settings;
  }

  #wanted(name: ByteString): boolean {
    const { decorateRefs, decorateRefsExclude, clearDecorations } = this.#settings;
    const matches = (pattern: ByteString): boolean => {
      const full = pattern === "HEAD" || pattern.startsWith("refs/") ? pattern : `refs/${pattern}`;
      return hasWildcard(full)
        ? wildmatch(full, name)
        : name === full || name.startsWith(full.endsWith("/") ? full : `${full}/`);
    };
    if (decorateRefsExclude.some(matches)) return false;
    if (decorateRefs.length > 0) return decorateRefs.some(matches);
    if (
      this.#cli.config.entries.some((entry) =>
        entry.key === "log.excludedecoration" && entry.value !== undefined && matches(entry.value)
      )
    ) return false;
    if (clearDecorations || this.#cli.config.get("log.initialdecorationset") === "all") {
      return true;
    }
    return name === "HEAD" || name === "refs/stash" ||
      /^refs\/(heads|remotes|tags)\//.test(name);
  }

  /** Whether a commit has a name. */
  has(id: ObjectId): boolean {
    return (this.#map ??= this.#load()).has(id);
  }

  #load(): Map<ObjectId, Decoration[]> {
    const out = new Map<ObjectId, Decoration[]>();
    const { repo } = this.#cli;
    const add = (id: ObjectId, kind: string, name: ByteString): void => {
      const list = out.get(id);
      if (list === undefined) out.set(id, [{ kind, name }]);
      else list.unshift({ kind, name });
    };
    const all = repo.refs.list().filter((ref) => !ref.broken && this.#wanted(ref.name));
    for (const ref of all) {
      const kind = ref.name.startsWith("refs/heads/")
        ? "branch"
        : ref.name.startsWith("refs/tags/")
        ? "tag"
        : ref.name.startsWith("refs/remotes/")
        ? "remoteBranch"
        : ref.name === "refs/stash"
        ? "stash"
        : "";
      let id: ObjectId = ref.id;
      if (!repo.objects.has(id)) continue;
      for (let depth = 0; depth < 50; depth++) {
        add(id, kind, ref.name);
        if (repo.objects.describe(id)?.type !== "tag") break;
        id = readTag(repo.objects, id).object;
      }
    }
    const head = repo.head();
    if (head !== undefined && this.#wanted("HEAD")) add(head, "HEAD", "HEAD");
    return out;
  }

  /** The names with what goes in front, between and behind; "" without any. */
  text(
    id: ObjectId,
    colors: LogColors,
    prefix = " (",
    separator = ", ",
    suffix = ")",
  ): ByteString {
    this.#map ??= this.#load();
    const list = this.#map.get(id);
    if (list === undefined) return "";
    const branch = list.some((one) => one.kind === "HEAD")
      ? this.#cli.repo.headBranch()
      : undefined;
    const current = list.find((one) => one.kind === "branch" && one.name === branch);
    const short = (name: ByteString): ByteString =>
      this.#settings.decorate === "full" ? name : name.replace(/^refs\/(heads|remotes|tags)\//, "");
    const commit = colors.diff("commit"), reset = colors.reset;
    let out = "", between = prefix;
    for (const one of list) {
      if (one === current) continue;
      out += commit + between + reset + colors.decorate(one.kind);
      if (one.kind === "tag") out += "tag: ";
      out += short(one.name);
      if (one.kind === "HEAD" && current !== undefined) {
        out += ` -> ${reset}${colors.decorate("branch")}${short(current.name)}`;
      }
      out += reset;
      between = separator;
    }
    return out + commit + suffix + reset;
  }
}

function matcher(patterns: ByteString[], settings: LogSettings): (text: ByteString) => boolean {
  const tests = patterns.map((pattern) => {
    if (settings.fixed) {
      return (text: ByteString): boolean =>
        settings.ignoreCase
          ? text.toLowerCase().includes(pattern.toLowerCase())
          : text.includes(pattern);
    }
    const { extended, ignoreCase } = settings;
    const expression = new PosixRegex(pattern, { extended, ignoreCase, multiline: true });
    return (text: ByteString): boolean => expression.test(text);
  });
  return (text) =>
    settings.allMatch ? tests.every((test) => test(text)) : tests.some((test) => test(text));
}

/** Whether a commit has what `--author`, `--committer` and `--grep` look for. */
export function commitFilter(settings: LogSettings): ((commit: Commit) => boolean) | undefined {
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
