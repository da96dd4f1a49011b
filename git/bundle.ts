/**
 * Bundles (gitformat-bundle): a header of prerequisites and refs, then a pack. Versions 2 and 3.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "./_bytes.ts";
import { nativePath, readAt } from "./_files.ts";
import { GitError } from "./errors.ts";
import { type HashAlgorithm, hashAlgorithm, type ObjectId, SHA1 } from "./hash_algorithm.ts";
import { isHex } from "./objects.ts";

/** What a bundle says of itself. */
export interface BundleHeader {
  /** 2 or 3. */
  readonly version: number;
  /** The hash of its objects. */
  readonly algorithm: HashAlgorithm;
  /** The filter it was made with. */
  readonly filter: ByteString | undefined;
  /** Commits that the receiver must have, with their subjects. */
  readonly prerequisites: readonly { id: ObjectId; comment: ByteString }[];
  /** Refs it carries. */
  readonly refs: readonly { id: ObjectId; name: ByteString }[];
  /** Where the pack starts (bytes). */
  readonly packOffset: number;
}

const MAX_HEADER = 64 * 1024 * 1024;

/** Parses the header from the start of a bundle. Throws `GitError` ("corrupt" or "invalid"). */
export function parseBundleHeader(read: (at: number, length: number) => Uint8Array): BundleHeader {
  let text = toByteString(read(0, 65536));
  const version = /^# v([23]) git bundle\n/.exec(text)?.[1];
  if (version === undefined) {
    throw new GitError("invalid", "does not look like a v2 or v3 bundle file");
  }
  let end = text.indexOf("\n\n");
  while (end < 0) {
    const more = read(text.length, 1 << 20);
    if (more.length === 0 || text.length > MAX_HEADER) {
      throw new GitError("corrupt", "unrecognized header: the bundle ends early");
    }
    text += toByteString(more);
    end = text.indexOf("\n\n");
  }
  let algorithm = SHA1;
  let filter: ByteString | undefined;
  const prerequisites: { id: ObjectId; comment: ByteString }[] = [];
  const refs: { id: ObjectId; name: ByteString }[] = [];
  for (const line of text.slice(0, end).split("\n").slice(1)) {
    if (line.startsWith("@") && version === "3") {
      if (line.startsWith("@object-format=")) {
        const found = hashAlgorithm(line.slice(15));
        if (found === undefined) {
          throw new GitError("invalid", `unrecognized bundle hash algorithm: ${line.slice(15)}`);
        }
        algorithm = found;
      } else if (line.startsWith("@filter=")) filter = line.slice(8);
      else throw new GitError("invalid", `unknown capability '${line.slice(1)}'`);
      continue;
    }
    const needed = line.startsWith("-");
    const rest = needed ? line.slice(1) : line;
    const id = rest.slice(0, algorithm.hexSize);
    const after = rest.slice(algorithm.hexSize);
    if (
      !isHex(id, algorithm.hexSize) || (after !== "" && after[0] !== " ") ||
      (!needed && after.length < 2)
    ) {
      throw new GitError("corrupt", `unrecognized header: ${line}`);
    }
    if (needed) prerequisites.push({ id, comment: after.slice(1) });
    else refs.push({ id, name: after.slice(1) });
  }
  return { version: Number(version), algorithm, filter, prerequisites, refs, packOffset: end + 2 };
}

/** Reads the header of a bundle file. */
export function readBundleHeader(path: ByteString): BundleHeader {
  using file = Deno.openSync(nativePath(path), { read: true });
  return parseBundleHeader((at, length) => {
    const out = new Uint8Array(length);
    return out.subarray(0, readAt(file, out, at));
  });
}

/** Whether a file is a bundle. */
export function isBundle(path: ByteString): boolean {
  try {
    using file = Deno.openSync(nativePath(path), { read: true });
    const head = new Uint8Array(16);
    const n = readAt(file, head, 0);
    return /^# v[23] git bun/.test(toByteString(head, 0, n));
  } catch {
    return false;
  }
}

/** The header of a bundle as bytes. */
export function formatBundleHeader(
  header: Omit<BundleHeader, "packOffset">,
): Uint8Array {
  let text = `# v${header.version} git bundle\n`;
  if (header.version === 3) {
    text += `@object-format=${header.algorithm.name}\n`;
    if (header.filter !== undefined) text += `@filter=${header.filter}\n`;
  }
  for (const { id, comment } of header.prerequisites) {
    text += `-${id}${comment === "" ? "" : ` ${comment}`}\n`;
  }
  for (const { id, name } of header.refs) text += `${id} ${name}\n`;
  return fromByteString(`${text}\n`);
}
