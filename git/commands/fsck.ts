/**
 * `git fsck`.
 *
 * Every object is read once: loose ones one by one, packs as they are indexed. What each refers to is marked then, so
 * that a repository where nothing is missing needs no walk: links make no circles, hence an object that no other one
 * refers to is a root or dangles, and all that is reachable is there. Only otherwise, or where a walk was asked for,
 * objects are read again from the roots on.
 *
 * @module
 */
import { type ByteString, fromHex, readU32, toByteString, toHex } from "../_bytes.ts";
import {
  isDirectory,
  listDirectory,
  makeDirectories,
  readFileIfAny,
  readTextIfAny,
  stat,
  writeFileAtomically,
} from "../_files.ts";
import { expandHome } from "../config.ts";
import { GitError } from "../errors.ts";
import { decodeLoose, type Pack } from "../file_object_store.ts";
import { type FsckSeverity, ObjectChecker, type ObjectCheckerOptions } from "../fsck.ts";
import { hashObject, type ObjectId, type ObjectType } from "../hash_algorithm.ts";
import { indexPack } from "../index_pack.ts";
import type { CacheTree } from "../index_file.ts";
import {
  isGitlinkMode,
  isObjectType,
  parseCommit,
  parseSignature,
  parseTag,
  parseTree,
} from "../objects.ts";
import { reverseIndex } from "../pack_index.ts";
import { FileRefStore, type RefValue } from "../ref_store.ts";
import { listWorktrees } from "../worktree_list.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { commitGraphCommand, multiPackIndexCommand } from "./pack_indexes.ts";
import { promisorRemotes } from "./_promisor.ts";

const ERROR_OBJECT = 1, ERROR_REACHABLE = 2, ERROR_PACK = 4, ERROR_REFS = 8;
const ERROR_COMMIT_GRAPH = 16, ERROR_MULTI_PACK_INDEX = 32;

const HAS = 1, USED = 2, REACHABLE = 4, PROMISED = 8;

const TYPES: readonly (ObjectType | undefined)[] = [undefined, "commit", "tree", "blob", "tag"];

/** Objects by number: raw ids in an open-addressing table at most half full, flags, and types. */
class ObjectTable {
  readonly rawSize: number;
  size = 0;
  #ids: Uint8Array;
  #slots = new Int32Array(2048).fill(-1);
  #flags = new Uint8Array(1024);
  #types = new Uint8Array(1024);

  constructor(rawSize: number) {
    this.rawSize = rawSize;
    this.#ids = new Uint8Array(1024 * rawSize);
  }

