import { assertEquals } from "@std/assert";
import { type ByteString, fromByteString, toByteString } from "./_bytes.ts";
import { HAVE_GIT } from "./_test_support.ts";
import { mergeBases } from "./merge_base.ts";
import { mergeCommits, type MergeTreesOptions, type MergeTreesResult } from "./merge_trees.ts";
import { MemoryRepository } from "./memory_repository.ts";
import { readBlob } from "./object_store.ts";
import { Repository } from "./repository.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const WHO = "Ada <ada@example.com> 1700000000 +0000";

// Random histories, merged by real git and by ours.

/** A small generator of numbers, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface File {
  mode: string;
  data: string;
}
type Tree = Map<string, File>;

const DIRECTORIES = ["", "a/", "b/", "a/x/", "a/y/", "lib/", "lib/deep/er/", "new/", "new/x/"];
const NAMES = ["one", "two", "three.c", "four.h", "five.txt", "six", "x", "y", "a"];
const WORDS = ["alpha", "beta", "gamma", "delta", "}", "", "  return;", "epsilon", "\tzeta"];

/** One history: a base, sides that grow apart, maybe merges of them, and sides that go on. */
class History {
  readonly next: (below: number) => number;
  readonly name: string;
  stream = "";
  commits = 0;

  constructor(seed: number) {
    this.next = random(seed);
    this.name = `h${seed}`;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)]!;
  }

  lines(count: number): string[] {
    return Array.from(
      { length: count },
      () => this.next(3) === 0 ? this.pick(WORDS) : `${this.pick(WORDS)} ${this.next(40)}`,
    );
  }

  path(): string {
    return this.pick(DIRECTORIES) + this.pick(NAMES);
  }

  content(): string {
    const kind = this.next(24);
    if (kind === 0) return "";
    if (kind === 1) return `\0${this.next(5)}binary\n`;
    const text = this.lines(1 + this.next(30)).join("\n");
    return kind === 2 ? text : `${text}\n`;
  }

  /** Puts a file, and makes room for it. */
  put(tree: Tree, path: string, file: File): void {
    for (const other of [...tree.keys()]) {
      if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) tree.delete(other);
    }
    tree.set(path, file);
  }

  start(): Tree {
    const tree: Tree = new Map();
    for (let n = 4 + this.next(14); n > 0; n--) {
      this.put(tree, this.path(), { mode: "100644", data: this.content() });
    }
    return tree;
  }

  /** The same file with other content. */
  edited(file: File): File {
    if (file.mode === "120000") return { ...file, data: this.pick(NAMES) };
    if (file.mode === "160000") return { ...file, data: `${1 + this.next(3)}`.repeat(40) };
    return { ...file, data: this.edit(file.data) };
  }

  edit(data: string): string {
    const lines = data.split("\n");
    for (let n = 1 + this.next(3); n > 0; n--) {
      const at = this.next(lines.length);
      const kind = this.next(3);
      if (kind === 0) lines[at] = this.lines(1)[0]!;
      else if (kind === 1) lines.splice(at, 0, ...this.lines(1 + this.next(3)));
      else if (lines.length > 2) lines.splice(at, 1 + this.next(2));
    }
    return lines.join("\n");
  }

  change(tree: Tree): void {
    const paths = [...tree.keys()];
    if (paths.length === 0) {
      this.put(tree, this.path(), { mode: "100644", data: this.content() });
      return;
    }
    const path = this.pick(paths);
    const file = tree.get(path)!;
    const kind = this.next(20);
    if (kind < 6) tree.set(path, this.edited(file));
    else if (kind < 9) {
      tree.delete(path);
      this.put(tree, this.path(), this.next(2) === 0 ? file : this.edited(file));
    } else if (kind < 12) {
      // A directory, or most of it, goes elsewhere.
      const from = path.slice(0, path.lastIndexOf("/") + 1);
      const to = this.next(2) === 0 ? this.pick(DIRECTORIES) : `moved${this.next(2)}/`;
      if (from === "" && this.next(4) > 0) return;
      for (const inner of paths.filter((one) => one.startsWith(from))) {
        if (this.next(8) === 0) continue;
        const content = tree.get(inner);
        if (content === undefined) continue;
        tree.delete(inner);
        this.put(
          tree,
          to + inner.slice(from.length),
          this.next(4) === 0 ? this.edited(content) : content,
        );
      }
    } else if (kind < 14) tree.delete(path);
    else if (kind < 16) this.put(tree, this.path(), { mode: "100644", data: this.content() });
    else if (kind < 17) {
      if (!file.mode.startsWith("100")) return;
      tree.set(path, { ...file, mode: file.mode === "100755" ? "100644" : "100755" });
    } else if (kind < 18) this.put(tree, path, { mode: "120000", data: this.pick(NAMES) });
    else if (kind < 19) {
      this.put(tree, path, { mode: "160000", data: `${1 + this.next(3)}`.repeat(40) });
    } else {
      tree.delete(path);
      this.put(tree, `${path}/${this.pick(NAMES)}`, file);
    }
  }

  /** Adds a commit to the stream and returns its mark. */
  commit(tree: Tree, parents: string[]): string {
    const mark = `refs/heads/${this.name}/${++this.commits}`;
    const who = `A <a@example.com> ${1700000000 + this.commits * 60} +0000`;
    this.stream += `commit ${mark}\ncommitter ${who}\ndata 1\nx\n`;
    parents.forEach((parent, i) => this.stream += `${i === 0 ? "from" : "merge"} ${parent}\n`);
    this.stream += "deleteall\n";
    for (const [path, { mode, data }] of tree) {
      this.stream += mode === "160000"
        ? `M 160000 ${data} ${path}\n`
        : `M ${mode} inline ${path}\ndata ${data.length}\n${data}\n`;
    }
    this.stream += "\n";
    return mark;
  }

  grow(tree: Tree): Tree {
    const out: Tree = new Map(tree);
    for (let n = 1 + this.next(5); n > 0; n--) this.change(out);
    return out;
  }

  /** Pairs of commits to merge. */
  build(): [string, string][] {
    const base = this.start();
    const left = this.grow(base), right = this.grow(base);
    const root = this.commit(base, []);
    const a = this.commit(left, [root]), b = this.commit(right, [root]);
    const pairs: [string, string][] = [[a, b], [b, a]];
    if (this.next(2) === 0) {
      // Both sides merge each other, each in its own way: two merge bases.
      const c = this.commit(this.grow(left), [a, b]), d = this.commit(this.grow(right), [b, a]);
      pairs.push([c, d]);
      if (this.next(3) === 0) {
        const e = this.commit(this.grow(left), [c, d]), f = this.commit(this.grow(right), [d, c]);
        pairs.push([e, f]);
      }
    }
    return pairs;
  }
}

