/**
 * Revision and diff arguments shared by the commands that show history.
 *
 * @module
 */
import { PosixRegex } from "../posix_regex.ts";
import { type ByteString, ByteWriter, fromByteString, toByteString } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import { type BreakOptions, breakRewrites, mergeBroken } from "../break_rewrites.ts";
import { approximateDate, currentTime, type DateMode, parseDateMode } from "../date.ts";
import {
  type DiffFormatOptions,
  diffStats,
  type DirstatOptions,
  formatDirstat,
  formatHunks,
  formatNames,
  formatNumStat,
  formatRaw,
  formatShortStat,
  formatStat,
  formatSummary,
  PatchWriter,
} from "../diff_format.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { LineDiffOptions } from "../line_diff.ts";
import { mergeBases } from "../merge_base.ts";
import { MemoryObjectStore, peelTo, readCommit } from "../object_store.ts";
import type {
  DiffColors,
  MovedOptions,
  WhitespaceHighlight,
  WordDiffStyle,
} from "../patch_painter.ts";
import { Pathspec } from "../pathspec.ts";
import { detectRenames } from "../rename.ts";
import { type DiffPair, fileContent, MAX_SCORE } from "../tree_diff.ts";
import { hasWildcard, wildmatch } from "../wildmatch.ts";
import { colorSequence } from "../color.ts";
import { LogColors } from "./_colors.ts";
import { countExternal, diffDrivers } from "./_diff_drivers.ts";
import { type Cli, die, Exit, quotePath } from "./_context.ts";
import { checkWhitespace, whitespaceRule } from "./_whitespace.ts";

/** What to walk. */
export interface RevArguments {
  /** Objects to include, with the names they were given by. */
  include: { id: ObjectId; name: ByteString }[];
  exclude: ObjectId[];
  /** The commits of `A...B`, left first. */
  symmetric: [ObjectId, ObjectId] | undefined;
  paths: ByteString[];
  /** Options that are not about revisions. */
  rest: ByteString[];
  dashes: boolean;
  /** Names as typed, in order. */
  names: { name: ByteString; id: ObjectId; negative: boolean }[];
  all: boolean;
}

/** Takes revisions and paths from arguments; options stay in `rest`. */
export function parseRevs(
  cli: Cli,
  args: readonly ByteString[],
  options: { takesValue?: ReadonlySet<string>; stdin?: boolean } = {},
): RevArguments {
  const out: RevArguments = {
    include: [],
    exclude: [],
    symmetric: undefined,
    paths: [],
    rest: [],
    dashes: args.includes("--"),
    names: [],
    all: false,
  };
  const { repo } = cli;
  let not = false;
  let excludes: ByteString[] = [];
  const add = (id: ObjectId, name: ByteString, negative: boolean): void => {
    out.names.push({ name, id, negative: negative !== not });
    if (negative !== not) out.exclude.push(id);
    else out.include.push({ id, name });
  };
  const addRefs = (prefix: ByteString, pattern?: ByteString): void => {
    let glob = pattern;
    if (glob !== undefined) {
      if (!glob.startsWith("refs/")) glob = prefix + glob;
      if (!hasWildcard(glob)) glob = `${glob.replace(/\/$/, "")}/*`;
    }
    for (const ref of repo.refs.list(glob === undefined ? prefix : "refs/")) {
      if (ref.broken || (glob !== undefined && !wildmatch(glob, ref.name))) continue;
      if (excludes.some((ex) => wildmatch(ex, ref.name) || wildmatch(prefix + ex, ref.name))) {
        continue;
      }
      add(ref.id, ref.name, false);
    }
    excludes = [];
  };
  const revision = (argument: ByteString): boolean => {
    const range = /^(.*?)(\.\.\.?)(.*)$/s.exec(argument);
    if (
      range !== null && argument !== ".." && !argument.startsWith("../") && !argument.includes(":/")
    ) {
      const from = cli.tryRevision(range[1]! || "HEAD", { prefer: "committish" });
      const to = from === undefined
        ? undefined
        : cli.tryRevision(range[3]! || "HEAD", { prefer: "committish" });
      if (from !== undefined && to !== undefined) {
        if (range[2] === "..") {
          add(from, range[1]! || "HEAD", true);
          add(to, range[3]! || "HEAD", false);
        } else {
          const a = peelTo(repo.objects, from, "commit"), b = peelTo(repo.objects, to, "commit");
          if (a === undefined || b === undefined) return false;
          for (const base of mergeBases(repo.objects, a, [b])) add(base, argument, true);
          add(a, range[1]! || "HEAD", false);
          add(b, range[3]! || "HEAD", false);
          out.symmetric = [a, b];
        }
        return true;
      }
    }
    const special = /^(.+)\^(@|!|-(\d*))$/s.exec(argument);
    if (special !== null) {
      const id = cli.tryRevision(special[1]!, { prefer: "committish" });
      const commit = id === undefined ? undefined : peelTo(repo.objects, id, "commit");
      if (commit !== undefined) {
        const { parents } = readCommit(repo.objects, commit);
        if (special[2] === "@") { for (const parent of parents) add(parent, argument, false); }
        else if (special[2] === "!") {
          for (const parent of parents) add(parent, argument, true);
          add(commit, special[1]!, false);
        } else {
          const parent = parents[(special[3] === "" ? 1 : Number(special[3])) - 1];
          if (parent === undefined) return false;
          add(parent, argument, true);
          add(commit, special[1]!, false);
        }
        return true;
      }
    }
    const negative = argument.startsWith("^");
    const name = negative ? argument.slice(1) : argument;
    const id = cli.tryRevision(name);
    if (id === undefined || !(repo.objects.has(id) || id === repo.algorithm.emptyTree)) {
      if (id !== undefined && name.length === repo.algorithm.hexSize) die(`bad object ${name}`);
      return false;
    }
    add(id, name, negative);
    return true;
  };
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--") {
      out.paths.push(...args.slice(i + 1));
      break;
    }
    if (argument.startsWith("-") && argument !== "-") {
      const equals = argument.indexOf("=");
      const name = equals < 0 ? argument : argument.slice(0, equals);
      const value = equals < 0 ? undefined : argument.slice(equals + 1);
      if (name === "--all") {
        out.all = true;
        addRefs("refs/");
        const head = repo.head();
        if (head !== undefined) add(head, "HEAD", false);
      } else if (name === "--branches") addRefs("refs/heads/", value);
      else if (name === "--tags") addRefs("refs/tags/", value);
      else if (name === "--remotes") addRefs("refs/remotes/", value);
      else if (name === "--glob") addRefs("refs/", value ?? args[++i]);
      else if (name === "--exclude") excludes.push(value ?? args[++i] ?? "");
      else if (name === "--not") not = !not;
      else if (name === "--stdin" && options.stdin) {
        let paths = false;
        for (const line of cli.stdinLines()) {
          if (line === "") continue;
          if (line === "--") paths = true;
          else if (paths) out.paths.push(line);
          else if (line === "--not") not = !not;
          else if (!revision(line)) die(`bad revision '${line}'`);
        }
      } else if (argument === "--end-of-options") continue;
      else {
        out.rest.push(argument);
        if (options.takesValue?.has(argument) && i + 1 < args.length) out.rest.push(args[++i]!);
      }
      continue;
    }
    if (revision(argument)) continue;
    if (out.dashes) die(`bad revision '${argument}'`);
    // The first argument that is no revision begins the paths.
    for (const path of args.slice(i)) {
      if (path.startsWith("-")) {
        out.rest.push(path);
        continue;
      }
      if (
        !path.startsWith(":") && !hasWildcard(path) && lstat(cli.fileArgument(path)) === undefined
      ) {
        die(
          `ambiguous argument '${path}': unknown revision or path not in the working tree.\n` +
            "Use '--' to separate paths from revisions, like this:\n'git <command> [<revision>...] -- [<file>...]'",
        );
      }
      out.paths.push(path);
    }
    break;
  }
  return out;
}

