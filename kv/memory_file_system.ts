/** A file system in memory that records every change and can lose what a power cut would. */
import type { FileSystem, StorageFile, StorageLock } from "./file_system.ts";

/** How a call is made to fail: `"short"` writes half and then reports a full disk. */
export type FileFailure = "EIO" | "ENOSPC" | "short";

/** One call, as {@linkcode MemoryFileSystem.fail} sees it. */
export interface FileCall {
  /** Counts the calls from 0. */
  readonly index: number;
  /** The method of `FileSystem` or `StorageFile`. */
  readonly name: string;
  /** The file or directory, by the name under which it was opened. */
  readonly path: string;
}

interface Inode {
  readonly id: number;
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
  /** Changes of contents so far; a sync covers those before its call. */
  changes: number;
}

/** A recorded change. */
type Change =
  | { type: "write"; inode: number; offset: number; bytes: Uint8Array }
  | { type: "truncate"; inode: number }
  | { type: "sync"; inode: number; changes: number }
  | { type: "names"; names: { path: string; inode: number | undefined }[] }
  | { type: "directory"; path: string }
  | { type: "syncDirectory"; path: string };

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

function failure(kind: FileFailure, call: FileCall): Error {
  const code = kind === "short" ? "ENOSPC" : kind;
  const text = code === "EIO" ? "input/output error" : "no space left on device";
  return Object.assign(new Error(`${code}: ${text}, ${call.name} '${call.path}'`), { code });
}

function place(
  file: { bytes: Uint8Array<ArrayBuffer>; length: number },
  at: number,
  data: Uint8Array,
) {
  const end = at + data.length;
  if (end > file.bytes.length) {
    const grown = new Uint8Array(Math.max(end, file.bytes.length * 2));
    grown.set(file.bytes.subarray(0, file.length));
    file.bytes = grown;
  }
  file.bytes.set(data, at);
  file.length = Math.max(file.length, end);
}

/**
 * A file system in memory for tests. It records each change of contents and of names with the
 * syncs in between, can fail any call, and {@linkcode MemoryFileSystem.crash} rebuilds what a power
 * cut may leave: contents written since the file's last sync are kept, lost, torn, zeroed or kept
 * out of order; names changed since the directory's last sync are kept or lost, each by itself.
 * The record holds a copy of everything written, so it is not a store for large data.
 *
 * @example
 * ```ts
 * import { Database, MemoryFileSystem } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const fileSystem = new MemoryFileSystem();
 * const db = await Database.open("/db", { fileSystem });
 * await db.put(bytes("a"), bytes("1"), { sync: true });
 * const after = fileSystem.crash(() => 0); // everything that is not durable is lost
 * await using reopened = await Database.open("/db", { fileSystem: after });
 * assertEquals(reopened.getSync(bytes("a")), bytes("1"));
 * await db.close();
 * ```
 */
export class MemoryFileSystem implements FileSystem {
  /** Asked at each call whether it shall fail. */
  fail: ((call: FileCall) => FileFailure | undefined) | undefined;
  #inodes: Inode[] = [];
  #names = new Map<string, Inode>();
  #directories = new Set<string>([""]);
  #journal: Change[] = [];
  #locks = new Set<string>();
  #calls = 0;

  /** How many calls were made. */
  get calls(): number {
    return this.#calls;
  }

  /** How many changes were recorded: the points at which {@linkcode MemoryFileSystem.crash} can cut. */
  get changes(): number {
    return this.#journal.length;
  }

