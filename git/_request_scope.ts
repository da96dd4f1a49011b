/**
 * The lifetime of one request: its time limits, what stops it, and what is released at its end.
 *
 * @module
 */
import { GitError } from "./errors.ts";

/** Limits of a {@linkcode RequestScope}. */
export interface RequestLimits {
  /** Longest that the request may take (milliseconds). */
  readonly timeoutMs: number;
  /** Longest that the client may do nothing (milliseconds). */
  readonly idleTimeoutMs: number;
}

/** One request from its start until its answer is read or given up. */
export class RequestScope {
  readonly #controller = new AbortController();
  readonly #idleTimeoutMs: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #release: (() => unknown)[] = [];
  #timedOut = false;
  #closed = false;

  /** Starts the clock. */
  constructor(limits: RequestLimits) {
    this.#idleTimeoutMs = limits.idleTimeoutMs;
    this.#timer = setTimeout(() => this.#expire("request took too long"), limits.timeoutMs);
  }

  #expire(message: string): void {
    this.#timedOut = true;
    this.abort(new GitError("limit", message));
  }

  /** Stops the work of the request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it took too long. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** Whether everything was released. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Stops the work for a reason. */
  abort(reason: GitError): void {
    this.#controller.abort(reason);
  }

  /** From now on the client has to do something. */
  startIdle(): void {
    this.stopIdle();
    if (this.#closed) return;
    this.#idle = setTimeout(
      () => this.#expire("the client was silent for too long"),
      this.#idleTimeoutMs,
    );
  }

  /** It did. */
  stopIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }

  /** Waits for something that the client does. Rejects when the request is stopped. */
  async whileIdle<T>(step: Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.startIdle();
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(this.signal.reason);
    this.signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([step, stopped.promise]);
    } finally {
      this.signal.removeEventListener("abort", stop);
      this.stopIdle();
    }
  }

  /** Adds what is to be released, the last first, each after the one before it is done. */
  onClose(release: () => unknown): void {
    this.#release.push(release);
  }

  /** Releases everything, once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.stopIdle();
    for (let release = this.#release.pop(); release; release = this.#release.pop()) {
      try {
        await release();
      } catch { /* It was given up; nobody is left to be told. */ }
    }
  }
}