async function runReal(
  directory: string,
  args: readonly string[],
  input: ByteString,
): Promise<ByteString> {
  const child = new Deno.Command("git", {
    args: [...args],
    cwd: directory,
    env: { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
    stdin: input === "" ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const write = async (): Promise<void> => {
    const writer = child.stdin.getWriter();
    await writer.write(fromByteString(input));
    await writer.close();
  };
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    // A child that fails early does not read it all; its exit code tells.
    input === "" ? undefined : write().catch(() => {}),
  ]);
  if (!success) throw new Error(`git ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return toByteString(stdout);
}

/** What `git merge-tree --stdin --messages` prints of a merge. */
function formatted(result: MergeTreesResult): ByteString {
  let out = `${result.clean ? 1 : 0}\0${result.tree}\0`;
  for (const { path, stages } of result.conflicts) {
    stages.forEach((side, i) => {
      if (side === undefined) return;
      out += `${side.mode.toString(8).padStart(6, "0")} ${side.id} ${i + 1}\t${path}\0`;
    });
  }
  out += "\0";
  for (const { kind, paths, text } of result.messages) {
    out += `${paths.length}\0${paths.map((path) => `${path}\0`).join("")}${kind}\0${text}\n\0`;
  }
  // What there is to do about submodules is for people only.
  return `${out}\0`;
}

/** Cuts what real git printed into its merges, without the advice about submodules. */
function* records(text: ByteString): Generator<ByteString> {
  let at = 0;
  const token = (): ByteString => {
    const end = text.indexOf("\0", at);
    const out = text.slice(at, end + 1);
    at = end + 1;
    return out;
  };
  while (at < text.length) {
    let out = token() + token();
    while (text[at] !== "\0") out += token();
    out += token();
    while (text[at] !== "\0" && !text.startsWith("Recursive merging", at)) {
      const count = token();
      out += count;
      for (let n = Number.parseInt(count) + 2; n > 0; n--) out += token();
    }
    token();
    yield `${out}\0`;
  }
}

/** What real git makes of each pair; `undefined` where one of its assertions fails. */
async function realMerges(
  directory: string,
  config: readonly string[],
  pairs: readonly (readonly [string, string])[],
): Promise<(ByteString | undefined)[]> {
  const args = [...config.flatMap((one) => ["-c", one]), "merge-tree", "--stdin", "--messages"];
  try {
    const out = await runReal(directory, args, pairs.map((pair) => `${pair.join(" ")}\n`).join(""));
    return [...records(out)];
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("Assertion"))) throw error;
    if (pairs.length === 1) return [undefined];
    const half = pairs.length >> 1;
    return [
      ...await realMerges(directory, config, pairs.slice(0, half)),
      ...await realMerges(directory, config, pairs.slice(half)),
    ];
  }
}

/** The ways in which merges are configured, and what that is for the library. */
const SETTINGS: readonly (readonly [string[], MergeTreesOptions])[] = [
  [[], {}],
  [["merge.directoryRenames=true", "merge.conflictStyle=diff3"], {
    directoryRenames: true,
    style: "diff3",
  }],
  [["merge.directoryRenames=false", "merge.conflictStyle=zdiff3", "merge.renameLimit=2"], {
    directoryRenames: false,
    style: "zdiff3",
    renameLimit: 2,
  }],
];

Deno.test({
  name: `\`mergeCommits()\` merges random histories as git merge-tree does${
    HAVE_GIT ? "" : " (skipped: git is not installed)"
  }`,
  ignore: !HAVE_GIT,
  fn: async () => {
    const rounds = SOAK ? 20 : 1, perRound = SOAK ? 200 : 25;
    const firstSeed = Number(Deno.env.get("GROUNDWORK_SEED") ?? 1);
    for (let round = 0; round < rounds; round++) {
      const directory = await Deno.makeTempDir();
      try {
        await runReal(directory, ["init", "-q", "--bare", "."], "");
        const histories = Array.from(
          { length: perRound },
          (_, i) => new History(firstSeed + round * perRound + i),
        );
        const pairs = histories.flatMap((history) => history.build());
        await runReal(
          directory,
          ["fast-import", "--quiet", "--force"],
          histories.map((history) => history.stream).join(""),
        );
        using repository = Repository.open(directory);
        for (const [config, options] of SETTINGS) {
          const expected = await realMerges(directory, config, pairs);
          assertEquals(expected.length, pairs.length);
          for (const [i, [a, b]] of pairs.entries()) {
            const [ours, theirs] = [a, b].map((name) => repository.refs.id(name)!) as [
              string,
              string,
            ];
            const result = mergeCommits(repository.objects, ours, theirs, {
              ...options,
              ours: a,
              theirs: b,
            }, mergeBases(repository.objects, ours, [theirs]));
            const record = expected[i];
            // Git up to at least 2.39 loses our file, and writes a tree with an empty mode, where a
            // renamed directory takes it out of the way of another.
            if (record === undefined || record.includes("\x00000000 0000")) continue;
            assertEquals(
              formatted(result),
              record,
              `${a} ${b} with ${config.join(" ") || "no settings"}`,
            );
          }
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    }
  },
});
type Files = Record<string, string>;

/** Merges three sets of files. */
function merge(
  base: Files,
  ours: Files,
  theirs: Files,
  options: MergeTreesOptions = {},
): { files: Files; conflicts: string[]; messages: string[]; clean: boolean } {
  const repository = MemoryRepository.init();
  const commit = (branch: string, files: Files): string => {
    if (branch !== "master") repository.switchTo(branch);
    for (const [path] of repository.entries()) if (!(path in files)) repository.remove(path);
    for (const [path, text] of Object.entries(files)) repository.add(path, fromByteString(text));
    return repository.commit({ author: WHO, message: "x\n" });
  };
  commit("master", base);
  const a = commit("ours", ours);
  repository.switchTo("master");
  const b = commit("theirs", theirs);
  const result = mergeCommits(repository.objects, a, b, options);
  repository.readTree(result.tree);
  return {
    files: Object.fromEntries(
      repository.entries().map(([path, { id }]) => [
        path,
        toByteString(readBlob(repository.objects, id)),
      ]),
    ),
    conflicts: result.conflicts.map(({ path, stages }) =>
      `${path} ${stages.map((stage, i) => stage === undefined ? "" : i + 1).join("")}`
    ),
    messages: result.messages.map(({ text }) => text),
    clean: result.clean,
  };
}

const TEN = Array.from({ length: 10 }, (_, i) => `line ${i}\n`).join("");

Deno.test("`mergeCommits()` follows a file that one side renamed and the other changed", () => {
  const changed = TEN.replace("line 4", "LINE 4");
  const { files, clean } = merge({ "a.txt": TEN }, { "b/c.txt": TEN }, { "a.txt": changed });
  assertEquals(files, { "b/c.txt": changed });
  assertEquals(clean, true);
});

Deno.test("`mergeCommits()` moves what was added along with a renamed directory, as asked", () => {
  const base = { "old/a": `${TEN}a\n`, "old/b": `${TEN}b\n` };
  const ours = { "new/a": `${TEN}a\n`, "new/b": `${TEN}b\n` };
  const theirs = { ...base, "old/c": "c\n" };
  assertEquals(merge(base, ours, theirs, { directoryRenames: true }), {
    files: { ...ours, "new/c": "c\n" },
    conflicts: [],
    messages: [
      "Path updated: old/c added in theirs inside a directory that was renamed in ours; moving it to new/c.",
    ],
    clean: true,
  });
  assertEquals(merge(base, ours, theirs), {
    files: { ...ours, "new/c": "c\n" },
    conflicts: ["new/c 3"],
    messages: [
      "CONFLICT (file location): old/c added in theirs inside a directory that was renamed in ours, suggesting it should perhaps be moved to new/c.",
    ],
    clean: false,
  });
  assertEquals(merge(base, ours, theirs, { directoryRenames: false }).files, {
    ...ours,
    "old/c": "c\n",
  });
});

Deno.test("`mergeCommits()` keeps a file that is renamed to two names under both", () => {
  const { conflicts, messages } = merge({ a: TEN }, { b: TEN }, { c: TEN });
  assertEquals(conflicts, ["a 1", "b 2", "c 3"]);
  assertEquals(messages, [
    "CONFLICT (rename/rename): a renamed to b in ours and to c in theirs.",
  ]);
});

Deno.test("`mergeCommits()` moves a file out of the way of a directory", () => {
  const { files, conflicts } = merge({ x: "x\n" }, { x: "x\n", d: "file\n" }, {
    x: "x\n",
    "d/inner": "inner\n",
  });
  assertEquals(files, { "d/inner": "inner\n", "d~ours": "file\n", x: "x\n" });
  assertEquals(conflicts, ["d~ours 2"]);
});

Deno.test("`mergeCommits()` merges a path the way its attributes say", () => {
  const base = { log: "1\n" }, ours = { log: "1\n2\n" }, theirs = { log: "1\n3\n" };
  const text = (options: MergeTreesOptions): string =>
    merge(base, ours, theirs, options).files.log!;
  assertEquals(text({}), "1\n<<<<<<< ours\n2\n=======\n3\n>>>>>>> theirs\n");
  assertEquals(text({ attributes: () => ({ driver: "union" }) }), "1\n2\n3\n");
  assertEquals(text({ attributes: () => ({ driver: "binary" }) }), "1\n2\n");
  assertEquals(
    text({ attributes: () => ({ markerSize: 3 }) }),
    "1\n<<< ours\n2\n===\n3\n>>> theirs\n",
  );
  assertEquals(
    text({
      attributes: () => ({
        driver: ({ path, ours, theirs }) => ({
          data: fromByteString(`${path} ${ours.length} ${theirs.length}`),
          clean: true,
        }),
      }),
    }),
    "log 4 4",
  );
  assertEquals(text({ favor: "theirs" }), "1\n3\n");
});

Deno.test("`mergeCommits()` brings line ends into one form before it compares them", () => {
  const renormalize = (_: string, data: Uint8Array): Uint8Array =>
    fromByteString(toByteString(data).replaceAll("\r\n", "\n"));
  const result = merge(
    { f: TEN },
    { f: TEN.replace("line 1", "ours").replaceAll("\n", "\r\n") },
    { f: TEN.replace("line 8", "theirs") },
    { renormalize },
  );
  assertEquals(result.clean, true);
  assertEquals(result.files.f, TEN.replace("line 1", "ours").replace("line 8", "theirs"));
});

Deno.test("`mergeCommits()` finds the directory that another project is a part of", () => {
  const project = { "README": TEN, "src": "1\n" };
  const inside = Object.fromEntries(
    Object.entries(project).map(([path, text]) => [`sub/${path}`, text]),
  );
  const changed = { ...project, "README": `${TEN}more\n` };
  for (const subtree of ["", "sub"]) {
    const repository = MemoryRepository.init();
    const commit = (files: Files): string => {
      for (const [path] of repository.entries()) if (!(path in files)) repository.remove(path);
      for (const [path, text] of Object.entries(files)) {
        repository.add(path, fromByteString(text));
      }
      return repository.commit({ author: WHO, message: "x\n" });
    };
    const base = commit(project);
    repository.switchTo("theirs");
    const theirs = commit(changed);
    repository.switchTo("master");
    const ours = commit({ ...inside, top: "top\n" });
    const { tree, clean } = mergeCommits(repository.objects, ours, theirs, { subtree }, [base]);
    repository.readTree(tree);
    assertEquals(clean, true);
    assertEquals(repository.entries().map(([path]) => path), ["sub/README", "sub/src", "top"]);
  }
});
