import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describeJson, describeMonkey, type MonkeyReport } from "./_playground.ts";
import { playgroundService } from "./playground_service.ts";
import { Stack } from "./stack.ts";
import { webConsole } from "./web_console.ts";
import { Chromium, findChromium } from "./testdata/chromium.ts";

Deno.test("`describeJson()` gives the tree's lines in coloured pieces", () => {
  const report = describeJson('{"a": [1, "<b>"], "e": {}}');
  assert(report.ok);
  assertEquals(report.type, "Object");
  assertEquals(report.lines.map((line) => line.map(([, text]) => text).join("")), [
    "{",
    '  "a" (Array): [',
    "    (Number): 1",
    '    (String): "<b>"',
    "  ]",
    '  "e" (Object): {}',
    "}",
  ]);
  assertEquals(report.lines[3], [["", "    ("], ["type", "String"], ["", "): "], [
    "string",
    '"<b>"',
  ]]);
});

Deno.test("`describeJson()` says where a text is wrong, and shows no more lines than it may", () => {
  const report = describeJson('{"é": \n 01}');
  assert(!report.ok);
  assertEquals([report.offset, report.line, report.column], [9, 2, 3]);
  assertMatch(report.message, /^Parse error at position 9: /);
  const long = describeJson(`[${"1,".repeat(9_999)}1]`);
  assert(long.ok && long.omitted);
  assertEquals(long.lines.length, 2_000);
  const deep = describeJson("[".repeat(100_000) + "]".repeat(100_000));
  assert(deep.ok && deep.omitted);
});

Deno.test("`describeMonkey()` runs a program on every engine, with tree and bytecode", () => {
  const report = describeMonkey('puts("hi"); let f = fn(x) { x * 2 }; f(21)');
  assertEquals(report.problems, []);
  assertEquals(report.output, ["hi"]);
  assertEquals(report.engines.map(({ engine, result, ok }) => [engine, result, ok]), [
    ["eval", "42", true],
    ["vm", "42", true],
    ["jit", "42", true],
    ["wasm", "42", true],
    ["auto", "42", true],
  ]);
  assertEquals(report.agree, true);
  assertEquals(report.ast[0], [0, "Program", ""]);
  assert(report.ast.some(([, kind, detail]) => kind === "Infix" && detail === "*"));
  assertStringIncludes(report.bytecode, "f(x) line 1:");
});

Deno.test("`describeMonkey()` shows problems, errors with a trace, and ends what runs too long", () => {
  const syntax = describeMonkey("let x 5;");
  assertEquals(syntax.problems.map(({ start, end }) => [start, end]), [[6, 7]]);
  assertStringIncludes(syntax.problems[0]!.text, "^");
  const failing = describeMonkey("let f = fn() { 1 + true }; f()");
  assertStringIncludes(failing.engines[0]!.result, "type mismatch: INTEGER + BOOLEAN\n  at f (1:");
  assertEquals([failing.engines[0]!.ok, failing.agree], [false, true]);
  const endless = describeMonkey("while (true) { }");
  assertEquals(endless.agree, undefined);
  for (const { result } of endless.engines) assertEquals(result, "error: stopped after 250 ms");
  const loud = describeMonkey('let i = 0; while (i < 200000) { puts("0123456789"); i = i + 1 }');
  assert(loud.output.length <= 2_000);
});

Deno.test("The playground answers over HTTP from a thread, and refuses what is too long", async () => {
  const dataDir = await Deno.makeTempDir();
  await using stack = new Stack([playgroundService(), webConsole({ port: 0 })], { dataDir });
  await stack.start();
  const { url } = stack.services[1]!.endpoints[0]!;
  const page = await (await fetch(`${url}playground`)).text();
  assertStringIncludes(page, 'id="monkey-run"');
  const ask = (kind: string, body: string) =>
    fetch(`${url}playground/${kind}`, { method: "POST", body });
  const [json, monkey] = await Promise.all([ask("json", "[1, 2"), ask("monkey", "1 + 2")]);
  assertEquals((await json.json()).offset, 5);
  const report: MonkeyReport = await monkey.json();
  assertEquals(report.engines.map(({ result }) => result), ["3", "3", "3", "3", "3"]);
  const long = await ask("json", " ".repeat(300_000));
  assertEquals(long.status, 413);
  await long.body?.cancel();
  await stack.stop();
  await Deno.remove(dataDir, { recursive: true });
});

const executable = findChromium();
const reason = executable === undefined ? " (ignored: there is no Chromium in PATH)" : "";

Deno.test(`the playground works in a browser${reason}`, {
  ignore: executable === undefined,
  // The WebSocket to the browser ends with the browser.
  sanitizeOps: false,
}, async () => {
  const dataDir = await Deno.makeTempDir();
  await using stack = new Stack([playgroundService(), webConsole({ port: 0 })], { dataDir });
  await stack.start();
  const url = `${stack.services[1]!.endpoints[0]!.url}playground`;
  await using browser = await Chromium.launch(executable!);
  const page = await browser.open(url, 1280, 900);
  const status = `document.getElementById("monkey-status").textContent`;
  await page.waitFor(`${status}.startsWith("All engines agree")`);
  assertEquals(
    await page.evaluate(
      `[...document.querySelectorAll("#engine-rows tr")].map((r) => r.cells[0].textContent + "=" + r.cells[1].textContent)`,
    ),
    ["eval=2584", "vm=2584", "jit=2584", "wasm=2584", "auto=2584"],
  );
  const type = (id: string, text: string) =>
    page.evaluate(
      `{ const area = document.getElementById("${id}"); area.value = ${JSON.stringify(text)};
         area.dispatchEvent(new Event("input")); }`,
    );
  await type("json-text", '{"a": <img src=x>}');
  await page.waitFor(`document.querySelector("#json-marks mark") !== null`);
  assertEquals(
    await page.evaluate(`document.querySelector("#json-marks mark").textContent`),
    "<",
  );
  await type("json-text", '{"a": [1, {"b": "<img src=x onerror=pwn()>"}]}');
  await page.waitFor(`document.querySelectorAll("#json-tree .line").length === 8`);
  await page.evaluate(`document.querySelectorAll("#json-tree .fold")[1].click()`);
  assertEquals(
    await page.evaluate(
      `[...document.querySelectorAll("#json-tree .line")].filter((row) => !row.hidden).length`,
    ),
    4,
  );
  await type("monkey-text", "let a = ;\nlet b 2;");
  await page.evaluate(`document.getElementById("monkey-run").click()`);
  await page.waitFor(`document.querySelectorAll("#monkey-marks mark").length === 2`);
  assertEquals(await page.evaluate(status), "2 problems");
  const phone = await browser.open(url, 390, 844);
  await phone.waitFor(`${status}.startsWith("All engines agree")`);
  assertEquals(
    await phone.evaluate(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    ),
    0,
  );
  assertEquals([page.problems, phone.problems], [[], []]);
  await stack.stop();
  await Deno.remove(dataDir, { recursive: true });
});
