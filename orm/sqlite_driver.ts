import { DatabaseSync, type StatementSync } from "node:sqlite";
import { abortError, Lane } from "./_lane.ts";
import type { DriverValue } from "./dialect.ts";
import { addFunctions } from "./_sqlite_functions.ts";
import type {
  Driver,
  DriverConnection,
  DriverQueryOptions,
  DriverResult,
  StreamQueryOptions,
} from "./driver.ts";
import { messageOf, translate } from "./_sqlite_errors.ts";
import { DatabaseError } from "./errors.ts";
import type { CompiledQuery } from "./sql.ts";
import { sqliteDialect } from "./sqlite_dialect.ts";

/** How many compiled statements are kept. */
const MAX_STATEMENTS = 256;

/** Options of a SQLite database. */
export interface SqliteOptions {
  /** Refuses writes; the file must exist. `false` by default. */
  readOnly?: boolean;
  /** How long to wait for another process' lock, in milliseconds; 5,000 by default. */
  busyTimeoutMs?: number;
  /** Whether foreign keys are enforced; `true` by default. */
  foreignKeys?: boolean;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly columns: readonly string[];
}

type Rows = DriverValue[][];

/**
 * SQLite through `node:sqlite`: one connection, in this thread. A statement blocks the event loop
 * while it runs; a query under way cannot be interrupted. Files are opened in WAL mode.
 */
export class SqliteDriver implements Driver {
  /** {@linkcode sqliteDialect}. */
  readonly dialect: typeof sqliteDialect = sqliteDialect;
  readonly #database: DatabaseSync;
  readonly #lane = new Lane();
  /** The statements by their text, the oldest first; narrow and wide apart. */
  readonly #statements = new Map<string, Prepared>();
  readonly #wideStatements = new Map<string, Prepared>();
  #closed = false;

  /**
   * Opens a file, or a database in memory for `:memory:`.
   *
   * @throws {DatabaseError} With code `connection` if it cannot be opened.
   */
  constructor(path: string, options: SqliteOptions = {}) {
    const { readOnly = false, busyTimeoutMs = 5_000, foreignKeys = true } = options;
    try {
      this.#database = new DatabaseSync(path, {
        readOnly,
        timeout: busyTimeoutMs,
        enableForeignKeyConstraints: foreignKeys,
      });
      addFunctions(this.#database);
      if (!readOnly && path !== ":memory:") this.#database.exec("PRAGMA journal_mode = WAL");
    } catch (error) {
      throw new DatabaseError("connection", `Cannot open ${path}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Waits for a session of its own. */
  async acquire(signal?: AbortSignal): Promise<DriverConnection> {
    this.#checkOpen();
    await this.#lane.acquire(signal);
    if (this.#closed) {
      this.#lane.release();
      this.#checkOpen();
    }
    return {
      execute: (query, options) => this.#run(query, options),
      script: (text) => this.#script(text),
      stream: (query, options) => this.#stream(query, options, false),
      release: () => this.#lane.release(),
    };
  }

  /** Runs one statement, at once where no transaction is under way. */
  execute(query: CompiledQuery, options: DriverQueryOptions): DriverResult | Promise<DriverResult> {
    this.#checkOpen();
    if (!this.#lane.held) return this.#run(query, options);
    return this.#executeLater(query, options);
  }

  async #executeLater(query: CompiledQuery, options: DriverQueryOptions): Promise<DriverResult> {
    await this.#lane.acquire();
    try {
      this.#checkOpen();
      return this.#run(query, options);
    } finally {
      this.#lane.release();
    }
  }

  /**
   * Reads rows a batch at a time. Writes that happen between two batches may or may not be seen in
   * the rows that follow.
   */
  stream(
    query: CompiledQuery,
    options: StreamQueryOptions,
  ): AsyncIterableIterator<DriverValue[][]> {
    return this.#stream(query, options, true);
  }

  async *#stream(
    query: CompiledQuery,
    options: StreamQueryOptions,
    shared: boolean,
  ): AsyncIterableIterator<DriverValue[][]> {
    this.#checkOpen();
    // A statement of its own: the cached one would be reset by the next caller.
    const { statement } = this.#prepare(query.text, options.wide);
    const bound = query.parameters as Parameters<StatementSync["iterate"]>;
    let iterator: Iterator<unknown> | undefined;
    try {
      for (let done = false; !done;) {
        if (shared) await this.#lane.acquire(options.signal);
        else if (options.signal?.aborted) throw abortError(options.signal);
        const batch: Rows = [];
        try {
          this.#checkOpen();
          iterator ??= statement.iterate(...bound) as Iterator<unknown>;
          while (batch.length < options.batchRows && !done) {
            const next = iterator.next();
            if (next.done) done = true;
            else batch.push(next.value as DriverValue[]);
          }
        } catch (error) {
          throw translate(error, query.text);
        } finally {
          if (shared) this.#lane.release();
        }
        if (batch.length > 0) yield batch;
      }
    } finally {
      if (!this.#closed) iterator?.return?.();
    }
  }

  /** Waits for the transaction under way, then closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#lane.acquire();
    if (!this.#closed) {
      this.#closed = true;
      this.#forget();
      this.#database.close();
    }
    this.#lane.release();
  }

  #forget(): void {
    this.#statements.clear();
    this.#wideStatements.clear();
  }

  #checkOpen(): void {
    if (this.#closed) throw new DatabaseError("closed", "The database is closed");
  }

  #script(text: string): void {
    this.#forget();
    try {
      this.#database.exec(text);
    } catch (error) {
      throw translate(error, text);
    }
  }

  #prepare(text: string, wide: boolean): Prepared {
    try {
      const statement = this.#database.prepare(text);
      const compiled = statement.sourceSQL;
      if (compiled.length < text.length && /[^\s;]/.test(text.slice(compiled.length))) {
        throw new DatabaseError(
          "bad_query",
          "Cannot run several statements as one: use script(), which takes no parameters",
          { query: text },
        );
      }
      // Missing from the types of node:sqlite.
      (statement as unknown as { setReturnArrays(on: boolean): void }).setReturnArrays(true);
      if (wide) statement.setReadBigInts(true);
      return { statement, columns: statement.columns().map((column) => column.name) };
    } catch (error) {
      throw translate(error, text);
    }
  }

  #run(query: CompiledQuery, options: DriverQueryOptions): DriverResult {
    const cache = options.wide ? this.#wideStatements : this.#statements;
    const { text } = query;
    let prepared = cache.get(text);
    if (prepared === undefined) {
      prepared = this.#prepare(text, options.wide);
      if (cache.size >= MAX_STATEMENTS) {
        for (const oldest of cache.keys()) {
          cache.delete(oldest);
          break;
        }
      }
      if (CHANGES_SCHEMA.test(text)) this.#forget();
      else cache.set(text, prepared);
    }
    const bound = query.parameters as Parameters<StatementSync["all"]>;
    try {
      if (prepared.columns.length > 0) {
        const rows = prepared.statement.all(...bound) as unknown as Rows;
        return { columns: prepared.columns, rows, changes: rows.length };
      }
      const { changes } = prepared.statement.run(...bound);
      return { columns: [], rows: [], changes: Number(changes) };
    } catch (error) {
      cache.delete(text);
      throw translate(error, text);
    }
  }
}

/** Statements after which `SELECT *` may have other columns. */
const CHANGES_SCHEMA = /^\s*(?:CREATE|ALTER|DROP|PRAGMA|ATTACH|DETACH)\b/i;
