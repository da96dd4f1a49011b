import { assertEquals, assertRejects } from "@std/assert";
import { toFileUrl } from "@std/path";
import { fillModels, randomModels } from "./testdata/random_models.ts";
import { numbers } from "./testdata/sample_data.ts";
import {
  checkSchema,
  type Database,
  DatabaseError,
  describeModels,
  diffSchemas,
  fingerprint,
  generateMigration,
  identifier,
  integer,
  introspect,
  migrateDown,
  migrateUp,
  type Migration,
  migrationStatus,
  migrationText,
  modelSource,
  open,
  type SchemaDescription,
  sql,
  table,
  type TableBase,
  text,
} from "./mod.ts";
import { cluster, postgresTest } from "./postgres/_test_cluster.ts";

const soak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const PAIRS = soak ? 2_000 : 20;
const KILLED_PAIRS = soak ? 50 : 1;

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

async function steps(db: Database): Promise<[Migration, Migration]> {
  const first = await generateMigration([], [users1, posts1], "start", {}, db);
  const second = await generateMigration([first!], [users2, posts2], "people", renames, db);
  return [first!, second!];
}

postgresTest(
  "Migrations on PostgreSQL rename, change and take back, and keep the rows",
  async () => {
    await using db = open(await cluster.createDatabase());
    const migrations = await steps(db);
    assertEquals(await migrateUp(db, migrations, { dryRun: true }), ["0001_start", "0002_people"]);
    assertEquals((await introspect(db)).tables.size, 0);
    assertEquals(await migrateUp(db, migrations, { steps: 1 }), ["0001_start"]);
    await db.insert(users1).values({ name: "Ada" }).run();
    await db.insert(posts1).values({ userId: 1 }).run();
    await db.script(`CREATE VIEW authors AS SELECT name FROM users`);
    assertEquals(await migrateUp(db, migrations), ["0002_people"]);
    assertEquals(await db.select().from(users2).find(), [{ id: 1, fullName: "Ada", age: null }]);
    assertEquals(await db.select().from(posts2).find(), [{ id: 1, userId: 1, title: "none" }]);
    assertEquals(await db.query(sql`SELECT * FROM authors`), [{ name: "Ada" }]);
    assertEquals((await checkSchema(db, [users2, posts2])).statements, []);
    const refused = await assertRejects(() => migrateDown(db, migrations), DatabaseError);
    assertEquals(refused.code, "bad_query");
    assertEquals(await migrateDown(db, migrations, { allowLoss: true }), ["0002_people"]);
    assertEquals(await db.select().from(users1).find(), [{ id: 1, name: "Ada" }]);
    assertEquals((await checkSchema(db, [users1, posts1])).statements, []);
    assertEquals(await migrationStatus(db, migrations), [
      { name: "0001_start", state: "applied" },
      { name: "0002_people", state: "pending" },
    ]);
  },
);

postgresTest("`migrateUp()` goes on from an older table of migrations on PostgreSQL", async () => {
  await using db = open(await cluster.createDatabase());
  const migrations = await steps(db);
  await migrateUp(db, migrations, { steps: 1 });
  await db.script('ALTER TABLE "_migrations" DROP COLUMN "progress"');
  const states = (await migrationStatus(db, migrations)).map(({ state }) => state);
  assertEquals(states, ["applied", "pending"]);
  assertEquals(await migrateUp(db, migrations), ["0002_people"]);
  assertEquals(
    await db.query(sql`SELECT name, progress FROM _migrations ORDER BY name`),
    [{ name: "0001_start", progress: null }, { name: "0002_people", progress: null }],
  );
});

postgresTest("`introspect()` and `modelSource()` read a PostgreSQL database", async () => {
  await using db = open(await cluster.createDatabase());
  await db.createTables(users2, posts2);
  assertEquals(
    modelSource(await introspect(db)),
    `import { type Column, integer, sql, table, text } from "@groundwork/std/orm";

export const people = table("people", {
  id: integer().primaryKey(),
  fullName: text().notNull(),
  age: integer().check(sql\`( age >= 0 )\`),
}, (t) => ({ indexes: [{ name: "people_fullName_index", columns: [t["fullName"]] }] }));

export const posts = table("posts", {
  id: integer().primaryKey(),
  userId: integer().notNull().references((): Column => people["id"]),
  title: text().notNull().default("none"),
});
`,
  );
});

postgresTest("Two clients that migrate at once apply each step once", async () => {
  const url = await cluster.createDatabase();
  await using one = open(url);
  await using two = open(url);
  const migrations = await steps(one);
  const done = await Promise.all([migrateUp(one, migrations), migrateUp(two, migrations)]);
  assertEquals(done.flat().sort(), ["0001_start", "0002_people"]);
});

