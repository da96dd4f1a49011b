import { createHash } from "node:crypto";
import { invert, LOSS } from "./_schema_diff.ts";
import { normalize, splitStatements } from "./_sql_tokens.ts";
import type { DriverValue } from "./dialect.ts";
import type { DriverConnection } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import type { Renames, SchemaDescription, SchemaDiff } from "./schema.ts";
import { type Database, memory } from "./session.ts";
import type { Dialect } from "./dialect.ts";
import type { TableBase } from "./table.ts";

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
  /**
   * `changed`: the file is not the one that was applied; `missing`: there is no file; `dirty`: it
   * runs without a transaction, and stopped on its way.
   */
  readonly state: "applied" | "pending" | "changed" | "missing" | "dirty";
}

/** Options of {@linkcode migrateUp} and {@linkcode migrateDown}. */
export interface MigrateOptions {
  /** Allows what loses data. */
  allowLoss?: boolean;
  /** Goes through everything, then rolls back. */
  dryRun?: boolean;
  /** How many migrations; all for up, one for down, by default. */
  steps?: number;
  /** Goes on with a migration that runs without a transaction and stopped on its way. */
  resume?: boolean;
}

const STATE_TABLE = `CREATE TABLE IF NOT EXISTS "_migrations" (
  "name" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "applied" TEXT NOT NULL,
  "progress" TEXT)`;
/** The first line of a text whose statements a transaction would refuse. */
const NO_TRANSACTION = /^\s*-- no transaction[ \t]*(?:\n|$)/;

/**
 * Runs a function in an empty schema, of SQLite or of a database that is given: there the schema has
 * a name of its own and is gone afterwards.
 */
function inScratch<T>(
  db: Database | undefined,
  run: (connection: DriverConnection, dialect: Dialect) => Promise<T>,
): Promise<T> {
  const use = (on: Database) =>
    on.exclusive((connection) =>
      on.dialect.schema.scratch(connection, (scratch) => run(scratch, on.dialect))
    );
  return db === undefined ? withMemory(use) : use(db);
}

async function withMemory<T>(run: (db: Database) => Promise<T>): Promise<T> {
  await using db = memory();
  return await run(db);
}

/** Describes a database. Tables whose names start with an underscore are left out. */
export function introspect(db: Database): Promise<SchemaDescription> {
  return db.exclusive((connection) => db.dialect.schema.introspect(connection));
}

/**
 * Describes the schema that models make, by making it: in memory for SQLite, or in a schema of its
 * own, which is rolled back, in the database that is given.
 */
export function describeModels(
  tables: Iterable<TableBase>,
  db?: Database,
): Promise<SchemaDescription> {
  return inScratch(db, async (connection, { schema }) => {
    for (const text of schema.create([...tables])) await connection.script(text);
    return await schema.introspect(connection);
  });
}

/** Describes the schema that migrations make, by applying them like {@linkcode describeModels}. */
export function describeMigrations(
  migrations: readonly Migration[],
  db?: Database,
): Promise<SchemaDescription> {
  return inScratch(db, async (connection, { schema }) => {
    for (const { up } of migrations) {
      // A schema without rows needs no index to be built beside its use.
      const text = NO_TRANSACTION.test(up) ? up.replaceAll(/\bCONCURRENTLY\b/gi, "") : up;
      await connection.script(text);
    }
    return await schema.introspect(connection);
  });
}

/** The tables of a description in a form to compare: the same text for the same schema. */
export function fingerprint(schema: SchemaDescription): string {
  const lines: string[] = [];
  for (const table of schema.tables.values()) {
    lines.push(normalize(table.sql));
    for (const index of table.indexes.values()) lines.push(normalize(index));
    for (const { sql } of table.constraints.values()) {
      lines.push(normalize(`${table.name}: ${sql}`));
    }
  }
  return lines.sort().join("\n");
}

