/**
 * The queries of drizzle's own benchmark (drizzle-team/drizzle-northwind-benchmarks), on data of that
 * shape: ours, raw `node:sqlite`, drizzle-orm, kysely and typeorm. All run over the same
 * `node:sqlite`, the peers by way of the few members of better-sqlite3 that they call, with their
 * statements kept, so that what is measured is the library and not another build of SQLite. prisma is
 * missing: its engine is a program that npm does not carry.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { asc as dAsc, eq as dEq, sql as dSql } from "npm:drizzle-orm@0.44.5";
import { BetterSQLiteSession } from "npm:drizzle-orm@0.44.5/better-sqlite3/session";
import {
  alias as dAlias,
  BaseSQLiteDatabase,
  integer as dInteger,
  real as dReal,
  SQLiteSyncDialect,
  sqliteTable,
  text as dText,
} from "npm:drizzle-orm@0.44.5/sqlite-core";
import { Kysely, sql as kSql, SqliteDialect } from "npm:kysely@0.28.7";
import { DataSource, EntitySchema } from "npm:typeorm@0.3.27";
import {
  alias,
  asc,
  count,
  eq,
  integer,
  lower,
  placeholder,
  real,
  sql,
  sqlite,
  sum,
  table,
  text,
} from "../orm/mod.ts";

const path = Deno.makeTempFileSync({ suffix: ".db" });
addEventListener("unload", () => Deno.removeSync(path));

const CUSTOMER = "id company_name contact_name contact_title address city postal_code region " +
  "country phone fax";
const EMPLOYEE = "id:i last_name first_name title title_of_courtesy birth_date hire_date address " +
  "city postal_code country home_phone extension:i notes reports_to:i photo_path";
const SUPPLIER = "id:i company_name contact_name contact_title address city region postal_code " +
  "country phone";
const PRODUCT = "id:i name quantity_per_unit unit_price:r units_in_stock:i units_on_order:i " +
  "reorder_level:i discontinued:i supplier_id:i";
const ORDER =
  "id:i order_date required_date shipped_date ship_via:i freight:r ship_name ship_city " +
  "ship_region ship_postal_code ship_country customer_id employee_id:i";
const DETAIL = "unit_price:r quantity:i discount:r order_id:i product_id:i";
const SHAPES = {
  customer: CUSTOMER,
  employee: EMPLOYEE,
  supplier: SUPPLIER,
  product: PRODUCT,
  order: ORDER,
  order_detail: DETAIL,
};

const raw = new DatabaseSync(path);
raw.exec("PRAGMA journal_mode = WAL");
const WORDS = "amber birch cedar dune ember fjord grove harbor iris juniper kestrel lumen".split(
  " ",
);
for (const [name, shape] of Object.entries(SHAPES)) {
  const columns = shape.split(" ").map((one) => one.split(":"));
  const types = { i: "INTEGER", r: "REAL" } as Record<string, string>;
  raw.exec(
    `CREATE TABLE "${name}" (${
      columns.map(([column, type]) =>
        `${column} ${types[type!] ?? "TEXT"}${column === "id" ? " PRIMARY KEY" : ""}`
      ).join(", ")
    })`,
  );
}
raw.exec("CREATE INDEX detail_order ON order_detail (order_id)");
const customerIds = Array.from({ length: 91 }, (_, n) => `C${String(n).padStart(4, "0")}`);
const employeeIds = Array.from({ length: 9 }, (_, n) => n + 1);
const supplierIds = Array.from({ length: 29 }, (_, n) => n + 1);
const productIds = Array.from({ length: 77 }, (_, n) => n + 1);
const orderIds = Array.from({ length: 100 }, (_, n) => n * 8 + 1);
const searches = "am ir ce du em fj gr ha is ju ke lu ar er or".split(" ");
function fill(
  name: keyof typeof SHAPES,
  rows: number,
  cell: (key: string, row: number) => unknown,
) {
  const columns = SHAPES[name].split(" ").map((one) => one.split(":"));
  const insert = raw.prepare(
    `INSERT INTO "${name}" VALUES (${columns.map(() => "?").join(", ")})`,
  );
  raw.exec("BEGIN");
  for (let row = 0; row < rows; row++) {
    insert.run(...columns.map(([key, type], at) => {
      const own = cell(key!, row);
      if (own !== undefined) return own as SQLInputValue;
      if (type === "i") return BigInt((row * 7 + at) % 50);
      if (type === "r") return ((row * 13 + at) % 997) / 7;
      if (/region|fax|shipped/.test(key!) && row % 3 === 0) return null;
      if (/date/.test(key!)) return new Date(9e11 + row * 36e5).toISOString();
      return `${WORDS[(row + at) % 12]} ${WORDS[(row * 5 + at) % 12]} ${row}`;
    }));
  }
  raw.exec("COMMIT");
}
fill("customer", 91, (key, row) => key === "id" ? customerIds[row] : undefined);
fill(
  "employee",
  9,
  (key, row) =>
    key === "id" ? BigInt(row + 1) : key === "reports_to" ? row === 0 ? null : 1n : undefined,
);
fill("supplier", 29, (key, row) => key === "id" ? BigInt(row + 1) : undefined);
fill(
  "product",
  77,
  (key, row) =>
    key === "id" ? BigInt(row + 1) : key === "supplier_id" ? BigInt(row % 29 + 1) : undefined,
);
fill(
  "order",
  830,
  (key, row) =>
    key === "id" ? BigInt(row + 1) : key === "customer_id" ? customerIds[row % 91] : undefined,
);
fill(
  "order_detail",
  20_000,
  (key, row) =>
    key === "order_id"
      ? BigInt(row % 830 + 1)
      : key === "product_id"
      ? BigInt(row % 77 + 1)
      : undefined,
);

// Ours.
const db = sqlite(path);
const camel = (name: string) => name.replaceAll(/_(\w)/g, (_, next: string) => next.toUpperCase());
const customers = table("customer", {
  id: text().primaryKey(),
  companyName: text().notNull().named("company_name"),
  contactName: text().notNull().named("contact_name"),
  contactTitle: text().notNull().named("contact_title"),
  address: text().notNull(),
  city: text().notNull(),
  postalCode: text().named("postal_code"),
  region: text(),
  country: text().notNull(),
  phone: text().notNull(),
  fax: text(),
});
const employees = table("employee", {
  id: integer().primaryKey(),
  lastName: text().notNull().named("last_name"),
  firstName: text().named("first_name"),
  title: text().notNull(),
  titleOfCourtesy: text().notNull().named("title_of_courtesy"),
  birthDate: text().notNull().named("birth_date"),
  hireDate: text().notNull().named("hire_date"),
  address: text().notNull(),
  city: text().notNull(),
  postalCode: text().notNull().named("postal_code"),
  country: text().notNull(),
  homePhone: text().notNull().named("home_phone"),
  extension: integer().notNull(),
  notes: text().notNull(),
  reportsTo: integer().named("reports_to"),
  photoPath: text().named("photo_path"),
});
const suppliers = table("supplier", {
  id: integer().primaryKey(),
  companyName: text().notNull().named("company_name"),
  contactName: text().notNull().named("contact_name"),
  contactTitle: text().notNull().named("contact_title"),
  address: text().notNull(),
  city: text().notNull(),
  region: text(),
  postalCode: text().notNull().named("postal_code"),
  country: text().notNull(),
  phone: text().notNull(),
});
const products = table("product", {
  id: integer().primaryKey(),
  name: text().notNull(),
  quantityPerUnit: text().notNull().named("quantity_per_unit"),
  unitPrice: real().notNull().named("unit_price"),
  unitsInStock: integer().notNull().named("units_in_stock"),
  unitsOnOrder: integer().notNull().named("units_on_order"),
  reorderLevel: integer().notNull().named("reorder_level"),
  discontinued: integer().notNull(),
  supplierId: integer().notNull().named("supplier_id"),
});
const orders = table("order", {
  id: integer().primaryKey(),
  orderDate: text().notNull().named("order_date"),
  requiredDate: text().notNull().named("required_date"),
  shippedDate: text().named("shipped_date"),
  shipVia: integer().notNull().named("ship_via"),
  freight: real().notNull(),
  shipName: text().notNull().named("ship_name"),
  shipCity: text().notNull().named("ship_city"),
  shipRegion: text().named("ship_region"),
  shipPostalCode: text().named("ship_postal_code"),
  shipCountry: text().notNull().named("ship_country"),
  customerId: text().notNull().named("customer_id"),
  employeeId: integer().notNull().named("employee_id"),
});
const details = table("order_detail", {
  unitPrice: real().notNull().named("unit_price"),
  quantity: integer().notNull(),
  discount: real().notNull(),
  orderId: integer().notNull().named("order_id"),
  productId: integer().notNull().named("product_id"),
});

// better-sqlite3 as far as the peers call it.
const kept = new Map<string, StatementSync>();
function statementOf(sqlText: string, arrays: boolean): StatementSync {
  const key = `${arrays ? "a" : "o"}${sqlText}`;
  let statement = kept.get(key);
  if (statement === undefined) {
    statement = raw.prepare(sqlText);
    (statement as unknown as { setReturnArrays(on: boolean): void }).setReturnArrays(arrays);
    kept.set(key, statement);
  }
  return statement;
}
type Bound = SQLInputValue[];
class Better {
  prepare(sqlText: string) {
    const objects = statementOf(sqlText, false);
    return {
      reader: /^\s*(?:select|with)/i.test(sqlText),
      all: (...bound: Bound) => objects.all(...bound.flat() as Bound),
      get: (...bound: Bound) => objects.get(...bound.flat() as Bound),
      run: (...bound: Bound) => objects.run(...bound.flat() as Bound),
      iterate: (...bound: Bound) => objects.iterate(...bound.flat() as Bound),
      raw: () => {
        const arrays = statementOf(sqlText, true);
        return {
          all: (...bound: Bound) => arrays.all(...bound),
          get: (...bound: Bound) => arrays.get(...bound),
        };
      },
    };
  }
  exec(sqlText: string) {
    raw.exec(sqlText);
  }
  pragma() {
    return [];
  }
  close() {}
}

// What drizzle()'s function for better-sqlite3 puts together, without loading that package.
const dDialect = new SQLiteSyncDialect({});
const dSession = new BetterSQLiteSession(new Better() as never, dDialect, undefined, {});
// deno-lint-ignore no-explicit-any
const dDb = new BaseSQLiteDatabase("sync", dDialect, dSession as never, undefined as any);
const dTables = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => [
    name,
    sqliteTable(
      name,
      Object.fromEntries(
        shape.split(" ").map((one) => {
          const [column, type] = one.split(":") as [string, string?];
          const made = type === "i"
            ? dInteger(column)
            : type === "r"
            ? dReal(column)
            : dText(column);
          return [camel(column), column === "id" ? made.primaryKey() : made];
        }),
      ),
    ),
  ]),
  // deno-lint-ignore no-explicit-any
) as Record<keyof typeof SHAPES, any>;
const { customer: dCustomers, employee: dEmployees, supplier: dSuppliers } = dTables;
const { product: dProducts, order: dOrders, order_detail: dDetails } = dTables;

// deno-lint-ignore no-explicit-any
const kDb = new Kysely<any>({ dialect: new SqliteDialect({ database: new Better() as never }) });

const relations: Record<string, object> = {
  employee: {
    recipient: {
      target: "employee",
      type: "many-to-one",
      joinColumn: { name: "reports_to" },
    },
  },
  product: {
    supplier: { target: "supplier", type: "many-to-one", joinColumn: { name: "supplier_id" } },
  },
  order_detail: {
    order: { target: "order", type: "many-to-one", joinColumn: { name: "order_id" } },
    product: { target: "product", type: "many-to-one", joinColumn: { name: "product_id" } },
  },
  order: { details: { target: "order_detail", type: "one-to-many", inverseSide: "order" } },
};
const entities = Object.entries(SHAPES).map(([name, shape]) => {
  const columns = Object.fromEntries(
    shape.split(" ").map((one) => {
      const [column, type] = one.split(":") as [string, string?];
      const kind = type === "i" ? "integer" : type === "r" ? "real" : "text";
      const primary = column === "id" || (name === "order_detail" && /_id$/.test(column));
      return [camel(column), { name: column, type: kind, primary, nullable: !primary }];
    }),
  );
  return new EntitySchema({ name, tableName: name, columns, relations: relations[name] } as never);
});
const typeorm = await new DataSource({
  type: "better-sqlite3",
  database: path,
  driver: () => new Better(),
  entities,
  synchronize: false,
} as never).initialize();
const repository = (name: string) => typeorm.getRepository<{ id: unknown }>(name);

type Run = () => unknown;
function group(name: string, ours: Run, peers: Record<string, Run>): void {
  Deno.bench("groundwork", { group: name, baseline: true }, async () => void await ours());
  for (const [peer, run] of Object.entries(peers)) {
    Deno.bench(peer, { group: name }, async () => void await run());
  }
}
async function each<T>(items: readonly T[], run: (item: T) => unknown): Promise<void> {
  for (const item of items) await run(item);
}

group("customers: all", () => db.select().from(customers).find(), {
  "node:sqlite": () => statementOf("SELECT * FROM customer", false).all(),
  "drizzle-orm": () => dDb.select().from(dCustomers).all(),
  kysely: () => kDb.selectFrom("customer").selectAll().execute(),
  typeorm: () => repository("customer").find(),
});

group(
  "customers: by id, x91",
  () => each(customerIds, (id) => db.select().from(customers).where(eq(customers.id, id)).find()),
  {
    "node:sqlite": () =>
      each(customerIds, (id) => statementOf("SELECT * FROM customer WHERE id = ?", false).all(id)),
    "drizzle-orm": () =>
      each(customerIds, (id) => dDb.select().from(dCustomers).where(dEq(dCustomers.id, id)).all()),
    kysely: () =>
      each(
        customerIds,
        (id) => kDb.selectFrom("customer").selectAll().where("customer.id", "=", id).execute(),
      ),
    typeorm: () => each(customerIds, (id) => repository("customer").findOneBy({ id })),
  },
);

const preparedCustomer = db.select().from(customers).where(eq(customers.id, placeholder("id")))
  .prepare();
const dPreparedCustomer = dDb.select().from(dCustomers)
  .where(dEq(dCustomers.id, dSql.placeholder("id"))).prepare();
group(
  "customers: by id, prepared, x91",
  () => each(customerIds, (id) => preparedCustomer.find({ id })),
  {
    "node:sqlite": () => {
      const statement = statementOf("SELECT * FROM customer WHERE id = ?", false);
      return each(customerIds, (id) => statement.all(id));
    },
    "drizzle-orm": () => each(customerIds, (id) => dPreparedCustomer.all({ id })),
  },
);

group(
  "customers: search by name, x15",
  () =>
    each(searches, (it) =>
      db.select().from(customers)
        .where(sql`${lower(customers.companyName)} LIKE ${`%${it}%`}`).find()),
  {
    "node:sqlite": () =>
      each(
        searches,
        (it) =>
          statementOf("SELECT * FROM customer WHERE lower(company_name) LIKE ?", false)
            .all(`%${it}%`),
      ),
    "drizzle-orm": () =>
      each(searches, (it) =>
        dDb.select().from(dCustomers)
          .where(dSql`lower(${dCustomers.companyName}) like ${`%${it}%`}`).all()),
    kysely: () =>
      each(
        searches,
        (it) =>
          kDb.selectFrom("customer").selectAll().where(kSql`lower(company_name)`, "like", `%${it}%`)
            .execute(),
      ),
    typeorm: () =>
      each(searches, (it) =>
        repository("customer").createQueryBuilder("customer")
          .where("LOWER(customer.company_name) LIKE :company", { company: `%${it}%` }).getMany()),
  },
);

group("employees: all", () => db.select().from(employees).find(), {
  "node:sqlite": () => statementOf("SELECT * FROM employee", false).all(),
  "drizzle-orm": () => dDb.select().from(dEmployees).all(),
  kysely: () => kDb.selectFrom("employee").selectAll().execute(),
  typeorm: () => repository("employee").find(),
});

const chief = alias(employees, "recipient");
// deno-lint-ignore no-explicit-any
const dChief: any = dAlias(dEmployees, "recipient");
const prefixed = (shape: string, prefix: string) =>
  shape.split(" ").map((one) => one.split(":")[0]!).map((one) => `${one} as ${prefix}${one}`);
const columnsOf = (shape: string, from: string, prefix: string) =>
  shape.split(" ").map((one) => one.split(":")[0]!)
    .map((one) => `${from}.${one} AS ${prefix}${one}`).join(", ");
const employeeJoin = `SELECT e1.*, ${columnsOf(EMPLOYEE, "e2", "e2_")} FROM employee AS e1
  LEFT JOIN employee AS e2 ON e2.id = e1.reports_to WHERE e1.id = ?`;
group(
  "employees: by id with chief, x9",
  () =>
    each(
      employeeIds,
      (id) =>
        db.select().from(employees).leftJoin(chief, eq(chief.id, employees.reportsTo))
          .where(eq(employees.id, id)).find(),
    ),
  {
    "node:sqlite": () => each(employeeIds, (id) => statementOf(employeeJoin, false).all(id)),
    "drizzle-orm": () =>
      each(
        employeeIds,
        (id) =>
          dDb.select().from(dEmployees).leftJoin(dChief, dEq(dChief.id, dEmployees.reportsTo))
            .where(dEq(dEmployees.id, id)).all(),
      ),
    kysely: () =>
      each(
        employeeIds,
        (id) =>
          kDb.selectFrom("employee as e1").selectAll().where("e1.id", "=", id).leftJoin(
            kDb.selectFrom("employee as e2").select(prefixed(EMPLOYEE, "e2_")).as("e2"),
            "e2.e2_id",
            "e1.reports_to",
          ).execute(),
      ),
    typeorm: () =>
      each(employeeIds, (id) =>
        repository("employee").createQueryBuilder("employee")
          .leftJoinAndSelect("employee.recipient", "recipients").where("employee.id = :id", { id })
          .getOne()),
  },
);

group("suppliers: all", () => db.select().from(suppliers).find(), {
  "node:sqlite": () => statementOf("SELECT * FROM supplier", false).all(),
  "drizzle-orm": () => dDb.select().from(dSuppliers).all(),
  kysely: () => kDb.selectFrom("supplier").selectAll().execute(),
  typeorm: () => repository("supplier").find(),
});

group(
  "suppliers: by id, x29",
  () => each(supplierIds, (id) => db.select().from(suppliers).where(eq(suppliers.id, id)).find()),
  {
    "node:sqlite": () =>
      each(supplierIds, (id) => statementOf("SELECT * FROM supplier WHERE id = ?", false).all(id)),
    "drizzle-orm": () =>
      each(supplierIds, (id) => dDb.select().from(dSuppliers).where(dEq(dSuppliers.id, id)).all()),
    kysely: () =>
      each(
        supplierIds,
        (id) => kDb.selectFrom("supplier").selectAll().where("supplier.id", "=", id).execute(),
      ),
    typeorm: () => each(supplierIds, (id) => repository("supplier").findOneBy({ id })),
  },
);

group("products: all", () => db.select().from(products).find(), {
  "node:sqlite": () => statementOf("SELECT * FROM product", false).all(),
  "drizzle-orm": () => dDb.select().from(dProducts).all(),
  kysely: () => kDb.selectFrom("product").selectAll().execute(),
  typeorm: () => repository("product").find(),
});

const productJoin = `SELECT product.*, ${columnsOf(SUPPLIER, "supplier", "s_")} FROM product
  LEFT JOIN supplier ON product.supplier_id = supplier.id WHERE product.id = ?`;
group(
  "products: by id with supplier, x77",
  () =>
    each(
      productIds,
      (id) =>
        db.select().from(products).leftJoin(suppliers, eq(products.supplierId, suppliers.id))
          .where(eq(products.id, id)).find(),
    ),
  {
    "node:sqlite": () => each(productIds, (id) => statementOf(productJoin, false).all(id)),
    "drizzle-orm": () =>
      each(
        productIds,
        (id) =>
          dDb.select().from(dProducts).leftJoin(
            dSuppliers,
            dEq(dProducts.supplierId, dSuppliers.id),
          )
            .where(dEq(dProducts.id, id)).all(),
      ),
    kysely: () =>
      each(
        productIds,
        (id) =>
          kDb.selectFrom("product").selectAll().where("product.id", "=", id).leftJoin(
            kDb.selectFrom("supplier").select(prefixed(SUPPLIER, "s_")).as("s1"),
            "s1.s_id",
            "product.supplier_id",
          ).execute(),
      ),
    typeorm: () =>
      each(productIds, (id) =>
        repository("product").createQueryBuilder("product")
          .leftJoinAndSelect("product.supplier", "supplier").where("product.id = :id", { id })
          .getOne()),
  },
);

group(
  "products: search by name, x15",
  () =>
    each(
      searches,
      (it) =>
        db.select().from(products).where(sql`${lower(products.name)} LIKE ${`%${it}%`}`).find(),
    ),
  {
    "node:sqlite": () =>
      each(
        searches,
        (it) => statementOf("SELECT * FROM product WHERE lower(name) LIKE ?", false).all(`%${it}%`),
      ),
    "drizzle-orm": () =>
      each(
        searches,
        (it) =>
          dDb.select().from(dProducts).where(dSql`lower(${dProducts.name}) like ${`%${it}%`}`)
            .all(),
      ),
    kysely: () =>
      each(
        searches,
        (it) =>
          kDb.selectFrom("product").selectAll().where(kSql`lower(name)`, "like", `%${it}%`)
            .execute(),
      ),
    typeorm: () =>
      each(searches, (it) =>
        repository("product").createQueryBuilder("product")
          .where("LOWER(product.name) like :name", { name: `%${it}%` }).getMany()),
  },
);

const totals = `SELECT id, shipped_date, ship_name, ship_city, ship_country,
  count(product_id) AS products_count, sum(quantity) AS quantity_sum,
  sum(quantity * unit_price) AS total_price FROM "order"
  LEFT JOIN order_detail ON order_id = id GROUP BY id ORDER BY id`;
group("orders: all with totals", () =>
  db.select({
    id: orders.id,
    shippedDate: orders.shippedDate,
    shipName: orders.shipName,
    shipCity: orders.shipCity,
    shipCountry: orders.shipCountry,
    productsCount: count(details.productId),
    quantitySum: sum(details.quantity),
    totalPrice: sql<number>`sum(${details.quantity} * ${details.unitPrice})`.reads("real"),
  }).from(orders).leftJoin(details, eq(orders.id, details.orderId)).groupBy(orders.id)
    .orderBy(asc(orders.id)).find(), {
  "node:sqlite": () => statementOf(totals, false).all(),
  "drizzle-orm": () =>
    dDb.select({
      id: dOrders.id,
      shippedDate: dOrders.shippedDate,
      shipName: dOrders.shipName,
      shipCity: dOrders.shipCity,
      shipCountry: dOrders.shipCountry,
      productsCount: dSql<number>`count(${dDetails.productId})`,
      quantitySum: dSql<number>`sum(${dDetails.quantity})`,
      totalPrice: dSql<number>`sum(${dDetails.quantity} * ${dDetails.unitPrice})`,
    }).from(dOrders).leftJoin(dDetails, dEq(dOrders.id, dDetails.orderId)).groupBy(dOrders.id)
      .orderBy(dAsc(dOrders.id)).all(),
  kysely: () =>
    kDb.selectFrom("order").select(({ fn }) => [
      "order.id",
      "order.shipped_date",
      "order.ship_name",
      "order.ship_city",
      "order.ship_country",
      fn.count("product_id").as("products_count"),
      fn.sum("quantity").as("quantity_sum"),
      kSql`SUM(quantity * unit_price)`.as("total_price"),
    ]).leftJoin("order_detail", "order_detail.order_id", "order.id").groupBy("order.id")
      .orderBy("order.id", "asc").execute(),
  typeorm: () =>
    repository("order").createQueryBuilder("order").leftJoin("order.details", "order_detail")
      .addSelect([
        "COUNT(product_id) AS products_count",
        "SUM(quantity) AS quantity_sum",
        "SUM(quantity * unit_price) AS total_price",
      ]).addGroupBy("order.id").orderBy("order.id").getRawMany(),
});

const orderJoin = `SELECT order_detail.*, ${columnsOf(ORDER, "o", "o_")}, ${
  columnsOf(PRODUCT, "p", "p_")
} FROM order_detail LEFT JOIN "order" AS o ON order_detail.order_id = o.id
  LEFT JOIN product AS p ON order_detail.product_id = p.id WHERE order_detail.order_id = ?`;
group(
  "orders: by id with details and products, x100",
  () =>
    each(
      orderIds,
      (id) =>
        db.select().from(details).leftJoin(orders, eq(details.orderId, orders.id))
          .leftJoin(products, eq(details.productId, products.id)).where(eq(details.orderId, id))
          .find(),
    ),
  {
    "node:sqlite": () => each(orderIds, (id) => statementOf(orderJoin, false).all(id)),
    "drizzle-orm": () =>
      each(
        orderIds,
        (id) =>
          dDb.select().from(dDetails).leftJoin(dOrders, dEq(dDetails.orderId, dOrders.id))
            .leftJoin(dProducts, dEq(dDetails.productId, dProducts.id))
            .where(dEq(dDetails.orderId, id)).all(),
      ),
    kysely: () =>
      each(
        orderIds,
        (id) =>
          kDb.selectFrom("order_detail").selectAll().where("order_id", "=", id).leftJoin(
            kDb.selectFrom("order").select(prefixed(ORDER, "o_")).as("o"),
            "o.o_id",
            "order_detail.order_id",
          ).leftJoin(
            kDb.selectFrom("product").select(prefixed(PRODUCT, "p_")).as("p"),
            "p.p_id",
            "order_detail.product_id",
          ).execute(),
      ),
    typeorm: () =>
      each(orderIds, (id) =>
        repository("order_detail").createQueryBuilder("order_detail")
          .leftJoinAndSelect("order_detail.order", "orders")
          .leftJoinAndSelect("order_detail.product", "products")
          .where("order_detail.order_id = :id", { id }).getMany()),
  },
);
