import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  alias,
  and,
  asc,
  between,
  cast,
  coalesce,
  count,
  type Database,
  DatabaseError,
  diffSchemas,
  enumeration,
  eq,
  excluded,
  generateMigration,
  identifier,
  ilike,
  inArray,
  integer,
  introspect,
  json,
  jsonContains,
  jsonGet,
  jsonHas,
  jsonLength,
  jsonNumber,
  jsonText,
  like,
  many,
  memory,
  migrateUp,
  migrationText,
  modelSource,
  ne,
  numeric,
  one,
  open,
  orderOf,
  over,
  placeholder,
  recursive,
  rowNumber,
  Schema,
  Shell,
  sql,
  table,
  text,
  value,
} from "./mod.ts";
import { cluster, postgresTest } from "./postgres/_test_cluster.ts";

const users = table("users", { id: integer().primaryKey(), name: text().notNull() });

const ATTACKS = [
  "'; DROP TABLE users;--",
  '"; DROP TABLE users;--',
  "`; DROP TABLE users;--",
  "]; DROP TABLE users;--",
  "x' OR '1'='1",
  "\\'; DELETE FROM users;--",
  '\\"; DELETE FROM users;--',
  "1); DROP TABLE users;--",
  "*/ DROP TABLE users; /*",
  "$$; DROP TABLE users; $$",
  "$1",
  "?",
  ":name",
  "a\nb; DROP TABLE users",
  "%' OR name LIKE '%",
  '{"; DROP TABLE users;--,}',
  "users; DROP TABLE users",
  "é\u202e\u2028' --",
  "\u00bf\u0027 OR 1=1",
];

/** The code of the error, `none` where there is none; anything but a DatabaseError gets through. */
async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof DatabaseError) return error.code;
    throw error;
  }
  return "none";
}

/** What a caller who is not type-checked may hand over. */
// deno-lint-ignore no-explicit-any
const any = (attack: string): any => attack;

/** Hands each attack to every parameter that takes a text, and looks whether it stayed one. */
async function attackAll(db: Database): Promise<void> {
  await db.createTable(users);
  await db.insert(users).values([{ name: "Ada" }, { name: "Bob" }, { name: "Cy" }]).run();
  for (const attack of ATTACKS) {
    await attackValues(db, attack);
    await attackNames(db, attack);
    await attackWords(db, attack);
    assertEquals(
      (await db.select().from(users).orderBy(asc(users.id)).find()).map(({ name }) => name),
      ["Ada", "Bob", "Cy"],
      attack,
    );
  }
}

async function attackValues(db: Database, attack: string): Promise<void> {
  const all = db.select().from(users);
  const long = Array.from({ length: 20 }, () => attack);
  for (
    const condition of [
      eq(users.name, attack),
      inArray(users.name, [attack]),
      inArray(users.name, long),
      between(users.name, attack, attack),
      eq(coalesce(users.name, attack), attack),
      and(ne(users.name, attack), eq(users.name, attack)),
      sql`${users.name} = ${attack}`,
      eq(users.name, value(attack, "text")),
    ]
  ) assertEquals(await all.where(condition).find(), [], attack);
  // A pattern that has % is allowed to fit; it must only stay a pattern.
  await all.where(like(users.name, attack)).find();
  await all.where(ilike(users.name, attack)).find();
  const prepared = db.select().from(users).where(eq(users.name, placeholder("name"))).prepare();
  assertEquals(await prepared.find({ name: attack }), []);
  assertEquals(await codeOf(() => prepared.find({ [attack]: 1 })), "bad_query");
  const [inserted] = await db.insert(users).values({ name: attack }).returning().find();
  assertEquals(inserted!.name, attack);
  const [updated] = await db.update(users).set({ name: `${attack}!` })
    .where(eq(users.name, attack)).returning().find();
  assertEquals(updated!.name, `${attack}!`);
  assertEquals(await db.delete(users).where(eq(users.name, `${attack}!`)).run(), 1);
  // Where a number, a list or a date belongs.
  for (
    const run of [
      () => all.limit(any(attack)).find(),
      () => all.offset(any(attack)).find(),
      () => all.where(eq(users.id, any(attack))).find(),
      () => all.where(inArray(users.id, Array.from({ length: 20 }, () => any(attack)))).find(),
      () => all.stream({ batchRows: any(attack) }).next(),
    ]
  ) assert(["bad_value", "bad_query"].includes(await codeOf(run)), attack);
}

