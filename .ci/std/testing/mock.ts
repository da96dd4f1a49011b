/** A small stand-in for `@std/testing/mock`: spies and stubs that record their calls. */
import { AssertionError } from "../assert.ts";

export interface SpyCall<A extends unknown[], R> {
  args: A;
  returned?: R;
  error?: unknown;
}
export interface Spy<A extends unknown[], R> {
  (...args: A): R;
  calls: SpyCall<A, R>[];
}
export interface Stub<A extends unknown[], R> extends Spy<A, R>, Disposable {
  restore(): void;
}

// deno-lint-ignore no-explicit-any
type AnyFunction = (...args: any[]) => any;

export function spy<A extends unknown[], R>(fn: (...args: A) => R): Spy<A, R> {
  const calls: SpyCall<A, R>[] = [];
  return Object.assign(function (this: unknown, ...args: A): R {
    try {
      const returned = fn.apply(this, args);
      calls.push({ args, returned });
      return returned;
    } catch (error) {
      calls.push({ args, error });
      throw error;
    }
  }, { calls });
}

export function stub<T extends object, K extends keyof T>(
  target: T,
  property: K,
  replacement: T[K] & AnyFunction,
): Stub<Parameters<T[K] & AnyFunction>, ReturnType<T[K] & AnyFunction>> {
  const original = Object.getOwnPropertyDescriptor(target, property);
  const recorded = spy(replacement as AnyFunction);
  Object.defineProperty(target, property, {
    value: recorded,
    configurable: true,
    writable: true,
    enumerable: original?.enumerable ?? true,
  });
  const restore = () => {
    if (original) Object.defineProperty(target, property, original);
    else delete target[property];
  };
  return Object.assign(recorded, { restore, [Symbol.dispose]: restore }) as Stub<
    Parameters<T[K] & AnyFunction>,
    ReturnType<T[K] & AnyFunction>
  >;
}

export function assertSpyCalls<A extends unknown[], R>(recorded: Spy<A, R>, count: number): void {
  if (recorded.calls.length === count) return;
  throw new AssertionError(`Spy was called ${recorded.calls.length} times, expected ${count}`);
}
