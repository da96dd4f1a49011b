import type { DatabaseSync } from "node:sqlite";
import { decimalKey, decimalOrder, DecimalSum } from "./_decimal.ts";

/** What a function of SQLite is given: integers come as `bigint`. */
type Argument = null | number | bigint | string | Uint8Array;

/** Missing from the types of node:sqlite. */
interface Functions {
  function(
    name: string,
    options: { deterministic: boolean; useBigIntArguments: boolean },
    run: (...values: Argument[]) => Argument,
  ): void;
  aggregate(
    name: string,
    options: {
      deterministic: boolean;
      useBigIntArguments: boolean;
      start: () => unknown;
      step: (state: unknown, content: Argument) => unknown;
      inverse: (state: unknown, content: Argument) => unknown;
      result: (state: unknown) => Argument;
    },
  ): void;
}

const OPTIONS = { deterministic: true, useBigIntArguments: true };

/**
 * Adds the functions that {@linkcode sqliteDialect} uses. A function that throws makes the process
 * hang, so none of them does.
 */
export function addFunctions(database: DatabaseSync): void {
  const functions = database as unknown as Functions;
  functions.function("decimal_key", OPTIONS, (x) => x === null ? null : decimalKey(String(x)));
  functions.function("decimal_order", OPTIONS, (x) => x === null ? null : decimalOrder(String(x)));
  functions.function(
    "text_like",
    OPTIONS,
    (x, pattern) =>
      x === null || pattern === null ? null : like(String(x), String(pattern)) ? 1 : 0,
  );
  functions.function("json_includes", OPTIONS, (x, part) => {
    if (x === null || part === null) return null;
    try {
      return includes(JSON.parse(String(x)), JSON.parse(String(part)), true) ? 1 : 0;
    } catch {
      // Text that is no JSON, or is nested deeper than the stack bears.
      return null;
    }
  });
  functions.function("json_part", OPTIONS, (x, path) => x === null ? null : jsonPart(x, path));
  const sums = {
    ...OPTIONS,
    start: () => new DecimalSum(),
    step: (state: unknown, x: Argument) => addTo(state, x, 1n),
    inverse: (state: unknown, x: Argument) => addTo(state, x, -1n),
  };
  const result = (of: (sum: DecimalSum) => Argument) => (state: unknown) =>
    (state as DecimalSum).count === 0 ? null : of(state as DecimalSum);
  functions.aggregate("decimal_sum", { ...sums, result: result(String) });
  functions.aggregate("decimal_avg", { ...sums, result: result((sum) => sum.mean()) });
}

function addTo(state: unknown, content: Argument, factor: 1n | -1n): DecimalSum {
  const sum = state as DecimalSum;
  if (content !== null) sum.add(String(content), factor);
  return sum;
}

const BACKSLASH = 92;
const PERCENT = 37;
const UNDERSCORE = 95;

/** Whether a text fits a pattern, as LIKE has it: case matters. Time: at worst their product. */
export function like(text: string, pattern: string): boolean {
  let at = 0;
  let place = 0;
  let retryPlace = -1;
  let retryAt = 0;
  while (at < text.length) {
    let sign = place < pattern.length ? pattern.charCodeAt(place) : -1;
    if (sign === PERCENT) {
      retryPlace = ++place;
      retryAt = at;
      continue;
    }
    let width = 1;
    let fits = false;
    let taken = 1;
    if (sign === UNDERSCORE) {
      fits = true;
      width = text.codePointAt(at)! > 0xffff ? 2 : 1;
    } else if (sign >= 0) {
      if (sign === BACKSLASH) {
        taken = 2;
        sign = place + 1 < pattern.length ? pattern.charCodeAt(place + 1) : -1;
      }
      fits = sign === text.charCodeAt(at);
    }
    if (fits) {
      at += width;
      place += taken;
    } else if (retryPlace >= 0) {
      place = retryPlace;
      at = ++retryAt;
    } else return false;
  }
  while (pattern.charCodeAt(place) === PERCENT) place++;
  return place >= pattern.length;
}

/** Whether a JSON value contains another, as PostgreSQL's `@>` has it. */
function includes(whole: unknown, part: unknown, outermost: boolean): boolean {
  if (Array.isArray(whole)) {
    if (Array.isArray(part)) {
      return part.every((item) => whole.some((other) => includes(other, item, false)));
    }
    return outermost && !isObject(part) && whole.includes(part);
  }
  if (!isObject(whole) || !isObject(part)) return whole === part;
  return Object.keys(part).every((key) =>
    Object.hasOwn(whole, key) && includes(whole[key], part[key], false)
  );
}

function isObject(content: unknown): content is Record<string, unknown> {
  return typeof content === "object" && content !== null && !Array.isArray(content);
}

function jsonPart(content: Argument, path: Argument | undefined): string | null {
  try {
    let at: unknown = JSON.parse(String(content));
    for (const step of JSON.parse(String(path)) as (string | number)[]) {
      if (typeof step === "number") at = Array.isArray(at) ? at.at(step) : undefined;
      else at = isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
    }
    return at === undefined ? null : JSON.stringify(at);
  } catch {
    return null;
  }
}
