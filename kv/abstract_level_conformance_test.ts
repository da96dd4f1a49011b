/**
 * The public test suite of npm `abstract-level`, run whole against a thin adapter. classic-level,
 * LevelDB itself behind the same interface, runs 5,168 assertions of it under Deno, which is the
 * count that is asserted here: the suite leaves out what a database says it doesn't support.
 */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { AbstractIterator, AbstractLevel, AbstractSnapshot } from "npm:abstract-level@3.1.1";
import suite from "npm:abstract-level@3.1.1/test/index.js";
import tape from "npm:tape@5.9.0";
import { Database, type DatabaseIterator, type IteratorOptions, type Operation } from "./mod.ts";

/** A key or value in one of the three formats that the adapter stores: text or bytes. */
type Data = string | Uint8Array;

interface FormatOptions {
  keyEncoding?: string;
  valueEncoding?: string;
  snapshot?: LevelSnapshot;
}

interface RangeOptions extends FormatOptions {
  gt?: Data;
  gte?: Data;
  lt?: Data;
  lte?: Data;
  reverse?: boolean;
  limit?: number;
  keys?: boolean;
  values?: boolean;
  signal?: AbortSignal;
}

const toBytes = (data: Data): Uint8Array => typeof data === "string" ? Buffer.from(data) : data;

function fromBytes(bytes: Uint8Array, format: string | undefined): Data {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return format === "utf8" ? buffer.toString() : format === "view" ? bytes : buffer;
}

function rangeOf({ gt, gte, lt, lte, reverse, snapshot }: RangeOptions): IteratorOptions {
  const range: { -readonly [Key in keyof IteratorOptions]: IteratorOptions[Key] } = {
    reverse: reverse ?? false,
    snapshot: snapshot?.inner,
  };
  // Of two bounds the suite wants the inclusive one to count, where ours takes the narrower.
  if (gte !== undefined) range.gte = toBytes(gte);
  else if (gt !== undefined) range.gt = toBytes(gt);
  if (lte !== undefined) range.lte = toBytes(lte);
  else if (lt !== undefined) range.lt = toBytes(lt);
  return range;
}

// The options that its constructor takes are missing from its types.
const OwnedSnapshot = AbstractSnapshot as unknown as new (options: object) => AbstractSnapshot;

class LevelSnapshot extends OwnedSnapshot {
  readonly inner: ReturnType<Database["snapshot"]>;

  constructor(db: Database, options: object) {
    super(options);
    this.inner = db.snapshot();
  }

  // deno-lint-ignore require-await -- the suite's interface
  async _close(): Promise<void> {
    this.inner[Symbol.dispose]();
  }
}

class LevelIterator extends AbstractIterator<Level, Data, Data> {
  /** Undefined over a snapshot that is closed: the base class then answers. */
  #iterator: DatabaseIterator | undefined;
  #options: RangeOptions;

  constructor(level: Level, db: Database, options: RangeOptions) {
    super(level, options as never);
    this.#options = options;
    if (options.snapshot?.inner.disposed) return;
    this.#iterator = db.iterator({ ...rangeOf(options), signal: options.signal });
  }

  #entry([key, value]: [Uint8Array, Uint8Array]): [Data | undefined, Data | undefined] {
    const { keys, values, keyEncoding, valueEncoding } = this.#options;
    return [
      keys === false ? undefined : fromBytes(key, keyEncoding),
      values === false ? undefined : fromBytes(value, valueEncoding),
    ];
  }

  /** Reads in a later tick, as an abort in this one has to count. */
  async #read<T>(read: () => T): Promise<T> {
    await undefined;
    try {
      return read();
    } catch (error) {
      if ((error as Error).name !== "AbortError") throw error;
      const aborted = new Error("Aborted", { cause: error });
      throw Object.assign(aborted, { name: "AbortError", code: "LEVEL_ABORTED" });
    }
  }

  async _next(): Promise<[Data | undefined, Data | undefined] | undefined> {
    const entry = await this.#read(() => this.#iterator!.nextSync());
    return entry && this.#entry(entry);
  }

  async _nextv(size: number): Promise<[Data | undefined, Data | undefined][]> {
    const entries = await this.#read(() => this.#iterator!.nextMany(size));
    return entries.map((entry) => this.#entry(entry));
  }

  _seek(target: Data): void {
    this.#iterator?.seek(toBytes(target));
  }

  // deno-lint-ignore require-await -- the suite's interface
  async _close(): Promise<void> {
    this.#iterator?.close();
  }
}

/** Our database in the place of classic-level. */
class Level extends AbstractLevel<Data, Data, Data> {
  #path: string;
  #db: Database | undefined;

  constructor(path: string, options?: object) {
    const supports = {
      encodings: { buffer: true, utf8: true, view: true },
      has: true,
      getSync: true,
      seek: true,
      permanence: true,
      createIfMissing: true,
      errorIfExists: true,
      implicitSnapshots: true,
      explicitSnapshots: true,
      additionalMethods: { approximateSize: true, compactRange: true },
      signals: { iterators: true },
    };
    super(supports, options);
    this.#path = path;
  }

