/**
 * A connection that comes back.
 *
 * While there is none, commands wait, up to a limit. When one ends, what was not written stays in line;
 * what was written and not answered is asked again only if it reads, else it fails and says so.
 */
import { CommandQueue, type Pending } from "./_command.ts";
import { Connection, failAll, inFlight, type PushHandler } from "./_connection.ts";
import { RedisConnectionError, type RedisError, RedisTimeoutError } from "./errors.ts";
import type { RedisState } from "./options.ts";
import type { Settings } from "./_settings.ts";

/** How long closing waits for what was issued before, in milliseconds. */
const CLOSE_WAIT_MS = 5_000;

/** How long a connection lasts to count as good, in milliseconds. */
const STABLE_MS = 1_000;

/** Called with each new connection before anything waits on it is sent. */
export type Prepare = (connection: Connection) => void;

/** A connection to one server, made anew when it ends. */
export class Link {
  /** Takes messages that answer no command. */
  onPush: PushHandler | undefined;
  /** Called with each new connection, before what waited is sent. */
  onConnect: Prepare | undefined;
  /** Called when a connection has ended. */
  onLost: (() => void) | undefined;
  /** Called with every change of state. */
  onState: ((state: RedisState, error?: Error) => void) | undefined;
  readonly #settings: Settings;
  readonly #address: (() => { hostname: string; port: number }) | undefined;
  #connection: Connection | undefined;
  #waiting = new CommandQueue();
  #state: RedisState = "connecting";
  #closed: RedisConnectionError | undefined;
  #stop = new AbortController();
  #reconnecting: Promise<void> | undefined;
  #deadlineTimer: ReturnType<typeof setTimeout> | undefined;
  #adoptedAt = 0;
  /** Attempts since a connection last proved good. */
  #attempts = 0;

  /**
   * @param settings Where to, and the limits.
   * @param address Where to, asked for each connection; it may throw while that is not known.
   */
  constructor(settings: Settings, address?: () => { hostname: string; port: number }) {
    this.#settings = settings;
    this.#address = address;
    this.onState = settings.onState;
  }

  /** Connects for the first time; what fails here fails the caller, without another attempt. */
  async open(signal?: AbortSignal): Promise<void> {
    try {
      this.#adopt(await this.#connect(signal));
      if (this.#closed !== undefined) throw this.#closed;
    } catch (error) {
      this.#closed = new RedisConnectionError("ERR_REDIS_CLOSED", "The client is closed");
      throw error;
    }
  }

  #connect(signal: AbortSignal | undefined): Promise<Connection> {
    return Connection.open(
      this.#address === undefined ? this.#settings : { ...this.#settings, ...this.#address() },
      signal,
    );
  }

  /** Starts connecting in the background; commands wait meanwhile. */
  start(): void {
    this.#reconnecting = this.#reconnect(new Error("not connected yet"));
  }

  /** The state of the connection. */
  get state(): RedisState {
    return this.#state;
  }

