import { ClientCore } from "./_core.ts";
import { backoffMs, pause } from "./_link.ts";
import { createCachedReads, type RedisCachedReads, type RedisCacheOptions } from "./cached.ts";
import { type RedisCommandOptions, RedisCommands } from "./commands.ts";
import { RedisTransactionError, RedisUsageError } from "./errors.ts";
import { createMulti } from "./_multi.ts";
import type { RedisMulti } from "./multi.ts";
import { parseRedisUrl, resolveOptions } from "./_settings.ts";
import type { RedisClientOptions, RedisState } from "./options.ts";
import type { RedisString } from "./reply.ts";
import { createSession, type RedisSession } from "./session.ts";
import { limitsOf, Subscriber, type SubscriptionKind } from "./_subscriber.ts";
import {
  createSubscription,
  type RedisSubscribeOptions,
  type RedisSubscription,
} from "./subscription.ts";

/** How {@linkcode RedisClient.transaction} goes about it. */
export interface RedisTransactionOptions {
  /** How often it tries at most. Default 16. */
  maxAttempts?: number;
  /** Ends the wait between attempts, and each attempt. */
  signal?: AbortSignal;
}

/** The strings that a view with such options gives. */
export type RedisStringOf<O extends RedisCommandOptions> = O extends { bytes: true } ? Uint8Array
  : string;

const NEVER_ABORTED = new AbortController().signal;

/**
 * A client of one Redis server, or of anything that speaks its protocol.
 *
 * Commands of one tick leave in one write and share one connection; replies come in order. It speaks RESP3,
 * and RESP2 where the server knows no better. Subscriptions, blocking commands and sessions get
 * connections of their own, on demand.
 *
 * When the connection ends it comes back, after waits that double. Commands that were not written wait
 * for it; commands that were written and not answered are asked again only if they change nothing, and else
 * reject with `ERR_REDIS_IN_FLIGHT`: whether they ran is not known.
 *
 * @example Commands, together and one by one
 * ```ts
 * import { RedisServer } from "@groundwork/std/cache/redis";
 * import { RedisClient } from "@groundwork/std/cache/redis_client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await RedisServer.start({ port: 0 });
 * await using redis = await RedisClient.connect(`redis://127.0.0.1:${server.port}`);
 * await redis.set("greeting", "hello", { ex: 60 });
 * assertEquals(await redis.get("greeting"), "hello");
 * // One write, one read.
 * const [visits, profile] = await Promise.all([
 *   redis.incr("visits"),
 *   redis.hset("user:1", { name: "Alice", age: 30 }),
 * ]);
 * assertEquals([visits, profile], [1, 2]);
 * assertEquals(await redis.hgetall("user:1"), new Map([["name", "Alice"], ["age", "30"]]));
 * assertEquals(await redis.bytes.get("greeting"), new TextEncoder().encode("hello"));
 * ```
 *
 * @example A transaction, and messages
 * ```ts
 * import { RedisServer } from "@groundwork/std/cache/redis";
 * import { RedisClient } from "@groundwork/std/cache/redis_client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await RedisServer.start({ port: 0 });
 * await using redis = await RedisClient.connect({ port: server.port });
 * const replies = await redis.multi().set("stock", 3).decr("stock").get("stock").exec();
 * assertEquals(replies, [true, 2, "2"]);
 *
 * await using news = await redis.subscribe(["news"]);
 * await redis.publish("news", "it rains");
 * for await (const { channel, message } of news) {
 *   assertEquals([channel, message], ["news", "it rains"]);
 *   break;
 * }
 * ```
 */
export class RedisClient extends RedisCommands<string> implements AsyncDisposable {
  readonly #core: ClientCore;
  /** The same commands, whose replies' strings are `Uint8Array`. */
  readonly bytes: RedisCommands<Uint8Array>;
  #textSubscriber: Subscriber | undefined;
  #byteSubscriber: Subscriber | undefined;
  #closed = false;

  private constructor(core: ClientCore) {
    super(core);
    this.#core = core;
    this.bytes = new RedisCommands<Uint8Array>(core, { bytes: true });
  }

