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

/** A canonical Huffman code: short codes by table (symbol << 4 | length), long ones by counting. */
class Huffman {
  readonly fast: Uint16Array;
  readonly mask: number;
  readonly count = new Uint16Array(16);
  readonly symbols: Uint16Array;
  readonly #bits: number;
  readonly #next = new Uint16Array(16);

  constructor(size: number, bits: number) {
    this.symbols = new Uint16Array(size);
    this.fast = new Uint16Array(1 << bits);
    this.mask = (1 << bits) - 1;
    this.#bits = bits;
  }

  /** Builds from code lengths; returns the number of unused codes, negative when over-subscribed. */
  build(lengths: Uint8Array, from: number, n: number): number {
    const { count, symbols, fast } = this;
    const next = this.#next;
    const bits = this.#bits;
    const size = 1 << bits;
    count.fill(0);
    for (let i = from; i < from + n; i++) count[lengths[i]!]!++;
    let left = 1;
    for (let length = 1; length < 16; length++) {
      left = (left << 1) - count[length]!;
      if (left < 0) return left;
    }
    if (count[0] === n) left = 0;
    next[1] = 0;
    for (let length = 1; length < 15; length++) next[length + 1] = next[length]! + count[length]!;
    for (let i = 0; i < n; i++) {
      const length = lengths[from + i]!;
      if (length !== 0) symbols[next[length]!++] = i;
    }
    fast.fill(0);
    // Codes are counted up bit-reversed, because the stream has their first bit lowest.
    let reversed = 0, index = 0;
    for (let length = 1; length <= bits; length++) {
      const step = 1 << length;
      const top = step >> 1;
      for (let left = count[length]!; left > 0; left--) {
        const entry = (symbols[index++]! << 4) | length;
        for (let at = reversed; at < size; at += step) fast[at] = entry;
        let bit = top;
        while (reversed & bit) {
          reversed ^= bit;
          bit >>= 1;
        }
        reversed |= bit;
      }
    }
    return left;
  }

  /** Decodes a code that the table does not hold from 15 bits; 0 when there is no such code. */
  long(hold: number): number {
    const { count, symbols } = this;
    let value = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length++) {
      value |= hold & 1;
      hold >>>= 1;
      const n = count[length]!;
      if (value - n < first) return (symbols[index + (value - first)]! << 4) | length;
      index += n;
      first = (first + n) << 1;
      value <<= 1;
    }
    return 0;
  }
}

const fixedLiterals = new Huffman(288, 9);
const fixedDistances = new Huffman(32, 7);
{
  const lengths = new Uint8Array(288);
  lengths.fill(8, 0, 144);
  lengths.fill(9, 144, 256);
  lengths.fill(7, 256, 280);
  lengths.fill(8, 280, 288);
  fixedLiterals.build(lengths, 0, 288);
  fixedDistances.build(new Uint8Array(30).fill(5), 0, 30);
}
const dynamicLiterals = new Huffman(288, 9);
const dynamicDistances = new Huffman(32, 7);
const codeLengthCode = new Huffman(19, 7);
const codeLengths = new Uint8Array(320);

/** Thrown (as a `GitError`) when the input ended before the stream did. */
export const TRUNCATED = "deflate stream is truncated";

function bad(what: string): GitError {
  return corrupt(`inflate: ${what}`);
}

/** Whether the codes that were read can be used: complete, or a single code of one bit. */
function usable(code: Huffman, left: number, n: number): boolean {
  return left === 0 || (left > 0 && n === code.count[0]! + code.count[1]!);
}

/**
 * The decoder takes bits two bytes at a time and may look this far behind the end of its input;
 * what it finds there is never used.
 */
const MARGIN = 8;
const SCRATCH = 1 << 16;
let scratch: Uint8Array | undefined;

/** Above this size (bytes) a call into zlib is cheaper than decoding here. */
const LONG = 2048;

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
  if (!partial && out.length > LONG && longFailures < MAX_LONG_FAILURES) {
    return inflateLong(data, start, end, out);
  }
  const length = end - start;
  if (end + MARGIN <= data.length || length > SCRATCH) {
    return decode(data, start, end, out, partial);
  }
  scratch ??= new Uint8Array(SCRATCH + MARGIN);
  scratch.set(data.subarray(start, end));
  return decode(scratch, 0, length, out, partial) + start;
}

