/**
 * References: loose files, `packed-refs`, symbolic refs, reflogs, and transactions that compare
 * and swap several refs at once.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { fromByteString, trimSpace } from "./_bytes.ts";
import {
  directoryName,
  listDirectory,
  lstat,
  makeDirectories,
  nativePath,
  readTextIfAny,
  removeEmptyDirectory,
  removeFile,
  stat,
  syncDirectory,
  writeAll,
} from "./_files.ts";
import { GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import { LockFile, reason } from "./lock_file.ts";
import { isHex } from "./objects.ts";
import { isPerWorktreeRef, isRefName, isSafeRefName } from "./ref_name.ts";

/** What a ref holds before anything is followed. */
export type RefValue =
  | { readonly kind: "id"; readonly id: ObjectId }
  | { readonly kind: "symbolic"; readonly target: ByteString };

/** A ref after following symbolic ones. */
export interface ResolvedRef {
  /** The name that was asked for. */
  readonly name: ByteString;
  /** The ref at the end of the chain. */
  readonly target: ByteString;
  /** What it points at; `undefined` for an unborn branch. */
  readonly id: ObjectId | undefined;
  /** Whether any link was symbolic. */
  readonly symbolic: boolean;
}

/** One entry of a listing. */
export interface RefEntry {
  /** Full name. */
  readonly name: ByteString;
  /** What it points at, or the zero id when broken. */
  readonly id: ObjectId;
  /** Target of a symbolic ref. */
  readonly symbolic?: ByteString;
  /** The file does not hold a ref, or a symbolic ref points nowhere. */
  readonly broken?: boolean;
  /** The peeled id from `packed-refs`, when recorded. */
  readonly peeled?: ObjectId;
}

/** A line of a reflog. */
export interface ReflogEntry {
  /** Before. */
  readonly oldId: ObjectId;
  /** After. */
  readonly newId: ObjectId;
  /** Who, as `Name <mail> seconds zone`. */
  readonly who: ByteString;
  /** Why, without a line feed. */
  readonly message: ByteString;
}

/** One change in a transaction. */
export interface RefUpdate {
  /** The ref. */
  name: ByteString;
  /** New value: an id, or `undefined` to verify only. The zero id deletes. */
  newId?: ObjectId | undefined;
  /** Required old value; the zero id means "must not exist". `undefined` means any. */
  oldId?: ObjectId | undefined;
  /** Do not follow a symbolic ref. */
  noDeref?: boolean;
  /** Reflog message; empty for none. */
  message?: ByteString;
  /** Write a reflog even where the configuration would not. */
  createReflog?: boolean;
  /** Leave the reflog alone. */
  skipReflog?: boolean;
}

/** How a {@linkcode FileRefStore} behaves. */
export interface RefStoreOptions {
  /** When reflogs are written by default: never, for branches and such, for all. */
  logAllRefUpdates?: "false" | "true" | "always";
  /** The line `Name <mail> seconds zone` for reflogs. */
  who?: () => ByteString;
  /** Whether an object exists; when given, ids are checked before they are written. */
  hasObject?: (id: ObjectId) => boolean;
  /** Whether an object is a commit; branches accept nothing else. */
  isCommit?: (id: ObjectId) => boolean;
  /** Called with ("prepared" | "committed" | "aborted", lines); throwing in "prepared" aborts. */
  hook?: (state: "prepared" | "committed" | "aborted", lines: ByteString) => void;
  /** Follow a tag to what it names, for `packed-refs`. */
  peel?: (id: ObjectId) => ObjectId | undefined;
  /** Flush to disk. Default true. */
  fsync?: boolean;
  /** How long to wait for a lock, milliseconds. Default 100. */
  lockTimeoutMs?: number;
  /** How long to wait for `packed-refs.lock`, milliseconds. Default 1000. */
  packedTimeoutMs?: number;
}

const MAX_SYMREF_DEPTH = 5;

interface Packed {
  stamp: string;
  map: Map<ByteString, { id: ObjectId; peeled?: ObjectId }>;
  sorted: ByteString[];
}

/** Refs as files below a Git directory. */
export class FileRefStore {
  /** The directory of this worktree's refs. */
  readonly gitDir: ByteString;
  /** The directory shared by all worktrees. */
  readonly commonDir: ByteString;
  /** The hash of the repository. */
  readonly algorithm: HashAlgorithm;
  /** Behaviour. */
  readonly options: RefStoreOptions;
  #packed: Packed | undefined;

