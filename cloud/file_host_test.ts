import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { fileHost } from "./file_host.ts";
import { Stack, StackError } from "./stack.ts";
import { webConsole } from "./web_console.ts";

async function withFolder(use: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  try {
    await use(dataDir);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function get(url: string | URL): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

Deno.test("`fileHost()` serves DATA/files at its own endpoint and in the console", async () => {
  await withFolder(async (dataDir) => {
    await using stack = new Stack([fileHost({ port: 0 }), webConsole({ port: 0 })], { dataDir });
    await stack.start();
    const [own, console] = stack.services.map(({ endpoints }) => endpoints[0]!.url) as [
      string,
      string,
    ];
    assertStringIncludes((await get(`${console}files/`)).text, "This folder is empty");
    await Deno.mkdir(join(dataDir, "files", "a b"));
    await Deno.writeTextFile(join(dataDir, "files", "a b", "<i>.html"), "<script>pwn()</script>");

    const listing = await get(own);
    assertStringIncludes(listing.text, `<a href="./a%20b/">a b/</a>`);
    const file = await get(`${own}a%20b/%3Ci%3E.html`);
    assertEquals([file.status, file.text], [200, "<script>pwn()</script>"]);

    const page = await get(`${console}files/a%20b/`);
    assertStringIncludes(page.text, `<a href="./%3Ci%3E.html">`);
    assertStringIncludes(page.text, "<span>&lt;i&gt;.html</span>");
    assertStringIncludes(page.text, `<a href="../">files</a>`);
    assertStringIncludes(page.text, "<title>a b · groundwork</title>");
    // What people put there must not run with the console's rights.
    const raw = await get(`${console}files/a%20b/%3Ci%3E.html`);
    assertMatch(raw.headers.get("content-security-policy")!, /^sandbox; default-src 'none'/);
    assertEquals((await get(`${console}files/..%2f..%2fetc`)).status, 404);
    assertEquals((await get(`${console}files`)).status, 200, "redirected to the slash");

    const seen = stack.metrics.recent().map(({ service, path }) => `${service} ${path}`);
    assertEquals(seen[1], "files /");
    assertEquals(seen[3], "console /files/a%20b/");
    await stack.stop();
    assertEquals(stack.services.map(({ state }) => state), ["stopped", "stopped"]);
    assertEquals(stack.services.flatMap(({ endpoints }) => endpoints), []);
  });
});

Deno.test("a port that was asked for and is taken is an error in one line", async () => {
  await withFolder(async (dataDir) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const stack = new Stack([fileHost({ port: 0 }), webConsole({ port })], { dataDir });
    const error = await assertRejects(() => stack.start(), StackError);
    assertEquals(
      error.message,
      `Cannot start console: port ${port} is taken; choose another with --port, ` +
        "or stop what listens there",
    );
    assertEquals(stack.services.map(({ state }) => state), ["stopped", "failed"]);
  });
});
