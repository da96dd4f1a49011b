/** Separates a key from the decimal itself, where both travel as one text. */
const SEPARATOR = "\u0001";
/** Exponents are shifted by this, to have no sign. */
const EXPONENT_SHIFT = 5_000_000_000;
/** As many digits as PostgreSQL's numeric has on either side of the point, together. */
const MAX_DIGITS = 147_455;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/;

interface Parts {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
  readonly exponent: number;
}

function partsOf(content: string): Parts | undefined {
  const match = DECIMAL.exec(content);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  return { negative: sign === "-", whole, fraction, exponent: Number(exponent) };
}

/**
 * Writes a decimal as PostgreSQL prints it: without exponent, plus sign and leading zeros, with the
 * zeros at its end. `undefined` for what is no decimal, or has too many digits.
 */
export function writeDecimal(content: string): string | undefined {
  const parts = partsOf(content);
  if (parts === undefined) return undefined;
  let { whole, fraction } = parts;
  const { exponent, negative } = parts;
  if (whole.length + fraction.length + Math.abs(exponent) > MAX_DIGITS) return undefined;
  if (exponent > 0) {
    const digits = fraction.padEnd(exponent, "0");
    whole += digits.slice(0, exponent);
    fraction = digits.slice(exponent);
  } else if (exponent < 0) {
    const digits = whole.padStart(-exponent, "0");
    fraction = digits.slice(digits.length + exponent) + fraction;
    whole = digits.slice(0, digits.length + exponent);
  }
  whole = whole.replace(/^0+(?=\d)/, "") || "0";
  const sign = negative && /[1-9]/.test(whole + fraction) ? "-" : "";
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Rounds a decimal as {@linkcode writeDecimal} writes it, half away from zero, to that many digits. */
export function roundDecimal(written: string, scale: number): string {
  const point = written.indexOf(".");
  const digits = point < 0 ? 0 : written.length - point - 1;
  const plain = written.replace(".", "").replace("-", "");
  let units = BigInt(plain);
  if (digits <= scale) units *= 10n ** BigInt(scale - digits);
  else {
    const divisor = 10n ** BigInt(digits - scale);
    units = (units + divisor / 2n) / divisor;
  }
  const text = String(units).padStart(scale + 1, "0");
  const at = text.length - scale;
  const sign = written.startsWith("-") && units !== 0n ? "-" : "";
  return `${sign}${text.slice(0, at)}${scale === 0 ? "" : `.${text.slice(at)}`}`;
}

/**
 * A text that sorts, byte by byte, as the decimals do, and is the same for equal ones: `2`, the
 * exponent and the digits; for a negative one `0` and their complements to nine.
 */
export function decimalKey(content: string): string {
  const text = content.slice(content.indexOf(SEPARATOR) + 1);
  const parts = partsOf(text);
  // What is no number comes last, as PostgreSQL's NaN does.
  if (parts === undefined) return `3${text}`;
  const digits = parts.whole + parts.fraction;
  const first = digits.search(/[1-9]/);
  if (first < 0) return "1";
  const exponent = parts.whole.length - first + parts.exponent + EXPONENT_SHIFT;
  const key = String(exponent).padStart(10, "0") + digits.slice(first).replace(/0+$/, "");
  if (!parts.negative) return `2${key}`;
  return `0${key.replaceAll(/\d/g, (digit) => String(9 - Number(digit)))}~`;
}

/** The decimal after its key: the least of these is the least of the decimals. */
export function decimalOrder(content: string): string {
  return `${decimalKey(content)}${SEPARATOR}${content}`;
}

/** Takes away the key of {@linkcode decimalOrder}, where there is one. */
export function withoutKey(content: string): string {
  return content.slice(content.indexOf(SEPARATOR) + 1);
}

/** A sum of decimals, exact. */
export class DecimalSum {
  #units = 0n;
  #scale = 0;
  /** How many were added. */
  count = 0;

  /** Adds a decimal, or takes it away; what is none counts as zero. */
  add(content: string, factor: 1n | -1n): void {
    const written = writeDecimal(content) ?? "0";
    const point = written.indexOf(".");
    const scale = point < 0 ? 0 : written.length - point - 1;
    let units = BigInt(written.replace(".", ""));
    if (scale > this.#scale) {
      this.#units *= 10n ** BigInt(scale - this.#scale);
      this.#scale = scale;
    } else if (scale < this.#scale) units *= 10n ** BigInt(this.#scale - scale);
    this.#units += factor * units;
    this.count += Number(factor);
  }

  /** The sum, with as many digits after the point as the longest of the decimals. */
  toString(): string {
    const negative = this.#units < 0n;
    const digits = String(negative ? -this.#units : this.#units).padStart(this.#scale + 1, "0");
    const at = digits.length - this.#scale;
    const fraction = this.#scale === 0 ? "" : `.${digits.slice(at)}`;
    return `${negative ? "-" : ""}${digits.slice(0, at)}${fraction}`;
  }

  /** The mean as a double. */
  mean(): number {
    return Number(this.toString()) / this.count;
  }
}
