import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { DatabaseError } from "../errors.ts";
import { cluster, postgresTest } from "./_test_cluster.ts";
import { PostgresListener } from "./listener.ts";
import { PostgresPool } from "./pool.ts";

postgresTest(
  "`listen()` gives what is sent on a channel of any name, to all who listen",
  async () => {
    await using pool = new PostgresPool(cluster.url, { max: 1 });
    const name = `wat-;.ø.§ "X"`;
    const first = pool.listen(name);
    const second = pool.listen(name);
    const other = pool.listen("other");
    await Promise.all([first.ready, second.ready, other.ready]);
    await pool.notify(name, "hello");
    await pool.notify("other");
    assertEquals((await first.next()).value.payload, "hello");
    assertEquals((await second.next()).value.payload, "hello");
    assertEquals((await other.next()).value.payload, "");
    await first.return();
    await pool.notify(name, "again");
    assertEquals((await second.next()).value.payload, "again");
    assertEquals((await first.next()).done, true);
    await second.return();
    await other.return();
  },
);

postgresTest("a listener connects and listens again when its connection is lost", async () => {
  await using pool = new PostgresPool(cluster.url, { max: 1 });
  const events: string[] = [];
  let restored!: () => void;
  const again = new Promise<void>((resolve) => restored = resolve);
  await using listener = new PostgresListener(
    `${cluster.url}&application_name=gw_listener`,
    {
      onLost: () => events.push("lost"),
      onRestored: () => {
        events.push("restored");
        restored();
      },
    },
  );
  const messages = listener.listen("gw_again");
  await messages.ready;
  await pool.notify("gw_again", "1");
  assertEquals((await messages.next()).value.payload, "1");
  await pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gw_listener'",
  );
  await again;
  await pool.notify("gw_again", "2");
  assertEquals((await messages.next()).value.payload, "2");
  assertEquals(events, ["lost", "restored"]);
});

postgresTest(
  "a listener ends with its signal, its reader's slowness, and its own end",
  async () => {
    await using pool = new PostgresPool(cluster.url, { max: 1 });
    const listener = new PostgresListener(cluster.url);
    const controller = new AbortController();
    const aborted = listener.listen("gw_end", { signal: controller.signal });
    const slow = listener.listen("gw_end", { maxQueued: 2 });
    const ended = listener.listen("gw_other");
    await Promise.all([aborted.ready, slow.ready, ended.ready]);
    controller.abort();
    assertEquals((await aborted.next()).done, true);
    for (let i = 0; i < 3; i++) await pool.notify("gw_end", String(i));
    await delay(30);
    assertEquals((await slow.next()).value.payload, "0");
    assertEquals((await slow.next()).value.payload, "1");
    assertEquals((await assertRejects(() => slow.next(), DatabaseError)).code, "busy");
    const next = ended.next();
    await listener.close();
    assertEquals((await next).done, true);
    assertEquals(
      (await assertRejects(async () => await listener.listen("x").next(), DatabaseError)).code,
      "closed",
    );
  },
);

postgresTest("a listener that cannot connect says so", async () => {
  await using listener = new PostgresListener({ port: 1, sslMode: "disable" });
  const messages = listener.listen("x");
  const error = await assertRejects(() => messages.ready, DatabaseError);
  assertEquals(error.code, "connection");
  assert(await messages.next().then(() => false, () => true));
});
