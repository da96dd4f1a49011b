import { fitDecimal } from "./_encode.ts";
import type { Column, ReferenceOptions } from "./column.ts";
import type { Dialect } from "./dialect.ts";
import { Sql } from "./sql.ts";
import { primaryKeyOf, TABLE, type TableBase, type TableInfo } from "./table.ts";

function names(dialect: Dialect, columns: readonly Column[]): string {
  return columns.map((column) => dialect.identifier(column.name)).join(", ");
}

/** A constant or an expression as text: a definition cannot have parameters. */
function inline(dialect: Dialect, content: Sql): string {
  return content.unqualified().chunks.map((chunk) => {
    if (typeof chunk === "object" && chunk.type === "parameter") {
      return literal(dialect, new Sql([chunk]));
    }
    return new Sql([chunk]).compile(dialect).text;
  }).join("");
}

function literal(dialect: Dialect, content: Sql): string {
  const [parameter] = content.compile(dialect).parameters;
  return dialect.literal(parameter ?? null);
}

function referenceClause(
  dialect: Dialect,
  targets: readonly Column[],
  { onDelete, onUpdate }: ReferenceOptions,
): string {
  const target = dialect.identifier(targets[0]!.table);
  const clause = (when: string, action: string | undefined) =>
    action === undefined || action === "no action" ? "" : ` ON ${when} ${action.toUpperCase()}`;
  const tail = clause("DELETE", onDelete) + clause("UPDATE", onUpdate);
  return `REFERENCES ${target} (${names(dialect, targets)})${tail}`;
}

/** The definition of one column. */
export function columnSql(dialect: Dialect, column: Column, references: boolean): string {
  const { definition } = column;
  const parts = [
    dialect.identifier(column.name),
    dialect.typeName(definition.kind, definition.precision, definition.scale),
  ];
  const numbered = definition.kind === "integer" || definition.kind === "bigint";
  if (definition.primaryKey) parts.push(numbered ? dialect.identity : "PRIMARY KEY");
  if (definition.notNull && !(definition.primaryKey && numbered)) parts.push("NOT NULL");
  if (definition.unique) parts.push("UNIQUE");
  if (definition.default !== undefined) {
    const { kind, precision, scale = 0 } = definition;
    const given = definition.default;
    const content = precision === undefined || given instanceof Sql
      ? given
      : fitDecimal(given, precision, scale);
    parts.push(
      content instanceof Sql
        ? `DEFAULT (${inline(dialect, content)})`
        : `DEFAULT ${literal(dialect, new Sql([{ type: "parameter", value: content, kind }]))}`,
    );
  }
  if (definition.values !== undefined) {
    const allowed = definition.values.map((text) =>
      literal(dialect, new Sql([{ type: "parameter", value: text, kind: "text" }]))
    );
    parts.push(`CHECK (${dialect.identifier(column.name)} IN (${allowed.join(", ")}))`);
  }
  if (definition.check) parts.push(`CHECK (${inline(dialect, definition.check)})`);
  if (definition.generated) {
    const how = dialect.generated(definition.stored ?? false);
    parts.push(`GENERATED ALWAYS AS (${inline(dialect, definition.generated)}) ${how}`);
  }
  if (definition.references && references) {
    const options = definition.referenceOptions ?? {};
    parts.push(referenceClause(dialect, [definition.references()], options));
  }
  return parts.join(" ");
}

/** The statement that creates a table; with its foreign keys unless that is said. */
export function createTableSql(
  dialect: Dialect,
  table: TableBase,
  { references = true }: { references?: boolean } = {},
): string {
  const info = table[TABLE];
  const { options } = info;
  const lines = [...info.columns.values()].map((column) => columnSql(dialect, column, references));
  if (options.primaryKey) lines.push(`PRIMARY KEY (${names(dialect, primaryKeyOf(info))})`);
  for (const unique of options.uniques ?? []) lines.push(`UNIQUE (${names(dialect, unique)})`);
  for (const [constraint, condition] of Object.entries(options.checks ?? {})) {
    lines.push(
      `CONSTRAINT ${dialect.identifier(constraint)} CHECK (${inline(dialect, condition)})`,
    );
  }
  for (const key of references ? options.foreignKeys ?? [] : []) {
    const clause = referenceClause(dialect, key.references(), key.options ?? {});
    lines.push(`FOREIGN KEY (${names(dialect, key.columns)}) ${clause}`);
  }
  return `CREATE TABLE ${dialect.identifier(info.name)} (\n  ${lines.join(",\n  ")}\n)`;
}

/** The statements that add a table's foreign keys. */
export function referenceSql(dialect: Dialect, table: TableBase): string[] {
  const info = table[TABLE];
  const add = (columns: readonly Column[], there: readonly Column[], how: ReferenceOptions) =>
    `ALTER TABLE ${dialect.identifier(info.name)} ADD FOREIGN KEY (${names(dialect, columns)}) ` +
    referenceClause(dialect, there, how);
  const result: string[] = [];
  for (const column of info.columns.values()) {
    const { references, referenceOptions = {} } = column.definition;
    if (references) result.push(add([column], [references()], referenceOptions));
  }
  for (const key of info.options.foreignKeys ?? []) {
    result.push(add(key.columns, key.references(), key.options ?? {}));
  }
  return result;
}

/** The names and the statements of a table's indexes. */
export function indexSql(dialect: Dialect, info: TableInfo): Map<string, string> {
  const result = new Map<string, string>();
  for (const index of info.options.indexes ?? []) {
    const name = index.name ??
      [info.name, ...index.columns.map((column) => column.name), "index"].join("_");
    const unique = index.unique ? "UNIQUE " : "";
    const where = index.where ? ` WHERE ${inline(dialect, index.where)}` : "";
    result.set(
      name,
      `CREATE ${unique}INDEX ${dialect.identifier(name)} ON ${dialect.identifier(info.name)} ` +
        `(${names(dialect, index.columns)})${where}`,
    );
  }
  return result;
}
