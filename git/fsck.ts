/**
 * Checks of single objects: what `git fsck` says about trees, commits and tags.
 *
 * @module
 */
import { type ByteString, toByteString, toHex } from "./_bytes.ts";
import { parseConfig } from "./config.ts";
import { corrupt, GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId, ObjectType } from "./hash_algorithm.ts";
import {
  type GitObject,
  isGitlinkMode,
  isObjectType,
  isTreeMode,
  parseCommit,
  parseHeaders,
  parseTag,
  parseTree,
} from "./objects.ts";
import { isRefName } from "./ref_name.ts";
import { isDotFile, isDotGit } from "./safe_path.ts";

/** One finding. */
export interface FsckProblem {
  /** Git's word for it, such as `missingEmail`. */
  readonly id: string;
  /** How bad it is by default. */
  readonly severity: FsckSeverity;
  /** What is wrong. */
  readonly message: string;
}

/** How `fsck` words what a tree has in it, in the order it says so. */
const TREE_PROBLEMS: readonly (readonly [string, FsckProblem["severity"], string])[] = [
  ["nullSha1", "warn", "contains entries pointing to null sha1"],
  ["fullPathname", "warn", "contains full pathnames"],
  ["emptyName", "warn", "contains empty pathname"],
  ["hasDot", "warn", "contains '.'"],
  ["hasDotdot", "warn", "contains '..'"],
  ["hasDotgit", "warn", "contains '.git'"],
  ["zeroPaddedFilemode", "warn", "contains zero-padded file modes"],
  ["badFilemode", "info", "contains bad file modes"],
  ["duplicateEntries", "error", "contains duplicate file entries"],
  ["treeNotSorted", "error", "not properly sorted"],
];

// The bits of the problems above, and beyond them what a name can be.
const NULL_SHA1 = 1, FULL_PATHNAME = 2, HAS_DOT = 8, HAS_DOTDOT = 16, HAS_DOTGIT = 32;
const ZERO_PADDED = 64, BAD_MODE = 128, DUPLICATE = 256, UNSORTED = 512;
const GITMODULES = 1024, GITATTRIBUTES = 2048, GITIGNORE = 4096, MAILMAP = 8192;

/** Problems whose severity nobody set go by these; the rest by what they are found with. */
export type FsckSeverity = "error" | "warn" | "info" | "ignore";

/** Options of an {@linkcode ObjectChecker}. */
export interface ObjectCheckerOptions {
  /** Warnings are errors. */
  strict?: boolean;
  /** Severities by the lower-case name of a problem (`fsck.<name>`). */
  severities?: ReadonlyMap<string, FsckSeverity>;
  /** Objects that nothing is said about (`fsck.skipList`). */
  skip?: ReadonlySet<ObjectId>;
}

/** What an object of a tree is, by its mode. */
export type LinkedType = "tree" | "blob";

/** Called with each entry of a tree but submodules: where its raw id stands, and what it should be. */
export type TreeLinkVisitor = (idAt: number, type: LinkedType) => void;

/** Names that may be special are judged once; at most so many are remembered. */
const MAX_KNOWN_NAMES = 10_000;

/** Checks objects one after another, and at the end what trees say of blobs. */
export class ObjectChecker {
  readonly #algorithm: HashAlgorithm;
  readonly #options: ObjectCheckerOptions;
  readonly #knownNames = new Map<ByteString, number>();
  readonly #modules = new Set<ObjectId>();
  readonly #attributes = new Set<ObjectId>();
  readonly #done = new Set<ObjectId>();

  /** Takes what to check by. */
  constructor(algorithm: HashAlgorithm, options: ObjectCheckerOptions = {}) {
    this.#algorithm = algorithm;
    this.#options = options;
  }

