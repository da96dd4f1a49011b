/**
 * Configuration files: `[section "sub"]`, `key = value`, includes and conditional includes.
 *
 * A file is kept as its lines so that a change touches nothing else. Values are byte strings.
 *
 * @module
 */
import { type ByteString, encodeText, trimSpace, trimSpaceEnd, trimSpaceStart } from "./_bytes.ts";
import { directoryName, joinPath, lstat, nativePath, readTextIfAny, stat } from "./_files.ts";
import { GitError } from "./errors.ts";
import { LockFile } from "./lock_file.ts";
import { wildmatch } from "./wildmatch.ts";

/** Where a value came from. */
export type ConfigScope = "system" | "global" | "local" | "worktree" | "command" | "unknown";

/** One setting. */
export interface ConfigEntry {
  /** `section.sub.key`: section and key in lower case, subsection as written. */
  readonly key: ByteString;
  /** The value; `undefined` when the line had no `=`, which reads as true. */
  readonly value: ByteString | undefined;
  /** Where it came from. */
  readonly scope: ConfigScope;
  /** `file`, `blob`, `stdin` or `command line`. */
  readonly originType: string;
  /** The file, as it was named. */
  readonly origin: ByteString;
  /** Its line, 1-based. */
  readonly line: number;
}

/** A piece of a parsed configuration file with where it is in the text. */
export interface ConfigToken {
  readonly kind: "section" | "entry" | "comment";
  /** Full key for entries; `section.sub` (with a trailing dot) for sections. */
  readonly key: ByteString;
  readonly value: ByteString | undefined;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** Whether a section was written in the old way, `[section.sub]`, which ignores case. */
  readonly foldsCase?: boolean;
}

const MAX_INCLUDE_DEPTH = 10;
const HAS_REMOTE_URL = "hasconfig:remote.*.url:";

/**
 * Parses configuration text. Throws `GitError` ("invalid") naming the line. Comments are among the
 * pieces only if asked for.
 */