/** The pathspec of some arguments. */
export function makePathspec(cli: Cli, paths: readonly ByteString[]): Pathspec {
  const truthy = (name: string): boolean => /^(1|true|yes|on)$/i.test(cli.env.get(name) ?? "");
  return new Pathspec(paths, cli.prefix, cli.repo.paths.workTree ?? "", {
    literal: truthy("GIT_LITERAL_PATHSPECS"),
    glob: truthy("GIT_GLOB_PATHSPECS"),
    noglob: truthy("GIT_NOGLOB_PATHSPECS"),
    icase: truthy("GIT_ICASE_PATHSPECS"),
  });
}

/** Options with a separate value, for {@linkcode parseRevs}. */
export const VALUE_OPTIONS: ReadonlySet<string> = new Set([
  "-n",
  "-S",
  "-G",
  "-O",
  "-l",
  "--max-count",
  "--skip",
  "--since",
  "--after",
  "--until",
  "--before",
  "--author",
  "--committer",
  "--grep",
  "--format",
  "--date",
  "--inter-hunk-context",
  "--src-prefix",
  "--dst-prefix",
  "--line-prefix",
  "--diff-algorithm",
  "--stat-width",
  "--stat-name-width",
  "--stat-count",
  "--diff-filter",
  "--output",
  "--min-parents",
  "--max-parents",
]);

/** How often an expression matches, one match behind the other. */
function countMatches(pattern: PosixRegex, text: ByteString): number {
  let count = 0;
  for (let at = 0; at <= text.length;) {
    const match = pattern.exec(text, at);
    if (match === undefined) break;
    count++;
    at = match.end > match.start ? match.end : match.end + 1;
  }
  return count;
}

/** Diff options of a command line. */
export class DiffArguments {
  patch = false;
  raw = false;
  stat = false;
  shortstat = false;
  numstat = false;
  summary = false;
  nameOnly = false;
  nameStatus = false;
  noPatch = false;
  /** Any output form was asked for. */
  given = false;
  nul = false;
  recursive = false;
  showTrees = false;
  findRenames: boolean | undefined;
  copies: boolean | "harder" = false;
  rewrites: BreakOptions | undefined;
  renameScore = MAX_SCORE / 2;
  renameLimit: number | undefined;
  abbrev: number | undefined;
  fullIndex = false;
  reverse = false;
  exitCode = false;
  quiet = false;
  cached = false;
  pickaxe: { kind: "S" | "G"; text: ByteString; regex: boolean; all: boolean } | undefined;
  filter: string | undefined;
  relative: ByteString | undefined;
  combined: "" | "c" | "cc" = "";
  mergeMode: "" | "m" | "first" | "off" = "";
  root = false;
  stdin = false;
  output: Partial<DiffFormatOptions> = {};
  linePrefix = "";
  check = false;
  dirstat: DirstatOptions | undefined;
  color: "always" | "never" | "auto" | undefined;
  wordDiff: "none" | WordDiffStyle = "none";
  wordRegex: ByteString | undefined;
  moved: "no" | "default" | MovedOptions["mode"] | undefined;
  movedWhitespace: ByteString | undefined;
  highlight: ByteString | undefined;
  externalDrivers: boolean | undefined;
  textconv: boolean | undefined;
  submodule: "short" | "log" | "diff" | undefined;
  orderFile: ByteString | undefined;
  ignoreLines: ByteString[] = [];
  renameEmpty = true;
  mergeGiven = false;

