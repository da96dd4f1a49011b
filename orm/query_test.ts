import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  alias,
  and,
  asc,
  avg,
  bigint,
  blob,
  boolean,
  count,
  type Database,
  DatabaseError,
  desc,
  enumeration,
  eq,
  escapeLike,
  excluded,
  exists,
  gt,
  identifier,
  inArray,
  type InferInsert,
  type InferSelect,
  integer,
  isNull,
  json,
  jsonText,
  like,
  max,
  memory,
  notInArray,
  now,
  numeric,
  or,
  over,
  placeholder,
  real,
  rowNumber,
  sql,
  sum,
  table,
  text,
  timestamp,
} from "./mod.ts";

const users = table("users", {
  id: integer().primaryKey(),
  name: text().notNull(),
  email: text().unique(),
  age: integer(),
});
const posts = table("posts", {
  id: integer().primaryKey(),
  authorId: integer().notNull().references(() => users.id, { onDelete: "cascade" }),
  title: text().notNull(),
  score: real().notNull().default(0),
});

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;
function assertType<_T extends true>(): void {}

async function filled(): Promise<Database> {
  const db = memory();
  await db.createTable(users);
  await db.createTable(posts);
  await db.insert(users).values([
    { name: "Ada", email: "ada@example.org", age: 36 },
    { name: "Bob", age: 25 },
    { name: "Cy", age: 25 },
  ]).run();
  await db.insert(posts).values([
    { authorId: 1, title: "One", score: 1.5 },
    { authorId: 1, title: "Two" },
    { authorId: 2, title: "Three", score: 4 },
  ]).run();
  return db;
}

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof DatabaseError) return error.code;
    throw error;
  }
  return "none";
}

Deno.test("The types of select, insert and update follow from the table", () => {
  assertType<
    Equal<
      InferSelect<typeof users>,
      { id: number; name: string; email: string | null; age: number | null }
    >
  >();
  const least: InferInsert<typeof posts> = { authorId: 1, title: "" };
  assertEquals(least, { authorId: 1, title: "" });
  // @ts-expect-error a title is required
  const wrong: InferInsert<typeof posts> = { authorId: 1 };
  assertEquals(Object.keys(wrong), ["authorId"]);
});

Deno.test("`Select` filters, sorts and limits", async () => {
  await using db = await filled();
  const young = db.select().from(users).where(eq(users.age, 25));
  assertEquals(await young.orderBy(desc(users.name)).limit(1).find(), [
    { id: 3, name: "Cy", email: null, age: 25 },
  ]);
  assertEquals(await young.count(), 2);
  assertEquals((await young.first())?.name, "Bob");
  assertEquals(await db.select().from(users).where(eq(users.name, "nobody")).first(), undefined);
  assertEquals((await db.select().from(users).offset(2).find()).map((user) => user.id), [3]);
});

Deno.test("`Select` is immutable", async () => {
  await using db = await filled();
  const all = db.select().from(users);
  all.where(eq(users.id, 1)).limit(1);
  assertEquals((await all.find()).length, 3);
});

Deno.test("`Select.leftJoin()` gives null for a missing row", async () => {
  await using db = await filled();
  const query = db.select().from(users).leftJoin(posts, eq(posts.authorId, users.id))
    .where(eq(users.id, 3));
  const rows = await query.find();
  assertType<Equal<(typeof rows)[number]["posts"], InferSelect<typeof posts> | null>>();
  assertEquals(rows, [{ users: { id: 3, name: "Cy", email: null, age: 25 }, posts: null }]);
  const fields = await db.select({ name: users.name, title: posts.title }).from(users)
    .leftJoin(posts, eq(posts.authorId, users.id)).orderBy(asc(users.id), asc(posts.id)).find();
  assertType<
    Equal<(typeof fields)[number], { readonly name: string; readonly title: string | null }>
  >();
  assertEquals(fields.map((row) => row.title), ["One", "Two", "Three", null]);
});

Deno.test("`alias()` joins a table with itself", async () => {
  await using db = await filled();
  const other = alias(users, "other");
  const rows = await db.select({ one: users.name, two: other.name }).from(users)
    .innerJoin(other, and(eq(users.age, other.age), sql`${users.id} < ${other.id}`)).find();
  assertEquals(rows, [{ one: "Bob", two: "Cy" }]);
  assertThrows(
    () => db.select().from(users).innerJoin(users, eq(users.id, users.id)),
    DatabaseError,
  );
});

