/**
 * Small file helpers over Deno's synchronous calls. Paths are byte strings.
 *
 * @module
 */
import { type ByteString, decodeText, encodeText, fromByteString, toByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";

/**
 * The platform path of a byte-string path. Throws `GitError` ("invalid") for a path with a NUL byte,
 * which no file system has. Deno's file calls take UTF-8 only: other bytes become U+FFFD.
 */
export function nativePath(path: ByteString): string {
  if (path.includes("\0")) throw new GitError("invalid", "a path may not contain a NUL byte");
  return decodeText(path);
}

/** Reads a whole file; `undefined` when there is none (or a directory is in the way). */
export function readFileIfAny(path: ByteString): Uint8Array | undefined {
  try {
    return Deno.readFileSync(nativePath(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Reads a whole file as a byte string. */
export function readTextIfAny(path: ByteString): ByteString | undefined {
  const data = readFileIfAny(path);
  return data === undefined ? undefined : toByteString(data);
}

/** Whether an error says that nothing is at a path. */
export function isMissing(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return true;
  }
  const code = (error as { code?: string } | null)?.code;
  return code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR" || code === "ENAMETOOLONG" ||
    code === "ELOOP";
}

/** `lstat`, or `undefined` when nothing is there. */
export function lstat(path: ByteString): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(nativePath(path));
  } catch (error) {
    if (isMissing(error) || (error as { code?: string }).code === undefined) return undefined;
    throw error;
  }
}

/** `stat`, or `undefined` when nothing is there. */
export function stat(path: ByteString): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(nativePath(path));
  } catch (error) {
    if (isMissing(error) || (error as { code?: string }).code === undefined) return undefined;
    throw error;
  }
}

/** Whether a directory is there. */
export function isDirectory(path: ByteString): boolean {
  return stat(path)?.isDirectory ?? false;
}

/** Makes a directory and those above it. */
export function makeDirectories(path: ByteString, mode?: number): void {
  Deno.mkdirSync(
    nativePath(path),
    mode === undefined ? { recursive: true } : { recursive: true, mode },
  );
}

/** Names in a directory, unsorted; empty when there is none. */
export function listDirectory(
  path: ByteString,
): { name: ByteString; isDirectory: boolean; isSymlink: boolean; isFile: boolean }[] {
  const out = [];
  try {
    for (const entry of Deno.readDirSync(nativePath(path))) {
      out.push({
        name: encodeText(entry.name),
        isDirectory: entry.isDirectory,
        isSymlink: entry.isSymlink,
        isFile: entry.isFile,
      });
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return out;
}

/** Removes a file; false when there was none. */
export function removeFile(path: ByteString): boolean {
  try {
    Deno.removeSync(nativePath(path));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/**
 * Removes a directory when it is empty; `false` when it is not, or is no directory: Deno's own call
 * removes files too.
 */
export function removeEmptyDirectory(path: ByteString): boolean {
  if (!lstat(path)?.isDirectory) return false;
  try {
    Deno.removeSync(nativePath(path));
    return true;
  } catch {
    return false;
  }
}

/** Flushes a directory's entries to disk. */
export function syncDirectory(path: ByteString): void {
  const directory = Deno.openSync(nativePath(path), { read: true });
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}

/** Writes all of `data` to an open file. */
export function writeAll(file: Deno.FsFile, data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
}

let temporary = 0;

/** A name that no other process uses. */
export function temporaryName(prefix: ByteString): ByteString {
  temporary++;
  return `${prefix}${Deno.pid.toString(36)}_${temporary.toString(36)}_${
    Math.floor(Math.random() * 2 ** 40).toString(36)
  }`;
}

/** Writes a file by temporary name, optional fsync, and rename. */
export function writeFileAtomically(
  path: ByteString,
  data: Uint8Array | ByteString,
  options: { fsync?: boolean; mode?: number } = {},
): void {
  const bytes = typeof data === "string" ? fromByteString(data) : data;
  const temp = temporaryName(`${path}.tmp_`);
  const file = Deno.openSync(nativePath(temp), {
    write: true,
    createNew: true,
    ...(options.mode === undefined ? {} : { mode: options.mode }),
  });
  try {
    try {
      writeAll(file, bytes);
      if (options.fsync !== false) file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(nativePath(temp), nativePath(path));
  } catch (error) {
    removeFile(temp);
    throw error;
  }
}

/** Reads exactly `out.length` bytes at `position` unless the file ends; returns how many were read. */
export function readAt(file: Deno.FsFile, out: Uint8Array, position: number): number {
  file.seekSync(position, Deno.SeekMode.Start);
  let got = 0;
  while (got < out.length) {
    const n = file.readSync(out.subarray(got));
    if (n === null || n === 0) break;
    got += n;
  }
  return got;
}

/** The directory part of a path; "." when there is none. */
export function directoryName(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

/** Joins two path parts; an absolute second part wins. */
export function joinPath(base: ByteString, path: ByteString): ByteString {
  if (path.startsWith("/") || base === "" || base === ".") return path === "" ? base : path;
  if (path === "" || path === ".") return base;
  return base.endsWith("/") ? base + path : `${base}/${path}`;
}

/** Resolves `.` and `..` textually in an absolute path. */
export function normalisePath(path: ByteString): ByteString {
  const absolute = path.startsWith("/");
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && out.length > 0 && out[out.length - 1] !== "..") out.pop();
    else if (part === ".." && absolute) continue;
    else out.push(part);
  }
  return (absolute ? "/" : "") + out.join("/");
}

/** The path to `to` as seen from the directory `from` (both absolute). */
export function relativePath(from: ByteString, to: ByteString): ByteString {
  const a = normalisePath(from).split("/").filter((part) => part !== "");
  const b = normalisePath(to).split("/").filter((part) => part !== "");
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return [...new Array(a.length - i).fill(".."), ...b.slice(i)].join("/") || ".";
}
