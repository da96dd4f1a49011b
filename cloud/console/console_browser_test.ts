import { assertEquals, assertMatch } from "@std/assert";
import { Stack } from "../stack.ts";
import { fileHost } from "../file_host.ts";
import { webConsole } from "../web_console.ts";
import { Chromium, findChromium } from "../testdata/chromium.ts";

const executable = findChromium();
const reason = executable === undefined ? " (ignored: there is no Chromium in PATH)" : "";

Deno.test(`the console works in a browser${reason}`, {
  ignore: executable === undefined,
  // The WebSocket to the browser ends with the browser.
  sanitizeOps: false,
}, async (t) => {
  const dataDir = await Deno.makeTempDir();
  await Deno.mkdir(`${dataDir}/files`);
  await Deno.writeTextFile(`${dataDir}/files/hello.txt`, "hello");
  const services = () => [fileHost({ port: 0 }), webConsole({ port: 0 })];
  const stack = new Stack(services(), { dataDir });
  await stack.start();
  const [files, url] = stack.services.map(({ endpoints }) => endpoints[0]!.url) as [string, string];
  const port = Number(new URL(url).port);
  await using browser = await Chromium.launch(executable!);
  const page = await browser.open(url, 1280, 800);
  const text = (id: string) => page.evaluate(`document.getElementById("${id}").textContent`);
  const isLive = "document.getElementById('live').dataset.state === 'live'";

  await t.step("it goes live and shows the services", async () => {
    await page.waitFor(isLive);
    assertEquals(await text("live"), "Live");
    assertEquals([await text("state-files"), await text("state-console")], ["running", "running"]);
    assertEquals(page.problems, []);
  });

  await t.step("requests stream in and the figures follow", async () => {
    for (let i = 0; i < 5; i++) await (await fetch(`${files}hello.txt`)).text();
    await (await fetch(`${files}%3Cimg%20src=x%20onerror=pwn()%3E`)).text();
    await page.waitFor(
      `document.querySelector("#requests tr")?.cells[2]?.textContent.includes("onerror")`,
    );
    assertEquals(
      await page.evaluate(`document.querySelectorAll("#requests tr").length >= 6`),
      true,
    );
    const first = await page.evaluate(
      `[...document.querySelector("#requests tr").cells].map((cell) => cell.textContent)`,
    );
    assertEquals(first.slice(1, 5), ["GET", "/%3Cimg%20src=x%20onerror=pwn()%3E", "files", "404"]);
    await page.waitFor(`document.querySelectorAll("#rate-chart .bar").length > 0`);
    await page.waitFor(
      `document.querySelectorAll("#latency-chart .line, #latency-chart .dot").length > 2`,
    );
    await page.waitFor(`Number(document.getElementById("stat-total").textContent) >= 6`);
    assertMatch(await text("stat-p50"), /^[\d.]+(µs|ms)$/);
    assertMatch(
      await page.evaluate(`document.getElementById("rate-chart").getAttribute("aria-label")`),
      /^Requests a second over the last minute: now \d+, at most \d+$/,
    );
  });

  await t.step("the keyboard reaches everything", async () => {
    const seen: string[] = [];
    for (let i = 0; i < 9; i++) {
      await page.press("Tab");
      seen.push(
        await page.evaluate(`document.activeElement.id || document.activeElement.textContent`),
      );
    }
    assertEquals(seen.slice(0, 8), [
      "Skip to content",
      "groundwork",
      "Overview",
      "Files",
      "theme",
      "rate-chart",
      "latency-chart",
      "pause",
    ]);
    await page.evaluate(`document.getElementById("rate-chart").focus()`);
    await page.press("ArrowLeft");
    assertMatch(
      await page.evaluate(`document.querySelector("#rate-chart .tip").textContent`),
      /^\d+ req\/s.*\nlast second$/,
    );
    await page.evaluate(`document.getElementById("theme").focus()`);
    await page.press("Enter");
    assertEquals(await page.evaluate("document.documentElement.dataset.theme"), "dark");
    await page.press("Enter");
    assertEquals(await page.evaluate("document.documentElement.dataset.theme"), undefined);
  });

  await t.step("the stream of requests can be paused", async () => {
    await page.evaluate(`document.getElementById("pause").click()`);
    const before = await page.evaluate(`document.querySelectorAll("#requests tr").length`);
    await (await fetch(`${files}hello.txt`)).text();
    await page.waitFor(`document.getElementById("pause").textContent === "Resume (1 new)"`);
    assertEquals(await page.evaluate(`document.querySelectorAll("#requests tr").length`), before);
    await page.evaluate(`document.getElementById("pause").click()`);
    await page.waitFor(`document.querySelectorAll("#requests tr").length === ${before + 1}`);
  });

  await t.step("no page is wider than a phone, in light and dark", async () => {
    for (const path of ["", "files/", "nothing"]) {
      for (const isDark of [false, true]) {
        const phone = await browser.open(url + path, 390, 844, isDark);
        const overflow = await phone.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assertEquals(overflow, 0, `/${path}`);
        await browser.send("Target.closeTarget", { targetId: phone.targetId });
      }
    }
  });

  await t.step("it says when the stack is gone, and connects again", async () => {
    await stack.stop();
    await page.waitFor(`document.getElementById("live").dataset.state === "reconnecting"`);
    assertEquals(await page.evaluate("document.body.classList.contains('stale')"), true);
    await using again = new Stack([fileHost({ port: 0 }), webConsole({ port })], { dataDir });
    await again.start();
    await page.waitFor(isLive);
    assertEquals(await page.evaluate("document.body.classList.contains('stale')"), false);
    await again.stop();
  });
  await Deno.remove(dataDir, { recursive: true });
});
