import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CorruptionError,
  Database,
  DatabaseLockedError,
  LimitError,
  MemoryFileSystem,
  ReadOnlyError,
  RealFileSystem,
} from "./mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

function random(seed: number): (limit: number) => number {
  return (limit) => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    return (seed >>> 8) % limit;
  };
}

function same(db: Database, model: Map<string, string>): void {
  const sorted = [...model].sort(([a], [b]) => a < b ? -1 : 1);
  const read = (reverse: boolean) =>
    [...db.iterator({ reverse })].map(([key, value]) => [text(key), text(value)]);
  assertEquals(read(false), sorted);
  assertEquals(read(true), sorted.reverse());
}

for (const seed of [1, 2, 3]) {
  Deno.test(`\`Database\` agrees with a sorted map over reopening, seed ${seed}`, async () => {
    const path = await Deno.makeTempDir();
    const next = random(seed);
    const model = new Map<string, string>();
    for (let round = 0; round < 4; round++) {
      await using db = await Database.open(path, { memtableBytes: 20_000 });
      same(db, model);
      for (let i = 0; i < 1500; i++) {
        const key = `k${next(400)}`;
        if (next(3) === 0) {
          model.delete(key);
          await db.delete(bytes(key));
        } else {
          const value = `v${i}`.repeat(next(40));
          model.set(key, value);
          await db.put(bytes(key), bytes(value));
        }
      }
      same(db, model);
      for (let i = 0; i < 400; i++) {
        const value = db.getSync(bytes(`k${i}`));
        assertEquals(value && text(value), model.get(`k${i}`));
      }
    }
    await Deno.remove(path, { recursive: true });
  });
}

Deno.test("`Database.open()` cuts a torn tail and refuses damage in the middle", async () => {
  const path = await Deno.makeTempDir();
  {
    await using db = await Database.open(path);
    for (let i = 0; i < 5; i++) await db.put(bytes(`k${i}`), bytes("value"), { sync: true });
  }
  const name = [...Deno.readDirSync(path)].find((entry) => entry.name.endsWith(".log"))!.name;
  const log = Deno.readFileSync(`${path}/${name}`);
  const damaged = log.slice();
  damaged[8]! ^= 1;
  Deno.writeFileSync(`${path}/${name}`, damaged);
  const error = await assertRejects(() => Database.open(path), CorruptionError);
  assertEquals([error.file, error.offset], [`${path}/${name}`, 0]);
  Deno.writeFileSync(`${path}/${name}`, log.subarray(0, log.length - 3));
  Deno.writeFileSync(`${path}/999998.log`, log.subarray(0, 19 + 7 + 12 + 10));
  await assertRejects(() => Database.open(path), CorruptionError);
  Deno.writeFileSync(`${path}/999998.log`, new Uint8Array(0));
  await using db = await Database.open(path);
  assertEquals([...db.iterator()].map(([key]) => text(key)), ["k0", "k1", "k2", "k3"]);
  await Deno.remove(path, { recursive: true });
});

Deno.test("`Database.open()` cuts an unsynced tail and refuses damage before durable batches", async () => {
  const fileSystem = new MemoryFileSystem();
  const open = () => Database.open("/db", { fileSystem });
  const log = () => {
    const name = fileSystem.list("/db").find((name) => name.endsWith(".log"))!;
    return { name: `/db/${name}`, contents: fileSystem.contents(`/db/${name}`) };
  };
  const db = await open();
  for (let i = 0; i < 4; i++) await db.put(bytes(`k${i}`), bytes("value"), { sync: i < 2 });
  const { name, contents } = log();
  const crashed = contents.slice();
  await db.close();
  const write = (damaged: number) => {
    for (const file of fileSystem.list("/db")) {
      if (file.endsWith(".log")) fileSystem.remove(`/db/${file}`);
    }
    const bytes = crashed.slice();
    bytes[damaged]! ^= 1;
    fileSystem.create(name).append(bytes);
  };
  // A mark (19 bytes), then batches of 29 bytes with a mark before each that follows a sync.
  const [second, third] = [19 + 29 + 19, 19 + 29 + 19 + 29 + 19];
  write(19 + 10);
  const error = await assertRejects(open, CorruptionError);
  assertEquals([error.file, error.offset], [name, 19]);
  write(second + 10); // a mark behind it proves that it was durable
  assertEquals((await assertRejects(open, CorruptionError)).offset, second);
  write(third + 10); // whole batches follow, but none of them was acknowledged
  await using reopened = await open();
  assertEquals([...reopened.keys()].map(text), ["k0", "k1"]);
  assertEquals(reopened.cuts, [{
    file: name,
    offset: third,
    droppedBytes: 58,
    reason: "a record is cut short or damaged",
  }]);
});

