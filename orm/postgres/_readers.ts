import { DatabaseError } from "../errors.ts";
import { type Bytes, malformed, readText } from "./_bytes.ts";
import { Interval, Range } from "./values.ts";

/**
 * How the values of one type are read. `binary` is missing where the type has no form of its own in
 * it, or none that we know.
 */
export interface Reader {
  /** Reads the text form. */
  text(text: string): unknown;
  /** Reads the binary form, which lies from `start` to `end` and is checked against that. */
  binary?(bytes: Bytes, start: number, end: number): unknown;
  /** Whether the binary form is the faster one to read. */
  prefersBinary?: boolean;
  /** Its kind, where the generated row readers have code of their own for it. */
  inline?: "text" | "int2" | "int4" | "bool" | "float8";
}

function size(start: number, end: number, expected: number): void {
  if (end - start !== expected) malformed("a value does not have its type's length");
}

/** The days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts. */
const EPOCH_DAYS = 10_957;
/** The same in milliseconds. */
export const EPOCH_MS: number = EPOCH_DAYS * 86_400_000;
const MAX_INT64 = 0x7fffffffffffffffn;
const MIN_INT64 = -0x8000000000000000n;
const MAX_INT32 = 0x7fffffff;
const MIN_INT32 = -0x80000000;

function dateOf(timeMs: number, text: () => string): Date {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) {
    throw new DatabaseError("bad_value", `Cannot read ${text()} as a Date: it is out of its range`);
  }
  return date;
}

/** A year as PostgreSQL prints it: at least four digits, BC without a year zero. */
function padYear(year: number): string {
  return String(year > 0 ? year : 1 - year).padStart(4, "0");
}

