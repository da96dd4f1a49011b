/**
 * What the application adds to a handler: `App.fetch` against a bare fetch-style handler that
 * finds its route by hand, and against Hono's `app.fetch`, without a server. Each request is a new
 * object, as on a server; what making it costs is in all rows.
 */
import { Hono } from "npm:hono@4.13.19";
import { App, type Middleware } from "../web/mod.ts";

/** As cheap as a request can be: a server's own is lazy, the platform's costs microseconds. */
class LazyRequest {
  readonly method = "GET";
  readonly url: string;
  readonly raw = undefined;
  constructor(url: string) {
    this.url = url;
  }
}

function request(url: string): Request {
  return new LazyRequest(url) as unknown as Request;
}

const INFO = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
} as const;

type Fetch = (request: Request) => Response | Promise<Response>;

function bench(group: string, url: string, subjects: Record<string, Fetch>): void {
  for (const [name, fetch] of Object.entries(subjects)) {
    // Deno's timer awaits nothing if nothing is a promise: each subject keeps what it is.
    const isAsync = fetch(request(url)) instanceof Promise;
    for (let round = 0; round < 20_000; round++) fetch(request(url));
    Deno.bench({
      name,
      group: `app: ${group}`,
      baseline: name === "groundwork",
      fn: isAsync ? async () => void await fetch(request(url)) : () => void fetch(request(url)),
    });
  }
}

const NOISE = ["/about", "/users", "/posts/:id", "/posts/:id/comments", "/static/*", "/health"];

function apps(middleware: number): { app: App; hono: Hono } {
  const app = new App();
  const hono = new Hono();
  const pass: Middleware = (_c, next) => next();
  for (let index = 0; index < middleware; index++) {
    app.use(pass);
    hono.use((_c, next) => next());
  }
  for (const path of NOISE) {
    app.get(path, (c) => c.text(path));
    hono.get(path, (c) => c.text(path));
  }
  app.get("/", (c) => c.text("Hello, World!"));
  hono.get("/", (c) => c.text("Hello, World!"));
  app.get("/users/:id", (c) => c.json({ id: c.param("id"), page: c.query("page", "1") }));
  hono.get(
    "/users/:id",
    (c) => c.json({ id: c.req.param("id"), page: c.req.query("page") ?? "1" }),
  );
  return { app, hono };
}

const JSON_TYPE = { headers: { "content-type": "application/json" } };

for (const layers of [0, 3]) {
  const { app, hono } = apps(layers);
  const suffix = layers === 0 ? "" : `, ${layers} middlewares`;
  bench(`text${suffix}`, "http://localhost:8000/", {
    "groundwork": (request) => app.fetch(request, INFO),
    "bare handler": ({ url }) =>
      url.endsWith(":8000/") ? new Response("Hello, World!") : new Response(null, { status: 404 }),
    "hono": (request) => hono.fetch(request),
  });
  bench(`JSON with parameter and query${suffix}`, "http://localhost:8000/users/42?page=3", {
    "groundwork": (request) => app.fetch(request, INFO),
    "bare handler": ({ url }) => {
      const query = url.indexOf("?");
      const id = decodeURIComponent(url.slice(url.indexOf("/users/") + 7, query));
      const page = new URLSearchParams(url.slice(query)).get("page") ?? "1";
      return new Response(JSON.stringify({ id, page }), JSON_TYPE);
    },
    "hono": (request) => hono.fetch(request),
  });
}