  #call(name: string, path: string): void {
    const call = { index: this.#calls++, name, path };
    const kind = this.fail?.(call);
    if (kind !== undefined) throw failure(kind, call);
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode) return inode;
    throw Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), {
      code: "ENOENT",
    });
  }

  #file(path: string, inode: Inode): StorageFile {
    const sync = (changes: number) =>
      void this.#journal.push({ type: "sync", inode: inode.id, changes });
    return {
      read: (target, position) => {
        this.#call("read", path);
        const length = Math.max(0, Math.min(target.length, inode.length - position));
        target.set(inode.bytes.subarray(position, position + length));
        return length;
      },
      append: (bytes) => {
        const call = { index: this.#calls++, name: "append", path };
        const kind = this.fail?.(call);
        const length = kind === undefined ? bytes.length : kind === "short" ? bytes.length >> 1 : 0;
        if (length > 0) {
          const copy = bytes.slice(0, length);
          this.#journal.push({ type: "write", inode: inode.id, offset: inode.length, bytes: copy });
          place(inode, inode.length, copy);
          inode.changes++;
        }
        if (kind !== undefined) throw failure(kind, call);
      },
      sync: () => {
        this.#call("sync", path);
        sync(inode.changes);
      },
      syncLater: async () => {
        const { changes } = inode;
        await Promise.resolve(); // what is written meanwhile is not covered
        this.#call("syncLater", path);
        sync(changes);
      },
      size: () => {
        this.#call("size", path);
        return inode.length;
      },
      close: () => {},
    };
  }

  #change(...names: { path: string; inode: Inode | undefined }[]): void {
    for (const { path, inode } of names) {
      if (inode) this.#names.set(path, inode);
      else this.#names.delete(path);
    }
    this.#journal.push({
      type: "names",
      names: names.map(({ path, inode }) => ({ path, inode: inode?.id })),
    });
  }

  #inode(): Inode {
    const inode = { id: this.#inodes.length, bytes: new Uint8Array(0), length: 0, changes: 0 };
    this.#inodes.push(inode);
    return inode;
  }

  /** Creates a directory and its parents; they are durable at once. */
  makeDirectory(path: string): void {
    this.#call("makeDirectory", path);
    for (let at = path; at !== "" && !this.#directories.has(at); at = directoryOf(at)) {
      this.#directories.add(at);
      this.#journal.push({ type: "directory", path: at });
    }
  }

  /** The names in a directory; empty where it does not exist. */
  list(path: string): string[] {
    this.#call("list", path);
    const all = [...this.#names.keys(), ...this.#directories];
    return all.filter((name) => name !== "" && directoryOf(name) === path)
      .map((name) => name.slice(path.length + 1));
  }

  /** Creates an empty file, in place of one that exists, to append to. */
  create(path: string): StorageFile {
    this.#call("create", path);
    let inode = this.#names.get(path);
    if (inode) {
      inode.length = 0;
      inode.changes++;
      this.#journal.push({ type: "truncate", inode: inode.id });
    } else {
      inode = this.#inode();
      this.#change({ path, inode });
    }
    return this.#file(path, inode);
  }

  /** Opens a file to read. */
  open(path: string): StorageFile {
    this.#call("open", path);
    return this.#file(path, this.#find(path));
  }

  /** Opens a file that exists to append to. */
  openToAppend(path: string): StorageFile {
    this.#call("openToAppend", path);
    return this.#file(path, this.#find(path));
  }

  /** Renames over a file that may exist. */
  rename(from: string, to: string): void {
    this.#call("rename", from);
    const inode = this.#find(from);
    this.#change({ path: from, inode: undefined }, { path: to, inode });
  }

  /** Gives a file a second name. */
  link(from: string, to: string): void {
    this.#call("link", from);
    this.#change({ path: to, inode: this.#find(from) });
  }

  /** Removes a file. */
  remove(path: string): void {
    this.#call("remove", path);
    this.#find(path);
    this.#change({ path, inode: undefined });
  }

  /** Removes an empty directory. */
  removeDirectory(path: string): void {
    this.#call("removeDirectory", path);
    if (this.list(path).length > 0) throw new Error(`ENOTEMPTY: directory not empty, '${path}'`);
    this.#directories.delete(path);
  }

  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): void {
    this.#call("syncDirectory", path);
    this.#journal.push({ type: "syncDirectory", path });
  }

  /** Takes the lock file; -1 when it is held. */
  lock(path: string): StorageLock | number {
    this.#call("lock", path);
    if (this.#locks.has(path)) return -1;
    this.#locks.add(path);
    if (!this.#names.has(path)) this.#change({ path, inode: this.#inode() });
    return { release: () => void this.#locks.delete(path) };
  }

  /** The contents of a file, to look at or to damage. */
  contents(path: string): Uint8Array<ArrayBuffer> {
    const inode = this.#find(path);
    return inode.bytes.subarray(0, inode.length);
  }

  /**
   * What a power cut after `at` changes may leave. `choose(n)` picks one of n outcomes, 0 to n - 1,
   * each time that there is a choice; 0 always loses. Nobody holds a lock in the result.
   */
  crash(choose: (outcomes: number) => number, at: number = this.#journal.length): MemoryFileSystem {
    type Content = Extract<Change, { type: "write" | "truncate" }>;
    type Names = Extract<Change, { type: "names" }>;
    const pending = new Map<number, Content[]>();
    const seen = new Map<number, number>();
    const settled = new Map<number, { bytes: Uint8Array<ArrayBuffer>; length: number }>();
    const names = new Map<string, number>();
    let unsettled: Names[] = [];
    const result = new MemoryFileSystem();
    const fileOf = (inode: number) => {
      const file = settled.get(inode) ?? { bytes: new Uint8Array(0), length: 0 };
      settled.set(inode, file);
      return file;
    };
    const write = (change: Content) => {
      const file = fileOf(change.inode);
      if (change.type === "truncate") file.length = 0;
      else {
        file.bytes.fill(0, file.length); // a hole reads as zeros
        place(file, change.offset, change.bytes);
      }
    };
    const rename = (change: Names) => {
      for (const { path, inode } of change.names) {
        if (inode === undefined) names.delete(path);
        else names.set(path, inode);
      }
    };
    for (const change of this.#journal.slice(0, at)) {
      if (change.type === "write" || change.type === "truncate") {
        const list = pending.get(change.inode) ?? [];
        pending.set(change.inode, list);
        list.push(change);
      } else if (change.type === "sync") {
        const done = seen.get(change.inode) ?? 0;
        const list = pending.get(change.inode) ?? [];
        for (const covered of list.splice(0, Math.max(0, change.changes - done))) write(covered);
        seen.set(change.inode, Math.max(done, change.changes));
      } else if (change.type === "names") unsettled.push(change);
      else if (change.type === "directory") result.#directories.add(change.path);
      else {
        const here = (names: Names) =>
          names.names.some(({ path }) => directoryOf(path) === change.path);
        for (const covered of unsettled.filter(here)) rename(covered);
        unsettled = unsettled.filter((names) => !here(names));
      }
    }
    // All lost, all kept, a beginning, or any of them.
    const pick = <T>(list: T[], keep: (item: T, last: boolean) => void, any: (item: T) => void) => {
      if (list.length === 0) return;
      const mode = choose(4);
      if (mode === 1) list.forEach((item) => keep(item, false));
      if (mode === 2) {
        const count = choose(list.length + 1);
        list.slice(0, count).forEach((item, i) => keep(item, i === count - 1));
      }
      if (mode === 3) list.forEach(any);
    };
    const torn = (change: Content) => {
      if (change.type === "truncate") return write(change);
      const bytes = change.bytes.slice(0, choose(change.bytes.length + 1));
      write({ ...change, bytes });
    };
    for (const list of pending.values()) {
      pick(list, (change, last) => last ? torn(change) : write(change), (change) => {
        const outcome = choose(4);
        if (outcome === 1) write(change);
        if (outcome === 2) torn(change);
        if (outcome === 3 && change.type === "write") {
          write({ ...change, bytes: new Uint8Array(change.bytes.length) });
        }
      });
    }
    pick(unsettled, rename, (names) => {
      if (choose(2) === 1) rename(names);
    });
    const inodes = new Map<number, Inode>();
    for (const [path, id] of names) {
      let inode = inodes.get(id);
      if (!inode) {
        inode = result.#inode();
        inodes.set(id, inode);
        const file = fileOf(id);
        inode.bytes = file.bytes.slice(0, file.length);
        inode.length = file.length;
      }
      result.#names.set(path, inode);
    }
    result.#settle();
    return result;
  }

  /** Begins the record with the state of now as durable. */
  #settle(): void {
    this.#journal = [...this.#directories].filter((path) => path !== "")
      .map((path) => ({ type: "directory", path }));
    for (const inode of this.#inodes) {
      const bytes = inode.bytes.slice(0, inode.length);
      this.#journal.push({ type: "write", inode: inode.id, offset: 0, bytes });
      this.#journal.push({ type: "sync", inode: inode.id, changes: 1 });
      inode.changes = 1;
    }
    const directories = new Set<string>();
    for (const [path, inode] of this.#names) {
      this.#journal.push({ type: "names", names: [{ path, inode: inode.id }] });
      directories.add(directoryOf(path));
    }
    for (const path of directories) this.#journal.push({ type: "syncDirectory", path });
  }
}
