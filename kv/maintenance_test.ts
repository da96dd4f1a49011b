import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ChangesGoneError,
  type CommittedBatch,
  CorruptionError,
  Database,
  DatabaseClosedError,
  DatabaseExistsError,
  DatabaseLockedError,
  DatabaseNotFoundError,
  DatabaseOptionsError,
  LimitError,
  MemoryFileSystem,
  OrderError,
  RealFileSystem,
} from "./mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);
const key = (i: number) => bytes(String(i).padStart(6, "0"));
const keysOf = (db: Database) => [...db.keys()].map((key) => text(key));

/** A database with several levels: every key written three times, one in five deleted. */
async function fill(db: Database, count = 3000): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < count; i++) await db.put(key(i), bytes(`${round}-${i}`.padEnd(40, "x")));
  }
  for (let i = 0; i < count; i += 5) await db.delete(key(i));
}

Deno.test("`Database.ingest()` shows a sorted run at once, newer than what was written", async () => {
  const fileSystem = new MemoryFileSystem();
  const db = await Database.open("/db", { fileSystem, memtableBytes: 20_000 });
  await fill(db, 400);
  const commits: CommittedBatch[] = [];
  using _listener = db.onCommit((batch) => commits.push(batch));
  using snapshot = db.snapshot();
  async function* run(): AsyncGenerator<[Uint8Array, Uint8Array]> {
    for (let i = 0; i < 500; i++) {
      if (i === 250) await db.put(key(0), bytes("older than the run"));
      yield [key(i), bytes(`ingested ${i}`)];
    }
  }
  assertEquals(await db.ingest(run()), 500);
  for (let i = 0; i < 500; i++) assertEquals(text(db.getSync(key(i))), `ingested ${i}`);
  assertEquals(db.getSync(key(0), { snapshot }), undefined);
  assertEquals(text(db.getSync(key(1), { snapshot })), "2-1".padEnd(40, "x"));
  assertEquals(commits.at(-1), {
    sequence: db.sequence,
    operations: [],
    ingested: { first: key(0), last: key(499) },
  });
  await db.put(key(1), bytes("later"));
  await db.compactRange();
  assertEquals(await db.ingest([[bytes("zz"), bytes("far")]]), 1);
  assertEquals(db.stats().levels.map(({ tables }) => tables).findLastIndex((n) => n > 0), 6);
  const after = fileSystem.crash(() => 0); // an ingest is durable without a sync
  await db.close();
  await using reopened = await Database.open("/db", { fileSystem: after });
  assertEquals(text(reopened.getSync(key(0))), "ingested 0");
  assertEquals(text(reopened.getSync(bytes("zz"))), "far");
  assertEquals((await reopened.verify()).problems, []);
});

Deno.test("`Database.ingest()` refuses a run that is not sorted, and leaves nothing behind", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await Database.open("/db", { fileSystem });
  const before = fileSystem.list("/db");
  const run: [Uint8Array, Uint8Array][] = [[key(1), key(1)], [key(2), key(2)], [key(2), key(3)]];
  const error = await assertRejects(() => db.ingest(run), OrderError);
  assertEquals(error.index, 2);
  await assertRejects(() => db.ingest([[new Uint8Array(65537), key(1)]]), LimitError);
  await assertRejects(
    () => db.ingest([], { signal: AbortSignal.abort(new Error("no")) }),
    Error,
    "no",
  );
  assertEquals([fileSystem.list("/db"), db.sequence], [before, 0]);
  assertEquals(await db.ingest([]), 0);
});

Deno.test("`Database.compactRange()` drops what is deleted, and `approximateSize()` sees it", async () => {
  await using db = await Database.open("/db", {
    fileSystem: new MemoryFileSystem(),
    memtableBytes: 30_000,
    compression: "none",
  });
  await fill(db);
  await db.compactRange();
  const { levels } = db.stats();
  assertEquals(levels.filter(({ tables }) => tables > 0).length, 1);
  const whole = db.approximateSize();
  assert(whole > 2400 * 40 && whole < 2400 * 80, `${whole} bytes`);
  const half = db.approximateSize({ from: key(0), to: key(1500) });
  assert(Math.abs(half - whole / 2) < whole / 10, `${half} of ${whole}`);
  assertEquals(db.approximateSize({ from: bytes("a") }), 0);
  await db.deleteRange(key(100), key(2900));
  await db.compactRange({ from: key(0), to: key(9999) });
  assertEquals(keysOf(db).length, 160);
  assert(db.approximateSize() < whole / 10);
});

