import { DatabaseError } from "../errors.ts";
import { Queue } from "./_queue.ts";
import {
  type BatchQuery,
  type CopyIn,
  PostgresConnection,
  type QueryOptions,
  type QueryResult,
} from "./connection.ts";
import { PostgresError } from "./errors.ts";
import { PostgresListener } from "./listener.ts";
import { type ConnectionOptions, optionsOf } from "./options.ts";
import { TypeRegistry } from "./types.ts";

/** Options of a pool, beyond those of its connections. */
export interface PoolOptions extends ConnectionOptions {
  /** The most connections; 10 by default. */
  max?: number;
  /** How long to wait for a connection, in milliseconds; 30,000 by default, 0 for no limit. */
  acquireTimeoutMs?: number;
  /** How many callers may wait; 100,000 by default. */
  maxWaiting?: number;
  /** How long a connection stays unused before it is closed; 30,000 by default, 0 for ever. */
  idleTimeoutMs?: number;
  /**
   * How long a connection is used altogether, less up to a tenth so that not all end together;
   * 3,600,000 by default, 0 for ever.
   */
  maxLifetimeMs?: number;
  /**
   * A connection that was unused for so long is asked for a sign of life before it is used; 15,000
   * by default, 0 for never.
   */
  healthCheckAfterMs?: number;
  /**
   * How many queries of callers that wait may be sent together on one connection, if there are more
   * callers than connections; 16 by default, 1 for none.
   */
  pipelining?: number;
  /**
   * Whether a connection that a caller had to itself is cleaned of settings, temporary tables,
   * advisory locks and LISTENs: where a command was seen that may have left any (`auto`, the default),
   * `always` or `never`. A transaction that was left open is always rolled back.
   */
  reset?: "auto" | "always" | "never";
}

/** How a pool is used at the moment. */
export interface PoolStatistics {
  /** Connections that are open. */
  readonly open: number;
  /** Connections that are being opened. */
  readonly opening: number;
  /** Open connections that nobody uses. */
  readonly idle: number;
  /** Callers that wait. */
  readonly waiting: number;
}

/** What connections, pools and transactions have in common. */
export interface Queryable {
  /** Runs one statement; see {@linkcode PostgresConnection.query}. */
  query<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<QueryResult<Row>>;
  /** Runs several statements without parameters; see {@linkcode PostgresConnection.script}. */
  script(text: string, options?: QueryOptions): Promise<QueryResult[]>;
  /** Runs several statements in one round trip; see {@linkcode PostgresConnection.batch}. */
  batch(queries: readonly BatchQuery[], options?: QueryOptions): Promise<QueryResult[]>;
  /** Reads rows a batch at a time; see {@linkcode PostgresConnection.cursor}. */
  cursor<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions & { batchRows?: number },
  ): AsyncGenerator<Row[], void, void>;
}

/** Puts a session back into its first state, but for its prepared statements. */
const RESET = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; " +
  "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

const noop = (): void => {};

/** One connection of a pool. */
class Slot {
  readonly connection: PostgresConnection;
  readonly expiresAt: number;
  /** How many callers use it. */
  users = 0;
  /** When it was last used. */
  usedAt = Date.now();

  constructor(connection: PostgresConnection, expiresAt: number) {
    this.connection = connection;
    this.expiresAt = expiresAt;
  }
}

/** Somebody who waits for a connection. */
interface Waiter {
  /** Whether others may use it at the same time. */
  readonly shares: boolean;
  readonly deadline: number;
  /** Gets the connection. */
  readonly take: (slot: Slot) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Connections to one database, shared. Callers are served first come, first served.
 *
 * @example Needs a server
 * ```ts ignore
 * import { PostgresPool } from "@groundwork/std/orm/postgres";
 *
 * await using pool = new PostgresPool("postgres://ada:secret@127.0.0.1/bank");
 * await pool.begin(async (transaction) => {
 *   await transaction.query("UPDATE accounts SET cents = cents - $1 WHERE id = $2", [500, 1]);
 *   await transaction.query("UPDATE accounts SET cents = cents + $1 WHERE id = $2", [500, 2]);
 * });
 * ```
 */
export class PostgresPool implements Queryable, AsyncDisposable {
  /** The types, shared by all connections. */
  readonly types: TypeRegistry;
  readonly #options: PoolOptions;
  readonly #max: number;
  readonly #slots = new Set<Slot>();
  /** Those that nobody uses; the one used last is used next. */
  readonly #idle: Slot[] = [];
  readonly #waiting = new Queue<Waiter>();
  #opening = 0;
  /** Ends the waiting of the first. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #closing: Promise<void> | undefined;
  /** Whether closing waits for nobody any more. */
  #ended = false;
  #onChange: () => void = noop;
  #listener: PostgresListener | undefined;

