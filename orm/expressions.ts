import { Column } from "./column.ts";
import { DatabaseError } from "./errors.ts";
import { dialectText, join, raw, Sql, sql, type SqlSource, value } from "./sql.ts";

/** A value, an expression, or a query of one column. */
export type Operand<T> = T | Sql<T> | Sql<NonNullable<T>> | Sql<T | null> | SqlSource;

/** An expression to sort by. */
export class Order {
  /** What to sort by. */
  readonly expression: Sql;
  /** The direction. */
  readonly direction: "ASC" | "DESC";
  /** Where NULL goes; as the database does it where it is not said. */
  readonly nulls: "FIRST" | "LAST" | undefined;

  /** Makes an order; programs call {@linkcode asc} and {@linkcode desc}. */
  constructor(expression: Sql, direction: "ASC" | "DESC", nulls?: "FIRST" | "LAST") {
    this.expression = expression;
    this.direction = direction;
    this.nulls = nulls;
  }

  /** NULL first. */
  nullsFirst(): Order {
    return new Order(this.expression, this.direction, "FIRST");
  }

  /** NULL last. */
  nullsLast(): Order {
    return new Order(this.expression, this.direction, "LAST");
  }

  /** The clause, with the expression replaced where a caller needs another spelling. */
  toSql(expression: Sql = this.expression): Sql {
    const nulls = this.nulls === undefined ? "" : ` NULLS ${this.nulls}`;
    return new Sql([...expression.chunks, ` ${this.direction}${nulls}`]);
  }
}

/** Sorts upwards. */
export function asc(expression: Sql): Order {
  return new Order(expression, "ASC");
}

/** Sorts downwards. */
export function desc(expression: Sql): Order {
  return new Order(expression, "DESC");
}

/**
 * Sorts in a direction that a user chose.
 *
 * @throws {DatabaseError} With code `bad_query` if it is neither `asc` nor `desc`.
 */
export function orderOf(expression: Sql, direction: string): Order {
  const upper = direction.toUpperCase();
  if (upper !== "ASC" && upper !== "DESC") {
    throw new DatabaseError("bad_query", "A sort direction must be asc or desc");
  }
  return new Order(expression, upper);
}

function operand(left: Sql, right: unknown): Sql {
  if (right === null) {
    throw new DatabaseError("bad_query", "Nothing compares to NULL: use isNull() or isNotNull()");
  }
  return value(right, left.kind);
}

function compare(left: Sql, operator: string, right: unknown): Sql<boolean> {
  return new Sql([...left.chunks, operator, ...operand(left, right).chunks], "boolean");
}

/** `left = right`. */
export function eq<T>(left: Sql<T>, right: NoInfer<Operand<T>>): Sql<boolean> {
  return compare(left, " = ", right);
}
/** `left <> right`. */
export function ne<T>(left: Sql<T>, right: NoInfer<Operand<T>>): Sql<boolean> {
  return compare(left, " <> ", right);
}
/** `left < right`. */
export function lt<T>(left: Sql<T>, right: NoInfer<Operand<T>>): Sql<boolean> {
  return compare(left, " < ", right);
}
/** `left <= right`. */
export function lte<T>(left: Sql<T>, right: NoInfer<Operand<T>>): Sql<boolean> {
  return compare(left, " <= ", right);
}
/** `left > right`. */
export function gt<T>(left: Sql<T>, right: NoInfer<Operand<T>>): Sql<boolean> {
  return compare(left, " > ", right);
}
/** `left >= right`. */
export function gte<T>(left: Sql<T>, right: NoInfer<Operand<T>>): Sql<boolean> {
  return compare(left, " >= ", right);
}

function combine(operator: string, empty: string, conditions: readonly (Sql | undefined)[]) {
  const given = conditions.filter((condition) => condition !== undefined);
  if (given.length === 0) return new Sql<boolean>([empty], "boolean");
  if (given.length === 1) return given[0] as Sql<boolean>;
  const inner = join(given.map((condition) => sql`(${condition})`), operator);
  return new Sql<boolean>(inner.chunks, "boolean");
}

/** All of them; conditions that are `undefined` are left out. True where none is left. */
export function and(...conditions: (Sql | undefined)[]): Sql<boolean> {
  return combine(" AND ", "1 = 1", conditions);
}
/** One of them; conditions that are `undefined` are left out. False where none is left. */
export function or(...conditions: (Sql | undefined)[]): Sql<boolean> {
  return combine(" OR ", "1 = 0", conditions);
}
/** The contrary. */
export function not(condition: Sql): Sql<boolean> {
  return sql<boolean>`NOT (${condition})`.reads("boolean");
}
/** `left IN (…)`; false for an empty list. */
export function inArray<T>(
  left: Sql<T>,
  right: readonly NoInfer<NonNullable<T>>[] | SqlSource,
): Sql<boolean> {
  return membership(left, "IN", "1 = 0", right);
}
/** `left NOT IN (…)`; true for an empty list. */
export function notInArray<T>(
  left: Sql<T>,
  right: readonly NoInfer<NonNullable<T>>[] | SqlSource,
): Sql<boolean> {
  return membership(left, "NOT IN", "1 = 1", right);
}

