/**
 * Repositories, packs, patches and addresses made to do harm. What must hold everywhere: nothing is
 * written outside the worktree or into the Git directory by content, errors are typed, and limits
 * are kept.
 */
import { deflateSync } from "node:zlib";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { concatBytes, encodeText, fromByteString, fromHex, toByteString } from "./_bytes.ts";
import { BINARY_PARSERS, removeScratch, runParsers, withChecksum } from "./_test_fuzz.ts";
import { ENV } from "./_test_support.ts";
import { formatBundleHeader } from "./bundle.ts";
import { formatCommitGraph } from "./commit_graph.ts";
import { applyDelta } from "./delta.ts";
import { GitError } from "./errors.ts";
import { FileObjectStore } from "./file_object_store.ts";
import { type HashAlgorithm, SHA1, SHA256 } from "./hash_algorithm.ts";
import { indexPack, packEntryHeader } from "./index_pack.ts";
import { formatIndex, GitIndex, makeEntry, parseIndex } from "./index_file.ts";
import { mergeCommits } from "./merge_trees.ts";
import { formatMultiPackIndex } from "./multi_pack_index.ts";
import {
  formatCommit,
  formatTag,
  formatTree,
  MODE_FILE,
  MODE_SYMLINK,
  MODE_TREE,
  parseCommit,
} from "./objects.ts";
import { flattenTree, MemoryObjectStore, peelTo } from "./object_store.ts";
import { MemorySource, PackFile } from "./pack_file.ts";
import { formatPackIndex, formatPackIndexV1 } from "./pack_index.ts";
import { writePack } from "./pack_writer.ts";
import { FLUSH, packet } from "./pkt_line.ts";
import { subjectOf } from "./pretty.ts";
import { parseRemoteAddress } from "./remote.ts";
import { FileRefStore } from "./ref_store.ts";
import { discoverRepository, loadConfig, Repository } from "./repository.ts";
import { walkObjects } from "./rev_list.ts";
import { isSafePath } from "./safe_path.ts";
import { diffTrees } from "./tree_diff.ts";

const WHO = "A <a@example.com> 1112911993 +0000";
const isSoak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const HFS = "\xe2\x80\x8c";

/** A tree written as it is: names that Git would refuse, any order. */
function rawTree(
  repository: { objects: Pick<FileObjectStore, "write"> },
  entries: readonly (readonly [mode: number, name: string, id: string])[],
): string {
  const parts = entries.map(([mode, name, id]) =>
    `${mode.toString(8)} ${name}\0${toByteString(fromHex(id))}`
  );
  return repository.objects.write("tree", fromByteString(parts.join("")));
}

/** Everything in a folder with its content; links are not followed. */
function snapshot(root: string, skip: (path: string) => boolean = () => false): string[] {
  const out: string[] = [];
  const visit = (path: string): void => {
    for (const entry of Deno.readDirSync(`${root}${path}`)) {
      const inner = `${path}/${entry.name}`;
      if (skip(inner)) continue;
      const full = root + inner;
      if (entry.isDirectory) {
        out.push(`${inner}/`);
        visit(inner);
      } else if (entry.isSymlink) out.push(`${inner} -> ${Deno.readLinkSync(full)}`);
      else out.push(`${inner}: ${Deno.readTextFileSync(full).slice(0, 200)}`);
    }
  };
  visit("");
  return out.sort();
}

/** The ways in which a tree could get out, each a tree of its own. */
function evilTrees(repository: Repository): [name: string, tree: string][] {
  const blob = repository.objects.write("blob", fromByteString("pwned\n"));
  const outside = repository.objects.write("blob", fromByteString("../outside"));
  const gitDir = repository.objects.write("blob", fromByteString(".git"));
  const file = (name: string): [number, string, string] => [MODE_FILE, name, blob];
  const link = (name: string, to = outside): [number, string, string] => [MODE_SYMLINK, name, to];
  const folder = (
    name: string,
    ...entries: [number, string, string][]
  ): [number, string, string] => [MODE_TREE, name, rawTree(repository, entries)];
  const hook = (name: string): [number, string, string] =>
    folder(name, folder("hooks", [0o100755, "post-checkout", blob]), file("config"));
  const out: [string, [number, string, string][]][] = [];
  for (
    const name of [
      ".git",
      ".GIT",
      ".Git",
      "git~1",
      "GIT~1",
      ".git ",
      ".git. .",
      ".git...",
      ".git::$INDEX_ALLOCATION",
      ".git:x",
      ".git\\",
      `.g${HFS}it`,
      `.git${HFS}`,
      "\xef\xbb\xbf.git",
    ]
  ) out.push([name, [hook(name)]], [`sub/${name}`, [folder("sub", hook(name))]]);
  out.push(
    ["..", [folder("..", folder("outside", file("pwned")))]],
    [".", [folder(".", file("pwned"))]],
    ["../outside/pwned as a name", [file("../outside/pwned")]],
    [".git/pwned as a name", [file(".git/pwned")]],
    ["..\\outside\\pwned", [file("..\\outside\\pwned")]],
    ["a/../../outside/pwned", [
      folder("a", folder("..", folder("..", folder("outside", file("pwned"))))),
    ]],
    ["/ at the start", [file("/pwned")]],
    ["link and folder of one name", [link("a"), folder("a", file("pwned"))]],
    ["folder and link of one name", [folder("a", file("pwned")), link("a")]],
    ["link to .git and folder of one name", [link("a", gitDir), folder("a", file("pwned"))]],
    [".gitmodules as a link", [link(".gitmodules")]],
    [".gitmodules~ on NTFS as a link", [link("GITMOD~1")]],
  );
  return out.map(([name, entries]) => [name, rawTree(repository, entries)]);
}

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs command lines of ours, all in one process. */
async function run(root: string, steps: { cwd: string; args: string[] }[]): Promise<Ran[]> {
  const file = `${root}/steps.json`;
  await Deno.writeTextFile(file, JSON.stringify(steps));
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
  await Deno.remove(file);
  const text = new TextDecoder();
  const outs = text.decode(stdout).split("\x1f"), errs = text.decode(stderr).split("\x1f");
  return steps.map((_, i) => {
    const [out = "", code = "none"] = (outs[i] ?? "").split("\x1e");
    return { out, code: Number(code), err: (errs[i] ?? "").split("\x1e")[0]! };
  });
}

