import { assertEquals, assertThrows } from "@std/assert";
import { App } from "./app.ts";
import { basicAuth } from "./basic_auth.ts";
import { cors, type CorsOptions } from "./cors.ts";

const ORIGIN = "https://a.example";

function createApp(options?: CorsOptions): App {
  const app = new App({ logError: () => {} });
  app.use(cors(options));
  app.get("/", (c) => c.text("x")).put("/", (c) => c.text("put"));
  app.get("/throw", () => {
    throw new Error("boom");
  });
  return app;
}

function preflight(app: App, origin = ORIGIN, path = "/"): Promise<Response> {
  const headers = {
    origin,
    "access-control-request-method": "PUT",
    "access-control-request-headers": "x-a, content-type",
  };
  return app.request(path, { method: "OPTIONS", headers });
}

Deno.test("`cors()` lets every origin read by default", async () => {
  const app = createApp();
  const response = await app.request("/", { headers: { origin: ORIGIN } });
  assertEquals(response.headers.get("access-control-allow-origin"), "*");
  assertEquals(response.headers.has("vary"), false);
  assertEquals((await app.request("/")).headers.has("access-control-allow-origin"), false);
});

Deno.test("`cors()` answers a preflight without the handlers below", async () => {
  const app = createApp({
    origin: [ORIGIN, "https://b.example"],
    credentials: true,
    maxAgeSeconds: 600,
    methods: ["PUT"],
  });
  const response = await preflight(app);
  assertEquals(response.status, 204);
  assertEquals(Object.fromEntries(response.headers), {
    "access-control-allow-credentials": "true",
    "access-control-allow-headers": "x-a, content-type",
    "access-control-allow-methods": "PUT",
    "access-control-allow-origin": ORIGIN,
    "access-control-max-age": "600",
    "vary": "Access-Control-Request-Method, Access-Control-Request-Headers, Origin",
  });
});

Deno.test("`cors()` tells an origin that may not nothing", async () => {
  const app = createApp({ origin: ORIGIN, exposeHeaders: ["x-a"] });
  for (const origin of ["https://evil.example", `${ORIGIN}.evil.example`, "null"]) {
    const asked = await preflight(app, origin);
    assertEquals([asked.status, asked.headers.has("access-control-allow-origin")], [204, false]);
    assertEquals(asked.headers.has("access-control-allow-methods"), false);
    const response = await app.request("/", { headers: { origin } });
    assertEquals(response.headers.has("access-control-allow-origin"), false);
    assertEquals(response.headers.get("vary"), "Origin");
  }
  const response = await app.request("/", { headers: { origin: ORIGIN } });
  assertEquals(response.headers.get("access-control-expose-headers"), "x-a");
});

Deno.test("`cors()` marks errors too, and OPTIONS that is no preflight passes", async () => {
  const app = createApp({ origin: (origin) => origin.endsWith(".example"), allowHeaders: ["x-b"] });
  for (const path of ["/throw", "/none", "/%zz"]) {
    const { headers } = await app.request(path, { headers: { origin: ORIGIN } });
    assertEquals(headers.get("access-control-allow-origin"), ORIGIN, path);
  }
  const plain = await app.request("/", { method: "OPTIONS" });
  assertEquals(plain.headers.get("allow"), "GET, HEAD, PUT, OPTIONS");
  assertEquals((await preflight(app)).headers.get("access-control-allow-headers"), "x-b");
});

Deno.test("`cors()` of a group answers the group's preflights before its authentication", async () => {
  const app = new App();
  const group = app.group("/api");
  group.use(cors(), basicAuth({ users: { a: "b" } }));
  group.put("/x", (c) => c.text("x"));
  const response = await preflight(app, ORIGIN, "/api/x");
  assertEquals([response.status, response.headers.get("access-control-allow-origin")], [204, "*"]);
  assertEquals((await app.request("/api/x", { method: "PUT" })).status, 401);
});

Deno.test("`cors()` refuses credentials for every origin", () => {
  assertThrows(() => cors({ credentials: true }), TypeError);
});
