/**
 * `git grep`.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { lstat, readFileIfAny, readTextIfAny } from "../_files.ts";
import { looksBinary } from "../diff_format.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isGitlinkMode, isTreeMode } from "../objects.ts";
import { peelTo, readBlob, readTree } from "../object_store.ts";
import type { Pathspec } from "../pathspec.ts";
import { PosixRegex } from "../posix_regex.ts";
import { listUntracked } from "../status.ts";
import { attributesOf } from "../worktree_content.ts";
import { type Cli, die, Exit, quotePath, relativeToPrefix } from "./_context.ts";
import { makePathspec } from "./_revs.ts";

const USAGE = "git grep [<options>] [-e] <pattern> [<rev>...] [[--] <path>...]";

/** What a line is asked: a pattern, or several joined. */
type Test =
  | { kind: "pattern"; pattern: PosixRegex; index: number }
  | { kind: "not"; inner: Test }
  | { kind: "and" | "or"; left: Test; right: Test };

interface Settings {
  type: "basic" | "extended" | "fixed";
  ignoreCase: boolean;
  word: boolean;
  invert: boolean;
  lineNumber: boolean;
  column: boolean;
  names: "with" | "without" | undefined;
  list: "matching" | "missing" | undefined;
  count: boolean;
  only: boolean;
  quiet: boolean;
  heading: boolean;
  breaks: boolean;
  nul: boolean;
  before: number;
  after: number;
  functionContext: boolean;
  showFunction: boolean;
  text: boolean;
  skipBinary: boolean;
  max: number;
  maxDepth: number;
  fullName: boolean;
  allMatch: boolean;
}

const SPECIAL = /[.[\]{}()*+?^$|\\]/g;

function compile(source: ByteString, s: Settings): PosixRegex {
  try {
    if (s.type === "fixed") {
      return new PosixRegex(
        source.replace(SPECIAL, (c) => c === "^" ? "\\^" : c === "]" || c === "}" ? c : `\\${c}`),
        {
          extended: true,
          ignoreCase: s.ignoreCase,
        },
      );
    }
    return new PosixRegex(source, { extended: s.type === "extended", ignoreCase: s.ignoreCase });
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    die(`command line, '${source}': ${error.message}`);
  }
}

function isWordByte(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
}

/** The next match of a pattern in a line, as a word where asked. */
function find(
  pattern: PosixRegex,
  line: ByteString,
  from: number,
  word: boolean,
): { start: number; end: number } | undefined {
  if (!word) return pattern.exec(line, from);
  for (let at = from; at <= line.length;) {
    const found = pattern.exec(line, at);
    if (found === undefined) return undefined;
    const before = found.start === 0 || !isWordByte(line.charCodeAt(found.start - 1));
    const after = found.end === line.length || !isWordByte(line.charCodeAt(found.end));
    if (found.start !== found.end && before && after) return found;
    // Go on behind the word in which this match lies.
    at = found.start + 1;
    while (
      at < line.length && isWordByte(line.charCodeAt(at - 1)) && isWordByte(line.charCodeAt(at))
    ) at++;
  }
  return undefined;
}

class Grep {
  readonly cli: Cli;
  readonly s: Settings;
  readonly test: Test;
  readonly patterns: PosixRegex[];
  hit = false;
  #last: ByteString | undefined;
  #binary: (path: ByteString) => boolean | undefined;

