import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { DatabaseError } from "../errors.ts";
import { fakeServer, join, message, WELCOME } from "./_test_server.ts";
import { PostgresConnection } from "./connection.ts";
import { ConnectError, ConnectionLostError, PostgresError, ProtocolError } from "./errors.ts";
import type { ConnectionOptions } from "./options.ts";

const FULL = Deno.env.get("GROUNDWORK_SOAK") === "1";

/** Connects to a server that answers the login with these bytes, each after one of ours. */
async function login(answers: Uint8Array[], options: ConnectionOptions = {}): Promise<unknown> {
  const server = fakeServer(async (client) => {
    for (const answer of answers) {
      if (await client.receive() === undefined) return;
      await client.send(answer);
    }
    // The client hangs up first, or gets nothing more.
    await client.receive();
  });
  try {
    await using connection = await PostgresConnection.connect({
      port: server.port,
      sslMode: "disable",
      password: "secret",
      connectTimeoutMs: 2_000,
      ...options,
    });
    assertEquals(connection.parameters.get("server_version"), "15.0");
    return "connected";
  } catch (error) {
    return error;
  } finally {
    await server.close();
  }
}

async function refusal(answers: Uint8Array[], options?: ConnectionOptions): Promise<string> {
  const error = await login(answers, options);
  assertInstanceOf(error, DatabaseError);
  assertEquals(error.code, "connection");
  return error.message;
}

/** The query answers of a server for `SELECT 1 AS v` with these values. */
const DESCRIPTION = join(
  message("1"),
  message("t", [0, 0]),
  message("T", [0, 1], "v", [0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 0]),
  message("2"),
);
const READY = message("Z", [0x49]);
const ROW = message("D", [0, 1, 0, 0, 0, 1, 0x37]);
const COMPLETE = message("C", "SELECT 1");
const ANSWER = join(DESCRIPTION, ROW, COMPLETE, READY);

/** Runs `SELECT 1` on a server that answers with these bytes and hangs up. */
async function ask(answer: Uint8Array, options: ConnectionOptions = {}): Promise<unknown> {
  const server = fakeServer(async (client) => {
    await client.receive();
    await client.send(WELCOME);
    await client.receive();
    await client.send(answer);
    await client.connection.closeWrite().catch(() => {});
    while (await client.receive() !== undefined);
  });
  try {
    await using connection = await PostgresConnection.connect({
      port: server.port,
      sslMode: "disable",
      ...options,
    });
    return (await connection.query("SELECT 1 AS v")).rows;
  } catch (error) {
    return error;
  } finally {
    await server.close();
  }
}

Deno.test("a login that is well-formed connects", async () => {
  assertEquals(await login([WELCOME]), "connected");
});

