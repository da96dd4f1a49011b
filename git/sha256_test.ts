/**
 * Repositories whose objects are named by SHA-256, with real Git on the other side at every step.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ENV, HAVE_GIT } from "./_test_support.ts";
import { createGitHost } from "./host.ts";

const suffix = HAVE_GIT ? "" : " (ignored: git is not installed)";

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** A command line: of ours in one process with the others, or of real Git when it starts with `git`. */
interface Step {
  in: string;
  run: string;
}

function words(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}

async function run(root: string, steps: readonly Step[]): Promise<Ran[]> {
  const file = `${root}/steps.json`;
  await Deno.writeTextFile(
    file,
    JSON.stringify(steps.map(({ in: folder, run }) => ({
      cwd: `${root}/${folder}`,
      args: run.startsWith("git ") || run.startsWith("sh ")
        ? ["sh", run.replace(/^sh /, "")]
        : words(run),
    }))),
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      new URL("./_test_driver.ts", import.meta.url).href,
      file,
    ],
    cwd: root,
    env: { ...ENV, GIT_EDITOR: ":" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const outs = text.decode(stdout).split("\x1f"), errs = text.decode(stderr).split("\x1f");
  return steps.map((_, i) => {
    const [out = "", code = "none"] = (outs[i] ?? "").split("\x1e");
    return { out, code: Number(code), err: (errs[i] ?? "").split("\x1e")[0]! };
  });
}

/** What both must say of a repository. */
const QUESTIONS = [
  "log --all --graph --format=%H:%T:%P:%s",
  "rev-list --objects --all",
  "ls-files --stage",
  "ls-tree -r -t HEAD",
  "cat-file --batch-all-objects --batch-check",
  "for-each-ref",
  "status --porcelain=v2",
  "diff HEAD~1",
  "show --stat HEAD",
  "rev-parse --show-object-format HEAD",
  "blame f",
  "fsck --strict --no-dangling",
];

Deno.test({
  name: `SHA-256 repositories are what git makes them, locally and on the wire${suffix}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    const served = `${root}/served`;
    await Deno.mkdir(served);
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      createGitHost({ root: served }),
    );
    const host = `http://127.0.0.1:${server.addr.port}`;
    try {
      const steps: Step[] = [];
      const wanted = new Map<number, number>();
      const asked: [ours: number, theirs: number, question: string][] = [];
      const step = (folder: string, run: string, code = 0): number => {
        steps.push({ in: folder, run });
        wanted.set(steps.length - 1, code);
        return steps.length - 1;
      };
      const agree = (folder: string): void => {
        for (const question of QUESTIONS) {
          const theirs = step(folder, `git ${question.replaceAll(/\S+%\S+/g, "'$&'")}`);
          asked.push([step(folder, question), theirs, question]);
        }
      };
      // Ours makes it, and both go on with it.
      step(".", "init -q -b main --object-format=sha256 a");
      step("a", "sh mkdir d && printf 'one\\ntwo\\nthree\\n' > f && echo g > d/g && ln -s f l");
      step("a", "add -A");
      step("a", "commit -q -m first");
      step("a", "git checkout -q -b side");
      step("a", "sh printf 'one\\ntwo\\nthree!\\n' > f");
      step("a", "git commit -q -am side");
      step("a", "checkout -q main");
      step("a", "sh printf 'zero\\none\\ntwo\\nthree\\n' > f");
      step("a", "commit -q -a -m main");
      step("a", "merge -q --no-edit side");
      step("a", "tag -a -m annotated v1");
      step("a", "notes add -m note");
      agree("a");
      step("a", "sh printf 'more\\n' >> f");
      step("a", "stash");
      step("a", "git stash pop -q");
      step("a", "git checkout -q -f main");
      step("a", "checkout -q -b picked HEAD~1");
      step("a", "cherry-pick -x side");
      step("a", "rebase -q --force-rebase --onto HEAD~1 HEAD~1");
      step("a", "git checkout -q main");
      // Packs and what indexes them.
      step("a", "repack -a -d -q");
      step("a", "git verify-pack .git/objects/pack/*.idx");
      step("a", "sh echo h > h");
      step("a", "add h");
      step("a", "commit -q -m loose");
      step("a", "git repack -d -q");
      step("a", "multi-pack-index write");
      step("a", "git multi-pack-index verify");
      step("a", "commit-graph write --reachable");
      step("a", "git commit-graph verify");
      agree("a");
      step("a", "git multi-pack-index write");
      step("a", "git commit-graph write --reachable");
      step("a", "multi-pack-index verify");
      step("a", "commit-graph verify");
      agree("a");
      step("a", "gc -q");
      step("a", "git fsck --strict");
      // Real Git makes one, ours reads it.
      step(".", "git init -q -b main --object-format=sha256 b");
      step("b", "sh printf '1\\n2\\n' > f && git add f && git commit -qm one");
      step("b", "sh printf '1\\n2\\n3\\n' > f && git commit -qam two && git gc -q");
      agree("b");
      step("b", "sh cp .git/objects/pack/*.pack ../b.pack");
      step("b", "index-pack -o ../b.idx ../b.pack");
      step("b", "git verify-pack ../b.pack");
      step("b", "verify-pack ../b.idx");
      // By paths.
      step(".", `clone -q 'file://${root}/b' c`);
      step("c", "git fsck --strict");
      agree("c");
      step(".", `git clone -q 'file://${root}/a' d`);
      agree("d");
      step("b", "sh echo 4 >> f && git commit -qam three");
      step("c", "fetch -q");
      step("c", "merge -q --ff-only origin/main");
      step("c", "sh echo 5 >> f");
      step("c", "commit -q -a -m five");
      step("c", "push -q origin HEAD:refs/heads/pushed");
      step("b", "git fsck --strict");
      step("b", "git log --format=%s pushed");
      // Bundles.
      step("b", "bundle create ../b.bundle --all");
      step("b", "git bundle verify -q ../b.bundle");
      step(".", "git clone -q -b main b.bundle e");
      step("b", "git bundle create -q ../b2.bundle --all");
      step(".", "clone -q -b main b2.bundle f");
      agree("f");
      // By our host: real Git and ours as clients.
      step("served", "init -q --bare -b main --object-format=sha256 h.git");
      step("b", `git push -q '${host}/h.git' main`);
      step("a", `push -q '${host}/h.git' HEAD:refs/heads/other`);
      step("served/h.git", "git fsck --strict");
      for (const version of [0, 1, 2]) {
        step(".", `git -c protocol.version=${version} clone -q '${host}/h.git' g${version}`);
        step(".", `-c protocol.version=${version} clone -q '${host}/h.git' o${version}`);
        step(`o${version}`, "git fsck --strict");
      }
      agree("g2");
      agree("o2");
      step(".", `git clone -q --depth=1 '${host}/h.git' shallow`);
      step("b", `git push -q '${host}/h.git' :other`);
      // A hash does not change on the way.
      step(".", "init -q -b main plain");
      const refused = step("plain", `fetch -q '${host}/h.git' main`, 128);
      step("plain", "sh echo x > x");
      step("plain", "add x");
      step("plain", "commit -q -m x");
      const pushed = step("plain", `push -q '${host}/h.git' main:new`, 128);
      step("plain", `git push -q '${host}/h.git' main:new`, 1);

      const results = await run(root, steps);
      const failed: string[] = [];
      for (const [i, code] of wanted) {
        const { run, in: folder } = steps[i]!;
        const { code: got, out, err } = results[i]!;
        if (got !== code) failed.push(`${i}: ${run} in ${folder} gave ${got}: ${out}${err}`);
      }
      assertEquals(failed, []);
      for (const [a, b, question] of asked) {
        assertEquals(results[a]!.out, results[b]!.out, `${question} in ${steps[a]!.in}`);
      }
      assertMatch(results[asked[1]![0]]!.out, /^[0-9a-f]{64}\n/);
      for (const i of [refused, pushed]) assertStringIncludes(results[i]!.err, "algorithm");
    } finally {
      await server.shutdown();
      await Deno.remove(root, { recursive: true });
    }
  },
});
