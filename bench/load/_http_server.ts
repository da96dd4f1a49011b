/** A subject of `http.ts` and `idle.ts` on Deno, in a process of its own; prints its port. */
import { serve } from "../../web/http1.ts";

const [subject = "groundwork"] = Deno.args;

function handle(request: Request): Response {
  return request.url.endsWith("/json")
    ? Response.json({ message: "Hello, World!" })
    : new Response("Hello, World!");
}

async function answer(request: Request): Promise<Response> {
  return new Response(await request.bytes());
}

/** Bodies are echoed; only such requests take the asynchronous way, on every subject alike. */
const handler = (request: Request): Response | Promise<Response> =>
  request.method === "POST" ? answer(request) : handle(request);

if (subject === "groundwork") {
  // The idle test opens all its connections from one address.
  const limits = { connections: 40_000, connectionsPerAddress: 40_000, idleTimeoutMs: 600_000 };
  console.log(serve({ port: 0, limits }, handler).addr.port);
} else {
  Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(port),
  }, handler);
}
