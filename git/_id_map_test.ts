import { assertEquals } from "@std/assert";
import { IdMap } from "./_id_map.ts";
import { toHex } from "./_bytes.ts";

Deno.test("`IdMap` numbers ids in the order they come and finds them again", () => {
  for (const rawSize of [20, 32]) {
    const map = new IdMap(rawSize, 1);
    const data = new Uint8Array(5000 * rawSize + 3);
    let state = 1;
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      data[i] = state >>> 16;
    }
    // Many ids that differ in nothing but their last byte, too.
    for (let i = 0; i < 200; i++) {
      data.fill(9, 3 + i * rawSize, 3 + (i + 1) * rawSize);
      data[2 + (i + 1) * rawSize] = i;
    }
    const view = new DataView(data.buffer);
    for (let i = 0; i < 5000; i++) {
      const at = 3 + i * rawSize;
      assertEquals(map.find(view, at), -1);
      assertEquals(map.add(view, at), i);
      assertEquals(map.size, i + 1);
    }
    const out = new Uint8Array(rawSize * 2 + 2);
    for (let i = 0; i < 5000; i++) {
      const at = 3 + i * rawSize;
      assertEquals(map.find(view, at), i);
      assertEquals(map.add(view, at), i);
      const hex = toHex(data, at, at + rawSize);
      assertEquals(map.hex(i), hex);
      assertEquals(map.writeHex(i, out, 1), 1 + rawSize * 2);
      assertEquals(new TextDecoder().decode(out.subarray(1, -1)), hex);
      assertEquals(map.flags(i), 0);
      map.set(i, 1 << (i % 3));
      map.set(i, 8);
      assertEquals(map.flags(i), 8 | (1 << (i % 3)));
    }
  }
});
