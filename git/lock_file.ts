/**
 * Lock files: `<path>.lock` is created exclusively, filled, flushed and renamed over `<path>`.
 *
 * @module
 */
import { type ByteString, fromByteString } from "./_bytes.ts";
import {
  directoryName,
  isMissing,
  makeDirectories,
  nativePath,
  removeFile,
  syncDirectory,
  writeAll,
} from "./_files.ts";
import { GitError } from "./errors.ts";

/** A lock that is held. */
export class LockFile {
  /** The file that is locked. */
  readonly path: ByteString;
  #file: Deno.FsFile | undefined;
  #held = true;

  static readonly #locks = new Set<LockFile>();

  private constructor(path: ByteString, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
    LockFile.#locks.add(this);
  }

  /**
   * Takes the lock. Throws `GitError` ("locked") when somebody holds it for longer than
   * `timeoutMs`.
   */
  static take(path: ByteString, timeoutMs = 0, mode?: number): LockFile {
    const until = performance.now() + timeoutMs;
    let wait = 1;
    for (;;) {
      try {
        const file = Deno.openSync(nativePath(`${path}.lock`), {
          write: true,
          createNew: true,
          ...(mode === undefined ? {} : { mode }),
        });
        return new LockFile(path, file);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) {
          if (performance.now() < until) {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
            wait = Math.min(wait * 2, 50);
            continue;
          }
          throw new GitError(
            "locked",
            `Unable to create '${path}.lock': File exists.\n\n` +
              "Another git process seems to be running in this repository, e.g.\n" +
              "an editor opened by 'git commit'. Please make sure all processes\n" +
              "are terminated then try again. If it still fails, a git process\n" +
              "may have crashed in this repository earlier:\nremove the file manually to continue.",
          );
        }
        if (error instanceof Deno.errors.PermissionDenied) {
          throw new GitError("io", `Unable to create '${path}.lock': Permission denied`);
        }
        if (isMissing(error)) {
          throw new GitError("io", `Unable to create '${path}.lock': ${reason(error)}`);
        }
        throw error;
      }
    }
  }

  /** Takes the lock after making the directories above it. */
  static takeIn(path: ByteString, timeoutMs = 0): LockFile {
    try {
      return LockFile.take(path, timeoutMs);
    } catch (error) {
      if (!(error instanceof GitError) || error.code !== "io") throw error;
      makeDirectories(directoryName(path));
      return LockFile.take(path, timeoutMs);
    }
  }

  /** The lock files that this process holds. */
  static heldFiles(): ByteString[] {
    return [...LockFile.#locks].map((lock) => `${lock.path}.lock`);
  }

  /** Appends to the lock file. */
  write(data: Uint8Array | ByteString): void {
    writeAll(this.#file!, typeof data === "string" ? fromByteString(data) : data);
  }

  /** Ends writing; the lock stays. */
  close(fsync = true): void {
    if (this.#file === undefined) return;
    if (fsync) this.#file.syncSync();
    this.#file.close();
    this.#file = undefined;
  }

  /** Moves what was written into place and gives up the lock. */
  commit(fsync = true): void {
    this.close(fsync);
    Deno.renameSync(nativePath(`${this.path}.lock`), nativePath(this.path));
    this.#held = false;
    LockFile.#locks.delete(this);
    if (fsync) syncDirectory(directoryName(this.path));
  }

  /** Gives up the lock and leaves the file as it was. */
  rollback(): void {
    this.close(false);
    if (this.#held) removeFile(`${this.path}.lock`);
    this.#held = false;
    LockFile.#locks.delete(this);
  }

  /** Rolls back unless committed. */
  [Symbol.dispose](): void {
    this.rollback();
  }
}

/** The words of the platform for an error. */
export function reason(error: unknown): string {
  const code = (error as { code?: string } | null)?.code;
  switch (code) {
    case "ENOENT":
      return "No such file or directory";
    case "ENOTDIR":
      return "Not a directory";
    case "EISDIR":
      return "Is a directory";
    case "EACCES":
      return "Permission denied";
    case "EEXIST":
      return "File exists";
    case "ENOTEMPTY":
      return "Directory not empty";
    case "ENAMETOOLONG":
      return "File name too long";
    case "ELOOP":
      return "Too many levels of symbolic links";
    case "ENOSPC":
      return "No space left on device";
    case "EXDEV":
      return "Invalid cross-device link";
    default:
      return error instanceof Error ? error.message.replace(/ \(os error.*$/, "") : String(error);
  }
}
