import { roundDecimal, writeDecimal } from "./_decimal.ts";
import type { ValueKind } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";
import { describe } from "./sql.ts";

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** The years that are written with four digits, and so sort as text. */
const FIRST_MS = Date.parse("0001-01-01T00:00:00.000Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

function refuse(kind: ValueKind, content: unknown, why?: string): never {
  const reason = why ?? `it is of type ${describe(content)}`;
  throw new DatabaseError("bad_value", `Cannot store a value as ${kind}: ${reason}`);
}

/** What a value must be, whatever the database. Returns it, with dates and bytes made sure of. */
export function check(kind: ValueKind, content: unknown): unknown {
  switch (kind) {
    case "integer":
      if (typeof content === "bigint") return checkBigInt(kind, content);
      if (typeof content !== "number") refuse(kind, content);
      if (!Number.isSafeInteger(content)) refuse(kind, content, "it is no safe integer");
      return content;
    case "bigint":
      if (typeof content === "number" && Number.isSafeInteger(content)) return BigInt(content);
      if (typeof content !== "bigint") refuse(kind, content);
      return checkBigInt(kind, content);
    case "real":
      if (typeof content !== "number") refuse(kind, content);
      return content;
    case "numeric": {
      const given = typeof content === "number" || typeof content === "bigint"
        ? String(content)
        : content;
      if (typeof given !== "string") refuse(kind, content);
      return writeDecimal(given) ?? refuse(kind, content, "it is no decimal number");
    }
    case "text":
      if (typeof content !== "string") refuse(kind, content);
      if (content.includes("\0")) refuse(kind, content, "it holds the character NUL");
      if (!content.isWellFormed()) refuse(kind, content, "it holds half of a surrogate pair");
      return content;
    case "boolean":
      if (typeof content !== "boolean") refuse(kind, content);
      return content;
    case "timestamp":
      if (!(content instanceof Date)) refuse(kind, content);
      if (Number.isNaN(content.valueOf())) refuse(kind, content, "it is an invalid date");
      if (content.valueOf() < FIRST_MS || content.valueOf() > LAST_MS) {
        refuse(kind, content, "its year is not from 1 to 9999");
      }
      return content;
    case "blob":
      if (content instanceof ArrayBuffer) return new Uint8Array(content);
      if (!(content instanceof Uint8Array)) refuse(kind, content);
      return content;
    case "json": {
      const text = toJson(content);
      if (text === undefined) refuse(kind, content, "JSON has no form for it");
      return text;
    }
    default:
      throw new DatabaseError("bad_query", "There is no such kind of value");
  }
}

/** JSON, or `undefined` where there is none: for functions, for cycles, for a bigint. */
function toJson(content: unknown): string | undefined {
  try {
    return JSON.stringify(content);
  } catch {
    return undefined;
  }
}

function checkBigInt(kind: ValueKind, content: bigint): bigint {
  if (content < MIN_INT64 || content > MAX_INT64) refuse(kind, content, "it exceeds 64 bits");
  return content;
}

/** Reads an integer as a number, refusing one that a number cannot hold. */
export function safeInteger(content: unknown): number {
  const number = Number(content);
  if (!Number.isSafeInteger(number)) {
    throw new DatabaseError(
      "bad_value",
      `Cannot read ${content} as an integer: it is no safe integer; declare the column as bigint()`,
    );
  }
  return number;
}

/** A step of a path into JSON must be a name without NUL, or a whole number. */
export function checkStep(step: string | number): void {
  const fits = typeof step === "number"
    ? Number.isSafeInteger(step) && Math.abs(step) < 2 ** 31
    : typeof step === "string" && !step.includes("\0");
  if (!fits) {
    throw new DatabaseError("bad_query", "A JSON path is made of names and of whole numbers");
  }
}

/**
 * A value for a decimal column with a precision, as the column holds it. Everything else is left for
 * the encoding to check.
 */
export function fitDecimal(content: unknown, precision: number, scale: number): unknown {
  if (content === null || typeof content === "object") return content;
  const written = check("numeric", content) as string;
  const rounded = roundDecimal(written, scale);
  const whole = rounded.replace("-", "").split(".")[0]!.replace(/^0+/, "");
  if (whole.length > precision - scale) {
    refuse("numeric", content, `it has more than ${precision - scale} digits before the point`);
  }
  return rounded;
}
