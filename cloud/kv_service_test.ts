import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Database } from "../kv/mod.ts";
import { kvService } from "./kv_service.ts";
import { Stack, StackError } from "./stack.ts";
import { webConsole } from "./web_console.ts";
import { Chromium, findChromium } from "./testdata/chromium.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function withStack(
  run: (url: string, dataDir: string) => Promise<void>,
  prepare: (db: Database) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  try {
    {
      await using db = await Database.open(`${dataDir}/kv`);
      await prepare(db);
    }
    await using stack = new Stack([kvService(), webConsole({ port: 0 })], { dataDir });
    await stack.start();
    assertEquals(stack.services[0]!.state, "running");
    await run(`${stack.services[1]!.endpoints[0]!.url}kv`, dataDir);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

const page = async (url: string) => await (await fetch(url)).text();

Deno.test("The store's service keeps its entries, and shows keys, values and levels", () =>
  withStack(async (url) => {
    const text = await page(url);
    assertStringIncludes(text, "!planets!=mars");
    assertStringIncludes(text, "{&#34;moons&#34;:2,&#34;radiusKm&#34;:3389.5}");
    assertStringIncludes(text, "!radii!=@");
    assertStringIncludes(text, "<td>L6</td>");
    const some = await page(`${url}?prefix=!planets!%3Dm`);
    assertEquals(some.match(/<td class="code kv-key/g)!.length, 2);
    const read = await page(`${url}?key=!planets!%3Dearth`);
    assertStringIncludes(read, "{\n  &#34;moons&#34;: 1,\n");
    assertStringIncludes(await page(`${url}?key=none`), "There is no such key.");
    const stats = await (await fetch(`${url}/stats`)).json();
    assertEquals(stats.levels.length, 7);
    assertEquals(stats.tiles[4], { id: "kv-sequence", label: "Sequence number", value: "16" });
  }));

Deno.test("The store's page shows any bytes safely, page by page", () =>
  withStack(async (url) => {
    const first = await page(`${url}?prefix=%5Cxff`);
    assertEquals(first.match(/<td class="code kv-key/g)!.length, 50);
    assertStringIncludes(first, "\\xff&lt;script&gt;\\x00");
    assertEquals(first.includes("<script>\\x00"), false);
    const next = /id="next" href="([^"]+)"/.exec(first)![1]!.replaceAll("&amp;", "&");
    const second = await page(new URL(next, url).href);
    assertEquals(second.match(/<td class="code kv-key/g)!.length, 20);
    assertStringIncludes(second, "First page");
    assertEquals(second.includes('id="next"'), false);
    const link = /kv-key"><a href="([^"]+)"/.exec(first)![1]!.replaceAll("&amp;", "&");
    const read = await page(new URL(link, url).href);
    assertStringIncludes(read, "\\x1b[2J\\xfe");
    assertStringIncludes(await page(`${url}?key=big`), "the first 64 KiB");
    for (const bad of ["prefix=%5C", "key=%5Cx0", "hex=xyz", "after=1"]) {
      assertStringIncludes(await page(`${url}?${bad}`), "for a backslash");
    }
  }, async (db) => {
    for (let i = 0; i < 70; i++) {
      const key = [255, ...bytes("<script>"), 0, i];
      await db.put(Uint8Array.from(key), Uint8Array.from([...bytes("\x1b[2J"), 254]));
    }
    await db.put(bytes("big"), new Uint8Array(100_000).fill(97));
  }));

Deno.test("The store's page adds entries and compacts, for its own origin alone", () =>
  withStack(async (url) => {
    const post = (action: string, headers = {}) =>
      fetch(url, { method: "POST", body: new URLSearchParams({ action }), headers });
    const filled = await post("fill");
    assertStringIncludes(await filled.text(), "20,016");
    await (await post("compact")).body?.cancel();
    const stats = await (await fetch(`${url}/stats`)).json();
    assertEquals(stats.tiles[1].value, "0");
    assertMatch(stats.levels.map((level: { tables: string }) => level.tables).join(""), /[1-9]/);
    const refused = await post("fill", { origin: "http://other.example" });
    await refused.body?.cancel();
    assertEquals(refused.status, 403);
  }));

Deno.test("The store's service says who has the store open, and what to do about damage", async () => {
  const dataDir = await Deno.makeTempDir();
  const service = kvService();
  const stack = new Stack([service], { dataDir });
  {
    await using _db = await Database.open(`${dataDir}/kv`);
    const error = await assertRejects(() => stack.start(), StackError);
    assertStringIncludes(error.message, `Cannot start kv: process ${Deno.pid} has `);
    assertEquals([service.state, service.endpoints], ["failed", []]);
  }
  await Deno.writeTextFile(`${dataDir}/kv/CURRENT`, "nonsense");
  const again = new Stack([kvService()], { dataDir });
  const error = await assertRejects(() => again.start(), StackError);
  assertStringIncludes(error.message, "repair");
  await Deno.remove(dataDir, { recursive: true });
});

const executable = findChromium();
const reason = executable === undefined ? " (ignored: there is no Chromium in PATH)" : "";

Deno.test(`The store's page follows writes and compactions in a browser${reason}`, {
  ignore: executable === undefined,
  // The WebSocket to the browser ends with the browser.
  sanitizeOps: false,
}, () =>
  withStack(async (url) => {
    await using browser = await Chromium.launch(executable!);
    const tab = await browser.open(url, 1280, 900);
    await tab.waitFor(`document.getElementById("kv-sequence").textContent === "16"`);
    const body = new URLSearchParams({ action: "fill" });
    await (await fetch(url, { method: "POST", body })).body?.cancel();
    await tab.waitFor(`document.getElementById("kv-sequence").textContent === "20,016"`);
    assertEquals(tab.problems, []);
    for (const isDark of [false, true]) {
      const phone = await browser.open(`${url}?key=!planets!%3Dearth`, 390, 844, isDark);
      const overflow = await phone.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      assertEquals(overflow, 0);
    }
  }));
