/**
 * Takes a pack as it arrives: into a temporary file, indexed from there, completed when it is
 * thin, and only then given its name. Memory does not grow with the size of the pack.
 *
 * @module
 */
import { type ByteString, concatBytes, readU32, toHex, writeU32 } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import {
  makeDirectories,
  nativePath,
  readAt,
  removeFile,
  stat,
  syncDirectory,
  temporaryName,
  writeAll,
  writeFileAtomically,
} from "./_files.ts";
import { corrupt, GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId } from "./hash_algorithm.ts";
import {
  type IndexedPack,
  type IndexPackOptions,
  indexPackSteps,
  packEntryHeader,
} from "./index_pack.ts";
import type { ObjectStore } from "./object_store.ts";
import { PackFile, packTypeNumber, WindowedFile } from "./pack_file.ts";
import { formatPackIndex } from "./pack_index.ts";

/** Options of a {@linkcode PackReceiver}. */
export interface PackReceiverOptions {
  /** Flush to disk before the pack counts. Default true. */
  fsync?: boolean;
  /** Where bases of a thin pack are. */
  store?: ObjectStore;
  /** Refuse malformed objects. */
  strict?: boolean;
  /** Called with every object before the pack is put in place. */
  inspect?: IndexPackOptions["inspect"];
  /** Called when all objects are known; what it throws refuses the pack. */
  accept?: () => void;
  /** Largest pack (bytes). Default no limit. */
  maxSize?: number;
  /** Most objects in the pack. Default no limit. */
  maxObjects?: number;
  /** Largest object (bytes). Default about 2 GiB. */
  maxObjectSize?: number;
  /** Packs with fewer objects are unpacked into loose ones. Default 0: never. */
  unpackLimit?: number;
  /** Where loose objects go when a small pack is unpacked. */
  unpackInto?: ObjectStore;
  /** Content of a `.promisor` file, for packs of partial clones. */
  promisor?: ByteString;
  /** Content of a `.keep` file. */
  keep?: ByteString;
  /** Called with what is being done and how far it is. */
  progress?: (done: number, total: number) => void;
  /** Stops the work. */
  signal?: AbortSignal;
}

/** What was received. */
export interface ReceivedPack {
  /** Checksum of the pack, or `undefined` when it was unpacked. */
  readonly name: string | undefined;
  /** How many objects it held. */
  readonly count: number;
  /** Ids of its objects, in the order of the pack. */
  readonly ids: readonly ObjectId[];
}

/** Receives one pack into an object directory. */
export class PackReceiver {
  readonly #directory: ByteString;
  readonly #algorithm: HashAlgorithm;
  readonly #options: PackReceiverOptions;
  readonly #path: ByteString;
  #file: Deno.FsFile | undefined;
  #size = 0;
  readonly #head = new Uint8Array(12);

