import { assert, assertEquals } from "@std/assert";
import { type CommandIo, runJsonCommand } from "./_cli.ts";
import { parse } from "./parse.ts";
import { treeLines } from "./tree.ts";

interface Run {
  code: number;
  out: string;
  err: string;
}

async function run(
  args: string[],
  input = "",
  files: Record<string, string> = {},
  settings: Partial<CommandIo> = {},
): Promise<Run> {
  const result: Run = { code: -1, out: "", err: "" };
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  result.code = await runJsonCommand(args, {
    stdin: () => ReadableStream.from([bytesOf(input)]),
    open(path) {
      const text = files[path];
      if (text === undefined) return Promise.reject(new Deno.errors.NotFound(path));
      const bytes = bytesOf(text);
      return Promise.resolve({ readable: ReadableStream.from([bytes]), sizeBytes: bytes.length });
    },
    write: (text) => result.out += text,
    writeError: (text) => result.err += text,
    color: false,
    progress: false,
    ...settings,
  });
  return result;
}

Deno.test("`json` prints the tree of the transcript", async () => {
  const text = '{"name": "Go", "year": 2009, "features": ["fast", "simple"]}\n';
  assertEquals(await run([], text), {
    code: 0,
    out: `Parsed successfully!
Type: Object
{
  "name" (String): "Go"
  "year" (Number): 2009
  "features" (Array): [
    (String): "fast"
    (String): "simple"
  ]
}
`,
    err: "",
  });
});

Deno.test("`json` prints the error of the transcript, then the place, and exits 1", async () => {
  assertEquals(await run([], '{"broken": }\n'), {
    code: 1,
    out: "",
    err: `Parse error at position 11: unexpected token '}', expected value
line 1, column 12
{"broken": }
           ^
`,
  });
});

Deno.test("`json --tokens` prints the table of the transcript", async () => {
  const expected = `Tokens:
  LEFT_BRACE     {
  STRING         "x"
  COLON          :
  NUMBER         1
  RIGHT_BRACE    }
  EOF
`;
  assertEquals(await run(["--tokens", '{"x": 1}']), { code: 0, out: expected, err: "" });
  assertEquals((await run(["--tokens"], '{"x": 1}\n')).out, expected);
  const broken = await run(["--tokens", "[1,,"]);
  assertEquals([broken.code, broken.out.split("\n").length], [1, 5]);
});

Deno.test("`json` prints other values with their types", async () => {
  assertEquals((await run([], "[null, true, -0, 1.50, {}, []]")).out.split("\n").slice(1), [
    "Type: Array",
    "[",
    "  (Null): null",
    "  (Boolean): true",
    "  (Number): -0",
    "  (Number): 1.50",
    "  (Object): {}",
    "  (Array): []",
    "]",
    "",
  ]);
  assertEquals((await run([], '"x"')).out, 'Parsed successfully!\nType: String\n"x"\n');
  const colored = await run([], '{"a":1}', {}, { color: true });
  assert(colored.out.startsWith("Parsed successfully!"));
});

Deno.test("`treeLines()` prints a million levels", () => {
  const levels = 1_000_000;
  let lines = 0;
  for (const _ of treeLines(parse("[".repeat(levels) + "]".repeat(levels)))) lines++;
  assertEquals(lines, 2 * levels - 1);
});

Deno.test("`json query` prints what a path or pointer selects, numbers as written", async () => {
  const text = '{"items": [{"id": 1.0}, {"id": 12345678901234567890}], "max": 1}';
  assertEquals((await run(["query", "$.items[*].id"], text)).out, "1.0\n12345678901234567890\n");
  assertEquals((await run(["query", "/items/0"], text)).out, '{"id":1.0}\n');
  assertEquals((await run(["query", "$.items[?@.id == $.max].id"], text)).out, "1.0\n");
  assertEquals((await run(["query", "$[", "f"], "", { f: text })).code, 2);
  assertEquals((await run(["query"])).code, 2);
  assertEquals((await run(["query", "$", "absent"])).code, 1);
});

Deno.test("`json format` keeps numbers and repeated keys", async () => {
  const text = '{"b":1.0,"a":[1e2],"b":2}';
  assertEquals((await run(["format", "--compact"], text)).out, '{"b":1.0,"b":2,"a":[1e2]}\n');
  assertEquals(
    (await run(["format", "--sort", "--indent", "1"], text)).out,
    '{\n "a": [\n  1e2\n ],\n "b": 1.0,\n "b": 2\n}\n',
  );
  assertEquals((await run(["format", "--indent", "x"], text)).code, 2);
  assertEquals((await run(["format", "--dialect", "json5"], "{a:+1,}")).out, '{\n  "a": 1\n}\n');
});

Deno.test("`json lines` converts between lines and arrays", async () => {
  assertEquals((await run(["lines"], ' {"a": 1}\n\n[2.0 ]')).out, '{"a":1}\n[2.0]\n');
  assertEquals((await run(["lines", "--to-array"], "1\n2\n")).out, "[\n  1,\n  2\n]\n");
  assertEquals((await run(["lines", "--to-array"], "")).out, "[]\n");
  assertEquals((await run(["lines", "--from-array"], '[1, {"a":[2]}]')).out, '1\n{"a":[2]}\n');
  const broken = await run(["lines"], "1\n2 3\n");
  assertEquals([broken.code, broken.out], [1, "1\n"]);
  assert(broken.err.startsWith("Parse error at position 4: "));
});

Deno.test("`json validate` checks several files and exits 1 for any that fails", async () => {
  const result = await run(["validate", "good", "bad"], "", { good: "[1]", bad: "[1" });
  assertEquals([result.code, result.out], [1, "good: valid\n"]);
  assert(result.err.startsWith("bad: Parse error at position 2: unexpected end of input"));
  assertEquals((await run(["validate"], "{}")).out, "standard input: valid\n");
});

Deno.test("`json` explains itself and refuses unknown words", async () => {
  assert((await run(["--help"])).out.includes("Permissions:"));
  for (
    const args of [["--nope"], ["a", "b"], ["--dialect", "xml"], ["lines", "--dialect", "json5"]]
  ) {
    const result = await run(args, "1");
    assertEquals(result.code, 2, args.join(" "));
    assertEquals(result.out, "");
  }
});

Deno.test("`json` shows progress on a terminal for big files", async () => {
  const text = "[" + " ".repeat(17 << 20) + "]";
  const { err } = await run(["validate", "big"], "", { big: text }, { progress: true });
  assert(err.endsWith("\r\x1b[K"));
});
