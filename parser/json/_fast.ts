/**
 * The optimistic parser behind `parse()`: strict JSON, default options, whole text at hand.
 *
 * It reads UTF-8 bytes (an indexed load from a `Uint8Array` costs a third of `charCodeAt`) and cuts
 * strings out of the source text, so an escape-free string is one `slice`. On anything unexpected
 * it gives up without saying why; the caller then runs the resumable scanner, which finds the
 * exact place. It never recurses.
 *
 * Objects: a keyed store per member is what makes parsers in JavaScript slow. Here the keys of an
 * object are a path in a tree of shapes seen before; the next key is compared with the predicted one
 * in place, values wait on a stack, and a shape seen often gets a function that builds the whole object
 * as one literal. Where code generation is forbidden, or too many shapes came by, members are stored
 * one by one.
 */
import { quote } from "./_quote.ts";

/** What `parseFast()` returns for text that is not strict JSON. */
export const FAILED: unique symbol = Symbol("failed");

/** Bytes after the text's own, so that a look ahead stays inside the buffer. */
export const PADDING = 8;

const MAX_SHAPE_KEYS = 128;
const MAX_SHAPE_KEY_BYTES = 64;
const MAX_SHAPES = 8_192;
const MAX_COMPILED_SHAPES = 1_024;
const COMPILE_AFTER = 24;
const ARRAY_INDEX = /^(?:0|[1-9][0-9]{0,9})$/;

type Make = (values: unknown[], start: number) => Record<string, unknown>;

/** One key on the way to a shape: the path from the root gives the keys in order. */
class Shape {
  readonly key: string;
  /** The key's UTF-8 bytes followed by the closing quote. */
  readonly bytes: Uint8Array;
  readonly parent: Shape | null;
  readonly depth: number;
  /** The key is in the path already, is `__proto__`, or is an array index: no literal for it. */
  readonly irregular: boolean;
  /** The child that followed last time. */
  next: Shape | null = null;
  children: Map<string, Shape> | null = null;
  uses = 0;
  keys: string[] | null = null;
  make: Make | null = null;

  constructor(key: string, bytes: Uint8Array, parent: Shape | null) {
    this.key = key;
    this.bytes = bytes;
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
    let irregular = parent !== null &&
      (parent.irregular || key === "__proto__" || ARRAY_INDEX.test(key));
    for (let shape = parent; shape !== null && !irregular; shape = shape.parent) {
      irregular = shape.parent !== null && shape.key === key;
    }
    this.irregular = irregular;
  }
}

let root = new Shape("", new Uint8Array(0), null);
let shapeCount = 0;
let compiledCount = 0;
let codeAllowed = true;

/** Follows `key` from `shape`; null where the tree may not grow there. */
function childOf(
  shape: Shape,
  key: string,
  source: Uint8Array,
  start: number,
  end: number,
): Shape | null {
  let child = shape.children?.get(key);
  if (child === undefined) {
    if (shape.depth >= MAX_SHAPE_KEYS || end - start > MAX_SHAPE_KEY_BYTES) return null;
    // Half a surrogate pair has the bytes of U+FFFD: the bytes would not tell such keys apart.
    if (key.length !== end - start && key.toWellFormed().includes("\ufffd")) return null;
    if (shapeCount >= MAX_SHAPES) {
      // Start over: the shapes of today's documents matter more than the first ones seen. Shapes
      // in use by the running parse stay valid, they are only not found again.
      root = new Shape("", new Uint8Array(0), null);
      shapeCount = 0;
    }
    shapeCount++;
    // `concat` copies: the tree must not keep the source text alive through a slice of it.
    const own = copyString(key);
    child = new Shape(own, source.slice(start, end + 1), shape);
    shape.children ??= new Map();
    shape.children.set(own, child);
  }
  shape.next = child;
  return child;
}

/** A copy that shares no memory with the text that `value` was cut out of. */
function copyString(value: string): string {
  let copy = "";
  for (let i = 0; i < value.length; i++) copy += value[i];
  return copy;
}