  /** Opens a temporary file below `directory` (an `objects` directory). */
  constructor(
    directory: ByteString,
    algorithm: HashAlgorithm,
    options: PackReceiverOptions = {},
  ) {
    this.#directory = directory;
    this.#algorithm = algorithm;
    this.#options = options;
    makeDirectories(`${directory}/pack`);
    this.#path = temporaryName(`${directory}/pack/tmp_pack_`);
    this.#file = Deno.openSync(nativePath(this.#path), {
      read: true,
      write: true,
      createNew: true,
    });
  }

  /** How many bytes have come. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds bytes. Throws `GitError`: "limit" when the pack is too large or says that it has too many
   * objects, "corrupt" as soon as it is seen not to be a pack.
   */
  write(data: Uint8Array): void {
    if (this.#size < 12) {
      this.#head.set(data.subarray(0, 12 - this.#size), this.#size);
      if (this.#size + data.length >= 12) this.#checkHead();
    }
    this.#size += data.length;
    if (this.#size > (this.#options.maxSize ?? Infinity)) {
      throw new GitError("limit", "pack exceeds maximum allowed size");
    }
    writeAll(this.#file!, data);
  }

  #checkHead(): void {
    if (readU32(this.#head, 0) !== 0x5041434b) throw corrupt("bad pack header");
    const version = readU32(this.#head, 4);
    if (version !== 2 && version !== 3) throw corrupt(`pack version ${version} unsupported`);
    if (readU32(this.#head, 8) > (this.#options.maxObjects ?? Infinity)) {
      throw new GitError("limit", "pack has too many objects");
    }
  }

  /** Indexes what came and puts it in place. Throws `GitError`. */
  finish(): ReceivedPack {
    const steps = this.finishSteps();
    for (let step = steps.next();; step = steps.next()) if (step.done) return step.value;
  }

  /** {@linkcode finish} in steps of some 20 ms, so that others can work in between. */
  *finishSteps(): Generator<void, ReceivedPack> {
    const file = this.#file!;
    const algorithm = this.#algorithm;
    const options = this.#options;
    const raw = algorithm.rawSize;
    if (this.#size < 12 + raw) throw corrupt("early EOF");
    const count = readU32(this.#head, 8);
    const unpack = options.unpackInto !== undefined && count < (options.unpackLimit ?? 0);
    const source = new WindowedFile(this.#path);
    try {
      const indexed = yield* indexPackSteps(source, algorithm, {
        ...(options.store === undefined ? {} : { store: options.store }),
        ...(options.strict === undefined ? {} : { strict: options.strict }),
        ...(options.maxObjectSize === undefined ? {} : { maxObjectSize: options.maxObjectSize }),
        ...(options.inspect === undefined ? {} : { inspect: options.inspect }),
        ...(options.progress === undefined ? {} : { progress: options.progress }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      options.accept?.();
      if (unpack) {
        this.#unpack(new PackFile(source, algorithm), indexed);
        return received(undefined, count, indexed);
      }
      const { checksum, index } = indexed.appended.length === 0
        ? { checksum: indexed.checksum, index: indexed.formatIndex() }
        : this.#complete(file, indexed);
      yield;
      const name = toHex(checksum);
      this.#place(file, name, index);
      return received(name, count, indexed);
    } finally {
      source.close();
      this.close();
    }
  }

  #unpack(pack: PackFile, indexed: IndexedPack): void {
    const { entries, types } = indexed;
    const options = this.#options;
    const offsets = new Map(entries.map((entry) => [entry.id, entry.offset]));
    // Commits go last: what is found by id is complete.
    const order = entries.map((_, i) => i).sort((a, b) =>
      Number(types[a] === "commit") - Number(types[b] === "commit")
    );
    for (const i of order) {
      const object = pack.read(
        entries[i]!.offset,
        (id) => offsets.get(id) ?? options.store?.read(id),
      );
      options.unpackInto!.write(types[i]!, object.data);
    }
  }

  /** Appends the bases that a thin pack lacks. */
  #complete(
    file: Deno.FsFile,
    indexed: IndexedPack,
  ): { checksum: Uint8Array; index: Uint8Array } {
    const algorithm = this.#algorithm;
    const raw = algorithm.rawSize;
    const entries = [...indexed.entries];
    let at = this.#size - raw;
    file.seekSync(at, Deno.SeekMode.Start);
    for (const { id, type, data } of indexed.appended) {
      const packed = concatBytes([
        packEntryHeader(packTypeNumber(type), data.length),
        zlib().deflateSync(data),
      ]);
      entries.push({ id, offset: at, crc: zlib().crc32(packed) });
      writeAll(file, packed);
      at += packed.length;
    }
    writeU32(this.#head, 8, entries.length);
    file.seekSync(0, Deno.SeekMode.Start);
    writeAll(file, this.#head);
    const hasher = algorithm.create(at);
    const chunk = new Uint8Array(1 << 20);
    for (let position = 0; position < at;) {
      const n = readAt(file, chunk.subarray(0, Math.min(chunk.length, at - position)), position);
      if (n === 0) throw corrupt("early EOF");
      hasher.update(chunk.subarray(0, n));
      position += n;
    }
    const checksum = hasher.digest();
    file.seekSync(at, Deno.SeekMode.Start);
    writeAll(file, checksum);
    file.truncateSync(at + raw);
    return { checksum, index: formatPackIndex(entries, checksum, algorithm) };
  }

  /** Gives the pack its name, then its index: a pack counts only once it has one. */
  #place(file: Deno.FsFile, name: string, index: Uint8Array): void {
    const options = this.#options;
    const fsync = options.fsync ?? true;
    if (fsync) file.syncSync();
    const base = `${this.#directory}/pack/pack-${name}`;
    if (stat(`${base}.idx`) !== undefined) return;
    for (const [ending, text] of [["keep", options.keep], ["promisor", options.promisor]]) {
      if (text !== undefined) writeFileAtomically(`${base}.${ending}`, text, { fsync });
    }
    Deno.chmodSync(nativePath(this.#path), 0o444);
    Deno.renameSync(nativePath(this.#path), nativePath(`${base}.pack`));
    writeFileAtomically(`${base}.idx`, index, { fsync, mode: 0o444 });
    if (fsync) syncDirectory(`${this.#directory}/pack`);
  }

  /** Gives up what was received unless it is in place. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    removeFile(this.#path);
  }

  /** Like {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function received(name: string | undefined, count: number, indexed: IndexedPack): ReceivedPack {
  let ids: readonly ObjectId[] | undefined;
  return {
    name,
    count,
    get ids() {
      return ids ??= Array.from({ length: indexed.count }, (_, i) => indexed.id(i));
    },
  };
}
