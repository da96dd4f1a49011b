/**
 * One connection: requests out in batches, replies matched to commands in order.
 *
 * It ends once and never comes back; what was unanswered then is handed to its owner, in two queues:
 * written and not written. Whoever owns it decides what is asked again.
 */
import { Command, CommandQueue, type Decode, type Pending, Unanswered } from "./_command.ts";
import { INCOMPLETE, Push, ReplyReader } from "./_decode.ts";
import { MAX_WRITE_BYTES, RequestBatch, type Words } from "./_encode.ts";
import {
  RedisConnectionError,
  RedisError,
  RedisProtocolError,
  RedisReplyError,
  RedisTimeoutError,
  RedisUsageError,
} from "./errors.ts";
import type { Settings } from "./_settings.ts";
import type { RedisReply } from "./reply.ts";

/** Takes messages that answer no command. */
export type PushHandler = (items: RedisReply[] | RedisReplyError) => void;

/** What a connection does with what it cannot answer itself. */
export interface ConnectionEvents {
  /** Takes messages that answer no command. */
  onPush?: PushHandler;
  /** Called once, with what was written and not answered, and what was not written. */
  onEnd?: (error: RedisError, sent: CommandQueue, waiting: CommandQueue) => void;
}

/** A socket that speaks RESP. */
export class Connection {
  /** Takes messages that answer no command; until it is set they are dropped. */
  onPush: PushHandler | undefined;
  /** Takes what is left when it ends; without it everything fails. */
  onEnd: ConnectionEvents["onEnd"];
  /** The protocol that was agreed. */
  protocol: 2 | 3 = 2;
  /** The server's number for this connection; 0 where it told none. */
  id = 0;
  /** Whether arrays are messages: a RESP2 connection that subscribes. */
  messagesOnly = false;
  readonly #conn: Deno.Conn;
  readonly #settings: Settings;
  readonly #reader: ReplyReader;
  readonly #batch = new RequestBatch();
  #waiting = new CommandQueue();
  #sent = new CommandQueue();
  #scheduled = false;
  #writing = false;
  #ended: RedisError | undefined;
  #now = 0;
  #lastReceived = performance.now();
  #pinged = false;
  #deadlineTimer: ReturnType<typeof setTimeout> | undefined;
  #aliveTimer: ReturnType<typeof setTimeout> | undefined;
  #idle: (() => void)[] = [];
  readonly #done: Promise<void>;

  private constructor(conn: Deno.Conn, settings: Settings) {
    this.#conn = conn;
    this.#settings = settings;
    this.#reader = new ReplyReader(settings);
    if (settings.keepAliveMs > 0) this.#watch(settings.keepAliveMs);
    this.#done = this.#read();
  }