function keysOf(shape: Shape): string[] {
  const keys: string[] = new Array(shape.depth).fill("");
  for (let node = shape; node.parent !== null; node = node.parent) keys[node.depth - 1] = node.key;
  return keys;
}

function build(shape: Shape, values: unknown[], start: number): Record<string, unknown> {
  const keys = shape.keys ??= keysOf(shape);
  if (
    !shape.irregular && codeAllowed && ++shape.uses >= COMPILE_AFTER &&
    compiledCount < MAX_COMPILED_SHAPES
  ) {
    compiledCount++;
    let body = "return{";
    for (let i = 0; i < keys.length; i++) body += `${quote(keys[i]!)}:v[s+${i}],`;
    try {
      shape.make = new Function("v", "s", body + "}") as Make;
      return shape.make(values, start);
    } catch {
      codeAllowed = false; // a content security policy without 'unsafe-eval'
    }
  }
  const object: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key === "__proto__") define(object, values[start + i]);
    else object[key] = values[start + i];
  }
  return object;
}

function define(object: Record<string, unknown>, value: unknown): void {
  Object.defineProperty(object, "__proto__", {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** Builds an object from alternating keys and values. */
function buildPairs(values: unknown[], start: number, end: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = start; i < end; i += 2) {
    const key = values[i] as string;
    if (key === "__proto__") define(object, values[i + 1]);
    else object[key] = values[i + 1];
  }
  return object;
}

/** Turns the values of a shape into alternating keys and values; returns the new end. */
function spread(shape: Shape, values: unknown[], start: number, end: number): number {
  const keys = shape.keys ??= keysOf(shape);
  const count = end - start;
  while (values.length < start + 2 * count) values.push(undefined);
  for (let i = count - 1; i >= 0; i--) {
    const value = values[start + i];
    values[start + 2 * i] = keys[i];
    values[start + 2 * i + 1] = value;
  }
  return start + 2 * count;
}

const POWERS: Float64Array = Float64Array.from(
  { length: 23 },
  (_, exponent) => Number(`1e${exponent}`),
);
const SPLITTER = 134_217_729; // 2^27 + 1, Veltkamp

/** Where the last number, string or key ended. */
let endAt = 0;
/** Bytes minus UTF-16 units so far. */
let shift = 0;

/**
 * Reads a number at `position` and leaves its end in `endAt`; NaN where there is none.
 *
 * Up to 15 digits with a power of ten up to 22 are exact by Clinger's fast path. Up to 18 digits are
 * divided in double-double arithmetic with an error below 2^-95, good enough unless the result
 * lies that close to the middle between two doubles; then, and for the rest, the engine's own
 * conversion decides.
 */
function readNumber(text: string, source: Uint8Array, position: number, delta: number): number {
  let at = position;
  let code = source[at]!;
  const negative = code === 45;
  if (negative) code = source[++at]!;
  let high = 0;
  let low = 0;
  let lowDigits = 0;
  let plain = true;
  if (code === 48) {
    code = source[++at]!;
  } else if (code >= 49 && code <= 57) {
    do {
      high = high * 10 + (code - 48);
      code = source[++at]!;
    } while (high < 100_000_000 && code >= 48 && code <= 57);
    while (code >= 48 && code <= 57) {
      if (lowDigits < 9) {
        low = low * 10 + (code - 48);
        lowDigits++;
      } else plain = false;
      code = source[++at]!;
    }
  } else return NaN;
  let exponent = 0;
  if (code === 46) {
    code = source[++at]!;
    if (code < 48 || code > 57) return NaN;
    const from = at;
    while (high < 100_000_000 && code >= 48 && code <= 57) {
      high = high * 10 + (code - 48);
      code = source[++at]!;
    }
    while (code >= 48 && code <= 57) {
      if (lowDigits < 9) {
        low = low * 10 + (code - 48);
        lowDigits++;
      } else plain = false;
      code = source[++at]!;
    }
    exponent = from - at;
  }
  if (code === 101 || code === 69) {
    code = source[++at]!;
    const minus = code === 45;
    if (minus || code === 43) code = source[++at]!;
    if (code < 48 || code > 57) return NaN;
    let written = 0;
    do {
      if (written < 100_000) written = written * 10 + (code - 48);
      code = source[++at]!;
    } while (code >= 48 && code <= 57);
    exponent += minus ? -written : written;
  }
  endAt = at;
  if (plain && exponent >= -22 && exponent <= 22) {
    if (lowDigits <= 6) {
      const whole = lowDigits === 0 ? high : high * POWERS[lowDigits]! + low;
      const value = exponent < 0 ? whole / POWERS[-exponent]! : whole * POWERS[exponent]!;
      return negative ? -value : value;
    }
    if (exponent <= 0) {
      // high * 10^lowDigits + low as an exact sum of two doubles.
      const scale = POWERS[lowDigits]!;
      const upper = (high >>> 15) * scale * 32768;
      const lower = (high & 32767) * scale + low;
      const sum = upper + lower;
      const rest = lower - (sum - upper);
      if (exponent === 0) return negative ? -sum : sum;
      const divisor = POWERS[-exponent]!;
      const quotient = sum / divisor;
      // quotient * divisor as an exact sum of two doubles (Dekker).
      const product = quotient * divisor;
      let split = SPLITTER * quotient;
      const quotientHigh = split - (split - quotient);
      const quotientLow = quotient - quotientHigh;
      split = SPLITTER * divisor;
      const divisorHigh = split - (split - divisor);
      const divisorLow = divisor - divisorHigh;
      const error = quotientLow * divisorLow -
        (((product - quotientHigh * divisorHigh) - quotientLow * divisorHigh) -
          quotientHigh * divisorLow);
      const correction = (sum - product - error + rest) / divisor;
      const margin = quotient * 2.524354896707238e-29; // 2^-95
      const value = quotient + (correction + margin);
      if (value === quotient + (correction - margin)) return negative ? -value : value;
    }
  }
  return Number(text.slice(position - delta, at - delta));
}

/** The escapes of one letter, by the letter's code. */
const ESCAPES: Uint8Array = new Uint8Array(256);
for (const [letter, value] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"]) {
  ESCAPES[letter!.charCodeAt(0)] = value!.charCodeAt(0);
}
/** The value of a hexadecimal digit, by its code; 16 for anything else. */
const HEX: Uint8Array = new Uint8Array(256).fill(16);
for (let i = 0; i < 16; i++) {
  HEX["0123456789abcdef".charCodeAt(i)] = i;
  HEX["0123456789ABCDEF".charCodeAt(i)] = i;
}

/**
 * Reads the rest of a string whose plain ASCII part ended at `at` (an escape, a byte above 0x7F, or an error);
 * `start` is the first byte after the opening quote. Leaves the byte after the closing quote in
 * `endAt`, updates `shift`, and returns null for a malformed string.
 */
function readString(text: string, source: Uint8Array, start: number, at: number): string | null {
  let delta = shift;
  let result = "";
  let from = start - delta;
  for (;;) {
    const code = source[at]!;
    if (code >= 128) {
      // Well-formed UTF-8: a lead of four bytes is two units, any other lead is one.
      if (code < 192) delta++;
      else if (code >= 240) delta--;
      at++;
    } else if (code === 34) {
      shift = delta;
      endAt = at + 1;
      const tail = text.slice(from, at - delta);
      return result === "" ? tail : result + tail;
    } else if (code === 92) {
      result += text.slice(from, at - delta);
      const letter = source[at + 1]!;
      if (letter === 117) {
        const a = HEX[source[at + 2]!]!;
        const b = HEX[source[at + 3]!]!;
        const c = HEX[source[at + 4]!]!;
        const d = HEX[source[at + 5]!]!;
        if ((a | b | c | d) > 15) return null;
        result += String.fromCharCode(a << 12 | b << 8 | c << 4 | d);
        at += 6;
      } else {
        const value = ESCAPES[letter]!;
        if (value === 0) return null;
        result += String.fromCharCode(value);
        at += 2;
      }
      from = at - delta;
    } else if (code < 32) return null;
    else at++;
  }
}

/** Where the value that `parsePrefix()` read ended, in bytes. */
export let prefixEnd = 0;
/** The same in UTF-16 units. */
export let prefixEndUnits = 0;

/**
 * Parses `source`, the UTF-8 form of `text`: `length` bytes followed by at least `PADDING` zero bytes.
 * Returns `FAILED` for anything but one strict JSON value of at most `maxDepth` levels.
 */
export function parseFast(
  text: string,
  source: Uint8Array,
  length: number,
  maxDepth: number,
): unknown {
  return run(text, source, 0, 0, length, maxDepth);
}

/**
 * Parses the object or array that starts at byte `position` of `source`, which is unit `units` of `text`, and leaves its end in
 * `prefixEnd` and `prefixEndUnits`. Returns `FAILED` where it is not complete or not strict JSON.
 */
export function parsePrefix(
  text: string,
  source: Uint8Array,
  position: number,
  units: number,
  maxDepth: number,
): unknown {
  const value = run(text, source, position, position - units, -1, maxDepth);
  prefixEnd = endAt;
  prefixEndUnits = endAt - shift;
  return value;
}

/** `length` is negative for `parsePrefix()`. */
function run(
  text: string,
  source: Uint8Array,
  position: number,
  delta: number,
  length: number,
  maxDepth: number,
): unknown {
  const values: unknown[] = [];
  /** Start on the value stack of each open container; objects as the complement (negative). */
  const starts: number[] = [];
  const shapes: (Shape | null)[] = [];
  let top = 0;
  let depth = 0;
  let start = 0;
  let inObject = false;
  let shape: Shape | null = null;
  shift = delta;
  endAt = position;
  let code = source[position]!;
  while (code <= 32) {
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return FAILED;
    code = source[++position]!;
  }
  for (;;) {
    if (inObject) {
      if (code !== 34) return FAILED;
      position++;
      matched: {
        if (shape !== null) {
          const next: Shape | null = shape.next;
          if (next !== null) {
            const bytes = next.bytes;
            const size = bytes.length;
            let i = 0;
            while (i < size && source[position + i] === bytes[i]) i++;
            if (i === size) {
              const units = next.key.length + 1;
              if (units !== size) delta += size - units;
              position += size;
              shape = next;
              break matched;
            }
          }
        }
        let at = position;
        code = source[at]!;
        while (code !== 34 && code !== 92 && code >= 32 && code < 128) code = source[++at]!;
        let key: string;
        let escaped = false;
        if (code === 34) {
          key = text.slice(position - delta, at - delta);
          endAt = at + 1;
        } else {
          shift = delta;
          const read = readString(text, source, position, at);
          if (read === null) return FAILED;
          key = read;
          escaped = key.length !== endAt - 1 - position - (shift - delta);
          delta = shift;
        }
        if (shape !== null) {
          const child: Shape | null = escaped
            ? null
            : childOf(shape, key, source, position, endAt - 1);
          if (child === null) {
            top = spread(shape, values, start, top);
            shape = null;
          } else shape = child;
        }
        if (shape === null) values[top++] = key;
        position = endAt;
      }
      code = source[position]!;
      while (code <= 32) {
        if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return FAILED;
        code = source[++position]!;
      }
      if (code !== 58) return FAILED;
      code = source[++position]!;
      while (code <= 32) {
        if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return FAILED;
        code = source[++position]!;
      }
    }
    let value: unknown;
    if (code === 34) {
      const from = ++position;
      code = source[position]!;
      while (code !== 34 && code !== 92 && code >= 32 && code < 128) code = source[++position]!;
      if (code === 34) {
        value = text.slice(from - delta, position - delta);
        position++;
      } else {
        shift = delta;
        const read = readString(text, source, from, position);
        if (read === null) return FAILED;
        value = read;
        delta = shift;
        position = endAt;
      }
    } else if (code <= 57 && code >= 45) {
      // Integers of up to nine digits here; the rest elsewhere.
      let at = position;
      let whole = 0;
      let digit = code - 48;
      while (digit >= 0 && digit <= 9 && at - position < 9) {
        whole = whole * 10 + digit;
        digit = source[++at]! - 48;
      }
      // After a digit only these continue a number: '.', 'e', 'E', or a further digit.
      if (
        at === position || (code === 48 && at - position > 1) || digit === -2 || digit === 53 ||
        digit === 21 || (digit >= 0 && digit <= 9)
      ) {
        const number = readNumber(text, source, position, delta);
        if (number !== number) return FAILED;
        value = number;
        position = endAt;
      } else {
        value = whole;
        position = at;
      }
    } else if (code === 123) {
      if (depth >= maxDepth) return FAILED;
      starts[depth] = inObject ? ~start : start;
      shapes[depth++] = shape;
      start = top;
      code = source[++position]!;
      while (code <= 32) {
        if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return FAILED;
        code = source[++position]!;
      }
      inObject = true;
      shape = root;
      if (code !== 125) continue;
      value = {};
      position++;
      depth--;
      start = starts[depth]!;
      inObject = start < 0;
      if (inObject) start = ~start;
      shape = shapes[depth]!;
    } else if (code === 91) {
      if (depth >= maxDepth) return FAILED;
      starts[depth] = inObject ? ~start : start;
      shapes[depth++] = shape;
      start = top;
      code = source[++position]!;
      while (code <= 32) {
        if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return FAILED;
        code = source[++position]!;
      }
      inObject = false;
      if (code !== 93) continue;
      value = [];
      position++;
      depth--;
      start = starts[depth]!;
      inObject = start < 0;
      if (inObject) start = ~start;
      shape = shapes[depth]!;
    } else if (code === 116) {
      if (
        source[position + 1] !== 114 || source[position + 2] !== 117 || source[position + 3] !== 101
      ) return FAILED;
      value = true;
      position += 4;
    } else if (code === 102) {
      if (
        source[position + 1] !== 97 || source[position + 2] !== 108 ||
        source[position + 3] !== 115 || source[position + 4] !== 101
      ) return FAILED;
      value = false;
      position += 5;
    } else if (code === 110) {
      if (
        source[position + 1] !== 117 || source[position + 2] !== 108 || source[position + 3] !== 108
      ) return FAILED;
      value = null;
      position += 4;
    } else return FAILED;

    for (;;) {
      code = source[position]!;
      while (code <= 32) {
        if (code !== 32 && code !== 10 && code !== 13 && code !== 9) break;
        code = source[++position]!;
      }
      if (depth === 0) {
        if (length < 0) {
          endAt = position;
          shift = delta;
          return value;
        }
        return position === length ? value : FAILED;
      }
      values[top++] = value;
      if (code === 44) {
        code = source[++position]!;
        while (code <= 32) {
          if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return FAILED;
          code = source[++position]!;
        }
        break;
      }
      if (inObject) {
        if (code !== 125) return FAILED;
        value = shape === null
          ? buildPairs(values, start, top)
          : shape.make !== null
          ? shape.make(values, start)
          : build(shape, values, start);
      } else {
        if (code !== 93) return FAILED;
        const count = top - start;
        if (count === 1) value = [values[start]];
        else if (count === 2) value = [values[start], values[start + 1]];
        else if (count === 3) value = [values[start], values[start + 1], values[start + 2]];
        else value = values.slice(start, top);
      }
      position++;
      top = start;
      depth--;
      start = starts[depth]!;
      inObject = start < 0;
      if (inObject) start = ~start;
      shape = shapes[depth]!;
    }
  }
}
