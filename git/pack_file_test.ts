import { assert, assertEquals, assertThrows } from "@std/assert";
import { deflateSync } from "node:zlib";
import { applyDelta, DeltaIndex } from "./delta.ts";
import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { indexPack, packEntryHeader } from "./index_pack.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { MemorySource, OFS_DELTA, PackFile, REF_DELTA } from "./pack_file.ts";
import { writePack } from "./pack_writer.ts";
import { concatBytes } from "./_bytes.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("`writePack()` makes deltas that `indexPack()` and `PackFile.read()` undo", () => {
  const store = new MemoryObjectStore();
  const ids: string[] = [];
  let text = Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join("");
  for (let i = 0; i < 120; i++) {
    text = text.replace(`line ${i}\n`, `changed ${i * 7}\n`);
    ids.push(store.write("blob", encode(text)));
  }
  const parts: Uint8Array[] = [];
  writePack(store, ids.map((id) => ({ id, path: "f" })), (data) => void parts.push(data), {
    depth: 100,
  });
  const bytes = concatBytes(parts);
  const { entries } = indexPack(new MemorySource(bytes), SHA1);
  assertEquals(new Set(entries.map((entry) => entry.id)), new Set(ids));
  const pack = new PackFile(new MemorySource(bytes), SHA1);
  assertEquals(entries.filter((entry) => pack.header(entry.offset).type === 6).length > 100, true);
  for (const entry of entries) {
    assertEquals(pack.read(entry.offset, () => undefined).data, store.read(entry.id)!.data);
  }
});

Deno.test("`applyDelta()` refuses deltas that lie", () => {
  const base = encode("0123456789");
  for (
    const delta of [
      [10, 5, 0x91, 8, 5],
      [10, 5, 0],
      [10, 5, 3, 65, 66],
      [9, 1, 1, 65],
      [10, 2, 1, 65],
      [10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      [10],
      [],
    ]
  ) assertThrows(() => applyDelta(base, Uint8Array.from(delta)), GitError);
  // A copy of size zero means 0x10000.
  const long = new Uint8Array(0x10000).fill(7);
  assertEquals(
    applyDelta(long, Uint8Array.from([0x80, 0x80, 4, 0x80, 0x80, 4, 0x80])).length,
    0x10000,
  );
});

Deno.test("`DeltaIndex.make()` gives up beyond its limit", () => {
  const random = crypto.getRandomValues(new Uint8Array(1000));
  assertEquals(new DeltaIndex(encode("x".repeat(1000))).make(random, 100), undefined);
});

/** A pack of the given entries: type, what names the base, and the inflated content. */
function packOf(
  entries: [type: number, base: Uint8Array, content: Uint8Array][],
  count = entries.length,
) {
  const offsets: number[] = [];
  const parts: Uint8Array[] = [Uint8Array.of(0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, count)];
  let at = 12;
  for (const [type, base, content] of entries) {
    offsets.push(at);
    const entry = concatBytes([packEntryHeader(type, content.length), base, deflateSync(content)]);
    parts.push(entry);
    at += entry.length;
  }
  const body = concatBytes(parts);
  const bytes = concatBytes([body, sha1(body)]);
  return { bytes, offsets };
}

function sha1(data: Uint8Array): Uint8Array {
  const hasher = SHA1.create(data.length);
  hasher.update(data);
  return hasher.digest();
}

/** Bytes with a right checksum at their end. */
function sealed(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, bytes.length - 20);
  return concatBytes([body, sha1(body)]);
}

const NONE = new Uint8Array(0);

Deno.test("`indexPack()` refuses a pack that is cut anywhere", () => {
  const { bytes } = packOf([
    [3, NONE, encode("hello hello hello\n")],
    [OFS_DELTA, Uint8Array.of(28), Uint8Array.of(18, 6, 0x90, 6)],
  ]);
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.slice(0, length);
    for (const input of length > 32 ? [cut, sealed(cut)] : [cut]) {
      assertThrows(
        () => indexPack(new MemorySource(input), SHA1),
        GitError,
        undefined,
        `${length}`,
      );
    }
  }
});

Deno.test("`indexPack()` survives every flipped bit with a `GitError` or another object", () => {
  const store = new MemoryObjectStore();
  const text = "one two three four five six seven eight nine ten\n".repeat(4);
  const objects = ["", "x", "yy"].map((end) => ({ id: store.write("blob", encode(text + end)) }));
  const parts: Uint8Array[] = [];
  writePack(store, objects, (data) => void parts.push(data));
  const bytes = concatBytes(parts);
  const original = indexPack(new MemorySource(bytes), SHA1).entries.map(({ id }) => id).join();
  let same = 0;
  for (let bit = 0; bit < (bytes.length - 20) * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assertThrows(() => indexPack(new MemorySource(flipped), SHA1), GitError);
    try {
      const { entries } = indexPack(new MemorySource(sealed(flipped)), SHA1);
      if (entries.map(({ id }) => id).join() === original) same++;
    } catch (error) {
      assert(error instanceof GitError, `bit ${bit}: ${error}`);
    }
  }
  // Version 3 of the format, and bits of the zlib headers and of padding, say nothing about content.
  assert(same < 200, `${same} flips went unnoticed`);
});

