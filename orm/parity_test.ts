import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  alias,
  and,
  asc,
  avg,
  between,
  caseWhen,
  cast,
  coalesce,
  count,
  countDistinct,
  cumeDist,
  type Database,
  DatabaseError,
  denseRank,
  desc,
  eq,
  escapeLike,
  excluded,
  exists,
  filter,
  firstValue,
  gt,
  gte,
  ilike,
  inArray,
  integer,
  isNotNull,
  isNull,
  jsonContains,
  jsonGet,
  jsonHas,
  jsonLength,
  jsonNumber,
  jsonText,
  lag,
  lastValue,
  lead,
  like,
  lower,
  lt,
  lte,
  max,
  memory,
  min,
  ne,
  not,
  notExists,
  notInArray,
  now,
  nthValue,
  ntile,
  numeric,
  open,
  or,
  over,
  percentRank,
  placeholder,
  rank,
  recursive,
  rowNumber,
  sql,
  sum,
  table,
  upper,
} from "./mod.ts";
import { cluster, postgresTest } from "./postgres/_test_cluster.ts";
import {
  artists,
  categories,
  customers,
  details,
  employees,
  fillSample,
  orders,
  playlists,
  playlistTracks,
  products,
  sampleSchema,
  sampleTables,
  suppliers,
  tracks,
} from "./testdata/sample_data.ts";
import { randomQuery } from "./testdata/random_queries.ts";

