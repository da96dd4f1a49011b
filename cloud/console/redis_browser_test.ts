import { assertEquals, assertStringIncludes } from "@std/assert";
import { redisService } from "../redis_service.ts";
import { Stack } from "../stack.ts";
import { webConsole } from "../web_console.ts";
import { Chromium, findChromium } from "../testdata/chromium.ts";

const executable = findChromium();
const reason = executable === undefined ? " (ignored: there is no Chromium in PATH)" : "";

Deno.test(`the Redis page works in a browser${reason}`, {
  ignore: executable === undefined,
  // The WebSocket to the browser ends with the browser.
  sanitizeOps: false,
}, async (t) => {
  const dataDir = await Deno.makeTempDir();
  const redis = redisService({ port: 0 });
  const stack = new Stack([redis, webConsole({ port: 0 })], { dataDir });
  await stack.start();
  const { url } = stack.services[1]!.endpoints[0]!;
  await using browser = await Chromium.launch(executable!);
  const page = await browser.open(`${url}redis`, 1280, 800);
  const text = (id: string) => page.evaluate(`document.getElementById("${id}").textContent`);
  const submit = async (line: string) => {
    await page.evaluate(`document.getElementById("command").value = ${JSON.stringify(line)};
      window.old = true; document.getElementById("command").form.submit()`);
    await page.waitFor(`!window.old && document.readyState === "complete"`);
  };

  await t.step("a command is run, and its status has no quotes", async () => {
    await submit('SET "<img src=x onerror=pwn()>" 1 EX 100');
    assertEquals(await text("reply"), "OK");
    await submit('GET "<img src=x onerror=pwn()>"');
    assertEquals(await text("reply"), '"1"');
    assertEquals(
      await page.evaluate(`document.querySelector("#keys tr").cells[1].textContent`),
      "string",
    );
  });

  await t.step("the figures follow what happens elsewhere", async () => {
    assertEquals(await text("redis-keys"), "1");
    const port = Number(/\d+$/.exec(redis.endpoints[0]!.url)![0]);
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    const lines = Array.from({ length: 300 }, (_, i) => `SET key:${i} v\r\nGET absent\r\n`).join(
      "",
    );
    await client.write(new TextEncoder().encode(lines));
    await client.read(new Uint8Array(65_536));
    await page.waitFor(`document.getElementById("redis-keys").textContent === "301"`);
    await page.waitFor(`parseFloat(document.getElementById("redis-hits").textContent) < 5`);
    await page.waitFor(
      `Number(document.getElementById("redis-ops").textContent.replace(",", "")) > 100`,
    );
  });

  await t.step("a pattern narrows the keys, pages follow, and a key shows its value", async () => {
    await page.evaluate(`window.old = true;
      document.getElementById("match").value = "key:1*";
      document.getElementById("match").form.submit()`);
    await page.waitFor(`!window.old && document.readyState === "complete"`);
    const first = await page.evaluate(
      `[...document.querySelectorAll(".redis-key")].map((cell) => cell.textContent)`,
    );
    assertEquals(first.every((name: string) => name.startsWith("key:1")), true);
    await page.evaluate(`window.old = true; document.getElementById("next").click()`);
    await page.waitFor(`!window.old && document.readyState === "complete"`);
    const second = await page.evaluate(
      `[...document.querySelectorAll(".redis-key")].map((cell) => cell.textContent)`,
    );
    assertEquals(new Set([...first, ...second]).size, 111);
    await page.evaluate(`window.old = true; document.querySelector(".redis-key a").click()`);
    await page.waitFor(`!window.old && document.readyState === "complete"`);
    assertEquals(await text("reply"), '"v"');
    assertStringIncludes(await page.evaluate("location.search"), "match=key");
    assertEquals(page.problems, []);
  });

  await stack[Symbol.asyncDispose]();
  await Deno.remove(dataDir, { recursive: true });
});
