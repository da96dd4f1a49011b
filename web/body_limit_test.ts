import { assertEquals, assertThrows } from "@std/assert";
import { App } from "./app.ts";
import { bodyLimit } from "./body_limit.ts";

function createApp(): App {
  const app = new App();
  app.use(bodyLimit({ maxBytes: 10 }));
  app.post("/", async (c) => c.text(`${(await c.req.text()).length} ${c.req.headers.get("x-a")}`));
  app.post("/ignore", (c) => c.text("ignored"));
  app.get("/", (c) => c.text("get"));
  return app;
}

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
}

Deno.test("`bodyLimit()` lets bodies up to the limit through, with their request", async () => {
  const app = createApp();
  const init = { method: "POST", headers: { "x-a": "1" } };
  assertEquals(await (await app.request("/", { ...init, body: "1234567890" })).text(), "10 1");
  const body = streamOf("12345", "67890");
  assertEquals(await (await app.request("/", { ...init, body })).text(), "10 1");
  assertEquals(await (await app.request("/", init)).text(), "0 1");
  assertEquals(await (await app.request("/")).text(), "get");
});

Deno.test("`bodyLimit()` refuses by Content-Length before, and by count while reading", async () => {
  const app = createApp();
  const headers = { "content-length": "11" };
  const announced = await app.request("/ignore", { method: "POST", headers, body: "12345678901" });
  assertEquals(announced.status, 413);
  const body = streamOf("12345", "67890", "1");
  assertEquals((await app.request("/", { method: "POST", body })).status, 413);
});

Deno.test("`bodyLimit()` checks its limit", () => {
  for (const maxBytes of [-1, 1.5, NaN]) assertThrows(() => bodyLimit({ maxBytes }), RangeError);
});
