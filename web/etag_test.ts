import { assert, assertEquals, assertMatch } from "@std/assert";
import { App } from "./app.ts";
import { etag, matchesWeakly } from "./etag.ts";

function createApp(): App {
  const app = new App();
  app.use(etag({ maxBytes: 100 }));
  app.get("/a", (c) => c.text("hello", 200, { "cache-control": "max-age=5", vary: "Cookie" }));
  app.get("/own", (c) => c.text("own", 200, { etag: 'W/"v1"' }));
  app.get("/big", (c) => c.text("x".repeat(101)));
  app.get("/limit", (c) => c.text("x".repeat(100)));
  app.get("/events", (c) => c.sse(() => {}));
  app.get("/created", (c) => c.text("x", 201));
  app.post("/a", (c) => c.text("post"));
  return app;
}

const get = (path: string, tag?: string) =>
  createApp().request(path, tag === undefined ? {} : { headers: { "if-none-match": tag } });

Deno.test("`etag()` tags an answer by its body and answers 304", async () => {
  const response = await get("/a");
  const tag = response.headers.get("etag")!;
  assertMatch(tag, /^"[\w-]{27}"$/);
  assertEquals(await response.text(), "hello");
  for (const list of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
    const unchanged = await get("/a", list);
    assertEquals([unchanged.status, unchanged.body], [304, null]);
    assertEquals(Object.fromEntries(unchanged.headers), {
      "cache-control": "max-age=5",
      etag: tag,
      vary: "Cookie",
    });
  }
  assertEquals((await get("/a", '"other"')).status, 200);
  const head = await createApp().request("/a", {
    method: "HEAD",
    headers: { "if-none-match": tag },
  });
  assertEquals(head.status, 304);
});

Deno.test("`etag()` uses a handler's tag, compared weakly", async () => {
  assertEquals((await get("/own", '"v1"')).status, 304);
  assertEquals((await get("/own", 'W/"v2"')).headers.get("etag"), 'W/"v1"');
});

Deno.test("`etag()` lets larger bodies, streams and other answers pass", async () => {
  const big = await get("/big");
  assertEquals([big.headers.has("etag"), (await big.text()).length], [false, 101]);
  assert((await get("/limit")).headers.has("etag"));
  for (const path of ["/events", "/created", "/none"]) {
    const response = await get(path, "*");
    assertEquals(response.headers.has("etag"), false, path);
    assert(response.status !== 304);
    await response.body?.cancel();
  }
  const post = await createApp().request("/a", { method: "POST" });
  assertEquals(post.headers.has("etag"), false);
});

Deno.test("`matchesWeakly()` reads lists", () => {
  assert(matchesWeakly(' "a" , W/"b,c"', '"b,c"'));
  assert(!matchesWeakly('"ab"', '"a"'));
  assert(!matchesWeakly("a", '"a"'));
  assert(!matchesWeakly("", '"a"'));
});
