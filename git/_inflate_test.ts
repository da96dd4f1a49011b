import { assertEquals, assertThrows } from "@std/assert";
import { constants, deflateSync } from "node:zlib";
import { inflate, inflated, inflateInto } from "./_inflate.ts";
import { GitError } from "./errors.ts";

/** Bytes that compress in different ways; `seed` makes them reproducible. */
function* samples(seed: number): Generator<Uint8Array> {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
  for (const size of [0, 1, 2, 60, 257, 300, 900, 1024, 1025, 5000, 70_000]) {
    yield Uint8Array.from({ length: size }, () => random(256));
    yield Uint8Array.from({ length: size }, () => 97 + random(4));
    yield Uint8Array.from({ length: size }, (_, i) => i % 7 === 0 ? random(256) : 65 + (i % 23));
    yield new Uint8Array(size).fill(random(256));
  }
}

Deno.test("`inflateInto()` gives back what zlib made, at every level and strategy", () => {
  const seed = 7;
  for (const data of samples(seed)) {
    for (
      const options of [
        { level: 0 },
        { level: 1 },
        { level: 6 },
        { level: 9 },
        { strategy: constants.Z_FIXED },
        { strategy: constants.Z_HUFFMAN_ONLY },
        { strategy: constants.Z_RLE },
      ]
    ) {
      const packed = deflateSync(data, options);
      const where = `seed ${seed}, ${data.length} bytes, ${JSON.stringify(options)}`;
      // In the middle of other bytes, and at the very end of the buffer.
      for (const after of [0, 3, 40]) {
        const input = new Uint8Array(5 + packed.length + after).fill(0xff);
        input.set(packed, 5);
        const out = new Uint8Array(data.length);
        assertEquals(inflateInto(input, 5, input.length, out), 5 + packed.length, where);
        assertEquals(out, data, where);
        assertEquals(inflate(input, 5, input.length, data.length), data, where);
        assertEquals(inflated.end, 5 + packed.length, where);
      }
      const half = new Uint8Array(data.length >> 1);
      inflateInto(packed, 0, packed.length, half, true);
      assertEquals(half, data.subarray(0, half.length), where);
    }
  }
});

Deno.test("`inflateInto()` refuses streams that are cut, damaged, or of another size", () => {
  for (const data of samples(11)) {
    if (data.length > 1100) continue;
    const packed = new Uint8Array(deflateSync(data));
    const step = Math.max(1, packed.length >> 5);
    for (let cut = 0; cut < packed.length; cut += step) {
      // What lies behind the cut must not be taken for the rest of the stream.
      const error = assertThrows(
        () => inflateInto(packed, 0, cut, new Uint8Array(data.length)),
        GitError,
      );
      assertEquals(error.message, "deflate stream is truncated");
    }
    for (const size of [data.length - 1, data.length + 1]) {
      if (size < 0) continue;
      assertThrows(() => inflateInto(packed, 0, packed.length, new Uint8Array(size)), GitError);
    }
    for (let at = 0; at < packed.length; at += step) {
      const damaged = packed.slice();
      damaged[at]! ^= 0x10;
      const out = new Uint8Array(data.length);
      try {
        inflateInto(damaged, 0, damaged.length, out);
        assertEquals(out, data);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
      }
    }
  }
});
