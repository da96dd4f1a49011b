import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concatBytes, fromByteString, toByteString } from "./_bytes.ts";
import { cloneRepository } from "./clone.ts";
import { GitError } from "./errors.ts";
import { FetchSession } from "./fetch_pack.ts";
import { createGitHost } from "./host.ts";
import { HttpTransport } from "./http_transport.ts";
import { makeNegotiator, type NegotiationAlgorithm } from "./negotiator.ts";
import { DELIMITER, FLUSH, packet, sideBand } from "./pkt_line.ts";
import { writePack } from "./pack_writer.ts";
import { Repository } from "./repository.ts";
import { PushSession } from "./send_pack.ts";
import { LocalTransport } from "./transport.ts";
import { listen, makeHistory, makeRepository } from "./_test_history.ts";

const bytes = (...parts: (string | Uint8Array)[]): Uint8Array =>
  concatBytes(parts.map((part) => typeof part === "string" ? packet(part) : part));

/** A server of protocol 2 that says what it is told to. */
function lying(
  answers: { refs?: Uint8Array; fetch?: Uint8Array; hello?: Uint8Array | ReadableStream },
): (request: Request) => Promise<Response> {
  const hello = answers.hello ??
    bytes("version 2\n", "ls-refs=unborn\n", "fetch=shallow\n", "object-format=sha1\n", FLUSH);
  return async (request) => {
    const kind = request.method === "GET" ? "advertisement" : "result";
    const headers = { "content-type": `application/x-git-upload-pack-${kind}` };
    if (request.method === "GET") return new Response(hello as BodyInit, { headers });
    const encoded = request.headers.get("content-encoding") === "gzip";
    const body = encoded
      ? request.body!.pipeThrough(new DecompressionStream("gzip"))
      : request.body;
    const text = await new Response(body).text();
    const answer = text.includes("command=ls-refs") ? answers.refs : answers.fetch;
    return new Response((answer ?? FLUSH) as BodyInit, { headers });
  };
}

const ID = "1".repeat(40);

/** Clones from a server that lies; what is left must name nothing that is missing. */
async function refusal(
  handler: (request: Request) => Response | Promise<Response>,
): Promise<GitError> {
  const root = await Deno.makeTempDir();
  await using server = listen(handler);
  try {
    const error = await assertRejects(
      () => cloneRepository(`${server.url}/x.git`, `${root}/copy`, { bare: true, fsync: false }),
      GitError,
    );
    try {
      using left = Repository.open(`${root}/copy`);
      assertEquals(left.refs.list(), []);
      const names = [...Deno.readDirSync(`${root}/copy/objects/pack`)];
      assertEquals(names.filter(({ name }) => name.startsWith("tmp")), []);
    } catch (missing) {
      if (missing instanceof GitError) assertEquals(missing.code, "not_found");
      else if (!(missing instanceof Deno.errors.NotFound)) throw missing;
    }
    return error;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a client refuses packs, bands and sections that are not what was agreed", async () => {
  const refs = bytes(`${ID} HEAD symref-target:refs/heads/a\n`, `${ID} refs/heads/a\n`, FLUSH);
  const pack: Uint8Array[] = [];
  {
    const root = Deno.makeTempDirSync();
    makeRepository(`${root}/r`, { commits: 2 });
    using repository = Repository.open(`${root}/r`);
    const objects = [...repository.objects.ids()].map((id) => ({ id }));
    writePack(repository.objects, objects, (data) => void pack.push(data.slice()));
    Deno.removeSync(root, { recursive: true });
  }
  const whole = concatBytes(pack);
  const damaged = whole.slice();
  damaged[damaged.length >> 1]! ^= 1;
  const sent = (data: Uint8Array): Uint8Array => bytes("packfile\n", ...sideBand(1, data), FLUSH);
  for (
    const [fetch, said] of [
      [sent(whole), "did not send all necessary objects"],
      [sent(damaged), ""],
      [sent(whole.subarray(0, 100)), ""],
      [sent(fromByteString("JUNK".repeat(10))), "bad pack header"],
      [bytes("packfile\n", "\x09what\n", FLUSH), "bad band #9"],
      [bytes("packfile\n", "\x03on fire\n", FLUSH), "remote error: on fire"],
      [bytes("packfile\n", ...sideBand(1, whole)), "hung up"],
      [bytes("packfile\n", "ERR too late\n"), "remote error: too late"],
      [bytes("surprise\n", FLUSH), "expected 'packfile'"],
      [bytes("acknowledgments\n", "ACK nonsense\n", "maybe\n", FLUSH), "unexpected acknowledgment"],
      [bytes("shallow-info\n", "shallow ../../etc\n", DELIMITER), "expected shallow list"],
      [fromByteString("zzzz"), "bad line length"],
      [fromByteString(""), "hung up"],
    ] as const
  ) {
    const error = await refusal(lying({ refs, fetch }));
    assertStringIncludes(error.message, said);
  }
});