/** The calendar date of a number of days since 1970, as PostgreSQL prints it. */
function formatDate(days: number): string {
  // Howard Hinnant's algorithm: PostgreSQL's dates reach past the range of Date.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100));
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1;
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const text = `${padYear(year)}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
  return year > 0 ? text : `${text} BC`;
}

const TIMESTAMP =
  /^(\d{4,7})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-]\d\d(?::\d\d)?(?::\d\d)?)?)?( BC)?$/;

function readTimestamp(text: string): Date | number {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) {
    if (text === "infinity") return Infinity;
    if (text === "-infinity") return -Infinity;
    malformed("a timestamp is not in the ISO style");
  }
  const [, year, month, day, hours = 0, minutes = 0, seconds = 0, fraction = "", zone, before] =
    parts;
  const date = new Date(0);
  const fullYear = before === undefined ? Number(year) : 1 - Number(year);
  date.setUTCFullYear(fullYear, Number(month) - 1, Number(day));
  let timeMs = date.getTime() + Number(hours) * 3_600_000 + Number(minutes) * 60_000 +
    Number(seconds) * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3));
  if (zone !== undefined) {
    const [zoneHours = 0, zoneMinutes = 0, zoneSeconds = 0] = zone.slice(1).split(":").map(Number);
    const offset = (zoneHours * 3600 + zoneMinutes * 60 + zoneSeconds) * 1000;
    timeMs -= zone[0] === "-" ? -offset : offset;
  }
  return dateOf(timeMs, () => text);
}

function readBinaryTimestamp(bytes: Bytes, start: number, end: number): Date | number {
  size(start, end, 8);
  const high = bytes.readInt32BE(start);
  const low = bytes.readUInt32BE(start + 4);
  // Within 2^52 microseconds of 2000, from 1857 to 2142, a double is exact.
  if (high > -0x100000 && high < 0x100000) {
    return new Date(Math.floor((high * 0x100000000 + low) / 1000) + EPOCH_MS);
  }
  const micros = bytes.readBigInt64BE(start);
  if (micros === MAX_INT64) return Infinity;
  if (micros === MIN_INT64) return -Infinity;
  const timeMs = micros >= 0n ? micros / 1000n : -((-micros + 999n) / 1000n);
  return dateOf(Number(timeMs) + EPOCH_MS, () => `${micros} microseconds after 2000`);
}

function readBinaryDate(bytes: Bytes, start: number, end: number): string {
  size(start, end, 4);
  const days = bytes.readInt32BE(start);
  if (days === MAX_INT32) return "infinity";
  if (days === MIN_INT32) return "-infinity";
  return formatDate(days + EPOCH_DAYS);
}

function formatTime(micros: bigint): string {
  const two = (value: bigint) => String(value).padStart(2, "0");
  const fraction = micros % 1_000_000n;
  const seconds = micros / 1_000_000n;
  const text = `${two(seconds / 3600n)}:${two(seconds / 60n % 60n)}:${two(seconds % 60n)}`;
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
}

function readBinaryTime(bytes: Bytes, start: number, end: number): string {
  size(start, end, 8);
  return formatTime(bytes.readBigInt64BE(start));
}

function readBinaryTimeTz(bytes: Bytes, start: number, end: number): string {
  size(start, end, 12);
  // Seconds west of Greenwich.
  const west = bytes.readInt32BE(start + 8);
  const offset = Math.abs(west);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  let zone = `${west > 0 ? "-" : "+"}${two(offset / 3600)}`;
  if (offset % 3600 !== 0) zone += `:${two(offset % 3600 / 60)}`;
  if (offset % 60 !== 0) zone += `:${two(offset % 60)}`;
  return formatTime(bytes.readBigInt64BE(start)) + zone;
}

const INTERVAL_UNITS: Readonly<Record<string, readonly [number, number]>> = {
  year: [12, 0],
  years: [12, 0],
  mon: [1, 0],
  mons: [1, 0],
  day: [0, 1],
  days: [0, 1],
};

/** Reads the styles `postgres` and `iso_8601`. */
function readInterval(text: string): Interval {
  if (text[0] === "P") return readIsoInterval(text);
  let months = 0;
  let days = 0;
  let micros = 0n;
  const words = text.split(" ");
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const clock = /^([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(word);
    if (clock !== null) {
      const [, sign, hours = "", minutes = "", seconds = "", fraction = ""] = clock;
      micros = (BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds)) * 1_000_000n +
        BigInt(fraction.padEnd(6, "0"));
      if (sign === "-") micros = -micros;
      continue;
    }
    const unit = INTERVAL_UNITS[words[++i] ?? ""];
    if (unit === undefined || !/^[+-]?\d+$/.test(word)) {
      malformed("an interval is not in the style postgres");
    }
    months += Number(word) * unit[0];
    days += Number(word) * unit[1];
  }
  return new Interval(months, days, micros);
}

function readIsoInterval(text: string): Interval {
  const number = "(?:([+-]?\\d+)";
  const pattern = new RegExp(
    `^P${number}Y)?${number}M)?${number}D)?(?:T${number}H)?${number}M)?(?:([+-]?)(\\d+)(?:\\.(\\d{1,6}))?S)?)?$`,
  );
  const parts = pattern.exec(text);
  if (parts === null) malformed("an interval is not in the style iso_8601");
  const [, years = 0, months = 0, days = 0, hours = 0, minutes = 0, sign, seconds = 0, fraction] =
    parts;
  const tail = BigInt(seconds) * 1_000_000n + BigInt((fraction ?? "").padEnd(6, "0"));
  const micros = BigInt(hours) * 3_600_000_000n + BigInt(minutes) * 60_000_000n +
    (sign === "-" ? -tail : tail);
  return new Interval(Number(years) * 12 + Number(months), Number(days), micros);
}

function readBinaryInterval(bytes: Bytes, start: number, end: number): Interval {
  size(start, end, 16);
  return new Interval(
    bytes.readInt32BE(start + 12),
    bytes.readInt32BE(start + 8),
    bytes.readBigInt64BE(start),
  );
}

/** Digits of base 10,000, from the weight down. */
function readBinaryNumeric(bytes: Bytes, start: number, end: number): string {
  if (end - start < 8) malformed("a numeric is too short");
  const count = bytes.readUInt16BE(start);
  const weight = bytes.readInt16BE(start + 2);
  const sign = bytes.readUInt16BE(start + 4);
  const scale = bytes.readUInt16BE(start + 6);
  size(start, end, 8 + count * 2);
  if (sign === 0xc000) return "NaN";
  if (sign === 0xd000) return "Infinity";
  if (sign === 0xf000) return "-Infinity";
  const digit = (index: number): string => {
    const value = index < 0 || index >= count ? 0 : bytes.readUInt16BE(start + 8 + index * 2);
    return String(value).padStart(4, "0");
  };
  let whole = "";
  for (let i = 0; i <= weight; i++) whole += digit(i);
  whole = whole.replace(/^0+(?=\d)/, "") || "0";
  let fraction = "";
  for (let i = weight + 1; fraction.length < scale; i++) fraction += digit(i);
  const text = scale === 0 ? whole : `${whole}.${fraction.slice(0, scale)}`;
  return sign === 0x4000 ? `-${text}` : text;
}

const HEX: string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

function readBinaryUuid(bytes: Bytes, start: number, end: number): string {
  size(start, end, 16);
  let text = "";
  for (let i = 0; i < 16; i++) {
    text += (i === 4 || i === 6 || i === 8 || i === 10 ? "-" : "") + HEX[bytes[start + i]!]!;
  }
  return text;
}

/** Reads bytea's text form: `\x` and hexadecimal, or the old one with octal escapes. */
function readBytea(text: string): Uint8Array<ArrayBuffer> {
  if (text.startsWith("\\x")) {
    try {
      return Uint8Array.fromHex(text.slice(2));
    } catch {
      malformed("a bytea is not hexadecimal");
    }
  }
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") bytes.push(text.charCodeAt(i) & 0xff);
    else if (text[i + 1] === "\\") bytes.push(0x5c), i++;
    else bytes.push(parseInt(text.slice(i + 1, i + 4), 8) & 0xff), i += 3;
  }
  return Uint8Array.from(bytes);
}

function readBinaryBytea(bytes: Bytes, start: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(start, end));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DatabaseError("bad_value", "Cannot read a JSON value", { cause });
  }
}

function readBinaryJsonb(bytes: Bytes, start: number, end: number): unknown {
  if (end === start || bytes[start] !== 1) malformed("a jsonb has an unknown version");
  return parseJson(readText(bytes, start + 1, end));
}

/** Reads inet and cidr: family, prefix length, whether it is a cidr, count of bytes, the bytes. */
function readBinaryInet(bytes: Bytes, start: number, end: number): string {
  if (end - start < 4) malformed("an inet is too short");
  const family = bytes[start]!;
  const prefix = bytes[start + 1]!;
  const isCidr = bytes[start + 2] === 1;
  const count = bytes[start + 3]!;
  size(start, end, 4 + count);
  const v4 = family === 2;
  if (count !== (v4 ? 4 : 16)) malformed("an inet has a wrong length");
  const address = bytes.subarray(start + 4, end);
  let text: string;
  if (v4) text = address.join(".");
  else {
    const groups: number[] = [];
    for (let i = 0; i < 16; i += 2) groups.push(address.readUInt16BE(i));
    text = formatIpv6(groups);
  }
  return isCidr || prefix !== count * 8 ? `${text}/${prefix}` : text;
}

/** As PostgreSQL prints it (RFC 5952, with the dotted tail of a mapped address). */
function formatIpv6(groups: readonly number[]): string {
  let bestAt = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) bestAt = i, bestLength = length;
  }
  const hex = groups.map((group) => group.toString(16));
  const mapped = bestAt === 0 &&
    (bestLength === 6 || (bestLength === 5 && groups[5] === 0xffff));
  if (mapped) {
    const [high = 0, low = 0] = groups.slice(6);
    hex.splice(6, 2, `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
  }
  if (bestAt < 0) return hex.join(":");
  return `${hex.slice(0, bestAt).join(":")}::${hex.slice(bestAt + bestLength).join(":")}`;
}

