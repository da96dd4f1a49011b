import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concatBytes } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { FileObjectStore } from "./file_object_store.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { indexPack } from "./index_pack.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { MemorySource, OFS_DELTA, PackFile, REF_DELTA } from "./pack_file.ts";
import { packChunks, packStream, writePack, writePackFile, writePackFiles } from "./pack_writer.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Versions of a file that differ in a line each. */
function versions(store: MemoryObjectStore, count: number): string[] {
  let text = Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join("");
  return Array.from({ length: count }, (_, i) => {
    text = text.replace(`line ${i}\n`, `changed ${i * 7}\n`);
    return store.write("blob", encode(text));
  });
}

/** A store of files with a pack of everything in `source`. */
function packed(
  source: MemoryObjectStore,
  ids: readonly string[],
  options = {},
): { store: FileObjectStore; directory: string } & Disposable {
  const directory = Deno.makeTempDirSync();
  Deno.mkdirSync(`${directory}/pack`);
  writePackFile(source, ids.map((id) => ({ id, path: "f" })), `${directory}/pack/pack`, {
    fsync: false,
    ...options,
  });
  const store = new FileObjectStore(directory, SHA1);
  return {
    store,
    directory,
    [Symbol.dispose]() {
      store.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

function collect(chunks: Iterable<Uint8Array>): Uint8Array {
  return concatBytes([...chunks]);
}

Deno.test("`packChunks()` copies stored deltas as they are", () => {
  const memory = new MemoryObjectStore();
  const ids = versions(memory, 60);
  using from = packed(memory, ids);
  const objects = ids.map((id) => ({ id, path: "f" }));
  const written = writePack(from.store, objects, () => {}, { window: 0 });
  assertEquals([written.count, written.reused], [60, 60]);
  assert(written.reusedDeltas > 50);
  assertEquals(written.deltas, written.reusedDeltas);
  const bytes = collect(packChunks(from.store, objects, { window: 0 }));
  const pack = new PackFile(new MemorySource(bytes), SHA1);
  const { entries } = indexPack(new MemorySource(bytes), SHA1);
  assertEquals(new Set(entries.map((entry) => entry.id)), new Set(ids));
  for (const { id, offset } of entries) {
    assertEquals(pack.read(offset, () => undefined).data, memory.read(id)!.data);
  }
  const fresh = writePack(from.store, objects, () => {}, { reuseDeltas: false, window: 0 });
  assertEquals(fresh.deltas, 0);
});

Deno.test("`packChunks()` cuts stored chains that are longer than asked for", () => {
  const memory = new MemoryObjectStore();
  const ids = versions(memory, 60);
  using from = packed(memory, ids);
  const objects = ids.map((id) => ({ id, path: "f" }));
  const bytes = collect(packChunks(from.store, objects, { depth: 3 }));
  const pack = new PackFile(new MemorySource(bytes), SHA1);
  const depths = new Map<number, number>();
  for (const { offset } of indexPack(new MemorySource(bytes), SHA1).entries) {
    const { type, baseOffset } = pack.header(offset);
    depths.set(offset, type === OFS_DELTA ? depths.get(baseOffset)! + 1 : 0);
  }
  assertEquals(Math.max(...depths.values()), 3);
});

Deno.test("`packChunks()` breaks circles of deltas from several packs", () => {
  const memory = new MemoryObjectStore();
  const [x, y] = ["a", "b"].map((letter) =>
    memory.write("blob", encode("some text that is in both\n".repeat(20) + letter))
  ) as [string, string];
  // Of objects of one size the first is the base.
  using one = packed(memory, [x, y]);
  using two = packed(memory, [y, x]);
  assertEquals(one.store.locate(y)!.deltaBase, x);
  assertEquals(two.store.locate(x)!.deltaBase, y);
  const mixed = new FileObjectStore(one.directory, SHA1);
  mixed.packed = (id) => (id === x ? two : one).store.packed(id);
  const bytes = collect(packChunks(mixed, [{ id: x }, { id: y }], { window: 0 }));
  const { entries } = indexPack(new MemorySource(bytes), SHA1);
  const pack = new PackFile(new MemorySource(bytes), SHA1);
  assertEquals(entries.map((entry) => pack.header(entry.offset).type).sort(), [3, OFS_DELTA]);
  mixed.close();
});

Deno.test("`packChunks()` makes thin packs against what the receiver has", () => {
  const memory = new MemoryObjectStore();
  const [old, young] = versions(memory, 2) as [string, string];
  const tree = (id: string): Uint8Array =>
    concatBytes([encode("100644 f\0"), Uint8Array.from(id.match(/../g)!, (x) => parseInt(x, 16))]);
  const oldTree = memory.write("tree", tree(old));
  const oldCommit = memory.write(
    "commit",
    encode(`tree ${oldTree}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nold\n`),
  );
  const objects = [{ id: young, path: "f" }];
  const bytes = collect(packChunks(memory, objects, { boundary: [oldCommit] }));
  const header = new PackFile(new MemorySource(bytes), SHA1).header(12);
  assertEquals([header.type, header.baseId], [REF_DELTA, old]);
  assertEquals(
    indexPack(new MemorySource(bytes), SHA1, { store: memory }).entries[0]!.id,
    young,
  );
  // A stored delta goes along when the receiver has its base.
  using from = packed(memory, [old, young]);
  const { deltaBase } = from.store.locate(young)!;
  const [base, child] = deltaBase === SHA1.zero ? [young, old] : [old, young];
  const copied = collect(
    packChunks(from.store, [{ id: child }], { window: 0, receiverHas: (id) => id === base }),
  );
  const copiedHeader = new PackFile(new MemorySource(copied), SHA1).header(12);
  assertEquals([copiedHeader.type, copiedHeader.baseId], [REF_DELTA, base]);
});

Deno.test("`packChunks()` does not copy an entry whose bytes are damaged", () => {
  const memory = new MemoryObjectStore();
  const id = memory.write("blob", crypto.getRandomValues(new Uint8Array(500)));
  using from = packed(memory, [id]);
  const name =
    [...Deno.readDirSync(`${from.directory}/pack`)].find((entry) => entry.name.endsWith(".pack"))!
      .name;
  const path = `${from.directory}/pack/${name}`;
  Deno.chmodSync(path, 0o644);
  const bytes = Deno.readFileSync(path);
  bytes[100]! ^= 1;
  Deno.writeFileSync(path, bytes);
  assertThrows(() => collect(packChunks(from.store, [{ id }])), GitError);
});

Deno.test("`packStream()` gives the bytes of `packChunks()` and stops when cancelled", async () => {
  const memory = new MemoryObjectStore();
  const objects = versions(memory, 30).map((id) => ({ id, path: "f" }));
  const whole = collect(packChunks(memory, objects));
  assertEquals(
    new Uint8Array(await new Response(packStream(memory, objects)).arrayBuffer()),
    whole,
  );
  const stream = packStream(memory, objects);
  await stream.cancel();
  const failing = packStream(memory, [{ id: "1".repeat(40) }]);
  await assertRejects(() => new Response(failing).arrayBuffer(), GitError, "unable to read");
});

Deno.test("`packChunks()` stops when its signal is aborted", () => {
  const memory = new MemoryObjectStore();
  const objects = versions(memory, 5).map((id) => ({ id, path: "f" }));
  assertThrows(
    () => collect(packChunks(memory, objects, { signal: AbortSignal.abort(new Error("enough")) })),
    Error,
    "enough",
  );
});

Deno.test("`writePackFiles()` begins another pack at a limit of size", () => {
  const memory = new MemoryObjectStore();
  const ids = Array.from(
    { length: 7 },
    () => memory.write("blob", crypto.getRandomValues(new Uint8Array(10_000))),
  );
  const directory = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${directory}/pack`);
    const packs = writePackFiles(memory, ids.map((id) => ({ id })), `${directory}/pack/pack`, {
      fsync: false,
      sizeLimit: 25_000,
    });
    assertEquals(packs.map(({ count }) => count), [2, 2, 2, 1]);
    for (const { path, count } of packs) {
      const bytes = Deno.readFileSync(`${path}.pack`);
      assert(bytes.length <= 25_000);
      assertEquals(indexPack(new MemorySource(bytes), SHA1).count, count);
    }
    using store = new FileObjectStore(directory, SHA1);
    for (const id of ids) assertEquals(store.read(id)!.data, memory.read(id)!.data);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
