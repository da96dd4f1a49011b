import { event, type Executor } from "./_executor.ts";
import {
  layOut,
  layOutJoin,
  layOutTable,
  narrow,
  readCount,
  type Selection,
  type SelectionFields,
} from "./_mapper.ts";
import { Column } from "./column.ts";
import type { Dialect, DriverValue, ValueKind } from "./dialect.ts";
import type { DriverResult } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import { and, comparable, count, Order, orderList } from "./expressions.ts";
import {
  type CompiledQuery,
  type CompiledTemplate,
  dialectText,
  identifier,
  join,
  Sql,
  sql,
  SqlSource,
  value,
} from "./sql.ts";
import {
  type ColumnsOf,
  type InferSelect,
  makeTable,
  type NameOf,
  TABLE,
  type TableBase,
  type TableInfo,
} from "./table.ts";

/** The tables that a select reads, by their names: their rows, with null where a join may miss. */
export type Scope = Record<string, unknown>;

/** The type of one field of a select. */
export type FieldValue<F, S extends Scope> = F extends Column<infer T, infer N>
  ? N extends keyof S ? null extends S[N] ? T | null : T : T
  : F extends Sql<infer T> ? T
  : F extends TableBase ? NameOf<F> extends keyof S ? S[NameOf<F>] : InferSelect<F>
  : never;

/**
 * The rows of a select: what its fields say; without fields the row of its only table, or where
 * there are joins an object of the tables' rows.
 */
export type ResultOf<F, S extends Scope, J extends boolean> = F extends SelectionFields
  ? { [K in keyof F]: FieldValue<F[K], S> }
  : J extends true ? { [K in keyof S]: S[K] }
  : S[keyof S];

/** A query under a name, to select from. */
export type Subquery<N extends string, Row> =
  & { readonly [TABLE]: TableBase<N>[typeof TABLE] }
  & { readonly [K in keyof Row]: Column<Row[K], N> };

/** The row of a table or of a named query. */
export type RowOfSource<T> = T extends TableBase
  ? string extends keyof ColumnsOf<T> ? SubqueryRow<T> : InferSelect<T>
  : never;

/** The row of a named query. */
export type SubqueryRow<T> = { [K in keyof T as K extends string ? K : never]: ValueOf<T[K]> };

/** The type of an expression's value. */
export type ValueOf<C> = C extends Sql<infer T> ? T : never;

/** The same tables where an outer join may miss each. */
export type Nullable<S extends Scope> = { [K in keyof S]: S[K] | null };

interface Joined {
  readonly kind: "INNER JOIN" | "LEFT JOIN" | "RIGHT JOIN" | "FULL JOIN" | "CROSS JOIN";
  readonly source: TableInfo;
  readonly on: Sql | undefined;
}

interface SelectState {
  readonly fields: SelectionFields | undefined;
  readonly source: TableInfo | undefined;
  readonly joins: readonly Joined[];
  readonly where: Sql | undefined;
  readonly groupBy: readonly Sql[];
  readonly having: Sql | undefined;
  readonly orderBy: readonly (Sql | Order)[];
  readonly limit: number | Sql | undefined;
  readonly offset: number | Sql | undefined;
  readonly distinct: boolean;
  readonly lock: Sql | undefined;
  readonly deleted: boolean;
  readonly with: readonly TableInfo[];
  readonly compounds: readonly { readonly operator: string; readonly query: SqlSource }[];
}

const EMPTY: SelectState = {
  fields: undefined,
  source: undefined,
  joins: [],
  where: undefined,
  groupBy: [],
  having: undefined,
  orderBy: [],
  limit: undefined,
  offset: undefined,
  distinct: false,
  lock: undefined,
  deleted: false,
  with: [],
  compounds: [],
};

/** How many rows a stream reads at a time. */
const STREAM_BATCH_ROWS = 256;

interface Compiled {
  readonly template: CompiledTemplate;
  readonly selection: Selection;
  readonly map: (rows: DriverValue[][]) => unknown[];
}

/** Options of a stream. */
export interface StreamOptions {
  /** How many rows are read at a time; 256 by default. */
  batchRows?: number;
  /** Ends the stream. */
  signal?: AbortSignal;
}