function readBinaryMac(bytes: Bytes, start: number, end: number): string {
  if (end - start !== 6 && end - start !== 8) malformed("a macaddr has a wrong length");
  return Array.from(bytes.subarray(start, end), (byte) => HEX[byte]!).join(":");
}

function readBinaryBits(bytes: Bytes, start: number, end: number): string {
  if (end - start < 4) malformed("a bit string is too short");
  const count = bytes.readInt32BE(start);
  size(start, end, 4 + Math.ceil(count / 8));
  let text = "";
  for (let i = start + 4; i < end; i++) text += bytes[i]!.toString(2).padStart(8, "0");
  return text.slice(0, count);
}

/** The shortest decimal that reads back as the same 32-bit float. */
function shortestFloat32(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let precision = 6; precision < 9; precision++) {
    const candidate = Number(value.toPrecision(precision));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}

function readInteger(text: string): number {
  if (!/^-?\d{1,10}$/.test(text)) malformed("an integer is not one");
  return Number(text);
}

function readFloat(text: string): number {
  const value = Number(text);
  if (Number.isNaN(value) && text !== "NaN") malformed("a float is not one");
  return value;
}

function fixed(
  count: number,
  read: (bytes: Bytes, at: number) => unknown,
): NonNullable<Reader["binary"]> {
  return (bytes, start, end) => {
    size(start, end, count);
    return read(bytes, start);
  };
}

