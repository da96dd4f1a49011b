/**
 * Inflate (RFC 1950, RFC 1951) into a buffer of known size. Git says how long an object is, so
 * output never grows beyond what was announced, and the end of the stream inside a pack is exact.
 * For the small objects that packs are full of this is several times cheaper than a call into
 * zlib; long ones go to zlib.
 *
 * @module
 */
import { corrupt, type GitError } from "./errors.ts";
import { zlib } from "./_builtins.ts";

const LENGTH_BASE = new Uint16Array([
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  13,
  15,
  17,
  19,
  23,
  27,
  31,
  35,
  43,
  51,
  59,
  67,
  83,
  99,
  115,
  131,
  163,
  195,
  227,
  258,
  0,
  0,
]);
const LENGTH_EXTRA = new Uint8Array([
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
  0,
  0,
]);
const DISTANCE_BASE = new Uint16Array([
  1,
  2,
  3,
  4,
  5,
  7,
  9,
  13,
  17,
  25,
  33,
  49,
  65,
  97,
  129,
  193,
  257,
  385,
  513,
  769,
  1025,
  1537,
  2049,
  3073,
  4097,
  6145,
  8193,
  12289,
  16385,
  24577,
  0,
  0,
]);
const DISTANCE_EXTRA = new Uint8Array([
  0,
  0,
  0,
  0,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  5,
  6,
  6,
  7,
  7,
  8,
  8,
  9,
  9,
  10,
  10,
  11,
  11,
  12,
  12,
  13,
  13,
  0,
  0,
]);
const ORDER = new Uint8Array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

const FAST_BITS = 9;
const FAST_SIZE = 1 << FAST_BITS;

/** A canonical Huffman code: short codes by table (symbol << 4 | length), long ones by counting. */
class Huffman {
  readonly fast = new Uint16Array(FAST_SIZE);
  readonly count = new Uint16Array(16);
  readonly symbols: Uint16Array;
  readonly #offsets = new Uint16Array(16);

  constructor(size: number) {
    this.symbols = new Uint16Array(size);
  }

  /** Builds from code lengths; returns the number of unused codes, negative when over-subscribed. */
  build(lengths: Uint8Array, from: number, n: number): number {
    const { count, symbols, fast } = this;
    const offsets = this.#offsets;
    count.fill(0);
    for (let i = 0; i < n; i++) count[lengths[from + i]!]!++;
    let left = 1;
    for (let length = 1; length < 16; length++) {
      left <<= 1;
      left -= count[length]!;
      if (left < 0) return left;
    }
    if (count[0] === n) left = 0;
    offsets[1] = 0;
    for (let length = 1; length < 15; length++) {
      offsets[length + 1] = offsets[length]! + count[length]!;
    }
    for (let i = 0; i < n; i++) {
      const length = lengths[from + i]!;
      if (length !== 0) symbols[offsets[length]!++] = i;
    }
    fast.fill(0);
    let code = 0, index = 0;
    for (let length = 1; length <= FAST_BITS; length++) {
      const c = count[length]!;
      const step = 1 << length;
      for (let k = 0; k < c; k++, code++, index++) {
        let reversed = 0;
        for (let b = 0; b < length; b++) reversed |= ((code >> b) & 1) << (length - 1 - b);
        const entry = (symbols[index]! << 4) | length;
        for (let at = reversed; at < FAST_SIZE; at += step) fast[at] = entry;
      }
      code <<= 1;
    }
    return left;
  }
}

const fixedLiterals = new Huffman(288);
const fixedDistances = new Huffman(32);
{
  const lengths = new Uint8Array(288);
  lengths.fill(8, 0, 144);
  lengths.fill(9, 144, 256);
  lengths.fill(7, 256, 280);
  lengths.fill(8, 280, 288);
  fixedLiterals.build(lengths, 0, 288);
  fixedDistances.build(new Uint8Array(30).fill(5), 0, 30);
}
const dynamicLiterals = new Huffman(288);
const dynamicDistances = new Huffman(32);
const codeLengthCode = new Huffman(19);
const codeLengths = new Uint8Array(320);

