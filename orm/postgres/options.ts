import type { TypeRegistry } from "./types.ts";
import type { ServerFields } from "./errors.ts";
import { DatabaseError } from "../errors.ts";

/**
 * What TLS is for (the same words as libpq's):
 *
 * - `disable`: none;
 * - `prefer`: if the server has it, unverified; else in clear. Of no use against an active attacker;
 * - `require`: always, unverified; with `caCertificates` the same as `verify-ca`, as in libpq;
 * - `verify-ca`: always, with a certificate that an authority we trust has signed;
 * - `verify-full`: that, and the certificate names the host.
 */
export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** One of several servers. */
export interface HostOptions {
  /** Its name, address or socket folder, as {@linkcode ConnectionOptions.host}. */
  readonly host?: string;
  /** 5432 by default. */
  readonly port?: number;
}

/** A stream of bytes to a server and back, as {@linkcode Deno.Conn} is one. */
export interface ServerSocket {
  /** Reads some bytes into the buffer and gives their number; `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, one at least, and gives their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions at once; what waits for bytes then ends or fails. */
  close(): void;
}

/**
 * Which of several servers will do (the same words as libpq's): any; one whose sessions may write by
 * default, or may not; one that is no standby, or is one; or `prefer-standby`, a standby if there is
 * one, else any.
 */
export type TargetSessionAttributes =
  | "any"
  | "read-write"
  | "read-only"
  | "primary"
  | "standby"
  | "prefer-standby";

/** How a server is reached and what is asked of it. */
export interface ConnectionOptions {
  /** A name, an address, or the folder of a Unix socket (starts with `/`); `127.0.0.1` by default. */
  host?: string;
  /** 5432 by default. */
  port?: number;
  /**
   * Several servers, in place of `host` and `port`: they are tried in this order, and the next one
   * where one cannot be reached, is starting up or shutting down, or is not as
   * `targetSessionAttributes` says. One that refuses the login ends the search, as in libpq.
   */
  hosts?: readonly HostOptions[];
  /** Which servers will do; `any` by default. */
  targetSessionAttributes?: TargetSessionAttributes;
  /**
   * Opens the stream to the server in place of `host` and `port`, through a tunnel for example. It is
   * used as it is, without TLS: an `sslMode` that demands TLS refuses it.
   */
  socket?: () => ServerSocket | Promise<ServerSocket>;
  /** The role; `postgres` by default. */
  user?: string;
  /** The password, or what gives it for each connection. */
  password?: string | (() => string | Promise<string>);
  /** The database; the user's name by default. */
  database?: string;
  /** What TLS is for; `prefer` by default. A Unix socket never uses TLS. */
  sslMode?: SslMode;
  /** Authorities to trust, as PEM; the system's by default. */
  caCertificates?: string[];
  /** Our own certificate, as PEM, where the server asks for one. */
  certificate?: string;
  /** Its private key, as PEM. */
  privateKey?: string;
  /** Whether SCRAM is bound to the TLS channel; `prefer` by default. */
  channelBinding?: "disable" | "prefer" | "require";
  /** Whether the password may be sent as it is if the server asks for that; `false` by default. */
  allowCleartextPassword?: boolean;
  /** Settings of the session, `application_name` for example. */
  settings?: Record<string, string>;
  /** How long connecting to one server may take, in milliseconds; 10,000 by default, 0 for no limit. */
  connectTimeoutMs?: number;
  /** The longest message that is accepted, in bytes; 1 GiB, PostgreSQL's own limit, by default. */
  maxMessageBytes?: number;
  /** How many statements a connection keeps prepared; 256 by default, 0 for none. */
  maxStatements?: number;
  /** How many queries may wait on a connection; 100,000 by default. */
  maxQueued?: number;
  /**
   * Whether statements are prepared under a name and kept; `true` by default. A pooler between here
   * and the server that hands out sessions for a transaction at a time needs `false`.
   */
  prepare?: boolean;
  /** How 64-bit integers are read; `"bigint"` by default. */
  integers?: IntegerMode;
  /** The types; made anew for each pool or connection by default. */
  types?: TypeRegistry;
  /** Called with each notice; none by default. */
  onNotice?: (notice: ServerFields) => void;
  /** Called when the server reports a setting, those at the login too. */
  onParameter?: (name: string, value: string) => void;
}

