/** Servers that the tests of this folder talk to: our own, Debian's, and proxies that misbehave. */
import { RedisServer, type RedisServerOptions, RequestParser } from "../redis/mod.ts";

/** A server that a test started. */
export interface TestServer extends AsyncDisposable {
  port: number;
}

/** The reference server: Debian's, or another that speaks its protocol, such as Valkey's. */
const SERVER = Deno.env.get("GROUNDWORK_REDIS_SERVER") ?? "redis-server";

/** Whether a program is installed. */
async function installed(program: string): Promise<boolean> {
  try {
    const command = new Deno.Command(program, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether the reference server is there. */
export const HAS_REDIS: boolean = await installed(SERVER);
/** What to append to the name of a test that needs it. */
export const WITHOUT_REDIS: string = HAS_REDIS ? "" : " (ignored: redis-server is not installed)";

/** Starts our own server. */
export async function startOwn(options: RedisServerOptions = {}): Promise<TestServer> {
  return await RedisServer.start({ port: 0, ...options });
}

/** A port that nobody listened on a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Starts Debian's server. */
export async function startReal(
  { args = [], port = freePort() }: { args?: string[]; port?: number } = {},
): Promise<TestServer> {
  const dir = await Deno.makeTempDir();
  const child = new Deno.Command(SERVER, {
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir],
      ...["--enable-debug-command", "yes", ...args],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (let attempt = 0;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // A test has ended it already.
      }
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** What a {@linkcode Proxy} may do to a connection. */
export interface ProxyRules {
  /** Bytes of replies that pass, on this connection, before it is cut. */
  cutReplyAfter?: number;
  /** Bytes of requests that pass, on this connection, before it is cut. */
  cutRequestAfter?: number;
  /** Whether requests go nowhere from here on: a half-open connection. */
  blackhole?: boolean;
  /** Milliseconds that every piece of a reply takes. */
  delayMs?: number;
  /** Bytes of each piece of a reply. */
  pieceBytes?: number;
  /** Whether the connection is closed at once. */
  refuse?: boolean;
}

/** Stands between a client and a server, and breaks connections in the ways that networks do. */
export class Proxy implements AsyncDisposable {
  /** What happens to connections; read anew for each. */
  rules: (connection: number) => ProxyRules = () => ({});
  /** Connections so far. */
  connections = 0;
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  /** @param target The port to pass on to. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    this.#accepting = this.#accept();
  }

  /** Where clients connect to. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    for (;;) {
      let client: Deno.TcpConn;
      try {
        client = await this.#listener.accept();
      } catch {
        return;
      }
      const rules = this.rules(this.connections++);
      if (rules.refuse) {
        client.close();
        continue;
      }
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#open.add(client);
      this.#open.add(server);
      for (
        const work of [this.#requests(client, server, rules), this.#replies(server, client, rules)]
      ) {
        this.#work.add(work);
        void work.finally(() => this.#work.delete(work));
      }
    }
  }

  async #requests(client: Deno.TcpConn, server: Deno.TcpConn, rules: ProxyRules): Promise<void> {
    let left = rules.cutRequestAfter ?? Infinity;
    await this.#pass(client, server, async (bytes) => {
      if (rules.blackhole) return true;
      await writeAll(server, bytes.subarray(0, left));
      left -= bytes.length;
      return left > 0;
    });
  }

  async #replies(server: Deno.TcpConn, client: Deno.TcpConn, rules: ProxyRules): Promise<void> {
    let left = rules.cutReplyAfter ?? Infinity;
    await this.#pass(server, client, async (bytes) => {
      const size = rules.pieceBytes ?? bytes.length;
      const end = Math.min(left, bytes.length);
      for (let at = 0; at < end; at += size) {
        if (rules.delayMs !== undefined) {
          await new Promise((resolve) => setTimeout(resolve, rules.delayMs));
        }
        await writeAll(client, bytes.subarray(at, Math.min(at + size, end)));
      }
      left -= bytes.length;
      return left > 0;
    });
  }

  async #pass(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    take: (bytes: Uint8Array) => Promise<boolean>,
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null || !await take(buffer.subarray(0, count))) break;
      }
    } catch {
      // The other side went away.
    }
    this.#close(from);
    this.#close(to);
  }

  #close(conn: Deno.TcpConn): void {
    if (this.#open.delete(conn)) conn.close();
  }

  /** Ends all connections. */
  cut(): void {
    for (const conn of [...this.#open]) this.#close(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.cut();
    await Promise.all(this.#work);
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** A server that answers with what a test says. */
export class ScriptedServer implements AsyncDisposable {
  /** Pieces of requests that arrived. */
  reads = 0;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;
  #closed = false;
  readonly #answer: (request: string[], connection: number) => string | undefined;

  /**
   * @param answer Gives the bytes of a reply, one character a byte; undefined closes the connection.
   */
  constructor(answer: (request: string[], connection: number) => string | undefined) {
    this.#answer = answer;
    this.#listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    this.#accepting = this.#accept();
  }

  /** Where clients connect to. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for (let number = 0;; number++) {
      let conn: Deno.TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch {
        break;
      }
      this.#open.add(conn);
      serving.push(this.#serve(conn, number));
    }
    await Promise.all(serving);
  }

  async #serve(conn: Deno.TcpConn, number: number): Promise<void> {
    const parser = new RequestParser();
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) break;
        this.reads++;
        parser.feed(buffer.subarray(0, count));
        for (let words = parser.next(); words !== null; words = parser.next()) {
          const reply = this.#answer(words, number);
          if (reply === undefined) return;
          await writeAll(conn, Uint8Array.from(reply, (char) => char.charCodeAt(0)));
        }
      }
    } catch {
      // The client went away.
    } finally {
      if (this.#open.delete(conn)) conn.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
    for (const conn of [...this.#open]) if (this.#open.delete(conn)) conn.close();
    await this.#accepting;
  }
}
