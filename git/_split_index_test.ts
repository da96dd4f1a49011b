import { assertEquals, assertThrows } from "@std/assert";
import { parseSplitLink } from "./_split_index.ts";
import { HAVE_GIT, ourGitHere, realGit } from "./_test_support.ts";
import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";

const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

Deno.test({
  name: `\`readIndex()\` puts a split index together as real git does${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    const agree = async (): Promise<void> => {
      for (const args of [["ls-files", "-s"], ["status", "--porcelain"]]) {
        assertEquals((await ourGitHere(cwd, ...args)).out, (await realGit(cwd, ...args)).out);
      }
    };
    try {
      await realGit(cwd, "init", "-q");
      for (let i = 0; i < 150; i++) await Deno.writeTextFile(`${cwd}/file${i}`, `${i}\n`);
      await realGit(cwd, "add", ".");
      await realGit(cwd, "commit", "-qm", "base");
      await realGit(cwd, "config", "splitIndex.maxPercentChange", "100");
      await realGit(cwd, "update-index", "--split-index");
      await agree();
      for (const i of [0, 3, 64, 70, 149]) await Deno.writeTextFile(`${cwd}/file${i}`, "changed\n");
      await Deno.writeTextFile(`${cwd}/added`, "new\n");
      await realGit(cwd, "add", "file0", "file3", "file64", "file70", "file149", "added");
      await realGit(cwd, "rm", "-q", "file1", "file65", "file148");
      await agree();
      await realGit(
        cwd,
        "rm",
        "-q",
        "--cached",
        ...Array.from({ length: 50 }, (_, i) => `file${i + 10}`),
      );
      await agree();
      // What we write is whole, and real git goes on with it.
      await Deno.writeTextFile(`${cwd}/file5`, "ours\n");
      assertEquals((await ourGitHere(cwd, "add", "file5")).code, 0);
      await agree();
      for (const args of [["--untracked-cache"], ["--index-version", "4"]]) {
        await realGit(cwd, "update-index", ...args);
        await realGit(cwd, "status");
        await agree();
      }
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});

Deno.test("`parseSplitLink()` refuses bitmaps that are cut or too long", () => {
  const whole = new Uint8Array(20 + 12 + 8);
  assertThrows(() => parseSplitLink(whole.subarray(0, 10), SHA1, 100), GitError, "too short");
  assertThrows(() => parseSplitLink(whole.subarray(0, 25), SHA1, 100), GitError, "corrupt link");
  const long = whole.slice();
  long.set([0, 1, 0, 0], 20);
  assertThrows(() => parseSplitLink(long, SHA1, 100), GitError, "corrupt link");
  const words = whole.slice();
  words.set([0xff, 0xff, 0xff, 0xff], 24);
  assertThrows(() => parseSplitLink(words, SHA1, 100), GitError, "corrupt link");
});
