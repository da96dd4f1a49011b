import { DatabaseError, type DatabaseErrorCode } from "./errors.ts";

const CONSTRAINTS: Record<string, DatabaseErrorCode> = {
  "UNIQUE": "unique",
  "CHECK": "check",
  "NOT NULL": "not_null",
  "FOREIGN KEY": "foreign_key",
};

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Turns an error of `node:sqlite` into a {@linkcode DatabaseError}. */
export function translate(error: unknown, query: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = messageOf(error);
  const result = (error as { errcode?: number }).errcode;
  const details = { cause: error, query, sqlState: result?.toString() };
  if ((error as { code?: string }).code === "ERR_OUT_OF_RANGE") {
    return new DatabaseError(
      "bad_value",
      "Cannot read an integer past 2^53 as a number: declare the column as bigint()",
      details,
    );
  }
  // DatabaseSync.exec() gives no result code: there the message decides.
  const kind = /^(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed/.exec(message)?.[1];
  const place = /failed: ([^.,]+)\.([^,]+)/.exec(message);
  if (kind !== undefined) {
    const code = CONSTRAINTS[kind]!;
    const constraint = code === "check" ? /failed: (.*)/.exec(message)?.[1] : undefined;
    return new DatabaseError(code, message, {
      ...details,
      constraint,
      ...(code === "check" ? {} : { table: place?.[1], column: place?.[2] }),
    });
  }
  if (/^database (?:table |schema )?is locked/.test(message)) {
    return new DatabaseError("busy", message, details);
  }
  const table = /no such table: (?:main\.)?(.*)/.exec(message)?.[1];
  if (table !== undefined) {
    return new DatabaseError("missing_table", message, { ...details, table });
  }
  const column = /no such column: (.*)|has no column named (.*)/.exec(message);
  if (column) {
    const name = (column[1] ?? column[2])?.split(" - ")[0]?.split(".").at(-1);
    return new DatabaseError("missing_column", message, { ...details, column: name });
  }
  if (/syntax error|incomplete input|unrecognized token/.test(message)) {
    return new DatabaseError("syntax", message, details);
  }
  return new DatabaseError("other", message, details);
}
