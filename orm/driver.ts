import type { Dialect, DriverValue } from "./dialect.ts";
import type { CompiledQuery } from "./sql.ts";

/** What a statement gave. */
export interface DriverResult {
  /** The columns' names, in order; two may be the same. */
  readonly columns: readonly string[];
  /** The rows, each an array in the order of the columns. */
  readonly rows: DriverValue[][];
  /** How many rows were inserted, updated or deleted. */
  readonly changes: number;
}

/** Options of one statement. */
export interface DriverQueryOptions {
  /** Whether integers are read as `bigint`, which costs time, or else refused past 2^53. */
  wide: boolean;
}

/** Options of a statement whose rows are read in batches. */
export interface StreamQueryOptions extends DriverQueryOptions {
  /** The most rows in a batch. */
  batchRows: number;
  /** Ends the reading. */
  signal?: AbortSignal;
}

/** One session with a database, used by one caller at a time until it is released. */
export interface DriverConnection {
  /**
   * Runs one statement. A driver that works in this thread answers at once, without a promise.
   *
   * @throws {DatabaseError} Whatever the database reports.
   */
  execute(query: CompiledQuery, options: DriverQueryOptions): DriverResult | Promise<DriverResult>;
  /** Runs several statements that have no parameters. */
  script(text: string): void | Promise<void>;
  /** Like {@linkcode Driver.stream}, in this session and so within its transaction. */
  stream(query: CompiledQuery, options: StreamQueryOptions): AsyncIterableIterator<DriverValue[][]>;
  /** Gives the session back. */
  release(): void;
}

/** How a kind of database is reached. */
export interface Driver {
  /** How it spells things. */
  readonly dialect: Dialect;
  /** Waits for a session of its own, first come first served. */
  acquire(signal?: AbortSignal): Promise<DriverConnection>;
  /** Runs one statement on any free session, at once if one is free. */
  execute(query: CompiledQuery, options: DriverQueryOptions): DriverResult | Promise<DriverResult>;
  /**
   * Reads a query's rows a batch at a time. Ending the iteration early frees what it holds; other
   * statements may run between two batches.
   */
  stream(query: CompiledQuery, options: StreamQueryOptions): AsyncIterableIterator<DriverValue[][]>;
  /** Waits for those who hold a session, then closes. A second call does nothing. */
  close(): Promise<void>;
}