  /** Opens the refs of a Git directory. */
  constructor(
    gitDir: ByteString,
    commonDir: ByteString,
    algorithm: HashAlgorithm,
    options: RefStoreOptions = {},
  ) {
    this.gitDir = gitDir;
    this.commonDir = commonDir;
    this.algorithm = algorithm;
    this.options = options;
  }

  /** The file of a ref. */
  path(name: ByteString): ByteString {
    if (name.startsWith("main-worktree/")) return `${this.commonDir}/${name.slice(14)}`;
    if (name.startsWith("worktrees/")) return `${this.commonDir}/${name}`;
    return `${isPerWorktreeRef(name) ? this.gitDir : this.commonDir}/${name}`;
  }

  /** The file of a reflog. */
  logPath(name: ByteString): ByteString {
    if (name.startsWith("main-worktree/")) return `${this.commonDir}/logs/${name.slice(14)}`;
    if (name.startsWith("worktrees/")) {
      const rest = name.indexOf("/", 10);
      return `${this.commonDir}/${name.slice(0, rest)}/logs/${name.slice(rest + 1)}`;
    }
    return `${isPerWorktreeRef(name) ? this.gitDir : this.commonDir}/logs/${name}`;
  }

  /** Forgets what was read of `packed-refs`. */
  invalidate(): void {
    this.#packed = undefined;
  }

  #packedRefs(): Packed {
    const path = `${this.commonDir}/packed-refs`;
    const info = stat(path);
    const stamp = info === undefined
      ? "none"
      : `${info.mtime?.getTime()}:${info.ctime?.getTime()}:${info.size}:${info.ino}`;
    if (this.#packed?.stamp === stamp) return this.#packed;
    const map = new Map<ByteString, { id: ObjectId; peeled?: ObjectId }>();
    const text = info === undefined ? "" : readTextIfAny(path) ?? "";
    const hex = this.algorithm.hexSize;
    let last: { id: ObjectId; peeled?: ObjectId } | undefined;
    let at = 0;
    while (at < text.length) {
      let end = text.indexOf("\n", at);
      if (end < 0) {
        throw new GitError("corrupt", `unterminated line in ${path}: ${text.slice(at)}`);
      }
      const line = text.slice(at, end);
      at = end + 1;
      if (line.startsWith("#")) continue;
      if (line.startsWith("^")) {
        const id = line.slice(1);
        if (last === undefined || !isHex(id, hex)) {
          throw new GitError("corrupt", `unexpected line in ${path}: ${line}`);
        }
        last.peeled = id;
        continue;
      }
      const id = line.slice(0, hex);
      const name = line.slice(hex + 1);
      if (!isHex(id, hex) || line[hex] !== " " || name === "") {
        throw new GitError("corrupt", `unexpected line in ${path}: ${line}`);
      }
      last = { id };
      map.set(name, last);
      end = 0;
    }
    return this.#packed = { stamp, map, sorted: [...map.keys()].sort() };
  }

  /** What a ref holds; `undefined` when there is none. Throws "corrupt" when its file is not a ref. */
  read(name: ByteString): RefValue | undefined {
    const path = this.path(name);
    const info = lstat(path);
    if (info?.isSymlink) {
      const target = Deno.readLinkSync(nativePath(path));
      if (target.startsWith("refs/") && isRefName(target)) return { kind: "symbolic", target };
    }
    const text = info === undefined || info.isDirectory ? undefined : readTextIfAny(path);
    if (text === undefined) {
      const packed = this.#packedRefs().map.get(name);
      return packed && { kind: "id", id: packed.id };
    }
    if (text.startsWith("ref:")) {
      const target = trimSpace(text.slice(4));
      return { kind: "symbolic", target };
    }
    const id = text.slice(0, this.algorithm.hexSize);
    const after = text.charCodeAt(this.algorithm.hexSize);
    if (
      !isHex(id.toLowerCase(), this.algorithm.hexSize) ||
      !(Number.isNaN(after) || after === 32 || (after >= 9 && after <= 13))
    ) {
      throw new GitError("corrupt", `reference broken: ${name}`);
    }
    return { kind: "id", id: id.toLowerCase() };
  }

