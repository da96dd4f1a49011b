/**
 * Repositories, packs, patches and addresses made to do harm. What must hold everywhere: nothing is
 * written outside the worktree or into the Git directory by content, errors are typed, and limits
 * are kept.
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { encodeText, fromByteString, fromHex, toByteString } from "./_bytes.ts";
import { applyDelta } from "./delta.ts";
import { GitError } from "./errors.ts";
import { FileObjectStore } from "./file_object_store.ts";
import { type HashAlgorithm, SHA1, SHA256 } from "./hash_algorithm.ts";
import { indexPack, packEntryHeader } from "./index_pack.ts";
import { formatIndex, GitIndex, makeEntry, parseIndex } from "./index_file.ts";
import { formatCommit, MODE_FILE, MODE_SYMLINK, MODE_TREE } from "./objects.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { MemorySource } from "./pack_file.ts";
import { parseRemoteAddress } from "./remote.ts";
import { FileRefStore } from "./ref_store.ts";
import { isSafePath } from "./safe_path.ts";
import { discoverRepository, loadConfig, Repository } from "./repository.ts";
import { ENV } from "./_test_support.ts";

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
