import { assert, assertEquals, assertRejects } from "@std/assert";
import { crc32c, maskCrc } from "./_crc32c.ts";
import { readFixed32, writeFixed32 } from "./_bytes.ts";
import { snappyDecompress } from "./_snappy.ts";
import { CorruptionError, Database, KvError, LimitError, MemoryFileSystem } from "./mod.ts";

const soak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

function random(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995;
  return (limit) => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return Math.floor((state >>> 8) / 2 ** 24 * limit);
  };
}

interface Files {
  readonly values: Map<string, string>;
  readonly files: { name: string; data: Uint8Array }[];
}

/** A database with tables on two levels, a manifest with edits and a log with batches. */
async function sample(): Promise<Files> {
  const fileSystem = new MemoryFileSystem();
  const values = new Map<string, string>();
  await using db = await Database.open("/db", { fileSystem, memtableBytes: 8000, blockBytes: 400 });
  for (let i = 0; i < 500; i++) {
    values.set(`k${i}`, `v${i}`.repeat(i % 30));
    await db.put(bytes(`k${i}`), bytes(values.get(`k${i}`)!), { sync: i % 50 === 0 });
  }
  await db.close();
  const files = fileSystem.list("/db").filter((name) => name !== "LOCK")
    .map((name) => ({ name, data: fileSystem.contents(`/db/${name}`).slice() }));
  for (const kind of [/ldb$/, /log$/, /^MANIFEST/]) {
    assert(files.some(({ name, data }) => kind.test(name) && data.length > 100));
  }
  return { values, files };
}

function restore({ files }: Files, changed: string, data: Uint8Array): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/db");
  for (const file of files) {
    fileSystem.create(`/db/${file.name}`).append(file.name === changed ? data : file.data);
  }
  return fileSystem;
}

/** Opens and reads all of it in every way; gives the entries, or undefined for a refusal. */
async function readAll(
  fileSystem: MemoryFileSystem,
  forged = false,
): Promise<[string, string][] | undefined> {
  try {
    await using db = await Database.open("/db", { fileSystem });
    const entries = [...db.iterator()].map((
      [key, value],
    ): [string, string] => [text(key), text(value)]);
    // Keys that were forged out of order may show from one side only.
    const backward = [...db.keys({ reverse: true })];
    if (!forged) assertEquals(backward.length, entries.length);
    for (let i = 0; i < 500; i += 7) db.getSync(bytes(`k${i}`));
    return entries;
  } catch (error) {
    // A bad table that compaction found first makes the database read-only, which closing reports.
    const cause = error instanceof KvError && error.code === "KV_READ_ONLY" ? error.cause : error;
    if (cause instanceof CorruptionError) return undefined;
    throw error;
  }
}

Deno.test("`Database` answers bit flips and truncations with `CorruptionError` or the truth", async () => {
  const origin = await sample();
  const first = soak ? Date.now() % 1e9 : 7;
  let refused = 0;
  for (let run = 0; run < (soak ? 20_000 : 250); run++) {
    const next = random(first + run);
    const { name, data } = origin.files[next(origin.files.length)]!;
    const damaged = data.slice(0, next(3) === 0 ? next(data.length) : data.length);
    if (damaged.length > 0 && next(4) > 0) damaged[next(damaged.length)]! ^= 1 << next(8);
    if (next(10) === 0) crypto.getRandomValues(damaged);
    try {
      const entries = await readAll(restore(origin, name, damaged));
      if (entries === undefined) refused++;
      else for (const [key, value] of entries) assertEquals(value, origin.values.get(key));
    } catch (error) {
      throw new Error(`run ${first + run}, ${name}`, { cause: error });
    }
  }
  assert(refused > 20, `${refused} refusals`);
});