  /** The number of the id at `at` of `data`, or where its slot would be, as a negative number less one. */
  #find(data: Uint8Array, at: number): number {
    const slots = this.#slots, ids = this.#ids, rawSize = this.rawSize;
    const mask = slots.length - 1;
    let slot = (data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)) &
      mask;
    for (;; slot = (slot + 1) & mask) {
      const number = slots[slot]!;
      if (number < 0) return -slot - 1;
      const base = number * rawSize;
      let i = 0;
      while (i < rawSize && ids[base + i] === data[at + i]) i++;
      if (i === rawSize) return number;
    }
  }

  /** The number of an id, or -1. */
  find(data: Uint8Array, at = 0): number {
    const found = this.#find(data, at);
    return found < 0 ? -1 : found;
  }

  /** The number of an id, a new one if need be. */
  add(data: Uint8Array, at = 0): number {
    let found = this.#find(data, at);
    if (found >= 0) return found;
    if ((this.size + 1) * 2 > this.#slots.length) {
      this.#grow();
      found = this.#find(data, at);
    }
    const number = this.size++;
    this.#slots[-found - 1] = number;
    for (let i = 0; i < this.rawSize; i++) this.#ids[number * this.rawSize + i] = data[at + i]!;
    return number;
  }

  #grow(): void {
    const capacity = this.#slots.length;
    const grown = <T extends Uint8Array>(from: T, to: T): T => (to.set(from), to);
    this.#ids = grown(this.#ids, new Uint8Array(capacity * this.rawSize));
    this.#flags = grown(this.#flags, new Uint8Array(capacity));
    this.#types = grown(this.#types, new Uint8Array(capacity));
    const slots = this.#slots = new Int32Array(capacity * 2).fill(-1);
    for (let number = 0; number < this.size; number++) {
      slots[-this.#find(this.#ids, number * this.rawSize) - 1] = number;
    }
  }

  id(number: number): ObjectId {
    return toHex(this.#ids, number * this.rawSize, (number + 1) * this.rawSize);
  }

  has(number: number, flags: number): boolean {
    return (this.#flags[number]! & flags) !== 0;
  }

  mark(number: number, flags: number): void {
    this.#flags[number]! |= flags;
  }

  type(number: number): number {
    return this.#types[number]!;
  }

  setType(number: number, type: number): void {
    this.#types[number] = type;
  }

  /** Numbers in the order in which Git has objects: by the first word of the id in a table of Git's size. */
  inGitOrder(chosen: (number: number) => boolean): number[] {
    let slots = 32;
    while (slots - 1 <= 2 * (this.size - 1)) slots *= 2;
    const out: { number: number; slot: number }[] = [];
    for (let number = 0; number < this.size; number++) {
      if (!chosen(number)) continue;
      const word = readU32(this.#ids, number * this.rawSize);
      const swapped = ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) |
        (word >>> 24);
      out.push({ number, slot: (swapped & (slots - 1)) >>> 0 });
    }
    out.sort((a, b) => a.slot - b.slot || a.number - b.number);
    return out.map(({ number }) => number);
  }
}

/** The settings `fsck.<problem>` and `fsck.skipList`. */
function checkerOptions(cli: Cli, strict: boolean): ObjectCheckerOptions {
  const severities = new Map<string, FsckSeverity>();
  const skip = new Set<ObjectId>();
  for (const { key, value } of cli.config.entries) {
    if (!key.startsWith("fsck.") || value === undefined) continue;
    const name = key.slice(5);
    if (name === "skiplist") {
      const text = readTextIfAny(expandHome(value, Deno.env.get("HOME")));
      if (text === undefined) die(`could not open object name list: ${value}`);
      for (const line of text.split("\n")) {
        const id = line.replace(/#.*/, "").trim();
        if (id !== "") skip.add(id);
      }
    } else if (value === "error" || value === "warn" || value === "ignore") {
      severities.set(name, value);
    } else die(`Unknown fsck message type: '${value}'`);
  }
  return { strict, severities, skip };
}

/** One run. */
class Fsck {
  readonly #cli: Cli;
  readonly #table: ObjectTable;
  readonly #checker: ObjectChecker;
  readonly #flag: (name: string) => boolean;
  readonly #names: Map<ObjectId, ByteString> | undefined;
  readonly #promises: boolean;
  /** Whether a link says another type than the object has. */
  #hasMismatch = false;
  #isPromised = false;
  /** Lines about packed objects wait for their place in the pack's order. */
  #waiting: { number: number; lines: ByteString[] } | undefined;
  failed = 0;

  constructor(cli: Cli, flag: (name: string) => boolean) {
    this.#cli = cli;
    this.#flag = flag;
    this.#table = new ObjectTable(cli.repo.algorithm.rawSize);
    this.#checker = new ObjectChecker(
      cli.repo.algorithm,
      checkerOptions(cli, flag("strict")),
    );
    this.#names = flag("name-objects") ? new Map() : undefined;
    this.#promises = promisorRemotes(cli).length > 0;
  }

  #err(line: ByteString): void {
    if (this.#waiting !== undefined) this.#waiting.lines.push(`e${line}\n`);
    else this.#cli.err(`${line}\n`);
  }

  #out(line: ByteString): void {
    if (this.#waiting !== undefined) this.#waiting.lines.push(`o${line}\n`);
    else this.#cli.out(`${line}\n`);
  }

  #error(line: ByteString, code: number): void {
    this.#err(`error: ${line}`);
    this.failed |= code;
  }

  #describe(id: ObjectId): ByteString {
    const name = this.#names?.get(id);
    return name === undefined ? id : `${id} (${name})`;
  }

  #name(id: ObjectId, name: ByteString): void {
    if (this.#names !== undefined && !this.#names.has(id)) this.#names.set(id, name);
  }

  #typeName(number: number): string {
    const type = TYPES[this.#table.type(number)] ??
      this.#cli.repo.objects.describe(this.#table.id(number))?.type;
    return type ?? "unknown";
  }

  #objectError(type: string, id: ObjectId, text: ByteString): void {
    this.#err(`error in ${type} ${this.#describe(id)}: ${text}`);
    this.failed |= ERROR_OBJECT;
  }

  /** Notes that something refers to an object as one of a type; false when it is of another. */
  #use(data: Uint8Array, at: number, type: number): boolean {
    const table = this.#table;
    const number = table.add(data, at);
    const known = table.type(number);
    if (known === 0) table.setType(number, type);
    else if (known !== type && type !== 0) {
      this.#hasMismatch = true;
      this.#err(`error: object ${table.id(number)} is a ${TYPES[known]}, not a ${TYPES[type]}`);
      return false;
    }
    table.mark(number, this.#isPromised ? USED | PROMISED : USED);
    return true;
  }

  /** Takes an object that is there; false when it cannot be what it says. */
  #take(id: ObjectId, type: ObjectType, data: Uint8Array): boolean {
    const { algorithm } = this.#cli.repo;
    const table = this.#table;
    const raw = fromHex(id);
    const number = table.add(raw);
    const code = TYPES.indexOf(type);
    const known = table.type(number);
    if (known !== 0 && known !== code) {
      this.#hasMismatch = true;
      this.#err(`error: object ${id} is a ${TYPES[known]}, not a ${type}`);
      return false;
    }
    table.setType(number, code);
    let isBroken = false;
    let tagName: ByteString = "", tagged: { id: ObjectId; type: string } | undefined;
    let isRoot = false;
    try {
      if (type === "commit") {
        const commit = parseCommit(data, algorithm);
        isRoot = commit.parents.length === 0;
        if (!this.#use(fromHex(commit.tree), 0, 2)) {
          this.#err(`error: bad tree pointer ${commit.tree} in commit ${id}`);
          return false;
        }
        for (const parent of commit.parents) {
          if (this.#use(fromHex(parent), 0, 1)) continue;
          this.#err(`error: bad parent ${parent} in commit ${id}`);
          return false;
        }
      } else if (type === "tag") {
        const tag = parseTag(data, algorithm);
        if (!this.#use(fromHex(tag.object), 0, TYPES.indexOf(tag.type))) {
          this.#err(`error: bad tag pointer to ${tag.object} in ${id}`);
          return false;
        }
        tagName = tag.tag;
        tagged = { id: tag.object, type: tag.type };
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.#err(`error: ${error.message}`);
      return false;
    }
    table.mark(number, this.#isPromised ? HAS | PROMISED : HAS);
    if (type === "tree") {
      const found = this.#checker.tree(data, (at, kind) => {
        if (!this.#use(data, at, kind === "tree" ? 2 : 3)) isBroken = true;
      });
      if (found.some(({ id }) => id === "badTree")) {
        isBroken = true;
        this.#err(`error: ${treeDamage(data, algorithm.rawSize)}`);
      }
    }
    if (isBroken) this.#objectError(type, id, "broken links");
    let isBad = false;
    for (const { id: name, severity, message } of this.#checker.check(id, type, data)) {
      if (name === "badTree") this.#err(`error: ${treeDamage(data, algorithm.rawSize)}`);
      const word = severity === "error" ? "error" : "warning";
      this.#err(`${word} in ${type} ${this.#describe(id)}: ${name}: ${message}`);
      if (severity === "error") {
        isBad = true;
        this.failed |= ERROR_OBJECT;
      }
    }
    if (isBad) return true;
    if (isRoot && this.#flag("root")) this.#out(`root ${this.#describe(id)}`);
    if (tagged !== undefined && this.#flag("tags")) {
      this.#out(
        `tagged ${tagged.type} ${this.#describe(tagged.id)} (${tagName}) in ${this.#describe(id)}`,
      );
    }
    return true;
  }

  /** Reads the loose objects of a directory. */
  readLoose(directory: ByteString, shown: ByteString): void {
    const { algorithm } = this.#cli.repo;
    for (let i = 0; i < 256; i++) {
      const first = i.toString(16).padStart(2, "0");
      for (const { name } of listDirectory(`${directory}/${first}`)) {
        const path = `${shown}/${first}/${name}`;
        const id = first + name;
        if (id.length !== algorithm.hexSize || !/^[0-9a-f]+$/.test(id)) {
          if (!name.startsWith("tmp_obj_")) this.#err(`bad sha1 file: ${path}`);
          continue;
        }
        const packed = readFileIfAny(`${directory}/${first}/${name}`);
        if (packed !== undefined) this.#readLooseObject(id, path, packed);
      }
    }
  }

  #readLooseObject(id: ObjectId, path: ByteString, packed: Uint8Array): void {
    const { algorithm } = this.#cli.repo;
    if (packed.length === 0) {
      this.#err(`error: object file ${path} is empty`);
      this.#err(`error: unable to mmap ${path}: No such file or directory`);
      this.#error(`${id}: object corrupt or missing: ${path}`, ERROR_OBJECT);
      return;
    }
    let object: { type: ByteString; data: Uint8Array };
    try {
      object = decodeAnyLoose(packed, id);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      for (const line of looseDamage(error, id, path)) this.#err(`error: ${line}`);
      this.#error(`${id}: object corrupt or missing: ${path}`, ERROR_OBJECT);
      return;
    }
    const { type, data } = object;
    const actual = hashObject(algorithm, type, data);
    if (actual !== id) {
      this.#error(`${actual}: hash-path mismatch, found at: ${path}`, ERROR_OBJECT);
    }
    if (!isObjectType(type)) {
      this.#error(`${actual}: object is of unknown type '${type}': ${path}`, ERROR_OBJECT);
      return;
    }
    if (actual === id && !this.#take(id, type, data)) {
      this.#error(`${id}: object could not be parsed: ${path}`, ERROR_OBJECT);
    }
  }

  /** Reads a pack. */
  readPack(pack: Pack, shown: ByteString): void {
    this.#isPromised = this.#promises && stat(`${pack.path}.promisor`) !== undefined;
    const told: { number: number; lines: ByteString[] }[] = [];
    const take = (id: ObjectId, type: ObjectType, data: Uint8Array, number: number): void => {
      const place = this.#waiting = { number, lines: [] };
      if (!this.#take(id, type, data)) {
        this.#error(`${id}: object corrupt or missing`, ERROR_PACK | ERROR_OBJECT);
      }
      this.#waiting = undefined;
      if (place.lines.length > 0) told.push(place);
    };
    const failedBefore = this.failed;
    try {
      const { index, file } = pack;
      const indexed = indexPack(file.source, this.#cli.repo.algorithm, {
        store: this.#cli.repo.objects,
        detectCollisions: false,
        inspect: take,
      });
      if (index.version !== 2 || indexed.appended.length > 0) throw new GitError("corrupt", "");
      // Every object of the pack is as the index says, if it is the index of the pack.
      const expected = indexed.formatIndex(), actual = index.bytes();
      if (
        expected.length !== actual.length ||
        toHex(expected.subarray(-20)) !== toHex(actual.subarray(-20))
      ) {
        throw new GitError("corrupt", "");
      }
    } catch (error) {
      this.#waiting = undefined;
      if (!(error instanceof GitError) && !(error instanceof Deno.errors.NotFound)) throw error;
      told.length = 0;
      this.failed = failedBefore;
      this.#readPackByIndex(pack, shown, take);
    }
    told.sort((a, b) => a.number - b.number);
    for (const { lines } of told) {
      for (const line of lines) {
        if (line.startsWith("e")) this.#cli.err(line.slice(1));
        else this.#cli.out(line.slice(1));
      }
    }
    this.#isPromised = false;
  }

  /** Reads a pack whose index may be wrong, object by object, and says what is wrong. */
  #readPackByIndex(
    pack: Pack,
    shown: ByteString,
    take: (id: ObjectId, type: ObjectType, data: Uint8Array, number: number) => void,
  ): void {
    const { objects, algorithm } = this.#cli.repo;
    const raw = algorithm.rawSize;
    const name = `${shown}.pack`;
    try {
      if (!pack.index.verify()) {
        this.#error(`Packfile index for ${name} hash mismatch`, ERROR_PACK);
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      return this.#error(`packfile ${name} index not opened`, ERROR_PACK);
    }
    const { index } = pack;
    let file: Pack["file"];
    try {
      file = pack.file;
    } catch (error) {
      if (!(error instanceof GitError) && !(error instanceof Deno.errors.NotFound)) throw error;
      return this.#error(`packfile ${name} cannot be accessed`, ERROR_PACK);
    }
    const end = file.size - raw;
    const hasher = algorithm.create(1 << 20);
    for (let at = 0; at < end; at += 1 << 20) {
      hasher.update(file.source.read(at, Math.min(1 << 20, end - at)));
    }
    const trailer = toHex(file.source.read(end, raw));
    if (toHex(hasher.digest()) !== trailer) {
      this.#error(`${name} pack checksum mismatch`, ERROR_PACK);
    }
    if (toHex(index.packChecksum()) !== trailer) {
      this.#error(`${name} pack checksum does not match its index`, ERROR_PACK);
    }
    const offsets = index.offsets();
    reverseIndex(offsets).forEach((at, number) => {
      const id = index.id(at);
      try {
        const object = file.read(offsets[at]!, (base) => {
          const offset = pack.find(base);
          return offset >= 0 ? offset : objects.read(base);
        });
        if (hashObject(algorithm, object.type, object.data) !== id) {
          this.#error(`packed ${id} from ${name} is corrupt`, ERROR_PACK);
        } else take(id, object.type, object.data, number);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        this.#err(`error: ${error.message}`);
        this.#error(`cannot unpack ${id} from ${name} at offset ${offsets[at]}`, ERROR_PACK);
      }
    });
  }

  /** Takes it as read that every object is what its name says. */
  trustObjects(): void {
    for (const id of this.#cli.repo.objects.ids()) {
      this.#table.mark(this.#table.add(fromHex(id)), HAS);
    }
    for (const pack of this.#promises ? this.#cli.repo.objects.packs() : []) {
      if (stat(`${pack.path}.promisor`) === undefined) continue;
      this.#isPromised = true;
      for (let at = 0; at < pack.index.count; at++) {
        const id = pack.index.id(at);
        const object = this.#cli.repo.objects.read(id);
        if (object !== undefined) this.#take(id, object.type, object.data);
      }
      this.#isPromised = false;
    }
  }

  /** What only the end shows: files with a meaning that trees named. */
  finishObjects(): void {
    const { objects } = this.#cli.repo;
    const read = (id: ObjectId) => {
      const number = this.#table.find(fromHex(id));
      if (number >= 0 && this.#table.has(number, PROMISED) && !objects.hasLocally(id)) {
        return undefined;
      }
      return objects.read(id);
    };
    for (const { id, type, problem } of this.#checker.finish(read)) {
      const number = this.#table.find(fromHex(id));
      if (
        problem.id.endsWith("Missing") && number >= 0 && this.#table.has(number, PROMISED)
      ) continue;
      const word = problem.severity === "error" ? "error" : "warning";
      this.#err(`${word} in ${type} ${this.#describe(id)}: ${problem.id}: ${problem.message}`);
      if (problem.severity === "error") this.failed |= ERROR_OBJECT;
    }
  }

  readonly #pending: number[] = [];
  #roots = 0;

  /** Whether an object can be a root; says so if it cannot. */
  #root(id: ObjectId): number {
    const number = this.#table.find(fromHex(id));
    if (number < 0 || !this.#table.has(number, HAS)) return -1;
    this.#table.mark(number, USED);
    this.#reach(number);
    return number;
  }

  /** Marks a root as reachable. Its type is not asked about. */
  #reach(number: number): void {
    const table = this.#table;
    if (table.has(number, REACHABLE)) return;
    table.mark(number, REACHABLE);
    if (!table.has(number, PROMISED) && table.has(number, HAS)) this.#pending.push(number);
  }

  #isPromisedObject(id: ObjectId): boolean {
    const number = this.#table.find(fromHex(id));
    return number >= 0 && this.#table.has(number, PROMISED);
  }

  /** An object named on the command line. */
  addNamed(text: ByteString): void {
    const id = this.#cli.tryRevision(text);
    if (id === undefined) {
      this.#error(`invalid parameter: expected sha1, got '${text}'`, ERROR_OBJECT);
    } else if (this.#root(id) >= 0) this.#name(id, text);
    else if (!this.#isPromisedObject(id)) this.#error(`${id}: object missing`, ERROR_OBJECT);
  }

  #addRef(name: ByteString, id: ObjectId): void {
    const number = this.#root(id);
    if (number < 0) {
      if (this.#isPromisedObject(id)) this.#roots++;
      else this.#error(`${name}: invalid sha1 pointer ${id}`, ERROR_REACHABLE);
      return;
    }
    if (name.startsWith("refs/heads/") && this.#typeName(number) !== "commit") {
      this.#error(`${name}: not a commit`, ERROR_REFS);
    }
    this.#roots++;
    this.#name(id, name);
  }

  #addReflog(name: ByteString, id: ObjectId, time: number): void {
    if (id === this.#cli.repo.algorithm.zero) return;
    if (this.#root(id) >= 0) {
      if (time > 0) this.#name(id, `${name}@{${time}}`);
    } else if (!this.#isPromisedObject(id)) {
      this.#error(`${name}: invalid reflog entry ${id}`, ERROR_REACHABLE);
    }
  }

  /** Refs, the heads of worktrees, and reflogs. */
  addRefs(reflogs: boolean): void {
    const { repo } = this.#cli;
    const { algorithm } = repo;
    for (const ref of repo.refs.list()) {
      if (ref.id !== undefined) this.#addRef(ref.name, ref.id);
    }
    for (const worktree of listWorktrees(repo)) {
      const refs = new FileRefStore(worktree.gitDir, repo.paths.commonDir, algorithm);
      const prefix = stat(worktree.gitDir)?.ino === stat(repo.paths.gitDir)?.ino
        ? ""
        : worktree.id === undefined
        ? "main-worktree/"
        : `worktrees/${worktree.id}/`;
      this.#addHead(`${prefix}HEAD`, refs);
      if (!reflogs) continue;
      for (const name of refs.logNames()) {
        for (const entry of refs.readLog(name) ?? []) {
          this.#addReflog(prefix + name, entry.oldId, 0);
          this.#addReflog(prefix + name, entry.newId, parseSignature(entry.who).time);
        }
      }
    }
    if (this.#roots === 0) this.#err("notice: No default references");
  }

  #addHead(name: ByteString, refs: FileRefStore): void {
    let value: RefValue | undefined;
    try {
      value = refs.read("HEAD");
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
    }
    if (value === undefined) return this.#error(`invalid ${name}`, ERROR_REFS);
    const { zero } = this.#cli.repo.algorithm;
    if (value.kind === "symbolic") {
      if (!value.target.startsWith("refs/heads/")) {
        this.#error(`${name} points to something strange (${value.target})`, ERROR_REFS);
        const id = refs.id("HEAD");
        if (id !== undefined && id !== zero) this.#addRef(name, id);
        return;
      }
      const id = refs.id("HEAD");
      if (id !== undefined) return this.#addRef(name, id);
      return this.#err(
        `notice: ${name} points to an unborn branch (${value.target.slice("refs/heads/".length)})`,
      );
    }
    if (value.id === zero) {
      return this.#error(`${name}: detached HEAD points at nothing`, ERROR_REFS);
    }
    this.#addRef(name, value.id);
  }

  /** What the index holds. */
  addIndex(): void {
    const { repo } = this.#cli;
    const index = repo.readIndex();
    for (const entry of index.entries) {
      if (isGitlinkMode(entry.mode)) continue;
      const number = this.#table.add(fromHex(entry.id));
      if (this.#table.type(number) === 0 && !this.#table.has(number, HAS)) {
        this.#table.setType(number, 3);
      }
      this.#table.mark(number, USED);
      this.#name(entry.id, `:${entry.path}`);
      this.#reach(number);
    }
    const visit = (tree: CacheTree): void => {
      if (tree.count >= 0) {
        const number = this.#root(tree.id);
        if (number < 0) {
          this.#error(`${tree.id}: invalid sha1 pointer in cache-tree`, ERROR_REFS);
          return;
        }
        this.#name(tree.id, ":");
        const type = this.#typeName(number);
        if (type !== "tree") this.#objectError(type, tree.id, "non-tree in cache-tree");
      }
      for (const child of tree.children.values()) visit(child);
    };
    if (index.cacheTree !== undefined) visit(index.cacheTree);
    for (const [path, undo] of index.resolveUndo) {
      undo.modes.forEach((mode, i) => {
        if ((mode & 0o170000) !== 0o100000) return;
        const id = undo.ids[i]!;
        if (this.#root(id) >= 0) this.#name(id, `:(${i}):${path}`);
        else this.#error(`${id}: invalid sha1 pointer in resolve-undo`, ERROR_REFS);
      });
    }
  }

  /** Follows a link of a walk. */
  #walkTo(from: number, id: ObjectId, type: number): void {
    const table = this.#table;
    const number = table.add(fromHex(id));
    if (table.type(number) === 0) table.setType(number, type);
    else if (type !== 0 && table.type(number) !== type) {
      this.#objectError(this.#typeName(from), table.id(from), "wrong object type in link");
    }
    if (table.has(number, REACHABLE)) return;
    table.mark(number, REACHABLE);
    if (table.has(number, PROMISED)) return;
    if (table.has(number, HAS)) {
      this.#pending.push(number);
      return;
    }
    const { objects } = this.#cli.repo;
    if (objects.hasLocally(id)) return;
    this.#out(
      `broken link from ${this.#typeName(from).padStart(7)} ${this.#describe(table.id(from))}`,
    );
    this.#out(`              to ${this.#typeName(number).padStart(7)} ${this.#describe(id)}`);
    this.failed |= ERROR_REACHABLE;
  }

  #walkFrom(number: number): void {
    const { objects, algorithm } = this.#cli.repo;
    const table = this.#table;
    if (table.type(number) === 3) return;
    const id = table.id(number);
    const name = this.#names?.get(id);
    try {
      if (table.type(number) === 0) {
        const type = objects.describe(id)?.type;
        if (type === undefined) throw new GitError("corrupt", `unable to read ${id}`);
        table.setType(number, TYPES.indexOf(type));
        if (type === "blob") return;
      }
      const object = objects.read(id);
      if (object === undefined) throw new GitError("corrupt", `unable to read ${id}`);
      if (object.type === "commit") {
        const commit = parseCommit(object.data, algorithm);
        if (name !== undefined) this.#name(commit.tree, `${name}:`);
        this.#walkTo(number, commit.tree, 2);
        commit.parents.forEach((parent, i) => {
          if (name !== undefined) this.#name(parent, parentName(name, i));
          this.#walkTo(number, parent, 1);
        });
      } else if (object.type === "tree") {
        for (const entry of parseTree(object.data, algorithm)) {
          const kind = entry.mode & 0o170000;
          if (kind !== 0o40000 && kind !== 0o100000 && kind !== 0o120000) continue;
          if (name !== undefined) {
            this.#name(entry.id, `${name}${entry.name}${kind === 0o40000 ? "/" : ""}`);
          }
          this.#walkTo(number, entry.id, kind === 0o40000 ? 2 : 3);
        }
      } else if (object.type === "tag") {
        const tag = parseTag(object.data, algorithm);
        if (name !== undefined) this.#name(tag.object, name);
        this.#walkTo(number, tag.object, TYPES.indexOf(tag.type));
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.#error(error.message, ERROR_REACHABLE);
    }
  }

  /** What unreachable objects refer to, where that was not seen as they were read. */
  #useFromUnreachable(): void {
    const table = this.#table;
    const { objects } = this.#cli.repo;
    for (let number = 0, count = table.size; number < count; number++) {
      if (!table.has(number, HAS) || table.has(number, REACHABLE)) continue;
      const id = table.id(number);
      try {
        const type = objects.describe(id)?.type;
        if (type === undefined) continue;
        table.setType(number, TYPES.indexOf(type));
        if (type === "blob") continue;
        const object = objects.read(id);
        if (object !== undefined) this.#take(id, object.type, object.data);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
      }
    }
  }

  /** What is missing, and what nothing leads to. */
  checkConnectivity(showDangling: boolean): void {
    const table = this.#table;
    const isTrusting = this.#flag("connectivity-only");
    const isFound = this.#flag("lost-found");
    const showUnreachable = this.#flag("unreachable") && this.#roots > 0;
    let isWhole = !isTrusting && !this.#hasMismatch && !showUnreachable &&
      this.#names === undefined;
    if (isWhole) {
      const missing: number[] = [];
      let isDangling = false;
      for (let number = 0; number < table.size; number++) {
        if (!table.has(number, USED)) isDangling = true;
        else if (!table.has(number, HAS | PROMISED)) missing.push(number);
      }
      // With nothing that dangles all is reachable, but links to what is not there at all are told one by one.
      isWhole = missing.length === 0 ||
        (!isDangling &&
          missing.every((number) => this.#cli.repo.objects.hasLocally(table.id(number))));
      for (const number of isWhole ? missing : []) table.mark(number, REACHABLE);
    }
    if (!isWhole) {
      while (this.#pending.length > 0) this.#walkFrom(this.#pending.pop()!);
      if (isTrusting && (showDangling || isFound)) this.#useFromUnreachable();
    }
    const wanted = (number: number): boolean => {
      if (isWhole && !table.has(number, USED)) return table.has(number, HAS);
      if (isWhole || table.has(number, REACHABLE)) return !table.has(number, HAS | PROMISED);
      return table.has(number, HAS) && (showUnreachable || !table.has(number, USED));
    };
    for (const number of table.inGitOrder(wanted)) {
      const id = table.id(number);
      const type = this.#typeName(number);
      if (table.has(number, REACHABLE) && !table.has(number, HAS)) {
        if (this.#cli.repo.objects.packed(id) !== undefined) continue;
        this.#out(`missing ${type} ${this.#describe(id)}`);
        this.failed |= ERROR_REACHABLE;
      } else if (showUnreachable) this.#out(`unreachable ${type} ${this.#describe(id)}`);
      else {
        if (showDangling) this.#out(`dangling ${type} ${this.#describe(id)}`);
        if (isFound) this.#keep(id, type);
      }
    }
  }

  /** Puts an object where its owner may look for it. */
  #keep(id: ObjectId, type: string): void {
    const { objects, paths } = this.#cli.repo;
    const directory = `${paths.gitDir}/lost-found/${type === "commit" ? "commit" : "other"}`;
    makeDirectories(directory);
    const content = type === "blob" ? objects.read(id)?.data : undefined;
    writeFileAtomically(`${directory}/${id}`, content ?? `${id}\n`);
  }
}

/** How a parent is called after its child's name: `x^`, `x~2`, `x^2`. */
function parentName(name: ByteString, index: number): ByteString {
  if (index > 0) return `${name}^${index + 1}`;
  if (name.endsWith("^")) return `${name.slice(0, -1)}~2`;
  const match = /^(.*)~(\d+)$/s.exec(name);
  return match === null ? `${name}^` : `${match[1]}~${Number(match[2]) + 1}`;
}

/** Why the bytes of a tree cannot be read. */
function treeDamage(data: Uint8Array, rawSize: number): string {
  for (let at = 0; at < data.length;) {
    if (data.length - at < rawSize + 3 || data[data.length - rawSize - 1] !== 0) {
      return "too-short tree object";
    }
    const space = data.indexOf(0x20, at);
    const mode = space < 0 ? "" : toByteString(data, at, space);
    if (!/^[0-7]+$/.test(mode)) return "malformed mode in tree entry";
    if (data[space + 1] === 0) return "empty filename in tree entry";
    const nul = data.indexOf(0, space);
    if (nul < 0 || nul + 1 + rawSize > data.length) return "too-short tree file";
    at = nul + 1 + rawSize;
  }
  return "too-short tree file";
}

/** Reads a loose object, of a type that nobody knows too. */
function decodeAnyLoose(packed: Uint8Array, id: ObjectId): { type: ByteString; data: Uint8Array } {
  try {
    return decodeLoose(packed, id);
  } catch (error) {
    if (!(error instanceof GitError) || !error.message.includes("too long")) throw error;
    return decodeLoose(packed, id, true);
  }
}

/** What is wrong with a loose object, in the lines that Git has for it. */
function looseDamage(error: GitError, id: ObjectId, path: ByteString): ByteString[] {
  const cause = error.cause instanceof Error ? error.cause.message : "";
  const inflate = /^inflate: (.*)$/.exec(cause)?.[1];
  const reason = inflate === undefined ? [] : [`inflate: data stream error (${inflate})`];
  if (error.message.startsWith("unable to unpack") && error.message.endsWith("header")) {
    return [...reason, `unable to unpack header of ${path}`];
  }
  if (error.message.includes("header")) return [`unable to parse header of ${path}`];
  if (error.message.startsWith("garbage")) {
    return [error.message, `unable to unpack contents of ${path}`];
  }
  return [...reason, `corrupt loose object '${id}'`, `unable to unpack contents of ${path}`];
}

/** How Git names a directory: from where it works, if that is above. */
function shownPath(cli: Cli, path: ByteString): ByteString {
  const { workTree, gitDir } = cli.repo.paths;
  if (workTree !== undefined && path.startsWith(`${workTree}/`)) {
    return path.slice(workTree.length + 1);
  }
  if (workTree === undefined && path.startsWith(`${gitDir}/`)) {
    return `.${path.slice(gitDir.length)}`;
  }
  return path;
}

/** `git fsck` */
export function fsckCommand(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "v,verbose unreachable dangling tags root cache reflogs full connectivity-only strict lost-found progress name-objects",
    "git fsck [--tags] [--root] [--unreachable] [--cache] [--no-reflogs]\n                [--[no-]full] [--strict] [--verbose] [--lost-found]\n                [--[no-]dangling] [--[no-]progress] [--connectivity-only]\n                [--[no-]name-objects] [<object>...]",
  );
  const { repo } = cli;
  const { objects } = repo;
  const fsck = new Fsck(cli, (name) => o.flag(name));
  const isFound = o.flag("lost-found");
  if (o.flag("connectivity-only")) fsck.trustObjects();
  else {
    for (const directory of objects.directories()) {
      fsck.readLoose(directory, shownPath(cli, directory));
    }
    if (!o.negated("full") || isFound) {
      for (const pack of objects.packs()) fsck.readPack(pack, shownPath(cli, pack.path));
    }
    fsck.finishObjects();
  }
  for (const name of o.rest) fsck.addNamed(name);
  if (o.rest.length === 0) fsck.addRefs(!o.negated("reflogs") && !isFound);
  if (o.rest.length === 0 || o.flag("cache")) {
    if (stat(repo.indexPath) !== undefined) fsck.addIndex();
  }
  fsck.checkConnectivity(!o.negated("dangling"));
  for (const directory of objects.directories()) {
    const info = `${directory}/info`;
    if (stat(`${info}/commit-graph`) !== undefined || isDirectory(`${info}/commit-graphs`)) {
      if (commitGraphCommand(cli, ["verify", "--object-dir", directory]) !== 0) {
        fsck.failed |= ERROR_COMMIT_GRAPH;
      }
    }
    if (stat(`${directory}/pack/multi-pack-index`) !== undefined) {
      if (multiPackIndexCommand(cli, ["verify", "--object-dir", directory]) !== 0) {
        fsck.failed |= ERROR_MULTI_PACK_INDEX;
      }
    }
  }
  return fsck.failed;
}
