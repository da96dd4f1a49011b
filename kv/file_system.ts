/** The operations that the engine needs from a file system, and the real one. */
import * as fs from "node:fs";
import { dirname } from "node:path";

/** An open file: reads are positioned, writes go to its end. */
export interface StorageFile {
  /** Reads up to `target.length` bytes from `position` on; gives the number read. */
  read(target: Uint8Array, position: number): number;
  /** Writes all the bytes at the end of the file. */
  append(bytes: Uint8Array): void;
  /** Returns once the contents are durable. */
  sync(): void;
  /** Resolves once what was written before the call is durable; the thread goes on meanwhile. */
  syncLater(): Promise<void>;
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
  /** Opens a file that exists to append to. */
  openToAppend(path: string): StorageFile;
  /** Renames over a file that may exist. */
  rename(from: string, to: string): void;
  /** Gives a file a second name, or a durable copy where it cannot have one. */
  link(from: string, to: string): void;
  /** Removes a file. */
  remove(path: string): void;
  /** Removes an empty directory. */
  removeDirectory(path: string): void;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): void;
  /** Takes the lock file; the holder's process id, where it is known, or -1 when it is held. */
  lock(path: string): StorageLock | number;
  /** Whether a worker that opens the same paths with `RealFileSystem` sees the same files. */
  readonly shared?: boolean;
}

class NodeFile implements StorageFile {
  fd: number;
  syncing = 0;
  closed = false;
  constructor(fd: number) {
    this.fd = fd;
  }
  read(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.length) {
      const n = fs.readSync(this.fd, target, done, target.length - done, position + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  }
  append(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) done += fs.writeSync(this.fd, bytes, done, bytes.length - done);
  }
  sync(): void {
    fs.fdatasyncSync(this.fd);
  }
  syncLater(): Promise<void> {
    this.syncing++;
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.fd, (error) => {
        this.syncing--;
        if (this.closed && this.syncing === 0) fs.closeSync(this.fd);
        if (error) reject(error);
        else resolve();
      });
    });
  }
  size(): number {
    return fs.fstatSync(this.fd).size;
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.syncing === 0) fs.closeSync(this.fd); // else the number could be reused under the sync
  }
}

/**
 * The machine's file system. Needs `--allow-read` and `--allow-write` for the database's directory.
 * The lock is `flock` on the lock file, so it ends with its process; LevelDB takes an `fcntl` lock
 * on the same file, and the two kinds do not exclude each other: never open one database with both.
 */
export class RealFileSystem implements FileSystem {
  /** Workers see the same files. */
  readonly shared: boolean = true;
  /** Creates a directory and its parents, durably where it may read the directory above. */
  makeDirectory(path: string): void {
    // Asked first, because using what was not granted prompts on a terminal.
    const mayRead = (path: string) =>
      Deno.permissions.querySync({ name: "read", path }).state === "granted";
    const above: string[] = [];
    for (let at = path; mayRead(at) && !fs.existsSync(at); at = dirname(at)) {
      above.push(dirname(at));
    }
    fs.mkdirSync(path, { recursive: true });
    for (const directory of above) if (mayRead(directory)) this.syncDirectory(directory);
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
  /** Opens a file that exists to append to. */
  openToAppend(path: string): StorageFile {
    return new NodeFile(fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_APPEND));
  }
  /** Renames over a file that may exist. */
  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }
  /** Gives a file a second name, or a durable copy where it cannot have one. */
  link(from: string, to: string): void {
    try {
      fs.linkSync(from, to);
    } catch {
      fs.copyFileSync(from, to);
      const fd = fs.openSync(to, "r");
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    }
  }
  /** Removes a file. */
  remove(path: string): void {
    fs.unlinkSync(path);
  }
  /** Removes an empty directory. */
  removeDirectory(path: string): void {
    fs.rmdirSync(path);
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
    return {
      release: () => {
        // A process that is being started holds a copy of the file for a moment: closing ours would not let go.
        file.unlockSync();
        file.close();
      },
    };
  }
}
