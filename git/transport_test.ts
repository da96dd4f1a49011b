import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GitError } from "./errors.ts";
import { FetchSession } from "./fetch_pack.ts";
import { createGitHost } from "./host.ts";
import { HttpTransport } from "./http_transport.ts";
import { anonymousUrl, parseRemoteAddress } from "./remote.ts";
import { Repository } from "./repository.ts";
import { PushSession } from "./send_pack.ts";
import { LocalTransport, type Transport } from "./transport.ts";
import { HAVE_GIT, realGit } from "./_test_support.ts";

const SKIP = HAVE_GIT ? "" : " (ignored: git is not installed)";

function serve(handler: (request: Request) => Response | Promise<Response>): {
  url: string;
  [Symbol.asyncDispose](): Promise<void>;
} {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** `git http-backend` behind a fetch handler. */
function realBackend(root: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    const child = new Deno.Command("git", {
      args: ["http-backend"],
      env: {
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers.get("content-type") ?? "",
        CONTENT_LENGTH: String(body.length),
        HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
        GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
        REMOTE_USER: "someone",
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    const written = writer.write(body).then(() => writer.close()).catch(() => {});
    const { stdout } = await child.output();
    await written;
    let end = 0;
    while (!(stdout[end] === 10 && (stdout[end + 1] === 13 || stdout[end + 1] === 10))) end++;
    const head = new TextDecoder().decode(stdout.subarray(0, end));
    const headers = new Headers();
    let status = 200;
    for (const line of head.split(/\r?\n/)) {
      const [name = "", ...rest] = line.split(":");
      if (name.toLowerCase() === "status") status = parseInt(rest.join(":"), 10);
      else if (name !== "") headers.set(name, rest.join(":").trim());
    }
    const start = end + (stdout[end + 1] === 13 ? 3 : 2);
    return new Response(stdout.slice(start), { status, headers });
  };
}

/** A repository of real git's with some history: `master`, `side`, two tags. */
async function sample(root: string): Promise<string> {
  const path = `${root}/one.git`;
  await realGit(root, "init", "-q", "-b", "master", "work");
  const work = `${root}/work`;
  for (let i = 0; i < 6; i++) {
    await Deno.writeTextFile(`${work}/f`, `${"line\n".repeat(40)}${i}\n`);
    await Deno.writeTextFile(`${work}/g${i}`, `${i}\n`);
    await realGit(work, "add", ".");
    await realGit(work, "commit", "-qm", `c${i}`);
  }
  await realGit(work, "tag", "-am", "annotated", "v1", "HEAD~1");
  await realGit(work, "branch", "side", "HEAD~2");
  await realGit(root, "clone", "-q", "--bare", "work", path);
  await realGit(path, "config", "uploadpack.allowFilter", "true");
  await realGit(path, "config", "http.receivepack", "true");
  return path;
}

async function cloneInto(
  path: string,
  transport: Transport,
  options: { version?: number; depth?: number; filter?: string } = {},
): Promise<{ commits: string; fsck: string }> {
  const repository = Repository.init(path, { bare: true, fsync: false });
  try {
    const session = await FetchSession.open(transport, { version: options.version ?? 2 });
    assertEquals(session.version, options.version ?? 2);
    const refs = await session.listRefs(["refs/heads/", "refs/tags/", "HEAD"]);
    await session.fetch(repository, {
      wants: refs.filter((ref) => options.depth === undefined || ref.name === "HEAD").map((ref) =>
        ref.id!
      ),
      remoteRefs: refs,
      cloning: true,
      depth: options.depth,
      filter: options.filter,
    });
    await session.close();
    for (const ref of refs) {
      if (ref.name !== "HEAD" && repository.objects.has(ref.id!)) {
        repository.refs.update({ name: ref.name, newId: ref.id });
      }
    }
  } finally {
    repository.close();
  }
  if (options.filter !== undefined) {
    await realGit(path, "config", "core.repositoryFormatVersion", "1");
    await realGit(path, "config", "extensions.partialClone", "origin");
    await realGit(path, "config", "remote.origin.promisor", "true");
    await realGit(path, "config", "remote.origin.url", "/nonexistent");
  }
  return {
    commits: (await realGit(path, "rev-list", "--count", "master")).out.trim(),
    fsck: (await realGit(path, "fsck", "--strict", "--no-dangling")).err.replace(
      /notice: .*\n/g,
      "",
    ),
  };
}

Deno.test({
  name:
    `\`FetchSession\` clones from real git over HTTP with protocols 0, 1 and 2, shallow and filtered${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      await sample(root);
      await using server = serve(realBackend(root));
      let n = 0;
      for (const version of [0, 1, 2]) {
        const url = `${server.url}/one.git`;
        const whole = await cloneInto(`${root}/c${n++}`, new HttpTransport(url), { version });
        assertEquals(whole, { commits: "6", fsck: "" });
        const shallow = await cloneInto(`${root}/c${n++}`, new HttpTransport(url), {
          version,
          depth: 2,
        });
        assertEquals(shallow, { commits: "2", fsck: "" });
        const filtered = await cloneInto(`${root}/c${n++}`, new HttpTransport(url), {
          version,
          filter: "blob:none",
        });
        assertEquals(filtered, { commits: "6", fsck: "" });
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: `\`FetchSession\` clones from our host and from a path, and fetches what is new${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      const source = await sample(root);
      await using server = serve(createGitHost({ root }));
      for (const version of [0, 2]) {
        assertEquals(
          await cloneInto(`${root}/h${version}`, new HttpTransport(`${server.url}/one.git`), {
            version,
          }),
          { commits: "6", fsck: "" },
        );
        assertEquals(
          await cloneInto(`${root}/l${version}`, new LocalTransport(source), { version }),
          { commits: "6", fsck: "" },
        );
      }
      await realGit(`${root}/work`, "commit", "-q", "--allow-empty", "-m", "new");
      await realGit(`${root}/work`, "push", "-q", source, "master");
      for (const version of [0, 2]) {
        const repository = Repository.open(`${root}/h${version}`, { fsync: false });
        const session = await FetchSession.open(new HttpTransport(`${server.url}/one.git`), {
          version,
        });
        const refs = await session.listRefs(["refs/heads/"]);
        const master = refs.find((ref) => ref.name === "refs/heads/master")!;
        const { pack } = await session.fetch(repository, { wants: [master.id!], remoteRefs: refs });
        await session.close();
        // Negotiation found all but the new commit.
        assertEquals(pack?.count, 1);
        assert(repository.objects.has(master.id!));
        repository.close();
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: `\`PushSession\` pushes to real git and to our host, and learns what was refused${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      const target = await sample(root);
      const work = `${root}/work`;
      await realGit(work, "commit", "-q", "--allow-empty", "-m", "new");
      await realGit(root, "clone", "-q", "--bare", target, "two.git");
      await using real = serve(realBackend(root));
      await using ours = serve(
        createGitHost({
          root,
          preReceive: (_, commands) =>
            commands.some((command) => command.name.endsWith("/no")) ? "not that one" : undefined,
        }),
      );
      const repository = Repository.open(work, { fsync: false });
      const head = repository.head()!;
      const zero = repository.algorithm.zero;
      for (const url of [`${real.url}/one.git`, `${ours.url}/two.git`]) {
        const session = await PushSession.open(new HttpTransport(url));
        const oldId = session.refs.find((ref) => ref.name === "refs/heads/master")!.id!;
        const report = await session.push(repository, [
          { name: "refs/heads/master", oldId, newId: head },
          { name: "refs/heads/fresh", oldId: zero, newId: head },
        ], { atomic: true });
        assertEquals(report.unpack, "ok");
        assertEquals([...report.refs.values()], [undefined, undefined]);
        await session.close();
      }
      assertEquals(
        (await realGit(target, "rev-parse", "master", "fresh")).out,
        `${head}\n${head}\n`,
      );
      assertEquals((await realGit(`${root}/two.git`, "fsck", "--strict")).code, 0);
      const session = await PushSession.open(new HttpTransport(`${ours.url}/two.git`));
      const report = await session.push(repository, [
        { name: "refs/heads/no", oldId: zero, newId: head },
      ]);
      assertEquals(report.refs.get("refs/heads/no"), "not that one");
      await session.close();
      repository.close();
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name:
    `\`HttpTransport\` authenticates, follows redirects and keeps credentials from other hosts${SKIP}`,
  ignore: !HAVE_GIT,
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      await sample(root);
      const seen: (string | null)[] = [];
      const host = createGitHost({ root });
      await using open = serve((request) => {
        seen.push(request.headers.get("authorization"));
        return host(request);
      });
      await using closed = serve((request) => {
        const credentials = request.headers.get("authorization");
        if (credentials !== `Basic ${btoa("me:secret")}`) {
          return new Response("", { status: 401, headers: { "www-authenticate": "Basic" } });
        }
        const url = new URL(request.url);
        if (url.pathname.startsWith("/moved/")) {
          return Response.redirect(`${open.url}${url.pathname.slice(6)}${url.search}`, 302);
        }
        return host(request);
      });
      const plain = new URL(closed.url).host;
      const session = await FetchSession.open(
        new HttpTransport(`http://me:secret@${plain}/one.git`),
      );
      assertEquals((await session.listRefs(["refs/heads/side"])).length, 1);
      await session.close();
      const moved = await FetchSession.open(
        new HttpTransport(`http://me:secret@${plain}/moved/one.git`),
      );
      assertEquals((await moved.listRefs(["refs/heads/side"])).length, 1);
      await moved.close();
      assertEquals(seen, [null, null]);
      const asked: string[] = [];
      const withHelper = await FetchSession.open(
        new HttpTransport(`${closed.url}/one.git`, {
          credentials: {
            fill:
              () => (asked.push("fill"), Promise.resolve({ username: "me", password: "secret" })),
            approve: () => (asked.push("approve"), Promise.resolve()),
            reject: () => (asked.push("reject"), Promise.resolve()),
          },
        }),
      );
      await withHelper.close();
      assertEquals(asked, ["fill", "approve"]);
      await assertRejects(
        () => FetchSession.open(new HttpTransport(`http://me:wrong@${plain}/one.git`)),
        GitError,
        "Authentication failed",
      );
      await assertRejects(
        () => FetchSession.open(new HttpTransport(`${open.url}/nothing.git`)),
        GitError,
        "not found",
      );
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test("`FetchSession` refuses servers that break the protocol", async () => {
  const answers = [
    "zzzz",
    "0009done\n",
    "001eversion 2\n",
    "0005\n0003",
    "0028ERR the repository is on fire today\n",
  ];
  for (const answer of answers) {
    await using server = serve(() =>
      new Response(answer, {
        headers: { "content-type": "application/x-git-upload-pack-advertisement" },
      })
    );
    await assertRejects(
      () => FetchSession.open(new HttpTransport(`${server.url}/x`)),
      GitError,
      undefined,
      answer,
    );
  }
});

Deno.test("`parseRemoteAddress()` tells addresses apart and refuses what looks like an option", () => {
  assertEquals(parseRemoteAddress("host:path/x").kind, "ssh");
  assertEquals(parseRemoteAddress("./a:b"), { kind: "file", path: "./a:b", explicit: false });
  assertEquals(parseRemoteAddress("ssh://u@h:22/~x"), {
    kind: "ssh",
    host: "u@h",
    port: "22",
    path: "~x",
  });
  assertEquals(parseRemoteAddress("[::1]:p"), {
    kind: "ssh",
    host: "::1",
    port: undefined,
    path: "p",
  });
  assertEquals(parseRemoteAddress("https://x/y").kind, "http");
  for (
    const bad of [
      "-oProxyCommand=x",
      "ssh://-oProxyCommand=x/y",
      "host:-x",
      "-x:y",
      "ext::sh -c x",
      "ssh://h",
    ]
  ) assertThrows(() => parseRemoteAddress(bad), GitError, undefined, bad);
  assertEquals(anonymousUrl("https://me:secret@host/x"), "https://host/x");
});
