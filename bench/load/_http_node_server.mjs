/**
 * A peer of `http.ts` on Node.js, in a process of its own; prints its port. Its packages are in the
 * folder that the second argument names.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [subject, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/index.js`);
const HOST = "127.0.0.1";
const TEXT = "Hello, World!";

const subjects = {
  "node:http"() {
    const server = createServer((request, response) => {
      const json = request.url === "/json";
      response.setHeader("content-type", json ? "application/json" : "text/plain;charset=UTF-8");
      response.end(json ? JSON.stringify({ message: TEXT }) : TEXT);
    });
    server.listen(0, HOST, () => console.log(server.address().port));
  },
  async fastify() {
    const app = require("fastify")();
    app.get("/", () => TEXT);
    app.get("/json", () => ({ message: TEXT }));
    await app.listen({ port: 0, host: HOST });
    console.log(app.server.address().port);
  },
  "@hono/node-server"() {
    const { serve } = require("@hono/node-server");
    const fetch = (request) =>
      request.url.endsWith("/json") ? Response.json({ message: TEXT }) : new Response(TEXT);
    serve({ fetch, port: 0, hostname: HOST }, ({ port }) => console.log(port));
  },
};

await subjects[subject]();
