import { assertEquals, assertThrows } from "@std/assert";
import {
  DatabaseError,
  join,
  postgresDialect,
  sql,
  sqliteDialect,
  value,
  type ValueKind,
} from "./mod.ts";

Deno.test("`sqliteDialect` gives back what it stored", () => {
  const cases: [ValueKind, unknown, unknown][] = [
    ["integer", 5, 5n],
    ["integer", -0, 0n],
    ["bigint", -(2n ** 63n), -(2n ** 63n)],
    ["bigint", 5, 5n],
    ["real", 1.5, 1.5],
    ["real", 2, 2],
    ["numeric", "-1.50", "-1.50"],
    ["text", "", ""],
    ["boolean", false, 0n],
    ["timestamp", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["json", { a: [1] }, '{"a":[1]}'],
  ];
  for (const [kind, given, stored] of cases) {
    assertEquals(sqliteDialect.encode(kind, given), stored, kind);
    const expected = kind === "bigint" ? BigInt(given as number) : given;
    const read = sqliteDialect.decode(kind, stored);
    assertEquals(read === 0 ? 0 : read, expected === 0 ? 0 : expected, kind);
  }
});

Deno.test("`sqliteDialect.encode()` refuses what a column cannot hold", () => {
  const cases: [ValueKind, unknown][] = [
    ["integer", 1.5],
    ["integer", "1"],
    ["integer", 2 ** 53],
    ["integer", NaN],
    ["bigint", 2n ** 63n],
    ["bigint", "1"],
    ["real", "1"],
    ["numeric", "1,5"],
    ["numeric", Infinity],
    ["text", 1],
    ["text", "a\0b"],
    ["text", {}],
    ["text", "a\ud800"],
    ["real", NaN],
    ["timestamp", new Date(8.64e15)],
    ["timestamp", new Date("0000-12-31T00:00:00Z")],
    ["boolean", 1],
    ["timestamp", "2025-01-01"],
    ["timestamp", new Date(NaN)],
    ["blob", "x"],
    ["blob", [1]],
    ["json", () => 1],
    ["json", 1n],
  ];
  for (const [kind, given] of cases) {
    const error = assertThrows(() => sqliteDialect.encode(kind, given), DatabaseError);
    assertEquals(error.code, "bad_value", kind);
  }
});

Deno.test("`Sql.compile()` refuses undefined and objects in a value position", () => {
  for (const bad of [undefined, {}, [1], () => 1, Symbol("x"), { toSql: () => sql`1` }]) {
    const error = assertThrows(() => sql`SELECT ${bad}`.compile(sqliteDialect), DatabaseError);
    assertEquals(error.code, "bad_value");
  }
  const pasted = { chunks: ["1; DROP TABLE users"], kind: undefined };
  assertThrows(() => sql`SELECT ${pasted}`.compile(sqliteDialect), DatabaseError);
  assertEquals(value(null).compile(sqliteDialect).parameters, [null]);
});

Deno.test("`Sql.compile()` refuses more parameters than the database takes", () => {
  const list = (length: number) => join(Array.from({ length }, () => sql`${1}`));
  assertEquals(list(32_766).compile(sqliteDialect).parameters.length, 32_766);
  const error = assertThrows(() => list(32_767).compile(sqliteDialect), DatabaseError);
  assertEquals(error.code, "bad_query");
});

Deno.test("`postgresDialect` casts what nothing else gives a type, and numbers its parameters", () => {
  const { text, parameters } = sql`SELECT ${1}, ${2 ** 40}, ${1.5}, ${true}, ${"a"}, ${3n}, ${null},
    ${value(5, "integer")} WHERE a = ${new Date(0)}`.compile(postgresDialect);
  assertEquals(
    text.replaceAll(/\s+/g, " "),
    "SELECT $1::integer, $2::bigint, $3::double precision, $4::boolean, $5, $6::bigint, $7, " +
      "$8 WHERE a = $9::timestamp(3) with time zone",
  );
  assertEquals(parameters.length, 9);
  assertEquals(parameters[8], "1970-01-01T00:00:00.000Z");
});

Deno.test("`postgresDialect` decodes what the server writes", () => {
  const cases: [ValueKind, unknown, unknown][] = [
    ["timestamp", "2025-01-15 10:20:30.123+00", new Date("2025-01-15T10:20:30.123Z")],
    ["timestamp", "2025-01-15 10:20:30+05:30", new Date("2025-01-15T04:50:30Z")],
    ["boolean", "t", true],
    ["boolean", false, false],
    ["integer", 7n, 7],
    ["bigint", "9223372036854775807", 2n ** 63n - 1n],
    ["numeric", "1.50", "1.50"],
    ["json", '{"a": 1}', { a: 1 }],
    ["blob", "\\x00ff", new Uint8Array([0, 255])],
  ];
  for (const [kind, given, expected] of cases) {
    assertEquals(postgresDialect.decode(kind, given), expected, kind);
  }
});

Deno.test("`postgresDialect.readPlan()` reads the depths of EXPLAIN's text", () => {
  const plan = [
    "Sort",
    "  Sort Key: a.id",
    "  ->  Nested Loop",
    "        ->  Seq Scan on a",
    "              Filter: (id > 1)",
    "        ->  Index Scan using b_pkey on b",
    "Planning Time: 1 ms",
  ];
  assertEquals(postgresDialect.readPlan(plan.map((line) => [line])), [
    "Sort",
    "  Sort Key: a.id",
    "  Nested Loop",
    "    Seq Scan on a",
    "      Filter: (id > 1)",
    "    Index Scan using b_pkey on b",
    "Planning Time: 1 ms",
  ]);
});
