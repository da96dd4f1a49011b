import { resolve } from "@std/path";
import { App, type HttpServer, recovery, staticFiles } from "../web/mod.ts";
import { listenHttp, urlOf } from "./_listen.ts";
import { filesPage } from "./console/files.ts";
import { ManagedService } from "./_managed_service.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext } from "./service.ts";

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

class FileHost extends ManagedService {
  readonly name = "files";
  readonly description = "Serves the files of a folder, with listings, ranges and caching.";
  readonly page: ConsolePage = filesPage(() => this.#folder, () => this.endpoints[0]?.url);
  readonly #port: number | undefined;
  #folder = "";
  #server: HttpServer | undefined;

  constructor(options: FileHostOptions) {
    super();
    this.#port = options.port;
  }

  protected override async open(context: ServiceContext): Promise<Endpoint[]> {
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
    const url = urlOf(this.#server, hostname);
    return [{ label: "HTTP", url, command: `curl ${url}` }];
  }

  protected override async close(): Promise<void> {
    await this.#server?.shutdown();
    this.#server = undefined;
  }
}
