import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { open, sql } from "../mod.ts";
import { cluster, postgresTest } from "./_test_cluster.ts";
import { connectToFirst } from "./_hosts.ts";
import { PostgresConnection } from "./connection.ts";
import { ConnectError, PostgresError } from "./errors.ts";
import type { ConnectionOptions, ServerSocket, TargetSessionAttributes } from "./options.ts";
import { PostgresPool } from "./pool.ts";

/** A port of 127.0.0.1 where nobody listens. */
function deadPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

function optionsFor(ports: readonly number[], more: ConnectionOptions = {}): ConnectionOptions {
  return {
    hosts: ports.map((port) => ({ host: "127.0.0.1", port })),
    user: cluster.user,
    password: cluster.password,
    database: "postgres",
    sslMode: "disable",
    ...more,
  };
}

/** The port of the server that was chosen. */
async function chosen(target: string | ConnectionOptions): Promise<number> {
  await using connection = await PostgresConnection.connect(target);
  const { rows } = await connection.query<{ port: string }>(
    "SELECT setting AS port FROM " +
      "pg_catalog.pg_settings WHERE name = 'port'",
  );
  return Number(rows[0]!.port);
}

postgresTest(
  "`PostgresConnection.connect()` tries hosts in order, and the next where one cannot be reached",
  async () => {
    const dead = deadPort();
    assertEquals(await chosen(optionsFor([dead, cluster.port])), cluster.port);
    assertEquals(await chosen(optionsFor([cluster.port, dead])), cluster.port);
    const url = `postgres://postgres:postgres@127.0.0.1:${dead},127.0.0.1:${cluster.port}/postgres`;
    assertEquals(await chosen(url), cluster.port);
    assertEquals(
      await chosen(`${url}?target_session_attrs=read-write&sslmode=require`),
      cluster.port,
    );
    await using db = open(`${url}?sslmode=disable`);
    assertEquals(await db.query(sql`SELECT 1 AS one`), [{ one: 1 }]);
    const error = await assertRejects(
      () => PostgresConnection.connect(optionsFor([dead, deadPort()])),
      ConnectError,
    );
    assertInstanceOf(error.cause, AggregateError);
    assertEquals(error.cause.errors.length, 2);
    assert(error.message.includes(`127.0.0.1:${dead}`), error.message);
  },
);

postgresTest(
  "`PostgresConnection.connect()` gives each host the whole time, and the next one its turn",
  async () => {
    // It accepts and says nothing.
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = silent.addr as Deno.NetAddr;
    const accepted = silent.accept();
    const options = optionsFor([port, cluster.port], { connectTimeoutMs: 300 });
    assertEquals(await chosen(options), cluster.port);
    (await accepted).close();
  },
);

postgresTest(
  "`PostgresConnection.connect()` tries no other host where the login is refused or aborted",
  async () => {
    const options = optionsFor([cluster.port, deadPort()], { password: "wrong" });
    const refused = await assertRejects(() => PostgresConnection.connect(options), PostgresError);
    assertEquals(refused.sqlState, "28P01");
    const aborted = await assertRejects(
      () => PostgresConnection.connect(optionsFor([1, 2]), { signal: AbortSignal.abort() }),
      DatabaseError,
    );
    assertEquals(aborted.code, "aborted");
  },
);

postgresTest(
  "`targetSessionAttributes` finds the primary and the standby of two servers",
  async (test) => {
    const standby = await cluster.startStandby();
    try {
      const [first, second] = [cluster.port, standby.port];
      const table: [TargetSessionAttributes, number, number][] = [
        ["any", first, second],
        ["read-write", first, first],
        ["primary", first, first],
        ["read-only", second, second],
        ["standby", second, second],
        ["prefer-standby", second, second],
      ];
      for (const [targetSessionAttributes, whenFirst, whenLast] of table) {
        const more = { targetSessionAttributes };
        assertEquals(
          await chosen(optionsFor([first, second], more)),
          whenFirst,
          more.targetSessionAttributes,
        );
        assertEquals(
          await chosen(optionsFor([second, first], more)),
          whenLast,
          more.targetSessionAttributes,
        );
      }
      await test.step("one server that is not as it should be is refused", async () => {
        const wrong = optionsFor([first], { targetSessionAttributes: "standby" });
        const error = await assertRejects(() => PostgresConnection.connect(wrong), ConnectError);
        assertEquals(error.message, `Cannot use 127.0.0.1:${first}: its session is not standby`);
        const prefer = optionsFor([first], { targetSessionAttributes: "prefer-standby" });
        assertEquals(await chosen(prefer), first);
      });
      await test.step("a role that only reads is no place to write", async () => {
        const settings = { options: "-c default_transaction_read_only=on" };
        const readOnly = optionsFor([first], { targetSessionAttributes: "read-only", settings });
        assertEquals(await chosen(readOnly), first);
        const writes = optionsFor([first], { targetSessionAttributes: "read-write", settings });
        await assertRejects(() => PostgresConnection.connect(writes), ConnectError);
      });
      await test.step("a cancel request goes to the server that runs the query", async () => {
        const options = optionsFor([deadPort(), second]);
        await using connection = await PostgresConnection.connect(options);
        const sleeping = connection.query("SELECT pg_sleep(20)");
        const cancelled = assertRejects(() => sleeping, PostgresError);
        await new Promise((resolve) => setTimeout(resolve, 100));
        await connection.cancel();
        assertEquals((await cancelled).sqlState, "57014");
      });
      await test.step("a pool goes on with the other server when its own is gone", async () => {
        await using pool = new PostgresPool(
          optionsFor([second, first], { connectTimeoutMs: 2_000 }),
          {
            max: 1,
          },
        );
        const ask = async () =>
          (await pool.query<{ r: boolean }>("SELECT pg_is_in_recovery() AS r")).rows[0]!.r;
        assertEquals(await ask(), true);
        await standby.stop();
        // The first may meet the end of the connection.
        const after = await ask().catch(ask);
        assertEquals(after, false);
      });
    } finally {
      await standby.stop();
    }
  },
  { needsPrivate: true },
);

