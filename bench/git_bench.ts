/**
 * Git workloads, ours and real git's, each as a process on the repository that
 * `GROUNDWORK_GIT_REPOSITORY` names (a worktree with history). Without it nothing is registered.
 *
 * @module
 */
const repository = Deno.env.get("GROUNDWORK_GIT_REPOSITORY");
const cli = new URL("../git/cli.ts", import.meta.url).href;

async function run(command: string, args: string[]): Promise<void> {
  const { code } = await new Deno.Command(command, {
    args,
    cwd: repository!,
    stdout: "null",
    stderr: "null",
    stdin: "null",
  })
    .output();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed with ${code}`);
}

if (repository !== undefined) {
  const workloads: [string, string[]][] = [
    ["status", ["status", "--porcelain"]],
    ["log", ["log", "--oneline"]],
    ["log -p -100", ["log", "-p", "-100"]],
    ["rev-list --objects", ["rev-list", "--objects", "HEAD"]],
  ];
  for (const [group, args] of workloads) {
    Deno.bench({
      name: "groundwork",
      group,
      baseline: true,
      n: 5,
      warmup: 1,
      fn: () => run(Deno.execPath(), ["run", "-A", "--no-check", "--quiet", cli, ...args]),
    });
    Deno.bench({ name: "git", group, n: 5, warmup: 1, fn: () => run("git", args) });
  }
}
