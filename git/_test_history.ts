/**
 * Helpers of the transport tests: repositories with some history, made without a program.
 *
 * @module
 */
import { encodeText, fromByteString } from "./_bytes.ts";
import { formatTree } from "./objects.ts";
import { Repository } from "./repository.ts";

/** What {@linkcode makeHistory} makes. */
export interface HistoryOptions {
  /** How many commits. */
  readonly commits: number;
  /** Files in the root; each commit changes one. Default 8. */
  readonly files?: number;
  /** Size of each file (bytes). Default 400. */
  readonly fileSize?: number;
  /** The branch. Default `refs/heads/master`. */
  readonly branch?: string;
  /** The first commit's parent. */
  readonly parent?: string;
  /** Makes the content differ from that of another history. */
  readonly seed?: number;
  /** Leave the branch as it is. */
  readonly keepRef?: boolean;
}

/** Pseudo-random text of a given length, the same each time. */
export function text(seed: number, length: number): string {
  let state = seed >>> 0 || 1;
  let out = "";
  while (out.length < length) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out += `${(state >>> 0).toString(36)}\n`;
  }
  return out.slice(0, length);
}

/** Adds a line of commits to a repository; returns their ids, oldest first. */
export function makeHistory(repository: Repository, options: HistoryOptions): string[] {
  const { objects, refs } = repository;
  const files = options.files ?? 8;
  const seed = options.seed ?? 1;
  const blobs: string[] = [];
  const size = options.fileSize ?? 400;
  const put = (i: number, salt: number): void => {
    blobs[i] = objects.write("blob", fromByteString(text(seed * 7919 + salt, size)));
  };
  for (let i = 0; i < files; i++) put(i, i);
  const out: string[] = [];
  let parent = options.parent;
  for (let i = 0; i < options.commits; i++) {
    put(i % files, files + i);
    const tree = objects.write(
      "tree",
      formatTree(
        blobs.map((id, n) => ({
          mode: 0o100644,
          name: encodeText(`f${String(n).padStart(4, "0")}`),
          id,
        })),
      ),
    );
    const when = `A U Thor <author@example.com> ${1_112_911_993 + 60 * i} +0000`;
    parent = objects.write(
      "commit",
      fromByteString(
        `tree ${tree}\n${parent === undefined ? "" : `parent ${parent}\n`}` +
          `author ${when}\ncommitter ${when}\n\ncommit ${i} of ${seed}\n`,
      ),
    );
    out.push(parent);
  }
  if (!options.keepRef) {
    refs.update({ name: options.branch ?? "refs/heads/master", newId: out.at(-1)! });
  }
  return out;
}

/** A new bare repository with some history; returns the ids of its commits. */
export function makeRepository(path: string, options: HistoryOptions): string[] {
  using repository = Repository.init(path, {
    bare: true,
    fsync: false,
    initialBranch: "master",
  });
  return makeHistory(repository, options);
}

/** A server of a handler on a port of its own. */
export function listen(handler: (request: Request) => Response | Promise<Response>): {
  url: string;
  [Symbol.asyncDispose](): Promise<void>;
} {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
