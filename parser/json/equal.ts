import { JsonNumber, RepeatedMembers } from "./value.ts";

/**
 * Tells whether two JSON values are the same: members in any order, items in order, numbers by their mathematical value
 * (so -0 equals 0, 1n equals 1 and a `JsonNumber` of 1.0 equals one of 1e0). Levels are limited by memory only.
 *
 * @example
 * ```ts
 * import { equal } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(equal({ a: 1, b: [2] }, { b: [2], a: 1 }), true);
 * assertEquals(equal([1, 2], [2, 1]), false);
 * ```
 */
export function equal(left: unknown, right: unknown): boolean {
  const pending: unknown[] = [left, right];
  while (pending.length > 0) {
    const b = pending.pop();
    const a = pending.pop();
    if (a === b) continue;
    if (isNumber(a) && isNumber(b)) {
      if (!sameNumber(a, b)) return false;
      continue;
    }
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (a instanceof RepeatedMembers || b instanceof RepeatedMembers) {
      if (!(a instanceof RepeatedMembers && b instanceof RepeatedMembers)) return false;
      pending.push(a.values, b.values);
      continue;
    }
    if (isNumber(a) || isNumber(b)) return false;
    if (Array.isArray(a)) {
      if (!Array.isArray(b) || a.length !== b.length) return false;
      for (let i = 0; i < a.length; i++) pending.push(a[i], b[i]);
      continue;
    }
    if (Array.isArray(b)) return false;
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      pending.push((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]);
    }
  }
  return true;
}

type AnyNumber = number | bigint | JsonNumber;

function isNumber(value: unknown): value is AnyNumber {
  return typeof value === "number" || typeof value === "bigint" || value instanceof JsonNumber;
}

function sameNumber(a: AnyNumber, b: AnyNumber): boolean {
  if (!(a instanceof JsonNumber) && !(b instanceof JsonNumber)) {
    return a == b || (a !== a && b !== b);
  }
  return decimal(a) === decimal(b);
}

/** One text for each mathematical value. */
function decimal(value: AnyNumber): string {
  const text = String(value);
  const match = /^([+-]?)(?:([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?)$/.exec(text);
  if (match === null) return String(Number(value)); // hexadecimal, Infinity, NaN
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  if (end === 0) return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - end);
  return `${sign === "-" ? "-" : ""}${digits.slice(0, end)}e${power}`;
}
