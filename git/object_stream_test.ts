import { assertEquals, assertRejects } from "@std/assert";
import { deflateSync } from "node:zlib";
import { GitError } from "./errors.ts";
import { FileObjectStore } from "./file_object_store.ts";
import { hashObject, SHA1 } from "./hash_algorithm.ts";
import { openObjectStream, PIECE_SIZE } from "./object_stream.ts";
import { formatPackIndex } from "./pack_index.ts";
import { indexPack } from "./index_pack.ts";
import { MemorySource } from "./pack_file.ts";
import { writePack } from "./pack_writer.ts";
import { concatBytes, fromByteString } from "./_bytes.ts";

/** Pieces of a blob that nobody has as a whole. */
function* made(size: number): Generator<Uint8Array> {
  const piece = new Uint8Array(PIECE_SIZE);
  let state = 1;
  for (let at = 0; at < size; at += piece.length) {
    for (let i = 0; i < piece.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      piece[i] = state >>> 28;
    }
    yield piece.slice(0, Math.min(piece.length, size - at));
  }
}

async function read(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) {
    assertEquals(piece.length > 0 && piece.length <= PIECE_SIZE, true);
    parts.push(piece.slice());
  }
  return concatBytes(parts);
}

async function inStore(test: (store: FileObjectStore) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/pack`);
    using store = new FileObjectStore(directory, SHA1, { fsync: false });
    await test(store);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("`FileObjectStore.writeStream()` and `openStream()` keep a loose blob in pieces", async () => {
  await inStore(async (store) => {
    const whole = concatBytes([...made(1_000_003)]);
    const id = await store.writeStream("blob", whole.length, made(1_000_003));
    assertEquals(id, hashObject(SHA1, "blob", whole));
    assertEquals(store.read(id)!.data, whole);
    const stream = openObjectStream(store, id)!;
    assertEquals([stream.type, stream.size], ["blob", whole.length]);
    assertEquals(await read(stream.pieces), whole);
    // Storing it again changes nothing and leaves nothing behind.
    assertEquals(await store.writeStream("blob", whole.length, made(1_000_003)), id);
    const names = Array.from(Deno.readDirSync(store.directory), ({ name }) => name).sort();
    assertEquals(names, [id.slice(0, 2), "pack"].sort());
    // A reader that stops early leaves no file open.
    for await (const piece of openObjectStream(store, id)!.pieces) {
      assertEquals(piece.length > 0, true);
      break;
    }
    assertEquals(openObjectStream(store, "0".repeat(40)), undefined);
    const small = store.write("blob", fromByteString("small"));
    assertEquals(
      await read(openObjectStream(store, small)!.pieces),
      new TextEncoder().encode("small"),
    );
    await assertRejects(() => store.writeStream("blob", 10, made(11)), GitError);
    assertEquals(Array.from(Deno.readDirSync(store.directory)).length, 3);
  });
});

Deno.test("`FileObjectStore.openStream()` reads a packed blob in pieces, deltas too", async () => {
  await inStore(async (store) => {
    const first = concatBytes([...made(400_000)]);
    const second = concatBytes([first.subarray(0, 300_000), fromByteString("changed"), first]);
    const ids = [store.write("blob", first), store.write("blob", second)];
    const parts: Uint8Array[] = [];
    writePack(store, ids.map((id) => ({ id, path: "f" })), (data) => void parts.push(data.slice()));
    const pack = concatBytes(parts);
    const { entries, checksum } = indexPack(new MemorySource(pack), SHA1);
    Deno.writeFileSync(`${store.directory}/pack/pack-x.pack`, pack);
    const index = formatPackIndex(entries, checksum, SHA1);
    Deno.writeFileSync(`${store.directory}/pack/pack-x.idx`, index);
    for (const id of ids) {
      Deno.removeSync(`${store.directory}/${id.slice(0, 2)}`, { recursive: true });
    }
    using packed = new FileObjectStore(store.directory, SHA1);
    assertEquals(await read(openObjectStream(packed, ids[0]!)!.pieces), first);
    assertEquals(await read(openObjectStream(packed, ids[1]!)!.pieces), second);
  });
});

Deno.test("`FileObjectStore.openStream()` throws for damaged, short, long and wrong objects", async () => {
  await inStore(async (store) => {
    const whole = concatBytes([...made(300_000)]);
    const id = hashObject(SHA1, "blob", whole);
    const content = (size: number, data: Uint8Array): Uint8Array =>
      new Uint8Array(deflateSync(concatBytes([fromByteString(`blob ${size}\0`), data])));
    const right = content(whole.length, whole);
    const flipped = right.slice();
    flipped[right.length >> 1]! ^= 1;
    const other = whole.slice();
    other[5]! ^= 1;
    Deno.mkdirSync(`${store.directory}/${id.slice(0, 2)}`);
    for (
      const [file, message] of [
        [right.subarray(0, right.length >> 1), "inflate"],
        [flipped, ""],
        [content(whole.length, other), "hash mismatch"],
        [content(whole.length + 9, whole), "shorter"],
        [content(whole.length - 9, whole), "longer"],
      ] as const
    ) {
      Deno.writeFileSync(`${store.directory}/${id.slice(0, 2)}/${id.slice(2)}`, file);
      const error = await assertRejects(
        async () => await read(openObjectStream(store, id)!.pieces),
        GitError,
        message,
      );
      assertEquals(error.code, "corrupt");
    }
  });
});

Deno.test({
  name: "`FileObjectStore` writes and reads a blob of 512 MiB in little memory",
  ignore: Deno.env.get("GROUNDWORK_SOAK") !== "1",
  async fn() {
    await inStore(async (store) => {
      const size = 512 * 1024 * 1024;
      const before = Deno.memoryUsage().rss;
      const id = await store.writeStream("blob", size, made(size));
      let length = 0, most = 0;
      for await (const piece of openObjectStream(store, id)!.pieces) {
        length += piece.length;
        if (length % (1 << 24) < PIECE_SIZE) most = Math.max(most, Deno.memoryUsage().rss);
      }
      assertEquals(length, size);
      assertEquals(most - before < 256 * 1024 * 1024, true, `${most - before} bytes more`);
    });
  },
});