  /**
   * Connects, and authenticates.
   *
   * @param target A URL, `redis[s]://[user[:password]@]host[:port][/db]` or `unix:///path`, or options.
   * @param options Further options; those of the URL go before. With a signal, an abort ends the attempt.
   * @throws {RedisConnectionError} `ERR_REDIS_CONNECT` when the server cannot be reached.
   * @throws {RedisTimeoutError} when it is not ready within `connectTimeoutMs`.
   * @throws {RedisReplyError} when it refuses the password, the user or the database.
   * @throws {RedisUsageError} when the URL or an option is malformed.
   */
  static async connect(
    target: string | URL | RedisClientOptions = {},
    options: RedisClientOptions & { signal?: AbortSignal } = {},
  ): Promise<RedisClient> {
    const given = typeof target === "string" || target instanceof URL
      ? mergeTls(options, parseRedisUrl(target))
      : { ...options, ...target };
    const core = new ClientCore(resolveOptions(given));
    await core.link.open(options.signal);
    return new RedisClient(core);
  }

  /** The state of the shared connection. */
  get state(): RedisState {
    return this.#core.link.state;
  }

  /** The protocol of the shared connection; undefined while there is none. */
  get protocol(): 2 | 3 | undefined {
    return this.#core.link.connection?.protocol;
  }

