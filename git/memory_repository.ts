/**
 * A repository without files: objects, refs and an index in memory, for tests and for programs that
 * make history out of something else.
 *
 * @module
 */
import { type ByteString, encodeText } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { type HashAlgorithm, type ObjectId, SHA1 } from "./hash_algorithm.ts";
import { log, type LogEntry } from "./log.ts";
import { commitLinks } from "./merge_base.ts";
import { formatCommit, formatTree, MODE_FILE, MODE_TREE, type TreeEntry } from "./objects.ts";
import { flattenTree, MemoryObjectStore, peelTo } from "./object_store.ts";
import { isRefName } from "./ref_name.ts";
import type { RevListOptions } from "./rev_list.ts";
import { ensureSafePath } from "./safe_path.ts";

/** Symbolic refs are followed this deep. */
const MAX_DEPTH = 5;

/** Refs in memory. */
export class MemoryRefStore {
  readonly #refs = new Map<ByteString, { id: ObjectId } | { target: ByteString }>();
  readonly #zero: ObjectId;

  /** Makes an empty store for ids of a hash. */
  constructor(algorithm: HashAlgorithm = SHA1) {
    this.#zero = algorithm.zero;
  }

  /** The id a ref stands for, through symbolic refs; `undefined` when there is none. */
  id(name: ByteString): ObjectId | undefined {
    let at = name;
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      const value = this.#refs.get(at);
      if (value === undefined) return undefined;
      if ("id" in value) return value.id;
      at = value.target;
    }
    throw new GitError("invalid", `symbolic refs of ${name} are too deep`);
  }

  /** Where a symbolic ref points, or `undefined`. */
  target(name: ByteString): ByteString | undefined {
    const value = this.#refs.get(name);
    return value !== undefined && "target" in value ? value.target : undefined;
  }

  /** Makes a ref point at another. Throws `GitError` ("invalid") for bad names. */
  setSymbolic(name: ByteString, target: ByteString): void {
    this.#check(name);
    this.#check(target);
    this.#refs.set(name, { target });
  }

  /**
   * Changes a ref, following symbolic ones, when it still has the old value; the zero id stands for
   * "not there". Throws `GitError`: "invalid" for bad names, "conflict" when the value is another one
   * or a ref stands where a directory would have to be.
   */
  update(name: ByteString, newId: ObjectId, oldId?: ObjectId): void {
    let at = name;
    for (let depth = 0; this.target(at) !== undefined; depth++) {
      if (depth === MAX_DEPTH) {
        throw new GitError("invalid", `symbolic refs of ${name} are too deep`);
      }
      at = this.target(at)!;
    }
    this.#check(at);
    const before = this.id(at) ?? this.#zero;
    if (oldId !== undefined && oldId !== before) {
      throw new GitError(
        "conflict",
        `cannot lock ref '${at}': is at ${before} but expected ${oldId}`,
      );
    }
    if (newId === this.#zero) {
      this.#refs.delete(at);
      return;
    }
    for (const other of this.#refs.keys()) {
      if (other.startsWith(`${at}/`) || at.startsWith(`${other}/`)) {
        throw new GitError("conflict", `'${other}' exists; cannot create '${at}'`);
      }
    }
    this.#refs.set(at, { id: newId });
  }

  /** All refs below a prefix with their ids, sorted by name. */
  list(prefix: ByteString = "refs/"): { name: ByteString; id: ObjectId }[] {
    const out: { name: ByteString; id: ObjectId }[] = [];
    for (const name of [...this.#refs.keys()].sort()) {
      const id = name.startsWith(prefix) ? this.id(name) : undefined;
      if (id !== undefined) out.push({ name, id });
    }
    return out;
  }

  #check(name: ByteString): void {
    if (name !== "HEAD" && !(name.startsWith("refs/") && isRefName(name))) {
      throw new GitError("invalid", `'${name}' is not a valid ref name`);
    }
  }
}

/** What {@linkcode MemoryRepository.commit} takes. */
export interface MemoryCommitOptions {
  /** `Name <mail> seconds zone`. */
  author: string;
  /** The committer; the author unless given. */
  committer?: string;
  /** The message. */
  message: string;
  /** Further parents: what is merged. */
  merges?: readonly ObjectId[];
}

/**
 * A repository in memory.
 *
 * @example
 * ```ts
 * import { MemoryRepository } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const repository = MemoryRepository.init();
 * repository.add("hello.txt", new TextEncoder().encode("Hello, World!\n"));
 * repository.commit({ author: "Ada <ada@example.com> 0 +0000", message: "First\n" });
 * for await (const { commit } of repository.log()) assertEquals(commit.message, "First\n");
 * ```
 */
