/**
 * What went wrong, the same on every database:
 *
 * - `unique`, `foreign_key`, `not_null`, `check`: a constraint was violated;
 * - `missing_table`, `missing_column`, `syntax`: the statement does not fit the schema or the language;
 * - `bad_value`: a value cannot be stored in or read from its column without loss;
 * - `bad_query`: the builder was asked for something that is no statement, or an unsafe one;
 * - `busy`: the database is locked by somebody else;
 * - `serialization`: a transaction has to be repeated;
 * - `stale`: the row has another version than the one that was to be changed;
 * - `closed`: the database or the transaction has ended;
 * - `connection`: the server cannot be reached, or was lost before the statement was sent;
 * - `unknown_outcome`: the connection was lost while a commit was under way: it may have happened;
 * - `aborted`: the caller's signal ended the wait;
 * - `other`: anything else the database reports; see `sqlState`.
 */
export type DatabaseErrorCode =
  | "unique"
  | "foreign_key"
  | "not_null"
  | "check"
  | "missing_table"
  | "missing_column"
  | "syntax"
  | "bad_value"
  | "bad_query"
  | "busy"
  | "serialization"
  | "stale"
  | "closed"
  | "connection"
  | "unknown_outcome"
  | "aborted"
  | "other";

/** Where an error came from, as far as the database says. */
export interface DatabaseErrorDetails extends ErrorOptions {
  /** The table. */
  table?: string | undefined;
  /** The column, the first one where there are several. */
  column?: string | undefined;
  /** The violated constraint's name. */
  constraint?: string | undefined;
  /** The five characters of SQLSTATE, or SQLite's extended result code in decimal. */
  sqlState?: string | undefined;
  /** The statement. Its parameters are left out, since they may be secret. */
  query?: string | undefined;
}

/** An operation on a database failed. */
export class DatabaseError extends Error {
  /** `DatabaseError`. */
  override readonly name = "DatabaseError";
  /** What went wrong. */
  readonly code: DatabaseErrorCode;
  /** The table, where the database says it. */
  readonly table: string | undefined;
  /** The column, where the database says it. */
  readonly column: string | undefined;
  /** The violated constraint, where the database says it. */
  readonly constraint: string | undefined;
  /** The database's own code. */
  readonly sqlState: string | undefined;
  /** The statement, without its parameters. */
  readonly query: string | undefined;

  /** Makes an error. */
  constructor(code: DatabaseErrorCode, message: string, details: DatabaseErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.table = details.table;
    this.column = details.column;
    this.constraint = details.constraint;
    this.sqlState = details.sqlState;
    this.query = details.query;
  }
}