  constructor(cli: Cli, s: Settings, test: Test, patterns: PosixRegex[]) {
    this.cli = cli;
    this.s = s;
    this.test = test;
    this.patterns = patterns;
    const repository = cli.findRepository();
    const attributes = repository === undefined ? undefined : attributesOf(repository);
    this.#binary = (path) => {
      const diff = attributes?.get(path).get("diff");
      return diff === false ? true : diff === true || typeof diff === "string" ? false : undefined;
    };
  }

  matches(test: Test, line: ByteString): boolean {
    switch (test.kind) {
      case "pattern":
        return this.s.word
          ? find(test.pattern, line, 0, true) !== undefined
          : test.pattern.test(line);
      case "not":
        return !this.matches(test.inner, line);
      case "and":
        return this.matches(test.left, line) && this.matches(test.right, line);
      case "or":
        return this.matches(test.left, line) || this.matches(test.right, line);
    }
  }

  /** The first match of any pattern from a place on. */
  #nextMatch(line: ByteString, from: number): { start: number; end: number } | undefined {
    let best: { start: number; end: number } | undefined;
    for (const pattern of this.patterns) {
      const found = find(pattern, line, from, this.s.word);
      if (
        found !== undefined &&
        (best === undefined || found.start < best.start ||
          (found.start === best.start && found.end > best.end))
      ) best = found;
    }
    return best;
  }

  /** Looks through one file. Returns whether anything was found. */
  file(path: ByteString, data: Uint8Array, prefix: ByteString): boolean {
    const { cli, s } = this;
    const shownPath = s.fullName ? path : relativeToPrefix(path, cli.prefix);
    const name = prefix +
      (s.nul ? shownPath : quotePath(shownPath, cli.config.bool("core.quotepath", true)));
    const binary = !s.text && (this.#binary(path) ?? looksBinary(data));
    if (binary && s.skipBinary) return false;
    const text = toByteString(data);
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    // Most files do not match at all.
    const hits: number[] = [];
    const seen = new Set<number>();
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i]!;
      if (s.allMatch) this.patterns.forEach((pattern, k) => pattern.test(line) && seen.add(k));
      if (this.matches(this.test, line) !== s.invert) {
        hits.push(i);
        if (!s.allMatch && (binary || s.quiet || (s.list !== undefined))) break;
        if (hits.length >= s.max) break;
      }
    }
    if (s.allMatch && seen.size < this.patterns.length) hits.length = 0;
    if (hits.length === 0) {
      if (s.list === "missing") {
        if (!s.quiet) cli.out(`${name}${s.nul ? "\0" : "\n"}`);
        return true;
      }
      return false;
    }
    if (s.list === "missing") return false;
    if (s.quiet) return true;
    if (s.list === "matching") {
      cli.out(`${name}${s.nul ? "\0" : "\n"}`);
      return true;
    }
    if (s.count) {
      cli.out(`${s.names === "without" ? "" : `${name}${s.nul ? "\0" : ":"}`}${hits.length}\n`);
      return true;
    }
    if (binary) {
      cli.out(`Binary file ${name} matches\n`);
      return true;
    }
    this.#show(name, lines, hits);
    return true;
  }

  #show(name: ByteString, lines: readonly ByteString[], hits: readonly number[]): void {
    const { cli, s } = this;
    const first = this.#last === undefined;
    if (!first && s.breaks) cli.out("\n");
    if (s.heading && s.names !== "without") cli.out(`${name}${s.nul ? "\0" : "\n"}`);
    const isFunction = (line: ByteString): boolean => /^[A-Za-z_$]/.test(line);
    const marked = new Set(hits);
    const around = s.before > 0 || s.after > 0 || s.functionContext;
    let previous = -1;
    const put = (i: number, sign: string): void => {
      const line = lines[i]!;
      let head = "";
      if (s.names !== "without" && !s.heading) head += `${name}${s.nul ? "\0" : sign}`;
      if (s.lineNumber) head += `${i + 1}${sign}`;
      if (sign === ":" && s.only && !s.invert) {
        for (let at = 0; at <= line.length;) {
          const found = this.#nextMatch(line, at);
          if (found === undefined) break;
          if (found.end > found.start) {
            cli.out(
              `${head}${s.column ? `${found.start + 1}:` : ""}${
                line.slice(found.start, found.end)
              }\n`,
            );
          }
          at = Math.max(found.end, found.start + 1);
        }
        return;
      }
      if (s.column && sign === ":") {
        const found = s.invert ? undefined : this.#nextMatch(line, 0);
        head += `${(found?.start ?? 0) + 1}${sign}`;
      }
      cli.out(`${head}${line}\n`);
    };
    let shownFunction = -1;
    for (let k = 0; k < hits.length; k++) {
      const at = hits[k]!;
      let from = around ? Math.max(previous + 1, at - s.before) : at;
      let to = around ? Math.min(lines.length - 1, at + s.after) : at;
      if (s.functionContext) {
        let up = at;
        while (up > 0 && !isFunction(lines[up]!)) up--;
        let down = at + 1;
        while (down < lines.length && !isFunction(lines[down]!)) down++;
        from = Math.max(previous + 1, Math.min(from, isFunction(lines[up]!) ? up : at));
        let last = down - 1;
        while (last > at && lines[last] === "") last--;
        to = Math.max(to, last);
      }
      if (around && from > previous + 1 && (previous >= 0 || (!first && k === 0 && !s.breaks))) {
        cli.out("--\n");
      } else if (around && k === 0 && !first && !s.breaks) cli.out("--\n");
      if (s.showFunction) {
        let up = from - 1;
        while (up >= 0 && !isFunction(lines[up]!)) up--;
        if (up > shownFunction && up > previous && !isFunction(lines[from]!)) {
          put(up, "=");
          shownFunction = up;
        }
      }
      const next = hits[k + 1];
      if (next !== undefined) to = Math.min(to, next - 1);
      for (let i = from; i <= to; i++) {
        if (i <= previous) continue;
        const heads = s.functionContext && i < at && isFunction(lines[i]!);
        put(i, marked.has(i) ? ":" : heads ? "=" : "-");
      }
      previous = Math.max(previous, to);
    }
    this.#last = name;
  }
}