Deno.test("Aggregates and groups", async () => {
  await using db = await filled();
  const rows = await db.select({ age: users.age, n: count(), last: max(users.name) }).from(users)
    .groupBy(users.age).having(gt(count(), 1)).find();
  assertEquals(rows, [{ age: 25, n: 2, last: "Cy" }]);
  const [total] = await db.select({ sum: sum(posts.score), avg: avg(users.age) }).from(posts)
    .innerJoin(users, eq(users.id, posts.authorId)).find();
  assertEquals(total?.sum, 5.5);
});

Deno.test("Window functions number the rows of a group", async () => {
  await using db = await filled();
  const number = over(rowNumber(), {
    partitionBy: [posts.authorId],
    orderBy: [desc(posts.score)],
  });
  const ranked = db.select({ title: posts.title, place: number }).from(posts).as("ranked");
  const best = await db.select({ title: ranked.title }).from(ranked).where(eq(ranked.place, 1))
    .orderBy(asc(ranked.title)).find();
  assertEquals(best, [{ title: "One" }, { title: "Three" }]);
});

Deno.test("Subqueries, common table expressions and compounds", async () => {
  await using db = await filled();
  const authors = db.select({ id: posts.authorId }).from(posts);
  assertEquals(
    (await db.select().from(users).where(inArray(users.id, authors)).find()).map((u) => u.name),
    ["Ada", "Bob"],
  );
  const has = db.select({ id: posts.id }).from(posts).where(eq(posts.authorId, users.id));
  assertEquals(await db.select().from(users).where(exists(has)).count(), 2);
  const young = db.select({ id: users.id, name: users.name }).from(users).where(eq(users.age, 25))
    .as("young");
  const found = await db.with(young).select({ name: young.name }).from(young)
    .orderBy(asc(young.name)).find();
  assertEquals(found, [{ name: "Bob" }, { name: "Cy" }]);
  const names = db.select({ name: users.name }).from(users).where(eq(users.id, 1));
  const titles = db.select({ name: posts.title }).from(posts);
  assertEquals(
    (await names.unionAll(titles).orderBy(desc(users.name)).find()).map((row) => row.name),
    ["Two", "Three", "One", "Ada"],
  );
  assertEquals(await codeOf(() => names.limit(1).union(titles)), "bad_query");
});

Deno.test("`Select.prepare()` takes placeholders by name", async () => {
  await using db = await filled();
  const query = db.select().from(users).where(eq(users.id, placeholder("id"))).prepare();
  assertEquals((await query.first({ id: 2 }))?.name, "Bob");
  assertEquals((await query.first({ id: 3 }))?.name, "Cy");
  assertEquals(await codeOf(() => query.first()), "bad_query");
  assertEquals(await codeOf(() => query.first({ id: "2" })), "bad_value");
});

Deno.test("`Insert` keeps the declared kinds without loss", async () => {
  await using db = memory();
  const kinds = table("kinds", {
    id: integer().primaryKey(),
    big: bigint(),
    real: real(),
    exact: numeric(),
    flag: boolean(),
    at: timestamp(),
    bytes: blob(),
    data: json<{ a: (number | null)[] }>(),
    color: enumeration("red", "green"),
  });
  await db.createTable(kinds);
  const row = {
    id: 1,
    big: 2n ** 63n - 1n,
    real: 3,
    exact: "12345678901234567890.10",
    flag: true,
    at: new Date("2025-01-15T00:00:00.123Z"),
    bytes: new Uint8Array([0, 255]),
    data: { a: [1, null] },
    color: "green" as const,
  };
  assertEquals(await db.insert(kinds).values(row).returning().first(), row);
  assertEquals(await db.select().from(kinds).first(), row);
  const nothing = await db.insert(kinds).values({}).returning().first();
  assertEquals(nothing?.id, 2);
  assertEquals(nothing?.data, null);
  assertEquals(
    await db.select({ a: jsonText(kinds.data, "a", 0).reads<number>("integer") })
      .from(kinds).where(eq(kinds.id, 1)).first(),
    { a: 1 },
  );
  assertEquals(await codeOf(() => db.run(sql`INSERT INTO kinds (color) VALUES ('blue')`)), "check");
  // deno-lint-ignore no-explicit-any
  const insert = (bad: any) => codeOf(() => db.insert(kinds).values(bad).run());
  assertEquals(await insert({ id: 1.5 }), "bad_value");
  assertEquals(await insert({ id: {} }), "bad_value");
  assertEquals(await insert({ big: 2n ** 63n }), "bad_value");
  assertEquals(await insert({ color: "a\0b" }), "bad_value");
  assertEquals(await insert({ at: new Date(NaN) }), "bad_value");
  assertEquals(await insert({ nope: 1 }), "missing_column");
});

