import { assertEquals, assertThrows } from "@std/assert";
import { GitError } from "./errors.ts";
import { SHA1, SHA256 } from "./hash_algorithm.ts";
import { inflateInto } from "./_inflate.ts";
import { formatMultiPackIndex, MultiPackIndex } from "./multi_pack_index.ts";
import { MemorySource } from "./pack_file.ts";
import { formatPackIndex, PackIndex } from "./pack_index.ts";

Deno.test("`PackIndex` reads offsets of 64 bits from their own table", () => {
  for (const algorithm of [SHA1, SHA256]) {
    const offsets = [12, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, 2 ** 40 + 5];
    const entries = offsets.map((offset, i) => ({
      id: String(i).repeat(algorithm.hexSize),
      offset,
      crc: i,
    }));
    const data = formatPackIndex(entries, new Uint8Array(algorithm.rawSize), algorithm);
    const index = new PackIndex(data, data.length, algorithm);
    assertEquals(index.verify(), true);
    assertEquals([...index.offsets()], offsets);
    for (const [i, { id, offset }] of entries.entries()) {
      assertEquals([index.find(id), index.offset(i), index.crc(i)], [i, offset, i]);
    }
    assertEquals(index.find("f".repeat(algorithm.hexSize)), -1);
    // An index into that table which is past its end.
    const bad = data.slice();
    const at = 8 + 1024 + 6 * (algorithm.rawSize + 4) + 2 * 4;
    bad.set([0x80, 0, 0, 9], at);
    assertThrows(() => new PackIndex(bad, bad.length, algorithm).offset(2), GitError, "outside");
  }
});

Deno.test("`PackIndex` refuses a fan-out that goes back", () => {
  const entries = [{ id: "1".repeat(40), offset: 12, crc: 0 }];
  const data = formatPackIndex(entries, new Uint8Array(20), SHA1);
  data[8 + 4 * 5 + 3] = 1;
  assertThrows(() => new PackIndex(data, data.length, SHA1), GitError, "non-monotonic");
});

Deno.test("`MultiPackIndex` refuses a pack that it does not name", () => {
  const id = "1".repeat(40);
  const of = (pack: number): MultiPackIndex => {
    const data = formatMultiPackIndex(["pack-1.idx"], [{ id, offset: 12, pack }], SHA1);
    return new MultiPackIndex(new MemorySource(data), SHA1);
  };
  assertEquals(of(0).find(id), { pack: 0, offset: 12 });
  assertEquals(assertThrows(() => of(1).find(id), GitError).code, "corrupt");
});

/** A zlib stream of one block with the fixed code: bits in the order of the stream. */
function fixedBlock(bits: string): Uint8Array {
  const all = `110${bits}`;
  const out = [0x78, 0x9c];
  for (let at = 0; at < all.length; at += 8) {
    out.push(parseInt([...all.slice(at, at + 8).padEnd(8, "0")].reverse().join(""), 2));
  }
  return Uint8Array.from([...out, 0, 0, 0, 0]);
}

Deno.test("`inflateInto()` refuses a distance that leads before the start, by one byte too", () => {
  // The letter a, then three bytes from so far back, then the end of the block.
  const stream = (distance: string): Uint8Array =>
    fixedBlock(`10010001${"0000001"}${distance}${"0000000"}`);
  const near = stream("00000"), far = stream("00001");
  const out = new Uint8Array(4);
  inflateInto(near, 0, near.length, out, true);
  assertEquals([...out], [97, 97, 97, 97]);
  assertThrows(
    () => inflateInto(far, 0, far.length, new Uint8Array(4), true),
    GitError,
    "distance",
  );
});
