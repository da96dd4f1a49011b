/**
 * The command line of `web`: serves a folder.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { App } from "./app.ts";
import type { Handler } from "./handler.ts";
import { type HttpServer, ListenError, serve } from "./http1.ts";
import { logger } from "./logger.ts";
import { recovery } from "./recovery.ts";
import { staticFiles } from "./static.ts";

const USAGE = `Serve a folder over HTTP.

Usage:
  serve [--port 8080] [--root .] [--host 0.0.0.0] [options]

Options:
  --port <number>     Port to listen on; 0 for any. A default port that is taken moves to the
                      next free one.                                        [default: 8080]
  --root <folder>     Folder that is served.                                [default: .]
  --host <address>    Address to listen on.                                 [default: all]
  --tls-cert <file>   Certificate chain in PEM form; with --tls-key, serves HTTPS.
  --tls-key <file>    Private key in PEM form.
  --echo              Answer POST /echo with {"received": <the body>}.
  --listing           List directories that have no index.html.
  --dotfiles          Serve names that start with a dot, too.
  --precompressed     Send name.br or name.gz where they exist and the client takes them.
  --quiet             Write no line per request.
  --help              Show this.

Permissions: --allow-net --allow-read
`;

const MAX_PORTS_TRIED = 100;

/** What the arguments ask for. */
export interface ServeArguments {
  /** The port; 0 for any. */
  port: number;
  /** Whether the port was asked for, rather than the default. */
  portIsAsked: boolean;
  /** The folder. */
  root: string;
  /** The address, or undefined for all. */
  host: string | undefined;
  /** Files of the certificate and key. */
  tls: { cert: string; key: string } | undefined;
  /** Whether `POST /echo` is answered. */
  echo: boolean;
  /** Whether directories are listed. */
  listing: boolean;
  /** Whether names that start with a dot are served. */
  dotfiles: boolean;
  /** Whether precompressed variants are sent. */
  precompressed: boolean;
  /** Whether no line per request is written. */
  quiet: boolean;
}

/** Arguments that cannot be understood; the message says which and what to do. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/**
 * Reads the arguments after `serve`.
 *
 * @throws {UsageError} for an unknown option, a bad port, or half of the TLS pair.
 */
export function parseServeArguments(args: readonly string[]): ServeArguments | "help" {
  const unknown: string[] = [];
  const parsed = parseArgs(args as string[], {
    string: ["port", "root", "host", "tls-cert", "tls-key"],
    boolean: ["echo", "listing", "dotfiles", "precompressed", "quiet", "help"],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (parsed.help) return "help";
  if (unknown.length > 0) throw new UsageError(`Unknown argument "${unknown[0]}"; see --help`);
  const text = (name: string): string | undefined => {
    const value = parsed[name] as string | undefined;
    if (value === "") throw new UsageError(`--${name} wants a value; see --help`);
    return value;
  };
  const port = text("port");
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)) {
    throw new UsageError(`--port wants a number from 0 to 65535, not "${port}"`);
  }
  const cert = text("tls-cert");
  const key = text("tls-key");
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--tls-cert and --tls-key are only of use together");
  }
  return {
    port: Number(port ?? 8080),
    portIsAsked: port !== undefined,
    root: text("root") ?? ".",
    host: text("host"),
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    echo: Boolean(parsed.echo),
    listing: Boolean(parsed.listing),
    dotfiles: Boolean(parsed.dotfiles),
    precompressed: Boolean(parsed.precompressed),
    quiet: Boolean(parsed.quiet),
  };
}

/**
 * The handler that the command serves: a folder, `POST /echo` if asked for, and a log line a request.
 *
 * @param log Takes each line, such as
 * `[2025-01-10 14:32:01] 127.0.0.1:52341 - GET /index.html - 200 - 2ms`.
 */
export function createServeHandler(
  options: Pick<
    ServeArguments,
    "root" | "echo" | "listing" | "dotfiles" | "precompressed" | "quiet"
  >,
  log: (line: string) => void = console.log,
): Handler {
  const app = new App();
  if (!options.quiet) app.use(logger({ write: log }));
  app.use(recovery());
  const files = staticFiles(options);
  if (options.echo) {
    app.post("/echo", async (c) => {
      const body = await c.req.text();
      // The JSON goes back as it came, so that no number loses digits on the way.
      const received = isJson(body) ? body.trim() : JSON.stringify(body);
      return c.body(`{"received": ${received}}\n`, 200, { "content-type": "application/json" });
    });
  }
  app.get("/*", async (c) => {
    const response = await files(c.req);
    return response.status === 404 ? c.text("HTTP/1.1 404 Not Found\n", 404) : response;
  });
  return app.fetch;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function listen(options: ServeArguments, handler: Handler): HttpServer {
  const tls = options.tls === undefined ? undefined : {
    cert: Deno.readTextFileSync(options.tls.cert),
    key: Deno.readTextFileSync(options.tls.key),
  };
  for (let port = options.port;; port++) {
    try {
      return serve({
        port,
        hostname: options.host ?? "0.0.0.0",
        ...(tls === undefined ? {} : { tls }),
      }, handler);
    } catch (error) {
      if (!(error instanceof ListenError && error.code === "in_use")) throw error;
      if (options.portIsAsked || port - options.port === MAX_PORTS_TRIED || port === 65_535) {
        throw new Error(`port ${port} is taken; choose another with --port`);
      }
      console.error(`Port ${port} is taken, trying ${port + 1}`);
    }
  }
}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === "--help" || command === "help") {
    console.log(USAGE);
    return 0;
  }
  let options: ServeArguments | "help";
  try {
    if (command !== "serve") {
      throw new UsageError(
        command === undefined
          ? "A command is missing: serve; see --help"
          : `Unknown command "${command}"; see --help`,
      );
    }
    options = parseServeArguments(rest);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    return 2;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  try {
    if (!Deno.statSync(options.root).isDirectory) throw new Error(`"${options.root}" is no folder`);
    const server = listen(options, createServeHandler(options));
    console.log(`Server listening on ${options.host ?? ""}:${server.addr.port}`);
    const stop = (): void => {
      server.shutdown();
    };
    Deno.addSignalListener("SIGINT", stop);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
    await server.finished;
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`Cannot serve "${options.root}": ${message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
