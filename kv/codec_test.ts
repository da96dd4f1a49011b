import { assertEquals, assertThrows } from "@std/assert";
import { compareBytes } from "./_bytes.ts";
import { codecOf, codecs, type Tuple, type TupleElement } from "./codec.ts";
import { EncodingError } from "./errors.ts";

function random(seed: number): (limit: number) => number {
  return (limit) => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    return (seed >>> 8) % limit;
  };
}

/** Asserts that the values are in order as bytes, and come back. */
function inOrder<T>(
  codec: { encode(value: T): Uint8Array; decode(bytes: Uint8Array): T },
  sorted: T[],
): void {
  const encoded = sorted.map((value) => codec.encode(value));
  for (let i = 0; i < sorted.length; i++) {
    assertEquals(codec.decode(encoded[i]!), sorted[i]);
    if (i > 0) {
      const order = compareBytes(encoded[i - 1]!, encoded[i]!);
      assertEquals(order < 0, true, `${String(sorted[i - 1])} before ${String(sorted[i])}`);
    }
  }
}

Deno.test("`codecs.number` sorts negative numbers, both zeros and infinities, and gives each back", () => {
  inOrder(codecs.number, [
    -Infinity,
    -Number.MAX_VALUE,
    -1e100,
    -256,
    -255.5,
    -1,
    -Number.MIN_VALUE,
    -0,
    0,
    Number.MIN_VALUE,
    0.1,
    1,
    255,
    256,
    2 ** 53,
    1e100,
    Number.MAX_VALUE,
    Infinity,
  ]);
  assertEquals(Object.is(codecs.number.decode(codecs.number.encode(-0)), -0), true);
  assertEquals(codecs.number.encode(1), new Uint8Array([0xbf, 0xf0, 0, 0, 0, 0, 0, 0]));
});

Deno.test("`codecs.number` refuses NaN, in both directions, and what is no number", () => {
  assertThrows(() => codecs.number.encode(NaN), EncodingError, "NaN");
  assertThrows(() => codecs.number.encode("1" as unknown as number), EncodingError, "string");
  assertThrows(() => codecs.number.decode(new Uint8Array(8).fill(0xff)), EncodingError, "NaN");
  assertThrows(() => codecs.number.decode(new Uint8Array(8)), EncodingError, "NaN");
  assertThrows(() => codecs.number.decode(new Uint8Array(7)), EncodingError, "eight");
});

Deno.test("`codecs.number` agrees with the order of 20,000 random doubles", () => {
  const next = random(7);
  const view = new DataView(new ArrayBuffer(8));
  const values: number[] = [];
  while (values.length < 20_000) {
    for (let i = 0; i < 8; i++) view.setUint8(i, next(256));
    const value = view.getFloat64(0);
    if (!Number.isNaN(value)) values.push(value);
  }
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  inOrder(codecs.number, sorted);
});

Deno.test("`codecs.bigint` sorts integers of any length", () => {
  const values: bigint[] = [0n];
  for (const bits of [0n, 1n, 7n, 8n, 9n, 15n, 16n, 63n, 64n, 128n, 1007n, 1008n, 1009n, 4096n]) {
    for (const add of [-1n, 0n, 1n]) values.push((1n << bits) + add, -(1n << bits) - add);
  }
  const sorted = [...new Set(values)].sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
  inOrder(codecs.bigint, sorted);
  assertEquals(codecs.bigint.encode(1n), new Uint8Array([0x81, 1]));
  assertEquals(codecs.bigint.encode(-1n), new Uint8Array([0x7f, 0xfe]));
});

Deno.test("`codecs.bigint` refuses what is cut short, too long, or not in its one shortest form", () => {
  const bad = [[], [0x82, 1], [0x82, 0, 1], [0x7f, 0xff], [0xff, 0, 0, 0, 1, 5], [0x80, 0], [
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
  ]];
  for (const bytes of bad) {
    assertThrows(() => codecs.bigint.decode(new Uint8Array(bytes)), EncodingError);
  }
  assertThrows(() => codecs.bigint.encode(1n << 600_000n), EncodingError, "at most");
});

Deno.test("`codecs.utf8` sorts by code point and refuses half a surrogate pair", () => {
  // In UTF-16 order the second and third stand the other way round.
  inOrder(codecs.utf8, ["", "a", "a\0", "aa", "z", "é", "\ufb03", "\u{1d11e}"]);
  assertEquals(codecs.utf8.decode(codecs.utf8.encode("\ufeffa")), "\ufeffa");
  assertEquals(codecs.utf8.decode(codecs.utf8.encode("ä".repeat(100))), "ä".repeat(100));
  assertThrows(() => codecs.utf8.encode("a\ud800"), EncodingError, "surrogate");
  assertThrows(() => codecs.utf8.decode(new Uint8Array([0x61, 0xff])), EncodingError, "UTF-8");
});

Deno.test("`codecs.json` gives values back and refuses what has no JSON", () => {
  for (const value of [null, 1.5, "ü", [1, [2]], { a: { b: [] } }, true]) {
    assertEquals(codecs.json.decode(codecs.json.encode(value)), value);
  }
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const bad of [undefined, () => 1, 1n, cycle, Symbol("a")]) {
    assertThrows(() => codecs.json.encode(bad), EncodingError);
  }
  assertThrows(() => codecs.json.decode(new TextEncoder().encode("{")), EncodingError);
});

