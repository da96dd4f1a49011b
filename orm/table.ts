import { Column, type ColumnBuilder, type InsertMode, type ReferenceOptions } from "./column.ts";
import { DatabaseError } from "./errors.ts";
import type { Sql } from "./sql.ts";

/** The property under which a table keeps its description, out of the way of the columns' names. */
export const TABLE: unique symbol = Symbol("table");

/** The columns of a table as they are declared. */
export type ColumnMap = { [name: string]: ColumnBuilder<unknown, InsertMode> };

/** An index. */
export interface IndexDefinition {
  /** Its name; made of the table's and the columns' where it is left out. */
  name?: string;
  /** Its columns, in order. */
  columns: readonly Column[];
  /** Whether two rows may not agree in all of them. */
  unique?: boolean;
  /** Which rows it holds. */
  where?: Sql;
}

/** A foreign key of several columns. */
export interface ForeignKeyDefinition {
  /** The columns here. */
  columns: readonly Column[];
  /** The columns there, as many. A function, since tables may point at each other. */
  references: () => readonly Column[];
  /** How it behaves. */
  options?: ReferenceOptions;
}

/** What belongs to a table as a whole. */
export interface TableOptions {
  /** The primary key, where it has several columns. */
  primaryKey?: readonly Column[];
  /** Sets of columns in which no two rows agree. */
  uniques?: readonly (readonly Column[])[];
  /** The indexes. */
  indexes?: readonly IndexDefinition[];
  /** Conditions by their constraint's name. */
  checks?: Readonly<Record<string, Sql>>;
  /** Foreign keys of several columns. */
  foreignKeys?: readonly ForeignKeyDefinition[];
  /**
   * A timestamp column that a delete sets instead of removing the row. Selects, updates and
   * deletes then leave out such rows.
   */
  softDelete?: Column;
  /** An integer column that every update adds one to. */
  version?: Column;
}

/** The description of a table, of an alias of one, or of a subquery. */
export interface TableInfo {
  /** The name in the database. */
  readonly name: string;
  /** The name in the statement: the alias where there is one. */
  readonly alias: string;
  /** The columns by their properties' names. */
  readonly columns: ReadonlyMap<string, Column>;
  /** What belongs to the table as a whole. */
  readonly options: TableOptions;
  /** The query behind it, where it is no table. */
  readonly source?: Sql;
  /** Whether that query reads itself. */
  readonly recursive?: boolean;
}

/** What every table has, whatever its columns. */
export interface TableBase<N extends string = string, C extends ColumnMap = ColumnMap> {
  /** The description. */
  readonly [TABLE]: TableInfo & { readonly types?: { readonly name: N; readonly columns: C } };
}

/**
 * A table: each column is a property. Annotate a model that you publish with it:
 * `Table<"users", { id: ColumnBuilder<number, "default">; name: ColumnBuilder<string, "required"> }>`.
 */
export type Table<N extends string, C extends ColumnMap> =
  & TableBase<N, C>
  & { readonly [K in keyof C]: Column<C[K]["valueType"], N> };

/** A table's name as a type. */
export type NameOf<T extends TableBase> = T extends TableBase<infer N, ColumnMap> ? N : never;

/** The declared columns of a table. */
export type ColumnsOf<T extends TableBase> = T extends TableBase<string, infer C> ? C : never;

/** A row of a table as a select gives it. */
export type InferSelect<T extends TableBase> = RowOf<ColumnsOf<T>>;

/** A row of these columns. */
export type RowOf<C extends ColumnMap> = { [K in keyof C]: C[K]["valueType"] };

/** The columns of which an insert must say this. */
export type KeysOf<C extends ColumnMap, M extends InsertMode> = {
  [K in keyof C]: C[K]["insertMode"] extends M ? K : never;
}[keyof C];

/** A row of these columns as an insert takes it. */
export type InsertOf<C extends ColumnMap> =
  & { [K in KeysOf<C, "required">]: C[K]["valueType"] | Sql }
  & { [K in KeysOf<C, "optional" | "default">]?: C[K]["valueType"] | Sql };