Deno.test("`Database` keeps a snapshot through compaction and bounds an iterator", async () => {
  const path = await Deno.makeTempDir();
  await using db = await Database.open(path, { memtableBytes: 4096 });
  await db.put(bytes("a"), bytes("old"));
  await db.write([{ type: "put", key: bytes("b"), value: bytes("2") }, {
    type: "put",
    key: bytes("c"),
    value: bytes("3"),
  }]);
  using snapshot = db.snapshot();
  for (let i = 0; i < 500; i++) await db.put(bytes("a"), bytes(`new${i}`));
  assertEquals(text(db.getSync(bytes("a"), { snapshot })!), "old");
  assertEquals(text(db.getSync(bytes("a"))!), "new499");
  const keys = (options: Parameters<Database["iterator"]>[0]) =>
    [...db.iterator(options)].map(([key]) => text(key)).join("");
  assertEquals(keys({ from: bytes("b") }), "bc");
  assertEquals(keys({ to: bytes("c") }), "ab");
  assertEquals(keys({ to: bytes("c"), reverse: true, limit: 1 }), "b");
  assertEquals(keys({ from: bytes("b"), reverse: true }), "cb");
  await db.close();
  await Deno.remove(path, { recursive: true });
});

Deno.test("`Database` refuses a second opener and keys over 64 KiB", async () => {
  const path = await Deno.makeTempDir();
  await using db = await Database.open(path);
  const error = await assertRejects(() => Database.open(path), DatabaseLockedError);
  assertEquals(error.pid, Deno.pid);
  await assertRejects(() => db.put(new Uint8Array(65537), bytes("")), LimitError);
  await Deno.remove(path, { recursive: true });
});

Deno.test("`Database` is read-only after a failed fsync, and readable", async () => {
  class Failing extends RealFileSystem {
    on = false;
    override create(path: string): ReturnType<RealFileSystem["create"]> {
      const file = super.create(path);
      const syncLater = file.syncLater.bind(file);
      file.syncLater = () => this.on ? Promise.reject(new Error("EIO")) : syncLater();
      const sync = file.sync.bind(file);
      file.sync = () => {
        if (this.on) throw new Error("EIO");
        sync();
      };
      return file;
    }
  }
  const path = await Deno.makeTempDir();
  const fileSystem = new Failing();
  await using db = await Database.open(path, { fileSystem });
  await db.put(bytes("a"), bytes("1"), { sync: true });
  fileSystem.on = true;
  await assertRejects(() => db.put(bytes("b"), bytes("2"), { sync: true }), ReadOnlyError);
  fileSystem.on = false;
  await assertRejects(() => db.put(bytes("c"), bytes("3")), ReadOnlyError);
  assertEquals(text(db.getSync(bytes("a"))!), "1");
  await Deno.remove(path, { recursive: true });
});

