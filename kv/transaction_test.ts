import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Database,
  DatabaseClosedError,
  LimitError,
  type Transaction,
  TransactionConflictError,
  type TransactionOptions,
} from "./mod.ts";

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

async function fill(db: Database, keys: string): Promise<void> {
  for (const key of keys) await db.put(bytes(key), bytes(key));
}

const list = (source: Pick<Database | Transaction, "iterator">, options = {}) =>
  [...source.iterator(options)].map(([key, value]) => `${text(key)}=${text(value)}`).join(" ");

/** Runs `first`, lets `between` commit, and ends the transaction; gives the key in the way. */
async function conflict(
  db: Database,
  options: TransactionOptions,
  first: (tx: Transaction) => void,
  between: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await db.transaction({ retries: 0, ...options }, async (tx) => {
      first(tx);
      await between();
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof TransactionConflictError)) throw error;
    return `${error.use} ${error.key && text(error.key)}`;
  }
}

Deno.test("`Database.transaction()` reads its own writes, which others see once it has committed", () =>
  withDatabase(async (db) => {
    await fill(db, "abc");
    const result = await db.transaction({}, async (tx) => {
      tx.put(bytes("b"), bytes("B"));
      tx.delete(bytes("c"));
      tx.put(bytes("d"), bytes("D"));
      assertEquals(tx.getSync(bytes("b")), bytes("B"));
      assertEquals(await tx.get(bytes("c")), undefined);
      assertEquals(await tx.has(bytes("d")), true);
      assertEquals(
        (await tx.getMany(["a", "b", "c", "x"].map(bytes))).map((value) => value && text(value)),
        ["a", "B", undefined, undefined],
      );
      assertEquals(list(tx), "a=a b=B d=D");
      assertEquals(list(db), "a=a b=b c=c");
      return 7;
    });
    assertEquals(result, 7);
    assertEquals(list(db), "a=a b=B d=D");
  }));

Deno.test("`Transaction.put()` keeps copies, and hands out copies", () =>
  withDatabase(async (db) => {
    await db.transaction({}, (tx) => {
      const key = bytes("k");
      const value = bytes("v");
      tx.put(key, value);
      key[0] = value[0] = 0;
      tx.getSync(bytes("k"))![0] = 0;
      [...tx.iterator()][0]![1][0] = 0;
      [...tx.iterator()][0]![0][0] = 0;
    });
    assertEquals(list(db), "k=v");
  }));

Deno.test("`Transaction.iterator()` merges puts, deletes and deleted ranges, with bounds, seek and reverse", () =>
  withDatabase(async (db) => {
    await fill(db, "acegikmo");
    await db.transaction({}, (tx) => {
      tx.put(bytes("b"), bytes("B"));
      tx.put(bytes("e"), bytes("E"));
      tx.deleteRange(bytes("g"), bytes("l"));
      tx.put(bytes("h"), bytes("H"));
      tx.delete(bytes("o"));
      tx.put(bytes("z"), bytes("Z"));
      assertEquals(list(tx), "a=a b=B c=c e=E h=H m=m z=Z");
      assertEquals(list(tx, { reverse: true }), "z=Z m=m h=H e=E c=c b=B a=a");
      assertEquals(list(tx, { gt: bytes("b"), lte: bytes("h") }), "c=c e=E h=H");
      assertEquals(list(tx, { gte: bytes("b"), lt: bytes("h"), reverse: true }), "e=E c=c b=B");
      assertEquals(list(tx, { limit: 3 }), "a=a b=B c=c");
      assertEquals([...tx.keys({ limit: 2 })].map(text), ["a", "b"]);
      assertEquals([...tx.values({ limit: 2, reverse: true })].map(text), ["Z", "m"]);
      using iterator = tx.iterator({ lt: bytes("z") });
      const seek = (key: string) => {
        iterator.seek(bytes(key));
        return iterator.nextMany(2).map(([key]) => text(key)).join("");
      };
      assertEquals(["h", "d", "i", "o", "zz", "a"].map(seek), ["hm", "eh", "m", "", "", "ab"]);
      using reverse = tx.iterator({ reverse: true });
      const back = (key: string) => {
        reverse.seek(bytes(key));
        return reverse.nextMany(2).map(([key]) => text(key)).join("");
      };
      assertEquals(["i", "h", "g", "d", "zz", "a", "0"].map(back), [
        "he",
        "he",
        "ec",
        "cb",
        "zm",
        "a",
        "",
      ]);
    });
    assertEquals(list(db), "a=a b=B c=c e=E h=H m=m z=Z");
  }));

