import { assertEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { App } from "./app.ts";
import { timeout } from "./timeout.ts";

Deno.test("`timeout()` answers for a handler that takes too long", async () => {
  const errors: unknown[] = [];
  const app = new App({ logError: (error) => errors.push(error) });
  app.use(timeout({ timeoutMs: 10 }));
  app.get("/listens", async (c) => {
    await delay(60_000, { signal: c.signal });
    return c.text("x");
  });
  const { promise: late, resolve } = Promise.withResolvers<void>();
  let isCancelled = false;
  app.get("/deaf", async (c) => {
    await delay(30);
    resolve();
    return c.body(new ReadableStream({ cancel: () => void (isCancelled = true) }));
  });
  app.get("/late-throw", async () => {
    await delay(20);
    throw new Error("nobody waits for this");
  });
  app.get("/fast", (c) => c.text("fast"));
  assertEquals((await app.request("/listens")).status, 503);
  assertEquals((await app.request("/deaf")).status, 503);
  assertEquals((await app.request("/late-throw")).status, 503);
  assertEquals(await (await app.request("/fast")).text(), "fast");
  await late;
  await delay(10);
  assertEquals(isCancelled, true);
  // The 503 is logged as every 5xx is; the late rejection is not, and is no unhandled one.
  assertEquals(
    errors.map((error) => (error as Error).message),
    Array(3).fill("Service Unavailable"),
  );
});

Deno.test("`timeout()` does not cut a streamed body, nor hide a client's abort", async () => {
  const app = new App();
  app.get("/stream", timeout({ timeoutMs: 10 }), (c) =>
    c.stream(async (writer) => {
      await writer.write("a");
      await delay(30);
      await writer.write("b");
    }));
  assertEquals(await (await app.request("/stream")).text(), "ab");
  const client = new AbortController();
  const seen: unknown[] = [];
  app.onError((error, c) => {
    seen.push(error);
    return c.text("gone", 400);
  });
  app.get("/abort", timeout({ timeoutMs: 60_000, status: 504 }), async (c) => {
    client.abort(new Error("left"));
    await delay(1_000, { signal: c.signal });
    return c.text("x");
  });
  assertEquals((await app.request("/abort", { signal: client.signal })).status, 400);
  assertEquals((seen[0] as Error).message, "left");
});

Deno.test("`timeout()` checks its options", () => {
  for (const timeoutMs of [0, -1, NaN, 2 ** 31]) {
    assertThrows(() => timeout({ timeoutMs }), RangeError);
  }
});
