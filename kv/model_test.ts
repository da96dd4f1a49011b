/**
 * Random operations on a database and on a sorted map, which have to agree on every answer: reads,
 * iterators in both directions with bounds and seek, snapshots, batches, ranges that are deleted,
 * namespaces, transactions, the stream of commits, compactions, copies, sorted runs, and all of it
 * over reopening with other options. 20,000 operations, or 1,000,000 with `GROUNDWORK_SOAK=1`;
 * `GROUNDWORK_SEED` repeats a run.
 */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  codecs,
  Database,
  type DatabaseIterator,
  type DatabaseOptions,
  type Operation,
  type Snapshot,
} from "./mod.ts";

const OPERATIONS = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 1_000_000 : 20_000;
const SEED = Number(Deno.env.get("GROUNDWORK_SEED") ?? Math.floor(Math.random() * 2 ** 31));

/** Keys and values of the model are strings of one character a byte. */
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const text = (value: Uint8Array) => Buffer.from(value).toString("latin1");
const optional = (value: Uint8Array | undefined) => value && text(value);

/** Key, value, and when it ends in milliseconds since the epoch. */
type Entry = readonly [key: string, value: string, expires: number];

const plain = (entries: readonly Entry[]) => entries.map(([key, value]) => [key, value]);

/** A map in order of key, of which a state can be kept. */
class SortedMap {
  #entries: readonly Entry[];

  constructor(entries: readonly Entry[] = []) {
    this.#entries = entries;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The place of the first key that is `key` or greater. */
  place(key: string): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]![0] < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(key: string): string | undefined {
    const entry = this.#entries[this.place(key)];
    return entry?.[0] === key ? entry[1] : undefined;
  }

  set(key: string, value: string, expires = Infinity): void {
    const at = this.place(key);
    const gone = this.get(key) === undefined ? 0 : 1;
    this.#entries = this.#entries.toSpliced(at, gone, [key, value, expires]);
  }

  /** Removes what has ended by now. */
  expire(now: number): void {
    this.#entries = this.#entries.filter(([, , expires]) => expires > now);
  }

  delete(key: string): void {
    if (this.get(key) !== undefined) this.#entries = this.#entries.toSpliced(this.place(key), 1);
  }

  deleteRange(from: string, to: string): void {
    if (from < to) {
      this.#entries = this.#entries.toSpliced(this.place(from), this.place(to) - this.place(from));
    }
  }

  apply(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.type === "put") {
        const { key, value, ttl, expires } = operation;
        this.set(
          text(key),
          text(value),
          expires ?? (ttl === undefined ? Infinity : Date.now() + ttl),
        );
      } else if (operation.type === "delete") this.delete(text(operation.key));
      else this.deleteRange(text(operation.from), text(operation.to));
    }
  }

  copy(): SortedMap {
    return new SortedMap(this.#entries);
  }
}

interface Range {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  reverse: boolean;
  limit?: number;
}

/** What an iterator over a range of the model has to give. */
class ModelIterator {
  #entries: readonly Entry[];
  #range: Range;
  #at = 0;
  #left: number;

  constructor(map: SortedMap, range: Range) {
    const { gt, gte, lt, lte } = range;
    const inside = map.entries.filter(([key]) =>
      !(gt !== undefined && key <= gt || gte !== undefined && key < gte ||
        lt !== undefined && key >= lt || lte !== undefined && key > lte)
    );
    this.#entries = range.reverse ? inside.reverse() : inside;
    this.#range = range;
    this.#left = range.limit ?? Infinity;
  }

  next(): string[] | undefined {
    if (this.#left-- <= 0) return undefined;
    return this.#entries[this.#at++]?.slice(0, 2) as string[] | undefined;
  }

  seek(key: string): void {
    const { gt, gte, lt, lte, reverse } = this.#range;
    const outside = gt !== undefined && key <= gt || gte !== undefined && key < gte ||
      lt !== undefined && key >= lt || lte !== undefined && key > lte;
    const at = this.#entries.findIndex(([found]) => reverse ? found <= key : found >= key);
    this.#at = outside || at < 0 ? this.#entries.length : at;
  }
}

/** A source of numbers that a seed repeats. */
function random(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    // The finaliser of MurmurHash3 over a counter: its low bits are good too.
    state = state + 0x9e3779b9 | 0;
    let x = state;
    x = Math.imul(x ^ x >>> 16, 0x85ebca6b);
    x = Math.imul(x ^ x >>> 13, 0xc2b2ae35);
    return ((x ^ x >>> 16) >>> 0) % limit;
  };
}