export function parseConfig(
  text: ByteString,
  describe: string,
  comments = false,
): ConfigToken[] {
  const tokens: ConfigToken[] = [];
  let at = text.startsWith("\xef\xbb\xbf") ? 3 : 0;
  let line = 1;
  let section = "";
  let haveSection = false;
  const fail = (): GitError => new GitError("invalid", `bad config line ${line} in ${describe}`);
  const peek = (): number => {
    if (text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10) at++;
    return at < text.length ? text.charCodeAt(at) : -1;
  };
  for (;;) {
    let c = peek();
    if (c < 0) return tokens;
    if (c === 10) {
      line++;
      at++;
      continue;
    }
    if (isSpace(c)) {
      at++;
      continue;
    }
    if (c === 35 || c === 59) {
      const start = at;
      while (at < text.length && text.charCodeAt(at) !== 10) at++;
      if (comments) {
        tokens.push({ kind: "comment", key: "", value: undefined, start, end: at, line });
      }
      continue;
    }
    const start = at;
    if (c === 91) {
      at++;
      section = "";
      let foldsCase = true;
      for (;;) {
        c = peek();
        if (c < 0) throw fail();
        at++;
        if (c === 93) break;
        if (isSpace(c)) {
          // [section "sub"]
          foldsCase = false;
          while (isSpace(c)) {
            if (c === 10) throw fail();
            c = peek();
            at++;
          }
          if (c !== 34) throw fail();
          section += ".";
          for (;;) {
            if (at >= text.length || text.charCodeAt(at) === 10) throw fail();
            let ch = text[at++]!;
            if (ch === '"') break;
            if (ch === "\\") {
              if (at >= text.length || text.charCodeAt(at) === 10) throw fail();
              ch = text[at++]!;
            }
            section += ch;
          }
          if (text[at++] !== "]") throw fail();
          break;
        }
        if (!isKeyChar(c) && c !== 46) throw fail();
        section += String.fromCharCode(c).toLowerCase();
      }
      section += ".";
      haveSection = true;
      tokens.push({
        kind: "section",
        key: section,
        value: undefined,
        start,
        end: at,
        line,
        foldsCase,
      });
      continue;
    }
    if (!isAlpha(c)) throw fail();
    let name = "";
    while (isKeyChar(c = peek())) {
      name += text[at++]!.toLowerCase();
    }
    while (c === 32 || c === 9) {
      at++;
      c = peek();
    }
    const entryLine = line;
    let value: string | undefined;
    if (c !== 10 && c >= 0) {
      if (c !== 61) throw fail();
      at++;
      value = "";
      let quoted = false, comment = false, spaces = "";
      for (;;) {
        c = peek();
        if (c < 0 || c === 10) {
          if (quoted) throw fail();
          break;
        }
        const ch = text[at++]!;
        if (comment) continue;
        if ((c === 32 || c === 9 || c === 13 || c === 11 || c === 12) && !quoted) {
          if (value !== "" || spaces !== "") spaces += value === "" ? "" : ch;
          continue;
        }
        if (!quoted && (ch === ";" || ch === "#")) {
          comment = true;
          continue;
        }
        value += spaces;
        spaces = "";
        if (ch === "\\") {
          c = peek();
          at++;
          if (c === 10) {
            line++;
            continue;
          }
          const escape = String.fromCharCode(c);
          if (escape === "t") value += "\t";
          else if (escape === "b") value += "\b";
          else if (escape === "n") value += "\n";
          else if (escape === "\\" || escape === '"') value += escape;
          else throw fail();
          continue;
        }
        if (ch === '"') {
          quoted = !quoted;
          continue;
        }
        value += ch;
      }
    }
    if (!haveSection) throw fail();
    tokens.push({ kind: "entry", key: section + name, value, start, end: at, line: entryLine });
  }
}

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}
function isAlpha(c: number): boolean {
  return (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
}
function isKeyChar(c: number): boolean {
  return isAlpha(c) || (c >= 48 && c <= 57) || c === 45;
}

/** Lower-cases section and name of a key. Throws `GitError` ("usage") when it cannot be one. */
export function canonicalKey(key: ByteString): ByteString {
  const lastDot = key.lastIndexOf(".");
  if (lastDot <= 0) throw new GitError("usage", `key does not contain a section: ${key}`);
  if (lastDot === key.length - 1) {
    throw new GitError("usage", `key does not contain variable name: ${key}`);
  }
  const firstDot = key.indexOf(".");
  const section = key.slice(0, firstDot).toLowerCase();
  const name = key.slice(lastDot + 1).toLowerCase();
  const middle = firstDot === lastDot ? "" : key.slice(firstDot, lastDot);
  if (!/^[a-z0-9-]+$/.test(section) || !/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new GitError("usage", `invalid key: ${key}`);
  }
  if (middle.includes("\n")) throw new GitError("usage", `invalid key (newline): ${key}`);
  return `${section}${middle}.${name}`;
}

/** What conditional includes are judged by. */
export interface IncludeContext {
  /** Absolute path of the repository's directory, if any. */
  gitDir?: ByteString | undefined;
  /** Short name of the current branch, if any. */
  branch?: () => ByteString | undefined;
  /** Home directory. */
  home?: ByteString | undefined;
  /** Whether `include.path` is followed. Default true. */
  includes?: boolean;
  /** Every `remote.*.url`, whatever the order of the files, for `hasconfig:remote.*.url:`. */
  remoteUrls?: () => readonly ByteString[];
  /** Take every `hasconfig:` for true, to collect {@linkcode IncludeContext.remoteUrls}. */
  collecting?: boolean;
}

/** Expands a leading `~/`. */
export function expandHome(path: ByteString, home: ByteString | undefined): ByteString {
  if (path === "~" || path.startsWith("~/")) {
    if (home === undefined) {
      throw new GitError("invalid", `failed to expand user dir in: '${path}'`);
    }
    return home + path.slice(1);
  }
  return path;
}

function conditionHolds(
  condition: ByteString,
  file: ByteString,
  context: IncludeContext,
): boolean {
  if (condition.startsWith("gitdir:") || condition.startsWith("gitdir/i:")) {
    const fold = condition.startsWith("gitdir/i:");
    let pattern = condition.slice(condition.indexOf(":") + 1);
    if (context.gitDir === undefined) return false;
    pattern = expandHome(pattern, context.home);
    if (pattern.startsWith("./")) {
      pattern = `${directoryName(realOrSame(file))}/${pattern.slice(2)}`;
    } else if (!pattern.startsWith("/")) pattern = `**/${pattern}`;
    if (pattern.endsWith("/")) pattern += "**";
    const flags = { pathname: true, fold };
    return wildmatch(pattern, context.gitDir, flags) ||
      wildmatch(pattern, realOrSame(context.gitDir), flags);
  }
  if (condition.startsWith("onbranch:")) {
    let pattern = condition.slice(9);
    const branch = context.branch?.();
    if (branch === undefined) return false;
    if (pattern.endsWith("/")) pattern += "**";
    return wildmatch(pattern, branch, { pathname: true });
  }
  if (condition.startsWith(HAS_REMOTE_URL)) {
    if (context.collecting) return true;
    const pattern = condition.slice(HAS_REMOTE_URL.length);
    return context.remoteUrls?.().some((url) => wildmatch(pattern, url, { pathname: true })) ??
      false;
  }
  return false;
}

function realOrSame(path: ByteString): ByteString {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** Where text of a configuration comes from. */
export interface ConfigSource {
  scope: ConfigScope;
  /** `file`, `blob`, `stdin` or `command line`. */
  originType: string;
  /** The file as it is named in messages. */
  origin: ByteString;
  /** The file as it is opened. Default {@linkcode ConfigSource.origin}. */
  path?: ByteString;
  /** Refuse `remote.*.url`: what a remote's URL decides may not set one. */
  refuseRemoteUrl?: boolean;
}

/** Whether a key is `remote.<name>.url`. */
export function isRemoteUrlKey(key: ByteString): boolean {
  return key.startsWith("remote.") && key.endsWith(".url") && key.length > 11;
}

/** Reads one file into `out`, following includes. */
export function readConfigText(
  text: ByteString,
  source: ConfigSource,
  context: IncludeContext,
  out: ConfigEntry[],
  depth = 0,
): void {
  const describe = source.originType === "file"
    ? `file ${source.origin}`
    : source.originType === "stdin"
    ? "standard input"
    : `${source.originType} ${source.origin}`;
  for (const token of parseConfig(text, describe)) {
    if (token.kind !== "entry") continue;
    if (source.refuseRemoteUrl && isRemoteUrlKey(token.key)) {
      throw new GitError(
        "invalid",
        "remote URLs cannot be configured in file directly or indirectly included by includeIf.hasconfig:remote.*.url",
      );
    }
    const { scope, originType, origin } = source;
    out.push({ key: token.key, value: token.value, scope, originType, origin, line: token.line });
    if (context.includes === false) continue;
    let include = token.key === "include.path";
    let refuseRemoteUrl = source.refuseRemoteUrl ?? false;
    const opened = source.path ?? source.origin;
    if (!include && token.key.startsWith("includeif.") && token.key.endsWith(".path")) {
      const condition = token.key.slice(10, -5);
      include = conditionHolds(condition, opened, context);
      if (context.collecting && condition.startsWith(HAS_REMOTE_URL)) refuseRemoteUrl = true;
    }
    if (!include) continue;
    if (token.value === undefined) {
      throw new GitError("invalid", `missing value for '${token.key}'`);
    }
    let path = expandHome(token.value, context.home);
    let shown = path;
    if (!path.startsWith("/")) {
      if (source.originType !== "file") {
        throw new GitError("invalid", "relative config includes must come from files");
      }
      shown = source.origin.includes("/")
        ? `${source.origin.slice(0, source.origin.lastIndexOf("/") + 1)}${path}`
        : path;
      path = joinPath(directoryName(realOrSame(opened)), path);
    }
    if (depth >= MAX_INCLUDE_DEPTH) {
      throw new GitError(
        "limit",
        `exceeded maximum include depth (${MAX_INCLUDE_DEPTH}) while including\n\t${shown}\nfrom\n\t${source.origin}\nThis might be due to circular includes.`,
      );
    }
    const included = readTextIfAny(path);
    if (included === undefined) continue;
    readConfigText(
      included,
      { scope: source.scope, originType: "file", origin: shown, path, refuseRemoteUrl },
      context,
      out,
      depth + 1,
    );
  }
}

/** Settings from all files, later ones winning. */
export class Config {
  /** Every setting in the order read. */
  readonly entries: ConfigEntry[];
  #last: Map<ByteString, ConfigEntry> | undefined;

  /** Wraps settings that were read. */
  constructor(entries: ConfigEntry[] = []) {
    this.entries = entries;
  }

  /**
   * Settings from text, without includes. `origin` names the text in messages.
   *
   * Throws `GitError` ("invalid") naming the line.
   */
  static parse(text: ByteString, origin = "text"): Config {
    const entries: ConfigEntry[] = [];
    readConfigText(
      text,
      { scope: "unknown", originType: "blob", origin },
      { includes: false },
      entries,
    );
    return new Config(entries);
  }

  #index(): Map<ByteString, ConfigEntry> {
    if (this.#last === undefined) {
      this.#last = new Map();
      for (const entry of this.entries) this.#last.set(entry.key, entry);
    }
    return this.#last;
  }

  /** The last setting of a key (canonical form), or `undefined`. */
  entry(key: ByteString): ConfigEntry | undefined {
    return this.#index().get(key);
  }

  /** Whether a key is set at all. */
  has(key: ByteString): boolean {
    return this.#index().has(key);
  }

  /** Text of a key, or `undefined`. Throws when the line has no value. */
  get(key: ByteString): ByteString | undefined {
    const entry = this.#index().get(key);
    if (entry === undefined) return undefined;
    if (entry.value === undefined) throw new GitError("invalid", `missing value for '${key}'`);
    return entry.value;
  }

  /** Every value of a key, oldest first. */
  all(key: ByteString): ByteString[] {
    return this.entries.filter((entry) => entry.key === key).map((entry) => entry.value ?? "");
  }

  /** A boolean. Throws `GitError` ("invalid") when it is not one. */
  bool(key: ByteString): boolean | undefined;
  /** A boolean, or the fallback when unset. */
  bool(key: ByteString, fallback: boolean): boolean;
  bool(key: ByteString, fallback?: boolean): boolean | undefined {
    const entry = this.#index().get(key);
    if (entry === undefined) return fallback;
    const value = parseBool(entry.value);
    if (value === undefined) {
      throw new GitError("invalid", `bad boolean config value '${entry.value}' for '${key}'`);
    }
    return value;
  }

  /** A number with an optional k, m or g. Throws `GitError` ("invalid"). */
  int(key: ByteString): number | undefined;
  /** A number, or the fallback when unset. */
  int(key: ByteString, fallback: number): number;
  int(key: ByteString, fallback?: number): number | undefined {
    const entry = this.#index().get(key);
    if (entry === undefined) return fallback;
    const value = entry.value === undefined ? undefined : parseInt64(entry.value);
    if (value === undefined) {
      const from = entry.originType === "file" ? ` in file ${entry.origin}` : "";
      throw new GitError(
        "invalid",
        `bad numeric config value '${entry.value}' for '${key}'${from}: invalid unit`,
      );
    }
    return value;
  }

  /** Names of the subsections of a section, in order of first appearance. */
  subsections(section: ByteString): ByteString[] {
    const out = new Set<ByteString>();
    const prefix = `${section}.`;
    for (const { key } of this.entries) {
      if (!key.startsWith(prefix)) continue;
      const last = key.lastIndexOf(".");
      if (last > prefix.length - 1) out.add(key.slice(prefix.length, last));
    }
    return [...out];
  }
}

/** Reads a boolean; `undefined` when it is none. A missing value is true, an empty one false. */
export function parseBool(value: ByteString | undefined): boolean | undefined {
  if (value === undefined) return true;
  const word = value.toLowerCase();
  if (word === "") return false;
  if (word === "true" || word === "yes" || word === "on") return true;
  if (word === "false" || word === "no" || word === "off") return false;
  const number = parseInt64(value);
  return number === undefined ? undefined : number !== 0;
}

/** Reads a number with an optional k, m or g; `undefined` when it is none. */
export function parseInt64(value: ByteString): number | undefined {
  const match = /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|\d+))([kKmMgG]?)$/.exec(value);
  if (match === null) return undefined;
  const text = match[1]!;
  const negative = text.startsWith("-");
  const digits = text.replace(/^[+-]/, "");
  const magnitude = /^0\d/.test(digits) ? parseInt(digits, 8) : Number(digits);
  const unit = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match[2]!.toLowerCase()]!;
  return (negative ? -magnitude : magnitude) * unit;
}

