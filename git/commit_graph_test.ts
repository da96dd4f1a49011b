import { assert, assertEquals, assertThrows } from "@std/assert";
import { CommitGraph, formatCommitGraph } from "./commit_graph.ts";
import { GitError } from "./errors.ts";
import { SHA1, SHA256 } from "./hash_algorithm.ts";
import { formatMultiPackIndex, MultiPackIndex } from "./multi_pack_index.ts";
import { MemorySource } from "./pack_file.ts";

function id(n: number, size = 40): string {
  return n.toString(16).padStart(2, "0").padEnd(size, "7");
}

Deno.test("`formatCommitGraph()` keeps parents, also of octopus merges, trees, times and levels", () => {
  for (const algorithm of [SHA1, SHA256]) {
    const name = (n: number): string => id(n, algorithm.hexSize);
    const entry = (parents: number[], time: number) => ({
      tree: name(200),
      parents: parents.map(name),
      time,
    });
    const file = formatCommitGraph(
      new Map([
        [name(9), entry([], 5)],
        [name(3), entry([9], 17_179_869_183)],
        [name(7), entry([9], 6)],
        [name(1), entry([3, 7, 9], 8)],
      ]),
      algorithm,
    );
    const graph = new CommitGraph([new MemorySource(file)], algorithm);
    graph.verify(algorithm);
    assertEquals(graph.count, 4);
    assertEquals(graph.find(name(1)), { ...entry([3, 7, 9], 8), generation: 3 });
    assertEquals(graph.find(name(3))?.time, 17_179_869_183);
    assertEquals(graph.find(name(9))?.generation, 1);
    assertEquals(graph.find(name(8)), undefined);
  }
});

Deno.test("`CommitGraph` refuses damage, and `formatCommitGraph()` circles and missing parents", () => {
  const file = formatCommitGraph(
    new Map([[id(9), { tree: id(1), parents: [], time: 5 }]]),
    SHA1,
  );
  for (let i = 0; i < file.length; i++) {
    const damaged = file.slice();
    damaged[i]! ^= 0xff;
    assertThrows(() => {
      const graph = new CommitGraph([new MemorySource(damaged)], SHA1);
      graph.verify(SHA1);
    }, GitError);
    assertThrows(() => {
      const graph = new CommitGraph([new MemorySource(file.subarray(0, i))], SHA1);
      graph.verify(SHA1);
    }, GitError);
  }
  const tree = id(1);
  assertThrows(
    () =>
      formatCommitGraph(
        new Map([
          [id(2), { tree, parents: [id(3)], time: 1 }],
          [id(3), { tree, parents: [id(2)], time: 1 }],
        ]),
        SHA1,
      ),
    GitError,
    "ancestor of itself",
  );
  assertThrows(
    () => formatCommitGraph(new Map([[id(2), { tree, parents: [id(3)], time: 1 }]]), SHA1),
    GitError,
    "missing",
  );
});

Deno.test("`MultiPackIndex` finds objects, with offsets over 32 bits, and refuses damage", () => {
  const entries = [
    { id: id(5), pack: 1, offset: 12 },
    { id: id(2), pack: 0, offset: 5_000_000_000 },
    { id: id(255), pack: 0, offset: 2_147_483_700 },
  ];
  const file = formatMultiPackIndex(["pack-a.idx", "pack-b.idx"], entries, SHA1);
  const index = new MultiPackIndex(new MemorySource(file), SHA1);
  index.verify(SHA1);
  assertEquals(index.packs, ["pack-a.idx", "pack-b.idx"]);
  for (const { id, pack, offset } of entries) assertEquals(index.find(id), { pack, offset });
  assertEquals(index.find(id(6)), undefined);
  for (let i = 0; i < file.length; i++) {
    const damaged = file.slice();
    damaged[i]! ^= 0x81;
    assertThrows(() => new MultiPackIndex(new MemorySource(damaged), SHA1).verify(SHA1), GitError);
  }
});

const hasGit = await new Deno.Command("git", { args: ["--version"], stdout: "null" }).output().then(
  (output) => output.success,
  () => false,
);

Deno.test(
  `git verifies our commit-graph and multi-pack-index, and we read git's${
    hasGit ? "" : " (ignored: there is no git in PATH)"
  }`,
  { ignore: !hasGit },
  async () => {
    const { Repository } = await import("./repository.ts");
    const { commitLinks } = await import("./merge_base.ts");
    const { encodeText } = await import("./_bytes.ts");
    const dir = await Deno.makeTempDir();
    const git = async (...args: string[]): Promise<string> => {
      const { success, stdout, stderr } = await new Deno.Command("git", {
        args: [
          "-c",
          "user.name=A",
          "-c",
          "user.email=a@b",
          "-c",
          "init.defaultBranch=master",
          ...args,
        ],
        cwd: dir,
        env: { GIT_CONFIG_NOSYSTEM: "1", HOME: dir },
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout).trim();
    };
    try {
      await git("init", "-q");
      for (let i = 0; i < 5; i++) await git("commit", "-q", "--allow-empty", "-m", `c${i}`);
      await git("repack", "-q", "-d");
      await git("commit", "-q", "--allow-empty", "-m", "last");
      await git("repack", "-q", "-d");
      const head = await git("rev-parse", "HEAD");
      const parent = await git("rev-parse", "HEAD^");
      await git("commit-graph", "write", "--reachable");
      await git("multi-pack-index", "write");
      {
        using repository = Repository.open(dir);
        const graph = repository.objects.commitGraph()!;
        assertEquals(graph.count, 6);
        assertEquals(graph.find(head)?.parents, [parent]);
        assertEquals(commitLinks(repository.objects, head).parents, [parent]);
        const index = MultiPackIndex.open(encodeText(`${dir}/.git/objects`), SHA1)!;
        index.verify(SHA1);
        assertEquals(index.packs.length, 2);
        index.close();
        // The multi-pack-index answers for the packs.
        assertEquals(repository.objects.read(head)?.type, "commit");
        const commits = new Map(
          [...graph.ids()].map((one) => [one, commitLinks(repository.objects, one)]),
        );
        await Deno.remove(`${dir}/.git/objects/info/commit-graph`);
        await Deno.writeFile(
          `${dir}/.git/objects/info/commit-graph`,
          formatCommitGraph(commits, SHA1),
        );
      }
      await git("commit-graph", "verify");
      assertEquals((await git("rev-list", "HEAD")).split("\n").length, 6);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
