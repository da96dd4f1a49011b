/** The command `group`: one peer of a distributed cache over a slow demonstration store. */
import { parseArgs } from "@std/cli";
import { delay } from "@std/async";
import { type HttpServer, ListenError, serve } from "../web/mod.ts";
import { Group } from "./group.ts";
import { PeerPool } from "./peer_pool.ts";

const DEFAULT_PORT = 8001;
const MAX_PORTS_TRIED = 100;
const GROUP_BYTES = 64 * 2 ** 20;
/** How long the demonstration store takes, so that a hit can be told from a load. */
const STORE_DELAY_MS = 100;
const MAX_SCORE = 1_000;

/** What the arguments of `group` ask for. */
export interface GroupArguments {
  port: number | undefined;
  host: string;
  peers: string[];
  secret: string;
}

/**
 * Reads the arguments after `group`.
 *
 * @throws {RangeError} If they make no sense; the message says which and what to do.
 */
export function parseGroupArguments(args: readonly string[]): GroupArguments {
  const parsed = parseArgs(args, { string: ["port", "host", "peers", "secret"] });
  const unknown =
    Object.keys(parsed).find((name) => !["_", "port", "host", "peers", "secret"].includes(name)) ??
      parsed._[0];
  if (unknown !== undefined) throw new RangeError(`Unknown argument "${unknown}"; see --help`);
  const port = parsed.port as string | undefined;
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)) {
    throw new RangeError(`--port wants a number from 0 to 65535, not "${port}"`);
  }
  const peers = ((parsed.peers ?? "") as string).split(",").filter((peer) => peer !== "");
  const bad = peers.find((peer) => !/^https?:\/\//.test(peer) || !URL.canParse(peer));
  if (bad !== undefined) throw new RangeError(`--peers wants URLs, not "${bad}"`);
  return {
    port: port === undefined ? undefined : Number(port),
    host: (parsed.host as string | undefined) ?? "127.0.0.1",
    peers,
    secret: (parsed.secret as string | undefined) ?? "",
  };
}

/** Starts the peer, on the port asked for or on the next free one from the default. */
export function startGroup(
  options: GroupArguments,
  log: (line: string) => void,
): HttpServer {
  // The server has to listen before its own URL is known.
  let handler = (_: Request): Promise<Response> =>
    Promise.resolve(new Response(null, { status: 503 }));
  const server = listen(options, (request) => handler(request));
  const self = `http://${options.host}:${server.addr.port}`;
  const scores = new Group({
    name: "scores",
    maxBytes: GROUP_BYTES,
    async load(key, signal) {
      log(`Loading "${key}" from the slow store`);
      await delay(STORE_DELAY_MS, { signal });
      let score = 0;
      for (const char of key) score = (score * 31 + char.codePointAt(0)!) % MAX_SCORE;
      return new TextEncoder().encode(String(score));
    },
  });
  const pool = new PeerPool({
    self,
    peers: options.peers,
    ...(options.secret === "" ? {} : { secret: options.secret }),
  });
  pool.register(scores);
  handler = async (request) => {
    const url = new URL(request.url);
    if (url.pathname === "/stats") {
      return Response.json({ self, ...scores.stats(), peers: pool.states() });
    }
    if (url.pathname !== "/api") return await pool.fetch(request);
    const key = url.searchParams.get("key");
    if (key === null) return new Response("Ask /api?key=…\n", { status: 400 });
    return new Response(await scores.get(key, request.signal));
  };
  log(`Peer of the group "scores" on ${self}: curl '${self}/api?key=Tom', ${self}/stats`);
  return server;
}

function listen(
  options: GroupArguments,
  handler: (request: Request) => Promise<Response>,
): HttpServer {
  const first = options.port ?? DEFAULT_PORT;
  for (let port = first;; port++) {
    try {
      return serve({ port, hostname: options.host }, handler);
    } catch (error) {
      const move = options.port === undefined && port < first + MAX_PORTS_TRIED;
      if (!(error instanceof ListenError && error.code === "in_use" && move)) throw error;
    }
  }
}