const same = (text: string): string => text;

/** Types whose two forms are the same text. */
export const TEXT: Reader = { text: same, binary: readText, inline: "text" };

/** Types that are read as text, and only so. */
export const TEXT_ONLY: Reader = { text: same, inline: "text" };

/** The readers of built-in types, by name; any other is read as text. */
export const READERS: Readonly<Record<string, Reader>> = {
  bool: {
    text: (text) => text === "t",
    binary: fixed(1, (bytes, at) => bytes[at] === 1),
    prefersBinary: true,
    inline: "bool",
  },
  int2: {
    text: readInteger,
    binary: fixed(2, (bytes, at) => bytes.readInt16BE(at)),
    prefersBinary: true,
    inline: "int2",
  },
  int4: {
    text: readInteger,
    binary: fixed(4, (bytes, at) => bytes.readInt32BE(at)),
    prefersBinary: true,
    inline: "int4",
  },
  oid: {
    text: readInteger,
    binary: fixed(4, (bytes, at) => bytes.readUInt32BE(at)),
    prefersBinary: true,
  },
  float4: {
    text: readFloat,
    binary: fixed(4, (bytes, at) => shortestFloat32(bytes.readFloatBE(at))),
  },
  float8: {
    text: readFloat,
    binary: fixed(8, (bytes, at) => bytes.readDoubleBE(at)),
    prefersBinary: true,
    inline: "float8",
  },
  numeric: { text: same, binary: readBinaryNumeric },
  text: TEXT,
  varchar: TEXT,
  bpchar: TEXT,
  name: TEXT,
  char: TEXT,
  unknown: TEXT,
  cstring: TEXT,
  xml: TEXT,
  bytea: { text: readBytea, binary: readBinaryBytea, prefersBinary: true },
  json: { text: parseJson, binary: (bytes, start, end) => parseJson(readText(bytes, start, end)) },
  jsonb: { text: parseJson, binary: readBinaryJsonb },
  uuid: { text: same, binary: readBinaryUuid },
  date: { text: same, binary: readBinaryDate },
  time: { text: same, binary: readBinaryTime },
  timetz: { text: same, binary: readBinaryTimeTz },
  timestamp: { text: readTimestamp, binary: readBinaryTimestamp, prefersBinary: true },
  timestamptz: { text: readTimestamp, binary: readBinaryTimestamp, prefersBinary: true },
  interval: { text: readInterval, binary: readBinaryInterval },
  inet: { text: same, binary: readBinaryInet },
  cidr: { text: same, binary: readBinaryInet },
  macaddr: { text: same, binary: readBinaryMac },
  macaddr8: { text: same, binary: readBinaryMac },
  bit: { text: same, binary: readBinaryBits },
  varbit: { text: same, binary: readBinaryBits },
  void: { text: () => undefined, binary: () => undefined },
};

/** How deep arrays go: PostgreSQL's own limit. */
const MAX_DIMENSIONS = 6;

/** What ends an element that is not in quotes. */
function plainEnd(text: string, from: number, stops: string): number {
  let at = from;
  while (at < text.length && !stops.includes(text[at]!)) {
    if (text[at] === "\\") at++;
    at++;
  }
  return at;
}

/** Reads what is in quotes from `from`, just past the opening one; gives it and where it ends. */
function readQuoted(text: string, from: number): [string, number] {
  let value = "";
  let at = from;
  let plain = from;
  for (; at < text.length; at++) {
    const unit = text[at];
    if (unit === "\\") {
      value += text.slice(plain, at);
      plain = ++at;
    } else if (unit === '"') {
      value += text.slice(plain, at);
      // Composites and ranges double a quote, arrays escape it.
      if (text[at + 1] !== '"') return [value, at + 1];
      plain = ++at;
    }
  }
  malformed("a quoted element has no end");
}

