/**
 * The four object kinds: parsing and writing trees, commits and tags.
 *
 * A commit or tag is header lines, an empty line, the message. A tree is a run of
 * `<mode> <name>\0<raw id>`, sorted as if directory names ended with a slash.
 *
 * @module
 */
import {
  type ByteString,
  ByteWriter,
  fromByteString,
  toByteString,
  toHex,
  trimSpace,
} from "./_bytes.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId, ObjectType } from "./hash_algorithm.ts";

/** An object as it is stored: its kind and content. */
export interface GitObject {
  /** The kind. */
  readonly type: ObjectType;
  /** The content, without the header. Not to be written to. */
  readonly data: Uint8Array;
}

/** File mode of a directory entry. */
export const MODE_TREE = 0o40000;
/** File mode of a plain file. */
export const MODE_FILE = 0o100644;
/** File mode of an executable file. */
export const MODE_EXECUTABLE = 0o100755;
/** File mode of a symbolic link. */
export const MODE_SYMLINK = 0o120000;
/** File mode of a submodule's commit. */
export const MODE_GITLINK = 0o160000;

/** Whether a mode says directory. */
export function isTreeMode(mode: number): boolean {
  return (mode & 0o170000) === 0o40000;
}
/** Whether a mode says symbolic link. */
export function isLinkMode(mode: number): boolean {
  return (mode & 0o170000) === 0o120000;
}
/** Whether a mode says submodule. */
export function isGitlinkMode(mode: number): boolean {
  return (mode & 0o170000) === 0o160000;
}
/** Whether a mode says regular file. */
export function isFileMode(mode: number): boolean {
  return (mode & 0o170000) === 0o100000;
}
/** The mode Git would record for a mode found in a tree or on disk. */
export function canonicalMode(mode: number): number {
  if (isFileMode(mode)) return mode & 0o100 ? MODE_EXECUTABLE : MODE_FILE;
  if (isLinkMode(mode)) return MODE_SYMLINK;
  if (isTreeMode(mode)) return MODE_TREE;
  return MODE_GITLINK;
}

/** One entry of a tree. */
export interface TreeEntry {
  /** File mode. */
  readonly mode: number;
  /** The name: one byte per code unit. */
  readonly name: ByteString;
  /** The object. */
  readonly id: ObjectId;
}

/** Parses a tree. Throws `GitError` ("corrupt") on damage. */
export function parseTree(data: Uint8Array, algorithm: HashAlgorithm): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const raw = algorithm.rawSize;
  let at = 0;
  while (at < data.length) {
    let mode = 0;
    const start = at;
    for (; data[at] !== 0x20; at++) {
      const digit = data[at]! - 48;
      if (!(digit >= 0 && digit < 8) || at - start > 6) {
        throw corrupt("malformed mode in tree entry");
      }
      mode = mode * 8 + digit;
    }
    if (at === start) throw corrupt("malformed mode in tree entry");
    const nameStart = ++at;
    at = data.indexOf(0, at);
    if (at < 0) throw corrupt("too-short tree file");
    if (at === nameStart) throw corrupt("empty filename in tree entry");
    if (at + 1 + raw > data.length) throw corrupt("too-short tree file");
    entries.push({
      mode,
      name: toByteString(data, nameStart, at),
      id: toHex(data, at + 1, at + 1 + raw),
    });
    at += 1 + raw;
  }
  return entries;
}

/** Order of two names in a tree, where directories sort as `name/`. */
export function compareTreeNames(
  a: ByteString,
  aIsTree: boolean,
  b: ByteString,
  bIsTree: boolean,
): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = a.charCodeAt(i) - b.charCodeAt(i);
    if (d !== 0) return d;
  }
  const ca = a.length > n ? a.charCodeAt(n) : aIsTree ? 47 : 0;
  const cb = b.length > n ? b.charCodeAt(n) : bIsTree ? 47 : 0;
  return ca - cb;
}

/** Serialises a tree; `entries` are put in order. */
export function formatTree(entries: readonly TreeEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) =>
    compareTreeNames(a.name, isTreeMode(a.mode), b.name, isTreeMode(b.mode))
  );
  const out = new ByteWriter(sorted.length * 40 + 16);
  for (const entry of sorted) {
    out.text(`${entry.mode.toString(8)} ${entry.name}\0`);
    out.hex(entry.id);
  }
  return out.view().slice();
}

/** A person and a time, as a commit or tag records them. */
export interface Signature {
  /** Name, one byte per code unit. */
  readonly name: ByteString;
  /** Mail address. */
  readonly email: ByteString;
  /** Seconds since 1970. */
  readonly time: number;
  /** Time zone as written, such as `+0100`. */
  readonly zone: string;
}

/** Parses `Name <mail> seconds zone`; lenient as Git's readers are. */
export function parseSignature(line: ByteString): Signature {
  const open = line.indexOf("<");
  const close = open < 0 ? -1 : line.indexOf(">", open);
  if (close < 0) return { name: trimSpace(line), email: "", time: 0, zone: "+0000" };
  const lastClose = line.lastIndexOf(">");
  const match = /^\s*(\d+)(?:\s+([+-]\d+))?/.exec(line.slice(lastClose + 1));
  return {
    name: trimSpace(line.slice(0, open)),
    email: trimSpace(line.slice(open + 1, close)),
    time: match ? Number(match[1]) : 0,
    zone: match?.[2] ?? "+0000",
  };
}

