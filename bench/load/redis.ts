/**
 * The Redis-compatible server against Debian's redis-server, by redis-benchmark: 50 connections, pipelines of
 * 1, 16 and 64, values of 64 bytes, 100,000 keys; and the memory that a million keys take. The two take turns, and
 * the best of the rounds counts.
 */
const ROUNDS = 2;
const GC_PAUSE_MS = 3_000;
const COMMANDS = ["set", "get", "incr", "lpush", "zadd", "hset"];
const REQUESTS: Record<number, number> = { 1: 60_000, 16: 400_000, 64: 800_000 };
const KEYS = 300_000;

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
const ours = freePort();
const theirs = freePort();
const processes = [
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...map, script, String(ours)],
    stdout: "null",
  }).spawn(),
  new Deno.Command("redis-server", {
    args: ["--port", String(theirs), "--save", "", "--enable-debug-command", "yes"],
    stdout: "null",
  }).spawn(),
];
try {
  await ready(ours);
  await ready(theirs);
  const only = Deno.args.find((argument) => argument.startsWith("--pipeline="))?.slice(11);
  for (const pipeline of only === undefined ? [1, 16, 64] : [Number(only)]) {
    for (const command of COMMANDS) {
      let mine = 0;
      let peer = 0;
      for (let round = 0; round < ROUNDS; round++) {
        mine = Math.max(mine, await measure(ours, command, pipeline));
        peer = Math.max(peer, await measure(theirs, command, pipeline));
      }
      console.log(JSON.stringify({
        group: `redis: ${command}, pipeline ${pipeline}`,
        ours: mine,
        peer: "redis-server",
        peerValue: peer,
        ratio: Number((mine / peer).toFixed(3)),
        unit: "requests/s",
      }));
    }
  }
  const growth: number[] = [];
  for (const [i, port] of [ours, theirs].entries()) {
    await cli(port, "flushall");
    await new Promise((done) => setTimeout(done, 500));
    const before = await residentBytes(processes[i]!.pid);
    // Set over the wire, so that the strings are stored as a client's would be.
    await new Deno.Command("redis-benchmark", {
      args: [
        "-p",
        String(port),
        "-P",
        "64",
        "-d",
        "64",
        "-r",
        String(KEYS),
        "-n",
        String(KEYS * 3),
        "-t",
        "set",
        "-q",
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    await new Promise((done) => setTimeout(done, GC_PAUSE_MS));
    growth.push(
      (await residentBytes(processes[i]!.pid) - before) / Number(await cli(port, "dbsize")),
    );
  }
  console.log(JSON.stringify({
    group: "redis: memory per key of 64 bytes",
    ours: Math.round(growth[0]!),
    peer: "redis-server",
    peerValue: Math.round(growth[1]!),
    ratio: Number((growth[1]! / growth[0]!).toFixed(3)),
    unit: "bytes",
  }));
} finally {
  for (const child of processes) {
    child.kill();
    await child.status;
  }
  await Deno.remove(script);
}