/** Runs every feature and keeps what each gave. */
async function program(db: Database): Promise<Map<string, unknown>> {
  const results = new Map<string, unknown>();
  const keep = async (name: string, content: unknown) => {
    assert(!results.has(name), name);
    results.set(name, await content);
  };
  await keep("missing table", db.hasTable(customers));
  await fillSample(db, 20_250_115);
  await keep("has table", db.hasTable(customers));
  await db.ping();

  for (const one of sampleTables) {
    await keep(
      `rows of ${Object.values(one)[0]!.table}`,
      db.select().from(one).orderBy(
        ...Object.values(one).map((column) => asc(column)),
      ).find(),
    );
  }

  // Conditions.
  const named = (condition: ReturnType<typeof and>) =>
    db.select({ id: products.id }).from(products).where(condition).orderBy(asc(products.id)).find();
  await keep("eq", named(eq(products.supplierId, 3)));
  await keep("ne", named(ne(products.supplierId, 3)));
  await keep("decimals compare as numbers", named(gt(products.unitPrice, "9.9")));
  await keep("decimals between", named(between(products.unitPrice, "2", "30.50")));
  await keep("decimals in", named(inArray(products.unitPrice, ["1", "2.50", "63.70"])));
  await keep("lte", named(lte(products.weight, 3.5)));
  await keep("gte and lt", named(and(gte(products.stock, 10), lt(products.stock, 50))));
  await keep("boolean", named(eq(products.discontinued, true)));
  await keep("not", named(not(eq(products.discontinued, true))));
  await keep("or", named(or(isNull(products.weight), isNotNull(products.barcode))));
  await keep("bigint", named(gt(products.barcode, 2n ** 62n + 500n)));
  await keep("short list", named(inArray(products.id, [1, 5, 9])));
  const long = Array.from({ length: 40_000 }, (_, index) => index * 2);
  await keep("long list", named(inArray(products.id, long)));
  await keep("not in a long list", named(notInArray(products.id, long)));
  await keep(
    "long list of texts",
    db.select({ id: customers.id }).from(customers).where(
      inArray(
        customers.company,
        [...Array(50).keys()].map((n) => `x"\\{${n},}`).concat("Dune Iris's"),
      ),
    ).find(),
  );
  await keep(
    "long list of times",
    db.select({ id: orders.id }).from(orders).where(
      inArray(
        orders.orderedAt,
        (await db.select().from(orders).limit(20).orderBy(asc(orders.id)).find())
          .map((order) => order.orderedAt),
      ),
    ).orderBy(asc(orders.id)).find(),
  );
  await keep(
    "long list of decimals",
    named(
      inArray(products.unitPrice, [...Array(60).keys()].map((n) => `${n}.50`).concat("63.700")),
    ),
  );
  const charged = db.select({ p: tracks.price }).from(tracks);
  await keep(
    "decimals in a query",
    db.select().from(tracks).where(inArray(tracks.price, charged)).count(),
  );
  await keep(
    "decimals above a query",
    named(
      gt(products.unitPrice, db.select({ most: max(tracks.price) }).from(tracks)),
    ),
  );
  await keep(
    "different decimals",
    db.select({ n: countDistinct(tracks.price) }).from(tracks).first(),
  );
  await keep(
    "decimals of equal value",
    db.select().from(tracks).where(eq(tracks.price, "1.29")).count(),
  );
  await keep(
    "bytes",
    db.select({ id: employees.id }).from(employees).where(
      inArray(employees.photo, [...Array(20).keys()].map((n) => new Uint8Array([n, 0, 255, 1]))),
    ).find(),
  );
  await keep("like is exact", named(like(products.name, "c%")));
  await keep("like", named(like(products.name, "C_dar%")));
  await keep("ilike", named(ilike(products.name, "c%")));
  await keep(
    "escaped like",
    db.select({ id: categories.id }).from(categories)
      .where(like(categories.description, `%100${escapeLike("%")} "%`)).orderBy(asc(categories.id))
      .find(),
  );
  await keep(
    "time",
    db.select().from(orders)
      .where(gte(orders.orderedAt, new Date("2023-01-01T00:00:00Z"))).count(),
  );

  // Order, also of NULL, and pages.
  await keep(
    "order",
    db.select({ id: products.id, weight: products.weight }).from(products)
      .orderBy(desc(products.weight), asc(products.id)).find(),
  );
  await keep(
    "order upwards",
    db.select({ id: products.id, weight: products.weight }).from(products)
      .orderBy(products.weight, products.id).find(),
  );
  await keep(
    "nulls first",
    db.select({ id: products.id }).from(products)
      .orderBy(asc(products.weight).nullsFirst(), desc(products.id)).limit(7).offset(2).find(),
  );
  await keep(
    "nulls last",
    db.select({ id: products.id }).from(products)
      .orderBy(desc(products.weight).nullsLast(), desc(products.id)).offset(20).find(),
  );
  await keep(
    "order of decimals",
    db.select({ id: products.id, p: products.unitPrice })
      .from(products).orderBy(desc(products.unitPrice), asc(products.id)).find(),
  );
  await keep(
    "order of texts",
    db.select({ c: suppliers.country }).from(suppliers).distinct()
      .orderBy(asc(suppliers.country)).find(),
  );

  // Joins.
  const chief = alias(employees, "chief");
  await keep(
    "self join",
    db.select({ who: employees.firstName, chief: chief.firstName })
      .from(employees).leftJoin(chief, eq(employees.reportsTo, chief.id))
      .orderBy(asc(employees.id)).find(),
  );
  await keep(
    "inner join",
    db.select().from(products)
      .innerJoin(suppliers, eq(products.supplierId, suppliers.id))
      .leftJoin(categories, eq(products.categoryId, categories.id))
      .orderBy(asc(products.id)).find(),
  );
  await keep(
    "right join",
    db.select({ order: orders.id, customer: customers.id }).from(orders)
      .rightJoin(customers, eq(orders.customerId, customers.id))
      .orderBy(asc(orders.id), asc(customers.id)).find(),
  );
  await keep(
    "full join",
    db.select({ order: orders.id, customer: customers.id }).from(orders)
      .fullJoin(customers, eq(orders.customerId, customers.id))
      .orderBy(asc(orders.id), asc(customers.id)).find(),
  );
  await keep(
    "full join from the deleted side",
    db.select({ order: orders.id, c: customers.id })
      .from(customers).fullJoin(orders, eq(orders.customerId, customers.id))
      .orderBy(asc(orders.id), asc(customers.id)).find(),
  );
  await keep(
    "cross join",
    db.select({ a: categories.id, b: playlists.id }).from(categories)
      .crossJoin(playlists).orderBy(asc(categories.id), asc(playlists.id)).find(),
  );
  await keep("with deleted", db.select().from(customers).withDeleted().count());

  // Aggregates.
  await keep(
    "aggregates",
    db.select({
      n: count(),
      weighed: count(products.weight),
      suppliers: countDistinct(products.supplierId),
      stock: sum(products.stock),
      meanStock: avg(products.stock),
      weight: sum(products.weight),
      price: sum(products.unitPrice),
      cheapest: min(products.unitPrice),
      dearest: max(products.unitPrice),
      first: min(products.name),
      heavy: filter(count(), gt(products.weight, 4)),
      code: max(products.barcode),
    }).from(products).find(),
  );
  await keep("the present", db.select().from(orders).where(lt(orders.orderedAt, now())).count());
  await keep(
    "times",
    db.select({ first: min(orders.orderedAt), last: max(orders.shippedAt) })
      .from(orders).first(),
  );
  await keep(
    "no rows",
    db.select({ n: count(), s: sum(products.unitPrice), a: avg(products.stock) })
      .from(products).where(eq(products.id, -1)).first(),
  );
  await keep(
    "groups",
    db.select({
      country: customers.country,
      n: count(),
      spent: sum(details.total),
    }).from(customers).innerJoin(orders, eq(orders.customerId, customers.id))
      .innerJoin(details, eq(details.orderId, orders.id)).groupBy(customers.country)
      .having(gt(count(), 3)).orderBy(desc(sum(details.total)), asc(customers.country)).find(),
  );
  await keep(
    "groups of decimals",
    db.select({ n: count() }).from(tracks).groupBy(tracks.price)
      .orderBy(asc(count())).find(),
  );
  await keep(
    "case",
    db.select({
      id: products.id,
      size: caseWhen([
        [lt(products.weight, 2), cast<string>("light", "text")],
        [isNull(products.weight), cast<string>("unknown", "text")],
      ], cast<string>("heavy", "text")),
      weight: coalesce(products.weight, 0.5),
      low: lower(products.name),
      up: upper(products.name),
      text: cast<string>(products.stock, "text"),
    }).from(products).orderBy(asc(products.id)).find(),
  );

  // Windows.
  const window = { partitionBy: [products.supplierId], orderBy: [asc(products.id)] };
  await keep(
    "windows",
    db.select({
      id: products.id,
      number: over(rowNumber(), window),
      rank: over(rank(), { orderBy: [desc(products.supplierId)] }),
      dense: over(denseRank(), { orderBy: [desc(products.supplierId)] }),
      percent: over(percentRank(), { orderBy: [asc(products.id)] }),
      share: over(cumeDist(), { orderBy: [asc(products.supplierId)] }),
      bucket: over(ntile(4), { orderBy: [asc(products.id)] }),
      before: over(lag(products.stock), window),
      after: over(lead(products.stock, 2, -1), window),
      first: over(firstValue(products.name), window),
      last: over(lastValue(products.name), {
        ...window,
        frame: { unit: "rows", start: "unbounded preceding", end: "unbounded following" },
      }),
      second: over(nthValue(products.stock, 2), window),
      running: over(sum(products.stock), window),
      price: over(sum(products.unitPrice), {
        orderBy: [asc(products.id)],
        frame: { unit: "rows", start: { preceding: 2 }, end: { following: 1 } },
      }),
      around: over(sum(products.stock), {
        orderBy: [asc(products.id)],
        frame: {
          unit: "rows",
          start: { preceding: 1 },
          end: { following: 1 },
          exclude: "current row",
        },
      }),
      groups: over(count(), {
        orderBy: [asc(products.supplierId)],
        frame: { unit: "groups", start: { preceding: 1 } },
      }),
      dearest: over(max(products.unitPrice), { orderBy: [asc(products.id)] }),
    }).from(products).orderBy(asc(products.id)).find(),
  );

  // Subqueries, common table expressions, set operations.
  const active = db.select({ id: orders.customerId }).from(orders)
    .where(and(isNotNull(orders.customerId), gt(orders.freight, "250")));
  await keep(
    "in a query",
    db.select({ id: customers.id }).from(customers)
      .where(inArray(customers.id, active)).orderBy(asc(customers.id)).find(),
  );
  const own = db.select({ id: orders.id }).from(orders).where(eq(orders.customerId, customers.id));
  await keep("exists", db.select().from(customers).where(exists(own)).count());
  await keep("not exists", db.select().from(customers).where(notExists(own)).count());
  const spent = db.select({ customer: orders.customerId, cents: sum(details.total) }).from(orders)
    .innerJoin(details, eq(details.orderId, orders.id)).groupBy(orders.customerId).as("spent");
  await keep(
    "with",
    db.with(spent).select({ id: customers.id, cents: spent.cents }).from(customers)
      .innerJoin(spent, eq(spent.customer, customers.id)).orderBy(desc(spent.cents)).limit(5)
      .find(),
  );
  await keep("derived table", db.select({ n: count(), most: max(spent.cents) }).from(spent).find());
  await keep(
    "above the mean",
    db.select({ id: products.id }).from(products).where(
      gt(products.stock, db.select({ mean: avg(products.stock) }).from(products)),
    ).orderBy(asc(products.id)).find(),
  );
  const tree = recursive(
    "tree",
    db.select({ id: employees.id, name: employees.firstName, depth: cast<number>(0, "integer") })
      .from(employees).where(isNull(employees.reportsTo)),
    (self) =>
      db.select({
        id: employees.id,
        name: employees.firstName,
        depth: sql<number>`${self.depth} + 1`.reads<number>("integer"),
      }).from(employees).innerJoin(self, eq(employees.reportsTo, self.id)),
    { all: true },
  );
  await keep(
    "recursion",
    db.with(tree).select().from(tree)
      .orderBy(asc(tree.depth), asc(tree.id)).find(),
  );
  const ids = (from: number, to: number) =>
    db.select({ id: products.id }).from(products).where(between(products.id, from, to));
  await keep("union", ids(1, 5).union(ids(4, 8)).orderBy(asc(products.id)).find());
  await keep("union all", ids(1, 3).unionAll(ids(2, 4)).orderBy(asc(products.id)).limit(5).find());
  await keep("intersect", ids(1, 6).intersect(ids(4, 9)).orderBy(asc(products.id)).find());
  await keep("except", ids(1, 6).except(ids(4, 9)).orderBy(asc(products.id)).find());
  await keep(
    "nested sets",
    ids(1, 4).union(ids(8, 12).except(ids(9, 9))).intersect(ids(2, 10).union(ids(12, 12)))
      .orderBy(desc(products.id)).find(),
  );
  await keep(
    "set of decimals",
    db.select({ p: products.unitPrice }).from(products)
      .unionAll(db.select({ p: tracks.price }).from(tracks)).orderBy(desc(products.unitPrice))
      .limit(9).find(),
  );

  // JSON.
  await keep(
    "JSON parts",
    db.select({
      id: customers.id,
      tag: jsonText(customers.profile, "tags", 0),
      lastTag: jsonText(customers.profile, "tags", -1),
      score: jsonNumber(customers.profile, "score"),
      scoreText: jsonText(customers.profile, "score"),
      address: jsonGet(customers.profile, "address"),
      zip: jsonText(jsonGet(customers.profile, "address"), "zip"),
      floor: jsonText(customers.profile, "address", "floor"),
      hasFloor: jsonHas(customers.profile, "address", "floor"),
      hasNothing: jsonHas(customers.profile, "nothing"),
      length: jsonLength(customers.profile, "tags"),
      noLength: jsonLength(customers.profile, "address"),
      noNumber: jsonNumber(customers.profile, "tags"),
      odd: jsonText(customers.profile, 'a"b\\c', "x'y"),
    }).from(customers).orderBy(asc(customers.id)).find(),
  );
  await keep(
    "JSON contains",
    db.select({ id: customers.id }).from(customers)
      .where(jsonContains(customers.profile, { tags: ["Fjord"] })).orderBy(asc(customers.id))
      .find(),
  );
  await keep(
    "JSON contains in depth",
    db.select({ id: customers.id }).from(customers)
      .where(jsonContains(customers.profile, { address: { floor: null } }))
      .orderBy(asc(customers.id)).find(),
  );
  await keep(
    "JSON number compares",
    db.select({ id: customers.id }).from(customers)
      .where(gt(jsonNumber(customers.profile, "score"), 5)).orderBy(asc(customers.id)).find(),
  );
  await keep(
    "JSON text compares",
    db.select({ id: customers.id }).from(customers)
      .where(eq(jsonText(customers.profile, "score"), "2.5")).orderBy(asc(customers.id)).find(),
  );

  // Relations.
  await keep(
    "relations",
    sampleSchema.find(db, "orders", {
      where: gt(orders.freight, "200"),
      orderBy: [asc(orders.id)],
      with: {
        customer: true,
        details: {
          orderBy: [desc(details.total), asc(details.productId)],
          limit: 2,
          with: { product: { with: { supplier: true, category: true } } },
        },
      },
    }),
  );
  await keep(
    "many to many",
    sampleSchema.find(db, "playlists", {
      orderBy: [asc(playlists.id)],
      with: { tracks: { orderBy: [asc(tracks.id)], limit: 3 } },
    }),
  );
  await keep(
    "three levels",
    sampleSchema.find(db, "artists", {
      orderBy: [asc(artists.id)],
      with: { albums: { with: { tracks: { orderBy: [asc(tracks.id)] } } } },
    }),
  );
  await keep(
    "chain of chiefs",
    sampleSchema.first(db, "employees", {
      where: eq(employees.id, 9),
      with: { chief: { with: { chief: true, reports: { orderBy: [asc(employees.id)] } } } },
    }),
  );

  // Prepared queries.
  const byId = db.select().from(products).where(eq(products.id, placeholder("id"))).prepare();
  await keep("prepared", Promise.all([1, 2, 3].map((id) => byId.first({ id }))));
  const byName = db.select({ id: products.id }).from(products)
    .where(like(products.name, placeholder("pattern"))).limit(placeholder("n"))
    .orderBy(asc(products.id)).prepare();
  await keep("prepared with a limit", byName.find({ pattern: "%a%", n: 4 }));

  const add = db.insert(playlists).values({ name: placeholder("name") }).returning().prepare();
  await keep("prepared insert", add.find({ name: "prepared" }));
  const rename = db.update(playlists).set({ name: placeholder("to") })
    .where(eq(playlists.name, placeholder("from"))).prepare();
  await keep("prepared update", rename.run({ from: "prepared", to: "renamed" }));
  const remove = db.delete(playlists).where(eq(playlists.name, placeholder("name"))).prepare();
  await keep("prepared delete", remove.run({ name: "renamed" }));
  await db.insert(artists).values({ id: 40, name: "Forty" }).run();
  await db.advanceIdentity(artists);
  await keep(
    "key after one of its own",
    db.insert(artists).values({ name: "x" }).returning().first(),
  );

  // Streams.
  const streamed: number[] = [];
  for await (
    const row of db.select().from(orders).orderBy(asc(orders.id)).stream({ batchRows: 7 })
  ) {
    streamed.push(row.id);
    if (streamed.length === 50) break;
  }
  await keep("stream", streamed);
  await keep(
    "stream in a transaction",
    db.transaction(async (tx) => {
      const seen: number[] = [];
      for await (
        const row of tx.select().from(orders).orderBy(asc(orders.id)).stream({ batchRows: 16 })
      ) {
        if (row.id % 40 === 0) {
          await tx.update(orders).set({ freight: "1.5" }).where(eq(orders.id, row.id)).run();
        }
        seen.push(row.id);
      }
      return seen;
    }),
  );

  // Changes.
  await keep("insert", db.insert(categories).values({ name: "New" }).returning().first());
  await keep(
    "insert of nothing but defaults",
    db.insert(playlists).values([
      { name: "x" },
      { name: "y" },
    ]).returning().find(),
  );
  await keep(
    "upsert",
    db.insert(categories).values([{ name: "New", description: "again" }, {
      name: "Newer",
    }]).onConflict({
      columns: [categories.name],
      set: { description: excluded(categories.description) },
    }).returning({ name: categories.name, description: categories.description }).find(),
  );
  await keep(
    "conflict left alone",
    db.insert(categories).values({ name: "New" }).onConflict().run(),
  );
  await keep(
    "insert from a query",
    db.insert(playlistTracks).select(
      db.select({ playlistId: playlists.id, trackId: tracks.id }).from(playlists)
        .crossJoin(tracks).where(and(eq(playlists.name, "Empty"), lt(tracks.id, 5))),
    ).run(),
  );
  await keep(
    "update",
    db.update(products).set({ stock: sql`${products.stock} + ${5}` })
      .where(eq(products.supplierId, 2)).run(),
  );
  await keep(
    "update by pairs",
    db.update(products).set("stock", 7, "weight", 1.25)
      .where(eq(products.id, 3)).returning().find(),
  );
  await keep(
    "version",
    db.update(products).set({ stock: 8 }).where(eq(products.id, 4))
      .ifVersion(1).run(),
  );
  await keep(
    "stale version",
    codeOf(() =>
      db.update(products).set({ stock: 9 }).where(eq(products.id, 4)).ifVersion(1).run()
    ),
  );
  await keep("soft delete", db.delete(customers).where(like(customers.company, "Dune%")).run());
  await keep(
    "rest",
    db.select({ id: customers.id }).from(customers).orderBy(asc(customers.id)).find(),
  );
  await keep("delete", db.delete(orders).where(lt(orders.id, 4)).returning().find());
  await keep("cascade", db.select().from(details).where(lt(details.orderId, 4)).count());
  await keep("generated", db.select({ sum: sum(details.total) }).from(details).first());

  const prices = table("prices", { id: integer().primaryKey(), p: numeric(6, 2).default("1.005") });
  await db.createTable(prices);
  await keep(
    "rounded",
    db.insert(prices).values(
      ["1.005", "-1.005", "2", 9999.994, "-0.001", null, undefined].map((p) => ({ p })),
    ).returning().find(),
  );
  await keep("too many digits", codeOf(() => db.insert(prices).values({ p: "9999.995" }).run()));
  await keep(
    "rounded on update",
    db.update(prices).set({ p: "7.125" }).where(eq(prices.id, 1))
      .returning().find(),
  );

  // Transactions.
  await keep(
    "rolled back",
    codeOf(() =>
      db.transaction(async (tx) => {
        await tx.delete(details).all().run();
        throw new DatabaseError("other", "no");
      })
    ),
  );
  await keep(
    "savepoints",
    db.transaction(async (tx) => {
      await tx.insert(playlists).values({ name: "outer" }).run();
      await assertRejects(() =>
        tx.transaction(async (inner) => {
          await inner.insert(playlists).values({ name: "inner" }).run();
          await inner.insert(categories).values({ name: "New" }).run();
        })
      );
      return await tx.select({ name: playlists.name }).from(playlists).orderBy(asc(playlists.name))
        .find();
    }, { isolation: "serializable" }),
  );
  await keep(
    "locked rows",
    db.transaction((tx) =>
      tx.select({ id: products.id }).from(products).where(lt(products.id, 4)).orderBy(products.id)
        .forUpdate({ skipLocked: true }).find()
    ),
  );
  await keep(
    "shared rows",
    db.transaction((tx) =>
      tx.select({ id: products.id }).from(products)
        .innerJoin(suppliers, eq(suppliers.id, products.supplierId)).where(lt(products.id, 4))
        .orderBy(products.id).forShare({ of: [products], noWait: true }).find(), {
      readOnly: false,
    }),
  );

  // Errors.
  await keep("unique", errorOf(() => db.insert(categories).values({ name: "New" }).run()));
  await keep(
    "foreign key",
    codeOf(() => db.insert(products).values({ name: "x", supplierId: 99, unitPrice: "1" }).run()),
  );
  await keep("check", codeOf(() => db.update(products).set({ stock: -1 }).all().run()));
  await keep(
    "named check",
    errorOf(
      () => db.insert(details).values({ orderId: 5, productId: 1, cents: 1, quantity: 0 }).run(),
      true,
    ),
  );
  await keep("not null", errorOf(() => db.run(sql`INSERT INTO playlists (name) VALUES (NULL)`)));
  await keep(
    "enumeration",
    codeOf(() =>
      db.insert(customers).values({
        id: "z",
        company: "z",
        country: "z",
        kind: "other" as "retail",
      })
        .run()
    ),
  );
  await keep("missing", codeOf(() => db.run(sql`SELECT * FROM nowhere`)));
  await keep("missing column", codeOf(() => db.run(sql`SELECT absent FROM products`)));
  await keep("syntax", codeOf(() => db.run(sql`SELEC`)));
  await keep("still there", db.select().from(products).count());

  // By hand.
  await keep(
    "by hand",
    db.query(
      sql`SELECT ${products.id} AS id, ${1} + ${2} AS three, ${"it's"} AS word, ${true} AS yes
      FROM ${sql`products`} WHERE ${eq(products.id, 1)}`,
    ).then((rows) => rows.map((row) => ({ ...row, yes: Boolean(row.yes) }))),
  );
  return results;
}