  /** Takes the options it knows out of `args`; the others are returned. */
  static parse(cli: Cli, args: readonly ByteString[]): { diff: DiffArguments; rest: ByteString[] } {
    const d = new DiffArguments();
    const rest: ByteString[] = [];
    const form = (): void => {
      d.given = true;
    };
    const score = (text: string): number => {
      if (text === "") return MAX_SCORE / 2;
      const percentText = /^(\d+(?:\.\d+)?)%$/.exec(text);
      if (percentText !== null) return Math.floor(Number(percentText[1]) * MAX_SCORE / 100);
      if (/^\d*\.\d+$/.test(text)) return Math.floor(Number(text) * MAX_SCORE);
      if (!/^\d+$/.test(text)) die(`invalid rename score '${text}'`);
      return Math.min(MAX_SCORE, Math.floor(Number(`0.${text}`) * MAX_SCORE));
    };
    for (let i = 0; i < args.length; i++) {
      const argument = args[i]!;
      const equals = argument.indexOf("=");
      const name = argument.startsWith("--") && equals >= 0 ? argument.slice(0, equals) : argument;
      const inline = argument.startsWith("--") && equals >= 0
        ? argument.slice(equals + 1)
        : undefined;
      const value = (): ByteString =>
        inline ?? args[++i] ?? die(`option '${name}' requires a value`);
      switch (name) {
        case "-p":
        case "-u":
        case "--patch":
          d.patch = true;
          d.noPatch = false;
          form();
          continue;
        case "-s":
        case "--no-patch":
          d.noPatch = true;
          form();
          continue;
        case "--raw":
          d.raw = true;
          form();
          continue;
        case "--patch-with-raw":
          d.patch = d.raw = true;
          form();
          continue;
        case "--patch-with-stat":
          d.patch = d.stat = true;
          form();
          continue;
        case "--stat": {
          d.stat = true;
          form();
          if (inline !== undefined) {
            const [width, nameWidth, count] = inline.split(",");
            d.output.statWidth = Number(width);
            if (nameWidth) d.output.statNameWidth = Number(nameWidth);
            if (count) d.output.statCount = Number(count);
          }
          continue;
        }
        case "--stat-width":
          d.output.statWidth = Number(value());
          d.stat = true;
          form();
          continue;
        case "--stat-name-width":
          d.output.statNameWidth = Number(value());
          d.stat = true;
          form();
          continue;
        case "--stat-graph-width":
          d.output.statGraphWidth = Number(value());
          d.stat = true;
          form();
          continue;
        case "--stat-count":
          d.output.statCount = Number(value());
          d.stat = true;
          form();
          continue;
        case "--compact-summary":
          d.output.compactSummary = true;
          d.stat = true;
          form();
          continue;
        case "--shortstat":
          d.shortstat = true;
          form();
          continue;
        case "--numstat":
          d.numstat = true;
          form();
          continue;
        case "--summary":
          d.summary = true;
          form();
          continue;
        case "--name-only":
          d.nameOnly = true;
          form();
          continue;
        case "--name-status":
          d.nameStatus = true;
          form();
          continue;
        case "-z":
          d.nul = true;
          continue;
        case "-r":
          d.recursive = true;
          continue;
        case "-t":
          d.recursive = true;
          d.showTrees = true;
          continue;
        case "-w":
        case "--ignore-all-space":
          d.output.ignoreAllSpace = true;
          continue;
        case "-b":
        case "--ignore-space-change":
          d.output.ignoreSpaceChange = true;
          continue;
        case "--ignore-space-at-eol":
          d.output.ignoreSpaceAtEol = true;
          continue;
        case "--ignore-cr-at-eol":
          d.output.ignoreCrAtEol = true;
          continue;
        case "--ignore-blank-lines":
          d.output.ignoreBlankLines = true;
          continue;
        case "--minimal":
          d.output.minimal = true;
          continue;
        case "--patience":
          d.output.algorithm = "patience";
          continue;
        case "--histogram":
          d.output.algorithm = "histogram";
          continue;
        case "--diff-algorithm": {
          const text = value();
          if (text === "minimal") d.output.minimal = true;
          d.output.algorithm = text === "patience" || text === "histogram" ? text : "myers";
          continue;
        }
        case "--indent-heuristic":
          d.output.indentHeuristic = true;
          continue;
        case "--no-indent-heuristic":
          d.output.indentHeuristic = false;
          continue;
        case "--unified":
          if (inline !== undefined) d.output.context = Number(inline);
          d.patch = true;
          form();
          continue;
        case "--inter-hunk-context":
          d.output.interHunk = Number(value());
          continue;
        case "-W":
        case "--function-context":
          d.output.functionContext = true;
          continue;
        case "-a":
        case "--text":
          d.output.text = true;
          continue;
        case "--binary":
          d.output.binary = true;
          d.fullIndex = true;
          d.patch = true;
          form();
          continue;
        case "--full-index":
          d.fullIndex = true;
          continue;
        case "--abbrev":
          d.abbrev = inline === undefined ? -1 : Number(inline);
          continue;
        case "--no-abbrev":
          d.abbrev = 0;
          continue;
        case "-R":
          d.reverse = true;
          continue;
        case "-D":
        case "--irreversible-delete":
          d.output.irreversibleDelete = true;
          continue;
        case "-M":
        case "--find-renames":
          d.findRenames = true;
          if (inline !== undefined) d.renameScore = score(inline);
          continue;
        case "--no-renames":
          d.findRenames = false;
          d.copies = false;
          continue;
        case "-C":
        case "--find-copies":
          d.findRenames = true;
          d.copies = d.copies !== false ? "harder" : true;
          if (inline !== undefined) d.renameScore = score(inline);
          continue;
        case "--find-copies-harder":
          d.findRenames = true;
          d.copies = "harder";
          continue;
        case "-B":
        case "--break-rewrites":
          d.rewrites = breakOptions(inline ?? "", score);
          continue;
        case "-l":
          d.renameLimit = Number(value());
          continue;
        case "--exit-code":
          d.exitCode = true;
          continue;
        case "--quiet":
          d.quiet = d.exitCode = true;
          continue;
        case "--cached":
        case "--staged":
          d.cached = true;
          continue;
        case "-S":
          d.pickaxe = {
            kind: "S",
            text: value(),
            regex: d.pickaxe?.regex ?? false,
            all: d.pickaxe?.all ?? false,
          };
          continue;
        case "-G":
          d.pickaxe = { kind: "G", text: value(), regex: true, all: d.pickaxe?.all ?? false };
          continue;
        case "--pickaxe-regex":
          d.pickaxe = {
            kind: "S",
            text: d.pickaxe?.text ?? "",
            regex: true,
            all: d.pickaxe?.all ?? false,
          };
          continue;
        case "--pickaxe-all":
          d.pickaxe = {
            kind: d.pickaxe?.kind ?? "S",
            text: d.pickaxe?.text ?? "",
            regex: d.pickaxe?.regex ?? false,
            all: true,
          };
          continue;
        case "--diff-filter":
          d.filter = value();
          continue;
        case "--relative":
          d.relative = inline === undefined
            ? cli.prefix
            : inline === "" || inline.endsWith("/")
            ? inline
            : `${inline}/`;
          continue;
        case "--no-relative":
          d.relative = undefined;
          continue;
        case "--src-prefix":
          d.output.oldPrefix = value();
          continue;
        case "--dst-prefix":
          d.output.newPrefix = value();
          continue;
        case "--no-prefix":
          d.output.oldPrefix = "";
          d.output.newPrefix = "";
          continue;
        case "--default-prefix":
          delete d.output.oldPrefix;
          delete d.output.newPrefix;
          continue;
        case "--line-prefix":
          d.linePrefix = value();
          continue;
        case "-c":
        case "--cc":
          d.setMerges(name === "-c" ? "c" : "cc");
          d.mergesImplyPatch = true;
          continue;
        case "-m":
          d.setMerges("m", cli);
          d.mergesNeedDiff = false;
          continue;
        case "--diff-merges":
          if (!d.setMerges(value(), cli)) {
            die(`invalid value for '--diff-merges': '${inline ?? args[i]}'`);
          }
          continue;
        case "--no-diff-merges":
          d.setMerges("off");
          continue;
        case "--check":
          d.check = true;
          form();
          continue;
        case "--ext-diff":
        case "--no-ext-diff":
          d.externalDrivers = name === "--ext-diff";
          continue;
        case "--textconv":
        case "--no-textconv":
          d.textconv = name === "--textconv";
          continue;
        case "--color-moved":
          d.moved = inline === undefined ? "default" : movedMode(inline) ??
            usage(`${MOVED_HELP}\nerror: bad --color-moved argument: ${inline}`);
          continue;
        case "--no-color-moved":
          d.moved = "no";
          continue;
        case "--color-moved-ws":
          d.movedWhitespace = value();
          movedWhitespace(d.movedWhitespace);
          continue;
        case "--no-color-moved-ws":
          d.movedWhitespace = "no";
          continue;
        case "--ws-error-highlight":
          d.highlight = value();
          highlighted(d.highlight) ??
            usage(`unknown value after ws-error-highlight=${d.highlight}`);
          continue;
        case "--output-indicator-new":
        case "--output-indicator-old":
        case "--output-indicator-context": {
          const mark = value();
          if (mark.length !== 1) usage(`${name} expects a character, got '${mark}'`);
          const marks: [string, string, string] = d.output.indicators ?? ["+", "-", " "];
          marks[name.endsWith("new") ? 0 : name.endsWith("old") ? 1 : 2] = mark;
          d.output.indicators = marks;
          continue;
        }
        case "--submodule": {
          const text = inline ?? "log";
          if (text !== "log" && text !== "short" && text !== "diff") {
            usage(`failed to parse --submodule option parameter: '${text}'`);
          }
          d.submodule = text;
          continue;
        }
        case "-O":
          d.orderFile = value();
          continue;
        case "--rename-empty":
        case "--no-rename-empty":
          d.renameEmpty = name === "--rename-empty";
          continue;
        case "--ita-invisible-in-index":
        case "--ignore-submodules":
          continue;
        case "--color":
          if (inline !== undefined && !/^(always|never|auto)$/.test(inline)) {
            throw new Exit(129, 'error: option `color\' expects "always", "auto", or "never"\n');
          }
          d.color = inline === undefined ? "always" : inline as "always";
          continue;
        case "--no-color":
          d.color = "never";
          continue;
        case "--word-diff":
          if (inline === undefined || inline === "plain") d.wordDiff = "plain";
          else if (inline === "color" || inline === "porcelain" || inline === "none") {
            d.wordDiff = inline;
          } else usage(`bad --word-diff argument: ${inline}`);
          if (d.wordDiff === "color") d.color = "always";
          continue;
        case "--color-words":
          d.wordDiff = "color";
          d.color = "always";
          if (inline !== undefined) d.wordRegex = inline;
          continue;
        case "--word-diff-regex":
          if (d.wordDiff === "none") d.wordDiff = "plain";
          d.wordRegex = value();
          continue;
        case "--ignore-matching-lines":
          d.ignoreLines.push(value());
          continue;
        case "--dirstat":
        case "--cumulative":
        case "--dirstat-by-file":
        case "-X": {
          d.dirstat ??= dirstatDefaults(cli);
          form();
          if (name === "--cumulative") d.dirstat.cumulative = true;
          if (name === "--dirstat-by-file") d.dirstat.mode = "files";
          const problem = dirstatParameters(d.dirstat, inline ?? "");
          if (problem !== "") die(`Failed to parse --dirstat/-X option parameter:\n${problem}`);
          continue;
        }
      }
      let match: RegExpExecArray | null;
      if ((match = /^-U(\d*)$/.exec(argument)) !== null) {
        if (match[1] !== "") d.output.context = Number(match[1]);
        d.patch = true;
        form();
      } else if ((match = /^-M([\d.]+%?)$/.exec(argument)) !== null) {
        d.findRenames = true;
        d.renameScore = score(match[1]!);
      } else if ((match = /^-C([\d.]+%?)$/.exec(argument)) !== null) {
        d.findRenames = true;
        d.copies = d.copies !== false ? "harder" : true;
        d.renameScore = score(match[1]!);
      } else if ((match = /^-B(.+)$/.exec(argument)) !== null) {
        d.rewrites = breakOptions(match[1]!, score);
      } else if ((match = /^-O(.+)$/s.exec(argument)) !== null) d.orderFile = match[1]!;
      else if ((match = /^-I(.+)$/s.exec(argument)) !== null) d.ignoreLines.push(match[1]!);
      else if ((match = /^-X(.+)$/s.exec(argument)) !== null) {
        d.dirstat ??= dirstatDefaults(cli);
        form();
        const problem = dirstatParameters(d.dirstat, match[1]!);
        if (problem !== "") die(`Failed to parse --dirstat/-X option parameter:\n${problem}`);
      } else if ((match = /^-l(\d+)$/.exec(argument)) !== null) d.renameLimit = Number(match[1]);
      else if ((match = /^-([SG])(.+)$/s.exec(argument)) !== null) {
        d.pickaxe = {
          kind: match[1] as "S" | "G",
          text: match[2]!,
          regex: match[1] === "G" || (d.pickaxe?.regex ?? false),
          all: d.pickaxe?.all ?? false,
        };
      } else rest.push(argument);
    }
    d.#normalise();
    return { diff: d, rest };
  }

