/**
 * The anomalies of the Hermitage suite (Martin Kleppmann, github.com/ept/hermitage), whose names are
 * those of Adya's thesis: a table of two rows, statements of two or three transactions in a fixed
 * order, and what each isolation level must let nobody see. Nothing blocks here: where a database
 * with locks makes a writer wait, the second to commit conflicts.
 */
import { assertEquals } from "@std/assert";
import { Database, type Namespace, type Transaction, type TransactionIsolation } from "./mod.ts";

type Rows = Namespace<number, number>;

/** One transaction whose statements the test gives one by one. */
class Session {
  #rows: Rows;
  #finish: (abort: boolean) => void;
  #result: Promise<string>;

  private constructor(rows: Rows, finish: (abort: boolean) => void, result: Promise<string>) {
    this.#rows = rows;
    this.#finish = finish;
    this.#result = result;
  }

  static async begin(db: Database, isolation: TransactionIsolation): Promise<Session> {
    const begun = Promise.withResolvers<Transaction>();
    const finished = Promise.withResolvers<boolean>();
    const result = db.transaction({ isolation, retries: 0 }, async (tx) => {
      begun.resolve(tx);
      if (await finished.promise) throw new Error("aborted");
    }).then(() => "committed", (error) => error.message === "aborted" ? "aborted" : error.name);
    const rows = (await begun.promise).namespace(tableOf(db));
    return new Session(rows, finished.resolve, result);
  }