  /**
   * Connects, authenticates and greets.
   *
   * @throws {RedisConnectionError} `ERR_REDIS_CONNECT` when the server cannot be reached.
   * @throws {RedisTimeoutError} when that takes too long.
   * @throws {RedisReplyError} when the server refuses.
   */
  static async open(settings: Settings, signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted();
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    const abort = (): void => failed.reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    const timer = setTimeout(() => {
      failed.reject(
        new RedisTimeoutError(
          `Cannot connect to ${
            describe(settings)
          }: not ready within ${settings.connectTimeoutMs} ms`,
          settings.connectTimeoutMs,
        ),
      );
    }, settings.connectTimeoutMs);
    try {
      const connecting = dial(settings);
      let conn: Deno.Conn;
      try {
        conn = await Promise.race([connecting, failed.promise]);
      } catch (error) {
        connecting.then((late) => late.close(), () => {});
        throw error;
      }
      const connection = new Connection(conn, settings);
      try {
        await Promise.race([connection.#greet(), failed.promise]);
      } catch (error) {
        await connection.destroy();
        throw error;
      }
      return connection;
    } catch (error) {
      if (error instanceof RedisError && !(error instanceof RedisConnectionError)) throw error;
      if (signal?.aborted && error === signal.reason) throw error;
      throw new RedisConnectionError(
        "ERR_REDIS_CONNECT",
        `Cannot connect to ${describe(settings)}: ${(error as Error).message}`,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  async #greet(): Promise<void> {
    const { username, password, clientName, db, greeting } = this.#settings;
    if (this.#settings.protocol === 3) {
      const words = ["HELLO", "3"];
      if (password !== undefined) words.push("AUTH", username ?? "default", password);
      if (clientName !== undefined) words.push("SETNAME", clientName);
      try {
        const reply = await this.call(words);
        this.protocol = 3;
        const id = reply instanceof Map ? reply.get("id") : undefined;
        if (typeof id === "number") this.id = id;
      } catch (error) {
        const refused = error instanceof RedisReplyError &&
          (error.code === "NOPROTO" || /unknown command|syntax error/i.test(error.message));
        if (!refused) throw error;
      }
    }
    if (this.protocol === 2) {
      if (password !== undefined) {
        await this.call(username === undefined ? ["AUTH", password] : ["AUTH", username, password]);
      }
      if (clientName !== undefined) await this.call(["CLIENT", "SETNAME", clientName]);
    }
    if (db !== 0) await this.call(["SELECT", String(db)]);
    for (const words of greeting) await this.call(words);
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** What it ended with. */
  get error(): RedisError | undefined {
    return this.#ended;
  }

  /** How many commands wait, written or not. */
  get pending(): number {
    return this.#waiting.size + this.#sent.size;
  }

  /** Sends a command. After the end it fails at once. */
  send(command: Pending): void {
    if (this.#ended !== undefined) {
      command.fail(
        new RedisConnectionError("ERR_REDIS_CONNECT", this.#ended.message, { cause: this.#ended }),
      );
      return;
    }
    if (this.pending >= this.#settings.maxPendingCommands) {
      command.fail(
        new RedisConnectionError(
          "ERR_REDIS_QUEUE_FULL",
          `Cannot send ${command.name}: ${this.pending} commands wait for their replies`,
        ),
      );
      return;
    }
    // The commands of one tick share one reading of the clock.
    if (!this.#scheduled || this.#writing) this.#now = performance.now();
    this.#schedule();
    if (command.issuedAt === 0) command.issuedAt = this.#now;
    if (this.#deadlineTimer === undefined) this.#armDeadline(this.#settings.commandTimeoutMs);
    this.#waiting.push(command);
  }

  /** Sends a request and gives its value. */
  call<T = RedisReply>(
    words: Words,
    decode?: Decode<T>,
    asBytes = false,
    exempt = false,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const command = new Command<T>(words, asBytes, decode, resolve, reject);
      if (exempt) command.issuedAt = Infinity;
      this.send(command);
    });
  }

  /** Settles when nothing waits any more, or it has ended. */
  drained(): Promise<void> {
    if (this.pending === 0 || this.ended) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (!this.#writing) queueMicrotask(this.#flushSoon);
  }

  /** One more turn of the microtask queue lets callers that await in between join the batch. */
  readonly #flushSoon = (): void => queueMicrotask(this.#flush);

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#writing || this.#ended !== undefined) return;
    const batch = this.#batch;
    const waiting = this.#waiting;
    const sent = this.#sent;
    while (batch.sizeBytes < MAX_WRITE_BYTES) {
      const command = waiting.shift();
      if (command === null) break;
      if (command.settled) continue;
      batch.mark();
      try {
        command.encode(batch);
      } catch (cause) {
        batch.rollback();
        command.fail(
          new RedisUsageError(`Cannot encode ${command.name}: ${(cause as Error).message}`, {
            cause,
          }),
        );
        continue;
      }
      if (command instanceof Unanswered) continue;
      command.sent = true;
      sent.push(command);
    }
    if (batch.sizeBytes === 0) return this.#notifyIdle();
    this.#writing = true;
    this.#write(batch).then(this.#written, this.#failed);
  };

  async #write(batch: RequestBatch): Promise<void> {
    for (const piece of batch.take()) {
      let at = await this.#conn.write(piece);
      while (at < piece.length) at += await this.#conn.write(piece.subarray(at));
    }
  }

  readonly #written = (): void => {
    this.#writing = false;
    if (this.#waiting.head !== null) this.#flush();
    else this.#notifyIdle();
  };

  readonly #failed = (error: Error): void => {
    void this.#end(this.#lost(error));
  };

  #lost(cause: unknown): RedisConnectionError {
    const why = cause instanceof Error ? cause.message : "the server closed it";
    return new RedisConnectionError(
      "ERR_REDIS_CONNECT",
      `The connection to ${describe(this.#settings)} ended: ${why}`,
      cause instanceof Error ? { cause } : {},
    );
  }

  async #read(): Promise<void> {
    const reader = this.#reader;
    for (;;) {
      let count: number | null;
      try {
        count = await this.#conn.read(reader.space());
      } catch (error) {
        return this.#end(this.#lost(error));
      }
      if (count === null) return this.#end(this.#lost(undefined));
      if (this.#ended !== undefined) return;
      reader.commit(count);
      this.#lastReceived = performance.now();
      this.#pinged = false;
      try {
        this.#dispatch();
      } catch (error) {
        return this.#end(
          error instanceof RedisError
            ? error
            : new RedisProtocolError("The server sent a reply that is too large", { cause: error }),
        );
      }
      this.#notifyIdle();
    }
  }

  #dispatch(): void {
    const reader = this.#reader;
    const sent = this.#sent;
    for (;;) {
      const head = sent.head;
      reader.asBytes = head !== null ? head.asBytes : this.messagesOnly && reader.pushBytes;
      const reply = reader.next();
      if (reply === INCOMPLETE) return;
      if (reply instanceof Push) {
        this.onPush?.(reply.items);
      } else if (head === null) {
        if (this.messagesOnly && (Array.isArray(reply) || reply instanceof RedisReplyError)) {
          this.onPush?.(reply);
        } else if (!this.messagesOnly || reply !== "PONG") {
          throw new RedisProtocolError("The server sent a reply that nobody asked for");
        }
      } else if (head.receive(reply)) {
        sent.shift();
      }
    }
  }

  #notifyIdle(): void {
    if (this.#idle.length === 0 || this.pending > 0) return;
    const waiters = this.#idle;
    this.#idle = [];
    for (const waiter of waiters) waiter();
  }

  #armDeadline(afterMs: number): void {
    if (this.#settings.commandTimeoutMs === 0) return;
    this.#deadlineTimer = setTimeout(this.#onDeadline, afterMs);
  }

  readonly #onDeadline = (): void => {
    this.#deadlineTimer = undefined;
    const limit = this.#settings.commandTimeoutMs;
    const before = performance.now() - limit;
    const late = (sent: boolean) => (command: Pending): Error =>
      new RedisTimeoutError(`${command.name} took more than ${limit} ms`, limit, sent);
    this.#sent.expire(before, late(true));
    this.#waiting.expire(before, late(false));
    const oldest = this.#sent.oldest ?? this.#waiting.oldest;
    if (oldest === undefined) return;
    this.#armDeadline(Math.max(1, Math.ceil(oldest + limit - performance.now())));
  };