  /** A patch is implied by the choice of how merges are shown. */
  mergesImplyPatch = false;
  /** A form of output is needed for merges once one is shown. */
  mergesNeedDiff = false;

  /** Forms that rule the others out. */
  #normalise(): void {
    if (this.noPatch || this.nameOnly || this.nameStatus || this.check) {
      this.patch =
        this.raw =
        this.stat =
        this.numstat =
        this.shortstat =
        this.summary =
          false;
      this.dirstat = undefined;
    }
  }

  /** How merges are shown, by the words of `--diff-merges`; `false` for other words. */
  setMerges(word: string, cli?: Cli): boolean {
    const forms: Record<string, [typeof this.combined, typeof this.mergeMode]> = {
      off: ["", "off"],
      none: ["", "off"],
      separate: ["", "m"],
      "1": ["", "first"],
      "first-parent": ["", "first"],
      c: ["c", ""],
      combined: ["c", ""],
      cc: ["cc", ""],
      "dense-combined": ["cc", ""],
    };
    if (word === "m" || word === "on") {
      const configured = cli?.config.get("log.diffmerges");
      word = configured === undefined || configured === "m" || configured === "on"
        ? "separate"
        : configured;
    }
    const found = forms[word];
    if (found === undefined) return false;
    [this.combined, this.mergeMode] = found;
    this.mergeGiven = true;
    this.mergesImplyPatch = false;
    this.mergesNeedDiff = this.mergeMode !== "off";
    return true;
  }

  /** `--first-parent`: merges are compared with their first parent. */
  firstParentMerges(): void {
    if (!this.mergeGiven) this.mergeMode = "first";
    if (this.mergeMode === "m") this.mergeMode = "first";
  }

  /** Asks for a patch where the choice for merges implies one. */
  finishMerges(): void {
    if ((this.mergesImplyPatch || this.mergesNeedDiff) && !this.given) {
      this.patch = this.given = true;
    }
  }

  /** Any form of output (not `-s`). */
  get anyOutput(): boolean {
    return this.given && (this.wantsPatch || this.wantsRaw || this.wantsStatForms ||
      this.nameOnly || this.nameStatus || this.check);
  }
  /** `-p` */
  get wantsPatch(): boolean {
    return this.patch && !this.noPatch;
  }
  /** `--raw` */
  get wantsRaw(): boolean {
    return this.raw;
  }
  /** `--stat` */
  get wantsStat(): boolean {
    return this.stat;
  }
  /** Any statistics. */
  get wantsStatForms(): boolean {
    return this.stat || this.numstat || this.shortstat || this.summary ||
      this.dirstat !== undefined;
  }
  /** Forms that look inside directories. */
  get needsRecursion(): boolean {
    return this.wantsPatch || this.wantsStatForms || this.check || this.pickaxe !== undefined ||
      this.combined !== "";
  }
  /** The same options with statistics only. */
  onlyStats(): DiffArguments {
    return Object.assign(new DiffArguments(), this, {
      patch: false,
      raw: false,
      nameOnly: false,
      nameStatus: false,
      linePrefix: "",
    });
  }

  /** Whether there is a difference: with whitespace or lines ignored only contents can tell. */
  differs(cli: Cli, pairs: readonly DiffPair[]): boolean {
    const { output } = this;
    const compare = pairs.filter((pair) => pair.status !== "");
    if (
      !(output.ignoreAllSpace || output.ignoreSpaceChange || output.ignoreSpaceAtEol ||
        output.ignoreCrAtEol || this.ignoreLines.length > 0)
    ) return compare.length > 0;
    const out = new ByteWriter();
    const store = cli.findRepository()?.objects ?? new MemoryObjectStore();
    const patches = new PatchWriter(store, this.format(cli), out);
    return compare.some((pair) => {
      patches.pair(pair);
      patches.finish();
      return out.length > 0;
    });
  }

  /** Whether output has colour. */
  useColor(cli: Cli): boolean {
    if (this.color === "always") return true;
    if (this.color === "never") return false;
    return cli.useColor(cli.config.has("color.diff") ? "color.diff" : "color.ui");
  }

  #colors: LogColors | undefined;
  /** The colours of output. */
  colors(cli: Cli): LogColors {
    return this.#colors ??= new LogColors(cli, this.useColor(cli));
  }

  /** A colour of a list; "" when it is none. */
  parseColor(text: ByteString): string {
    try {
      return colorSequence(text);
    } catch {
      return "";
    }
  }

  /** `diff.mnemonicPrefix`: prefixes that say what is compared. */
  mnemonicPrefixes(cli: Cli, before: string, after: string): void {
    if (
      !cli.config.bool("diff.mnemonicprefix", false) || this.output.oldPrefix !== undefined ||
      this.output.newPrefix !== undefined
    ) return;
    [this.output.oldPrefix, this.output.newPrefix] = this.reverse
      ? [after, before]
      : [before, after];
  }

  /** Puts `--line-prefix` in front of lines. */
  prefixLines(text: ByteString): ByteString {
    return this.linePrefix === "" || text === ""
      ? text
      : this.linePrefix + text.replace(/\n(?=[^])/g, `\n${this.linePrefix}`);
  }

  /** Fills in what the configuration says for commands for people. */
  applyConfig(cli: Cli): void {
    const { config } = cli;
    this.#checkMoved(cli);
    if (this.findRenames === undefined) {
      const setting = config.entry("diff.renames")?.value?.toLowerCase();
      if (setting === "copies" || setting === "copy") {
        this.findRenames = true;
        this.copies = true;
      } else this.findRenames = config.bool("diff.renames", true);
    }
    if (this.output.context === undefined) this.output.context = config.int("diff.context", 3);
    if (this.output.interHunk === undefined) {
      this.output.interHunk = config.int("diff.interhunkcontext", 0);
    }
    if (this.output.algorithm === undefined) {
      const algorithm = config.get("diff.algorithm");
      if (algorithm === "patience" || algorithm === "histogram") this.output.algorithm = algorithm;
      else if (algorithm === "minimal") this.output.minimal = true;
    }
    if (this.output.indentHeuristic === undefined) {
      this.output.indentHeuristic = config.bool("diff.indentheuristic", true);
    }
    if (config.bool("diff.noprefix", false) && this.output.oldPrefix === undefined) {
      this.output.oldPrefix = this.output.newPrefix = "";
    }
  }

  /** Detects renames, filters, searches. */
  process(cli: Cli, pairs: DiffPair[], unchanged: DiffPair[] = []): DiffPair[] {
    let out = pairs;
    if (this.relative !== undefined && this.relative !== "") {
      out = out.filter((pair) =>
        pair.new.path.startsWith(this.relative!) || pair.old.path.startsWith(this.relative!)
      );
    }
    if (this.reverse) {
      out = out.map((pair) => ({
        ...pair,
        old: pair.new,
        new: pair.old,
        status: pair.status === "A" ? "D" : pair.status === "D" ? "A" : pair.status,
      }));
    }
    const store = cli.repo.objects;
    if (this.rewrites !== undefined) out = breakRewrites(store, out, this.rewrites);
    if (this.findRenames) {
      out = detectRenames(store, out, {
        minimumScore: this.renameScore,
        copies: this.copies,
        empty: this.renameEmpty,
        limit: this.renameLimit ?? cli.config.int("diff.renamelimit") ?? 1000,
        sources: unchanged,
      });
    }
    if (this.rewrites !== undefined) out = mergeBroken(out);
    if (this.pickaxe !== undefined) out = this.#pickaxe(cli, out);
    if (this.filter !== undefined) {
      const wanted = this.filter;
      const upper = wanted.replace(/[^A-Z]/g, ""),
        lower = wanted.replace(/[^a-z]/g, "").toUpperCase();
      if (wanted.includes("*")) {
        if (!out.some((pair) => upper.includes(pair.status))) out = [];
      } else {out = out.filter((pair) =>
          (upper === "" || upper.includes(pair.status)) && !lower.includes(pair.status)
        );}
    }
    return out;
  }

  #pickaxe(cli: Cli, pairs: DiffPair[]): DiffPair[] {
    const { kind, text, regex, all } = this.pickaxe!;
    const pattern = regex || kind === "G"
      ? new PosixRegex(text, { extended: true, multiline: true })
      : undefined;
    const hit = (pair: DiffPair): boolean => {
      if (pair.status === "U") return false;
      const before = toByteString(fileContent(cli.repo.objects, pair.old)),
        after = toByteString(fileContent(cli.repo.objects, pair.new));
      if (kind === "G") {
        const patch = formatHunks(fromByteString(before), fromByteString(after), {
          ...this.output,
          context: 0,
        });
        return patch.split("\n").some((line) =>
          (line.startsWith("+") || line.startsWith("-")) && pattern!.test(line.slice(1))
        );
      }
      const count = (content: ByteString): number =>
        pattern === undefined ? content.split(text).length - 1 : countMatches(pattern, content);
      return count(before) !== count(after);
    };
    if (all) return pairs.some(hit) ? pairs : [];
    return pairs.filter(hit);
  }

  /** Formatting options for the library. */
  format(cli: Cli): DiffFormatOptions {
    const { config } = cli;
    const quoteHigh = config.bool("core.quotepath", true);
    const repository = cli.findRepository();
    const colored = this.useColor(cli);
    const highlight = this.highlight ?? config.get("diff.wserrorhighlight");
    const defaultWords = config.get("diff.wordregex");
    return {
      ...this.output,
      indentHeuristic: this.output.indentHeuristic ?? config.bool("diff.indentheuristic", true),
      abbrev: (id) =>
        repository === undefined
          ? id.slice(0, this.abbrev !== undefined && this.abbrev > 0 ? this.abbrev : 7)
          : this.abbrev !== undefined && this.abbrev > 0
          ? cli.abbrev(id, this.abbrev)
          : cli.abbrev(id),
      fullIndex: this.fullIndex || this.abbrev === 0,
      quote: (path) => quotePath(path, quoteHigh),
      nul: this.nul,
      reverse: this.reverse,
      textconv: this.textconv ?? this.convertsText,
      driver: this.#drivers ??= diffDrivers(cli, {
        external: this.externalDrivers ?? this.runsPrograms,
      }),
      compression: config.int("core.loosecompression") ?? config.int("core.compression") ?? 1,
      suppressBlankEmpty: config.bool("diff.suppressblankempty", false),
      ...(this.relative === undefined ? {} : { relative: this.relative }),
      ...(this.ignoreLines.length === 0 ? {} : { ignoreLines: this.#ignoreTests() }),
      ...(colored ? { colors: this.#diffColors(cli), moved: this.#movedOptions(cli) } : {}),
      ...(highlight === undefined ? {} : { highlight: highlighted(highlight) }),
      ...(this.wordDiff === "none" ? {} : { wordDiff: this.wordDiff }),
      ...(this.wordRegex === undefined ? {} : { wordRegex: this.wordRegex }),
      ...(defaultWords === undefined ? {} : { defaultWordRegex: defaultWords }),
      whitespace: (path) => whitespaceRule(cli, path),
    };
  }

  #drivers: DiffFormatOptions["driver"];
  /** Programs of `diff.external` and the like run unless told otherwise. */
  runsPrograms = false;
  /** `diff.<driver>.textconv` runs unless told otherwise. */
  convertsText = false;

  /** Settings of moved lines are looked at even where there is no colour. */
  #checkMoved(cli: Cli): void {
    this.#movedOptions(cli);
    const setting = cli.config.get("diff.colormovedws");
    try {
      movedWhitespace(setting ?? "no");
    } catch (error) {
      if (error instanceof Exit) {
        die(
          `unable to parse 'diff.colormovedws' from command-line config\n${error.text}`.trimEnd(),
        );
      }
      throw error;
    }
  }

  #movedOptions(cli: Cli): MovedOptions | undefined {
    const configured = cli.config.entry("diff.colormoved");
    const setting = configured === undefined ? "no" : movedMode(configured.value ?? "true") ??
      die(`unable to parse 'diff.colormoved' from command-line config`);
    const chosen = this.moved ?? setting;
    if (chosen === "no") return undefined;
    const fallback = setting === "no" || setting === "default" ? "zebra" : setting;
    const mode = chosen === "default" ? fallback : chosen;
    return {
      mode,
      ...movedWhitespace(this.movedWhitespace ?? cli.config.get("diff.colormovedws") ?? "no"),
    };
  }

  #ignoreTests(): ((line: ByteString) => boolean)[] {
    return this.ignoreLines.map((pattern) => {
      try {
        const expression = new PosixRegex(pattern, { extended: true, multiline: true });
        return (line: ByteString): boolean => expression.test(line);
      } catch {
        throw new Exit(129, `error: invalid regex given to -I: '${pattern}'\n`);
      }
    });
  }

  #diffColors(cli: Cli): DiffColors {
    const colors = this.colors(cli);
    return {
      meta: colors.diff("meta"),
      frag: colors.diff("frag"),
      func: colors.diff("func"),
      old: colors.diff("old"),
      new: colors.diff("new"),
      context: colors.diff("context"),
      whitespace: colors.diff("whitespace"),
      reset: colors.reset,
      ...(["old", "new"] as const).reduce((all, side) => ({
        ...all,
        [`${side}Moved`]: ["", "Alternative", "Dimmed", "AlternativeDimmed"].map((kind) =>
          colors.diff(`${side}Moved${kind}`)
        ),
      }), {}),
    };
  }

  /** Whether `--raw` and its kin show whole ids. */
  rawAbbrev(cli: Cli, fallbackFull: boolean): (id: ObjectId) => string {
    if (this.abbrev === 0 || (this.abbrev === undefined && fallbackFull)) return (id) => id;
    const width = this.abbrev === undefined || this.abbrev < 0 ? undefined : this.abbrev;
    // Scripts from before abbreviations lost their dots can have them back.
    const dots = cli.env.get("GIT_PRINT_SHA1_ELLIPSIS")?.toLowerCase() === "yes" ? "..." : "";
    return (id) => {
      const short = /^0+$/.test(id)
        ? id.slice(0, width ?? (cli.findRepository() === undefined ? 7 : cli.abbrevLength))
        : cli.abbrev(id, width);
      return short.length < id.length ? short + dots : short;
    };
  }

  /** Pairs in all forms asked for. */
  show(
    cli: Cli,
    pairs: DiffPair[],
    rawFull: boolean,
    options: { statSeparator?: ByteString; indent?: number } = {},
  ): ByteString {
    const out = new ByteWriter();
    this.write(cli, out, pairs, rawFull, options);
    return toByteString(out.view());
  }

  /** Writes pairs in all forms asked for. */
  write(
    cli: Cli,
    writer: ByteWriter,
    pairs: DiffPair[],
    rawFull: boolean,
    options: { statSeparator?: ByteString; indent?: number } = {},
  ): void {
    const format = this.format(cli);
    const store = cli.findRepository()?.objects ?? new MemoryObjectStore();
    let out = "";
    let separator = false;
    const compare = pairs.filter((pair) => pair.status !== "");
    if (compare.length === 0) return;
    if (this.raw) {
      out += formatRaw(store, compare, { ...format, abbrev: this.rawAbbrev(cli, rawFull) });
      separator = true;
    }
    if (this.nameStatus || this.nameOnly) {
      out += formatNames(compare, this.nameStatus, format);
      separator = true;
    }
    if (this.check) {
      const problems = checkWhitespace(cli, compare, format);
      this.problems ||= problems !== "";
      out += problems;
      separator = true;
    }
    const lines = this.stat || this.numstat || this.shortstat || this.dirstat?.mode === "lines"
      ? diffStats(store, compare, format)
      : [];
    if (this.stat || this.numstat || this.shortstat) {
      if (this.numstat) out += formatNumStat(lines, format);
      if (this.stat) {
        const width = (format.statWidth ?? (rawFull ? 80 : terminalColumns(cli))) -
          (rawFull ? 0 : this.linePrefix.length + (options.indent ?? 0));
        out += formatStat(lines, { ...format, statWidth: width });
      }
      if (this.shortstat && !this.stat) out += formatShortStat(lines);
      separator = true;
    }
    if (this.dirstat !== undefined) {
      out += formatDirstat(store, compare, lines, this.dirstat, format);
    }
    if (this.summary && compare.length > 0) {
      const text = formatSummary(compare, format);
      out += text;
      separator ||= text !== "";
    }
    if (this.wantsPatch) {
      if (separator) out += this.nul ? "\0" : `\n${options.statSeparator ?? ""}`;
      const target = this.linePrefix === "" ? writer : new ByteWriter();
      writer.text(this.prefixLines(out));
      out = "";
      const patches = new PatchWriter(store, format, target);
      countExternal(compare.length);
      for (const pair of compare) patches.pair(relativePair(pair, this.relative));
      patches.finish();
      if (target !== writer) out = toByteString(target.view());
    }
    writer.text(this.prefixLines(out));
  }

  /** `--check` found something. */
  problems = false;
}

