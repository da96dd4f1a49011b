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

Deno.test("`formatReply()` shows replies as redis-cli does", () => {
  assertEquals(formatReply(3), "(integer) 3");
  assertEquals(formatReply(null), "(nil)");
  assertEquals(formatReply(["a", [1, "b"]]), '1) "a"\n2) 1) (integer) 1\n   2) "b"');
  assertEquals(formatReply([]), "(empty array)");
});
