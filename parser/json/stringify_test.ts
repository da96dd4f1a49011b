import { assertEquals, assertThrows } from "@std/assert";
import { equal } from "./equal.ts";
import { parse } from "./parse.ts";
import { JsonValueError, stringify } from "./stringify.ts";
import { JsonNumber } from "./value.ts";

Deno.test("`stringify()` agrees with `JSON.stringify`", () => {
  const table: unknown[] = [
    { a: undefined, b: () => 1, c: Symbol("s"), d: [undefined, () => 1], e: NaN, f: -Infinity },
    new Date(0),
    { toJSON: (key: string) => `key ${key}` },
    { nested: { toJSON: (key: string) => key } },
    [new Number(3), new String("s"), new Boolean(false)],
    'a"\\\b\f\n\r\t\u0001\u007f\u2028\ud800x\udc00\ud83d\ude00',
    [[], {}, [[]], [{}]],
    { "": 1, "a b": 2 },
    Object.assign(Object.create({ inherited: 1 }), { own: 2 }),
    [1e21, 1e-7, 123456789012345680000],
  ];
  for (const value of table) {
    assertEquals(stringify(value), JSON.stringify(value));
    for (const indent of [1, 2, "\t", "--"]) {
      assertEquals(stringify(value, { indent }), JSON.stringify(value, null, indent));
    }
  }
});

Deno.test("`stringify()` writes -0, bigints and numbers as read", () => {
  assertEquals(
    stringify([-0, 12345678901234567890n, new JsonNumber("1.00")]),
    "[-0,12345678901234567890,1.00]",
  );
  assertThrows(() => new JsonNumber("1x"), TypeError);
});

Deno.test("`stringify()` orders members", () => {
  const value = { b: 1, a: { d: 1, c: 2 } };
  assertEquals(stringify(value, { keyOrder: "sorted" }), '{"a":{"c":2,"d":1},"b":1}');
  assertEquals(
    stringify(value, { keyOrder: (a, b) => (a < b ? 1 : -1) }),
    '{"b":1,"a":{"d":1,"c":2}}',
  );
});

Deno.test("`stringify()` refuses cycles, non-JSON and, where asked, NaN", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = [cycle];
  assertEquals(assertThrows(() => stringify(cycle), JsonValueError).code, "cycle");
  assertEquals(assertThrows(() => stringify(undefined), JsonValueError).code, "not-json");
  assertEquals(assertThrows(() => stringify(() => 1), JsonValueError).code, "not-json");
  const error = assertThrows(() => stringify([NaN], { nonFinite: "error" }), JsonValueError);
  assertEquals(error.code, "non-finite");
  const shared = [1];
  assertEquals(stringify([shared, shared]), "[[1],[1]]");
});

Deno.test("`equal()` compares by value", () => {
  const same: [unknown, unknown][] = [
    [{ a: 1, b: [2, { c: null }] }, { b: [2, { c: null }], a: 1 }],
    [-0, 0],
    [1n, 1],
    [new JsonNumber("1.0"), new JsonNumber("10e-1")],
    [new JsonNumber("100"), 100],
    [parse('{"__proto__":1}'), parse('{"__proto__":1}')],
  ];
  for (const [a, b] of same) assertEquals(equal(a, b), true);
  const different: [unknown, unknown][] = [
    [{ a: undefined }, { b: undefined }],
    [[1], { 0: 1 }],
    [{}, []],
    [null, {}],
    ["1", 1],
    [new JsonNumber("9007199254740993"), new JsonNumber("9007199254740992")],
    [parse('{"__proto__":1}'), {}],
    [parse('{"__proto__":{}}'), { toString: {} }],
  ];
  for (const [a, b] of different) assertEquals(equal(a, b), false);
});
