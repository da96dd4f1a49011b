import type { Decode, Pending } from "./_command.ts";
import type { Connection } from "./_connection.ts";
import { checkCommand, execute, executeUnit, type UnitExecutor } from "./_core.ts";
import type { Words } from "./_encode.ts";
import { nothing } from "./_replies.ts";
import { type RedisCommandOptions, RedisCommands } from "./commands.ts";
import { createMulti } from "./_multi.ts";
import type { RedisMulti } from "./multi.ts";
import type { RedisReply, RedisString } from "./reply.ts";

class SessionExecutor implements UnitExecutor {
  readonly #connection: Connection;
  readonly #send = (command: Pending): void => this.#connection.send(command);

  constructor(connection: Connection) {
    this.#connection = connection;
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

  executeBlocking<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    return this.execute(words, decode, { timeoutMs: 0, ...options });
  }

  executeUnit(requests: readonly Words[], options: RedisCommandOptions): Promise<RedisReply[]> {
    return executeUnit(requests, options, this.#send);
  }
}

/** Makes a session of a connection that was lent. */
export let createSession: (
  connection: Connection,
  release: (connection: Connection) => void,
) => RedisSession;

/**
 * Commands on a connection of their own, for {@linkcode RedisSession.watch}.
 *
 * It does not come back when it ends, because what it watched is gone then: everything rejects from there on.
 *
 * @example A transaction that depends on what was read
 * ```ts
 * import { RedisServer } from "@groundwork/std/cache/redis";
 * import { RedisClient } from "@groundwork/std/cache/redis_client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await RedisServer.start({ port: 0 });
 * await using redis = await RedisClient.connect({ port: server.port });
 * await using session = await redis.session();
 * await session.watch("stock");
 * await redis.set("stock", 1); // Somebody else.
 * assertEquals(await session.multi().set("stock", 2).exec(), null);
 * ```
 */
export class RedisSession extends RedisCommands<string> implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #executor: UnitExecutor;
  readonly #release: (connection: Connection) => void;
  #closed = false;

  static {
    createSession = (connection, release) => new RedisSession(connection, release);
  }

  private constructor(connection: Connection, release: (connection: Connection) => void) {
    const executor = new SessionExecutor(connection);
    super(executor);
    this.#executor = executor;
    this.#connection = connection;
    this.#release = release;
  }

  /** Watches keys: the next transaction runs only if none of them changes until then. */
  watch(...keys: RedisString[]): Promise<void> {
    return this.#executor.execute(["WATCH", ...keys], nothing, {});
  }

  /** Watches nothing any more. */
  unwatch(): Promise<void> {
    return this.#executor.execute(["UNWATCH"], nothing, {});
  }

  /** Begins a transaction; its `exec()` gives null when a key that is watched has changed. */
  multi(options: RedisCommandOptions = {}): RedisMulti<string> {
    return createMulti<string>(this.#executor, options);
  }

  /** Gives the connection back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (!this.#connection.ended) await this.unwatch();
    } catch {
      // It cannot be told what it watches: the next one gets another.
      await this.#connection.destroy();
    } finally {
      this.#release(this.#connection);
    }
  }

  /** Same as {@linkcode RedisSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
