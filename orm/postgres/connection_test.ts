import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { DatabaseError } from "../errors.ts";
import { cluster, postgresTest } from "./_test_cluster.ts";
import { PostgresConnection } from "./connection.ts";
import { ConnectError, ConnectionLostError, PostgresError, type ServerFields } from "./errors.ts";
import type { ConnectionOptions } from "./options.ts";

const connect = (options: ConnectionOptions = {}) =>
  PostgresConnection.connect({
    port: cluster.port,
    user: cluster.user,
    password: cluster.password,
    database: "postgres",
    sslMode: "disable",
    ...options,
  });

postgresTest("each sslmode does what it says", async () => {
  const ca = [await Deno.readTextFile(cluster.caFile)];
  const attempt = async (options: ConnectionOptions): Promise<string> => {
    try {
      await using connection = await connect(options);
      const { rows } = await connection.query<{ ssl: boolean }>(
        "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      );
      assertEquals(rows[0]!.ssl, connection.encrypted);
      return `${connection.encrypted ? "TLS" : "clear"}${connection.channelBound ? " bound" : ""}`;
    } catch (error) {
      assertInstanceOf(error, DatabaseError);
      assertEquals(error.code, "connection");
      return "refused";
    }
  };
  assertEquals(await attempt({ sslMode: "disable" }), "clear");
  assertEquals(await attempt({ sslMode: "prefer" }), "TLS bound");
  assertEquals(await attempt({ sslMode: "require" }), "TLS bound");
  assertEquals(await attempt({ sslMode: "require", caCertificates: ca }), "TLS bound");
  assertEquals(await attempt({ sslMode: "verify-ca" }), "refused");
  assertEquals(await attempt({ sslMode: "verify-ca", caCertificates: ca }), "TLS bound");
  assertEquals(await attempt({ sslMode: "verify-full" }), "refused");
  assertEquals(await attempt({ sslMode: "verify-full", caCertificates: ca }), "TLS bound");
  const local = { host: "localhost", caCertificates: ca };
  assertEquals(await attempt({ ...local, sslMode: "verify-full" }), "TLS bound");
  // An address that the certificate does not name.
  const other = { host: "127.0.0.2", caCertificates: ca };
  assertEquals(await attempt({ ...other, sslMode: "verify-full" }), "refused");
  // Channel binding.
  assertEquals(await attempt({ sslMode: "require", channelBinding: "disable" }), "TLS");
  assertEquals(await attempt({ sslMode: "require", channelBinding: "require" }), "TLS bound");
  assertEquals(await attempt({ sslMode: "disable", channelBinding: "require" }), "refused");
  assertEquals(await attempt({ user: "gw_tls", password: "pencil" }), "refused");
  assertEquals(
    await attempt({ user: "gw_tls", password: "pencil", sslMode: "require" }),
    "TLS bound",
  );
}, { needsPrivate: true });

postgresTest("each way to log in works, and a wrong password does not", async () => {
  const attempt = async (user: string, password?: string, options: ConnectionOptions = {}) => {
    const login = password === undefined ? { user } : { user, password };
    try {
      const { password: _, ...base } = { password: "", port: cluster.port, database: "postgres" };
      await using connection = await PostgresConnection.connect({
        ...base,
        sslMode: "disable",
        ...login,
        ...options,
      });
      return (await connection.query<{ name: string }>("SELECT current_user AS name")).rows[0]!
        .name;
    } catch (error) {
      assertInstanceOf(error, DatabaseError);
      assertEquals(error.code, "connection");
      return error.sqlState ?? error.message;
    }
  };
  assertEquals(await attempt("gw_scram", "pencil"), "gw_scram");
  assertEquals(await attempt("gw_scram", "pencil2"), "28P01");
  assertEquals(await attempt("gw_scram", ""), "28P01");
  assertEquals(await attempt("gw_scram"), "The server asks for a password: none given");
  assertEquals(await attempt("gw_md5", "md5 secret"), "gw_md5");
  assertEquals(await attempt("gw_md5", "wrong"), "28P01");
  assert((await attempt("gw_clear", "clear secret")).includes("in clear"));
  const allow = { allowCleartextPassword: true };
  assertEquals(await attempt("gw_clear", "clear secret", allow), "gw_clear");
  assertEquals(await attempt("gw_trust"), "gw_trust");
  // The stored password is "I<soft hyphen>X <Roman nine>": SASLprep makes "IX IX" of both.
  assertEquals(await attempt("gw_prep", "IX IX"), "gw_prep");
  assertEquals(await attempt("gw_prep", "I\u00adX \u2168"), "gw_prep");
  // What SASLprep maps, normalises or refuses, on both sides alike.
  await using admin = await connect();
  for (
    const password of ["a\u0340b", "a\u0340\u00a0", "\u03f9x", "\u06271", "\ufb01\u2126", "\u1d2c"]
  ) {
    await admin.script(`ALTER ROLE gw_prep PASSWORD '${password}'`);
    assertEquals(await attempt("gw_prep", password), "gw_prep", password);
  }
  await using lazy = await connect({ password: () => Promise.resolve(cluster.password) });
  assertEquals(lazy.closed, false);
}, { needsPrivate: true });

postgresTest("a client's certificate is shown where the server asks for one", async () => {
  const folder = cluster.caFile.replace(/ca\.crt$/, "");
  const place =
    `127.0.0.1:${cluster.port}/postgres?sslmode=verify-full&sslrootcert=${folder}ca.crt`;
  const files = `&sslcert=${folder}client.crt&sslkey=${folder}client.key`;
  await using connection = await PostgresConnection.connect(`postgres://gw_cert@${place}${files}`);
  assertEquals((await connection.query("SELECT current_user::text AS u")).rows, [{ u: "gw_cert" }]);
  const refused = await assertRejects(
    () => PostgresConnection.connect(`postgres://gw_cert@${place}`),
    PostgresError,
  );
  assertEquals(refused.sqlState, "28000");
}, { needsPrivate: true });

postgresTest("a Unix socket is found by its folder", async () => {
  await using connection = await connect({ host: cluster.socketDirectory, sslMode: "verify-full" });
  assertEquals((await connection.query("SELECT inet_client_addr() AS a")).rows, [{ a: null }]);
}, { needsPrivate: true });

postgresTest("`query()` gives rows, fields, command and count, prepared and not", async () => {
  await using connection = await connect();
  await connection.script("CREATE TEMP TABLE t (id int4 PRIMARY KEY, name text)");
  for (const prepare of [true, true, false, false]) {
    const inserted = await connection.query(
      "INSERT INTO t SELECT i, 'n' || i FROM generate_series($1::int4, $2::int4) i",
      [1, 3],
      { prepare },
    );
    assertEquals([inserted.command, inserted.rowCount, inserted.rows], ["INSERT", 3, []]);
    const selected = await connection.query("SELECT * FROM t WHERE id <= $1 ORDER BY id", [2], {
      prepare,
    });
    assertEquals(selected.rows, [{ id: 1, name: "n1" }, { id: 2, name: "n2" }]);
    assertEquals([selected.command, selected.rowCount], ["SELECT", 2]);
    assertEquals(selected.fields.map(({ name, type, column }) => [name, type, column]), [
      ["id", 23, 1],
      ["name", 25, 2],
    ]);
    const deleted = await connection.query("DELETE FROM t RETURNING id AS a, id AS a", [], {
      asArray: true,
      prepare,
    });
    assertEquals([deleted.command, deleted.rows], ["DELETE", [[1, 1], [2, 2], [3, 3]]]);
  }
  assertEquals((await connection.query("")).rows, []);
  assertEquals(
    (await connection.query('SELECT 1 AS "__proto__", 2 AS "a\nb"')).rows.map(Object.entries),
    [
      [["__proto__", 1], ["a\nb", 2]],
    ],
  );
});

postgresTest(
  "queries of one tick are answered in order, and an error rejects its own alone",
  async () => {
    await using connection = await connect();
    await connection.script("CREATE TEMP TABLE t (id int4 PRIMARY KEY)");
    const insert = (id: unknown) => connection.query("INSERT INTO t VALUES ($1)", [id]);
    const results = await Promise.allSettled([
      insert(1),
      insert(2),
      insert(1),
      connection.query("SELECT nonsense"),
      insert(3),
      connection.query("SELECT $1::int4", [{}]),
      connection.query("SELECT array_agg(id ORDER BY id) AS ids FROM t"),
      connection.script("SELECT 1; SELECT 1 / 0"),
      insert(4),
      connection.query("SELECT count(*)::int4 AS n FROM t"),
    ]);
    assertEquals(results.map(({ status }) => status === "fulfilled"), [
      true,
      true,
      false,
      false,
      true,
      false,
      true,
      false,
      true,
      true,
    ]);
    const rows = (index: number) =>
      (results[index] as PromiseFulfilledResult<{ rows: unknown }>).value.rows;
    assertEquals(rows(6), [{ ids: [1, 2, 3] }]);
    assertEquals(rows(9), [{ n: 4 }]);
    const reason = (results[2] as PromiseRejectedResult).reason;
    assertInstanceOf(reason, PostgresError);
    assertEquals(
      [reason.code, reason.sqlState, reason.table, reason.column, reason.constraint, reason.detail],
      ["unique", "23505", "t", "id", "t_pkey", "Key (id)=(1) already exists."],
    );
  },
);

postgresTest("without kept statements everything works as well", async () => {
  await using connection = await connect({ prepare: false });
  await connection.script("CREATE TYPE gw_unkept AS ENUM ('a', 'b')");
  const at = new Date("2024-01-01");
  const results = await Promise.all(
    [1, 2, 3].map((i) =>
      connection.query("SELECT $1::gw_unkept[] AS m, $2::timestamptz AS at, $3::int4 AS i", [
        ["a", "b"],
        at,
        i,
      ])
    ),
  );
  assertEquals(results.map(({ rows }) => rows), [1, 2, 3].map((i) => [{ m: ["a", "b"], at, i }]));
  const cursor = connection.cursor("SELECT $1::gw_unkept AS m", ["b"]);
  for await (const rows of cursor) assertEquals(rows, [{ m: "b" }]);
  const prepared = "SELECT count(*)::int4 AS n FROM pg_prepared_statements WHERE name <> ''";
  assertEquals((await connection.query(prepared)).rows, [{ n: 0 }]);
  await connection.script("DROP TYPE gw_unkept");
});

postgresTest("errors carry what the server says", async () => {
  await using connection = await connect();
  await connection.script(`CREATE TEMP TABLE a (id int4 PRIMARY KEY, n int4 NOT NULL CHECK (n > 0));
    CREATE TEMP TABLE b (a int4 REFERENCES a)`);
  const fail = async (text: string) => {
    const error = await assertRejects(() => connection.query(text), PostgresError);
    assertEquals(error.query, text);
    return error;
  };
  const missing = await fail("SELECT 1 FROM nowhere");
  assertEquals([missing.code, missing.table, missing.position], ["missing_table", "nowhere", 15]);
  const column = await fail("SELECT nothing FROM a");
  assertEquals([column.code, column.column], ["missing_column", "nothing"]);
  const check = await fail("INSERT INTO a VALUES (1, 0)");
  assertEquals([check.code, check.table, check.constraint], ["check", "a", "a_n_check"]);
  const notNull = await fail("INSERT INTO a VALUES (1)");
  assertEquals([notNull.code, notNull.column], ["not_null", "n"]);
  const foreign = await fail("INSERT INTO b VALUES (9)");
  assertEquals([foreign.code, foreign.column], ["foreign_key", "a"]);
  assertEquals((await fail("SELEC")).code, "syntax");
  assertEquals((await fail("SELECT 1 / 0")).code, "bad_value");
  assertEquals((await fail("SELECT id FROM a GROUP BY n")).hint, undefined);
  assert((await fail("SELECT lenght('x')")).hint!.includes("No function matches"));
});

postgresTest(
  "statements are kept up to a limit, and parsed again when they have become stale",
  async () => {
    await using connection = await connect({ maxStatements: 3 });
    const count = async () => {
      const text = "SELECT count(*)::int4 AS n FROM pg_prepared_statements";
      const { rows } = await connection.query<{ n: number }>(text, [], { prepare: false });
      return rows[0]!.n;
    };
    for (let i = 0; i < 10; i++) await connection.query(`SELECT ${i} AS v`);
    assertEquals(await count(), 3);
    await connection.script("CREATE TEMP TABLE t (a int4); INSERT INTO t VALUES (1)");
    assertEquals((await connection.query("SELECT * FROM t")).rows, [{ a: 1 }]);
    await connection.script("ALTER TABLE t ADD b text DEFAULT 'x'");
    assertEquals((await connection.query("SELECT * FROM t")).rows, [{ a: 1, b: "x" }]);
    await connection.script("ALTER TABLE t ALTER a TYPE text");
    // Several at once: each notices by itself.
    const again = await Promise.all([1, 2, 3].map(() => connection.query("SELECT * FROM t")));
    assertEquals(again.map(({ rows }) => rows), Array(3).fill([{ a: "1", b: "x" }]));
    await connection.script("DEALLOCATE ALL");
    assertEquals((await connection.query("SELECT * FROM t")).rows, [{ a: "1", b: "x" }]);
    await connection.query("DISCARD ALL");
    assertEquals((await connection.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
    // A parameter's type that was taken from a column.
    await connection.script("CREATE TEMP TABLE u (a text)");
    const insert = () => connection.query("INSERT INTO u VALUES ($1) RETURNING a", ["1"]);
    assertEquals((await insert()).rows, [{ a: "1" }]);
    await connection.script("ALTER TABLE u ALTER a TYPE int4 USING a::int4");
    assertEquals((await insert()).rows, [{ a: 1 }]);
    // A statement whose values were refused is not kept, and what it was to replace is dropped later.
    for (let i = 0; i < 5; i++) {
      const text = `SELECT $1::text AS v${i}`;
      await assertRejects(() => connection.query(text, ["\ud800"]), DatabaseError);
      assertEquals((await connection.query(text, ["x"])).rows, [{ [`v${i}`]: "x" }]);
    }
    assertEquals(await count(), 3);
    // A statement that cannot be parsed is not kept.
    await assertRejects(() => connection.query("SELECT * FROM later"), PostgresError);
    await connection.script("CREATE TEMP TABLE later (x int4)");
    assertEquals((await connection.query("SELECT * FROM later")).rows, []);
    // Two of a text in one tick, of which the first does not parse.
    const both = await Promise.allSettled(
      [1, 2].map(() => connection.query("SELECT * FROM never")),
    );
    for (const result of both) {
      assertEquals(
        ((result as PromiseRejectedResult).reason as PostgresError).code,
        "missing_table",
      );
    }
  },
);

postgresTest("`batch()` is one round trip, and all or nothing", async () => {
  await using connection = await connect();
  await connection.script("CREATE TEMP TABLE t (id int4 PRIMARY KEY, at timestamptz)");
  const insert = "INSERT INTO t VALUES ($1, $2) RETURNING id";
  const at = new Date("2024-01-02T03:04:05.678Z");
  for (const first of [1, 11]) {
    const results = await connection.batch([
      { text: insert, parameters: [first, at] },
      { text: insert, parameters: [first + 1, null] },
      { text: "SELECT id, at FROM t WHERE id = $1", parameters: [first] },
      { text: "UPDATE t SET at = NULL WHERE id > $1", parameters: [100] },
      { text: "" },
    ]);
    assertEquals(results.map(({ rows }) => rows), [
      [{ id: first }],
      [{ id: first + 1 }],
      [{ id: first, at }],
      [],
      [],
    ]);
    // The second time two of them are known.
    await connection.query("SELECT id, at FROM t WHERE id = $1", [1]);
    await connection.query(insert, [first + 5, at]);
  }
  const error = await assertRejects(
    () =>
      connection.batch([{ text: insert, parameters: [50, null] }, { text: "SELECT 1 / 0" }, {
        text: "SELECT 2",
      }]),
    PostgresError,
  );
  assertEquals(error.query, "SELECT 1 / 0");
  assertEquals((await connection.query("SELECT id FROM t WHERE id = 50")).rows, []);
  // A table that an earlier statement of the batch makes.
  const made = await connection.batch([
    { text: "CREATE TEMP TABLE made (x int4)" },
    { text: "INSERT INTO made VALUES ($1)", parameters: [7] },
    { text: "SELECT x FROM made" },
  ]);
  assertEquals(made[2]!.rows, [{ x: 7 }]);
  assertEquals(await connection.batch([]), []);
});

postgresTest(
  "`cursor()` reads as the caller asks, and is closed when the caller stops",
  async () => {
    await using connection = await connect();
    const text = "SELECT i FROM generate_series(1, $1::int4) AS i";
    const sizes: number[] = [];
    for await (const rows of connection.cursor(text, [25], { batchRows: 10 })) {
      sizes.push(
        rows.length,
      );
    }
    assertEquals(sizes, [10, 10, 5]);
    for await (const rows of connection.cursor<{ i: number }>(text, [25], { batchRows: 10 })) {
      assertEquals(rows[0]!.i, 1);
      break;
    }
    // Outside a transaction other queries wait for its end.
    const cursor = connection.cursor(text, [25], { batchRows: 10 });
    assertEquals((await cursor.next()).done, false);
    let answered = false;
    const waiting = connection.query("SELECT 1").then(() => answered = true);
    await delay(20);
    assertEquals(answered, false);
    await cursor.return();
    await waiting;
    // Within one they run in between.
    await connection.script("BEGIN");
    const inner = connection.cursor<{ i: number }>(text, [25], { batchRows: 10 });
    await inner.next();
    assertEquals((await connection.query("SELECT 2 AS v")).rows, [{ v: 2 }]);
    assertEquals(((await inner.next()).value as { i: number }[])[0]!.i, 11);
    await inner.return();
    assertEquals(
      (await connection.query("SELECT count(*)::int4 AS n FROM pg_cursors WHERE name <> ''")).rows,
      [{ n: 0 }],
    );
    await connection.script("COMMIT");
    await assertRejects(
      async () => {
        for await (
          const _ of connection.cursor("SELECT 1 / (3 - i) FROM generate_series(1, 9) i", [], {
            batchRows: 2,
          })
        );
      },
      PostgresError,
      "division by zero",
    );
    await assertRejects(
      () => connection.cursor("SELECT 1", [], { batchRows: 0 }).next(),
      DatabaseError,
    );
    assertEquals((await connection.query("SELECT 3 AS v")).rows, [{ v: 3 }]);
  },
);

postgresTest("COPY brings 100,000 rows in and out, as streams", async () => {
  await using connection = await connect();
  await connection.script("CREATE TEMP TABLE t (id int4, name text)");
  const count = 100_000;
  const { writable, rowCount } = connection.copyIn("COPY t FROM STDIN");
  const writer = writable.getWriter();
  for (let i = 0; i < count; i += 1000) {
    let lines = "";
    for (let j = i; j < i + 1000; j++) lines += `${j}\tname ${j}\n`;
    await writer.write(lines);
  }
  await writer.close();
  assertEquals(await rowCount, count);
  const decoder = new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>;
  let text = "";
  for await (const part of connection.copyOut("COPY t TO STDOUT").pipeThrough(decoder)) {
    text += part;
  }
  const lines = text.split("\n");
  assertEquals(lines.length, count + 1);
  assertEquals([lines[0], lines[count - 1]], ["0\tname 0", "99999\tname 99999"]);
});

postgresTest(
  "a COPY that fails, is aborted or is cancelled leaves the connection usable",
  async () => {
    await using connection = await connect();
    await connection.script("CREATE TEMP TABLE t (id int4)");
    const bad = connection.copyIn("COPY t FROM STDIN");
    await assertRejects(
      () => ReadableStream.from(["1\n", "x\n"]).pipeTo(bad.writable),
      PostgresError,
      "invalid input syntax",
    );
    await assertRejects(() => bad.rowCount, PostgresError);
    const aborted = connection.copyIn("COPY t FROM STDIN");
    const writer = aborted.writable.getWriter();
    await writer.write("1\n");
    await writer.abort("enough");
    await assertRejects(() => aborted.rowCount, PostgresError, "enough");
    const wrong = connection.copyIn("SELECT 1 AS v");
    await assertRejects(() => wrong.writable.getWriter().close(), DatabaseError);
    const missing = connection.copyOut("COPY nowhere TO STDOUT");
    await assertRejects(() => new Response(missing).text(), PostgresError, "nowhere");
    const endless = connection.copyOut("COPY (SELECT generate_series(1, 100000000)) TO STDOUT");
    const reader = endless.getReader();
    assert((await reader.read()).value!.length > 0);
    await reader.cancel();
    assertEquals((await connection.query("SELECT count(*)::int4 AS n FROM t")).rows, [{ n: 0 }]);
    for (const text of ["COPY t FROM STDIN", "COPY t TO STDOUT"]) {
      const refused = await assertRejects(() => connection.query(text), DatabaseError);
      assertEquals(refused.code, "bad_query");
      await assertRejects(() => connection.script(text), DatabaseError);
      await assertRejects(() => connection.batch([{ text }]), DatabaseError);
      assertEquals((await connection.query("SELECT 4 AS v")).rows, [{ v: 4 }]);
    }
  },
);

postgresTest("a slow reader of COPY keeps the server waiting, not our memory filling", async () => {
  await using connection = await connect();
  const stream = connection.copyOut(
    "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 200000)) TO STDOUT",
  );
  const reader = stream.getReader();
  const first = (await reader.read()).value!.length;
  await delay(100);
  await using other = await connect();
  const { rows } = await other.query<{ w: string }>(
    "SELECT wait_event AS w FROM pg_stat_activity WHERE pid = $1",
    [connection.processId],
  );
  assertEquals(rows[0]!.w, "ClientWrite");
  let total = first;
  for (let part; (part = await reader.read()), !part.done;) total += part.value.length;
  assertEquals(total, 200_000 * 1001);
});

postgresTest("a signal ends a query that waits or runs, and no other", async () => {
  await using connection = await connect();
  const started = performance.now();
  const results = await Promise.allSettled([
    connection.query("SELECT 1 AS v"),
    connection.query("SELECT pg_sleep(10)", [], { signal: AbortSignal.timeout(50) }),
    connection.query("SELECT pg_sleep(10)", [], { signal: AbortSignal.timeout(10) }),
    connection.query("SELECT 2 AS v", [], { signal: AbortSignal.abort() }),
    connection.query("SELECT 3 AS v"),
    connection.script("SELECT pg_sleep(10)", { signal: AbortSignal.timeout(100) }),
    connection.query("SELECT 4 AS v", [], { signal: AbortSignal.timeout(10_000) }),
  ]);
  assert(performance.now() - started < 5_000);
  assertEquals(results.map((one) => one.status === "fulfilled" ? "ok" : one.reason.code), [
    "ok",
    "aborted",
    "aborted",
    "aborted",
    "ok",
    "aborted",
    "ok",
  ]);
  const cancelled = connection.query("SELECT pg_sleep(10)");
  const rejected = assertRejects(() => cancelled, PostgresError);
  await delay(20);
  await connection.cancel();
  assertEquals((await rejected).sqlState, "57014");
  assertEquals((await connection.query("SELECT 5 AS v")).rows, [{ v: 5 }]);
});

postgresTest("a signal ends a cursor, between two batches too", async () => {
  await using connection = await connect();
  const text = "SELECT i FROM generate_series(1, 100) i";
  for (const script of ["SELECT 1", "BEGIN"]) {
    await connection.script(script);
    const controller = new AbortController();
    const cursor = connection.cursor(text, [], { batchRows: 10, signal: controller.signal });
    assertEquals((await cursor.next()).done, false);
    controller.abort();
    const error = await assertRejects(() => cursor.next(), DatabaseError);
    assertEquals(error.code, "aborted");
    assertEquals((await connection.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
  }
  await connection.script("ROLLBACK");
  const slow = "SELECT pg_sleep(10)";
  const running = connection.cursor(slow, [], { signal: AbortSignal.timeout(30) });
  assertEquals((await assertRejects(() => running.next(), DatabaseError)).code, "aborted");
  assertEquals((await connection.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
});

postgresTest("a backend that is killed fails what ran, and what waited was not sent", async () => {
  const connection = await connect();
  await using other = await connect();
  const running = connection.query("SELECT pg_sleep(10)").catch((error) => error);
  await delay(30);
  await other.query("SELECT pg_terminate_backend($1)", [connection.processId]);
  const error = await running;
  assertInstanceOf(error, PostgresError);
  assertEquals([error.sqlState, error.code, error.severity], ["57P01", "connection", "FATAL"]);
  const later = await assertRejects(() => connection.query("SELECT 1"), ConnectionLostError);
  assertEquals([later.sent, later.maybeCommitted], [false, false]);
  await connection.ended;
  assertEquals(connection.closed, true);
  await connection.close();
});

postgresTest("notices, settings and notifications reach their callbacks", async () => {
  const notices: ServerFields[] = [];
  const settings: string[] = [];
  await using connection = await connect({
    settings: { application_name: "groundwork test" },
    onNotice: (notice) => notices.push(notice),
    onParameter: (name, value) => settings.push(`${name}=${value}`),
  });
  assertEquals(connection.parameters.get("application_name"), "groundwork test");
  await connection.query("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'look'; END $$");
  assertEquals(notices.map(({ severity, message, hint }) => [severity, message, hint]), [
    ["WARNING", "careful", "look"],
  ]);
  await connection.query("SET application_name = 'other'");
  assertEquals(settings.includes("application_name=groundwork test"), true);
  assertEquals(settings.at(-1), "application_name=other");
  const heard: string[] = [];
  connection.onNotification = ({ channel, payload }) => heard.push(`${channel} ${payload}`);
  await connection.script("LISTEN gw_here; NOTIFY gw_here, 'hello'");
  assertEquals(heard, ["gw_here hello"]);
});

postgresTest("`close()` waits for what runs, and refuses what comes later", async () => {
  const connection = await connect();
  const last = connection.query("SELECT 1 AS v, pg_sleep(0.05)");
  const closed = connection.close();
  const refused = await assertRejects(() => connection.query("SELECT 2"), DatabaseError);
  assertEquals(refused.code, "closed");
  assertEquals((await last).rowCount, 1);
  await closed;
  await connection.close();
  const destroyed = await connect();
  const cut = assertRejects(() => destroyed.query("SELECT pg_sleep(10)"), ConnectionLostError);
  await delay(10);
  destroyed.destroy();
  await cut;
  await destroyed.ended;
});

postgresTest("the limits of statements, parameters and waiting queries hold", async () => {
  await using connection = await connect({ maxQueued: 3 });
  const many = Array.from({ length: 65_536 }, (_, i) => i);
  const error = await assertRejects(() => connection.query("SELECT 1", many), DatabaseError);
  assertEquals([error.code, error.message], [
    "bad_query",
    "Cannot send 65536 parameters: at most 65535",
  ]);
  await assertRejects(() => connection.query("SELECT $1::int4", [1, 2]), DatabaseError);
  await connection.query("SELECT $1::int4", [1]);
  await assertRejects(
    () => connection.query("SELECT $1::int4", [1, 2]),
    DatabaseError,
    "1 parameters",
  );
  await assertRejects(() => connection.query("SELECT 1\0"), DatabaseError, "NUL");
  const results = await Promise.allSettled([1, 2, 3, 4].map(() => connection.query("SELECT 1")));
  assertEquals(results.filter(({ status }) => status === "rejected").length, 1);
  assertEquals((results[3] as PromiseRejectedResult).reason.code, "busy");
});

postgresTest("`describe()` tells a statement's parameters and columns", async () => {
  await using connection = await connect();
  const { parameters, fields } = await connection.describe(
    "SELECT $1::int4 + 1 AS a, $2::text AS b",
  );
  assertEquals(parameters, [23, 25]);
  assertEquals(fields.map(({ name, type }) => [name, type]), [["a", 23], ["b", 25]]);
  await assertRejects(() => connection.describe("SELEC"), PostgresError);
});

postgresTest("a server that is not there is a `ConnectError`", async () => {
  await assertRejects(() => connect({ host: "/nonexistent" }), ConnectError, "/nonexistent");
  await assertRejects(() => connect({ port: 1 }), ConnectError, "127.0.0.1:1");
  await assertRejects(() => connect({ port: 1, sslMode: "require" }), ConnectError);
});

postgresTest("many rows and large values arrive whole, over TLS too", async () => {
  for (const sslMode of ["disable", "require"] as const) await exchangeMuch(sslMode);
});

async function exchangeMuch(sslMode: "disable" | "require"): Promise<void> {
  await using connection = await connect({ sslMode });
  const { rows } = await connection.query<[number, string]>(
    "SELECT i, repeat(chr(97 + i % 26), i % 500) FROM generate_series(1, 20000) i",
    [],
    { asArray: true },
  );
  assertEquals(rows.length, 20_000);
  for (const [i, text] of rows) {
    if (text.length !== i % 500) throw new Error(`row ${i} has ${text.length} characters`);
  }
  const large = "é".repeat(3_000_000);
  assertEquals((await connection.query("SELECT $1::text AS v", [large])).rows, [{ v: large }]);
  assertEquals((await connection.query("SELECT 1 AS v")).rows, [{ v: 1 }]);
}
