import { Column } from "./column.ts";
import type { Dialect, JsonDialect, ValueKind } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";
import { type DialectText, join, raw, Sql, sql, SqlSource, value } from "./sql.ts";

/** A value, an expression, or a query of one column. */
export type Operand<T> = T | Sql<T> | Sql<NonNullable<T>> | Sql<T | null> | SqlSource;

/** An expression to sort by. */
export class Order {
  /** What to sort by. */
  readonly expression: Sql;
  /** The direction. */
  readonly direction: "ASC" | "DESC";
  /** Where NULL goes; where it is not said, last when sorting upwards and first downwards. */
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
  toSql(expression: Sql = this.expression, nullable = true): Sql {
    const { direction, nulls } = this;
    const sorted = comparable(expression, this.expression.kind);
    // Databases differ in where NULL goes by themselves. Where there is none they need not be told,
    // and use an index more freely.
    const tail: DialectText | string = nulls !== undefined
      ? ` NULLS ${nulls}`
      : nullable || !(this.expression instanceof Column && this.expression.definition.notNull)
      ? text((dialect) => dialect.nullOrder(direction))
      : "";
    return new Sql([...sorted.chunks, ` ${direction}`, tail]);
  }
}

function text(render: (dialect: Dialect) => string): DialectText {
  return { type: "dialect", render };
}

/** An expression in the form in which the database compares it as the kind demands. */
export function comparable(expression: Sql, kind: ValueKind | undefined = expression.kind): Sql {
  // Of all kinds only this one is ever stored in a form that compares otherwise.
  if (kind !== "numeric") return expression;
  return new Sql([
    text((dialect) => dialect.comparable(kind)?.[0] ?? ""),
    ...expression.chunks,
    text((dialect) => dialect.comparable(kind)?.[1] ?? ""),
  ], kind);
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
  if (left.kind !== "numeric") return value(right, left.kind);
  if (!(right instanceof SqlSource)) return comparable(value(right, "numeric"), "numeric");
  // Each row of the query has to be brought into the form that compares; its column gets a name here.
  const wrapping = (dialect: Dialect) => dialect.comparable("numeric");
  return new Sql([
    text((dialect) => {
      const around = wrapping(dialect);
      if (around === undefined) return "(";
      const empty = "SELECT NULL AS v WHERE 1 = 0";
      return `(SELECT ${around[0]}v${around[1]} FROM (${empty} UNION ALL SELECT * FROM (`;
    }),
    ...right.toSql().chunks,
    text((dialect) => wrapping(dialect) === undefined ? ")" : ")))"),
  ], "numeric");
}

function compare(left: Sql, operator: string, right: unknown): Sql<boolean> {
  const { chunks } = left.kind === "numeric" ? comparable(left) : left;
  return new Sql([...chunks, operator, ...operand(left, right).chunks], "boolean");
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
  const { chunks } = comparable(left);
  if (right.length > MAX_SEPARATE && !right.some((item) => item === null || item instanceof Sql)) {
    const list = {
      type: "list",
      values: right,
      kind: left.kind,
      negated: operator !== "IN",
    } as const;
    return new Sql([...chunks, list], "boolean");
  }
  const items = join(right.map((item) => operand(left, item)));
  return new Sql([...chunks, ` ${operator} (`, ...items.chunks, ")"], "boolean");
}

/** Longer lists are sent as one parameter: any number of values fits, in one and the same statement. */
const MAX_SEPARATE = 8;

/**
 * Whether text fits a pattern of `%` and `_`; a backslash makes them plain ({@linkcode escapeLike}).
 * Case matters, on every database.
 */
export function like(left: Sql<string> | Sql<string | null>, pattern: string | Sql): Sql<boolean> {
  return likeness(left, pattern, false);
}
/** {@linkcode like} whatever the case; on SQLite of the letters A to Z only. */
export function ilike(left: Sql<string> | Sql<string | null>, pattern: string | Sql): Sql<boolean> {
  return likeness(left, pattern, true);
}