  /**
   * Follows a ref to an id. `undefined` when it does not exist (an unborn branch that `HEAD` names
   * is returned with no id). Throws "corrupt" when broken or too deep.
   */
  resolve(name: ByteString): ResolvedRef | undefined {
    let target = name;
    let symbolic = false;
    for (let depth = 0; depth <= MAX_SYMREF_DEPTH; depth++) {
      const value = isSafeRefName(target) || isRefName(target, { oneLevel: true })
        ? this.read(target)
        : undefined;
      if (value === undefined) {
        return symbolic ? { name, target, id: undefined, symbolic } : undefined;
      }
      if (value.kind === "id") return { name, target, id: value.id, symbolic };
      if (!isRefName(value.target, { oneLevel: true })) {
        throw new GitError("corrupt", `reference broken: ${target}`);
      }
      target = value.target;
      symbolic = true;
    }
    throw new GitError("corrupt", `too many levels of symbolic refs: ${name}`);
  }

  /** The id of a ref, or `undefined` when missing, unborn or broken. */
  id(name: ByteString): ObjectId | undefined {
    try {
      return this.resolve(name)?.id;
    } catch (error) {
      if (error instanceof GitError) return undefined;
      throw error;
    }
  }

  /** Whether a ref exists (a broken file counts). */
  exists(name: ByteString): boolean {
    try {
      return this.read(name) !== undefined;
    } catch {
      return true;
    }
  }

  /** All refs whose full name starts with `prefix`, sorted; broken ones are marked. */
  list(prefix: ByteString = "refs/"): RefEntry[] {
    const names = new Set<ByteString>();
    const directory = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    const walk = (base: ByteString, at: ByteString): void => {
      for (const entry of listDirectory(`${base}/${at}`)) {
        const name = at + entry.name;
        if (entry.name.startsWith(".") || entry.name.endsWith(".lock")) continue;
        if (entry.isDirectory || (entry.isSymlink && stat(`${base}/${name}`)?.isDirectory)) {
          if (base === this.commonDir && base !== this.gitDir && isPerWorktreeRef(`${name}/`)) {
            continue;
          }
          if (`${name}/`.startsWith(prefix) || prefix.startsWith(`${name}/`)) {
            walk(base, `${name}/`);
          }
        } else if (name.startsWith(prefix)) {
          names.add(name);
        }
      }
    };
    const start = directory === "" ? "refs/" : directory;
    walk(this.commonDir, start);
    if (this.gitDir !== this.commonDir) {
      for (const own of ["refs/bisect/", "refs/worktree/", "refs/rewritten/"]) {
        if (own.startsWith(start) || start.startsWith(own)) {
          walk(this.gitDir, start.length > own.length ? start : own);
        }
      }
    }
    const packed = this.#packedRefs();
    const loose = new Set(names);
    for (const name of packed.sorted) if (name.startsWith(prefix)) names.add(name);
    const out: RefEntry[] = [];
    for (const name of [...names].sort()) {
      let entry: RefEntry;
      if (!loose.has(name)) {
        // No file was there a moment ago, and to look for it again takes longer than all the rest.
        entry = { name, ...packed.map.get(name)! };
        out.push(isRefName(name) ? entry : { ...entry, broken: true });
        continue;
      }
      try {
        const value = this.read(name);
        if (value === undefined) continue;
        if (value.kind === "symbolic") {
          const resolved = this.resolve(name);
          entry = resolved?.id === undefined
            ? { name, id: this.algorithm.zero, symbolic: value.target, broken: true }
            : { name, id: resolved.id, symbolic: resolved.target };
        } else {
          const known = packed.map.get(name);
          entry = known?.peeled !== undefined && known.id === value.id
            ? { name, id: value.id, peeled: known.peeled }
            : { name, id: value.id };
        }
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        entry = { name, id: this.algorithm.zero, broken: true };
      }
      out.push(isRefName(name) ? entry : { ...entry, broken: true });
    }
    return out;
  }

  /** A ref that is in the way of `name` as file or directory, other than those in `except`. */
  conflict(name: ByteString, except: ReadonlySet<ByteString> = new Set()): ByteString | undefined {
    for (let slash = name.indexOf("/"); slash >= 0; slash = name.indexOf("/", slash + 1)) {
      const above = name.slice(0, slash);
      if (above === "refs" || except.has(above)) continue;
      const info = lstat(this.path(above));
      if ((info !== undefined && !info.isDirectory) || this.#packedRefs().map.has(above)) {
        return above;
      }
    }
    for (const entry of this.list(`${name}/`)) if (!except.has(entry.name)) return entry.name;
    return undefined;
  }