/** `git grep`; 0 when something was found, 1 when not. */
export function grep(cli: Cli, args: ByteString[]): number {
  const configured = cli.config.get("grep.patterntype");
  const s: Settings = {
    type: configured === "extended" ||
        (configured === undefined && cli.config.bool("grep.extendedregexp", false))
      ? "extended"
      : configured === "fixed"
      ? "fixed"
      : "basic",
    ignoreCase: false,
    word: false,
    invert: false,
    lineNumber: cli.config.bool("grep.linenumber", false) ?? false,
    column: cli.config.bool("grep.column", false) ?? false,
    names: undefined,
    list: undefined,
    count: false,
    only: false,
    quiet: false,
    heading: false,
    breaks: false,
    nul: false,
    before: 0,
    after: 0,
    functionContext: false,
    showFunction: false,
    text: false,
    skipBinary: false,
    max: Infinity,
    maxDepth: Infinity,
    fullName: cli.config.bool("grep.fullname", false) ?? false,
    allMatch: false,
  };
  let cached = false, untracked = false, noIndex = false, standard: boolean | undefined;
  let recursive = true;
  const tokens: ({ pattern: ByteString } | { operator: string })[] = [];
  const rest: ByteString[] = [];
  let dashes = -1;
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--") {
      dashes = rest.length;
      rest.push(...args.slice(i + 1));
      break;
    }
    if (word === "-" || !word.startsWith("-")) {
      if (word === "(" || word === ")") tokens.push({ operator: word });
      else rest.push(word);
      continue;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const value = (): ByteString =>
        equals < 0
          ? args[++i] ?? die(`option \`${name}' requires a value`)
          : word.slice(equals + 1);
      switch (name) {
        case "and":
        case "or":
        case "not":
          tokens.push({ operator: name });
          break;
        case "cached":
          cached = true;
          break;
        case "no-index":
          noIndex = true;
          break;
        case "untracked":
          untracked = true;
          break;
        case "exclude-standard":
          standard = true;
          break;
        case "no-exclude-standard":
          standard = false;
          break;
        case "all-match":
          s.allMatch = true;
          break;
        case "invert-match":
          s.invert = true;
          break;
        case "ignore-case":
          s.ignoreCase = true;
          break;
        case "word-regexp":
          s.word = true;
          break;
        case "text":
          s.text = true;
          break;
        case "recursive":
          recursive = true;
          break;
        case "no-recursive":
          recursive = false;
          break;
        case "max-depth":
          s.maxDepth = Number(value());
          if (s.maxDepth < 0) s.maxDepth = Infinity;
          break;
        case "extended-regexp":
          s.type = "extended";
          break;
        case "basic-regexp":
          s.type = "basic";
          break;
        case "fixed-strings":
          s.type = "fixed";
          break;
        case "perl-regexp":
          die("cannot use Perl-compatible regexes; use -E, -G or -F");
          break;
        case "line-number":
          s.lineNumber = true;
          break;
        case "no-line-number":
          s.lineNumber = false;
          break;
        case "column":
          s.column = true;
          break;
        case "no-column":
          s.column = false;
          break;
        case "full-name":
          s.fullName = true;
          break;
        case "files-with-matches":
        case "name-only":
          s.list = "matching";
          break;
        case "files-without-match":
          s.list = "missing";
          break;
        case "null":
          s.nul = true;
          break;
        case "only-matching":
          s.only = true;
          break;
        case "count":
          s.count = true;
          break;
        case "break":
          s.breaks = true;
          break;
        case "heading":
          s.heading = true;
          break;
        case "context":
          s.before = s.after = Number(value());
          break;
        case "before-context":
          s.before = Number(value());
          break;
        case "after-context":
          s.after = Number(value());
          break;
        case "show-function":
          s.showFunction = true;
          break;
        case "function-context":
          s.functionContext = true;
          break;
        case "quiet":
          s.quiet = true;
          break;
        case "max-count":
          s.max = Number(value());
          break;
        case "threads":
          value();
          break;
        case "color":
        case "no-color":
        case "textconv":
        case "no-textconv":
        case "no-exclude":
        case "recurse-submodules":
        case "no-recurse-submodules":
          break;
        default:
          throw new Exit(129, `error: unknown option \`${name}'\nusage: ${USAGE}\n`);
      }
      continue;
    }
    if (/^-\d+$/.test(word)) {
      s.before = s.after = Number(word.slice(1));
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const c = word[at]!;
      const value = (): ByteString => {
        const tail = word.slice(at + 1);
        at = word.length;
        return tail !== "" ? tail : args[++i] ?? die(`switch \`${c}' requires a value`);
      };
      switch (c) {
        case "v":
          s.invert = true;
          break;
        case "i":
          s.ignoreCase = true;
          break;
        case "w":
          s.word = true;
          break;
        case "a":
          s.text = true;
          break;
        case "I":
          s.skipBinary = true;
          break;
        case "r":
          recursive = true;
          break;
        case "E":
          s.type = "extended";
          break;
        case "G":
          s.type = "basic";
          break;
        case "F":
          s.type = "fixed";
          break;
        case "P":
          die("cannot use Perl-compatible regexes; use -E, -G or -F");
          break;
        case "n":
          s.lineNumber = true;
          break;
        case "h":
          s.names = "without";
          break;
        case "H":
          s.names = "with";
          break;
        case "l":
          s.list = "matching";
          break;
        case "L":
          s.list = "missing";
          break;
        case "z":
          s.nul = true;
          break;
        case "o":
          s.only = true;
          break;
        case "c":
          s.count = true;
          break;
        case "q":
          s.quiet = true;
          break;
        case "p":
          s.showFunction = true;
          break;
        case "W":
          s.functionContext = true;
          break;
        case "A":
          s.after = Number(value());
          break;
        case "B":
          s.before = Number(value());
          break;
        case "C":
          s.before = s.after = Number(value());
          break;
        case "m":
          s.max = Number(value());
          break;
        case "e":
          tokens.push({ pattern: value() });
          break;
        case "f": {
          const file = value();
          const text = file === "-"
            ? toByteString(cli.readStdin())
            : readTextIfAny(cli.fileArgument(file)) ?? die(`cannot open '${file}'`);
          for (const line of text.replace(/\n$/, "").split("\n")) tokens.push({ pattern: line });
          break;
        }
        default:
          throw new Exit(129, `error: unknown switch \`${c}'\nusage: ${USAGE}\n`);
      }
    }
  }
  if (!tokens.some((token) => "pattern" in token)) {
    const first = rest.shift();
    if (first === undefined) throw new Exit(128, "fatal: no pattern given\n");
    if (dashes > 0) dashes--;
    for (const line of first.split("\n")) tokens.push({ pattern: line });
  }
  const patterns: PosixRegex[] = [];
  const test = parseTests(tokens, s, patterns);
  if (s.names === undefined) s.names = "with";
  const repository = noIndex ? undefined : cli.findRepository();
  if (repository === undefined && !noIndex) {
    if (!cli.config.bool("grep.fallbacktonoindex", false)) void cli.repo;
    noIndex = true;
  }
  const trees: { id: ObjectId; name: ByteString; commit: boolean }[] = [];
  let at = 0;
  if (repository !== undefined) {
    for (; at < (dashes < 0 ? rest.length : dashes); at++) {
      const name = rest[at]!;
      let id: ObjectId | undefined;
      try {
        id = cli.tryRevision(name);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
      }
      if (id === undefined) {
        if (dashes >= 0) die(`unable to resolve revision: ${name}`);
        break;
      }
      trees.push({ id, name, commit: true });
    }
  }
  if (trees.length > 0 && cached) die("both --cached and trees are given");
  if (trees.length > 0 && untracked) die("--untracked not supported with --cached or trees");
  const paths = rest.slice(at);
  if (dashes < 0 && repository !== undefined && trees.length === 0 || dashes < 0) {
    for (const path of paths) {
      if (path.startsWith(":") || /[*?[]/.test(path)) continue;
      if (lstat(cli.fileArgument(path)) === undefined) {
        die(
          `ambiguous argument '${path}': unknown revision or path not in the working tree.\nUse '--' to separate paths from revisions, like this:\n'git <command> [<revision>...] -- [<file>...]'`,
        );
      }
    }
  }
  const run = new Grep(cli, s, test, patterns);
  let found = false;
  const deep = (path: ByteString): boolean => {
    if (recursive && s.maxDepth === Infinity) return true;
    const limit = recursive ? s.maxDepth : 0;
    const bases = paths.length > 0
      ? paths.map((one) => cli.pathArgument(one))
      : [cli.prefix.replace(/\/$/, "")];
    return bases.some((base) => {
      const below = base === ""
        ? path
        : path === base
        ? ""
        : path.startsWith(`${base}/`)
        ? path.slice(base.length + 1)
        : undefined;
      return below !== undefined && below.split("/").length - 1 <= limit;
    });
  };
  if (noIndex || repository === undefined) {
    found = grepFiles(cli, run, paths.length > 0 ? paths : ["."], deep);
    return found ? 0 : 1;
  }
  const spec = paths.length > 0
    ? makePathspec(cli, paths)
    : cli.prefix === ""
    ? undefined
    : makePathspec(cli, ["."]);
  if (trees.length > 0) {
    for (const { id, name } of trees) {
      const type = repository.objects.describe(id)?.type;
      if (type === "blob") {
        found = run.file(name, readBlob(repository.objects, id), "") || found;
        continue;
      }
      const tree = peelTo(repository.objects, id, "tree");
      if (tree === undefined) die(`unable to grep from object of type ${type}`);
      found = grepTree(cli, run, tree, `${name}:`, spec, deep) || found;
      if (found && s.quiet) return 0;
    }
    return found ? 0 : 1;
  }
  const index = repository.readIndex();
  let last = "";
  const list: { path: ByteString; read: () => Uint8Array | undefined }[] = [];
  for (const entry of index.entries) {
    if (entry.path === last || isGitlinkMode(entry.mode)) continue;
    if (spec !== undefined && !spec.matches(entry.path)) continue;
    if (!deep(entry.path)) continue;
    if (cached && entry.stage !== 0) continue;
    last = entry.path;
    list.push({
      path: entry.path,
      read: cached || entry.skipWorktree ? () => readBlob(repository.objects, entry.id) : () => {
        const info = lstat(repository.worktreePath(entry.path));
        return info === undefined || !info.isFile
          ? undefined
          : readFileIfAny(repository.worktreePath(entry.path));
      },
    });
  }
  if (untracked) {
    const found = listUntracked(repository, index, {
      collapse: false,
      ignored: standard === false,
      pathspec: spec,
    });
    for (const path of [...found.untracked, ...(standard === false ? found.ignored : [])]) {
      if (path.endsWith("/") || !deep(path)) continue;
      list.push({ path, read: () => readFileIfAny(repository.worktreePath(path)) });
    }
    list.sort((a, b) => a.path < b.path ? -1 : 1);
  }
  for (const { path, read } of list) {
    const data = read();
    if (data === undefined) continue;
    if (run.file(path, data, "")) {
      found = true;
      if (s.quiet) return 0;
    }
  }
  return found ? 0 : 1;
}

