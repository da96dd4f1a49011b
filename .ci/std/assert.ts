/** Typed facade of `@std/assert` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/assert/mod.js";

type Class<T> = abstract new (...args: never[]) => T;
interface Throws<R, F> {
  (fn: () => F, message?: string): R extends Promise<unknown> ? Promise<unknown> : unknown;
  <E extends Error>(
    fn: () => F,
    errorClass: abstract new (...args: never[]) => E,
    messageIncludes?: string,
    message?: string,
  ): R extends Promise<unknown> ? Promise<E> : E;
}

export class AssertionError extends (npm.AssertionError as new (message: string) => Error) {}
export const assert: (condition: unknown, message?: string) => asserts condition = npm.assert;
export const assertFalse: (condition: unknown, message?: string) => asserts condition is false =
  npm.assertFalse;
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = npm.assertEquals;
export const assertNotEquals: <T>(actual: T, expected: T, message?: string) => void =
  npm.assertNotEquals;
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  message?: string,
) => asserts actual is T = npm.assertStrictEquals;
export const assertNotStrictEquals: <T>(actual: T, expected: T, message?: string) => void =
  npm.assertNotStrictEquals;
export const assertExists: <T>(actual: T, message?: string) => asserts actual is NonNullable<T> =
  npm.assertExists;
export const assertInstanceOf: <T>(
  actual: unknown,
  expected: Class<T>,
  message?: string,
) => asserts actual is T = npm.assertInstanceOf;
export const assertIsError: <E extends Error = Error>(
  error: unknown,
  errorClass?: Class<E>,
  messageMatches?: string | RegExp,
  message?: string,
) => asserts error is E = npm.assertIsError;
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void =
  npm.assertMatch;
export const assertNotMatch: (actual: string, expected: RegExp, message?: string) => void =
  npm.assertNotMatch;
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  npm.assertStringIncludes;
export const assertArrayIncludes: <T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  message?: string,
) => void = npm.assertArrayIncludes;
export const assertObjectMatch: (
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  message?: string,
) => void = npm.assertObjectMatch;
export const assertAlmostEquals: (
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
) => void = npm.assertAlmostEquals;
export const assertGreater: <T>(actual: T, expected: T, message?: string) => void =
  npm.assertGreater;
export const assertGreaterOrEqual: <T>(actual: T, expected: T, message?: string) => void =
  npm.assertGreaterOrEqual;
export const assertLess: <T>(actual: T, expected: T, message?: string) => void = npm.assertLess;
export const assertLessOrEqual: <T>(actual: T, expected: T, message?: string) => void =
  npm.assertLessOrEqual;
export const assertThrows: Throws<void, unknown> = npm.assertThrows;
export const assertRejects: Throws<Promise<void>, PromiseLike<unknown>> = npm.assertRejects;
export const equal: (a: unknown, b: unknown) => boolean = npm.equal;
export const fail: (message?: string) => never = npm.fail;
export const unreachable: (reason?: string) => never = npm.unreachable;
