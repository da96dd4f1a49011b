import { join, resolve } from "@std/path";
import { RedisServer, RedisServerError } from "../cache/redis/mod.ts";
import { redisPage } from "./console/redis.ts";
import { ManagedService } from "./_managed_service.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext } from "./service.ts";

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

class RedisService extends ManagedService {
  readonly name = "redis";
  readonly description = "A Redis-compatible server, kept in an append-only file.";
  readonly page: ConsolePage = redisPage(() => this.#address);
  readonly #port: number | undefined;
  #server: RedisServer | undefined;
  /** Where this machine reaches the server. */
  #address: { hostname: string; port: number } | undefined;

  constructor(options: RedisServiceOptions) {
    super();
    this.#port = options.port;
  }

  protected override async open(context: ServiceContext): Promise<Endpoint[]> {
    const dir = resolve(context.dataDir, this.name);
    await Deno.mkdir(dir, { recursive: true });
    const server = this.#server = await this.#listen(context, dir);
    this.#watch(server);
    const { port } = server;
    const isAny = context.hostname === "0.0.0.0" || context.hostname === "::";
    const hostname = isAny ? "127.0.0.1" : context.hostname;
    this.#address = { hostname, port };
    return [{
      label: "Redis protocol",
      url: `redis://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
      command: hostname === "127.0.0.1"
        ? `redis-cli -p ${port}`
        : `redis-cli -h ${hostname} -p ${port}`,
    }];
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
    this.ended();
  }

  #forget(): void {
    this.#server = undefined;
    this.#address = undefined;
  }

  protected override async close(): Promise<void> {
    const server = this.#server;
    this.#forget();
    await server?.close();
  }
}