Deno.test("`Transaction.iterator()` shows what was written before it was made", () =>
  withDatabase(async (db) => {
    await fill(db, "ac");
    await db.transaction({}, (tx) => {
      tx.put(bytes("b"), bytes("1"));
      using iterator = tx.iterator();
      for (const key of "ebda") tx.put(bytes(key), bytes("2"));
      assertEquals(list(tx), "a=2 b=2 c=c d=2 e=2");
      tx.deleteRange(bytes("a"), bytes("b"));
      assertEquals(list({ iterator: () => iterator }), "a=a b=1 c=c");
      assertEquals(list(tx), "b=2 c=c d=2 e=2");
    });
  }));

Deno.test("`Transaction.deleteRange()` removes what came before it and leaves what comes after", () =>
  withDatabase(async (db) => {
    await fill(db, "abcdef");
    await db.transaction({}, (tx) => {
      tx.put(bytes("b"), bytes("B"));
      tx.deleteRange(bytes("b"), bytes("d"));
      tx.put(bytes("c"), bytes("C"));
      tx.deleteRange(bytes("d"), bytes("e"));
      tx.deleteRange(bytes("x"), bytes("b"));
      assertEquals(tx.getSync(bytes("b")), undefined);
      assertEquals(tx.getSync(bytes("c")), bytes("C"));
      assertEquals(list(tx), "a=a c=C e=e f=f");
    });
    assertEquals(list(db), "a=a c=C e=e f=f");
  }));

Deno.test("`Database.transaction()` writes nothing when its function throws, and is of no use after it", () =>
  withDatabase(async (db) => {
    await fill(db, "a");
    let kept: Transaction | undefined;
    let iterator: ReturnType<Transaction["iterator"]> | undefined;
    await assertRejects(
      () =>
        db.transaction({}, (tx) => {
          kept = tx;
          tx.put(bytes("a"), bytes("X"));
          iterator = tx.iterator();
          throw new RangeError("mine");
        }),
      RangeError,
      "mine",
    );
    assertEquals(list(db), "a=a");
    assertThrows(() => kept!.getSync(bytes("a")), DatabaseClosedError, "transaction");
    assertThrows(() => kept!.put(bytes("a"), bytes("b")), DatabaseClosedError);
    assertThrows(() => kept!.iterator(), DatabaseClosedError);
    assertThrows(() => iterator!.nextSync(), DatabaseClosedError);
  }));

for (const isolation of ["snapshot", "serializable"] as const) {
  Deno.test(`\`Database.transaction()\` (${isolation}) conflicts on a key that it has written`, () =>
    withDatabase(async (db) => {
      const put = (key: string) => () => db.put(bytes(key), bytes("!"));
      assertEquals(
        await conflict(db, { isolation }, (tx) => tx.put(bytes("a"), bytes("1")), put("a")),
        "written a",
      );
      assertEquals(
        await conflict(db, { isolation }, (tx) => tx.delete(bytes("a")), put("a")),
        "written a",
      );
      assertEquals(
        await conflict(db, { isolation }, (tx) => tx.delete(bytes("a")), put("b")),
        undefined,
      );
      const range = (tx: Transaction) => tx.deleteRange(bytes("b"), bytes("d"));
      assertEquals(await conflict(db, { isolation }, range, put("c")), "written c");
      assertEquals(await conflict(db, { isolation }, range, put("d")), undefined);
      await fill(db, "c");
      const over = () => db.deleteRange(bytes("a"), bytes("z"));
      assertEquals(
        await conflict(db, { isolation }, (tx) => tx.put(bytes("c"), bytes("1")), over),
        "written c",
      );
    }));
}

