import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { RespStatus } from "../cache/redis/mod.ts";
import { formatReply } from "./console/redis.ts";
import { redisService } from "./redis_service.ts";
import { Stack } from "./stack.ts";
import { webConsole } from "./web_console.ts";

Deno.test("The Redis service runs in the stack, keeps its data, and has a page with a command box", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    for (const round of [1, 2]) {
      const redis = redisService({ port: 0 });
      await using stack = new Stack([redis, webConsole({ port: 0 })], { dataDir });
      await stack.start();
      assertEquals(redis.state, "running");
      assertEquals(redis.endpoints[0]!.command!.startsWith("redis-cli -p "), true);
      const { url } = stack.services[1]!.endpoints[0]!;
      if (round === 1) {
        const body = new URLSearchParams({ command: 'SET "<b>key" "hällo"' });
        const answer = await fetch(`${url}redis`, { method: "POST", body });
        assertMatch(await answer.text(), /aria-label="Reply">OK</);
      }
      const text = await (await fetch(`${url}redis`)).text();
      assertStringIncludes(text, "&lt;b&gt;key");
      const body = new URLSearchParams({ command: "SUBSCRIBE a" });
      const refused = await (await fetch(`${url}redis`, { method: "POST", body })).text();
      assertStringIncludes(refused, "This command waits");
    }
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

/** Runs a stack with Redis and the console; `redis` sends a command from the page, and gives the page. */
async function withConsole(
  use: (page: {
    url: string;
    command: (line: string) => Promise<string>;
    get: (path: string) => Promise<string>;
  }) => Promise<void>,
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  try {
    const stack = new Stack([redisService({ port: 0 }), webConsole({ port: 0 })], { dataDir });
    await stack.start();
    await using _ = stack;
    const { url } = stack.services[1]!.endpoints[0]!;
    await use({
      url,
      command: async (line) => {
        const body = new URLSearchParams({ command: line });
        return await (await fetch(`${url}redis`, { method: "POST", body })).text();
      },
      get: async (path) => await (await fetch(`${url}${path}`)).text(),
    });
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("The Redis page walks through the keys by SCAN, by a pattern too, and shows values", async () => {
  await withConsole(async ({ command, get }) => {
    const pairs = Array.from({ length: 230 }, (_, i) => `key:${i} ${i}`).join(" ");
    await command(`MSET ${pairs} other 1`);
    await command("HSET a-hash field value");
    const seen = new Set<string>();
    let path = "redis";
    let pages = 0;
    for (;;) {
      const page = await get(path);
      pages++;
      for (const [, name] of page.matchAll(/redis-key"><a href="[^"]*">([^<]*)</g)) seen.add(name!);
      const next = /id="next" href="\/([^"]*)"/.exec(page);
      if (next === null) break;
      path = next[1]!.replaceAll("&amp;", "&");
    }
    assertEquals([seen.size, pages], [232, 5]);
    const matching = await get("redis?match=o*r");
    assertEquals([...matching.matchAll(/redis-key"><a/g)].length, 1);
    assertStringIncludes(await get("redis?match=zzz"), "Nothing matches this pattern");
    const href = /href="\/(redis\?match=a\*[^"]*)">a-hash</.exec(await get("redis?match=a*"))![1]!;
    assertStringIncludes(await get(href.replaceAll("&amp;", "&")), "1) &#34;field&#34;");
  });
});

Deno.test("The Redis page bounds a reply, shows texts as they are, and gives figures to poll", async () => {
  await withConsole(async ({ url, command, get }) => {
    await command("SETRANGE big 2000000 x");
    assertStringIncludes(await command("GET big"), "longer than a mebibyte");
    assertStringIncludes(await command("INFO server"), "# Server\nminiredis_version:");
    await command("GET nothing");
    const stats = JSON.parse(await get("redis/stats")) as { id: string; value: string }[];
    assertEquals(stats.map(({ id }) => id), [
      "redis-keys",
      "redis-memory",
      "redis-ops",
      "redis-hits",
      "redis-clients",
    ]);
    const value = (id: string) => stats.find((tile) => tile.id === id)!.value;
    assertEquals([value("redis-keys"), value("redis-hits")], ["1", "50.0 %"]);
    assert((await fetch(`${url}redis/stats`).then((r) => r.json())).length === 5);
  });
});

Deno.test("The Redis service says so when a client has ended its server", async () => {
  const dataDir = await Deno.makeTempDir();
  const redis = redisService({ port: 0 });
  const stack = new Stack([redis], { dataDir });
  await stack.start();
  const port = Number(/\d+$/.exec(redis.endpoints[0]!.url)![0]);
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode("SHUTDOWN NOSAVE\r\n"));
  assertEquals(await client.read(new Uint8Array(10)), null);
  for (let wait = 0; wait < 100 && redis.state === "running"; wait++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals([redis.state, redis.endpoints], ["failed", []]);
  await stack[Symbol.asyncDispose]();
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("`formatReply()` shows replies as redis-cli does", () => {
  assertEquals(formatReply(3), "(integer) 3");
  assertEquals(formatReply(null), "(nil)");
  assertEquals(formatReply(["a", [1, "b"]]), '1) "a"\n2) 1) (integer) 1\n   2) "b"');
  assertEquals(formatReply(new Map([["a", 1]])), '1) "a"\n2) (integer) 1');
  assertEquals(formatReply([]), "(empty array)");
  assertEquals(formatReply([new RespStatus("OK"), "OK"]), '1) OK\n2) "OK"');
  assertEquals(formatReply(Array(201).fill(1)).split("\n").at(-1), "… 1 more");
  assert(formatReply(Array(200).fill("x".repeat(10_000))).length < 120_000);
});
