import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GitError } from "./errors.ts";
import { SHA256 } from "./hash_algorithm.ts";
import { MemoryRefStore, MemoryRepository } from "./memory_repository.ts";
import { mergeCommits } from "./merge_trees.ts";
import { readBlob } from "./object_store.ts";

const WHO = "Ada <ada@example.com> 1700000000 +0000";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("`MemoryRepository` makes the commits that git makes of the same files", () => {
  const repository = MemoryRepository.init();
  repository.add("hello.txt", bytes("Hello, World!\n"));
  repository.add("src/a/b.ts", bytes("1\n"));
  repository.add("src.ts", bytes("2\n"));
  // `git write-tree` of these three files.
  assertEquals(repository.writeTree(), "de1e48b5b7149688b9dc13d0862a18ec7ba9e813");
});

Deno.test("`MemoryRepository` has branches, merges and a log", async () => {
  for (const options of [{}, { algorithm: SHA256, branch: "main" }]) {
    const repository = MemoryRepository.init(options);
    repository.add("a", bytes("a\n"));
    const first = repository.commit({ author: WHO, message: "first\n" });
    repository.switchTo("side");
    repository.add("b", bytes("b\n"));
    const side = repository.commit({ author: WHO, message: "side\n" });
    repository.switchTo(options.branch ?? "master");
    assertEquals(repository.entries().map(([path]) => path), ["a"]);
    repository.add("a", bytes("a\nmore\n"));
    const second = repository.commit({ author: WHO, message: "second\n" });
    const merged = mergeCommits(repository.objects, second, side);
    assertEquals(merged.conflicts, []);
    repository.readTree(merged.tree);
    const merge = repository.commit({ author: WHO, message: "merge\n", merges: [side] });
    const log = await Array.fromAsync(repository.log());
    assertEquals(log[0]!.id, merge);
    assertEquals(log[0]!.commit.parents, [second, side]);
    assertEquals(log.map((one) => one.id).sort(), [first, side, second, merge].sort());
    const [, entry] = repository.entries().find(([path]) => path === "a")!;
    assertEquals(readBlob(repository.objects, entry.id), bytes("a\nmore\n"));
  }
});

Deno.test("`MemoryRepository.log()` stops when its signal is aborted", async () => {
  const repository = MemoryRepository.init();
  for (let i = 0; i < 10; i++) repository.commit({ author: WHO, message: `${i}\n` });
  const controller = new AbortController();
  let seen = 0;
  await assertRejects(
    async () => {
      for await (const _ of repository.log({ signal: controller.signal })) {
        if (++seen === 3) controller.abort(new Error("enough"));
      }
    },
    Error,
    "enough",
  );
  assertEquals(seen, 3);
});

Deno.test("`MemoryRepository.add()` refuses unsafe paths, and a file takes a directory's place", () => {
  const repository = MemoryRepository.init();
  for (const path of ["../a", ".git/config", "a/.GIT/b", "/a", "a//b", ""]) {
    assertThrows(() => repository.add(path, bytes("x")), GitError);
  }
  repository.add("a/b", bytes("1"));
  repository.add("a", bytes("2"));
  assertEquals(repository.entries().map(([path]) => path), ["a"]);
});

Deno.test("`MemoryRefStore` compares and swaps, follows symbolic refs and refuses conflicts", () => {
  const refs = new MemoryRefStore();
  const [a, b] = ["1".repeat(40), "2".repeat(40)];
  refs.setSymbolic("HEAD", "refs/heads/main");
  refs.update("HEAD", a, "0".repeat(40));
  assertEquals(refs.list(), [{ name: "refs/heads/main", id: a }]);
  assertThrows(() => refs.update("refs/heads/main", b, b), GitError, "but expected");
  assertThrows(() => refs.update("refs/heads/main/x", b), GitError, "exists");
  assertThrows(() => refs.update("refs/heads/..", b), GitError, "not a valid");
  refs.update("refs/heads/main", "0".repeat(40), a);
  assertEquals(refs.id("HEAD"), undefined);
  refs.setSymbolic("refs/a", "refs/b");
  refs.setSymbolic("refs/b", "refs/a");
  assertThrows(() => refs.id("refs/a"), GitError, "too deep");
  assertThrows(() => refs.update("refs/a", a), GitError, "too deep");
});
