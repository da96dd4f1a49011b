import { DatabaseSync, type StatementSync } from "node:sqlite";
import { createTableSql, indexSql } from "./_schema_sql.ts";
import { itemsOf, normalize } from "./_sql_tokens.ts";
import { translate } from "./_sqlite_errors.ts";
import { addFunctions } from "./_sqlite_functions.ts";
import type { Dialect, DriverValue, SchemaDialect } from "./dialect.ts";
import type { DriverConnection } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import { invert, REBUILD, renameStatements } from "./_schema_diff.ts";
import type {
  OtherDescription,
  Renames,
  SchemaDescription,
  SchemaDiff,
  TableDescription,
} from "./schema.ts";
import { TABLE } from "./table.ts";

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

async function read(
  connection: DriverConnection,
  text: string,
  ...parameters: DriverValue[]
): Promise<DriverValue[][]> {
  return (await connection.execute({ text, parameters }, { wide: false })).rows;
}

/** Describes a SQLite database. Tables whose names start with `sqlite_` or an underscore are left out. */
async function introspect(connection: DriverConnection): Promise<SchemaDescription> {
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
      'SELECT "from", "table", "to", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq',
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
        onDelete: row[3] === "NO ACTION" ? null : row[3] as string,
        onUpdate: row[4] === "NO ACTION" ? null : row[4] as string,
      })),
      indexes: new Map(
        (master as string[][]).filter((row) => row[0] === "index" && row[2] === name)
          .map((row) => [row[1]!, row[3]!]),
      ),
      constraints: new Map(),
    });
  }
  for (const [type, name, table, sql] of master as string[][]) {
    if ((type === "view" || type === "trigger") && !hidden(name!) && !hidden(table!)) {
      others.set(name!, { type: type!, table: table!, sql: sql! });
    }
  }
  return { tables, others };
}

/**
 * What ALTER TABLE cannot do is done by building the table anew (SQLite's "Making Other Kinds Of
 * Table Schema Changes").
 */
async function diff(
  dialect: Dialect,
  from: SchemaDescription,
  to: SchemaDescription,
  renames: Renames,
): Promise<SchemaDiff> {
  const renaming = renameStatements(dialect, from, to, renames);
  const middle = renaming.length === 0 ? from : await describeAfter(from, renaming);
  const oldNames = invert(renames.tables ?? {});
  const statements: string[] = [];
  const losses: string[] = [];
  for (const target of to.tables.values()) {
    const source = middle.tables.get(target.name);
    if (source === undefined) {
      statements.push(target.sql, ...target.indexes.values());
      continue;
    }
    const change = diffTable(source, target, oldNames[target.name] ?? target.name, losses);
    statements.push(...change);
  }
  for (const { name } of middle.tables.values()) {
    if (to.tables.has(name)) continue;
    losses.push(`table ${name}`);
    statements.push(`DROP TABLE ${quote(name)}`);
  }
  return { statements: [...renaming, ...statements], losses };
}

/** Describes a schema after some statements, by running them on a copy without rows. */
function describeAfter(
  schema: SchemaDescription,
  statements: readonly string[],
): Promise<SchemaDescription> {
  return scratch(async (connection) => {
    for (const { sql, indexes } of schema.tables.values()) {
      for (const text of [sql, ...indexes.values()]) await connection.script(text);
    }
    for (const { sql } of schema.others.values()) await connection.script(sql);
    for (const text of statements) await connection.script(text);
    return await introspect(connection);
  });
}

/** A database in memory, not by way of the driver: that one needs this module. */
async function scratch<T>(run: (scratch: DriverConnection) => Promise<T>): Promise<T> {
  const database = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  const attempt = <R>(text: string, act: () => R): R => {
    try {
      return act();
    } catch (error) {
      throw translate(error, text);
    }
  };
  try {
    addFunctions(database);
    return await run({
      execute: ({ text, parameters }) =>
        attempt(text, () => {
          const statement = database.prepare(text);
          // Missing from the types of node:sqlite.
          (statement as unknown as { setReturnArrays(on: boolean): void }).setReturnArrays(true);
          const bound = parameters as Parameters<StatementSync["all"]>;
          const rows = statement.all(...bound) as unknown as DriverValue[][];
          return { columns: statement.columns().map(({ name }) => name), rows, changes: 0 };
        }),
      script: (text) => attempt(text, () => database.exec(text)),
      stream: () => {
        throw new DatabaseError("bad_query", "A scratch schema has no rows to read");
      },
      release: () => {},
    });
  } finally {
    database.close();
  }
}