/** A row of a table as an insert takes it. */
export type InferInsert<T extends TableBase> = InsertOf<ColumnsOf<T>>;

/** New values of these columns. */
export type UpdateOf<C extends ColumnMap> = {
  [K in KeysOf<C, "required" | "optional" | "default">]?: C[K]["valueType"] | Sql;
};

/** What an update of a table may set. */
export type InferUpdate<T extends TableBase> = UpdateOf<ColumnsOf<T>>;

function checkName(what: string, name: string): void {
  if (name === "" || name.includes("\0")) {
    throw new DatabaseError("bad_query", `A ${what}'s name must not be empty or hold NUL`);
  }
}

/**
 * Declares a table. Cost: one object a column, once.
 *
 * @throws {DatabaseError} With code `bad_query` if a name is empty, two columns have one name, or
 * two primary keys are declared.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { eq, integer, memory, table, text } from "@groundwork/std/orm";
 *
 * const users = table("users", {
 *   id: integer().primaryKey(),
 *   name: text().notNull(),
 *   age: integer(),
 * });
 *
 * await using db = memory();
 * await db.createTable(users);
 * await db.insert(users).values([{ name: "Tom", age: 30 }, { name: "Sam" }]).run();
 * const found = await db.select().from(users).where(eq(users.name, "Tom")).first();
 * assertEquals(found, { id: 1, name: "Tom", age: 30 });
 * ```
 */
export function table<const N extends string, C extends ColumnMap>(
  name: N,
  columns: C,
  options?: (table: { readonly [K in keyof C]: Column<C[K]["valueType"], N> }) => TableOptions,
): Table<N, C> {
  checkName("table", name);
  const map = new Map<string, Column>();
  const names = new Set<string>();
  for (const [key, builder] of Object.entries(columns)) {
    const column = new Column(name, key, builder.definition);
    checkName("column", column.name);
    if (names.has(column.name.toLowerCase())) {
      throw new DatabaseError("bad_query", `Table ${name} has two columns ${column.name}`);
    }
    names.add(column.name.toLowerCase());
    map.set(key, column);
  }
  const references = Object.fromEntries(map) as {
    readonly [K in keyof C]: Column<C[K]["valueType"], N>;
  };
  const resolved = options?.(references) ?? {};
  const own = [...map.values()].filter((column) => column.definition.primaryKey);
  if (own.length + (resolved.primaryKey === undefined ? 0 : 1) > 1) {
    throw new DatabaseError("bad_query", `Table ${name} has more than one primary key`);
  }
  return makeTable<N, C>({ name, alias: name, columns: map, options: resolved });
}

/** Puts a description and its columns into one object. */
export function makeTable<N extends string, C extends ColumnMap>(info: TableInfo): Table<N, C> {
  const result: Record<string | symbol, unknown> = Object.create(null);
  for (const [key, column] of info.columns) result[key] = column;
  result[TABLE] = info;
  return Object.freeze(result) as Table<N, C>;
}

/** The same table under another name, to join it with itself. */
export function alias<const A extends string, T extends TableBase>(
  original: T,
  name: A,
): Table<A, ColumnsOf<T>> {
  checkName("table", name);
  const info = original[TABLE];
  const move = (column: Column) => new Column(name, column.key, column.definition);
  const columns = new Map([...info.columns].map(([key, column]) => [key, move(column)]));
  const { softDelete } = info.options;
  return makeTable({
    ...info,
    alias: name,
    columns,
    options: { ...info.options, ...(softDelete && { softDelete: move(softDelete) }) },
  });
}

/** The columns of a table's primary key; empty where it has none. */
export function primaryKeyOf(info: TableInfo): readonly Column[] {
  if (info.options.primaryKey) {
    return info.options.primaryKey.map((column) => info.columns.get(column.key)!);
  }
  return [...info.columns.values()].filter((column) => column.definition.primaryKey);
}
