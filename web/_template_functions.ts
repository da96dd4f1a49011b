/** The functions every template has, and how values are looked at. */
import { queryEscape, toText } from "./_template_escape.ts";

/** A function that templates can call. A piped value comes as the last argument. */
// deno-lint-ignore no-explicit-any
export type TemplateFunction = (...args: any[]) => unknown;

const MAX_PRINTF_WIDTH = 1_000;
const FORBIDDEN_NAMES = new Set(["__proto__", "constructor", "prototype"]);

/**
 * The value called `name` of `target`: a Map's entry, an own property, or a getter or method of the
 * target's class. What `Object.prototype` and `Function.prototype` have is not visible.
 */
export function lookUp(target: unknown, name: string | number): unknown {
  if (target === null || target === undefined) return undefined;
  if (target instanceof Map) {
    return target.has(name) ? target.get(name) : name === "size" ? target.size : undefined;
  }
  if (typeof target === "string") {
    return name === "length" || typeof name === "number" ? target[name as number] : undefined;
  }
  if (typeof target !== "object") return undefined;
  if (Object.hasOwn(target, name)) return (target as Record<string, unknown>)[name];
  if (typeof name === "string" && FORBIDDEN_NAMES.has(name)) return undefined;
  const value = (target as Record<string, unknown>)[name];
  return value !== undefined && value === Reflect.get(Object.prototype, name) ? undefined : value;
}

/** Whether a value counts as true: not false, 0, NaN, empty text, null, or an empty collection. */
export function isTrue(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return Boolean(value);
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map || value instanceof Set) return value.size > 0;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return true;
  for (const name in value) if (Object.hasOwn(value, name)) return true;
  return false;
}

function lengthOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value === "object" && value !== null) return Object.keys(value).length;
  throw new TypeError(`a ${value === null ? "null" : typeof value} has no length`);
}

function compare(a: unknown, b: unknown): number {
  const isNumber = (value: unknown): value is number | bigint =>
    typeof value === "number" || typeof value === "bigint";
  if ((isNumber(a) && isNumber(b)) || (typeof a === "string" && typeof b === "string")) {
    return a < b ? -1 : a > b ? 1 : a == b ? 0 : NaN;
  }
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  throw new TypeError(`a ${typeof a} and a ${typeof b} cannot be compared`);
}

function equals(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (typeof a === "bigint" || typeof b === "bigint") return a == b;
  return a === b || ((a ?? null) === null && (b ?? null) === null);
}

function slice(value: unknown, start = 0, end?: number): unknown {
  if (typeof value === "string" || Array.isArray(value)) return value.slice(start, end);
  throw new TypeError("only text and arrays can be sliced");
}

function index(value: unknown, ...keys: unknown[]): unknown {
  let found = value;
  for (const key of keys) {
    if (found instanceof Map) found = found.get(key);
    else if (typeof key === "number" || typeof key === "string") found = lookUp(found, key);
    else throw new TypeError("a key must be a number or text");
  }
  return found;
}

function printf(format: unknown, ...args: unknown[]): string {
  let next = 0;
  const text = toText(format).replace(
    /%([-+0 ]*)(\d{1,9})?(?:\.(\d{1,3}))?([a-zA-Z%])/g,
    (all, flags: string, width: string | undefined, precision: string | undefined, verb) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      let formatted = formatOne(verb, args[next++], precision);
      if (formatted === undefined) return `%!${verb}(BAD)`;
      if (flags.includes("+") && /^\d/.test(formatted) && "dfeg".includes(verb)) {
        formatted = "+" + formatted;
      }
      const size = Math.min(Number(width ?? 0), MAX_PRINTF_WIDTH);
      if (flags.includes("-")) return formatted.padEnd(size);
      if (!flags.includes("0")) return formatted.padStart(size);
      const sign = /^[+-]/.test(formatted) ? formatted[0]! : "";
      return all === ""
        ? ""
        : sign + formatted.slice(sign.length).padStart(size - sign.length, "0");
    },
  );
  return next < args.length ? text + `%!(EXTRA ${args.length - next})` : text;
}

function formatOne(verb: string, value: unknown, precision?: string): string | undefined {
  const digits = precision === undefined ? undefined : Math.min(Number(precision), 100);
  switch (verb) {
    case "s":
    case "v":
    case "t": {
      const text = toText(value);
      return digits === undefined || verb !== "s" ? text : text.slice(0, digits);
    }
    case "q":
      return JSON.stringify(toText(value));
    case "d":
      return typeof value === "bigint" ? String(value) : String(Math.trunc(Number(value)));
    case "f":
      return Number(value).toFixed(digits ?? 6);
    case "e":
      return Number(value).toExponential(digits ?? 6);
    case "g":
      return String(Number(value));
    case "x":
      return Math.trunc(Number(value)).toString(16);
    default:
      return undefined;
  }
}

/** The functions every template has; `and` and `or`, which stop early, are the compiler's. */
export const BUILTINS: Readonly<Record<string, TemplateFunction>> = {
  not: (value: unknown) => !isTrue(value),
  eq: (first: unknown, ...others: unknown[]) => others.some((other) => equals(first, other)),
  ne: (a: unknown, b: unknown) => !equals(a, b),
  lt: (a: unknown, b: unknown) => compare(a, b) < 0,
  le: (a: unknown, b: unknown) => compare(a, b) <= 0,
  gt: (a: unknown, b: unknown) => compare(a, b) > 0,
  ge: (a: unknown, b: unknown) => compare(a, b) >= 0,
  len: lengthOf,
  index,
  slice,
  print: (...values: unknown[]) => values.map(toText).join(" "),
  printf,
  upper: (value: unknown) => toText(value).toUpperCase(),
  lower: (value: unknown) => toText(value).toLowerCase(),
  trim: (value: unknown) => toText(value).trim(),
  join: (separator: unknown, values: Iterable<unknown>) =>
    Array.from(values, toText).join(toText(separator)),
  default: (fallback: unknown, value: unknown) => isTrue(value) ? value : fallback,
  json: (value: unknown) => JSON.stringify(value) ?? "null",
  urlquery: (...values: unknown[]) => queryEscape(values.map(toText).join("")),
};
