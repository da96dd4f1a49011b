import { assertEquals } from "@std/assert";
import { concatBytes, fromByteString } from "./_bytes.ts";
import { checkObject, ObjectChecker } from "./fsck.ts";
import { SHA1 } from "./hash_algorithm.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A tree of entries `mode name`, in the order given. */
function tree(...entries: string[]): Uint8Array {
  return concatBytes(
    entries.flatMap((entry) => [encode(`${entry}\0`), new Uint8Array(20).fill(0x11)]),
  );
}

function names(data: Uint8Array): string[] {
  return checkObject("tree", data, SHA1).map(({ id }) => id);
}

Deno.test("`checkObject()` finds what is wrong with trees", () => {
  assertEquals(names(tree("100644 a", "40000 a.b", "100755 b")), []);
  assertEquals(names(tree("100644 a", "40000 a")), ["duplicateEntries"]);
  assertEquals(names(tree("100644 x", "100644 x.1", "40000 x")), ["duplicateEntries"]);
  assertEquals(names(tree("100644 x", "100644 x.1", "100644 x.1.2", "40000 x")), [
    "duplicateEntries",
  ]);
  assertEquals(names(tree("100644 b", "100644 a")), ["treeNotSorted"]);
  assertEquals(names(tree("040000 a")), ["zeroPaddedFilemode"]);
  assertEquals(names(tree("100600 a")), ["badFilemode"]);
  assertEquals(names(tree("100644 a/b")), ["fullPathname"]);
  for (
    const name of [".git", ".GIT", "git~1", ".git.", ".git ", ".git\\x", "a\\.git", ".g\u200cit"]
  ) {
    assertEquals(names(tree(`100644 ${name}`)), ["hasDotgit"], name);
  }
  assertEquals(names(tree("100644 .")), ["hasDot"]);
  assertEquals(names(tree("40000 ..")), ["hasDotdot"]);
  assertEquals(names(tree("120000 .gitmodules")), ["gitmodulesSymlink"]);
  assertEquals(names(tree("120000 GITMOD~1")), ["gitmodulesSymlink"]);
  assertEquals(names(tree("120000 gi7eba~1")), ["gitmodulesSymlink"]);
  assertEquals(names(tree("120000 .gitignore")), ["gitignoreSymlink"]);
  const whole = tree("100644 a");
  for (let length = 1; length < whole.length; length++) {
    assertEquals(names(whole.slice(0, length)), ["badTree"], `${length}`);
  }
  const zero = tree("100644 a").fill(0, 9);
  assertEquals(names(zero), ["nullSha1"]);
});

Deno.test("`ObjectChecker` finds what a `.gitmodules` or `.gitattributes` could do", () => {
  const id = "11".repeat(20), top = "2".repeat(40);
  const found = (text: string): string[] => {
    const checker = new ObjectChecker(SHA1);
    checker.check(top, "tree", tree("100755 GITMOD~1"));
    return checker.check(id, "blob", encode(text)).map((one) => one.id);
  };
  for (
    const [name, line, wanted] of [
      ["a", "url = https://example.com/a", undefined],
      ["a", "url = ../sibling", undefined],
      ["a", "url = git@example.com:a", undefined],
      ["a", "url = http:x", undefined],
      ["a..b", "path = b", undefined],
      ["../a", "path = b", "gitmodulesName"],
      ["a/../b", "path = b", "gitmodulesName"],
      ["a\\\\..", "path = b", "gitmodulesName"],
      ["a", "url = -u", "gitmodulesUrl"],
      ["a", "url = ./a%0ab", "gitmodulesUrl"],
      ["a", "url = git://a/b%0Ac", "gitmodulesUrl"],
      ["a", "url = ../../:x", "gitmodulesUrl"],
      ["a", "url = https:///x", "gitmodulesUrl"],
      ["a", "url = https::https:///x", "gitmodulesUrl"],
      ["a", "url = https://x/%0ahost=y", "gitmodulesUrl"],
      ["a", "path = -p", "gitmodulesPath"],
      ["a", "update = !rm -rf /", "gitmodulesUpdate"],
      ["a", "update = rebase", undefined],
    ] as const
  ) {
    assertEquals(
      found(`[submodule "${name}"]\n\t${line}\n`),
      wanted === undefined ? [] : [wanted],
      `${name} ${line}`,
    );
  }
  assertEquals(found("[submodule"), ["gitmodulesParse"]);
  const long = encode(`x ${"a".repeat(2046)}\n`);
  const attributes = new ObjectChecker(SHA1);
  attributes.check(top, "tree", tree("100644 .gitattributes"));
  assertEquals(attributes.check("3".repeat(40), "blob", long), []);
  assertEquals(attributes.check(id, "blob", long).map((one) => one.id), [
    "gitattributesLineLength",
  ]);
  // A blob that came before the tree that names it is read again at the end.
  const late = new ObjectChecker(SHA1);
  assertEquals(late.check(id, "blob", long), []);
  late.check(top, "tree", tree("100644 .gitattributes"));
  assertEquals(
    [...late.finish(() => ({ type: "blob", data: long }))].map((one) => one.problem.id),
    [
      "gitattributesLineLength",
    ],
  );
  assertEquals([...late.finish(() => ({ type: "blob", data: long }))], []);
  const other = new ObjectChecker(SHA1);
  other.check(top, "tree", tree("100644 .gitmodules"));
  assertEquals([...other.finish(() => undefined)].map((one) => one.problem.id), [
    "gitmodulesMissing",
  ]);
  const data = new Uint8Array(0);
  assertEquals([...other.finish(() => ({ type: "tree", data }))].map((one) => one.problem.id), [
    "gitmodulesBlob",
  ]);
});

Deno.test("`ObjectChecker` goes by the severities it is given", () => {
  const data = tree("040000 a");
  const id = "2".repeat(40);
  const told = (options: ConstructorParameters<typeof ObjectChecker>[1]): string[] =>
    new ObjectChecker(SHA1, options).check(id, "tree", data).map(({ severity }) => severity);
  assertEquals(told({}), ["warn"]);
  assertEquals(told({ strict: true }), ["error"]);
  assertEquals(told({ severities: new Map([["zeropaddedfilemode", "error"]]) }), ["error"]);
  assertEquals(told({ severities: new Map([["zeropaddedfilemode", "ignore"]]) }), []);
  assertEquals(told({ skip: new Set([id]) }), []);
});

Deno.test("`checkObject()` names links in the place of files that Git reads", () => {
  const raw = encode("\x01".repeat(20));
  const check = (mode: string, name: string): string[] =>
    checkObject("tree", concatBytes([fromByteString(`${mode} ${name}\0`), raw]), SHA1)
      .map(({ id }) => id);
  assertEquals(check("120000", ".gitmodules"), ["gitmodulesSymlink"]);
  assertEquals(check("120000", "GI7EBA~1"), ["gitmodulesSymlink"]);
  assertEquals(check("120000", "gi7d2~12"), ["gitattributesSymlink"]);
  assertEquals(check("120000", ".gitignore. ."), ["gitignoreSymlink"]);
  assertEquals(check("120000", ".mailmap::$DATA"), ["mailmapSymlink"]);
  assertEquals(check("100644", ".gitmodules"), []);
  assertEquals(check("120000", "gitmodules"), []);
  assertEquals(check("40000", ".g\xe2\x80\x8dit"), ["hasDotgit"]);
  assertEquals(check("40000", "GIT~1"), ["hasDotgit"]);
  assertEquals(check("40000", "git~2"), []);
});
