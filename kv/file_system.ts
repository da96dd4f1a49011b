/** The operations that the engine needs from a file system, and the real one. */
import * as fs from "node:fs";

/** An open file: reads are positioned, writes go to its end. */
export interface StorageFile {
  /** Reads up to `target.length` bytes from `position` on; gives the number read. */
  read(target: Uint8Array, position: number): number;
  /** Writes all the bytes at the end of the file. */
  append(bytes: Uint8Array): void;
  /** Returns once the contents are durable. */
  sync(): void;
  /** The size in bytes. */
  size(): number;
  /** Gives the descriptor back. */
  close(): void;
}

/** A held lock. */
export interface StorageLock {
  /** Lets others in. */
  release(): void;
}

/** What a database asks of the file system. Calls are synchronous: Deno's cost 2 µs, awaited ones 50. */
export interface FileSystem {
  /** Creates a directory and its parents. */
  makeDirectory(path: string): void;
  /** The names in a directory; empty where it does not exist. */
  list(path: string): string[];
  /** Creates an empty file, in place of one that exists, to append to. */
  create(path: string): StorageFile;
  /** Opens a file to read. */
  open(path: string): StorageFile;
  /** Renames over a file that may exist. */
  rename(from: string, to: string): void;
  /** Removes a file. */
  remove(path: string): void;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): void;
  /** Takes the lock file; the holder's process id, where it is known, or -1 when it is held. */
  lock(path: string): StorageLock | number;
}

class NodeFile implements StorageFile {
  #fd: number;
  constructor(fd: number) {
    this.#fd = fd;
  }
  read(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.length) {
      const n = fs.readSync(this.#fd, target, done, target.length - done, position + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  }
  append(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) done += fs.writeSync(this.#fd, bytes, done, bytes.length - done);
  }
  sync(): void {
    fs.fdatasyncSync(this.#fd);
  }
  size(): number {
    return fs.fstatSync(this.#fd).size;
  }
  close(): void {
    fs.closeSync(this.#fd);
  }
}

/**
 * The machine's file system. Needs `--allow-read` and `--allow-write` for the database's directory.
 * The lock is `flock` on the lock file, so it ends with its process.
 */
export class RealFileSystem implements FileSystem {
  /** Creates a directory and its parents. */
  makeDirectory(path: string): void {
    fs.mkdirSync(path, { recursive: true });
  }
  /** The names in a directory; empty where it does not exist. */
  list(path: string): string[] {
    return fs.existsSync(path) ? fs.readdirSync(path) : [];
  }
  /** Creates an empty file, in place of one that exists, to append to. */
  create(path: string): StorageFile {
    return new NodeFile(fs.openSync(path, "w"));
  }
  /** Opens a file to read. */
  open(path: string): StorageFile {
    return new NodeFile(fs.openSync(path, "r"));
  }
  /** Renames over a file that may exist. */
  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }
  /** Removes a file. */
  remove(path: string): void {
    fs.unlinkSync(path);
  }
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): void {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
  /** Takes the lock file; the holder's process id, where it is known, or -1 when it is held. */
  lock(path: string): StorageLock | number {
    const file = Deno.openSync(path, { read: true, write: true, create: true });
    if (!file.tryLockSync(true)) {
      const text = new Uint8Array(20);
      const n = file.readSync(text) ?? 0;
      file.close();
      const pid = Number.parseInt(new TextDecoder().decode(text.subarray(0, n)), 10);
      return Number.isSafeInteger(pid) ? pid : -1;
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    return { release: () => file.close() };
  }
}
