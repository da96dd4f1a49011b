import { normalize } from "./_sql_tokens.ts";
import type { DriverValue } from "./dialect.ts";
import type { DriverConnection } from "./driver.ts";

/** A column as the database describes it. */
export interface ColumnDescription {
  /** Its name. */
  readonly name: string;
  /** Its declared type. */
  readonly type: string;
  /** Whether NULL is refused. */
  readonly notNull: boolean;
  /** The expression of its default, as SQL. */
  readonly default: string | null;
  /** Its place in the primary key from 1; 0 where it is not in it. */
  readonly primaryKey: number;
  /** Whether the database computes it. */
  readonly generated: boolean;
}

/** A foreign key of one column. */
export interface ReferenceDescription {
  /** The column here. */
  readonly column: string;
  /** The table there. */
  readonly table: string;
  /** The column there; the primary key where it is null. */
  readonly target: string | null;
}

/** A table as the database describes it. */
export interface TableDescription {
  /** Its name. */
  readonly name: string;
  /** The statement that made it. */
  readonly sql: string;
  /** Its columns, in order. */
  readonly columns: readonly ColumnDescription[];
  /** Its foreign keys. */
  readonly references: readonly ReferenceDescription[];
  /** The statements of its indexes by their names. */
  readonly indexes: ReadonlyMap<string, string>;
}

/** What a database holds, without the rows. */
export interface SchemaDescription {
  /** The tables by their names. */
  readonly tables: ReadonlyMap<string, TableDescription>;
  /** The statements of the views and the triggers by their names. */
  readonly others: ReadonlyMap<string, OtherDescription>;
}

/** A view or a trigger. */
export interface OtherDescription {
  /** `view` or `trigger`. */
  readonly type: string;
  /** The trigger's table; the view's own name. */
  readonly table: string;
  /** The statement that made it. */
  readonly sql: string;
}

async function read(
  connection: DriverConnection,
  text: string,
  ...parameters: DriverValue[]
): Promise<DriverValue[][]> {
  return (await connection.execute({ text, parameters }, { wide: false })).rows;
}

/** Describes a SQLite database. Tables whose names start with `sqlite_` or an underscore are left out. */
export async function introspect(connection: DriverConnection): Promise<SchemaDescription> {
  const tables = new Map<string, TableDescription>();
  const others = new Map<string, OtherDescription>();
  const master = await read(
    connection,
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid",
  );
  const hidden = (name: string) => /^(?:sqlite_|_)/i.test(name);
  for (const [type, name, , sql] of master as string[][]) {
    if (type !== "table" || hidden(name!)) continue;
    const columns = await read(
      connection,
      'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid',
      name!,
    );
    const references = await read(
      connection,
      'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq',
      name!,
    );
    tables.set(name!, {
      name: name!,
      sql: sql!,
      columns: columns.map((row) => ({
        name: row[0] as string,
        type: row[1] as string,
        notNull: row[2] === 1,
        default: row[3] as string | null,
        primaryKey: row[4] as number,
        generated: row[5] !== 0,
      })),
      references: references.map((row) => ({
        column: row[0] as string,
        table: row[1] as string,
        target: row[2] as string | null,
      })),
      indexes: new Map(
        (master as string[][]).filter((row) => row[0] === "index" && row[2] === name)
          .map((row) => [row[1]!, row[3]!]),
      ),
    });
  }
  for (const [type, name, table, sql] of master as string[][]) {
    if ((type === "view" || type === "trigger") && !hidden(name!) && !hidden(table!)) {
      others.set(name!, { type: type!, table: table!, sql: sql! });
    }
  }
  return { tables, others };
}

/** The tables of a description in a form to compare: the same text for the same schema. */
export function fingerprint(schema: SchemaDescription): string {
  const lines: string[] = [];
  for (const table of schema.tables.values()) {
    lines.push(normalize(table.sql));
    for (const index of table.indexes.values()) lines.push(normalize(index));
  }
  return lines.sort().join("\n");
}

const BUILDERS: [RegExp, string][] = [
  [/INT/i, "integer"],
  [/CHAR|CLOB|TEXT|UUID/i, "text"],
  [/REAL|FLOA|DOUB/i, "real"],
  [/BOOL/i, "boolean"],
  [/DEC|NUM/i, "numeric"],
  [/DATE|TIME/i, "timestamp"],
  [/JSON/i, "json"],
];

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function variable(name: string): string {
  const word = name.replaceAll(/[^\w$]+(\w?)/g, (_, next: string) => next.toUpperCase());
  return /^[A-Za-z_$]/.test(word) && word !== "" ? word : `_${word}`;
}

/** Writes a description as the source of a module of models, to start from. */
export function modelSource(schema: SchemaDescription): string {
  const used = new Set<string>(["table"]);
  const tables: string[] = [];
  for (const table of schema.tables.values()) {
    const composite = table.columns.filter((column) => column.primaryKey > 0).length > 1;
    const columns = table.columns.map((column) => {
      const builder = BUILDERS.find(([pattern]) => pattern.test(column.type))?.[1] ?? "blob";
      used.add(builder);
      let source = `${builder}()`;
      if (column.primaryKey > 0 && !composite) source += ".primaryKey()";
      else if (column.notNull) source += ".notNull()";
      if (column.default !== null) {
        used.add("sql");
        source += `.default(sql\`${column.default.replaceAll(/[\\`$]/g, "\\$&")}\`)`;
      }
      const reference = table.references.find((one) => one.column === column.name);
      const target = reference && schema.tables.get(reference.table);
      const there = reference?.target ?? target?.columns.find((one) => one.primaryKey > 0)?.name;
      if (target && there !== undefined) {
        source += `.references((): Column => ${variable(target.name)}[${JSON.stringify(there)}])`;
        used.add("type Column");
      }
      return `  ${key(column.name)}: ${source},\n`;
    });
    const primary = table.columns.filter((column) => column.primaryKey > 0)
      .sort((a, b) => a.primaryKey - b.primaryKey)
      .map((column) => `t[${JSON.stringify(column.name)}]`);
    const options = composite ? `, (t) => ({ primaryKey: [${primary.join(", ")}] })` : "";
    tables.push(
      `export const ${variable(table.name)} = table(${JSON.stringify(table.name)}, {\n` +
        `${columns.join("")}}${options});\n`,
    );
  }
  const bare = (name: string) => name.replace("type ", "").toLowerCase();
  const names = [...used].sort((a, b) => bare(a) < bare(b) ? -1 : 1).join(", ");
  return `import { ${names} } from "@groundwork/std/orm";\n\n${tables.join("\n")}`;
}
