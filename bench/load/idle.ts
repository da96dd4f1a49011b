/**
 * Holds 10,000 idle keep-alive connections beside ten active ones, and prints what one costs in
 * resident memory and how many requests a second the active ones get, as lines of text.
 * Needs `ulimit -n` above 10,100 for the server and for this process.
 */
import { serve } from "../../web/mod.ts";
import { startSubject } from "./_load.ts";

const IDLE = 10_000;
const ACTIVE = 10;
const SECONDS = 5;
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

if (Deno.args[0] === "server") {
  const limits = { connectionsPerAddress: IDLE + 100, idleTimeoutMs: 120_000 };
  const server = serve({ port: 0, limits }, () => {
    return Response.json({ rssBytes: Deno.memoryUsage().rss, ...server.stats() });
  });
  console.log(server.addr.port);
} else {
  const subject = await startSubject("idle.ts", "server");
  const ask = async () => await (await fetch(`http://127.0.0.1:${subject.port}/`)).json();
  const before = await ask();
  const connections: Deno.TcpConn[] = [];
  const buffer = new Uint8Array(1_024);
  for (let index = 0; index < IDLE; index++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: subject.port });
    await connection.write(REQUEST);
    await connection.read(buffer);
    connections.push(connection);
  }
  const after = await ask();
  const kilobytes = (after.rssBytes - before.rssBytes) / IDLE / 1_024;
  console.log(`${after.connections} connections open, ${kilobytes.toFixed(1)} KiB each`);
  let answered = 0;
  const endMs = performance.now() + SECONDS * 1_000;
  await Promise.all(Array.from({ length: ACTIVE }, async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: subject.port });
    const own = new Uint8Array(1_024);
    while (performance.now() < endMs) {
      await connection.write(REQUEST);
      await connection.read(own);
      answered++;
    }
    connection.close();
  }));
  console.log(`${Math.round(answered / SECONDS)} requests/s on ${ACTIVE} connections beside them`);
  const still = await ask();
  console.log(`${still.connections} connections open at the end`);
  for (const connection of connections) connection.close();
  await subject.stop();
}