  /** Entries of a reflog, oldest first; `undefined` when there is none. */
  readLog(name: ByteString): ReflogEntry[] | undefined {
    const info = stat(this.logPath(name));
    if (info === undefined || info.isDirectory) return undefined;
    const text = readTextIfAny(this.logPath(name));
    return text === undefined ? undefined : parseReflog(text, this.algorithm.hexSize);
  }

  /** Whether a reflog exists. */
  hasLog(name: ByteString): boolean {
    return stat(this.logPath(name))?.isFile ?? false;
  }

  /** Names of all reflogs. */
  logNames(): ByteString[] {
    const out = new Set<ByteString>();
    const walk = (base: ByteString, at: ByteString): void => {
      for (const entry of listDirectory(`${base}/logs/${at}`)) {
        if (entry.isDirectory) walk(base, `${at}${entry.name}/`);
        else if (!entry.name.endsWith(".lock")) out.add(at + entry.name);
      }
    };
    walk(this.commonDir, "");
    if (this.gitDir !== this.commonDir) {
      out.delete("HEAD");
      walk(this.gitDir, "");
    }
    return [...out].sort();
  }

  #shouldLog(name: ByteString): boolean {
    const mode = this.options.logAllRefUpdates ?? "true";
    if (mode === "always") return true;
    return mode === "true" &&
      (name === "HEAD" || name.startsWith("refs/heads/") || name.startsWith("refs/remotes/") ||
        name.startsWith("refs/notes/"));
  }

  /** Appends to a reflog if it exists or should. */
  appendLog(
    name: ByteString,
    oldId: ObjectId,
    newId: ObjectId,
    message: ByteString,
    create = false,
  ): void {
    const path = this.logPath(name);
    if (!create && !this.#shouldLog(name) && !this.hasLog(name)) return;
    const text = trimSpace(message.replace(/[ \t\n\r]+/g, " "));
    const who = this.options.who?.() ?? "unknown <unknown> 0 +0000";
    const line = `${oldId} ${newId} ${who}${text === "" ? "" : `\t${text}`}\n`;
    this.#openLog(name, path, line);
  }

  #openLog(name: ByteString, path: ByteString, line: ByteString): void {
    for (let attempt = 0;; attempt++) {
      try {
        const file = Deno.openSync(nativePath(path), { append: true, create: true, write: true });
        try {
          writeAll(file, fromByteString(line));
        } finally {
          file.close();
        }
        return;
      } catch (error) {
        if (attempt > 1) {
          throw new GitError("io", `unable to append to '${path}': ${reason(error)}`);
        }
        if (stat(path)?.isDirectory) {
          if (!removeEmptyDirectories(path)) {
            throw new GitError("io", `there are still logs under '${path}'`);
          }
          continue;
        }
        try {
          makeDirectories(directoryName(path));
        } catch (inner) {
          throw new GitError(
            "io",
            `unable to create directory for '${this.logPath(name)}': ${reason(inner)}`,
          );
        }
      }
    }
  }

  /** Makes an empty reflog. */
  createLog(name: ByteString): void {
    if (!this.hasLog(name)) this.#openLog(name, this.logPath(name), "");
  }

  /** Removes a reflog and the directories it leaves empty. */
  deleteLog(name: ByteString): void {
    const path = this.logPath(name);
    if (removeFile(path)) this.#removeEmptyAbove(path, name);
  }

  #removeEmptyAbove(path: ByteString, name: ByteString): void {
    // Leave refs/heads and the like alone.
    let parts = name.split("/").length - 1;
    let directory = directoryName(path);
    while (parts > 2) {
      // What stands there may be a ref.
      if (!removeEmptyDirectory(directory)) return;
      directory = directoryName(directory);
      parts--;
    }
  }

  /**
   * Points a symbolic ref at another ref; the reflog gets `message` if given. Throws `GitError`:
   * "invalid" for bad names, "locked" when another process holds the ref, "conflict" when a directory
   * is in its place.
   */
  setSymbolic(name: ByteString, target: ByteString, message?: ByteString): void {
    for (const one of [name, target]) {
      if (!isRefName(one, { oneLevel: true }) && !isSafeRefName(one)) {
        throw new GitError("invalid", `'${one}' is not a valid ref name`);
      }
    }
    const before = this.id(name);
    const path = this.path(name);
    if (lstat(path)?.isDirectory && !removeEmptyDirectories(path)) {
      throw new GitError(
        "conflict",
        `cannot lock ref '${name}': there is a non-empty directory '${path}' blocking reference '${name}'`,
      );
    }
    using lock = LockFile.takeIn(path, this.options.lockTimeoutMs ?? 100);
    lock.write(`ref: ${target}\n`);
    lock.commit(this.options.fsync !== false);
    if (message !== undefined) {
      const after = this.id(target);
      if (after !== undefined) this.appendLog(name, before ?? this.algorithm.zero, after, message);
    }
  }

  /**
   * Makes all updates or none: every ref is locked and compared first.
   *
   * Throws `GitError`: "conflict" when an old value differs or a name is in the way, "locked",
   * "invalid" for bad names or missing objects.
   */
  transaction(updates: readonly RefUpdate[]): void {
    const transaction = new RefTransaction(this, updates);
    try {
      transaction.prepare();
    } catch (error) {
      transaction.abort();
      throw error;
    }
    transaction.commit();
  }

  /** Updates one ref. */
  update(update: RefUpdate): void {
    this.transaction([update]);
  }

  /**
   * Gives a ref and its reflog another name, or copies both. A ref of the new name is replaced.
   * Throws `GitError`: "not_found", "invalid" for symbolic refs and linked reflogs, "conflict".
   */
  rename(
    from: ByteString,
    to: ByteString,
    message: ByteString,
    options: { copy?: boolean } = {},
  ): void {
    const value = this.read(from);
    if (value === undefined) throw new GitError("not_found", `refname ${from} not found`);
    if (value.kind === "symbolic") {
      throw new GitError(
        "invalid",
        `refname ${from} is a symbolic ref, ${
          options.copy ? "copying" : "renaming"
        } it is not supported`,
      );
    }
    if (lstat(this.logPath(from))?.isSymlink) {
      throw new GitError("invalid", `reflog for ${from} is a symlink`);
    }
    const blocked = this.conflict(to, new Set(options.copy ? [] : [from]));
    if (blocked !== undefined) {
      throw new GitError("conflict", `'${blocked}' exists; cannot create '${to}'`);
    }
    const { id } = value;
    const zero = "0".repeat(id.length);
    const history = this.readLog(from);
    if (!options.copy) this.update({ name: from, newId: zero, noDeref: true, message });
    if (from !== to && this.exists(to)) this.update({ name: to, newId: zero, noDeref: true });
    this.update({ name: to, newId: id, noDeref: true, skipReflog: true });
    if (history === undefined) return;
    this.createLog(to);
    Deno.writeFileSync(nativePath(this.logPath(to)), fromByteString(formatReflog(history)));
    this.appendLog(to, id, id, message, true);
  }

  /** Removes refs from `packed-refs`, or moves loose ones into it. */
  rewritePacked(
    change: (map: Map<ByteString, { id: ObjectId; peeled?: ObjectId }>) => boolean,
    held?: LockFile,
  ): void {
    const path = `${this.commonDir}/packed-refs`;
    const lock = held ?? this.lockPacked();
    try {
      this.invalidate();
      const map = new Map(this.#packedRefs().map);
      if (!change(map)) {
        lock.rollback();
        return;
      }
      let text = "# pack-refs with: peeled fully-peeled sorted \n";
      for (const name of [...map.keys()].sort()) {
        const entry = map.get(name)!;
        let peeled = entry.peeled;
        if (peeled === undefined) {
          const id = this.options.peel?.(entry.id);
          if (id !== undefined && id !== entry.id) peeled = id;
        }
        text += `${entry.id} ${name}\n`;
        if (peeled !== undefined) text += `^${peeled}\n`;
      }
      // Written beside the lock so that the lock itself is only ever a lock.
      const fsync = this.options.fsync !== false;
      let file: Deno.FsFile;
      try {
        file = Deno.openSync(nativePath(`${path}.new`), { write: true, createNew: true });
      } catch (error) {
        throw new GitError("locked", `unable to create file ${path}.new: ${reason(error)}`);
      }
      try {
        writeAll(file, fromByteString(text));
        if (fsync) file.syncSync();
      } finally {
        file.close();
      }
      Deno.renameSync(nativePath(`${path}.new`), nativePath(path));
      if (fsync) syncDirectory(this.commonDir);
      this.invalidate();
    } finally {
      lock.rollback();
    }
  }

  /** Takes `packed-refs.lock`. */
  lockPacked(): LockFile {
    return LockFile.take(`${this.commonDir}/packed-refs`, this.options.packedTimeoutMs ?? 1000);
  }

  /** Whether `packed-refs` lists a ref. */
  isPacked(name: ByteString): boolean {
    return this.#packedRefs().map.has(name);
  }

  /** Moves loose refs into `packed-refs`: those already packed and tags, or all. */
  pack(options: { all?: boolean; prune?: boolean } = {}): void {
    const pruned: { name: ByteString; id: ObjectId }[] = [];
    this.rewritePacked((map) => {
      for (const entry of this.list()) {
        if (entry.broken || entry.symbolic !== undefined || isPerWorktreeRef(entry.name)) continue;
        if (!options.all && !entry.name.startsWith("refs/tags/") && !map.has(entry.name)) continue;
        if (this.options.hasObject !== undefined && !this.options.hasObject(entry.id)) continue;
        const loose = lstat(this.path(entry.name));
        if (loose === undefined) continue;
        const peeled = this.options.peel?.(entry.id);
        map.set(
          entry.name,
          peeled !== undefined && peeled !== entry.id ? { id: entry.id, peeled } : { id: entry.id },
        );
        pruned.push({ name: entry.name, id: entry.id });
      }
      return true;
    });
    if (options.prune === false) return;
    for (const { name, id } of pruned) {
      let lock: LockFile;
      try {
        lock = LockFile.take(this.path(name));
      } catch {
        continue;
      }
      const text = readTextIfAny(this.path(name));
      if (text?.trim() === id) {
        removeFile(this.path(name));
        lock.rollback();
        this.#removeEmptyAbove(this.path(name), name);
      } else lock.rollback();
    }
  }

  /** Removes directories that a deleted loose ref left empty. */
  removeEmptyAbove(name: ByteString): void {
    this.#removeEmptyAbove(this.path(name), name);
  }
}

