import { quote } from "./_quote.ts";
import { JsonNumber, RepeatedMembers } from "./value.ts";

/** How to write a JSON text; every field is optional. */
export interface StringifyOptions {
  /** Spaces a level (at most 100), or the text that indents one level. None by default: one line. */
  indent?: number | string;
  /**
   * Order of members: `insertion` (default), `sorted` by UTF-16 code units as RFC 8785 sorts, or a comparison of two
   * keys.
   */
  keyOrder?: "insertion" | "sorted" | ((a: string, b: string) => number);
  /** What NaN and the infinities become: `null` (default, as `JSON.stringify` does) or an `error`. */
  nonFinite?: "null" | "error";
}

/** A value that has no JSON form. */
export class JsonValueError extends TypeError {
  /** Always `"JsonValueError"`. */
  override readonly name = "JsonValueError";
  /** `cycle`: the value contains itself; `not-json`: no JSON form; `non-finite`: NaN or infinite. */
  readonly code: "cycle" | "not-json" | "non-finite";

  /** Made by `stringify()`. */
  constructor(code: "cycle" | "not-json" | "non-finite", message: string) {
    super(message);
    this.code = code;
  }
}

/** Open levels from which on every ancestor is remembered to find cycles. */
const CHECK_CYCLES_FROM = 1_000;
const MAX_INDENT = 100;

interface Frame {
  container: unknown[] | Record<string, unknown>;
  /** The keys of an object, null for an array. */
  keys: string[] | null;
  next: number;
  /** The values of a repeated key that are still to be written. */
  repeated: { key: string; values: unknown[]; next: number } | null;
  /** Nothing was written yet. */
  empty: boolean;
}

/**
 * Writes a value as JSON.
 *
 * What `JSON.stringify` does with `toJSON()`, `undefined`, functions, symbols and boxed values is done here too; bigints are
 * written as integers, a `JsonNumber` as it was read (in JSON's notation, if that was JSON5) and a `RepeatedMembers` under its key once for
 * each value. Half a surrogate pair is written as an escape. Levels are limited by memory only.
 *
 * @param value The value.
 * @param options Layout and order.
 * @returns The text.
 * @throws {JsonValueError} For a value that contains itself or has no JSON form at the top, and
 * for NaN and infinities where the options say so.
 *
 * @example
 * ```ts
 * import { stringify } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(stringify({ b: 1n, a: [true, null] }), '{"b":1,"a":[true,null]}');
 * assertEquals(stringify({ b: 1, a: 2 }, { indent: 2, keyOrder: "sorted" }), '{\n  "a": 2,\n  "b": 1\n}');
 * ```
 */
export function stringify(value: unknown, options: StringifyOptions = {}): string {
  const unit = typeof options.indent === "number"
    ? " ".repeat(Math.min(MAX_INDENT, Math.max(0, Math.floor(options.indent))))
    : options.indent ?? "";
  const order = options.keyOrder ?? "insertion";
  const colon = unit === "" ? ":" : ": ";
  const strict = options.nonFinite === "error";
  const frames: Frame[] = [];
  const ancestors = new Set<unknown>();
  const newLines: string[] = [unit === "" ? "" : "\n"];
  let out = "";
  let frame: Frame | null = null;
  let current: unknown = prepare(value, "");

  for (;;) {
    // Write `current`, a value that was prepared.
    if (typeof current === "object" && current !== null && !(current instanceof JsonNumber)) {
      const container = current as unknown[] | Record<string, unknown>;
      if (frames.length >= CHECK_CYCLES_FROM) {
        if (ancestors.size === 0) { for (const open of frames) ancestors.add(open.container); }
        if (ancestors.has(container)) {
          throw new JsonValueError("cycle", "Cannot write the value as JSON: it contains itself");
        }
        ancestors.add(container);
      }
      const isArray = Array.isArray(container);
      let keys: string[] | null = null;
      if (!isArray) {
        keys = Object.keys(container);
        if (order === "sorted") keys.sort();
        else if (order !== "insertion") keys.sort(order);
      }
      out += isArray ? "[" : "{";
      frame = { container, keys, next: 0, repeated: null, empty: true };
      frames.push(frame);
    } else out += scalar(current, strict);

    // Find the next value, closing what is complete.
    for (;;) {
      if (frame === null) return out;
      const depth = frames.length;
      if (unit !== "" && newLines.length <= depth) newLines.push(newLines[depth - 1]! + unit);
      if (frame.keys === null) {
        const array = frame.container as unknown[];
        if (frame.next < array.length) {
          const index: number = frame.next++;
          const prepared = prepare(array[index], index);
          current = prepared === undefined ? null : prepared;
          if (!frame.empty) out += ",";
          frame.empty = false;
          if (unit !== "") out += newLines[depth];
          break;
        }
      } else {
        let key: string | null = null;
        let item: unknown;
        const repeated: Frame["repeated"] = frame.repeated;
        if (repeated !== null) {
          key = repeated.key;
          item = repeated.values[repeated.next++];
          if (repeated.next >= repeated.values.length) frame.repeated = null;
        } else if (frame.next < frame.keys.length) {
          key = frame.keys[frame.next++]!;
          item = (frame.container as Record<string, unknown>)[key];
          if (item instanceof RepeatedMembers) {
            if (item.values.length > 0) frame.repeated = { key, values: item.values, next: 0 };
            continue;
          }
        }
        if (key !== null) {
          current = prepare(item, key);
          if (current === undefined) continue;
          if (!frame.empty) out += ",";
          frame.empty = false;
          if (unit !== "") out += newLines[depth];
          out += quote(key) + colon;
          break;
        }
      }
      if (!frame.empty && unit !== "") out += newLines[depth - 1];
      out += frame.keys === null ? "]" : "}";
      frames.pop();
      if (ancestors.size > 0) ancestors.delete(frame.container);
      frame = depth > 1 ? frames[depth - 2]! : null;
    }
  }

  /** What is written for a value; undefined where it is left out. */
  function prepare(item: unknown, key: string | number): unknown {
    let result = item;
    if (
      ((typeof result === "object" && result !== null) || typeof result === "bigint") &&
      typeof (result as { toJSON?: unknown }).toJSON === "function"
    ) result = (result as { toJSON: (key: string) => unknown }).toJSON(String(key));
    if (typeof result === "object" && result !== null) {
      if (result instanceof Number || result instanceof String || result instanceof Boolean) {
        return result.valueOf();
      }
      return result;
    }
    const type = typeof result;
    if (type !== "undefined" && type !== "function" && type !== "symbol") return result;
    if (frame === null && frames.length === 0) {
      throw new JsonValueError("not-json", `Cannot write the value as JSON: it is ${type}`);
    }
    return undefined;
  }
}

const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

function scalar(value: unknown, strict: boolean): string {
  if (value instanceof JsonNumber && !JSON_NUMBER.test(value.source)) {
    return scalar(value.valueOf(), strict); // a notation of JSON5, such as 0x1F
  }
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
      if (strict) {
        throw new JsonValueError("non-finite", `Cannot write ${value} as JSON: it is not finite`);
      }
      return "null";
    default:
      return String(value); // boolean, bigint, null, JsonNumber
  }
}