Deno.test("`Insert` chunks many rows, all or none", async () => {
  await using db = memory();
  await db.createTable(users);
  const rows = Array.from({ length: 20_000 }, (_, index) => ({ name: `n${index}`, age: index }));
  assertEquals(db.insert(users).values(rows).compile().length, 2);
  assertEquals(await db.insert(users).values(rows).run(), 20_000);
  const bad = [...rows, { id: 1, name: "twice", age: 0 }];
  assertEquals(await codeOf(() => db.insert(users).values(bad).run()), "unique");
  assertEquals(await db.select().from(users).count(), 20_000);
});

Deno.test("`Insert.onConflict()` updates or leaves", async () => {
  await using db = await filled();
  const insert = db.insert(users).values({ name: "Ada L.", email: "ada@example.org" });
  assertEquals(await insert.onConflict().run(), 0);
  const [updated] = await insert.onConflict({
    columns: [users.email],
    set: { name: excluded(users.name) },
  }).returning({ id: users.id, name: users.name }).find();
  assertEquals(updated, { id: 1, name: "Ada L." });
  const copied = await db.insert(users).select(
    db.select({ name: posts.title, age: posts.authorId }).from(posts),
  ).onConflict().run();
  assertEquals(copied, 3);
});

Deno.test("`Update` takes an object or pairs, and needs a where", async () => {
  await using db = await filled();
  assertEquals(await db.update(users).set({ age: 26 }).where(eq(users.age, 25)).run(), 2);
  assertEquals(await db.update(users).set("age", 1, "name", "X").where(eq(users.id, 1)).run(), 1);
  assertEquals(
    await db.update(users).set({ age: sql`${users.age} + 1` }).where(eq(users.id, 1)).returning()
      .find(),
    [{ id: 1, name: "X", email: "ada@example.org", age: 2 }],
  );
  assertEquals(await codeOf(() => db.update(users).set({ age: 1 }).run()), "bad_query");
  assertEquals(await db.update(users).set({ age: null }).all().run(), 3);
  assertEquals(await db.select().from(users).where(isNull(users.age)).count(), 3);
});

Deno.test("`Delete` needs a where, and cascades", async () => {
  await using db = await filled();
  assertEquals(await codeOf(() => db.delete(users).run()), "bad_query");
  assertEquals(await db.delete(users).where(eq(users.id, 1)).run(), 1);
  assertEquals(await db.select().from(posts).count(), 1);
  assertEquals(await db.delete(posts).all().run(), 1);
});

Deno.test("Errors name the table and the column", async () => {
  await using db = await filled();
  const twice = await assertRejects(
    () => db.insert(users).values({ name: "x", email: "ada@example.org" }).run(),
    DatabaseError,
  );
  assertEquals([twice.code, twice.table, twice.column, twice.sqlState], [
    "unique",
    "users",
    "email",
    "2067",
  ]);
  const code = (text: string) => codeOf(() => db.script(text));
  assertEquals(await code("SELECT * FROM nowhere"), "missing_table");
  assertEquals(await code("SELECT absent FROM users"), "missing_column");
  assertEquals(await code("SELEC"), "syntax");
  assertEquals(await codeOf(() => db.run(sql`SELECT 1; SELECT 2`)), "bad_query");
  assertEquals(
    await codeOf(() => db.insert(posts).values({ authorId: 9, title: "" }).run()),
    "foreign_key",
  );
  assertEquals(await codeOf(() => db.query(sql`SELECT 1 AS a, 2 AS a`)), "bad_query");
  await db.close();
  assertEquals(await codeOf(() => db.ping()), "closed");
});

Deno.test("A field called __proto__ is a field", async () => {
  await using db = memory();
  const [row] = await db.query(sql`SELECT 1 AS ${identifier("__proto__")}, 2 AS b`);
  assertEquals(Object.keys(row!), ["__proto__", "b"]);
});

