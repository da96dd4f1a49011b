import { assertEquals } from "@std/assert";
import { crc32c, maskCrc } from "./_crc32c.ts";

Deno.test("`crc32c()` gives the values of RFC 3720, appendix B.4", () => {
  assertEquals(crc32c(new Uint8Array(32), 0, 32), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff), 0, 32), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i), 0, 32), 0x46dd794e);
});

Deno.test("`crc32c()` continues from the CRC of what came before", () => {
  const bytes = new TextEncoder().encode("hello world, and some more bytes");
  const head = crc32c(bytes, 0, 6);
  assertEquals(crc32c(bytes, 6, bytes.length - 6, head), crc32c(bytes, 0, bytes.length));
  assertEquals(maskCrc(0), 0xa282ead8);
});
