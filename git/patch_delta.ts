/**
 * Deltas in binary patches, exactly as Git makes them, since a patch is compared by its bytes:
 * blocks of 16 bytes of the old content are found again by a Rabin fingerprint (Rabin 1981) that
 * rolls over the new content.
 *
 * @module
 */
const WINDOW = 16;
/** A polynomial of degree 31. */
const POLYNOMIAL = 0xab59b4d1;
const SHIFT = 23;
/** Most blocks with one hash. */
const MAX_BUCKET = 64;
/** A match of this many bytes is good enough. */
const GOOD_MATCH = 4096;
const MAX_LITERAL = 127;
const MAX_COPY = 0x10000;

/** What the bits that leave a fingerprint at its top come to. */
const TOP = new Uint32Array(256);
/** What the byte that leaves the window has come to. */
const GONE = new Uint32Array(256);

{
  // x^(31 + k) modulo the polynomial, for the eight bits that are shifted out.
  const powers: number[] = [(POLYNOMIAL & 0x7fffffff) >>> 0];
  for (let k = 1; k < 8; k++) {
    const next = (powers[k - 1]! << 1) >>> 0;
    powers.push(next > 0x7fffffff ? (next ^ POLYNOMIAL) >>> 0 : next);
  }
  for (let i = 0; i < 256; i++) {
    let value = (i << 31) >>> 0;
    for (let k = 0; k < 8; k++) if ((i >> k) & 1) value = (value ^ powers[k]!) >>> 0;
    TOP[i] = value;
  }
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let k = 1; k < WINDOW; k++) value = roll(value, 0);
    GONE[i] = value;
  }
}

function roll(value: number, byte: number): number {
  return (((value << 8) | byte) ^ TOP[value >>> SHIFT]!) >>> 0;
}

function fingerprint(data: Uint8Array, from: number): number {
  let value = 0;
  for (let i = 0; i < WINDOW; i++) value = roll(value, data[from + i]!);
  return value;
}

/** Blocks of a content by their fingerprints: for each bucket where they end, lowest first. */
interface BlockIndex {
  mask: number;
  /** Where a bucket starts in the arrays, and one more. */
  starts: Int32Array;
  ends: Int32Array;
  values: Uint32Array;
}

function indexBlocks(data: Uint8Array): BlockIndex {
  const blocks = Math.floor((data.length - 1) / WINDOW);
  let bits = 4;
  while (2 ** bits < Math.floor(blocks / 4)) bits++;
  const size = 2 ** bits, mask = size - 1;
  const heads = new Int32Array(size).fill(-1);
  const counts = new Int32Array(size);
  const next = new Int32Array(blocks), ends = new Int32Array(blocks);
  const values = new Uint32Array(blocks);
  let used = 0;
  let previous = 0xffffffff;
  for (let at = (blocks - 1) * WINDOW; at >= 0; at -= WINDOW) {
    const value = fingerprint(data, at + 1);
    if (value === previous) {
      // Of equal blocks in a row the first counts.
      ends[used - 1] = at + WINDOW;
      continue;
    }
    previous = value;
    const bucket = value & mask;
    ends[used] = at + WINDOW;
    values[used] = value;
    next[used] = heads[bucket]!;
    heads[bucket] = used++;
    counts[bucket]!++;
  }
  for (let bucket = 0; bucket < size; bucket++) {
    const extra = counts[bucket]! - MAX_BUCKET;
    if (extra <= 0) continue;
    // Too many: some are left out, evenly.
    let debt = 0;
    for (let at = heads[bucket]!; at >= 0;) {
      debt += extra;
      if (debt > 0) {
        const keep = at;
        do {
          at = next[at]!;
          debt -= MAX_BUCKET;
        } while (debt > 0);
        next[keep] = next[at]!;
      }
      at = next[at]!;
    }
  }
  const starts = new Int32Array(size + 1);
  const sortedEnds = new Int32Array(used), sortedValues = new Uint32Array(used);
  let to = 0;
  for (let bucket = 0; bucket < size; bucket++) {
    starts[bucket] = to;
    for (let at = heads[bucket]!; at >= 0; at = next[at]!) {
      sortedEnds[to] = ends[at]!;
      sortedValues[to++] = values[at]!;
    }
  }
  starts[size] = to;
  return { mask, starts, ends: sortedEnds, values: sortedValues };
}

/** A delta from one content to another; `undefined` when it would be longer than `limit` (bytes). */
export function patchDelta(
  from: Uint8Array,
  to: Uint8Array,
  limit: number,
): Uint8Array | undefined {
  const { mask, starts, ends, values } = indexBlocks(from);
  let out = new Uint8Array(Math.min(8192, limit + 64));
  let size = 0;
  const room = (): void => {
    if (size + 32 <= out.length) return;
    const grown = new Uint8Array(out.length * 2);
    grown.set(out);
    out = grown;
  };
  for (let rest of [from.length, to.length]) {
    for (; rest >= 128; rest = Math.floor(rest / 128)) out[size++] = (rest % 128) | 128;
    out[size++] = rest;
  }
  let at = 0, value = 0;
  // A place for the number of literal bytes comes before them.
  size++;
  for (; at < WINDOW && at < to.length; at++) {
    out[size++] = to[at]!;
    value = roll(value, to[at]!);
  }
  let literal = at;
  let offset = 0, length = 0;
  while (at < to.length) {
    room();
    if (length < GOOD_MATCH) {
      value = roll((value ^ GONE[to[at - WINDOW]!]!) >>> 0, to[at]!);
      const bucket = value & mask;
      for (let k = starts[bucket]!; k < starts[bucket + 1]!; k++) {
        if (values[k] !== value) continue;
        const start = ends[k]!;
        const most = Math.min(from.length - start, to.length - at);
        if (most <= length) break;
        let n = 0;
        while (n < most && to[at + n] === from[start + n]) n++;
        if (n > length) {
          length = n;
          offset = start;
          if (length >= GOOD_MATCH) break;
        }
      }
    }
    if (length < 4) {
      if (literal === 0) size++;
      out[size++] = to[at++]!;
      if (++literal === MAX_LITERAL) {
        out[size - literal - 1] = literal;
        literal = 0;
      }
      length = 0;
    } else {
      if (literal > 0) {
        // A match may begin earlier than the block that led to it.
        let gone = false;
        while (offset > 0 && from[offset - 1] === to[at - 1]) {
          length++;
          offset--;
          at--;
          size--;
          if (--literal > 0) continue;
          size--;
          gone = true;
          break;
        }
        if (!gone) out[size - literal - 1] = literal;
        literal = 0;
      }
      const left = Math.max(0, length - MAX_COPY);
      length -= left;
      const op = size++;
      let flags = 128;
      for (let k = 0; k < 4; k++) {
        const byte = (offset >>> (8 * k)) & 255;
        if (byte === 0) continue;
        out[size++] = byte;
        flags |= 1 << k;
      }
      for (let k = 0; k < 2; k++) {
        const byte = (length >>> (8 * k)) & 255;
        if (byte === 0) continue;
        out[size++] = byte;
        flags |= 16 << k;
      }
      out[op] = flags;
      at += length;
      offset += length;
      length = left;
      if (length < GOOD_MATCH) value = fingerprint(to, at - WINDOW);
    }
    if (size > limit + 64) return undefined;
  }
  if (literal > 0) out[size - literal - 1] = literal;
  return size > limit ? undefined : out.subarray(0, size);
}
