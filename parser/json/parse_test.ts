import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { equal } from "./equal.ts";
import { JsonSyntaxError } from "./error.ts";
import { parse, type ParseOptions, validate } from "./parse.ts";
import { stringify } from "./stringify.ts";
import { type JsonNumber, RepeatedMembers } from "./value.ts";

function failure(input: string | Uint8Array, options: ParseOptions = {}): JsonSyntaxError {
  return assertThrows(() => parse(input, options), JsonSyntaxError);
}

Deno.test("`parse()` reads every kind of value", () => {
  assertEquals(parse(' {"a": [1, -2.5e3, true, false, null, "x"], "b": {}} '), {
    a: [1, -2500, true, false, null, "x"],
    b: {},
  });
  assertEquals(parse("[]"), []);
  assertEquals(parse('"\\u0041\\n\\ud83d\\ude00\\/"'), "A\n😀/");
  assertEquals(parse(new TextEncoder().encode('{"é": "日本😀"}')), { "é": "日本😀" });
});

Deno.test("`parse()` agrees with the engine on random numbers", () => {
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? Date.now() % 1e9);
  let state = seed;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const view = new DataView(new ArrayBuffer(8));
  const count = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 5_000_000 : 50_000;
  for (let i = 0; i < count; i++) {
    let text: string;
    if (i % 2 === 0) {
      view.setUint32(0, random() * 2 ** 32);
      view.setUint32(4, random() * 2 ** 32);
      const double = view.getFloat64(0);
      if (!Number.isFinite(double)) continue;
      text = String(double);
    } else {
      // 1 to 20 digits with a point somewhere, around the limits of the fast conversion.
      let digits = String(1 + Math.floor(random() * 9));
      const length = Math.floor(random() * 20);
      for (let j = 0; j < length; j++) digits += Math.floor(random() * 10);
      const point = Math.floor(random() * (digits.length + 1));
      text = point === digits.length
        ? digits
        : `${digits.slice(0, point) || "0"}.${digits.slice(point)}`;
      if (/^0[0-9]/.test(text)) continue;
      if (random() < 0.3) text += `e${Math.floor(random() * 50) - 25}`;
      if (random() < 0.3) text = "-" + text;
    }
    assert(Object.is(parse(text), Number(text)), `seed ${seed}: ${text}`);
  }
});

Deno.test("`parse()` rounds like the engine halfway between two doubles", () => {
  for (
    const text of [
      "9007199254740993",
      "9007199254740993.0",
      "900719925474099.35",
      "0.500000000000000166533453693773481063544750213623046875",
      "1.00000000000000011102230246251565",
      "123456789012345.678",
      "0.000001234567890123456",
      "5e-324",
      "2.2250738585072011e-308",
      "1.7976931348623157e308",
      "1e23",
      "8.5e22",
      "100000000000000016777215",
      "100000000000000016777216",
      "0.1e-5",
      "-0",
      "-0.0",
      "-0e5",
    ]
  ) assert(Object.is(parse(text), Number(text)), text);
});

Deno.test("`parse()` keeps -0 and makes 1e400 Infinity", () => {
  assert(Object.is(parse("-0"), -0));
  assertEquals(parse("1e400"), Infinity);
  assertEquals(parse("-1e400"), -Infinity);
  assertEquals(parse("1e-400"), 0);
});

