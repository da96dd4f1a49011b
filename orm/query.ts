import type { Executor, HookEvent } from "./_executor.ts";
import {
  fieldsOf,
  layOut,
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
import { and, comparable, count, eq, Order, orderList } from "./expressions.ts";
import {
  type CompiledQuery,
  type CompiledTemplate,
  dialectText,
  encode,
  identifier,
  join,
  Sql,
  sql,
  SqlSource,
  value,
} from "./sql.ts";
import {
  type ColumnsOf,
  type InferInsert,
  type InferSelect,
  type InferUpdate,
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

/** An insert, an update or a delete that was compiled once and runs often. No hooks run. */
export class PreparedChange<Row> {
  readonly #executor: Executor;
  readonly #templates: readonly CompiledTemplate[];
  readonly #selection: Selection | undefined;

  /** Programs call `prepare()` on an insert, an update or a delete. */
  constructor(
    executor: Executor,
    templates: readonly CompiledTemplate[],
    selection: Selection | undefined,
  ) {
    this.#executor = executor;
    this.#templates = templates;
    this.#selection = selection;
  }

  async #run(values: Readonly<Record<string, unknown>>) {
    const statements = this.#templates.map((template) => template.bind(values));
    return await runAll(this.#executor, statements, this.#selection?.wide ?? false);
  }

  /** Runs it with the values of the named placeholders; returns how many rows were changed. */
  async run(values: Readonly<Record<string, unknown>> = {}): Promise<number> {
    return (await this.#run(values)).changes;
  }

  /** Runs it; returns the rows that `returning()` asked for. */
  async find(values: Readonly<Record<string, unknown>> = {}): Promise<Row[]> {
    const { rows } = await this.#run(values);
    return (this.#selection?.mapper(this.#executor.dialect)(rows) ?? []) as Row[];
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
    const sources = [source, ...joins.map((one) => one.source)];
    return layOut(Object.fromEntries(sources.map((info) => [info.alias, { [TABLE]: info }])));
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
    const list = join(
      selection.expressions.map((expression, index) =>
        named || compound
          ? sql`${expression} AS ${identifier(selection.names[index]!)}`
          : expression
      ),
    );
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

function event(operation: HookEvent["operation"], info: TableInfo): HookEvent {
  return { operation, table: info.name, values: [], rows: [], changes: 0 };
}

/** What happens to a row that is there already. */
export interface ConflictOptions<T extends TableBase> {
  /** The columns whose constraint decides; any constraint where they are left out. */
  columns?: readonly Column[];
  /** The new values of the row that is there; nothing happens to it where they are left out. */
  set?: InferUpdate<T>;
  /** Which rows to update. */
  where?: Sql;
}

interface InsertState {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly query: SqlSource | undefined;
  readonly conflict: ConflictOptions<TableBase> | undefined;
  readonly fields: SelectionFields | undefined;
}

/** The value that an insert would have put into a column, within `onConflict({ set })`. */
export function excluded<T>(column: Column<T>): Sql<T> {
  return new Sql<T>([{ type: "identifier", names: ["excluded", column.name] }], column.kind);
}

/** An insert of one row, of many, or of a query's rows. Immutable. */
export class Insert<T extends TableBase, Row> {
  readonly #executor: Executor;
  readonly #info: TableInfo;
  readonly #state: InsertState;

  /** Programs call `db.insert()`. */
  constructor(executor: Executor, info: TableInfo, state?: InsertState) {
    this.#executor = executor;
    this.#info = info;
    this.#state = state ?? { rows: [], query: undefined, conflict: undefined, fields: undefined };
  }

  #next<R = Row>(change: Partial<InsertState>): Insert<T, R> {
    return new Insert<T, R>(this.#executor, this.#info, { ...this.#state, ...change });
  }

  /** The row, or the rows. They go in together or not at all, however many they are. */
  values(rows: InferInsert<T> | readonly InferInsert<T>[]): Insert<T, Row> {
    const list = (Array.isArray(rows) ? rows : [rows]) as readonly Record<string, unknown>[];
    return this.#next({ rows: [...this.#state.rows, ...list] });
  }

  /** The rows of a query, whose fields are named like the columns. */
  select(
    query: SqlSource & { as(name: string): TableBase | Subquery<string, never> },
  ): Insert<T, Row> {
    return this.#next({ query: query.as("source") as unknown as SqlSource });
  }

  /** What happens to rows that are there already. */
  onConflict(options: ConflictOptions<T> = {}): Insert<T, Row> {
    return this.#next({ conflict: options as ConflictOptions<TableBase> });
  }

  /** Gives back the inserted rows, or fields of them. */
  returning(): Insert<T, InferSelect<T>>;
  /** Gives back fields of the inserted rows. */
  returning<const F extends SelectionFields>(fields: F): Insert<T, ResultOf<F, Scope, true>>;
  returning(fields?: SelectionFields): Insert<T, unknown> {
    return this.#next({ fields: fields ?? fieldsOf(this.#info) });
  }

  /** Runs it; returns how many rows were inserted or updated. */
  async run(): Promise<number> {
    return (await this.#run()).changes;
  }

  /** Runs it; returns the rows that `returning()` asked for. */
  async find(): Promise<Row[]> {
    return (await this.#run()).rows as Row[];
  }

  /** Runs it; returns the first of the rows that `returning()` asked for. */
  async first(): Promise<Row | undefined> {
    return (await this.#run()).rows[0] as Row | undefined;
  }

  /** Compiles it for repeated use, with named placeholders open. */
  prepare(): PreparedChange<Row> {
    const { fields, rows } = this.#state;
    const { dialect } = this.#executor;
    const templates = this.#statements(rows).map((statement) => statement.prepare(dialect));
    return new PreparedChange<Row>(this.#executor, templates, fields && layOut(fields));
  }

  /** The statements and their parameters, as they are sent. */
  compile(): CompiledQuery[] {
    return this.#compile(this.#state.rows);
  }

  #compile(rows: readonly Readonly<Record<string, unknown>>[]): CompiledQuery[] {
    return this.#compilePlain(rows) ??
      this.#statements(rows).map((one) => one.compile(this.#executor.dialect));
  }

  /**
   * Compiles rows that hold nothing but values and fit one list of columns, which most do: the text
   * depends on the columns and the number of rows alone, and is kept. `undefined` for other rows.
   */
  #compilePlain(
    rows: readonly Readonly<Record<string, unknown>>[],
  ): CompiledQuery[] | undefined {
    const info = this.#info;
    const { dialect } = this.#executor;
    if (this.#state.query !== undefined || rows.length === 0) return undefined;
    const tail = this.#tail();
    if (tail.chunks.some((one) => typeof one === "object" && NOT_PLAIN.has(one.type))) {
      return undefined;
    }
    const keys = keysOf(info, rows);
    const columns = keys.map((key) => columnOf(info, key));
    if (columns.length === 0 || columns.some(({ definition }) => definition.generated)) {
      return undefined;
    }
    const most = Math.floor(dialect.maxParameters / columns.length);
    const tailText = tail.prepare(dialect).text;
    const result: CompiledQuery[] = [];
    for (let start = 0; start < rows.length; start += most) {
      const end = Math.min(rows.length, start + most);
      const parameters = new Array<DriverValue>((end - start) * columns.length);
      let at = 0;
      for (let index = start; index < end; index++) {
        const row = rows[index]!;
        for (let column = 0; column < keys.length; column++) {
          const { definition } = columns[column]!;
          let content = row[keys[column]!];
          if (content === undefined) {
            if (definition.makeDefault) content = definition.makeDefault();
            else if (definition.default !== undefined || definition.notNull) return undefined;
            else content = null;
          }
          if (content instanceof Sql || content instanceof SqlSource) return undefined;
          parameters[at++] = content === null ? null : encode(dialect, content, definition.kind);
        }
      }
      const text = insertText(dialect, info, columns, end - start, tailText);
      result.push({ text, parameters });
    }
    return result;
  }

  #statements(rows: readonly Readonly<Record<string, unknown>>[]): Sql[] {
    const info = this.#info;
    const tail = this.#tail();
    const { query } = this.#state;
    if (query !== undefined) {
      const source = (query as unknown as TableBase)[TABLE];
      const names = [...source.columns.keys()].map((key) => identifier(columnOf(info, key).name));
      const reads = [...source.columns.values()];
      // WHERE keeps SQLite from reading ON CONFLICT as a join's condition.
      return [
        sql`INSERT INTO ${identifier(info.name)} (${join(names)}) SELECT ${
          join(reads)
        } FROM (${source.source!}) AS ${identifier(source.alias)} WHERE 1 = 1${tail}`,
      ];
    }
    const most = this.#executor.dialect.maxParameters;
    const room = most - tail.chunks.filter((chunk) => typeof chunk === "object").length;
    const statements: Sql[] = [];
    let group: Sql[] = [];
    let keys: readonly string[] = [];
    let signature = "";
    let used = 0;
    const flush = () => {
      if (group.length === 0) return;
      const names = join(keys.map((key) => identifier(columnOf(info, key).name)));
      const what = keys.length === 0 ? sql`DEFAULT VALUES` : sql`(${names}) VALUES ${join(group)}`;
      statements.push(sql`INSERT INTO ${identifier(info.name)} ${what}${tail}`);
      group = [];
      used = 0;
    };
    for (const row of rows) {
      const complete = withDefaults(info, row);
      const own = Object.keys(complete);
      const mine = JSON.stringify(own);
      if (mine !== signature || used + own.length > room || own.length === 0) flush();
      signature = mine;
      keys = own;
      const cells = own.map((key) => cell(columnOf(info, key), complete[key]));
      used += cells.length;
      group.push(new Sql(["(", ...join(cells).chunks, ")"]));
    }
    flush();
    return statements;
  }

  #tail(): Sql {
    const { conflict, fields } = this.#state;
    const parts: Sql[] = [];
    if (conflict !== undefined) {
      const target = conflict.columns === undefined
        ? sql``
        : sql` (${join(conflict.columns.map((column) => identifier(column.name)))})`;
      const set = conflict.set as Record<string, unknown> | undefined;
      if (
        set !== undefined && conflict.columns === undefined &&
        this.#executor.dialect.conflictNeedsColumns
      ) {
        throw new DatabaseError(
          "bad_query",
          "This database wants to know the columns of the conflict: onConflict({ columns, set })",
        );
      }
      if (set === undefined) parts.push(sql` ON CONFLICT${target} DO NOTHING`);
      else {
        const where = conflict.where === undefined ? sql`` : sql` WHERE ${conflict.where}`;
        parts.push(
          sql` ON CONFLICT${target} DO UPDATE SET ${assignments(this.#info, set)}${where}`,
        );
      }
    }
    if (fields !== undefined) parts.push(sql` RETURNING ${join(layOut(fields).expressions)}`);
    return join(parts, "");
  }

  async #run(): Promise<{ changes: number; rows: unknown[] }> {
    const info = this.#info;
    const { fields, query } = this.#state;
    const before = this.#executor.hooks("before", "insert", info);
    let { rows } = this.#state;
    if (before !== undefined) {
      const values = rows.map((row) => ({ ...row }));
      for (const hook of before) await hook({ ...event("insert", info), values });
      rows = values;
    }
    if (rows.length === 0 && query === undefined) return { changes: 0, rows: [] };
    const { dialect } = this.#executor;
    const statements = this.#compile(rows);
    const selection = fields && layOut(fields);
    const result = await runAll(this.#executor, statements, selection?.wide ?? false);
    const outcome = {
      changes: result.changes,
      rows: selection ? selection.mapper(dialect)(result.rows) : [],
    };
    for (const hook of this.#executor.hooks("after", "insert", info) ?? []) {
      await hook({ ...event("insert", info), values: [...rows], ...outcome });
    }
    return outcome;
  }
}

/** Parts of a statement's end that bring parameters, whose numbers the rows would shift. */
const NOT_PLAIN: ReadonlySet<string> = new Set(["parameter", "list", "placeholder"]);

/** The properties that the rows have together with the columns that fill themselves. */
function keysOf(
  info: TableInfo,
  rows: readonly Readonly<Record<string, unknown>>[],
): readonly string[] {
  const keys = Object.keys(rows[0]!);
  let isSame = true;
  for (let index = 1; index < rows.length && isSame; index++) {
    let at = 0;
    for (const key in rows[index]) {
      if (keys[at++] !== key) {
        isSame = false;
        break;
      }
    }
    isSame &&= at === keys.length;
  }
  if (isSame && !hasMakers(info)) return keys;
  const all = new Set(keys);
  if (!isSame) { for (const row of rows) for (const key of Object.keys(row)) all.add(key); }
  for (const [key, { definition }] of info.columns) if (definition.makeDefault) all.add(key);
  return [...all];
}

const MAKERS = new WeakMap<TableInfo, boolean>();

function hasMakers(info: TableInfo): boolean {
  let has = MAKERS.get(info);
  if (has === undefined) {
    has = [...info.columns.values()].some(({ definition }) => definition.makeDefault);
    MAKERS.set(info, has);
  }
  return has;
}

/** The texts of inserts by their dialect, columns, rows and end. */
const INSERT_TEXTS = new WeakMap<TableInfo, Map<string, string>>();
const MAX_INSERT_TEXTS = 32;
const MAX_KEPT_CHARACTERS = 65_536;

function insertText(
  dialect: Dialect,
  info: TableInfo,
  columns: readonly Column[],
  rows: number,
  tail: string,
): string {
  let texts = INSERT_TEXTS.get(info);
  if (texts === undefined) INSERT_TEXTS.set(info, texts = new Map());
  const names = columns.map(({ name }) => dialect.identifier(name)).join(", ");
  const key = `${dialect.name} ${rows} ${names}${tail}`;
  let text = texts.get(key);
  if (text !== undefined) return text;
  let number = 0;
  const groups = Array.from(
    { length: rows },
    () => `(${columns.map(() => dialect.placeholder(++number, undefined, undefined)).join(", ")})`,
  );
  text = `INSERT INTO ${dialect.identifier(info.name)} (${names}) VALUES ${
    groups.join(", ")
  }${tail}`;
  if (text.length <= MAX_KEPT_CHARACTERS) {
    if (texts.size >= MAX_INSERT_TEXTS) texts.clear();
    texts.set(key, text);
  }
  return text;
}

async function runAll(
  executor: Executor,
  statements: readonly CompiledQuery[],
  wide: boolean,
): Promise<Pick<DriverResult, "rows" | "changes">> {
  if (statements.length === 1) return await executor.execute(statements[0]!, wide);
  return await executor.atomic(async (inner) => {
    const rows: DriverValue[][] = [];
    let changes = 0;
    for (const statement of statements) {
      const result = await inner.execute(statement, wide);
      for (const row of result.rows) rows.push(row);
      changes += result.changes;
    }
    return { rows, changes };
  });
}

function columnOf(info: TableInfo, key: string): Column {
  const column = info.columns.get(key);
  if (column === undefined) {
    throw new DatabaseError("missing_column", `Table ${info.name} has no column ${key}`, {
      table: info.name,
      column: key,
    });
  }
  return column;
}

/** A value for a column. What the column's declaration forbids is refused before it is sent. */
function cell(column: Column, content: unknown): Sql {
  const { definition } = column;
  if (definition.generated !== undefined) {
    throw new DatabaseError("bad_query", `Cannot set ${column.key}: the database computes it`);
  }
  return value(content, definition.kind);
}

function withDefaults(
  info: TableInfo,
  row: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(row)) {
    columnOf(info, key);
    // A member that is undefined is one that was left out; null is a value.
    if (row[key] !== undefined) result[key] = row[key];
  }
  for (const [key, { definition }] of info.columns) {
    if (definition.makeDefault && !Object.hasOwn(result, key)) {
      result[key] = definition.makeDefault();
    }
  }
  return result;
}

function assignments(info: TableInfo, set: Readonly<Record<string, unknown>>): Sql {
  const pieces: Sql[] = [];
  for (const [key, content] of Object.entries(set)) {
    const column = columnOf(info, key);
    if (content === undefined) continue;
    pieces.push(sql`${identifier(column.name)} = ${cell(column, content)}`);
  }
  if (pieces.length === 0) throw new DatabaseError("bad_query", "An update sets nothing");
  return join(pieces);
}

interface ChangeState {
  readonly set: Readonly<Record<string, unknown>>;
  readonly where: Sql | undefined;
  readonly all: boolean;
  readonly version: number | undefined;
  readonly hard: boolean;
  readonly fields: SelectionFields | undefined;
}

const NO_CHANGE: ChangeState = {
  set: {},
  where: undefined,
  all: false,
  version: undefined,
  hard: false,
  fields: undefined,
};

function refuseAll(info: TableInfo, operation: string, state: ChangeState): void {
  if (state.where !== undefined || state.all) return;
  throw new DatabaseError(
    "bad_query",
    `Refused to ${operation} every row of ${info.name}: say where(), or all() if you mean it`,
  );
}

function prepareChange<Row>(
  executor: Executor,
  info: TableInfo,
  operation: "update" | "delete",
  state: ChangeState,
): PreparedChange<Row> {
  refuseAll(info, operation, state);
  const selection = state.fields && layOut(state.fields);
  const template = changeSql(info, operation, state, selection).prepare(executor.dialect);
  return new PreparedChange<Row>(executor, [template], selection);
}

async function runChange(
  executor: Executor,
  info: TableInfo,
  operation: "update" | "delete",
  state: ChangeState,
): Promise<{ changes: number; rows: unknown[] }> {
  refuseAll(info, operation, state);
  const { dialect } = executor;
  const values = { ...state.set };
  for (const hook of executor.hooks("before", operation, info) ?? []) {
    await hook({ ...event(operation, info), values: [values] });
  }
  const selection = state.fields && layOut(state.fields);
  const statement = changeSql(info, operation, { ...state, set: values }, selection);
  const result = await executor.execute(statement.compile(dialect), selection?.wide ?? false);
  if (state.version !== undefined && result.changes === 0) {
    throw new DatabaseError(
      "stale",
      `Cannot ${operation} a row of ${info.name}: version ${state.version} is no longer the current one`,
      { table: info.name },
    );
  }
  const outcome = {
    changes: result.changes,
    rows: selection ? selection.mapper(dialect)(result.rows) : [],
  };
  for (const hook of executor.hooks("after", operation, info) ?? []) {
    await hook({ ...event(operation, info), values: [values], ...outcome });
  }
  return outcome;
}

function changeSql(
  info: TableInfo,
  operation: "update" | "delete",
  state: ChangeState,
  selection: Selection | undefined,
): Sql {
  const { softDelete, version } = info.options;
  const soft = softDelete !== undefined && !state.hard;
  const conditions: (Sql | undefined)[] = [state.where];
  if (soft) conditions.push(sql`${softDelete} IS NULL`);
  if (state.version !== undefined) {
    if (version === undefined) {
      throw new DatabaseError("bad_query", `Table ${info.name} has no version column`);
    }
    conditions.push(eq(version, state.version));
  }
  const set: Record<string, unknown> = { ...state.set };
  if (operation === "delete" && soft) set[softDelete.key] = new Date();
  if (operation === "update" || soft) {
    for (const [key, { definition }] of info.columns) {
      if (definition.makeOnUpdate && set[key] === undefined) set[key] = definition.makeOnUpdate();
    }
    if (version !== undefined) set[version.key] = sql`${identifier(version.name)} + 1`;
  }
  const head = operation === "delete" && !soft
    ? sql`DELETE FROM ${identifier(info.name)}`
    : sql`UPDATE ${identifier(info.name)} SET ${assignments(info, set)}`;
  const given = conditions.some((condition) => condition !== undefined);
  const where = given ? sql` WHERE ${and(...conditions)}` : sql``;
  const returning = selection ? sql` RETURNING ${join(selection.expressions)}` : sql``;
  return sql`${head}${where}${returning}`;
}

/** An update. Immutable. It is refused without `where()` unless `all()` is said. */
export class Update<T extends TableBase, Row> {
  readonly #executor: Executor;
  readonly #info: TableInfo;
  readonly #state: ChangeState;

  /** Programs call `db.update()`. */
  constructor(executor: Executor, info: TableInfo, state: ChangeState = NO_CHANGE) {
    this.#executor = executor;
    this.#info = info;
    this.#state = state;
  }

  #next<R = Row>(change: Partial<ChangeState>): Update<T, R> {
    return new Update<T, R>(this.#executor, this.#info, { ...this.#state, ...change });
  }

  /** The new values: an object, or names and values in turn. */
  set(values: InferUpdate<T>): Update<T, Row>;
  /** The new values, as names and values in turn. */
  set(name: keyof InferUpdate<T> & string, content: unknown, ...more: unknown[]): Update<T, Row>;
  set(first: InferUpdate<T> | string, ...rest: unknown[]): Update<T, Row> {
    if (typeof first !== "string") return this.#next({ set: { ...this.#state.set, ...first } });
    const pairs = [first, ...rest];
    if (pairs.length % 2 === 1) throw new DatabaseError("bad_query", "A name has no value");
    const set: Record<string, unknown> = { ...this.#state.set };
    for (let index = 0; index < pairs.length; index += 2) {
      set[columnOf(this.#info, String(pairs[index])).key] = pairs[index + 1];
    }
    return this.#next({ set });
  }

  /** Which rows. */
  where(condition: Sql): Update<T, Row> {
    const { where } = this.#state;
    return this.#next({ where: where === undefined ? condition : and(where, condition) });
  }

  /** Every row. */
  all(): Update<T, Row> {
    return this.#next({ all: true });
  }

  /** Only if the row still has this version; otherwise `run()` throws with code `stale`. */
  ifVersion(version: number): Update<T, Row> {
    return this.#next({ version });
  }

  /** Gives back the new rows. */
  returning(): Update<T, InferSelect<T>> {
    return this.#next({ fields: fieldsOf(this.#info) });
  }

  /** Runs it; returns how many rows were updated. */
  async run(): Promise<number> {
    return (await runChange(this.#executor, this.#info, "update", this.#state)).changes;
  }

  /** Runs it; returns the rows that `returning()` asked for. */
  async find(): Promise<Row[]> {
    return (await runChange(this.#executor, this.#info, "update", this.#state)).rows as Row[];
  }

  /** Compiles it for repeated use, with named placeholders open. */
  prepare(): PreparedChange<Row> {
    return prepareChange(this.#executor, this.#info, "update", this.#state);
  }
}

/** A delete. Immutable. It is refused without `where()` unless `all()` is said. */
export class Delete<T extends TableBase, Row> {
  readonly #executor: Executor;
  readonly #info: TableInfo;
  readonly #state: ChangeState;

  /** Programs call `db.delete()`. */
  constructor(executor: Executor, info: TableInfo, state: ChangeState = NO_CHANGE) {
    this.#executor = executor;
    this.#info = info;
    this.#state = state;
  }

  #next<R = Row>(change: Partial<ChangeState>): Delete<T, R> {
    return new Delete<T, R>(this.#executor, this.#info, { ...this.#state, ...change });
  }

  /** Which rows. */
  where(condition: Sql): Delete<T, Row> {
    const { where } = this.#state;
    return this.#next({ where: where === undefined ? condition : and(where, condition) });
  }

  /** Every row. */
  all(): Delete<T, Row> {
    return this.#next({ all: true });
  }

  /** Removes rows for good, where the table only marks them otherwise. */
  hard(): Delete<T, Row> {
    return this.#next({ hard: true });
  }

  /** Only if the row still has this version; otherwise `run()` throws with code `stale`. */
  ifVersion(version: number): Delete<T, Row> {
    return this.#next({ version });
  }

  /** Gives back the deleted rows. */
  returning(): Delete<T, InferSelect<T>> {
    return this.#next({ fields: fieldsOf(this.#info) });
  }

  /** Runs it; returns how many rows were deleted. */
  async run(): Promise<number> {
    return (await runChange(this.#executor, this.#info, "delete", this.#state)).changes;
  }

  /** Runs it; returns the rows that `returning()` asked for. */
  async find(): Promise<Row[]> {
    return (await runChange(this.#executor, this.#info, "delete", this.#state)).rows as Row[];
  }

  /** Compiles it for repeated use, with named placeholders open. */
  prepare(): PreparedChange<Row> {
    return prepareChange(this.#executor, this.#info, "delete", this.#state);
  }
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
