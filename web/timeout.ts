import type { Middleware } from "./context.ts";
import { HttpError } from "./http_error.ts";

/** Options of {@linkcode timeout}. */
export interface TimeoutOptions {
  /** How long the handlers below may take until there is an answer, in milliseconds. */
  timeoutMs: number;
  /**
   * The status of the answer when they took longer.
   *
   * @default {503}
   */
  status?: number;
}

/**
 * Sets a deadline on {@linkcode Context.signal} and answers with 503 when it passes. The handler is
 * not stopped, as nothing can: what it awaits should have the signal. A body that is streamed is
 * not cut.
 *
 * @example Usage
 * ```ts
 * import { App, timeout } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 * import { delay } from "@std/async";
 *
 * const app = new App();
 * app.get("/", timeout({ timeoutMs: 10 }), async (c) => {
 *   await delay(10_000, { signal: c.signal });
 *   return c.text("done");
 * });
 * assertEquals((await app.request("/")).status, 503);
 * ```
 *
 * @throws {RangeError} If the time is not positive, or too long for a timer (about 24 days).
 */
export function timeout(options: TimeoutOptions): Middleware {
  const { timeoutMs, status = 503 } = options;
  if (!(timeoutMs > 0 && timeoutMs <= 0x7fffffff)) {
    throw new RangeError(`Cannot set a timeout of ${timeoutMs} ms`);
  }
  return async (c, next) => {
    c.setDeadline(timeoutMs);
    const { signal } = c;
    let onAbort = () => {};
    const expired = new Promise<never>((_, reject) => {
      onAbort = () => {
        if (isTimeout(signal.reason)) reject(new HttpError(status));
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
    const answer = next();
    try {
      return await Promise.race([answer, expired]);
    } catch (error) {
      // What comes too late is not wanted, and must not be an unhandled rejection.
      answer.then((response) => response.body?.cancel(), () => {}).catch(() => {});
      // The handler passed the signal's reason on, and won the race.
      throw isTimeout(error) && error === signal.reason ? new HttpError(status) : error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}