/** How a value is written in a file. */
export function formatConfigValue(value: ByteString): ByteString {
  const quote = /^ |^\t| $|\t$|[;#\r]/.test(value) ? '"' : "";
  const body = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t");
  return quote + body + quote;
}

/** The header line of a section given as `section.sub`. */
export function formatSectionHeader(section: ByteString): ByteString {
  const dot = section.indexOf(".");
  if (dot < 0) return `[${section}]\n`;
  const sub = section.slice(dot + 1).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `[${section.slice(0, dot)} "${sub}"]\n`;
}

/** What {@linkcode editConfig} found. */
export type ConfigEditResult = "done" | "none" | "several";

/** How {@linkcode editConfig} chooses. */
export interface ConfigEditOptions {
  /** Only entries whose value passes. */
  matches?: (value: ByteString) => boolean;
  /** Change all matching entries, not only a single one. */
  all?: boolean;
  /** Add a new line and leave what is there. */
  add?: boolean;
}

/**
 * Sets (`value`) or removes (`undefined`) a key in configuration text and keeps everything else.
 * `key` keeps the spelling in which it is written.
 */
export function editConfig(
  text: ByteString,
  describe: string,
  key: ByteString,
  value: ByteString | undefined,
  options: ConfigEditOptions = {},
): { text: ByteString; result: ConfigEditResult } {
  const canonical = canonicalKey(key);
  const name = key.slice(key.lastIndexOf(".") + 1);
  const section = key.slice(0, key.lastIndexOf("."));
  const prefix = canonical.slice(0, canonical.lastIndexOf(".") + 1);
  const tokens = parseConfig(text, describe);
  const found = options.add
    ? []
    : tokens.filter((token) =>
      token.kind === "entry" && token.key === canonical &&
      (options.matches?.(token.value ?? "") ?? true)
    );
  if (found.length > 1 && !options.all) return { text, result: "several" };
  if (value === undefined && found.length === 0) return { text, result: "none" };
  const line = value === undefined ? "" : `\t${name} = ${formatConfigValue(value)}\n`;
  if (found.length === 0) {
    // After the last entry or header of the section, else in a new section at the end.
    let last: ConfigToken | undefined;
    let inside = false;
    for (const token of tokens) {
      if (token.kind === "section") inside = isSection(token, prefix);
      if (inside) last = token;
    }
    if (last === undefined) {
      const gap = text !== "" && !text.endsWith("\n") ? "\n" : "";
      const header = formatSectionHeader(section);
      return { text: text + gap + header + line, result: "done" };
    }
    const end = lineEnd(text, last.end);
    if (last.kind === "section") {
      // A comment or another entry may follow on the header's line.
      const rest = text.slice(last.end, end);
      if (trimSpace(rest) === "") return { text: splice(text, end, end, line), result: "done" };
      return { text: splice(text, last.end, last.end, `\n${line}`), result: "done" };
    }
    return { text: splice(text, end, end, line), result: "done" };
  }
  let out = text;
  const dropped = value === undefined ? emptySections(text, describe, prefix, found) : [];
  for (let i = found.length - 1; i >= 0; i--) {
    const token = found[i]!;
    const range = dropped.find((one) => token.start >= one.start && token.start < one.end);
    if (range !== undefined) {
      // Everything in the range goes at once, with its last entry.
      if (found[i + 1] === undefined || found[i + 1]!.start >= range.end) {
        out = splice(out, range.start, range.end, "");
      }
      continue;
    }
    const start = lineStart(out, token.start);
    const end = lineEnd(out, token.end);
    const before = out.slice(start, token.start);
    // An entry on a header's line leaves the header; a following comment goes with the entry.
    const keepBefore = trimSpace(before) !== "";
    const put = i === found.length - 1 ? line : "";
    const headEnd = start + trimSpaceEnd(before).length;
    if (keepBefore) out = splice(out, headEnd, end, put === "" ? "\n" : `\n${put}`);
    else out = splice(out, start, end, put);
  }
  return { text: out, result: "done" };
}

function isSection(token: ConfigToken, prefix: ByteString): boolean {
  return token.key === (token.foldsCase ? prefix.toLowerCase() : prefix);
}

/**
 * The sections that hold nothing but what is removed: a section goes when no comment stands before
 * its header, in it or behind it, because that could be about the section.
 */
function emptySections(
  text: ByteString,
  describe: string,
  prefix: ByteString,
  removed: readonly ConfigToken[],
): { start: number; end: number }[] {
  const tokens = parseConfig(text, describe, true);
  const gone = new Set(removed.map((token) => token.start));
  const out: { start: number; end: number }[] = [];
  for (const entry of removed) {
    if (out.some((range) => entry.start < range.end)) continue;
    const at = tokens.findIndex((token) => token.start === entry.start && token.kind === "entry");
    let first = at, headed = false, clean = true;
    for (; first > 0; first--) {
      const before = tokens[first - 1]!;
      if (before.kind === "comment") clean = false;
      else if (before.kind === "entry") clean = headed;
      else if (isSection(before, prefix)) {
        headed = true;
        continue;
      }
      break;
    }
    if (!clean || !headed) continue;
    let last = at + 1;
    for (; last < tokens.length; last++) {
      const after = tokens[last]!;
      if (after.kind === "section") {
        if (isSection(after, prefix)) continue;
        break;
      }
      if (after.kind === "entry" && gone.has(after.start)) continue;
      clean = false;
      break;
    }
    if (!clean) continue;
    const next = tokens[last];
    out.push({
      start: lineStart(text, tokens[first]!.start),
      end: next === undefined ? text.length : lineStart(text, next.start),
    });
  }
  return out;
}

function splice(text: string, start: number, end: number, put: string): string {
  let head = text.slice(0, start);
  if (put !== "" && !put.startsWith("\n") && head !== "" && !head.endsWith("\n")) head += "\n";
  return head + put + text.slice(end);
}
function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}
function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

