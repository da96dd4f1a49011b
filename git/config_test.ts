import { assertEquals, assertThrows } from "@std/assert";
import { Config, editConfig, renameSection } from "./config.ts";
import { GitError } from "./errors.ts";
import { loadConfig } from "./repository.ts";

const unset = (text: string, key: string, all = false): string =>
  editConfig(text, "file x", key, undefined, { all }).text;

Deno.test("`editConfig()` drops a section with its last setting", () => {
  assertEquals(unset("[a]\n\tk = v\n[b]\n\tk = v\n", "a.k"), "[b]\n\tk = v\n");
  assertEquals(unset("[a]\n\tk = v\n", "a.k"), "");
  assertEquals(unset("[a]\n[a]\n\tk = v\n[a]\n", "a.k"), "");
  assertEquals(unset("[a]\n\tk = v\n\tk = w\n[b]\n", "a.k", true), "[b]\n");
});

Deno.test("`editConfig()` keeps a section beside which there is a comment", () => {
  assertEquals(unset("# about a\n[a]\n\tk = v\n", "a.k"), "# about a\n[a]\n");
  assertEquals(unset("[a]\n\tk = v\n# later\n", "a.k"), "[a]\n# later\n");
  assertEquals(unset("[a]\n; why\n\tk = v\n[b]\n", "a.k"), "[a]\n; why\n[b]\n");
  assertEquals(unset("[a]\n\tk = v # with it\n[b]\n", "a.k"), "[b]\n");
  assertEquals(unset("[a]\n\tk = v\n\tl = w\n", "a.k"), "[a]\n\tl = w\n");
});

Deno.test("`editConfig()` puts a setting into an old-fashioned section whatever its case", () => {
  assertEquals(
    editConfig("[V.A]\nr = one\n", "file x", "V.A.r", "two").text,
    "[V.A]\nr = one\n\tr = two\n",
  );
  assertEquals(
    editConfig('[v "A"]\nr = one\n', "file x", "v.a.r", "two").text,
    '[v "A"]\nr = one\n[v "a"]\n\tr = two\n',
  );
});

Deno.test("`renameSection()` refuses lines of half a megabyte", () => {
  assertThrows(
    () => renameSection(`[a]\n\tk = ${"x".repeat(530_000)}\n`, "file x", "a", "b"),
    GitError,
    "refusing to work with overly long line in 'x' on line 2",
  );
});

Deno.test("`Config.parse()` names the line of a mistake", () => {
  assertThrows(() => Config.parse("[a]\nb = c\n[broken\n", "x"), GitError, "bad config line 3");
  assertEquals(Config.parse("[a]\n\tb = 4k\n").int("a.b"), 4096);
});

Deno.test("`loadConfig()` includes by a remote's URL, wherever that is set", () => {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${directory}/inc`, "[user]\n\tname = included\n");
    Deno.writeTextFileSync(`${directory}/bad`, '[remote "y"]\n\turl = z\n');
    const write = (path: string, url: string): void =>
      Deno.writeTextFileSync(
        `${directory}/config`,
        `[includeIf "hasconfig:remote.*.url:https://h/**"]\n\tpath = ${path}\n[remote "o"]\n\turl = ${url}\n`,
      );
    const paths = { gitDir: directory, commonDir: directory, workTree: undefined };
    write("inc", "https://h/a/b");
    assertEquals(loadConfig({ paths }).get("user.name"), "included");
    write("inc", "https://other/a/b");
    assertEquals(loadConfig({ paths }).get("user.name"), undefined);
    write("bad", "https://other/a/b");
    assertThrows(
      () => loadConfig({ paths }),
      GitError,
      "remote URLs cannot be configured in file directly or indirectly included",
    );
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