async function errorOf(run: () => Promise<unknown>, named = false): Promise<unknown> {
  const error = await assertRejects(run, DatabaseError);
  const { code, table, column, constraint } = error;
  return named ? { code, constraint } : { code, table, column };
}

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(run, DatabaseError)).code;
}

Deno.test("One program that uses every feature runs on SQLite", async () => {
  await using db = memory();
  const results = await program(db);
  const all = results.get("rows of tracks") as { price: string }[];
  assertEquals(results.get("decimals in a query"), all.length);
  assertEquals(
    results.get("decimals of equal value"),
    all.filter(({ price }) => price === "1.290").length,
  );
  assert(results.size > 100, String(results.size));
});

postgresTest(
  "One program that uses every feature gives the same on SQLite and PostgreSQL",
  async () => {
    await using one = memory();
    await using two = open(await cluster.createDatabase());
    const [expected, actual] = [await program(one), await program(two)];
    for (const [name, content] of expected) assertEquals(actual.get(name), content, name);
    assertEquals(actual.size, expected.size);
  },
);

postgresTest("Random queries give the same on SQLite and PostgreSQL", async () => {
  await using one = memory();
  await using two = open(await cluster.createDatabase());
  await fillSample(one, 5, 60);
  await fillSample(two, 5, 60);
  const queries = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 5_000 : 80;
  for (let seed = 1; seed <= queries; seed++) {
    const [expected, actual] = [randomQuery(one, seed), randomQuery(two, seed)];
    const where = `seed ${seed}: ${expected.compile().text}`;
    assertEquals(await actual.find(), await expected.find(), where);
  }
});