function diffTable(
  source: TableDescription,
  target: TableDescription,
  oldName: string,
  losses: string[],
): string[] {
  const name = quote(target.name);
  const old = itemsOf(source.sql);
  const wanted = itemsOf(target.sql);
  const equal = old.tail === wanted.tail &&
    JSON.stringify(old.items) === JSON.stringify(wanted.items);
  const additions = equal ? [] : addedColumns(source, target);
  if (additions !== undefined) {
    const statements = additions.map((item) => `ALTER TABLE ${name} ADD COLUMN ${item}`);
    return [...statements, ...diffIndexes(source, target)];
  }
  const copied: string[] = [];
  const read: string[] = [];
  for (const column of target.columns) {
    if (column.generated) continue;
    const from = source.columns.find((one) => one.name === column.name);
    if (from !== undefined) {
      copied.push(quote(column.name));
      // A column that refuses NULL from now on gets its default where there was NULL.
      const filled = column.notNull && !from.notNull && column.default !== null;
      read.push(filled ? `coalesce(${quote(column.name)}, ${column.default})` : quote(column.name));
      if (from.type.toUpperCase() !== column.type.toUpperCase()) {
        losses.push(`type of ${target.name}.${column.name}: ${from.type} to ${column.type}`);
      }
    } else if (column.notNull && column.default === null && column.primaryKey === 0) {
      throw new DatabaseError(
        "bad_query",
        `Cannot add ${target.name}.${column.name}: rows that are there have no value for it; ` +
          "give it a default, or allow NULL first",
        { table: target.name, column: column.name },
      );
    }
  }
  for (const column of source.columns) {
    if (!column.generated && !copied.includes(quote(column.name))) {
      losses.push(`column ${target.name}.${column.name}`);
    }
  }
  const temporary = `_new_${target.name}`;
  const columns = copied.join(", ");
  const mark = `${REBUILD}${JSON.stringify([oldName, target.name])}`;
  const fill = `INSERT INTO ${quote(temporary)} (${columns}) SELECT ${
    read.join(", ")
  } FROM ${name}`;
  if (copied.length === 0) losses.push(`all rows of ${target.name}`);
  return [
    `${copied.length === 0 ? "" : `${mark}\n`}${renameInCreate(target.sql, temporary)}`,
    ...(copied.length === 0 ? [] : [fill]),
    `DROP TABLE ${name}`,
    // Otherwise the views that read the table, which is away now, would stop the renaming.
    "PRAGMA legacy_alter_table = ON",
    `ALTER TABLE ${quote(temporary)} RENAME TO ${name}`,
    "PRAGMA legacy_alter_table = OFF",
    ...target.indexes.values(),
  ];
}

function renameInCreate(create: string, name: string): string {
  const body = create.indexOf("(");
  // The table's name may itself hold a parenthesis within its quotes.
  const quoted = /^\s*CREATE\s+TABLE\s+"(?:[^"]|"")*"\s*/i.exec(create);
  return `CREATE TABLE ${quote(name)} ${create.slice(quoted ? quoted[0].length : body)}`;
}

