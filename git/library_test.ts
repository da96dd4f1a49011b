/**
 * A tour of the library: what a program does with a repository, on disk and in memory.
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkout,
  cloneRepository,
  commit,
  decodeText,
  diffTrees,
  fetchRemote,
  flattenTree,
  formatTree,
  GitError,
  log,
  MemoryObjectStore,
  MemoryRepository,
  merge,
  mergeCommits,
  MODE_FILE,
  type ObjectStore,
  pushBranches,
  readBlob,
  readCommit,
  Repository,
  resolveRevision,
  revList,
  stage,
  status,
  SwitchError,
  walkObjects,
} from "./mod.ts";

const WHO = "Ada <ada@example.com> 1700000000 +0000";
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const bytes = (data: string): Uint8Array => new TextEncoder().encode(data);

async function inFolder(run: (root: string) => void | Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await run(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Status as short lines. */
function short(repository: Repository): string[] {
  return status(repository).map(({ path, staged, unstaged, conflicted }) =>
    `${conflicted ? "!" : ""}${staged ?? "-"}/${unstaged ?? "-"} ${decodeText(path)}`
  );
}

Deno.test("a repository on disk: init, stage, commit, branches, merge, log, diff", async () => {
  await inFolder(async (root) => {
    const write = (name: string, content: string): void =>
      Deno.writeTextFileSync(`${root}/${name}`, content);
    using repository = Repository.init(root, { initialBranch: "main" });

    write("hello.txt", "Hello\n");
    Deno.mkdirSync(`${root}/src`);
    write("src/café.ts", "export {};\n");
    write(".gitignore", "*.log\n");
    write("debug.log", "noise\n");
    assertEquals(short(repository), [
      "-/untracked .gitignore",
      "-/untracked hello.txt",
      "-/untracked src/café.ts",
    ]);
    assertEquals(stage(repository, ["."]).map(decodeText), [
      ".gitignore",
      "hello.txt",
      "src/café.ts",
    ]);
    const first = commit(repository, { message: "First", author: WHO });
    assertEquals(short(repository), []);
    assertThrows(
      () => commit(repository, { message: "Nothing", author: WHO }),
      GitError,
      "nothing",
    );

    checkout(repository, "side", { create: true });
    write("hello.txt", "Hello from the side\n");
    Deno.removeSync(`${root}/src/café.ts`);
    assertEquals(short(repository), ["-/modified hello.txt", "-/deleted src/café.ts"]);
    stage(repository, ["hello.txt", "src"]);
    assertEquals(short(repository), ["modified/- hello.txt", "deleted/- src/café.ts"]);
    const side = commit(repository, { message: "Side", author: WHO });

    const seen: number[] = [];
    checkout(repository, "main", { progress: (done, total) => seen.push(done / total) });
    assertEquals(seen.at(-1), 1);
    assertEquals(Deno.readTextFileSync(`${root}/src/café.ts`), "export {};\n");
    write("new.txt", "new\n");
    stage(repository, ["new.txt"]);
    const second = commit(repository, { message: "Second", author: WHO });
    const merged = merge(repository, "side", { author: WHO });
    assertEquals([merged.kind, merged.conflicts], ["merged", []]);
    assertEquals(readCommit(repository.objects, merged.head).parents, [second, side]);
    assertEquals(merge(repository, "side").kind, "up to date");
    assertEquals(Deno.readTextFileSync(`${root}/hello.txt`), "Hello from the side\n");

    const subjects = await Array.fromAsync(
      log(repository.objects, { include: [merged.head] }),
      ({ commit }) => commit.message.trim(),
    );
    assertEquals(subjects.toSorted(), ["First", "Merge 'side'", "Second", "Side"]);
    const trees = [first, merged.head].map((id) => readCommit(repository.objects, id).tree);
    assertEquals(
      diffTrees(repository.objects, trees[0], trees[1]).map((pair) =>
        `${pair.status} ${decodeText(pair.new.path)}`
      ),
      ["M hello.txt", "A new.txt", "D src/café.ts"],
    );
    assertEquals(
      resolveRevision(repository, "main~1^{tree}"),
      readCommit(repository.objects, second).tree,
    );
    const blob = resolveRevision(repository, "HEAD:hello.txt")!;
    assertEquals(text(readBlob(repository.objects, blob)), "Hello from the side\n");
    assertEquals(repository.refs.readLog("HEAD")?.length, 6);
  });
});

