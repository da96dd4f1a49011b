import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeText, formatCommit, formatTree, type ObjectId, Repository } from "../git/mod.ts";
import { gitService } from "./git_service.ts";
import { Stack } from "./stack.ts";
import { webConsole } from "./web_console.ts";

const WHO = "Ada <ada@example.com> 1700000000 +0000";

/** Makes a bare repository with three commits: two on a line, and a merge of one beside them. */
function makeRepository(path: string): ObjectId {
  using repository = Repository.init(path, { bare: true });
  const { objects, refs } = repository;
  const text = (content: string): ObjectId =>
    objects.write("blob", new TextEncoder().encode(content));
  const commit = (files: Record<string, string>, parents: ObjectId[], message: string): ObjectId =>
    objects.write(
      "commit",
      formatCommit({
        tree: objects.write(
          "tree",
          formatTree(
            Object.entries(files).map(([name, content]) => ({
              name: encodeText(name),
              id: text(content),
              mode: 0o100644,
            })),
          ),
        ),
        parents,
        author: WHO,
        committer: WHO,
        extra: [],
        message: encodeText(`${message}\n`),
      }),
    );
  const first = commit({ "a.txt": "one\n" }, [], "First <b>");
  const second = commit({ "a.txt": "one\ntwö\n" }, [first], "Second");
  const side = commit({ "a.txt": "one\n", "b.txt": "b\n" }, [first], "Side");
  const merge = commit({ "a.txt": "one\ntwö\n", "b.txt": "b\n" }, [second, side], "Merge side");
  refs.update({ name: "refs/heads/master", newId: merge });
  refs.update({ name: "refs/tags/v1", newId: first });
  return merge;
}

async function withStack(
  use: (page: { url: string; dataDir: string; get: (path: string) => Promise<string> }) => Promise<
    void
  >,
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  try {
    await using stack = new Stack([gitService(), webConsole({ port: 0 })], { dataDir });
    await stack.start();
    const { url } = stack.services[1]!.endpoints[0]!;
    await use({ url, dataDir, get: async (path) => await (await fetch(url + path)).text() });
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("The Git page lists repositories and shows tree, file, log, commit and blame", async () => {
  await withStack(async ({ url, dataDir, get }) => {
    assertStringIncludes(await get("git"), "No repositories");
    const merge = makeRepository(`${dataDir}/git/team/project.git`);
    const list = await get("git");
    assertStringIncludes(list, "team/project.git");
    assertStringIncludes(list, `git clone ${url}git/team/project.git`);
    assertStringIncludes(list, "Merge side");
    const tree = await get("git?repo=team/project.git");
    assertEquals([...tree.matchAll(/<td><a href="[^"]*">([^<]*)</g)].map((one) => one[1]), [
      "a.txt",
      "b.txt",
    ]);
    assertStringIncludes(await get("git?repo=team/project.git&path=a.txt"), "<pre>twö</pre>");
    const log = await get("git?repo=team/project.git&view=log");
    assertStringIncludes(log, "First &lt;b&gt;");
    assertStringIncludes(log, '<td class="code git-graph">|\\  </td>');
    assertStringIncludes(log, merge.slice(0, 10));
    assertStringIncludes(log, ">v1</span>");
    const commit = await get(`git?repo=team/project.git&view=commit&rev=master^1`);
    assertStringIncludes(commit, '<span class="git-added">+twö');
    assertStringIncludes(commit, "1 file changed.");
    const blamed = await get("git?repo=team/project.git&view=blame&path=a.txt");
    const commits = [...blamed.matchAll(/rev=([0-9a-f]{40})">[0-9a-f]{8}</g)].map((one) => one[1]);
    assertEquals(commits.length, 2);
    assert(commits[0] !== commits[1]);
  });
});

Deno.test("The Git page answers 404 for what is no repository, and tells of what is not there", async () => {
  await withStack(async ({ url, dataDir, get }) => {
    makeRepository(`${dataDir}/git/project.git`);
    for (const name of ["none", "..", "../git/project.git", "project.git/refs", "a%00b"]) {
      const answer = await fetch(`${url}git?repo=${name}`);
      assertEquals(answer.status, 404);
      assertStringIncludes(await answer.text(), "There is no such repository.");
    }
    assertStringIncludes(await get("git?repo=project.git&rev=nothing"), "names no commit");
    assertStringIncludes(await get("git?repo=project.git&path=x/y"), "There is no");
    assertStringIncludes(await get("git?repo=project.git&view=blame"), "Blame needs a file");
  });
});

const hasGit = await new Deno.Command("git", { args: ["--version"], stdout: "null" }).output().then(
  (output) => output.success,
  () => false,
);

Deno.test(
  `git pushes to the console's port and clones from it${
    hasGit ? "" : " (ignored: there is no git in PATH)"
  }`,
  { ignore: !hasGit },
  async () => {
    await withStack(async ({ url, dataDir, get }) => {
      const git = async (...args: string[]): Promise<string> => {
        const { success, stdout, stderr } = await new Deno.Command("git", {
          args: ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", ...args],
          cwd: dataDir,
          env: { GIT_CONFIG_NOSYSTEM: "1", HOME: dataDir, GIT_TERMINAL_PROMPT: "0" },
        }).output();
        assert(success, new TextDecoder().decode(stderr));
        return new TextDecoder().decode(stdout).trim();
      };
      await git("init", "-q", "-b", "master", "tree");
      await Deno.writeTextFile(`${dataDir}/tree/file.txt`, "hello\n");
      await git("-C", "tree", "add", "file.txt");
      await git("-C", "tree", "commit", "-q", "-m", "A commit");
      await git("-C", "tree", "push", "-q", `${url}git/new.git`, "master");
      assertStringIncludes(await get("git"), "A commit");
      await git("clone", "-q", `${url}git/new.git`, "copy");
      assertEquals(await Deno.readTextFile(`${dataDir}/copy/file.txt`), "hello\n");
      // A page of another site cannot push with the browser's help.
      const refused = await fetch(`${url}git/new.git/git-receive-pack`, {
        method: "POST",
        headers: { origin: "http://evil.example" },
        body: "x",
      });
      await refused.body?.cancel();
      assertEquals(refused.status, 403);
    });
  },
);
