/**
 * Holds 10,000 idle keep-alive connections, each of which has had an answer, beside active ones:
 * what one costs in resident memory, and what all of them cost the active ones. Linux only; needs
 * wrk, and `ulimit -n` above 10,100 for the server and for this process.
 */
import { printRow, startSubject, type Subject, wrk } from "./_load.ts";

const IDLE = 10_000;
/** How many connections are opened at once. */
const BATCH = 100;
const SETTLE_MS = 2_000;
const LOAD = { connections: 32, seconds: 3 };
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** Memory of a process that is its own and in use, in bytes. */
async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)![1]) * 1_024;
}

async function ask(connection: Deno.TcpConn): Promise<void> {
  await connection.write(REQUEST);
  const buffer = new Uint8Array(1_024);
  const count = await connection.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`Cannot get an answer: ${answer}`);
}

async function connect(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await ask(connection);
  return connection;
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

interface Cost {
  /** Memory of one idle connection. */
  bytes: number;
  /** Requests a second without idle connections, and beside them. */
  alone: number;
  beside: number;
}

async function measure({ port, pid }: Subject): Promise<Cost> {
  const url = `http://127.0.0.1:${port}/`;
  await wrk(url, LOAD);
  const alone = await wrk(url, LOAD);
  await settle();
  const before = await residentBytes(pid);
  const idle: Deno.TcpConn[] = [];
  while (idle.length < IDLE) {
    idle.push(...await Promise.all(Array.from({ length: BATCH }, () => connect(port))));
  }
  await settle();
  const bytes = (await residentBytes(pid) - before) / IDLE;
  const beside = await wrk(url, LOAD);
  // Each is still there, and is served.
  for (const connection of idle) {
    await ask(connection);
    connection.close();
  }
  return { bytes, alone, beside };
}

const costs: Cost[] = [];
for (const name of ["groundwork", "Deno.serve"]) {
  const subject = await startSubject("_http_server.ts", name);
  try {
    costs.push(await measure(subject));
  } finally {
    await subject.stop();
  }
}
const [ours, peer] = costs as [Cost, Cost];
const PEER = "Deno.serve";
printRow("HTTP/1.1, no idle connections", ours.alone, PEER, peer.alone);
printRow("HTTP/1.1 beside 10,000 idle connections", ours.beside, PEER, peer.beside);
// Less is better: the ratio is turned round.
console.log(JSON.stringify({
  group: "HTTP/1.1, memory of an idle connection",
  ours: ours.bytes,
  peer: PEER,
  peerValue: peer.bytes,
  ratio: peer.bytes / ours.bytes,
  unit: "bytes",
}));
