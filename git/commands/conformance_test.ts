import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { HAVE_GIT } from "../_test_support.ts";

/** What a command did. */
interface Ran {
  command: string;
  code: number;
  out: string;
  err: string;
}

const ENV: Record<string, string> = {
  PATH: Deno.env.get("PATH") ?? "",
  HOME: "/nonexistent",
  DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1112911993 -0700",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1112911993 -0700",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_TEST_FSYNC: "0",
  GIT_PAGER: "cat",
  GIT_EDITOR: ":",
  TERM: "dumb",
  TZ: "UTC",
  LC_ALL: "C",
};

type Step = string | { in: string; run: string };

function wordsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}

function normalise(text: string, root: string): string {
  return text.replaceAll(root, "ROOT");
}

async function withRealGit(root: string, steps: readonly Step[]): Promise<Ran[]> {
  const out: Ran[] = [];
  for (const step of steps) {
    const { run, at } = typeof step === "string"
      ? { run: step, at: "r" }
      : { run: step.run, at: step.in };
    const shell = run.startsWith("sh ");
    const { code, stdout, stderr } = await new Deno.Command(shell ? "/bin/sh" : "git", {
      args: shell ? ["-c", run.slice(3)] : wordsOf(run),
      cwd: `${root}/${at}`,
      env: ENV,
      clearEnv: true,
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    out.push({
      command: run,
      code,
      out: shell ? "" : normalise(text.decode(stdout), root),
      err: shell ? "" : normalise(text.decode(stderr), root),
    });
  }
  return out;
}

async function withOurs(root: string, steps: readonly Step[]): Promise<Ran[]> {
  const file = `${root}/steps.json`;
  await Deno.writeTextFile(
    file,
    JSON.stringify(steps.map((step) => {
      const { run, at } = typeof step === "string"
        ? { run: step, at: "r" }
        : { run: step.run, at: step.in };
      return {
        cwd: `${root}/${at}`,
        args: run.startsWith("sh ") ? ["sh", run.slice(3)] : wordsOf(run),
      };
    })),
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      fromFileUrl(new URL("../_test_driver.ts", import.meta.url)),
      file,
    ],
    cwd: root,
    env: ENV,
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const outs = text.decode(stdout).split("\x1f"), errs = text.decode(stderr).split("\x1f");
  return steps.map((step, i) => {
    const [out = "", code = "none"] = (outs[i] ?? "").split("\x1e");
    const run = typeof step === "string" ? step : step.run;
    const shell = run.startsWith("sh ");
    return {
      command: run,
      code: Number(code),
      out: shell ? "" : normalise(out, root),
      err: shell ? "" : normalise((errs[i] ?? "").split("\x1e")[0]!, root),
    };
  });
}

/** Runs the same steps with both in directories of their own and compares every answer. */
function compare(name: string, steps: readonly Step[], options: { err?: boolean } = {}): void {
  Deno.test({
    name: `${name} answer as git does${HAVE_GIT ? "" : " (ignored: git is not installed)"}`,
    ignore: !HAVE_GIT,
    async fn() {
      const roots = [await Deno.makeTempDir(), await Deno.makeTempDir()];
      try {
        for (const root of roots) await Deno.mkdir(`${root}/r`);
        const real = await withRealGit(roots[0]!, steps);
        const ours = await withOurs(roots[1]!, steps);
        for (let i = 0; i < steps.length; i++) {
          if (options.err === false) ours[i]!.err = real[i]!.err;
          assertEquals(ours[i], real[i]);
        }
      } finally {
        for (const root of roots) await Deno.remove(root, { recursive: true });
      }
    },
  });
}

const history = (count: number): Step[] => [
  "sh git init -q -b master .",
  `sh for i in $(seq 1 ${count}); do echo $i > f; [ $i -ge 6 ] && echo bad > b; git add .; git commit -qm "c$i"; done; true`,
];

compare("`git stash`", [
  ...history(3),
  "stash",
  "sh echo x > f; echo new > n; git add n",
  "stash",
  "stash list",
  "sh echo y > f; echo u > untracked",
  "stash push -u -m 'my message'",
  "stash list",
  "stash show",
  "stash show -p stash@{1}",
  "stash pop",
  "status -s",
  "sh git reset -q --hard; git clean -fdq",
  "stash branch other",
  "status -s",
  "stash drop",
  "stash apply nothing",
]);

compare("`git rebase` and `git pull`", [
  ...history(3),
  "sh git checkout -q -b topic HEAD~1; for i in a b; do echo $i > t$i; git add .; git commit -qm topic-$i; done",
  "rebase -q master",
  "log --format=%H",
  "log -g --format=%gs",
  "sh echo conflict > f; git commit -qam left; git checkout -q -b right HEAD~1; echo other > f; git commit -qam right",
  "rebase -q topic",
  "status -s",
  "rebase --abort",
  "status -sb",
  "rebase -q topic",
  "sh echo both > f; git add f",
  "rebase --continue",
  "log --format=%H%s",
  "rebase -q topic",
  "rebase --continue",
  "sh git clone -q . ../c; echo more > m; git add m; git commit -qm more",
  { in: "c", run: "pull -q" },
  { in: "c", run: "log -1 --format=%H" },
  { in: "c", run: "pull" },
], { err: false });

compare("`git bisect`", [
  ...history(9),
  "bisect start",
  "bisect bad",
  "bisect good HEAD~8",
  "bisect good",
  "bisect log",
  "bisect reset",
  "bisect start HEAD HEAD~7",
  "bisect run sh -c 'test ! -f b'",
  "bisect reset",
  "bisect good",
]);

compare("`git describe`, `git name-rev` and `git shortlog`", [
  ...history(3),
  "sh git tag -am one one HEAD~2; git tag light HEAD~1; git checkout -q -b side HEAD~1; git commit -q --allow-empty -m side; git checkout -q master; git merge -q --no-edit side",
  "describe",
  "describe --tags",
  "describe --all --long HEAD~1",
  "describe --abbrev=0",
  "describe --exact-match",
  "describe --contains HEAD~2",
  "describe nothing",
  "name-rev HEAD~2 side one",
  "name-rev --name-only --tags HEAD~2",
  "shortlog -sne HEAD",
  "shortlog HEAD",
  "check-mailmap 'A <a@b>'",
]);

compare("`git grep`", [
  "sh git init -q -b master .; mkdir d; printf 'int main() {\\n  foo bar;\\n}\\n' > a.c; printf 'foo\\nx\\nend foo\\n' > d/b; git add .; git commit -qm 1",
  "grep foo",
  "grep -n -i FOO",
  "grep -c foo",
  "grep -l foo",
  "grep -L main",
  "grep -w fo",
  "grep -o 'fo\\+'",
  "grep -E 'ba[rz]|end'",
  "grep -e foo --and --not -e bar",
  "grep -A1 -n main",
  "grep foo HEAD -- d",
  "grep --cached -v foo",
  "grep '\\(('",
]);

compare("`git worktree`", [
  ...history(2),
  "branch br HEAD~1",
  "worktree add ../w1 br",
  "worktree add ../w2",
  "worktree add ../w3 br",
  "worktree list",
  "worktree list --porcelain",
  { in: "w1", run: "status -sb" },
  "worktree lock --reason why ../w2",
  "worktree remove ../w2",
  "worktree unlock ../w2",
  "worktree move ../w2 ../w4",
  "worktree remove ../w1",
  "sh rm -rf ../w4",
  "worktree prune -v",
  "worktree list",
]);

compare("`git apply`", [
  "sh git init -q -b master .; seq 1 30 > a; echo x > b; printf '\\0\\1binary' > bin; git add .; git commit -qm 1; sed -i 's/^5$/five/;s/^20$/twenty/' a; printf '\\0\\1other' > bin; git mv b c; echo n > new; git add .; git diff --cached --binary HEAD > ../p; git reset -q --hard",
  "apply --stat ../p",
  "apply --numstat --summary ../p",
  "apply --check ../p",
  "apply ../p",
  "status -s",
  "apply -R ../p",
  "status -s",
  "apply --index ../p",
  "diff --cached --stat",
  "sh git reset -q --hard; sed -i 's/^5$/FIVE/' a; git commit -qam 2",
  "apply ../p",
  "apply --reject ../p",
  "sh git reset -q --hard; git clean -fdq",
  "apply -3 ../p",
  "diff",
], { err: false });

compare("`git archive`, `git bundle` and `git fast-export`", [
  ...history(3),
  "sh mkdir -p d; echo x > d/x; ln -s f l; printf 'b export-ignore\\n' > .gitattributes; git add .; git commit -qm last; git tag -am t v1",
  "archive --prefix=p/ HEAD",
  "archive HEAD d",
  "archive nothing",
  "archive --list",
  "fast-export --all",
  "fast-export -M HEAD~1..HEAD",
  "bundle create ../all --all",
  "bundle list-heads ../all",
  "bundle verify ../all",
  "bundle create ../some HEAD~1..HEAD",
  "sh git clone -q ../all ../from-bundle",
  { in: "from-bundle", run: "log --format=%H" },
  "bundle create ../none HEAD..HEAD",
], { err: false });

compare("`git remote`, `git fetch`, `git push` and `git ls-remote`", [
  ...history(2),
  "sh git clone -q . ../a; git init -q --bare ../bare.git; git branch other; git tag -am t v1; echo z > z; git add z; git commit -qm z",
  { in: "a", run: "fetch" },
  { in: "a", run: "fetch -v" },
  { in: "a", run: "branch -r" },
  { in: "a", run: "log -g --format=%gs origin/master" },
  { in: "a", run: "sh git -C ../r branch -D other" },
  { in: "a", run: "fetch --prune" },
  { in: "a", run: "fetch origin nothing" },
  { in: "a", run: "ls-remote" },
  { in: "a", run: "ls-remote --tags --refs origin" },
  { in: "a", run: "remote add b ../bare.git" },
  { in: "a", run: "remote -v" },
  { in: "a", run: "push b master" },
  { in: "a", run: "push b master" },
  { in: "a", run: "push --tags b" },
  { in: "a", run: "sh git reset -q --hard HEAD~1; git commit -q --allow-empty -m forked" },
  { in: "a", run: "push b master" },
  { in: "a", run: "push --force-with-lease b master" },
  { in: "a", run: "push --porcelain b master:copy" },
  { in: "a", run: "push b --delete copy" },
  { in: "a", run: "push --atomic b master nothing" },
  { in: "a", run: "remote show b" },
  { in: "a", run: "remote rename b c" },
  { in: "a", run: "remote remove c" },
  { in: "a", run: "remote get-url c" },
  { in: "a", run: "fetch -- -oProxyCommand=evil" },
]);

compare("`git gc` and `git prune`", [
  ...history(3),
  "sh git checkout -q -b x; echo lost > l; git add l; git commit -qm lost; git checkout -q master; git branch -qD x; git reflog expire --expire=now --all",
  "gc -q",
  "fsck --strict",
  "prune -n",
  "prune",
  "fsck --strict",
  "count-objects",
], { err: false });
