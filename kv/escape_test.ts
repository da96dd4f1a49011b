import { assertEquals, assertThrows } from "@std/assert";
import { EncodingError, escapeBytes, unescapeBytes } from "./mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("`escapeBytes()` leaves printable text and escapes what could do harm", () => {
  assertEquals(escapeBytes(bytes("ab ü 中 😀 <b>")), "ab ü 中 😀 <b>");
  assertEquals(escapeBytes(bytes("a\n\t\x1b[2J\0")), "a\\x0a\\x09\\x1b[2J\\x00");
  assertEquals(escapeBytes(bytes("\u202eabc\u2028")), "\\xe2\\x80\\xaeabc\\xe2\\x80\\xa8");
  assertEquals(escapeBytes(bytes("\\x00")), "\\\\x00");
  assertEquals(escapeBytes(Uint8Array.of(97, 0xc3, 0x5c, 0xff)), "a\\xc3\\\\\\xff");
});

Deno.test("`unescapeBytes()` takes back what `escapeBytes()` gave, for any bytes", () => {
  let seed = 3;
  for (let round = 0; round < 2000; round++) {
    const value = Uint8Array.from({ length: round % 40 }, () => {
      seed = Math.imul(seed, 1664525) + 1013904223 | 0;
      return [seed >>> 24, 0x5c, 0x78, 0x61, 0xc3, 0xbc][(seed >>> 8) % 6]!;
    });
    const text = escapeBytes(value);
    assertEquals(unescapeBytes(text), value);
    // deno-lint-ignore no-control-regex -- none of these is left
    assertEquals(/[\0-\x1f\x7f]/.test(text), false);
  }
});

for (const text of ["\\", "a\\", "\\x", "\\x0", "\\x0g", "\\n"]) {
  Deno.test(`\`unescapeBytes()\` refuses ${text}`, () => {
    assertThrows(() => unescapeBytes(text), EncodingError);
  });
}
