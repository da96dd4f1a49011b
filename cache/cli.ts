/**
 * The command line of `cache`.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { parseGroupArguments, startGroup } from "./_group_cli.ts";
import { RedisServer, RedisServerError, type RedisServerOptions } from "./redis/mod.ts";

const USAGE = `Run the servers of cache.

Usage:
  redis [--port 6379] [--aof FILE] [--dir DIR] [options] [redis.conf]
  group [--port 8001] [--peers URL,URL,...] [options]   one peer of a distributed cache (a demo store)

Options of redis:
  --port <number>       Port to listen on; 0 for any. A default port that is taken moves to the
                        next free one.                                      [default: 6379]
  --host <address>      Address to listen on.                          [default: 127.0.0.1]
  --aof <file>          Append-only file; its multi-part set lives in appendonlydir beside it.
  --appendfsync <when>  always, everysec or no.                        [default: everysec]
  --dir <folder>        Folder of the snapshot.                     [default: nothing saved]
  --requirepass <text>  Password that clients have to give.
  --help                Show this.

Options of group:
  --port <number>       Port to listen on; a default port that is taken moves to the next free one.
                                                                             [default: 8001]
  --host <address>      Address to listen on.                          [default: 127.0.0.1]
  --peers <urls>        Base URLs of all peers, parted by commas.
  --secret <text>       What peers have to present to each other.

Permissions: --allow-net; --allow-read --allow-write with --aof, --dir or redis.conf
`;

const MAX_PORTS_TRIED = 100;

/** Arguments that cannot be understood; the message says which and what to do. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/** What the arguments of `redis` ask for. */
export interface RedisArguments {
  /** Options of the server. */
  options: RedisServerOptions;
  /** Whether the port was asked for, rather than the default. */
  portIsAsked: boolean;
  /** Path of the redis.conf, if any. */
  configFile: string | undefined;
}

/**
 * Reads the arguments after `redis`.
 *
 * @throws {UsageError} for an unknown option or a bad value.
 */
export function parseRedisArguments(args: readonly string[]): RedisArguments | "help" {
  const unknown: string[] = [];
  const parsed = parseArgs(args as string[], {
    string: ["port", "host", "aof", "dir", "appendfsync", "requirepass"],
    boolean: ["help"],
    unknown: (arg: string) => {
      if (!arg.startsWith("-")) return true;
      unknown.push(arg);
      return false;
    },
  });
  if (parsed.help) return "help";
  if (unknown.length > 0) throw new UsageError(`Unknown argument "${unknown[0]}"; see --help`);
  if (parsed._.length > 1) throw new UsageError(`Only one redis.conf can be given; see --help`);
  const text = (name: string): string | undefined => {
    const value = parsed[name] as string | undefined;
    if (value === "") throw new UsageError(`--${name} wants a value; see --help`);
    return value;
  };
  const options: RedisServerOptions = {};
  const port = text("port");
  if (port !== undefined) {
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
      throw new UsageError(`--port wants a number from 0 to 65535, not "${port}"`);
    }
    options.port = Number(port);
  }
  const appendfsync = text("appendfsync");
  if (appendfsync !== undefined) {
    if (appendfsync !== "always" && appendfsync !== "everysec" && appendfsync !== "no") {
      throw new UsageError(`--appendfsync wants always, everysec or no, not "${appendfsync}"`);
    }
    options.appendfsync = appendfsync;
  }
  const host = text("host");
  const aof = text("aof");
  const dir = text("dir");
  const password = text("requirepass");
  if (host !== undefined) options.hostname = host;
  if (aof !== undefined) options.aof = aof;
  if (dir !== undefined) options.dir = dir;
  if (password !== undefined) options.password = password;
  const configFile = parsed._[0] === undefined ? undefined : String(parsed._[0]);
  return { options, portIsAsked: port !== undefined, configFile };
}

/** Starts the server on the port asked for, or on the next free one from the default. */
async function startRedis(options: RedisServerOptions, move: boolean): Promise<RedisServer> {
  const first = options.port ?? 6379;
  for (let port = first;; port++) {
    try {
      return await RedisServer.start({ ...options, port });
    } catch (error) {
      const taken = error instanceof RedisServerError &&
        error.cause instanceof Deno.errors.AddrInUse;
      if (!taken || !move || port >= first + MAX_PORTS_TRIED) throw error;
    }
  }
}

async function group(args: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parseGroupArguments>;
  try {
    parsed = parseGroupArguments(args);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const server = startGroup(parsed, (line) => console.log(line));
  const stop = (): void => void server.shutdown();
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  await server.finished;
  Deno.removeSignalListener("SIGINT", stop);
  Deno.removeSignalListener("SIGTERM", stop);
  return 0;
}

async function redis(args: readonly string[]): Promise<number> {
  const parsed = parseRedisArguments(args);
  if (parsed === "help") {
    console.log(USAGE);
    return 0;
  }
  const { options, configFile } = parsed;
  let portIsAsked = parsed.portIsAsked;
  let log = "";
  if (configFile !== undefined) {
    options.config = await Deno.readTextFile(configFile);
    options.configFile = configFile;
    const configured = /^\s*port\s+"?(\d+)/mi.exec(options.config);
    if (configured !== null && options.port === undefined) {
      options.port = Number(configured[1]);
      portIsAsked = true;
    }
  }
  options.onLoading = (commands) => log = ` (loading ${commands.toLocaleString("en-US")} commands)`;
  console.log("MiniRedis server starting...");
  const server = await startRedis(options, !portIsAsked);
  if (!portIsAsked && server.port !== 6379) {
    console.log(`  Port 6379 is taken; using the next free one`);
  }
  console.log(`  Port: ${server.port}`);
  if (options.aof !== undefined) console.log(`  AOF: ${options.aof}${log}`);
  console.log("Ready to accept connections");
  const stop = (): void => void server.close();
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  await server.finished;
  Deno.removeSignalListener("SIGINT", stop);
  Deno.removeSignalListener("SIGTERM", stop);
  return 0;
}

/**
 * Runs a command line; returns the exit code: 0, 1 when it failed, 2 for arguments that make no sense.
 */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === "--help" || command === undefined) {
    (command === undefined ? console.error : console.log)(USAGE);
    return command === undefined ? 2 : 0;
  }
  try {
    if (rest.includes("--help")) {
      console.log(USAGE);
      return 0;
    }
    if (command === "redis") return await redis(rest);
    if (command === "group") return await group(rest);
    throw new UsageError(`Unknown command "${command}"; see --help`);
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
