/** What a client to one server does beneath its typed commands. */
import { Command, CommandUnit, type Decode, type Pending } from "./_command.ts";
import { blockingLimitMs, isReadOnly, refusal } from "./_command_table.ts";
import type { Connection } from "./_connection.ts";
import type { Words } from "./_encode.ts";
import { Link } from "./_link.ts";
import { ConnectionPool } from "./_pool.ts";
import { integer } from "./_replies.ts";
import type { RedisCommandOptions, RedisExecutor } from "./commands.ts";
import { RedisConnectionError, RedisTimeoutError, RedisUsageError } from "./errors.ts";
import type { Settings } from "./_settings.ts";
import type { RedisReply } from "./reply.ts";

/** How long an aborted blocking command may take to be unblocked, in milliseconds. */
const UNBLOCK_WAIT_MS = 1_000;

/** What runs several requests as one, beside what runs single ones. */
export interface UnitExecutor extends RedisExecutor {
  /** Runs requests that are written together; gives all replies, errors among them. */
  executeUnit(requests: readonly Words[], options: RedisCommandOptions): Promise<RedisReply[]>;
}

/** Refuses raw commands that would change what a shared connection is. */
export function checkCommand(words: Words): void {
  const instead = refusal(words);
  if (instead !== undefined) {
    throw new RedisUsageError(
      `Cannot run ${words[0]} on a connection that is shared: use ${instead}`,
    );
  }
}

/** Sends a command with an abort signal or a time limit of its own. */
export function sendBounded(
  command: Pending,
  options: RedisCommandOptions,
  settled: Promise<unknown>,
  send: (command: Pending) => void,
): void {
  const { signal, timeoutMs } = options;
  if (signal?.aborted) return command.fail(signal.reason);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const abort = (): void => command.fail(signal!.reason);
  signal?.addEventListener("abort", abort);
  if (timeoutMs !== undefined) {
    command.issuedAt = Infinity;
    if (timeoutMs > 0) {
      timer = setTimeout(
        () =>
          command.fail(
            new RedisTimeoutError(
              `${command.name} took more than ${timeoutMs} ms`,
              timeoutMs,
              command.sent,
            ),
          ),
        timeoutMs,
      );
    }
  }
  const clean = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  settled.then(clean, clean);
  send(command);
}

/** Makes the promise of a command and sends it. */
export function execute<T>(
  words: Words,
  decode: Decode<T> | undefined,
  options: RedisCommandOptions,
  send: (command: Pending) => void,
): Promise<T> {
  let command!: Command<T>;
  const promise = new Promise<T>((resolve, reject) => {
    command = new Command(words, options.bytes === true, decode, resolve, reject);
  });
  if (options.signal === undefined && options.timeoutMs === undefined) send(command);
  else sendBounded(command, options, promise, send);
  return promise;
}

/** Makes the promise of a unit and sends it. */
export function executeUnit(
  requests: readonly Words[],
  options: RedisCommandOptions,
  send: (command: Pending) => void,
): Promise<RedisReply[]> {
  let unit!: CommandUnit;
  const promise = new Promise<RedisReply[]>((resolve, reject) => {
    unit = new CommandUnit(requests, options.bytes === true, resolve, reject);
  });
  if (options.signal === undefined && options.timeoutMs === undefined) send(unit);
  else sendBounded(unit, options, promise, send);
  return promise;
}

/** A link for what is shared, and a pool for what is not. */
export class ClientCore implements UnitExecutor {
  /** Where to, and the limits. */
  readonly settings: Settings;
  /** The shared connection. */
  readonly link: Link;
  /** Connections that are lent. */
  readonly pool: ConnectionPool;
  readonly #send = (command: Pending): void => this.link.execute(command);

  /** @param settings Where to, and the limits. */
  constructor(settings: Settings) {
    this.settings = settings;
    this.link = new Link(settings);
    this.pool = new ConnectionPool(settings);
  }

  execute<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    if (decode === undefined) {
      try {
        checkCommand(words);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return execute(words, decode, options, this.#send);
  }

  executeUnit(requests: readonly Words[], options: RedisCommandOptions): Promise<RedisReply[]> {
    return executeUnit(requests, options, this.#send);
  }

  async executeBlocking<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    for (let attempt = 0;; attempt++) {
      const connection = await this.pool.acquire(options.signal);
      try {
        return await runBlocking(connection, words, decode, options, this);
      } catch (error) {
        const lost = error instanceof RedisConnectionError && error.code === "ERR_REDIS_IN_FLIGHT";
        if (!lost || attempt >= this.settings.maxReadRetries || !isReadOnly(words)) throw error;
      } finally {
        this.pool.release(connection);
      }
    }
  }

  /** Waits for what was issued, then ends all connections. */
  async close(): Promise<void> {
    await this.link.close();
    await this.pool.close();
  }

  /** Ends all connections. */
  async destroy(): Promise<void> {
    await this.link.destroy();
    await this.pool.close();
  }
}

/**
 * Runs a blocking command on a connection of its own. An abort asks the server to unblock it, so that an
 * element that was taken at the same moment is given rather than lost.
 */
async function runBlocking<T>(
  connection: Connection,
  words: Words,
  decode: Decode<T> | undefined,
  options: RedisCommandOptions,
  core: ClientCore,
): Promise<T> {
  const { signal } = options;
  if (connection.id === 0) {
    // A server that does not tell it cannot be asked to unblock; then an abort ends the connection.
    connection.id = await connection.call(["CLIENT", "ID"], integer).catch(() => -1);
  }
  let stopped: { reason: unknown } | undefined;
  let giveUp: ReturnType<typeof setTimeout> | undefined;
  const stop = (reason: unknown): void => {
    stopped ??= { reason };
    if (connection.id < 0) return void connection.destroy();
    giveUp ??= setTimeout(() => void connection.destroy(), UNBLOCK_WAIT_MS);
    core.execute(["CLIENT", "UNBLOCK", connection.id], Number, {}).catch(() => {});
  };
  const abort = (): void => stop(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const own = blockingLimitMs(words);
  const { commandTimeoutMs } = core.settings;
  const limit = options.timeoutMs ??
    (own === undefined || own === 0 || commandTimeoutMs === 0 ? 0 : own + commandTimeoutMs);
  const timer = limit === 0 ? undefined : setTimeout(
    () => stop(new RedisTimeoutError(`${words[0]} took more than ${limit} ms`, limit, true)),
    limit,
  );
  try {
    if (signal?.aborted) throw signal.reason;
    const reply = await connection.call<RedisReply>(
      words,
      undefined,
      options.bytes === true,
      true,
    );
    if (stopped !== undefined && reply === null) throw stopped.reason;
    return decode === undefined ? reply as T : decode(reply);
  } catch (error) {
    throw stopped !== undefined && error instanceof RedisConnectionError ? stopped.reason : error;
  } finally {
    clearTimeout(timer);
    clearTimeout(giveUp);
    signal?.removeEventListener("abort", abort);
  }
}