Deno.test("`Database.checkpoint()` copies the state of one moment while writes go on", async () => {
  for (const fileSystem of [new MemoryFileSystem(), new RealFileSystem()]) {
    const path = fileSystem instanceof RealFileSystem ? await Deno.makeTempDir() : "/top";
    await using db = await Database.open(`${path}/db`, { fileSystem, memtableBytes: 20_000 });
    await fill(db, 500);
    const expected = [...db.iterator()];
    const copying = db.checkpoint(`${path}/copy`);
    await db.put(bytes("later"), bytes("1"));
    await copying;
    await assertRejects(() => db.checkpoint(`${path}/copy`), DatabaseExistsError);
    {
      await using copy = await Database.open(`${path}/copy`, { fileSystem });
      assertEquals([...copy.iterator()], expected);
      await copy.put(bytes("own"), bytes("1"), { sync: true });
      assertEquals((await copy.verify()).problems, []);
    }
    assertEquals(db.getSync(bytes("own")), undefined);
    await db.close();
    if (fileSystem instanceof RealFileSystem) await Deno.remove(path, { recursive: true });
  }
});

Deno.test("`Database.verify()` names the table and the block of each damage", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await Database.open("/db", { fileSystem, memtableBytes: 20_000 });
  await fill(db, 500);
  await db.compactRange();
  const sound = await db.verify();
  assertEquals([sound.problems, sound.entries], [[], 400]);
  const name = fileSystem.list("/db").filter((name) => name.endsWith(".ldb")).sort()[0]!;
  fileSystem.contents(`/db/${name}`)[3]! ^= 1;
  const { problems } = await db.verify();
  assertEquals(problems.map(({ file, offset }) => [file, offset]), [[`/db/${name}`, 0]]);
  const stop = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => db.verify({ signal: stop }), Error, "enough");
});

Deno.test("`Database.repair()` saves what can be read and keeps deleted keys deleted", async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { fileSystem, memtableBytes: 30_000, blockBytes: 512 };
  {
    await using db = await Database.open("/db", options);
    await fill(db, 2000);
  }
  const tables = () => fileSystem.list("/db").filter((name) => name.endsWith(".ldb")).sort();
  fileSystem.contents(`/db/${tables()[0]!}`)[40]! ^= 1;
  await assertRejects(async () => {
    await using db = await Database.open("/db", options);
    await db.compactRange();
  });
  const report = await Database.repair("/db", { fileSystem });
  assert(report.problems.length >= 1 && report.problems.length < 3);
  {
    await using db = await Database.open("/db", options);
    const keys = new Set(keysOf(db));
    assert(keys.size > 1500 && keys.size <= 1620, `${keys.size} keys`);
    assertEquals((await db.verify()).problems, []);
    for (let i = 0; i < 2000; i++) {
      const value = text(db.getSync(key(i)));
      if (value !== undefined) assert(/^[012]-\d+x+$/.test(value));
    }
  }
  // Without CURRENT and manifest, from the tables and logs alone.
  for (const name of fileSystem.list("/db")) {
    if (/^(CURRENT|MANIFEST-.*)$/.test(name)) fileSystem.remove(`/db/${name}`);
  }
  await assertRejects(() => Database.open("/db", options), CorruptionError);
  const second = await Database.repair("/db", { fileSystem });
  assertEquals(second.problems.map(({ file }) => file), ["/db/CURRENT"]);
  await using db = await Database.open("/db", options);
  assertEquals(keysOf(db).length, second.entries);
});

