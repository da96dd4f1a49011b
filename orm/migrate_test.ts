import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  checkSchema,
  type ColumnBuilder,
  DatabaseError,
  describeModels,
  diffSchemas,
  fingerprint,
  generateMigration,
  identifier,
  type InsertMode,
  integer,
  introspect,
  memory,
  migrateDown,
  migrateUp,
  type Migration,
  migrationStatus,
  migrationText,
  modelSource,
  readMigrations,
  real,
  sql,
  sqlite,
  table,
  type TableBase,
  text,
  writeMigration,
} from "./mod.ts";

const soak = Deno.env.get("GROUNDWORK_SOAK") === "1";

const users1 = table("users", { id: integer().primaryKey(), name: text().notNull() });
const posts1 = table("posts", {
  id: integer().primaryKey(),
  userId: integer().notNull().references(() => users1.id),
});
const users2 = table("people", {
  id: integer().primaryKey(),
  fullName: text().notNull(),
  age: integer().check(sql`age >= ${0}`),
}, (t) => ({ indexes: [{ columns: [t.fullName] }] }));
const posts2 = table("posts", {
  id: integer().primaryKey(),
  userId: integer().notNull().references(() => users2.id),
  title: text().notNull().default("none"),
});
const renames = { tables: { users: "people" }, columns: { "people.name": "fullName" } };

async function steps(): Promise<Migration[]> {
  const first = await generateMigration([], [users1, posts1], "start");
  const second = await generateMigration([first!], [users2, posts2], "people", renames);
  return [first!, second!];
}

Deno.test("`migrateUp()` and `migrateDown()` rename, rebuild and keep the rows", async () => {
  const migrations = await steps();
  await using db = memory();
  assertEquals(await migrateUp(db, migrations, { steps: 1 }), ["0001_start"]);
  await db.script(`INSERT INTO users VALUES (7, 'Ada'); INSERT INTO posts VALUES (1, 7);
    CREATE VIEW authors AS SELECT name FROM users;
    CREATE TRIGGER keep AFTER DELETE ON posts BEGIN SELECT RAISE(ABORT, 'kept'); END`);
  assertEquals(await migrateUp(db, migrations), ["0002_people"]);
  assertEquals(await db.select().from(users2).find(), [{ id: 7, fullName: "Ada", age: null }]);
  assertEquals(await db.select().from(posts2).find(), [{ id: 1, userId: 7, title: "none" }]);
  assertEquals((await checkSchema(db, [users2, posts2])).statements, []);
  assertEquals((await db.query(sql`PRAGMA foreign_keys`))[0], { foreign_keys: 1 });
  const lossy = await assertRejects(() => migrateDown(db, migrations), DatabaseError);
  assertStringIncludes(lossy.message, "column users.age");
  assertEquals(await migrateDown(db, migrations, { allowLoss: true }), ["0002_people"]);
  assertEquals(await db.select().from(users1).find(), [{ id: 7, name: "Ada" }]);
  assertEquals((await checkSchema(db, [users1, posts1])).statements, []);
});

Deno.test("`diffSchemas()` keeps views and triggers through a rebuild", async () => {
  await using db = memory();
  await db.createTable(users1);
  await db.script(`INSERT INTO users VALUES (1, 'a');
    CREATE VIEW names AS SELECT name FROM users;
    CREATE TABLE log (id INTEGER PRIMARY KEY);
    CREATE TRIGGER logged AFTER INSERT ON users BEGIN INSERT INTO log VALUES (NEW.id); END`);
  const strict = table("users", {
    id: integer().primaryKey(),
    name: text().notNull().unique(),
  });
  const present = await db.exclusive(introspect);
  const target = await describeModels([strict]);
  const log = present.tables.get("log")!;
  const wanted = { tables: new Map([...target.tables, ["log", log]]), others: present.others };
  const up = migrationText(await diffSchemas(present, wanted));
  const migration = { name: "0001_x", up, down: "" };
  await migrateUp(db, [migration]);
  await db.insert(strict).values({ name: "b" }).run();
  assertEquals(await db.query(sql`SELECT * FROM names`), [{ name: "a" }, { name: "b" }]);
  assertEquals(await db.query(sql`SELECT id FROM log`), [{ id: 2 }]);
  assertEquals(fingerprint(await db.exclusive(introspect)), fingerprint(wanted));
});

Deno.test("`migrateUp()` leaves nothing of a step that fails or is only tried", async () => {
  const [first] = await steps();
  await using db = memory();
  assertEquals(await migrateUp(db, [first!], { dryRun: true }), ["0001_start"]);
  assertEquals(await db.query(sql`SELECT name FROM sqlite_master`), []);
  await migrateUp(db, [first!]);
  const bad = {
    name: "0002_bad",
    up: "CREATE TABLE t (a); INSERT INTO nowhere VALUES (1)",
    down: "",
  };
  const error = await assertRejects(() => migrateUp(db, [first!, bad]), DatabaseError);
  assertEquals(error.code, "missing_table");
  assertEquals(await migrationStatus(db, [first!, bad]), [
    { name: "0001_start", state: "applied" },
    { name: "0002_bad", state: "pending" },
  ]);
  const orphan = { name: "0002_orphan", up: "INSERT INTO posts VALUES (1, 9)", down: "" };
  const broken = await assertRejects(() => migrateUp(db, [first!, orphan]), DatabaseError);
  assertEquals(broken.code, "foreign_key");
});