/**
 * Finds the statements that turn one schema into another, in SQLite's language or in that of the
 * database that is given.
 *
 * @throws {DatabaseError} With code `bad_query` if rows would have no value for a new column, or
 * a rename names something that does not exist.
 */
export function diffSchemas(
  from: SchemaDescription,
  to: SchemaDescription,
  renames: Renames = {},
  db?: Database,
): Promise<SchemaDiff> {
  const use = (on: Database) =>
    on.exclusive((connection) => on.dialect.schema.diff(connection, from, to, renames));
  return db === undefined ? withMemory(use) : use(db);
}

/** The text of a file for these statements. */
export function migrationText({ statements, losses }: SchemaDiff): string {
  const head = losses.map((loss) => `${LOSS}${loss.replaceAll(/\s+/g, " ")}\n`).join("");
  return head + statements.map((statement) => `${statement};\n`).join("\n");
}

function checksumOf(migration: Migration): string {
  return createHash("sha256").update(migration.up).digest("hex");
}

/** The table of applied migrations, in the words of one database. */
class StateTable {
  readonly #connection: DriverConnection;
  readonly #dialect: Dialect;

  constructor(connection: DriverConnection, dialect: Dialect) {
    this.#connection = connection;
    this.#dialect = dialect;
  }

  async #run(text: string, ...parameters: DriverValue[]): Promise<DriverValue[][]> {
    let number = 0;
    const numbered = text.replaceAll("?", () => this.#dialect.placeholder(++number, undefined, 0));
    return (await this.#connection.execute({ text: numbered, parameters }, { wide: false })).rows;
  }

  async #columns(): Promise<string[]> {
    const query = { text: this.#dialect.columnNames, parameters: ["_migrations"] };
    const { rows } = await this.#connection.execute(query, { wide: false });
    return rows.map(([name]) => name as string);
  }

  /** Makes the table where there is none, and gives an older one the column that it lacks. */
  async prepare(): Promise<void> {
    await this.#connection.script(STATE_TABLE);
    const columns = await this.#columns();
    if (!columns.includes("progress") && isStateTable(columns)) {
      await this.#connection.script('ALTER TABLE "_migrations" ADD COLUMN "progress" TEXT');
    }
  }

  /**
   * What was applied. It only reads, so that the status of an older table can be told without a
   * change of it.
   */
  async applied(): Promise<Map<string, AppliedMigration>> {
    const columns = await this.#columns();
    if (columns.length === 0) return new Map();
    if (!isStateTable(columns)) {
      throw new DatabaseError(
        "bad_query",
        "The table _migrations was not made by these migrations: it lacks name, checksum or applied",
        { table: "_migrations" },
      );
    }
    const progress = columns.includes("progress") ? '"progress"' : "NULL";
    const rows = await this.#run(
      `SELECT "name", "checksum", ${progress} FROM "_migrations" ORDER BY "name"`,
    );
    return new Map(
      (rows as (string | null)[][]).map(([name, checksum, progress]) => [
        name!,
        { checksum: checksum!, progress: progress ?? null },
      ]),
    );
  }

  async add(migration: Migration, progress: string | null): Promise<void> {
    await this.#run(
      'INSERT INTO "_migrations" ("name", "checksum", "applied", "progress") VALUES (?, ?, ?, ?)',
      migration.name,
      checksumOf(migration),
      new Date().toISOString(),
      progress,
    );
  }

  async remove(name: string): Promise<void> {
    await this.#run('DELETE FROM "_migrations" WHERE "name" = ?', name);
  }

  async progress(name: string, progress: string | null): Promise<void> {
    await this.#run('UPDATE "_migrations" SET "progress" = ? WHERE "name" = ?', progress, name);
  }
}

/** Whether a table of these columns is one that {@linkcode StateTable} has ever made. */
function isStateTable(columns: readonly string[]): boolean {
  return ["name", "checksum", "applied"].every((column) => columns.includes(column));
}

