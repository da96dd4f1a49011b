import { AsyncLocalStorage } from "node:async_hooks";
import type { Executor, Hook, HookEvent, HookMoment } from "./_executor.ts";
import { Lane } from "./_lane.ts";
import type { SelectionFields } from "./_mapper.ts";
import type { Dialect, DriverValue } from "./dialect.ts";
import type { Driver, DriverConnection, DriverResult } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import { Delete, Insert, Update } from "./change.ts";
import { rowsByName, type Scope, Select } from "./query.ts";
import { type CompiledQuery, identifier, type Sql, sql } from "./sql.ts";
import { SqliteDriver, type SqliteOptions } from "./sqlite_driver.ts";
import { SqliteWorkerDriver } from "./sqlite_worker_driver.ts";
import { primaryKeyOf, TABLE, type TableBase, type TableInfo } from "./table.ts";

/** What the log hook is told. */
export interface LogEntry {
  /** The statement. */
  readonly text: string;
  /** Its parameters. They may be secret. */
  readonly parameters: readonly DriverValue[];
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** Whether that is as long as `slowMs`, or longer. */
  readonly slow: boolean;
  /** Why it failed, if it did. */
  readonly error?: unknown;
}

/** Options of a database. */
export interface DatabaseOptions {
  /** Called after each statement. */
  log?: (entry: LogEntry) => void;
  /** From how many milliseconds on a statement counts as slow; 100 by default. */
  slowMs?: number;
}

/** Options of a transaction. */
export interface TransactionOptions {
  /**
   * The isolation level. SQLite's transactions are always serializable; the level is for servers.
   */
  isolation?: "read committed" | "repeatable read" | "serializable";
  /** Whether it only reads; `false` by default. */
  readOnly?: boolean;
  /**
   * How often to run it again when it fails with `serialization` or `busy`; 0 by default. The
   * function must then bear to run several times.
   */
  retries?: number;
  /** Ends the wait for a session. */
  signal?: AbortSignal;
}

/** The transactions that the code now running is within, innermost first. */
interface Enclosing {
  readonly session: Session;
  readonly outer: Enclosing | undefined;
}

const enclosing = new AsyncLocalStorage<Enclosing>();
const MAX_RETRIES = 100;
const ISOLATIONS: readonly string[] = ["read committed", "repeatable read", "serializable"];

/** What a database and a transaction have in common. */
export abstract class Session implements Executor {
  /** How the database spells things. */
  readonly dialect: Dialect;
  /** By moment, operation and table; shared by a database and its transactions. */
  readonly #hooks: Map<string, Hook[]>;
  readonly #options: DatabaseOptions;