/** Reads a part that may be in quotes, up to one of `stops`; `null` where there is nothing. */
function readPart(text: string, from: number, stops: string): [string | null, number] {
  if (text[from] === '"') {
    const [value, end] = readQuoted(text, from + 1);
    if (end < text.length && !stops.includes(text[end]!)) malformed("an element goes on");
    return [value, end];
  }
  const end = plainEnd(text, from, stops);
  if (end === from) return [null, end];
  return [text.slice(from, end).replace(/\\(.)/gs, "$1"), end];
}

/** Reads an array's text form: `{1,NULL,"a b"}`, `{{1},{2}}`, `[0:1]={1,2}`. */
export function readArrayText(
  text: string,
  delimiter: string,
  element: (text: string) => unknown,
): unknown[] {
  let at = text[0] === "[" ? text.indexOf("=") + 1 : 0;
  const open: unknown[][] = [];
  const stops = `${delimiter}}`;
  for (;;) {
    if (text[at] === "{") {
      if (open.length === MAX_DIMENSIONS) malformed("an array has too many dimensions");
      open.push([]);
      at++;
      if (text[at] !== "}") continue;
    } else {
      const current = open.at(-1);
      if (current === undefined) malformed("an array does not begin with a brace");
      const quoted = text[at] === '"';
      const [value, end] = readPart(text, at, stops);
      if (value === null) malformed("an array has an empty element");
      current.push(!quoted && value === "NULL" ? null : element(value));
      at = end;
    }
    while (text[at] === "}") {
      const closed = open.pop();
      if (closed === undefined) malformed("an array has a brace too many");
      at++;
      if (open.length === 0) {
        if (at !== text.length) malformed("an array goes on");
        return closed;
      }
      open.at(-1)!.push(closed);
    }
    if (text[at] !== delimiter) malformed("an array has no end");
    at++;
  }
}

/** Reads an array's binary form: dimensions, flags, the elements' type, sizes, elements. */
export function readArrayBinary(
  bytes: Bytes,
  start: number,
  end: number,
  element: NonNullable<Reader["binary"]>,
): unknown[] {
  if (end - start < 12) malformed("an array is too short");
  const dimensions = bytes.readInt32BE(start);
  if (dimensions === 0) return [];
  if (dimensions < 0 || dimensions > MAX_DIMENSIONS || end - start < 12 + dimensions * 8) {
    malformed("an array has impossible dimensions");
  }
  const sizes: number[] = [];
  let total = 1;
  for (let i = 0; i < dimensions; i++) {
    const count = bytes.readInt32BE(start + 12 + i * 8);
    total *= count;
    // Each element has at least its length.
    if (count < 0 || total * 4 > end - start) malformed("an array is larger than its bytes");
    sizes.push(count);
  }
  let at = start + 12 + dimensions * 8;
  const build = (depth: number): unknown[] => {
    const count = sizes[depth]!;
    const values = new Array<unknown>(count);
    for (let i = 0; i < count; i++) {
      if (depth + 1 < dimensions) values[i] = build(depth + 1);
      else {
        const [from, to] = sized(bytes, at, end);
        values[i] = from < 0 ? null : element(bytes, from, to);
        at = to;
      }
    }
    return values;
  };
  const values = build(0);
  if (at !== end) malformed("an array goes on");
  return values;
}

/** Where the value is whose length is here, and where it ends; from -1 for NULL. */
function sized(bytes: Bytes, at: number, end: number): [number, number] {
  if (end - at < 4) malformed("a value has no length");
  const length = bytes.readInt32BE(at);
  if (length === -1) return [-1, at + 4];
  if (length < 0 || length > end - at - 4) malformed("a value is longer than its message");
  return [at + 4, at + 4 + length];
}

type Bounds = "[]" | "[)" | "(]" | "()";

/** Reads a range's text form from `from` on; gives it and where it ends. */
function readRangeAt(
  text: string,
  from: number,
  bound: (text: string) => unknown,
): [Range, number] {
  const opening = text[from];
  if (opening !== "[" && opening !== "(") malformed("a range does not begin with a bracket");
  const [lower, comma] = readPart(text, from + 1, ",");
  if (text[comma] !== ",") malformed("a range has no comma");
  const [upper, end] = readPart(text, comma + 1, ")]");
  const closing = text[end];
  if (closing !== "]" && closing !== ")") malformed("a range has no end");
  const read = (part: string | null): unknown => part === null ? null : bound(part);
  return [new Range(read(lower), read(upper), `${opening}${closing}` as Bounds), end + 1];
}

