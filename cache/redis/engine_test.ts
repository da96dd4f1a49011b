import { assert, assertEquals } from "@std/assert";
import { Client, type Transport } from "./_client.ts";
import { registerCommands } from "./_commands.ts";
import { Config } from "./_config.ts";
import { Engine } from "./_engine.ts";

/** An engine whose append-only file and connection only take notes. */
function recorded(): {
  engine: Engine;
  client: Client;
  events: string[];
  units: string[][];
} {
  const events: string[] = [];
  const units: string[][] = [];
  const engine = new Engine(new Config());
  registerCommands(engine);
  engine.sink = {
    append: (effects) => {
      events.push("append");
      units.push(effects.map(({ args }) => args.join(" ")));
    },
  };
  engine.beforeFlush = () => void events.push("sync");
  const transport: Transport = {
    write: () => void events.push("write"),
    pendingBytes: () => 0,
    close: () => {},
    peer: "",
    local: "",
  };
  return { engine, client: new Client(engine, transport), events, units };
}

/** Fails when something left although an effect had not been synced. */
function assertSyncedBeforeWrites(events: readonly string[]): void {
  let unsynced = false;
  for (const [at, event] of events.entries()) {
    if (event === "append") unsynced = true;
    else if (event === "sync") unsynced = false;
    else assert(!unsynced, `event ${at} of ${events.length}`);
  }
}

Deno.test("replies of a long pipeline leave after the sync of what they acknowledge", () => {
  const { engine, client, events } = recorded();
  for (let i = 0; i < 20_000; i++) {
    engine.execute(client, ["SET", `k${i}`, "v"]);
    engine.execute(client, ["GET", `k${i}`]);
  }
  assert(events.includes("write"), "the output was long enough to leave early");
  engine.finish();
  assertSyncedBeforeWrites(events);
});

Deno.test("a long reply of a write, or of a transaction with one, leaves after its effects were synced", () => {
  const { engine, client, events } = recorded();
  const member = "m".repeat(1_000);
  const members = Array.from({ length: 300 }, (_, i) => `${member}${i}`);
  engine.execute(client, ["SADD", "s", ...members]);
  engine.execute(client, ["RPUSH", "l", ...members]);
  engine.finish();
  events.length = 0;
  engine.execute(client, ["SPOP", "s", "250"]);
  assertEquals(events, ["append"]);
  engine.finish();
  engine.execute(client, ["MULTI"]);
  engine.execute(client, ["DEL", "s"]);
  engine.execute(client, ["LRANGE", "l", "0", "-1"]);
  engine.execute(client, ["LRANGE", "l", "0", "-1"]);
  engine.finish();
  engine.execute(client, ["EXEC"]);
  engine.finish();
  assertSyncedBeforeWrites(events);
  // A long reading reply does leave in pieces.
  events.length = 0;
  engine.execute(client, ["LRANGE", "l", "0", "-1"]);
  assert(events.filter((event) => event === "write").length > 2, events.join(" "));
});

Deno.test("keys that SCAN meets expired are removed one by one, those of MGET together", () => {
  const { engine, client, units } = recorded();
  const expire = () => {
    for (const key of ["a", "b"]) engine.execute(client, ["SET", key, "v", "PX", "1"]);
    engine.now += 10;
    units.length = 0;
  };
  expire();
  engine.execute(client, ["SCAN", "0"]);
  assertEquals(units.map((unit) => unit.length), [1, 1]);
  assertEquals(new Set(units.flat()), new Set(["UNLINK a", "UNLINK b"]));
  expire();
  engine.execute(client, ["MGET", "a", "b"]);
  assertEquals(units, [["UNLINK a", "UNLINK b"]]);
  engine.config.set("lazyfree-lazy-expire", "no");
  expire();
  engine.execute(client, ["GET", "a"]);
  assertEquals(units, [["DEL a"]]);
});

Deno.test("`SET` with a time that has passed removes what was there, and tells nothing where nothing was", () => {
  const { engine, client, units } = recorded();
  engine.execute(client, ["SET", "k", "v"]);
  engine.execute(client, ["SET", "k", "w", "EXAT", "1"]);
  engine.execute(client, ["SET", "k", "w", "PXAT", "1"]);
  engine.execute(client, ["EXISTS", "k"]);
  assertEquals(client.out, "+OK\r\n+OK\r\n+OK\r\n:0\r\n");
  assertEquals(units, [["SET k v"], ["UNLINK k"]]);
});
