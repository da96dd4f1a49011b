/** Options as the client uses them: read from URLs, checked, with defaults. */
import { RedisUsageError } from "./errors.ts";
import type {
  RedisClientOptions,
  RedisReconnectOptions,
  RedisState,
  RedisTlsOptions,
} from "./options.ts";

/** Options with every default filled in. */
export interface Settings {
  hostname: string;
  port: number;
  path: string | undefined;
  username: string | undefined;
  password: string | undefined;
  db: number;
  clientName: string | undefined;
  protocol: 2 | 3;
  tls: RedisTlsOptions | undefined;
  connectTimeoutMs: number;
  commandTimeoutMs: number;
  keepAliveMs: number;
  maxOfflineCommands: number;
  maxPendingCommands: number;
  maxReadRetries: number;
  reconnect: Required<RedisReconnectOptions> | undefined;
  maxDedicatedConnections: number;
  maxReplyBytes: number;
  maxReplyElements: number;
  maxDepth: number;
  onState: ((state: RedisState, error?: Error) => void) | undefined;
  /** Further requests that every connection begins with. */
  greeting: readonly string[][];
}

/** Reads `redis[s]://[user[:password]@]host[:port][/db]` or `unix:///path[?db=n]`. */
export function parseRedisUrl(text: string | URL): RedisClientOptions {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new RedisUsageError("Cannot read the Redis URL: it is none", { cause });
  }
  const options: RedisClientOptions = {};
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch (cause) {
      throw new RedisUsageError("Cannot read the Redis URL: a percent escape is malformed", {
        cause,
      });
    }
  };
  if (url.username !== "") options.username = decode(url.username);
  if (url.password !== "") options.password = decode(url.password);
  let db: string | null;
  if (url.protocol === "unix:") {
    options.path = decode(url.pathname);
    db = url.searchParams.get("db");
  } else if (url.protocol === "redis:" || url.protocol === "rediss:") {
    if (url.hostname !== "") options.hostname = decode(url.hostname).replace(/^\[(.*)\]$/, "$1");
    if (url.port !== "") options.port = Number(url.port);
    if (url.protocol === "rediss:") options.tls = true;
    db = url.pathname.length > 1 ? url.pathname.slice(1) : url.searchParams.get("db");
  } else {
    throw new RedisUsageError(
      `Cannot read the Redis URL: the scheme is ${url.protocol}, not redis:, rediss: or unix:`,
    );
  }
  if (db !== null) {
    if (!/^[0-9]{1,9}$/.test(db)) {
      throw new RedisUsageError("Cannot read the Redis URL: the database is no number");
    }
    options.db = Number(db);
  }
  return options;
}

/** Fills in the defaults, and checks the limits. */
export function resolveOptions(options: RedisClientOptions): Settings {
  const number = (name: keyof RedisClientOptions, fallback: number, least: number): number => {
    const value = options[name] ?? fallback;
    if (typeof value !== "number" || !(value >= least)) {
      throw new RedisUsageError(`Cannot use the option ${name}: it is ${value}, below ${least}`);
    }
    return value;
  };
  const { reconnect } = options;
  return {
    hostname: options.hostname ?? "127.0.0.1",
    port: number("port", 6379, 1),
    path: options.path,
    username: options.username,
    password: options.password,
    db: number("db", 0, 0),
    clientName: options.clientName,
    protocol: options.protocol ?? 3,
    tls: options.tls === true ? {} : options.tls === false ? undefined : options.tls,
    connectTimeoutMs: number("connectTimeoutMs", 5_000, 1),
    commandTimeoutMs: number("commandTimeoutMs", 10_000, 0),
    keepAliveMs: number("keepAliveMs", 15_000, 0),
    maxOfflineCommands: number("maxOfflineCommands", 10_000, 0),
    maxPendingCommands: number("maxPendingCommands", 1_000_000, 1),
    maxReadRetries: number("maxReadRetries", 3, 0),
    reconnect: reconnect === false ? undefined : {
      baseMs: reconnect?.baseMs ?? 50,
      maxMs: reconnect?.maxMs ?? 2_000,
      maxAttempts: reconnect?.maxAttempts ?? Infinity,
    },
    maxDedicatedConnections: number("maxDedicatedConnections", 10, 1),
    maxReplyBytes: number("maxReplyBytes", 512 * 1024 * 1024, 1),
    maxReplyElements: number("maxReplyElements", 2 ** 24, 1),
    maxDepth: number("maxReplyDepth", 128, 1),
    onState: options.onState,
    greeting: [],
  };
}
