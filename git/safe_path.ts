/**
 * Which paths may be written to a worktree or an index: none that is `.git`, or would be on HFS+
 * (code points that it ignores) or NTFS (short names, streams, dots and spaces at the end), none
 * with `..`, and no link in the place of a file that Git itself reads.
 *
 * The checks of all file systems hold on all of them: a repository moves.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { isLinkMode } from "./objects.ts";

const HFS_IGNORED = /\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf/g;

/** Files of Git's own, with the start of the short names that NTFS falls back to. */
const SHORT_NAMES = {
  gitmodules: "gi7eba",
  gitattributes: "gi7d29",
  gitignore: "gi250a",
  mailmap: "maba30",
} as const;

/** A file that Git reads from a worktree, without its dot. */
export type DotFile = keyof typeof SHORT_NAMES;

/** Lower case of ASCII letters only: others may be parts of characters. */
function lower(name: ByteString): ByteString {
  return name.replace(/[A-Z]+/g, (part) => part.toLowerCase());
}

/** Whether a name is `.gitmodules` and the like on some file system. */
export function isDotFile(name: ByteString, wanted: DotFile): boolean {
  const clean = lower(name);
  if (clean.replace(HFS_IGNORED, "") === `.${wanted}`) return true;
  const base = clean.split(/[\\:]/)[0]!.replace(/[ .]+$/, "");
  if (base === `.${wanted}`) return true;
  // The first short names are made of the name, later ones of a hash.
  if (/^~[1-4]$/.test(base.slice(6)) && base.startsWith(wanted.slice(0, 6))) return true;
  const tilde = base.indexOf("~");
  return base.length === 8 && tilde >= 0 && SHORT_NAMES[wanted].startsWith(base.slice(0, tilde)) &&
    /^~[1-9][0-9]*$/.test(base.slice(tilde));
}

/** Whether a name is `.git` on some file system. */
export function isDotGit(name: ByteString): boolean {
  const clean = lower(name);
  if (clean === ".git" || clean.replace(HFS_IGNORED, "") === ".git") return true;
  const base = clean.split(/[\\:]/)[0]!.replace(/[ .]+$/, "");
  return base === ".git" || base === "git~1";
}

/** No part of a path without these is special. */
const SUSPECT = /(?:^|\/)(?:[./]|[gG][iI][tT7]|$)|[\\\0\xe2\xef]/;

/**
 * Whether a path may be written to a worktree or an index. `mode` says what is to be written: a
 * symbolic link may not be named `.gitmodules`.
 */
export function isSafePath(path: ByteString, mode = 0): boolean {
  if (isLinkMode(mode) && isDotFile(path.slice(path.lastIndexOf("/") + 1), "gitmodules")) {
    return false;
  }
  if (!SUSPECT.test(path)) return true;
  if (path === "" || path.startsWith("/") || path.includes("\0")) return false;
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === ".." || isDotGit(part)) return false;
    // On Windows a backslash ends a name.
    if (
      part.includes("\\") && part.split("\\").some((piece) => isDotGit(piece) || piece === "..")
    ) return false;
  }
  return true;
}

/** Throws `GitError` ("unsafe") for a path that must not be written. */
export function ensureSafePath(path: ByteString, mode?: number): void {
  if (!isSafePath(path, mode)) throw new GitError("unsafe", `invalid path '${path}'`);
}
