/** One subject of `http.ts`, in a process of its own: some replace the global `Request`. Prints its port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "../../web/mod.ts";

const TEXT = "Hello, World!";

function answer(request: Request): Response {
  return request.url.endsWith("/json") ? Response.json({ message: TEXT }) : new Response(TEXT);
}

const SUBJECTS: Record<string, () => number | Promise<number>> = {
  groundwork: () => serve({ port: 0 }, answer).addr.port,
  "Deno.serve": () =>
    (Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer)
      .addr as Deno.NetAddr)
      .port,
  "node:http": () =>
    new Promise((resolve) => {
      const server = createServer((request, response) => {
        const json = request.url === "/json";
        response.setHeader("content-type", json ? "application/json" : "text/plain");
        response.end(json ? JSON.stringify({ message: TEXT }) : TEXT);
      }).listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
    }),
  fastify: async () => {
    const { fastify } = await import("npm:fastify@5.12.8");
    const app = fastify();
    app.get("/", () => TEXT);
    app.get("/json", () => ({ message: TEXT }));
    await app.listen({ port: 0, host: "127.0.0.1" });
    return (app.server.address() as AddressInfo).port;
  },
  "@hono/node-server": async () => {
    const node = await import("npm:@hono/node-server@2.1.8");
    return await new Promise((resolve) => {
      node.serve({ fetch: answer, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port));
    });
  },
};

console.log(await SUBJECTS[Deno.args[0]!]!());
