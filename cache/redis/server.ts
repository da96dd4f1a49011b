/** The Redis-compatible server: sockets, timers and files around the engine. */
import { Config } from "./_config.ts";
import { Connection } from "./_connection.ts";
import { Engine } from "./_engine.ts";
import { registerCommands } from "./_commands.ts";
import { Background } from "./_background.ts";
import { infoSections } from "./_info.ts";
import { Persistence } from "./_persistence.ts";

/** Options of {@linkcode RedisServer.start}. */
export interface RedisServerOptions {
  /** Port; 0 for any. Default 6379. */
  port?: number;
  /** Address to listen on. Default `127.0.0.1`. */
  hostname?: string;
  /** Folder of the snapshot and the append-only files. Without it, and without `aof`, nothing is read or written. */
  dir?: string;
  /** Append-only file. Its multi-part set lives in a folder beside it. Turns `appendonly` on. */
  aof?: string;
  /** When the append-only file is synced. Default `everysec`. */
  appendfsync?: "always" | "everysec" | "no";
  /** Password that clients have to give. */
  password?: string;
  /** Text of a redis.conf; the other options override it. */
  config?: string;
  /** Parameters by their redis.conf names; they override `config`. */
  parameters?: Record<string, string>;
  /** Path of the file that CONFIG REWRITE writes. */
  configFile?: string;
  /** Called with the number of commands before the append-only file is replayed. */
  onLoading?: (commands: number) => void;
}