Deno.test("`Database.destroy()` removes its files only, and not under an open database", async () => {
  const path = await Deno.makeTempDir();
  {
    await using _db = await Database.open(path);
    await assertRejects(() => Database.destroy(path), DatabaseLockedError);
  }
  await Deno.writeTextFile(`${path}/mine.txt`, "kept");
  await Database.destroy(path);
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name).sort(), ["LOCK", "mine.txt"]);
  await Deno.remove(`${path}/mine.txt`);
  await assertRejects(() => Database.destroy(path), DatabaseNotFoundError);
  await (await Database.open(path)).close();
  await Database.destroy(path);
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("`Database` with `ttl` judges entries at the time of the read or the snapshot", async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { fileSystem, ttl: true, memtableBytes: 4096 };
  const commits: CommittedBatch[] = [];
  {
    await using db = await Database.open("/db", options);
    using _listener = db.onCommit((batch) => commits.push(batch));
    await db.put(bytes("short"), bytes("1"), { ttl: 30 });
    await db.put(bytes("long"), bytes("2"), { ttl: 1e6 });
    await db.put(bytes("none"), bytes("3"));
    await db.write([{ type: "put", key: bytes("past"), value: bytes("4"), expires: 5 }]);
    assertEquals(keysOf(db), ["long", "none", "short"]);
    assertEquals(db.getSync(bytes("past")), undefined);
    const [first] = commits[0]!.operations;
    assert(first!.type === "put" && first!.expires! > Date.now());
    using snapshot = db.snapshot();
    await new Promise((resolve) => setTimeout(resolve, 45));
    assertEquals(db.getSync(bytes("short")), undefined);
    assertEquals(text(db.getSync(bytes("short"), { snapshot })), "1");
    assertEquals([...db.keys({ reverse: true })].map(text), ["none", "long"]);
    await db.compactRange();
    assertEquals(text(db.getSync(bytes("short"), { snapshot })), "1");
    snapshot[Symbol.dispose]();
    await db.compactRange();
    assertEquals((await db.verify()).entries, 2);
    await assertRejects(() => db.put(bytes("a"), bytes("b"), { ttl: 0 }), DatabaseOptionsError);
  }
  await assertRejects(() => Database.open("/db", { fileSystem, ttl: false }), DatabaseOptionsError);
  await using db = await Database.open("/db", { fileSystem });
  assertEquals(text(db.getSync(bytes("none"))), "3");
  await using plain = await Database.open("/plain", { fileSystem });
  await assertRejects(() => plain.put(bytes("a"), bytes("b"), { ttl: 5 }), DatabaseOptionsError);
});

Deno.test("`Database` writes zstd only where it is declared not to be LevelDB's", async () => {
  const fileSystem = new MemoryFileSystem();
  const compression = "zstd" as const;
  await assertRejects(
    () => Database.open("/db", { fileSystem, compression }),
    DatabaseOptionsError,
  );
  const options = { fileSystem, compression, levelDbCompatible: false, memtableBytes: 20_000 };
  {
    await using db = await Database.open("/db", options);
    await fill(db, 500);
    await db.compactRange();
    assertEquals(keysOf(db).length, 400);
  }
  await using db = await Database.open("/db", { fileSystem });
  assertEquals((await db.verify()).entries, 400);
});

Deno.test("`Database.changes()` gives batches from the logs and then as they come", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await Database.open("/db", { fileSystem, memtableBytes: 3000 });
  for (let i = 0; i < 200; i++) await db.put(key(i), bytes("value".repeat(5)));
  const seen: string[] = [];
  const abort = new AbortController();
  const reading = (async () => {
    for await (const { sequence, operations } of db.changes({ since: 20, signal: abort.signal })) {
      assertEquals(sequence, 21 + seen.length);
      for (const operation of operations) seen.push(text(operation.key)!);
      if (seen.length === 230) abort.abort(new Error("done"));
    }
  })();
  for (let i = 200; i < 250; i++) {
    await db.batch().put(key(i), bytes("later")).write();
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await assertRejects(() => reading, Error, "done");
  assertEquals(seen, Array.from({ length: 230 }, (_, i) => text(key(i + 20))!));
  await using small = await Database.open("/small", {
    fileSystem,
    memtableBytes: 3000,
    retainLogBytes: 0,
  });
  for (let i = 0; i < 200; i++) await small.put(key(i), bytes("value".repeat(5)));
  const error = await assertRejects(() => small.changes({ since: 1 }).next(), ChangesGoneError);
  assert(error.oldest > 100 && error.oldest <= 200);
  assertEquals((await small.changes({ since: error.oldest - 0 }).next()).done, false);
});

Deno.test("`Database.watch()` gives the operations of a range, from the call on", async () => {
  const db = await Database.open("/db", { fileSystem: new MemoryFileSystem() });
  const events = db.watch({ gte: bytes("b"), lt: bytes("d") });
  await db.batch().put(bytes("a"), bytes("1")).put(bytes("b"), bytes("2")).delete(bytes("c"))
    .write();
  await db.deleteRange(bytes("a"), bytes("z"));
  await db.close();
  const seen: unknown[] = [];
  for await (const { type, key, sequence } of events) seen.push([type, text(key), sequence]);
  assertEquals(seen, [["put", "b", 2], ["delete", "c", 3], ["delete", "b", 5]]);
});