export class MemoryRepository {
  /** The objects. */
  readonly objects: MemoryObjectStore;
  /** The refs; `HEAD` points at a branch. */
  readonly refs: MemoryRefStore;
  #index = new Map<ByteString, { mode: number; id: ObjectId }>();

  private constructor(algorithm: HashAlgorithm, branch: string) {
    this.objects = new MemoryObjectStore(algorithm);
    this.refs = new MemoryRefStore(algorithm);
    this.refs.setSymbolic("HEAD", `refs/heads/${encodeText(branch)}`);
  }

  /** Makes an empty repository: SHA-1 and a branch `master` unless told otherwise. */
  static init(options: { algorithm?: HashAlgorithm; branch?: string } = {}): MemoryRepository {
    return new MemoryRepository(options.algorithm ?? SHA1, options.branch ?? "master");
  }

  /** The hash of its objects. */
  get algorithm(): HashAlgorithm {
    return this.objects.algorithm;
  }

  /** The commit of `HEAD`, or `undefined` before the first. */
  head(): ObjectId | undefined {
    return this.refs.id("HEAD");
  }

  /** Puts a file into the index. Throws `GitError` ("unsafe") for paths that Git refuses. */
  add(path: string, content: Uint8Array, mode: number = MODE_FILE): ObjectId {
    const name = encodeText(path);
    ensureSafePath(name, mode);
    for (const other of this.#index.keys()) {
      // A file and a directory of one name cannot both be.
      if (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)) this.#index.delete(other);
    }
    const id = this.objects.write("blob", content);
    this.#index.set(name, { mode, id });
    return id;
  }

  /** Takes a file out of the index; `false` when it was not there. */
  remove(path: string): boolean {
    return this.#index.delete(encodeText(path));
  }

  /** The index: path to mode and blob, sorted. */
  entries(): [path: ByteString, entry: { mode: number; id: ObjectId }][] {
    return [...this.#index].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Fills the index from a commit or tree. */
  readTree(id: ObjectId): void {
    const tree = peelTo(this.objects, id, "tree");
    if (tree === undefined) throw new GitError("not_found", `${id} is no tree`);
    this.#index = flattenTree(this.objects, tree);
  }

  /** Writes the trees of the index; returns the top one. */
  writeTree(): ObjectId {
    interface Folder {
      path: ByteString;
      entries: TreeEntry[];
    }
    const open: Folder[] = [{ path: "", entries: [] }];
    const close = (): ObjectId => {
      const { path, entries } = open.pop()!;
      const id = this.objects.write("tree", formatTree(entries));
      if (open.length > 0) {
        const parent = open.at(-1)!;
        parent.entries.push({ name: path.slice(parent.path.length, -1), id, mode: MODE_TREE });
      }
      return id;
    };
    for (const [path, { mode, id }] of this.entries()) {
      while (!path.startsWith(open.at(-1)!.path)) close();
      for (;;) {
        const folder = open.at(-1)!;
        const slash = path.indexOf("/", folder.path.length);
        if (slash < 0) {
          folder.entries.push({ name: path.slice(folder.path.length), id, mode });
          break;
        }
        open.push({ path: path.slice(0, slash + 1), entries: [] });
      }
    }
    while (open.length > 1) close();
    return close();
  }

  /** Commits the index on the branch of `HEAD`; returns the commit. */
  commit(options: MemoryCommitOptions): ObjectId {
    const head = this.head();
    const author = encodeText(options.author);
    const id = this.objects.write(
      "commit",
      formatCommit({
        tree: this.writeTree(),
        parents: [...(head === undefined ? [] : [head]), ...(options.merges ?? [])],
        author,
        committer: options.committer === undefined ? author : encodeText(options.committer),
        extra: [],
        message: encodeText(options.message),
      }),
    );
    this.refs.update("HEAD", id, head ?? this.algorithm.zero);
    return id;
  }

  /** Makes `HEAD` point at a branch, creating it at the present commit, and fills the index from it. */
  switchTo(branch: string): void {
    const name = `refs/heads/${encodeText(branch)}`;
    const head = this.head();
    const id = this.refs.id(name) ?? head;
    if (id !== undefined && this.refs.id(name) === undefined) this.refs.update(name, id);
    this.refs.setSymbolic("HEAD", name);
    if (id !== undefined) this.readTree(commitLinks(this.objects, id).tree);
  }

  /** The history of `HEAD`, or of what `options` names, newest first. */
  log(options: Partial<RevListOptions> = {}): AsyncGenerator<LogEntry> {
    const head = this.head();
    return log(this.objects, { include: head === undefined ? [] : [head], ...options });
  }
}
