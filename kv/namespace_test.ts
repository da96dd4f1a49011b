import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Codec, codecs, Database, EncodingError, type Namespace } from "./mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

async function withDatabase(run: (db: Database) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await using db = await Database.open(path);
    await run(db);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("`Database.namespace()` keeps entries at the keys that its format documents", () =>
  withDatabase(async (db) => {
    const users = db.namespace("users", { keyEncoding: "utf8", valueEncoding: "json" });
    const posts = users.namespace("posts", { keyEncoding: "utf8", valueEncoding: "utf8" });
    await users.put("ada", { born: 1815 });
    await posts.put("1", "hello");
    assertEquals([...db.iterator()].map((entry) => entry.map(text)), [
      ["!users!!posts!=1", "hello"],
      ["!users!=ada", '{"born":1815}'],
    ]);
    assertEquals(users.encodeKey("ada"), bytes("!users!=ada"));
    assertEquals([users.path, posts.path], [["users"], ["users", "posts"]]);
  }));

Deno.test("`Namespace` reads in every form that a database does", () =>
  withDatabase(async (db) => {
    const scores = db.namespace("scores", { keyEncoding: "number", valueEncoding: "utf8" });
    for (const key of [10, -1, 2.5, 0]) await scores.put(key, `v${key}`);
    assertEquals(await scores.get(2.5), "v2.5");
    assertEquals(scores.getSync(3), undefined);
    assertEquals(await scores.getMany([0, 3, 10]), ["v0", undefined, "v10"]);
    assertEquals([await scores.has(-1), scores.hasSync(7)], [true, false]);
    assertEquals([...scores.iterator({ gt: -1, lte: 10, limit: 2 })], [[0, "v0"], [2.5, "v2.5"]]);
    assertEquals([...scores.keys({ reverse: true })], [10, 2.5, 0, -1]);
    assertEquals(await Array.fromAsync(scores.values({ gte: 0, lt: 10 })), ["v0", "v2.5"]);
    using iterator = scores.iterator();
    iterator.seek(1);
    assertEquals(iterator.nextSync(), [2.5, "v2.5"]);
    assertEquals(iterator.nextMany(5), [[10, "v10"]]);
    using before = db.snapshot();
    await scores.delete(10);
    assertEquals([scores.getSync(10), scores.getSync(10, { snapshot: before })], [
      undefined,
      "v10",
    ]);
    assertEquals([...scores.keys({ snapshot: before })].length, 4);
    await scores.deleteRange({ gt: -1, lte: 2.5 });
    assertEquals([...scores.keys()], [-1]);
  }));

Deno.test("`Namespace` iterates over what begins with a prefix, element by element in tuples", () =>
  withDatabase(async (db) => {
    const words = db.namespace("words", { keyEncoding: "utf8", valueEncoding: "bytes" });
    for (const key of ["a", "ab", "ab\uffff", "ac", "b"]) await words.put(key, bytes(""));
    assertEquals([...words.keys({ prefix: "ab" })], ["ab", "ab\uffff"]);
    assertEquals([...words.keys({ prefix: "" })].length, 5);
    const raw = db.namespace("raw");
    for (const key of [[254], [255], [255, 255], []]) {
      await raw.put(Uint8Array.from(key), bytes(""));
    }
    assertEquals([...raw.keys({ prefix: Uint8Array.of(255) })].map((key) => key.length), [1, 2]);
    const pairs = db.namespace("pairs", { keyEncoding: "tuple", valueEncoding: "bytes" });
    for (const key of [["a"], ["a", 1], ["a", 2], ["a\0", 1], ["ab", 1], ["b"]]) {
      await pairs.put(key, bytes(""));
    }
    assertEquals([...pairs.keys({ prefix: ["a"] })], [["a"], ["a", 1], ["a", 2]]);
    assertEquals([...pairs.keys({ prefix: ["a"], gt: ["a", 1] })], [["a", 2]]);
    await pairs.deleteRange({ prefix: ["a"] });
    assertEquals([...pairs.keys()].length, 3);
  }));

Deno.test("`Namespace` takes part in a batch with others, all or nothing", () =>
  withDatabase(async (db) => {
    const users = db.namespace("users", { keyEncoding: "utf8", valueEncoding: "json" });
    const names = db.namespace("names", { keyEncoding: "utf8", valueEncoding: "utf8" });
    await names.put("old", "1");
    const { sequence } = db;
    await db.write([
      users.putOperation("1", { name: "new" }),
      names.putOperation("new", "1"),
      names.deleteOperation("old"),
    ]);
    assertEquals(db.sequence, sequence + 3);
    assertEquals([[...users.iterator()], [...names.iterator()]], [[["1", { name: "new" }]], [
      ["new", "1"],
    ]]);
    await db.write([names.deleteRangeOperation(), users.deleteRangeOperation({ gte: "1" })]);
    assertEquals([...db.keys()], []);
    await db.batch().add(users.putOperation("2", null)).put(bytes("x"), bytes("y")).write();
    assertEquals([users.getSync("2"), db.getSync(bytes("x"))], [null, bytes("y")]);
  }));

Deno.test("`Transaction.namespace()` gives a namespace that the transaction reads and writes", () =>
  withDatabase(async (db) => {
    const users = db.namespace("users", { keyEncoding: "utf8", valueEncoding: "number" });
    await users.put("a", 1);
    await db.transaction({}, async (tx) => {
      const inside = tx.namespace(users);
      await inside.put("b", 2);
      await inside.put("a", inside.getSync("a")! + 10);
      assertEquals([...inside.iterator()], [["a", 11], ["b", 2]]);
      assertEquals([...users.iterator()], [["a", 1]]);
      await tx.write([users.putOperation("c", 3), users.deleteRangeOperation({ lt: "b" })]);
      assertEquals([...inside.keys({ reverse: true })], ["c", "b"]);
      const nested = inside.namespace("n", { keyEncoding: "utf8", valueEncoding: "utf8" });
      await nested.put("x", "y");
    });
    assertEquals([...users.iterator()], [["b", 2], ["c", 3]]);
    assertEquals(
      users.namespace("n", { keyEncoding: "utf8", valueEncoding: "utf8" }).getSync("x"),
      "y",
    );
  }));

Deno.test("`Namespace.clear()` removes the namespaces inside too, and nothing else", () =>
  withDatabase(async (db) => {
    const open = (name: string) =>
      db.namespace(name, { keyEncoding: "utf8", valueEncoding: "utf8" });
    const [a, ab, b] = [open("a"), open("ab"), open("b")];
    const inner = a.namespace("inner", { keyEncoding: "utf8", valueEncoding: "utf8" });
    for (const namespace of [a, ab, b, inner]) await namespace.put("k", "v");
    await a.deleteRange({});
    assertEquals([a.getSync("k"), inner.getSync("k")], [undefined, "v"]);
    await a.put("k", "v");
    await a.clear();
    assertEquals([a, ab, b, inner].map((namespace) => namespace.getSync("k")), [
      undefined,
      "v",
      "v",
      undefined,
    ]);
  }));

Deno.test("`Namespace.watch()` gives decoded operations on its own keys", () =>
  withDatabase(async (db) => {
    const users = db.namespace("users", { keyEncoding: "utf8", valueEncoding: "json" });
    const inner = users.namespace("inner", { keyEncoding: "utf8", valueEncoding: "utf8" });
    await using events = users.watch({ prefix: "a" });
    await users.put("ada", { born: 1815 });
    await users.put("bob", 1);
    await inner.put("a", "1");
    await users.delete("ada");
    const { sequence } = db;
    assertEquals([(await events.next()).value, (await events.next()).value], [
      { type: "put", key: "ada", value: { born: 1815 }, sequence: sequence - 3 },
      { type: "delete", key: "ada", sequence },
    ]);
    const controller = new AbortController();
    const ended = users.watch({ signal: controller.signal });
    controller.abort(new RangeError("enough"));
    await assertRejects(() => ended.next(), RangeError, "enough");
    await db.transaction({}, (tx) => {
      assertThrows(() => tx.namespace(users).watch(), TypeError);
    });
  }));

Deno.test("`Namespace` takes a codec of the caller's own, with its type", () =>
  withDatabase(async (db) => {
    interface Point {
      x: number;
      y: number;
    }
    const points = db.namespace("points", {
      keyEncoding: "bigint",
      valueEncoding: codecs.json as Codec<Point>,
    });
    await points.put(-5n, { x: 1, y: 2 });
    const point: Point | undefined = points.getSync(-5n);
    assertEquals(point?.y, 2);
  }));

Deno.test("`Database.namespace()` refuses names that could meet another's, and `get()` foreign bytes", () =>
  withDatabase(async (db) => {
    for (const name of ["", "a!b", "!", "x".repeat(256), "\ud800"]) {
      assertThrows(() => db.namespace(name), EncodingError);
    }
    db.namespace("ä=\0x");
    const raw = db.namespace("n", { keyEncoding: "utf8" });
    const json = db.namespace("n", { keyEncoding: "utf8", valueEncoding: "json" });
    await raw.put("a", bytes("{"));
    assertThrows(() => json.getSync("a"), EncodingError, "json");
    assertThrows(() => [...json.iterator()], EncodingError, "json");
    assertEquals([...json.keys()], ["a"]);
    await assertRejects(() => json.put("b", undefined), EncodingError);
  }));

Deno.test("`Namespace` shares no entry with others under random operations", () =>
  withDatabase(async (db) => {
    for (const first of [1, 2, 3]) {
      let seed = first;
      const next = (limit: number) => {
        seed = Math.imul(seed, 1664525) + 1013904223 | 0;
        return (seed >>> 8) % limit;
      };
      const names = ["a", "a=", "ab", `${first}`];
      const open = (parent: Database | Namespace<Uint8Array, Uint8Array>, name: string) =>
        parent.namespace(name);
      const spaces = names.flatMap((name) => {
        const outer = open(db, name);
        return [outer, ...names.map((name) => open(outer, name))];
      });
      const models = spaces.map(() => new Map<string, string>());
      for (let i = 0; i < 1500; i++) {
        const at = next(spaces.length);
        const length = next(4);
        const key = Uint8Array.from({ length }, () => [0x21, 0x3d, 0x61, 0, 255][next(5)]!);
        const name = codecs.hex.decode(key);
        if (next(200) === 0) {
          await spaces[at]!.clear();
          const { path } = spaces[at]!;
          spaces.forEach((space, index) => {
            if (path.every((name, depth) => space.path[depth] === name)) models[index]!.clear();
          });
        } else if (next(4) === 0) {
          await spaces[at]!.delete(key);
          models[at]!.delete(name);
        } else {
          await spaces[at]!.put(key, bytes(`${i}`));
          models[at]!.set(name, `${i}`);
        }
      }
      spaces.forEach((space, index) => {
        const found = [...space.iterator()].map(([key, value]) => [
          codecs.hex.decode(key),
          text(value),
        ]);
        const expected = [...models[index]!].sort(([a], [b]) => a < b ? -1 : 1);
        assertEquals(found, expected, `seed ${first}, namespace ${space.path}`);
      });
      await db.deleteRange(bytes(""), Uint8Array.of(255));
    }
  }));