  /** Programs call {@linkcode sqlite} or {@linkcode memory}. */
  constructor(dialect: Dialect, options: DatabaseOptions, hooks: Map<string, Hook[]>) {
    this.dialect = dialect;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** The hooks and the options, for a session within this one. */
  protected inherited(): { hooks: Map<string, Hook[]>; options: DatabaseOptions } {
    return { hooks: this.#hooks, options: this.#options };
  }

  /** Sends one statement. */
  protected abstract send(
    query: CompiledQuery,
    wide: boolean,
  ): DriverResult | Promise<DriverResult>;

  /** Refuses what would leave the transaction that the caller is in, or come too late. */
  protected abstract check(): void;

  /** Reads rows in batches; programs call `stream()` on a query. */
  abstract stream(
    query: CompiledQuery,
    wide: boolean,
    options: { batchRows: number; signal?: AbortSignal },
  ): AsyncIterableIterator<DriverValue[][]>;

  /**
   * Runs a function whose statements happen all or not at all: it commits when the function
   * returns, and rolls back when it throws. Within a transaction it is a savepoint. On PostgreSQL a
   * statement that fails spoils its transaction, even if the function catches the error: what may
   * fail goes into a savepoint.
   *
   * @throws {DatabaseError} With code `bad_query` if the function uses this session rather than
   * the one it is given.
   */
  abstract transaction<T>(
    run: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;

  /** Runs one compiled statement; programs use the builders. */
  execute(query: CompiledQuery, wide: boolean): DriverResult | Promise<DriverResult> {
    this.check();
    return this.#options.log === undefined ? this.send(query, wide) : this.#logged(query, wide);
  }

  async #logged(query: CompiledQuery, wide: boolean): Promise<DriverResult> {
    const { log, slowMs = 100 } = this.#options;
    const start = performance.now();
    const entry = () => {
      const durationMs = performance.now() - start;
      return { ...query, durationMs, slow: durationMs >= slowMs };
    };
    try {
      const result = await this.send(query, wide);
      log?.(entry());
      return result;
    } catch (error) {
      log?.({ ...entry(), error });
      throw error;
    }
  }

  /** Runs statements that happen all or not at all; programs call {@linkcode transaction}. */
  atomic<T>(run: (executor: Executor) => Promise<T>): Promise<T> {
    return this.transaction(run);
  }

  /** The hooks on a table. */
  hooks(
    moment: HookMoment,
    operation: HookEvent["operation"],
    table: TableInfo,
  ): readonly Hook[] | undefined {
    if (this.#hooks.size === 0) return undefined;
    return this.#hooks.get(`${moment} ${operation} ${table.name}`);
  }

  /** Adds a hook on a table; returns what removes it. Hooks run in the order of their adding. */
  hook(
    moment: HookMoment,
    operation: HookEvent["operation"],
    table: TableBase,
    run: Hook,
  ): () => void {
    const key = `${moment} ${operation} ${table[TABLE].name}`;
    this.#hooks.set(key, [...this.#hooks.get(key) ?? [], run]);
    return () => {
      const rest = (this.#hooks.get(key) ?? []).filter((other) => other !== run);
      if (rest.length > 0) this.#hooks.set(key, rest);
      else this.#hooks.delete(key);
    };
  }

  /** Starts a select of whole rows. */
  select(): Select<undefined, Scope, false>;
  /** Starts a select of fields. */
  select<const F extends SelectionFields>(fields: F): Select<F, Scope, false>;
  select(fields?: SelectionFields): Select<SelectionFields | undefined, Scope, false> {
    return new Select(this, { fields });
  }

  /** Starts a select that may use named queries, each written once. */
  with(...queries: TableBase[]): { select: Session["select"] } {
    const common = queries.map((query) => query[TABLE]);
    const select = (fields?: SelectionFields) => new Select(this, { fields, with: common });
    return { select: select as Session["select"] };
  }

  /** Starts an insert. */
  insert<T extends TableBase>(table: T): Insert<T, never> {
    return new Insert(this, table[TABLE]);
  }

  /** Starts an update. */
  update<T extends TableBase>(table: T): Update<T, never> {
    return new Update(this, table[TABLE]);
  }

  /** Starts a delete. */
  delete<T extends TableBase>(table: T): Delete<T, never> {
    return new Delete(this, table[TABLE]);
  }

  /** Runs a statement written by hand; returns its rows by the columns' names. */
  async query<Row = Record<string, unknown>>(statement: Sql): Promise<Row[]> {
    const result = await this.execute(statement.compile(this.dialect), true);
    return rowsByName(result, this.dialect) as Row[];
  }

  /** Runs a statement written by hand; returns the columns' names, the rows and the changes. */
  async run(statement: Sql): Promise<DriverResult> {
    return await this.execute(statement.compile(this.dialect), true);
  }

  /** Creates a table and its indexes from its model. */
  createTable(table: TableBase): Promise<void> {
    return this.createTables(table);
  }

  /** Creates tables that may point at each other, all or none. */
  async createTables(...tables: TableBase[]): Promise<void> {
    const statements = this.dialect.schema.create(tables);
    await this.transaction(async (inner) => {
      for (const text of statements) await inner.execute({ text, parameters: [] }, false);
    });
  }

  /** Removes a table. */
  async dropTable(table: TableBase, options: { ifExists?: boolean } = {}): Promise<void> {
    const name = identifier(table[TABLE].name);
    const statement = options.ifExists
      ? sql`DROP TABLE IF EXISTS ${name}`
      : sql`DROP TABLE ${name}`;
    await this.run(statement);
  }

  /**
   * Makes a self-numbering key go on after the greatest that is there. On PostgreSQL the numbers know
   * nothing of rows that were inserted with a key of their own; on SQLite there is nothing to do.
   */
  async advanceIdentity(table: TableBase): Promise<void> {
    const info = table[TABLE];
    for (const { name, definition } of primaryKeyOf(info)) {
      const text = definition.kind === "integer" || definition.kind === "bigint"
        ? this.dialect.advanceIdentity(info.name, name)
        : undefined;
      if (text !== undefined) await this.execute({ text, parameters: [] }, true);
    }
  }

  /** Whether there is a table of the model's name. */
  async hasTable(table: TableBase): Promise<boolean> {
    const text = this.dialect.hasTable;
    const query = { text, parameters: [table[TABLE].name] };
    return (await this.execute(query, false)).rows.length > 0;
  }

  /** Asks the database for an answer, to see that it lives. */
  async ping(): Promise<void> {
    await this.run(sql`SELECT 1`);
  }
}

/** A database. */
export class Database extends Session implements AsyncDisposable {
  readonly #driver: Driver;
  #transactions = 0;

  /** Opens a session over a driver; programs call {@linkcode sqlite} or {@linkcode memory}. */
  constructor(driver: Driver, options: DatabaseOptions = {}) {
    super(driver.dialect, options, new Map());
    this.#driver = driver;
  }

  /** Refuses what would leave the transaction that the caller is in. */
  protected override check(): void {
    if (this.#transactions > 0) refuseWithin(this);
  }

  /** Sends one statement. */
  protected override send(
    query: CompiledQuery,
    wide: boolean,
  ): DriverResult | Promise<DriverResult> {
    return this.#driver.execute(query, { wide });
  }

  /** Reads rows in batches. */
  override stream(
    query: CompiledQuery,
    wide: boolean,
    options: { batchRows: number; signal?: AbortSignal },
  ): AsyncIterableIterator<DriverValue[][]> {
    this.check();
    return this.#driver.stream(query, { wide, ...options });
  }

  /** Runs several statements, written by hand and without parameters. */
  async script(text: string): Promise<void> {
    this.check();
    const connection = await this.#driver.acquire();
    try {
      await connection.script(text);
    } finally {
      connection.release();
    }
  }

  /**
   * Runs a function that has a driver's session to itself: for settings that no transaction may
   * change. The function leaves the session as it found it.
   */
  async exclusive<T>(run: (connection: DriverConnection) => Promise<T>): Promise<T> {
    this.check();
    const connection = await this.#driver.acquire();
    this.#transactions++;
    try {
      const context = { session: this, outer: enclosing.getStore() };
      return await enclosing.run(context, () => run(connection));
    } finally {
      this.#transactions--;
      connection.release();
    }
  }

  /**
   * Takes a driver's session, for settings and transactions that a program writes by hand. Until its
   * `release()` the database does not close, and SQLite's has no other.
   */
  reserve(signal?: AbortSignal): Promise<DriverConnection> {
    this.check();
    return this.#driver.acquire(signal);
  }

  /** Runs a function whose statements happen all or not at all. */
  override async transaction<T>(
    run: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.check();
    const { isolation } = options;
    if (isolation !== undefined && !ISOLATIONS.includes(isolation)) {
      throw new DatabaseError("bad_query", `An isolation level is ${ISOLATIONS.join(", ")}`);
    }
    const retries = Math.min(options.retries ?? 0, MAX_RETRIES);
    for (let attempt = 0;; attempt++) {
      try {
        return await this.#attempt(run, options);
      } catch (error) {
        const again = error instanceof DatabaseError &&
          (error.code === "serialization" || error.code === "busy");
        if (!again || attempt >= retries) throw error;
        // Those who met once would meet again if they all came back at the same time.
        const most = Math.min(1_000, 2 ** attempt);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * most));
      }
    }
  }

  async #attempt<T>(
    run: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    const connection = await this.#driver.acquire(options.signal);
    this.#transactions++;
    try {
      await connection.script(this.dialect.begin(options));
      const inner = new Transaction(connection, this.inherited(), this.dialect);
      return await inner.runWithin(this, run, "COMMIT", "ROLLBACK");
    } finally {
      this.#transactions--;
      connection.release();
    }
  }

  /** Waits for the transactions under way, then closes the database. */
  close(): Promise<void> {
    if (this.#transactions > 0) refuseWithin(this);
    return this.#driver.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function refuseWithin(session: Session): void {
  for (let at = enclosing.getStore(); at !== undefined; at = at.outer) {
    if (at.session === session) {
      throw new DatabaseError(
        "bad_query",
        "Refused to leave the transaction: use the handle that its function is given",
      );
    }
  }
}

/** A transaction, or a savepoint within one. It ends with the function that it was made for. */
export class Transaction extends Session {
  readonly #connection: DriverConnection;
  readonly #depth: number;
  readonly #lane = new Lane();
  #ended = false;

  /** Programs call {@linkcode Session.transaction}. */
  constructor(
    connection: DriverConnection,
    inherited: { hooks: Map<string, Hook[]>; options: DatabaseOptions },
    dialect: Dialect,
    depth = 0,
  ) {
    super(dialect, inherited.options, inherited.hooks);
    this.#connection = connection;
    this.#depth = depth;
  }

  /** Refuses what comes after the end, and what a savepoint's function sends past its handle. */
  protected override check(): void {
    if (this.#ended) throw new DatabaseError("closed", "The transaction has ended");
    if (this.#lane.held) refuseWithin(this);
  }

  /** Sends one statement, after the savepoint that is open now. */
  protected override send(
    query: CompiledQuery,
    wide: boolean,
  ): DriverResult | Promise<DriverResult> {
    if (!this.#lane.held) return this.#connection.execute(query, { wide });
    return this.#sendLater(query, wide);
  }

  async #sendLater(query: CompiledQuery, wide: boolean): Promise<DriverResult> {
    await this.#lane.acquire();
    try {
      this.check();
      return await this.#connection.execute(query, { wide });
    } finally {
      this.#lane.release();
    }
  }

  /** Reads rows in batches, until the transaction ends. */
  override async *stream(
    query: CompiledQuery,
    wide: boolean,
    options: { batchRows: number; signal?: AbortSignal },
  ): AsyncIterableIterator<DriverValue[][]> {
    this.check();
    for await (const batch of this.#connection.stream(query, { wide, ...options })) {
      yield batch;
      if (this.#ended) throw new DatabaseError("closed", "The transaction has ended");
    }
  }

  /** Runs a function within a savepoint. */
  override async transaction<T>(
    run: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.check();
    await this.#lane.acquire(options.signal);
    const depth = this.#depth + 1;
    const name = this.dialect.identifier(`savepoint_${depth}`);
    try {
      if (this.#ended) throw new DatabaseError("closed", "The transaction has ended");
      await this.#connection.script(`SAVEPOINT ${name}`);
      const inner = new Transaction(this.#connection, this.inherited(), this.dialect, depth);
      const release = `RELEASE SAVEPOINT ${name}`;
      return await inner.runWithin(this, run, release, `ROLLBACK TO SAVEPOINT ${name}; ${release}`);
    } finally {
      this.#lane.release();
    }
  }

  async #commit(statement: string): Promise<void> {
    try {
      await this.#connection.script(statement);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== "connection" || this.#depth > 0) {
        throw error;
      }
      throw new DatabaseError(
        "unknown_outcome",
        "The connection was lost during the commit: it may have happened",
        { cause: error, sqlState: error.sqlState },
      );
    }
  }

  /** Runs the function and ends the transaction; for the session that opened it. */
  async runWithin<T>(
    outer: Session,
    run: (transaction: Transaction) => Promise<T>,
    commit: string,
    rollback: string,
  ): Promise<T> {
    const context = { session: outer, outer: enclosing.getStore() };
    let result: T;
    try {
      result = await enclosing.run(context, () => run(this));
      // What the function left running inside a savepoint ends before the transaction does.
      await this.#lane.acquire();
      this.#ended = true;
      this.#lane.release();
      await this.#commit(commit);
    } catch (error) {
      this.#ended = true;
      try {
        await this.#connection.script(rollback);
      } catch {
        // The database has rolled back by itself; the first error says why.
      }
      throw error;
    }
    return result;
  }
}

/** Options of {@linkcode sqlite}. */
export interface SqliteDatabaseOptions extends SqliteOptions, DatabaseOptions {
  /**
   * How many worker threads run the statements, so that they do not block the event loop
   * ({@linkcode SqliteWorkerDriver}); none by default.
   */
  workers?: number;
}

/**
 * Opens a SQLite database in a file, and makes the file where there is none. Needs
 * `--allow-read` and `--allow-write` for it.
 *
 * @throws {DatabaseError} With code `connection` if it cannot be opened; with workers, at the first
 * statement.
 */
export function sqlite(path: string, options: SqliteDatabaseOptions = {}): Database {
  const { workers = 0, readOnly, busyTimeoutMs, foreignKeys } = options;
  const own: SqliteOptions = {
    ...(readOnly !== undefined && { readOnly }),
    ...(busyTimeoutMs !== undefined && { busyTimeoutMs }),
    ...(foreignKeys !== undefined && { foreignKeys }),
  };
  const driver = workers === 0
    ? new SqliteDriver(path, own)
    : new SqliteWorkerDriver(path, { ...own, workers });
  return new Database(driver, options);
}

/** Opens a SQLite database in memory. */
export function memory(options: SqliteDatabaseOptions = {}): Database {
  return sqlite(":memory:", options);
}
