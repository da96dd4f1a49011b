import { createHash } from "node:crypto";
import { createTableSql, indexSql } from "./_schema_sql.ts";
import { itemsOf, normalize } from "./_sql_tokens.ts";
import type { DriverValue } from "./dialect.ts";
import type { DriverConnection } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import {
  fingerprint,
  introspect,
  type SchemaDescription,
  type TableDescription,
} from "./introspect.ts";
import { type Database, memory } from "./session.ts";
import { sqliteDialect } from "./sqlite_dialect.ts";
import { TABLE, type TableBase } from "./table.ts";

/** What was renamed. Without it, a new name is a new thing and the old one's rows are dropped. */
export interface Renames {
  /** New names of tables by their old ones. */
  tables?: Readonly<Record<string, string>>;
  /** New names of columns by `table.column`, with the table's new name and the column's old one. */
  columns?: Readonly<Record<string, string>>;
}

/** The way from one schema to another. */
export interface SchemaDiff {
  /** The statements; empty where there is nothing to do. */
  readonly statements: readonly string[];
  /** What is lost for good, in words. */
  readonly losses: readonly string[];
}

/** One migration, as it is kept in two files. */
export interface Migration {
  /** Its name, which starts with its number: `0001_users`. */
  readonly name: string;
  /** The statements that apply it. */
  readonly up: string;
  /** The statements that take it back. */
  readonly down: string;
}

/** Where a migration stands. */
export interface MigrationStatus {
  /** Its name. */
  readonly name: string;
  /** `changed`: the file is not the one that was applied; `missing`: there is no file. */
  readonly state: "applied" | "pending" | "changed" | "missing";
}

/** Options of {@linkcode migrateUp} and {@linkcode migrateDown}. */
export interface MigrateOptions {
  /** Allows what loses data. */
  allowLoss?: boolean;
  /** Goes through everything, then rolls back. */
  dryRun?: boolean;
  /** How many migrations; all for up, one for down, by default. */
  steps?: number;
}

const LOSS = "-- loses: ";
const REBUILD = "-- rebuilds: ";
const STATE_TABLE = `CREATE TABLE IF NOT EXISTS "_migrations" (
  "name" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "applied" TEXT NOT NULL)`;

const quote = (name: string) => sqliteDialect.identifier(name);

/** Describes the schema that models make, by making it in memory. */
export async function describeModels(tables: Iterable<TableBase>): Promise<SchemaDescription> {
  const list = [...tables];
  await using db = memory();
  return await db.exclusive(async (connection) => {
    for (const table of list) await connection.script(createTableSql(sqliteDialect, table));
    for (const table of list) {
      for (const text of indexSql(sqliteDialect, table[TABLE]).values()) {
        await connection.script(text);
      }
    }
    return await introspect(connection);
  });
}

/** Describes the schema that migrations make, by applying them in memory. */
export async function describeMigrations(
  migrations: readonly Migration[],
): Promise<SchemaDescription> {
  await using db = memory({ foreignKeys: false });
  return await db.exclusive(async (connection) => {
    for (const { up } of migrations) await connection.script(up);
    return await introspect(connection);
  });
}

/**
 * Finds the statements that turn one schema into another on SQLite. What ALTER TABLE cannot do is
 * done by building the table anew (SQLite's "Making Other Kinds Of Table Schema Changes").
 *
 * @throws {DatabaseError} With code `bad_query` if rows would have no value for a new column, or
 * a rename names something that does not exist.
 */