Deno.test("A migration that stops at any statement leaves nothing, and the next run goes on", async () => {
  const migrations = await steps();
  const [first, second] = migrations;
  const parts = second!.up.split(";\n").slice(0, -1).map((part) => `${part};\n`);
  assert(parts.length > 5);
  for (let stop = 0; stop <= parts.length; stop++) {
    await using db = memory();
    await migrateUp(db, [first!]);
    await db.script("INSERT INTO users VALUES (7, 'Ada'); INSERT INTO posts VALUES (1, 7)");
    const before = fingerprint(await db.exclusive(introspect));
    const text = [...parts.slice(0, stop), "SELECT stop;", ...parts.slice(stop)].join("");
    const error = await assertRejects(
      () => migrateUp(db, [first!, { ...second!, up: text }]),
      DatabaseError,
    );
    assertEquals(error.code, "missing_column", `statement ${stop}`);
    assertEquals(fingerprint(await db.exclusive(introspect)), before, `statement ${stop}`);
    assertEquals(await migrateUp(db, migrations), ["0002_people"]);
    assertEquals((await db.select().from(users2).find())[0]?.fullName, "Ada");
    assertEquals(await db.select().from(posts2).count(), 1);
  }
});

Deno.test("`migrateUp()` refuses files that were changed or are gone", async () => {
  const [first] = await steps();
  await using db = memory();
  await migrateUp(db, [first!]);
  const changed = { ...first!, up: `${first!.up}\n` };
  assertEquals((await migrationStatus(db, [changed]))[0]?.state, "changed");
  assertEquals((await migrationStatus(db, []))[0]?.state, "missing");
  await assertRejects(() => migrateUp(db, [changed]), DatabaseError, "must stay");
  await assertRejects(() => migrateUp(db, []), DatabaseError, "must stay");
});

Deno.test("`generateMigration()` refuses columns that rows have no value for", async () => {
  const [first] = await steps();
  const more = table("users", {
    id: integer().primaryKey(),
    name: text().notNull(),
    email: text().notNull(),
  });
  const error = await assertRejects(
    () => generateMigration([first!], [more, posts1], "x"),
    DatabaseError,
  );
  assertEquals([error.table, error.column], ["users", "email"]);
  assertEquals(await generateMigration([first!], [users1, posts1], "x"), undefined);
  await assertRejects(() => generateMigration([first!], [users1], "../x"), DatabaseError);
});

Deno.test("Migrations are kept in files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const migrations = await steps();
    for (const migration of migrations) await writeMigration(folder, migration);
    assertEquals(await readMigrations(folder), migrations);
    await assertRejects(() => writeMigration(folder, migrations[0]!), Deno.errors.AlreadyExists);
    assertEquals(await readMigrations(`${folder}/none`), []);
    const [one, two] = [sqlite(`${folder}/a.db`), sqlite(`${folder}/a.db`)];
    assertEquals(await migrateUp(one, migrations), ["0001_start", "0002_people"]);
    assertEquals(await migrateUp(two, migrations), []);
    await one.close();
    await two.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("`modelSource()` writes models", async () => {
  const source = modelSource(await describeModels([users1, posts1]));
  assertEquals(
    source,
    `import { type Column, integer, table, text } from "@groundwork/std/orm";

export const users = table("users", {
  id: integer().primaryKey(),
  name: text().notNull(),
});

export const posts = table("posts", {
  id: integer().primaryKey(),
  userId: integer().notNull().references((): Column => users["id"]),
});
`,
  );
});

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function randomModels(pick: (below: number) => number): TableBase[] {
  const tables: TableBase[] = [];
  for (const name of ["alpha", "beta", "gam ma"]) {
    if (pick(4) === 0) continue;
    const columns: Record<string, ColumnBuilder<unknown, InsertMode>> = {
      id: integer().primaryKey(),
    };
    for (const column of ["a", "b", "order", 'q"x']) {
      if (pick(3) === 0) continue;
      const kind = [integer, text, real][pick(3)]!;
      let builder: ColumnBuilder<unknown, InsertMode> = kind();
      if (pick(3) === 0) {
        builder = builder.default(kind === text ? "it's" : 5 as never).notNull();
      }
      if (kind !== text && pick(4) === 0) builder = builder.check(sql`${1} <= ${2}`);
      columns[column] = builder;
    }
    const withIndex = pick(2) === 0;
    tables.push(table(name, columns, (t) => ({
      indexes: withIndex ? [{ columns: [Object.values(t).at(-1)!] }] : [],
    })));
  }
  return tables;
}

Deno.test("Random pairs of schemas: apply the difference, and the schema is the target's", async () => {
  const pairs = soak ? 2_000 : 60;
  for (let seed = 1; seed <= pairs; seed++) {
    const pick = random(seed * 7919);
    const [before, after] = [randomModels(pick), randomModels(pick)];
    await using db = memory();
    for (const one of before) {
      await db.createTable(one);
      for (let row = 0; row < 3; row++) await db.insert(one).values({}).run();
    }
    const [source, target] = [await describeModels(before), await describeModels(after)];
    const diff = await diffSchemas(source, target);
    await migrateUp(db, [{ name: "0001", up: migrationText(diff), down: "" }], { allowLoss: true });
    const result = await db.exclusive(introspect);
    assertEquals(fingerprint(result), fingerprint(target), `seed ${seed}`);
    for (const name of target.tables.keys()) {
      const [row] = await db.query<{ n: number }>(
        sql`SELECT count(*) AS n FROM ${identifier(name)}`,
      );
      assertEquals(row?.n, source.tables.has(name) ? 3 : 0, `seed ${seed}`);
    }
    assert((await checkSchema(db, after)).statements.length === 0, `seed ${seed}`);
  }
});