Deno.test("`parse()` names the exact place of an error", () => {
  const table: [string, string, number, number, number, string][] = [
    ['{"broken": }', "unexpected-token", 11, 1, 12, "unexpected token '}', expected value"],
    ["", "unexpected-end", 0, 1, 1, "unexpected end of input, expected value"],
    ["[1,]", "unexpected-token", 3, 1, 4, "unexpected token ']', expected value"],
    ["[1 2]", "unexpected-token", 3, 1, 4, "unexpected token '2', expected ',' or ']'"],
    ['{"a" 1}', "unexpected-token", 5, 1, 6, "unexpected token '1', expected ':'"],
    ['{"a":1,}', "unexpected-token", 7, 1, 8, "unexpected token '}', expected string"],
    ["{,}", "unexpected-token", 1, 1, 2, "unexpected token ',', expected string or '}'"],
    ["[01]", "bad-number", 2, 1, 3, "unexpected digit after a leading zero"],
    ["+1", "unexpected-token", 0, 1, 1, "unexpected token '+', expected value"],
    [".5", "unexpected-token", 0, 1, 1, "unexpected token '.', expected value"],
    ["1.", "unexpected-end", 2, 1, 3, "unexpected end of input, expected digit"],
    ["[1.]", "bad-number", 3, 1, 4, "unexpected token ']', expected digit"],
    ["-", "unexpected-end", 1, 1, 2, "unexpected end of input, expected digit"],
    ["trux", "unexpected-token", 3, 1, 4, "unexpected token 'x', expected 'e'"],
    ["tr", "unexpected-end", 2, 1, 3, "unexpected end of input, expected 'u'"],
    ['"\\u12G4"', "bad-escape", 5, 1, 6, "unexpected token 'G', expected hexadecimal digit"],
    ['"\\x41"', "bad-escape", 2, 1, 3, "unexpected token 'x', expected escape sequence"],
    ['"a\tb"', "control-character", 2, 1, 3, "control character \\u0009 in string"],
    ["[1]]", "unexpected-token", 3, 1, 4, "unexpected token ']', expected end of input"],
    [
      '[1,\r\n2,\r3,\n"😀" x]',
      "unexpected-token",
      16,
      4,
      5,
      "unexpected token 'x', expected ',' or ']'",
    ],
  ];
  for (const [text, code, offset, line, column, reason] of table) {
    const error = failure(text);
    assertEquals(
      [error.code, error.offset, error.line, error.column, error.reason],
      [code, offset, line, column, reason],
      text,
    );
    const fromBytes = failure(new TextEncoder().encode(text));
    const bytesBefore = new TextEncoder().encode(text.slice(0, offset)).length;
    assertEquals([fromBytes.offset, fromBytes.line, fromBytes.column], [bytesBefore, line, column]);
    assertThrows(() => validate(text), JsonSyntaxError, reason);
  }
});

Deno.test("`JsonSyntaxError` puts the caret under the place after tabs and wide characters", () => {
  const error = failure('[1,\n\t"日本😀", ?]');
  assertEquals(error.excerpt, '\t"日本😀", ?]\n\t          ^');
  assertEquals([error.line, error.column], [2, 9]);
  const long = failure(`["${"x".repeat(500)}", ?${"y".repeat(500)}]`);
  assertEquals(long.excerpt.split("\n")[0]!.length, 82);
  assertEquals(long.excerpt.split("\n")[1]!.indexOf("^"), 61);
  assert(!failure('["\u001b[2J').excerpt.includes("\u001b"));
});

Deno.test("`parse()` treats `__proto__` as a key like any other", () => {
  const text = '{"__proto__": {"polluted": true}, "constructor": 1}';
  for (const options of [{}, { duplicateKeys: "first" as const }, { dialect: "json5" as const }]) {
    for (let i = 0; i < 60; i++) { // often enough for compiled shapes
      const value = parse(text, options) as Record<string, unknown>;
      assertEquals(Object.keys(value), ["__proto__", "constructor"]);
      assertEquals(Object.getPrototypeOf(value), Object.prototype);
      assertEquals((value as { polluted?: boolean }).polluted, undefined);
      assertEquals(stringify(value), '{"__proto__":{"polluted":true},"constructor":1}');
    }
  }
});

Deno.test("`parse()` builds objects of a frequent shape like rare ones", () => {
  const texts = [
    '{"a":1,"b":{"c":[]},"d\\n":"x"}',
    '{"a":1,"a":2}',
    '{"1":1,"0":2,"x":3}',
    '{"":0," ":1,"\\"":2,"\\\\":3,"é":4,"日":5,"\\u2028":6}',
    '{"a\u2028b":1,"${x}":2,"`":3}',
    '{"a":1,"b":2,"c":3,"b":4}',
  ];
  for (let i = 0; i < 100; i++) {
    for (const text of texts) {
      const value = parse(text);
      assertEquals(JSON.stringify(value), JSON.stringify(JSON.parse(text)));
    }
  }
});

Deno.test("`parse()` tells keys apart whose bytes are the same", () => {
  const keys = ["\ufffd", "\ud800", "\udfff", "\ufffd", "a\ud800", "a\ufffd"];
  for (let i = 0; i < 60; i++) {
    for (const key of keys) {
      const value = parse(`{"x":1,"${key}":2,"y":{"${key}":3}}`);
      assertEquals(value, { x: 1, [key]: 2, y: { [key]: 3 } });
    }
  }
});

Deno.test("`parse()` reads objects with many different keys", () => {
  // More shapes than are kept, keys too long to keep, and more keys than a shape may have.
  for (let round = 0; round < 3; round++) {
    const object: Record<string, number> = {};
    for (let i = 0; i < 5_000; i++) object[`key ${round} ${i}`] = i;
    object["k".repeat(1_000)] = 1;
    const wide = Array.from({ length: 20 }, () => object);
    assertEquals(equal(parse(JSON.stringify(wide)), wide), true);
    const list = Array.from({ length: 3_000 }, (_, i) => ({ [`x${round}-${i}`]: i, y: i }));
    const text = JSON.stringify([object, list]);
    assertEquals(JSON.stringify(parse(text)), text);
  }
});

