import { assertEquals, assertRejects } from "@std/assert";
import {
  DatabaseError,
  eq,
  integer,
  type LogEntry,
  memory,
  sql,
  sqlite,
  table,
  text,
  timestamp,
} from "./mod.ts";

const items = table("items", { id: integer().primaryKey(), name: text().notNull() });

Deno.test("`Database.transaction()` commits on return and rolls back on throw", async () => {
  await using db = memory();
  await db.createTable(items);
  const id = await db.transaction(async (tx) => {
    await tx.insert(items).values({ name: "a" }).run();
    return 7;
  });
  assertEquals(id, 7);
  await assertRejects(
    () =>
      db.transaction(async (tx) => {
        await tx.insert(items).values({ name: "b" }).run();
        throw new Error("no");
      }),
    Error,
    "no",
  );
  assertEquals(await db.select().from(items).count(), 1);
});

Deno.test("`Transaction.transaction()` is a savepoint", async () => {
  await using db = memory();
  await db.createTable(items);
  await db.transaction(async (tx) => {
    await tx.insert(items).values({ name: "outer" }).run();
    await assertRejects(() =>
      tx.transaction(async (inner) => {
        await inner.insert(items).values({ name: "inner" }).run();
        throw new Error("no");
      })
    );
    await tx.transaction(async (inner) => {
      await inner.insert(items).values({ name: "kept" }).run();
      const refused = await assertRejects(() => tx.select().from(items).find(), DatabaseError);
      assertEquals(refused.code, "bad_query");
    });
  });
  const names = (await db.select().from(items).find()).map((item) => item.name);
  assertEquals(names, ["outer", "kept"]);
});

Deno.test("`Transaction.transaction()` keeps parallel savepoints apart", async () => {
  await using db = memory();
  await db.createTable(items);
  await db.transaction(async (tx) => {
    await Promise.allSettled([0, 1, 2, 3].map((n) =>
      tx.transaction(async (inner) => {
        await inner.insert(items).values({ name: `${n}` }).run();
        await Promise.resolve();
        if (n % 2 === 1) throw new Error("odd");
      })
    ));
  });
  assertEquals((await db.select().from(items).find()).map((item) => item.name), ["0", "2"]);
});

Deno.test("A query on the outer handle inside a transaction is refused", async () => {
  await using db = memory();
  await db.createTable(items);
  await db.transaction(async () => {
    for (
      const run of [
        () => db.select().from(items).find(),
        () => db.transaction(() => Promise.resolve()),
        () => db.close(),
      ]
    ) {
      const error = await assertRejects(async () => await run(), DatabaseError);
      assertEquals(error.code, "bad_query");
    }
  });
});

Deno.test("A query beside a transaction waits and does not see it", async () => {
  await using db = memory();
  await db.createTable(items);
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const transaction = db.transaction(async (tx) => {
    await tx.insert(items).values({ name: "a" }).run();
    await promise;
    order.push("end");
    throw new Error("back");
  });
  await Promise.resolve();
  const beside = db.select().from(items).count().then((n) => order.push(`count ${n}`));
  resolve();
  await assertRejects(() => transaction, Error, "back");
  await beside;
  assertEquals(order, ["end", "count 0"]);
});

Deno.test("A transaction's handle is closed after its function", async () => {
  await using db = memory();
  await db.createTable(items);
  const kept = await db.transaction((tx) => Promise.resolve(tx));
  const error = await assertRejects(() => kept.select().from(items).find(), DatabaseError);
  assertEquals(error.code, "closed");
});

Deno.test("`Database.transaction()` runs again after a busy database", async () => {
  await using db = memory();
  let runs = 0;
  const result = await db.transaction(() => {
    if (++runs < 3) throw new DatabaseError("busy", "locked");
    return Promise.resolve(runs);
  }, { retries: 5 });
  assertEquals(result, 3);
});

Deno.test("Two processes' writers exclude each other", async () => {
  const path = await Deno.makeTempFile();
  try {
    await using one = sqlite(path, { busyTimeoutMs: 0 });
    await using two = sqlite(path, { busyTimeoutMs: 0 });
    await one.createTable(items);
    assertEquals(await two.hasTable(items), true);
    await one.transaction(async (tx) => {
      await tx.insert(items).values({ name: "a" }).run();
      const error = await assertRejects(
        () => two.insert(items).values({ name: "b" }).run(),
        DatabaseError,
      );
      assertEquals(error.code, "busy");
      assertEquals(await two.select().from(items).count(), 0);
    });
    assertEquals(await two.select().from(items).count(), 1);
  } finally {
    for (const end of ["", "-wal", "-shm"]) await Deno.remove(path + end).catch(() => {});
  }
});

