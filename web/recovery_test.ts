import { assertEquals } from "@std/assert";
import { App } from "./app.ts";
import { recovery } from "./recovery.ts";

Deno.test("`recovery()` gives outer middleware the error's answer", async () => {
  const errors: unknown[] = [];
  const app = new App({ logError: (error) => errors.push(error) });
  const seen: number[] = [];
  app.use(async (_c, next) => {
    seen.push((await next()).status);
  });
  app.use(recovery());
  app.get("/sync", () => {
    throw new Error("sync");
  });
  app.get("/async", () => Promise.reject(new Error("async")));
  for (const path of ["/sync", "/async"]) {
    const response = await app.request(path);
    assertEquals([response.status, await response.text()], [500, "Internal Server Error"]);
  }
  assertEquals(seen, [500, 500]);
  assertEquals(errors.map((error) => (error as Error).message), ["sync", "async"]);
});

Deno.test("`recovery()` puts the headers on the error that were set before it", async () => {
  const app = new App({ logError: () => {} });
  app.use(async (c, next) => {
    c.header("x-before", "1");
    await next();
    c.header("x-after", "2");
  }, recovery());
  app.get("/", () => {
    throw new Error("boom");
  });
  const { headers } = await app.request("/");
  assertEquals([headers.get("x-before"), headers.get("x-after")], ["1", "2"]);
});