/** The columns that ALTER TABLE ADD COLUMN can bring; `undefined` where the change is another. */
function addedColumns(source: TableDescription, target: TableDescription): string[] | undefined {
  const old = itemsOf(source.sql);
  const wanted = itemsOf(target.sql);
  const here = source.columns.length;
  const added = target.columns.length - here;
  if (added < 1 || wanted.items.length !== old.items.length + added || old.tail !== wanted.tail) {
    return undefined;
  }
  const rest = [...wanted.items.slice(0, here), ...wanted.items.slice(here + added)];
  if (JSON.stringify(rest) !== JSON.stringify(old.items)) return undefined;
  const simple = target.columns.slice(here).every((column, index) =>
    column.primaryKey === 0 && !column.generated &&
    !/ (?:unique|references|check|default \()/.test(wanted.items[here + index]!) &&
    (!column.notNull || column.default !== null)
  );
  return simple ? wanted.written.slice(here, here + added) : undefined;
}

function diffIndexes(source: TableDescription, target: TableDescription): string[] {
  const statements: string[] = [];
  for (const [name, text] of source.indexes) {
    const wanted = target.indexes.get(name);
    if (wanted === undefined || normalize(wanted) !== normalize(text)) {
      statements.push(`DROP INDEX ${quote(name)}`);
    }
  }
  for (const [name, text] of target.indexes) {
    const old = source.indexes.get(name);
    if (old === undefined || normalize(old) !== normalize(text)) statements.push(text);
  }
  return statements;
}

const TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'";

/** Brings back the triggers that went with tables which were built anew. */
async function restoreTriggers(
  connection: DriverConnection,
  triggers: readonly DriverValue[][],
): Promise<void> {
  const exists = "SELECT 1 FROM sqlite_master WHERE name = ?";
  for (const [name, table, statement] of triggers as string[][]) {
    const there = (await read(connection, exists, name!)).length > 0;
    const needed = (await read(connection, exists, table!)).length > 0;
    if (!there && needed) await connection.script(statement!);
  }
}

const count = async (connection: DriverConnection, name: string): Promise<DriverValue> =>
  (await read(connection, `SELECT count(*) FROM ${quote(name)}`))[0]![0]!;

async function apply(connection: DriverConnection, text: string): Promise<void> {
  const rebuilt = text.split("\n").filter((line) => line.startsWith(REBUILD))
    .map((line) => JSON.parse(line.slice(REBUILD.length)) as [string, string]);
  const counts: DriverValue[] = [];
  for (const [name] of rebuilt) counts.push(await count(connection, name));
  // What is renamed comes before what is built anew: triggers are remembered in between.
  const middle = rebuilt.length === 0 ? text.length : text.indexOf(REBUILD);
  await connection.script(text.slice(0, middle));
  const triggers = rebuilt.length === 0 ? [] : await read(connection, TRIGGERS);
  await connection.script(text.slice(middle));
  await restoreTriggers(connection, triggers);
  for (const [index, [, name]] of rebuilt.entries()) {
    if (await count(connection, name) !== counts[index]) {
      throw new DatabaseError("other", `Rebuilding ${name} changed its number of rows`);
    }
  }
  const [broken] = await read(connection, "PRAGMA foreign_key_check");
  if (broken !== undefined) {
    throw new DatabaseError(
      "foreign_key",
      `The migration leaves a row of ${broken[0]} without its target`,
      { table: String(broken[0]) },
    );
  }
}

/** The part of SQLite's dialect that reads and changes schemas. */
export const sqliteSchema = (dialect: Dialect): SchemaDialect => ({
  introspect,
  create: (tables) =>
    tables.flatMap((table) => [
      createTableSql(dialect, table),
      ...indexSql(dialect, table[TABLE]).values(),
    ]),
  scratch: (_connection, run) => scratch(run),
  diff: (_connection, from, to, renames) => diff(dialect, from, to, renames),

  // The transaction of a step is the lock. Foreign keys cannot be switched off within one.
  async lock(connection) {
    const [[enforced]] = await read(connection, "PRAGMA foreign_keys") as [[number]];
    await connection.script("PRAGMA foreign_keys = OFF");
    return async () => {
      // A step that failed halfway may have left it on: no rollback undoes a PRAGMA.
      await connection.script("PRAGMA legacy_alter_table = OFF");
      await connection.script(`PRAGMA foreign_keys = ${enforced === 1 ? "ON" : "OFF"}`);
    };
  },
  begin: "BEGIN IMMEDIATE",
  apply,
});
