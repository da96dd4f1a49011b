import { numbers } from "./testdata/sample_data.ts";
import { fillModels, randomModels } from "./testdata/random_models.ts";
import { toFileUrl } from "@std/path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  checkSchema,
  DatabaseError,
  describeModels,
  diffSchemas,
  fingerprint,
  generateMigration,
  identifier,
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
  const present = await introspect(db);
  const target = await describeModels([strict]);
  const log = present.tables.get("log")!;
  const wanted = { tables: new Map([...target.tables, ["log", log]]), others: present.others };
  const up = migrationText(await diffSchemas(present, wanted));
  const migration = { name: "0001_x", up, down: "" };
  await migrateUp(db, [migration]);
  await db.insert(strict).values({ name: "b" }).run();
  assertEquals(await db.query(sql`SELECT * FROM names`), [{ name: "a" }, { name: "b" }]);
  assertEquals(await db.query(sql`SELECT id FROM log`), [{ id: 2 }]);
  assertEquals(fingerprint(await introspect(db)), fingerprint(wanted));
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
    const before = fingerprint(await introspect(db));
    const text = [...parts.slice(0, stop), "SELECT stop;", ...parts.slice(stop)].join("");
    const error = await assertRejects(
      () => migrateUp(db, [first!, { ...second!, up: text }]),
      DatabaseError,
    );
    assertEquals(error.code, "missing_column", `statement ${stop}`);
    assertEquals(fingerprint(await introspect(db)), before, `statement ${stop}`);
    assertEquals(await migrateUp(db, migrations), ["0002_people"]);
    assertEquals((await db.select().from(users2).find())[0]?.fullName, "Ada");
    assertEquals(await db.select().from(posts2).count(), 1);
  }
});

/** The table of applied migrations before migrations without a transaction were known. */
const OLDER_STATE_TABLE = `CREATE TABLE "_migrations" (
  "name" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "applied" TEXT NOT NULL)`;

Deno.test("`migrateUp()` goes on from an older table of applied migrations", async () => {
  const migrations = await steps();
  await using db = memory();
  await migrateUp(db, migrations, { steps: 1 });
  const rows = await db.query(sql`SELECT name, checksum, applied FROM _migrations`);
  await db.script(`DROP TABLE "_migrations"; ${OLDER_STATE_TABLE}`);
  for (const { name, checksum, applied } of rows) {
    await db.run(sql`INSERT INTO _migrations VALUES (${name}, ${checksum}, ${applied})`);
  }
  const before = await db.query(sql`SELECT * FROM _migrations`);
  const states = (await migrationStatus(db, migrations)).map(({ state }) => state);
  assertEquals(states, ["applied", "pending"]);
  assertEquals(await migrateUp(db, migrations, { dryRun: true }), ["0002_people"]);
  assertEquals(await db.query(sql`SELECT * FROM _migrations`), before);
  assertEquals(await migrateUp(db, migrations), ["0002_people"]);
  assertEquals(
    await db.query(sql`SELECT name, progress FROM _migrations ORDER BY name`),
    [{ name: "0001_start", progress: null }, { name: "0002_people", progress: null }],
  );
  assertEquals(await migrateDown(db, migrations, { steps: 2, allowLoss: true }), [
    "0002_people",
    "0001_start",
  ]);
});

