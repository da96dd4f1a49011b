import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { HAVE_GIT, ourGit, realGit } from "./_test_support.ts";

const isSoak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

/** The lock files below a folder. */
async function locks(folder: string): Promise<string[]> {
  const out: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) out.push(...await locks(path));
    else if (entry.name.endsWith(".lock") || entry.name === "packed-refs.new") out.push(path);
  }
  return out;
}

/** A killed command leaves its lock files, as git's own does; whoever finds them removes them. */
async function removeLocks(folder: string): Promise<void> {
  for (const path of await locks(folder)) await Deno.remove(path);
}

/** Starts the program again and again and kills it at some moment after its first success. */
async function killAgainAndAgain(
  mode: "commit" | "maintain" | "worktree",
  kills: number,
): Promise<void> {
  const cwd = await Deno.makeTempDir();
  try {
    await realGit(cwd, "init", "-q", "-b", "main");
    await realGit(cwd, "config", "user.name", "A");
    await realGit(cwd, "config", "user.email", "a@example.com");
    for (let i = 0; i < 2; i++) {
      await Deno.writeTextFile(`${cwd}/start`, `${i}\n`);
      await realGit(cwd, "add", "start");
      assertEquals((await realGit(cwd, "commit", "-q", "-m", `start ${i}`)).code, 0);
    }
    const acknowledged: string[] = [];
    let next = 1;
    for (let kill = 0; kill < kills; kill++) {
      const script = new URL("./testdata/crash_writer.ts", import.meta.url).href;
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--quiet", script, cwd, String(next), mode],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const errors = new Response(child.stderr).text();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const delayMs = Math.random() * (mode === "commit" ? 450 : 1200);
      const lines = child.stdout.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) {
        if (!/^[0-9a-f]{40}$/.test(line)) continue;
        acknowledged.push(line);
        timer ??= setTimeout(() => child.kill("SIGKILL"), delayMs);
      }
      clearTimeout(timer);
      const status = await child.status;
      assertEquals(status.signal, "SIGKILL", await errors);
      await errors;
      next = 1 + acknowledged.length;
      const label = `${mode}, kill ${kill}, ${delayMs.toFixed(1)} ms after the first commit`;
      const left = await locks(`${cwd}/.git`);
      if (left.some((path) => path.endsWith("/.git/index.lock"))) {
        const refused = await ourGit(cwd, "add", "-A");
        assertEquals(refused.code, 128, label);
        assertStringIncludes(refused.err, "/.git/index.lock': File exists.", label);
        assertStringIncludes(refused.err, "remove the file manually to continue.", label);
      }
      await removeLocks(`${cwd}/.git`);
      // Objects, refs, reflogs and the index are whole.
      const fsck = await realGit(cwd, "fsck", "--strict", "--no-dangling");
      assertEquals([fsck.code, fsck.out], [0, ""], `${label}: ${fsck.err}`);
      if (isSoak || kill === kills - 1) {
        const own = await ourGit(cwd, "fsck", "--strict", "--no-dangling");
        assertEquals([own.code, own.out], [0, ""], `${label}: ${own.err}`);
      }
      const staged = await realGit(cwd, "ls-files", "--stage");
      assertEquals(staged.code, 0, `${label}: ${staged.err}`);
      for (const id of mode === "worktree" ? acknowledged : acknowledged.slice(-1)) {
        const there = await realGit(cwd, "cat-file", "-e", id);
        assertEquals(there.code, 0, `${label}: ${id} is gone`);
        if (mode === "worktree") continue;
        const ancestor = await realGit(cwd, "merge-base", "--is-ancestor", id, "HEAD");
        assertEquals(ancestor.code, 0, `${label}: ${id} is not in the history`);
      }
      const refs = await realGit(cwd, "for-each-ref", "--format=%(objecttype)");
      for (const type of refs.out.trim().split("\n")) assertEquals(type, "commit", label);
      if (mode !== "worktree") continue;
      // What was under way can be given up, and the work goes on.
      for (const operation of ["rebase", "cherry-pick", "merge"]) {
        await realGit(cwd, operation, "--abort");
      }
      for (const args of [["reset", "-q", "--hard"], ["clean", "-q", "-f", "-d"]]) {
        const cleaned = await realGit(cwd, ...args);
        assertEquals(cleaned.code, 0, `${label}: ${cleaned.err}`);
      }
      const back = await realGit(cwd, "checkout", "-q", "main");
      assertEquals(back.code, 0, `${label}: ${back.err}`);
    }
    assert(acknowledged.length >= kills);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

for (
  const [mode, what, few] of [
    ["commit", "committing, moving refs and repacking", 2],
    ["maintain", "packing refs and objects, pruning, expiring and collecting garbage", 1],
    ["worktree", "switching, merging, rebasing, picking and stashing", 1],
  ] as const
) {
  const kills = isSoak ? 100 : few;
  Deno.test({
    name: `${kills} times SIGKILL while ${what} loses nothing${suffix}`,
    ignore: !HAVE_GIT,
    fn: () => killAgainAndAgain(mode, kills),
  });
}