Deno.test("`parse()` follows the option for repeated keys", () => {
  const text = '{"a":1,"b":2,"a":3,"a":[4]}';
  assertEquals(parse(text), { a: [4], b: 2 });
  assertEquals(parse(text, { duplicateKeys: "first" }), { a: 1, b: 2 });
  const all = parse(text, { duplicateKeys: "all" }) as { a: RepeatedMembers };
  assertInstanceOf(all.a, RepeatedMembers);
  assertEquals(all.a.values, [1, 3, [4]]);
  assertEquals(stringify(all), '{"a":1,"a":3,"a":[4],"b":2}');
  const error = failure(text, { duplicateKeys: "error" });
  assertEquals([error.code, error.offset], ["duplicate-key", 13]);
  assertEquals(failure('{"__proto__":1,"__proto__":2}', { duplicateKeys: "error" }).offset, 15);
});

Deno.test("`parse()` follows the option for numbers", () => {
  const bigint = { numbers: "bigint" as const };
  assertEquals(parse("9007199254740993", bigint), 9007199254740993n);
  assertEquals(parse("-9007199254740993", bigint), -9007199254740993n);
  assertEquals(parse("9007199254740992", bigint), 9007199254740992);
  assertEquals(parse("1.5", bigint), 1.5);
  assertEquals(failure("1".repeat(100_001), bigint).code, "too-long");
  const kept = parse("[1.10, 1E2]", { numbers: "source" }) as JsonNumber[];
  assertEquals(kept.map((number) => number.source), ["1.10", "1E2"]);
  assertEquals(stringify(kept), "[1.10,1E2]");
});

Deno.test("`parse()` follows the options for lone surrogates, BOM and depth", () => {
  assertEquals(parse('"\\ud800"'), "\ud800");
  assertEquals(parse('"\ud800"'), "\ud800");
  assertEquals(parse('"\\ud800x"', { loneSurrogates: "replace" }), "\ufffdx");
  assertEquals(failure('["\\ud800"]', { loneSurrogates: "error" }).offset, 1);
  assertEquals(parse('"\\ud83d\\ude00"', { loneSurrogates: "error" }), "😀");
  assertEquals(failure("\ufeff[]").code, "byte-order-mark");
  assertEquals(parse("\ufeff[]", { bom: "skip" }), []);
  assertEquals(parse(new TextEncoder().encode("\ufeff[1]"), { bom: "skip" }), [1]);
  assertEquals(parse("[[]]", { maxDepth: 2 }), [[]]);
  const error = failure("[[[]]]", { maxDepth: 2 });
  assertEquals([error.code, error.offset], ["too-deep", 2]);
});

