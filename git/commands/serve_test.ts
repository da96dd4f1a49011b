import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args,
    cwd,
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`git ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function hasGit(): Promise<boolean> {
  try {
    return (await new Deno.Command("git", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

const ignore = !await hasGit();

Deno.test({
  name: "`git serve` is pushed to and cloned from by plain git" +
    (ignore ? " (ignored: git is not installed)" : ""),
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const map = fromFileUrl(new URL("../../.ci/std_npm.json", import.meta.url));
    const server = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--import-map=${map}`,
        fromFileUrl(new URL("../cli.ts", import.meta.url)),
        "serve",
        "--root",
        join(folder, "repositories"),
        "--port",
        "0",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      const { value } = await reader.read();
      assertMatch(value!, /^Hosting .* on http:\/\/127\.0\.0\.1:\d+\//);
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(value!)![0];
      await git(folder, "init", "-q", "one");
      const one = join(folder, "one");
      const author = ["-c", "user.name=A", "-c", "user.email=a@b"];
      for (const name of ["first", "second"]) {
        await Deno.writeTextFile(join(one, name), `${name}\n`);
        await git(one, "add", name);
        await git(one, ...author, "commit", "-qm", name);
      }
      await git(one, "push", "-q", `${url}/team/one.git`, "HEAD:refs/heads/master");
      await git(folder, "clone", "-q", `${url}/team/one.git`, "two");
      const two = join(folder, "two");
      assertEquals(await git(two, "log", "--format=%s"), "second\nfirst\n");
      assertEquals(await git(two, "fsck", "--strict"), "");
    } finally {
      server.kill();
      await reader.cancel();
      await server.status;
      await Deno.remove(folder, { recursive: true });
    }
  },
});