Deno.test("`escapeLike()` takes the meaning from patterns", async () => {
  await using db = await filled();
  await db.insert(users).values({ name: "100%" }).run();
  const find = (pattern: string) =>
    db.select().from(users).where(like(users.name, pattern)).count();
  assertEquals([await find("%"), await find(`%${escapeLike("%")}`), await find("_d_")], [4, 1, 1]);
});

Deno.test("Empty lists and left-out conditions", async () => {
  await using db = await filled();
  const number = (condition: ReturnType<typeof and>) =>
    db.select().from(users).where(condition).count();
  assertEquals(await number(inArray(users.id, [])), 0);
  assertEquals(await number(notInArray(users.id, [])), 3);
  assertEquals(await number(and(undefined, undefined)), 3);
  assertEquals(await number(or(undefined)), 0);
  assertEquals(await number(or(eq(users.id, 1), and(eq(users.id, 2), undefined))), 2);
});

Deno.test("`Select.stream()` reads in batches while others write", async () => {
  await using db = memory();
  await db.createTable(users);
  await db.insert(users).values(Array.from({ length: 1_000 }, () => ({ name: "n" }))).run();
  let seen = 0;
  for await (const user of db.select().from(users).stream({ batchRows: 10 })) {
    seen += user.id;
    if (user.id % 100 === 0) {
      await db.update(users).set({ age: 1 }).where(eq(users.id, user.id)).run();
    }
  }
  assertEquals(seen, 500_500);
  for await (const _ of db.select().from(users).stream()) break;
  assertEquals(await db.select().from(users).where(eq(users.age, 1)).count(), 10);
});

Deno.test("`Select.explain()` draws the plan", async () => {
  await using db = await filled();
  const plan = await db.select().from(users).where(eq(users.id, 1)).explain();
  assertEquals(plan, ["SEARCH users USING INTEGER PRIMARY KEY (rowid=?)"]);
});

Deno.test("Integers past 2^53 are refused rather than rounded", async () => {
  await using db = await filled();
  await db.run(sql`UPDATE users SET age = 9007199254740993 WHERE id = 1`);
  assertEquals(await codeOf(() => db.select().from(users).find()), "bad_value");
  assertEquals(await db.query(sql`SELECT age FROM users WHERE id = 1`), [{
    age: 9007199254740993n,
  }]);
});

Deno.test("Soft delete removes rows before an outer join, not after it", async () => {
  await using db = memory();
  const owners = table("owners", {
    id: integer().primaryKey(),
    goneAt: timestamp(),
  }, (t) => ({ softDelete: t.goneAt }));
  const pets = table("pets", {
    id: integer().primaryKey(),
    ownerId: integer(),
    goneAt: timestamp(),
  }, (t) => ({ softDelete: t.goneAt }));
  await db.createTables(owners, pets);
  await db.insert(owners).values([{ id: 1 }, { id: 2 }, { id: 3 }]).run();
  await db.insert(pets).values([{ ownerId: 1 }, { ownerId: 2 }, { ownerId: 3 }]).run();
  await db.delete(owners).where(eq(owners.id, 2)).run();
  await db.delete(pets).where(eq(pets.id, 3)).run();
  const on = eq(owners.id, pets.ownerId);
  const from = db.select({ owner: owners.id, pet: pets.id }).from(owners);
  const order = [asc(owners.id), asc(pets.id)] as const;
  assertEquals(await from.leftJoin(pets, on).orderBy(...order).find(), [
    { owner: 1, pet: 1 },
    { owner: 3, pet: null },
  ]);
  assertEquals(await from.rightJoin(pets, on).orderBy(...order).find(), [
    { owner: 1, pet: 1 },
    { owner: null, pet: 2 },
  ]);
  assertEquals(await from.fullJoin(pets, on).orderBy(...order).find(), [
    { owner: 1, pet: 1 },
    { owner: 3, pet: null },
    { owner: null, pet: 2 },
  ]);
  assertEquals(await from.fullJoin(pets, on).withDeleted().count(), 3);
});

Deno.test("`now()` is the present moment, and what SQLite writes by itself is read as UTC", async () => {
  await using db = memory();
  const events = table("events", {
    id: integer().primaryKey(),
    at: timestamp().notNull().default(now()),
    then: timestamp().default(sql`CURRENT_TIMESTAMP`),
  });
  await db.createTable(events);
  const event = await db.insert(events).values({}).returning().first();
  for (const at of [event!.at, event!.then!]) {
    assertEquals(Math.abs(at.valueOf() - Date.now()) < 60_000, true, at.toISOString());
  }
});