Deno.test("`indexPack()` refuses circles of deltas, and bases that are not there", () => {
  const id = (digit: string) => Uint8Array.from({ length: 20 }, () => parseInt(digit + digit, 16));
  const delta = Uint8Array.of(1, 1, 1, 65);
  for (
    const entries of [
      [[REF_DELTA, id("1"), delta], [REF_DELTA, id("2"), delta]],
      [[REF_DELTA, id("0"), delta]],
      // Into the middle of another entry.
      [[3, NONE, encode("hello")], [OFS_DELTA, Uint8Array.of(5), delta]],
    ] as [number, Uint8Array, Uint8Array][][]
  ) {
    const { bytes } = packOf(entries);
    assertThrows(() => indexPack(new MemorySource(bytes), SHA1), GitError, "unresolved delta");
    assertThrows(
      () => indexPack(new MemorySource(bytes), SHA1, { store: new MemoryObjectStore() }),
      GitError,
      "unresolved delta",
    );
  }
});

Deno.test("`indexPack()` refuses sizes, counts, and instructions that lie", () => {
  const long = encode("0123456789".repeat(10));
  const base: [number, Uint8Array, Uint8Array] = [3, NONE, long];
  const at = (delta: number[]) => {
    const first = packOf([base]).bytes.length - 20 - 12;
    return packOf([base, [OFS_DELTA, Uint8Array.of(first), Uint8Array.from(delta)]]).bytes;
  };
  assertEquals(indexPack(new MemorySource(at([100, 10, 0x90, 10])), SHA1).count, 2);
  for (
    const delta of [
      [99, 10, 0x90, 10],
      [100, 11, 0x90, 10],
      [100, 9, 0x90, 10],
      [100, 10, 0x91, 95, 10],
      [100, 10, 5, 65],
      [100, 10, 0],
    ]
  ) assertThrows(() => indexPack(new MemorySource(at(delta)), SHA1), GitError, "delta");
  const { bytes } = packOf([base]);
  for (const count of [0, 2, 200]) {
    const other = bytes.slice();
    other[11] = count;
    assertThrows(() => indexPack(new MemorySource(sealed(other)), SHA1), GitError);
  }
  const trailing = concatBytes([bytes.subarray(0, bytes.length - 20), encode("junk")]);
  const whole = sealed(concatBytes([trailing, new Uint8Array(20)]));
  assertThrows(() => indexPack(new MemorySource(whole), SHA1), GitError, "junk");
  // The entry says 101 bytes, its stream has 100.
  const lying = bytes.slice();
  lying[12]! += 1;
  assertThrows(() => indexPack(new MemorySource(sealed(lying)), SHA1), GitError, "announced");
});

Deno.test("`indexPack()` refuses what inflates beyond a limit before it takes the memory", () => {
  const zeros = new Uint8Array(4 << 20);
  const { bytes } = packOf([[3, NONE, zeros]]);
  assertEquals(indexPack(new MemorySource(bytes), SHA1).count, 1);
  const error = assertThrows(
    () => indexPack(new MemorySource(bytes), SHA1, { maxObjectSize: 1 << 20 }),
    GitError,
  );
  assertEquals(error.code, "limit");
  // A delta of some bytes that makes 16 MiB of copies of its base.
  const base = new Uint8Array(65536);
  const first = packOf([[3, NONE, base]]).bytes.length - 32;
  const copies = new Uint8Array(256).fill(0x80);
  const delta = concatBytes([Uint8Array.of(0x80, 0x80, 4, 0x80, 0x80, 0x80, 8), copies]);
  const bomb = packOf([[3, NONE, base], [OFS_DELTA, Uint8Array.of(first), delta]]).bytes;
  assertEquals(indexPack(new MemorySource(bomb), SHA1).count, 2);
  assertThrows(
    () => indexPack(new MemorySource(bomb), SHA1, { maxObjectSize: 1 << 20 }),
    GitError,
    "over the limit",
  );
});

Deno.test("`indexPack()` makes long chains and wide trees of deltas in little memory", () => {
  // Every object is the base of the next and of a second one; nothing of it fits into the cache.
  const size = 3000, depth = 300;
  const entries: [number, Uint8Array, Uint8Array][] = [[3, NONE, new Uint8Array(size).fill(97)]];
  const starts = [12];
  let end = packOf(entries).bytes.length - 20;
  const distance = (value: number) => {
    const out = [value % 128];
    while ((value = Math.floor(value / 128)) > 0) out.unshift(0x80 | (--value % 128));
    return Uint8Array.from(out);
  };
  const push = (base: number, letter: number) => {
    const delta = Uint8Array.of(0xb8, 0x17, 0xb8, 0x17, 1, letter, 0xb1, 1, 0xb7, 0x0b);
    const name = distance(end - base);
    entries.push([OFS_DELTA, name, delta]);
    starts.push(end);
    end += packEntryHeader(OFS_DELTA, delta.length).length + name.length +
      deflateSync(delta).length;
  };
  let base = 12;
  for (let i = 0; i < depth; i++) {
    push(base, i % 200);
    push(base, 255 - i % 50);
    base = starts[starts.length - 2]!;
  }
  const { bytes } = packOf(entries, 0);
  new DataView(bytes.buffer).setUint32(8, entries.length);
  const source = new MemorySource(sealed(bytes));
  const roomy = indexPack(source, SHA1);
  const tight = indexPack(source, SHA1, { cacheSize: 8 * size });
  assertEquals(tight.rawIds, roomy.rawIds);
  assertEquals(tight.count, 2 * depth + 1);
});
