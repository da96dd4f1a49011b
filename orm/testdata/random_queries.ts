/** Random queries on the sample's tables: the same for the same seed, whatever the database. */
import {
  and,
  asc,
  avg,
  between,
  coalesce,
  type Column,
  count,
  type Database,
  desc,
  eq,
  gt,
  ilike,
  inArray,
  isNull,
  lag,
  like,
  lte,
  max,
  min,
  not,
  or,
  type Order,
  over,
  rowNumber,
  type Scope,
  type Select,
  type SelectionFields,
  type Sql,
  sum,
} from "../mod.ts";
import { categories, numbers, products, suppliers } from "./sample_data.ts";

type Pick = (below: number) => number;
type AnySelect = Select<SelectionFields, Scope, boolean>;

const LETTERS = "abcdeIR";
const MAX_DEPTH = 3;

function condition(pick: Pick, depth: number): Sql {
  const inner = () => condition(pick, depth + 1);
  switch (pick(depth === MAX_DEPTH ? 9 : 12)) {
    case 0:
      return eq(products.supplierId, 1 + pick(9));
    case 1:
      return gt(products.unitPrice, `${pick(100)}.${pick(10)}`);
    case 2:
      return lte(products.weight, pick(64) / 8);
    case 3:
      return isNull(products.categoryId);
    case 4:
      return inArray(products.id, Array.from({ length: pick(20) }, () => pick(60)));
    case 5:
      return between(products.stock, pick(50), pick(100));
    case 6:
      return like(products.name, `%${LETTERS[pick(LETTERS.length)]}%`);
    case 7:
      return ilike(products.name, `${LETTERS[pick(LETTERS.length)]}%`);
    case 8:
      return eq(products.discontinued, pick(2) === 0);
    case 9:
      return and(inner(), inner());
    case 10:
      return or(inner(), inner());
    default:
      return not(inner());
  }
}

const FIELDS: Readonly<Record<string, Column>> = {
  id: products.id,
  name: products.name,
  price: products.unitPrice,
  weight: products.weight,
  category: products.categoryId,
  barcode: products.barcode,
  discontinued: products.discontinued,
  stock: products.stock,
  company: suppliers.company,
  country: suppliers.country,
  categoryName: categories.name,
};

function order(pick: Pick): Order {
  const columns = Object.values(FIELDS);
  const column = columns[pick(columns.length)]!;
  const result = pick(2) === 0 ? asc(column) : desc(column);
  const nulls = pick(4);
  return nulls === 0 ? result.nullsFirst() : nulls === 1 ? result.nullsLast() : result;
}

function joined(pick: Pick, query: Select<SelectionFields, Scope, false>): AnySelect {
  const from = query.from(products);
  const on = eq(products.supplierId, suppliers.id);
  const kind = pick(4);
  const both = kind === 0
    ? from.innerJoin(suppliers, on)
    : kind === 1
    ? from.leftJoin(suppliers, and(on, gt(suppliers.id, 4)))
    : kind === 2
    ? from.rightJoin(suppliers, on)
    : from.fullJoin(suppliers, and(on, gt(products.stock, 50)));
  return both.leftJoin(categories, eq(categories.id, products.categoryId)) as unknown as AnySelect;
}

/** Makes the query of a seed: rows, groups or windows over joins. */
export function randomQuery(db: Database, seed: number): AnySelect {
  const pick = numbers(seed);
  const unique = [asc(products.id), asc(suppliers.id)];
  const select = (fields: SelectionFields) => {
    const query = joined(pick, db.select(fields));
    return pick(5) === 0 ? query : query.where(condition(pick, 0));
  };
  switch (pick(3)) {
    case 0: {
      let query = select(FIELDS).orderBy(order(pick), order(pick), ...unique);
      if (pick(2) === 0) query = query.limit(pick(30));
      return pick(3) === 0 ? query.offset(pick(10)) : query;
    }
    case 1: {
      const by = [products.categoryId, suppliers.country, products.discontinued, products.weight];
      const group: Column = by[pick(by.length)]!;
      const query = select({
        group,
        rows: count(),
        price: sum(products.unitPrice),
        stock: sum(products.stock),
        mean: avg(products.stock),
        least: min(products.unitPrice),
        most: max(products.weight),
        first: min(products.name),
        code: max(products.barcode),
        weight: sum(products.weight),
      }).groupBy(group).orderBy(pick(2) === 0 ? asc(group) : desc(group));
      return pick(3) === 0 ? query.having(gt(count(), pick(5))) : query;
    }
    default:
      return select({
        id: products.id,
        supplier: suppliers.id,
        number: over(rowNumber(), {
          partitionBy: [suppliers.country],
          orderBy: [order(pick), ...unique],
        }),
        before: over(lag(products.stock, 1 + pick(2)), { orderBy: [order(pick), ...unique] }),
        running: over(sum(products.unitPrice), { orderBy: unique }),
        weight: coalesce(products.weight, 1.5),
      }).orderBy(...unique);
  }
}
