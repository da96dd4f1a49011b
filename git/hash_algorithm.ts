/**
 * Object ids: which hash a repository uses, and hashing an object under it.
 *
 * @module
 */
import { fromByteString, toHex } from "./_bytes.ts";
import { cryptoLoaded, nodeCrypto } from "./_builtins.ts";
import { Sha1, sha1Detecting } from "./_sha1.ts";

/** An object id: lower-case hexadecimal, 40 digits (SHA-1) or 64 (SHA-256). */
export type ObjectId = string;

/** The four kinds of objects. */
export type ObjectType = "commit" | "tree" | "blob" | "tag";

/** An incremental hash. */
export interface Hasher {
  /** Adds bytes. */
  update(data: Uint8Array): unknown;
  /** Ends and returns the raw digest. */
  digest(): Uint8Array;
}

/** The hash function of a repository (`extensions.objectFormat`). */
export interface HashAlgorithm {
  /** Its name in configuration files. */
  readonly name: "sha1" | "sha256";
  /** Digest size in bytes. */
  readonly rawSize: number;
  /** Digest size in hexadecimal digits. */
  readonly hexSize: number;
  /** The id of all zeros, which stands for "no object". */
  readonly zero: ObjectId;
  /** The id of the tree without entries. */
  readonly emptyTree: ObjectId;
  /** The id of the blob without bytes. */
  readonly emptyBlob: ObjectId;
  /** Its number in pack-family file headers. */
  readonly formatId: number;
  /**
   * Starts hashing. `sizeHint` (bytes) chooses between implementations. With `detectsCollisions`, `digest()` throws a
   * `GitError` of code `unsafe` for data made to collide under SHA-1, at a third of the speed (350 MB/s).
   */
  create(sizeHint?: number, detectsCollisions?: boolean): Hasher;
}

/** SHA-1, Git's default. */
export const SHA1: HashAlgorithm = {
  name: "sha1",
  rawSize: 20,
  hexSize: 40,
  zero: "0".repeat(40),
  emptyTree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  emptyBlob: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
  formatId: 1,
  create(sizeHint = 0, detectsCollisions = false): Hasher {
    if (detectsCollisions) return new Sha1();
    if (sizeHint > 65536 || cryptoLoaded()) return nodeCrypto().createHash("sha1");
    return new Sha1();
  },
};

/** SHA-256 (`extensions.objectFormat = sha256`). */
export const SHA256: HashAlgorithm = {
  name: "sha256",
  rawSize: 32,
  hexSize: 64,
  zero: "0".repeat(64),
  emptyTree: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
  emptyBlob: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
  formatId: 2,
  create(): Hasher {
    return nodeCrypto().createHash("sha256");
  },
};

/** The algorithm of that name, or `undefined`. */
export function hashAlgorithm(name: string): HashAlgorithm | undefined {
  return name === "sha1" ? SHA1 : name === "sha256" ? SHA256 : undefined;
}

/**
 * The id of an object: the hash over `<type> <size>\0` and its content. What comes from outside to be kept is hashed
 * with `detectsCollisions`.
 *
 * @example
 * ```ts
 * import { hashObject, SHA1 } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const id = hashObject(SHA1, "blob", new TextEncoder().encode("Hello, World!\n"));
 * assertEquals(id, "8ab686eafeb1f44702738c8b0f24f2567c36da6d");
 * ```
 *
 * @throws {GitError} Of code `unsafe`, where asked to detect them, for one side of a SHA-1 collision.
 */
export function hashObject(
  algorithm: HashAlgorithm,
  type: string,
  data: Uint8Array,
  detectsCollisions = false,
): ObjectId {
  return toHex(hashObjectRaw(algorithm, type, data, detectsCollisions));
}

/** Like {@linkcode hashObject}; the raw digest. */
export function hashObjectRaw(
  algorithm: HashAlgorithm,
  type: string,
  data: Uint8Array,
  detectsCollisions = false,
): Uint8Array {
  const header = fromByteString(`${type} ${data.length}\0`);
  if (detectsCollisions && algorithm === SHA1) return sha1Detecting(header, data);
  const hasher = algorithm.create(data.length, detectsCollisions);
  hasher.update(header);
  hasher.update(data);
  return hasher.digest();
}

/** Whether `text` is a whole object id of this algorithm, in lower case. */
export function isObjectId(algorithm: HashAlgorithm, text: string): boolean {
  return text.length === algorithm.hexSize && /^[0-9a-f]+$/.test(text);
}
