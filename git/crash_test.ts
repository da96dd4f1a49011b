import { assert, assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { HAVE_GIT, realGit } from "./_test_support.ts";

const isSoak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const KILLS = isSoak ? 100 : 3;
const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

/** A killed command leaves its lock files, as git's own does; whoever finds them removes them. */
async function removeLocks(folder: string): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) await removeLocks(path);
    else if (entry.name.endsWith(".lock")) await Deno.remove(path);
  }
}

Deno.test({
  name: `${KILLS} times SIGKILL while committing, moving refs and repacking loses nothing${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    try {
      const init = await realGit(cwd, "init", "-q", "-b", "master");
      assertEquals(init.code, 0);
      await realGit(cwd, "config", "user.name", "A");
      await realGit(cwd, "config", "user.email", "a@example.com");
      let acknowledged: string | undefined;
      let next = 1;
      for (let kill = 0; kill < KILLS; kill++) {
        const script = new URL("./testdata/crash_writer.ts", import.meta.url).href;
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", "--quiet", script, cwd, String(next)],
          stdout: "piped",
          stderr: "piped",
        }).spawn();
        const errors = new Response(child.stderr).text();
        let timer: ReturnType<typeof setTimeout> | undefined;
        const delayMs = 50 + Math.random() * 400;
        const lines = child.stdout.pipeThrough(new TextDecoderStream())
          .pipeThrough(new TextLineStream());
        for await (const line of lines) {
          if (!/^[0-9a-f]{40}$/.test(line)) continue;
          acknowledged = line;
          next++;
          timer ??= setTimeout(() => child.kill("SIGKILL"), delayMs);
        }
        clearTimeout(timer);
        const status = await child.status;
        assertEquals(status.signal, "SIGKILL", await errors);
        await errors;
        const label = `kill ${kill} after ${delayMs.toFixed(1)} ms at commit ${next - 1}`;
        await removeLocks(`${cwd}/.git`);
        const fsck = await realGit(cwd, "fsck", "--strict", "--no-dangling");
        assertEquals([fsck.code, fsck.out], [0, ""], `${label}: ${fsck.err}`);
        const ancestor = await realGit(cwd, "merge-base", "--is-ancestor", acknowledged!, "HEAD");
        assertEquals(ancestor.code, 0, `${label}: ${acknowledged} is gone`);
        // The commit that was under way may have been made.
        next = 1 + Number((await realGit(cwd, "rev-list", "--count", "HEAD")).out);
        const refs = await realGit(cwd, "for-each-ref", "--format=%(objecttype)");
        for (const type of refs.out.trim().split("\n")) assertEquals(type, "commit", label);
      }
      assert(next > KILLS, `only ${next} commits were made`);
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});
