/** What a load that is under way knows of itself. */
export interface Flight {
  /** Aborts when every caller that waited has given up. */
  readonly signal: AbortSignal;
  /** Whether {@linkcode Singleflight.forget} was called for it: its result may be out of date. */
  readonly forgotten: boolean;
}

class PendingFlight<V> implements Flight {
  readonly #controller = new AbortController();
  forgotten = false;
  waiters = 0;
  result!: Promise<V>;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abandon(reason: unknown): void {
    this.#controller.abort(reason);
  }
}

/**
 * Makes callers that ask for the same key at the same time share one call.
 *
 * A caller that aborts stops waiting, and the call goes on for the others; when the last one has
 * given up, the call's own signal aborts. Nothing is kept once a call has ended.
 *
 * After Go's `golang.org/x/sync/singleflight`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Singleflight } from "@groundwork/std/cache";
 *
 * const flights = new Singleflight<string, number>();
 * let calls = 0;
 * const load = () => Promise.resolve(++calls);
 * assertEquals(await Promise.all([flights.run("a", load), flights.run("a", load)]), [1, 1]);
 * ```
 */
export class Singleflight<K, V> {
  #flights = new Map<K, PendingFlight<V>>();

  /** The number of keys that are being loaded. */
  get size(): number {
    return this.#flights.size;
  }

  /** Whether a call for this key is under way. */
  has(key: K): boolean {
    return this.#flights.has(key);
  }

  /**
   * Joins the call for this key that is under way, or starts one.
   *
   * @param key Compared as a `Map` compares keys.
   * @param load What to call when none is under way.
   * @param signal Ends this caller's wait: the promise rejects with the signal's reason.
   * @returns What the call returns; rejects with what it throws.
   */
  run(key: K, load: (flight: Flight) => V | Promise<V>, signal?: AbortSignal): Promise<V> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const flight = this.#flights.get(key) ?? this.#start(key, load);
    flight.waiters++;
    if (signal === undefined) return flight.result;
    return this.#wait(key, flight, signal);
  }

  /**
   * Makes the next caller for this key start a call of its own, even while one is under way.
   *
   * @returns Whether one was under way.
   */
  forget(key: K): boolean {
    const flight = this.#flights.get(key);
    if (flight === undefined) return false;
    flight.forgotten = true;
    return this.#flights.delete(key);
  }

  /** Does for every key what {@linkcode Singleflight.forget} does for one. */
  forgetAll(): void {
    for (const flight of this.#flights.values()) flight.forgotten = true;
    this.#flights.clear();
  }

  #start(key: K, load: (flight: Flight) => V | Promise<V>): PendingFlight<V> {
    const flight = new PendingFlight<V>();
    this.#flights.set(key, flight);
    flight.result = (async () => {
      try {
        return await load(flight);
      } finally {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }
    })();
    // Where all callers have aborted nobody is left to see a failure.
    flight.result.catch(() => {});
    return flight;
  }

  #wait(key: K, flight: PendingFlight<V>, signal: AbortSignal): Promise<V> {
    const { promise, resolve, reject } = Promise.withResolvers<V>();
    const onAbort = () => {
      reject(signal.reason);
      if (--flight.waiters > 0) return;
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      flight.forgotten = true;
      flight.abandon(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    flight.result.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    return promise;
  }
}
