import { assertEquals } from "@std/assert";
import { HAVE_GIT, ourGit, realGit } from "../_test_support.ts";

const skipped = HAVE_GIT ? "" : " (skipped: git is not installed)";

Deno.test({
  name: `\`git cherry-pick\` of several commits stops at a conflict and goes on${skipped}`,
  ignore: !HAVE_GIT,
  fn: async () => {
    const directory = await Deno.makeTempDir();
    const real = async (...args: string[]): Promise<string> =>
      (await realGit(directory, ...args)).out.trim();
    const exists = async (name: string): Promise<boolean> => {
      try {
        await Deno.lstat(`${directory}/.git/${name}`);
        return true;
      } catch {
        return false;
      }
    };
    try {
      await real("init", "-q", "-b", "master");
      const commit = async (message: string, files: Record<string, string>): Promise<void> => {
        for (const [path, text] of Object.entries(files)) {
          await Deno.writeTextFile(`${directory}/${path}`, text);
        }
        await real("add", ".");
        await real("commit", "-q", "-m", message);
      };
      await commit("base", { a: "1\n", b: "1\n" });
      await real("checkout", "-q", "-b", "side");
      await commit("one", { a: "2\n" });
      await commit("two", { b: "2\n" });
      await commit("three", { c: "3\n" });
      await real("checkout", "-q", "master");
      await commit("own", { b: "own\n" });

      const stopped = await ourGit(directory, "cherry-pick", "-x", "master..side");
      assertEquals(stopped.code, 1);
      assertEquals(
        stopped.err.split("\n")[0]!.replace(/[0-9a-f]{7}/, "ID"),
        "error: could not apply ID... two",
      );
      assertEquals(await real("rev-parse", "CHERRY_PICK_HEAD"), await real("rev-parse", "side~1"));
      assertEquals(
        (await Deno.readTextFile(`${directory}/.git/sequencer/todo`)).replace(/[0-9a-f]{7}/g, "ID"),
        "pick ID two\npick ID three\n",
      );
      await Deno.writeTextFile(`${directory}/b`, "both\n");
      await real("add", "b");
      assertEquals((await ourGit(directory, "cherry-pick", "--continue")).code, 0);
      assertEquals(await real("log", "--reverse", "--format=%s"), "base\nown\none\ntwo\nthree");
      assertEquals(
        await real("log", "-1", "--format=%b"),
        `(cherry picked from commit ${await real("rev-parse", "side")})`,
      );
      assertEquals(await exists("sequencer"), false);

      // Real git stops; ours goes back to where it began.
      await real("reset", "-q", "--hard", "master~3");
      assertEquals((await realGit(directory, "cherry-pick", "master..side")).code, 1);
      assertEquals((await ourGit(directory, "cherry-pick", "--abort")).code, 0);
      assertEquals(await real("log", "-1", "--format=%s"), "own");
      assertEquals(await real("status", "--porcelain"), "");
      assertEquals(await exists("sequencer"), false);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
