import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  asc,
  bigint,
  DatabaseError,
  eq,
  integer,
  now,
  numeric,
  open,
  sql,
  table,
  text,
  timestamp,
} from "./mod.ts";
import { cluster, postgresTest } from "./postgres/_test_cluster.ts";

const accounts = table("accounts", {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
  balance: numeric().notNull().default("0"),
});

/** A relay that ends both connections when the client sends a text. */
function relay(port: number, fatal: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const serve = async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      open.add(client).add(server);
      const end = () => {
        for (const one of [client, server]) {
          if (open.delete(one)) one.close();
        }
      };
      const pump = async (from: Deno.Conn, to: Deno.Conn, watch: boolean) => {
        const buffer = new Uint8Array(65_536);
        try {
          for (;;) {
            const count = await from.read(buffer);
            if (count === null) break;
            const bytes = buffer.subarray(0, count);
            if (watch && new TextDecoder().decode(bytes).includes(fatal)) break;
            for (let at = 0; at < count;) at += await to.write(bytes.subarray(at));
          }
        } catch {
          // The other direction has ended both.
        }
        end();
      };
      running.push(pump(client, server, true), pump(server, client, false));
    }
  };
  const running: Promise<void>[] = [];
  const serving = serve().catch(() => {});
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      await Promise.all(running);
    },
  };
}

postgresTest(
  "A connection lost within a transaction is told from one lost while it commits",
  async () => {
    const url = await cluster.createDatabase();
    await using direct = open(url);
    await direct.createTable(accounts);
    for (
      const [fatal, code] of [["pg_sleep", "connection"], ["COMMIT", "unknown_outcome"]] as const
    ) {
      const through = new URL(url);
      await using lossy = relay(Number(through.port), fatal);
      through.port = String(lossy.port);
      await using db = open(through.href);
      const error = await assertRejects(() =>
        db.transaction(async (tx) => {
          await tx.insert(accounts).values({ name: "lost" }).run();
          await tx.run(sql`SELECT pg_sleep(0)`);
        }), DatabaseError);
      assertEquals(error.code, code);
      // A statement of its own that changes rows may have happened, too.
      const insert = (name: string) => db.insert(accounts).values({ name }).run();
      await insert(`before ${code}`);
      const alone = await assertRejects(() => insert(fatal), DatabaseError);
      assertEquals(alone.code, "unknown_outcome");
    }
    const names = await direct.select({ name: accounts.name }).from(accounts).orderBy(accounts.id)
      .find();
    assertEquals(names, [{ name: "before connection" }, { name: "before unknown_outcome" }]);
  },
);

postgresTest("Transactions that fail to serialize run again", async () => {
  await using db = open(await cluster.createDatabase());
  await db.createTable(accounts);
  await db.insert(accounts).values([{ name: "a", balance: "10" }, { name: "b", balance: "10" }])
    .run();
  let runs = 0;
  let arrived = 0;
  const both = Promise.withResolvers<void>();
  const withdraw = (name: string) =>
    db.transaction(async (tx) => {
      runs++;
      const [row] = await tx.query<{ sum: number }>(
        sql`SELECT sum(balance)::integer AS sum FROM accounts`,
      );
      // Both are here before either goes on, at their first attempt.
      if (++arrived === 2) both.resolve();
      await both.promise;
      if (row!.sum < 20) return false;
      await tx.update(accounts).set({ balance: sql`balance - 10` })
        .where(eq(accounts.name, name)).run();
      return true;
    }, { isolation: "serializable", retries: 10 });
  const done = await Promise.all([withdraw("a"), withdraw("b")]);
  assertEquals(done.filter(Boolean).length, 1);
  assert(runs >= 3, `${runs} runs`);
  const twice = () =>
    db.transaction(async (tx) => {
      await tx.select().from(accounts).find();
      throw new DatabaseError("serialization", "again");
    }, { retries: 2 });
  assertEquals((await assertRejects(twice, DatabaseError)).code, "serialization");
});

