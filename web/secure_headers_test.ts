import { assertEquals, assertThrows } from "@std/assert";
import { App } from "./app.ts";
import { DEFAULT_SECURE_HEADERS, secureHeaders } from "./secure_headers.ts";

Deno.test("`secureHeaders()` sets its defaults on every answer, and keeps a handler's", async () => {
  const app = new App({ logError: () => {} });
  app.use(secureHeaders());
  app.get("/own", (c) => c.text("x", 200, { "x-frame-options": "DENY" }));
  app.get("/throw", () => {
    throw new Error("boom");
  });
  for (const path of ["/none", "/throw"]) {
    const { headers } = await app.request(path);
    for (const [name, value] of Object.entries(DEFAULT_SECURE_HEADERS)) {
      assertEquals(headers.get(name), value, `${path} ${name}`);
    }
  }
  assertEquals((await app.request("/own")).headers.get("x-frame-options"), "DENY");
});

Deno.test("`secureHeaders()` takes values in any case, and checks them", async () => {
  const app = new App();
  app.use(secureHeaders({ "X-Frame-Options": "DENY", "Referrer-Policy": false, "X-More": "1" }));
  const { headers } = await app.request("/");
  assertEquals(headers.get("x-frame-options"), "DENY");
  assertEquals([headers.has("referrer-policy"), headers.get("x-more")], [false, "1"]);
  assertThrows(() => secureHeaders({ "x-a": "a\nb" }), TypeError);
});
