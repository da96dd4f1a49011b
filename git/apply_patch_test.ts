import { assertEquals, assertThrows } from "@std/assert";
import { fromByteString, toByteString } from "./_bytes.ts";
import { applyHunks, parsePatches, PatchConflict, reversePatch } from "./apply_patch.ts";
import { writeTar, writeZip } from "./archive.ts";
import { formatBundleHeader, parseBundleHeader } from "./bundle.ts";
import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { Mailmap } from "./mailmap.ts";
import { isLeftOut, mapRef, parseRefspec, unmapRef } from "./refspec.ts";

const PATCH = `diff --git a/f b/f
index 1..2 100644
--- a/f
+++ b/f
@@ -1,3 +1,4 @@
 one
-two
+TWO
+2.5
 three
`;

function apply(before: string, patch: string, options = {}): string {
  return toByteString(applyHunks(fromByteString(before), parsePatches(patch)[0]!.hunks, options));
}

Deno.test("`applyHunks()` applies at an offset, backwards, and with less context", () => {
  assertEquals(apply("one\ntwo\nthree\n", PATCH), "one\nTWO\n2.5\nthree\n");
  assertEquals(apply("x\ny\none\ntwo\nthree\nz\n", PATCH), "x\ny\none\nTWO\n2.5\nthree\nz\n");
  const back = reversePatch(parsePatches(PATCH)[0]!);
  assertEquals(
    toByteString(applyHunks(fromByteString("one\nTWO\n2.5\nthree\n"), back.hunks)),
    "one\ntwo\nthree\n",
  );
  assertThrows(() => apply("one\nother\nthree\n", PATCH), PatchConflict);
  assertThrows(() => apply("one\ntwo\nchanged\n", PATCH), PatchConflict);
  assertEquals(apply("one\ntwo\nchanged\n", PATCH, { context: 0 }), "one\nTWO\n2.5\nchanged\n");
});

Deno.test("`parsePatches()` takes renames, quoted names, missing line feeds and plain diffs", () => {
  const [patch] = parsePatches(
    'diff --git "a/\\303\\244" b/new name\nsimilarity index 90%\nrename from "\\303\\244"\nrename to new name\n',
  );
  assertEquals([patch!.oldName, patch!.newName, patch!.isRename], ["\xc3\xa4", "new name", true]);
  assertEquals(
    apply("a", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"),
    "b\n",
  );
  assertEquals(parsePatches("--- x/f.orig\n+++ x/f\n@@ -1 +1 @@\n-a\n+b\n")[0]!.newName, "f");
});

Deno.test("`parsePatches()` refuses corrupt patches with `GitError`", () => {
  for (
    const bad of [
      "--- a/f\n+++ b/f\n@@ -1,3 +1 @@\n-a\n+b\n",
      "@@ -1 +1 @@\n-a\n+b\n",
      "diff --git a/f b/f\nnew file mode 12x\n",
      "diff --git a/f b/f\nindex 0..1\nGIT binary patch\nliteral 5\nzzzzzzz\n\n",
      "diff --git a/f b/f\nindex 0..1\nGIT binary patch\nliteral 99999999999\n\n",
    ]
  ) assertThrows(() => parsePatches(bad), GitError, undefined, bad);
});

Deno.test("`writeTar()` and `writeZip()` make the same bytes for the same tree", () => {
  const entries = [
    { path: "d/", mode: 0o40000, data: new Uint8Array(0) },
    { path: `d/${"n".repeat(150)}`, mode: 0o100755, data: fromByteString("hello\n") },
    { path: "l", mode: 0o120000, data: fromByteString("d") },
  ];
  const tar = [...writeTar(entries, { time: 100, commit: "0".repeat(40) })];
  const size = tar.reduce((sum, part) => sum + part.length, 0);
  assertEquals(size % 10240, 0);
  const zip = [...writeZip(entries, { time: 100 })];
  assertEquals(toByteString(zip[0]!, 0, 2), "PK");
});

Deno.test("`parseBundleHeader()` reads what `formatBundleHeader()` writes and refuses the rest", () => {
  const header = {
    version: 3,
    algorithm: SHA1,
    filter: "blob:none",
    prerequisites: [{ id: "a".repeat(40), comment: "subject" }],
    refs: [{ id: "b".repeat(40), name: "refs/heads/x" }],
  };
  const bytes = formatBundleHeader(header);
  const read = (data: Uint8Array) => (at: number, length: number) => data.subarray(at, at + length);
  assertEquals(parseBundleHeader(read(bytes)), { ...header, packOffset: bytes.length });
  for (
    const bad of ["", "# v9 git bundle\n\n", "# v2 git bundle\nxyz\n\n", "# v2 git bundle\n-a\n"]
  ) {
    assertThrows(() => parseBundleHeader(read(fromByteString(bad))), GitError, undefined, bad);
  }
});

Deno.test("`parseRefspec()` maps both ways and refuses unbalanced stars", () => {
  const spec = parseRefspec("+refs/heads/*:refs/remotes/o/*", "fetch");
  assertEquals(mapRef(spec, "refs/heads/a/b"), "refs/remotes/o/a/b");
  assertEquals(unmapRef(spec, "refs/remotes/o/x"), "refs/heads/x");
  assertEquals(mapRef(spec, "refs/tags/x"), undefined);
  assertEquals(isLeftOut([parseRefspec("^refs/heads/wip/*", "fetch")], "refs/heads/wip/x"), true);
  for (const bad of ["refs/*:x", "x:refs/*", "^a:b", "a..b", "refs/heads/*"]) {
    assertThrows(() => parseRefspec(bad, "fetch"), GitError, undefined, bad);
  }
  assertThrows(() => parseRefspec("a:", "push"), GitError);
});

Deno.test("`Mailmap.lookup()` prefers a name with its address to the address alone", () => {
  const map = new Mailmap();
  map.add("# x\nProper <p@x> <old@x>\nOther <o@x> Nick <old@x>\n<q@x> <r@x>\n");
  assertEquals(map.lookup("Any", "OLD@x"), { name: "Proper", email: "p@x" });
  assertEquals(map.lookup("nick", "old@x"), { name: "Other", email: "o@x" });
  assertEquals(map.lookup("R", "r@x"), { name: "R", email: "q@x" });
  assertEquals(map.lookup("Z", "z@x"), { name: "Z", email: "z@x" });
});