interface AppliedMigration {
  readonly checksum: string;
  /** `up 2` after two statements of a migration without a transaction; null once it is through. */
  readonly progress: string | null;
}

function statusOf(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, AppliedMigration>,
): MigrationStatus[] {
  const names = new Set(migrations.map(({ name }) => name));
  const missing = [...applied.keys()].filter((name) => !names.has(name));
  return [
    ...missing.map((name): MigrationStatus => ({ name, state: "missing" })),
    ...migrations.map((migration): MigrationStatus => {
      const { name } = migration;
      const known = applied.get(name);
      if (known === undefined) return { name, state: "pending" };
      if (known.checksum !== checksumOf(migration)) return { name, state: "changed" };
      return { name, state: known.progress === null ? "applied" : "dirty" };
    }),
  ].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Says where each migration stands. */
export function migrationStatus(
  db: Database,
  migrations: readonly Migration[],
): Promise<MigrationStatus[]> {
  return db.exclusive(async (connection) =>
    statusOf(migrations, await new StateTable(connection, db.dialect).applied())
  );
}

/** Finds what of the models a database lacks; no statements where it has everything. */
export async function checkSchema(db: Database, tables: Iterable<TableBase>): Promise<SchemaDiff> {
  const target = await describeModels(tables, db);
  const present = await introspect(db);
  if (fingerprint(present) === fingerprint(target)) return { statements: [], losses: [] };
  return await diffSchemas(present, { ...target, others: present.others }, {}, db);
}

interface Step {
  readonly migration: Migration;
  readonly text: string;
  readonly up: boolean;
}

function refuseLosses(text: string, { allowLoss = false }: MigrateOptions): void {
  const losses = text.split("\n").filter((line) => line.startsWith(LOSS));
  if (losses.length > 0 && !allowLoss) {
    throw new DatabaseError(
      "bad_query",
      `Refused to lose data without leave (allowLoss): ${
        losses.map((line) => line.slice(LOSS.length)).join("; ")
      }`,
    );
  }
}

/**
 * Runs steps one transaction each, so that a process that is killed leaves each of them done or not
 * begun, and the next run goes on from there.
 */
function withLock(
  db: Database,
  migrations: readonly Migration[],
  options: MigrateOptions,
  plan: (applied: ReadonlyMap<string, AppliedMigration>) => Step[],
): Promise<string[]> {
  const { schema } = db.dialect;
  return db.exclusive(async (connection) => {
    const unlock = await schema.lock(connection);
    const table = new StateTable(connection, db.dialect);
    const done: string[] = [];
    try {
      for (;;) {
        // On SQLite this is the lock: who migrates, too, waits here, and then finds the step done.
        if (!options.dryRun || done.length === 0) await connection.script(schema.begin);
        await table.prepare();
        const applied = await table.applied();
        refuseBad(statusOf(migrations, applied), options);
        const step = plan(applied)[0];
        if (step === undefined || done.length >= (options.steps ?? Infinity)) break;
        const { migration, text, up } = step;
        refuseLosses(text, options);
        if (NO_TRANSACTION.test(text)) {
          if (options.dryRun) {
            throw new DatabaseError(
              "bad_query",
              `Migration ${migration.name} runs without a transaction: it cannot be tried`,
            );
          }
          await runOpenly(connection, table, step, applied.get(migration.name)?.progress ?? null);
        } else {
          await schema.apply(connection, text);
          await (up ? table.add(migration, null) : table.remove(migration.name));
          if (!options.dryRun) await connection.script("COMMIT");
        }
        done.push(migration.name);
      }
      await connection.script(options.dryRun ? "ROLLBACK" : "COMMIT");
      return done;
    } catch (error) {
      await rollBack(connection);
      throw error;
    } finally {
      await settle(unlock);
    }
  });
}

function refuseBad(list: readonly MigrationStatus[], { resume = false }: MigrateOptions): void {
  for (const { name, state } of list) {
    if (state === "changed" || state === "missing") {
      throw new DatabaseError(
        "bad_query",
        `Migration ${name} is ${state}: it was applied, and its file must stay as it was`,
      );
    }
    if (state === "dirty" && !resume) {
      throw new DatabaseError(
        "bad_query",
        `Migration ${name} is dirty: it stopped on its way; see what its last statement did, ` +
          "then go on from there with resume",
      );
    }
  }
}

/**
 * Runs a text that no transaction may enclose a statement at a time, and notes each: after a kill
 * only the statement that was under way is in doubt.
 */
async function runOpenly(
  connection: DriverConnection,
  table: StateTable,
  { migration, text, up }: Step,
  progress: string | null,
): Promise<void> {
  const { statements, rest } = splitStatements(text.replace(NO_TRANSACTION, ""));
  if (rest.trim() !== "") statements.push(rest);
  const direction = up ? "up" : "down";
  const [before, count] = progress?.split(" ") ?? [direction, "0"];
  if (before !== direction) {
    throw new DatabaseError(
      "bad_query",
      `Migration ${migration.name} stopped on its way ${before}`,
    );
  }
  if (progress === null) {
    await (up
      ? table.add(migration, `${direction} 0`)
      : table.progress(migration.name, `${direction} 0`));
  }
  await connection.script("COMMIT");
  for (let at = Number(count); at < statements.length; at++) {
    await connection.script(statements[at]!);
    await table.progress(migration.name, `${direction} ${at + 1}`);
  }
  await (up ? table.progress(migration.name, null) : table.remove(migration.name));
}

async function rollBack(connection: DriverConnection): Promise<void> {
  await settle(() => connection.script("ROLLBACK"));
}

/** Does what may fail after a failure: the database has ended the transaction by itself, or is gone. */
async function settle(run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
  }
}

