/**
 * The object directory of a repository on disk: loose objects, packs and alternates.
 *
 * A loose object is a zlib stream of `<type> <size>\0<content>` at `xx/yyyy…`.
 *
 * @module
 */
import { type ByteString, fromByteString, fromHex, toByteString, toHex } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import {
  isDirectory,
  isMissing,
  joinPath,
  listDirectory,
  makeDirectories,
  nativePath,
  readFileIfAny,
  readTextIfAny,
  removeFile,
  stat,
  syncDirectory,
  temporaryName,
  writeAll,
} from "./_files.ts";
import { inflateInto } from "./_inflate.ts";
import { corrupt, GitError } from "./errors.ts";
import {
  type HashAlgorithm,
  hashObject,
  type ObjectId,
  type ObjectType,
} from "./hash_algorithm.ts";
import { type GitObject, isObjectType } from "./objects.ts";
import type { ObjectStore } from "./object_store.ts";
import { inflatePieces, type ObjectStream, PIECE_SIZE, slices, verified } from "./object_stream.ts";
import {
  type BaseResolver,
  MAX_OBJECT_SIZE,
  PACK_TYPES,
  PackFile,
  WindowedFile,
} from "./pack_file.ts";
import { PackIndex } from "./pack_index.ts";
import { CommitGraph } from "./commit_graph.ts";
import { MultiPackIndex } from "./multi_pack_index.ts";

/** A pack with its index, opened when first needed. */
export class Pack {
  /** Path without the extension. */
  readonly path: ByteString;
  /** File name of the pack. */
  readonly name: ByteString;
  /** Modification time in milliseconds: newer packs are searched first. */
  readonly modified: number;
  readonly #algorithm: HashAlgorithm;
  #index: PackIndex | undefined;
  #file: PackFile | undefined;

  /** Names a pack; nothing is opened yet. */
  constructor(path: ByteString, modified: number, algorithm: HashAlgorithm) {
    this.path = path;
    this.name = path.slice(path.lastIndexOf("/") + 1) + ".pack";
    this.modified = modified;
    this.#algorithm = algorithm;
  }

  /** The index. */
  get index(): PackIndex {
    return this.#index ??= PackIndex.open(`${this.path}.idx`, this.#algorithm);
  }

  /** The pack. Throws when index and pack do not belong together. */
  get file(): PackFile {
    if (this.#file === undefined) {
      const file = PackFile.open(`${this.path}.pack`, this.#algorithm);
      const trailer = file.source.read(
        file.size - this.#algorithm.rawSize,
        this.#algorithm.rawSize,
      );
      if (file.count !== this.index.count || toHex(trailer) !== toHex(this.index.packChecksum())) {
        file.close();
        throw corrupt(`pack ${this.name} does not match its index`);
      }
      this.#file = file;
    }
    return this.#file;
  }

  /** Offset of an object, or -1. */
  find(id: ObjectId): number {
    const at = this.index.find(id);
    return at < 0 ? -1 : this.index.offset(at);
  }

  /** Offset of the object whose raw id stands at `at`, or -1. */
  findRaw(data: Uint8Array, at: number): number {
    const position = this.index.findRaw(data, at);
    return position < 0 ? -1 : this.index.offset(position);
  }

  /** Closes both files. */
  close(): void {
    this.#index?.close();
    this.#file?.close();
    this.#index = undefined;
    this.#file = undefined;
  }
}

/** Options of {@linkcode FileObjectStore}. */
export interface FileObjectStoreOptions {
  /** Flush what is written to disk before it counts as written. Default `true`. */
  fsync?: boolean;
  /** Zlib level for loose objects, -1 to 9. Default -1. */
  compression?: number;
  /** More object directories to read from. */
  alternates?: readonly ByteString[];
  /** Called with the id of an object that is nowhere; true means "look again". */
  onMissing?: (id: ObjectId) => boolean;
}

const MAX_ALTERNATE_DEPTH = 5;
const MAX_REPLACE_DEPTH = 5;
/** How many bytes of a loose object are looked at for its header. */
const MAX_HEADER = 64;
/** Longest header of a loose object with one of the known types, with its NUL. */
const MAX_HEADER_SIZE = 32;
/** A directory that was changed this long ago (ms) can be told by its time from a later state. */
const SETTLED_MS = 2000;
/** How far headers of objects of unknown types may go. */
const MAX_UNKNOWN_HEADER = 8192;

/** Reads the header of a loose object; `at` is where content starts. */
export function parseLooseHeader(
  head: Uint8Array,
): { type: ByteString; size: number; at: number } | undefined {
  const nul = head.indexOf(0);
  if (nul < 0) return undefined;
  const match = /^([^ \0]+) (0|[1-9]\d*)$/.exec(toByteString(head, 0, nul));
  if (match === null) return undefined;
  const size = Number(match[2]);
  return Number.isSafeInteger(size) ? { type: match[1]!, size, at: nul + 1 } : undefined;
}

/** Objects in files. */
export class FileObjectStore implements ObjectStore {
  readonly algorithm: HashAlgorithm;
  /** The object directory that is written to. */
  readonly directory: ByteString;
  readonly #options: FileObjectStoreOptions;
  #directories: ByteString[] | undefined;
  #packs: Pack[] | undefined;
  #lastPack: Pack | undefined;
  #stamps = "";
  #promisor: ((ids: readonly ObjectId[]) => boolean) | undefined;

