/**
 * Typed models, queries and migrations on SQLite and PostgreSQL, with no generated code.
 *
 * Tables are declared in TypeScript ({@linkcode table}), and the types of rows, inserts and
 * updates follow from the declaration. Queries are immutable and run only at a terminal: `find()`,
 * `first()`, `count()`, `run()`, `stream()`, `explain()`. Values are always parameters. One program
 * gives the same results on both databases: {@linkcode open} takes the URL.
 *
 * @module
 */
export * from "./change.ts";
export * from "./column.ts";
export * from "./dialect.ts";
export * from "./driver.ts";
export * from "./errors.ts";
export * from "./expressions.ts";
export * from "./introspect.ts";
export * from "./migrate.ts";
export * from "./model.ts";
export * from "./open.ts";
export * from "./postgres_dialect.ts";
export * from "./query.ts";
export * from "./query_process.ts";
export * from "./relations.ts";
export type { Executor, Hook, HookEvent, HookMoment } from "./_executor.ts";
export type { Selection, SelectionFields } from "./_mapper.ts";
export {
  type CompiledQuery,
  type CompiledTemplate,
  type DialectText,
  type Identifier,
  identifier,
  join,
  type NamedPlaceholder,
  type Parameter,
  type ParameterList,
  placeholder,
  raw,
  Sql,
  sql,
  type SqlChunk,
  SqlSource,
  value,
} from "./sql.ts";
export * from "./schema.ts";
export * from "./session.ts";
export * from "./shell.ts";
export * from "./sqlite_dialect.ts";
export * from "./sqlite_driver.ts";
export * from "./sqlite_worker_driver.ts";
export {
  alias,
  type ColumnMap,
  type ColumnsOf,
  type ForeignKeyDefinition,
  type IndexDefinition,
  type InferInsert,
  type InferSelect,
  type InferUpdate,
  type InsertOf,
  type KeysOf,
  type NameOf,
  type RowOf,
  TABLE,
  type Table,
  table,
  type TableBase,
  type TableInfo,
  type TableOptions,
  type UpdateOf,
} from "./table.ts";