/** The scores of `-B<break>/<merge>`. */
function breakOptions(text: string, score: (text: string) => number): BreakOptions {
  const [first, second] = text.split("/");
  return {
    ...(first ? { breakScore: score(first) } : {}),
    ...(second ? { mergeScore: score(second) } : {}),
  };
}

/** Fails as a command does that is used wrongly. */
function usage(text: ByteString): never {
  throw new Exit(129, `error: ${text}\n`);
}

/** A mode of `--color-moved`; `undefined` for a word that is none. */
function movedMode(text: ByteString): "no" | "default" | MovedOptions["mode"] | undefined {
  const word = text.toLowerCase();
  if (/^(true|yes|on|1)$/.test(word)) return "default";
  if (/^(false|no|off|0|)$/.test(word)) return "no";
  if (text === "dimmed_zebra") return "dimmed-zebra";
  return ["default", "plain", "blocks", "zebra", "dimmed-zebra"].includes(text)
    ? text as "default"
    : undefined;
}

const MOVED_HELP = "color moved setting must be one of 'no', 'default', 'blocks', 'zebra', " +
  "'dimmed-zebra', 'plain'";

/** The modes of `--color-moved-ws`. */
function movedWhitespace(text: ByteString): { whitespace: LineDiffOptions; indentation: boolean } {
  let whitespace: LineDiffOptions = {};
  let indentation = false;
  for (const word of text.split(",").map((one) => one.trim())) {
    if (word === "no") [whitespace, indentation] = [{}, false];
    else if (word === "ignore-space-change") whitespace.ignoreSpaceChange = true;
    else if (word === "ignore-space-at-eol") whitespace.ignoreSpaceAtEol = true;
    else if (word === "ignore-all-space") whitespace.ignoreAllSpace = true;
    else if (word === "allow-indentation-change") indentation = true;
    else {
      usage(
        `unknown color-moved-ws mode '${word}', possible values are 'ignore-space-change', ` +
          "'ignore-space-at-eol', 'ignore-all-space', 'allow-indentation-change'",
      );
    }
  }
  if (indentation && Object.keys(whitespace).length > 0) {
    usage(
      "color-moved-ws: allow-indentation-change cannot be combined with other whitespace modes",
    );
  }
  return { whitespace, indentation };
}