  get #open(): Database {
    return this.#db!;
  }

  async _open(options: { createIfMissing: boolean; errorIfExists: boolean }): Promise<void> {
    const { createIfMissing, errorIfExists } = options;
    this.#db = await Database.open(this.#path, { createIfMissing, errorIfExists });
  }

  async _close(): Promise<void> {
    await this.#open.close();
  }

  async release(): Promise<void> {
    await this.#db?.close();
  }

  _getSync(key: Data, options: FormatOptions): Data | undefined {
    const value = this.#open.getSync(toBytes(key), { snapshot: options.snapshot?.inner });
    return value && fromBytes(value, options.valueEncoding);
  }

  // deno-lint-ignore require-await -- the suite's interface
  async _get(key: Data, options: FormatOptions): Promise<Data | undefined> {
    return this._getSync(key, options);
  }

  async _getMany(keys: Data[], options: FormatOptions): Promise<(Data | undefined)[]> {
    const read = { snapshot: options.snapshot?.inner };
    const values = await this.#open.getMany(keys.map(toBytes), read);
    return values.map((value) => value && fromBytes(value, options.valueEncoding));
  }

  async _has(key: Data, options: FormatOptions): Promise<boolean> {
    return await this.#open.has(toBytes(key), { snapshot: options.snapshot?.inner });
  }

  // deno-lint-ignore require-await -- the suite's interface
  async _hasMany(keys: Data[], options: FormatOptions): Promise<boolean[]> {
    const read = { snapshot: options.snapshot?.inner };
    return keys.map((key) => this.#open.hasSync(toBytes(key), read));
  }

  async _put(key: Data, value: Data, options: { sync?: boolean }): Promise<void> {
    await this.#open.put(toBytes(key), toBytes(value), { sync: options.sync ?? false });
  }

  async _del(key: Data, options: { sync?: boolean }): Promise<void> {
    await this.#open.delete(toBytes(key), { sync: options.sync ?? false });
  }

  async _batch(
    operations: { type: "put" | "del"; key: Data; value?: Data }[],
    options: { sync?: boolean },
  ): Promise<void> {
    await this.#open.write(
      operations.map(({ type, key, value }): Operation =>
        type === "put"
          ? { type, key: toBytes(key), value: toBytes(value!) }
          : { type: "delete", key: toBytes(key) }
      ),
      { sync: options.sync ?? false },
    );
  }

  async _clear(options: RangeOptions): Promise<void> {
    const limit = options.limit === undefined || options.limit < 0 ? Infinity : options.limit;
    const keys = [...this.#open.keys({ ...rangeOf(options), limit })];
    await this.#open.write(keys.map((key) => ({ type: "delete", key })));
  }

  _iterator(options: RangeOptions): LevelIterator {
    return new LevelIterator(this, this.#open, options);
  }

  _snapshot(options: object): LevelSnapshot {
    return new LevelSnapshot(this.#open, options);
  }

  // deno-lint-ignore require-await -- the suite's interface
  async approximateSize(start: string, end: string): Promise<number> {
    return this.#open.approximateSize({ from: toBytes(start), to: toBytes(end) });
  }

  async compactRange(start: string, end: string): Promise<void> {
    await this.#open.compactRange({ from: toBytes(start), to: toBytes(end) });
  }
}

interface Row {
  type: string;
  name: string;
  ok?: boolean;
  error?: Error;
}

function runSuite(
  factory: (options?: object) => Level,
): Promise<{ assertions: number; failures: string[] }> {
  const { promise, resolve } = Promise.withResolvers<{ assertions: number; failures: string[] }>();
  const harness = tape.createHarness();
  const rows = harness.createStream({ objectMode: true });
  const failures: string[] = [];
  let assertions = 0;
  let name = "";
  rows.on("data", (row: Row) => {
    if (row.type === "test") name = row.name;
    if (row.type !== "assert") return;
    assertions++;
    if (!row.ok) failures.push(`${name}: ${row.name} ${row.error?.stack ?? ""}`);
  });
  rows.on("end", () => resolve({ assertions, failures }));
  suite({ test: harness, factory });
  return promise;
}

Deno.test("`Database` passes the suite of abstract-level, as many assertions as classic-level runs", async () => {
  const root = await Deno.makeTempDir();
  const levels: Level[] = [];
  try {
    const { assertions, failures } = await runSuite((options) => {
      const level = new Level(`${root}/${levels.length}`, options);
      levels.push(level);
      return level;
    });
    assertEquals(failures, []);
    assertEquals(assertions, 5_168);
  } finally {
    // The suite leaves some open that it made only to look at, or whose closing it made fail.
    for (const level of levels) await level.close().catch(() => {});
    for (const level of levels) await level.release();
    await Deno.remove(root, { recursive: true });
  }
});