export async function diffSchemas(
  from: SchemaDescription,
  to: SchemaDescription,
  renames: Renames = {},
): Promise<SchemaDiff> {
  const renaming = renameStatements(from, to, renames);
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

function renameStatements(
  from: SchemaDescription,
  to: SchemaDescription,
  { tables = {}, columns = {} }: Renames,
): string[] {
  const statements: string[] = [];
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

/** Describes a schema after some statements, by running them on a copy without rows. */
async function describeAfter(
  schema: SchemaDescription,
  statements: readonly string[],
): Promise<SchemaDescription> {
  await using db = memory({ foreignKeys: false });
  return await db.exclusive(async (connection) => {
    for (const { sql, indexes } of schema.tables.values()) {
      for (const text of [sql, ...indexes.values()]) await connection.script(text);
    }
    for (const { sql } of schema.others.values()) await connection.script(sql);
    for (const text of statements) await connection.script(text);
    return await introspect(connection);
  });
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

/** The text of a file for these statements. */
export function migrationText({ statements, losses }: SchemaDiff): string {
  const head = losses.map((loss) => `${LOSS}${loss.replaceAll(/\s+/g, " ")}\n`).join("");
  return head + statements.map((statement) => `${statement};\n`).join("\n");
}

function checksumOf(migration: Migration): string {
  return createHash("sha256").update(migration.up).digest("hex");
}

async function rowsOf(
  connection: DriverConnection,
  text: string,
  ...parameters: DriverValue[]
): Promise<DriverValue[][]> {
  return (await connection.execute({ text, parameters }, { wide: false })).rows;
}

async function appliedOf(connection: DriverConnection): Promise<Map<string, string>> {
  const there = await rowsOf(connection, sqliteDialect.hasTable, "_migrations");
  if (there.length === 0) return new Map();
  const rows = await rowsOf(
    connection,
    'SELECT "name", "checksum" FROM "_migrations" ORDER BY "name"',
  );
  return new Map(rows as [string, string][]);
}

function statusOf(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): MigrationStatus[] {
  const names = new Set(migrations.map(({ name }) => name));
  const missing = [...applied.keys()].filter((name) => !names.has(name));
  return [
    ...missing.map((name): MigrationStatus => ({ name, state: "missing" })),
    ...migrations.map((migration): MigrationStatus => {
      const checksum = applied.get(migration.name);
      const same = checksum === checksumOf(migration);
      const state = checksum === undefined ? "pending" : same ? "applied" : "changed";
      return { name: migration.name, state };
    }),
  ].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Says where each migration stands. */
export function migrationStatus(
  db: Database,
  migrations: readonly Migration[],
): Promise<MigrationStatus[]> {
  return db.exclusive(async (connection) => statusOf(migrations, await appliedOf(connection)));
}

/** Finds what of the models a database lacks; no statements where it has everything. */
export function checkSchema(db: Database, tables: Iterable<TableBase>): Promise<SchemaDiff> {
  return db.exclusive(async (connection) => {
    const target = await describeModels(tables);
    const present = await introspect(connection);
    if (fingerprint(present) === fingerprint(target)) return { statements: [], losses: [] };
    return await diffSchemas(present, { ...target, others: present.others });
  });
}

const TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'";

/** Brings back the triggers that went with tables which were built anew. */
async function restoreTriggers(
  connection: DriverConnection,
  triggers: readonly DriverValue[][],
): Promise<void> {
  const exists = "SELECT 1 FROM sqlite_master WHERE name = ?";
  for (const [name, table, statement] of triggers as string[][]) {
    const there = (await rowsOf(connection, exists, name!)).length > 0;
    const needed = (await rowsOf(connection, exists, table!)).length > 0;
    if (!there && needed) await connection.script(statement!);
  }
}

/** Applies one text within a transaction of its own, and checks what it must not break. */
async function apply(
  connection: DriverConnection,
  text: string,
  record: (connection: DriverConnection) => Promise<void>,
  { allowLoss = false }: MigrateOptions,
): Promise<void> {
  const losses = text.split("\n").filter((line) => line.startsWith(LOSS));
  if (losses.length > 0 && !allowLoss) {
    throw new DatabaseError(
      "bad_query",
      `Refused to lose data without leave (allowLoss): ${
        losses.map((line) => line.slice(LOSS.length)).join("; ")
      }`,
    );
  }
  const rebuilt = text.split("\n").filter((line) => line.startsWith(REBUILD))
    .map((line) => JSON.parse(line.slice(REBUILD.length)) as [string, string]);
  const count = async (name: string) =>
    (await rowsOf(connection, `SELECT count(*) FROM ${quote(name)}`))[0]![0];
  const counts = await Promise.all(rebuilt.map(([name]) => count(name)));
  // What is renamed comes before what is built anew: triggers are remembered in between.
  const middle = rebuilt.length === 0 ? text.length : text.indexOf(REBUILD);
  await connection.script(text.slice(0, middle));
  const triggers = rebuilt.length === 0 ? [] : await rowsOf(connection, TRIGGERS);
  await connection.script(text.slice(middle));
  await restoreTriggers(connection, triggers);
  for (const [index, [, name]] of rebuilt.entries()) {
    if (await count(name) !== counts[index]) {
      throw new DatabaseError("other", `Rebuilding ${name} changed its number of rows`);
    }
  }
  const [broken] = await rowsOf(connection, "PRAGMA foreign_key_check");
  if (broken !== undefined) {
    throw new DatabaseError(
      "foreign_key",
      `The migration leaves a row of ${broken[0]} without its target`,
      {
        table: String(broken[0]),
      },
    );
  }
  await record(connection);
}

/**
 * Runs steps one transaction each, so that a process that is killed leaves each of them done or not
 * begun, and the next run goes on from there. Foreign keys are off meanwhile: they cannot be
 * switched off within a transaction.
 */
function withLock(
  db: Database,
  migrations: readonly Migration[],
  options: MigrateOptions,
  plan: (applied: ReadonlyMap<string, string>) => { name: string; text: string; up: boolean }[],
): Promise<string[]> {
  return db.exclusive(async (connection) => {
    const [[enforced]] = await rowsOf(connection, "PRAGMA foreign_keys") as [[number]];
    await connection.script("PRAGMA foreign_keys = OFF");
    const done: string[] = [];
    try {
      for (;;) {
        // The lock: another process that migrates waits here, and then finds the step done.
        if (!options.dryRun || done.length === 0) await connection.script("BEGIN IMMEDIATE");
        await connection.script(STATE_TABLE);
        const applied = await appliedOf(connection);
        const bad = statusOf(migrations, applied)
          .find(({ state }) => state === "changed" || state === "missing");
        if (bad !== undefined) {
          throw new DatabaseError(
            "bad_query",
            `Migration ${bad.name} is ${bad.state}: it was applied, and its file must stay as it was`,
          );
        }
        const step = plan(applied)[0];
        if (step === undefined || done.length >= (options.steps ?? Infinity)) break;
        const migration = migrations.find(({ name }) => name === step.name)!;
        await apply(connection, step.text, async () => {
          const change = step.up
            ? 'INSERT INTO "_migrations" VALUES (?, ?, ?)'
            : 'DELETE FROM "_migrations" WHERE "name" = ?';
          const now = new Date().toISOString();
          const values = step.up ? [step.name, checksumOf(migration), now] : [step.name];
          await rowsOf(connection, change, ...values);
        }, options);
        if (!options.dryRun) await connection.script("COMMIT");
        done.push(step.name);
      }
      await connection.script(options.dryRun ? "ROLLBACK" : "COMMIT");
      return done;
    } catch (error) {
      await rollBack(connection);
      throw error;
    } finally {
      // A step that failed halfway may have left it on: no rollback undoes a PRAGMA.
      await connection.script("PRAGMA legacy_alter_table = OFF");
      await connection.script(`PRAGMA foreign_keys = ${enforced === 1 ? "ON" : "OFF"}`);
    }
  });
}

function invert(names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([from, to]) => [to, from]));
}

async function rollBack(connection: DriverConnection): Promise<void> {
  try {
    await connection.script("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself; the error that led here says why.
  }
}

/**
 * Applies the migrations that are pending; returns their names.
 *
 * @throws {DatabaseError} With code `bad_query` if a step loses data without leave, or an applied
 * migration's file was changed; whatever a statement reports. The failed step is rolled back.
 */
export function migrateUp(
  db: Database,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<string[]> {
  return withLock(
    db,
    migrations,
    options,
    (applied) =>
      migrations.filter(({ name }) => !applied.has(name))
        .map(({ name, up }) => ({ name, text: up, up: true })),
  );
}

/** Takes back the last migration, or several; returns their names. Throws like {@linkcode migrateUp}. */
export function migrateDown(
  db: Database,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<string[]> {
  const steps = options.steps ?? 1;
  return withLock(
    db,
    migrations,
    { ...options, steps },
    (applied) =>
      migrations.filter(({ name }) => applied.has(name)).reverse()
        .map(({ name, down }) => ({ name, text: down, up: false })),
  );
}

/** Makes the next migration out of what the models have that the migrations so far do not make. */
export async function generateMigration(
  migrations: readonly Migration[],
  tables: Iterable<TableBase>,
  title: string,
  renames: Renames = {},
): Promise<Migration | undefined> {
  if (!/^\w+$/.test(title)) {
    throw new DatabaseError("bad_query", "A migration's title is made of letters, digits and _");
  }
  const present = await describeMigrations(migrations);
  const target = await describeModels(tables);
  const wanted = { tables: target.tables, others: present.others };
  const up = await diffSchemas(present, wanted, renames);
  if (up.statements.length === 0) return undefined;
  const back = {
    tables: invert(renames.tables ?? {}),
    columns: Object.fromEntries(
      Object.entries(renames.columns ?? {}).map(([key, to]) => {
        const at = key.lastIndexOf(".");
        const table = key.slice(0, at);
        const old = invert(renames.tables ?? {})[table] ?? table;
        return [`${old}.${to}`, key.slice(at + 1)];
      }),
    ),
  };
  const number = String(migrations.length + 1).padStart(4, "0");
  return {
    name: `${number}_${title}`,
    up: migrationText(up),
    down: migrationText(await downDiff(wanted, present, back)),
  };
}

/** The way back. Where rows would have no value for a column, there is none. */
async function downDiff(
  from: SchemaDescription,
  to: SchemaDescription,
  renames: Renames,
): Promise<SchemaDiff> {
  try {
    return await diffSchemas(from, to, renames);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return {
      statements: [`SELECT "${error.message.replaceAll('"', '""')}" FROM "there is no way back"`],
      losses: [],
    };
  }
}

/** Reads the migrations of a folder: `NAME.up.sql` and `NAME.down.sql`, sorted by name. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".up.sql")) names.push(name.slice(0, -".up.sql".length));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await Promise.all(
    names.sort().map(async (name) => ({
      name,
      up: await Deno.readTextFile(`${folder}/${name}.up.sql`),
      down: await Deno.readTextFile(`${folder}/${name}.down.sql`),
    })),
  );
}

/** Writes a migration's two files; neither may be there already. */
export async function writeMigration(folder: string, migration: Migration): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const options = { createNew: true };
  await Deno.writeTextFile(`${folder}/${migration.name}.down.sql`, migration.down, options);
  await Deno.writeTextFile(`${folder}/${migration.name}.up.sql`, migration.up, options);
}