/**
 * How 64-bit integers are read: as `bigint`; as `number`, refused past 2^53; as `number` within
 * 2^53 and else as `bigint`; or as `string`.
 */
export type IntegerMode = "bigint" | "number" | "mixed" | "string";

function refuse(message: string): never {
  throw new DatabaseError("bad_query", message);
}

/** A percent-encoded part of a URL. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    refuse(
      "Cannot read the database's URL: a percent sign is not followed by UTF-8 in hexadecimal",
    );
  }
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  if ((allowed as readonly string[]).includes(value)) return value as T;
  refuse(`Cannot use ${name}=${value}: it is one of ${allowed.join(", ")}`);
}

function integer(name: string, value: string, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (!(number <= max)) refuse(`Cannot use ${name}=${value}: it is a number up to ${max}`);
  return number;
}

const SSL_MODES: readonly SslMode[] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

const TARGETS: readonly TargetSessionAttributes[] = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
];

/** How many servers a URL may name. */
const MAX_HOSTS = 100;

/** Where the servers are, as lists of as many texts; an empty text is the default. */
interface Places {
  hosts: readonly string[];
  ports: readonly string[];
}

/** Puts the places into the options: one port stands for all hosts. */
function setPlaces(options: ConnectionOptions, { hosts, ports }: Places): void {
  if (hosts.length > MAX_HOSTS || ports.length > MAX_HOSTS) {
    refuse(`Cannot use more than ${MAX_HOSTS} hosts`);
  }
  if (ports.length > 1 && ports.length !== hosts.length) {
    refuse(`Cannot match ${ports.length} ports to ${hosts.length} hosts`);
  }
  const places = hosts.map((host, at): HostOptions => {
    const port = ports[ports.length === 1 ? 0 : at] ?? "";
    return {
      ...(host !== "" && { host }),
      ...(port !== "" && { port: integer("port", port, 65_535) }),
    };
  });
  if (places.length > 1) options.hosts = places;
  else Object.assign(options, places[0]);
}

/** Session settings that libpq's URLs name directly. */
const SETTINGS = new Set(["application_name", "client_encoding", "options", "replication"]);

function setParameter(options: ConnectionOptions, name: string, value: string): void {
  switch (name) {
    case "target_session_attrs":
      options.targetSessionAttributes = oneOf(name, value, TARGETS);
      break;
    case "user":
      options.user = value;
      break;
    case "password":
      options.password = value;
      break;
    case "dbname":
      options.database = value;
      break;
    case "sslmode":
      options.sslMode = oneOf(name, value, SSL_MODES);
      break;
    case "sslrootcert":
      // libpq's word for the system's authorities; they are the default here.
      if (value !== "system") options.caCertificates = [Deno.readTextFileSync(value)];
      break;
    case "sslcert":
      options.certificate = Deno.readTextFileSync(value);
      break;
    case "sslkey":
      options.privateKey = Deno.readTextFileSync(value);
      break;
    case "channel_binding":
      options.channelBinding = oneOf(name, value, ["disable", "prefer", "require"] as const);
      break;
    case "connect_timeout":
      options.connectTimeoutMs = integer(name, value, 999_999) * 1000;
      break;
    default:
      if (!SETTINGS.has(name)) refuse(`Cannot use the parameter ${name} of the database's URL`);
      options.settings = { ...options.settings, [name]: value };
  }
}

