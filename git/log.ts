/**
 * History as asynchronous iterators, which let other work run in between and can be aborted.
 *
 * @module
 */
import type { ObjectId } from "./hash_algorithm.ts";
import type { Commit } from "./objects.ts";
import { type ObjectStore, readCommit } from "./object_store.ts";
import { type RevListOptions, walkCommits, type WalkedCommit } from "./rev_list.ts";

/** So many commits are walked before other work gets a turn. */
const COMMITS_A_TURN = 256;

/**
 * Walks commits as {@linkcode walkCommits} does, newest first unless told otherwise. Other work runs
 * every few hundred commits; an aborted `signal` throws its reason.
 *
 * @example
 * ```ts
 * import { MemoryRepository, revList } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const repository = MemoryRepository.init();
 * repository.add("hello.txt", new TextEncoder().encode("Hello, World!\n"));
 * const id = repository.commit({ author: "Ada <ada@example.com> 0 +0000", message: "First\n" });
 * const ids = await Array.fromAsync(revList(repository.objects, { include: [id] }), (one) => one.id);
 * assertEquals(ids, [id]);
 * ```
 */
export async function* revList(
  store: ObjectStore,
  options: RevListOptions,
): AsyncGenerator<WalkedCommit> {
  let left = COMMITS_A_TURN;
  options.signal?.throwIfAborted();
  for (const commit of walkCommits(store, options)) {
    options.signal?.throwIfAborted();
    yield commit;
    if (--left > 0) continue;
    left = COMMITS_A_TURN;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
}

/** A commit of {@linkcode log}. */
export interface LogEntry {
  /** Its id. */
  readonly id: ObjectId;
  /** Its parents, as far as they are part of the log. */
  readonly parents: readonly ObjectId[];
  /** The commit. */
  readonly commit: Commit;
}

/** Like {@linkcode revList}, with the commits themselves. */
export async function* log(
  store: ObjectStore,
  options: RevListOptions,
): AsyncGenerator<LogEntry> {
  for await (const { id, parents } of revList(store, options)) {
    yield { id, parents, commit: readCommit(store, id) };
  }
}
