import type { Dialect } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";
import type { Renames, SchemaDescription, TableDescription } from "./schema.ts";

/** Marks, in a migration's text, what is lost for good. */
export const LOSS = "-- loses: ";
/** Marks a table that is built anew: its name before and after, as JSON. */
export const REBUILD = "-- rebuilds: ";

/**
 * The statements that rename tables and columns.
 *
 * @throws {DatabaseError} With code `bad_query` if one names something that does not exist.
 */
export function renameStatements(
  dialect: Dialect,
  from: SchemaDescription,
  to: SchemaDescription,
  { tables = {}, columns = {} }: Renames,
): string[] {
  const statements: string[] = [];
  const quote = (name: string) => dialect.identifier(name);
  for (const [old, name] of Object.entries(tables)) {
    if (!from.tables.has(old) || !to.tables.has(name) || from.tables.has(name)) {
      throw new DatabaseError("bad_query", `Cannot rename table ${old} to ${name}`);
    }
    statements.push(`ALTER TABLE ${quote(old)} RENAME TO ${quote(name)}`);
  }
  for (const [key, name] of Object.entries(columns)) {
    const at = key.lastIndexOf(".");
    const [table, old] = [key.slice(0, at), key.slice(at + 1)];
    const source = from.tables.get(invert(tables)[table] ?? table);
    const has = (where: TableDescription | undefined, column: string) =>
      where?.columns.some((one) => one.name === column) ?? false;
    if (!has(source, old) || has(source, name) || !has(to.tables.get(table), name)) {
      throw new DatabaseError("bad_query", `Cannot rename column ${key} to ${name}`);
    }
    statements.push(`ALTER TABLE ${quote(table)} RENAME COLUMN ${quote(old)} TO ${quote(name)}`);
  }
  return statements;
}

/** Names and values changed for each other. */
export function invert(names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([from, to]) => [to, from]));
}