/**
 * Reads a URL as libpq does (PostgreSQL 15, section 34.1.1.2):
 * `postgres://user:password@host:port/database?sslmode=verify-full&application_name=x`. A Unix
 * socket's folder is given percent-encoded as the host, or as the parameter `host`. Several servers
 * are separated by commas: `postgres://one:5432,two:5433/database?target_session_attrs=primary`; there
 * may be 100 of them. The environment is not looked at; see {@linkcode environmentOptions}.
 *
 * @throws {DatabaseError} With code `bad_query` if it is no such URL, or has an unknown parameter.
 *
 * @example
 * ```ts
 * import { parseConnectionUrl } from "@groundwork/std/orm/postgres";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseConnectionUrl("postgres://ada:s%2Fecret@db.example/app?sslmode=verify-full"), {
 *   user: "ada",
 *   password: "s/ecret",
 *   host: "db.example",
 *   database: "app",
 *   sslMode: "verify-full",
 * });
 * ```
 */
export function parseConnectionUrl(url: string): ConnectionOptions {
  const parts = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/
    .exec(url);
  if (parts === null) {
    refuse("Cannot read the database's URL: it is postgres://user:password@host:port/database");
  }
  const [, login, address = "", database, query] = parts;
  const options: ConnectionOptions = {};
  if (login !== undefined && login !== "") {
    const colon = login.indexOf(":");
    const user = decode(colon < 0 ? login : login.slice(0, colon));
    if (user !== "") options.user = user;
    if (colon >= 0) options.password = decode(login.slice(colon + 1));
  }
  const places: Places = { hosts: [], ports: [] };
  const found = address.split(",").map((text) => {
    const place = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(text);
    if (place === null) refuse("Cannot read the host in the database's URL");
    return { host: decode(place[1]!).replace(/^\[(.*)\]$/, "$1"), port: place[2] ?? "" };
  });
  places.hosts = found.map(({ host }) => host);
  places.ports = found.map(({ port }) => port);
  if (database) options.database = decode(database);
  for (const pair of query ? query.split("&") : []) {
    const equals = pair.indexOf("=");
    if (equals <= 0) refuse(`Cannot read ${pair} in the database's URL: name=value is expected`);
    const name = decode(pair.slice(0, equals));
    const value = decode(pair.slice(equals + 1));
    if (name === "host") places.hosts = value.split(",");
    else if (name === "port") places.ports = value.split(",");
    else setParameter(options, name, value);
  }
  // Ports that were left out everywhere are no list of as many.
  if (places.ports.every((port) => port === "")) places.ports = [""];
  setPlaces(options, places);
  return options;
}

/** What libpq's variables are called in a URL. */
const VARIABLES: Readonly<Record<string, string>> = {
  PGUSER: "user",
  PGPASSWORD: "password",
  PGDATABASE: "dbname",
  PGSSLMODE: "sslmode",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGCHANNELBINDING: "channel_binding",
  PGTARGETSESSIONATTRS: "target_session_attrs",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGAPPNAME: "application_name",
  PGOPTIONS: "options",
};

/**
 * Reads libpq's environment variables (`PGHOST`, `PGUSER`, …). Nothing else here does: pass the result
 * on, with what should override it. Needs `--allow-env`.
 *
 * @throws {DatabaseError} With code `bad_query` if one has a value that cannot be.
 */
export function environmentOptions(): ConnectionOptions {
  const options: ConnectionOptions = {};
  setPlaces(options, {
    hosts: (Deno.env.get("PGHOST") ?? "").split(","),
    ports: (Deno.env.get("PGPORT") ?? "").split(","),
  });
  for (const [variable, name] of Object.entries(VARIABLES)) {
    const value = Deno.env.get(variable);
    if (value) setParameter(options, name, value);
  }
  return options;
}

/** Options from a URL or as they are. */
export function optionsOf(target: string | URL | ConnectionOptions): ConnectionOptions {
  if (typeof target === "string") return parseConnectionUrl(target);
  return target instanceof URL ? parseConnectionUrl(target.href) : target;
}
