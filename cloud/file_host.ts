import { resolve } from "@std/path";
import { App, type HttpServer, recovery, staticFiles } from "../web/mod.ts";
import { listenHttp, urlOf } from "./_listen.ts";
import { filesPage } from "./console/files.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext, ServiceState } from "./service.ts";

/** Options of {@linkcode fileHost}. */
export interface FileHostOptions {
  /** Port that must be free; without it 8001, or the next free one. 0 for any. */
  port?: number;
}

const DEFAULT_PORT = 8001;

/**
 * A service that serves the folder `files` of the data folder, which it makes: over HTTP with
 * listings, ranges and conditional requests, and as a page of the console.
 */
export function fileHost(options: FileHostOptions = {}): Service {
  return new FileHost(options);
}

class FileHost implements Service {
  readonly name = "files";
  readonly description = "Serves the files of a folder, with listings, ranges and caching.";
  readonly page: ConsolePage = filesPage(() => this.#folder, () => this.endpoints[0]?.url);
  readonly #port: number | undefined;
  #state: ServiceState = "stopped";
  #endpoints: Endpoint[] = [];
  #folder = "";
  #server: HttpServer | undefined;

  constructor(options: FileHostOptions) {
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
      this.#folder = resolve(context.dataDir, this.name);
      await Deno.mkdir(this.#folder, { recursive: true });
      const app = new App();
      app.use(context.metrics.middleware(this.name), recovery());
      const files = staticFiles({ root: this.#folder, listing: true });
      app.get("/*", (c) => files(c.req));
      const { hostname, log } = context;
      this.#server = listenHttp({
        name: this.name,
        hostname,
        log,
        port: this.#port,
        defaultPort: DEFAULT_PORT,
        option: "--files-port",
      }, app.fetch);
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
    const url = urlOf(this.#server, context.hostname);
    this.#endpoints = [{ label: "HTTP", url, command: `curl ${url}` }];
    this.#state = "running";
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#state = "stopping";
    this.#endpoints = [];
    this.#server = undefined;
    await server.shutdown();
    this.#state = "stopped";
  }
}
