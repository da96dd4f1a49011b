import { assertEquals, assertStringIncludes } from "@std/assert";
import { HAVE_GIT, ourGit, ourGitHere, realGit } from "./_test_support.ts";

const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

Deno.test({
  name: `\`git\` the transcript's session agrees with real git at each step${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    try {
      assertEquals((await ourGit(cwd, "init", "-q")).code, 0);
      assertStringIncludes((await ourGitHere(cwd, "status")).out, "No commits yet");
      await Deno.writeTextFile(`${cwd}/hello.txt`, "Hello, World!\n");
      assertEquals((await ourGitHere(cwd, "add", "hello.txt")).code, 0);
      assertEquals((await ourGitHere(cwd, "status")).out, (await realGit(cwd, "status")).out);
      const made = await ourGit(cwd, "commit", "-m", "Initial commit");
      assertStringIncludes(
        made.out,
        " 1 file changed, 1 insertion(+)\n create mode 100644 hello.txt\n",
      );
      assertStringIncludes(
        (await realGit(cwd, "cat-file", "-p", "HEAD")).out,
        "tree bc225ea23f53f06c0c5bd3ba2be85c2120d68417",
      );
      await ourGitHere(cwd, "branch", "feature");
      assertEquals(
        (await ourGitHere(cwd, "checkout", "feature")).err,
        "Switched to branch 'feature'\n",
      );
      await Deno.writeTextFile(`${cwd}/hello.txt`, "Hello, World!\nNew feature\n");
      await ourGitHere(cwd, "add", "hello.txt");
      await ourGitHere(cwd, "commit", "-m", "Add feature");
      await ourGitHere(cwd, "checkout", "master");
      assertStringIncludes(
        (await ourGitHere(cwd, "merge", "feature")).out,
        "Fast-forward\n hello.txt | 1 +\n",
      );
      assertEquals((await realGit(cwd, "fsck", "--strict")).code, 0);
      assertEquals((await ourGitHere(cwd, "log", "-p")).out, (await realGit(cwd, "log", "-p")).out);
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
        (await ourGitHere(cwd, "merge-tree", "--write-tree", "master", "side")).out,
        theirs.out,
      );
      assertEquals((await ourGitHere(cwd, "merge", "-m", "m", "side")).code, 0);
      assertEquals((await realGit(cwd, "rev-parse", "HEAD^{tree}")).out, theirs.out);
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});

Deno.test({
  name: `\`git\` reads what real git writes at each step of the transcript's session${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    const agree = async (...args: string[]): Promise<void> => {
      const ours = await ourGitHere(cwd, ...args), theirs = await realGit(cwd, ...args);
      assertEquals([ours.code, ours.out], [theirs.code, theirs.out], args.join(" "));
    };
    const check = async (): Promise<void> => {
      await agree("status");
      await agree("log", "--oneline", "--graph", "--all");
      await agree("cat-file", "-p", "HEAD");
      await agree("fsck", "--strict");
    };
    try {
      await realGit(cwd, "init", "-q", "-b", "master");
      await agree("status");
      await Deno.writeTextFile(`${cwd}/hello.txt`, "Hello, World!\n");
      await realGit(cwd, "add", "hello.txt");
      await agree("status");
      await agree("diff", "--cached");
      await realGit(cwd, "commit", "-qm", "Initial commit");
      await check();
      await realGit(cwd, "checkout", "-qb", "feature");
      await Deno.writeTextFile(`${cwd}/hello.txt`, "Hello, World!\nNew feature\n");
      await agree("diff");
      await realGit(cwd, "commit", "-qam", "Add feature");
      await check();
      await realGit(cwd, "checkout", "-q", "master");
      await realGit(cwd, "merge", "-q", "--no-ff", "-m", "merged", "feature");
      await check();
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});

/** A hook that leaves its name, its arguments and what it can see in a file. */
async function writeHook(directory: string, name: string, body = ""): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(
    `${directory}/${name}`,
    `#!/bin/sh\necho "${name} $*" >>"$(git rev-parse --show-toplevel)/../hooks.log"\n${body}\n`,
  );
  await Deno.chmod(`${directory}/${name}`, 0o755);
}