function likeness(left: Sql, pattern: string | Sql, insensitive: boolean): Sql<boolean> {
  const part = (index: 0 | 1 | 2) => text((dialect) => dialect.like(insensitive)[index]);
  const chunks = [part(0), ...left.chunks, part(1), ...value(pattern, "text").chunks, part(2)];
  return new Sql(chunks, "boolean");
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
  return sql<boolean>`${comparable(left)} BETWEEN ${operand(left, low)} AND ${operand(left, high)}`
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
  return sql<number>`count(DISTINCT ${comparable(expression)})`.reads("integer");
}
function aggregate<T>(
  name: "sum" | "avg" | "min" | "max",
  expression: Sql,
  kind: ValueKind | undefined,
): Sql<T> {
  const part = (index: 0 | 1) => text((dialect) => dialect.aggregate(name, expression.kind)[index]);
  return new Sql<T>([part(0), ...expression.chunks, part(1)], kind);
}
/** The sum; null for no rows. */
export function sum<T>(expression: Sql<T>): Sql<T | null> {
  return aggregate("sum", expression, expression.kind ?? "real");
}
/** The mean, as a double; null for no rows. */
export function avg(expression: Sql): Sql<number | null> {
  return aggregate("avg", expression, "real");
}
/** The least value; null for no rows. */
export function min<T>(expression: Sql<T>): Sql<T | null> {
  return aggregate("min", expression, expression.kind);
}
/** The greatest value; null for no rows. */
export function max<T>(expression: Sql<T>): Sql<T | null> {
  return aggregate("max", expression, expression.kind);
}
/** An aggregate over those rows only that meet a condition. */
export function filter<T>(expression: Sql<T>, condition: Sql): Sql<T> {
  return new Sql<T>(
    [...expression.chunks, " FILTER (WHERE ", ...condition.chunks, ")"],
    expression.kind,
  );
}

/** The first of the values that is not NULL. */
export function coalesce<T>(
  expression: Sql<T | null> | Sql<T>,
  ...others: NoInfer<Operand<T>>[]
): Sql<NonNullable<T>> {
  const rest = others.map((other) => value(other, expression.kind));
  return sql<NonNullable<T>>`coalesce(${join([expression as Sql, ...rest])})`
    .reads(expression.kind ?? "text");
}
/** `CASE WHEN … THEN … ELSE … END`; NULL where no condition is met and nothing else is given. */
export function caseWhen<T>(
  branches: readonly (readonly [condition: Sql, result: Sql<T>])[],
  otherwise?: NoInfer<Sql<T>>,
): Sql<T> {
  if (branches.length === 0) throw new DatabaseError("bad_query", "caseWhen() needs a branch");
  const whens = branches.map(([when, then]) => sql`WHEN ${when} THEN ${then}`);
  const rest = otherwise === undefined ? sql`` : sql` ELSE ${otherwise}`;
  return new Sql<T>(
    sql`CASE ${join(whens, " ")}${rest} END`.chunks,
    branches[0]![1].kind,
  );
}
/** A value brought into a kind by the database: `CAST(… AS …)`. */
export function cast<T = unknown>(
  expression: Sql | string | number | bigint,
  kind: ValueKind,
): Sql<T> {
  const type = new Sql([text((dialect) => {
    const name: string | undefined = dialect.castName(kind);
    if (name === undefined) throw new DatabaseError("bad_query", "There is no such kind of value");
    return name;
  })]);
  return sql<T>`CAST(${expression} AS ${type})`.reads(kind);
}
/** The present moment by the database's clock: for a default, or to compare with. */
export function now(): Sql<Date> {
  return new Sql<Date>([text((dialect) => dialect.now)], "timestamp");
}
/** Text in small letters; on SQLite A to Z only. */
export function lower(expression: Sql<string> | Sql<string | null>): Sql<string> {
  return sql<string>`lower(${expression})`.reads("text");
}
/** Text in capitals; on SQLite A to Z only. */
export function upper(expression: Sql<string> | Sql<string | null>): Sql<string> {
  return sql<string>`upper(${expression})`.reads("text");
}

/** Where a window's frame begins or ends. */
export type FrameBound =
  | "unbounded preceding"
  | "current row"
  | "unbounded following"
  | { readonly preceding: number }
  | { readonly following: number };