  #watch(afterMs: number): void {
    this.#aliveTimer = setTimeout(() => {
      const limit = this.#settings.keepAliveMs;
      const silent = performance.now() - this.#lastReceived;
      if (silent < limit * 0.9) return this.#watch(limit - silent);
      if (this.#pinged) {
        void this.#end(
          new RedisConnectionError(
            "ERR_REDIS_CONNECT",
            `The connection to ${describe(this.#settings)} is dead: silent for ${
              Math.round(silent)
            } ms`,
          ),
        );
        return;
      }
      this.#pinged = true;
      this.#ping();
      this.#watch(limit);
    }, afterMs);
  }

  #ping(): void {
    if (!this.messagesOnly) return void this.call(["PING"], undefined, false, true).catch(() => {});
    // Answered by a message of its own, so nothing is queued for it.
    this.writeRaw(["PING"]);
  }

  /** Writes a request whose reply is a message. */
  writeRaw(words: Words): void {
    if (this.#ended !== undefined) return;
    this.#waiting.push(new Unanswered(words));
    this.#schedule();
  }

  /** Whether strings of messages are given as bytes. */
  set pushBytes(on: boolean) {
    this.#reader.pushBytes = on;
  }

  /** Ends the connection; what waits fails with `ERR_REDIS_CLOSED`. */
  destroy(reason?: RedisError): Promise<void> {
    void this.#end(
      reason ?? new RedisConnectionError("ERR_REDIS_CLOSED", "The connection was closed"),
    );
    return this.#done;
  }

  // deno-lint-ignore require-await -- callers in promise chains await it
  async #end(error: RedisError): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    clearTimeout(this.#deadlineTimer);
    clearTimeout(this.#aliveTimer);
    this.#conn.close();
    const sent = this.#sent;
    const waiting = this.#waiting;
    this.#sent = new CommandQueue();
    this.#waiting = new CommandQueue();
    this.#notifyIdle();
    if (this.onEnd !== undefined) this.onEnd(error, sent, waiting);
    else failAll(error, sent, waiting);
  }
}

/** Fails what a connection left behind: what was written may have run, the rest has not. */
export function failAll(error: RedisError, sent: CommandQueue, waiting: CommandQueue): void {
  for (let command = sent.shift(); command !== null; command = sent.shift()) {
    command.fail(inFlight(command, error));
  }
  for (let command = waiting.shift(); command !== null; command = waiting.shift()) {
    command.fail(
      error instanceof RedisConnectionError ? error : new RedisConnectionError(
        "ERR_REDIS_CONNECT",
        `Cannot send ${command.name}: ${error.message}`,
        { cause: error },
      ),
    );
  }
}

/** The error of a command that was written and not answered. */
export function inFlight(command: Pending, error: RedisError): RedisConnectionError {
  if (error instanceof RedisConnectionError && error.code === "ERR_REDIS_CLOSED") {
    return new RedisConnectionError(error.code, error.message, { cause: error, sent: true });
  }
  return new RedisConnectionError(
    "ERR_REDIS_IN_FLIGHT",
    `${command.name} was sent and not answered; it may have run: ${error.message}`,
    { cause: error, sent: true },
  );
}

/** Where a client connects to, for messages. */
export function describe(settings: Settings): string {
  return settings.path ?? `${settings.hostname}:${settings.port}`;
}

async function dial(settings: Settings): Promise<Deno.Conn> {
  if (settings.path !== undefined) {
    return await Deno.connect({ transport: "unix", path: settings.path });
  }
  const { hostname, port, tls } = settings;
  if (tls === undefined) {
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay(true);
    return conn;
  }
  const options: Deno.ConnectTlsOptions = { hostname, port };
  if (tls.caCerts !== undefined) options.caCerts = tls.caCerts;
  const conn = await Deno.connectTls(
    tls.cert !== undefined && tls.key !== undefined
      ? { ...options, cert: tls.cert, key: tls.key }
      : options,
  );
  try {
    await conn.handshake();
  } catch (error) {
    conn.close();
    throw error;
  }
  return conn;
}
