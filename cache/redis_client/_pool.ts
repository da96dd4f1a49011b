/** Connections that one caller has to itself: for blocking commands and for sessions. */
import { Connection } from "./_connection.ts";
import { RedisConnectionError } from "./errors.ts";
import type { Settings } from "./_settings.ts";

/** A bounded set of connections, lent one at a time; callers are served in order. */
export class ConnectionPool {
  readonly #settings: Settings;
  readonly #idle: Connection[] = [];
  readonly #lent = new Set<Connection>();
  readonly #waiting: {
    give: (connection: Connection | undefined) => void;
    fail: (error: Error) => void;
  }[] = [];
  #opening = 0;
  #closed = false;

  /** @param settings Where to, and how many. */
  constructor(settings: Settings) {
    // A connection that blocks is silent for as long as it blocks.
    this.#settings = { ...settings, keepAliveMs: 0 };
  }

  /** Lends a connection; waits while all are lent. */
  async acquire(signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.ended) continue;
      this.#lent.add(idle);
      return idle;
    }
    if (this.#lent.size + this.#opening >= this.#settings.maxDedicatedConnections) {
      const connection = await this.#wait(signal);
      if (connection !== undefined) return connection;
    } else {
      this.#opening++;
    }
    // The place is taken, by `#opening`, here and where a waiter was given none.
    try {
      const connection = await Connection.open(this.#settings, signal);
      if (this.#closed) {
        await connection.destroy();
        throw closedError();
      }
      this.#lent.add(connection);
      this.#opening--;
      return connection;
    } catch (error) {
      this.#opening--;
      this.#serve();
      throw error;
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Connection | undefined> {
    if (this.#waiting.length >= this.#settings.maxOfflineCommands) {
      throw new RedisConnectionError(
        "ERR_REDIS_QUEUE_FULL",
        `Cannot get a connection: all ${this.#settings.maxDedicatedConnections} are lent, and ${this.#waiting.length} callers wait`,
      );
    }
    return new Promise((resolve, reject) => {
      const waiter = {
        give: (connection: Connection | undefined): void => {
          signal?.removeEventListener("abort", abort);
          resolve(connection);
        },
        fail: (error: Error): void => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** Gives the place that became free, or the connection in it, to who waits longest. */
  #serve(connection?: Connection): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) {
      if (connection !== undefined) this.#idle.push(connection);
      return;
    }
    if (connection !== undefined) this.#lent.add(connection);
    else this.#opening++;
    waiter.give(connection);
  }

  /** Takes a connection back; one that ended makes room for another. */
  release(connection: Connection): void {
    if (!this.#lent.delete(connection)) return;
    if (this.#closed) void connection.destroy();
    else this.#serve(connection.ended ? undefined : connection);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.fail(closedError());
    await Promise.all([...this.#idle.splice(0), ...this.#lent].map((open) => open.destroy()));
  }
}

function closedError(): RedisConnectionError {
  return new RedisConnectionError("ERR_REDIS_CLOSED", "The client is closed");
}