Deno.test("`migrateUp()` refuses a table of applied migrations that is somebody else's", async () => {
  const migrations = await steps();
  await using db = memory();
  await db.script('CREATE TABLE "_migrations" ("id" INTEGER PRIMARY KEY, "name" TEXT)');
  for (const use of [migrateUp, migrateDown, migrationStatus]) {
    const error = await assertRejects(() => use(db, migrations), DatabaseError);
    assertEquals([error.code, error.table], ["bad_query", "_migrations"]);
  }
  assertEquals((await db.query(sql`SELECT * FROM _migrations`)).length, 0);
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

Deno.test("Random pairs of schemas: apply the difference, and the schema is the target's", async () => {
  const pairs = soak ? 2_000 : 60;
  for (let seed = 1; seed <= pairs; seed++) {
    const pick = numbers(seed);
    const [before, after] = [randomModels(pick), randomModels(pick)];
    await using db = memory();
    await fillModels(db, before);
    const [source, target] = [await describeModels(before), await describeModels(after)];
    const diff = await diffSchemas(source, target);
    const up = migrationText(diff);
    try {
      await migrateUp(db, [{ name: "0001", up, down: "" }], { allowLoss: true });
    } catch (cause) {
      throw new Error(`seed ${seed}:\n${up}`, { cause });
    }
    assertEquals(fingerprint(await introspect(db)), fingerprint(target), `seed ${seed}`);
    for (const name of target.tables.keys()) {
      const [row] = await db.query<{ n: number }>(
        sql`SELECT count(*) AS n FROM ${identifier(name)}`,
      );
      assertEquals(row?.n, source.tables.has(name) ? 3 : 0, `seed ${seed}`);
    }
    assertEquals((await checkSchema(db, after)).statements, [], `seed ${seed}`);
  }
});

Deno.test("A process that is killed at any statement of a migration leaves it done or not begun", async () => {
  const pairs = soak ? 50 : 1;
  const folder = await Deno.makeTempDir();
  const [file, start, path] = ["up.sql", "start.db", "a.db"].map((name) => `${folder}/${name}`);
  const program = new URL("./testdata/migrate_victim.ts", import.meta.url).href;
  const migrateAndDie = async (stop: number) => {
    const { signal, success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-config", "--no-lock", program, path!, file!, `${stop}`],
      stdout: "null",
    }).output();
    assert(success || signal === "SIGKILL", new TextDecoder().decode(stderr));
    return success;
  };
  try {
    for (let seed = 1; seed <= pairs; seed++) {
      const pick = numbers(seed * 104_729);
      const [before, after] = [randomModels(pick), randomModels(pick)];
      await using seeded = sqlite(start!);
      await fillModels(seeded, before);
      const [source, target] = [await introspect(seeded), await describeModels(after)];
      const up = migrationText(await diffSchemas(source, target));
      await Deno.writeTextFile(file!, up);
      await seeded.script("PRAGMA wal_checkpoint(TRUNCATE)");
      for (let stop = 0, isThrough = false; !isThrough; stop += soak ? 1 : 7) {
        const where = `seed ${seed}, statement ${stop}`;
        for (const tail of ["-wal", "-shm"]) {
          await Deno.remove(`${path}${tail}`).catch(() => {});
        }
        await Deno.copyFile(start!, path!);
        isThrough = await migrateAndDie(stop);
        await using db = sqlite(path!);
        const there = fingerprint(await introspect(db));
        assert([source, target].some((one) => fingerprint(one) === there), where);
        await migrateUp(db, [{ name: "0001", up, down: "" }], { allowLoss: true });
        assertEquals(fingerprint(await introspect(db)), fingerprint(target), where);
        for (const name of target.tables.keys()) {
          const [row] = await db.query<{ n: number }>(
            sql`SELECT count(*) AS n FROM ${identifier(name)}`,
          );
          assertEquals(row?.n, source.tables.has(name) ? 3 : 0, where);
        }
        assertEquals(await db.query(sql`PRAGMA integrity_check`), [{ integrity_check: "ok" }]);
      }
      await seeded.close();
      await Deno.remove(start!);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A migration without a transaction that stops is dirty until it is resumed", async () => {
  await using db = memory();
  const up = "-- no transaction\nCREATE TABLE t (a);\nINSERT INTO later VALUES (1);\nVACUUM;\n";
  const migration = { name: "0001_open", up, down: "DROP TABLE t" };
  await assertRejects(() => migrateUp(db, [migration], { dryRun: true }), DatabaseError, "tried");
  await assertRejects(() => migrateUp(db, [migration]), DatabaseError, "later");
  assertEquals(await migrationStatus(db, [migration]), [{ name: "0001_open", state: "dirty" }]);
  await assertRejects(() => migrateUp(db, [migration]), DatabaseError, "dirty");
  await db.script("CREATE TABLE later (a)");
  assertEquals(await migrateUp(db, [migration], { resume: true }), ["0001_open"]);
  assertEquals(await migrationStatus(db, [migration]), [{ name: "0001_open", state: "applied" }]);
  assertEquals(await migrateDown(db, [migration]), ["0001_open"]);
});

Deno.test("`modelSource()` writes models that make the schema they were read from", async () => {
  const folder = await Deno.makeTempDir();
  const module = new URL("./mod.ts", import.meta.url).href;
  try {
    for (let seed = 1; seed <= (soak ? 200 : 8); seed++) {
      const schema = await describeModels(randomModels(numbers(seed)));
      const source = modelSource(schema).replace("@groundwork/std/orm", module);
      const file = `${folder}/models_${seed}.ts`;
      await Deno.writeTextFile(file, source);
      const models: Record<string, TableBase> = await import(toFileUrl(file).href);
      const again = await describeModels(Object.values(models));
      assertEquals(fingerprint(again), fingerprint(schema), `seed ${seed}\n${source}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
