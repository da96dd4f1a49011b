import type { MessageQueue } from "./_subscriber.ts";
import type { RedisString } from "./reply.ts";

/** A message that was published. */
export interface RedisMessage<S extends RedisString = string> {
  /** The channel it was published on. */
  channel: S;
  /** What was published. */
  message: S;
  /** The pattern that the channel matched; undefined for subscriptions without patterns. */
  pattern: S | undefined;
}

/** How messages are taken. */
export interface RedisSubscribeOptions {
  /** Whether channels and messages are given as bytes. Default false. */
  bytes?: boolean;
  /**
   * How many messages may wait for the reader. One that falls further behind gets an error: messages are not
   * dropped silently. Default 100,000.
   */
  maxWaiting?: number;
  /** How long they may be in all, in bytes or characters. Default 67,108,864. */
  maxWaitingSize?: number;
}

/** Makes a subscription of a queue. */
export let createSubscription: <S extends RedisString>(queue: MessageQueue) => RedisSubscription<S>;

/**
 * The messages of channels, as an async iterable.
 *
 * It is renewed when the connection comes back; what was published meanwhile is lost, as Redis has it, and
 * {@linkcode RedisSubscription.interruptions} counts such gaps. One reader at a time: messages go to whoever
 * asks first. The iteration ends when the subscription is closed, and throws when its client fails, when the
 * server takes the subscription back, or when too many messages wait.
 *
 * @example Channels by a pattern
 * ```ts
 * import { RedisServer } from "@groundwork/std/cache/redis";
 * import { RedisClient } from "@groundwork/std/cache/redis_client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await RedisServer.start({ port: 0 });
 * await using redis = await RedisClient.connect({ port: server.port });
 * await using rooms = await redis.psubscribe("room:*");
 * await redis.publish("room:1", "hello");
 * const { value } = await rooms.next();
 * assertEquals(value, { channel: "room:1", message: "hello", pattern: "room:*" });
 * ```
 */
export class RedisSubscription<S extends RedisString = string>
  implements AsyncDisposable, AsyncIterable<RedisMessage<S>, void> {
  readonly #queue: MessageQueue;

  static {
    createSubscription = <S extends RedisString>(queue: MessageQueue) =>
      new RedisSubscription<S>(queue);
  }

  private constructor(queue: MessageQueue) {
    this.#queue = queue;
  }

  /** How often the connection was lost, so that messages may have been missed. */
  get interruptions(): number {
    return this.#queue.interruptions;
  }

  /** How many messages wait for the reader. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** The next message; `done` when the subscription was closed. */
  next(): Promise<IteratorResult<RedisMessage<S>, void>> {
    return this.#queue.next() as Promise<IteratorResult<RedisMessage<S>, void>>;
  }

  /** Unsubscribes; messages that wait are dropped. */
  // deno-lint-ignore require-await -- the same for every resource
  async close(): Promise<void> {
    this.#queue.close();
  }

  /** Iterates over the messages; leaving the loop does not unsubscribe. */
  [Symbol.asyncIterator](): AsyncIterator<RedisMessage<S>, void> {
    return { next: () => this.next() };
  }

  /** Same as {@linkcode RedisSubscription.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