/** The lines of `--ws-error-highlight`; `undefined` for a word that is not known. */
function highlighted(text: ByteString): WhitespaceHighlight | undefined {
  let out: WhitespaceHighlight = { old: false, new: false, context: false };
  for (const word of text.split(",")) {
    if (word === "none") out = { old: false, new: false, context: false };
    else if (word === "default") out = { old: false, new: true, context: false };
    else if (word === "all") out = { old: true, new: true, context: true };
    else if (word === "old" || word === "new" || word === "context") out[word] = true;
    else return undefined;
  }
  return out;
}

/** Columns of the terminal, or of what stands for it. */
export function terminalColumns(cli: Cli): number {
  const columns = Number(cli.env.get("COLUMNS"));
  if (columns > 0) return Math.floor(columns);
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 80;
  } catch {
    return 80;
  }
}

function dirstatDefaults(cli: Cli): DirstatOptions {
  const out: DirstatOptions = { mode: "changes", cumulative: false, permille: 30 };
  const configured = cli.config.get("diff.dirstat");
  if (configured !== undefined) {
    const problem = dirstatParameters(out, configured);
    if (problem !== "") {
      cli.warn(`Found errors in 'diff.dirstat' config variable:\n${problem.replace(/\n$/, "")}`);
    }
  }
  return out;
}