/** Changes bytes of records or blocks and mends their sums, so that what is inside gets parsed. */
function forge(name: string, data: Uint8Array, next: (limit: number) => number): Uint8Array {
  const forged = data.slice();
  const change = (start: number, length: number) => {
    for (let count = 1 + next(3); count > 0 && length > 0; count--) {
      forged[start + next(length)] = [0, 1, 127, 128, 255, next(256)][next(6)]!;
    }
  };
  if (!name.endsWith("ldb")) {
    for (let at = 0; at + 7 <= forged.length;) {
      const length = forged[at + 4]! | forged[at + 5]! << 8;
      if (at + 7 + length > forged.length) break;
      if (next(4) === 0) {
        change(at + 7, length);
        writeFixed32(forged, at, maskCrc(crc32c(forged, at + 6, length + 1)));
      }
      at += 7 + length;
    }
    return forged;
  }
  // Blocks are found by their sums: each ends where the sum of what is behind the last one fits.
  for (let start = 0, end = 0; end + 5 <= forged.length; end++) {
    if (maskCrc(crc32c(data, start, end - start + 1)) !== readFixed32(data, end + 1)) continue;
    if (next(3) === 0) {
      change(start, end - start + 1);
      writeFixed32(forged, end + 1, maskCrc(crc32c(forged, start, end - start + 1)));
    }
    start = end + 5;
    end = start;
  }
  if (next(4) === 0) change(forged.length - 48, 40);
  return forged;
}

Deno.test("`Database` answers forged records and blocks with values or `CorruptionError`", async () => {
  const origin = await sample();
  const first = soak ? Date.now() % 1e9 : 3;
  const targets = origin.files.filter(({ name }) => name !== "CURRENT");
  for (let run = 0; run < (soak ? 10_000 : 100); run++) {
    const next = random(first + run);
    const { name, data } = targets[next(targets.length)]!;
    const started = performance.now();
    try {
      await readAll(restore(origin, name, forge(name, data, next)), true);
    } catch (error) {
      throw new Error(`run ${first + run}, ${name}`, { cause: error });
    }
    assert(performance.now() - started < 10_000, `run ${first + run} took too long`);
  }
});

Deno.test("`Database.repair()` makes something that opens of any damage", async () => {
  const origin = await sample();
  const first = soak ? Date.now() % 1e9 : 5;
  for (let run = 0; run < (soak ? 3000 : 40); run++) {
    const next = random(first + run);
    const { name, data } = origin.files[next(origin.files.length)]!;
    const damaged = next(2) === 0 ? forge(name, data, next) : data.slice(0, next(data.length));
    const fileSystem = restore(origin, name, damaged);
    try {
      await Database.repair("/db", { fileSystem });
      await using db = await Database.open("/db", { fileSystem });
      assertEquals((await db.verify()).problems, []);
      assert([...db.keys()].length > 0);
    } catch (error) {
      throw new Error(`run ${first + run}, ${name}`, { cause: error });
    }
  }
});

Deno.test("`snappyDecompress()` refuses what claims more than it can hold before allocating", () => {
  const claims = (length: number[]) => Uint8Array.of(...length, 0, 65);
  assertEquals(snappyDecompress(claims([255, 255, 255, 255, 15]), 0, 7), undefined);
  assertEquals(snappyDecompress(claims([255, 255, 255, 255, 255]), 0, 7), undefined);
  // 64 bytes of output for three of input is the most that the format allows.
  const bomb = new Uint8Array(3000);
  bomb.set([0x80, 0x80, 0x40]);
  assertEquals(snappyDecompress(bomb, 0, bomb.length), undefined);
});

Deno.test("`Database.write()` refuses what is too large before anything is written", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await Database.open("/db", { fileSystem });
  const { changes } = fileSystem;
  const key = new Uint8Array(65537);
  const limit = await assertRejects(() => db.delete(key), LimitError);
  assertEquals([limit.what, limit.limit, limit.actual], ["key", 65536, 65537]);
  // A view that says so is enough: nothing reads the bytes before the check.
  const huge = (length: number) =>
    new Proxy(new Uint8Array(0), { get: (_, name) => name === "length" ? length : undefined });
  const value = await assertRejects(() => db.put(bytes("a"), huge(2 ** 30 + 1)), LimitError);
  assertEquals([value.what, value.actual], ["value", 2 ** 30 + 1]);
  const half = huge(2 ** 29 + 2 ** 20);
  const batch = await assertRejects(
    () => db.batch().put(bytes("a"), half).put(bytes("b"), half).write(),
    LimitError,
  );
  assertEquals(batch.what, "batch");
  assertEquals([db.sequence, fileSystem.changes], [0, changes]);
  await db.put(new Uint8Array(65536), bytes("the longest key"));
  await db.put(new Uint8Array(0), bytes("the shortest"));
  assertEquals(text(db.getSync(new Uint8Array(0))!), "the shortest");
});
