import { assertEquals, assertStringIncludes } from "@std/assert";
import { createGitHost } from "./host.ts";
import { HAVE_GIT, realGit } from "./_test_support.ts";

Deno.test({
  name: `\`createGitHost()\` serves clone, shallow and partial clone, and push to real git${
    HAVE_GIT ? "" : " (ignored: git is not installed)"
  }`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    const work = await Deno.makeTempDir();
    const pushed: string[] = [];
    const handler = createGitHost({
      root,
      create: true,
      postReceive: (name, commands) =>
        void pushed.push(...commands.map((command) => `${name} ${command.name}`)),
    });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
    try {
      const url = `http://127.0.0.1:${server.addr.port}/one.git`;
      await realGit(work, "init", "-q", "-b", "master", "a");
      const a = `${work}/a`;
      for (let i = 0; i < 5; i++) {
        await Deno.writeTextFile(`${a}/f`, `${"x\n".repeat(100)}${i}\n`);
        await realGit(a, "add", ".");
        await realGit(a, "commit", "-qm", `c${i}`);
      }
      assertEquals((await realGit(a, "push", "-q", url, "master")).err, "");
      assertEquals(pushed, ["one.git refs/heads/master"]);
      for (const version of ["0", "1", "2"]) {
        assertEquals(
          (await realGit(
            work,
            "-c",
            `protocol.version=${version}`,
            "clone",
            "-q",
            url,
            `v${version}`,
          )).err,
          "",
        );
        assertEquals(
          (await realGit(`${work}/v${version}`, "rev-parse", "HEAD")).out,
          (await realGit(a, "rev-parse", "HEAD")).out,
        );
      }
      assertEquals((await realGit(work, "clone", "-q", "--depth=2", url, "shallow")).err, "");
      assertEquals((await realGit(`${work}/shallow`, "rev-list", "--count", "HEAD")).out, "2\n");
      assertEquals(
        (await realGit(work, "clone", "-q", "--bare", "--filter=blob:none", url, "partial")).err,
        "",
      );
      assertEquals(
        (await realGit(`${work}/partial`, "rev-list", "--objects", "--all", "--missing=print")).out
          .match(/^\?/gm)?.length,
        5,
      );
      await Deno.writeTextFile(`${a}/g`, "new\n");
      await realGit(a, "add", ".");
      await realGit(a, "commit", "-qm", "more");
      assertEquals(
        (await realGit(a, "push", "-q", url, "master", "HEAD:refs/heads/other")).code,
        0,
      );
      assertEquals((await realGit(`${work}/v2`, "pull", "-q")).err, "");
      assertEquals((await realGit(`${root}/one.git`, "fsck", "--strict")).code, 0);
    } finally {
      await server.shutdown();
      await Deno.remove(root, { recursive: true });
      await Deno.remove(work, { recursive: true });
    }
  },
});

Deno.test("`createGitHost()` refuses paths outside its root and unknown services", async () => {
  const handler = createGitHost({ root: "/nonexistent" });
  for (
    const [path, status] of [
      ["/../x/info/refs?service=git-upload-pack", 404],
      ["/%2e%2e%2fx/info/refs?service=git-upload-pack", 404],
      ["/x/info/refs", 403],
      ["/x", 404],
    ] as const
  ) {
    const answer = await handler(new Request(`http://localhost${path}`));
    assertEquals([path, answer.status], [path, status]);
    await answer.body?.cancel();
  }
});

Deno.test({
  name: `\`createGitHost()\` says in the side band what fails in the middle of a pack${
    HAVE_GIT ? "" : " (ignored: git is not installed)"
  }`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      createGitHost({ root }),
    );
    try {
      await realGit(root, "init", "-q", "-b", "master", "one");
      await Deno.writeTextFile(`${root}/one/f`, "text\n");
      await realGit(`${root}/one`, "add", ".");
      await realGit(`${root}/one`, "commit", "-qm", "first");
      const blob = (await realGit(`${root}/one`, "rev-parse", "HEAD:f")).out.trim();
      await realGit(root, "clone", "-q", "--bare", "one", "one.git");
      await Deno.remove(`${root}/one.git/objects/${blob.slice(0, 2)}/${blob.slice(2)}`);
      for (const version of ["0", "2"]) {
        const url = `http://127.0.0.1:${server.addr.port}/one.git`;
        const setting = `protocol.version=${version}`;
        const cloned = await realGit(root, "-c", setting, "clone", "-q", url, `v${version}`);
        assertEquals(cloned.code, 128);
        assertStringIncludes(cloned.err, "remote: fatal: ");
        assertStringIncludes(cloned.err, blob);
      }
    } finally {
      await server.shutdown();
      await Deno.remove(root, { recursive: true });
    }
  },
});