/** Options of a lock on rows. */
export interface LockOptions {
  /** The tables whose rows are locked; all of the query where it is left out. */
  of?: readonly TableBase[];
  /** Leaves out rows that somebody else has locked. */
  skipLocked?: boolean;
  /** Fails with code `busy` rather than to wait. */
  noWait?: boolean;
}

/** A query that was compiled once and runs often. */
export class PreparedQuery<Row> {
  readonly #executor: Executor;
  readonly #compiled: Compiled;

  /** Programs call {@linkcode Select.prepare}. */
  constructor(executor: Executor, compiled: Compiled) {
    this.#executor = executor;
    this.#compiled = compiled;
  }

  /** All rows, with the values of the named placeholders. */
  async find(values: Readonly<Record<string, unknown>> = {}): Promise<Row[]> {
    const { template, selection, map } = this.#compiled;
    const result = this.#executor.execute(template.bind(values), selection.wide);
    return map((result instanceof Promise ? await result : result).rows) as Row[];
  }

  /** The first row, `undefined` where there is none. The query itself should say `limit(1)`. */
  async first(values: Readonly<Record<string, unknown>> = {}): Promise<Row | undefined> {
    const { template, selection, map } = this.#compiled;
    const result = this.#executor.execute(template.bind(values), selection.wide);
    const { rows } = result instanceof Promise ? await result : result;
    return map(rows.length > 1 ? rows.slice(0, 1) : rows)[0] as Row | undefined;
  }

  /** The rows, read in batches. */
  async *stream(
    values: Readonly<Record<string, unknown>> = {},
    options: StreamOptions = {},
  ): AsyncIterableIterator<Row> {
    const { template, selection, map } = this.#compiled;
    const batches = this.#executor.stream(
      template.bind(values),
      selection.wide,
      withBatchRows(options),
    );
    for await (const batch of batches) yield* map(batch) as Row[];
  }
}

function withBatchRows(options: StreamOptions): { batchRows: number; signal?: AbortSignal } {
  const { batchRows = STREAM_BATCH_ROWS } = options;
  if (!Number.isSafeInteger(batchRows) || batchRows < 1) {
    throw new DatabaseError("bad_query", "A batch has at least one row");
  }
  return { ...options, batchRows };
}

/** A select. Immutable: each method returns a new one, and nothing runs before a terminal. */
export class Select<F, S extends Scope, J extends boolean> extends SqlSource {
  readonly #executor: Executor;
  readonly #state: SelectState;
  #compiled: Compiled | undefined;

  /** Programs call `db.select()`. */
  constructor(executor: Executor, state: Partial<SelectState> = {}) {
    super();
    this.#executor = executor;
    this.#state = { ...EMPTY, ...state };
  }