Deno.test("a client refuses advertisements that lie, and takes no ref with a bad name", async () => {
  for (
    const [refs, said] of [
      [bytes("nonsense refs/heads/a\n", FLUSH), "invalid ls-refs response"],
      [bytes(`${ID} refs/heads/a peeled:../x\n`, FLUSH), "invalid ls-refs response"],
      [fromByteString("0007ab"), "hung up"],
    ] as const
  ) assertStringIncludes((await refusal(lying({ refs }))).message, said);
  // Bad names are left alone: nothing is there to be cloned.
  const root = await Deno.makeTempDir();
  try {
    const names = ["refs/heads/../../config", "refs/heads/a.lock", "refs/heads/a..b", "../x"];
    await using server = listen(
      lying({ refs: bytes(...names.map((name) => `${ID} ${name}\n`), FLUSH) }),
    );
    using copy = await cloneRepository(`${server.url}/x`, `${root}/copy`, { bare: true });
    assertEquals(copy.refs.list(), []);
    await assertRejects(
      async () => {
        const session = await FetchSession.open(new HttpTransport(`${server.url}/x`), {
          maxRefs: 3,
        });
        await session.listRefs();
      },
      GitError,
      "too many refs",
    );
    // An advertisement without an end.
    let sent = 0;
    await using endless = listen(lying({
      hello: new ReadableStream({
        pull(controller) {
          controller.enqueue(bytes(`${ID} refs/heads/n${sent++}\n`));
        },
      }),
    }));
    const error = await assertRejects(
      () => FetchSession.open(new HttpTransport(`${endless.url}/x`), { maxRefs: 1000 }),
      GitError,
    );
    assertEquals(error.code, "limit");
    assert(sent < 100_000);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("`HttpTransport` ends redirect loops and keeps to HTTP", async () => {
  let hops = 0;
  await using server = listen((request) => {
    const url = new URL(request.url);
    hops++;
    if (url.pathname.startsWith("/loop/")) {
      return Response.redirect(`${url.origin}/loop/x/info/refs${url.search}`, 302);
    }
    if (url.pathname.startsWith("/file/")) {
      return new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    }
    if (url.pathname.startsWith("/elsewhere/")) {
      return Response.redirect(`${url.origin}/else`, 302);
    }
    if (url.pathname.startsWith("/post/") && request.method === "POST") {
      return Response.redirect(`${url.origin}/steal`, 307);
    }
    if (url.pathname.startsWith("/post/")) return lying({})(request);
    return new Response("<html>", { headers: { "content-type": "text/html" } });
  });
  const open = (path: string) => FetchSession.open(new HttpTransport(`${server.url}${path}`));
  await assertRejects(() => open("/loop/x"), GitError, "redirects followed");
  assert(hops <= 25);
  await assertRejects(() => open("/file/x"), GitError, "redirect to another protocol");
  await assertRejects(() => open("/elsewhere/x"), GitError, "unable to update url base");
  await assertRejects(() => open("/page"), GitError, "not valid");
  const session = await open("/post/x");
  await assertRejects(() => session.listRefs(), GitError, "HTTP 307");
});

Deno.test("`HttpTransport` gives up on servers that stall or drip", async () => {
  const lowSpeed = { bytesPerSecond: 1000, seconds: 0.1 };
  const open = (url: string) => FetchSession.open(new HttpTransport(url, { lowSpeed }));
  const headers = { "content-type": "application/x-git-upload-pack-advertisement" };
  const timers = new Set<ReturnType<typeof setInterval>>();
  await using dripping = listen(() => {
    let timer: ReturnType<typeof setInterval> | undefined;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(() => controller.enqueue(fromByteString("f")), 20);
          timers.add(timer);
        },
        cancel: () => clearInterval(timer),
      }),
      { headers },
    );
  });
  await assertRejects(() => open(`${dripping.url}/x`), GitError, "Operation too slow");
  await using silent = listen(() => new Response(new ReadableStream(), { headers }));
  await assertRejects(() => open(`${silent.url}/x`), GitError, "Operation too slow");
  const release = Promise.withResolvers<void>();
  await using mute = listen(async () => {
    await release.promise;
    return new Response("");
  });
  await assertRejects(() => open(`${mute.url}/x`), GitError, "Operation too slow");
  release.resolve();
  for (const timer of timers) clearInterval(timer);
});

