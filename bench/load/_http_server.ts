/** A subject of `http.ts` and `idle.ts` on Deno, in a process of its own; prints its port. */
import { serve } from "../../web/mod.ts";

const TEXT = "Hello, World!";

function answer(request: Request): Response {
  return request.url.endsWith("/json") ? Response.json({ message: TEXT }) : new Response(TEXT);
}

if (Deno.args[0] === "groundwork") {
  // The idle test opens all its connections from one address, and holds them.
  const limits = { connectionsPerAddress: 16_384, idleTimeoutMs: 600_000 };
  console.log(serve({ port: 0, limits }, answer).addr.port);
} else {
  const onListen = ({ port }: Deno.NetAddr) => console.log(port);
  Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, answer);
}
