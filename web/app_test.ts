import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { delay } from "@std/async";
import { App, type AppOptions } from "./app.ts";
import { bodyLimit } from "./body_limit.ts";
import type { Context } from "./context.ts";
import { HttpError } from "./http_error.ts";
import { serve } from "./http1.ts";
import { RoutePatternError } from "./router.ts";

/** An application whose errors are collected. */
function createApp(options: AppOptions = {}): { app: App; errors: unknown[] } {
  const errors: unknown[] = [];
  const app = new App({ logError: (error) => void errors.push(error), ...options });
  return { app, errors };
}

Deno.test("`App` serves the routes of its transcript", async () => {
  const { app } = createApp();
  app.get("/users/:id", (c) => c.json({ id: c.param("id"), page: c.query("page", "1") }));
  app.post("/users", async (c) => c.json(await c.req.json(), 201));
  app.put("/users/:id", (c) => c.text(`put ${c.param("id")}`));
  app.delete("/users/:id", (c) => c.body(null, 204));
  app.get("/static/*filepath", (c) => c.text(c.param("filepath")));
  const api = app.group("/api/v1");
  api.use((c, next) => {
    c.header("x-api", "1");
    return next();
  });
  api.get("/profile", (c) => c.html("<b>me</b>"));

  const user = await app.request("/users/7");
  assertEquals(user.headers.get("content-type"), "application/json");
  assertEquals(await user.text(), '{"id":"7","page":"1"}');
  assertEquals(await (await app.request("/users/7?page=3&page=4")).json(), { id: "7", page: "3" });
  const created = await app.request("/users", { method: "POST", body: '{"a":1}' });
  assertEquals([created.status, await created.json()], [201, { a: 1 }]);
  assertEquals(await (await app.request("/users/8", { method: "PUT" })).text(), "put 8");
  assertEquals((await app.request("/users/8", { method: "DELETE" })).status, 204);
  assertEquals(await (await app.request("/static/css/a%20b.css")).text(), "css/a b.css");
  const profile = await app.request("/api/v1/profile");
  assertEquals(profile.headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(profile.headers.get("x-api"), "1");
  assertEquals((await app.request("/users/7")).headers.has("x-api"), false);
});

Deno.test("`App` infers parameters and variables", async () => {
  const app = new App<{ user: { name: string } }>();
  app.use((c, next) => {
    c.set("user", { name: "Ada" });
    return next();
  });
  const group = app.group("/t/:tenant");
  group.get("/u/:id{[0-9]+}/:tab?", (c) => {
    const tenant: string = c.param("tenant");
    const id: string = c.params.id;
    const tab: string | undefined = c.param("tab");
    // @ts-expect-error the pattern has no such parameter
    assertEquals(c.param("missing"), undefined);
    const user: { name: string } = c.get("user");
    return c.text([tenant, id, tab, user.name, c.pattern].join(" "));
  });
  const response = await app.request("/t/acme/u/7");
  assertEquals(await response.text(), "acme 7  Ada /t/:tenant/u/:id{[0-9]+}/:tab?");
});

Deno.test("`App` runs middleware like an onion, in order of registration", async () => {
  const { app } = createApp();
  const log: string[] = [];
  const layer = (name: string) => async (_c: Context, next: () => Promise<Response>) => {
    log.push(`>${name}`);
    const response = await next();
    log.push(`<${name}`);
    return response;
  };
  app.get("/early", (c) => c.text("early"));
  app.use(layer("a"));
  const outer = app.group("/g");
  outer.use(layer("b"));
  const inner = outer.group("/h");
  inner.use(layer("c"));
  inner.get("/x", layer("d"), (c) => {
    log.push("x");
    return c.text("x");
  });
  await app.request("/g/h/x");
  assertEquals(log.splice(0), [">a", ">b", ">c", ">d", "x", "<d", "<c", "<b", "<a"]);
  await app.request("/early");
  assertEquals(log.splice(0), []);
  await app.request("/none");
  assertEquals(log.splice(0), [">a", "<a"]);
});

Deno.test("`App.use()` with a pattern runs where the path matches, however it is written", async () => {
  const { app } = createApp();
  app.use("/admin/*", () => new Response("no", { status: 403 }));
  app.get("/admin", (c) => c.text("in"));
  app.get("/:a/secret", (c) => c.text("in"));
  app.get("/adminx", (c) => c.text("in"));
  for (const path of ["/admin", "/admin/secret", "/%61dmin/secret", "/admin/nothing", "/admin/"]) {
    assertEquals((await app.request(path)).status, 403, path);
  }
  assertEquals((await app.request("/adminx")).status, 200);
  assertEquals((await app.request("/other/secret")).status, 200);
});

Deno.test("`Middleware` may return nothing after next(), and replace the answer", async () => {
  const { app } = createApp();
  app.get("/kept", async (_c, next) => void await next(), (c) => c.text("kept"));
  app.get("/set", async (c, next) => {
    await next();
    c.res = new Response(`${await c.res.text()}!`);
  }, (c) => c.text("set"));
  app.get("/header", async (c, next) => {
    await next();
    c.header("x-late", "1");
  }, () => Response.redirect("http://localhost/immutable"));
  assertEquals(await (await app.request("/kept")).text(), "kept");
  assertEquals(await (await app.request("/set")).text(), "set!");
  const immutable = await app.request("/header");
  assertEquals([immutable.status, immutable.headers.get("x-late")], [302, "1"]);
});

Deno.test("`Middleware` that misbehaves is a 500 that names the mistake", async () => {
  const { app, errors } = createApp();
  app.get("/nothing", (() => {}) as never, (c) => c.text("x"));
  app.get("/twice", async (_c, next) => {
    await next();
    return await next();
  }, (c) => c.text("x"));
  app.get("/string", (() => "text") as never);
  app.get("/promise", (() => Promise.resolve(null)) as never);
  app.get("/early-res", (c, next) => {
    c.res;
    return next();
  }, (c) => c.text("x"));
  for (const path of ["/nothing", "/twice", "/string", "/promise", "/early-res"]) {
    assertEquals((await app.request(path)).status, 500, path);
  }
  assertEquals(errors.map((error) => (error as Error).message), [
    "A middleware returned nothing, and did not await next()",
    "Cannot call next() twice in one middleware",
    "A handler must return a Response, not string",
    "A handler must return a Response, not null",
    "Cannot read the answer: there is none before next() has resolved",
  ]);
});

Deno.test("`App` answers HEAD with the headers of GET and no body", async () => {
  const { app } = createApp();
  app.get("/a", (c) => c.text("body", 200, { "x-a": "1" }));
  app.get("/stream", (c) => c.stream(() => Promise.reject(new Error("must not start"))));
  app.head("/own", (c) => c.body(null, 200, { "x-own": "1" }));
  app.get("/own", (c) => c.text("get"));
  const response = await app.request("/a", { method: "HEAD" });
  assertEquals([response.body, response.headers.get("x-a")], [null, "1"]);
  assertEquals(response.headers.get("content-type"), "text/plain;charset=UTF-8");
  assertEquals(response.headers.get("content-length"), "4");
  assertEquals((await app.request("/stream", { method: "HEAD" })).body, null);
  assertEquals((await app.request("/own", { method: "HEAD" })).headers.get("x-own"), "1");
});

Deno.test("`App` answers OPTIONS and 405 with the methods of the path", async () => {
  const { app, errors } = createApp();
  app.get("/a/:x", (c) => c.text("x")).post("/a/b", (c) => c.text("b"));
  app.options("/own", (c) => c.text("own"));
  app.all("/all", (c) => c.text(c.method));
  const options = await app.request("/a/b", { method: "OPTIONS" });
  assertEquals([options.status, options.headers.get("allow")], [204, "GET, HEAD, POST, OPTIONS"]);
  const refused = await app.request("/a/c", { method: "POST" });
  assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
  assertEquals(await (await app.request("/own", { method: "OPTIONS" })).text(), "own");
  assertEquals(await (await app.request("/all", { method: "PURGE" })).text(), "PURGE");
  assertEquals((await app.request("/b", { method: "OPTIONS" })).status, 404);
  assertEquals(errors, []);
});

Deno.test("`App` runs a route's middleware around the automatic OPTIONS and 405", async () => {
  const { app } = createApp();
  const group = app.group("/g");
  group.use(async (c, next) => {
    c.header("x-g", c.method);
    return await next();
  });
  group.get("/a", (c) => c.text("a"));
  for (const [method, status] of [["OPTIONS", 204], ["POST", 405]] as const) {
    const response = await app.request("/g/a", { method });
    assertEquals([response.status, response.headers.get("x-g")], [status, method]);
  }
});

Deno.test("`App` answers 400 to a path that cannot be decoded", async () => {
  const { app, errors } = createApp();
  app.use((c, next) => {
    c.header("x-seen", "1");
    return next();
  });
  app.use("/admin/*", (_c, next) => next());
  app.get("/:a", (c) => c.text(c.param("a")));
  assertEquals((await app.request("/%")).headers.get("x-seen"), "1");
  for (const path of ["/%zz", "/%", "/%C3%28", "/none/%FF"]) {
    assertEquals((await app.request(path)).status, 400, path);
  }
  assertEquals(await (await app.request("/a%2Fb")).text(), "a/b");
  assertEquals(errors, []);
});

Deno.test("`App` redirects a trailing slash with its query, and never to another host", async () => {
  const { app } = createApp({ trailingSlash: "redirect" });
  app.get("/a/:x", (c) => c.text("x")).get("/b/", (c) => c.text("b"));
  const response = await app.request("/a/1/?q=1");
  assertEquals([response.status, response.headers.get("location")], [308, "/a/1?q=1"]);
  assertEquals((await app.request("/b")).headers.get("location"), "/b/");
  // A server may pass a backslash on; browsers take "/\" for "//".
  const { app: root } = createApp({ trailingSlash: "redirect" });
  root.get("/:x", (c) => c.text("x"));
  const raw = { url: "http://localhost/\\evil.com/", method: "GET" } as Request;
  assertEquals((await root.fetch(raw)).headers.get("location"), "/%5Cevil.com");
  assertEquals((await root.request("//evil.com/")).status, 404);
});

Deno.test("`App.notFound()` and `App.onError()` take over", async () => {
  const { app, errors } = createApp();
  app.notFound((c) => c.json({ missing: c.path }, 404));
  app.get("/throw", () => {
    throw new Error("secret");
  });
  app.get("/later", async (c) => {
    await delay(0);
    throw new HttpError(409, "Too late", { headers: { "x-why": c.path } });
  });
  const missing = await app.request("/x");
  assertEquals([missing.status, await missing.json()], [404, { missing: "/x" }]);
  const thrown = await app.request("/throw");
  assertEquals([thrown.status, await thrown.text()], [500, "Internal Server Error"]);
  assertEquals(errors.map((error) => (error as Error).message), ["secret"]);
  const later = await app.request("/later");
  assertEquals([later.status, await later.text()], [409, "Too late"]);
  assertEquals(later.headers.get("x-why"), "/later");

  app.onError((error, c) => c.json({ error: (error as Error).message }, 418));
  assertEquals(await (await app.request("/throw")).json(), { error: "secret" });
  app.onError(() => {
    throw new Error("broken handler");
  });
  assertEquals((await app.request("/throw")).status, 500);
  assertEquals((errors.at(-1) as Error).message, "broken handler");
});

Deno.test("`App` survives what is thrown that is no Error, and headers that cannot be sent", async () => {
  const { app, errors } = createApp();
  app.get("/string", () => {
    throw "text";
  });
  app.get("/undefined", () => Promise.reject());
  assertEquals((await app.request("/string")).status, 500);
  assertEquals((await app.request("/undefined")).status, 500);
  assertEquals(errors, ["text", undefined]);
  app.get("/header", (c) => {
    c.header("x-a", "a\r\nset-cookie: b");
    return c.text("x");
  });
  const response = await app.request("/header");
  assertEquals([response.status, response.headers.has("set-cookie")], [500, false]);
  assertThrows(() => new HttpError(200), RangeError);
});

Deno.test("`App.request()` logs the trace of a 500 to the console by default", async () => {
  const app = new App();
  app.get("/a", () => {
    throw new Error("boom");
  });
  const original = console.error;
  const lines: unknown[][] = [];
  console.error = (...line) => lines.push(line);
  try {
    assertEquals((await app.request("/a")).status, 500);
  } finally {
    console.error = original;
  }
  assertEquals(lines[0]![0], "Error: GET /a:");
  assertStringIncludes((lines[0]![1] as Error).stack!, "app_test.ts");
});

Deno.test("`Context.header()` reaches answers of every kind, errors included", async () => {
  const { app } = createApp();
  app.use((c, next) => {
    c.header("x-set", "outer");
    c.header("x-default", "outer", "default");
    c.header("set-cookie", "a=1", "append");
    c.header("set-cookie", "b=2", "append");
    return next();
  });
  app.get("/raw", () => new Response("raw", { headers: { "x-set": "in", "x-default": "in" } }));
  app.get("/throw", () => {
    throw new Error("boom");
  });
  app.get("/two", (c) => {
    c.text("not sent");
    return c.text("sent");
  });
  for (const path of ["/raw", "/throw", "/two", "/none"]) {
    const { headers } = await app.request(path);
    assertEquals(headers.get("x-set"), "outer", path);
    assertEquals(headers.get("x-default"), path === "/raw" ? "in" : "outer", path);
    assertEquals(headers.getSetCookie(), ["a=1", "b=2"], path);
  }
});

Deno.test("`Context` reads queries and refuses what is no JSON", async () => {
  const { app, errors } = createApp();
  app.get("/q", (c) => c.json([c.query("a"), c.query("b", "d"), c.queries("a"), c.url.search]));
  app.get("/json", (c) => c.json(undefined));
  assertEquals(await (await app.request("/q?a=1%202&a=%E2%82%AC#x?y")).json(), [
    "1 2",
    "d",
    ["1 2", "€"],
    "?a=1%202&a=%E2%82%AC",
  ]);
  assertEquals(await (await app.request("/q#?a=1")).json(), [null, "d", [], ""]);
  assertEquals((await app.request("/json")).status, 500);
  assertEquals(errors.length, 1);
});

Deno.test("`Context.redirect()` encodes the location and checks the status", async () => {
  const { app } = createApp();
  app.get("/a", (c) => c.redirect("/é?x=1 2", 303));
  app.get("/b", (c) => c.redirect("/x\r\nset-cookie: a"));
  app.get("/c", (c) => c.redirect("/x", 200 as 302));
  const response = await app.request("/a");
  assertEquals([response.status, response.headers.get("location")], [303, "/%C3%A9?x=1%202"]);
  const split = await app.request("/b");
  assertEquals(split.headers.get("location"), "/x%0D%0Aset-cookie:%20a");
  assertEquals(split.headers.has("set-cookie"), false);
  assertEquals((await app.request("/c")).status, 500);
});

Deno.test("`Context.file()` answers with a file", async () => {
  const { app } = createApp();
  app.get("/self", (c) => c.file(new URL(import.meta.url).pathname));
  const response = await app.request("/self", { headers: { range: "bytes=0-5" } });
  assertEquals([response.status, await response.text()], [206, "import"]);
});

Deno.test("`Context.signal` follows the deadline, the closest one", async () => {
  const { app } = createApp();
  app.get("/a", async (c) => {
    assertEquals(c.deadline, undefined);
    c.setDeadline(60_000);
    const { signal: early } = c;
    c.setDeadline(5);
    c.setDeadline(120_000);
    assert(c.deadline! <= Date.now() + 5);
    await new Promise((resolve) => c.signal.addEventListener("abort", resolve));
    assertEquals([early.aborted, (c.signal.reason as DOMException).name], [true, "TimeoutError"]);
    return c.text("late");
  });
  // The timer of the long deadline ends with the answer: the sanitizer would find it.
  app.get("/b", (c) => {
    c.setDeadline(60_000);
    return c.text("in time");
  });
  assertEquals(await (await app.request("/a")).text(), "late");
  assertEquals(await (await app.request("/b")).text(), "in time");
});

Deno.test("`Context.signal` follows the client", async () => {
  const { app } = createApp();
  const client = new AbortController();
  app.get("/a", async (c) => {
    c.setDeadline(60_000);
    client.abort(new Error("gone"));
    await delay(0);
    return c.text((c.signal.reason as Error).message);
  });
  assertEquals(await (await app.request("/a", { signal: client.signal })).text(), "gone");
});

Deno.test("`App` does not take a deadline or a client that is gone for an error", async () => {
  const { app, errors } = createApp();
  const client = new AbortController();
  app.get("/gone", async (c) => {
    client.abort();
    await delay(1_000, { signal: c.signal });
    return c.text("x");
  });
  app.get("/late", async (c) => {
    c.setDeadline(5);
    await delay(1_000, { signal: c.signal });
    return c.text("x");
  });
  assertEquals((await app.request("/gone", { signal: client.signal })).status, 499);
  assertEquals(errors, []);
  assertEquals((await app.request("/late")).status, 503);
  assertEquals(errors.length, 1);
});

Deno.test("`RouteGroup` refuses bad prefixes, and conflicts across groups", () => {
  const { app } = createApp();
  assertThrows(() => app.group("api"), TypeError);
  assertThrows(() => app.group("/api/"), TypeError);
  app.group("/api").get("/a", (c) => c.text("1"));
  assertThrows(() => app.get("/api/a", (c) => c.text("2")), RoutePatternError, `"/api/a"`);
  app.group(
    "/x",
    (group) => void group.get("/", (c) => c.text("root")).on(["LINK"], "/l", (c) => c.text("l")),
  );
  assertEquals(app.routes, [
    { method: "GET", pattern: "/api/a" },
    { method: "GET", pattern: "/x" },
    { method: "LINK", pattern: "/x/l" },
  ]);
});

/** The same answers from any server that is fetch-style. */
async function checkServed(start: (app: App) => { port: number } & AsyncDisposable): Promise<void> {
  const { app } = createApp();
  app.use(async (c, next) => {
    c.header("x-client", c.info.remoteAddr.transport);
    return await next();
  });
  app.get("/hello/:name", (c) => c.text(`Hello ${c.param("name")}`));
  app.post("/echo", async (c) => c.json({ received: await c.req.json() }));
  app.post("/limited", bodyLimit({ maxBytes: 4 }), async (c) => c.text(await c.req.text()));
  app.get("/events", (c) =>
    c.sse(async (stream) => {
      for (let id = 1; id <= 3; id++) await stream.send({ id: String(id), data: { id } });
    }));
  await using server = start(app);
  const base = `http://127.0.0.1:${server.port}`;
  const hello = await fetch(`${base}/hello/W%C3%B6rld?x`);
  assertEquals([await hello.text(), hello.headers.get("x-client")], ["Hello Wörld", "tcp"]);
  const echo = await fetch(`${base}/echo`, { method: "POST", body: '{"a":1}' });
  assertEquals(await echo.json(), { received: { a: 1 } });
  const body = ReadableStream.from(["123", "45"]).pipeThrough(new TextEncoderStream());
  const limited = await fetch(`${base}/limited`, { method: "POST", body });
  assertEquals([limited.status, await limited.text()], [413, "Content Too Large"]);
  const events = await fetch(`${base}/events`);
  assertEquals(events.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertEquals((await events.text()).split("\n\n")[2], 'id: 3\ndata: {"id":3}');
  const head = await fetch(`${base}/hello/x`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals(head.headers.get("content-length"), "7");
  const missing = await fetch(`${base}/none`, { method: "POST", body: "x" });
  assertEquals([missing.status, await missing.text()], [404, "Not Found"]);
  const malformed = await fetch(`${base}/hello/%zz`);
  assertEquals([malformed.status, await malformed.text()], [400, "Malformed path"]);
}

Deno.test("`App.fetch` runs on `Deno.serve()`", async () => {
  await checkServed((app) => {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const server = Deno.serve(options, app.fetch);
    return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
  });
});

Deno.test("`App.fetch` runs on the server of this package", async () => {
  await checkServed((app) => {
    const server = serve({ port: 0 }, app.fetch);
    return {
      port: server.addr.port,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() as Promise<void>,
    };
  });
});

Deno.test("`Context.sse()` stops its producer when the client leaves `Deno.serve()`", async () => {
  const { app, errors } = createApp();
  const { promise: left, resolve } = Promise.withResolvers<void>();
  app.get("/events", (c) =>
    c.sse(async (stream) => {
      try {
        for (let tick = 0;; tick++) {
          await stream.send({ data: tick });
          await delay(5, { signal: stream.signal });
        }
      } finally {
        resolve();
      }
    }));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    app.fetch,
  );
  const client = new AbortController();
  const url = `http://127.0.0.1:${server.addr.port}/events`;
  const response = await fetch(url, { signal: client.signal });
  const reader = response.body!.getReader();
  await reader.read();
  client.abort();
  await assertRejects(() => reader.read());
  await left;
  assertEquals(errors, []);
});