/** Which rows of its group a window function sees. */
export interface WindowFrame {
  /** What the bounds count: rows, values, or groups of equal values. */
  unit: "rows" | "range" | "groups";
  /** The first row. */
  start: FrameBound;
  /** The last row; the current one where it is left out. */
  end?: FrameBound;
  /** What is left out all the same. */
  exclude?: "current row" | "group" | "ties";
}

/** A window. */
export interface WindowOptions {
  /** What makes the groups. */
  partitionBy?: readonly Sql[];
  /** The order within a group. */
  orderBy?: readonly (Sql | Order)[];
  /** The rows that count; those up to the current one where it is left out. */
  frame?: WindowFrame;
}

const UNITS = ["rows", "range", "groups"];
const BOUNDS = ["unbounded preceding", "current row", "unbounded following"];
const EXCLUSIONS = ["current row", "group", "ties"];

function word(allowed: readonly string[], given: string): string {
  if (!allowed.includes(given)) {
    throw new DatabaseError("bad_query", `A frame takes ${allowed.join(", ")}`);
  }
  return given.toUpperCase();
}

function bound(given: FrameBound): string {
  if (typeof given === "string") return word(BOUNDS, given);
  const [direction, distance] = Object.entries(given)[0] ?? [];
  if (!Number.isSafeInteger(distance) || distance! < 0) {
    throw new DatabaseError("bad_query", "A frame's distance must be a whole number from 0");
  }
  return `${distance} ${direction === "preceding" ? "PRECEDING" : "FOLLOWING"}`;
}

function frameText({ unit, start, end = "current row", exclude }: WindowFrame): string {
  const tail = exclude === undefined ? "" : ` EXCLUDE ${word(EXCLUSIONS, exclude)}`;
  return `${word(UNITS, unit)} BETWEEN ${bound(start)} AND ${bound(end)}${tail}`;
}