Deno.test("`Database.transaction()` (serializable) conflicts on keys that it has read, there or not", () =>
  withDatabase(async (db) => {
    await fill(db, "ab");
    const read = (key: string) => (tx: Transaction) => {
      tx.getSync(bytes(key));
      tx.put(bytes("w"), bytes("1"));
    };
    const put = (key: string) => () => db.put(bytes(key), bytes("!"));
    const isolation = "snapshot";
    assertEquals(await conflict(db, {}, read("a"), put("a")), "read a");
    assertEquals(await conflict(db, {}, read("a"), () => db.delete(bytes("a"))), "read a");
    assertEquals(await conflict(db, {}, read("x"), put("x")), "read x");
    assertEquals(await conflict(db, {}, read("a"), put("b")), undefined);
    assertEquals(await conflict(db, { isolation }, read("a"), put("a")), undefined);
    // A key that the transaction had written before it read it is not read from others.
    const own = (tx: Transaction) => {
      tx.deleteRange(bytes("a"), bytes("b"));
      tx.getSync(bytes("a"));
    };
    assertEquals(await conflict(db, {}, own, put("a0")), "written a0");
  }));

Deno.test("`Database.transaction()` (serializable) conflicts on the part of a range that an iterator has seen", () =>
  withDatabase(async (db) => {
    const scan = (options: object, count: number, seek?: string) => (tx: Transaction) => {
      using iterator = tx.iterator(options);
      if (seek) iterator.seek(bytes(seek));
      iterator.nextMany(count);
      tx.put(bytes("w"), bytes("1"));
    };
    const cases: [object, number, string | undefined, string, boolean][] = [
      [{}, 9, undefined, "z", true],
      [{}, 9, undefined, "0", true],
      [{}, 2, undefined, "c", true],
      [{}, 2, undefined, "b", true],
      [{}, 2, undefined, "d", false],
      [{ gt: bytes("a"), lt: bytes("e") }, 9, undefined, "d", true],
      [{ gt: bytes("a"), lt: bytes("e") }, 9, undefined, "a", false],
      [{ gte: bytes("a"), lte: bytes("e") }, 9, undefined, "e", true],
      [{ gte: bytes("a"), lte: bytes("e") }, 9, undefined, "a", true],
      [{ gte: bytes("a"), lte: bytes("e") }, 9, undefined, "f", false],
      [{ lt: bytes("h"), reverse: true }, 1, undefined, "g", true],
      [{ lt: bytes("h"), reverse: true }, 1, undefined, "f", true],
      [{ lt: bytes("h"), reverse: true }, 1, undefined, "h", false],
      [{ lt: bytes("h"), reverse: true }, 1, undefined, "e", true],
      [{ lt: bytes("h"), reverse: true }, 1, undefined, "d", false],
      [{}, 1, "d", "d", true],
      [{}, 1, "d", "c", false],
      [{}, 1, "d", "f", false],
      [{ reverse: true }, 1, "d", "d", true],
      [{ reverse: true }, 1, "d", "e", false],
      [{ reverse: true }, 1, "d", "b", false],
      [{}, 0, undefined, "a", false],
      [{ limit: 1 }, 9, undefined, "c", false],
      [{ lt: bytes("e") }, 1, "z", "b", false],
    ];
    for (const [options, count, seek, key, conflicts] of cases) {
      await db.deleteRange(bytes(""), bytes("~"));
      await fill(db, "ace");
      const found = await conflict(
        db,
        {},
        scan(options, count, seek),
        () => db.put(bytes(key), bytes("!")),
      );
      assertEquals(found, conflicts ? `read ${key}` : undefined, Deno.inspect([options, key]));
    }
  }));

