import { escapeControls } from "./_path.ts";
import type { Middleware } from "./context.ts";

/** Options of {@linkcode logger}. */
export interface LoggerOptions {
  /**
   * Takes a line, without its line break.
   *
   * @default {console.log}
   */
  write?: (line: string) => void;
}

/** What a line of the access log tells. */
export interface AccessLogEntry {
  /** When the request came. */
  time: Date;
  /** The client's address. */
  remoteAddr: Deno.Addr;
  /** The method. */
  method: string;
  /** The raw path, without the query, which may hold secrets. */
  path: string;
  /** The status of the answer. */
  status: number;
  /** How long the answer took to begin, in milliseconds. */
  durationMs: number;
}

/**
 * Writes an entry as `[2025-01-10 14:32:01] 127.0.0.1:52341 - GET /index.html - 200 - 2ms`: local
 * time, milliseconds rounded. Control characters are escaped, so a request makes exactly one line.
 *
 * @example Usage
 * ```ts
 * import { formatAccessLog } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const line = formatAccessLog({
 *   time: new Date(2025, 0, 10, 14, 32, 1),
 *   remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 52341 },
 *   method: "GET",
 *   path: "/index.html",
 *   status: 200,
 *   durationMs: 1.7,
 * });
 * assertEquals(line, "[2025-01-10 14:32:01] 127.0.0.1:52341 - GET /index.html - 200 - 2ms");
 * ```
 */
export function formatAccessLog(entry: AccessLogEntry): string {
  const request = escapeControls(`${entry.method} ${entry.path}`);
  return `[${formatTime(entry.time)}] ${formatAddress(entry.remoteAddr)} - ${request} - ` +
    `${entry.status} - ${Math.round(entry.durationMs)}ms`;
}

function formatTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const year = String(time.getFullYear()).padStart(4, "0");
  return `${year}-${two(time.getMonth() + 1)}-${two(time.getDate())} ` +
    `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

function formatAddress(address: Deno.Addr): string {
  if ("hostname" in address) {
    const { hostname, port } = address;
    return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  }
  return "path" in address ? `unix:${escapeControls(address.path)}` : address.transport;
}

/**
 * Logs each request when its answer begins, in the form of {@linkcode formatAccessLog}. What is
 * thrown below becomes the application's answer here, so that the line tells the status that the
 * client sees: put it outermost.
 *
 * @example Usage
 * ```ts
 * import { App, logger } from "@groundwork/std/web";
 * import { assertMatch } from "@std/assert";
 *
 * const lines: string[] = [];
 * const app = new App();
 * app.use(logger({ write: (line) => lines.push(line) }));
 * await app.request("/missing");
 * assertMatch(lines[0]!, /^\[[\d :-]{19}\] 127\.0\.0\.1:0 - GET \/missing - 404 - \d+ms$/);
 * ```
 */
export function logger(options: LoggerOptions = {}): Middleware {
  const write = options.write ?? console.log;
  return async (c, next) => {
    const time = new Date();
    const started = performance.now();
    let response: Response;
    try {
      response = await next();
    } catch (error) {
      response = await c.errorResponse(error);
    }
    write(formatAccessLog({
      time,
      remoteAddr: c.info.remoteAddr,
      method: c.method,
      path: c.path,
      status: response.status,
      durationMs: performance.now() - started,
    }));
    return response;
  };
}
