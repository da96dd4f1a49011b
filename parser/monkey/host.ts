import { MonkeyError } from "./errors.ts";
import { MAX_SMALL, toInteger } from "./_operators.ts";
import {
  type BuiltinContext,
  type HashKey,
  inspect,
  MonkeyArray,
  MonkeyFloat,
  MonkeyFunction,
  MonkeyHash,
  type Value,
} from "./values.ts";

/**
 * A value on the host's side: integers are numbers or, beyond 2^53, bigints; a number that is no safe integer is a float.
 * Arrays are copied, hashes are Maps (plain objects are taken for hashes with string keys). Functions of the program are
 * functions; everything else arrives as its text.
 */
export type HostValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | readonly HostValue[]
  | ReadonlyMap<HostValue, HostValue>
  | { readonly [key: string]: HostValue }
  | ((...args: HostValue[]) => HostValue);

const MAX_DEPTH = 500;

/** Copies a value of a program to the host's side. @throws {MonkeyError} If it nests deeper than 500 levels. */
export function toHost(value: Value, runtime?: BuiltinContext, depth = 0): HostValue {
  if (depth > MAX_DEPTH) throw new MonkeyError("the value nests too deeply for the host");
  if (value === null || typeof value !== "object") return value;
  if (value instanceof MonkeyFloat) return value.value;
  if (value instanceof MonkeyArray) {
    return value.items.map((item) => toHost(item, runtime, depth + 1));
  }
  if (value instanceof MonkeyHash) {
    return new Map<HostValue, HostValue>(
      [...value.pairs].map(([key, item]) => [key, toHost(item, runtime, depth + 1)]),
    );
  }
  if (value instanceof MonkeyFunction && runtime !== undefined) {
    return (...args) => {
      const own = args.map((arg) => fromHost(runtime, arg));
      return toHost(runtime.call(value, own), runtime);
    };
  }
  return inspect(value);
}

/** Copies a value of the host to the program's side. @throws {MonkeyError} If it is of no kind that Monkey has. */
export function fromHost(runtime: BuiltinContext, value: HostValue, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new MonkeyError("the host's value nests too deeply");
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      runtime.allocate(value.length >> 4);
      return value;
    case "number":
      if (Number.isInteger(value) && Math.abs(value) <= MAX_SMALL) return value + 0;
      runtime.allocate(1);
      return new MonkeyFloat(value);
    case "bigint":
      runtime.allocate(1);
      return toInteger(value);
    case "object":
      break;
    default:
      throw new MonkeyError(`the host's value is of no kind that Monkey has: ${typeof value}`);
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    runtime.allocate(2 + value.length);
    return new MonkeyArray(value.map((item: HostValue) => fromHost(runtime, item, depth + 1)));
  }
  const pairs = new Map<HashKey, Value>();
  const entries = value instanceof Map ? value : Object.entries(value as Record<string, HostValue>);
  for (const [key, item] of entries as Iterable<[HashKey, HostValue]>) {
    runtime.allocate(3);
    const own = typeof key === "bigint" ? toInteger(key) : key;
    pairs.set(own, fromHost(runtime, item, depth + 1));
  }
  return new MonkeyHash(pairs);
}
