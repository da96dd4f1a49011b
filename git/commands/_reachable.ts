/**
 * What must never be pruned: everything that refs, reflogs, worktrees and indexes lead to.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { readTextIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { readIndex } from "../index_file.ts";
import { isGitlinkMode } from "../objects.ts";
import { FileRefStore } from "../ref_store.ts";
import type { Repository } from "../repository.ts";
import { walkObjects } from "../rev_list.ts";
import { listWorktrees } from "../worktree_list.ts";

/** Objects from which everything that is in use can be reached, with the paths of those in an index. */
export function rootsInUse(repository: Repository): { id: ObjectId; name: ByteString }[] {
  const out = new Map<ObjectId, ByteString>();
  const { objects, refs, algorithm } = repository;
  const add = (id: ObjectId | undefined, name: ByteString = ""): void => {
    if (id === undefined || id === algorithm.zero || out.has(id)) return;
    if (objects.has(id)) out.set(id, name);
  };
  for (const ref of refs.list()) if (!ref.broken) add(ref.id);
  for (const worktree of listWorktrees(repository)) {
    const own = new FileRefStore(worktree.gitDir, repository.paths.commonDir, algorithm);
    for (
      const name of [
        "HEAD",
        "ORIG_HEAD",
        "MERGE_HEAD",
        "CHERRY_PICK_HEAD",
        "REVERT_HEAD",
        "REBASE_HEAD",
        "AUTO_MERGE",
      ]
    ) {
      add(own.id(name));
    }
    for (const line of (readTextIfAny(`${worktree.gitDir}/FETCH_HEAD`) ?? "").split("\n")) {
      const id = line.slice(0, algorithm.hexSize);
      if (/^[0-9a-f]{40,}$/.test(id)) add(id);
    }
    for (const name of own.logNames()) {
      for (const entry of own.readLog(name) ?? []) {
        add(entry.oldId);
        add(entry.newId);
      }
    }
    for (const entry of readIndex(`${worktree.gitDir}/index`, algorithm).entries) {
      if (!isGitlinkMode(entry.mode)) add(entry.id, entry.path);
    }
    for (
      const name of [
        "rebase-merge/autostash",
        "rebase-apply/autostash",
        "rebase-merge/onto",
        "rebase-merge/orig-head",
      ]
    ) {
      const id = readTextIfAny(`${worktree.gitDir}/${name}`)?.trim();
      if (id !== undefined && /^[0-9a-f]{40,}$/.test(id)) add(id);
    }
    for (
      const line of (readTextIfAny(`${worktree.gitDir}/rebase-merge/git-rebase-todo`) ?? "").split(
        "\n",
      )
    ) {
      const id = /\b[0-9a-f]{40,64}\b/.exec(line)?.[0];
      if (id !== undefined) add(id);
    }
  }
  return [...out].map(([id, name]) => ({ id, name }));
}

/** Ids of everything in use. Objects that a partial clone left out are skipped. */
export function objectsInUse(repository: Repository): Set<ObjectId> {
  const out = new Set<ObjectId>();
  for (
    const object of walkObjects(repository.objects, {
      include: rootsInUse(repository),
    })
  ) out.add(object.id);
  return out;
}
