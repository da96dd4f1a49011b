/**
 * The index (gitformat-index), versions 2, 3 and 4: stat data and object ids of tracked files,
 * sorted by path and stage, with the cache-tree (`TREE`) and resolve-undo (`REUC`) extensions.
 *
 * Extensions with a capital first letter that are not known are optional and dropped; others are
 * refused, as the format says.
 *
 * @module
 */
import { mergeSplitEntries, parseSplitLink, type SplitLink } from "./_split_index.ts";
import { type ByteString, ByteWriter, readU32, toByteString, toHex } from "./_bytes.ts";
import { readFileIfAny, stat } from "./_files.ts";
import { corrupt } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import type { LockFile } from "./lock_file.ts";
import { ensureSafePath } from "./safe_path.ts";

/** What `lstat` said about a file when it was last known to be unchanged. Seconds and nanoseconds. */
export interface StatData {
  /** Change time, seconds. */
  ctime: number;
  /** Change time, nanoseconds. */
  ctimeNs: number;
  /** Modification time, seconds. */
  mtime: number;
  /** Modification time, nanoseconds. */
  mtimeNs: number;
  /** Device. */
  dev: number;
  /** Inode. */
  ino: number;
  /** Owner. */
  uid: number;
  /** Group. */
  gid: number;
  /** Size in bytes, modulo 2^32. */
  size: number;
}

/** One tracked path. */
export interface IndexEntry {
  /** Path from the top of the worktree, with slashes. */
  path: ByteString;
  /** File mode. */
  mode: number;
  /** The blob or submodule commit. */
  id: ObjectId;
  /** 0, or 1 to 3 (base, ours, theirs) while a merge conflicts. */
  stage: number;
  /** What the file looked like. */
  stat: StatData;
  /** `update-index --assume-unchanged`. */
  assumeValid: boolean;
  /** Sparse checkout: not meant to be in the worktree. */
  skipWorktree: boolean;
  /** `add -N`: the path is tracked but has no content yet. */
  intentToAdd: boolean;
}

/** The tree of a directory as the index last knew it. */
export interface CacheTree {
  /** Entries below it; -1 when it must be computed again. */
  count: number;
  /** The tree's id when `count` is not -1. */
  id: ObjectId;
  /** Subdirectories by name. */
  children: Map<ByteString, CacheTree>;
}

/** Stages of a path before its conflict was resolved. */
export interface ResolveUndo {
  /** Modes of stages 1 to 3; 0 for none. */
  modes: [number, number, number];
  /** Ids of stages 1 to 3. */
  ids: [ObjectId, ObjectId, ObjectId];
}

/** Stat data of a file that was never looked at. */
export function emptyStat(): StatData {
  return { ctime: 0, ctimeNs: 0, mtime: 0, mtimeNs: 0, dev: 0, ino: 0, uid: 0, gid: 0, size: 0 };
}

/** Makes an entry with nothing known about the file. */
export function makeEntry(path: ByteString, mode: number, id: ObjectId, stage = 0): IndexEntry {
  return {
    path,
    mode,
    id,
    stage,
    stat: emptyStat(),
    assumeValid: false,
    skipWorktree: false,
    intentToAdd: false,
  };
}

/** Order of entries: by path bytes, then stage. */
export function compareEntries(a: IndexEntry, b: IndexEntry): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : a.stage - b.stage;
}

const MAX_CACHE_TREE_DEPTH = 2048;

/** An index in memory. */
export class GitIndex {
  /** The hash of its ids. */
  readonly algorithm: HashAlgorithm;
  /** Version it was read as, and is written as if it can be. */
  version = 2;
  /** When the file was written, in seconds; files changed since then may be racily clean. */
  timestamp = 0;
  /** Nanoseconds of {@linkcode timestamp}. */
  timestampNs = 0;
  /** Known trees. */
  cacheTree: CacheTree | undefined;
  /** Conflicts that were resolved. */
  resolveUndo: Map<ByteString, ResolveUndo> = new Map();
  /** Whether it differs from what is on disk. */
  changed = false;
  #entries: IndexEntry[] = [];

