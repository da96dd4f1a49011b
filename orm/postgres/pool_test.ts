import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { DatabaseError } from "../errors.ts";
import { cluster, postgresTest } from "./_test_cluster.ts";
import { ConnectionLostError, PostgresError } from "./errors.ts";
import { type PoolOptions, PostgresPool } from "./pool.ts";

const makePool = (options: PoolOptions = {}) => new PostgresPool(cluster.url, options);

postgresTest(
  "a pool opens no more connections than its limit, and serves first come, first served",
  async () => {
    await using pool = makePool({ max: 2, pipelining: 1 });
    // How far two servers' processes get meanwhile is theirs: the order is that within each.
    const orders = new Map<number, number[]>();
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { rows } = await pool.query<{ pid: number }>(
          "SELECT pg_backend_pid() AS pid, pg_sleep(0.005)",
        );
        const { pid } = rows[0]!;
        orders.set(pid, [...orders.get(pid) ?? [], i]);
      }),
    );
    assertEquals(pool.statistics, { open: 2, opening: 0, idle: 2, waiting: 0 });
    assertEquals([...orders.values()].flat().length, 10);
    for (const order of orders.values()) assertEquals(order, order.toSorted((x, y) => x - y));
    // A caller who wants a connection to itself waits its turn between queries.
    const lease = await pool.acquire();
    const second = await pool.acquire();
    const events: string[] = [];
    const waits = [
      pool.query("SELECT 1").then(() => events.push("a")),
      pool.acquire().then((third) => {
        events.push("lease");
        return third.release();
      }),
      pool.query("SELECT 1").then(() => events.push("b")),
    ];
    assertEquals(pool.statistics.waiting, 3);
    await lease.release();
    await Promise.all(waits);
    assertEquals(events, ["a", "lease", "b"]);
    await second.release();
  },
);