postgresTest(
  "A migration without a transaction that stops is dirty, and goes on where it stopped",
  async () => {
    await using db = open(await cluster.createDatabase());
    const up = `-- no transaction
CREATE TABLE t (a bigint);
CREATE INDEX CONCURRENTLY t_a ON t (a);
INSERT INTO later VALUES (1);
CREATE INDEX CONCURRENTLY t_b ON t ((a + 1));
`;
    const migration = { name: "0001_open", up, down: "DROP TABLE t" };
    const stopped = await assertRejects(() => migrateUp(db, [migration]), DatabaseError);
    assertEquals(stopped.code, "missing_table");
    assertEquals(await migrationStatus(db, [migration]), [{ name: "0001_open", state: "dirty" }]);
    await assertRejects(() => migrateUp(db, [migration]), DatabaseError, "dirty");
    await db.script("CREATE TABLE later (a int)");
    assertEquals(await migrateUp(db, [migration], { resume: true }), ["0001_open"]);
    assertEquals(await migrationStatus(db, [migration]), [{ name: "0001_open", state: "applied" }]);
    assertEquals((await introspect(db)).tables.get("t")!.indexes.size, 2);
  },
);

postgresTest(
  "`modelSource()` writes models that make the PostgreSQL schema they were read from",
  async () => {
    await using db = open(await cluster.createDatabase());
    const folder = await Deno.makeTempDir();
    const module = new URL("./mod.ts", import.meta.url).href;
    try {
      for (let seed = 1; seed <= (soak ? 200 : 5); seed++) {
        const schema = await describeModels(randomModels(numbers(seed)), db);
        const source = modelSource(schema).replace("@groundwork/std/orm", module);
        const file = `${folder}/models_${seed}.ts`;
        await Deno.writeTextFile(file, source);
        const models: Record<string, TableBase> = await import(toFileUrl(file).href);
        const again = await describeModels(Object.values(models), db);
        assertEquals(fingerprint(again), fingerprint(schema), `seed ${seed}\n${source}`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

async function countRows(db: Database, target: SchemaDescription): Promise<[string, number][]> {
  const result: [string, number][] = [];
  for (const name of target.tables.keys()) {
    const [row] = await db.query<{ n: number }>(sql`SELECT count(*) AS n FROM ${identifier(name)}`);
    result.push([name, row!.n]);
  }
  return result;
}

postgresTest(
  "Random pairs of schemas on PostgreSQL: the difference makes the target, rows stay",
  async () => {
    await using db = open(await cluster.createDatabase());
    for (let seed = 1; seed <= PAIRS; seed++) {
      const pick = numbers(seed);
      const [before, after] = [randomModels(pick), randomModels(pick)];
      await fillModels(db, before);
      const source = await introspect(db);
      const target = await describeModels(after, db);
      const up = migrationText(await diffSchemas(source, target, {}, db));
      try {
        await migrateUp(db, [{ name: "0001", up, down: "" }], { allowLoss: true });
      } catch (cause) {
        throw new Error(`seed ${seed}:\n${up}`, { cause });
      }
      assertEquals(fingerprint(await introspect(db)), fingerprint(target), `seed ${seed}\n${up}`);
      const expected = [...target.tables.keys()]
        .map((name): [string, number] => [name, source.tables.has(name) ? 3 : 0]);
      assertEquals(await countRows(db, target), expected, `seed ${seed}`);
      await db.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
  },
);

postgresTest(
  "A migration on PostgreSQL whose client is lost at any statement leaves nothing, and the next run goes on",
  async () => {
    const url = await cluster.createDatabase();
    for (let seed = 1; seed <= KILLED_PAIRS; seed++) {
      const pick = numbers(seed * 31);
      const [before, after] = [randomModels(pick), randomModels(pick)];
      await using db = open(url);
      await fillModels(db, before);
      const source = await introspect(db);
      const target = await describeModels(after, db);
      const { statements, losses } = await diffSchemas(source, target, {}, db);
      for (let stop = 0; stop <= statements.length; stop++) {
        const cut = statements.toSpliced(stop, 0, "SELECT pg_terminate_backend(pg_backend_pid())");
        const up = migrationText({ statements: cut, losses });
        {
          await using victim = open(url);
          const error = await assertRejects(
            () => migrateUp(victim, [{ name: "0001", up, down: "" }], { allowLoss: true }),
            DatabaseError,
          );
          assertEquals(error.code, "connection", `seed ${seed}, statement ${stop}`);
        }
        assertEquals(
          fingerprint(await introspect(db)),
          fingerprint(source),
          `seed ${seed}, statement ${stop}`,
        );
      }
      const up = migrationText({ statements, losses });
      await migrateUp(db, [{ name: "0001", up, down: "" }], { allowLoss: true });
      assertEquals(fingerprint(await introspect(db)), fingerprint(target), `seed ${seed}`);
      for (const [name, count] of await countRows(db, target)) {
        assertEquals(count, source.tables.has(name) ? 3 : 0, `seed ${seed}, table ${name}`);
      }
      await db.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
  },
);
