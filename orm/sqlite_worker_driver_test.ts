import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  count,
  DatabaseError,
  eq,
  integer,
  memory,
  sql,
  sqlite,
  SqliteWorkerDriver,
  table,
  text,
} from "./mod.ts";

const items = table("items", { id: integer().primaryKey(), name: text().notNull().unique() });

Deno.test("`sqlite()` with workers does not block the event loop while a query runs", async () => {
  await using db = memory({ workers: 1 });
  await db.ping();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const rows = await db.query(sql`WITH RECURSIVE c (i) AS
    (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000000) SELECT count(*) AS n FROM c`);
  clearInterval(timer);
  assertEquals(rows, [{ n: 1_000_000 }]);
  assert(ticks > 3, `${ticks} ticks`);
});

Deno.test("`SqliteWorkerDriver` keeps the order of writes, and reads while a transaction is open", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using db = sqlite(`${folder}/a.db`, { workers: 3 });
    await db.createTable(items);
    const writes = Array.from(
      { length: 50 },
      (_, index) => db.insert(items).values({ name: `${index}` }).run(),
    );
    await Promise.all(writes);
    const rows = await db.select().from(items).orderBy(items.id).find();
    assertEquals(rows.map(({ name }) => name), writes.map((_, index) => `${index}`));
    await assertRejects(
      () =>
        db.transaction(async (tx) => {
          await tx.insert(items).values({ name: "inner" }).run();
          assertEquals(await tx.select().from(items).count(), 51);
          let seen = 0;
          for await (const _ of tx.select().from(items).stream({ batchRows: 8 })) seen++;
          assertEquals(seen, 51);
          throw new Error("no");
        }),
      Error,
      "no",
    );
    const opened = Promise.withResolvers<void>();
    const checked = Promise.withResolvers<void>();
    const open = db.transaction(async (tx) => {
      await tx.insert(items).values({ name: "later" }).run();
      opened.resolve();
      await checked.promise;
    });
    await opened.promise;
    assertEquals(await db.select({ n: count() }).from(items).find(), [{ n: 50 }]);
    checked.resolve();
    await open;
    let streamed = 0;
    for await (const { id } of db.select().from(items).stream({ batchRows: 10 })) {
      streamed++;
      if (id === 20) break;
    }
    assertEquals(streamed, 20);
    const error = await assertRejects(
      () => db.insert(items).values({ name: "later" }).run(),
      DatabaseError,
    );
    assertEquals([error.code, error.table, error.column], ["unique", "items", "name"]);
    assertEquals(await db.delete(items).where(eq(items.name, "later")).run(), 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("`SqliteWorkerDriver` reports what cannot be opened, and is closed once", async () => {
  await using bad = sqlite("/nonexistent/x.db", { workers: 2 });
  assertEquals((await assertRejects(() => bad.ping(), DatabaseError)).code, "connection");
  const db = memory({ workers: 1 });
  await db.ping();
  await db.close();
  await db.close();
  assertEquals((await assertRejects(() => db.ping(), DatabaseError)).code, "closed");
  assertThrows(() => new SqliteWorkerDriver("x", { workers: 65 }), DatabaseError);
});

Deno.test("`SqliteWorkerDriver` works in this thread where there are no workers", async () => {
  const { Worker: original } = globalThis;
  globalThis.Worker = class {
    onerror: ((event: ErrorEvent) => void) | null = null;
    constructor() {
      queueMicrotask(() => this.onerror?.(new ErrorEvent("error", { message: "none here" })));
    }
    postMessage(): void {}
    terminate(): void {}
  } as unknown as typeof Worker;
  try {
    await using db = memory({ workers: 1 });
    await db.createTable(items);
    assertEquals(await db.insert(items).values({ name: "a" }).run(), 1);
    assertEquals(await db.transaction((tx) => tx.select().from(items).count()), 1);
    for await (const row of db.select().from(items).stream()) assertEquals(row.id, 1);
  } finally {
    globalThis.Worker = original;
  }
});
