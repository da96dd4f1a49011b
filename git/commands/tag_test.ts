import { assertEquals, assertStringIncludes } from "@std/assert";
import { HAVE_GIT, ourGitHere, realGit } from "../_test_support.ts";

const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

Deno.test({
  name: `\`git tag\` and \`git for-each-ref\` list, order and filter as real git does${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    const agree = async (...args: string[]): Promise<void> => {
      const ours = await ourGitHere(cwd, ...args), theirs = await realGit(cwd, ...args);
      assertEquals([ours.code, ours.out], [theirs.code, theirs.out], args.join(" "));
    };
    try {
      await realGit(cwd, "init", "-q", "-b", "master");
      await realGit(cwd, "commit", "-q", "--allow-empty", "-m", "one");
      await ourGitHere(cwd, "tag", "v1.9");
      await ourGitHere(cwd, "tag", "-m", "subject\n\nbody\nmore", "v1.10-rc1");
      await realGit(cwd, "commit", "-q", "--allow-empty", "-m", "two");
      await ourGitHere(cwd, "tag", "-a", "-m", "second", "v1.10");
      const nested = await ourGitHere(cwd, "tag", "-m", "a tag of a tag", "outer", "v1.10");
      assertStringIncludes(nested.err, "hint: You have created a nested tag.");
      await ourGitHere(cwd, "branch", "old", "HEAD^");
      assertEquals((await realGit(cwd, "fsck", "--strict")).code, 0);
      for (
        const args of [
          [],
          ["-n3"],
          ["-n0"],
          ["--sort=version:refname"],
          ["--sort=-taggerdate", "--sort=refname"],
          ["--points-at", "HEAD"],
          ["--points-at", "v1.10", "-l"],
          ["--contains", "HEAD^"],
          ["--no-contains", "HEAD"],
          ["--merged", "old"],
          ["--no-merged", "old"],
          ["-l", "--column=always", "v*"],
        ]
      ) await agree("tag", ...args);
      await realGit(cwd, "config", "versionsort.suffix", "-rc");
      await agree("tag", "--sort=version:refname");
      await agree("branch", "--merged", "HEAD");
      await agree("branch", "--contains", "HEAD^");
      await agree("for-each-ref", "--sort=-raw:size", "--format=%(refname) %(raw:size)");
      await agree("for-each-ref", "--format=%(refname:short) %(*objectname) %(contents:body)");
      await agree("branch", "--merged", "0000000000000000000000000000000000000000");
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});
