/**
 * The query builder on SQLite against `node:sqlite` by itself, drizzle-orm and kysely. The peers run
 * on better-sqlite3's interface over the same `node:sqlite`, through a few lines below, so that
 * what is measured is the library and not another build of SQLite.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { drizzle } from "npm:drizzle-orm@0.44.5/sqlite-proxy";
import {
  integer as dInteger,
  real as dReal,
  sqliteTable,
  text as dText,
} from "npm:drizzle-orm@0.44.5/sqlite-core";
import { eq as dEq, gt as dGt, sql as dSql } from "npm:drizzle-orm@0.44.5";
import { Kysely, SqliteDialect } from "npm:kysely@0.28.7";
import { count, eq, gt, integer, memory, placeholder, real, table, text } from "../orm/mod.ts";

const ROWS = 10_000;
const CREATE =
  `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL,
  score REAL NOT NULL)`;
const users = table("users", {
  id: integer().primaryKey(),
  name: text().notNull(),
  age: integer().notNull(),
  score: real().notNull(),
});
const rows = Array.from({ length: ROWS }, (_, index) => ({
  name: `user ${index}`,
  age: index % 90,
  score: index / 7,
}));

const db = memory();
await db.createTable(users);
await db.insert(users).values(rows).run();

const raw = new DatabaseSync(":memory:");
raw.exec(CREATE);
const fill = raw.prepare("INSERT INTO users (name, age, score) VALUES (?, ?, ?)");
raw.exec("BEGIN");
for (const row of rows) fill.run(row.name, row.age, row.score);
raw.exec("COMMIT");

const statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
function prepared(text: string, arrays: boolean): ReturnType<DatabaseSync["prepare"]> {
  const key = `${arrays} ${text}`;
  let statement = statements.get(key);
  if (statement === undefined) {
    statement = raw.prepare(text);
    (statement as unknown as { setReturnArrays(on: boolean): void }).setReturnArrays(arrays);
    statements.set(key, statement);
  }
  return statement;
}

const dUsers = sqliteTable("users", {
  id: dInteger().primaryKey(),
  name: dText().notNull(),
  age: dInteger().notNull(),
  score: dReal().notNull(),
});
// deno-lint-ignore require-await
const dDb = drizzle(async (text, parameters, method) => {
  const statement = prepared(text, true);
  const bound = parameters as SQLInputValue[];
  if (method === "run") {
    statement.run(...bound);
    return { rows: [] };
  }
  if (method === "get") return { rows: statement.get(...bound) as unknown as unknown[] };
  return { rows: statement.all(...bound) as unknown as unknown[] };
});
const dPoint = dDb.select().from(dUsers).where(dEq(dUsers.id, dSql.placeholder("id"))).prepare();

interface Tables {
  users: { id: number; name: string; age: number; score: number };
}
const kDb = new Kysely<Tables>({
  dialect: new SqliteDialect({
    database: {
      close: () => {},
      prepare: (text: string) => {
        const statement = prepared(text, false);
        return {
          reader: /^\s*select/i.test(text),
          all: (parameters: readonly unknown[]) => statement.all(...parameters as SQLInputValue[]),
          run: (parameters: readonly unknown[]) => statement.run(...parameters as SQLInputValue[]),
          iterate: (parameters: readonly unknown[]) =>
            statement.iterate(...parameters as SQLInputValue[]),
        };
      },
    } as never,
  }),
});

const CALLS = 100;
const point = db.select().from(users).where(eq(users.id, placeholder("id"))).prepare();
const rawPoint = raw.prepare("SELECT id, name, age, score FROM users WHERE id = ?");
const rawAll = raw.prepare("SELECT id, name, age, score FROM users");
const rawGroup = raw.prepare("SELECT age, count(*) AS n FROM users WHERE score > ? GROUP BY age");

const prepare = "point select by key, prepared, x100";
Deno.bench("groundwork", { group: prepare, baseline: true }, async () => {
  for (let id = 1; id <= CALLS; id++) await point.first({ id });
});
Deno.bench("node:sqlite", { group: prepare }, async () => {
  for (let id = 1; id <= CALLS; id++) await rawPoint.get(id);
});
Deno.bench("drizzle-orm", { group: prepare }, async () => {
  for (let id = 1; id <= CALLS; id++) await dPoint.get({ id });
});

const built = "point select by key, built each time, x100";
Deno.bench("groundwork", { group: built, baseline: true }, async () => {
  for (let id = 1; id <= CALLS; id++) await db.select().from(users).where(eq(users.id, id)).find();
});
Deno.bench("drizzle-orm", { group: built }, async () => {
  for (let id = 1; id <= CALLS; id++) await dDb.select().from(dUsers).where(dEq(dUsers.id, id));
});
Deno.bench("kysely", { group: built }, async () => {
  for (let id = 1; id <= CALLS; id++) {
    await kDb.selectFrom("users").selectAll().where("id", "=", id).execute();
  }
});

const many = "10,000 rows of 4 columns as objects";
const all = db.select().from(users);
Deno.bench("groundwork", { group: many, baseline: true }, async () => {
  await all.find();
});
Deno.bench("node:sqlite", { group: many }, () => {
  rawAll.all();
});
Deno.bench("drizzle-orm", { group: many }, async () => {
  await dDb.select().from(dUsers);
});
Deno.bench("kysely", { group: many }, async () => {
  await kDb.selectFrom("users").selectAll().execute();
});

const grouped = "aggregate of 10,000 rows in 90 groups";
Deno.bench("groundwork", { group: grouped, baseline: true }, async () => {
  await db.select({ age: users.age, n: count() }).from(users).where(gt(users.score, 1))
    .groupBy(users.age).find();
});
Deno.bench("node:sqlite", { group: grouped }, () => {
  rawGroup.all(1);
});
Deno.bench("drizzle-orm", { group: grouped }, async () => {
  await dDb.select({ age: dUsers.age, n: dSql<number>`count(*)` }).from(dUsers)
    .where(dGt(dUsers.score, 1)).groupBy(dUsers.age);
});

const insert = "insert of 100 rows in one statement";
const some = rows.slice(0, 100);
Deno.bench("groundwork", { group: insert, baseline: true }, async () => {
  await db.insert(users).values(some).run();
  await db.delete(users).where(gt(users.id, ROWS)).run();
});
Deno.bench("drizzle-orm", { group: insert }, async () => {
  await dDb.insert(dUsers).values(some);
  await dDb.delete(dUsers).where(dGt(dUsers.id, ROWS));
});
Deno.bench("kysely", { group: insert }, async () => {
  await kDb.insertInto("users").values(some as never).execute();
  await kDb.deleteFrom("users").where("id", ">", ROWS).execute();
});
