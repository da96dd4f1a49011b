import type { Handler } from "./handler.ts";
import { HttpError } from "./http_error.ts";
import { DEFAULT_HTTP1_LIMITS, type Http1Limits } from "./http1_limits.ts";
import { Clock, type ConnectionHost, Http1Connection, TICK_MS } from "./_http1_connection.ts";
import type { ByteBuffer } from "./_http1_parser.ts";

/** A certificate and its key, as PEM text. */
export interface TlsOptions {
  /** The certificate chain, the server's own first. */
  cert: string;
  /** The private key. */
  key: string;
}

/** What a server is started with. */
export interface ServeOptions {
  /**
   * The port; 0 for a free one.
   *
   * @default {8000}
   */
  port?: number;
  /**
   * The address to listen on.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string;
  /** Starts the shutdown when it aborts. */
  signal?: AbortSignal;
  /** Serves HTTPS instead of HTTP. */
  tls?: TlsOptions;
  /** Bounds on what clients may do; those not given are {@linkcode DEFAULT_HTTP1_LIMITS}. */
  limits?: Partial<Http1Limits>;
  /**
   * How long a shutdown waits for requests that run, in milliseconds.
   *
   * @default {10000}
   */
  shutdownTimeoutMs?: number;
  /** Called once the port is bound. */
  onListen?: (address: Deno.NetAddr) => void;
  /**
   * Makes the answer when the handler threw. It is called too, and its answer dropped, when an
   * answer broke off that had begun.
   *
   * @default {logs the error and answers 500; an HttpError answers for itself}
   */
  onError?: (error: unknown, request: Request) => Response | Promise<Response>;
}

/** Counts of a running server. */
export interface HttpServerStats {
  /** Open connections. */
  connections: number;
  /** Requests that are being handled or answered. */
  active: number;
  /** Requests since the start, refused ones left out. */
  requests: number;
  /** Connections refused because there were too many. */
  refused: number;
}

/** The port that was asked for cannot be had. */
export class ListenError extends Error {
  /** `ListenError`. */
  override readonly name = "ListenError";
  /** `in_use` where another program has it, `denied` where the system forbids it, else `failed`. */
  readonly code: "in_use" | "denied" | "failed";

  /** Makes an error from what the system said. */
  constructor(hostname: string, port: number, cause: unknown) {
    const code = cause instanceof Deno.errors.AddrInUse
      ? "in_use"
      : cause instanceof Deno.errors.PermissionDenied
      ? "denied"
      : "failed";
    const why = { in_use: "it is in use", denied: "the system denies it", failed: String(cause) };
    super(`Cannot listen on ${hostname}:${port}: ${why[code]}`, { cause });
    this.code = code;
  }
}

/** A tick that comes so much too late means that the program itself was busy. */
const LATE_MS = 1_000;
/** How long to wait before accepting again when the system has no room for a connection. */
const ACCEPT_RETRY_MS = 50;

const BUSY = new TextEncoder().encode(
  "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
);

/**
 * Starts an HTTP/1.1 server (RFC 9110 and 9112). The port is bound when this returns.
 *
 * The handler is fetch-style. Its request is made as far as it is looked at; requests of one
 * connection are handled one after another, in order. Bodies stream both ways with backpressure.
 * What a client may do is bounded by {@linkcode Http1Limits}.
 *
 * @throws {ListenError} If the port cannot be had.
 * @throws {RangeError} If a limit is no positive number.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "@groundwork/std/web";
 *
 * await using server = serve({ port: 0 }, (request) => new Response(`You asked ${request.url}`));
 * const url = `http://127.0.0.1:${server.addr.port}/hello`;
 * assertEquals(await (await fetch(url)).text(), `You asked ${url}`);
 * ```
 */
export function serve(options: ServeOptions, handler: Handler): HttpServer {
  const { port = 8_000, hostname = "127.0.0.1" } = options;
  const limits = { ...DEFAULT_HTTP1_LIMITS, ...options.limits };
  for (const [name, limit] of Object.entries(limits)) {
    if (!(limit > 0)) throw new RangeError(`The limit ${name} must be a positive number: ${limit}`);
  }
  let listener: Deno.TcpListener | Deno.TlsListener;
  try {
    listener = options.tls === undefined
      ? Deno.listen({ port, hostname })
      : Deno.listenTls({ port, hostname, ...options.tls, alpnProtocols: ["http/1.1"] });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new ListenError(hostname, port, error);
  }
  return new HttpServer(listener, options, limits, handler);
}

/** A running server; see {@linkcode serve}. */
export class HttpServer implements AsyncDisposable {
  /** The address that it listens on. */
  readonly addr: Deno.NetAddr;
  /** Resolves when the last connection has ended after a shutdown. */
  readonly finished: Promise<void>;
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #secure: boolean;
  readonly #limits: Http1Limits;
  readonly #shutdownTimeoutMs: number;
  readonly #connections = new Set<Http1Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #host: ConnectionHost & { draining: boolean };
  readonly #done = Promise.withResolvers<void>();
  #ticker: ReturnType<typeof setInterval> | undefined;
  #accepting = true;
  #deadlineMs = Infinity;
  #active = 0;
  #requests = 0;
  #refused = 0;

