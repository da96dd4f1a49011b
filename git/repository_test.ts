import { assertEquals, assertThrows } from "@std/assert";
import { GitError } from "./errors.ts";
import { discoverRepository, Repository } from "./repository.ts";

Deno.test("`discoverRepository()` opens a stranger's repository only where `safe.directory` says so", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const home = `${root}/home`, work = `${home}/work`, bare = `${root}/bare.git`;
  try {
    await Deno.mkdir(home);
    Repository.init(work).close();
    Repository.init(bare, { bare: true }).close();
    const find = async (
      path: string,
      settings: string,
      variables: Record<string, string> = {},
    ): Promise<boolean> => {
      await Deno.writeTextFile(`${home}/.gitconfig`, settings);
      const values: Record<string, string> = {
        HOME: home,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_TEST_ASSUME_DIFFERENT_OWNER: "1",
        ...variables,
      };
      try {
        return discoverRepository(path, { get: (name) => values[name] }) !== undefined;
      } catch (error) {
        assertEquals((error as GitError).code, "unsafe");
        return false;
      }
    };
    const safe = (...values: string[]): string =>
      `[safe]\n${values.map((value) => `\tdirectory = ${value}\n`).join("")}`;
    assertEquals(await find(work, ""), false);
    assertEquals(await find(work, safe(work)), true);
    assertEquals(await find(`${work}/.git`, safe(work)), false);
    assertEquals(await find(work, safe(`${work}/`)), true);
    assertEquals(await find(work, safe(home)), false);
    assertEquals(await find(work, safe("~/work")), true);
    assertEquals(await find(work, safe('"*"')), true);
    assertEquals(await find(work, safe('"*"', '""')), false);
    assertEquals(await find(work, safe('"*"', '""', work)), true);
    assertEquals(await find(bare, safe(bare)), true);
    assertEquals(await find(bare, safe(work)), false);
    // The command line counts, the repository's own file does not.
    assertEquals(
      await find(work, "", { GIT_CONFIG_PARAMETERS: `'safe.directory'='${work}'` }),
      true,
    );
    const file = `${work}/.git/config`;
    await Deno.writeTextFile(file, await Deno.readTextFile(file) + safe('"*"'));
    assertEquals(await find(work, ""), false);
    assertEquals(await find(work, "", { GIT_TEST_ASSUME_DIFFERENT_OWNER: "0" }), true);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("`discoverRepository()` stops at ceilings and says what a `.git` file lacks", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    Repository.init(root).close();
    await Deno.mkdir(`${root}/a/b`, { recursive: true });
    const find = (path: string, variables: Record<string, string> = {}) =>
      discoverRepository(path, { get: (name) => variables[name] });
    assertEquals(find(`${root}/a/b`)?.prefix, "a/b/");
    assertEquals(find(`${root}/a/b`, { GIT_CEILING_DIRECTORIES: root }), undefined);
    assertEquals(find(`${root}/a/b`, { GIT_CEILING_DIRECTORIES: `${root}/a` }), undefined);
    assertEquals(find(root, { GIT_CEILING_DIRECTORIES: root })?.prefix, "");
    await Deno.writeTextFile(`${root}/a/.git`, "nonsense\n");
    assertThrows(() => find(`${root}/a`), GitError, "invalid gitfile format");
    await Deno.writeTextFile(`${root}/a/.git`, `gitdir: ${root}/nowhere\n`);
    assertThrows(() => find(`${root}/a`), GitError, "not a git repository");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
