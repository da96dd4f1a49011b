import { assertEquals, assertStringIncludes } from "@std/assert";
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
        assertStringIncludes(await answer.text(), "&#34;OK&#34;");
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
});
