/** One way of listening for all HTTP services of the stack. */
import { type Handler, type HttpServer, ListenError, serve } from "../web/mod.ts";

/** Which port a service listens on. */
export interface PortChoice {
  /** The service, for messages. */
  name: string;
  hostname: string;
  /** The port that was asked for; undefined for the default. */
  port: number | undefined;
  defaultPort: number;
  /** The option that chooses the port, for messages. */
  option: string;
  log: (line: string) => void;
  /** Largest body of a request (bytes); the server's default where it is left out. */
  bodyBytes?: number;
}

const MAX_PORTS_TRIED = 100;
/** Requests that run get this long when the stack stops; its own deadline is behind it. */
const SHUTDOWN_MS = 3_000;

/**
 * Listens on the port that was asked for or fails; a default port that is taken moves to the next
 * free one, which is logged.
 */
export function listenHttp(choice: PortChoice, handler: Handler): HttpServer {
  const { name, hostname, log, bodyBytes } = choice;
  const limits = bodyBytes === undefined ? {} : { bodyBytes };
  const first = choice.port ?? choice.defaultPort;
  for (let port = first;; port++) {
    try {
      const server = serve({ port, hostname, limits, shutdownTimeoutMs: SHUTDOWN_MS }, handler);
      if (port !== first) log(`Port ${first} is taken: ${name} is on port ${port}`);
      return server;
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      if (error.code === "denied") {
        throw new Error(
          `port ${port} may not be used by this user; choose another with ${choice.option}`,
          { cause: error },
        );
      }
      if (error.code !== "in_use") throw error;
      if (choice.port !== undefined || port - first >= MAX_PORTS_TRIED || port === 65_535) {
        throw new Error(
          `port ${port} is taken; choose another with ${choice.option}, or stop what listens there`,
          { cause: error },
        );
      }
    }
  }
}

/** The URL of a server, as somebody on this machine would write it. */
export function urlOf(server: HttpServer, hostname: string): string {
  const { port } = server.addr;
  const isAny = hostname === "0.0.0.0" || hostname === "::";
  const host = isAny ? "127.0.0.1" : hostname.includes(":") ? `[${hostname}]` : hostname;
  return `http://${host}:${port}/`;
}
