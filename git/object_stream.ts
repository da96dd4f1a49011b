/**
 * Objects piece by piece, for blobs that do not belong in memory as a whole.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { zlib } from "./_builtins.ts";
import { fromByteString, toHex } from "./_bytes.ts";
import { corrupt, GitError } from "./errors.ts";
import type { HashAlgorithm, ObjectId, ObjectType } from "./hash_algorithm.ts";
import type { ObjectStore } from "./object_store.ts";
import type { ByteSource } from "./pack_file.ts";

/** An object that is read as its pieces are taken. */
export interface ObjectStream {
  /** The kind. */
  readonly type: ObjectType;
  /** All pieces together, in bytes. */
  readonly size: number;
  /**
   * The content, in pieces of at most 64 KiB, once. Throws `GitError` ("corrupt") where the object is
   * damaged, for a wrong checksum after the last piece.
   */
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** A store that can read an object without making the whole of it. */
interface StreamingStore {
  openStream?(id: ObjectId): ObjectStream | undefined;
}

/** The longest piece that a stream gives (bytes). */
export const PIECE_SIZE = 65536;

/** Pieces of bytes that are in memory. */
export async function* slices(data: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += PIECE_SIZE) yield data.subarray(at, at + PIECE_SIZE);
}

/**
 * Inflates a zlib stream that begins at `at`, of which `size` bytes are wanted; `skip` bytes before
 * them are dropped. Memory: a few pieces, whatever the size.
 */
export async function* inflatePieces(
  source: ByteSource,
  at: number,
  end: number,
  skip: number,
  size: number,
): AsyncGenerator<Uint8Array> {
  const inflater = zlib().createInflate({ chunkSize: PIECE_SIZE });
  let failure: unknown;
  inflater.on("error", (error: unknown) => failure = error);
  let wanted = size, dropped = skip;
  const feed = (): void => {
    // As much as the inflater takes before it wants to be read.
    try {
      while (at < end) {
        const length = Math.min(PIECE_SIZE, end - at);
        const piece = Buffer.from(source.read(at, length));
        at += length;
        if (!inflater.write(piece)) {
          inflater.once("drain", feed);
          return;
        }
      }
      inflater.end();
    } catch (error) {
      inflater.destroy(error as Error);
    }
  };
  feed();
  try {
    for await (const piece of inflater) {
      let bytes: Uint8Array = new Uint8Array(piece.buffer, piece.byteOffset, piece.length);
      if (dropped > 0) {
        const cut = Math.min(dropped, bytes.length);
        dropped -= cut;
        bytes = bytes.subarray(cut);
      }
      if (bytes.length > wanted) throw corrupt("object is longer than it says");
      wanted -= bytes.length;
      if (bytes.length > 0) yield bytes;
      // What follows in a pack is not of this object.
      if (wanted === 0 && dropped === 0) break;
    }
  } catch (error) {
    const cause = failure ?? error;
    if (cause instanceof GitError) throw cause;
    throw corrupt(`inflate: ${cause instanceof Error ? cause.message : "damaged stream"}`);
  } finally {
    inflater.destroy();
  }
  if (wanted > 0) throw corrupt("object is shorter than it says");
}

/** Gives the pieces on, and checks at the end that they are the object that was asked for. */
export async function* verified(
  pieces: AsyncIterable<Uint8Array>,
  type: string,
  size: number,
  id: ObjectId,
  algorithm: HashAlgorithm,
): AsyncGenerator<Uint8Array> {
  const hasher = algorithm.create(size);
  hasher.update(fromByteString(`${type} ${size}\0`));
  for await (const piece of pieces) {
    hasher.update(piece);
    yield piece;
  }
  if (toHex(hasher.digest()) !== id) throw corrupt(`hash mismatch ${id}`);
}

/**
 * Opens an object to be read piece by piece; `undefined` when it is not there.
 *
 * Loose objects, and objects of packs that are not stored as deltas, are never in memory as a whole;
 * others and those of stores in memory are.
 *
 * @example
 * ```ts
 * import { MemoryObjectStore, openObjectStream } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryObjectStore();
 * const id = store.write("blob", new Uint8Array(100_000));
 * const stream = openObjectStream(store, id)!;
 * let length = 0;
 * for await (const piece of stream.pieces) length += piece.length;
 * assertEquals([stream.type, stream.size, length], ["blob", 100_000, 100_000]);
 * ```
 */
export function openObjectStream(store: ObjectStore, id: ObjectId): ObjectStream | undefined {
  const streaming = (store as ObjectStore & StreamingStore).openStream;
  if (streaming !== undefined) return streaming.call(store, id);
  const object = store.read(id);
  return object &&
    { type: object.type, size: object.data.length, pieces: slices(object.data) };
}