/** Longest line of a file in which sections are renamed, in bytes. */
const MAX_LINE_BYTES = 512 * 1024;

function refuseLongLines(text: ByteString, describe: string): void {
  let at = 0;
  for (let line = 1; at < text.length; line++) {
    const end = lineEnd(text, at);
    if (end - at >= MAX_LINE_BYTES) {
      const name = describe.startsWith("file ") ? describe.slice(5) : describe;
      throw new GitError(
        "limit",
        `refusing to work with overly long line in '${name}' on line ${line}`,
      );
    }
    at = end;
  }
}

/** Renames or removes (`to` undefined) every section `from`; false when there is none. */
export function renameSection(
  text: ByteString,
  describe: string,
  from: ByteString,
  to: ByteString | undefined,
): ByteString | undefined {
  const dot = from.indexOf(".");
  const wanted = dot < 0
    ? `${from.toLowerCase()}.`
    : `${from.slice(0, dot).toLowerCase()}${from.slice(dot)}.`;
  refuseLongLines(text, describe);
  const tokens = parseConfig(text, describe).filter((token) => token.kind === "section");
  let out = "", at = 0, found = false;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.key !== wanted) continue;
    found = true;
    if (to === undefined) {
      out += text.slice(at, lineStart(text, token.start));
      const next = tokens[i + 1];
      at = next === undefined ? text.length : lineStart(text, next.start);
      if (next !== undefined && at < token.end) at = next.start;
    } else {
      const line = lineStart(text, token.start);
      const indented = line >= at && trimSpace(text.slice(line, token.start)) === "";
      out += text.slice(at, indented ? line : token.start) + trimSpaceEnd(formatSectionHeader(to));
      at = token.end;
      const rest = text.slice(token.end, lineEnd(text, token.end));
      if (trimSpace(rest) !== "" && !/^\s*[#;]/.test(rest)) {
        out += "\n\t";
        at += rest.length - trimSpaceStart(rest).length;
      }
    }
  }
  return found ? out + text.slice(at) : undefined;
}