/** Writes a signature line. */
export function formatSignature(signature: Signature): ByteString {
  return `${signature.name} <${signature.email}> ${signature.time} ${signature.zone}`;
}

/** A parsed commit. */
export interface Commit {
  /** The tree. */
  readonly tree: ObjectId;
  /** Parents, in order. */
  readonly parents: readonly ObjectId[];
  /** The author line as written. */
  readonly author: ByteString;
  /** The committer line as written. */
  readonly committer: ByteString;
  /** All other headers, in order; continuation lines joined with line feeds. */
  readonly extra: readonly (readonly [key: ByteString, value: ByteString])[];
  /** The message, as bytes. */
  readonly message: ByteString;
}

/** Splits the headers of a commit or tag; returns where the message starts. */
export function parseHeaders(text: ByteString): { headers: [string, string][]; body: number } {
  const headers: [string, string][] = [];
  let at = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) === 10) return { headers, body: at + 1 };
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    const line = text.slice(at, end);
    at = end + 1;
    if (line.charCodeAt(0) === 32 && headers.length > 0) {
      headers[headers.length - 1]![1] += "\n" + line.slice(1);
      continue;
    }
    const space = line.indexOf(" ");
    if (space < 0) headers.push([line, ""]);
    else headers.push([line.slice(0, space), line.slice(space + 1)]);
  }
  return { headers, body: text.length };
}

/** Parses a commit. Throws `GitError` ("corrupt") when the tree line is missing or malformed. */
export function parseCommit(data: Uint8Array, algorithm: HashAlgorithm): Commit {
  const text = toByteString(data);
  const { headers, body } = parseHeaders(text);
  const first = headers[0];
  if (first?.[0] !== "tree" || !isHex(first[1], algorithm.hexSize)) {
    throw corrupt("bogus commit object");
  }
  const parents: string[] = [];
  let i = 1;
  for (; i < headers.length && headers[i]![0] === "parent"; i++) {
    if (!isHex(headers[i]![1], algorithm.hexSize)) throw corrupt("bad parents in commit");
    parents.push(headers[i]![1]);
  }
  let author = "", committer = "";
  const extra: [string, string][] = [];
  for (; i < headers.length; i++) {
    const [key, value] = headers[i]!;
    if (key === "author" && author === "") author = value;
    else if (key === "committer" && committer === "") committer = value;
    else extra.push([key, value]);
  }
  return { tree: first[1], parents, author, committer, extra, message: text.slice(body) };
}

/** Whether `text` is `size` lower-case hexadecimal digits. */
export function isHex(text: string, size: number): boolean {
  if (text.length !== size) return false;
  for (let i = 0; i < size; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return false;
  }
  return true;
}

/** Serialises a commit. */
export function formatCommit(commit: Commit): Uint8Array {
  let text = `tree ${commit.tree}\n`;
  for (const parent of commit.parents) text += `parent ${parent}\n`;
  text += `author ${commit.author}\ncommitter ${commit.committer}\n`;
  for (const [key, value] of commit.extra) text += `${key} ${value.replaceAll("\n", "\n ")}\n`;
  return fromByteString(`${text}\n${commit.message}`);
}

/** A parsed annotated tag. */
export interface Tag {
  /** What it points at. */
  readonly object: ObjectId;
  /** The kind of what it points at. */
  readonly type: ObjectType;
  /** Its name. */
  readonly tag: ByteString;
  /** The tagger line, or `""`: very old tags have none. */
  readonly tagger: ByteString;
  /** The message, signature included. */
  readonly message: ByteString;
}

/** Whether a word names an object kind. */
export function isObjectType(word: string): word is ObjectType {
  return word === "commit" || word === "tree" || word === "blob" || word === "tag";
}

/** Parses a tag. Throws `GitError` ("corrupt"). */
export function parseTag(data: Uint8Array, algorithm: HashAlgorithm): Tag {
  const text = toByteString(data);
  const { headers, body } = parseHeaders(text);
  const [object, type, tag, tagger] = headers;
  if (
    object?.[0] !== "object" || !isHex(object[1], algorithm.hexSize) || type?.[0] !== "type" ||
    !isObjectType(type[1]) || tag?.[0] !== "tag"
  ) throw corrupt("bogus tag object");
  return {
    object: object[1],
    type: type[1],
    tag: tag[1],
    tagger: tagger?.[0] === "tagger" ? tagger[1] : "",
    message: text.slice(body),
  };
}

/** Serialises a tag. */
export function formatTag(tag: Tag): Uint8Array {
  const tagger = tag.tagger === "" ? "" : `tagger ${tag.tagger}\n`;
  return fromByteString(
    `object ${tag.object}\ntype ${tag.type}\ntag ${tag.tag}\n${tagger}\n${tag.message}`,
  );
}