  /** Makes a pool; it connects when it is first used. */
  constructor(target: string | URL | PoolOptions, options: PoolOptions = {}) {
    const base = typeof target === "string" || target instanceof URL ? optionsOf(target) : target;
    this.types = options.types ?? base.types ?? new TypeRegistry();
    this.#options = { ...base, ...options, types: this.types };
    const { max = 10 } = this.#options;
    if (!(Number.isInteger(max) && max > 0)) {
      throw new DatabaseError("bad_query", "A pool's max is a number of connections from 1 on");
    }
    this.#max = max;
  }

  /** How it is used at the moment. */
  get statistics(): PoolStatistics {
    return {
      open: this.#slots.size,
      opening: this.#opening,
      idle: this.#idle.length,
      waiting: this.#waiting.size,
    };
  }

  /** Runs one statement on any connection; see {@linkcode PostgresConnection.query}. */
  query<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<QueryResult<Row>> {
    return this.#share(
      (connection) => connection.query<Row>(text, parameters, options),
      options?.signal,
    );
  }

  /** Runs several statements without parameters; see {@linkcode PostgresConnection.script}. */
  async script(text: string, options: QueryOptions = {}): Promise<QueryResult[]> {
    // A script may leave a transaction or settings behind.
    await using lease = await this.acquire(options.signal);
    return await lease.script(text, options);
  }

  /** Runs several statements in one round trip; see {@linkcode PostgresConnection.batch}. */
  batch(queries: readonly BatchQuery[], options: QueryOptions = {}): Promise<QueryResult[]> {
    return this.#share((connection) => connection.batch(queries, options), options.signal);
  }

  /** Reads rows a batch at a time, on a connection of its own until the iteration ends. */
  async *cursor<Row = Record<string, unknown>>(
    text: string,
    parameters: readonly unknown[] = [],
    options: QueryOptions & { batchRows?: number } = {},
  ): AsyncGenerator<Row[], void, void> {
    await using lease = await this.acquire(options.signal);
    yield* lease.cursor<Row>(text, parameters, options);
  }

  /** Copies into a table; see {@linkcode PostgresConnection.copyIn}. */
  async copyIn(
    text: string,
    source: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
  ): Promise<number> {
    await using lease = await this.acquire();
    const { writable, rowCount } = lease.connection.copyIn(text);
    await ReadableStream.from(source).pipeTo(writable);
    return await rowCount;
  }

