import { assertEquals, assertThrows } from "@std/assert";
import { JsonDocument } from "./document.ts";
import { edit, type EditOptions } from "./edit.ts";
import { JsonSyntaxError } from "./error.ts";
import { parse } from "./parse.ts";
import { JsonPointerError } from "./pointer.ts";

const CONFIG = `{
  // where to listen
  "port": 80, // the default
  "hosts": ["a", "b"],
  "empty": {},
  "list": [
    1, // one
    2 // two
  ],
  /* the last */
  "nested": { "deep": [true] }
}
`;

Deno.test("`edit()` changes only what it must", () => {
  const table: [string, unknown, string, string][] = [
    ["/port", 8080, '"port": 80,', '"port": 8080,'],
    ["/hosts/1", "x", '"b"]', '"x"]'],
    ["/hosts/-", "c", '"b"]', '"b", "c"]'],
    ["/hosts/0", undefined, '["a", "b"]', '["b"]'],
    ["/hosts/1", undefined, '["a", "b"]', '["a"]'],
    ["/list/-", 3, "2 // two\n", "2, // two\n    3\n"],
    ["/list/0", undefined, "    1, // one\n", ""],
    ["/list/1", undefined, "1, // one\n    2 // two\n", "1 // one\n"],
    ["/port", undefined, '  "port": 80, // the default\n', ""],
    ["/nested/more", [1], "[true] }", '[true], "more": [\n    1\n  ] }'],
    ["/nested/deep/0", null, "[true]", "[null]"],
    ["/new", 1, "[true] }\n", '[true] },\n  "new": 1\n'],
    ["/empty/a/b", 1, "{},", '{\n    "a": {\n      "b": 1\n    }\n  },'],
  ];
  for (const [path, value, before, after] of table) {
    const from = before.replaceAll("\\\n", "\n");
    const to = after.replaceAll("\\\n", "\n");
    assertEquals(CONFIG.split(from).length, 2, `${path}: ${from}`);
    assertEquals(edit(CONFIG, path, value), CONFIG.replace(from, () => to), path);
  }
});

Deno.test("`edit()` keeps layout, line ends and dialect", () => {
  const table: [string, string, unknown, string, EditOptions?][] = [
    ['{"a":1}', "/b", 2, '{"a":1, "b": 2}'],
    ["[]", "/0", 1, "[1]"],
    ["[1]", "/0", undefined, "[]"],
    ["{}", "/a", { b: 1 }, '{"a": {"b":1}}'],
    ["1", "", [2], "[2]"],
    ["/* x */ 1 // y", "", 2, "/* x */ 2 // y"],
    ['{\r\n\t"a": 1\r\n}', "/b", [1], '{\r\n\t"a": 1,\r\n\t"b": [\r\n\t\t1\r\n\t]\r\n}'],
    ["[\n  1,\n  2,\n]", "/-", 3, "[\n  1,\n  2,\n  3,\n]"],
    ["{a: 'x', b: +1,}", "/a", "y", '{a: "y", b: +1,}', { dialect: "json5" }],
    ["{a: 'x', b: 0x10}", "/b", undefined, "{a: 'x'}", { dialect: "json5" }],
    ['{"a":1,"a":2}', "/a", 3, '{"a":1,"a":3}'],
    ["{\n}", "/a", 1, '{\n  "a": 1\n}'],
    ["{\n  // todo\n}", "/a", 1, '{\n  // todo\n  "a": 1\n}'],
  ];
  for (const [text, path, value, expected, options] of table) {
    assertEquals(edit(text, path, value, options), expected, `${text} ${path}`);
  }
});

