import { DatabaseError } from "../errors.ts";
import type { Dialect, DriverValue } from "../dialect.ts";
import type {
  Driver,
  DriverConnection,
  DriverQueryOptions,
  DriverResult,
  StreamQueryOptions,
} from "../driver.ts";
import type { CompiledQuery } from "../sql.ts";
import type { QueryOptions, QueryResult } from "./connection.ts";
import { type PoolLease, type PoolOptions, PostgresPool } from "./pool.ts";
import { TypeRegistry } from "./types.ts";

const WIDE: QueryOptions = { asArray: true, integers: "bigint" };
const NARROW: QueryOptions = { asArray: true, integers: "number" };

function resultOf(result: QueryResult<DriverValue[]>): DriverResult {
  return {
    columns: result.fields.map((field) => field.name),
    rows: result.rows,
    changes: result.rowCount,
  };
}

/**
 * PostgreSQL for the sessions of the object mapper: a pool whose values are integers, floats,
 * booleans and bytes as such, and everything else as the server's text.
 */
export class PostgresDriver implements Driver {
  /** How the database spells things. */
  readonly dialect: Dialect;
  /** The pool. */
  readonly pool: PostgresPool;

  /** Makes a driver; it connects when it is first used. */
  constructor(target: string | URL | PoolOptions, dialect: Dialect, options: PoolOptions = {}) {
    this.dialect = dialect;
    this.pool = new PostgresPool(target, {
      ...options,
      types: new TypeRegistry({ plain: true }),
      settings: { TimeZone: "UTC", IntervalStyle: "iso_8601", ...options.settings },
    });
  }

  /** Waits for a session of its own. */
  async acquire(signal?: AbortSignal): Promise<DriverConnection> {
    const lease = await this.pool.acquire(signal);
    return new LeasedConnection(lease);
  }

  /** Runs one statement on any free session. */
  async execute(query: CompiledQuery, options: DriverQueryOptions): Promise<DriverResult> {
    const how = options.wide ? WIDE : NARROW;
    return resultOf(await this.pool.query<DriverValue[]>(query.text, query.parameters, how));
  }

  /** Reads rows a batch at a time, on a session of its own. */
  stream(
    query: CompiledQuery,
    options: StreamQueryOptions,
  ): AsyncIterableIterator<DriverValue[][]> {
    return this.pool.cursor<DriverValue[]>(query.text, query.parameters, cursorOptions(options));
  }

  /** Waits for those who hold a session, then closes. */
  close(): Promise<void> {
    return this.pool.close();
  }
}

function cursorOptions(options: StreamQueryOptions): QueryOptions & { batchRows: number } {
  const { wide, batchRows, signal } = options;
  return { ...(wide ? WIDE : NARROW), batchRows, ...(signal === undefined ? {} : { signal }) };
}

class LeasedConnection implements DriverConnection {
  readonly #lease: PoolLease;
  #released = false;

  constructor(lease: PoolLease) {
    this.#lease = lease;
  }

  async execute(query: CompiledQuery, options: DriverQueryOptions): Promise<DriverResult> {
    const how = options.wide ? WIDE : NARROW;
    const { connection } = this.#lease;
    const result = await connection.query<DriverValue[]>(query.text, query.parameters, how);
    // The server's answer to a COMMIT of a transaction in which a statement failed.
    if (result.command === "ROLLBACK" && COMMIT.test(query.text)) rolledBack(query.text);
    return resultOf(result);
  }

  stream(
    query: CompiledQuery,
    options: StreamQueryOptions,
  ): AsyncIterableIterator<DriverValue[][]> {
    const { connection } = this.#lease;
    return connection.cursor<DriverValue[]>(query.text, query.parameters, cursorOptions(options));
  }

  async script(text: string): Promise<void> {
    const results = await this.#lease.connection.script(text);
    if (COMMIT.test(text) && results.at(-1)?.command === "ROLLBACK") rolledBack(text);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    // A session that cannot be cleaned is closed; nobody is left to be told.
    this.#lease.release().catch(() => {});
  }
}

const COMMIT = /^\s*COMMIT\b/i;

function rolledBack(query: string): never {
  throw new DatabaseError(
    "other",
    "The transaction was rolled back: one of its statements failed",
    { sqlState: "25P02", query },
  );
}
