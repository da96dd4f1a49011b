/** Typed facade of `@std/async` over the plain JavaScript build on npm. */
import * as abortable_ from "npm:deno-std@1.4.0/async/abortable.js";
import * as deadline_ from "npm:deno-std@1.4.0/async/deadline.js";
import * as debounce_ from "npm:deno-std@1.4.0/async/debounce.js";
import * as delay_ from "npm:deno-std@1.4.0/async/delay.js";
import * as pool_ from "npm:deno-std@1.4.0/async/pool.js";
import * as retry_ from "npm:deno-std@1.4.0/async/retry.js";

// Not the package's mod.js: its channel imports a module that the package lacks.
const npm = { ...abortable_, ...deadline_, ...debounce_, ...delay_, ...pool_, ...retry_ };

interface SignalOptions {
  signal?: AbortSignal;
}
interface RetryOptions {
  multiplier?: number;
  maxTimeout?: number;
  maxAttempts?: number;
  minTimeout?: number;
  jitter?: number;
}
interface DebouncedFunction<T extends unknown[]> {
  (...args: T): void;
  clear(): void;
  flush(): void;
  readonly pending: boolean;
}

export const delay: (
  ms: number,
  options?: SignalOptions & { persistent?: boolean },
) => Promise<void> = npm.delay;
export const deadline: <T>(promise: Promise<T>, ms: number, options?: SignalOptions) => Promise<T> =
  npm.deadline;
export const abortable: <T>(promise: Promise<T>, signal: AbortSignal) => Promise<T> = npm.abortable;
export const debounce: <T extends unknown[]>(
  fn: (this: DebouncedFunction<T>, ...args: T) => void,
  wait: number,
) => DebouncedFunction<T> = npm.debounce;
export const pooledMap: <T, R>(
  limit: number,
  items: Iterable<T> | AsyncIterable<T>,
  map: (item: T) => Promise<R>,
) => AsyncIterableIterator<R> = npm.pooledMap;
export const retry: <T>(fn: () => Promise<T> | T, options?: RetryOptions) => Promise<T> = npm.retry;