/** Reads a range's text form: `[1,5)`, `empty`. */
export function readRangeText(text: string, bound: (text: string) => unknown): Range {
  if (text === "empty") return new Range(null, null, "empty");
  const [range, end] = readRangeAt(text, 0, bound);
  if (end !== text.length) malformed("a range goes on");
  return range;
}

/** Reads a range's binary form: flags and the bounds that are there. */
export function readRangeBinary(
  bytes: Bytes,
  start: number,
  end: number,
  bound: NonNullable<Reader["binary"]>,
): Range {
  if (start >= end) malformed("a range is too short");
  const flags = bytes[start]!;
  if (flags & 1) return new Range(null, null, "empty");
  let at = start + 1;
  const read = (infinite: number): unknown => {
    if (flags & infinite) return null;
    const [from, to] = sized(bytes, at, end);
    at = to;
    return from < 0 ? null : bound(bytes, from, to);
  };
  const lower = read(8);
  const upper = read(16);
  if (at !== end) malformed("a range goes on");
  return new Range(lower, upper, `${flags & 2 ? "[" : "("}${flags & 4 ? "]" : ")"}` as Bounds);
}

/** Reads a multirange's text form: `{[1,3),[5,7)}`. */
export function readMultirangeText(text: string, bound: (text: string) => unknown): Range[] {
  if (text[0] !== "{") malformed("a multirange does not begin with a brace");
  const ranges: Range[] = [];
  let at = 1;
  while (text[at] !== "}") {
    const [range, end] = readRangeAt(text, at, bound);
    ranges.push(range);
    at = text[end] === "," ? end + 1 : end;
  }
  return ranges;
}

/** Reads a multirange's binary form: how many ranges, and each with its length. */
export function readMultirangeBinary(
  bytes: Bytes,
  start: number,
  end: number,
  bound: NonNullable<Reader["binary"]>,
): Range[] {
  if (end - start < 4) malformed("a multirange is too short");
  const count = bytes.readInt32BE(start);
  const ranges: Range[] = [];
  let at = start + 4;
  for (let i = 0; i < count; i++) {
    const [from, to] = sized(bytes, at, end);
    if (from < 0) malformed("a multirange has a NULL");
    ranges.push(readRangeBinary(bytes, from, to, bound));
    at = to;
  }
  if (at !== end) malformed("a multirange goes on");
  return ranges;
}

/** Splits a composite's text form, `(1,"a b",)`, into its fields. */
export function readRecordText(text: string): (string | null)[] {
  if (text[0] !== "(" || text.at(-1) !== ")") malformed("a record has no parentheses");
  const fields: (string | null)[] = [];
  if (text === "()") return fields;
  for (let at = 1;;) {
    // A field may hold a part in quotes anywhere; PostgreSQL prints all of it or nothing in them.
    const [field, end] = readPart(text, at, ",)");
    fields.push(field);
    if (text[end] === ")") {
      if (end !== text.length - 1) malformed("a record goes on");
      return fields;
    }
    if (text[end] !== ",") malformed("a record has no end");
    at = end + 1;
  }
}

/** Reads a composite's binary form: how many fields; each with its type and its length. */
export function readRecordBinary(
  bytes: Bytes,
  start: number,
  end: number,
  field: (oid: number) => Reader["binary"],
): unknown[] {
  if (end - start < 4) malformed("a record is too short");
  const count = bytes.readInt32BE(start);
  const values: unknown[] = [];
  let at = start + 4;
  for (let i = 0; i < count; i++) {
    if (end - at < 8) malformed("a record is too short");
    const oid = bytes.readUInt32BE(at);
    const [from, to] = sized(bytes, at + 4, end);
    const read = field(oid);
    values.push(
      from < 0
        ? null
        : read === undefined
        ? readBinaryBytea(bytes, from, to)
        : read(bytes, from, to),
    );
    at = to;
  }
  if (at !== end) malformed("a record goes on");
  return values;
}
