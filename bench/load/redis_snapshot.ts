/**
 * What a snapshot costs those who are served meanwhile: the time of single SETs and GETs, one at a time on one
 * connection, with 1,000,000 keys of 64 bytes, beside BGSAVE (which starts again when it has ended), beside
 * BGREWRITEAOF, and without either; against Debian's redis-server, which forks.
 */
import { encodeRequest, ReplyParser, type RespValue } from "../../cache/redis/mod.ts";

const KEYS = 1_000_000;
const SECONDS = 8;

const server = `
import { RedisServer } from ${
  JSON.stringify(new URL("../../cache/redis/mod.ts", import.meta.url).href)
};
const [port, dir] = Deno.args;
const server = await RedisServer.start({
  port: Number(port),
  dir,
  parameters: { save: "", appendonly: "yes", "auto-aof-rewrite-percentage": "0", "enable-debug-command": "yes" },
});
await server.finished;
`;

class Connection implements Disposable {
  readonly #parser = new ReplyParser();
  readonly #buffer = new Uint8Array(65_536);
  constructor(readonly conn: Deno.TcpConn) {}
  static async to(port: number): Promise<Connection> {
    for (let i = 0;; i++) {
      try {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port });
        conn.setNoDelay(true);
        return new Connection(conn);
      } catch (error) {
        if (i > 200) throw error;
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  }
  async call(...args: string[]): Promise<RespValue> {
    await this.conn.write(encodeRequest(args));
    for (;;) {
      const reply = this.#parser.next();
      if (reply !== undefined) return reply;
      this.#parser.feed(this.#buffer.subarray(0, await this.conn.read(this.#buffer) ?? 0));
    }
  }
  [Symbol.dispose](): void {
    this.conn.close();
  }
}

interface Row {
  p50: number;
  p99: number;
  p999: number;
  max: number;
  saves: number;
}

/** Times of requests in milliseconds, while `background` is started again and again. */
async function measure(port: number, background: string | undefined): Promise<Row> {
  using wire = await Connection.to(port);
  using control = await Connection.to(port);
  let stop = false;
  let saves = 0;
  const starting = (async () => {
    while (!stop && background !== undefined) {
      const info = await control.call("INFO", "persistence") as string;
      if (/rdb_bgsave_in_progress:0/.test(info) && /aof_rewrite_in_progress:0/.test(info)) {
        await control.call(background);
        saves++;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  })();
  const times: number[] = [];
  const value = "v".repeat(64);
  const until = performance.now() + SECONDS * 1000;
  for (let i = 0; performance.now() < until; i++) {
    const key = `key:${Math.floor(Math.random() * KEYS)}`;
    const start = performance.now();
    await (i % 2 === 0 ? wire.call("GET", key) : wire.call("SET", key, value));
    times.push(performance.now() - start);
  }
  stop = true;
  await starting;
  for (;;) {
    const info = await control.call("INFO", "persistence") as string;
    if (/rdb_bgsave_in_progress:0/.test(info) && /aof_rewrite_in_progress:0/.test(info)) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.floor((times.length - 1) * part)]!;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1), saves };
}

function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function run(command: string, args: string[], port: number): Promise<Record<string, Row>> {
  const child = new Deno.Command(command, { args, stdout: "null", stderr: "inherit" }).spawn();
  try {
    {
      using wire = await Connection.to(port);
      await wire.call("DEBUG", "POPULATE", String(KEYS), "key", "64");
    }
    return {
      "no snapshot": await measure(port, undefined),
      "BGSAVE": await measure(port, "BGSAVE"),
      "BGREWRITEAOF": await measure(port, "BGREWRITEAOF"),
    };
  } finally {
    child.kill();
    await child.status;
  }
}

const script = await Deno.makeTempFile({ suffix: ".ts" });
await Deno.writeTextFile(script, server);
const map = Deno.args.filter((argument) => argument.startsWith("--import-map"))
  .map((argument) => `--import-map=${Deno.realPathSync(argument.slice("--import-map=".length))}`);
const folders = [await Deno.makeTempDir(), await Deno.makeTempDir()];
const ourPort = freePort();
const ours = await run(
  Deno.execPath(),
  ["run", "-A", "--no-check", ...map, script, String(ourPort), folders[0]!],
  ourPort,
);
const theirPort = freePort();
const theirs = await run("redis-server", [
  ...["--port", String(theirPort), "--dir", folders[1]!, "--save", "", "--appendonly", "yes"],
  ...["--auto-aof-rewrite-percentage", "0", "--enable-debug-command", "yes"],
], theirPort);
for (const [name, row] of Object.entries(ours)) {
  const peer = theirs[name]!;
  console.error(`${name}: ours ${JSON.stringify(row)}, redis-server ${JSON.stringify(peer)}`);
  for (const part of ["p50", "p99", "max"] as const) {
    console.log(JSON.stringify({
      group: `redis, 1,000,000 keys, ${name}: ${part}`,
      ours: Number(row[part].toFixed(3)),
      peer: "redis-server",
      peerValue: Number(peer[part].toFixed(3)),
      ratio: Number((peer[part] / row[part]).toFixed(3)),
      unit: "ms",
    }));
  }
}
for (const path of [script, ...folders]) await Deno.remove(path, { recursive: true });