/** Computes an aggregate or a window function over a window. */
export function over<T>(expression: Sql<T>, window: WindowOptions = {}): Sql<T> {
  const parts: Sql[] = [];
  if (window.partitionBy?.length) {
    parts.push(sql`PARTITION BY ${join(window.partitionBy.map((one) => comparable(one)))}`);
  }
  if (window.orderBy?.length) parts.push(sql`ORDER BY ${orderList(window.orderBy)}`);
  if (window.frame) parts.push(raw(frameText(window.frame)));
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
/** The row's rank within its window, from 1, without gaps. */
export function denseRank(): Sql<number> {
  return new Sql(["dense_rank()"], "integer");
}
/** The row's rank as a fraction from 0 to 1. */
export function percentRank(): Sql<number> {
  return new Sql(["percent_rank()"], "real");
}
/** The fraction of the rows that come before the row or with it. */
export function cumeDist(): Sql<number> {
  return new Sql(["cume_dist()"], "real");
}
/** The number, from 1, of the row's bucket out of so many. */
export function ntile(buckets: number): Sql<number> {
  return new Sql([`ntile(${whole(buckets, 1)})`], "integer");
}
/** The value of the row so many rows before; null, or what is given, where there is none. */
export function lag<T>(
  expression: Sql<T>,
  offset = 1,
  otherwise?: NoInfer<Operand<T>>,
): Sql<T | null> {
  return shifted("lag", expression, offset, otherwise);
}
/** The value of the row so many rows after; null, or what is given, where there is none. */
export function lead<T>(
  expression: Sql<T>,
  offset = 1,
  otherwise?: NoInfer<Operand<T>>,
): Sql<T | null> {
  return shifted("lead", expression, offset, otherwise);
}
/** The value of the frame's first row. */
export function firstValue<T>(expression: Sql<T>): Sql<T> {
  return new Sql<T>(["first_value(", ...expression.chunks, ")"], expression.kind);
}
/** The value of the frame's last row. */
export function lastValue<T>(expression: Sql<T>): Sql<T> {
  return new Sql<T>(["last_value(", ...expression.chunks, ")"], expression.kind);
}
/** The value of the frame's row with this number, from 1; null where there is none. */
export function nthValue<T>(expression: Sql<T>, number: number): Sql<T | null> {
  const tail = `, ${whole(number, 1)})`;
  return new Sql<T | null>(["nth_value(", ...expression.chunks, tail], expression.kind);
}

function shifted<T>(
  name: string,
  expression: Sql<T>,
  offset: number,
  otherwise: unknown,
): Sql<T | null> {
  const head = [`${name}(`, ...expression.chunks, `, ${whole(offset, 0)}`];
  const rest = otherwise === undefined
    ? []
    : [", ", ...(value(otherwise, expression.kind) as Sql).chunks];
  return new Sql<T | null>([...head, ...rest, ")"], expression.kind);
}

function whole(number: number, least: number): number {
  if (!Number.isSafeInteger(number) || number < least) {
    throw new DatabaseError("bad_query", `A window function takes a whole number from ${least}`);
  }
  return number;
}

/** The terms of an ORDER BY; `nullable` says that an outer join may make NULL of any column. */
export function orderList(orders: readonly (Sql | Order)[], nullable = true): Sql {
  return join(
    orders.map((one) => (one instanceof Order ? one : asc(one)).toSql(undefined, nullable)),
  );
}

/** A step into JSON: the name of an object's member, or an array's index; -1 is the last one. */
export type JsonStep = string | number;

function jsonPart<T>(
  what: Exclude<keyof JsonDialect, "contains">,
  column: Sql,
  path: readonly JsonStep[],
  kind: ValueKind,
): Sql<T> {
  if (column.kind !== "json") {
    throw new DatabaseError("bad_query", "A part of JSON needs a column or an expression of JSON");
  }
  if (column.chunks.some((chunk) => typeof chunk === "object" && "value" in chunk)) {
    throw new DatabaseError("bad_query", "A part of JSON cannot be taken from a parameter");
  }
  return new Sql<T>([text((dialect) => {
    return dialect.json[what](column.prepare(dialect).text, path);
  })], kind);
}

/** A part of a JSON column as JSON (`->`); null where there is none. */
export function jsonGet<T = unknown>(column: Sql, ...path: JsonStep[]): Sql<T | null> {
  return jsonPart("value", column, path, "json");
}
/**
 * A part of a JSON column as text (`->>`): a string without its quotes, a number or a truth value as
 * it is written; null for JSON's null and where there is none.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { integer, json, jsonContains, jsonNumber, jsonText, memory, table } from "@groundwork/std/orm";
 *
 * const events = table("events", {
 *   id: integer().primaryKey(),
 *   data: json<{ tags: string[]; size: number }>().notNull(),
 * });
 * await using db = memory();
 * await db.createTable(events);
 * await db.insert(events).values({ data: { tags: ["a", "b"], size: 3 } }).run();
 * const rows = await db.select({
 *   tag: jsonText(events.data, "tags", 1),
 *   size: jsonNumber(events.data, "size"),
 * }).from(events).where(jsonContains(events.data, { tags: ["a"] })).find();
 * assertEquals(rows, [{ tag: "b", size: 3 }]);
 * ```
 */
export function jsonText(column: Sql, ...path: JsonStep[]): Sql<string | null> {
  return jsonPart("text", column, path, "text");
}
/** A number in a JSON column; null where there is none. */
export function jsonNumber(column: Sql, ...path: JsonStep[]): Sql<number | null> {
  return jsonPart("number", column, path, "real");
}
/** Whether a JSON column has this part. */
export function jsonHas(column: Sql, ...path: JsonStep[]): Sql<boolean> {
  return jsonPart("has", column, path, "boolean");
}
/** How many elements an array in a JSON column has; null where there is none. */
export function jsonLength(column: Sql, ...path: JsonStep[]): Sql<number | null> {
  return jsonPart("length", column, path, "integer");
}
/**
 * Whether JSON contains other JSON (`@>`): an object the members of another, an array the elements
 * of another in any order. On SQLite it reads each row's JSON, on PostgreSQL an index may help.
 */
export function jsonContains(column: Sql, part: unknown): Sql<boolean> {
  const piece = (index: 0 | 1 | 2) => text((dialect) => dialect.json.contains[index]);
  const right = value(part, "json").chunks;
  return new Sql([piece(0), ...column.chunks, piece(1), ...right, piece(2)], "boolean");
}