  #next<G = F, T extends Scope = S, K extends boolean = J>(
    change: Partial<SelectState>,
  ): Select<G, T, K> {
    return new Select<G, T, K>(this.#executor, { ...this.#state, ...change });
  }

  /** The table, or the query, to read. */
  from<T extends TableBase>(source: T): Select<F, { [K in NameOf<T>]: RowOfSource<T> }, false> {
    return this.#next({ source: source[TABLE] });
  }

  #join(kind: Joined["kind"], source: TableBase, on: Sql | undefined): readonly Joined[] {
    const info = source[TABLE];
    if (
      [this.#state.source, ...this.#state.joins.map((one) => one.source)]
        .some((other) => other?.alias === info.alias)
    ) {
      throw new DatabaseError("bad_query", `${info.alias} is joined twice: use alias()`);
    }
    return [...this.#state.joins, { kind, source: info, on }];
  }

  /** Joins rows that fit. */
  innerJoin<T extends TableBase>(
    source: T,
    on: Sql,
  ): Select<F, S & { [K in NameOf<T>]: RowOfSource<T> }, true> {
    return this.#next({ joins: this.#join("INNER JOIN", source, on) });
  }

  /** Joins rows that fit, or null. */
  leftJoin<T extends TableBase>(
    source: T,
    on: Sql,
  ): Select<F, S & { [K in NameOf<T>]: RowOfSource<T> | null }, true> {
    return this.#next({ joins: this.#join("LEFT JOIN", source, on) });
  }

  /** Joins rows that fit; null for what was there before where none does. */
  rightJoin<T extends TableBase>(
    source: T,
    on: Sql,
  ): Select<F, Nullable<S> & { [K in NameOf<T>]: RowOfSource<T> }, true> {
    return this.#next({ joins: this.#join("RIGHT JOIN", source, on) });
  }

  /** Joins rows that fit; null on either side where none does. */
  fullJoin<T extends TableBase>(
    source: T,
    on: Sql,
  ): Select<F, Nullable<S> & { [K in NameOf<T>]: RowOfSource<T> | null }, true> {
    return this.#next({ joins: this.#join("FULL JOIN", source, on) });
  }

  /** Joins every row with every row. */
  crossJoin<T extends TableBase>(
    source: T,
  ): Select<F, S & { [K in NameOf<T>]: RowOfSource<T> }, true> {
    return this.#next({ joins: this.#join("CROSS JOIN", source, undefined) });
  }

  /** Keeps the rows that meet a condition, and those that were given before. */
  where(condition: Sql | undefined): Select<F, S, J> {
    if (condition === undefined) return this;
    const { where } = this.#state;
    return this.#next({ where: where === undefined ? condition : and(where, condition) });
  }

  /** One row for each group. */
  groupBy(...expressions: Sql[]): Select<F, S, J> {
    return this.#next({ groupBy: expressions });
  }

  /** Keeps the groups that meet a condition. */
  having(condition: Sql): Select<F, S, J> {
    return this.#next({ having: condition });
  }

  /** The order. */
  orderBy(...orders: (Sql | Order)[]): Select<F, S, J> {
    return this.#next({ orderBy: orders });
  }

  /** The most rows. */
  limit(rows: number | Sql): Select<F, S, J> {
    return this.#next({ limit: checkCount("limit", rows) });
  }

  /** How many rows to leave out first. */
  offset(rows: number | Sql): Select<F, S, J> {
    return this.#next({ offset: checkCount("offset", rows) });
  }

  /** Leaves out rows that are there already. */
  distinct(): Select<F, S, J> {
    return this.#next({ distinct: true });
  }

  /** Reads rows that were soft-deleted, too. */
  withDeleted(): Select<F, S, J> {
    return this.#next({ deleted: true });
  }

  /**
   * Locks the rows until the transaction ends, for readers that lock as well. SQLite has no row
   * locks, and needs none: its transactions start by locking the database for writers, so that the
   * clause is left out there, and nothing is ever waited for or skipped.
   */
  forUpdate(options: LockOptions = {}): Select<F, S, J> {
    return this.#lock("UPDATE", options);
  }
  /** {@linkcode forUpdate}, but lets foreign keys to the rows be checked. */
  forNoKeyUpdate(options: LockOptions = {}): Select<F, S, J> {
    return this.#lock("NO KEY UPDATE", options);
  }
  /** Locks the rows against changes only: others may share the lock. On SQLite like {@linkcode forUpdate}. */
  forShare(options: LockOptions = {}): Select<F, S, J> {
    return this.#lock("SHARE", options);
  }
  /** {@linkcode forShare}, but allows changes that leave the key as it is. */
  forKeyShare(options: LockOptions = {}): Select<F, S, J> {
    return this.#lock("KEY SHARE", options);
  }

  #lock(strength: string, { of = [], skipLocked, noWait }: LockOptions): Select<F, S, J> {
    const names = of.length === 0
      ? sql``
      : sql` OF ${join(of.map((one) => identifier(one[TABLE].alias)))}`;
    const tail = new Sql([skipLocked ? " SKIP LOCKED" : noWait ? " NOWAIT" : ""]);
    return this.#next({ lock: sql`${new Sql([` FOR ${strength}`])}${names}${tail}` });
  }

  /** The rows of both, each once. */
  union(other: Select<F, S, J> | SqlSource): Select<F, S, J> {
    return this.#compound("UNION", other);
  }
  /** The rows of both. */
  unionAll(other: Select<F, S, J> | SqlSource): Select<F, S, J> {
    return this.#compound("UNION ALL", other);
  }
  /** The rows that both have. */
  intersect(other: Select<F, S, J> | SqlSource): Select<F, S, J> {
    return this.#compound("INTERSECT", other);
  }
  /** The rows that the other lacks. */
  except(other: Select<F, S, J> | SqlSource): Select<F, S, J> {
    return this.#compound("EXCEPT", other);
  }

  #compound(operator: string, query: SqlSource): Select<F, S, J> {
    const { orderBy, limit, offset, compounds, lock } = this.#state;
    if (orderBy.length > 0 || limit !== undefined || offset !== undefined || lock !== undefined) {
      throw new DatabaseError(
        "bad_query",
        `Order, limit and locks go after ${operator}, not before`,
      );
    }
    return this.#next({ compounds: [...compounds, { operator, query }] });
  }

  /** Gives the query a name, to select from it or to join it; for `with()` as well. */
  as<const N extends string>(name: N): Subquery<N, ResultOf<F, S, J>> {
    const { names, expressions } = this.#select();
    const columns = new Map(names.map((key, index) => {
      const inner = expressions[index]!;
      const column = new Column(name, key, { kind: inner.kind ?? "text" });
      // What the driver gives for an expression is less sure than what it gives for a column.
      const known = inner instanceof Column;
      return [key, known ? column : new Sql(column.chunks, inner.kind) as Column];
    }));
    const info: TableInfo = {
      name,
      alias: name,
      columns,
      options: { primaryKey: [] },
      source: this.#toSql(true),
    };
    return makeTable(info) as unknown as Subquery<N, ResultOf<F, S, J>>;
  }

  /** The statement, as a piece of another. */
  override toSql(): Sql {
    return this.#toSql(true);
  }

  #select(): Selection {
    const { fields, source, joins } = this.#state;
    if (fields !== undefined) return layOut(fields);
    if (source === undefined) throw new DatabaseError("bad_query", "A select needs from()");
    if (joins.length === 0) return layOutTable(source);
    return layOutJoin([source, ...joins.map((one) => one.source)]);
  }

  #sourceSql(info: TableInfo, alive: Sql | undefined): Sql {
    const name = identifier(info.alias);
    const known = this.#state.with.some((other) => other.source === info.source);
    if (info.source !== undefined) return known ? name : sql`(${info.source}) AS ${name}`;
    const renamed = info.alias === info.name ? name : sql`${identifier(info.name)} AS ${name}`;
    return alive === undefined
      ? renamed
      : sql`(SELECT * FROM ${renamed} WHERE ${alive}) AS ${name}`;
  }

  #alive(info: TableInfo): Sql | undefined {
    const column = this.#state.deleted ? undefined : info.options.softDelete;
    return column && sql`${column} IS NULL`;
  }

  #toSql(named: boolean, selection: Selection = this.#select()): Sql {
    const state = this.#state;
    const compound = state.compounds.length > 0;
    const list = named || compound
      ? join(
        selection.expressions.map((expression, index) =>
          sql`${expression} AS ${identifier(selection.names[index]!)}`
        ),
      )
      : selection.list ?? join(selection.expressions);
    const parts: Sql[] = [];
    if (state.with.length > 0) {
      const common = state.with.map((info) => {
        const names = join([...info.columns.keys()].map((key) => identifier(key)));
        return sql`${identifier(info.alias)} (${names}) AS (${info.source!})`;
      });
      const recursive = state.with.some((info) => info.recursive);
      parts.push(sql`${new Sql([recursive ? "WITH RECURSIVE " : "WITH "])}${join(common)}`);
    }
    let body: Sql[] = [state.distinct ? sql`SELECT DISTINCT ${list}` : sql`SELECT ${list}`];
    // Where rows of a table may come back as NULL, what is deleted must go before the join.
    const early = state.joins.some(({ kind }) => kind === "RIGHT JOIN" || kind === "FULL JOIN");
    const read = (info: TableInfo) => this.#sourceSql(info, early ? this.#alive(info) : undefined);
    if (state.source !== undefined) body.push(sql`FROM ${read(state.source)}`);
    for (const { kind, source, on } of state.joins) {
      const alive = early ? undefined : this.#alive(source);
      const condition = on === undefined ? alive : alive === undefined ? on : and(on, alive);
      const head = new Sql([`${condition && !on ? "INNER JOIN" : kind} `]);
      const tail = condition === undefined ? sql`` : sql` ON ${condition}`;
      body.push(sql`${head}${read(source)}${tail}`);
    }
    const alive = early ? undefined : state.source && this.#alive(state.source);
    const where = alive === undefined ? state.where : and(state.where, alive);
    if (where !== undefined) body.push(sql`WHERE ${where}`);
    if (state.groupBy.length > 0) {
      body.push(sql`GROUP BY ${join(state.groupBy.map((one) => comparable(one)))}`);
    }
    if (state.having !== undefined) body.push(sql`HAVING ${state.having}`);
    for (const [index, { operator, query }] of state.compounds.entries()) {
      // INTERSECT binds closer than the others in PostgreSQL, and as close as they in SQLite.
      if (operator === "INTERSECT" && index > 0) {
        body = [sql`SELECT * FROM (${join(body, " ")}) AS ${identifier("compound")}`];
      }
      body.push(
        new Sql([
          `${operator} `,
          ...sql`SELECT * FROM (${query.toSql()}) AS ${identifier("other")}`.chunks,
        ]),
      );
    }
    parts.push(...body);
    if (compound && state.orderBy.some((one) => kindOf(one) === "numeric")) {
      // A compound is sorted by names only, and decimals need more than that.
      const inner = parts.splice(state.with.length > 0 ? 1 : 0);
      parts.push(sql`SELECT * FROM (${join(inner, " ")}) AS ${identifier("compound")}`);
    }
    if (state.orderBy.length > 0) {
      const orders = compound
        ? state.orderBy.map((order) => orderByName(order, selection))
        : state.orderBy;
      const outer = state.joins.some(({ kind }) => kind !== "INNER JOIN" && kind !== "CROSS JOIN");
      parts.push(sql`ORDER BY ${orderList(orders, outer || compound)}`);
    }
    if (state.limit !== undefined) parts.push(sql`LIMIT ${value(state.limit, "integer")}`);
    if (state.offset !== undefined) {
      // SQLite has no OFFSET without a LIMIT.
      if (state.limit === undefined) parts.push(dialectText((to) => to.noLimit));
      parts.push(sql`OFFSET ${value(state.offset, "integer")}`);
    }
    const result = join(parts, " ");
    const { lock } = state;
    if (lock === undefined) return result;
    // A lock holds names only, no values.
    return sql`${result}${
      dialectText((dialect) => dialect.hasRowLocks ? lock.prepare(dialect).text : "")
    }`;
  }

  #compile(): Compiled {
    if (this.#compiled !== undefined) return this.#compiled;
    const { dialect } = this.#executor;
    const selection = this.#select();
    const template = this.#toSql(false, selection).prepare(dialect);
    return this.#compiled = { template, selection, map: selection.mapper(dialect) };
  }

  /** The statement and its parameters, as they are sent. */
  compile(): CompiledQuery {
    return this.#compile().template.bind({});
  }

  /** All rows. */
  async find(): Promise<ResultOf<F, S, J>[]> {
    const { source } = this.#state;
    const before = source && this.#executor.hooks("before", "select", source);
    const after = source && this.#executor.hooks("after", "select", source);
    if (before && source) {
      for (const hook of before) await hook(event("select", source));
    }
    const { template, selection, map } = this.#compile();
    const result = this.#executor.execute(template.bind({}), selection.wide);
    const rows = map((result instanceof Promise ? await result : result).rows);
    if (after && source) {
      for (const hook of after) {
        await hook({ ...event("select", source), rows, changes: rows.length });
      }
    }
    return rows as ResultOf<F, S, J>[];
  }

  /** The first row, `undefined` where there is none. */
  async first(): Promise<ResultOf<F, S, J> | undefined> {
    return (await this.limit(1).find())[0];
  }

  /** How many rows there are. */
  async count(): Promise<number> {
    const inner = new Select(this.#executor, { ...this.#state, orderBy: [] });
    const query = sql`SELECT ${count()} FROM (${inner.toSql()}) AS ${identifier("counted")}`;
    const result = this.#executor.execute(query.compile(this.#executor.dialect), false);
    return readCount((result instanceof Promise ? await result : result).rows[0]?.[0]);
  }

  /** The rows, read in batches. Ending the loop early frees what the query holds. */
  async *stream(options: StreamOptions = {}): AsyncIterableIterator<ResultOf<F, S, J>> {
    const { template, selection, map } = this.#compile();
    const batches = this.#executor.stream(
      template.bind({}),
      selection.wide,
      withBatchRows(options),
    );
    for await (const batch of batches) yield* map(batch) as ResultOf<F, S, J>[];
  }

  /** How the database would run it, one line a step, indented by depth. */
  async explain(): Promise<string[]> {
    const { text, parameters } = this.compile();
    const { dialect } = this.#executor;
    const query = { text: `${dialect.explain} ${text}`, parameters };
    return dialect.readPlan((await this.#executor.execute(query, false)).rows);
  }

  /** Compiles it for repeated use, with named placeholders open. */
  prepare(): PreparedQuery<ResultOf<F, S, J>> {
    return new PreparedQuery(this.#executor, this.#compile());
  }
}

function orderByName(order: Sql | Order, { names, expressions }: Selection): Order {
  const { expression, direction, nulls } = order instanceof Order ? order : new Order(order, "ASC");
  const index = expressions.indexOf(expression);
  if (index < 0) {
    throw new DatabaseError("bad_query", "A compound query is ordered by what it selects");
  }
  const name = new Sql(identifier(names[index]!).chunks, expression.kind);
  return new Order(name, direction, nulls);
}

function kindOf(order: Sql | Order): ValueKind | undefined {
  return order instanceof Order ? order.expression.kind : order.kind;
}

/**
 * A query that reads itself: the rows of `base`, and again and again those that `step` makes of the
 * rows that came last. Give it to `with()` and select from it. With `all`, rows that were there
 * already come again.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { eq, integer, memory, recursive, table } from "@groundwork/std/orm";
 *
 * const parts = table("parts", { id: integer().primaryKey(), parent: integer() });
 * await using db = memory();
 * await db.createTable(parts);
 * await db.insert(parts).values([{ parent: null }, { parent: 1 }, { parent: 2 }]).run();
 *
 * const chain = recursive(
 *   "chain",
 *   db.select({ id: parts.id, parent: parts.parent }).from(parts).where(eq(parts.id, 3)),
 *   (self) =>
 *     db.select({ id: parts.id, parent: parts.parent }).from(parts)
 *       .innerJoin(self, eq(parts.id, self.parent)),
 * );
 * const rows = await db.with(chain).select({ id: chain.id }).from(chain).find();
 * assertEquals(rows, [{ id: 3 }, { id: 2 }, { id: 1 }]);
 * ```
 */
export function recursive<const N extends string, F, S extends Scope, J extends boolean>(
  name: N,
  base: Select<F, S, J>,
  step: (self: Subquery<N, ResultOf<F, S, J>>) => SqlSource,
  options: { all?: boolean } = {},
): Subquery<N, ResultOf<F, S, J>> {
  const info: TableInfo = base.as(name)[TABLE];
  const { source: first, ...rest } = info;
  const self = makeTable(rest) as unknown as Subquery<N, ResultOf<F, S, J>>;
  const operator = new Sql([options.all ? " UNION ALL " : " UNION "]);
  const source = sql`${first!}${operator}${step(self).toSql()}`;
  return makeTable({ ...info, source, recursive: true }) as unknown as Subquery<
    N,
    ResultOf<F, S, J>
  >;
}

function checkCount(what: string, rows: number | Sql): number | Sql {
  if (typeof rows === "number" && !(Number.isSafeInteger(rows) && rows >= 0)) {
    throw new DatabaseError("bad_query", `The ${what} must be a whole number from 0`);
  }
  return rows;
}

/** Turns rows of a statement that was written by hand into objects; a repeated name is refused. */
export function rowsByName(result: DriverResult, dialect: Dialect): Record<string, unknown>[] {
  const { columns, rows } = result;
  const repeated = columns.find((name, index) => columns.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw new DatabaseError("bad_query", `Two columns are called ${repeated}: name them with AS`);
  }
  if (columns.length === 0) return [];
  const fields = Object.fromEntries(columns.map((name) => [name, new Sql([])]));
  // Object.entries would bring names like "1" to the front; the layout must keep the order.
  if (Object.keys(fields).some((name, index) => name !== columns[index])) {
    return rows.map((row) =>
      Object.fromEntries(columns.map((name, at) => [name, narrow(row[at])]))
    );
  }
  return layOut(fields).mapper(dialect)(rows) as Record<string, unknown>[];
}