/** Commands that write a worktree, an index or an archive from the commit `evil`. */
const COMMANDS: readonly string[][] = [
  ["checkout", "-q", "evil"],
  ["checkout", "-q", "-f", "evil"],
  ["checkout", "evil", "--", "."],
  ["switch", "-q", "--detach", "evil"],
  ["restore", "--source=evil", "--staged", "--worktree", "."],
  ["reset", "-q", "--hard", "evil"],
  ["read-tree", "-m", "-u", "evil"],
  ["read-tree", "--reset", "-u", "evil"],
  ["merge", "-q", "--no-edit", "evil"],
  ["merge", "-q", "--no-edit", "--no-ff", "evil"],
  ["cherry-pick", "evil"],
  ["rebase", "-q", "evil"],
  ["stash", "apply", "evil-stash"],
  ["worktree", "add", "-q", "--detach", "../tree", "evil"],
  ["revert", "--no-edit", "evil-undo"],
  ["pull", "-q", "--no-rebase", ".", "evil"],
  ["clone", "-q", "-b", "evil", ".", "../clone"],
];

Deno.test("no tree gets out of the worktree or into the Git directory, whatever command writes it", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/outside/hooks`, { recursive: true });
    await Deno.writeTextFile(`${root}/outside/secret`, "secret\n");
    // One repository to copy from.
    const origin = Repository.init(encodeText(`${root}/origin`), { fsync: false });
    const commit = (tree: string, parents: string[]): string =>
      origin.objects.write(
        "commit",
        formatCommit({ tree, parents, author: WHO, committer: WHO, extra: [], message: "m\n" }),
      );
    const kept = origin.objects.write("blob", fromByteString("kept\n"));
    const baseTree = rawTree(origin, [[MODE_FILE, "kept", kept]]);
    const base = commit(baseTree, []);
    const head = commit(
      rawTree(origin, [[MODE_FILE, "kept", kept], [MODE_FILE, "own", kept]]),
      [base],
    );
    const trees = evilTrees(origin);
    const steps: { cwd: string; args: string[] }[] = [];
    const folders: string[] = [], labels: string[] = [];
    for (const [at, [name, tree]] of trees.entries()) {
      const evil = commit(tree, [base]);
      const undo = commit(baseTree, [evil]);
      const indexCommit = commit(baseTree, [head]);
      const stash = commit(tree, [head, indexCommit]);
      for (const [which, command] of COMMANDS.entries()) {
        // In the unit run every tree meets one or two commands, and every command four trees.
        if (!isSoak && (at + which) % 11 !== 0) continue;
        const folder = `${root}/${steps.length}`;
        await Deno.mkdir(folder);
        const copy = (from: string, to: string): void => {
          Deno.mkdirSync(to);
          for (const entry of Deno.readDirSync(from)) {
            if (entry.name === "objects") {
              Deno.mkdirSync(`${to}/objects/info`, { recursive: true });
              Deno.mkdirSync(`${to}/objects/pack`);
              Deno.writeTextFileSync(
                `${to}/objects/info/alternates`,
                `${root}/origin/.git/objects\n`,
              );
            } else if (entry.isDirectory) copy(`${from}/${entry.name}`, `${to}/${entry.name}`);
            else Deno.copyFileSync(`${from}/${entry.name}`, `${to}/${entry.name}`);
          }
        };
        Deno.mkdirSync(`${folder}/outside`);
        Deno.writeTextFileSync(`${folder}/outside/secret`, "secret\n");
        Deno.mkdirSync(`${folder}/r`);
        copy(`${root}/origin/.git`, `${folder}/r/.git`);
        const ref = (ref: string, id: string): void =>
          Deno.writeTextFileSync(`${folder}/r/.git/refs/${ref}`, `${id}\n`);
        ref("heads/master", head);
        ref("heads/evil", evil);
        ref("heads/evil-undo", undo);
        ref("heads/evil-stash", stash);
        for (const file of ["kept", "own"]) Deno.writeTextFileSync(`${folder}/r/${file}`, "kept\n");
        steps.push({ cwd: `${folder}/r`, args: ["read-tree", "HEAD"] });
        steps.push({ cwd: `${folder}/r`, args: command });
        folders.push(folder);
        labels.push(JSON.stringify(name));
      }
    }
    origin.close();
    // What commands keep in the Git directory themselves.
    const own =
      /^\/r\/(?!\.git)|^\/(?:clone|tree)\/|^\/r\/\.git\/(?:objects|refs|logs|index|[A-Z_]+|rebase-merge|worktrees|packed-refs)(?:$|\/)/;
    const guarded = (folder: string): string[] =>
      snapshot(folder, (path) => own.test(path)).filter((line) =>
        !/^\/(?:clone|tree)\/$/.test(line)
      );
    const before = new Map(folders.map((folder) => [folder, guarded(folder)]));
    const results = await run(root, steps);
    assertEquals(results.length, steps.length);
    const failures: string[] = [];
    const expect = (holds: boolean, text: string): void => {
      if (!holds) failures.push(text);
    };
    for (const [i, folder] of folders.entries()) {
      const { code, err } = results[2 * i + 1]!;
      const label = `${steps[2 * i + 1]!.args.join(" ")} of ${labels[i]}`;
      assertEquals(results[2 * i]!.code, 0, results[2 * i]!.err);
      expect(!err.includes("uncaught"), `${label}: ${err}`);
      expect([0, 1, 128].includes(code), `${label}: ${code} ${err}`);
      const known = new Set(before.get(folder));
      for (const line of guarded(folder)) expect(known.delete(line), `${label} wrote ${line}`);
      for (const line of known) expect(false, `${label} removed ${line}`);
      for (const worktree of ["r", "clone", "tree"]) {
        let paths: string[];
        try {
          paths = snapshot(`${folder}/${worktree}`, (path) => path === "/.git");
        } catch (error) {
          if (error instanceof Deno.errors.NotFound) continue;
          throw error;
        }
        for (const line of paths) {
          const path = encodeText(line.slice(1).split(/: | -> /)[0]!.replace(/\/$/, ""));
          expect(isSafePath(path), `${label} wrote ${path}`);
        }
        let hooked = true;
        try {
          Deno.statSync(`${folder}/${worktree}/.git/hooks/post-checkout`);
        } catch {
          hooked = false;
        }
        expect(!hooked, `${label} made a hook`);
      }
    }
    assertEquals(failures, []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** Runs `steps` with the sandbox of one repository and checks that nothing outside it changed. */
async function sandbox(
  prepare: (root: string, repository: Repository) => { args: string[] }[],
  check: (results: Ran[], root: string) => void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/outside`);
    await Deno.writeTextFile(`${root}/outside/secret`, "secret\n");
    const repository = Repository.init(encodeText(`${root}/r`), { fsync: false });
    let steps: { cwd: string; args: string[] }[];
    try {
      const kept = repository.objects.write("blob", fromByteString("kept\n"));
      const tree = rawTree(repository, [[MODE_FILE, "kept", kept]]);
      const id = repository.objects.write(
        "commit",
        formatCommit({ tree, parents: [], author: WHO, committer: WHO, extra: [], message: "m\n" }),
      );
      repository.refs.update({ name: "refs/heads/master", newId: id });
      Deno.writeTextFileSync(`${root}/r/kept`, "kept\n");
      const index = new GitIndex(SHA1);
      index.add(makeEntry("kept", MODE_FILE, kept));
      Deno.writeFileSync(`${root}/r/.git/index`, formatIndex(index));
      steps = prepare(root, repository).map(({ args }) => ({ cwd: `${root}/r`, args }));
    } finally {
      repository.close();
    }
    const inside = (path: string): boolean =>
      path === "/r" || path === "/steps.json" || /^\/(?:evil|clone)/.test(path);
    const before = snapshot(root, inside);
    const results = await run(root, steps);
    for (const [i, { err }] of results.entries()) {
      assert(!err.includes("uncaught"), `${steps[i]!.args.join(" ")}: ${err}`);
    }
    assertEquals(snapshot(root, inside), before);
    let hooked = true;
    try {
      Deno.statSync(`${root}/r/.git/hooks/post-checkout`);
    } catch {
      hooked = false;
    }
    assert(!hooked);
    check(results, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("patches, index entries and refs do not lead out of the worktree", async () => {
  const patches: [name: string, text: string][] = [
    ["parent", "--- /dev/null\n+++ b/../outside/pwned\n@@ -0,0 +1 @@\n+pwned\n"],
    ["absolute", "--- /dev/null\n+++ /tmp/pwned\n@@ -0,0 +1 @@\n+pwned\n"],
    [
      "hook",
      "diff --git a/.git/hooks/post-checkout b/.git/hooks/post-checkout\nnew file mode 100755\n" +
      "--- /dev/null\n+++ b/.git/hooks/post-checkout\n@@ -0,0 +1 @@\n+pwned\n",
    ],
    [
      "through a link of its own",
      "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+../outside\n" +
      "\\ No newline at end of file\ndiff --git a/l/pwned b/l/pwned\nnew file mode 100644\n" +
      "--- /dev/null\n+++ b/l/pwned\n@@ -0,0 +1 @@\n+pwned\n",
    ],
    ["through a link on disk", "--- /dev/null\n+++ b/link/pwned\n@@ -0,0 +1 @@\n+pwned\n"],
    [
      "deletes through a link on disk",
      "--- a/link/secret\n+++ /dev/null\n@@ -1 +0,0 @@\n-secret\n",
    ],
    [
      "renames out",
      "diff --git a/kept b/../outside/pwned\nsimilarity index 100%\nrename from kept\n" +
      "rename to ../outside/pwned\n",
    ],
    [
      "settings as a link",
      "diff --git a/.gitmodules b/.gitmodules\nnew file mode 120000\n--- /dev/null\n" +
      "+++ b/.gitmodules\n@@ -0,0 +1 @@\n+../outside\n\\ No newline at end of file\n",
    ],
  ];
  const evilPaths = [
    "../outside/pwned",
    "/tmp/pwned",
    ".git/hooks/post-checkout",
    "a/../../outside/pwned",
    ".GIT/config",
    "git~1/config",
    "a//b",
    "./a",
  ];
  const evilRefs = [
    "../outside/pwned",
    "refs/../../outside/pwned",
    "refs/heads/../../../outside/pwned",
    "refs/heads/a..b",
    "refs/heads/.a",
    "refs/heads/a.lock",
    "refs/heads/a b",
    "/refs/heads/a",
    "refs//heads",
    "-x",
  ];
  const labels: string[] = [];
  await sandbox((root) => {
    Deno.symlinkSync("../outside", `${root}/r/link`);
    const steps: { args: string[] }[] = [];
    for (const [name, text] of patches) {
      Deno.writeTextFileSync(`${root}/evil-${steps.length}`, text);
      for (const how of [[], ["--index"], ["--cached"]]) {
        labels.push(`apply ${how} ${name}`);
        const strip = name === "absolute" ? ["-p0"] : [];
        steps.push({
          args: ["apply", ...strip, ...how, `../evil-${steps.length - steps.length % 3}`],
        });
      }
    }
    const blob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    for (const path of evilPaths) {
      labels.push(`update-index ${path}`);
      steps.push({ args: ["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`] });
    }
    labels.push("update-index of a link");
    steps.push({ args: ["update-index", "--add", "--cacheinfo", `120000,${blob},.gitmodules`] });
    for (const path of ["link/secret", "../outside/secret"]) {
      labels.push(`add ${path}`);
      steps.push({ args: ["add", path] });
    }
    for (const ref of evilRefs) {
      labels.push(`update-ref ${ref}`);
      steps.push({ args: ["update-ref", ref, "HEAD"] });
      labels.push(`symbolic-ref ${ref}`);
      steps.push({ args: ["symbolic-ref", ref, "refs/heads/master"] });
      labels.push(`symbolic-ref HEAD ${ref}`);
      steps.push({ args: ["symbolic-ref", "HEAD", ref] });
      labels.push(`branch ${ref}`);
      steps.push({ args: ["branch", ref.replace(/^refs\/heads\//, "")] });
    }
    return steps;
  }, (results) => {
    // Git makes symbolic refs of any name that stays below refs.
    const fair = /^symbolic-ref refs\/heads\/(?!\.\.)/;
    for (const [i, { code }] of results.entries()) {
      assert(code !== 0 || fair.test(labels[i]!), `${labels[i]} was done`);
    }
  });
});

Deno.test("an index with paths that lead out is read, and nothing is written by it", async () => {
  const paths = ["../outside/pwned", "link/pwned", "/tmp/pwned", ".git/hooks/post-checkout"];
  for (const path of isSoak ? paths : paths.slice(0, 2)) {
    await sandbox((root, repository) => {
      Deno.symlinkSync("../outside", `${root}/r/link`);
      const blob = repository.objects.write("blob", fromByteString("pwned\n"));
      const index = new GitIndex(SHA1);
      index.replaceAll([makeEntry(path, MODE_FILE, blob), makeEntry("kept", MODE_FILE, blob)]);
      Deno.writeFileSync(`${root}/r/.git/index`, formatIndex(index));
      assertEquals(parseIndex(formatIndex(index), SHA1).entries.length, 2);
      return [
        { args: ["status", "-s"] },
        { args: ["checkout-index", "-a", "-f"] },
        { args: ["checkout", "-f", "--", "."] },
        { args: ["stash"] },
        { args: ["rm", "-f", "-q", "--", path] },
        { args: ["mv", "kept", "moved"] },
        { args: ["reset", "-q", "--hard"] },
      ];
    }, () => {});
  }
});

Deno.test("addresses that are options, unknown helpers and forbidden protocols are refused", async () => {
  for (
    const [url, code] of [
      ["-u./payload", "unsafe"],
      ["--upload-pack=touch pwned", "unsafe"],
      ["ssh://-oProxyCommand=touch pwned/x", "unsafe"],
      ["ssh://%2doProxyCommand=touch/x", "unsafe"],
      ["-oProxyCommand=touch:x", "unsafe"],
      ["[-oProxyCommand=touch]:x", "unsafe"],
      ["host:-path", "unsafe"],
      ["git://host/a%0ahost=evil", "unsafe"],
      ["git://ho%0ast/a", "unsafe"],
      ["https://a/\nb", "unsafe"],
      ["a\0b", "unsafe"],
      ["ext::sh -c touch% pwned", "invalid"],
      ["fd::7", "invalid"],
      ["gopher://x/y", "invalid"],
      ["ssh://host", "invalid"],
      ["file://", "invalid"],
    ] as const
  ) {
    const error = assertThrows(() => parseRemoteAddress(url), GitError, undefined, url);
    assertEquals(error.code, code, url);
  }
  const ssh = ["-c", "core.sshCommand=touch ../outside/pwned; false"];
  const urls = [
    "ssh://-oProxyCommand=touch/x",
    "-oProxyCommand=touch:x",
    "ext::sh -c touch% ../outside/pwned",
    "--upload-pack=touch ../outside/pwned",
  ];
  await sandbox(() => [
    ...urls.flatMap((url) => [
      { args: [...ssh, "clone", "-q", "--", url, "../clone"] },
      { args: [...ssh, "fetch", "-q", "--", url] },
      { args: [...ssh, "ls-remote", "--", url] },
      { args: [...ssh, "push", "-q", "--", url, "master"] },
    ]),
    { args: ["-c", "protocol.file.allow=never", "clone", "-q", ".", "../clone"] },
    { args: ["-c", "protocol.allow=never", "fetch", "-q", "."] },
    { args: ["-c", "protocol.ssh.allow=never", ...ssh, "ls-remote", "host:x"] },
    { args: ["-c", "protocol.file.allow=sometimes", "fetch", "-q", "."] },
  ], (results) => {
    for (const [i, { code, err }] of results.entries()) {
      assertEquals(code, 128, `${i} ${err}`);
      if (i >= results.length - 4) {
        assertStringIncludes(err, i === results.length - 1 ? "unknown value" : "not allowed");
      }
    }
  });
});

Deno.test("bundles with evil ref names and evil trees write nothing outside", async () => {
  await sandbox((root, repository) => {
    const head = repository.refs.id("refs/heads/master")!;
    const evil = evilTrees(repository).slice(0, 40).map(([, tree]) =>
      repository.objects.write(
        "commit",
        formatCommit({
          tree,
          parents: [head],
          author: WHO,
          committer: WHO,
          extra: [],
          message: "",
        }),
      )
    );
    const chunks: Uint8Array[] = [];
    const objects = [...repository.objects.ids()].map((id) => ({ id }));
    writePack(repository.objects, objects, (data) => chunks.push(data.slice()));
    const names = ["refs/heads/../../../outside/pwned", "refs/tags/..", "HEAD", "refs/heads/-x"];
    const refs = [
      ...names.map((name) => ({ id: evil[0]!, name })),
      ...evil.map((id, i) => ({ id, name: `refs/heads/e${i}` })),
    ];
    const header = { version: 2, algorithm: SHA1, filter: undefined, prerequisites: [], refs };
    Deno.writeFileSync(
      `${root}/evil.bundle`,
      concatBytes([formatBundleHeader(header), ...chunks]),
    );
    return [
      { args: ["fetch", "-q", "../evil.bundle", "refs/*:refs/*"] },
      { args: ["fetch", "-q", "../evil.bundle", "refs/heads/*:refs/remotes/x/*"] },
      { args: ["clone", "-q", "../evil.bundle", "../clone"] },
      { args: ["-c", "fetch.fsckObjects=true", "fetch", "-q", "../evil.bundle", "refs/heads/e0"] },
      { args: ["bundle", "unbundle", "../evil.bundle"] },
    ];
  }, () => {});
});

Deno.test("bad names in packed-refs, loops of symbolic refs and garbage in reflogs are survived", () => {
  const root = Deno.makeTempDirSync();
  try {
    const id = "1".repeat(40);
    Deno.mkdirSync(`${root}/refs/heads`, { recursive: true });
    Deno.mkdirSync(`${root}/logs`);
    Deno.writeTextFileSync(`${root}/secret`, `${id}\n`);
    Deno.writeTextFileSync(`${root}/HEAD`, "ref: refs/heads/a\n");
    Deno.writeTextFileSync(`${root}/refs/heads/a`, "ref: refs/heads/b\n");
    Deno.writeTextFileSync(`${root}/refs/heads/b`, "ref: refs/heads/a\n");
    Deno.writeTextFileSync(`${root}/refs/heads/out`, "ref: ../secret\n");
    Deno.writeTextFileSync(`${root}/refs/heads/up`, "ref: refs/heads/../../secret\n");
    Deno.writeTextFileSync(`${root}/refs/heads/nul`, `${id.slice(1)}\0\n`);
    Deno.writeTextFileSync(`${root}/refs/heads/long`, "x".repeat(100_000));
    Deno.writeTextFileSync(
      `${root}/packed-refs`,
      `# pack-refs with: peeled\n${id} refs/heads/fine\n${id} refs/heads/../../x\n` +
        `${id} ../../secret\n${id} refs/heads/a b\n^${id}\n${id} refs/heads/x.lock\n`,
    );
    Deno.writeTextFileSync(
      `${root}/logs/HEAD`,
      `nonsense\n${id} ${id}\n${id} ${id} A <a> 1 +0000\tfine\n\0\0\n${"x".repeat(100_000)}`,
    );
    const path = encodeText(root);
    const refs = new FileRefStore(path, path, SHA1);
    for (const name of ["HEAD", "refs/heads/a", "refs/heads/out", "refs/heads/up"]) {
      let found: string | undefined;
      try {
        found = refs.id(name);
      } catch (error) {
        assert(error instanceof GitError, `${name}: ${error}`);
      }
      assertEquals(found, undefined, name);
    }
    for (const name of ["../secret", "refs/heads/../../secret", "refs/../secret", "/secret"]) {
      assertThrows(() => refs.update({ name, newId: id }), GitError);
      assertThrows(() => refs.setSymbolic(name, "refs/heads/a"), GitError);
    }
    assertThrows(() => refs.update({ name: "HEAD", newId: id, oldId: id }), GitError);
    const whole = refs.list().filter((ref) => !ref.broken && ref.symbolic === undefined);
    assertEquals(whole.map((ref) => ref.name), ["refs/heads/fine"]);
    assertEquals(refs.readLog("HEAD")?.map((entry) => entry.message), ["fine"]);
    assertEquals(Deno.readTextFileSync(`${root}/secret`), `${id}\n`);
    Deno.writeTextFileSync(`${root}/packed-refs`, "nonsense\n");
    refs.invalidate();
    assertEquals(assertThrows(() => refs.list(), GitError).code, "corrupt");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("alternates and included settings that go in circles end", () => {
  const root = Deno.makeTempDirSync();
  try {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const [i, name] of names.entries()) {
      Deno.mkdirSync(`${root}/${name}/objects/info`, { recursive: true });
      Deno.mkdirSync(`${root}/${name}/objects/pack`);
      Deno.writeTextFileSync(
        `${root}/${name}/objects/info/alternates`,
        `../../${names[(i + 1) % names.length]}/objects\n${root}/${name}/objects\n/nonexistent\n`,
      );
    }
    const store = new FileObjectStore(encodeText(`${root}/a/objects`), SHA1);
    assertEquals(store.has("1".repeat(40)), false);
    const far = new FileObjectStore(encodeText(`${root}/b/objects`), SHA1);
    const id = far.write("blob", fromByteString("far\n"));
    assertEquals(new FileObjectStore(encodeText(`${root}/a/objects`), SHA1).has(id), true);
    store.close();
    far.close();

    const config = `${root}/config`;
    Deno.writeTextFileSync(config, "[include]\n\tpath = config\n[user]\n\tname = x\n");
    const environment = new Map([["GIT_CONFIG_NOSYSTEM", "1"], ["GIT_CONFIG_GLOBAL", config]]);
    const error = assertThrows(() => loadConfig({ environment }), GitError);
    assertStringIncludes(error.message, "exceeded maximum include depth (10)");
    Deno.writeTextFileSync(config, `[a "${"b".repeat(100_000)}"]\nc = ${"d".repeat(1_000_000)}\n`);
    assertEquals(loadConfig({ environment }).entries.length, 1);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("`safe.directory` and `safe.bareRepository` are read from settings that a repository cannot make", () => {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    const path = encodeText(root);
    Repository.init(`${path}/r`, { fsync: false }).close();
    Repository.init(`${path}/r/bare.git`, { bare: true, fsync: false }).close();
    const global = `${root}/global`;
    const base: [string, string][] = [["GIT_CONFIG_NOSYSTEM", "1"], ["GIT_CONFIG_GLOBAL", global]];
    const foreign = new Map([...base, ["GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"]]);
    const refused = (folder: string, environment: Map<string, string>): string => {
      const error = assertThrows(() => discoverRepository(folder, environment), GitError);
      assertEquals(error.code, "unsafe");
      return error.message;
    };
    Deno.writeTextFileSync(`${root}/r/.git/config`, `[safe]\n\tdirectory = *\n`, { append: true });
    assertStringIncludes(refused(`${path}/r`, foreign), "detected dubious ownership");
    Deno.writeTextFileSync(global, `[safe]\n\tdirectory = ${root}/r\n`);
    assertEquals(discoverRepository(`${path}/r`, foreign)?.workTree, `${path}/r`);
    Deno.writeTextFileSync(global, `[safe]\n\tdirectory = *\n\tdirectory =\n`);
    refused(`${path}/r`, foreign);
    Deno.writeTextFileSync(global, `[safe]\n\tdirectory = *\n`);
    assertEquals(discoverRepository(`${path}/r`, foreign)?.workTree, `${path}/r`);

    const own = new Map(base);
    assertEquals(discoverRepository(`${path}/r/bare.git`, own)?.gitDir, `${path}/r/bare.git`);
    Deno.writeTextFileSync(global, "[safe]\n\tbareRepository = explicit\n");
    assertStringIncludes(refused(`${path}/r/bare.git`, own), "cannot use bare repository");
    assertStringIncludes(refused(`${path}/r/bare.git/refs`, own), "cannot use bare repository");
    assertEquals(discoverRepository(`${path}/r`, own)?.workTree, `${path}/r`);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

function pack(entries: readonly Uint8Array[], algorithm: HashAlgorithm = SHA1): Uint8Array {
  const head = fromByteString("PACK\0\0\0\x02\0\0\0\0");
  new DataView(head.buffer, head.byteOffset).setUint32(8, entries.length);
  return withChecksum(concatBytes([head, ...entries]), algorithm);
}

function packed(
  type: number,
  size: number,
  data: Uint8Array,
  base: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return concatBytes([packEntryHeader(type, size), base, deflateSync(data)]);
}

Deno.test("deltas that lie and deltas in circles are typed errors", () => {
  const base = fromByteString("hello, world");
  for (
    const [what, delta] of [
      ["nothing", ""],
      ["only one size", "\x0c"],
      ["another base", "\x0d\x01\x01a"],
      ["an end inside an insert", "\x0c\x05\x05ab"],
      ["more than it said", "\x0c\x01\x02ab"],
      ["less than it said", "\x0c\x03\x02ab"],
      ["a reserved instruction", "\x0c\x01\x00"],
      ["a copy past the end of the base", "\x0c\x05\x91\x0a\x05"],
      ["a copy one byte past the end of the base", "\x0c\x05\x91\x08\x05"],
      ["a copy of 64 KiB of a small base", "\x0c\x80\x80\x04\x80"],
      ["an end inside a copy", "\x0c\x05\xff\x01"],
      ["a size beyond all numbers", "\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"],
      ["a size that no instruction fills", "\x0c\xff\xff\xff\x7f\x01a"],
    ] as const
  ) {
    const error = assertThrows(
      () => applyDelta(base, fromByteString(delta)),
      GitError,
      undefined,
      what,
    );
    assertEquals(error.code, "corrupt", what);
  }
  const data = fromByteString("x");
  const store = new MemoryObjectStore();
  const delta = fromByteString("\x01\x01\x01y");
  // An object by id that is nowhere, and one whose base is itself by offset.
  const nowhere = pack([packed(7, delta.length, delta, fromHex("1".repeat(40)))]);
  assertThrows(() => indexPack(new MemorySource(nowhere), SHA1, { store }), GitError);
  const self = pack([packed(6, delta.length, delta, Uint8Array.of(0))]);
  assertThrows(() => indexPack(new MemorySource(self), SHA1, { store }), GitError, "out of bound");
  // Two deltas by id that an index says are each other's base.
  const one = packed(7, delta.length, delta, fromHex("1".repeat(40)));
  const two = packed(7, delta.length, delta, fromHex("2".repeat(40)));
  const circle = new PackFile(new MemorySource(pack([one, two])), SHA1);
  const at = (id: string): number => id.startsWith("1") ? 12 + one.length : 12;
  assertThrows(() => circle.read(12, at), GitError, "cycle");
  assertThrows(() => circle.describe(12, at), GitError, "cycle");
  const plain = new PackFile(new MemorySource(pack([packed(3, 1, data)])), SHA1);
  assertEquals(toByteString(plain.read(12, at).data), "x");
});

Deno.test("`indexPack()` refuses settings of submodules that do harm where it is strict", () => {
  const make = (text: string): Uint8Array => {
    const store = new MemoryObjectStore();
    const id = store.write("blob", fromByteString(text));
    store.write("tree", formatTree([{ mode: MODE_FILE, name: ".gitmodules", id }]));
    const chunks: Uint8Array[] = [];
    writePack(store, [...store.ids()].map((id) => ({ id })), (data) => chunks.push(data.slice()));
    return concatBytes(chunks);
  };
  const evil = make('[submodule "../../x"]\n\tpath = x\n\turl = -u./payload\n');
  assertEquals(indexPack(new MemorySource(evil), SHA1).entries.length, 2);
  assertThrows(
    () => indexPack(new MemorySource(evil), SHA1, { strict: true }),
    GitError,
    "gitmodulesName",
  );
  const fine = make('[submodule "x"]\n\tpath = x\n\turl = ../x\n');
  assertEquals(indexPack(new MemorySource(fine), SHA1, { strict: true }).entries.length, 2);
});

Deno.test("a chain of 20,000 deltas is read without recursion", () => {
  const entries = [packed(3, 1, fromByteString("a"))];
  for (let i = 0; i < 20_000; i++) {
    // One byte back, one byte more each: copy everything, no, replace it.
    const delta = fromByteString(`\x01\x01\x01${String.fromCharCode(97 + i % 26)}`);
    const distance = entries.at(-1)!.length;
    entries.push(packed(6, delta.length, delta, Uint8Array.of(distance)));
  }
  const data = pack(entries);
  const indexed = indexPack(new MemorySource(data), SHA1);
  assertEquals(indexed.entries.length, 20_001);
  const file = new PackFile(new MemorySource(data), SHA1);
  const last = indexed.entries.at(-1)!;
  assertEquals(toByteString(file.read(last.offset, () => undefined).data), "f");
  assertEquals(file.describe(last.offset, () => undefined), { type: "blob", size: 1 });
});

Deno.test("sizes that lie take no memory: bombs are refused before or while they inflate", () => {
  const zeros = deflateSync(new Uint8Array(8 << 20));
  const announce = (size: number): Uint8Array =>
    pack([concatBytes([packEntryHeader(3, size), zeros])]);
  // More is announced than deflate can make of so many bytes.
  const huge = new PackFile(new MemorySource(announce(2 ** 31 - 100)), SHA1);
  assertThrows(() => huge.read(12, () => undefined), GitError, "impossible size");
  const beyond = new PackFile(new MemorySource(announce(2 ** 45)), SHA1);
  assertEquals(
    assertThrows(() => beyond.read(12, () => undefined), GitError).code,
    "limit",
  );
  for (const size of [0, 1, 1000, 100_000, (8 << 20) - 1]) {
    const file = new PackFile(new MemorySource(announce(size)), SHA1);
    const error = assertThrows(() => file.read(12, () => undefined), GitError);
    assertStringIncludes(error.message, "more data than announced");
    assertThrows(() => indexPack(new MemorySource(announce(size)), SHA1), GitError);
  }
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/aa`);
    const store = new FileObjectStore(encodeText(root), SHA1);
    const id = "a".repeat(40);
    const write = (text: Uint8Array): void =>
      Deno.writeFileSync(`${root}/aa/${"a".repeat(38)}`, deflateSync(text));
    for (
      const head of [
        "blob 8388608000000\0",
        "blob 2000000000\0",
        "blob 99999999999999999999\0",
        "blob -1\0",
        "blob 01\0x",
        "blob 1x\0x",
        "blob 1",
        "blub 1\0x",
        `${"b".repeat(100_000)} 1\0x`,
        "\0",
        "",
      ]
    ) {
      write(concatBytes([fromByteString(head), new Uint8Array(1 << 20)]));
      let object: unknown;
      try {
        object = store.read(id);
      } catch (error) {
        assert(error instanceof GitError, `${head}: ${error}`);
      }
      assertEquals(object, undefined, head.slice(0, 30));
    }
    store.close();
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("trees deeper than 1024 directories, and trees that hold each other, are typed errors", () => {
  const store = new MemoryObjectStore();
  const commitOf = (tree: string, parents: string[]): string =>
    store.write(
      "commit",
      formatCommit({ tree, parents, author: WHO, committer: WHO, extra: [], message: "" }),
    );
  const nested = (levels: number, leaf: string): string => {
    let id = store.write("blob", fromByteString(leaf));
    for (let i = 0; i < levels; i++) {
      id = store.write(
        "tree",
        formatTree([{ mode: i === 0 ? MODE_FILE : MODE_TREE, name: "a", id }]),
      );
    }
    return id;
  };
  for (const levels of [1025, 1026, 5_000]) {
    const [a, b, c] = ["a", "b", "c"].map((leaf) => nested(levels, leaf)) as [
      string,
      string,
      string,
    ];
    const base = commitOf(a, []);
    const [left, right] = [commitOf(b, [base]), commitOf(c, [base])];
    const tries: [string, () => unknown][] = [
      ["flattenTree", () => flattenTree(store, a).size],
      ["diffTrees", () => diffTrees(store, a, b).length],
      ["mergeCommits", () => mergeCommits(store, left, right).conflicts.length],
    ];
    for (const [name, attempt] of tries) {
      if (levels === 1025) assertEquals(attempt(), 1, name);
      else assertEquals(assertThrows(attempt, GitError, undefined, name).code, "limit");
    }
    assertEquals([...walkObjects(store, { include: [{ id: left }] })].length, 2 * levels + 4);
  }
  // Ten directories that are the same one, ten levels deep: ten thousand million files.
  let bomb = store.write("blob", new Uint8Array(0));
  for (let i = 0; i < 10; i++) {
    bomb = store.write(
      "tree",
      formatTree(
        Array.from({ length: 10 }, (_, n) => ({
          mode: i === 0 ? MODE_FILE : MODE_TREE,
          name: `d${n}`,
          id: bomb,
        })),
      ),
    );
  }
  assertEquals([...walkObjects(store, { include: [{ id: commitOf(bomb, []) }] })].length, 12);
  assertEquals(diffTrees(store, bomb, bomb).length, 0);
});

Deno.test("tags that tag tags and commits with very many parents or headers are read", () => {
  const store = new MemoryObjectStore();
  const blob = store.write("blob", new Uint8Array(0));
  let id = blob;
  for (let i = 0; i < 1500; i++) {
    id = store.write(
      "tag",
      formatTag({
        object: id,
        type: i === 0 ? "blob" : "tag",
        tag: `t${i}`,
        tagger: WHO,
        message: "",
      }),
    );
    if (i === 900) assertEquals(peelTo(store, id, "any"), blob);
  }
  // Git follows them all; here a thousand is the end.
  assertEquals(peelTo(store, id, "any"), undefined);
  const tree = store.write("tree", new Uint8Array(0));
  const many = formatCommit({
    tree,
    parents: Array.from({ length: 100_000 }, () => "1".repeat(40)),
    author: WHO,
    committer: WHO,
    extra: [["x", "y\n".repeat(100_000)], ["z".repeat(1_000_000), ""]],
    message: " ".repeat(1_000_000) + "x",
  });
  const commit = parseCommit(many, SHA1);
  assertEquals(commit.parents.length, 100_000);
  assertEquals(commit.extra.length, 2);
  assertEquals(subjectOf(commit.message), commit.message);
});

/** One whole file of each binary kind. */
function wholeFiles(algorithm: HashAlgorithm): [name: string, data: Uint8Array][] {
  const store = new MemoryObjectStore(algorithm);
  const blobs = Array.from(
    { length: 8 },
    (_, i) => store.write("blob", fromByteString(`line\n`.repeat(40) + i)),
  );
  const tree = store.write(
    "tree",
    formatTree(blobs.map((id, i) => ({ mode: MODE_FILE, name: `f${i}`, id }))),
  );
  const commits: string[] = [];
  for (let i = 0; i < 4; i++) {
    commits.push(
      store.write(
        "commit",
        formatCommit({
          tree,
          parents: i === 3 ? commits.slice() : commits.slice(-1),
          author: WHO,
          committer: WHO,
          extra: [],
          message: `${i}\n`,
        }),
      ),
    );
  }
  const chunks: Uint8Array[] = [];
  const written = writePack(
    store,
    [...store.ids()].map((id) => ({ id })),
    (data) => chunks.push(data.slice()),
  );
  const index = new GitIndex(algorithm);
  for (const [i, id] of blobs.entries()) index.add(makeEntry(`d${i % 2}/f${i}`, MODE_FILE, id));
  const v4 = parseIndex(formatIndex(index), algorithm);
  v4.version = 4;
  const graph = new Map(commits.map((id, i) => [id, {
    tree,
    parents: i === 3 ? commits.slice(0, 3) : commits.slice(Math.max(0, i - 1), i),
    time: i,
  }]));
  const checksum = chunks.length > 0
    ? concatBytes(chunks).slice(-algorithm.rawSize)
    : new Uint8Array();
  return [
    ["pack", concatBytes(chunks)],
    ["idx", formatPackIndex(written.entries, checksum, algorithm)],
    [
      "idx v1",
      algorithm === SHA1 ? formatPackIndexV1(written.entries, checksum, SHA1) : new Uint8Array(),
    ],
    [
      "multi-pack-index",
      formatMultiPackIndex(
        ["pack-1.idx"],
        written.entries.map(({ id, offset }) => ({ id, offset, pack: 0 })),
        algorithm,
      ),
    ],
    ["commit-graph", formatCommitGraph(graph, algorithm)],
    ["index", formatIndex(index)],
    ["index v4", formatIndex(v4)],
    [
      "bundle",
      formatBundleHeader({
        version: 3,
        algorithm,
        filter: "blob:none",
        prerequisites: [{ id: commits[0]!, comment: "0" }],
        refs: [{ id: commits[3]!, name: "refs/heads/x" }],
      }),
    ],
    ["advertisement", concatBytes([packet(`${commits[3]} HEAD\0side-band-64k\n`), FLUSH])],
  ];
}

Deno.test("files of every kind that are cut short or changed anywhere give typed errors", async () => {
  const changes = isSoak ? 20_000 : 30;
  const parsers = isSoak
    ? BINARY_PARSERS
    : BINARY_PARSERS.filter(([name]) => name !== "receive-pack");
  let seed = 20231;
  const random = (n: number): number => (seed = (seed * 48271) % 0x7fffffff) % n;
  for (const algorithm of [SHA1, SHA256]) {
    for (const [name, data] of wholeFiles(algorithm)) {
      if (data.length === 0) continue;
      const attempt = async (changed: Uint8Array, label: string): Promise<void> => {
        try {
          await runParsers(changed, parsers);
        } catch (error) {
          throw new Error(`${name} ${algorithm.name} ${label}: ${error}`, { cause: error });
        }
      };
      await attempt(data, "whole");
      const step = isSoak ? 1 : 1 + Math.floor(data.length / 24);
      for (let end = 0; end < data.length; end += step) {
        await attempt(data.subarray(0, end), `cut at ${end}`);
        // Cut, but with a checksum that holds.
        await attempt(withChecksum(data.subarray(0, end), algorithm), `cut at ${end} and sealed`);
      }
      for (let i = 0; i < changes; i++) {
        const changed = data.slice(0, data.length - algorithm.rawSize);
        const at = random(changed.length || 1);
        for (let n = 1 + random(4); n > 0; n--) {
          changed[(at + random(4)) % changed.length] = [0, 1, 0x7f, 0x80, 0xff][random(5)]!;
        }
        await attempt(withChecksum(changed, algorithm), `change ${i} with seed 20231`);
      }
    }
  }
  removeScratch();
});