  /** An empty index. */
  constructor(algorithm: HashAlgorithm) {
    this.algorithm = algorithm;
  }

  /** The entries in order. Not to be reordered. */
  get entries(): readonly IndexEntry[] {
    return this.#entries;
  }

  /** Position of (path, stage), or `-1 - where it would be`. */
  search(path: ByteString, stage = 0): number {
    let low = 0, high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle]!;
      if (entry.path < path || (entry.path === path && entry.stage < stage)) low = middle + 1;
      else high = middle;
    }
    const found = this.#entries[low];
    return found !== undefined && found.path === path && found.stage === stage ? low : -1 - low;
  }

  /** The merged entry of a path. */
  get(path: ByteString, stage = 0): IndexEntry | undefined {
    const at = this.search(path, stage);
    return at < 0 ? undefined : this.#entries[at];
  }

  /** All entries of a path: one, or up to three stages. */
  stages(path: ByteString): IndexEntry[] {
    let at = this.search(path, 0);
    if (at < 0) at = -1 - at;
    const out: IndexEntry[] = [];
    while (at < this.#entries.length && this.#entries[at]!.path === path) {
      out.push(this.#entries[at++]!);
    }
    return out;
  }

  /** Whether a path is tracked in any stage. */
  hasPath(path: ByteString): boolean {
    const at = this.search(path, 0);
    return at >= 0 || this.#entries[-1 - at]?.path === path;
  }

  /** Whether anything is tracked below a directory. */
  hasDirectory(path: ByteString): boolean {
    const prefix = `${path}/`;
    let at = this.search(prefix, 0);
    if (at < 0) at = -1 - at;
    return this.#entries[at]?.path.startsWith(prefix) ?? false;
  }

  /** The entries below a directory prefix such as `a/`. */
  range(prefix: ByteString): [start: number, end: number] {
    let start = this.search(prefix, 0);
    if (start < 0) start = -1 - start;
    let end = start;
    while (end < this.#entries.length && this.#entries[end]!.path.startsWith(prefix)) end++;
    return [start, end];
  }

  /**
   * Adds or replaces an entry. A merged entry removes the conflict stages of its path. Throws
   * `GitError` ("unsafe") for a path that must not be written.
   */
  add(entry: IndexEntry, options: { keepDirectoryConflicts?: boolean } = {}): void {
    ensureSafePath(entry.path, entry.mode);
    this.changed = true;
    this.invalidate(entry.path);
    if (!options.keepDirectoryConflicts) this.#removeDirectoryConflicts(entry);
    const at = this.search(entry.path, entry.stage);
    if (at >= 0) {
      this.#entries[at] = entry;
    } else {
      const position = -1 - at;
      if (position === this.#entries.length) this.#entries.push(entry);
      else this.#entries.splice(position, 0, entry);
    }
    if (entry.stage === 0) {
      const first = this.search(entry.path, 0);
      let end = first + 1;
      while (end < this.#entries.length && this.#entries[end]!.path === entry.path) end++;
      if (end > first + 1) {
        this.recordResolveUndo(entry.path);
        this.#entries.splice(first + 1, end - first - 1);
      }
    } else {
      const merged = this.search(entry.path, 0);
      if (merged >= 0) this.#entries.splice(merged, 1);
    }
  }

  #removeDirectoryConflicts(entry: IndexEntry): void {
    const [start, end] = this.range(`${entry.path}/`);
    for (let i = end - 1; i >= start; i--) {
      if (this.#entries[i]!.stage === entry.stage) this.#entries.splice(i, 1);
    }
    for (
      let slash = entry.path.lastIndexOf("/");
      slash > 0;
      slash = entry.path.lastIndexOf("/", slash - 1)
    ) {
      const at = this.search(entry.path.slice(0, slash), entry.stage);
      if (at >= 0) this.#entries.splice(at, 1);
    }
  }

  /** Whether adding a path would replace a file by a directory or the other way round. */
  directoryConflict(path: ByteString, stage = 0): boolean {
    const [start, end] = this.range(`${path}/`);
    for (let i = start; i < end; i++) if (this.#entries[i]!.stage === stage) return true;
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      if (this.search(path.slice(0, slash), stage) >= 0) return true;
    }
    return false;
  }

  /** Remembers the conflict stages of a path before they go. */
  recordResolveUndo(path: ByteString): void {
    const zero = this.algorithm.zero;
    const undo: ResolveUndo = { modes: [0, 0, 0], ids: [zero, zero, zero] };
    let any = false;
    for (const entry of this.stages(path)) {
      if (entry.stage === 0) continue;
      undo.modes[entry.stage - 1] = entry.mode;
      undo.ids[entry.stage - 1] = entry.id;
      any = true;
    }
    if (any) this.resolveUndo.set(path, undo);
  }

  /** Removes a path in all stages. Returns whether it was there. */
  remove(path: ByteString): boolean {
    let at = this.search(path, 0);
    if (at < 0) at = -1 - at;
    let end = at;
    while (end < this.#entries.length && this.#entries[end]!.path === path) end++;
    if (end === at) return false;
    this.recordResolveUndo(path);
    this.#entries.splice(at, end - at);
    this.changed = true;
    this.invalidate(path);
    return true;
  }

  /** Replaces all entries, which may come in any order. */
  replaceAll(entries: IndexEntry[]): void {
    this.#entries = entries.sort(compareEntries);
    this.changed = true;
    this.cacheTree = undefined;
  }

  /** Keeps only some entries. */
  filter(keep: (entry: IndexEntry) => boolean): void {
    const kept: IndexEntry[] = [];
    for (const entry of this.#entries) {
      if (keep(entry)) kept.push(entry);
      else this.invalidate(entry.path);
    }
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.changed = true;
  }

  /** Marks the known trees above a path as stale. */
  invalidate(path: ByteString): void {
    let node = this.cacheTree;
    if (node === undefined) return;
    node.count = -1;
    let at = 0;
    for (;;) {
      const slash = path.indexOf("/", at);
      if (slash < 0) {
        node.children.delete(path.slice(at));
        return;
      }
      const child: CacheTree | undefined = node.children.get(path.slice(at, slash));
      if (child === undefined) return;
      child.count = -1;
      node = child;
      at = slash + 1;
    }
  }

  /** Whether any path is in conflict. */
  get unmerged(): boolean {
    return this.#entries.some((entry) => entry.stage !== 0);
  }
}

/** Reads an index file; a missing one is an empty index. */
export function readIndex(path: ByteString, algorithm: HashAlgorithm): GitIndex {
  const data = readFileIfAny(path);
  if (data === undefined || data.length === 0) return new GitIndex(algorithm);
  const slash = path.lastIndexOf("/");
  const index = parseIndex(
    data,
    algorithm,
    (id) => readFileIfAny(`${path.slice(0, slash + 1)}sharedindex.${id}`),
  );
  const modified = stat(path)?.mtime?.getTime() ?? 0;
  index.timestamp = Math.floor(modified / 1000);
  index.timestampNs = (modified % 1000) * 1_000_000;
  return index;
}

/**
 * Parses an index. Throws `GitError` ("corrupt").
 *
 * `shared` gives the file of the shared index by its hash, where the index is split; what is
 * written later is whole.
 */
export function parseIndex(
  data: Uint8Array,
  algorithm: HashAlgorithm,
  shared?: (id: string) => Uint8Array | undefined,
): GitIndex {
  const raw = algorithm.rawSize;
  const end = data.length - raw;
  if (end < 12) throw corrupt("index file smaller than expected");
  if (readU32(data, 0) !== 0x44495243) throw corrupt("bad index signature");
  const index = new GitIndex(algorithm);
  index.version = readU32(data, 4);
  if (index.version < 2 || index.version > 4) throw corrupt(`bad index version ${index.version}`);
  const count = readU32(data, 8);
  let zeroed = true;
  for (let i = end; i < data.length; i++) if (data[i] !== 0) zeroed = false;
  if (!zeroed) {
    const hasher = algorithm.create(end);
    hasher.update(data.subarray(0, end));
    if (toHex(hasher.digest()) !== toHex(data, end)) throw corrupt("bad index file sha1 signature");
  }
  if (count > end / (42 + raw)) throw corrupt("index announces too many entries");
  const entries: IndexEntry[] = new Array(count);
  let at = 12;
  let previous = "";
  for (let i = 0; i < count; i++) {
    const start = at;
    if (at + 42 + raw > end) throw corrupt("index entry is truncated");
    const statData: StatData = {
      ctime: readU32(data, at),
      ctimeNs: readU32(data, at + 4),
      mtime: readU32(data, at + 8),
      mtimeNs: readU32(data, at + 12),
      dev: readU32(data, at + 16),
      ino: readU32(data, at + 20),
      uid: readU32(data, at + 28),
      gid: readU32(data, at + 32),
      size: readU32(data, at + 36),
    };
    const mode = readU32(data, at + 24);
    const id = toHex(data, at + 40, at + 40 + raw);
    at += 40 + raw;
    const flags = (data[at]! << 8) | data[at + 1]!;
    at += 2;
    let extended = 0;
    if (flags & 0x4000) {
      if (index.version < 3) throw corrupt("extended flags in an index of version 2");
      extended = (data[at]! << 8) | data[at + 1]!;
      at += 2;
      if (extended & 0x9fff) throw corrupt(`unknown index entry format 0x${extended.toString(16)}`);
    }
    let path: string;
    if (index.version === 4) {
      let byte = data[at++]!;
      let strip = byte & 0x7f;
      while (byte & 0x80) {
        if (at >= end || strip > 0xffffff) throw corrupt("malformed name field in the index");
        byte = data[at++]!;
        strip = (strip + 1) * 128 + (byte & 0x7f);
      }
      if (strip > previous.length) throw corrupt("malformed name field in the index");
      const nul = data.indexOf(0, at);
      if (nul < 0 || nul >= end) throw corrupt("index entry is truncated");
      path = previous.slice(0, previous.length - strip) + toByteString(data, at, nul);
      at = nul + 1;
    } else {
      const nul = data.indexOf(0, at);
      if (nul < 0 || nul >= end) throw corrupt("index entry is truncated");
      path = toByteString(data, at, nul);
      at = start + ((nul - start + 8) & ~7);
    }
    previous = path;
    entries[i] = {
      path,
      mode,
      id,
      stage: (flags >> 12) & 3,
      stat: statData,
      assumeValid: (flags & 0x8000) !== 0,
      skipWorktree: (extended & 0x4000) !== 0,
      intentToAdd: (extended & 0x2000) !== 0,
    };
    if (i > 0 && path !== "" && compareEntries(entries[i - 1]!, entries[i]!) >= 0) {
      throw corrupt(
        entries[i - 1]!.path === path
          ? `multiple stage entries for merged file '${path}'`
          : "unordered stage entries in index",
      );
    }
  }
  const version = index.version;
  let link: SplitLink | undefined;
  let cacheTree: CacheTree | undefined;
  let resolveUndo: Map<ByteString, ResolveUndo> | undefined;
  while (at + 8 <= end) {
    const name = toByteString(data, at, at + 4);
    const size = readU32(data, at + 4);
    at += 8;
    if (at + size > end) throw corrupt("index extension is truncated");
    const body = data.subarray(at, at + size);
    at += size;
    if (name === "TREE") cacheTree = parseCacheTree(body, algorithm);
    else if (name === "REUC") resolveUndo = parseResolveUndo(body, algorithm);
    else if (name === "link" && shared !== undefined) {
      link = parseSplitLink(body, algorithm, MAX_SHARED_ENTRIES);
    } else if (name === "sdir") {
      throw corrupt("sparse index is not supported: index uses sdir extension");
    } else if (!/^[A-Z]/.test(name)) {
      throw corrupt(`index uses ${name} extension, which we do not understand`);
    }
  }
  let whole = entries;
  if (link !== undefined && link.base !== algorithm.zero) {
    const base = shared!(link.base);
    if (base === undefined) throw corrupt(`shared index ${link.base} is missing`);
    whole = mergeSplitEntries(link, parseIndex(base, algorithm).entries, entries);
  } else if (entries[0]?.path === "") throw corrupt("an index entry has no name");
  index.replaceAll(whole);
  index.version = version;
  index.cacheTree = cacheTree;
  if (resolveUndo !== undefined) index.resolveUndo = resolveUndo;
  index.changed = false;
  return index;
}

/** The most entries of a shared index. */
const MAX_SHARED_ENTRIES = 1 << 26;

function parseCacheTree(data: Uint8Array, algorithm: HashAlgorithm): CacheTree | undefined {
  const raw = algorithm.rawSize;
  let at = 0;
  const read = (depth: number): { name: ByteString; node: CacheTree } | undefined => {
    const nul = data.indexOf(0, at);
    if (nul < 0 || depth > MAX_CACHE_TREE_DEPTH) return undefined;
    const name = toByteString(data, at, nul);
    const newline = data.indexOf(10, nul);
    if (newline < 0) return undefined;
    const match = /^(-?\d+) (\d+)$/.exec(toByteString(data, nul + 1, newline));
    if (match === null) return undefined;
    at = newline + 1;
    const node: CacheTree = { count: Number(match[1]), id: algorithm.zero, children: new Map() };
    if (node.count >= 0) {
      if (at + raw > data.length) return undefined;
      node.id = toHex(data, at, at + raw);
      at += raw;
    }
    for (let i = Number(match[2]); i > 0; i--) {
      const child = read(depth + 1);
      if (child === undefined) return undefined;
      node.children.set(child.name, child.node);
    }
    return { name, node };
  };
  return read(0)?.node;
}

function parseResolveUndo(
  data: Uint8Array,
  algorithm: HashAlgorithm,
): Map<ByteString, ResolveUndo> {
  const out = new Map<ByteString, ResolveUndo>();
  let at = 0;
  const word = (): string => {
    const nul = data.indexOf(0, at);
    if (nul < 0) throw corrupt("bad resolve-undo extension");
    const text = toByteString(data, at, nul);
    at = nul + 1;
    return text;
  };
  while (at < data.length) {
    const path = word();
    const modes = [0, 0, 0].map(() => parseInt(word(), 8) || 0) as [number, number, number];
    const ids = modes.map((mode) => {
      if (mode === 0) return algorithm.zero;
      if (at + algorithm.rawSize > data.length) throw corrupt("bad resolve-undo extension");
      at += algorithm.rawSize;
      return toHex(data, at - algorithm.rawSize, at);
    }) as [string, string, string];
    out.set(path, { modes, ids });
  }
  return out;
}

/** Serialises an index. */
export function formatIndex(index: GitIndex, skipHash = false): Uint8Array {
  const out = new ByteWriter(index.entries.length * 96 + 1024);
  const extended = index.entries.some((entry) => entry.skipWorktree || entry.intentToAdd);
  const version = index.version === 4 ? 4 : extended ? 3 : 2;
  out.text("DIRC");
  out.u32(version);
  out.u32(index.entries.length);
  let previous = "";
  for (const entry of index.entries) {
    const start = out.length;
    const s = entry.stat;
    out.u32(s.ctime);
    out.u32(s.ctimeNs);
    out.u32(s.mtime);
    out.u32(s.mtimeNs);
    out.u32(s.dev);
    out.u32(s.ino);
    out.u32(entry.mode);
    out.u32(s.uid);
    out.u32(s.gid);
    out.u32(s.size);
    out.hex(entry.id);
    const more = (entry.skipWorktree ? 0x4000 : 0) | (entry.intentToAdd ? 0x2000 : 0);
    out.u16(
      (entry.assumeValid ? 0x8000 : 0) | (more ? 0x4000 : 0) | (entry.stage << 12) |
        Math.min(entry.path.length, 0xfff),
    );
    if (more) out.u16(more);
    if (version === 4) {
      let common = 0;
      const n = Math.min(previous.length, entry.path.length);
      while (common < n && previous.charCodeAt(common) === entry.path.charCodeAt(common)) common++;
      let strip = previous.length - common;
      const bytes = [strip & 0x7f];
      while ((strip >>= 7) !== 0) bytes.push(0x80 | (--strip & 0x7f));
      for (let i = bytes.length - 1; i >= 0; i--) out.u8(bytes[i]!);
      out.text(entry.path.slice(common));
      out.u8(0);
      previous = entry.path;
    } else {
      out.text(entry.path);
      const padding = 8 - ((out.length - start) & 7);
      for (let i = 0; i < padding; i++) out.u8(0);
    }
  }
  if (index.cacheTree !== undefined) {
    const body = new ByteWriter();
    const write = (name: ByteString, node: CacheTree): void => {
      body.text(`${name}\0${node.count} ${node.children.size}\n`);
      if (node.count >= 0) body.hex(node.id);
      // By length first, then bytes: the order in which Git keeps them.
      const names = [...node.children.keys()].sort((a, b) =>
        a.length - b.length || (a < b ? -1 : 1)
      );
      for (const child of names) write(child, node.children.get(child)!);
    };
    write("", index.cacheTree);
    out.text("TREE");
    out.u32(body.length);
    out.bytes(body.view());
  }
  if (index.resolveUndo.size > 0) {
    const body = new ByteWriter();
    for (const path of [...index.resolveUndo.keys()].sort()) {
      const undo = index.resolveUndo.get(path)!;
      body.text(`${path}\0`);
      for (const mode of undo.modes) body.text(`${mode.toString(8)}\0`);
      undo.ids.forEach((id, i) => undo.modes[i] !== 0 && body.hex(id));
    }
    out.text("REUC");
    out.u32(body.length);
    out.bytes(body.view());
  }
  if (skipHash) {
    out.bytes(new Uint8Array(index.algorithm.rawSize));
  } else {
    const hasher = index.algorithm.create(out.length);
    hasher.update(out.view());
    out.bytes(hasher.digest());
  }
  return out.view();
}

/** Writes an index into a lock that is held, and moves it into place. */
export function commitIndex(
  index: GitIndex,
  lock: LockFile,
  options: { fsync?: boolean } = {},
): void {
  lock.write(formatIndex(index));
  lock.commit(options.fsync ?? true);
  index.changed = false;
}

/** Puts stat data from the file system into the form the index keeps. */
export function statDataOf(info: Deno.FileInfo): StatData {
  const mtime = info.mtime?.getTime() ?? 0;
  const ctime = info.ctime?.getTime() ?? 0;
  return {
    ctime: Math.floor(ctime / 1000) >>> 0,
    ctimeNs: (ctime - Math.floor(ctime / 1000) * 1000) * 1_000_000,
    mtime: Math.floor(mtime / 1000) >>> 0,
    mtimeNs: (mtime - Math.floor(mtime / 1000) * 1000) * 1_000_000,
    dev: info.dev >>> 0,
    ino: (info.ino ?? 0) % 0x100000000,
    uid: (info.uid ?? 0) >>> 0,
    gid: (info.gid ?? 0) >>> 0,
    size: info.size % 0x100000000,
  };
}