Deno.test("`Database.transaction()` (serializable) counts as seen what stands before its own writes", () =>
  withDatabase(async (db) => {
    const scan = (options: object) => (tx: Transaction) => {
      tx.put(bytes("d"), bytes("1"));
      tx.delete(bytes("e"));
      tx.deleteRange(bytes("g"), bytes("k"));
      assertEquals(tx.iterator(options).nextMany(3).length, 3);
    };
    const cases: [object, string, string | undefined][] = [
      [{}, "cc", "read cc"],
      [{}, "dd", undefined],
      [{ gt: bytes("a") }, "dd", "read dd"],
      [{ gt: bytes("a") }, "f", "read f"],
      [{ gt: bytes("a") }, "m", "read m"],
      [{ gt: bytes("a") }, "n", undefined],
      [{ gt: bytes("a") }, "h", "written h"],
      [{ reverse: true, lte: bytes("o") }, "e", "written e"],
      [{ reverse: true, lte: bytes("o") }, "dd", "read dd"],
      [{ reverse: true, lte: bytes("o") }, "cc", undefined],
    ];
    for (const [options, key, expected] of cases) {
      await db.deleteRange(bytes(""), bytes("~"));
      await fill(db, "acehimo");
      const found = await conflict(db, {}, scan(options), () => db.put(bytes(key), bytes("!")));
      assertEquals(found, expected, Deno.inspect([options, key]));
    }
  }));

Deno.test("`Database.transaction()` counts what a listener of commits writes in turn", () =>
  withDatabase(async (db) => {
    using _listener = db.onCommit(({ operations }) => {
      if (text(operations[0]!.key) === "cause") db.put(bytes("effect"), bytes("1"));
    });
    const cause = () => db.transaction({}, (tx) => tx.put(bytes("cause"), bytes("1")));
    assertEquals(
      await conflict(db, {}, (tx) => tx.put(bytes("effect"), bytes("2")), cause),
      "written effect",
    );
  }));

Deno.test("`Database.transaction()` conflicts with a run that was ingested over what it has used", () =>
  withDatabase(async (db) => {
    const ingest = (keys: string) => async () => {
      await db.ingest([...keys].map((key) => [bytes(key), bytes("!")] as const));
    };
    const write = (key: string) => (tx: Transaction) => tx.put(bytes(key), bytes("1"));
    const read = (key: string) => (tx: Transaction) => {
      tx.getSync(bytes(key));
      tx.put(bytes("w"), bytes("1"));
    };
    const scan = (tx: Transaction) => {
      list(tx, { gte: bytes("k"), lt: bytes("n") });
      tx.put(bytes("w"), bytes("1"));
    };
    assertEquals(await conflict(db, {}, write("b"), ingest("ac")), "written b");
    assertEquals(await conflict(db, {}, write("c"), ingest("ac")), "written c");
    assertEquals(await conflict(db, {}, write("d"), ingest("ac")), undefined);
    assertEquals(await conflict(db, {}, read("b"), ingest("ac")), "read b");
    assertEquals(await conflict(db, {}, scan, ingest("ac")), undefined);
    assertEquals(await conflict(db, {}, scan, ingest("mo")), "read m");
    assertEquals(await conflict(db, {}, scan, ingest("no")), undefined);
    assertEquals(await conflict(db, {}, scan, ingest("ak")), "read a");
    // What was committed before it began is not in its way, though another was open then.
    await db.transaction({}, async (tx) => {
      tx.getSync(bytes("a"));
      await db.put(bytes("l"), bytes("1"));
      assertEquals(await conflict(db, {}, scan, () => db.put(bytes("x"), bytes("1"))), undefined);
    });
  }));

Deno.test("`Database.transaction()` that has written nothing, or is read-only, never conflicts", () =>
  withDatabase(async (db) => {
    await fill(db, "ab");
    for (const readOnly of [false, true]) {
      const seen = await db.transaction({ readOnly, retries: 0 }, async (tx) => {
        const before = list(tx);
        await db.put(bytes("a"), bytes(`${readOnly}`));
        assertEquals(list(tx), before);
        return before;
      });
      assertEquals(seen, readOnly ? "a=false b=b" : "a=a b=b");
    }
    await assertRejects(
      () => db.transaction({ readOnly: true }, (tx) => tx.put(bytes("a"), bytes("b"))),
      TypeError,
      "read-only",
    );
  }));