  /** Copies out of a table; see {@linkcode PostgresConnection.copyOut}. */
  async copyOut(text: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const lease = await this.acquire();
    const source = lease.connection.copyOut(text).getReader();
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        try {
          const { done, value } = await source.read();
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        await lease.release();
      },
      async cancel(reason) {
        await source.cancel(reason);
        await lease.release();
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Waits for a connection of one's own. It must be released.
   *
   * @throws {DatabaseError} With code `busy` if none is free in time or too many wait, `aborted` for
   * the signal, `closed` after {@linkcode close}, `connection` if no connection can be opened.
   */
  acquire(signal?: AbortSignal): Promise<PoolLease> {
    return this.#wait(false, signal).then((slot) =>
      new PoolLease(slot.connection, () => this.#clean(slot))
    );
  }

  /**
   * Runs a function within a transaction: it commits when the function returns and rolls back when it
   * throws.
   *
   * @throws {ConnectionLostError} If the connection ends; its `maybeCommitted` tells a loss in the
   * commit from an earlier one.
   */
  async begin<T>(
    run: (transaction: PostgresTransaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    await using lease = await this.acquire(options.signal);
    return await runTransaction(lease.connection, run, options);
  }

  /** Listens on a channel, over a connection that all listening shares; see {@linkcode PostgresListener}. */
  listen(
    channel: string,
    options?: { signal?: AbortSignal; maxQueued?: number },
  ): ReturnType<PostgresListener["listen"]> {
    this.#refuseClosed();
    this.#listener ??= new PostgresListener({ ...this.#options });
    return this.#listener.listen(channel, options);
  }

  /** Sends a message to those who listen on a channel. */
  async notify(channel: string, payload = ""): Promise<void> {
    await this.query("SELECT pg_notify($1, $2)", [channel, payload]);
  }

  /**
   * Refuses further callers, waits for those who use or wait for a connection (up to `timeoutMs`; no
   * limit by default), and closes. A second call waits for the first.
   */
  close(options: { timeoutMs?: number } = {}): Promise<void> {
    return this.#closing ??= this.#close(options.timeoutMs);
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    clearInterval(this.#sweeper);
    const listener = this.#listener?.close();
    const expired = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    while (this.#waiting.size > 0 || this.#opening > 0 || this.#idle.length < this.#slots.size) {
      const left = expired === undefined ? undefined : expired - Date.now();
      if (left !== undefined && left <= 0) break;
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
        if (left !== undefined) timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    this.#ended = true;
    clearTimeout(this.#timer);
    for (let waiter; (waiter = this.#waiting.shift()) !== undefined;) waiter.fail(closedError());
    const slots = [...this.#slots];
    await Promise.all(slots.map((slot) => {
      if (slot.users === 0) return slot.connection.close();
      slot.connection.destroy();
      return slot.connection.ended;
    }));
    await listener;
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  /** Runs something on a connection that others may use at the same time. */
  #share<T>(run: (connection: PostgresConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const slot = this.#waiting.size === 0 ? this.#takeIdle() : undefined;
    if (slot !== undefined) return this.#runOn(slot, run);
    return this.#wait(true, signal).then((other) => this.#runOn(other, run));
  }

  #runOn<T>(slot: Slot, run: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    const result = run(slot.connection);
    const done = () => this.#leave(slot);
    result.then(done, done);
    return result;
  }

  /** Takes a connection that nobody uses and that is known to live. */
  #takeIdle(): Slot | undefined {
    if (this.#closing !== undefined) return undefined;
    const slot = this.#idle.at(-1);
    if (slot === undefined) return undefined;
    const { healthCheckAfterMs = 15_000 } = this.#options;
    if (healthCheckAfterMs > 0 && Date.now() - slot.usedAt >= healthCheckAfterMs) return undefined;
    this.#idle.pop();
    slot.users = 1;
    return slot;
  }

  #wait(shares: boolean, signal: AbortSignal | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(closedError());
      const aborted = () =>
        new DatabaseError("aborted", "The wait for a connection was aborted", {
          cause: signal?.reason,
        });
      if (signal?.aborted) return reject(aborted());
      const { maxWaiting = 100_000, acquireTimeoutMs = 30_000 } = this.#options;
      const slot = this.#waiting.size === 0 ? this.#takeIdle() : undefined;
      if (slot !== undefined) return resolve(slot);
      if (this.#waiting.size >= maxWaiting) {
        return reject(new DatabaseError("busy", `${maxWaiting} callers wait for a connection`));
      }
      const abort = () => {
        if (this.#waiting.remove(waiter)) reject(aborted());
      };
      const waiter: Waiter = {
        shares,
        deadline: acquireTimeoutMs === 0 ? Infinity : Date.now() + acquireTimeoutMs,
        take: (slot) => {
          signal?.removeEventListener("abort", abort);
          resolve(slot);
        },
        fail: (error) => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiter);
      this.#armTimer();
      this.#serve();
    });
  }

  /** All wait equally long, so the first is the first whose time is over. */
  #armTimer(): void {
    const first = this.#waiting.first;
    if (this.#timer !== undefined || first === undefined || first.deadline === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      for (let waiter; (waiter = this.#waiting.first) !== undefined;) {
        if (waiter.deadline > Date.now()) break;
        this.#waiting.shift();
        const { acquireTimeoutMs = 30_000 } = this.#options;
        waiter.fail(
          new DatabaseError("busy", `No connection was free within ${acquireTimeoutMs} ms`),
        );
      }
      this.#onChange();
      this.#armTimer();
    }, Math.max(0, first.deadline - Date.now()));
  }

  /** Gives those who wait what is free, and opens more. */
  #serve(): void {
    while (this.#waiting.size > 0 && this.#idle.length > 0) {
      const slot = this.#idle.pop()!;
      const { healthCheckAfterMs = 15_000 } = this.#options;
      if (healthCheckAfterMs > 0 && Date.now() - slot.usedAt >= healthCheckAfterMs) {
        this.#check(slot);
      } else this.#give(slot);
    }
    while (
      this.#opening < this.#waiting.size && this.#slots.size + this.#opening < this.#max
    ) this.#open();
  }

  /** Asks a connection for a sign of life. */
  async #check(slot: Slot): Promise<void> {
    slot.users = 1;
    const { connectTimeoutMs = 10_000 } = this.#options;
    const timer = setTimeout(() => slot.connection.destroy(), connectTimeoutMs || 10_000);
    try {
      await slot.connection.query("SELECT 1");
    } catch {
      slot.connection.destroy();
    } finally {
      clearTimeout(timer);
    }
    this.#leave(slot);
  }

  /** Gives a connection to the first who waits, and if those share, to more of them. */
  #give(slot: Slot): void {
    slot.users = 0;
    const { pipelining = 16 } = this.#options;
    const connections = Math.max(1, this.#slots.size);
    let share = Math.min(pipelining, Math.ceil(this.#waiting.size / connections));
    for (let waiter; (waiter = this.#waiting.first) !== undefined;) {
      if (slot.users > 0 && (!waiter.shares || share <= 0)) break;
      this.#waiting.shift();
      slot.users++;
      share--;
      waiter.take(slot);
      if (!waiter.shares) break;
    }
    this.#disarm();
  }

  #disarm(): void {
    if (this.#waiting.size > 0 || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #open(): Promise<void> {
    this.#opening++;
    let connection: PostgresConnection;
    try {
      connection = await PostgresConnection.connect(this.#options);
    } catch (error) {
      this.#opening--;
      this.#waiting.shift()?.fail(error);
      this.#disarm();
      this.#onChange();
      this.#serve();
      return;
    }
    this.#opening--;
    if (this.#ended) {
      connection.destroy();
      return;
    }
    const { maxLifetimeMs = 3_600_000, idleTimeoutMs = 30_000 } = this.#options;
    const lifetimeMs = maxLifetimeMs * (1 - Math.random() / 10);
    const slot = new Slot(connection, maxLifetimeMs === 0 ? Infinity : Date.now() + lifetimeMs);
    this.#slots.add(slot);
    connection.ended.then(() => this.#forget(slot));
    if (idleTimeoutMs > 0 && this.#sweeper === undefined && this.#closing === undefined) {
      this.#sweeper = setInterval(() => this.#sweep(), Math.min(idleTimeoutMs, 1_000));
      Deno.unrefTimer(this.#sweeper);
    }
    slot.users = 1;
    this.#leave(slot);
  }

  /** A connection has ended. */
  #forget(slot: Slot): void {
    if (!this.#slots.delete(slot)) return;
    const at = this.#idle.indexOf(slot);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#slots.size === 0 && this.#closing === undefined) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
    this.#onChange();
    if (this.#waiting.size > 0) this.#serve();
  }

  /** Closes what was unused for too long. */
  #sweep(): void {
    const { idleTimeoutMs = 30_000 } = this.#options;
    const now = Date.now();
    for (const slot of [...this.#idle]) {
      if (now - slot.usedAt < idleTimeoutMs && now < slot.expiresAt) continue;
      this.#idle.splice(this.#idle.indexOf(slot), 1);
      slot.connection.close();
    }
  }

  /** One caller is done with a connection that is in its first state. */
  #leave(slot: Slot): void {
    if (--slot.users > 0) return;
    const { connection } = slot;
    if (connection.closed) {
      this.#onChange();
      return;
    }
    if (connection.transactionStatus !== "idle") {
      // A statement of a caller who shares it opened a transaction.
      slot.users = 1;
      this.#clean(slot);
      return;
    }
    slot.usedAt = Date.now();
    if (slot.usedAt >= slot.expiresAt) {
      connection.close();
      this.#onChange();
      return;
    }
    if (this.#waiting.size > 0) this.#give(slot);
    else {
      this.#idle.push(slot);
      this.#onChange();
    }
  }

  /** Brings a connection that a caller had to itself back into its first state. */
  async #clean(slot: Slot): Promise<void> {
    const { connection } = slot;
    const { reset = "auto" } = this.#options;
    try {
      if (connection.pending > 0) {
        // Whoever released it did not wait for all of its queries.
        await connection.script("SELECT 1").catch(noop);
      }
      if (!connection.closed && connection.transactionStatus !== "idle") {
        await connection.script("ROLLBACK");
      }
      const touched = connection.takeTouched();
      if (!connection.closed && (reset === "always" || (reset === "auto" && touched))) {
        // Not as one script: DISCARD must not run in the transaction that a script is.
        await Promise.all(RESET.split("; ").map((text) => connection.script(text)));
        connection.takeTouched();
      }
    } catch {
      connection.destroy();
    }
    this.#leave(slot);
  }
}

function closedError(): DatabaseError {
  return new DatabaseError("closed", "The pool is closed");
}

/** A connection of a pool that one caller has to itself until it is released. */
export class PoolLease implements Queryable, AsyncDisposable {
  readonly #connection: PostgresConnection;
  #release: (() => Promise<void>) | undefined;

  /** Programs call {@linkcode PostgresPool.acquire}. */
  constructor(connection: PostgresConnection, release: () => Promise<void>) {
    this.#connection = connection;
    this.#release = release;
  }

  /**
   * The connection.
   *
   * @throws {DatabaseError} With code `closed` after the release.
   */
  get connection(): PostgresConnection {
    if (this.#release === undefined) {
      throw new DatabaseError("closed", "The connection was given back to its pool");
    }
    return this.#connection;
  }

  /** Runs one statement; see {@linkcode PostgresConnection.query}. */
  async query<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<QueryResult<Row>> {
    return await this.connection.query<Row>(text, parameters, options);
  }

  /** Runs several statements without parameters; see {@linkcode PostgresConnection.script}. */
  async script(text: string, options?: QueryOptions): Promise<QueryResult[]> {
    return await this.connection.script(text, options);
  }

  /** Runs several statements in one round trip; see {@linkcode PostgresConnection.batch}. */
  async batch(queries: readonly BatchQuery[], options?: QueryOptions): Promise<QueryResult[]> {
    return await this.connection.batch(queries, options);
  }

  /** Reads rows a batch at a time; see {@linkcode PostgresConnection.cursor}. */
  cursor<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions & { batchRows?: number },
  ): AsyncGenerator<Row[], void, void> {
    return this.connection.cursor<Row>(text, parameters, options);
  }

  /** Copies into a table; see {@linkcode PostgresConnection.copyIn}. */
  copyIn(text: string): CopyIn {
    return this.connection.copyIn(text);
  }

  /** Copies out of a table; see {@linkcode PostgresConnection.copyOut}. */
  copyOut(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.connection.copyOut(text);
  }

  /** Gives it back. A transaction that is open is rolled back. A second call does nothing. */
  async release(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await release?.();
  }

  /** The same as {@linkcode release}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Options of a transaction. */
export interface TransactionOptions {
  /** The isolation level; the server's default by default. */
  isolation?: "read uncommitted" | "read committed" | "repeatable read" | "serializable";
  /** Whether it only reads. */
  readOnly?: boolean;
  /** Whether a serializable one that only reads waits until nothing can make it fail. */
  deferrable?: boolean;
  /** Ends the wait for a connection. */
  signal?: AbortSignal;
}

const LEVELS = new Set(["read uncommitted", "read committed", "repeatable read", "serializable"]);

function beginText({ isolation, readOnly, deferrable }: TransactionOptions): string {
  let text = "BEGIN";
  if (isolation !== undefined) {
    if (!LEVELS.has(isolation)) {
      throw new DatabaseError("bad_query", `There is no isolation level ${isolation}`);
    }
    text += ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  }
  if (readOnly !== undefined) text += readOnly ? " READ ONLY" : " READ WRITE";
  if (deferrable !== undefined) text += deferrable ? " DEFERRABLE" : " NOT DEFERRABLE";
  return text;
}

/** Runs a function within a transaction on a connection that nobody else uses. */
export async function runTransaction<T>(
  connection: PostgresConnection,
  run: (transaction: PostgresTransaction) => Promise<T> | T,
  options: TransactionOptions = {},
): Promise<T> {
  await connection.script(beginText(options));
  return await runWithin(connection, run, "COMMIT", "ROLLBACK", 0);
}

async function runWithin<T>(
  connection: PostgresConnection,
  run: (transaction: PostgresTransaction) => Promise<T> | T,
  commit: string,
  rollback: string,
  depth: number,
): Promise<T> {
  const transaction = new PostgresTransaction(connection, depth);
  let value: T;
  try {
    value = await run(transaction);
    await transaction.end();
  } catch (error) {
    await transaction.end();
    // Without a connection there is nothing left to roll back.
    if (!connection.closed) await connection.script(rollback).catch(noop);
    throw error;
  }
  const [result] = await connection.script(commit);
  if (result?.command === "ROLLBACK") {
    // A statement failed, and the function swallowed the error: the server says so only here.
    throw new PostgresError({
      severity: "ERROR",
      sqlState: "25P02",
      message: "The transaction was rolled back: one of its statements failed",
    }, commit);
  }
  return value;
}

/** A transaction, or a savepoint within one. It ends with the function that it was made for. */
export class PostgresTransaction implements Queryable {
  readonly #connection: PostgresConnection;
  readonly #depth: number;
  #ended = false;
  /** The savepoints that are open, one after the other. */
  #inner: Promise<unknown> = Promise.resolve();

  /** Programs call {@linkcode PostgresPool.begin}. */
  constructor(connection: PostgresConnection, depth: number) {
    this.#connection = connection;
    this.#depth = depth;
  }

  #session(): PostgresConnection {
    if (this.#ended) throw new DatabaseError("closed", "The transaction has ended");
    return this.#connection;
  }

  /** Refuses what comes later. */
  async end(): Promise<void> {
    await this.#inner;
    this.#ended = true;
  }

  /** Runs one statement; see {@linkcode PostgresConnection.query}. */
  async query<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<QueryResult<Row>> {
    return await this.#session().query<Row>(text, parameters, options);
  }

  /** Runs several statements without parameters; see {@linkcode PostgresConnection.script}. */
  async script(text: string, options?: QueryOptions): Promise<QueryResult[]> {
    return await this.#session().script(text, options);
  }

  /** Runs several statements in one round trip; see {@linkcode PostgresConnection.batch}. */
  async batch(queries: readonly BatchQuery[], options?: QueryOptions): Promise<QueryResult[]> {
    return await this.#session().batch(queries, options);
  }

  /** Reads rows a batch at a time; see {@linkcode PostgresConnection.cursor}. */
  cursor<Row = Record<string, unknown>>(
    text: string,
    parameters?: readonly unknown[],
    options?: QueryOptions & { batchRows?: number },
  ): AsyncGenerator<Row[], void, void> {
    return this.#session().cursor<Row>(text, parameters, options);
  }

  /** Copies into a table; see {@linkcode PostgresConnection.copyIn}. */
  copyIn(text: string): CopyIn {
    return this.#session().copyIn(text);
  }

  /** Copies out of a table; see {@linkcode PostgresConnection.copyOut}. */
  copyOut(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#session().copyOut(text);
  }

  /**
   * Runs a function within a savepoint: what it did is undone when it throws. Several are run one
   * after the other, since savepoints nest.
   */
  savepoint<T>(run: (transaction: PostgresTransaction) => Promise<T> | T): Promise<T> {
    const connection = this.#session();
    const name = `groundwork_${this.#depth + 1}`;
    const result = this.#inner.then(async () => {
      await connection.script(`SAVEPOINT ${name}`);
      const undo = `ROLLBACK TO ${name}; RELEASE ${name}`;
      return await runWithin(connection, run, `RELEASE ${name}`, undo, this.#depth + 1);
    });
    this.#inner = result.catch(noop);
    return result;
  }
}
