import { DatabaseError } from "../errors.ts";
import { type Notification, PostgresConnection } from "./connection.ts";
import { type ConnectionOptions, optionsOf } from "./options.ts";

/** How long the pauses between attempts to connect again are, in milliseconds: first and longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** How many messages wait for a slow reader by default. */
const MAX_QUEUED = 10_000;

const noop = (): void => {};

/** Options of a {@linkcode PostgresListener}. */
export interface ListenerOptions {
  /** Called when the connection was lost, before it is tried again. Messages may be missed. */
  onLost?: (error: unknown) => void;
  /** Called when all channels are listened on again: the time to look at what may have been missed. */
  onRestored?: () => void;
}

/** One who listens. */
class Subscriber {
  readonly queue: Notification[] = [];
  readonly maxQueued: number;
  ended = false;
  error: unknown;
  wake: () => void = noop;

  constructor(maxQueued: number) {
    this.maxQueued = maxQueued;
  }

  push(notification: Notification): void {
    if (this.queue.length >= this.maxQueued) {
      this.fail(
        new DatabaseError("busy", `${this.maxQueued} messages wait to be read: the reader is slow`),
      );
      return;
    }
    this.queue.push(notification);
    this.wake();
  }

  fail(error: unknown): void {
    this.error ??= error;
    this.end();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }
}

/** The messages of one channel. */
export interface Subscription extends AsyncIterableIterator<Notification>, AsyncDisposable {
  /** Settles when the server has confirmed that it will send the messages; rejects if it refuses. */
  readonly ready: Promise<void>;
  /** Stops listening. */
  return(): Promise<IteratorResult<Notification>>;
}

/** A channel's name in quotes. */
function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Listens on channels over one connection of its own, which it opens for the first and closes after
 * the last. If that is lost, it connects again and listens again; what was sent in between is lost.
 *
 * @example Needs a server
 * ```ts ignore
 * import { PostgresListener } from "@groundwork/std/orm/postgres";
 *
 * await using listener = new PostgresListener("postgres://ada@127.0.0.1/app");
 * for await (const { payload } of listener.listen("jobs")) console.log(payload);
 * ```
 */
export class PostgresListener implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #hooks: ListenerOptions;
  readonly #channels = new Map<string, Set<Subscriber>>();
  readonly #abort = new AbortController();
  #connection: PostgresConnection | undefined;
  #connecting: Promise<PostgresConnection> | undefined;
  #closed = false;

  /** Makes a listener; it connects when it is first used. */
  constructor(target: string | URL | ConnectionOptions, options: ListenerOptions = {}) {
    this.#options = optionsOf(target);
    this.#hooks = options;
  }

  /** The server process that it is connected to; `undefined` while it is not. */
  get processId(): number | undefined {
    return this.#connection?.processId;
  }

  /**
   * Listens on a channel until the iteration ends or the signal does.
   *
   * A reader that lets more than `maxQueued` messages (10,000 by default) wait gets a
   * {@linkcode DatabaseError} with code `busy`.
   */
  listen(
    channel: string,
    options: { signal?: AbortSignal; maxQueued?: number } = {},
  ): Subscription {
    if (this.#closed) throw new DatabaseError("closed", "The listener is closed");
    const { signal, maxQueued = MAX_QUEUED } = options;
    const subscriber = new Subscriber(maxQueued);
    const stop = () => this.#remove(channel, subscriber);
    signal?.addEventListener("abort", stop, { once: true });
    const ready = signal?.aborted ? Promise.resolve() : this.#add(channel, subscriber);
    ready.catch((error) => {
      subscriber.fail(error);
      this.#remove(channel, subscriber);
    });
    if (signal?.aborted) subscriber.end();
    const end = async (): Promise<IteratorResult<Notification>> => {
      signal?.removeEventListener("abort", stop);
      await stop();
      return { done: true, value: undefined };
    };
    return {
      ready,
      async next(): Promise<IteratorResult<Notification>> {
        for (;;) {
          const value = subscriber.queue.shift();
          if (value !== undefined) return { done: false, value };
          if (subscriber.ended) {
            const { error } = subscriber;
            subscriber.error = undefined;
            if (error !== undefined) throw error;
            return { done: true, value: undefined };
          }
          await new Promise<void>((resolve) => subscriber.wake = resolve);
        }
      },
      return: end,
      [Symbol.asyncIterator]() {
        return this;
      },
      async [Symbol.asyncDispose]() {
        await end();
      },
    };
  }

  async #add(channel: string, subscriber: Subscriber): Promise<void> {
    let subscribers = this.#channels.get(channel);
    const first = subscribers === undefined;
    if (subscribers === undefined) this.#channels.set(channel, subscribers = new Set());
    subscribers.add(subscriber);
    const connection = await this.#connect();
    if (first || connection !== this.#connection) {
      await connection.script(`LISTEN ${quoteName(channel)}`);
    } else {
      // The LISTEN of another is under way: an answer to anything sent now comes after its own.
      await connection.script("");
    }
  }

  async #remove(channel: string, subscriber: Subscriber): Promise<void> {
    subscriber.end();
    const subscribers = this.#channels.get(channel);
    if (!subscribers?.delete(subscriber) || subscribers.size > 0) return;
    this.#channels.delete(channel);
    const connection = this.#connection;
    if (this.#channels.size === 0) {
      this.#connection = undefined;
      await connection?.close();
    } else await connection?.script(`UNLISTEN ${quoteName(channel)}`).catch(noop);
  }

  #connect(): Promise<PostgresConnection> {
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    return this.#connecting ??= this.#open().finally(() => this.#connecting = undefined);
  }

  async #open(): Promise<PostgresConnection> {
    const connection = await PostgresConnection.connect(this.#options, {
      signal: this.#abort.signal,
    });
    if (this.#channels.size === 0) {
      await connection.close();
      throw new DatabaseError("closed", "Nobody listens any more");
    }
    connection.onNotification = (notification) => {
      for (const one of this.#channels.get(notification.channel) ?? []) one.push(notification);
    };
    this.#connection = connection;
    connection.ended.then(() => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      if (!this.#closed && this.#channels.size > 0) this.#restore(connection.lost);
    });
    return connection;
  }

  /** Connects and listens again, until it works or nobody listens any more. */
  async #restore(error: unknown): Promise<void> {
    this.#hooks.onLost?.(error);
    for (let pauseMs = FIRST_PAUSE_MS; !this.#closed && this.#channels.size > 0;) {
      try {
        const connection = await this.#connect();
        const names = [...this.#channels.keys()].map(quoteName);
        await Promise.all(names.map((name) => connection.script(`LISTEN ${name}`)));
        this.#hooks.onRestored?.();
        return;
      } catch {
        if (this.#connection !== undefined) return; // Its own end starts this again.
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  #pause(pauseMs: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, pauseMs);
      signal.addEventListener("abort", done);
    });
  }

  /** Ends all iterations and closes the connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#abort.abort();
    for (const subscribers of this.#channels.values()) {
      for (const subscriber of subscribers) subscriber.end();
    }
    this.#channels.clear();
    await this.#connecting?.catch(noop);
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
