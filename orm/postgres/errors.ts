import { DatabaseError, type DatabaseErrorCode, type DatabaseErrorDetails } from "../errors.ts";

/** The fields of a server's error or notice (PostgreSQL 15, section 55.8), by what they say. */
export interface ServerFields {
  /** `ERROR`, `FATAL`, `PANIC`, or for a notice `WARNING`, `NOTICE`, `DEBUG`, `INFO`, `LOG`. */
  readonly severity: string;
  /** The five characters of SQLSTATE. */
  readonly sqlState: string;
  /** What happened. */
  readonly message: string;
  /** More about it. */
  readonly detail?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Where in the statement, in characters from 1. */
  readonly position?: number;
  /** The same within {@linkcode internalQuery}. */
  readonly internalPosition?: number;
  /** A statement that the server itself ran, within a function for example. */
  readonly internalQuery?: string;
  /** The stack of functions. */
  readonly where?: string;
  /** The schema of what it concerns. */
  readonly schema?: string;
  /** The table. */
  readonly table?: string;
  /** The column. */
  readonly column?: string;
  /** The data type. */
  readonly dataType?: string;
  /** The constraint. */
  readonly constraint?: string;
  /** The server's source file. */
  readonly file?: string;
  /** The line in it. */
  readonly line?: string;
  /** The function in it. */
  readonly routine?: string;
}

/** The server refused something. Every field that it sent is here. */
export class PostgresError extends DatabaseError {
  /** All that the server said. */
  readonly fields: ServerFields;

  /** Makes an error from the server's fields; `query` is the statement. */
  constructor(fields: ServerFields, query?: string, code?: DatabaseErrorCode) {
    super(code ?? codeOfState(fields.sqlState), fields.message, {
      table: fields.table ?? tableOf(fields),
      column: fields.column ?? columnOf(fields),
      constraint: fields.constraint,
      sqlState: fields.sqlState,
      query,
    });
    this.fields = fields;
  }

  /** `ERROR`, or `FATAL` and `PANIC` where the connection ended with it. */
  get severity(): string {
    return this.fields.severity;
  }

  /** More about it, where the server says it. */
  get detail(): string | undefined {
    return this.fields.detail;
  }

  /** What to do about it, where the server says it. */
  get hint(): string | undefined {
    return this.fields.hint;
  }

  /** Where in the statement, in characters from 1. */
  get position(): number | undefined {
    return this.fields.position;
  }

  /** The schema, where the server says it. */
  get schema(): string | undefined {
    return this.fields.schema;
  }
}

/** Where a connection was when it ended. */
export interface ConnectionLostDetails extends DatabaseErrorDetails {
  /** Whether the statement had been sent. */
  sent: boolean;
  /** Whether it was a commit. */
  inCommit: boolean;
  /** Whether its effects may have become permanent. */
  maybeCommitted: boolean;
}

/**
 * The connection ended before the answer came. Its code is `unknown_outcome` where the statement may
 * have taken effect, `connection` where it certainly has not.
 */
export class ConnectionLostError extends DatabaseError {
  /** Whether the statement had been sent. */
  readonly sent: boolean;
  /** Whether it was a commit, or a statement that commits by itself. */
  readonly inCommit: boolean;
  /**
   * Whether its effects may have become permanent: it was a commit, or a statement outside a
   * transaction. What was within a transaction has certainly been rolled back.
   */
  readonly maybeCommitted: boolean;

  /** Makes an error. */
  constructor(message: string, details: ConnectionLostDetails) {
    super(details.maybeCommitted ? "unknown_outcome" : "connection", message, details);
    this.sent = details.sent;
    this.inCommit = details.inCommit;
    this.maybeCommitted = details.maybeCommitted;
  }
}

/** The server broke the protocol: a length, a message or a value that cannot be. */
export class ProtocolError extends DatabaseError {
  /** Makes an error. */
  constructor(message: string, options?: ErrorOptions) {
    super("connection", message, options);
  }
}

/** The server could not be reached, or would not let us in; or we would not trust it. */
export class ConnectError extends DatabaseError {
  /** Makes an error. */
  constructor(message: string, options?: ErrorOptions) {
    super("connection", message, options);
  }
}

const CODES: Readonly<Record<string, DatabaseErrorCode>> = {
  "23505": "unique",
  "23503": "foreign_key",
  "23001": "foreign_key",
  "23502": "not_null",
  "23514": "check",
  "23P01": "check",
  "42P01": "missing_table",
  "42703": "missing_column",
  "40001": "serialization",
  "40P01": "serialization",
  "55P03": "busy",
  "57P01": "connection",
  "57P02": "connection",
  "57P03": "connection",
  "57P05": "connection",
  "53300": "connection",
  "25P03": "connection",
};

const CLASSES: Readonly<Record<string, DatabaseErrorCode>> = {
  "08": "connection",
  "22": "bad_value",
  "28": "connection",
  "42": "syntax",
};

/** The table that the message names where there is no field for it; in English only. */
function tableOf({ sqlState, message }: ServerFields): string | undefined {
  if (sqlState !== "42P01") return undefined;
  return /^relation "(?:[^"]*\.)?([^".]+)" does not exist/.exec(message)?.[1];
}

/** The column that the message or the detail names, the first of several; in English only. */
function columnOf({ sqlState, message, detail = "" }: ServerFields): string | undefined {
  if (sqlState === "23505" || sqlState === "23503") {
    return /^Key \(("(?:[^"]|"")*"|[^,)]*)/.exec(detail)?.[1]
      ?.replace(/^"(.*)"$/, "$1").replaceAll('""', '"');
  }
  if (sqlState !== "42703") return undefined;
  return /^column (?:"([^"]*)"|(\S*))/.exec(message)?.slice(1).find((name) => name !== undefined)
    ?.split(".").at(-1);
}

/** The kind of error that a SQLSTATE stands for. */
export function codeOfState(sqlState: string): DatabaseErrorCode {
  return CODES[sqlState] ?? CLASSES[sqlState.slice(0, 2)] ?? "other";
}
