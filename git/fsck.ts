/**
 * Checks of single objects: what `git fsck` says about trees, commits and tags.
 *
 * @module
 */
import { type ByteString, toByteString, toHex } from "./_bytes.ts";
import { parseConfig } from "./config.ts";
import { GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId, ObjectType } from "./hash_algorithm.ts";
import {
  compareTreeNames,
  isFileMode,
  isObjectType,
  isTreeMode,
  parseHeaders,
  type TreeEntry,
} from "./objects.ts";
import { isRefName } from "./ref_name.ts";
import { isDotFile, isDotGit } from "./safe_path.ts";

/** One finding. */
export interface FsckProblem {
  /** Git's word for it, such as `missingEmail`. */
  readonly id: string;
  /** How bad it is by default. */
  readonly severity: "error" | "warn" | "info";
  /** What is wrong. */
  readonly message: string;
}

/** Checks the content of an object. */
export function checkObject(
  type: ObjectType,
  data: Uint8Array,
  algorithm: HashAlgorithm,
): FsckProblem[] {
  switch (type) {
    case "tree":
      return checkTree(data, algorithm);
    case "commit":
      return checkCommit(data, algorithm);
    case "tag":
      return checkTag(data, algorithm);
    case "blob":
      return [];
  }
}

function problem(id: string, severity: FsckProblem["severity"], message: string): FsckProblem {
  return { id, severity, message };
}

function checkTree(data: Uint8Array, algorithm: HashAlgorithm): FsckProblem[] {
  const out: FsckProblem[] = [];
  const flags = new Set<string>();
  let at = 0;
  let previous: { name: ByteString; tree: boolean } | undefined;
  const names = new Set<ByteString>();
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const nul = space < 0 ? -1 : data.indexOf(0, space);
    const modeText = space < 0 ? "" : toByteString(data, at, space);
    if (
      space < 0 || nul < 0 || nul + 1 + algorithm.rawSize > data.length ||
      !/^[0-7]{1,7}$/.test(modeText)
    ) {
      return [problem("badTree", "error", "cannot be parsed as a tree")];
    }
    const mode = parseInt(modeText, 8);
    const name = toByteString(data, space + 1, nul);
    const id = toHex(data, nul + 1, nul + 1 + algorithm.rawSize);
    at = nul + 1 + algorithm.rawSize;
    if (name === "") return [problem("badTree", "error", "cannot be parsed as a tree")];
    if (/^0+$/.test(id)) flags.add("nullSha1");
    if (name.includes("/")) flags.add("fullPathname");
    if (name === ".") flags.add("hasDot");
    if (name === "..") flags.add("hasDotdot");
    if (isDotGit(name)) flags.add("hasDotgit");
    if (modeText.startsWith("0")) flags.add("zeroPaddedFilemode");
    if (![0o40000, 0o100644, 0o100755, 0o120000, 0o160000, 0o100664].includes(mode)) {
      flags.add("badFilemode");
    }
    if (names.has(name)) flags.add("duplicateEntries");
    names.add(name);
    const tree = isTreeMode(mode);
    if (previous !== undefined) {
      const order = compareTreeNames(previous.name, previous.tree, name, tree);
      if (order > 0) flags.add("treeNotSorted");
    }
    previous = { name, tree };
    if (
      (mode & 0o170000) === 0o120000
    ) {
      if (isDotFile(name, "gitmodules")) flags.add("gitmodulesSymlink");
      if (isDotFile(name, "gitattributes")) flags.add("gitattributesSymlink");
      if (isDotFile(name, "gitignore")) flags.add("gitignoreSymlink");
      if (isDotFile(name, "mailmap")) flags.add("mailmapSymlink");
    }
  }
  const table: [string, FsckProblem["severity"], string][] = [
    ["nullSha1", "warn", "contains entries pointing to null sha1"],
    ["fullPathname", "warn", "contains full pathnames"],
    ["hasDot", "warn", "contains '.'"],
    ["hasDotdot", "warn", "contains '..'"],
    ["hasDotgit", "warn", "contains '.git'"],
    ["zeroPaddedFilemode", "warn", "contains zero-padded file modes"],
    ["badFilemode", "info", "contains bad file modes"],
    ["duplicateEntries", "error", "contains duplicate file entries"],
    ["treeNotSorted", "error", "not properly sorted"],
    ["gitmodulesSymlink", "error", ".gitmodules is a symbolic link"],
    ["gitattributesSymlink", "info", ".gitattributes is a symlink"],
    ["gitignoreSymlink", "info", ".gitignore is a symlink"],
    ["mailmapSymlink", "info", ".mailmap is a symlink"],
  ];
  for (const [id, severity, message] of table) {
    if (flags.has(id)) out.push(problem(id, severity, message));
  }
  return out;
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
      problem("extraHeaderEntry", "info", "invalid format - extra header(s) after 'tagger'"),
    );
  }
  return out;
}

/** The largest `.gitattributes` that is read (bytes). */
const MAX_ATTRIBUTES = 100 * 1024 * 1024;
/** The longest line of a `.gitattributes` that is read (bytes). */
const MAX_ATTRIBUTES_LINE = 2048;

/**
 * The blobs that Git reads as settings, collected while trees go by: their content can do harm where
 * that of other files cannot.
 */
export class SettingsFiles {
  readonly #kinds = new Map<ObjectId, "gitmodules" | "gitattributes">();

  /** Takes note of what a tree holds. */
  addTree(entries: readonly TreeEntry[]): void {
    for (const { name, mode, id } of entries) {
      // Every name that matters starts so, in upper or lower case.
      if (!/^[.gG\xe2\xef]/.test(name) || !isFileMode(mode)) continue;
      if (isDotFile(name, "gitmodules")) this.#kinds.set(id, "gitmodules");
      else if (isDotFile(name, "gitattributes")) this.#kinds.set(id, "gitattributes");
    }
  }

  /** Ids of the blobs, those of submodules first. */
  ids(): ObjectId[] {
    const all = [...this.#kinds];
    return [
      ...all.filter(([, kind]) => kind === "gitmodules"),
      ...all.filter(([, kind]) => kind === "gitattributes"),
    ].map(([id]) => id);
  }

  /** Checks the content of one of the blobs. */
  check(id: ObjectId, data: Uint8Array): FsckProblem[] {
    switch (this.#kinds.get(id)) {
      case "gitmodules":
        return checkSubmodules(data);
      case "gitattributes":
        return checkAttributes(data);
      case undefined:
        return [];
    }
  }
}

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