function membership(left: Sql, operator: string, empty: string, right: unknown): Sql<boolean> {
  if (!Array.isArray(right)) return compare(left, ` ${operator} `, right);
  if (right.length === 0) return new Sql([empty], "boolean");
  const list = join(right.map((item) => operand(left, item)));
  return new Sql([...left.chunks, ` ${operator} (`, ...list.chunks, ")"], "boolean");
}

/** Whether text fits a pattern of `%` and `_`; a backslash makes them plain ({@linkcode escapeLike}). */
export function like(left: Sql<string> | Sql<string | null>, pattern: string | Sql): Sql<boolean> {
  return sql<boolean>`${left} LIKE ${value(pattern, "text")} ESCAPE '\\'`.reads("boolean");
}
/** Takes the meaning of `%`, `_` and the backslash from a text, to use it within a pattern. */
export function escapeLike(content: string): string {
  return content.replaceAll(/[\\%_]/g, "\\$&");
}
/** `low <= left <= high`. */
export function between<T>(
  left: Sql<T>,
  low: NoInfer<Operand<T>>,
  high: NoInfer<Operand<T>>,
): Sql<boolean> {
  return sql<boolean>`${left} BETWEEN ${operand(left, low)} AND ${operand(left, high)}`
    .reads("boolean");
}
/** Whether it is NULL. */
export function isNull(expression: Sql): Sql<boolean> {
  return sql<boolean>`${expression} IS NULL`.reads("boolean");
}
/** Whether it is not NULL. */
export function isNotNull(expression: Sql): Sql<boolean> {
  return sql<boolean>`${expression} IS NOT NULL`.reads("boolean");
}
/** Whether a query gives a row. */
export function exists(query: SqlSource): Sql<boolean> {
  return sql<boolean>`EXISTS ${value(query)}`.reads("boolean");
}
/** Whether a query gives no row. */
export function notExists(query: SqlSource): Sql<boolean> {
  return sql<boolean>`NOT EXISTS ${value(query)}`.reads("boolean");
}

/** The number of rows, or of rows where the expression is not NULL. */
export function count(expression?: Sql): Sql<number> {
  return sql<number>`count(${expression ?? raw("*")})`.reads("integer");
}
/** The number of different values. */
export function countDistinct(expression: Sql): Sql<number> {
  return sql<number>`count(DISTINCT ${expression})`.reads("integer");
}
/** The sum; null for no rows. */
export function sum<T>(expression: Sql<T>): Sql<T | null> {
  return sql<T | null>`sum(${expression})`.reads(expression.kind ?? "real");
}
/** The mean; null for no rows. */
export function avg(expression: Sql): Sql<number | null> {
  return sql<number | null>`avg(${expression})`.reads("real");
}
/** The least value; null for no rows. */
export function min<T>(expression: Sql<T>): Sql<T | null> {
  const result = sql<T | null>`min(${expression})`;
  return expression.kind ? result.reads(expression.kind) : result;
}
/** The greatest value; null for no rows. */
export function max<T>(expression: Sql<T>): Sql<T | null> {
  const result = sql<T | null>`max(${expression})`;
  return expression.kind ? result.reads(expression.kind) : result;
}

/** A window. */
export interface WindowOptions {
  /** What makes the groups. */
  partitionBy?: readonly Sql[];
  /** The order within a group. */
  orderBy?: readonly (Sql | Order)[];
}

/** Computes an aggregate or a window function over a window. */
export function over<T>(expression: Sql<T>, window: WindowOptions = {}): Sql<T> {
  const parts: Sql[] = [];
  if (window.partitionBy?.length) parts.push(sql`PARTITION BY ${join(window.partitionBy)}`);
  if (window.orderBy?.length) parts.push(sql`ORDER BY ${orderList(window.orderBy)}`);
  return new Sql(
    [...expression.chunks, " OVER (", ...join(parts, " ").chunks, ")"],
    expression.kind,
  );
}
/** The row's number within its window, from 1. */
export function rowNumber(): Sql<number> {
  return new Sql(["row_number()"], "integer");
}
/** The row's rank within its window, from 1, with gaps after ties. */
export function rank(): Sql<number> {
  return new Sql(["rank()"], "integer");
}

/** The terms of an ORDER BY. */
export function orderList(orders: readonly (Sql | Order)[]): Sql {
  return join(orders.map((order) => order instanceof Order ? order.toSql() : order));
}

/**
 * Reads a part of a JSON column as text, or as the kind that `.reads()` says.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { integer, json, jsonText, memory, table } from "@groundwork/std/orm";
 *
 * const events = table("events", {
 *   id: integer().primaryKey(),
 *   data: json<{ tags: string[] }>().notNull(),
 * });
 * await using db = memory();
 * await db.createTable(events);
 * await db.insert(events).values({ data: { tags: ["a", "b"] } }).run();
 * const [row] = await db.select({ tag: jsonText(events.data, "tags", 1) }).from(events).find();
 * assertEquals(row, { tag: "b" });
 * ```
 */
export function jsonText<T = string | null>(
  column: Column<unknown>,
  ...path: (string | number)[]
): Sql<T> {
  const names = column.chunks[0];
  if (!(column instanceof Column) || typeof names !== "object" || names.type !== "identifier") {
    throw new DatabaseError("bad_query", "jsonText() needs a column");
  }
  return new Sql<T>(
    dialectText((dialect) =>
      dialect.jsonText(names.names.map((name) => dialect.identifier(name)).join("."), path)
    ).chunks,
    "text",
  );
}