  /** The problems of an object that are to be told, as errors and warnings. */
  check(id: ObjectId, type: ObjectType, data: Uint8Array): FsckProblem[] {
    let found: FsckProblem[];
    switch (type) {
      case "tree":
        found = this.tree(data);
        break;
      case "commit":
        found = checkCommit(data, this.#algorithm);
        break;
      case "tag":
        found = checkTag(data, this.#algorithm);
        break;
      case "blob":
        if (this.#modules.size === 0 && this.#attributes.size === 0) return NO_PROBLEMS;
        found = this.#blob(id, data);
    }
    if (found.length === 0) return NO_PROBLEMS;
    return this.#judge(id, type, found);
  }

  #judge(id: ObjectId, type: ObjectType, found: FsckProblem[]): FsckProblem[] {
    if (this.#options.skip?.has(id)) return NO_PROBLEMS;
    const out: FsckProblem[] = [];
    for (const { id: name, severity, message } of found) {
      let actual: FsckSeverity = this.#options.severities?.get(name.toLowerCase()) ?? severity;
      if (
        actual === "warn" && severity === "warn" && this.#options.strict &&
        !this.#options.severities?.has(name.toLowerCase())
      ) actual = "error";
      if (actual === "ignore") continue;
      const told = actual === "error" ? "error" : "warn";
      out.push(problem(name, told, message));
      // What does not stand where it should is told alone.
      if (told === "error" && type !== "tree" && type !== "blob") break;
    }
    return out;
  }

  /** The problems of a tree with the severities they have by default; entries go to `visit`. */
  tree(data: Uint8Array, visit?: TreeLinkVisitor): FsckProblem[] {
    const raw = this.#algorithm.rawSize;
    const strict = this.#options.strict ?? false;
    const end = data.length;
    const extra: FsckProblem[] = [];
    let flags = 0;
    let at = 0;
    let isBad = false;
    let lastAt = 0, lastEnd = -1, lastIsTree = false;
    let candidates: ByteString[] | undefined;
    while (at < end) {
      const start = at;
      let mode = 0;
      let byte = data[at]!;
      while (byte !== 0x20) {
        const digit = byte - 48;
        if (!(digit >= 0 && digit < 8) || at >= end) break;
        mode = ((mode << 3) | digit) & 0xffff;
        byte = data[++at]!;
      }
      if (byte !== 0x20 || at === start) {
        isBad = true;
        break;
      }
      const nameAt = ++at;
      let special = 0;
      for (byte = data[at]!; byte !== 0 && at < end; byte = data[++at]!) {
        if (byte === 0x2f) flags |= FULL_PATHNAME;
        else if (byte === 0x5c || byte === 0x7e || byte === 0xe2 || byte === 0xef) special = 1;
      }
      const nameEnd = at;
      if (nameEnd === nameAt || nameEnd + 1 + raw > end) {
        isBad = true;
        break;
      }
      const idAt = nameEnd + 1;
      at = idAt + raw;
      if (data[start] === 48) flags |= ZERO_PADDED;
      if (data[idAt] === 0 && data[idAt + 1] === 0) {
        let i = 2;
        while (i < raw && data[idAt + i] === 0) i++;
        if (i === raw) flags |= NULL_SHA1;
      }
      const kind = mode & 0o170000;
      if (special === 1 || data[nameAt] === 0x2e) {
        const what = this.#special(toByteString(data, nameAt, nameEnd));
        flags |= what & (HAS_DOT | HAS_DOTDOT | HAS_DOTGIT);
        if (what & GITMODULES) {
          if (kind !== 0o120000) this.#modules.add(toHex(data, idAt, at));
          else extra.push(problem("gitmodulesSymlink", "error", ".gitmodules is a symbolic link"));
        }
        if (what & GITATTRIBUTES) {
          if (kind !== 0o120000) this.#attributes.add(toHex(data, idAt, at));
          else extra.push(problem("gitattributesSymlink", "info", ".gitattributes is a symlink"));
        }
        if (kind === 0o120000) {
          if (what & GITIGNORE) {
            extra.push(problem("gitignoreSymlink", "info", ".gitignore is a symlink"));
          }
          if (what & MAILMAP) {
            extra.push(problem("mailmapSymlink", "info", ".mailmap is a symlink"));
          }
        }
      }
      if (
        mode !== 0o100644 && mode !== 0o40000 && mode !== 0o100755 && mode !== 0o120000 &&
        mode !== 0o160000 && (mode !== 0o100664 || strict)
      ) flags |= BAD_MODE;
      const isTree = kind === 0o40000;
      if (lastEnd >= 0) {
        const lastLength = lastEnd - lastAt, length = nameEnd - nameAt;
        const common = Math.min(lastLength, length);
        let i = 0;
        while (i < common && data[lastAt + i] === data[nameAt + i]) i++;
        if (i < common) {
          if (data[lastAt + i]! > data[nameAt + i]!) flags |= UNSORTED;
        } else if (lastLength === length) flags |= DUPLICATE;
        else {
          const a = i < lastLength ? data[lastAt + i]! : lastIsTree ? 0x2f : 0;
          const b = i < length ? data[nameAt + i]! : isTree ? 0x2f : 0;
          if (a === 0 && b < 0x2f) {
            (candidates ??= []).push(toByteString(data, lastAt, lastEnd));
          } else if (b === 0x2f && a < 0x2f && candidates !== undefined) {
            // A file and a directory of one name may have others between them.
            const name = toByteString(data, nameAt, nameEnd);
            for (let file = candidates.pop(); file !== undefined; file = candidates.pop()) {
              if (!name.startsWith(file)) continue;
              if (name.length === file.length) {
                flags |= DUPLICATE;
                break;
              }
              if (name.charCodeAt(file.length) < 0x2f) {
                candidates.push(file);
                break;
              }
            }
          }
          if (a >= b) flags |= UNSORTED;
        }
      }
      lastAt = nameAt;
      lastEnd = nameEnd;
      lastIsTree = isTree;
      if (visit !== undefined) {
        if (isTree) visit(idAt, "tree");
        else if (kind === 0o100000 || kind === 0o120000) visit(idAt, "blob");
      }
    }
    if (isBad) extra.push(problem("badTree", "error", "cannot be parsed as a tree"));
    if (flags === 0) return extra;
    TREE_PROBLEMS.forEach(([id, severity, message], bit) => {
      if (flags & (1 << bit)) extra.push(problem(id, severity, message));
    });
    return extra;
  }

  /** What a name that may be special is. */
  #special(name: ByteString): number {
    let flags = this.#knownNames.get(name);
    if (flags !== undefined) return flags;
    flags = name === "." ? HAS_DOT : name === ".." ? HAS_DOTDOT : 0;
    // On Windows a backslash ends a name.
    const [whole, ...pieces] = name.split("\\") as [ByteString, ...ByteString[]];
    if (isDotGit(name)) flags |= HAS_DOTGIT;
    if (isDotFile(whole, "gitmodules")) flags |= GITMODULES;
    if (isDotFile(whole, "gitattributes")) flags |= GITATTRIBUTES;
    if (isDotFile(whole, "gitignore")) flags |= GITIGNORE;
    if (isDotFile(whole, "mailmap")) flags |= MAILMAP;
    for (const piece of pieces) {
      if (isDotGit(piece)) flags |= HAS_DOTGIT;
      if (isDotFile(piece, "gitmodules")) flags |= GITMODULES;
    }
    if (this.#knownNames.size >= MAX_KNOWN_NAMES) this.#knownNames.clear();
    this.#knownNames.set(name, flags);
    return flags;
  }

  #blob(id: ObjectId, data: Uint8Array): FsckProblem[] {
    const out: FsckProblem[] = [];
    if (this.#modules.has(id) && !this.#done.has(`m${id}`)) {
      this.#done.add(`m${id}`);
      out.push(...checkSubmodules(data));
    }
    if (this.#attributes.has(id) && !this.#done.has(`a${id}`)) {
      this.#done.add(`a${id}`);
      out.push(...checkAttributes(data));
    }
    return out;
  }

  /** Checks the blobs that came before the trees that name them, and those that did not come. */
  *finish(
    read: (id: ObjectId) => GitObject | undefined,
  ): Generator<{ id: ObjectId; type: ObjectType; problem: FsckProblem }> {
    for (
      const [ids, key, name, word] of [
        [this.#modules, "m", ".gitmodules", "gitmodules"],
        [this.#attributes, "a", ".gitattributes", "gitattributes"],
      ] as const
    ) {
      for (const id of ids) {
        if (this.#done.has(key + id)) continue;
        const object = read(id);
        let found: FsckProblem[];
        if (object === undefined) {
          found = [problem(`${word}Missing`, "error", `unable to read ${name} blob`)];
        } else if (object.type !== "blob") {
          found = [problem(`${word}Blob`, "error", `non-blob found at ${name}`)];
        } else found = this.#blob(id, object.data);
        const type = object?.type ?? "blob";
        for (const one of this.#judge(id, type, found)) yield { id, type, problem: one };
      }
    }
  }
}

const NO_PROBLEMS: FsckProblem[] = [];

/**
 * Checks the content of an object alone.
 *
 * @returns Its problems, with the severity that they have by default.
 */
export function checkObject(
  type: ObjectType,
  data: Uint8Array,
  algorithm: HashAlgorithm,
): FsckProblem[] {
  switch (type) {
    case "tree":
      return new ObjectChecker(algorithm).tree(data);
    case "commit":
      return checkCommit(data, algorithm);
    case "tag":
      return checkTag(data, algorithm);
    case "blob":
      return [];
  }
}

function problem(id: string, severity: FsckSeverity, message: string): FsckProblem {
  return { id, severity, message };
}

function checkIdent(line: ByteString, out: FsckProblem[]): void {
  const open = line.indexOf("<");
  if (line.startsWith("<")) {
    return void out.push(
      problem(
        "missingNameBeforeEmail",
        "error",
        "invalid author/committer line - missing space before email",
      ),
    );
  }
  const close = line.indexOf(">");
  if (close >= 0 && (open < 0 || close < open)) {
    return void out.push(problem("badName", "error", "invalid author/committer line - bad name"));
  }
  if (open < 0) {
    return void out.push(
      problem("missingEmail", "error", "invalid author/committer line - missing email"),
    );
  }
  if (line[open - 1] !== " ") {
    return void out.push(
      problem(
        "missingSpaceBeforeEmail",
        "error",
        "invalid author/committer line - missing space before email",
      ),
    );
  }
  const rest = line.slice(open + 1);
  const end = rest.search(/[<>]/);
  if (end < 0 || rest[end] !== ">") {
    return void out.push(problem("badEmail", "error", "invalid author/committer line - bad email"));
  }
  const tail = rest.slice(end + 1);
  if (!tail.startsWith(" ")) {
    return void out.push(
      problem(
        "missingSpaceBeforeDate",
        "error",
        "invalid author/committer line - missing space before date",
      ),
    );
  }
  const date = tail.slice(1);
  if (/^0\d/.test(date)) {
    return void out.push(
      problem("zeroPaddedDate", "error", "invalid author/committer line - zero-padded date"),
    );
  }
  const digits = /^\d+/.exec(date);
  if (digits === null) {
    return void out.push(problem("badDate", "error", "invalid author/committer line - bad date"));
  }
  if (digits[0].length > 18) {
    return void out.push(
      problem(
        "badDateOverflow",
        "error",
        "invalid author/committer line - date causes integer overflow",
      ),
    );
  }
  const zone = date.slice(digits[0].length);
  if (!zone.startsWith(" ")) {
    return void out.push(problem("badDate", "error", "invalid author/committer line - bad date"));
  }
  if (!/^ [+-]\d{4}$/.test(zone)) {
    out.push(problem("badTimezone", "error", "invalid author/committer line - bad time zone"));
  }
}

function headerProblems(text: ByteString): FsckProblem | undefined {
  const end = text.indexOf("\n\n");
  const headers = end < 0 ? text : text.slice(0, end + 1);
  const nul = headers.indexOf("\0");
  if (nul >= 0) return problem("nulInHeader", "error", `unterminated header: NUL at offset ${nul}`);
  if (end < 0 && !text.endsWith("\n")) {
    return problem("unterminatedHeader", "error", "unterminated header");
  }
  return undefined;
}

function checkCommit(data: Uint8Array, algorithm: HashAlgorithm): FsckProblem[] {
  const text = toByteString(data);
  const bad = headerProblems(text);
  if (bad !== undefined) return [bad];
  const out: FsckProblem[] = [];
  const hex = new RegExp(`^[0-9a-f]{${algorithm.hexSize}}$`);
  const { headers, body } = parseHeaders(text);
  if (headers[0]?.[0] !== "tree") {
    return [problem("missingTree", "error", "invalid format - expected 'tree' line")];
  }
  if (!hex.test(headers[0][1])) {
    out.push(problem("badTreeSha1", "error", "invalid 'tree' line format - bad sha1"));
  }
  let i = 1;
  for (; headers[i]?.[0] === "parent"; i++) {
    if (!hex.test(headers[i]![1])) {
      return [...out, problem("badParentSha1", "error", "invalid 'parent' line format - bad sha1")];
    }
  }
  let authors = 0;
  for (; headers[i]?.[0] === "author"; i++, authors++) {
    const before = out.length;
    checkIdent(headers[i]![1], out);
    if (out.length > before) return out;
  }
  if (authors === 0) {
    return [...out, problem("missingAuthor", "error", "invalid format - expected 'author' line")];
  }
  if (authors > 1) {
    out.push(problem("multipleAuthors", "error", "invalid format - multiple 'author' lines"));
  }
  if (headers[i]?.[0] !== "committer") {
    return [
      ...out,
      problem("missingCommitter", "error", "invalid format - expected 'committer' line"),
    ];
  }
  checkIdent(headers[i]![1], out);
  if (text.slice(body).includes("\0")) {
    out.push(problem("nulInCommit", "warn", "NUL byte in the commit object body"));
  }
  return out;
}

function checkTag(data: Uint8Array, algorithm: HashAlgorithm): FsckProblem[] {
  const text = toByteString(data);
  const bad = headerProblems(text);
  if (bad !== undefined) return [bad];
  const hex = new RegExp(`^[0-9a-f]{${algorithm.hexSize}}$`);
  const { headers } = parseHeaders(text);
  const [object, type, tag, tagger] = headers;
  if (object?.[0] !== "object") {
    return [problem("missingObject", "error", "invalid format - expected 'object' line")];
  }
  if (!hex.test(object[1])) {
    return [problem("badObjectSha1", "error", "invalid 'object' line format - bad sha1")];
  }
  if (type?.[0] !== "type") {
    return [problem("missingTypeEntry", "error", "invalid format - expected 'type' line")];
  }
  if (!isObjectType(type[1])) return [problem("badType", "error", "invalid 'type' value")];
  if (tag?.[0] !== "tag") {
    return [problem("missingTagEntry", "error", "invalid format - expected 'tag' line")];
  }
  const out: FsckProblem[] = [];
  if (!isRefName(`refs/tags/${tag[1]}`)) {
    out.push(problem("badTagName", "info", `invalid 'tag' name: ${tag[1]}`));
  }
  if (tagger?.[0] !== "tagger") {
    out.push(problem("missingTaggerEntry", "info", "invalid format - expected 'tagger' line"));
  } else checkIdent(tagger[1], out);
  if (headers.length > 4 && tagger?.[0] === "tagger") {
    out.push(
      problem("extraHeaderEntry", "ignore", "invalid format - extra header(s) after 'tagger'"),
    );
  }
  return out;
}

/** The largest `.gitattributes` that is read (bytes). */
const MAX_ATTRIBUTES = 100 * 1024 * 1024;
/** The longest line of a `.gitattributes` that is read (bytes). */
const MAX_ATTRIBUTES_LINE = 2048;

function checkAttributes(data: Uint8Array): FsckProblem[] {
  if (data.length > MAX_ATTRIBUTES) {
    return [problem("gitattributesLarge", "error", ".gitattributes too large to parse")];
  }
  for (let at = 0; at < data.length;) {
    const newline = data.indexOf(10, at);
    const end = newline < 0 ? data.length : newline;
    if (end - at >= MAX_ATTRIBUTES_LINE) {
      return [
        problem("gitattributesLineLength", "error", ".gitattributes has too long lines to parse"),
      ];
    }
    at = end + 1;
  }
  return [];
}

/** Whether a submodule's name would lead out of `modules/`. */
function isBadSubmoduleName(name: ByteString): boolean {
  return name === "" || name.split(/[\\/]/).includes("..");
}

/** Whether a submodule's URL could be taken for an option, or changes host on its way. */
function isBadSubmoduleUrl(url: ByteString): boolean {
  if (url.startsWith("-")) return true;
  if (/^\.\.?\/|^git:\/\//.test(url)) {
    if (url.includes("\n") || /%0a/i.test(url)) return true;
    const rest = url.replace(/^(?:\.\/)*(?:\.\.\/(?:\.\/)*)+/, "");
    return rest !== url && /^[:/]/.test(rest);
  }
  const web = /^(?:https?|ftps?):\/\//.test(url) ? url : /^(?:https?|ftps?)::(.*)$/s.exec(url)?.[1];
  if (web === undefined) return false;
  const host = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#:]*)/.exec(web)?.[1];
  return host === undefined || host === "" || web.includes("\n") || /%0a/i.test(web);
}

function checkSubmodules(data: Uint8Array): FsckProblem[] {
  const out: FsckProblem[] = [];
  const bad = (id: string, what: string, value: ByteString): void => {
    out.push(problem(id, "error", `disallowed submodule ${what}: ${value}`));
  };
  let tokens: ReturnType<typeof parseConfig>;
  try {
    tokens = parseConfig(toByteString(data), ".gitmodules");
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return [problem("gitmodulesParse", "info", "could not parse gitmodules blob")];
  }
  for (const { kind, key, value } of tokens) {
    const match = /^submodule\.(.*)\.([^.]*)$/s.exec(key);
    if (kind !== "entry" || match === null) continue;
    const name = match[1]!, variable = match[2]!, text = value ?? "";
    if (isBadSubmoduleName(name)) bad("gitmodulesName", "name", name);
    if (variable === "url" && isBadSubmoduleUrl(text)) bad("gitmodulesUrl", "url", text);
    if (variable === "path" && text.startsWith("-")) bad("gitmodulesPath", "path", text);
    if (variable === "update" && text.startsWith("!")) {
      bad("gitmodulesUpdate", "update setting", text);
    }
  }
  return out;
}

/** Whether everything that received objects refer to is there, as what they say it is. */
export class LinkChecker {
  readonly #algorithm: HashAlgorithm;
  readonly #received = new Map<ObjectId, ObjectType>();
  readonly #wanted = new Map<ObjectId, ObjectType>();

  /** Starts with nothing received. */
  constructor(algorithm: HashAlgorithm) {
    this.#algorithm = algorithm;
  }

  /** Takes a received object. Throws `GitError` ("corrupt") if it cannot be read. */
  add(id: ObjectId, type: ObjectType, data: Uint8Array): void {
    this.#received.set(id, type);
    const want = (target: ObjectId, kind: ObjectType): void => void this.#wanted.set(target, kind);
    if (type === "commit") {
      const commit = parseCommit(data, this.#algorithm);
      want(commit.tree, "tree");
      for (const parent of commit.parents) want(parent, "commit");
    } else if (type === "tree") {
      for (const entry of parseTree(data, this.#algorithm)) {
        if (isTreeMode(entry.mode)) want(entry.id, "tree");
        else if (!isGitlinkMode(entry.mode)) want(entry.id, "blob");
      }
    } else if (type === "tag") {
      const tag = parseTag(data, this.#algorithm);
      if (isObjectType(tag.type)) want(tag.object, tag.type);
    }
  }

  /** Throws `GitError` ("corrupt") for a link that leads nowhere, or to something else. */
  finish(describe: (id: ObjectId) => { type: ObjectType } | undefined): void {
    for (const [id, wanted] of this.#wanted) {
      const found = this.#received.get(id) ?? describe(id)?.type;
      if (found === undefined) throw corrupt(`did not receive expected object ${id}`);
      if (found !== wanted) {
        throw corrupt(`object ${id}: expected type ${wanted}, found ${found}`);
      }
    }
  }
}