Deno.test({
  name: `\`git\` runs the hooks of a client where real git runs them${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    const cwd = `${root}/work`, hooks = `${root}/hooks`;
    const names = [
      "pre-commit",
      "prepare-commit-msg",
      "commit-msg",
      "post-commit",
      "pre-merge-commit",
      "post-checkout",
      "post-merge",
      "pre-rebase",
      "post-rewrite",
      "pre-push",
    ];
    const session = async (git: typeof realGit): Promise<string[]> => {
      await realGit(root, "init", "-q", "--bare", "hub.git");
      await realGit(root, "init", "-q", "-b", "master", "work");
      await realGit(cwd, "config", "core.hooksPath", hooks);
      await realGit(cwd, "remote", "add", "hub", `${root}/hub.git`);
      const commit = async (file: string): Promise<void> => {
        await Deno.writeTextFile(`${cwd}/${file}`, `${file}\n`);
        await git(cwd, "add", file);
        await git(cwd, "commit", "-qm", file);
      };
      await commit("a");
      await git(cwd, "checkout", "-q", "-b", "side");
      await commit("b");
      await git(cwd, "checkout", "-q", "master");
      await commit("c");
      await git(cwd, "merge", "-q", "-m", "merged", "side");
      await git(cwd, "commit", "-q", "--amend", "-m", "again");
      await git(cwd, "checkout", "-q", "-b", "third", "HEAD^1");
      await commit("d");
      await git(cwd, "rebase", "-q", "master");
      await git(cwd, "push", "-q", "hub", "third");
      const log = await Deno.readTextFile(`${root}/hooks.log`);
      await Deno.remove(`${root}/hooks.log`);
      await Deno.remove(cwd, { recursive: true });
      await Deno.remove(`${root}/hub.git`, { recursive: true });
      return log.trimEnd().split("\n");
    };
    try {
      for (const name of names) await writeHook(hooks, name);
      const theirs = await session(realGit);
      const ours = await session(ourGitHere);
      assertEquals(ours, theirs);
      for (const name of names) {
        assertEquals(ours.some((line) => line.startsWith(`${name} `)), true, name);
      }
      // A hook that refuses: nothing is committed, and `--no-verify` gets past it.
      await writeHook(hooks, "pre-commit", "exit 1");
      await realGit(root, "init", "-q", "work");
      await realGit(cwd, "config", "core.hooksPath", hooks);
      assertEquals((await ourGitHere(cwd, "commit", "--allow-empty", "-m", "x")).code, 1);
      assertEquals((await realGit(cwd, "rev-parse", "-q", "--verify", "HEAD")).code, 1);
      assertEquals(
        (await ourGitHere(cwd, "commit", "--allow-empty", "-n", "-q", "-m", "x")).code,
        0,
      );
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test("`git` ends with 129 and the usage for an option that it does not know", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    await ourGitHere(cwd, "init", "-q");
    for (
      const command of ["add", "branch", "commit", "config", "log", "ls-files", "status", "tag"]
    ) {
      const ran = await ourGitHere(cwd, command, "--no-such-option");
      assertEquals([ran.code === 129 || ran.code === 128, ran.out], [true, ""], command);
    }
    assertEquals((await ourGitHere(cwd, "status", "--no-such-option")).code, 129);
    assertStringIncludes((await ourGitHere(cwd, "status", "--no-such")).err, "usage: git status");
    assertEquals((await ourGitHere(cwd, "rev-parse", "--verify", "nothing")).code, 128);
    assertEquals((await ourGitHere(cwd, "no-such-command")).code, 1);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test({
  name: `\`git clean\` leaves ignored files and repositories inside alone${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    const build = async (cwd: string): Promise<void> => {
      await realGit(root, "init", "-q", cwd);
      for (const path of ["foo/bar", "foo/clean", "baz/boo/.git", "sub/deep"]) {
        await Deno.mkdir(`${cwd}/${path}`, { recursive: true });
      }
      await Deno.writeTextFile(`${cwd}/.gitignore`, "*.ign\n");
      await realGit(cwd, "add", ".");
      await realGit(root, "init", "-q", `${cwd}/baz/boo`);
      for (
        const path of ["foo/a", "foo/x.ign", "foo/bar/b", "foo/clean/c", "sub/deep/s", "baz/q"]
      ) {
        await Deno.writeTextFile(`${cwd}/${path}`, "");
      }
    };
    const tree = async (cwd: string): Promise<string> =>
      (await realGit(
        cwd,
        "-c",
        "core.excludesFile=",
        "status",
        "--porcelain",
        "--ignored",
        "-uall",
      ))
        .out;
    try {
      const theirs = `${root}/theirs`, ours = `${root}/ours`;
      await build(theirs);
      await build(ours);
      for (const options of ["-nd", "-fd", "-fdX", "-ffdx"]) {
        assertEquals(
          (await ourGitHere(ours, "clean", options)).out,
          (await realGit(theirs, "clean", options)).out,
          options,
        );
        assertEquals(await tree(ours), await tree(theirs), options);
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