function grepTree(
  cli: Cli,
  run: Grep,
  root: ObjectId,
  prefix: ByteString,
  spec: Pathspec | undefined,
  deep: (path: ByteString) => boolean,
): boolean {
  const { objects } = cli.repo;
  let found = false;
  const files: { path: ByteString; id: ObjectId }[] = [];
  const stack: { id: ObjectId; path: ByteString }[] = [{ id: root, path: "" }];
  while (stack.length > 0) {
    const { id, path } = stack.pop()!;
    for (const entry of readTree(objects, id)) {
      const at = path + entry.name;
      if (isTreeMode(entry.mode)) stack.push({ id: entry.id, path: `${at}/` });
      else if (
        !isGitlinkMode(entry.mode) && entry.mode !== 0o120000 &&
        (spec === undefined || spec.matches(at)) && deep(at)
      ) files.push({ path: at, id: entry.id });
    }
  }
  files.sort((a, b) => a.path < b.path ? -1 : 1);
  objects.prefetch(files.map((file) => file.id));
  for (const { path, id } of files) {
    if (run.file(path, readBlob(objects, id), prefix)) {
      found = true;
      if (run.s.quiet) return true;
    }
  }
  return found;
}

function grepFiles(
  cli: Cli,
  run: Grep,
  roots: readonly ByteString[],
  deep: (path: ByteString) => boolean,
): boolean {
  let found = false;
  const visit = (path: ByteString): void => {
    const native = cli.fileArgument(path);
    const info = lstat(native);
    if (info === undefined) return;
    if (info.isDirectory) {
      const names = [...Deno.readDirSync(native)].map((entry) => entry.name).filter((name) =>
        name !== ".git"
      ).sort();
      for (const name of names) visit(path === "." ? name : `${path.replace(/\/$/, "")}/${name}`);
    } else if (info.isFile && deep(path)) {
      const data = readFileIfAny(native);
      if (data !== undefined && run.file(path, data, "")) found = true;
    }
  };
  for (const root of roots) visit(root);
  return found;
}

