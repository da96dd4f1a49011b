/** The slow, complete form of every operator; the engines handle small integers themselves and come here for the rest. */
import { MonkeyError } from "./errors.ts";
import {
  type HashKey,
  MonkeyArray,
  MonkeyErrorValue,
  MonkeyFloat,
  MonkeyHash,
  typeName,
  type Value,
} from "./values.ts";

/** What counts the cells that an operator makes. */
export interface Memory {
  allocate(cells: number): void;
}

/** Largest integer held in a number. */
export const MAX_SMALL: number = Number.MAX_SAFE_INTEGER;
const MAX_BIG = BigInt(MAX_SMALL);
const MAX_STRING = 1 << 28;

/** Numbers of the operators in generated code and in bytecode. */
export const OPERATORS = ["+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">="] as const;

/** Wraps to 64 bits and picks the representation. */
export function toInteger(value: bigint): number | bigint {
  const wrapped = BigInt.asIntN(64, value);
  return wrapped >= -MAX_BIG && wrapped <= MAX_BIG ? Number(wrapped) : wrapped;
}

function isInteger(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** Applies an operator to any two values. */
export function binary(runtime: Memory, operator: string, a: Value, b: Value): Value {
  if (isInteger(a) && isInteger(b)) return integers(runtime, operator, a, b);
  if (operator === "==") return equals(a, b);
  if (operator === "!=") return !equals(a, b);
  if (typeof a === "string" && typeof b === "string") {
    switch (operator) {
      case "+":
        return concat(runtime, a, b);
      case "<":
        return a < b;
      case ">":
        return a > b;
      case "<=":
        return a <= b;
      case ">=":
        return a >= b;
    }
  } else {
    const x = toDouble(a);
    const y = toDouble(b);
    if (x !== undefined && y !== undefined) return floats(runtime, operator, x, y);
  }
  const left = typeName(a);
  const right = typeName(b);
  const what = left === right ? "unknown operator" : "type mismatch";
  throw new MonkeyError(`${what}: ${left} ${operator} ${right}`);
}

function integers(runtime: Memory, operator: string, a: number | bigint, b: number | bigint) {
  switch (operator) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case ">":
      return a > b;
    case "<=":
      return a <= b;
    case ">=":
      return a >= b;
  }
  if (typeof a === "number" && typeof b === "number") {
    const small = smallIntegers(operator, a, b);
    if (small !== undefined) return small;
  }
  const x = BigInt(a);
  const y = BigInt(b);
  runtime.allocate(1);
  switch (operator) {
    case "+":
      return toInteger(x + y);
    case "-":
      return toInteger(x - y);
    case "*":
      return toInteger(x * y);
  }
  if (y === 0n) throw new MonkeyError("division by zero");
  return toInteger(operator === "/" ? x / y : x % y);
}

/** The result if it is exact in a double. Adding 0 turns -0 into 0. */
function smallIntegers(operator: string, a: number, b: number): number | undefined {
  let result: number;
  if (operator === "+") result = a + b;
  else if (operator === "-") result = a - b;
  else if (operator === "*") result = a * b + 0;
  else if (b === 0) throw new MonkeyError("division by zero");
  else return (operator === "/" ? Math.trunc(a / b) : a % b) + 0;
  return result <= MAX_SMALL && result >= -MAX_SMALL ? result : undefined;
}

function toDouble(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return value instanceof MonkeyFloat ? value.value : undefined;
}

function floats(runtime: Memory, operator: string, a: number, b: number): Value {
  switch (operator) {
    case "<":
      return a < b;
    case ">":
      return a > b;
    case "<=":
      return a <= b;
    case ">=":
      return a >= b;
  }
  runtime.allocate(1);
  switch (operator) {
    case "+":
      return new MonkeyFloat(a + b);
    case "-":
      return new MonkeyFloat(a - b);
    case "*":
      return new MonkeyFloat(a * b);
    case "/":
      return new MonkeyFloat(a / b);
    default:
      return new MonkeyFloat(a % b);
  }
}

/** Joins two strings within the limit on memory. */
export function concat(runtime: Memory, a: string, b: string): string {
  const length = a.length + b.length;
  if (length > MAX_STRING) throw new MonkeyError("a string is too long", "memory-limit");
  runtime.allocate(length >> 4);
  return a + b;
}

/** `==`: numbers by value, strings and booleans by value, everything else by identity. */
export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a instanceof MonkeyFloat || b instanceof MonkeyFloat) {
    const x = toDouble(a);
    return x !== undefined && x === toDouble(b);
  }
  return false;
}

