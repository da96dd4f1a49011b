import { assertEquals, assertStringIncludes } from "@std/assert";
import { memory, open, Shell } from "./mod.ts";
import { cluster, postgresTest } from "./postgres/_test_cluster.ts";

Deno.test("`Shell.feed()` runs statements over several lines and draws tables", async () => {
  await using db = memory();
  const shell = new Shell(db);
  assertEquals(
    (await shell.feed("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);\n")).output,
    "OK, 0 rows changed\n",
  );
  assertEquals((await shell.feed("INSERT INTO t (name)\n")).output, "");
  assertEquals(shell.pending, true);
  assertEquals(
    (await shell.feed("VALUES ('a;b'), ('日本'), (NULL);\n")).output,
    "OK, 3 rows changed\n",
  );
  const { output } = await shell.feed("SELECT * FROM t; -- the rows; all of them\n");
  assertEquals(
    output,
    `┌────┬──────┐
│ id │ name │
├────┼──────┤
│ 1  │ a;b  │
│ 2  │ 日本 │
│ 3  │ NULL │
└────┴──────┘
(3 rows)
`,
  );
});

Deno.test("`Shell.feed()` reports errors and goes on", async () => {
  await using db = memory();
  const shell = new Shell(db);
  const { output, failed } = await shell.feed("SELECT * FROM nowhere; SELECT 1 AS x;\n");
  assertEquals(failed, 1);
  assertStringIncludes(output, "error (missing_table): no such table: nowhere\n┌───┐");
  assertEquals((await shell.feed("\\nothing\n")).failed, 1);
  assertEquals((await shell.feed("\\q\n")).left, true);
});

Deno.test("`Shell.feed()` describes tables, knows triggers and draws plans", async () => {
  await using db = memory();
  const shell = new Shell(db);
  const { failed } = await shell.feed(
    `CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT NOT NULL DEFAULT 'x');
CREATE TABLE b (a REFERENCES a (id));
CREATE TRIGGER tr AFTER INSERT ON a BEGIN INSERT INTO b VALUES (NEW.id); SELECT 1; END;
INSERT INTO a (n) VALUES ('y');
`,
  );
  assertEquals(failed, 0);
  assertEquals(
    (await shell.feed("\\d a\n")).output,
    `┌────────┬─────────┬──────┬─────────┬─────────────┐
│ Column │ Type    │ Null │ Default │ Key         │
├────────┼─────────┼──────┼─────────┼─────────────┤
│ id     │ INTEGER │ no   │         │ primary key │
│ n      │ TEXT    │ no   │ 'x'     │             │
└────────┴─────────┴──────┴─────────┴─────────────┘
`,
  );
  assertStringIncludes((await shell.feed("\\d\n")).output, "│ tr   │ trigger │");
  const plan = await shell.feed("EXPLAIN SELECT * FROM a UNION SELECT a, a FROM b;\n");
  assertEquals(
    plan.output,
    `MERGE (UNION)
├─ LEFT
│  └─ SCAN a
└─ RIGHT
   ├─ SCAN b
   └─ USE TEMP B-TREE FOR ORDER BY
`,
  );
  assertEquals((await shell.feed("\\timing\n")).output, "Timing is on.\n");
  assertStringIncludes((await shell.feed("SELECT 1;\n")).output, "Time: ");
});

Deno.test("Control characters in cells do not reach the terminal", async () => {
  await using db = memory();
  const { output } = await new Shell(db).feed("SELECT char(27) || '[2J' AS x;\n");
  assertStringIncludes(output, "\\u{1b}[2J");
});

Deno.test("`Shell.feed()` keeps a transaction to one session, and rolls back what is left open", async () => {
  await using db = memory();
  await db.script("CREATE TABLE t (a)");
  {
    await using shell = new Shell(db);
    const { failed } = await shell.feed("BEGIN; INSERT INTO t VALUES (1); COMMIT;\n");
    assertEquals(failed, 0);
    await shell.feed("BEGIN; INSERT INTO t VALUES (2); SAVEPOINT s; ROLLBACK TO s;\n");
    await shell.feed("CREATE TABLE inside (a);\n");
    assertStringIncludes((await shell.feed("\\dt\n")).output, "inside");
  }
  await using shell = new Shell(db);
  assertStringIncludes((await shell.feed("SELECT count(*) AS n FROM t;\n")).output, "│ 1 │");
});

postgresTest(
  "`Shell` on PostgreSQL describes tables, draws plans, and keeps transactions together",
  async () => {
    await using db = open(await cluster.createDatabase());
    await using shell = new Shell(db);
    const feed = async (text: string) => (await shell.feed(`${text}\n`)).output;
    assertEquals(
      await feed("CREATE TABLE t (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'x;y');"),
      "OK, 0 rows changed\n",
    );
    assertEquals(
      await feed("BEGIN; INSERT INTO t VALUES (1), (2); ROLLBACK; INSERT INTO t VALUES (3);"),
      "OK, 0 rows changed\nOK, 2 rows changed\nOK, 0 rows changed\nOK, 1 row changed\n",
    );
    assertEquals(
      await feed(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; SELECT f(), NULL AS n, true AS t;",
      ),
      `OK, 0 rows changed
┌───┬──────┬──────┐
│ f │ n    │ t    │
├───┼──────┼──────┤
│ 1 │ NULL │ true │
└───┴──────┴──────┘
(1 row)
`,
    );
    assertEquals(
      await feed("\\d t"),
      `┌────────┬────────┬──────┬─────────────┬─────────────┐
│ Column │ Type   │ Null │ Default     │ Key         │
├────────┼────────┼──────┼─────────────┼─────────────┤
│ id     │ bigint │ no   │             │ primary key │
│ name   │ text   │ no   │ 'x;y'::text │             │
└────────┴────────┴──────┴─────────────┴─────────────┘
t_pkey: PRIMARY KEY (id)
`,
    );
    assertEquals(
      await feed("\\dt"),
      "┌──────┬───────┐\n│ Name │ Type  │\n├──────┼───────┤\n│ t    │ table │\n└──────┴───────┘\n",
    );
    await feed("SET search_path = nowhere;");
    assertStringIncludes(await feed("SELECT * FROM t;"), "error (missing_table)");
    await feed("RESET search_path;");
    const plan = await feed(
      "EXPLAIN (COSTS off) SELECT * FROM t a JOIN t b ON a.id = b.id WHERE b.name = 'x';",
    );
    assertEquals(plan.split("\n").length > 4, true);
    assertStringIncludes(plan, "├─ ");
    assertStringIncludes(plan, "└─ ");
    assertStringIncludes(await feed("\\timing"), "on");
    assertStringIncludes(await feed("SELECT 1;"), "Time: ");
  },
);