Deno.test("a merge with conflicts is resolved in the worktree and committed", async () => {
  await inFolder((root) => {
    using repository = Repository.init(root, { initialBranch: "main" });
    const save = (content: string, message: string): string => {
      Deno.writeTextFileSync(`${root}/f`, content);
      stage(repository, ["f"]);
      return commit(repository, { message, author: WHO });
    };
    save("one\ntwo\nthree\n", "base");
    checkout(repository, "side", { create: true });
    const side = save("one\nTWO\nthree\n", "side");
    checkout(repository, "main");
    const main = save("one\n2\nthree\n", "main");
    const result = merge(repository, "side", { author: WHO });
    assertEquals([result.kind, result.head], ["conflicts", main]);
    assertEquals(result.conflicts.map(({ path }) => path), ["f"]);
    assertEquals(
      Deno.readTextFileSync(`${root}/f`),
      "one\n<<<<<<< HEAD\n2\n=======\nTWO\n>>>>>>> side\nthree\n",
    );
    assertEquals(short(repository).map((line) => line[0]), ["!"]);
    assertThrows(
      () => commit(repository, { message: "no", author: WHO }),
      GitError,
      "not resolved",
    );
    const end = save("one\n2 TWO\nthree\n", "merged");
    assertEquals(readCommit(repository.objects, end).parents, [main, side]);
    checkout(repository, "side");
    assertEquals(merge(repository, "main").kind, "fast-forward");
    assertEquals(repository.head(), end);
  });
});

Deno.test("what is in the way of a checkout is named, and nothing is touched", async () => {
  await inFolder((root) => {
    using repository = Repository.init(root, { initialBranch: "main" });
    const write = (content: string): void => Deno.writeTextFileSync(`${root}/f`, content);
    write("1\n");
    stage(repository, ["."]);
    commit(repository, { message: "1", author: WHO });
    checkout(repository, "side", { create: true });
    write("2\n");
    stage(repository, ["."]);
    commit(repository, { message: "2", author: WHO });
    write("changed\n");
    const error = assertThrows(() => checkout(repository, "main"), SwitchError);
    assertEquals(error.conflicts.changed, ["f"]);
    assertEquals(repository.headBranch(), "refs/heads/side");
    assertEquals(Deno.readTextFileSync(`${root}/f`), "changed\n");
    const aborted = AbortSignal.abort(new Error("enough"));
    assertThrows(
      () => checkout(repository, "main", { force: true, signal: aborted }),
      Error,
      "enough",
    );
    assertThrows(() => status(repository, { signal: aborted }), Error, "enough");
    checkout(repository, "main", { force: true });
    assertEquals(Deno.readTextFileSync(`${root}/f`), "1\n");
    checkout(repository, "side~1");
    assertEquals(repository.headBranch(), undefined);
    for (
      const [attempt, code] of [
        [() => checkout(repository, "nowhere"), "not_found"],
        [() => checkout(repository, "a..b", { create: true }), "invalid"],
        [() => checkout(repository, "side", { create: true }), "exists"],
        [() => stage(repository, ["nothing"]), "not_found"],
        [() => merge(repository, "nowhere"), "not_found"],
      ] as const
    ) assertEquals(assertThrows(attempt, GitError).code, code);
  });
});

