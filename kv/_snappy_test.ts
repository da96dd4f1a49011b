import { assertEquals } from "@std/assert";
import { snappyBound, snappyCompress, snappyDecompress } from "./_snappy.ts";

Deno.test("`snappyDecompress()` restores what `snappyCompress()` wrote", () => {
  for (const length of [0, 1, 14, 15, 60, 61, 300, 4096, 65536, 65537, 200_000]) {
    for (const modulus of [1, 7, 251, 65_521]) {
      const input = Uint8Array.from({ length }, (_, i) => (i * i % modulus) & 255);
      const output = new Uint8Array(snappyBound(length));
      const size = snappyCompress(input, 0, length, output);
      assertEquals(snappyDecompress(output, 0, size), input, `length ${length}, mod ${modulus}`);
    }
  }
});

Deno.test("`snappyDecompress()` refuses a bomb, a truncation and a copy from before the start", () => {
  assertEquals(
    snappyDecompress(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f, 0]), 0, 6),
    undefined,
  );
  assertEquals(snappyDecompress(new Uint8Array([5, 4 << 2, 1, 2]), 0, 4), undefined);
  assertEquals(snappyDecompress(new Uint8Array([4, 0x01, 0x01]), 0, 3), undefined);
});
