import { assertEquals, assertThrows } from "@std/assert";
import { applyDelta, DeltaIndex } from "./delta.ts";
import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { indexPack } from "./index_pack.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { MemorySource, PackFile } from "./pack_file.ts";
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
