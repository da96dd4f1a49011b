import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { App } from "./app.ts";
import { MAX_BUFFERED_BYTES } from "./body_writer.ts";
import { formatSseEvent, type SseEvent } from "./sse.ts";

const decoder = new TextDecoder();

Deno.test("`formatSseEvent()` writes every field", () => {
  assertEquals(
    formatSseEvent({ event: "tick", id: "7", retryMs: 500, data: "a\nb\r\nc\rd" }),
    "event: tick\nid: 7\nretry: 500\ndata: a\ndata: b\ndata: c\ndata: d\n\n",
  );
  assertEquals(formatSseEvent({ data: { a: "x\ny" } }), 'data: {"a":"x\\ny"}\n\n');
  assertEquals(formatSseEvent({ data: "" }), "data: \n\n");
});

Deno.test("`formatSseEvent()` refuses fields that would forge others", () => {
  const bad: SseEvent[] = [{ event: "a\ndata: x" }, { id: "1\r" }, { id: "\0" }, { retryMs: -1 }];
  for (const event of bad) assertThrows(() => formatSseEvent(event), TypeError);
});

Deno.test("`Context.sse()` sends from an async iterable, and returns it when the client leaves", async () => {
  const app = new App();
  let isReturned = false;
  app.get("/", (c) =>
    c.sse(async function* () {
      try {
        for (let tick = 0;; tick++) {
          yield { data: `${tick} after ${c.req.headers.get("last-event-id")}` };
        }
      } finally {
        isReturned = true;
      }
    }()));
  const response = await app.request("/", { headers: { "last-event-id": "41" } });
  const reader = response.body!.getReader();
  assertEquals(decoder.decode((await reader.read()).value), "data: 0 after 41\n\n");
  await reader.cancel();
  await delay(0);
  assert(isReturned);
});

Deno.test("`SseStream` knows the last event id and writes comments", async () => {
  const app = new App();
  app.get("/", (c) => c.sse(async (stream) => await stream.comment(`${stream.lastEventId}\nb`)));
  const response = await app.request("/", { headers: { "last-event-id": "9" } });
  assertEquals(await response.text(), ": 9\n: b\n\n");
});

Deno.test("`Context.sse()` keeps a silent stream open with comments", async () => {
  const app = new App();
  app.get("/", (c) =>
    c.sse(async (stream) => {
      await delay(40);
      await stream.send({ data: "end" });
    }, { keepAliveMs: 10 }));
  const text = await (await app.request("/")).text();
  assert(/^(:\n\n)+data: end\n\n$/.test(text), JSON.stringify(text));
});

Deno.test("`Context.stream()` slows its producer down to the reader", async () => {
  const app = new App();
  let written = 0;
  app.get("/", (c) =>
    c.stream(async (writer) => {
      for (let chunk = 0; chunk < 1000; chunk++) {
        await writer.write(new Uint8Array(16 * 1024));
        written++;
      }
    }));
  const response = await app.request("/");
  const reader = response.body!.getReader();
  await reader.read();
  await delay(5);
  assert(written * 16 * 1024 <= MAX_BUFFERED_BYTES + 2 * 16 * 1024, `${written} chunks`);
  let bytes = 16 * 1024;
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
  }
  assertEquals([written, bytes], [1000, 1000 * 16 * 1024]);
});

Deno.test("`Context.stream()` breaks the body and logs when the producer fails", async () => {
  const errors: unknown[] = [];
  const app = new App({ logError: (error) => errors.push(error) });
  app.get("/", (c) =>
    c.stream(async (writer) => {
      await writer.write("half");
      throw new Error("disk is gone");
    }));
  const response = await app.request("/");
  assertEquals(response.status, 200);
  await assertRejects(() => response.text(), Error, "disk is gone");
  assertEquals(errors.map((error) => (error as Error).message), ["disk is gone"]);
});

Deno.test("`Context.stream()` takes text, bytes, iterables and streams", async () => {
  const app = new App();
  app.get("/iterable", (c) =>
    c.stream(async function* () {
      yield "a€";
      yield new Uint8Array([0x62]);
      yield "";
    }()));
  app.get("/stream", (c) => c.stream(new Response("whole").body!, 202, { "x-a": "1" }));
  assertEquals(await (await app.request("/iterable")).text(), "a€b");
  const response = await app.request("/stream");
  assertEquals([response.status, await response.text()], [202, "whole"]);
});

Deno.test("`BodyWriter.write()` rejects when the client is gone", async () => {
  const app = new App({ logError: () => {} });
  const client = new AbortController();
  const { promise: failed, resolve } = Promise.withResolvers<unknown>();
  app.get("/", (c) =>
    c.stream(async (writer) => {
      await writer.write("a");
      client.abort(new Error("left"));
      await writer.write("b").catch(resolve);
    }));
  const response = await app.request("/", { signal: client.signal });
  await assertRejects(() => response.text());
  assertEquals((await failed as Error).message, "left");
});