Deno.test("a login that breaks the protocol, or asks for too much, is refused", async () => {
  const request = (kind: number, ...rest: (number[] | string)[]) =>
    message("R", [0, 0, 0, kind], ...rest);
  assert((await refusal([request(3)])).includes("in clear"));
  assertEquals(await login([request(3), WELCOME], { allowCleartextPassword: true }), "connected");
  assertEquals(await login([request(5, [1, 2, 3, 4]), WELCOME]), "connected");
  assert((await refusal([request(5, [1, 2])])).includes("shorter"));
  assert((await refusal([request(7)])).includes("kind 7"));
  assert((await refusal([request(10, "OTHER", [0])])).includes("no way to log in"));
  assert((await refusal([request(11)])).includes("before it began"));
  assert((await refusal([request(12)])).includes("before it began"));
  assert((await refusal([request(10, "SCRAM-SHA-256", [0]), WELCOME])).includes("without proving"));
  assert((await refusal([request(5, [1, 2, 3, 4])], { channelBinding: "require" }))
    .includes("bind"));
  assert((await refusal([WELCOME], { channelBinding: "require" })).includes("bind"));
  assert((await refusal([request(10, "SCRAM-SHA-256", [0])], { channelBinding: "require" }))
    .includes("bind"));
  assert((await refusal([message("D", [0, 0])])).includes("no place"));
  assert((await refusal([Uint8Array.of(0x52, 0, 0, 0, 3)])).includes("3 bytes"));
  assert((await refusal([Uint8Array.of(0x52, 0x7f, 255, 255, 255)])).includes("bytes"));
  assert((await refusal([Uint8Array.of(0x52, 255, 255, 255, 255)])).includes("-1 bytes"));
  assert((await refusal([new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")]))
    .includes("bytes"));
  const noise = join(...Array.from({ length: 1_001 }, () => message("S", "a", "b")));
  assert((await refusal([join(message("R", [0, 0, 0, 0]), noise)])).includes("does not end"));
});

Deno.test("a server's refusal during the login is a `PostgresError`", async () => {
  const error = await login([message("E", [0x53], "FATAL", [0x43], "28P01", [0x4d], "no", [0])]);
  assertInstanceOf(error, PostgresError);
  assertEquals([error.sqlState, error.severity, error.message], ["28P01", "FATAL", "no"]);
});

Deno.test("`connect()` gives up when its time is over or its signal says so", async () => {
  const server = fakeServer(async (client) => {
    while (await client.receive() !== undefined);
  });
  for (const sslMode of ["disable", "require"] as const) {
    const options = { port: server.port, sslMode, connectTimeoutMs: 50 };
    const late = await assertRejects(() => PostgresConnection.connect(options), ConnectError);
    assert(late.message.includes("within 50 ms"), late.message);
    const signal = AbortSignal.timeout(20);
    const aborted = await assertRejects(
      () => PostgresConnection.connect({ ...options, connectTimeoutMs: 5_000 }, { signal }),
      DatabaseError,
    );
    assertEquals(aborted.code, "aborted");
  }
  await server.close();
  await assertRejects(
    () => PostgresConnection.connect({ port: server.port, sslMode: "disable" }),
    ConnectError,
    "Cannot connect",
  );
});

Deno.test("TLS is not given up: a server without it, or data before the handshake, is refused", async () => {
  const answering = async (answer: Uint8Array, sslMode: "prefer" | "require" | "verify-full") => {
    const server = fakeServer(async (client) => {
      await client.receive();
      await client.send(answer);
      if (await client.receive() === undefined) return;
      await client.send(WELCOME);
      await client.receive();
    });
    try {
      await using _ = await PostgresConnection.connect({ port: server.port, sslMode });
      return "connected";
    } catch (error) {
      assertInstanceOf(error, ConnectError);
      return error.message;
    } finally {
      await server.close();
    }
  };
  const no = new TextEncoder().encode("N");
  assertEquals(await answering(no, "prefer"), "connected");
  assert((await answering(no, "require")).includes("has no TLS"));
  assert((await answering(no, "verify-full")).includes("has no TLS"));
  const injected = new TextEncoder().encode("S" + "Z\0\0\0\x05I");
  assert((await answering(injected, "require")).includes("before the TLS handshake"));
  const injectedNo = join(no, WELCOME);
  assert((await answering(injectedNo, "prefer")).includes("before the TLS handshake"));
  assert((await answering(message("E", [0]), "prefer")).includes("before the TLS handshake"));
  assert((await answering(new TextEncoder().encode("X"), "prefer")).includes("does not answer"));
});

Deno.test("an answer that is well-formed is read, however it is cut", async () => {
  assertEquals(await ask(ANSWER), [{ v: 7 }]);
  const server = fakeServer(async (client) => {
    client.connection instanceof Object;
    await client.receive();
    await client.send(WELCOME);
    for (;;) {
      if (await client.receive() === undefined) return;
      for (const byte of ANSWER) {
        await client.send(Uint8Array.of(byte));
        if (byte === 0x43) await delay(1);
      }
    }
  });
  const connection = await PostgresConnection.connect({ port: server.port, sslMode: "disable" });
  assertEquals((await connection.query("SELECT 1 AS v")).rows, [{ v: 7 }]);
  await connection.close();
  await server.close();
});

Deno.test("an answer that breaks the protocol ends the connection with a `DatabaseError`", async () => {
  const broken: [string, Uint8Array][] = [
    ["less than itself", Uint8Array.of(0x44, 0, 0, 0, 3)],
    ["longer than", Uint8Array.of(0x44, 0x7f, 255, 255, 255)],
    ["other columns", join(DESCRIPTION, message("D", [0, 2, 255, 255, 255, 255]))],
    ["other columns", join(DESCRIPTION, message("D", []))],
    ["does not fit", join(DESCRIPTION, message("D", [0, 1, 0, 0, 0, 9, 1]))],
    ["does not fit", join(DESCRIPTION, message("D", [0, 1, 255, 255, 255, 254]))],
    ["does not fit", join(DESCRIPTION, message("D", [0, 1, 0, 0]))],
    ["does not fit", join(DESCRIPTION, message("D", [0, 1, 0, 0, 0, 1, 0x37, 0]))],
    ["an integer", join(DESCRIPTION, message("D", [0, 1, 0, 0, 0, 1, 0x78]))],
    ["description", join(message("1"), message("2"))],
    ["no place", join(message("1"), message("R", [0, 0, 0, 0]))],
    ["shorter", join(message("1"), message("t", [0, 9, 0]))],
    ["longer", join(message("1"), message("t", [0, 0, 0]))],
    ["shorter", join(message("1"), message("t", [0, 0]), message("T", [0, 1], "v", [0]))],
    ["no end", message("S", [0x61, 0x62])],
    ["shorter", message("E", [0x53], "ERROR")],
    ["wrong length", message("Z", [])],
    ["closed the connection", message("1")],
    ["closed the connection", Uint8Array.of(0x44, 0, 0, 255, 255, 1, 2, 3)],
  ];
  for (const [expected, bytes] of broken) {
    const error = await ask(bytes);
    assertInstanceOf(error, DatabaseError, expected);
    assert(error.message.includes(expected), `${error.message} has no ${expected}`);
  }
});

Deno.test("a message beyond the limit is refused before it is stored", async () => {
  const long = join(DESCRIPTION, Uint8Array.of(0x44, 0, 1, 0, 1));
  const error = await ask(long, { maxMessageBytes: 65_536 });
  assertInstanceOf(error, ConnectionLostError);
  assertInstanceOf(error.cause, ProtocolError);
  assert(error.message.includes("65537 bytes is longer than 65536"));
});

Deno.test("answers that nobody asked for end the connection", async () => {
  for (const bytes of [READY, ROW, message("C", "SELECT 1"), message("?", [])]) {
    const server = fakeServer(async (client) => {
      await client.receive();
      await client.send(join(WELCOME, bytes));
      while (await client.receive() !== undefined);
    });
    const connection = await PostgresConnection.connect({ port: server.port, sslMode: "disable" });
    await connection.ended;
    assertInstanceOf(connection.lost, ProtocolError);
    const error = await assertRejects(() => connection.query("SELECT 1"), ConnectionLostError);
    assertEquals([error.code, error.sent, error.maybeCommitted], ["connection", false, false]);
    await server.close();
  }
});

Deno.test("a loss tells whether the statement was sent, was a commit, and may have happened", async () => {
  const lose = async (statements: string[], status: string) => {
    let answered = false;
    const server = fakeServer(async (client) => {
      await client.receive();
      await client.send(join(WELCOME.subarray(0, -1), new TextEncoder().encode(status)));
      await client.receive();
      answered = true;
    });
    const connection = await PostgresConnection.connect({ port: server.port, sslMode: "disable" });
    const results = await Promise.all(
      statements.map((text) => connection.script(text).then(() => undefined, (error) => error)),
    );
    await connection.close();
    await server.close();
    assert(answered);
    return results.map((error) => {
      assertInstanceOf(error, ConnectionLostError);
      return [error.code, error.sent, error.inCommit, error.maybeCommitted];
    });
  };
  const harmless = ["connection", true, false, false];
  const unknown = ["unknown_outcome", true, false, true];
  const commit = ["unknown_outcome", true, true, true];
  assertEquals(await lose(["INSERT INTO t VALUES (1)"], "I"), [unknown]);
  assertEquals(await lose(["SELECT f()"], "I"), [unknown]);
  assertEquals(await lose(["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT", "DELETE FROM t"], "I"), [
    harmless,
    harmless,
    commit,
    unknown,
  ]);
  assertEquals(await lose([" commit", "SHOW x"], "I"), [commit, harmless]);
  assertEquals(await lose(["-- all of it\n/* now */ COMMIT"], "T"), [commit]);
  assertEquals(await lose(["DELETE FROM t; COMMIT"], "T"), [commit]);
  assertEquals(await lose(["SET x = 1; DELETE FROM t"], "I"), [unknown]);
  assertEquals(await lose(["DELETE FROM t"], "T"), [harmless]);
});

Deno.test("random damage to a server's bytes gives errors of the database and nothing else", async () => {
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? Math.floor(Math.random() * 1e9));
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor(state / 0x100000000 * below);
  };
  const rows = join(...Array.from({ length: 20 }, () => ROW));
  const whole = join(WELCOME, DESCRIPTION, rows, COMPLETE, READY);
  const outcomes = new Set<string>();
  const server = fakeServer(async (client) => {
    await client.receive();
    const damaged = whole.slice();
    for (let i = 0; i <= random(4); i++) {
      const at = random(damaged.length);
      damaged[at] = random(2) === 0 ? random(256) : damaged[at]! ^ (1 << random(8));
    }
    const cut = WELCOME.length;
    await client.send(damaged.subarray(0, cut));
    await client.receive();
    await client.send(damaged.subarray(cut, damaged.length - random(3)));
    await client.connection.closeWrite().catch(() => {});
    await client.receive();
  });
  for (let i = 0; i < (FULL ? 20_000 : 400); i++) {
    try {
      const connection = await PostgresConnection.connect({
        port: server.port,
        sslMode: "disable",
        connectTimeoutMs: 100,
      });
      try {
        await connection.query("SELECT 1 AS v", [], { signal: AbortSignal.timeout(100) });
        outcomes.add("answered");
      } finally {
        connection.destroy();
      }
    } catch (error) {
      assertInstanceOf(error, DatabaseError, `seed ${seed}, round ${i}: ${error}`);
      outcomes.add(error.constructor.name);
    }
  }
  await server.close();
  assert(outcomes.has("ConnectionLostError"), `seed ${seed}`);
});