Deno.test("Hooks see and change what is written", async () => {
  await using db = memory();
  await db.createTable(items);
  const seen: string[] = [];
  const remove = db.hook("before", "insert", items, ({ values }) => {
    for (const row of values) row.name = String(row.name).toUpperCase();
  });
  db.hook("after", "insert", items, ({ changes }) => void seen.push(`inserted ${changes}`));
  db.hook("before", "delete", items, () => {
    throw new Error("kept");
  });
  db.hook("after", "select", items, ({ rows }) => void seen.push(`read ${rows.length}`));
  await db.insert(items).values([{ name: "a" }, { name: "b" }]).run();
  remove();
  await db.transaction((tx) => tx.insert(items).values({ name: "c" }).run());
  await assertRejects(() => db.delete(items).all().run(), Error, "kept");
  assertEquals((await db.select().from(items).find()).map((item) => item.name), ["A", "B", "c"]);
  assertEquals(seen, ["inserted 2", "inserted 1", "read 3"]);
});

Deno.test("The log gets statements, parameters and failures", async () => {
  const entries: LogEntry[] = [];
  await using db = memory({ log: (entry) => entries.push(entry), slowMs: 0 });
  await db.query(sql`SELECT ${1} AS one`);
  await assertRejects(() => db.query(sql`SELECT absent`));
  assertEquals(entries.map(({ text, parameters, slow }) => ({ text, parameters, slow })), [
    { text: "SELECT ? AS one", parameters: [1n], slow: true },
    { text: "SELECT absent", parameters: [], slow: true },
  ]);
  assertEquals((entries[1]?.error as DatabaseError).code, "missing_column");
});

Deno.test("A soft delete marks, and everything else leaves marked rows out", async () => {
  const notes = table("notes", {
    id: integer().primaryKey(),
    body: text().notNull(),
    deletedAt: timestamp(),
    version: integer().notNull().default(1),
  }, (t) => ({ softDelete: t.deletedAt, version: t.version }));
  await using db = memory();
  await db.createTable(notes);
  await db.insert(notes).values([{ body: "a" }, { body: "b" }]).run();
  assertEquals(await db.delete(notes).where(eq(notes.id, 1)).run(), 1);
  assertEquals(await db.delete(notes).where(eq(notes.id, 1)).run(), 0);
  assertEquals((await db.select().from(notes).find()).map((note) => note.id), [2]);
  assertEquals(await db.select().from(notes).withDeleted().count(), 2);
  assertEquals(
    await db.update(notes).set({ body: "c" }).where(eq(notes.id, 2)).ifVersion(1).run(),
    1,
  );
  const error = await assertRejects(
    () => db.update(notes).set({ body: "d" }).where(eq(notes.id, 2)).ifVersion(1).run(),
    DatabaseError,
  );
  assertEquals(error.code, "stale");
  assertEquals((await db.select().from(notes).first())?.version, 2);
  assertEquals(await db.delete(notes).all().hard().run(), 2);
});

Deno.test("`createTable()` writes keys, checks, indexes and generated columns", async () => {
  const parts = table("parts", {
    a: integer().notNull(),
    b: integer().notNull(),
    total: integer().generatedAs(sql`a + b`, { stored: true }),
    note: text().named("the_note").default("it's"),
  }, (t) => ({
    primaryKey: [t.a, t.b],
    checks: { positive: sql`${t.a} > ${0}` },
    indexes: [{ columns: [t.note], unique: true, where: sql`${t.note} <> ${"it's"}` }],
  }));
  await using db = memory();
  await db.createTable(parts);
  assertEquals(await db.insert(parts).values({ a: 1, b: 2 }).returning().first(), {
    a: 1,
    b: 2,
    total: 3,
    note: "it's",
  });
  const code = (row: { a: number; b: number; note?: string }) =>
    db.insert(parts).values(row).run().then(() => "none", (error: DatabaseError) => error.code);
  assertEquals(await code({ a: 1, b: 2 }), "unique");
  assertEquals(await code({ a: 0, b: 2 }), "check");
  assertEquals(await code({ a: 1, b: 3, note: "x" }), "none");
  assertEquals(await code({ a: 1, b: 4, note: "x" }), "unique");
  await db.dropTable(parts);
  assertEquals(await db.hasTable(parts), false);
});
