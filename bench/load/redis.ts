/**
 * The Redis-compatible server against Debian's redis-server, by redis-benchmark: 50 connections, pipelines of
 * 1, 16 and 64, values of 64 bytes, 100,000 keys; and the memory that a million keys take. The two take turns, and
 * the best of the rounds counts.
 *
 * `--pipeline=64` runs one depth only, `--memory` the memory only.
 */
const ROUNDS = 2;
/** Until the collector of an idle program has given memory back: it starts after eight seconds of rest. */
const REST_MS = 25_000;
const COMMANDS = ["set", "get", "incr", "lpush", "zadd", "hset"];
const REQUESTS: Record<number, number> = { 1: 60_000, 16: 400_000, 64: 800_000 };
const KEYS = 1_000_000;

const server = `
import { RedisServer } from ${
  JSON.stringify(new URL("../../cache/redis/mod.ts", import.meta.url).href)
};
const server = await RedisServer.start({ port: Number(Deno.args[0]), parameters: { save: "", "enable-debug-command": "yes" } });
await server.finished;
`;

function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function cli(port: number, ...args: string[]): Promise<string> {
  const output = await new Deno.Command("redis-cli", {
    args: ["-p", String(port), ...args],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(output.stdout).trim();
}

async function ready(port: number): Promise<void> {
  for (let i = 0; i < 200 && await cli(port, "ping") !== "PONG"; i++) {
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function measure(port: number, command: string, pipeline: number): Promise<number> {
  await cli(port, "flushall");
  const args = ["-p", String(port), "-c", "50", "-P", String(pipeline), "-d", "64", "-r", "100000"];
  args.push("-n", String(REQUESTS[pipeline]), "-t", command, "-q", "--csv");
  const { stdout } = await new Deno.Command("redis-benchmark", { args, stderr: "null" }).output();
  const line = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  return Number(line.split(",")[1]!.replaceAll('"', ""));
}

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

const script = await Deno.makeTempFile({ suffix: ".ts" });
await Deno.writeTextFile(script, server);
const map = Deno.args.filter((argument) => argument.startsWith("--import-map"))
  .map((argument) => `--import-map=${Deno.realPathSync(argument.slice("--import-map=".length))}`);
/** Starts both servers anew: ours first. */
async function servers<T>(use: (ports: number[], pids: number[]) => Promise<T>): Promise<T> {
  const ports = [freePort(), freePort()];
  const processes = [
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", ...map, script, String(ports[0])],
      stdout: "null",
    }).spawn(),
    new Deno.Command("redis-server", {
      args: ["--port", String(ports[1]), "--save", "", "--enable-debug-command", "yes"],
      stdout: "null",
    }).spawn(),
  ];
  try {
    for (const port of ports) await ready(port);
    return await use(ports, processes.map(({ pid }) => pid));
  } finally {
    for (const child of processes) {
      child.kill();
      await child.status;
    }
  }
}

function report(group: string, ours: number, peer: number, ratio: number, unit: string): void {
  const row = { group, ours, peer: "redis-server", peerValue: peer, ratio, unit };
  console.log(JSON.stringify({ ...row, ratio: Number(ratio.toFixed(3)) }));
}

async function compareSpeed([ours, theirs]: number[]): Promise<void> {
  const only = Deno.args.find((argument) => argument.startsWith("--pipeline="))?.slice(11);
  for (const pipeline of only === undefined ? [1, 16, 64] : [Number(only)]) {
    for (const command of COMMANDS) {
      let mine = 0;
      let peer = 0;
      for (let round = 0; round < ROUNDS; round++) {
        mine = Math.max(mine, await measure(ours!, command, pipeline));
        peer = Math.max(peer, await measure(theirs!, command, pipeline));
      }
      report(`redis: ${command}, pipeline ${pipeline}`, mine, peer, mine / peer, "requests/s");
    }
  }
}

/** Memory a key costs: what the process grew by, divided by the keys, right after writing and at rest. */
async function compareMemory(ports: number[], pids: number[]): Promise<void> {
  const before = await Promise.all(pids.map(residentBytes));
  for (const port of ports) {
    // Set over the wire, so that the strings are stored as a client's would be.
    const args = ["-p", String(port), "-P", "64", "-d", "64", "-r", String(KEYS)];
    args.push("-n", String(KEYS * 3), "-t", "set", "-q");
    await new Deno.Command("redis-benchmark", { args, stdout: "null", stderr: "null" }).output();
  }
  for (const when of ["after writing", "at rest"]) {
    const each: number[] = [];
    for (const [i, port] of ports.entries()) {
      const grown = await residentBytes(pids[i]!) - before[i]!;
      each.push(Math.round(grown / Number(await cli(port, "dbsize"))));
    }
    const [ours, theirs] = each as [number, number];
    report(`redis: memory per key of 64 bytes, ${when}`, ours, theirs, theirs / ours, "bytes");
    if (when !== "at rest") await new Promise((done) => setTimeout(done, REST_MS));
  }
}

try {
  if (!Deno.args.includes("--memory")) await servers(compareSpeed);
  if (!Deno.args.some((argument) => argument.startsWith("--pipeline"))) {
    await servers(compareMemory);
  }
} finally {
  await Deno.remove(script);
}