/** Repeats every section called `from` right behind it under the name `to`. */
export function copySection(
  text: ByteString,
  describe: string,
  from: ByteString,
  to: ByteString,
): ByteString {
  const dot = from.indexOf(".");
  const wanted = dot < 0
    ? `${from.toLowerCase()}.`
    : `${from.slice(0, dot).toLowerCase()}${from.slice(dot)}.`;
  const tokens = parseConfig(text, describe).filter((token) => token.kind === "section");
  let out = "", at = 0;
  tokens.forEach((token, i) => {
    if (token.key !== wanted) return;
    const next = tokens[i + 1];
    const end = next === undefined ? text.length : lineStart(text, next.start);
    out += text.slice(at, end);
    if (!out.endsWith("\n")) out += "\n";
    const rest = text.slice(token.end, end);
    out += trimSpaceEnd(formatSectionHeader(to)) + (rest.endsWith("\n") ? rest : `${rest}\n`);
    at = end;
  });
  return out + text.slice(at);
}

/** Where a symbolic link to nothing leads, so that the file is made there. */
function danglingTarget(path: ByteString): ByteString {
  let at = path;
  for (let depth = 0; depth < 5 && lstat(at)?.isSymlink; depth++) {
    const target = encodeText(Deno.readLinkSync(nativePath(at)));
    at = target.startsWith("/") ? target : joinPath(directoryName(at), target);
  }
  return at;
}

/** Reads, changes and replaces a configuration file under its lock. */
export function updateConfigFile(
  path: ByteString,
  change: (text: ByteString) => ByteString | undefined,
): void {
  const real = stat(path) === undefined ? danglingTarget(path) : realOrSame(path);
  const here = `${encodeText(Deno.cwd())}/`;
  const shown = path.startsWith(here) ? path.slice(here.length) : path;
  let lock: LockFile;
  try {
    lock = LockFile.take(real);
  } catch (error) {
    if (error instanceof GitError && error.code === "locked") {
      throw new GitError("locked", `could not lock config file ${shown}: File exists`);
    }
    if (error instanceof GitError && error.code === "io") {
      throw new GitError(
        "io",
        `could not lock config file ${shown}: ${error.message.split(": ").pop()}`,
      );
    }
    throw error;
  }
  using held = lock;
  const mode = stat(real)?.mode;
  const text = change(readTextIfAny(real) ?? "");
  if (text === undefined) return;
  held.write(text);
  if (mode !== undefined && mode !== null) Deno.chmodSync(`${real}.lock`, mode & 0o7777);
  held.commit();
}
