/**
 * A peer of `http.ts` that is at home on Node.js, in a process of its own; prints its port. Runs on
 * Node.js with its packages in the folder that the second argument names.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [subject, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/index.js`);
const HOST = "127.0.0.1";

const subjects = {
  "node:http"() {
    const server = createServer((request, response) => {
      if (request.method === "POST") {
        const chunks = [];
        request.on("data", (chunk) => chunks.push(chunk));
        request.on("end", () => response.end(Buffer.concat(chunks)));
      } else if (request.url === "/json") {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ message: "Hello, World!" }));
      } else {
        response.setHeader("content-type", "text/plain;charset=UTF-8");
        response.end("Hello, World!");
      }
    });
    server.listen(0, HOST, () => console.log(server.address().port));
  },
  async fastify() {
    const app = require("fastify")();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
    app.get("/", (_, reply) => reply.type("text/plain;charset=UTF-8").send("Hello, World!"));
    app.get("/json", () => ({ message: "Hello, World!" }));
    app.post("/", (request, reply) => reply.send(request.body));
    await app.listen({ port: 0, host: HOST });
    console.log(app.server.address().port);
  },
  "@hono/node-server"() {
    const { serve } = require("@hono/node-server");
    const handle = (request) =>
      request.url.endsWith("/json")
        ? Response.json({ message: "Hello, World!" })
        : new Response("Hello, World!");
    const echo = async (request) => new Response(await request.arrayBuffer());
    const fetch = (request) => request.method === "POST" ? echo(request) : handle(request);
    serve({ fetch, port: 0, hostname: HOST }, ({ port }) => console.log(port));
  },
};

await subjects[subject]();
