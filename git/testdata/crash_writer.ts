/**
 * What `crash_test.ts` kills: a program that changes a repository without end and says what is done.
 *
 * Arguments: the folder, the number of the first commit, and what to do: `commit` commits, moves refs
 * and repacks; `maintain` packs, prunes and expires; `worktree` switches, merges, rebases and stashes.
 * Every id that it prints is acknowledged: it must be there after the kill.
 */
import { encodeText } from "../_bytes.ts";
import { main } from "../commands/main.ts";

const folder = Deno.args[0]!;
const first = Number(Deno.args[1]);
const mode = Deno.args[2]!;
const out = new TextEncoder();

async function attempt(...args: string[]): Promise<number> {
  return await main(["-C", folder, ...args].map(encodeText));
}

async function git(...args: string[]): Promise<void> {
  const code = await attempt(...args);
  if (code !== 0) {
    Deno.stderr.writeSync(out.encode(`git ${args.join(" ")} gave ${code}\n`));
    Deno.exit(3);
  }
}

/** Changes three files. What a killed process wrote is not written again: there is something to commit. */
async function write(n: number, directory: string): Promise<void> {
  await Deno.mkdir(`${folder}/${directory}`, { recursive: true });
  for (let i = 0; i < 3; i++) {
    // Branches that are merged or moved must not change the same file.
    const name = mode === "worktree" ? `${Deno.pid}-${n}-${i}` : `file${(n * 3 + i) % 20}`;
    await Deno.writeTextFile(
      `${folder}/${directory}/${name}`,
      `${Deno.pid} ${n} ${i}\n`.repeat(50 + n % 100),
    );
  }
}

async function commit(n: number, directory: string): Promise<void> {
  await write(n, directory);
  await git("add", "-A");
  await git("commit", "-q", "-m", `commit ${n}`);
  // Prints the id: from here on the commit is acknowledged.
  await git("rev-parse", "HEAD");
}

async function maintain(n: number): Promise<void> {
  await commit(n, `dir${n % 7}`);
  await git("branch", "-f", `b${n % 5}`, "HEAD");
  if (n % 2 === 0) await git("pack-refs", "--all");
  if (n % 3 === 0) await git("prune", "--expire=now");
  if (n % 4 === 0) await git("repack", "-a", "-d", "-q");
  if (n % 4 === 1) await git("repack", "-d", "-q");
  if (n % 4 === 2) await git("multi-pack-index", "write");
  if (n % 5 === 0) await git("commit-graph", "write", "--reachable");
  if (n % 5 === 1) await git("reflog", "expire", "--expire=now", "--all");
  if (n % 5 === 2) await git("gc", "-q", "--prune=now");
}

async function worktree(n: number): Promise<void> {
  await git("checkout", "-q", "-B", `side${n % 3}`, n % 2 === 0 ? "HEAD" : "HEAD~1");
  await commit(n, "side");
  await git("checkout", "-q", "main");
  await commit(n, "main");
  if (n % 3 === 0) {
    await git("merge", "-q", "--no-edit", `side${n % 3}`);
    await git("rev-parse", "HEAD");
  } else if (n % 3 === 1) {
    await git("checkout", "-q", `side${n % 3}`);
    await git("rebase", "-q", "main");
    await git("rev-parse", "HEAD");
    await git("checkout", "-q", "main");
    await git("merge", "-q", "--ff-only", `side${n % 3}`);
  } else {
    await git("cherry-pick", `side${n % 3}`);
    await git("rev-parse", "HEAD");
  }
  await write(n + 1, "main");
  await git("stash", "push", "-q", "-u");
  await git("rev-parse", "stash@{0}");
  await git("reset", "-q", "--hard", "HEAD~1");
  await git("stash", "pop", "-q");
  await git("reset", "-q", "--hard");
  await git("clean", "-q", "-f", "-d");
}

for (let n = first;; n++) {
  if (mode === "maintain") await maintain(n);
  else if (mode === "worktree") await worktree(n);
  else {
    await commit(n, `dir${n % 7}`);
    if (n % 2 === 0) await git("update-ref", "refs/heads/other", "HEAD");
    if (n % 3 === 0) await git("tag", "-f", "latest");
    if (n % 5 === 0) await git("pack-refs", "--all");
    if (n % 8 === 0) await git("repack", "-a", "-d", "-q");
  }
}
