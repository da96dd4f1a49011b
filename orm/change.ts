import { event, type Executor } from "./_executor.ts";
import { fieldsOf, layOut, type Selection, type SelectionFields } from "./_mapper.ts";
import { fitDecimal } from "./_encode.ts";
import type { Column, ColumnDefinition } from "./column.ts";
import type { Dialect, DriverValue } from "./dialect.ts";
import type { DriverResult } from "./driver.ts";
import type { ResultOf, Subquery } from "./query.ts";
import { DatabaseError } from "./errors.ts";
import { and, eq } from "./expressions.ts";
import {
  type CompiledQuery,
  type CompiledTemplate,
  encode,
  identifier,
  join,
  Sql,
  sql,
  SqlSource,
  value,
} from "./sql.ts";
import {
  type InferInsert,
  type InferSelect,
  type InferUpdate,
  TABLE,
  type TableBase,
  type TableInfo,
} from "./table.ts";

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
  returning<const F extends SelectionFields>(
    fields: F,
  ): Insert<T, ResultOf<F, Record<never, unknown>, true>>;
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
          parameters[at++] = content === null
            ? null
            : encode(dialect, fit(content, definition), definition.kind);
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
  return value(fit(content, definition), definition.kind);
}

/** Rounds a decimal to its column's precision, where it has one. */
function fit(content: unknown, { precision, scale = 0 }: ColumnDefinition): unknown {
  return precision === undefined ? content : fitDecimal(content, precision, scale);
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