Deno.test("`Database` throws `CorruptionError` for a bit that flipped in a table", async () => {
  const path = await Deno.makeTempDir();
  {
    await using db = await Database.open(path, { memtableBytes: 2000 });
    for (let i = 0; i < 100; i++) await db.put(bytes(`k${i}`), bytes("value"));
  }
  const name = [...Deno.readDirSync(path)].find((entry) => entry.name.endsWith(".ldb"))!.name;
  const table = Deno.readFileSync(`${path}/${name}`);
  table[5]! ^= 4;
  Deno.writeFileSync(`${path}/${name}`, table);
  await using db = await Database.open(path);
  assertThrows(() => [...db.iterator()], CorruptionError);
  await Deno.remove(path, { recursive: true });
});

Deno.test("`Database.write()` shares one sync among all who wait, and the next among the rest", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await Database.open("/db", { fileSystem });
  const put = (i: number) => db.put(bytes(`k${i}`), bytes("value"), { sync: true });
  await Promise.all(Array.from({ length: 256 }, (_, i) => put(i)));
  assertEquals(db.stats().counters.syncs, 1);
  const first = [put(256), put(257)];
  await Promise.resolve(); // the sync has begun: these wait for the next one
  const second = Promise.all(Array.from({ length: 50 }, (_, i) => put(300 + i)));
  await Promise.all([...first, second]);
  assertEquals(db.stats().counters.syncs, 3);
});

Deno.test("`Database.write()` makes writers pay for compaction that falls behind", async () => {
  const fileSystem = new MemoryFileSystem();
  await using db = await Database.open("/db", { fileSystem, memtableBytes: 20_000 });
  const next = random(9);
  let most = 0;
  // Nobody waits, and the loop never lets an idle moment come.
  const writes: Promise<void>[] = [];
  for (let i = 0; i < 20_000; i++) {
    writes.push(db.put(bytes(`k${next(5000)}`), bytes("v".repeat(50 + next(50)))));
    most = Math.max(most, db.stats().levels[0]!.tables);
  }
  await Promise.all(writes);
  assert(most >= 4 && most <= 13, `${most} tables in level 0`);
});

Deno.test("`Database` hands a batch to listeners as it becomes visible, and survives one that throws", async () => {
  await using db = await Database.open("/db", { fileSystem: new MemoryFileSystem() });
  const seen: unknown[] = [];
  using _failing = db.onCommit(() => {
    throw new Error("a listener's own");
  });
  using _listener = db.onCommit(({ sequence, operations }) => {
    seen.push([sequence, operations.length, db.getSync(operations[0]!.key)]);
  });
  const reported: unknown[] = [];
  const report = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error.message);
  };
  globalThis.addEventListener("error", report);
  const done = db.batch().put(bytes("a"), bytes("1")).delete(bytes("b")).write();
  assertEquals(seen, [[1, 2, bytes("1")]]);
  await done;
  globalThis.removeEventListener("error", report);
  assertEquals(reported, ["a listener's own"]);
});

Deno.test("`Database.iterator()` passes thousands of versions of a key, both ways and in snapshots", async () => {
  await using db = await Database.open("/db", { fileSystem: new MemoryFileSystem() });
  for (const name of ["a", "b", "c"]) await db.put(bytes(name), bytes(`${name}0`));
  using early = db.snapshot();
  for (let i = 1; i <= 5000; i++) await db.put(bytes("b"), bytes(`b${i}`));
  using late = db.snapshot();
  for (let i = 0; i < 20; i++) await db.delete(bytes("b"));
  await db.put(bytes("bb"), bytes("new"));
  const read = (options: Parameters<Database["iterator"]>[0]) =>
    [...db.values(options)].map(text).join(" ");
  assertEquals(read({}), "a0 new c0");
  assertEquals(read({ reverse: true }), "c0 new a0");
  assertEquals(read({ snapshot: early }), "a0 b0 c0");
  assertEquals(read({ snapshot: early, reverse: true }), "c0 b0 a0");
  assertEquals(read({ snapshot: late, gte: bytes("b") }), "b5000 c0");
  assertEquals(read({ snapshot: late, reverse: true, lte: bytes("bz") }), "b5000 a0");
});
