/**
 * Pathspecs: which paths a command is about.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { normalisePath } from "./_files.ts";
import { GitError } from "./errors.ts";
import { hasWildcard, wildmatch } from "./wildmatch.ts";

interface Item {
  /** As given. */
  original: ByteString;
  /** Path from the top of the worktree. */
  match: ByteString;
  exclude: boolean;
  glob: boolean;
  literal: boolean;
  fold: boolean;
  /** Length of the part before the first wildcard. */
  plain: number;
}

/** Global switches that change how pathspecs are read. */
export interface PathspecSettings {
  /** `GIT_LITERAL_PATHSPECS`: no magic at all. */
  literal?: boolean;
  /** `GIT_GLOB_PATHSPECS`: `*` stops at slashes. */
  glob?: boolean;
  /** `GIT_NOGLOB_PATHSPECS`: no wildcards. */
  noglob?: boolean;
  /** `GIT_ICASE_PATHSPECS`: ignore case. */
  icase?: boolean;
}

/** A set of pathspecs. */
export class Pathspec {
  /** The parsed pathspecs. */
  readonly items: readonly { readonly original: ByteString; readonly match: ByteString }[];
  readonly #positive: Item[];
  readonly #negative: Item[];
  /** Which positive items have matched something. */
  readonly matched: Set<ByteString> = new Set();

  /**
   * Parses pathspecs given in a directory below the top (`prefix` with a trailing slash).
   * Throws `GitError` ("invalid") for a path outside the worktree or unknown magic.
   */
  constructor(
    specs: readonly ByteString[],
    prefix: ByteString = "",
    top: ByteString = "",
    settings: PathspecSettings = {},
  ) {
    const items = specs.map((spec) => parseItem(spec, prefix, top, settings));
    this.items = items;
    this.#positive = items.filter((item) => !item.exclude);
    this.#negative = items.filter((item) => item.exclude);
    if (this.#positive.length === 0 && this.#negative.length > 0) {
      this.#positive.push({
        original: ".",
        match: prefix.replace(/\/$/, ""),
        exclude: false,
        glob: false,
        literal: true,
        fold: false,
        plain: prefix.length,
      });
    }
  }

  /** Whether there is no restriction. */
  get empty(): boolean {
    return this.items.length === 0;
  }

  /** Whether a path is meant. `directory`: the path is a directory. */
  matches(path: ByteString, directory = false): boolean {
    if (this.#positive.length === 0) return true;
    let any = false;
    for (const item of this.#positive) {
      if (matchItem(item, path, directory)) {
        this.matched.add(item.original);
        any = true;
      }
    }
    return any && !this.#negative.some((item) => matchItem(item, path, directory));
  }

  /** Whether a directory can hold something that is meant (or is itself). */
  mayMatchInside(path: ByteString): boolean {
    if (this.#positive.length === 0) return true;
    const inner = `${path}/`;
    for (const item of this.#positive) {
      if (item.match === "" || matchItem(item, path, true)) return true;
      const plain = item.match.slice(0, item.plain);
      const a = item.fold ? plain.toLowerCase() : plain;
      const b = item.fold ? inner.toLowerCase() : inner;
      if (a.startsWith(b) || (item.plain < item.match.length && b.startsWith(a))) return true;
    }
    return false;
  }

  /** Positive items that matched nothing so far. */
  unmatched(): ByteString[] {
    return this.#positive.filter((item) => !this.matched.has(item.original)).map((item) =>
      item.original
    );
  }
}

function parseItem(
  spec: ByteString,
  prefix: ByteString,
  top: ByteString,
  settings: PathspecSettings,
): Item {
  let exclude = false,
    glob = settings.glob ?? false,
    literal = settings.literal ?? false,
    fold = settings.icase ?? false;
  const noglob = settings.noglob ?? false;
  let fromTop = false;
  let text = spec;
  if (!settings.literal && spec.startsWith(":(")) {
    const end = spec.indexOf(")");
    if (end < 0) {
      throw new GitError("invalid", `Missing ')' at the end of pathspec magic in '${spec}'`);
    }
    for (const word of spec.slice(2, end).split(",")) {
      if (word === "" || word.startsWith("prefix:")) continue;
      if (word === "top") fromTop = true;
      else if (word === "literal") literal = true;
      else if (word === "glob") glob = true;
      else if (word === "icase") fold = true;
      else if (word === "exclude") exclude = true;
      else if (word.startsWith("attr:")) {
        throw new GitError("invalid", "attribute pathspecs are not supported");
      } else throw new GitError("invalid", `Invalid pathspec magic '${word}' in '${spec}'`);
    }
    text = spec.slice(end + 1);
  } else if (!settings.literal && spec.startsWith(":")) {
    let i = 1;
    for (; i < spec.length; i++) {
      const c = spec[i]!;
      if (c === ":") {
        i++;
        break;
      }
      if (c === "/") fromTop = true;
      else if (c === "!" || c === "^") exclude = true;
      else if (/[^A-Za-z0-9.*?[\\_-]/.test(c) && "#%&,;<=>@`~\"'$".includes(c)) {
        throw new GitError("invalid", `Unimplemented pathspec magic '${c}' in '${spec}'`);
      } else break;
    }
    text = spec.slice(i);
  }
  if (literal && glob && !settings.glob) {
    throw new GitError("invalid", `${spec}: 'literal' and 'glob' are incompatible`);
  }
  if (noglob && !glob) literal = true;
  let path: ByteString;
  if (text.startsWith("/") && top !== "") {
    const clean = normalisePath(text);
    if (clean === top) path = "";
    else if (clean.startsWith(`${top}/`)) path = clean.slice(top.length + 1);
    else throw new GitError("invalid", `${spec}: '${text}' is outside repository at '${top}'`);
  } else path = normalisePath(fromTop ? text : prefix + text);
  if (path === ".." || path.startsWith("../")) {
    throw new GitError("invalid", `${spec}: '${text}' is outside repository at '${top}'`);
  }
  if (text.endsWith("/") && path !== "") path += "/";
  const wildcard = literal ? -1 : path.search(/[*?[\\]/);
  return {
    original: spec,
    match: path,
    exclude,
    glob,
    literal,
    fold,
    plain: wildcard < 0 ? path.length : wildcard,
  };
}

function matchItem(item: Item, path: ByteString, directory: boolean): boolean {
  let match = item.match;
  let name = path;
  if (item.fold) {
    match = match.toLowerCase();
    name = name.toLowerCase();
  }
  if (match === "" || match === name) return true;
  if (match.endsWith("/")) {
    if (name.startsWith(match) || (directory && `${name}/` === match)) return true;
  } else if (name.startsWith(match) && name.charCodeAt(match.length) === 47) return true;
  if (item.literal || !hasWildcard(match)) return false;
  return wildmatch(item.match, path, { pathname: item.glob, fold: item.fold });
}
