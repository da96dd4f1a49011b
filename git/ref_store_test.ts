import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encodeText, fromByteString, fromHex, toByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { LockFile } from "./lock_file.ts";
import { mergeBases } from "./merge_base.ts";
import { formatCommit, parseTree } from "./objects.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { FileRefStore } from "./ref_store.ts";

const A = "1".repeat(40), B = "2".repeat(40), ZERO = "0".repeat(40);

function inStore(run: (refs: FileRefStore, root: string) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/refs/heads`, { recursive: true });
    Deno.writeTextFileSync(`${root}/HEAD`, "ref: refs/heads/main\n");
    const path = encodeText(root);
    run(new FileRefStore(path, path, SHA1, { fsync: false }), root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("`FileRefStore` changes a ref only from the value it is said to have", () => {
  inStore((refs) => {
    const name = "refs/heads/main";
    const refused = (oldId: string, newId: string): string => {
      const error = assertThrows(() => refs.update({ name, newId, oldId }), GitError);
      assertEquals(error.code, "conflict");
      return error.message;
    };
    assertStringIncludes(refused(A, B), "unable to resolve reference");
    refs.update({ name, newId: A, oldId: ZERO });
    assertStringIncludes(refused(ZERO, B), "reference already exists");
    assertStringIncludes(refused(B, B), `is at ${A} but expected ${B}`);
    refs.update({ name: "HEAD", newId: B, oldId: A });
    assertEquals([refs.id(name), refs.id("HEAD")], [B, B]);
  });
});

Deno.test("`FileRefStore.transaction()` is all or nothing", () => {
  inStore((refs, root) => {
    refs.update({ name: "refs/heads/a", newId: A });
    assertThrows(() =>
      refs.transaction([
        { name: "refs/heads/a", newId: B },
        { name: "refs/heads/b", newId: B, oldId: A },
      ]), GitError);
    assertEquals([refs.id("refs/heads/a"), refs.id("refs/heads/b")], [A, undefined]);
    assertEquals([...Deno.readDirSync(`${root}/refs/heads`)].map((entry) => entry.name), ["a"]);
  });
});

Deno.test("`FileRefStore` deletes a ref from packed-refs too", () => {
  inStore((refs, root) => {
    refs.update({ name: "refs/heads/a", newId: A });
    refs.update({ name: "refs/heads/b", newId: B });
    refs.pack({ all: true });
    assertEquals([...Deno.readDirSync(`${root}/refs`)].length <= 1, true);
    assertEquals([refs.isPacked("refs/heads/a"), refs.id("refs/heads/a")], [true, A]);
    refs.update({ name: "refs/heads/a", newId: ZERO, oldId: A });
    assertEquals(refs.id("refs/heads/a"), undefined);
    refs.invalidate();
    assertEquals(refs.list().map((ref) => ref.name), ["refs/heads/b"]);
  });
});

Deno.test("`FileRefStore` refuses a ref where a directory of refs is, loose and packed", () => {
  inStore((refs) => {
    refs.update({ name: "refs/heads/a/b", newId: A });
    for (const packed of [false, true]) {
      if (packed) refs.pack({ all: true });
      for (const name of ["refs/heads/a", "refs/heads/a/b/c"]) {
        const error = assertThrows(() => refs.update({ name, newId: A }), GitError);
        assertStringIncludes(error.message, "'refs/heads/a/b' exists; cannot create");
      }
    }
    refs.update({ name: "refs/heads/a/b", newId: ZERO });
    refs.update({ name: "refs/heads/a", newId: A });
    assertEquals(refs.id("refs/heads/a"), A);
  });
});

Deno.test("`LockFile` is held by one, and gives up what it wrote unless committed", () => {
  const root = Deno.makeTempDirSync();
  try {
    const path = encodeText(`${root}/x`);
    Deno.writeTextFileSync(`${root}/x`, "old");
    {
      using lock = LockFile.take(path);
      lock.write("new");
      const error = assertThrows(() => LockFile.take(path), GitError, "File exists");
      assertEquals(error.code, "locked");
    }
    assertEquals(Deno.readTextFileSync(`${root}/x`), "old");
    using lock = LockFile.take(path);
    lock.write("new");
    lock.commit(false);
    assertEquals(Deno.readTextFileSync(`${root}/x`), "new");
    assertEquals([...Deno.readDirSync(root)].map((entry) => entry.name), ["x"]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("`mergeBases()` leaves out what another base reaches, and gives both of a criss-cross", () => {
  const store = new MemoryObjectStore();
  const tree = store.write("tree", new Uint8Array(0));
  let time = 0;
  const commit = (...parents: string[]): string => {
    const who = `A <a> ${++time} +0000`;
    return store.write(
      "commit",
      formatCommit({ tree, parents, author: who, committer: who, extra: [], message: "" }),
    );
  };
  const root = commit();
  const a = commit(root), b = commit(root);
  const left = commit(a, b), right = commit(b, a);
  assertEquals(mergeBases(store, left, [right]).toSorted(), [a, b].toSorted());
  assertEquals(mergeBases(store, a, [b]), [root]);
  assertEquals(mergeBases(store, left, [a]), [a]);
  const late = commit(left), other = commit(left, root);
  assertEquals(mergeBases(store, late, [other]), [left]);
  assertEquals(mergeBases(store, root, [commit()]), []);
});

Deno.test("`parseTree()` refuses entries that end early", () => {
  const whole = fromByteString(`100644 a\0${toByteString(fromHex(A))}`);
  assertEquals(parseTree(whole, SHA1).length, 1);
  for (let end = 1; end < whole.length; end++) {
    const error = assertThrows(() => parseTree(whole.subarray(0, end), SHA1), GitError);
    assertEquals(error.code, "corrupt", String(end));
  }
});