/** Takes the parameters of `--dirstat`; returns what is wrong with them. */
function dirstatParameters(into: DirstatOptions, text: ByteString): ByteString {
  let problem = "";
  for (const word of text === "" ? [] : text.split(",")) {
    if (word === "changes" || word === "lines" || word === "files") into.mode = word;
    else if (word === "noncumulative") into.cumulative = false;
    else if (word === "cumulative") into.cumulative = true;
    else if (/^\d/.test(word)) {
      const match = /^(\d+)(?:\.(\d)\d*)?$/.exec(word);
      if (match === null) problem += `  Failed to parse dirstat cut-off percentage '${word}'\n`;
      else into.permille = Number(match[1]) * 10 + Number(match[2] ?? 0);
    } else problem += `  Unknown dirstat parameter '${word}'\n`;
  }
  return problem;
}

function relativePair(pair: DiffPair, relative: ByteString | undefined): DiffPair {
  if (relative === undefined || relative === "") return pair;
  const cut = (
    path: ByteString,
  ): ByteString => (path.startsWith(relative) ? path.slice(relative.length) : path);
  return {
    ...pair,
    old: { ...pair.old, path: cut(pair.old.path) },
    new: { ...pair.new, path: cut(pair.new.path) },
  };
}

/** Date mode from `--date` and `log.date`. */
export function dateMode(cli: Cli, text: ByteString | undefined): DateMode | undefined {
  const chosen = text ?? cli.config.get("log.date");
  return chosen === undefined ? undefined : parseDateMode(chosen);
}

/** A time given as text. */
export function timeArgument(cli: Cli, text: ByteString): number {
  return approximateDate(text, currentTime(cli.env.get("GIT_TEST_DATE_NOW")));
}
