import { assertEquals, assertThrows } from "@std/assert";
import { fromByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { formatTree, isGitlinkMode, isTreeMode, type TreeEntry } from "./objects.ts";
import { MemoryObjectStore, readTree } from "./object_store.ts";
import { walkObjects } from "./rev_list.ts";
import { TreeWalk } from "./_tree_walk.ts";

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * n);
  }
}

/** A tree that changes a little from commit to commit. */
class Folder {
  readonly entries = new Map<string, Folder | { mode: number; id: ObjectId }>();

  change(store: MemoryObjectStore, random: Random, depth: number): void {
    const names = [...this.entries.keys()];
    for (let n = random.below(4); n > 0; n--) {
      const name = `${"abcdefgh"[random.below(8)]}${random.below(60)}${
        random.below(3) === 0 ? ".x" : ""
      }`;
      const kind = random.below(10);
      if (kind < 2) this.entries.delete(names[random.below(names.length)] ?? "");
      else if (kind < 4 && depth < 3) {
        const below = this.entries.get(name);
        if (below instanceof Folder) below.change(store, random, depth + 1);
        else {
          const made = new Folder();
          made.fill(store, random, random.below(50));
          this.entries.set(name, made);
        }
      } else if (kind === 4) {
        const id = "c".repeat(38) + String(10 + random.below(3));
        this.entries.set(name, { mode: 0o160000, id });
      } else this.fill(store, random, 1, name);
    }
    for (const below of this.entries.values()) {
      if (below instanceof Folder && random.below(3) === 0) {
        below.change(store, random, depth + 1);
      }
    }
  }

  fill(store: MemoryObjectStore, random: Random, count: number, name?: string): void {
    for (let i = 0; i < count; i++) {
      const id = store.write("blob", fromByteString(`${random.below(400)}`));
      const mode = random.below(5) === 0 ? 0o100755 : 0o100644;
      this.entries.set(name ?? `${"abcdefgh"[random.below(8)]}${random.below(60)}`, { mode, id });
    }
  }

  write(store: MemoryObjectStore): ObjectId {
    const list: TreeEntry[] = [];
    for (const [name, entry] of this.entries) {
      list.push(
        entry instanceof Folder
          ? { name, mode: 0o40000, id: entry.write(store) }
          : { name, ...entry },
      );
    }
    return store.write("tree", formatTree(list));
  }
}

/** The same walk, said plainly. */
function* plainly(
  store: MemoryObjectStore,
  roots: readonly ObjectId[],
  skip: ReadonlySet<ObjectId>,
): Generator<string> {
  const seen = new Set(skip);
  function* walk(id: ObjectId, path: string): Generator<string> {
    if (seen.has(id)) return;
    seen.add(id);
    yield `${id} ${path}`;
    for (const entry of readTree(store, id)) {
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      if (isGitlinkMode(entry.mode)) continue;
      if (isTreeMode(entry.mode)) yield* walk(entry.id, inner);
      else if (!seen.has(entry.id)) {
        seen.add(entry.id);
        yield `${entry.id} ${inner}`;
      }
    }
  }
  for (const root of roots) yield* walk(root, "");
}

function history(seed: number, length: number): { store: MemoryObjectStore; roots: ObjectId[] } {
  const random = new Random(seed);
  const store = new MemoryObjectStore();
  const top = new Folder();
  top.fill(store, random, 60);
  const roots: ObjectId[] = [];
  for (let i = 0; i < length; i++) {
    roots.push(top.write(store));
    top.change(store, random, 0);
  }
  return { store, roots: roots.reverse() };
}

function* below(walk: TreeWalk, roots: readonly ObjectId[]): Generator<string> {
  for (const root of roots) {
    if (walk.start(root, "")) yield `${walk.ids.hex(walk.number)} ${walk.pathText()}`;
    while (walk.next()) yield `${walk.ids.hex(walk.number)} ${walk.pathText()}`;
  }
}

Deno.test("`TreeWalk` comes to every object once, in order, with the path it is found at first", () => {
  const seeds = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 100 : 2;
  for (let seed = 1; seed <= seeds; seed++) {
    const { store, roots } = history(seed, 80);
    const wanted = [...plainly(store, roots, new Set())];
    assertEquals([...below(new TreeWalk(store, {}), roots)], wanted, `seed ${seed}`);
  }
});

Deno.test("`TreeWalk.skipTree()` leaves out a tree and all below it", () => {
  for (let seed = 20; seed <= 21; seed++) {
    const { store, roots } = history(seed, 40);
    const known = new Set(
      [...plainly(store, roots.slice(20, 22), new Set())].map((line) => line.slice(0, 40)),
    );
    const walk = new TreeWalk(store, {});
    walk.skipTree(roots[20]!);
    walk.skipTree(roots[21]!);
    assertEquals(
      [...below(walk, roots)],
      [...plainly(store, roots, known)],
      `seed ${seed}`,
    );
  }
});

Deno.test("`walkObjects()` filters by size, depth and kind", () => {
  const { store, roots } = history(3, 2);
  const include = [{ id: roots[0]! }];
  const all = [...walkObjects(store, { include })];
  const small = [...walkObjects(store, { include, filter: { blobLimit: 3 } })];
  assertEquals(
    small,
    all.filter(({ id, type }) => type === "tree" || store.describe(id)!.size < 3),
  );
  assertEquals(
    [...walkObjects(store, { include, filter: { blobLimit: 0 } })],
    all.filter(({ type }) => type === "tree"),
  );
  assertEquals([...walkObjects(store, { include, filter: { treeDepth: 0 } })], []);
  assertEquals([...walkObjects(store, { include, filter: { treeDepth: 1 } })], [all[0]!]);
  const direct = new Set(readTree(store, roots[0]!).map((entry) => entry.id));
  assertEquals(
    new Set([...walkObjects(store, { include, filter: { treeDepth: 2 } })].map(({ id }) => id)),
    new Set([roots[0]!, ...[...direct].filter((id) => store.has(id))]),
  );
  assertEquals(
    [...walkObjects(store, { include, filter: { only: "blob" } })],
    all.filter(({ type }) => type === "blob"),
  );
});

Deno.test("`TreeWalk` throws `GitError` for damaged and missing trees", () => {
  const store = new MemoryObjectStore();
  const id = "ab".repeat(20);
  for (
    const text of ["100644", "100644 a", "100644 a\0short", " a\0" + "x".repeat(20), "9 a\0"]
      .concat(
        `100644 \0${"x".repeat(20)}`,
        `123456789 a\0${"x".repeat(20)}`,
      )
  ) {
    const root = store.write("tree", fromByteString(text));
    const error = assertThrows(() => [...below(new TreeWalk(store, {}), [root])], GitError);
    assertEquals(error.code, "corrupt");
  }
  assertEquals(
    assertThrows(() => new TreeWalk(store, {}).start(id, ""), GitError).code,
    "not_found",
  );
  const blob = store.write("blob", fromByteString("x"));
  assertThrows(() => new TreeWalk(store, {}).start(blob, ""), GitError, "not a tree");
  assertEquals([...below(new TreeWalk(store, {}), [store.algorithm.emptyTree])].length, 1);
});