Deno.test("`parse()` refuses bytes that are not UTF-8 at their offset", () => {
  const table: [number[], number][] = [
    [[0x22, 0xff, 0x22], 1],
    [[0x22, 0xc0, 0x80, 0x22], 1],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    [[0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1],
    [[0x22, 0x61, 0xe2, 0x82], 2],
  ];
  for (const [bytes, offset] of table) {
    const error = failure(Uint8Array.from(bytes));
    assertEquals([error.code, error.offset], ["bad-utf8", offset]);
  }
  // The first thing that is wrong counts.
  assertEquals(failure(Uint8Array.from([0x5d, 0xff])).code, "unexpected-token");
});

Deno.test("a million levels parse, print, compare and revive", () => {
  const levels = 1_000_000;
  const text = "[".repeat(levels) + "]".repeat(levels);
  const value = parse(text);
  assertEquals(stringify(value) === text, true);
  assertEquals(equal(value, parse(text, { duplicateKeys: "first" })), true);
  const objects = '{"a":'.repeat(levels) + "1" + "}".repeat(levels);
  const nested = parse(objects);
  assertEquals(stringify(nested) === objects, true);
  assertEquals(equal(nested, value), false);
  let calls = 0;
  parse(objects, {
    reviver: (_key, item) => {
      calls++;
      return item;
    },
  });
  assertEquals(calls, levels + 1);
  assertEquals(failure("[".repeat(levels)).offset, levels);
});

Deno.test("`parse()` calls a reviver like `JSON.parse`", () => {
  const text = '{"a":1,"b":[2,{"c":3}],"d":4}';
  const trace = (log: string[]) =>
    function (this: unknown, key: string, value: unknown): unknown {
      log.push(`${key}:${JSON.stringify(value)} in ${JSON.stringify(this)}`);
      return typeof value === "number" ? (value === 4 ? undefined : value * 10) : value;
    };
  const ours: string[] = [];
  const theirs: string[] = [];
  assertEquals(parse(text, { reviver: trace(ours) }), JSON.parse(text, trace(theirs)));
  assertEquals(ours, theirs);
});

Deno.test("`parse()` agrees with `JSON.parse` on mutated documents", () => {
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? Date.now() % 1e9);
  let state = seed;
  const random = (below: number) =>
    Math.floor((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648 * below);
  const base = '{"name":"Gö \\u00e9\\n","n":[1,-2.5e-3,0,123456789012],"t":true,"f":false,' +
    '"z":null,"o":{"a":{"b":[]}},"日":"😀"}';
  const alphabet = '{}[]",:0123456789.eE+-tfn\\u \n\té😀';
  const count = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 2_000_000 : 20_000;
  for (let i = 0; i < count; i++) {
    let text = base;
    for (let j = random(3); j >= 0; j--) {
      const at = random(text.length);
      const piece = alphabet[random(alphabet.length)]!;
      text = text.slice(0, at) + (random(2) === 0 ? piece : "") + text.slice(at + random(3));
    }
    let expected = "error";
    try {
      expected = JSON.stringify(JSON.parse(text));
    } catch {
      // stays "error"
    }
    let actual = "error";
    try {
      actual = JSON.stringify(parse(text));
    } catch (error) {
      assertInstanceOf(error, JsonSyntaxError);
    }
    assertEquals(actual, expected, `seed ${seed}: ${text}`);
    // The slow way says the same.
    let slow = "error";
    try {
      slow = JSON.stringify(parse(text, { loneSurrogates: "replace" }));
    } catch (error) {
      assertInstanceOf(error, JsonSyntaxError);
    }
    if (expected === "error") assertEquals(slow, "error", `seed ${seed}: ${text}`);
  }
});

Deno.test("JSONC takes comments and a trailing comma, nothing else", () => {
  const options = { dialect: "jsonc" as const };
  assertEquals(parse('// a\n{"a": /* b */ [1, 2,], /**/}//', options), { a: [1, 2] });
  assertEquals(failure("[,]", options).offset, 1);
  assertEquals(failure("[1,,]", options).offset, 3);
  assertEquals(failure("{a: 1}", options).offset, 1);
  assertEquals(failure("/* x", options).code, "unexpected-end");
  assertEquals(failure("/x", options).offset, 1);
  assertEquals(failure("[] // x").offset, 3);
});

Deno.test("JSON5 takes what its specification has", () => {
  const table: [string, unknown][] = [
    ["{a: 1, $_b1: 2, 'c': 3, \"d\": 4,}", { a: 1, $_b1: 2, c: 3, d: 4 }],
    ["{ùńîċõďë: 9}", { "ùńîċõďë": 9 }],
    ["{\\u0061\\u0062: 1}", { ab: 1 }],
    ["{a\\u0062c: 1}", { abc: 1 }],
    ["{__proto__: 1}", JSON.parse('{"__proto__":1}')],
    ["[1, .5, 5., +1, -.5, 0xC8, -0x1f, 1e3]", [1, 0.5, 5, 1, -0.5, 200, -31, 1000]],
    ["[Infinity, -Infinity, +Infinity]", [Infinity, -Infinity, Infinity]],
    ["'it\\'s \"x\" \\x41\\v\\0\\\n\\\r\n\\a'", 'it\'s "x" A\v\0a'],
    ["'\\\u2028\u2028'", "\u2028"],
    ["\ufeff\u00a0\v\f\u2003[]\u2029", []],
    ["[1,2,]", [1, 2]],
    ["5.e2", 500],
  ];
  for (const [text, value] of table) {
    assertEquals(parse(text, { dialect: "json5" }), value, text);
    assertEquals(parse(text, { dialect: "json5", numbers: "bigint" }), value, text);
  }
  assert(Number.isNaN(parse("NaN", { dialect: "json5" })));
  assert(Number.isNaN(parse("-NaN", { dialect: "json5" })));
  for (
    const [text, offset] of [
      ["[,]", 1],
      ["0x", 2],
      [".", 1],
      ["1.e", 3],
      ["01", 1],
      ["'\n'", 1],
      ["'\\1'", 2],
      [
        "'\\01'",
        3,
      ],
      ["{a-b:1}", 2],
      ["{\\u0031:1}", 1],
      ["{1:1}", 1],
      ["/", 1],
      ["++1", 1],
    ] as const
  ) assertEquals(failure(text, { dialect: "json5" }).offset, offset, text);
});
