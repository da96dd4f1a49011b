/**
 * The HTTP/1.1 server under wrk, with 32 connections, one request at a time and 16 pipelined,
 * against `Deno.serve` and against what Node.js programs use, each in a process of its own. The
 * subjects take turns; the best round counts.
 */
import { installNodePeers, NODE_PEERS, startNodePeer } from "./_http_node_peers.ts";
import { printRow, startSubject, type Subject, wrk } from "./_load.ts";

const ROUNDS = 3;
const SECONDS = 2;
const CONNECTIONS = 32;
const LOADS = [
  { group: "HTTP/1.1 plaintext", path: "/" },
  { group: "HTTP/1.1 JSON", path: "/json" },
  { group: "HTTP/1.1 plaintext, 16 pipelined", path: "/", pipeline: 16 },
  { group: "HTTP/1.1 JSON, 16 pipelined", path: "/json", pipeline: 16 },
];
const OURS = "groundwork";

const servers = new Map<string, Subject>();
const folder = await installNodePeers();
try {
  for (const name of [OURS, "Deno.serve"]) {
    servers.set(name, await startSubject("_http_server.ts", name));
  }
  for (const name of folder === undefined ? [] : NODE_PEERS) {
    servers.set(name, await startNodePeer(name, folder!));
  }
  for (const { group, path, pipeline } of LOADS) {
    const best = new Map<string, number>();
    const options = { connections: CONNECTIONS, seconds: SECONDS };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, { port }] of servers) {
        const load = pipeline === undefined ? options : { ...options, pipeline };
        const rate = await wrk(`http://127.0.0.1:${port}${path}`, load);
        best.set(name, Math.max(best.get(name) ?? 0, rate));
      }
    }
    for (const [peer, rate] of best) {
      if (peer !== OURS) printRow(group, best.get(OURS)!, peer, rate);
    }
  }
} finally {
  for (const server of servers.values()) await server.stop();
  if (folder !== undefined) await Deno.remove(folder, { recursive: true });
}
