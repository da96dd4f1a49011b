/**
 * The conditional request rules of RFC 9110, section 13, as pure functions over header values.
 *
 * Nothing here touches a file or a clock that was not passed in, so every row of the precedence
 * table (section 13.2.2) can be tested by itself.
 */

/** A validator pair of one representation. */
export interface Validators {
  /** The entity tag as it goes on the wire (`"abc"` or `W/"abc"`), or undefined when there is none. */
  etag: string | undefined;
  /** Last modification in epoch milliseconds, or undefined when the file system does not tell. */
  mtimeMs: number | undefined;
  /** Whether `mtimeMs` is old enough to be a strong validator (RFC 9110, section 8.8.2.2). */
  mtimeIsStrong: boolean;
}

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const IMF_FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * Reads an HTTP-date in any of the three forms of RFC 9110, section 5.6.7.
 *
 * @returns epoch milliseconds, or undefined for anything that is not an HTTP-date.
 */
export function parseHttpDate(text: string, nowMs: number = Date.now()): number | undefined {
  if (text.length > 40) return undefined;
  let match = IMF_FIXDATE.exec(text);
  if (match !== null) {
    return toEpoch(match[3]!, match[2]!, match[1]!, match[4]!, match[5]!, match[6]!);
  }
  match = ASCTIME.exec(text);
  if (match !== null) {
    return toEpoch(match[6]!, match[1]!, match[2]!, match[3]!, match[4]!, match[5]!);
  }
  match = RFC_850.exec(text);
  if (match === null) return undefined;
  // A two-digit year more than 50 years ahead means the same year of the past century.
  const thisYear = new Date(nowMs).getUTCFullYear();
  let year = thisYear - thisYear % 100 + Number(match[3]);
  if (year > thisYear + 50) year -= 100;
  return toEpoch(String(year), match[2]!, match[1]!, match[4]!, match[5]!, match[6]!);
}

function toEpoch(
  year: string,
  monthName: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | undefined {
  const month = MONTHS.indexOf(monthName);
  if (month < 0 || month % 3 !== 0) return undefined;
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)];
  if (d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined;
  const epochMs = Date.UTC(Number(year), month / 3, d, h, m, s);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/**
 * Whether `tag` is in the list `header` (`*`, or entity tags separated by commas).
 *
 * @param strong Compare strongly: both must be equal and neither weak (RFC 9110, section 8.8.3.2).
 */
export function matchesEtag(header: string, tag: string | undefined, strong: boolean): boolean {
  if (header.trim() === "*") return true;
  if (tag === undefined) return false;
  const tagIsWeak = tag.startsWith("W/");
  if (strong && tagIsWeak) return false;
  const opaque = tagIsWeak ? tag.slice(2) : tag;
  let at = 0;
  while (at < header.length) {
    const code = header.charCodeAt(at);
    if (code === 0x20 || code === 0x09 || code === 0x2c) {
      at++;
      continue;
    }
    const weak = header.startsWith("W/", at);
    if (weak) at += 2;
    if (header.charCodeAt(at) !== 0x22) return false;
    const end = header.indexOf('"', at + 1);
    if (end < 0) return false;
    if (!(strong && weak) && header.slice(at, end + 1) === opaque) return true;
    at = end + 1;
  }
  return false;
}

/** What the preconditions of a GET or HEAD decide: go on, 304, or 412. */
export type Verdict = 200 | 304 | 412;

/**
 * Evaluates the preconditions in the order of RFC 9110, section 13.2.2: If-Match, else
 * If-Unmodified-Since; then If-None-Match, else If-Modified-Since.
 */
export function evaluatePreconditions(headers: Headers, validators: Validators): Verdict {
  const { etag, mtimeMs } = validators;
  const mtimeSeconds = mtimeMs === undefined ? undefined : Math.floor(mtimeMs / 1000);
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matchesEtag(ifMatch, etag, true)) return 412;
  } else {
    const header = headers.get("if-unmodified-since");
    const since = header === null ? undefined : parseHttpDate(header);
    if (since !== undefined && mtimeSeconds !== undefined && mtimeSeconds > since / 1000) {
      return 412;
    }
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) return matchesEtag(ifNoneMatch, etag, false) ? 304 : 200;
  const header = headers.get("if-modified-since");
  const since = header === null ? undefined : parseHttpDate(header);
  if (since !== undefined && mtimeSeconds !== undefined && mtimeSeconds <= since / 1000) {
    return 304;
  }
  return 200;
}

/**
 * Whether If-Range (or its absence) lets a Range header apply (RFC 9110, section 13.1.5). A weak
 * tag never does, nor a date that is not exactly and strongly Last-Modified.
 */
export function rangeApplies(headers: Headers, validators: Validators): boolean {
  const ifRange = headers.get("if-range");
  if (ifRange === null) return true;
  if (ifRange.startsWith('"') || ifRange.startsWith("W/")) {
    return ifRange === validators.etag && !ifRange.startsWith("W/");
  }
  const date = parseHttpDate(ifRange);
  return date !== undefined && validators.mtimeMs !== undefined && validators.mtimeIsStrong &&
    Math.floor(validators.mtimeMs / 1000) * 1000 === date;
}

/** A content coding this folder can negotiate. */
export type Coding = "br" | "gzip";

/**
 * Orders the codings a client takes, best first, out of `offered` (which is in our own order of
 * preference, used between equal weights). Codings with weight 0 are left out.
 */
export function acceptedCodings(header: string | null, offered: readonly Coding[]): Coding[] {
  if (header === null || header === "") return [];
  const weights = new Map<string, number>();
  for (const part of header.split(",", 32)) {
    const [name = "", ...parameters] = part.split(";", 4);
    let weight = 1;
    for (const parameter of parameters) {
      const match = /^\s*q=([01](?:\.\d{0,3})?)\s*$/i.exec(parameter);
      if (match !== null) weight = Number(match[1]);
    }
    weights.set(name.trim().toLowerCase(), weight);
  }
  const weightOf = (coding: Coding): number =>
    weights.get(coding) ?? (coding === "gzip" ? weights.get("x-gzip") : undefined) ??
      weights.get("*") ?? 0;
  return offered.filter((coding) => weightOf(coding) > 0)
    .sort((a, b) => weightOf(b) - weightOf(a));
}
