import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fs from "node:fs";
import iso, { type HttpClient } from "npm:isomorphic-git@1.44.11";
import { createGitHost } from "./host.ts";
import { Repository } from "./repository.ts";
import { listen, makeHistory, makeRepository } from "./_test_history.ts";
import { HAVE_GIT, realGit } from "./_test_support.ts";

const SKIP = HAVE_GIT ? "" : " (ignored: git is not installed)";

/** Reads every answer to its end, which the client's own plugin does not. */
const http: HttpClient = {
  async request({ url, method = "GET", headers = {}, body }) {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of body ?? []) parts.push(new Uint8Array(part));
    const response = await fetch(url, {
      method,
      headers,
      ...(parts.length === 0 ? {} : { body: new Blob(parts) }),
    });
    const whole = new Uint8Array(await response.arrayBuffer());
    return {
      url: response.url,
      method,
      statusCode: response.status,
      statusMessage: response.statusText,
      headers: Object.fromEntries(response.headers),
      body: (async function* () {
        yield whole;
      })(),
    };
  },
};

Deno.test("`createGitHost()` serves clone, fetch and push to isomorphic-git", async () => {
  const root = await Deno.makeTempDir();
  await using server = listen(createGitHost({ root, create: true }));
  try {
    const commits = makeRepository(`${root}/one.git`, { commits: 12 });
    const url = `${server.url}/one.git`;
    const dir = `${root}/copy`;
    await iso.clone({ fs, http, dir, url, ref: "master" });
    assertEquals(await iso.resolveRef({ fs, dir, ref: "HEAD" }), commits.at(-1));
    assertEquals((await iso.log({ fs, dir })).length, 12);
    await iso.clone({ fs, http, dir: `${root}/shallow`, url, ref: "master", depth: 3 });
    assertEquals((await iso.log({ fs, dir: `${root}/shallow` })).length, 3);

    using repository = Repository.open(`${root}/one.git`, { fsync: false });
    const more = makeHistory(repository, { commits: 3, parent: commits.at(-1)!, seed: 2 });
    const fetched = await iso.fetch({ fs, http, dir, remote: "origin" });
    assertEquals(fetched.fetchHead, more.at(-1));

    await Deno.writeTextFile(`${dir}/new`, "text\n");
    const author = { name: "A U Thor", email: "author@example.com" };
    await iso.merge({ fs, dir, ours: "master", theirs: "origin/master", author });
    await iso.checkout({ fs, dir, ref: "master" });
    await iso.add({ fs, dir, filepath: "new" });
    const own = await iso.commit({ fs, dir, message: "own\n", author });
    const pushed = await iso.push({ fs, http, dir, remote: "origin", ref: "master" });
    assertEquals(pushed.ok, true);
    repository.refs.invalidate();
    assertEquals(repository.refs.id("refs/heads/master"), own);
    // A push to a repository that is not there makes it.
    const made = await iso.push({ fs, http, dir, url: `${server.url}/two.git`, ref: "master" });
    assertEquals(made.ok, true);
    using second = Repository.open(`${root}/two.git`);
    assertEquals(second.refs.id("refs/heads/master"), own);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test({
  name: `\`createGitHost()\` serves every kind of shallow and filtered fetch to real git${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    await using server = listen(createGitHost({ root }));
    try {
      const commits = makeRepository(`${root}/one.git`, { commits: 40, files: 4 });
      const url = `${server.url}/one.git`;
      const count = async (dir: string): Promise<string> =>
        (await realGit(`${root}/${dir}`, "rev-list", "--count", "HEAD")).out.trim();
      const git = async (dir: string, ...args: string[]): Promise<string> => {
        const { code, out, err } = await realGit(`${root}/${dir}`, ...args);
        assertEquals(code, 0, err);
        return out;
      };
      await git("", "clone", "-q", "--bare", "--depth=5", url, "s");
      assertEquals(await count("s"), "5");
      await git("s", "fetch", "-q", "--deepen=4", "origin", "master");
      assertEquals(await count("s"), "9");
      await git("s", "fetch", "-q", "--depth=2", "origin", "master");
      assertEquals(await count("s"), "2");
      // Commits are a minute apart.
      await git("s", "fetch", "-q", `--shallow-since=${1_112_911_993 + 60 * 20}`, url, "master");
      assertEquals(await count("s"), "20");
      await git("s", "fetch", "-q", "--unshallow", url, "master");
      assertEquals(await count("s"), "40");
      await git("s", "fsck", "--strict");

      const missing = async (dir: string): Promise<number> =>
        (await git(dir, "rev-list", "--objects", "--all", "--missing=print")).match(/^\?/gm)
          ?.length ?? 0;
      for (
        const [filter, left] of [
          ["blob:none", 43],
          ["blob:limit=100", 43],
          ["blob:limit=1k", 0],
          ["tree:0", 40],
        ] as const
      ) {
        const dir = filter.replace(/\W/g, "");
        await git("", "clone", "-q", "--bare", `--filter=${filter}`, url, dir);
        assertEquals(await missing(dir), left, filter);
        await git(dir, "config", "remote.origin.url", url);
        // What is missing is fetched when it is looked at.
        assertStringIncludes(await git(dir, "cat-file", "-p", `${commits[7]}:f0003`), "\n");
        if (left > 0 && filter !== "tree:0") assert(await missing(dir) < left, filter);
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: `\`createGitHost()\` honours the settings of a repository as Git's own backend does${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    const seen: string[] = [];
    await using server = listen(createGitHost({
      root,
      preReceive: (_name, _commands, { options, say }) => {
        seen.push(...options);
        say("looked at\n");
        return options.includes("no") ? "not today" : undefined;
      },
      update: (_name, command) => command.name.endsWith("/frozen") ? "frozen" : undefined,
    }));
    try {
      const commits = makeRepository(`${root}/one.git`, { commits: 6 });
      const url = `${server.url}/one.git`;
      {
        using repository = Repository.open(`${root}/one.git`, { fsync: false });
        repository.refs.update({ name: "refs/secret/one", newId: commits[1]! });
        repository.refs.update({ name: "refs/heads/old", newId: commits[2]! });
        makeHistory(repository, { commits: 1, seed: 9, branch: "refs/secret/two" });
      }
      const set = (key: string, value: string) => realGit(`${root}/one.git`, "config", key, value);
      await realGit(root, "clone", "-q", url, "copy");
      const copy = `${root}/copy`;
      await set("transfer.hideRefs", "refs/secret");
      await set("receive.denyNonFastForwards", "true");
      await set("receive.denyDeletes", "true");
      await set("receive.advertisePushOptions", "true");
      await set("uploadpack.allowFilter", "false");

      const listed = (await realGit(copy, "ls-remote", "origin")).out;
      assertEquals(listed.includes("secret"), false);
      assertStringIncludes(listed, "refs/heads/old");
      const push = async (...args: string[]): Promise<string> => {
        const { code, err } = await realGit(copy, "push", "-q", ...args);
        return code === 0 ? "ok" : err;
      };
      assertStringIncludes(await push("origin", "+HEAD~3:master"), "non-fast-forward");
      assertStringIncludes(await push("origin", ":old"), "deletion prohibited");
      assertStringIncludes(await push("origin", "HEAD:refs/secret/one"), "hidden ref");
      assertStringIncludes(await push("origin", "HEAD:refs/heads/frozen"), "frozen");
      assertStringIncludes(await push("-o", "no", "origin", "HEAD:refs/heads/n"), "not today");
      assertEquals(await push("-o", "yes", "origin", "HEAD:refs/heads/n"), "ok");
      assertEquals(seen, ["no", "yes"]);
      const atomic = await push(
        "--atomic",
        "origin",
        "HEAD:refs/heads/a",
        "HEAD:refs/heads/frozen",
      );
      assertStringIncludes(atomic, "atomic push failure");
      assertEquals((await realGit(copy, "ls-remote", "origin", "refs/heads/a")).out, "");

      // A hidden tip: version 0 refuses it, and says so.
      const tip = Repository.open(`${root}/one.git`);
      const hidden = tip.refs.id("refs/secret/two")!;
      tip.close();
      const v0 = (...args: string[]) =>
        realGit(copy, "-c", "protocol.version=0", "fetch", "-q", url, ...args);
      assertStringIncludes((await v0(hidden)).err, "unadvertised object");
      await set("uploadpack.allowTipSHA1InWant", "true");
      assertEquals((await v0(hidden)).err, "");
      const filtered = await realGit(root, "clone", "-q", "--bare", "--filter=blob:none", url, "f");
      assertStringIncludes(filtered.err, "filtering not recognized by server");
      await set("uploadpack.allowFilter", "true");
      await set("uploadpackfilter.tree.allow", "false");
      const tree = await realGit(root, "clone", "-q", "--bare", "--filter=tree:0", url, "g");
      assertStringIncludes(tree.err, "filter 'tree' not supported");
      await set("http.uploadpack", "false");
      assertStringIncludes((await realGit(copy, "ls-remote", "origin")).err, "403");
      await set("http.uploadpack", "true");

      // The branch that is checked out.
      await realGit(root, "clone", "-q", url, "worktree");
      const direct = `${server.url}/worktree`;
      assertStringIncludes(await push(direct, "HEAD~1:master", "-f"), "currently checked out");
      await realGit(`${root}/worktree`, "config", "receive.denyCurrentBranch", "ignore");
      assertEquals(await push(direct, "HEAD~1:master", "-f"), "ok");

      // Malformed objects.
      await set("receive.fsckObjects", "true");
      const bad = Repository.open(copy);
      const commit = new TextDecoder("latin1").decode(bad.objects.read(commits[5]!)!.data);
      const written = bad.objects.write(
        "commit",
        new TextEncoder().encode(commit.replace("<author@example.com>", "<author@example.com")),
      );
      bad.close();
      assertStringIncludes(await push("origin", `${written}:refs/heads/bad`), "fsck");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name:
    `\`createGitHost()\` takes a push of many commits, and a quarantine that was left behind${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const many = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 10_000 : 300;
    const root = await Deno.makeTempDir();
    await using server = listen(createGitHost({ root, create: true }));
    try {
      const commits = makeRepository(`${root}/source.git`, { commits: many, files: 20 });
      const url = `${server.url}/group/new.git`;
      const pushed = await realGit(`${root}/source.git`, "push", "-q", url, "master");
      assertEquals(pushed.err, "");
      using repository = Repository.open(`${root}/group/new.git`, { fsync: false });
      assertEquals(repository.refs.id("refs/heads/master"), commits.at(-1));
      const objects = `${root}/group/new.git/objects`;
      assertEquals(
        [...Deno.readDirSync(objects)].filter(({ name }) => name.startsWith("tmp_")),
        [],
      );
      await Deno.mkdir(`${objects}/tmp_objdir-incoming-left/pack`, { recursive: true });
      await Deno.writeTextFile(`${objects}/pack/tmp_pack_left`, "PACK");
      assertEquals((await realGit(root, "clone", "-q", "--bare", url, "copy")).err, "");
      assertEquals((await realGit(`${root}/copy`, "fsck", "--strict")).code, 0);
      assertEquals(
        (await realGit(`${root}/copy`, "rev-list", "--count", "master")).out.trim(),
        String(many),
      );
      // A repository is not made inside another.
      const inside = await realGit(
        `${root}/source.git`,
        "push",
        "-q",
        `${server.url}/group/new.git/refs/x`,
        "master",
      );
      assertStringIncludes(inside.err, "not found");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
