import { assertEquals } from "@std/assert";
import { decimalKey, DecimalSum, writeDecimal } from "./_decimal.ts";
import { numbers } from "./testdata/sample_data.ts";
import { like } from "./_sqlite_functions.ts";
import { integer, json, jsonContains, memory, numeric, sql, sum, table } from "./mod.ts";

Deno.test("`writeDecimal()` writes decimals as PostgreSQL prints them", () => {
  const cases: [string, string | undefined][] = [
    ["007.10", "7.10"],
    ["+.5", "0.5"],
    ["5.", "5"],
    ["-0.00", "0.00"],
    ["-0", "0"],
    ["1e3", "1000"],
    ["1.25e1", "12.5"],
    ["-12.5E-3", "-0.0125"],
    ["1e-7", "0.0000001"],
    ["", undefined],
    [".", undefined],
    ["1e200000", undefined],
    ["1e9999999999", undefined],
    ["0x10", undefined],
    ["1_000", undefined],
  ];
  for (const [given, expected] of cases) assertEquals(writeDecimal(given), expected, given);
});

Deno.test("`decimalKey()` sorts as the numbers do, and is the same for equal ones", () => {
  const pick = numbers(7);
  const digits = (count: number) => Array.from({ length: count }, () => pick(10)).join("");
  const decimals = Array.from({ length: 400 }, () => {
    const whole = digits(pick(25));
    const fraction = digits(pick(20)) + "0".repeat(pick(3));
    return `${pick(2) === 0 ? "-" : ""}${whole || "0"}${fraction === "" ? "" : `.${fraction}`}`;
  }).concat("0", "-0.0", "1", "1.00", "-1", "-1.0", "10", "9.999", "-10", "-9.999");
  const units = (text: string) => {
    const [whole, fraction = ""] = text.split(".");
    return BigInt(whole!.replace("-", "") + fraction.padEnd(30, "0")) *
      (text.startsWith("-") ? -1n : 1n);
  };
  for (const a of decimals) {
    for (const b of decimals) {
      const [x, y] = [units(a), units(b)];
      const [m, n] = [decimalKey(a), decimalKey(b)];
      assertEquals(
        Math.sign(Number(x > y) - Number(x < y)),
        m > n ? 1 : m < n ? -1 : 0,
        `${a} ${b}`,
      );
    }
  }
});

Deno.test("`DecimalSum` adds without rounding", () => {
  const sum = new DecimalSum();
  for (const one of ["0.1", "0.20", "-5", "1e2"]) sum.add(one, 1n);
  assertEquals(String(sum), "95.30");
  sum.add("100", -1n);
  assertEquals([String(sum), sum.count], ["-4.70", 3]);
});

Deno.test("`like()` knows wildcards, escapes and characters beyond the first plane", () => {
  const cases: [string, string, boolean][] = [
    ["abc", "a%", true],
    ["abc", "A%", false],
    ["abc", "_b_", true],
    ["😀b", "_b", true],
    ["100%", "100\\%", true],
    ["100x", "100\\%", false],
    ["a\\b", "a\\\\b", true],
    ["", "%", true],
    ["", "_", false],
    ["abab", "%ab", true],
    ["abac", "%ab", false],
    ["x", "x\\", false],
    ["aXbXc", "a%X%c", true],
  ];
  for (const [text, pattern, expected] of cases) {
    assertEquals(like(text, pattern), expected, `${text} ${pattern}`);
  }
  // A pattern that a backtracking matcher would take years for.
  assertEquals(like("a".repeat(2_000), "%a".repeat(30) + "b"), false);
});

Deno.test("The functions bear what is no JSON and no decimal", async () => {
  await using db = memory();
  const odd = table("odd", { id: integer().primaryKey(), data: json(), price: numeric() });
  await db.createTable(odd);
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  await db.run(sql`INSERT INTO odd (data, price) VALUES
    ('{broken', 'no number'), (${deep}, ''), (x'00ff', x'0102'), ('[1, [2]]', 1.5), ('{"a": 1}', 2)`);
  const ids = async (condition: ReturnType<typeof jsonContains>) =>
    (await db.select({ id: odd.id }).from(odd).where(condition).find()).map(({ id }) => id);
  assertEquals(await ids(jsonContains(odd.data, 1)), [4]);
  assertEquals(await ids(jsonContains(odd.data, [[2]])), [4]);
  assertEquals(await ids(jsonContains(odd.data, [2])), []);
  assertEquals(await ids(jsonContains(odd.data, {})), [5]);
  assertEquals(await db.select({ s: sum(odd.price) }).from(odd).first(), { s: "3.5" });
});
