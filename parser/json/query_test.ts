import { assert, assertEquals, assertThrows } from "@std/assert";
import { IRegexp, IRegexpError } from "./i_regexp.ts";
import { JsonPath, JsonPathError } from "./path.ts";
import { JsonPointer, JsonPointerError } from "./pointer.ts";
import { parse } from "./parse.ts";

Deno.test("`JsonPointer` follows the examples of RFC 6901", () => {
  const document = {
    foo: ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
  };
  const table: [string, string, unknown][] = [
    ["", "#", document],
    ["/foo", "#/foo", ["bar", "baz"]],
    ["/foo/0", "#/foo/0", "bar"],
    ["/", "#/", 0],
    ["/a~1b", "#/a~1b", 1],
    ["/c%d", "#/c%25d", 2],
    ["/e^f", "#/e%5Ef", 3],
    ["/g|h", "#/g%7Ch", 4],
    ["/i\\j", "#/i%5Cj", 5],
    ['/k"l', "#/k%22l", 6],
    ["/ ", "#/%20", 7],
    ["/m~0n", "#/m~0n", 8],
  ];
  for (const [text, fragment, value] of table) {
    assertEquals(new JsonPointer(text).get(document), value);
    assertEquals(new JsonPointer(fragment).get(document), value);
    assertEquals(new JsonPointer(fragment).toString(), text);
  }
  for (const text of ["foo", "/a~", "/a~2", "#/%ff"]) {
    assertEquals(assertThrows(() => new JsonPointer(text), JsonPointerError).code, "syntax");
  }
});

Deno.test("`JsonPointer` reaches data only", () => {
  assertEquals(new JsonPointer("/constructor").get({}), undefined);
  assertEquals(new JsonPointer("/__proto__").get({}), undefined);
  assertEquals(new JsonPointer("/length").get([1]), undefined);
  assertEquals(new JsonPointer("/01").get([1, 2]), undefined);
  assertEquals(new JsonPointer("/-").get([1]), undefined);
  const object = {};
  new JsonPointer("/__proto__").set(object, { polluted: true });
  assertEquals(Object.keys(object), ["__proto__"]);
  assertEquals(({} as { polluted?: boolean }).polluted, undefined);
  assertThrows(() => new JsonPointer("/constructor/prototype/x").set({}, 1), JsonPointerError);
});

Deno.test("`JsonPointer` sets and removes", () => {
  const value = { list: [1, 2], object: {} };
  new JsonPointer("/list/-").set(value, 3);
  new JsonPointer("/list/0").set(value, 0);
  new JsonPointer("/object/new").set(value, true);
  assertEquals(value, { list: [0, 2, 3], object: { new: true } });
  assertEquals(new JsonPointer("/list/1").remove(value), 2);
  assertEquals(new JsonPointer("/object/new").remove(value), true);
  assertEquals(value, { list: [0, 3], object: {} });
  assertEquals(new JsonPointer("").set(value, 5), 5);
  for (const text of ["/list/9", "/none/x", "/list/x"]) {
    const pointer = new JsonPointer(text);
    assertEquals(assertThrows(() => pointer.set(value, 1), JsonPointerError).code, "not-found");
    assertThrows(() => pointer.remove(value), JsonPointerError);
  }
});

Deno.test("`JsonPath` walks a million levels and keeps to its limits", () => {
  const levels = 1_000_000;
  const deep = parse('{"a":'.repeat(levels) + "1" + "}".repeat(levels));
  assertEquals(new JsonPath("$..a").values(deep).length, levels);
  const wide = new JsonPath("$..*..*..*", { maxNodes: 10_000 });
  const tree = parse("[".repeat(300) + "]".repeat(300));
  assertEquals(assertThrows(() => wide.values(tree), JsonPathError).code, "too-large");
  const slow = new JsonPath("$[?count($..*[?count($..*[?count($..*) > 9]) > 9]) > 9]", {
    maxNodes: 10_000,
  });
  assertEquals(assertThrows(() => slow.values(tree), JsonPathError).code, "too-large");
  const nested = `$[?${"(".repeat(1_000)}@${")".repeat(1_000)}]`;
  assertEquals(assertThrows(() => new JsonPath(nested), JsonPathError).code, "syntax");
  assertEquals(assertThrows(() => new JsonPath("$.a."), JsonPathError).offset, 4);
});

Deno.test("`JsonPath` compares strings by code points and numbers as read", () => {
  assertEquals(new JsonPath('$[?@ > "\\uE000"]').values(["😀", "a"]), ["😀"]);
  const value = parse("[1.0, 2]", { numbers: "source" });
  assertEquals(new JsonPath("$[?@ == 1]").values(value).length, 1);
});

Deno.test("`IRegexp` matches what RFC 9485 says", () => {
  const table: [string, string, boolean][] = [
    ["", "", true],
    ["a|", "", true],
    ["a{2,3}", "aaaa", false],
    ["a{2,}", "aaaa", true],
    ["(ab)+c?", "ababc", true],
    ["[^a-c]x", "dx", true],
    ["[^a-c]x", "bx", false],
    ["[a-]", "-", true],
    ["[-a]", "-", true],
    ["[\\]\\-]*", "]-]", true],
    [".", "\n", false],
    [".", "\u2028", true],
    [".", "😀", true],
    ["[😀-😂]", "😁", true],
    ["\\p{Lu}\\P{Lu}", "Éé", true],
    ["[\\p{Nd}x]+", "1x٣", true],
    ["\\n\\t\\.\\*", "\n\t.*", true],
    ["(a|b)*(a|b){0}", "abba", true],
    ["(){3}(a*)*", "aaa", true],
    ["a?{1}", "a", false],
  ];
  for (const [pattern, text, expected] of table) {
    if (pattern === "a?{1}") assertThrows(() => new IRegexp(pattern), IRegexpError);
    else assertEquals(new IRegexp(pattern).matches(text), expected, pattern);
  }
  for (
    const pattern of [
      "*",
      "a**",
      "(",
      ")",
      "[",
      "[]",
      "[b-a]",
      "[a-b-c]",
      "[[]",
      "a{",
      "a{2,1}",
      "}",
      "\\d",
      "\\",
      "\\p{Xx}",
      "\\p{Greek}",
      "(?:a)",
      "a*?",
      "\\1",
    ]
  ) assertThrows(() => new IRegexp(pattern), IRegexpError, undefined, pattern);
});

Deno.test("`IRegexp` takes linear time where backtracking explodes", () => {
  const text = "a".repeat(20_000);
  for (const pattern of ["(a*)*b", "(a|a)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)b", "a{0,50}a{0,50}b"]) {
    const from = performance.now();
    assertEquals(new IRegexp(pattern).matches(text), false);
    assertEquals(new IRegexp(pattern).isFoundIn(text), false);
    assert(performance.now() - from < 5_000, pattern);
  }
  for (const pattern of ["((a{100}){100}){100}", "a{1000000000}", "(a{0,99999}){0,99999}"]) {
    assertEquals(assertThrows(() => new IRegexp(pattern), IRegexpError).code, "too-large");
  }
  assertEquals(new IRegexp("(){1000000000}").matches(""), true);
  assertThrows(() => new IRegexp("(".repeat(10_000)), IRegexpError);
});