Deno.test("`codecs.hex` and `codecs.bytes` name bytes", () => {
  assertEquals(codecs.hex.encode("00fF"), new Uint8Array([0, 255]));
  assertEquals(codecs.hex.decode(new Uint8Array([0, 255, 16])), "00ff10");
  for (const bad of ["0", "0g", "a b"]) assertThrows(() => codecs.hex.encode(bad), EncodingError);
  assertThrows(() => codecs.bytes.encode("a" as unknown as Uint8Array), EncodingError);
});

Deno.test("`codecs.tuple` sorts types, elements and lengths, and gives all back", () => {
  const b = (...bytes: number[]) => new Uint8Array(bytes);
  inOrder<Tuple>(codecs.tuple, [
    [],
    [null],
    [null, null],
    [b()],
    [b(0)],
    [b(0, 0)],
    [b(0, 1)],
    [b(1)],
    [b(255)],
    [b(255, 255)],
    [""],
    ["", "a"],
    ["\0"],
    ["\0\0"],
    ["\0a"],
    ["a"],
    ["a", null],
    ["a", "b"],
    ["a\0"],
    ["a\0", "b"],
    ["aa"],
    ["\u{1d11e}"],
    [[]],
    [[], null],
    [[null]],
    [[null, [[]]]],
    [["a"]],
    [["a"], "b"],
    [["a", "b"]],
    [["b"]],
    [-Infinity],
    [-1],
    [-0],
    [0],
    [0, "a"],
    [1.5],
    [-300n],
    [-1n],
    [0n],
    [1n],
    [1n, 1],
    [256n],
    [false],
    [true],
    [true, false],
  ]);
});

/** The order that the format promises. */
function compareElements(a: TupleElement, b: TupleElement): number {
  const rank = (value: TupleElement) =>
    value === null
      ? 0
      : value instanceof Uint8Array
      ? 1
      : typeof value === "string"
      ? 2
      : Array.isArray(value)
      ? 3
      : typeof value === "number"
      ? 4
      : typeof value === "bigint"
      ? 5
      : 6;
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array);
  if (typeof a === "string") {
    return compareBytes(codecs.utf8.encode(a), codecs.utf8.encode(b as string));
  }
  if (Array.isArray(a)) return compareTuples(a, b as Tuple);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

function compareTuples(a: Tuple, b: Tuple): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareElements(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

Deno.test("`codecs.tuple` agrees with the order of random tuples, pair by pair", () => {
  for (const seed of [1, 2, 3]) {
    const next = random(seed);
    const element = (depth: number): TupleElement => {
      switch (next(depth > 3 ? 6 : 7)) {
        case 0:
          return null;
        case 1:
          return next(2) === 0;
        case 2:
          return Uint8Array.from({ length: next(4) }, () => [0, 1, 255][next(3)]!);
        case 3:
          return Array.from({ length: next(4) }, () => ["\0", "a", "é", "\uffff"][next(4)]).join(
            "",
          );
        case 4:
          return [-1.5, 0, 3, 1e9, -Infinity][next(5)]!;
        case 5:
          return BigInt(next(5) - 2) * 255n;
        default:
          return Array.from({ length: next(4) }, () => element(depth + 1));
      }
    };
    const tuples = Array.from(
      { length: 400 },
      () => Array.from({ length: next(4) }, () => element(0)),
    );
    const encoded = tuples.map((tuple) => codecs.tuple.encode(tuple));
    tuples.forEach((a, i) => {
      assertEquals(codecs.tuple.decode(encoded[i]!), a, `seed ${seed}`);
      tuples.forEach((b, j) => {
        const order = Math.sign(compareBytes(encoded[i]!, encoded[j]!));
        if (order !== Math.sign(compareTuples(a, b))) {
          throw new Error(`seed ${seed}: ${Deno.inspect(a)} and ${Deno.inspect(b)}`);
        }
      });
    });
  }
});

Deno.test("`codecs.tuple` is a prefix in bytes of what continues it, and of nothing else", () => {
  const hex = (tuple: Tuple) => codecs.hex.decode(codecs.tuple.encode(tuple));
  assertEquals(hex(["a", 1]).startsWith(hex(["a"])), true);
  assertEquals(hex(["ab"]).startsWith(hex(["a"])), false);
  assertEquals(hex(["a\0b"]).startsWith(hex(["a"])), true);
  assertEquals(hex(["a\0b"]).startsWith(`${hex(["a"])}ff`), true);
});

Deno.test("`codecs.tuple` refuses hostile bytes and elements with its own error", () => {
  let deep: TupleElement[] = [];
  for (let i = 0; i < 100_000; i++) deep = [deep];
  for (const bad of [[undefined], [NaN], [{}], ["\ud800"], deep, "a", [() => 1]]) {
    assertThrows(() => codecs.tuple.encode(bad as unknown as Tuple), EncodingError);
  }
  const hostile = [[0], [0x20], [0x20, 0x61], [0x30], [0x40, 1], [0x50], [1], [0x20, 0xff, 0]];
  hostile.push(new Array(100_000).fill(0x30));
  for (const bytes of hostile) {
    assertThrows(() => codecs.tuple.decode(new Uint8Array(bytes)), EncodingError);
  }
  const next = random(11);
  for (let i = 0; i < 5000; i++) {
    const bytes = Uint8Array.from(
      { length: next(20) },
      () => [0, 5, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x61, 0xff, next(256)][next(11)]!,
    );
    try {
      codecs.tuple.decode(bytes);
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error;
    }
  }
});

Deno.test("`codecOf()` takes a name or a codec, and names those that there are", () => {
  assertEquals(codecOf("utf8"), codecs.utf8);
  assertEquals(codecOf(codecs.json), codecs.json);
  assertThrows(() => codecOf("toString" as "utf8"), EncodingError, "bytes, utf8");
});