/** Thrown (as a `GitError`) when the input ended before the stream did. */
export const TRUNCATED = "deflate stream is truncated";

function bad(what: string): GitError {
  return corrupt(`inflate: ${what}`);
}

// The decoder's state lives in module variables: a closure or an object per call costs more than
// decoding a 100-byte delta.
let source: Uint8Array = new Uint8Array(0);
let position = 0;
let limit = 0;
let hold = 0;
let held = 0;

function needBits(n: number): number {
  while (held < n) {
    if (position >= limit) throw corrupt(TRUNCATED);
    hold |= source[position++]! << held;
    held += 8;
  }
  const value = hold & ((1 << n) - 1);
  hold >>>= n;
  held -= n;
  return value;
}

function slowSymbol(code: Huffman): number {
  let value = 0, first = 0, index = 0;
  for (let length = 1; length < 16; length++) {
    value |= needBits(1);
    const count = code.count[length]!;
    if (value - count < first) return code.symbols[index + (value - first)]!;
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  throw bad("invalid code");
}

function readSymbol(code: Huffman): number {
  while (held < 15 && position < limit) {
    hold |= source[position++]! << held;
    held += 8;
  }
  const entry = code.fast[hold & (FAST_SIZE - 1)]!;
  const length = entry & 15;
  if (length !== 0 && length <= held) {
    hold >>>= length;
    held -= length;
    return entry >> 4;
  }
  return slowSymbol(code);
}

function readDynamic(): void {
  const literals = needBits(5) + 257;
  const distances = needBits(5) + 1;
  const codes = needBits(4) + 4;
  if (literals > 286 || distances > 30) throw bad("too many codes");
  codeLengths.fill(0, 0, 19);
  for (let i = 0; i < codes; i++) codeLengths[ORDER[i]!] = needBits(3);
  if (codeLengthCode.build(codeLengths, 0, 19) !== 0) throw bad("incomplete code length code");
  let i = 0;
  while (i < literals + distances) {
    const symbol = readSymbol(codeLengthCode);
    if (symbol < 16) {
      codeLengths[i++] = symbol;
      continue;
    }
    let previous = 0;
    let repeat: number;
    if (symbol === 16) {
      if (i === 0) throw bad("no length to repeat");
      previous = codeLengths[i - 1]!;
      repeat = 3 + needBits(2);
    } else if (symbol === 17) repeat = 3 + needBits(3);
    else repeat = 11 + needBits(7);
    if (i + repeat > literals + distances) throw bad("too many lengths");
    while (repeat-- > 0) codeLengths[i++] = previous;
  }
  if (codeLengths[256] === 0) throw bad("no end of block code");
  const left = dynamicLiterals.build(codeLengths, 0, literals);
  if (
    left !== 0 && (left < 0 || literals !== dynamicLiterals.count[0]! + dynamicLiterals.count[1]!)
  ) {
    throw bad("incomplete literal code");
  }
  const leftDistances = dynamicDistances.build(codeLengths, literals, distances);
  if (
    leftDistances !== 0 &&
    (leftDistances < 0 || distances !== dynamicDistances.count[0]! + dynamicDistances.count[1]!)
  ) throw bad("incomplete distance code");
}

/**
 * Inflates the zlib stream at `data[start..end)` into `out`.
 *
 * With `partial` it stops once `out` is full and checks nothing after that. Otherwise the stream
 * must produce exactly `out.length` bytes, and its checksum must agree.
 *
 * Returns the position after the stream. Throws `GitError` ("corrupt").
 */
export function inflateInto(
  data: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  partial = false,
): number {
  if (!partial && out.length > 32768 && longFailures < MAX_LONG_FAILURES) {
    return inflateLong(data, start, end, out);
  }
  source = data;
  limit = end;
  if (end - start < 2) throw corrupt(TRUNCATED);
  const method = data[start]!;
  if (
    (method & 15) !== 8 || ((method << 8) | data[start + 1]!) % 31 !== 0 || (data[start + 1]! & 32)
  ) {
    throw bad("incorrect header check");
  }
  position = start + 2;
  hold = 0;
  held = 0;
  let at = 0;
  const size = out.length;
  for (;;) {
    const last = needBits(1);
    const type = needBits(2);
    if (type === 0) {
      hold = 0;
      position -= held >> 3;
      held = 0;
      if (position + 4 > limit) throw corrupt(TRUNCATED);
      let length = data[position]! | (data[position + 1]! << 8);
      if (length !== (~(data[position + 2]! | (data[position + 3]! << 8)) & 0xffff)) {
        throw bad("stored block length");
      }
      position += 4;
      if (at + length > size) {
        if (!partial) throw bad("more data than announced");
        length = size - at;
      }
      if (position + length > limit) throw corrupt(TRUNCATED);
      out.set(data.subarray(position, position + length), at);
      at += length;
      position += length;
      if (partial && at === size) return position;
    } else {
      if (type === 3) throw bad("invalid block type");
      if (type === 2) readDynamic();
      const literals = type === 1 ? fixedLiterals : dynamicLiterals;
      const distances = type === 1 ? fixedDistances : dynamicDistances;
      for (;;) {
        const symbol = readSymbol(literals);
        if (symbol < 256) {
          if (at === size) {
            if (partial) return position;
            throw bad("more data than announced");
          }
          out[at++] = symbol;
        } else if (symbol === 256) {
          break;
        } else {
          if (symbol > 285) throw bad("invalid length");
          let length = LENGTH_BASE[symbol - 257]! + needBits(LENGTH_EXTRA[symbol - 257]!);
          const code = readSymbol(distances);
          if (code > 29) throw bad("invalid distance");
          const distance = DISTANCE_BASE[code]! + needBits(DISTANCE_EXTRA[code]!);
          if (distance > at) throw bad("distance too far back");
          if (at + length > size) {
            if (!partial) throw bad("more data than announced");
            length = size - at;
          }
          if (distance >= length && length > 16) {
            out.copyWithin(at, at - distance, at - distance + length);
            at += length;
          } else {
            for (let from = at - distance; length > 0; length--) out[at++] = out[from++]!;
          }
        }
        if (partial && at === size) return position;
      }
    }
    if (last === 1) break;
  }
  if (at !== size) {
    if (partial) throw corrupt(TRUNCATED);
    throw bad("less data than announced");
  }
  position -= held >> 3;
  if (position + 4 > limit) throw corrupt(TRUNCATED);
  let a = 1, b = 0;
  for (let i = 0; i < size;) {
    const stop = Math.min(size, i + 3800);
    for (; i < stop; i++) {
      a += out[i]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  if (
    data[position] !== b >> 8 || data[position + 1] !== (b & 255) ||
    data[position + 2] !== a >> 8 ||
    data[position + 3] !== (a & 255)
  ) throw bad("incorrect data check");
  return position + 4;
}

/**
 * A failed call of zlib holds its buffers (up to 1 MiB) until the event loop turns, which a walk over
 * many damaged objects does not let it do: after this many the decoder above does all the work.
 */
const MAX_LONG_FAILURES = 32;
let longFailures = 0;

interface InflateInfo {
  buffer: Uint8Array;
  engine: { bytesWritten: number };
}

function inflateLong(data: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let result: InflateInfo;
  try {
    result = zlib().inflateSync(data.subarray(start, end), {
      info: true,
      maxOutputLength: out.length + 1,
      chunkSize: Math.min(out.length + 1, 1 << 20),
    }) as unknown as InflateInfo;
  } catch (error) {
    longFailures++;
    const code = (error as { code?: string }).code;
    if (code === "Z_BUF_ERROR") throw corrupt(TRUNCATED);
    if (code === "ERR_BUFFER_TOO_LARGE") throw bad("more data than announced");
    throw bad(error instanceof Error ? error.message : "damaged stream");
  }
  if (result.buffer.length !== out.length) {
    throw bad(`${result.buffer.length < out.length ? "less" : "more"} data than announced`);
  }
  out.set(result.buffer);
  return start + result.engine.bytesWritten;
}
