/** One subject of `app_load.ts`, in a process of its own; prints its port. */
import { Hono } from "npm:hono@4.13.19";
import { serve } from "../../web/http1.ts";
import { App, type Handler } from "../../web/mod.ts";

const SUBJECTS: Record<string, () => Handler> = {
  app: () => {
    const app = new App();
    app.get("/", (c) => c.text("Hello, World!"));
    app.get("/users/:id", (c) => c.json({ id: c.param("id") }));
    return app.fetch;
  },
  bare: () => (request) => {
    const { url } = request;
    const start = url.indexOf("/users/");
    if (start < 0) return new Response("Hello, World!");
    return Response.json({ id: decodeURIComponent(url.slice(start + 7)) });
  },
  hono: () => {
    const app = new Hono();
    app.get("/", (c) => c.text("Hello, World!"));
    app.get("/users/:id", (c) => c.json({ id: c.req.param("id") }));
    return (request) => app.fetch(request);
  },
};

const server = serve({ port: 0 }, SUBJECTS[Deno.args[0]!]!());
console.log(server.addr.port);
