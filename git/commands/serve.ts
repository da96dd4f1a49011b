/**
 * `serve`: hosts the repositories below a folder over smart HTTP. Not one of git's commands.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { type HttpServer, ListenError, serve } from "../../web/mod.ts";
import { type ByteString, decodeText } from "../_bytes.ts";
import { createGitHost } from "../host.ts";
import type { Cli } from "./_context.ts";

const DEFAULT_PORT = 3000;
const MAX_PORTS_TRIED = 100;
/** A push is one request: as large as the host's own limit on a body. */
const MAX_BODY_BYTES = 2 ** 30;

const USAGE = `usage: git serve --root <folder> [--port 3000] [--host 127.0.0.1] [--read-only]

Hosts the repositories below a folder: plain git clones from it and pushes to it.
A push to a repository that is not there makes it, unless --read-only is given.

Permissions: --allow-net --allow-read --allow-write --allow-env
`;

/** `git serve` */
export async function serveCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const parsed = parseArgs(args.map(decodeText), {
    string: ["root", "port", "host"],
    boolean: ["read-only", "help"],
  });
  if (parsed.help) {
    cli.out(USAGE);
    return 0;
  }
  const port = (parsed.port as string | undefined) ?? "";
  const root = parsed.root as string | undefined;
  if (!root || parsed._.length > 0 || !/^\d{0,5}$/.test(port) || Number(port) > 65_535) {
    console.error(USAGE);
    return 129;
  }
  const readOnly = parsed["read-only"] === true;
  const handler = createGitHost({
    root,
    create: !readOnly,
    maxBodySize: MAX_BODY_BYTES,
    authorize: ({ write }) => !(write && readOnly),
  });
  const hostname = (parsed.host as string | undefined) ?? "127.0.0.1";
  let server: HttpServer;
  try {
    server = listen(hostname, port, handler);
  } catch (error) {
    console.error(`fatal: ${(error as Error).message}; choose another with --port`);
    return 128;
  }
  console.log(`Hosting ${root} on http://${hostname}:${server.addr.port}/`);
  console.log(`git clone http://${hostname}:${server.addr.port}/<repository>`);
  const stop = (): void => void server.shutdown();
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  await server.finished;
  Deno.removeSignalListener("SIGINT", stop);
  Deno.removeSignalListener("SIGTERM", stop);
  return 0;
}

function listen(
  hostname: string,
  asked: string,
  handler: (request: Request) => Promise<Response>,
): HttpServer {
  const first = asked === "" ? DEFAULT_PORT : Number(asked);
  for (let port = first;; port++) {
    try {
      return serve({ port, hostname, limits: { bodyBytes: MAX_BODY_BYTES } }, handler);
    } catch (error) {
      const taken = error instanceof ListenError && error.code === "in_use";
      if (!taken || asked !== "" || port >= first + MAX_PORTS_TRIED) throw error;
      console.error(`Port ${port} is taken, trying ${port + 1}`);
    }
  }
}