  /** `select * from test where …` */
  select(where: (value: number, id: number) => boolean = () => true): [number, number][] {
    return [...this.#rows.iterator()].filter(([id, value]) => where(value, id));
  }

  /** `select value from test where id = …` */
  get(id: number): number | undefined {
    return this.#rows.getSync(id);
  }

  /** `update test set value = … where id = …`, or an insert. */
  put(id: number, value: number): void {
    this.#rows.put(id, value);
  }

  /** `update test set value = … where …` */
  update(set: (value: number) => number, where: (value: number) => boolean = () => true): void {
    for (const [id, value] of this.select(where)) this.#rows.put(id, set(value));
  }

  /** `delete from test where …` */
  delete(where: (value: number) => boolean): void {
    for (const [id] of this.select(where)) this.#rows.delete(id);
  }

  /** "committed", or the name of the error. */
  commit(): Promise<string> {
    this.#finish(false);
    return this.#result;
  }

  async abort(): Promise<void> {
    this.#finish(true);
    assertEquals(await this.#result, "aborted");
  }
}

const tableOf = (db: Database) =>
  db.namespace("test", { keyEncoding: "number", valueEncoding: "number" });

const CONFLICT = "TransactionConflictError";
const is = (wanted: number) => (value: number) => value === wanted;
const divides = (by: number) => (value: number) => value % by === 0;

interface Table {
  begin(): Promise<Session>;
  rows(): [number, number][];
}

/** Registers a case for both levels; `expected` is what each level gives in the place of `outcome`. */
function anomaly<T = undefined>(
  name: string,
  expected: Record<TransactionIsolation, T>,
  run: (table: Table, expected: T) => Promise<void>,
): void {
  for (const isolation of ["snapshot", "serializable"] as const) {
    Deno.test(`Hermitage, ${isolation}: ${name}`, async () => {
      const path = await Deno.makeTempDir();
      try {
        await using db = await Database.open(path);
        const rows = tableOf(db);
        await rows.put(1, 10);
        await rows.put(2, 20);
        await run({
          begin: () => Session.begin(db, isolation),
          rows: () => [...rows.iterator()],
        }, expected[isolation]);
      } finally {
        await Deno.remove(path, { recursive: true });
      }
    });
  }
}

const both = <T>(value: T): Record<TransactionIsolation, T> => ({
  snapshot: value,
  serializable: value,
});
const none = both(undefined);

anomaly("prevents write cycles (G0)", none, async ({ begin, rows }) => {
  const [t1, t2] = [await begin(), await begin()];
  t1.put(1, 11);
  t2.put(1, 12);
  t1.put(2, 21);
  assertEquals(await t1.commit(), "committed");
  assertEquals(rows(), [[1, 11], [2, 21]]);
  t2.put(2, 22);
  assertEquals(await t2.commit(), CONFLICT);
  assertEquals(rows(), [[1, 11], [2, 21]]);
});

anomaly("prevents aborted reads (G1a)", none, async ({ begin, rows }) => {
  const [t1, t2] = [await begin(), await begin()];
  t1.put(1, 101);
  assertEquals(t2.select(), [[1, 10], [2, 20]]);
  await t1.abort();
  assertEquals(t2.select(), [[1, 10], [2, 20]]);
  assertEquals(await t2.commit(), "committed");
  assertEquals(rows(), [[1, 10], [2, 20]]);
});

anomaly("prevents intermediate reads (G1b)", none, async ({ begin }) => {
  const [t1, t2] = [await begin(), await begin()];
  t1.put(1, 101);
  assertEquals(t2.select(), [[1, 10], [2, 20]]);
  t1.put(1, 11);
  assertEquals(await t1.commit(), "committed");
  assertEquals(t2.select(), [[1, 10], [2, 20]]);
  assertEquals(await t2.commit(), "committed");
});

anomaly(
  "prevents circular information flow (G1c)",
  // Each reads what the other overwrites: a cycle of anti-dependencies, so a write skew as well.
  { snapshot: "committed", serializable: CONFLICT },
  async ({ begin }, outcome) => {
    const [t1, t2] = [await begin(), await begin()];
    t1.put(1, 11);
    t2.put(2, 22);
    assertEquals(t1.get(2), 20);
    assertEquals(t2.get(1), 10);
    assertEquals(await t1.commit(), "committed");
    assertEquals(await t2.commit(), outcome);
  },
);

anomaly("prevents an observed transaction from vanishing (OTV)", none, async ({ begin, rows }) => {
  const [t1, t2, t3] = [await begin(), await begin(), await begin()];
  t1.put(1, 11);
  t1.put(2, 19);
  t2.put(1, 12);
  assertEquals(await t1.commit(), "committed");
  assertEquals(t3.get(1), 10);
  t2.put(2, 18);
  assertEquals(t3.get(2), 20);
  assertEquals(await t2.commit(), CONFLICT);
  assertEquals([t3.get(2), t3.get(1)], [20, 10]);
  assertEquals(await t3.commit(), "committed");
  const t4 = await begin();
  assertEquals(t4.select(), [[1, 11], [2, 19]]);
  assertEquals(await t4.commit(), "committed");
  assertEquals(rows(), [[1, 11], [2, 19]]);
});

anomaly("prevents predicates from seeing later writers (PMP)", none, async ({ begin }) => {
  const [t1, t2] = [await begin(), await begin()];
  assertEquals(t1.select(is(30)), []);
  t2.put(3, 30);
  assertEquals(await t2.commit(), "committed");
  assertEquals(t1.select(divides(3)), []);
  assertEquals(await t1.commit(), "committed");
});

anomaly("prevents PMP for write predicates", none, async ({ begin, rows }) => {
  const [t1, t2] = [await begin(), await begin()];
  t1.update((value) => value + 10);
  t2.delete(is(20));
  assertEquals(await t1.commit(), "committed");
  assertEquals(t2.select(is(20)), []);
  assertEquals(await t2.commit(), CONFLICT);
  assertEquals(rows(), [[1, 20], [2, 30]]);
});

anomaly("prevents lost updates (P4)", none, async ({ begin, rows }) => {
  const [t1, t2] = [await begin(), await begin()];
  assertEquals(t1.get(1), 10);
  assertEquals(t2.get(1), 10);
  t1.put(1, 11);
  t2.put(1, 12);
  assertEquals(await t1.commit(), "committed");
  assertEquals(await t2.commit(), CONFLICT);
  assertEquals(rows(), [[1, 11], [2, 20]]);
});

anomaly("prevents read skew (G-single)", none, async ({ begin }) => {
  const [t1, t2] = [await begin(), await begin()];
  assertEquals(t1.get(1), 10);
  assertEquals([t2.get(1), t2.get(2)], [10, 20]);
  t2.put(1, 12);
  t2.put(2, 18);
  assertEquals(await t2.commit(), "committed");
  assertEquals(t1.get(2), 20);
  assertEquals(await t1.commit(), "committed");
});

anomaly("prevents read skew (G-single) with predicate dependencies", none, async ({ begin }) => {
  const [t1, t2] = [await begin(), await begin()];
  assertEquals(t1.select(divides(5)), [[1, 10], [2, 20]]);
  t2.update(() => 12, is(10));
  assertEquals(await t2.commit(), "committed");
  assertEquals(t1.select(divides(3)), []);
  assertEquals(await t1.commit(), "committed");
});

anomaly("prevents read skew (G-single) with write predicates", none, async ({ begin, rows }) => {
  const [t1, t2] = [await begin(), await begin()];
  assertEquals(t1.get(1), 10);
  assertEquals(t2.select(), [[1, 10], [2, 20]]);
  t2.put(1, 12);
  t2.put(2, 18);
  assertEquals(await t2.commit(), "committed");
  t1.delete(is(20));
  assertEquals(await t1.commit(), CONFLICT);
  assertEquals(rows(), [[1, 12], [2, 18]]);
});

anomaly(
  "write skew (G2-item), which only serializable prevents",
  { snapshot: "committed", serializable: CONFLICT },
  async ({ begin, rows }, outcome) => {
    const [t1, t2] = [await begin(), await begin()];
    assertEquals([t1.get(1), t1.get(2)], [10, 20]);
    assertEquals([t2.get(1), t2.get(2)], [10, 20]);
    t1.put(1, 11);
    t2.put(2, 21);
    assertEquals(await t1.commit(), "committed");
    assertEquals(await t2.commit(), outcome);
    assertEquals(rows(), [[1, 11], [2, outcome === CONFLICT ? 20 : 21]]);
  },
);

anomaly(
  "anti-dependency cycles (G2), which only serializable prevents",
  { snapshot: "committed", serializable: CONFLICT },
  async ({ begin, rows }, outcome) => {
    const [t1, t2] = [await begin(), await begin()];
    assertEquals(t1.select(divides(3)), []);
    assertEquals(t2.select(divides(3)), []);
    t1.put(3, 30);
    t2.put(4, 42);
    assertEquals(await t1.commit(), "committed");
    assertEquals(await t2.commit(), outcome);
    const added = rows().filter(([, value]) => value % 3 === 0);
    assertEquals(added, outcome === CONFLICT ? [[3, 30]] : [[3, 30], [4, 42]]);
  },
);

anomaly(
  "anti-dependency cycles (G2) with two edges and a reader, which only serializable prevents",
  { snapshot: "committed", serializable: CONFLICT },
  async ({ begin, rows }, outcome) => {
    const t1 = await begin();
    assertEquals(t1.select(), [[1, 10], [2, 20]]);
    const t2 = await begin();
    t2.update((value) => value + 5, is(20));
    assertEquals(await t2.commit(), "committed");
    const t3 = await begin();
    assertEquals(t3.select(), [[1, 10], [2, 25]]);
    assertEquals(await t3.commit(), "committed");
    t1.put(1, 0);
    assertEquals(await t1.commit(), outcome);
    assertEquals(rows(), [[1, outcome === CONFLICT ? 10 : 0], [2, 25]]);
  },
);