const ALPHABET = ["\0", "!", "a", "b", "\x7f", "\xff"];
const SPACES = ["one", "two"];

class ModelTest {
  #path: string;
  #next: (limit: number) => number;
  #db!: Database;
  #map = new SortedMap();
  /** What the stream of commits adds up to. */
  #replica = new SortedMap();
  #sequence = 0;
  #iterators: { real: DatabaseIterator; model: ModelIterator }[] = [];
  #snapshots: { real: Snapshot; model: SortedMap }[] = [];
  #count = 0;
  /** Whether entries may have a lifetime; the test's own clock then decides. */
  #ttl: boolean;
  #now = 1_700_000_000_000;

  constructor(path: string, next: (limit: number) => number, ttl: boolean) {
    this.#path = path;
    this.#next = next;
    this.#ttl = ttl;
  }

  #key(): string {
    const length = this.#next(20) === 0 ? this.#next(40) : this.#next(5);
    let key = "";
    while (key.length < length) key += ALPHABET[this.#next(6)]!;
    return key;
  }

  #value(): string {
    const kind = this.#next(100);
    const length = kind === 0 ? this.#next(20_000) : kind < 10 ? 0 : this.#next(200);
    return `${this.#count}:`.padEnd(length, "x");
  }

  #range(): Range {
    const range: Range = { reverse: this.#next(2) === 0 };
    if (this.#next(2) === 0) range[this.#next(2) === 0 ? "gt" : "gte"] = this.#key();
    if (this.#next(2) === 0) range[this.#next(2) === 0 ? "lt" : "lte"] = this.#key();
    if (this.#next(4) === 0) range.limit = this.#next(10);
    return range;
  }

  #real({ gt, gte, lt, lte, reverse, limit }: Range, snapshot?: Snapshot) {
    return {
      gt: gt === undefined ? undefined : bytes(gt),
      gte: gte === undefined ? undefined : bytes(gte),
      lt: lt === undefined ? undefined : bytes(lt),
      lte: lte === undefined ? undefined : bytes(lte),
      reverse,
      limit,
      snapshot,
    };
  }

  #operation(): Operation {
    const kind = this.#next(30);
    const key = bytes(this.#key());
    if (kind === 0) {
      // Short ranges, else nothing would ever be there.
      const from = this.#key() || "a";
      return { type: "deleteRange", from: bytes(from), to: bytes(`${from}\x7f`) };
    }
    return kind < 9 ? { type: "delete", key } : { type: "put", key, value: bytes(this.#value()) };
  }

  /** Each opening has other settings of what may change. */
  #options(): DatabaseOptions {
    const compressions = ["none", "snappy", this.#ttl ? "zstd" : "none"] as const;
    return {
      memtableBytes: 20_000 + this.#next(100_000),
      cacheBytes: this.#next(400_000),
      tableCacheBytes: this.#next(100_000),
      maxOpenTables: 1 + this.#next(10),
      blockBytes: [256, 4096][this.#next(2)]!,
      compression: compressions[this.#next(3)]!,
      compaction: this.#next(4) === 0 ? "worker" : "thread",
      ttl: this.#ttl,
    };
  }

  async #open(): Promise<void> {
    this.#db = await Database.open(this.#path, this.#options());
    assertEquals(this.#db.sequence >= this.#sequence, true, "the sequence number went back");
    this.#db.onCommit((batch) => {
      if (batch.ingested) {
        assertEquals(batch.sequence > this.#sequence, true);
        this.#sequence = batch.sequence;
        return;
      }
      assertEquals(batch.sequence, this.#sequence + 1);
      this.#sequence += batch.operations.length;
      this.#replica.apply(batch.operations);
    });
    this.#sequence = this.#db.sequence;
  }

  /** What an operator does while the database is in use; none of it may change an answer. */
  async #maintain(): Promise<void> {
    switch (this.#next(5)) {
      case 0: {
        const { problems } = await this.#db.verify();
        assertEquals(problems, []);
        break;
      }
      case 1: {
        const copy = `${this.#path}-copy`;
        await this.#db.checkpoint(copy);
        {
          await using db = await Database.open(copy, this.#options());
          const all = [...db.iterator()].map((entry) => entry.map(text));
          assertEquals(all, plain(this.#map.entries));
        }
        await Database.destroy(copy);
        break;
      }
      case 2: {
        const keys = Array.from({ length: this.#next(30) }, () => this.#key());
        const run = [...new Set(keys)].sort().map((key): Entry => [key, this.#value(), Infinity]);
        await this.#db.ingest(run.map(([key, value]) => [bytes(key), bytes(value)] as const));
        for (const [key, value] of run) {
          this.#map.set(key, value);
          this.#replica.set(key, value);
        }
        break;
      }
      default: {
        const [from, to] = [this.#key(), this.#key()].sort() as [string, string];
        await this.#db.compactRange(this.#next(3) ? { from: bytes(from), to: bytes(to) } : {});
      }
    }
  }

  #closeAll(): void {
    for (const { real } of this.#iterators) real.close();
    for (const { real } of this.#snapshots) real[Symbol.dispose]();
    this.#iterators = [];
    this.#snapshots = [];
  }

  #checkEverything(): void {
    const all = [...this.#db.iterator()].map((entry) => entry.map(text));
    assertEquals(all, plain(this.#map.entries));
    assertEquals(this.#replica.entries, this.#map.entries);
    for (const name of SPACES) assertEquals([...this.#space(name).iterator()], this.#inModel(name));
  }

  /** The entries of a namespace by what the model has. */
  #inModel(name: string): [number, string][] {
    const prefix = `!${name}!=`;
    return this.#map.entries.filter(([key]) =>
      key.startsWith(prefix) && key.length === 8 + prefix.length
    )
      .map((
        [key, value],
      ): [number, string] => [codecs.number.decode(bytes(key.slice(prefix.length))), value]);
  }

  #space(name: string) {
    return this.#db.namespace(name, { keyEncoding: "number", valueEncoding: "utf8" });
  }

  #stepIterator(): void {
    const at = this.#next(this.#iterators.length);
    const { real, model } = this.#iterators[at]!;
    const kind = this.#next(10);
    if (kind === 0) {
      real.close();
      this.#iterators.splice(at, 1);
    } else if (kind < 3) {
      const key = this.#key();
      real.seek(bytes(key));
      model.seek(key);
    } else if (kind < 5) {
      const found = real.nextMany(5).map((entry) => entry.map(text));
      const expected: string[][] = [];
      for (let entry; expected.length < 5 && (entry = model.next());) expected.push(entry);
      assertEquals(found, expected);
    } else {
      assertEquals(real.nextSync()?.map(text), model.next());
    }
  }

  async #transaction(): Promise<void> {
    const map = this.#map.copy();
    const abort = this.#next(4) === 0;
    const isolation = this.#next(2) === 0 ? "snapshot" : "serializable";
    const run = this.#db.transaction({ isolation, retries: 0 }, (tx) => {
      for (let i = this.#next(12); i >= 0; i--) {
        const key = this.#key();
        const kind = this.#next(8);
        if (kind === 0) {
          assertEquals(optional(tx.getSync(bytes(key))), map.get(key));
        } else if (kind <= 2) {
          const range = this.#range();
          const real = tx.iterator(this.#real(range));
          const model = new ModelIterator(map, range);
          for (let step = this.#next(12); step > 0; step--) {
            if (this.#next(5) === 0) {
              const target = this.#key();
              real.seek(bytes(target));
              model.seek(target);
            }
            assertEquals(real.nextSync()?.map(text), model.next());
          }
        } else {
          const operation = this.#operation();
          tx.write([operation]);
          map.apply([operation]);
        }
      }
      if (abort) throw new Error("abort");
    });
    if (!abort) {
      await run;
      this.#map = map;
    } else await run.catch((error) => assertEquals(error.message, "abort"));
  }

  async #inSpace(): Promise<void> {
    const name = SPACES[this.#next(SPACES.length)]!;
    const space = this.#space(name);
    const key = this.#next(400) - 200.5;
    const raw = text(space.encodeKey(key));
    switch (this.#next(6)) {
      case 0:
        assertEquals(space.getSync(key), this.#map.get(raw));
        break;
      case 1: {
        const reverse = this.#next(2) === 0;
        const entries = this.#inModel(name).filter(([found]) => found >= key);
        if (reverse) entries.reverse();
        assertEquals([...space.iterator({ gte: key, limit: 5, reverse })], entries.slice(0, 5));
        break;
      }
      case 2:
        await space.delete(key);
        this.#map.delete(raw);
        break;
      case 3:
        if (this.#next(100) > 0) break;
        await space.clear();
        this.#map.deleteRange(`!${name}!`, `!${name}"`);
        break;
      default: {
        const value = this.#value();
        await space.put(key, value);
        this.#map.set(raw, value);
      }
    }
  }

  async #step(): Promise<void> {
    const kind = this.#next(1000);
    const key = this.#key();
    if (this.#ttl && this.#next(20) === 0) {
      this.#now += this.#next(200);
      this.#map.expire(this.#now);
      this.#replica.expire(this.#now);
    }
    if (kind < 380) {
      const operation = this.#operation();
      // Sometimes nobody waits, as the write shows in the tick of the call.
      const written = this.#db.write([operation], { sync: this.#next(500) === 0 });
      this.#map.apply([operation]);
      assertEquals(optional(this.#db.getSync(bytes(key))), this.#map.get(key));
      await written;
    } else if (kind < 440) {
      const operations = Array.from({ length: 1 + this.#next(12) }, () => this.#operation());
      await this.#db.write(operations);
      this.#map.apply(operations);
    } else if (kind < 600) {
      assertEquals(optional(this.#db.getSync(bytes(key))), this.#map.get(key));
      assertEquals(await this.#db.has(bytes(key)), this.#map.get(key) !== undefined);
    } else if (kind < 630) {
      const keys = Array.from({ length: this.#next(6) }, () => this.#key());
      const found = await this.#db.getMany(keys.map(bytes));
      assertEquals(found.map(optional), keys.map((key) => this.#map.get(key)));
    } else if (kind < 680) {
      if (this.#iterators.length === 6) return this.#stepIterator();
      const range = this.#range();
      const held = this.#next(2) === 0 && this.#snapshots[0];
      const real = this.#db.iterator(this.#real(range, held ? held.real : undefined));
      this.#iterators.push({
        real,
        model: new ModelIterator(held ? held.model : this.#map, range),
      });
    } else if (kind < 850) {
      if (this.#iterators.length > 0) this.#stepIterator();
    } else if (kind < 870) {
      if (this.#snapshots.length === 4) {
        const [gone] = this.#snapshots.splice(this.#next(4), 1);
        gone!.real[Symbol.dispose]();
      }
      this.#snapshots.push({ real: this.#db.snapshot(), model: this.#map.copy() });
    } else if (kind < 910) {
      const held = this.#snapshots[this.#next(4)];
      if (!held) return;
      const found = this.#db.getSync(bytes(key), { snapshot: held.real });
      assertEquals(optional(found), held.model.get(key));
    } else if (kind < 950) await this.#transaction();
    else if (kind < 995) await this.#inSpace();
    else if (kind < 996) await this.#maintain();
    else if (kind < 999 || this.#next(2) === 0) this.#checkEverything();
    else {
      this.#closeAll();
      await this.#db.close();
      await this.#open();
      this.#checkEverything();
    }
  }

  async run(operations: number): Promise<void> {
    const { now } = Date;
    if (this.#ttl) Date.now = () => this.#now;
    await this.#open();
    try {
      for (; this.#count < operations; this.#count++) await this.#step();
      this.#checkEverything();
    } catch (error) {
      throw new Error(`GROUNDWORK_SEED=${SEED}, operation ${this.#count}`, { cause: error });
    } finally {
      Date.now = now;
      this.#closeAll();
      await this.#db.close();
    }
  }
}

for (const ttl of [false, true]) {
  const count = OPERATIONS.toLocaleString("en-US");
  const lifetimes = ttl ? ", some with lifetimes" : "";
  Deno.test(`\`Database\` agrees with a sorted map on ${count} random operations${lifetimes}`, async () => {
    const path = await Deno.makeTempDir();
    try {
      await new ModelTest(path, random(SEED), ttl).run(OPERATIONS);
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  });
}

Deno.test("`Database` keeps deleted keys deleted when its log is longer than a memtable", async () => {
  const path = await Deno.makeTempDir();
  try {
    {
      await using db = await Database.open(path);
      for (let i = 0; i < 3000; i++) await db.put(bytes(`k${i}`), bytes("x".repeat(40)));
      for (let i = 0; i < 3000; i += 2) await db.delete(bytes(`k${i}`));
    }
    await using db = await Database.open(path, { memtableBytes: 40_000 });
    assertEquals([...db.keys()].length, 1500);
    assertEquals(db.getSync(bytes("k2998")), undefined);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
