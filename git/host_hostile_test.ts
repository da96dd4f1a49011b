import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import { concatBytes, fromByteString, toByteString, writeU32 } from "./_bytes.ts";
import { createGitHost, type GitHostOptions } from "./host.ts";
import { DELIMITER, FLUSH, packet } from "./pkt_line.ts";
import { Repository } from "./repository.ts";
import { listen, makeHistory, makeRepository } from "./_test_history.ts";

type Handler = (request: Request) => Promise<Response>;

/** A host of one repository with a secret ref. */
function hosted(options: Partial<GitHostOptions> = {}): {
  handler: Handler;
  root: string;
  commits: string[];
  secret: string;
  [Symbol.dispose](): void;
} {
  const root = Deno.makeTempDirSync();
  const commits = makeRepository(`${root}/one.git`, { commits: 4 });
  using repository = Repository.open(`${root}/one.git`, { fsync: false });
  const secret = makeHistory(repository, { commits: 1, seed: 5, branch: "refs/secret/a" })[0]!;
  return {
    handler: createGitHost({
      root,
      hideRef: (_name, ref) => ref.startsWith("refs/secret/"),
      ...options,
    }),
    root,
    commits,
    secret,
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

function post(
  service: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Request {
  return new Request(`http://localhost/one.git/git-${service}`, {
    method: "POST",
    headers: { "content-type": `application/x-git-${service}-request`, ...headers },
    body,
  });
}

const V2 = { "git-protocol": "version=2" };

const bytes = (...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> =>
  concatBytes(parts.map((part) => typeof part === "string" ? packet(part) : part)) as Uint8Array<
    ArrayBuffer
  >;

async function answer(
  handler: Handler,
  request: Request,
): Promise<{ status: number; text: string }> {
  const response = await handler(request);
  return {
    status: response.status,
    text: toByteString(new Uint8Array(await response.arrayBuffer())),
  };
}

/** Counts the resources of the process; what a request leaves behind shows. */
function openFiles(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    return 0;
  }
}

Deno.test("`createGitHost()` answers garbage with an error packet", async () => {
  using host = hosted();
  const { handler, commits } = host;
  const id = commits[0]!;
  for (
    const [body, said] of [
      [fromByteString("zzzz"), "bad line length"],
      [fromByteString("0003"), "packet is truncated"],
      [fromByteString("fff0short"), "packet is truncated"],
      [fromByteString("0009want "), "expected an object id"],
      [bytes(`want ${id.slice(1)}\n`, FLUSH), "expected an object id"],
      [bytes(`want ${"1".repeat(40)}\n`, FLUSH, "done\n"), "not our ref"],
      [bytes(`want ${id}\n`, "deepen -1\n", FLUSH, "done\n"), "invalid deepen"],
      [bytes(`want ${id}\n`, "deepen 1e9\n", FLUSH, "done\n"), "invalid deepen"],
      [bytes(`want ${id}\n`, "deepen-since never\n", FLUSH, "done\n"), "invalid deepen-since"],
      [bytes(`want ${id}\n`, "deepen-not nothing\n", FLUSH, "done\n"), "deepen-not"],
      [bytes(`want ${id}\n`, "shallow zzz\n", FLUSH, "done\n"), "invalid shallow"],
      [bytes(`want ${id}\n`, "filter none\n", FLUSH, "done\n"), "invalid filter-spec"],
    ] as const
  ) {
    const { status, text } = await answer(handler, post("upload-pack", new Uint8Array(body)));
    assertEquals(status, 200);
    assertStringIncludes(text, "ERR ");
    assertStringIncludes(text, said);
  }
  for (
    const [body, said] of [
      [bytes("command=nothing", FLUSH), "unknown command"],
      [bytes("command=fetch", "object-format=sha256", DELIMITER, FLUSH), "object format"],
      [bytes("command=fetch", DELIMITER, "want x\n", FLUSH), "expected an object id"],
      [bytes("command=fetch", DELIMITER, "have x\n", FLUSH), "expected an object id"],
    ] as const
  ) {
    const { text } = await answer(handler, post("upload-pack", new Uint8Array(body), V2));
    assertStringIncludes(text, said);
  }
  const old = "0".repeat(40);
  for (
    const [body, said] of [
      [fromByteString("nope"), "bad line length"],
      [bytes("hello", FLUSH), "expected a ref command"],
      [
        bytes(`${old} ${id} refs/heads/x\0 report-status`, FLUSH, fromByteString("JUNKJUNKJUNK")),
        "bad pack header",
      ],
      [
        bytes(`${old} ${id} refs/heads/x\0 report-status`, FLUSH, fromByteString("PACK")),
        "early EOF",
      ],
      [bytes(`${old} ${id} refs/heads/../x\0 report-status`, FLUSH), "funny refname"],
      [bytes(`${old} ${id} HEAD\0 report-status`, FLUSH), "funny refname"],
      [bytes(`${old} ${"2".repeat(40)} refs/heads/x\0 report-status`, FLUSH), "missing necessary"],
    ] as const
  ) {
    const { status, text } = await answer(handler, post("receive-pack", new Uint8Array(body)));
    assertEquals(status, 200);
    assertStringIncludes(text, said);
  }
  using repository = Repository.open(`${host.root}/one.git`);
  assertEquals(repository.refs.list("refs/heads/").map(({ name }) => name), ["refs/heads/master"]);
  assertEquals(
    [...Deno.readDirSync(`${host.root}/one.git/objects`)].filter(({ name }) =>
      name.startsWith("tmp")
    ),
    [],
  );
});

Deno.test("`createGitHost()` keeps to its limits on wants, haves, bodies, packs, and refs", async () => {
  using host = hosted({
    maxWants: 3,
    maxRequestSize: 4096,
    maxBodySize: 8192,
    maxPackSize: 1000,
    maxObjects: 10,
    maxCommands: 2,
  });
  const { handler, commits } = host;
  const id = commits[0]!;
  const wants = await answer(
    handler,
    post("upload-pack", bytes(...Array(4).fill(`want ${id}\n`), FLUSH, "done\n")),
  );
  assertEquals([wants.status, wants.text], [413, "too many wanted objects\n"]);
  const haves = bytes(`want ${id}\n`, FLUSH, ...Array(200).fill(`have ${id}\n`), FLUSH);
  assertEquals((await answer(handler, post("upload-pack", haves))).status, 413);
  // A thousand bytes that become a million.
  const bomb = gzipSync(new Uint8Array(1 << 20)) as Uint8Array<ArrayBuffer>;
  assert(bomb.length < 2000);
  const gzip = { "content-encoding": "gzip" };
  assertEquals((await answer(handler, post("upload-pack", bomb, gzip))).status, 413);
  const notGzip = await answer(handler, post("upload-pack", new Uint8Array(100), gzip));
  assertStringIncludes(notGzip.text, "not valid gzip");
  const command = (n: number): string =>
    `${"0".repeat(40)} ${id} refs/heads/n${n}${n === 0 ? "\0 report-status" : ""}`;
  const refs = await answer(
    handler,
    post("receive-pack", bytes(command(0), command(1), command(2), FLUSH)),
  );
  assertEquals([refs.status, refs.text], [413, "too many ref commands\n"]);
  const head = (count: number): Uint8Array => {
    const out = fromByteString("PACK\0\0\0\x02\0\0\0\0");
    writeU32(out, 8, count);
    return out;
  };
  for (
    const [pack, said] of [
      [head(11), "too many objects"],
      [concatBytes([head(1), new Uint8Array(1000)]), "exceeds maximum allowed size"],
      [concatBytes([head(1), new Uint8Array(9000)]), "request is too large"],
      [fromByteString("PACK\0\0\0\x09\0\0\0\0"), "version 9 unsupported"],
    ] as const
  ) {
    const { text } = await answer(handler, post("receive-pack", bytes(command(0), FLUSH, pack)));
    assertStringIncludes(text, said);
  }
});

Deno.test("`createGitHost()` gives nothing away that only hidden refs reach", async () => {
  using host = hosted();
  const { handler, secret, commits } = host;
  using repository = Repository.open(`${host.root}/one.git`);
  const tree = (id: string): string => toByteString(repository.objects.read(id)!.data).slice(5, 45);
  for (const id of [secret, tree(secret)]) {
    const v2 = bytes("command=fetch", DELIMITER, `want ${id}\n`, "done\n", FLUSH);
    assertStringIncludes((await answer(handler, post("upload-pack", v2, V2))).text, "not our ref");
    const v0 = bytes(`want ${id}\n`, FLUSH, "done\n");
    assertStringIncludes((await answer(handler, post("upload-pack", v0))).text, "not our ref");
  }
  // What a shown ref reaches is given, tip or not.
  for (const id of [commits[3]!, commits[1]!, tree(commits[0]!)]) {
    const v2 = bytes("command=fetch", DELIMITER, `want ${id}\n`, "done\n", FLUSH);
    assertStringIncludes((await answer(handler, post("upload-pack", v2, V2))).text, "packfile");
  }
  const refs = bytes("command=ls-refs", DELIMITER, "ref-prefix refs/secret/\n", FLUSH);
  assertEquals((await answer(handler, post("upload-pack", refs, V2))).text, "0000");
});

Deno.test("`createGitHost()` gives up on clients that are silent, slow or gone", async () => {
  using host = hosted({ idleTimeoutMs: 60, timeoutMs: 2000 });
  const { root, commits } = host;
  const before = openFiles();
  {
    // A body that never ends.
    await using server = listen(host.handler);
    const { hostname, port } = new URL(server.url);
    using conn = await Deno.connect({ hostname, port: Number(port) });
    await conn.write(fromByteString(
      "POST /one.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" +
        "Content-Type: application/x-git-upload-pack-request\r\n\r\n0032want",
    ));
    const buffer = new Uint8Array(200);
    const n = await conn.read(buffer);
    assertStringIncludes(toByteString(buffer, 0, n!), "408 Request Timeout");
  }
  {
    // Nobody reads the answer.
    const handler = createGitHost({ root, idleTimeoutMs: 40 });
    const body = bytes("command=fetch", DELIMITER, `want ${commits[3]}\n`, "done\n", FLUSH);
    const response = await handler(post("upload-pack", body, V2));
    await new Promise((resolve) => setTimeout(resolve, 120));
    const failed = await response.text().then(() => "", (error) => (error as Error).message);
    assertEquals(failed, "the client was silent for too long");
  }
  {
    // The client goes away in the middle of the answer.
    using big = hosted();
    makeRepository(`${big.root}/big.git`, { commits: 50, files: 400, fileSize: 3000 });
    using repository = Repository.open(`${big.root}/big.git`);
    const tip = repository.refs.id("refs/heads/master")!;
    const body = bytes("command=fetch", DELIMITER, `want ${tip}\n`, "done\n", FLUSH);
    const response = await big.handler(
      new Request("http://localhost/big.git/git-upload-pack", {
        method: "POST",
        headers: { "content-type": "application/x-git-upload-pack-request", ...V2 },
        body,
      }),
    );
    const reader = response.body!.getReader();
    assertEquals((await reader.read()).done, false);
    await reader.cancel();
    assertEquals((await reader.read()).done, true);
  }
  {
    // A push whose client goes away leaves nothing behind.
    let leave = (): void => {};
    const stalled = new ReadableStream<Uint8Array>({
      start(controller) {
        leave = () => controller.error(new Error("connection reset"));
        controller.enqueue(bytes(
          `${"0".repeat(40)} ${commits[0]} refs/heads/x\0 report-status`,
          FLUSH,
          fromByteString("PACK\0\0\0\x02\0\0\0\x05"),
        ));
      },
    });
    const handler = createGitHost({ root });
    const answered = handler(
      new Request("http://localhost/one.git/git-receive-pack", {
        method: "POST",
        headers: { "content-type": "application/x-git-receive-pack-request" },
        body: stalled,
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    leave();
    await (await answered).body?.cancel();
    const names = [...Deno.readDirSync(`${root}/one.git/objects`)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith("tmp")), []);
  }
  assert(openFiles() <= before + 1);
});

Deno.test("`createGitHost()` makes a pack as it is read, and turns too many away", async () => {
  using host = hosted({ maxConcurrent: 1 });
  makeRepository(`${host.root}/big.git`, { commits: 20, files: 300, fileSize: 4000 });
  using repository = Repository.open(`${host.root}/big.git`);
  const tip = repository.refs.id("refs/heads/master")!;
  const request = (): Request =>
    new Request("http://localhost/big.git/git-upload-pack", {
      method: "POST",
      headers: { "content-type": "application/x-git-upload-pack-request", ...V2 },
      body: bytes("command=fetch", DELIMITER, `want ${tip}\n`, "done\n", FLUSH),
    });
  const response = await host.handler(request());
  const busy = await host.handler(request());
  assertEquals([busy.status, busy.headers.get("retry-after")], [503, "5"]);
  await busy.body?.cancel();
  let chunks = 0;
  let size = 0;
  let largest = 0;
  for await (const chunk of response.body!) {
    chunks++;
    size += chunk.length;
    largest = Math.max(largest, chunk.length);
  }
  assert(size > 600_000);
  assert(chunks >= 5);
  assert(largest < 200_000);
  const again = await host.handler(request());
  assertEquals(again.status, 200);
  await again.body?.cancel();
  const after = await host.handler(request());
  assertEquals(after.status, 200);
  await after.body?.cancel();
});
