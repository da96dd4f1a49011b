import { assertEquals } from "@std/assert";
import { formatCommit, formatTree, Repository } from "../../git/mod.ts";
import { gitService } from "../git_service.ts";
import { Stack } from "../stack.ts";
import { Chromium, findChromium } from "../testdata/chromium.ts";
import { webConsole } from "../web_console.ts";

const executable = findChromium();
const reason = executable === undefined ? " (ignored: there is no Chromium in PATH)" : "";

Deno.test(`the Git page works in a browser${reason}`, {
  ignore: executable === undefined,
  // The WebSocket to the browser ends with the browser.
  sanitizeOps: false,
}, async (t) => {
  const dataDir = await Deno.makeTempDir();
  const stack = new Stack([gitService(), webConsole({ port: 0 })], { dataDir });
  await stack.start();
  const { url } = stack.services[1]!.endpoints[0]!;
  {
    using repository = Repository.init(`${dataDir}/git/demo.git`, { bare: true });
    const { objects, refs } = repository;
    let parents: string[] = [];
    for (let i = 0; i < 130; i++) {
      const id = objects.write("blob", new TextEncoder().encode(`<script>pwn()</script> ${i}\n`));
      const tree = objects.write("tree", formatTree([{ name: "a<b>.txt", id, mode: 0o100644 }]));
      const who = `Ada <a@b> ${1_700_000_000 + i} +0000`;
      parents = [objects.write(
        "commit",
        formatCommit({
          tree,
          parents,
          author: who,
          committer: who,
          extra: [],
          message: `Commit <i>${i}</i>\n`,
        }),
      )];
    }
    refs.update({ name: "refs/heads/master", newId: parents[0]! });
  }
  await using browser = await Chromium.launch(executable!);
  const page = await browser.open(`${url}git`, 1280, 800);
  const click = async (selector: string) => {
    await page.evaluate(
      `window.old = true; document.querySelector(${JSON.stringify(selector)}).click()`,
    );
    await page.waitFor(`!window.old && document.readyState === "complete"`);
  };
  const text = (selector: string) =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);

  await t.step("a repository opens on its files, and a file on its lines", async () => {
    await click("#list a");
    assertEquals(await text("#tree a"), "a<b>.txt");
    await click("#tree a");
    assertEquals(await text("#lines pre"), "<script>pwn()</script> 129");
  });

  await t.step("blame leads to the commit, and the commit shows what it changed", async () => {
    await click(".git-tabs a:nth-of-type(3)");
    await click("#lines a");
    assertEquals(await text("h2"), "Commit <i>129</i>");
    assertEquals(await text(".git-added"), "+<script>pwn()</script> 129\n");
  });

  await t.step("the log has a graph, and goes on to older commits", async () => {
    await click(".git-tabs a:nth-of-type(2)");
    const rows = `document.querySelectorAll("#log tr").length`;
    assertEquals(await page.evaluate(rows), 100);
    assertEquals(await text("#log td"), "* ");
    await click("#next");
    assertEquals(await page.evaluate(rows), 30);
    const fits = `document.documentElement.scrollWidth <= innerWidth`;
    assertEquals(await page.evaluate(fits), true);
  });

  await stack.stop();
  await Deno.remove(dataDir, { recursive: true });
});