/** Parses reflog text; lines that are not entries are skipped. */
export function parseReflog(text: ByteString, hexSize: number): ReflogEntry[] {
  const out: ReflogEntry[] = [];
  for (const line of text.split("\n")) {
    if (line.length < hexSize * 2 + 2) continue;
    const oldId = line.slice(0, hexSize);
    const newId = line.slice(hexSize + 1, hexSize * 2 + 1);
    if (!isHex(oldId, hexSize) || !isHex(newId, hexSize)) continue;
    const rest = line.slice(hexSize * 2 + 2);
    const tab = rest.indexOf("\t");
    out.push({
      oldId,
      newId,
      who: tab < 0 ? rest : rest.slice(0, tab),
      message: tab < 0 ? "" : rest.slice(tab + 1),
    });
  }
  return out;
}

/** Writes reflog entries as text. */
export function formatReflog(entries: readonly ReflogEntry[]): ByteString {
  return entries.map((entry) =>
    `${entry.oldId} ${entry.newId} ${entry.who}${
      entry.message === "" ? "" : `\t${entry.message}`
    }\n`
  ).join("");
}

/** Removes a tree of empty directories; false when a file was found. */
export function removeEmptyDirectories(path: ByteString): boolean {
  for (const entry of listDirectory(path)) {
    if (!entry.isDirectory || !removeEmptyDirectories(`${path}/${entry.name}`)) return false;
  }
  return removeEmptyDirectory(path);
}