Deno.test("`Database.transaction()` runs again after a conflict until its retries are used up", () =>
  withDatabase(async (db) => {
    let runs = 0;
    const key = bytes("a");
    const disturbed = (times: number, retries: number) => {
      runs = 0;
      return db.transaction({ retries }, async (tx) => {
        const value = (await tx.get(key))?.[0] ?? 0;
        if (runs++ < times) await db.put(key, Uint8Array.of(value + 10));
        tx.put(key, Uint8Array.of(value + 1));
      });
    };
    await disturbed(3, 3);
    assertEquals([runs, db.getSync(key)], [4, Uint8Array.of(31)]);
    const error = await assertRejects(() => disturbed(9, 2), TransactionConflictError);
    assertEquals([runs, error.key, error.use, error.code], [3, key, "written", "KV_CONFLICT"]);
    assertEquals(error.message.includes('key "a", which it has written'), true);
    await assertRejects(() => disturbed(0, -1), RangeError);
  }));

Deno.test("`Database.transaction()` loses no update of 200 that run at the same time on one key", () =>
  withDatabase(async (db) => {
    const counter = db.namespace("counters", { keyEncoding: "utf8", valueEncoding: "number" });
    let runs = 0;
    await Promise.all(
      Array.from({ length: 200 }, () =>
        db.transaction({ retries: 1000 }, async (tx) => {
          runs++;
          const inside = tx.namespace(counter);
          const value = await inside.get("a") ?? 0;
          await inside.put("a", value + 1);
        })),
    );
    assertEquals(counter.getSync("a"), 200);
    assertEquals(runs > 200, true);
  }));

Deno.test("`Database.transaction()` ends with the reason of its signal, in the wait for a retry too", () =>
  withDatabase(async (db) => {
    const key = bytes("a");
    const controller = new AbortController();
    const { signal } = controller;
    let runs = 0;
    const running = db.transaction({ signal, retries: 1e9 }, async (tx) => {
      if (++runs === 5) setTimeout(() => controller.abort(new RangeError("enough")), 0);
      await db.put(key, bytes("other"));
      tx.put(key, bytes("own"));
    });
    await assertRejects(() => running, RangeError, "enough");
    assertEquals(db.getSync(key), bytes("other"));
    await assertRejects(
      () => db.transaction({ signal }, () => {}),
      RangeError,
      "enough",
    );
    const late = new AbortController();
    await assertRejects(
      () =>
        db.transaction({ signal: late.signal }, (tx) => {
          tx.put(key, bytes("own"));
          late.abort(new RangeError("late"));
        }),
      RangeError,
      "late",
    );
    assertEquals(db.getSync(key), bytes("other"));
  }));

Deno.test("`Database.transaction()` conflicts without a key when too much was committed to remember", () =>
  withDatabase(async (db) => {
    const empty = bytes("");
    const small = Array.from({ length: 65_537 }, (_, index) => ({
      type: "put" as const,
      key: bytes(`${index}`),
      value: empty,
    }));
    const long = new Uint8Array(60_000);
    const flood = (keys: number) => () => db.write(small.slice(0, keys));
    const write = (key: string) => (tx: Transaction) => tx.put(bytes(key), bytes("1"));
    const tooMuch = "undefined undefined";
    assertEquals(await conflict(db, {}, write("a"), flood(65_536)), undefined);
    assertEquals(await conflict(db, {}, write("a"), flood(65_537)), tooMuch);
    const bulk = (times: number) => () =>
      db.write(Array.from({ length: times }, () => ({ type: "put", key: long, value: empty })));
    assertEquals(await conflict(db, {}, write("a"), bulk(270)), undefined);
    assertEquals(await conflict(db, {}, write("a"), bulk(290)), tooMuch);
    // A younger transaction is judged by what came behind it.
    const outer = db.transaction({ retries: 0 }, async (tx) => {
      write("a")(tx);
      await flood(65_000)();
      assertEquals(await conflict(db, {}, write("b"), flood(900)), undefined);
      assertEquals(await conflict(db, {}, write("8"), flood(9)), "written 8");
    });
    const error = await assertRejects(() => outer, TransactionConflictError, "make it shorter");
    assertEquals([error.key, error.use], [undefined, undefined]);
  }));

