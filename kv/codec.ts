/**
 * Codecs: how values of JavaScript become the bytes of keys and values.
 *
 * A codec that is used for keys decides their order, because the database compares bytes. Of these,
 * `bytes`, `utf8`, `hex`, `number`, `bigint` and `tuple` keep the order of what they encode; `json`
 * does not, and is meant for values.
 *
 * ## Formats
 *
 * - `number`: eight bytes, IEEE 754 big-endian. The sign bit is flipped where it is 0, every bit
 *   where it is 1, so that -Infinity < -1 < -0 < 0 < 1 < Infinity as bytes. NaN is refused.
 * - `bigint`: a byte for sign and length, then the magnitude big-endian without leading zeros. 0 is
 *   `80`. A positive number of n bytes starts with `80 + n` where n is at most 126, else with `ff`
 *   and n in four bytes. A negative one is the complement of all bytes of its positive twin, plus 1
 *   in the first where n is at most 126.
 * - `tuple`: its elements one behind the other, each a type byte and contents. `05` null; `10`
 *   bytes and `20` UTF-8, in which `00` is written `00 ff`, ended by `00`; `30` a tuple, its elements
 *   and `00`; `40` a number and `50` a bigint as above; `60` false and `61` true. So types sort in
 *   this order, and a tuple sorts before all that continue it, of which it is a prefix in bytes.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ByteWriter, concatBytes, EMPTY } from "./_bytes.ts";
import { Slab } from "./_scan.ts";
import { EncodingError } from "./errors.ts";

/** Turns values into bytes and back. `decode(encode(value))` equals `value`. */
export interface Codec<T> {
  /** What error messages call it. */
  readonly name: string;
  /** The bytes of a value, which the caller may keep. Throws {@linkcode EncodingError}. */
  encode(value: T): Uint8Array;
  /** The value of bytes, which it doesn't change. Throws {@linkcode EncodingError}. */
  decode(bytes: Uint8Array): T;
}

/** An element of a {@linkcode Tuple}. */
export type TupleElement =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly TupleElement[];

/** What {@linkcode codecs}`.tuple` encodes. */
export type Tuple = readonly TupleElement[];

/** The codecs that have a name, and what each encodes. */
export interface CodecTypes {
  /** Bytes as they are. */
  bytes: Uint8Array;
  /** Well-formed text. Sorts by code point, which is not JavaScript's order of strings. */
  utf8: string;
  /** Hexadecimal digits in pairs, lower case when decoded, for the bytes that they name. */
  hex: string;
  /** What `JSON.stringify` takes. For values: it keeps no order. */
  // deno-lint-ignore no-explicit-any -- as JSON.parse
  json: any;
  /** Any number but NaN, in order. */
  number: number;
  /** Any integer, in order. */
  bigint: bigint;
  /** Lists of simple values, in order, element by element. */
  tuple: Tuple;
}

const TUPLE_END = 0x00;
const TUPLE_NULL = 0x05;
const TUPLE_BYTES = 0x10;
const TUPLE_STRING = 0x20;
const TUPLE_NESTED = 0x30;
const TUPLE_NUMBER = 0x40;
const TUPLE_BIGINT = 0x50;
const TUPLE_FALSE = 0x60;
const TUPLE_TRUE = 0x61;
const MAX_TUPLE_DEPTH = 64;
/** A bigint takes up to 64 KiB, as a key does. */
const MAX_BIGINT_BYTES = 65_536;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function checkText(codec: string, text: string): void {
  if (typeof text !== "string") throw new EncodingError(codec, `a ${typeof text} is no string`);
  if (!text.isWellFormed()) throw new EncodingError(codec, "the text has half a surrogate pair");
}

/** The longest text whose bytes are written one by one: a call of the encoder costs as much. */
const SHORT_TEXT = 48;

/** Writes the UTF-8 of a text; with `escape`, `00` as `00 ff`. */
function writeText(out: ByteWriter, codec: string, text: string, escape: boolean): void {
  checkText(codec, text);
  const { length } = text;
  out.reserve(2 * length);
  const start = out.length;
  if (length <= SHORT_TEXT) {
    const { bytes } = out;
    let at = start;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) break;
      bytes[at++] = code;
      if (code === 0 && escape) bytes[at++] = 0xff;
    }
    if (i === length) {
      out.length = at;
      return;
    }
  }
  const bytes = encoder.encode(text);
  if (escape) writeEscaped(out, bytes);
  else out.range(bytes, 0, bytes.length);
}