/** `-a` */
export function negate(runtime: Memory, value: Value): Value {
  if (typeof value === "number") return 0 - value;
  if (typeof value === "bigint") return toInteger(-value);
  if (value instanceof MonkeyFloat) {
    runtime.allocate(1);
    return new MonkeyFloat(-value.value);
  }
  throw new MonkeyError(`unknown operator: -${typeName(value)}`);
}

/** The key for a value in a hash. */
export function hashKey(value: Value): HashKey {
  switch (typeof value) {
    case "number":
    case "bigint":
    case "string":
    case "boolean":
      return value;
  }
  throw new MonkeyError(`unusable as hash key: ${typeName(value)}`);
}

/** `a[b]` */
export function index(object: Value, key: Value): Value {
  if (object instanceof MonkeyArray && isInteger(key)) {
    return typeof key === "number" ? object.items[key] ?? null : null;
  }
  if (object instanceof MonkeyHash) return object.pairs.get(hashKey(key)) ?? null;
  if (typeof object === "string" && isInteger(key)) {
    return typeof key === "number" && key >= 0 ? characterAt(object, key) : null;
  }
  if (object instanceof MonkeyErrorValue && typeof key === "string") {
    return errorField(object, key);
  }
  throw new MonkeyError(`index operator not supported: ${typeName(object)}`);
}

/** The n-th code point of a string. O(n) where the string has characters beyond U+FFFF before it. */
function characterAt(text: string, at: number): string | null {
  let i = 0;
  for (let count = 0; i < text.length; count++) {
    const char = String.fromCodePoint(text.codePointAt(i)!);
    if (count === at) return char;
    i += char.length;
  }
  return null;
}

function errorField(value: MonkeyErrorValue, key: string): Value {
  const { error } = value;
  switch (key) {
    case "message":
      return error.message;
    case "value":
      return (error.payload ?? null) as Value;
    case "line":
      return error.trace[0]?.line ?? null;
    case "trace":
      return new MonkeyArray(
        error.trace.map((frame) => `${frame.functionName} ${frame.source}:${frame.line}`),
      );
    default:
      return null;
  }
}

/** `a[b] = c` */
export function setIndex(runtime: Memory, object: Value, key: Value, value: Value): void {
  if (object instanceof MonkeyArray) {
    const { items } = object;
    if (!isInteger(key)) throw new MonkeyError(`an array has no element ${typeName(key)}`);
    if (typeof key !== "number" || key < 0 || key >= items.length) {
      throw new MonkeyError(`index out of range: ${key} (length ${items.length})`);
    }
    items[key] = value;
  } else if (object instanceof MonkeyHash) {
    const own = hashKey(key);
    if (!object.pairs.has(own)) {
      runtime.allocate(3);
      if (object.pairs.size >= 1 << 23) {
        throw new MonkeyError("a hash is too large", "memory-limit");
      }
    }
    object.pairs.set(own, value);
  } else throw new MonkeyError(`index assignment not supported: ${typeName(object)}`);
}

/** Whether a condition holds: everything but `false` and `null`. */
export function truthy(value: Value): boolean {
  return value !== false && value !== null;
}

/** What a `for` walks over; yields `undefined` at the end. */
export class MonkeyIterator {
  readonly #items: readonly Value[];
  #at = 0;
  constructor(items: readonly Value[]) {
    this.#items = items;
  }
  next(): Value | undefined {
    return this.#at < this.#items.length ? this.#items[this.#at++] : undefined;
  }
  /** The values to walk over; for the mark. */
  get items(): readonly Value[] {
    return this.#items;
  }
}

/** Starts a `for`: elements of an array (also those appended meanwhile), keys of a hash, characters of a string. */
export function iterate(runtime: Memory, value: Value): MonkeyIterator {
  if (value instanceof MonkeyArray) return new MonkeyIterator(value.items);
  if (value instanceof MonkeyHash) {
    runtime.allocate(value.pairs.size);
    return new MonkeyIterator([...value.pairs.keys()]);
  }
  if (typeof value === "string") {
    runtime.allocate(value.length);
    return new MonkeyIterator([...value]);
  }
  throw new MonkeyError(`not iterable: ${typeName(value)}`);
}