// One function with all state in local variables: spread over several, or kept in an object, it
// takes about three times as long.
function decode(
  data: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  partial: boolean,
): number {
  const size = out.length;
  if (end - start < 2) throw corrupt(TRUNCATED);
  const method = data[start]!, flags = data[start + 1]!;
  if ((method & 15) !== 8 || ((method << 8) | flags) % 31 !== 0 || (flags & 32)) {
    throw bad("incorrect header check");
  }
  let position = start + 2;
  let hold = 0, held = 0;
  let at = 0;
  let problem = "";
  let last = 0;
  stream:
  while (last === 0) {
    if (position - (held >> 3) >= end) throw corrupt(TRUNCATED);
    if (held < 16) {
      hold |= (data[position]! | (data[position + 1]! << 8)) << held;
      position += 2;
      held += 16;
    }
    last = hold & 1;
    const type = (hold >>> 1) & 3;
    hold >>>= 3;
    held -= 3;
    if (type === 0) {
      position -= held >> 3;
      hold = held = 0;
      if (position + 4 > end) throw corrupt(TRUNCATED);
      let length = data[position]! | (data[position + 1]! << 8);
      if (length !== (~(data[position + 2]! | (data[position + 3]! << 8)) & 0xffff)) {
        throw bad("stored block length");
      }
      position += 4;
      if (at + length > size) {
        if (!partial) throw bad("more data than announced");
        length = size - at;
      }
      if (position + length > end) throw corrupt(TRUNCATED);
      out.set(data.subarray(position, position + length), at);
      at += length;
      position += length;
      if (partial && at === size) return position;
      continue;
    }
    let literals = fixedLiterals, distances = fixedDistances;
    if (type === 3) {
      problem = "invalid block type";
      break;
    }
    if (type === 2) {
      literals = dynamicLiterals;
      distances = dynamicDistances;
      if (held < 16) {
        hold |= (data[position]! | (data[position + 1]! << 8)) << held;
        position += 2;
        held += 16;
      }
      const literalCount = (hold & 31) + 257;
      const distanceCount = ((hold >>> 5) & 31) + 1;
      const codes = ((hold >>> 10) & 15) + 4;
      hold >>>= 14;
      held -= 14;
      if (literalCount > 286 || distanceCount > 30) {
        problem = "too many codes";
        break;
      }
      codeLengths.fill(0, 0, 19);
      for (let i = 0; i < codes; i++) {
        if (held < 16) {
          hold |= (data[position]! | (data[position + 1]! << 8)) << held;
          position += 2;
          held += 16;
        }
        codeLengths[ORDER[i]!] = hold & 7;
        hold >>>= 3;
        held -= 3;
      }
      if (codeLengthCode.build(codeLengths, 0, 19) !== 0) {
        problem = "incomplete code length code";
        break;
      }
      const { fast, mask } = codeLengthCode;
      const total = literalCount + distanceCount;
      for (let i = 0; i < total;) {
        if (held < 16) {
          hold |= (data[position]! | (data[position + 1]! << 8)) << held;
          position += 2;
          held += 16;
        }
        const entry = fast[hold & mask]!;
        const symbol = entry >> 4;
        hold >>>= entry & 15;
        held -= entry & 15;
        if (symbol < 16) {
          codeLengths[i++] = symbol;
          continue;
        }
        let previous = 0;
        let repeat: number;
        if (symbol === 16) {
          if (i === 0) {
            problem = "no length to repeat";
            break stream;
          }
          previous = codeLengths[i - 1]!;
          repeat = 3 + (hold & 3);
          hold >>>= 2;
          held -= 2;
        } else if (symbol === 17) {
          repeat = 3 + (hold & 7);
          hold >>>= 3;
          held -= 3;
        } else {
          repeat = 11 + (hold & 127);
          hold >>>= 7;
          held -= 7;
        }
        if (i + repeat > total) {
          problem = "too many lengths";
          break stream;
        }
        while (repeat-- > 0) codeLengths[i++] = previous;
      }
      if (codeLengths[256] === 0) {
        problem = "no end of block code";
        break;
      }
      if (!usable(literals, literals.build(codeLengths, 0, literalCount), literalCount)) {
        problem = "incomplete literal code";
        break;
      }
      const left = distances.build(codeLengths, literalCount, distanceCount);
      if (!usable(distances, left, distanceCount)) {
        problem = "incomplete distance code";
        break;
      }
    }
    const literalTable = literals.fast, literalMask = literals.mask;
    const distanceTable = distances.fast, distanceMask = distances.mask;
    for (;;) {
      if (held < 16) {
        hold |= (data[position]! | (data[position + 1]! << 8)) << held;
        position += 2;
        held += 16;
      }
      let entry = literalTable[hold & literalMask]!;
      if (entry === 0) {
        entry = literals.long(hold);
        if (entry === 0) {
          problem = "invalid code";
          break stream;
        }
      }
      hold >>>= entry & 15;
      held -= entry & 15;
      const symbol = entry >> 4;
      if (symbol < 256) {
        if (at >= size) {
          if (partial) return position;
          problem = "more data than announced";
          break stream;
        }
        out[at++] = symbol;
        continue;
      }
      if (symbol === 256) {
        if (partial && at === size) return position;
        break;
      }
      if (held < 16) {
        hold |= (data[position]! | (data[position + 1]! << 8)) << held;
        position += 2;
        held += 16;
      }
      const extra = LENGTH_EXTRA[symbol - 257]!;
      let length = LENGTH_BASE[symbol - 257]! + (hold & ((1 << extra) - 1));
      hold >>>= extra;
      held -= extra;
      if (held < 16) {
        hold |= (data[position]! | (data[position + 1]! << 8)) << held;
        position += 2;
        held += 16;
      }
      entry = distanceTable[hold & distanceMask]!;
      if (entry === 0) {
        entry = distances.long(hold);
        if (entry === 0) {
          problem = "invalid code";
          break stream;
        }
      }
      hold >>>= entry & 15;
      held -= entry & 15;
      if (held < 16) {
        hold |= (data[position]! | (data[position + 1]! << 8)) << held;
        position += 2;
        held += 16;
      }
      const code = entry >> 4;
      const more = DISTANCE_EXTRA[code]!;
      const distance = DISTANCE_BASE[code]! + (hold & ((1 << more) - 1));
      hold >>>= more;
      held -= more;
      if (symbol > 285 || code > 29 || distance > at) {
        problem = symbol > 285
          ? "invalid length"
          : code > 29
          ? "invalid distance"
          : "distance too far back";
        break stream;
      }
      if (at + length > size) {
        if (!partial) {
          problem = "more data than announced";
          break stream;
        }
        length = size - at;
      }
      if (distance >= length && length > 48) {
        out.copyWithin(at, at - distance, at - distance + length);
        at += length;
      } else {
        const stop = at + length;
        for (let from = at - distance; at < stop;) out[at++] = out[from++]!;
      }
      if (partial && at === size) return position;
    }
  }
  position -= held >> 3;
  // What was made of bytes behind the end means nothing.
  if (position > end) throw corrupt(TRUNCATED);
  if (problem !== "") throw bad(problem);
  if (at !== size) {
    if (partial) throw corrupt(TRUNCATED);
    throw bad("less data than announced");
  }
  if (position + 4 > end) throw corrupt(TRUNCATED);
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

/** Where {@linkcode inflate} stopped. */
export const inflated = { end: 0 };

/**
 * Inflates the zlib stream at `data[start..end)` that makes exactly `size` bytes; where it stopped is
 * in {@linkcode inflated}. Throws `GitError` ("corrupt").
 */
export function inflate(data: Uint8Array, start: number, end: number, size: number): Uint8Array {
  if (size <= LONG || longFailures >= MAX_LONG_FAILURES) {
    const out = new Uint8Array(size);
    inflated.end = inflateInto(data, start, end, out);
    return out;
  }
  const buffer = callZlib(data, start, end, size);
  // Short ones come out of a pool, of which they would keep the whole.
  return buffer.buffer.byteLength > size + 64
    ? new Uint8Array(buffer)
    : new Uint8Array(buffer.buffer, buffer.byteOffset, size);
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

function callZlib(data: Uint8Array, start: number, end: number, size: number): Uint8Array {
  let result: InflateInfo;
  try {
    result = zlib().inflateSync(data.subarray(start, end), {
      info: true,
      maxOutputLength: size + 1,
      chunkSize: Math.min(size + 1, 1 << 20),
    }) as unknown as InflateInfo;
  } catch (error) {
    longFailures++;
    const code = (error as { code?: string }).code;
    if (code === "Z_BUF_ERROR") throw corrupt(TRUNCATED);
    if (code === "ERR_BUFFER_TOO_LARGE") throw bad("more data than announced");
    throw bad(error instanceof Error ? error.message : "damaged stream");
  }
  if (result.buffer.length !== size) {
    throw bad(`${result.buffer.length < size ? "less" : "more"} data than announced`);
  }
  inflated.end = start + result.engine.bytesWritten;
  return result.buffer;
}

function inflateLong(data: Uint8Array, start: number, end: number, out: Uint8Array): number {
  out.set(callZlib(data, start, end, out.length));
  return inflated.end;
}
