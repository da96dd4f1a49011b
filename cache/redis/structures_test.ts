import { assert, assertEquals } from "@std/assert";
import { Dict } from "./_dict.ts";
import { globMatch } from "./_glob.ts";
import { ListValue } from "./_list.ts";
import { addLongDoubles, formatDouble, formatG17, isInt64, parseInteger } from "./_numbers.ts";
import { OrderTree } from "./_order_tree.ts";
import { SortedMap } from "./_sorted_map.ts";
import { writeLatin1 } from "./_values.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const ROUNDS = SOAK ? 1_000_000 : 20_000;

/** Numbers in [0, limit) from a seed that the failure message names. */
function generator(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

Deno.test("`Dict` agrees with a Map under random changes", () => {
  const seed = Date.now() >>> 0;
  const random = generator(seed);
  const dict = new Dict<number>();
  const model = new Map<string, number>();
  for (let i = 0; i < ROUNDS; i++) {
    const key = `k${random(random(10) === 0 ? 5 : 500)}`;
    if (random(3) === 0) assertEquals(dict.delete(key), model.delete(key), `seed ${seed}`);
    else {
      assertEquals(dict.set(key, i), !model.has(key), `seed ${seed}`);
      model.set(key, i);
    }
    assertEquals(dict.size, model.size, `seed ${seed}`);
  }
  for (const [key, value] of model) assertEquals(dict.get(key), value, `seed ${seed}`);
  for (const key of model.keys()) dict.delete(key);
  assertEquals([dict.size, dict.bytes], [0, 64]);
});

Deno.test("`writeLatin1()` writes one byte a character, wherever characters above 127 are", () => {
  const seed = Date.now() >>> 0;
  const random = generator(seed);
  for (let round = 0; round < 500; round++) {
    const codes = Array.from(
      { length: random(80) },
      () => random(20) === 0 ? random(256) : random(128),
    );
    const target = new Uint8Array(100).fill(7);
    const offset = random(2) * 5;
    writeLatin1(target, String.fromCharCode(...codes), offset);
    const expected = new Uint8Array(100).fill(7);
    expected.set(codes, offset);
    assertEquals(target, expected, `seed ${seed}`);
  }
});

Deno.test("`Dict` of many entries agrees with a Map while it grows, splits and is emptied", () => {
  const seed = Date.now() >>> 0;
  const random = generator(seed);
  const dict = new Dict<number>(true);
  const model = new Map<string, number>();
  const count = SOAK ? 400_000 : 60_000;
  for (let i = 0; i < count; i++) {
    const key = `key:${random(count)}`;
    dict.set(key, i);
    model.set(key, i);
    if (i % 3 === 0) {
      const other = `key:${random(count)}`;
      assertEquals(dict.delete(other), model.delete(other), `seed ${seed}`);
    }
  }
  assertEquals(dict.size, model.size, `seed ${seed}`);
  for (const [key, value] of model) assertEquals(dict.get(key), value, `seed ${seed}`);
  assertEquals(new Set(dict.keys), new Set(model.keys()), `seed ${seed}`);
  for (const key of model.keys()) assert(dict.delete(key), `seed ${seed}`);
  assertEquals([dict.size, dict.bytes, dict.find("key:1")], [0, 64, -1]);
});

Deno.test("`OrderTree` agrees with a sorted array under random changes", () => {
  const seed = Date.now() >>> 0;
  const random = generator(seed);
  const tree = new OrderTree();
  const model = new Map<string, number>();
  for (let i = 0; i < ROUNDS; i++) {
    const member = `m${random(3000)}`;
    const old = model.get(member);
    if (old !== undefined) {
      assert(tree.remove(old, member), `seed ${seed}`);
      model.delete(member);
    } else {
      const score = random(50) - 25;
      tree.insert(score, member);
      model.set(member, score);
    }
  }
  const sorted = [...model].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  const walked: [string, number][] = [];
  tree.forRange(0, tree.size - 1, false, (member, score) => walked.push([member, score]));
  assertEquals(walked, sorted, `seed ${seed}`);
  const back: [string, number][] = [];
  tree.forRange(0, tree.size - 1, true, (member, score) => back.push([member, score]));
  assertEquals(back, sorted.toReversed(), `seed ${seed}`);
  sorted.forEach(([member, score], rank) => {
    assertEquals(tree.rank(score, member), rank, `seed ${seed}`);
    const { leaf, at } = tree.select(rank);
    assertEquals(leaf.members[at], member, `seed ${seed}`);
  });
  assertEquals(
    tree.countWhile((score) => score < 0),
    sorted.filter(([, score]) => score < 0).length,
  );
});

Deno.test("`ListValue` agrees with an array under random changes", () => {
  const seed = Date.now() >>> 0;
  const random = generator(seed);
  const list = new ListValue();
  let model: string[] = [];
  for (let i = 0; i < ROUNDS / 4; i++) {
    const value = `v${random(100)}`;
    switch (random(9)) {
      case 0:
      case 1:
        list.pushLeft(value);
        model.unshift(value);
        break;
      case 2:
      case 3:
      case 4:
        list.pushRight(value);
        model.push(value);
        break;
      case 5:
        assertEquals(list.popLeft(), model.shift(), `seed ${seed}`);
        break;
      case 6: {
        const at = model.indexOf(value);
        assertEquals(list.insert(value, "new", true), at >= 0, `seed ${seed}`);
        if (at >= 0) model.splice(at + 1, 0, "new");
        break;
      }
      case 7: {
        let left = 2;
        const kept = model.filter((each) => each !== value || left-- <= 0);
        assertEquals(list.remove(value, 2, false), model.length - kept.length, `seed ${seed}`);
        model = kept;
        break;
      }
      default:
        if (random(200) === 0 && model.length > 10) {
          list.trim(3, model.length - 4);
          model = model.slice(3, -3);
        }
    }
  }
  assertEquals([...list], model, `seed ${seed}`);
  assertEquals(list.at(model.length - 1), model.at(-1), `seed ${seed}`);
});

Deno.test("`SortedMap` agrees with a sorted array under random changes", () => {
  const seed = Date.now() >>> 0;
  const random = generator(seed);
  const map = new SortedMap<number>();
  const model = new Map<bigint, number>();
  for (let i = 0; i < ROUNDS; i++) {
    const key = BigInt(random(2000));
    if (random(3) === 0) assertEquals(map.delete(key), model.delete(key), `seed ${seed}`);
    else {
      map.set(key, i);
      model.set(key, i);
    }
  }
  const sorted = [...model].sort((a, b) => a[0] < b[0] ? -1 : 1);
  assertEquals([...map], sorted, `seed ${seed}`);
  assertEquals(
    [...map.reverseRange(500n, 900n)],
    sorted.filter(([key]) => key >= 500n && key <= 900n).toReversed(),
    `seed ${seed}`,
  );
});

Deno.test("numbers are read strictly and written as Redis writes them", () => {
  for (
    const text of [
      "",
      "-",
      "+1",
      "01",
      "-0",
      " 1",
      "1 ",
      "1.0",
      "9223372036854775808",
      "-9223372036854775809",
    ]
  ) {
    assertEquals([isInt64(text), parseInteger(text)], [false, undefined], text);
  }
  assertEquals(isInt64("-9223372036854775808"), true);
  assertEquals([3.1, 1e17, 1e20, 1e-7, 0.00001, 1 / 3, Infinity].map(formatDouble), [
    "3.1",
    "100000000000000000",
    "1e+20",
    "1e-7",
    "0.00001",
    "0.3333333333333333",
    "inf",
  ]);
  assertEquals([0.1, 1e-5, 1e17, 3].map(formatG17), [
    "0.10000000000000001",
    "1.0000000000000001e-05",
    "1e+17",
    "3",
  ]);
  assertEquals(addLongDoubles("10.50", "0.1"), "10.6");
  assertEquals(addLongDoubles("5.0e3", "2.0e2"), "5200");
  assertEquals(addLongDoubles("1", "-1"), "0");
  assertEquals(addLongDoubles("1", "inf"), { fault: "overflow" });
  assertEquals(addLongDoubles("x", "1"), { fault: "base" });
});

Deno.test("globs match as in Redis, in bounded time", () => {
  const cases: [string, string, boolean][] = [
    ["h?llo", "hello", true],
    ["h[a-e]llo", "hello", true],
    ["h[^e]llo", "hello", false],
    ["h[^e]llo", "hallo", true],
    ["h\\?llo", "h?llo", true],
    ["*a*b*c*", "xxaxxbxxcxx", true],
    ["", "", true],
    ["*", "", true],
    ["[", "a", false],
    ["a\\", "a\\", true],
  ];
  for (const [pattern, text, expected] of cases) {
    assertEquals(globMatch(pattern, text), expected, `${pattern} ${text}`);
  }
  assertEquals(globMatch("a*".repeat(900) + "b", "a".repeat(20_000)), false);
});
