import { join, resolve } from "@std/path";
import { RedisServer, RedisServerError } from "../cache/redis/mod.ts";
import { redisPage } from "./console/redis.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext, ServiceState } from "./service.ts";

/** Options of {@linkcode redisService}. */
export interface RedisServiceOptions {
  /** Port that must be free; without it 6379, or the next free one. 0 for any. */
  port?: number;
}

const DEFAULT_PORT = 6379;
const MAX_PORTS_TRIED = 100;

/**
 * A service that runs the Redis-compatible server, with an append-only file in the folder `redis` of
 * the data folder, and as a page of the console.
 */
export function redisService(options: RedisServiceOptions = {}): Service {
  return new RedisService(options);
}

class RedisService implements Service {
  readonly name = "redis";
  readonly description = "A Redis-compatible server, kept in an append-only file.";
  readonly page: ConsolePage = redisPage(() => this.#address);
  readonly #port: number | undefined;
  #state: ServiceState = "stopped";
  #endpoints: Endpoint[] = [];
  #server: RedisServer | undefined;
  /** Where this machine reaches the server. */
  #address: { hostname: string; port: number } | undefined;

  constructor(options: RedisServiceOptions) {
    this.#port = options.port;
  }

  get state(): ServiceState {
    return this.#state;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  async start(context: ServiceContext): Promise<void> {
    this.#state = "starting";
    try {
      const dir = resolve(context.dataDir, this.name);
      await Deno.mkdir(dir, { recursive: true });
      this.#server = await this.#listen(context, dir);
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
    const { port } = this.#server;
    const isAny = context.hostname === "0.0.0.0" || context.hostname === "::";
    const hostname = isAny ? "127.0.0.1" : context.hostname;
    this.#address = { hostname, port };
    this.#endpoints = [{
      label: "Redis protocol",
      url: `redis://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
      command: hostname === "127.0.0.1"
        ? `redis-cli -p ${port}`
        : `redis-cli -h ${hostname} -p ${port}`,
    }];
    this.#state = "running";
    this.#watch(this.#server);
  }

  async #listen({ hostname, log }: ServiceContext, dir: string): Promise<RedisServer> {
    const first = this.#port ?? DEFAULT_PORT;
    for (let port = first;; port++) {
      try {
        const aof = join(dir, "appendonly.aof");
        const server = await RedisServer.start({ port, hostname, dir, aof });
        if (port !== first) log(`Port ${first} is taken: ${this.name} is on port ${port}`);
        return server;
      } catch (error) {
        const taken = error instanceof RedisServerError && error.code === "ERR_LISTEN" &&
          error.cause instanceof Deno.errors.AddrInUse;
        if (!taken) throw error;
        if (this.#port !== undefined || port - first >= MAX_PORTS_TRIED) {
          throw new Error(
            `port ${port} is taken; choose another with --redis-port, or stop what listens there`,
            { cause: error },
          );
        }
      }
    }
  }

  /** A client may end the server, by SHUTDOWN. */
  async #watch(server: RedisServer): Promise<void> {
    await server.finished;
    if (this.#server !== server) return;
    this.#forget();
    this.#state = "failed";
  }

  #forget(): void {
    this.#endpoints = [];
    this.#server = undefined;
    this.#address = undefined;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#state = "stopping";
    this.#forget();
    await server.close();
    this.#state = "stopped";
  }
}