/** Patterns next to each other are alternatives; `--and` binds closer, `--not` closest. */
function parseTests(
  tokens: readonly ({ pattern: ByteString } | { operator: string })[],
  s: Settings,
  patterns: PosixRegex[],
): Test {
  let at = 0;
  const peek = (): string | undefined => {
    const token = tokens[at];
    return token !== undefined && "operator" in token ? token.operator : undefined;
  };
  const atom = (depth: number): Test => {
    if (depth > 200) die("expression is nested too deeply");
    const token = tokens[at++];
    if (token === undefined) die("not a pattern expression");
    if ("pattern" in token) {
      const pattern = compile(token.pattern, s);
      patterns.push(pattern);
      return { kind: "pattern", pattern, index: patterns.length - 1 };
    }
    if (token.operator === "not") {
      if (at >= tokens.length) die("--not not followed by pattern expression");
      return { kind: "not", inner: atom(depth + 1) };
    }
    if (token.operator === "(") {
      const inner = or(depth + 1);
      if (peek() !== ")") die("unmatched parenthesis");
      at++;
      return inner;
    }
    return die(
      token.operator === ")"
        ? "unmatched parenthesis"
        : `--${token.operator} not followed by pattern expression`,
    );
  };
  const and = (depth: number): Test => {
    let left = atom(depth);
    while (peek() === "and") {
      at++;
      if (at >= tokens.length) die("--and not followed by pattern expression");
      left = { kind: "and", left, right: atom(depth) };
    }
    return left;
  };
  const or = (depth: number): Test => {
    let left = and(depth);
    while (at < tokens.length && peek() !== ")") {
      if (peek() === "or") at++;
      left = { kind: "or", left, right: and(depth) };
    }
    return left;
  };
  const test = or(0);
  if (at < tokens.length) die("incomplete pattern expression: unmatched parenthesis");
  return test;
}