Deno.test("clone, fetch and push, with progress and signals", async () => {
  await inFolder(async (root) => {
    using hub = Repository.init(`${root}/hub`, { bare: true, initialBranch: "main" });
    using one = Repository.init(`${root}/one`, { initialBranch: "main" });
    one.refs.update({
      name: "refs/heads/main",
      newId: one.objects.write(
        "commit",
        bytes(
          `tree ${
            one.objects.write("tree", formatTree([]))
          }\nauthor ${WHO}\ncommitter ${WHO}\n\nroot\n`,
        ),
      ),
    });
    Deno.writeTextFileSync(
      `${root}/one/.git/config`,
      `[remote "origin"]\n\turl = ${root}/hub\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`,
      { append: true },
    );
    using source = Repository.open(`${root}/one`);
    const report = await pushBranches(source, ["main"]);
    assertEquals(report.refs.get("refs/heads/main"), undefined);
    hub.refs.invalidate();
    assertEquals(hub.head(), source.head());

    using copy = await cloneRepository(`${root}/hub`, `${root}/copy`);
    Deno.writeTextFileSync(`${root}/copy/f`, "f\n");
    stage(copy, ["f"]);
    const id = commit(copy, { message: "from the copy", author: WHO });
    let packed = 0;
    await pushBranches(copy, ["main"], "origin", { progress: (done) => packed = done });
    assertEquals(packed, 3);

    let indexed = 0;
    assertEquals(
      await fetchRemote(source, "origin", {
        progress: (done) => indexed = Math.max(indexed, done),
      }),
      [{ name: "refs/remotes/origin/main", id }],
    );
    assertEquals(indexed > 0, true);
    assertEquals(await fetchRemote(source), []);
    assertEquals(merge(source, "origin/main").kind, "fast-forward");
    assertEquals(Deno.readTextFileSync(`${root}/one/f`), "f\n");

    checkout(copy, "main~1");
    checkout(copy, "other", { create: true });
    copy.refs.update({ name: "refs/heads/main", newId: copy.head()! });
    await assertRejects(() => pushBranches(copy, ["main"]), GitError, "would lose history");
    await assertRejects(() => pushBranches(copy, ["nothing"]), GitError, "no branch");
    await assertRejects(() => fetchRemote(copy, "nowhere"), GitError, "no remote");
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(
      () => cloneRepository(`${root}/hub`, `${root}/never`, { signal }),
      Error,
      "enough",
    );
  });
});

Deno.test("a repository in memory, and functions over any store of objects", async () => {
  const repository = MemoryRepository.init({ branch: "main" });
  repository.add("a/b.txt", bytes("1\n2\n3\n"));
  const base = repository.commit({ author: WHO, message: "base\n" });
  repository.switchTo("side");
  repository.add("a/b.txt", bytes("1\n2\n3\n4\n"));
  const side = repository.commit({ author: WHO, message: "side\n" });
  repository.switchTo("main");
  repository.add("a/b.txt", bytes("0\n1\n2\n3\n"));
  const main = repository.commit({ author: WHO, message: "main\n" });
  const merged = mergeCommits(repository.objects, main, side);
  assertEquals(merged.clean, true);
  const [path, file] = [...flattenTree(repository.objects, merged.tree)][0]!;
  assertEquals(path, "a/b.txt");
  assertEquals(text(readBlob(repository.objects, file.id)), "0\n1\n2\n3\n4\n");
  assertEquals(
    await Array.fromAsync(revList(repository.objects, { include: [side, main] }), ({ id }) => id)
      .then((ids) => ids.toSorted()),
    [base, side, main].toSorted(),
  );
  assertEquals([...walkObjects(repository.objects, { include: [{ id: main }] })].length, 8);

  // A store of one's own: here one that counts.
  let reads = 0;
  const inner = new MemoryObjectStore();
  const counting: ObjectStore = {
    algorithm: inner.algorithm,
    read: (id) => (reads++, inner.read(id)),
    describe: (id) => inner.describe(id),
    has: (id) => inner.has(id),
    write: (type, data) => inner.write(type, data),
    withPrefix: (prefix, limit) => inner.withPrefix(prefix, limit),
    ids: () => inner.ids(),
  };
  const blob = counting.write("blob", bytes("x\n"));
  const tree = counting.write("tree", formatTree([{ mode: MODE_FILE, name: "x", id: blob }]));
  assertEquals(diffTrees(counting, undefined, tree).map((pair) => pair.status), ["A"]);
  assertEquals(reads, 1);
});