  /** Made by {@linkcode serve}. */
  constructor(
    listener: Deno.TcpListener | Deno.TlsListener,
    options: ServeOptions,
    limits: Http1Limits,
    handler: Handler,
  ) {
    this.#listener = listener;
    this.#secure = options.tls !== undefined;
    this.#limits = limits;
    this.#shutdownTimeoutMs = options.shutdownTimeoutMs ?? 10_000;
    this.addr = listener.addr as Deno.NetAddr;
    this.finished = this.#done.promise;
    const outputs: ByteBuffer[] = [];
    this.#host = {
      limits,
      handler,
      outputs,
      draining: false,
      clock: new Clock(),
      onError: options.onError ?? answerError,
      requestStarted: () => {
        this.#active++;
        this.#requests++;
      },
      requestEnded: () => void this.#active--,
    };
    const { signal } = options;
    if (signal !== undefined) {
      const onAbort = () => void this.shutdown();
      if (signal.aborted) queueMicrotask(onAbort);
      else signal.addEventListener("abort", onAbort, { once: true });
      this.finished.then(() => signal.removeEventListener("abort", onAbort));
    }
    options.onListen?.(this.addr);
    this.#accept();
  }

  /** Counts so far. */
  stats(): HttpServerStats {
    return {
      connections: this.#connections.size,
      active: this.#active,
      requests: this.#requests,
      refused: this.#refused,
    };
  }

  /**
   * Stops accepting, ends idle connections, lets requests that run finish with
   * `Connection: close`, and cuts off what is left when the time is over.
   *
   * @returns What {@linkcode HttpServer.finished} is.
   */
  shutdown(): Promise<void> {
    if (this.#accepting) {
      this.#accepting = false;
      this.#host.draining = true;
      this.#listener.close();
      this.#deadlineMs = performance.now() + this.#shutdownTimeoutMs;
      for (const connection of this.#connections) if (connection.idle) connection.close();
      this.#finishIfEmpty();
    }
    return this.finished;
  }

  /** Shuts down. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #accept(): Promise<void> {
    while (this.#accepting) {
      let conn: Deno.TcpConn | Deno.TlsConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || !this.#accepting) return;
        // A client that left at once, or no file descriptor: neither may end the server.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
        continue;
      }
      this.#take(conn as Deno.Conn<Deno.NetAddr>);
    }
  }

  #take(conn: Deno.Conn<Deno.NetAddr>): void {
    const { hostname } = conn.remoteAddr;
    const fromThere = this.#perAddress.get(hostname) ?? 0;
    if (
      this.#connections.size >= this.#limits.connections ||
      fromThere >= this.#limits.connectionsPerAddress
    ) {
      this.#refused++;
      refuse(conn, this.#secure);
      return;
    }
    if (!this.#secure) (conn as Deno.TcpConn).setNoDelay(true);
    this.#perAddress.set(hostname, fromThere + 1);
    if (this.#ticker === undefined) {
      this.#host.clock.update();
      this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    }
    const connection = new Http1Connection(conn, this.#host, this.#secure);
    this.#connections.add(connection);
    connection.run().then(() => this.#ended(connection, hostname));
  }

  #ended(connection: Http1Connection, hostname: string): void {
    this.#connections.delete(connection);
    const left = this.#perAddress.get(hostname)! - 1;
    if (left === 0) this.#perAddress.delete(hostname);
    else this.#perAddress.set(hostname, left);
    if (this.#connections.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
    this.#finishIfEmpty();
  }

  #finishIfEmpty(): void {
    if (!this.#accepting && this.#connections.size === 0) this.#done.resolve();
  }

  /** One timer for all connections: each holds its own deadline. */
  #tick(): void {
    const { clock } = this.#host;
    const beforeMs = clock.nowMs;
    clock.update();
    const { nowMs } = clock;
    const lateMs = nowMs - beforeMs - TICK_MS;
    const over = nowMs >= this.#deadlineMs;
    for (const connection of this.#connections) {
      // What came meanwhile has not been read yet.
      if (lateMs > LATE_MS) connection.postpone(lateMs);
      if (over || (this.#host.draining && connection.idle)) connection.close();
      else connection.expire(nowMs);
    }
  }
}

/** Says that there is no room, if that can be said without waiting. */
function refuse(conn: Deno.Conn, secure: boolean): void {
  const close = () => {
    try {
      conn.close();
    } catch {
      // The client closed it first.
    }
  };
  if (secure) close();
  else conn.write(BUSY).then(close, close);
}

function answerError(error: unknown, request: Request): Response {
  if (error instanceof HttpError && error.status < 500) return error.toResponse();
  console.error(`Cannot answer ${request.method} ${request.url}:`, error);
  return new Response("Internal Server Error", { status: 500 });
}