function decodeText(codec: string, bytes: Uint8Array): string {
  // Faster than the decoder, but it replaces what is no UTF-8: that has to be told from the text's own.
  const text: string = Buffer.prototype.utf8Slice.call(bytes as Buffer, 0, bytes.length);
  if (!text.includes("\ufffd")) return text;
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new EncodingError(codec, "the bytes are not UTF-8", { cause: error });
  }
}

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
/** Where the sign's byte is, and the way from it to the last: machines may be of either endianness. */
const FLOAT_HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 7 : 0;
const FLOAT_STEP = FLOAT_HIGH === 7 ? -1 : 1;

function writeNumber(out: ByteWriter, codec: string, value: number): void {
  if (typeof value !== "number") throw new EncodingError(codec, `a ${typeof value} is no number`);
  if (Number.isNaN(value)) throw new EncodingError(codec, "NaN has no place in the order");
  float[0] = value;
  out.reserve(8);
  const { bytes } = out;
  const at = out.length;
  const high = floatBytes[FLOAT_HIGH]!;
  const flip = high >= 0x80 ? 0xff : 0;
  bytes[at] = high ^ (flip | 0x80);
  for (let i = 1; i < 8; i++) bytes[at + i] = floatBytes[FLOAT_HIGH + i * FLOAT_STEP]! ^ flip;
  out.length = at + 8;
}

function readNumber(codec: string, bytes: Uint8Array, at: number): number {
  if (at + 8 > bytes.length) throw new EncodingError(codec, "the number is cut short");
  const high = bytes[at]!;
  const flip = high < 0x80 ? 0xff : 0;
  floatBytes[FLOAT_HIGH] = high ^ (flip | 0x80);
  for (let i = 1; i < 8; i++) floatBytes[FLOAT_HIGH + i * FLOAT_STEP] = bytes[at + i]! ^ flip;
  const value = float[0]!;
  if (Number.isNaN(value)) throw new EncodingError(codec, "the bytes are those of NaN");
  return value;
}

function writeBigint(out: ByteWriter, codec: string, value: bigint): void {
  if (typeof value !== "bigint") throw new EncodingError(codec, `a ${typeof value} is no bigint`);
  if (value === 0n) return out.byte(0x80);
  const negative = value < 0n;
  let hex = (negative ? -value : value).toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  const length = hex.length / 2;
  if (length > MAX_BIGINT_BYTES) {
    throw new EncodingError(codec, `a bigint takes at most ${MAX_BIGINT_BYTES} bytes`);
  }
  const flip = negative ? 0xff : 0;
  if (length <= 126) {
    out.byte(negative ? 0x80 - length : 0x80 + length);
  } else {
    out.byte(0xff ^ flip);
    for (let shift = 24; shift >= 0; shift -= 8) out.byte(length >>> shift & 0xff ^ flip);
  }
  out.reserve(length);
  for (let i = 0; i < length; i++) {
    out.bytes[out.length++] = parseInt(hex.slice(i * 2, i * 2 + 2), 16) ^ flip;
  }
}

/** Where the last call of {@linkcode readBigint} ended. */
let bigintEnd = 0;

function readBigint(codec: string, bytes: Uint8Array, at: number): bigint {
  if (at >= bytes.length) throw new EncodingError(codec, "the bigint is cut short");
  const first = bytes[at++]!;
  bigintEnd = at;
  if (first === 0x80) return 0n;
  const negative = first < 0x80;
  const flip = negative ? 0xff : 0;
  let length = Math.abs(first - 0x80);
  const long = first === 0xff || first === 0x00;
  if (long) {
    if (at + 4 > bytes.length) throw new EncodingError(codec, "the bigint is cut short");
    length = 0;
    for (let i = 0; i < 4; i++) length = length * 256 + (bytes[at++]! ^ flip);
  }
  if (length > MAX_BIGINT_BYTES || at + length > bytes.length) {
    throw new EncodingError(codec, "the bigint is cut short");
  }
  // One number has one encoding, else two keys could be equal.
  if ((bytes[at]! ^ flip) === 0 || long && length <= 126) {
    throw new EncodingError(codec, "the bigint is not in its shortest form");
  }
  let hex = "";
  for (let i = 0; i < length; i++) hex += (bytes[at + i]! ^ flip).toString(16).padStart(2, "0");
  bigintEnd = at + length;
  const magnitude = BigInt(`0x${hex}`);
  return negative ? -magnitude : magnitude;
}

