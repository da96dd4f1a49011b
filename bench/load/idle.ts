/**
 * Idle keep-alive connections: what one costs the server in memory, and what 10,000 of them cost
 * the connections beside them. Each has had one request answered. Linux only; needs wrk, and
 * `ulimit -n` above the number of connections in the server's process and in this one.
 *
 * `--connections=N` changes their number.
 */
import { runWrk, startOnDeno, type Subject } from "./_http_subjects.ts";

const argument = Deno.args.find((text) => text.startsWith("--connections="));
const connections = Number(argument?.split("=")[1] ?? 10_000);
/** How many connections are opened at once. */
const BATCH = 100;
const SETTLE_MS = 2_000;
const LOAD = ["-t1", "-c32", "-d3s"];

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** Memory of a process that is its own and in use, in bytes. */
async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)![1]) * 1_024;
}

async function connect(port: number): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(REQUEST);
  const buffer = new Uint8Array(1_024);
  const count = await conn.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`Cannot get an answer: ${answer}`);
  return conn;
}

interface Cost {
  bytes: number;
  alone: number;
  beside: number;
}

async function measure({ port, pid }: Subject): Promise<Cost> {
  const url = `http://127.0.0.1:${port}/`;
  await runWrk(url, LOAD);
  const alone = await runWrk(url, LOAD);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = await residentBytes(pid);
  const idle: Deno.TcpConn[] = [];
  while (idle.length < connections) {
    const batch = Math.min(BATCH, connections - idle.length);
    idle.push(...await Promise.all(Array.from({ length: batch }, () => connect(port))));
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const bytes = (await residentBytes(pid) - before) / connections;
  const beside = await runWrk(url, LOAD);
  // They are still there, and served.
  for (const conn of idle.filter((_, index) => index % 100 === 0)) {
    await conn.write(REQUEST);
    if (await conn.read(new Uint8Array(1_024)) === null) throw new Error("A connection was lost");
  }
  for (const conn of idle) conn.close();
  return { bytes, alone, beside };
}

const costs: Cost[] = [];
for (const name of ["groundwork", "Deno.serve"]) {
  const subject = await startOnDeno(name);
  try {
    costs.push(await measure(subject));
  } finally {
    await subject.stop();
  }
}
const [ours, peer] = costs as [Cost, Cost];
const count = connections.toLocaleString("en");
const row = (group: string, unit: string, own: number, other: number, ratio: number) =>
  console.log(JSON.stringify({
    group: `HTTP/1.1 server: ${group}`,
    ours: own,
    peer: "Deno.serve",
    peerValue: other,
    ratio,
    unit,
  }));
row(
  `memory of each of ${count} idle connections`,
  "bytes",
  ours.bytes,
  peer.bytes,
  peer.bytes / ours.bytes,
);
row(
  "requests without idle connections",
  "requests/s",
  ours.alone,
  peer.alone,
  ours.alone / peer.alone,
);
row(
  `requests beside ${count} idle connections`,
  "requests/s",
  ours.beside,
  peer.beside,
  ours.beside / peer.beside,
);
