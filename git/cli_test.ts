import { assertEquals, assertStringIncludes } from "@std/assert";
import { HAVE_GIT, ourGit, realGit } from "./_test_support.ts";

const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

Deno.test({
  name: `\`git\` the transcript's session agrees with real git at each step${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    try {
      assertEquals((await ourGit(cwd, "init", "-q")).code, 0);
      assertStringIncludes((await ourGit(cwd, "status")).out, "No commits yet");
      await Deno.writeTextFile(`${cwd}/hello.txt`, "Hello, World!\n");
      assertEquals((await ourGit(cwd, "add", "hello.txt")).code, 0);
      assertEquals((await ourGit(cwd, "status")).out, (await realGit(cwd, "status")).out);
      const made = await ourGit(cwd, "commit", "-m", "Initial commit");
      assertStringIncludes(
        made.out,
        " 1 file changed, 1 insertion(+)\n create mode 100644 hello.txt\n",
      );
      assertStringIncludes(
        (await realGit(cwd, "cat-file", "-p", "HEAD")).out,
        "tree bc225ea23f53f06c0c5bd3ba2be85c2120d68417",
      );
      await ourGit(cwd, "branch", "feature");
      assertEquals(
        (await ourGit(cwd, "checkout", "feature")).err,
        "Switched to branch 'feature'\n",
      );
      await Deno.writeTextFile(`${cwd}/hello.txt`, "Hello, World!\nNew feature\n");
      await ourGit(cwd, "add", "hello.txt");
      await ourGit(cwd, "commit", "-m", "Add feature");
      await ourGit(cwd, "checkout", "master");
      assertStringIncludes(
        (await ourGit(cwd, "merge", "feature")).out,
        "Fast-forward\n hello.txt | 1 +\n",
      );
      assertEquals((await realGit(cwd, "fsck", "--strict")).code, 0);
      assertEquals((await ourGit(cwd, "log", "-p")).out, (await realGit(cwd, "log", "-p")).out);
      assertEquals((await realGit(cwd, "status", "--porcelain")).out, "");
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});

Deno.test({
  name: `\`git merge\` of diverged branches writes the tree that real git writes${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    try {
      await realGit(cwd, "init", "-q", "-b", "master");
      const lines = (change: Record<number, string>): string =>
        Array.from({ length: 20 }, (_, i) => `${change[i] ?? `line ${i}`}\n`).join("");
      await Deno.writeTextFile(`${cwd}/a`, lines({}));
      await realGit(cwd, "add", ".");
      await realGit(cwd, "commit", "-qm", "base");
      await realGit(cwd, "checkout", "-qb", "side");
      await realGit(cwd, "mv", "a", "b");
      await Deno.writeTextFile(`${cwd}/b`, lines({ 2: "side" }));
      await realGit(cwd, "commit", "-qam", "side");
      await realGit(cwd, "checkout", "-q", "master");
      await Deno.writeTextFile(`${cwd}/a`, lines({ 15: "master" }));
      await realGit(cwd, "commit", "-qam", "master");
      const theirs = await realGit(cwd, "merge-tree", "--write-tree", "master", "side");
      assertEquals(
        (await ourGit(cwd, "merge-tree", "--write-tree", "master", "side")).out,
        theirs.out,
      );
      assertEquals((await ourGit(cwd, "merge", "-m", "m", "side")).code, 0);
      assertEquals((await realGit(cwd, "rev-parse", "HEAD^{tree}")).out, theirs.out);
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});
