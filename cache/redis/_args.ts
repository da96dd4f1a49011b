/** Reading of arguments, with the errors that commands reply. */
import { parseBigInteger, parseDouble, parseInteger } from "./_numbers.ts";
import { CommandError, NOT_FLOAT, NOT_INTEGER } from "./_values.ts";

/** An int64, as a double past 2^53. @throws the reply. */
export function integer(text: string, error: CommandError = NOT_INTEGER): number {
  const value = parseInteger(text);
  if (value === undefined) throw error;
  return value;
}

/** An exact int64. @throws the reply. */
export function bigInteger(text: string, error: CommandError = NOT_INTEGER): bigint {
  const value = parseBigInteger(text);
  if (value === undefined) throw error;
  return value;
}

/** A double. @throws the reply. */
export function double(text: string, error: CommandError = NOT_FLOAT): number {
  const value = parseDouble(text);
  if (value === undefined) throw error;
  return value;
}

const POSITIVE = new CommandError("ERR value is out of range, must be positive");

/** A count that must not be negative. @throws the reply. */
export function natural(text: string, error: CommandError = POSITIVE): number {
  const value = parseInteger(text);
  if (value === undefined) throw error === POSITIVE ? POSITIVE : error;
  if (value < 0) throw error;
  return value;
}

const TIMEOUT_FLOAT = new CommandError("ERR timeout is not a float or out of range");
const TIMEOUT_NEGATIVE = new CommandError("ERR timeout is negative");
const TIMEOUT_RANGE = new CommandError("ERR timeout is out of range");

/** Seconds of a blocking command, as milliseconds. @throws the reply. */
export function timeout(text: string): number {
  const seconds = parseDouble(text);
  if (seconds === undefined || !Number.isFinite(seconds)) throw TIMEOUT_FLOAT;
  if (seconds < 0) throw TIMEOUT_NEGATIVE;
  if (seconds * 1000 > Number.MAX_SAFE_INTEGER * 512) throw TIMEOUT_RANGE;
  return Math.ceil(seconds * 1000);
}

/** Milliseconds of XREAD BLOCK. @throws the reply. */
export function timeoutMs(text: string): number {
  const ms = parseInteger(text);
  if (ms === undefined) throw new CommandError("ERR timeout is not an integer or out of range");
  if (ms < 0) throw TIMEOUT_NEGATIVE;
  return ms;
}