/**
 * Applies the migrations that are pending; returns their names.
 *
 * @throws {DatabaseError} With code `bad_query` if a step loses data without leave, or an applied
 * migration's file was changed; whatever a statement reports. The failed step is rolled back.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { generateMigration, integer, memory, migrateUp, table, text } from "@groundwork/std/orm";
 *
 * const before = table("users", { id: integer().primaryKey() });
 * const after = table("users", { id: integer().primaryKey(), name: text() });
 * const first = await generateMigration([], [before], "start");
 * const second = await generateMigration([first!], [after], "names");
 * assertEquals(second?.up, 'ALTER TABLE "users" ADD COLUMN "name" TEXT;\n');
 *
 * await using db = memory();
 * assertEquals(await migrateUp(db, [first!, second!]), ["0001_start", "0002_names"]);
 * ```
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
      migrations.filter(({ name }) => applied.get(name)?.progress !== null)
        .map((migration) => ({ migration, text: migration.up, up: true })),
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
        .map((migration) => ({ migration, text: migration.down, up: false })),
  );
}

/**
 * Makes the next migration out of what the models have that the migrations so far do not make: for
 * SQLite, or for the database that is given, where both are made in a schema that is rolled back.
 */
export async function generateMigration(
  migrations: readonly Migration[],
  tables: Iterable<TableBase>,
  title: string,
  renames: Renames = {},
  db?: Database,
): Promise<Migration | undefined> {
  if (!/^\w+$/.test(title)) {
    throw new DatabaseError("bad_query", "A migration's title is made of letters, digits and _");
  }
  const present = await describeMigrations(migrations, db);
  const target = await describeModels(tables, db);
  const wanted = { tables: target.tables, others: present.others };
  const up = await diffSchemas(present, wanted, renames, db);
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
    down: migrationText(await downDiff(wanted, present, back, db)),
  };
}

/** The way back. Where rows would have no value for a column, there is none. */
async function downDiff(
  from: SchemaDescription,
  to: SchemaDescription,
  renames: Renames,
  db: Database | undefined,
): Promise<SchemaDiff> {
  try {
    return await diffSchemas(from, to, renames, db);
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