async function attackNames(db: Database, attack: string): Promise<void> {
  const strange = table(attack, {
    id: integer().primaryKey(),
    [attack]: text().default(attack),
    kind: enumeration(attack, "other"),
    data: json(),
    price: numeric(),
  }, (t) => ({
    indexes: [{ name: `i${attack}`, columns: [t[attack]!] }],
    checks: { [attack]: sql`${t.id} <> ${-1}` },
    uniques: [[t.id, t[attack]!]],
  }));
  const column = strange[attack]!;
  await db.createTable(strange);
  assertEquals(await db.hasTable(strange), true);
  const data = { [attack]: [attack, { deep: 1 }] };
  const row = await db.insert(strange).values({ kind: attack, data, price: "1.5" } as never)
    .returning().first();
  assertEquals(row, { id: 1, [attack]: attack, kind: attack, data, price: "1.5" });
  const upserted = await db.insert(strange).values({ id: 1, [attack]: "new" } as never)
    .onConflict({ columns: [strange.id], set: { [attack]: excluded(column) } as never })
    .returning().first();
  assertEquals(upserted?.[attack], "new");
  await db.update(strange).set(attack as never, attack as never).where(eq(strange.id, 1)).run();
  const named = alias(strange, `a${attack}`);
  const [read] = await db.select({
    [attack]: named[attack]!,
    text: jsonText(named.data, attack, 0),
    value: jsonGet(named.data, attack),
    has: jsonHas(named.data, attack, attack),
    number: jsonNumber(named.data, attack, 1, "deep"),
    length: jsonLength(named.data, attack),
    place: over(rowNumber(), { partitionBy: [named[attack]!], orderBy: [asc(named[attack]!)] }),
  }).from(named).where(jsonContains(named.data, { [attack]: [attack] })).find();
  assertEquals(read, {
    [attack]: attack,
    text: attack,
    value: data[attack],
    has: false,
    number: 1,
    length: 2,
    place: 1,
  });
  const inner = db.select({ [attack]: named[attack]! }).from(named).as(`s${attack}`);
  assertEquals(await db.with(inner).select().from(inner).find(), [{ [attack]: attack }]);
  const steps = recursive(
    `r${attack}`,
    db.select({ [attack]: cast<number>(1, "integer") }).from(named),
    (self) =>
      db.select({ [attack]: sql`${self[attack]!} + 1`.reads("integer") }).from(self)
        .where(sql`${self[attack]!} < 3`),
  );
  assertEquals(await db.with(steps).select({ n: count() }).from(steps).find(), [{ n: 3 }]);
  const locked = await db.transaction((tx) =>
    tx.select({ id: named.id }).from(named).forUpdate({ of: [named] }).find()
  );
  assertEquals(locked, [{ id: 1 }]);
  assertEquals(
    await db.query(sql`SELECT ${identifier(attack)} FROM ${identifier(attack)}`),
    [{ [attack]: attack }],
  );
  const schema = new Schema({ [attack]: strange, users }, {
    [attack]: { [`to ${attack}`]: many("users", { from: "id", to: "id" }) },
    users: { back: one(attack, { from: "id", to: "id" }) },
  });
  const [loaded] = await schema.find(db, attack, { with: { [`to ${attack}`]: true } as never });
  assertEquals((loaded as unknown as Record<string, unknown>)[`to ${attack}`], [{
    id: 1,
    name: "Ada",
  }]);
  // Names that a database has, by way of introspection, migration and shell.
  const present = await introspect(db);
  assert(present.tables.has(attack));
  assert(modelSource(present).includes(JSON.stringify(attack)));
  const output = await new Shell(db).feed(`\\d ${attack}\n`);
  if (!/\s/.test(attack)) assertEquals(output.failed, 0, attack);
  const without = {
    ...present,
    tables: new Map([...present.tables].filter(([name]) => name !== attack)),
  };
  const dropping = db.dialect.name === "sqlite" ? undefined : db;
  const up = migrationText(await diffSchemas(present, without, {}, dropping));
  await migrateUp(db, [{ name: attack, up, down: "" }], { allowLoss: true });
  assertEquals(await db.hasTable(strange), false);
  await db.run(sql`DROP TABLE ${identifier("_migrations")}`);
}

/** Words of the language that a caller chooses are of a few, or refused. */
async function attackWords(db: Database, attack: string): Promise<void> {
  const wrong = [
    () => orderOf(users.id, attack),
    () => over(rowNumber(), { frame: { unit: any(attack), start: "current row" } }),
    () => over(rowNumber(), { frame: { unit: "rows", start: any(attack) } }),
    () => over(rowNumber(), { frame: { unit: "rows", start: { preceding: any(attack) } } }),
    () =>
      over(rowNumber(), {
        frame: { unit: "rows", start: "current row", exclude: any(attack) },
      }),
    () => table("", { id: integer() }),
    () => identifier(`${attack}\0`),
  ];
  for (const run of wrong) assertThrows(run, DatabaseError);
  const codes = await Promise.all([
    codeOf(() => db.transaction(() => Promise.resolve(), { isolation: any(attack) })),
    codeOf(() => db.select({ x: cast(1, any(attack)) }).from(users).find()),
    codeOf(() => db.insert(users).values({ name: "x", [attack]: 1 } as never).run()),
    codeOf(() => db.update(users).set({ [attack]: 1 } as never).all().run()),
    codeOf(() => generateMigration([], [users], attack)),
  ]);
  assertEquals(codes, ["bad_query", "bad_query", "missing_column", "missing_column", "bad_query"]);
}

Deno.test("Injection through every public parameter stays a value or a name on SQLite", async () => {
  await using db = memory();
  await attackAll(db);
});

postgresTest(
  "Injection through every public parameter stays a value or a name on PostgreSQL",
  async () => {
    await using db = open(await cluster.createDatabase());
    await attackAll(db);
  },
);