/** Writes bytes with `00` as `00 ff`. */
function writeEscaped(out: ByteWriter, bytes: Uint8Array): void {
  out.reserve(2 * bytes.length);
  const target = out.bytes;
  let at = out.length;
  for (let i = 0; i < bytes.length; i++) {
    target[at++] = bytes[i]!;
    if (bytes[i] === 0) target[at++] = 0xff;
  }
  out.length = at;
}

function writeTuple(out: ByteWriter, value: Tuple): void {
  if (!Array.isArray(value)) throw new EncodingError("tuple", "a tuple is a list");
  /** The tuples around this one, and where each goes on. */
  const around: { list: Tuple; at: number }[] = [];
  let list = value as Tuple;
  for (let at = 0;;) {
    if (at === list.length) {
      const outer = around.pop();
      if (!outer) return;
      out.byte(TUPLE_END);
      ({ list, at } = outer);
      continue;
    }
    const element = list[at++];
    if (typeof element === "string") {
      out.byte(TUPLE_STRING);
      writeText(out, "tuple", element, true);
      out.byte(TUPLE_END);
    } else if (typeof element === "number") {
      out.byte(TUPLE_NUMBER);
      writeNumber(out, "tuple", element);
    } else if (element === null) out.byte(TUPLE_NULL);
    else if (element === false) out.byte(TUPLE_FALSE);
    else if (element === true) out.byte(TUPLE_TRUE);
    else if (typeof element === "bigint") {
      out.byte(TUPLE_BIGINT);
      writeBigint(out, "tuple", element);
    } else if (element instanceof Uint8Array) {
      out.byte(TUPLE_BYTES);
      writeEscaped(out, element);
      out.byte(TUPLE_END);
    } else if (Array.isArray(element)) {
      if (around.length === MAX_TUPLE_DEPTH - 1) {
        throw new EncodingError("tuple", `tuples nest at most ${MAX_TUPLE_DEPTH} deep`);
      }
      out.byte(TUPLE_NESTED);
      around.push({ list, at });
      list = element;
      at = 0;
    } else {
      const what = typeof element === "object" ? "an object" : `of type ${typeof element}`;
      throw new EncodingError("tuple", `an element is ${what}`);
    }
  }
}

function decodeTuple(bytes: Uint8Array): TupleElement[] {
  const root: TupleElement[] = [];
  const open = [root];
  let list = root;
  for (let at = 0; at < bytes.length;) {
    const type = bytes[at++]!;
    switch (type) {
      case TUPLE_END:
        open.pop();
        if (open.length === 0) throw new EncodingError("tuple", "it ends where none began");
        list = open[open.length - 1]!;
        break;
      case TUPLE_NULL:
        list.push(null);
        break;
      case TUPLE_FALSE:
      case TUPLE_TRUE:
        list.push(type === TUPLE_TRUE);
        break;
      case TUPLE_BYTES:
      case TUPLE_STRING: {
        const plain = new ByteWriter(32);
        for (;; at++) {
          if (at >= bytes.length) throw new EncodingError("tuple", "an element is cut short");
          const byte = bytes[at]!;
          if (byte === 0) {
            if (bytes[at + 1] !== 0xff) break;
            at++;
          }
          plain.byte(byte);
        }
        at++;
        const content = plain.bytes.slice(0, plain.length);
        list.push(type === TUPLE_STRING ? decodeText("tuple", content) : content);
        break;
      }
      case TUPLE_NESTED: {
        if (open.length === MAX_TUPLE_DEPTH) {
          throw new EncodingError("tuple", `tuples nest at most ${MAX_TUPLE_DEPTH} deep`);
        }
        const nested: TupleElement[] = [];
        list.push(nested);
        open.push(nested);
        list = nested;
        break;
      }
      case TUPLE_NUMBER:
        list.push(readNumber("tuple", bytes, at));
        at += 8;
        break;
      case TUPLE_BIGINT:
        list.push(readBigint("tuple", bytes, at));
        at = bigintEnd;
        break;
      default:
        throw new EncodingError("tuple", `0x${type.toString(16)} is no type of an element`);
    }
  }
  if (open.length > 1) throw new EncodingError("tuple", "a nested tuple is cut short");
  return root;
}

/** Names the method with which the module's own codecs write behind other bytes. */
const append = Symbol("append");

