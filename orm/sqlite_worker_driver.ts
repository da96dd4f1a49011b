import { abortError, Lane } from "./_lane.ts";
import type { WorkerAnswer, WorkerRequest } from "./_sqlite_worker.ts";
import type { DriverValue } from "./dialect.ts";
import type {
  Driver,
  DriverConnection,
  DriverQueryOptions,
  DriverResult,
  StreamQueryOptions,
} from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import type { CompiledQuery } from "./sql.ts";
import { sqliteDialect } from "./sqlite_dialect.ts";
import { SqliteDriver, type SqliteOptions } from "./sqlite_driver.ts";

/** The most workers of one database. */
const MAX_WORKERS = 64;
/** What only reads, and can so be left to a connection that may do nothing else. */
const READS = /^\s*(?:SELECT|VALUES|EXPLAIN)\b/i;

type Result = NonNullable<WorkerAnswer["result"]> | null;

/** One worker and what it still has to answer. */
class Client {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (result: Result) => void; reject: (error: unknown) => void }
  >();
  #id = 0;
  #lost = false;

  constructor() {
    this.#worker = new Worker(new URL("./_sqlite_worker.ts", import.meta.url), {
      type: "module",
    });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error === undefined) return waiting?.resolve(data.result ?? null);
      const { code, message, details } = data.error;
      waiting?.reject(new DatabaseError(code, message, details));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#lose(event.message);
    };
  }

  #lose(why: string): void {
    this.#lost = true;
    const error = new DatabaseError("connection", `The database's worker is gone: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** How many requests are open. */
  get load(): number {
    return this.#waiting.size;
  }

  call(request: WorkerRequest): Promise<Result> {
    if (this.#lost) {
      return Promise.reject(new DatabaseError("connection", "The database's worker is gone"));
    }
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id });
    });
  }

  async *stream(
    query: CompiledQuery,
    options: StreamQueryOptions,
  ): AsyncIterableIterator<DriverValue[][]> {
    const { text, parameters } = query;
    const { wide, batchRows, signal } = options;
    if (signal?.aborted) throw abortError(signal);
    const stream = await this.call({ op: "stream", text, parameters, wide, batchRows }) as number;
    let ended = false;
    try {
      for (;;) {
        if (signal?.aborted) throw abortError(signal);
        const batch = await this.call({ op: "next", stream }) as DriverValue[][] | null;
        if (batch === null) {
          ended = true;
          return;
        }
        yield batch;
      }
    } finally {
      if (!ended && !this.#lost) await this.call({ op: "return", stream });
    }
  }

  end(): void {
    this.#worker.terminate();
    this.#lose("the database was closed");
  }
}

/**
 * SQLite in worker threads, so that a statement does not block the event loop. The first worker
 * writes: transactions and everything that is no plain SELECT go to it, in the order of the calls.
 * The others only read; a SELECT outside of a transaction goes to the one that has least to do, and
 * sees what was committed before. Statements whose answers are not awaited one by one are therefore
 * ordered among writers only. A statement under way cannot be interrupted, not even by ending its
 * worker.
 *
 * Where workers cannot be started, one connection in this thread does all of it.
 */
export class SqliteWorkerDriver implements Driver {
  /** {@linkcode sqliteDialect}. */
  readonly dialect: typeof sqliteDialect = sqliteDialect;
  readonly #path: string;
  readonly #options: SqliteOptions;
  readonly #count: number;
  readonly #lane = new Lane();
  readonly #clients: Client[] = [];
  #started: Promise<SqliteDriver | undefined> | undefined;
  #closed = false;

  /**
   * Starts nothing yet: the workers start at the first statement.
   *
   * @throws {DatabaseError} With code `bad_query` if `workers` is no whole number from 1 to 64.
   */
  constructor(path: string, options: SqliteOptions & { workers: number }) {
    const { workers, ...rest } = options;
    if (!Number.isSafeInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
      throw new DatabaseError("bad_query", `A database may have 1 to ${MAX_WORKERS} workers`);
    }
    this.#path = path;
    this.#options = rest;
    // Each connection to :memory: would have a database of its own.
    this.#count = path === ":memory:" ? 1 : workers;
  }

  /** Starts the workers; gives a driver of this thread where that fails. */
  #start(): Promise<SqliteDriver | undefined> {
    if (this.#closed) throw new DatabaseError("closed", "The database is closed");
    return this.#started ??= this.#startAll();
  }

  async #startAll(): Promise<SqliteDriver | undefined> {
    try {
      await this.#startOne(this.#options);
    } catch (error) {
      this.#endAll();
      // The database itself is at fault, and would be so here.
      if (error instanceof DatabaseError && !/worker is gone/.test(error.message)) throw error;
      return new SqliteDriver(this.#path, this.#options);
    }
    const readers = Array.from(
      { length: this.#count - 1 },
      () => this.#startOne({ ...this.#options, readOnly: true }),
    );
    await Promise.all(readers);
    return undefined;
  }

  async #startOne(options: SqliteOptions): Promise<void> {
    const client = new Client();
    this.#clients.push(client);
    await client.call({ op: "open", path: this.#path, options });
  }

  #endAll(): void {
    for (const client of this.#clients.splice(0)) client.end();
  }

  /** Waits for the writing worker's session. */
  async acquire(signal?: AbortSignal): Promise<DriverConnection> {
    const fallback = await this.#start();
    if (fallback !== undefined) return fallback.acquire(signal);
    await this.#lane.acquire(signal);
    if (this.#closed) {
      this.#lane.release();
      throw new DatabaseError("closed", "The database is closed");
    }
    const writer = this.#clients[0]!;
    return {
      execute: (query, options) => execute(writer, query, options),
      script: async (text) => {
        await writer.call({ op: "script", text });
      },
      stream: (query, options) => writer.stream(query, options),
      release: () => this.#lane.release(),
    };
  }

  #reader(text: string): Client | undefined {
    if (this.#count === 1 || !READS.test(text)) return undefined;
    let best = this.#clients[1]!;
    for (const client of this.#clients.slice(2)) if (client.load < best.load) best = client;
    return best;
  }

  /** Runs one statement on the worker that it belongs to. */
  async execute(query: CompiledQuery, options: DriverQueryOptions): Promise<DriverResult> {
    const fallback = await this.#start();
    if (fallback !== undefined) return await fallback.execute(query, options);
    const reader = this.#reader(query.text);
    if (reader !== undefined) return await execute(reader, query, options);
    // Without a transaction the worker's own queue keeps the order.
    if (!this.#lane.held) return await execute(this.#clients[0]!, query, options);
    await this.#lane.acquire();
    try {
      if (this.#closed) throw new DatabaseError("closed", "The database is closed");
      return await execute(this.#clients[0]!, query, options);
    } finally {
      this.#lane.release();
    }
  }

  /** Reads rows a batch at a time, on a reading worker where there is one. */
  async *stream(
    query: CompiledQuery,
    options: StreamQueryOptions,
  ): AsyncIterableIterator<DriverValue[][]> {
    const fallback = await this.#start();
    if (fallback !== undefined) return yield* fallback.stream(query, options);
    const reader = this.#reader(query.text);
    if (reader !== undefined) return yield* reader.stream(query, options);
    const connection = await this.acquire(options.signal);
    try {
      yield* connection.stream(query, options);
    } finally {
      connection.release();
    }
  }

  /** Waits for the transaction under way, then closes the file and ends the workers. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const fallback = await this.#started?.catch(() => undefined);
    if (fallback !== undefined) return await fallback.close();
    await this.#lane.acquire();
    try {
      await Promise.all(this.#clients.map((client) => client.call({ op: "close" })));
    } finally {
      this.#endAll();
      this.#lane.release();
    }
  }
}

async function execute(
  client: Client,
  { text, parameters }: CompiledQuery,
  { wide }: DriverQueryOptions,
): Promise<DriverResult> {
  return await client.call({ op: "execute", text, parameters, wide }) as DriverResult;
}
