/** A span of time as PostgreSQL keeps it: three parts that do not convert into each other. */
export class Interval {
  /** Whole months; a year is 12. */
  readonly months: number;
  /** Whole days. */
  readonly days: number;
  /** Microseconds. */
  readonly microseconds: bigint;

  /** Makes a span. */
  constructor(months: number, days: number, microseconds: bigint) {
    this.months = months;
    this.days = days;
    this.microseconds = microseconds;
  }

  /** ISO 8601, each part with its own sign: `P1Y2M3DT4H5M6.789S`. PostgreSQL reads it too. */
  toString(): string {
    const years = Math.trunc(this.months / 12);
    const months = this.months % 12;
    const negative = this.microseconds < 0n;
    const total = negative ? -this.microseconds : this.microseconds;
    const sign = negative ? "-" : "";
    const micros = total % 1_000_000n;
    const seconds = (total / 1_000_000n) % 60n;
    const minutes = (total / 60_000_000n) % 60n;
    const hours = total / 3_600_000_000n;
    let date = "";
    if (years !== 0) date += `${years}Y`;
    if (months !== 0) date += `${months}M`;
    if (this.days !== 0) date += `${this.days}D`;
    let time = "";
    if (hours !== 0n) time += `${sign}${hours}H`;
    if (minutes !== 0n) time += `${sign}${minutes}M`;
    if (seconds !== 0n || micros !== 0n) {
      const fraction = micros === 0n
        ? ""
        : `.${String(micros).padStart(6, "0").replace(/0+$/, "")}`;
      time += `${sign}${seconds}${fraction}S`;
    }
    if (date === "" && time === "") return "PT0S";
    return `P${date}${time === "" ? "" : `T${time}`}`;
  }

  /** The same as {@linkcode toString}. */
  toJSON(): string {
    return this.toString();
  }
}

/** What lies between two bounds. */
export class Range<T = unknown> {
  /** The lower bound; `null` for none. */
  readonly lower: T | null;
  /** The upper bound; `null` for none. */
  readonly upper: T | null;
  /** Whether the lower bound belongs to it. */
  readonly lowerInclusive: boolean;
  /** Whether the upper bound belongs to it. */
  readonly upperInclusive: boolean;
  /** Whether nothing lies in it; the bounds then mean nothing. */
  readonly isEmpty: boolean;

  /** Makes a range; `bounds` as in SQL, `[)` by default. */
  constructor(
    lower: T | null,
    upper: T | null,
    bounds: "[]" | "[)" | "(]" | "()" | "empty" = "[)",
  ) {
    this.lower = lower;
    this.upper = upper;
    this.lowerInclusive = lower !== null && bounds[0] === "[";
    this.upperInclusive = upper !== null && bounds[1] === "]";
    this.isEmpty = bounds === "empty";
  }
}

/** A value that is to be written as JSON even where its type says otherwise: see {@linkcode json}. */
export class JsonParameter {
  /** The value. */
  readonly value: unknown;

  /** Programs call {@linkcode json}. */
  constructor(value: unknown) {
    this.value = value;
  }
}

/**
 * Marks a parameter as a value to be written as JSON. Objects and arrays for a JSON column need no
 * mark; a string does, for it would be taken as JSON text.
 */
export function json(value: unknown): JsonParameter {
  return new JsonParameter(value);
}