Deno.test("`Database` compacts in a worker as in its own thread", async () => {
  const path = await Deno.makeTempDir();
  {
    await using db = await Database.open(path, { compaction: "worker", memtableBytes: 500_000 });
    for (let i = 0; i < 40_000; i++) {
      await db.put(key(i * 7919 % 20_000), bytes(`${i}`.padEnd(100, "y")));
    }
    await db.compactRange();
    assertEquals(keysOf(db).length, 20_000);
    assert(db.stats().compaction.jobs > 0);
    assertEquals((await db.verify()).problems, []);
  }
  await using db = await Database.open(path);
  assertEquals(text(db.getSync(key(7919))), "20001".padEnd(100, "y"));
  await db.close();
  await Deno.remove(path, { recursive: true });
});

Deno.test("`Database` compacts in its own thread where a worker does not start or dies", async () => {
  const { Worker } = globalThis;
  class Refused {
    constructor() {
      throw new Error("no workers here");
    }
  }
  class Dying {
    onerror: ((event: ErrorEvent) => void) | undefined;
    postMessage(): void {
      queueMicrotask(() => this.onerror?.(new ErrorEvent("error", { message: "gone" })));
    }
    terminate(): void {}
  }
  for (const stub of [Refused, Dying]) {
    const path = await Deno.makeTempDir();
    globalThis.Worker = stub as unknown as typeof Worker;
    try {
      await using db = await Database.open(path, { compaction: "worker", memtableBytes: 500_000 });
      for (let i = 0; i < 15_000; i++) await db.put(key(i % 9000), bytes(`${i}`.padEnd(200, "y")));
      await db.compactRange();
      assertEquals(keysOf(db).length, 9000);
      assert(db.stats().compaction.jobs > 0);
      assertEquals((await db.verify()).problems, []);
    } finally {
      globalThis.Worker = Worker;
    }
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("`Database` keeps its caches inside `memoryBytes`", async () => {
  const memoryBytes = 2 ** 20;
  await using db = await Database.open("/db", { fileSystem: new MemoryFileSystem(), memoryBytes });
  for (let i = 0; i < 30_000; i++) await db.put(key(i), bytes(`${i}`.padEnd(120, "z")));
  for (let i = 0; i < 30_000; i += 3) db.getSync(key(i * 7919 % 30_000));
  const { blockCache, tableCache, memtable } = db.stats();
  assert(blockCache.sizeBytes > memoryBytes / 4, "the cache is used");
  const used = blockCache.sizeBytes + tableCache.sizeBytes + 2 * memtable.sizeBytes;
  assert(used <= memoryBytes, `${used} bytes`);
});

Deno.test("`Database` refuses reads through a disposed snapshot or after `close()`", async () => {
  const db = await Database.open("/db", { fileSystem: new MemoryFileSystem() });
  await db.put(bytes("a"), bytes("1"));
  const snapshot = db.snapshot();
  const iterator = db.iterator({ snapshot });
  snapshot[Symbol.dispose]();
  assertThrows(() => db.getSync(bytes("a"), { snapshot }), DatabaseClosedError);
  assertEquals(iterator.nextSync(), [bytes("a"), bytes("1")]);
  await db.close();
  await db.close();
  assertThrows(() => db.getSync(bytes("a")), DatabaseClosedError);
  assertThrows(() => db.iterator(), DatabaseClosedError);
  await assertRejects(() => db.put(bytes("a"), bytes("1")), DatabaseClosedError);
});

Deno.test("`Database.open()` refuses sizes that are none", async () => {
  const fileSystem = new MemoryFileSystem();
  for (const size of [NaN, -1, 1.5, Infinity]) {
    const options = { fileSystem, memtableBytes: size };
    await assertRejects(() => Database.open("/db", options), DatabaseOptionsError);
  }
  await using db = await Database.open("/db", { fileSystem, cacheBytes: 0, retainLogBytes: 0 });
  await fill(db, 100);
  await db.compactRange();
  assertEquals(text(db.getSync(key(1))), "2-1".padEnd(40, "x"));
  assertEquals(text(db.getSync(key(1))), "2-1".padEnd(40, "x"));
});

Deno.test("`Database` keeps values of megabytes through log, tables and zstd", async () => {
  const fileSystem = new MemoryFileSystem();
  for (const compression of ["snappy", "zstd"] as const) {
    const path = `/${compression}`;
    const options = { fileSystem, compression, levelDbCompatible: false };
    const values = [3, 5].map((n) => new Uint8Array(n * 2 ** 20 + 7).fill(n));
    {
      await using db = await Database.open(path, options);
      for (const value of values) await db.put(key(value.length), value);
      await db.compactRange();
      await db.put(bytes("in the log"), values[0]!);
    }
    await using db = await Database.open(path, options);
    for (const value of values) assertEquals(db.getSync(key(value.length)), value);
    assertEquals(db.getSync(bytes("in the log"))!.length, values[0]!.length);
  }
});