postgresTest("callers that wait share connections as far as `pipelining` allows", async () => {
  await using pool = makePool({ max: 2 });
  const rows = await Promise.all(
    Array.from({ length: 200 }, (_, i) => pool.query<{ v: number }>("SELECT $1::int4 AS v", [i])),
  );
  assertEquals(rows.map((one) => one.rows[0]!.v), Array.from({ length: 200 }, (_, i) => i));
  // All may have their rows before the second connection is there.
  while (pool.statistics.opening > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(pool.statistics, { open: 2, opening: 0, idle: 2, waiting: 0 });
});

postgresTest("waiting ends with the time, the signal, or the pool", async () => {
  const pool = makePool({ max: 1, acquireTimeoutMs: 500, maxWaiting: 2 });
  const lease = await pool.acquire();
  const late = await assertRejects(() => pool.acquire(), DatabaseError);
  assertEquals([late.code, late.message], ["busy", "No connection was free within 500 ms"]);
  const aborted = await assertRejects(() => pool.acquire(AbortSignal.timeout(5)), DatabaseError);
  assertEquals(aborted.code, "aborted");
  const waiting = [pool.query("SELECT 1"), pool.acquire()].map((one) =>
    one.catch((error) => error)
  );
  const many = await assertRejects(() => pool.query("SELECT 1"), DatabaseError);
  assertEquals([many.code, many.message], ["busy", "2 callers wait for a connection"]);
  for (const error of await Promise.all(waiting)) assertEquals(error.code, "busy");
  const closing = pool.close();
  assertEquals((await assertRejects(() => pool.acquire(), DatabaseError)).code, "closed");
  await lease.release();
  await closing;
  await pool.close();
});

postgresTest("`close()` with a time ends those who do not release", async () => {
  const pool = makePool({ max: 1 });
  const lease = await pool.acquire();
  const running = assertRejects(() => lease.query("SELECT pg_sleep(10)"), ConnectionLostError);
  await delay(10);
  await pool.close({ timeoutMs: 20 });
  await running;
});

postgresTest(
  "a connection is never given back within a transaction, nor with its settings",
  async () => {
    await using pool = makePool({ max: 1 });
    await pool.script("CREATE TABLE pool_t (id int4)");
    const pid = async () =>
      (await pool.query<{ p: number }>("SELECT pg_backend_pid() AS p")).rows[0]!.p;
    const first = await pid();
    const lease = await pool.acquire();
    await lease.query("BEGIN");
    await lease.query("INSERT INTO pool_t VALUES (1)");
    await lease.query("SET application_name = 'left behind'");
    await lease.query("CREATE TEMP TABLE left_behind (x int4)");
    await lease.release();
    await assertRejects(() => lease.query("SELECT 1"), DatabaseError, "given back");
    assertEquals((await pool.query("SELECT * FROM pool_t")).rows, []);
    const shared = await pool.acquire();
    await shared.query("SET application_name = 'left behind'");
    await shared.query("CREATE TEMP TABLE left_behind (x int4)");
    await shared.query("LISTEN left_behind");
    await shared.release();
    assertEquals((await pool.query("SHOW application_name")).rows, [{ application_name: "" }]);
    assertEquals(
      (await pool.query(
        "SELECT to_regclass('left_behind') AS t, array(SELECT pg_listening_channels()) AS c",
      )).rows,
      [{ t: null, c: [] }],
    );
    // A query that opens a transaction by itself, and one whose caller did not wait for it.
    await pool.query("BEGIN");
    await delay(5);
    assertEquals((await pool.query("SELECT pg_current_xact_id_if_assigned() AS x")).rows, [{
      x: null,
    }]);
    const hasty = await pool.acquire();
    hasty.query("BEGIN");
    hasty.query("INSERT INTO pool_t VALUES (2)");
    await hasty.release();
    assertEquals((await pool.query("SELECT * FROM pool_t")).rows, []);
    assertEquals(await pid(), first);
    await pool.script("DROP TABLE pool_t");
  },
);

postgresTest(
  "`begin()` commits, rolls back, nests savepoints, and tells a swallowed failure",
  async () => {
    await using pool = makePool({ max: 2 });
    await pool.script("CREATE TABLE begin_t (id int4 PRIMARY KEY)");
    const ids = async () =>
      (await pool.query<{ id: number }>("SELECT id FROM begin_t ORDER BY id")).rows.map(({ id }) =>
        id
      );
    const insert = "INSERT INTO begin_t VALUES ($1)";
    let leaked: { query(text: string): Promise<unknown> } | undefined;
    const value = await pool.begin(async (transaction) => {
      leaked = transaction;
      await transaction.query(insert, [1]);
      await assertRejects(() =>
        transaction.savepoint(async (inner) => {
          await inner.query(insert, [2]);
          await inner.savepoint((deeper) => deeper.query(insert, [3]));
          await inner.query(insert, [1]);
        }), PostgresError);
      await transaction.savepoint((inner) => inner.query(insert, [4]));
      await Promise.all(
        [5, 6].map((id) => transaction.savepoint((inner) => inner.query(insert, [id]))),
      );
      return "done";
    }, { isolation: "serializable" });
    assertEquals(value, "done");
    assertEquals(await ids(), [1, 4, 5, 6]);
    await assertRejects(async () => await leaked!.query("SELECT 1"), DatabaseError, "has ended");
    await assertRejects(() =>
      pool.begin(async (transaction) => {
        await transaction.query(insert, [7]);
        throw new RangeError("changed my mind");
      }), RangeError);
    assertEquals(await ids(), [1, 4, 5, 6]);
    const swallowed = await assertRejects(() =>
      pool.begin(async (transaction) => {
        await transaction.query(insert, [8]);
        await transaction.query(insert, [1]).catch(() => {});
      }), PostgresError);
    assertEquals(swallowed.sqlState, "25P02");
    const readOnly = await assertRejects(
      () => pool.begin((transaction) => transaction.query(insert, [9]), { readOnly: true }),
      PostgresError,
    );
    assertEquals(readOnly.sqlState, "25006");
    assertEquals(await ids(), [1, 4, 5, 6]);
    await assertRejects(
      () => pool.begin(() => {}, { isolation: "x; DROP" as "serializable" }),
      DatabaseError,
    );
    await pool.script("DROP TABLE begin_t");
  },
);

postgresTest(
  "a connection lost within a transaction, and one lost in its commit, are told apart",
  async () => {
    await using pool = makePool({ max: 2 });
    await using killer = makePool({ max: 1 });
    const within = await assertRejects(() =>
      pool.begin(async (transaction) => {
        const { rows } = await transaction.query<{ p: number }>("SELECT pg_backend_pid() AS p");
        await killer.query("SELECT pg_terminate_backend($1)", [rows[0]!.p]);
        await delay(50);
        await transaction.query("SELECT 1");
      }), DatabaseError);
    assertEquals(within.code, "connection");
    assertInstanceOf(within, ConnectionLostError);
    assertEquals(within.maybeCommitted, false);
    // The pool goes on with another.
    assertEquals((await pool.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
    // A trigger that is deferred to the commit, and sleeps there.
    await pool.script(`CREATE TABLE lost_t (id int4);
    CREATE FUNCTION lost_sleep() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(10); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER lost_slow AFTER INSERT ON lost_t DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION lost_sleep()`);
    const lease = await pool.acquire();
    await lease.query("BEGIN");
    await lease.query("INSERT INTO lost_t VALUES (1)");
    const commit = lease.query("COMMIT").catch((error) => error);
    await delay(30);
    lease.connection.destroy();
    const error = await commit;
    assertInstanceOf(error, ConnectionLostError);
    assertEquals([error.code, error.inCommit, error.maybeCommitted], [
      "unknown_outcome",
      true,
      true,
    ]);
    await lease.release();
    await killer.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT'",
    );
    await pool.script("DROP TABLE lost_t CASCADE; DROP FUNCTION lost_sleep");
  },
);

postgresTest("connections end by idleness and by age, and dead ones are noticed", async () => {
  await using pool = makePool({ max: 2, idleTimeoutMs: 40 });
  await pool.query("SELECT 1");
  assertEquals(pool.statistics.open, 1);
  await delay(150);
  assertEquals(pool.statistics.open, 0);
  await using aging = makePool({ max: 1, maxLifetimeMs: 1 });
  const pid = async () =>
    (await aging.query<{ p: number }>("SELECT pg_backend_pid() AS p")).rows[0]!.p;
  const first = await pid();
  await delay(5);
  const second = await pid();
  await delay(5);
  assert(first !== second || second !== await pid());
  await using killed = makePool({ max: 1, healthCheckAfterMs: 1 });
  const { rows } = await killed.query<{ p: number }>("SELECT pg_backend_pid() AS p");
  await pool.query("SELECT pg_terminate_backend($1)", [rows[0]!.p]);
  await delay(20);
  assertEquals((await killed.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
});

postgresTest("a pool that cannot connect says so to each caller, and recovers", async () => {
  await using pool = new PostgresPool({ port: 1, sslMode: "disable", max: 2 });
  const errors = await Promise.all(
    [1, 2, 3].map(() => pool.query("SELECT 1").catch((error) => error)),
  );
  for (const error of errors) assertEquals(error.code, "connection");
  assertEquals(pool.statistics, { open: 0, opening: 0, idle: 0, waiting: 0 });
});

postgresTest(
  "`cursor()`, `copyIn()` and `copyOut()` of a pool give their connection back",
  async () => {
    await using pool = makePool({ max: 1 });
    await pool.script("CREATE TABLE copy_t (id int4)");
    assertEquals(await pool.copyIn("COPY copy_t FROM STDIN", ["1\n2\n", "3\n"]), 3);
    await assertRejects(() => pool.copyIn("COPY copy_t FROM STDIN", ["x\n"]), PostgresError);
    const stream = await pool.copyOut("COPY copy_t TO STDOUT");
    assertEquals(await new Response(stream).text(), "1\n2\n3\n");
    const cancelled = await pool.copyOut("COPY (SELECT generate_series(1, 10000000)) TO STDOUT");
    await cancelled.cancel();
    for await (const rows of pool.cursor("SELECT id FROM copy_t", [], { batchRows: 2 })) {
      assertEquals(rows, [{ id: 1 }, { id: 2 }]);
      break;
    }
    assertEquals(pool.statistics, { open: 1, opening: 0, idle: 1, waiting: 0 });
    await pool.script("DROP TABLE copy_t");
  },
);
