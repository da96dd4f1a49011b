import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { App } from "./app.ts";
import { compress } from "./compress.ts";
import { etag } from "./etag.ts";

const TEXT = "All work and no play. ".repeat(500);

function createApp(): App {
  const app = new App();
  app.use(compress());
  app.get("/text", (c) => c.text(TEXT, 200, { etag: '"v1"', "accept-ranges": "bytes" }));
  app.get("/large", (c) => c.json(Array(20).fill(TEXT)));
  app.get("/small", (c) => c.text("x".repeat(1023)));
  app.get("/threshold", (c) => c.text("x".repeat(1024)));
  app.get("/png", (c) => c.body(TEXT, 200, { "content-type": "image/png" }));
  app.get("/svg", (c) => c.body(TEXT, 200, { "content-type": "image/svg+xml" }));
  app.get("/coded", (c) => c.text(TEXT, 200, { "content-encoding": "br" }));
  app.get("/fixed", (c) => c.text(TEXT, 200, { "cache-control": "public, no-transform" }));
  app.get("/part", (c) => c.text(TEXT, 206, { "content-range": "bytes 0-9/99" }));
  app.get("/events", (c) => c.sse((stream) => stream.send({ data: TEXT })));
  app.get("/short", (c) => c.text(TEXT, 200, { "content-length": "10" }));
  app.get("/vary", (c) => c.text(TEXT, 200, { vary: "Origin, accept-encoding" }));
  app.get("/empty", (c) => c.body(null, 204));
  return app;
}

async function get(path: string, accept?: string): Promise<[Response, Uint8Array]> {
  const headers = accept === undefined ? {} : { "accept-encoding": accept };
  const response = await createApp().request(path, { headers });
  return [response, await response.bytes()];
}

const DECODERS: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync,
};
const decoder = new TextDecoder();

Deno.test("`compress()` makes what the client likes best", async () => {
  const cases: Record<string, string | null> = {
    "gzip": "gzip",
    "gzip, deflate, br": "br",
    "gzip;q=1, br;q=0.5": "gzip",
    "deflate": "deflate",
    "br;q=0, gzip;q=0.1": "gzip",
    "*": "br",
    "*;q=0.1, br;q=0, gzip;q=0": "deflate",
    "identity, gzip;q=0.5": null,
    "gzip, identity": "gzip",
    "GZIP ; Q=0.3": "gzip",
    "gzip;q=nonsense, br;q=2": null,
    "identity": null,
    "zstd": null,
    "gzip;q=0": null,
    "": null,
  };
  for (const [accept, encoding] of Object.entries(cases)) {
    for (const path of ["/text", "/large"]) {
      const [response, bytes] = await get(path, accept);
      assertEquals(response.headers.get("content-encoding"), encoding, `${path} ${accept}`);
      assertEquals(response.headers.get("vary"), "Accept-Encoding");
      const plain = encoding === null ? bytes : DECODERS[encoding]!(bytes);
      const expected = path === "/text" ? TEXT : JSON.stringify(Array(20).fill(TEXT));
      assertEquals(decoder.decode(plain), expected);
    }
  }
  const [response] = await get("/text");
  assertEquals(response.headers.get("content-encoding"), null);
});

Deno.test("`compress()` weakens the tag, and takes back ranges and length", async () => {
  const [response] = await get("/text", "gzip");
  assertEquals(response.headers.get("etag"), 'W/"v1"');
  assertEquals(response.headers.has("accept-ranges"), false);
  assertEquals(response.headers.has("content-length"), false);
  const [plain] = await get("/text", "identity");
  assertEquals(plain.headers.get("etag"), '"v1"');
});

Deno.test("`compress()` leaves alone what must not or need not be compressed", async () => {
  for (const path of ["/png", "/coded", "/fixed", "/part", "/events", "/empty"]) {
    const [response] = await get(path, "gzip");
    const expected = path === "/coded" ? "br" : null;
    assertEquals(response.headers.get("content-encoding"), expected, path);
    assertEquals(response.headers.has("vary"), false, path);
  }
  for (const path of ["/small", "/short"]) {
    const [response] = await get(path, "gzip");
    assertEquals(response.headers.get("content-encoding"), null, path);
    assertEquals(response.headers.get("vary"), "Accept-Encoding", path);
  }
  assertEquals((await get("/threshold", "gzip"))[0].headers.get("content-encoding"), "gzip");
  assertEquals((await get("/svg", "gzip"))[0].headers.get("content-encoding"), "gzip");
  assertEquals((await get("/vary", "gzip"))[0].headers.get("vary"), "Origin, accept-encoding");
});

Deno.test("`compress()` flushes a slow stream, and cancels its source", async () => {
  for (const encoding of ["gzip", "br", "deflate"]) {
    const app = new App();
    app.use(compress());
    let isStopped = false;
    app.get("/", (c) =>
      c.stream(
        async (writer) => {
          writer.signal.addEventListener("abort", () => isStopped = true);
          await writer.write("first");
          await delay(60_000, { signal: writer.signal });
        },
        200,
        { "content-type": "text/plain" },
      ));
    const response = await app.request("/", { headers: { "accept-encoding": encoding } });
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    assert(value!.byteLength > 0);
    await reader.cancel();
    assert(isStopped, encoding);
  }
});

Deno.test("`compress()` passes a failing source on", async () => {
  const app = new App({ logError: () => {} });
  app.use(compress());
  app.get("/", (c) =>
    c.stream(
      async (writer) => {
        await writer.write(TEXT);
        throw new Error("boom");
      },
      200,
      { "content-type": "text/plain" },
    ));
  const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
  const error = await response.bytes().catch((error: Error) => error);
  assertEquals((error as Error).message, "boom");
});

Deno.test("`compress()` around `etag()` answers 304", async () => {
  const app = new App();
  app.use(compress(), etag());
  app.get("/", (c) => c.text(TEXT));
  const headers = { "accept-encoding": "gzip" };
  const first = await app.request("/", { headers });
  const tag = first.headers.get("etag")!;
  assert(tag.startsWith("W/"));
  await first.body?.cancel();
  const second = await app.request("/", { headers: { ...headers, "if-none-match": tag } });
  assertEquals([second.status, second.body], [304, null]);
});
