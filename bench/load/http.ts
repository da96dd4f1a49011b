/**
 * The HTTP/1.1 server under wrk, with 32 connections, one request at a time and 16 pipelined,
 * against the servers that a Deno program can use. The subjects take turns; the best round counts.
 */
import { printRow, startSubject, wrk } from "./_load.ts";

const ROUNDS = 3;
const SECONDS = 2;
const CONNECTIONS = 32;
const SUBJECTS = ["groundwork", "Deno.serve", "node:http", "fastify", "@hono/node-server"];
const LOADS = [
  { group: "HTTP/1.1 plaintext", path: "/" },
  { group: "HTTP/1.1 JSON", path: "/json" },
  { group: "HTTP/1.1 plaintext, 16 pipelined", path: "/", pipeline: 16 },
  { group: "HTTP/1.1 JSON, 16 pipelined", path: "/json", pipeline: 16 },
];

const servers = new Map(
  await Promise.all(
    SUBJECTS.map(async (subject) =>
      [subject, await startSubject("_http_server.ts", subject)] as const
    ),
  ),
);
for (const { group, path, pipeline } of LOADS) {
  const best = new Map<string, number>();
  const options = { connections: CONNECTIONS, seconds: SECONDS };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [subject, { port }] of servers) {
      const load = pipeline === undefined ? options : { ...options, pipeline };
      const rate = await wrk(`http://127.0.0.1:${port}${path}`, load);
      best.set(subject, Math.max(best.get(subject) ?? 0, rate));
    }
  }
  for (const peer of SUBJECTS.slice(1)) {
    printRow(group, best.get("groundwork")!, peer, best.get(peer)!);
  }
}
for (const server of servers.values()) await server.stop();