postgresTest("Isolation levels, read-only transactions, and locks on rows", async () => {
  await using db = open(await cluster.createDatabase());
  await db.createTable(accounts);
  await db.insert(accounts).values([{ name: "a" }, { name: "b" }]).run();
  for (const isolation of ["read committed", "repeatable read", "serializable"] as const) {
    const level = await db.transaction(
      (tx) => tx.query(sql`SHOW transaction_isolation`),
      { isolation, readOnly: true },
    );
    assertEquals(level, [{ transaction_isolation: isolation }]);
  }
  const refused = await assertRejects(
    () => db.transaction((tx) => tx.delete(accounts).all().run(), { readOnly: true }),
    DatabaseError,
  );
  assertEquals(refused.sqlState, "25006");
  await db.transaction(async (tx) => {
    await tx.select().from(accounts).where(eq(accounts.name, "a")).forUpdate().find();
    const others = db.transaction((other) =>
      other.select().from(accounts).orderBy(asc(accounts.id)).forUpdate({ skipLocked: true }).find()
    );
    // The other transaction is another's: it may not be started from within this one.
    assertEquals((await assertRejects(() => others, DatabaseError)).code, "bad_query");
  });
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holder = db.transaction(async (tx) => {
    await tx.select().from(accounts).where(eq(accounts.name, "a")).forUpdate().find();
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  const skipping = await db.transaction((tx) =>
    tx.select({ name: accounts.name }).from(accounts).forUpdate({ skipLocked: true }).find()
  );
  assertEquals(skipping, [{ name: "b" }]);
  const busy = await assertRejects(
    () =>
      db.transaction((tx) => tx.select().from(accounts).forNoKeyUpdate({ noWait: true }).find()),
    DatabaseError,
  );
  assertEquals(busy.code, "busy");
  release.resolve();
  await holder;
});

postgresTest("Values at the edges come back as they were", async () => {
  await using db = open(await cluster.createDatabase());
  const edges = table("edges", {
    id: bigint().primaryKey(),
    exact: numeric(),
    at: timestamp(),
    words: text(),
    made: timestamp().notNull().default(now()),
  });
  await db.createTable(edges);
  const rows = [
    {
      id: 2n ** 63n - 1n,
      exact: `0.${"0".repeat(40)}1`,
      at: new Date("9999-12-31T23:59:59.999Z"),
      words: "",
    },
    { id: -(2n ** 63n), exact: "9".repeat(60), at: new Date(-6e13), words: "\u0001é日😀\r\n\\" },
    { id: 0n, exact: "-0.10", at: new Date("0099-01-01T00:00:00.999Z"), words: "'\"" },
  ];
  await db.insert(edges).values(rows).run();
  const all = await db.select().from(edges).orderBy(asc(edges.exact)).find();
  const read = all.map(({ made, ...row }) => {
    assert(Math.abs(made.valueOf() - Date.now()) < 60_000, made.toISOString());
    return row;
  });
  assertEquals(read, [2, 0, 1].map((index) => rows[index]!));
  const far = await assertRejects(
    () => db.insert(edges).values({ id: 1n, at: new Date(8.64e15) }).run(),
    DatabaseError,
  );
  assertEquals(far.code, "bad_value");
});

postgresTest("`Select.explain()` and `Database.ping()` on PostgreSQL", async () => {
  await using db = open(await cluster.createDatabase());
  await db.ping();
  await db.createTable(accounts);
  const plan = await db.select().from(accounts).where(eq(accounts.name, "a")).explain();
  assert(plan[0]!.includes("accounts"), plan.join("\n"));
  assert(plan.slice(1).some((line) => /^ {2}Index Cond|^ {2}Filter|^ {2}Recheck/.test(line)));
  await db.dropTable(accounts);
  await db.dropTable(accounts, { ifExists: true });
  assertEquals(
    (await assertRejects(() => db.dropTable(accounts), DatabaseError)).code,
    "missing_table",
  );
});

postgresTest(
  "Rows with more parameters than a statement may have are inserted all or none",
  async () => {
    await using db = open(await cluster.createDatabase());
    await db.createTable(accounts);
    const rows = Array.from(
      { length: 33_000 },
      (_, index) => ({ name: `n${index}`, balance: "1" }),
    );
    const twice = [...rows, { name: "n0", balance: "1" }];
    assertEquals(
      (await assertRejects(() => db.insert(accounts).values(twice).run(), DatabaseError)).code,
      "unique",
    );
    assertEquals(await db.select().from(accounts).count(), 0);
    assertEquals(db.insert(accounts).values(rows).compile().length, 2);
    assertEquals(await db.insert(accounts).values(rows).run(), 33_000);
    let seen = 0;
    for await (const row of db.select().from(accounts).orderBy(asc(accounts.id)).stream()) {
      if (++seen === 1_000) {
        assertEquals(row.name, "n999");
        break;
      }
    }
    await db.ping();
  },
);

postgresTest("`open()` takes no more connections than it is allowed", async () => {
  await using db = open(await cluster.createDatabase(), { connections: 2 });
  const pids = await Promise.all(
    Array.from({ length: 12 }, () => db.query(sql`SELECT pg_backend_pid() AS pid, pg_sleep(0.01)`)),
  );
  assert(new Set(pids.map(([row]) => row!.pid)).size <= 2);
});