  /**
   * The same commands, run otherwise.
   *
   * @example A time limit
   * ```ts
   * import { RedisServer } from "@groundwork/std/cache/redis";
   * import { RedisClient } from "@groundwork/std/cache/redis_client";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = await RedisServer.start({ port: 0 });
   * await using redis = await RedisClient.connect({ port: server.port });
   * const hasty = redis.with({ timeoutMs: 500, signal: AbortSignal.timeout(5_000) });
   * assertEquals(await hasty.get("absent"), null);
   * ```
   *
   * @param options How its commands are run.
   */
  with<O extends RedisCommandOptions>(options: O): RedisCommands<RedisStringOf<O>> {
    return new RedisCommands<RedisStringOf<O>>(this.#core, options);
  }

  /**
   * Begins a transaction; it is sent, whole, by its `exec()`.
   *
   * @param options How it is run.
   */
  multi<O extends RedisCommandOptions>(options?: O): RedisMulti<RedisStringOf<O>> {
    return createMulti<RedisStringOf<O>>(this.#core, options ?? {});
  }

  /**
   * A connection of its own, for {@linkcode RedisSession.watch}.
   *
   * @param options With a signal, an abort ends the wait for a connection.
   */
  async session(options: { signal?: AbortSignal } = {}): Promise<RedisSession> {
    const { pool } = this.#core;
    return createSession(await pool.acquire(options.signal), (done) => pool.release(done));
  }

  /**
   * Reads, decides and writes, again until nobody changed what was read: optimistic locking.
   *
   * @example Moving money
   * ```ts
   * import { RedisServer } from "@groundwork/std/cache/redis";
   * import { RedisClient } from "@groundwork/std/cache/redis_client";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = await RedisServer.start({ port: 0 });
   * await using redis = await RedisClient.connect({ port: server.port });
   * await redis.mset({ alice: 10, bob: 0 });
   * const replies = await redis.transaction(["alice"], async (session) => {
   *   const balance = Number(await session.get("alice"));
   *   return balance < 7 ? undefined : session.multi().decrby("alice", 7).incrby("bob", 7);
   * });
   * assertEquals(replies, [3, 7]);
   * ```
   *
   * @param keys What is watched.
   * @param body Reads by the session, and gives the transaction, or undefined to leave it.
   * @param options How often, and until when.
   * @returns What the transaction gave, or undefined when `body` left it.
   * @throws {RedisTransactionError} `ERR_REDIS_CONFLICT` when every attempt met a change by others.
   */
  async transaction<R extends unknown[]>(
    keys: readonly RedisString[],
    body: (session: RedisSession) => Promise<{ exec(): Promise<R | null> } | undefined>,
    options: RedisTransactionOptions = {},
  ): Promise<R | undefined> {
    const { maxAttempts = 16, signal = NEVER_ABORTED } = options;
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      signal.throwIfAborted();
      await using session = await this.session({ signal });
      if (keys.length > 0) await session.watch(...keys);
      const transaction = await body(session);
      if (transaction === undefined) return undefined;
      const replies = await transaction.exec();
      if (replies !== null) return replies;
      if (attempt < maxAttempts) await pause(backoffMs(attempt, 1, 64), signal);
    }
    throw new RedisTransactionError(
      [],
      `The transaction did not run: others changed its keys in each of ${maxAttempts} attempts`,
    );
  }

  /**
   * The same commands, with replies to reads kept in memory until the server says that their key has changed.
   *
   * @example Reads that need no server
   * ```ts
   * import { RedisServer } from "@groundwork/std/cache/redis";
   * import { RedisClient } from "@groundwork/std/cache/redis_client";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = await RedisServer.start({ port: 0 });
   * await using redis = await RedisClient.connect({ port: server.port });
   * await using cached = await redis.cached();
   * await cached.set("a", 1);
   * assertEquals([await cached.get("a"), await cached.get("a")], ["1", "1"]);
   * assertEquals(cached.stats.hits, 1);
   * ```
   *
   * @param options How much is kept.
   * @throws {RedisUsageError} when the server does not speak RESP3.
   * @throws {RedisReplyError} when it does not track.
   */
  cached(options: RedisCacheOptions = {}): Promise<RedisCachedReads> {
    return createCachedReads(this.#core.settings, options, this.#core);
  }

  /**
   * Subscribes to channels, on a connection that all subscriptions share.
   *
   * @param channels The channels.
   * @param options How messages are taken.
   * @returns The messages, once the server has confirmed every channel.
   */
  subscribe<O extends RedisSubscribeOptions>(
    channels: RedisString | readonly RedisString[],
    options?: O,
  ): Promise<RedisSubscription<RedisStringOf<O>>> {
    return this.#subscribe("subscribe", channels, options);
  }

  /** Subscribes to all channels that match one of the globs; see {@linkcode RedisClient.subscribe}. */
  psubscribe<O extends RedisSubscribeOptions>(
    patterns: RedisString | readonly RedisString[],
    options?: O,
  ): Promise<RedisSubscription<RedisStringOf<O>>> {
    return this.#subscribe("psubscribe", patterns, options);
  }

  /** Subscribes to sharded channels (Redis 7); see {@linkcode RedisClient.subscribe}. */
  ssubscribe<O extends RedisSubscribeOptions>(
    channels: RedisString | readonly RedisString[],
    options?: O,
  ): Promise<RedisSubscription<RedisStringOf<O>>> {
    return this.#subscribe("ssubscribe", channels, options);
  }

  async #subscribe<S extends RedisString>(
    kind: SubscriptionKind,
    names: RedisString | readonly RedisString[],
    options: RedisSubscribeOptions = {},
  ): Promise<RedisSubscription<S>> {
    const list = typeof names === "string" || names instanceof Uint8Array ? [names] : names;
    if (list.length === 0) throw new RedisUsageError("Cannot subscribe to no channel");
    if (this.#closed) throw new RedisUsageError("Cannot subscribe: the client is closed");
    const { settings } = this.#core;
    const subscriber = options.bytes
      ? this.#byteSubscriber ??= new Subscriber(settings, true)
      : this.#textSubscriber ??= new Subscriber(settings, false);
    const queue = await subscriber.add(kind, list, limitsOf(options));
    return createSubscription<S>(queue);
  }

  /** Waits for the replies to what was issued (5 seconds at most), then ends all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([
      this.#core.close(),
      this.#textSubscriber?.close(),
      this.#byteSubscriber?.close(),
    ]);
  }

  /** Ends all connections at once; what waits rejects with `ERR_REDIS_CLOSED`. */
  async destroy(): Promise<void> {
    this.#closed = true;
    await Promise.all([
      this.#core.destroy(),
      this.#textSubscriber?.close(),
      this.#byteSubscriber?.close(),
    ]);
  }

  /** Same as {@linkcode RedisClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What the URL says goes before; but `rediss:` only asks for TLS, and options may say more of it. */
function mergeTls(options: RedisClientOptions, url: RedisClientOptions): RedisClientOptions {
  const merged = { ...options, ...url };
  if (url.tls === true && typeof options.tls === "object") merged.tls = options.tls;
  return merged;
}
