/**
 * Ignore rules (gitignore): the last pattern that matches decides; a directory that is ignored
 * hides what is in it.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { readTextIfAny } from "./_files.ts";
import { hasWildcard, wildmatch } from "./wildmatch.ts";

interface Rule {
  /** The line as written. */
  text: ByteString;
  pattern: ByteString;
  negative: boolean;
  directory: boolean;
  /** Matched against the base name only. */
  nameOnly: boolean;
  simple: boolean;
  base: ByteString;
  source: ByteString;
  line: number;
}

/** Which rule decided. */
export interface IgnoreMatch {
  readonly text: ByteString;
  readonly negative: boolean;
  readonly source: ByteString;
  readonly line: number;
}

/** The line without the spaces at its end, unless a backslash is before them. */
function withoutTrailingSpaces(line: ByteString): ByteString {
  let end = line.length;
  while (line.charCodeAt(end - 1) === 32) end--;
  let slashes = 0;
  while (line.charCodeAt(end - 1 - slashes) === 92) slashes++;
  // An odd backslash escapes the first of the spaces.
  return line.slice(0, slashes % 2 === 1 && end < line.length ? end + 1 : end);
}

/** Parses ignore text; patterns count from `base` (with a trailing slash, or ""). */
export function parseIgnore(text: ByteString, base: ByteString, source: ByteString): Rule[] {
  const out: Rule[] = [];
  let n = 0;
  for (const raw of text.replace(/^\xef\xbb\xbf/, "").split("\n")) {
    n++;
    let line = withoutTrailingSpaces(raw.replace(/\r$/, ""));
    if (line === "" || line.startsWith("#")) continue;
    const textLine = line;
    let negative = false;
    if (line.startsWith("!")) {
      negative = true;
      line = line.slice(1);
    }
    let directory = false;
    if (line.endsWith("/")) {
      directory = true;
      line = line.slice(0, -1);
    }
    if (line === "") continue;
    const nameOnly = !line.includes("/");
    if (line.startsWith("/")) line = line.slice(1);
    out.push({
      text: textLine,
      pattern: line,
      negative,
      directory,
      nameOnly,
      simple: !hasWildcard(line),
      base,
      source,
      line: n,
    });
  }
  return out;
}

/** The rules of a worktree. */
export class IgnoreRules {
  readonly #read: (path: ByteString) => ByteString | undefined;
  readonly #fold: boolean;
  readonly #outer: Rule[] = [];
  #perDirectory = new Map<ByteString, Rule[]>();
  #ignoredDirectories = new Map<ByteString, IgnoreMatch | undefined>();
  readonly #file: ByteString | undefined;

  /** `read` gives the text of a path in the worktree; `file` replaces `.gitignore`, "" for none. */
  constructor(
    read: (path: ByteString) => ByteString | undefined,
    fold = false,
    file: ByteString | undefined = ".gitignore",
  ) {
    this.#read = read;
    this.#fold = fold;
    this.#file = file;
  }

  /** Adds the rules of a file outside the worktree; later files win. */
  addFile(path: ByteString): void {
    const text = readTextIfAny(path);
    if (text !== undefined) this.#outer.push(...parseIgnore(text, "", path));
  }

  /** Adds one pattern. */
  addPattern(pattern: ByteString): void {
    this.#outer.push(...parseIgnore(pattern, "", ""));
  }

  #rules(directory: ByteString): Rule[] {
    let rules = this.#perDirectory.get(directory);
    if (rules === undefined) {
      const base = directory === "" ? "" : `${directory}/`;
      const path = base + this.#file;
      const text = this.#file === undefined || this.#file === "" ? undefined : this.#read(path);
      rules = text === undefined ? [] : parseIgnore(text, base, path);
      this.#perDirectory.set(directory, rules);
    }
    return rules;
  }

  #decide(path: ByteString, directory: boolean): IgnoreMatch | undefined {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    for (let at = slash < 0 ? "" : path.slice(0, slash);;) {
      const found = this.#last(this.#rules(at), path, name, directory);
      if (found !== undefined) return found;
      if (at === "") break;
      const up = at.lastIndexOf("/");
      at = up < 0 ? "" : at.slice(0, up);
    }
    return this.#last(this.#outer, path, name, directory);
  }

  #last(
    rules: Rule[],
    path: ByteString,
    name: ByteString,
    directory: boolean,
  ): IgnoreMatch | undefined {
    for (let i = rules.length - 1; i >= 0; i--) {
      const rule = rules[i]!;
      if (rule.directory && !directory) continue;
      if (rule.nameOnly) {
        if (
          rule.simple && !this.#fold
            ? rule.pattern === name
            : wildmatch(rule.pattern, name, { fold: this.#fold })
        ) return rule;
        continue;
      }
      const inner = path.slice(rule.base.length);
      if (
        rule.simple && !this.#fold
          ? rule.pattern === inner
          : wildmatch(rule.pattern, inner, { pathname: true, fold: this.#fold })
      ) return rule;
    }
    return undefined;
  }

  /** The rule that decides about a path, also through its directories; `undefined` when none does. */
  match(path: ByteString, directory: boolean): IgnoreMatch | undefined {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const above = path.slice(0, slash);
      let found = this.#ignoredDirectories.get(above);
      if (found === undefined && !this.#ignoredDirectories.has(above)) {
        found = this.#decide(above, true);
        this.#ignoredDirectories.set(above, found);
      }
      if (found !== undefined && !found.negative) return found;
    }
    return this.#decide(path, directory);
  }

  /** Whether a path is ignored. */
  isIgnored(path: ByteString, directory: boolean): boolean {
    const found = this.match(path, directory);
    return found !== undefined && !found.negative;
  }
}
