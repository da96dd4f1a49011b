import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { cluster, postgresTest } from "./_test_cluster.ts";
import { PostgresConnection } from "./connection.ts";
import { TypeRegistry } from "./types.ts";
import { Interval, json, Range } from "./values.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

/** A type, its values in SQL, and what a program sees; read in both formats, and written back. */
const VALUES: [type: string, sql: string, value: unknown][] = [
  ["bool", "'t'", true],
  ["bool", "'f'", false],
  ["int2", "'-32768'", -32768],
  ["int4", "'2147483647'", 2147483647],
  ["int4", "'-2147483648'", -2147483648],
  ["int8", "'9223372036854775807'", 9223372036854775807n],
  ["int8", "'-9223372036854775808'", -9223372036854775808n],
  ["oid", "'4294967295'", 4294967295],
  ["float4", "'0.1'", 0.1],
  ["float4", "'3.4028235e38'", 3.4028235e38],
  ["float4", "'-Infinity'", -Infinity],
  ["float8", "'0.1'", 0.1],
  ["float8", "'-1.7976931348623157e308'", -1.7976931348623157e308],
  ["float8", "'5e-324'", 5e-324],
  ["float8", "'NaN'", NaN],
  ["numeric", "'0'", "0"],
  ["numeric", "'-0.00012300'", "-0.00012300"],
  [
    "numeric",
    "'123456789012345678901234567890.123456789'",
    "123456789012345678901234567890.123456789",
  ],
  ["numeric", "'10000'", "10000"],
  ["numeric", "'1e20'", "100000000000000000000"],
  ["numeric", "'0.00001'", "0.00001"],
  ["numeric", "'NaN'", "NaN"],
  ["numeric", "'-Infinity'", "-Infinity"],
  ["text", "''", ""],
  ["text", "'héllo 🐘 \"x\" \\'", 'héllo 🐘 "x" \\'],
  ["text", `'${"x".repeat(1000)}é'`, "x".repeat(1000) + "é"],
  ["varchar", "'abcdefg'", "abcdefg"],
  ["bpchar", "'ab '", "ab "],
  ["name", "'n'", "n"],
  ['"char"', "'c'", "c"],
  ["bytea", "'\\x00ff10'", bytes(0, 255, 16)],
  ["bytea", "''", bytes()],
  ["json", `'{"a": [1, null, "x"]}'`, { a: [1, null, "x"] }],
  ["jsonb", `'{"a": {"b": 1.5}}'`, { a: { b: 1.5 } }],
  ["jsonb", `'[1, 2]'`, [1, 2]],
  ["uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
  ["date", "'2024-02-29'", "2024-02-29"],
  ["date", "'0044-03-15 BC'", "0044-03-15 BC"],
  ["date", "'infinity'", "infinity"],
  ["date", "'-infinity'", "-infinity"],
  ["date", "'4713-01-01 BC'", "4713-01-01 BC"],
  ["date", "'5874897-12-31'", "5874897-12-31"],
  ["time", "'23:59:59.999999'", "23:59:59.999999"],
  ["time", "'00:00:00'", "00:00:00"],
  ["time", "'24:00:00'", "24:00:00"],
  ["timetz", "'04:05:06.5-08:30'", "04:05:06.5-08:30"],
  ["timetz", "'04:05:06+00'", "04:05:06+00"],
  ["timestamp", "'2024-01-02 03:04:05.678'", new Date("2024-01-02T03:04:05.678Z")],
  ["timestamp", "'1969-12-31 23:59:59.999'", new Date(-1)],
  ["timestamptz", "'2024-01-02 03:04:05.678+02'", new Date("2024-01-02T01:04:05.678Z")],
  ["timestamptz", "'0044-03-15 12:00:00+00 BC'", new Date("-000043-03-15T12:00:00Z")],
  ["timestamptz", "'infinity'", Infinity],
  ["timestamptz", "'-infinity'", -Infinity],
  ["timestamptz", "'1700-01-01 00:00:00+00'", new Date("1700-01-01T00:00:00Z")],
  ["timestamptz", "'12024-01-01 00:00:00+00'", new Date("+012024-01-01T00:00:00Z")],
  ["interval", "'1 year 2 mons 3 days 04:05:06.789'", new Interval(14, 3, 14_706_789_000n)],
  ["interval", "'-1 year +2 days -00:00:01.5'", new Interval(-12, 2, -1_500_000n)],
  ["interval", "'0'", new Interval(0, 0, 0n)],
  ["inet", "'192.168.1.5/24'", "192.168.1.5/24"],
  ["inet", "'10.0.0.1'", "10.0.0.1"],
  ["inet", "'2001:db8::1:0:0:1'", "2001:db8::1:0:0:1"],
  ["inet", "'::ffff:1.2.3.4'", "::ffff:1.2.3.4"],
  ["inet", "'::'", "::"],
  ["cidr", "'10.1.0.0/16'", "10.1.0.0/16"],
  ["macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"],
  ["macaddr8", "'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"],
  ["bit(5)", "'10110'", "10110"],
  ["varbit", "'101101011'", "101101011"],
  ["point", "'(1,2)'", "(1,2)"],
  ["money", "'$1.50'", "$1.50"],
  ["int4[]", "'{}'", []],
  ["int4[]", "'{1,NULL,-3}'", [1, null, -3]],
  ["int4[]", "'{{1,2},{3,4},{5,6}}'", [[1, 2], [3, 4], [5, 6]]],
  ["int4[]", "'[0:1]={7,8}'", [7, 8]],
  ["int8[]", "'{1,9007199254740993}'", [1n, 9007199254740993n]],
  ["text[]", `'{a,"b c","","NULL",NULL,"q\\"x\\\\y","{,}"}'`, [
    "a",
    "b c",
    "",
    "NULL",
    null,
    'q"x\\y',
    "{,}",
  ]],
  ["text[]", "'{{{a}},{{b}}}'", [[["a"]], [["b"]]]],
  ["bool[]", "'{t,f,NULL}'", [true, false, null]],
  ["bytea[]", `'{"\\\\x01","\\\\xff"}'`, [bytes(1), bytes(255)]],
  ["timestamptz[]", "'{2024-01-01 00:00:00+00,infinity}'", [new Date("2024-01-01"), Infinity]],
  ["numeric[]", "'{1.50,NaN}'", ["1.50", "NaN"]],
  ["jsonb[]", `array['{"a":1}','[2]','"s"']::jsonb[]`, [{ a: 1 }, [2], "s"]],
  ["uuid[]", "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]],
  ["box[]", "'{(3,4),(1,2);(6,7),(4,5)}'", ["(3,4),(1,2)", "(6,7),(4,5)"]],
  ["int4range", "'[1,5)'", new Range(1, 5)],
  ["int4range", "'empty'", new Range(null, null, "empty")],
  ["int4range", "'(,5)'", new Range(null, 5, "()")],
  ["int8range", "'[1,)'", new Range(1n, null, "[)")],
  ["numrange", "'(1.5,2.5]'", new Range("1.5", "2.5", "(]")],
  ["daterange", "'[2024-01-01,2024-02-01)'", new Range("2024-01-01", "2024-02-01")],
  ["tstzrange", `'["2024-01-01 00:00:00+00",)'`, new Range(new Date("2024-01-01"), null)],
  ["int4multirange", "'{[1,3),[5,7)}'", [new Range(1, 3), new Range(5, 7)]],
  ["int4multirange", "'{}'", []],
  ["int4range[]", `'{"[1,2)",empty}'`, [new Range(1, 2), new Range(null, null, "empty")]],
  ["gw_mood", "'sad'", "sad"],
  ["gw_mood[]", "'{sad,\"not ok\"}'", ["sad", "not ok"]],
  ["gw_pair", `row(7, 'a "b", c')`, { number: 7, label: 'a "b", c' }],
  ["gw_pair", "row(NULL, '')", { number: null, label: "" }],
  ["gw_pair[]", "array[row(1,'x'),row(2,NULL)]::gw_pair[]", [{ number: 1, label: "x" }, {
    number: 2,
    label: null,
  }]],
  ["gw_nest", "row(row(1,'x'), array['sad','not ok'])", {
    pair: { number: 1, label: "x" },
    moods: ["sad", "not ok"],
  }],
  ["gw_positive", "'5'", 5],
  ["gw_span", "'[1,2]'", new Range(1, 2, "[]")],
];

const TYPES = `
CREATE TYPE gw_mood AS ENUM ('sad', 'not ok');
CREATE TYPE gw_pair AS (number int4, label text);
CREATE TYPE gw_nest AS (pair gw_pair, moods gw_mood[]);
CREATE DOMAIN gw_positive AS int4 CHECK (value > 0);
CREATE TYPE gw_span AS RANGE (subtype = float8);
`;

postgresTest(
  "every type reads the same in both formats, and writes back what it read",
  async () => {
    await using connection = await PostgresConnection.connect(await cluster.createDatabase());
    await connection.script("SET TimeZone = 'UTC'");
    await connection.script(TYPES);
    for (const [type, sql, value] of VALUES) {
      const text = `SELECT ${sql}::${type} AS v`;
      for (const format of ["text", "binary", "auto"] as const) {
        const { rows } = await connection.query(text, [], { format, prepare: false });
        assertEquals(rows, [{ v: value }], `${text} as ${format}, unprepared`);
        // The second time the columns' types are known beforehand.
        for (let i = 0; i < 2; i++) {
          const { rows } = await connection.query(text, [], { format });
          assertEquals(rows, [{ v: value }], `${text} as ${format}`);
        }
        // JSON keeps the spelling, and an array its lower bound, which writing changes.
        const same = type === "json" || sql.startsWith("'[0:1]")
          ? "true"
          : `($1::${type})::text = (${sql}::${type})::text`;
        const back = `SELECT $1::${type} AS v, ${same} AS same`;
        for (let i = 0; i < 2; i++) {
          const parameter = type.startsWith("json") && typeof value === "string"
            ? json(value)
            : value;
          const { rows } = await connection.query(back, [parameter], { format });
          assertEquals(rows, [{ v: value, same: true }], `${type} ${sql} written, as ${format}`);
        }
      }
    }
  },
);

postgresTest("integers of 64 bits are read as the caller wants them", async () => {
  await using connection = await PostgresConnection.connect(cluster.url);
  const read = async (value: string, integers: "bigint" | "number" | "mixed" | "string") => {
    const { rows } = await connection.query(`SELECT ${value}::int8 AS v`, [], { integers });
    const again = await connection.query(`SELECT ${value}::int8 AS v`, [], { integers });
    assertEquals(again.rows, rows);
    return rows[0]!.v;
  };
  assertEquals(await read("9007199254740991", "number"), 9007199254740991);
  assertEquals(await read("-5", "number"), -5);
  assertEquals(await read("5", "bigint"), 5n);
  assertEquals(await read("5", "mixed"), 5);
  assertEquals(await read("9007199254740993", "mixed"), 9007199254740993n);
  assertEquals(await read("9007199254740993", "string"), "9007199254740993");
  const error = await assertRejects(() => read("9007199254740992", "number"), DatabaseError);
  assertEquals(error.code, "bad_value");
  assertEquals((await connection.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
});

postgresTest("an anonymous record reads as its fields", async () => {
  await using connection = await PostgresConnection.connect(cluster.url);
  const text = "SELECT row(1, 'x', NULL, 2.5) AS v";
  assertEquals((await connection.query(text)).rows, [{ v: ["1", "x", null, "2.5"] }]);
  assertEquals((await connection.query(text)).rows, [{ v: ["1", "x", null, "2.5"] }]);
  const { rows } = await connection.query(text, [], { format: "binary" });
  assertEquals(rows, [{ v: [1, "x", null, "2.5"] }]);
});

postgresTest("`TypeRegistry.register()` sets how values are read and written", async () => {
  const types = new TypeRegistry();
  types.register(600, {
    parse: (text) => text.slice(1, -1).split(",").map(Number),
    serialize: (value) => `(${(value as number[]).join(",")})`,
  });
  types.register(1082, { parse: (text) => new Date(`${text}T00:00:00Z`) });
  const options = { user: "postgres", password: "postgres", port: cluster.port, types };
  await using connection = await PostgresConnection.connect({ ...options, sslMode: "disable" });
  const text = "SELECT $1::point AS p, array[$1::point] AS ps, date '2024-01-01' AS d";
  for (let i = 0; i < 2; i++) {
    const { rows } = await connection.query(text, [[1, 2]]);
    assertEquals(rows, [{ p: [1, 2], ps: [[1, 2]], d: new Date("2024-01-01") }]);
  }
});

postgresTest(
  "values that cannot stand for their type are refused, and the connection lives on",
  async () => {
    await using connection = await PostgresConnection.connect(cluster.url);
    const refused: [string, unknown][] = [
      ["text", undefined],
      ["text", {}],
      ["text", []],
      ["int4", {}],
      ["text", Symbol("x")],
      ["text", () => 1],
      ["timestamptz", new Date(NaN)],
      ["jsonb", json(() => 1)],
      ["jsonb", { toJSON: () => undefined }],
      ["text[]", [["a", {}]]],
      ["text", "\ud800 and something longer than forty-eight units, to leave the fast path"],
      ["text", "\ud800"],
      ["int4[]", [[[[[[[1]]]]]]]],
    ];
    for (const [type, value] of refused) {
      const error = await assertRejects(
        () => connection.query(`SELECT $1::${type} AS v`, [value]),
        DatabaseError,
        undefined,
        `${type} ${typeof value}`,
      );
      assertEquals(error.code, "bad_value", `${type} ${String(value)}: ${error}`);
    }
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await assertRejects(() => connection.query("SELECT $1::jsonb", [circular]), DatabaseError);
    assertEquals((await connection.query("SELECT $1::text AS v", ["fine"])).rows, [{ v: "fine" }]);
  },
);

postgresTest("the built-in types are those of the server", async () => {
  await using connection = await PostgresConnection.connect(cluster.url);
  const types = new TypeRegistry();
  const { rows } = await connection.query<{ oid: number; name: string; element: number }>(
    `SELECT t.oid, typname AS name, CASE WHEN typcategory = 'A' OR t.oid = 2287 THEN typelem
       ELSE coalesce(r.rngsubtype, m.rngsubtype, 0) END AS element
     FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid
     LEFT JOIN pg_range m ON m.rngmultitypid = t.oid WHERE t.oid < 16384`,
  );
  let known = 0;
  for (const { oid, name, element } of rows) {
    const info = types.info(oid);
    if (info === undefined) continue;
    known++;
    assertEquals([info.name, info.element], [name, element], name);
  }
  assertEquals(known > 140, true, `${known}`);
});

Deno.test("`Interval.toString()` is ISO 8601", () => {
  assertEquals(String(new Interval(14, 3, 14_706_789_000n)), "P1Y2M3DT4H5M6.789S");
  assertEquals(String(new Interval(-14, -3, -1n)), "P-1Y-2M-3DT-0.000001S");
  assertEquals(String(new Interval(0, 0, 0n)), "PT0S");
  assertEquals(JSON.stringify(new Interval(0, 1, 60_000_000n)), '"P1DT1M"');
});

Deno.test("`TypeRegistry.info()` knows what is built in, and nothing else", () => {
  const types = new TypeRegistry();
  assertEquals(types.info(23)?.name, "int4");
  assertEquals(types.info(1007)?.element, 23);
  assertEquals(types.info(99_999), undefined);
  assertThrows(() => json(1n) && JSON.stringify(1n), TypeError);
});