/** The server cannot start: a port that is taken, a file that is damaged, a parameter that is refused. */
export class RedisServerError extends Error {
  /** Always `"RedisServerError"`. */
  override readonly name = "RedisServerError";
  /**
   * An error of starting.
   *
   * @param code `ERR_LISTEN`, `ERR_CONFIG` or `ERR_LOAD`.
   * @param message What failed.
   * @param options The cause.
   */
  constructor(
    readonly code: "ERR_LISTEN" | "ERR_CONFIG" | "ERR_LOAD",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * A Redis-compatible server in this process.
 *
 * Speaks RESP2 and RESP3 to any Redis client. Everything runs on the thread that started it; keys and
 * values are byte strings. Snapshots are written in RDB format, the append-only file in the multi-part
 * layout of Redis 7.
 *
 * Not there: scripting, functions, ACL rules, replication and cluster mode.
 *
 * @example In a test
 * ```ts
 * import { encodeRequest, RedisServer, ReplyParser } from "@groundwork/std/cache/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using redis = await RedisServer.start({ port: 0 });
 * using conn = await Deno.connect({ hostname: "127.0.0.1", port: redis.port });
 * await conn.write(encodeRequest(["SET", "greeting", "hello"]));
 * await conn.write(encodeRequest(["GET", "greeting"]));
 * const parser = new ReplyParser();
 * const buffer = new Uint8Array(1024);
 * const replies: unknown[] = [];
 * while (replies.length < 2) {
 *   parser.feed(buffer.subarray(0, await conn.read(buffer) ?? 0));
 *   for (let reply = parser.next(); reply !== undefined; reply = parser.next()) replies.push(reply);
 * }
 * assertEquals(replies, ["OK", "hello"]);
 * ```
 */
export class RedisServer implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #listener: Deno.TcpListener;
  readonly #connections: Set<Connection> = new Set<Connection>();
  readonly #background: Background;
  readonly #persistence: Persistence;
  readonly #accepting: Promise<void>;
  readonly #finished = Promise.withResolvers<void>();
  #closing: Promise<void> | undefined;

  private constructor(
    engine: Engine,
    listener: Deno.TcpListener,
    persistence: Persistence,
    configFile: string,
  ) {
    this.#engine = engine;
    this.#listener = listener;
    this.#persistence = persistence;
    this.#background = new Background(engine, persistence);
    engine.host = {
      save: () => persistence.save(),
      flushed: () => persistence.flushed(),
      backgroundSave: (schedule) => persistence.backgroundSave(schedule),
      rewriteAof: () => persistence.rewriteAof(),
      shutdown: (save) => {
        if (save ?? (persistence.enabled && engine.config.text("save") !== "")) persistence.save();
        void this.close();
      },
      reload: (options) => persistence.reload(options),
      loadAof: () => persistence.reloadAof(),
      configChanged: (name) => this.#configChanged(name),
      rewriteConfig: () => persistence.rewriteConfig(configFile),
      info: () =>
        infoSections(engine, { port: this.port, configFile, persistence: persistence.info() }),
      digest: (keys, db) => persistence.digest(keys, db),
      dump: (value) => persistence.dump(value),
      restore: (payload) => persistence.restore(payload),
      lastSave: () => persistence.lastSave,
      setActiveExpire: (on) => engine.activeExpire = on,
      resume: (client) => (client.transport as Connection | null)?.process(),
    };
    this.#background.start();
    this.#accepting = this.#accept();
  }

  /**
   * Starts a server: reads its files, then listens.
   *
   * @throws {RedisServerError} `ERR_CONFIG` for a parameter that is refused, `ERR_LOAD` for a damaged file,
   * `ERR_LISTEN` when the port cannot be had.
   */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const config = new Config();
    try {
      if (options.config !== undefined) config.load(options.config);
      if (options.port !== undefined) config.set("port", String(options.port));
      if (options.dir !== undefined) config.set("dir", options.dir);
      if (options.password !== undefined) config.set("requirepass", options.password);
      if (options.appendfsync !== undefined) config.set("appendfsync", options.appendfsync);
      for (const [name, value] of Object.entries(options.parameters ?? {})) {
        if (!config.has(name)) throw new Error(`unknown parameter "${name}"`);
        config.set(name, config.check(name, value));
      }
      if (options.aof !== undefined) {
        config.set("appendonly", "yes");
        const slash = options.aof.lastIndexOf("/");
        config.set("appendfilename", options.aof.slice(slash + 1));
        config.set(
          "dir",
          slash < 0 ? options.dir ?? "." : slash === 0 ? "/" : options.aof.slice(0, slash),
        );
      }
    } catch (error) {
      throw new RedisServerError(
        "ERR_CONFIG",
        `Cannot use the configuration: ${(error as Error).message}`,
        { cause: error },
      );
    }
    const engine = new Engine(config);
    registerCommands(engine);
    const onDisk = options.dir !== undefined || options.aof !== undefined ||
      config.yes("appendonly") ||
      (options.config !== undefined && config.text("dir") !== ".");
    const persistence = new Persistence(engine, onDisk);
    const bind = config.text("bind").split(" ")[0]!;
    const hostname = options.hostname ??
      (options.config !== undefined && bind !== "*" ? bind.replace(/^-/, "") : "127.0.0.1");
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ port: config.number("port"), hostname });
    } catch (error) {
      throw new RedisServerError(
        "ERR_LISTEN",
        `Cannot listen on ${hostname}:${config.number("port")}: ${(error as Error).message}`,
        { cause: error },
      );
    }
    try {
      await persistence.open(options.onLoading);
    } catch (error) {
      listener.close();
      persistence.close();
      throw new RedisServerError("ERR_LOAD", (error as Error).message, { cause: error });
    }
    return new RedisServer(engine, listener, persistence, options.configFile ?? "");
  }

  /** Port that is listened on. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Address that is listened on. */
  get hostname(): string {
    return (this.#listener.addr as Deno.NetAddr).hostname;
  }

  /** Settles when the server has ended, by {@linkcode RedisServer.close} or SHUTDOWN. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  #configChanged(name: string): void {
    if (name === "requirepass" && this.#engine.config.text(name) === "") {
      for (const { client } of this.#connections) client.authenticated = true;
    }
    if (name === "maxmemory" || name === "maxmemory-policy") this.#engine.makeRoom();
    this.#persistence.configChanged(name);
  }

  async #accept(): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (this.#closing !== undefined || error instanceof Deno.errors.BadResource) return;
        // Out of descriptors, or a peer that left at once: the listener itself is fine.
        await new Promise((resolve) => setTimeout(resolve, 10));
        continue;
      }
      this.#greet(conn);
    }
  }

  #greet(conn: Deno.TcpConn): void {
    const engine = this.#engine;
    const { config } = engine;
    engine.stats.connections++;
    const refuse = (text: string): void => {
      engine.stats.rejectedConnections++;
      conn.write(new TextEncoder().encode(text)).catch(() => {}).finally(() => conn.close());
    };
    if (engine.clients.size >= config.number("maxclients")) {
      return refuse("-ERR max number of clients reached\r\n");
    }
    const address = conn.remoteAddr.hostname;
    const loopback = address === "::1" || address.startsWith("127.") ||
      address.startsWith("::ffff:127.");
    if (config.yes("protected-mode") && config.text("requirepass") === "" && !loopback) {
      return refuse(
        "-DENIED This server is in protected mode: it has no password, so only the loopback interface may connect. " +
          "Set requirepass, or turn protected-mode off if nobody else can reach this port.\r\n",
      );
    }
    try {
      conn.setNoDelay(true);
    } catch {
      conn.close();
      return;
    }
    engine.now = Date.now();
    const connection = new Connection(conn, engine, (ended) => this.#connections.delete(ended));
    if (config.text("requirepass") !== "") {
      connection.client.authenticated = false;
      connection.client.parser.restricted = true;
    }
    this.#connections.add(connection);
    engine.clients.set(connection.client.id, connection.client);
    connection.start();
  }

  /** Ends all connections and the server; the append-only file is synced first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A SHUTDOWN runs inside a command: let it return first.
    await Promise.resolve();
    this.#background.stop();
    this.#listener.close();
    await this.#accepting;
    await this.#persistence.finish();
    for (const connection of [...this.#connections]) connection.close(true);
    await Promise.resolve();
    this.#persistence.close();
    this.#finished.resolve();
  }

  /** Same as {@linkcode RedisServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
