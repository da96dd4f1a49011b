/** What `crash_test.ts` kills: commits, moves refs and repacks without end, and says what is done. */
import { encodeText } from "../_bytes.ts";
import { main } from "../commands/main.ts";

const folder = Deno.args[0]!;
const first = Number(Deno.args[1]);
const out = new TextEncoder();

async function git(...args: string[]): Promise<void> {
  const code = await main(["-C", folder, ...args].map(encodeText));
  if (code !== 0) {
    Deno.stderr.writeSync(out.encode(`git ${args.join(" ")} gave ${code}\n`));
    Deno.exit(3);
  }
}

for (let n = first;; n++) {
  for (let i = 0; i < 3; i++) {
    const path = `${folder}/dir${n % 7}/file${(n * 3 + i) % 20}`;
    await Deno.mkdir(`${folder}/dir${n % 7}`, { recursive: true });
    await Deno.writeTextFile(path, `${n} ${i}\n`.repeat(50 + n % 100));
  }
  await git("add", "-A");
  await git("commit", "-q", "-m", `commit ${n}`);
  // Prints the id: from here on the commit is acknowledged.
  await git("rev-parse", "HEAD");
  if (n % 2 === 0) await git("update-ref", "refs/heads/other", "HEAD");
  if (n % 3 === 0) await git("tag", "-f", "latest");
  if (n % 5 === 0) await git("pack-refs", "--all");
  if (n % 8 === 0) await git("repack", "-a", "-d", "-q");
}