Deno.test("`Database.transaction()` refuses too large a key before anything is written", () =>
  withDatabase(async (db) => {
    await assertRejects(
      () =>
        db.transaction({}, (tx) => {
          tx.put(bytes("a"), bytes("1"));
          tx.put(new Uint8Array(65_537), bytes("1"));
        }),
      LimitError,
    );
    assertEquals(list(db), "");
  }));

Deno.test("`Transaction.put()` sets the lives of entries, from the commit on or to a time", async () => {
  const path = await Deno.makeTempDir();
  const { now } = Date;
  try {
    await using db = await Database.open(path, { ttl: true });
    Date.now = () => 1000;
    await db.transaction({}, async (tx) => {
      tx.put(bytes("a"), bytes("1"), { ttl: 50 });
      tx.put(bytes("b"), bytes("1"), { expires: 5000 });
      await tx.write([{ type: "put", key: bytes("c"), value: bytes("1"), expires: 6000 }]);
      tx.put(bytes("d"), bytes("1"));
      Date.now = () => 2000;
    });
    const ends = ["a", "b", "c", "d"].map((key) => db.expiresSync(bytes(key)));
    assertEquals(ends, [2050, 5000, 6000, Infinity]);
    Date.now = () => 5500;
    assertEquals(await db.transaction({}, (tx) => list(tx)), "c=1 d=1");
  } finally {
    Date.now = now;
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("`Database.transaction()` keeps the sum of accounts under concurrent transfers and checks", () =>
  withDatabase(async (db) => {
    const accounts = db.namespace("accounts", { keyEncoding: "number", valueEncoding: "number" });
    for (let id = 0; id < 8; id++) await accounts.put(id, 100);
    const sum = (rows: Iterable<number>) => [...rows].reduce((a, b) => a + b, 0);
    let seed = 42;
    const next = (limit: number) => {
      seed = Math.imul(seed, 1664525) + 1013904223 | 0;
      return (seed >>> 8) % limit;
    };
    const transfer = async () => {
      for (let i = 0; i < 40; i++) {
        await db.transaction({ retries: 1000 }, async (tx) => {
          const inside = tx.namespace(accounts);
          const [from, to, amount] = [next(8), next(8), next(50)];
          const [source = 0, target = 0] = await inside.getMany([from, to]);
          if (from === to) return;
          await inside.put(from, source - amount);
          await inside.put(to, target + amount);
        });
      }
    };
    const check = async () => {
      for (let i = 0; i < 40; i++) {
        await db.transaction({ readOnly: true, retries: 0 }, async (tx) => {
          assertEquals(sum(tx.namespace(accounts).values()), 800);
          await Promise.resolve();
          assertEquals(sum(tx.namespace(accounts).values()), 800);
        });
      }
    };
    await Promise.all([...Array.from({ length: 10 }, transfer), check(), check()]);
    assertEquals(sum(accounts.values()), 800);
  }));

/** What one transaction of the test below did, step by step. */
type Step =
  | { type: "get"; key: string; found: string | undefined }
  | { type: "scan"; from: string; to: string; reverse: boolean; limit: number; found: string }
  | { type: "put"; key: string; value: string }
  | { type: "delete"; key: string }
  | { type: "deleteRange"; from: string; to: string };

/** Does a step on a map, and says what a read finds. */
function replay(map: Map<string, string>, step: Step): string | undefined {
  switch (step.type) {
    case "get":
      return map.get(step.key);
    case "scan": {
      const { from, to, reverse, limit } = step;
      const keys = [...map.keys()].filter((key) => key >= from && key < to).sort();
      if (reverse) keys.reverse();
      return keys.slice(0, limit).map((key) => `${key}=${map.get(key)}`).join(" ");
    }
    case "put":
      map.set(step.key, step.value);
      return undefined;
    case "delete":
      map.delete(step.key);
      return undefined;
    case "deleteRange":
      for (const key of [...map.keys()]) {
        if (key >= step.from && key < step.to) map.delete(key);
      }
      return undefined;
  }
}

for (const isolation of ["serializable", "snapshot"] as const) {
  Deno.test(`\`Database.transaction()\` (${isolation}) gives random transactions that interleave what it promises`, () =>
    withDatabase(async (db) => {
      const rounds = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 500 : 60;
      for (let seed = 1; seed <= rounds; seed++) {
        await db.deleteRange(bytes(""), bytes("~"));
        let state = seed * 7919;
        const next = (limit: number) => {
          state = Math.imul(state, 1664525) + 1013904223 | 0;
          return (state >>> 8) % limit;
        };
        const key = () => `k${next(12).toString(16)}`;
        const attempts = new Map<string, { steps: Step[]; begin: number }>();
        /** States by the sequence number at which they began, the commits' marks left out. */
        const states = new Map([[db.sequence, new Map<string, string>()]]);
        const order: { mark: string; keys: string[]; at: number }[] = [];
        let current = new Map<string, string>();
        using _listener = db.onCommit(({ sequence, operations }) => {
          current = new Map(current);
          let mark = "";
          const keys: string[] = [];
          for (const operation of operations) {
            const name = text(operation.key);
            if (name.startsWith("m")) {
              mark = name;
              continue;
            }
            keys.push(name);
            if (operation.type === "put") current.set(name, text(operation.value));
            else current.delete(name);
          }
          const at = sequence + operations.length - 1;
          states.set(at, current);
          order.push({ mark, keys, at });
        });
        let conflicts = 0;
        let marks = 0;
        const worker = async () => {
          for (let i = 0; i < 5; i++) {
            const run = db.transaction({ isolation, retries: 0 }, async (tx) => {
              const mark = `m${marks++}`;
              const steps: Step[] = [];
              attempts.set(mark, { steps, begin: tx.sequence });
              tx.put(bytes(mark), bytes(""));
              for (let count = 1 + next(5); count > 0; count--) {
                for (let ticks = next(4); ticks > 0; ticks--) await undefined;
                const [a, b] = [key(), key()].sort() as [string, string];
                switch (next(8)) {
                  case 0:
                  case 1:
                  case 2: {
                    const found = tx.getSync(bytes(a));
                    steps.push({ type: "get", key: a, found: found && text(found) });
                    break;
                  }
                  case 3: {
                    const reverse = next(2) === 0;
                    const limit = 1 + next(4);
                    const found = list(tx, { gte: bytes(a), lt: bytes(b), reverse, limit });
                    steps.push({ type: "scan", from: a, to: b, reverse, limit, found });
                    break;
                  }
                  case 4:
                    tx.delete(bytes(a));
                    steps.push({ type: "delete", key: a });
                    break;
                  case 5:
                    if (next(3) > 0) break;
                    tx.deleteRange(bytes(a), bytes(b));
                    steps.push({ type: "deleteRange", from: a, to: b });
                    break;
                  default: {
                    const value = `${marks}.${count}`;
                    tx.put(bytes(a), bytes(value));
                    steps.push({ type: "put", key: a, value });
                  }
                }
              }
            });
            await run.catch((error) => {
              if (!(error instanceof TransactionConflictError)) throw error;
              conflicts++;
            });
            if (next(10) === 0) await db.put(bytes(key()), bytes(`plain${marks}`));
          }
        };
        await Promise.all(Array.from({ length: 4 }, worker));
        const name = `seed ${seed}`;
        assertEquals(order.filter(({ mark }) => mark).length + conflicts, 20, name);
        // Serializable: every read is what it had been, had the transactions run in the order of
        // their commits. Snapshot: it is that of the state at which the transaction began.
        let last = new Map<string, string>();
        for (const { mark, keys, at } of order) {
          const attempt = attempts.get(mark);
          if (attempt) {
            const map = new Map(isolation === "serializable" ? last : states.get(attempt.begin)!);
            for (const step of attempt.steps) {
              const found = replay(map, step);
              if ("found" in step) assertEquals(found, step.found, `${name}, ${mark}`);
            }
            for (const other of order) {
              if (other.at <= attempt.begin || other.at >= at) continue;
              const shared = other.keys.filter((key) => keys.includes(key));
              assertEquals(shared, [], `${name}: ${mark} and ${other.mark} both wrote`);
            }
          }
          last = states.get(at)!;
        }
      }
    }));
}