Deno.test("`connectToFirst()` asks servers that do not report what they are", async () => {
  const asked: string[] = [];
  const servers: Record<string, [inRecovery: boolean, readOnly: boolean]> = {
    primary: [false, false],
    standby: [true, true],
    "read-only primary": [false, true],
  };
  const connect = ({ host }: ConnectionOptions) => {
    const query = () => Promise.resolve({ rows: [servers[host!]!] });
    asked.push(host!);
    const found = { host, parameters: new Map(), query, close: () => Promise.resolve() };
    return Promise.resolve(found as unknown as PostgresConnection);
  };
  const hosts = Object.keys(servers).map((host) => ({ host })).reverse();
  const table: [TargetSessionAttributes, string, number][] = [
    ["any", "read-only primary", 1],
    ["read-only", "read-only primary", 1],
    ["primary", "read-only primary", 1],
    ["standby", "standby", 2],
    ["prefer-standby", "standby", 2],
    ["read-write", "primary", 3],
  ];
  for (const [targetSessionAttributes, host, count] of table) {
    asked.length = 0;
    const options = { hosts, targetSessionAttributes };
    const found = await connectToFirst(options, connect, undefined);
    assertEquals([(found as unknown as { host: string }).host, asked.length], [host, count]);
  }
});

Deno.test("`connectToFirst()` leaves a server that is starting up or shutting down", async () => {
  const fields = { severity: "FATAL", sqlState: "57P03", message: "the database is starting up" };
  const connect = ({ host }: ConnectionOptions) =>
    host === "starting"
      ? Promise.reject(new PostgresError(fields))
      : Promise.resolve({ host } as unknown as PostgresConnection);
  const hosts = [{ host: "starting" }, { host: "ready" }];
  const found = await connectToFirst({ hosts }, connect, undefined);
  assertEquals(found, { host: "ready" } as unknown as PostgresConnection);
  const starting = () => connectToFirst({ host: "starting" }, connect, undefined);
  assertEquals((await assertRejects(starting, PostgresError)).sqlState, "57P03");
});

postgresTest("`socket` takes the place of the driver's own, for cancel requests too", async () => {
  let opened = 0;
  const options: ConnectionOptions = {
    user: cluster.user,
    password: cluster.password,
    database: "postgres",
    port: deadPort(),
    socket: () => {
      opened++;
      return Deno.connect({ hostname: "127.0.0.1", port: cluster.port });
    },
  };
  await using connection = await PostgresConnection.connect(options);
  assertEquals([opened, connection.encrypted], [1, false]);
  const sleeping = connection.query("SELECT pg_sleep(20)");
  const cancelled = assertRejects(() => sleeping, PostgresError);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await connection.cancel();
  assertEquals([(await cancelled).sqlState, opened], ["57014", 2]);
  for (const sslMode of ["require", "verify-ca", "verify-full"] as const) {
    const secure = { ...options, sslMode };
    await assertRejects(() => PostgresConnection.connect(secure), ConnectError, sslMode);
  }
  assertEquals(opened, 2);
});

Deno.test("`socket` that fails or takes too long is a connection that fails", async () => {
  const cause = new Error("no tunnel");
  const fails = () => PostgresConnection.connect({ socket: () => Promise.reject(cause) });
  const failed = await assertRejects(fails, ConnectError);
  assertEquals(failed.cause, cause);
  assertEquals(failed.message, "Cannot connect to the socket that was given: no tunnel");
  const late = Promise.withResolvers<ServerSocket>();
  const connecting = PostgresConnection.connect({
    socket: () => late.promise,
    connectTimeoutMs: 20,
  });
  await assertRejects(() => connecting, ConnectError, "within 20 ms");
  const closed = Promise.withResolvers<void>();
  late.resolve({
    read: () => Promise.resolve(null),
    write: () => Promise.reject(new Error("It must not be used")),
    close: closed.resolve,
  });
  await closed.promise;
});

postgresTest("A Unix socket's folder is a host, in URLs and among several", async () => {
  const folder = encodeURIComponent(cluster.socketDirectory);
  const { port } = cluster;
  for (
    const url of [
      `postgres://postgres:postgres@${folder}:${port}/postgres`,
      `postgres://postgres:postgres@/postgres?host=${cluster.socketDirectory}&port=${port}`,
      `postgres://postgres:postgres@127.0.0.1:${deadPort()},${folder}:${port}/postgres`,
    ]
  ) {
    await using db = open(url);
    const rows = await db.query(sql`SELECT pg_catalog.inet_server_addr() IS NULL AS local`);
    assertEquals(rows, [{ local: true }], url);
  }
}, { needsPrivate: true });