interface Locked {
  update: RefUpdate;
  /** The ref that is written. */
  name: ByteString;
  /** Names for the error messages: what the caller asked for. */
  original: ByteString;
  lock: LockFile | undefined;
  before: ObjectId | undefined;
  /** `HEAD` that points at an updated branch: its log is written, it is not. */
  logOnly: boolean;
  /** Symbolic refs between the caller's name and `name`; their logs are written too. */
  via: ByteString[];
  remove: boolean;
  write: boolean;
}

/** A prepared set of ref updates. */
export class RefTransaction {
  readonly #store: FileRefStore;
  readonly #updates: readonly RefUpdate[];
  #locked: Locked[] = [];
  #packedLock: LockFile | undefined;
  #prepared = false;

  /** Collects updates; nothing is locked yet. */
  constructor(store: FileRefStore, updates: readonly RefUpdate[]) {
    this.#store = store;
    this.#updates = updates;
  }

  #lines(): ByteString {
    const zero = this.#store.algorithm.zero;
    return this.#updates.map((update) =>
      `${update.oldId ?? zero} ${update.newId ?? zero} ${update.name}\n`
    ).join("");
  }

  /** Locks and compares every ref. Throws `GitError`; call {@linkcode abort} then. */
  prepare(): void {
    const store = this.#store;
    const zero = store.algorithm.zero;
    const seen = new Map<ByteString, Locked>();
    const names = new Set<ByteString>();
    const deleting = new Set<ByteString>();
    for (const update of this.#updates) {
      if (update.newId === zero) deleting.add(update.name);
      if (
        update.newId !== undefined && update.newId !== zero
          ? !isRefName(update.name, { oneLevel: true })
          : !isRefName(update.name, { oneLevel: true }) && !isSafeRefName(update.name)
      ) throw new GitError("invalid", `refusing to update ref with bad name '${update.name}'`);
      if (names.has(update.name)) {
        throw new GitError("conflict", `multiple updates for ref '${update.name}' not allowed`);
      }
      names.add(update.name);
    }
    let headTarget: ByteString | undefined;
    try {
      const head = store.read("HEAD");
      if (head?.kind === "symbolic") headTarget = head.target;
    } catch { /* A broken HEAD follows nothing. */ }
    for (const update of [...this.#updates].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      let name = update.name;
      const via: ByteString[] = [];
      if (!update.noDeref) {
        for (let depth = 0; depth < MAX_SYMREF_DEPTH; depth++) {
          let value: RefValue | undefined;
          try {
            value = store.read(name);
          } catch (error) {
            if (
              update.newId === zero || (update.newId !== undefined && update.oldId === undefined)
            ) break;
            throw new GitError(
              "conflict",
              `cannot lock ref '${update.name}': unable to resolve reference '${name}': ${
                (error as Error).message
              }`,
            );
          }
          if (value?.kind !== "symbolic") break;
          if (!isRefName(value.target, { oneLevel: true })) {
            throw new GitError(
              "conflict",
              `cannot lock ref '${update.name}': unable to resolve reference '${update.name}': reference broken`,
            );
          }
          via.push(name);
          name = value.target;
          if (depth + 1 === MAX_SYMREF_DEPTH) {
            throw new GitError(
              "conflict",
              `cannot lock ref '${update.name}': unable to resolve reference '${update.name}': too many levels of symbolic refs`,
            );
          }
        }
      }
      if (seen.has(name)) {
        throw new GitError(
          "conflict",
          name === update.name
            ? `multiple updates for '${name}' (including one via symref '${
              seen.get(name)!.original
            }') are not allowed`
            : `multiple updates for '${name}' (including one via symref '${update.name}') are not allowed`,
        );
      }
      const remove = update.newId === zero;
      const write = update.newId !== undefined && !remove;
      const locked: Locked = {
        update,
        name,
        original: update.name,
        lock: undefined,
        before: undefined,
        logOnly: false,
        via,
        remove,
        write,
      };
      seen.set(name, locked);
      this.#locked.push(locked);
      this.#lock(locked, deleting);
      if (
        via.length === 0 && name === headTarget && update.name !== "HEAD" && !update.skipReflog
      ) {
        if (names.has("HEAD")) {
          throw new GitError(
            "conflict",
            `multiple updates for 'HEAD' (including one via its referent '${name}') are not allowed`,
          );
        }
        via.push("HEAD");
      }
    }
    if (this.#locked.some((locked) => locked.remove)) {
      const path = `${store.commonDir}/packed-refs.new`;
      if (lstat(path) !== undefined) {
        throw new GitError("locked", `unable to create file ${path}: File exists`);
      }
    }
    if (this.#locked.some((locked) => locked.remove && store.isPacked(locked.name))) {
      try {
        this.#packedLock = store.lockPacked();
      } catch (error) {
        throw new GitError("locked", `${(error as Error).message}`);
      }
    }
    store.options.hook?.("prepared", this.#lines());
    this.#prepared = true;
  }

  #lock(locked: Locked, deleting: ReadonlySet<ByteString>): void {
    const store = this.#store;
    const zero = store.algorithm.zero;
    const { update, name, original } = locked;
    const cannot = (text: string): GitError =>
      new GitError("conflict", `cannot lock ref '${original}': ${text}`);
    const path = store.path(name);
    // A file where a directory is needed is named as the ref it is.
    const creating = locked.write && !store.exists(name);
    if (creating) {
      const inTheWay = store.conflict(name, deleting);
      if (inTheWay !== undefined) throw cannot(`'${inTheWay}' exists; cannot create '${name}'`);
      for (const other of this.#locked) {
        if (other === locked || !other.write) continue;
        if (other.name.startsWith(`${name}/`) || name.startsWith(`${other.name}/`)) {
          throw cannot(`cannot process '${other.name}' and '${name}' at the same time`);
        }
      }
    }
    try {
      locked.lock = LockFile.takeIn(path, store.options.lockTimeoutMs ?? 100);
    } catch (error) {
      if (update.oldId !== undefined && update.oldId !== zero && !store.exists(name)) {
        throw cannot(`unable to resolve reference '${name}'`);
      }
      if (error instanceof GitError) throw cannot(error.message);
      throw cannot(`Unable to create '${path}.lock': ${reason(error)}`);
    }
    let before: ObjectId | undefined;
    let broken = false;
    try {
      const value = update.noDeref ? store.read(name) : undefined;
      before = value?.kind === "symbolic" ? store.id(value.target) : store.resolve(name)?.id;
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      broken = true;
    }
    locked.before = before;
    if (broken && update.oldId !== undefined) {
      throw cannot(`unable to resolve reference '${name}': reference broken`);
    }
    if (update.oldId !== undefined && (before ?? zero) !== update.oldId) {
      if (update.oldId === zero) throw cannot("reference already exists");
      if (before === undefined) {
        throw cannot(
          store.exists(name)
            ? `reference is missing but expected ${update.oldId}`
            : `unable to resolve reference '${name}'`,
        );
      }
      throw cannot(`is at ${before} but expected ${update.oldId}`);
    }
    if (locked.write) {
      const id = update.newId!;
      if (store.options.hasObject !== undefined && !store.options.hasObject(id)) {
        throw new GitError(
          "invalid",
          `cannot update ref '${original}': trying to write ref '${name}' with nonexistent object ${id}`,
        );
      }
      if (
        (name.startsWith("refs/heads/") || name === "HEAD") &&
        store.options.isCommit !== undefined &&
        !store.options.isCommit(id)
      ) {
        throw new GitError(
          "invalid",
          `cannot update ref '${original}': trying to write non-commit object ${id} to branch '${name}'`,
        );
      }
      if (lstat(path)?.isDirectory && !removeEmptyDirectories(path)) {
        throw cannot(`there is a non-empty directory '${path}' blocking reference '${name}'`);
      }
      // An unchanged ref is not rewritten, but its log is.
      if (before !== id || update.noDeref) locked.lock.write(`${id}\n`);
      locked.lock.close(store.options.fsync !== false);
    } else locked.lock.close(false);
  }

  /** Writes what was prepared. */
  commit(): void {
    const store = this.#store;
    const zero = store.algorithm.zero;
    const fsync = store.options.fsync !== false;
    for (const locked of this.#locked) {
      if (!locked.write) continue;
      const { update, name } = locked;
      const id = update.newId!;
      const before = locked.before ?? zero;
      if (!update.skipReflog) {
        store.appendLog(name, before, id, update.message ?? "", update.createReflog);
        for (const link of locked.via) {
          store.appendLog(link, before, id, update.message ?? "", false);
        }
      }
      if (locked.before !== id || update.noDeref) locked.lock!.commit(fsync);
      else locked.lock!.rollback();
      locked.lock = undefined;
    }
    const removed = this.#locked.filter((locked) => locked.remove);
    if (removed.length > 0) {
      if (this.#packedLock !== undefined) {
        store.rewritePacked((map) => {
          for (const { name } of removed) map.delete(name);
          return true;
        }, this.#packedLock);
        this.#packedLock = undefined;
      }
      for (const locked of removed) {
        removeFile(store.path(locked.name));
        for (const link of locked.via) {
          if (link === "HEAD" && locked.before !== undefined) {
            store.appendLog(link, locked.before, zero, locked.update.message ?? "");
          }
        }
        if (!locked.update.skipReflog) store.deleteLog(locked.name);
      }
    }
    this.#release();
    for (const { name } of removed) store.removeEmptyAbove(name);
    if (this.#prepared) store.options.hook?.("committed", this.#lines());
  }

  #release(): void {
    for (const locked of this.#locked) {
      locked.lock?.rollback();
      locked.lock = undefined;
    }
    this.#packedLock?.rollback();
    this.#packedLock = undefined;
  }

  /** Gives everything up. */
  abort(): void {
    this.#release();
    for (const locked of this.#locked) if (!locked.remove) this.#cleanLocked(locked.name);
    try {
      this.#store.options.hook?.("aborted", this.#lines());
    } catch { /* The answer of the hook is not asked for. */ }
  }

  #cleanLocked(name: ByteString): void {
    if (!this.#store.exists(name)) this.#store.removeEmptyAbove(name);
  }
}
