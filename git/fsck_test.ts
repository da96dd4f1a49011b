import { assertEquals } from "@std/assert";
import { concatBytes, fromByteString } from "./_bytes.ts";
import { checkObject, SettingsFiles } from "./fsck.ts";
import { SHA1 } from "./hash_algorithm.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("`SettingsFiles` finds what a `.gitmodules` or `.gitattributes` could do", () => {
  const settings = new SettingsFiles();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((x) => x.repeat(40));
  settings.addTree([
    { name: ".gitmodules", mode: 0o100644, id: a! },
    { name: "GITMOD~1", mode: 0o100755, id: b! },
    { name: ".gitattributes", mode: 0o100644, id: c! },
    { name: "readme", mode: 0o100644, id: d! },
    { name: ".gitmodules", mode: 0o120000, id: "e".repeat(40) },
  ]);
  assertEquals(settings.ids(), [a, b, c]);
  const found = (text: string): string[] => settings.check(a!, bytes(text)).map(({ id }) => id);
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
  const long = bytes(`x ${"a".repeat(2046)}\n`);
  assertEquals(settings.check(c!, long).map(({ id }) => id), ["gitattributesLineLength"]);
  assertEquals(settings.check(c!, long.subarray(1)), []);
  assertEquals(settings.check(d!, bytes("[submodule")), []);
});

Deno.test("`checkObject()` names links in the place of files that Git reads", () => {
  const raw = bytes("\x01".repeat(20));
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