  /** Opens an object directory; nothing is read until needed. */
  constructor(
    directory: ByteString,
    algorithm: HashAlgorithm,
    options: FileObjectStoreOptions = {},
  ) {
    this.directory = directory;
    this.algorithm = algorithm;
    this.#options = options;
  }

  /** This directory and its alternates, in search order. */
  directories(): ByteString[] {
    if (this.#directories !== undefined) return this.#directories;
    const out: ByteString[] = [this.directory];
    const visit = (directory: ByteString, depth: number): void => {
      const text = readTextIfAny(`${directory}/info/alternates`);
      if (text === undefined || depth > MAX_ALTERNATE_DEPTH) return;
      for (const line of text.split("\n")) {
        if (line === "" || line.startsWith("#")) continue;
        if (!line.startsWith("/") && depth > 0) continue;
        const path = joinPath(directory, line).replace(/\/+$/, "");
        if (!out.includes(path) && isDirectory(path)) {
          out.push(path);
          visit(path, depth + 1);
        }
      }
    };
    visit(this.directory, 0);
    for (const extra of this.#options.alternates ?? []) {
      if (!out.includes(extra) && isDirectory(extra)) {
        out.push(extra);
        visit(extra, 1);
      }
    }
    return this.#directories = out;
  }

  /** All packs, newest first. */
  packs(): readonly Pack[] {
    return this.#packs ?? this.#scan();
  }

  #indexes: { file: MultiPackIndex; packs: (Pack | undefined)[] }[] | undefined;

  /** The multi-pack-indexes of all directories; a damaged one is as good as none. */
  #multiPackIndexes(): { file: MultiPackIndex; packs: (Pack | undefined)[] }[] {
    if (this.#indexes !== undefined) return this.#indexes;
    const packs = new Map(this.packs().map((pack) => [pack.path, pack]));
    const out: { file: MultiPackIndex; packs: (Pack | undefined)[] }[] = [];
    for (const directory of this.directories()) {
      try {
        const file = MultiPackIndex.open(directory, this.algorithm);
        if (file === undefined) continue;
        const named = file.packs.map((name) =>
          packs.get(`${directory}/pack/${name.replace(/\.idx$/, "")}`)
        );
        out.push({ file, packs: named });
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
      }
    }
    this.#covered = new Set(out.flatMap(({ packs }) => packs.filter((pack) => pack !== undefined)));
    return this.#indexes = out;
  }
  #covered: ReadonlySet<Pack> = new Set();

  #closeIndexes(): void {
    for (const { file } of this.#indexes ?? []) file.close();
    this.#indexes = undefined;
    this.#covered = new Set();
  }

  #graph: CommitGraph | undefined | null = null;

  /** The commit-graph, unless replaced objects could make it wrong; a damaged one is as good as none. */
  commitGraph(): CommitGraph | undefined {
    if (this.#graph !== null) return this.#graph;
    this.#graph = undefined;
    if (this.#replacements !== undefined) {
      // Asking for any object finds out whether there are replacements at all.
      this.#replaced(this.algorithm.zero);
      if (this.#replacements !== undefined) return undefined;
    }
    for (const directory of this.directories()) {
      try {
        this.#graph = CommitGraph.open(directory, this.algorithm);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
      }
      if (this.#graph !== undefined) break;
    }
    return this.#graph;
  }

  #scan(): Pack[] {
    this.#closeIndexes();
    const known = new Map((this.#packs ?? []).map((pack) => [pack.path, pack]));
    const packs: Pack[] = [];
    let stamps = "";
    for (const directory of this.directories()) {
      stamps += `${stat(`${directory}/pack`)?.mtime?.getTime() ?? 0};`;
      const names = new Set(listDirectory(`${directory}/pack`).map((entry) => entry.name));
      for (const name of names) {
        if (!name.endsWith(".idx") || !names.has(`${name.slice(0, -4)}.pack`)) continue;
        const path = `${directory}/pack/${name.slice(0, -4)}`;
        const modified = stat(`${path}.pack`)?.mtime?.getTime();
        if (modified === undefined) continue;
        packs.push(known.get(path) ?? new Pack(path, modified, this.algorithm));
        known.delete(path);
      }
    }
    for (const gone of known.values()) gone.close();
    if (this.#lastPack !== undefined && !packs.includes(this.#lastPack)) this.#lastPack = undefined;
    this.#stamps = stamps;
    packs.sort((a, b) => b.modified - a.modified);
    return this.#packs = packs;
  }

  /** Looks for packs that came since. Returns whether anything changed. */
  refresh(): boolean {
    this.#directories = undefined;
    if (this.#packs !== undefined) {
      let stamps = "";
      for (const directory of this.directories()) {
        stamps += `${stat(`${directory}/pack`)?.mtime?.getTime() ?? 0};`;
      }
      if (stamps === this.#stamps) return false;
    }
    this.#scan();
    return true;
  }

  #findPacked(id: ObjectId): { pack: Pack; offset: number } | undefined {
    const last = this.#lastPack;
    if (last !== undefined) {
      const offset = last.find(id);
      if (offset >= 0) return { pack: last, offset };
    }
    for (const { file, packs } of this.#multiPackIndexes()) {
      const found = file.find(id);
      const pack = found === undefined ? undefined : packs[found.pack];
      if (pack !== undefined) return { pack, offset: found!.offset };
    }
    for (const pack of this.packs()) {
      if (pack === last || this.#covered.has(pack)) continue;
      let offset: number;
      try {
        offset = pack.find(id);
      } catch (error) {
        if (isMissing(error)) continue;
        throw error;
      }
      if (offset >= 0) {
        this.#lastPack = pack;
        return { pack, offset };
      }
    }
    return undefined;
  }

  /** Path of a loose object, wherever it is; `undefined` when it is not loose. */
  loosePath(id: ObjectId): ByteString | undefined {
    for (const directory of this.directories()) {
      const path = `${directory}/${id.slice(0, 2)}/${id.slice(2)}`;
      if (stat(path) !== undefined) return path;
    }
    return undefined;
  }

  #readLooseFile(id: ObjectId): Uint8Array | undefined {
    for (const directory of this.directories()) {
      const data = readFileIfAny(`${directory}/${id.slice(0, 2)}/${id.slice(2)}`);
      if (data !== undefined) return data;
    }
    return undefined;
  }

  /** Reads one loose object with its type word unchecked; `undefined` when it is not loose. */
  readLoose(
    id: ObjectId,
    options: { anyType?: boolean } = {},
  ): { type: ByteString; data: Uint8Array } | undefined {
    const packed = this.#readLooseFile(id);
    return packed === undefined ? undefined : decodeLoose(packed, id, options.anyType);
  }

  readonly #resolvers = new WeakMap<Pack, BaseResolver>();

  #resolver(pack: Pack): BaseResolver {
    let resolver = this.#resolvers.get(pack);
    if (resolver === undefined) {
      resolver = (id) => {
        const offset = pack.find(id);
        return offset >= 0 ? offset : this.#readAny(id);
      };
      this.#resolvers.set(pack, resolver);
    }
    return resolver;
  }

  #replacements: (() => ReadonlyMap<ObjectId, ObjectId>) | undefined;

  /** Says which objects stand for others when they are read; `undefined` for none. */
  setReplacements(source: (() => ReadonlyMap<ObjectId, ObjectId>) | undefined): void {
    this.#replacements = source;
  }

  /** The object that is read for an id. Replacements of replacements are followed a little way. */
  #replaced(id: ObjectId): ObjectId {
    const source = this.#replacements;
    if (source === undefined) return id;
    // Looking the replacements up must not look for replacements.
    this.#replacements = undefined;
    const map = source();
    this.#replacements = map.size === 0 ? undefined : () => map;
    let at = id;
    for (let depth = 0; depth < MAX_REPLACE_DEPTH; depth++) {
      const next = map.get(at);
      if (next === undefined) return at;
      at = next;
    }
    throw corrupt(`replace depth too high for object ${id}`);
  }

  /** The object, or `undefined`. */
  read(id: ObjectId): GitObject | undefined {
    return this.#readAny(this.#replaced(id));
  }

  /** The object whose raw id stands at `at`: for walks, which find ids in trees. */
  readRaw(data: Uint8Array, at: number): GitObject | undefined {
    const pack = this.#lastPack;
    if (pack !== undefined && this.#replacements === undefined) {
      const offset = pack.findRaw(data, at);
      if (offset >= 0) return pack.file.read(offset, this.#resolver(pack));
    }
    return this.read(toHex(data, at, at + this.algorithm.rawSize));
  }

  #readAny(id: ObjectId): GitObject | undefined {
    const found = this.#readOnce(id);
    if (found !== undefined) return found;
    if (this.refresh()) {
      const again = this.#readOnce(id);
      if (again !== undefined) return again;
    }
    if (this.#askFor(id)) {
      this.refresh();
      return this.#readOnce(id);
    }
    return undefined;
  }

  /** Says where objects that are nowhere can be had; `ask` returns whether it brought any. */
  setPromisor(ask: (ids: readonly ObjectId[]) => boolean): void {
    this.#promisor = ask;
  }

  /** Fetches what is missing of some objects in one go, where somebody promised them. */
  prefetch(ids: Iterable<ObjectId>): void {
    if (this.#promisor === undefined) return;
    const missing = new Set<ObjectId>();
    for (const id of ids) if (!this.hasLocally(id)) missing.add(id);
    if (missing.size > 0 && this.#promisor([...missing])) this.refresh();
  }

  #askFor(id: ObjectId): boolean {
    return (this.#options.onMissing?.(id) ?? false) || (this.#promisor?.([id]) ?? false);
  }

  #readOnce(id: ObjectId): GitObject | undefined {
    const packed = this.#findPacked(id);
    if (packed !== undefined) {
      return packed.pack.file.read(packed.offset, this.#resolver(packed.pack));
    }
    const loose = this.readLoose(id);
    if (loose === undefined) return undefined;
    if (!isObjectType(loose.type)) throw corrupt(`object ${id} has an unknown type`);
    return { type: loose.type, data: loose.data };
  }

  /**
   * Opens an object to be read piece by piece; `undefined` when it is not there. See
   * {@linkcode openObjectStream}.
   */
  openStream(id: ObjectId): ObjectStream | undefined {
    const at = this.#replaced(id);
    const { algorithm } = this;
    const packed = this.#findPacked(at);
    if (packed !== undefined) {
      const { file } = packed.pack;
      const header = file.header(packed.offset);
      const type = PACK_TYPES[header.type];
      if (type !== undefined && header.size > PIECE_SIZE) {
        const end = file.size - algorithm.rawSize;
        const pieces = inflatePieces(file.source, header.dataAt, end, 0, header.size);
        const { size } = header;
        return { type, size, pieces: verified(pieces, type, size, at, algorithm) };
      }
    } else {
      const path = this.loosePath(at);
      if (path !== undefined && stat(path)!.size > PIECE_SIZE) return this.#looseStream(path, at);
    }
    const object = this.read(id);
    return object &&
      { type: object.type, size: object.data.length, pieces: slices(object.data) };
  }

  #looseStream(path: ByteString, id: ObjectId): ObjectStream {
    const { algorithm } = this;
    const open = new WindowedFile(path);
    let head: { type: ByteString; size: number; at: number };
    try {
      head = looseHead(open.read(0, 4096), id);
    } finally {
      open.close();
    }
    const { type, size } = head;
    if (!isObjectType(type)) throw corrupt(`object ${id} has an unknown type`);
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      // Opened by whoever reads: a stream that nobody takes from holds nothing.
      const file = new WindowedFile(path);
      try {
        yield* inflatePieces(file, 0, file.size, head.at, size);
      } finally {
        file.close();
      }
    };
    return { type, size, pieces: verified(pieces(), type, size, id, algorithm) };
  }

  /**
   * Stores an object of a known size from its pieces, as a loose one, without having the whole of it
   * in memory. Throws `GitError` ("invalid") when the pieces have another size together.
   */
  async writeStream(
    type: ObjectType,
    size: number,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<ObjectId> {
    const hasher = this.algorithm.create(size, true);
    const header = fromByteString(`${type} ${size}\0`);
    hasher.update(header);
    makeDirectories(this.directory);
    const temp = temporaryName(`${this.directory}/tmp_obj_`);
    const file = Deno.openSync(nativePath(temp), { write: true, createNew: true, mode: 0o444 });
    try {
      try {
        const deflater = zlib().createDeflate({
          level: this.#options.compression ?? -1,
          chunkSize: PIECE_SIZE,
        });
        const input = async function* (): AsyncGenerator<Uint8Array> {
          yield header;
          let length = 0;
          for await (const piece of pieces) {
            length += piece.length;
            hasher.update(piece);
            yield piece;
          }
          if (length !== size) {
            throw new GitError("invalid", `object of ${size} bytes has ${length}`);
          }
        };
        let failure: unknown;
        const feeding = feedStream(deflater, input()).catch((error) => {
          failure = error;
          deflater.destroy(error);
        });
        try {
          for await (const piece of deflater) writeAll(file, piece);
        } catch (error) {
          throw failure ?? error;
        } finally {
          deflater.destroy();
          await feeding;
        }
        if (this.#options.fsync !== false) file.syncSync();
      } finally {
        file.close();
      }
      const id = toHex(hasher.digest());
      if (this.hasLocally(id)) {
        removeFile(temp);
        return id;
      }
      const directory = `${this.directory}/${id.slice(0, 2)}`;
      makeDirectories(directory);
      Deno.renameSync(nativePath(temp), nativePath(`${directory}/${id.slice(2)}`));
      if (this.#options.fsync !== false) {
        syncDirectory(directory);
        syncDirectory(this.directory);
      }
      return id;
    } catch (error) {
      removeFile(temp);
      throw error;
    }
  }

  /** Type and size, or `undefined`. */
  describe(id: ObjectId): { type: ObjectType; size: number } | undefined {
    id = this.#replaced(id);
    for (let attempt = 0; attempt < 2; attempt++) {
      const packed = this.#findPacked(id);
      if (packed !== undefined) {
        return packed.pack.file.describe(packed.offset, this.#resolver(packed.pack));
      }
      const data = this.#readLooseFile(id);
      if (data !== undefined) {
        const head = looseHead(data, id);
        if (!isObjectType(head.type)) throw corrupt(`object ${id} has an unknown type`);
        return { type: head.type, size: head.size };
      }
      if (!this.refresh()) break;
    }
    if (this.#options.onMissing !== undefined || this.#promisor !== undefined) {
      const object = this.read(id);
      if (object !== undefined) return { type: object.type, size: object.data.length };
    }
    return undefined;
  }

  /** Where an object is stored: bytes on disk and the delta base, as `cat-file --batch-check` reports. */
  locate(
    id: ObjectId,
  ): { diskSize: number; deltaBase: ObjectId; pack?: Pack; offset?: number } | undefined {
    const packed = this.#findPacked(id);
    if (packed === undefined) {
      const path = this.loosePath(id);
      if (path === undefined) return undefined;
      return { diskSize: stat(path)?.size ?? 0, deltaBase: this.algorithm.zero };
    }
    const { pack, offset } = packed;
    const offsets = pack.index.offsets();
    let next = pack.file.size - this.algorithm.rawSize;
    for (const other of offsets) if (other > offset && other < next) next = other;
    const header = pack.file.header(offset);
    let base = this.algorithm.zero;
    if (header.baseId !== "") base = header.baseId;
    else if (header.baseOffset >= 0) {
      const at = offsets.indexOf(header.baseOffset);
      if (at >= 0) base = pack.index.id(at);
    }
    return { diskSize: next - offset, deltaBase: base, pack, offset };
  }

  /** The pack that an object is read from, and its offset there; `undefined` for one that is in no pack. */
  packed(id: ObjectId): { pack: Pack; offset: number } | undefined {
    return this.#findPacked(id);
  }

  /** Whether it is there. */
  has(id: ObjectId): boolean {
    return this.hasLocally(id) || (this.refresh() && this.hasLocally(id));
  }

  /** Whether it is in what was seen so far, without looking for new packs. */
  hasLocally(id: ObjectId): boolean {
    return this.#findPacked(id) !== undefined || this.loosePath(id) !== undefined;
  }

  /** Stores an object. */
  write(type: ObjectType, data: Uint8Array): ObjectId {
    const id = hashObject(this.algorithm, type, data, true);
    if (this.hasLocally(id)) return id;
    this.writeLoose(id, type, data);
    return id;
  }

  /** Writes a loose object under a given id and type word. */
  writeLoose(id: ObjectId, type: ByteString, data: Uint8Array): void {
    const header = fromByteString(`${type} ${data.length}\0`);
    const whole = new Uint8Array(header.length + data.length);
    whole.set(header);
    whole.set(data, header.length);
    const level = this.#options.compression ?? -1;
    const packed = zlib().deflateSync(whole, { level });
    const directory = `${this.directory}/${id.slice(0, 2)}`;
    const path = `${directory}/${id.slice(2)}`;
    const temp = temporaryName(`${directory}/tmp_obj_`);
    const open = (): Deno.FsFile =>
      Deno.openSync(nativePath(temp), { write: true, createNew: true, mode: 0o444 });
    let file: Deno.FsFile;
    let made = false;
    try {
      file = open();
    } catch (error) {
      if (!isMissing(error)) throw permissionError(error, this.directory);
      try {
        makeDirectories(directory);
        file = open();
      } catch (inner) {
        throw permissionError(inner, this.directory);
      }
      made = true;
    }
    try {
      try {
        writeAll(file, packed);
        if (this.#options.fsync !== false) file.syncSync();
      } finally {
        file.close();
      }
      Deno.renameSync(nativePath(temp), nativePath(path));
    } catch (error) {
      removeFile(temp);
      throw error;
    }
    if (this.#options.fsync !== false) {
      syncDirectory(directory);
      if (made) syncDirectory(this.directory);
    }
  }

  /** Listings of the directories of loose objects, by path, with when they had been changed. */
  #listings = new Map<ByteString, { modified: number; names: readonly ByteString[] }>();

  /** Names in a directory, from memory as long as it is as it was. */
  #listed(path: ByteString, modified: number): readonly ByteString[] {
    const known = this.#listings.get(path);
    if (known !== undefined && known.modified === modified) return known.names;
    const names = listDirectory(path).map((entry) => entry.name);
    // What changes right after a look may leave the time as it is.
    if (Date.now() - modified > SETTLED_MS) this.#listings.set(path, { modified, names });
    return names;
  }

  #looseNames(directory: ByteString, first: string): readonly ByteString[] {
    const modified = stat(directory)?.mtime?.getTime() ?? 0;
    if (!this.#listed(directory, modified).includes(first)) return [];
    const path = `${directory}/${first}`;
    return this.#listed(path, stat(path)?.mtime?.getTime() ?? 0);
  }

  /** Ids that start with a prefix. */
  withPrefix(prefix: string, limit = 1000): ObjectId[] {
    const found = new Set<ObjectId>();
    const even = prefix.slice(0, prefix.length & ~1);
    for (const pack of this.packs()) {
      const index = pack.index;
      let at = index.lowerBound(fromHex(even.length >= 2 ? even : `${prefix}0`));
      for (; at < index.count && found.size < limit; at++) {
        const id = index.id(at);
        if (id.startsWith(prefix)) found.add(id);
        else if (id > prefix) break;
      }
    }
    for (const directory of this.directories()) {
      const first = prefix.slice(0, 2);
      for (const name of this.#looseNames(directory, first)) {
        const id = first + name;
        if (id.startsWith(prefix) && id.length === this.algorithm.hexSize) found.add(id);
      }
    }
    return [...found].sort().slice(0, limit);
  }

  /** Every loose id, sorted, of the directories (or only the one written to). */
  *looseIds(onlyOwn = false): Generator<ObjectId> {
    for (const directory of onlyOwn ? [this.directory] : this.directories()) {
      for (let i = 0; i < 256; i++) {
        const first = i.toString(16).padStart(2, "0");
        const names = listDirectory(`${directory}/${first}`).map((entry) => entry.name).sort();
        for (const name of names) {
          if (name.length === this.algorithm.hexSize - 2 && /^[0-9a-f]+$/.test(name)) {
            yield first + name;
          }
        }
      }
    }
  }

  /** Every id. */
  *ids(): Generator<ObjectId> {
    yield* this.looseIds();
    for (const pack of this.packs()) {
      for (let at = 0; at < pack.index.count; at++) yield pack.index.id(at);
    }
  }

  /** Closes all packs. */
  close(): void {
    this.#closeIndexes();
    this.#graph?.close();
    this.#graph = null;
    for (const pack of this.#packs ?? []) pack.close();
    this.#packs = undefined;
    this.#lastPack = undefined;
  }

  /** Closes all packs. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Writes pieces to a stream as fast as it takes them. */
async function feedStream(
  stream: {
    write(data: Uint8Array): boolean;
    end(): unknown;
    destroyed: boolean;
    on(event: "drain" | "close", listener: () => void): unknown;
    off(event: "drain" | "close", listener: () => void): unknown;
  },
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const piece of pieces) {
    if (stream.destroyed) return;
    if (!stream.write(piece)) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          stream.off("drain", go);
          stream.off("close", go);
          resolve();
        };
        stream.on("drain", go);
        stream.on("close", go);
      });
    }
  }
  stream.end();
}

function permissionError(error: unknown, directory: ByteString): unknown {
  if (error instanceof Deno.errors.PermissionDenied) {
    return new GitError(
      "io",
      `insufficient permission for adding an object to repository database ${directory}`,
    );
  }
  return error;
}

function looseHead(
  packed: Uint8Array,
  id: ObjectId,
  anyType = false,
): { type: ByteString; size: number; at: number } {
  const limit = anyType ? MAX_UNKNOWN_HEADER : MAX_HEADER;
  const head = new Uint8Array(limit);
  try {
    inflateInto(packed, 0, packed.length, head, true);
  } catch (error) {
    // Objects shorter than the window end early; what came out is in `head`.
    const parsed = parseLooseHeader(head);
    if (parsed !== undefined && parsed.at + parsed.size <= limit) {
      if (!anyType && parsed.at > MAX_HEADER_SIZE) throw longHeader(id);
      return parsed;
    }
    throw new GitError("corrupt", `unable to unpack ${id} header`, { cause: error });
  }
  const parsed = parseLooseHeader(head);
  if (!anyType && !head.subarray(0, MAX_HEADER_SIZE).includes(0)) throw longHeader(id);
  if (parsed === undefined) throw corrupt(`unable to parse ${id} header`);
  return parsed;
}

function longHeader(id: ObjectId): GitError {
  return corrupt(`header for ${id} too long, exceeds ${MAX_HEADER_SIZE} bytes`);
}

/** Inflates a loose object file. */
export function decodeLoose(
  packed: Uint8Array,
  id: ObjectId,
  anyType = false,
): { type: ByteString; data: Uint8Array } {
  const head = looseHead(packed, id, anyType);
  if (head.size > MAX_OBJECT_SIZE || head.size > packed.length * 1040 + 64) {
    throw corrupt(`object ${id} announces an impossible size`);
  }
  const whole = new Uint8Array(head.at + head.size);
  let end: number;
  try {
    end = inflateInto(packed, 0, packed.length, whole);
  } catch (error) {
    throw new GitError("corrupt", `unable to unpack ${id} contents`, { cause: error });
  }
  if (end !== packed.length) throw corrupt(`garbage at end of loose object '${id}'`);
  return { type: head.type, data: whole.subarray(head.at) };
}
