/**
 * Numbers as the protocol writes them: strict int64, doubles in shortest and in `%.17g` form, and
 * the 80-bit long double arithmetic of INCRBYFLOAT, done exactly with integers.
 */

/** Smallest int64. */
export const INT64_MIN = -(2n ** 63n);
/** Largest int64. */
export const INT64_MAX = 2n ** 63n - 1n;

/** Whether `text` is an int64 in canonical form: no plus sign, no leading zeros, no "-0". */
export function isInt64(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > 20) return false;
  let at = 0;
  if (text.charCodeAt(0) === 45) {
    if (length === 1) return false;
    at = 1;
  }
  const first = text.charCodeAt(at);
  if (first === 48) return length === 1;
  for (let i = at; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  if (length - at < 19) return true;
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** The number that `text` stands for, rounded to a double past 2^53, or undefined when it is no int64. */
export function parseInteger(text: string): number | undefined {
  const length = text.length;
  if (length === 0) return undefined;
  if (length < 16) {
    let at = 0;
    let negative = false;
    if (text.charCodeAt(0) === 45) {
      negative = true;
      at = 1;
      if (length === 1) return undefined;
    }
    let value = text.charCodeAt(at) - 48;
    if (value < 0 || value > 9 || (value === 0 && length > 1)) return undefined;
    for (let i = at + 1; i < length; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }
  return isInt64(text) ? Number(text) : undefined;
}

/** The exact int64 that `text` stands for, or undefined. */
export function parseBigInteger(text: string): bigint | undefined {
  return isInt64(text) ? BigInt(text) : undefined;
}

/** An unsigned 64-bit integer in decimal, or undefined. */
export function parseUint64(text: string): bigint | undefined {
  if (text.length === 0 || text.length > 20 || !/^[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < 2n ** 64n ? value : undefined;
}

/** A double as `strtod` reads it (decimal, exponent, hex and infinities), or undefined; NaN is refused. */
export function parseDouble(text: string): number | undefined {
  const length = text.length;
  if (length === 0 || length > 400) return undefined;
  if (length <= 15) {
    let value = 0;
    let at = 0;
    for (; at < length; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === length) return value;
  }
  if (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) return Number(text);
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity !== null) return infinity[1] === "-" ? -Infinity : Infinity;
  const hex = /^([+-]?)0x([0-9a-f]+)$/i.exec(text);
  if (hex !== null) return (hex[1] === "-" ? -1 : 1) * Number("0x" + hex[2]);
  return undefined;
}

/** Largest double that is written as an integer: half of the int64 range. */
const MAX_PLAIN_INTEGER = 2 ** 62;

/** A double in the shortest form that reads back equal, laid out as Redis does. */
export function formatDouble(value: number): string {
  if (Number.isInteger(value)) {
    if (Math.abs(value) < 1e15) return Object.is(value, -0) ? "-0" : "" + value;
    if (Math.abs(value) <= MAX_PLAIN_INTEGER) return BigInt(value).toString();
  }
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  if (Number.isNaN(value)) return "nan";
  const [mantissa, exponentText] = value.toExponential().split("e") as [string, string];
  const negative = mantissa.startsWith("-");
  const digits = mantissa.replace("-", "").replace(".", "");
  const exponent = Number(exponentText);
  const scale = exponent - (digits.length - 1);
  const sign = negative ? "-" : "";
  if (scale >= 0 && exponent < digits.length + 7) return sign + digits + "0".repeat(scale);
  if (scale < 0 && (scale > -7 || Math.abs(exponent) < 4)) {
    const point = digits.length + scale;
    if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  }
  const rest = digits.length > 1 ? "." + digits.slice(1) : "";
  return `${sign}${digits[0]}${rest}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

/** `printf("%.17g")`: what Redis 7.0 digests and stores scores with. */
export function formatG17(value: number): string {
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  if (Number.isNaN(value)) return "nan";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa, exponentText] = value.toExponential(16).split("e") as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 17) {
    const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
    const size = Math.abs(exponent);
    return `${short}e${exponent < 0 ? "-" : "+"}${size < 10 ? "0" + size : size}`;
  }
  const fixed = value.toFixed(Math.max(0, Math.min(100, 16 - exponent)));
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}

/** A binary float of up to 64 bits of mantissa: `mantissa * 2^exponent`. */
interface LongDouble {
  mantissa: bigint;
  exponent: number;
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(16).length * 4 - 4 +
    (32 - Math.clz32(parseInt(value.toString(16)[0]!, 16)));
}

/** Rounds numerator / denominator to 64 bits of mantissa, half to even. */
function roundRatio(numerator: bigint, denominator: bigint): LongDouble {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 };
  const negative = numerator < 0n;
  const top = negative ? -numerator : numerator;
  let exponent = bitLength(top) - bitLength(denominator) - 64;
  for (;;) {
    const scaledTop = exponent < 0 ? top << BigInt(-exponent) : top;
    const scaledBottom = exponent > 0 ? denominator << BigInt(exponent) : denominator;
    let quotient = scaledTop / scaledBottom;
    const remainder = scaledTop % scaledBottom;
    if (bitLength(quotient) > 64) {
      exponent++;
      continue;
    }
    const twice = remainder * 2n;
    if (twice > scaledBottom || (twice === scaledBottom && (quotient & 1n) === 1n)) quotient++;
    return { mantissa: negative ? -quotient : quotient, exponent };
  }
}

function ratioOf(value: LongDouble): [bigint, bigint] {
  return value.exponent >= 0
    ? [value.mantissa << BigInt(value.exponent), 1n]
    : [value.mantissa, 1n << BigInt(-value.exponent)];
}

const DECIMAL = /^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?$/;

function parseLongDouble(text: string): LongDouble | undefined {
  const match = DECIMAL.exec(text);
  if (match === null || (match[2] === "" && match[3] === "")) return undefined;
  const exponent = Number(match[4] ?? 0) - match[3]!.length;
  if (Math.abs(exponent) > 5000) return undefined;
  const digits = BigInt((match[1] === "-" ? "-" : "") + (match[2]! + match[3]!));
  return exponent >= 0
    ? roundRatio(digits * 10n ** BigInt(exponent), 1n)
    : roundRatio(digits, 10n ** BigInt(-exponent));
}

/** `%.17Lf` without trailing zeros. */
function formatLongDouble(value: LongDouble): string {
  const [top, bottom] = ratioOf(value);
  const negative = top < 0n;
  const scaled = (negative ? -top : top) * 10n ** 17n;
  let quotient = scaled / bottom;
  const twice = (scaled % bottom) * 2n;
  if (twice > bottom || (twice === bottom && (quotient & 1n) === 1n)) quotient++;
  const digits = quotient.toString().padStart(18, "0");
  const whole = digits.slice(0, -17);
  const fraction = digits.slice(-17).replace(/0+$/, "");
  const body = fraction === "" ? whole : `${whole}.${fraction}`;
  return negative && body !== "0" ? "-" + body : body;
}

/** Why a float was refused by {@linkcode addLongDoubles}. */
export type FloatFault = "base" | "increment" | "overflow";

/**
 * The sum of two decimal numbers in x87 long double precision, formatted as Redis formats it.
 *
 * Costs some microseconds: each operand is rounded to 64 bits of mantissa, added exactly, rounded again.
 */
export function addLongDoubles(base: string, increment: string): string | { fault: FloatFault } {
  const baseInfinite = parseDouble(base);
  const plusInfinite = parseDouble(increment);
  if (baseInfinite === undefined) return { fault: "base" };
  if (plusInfinite === undefined) return { fault: "increment" };
  const left = parseLongDouble(base) ??
    (Number.isFinite(baseInfinite) ? parseLongDouble(String(baseInfinite)) : undefined);
  const right = parseLongDouble(increment) ??
    (Number.isFinite(plusInfinite) ? parseLongDouble(String(plusInfinite)) : undefined);
  if (left === undefined || right === undefined) return { fault: "overflow" };
  const [a, b] = ratioOf(left);
  const [c, d] = ratioOf(right);
  const sum = roundRatio(a * d + c * b, b * d);
  if (
    sum.mantissa !== 0n &&
    bitLength(sum.mantissa < 0n ? -sum.mantissa : sum.mantissa) + sum.exponent > 16_384
  ) {
    return { fault: "overflow" };
  }
  return formatLongDouble(sum);
}