Deno.test("`makeNegotiator()` finds what both sides have, in strides if told to", async () => {
  const root = await Deno.makeTempDir();
  try {
    const commits = makeRepository(`${root}/r`, { commits: 200, files: 1, fileSize: 20 });
    using repository = Repository.open(`${root}/r`);
    const offered = (algorithm: NegotiationAlgorithm, common: number): string[] => {
      const negotiator = makeNegotiator(repository.objects, algorithm);
      negotiator.addTip(commits.at(-1)!);
      const out: string[] = [];
      for (let id = negotiator.next(); id !== undefined; id = negotiator.next()) {
        out.push(id);
        if (commits.indexOf(id) <= common) negotiator.acknowledge(id);
      }
      return out;
    };
    assertEquals(offered("consecutive", 150), commits.slice(150).reverse());
    const strides = offered("skipping", 20);
    assert(strides.length < 20);
    assert(commits.indexOf(strides.at(-1)!) <= 20);
    assertEquals(offered("noop", 0), []);
    // Strides grow: 1, 2, 4, 7, …
    const steps = strides.map((id) => 199 - commits.indexOf(id));
    assertEquals(steps.slice(0, 4), [0, 2, 5, 10]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("`FetchSession.negotiate()` and thin packs spare what the other side has", async () => {
  const root = await Deno.makeTempDir();
  try {
    const commits = makeRepository(`${root}/a.git`, { commits: 30, files: 3, fileSize: 20_000 });
    using source = Repository.open(`${root}/a.git`, { fsync: false });
    using copy = await cloneRepository(`${root}/a.git`, `${root}/b.git`, {
      bare: true,
      fsync: false,
    });
    const own = makeHistory(copy, { commits: 2, parent: commits.at(-1)!, files: 3, seed: 8 });
    const session = await FetchSession.open(new LocalTransport(`${root}/a.git`));
    const common = await session.negotiate(copy, { wants: [], haveTips: [own.at(-1)!] });
    assertEquals(common[0], commits.at(-1));
    await session.close();
    // One line of a large file changes: what goes over the wire is a small delta.
    const tip = source.objects.read(commits.at(-1)!)!.data;
    const tree = source.objects.read(toByteString(tip).slice(5, 45))!;
    const blobId = [...tree.data.subarray(tree.data.length - 20)].map((byte) =>
      byte.toString(16).padStart(2, "0")
    ).join("");
    const blob = toByteString(source.objects.read(blobId)!.data);
    const changed = copy.objects.write("blob", fromByteString(`${blob}one more line\n`));
    const data = tree.data.slice();
    data.set(changed.match(/../g)!.map((pair) => parseInt(pair, 16)), data.length - 20);
    const newTree = copy.objects.write("tree", data);
    const commit = copy.objects.write(
      "commit",
      fromByteString(
        toByteString(tip).replace(/^tree .*/, `tree ${newTree}`)
          .replace(/^parent .*/m, `parent ${commits.at(-1)}`),
      ),
    );
    let received = 0;
    const handler = createGitHost({ root });
    await using server = listen((request) => {
      const length = Number(request.headers.get("content-length") ?? "0");
      if (request.method === "POST") received += length;
      return handler(request);
    });
    const push = await PushSession.open(new HttpTransport(`${server.url}/a.git`));
    const report = await push.push(copy, [{
      name: "refs/heads/thin",
      oldId: copy.algorithm.zero,
      newId: commit,
    }]);
    await push.close();
    assertEquals(report.refs.get("refs/heads/thin"), undefined);
    assertEquals(report.unpack, "ok");
    source.refs.invalidate();
    source.objects.refresh();
    assertEquals(source.refs.id("refs/heads/thin"), commit);
    assertEquals(source.objects.read(changed)!.data.length, blob.length + 14);
    assert(received > 0 && received < 2000, `${received} bytes`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