Deno.test("`edit()` gives the text of the edited value, on random edits", () => {
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? Date.now() % 1e9);
  let state = seed;
  const random = (below: number) =>
    Math.floor((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648 * below);
  for (let round = 0; round < 60; round++) {
    let text = [CONFIG, '{"a":[1,2,{"b":3}],"c":{}}', "[\n\t[1], // x\n\t{}\n]"][round % 3]!;
    for (let step = 0; step < 15; step++) {
      const value = parse(text, { dialect: "jsonc" });
      const path: (string | number)[] = [];
      let at = value;
      while (typeof at === "object" && at !== null && random(4) > 0) {
        const keys = Object.keys(at);
        const key = keys.length === 0 || random(4) === 0
          ? Array.isArray(at) ? "-" : `new${random(50)}`
          : keys[random(keys.length)]!;
        path.push(key);
        if (!Object.hasOwn(at, key)) break;
        at = (at as Record<string, unknown>)[key];
      }
      if (path.length === 0) continue;
      const exists = path.at(-1) !== "-" && !String(path.at(-1)).startsWith("new");
      const item = exists && random(3) === 0
        ? undefined
        : [1, "x", [1, { y: 2 }], {}, null, { k: [] }][random(6)];
      const parent = path.slice(0, -1)
        .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], value);
      const last = path.at(-1)!;
      if (Array.isArray(parent)) {
        if (item === undefined) parent.splice(Number(last), 1);
        else parent[last === "-" ? parent.length : Number(last)] = item;
      } else if (item === undefined) delete (parent as Record<string, unknown>)[last];
      else (parent as Record<string, unknown>)[last] = item;
      const before = text;
      if (item === undefined && !exists) continue;
      text = edit(text, path, item);
      assertEquals(
        parse(text, { dialect: "jsonc" }),
        value,
        `seed ${seed}: ${path} in ${before}\n-> ${text}`,
      );
    }
  }
});

Deno.test("`edit()` refuses what cannot be done", () => {
  for (
    const [path, value] of [["/port/x", 1], ["/hosts/9", 1], ["/none", undefined], [
      "",
      undefined,
    ]] as const
  ) {
    const error = assertThrows(() => edit(CONFIG, path, value), JsonPointerError);
    assertEquals(error.code, "not-found", path);
  }
  assertThrows(() => edit('{"a":', "/a", 1), JsonSyntaxError);
  assertEquals(edit("[".repeat(200_000) + "]".repeat(200_000), "/0", 1), "[1]");
});

Deno.test("`JsonDocument` reads one value without the rest", () => {
  const text =
    '{"a": [1, {"b\\n": "x]}"}, "\\""], "c": {"d": null}, "a2": tru, "dup": 1, "dup": 2}';
  const document = new JsonDocument(text);
  assertEquals(document.get("/a/1/b\n"), "x]}");
  assertEquals(document.get("/a"), [1, { "b\n": "x]}" }, '"']);
  assertEquals(document.get("/c/d"), null);
  assertEquals(document.has("/c/d"), true);
  assertEquals(document.get("/c/x"), undefined);
  assertEquals(document.has("/a/9"), false);
  assertEquals(document.get("/dup"), 2);
  assertEquals(document.keys(""), ["a", "c", "a2", "dup"]);
  assertEquals([document.length("/a"), document.length("/c"), document.length("/c/d")], [3, 1, 0]);
  assertEquals([document.type("/a"), document.type("/c"), document.type("/dup")], [
    "Array",
    "Object",
    "Number",
  ]);
  assertEquals(new TextDecoder().decode(document.raw("/c")), '{"d": null}');
  const error = assertThrows(() => document.get("/a2"), JsonSyntaxError);
  assertEquals(error.offset, text.indexOf("tru") + 3);
  assertThrows(() => document.validate(), JsonSyntaxError);
});

Deno.test("`JsonDocument` throws only its error for malformed texts", () => {
  for (
    const text of [
      "",
      "{",
      '{"a"',
      '{"a":',
      '{"a":1',
      "[1",
      "[1 2]",
      '{"a" 1}',
      "{a:1}",
      '{"',
      '["a',
      "]",
    ]
  ) {
    const document = new JsonDocument(text);
    for (const pointer of ["", "/a", "/0", "/0/0"]) {
      try {
        document.get(pointer);
      } catch (error) {
        if (!(error instanceof JsonSyntaxError)) throw new Error(text, { cause: error });
      }
    }
  }
  const levels = 1_000_000;
  const deep = new JsonDocument("[".repeat(levels) + "]".repeat(levels));
  assertEquals(deep.length("/0"), 1);
});