interface AppendingCodec<T> extends Codec<T> {
  [append](out: ByteWriter, value: T): void;
}

/** Taken while something is written, so that a getter of a value may encode something itself. */
let scratch: ByteWriter | undefined = new ByteWriter(256);
const MAX_SCRATCH_BYTES = 65_536;
const slab = new Slab();

/** What a codec makes of a value, behind other bytes. */
export function encodeBehind<T>(prefix: Uint8Array, codec: Codec<T>, value: T): Uint8Array {
  const write = (codec as Partial<AppendingCodec<T>>)[append];
  if (write === undefined) return concatBytes(prefix, codec.encode(value));
  const out = scratch ?? new ByteWriter(256);
  scratch = undefined;
  try {
    out.length = 0;
    out.range(prefix, 0, prefix.length);
    write(out, value);
    return slab.copy(out.bytes, 0, out.length);
  } finally {
    if (out.bytes.length <= MAX_SCRATCH_BYTES) scratch = out;
    else scratch = new ByteWriter(256);
  }
}

function appending<T>(
  name: string,
  write: (out: ByteWriter, value: T) => void,
  decode: (bytes: Uint8Array) => T,
): AppendingCodec<T> {
  const codec: AppendingCodec<T> = {
    name,
    [append]: write,
    encode: (value) => encodeBehind(EMPTY, codec, value),
    decode,
  };
  return codec;
}

/**
 * The codecs that come with the module, by name. A namespace takes one of these names or a
 * {@linkcode Codec} of the caller's own.
 *
 * @example
 * ```ts
 * import { codecs } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const key = codecs.tuple.encode(["orders", 42, null]);
 * assertEquals(codecs.tuple.decode(key), ["orders", 42, null]);
 * assertEquals(codecs.number.encode(1).length, 8);
 * ```
 */
export const codecs: { readonly [Name in keyof CodecTypes]: Codec<CodecTypes[Name]> } = {
  bytes: {
    name: "bytes",
    encode(value) {
      if (!(value instanceof Uint8Array)) throw new EncodingError("bytes", "it is no Uint8Array");
      return value;
    },
    decode: (bytes) => bytes,
  },
  utf8: appending<string>(
    "utf8",
    (out, value) => writeText(out, "utf8", value, false),
    (bytes) => decodeText("utf8", bytes),
  ),
  hex: {
    name: "hex",
    encode(value) {
      if (typeof value !== "string" || value.length % 2 === 1 || /[^0-9a-fA-F]/.test(value)) {
        throw new EncodingError("hex", "it is not pairs of hexadecimal digits");
      }
      return value === "" ? EMPTY : new Uint8Array(Buffer.from(value, "hex"));
    },
    decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex"),
  },
  json: {
    name: "json",
    encode(value) {
      let text: string | undefined;
      try {
        text = JSON.stringify(value);
      } catch (error) {
        throw new EncodingError("json", (error as Error).message, { cause: error });
      }
      if (text === undefined) {
        throw new EncodingError("json", `a value of type ${typeof value} has no JSON`);
      }
      return encoder.encode(text);
    },
    decode(bytes) {
      const text = decodeText("json", bytes);
      try {
        return JSON.parse(text);
      } catch (error) {
        throw new EncodingError("json", (error as Error).message, { cause: error });
      }
    },
  },
  number: appending<number>(
    "number",
    (out, value) => writeNumber(out, "number", value),
    (bytes) => {
      if (bytes.length !== 8) throw new EncodingError("number", "a number takes eight bytes");
      return readNumber("number", bytes, 0);
    },
  ),
  bigint: appending<bigint>(
    "bigint",
    (out, value) => writeBigint(out, "bigint", value),
    (bytes) => {
      const value = readBigint("bigint", bytes, 0);
      if (bigintEnd !== bytes.length) throw new EncodingError("bigint", "bytes follow it");
      return value;
    },
  ),
  tuple: appending<Tuple>("tuple", writeTuple, decodeTuple),
};

/** The codec that an encoding names, or the codec itself. */
export function codecOf<T>(encoding: keyof CodecTypes | Codec<T>): Codec<T> {
  if (typeof encoding !== "string") return encoding;
  if (!Object.hasOwn(codecs, encoding)) {
    throw new EncodingError(
      encoding,
      `there is none of this name, but ${Object.keys(codecs).join(", ")}`,
    );
  }
  return codecs[encoding] as unknown as Codec<T>;
}