  /** The connection, when there is one. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Sends a command, or keeps it until there is a connection. */
  execute(command: Pending): void {
    const connection = this.#connection;
    if (connection !== undefined && this.#closed === undefined) return connection.send(command);
    if (this.#closed !== undefined) return command.fail(this.#closed);
    if (this.#waiting.size >= this.#settings.maxOfflineCommands) this.#dropSettled();
    if (this.#waiting.size >= this.#settings.maxOfflineCommands) {
      return command.fail(
        new RedisConnectionError(
          "ERR_REDIS_QUEUE_FULL",
          `Cannot send ${command.name}: there is no connection, and ${this.#waiting.size} commands wait for one`,
        ),
      );
    }
    if (command.issuedAt === 0) command.issuedAt = performance.now();
    this.#waiting.push(command);
    this.#armDeadline();
  }

  #adopt(connection: Connection): void {
    this.#adoptedAt = performance.now();
    if (connection.error !== undefined) {
      // It ended right after its greeting.
      return this.#lost(connection.error, new CommandQueue(), new CommandQueue());
    }
    this.#connection = connection;
    connection.onPush = (items) => this.onPush?.(items);
    connection.onEnd = (error, sent, waiting) => this.#lost(error, sent, waiting);
    this.onConnect?.(connection);
    for (
      let command = this.#waiting.shift();
      command !== null;
      command = connection.ended ? null : this.#waiting.shift()
    ) {
      if (!command.settled) connection.send(command);
    }
    this.#change("ready");
  }

  #lost(error: RedisError, sent: CommandQueue, waiting: CommandQueue): void {
    this.#connection = undefined;
    // One that ended young counts as a failure: a server that greets and hangs up must not be stormed.
    if (performance.now() - this.#adoptedAt > STABLE_MS) this.#attempts = 0;
    const asked = this.#closed !== undefined;
    if (asked || this.#settings.reconnect === undefined) {
      this.#closed ??= new RedisConnectionError(
        "ERR_REDIS_CLOSED",
        `The client is closed: ${error.message}`,
        { cause: error },
      );
      failAll(error, sent, waiting);
      this.#change("closed", asked ? undefined : error);
      this.onLost?.();
      return;
    }
    const again = new CommandQueue();
    for (let command = sent.shift(); command !== null; command = sent.shift()) {
      if (command.settled) continue;
      if (command.lost++ < this.#settings.maxReadRetries && command.repeatable) {
        command.sent = false;
        again.push(command);
      } else command.fail(inFlight(command, error));
    }
    again.append(waiting);
    again.append(this.#waiting);
    this.#waiting = new CommandQueue();
    const limit = this.#settings.maxOfflineCommands;
    for (let command = again.shift(); command !== null; command = again.shift()) {
      if (command.settled) continue;
      if (this.#waiting.size < limit) this.#waiting.push(command);
      else {
        command.fail(
          new RedisConnectionError(
            "ERR_REDIS_QUEUE_FULL",
            `Cannot send ${command.name}: the connection ended, and ${limit} commands wait for the next`,
            { cause: error },
          ),
        );
      }
    }
    this.#armDeadline();
    this.onLost?.();
    this.#change("reconnecting", error);
    this.#reconnecting = this.#reconnect(error);
  }

  async #reconnect(lost: Error): Promise<void> {
    const { baseMs, maxMs, maxAttempts } = this.#settings.reconnect ??
      { baseMs: 50, maxMs: 2_000, maxAttempts: 1 };
    const { signal } = this.#stop;
    let last = lost;
    while (this.#attempts < maxAttempts) {
      // The first attempt is at once: most losses are a server that restarted or a balancer that moved.
      if (this.#attempts > 0) await pause(backoffMs(this.#attempts, baseMs, maxMs), signal);
      this.#attempts++;
      if (signal.aborted) return;
      try {
        const connection = await this.#connect(signal);
        if (this.#closed !== undefined) return void await connection.destroy(this.#closed);
        this.#reconnecting = undefined;
        return this.#adopt(connection);
      } catch (error) {
        if (signal.aborted) return;
        last = error as Error;
        this.#change("reconnecting", last);
      }
    }
    this.#closed = new RedisConnectionError(
      "ERR_REDIS_CLOSED",
      `The client gave up after ${maxAttempts} attempts to connect: ${last.message}`,
      { cause: last },
    );
    this.#failWaiting(this.#closed);
    this.#change("closed", last);
  }

  #failWaiting(error: RedisConnectionError): void {
    clearTimeout(this.#deadlineTimer);
    this.#deadlineTimer = undefined;
    failAll(error, new CommandQueue(), this.#waiting);
  }

  #armDeadline(): void {
    const limit = this.#settings.commandTimeoutMs;
    if (limit === 0 || this.#deadlineTimer !== undefined) return;
    const oldest = this.#waiting.oldest;
    if (oldest === undefined) return;
    this.#deadlineTimer = setTimeout(() => {
      this.#deadlineTimer = undefined;
      this.#waiting.expire(
        performance.now() - limit,
        (command) =>
          new RedisTimeoutError(
            `${command.name} took more than ${limit} ms: there is no connection`,
            limit,
          ),
      );
      this.#dropSettled();
      this.#armDeadline();
    }, Math.max(1, Math.ceil(oldest + limit - performance.now())));
  }

  /** Makes room that commands hold which were answered while they waited. */
  #dropSettled(): void {
    const kept = new CommandQueue();
    for (let command = this.#waiting.shift(); command !== null; command = this.#waiting.shift()) {
      if (!command.settled) kept.push(command);
    }
    this.#waiting = kept;
  }

  #change(state: RedisState, error?: Error): void {
    this.#state = state;
    try {
      this.onState?.(state, error);
    } catch (thrown) {
      // The callback's own error: it must not stop the connection from coming back.
      reportError(thrown);
    }
  }

  /** Takes no more commands, waits for the replies of those that were written, and closes. */
  async close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = new RedisConnectionError("ERR_REDIS_CLOSED", "The client is closed");
      this.#failWaiting(this.#closed);
      const connection = this.#connection;
      if (connection !== undefined && connection.pending > 0) {
        const timer = setTimeout(() => void connection.destroy(this.#closed), CLOSE_WAIT_MS);
        await connection.drained();
        clearTimeout(timer);
      }
    }
    await this.destroy();
  }

  /** Closes at once; what waits fails. */
  async destroy(): Promise<void> {
    this.#closed ??= new RedisConnectionError("ERR_REDIS_CLOSED", "The client is closed");
    this.#failWaiting(this.#closed);
    this.#stop.abort();
    await this.#connection?.destroy(this.#closed);
    await this.#reconnecting;
    if (this.#state !== "closed") this.#change("closed");
  }
}

/** A wait between half of and the whole of what doubling gives, so that many clients do not come at once. */
export function backoffMs(attempt: number, baseMs: number, maxMs: number): number {
  const whole = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return whole / 2 + Math.random() * whole / 2;
}

/** Waits; an abort ends the wait early. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
