import { DatabaseError } from "../errors.ts";
import { allocate, type Bytes, malformed, MessageReader } from "./_bytes.ts";
import { readServerFields } from "./_fields.ts";
import {
  ANSWER,
  type Channel,
  MESSAGE,
  type Operation,
  QueryOperation,
  type QueryResult,
  type ReadSettings,
  ScriptOperation,
  Settle,
  Statement,
  writeClose,
  writeEmpty,
} from "./_operations.ts";
import { Queue } from "./_queue.ts";
import type { Field } from "./_rows.ts";
import { type Session, setParameter, startSession } from "./_startup.ts";
import {
  BatchOperation,
  type BatchQuery,
  CopyInOperation,
  CopyOutOperation,
  type CursorBatch,
  CursorOperation,
  CursorState,
  DescribeOperation,
  FetchOperation,
} from "./_streams.ts";
import { connectToFirst } from "./_hosts.ts";
import { openTransport, placeOf, type Transport } from "./_transport.ts";
import { MessageWriter } from "./_writer.ts";
import { ConnectError, ConnectionLostError, PostgresError } from "./errors.ts";
import { type ConnectionOptions, type IntegerMode, optionsOf } from "./options.ts";
import { catalogOf, TYPE_QUERY, TYPE_QUERY_13 } from "./_types.ts";
import { TypeRegistry } from "./types.ts";

export type { BatchQuery, Field, QueryResult };

/** Options of one query. */
export interface QueryOptions {
  /** Whether rows are arrays in the order of the columns; `false`, objects, by default. */
  asArray?: boolean;
  /** How 64-bit integers are read; as the connection's options say by default. */
  integers?: IntegerMode;
  /**
   * The format of values: by default each type's faster one, which both come to the same; a type
   * that has only one is sent in that. `raw` gives the bytes of the text form.
   */
  format?: "auto" | "text" | "binary" | "raw";
  /**
   * The parameters' types, by object identifier; 0 leaves one to the server. It finds all of them by
   * default.
   */
  parameterTypes?: readonly number[];
  /** Whether the statement is kept prepared; as the connection's options say by default. */
  prepare?: boolean;
  /**
   * Ends the query: one that waits is dropped, one that runs is cancelled on the server. Nothing is
   * sent behind a query with a signal until it has ended, so that no other is hit.
   */
  signal?: AbortSignal;
}

/** A COPY into a table that has been started. */
export interface CopyIn {
  /** Where the data goes; text is sent as UTF-8. */
  readonly writable: WritableStream<Uint8Array | string>;
  /** How many rows were copied, once `writable` is closed; rejects if none were. */
  readonly rowCount: Promise<number>;
}

/** A message that another session sent with NOTIFY. */
export interface Notification {
  /** The channel. */
  readonly channel: string;
  /** The text; empty for none. */
  readonly payload: string;
  /** The process that sent it. */
  readonly processId: number;
}

/** The receive buffer's size at first, and the size beyond which it is not kept. */
const FIRST_BUFFER_BYTES = 64 * 1024;
const MAX_KEPT_BUFFER_BYTES = 512 * 1024;
/** From this many bytes on, what was written is sent before more is. */
const MAX_BATCH_BYTES = 256 * 1024;
/** How deep types may be built of types: so often are they looked up for one query. */
const MAX_TYPE_LOOKUPS = 16;

const noop = (): void => {};

/** Statements that make a transaction's effects permanent, behind comments and others too. */
const COMMITS = /(?:^|;)(?:\s|--[^\n]*\n|\/\*[^]*?\*\/)*(?:COMMIT|END|PREPARE\s+TRANSACTION)\b/i;
/** Statements that change nothing, unless through a function: a SELECT may call one. */
const READS =
  /^\s*(?:SHOW|BEGIN|START|ROLLBACK|ABORT|SAVEPOINT|RELEASE|SET|DISCARD|LISTEN|UNLISTEN)\b[^;]*$/i;

/** The transaction's state that a statement leaves, for statements that begin or end one. */
function statusAfter(text: string, status: string): string {
  if (/^\s*(?:BEGIN|START\s+TRANSACTION)\b/i.test(text)) return "T";
  if (COMMITS.test(text) || /^\s*(?:ROLLBACK(?!\s+TO)|ABORT)\b/i.test(text)) return "I";
  return status;
}

/** Tags of commands that may leave something in the session. */
const TOUCHES = /^(?:SET|RESET|LISTEN|LOAD|PREPARE|DECLARE|CREATE TABLE|SELECT INTO|DISCARD)\b/;

/** Calls what the program gave. An error of it is the program's, not the connection's. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportError(error);
  }
}

/** What operations see of the connection; the connection itself sets the buffer. */
type MutableChannel = { -readonly [K in keyof Channel]: Channel[K] };

/**
 * One session with a server. Queries run in the order in which they are made; those made in one tick
 * are sent in one write, each with a Sync of its own: an error rejects that query alone.
 *
 * @example Needs a server
 * ```ts ignore
 * import { PostgresConnection } from "@groundwork/std/orm/postgres";
 *
 * await using connection = await PostgresConnection.connect("postgres://ada@127.0.0.1/app");
 * const { rows } = await connection.query("SELECT id, name FROM users WHERE age > $1", [30]);
 * ```
 */
export class PostgresConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #transport: Transport;
  readonly #session: Session;
  readonly #queue = new Queue<Operation>();
  /** Lookups of types, which what waits needs: they are sent even where that is kept back. */
  readonly #priority = new Queue<Operation>();
  readonly #underWay = new Queue<Operation>();
  readonly #statements = new Map<string, Statement>();
  readonly #channel: MutableChannel;
  readonly #settings: ReadSettings;
  readonly #maxQueued: number;
  readonly #maxMessageBytes: number;
  #start = 0;
  #end = 0;
  #status = "I";
  #blocker: Operation | undefined;
  #scheduled = false;
  #writing = false;
  readonly #waitingToWrite: (() => void)[] = [];
  #gate: Promise<void> | undefined;
  #statementNumber = 0;
  #uses = 0;
  /** Statements that the server still has and that are dropped with the next that is parsed. */
  readonly #dropped: string[] = [];
  /** Those of them whose drop is written, with what may yet be refused. */
  readonly #dropping: string[] = [];
  #closing: Promise<void> | undefined;
  #lost: unknown;
  #cancelling: Promise<void> | undefined;
  #fatal: PostgresError | undefined;
  #touched = false;
  #ended: () => void = noop;
  #onIdle: () => void = noop;
  /** The types. */
  readonly types: TypeRegistry;
  /** Settles when the connection has ended, for whatever reason; never rejects. */
  readonly ended: Promise<void>;
  /** Called with each NOTIFY that arrives. */
  onNotification: ((notification: Notification) => void) | undefined;

  private constructor(
    options: ConnectionOptions,
    transport: Transport,
    session: Session,
    types: TypeRegistry,
  ) {
    this.#options = options;
    this.#transport = transport;
    this.#session = session;
    this.#settings = { asArray: false, integers: options.integers ?? "bigint", format: "auto" };
    this.#maxQueued = options.maxQueued ?? 100_000;
    this.#maxMessageBytes = options.maxMessageBytes ?? 0x3fffffff;
    this.ended = new Promise((resolve) => this.#ended = resolve);
    this.types = types;
    this.#channel = this.#makeChannel(types);
    this.#status = session.status;
    this.#start = session.start;
    this.#end = session.end;
    this.#receive();
  }

  #makeChannel(types: TypeRegistry): MutableChannel {
    const status = () => this.#status;
    const underWay = () => this.#underWay.size;
    const keepsStatements = this.#options.prepare !== false && this.#options.maxStatements !== 0;
    const { bytes } = this.#session;
    return {
      writer: new MessageWriter(),
      types: catalogOf(types),
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      keepsStatements,
      get status() {
        return status();
      },
      get underWay() {
        return underWay();
      },
      findStatement: (key) => {
        const statement = this.#statements.get(key);
        if (statement !== undefined) statement.used = ++this.#uses;
        return statement;
      },
      makeStatement: (key) => this.#makeStatement(key),
      dropStatement: (statement) => {
        if (this.#statements.get(statement.key) === statement) {
          this.#statements.delete(statement.key);
          // The server may have it still; to drop what it does not have is no error.
          if (statement.parsed) this.#dropped.push(statement.name);
        }
      },
      block: (operation) => this.#blocker = operation,
      unblock: (operation) => {
        // One with a signal keeps the rest back until its end.
        if (this.#blocker !== operation || (operation.cancellable && operation.sent)) return;
        this.#blocker = undefined;
        if (this.#queue.size > 0) this.#schedule();
      },
      flush: () => this.#flush(),
      restart: (operation) => {
        if (this.#lost !== undefined) return operation.fail(this.#lossOf(operation, "I"));
        if (operation.aborted !== undefined) return operation.fail(operation.aborted);
        this.#queue.unshift(operation);
        this.#schedule();
      },
      learnTypes: (oids) => this.#learnTypes(oids),
      pauseUntil: (promise) => this.#gate = promise,
    };
  }

  #makeStatement(key: string): Statement {
    const { maxStatements = 256 } = this.#options;
    if (this.#statements.size >= maxStatements) {
      // The one that was used longest ago; a scan costs less than keeping them in order.
      let oldest: Statement | undefined;
      for (const statement of this.#statements.values()) {
        if (oldest === undefined || statement.used < oldest.used) oldest = statement;
      }
      this.#statements.delete(oldest!.key);
      this.#dropped.push(oldest!.name);
    }
    for (const name of this.#dropped) writeClose(this.#channel.writer, "S", name);
    this.#dropping.push(...this.#dropped.splice(0));
    const statement = new Statement(this.#nextName(), key);
    statement.used = ++this.#uses;
    this.#statements.set(key, statement);
    return statement;
  }

  /** Looks types up, and those that they are built of. */
  async #learnTypes(oids: readonly number[]): Promise<void> {
    const version = parseInt(this.#session.parameters.get("server_version") ?? "", 10);
    const text = version < 14 ? TYPE_QUERY_13 : TYPE_QUERY;
    const { types } = this.#channel;
    let asked = [...oids];
    for (let lookups = 0; asked.length > 0 && lookups < MAX_TYPE_LOOKUPS; lookups++) {
      const { rows } = await new Promise<QueryResult<unknown>>((resolve, reject) => {
        const settings: ReadSettings = { asArray: true, integers: "string", format: "text" };
        const list = `{${asked.join(",")}}`;
        const operation = new QueryOperation(
          text,
          [list],
          settings,
          false,
          new Settle(resolve, reject),
        );
        this.#priority.push(operation);
        this.#schedule();
      });
      asked = types.learn(asked, rows as (string | null)[][]);
    }
  }

  /**
   * Connects and logs in; where there are several servers, to the first that will do.
   *
   * @throws {ConnectError} If the server cannot be reached or trusted, or asks for what we refuse.
   * @throws {PostgresError} If the server refuses us.
   * @throws {DatabaseError} With code `aborted` if the signal ended it.
   */
  static async connect(
    target: string | URL | ConnectionOptions,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<PostgresConnection> {
    const connect = (one: ConnectionOptions) => PostgresConnection.#connectTo(one, signal);
    return await connectToFirst(optionsOf(target), connect, signal);
  }

  static async #connectTo(
    options: ConnectionOptions,
    signal: AbortSignal | undefined,
  ): Promise<PostgresConnection> {
    const { connectTimeoutMs = 10_000 } = options;
    let end: (() => void) | undefined;
    let ending: DatabaseError | undefined;
    const stop = (error: DatabaseError) => {
      ending ??= error;
      end?.();
    };
    const place = placeOf(options);
    const timer = connectTimeoutMs === 0 ? undefined : setTimeout(
      () => stop(new ConnectError(`Cannot connect to ${place} within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    const abort = () =>
      stop(new DatabaseError("aborted", "Connecting was aborted", { cause: signal?.reason }));
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    let transport: Transport | undefined;
    try {
      if (ending !== undefined) throw ending;
      transport = await openTransport(options, (close) => {
        end = close;
        if (ending !== undefined) close();
      });
      end = () => transport?.close();
      if (ending !== undefined) throw ending;
      const session = await startSession(transport, options);
      // A timer that fired now closed the transport.
      if (ending !== undefined) throw ending;
      const types = options.types ?? new TypeRegistry();
      return new PostgresConnection(options, transport, session, types);
    } catch (error) {
      transport?.close();
      if (ending !== undefined) throw ending;
      if (error instanceof DatabaseError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new ConnectError(`Cannot connect to ${place}: ${message}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** The server's settings as it last reported them: `server_version`, `TimeZone` and others. */
  get parameters(): ReadonlyMap<string, string> {
    return this.#session.parameters;
  }

  /** The server process' number. */
  get processId(): number {
    return this.#session.processId;
  }

  /** The transaction's state after the last query: none, in one, or in one that has failed. */
  get transactionStatus(): "idle" | "open" | "failed" {
    return this.#status === "I" ? "idle" : this.#status === "T" ? "open" : "failed";
  }

  /** Whether the bytes are encrypted. */
  get encrypted(): boolean {
    return this.#transport.encrypted;
  }

  /** Whether SCRAM was bound to the TLS channel. */
  get channelBound(): boolean {
    return this.#session.channelBound;
  }

  /** Whether it can be used no more. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#lost !== undefined;
  }

  /** Why it ended; `undefined` while it has not. */
  get lost(): unknown {
    return this.#lost;
  }

  /** How many queries wait or run. */
  get pending(): number {
    return this.#queue.size + this.#underWay.size;
  }

  /**
   * Runs one statement with parameters `$1`, `$2`, ….
   *
   * @throws {PostgresError} If the server refuses it.
   * @throws {ConnectionLostError} If the connection ends before the answer.
   * @throws {DatabaseError} With code `bad_value` for a parameter that its type cannot take, `aborted`
   * for the signal, `closed` after {@linkcode close}.
   */
  query<Row = Record<string, unknown>>(
    text: string,
    parameters: readonly unknown[] = [],
    options?: QueryOptions,
  ): Promise<QueryResult<Row>> {
    const keep = options?.prepare ?? true;
    const settings = options === undefined ? this.#settings : this.#settingsOf(options);
    return new Promise<QueryResult<unknown>>((resolve, reject) => {
      const operation = new QueryOperation(
        text,
        parameters,
        settings,
        keep,
        new Settle(resolve, reject),
      );
      this.#add(operation, options?.signal, reject);
    }) as Promise<QueryResult<Row>>;
  }

  /**
   * Runs several statements without parameters, which come into effect all or none unless the text
   * begins and ends transactions itself. Gives each statement's result.
   *
   * @throws {PostgresError} If the server refuses one.
   */
  script(text: string, options: QueryOptions = {}): Promise<QueryResult[]> {
    return new Promise<QueryResult<unknown>[]>((resolve, reject) => {
      const settings = this.#settingsOf(options);
      const operation = new ScriptOperation(text, settings, new Settle(resolve, reject));
      this.#add(operation, options.signal, reject);
    }) as Promise<QueryResult[]>;
  }

  /**
   * Runs several statements in one round trip. Outside a transaction they come into effect all or
   * none; the first error ends them.
   *
   * @throws {PostgresError} If the server refuses one; its `query` says which.
   */
  batch(
    queries: readonly BatchQuery[],
    options: Omit<QueryOptions, "prepare"> = {},
  ): Promise<QueryResult[]> {
    if (queries.length === 0) return Promise.resolve([]);
    return new Promise<QueryResult<unknown>[]>((resolve, reject) => {
      const settle = new Settle(resolve, reject);
      const make = (text: string) => new Statement(this.#nextName(), text);
      const operation = new BatchOperation(queries, this.#settingsOf(options), make, settle);
      this.#add(operation, options.signal, reject);
    }) as Promise<QueryResult[]>;
  }

  /**
   * Asks the server which parameters a statement has and which columns it gives, without running it.
   *
   * @throws {PostgresError} If the server refuses it.
   */
  async describe(text: string): Promise<{ parameters: number[]; fields: Field[] }> {
    const { parameters = [], fields = [] } = await this.#describe(text, {
      prepare: false,
    });
    return { parameters: [...parameters], fields: [...fields] };
  }

  #describe(
    text: string,
    options: QueryOptions,
  ): Promise<Statement> {
    const { parameterTypes, prepare = true, signal } = options;
    return new Promise<Statement>((resolve, reject) => {
      const settle = new Settle(resolve, reject);
      const operation = new DescribeOperation(text, parameterTypes, prepare, settle);
      this.#add(operation, signal, reject);
    });
  }

  /**
   * Runs one statement and reads its rows a batch at a time, as fast as the caller asks for them.
   * Ending the iteration early closes it on the server. Within a transaction other queries may run
   * between two batches; outside one they wait until the iteration has ended.
   *
   * @throws {PostgresError} If the server refuses it.
   */
  async *cursor<Row = Record<string, unknown>>(
    text: string,
    parameters: readonly unknown[] = [],
    options: QueryOptions & { batchRows?: number } = {},
  ): AsyncGenerator<Row[], void, void> {
    const { batchRows = 100, signal } = options;
    if (!(Number.isInteger(batchRows) && batchRows > 0 && batchRows <= 0x7fffffff)) {
      throw new DatabaseError("bad_query", "A cursor's batchRows is a number of rows from 1 on");
    }
    const settings = this.#settingsOf(options);
    const statement = await this.#describe(text, options);
    const state = new CursorState(text, statement, parameters, settings, batchRows);
    const name = `c${++this.#statementNumber}`;
    let opening!: CursorOperation;
    let batch = await new Promise<CursorBatch>((resolve, reject) => {
      opening = new CursorOperation(state, name, new Settle(resolve, reject));
      this.#add(opening, signal, reject);
    });
    const later = (close: boolean) =>
      new Promise<CursorBatch>((resolve, reject) => {
        const settle = new Settle(resolve, reject);
        if (!close && !state.shared) opening.fetch(settle);
        else this.#add(new FetchOperation(state, close, settle), signal, reject);
      });
    try {
      for (;;) {
        if (batch.rows.length > 0) yield batch.rows as Row[];
        if (batch.done || state.done) break;
        batch = await later(false);
      }
    } finally {
      if (!state.shared) await opening.close();
      // A transaction that failed or ended has closed it.
      else if (!state.done && this.#status === "T") await later(true).catch(noop);
    }
  }

  /**
   * Starts `COPY … FROM STDIN`: write the data to `writable` in the format that the statement says,
   * and close it, or abort it to copy nothing. Other queries wait until then.
   */
  copyIn(text: string): CopyIn {
    let operation!: CopyInOperation;
    const rowCount = new Promise<number>((resolve, reject) => {
      operation = new CopyInOperation(text, this.#drained, new Settle(resolve, reject));
      this.#add(operation, undefined, (error) => operation.fail(error));
    });
    // Whoever writes hears of the error too.
    rowCount.catch(noop);
    return { writable: operation.writable, rowCount };
  }

  /**
   * Runs `COPY … TO STDOUT` and reads the data, as fast as the caller does, in chunks that end
   * anywhere. Other queries wait until the end; cancelling the stream cancels the statement.
   */
  copyOut(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
    let operation!: CopyOutOperation;
    new Promise<number>((resolve, reject) => {
      const cancel = (ended: Operation) => {
        if (ended.sent) this.#cancelHead(ended);
        else if (this.#queue.remove(ended)) this.#schedule();
      };
      operation = new CopyOutOperation(text, cancel, new Settle(resolve, reject));
      operation.cancellable = true;
      this.#add(operation, undefined, (error) => operation.fail(error));
    }).catch(noop);
    return operation.readable;
  }

  /** What a writer of much waits for; `undefined` while little is waiting to be sent. */
  readonly #drained = (): Promise<void> | undefined => {
    this.#flush();
    if (this.#channel.writer.length < MAX_BATCH_BYTES) return undefined;
    return new Promise((resolve) => this.#waitingToWrite.push(resolve));
  };

  #nextName(): string {
    return `s${++this.#statementNumber}`;
  }

  #settingsOf(options: QueryOptions): ReadSettings {
    const { asArray = false, integers = this.#settings.integers, format = "auto" } = options;
    const { parameterTypes } = options;
    return {
      asArray,
      integers,
      format,
      ...(parameterTypes === undefined ? {} : { parameterTypes }),
    };
  }

  #add(
    operation: Operation,
    signal: AbortSignal | undefined,
    reject: (error: unknown) => void,
  ): void {
    if (this.#closing !== undefined) {
      return reject(new DatabaseError("closed", "The connection is closed"));
    }
    if (this.#lost !== undefined) return operation.fail(this.#lossOf(operation, "I"));
    if (this.#queue.size >= this.#maxQueued) {
      return reject(
        new DatabaseError("busy", `${this.#maxQueued} queries wait on the connection already`),
      );
    }
    if (signal !== undefined && !this.#watch(operation, signal, reject)) return;
    this.#queue.push(operation);
    this.#schedule();
  }

  /** Lets a signal end an operation; `false` if it has already. */
  #watch(
    operation: Operation,
    signal: AbortSignal,
    reject: (error: unknown) => void,
  ): boolean {
    const aborted = () =>
      new DatabaseError("aborted", "The query was aborted", {
        cause: signal.reason,
        query: operation.text,
      });
    if (signal.aborted) {
      reject(aborted());
      return false;
    }
    operation.cancellable = true;
    const abort = () => {
      operation.aborted = aborted();
      if (operation.sent) this.#cancelHead(operation);
      else if (this.#queue.remove(operation)) {
        reject(operation.aborted);
        this.#schedule();
      }
    };
    signal.addEventListener("abort", abort);
    operation.whenSettled(() => signal.removeEventListener("abort", abort));
    return true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#pump);
  }

  /** Writes what waits, as far as it may be sent, and sends it. */
  readonly #pump = (): void => {
    this.#scheduled = false;
    if (this.#lost !== undefined) return;
    const { writer } = this.#channel;
    while (this.#cancelling === undefined && writer.length < MAX_BATCH_BYTES) {
      const queue = this.#priority.size > 0 ? this.#priority : this.#queue;
      const operation = queue.first;
      if (operation === undefined || (this.#blocker !== undefined && queue === this.#queue)) break;
      // Its cancellation would hit whatever runs when it arrives.
      if (operation.cancellable && this.#underWay.size > 0) break;
      const mark = writer.length;
      try {
        if (!operation.start(this.#channel)) {
          writer.length = mark;
          break;
        }
      } catch (error) {
        writer.length = mark;
        this.#dropped.push(...this.#dropping.splice(0));
        queue.shift();
        operation.fail(error);
        continue;
      }
      if (this.#dropping.length > 0) this.#dropping.length = 0;
      queue.shift();
      operation.sent = true;
      this.#underWay.push(operation);
      if (operation.cancellable) this.#blocker = operation;
    }
    this.#flush();
  };

  #flush(): void {
    const { writer } = this.#channel;
    if (this.#writing || writer.length === 0) return;
    this.#writing = true;
    this.#transport.write(writer.take()).then(this.#written, this.#lose);
  }

  readonly #written = (): void => {
    this.#writing = false;
    this.#channel.writer.giveBack();
    if (this.#queue.size > 0) this.#pump();
    else this.#flush();
    if (this.#waitingToWrite.length > 0) {
      for (const resolve of this.#waitingToWrite.splice(0)) resolve();
    }
  };

  async #receive(): Promise<void> {
    const channel = this.#channel;
    try {
      this.#parse();
      for (;;) {
        while (this.#gate !== undefined) {
          const gate = this.#gate;
          await gate;
          if (this.#gate === gate) this.#gate = undefined;
          this.#parse();
        }
        this.#makeRoom();
        const target = channel.bytes.subarray(this.#end) as Uint8Array<ArrayBuffer>;
        const count = await this.#transport.read(target);
        if (count === null) throw new ConnectError("The server closed the connection");
        this.#end += count;
        this.#parse();
        if (this.#gate === undefined) this.#underWay.first?.paused();
      }
    } catch (error) {
      this.#lose(error);
    }
  }

  /** Makes room behind what is not parsed yet: by moving it to the front, or a larger buffer. */
  #makeRoom(): void {
    const channel = this.#channel;
    const held = this.#end - this.#start;
    const size = channel.bytes.length;
    if (held === 0) {
      this.#start = this.#end = 0;
      if (size > MAX_KEPT_BUFFER_BYTES) this.#setBuffer(allocate(FIRST_BUFFER_BYTES));
      return;
    }
    if (held * 2 > size) {
      // It grows with what has come, not with what the server says will come.
      const larger = allocate(size * 2);
      larger.set(channel.bytes.subarray(this.#start, this.#end));
      this.#setBuffer(larger);
    } else if (this.#start > 0) channel.bytes.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = held;
  }

  #setBuffer(bytes: Bytes): void {
    this.#channel.bytes = bytes;
    this.#channel.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Takes the whole messages that are there. */
  #parse(): void {
    const { bytes, view } = this.#channel;
    while (this.#end - this.#start >= 5 && this.#gate === undefined) {
      const at = this.#start;
      const length = view.getInt32(at + 1);
      if (length < 4) malformed("a message's length is less than itself");
      if (length > this.#maxMessageBytes) {
        malformed(`a message of ${length} bytes is longer than ${this.#maxMessageBytes}`);
      }
      const next = at + 1 + length;
      if (next > this.#end) return;
      this.#start = next;
      const type = bytes[at]!;
      const operation = this.#underWay.first;
      if (type === ANSWER.dataRow && operation !== undefined) {
        operation.handle(this.#channel, type, at + 5, next);
      } else this.#handle(operation, type, at + 5, next);
    }
  }

  #handle(operation: Operation | undefined, type: number, start: number, end: number): void {
    const { bytes } = this.#channel;
    switch (type) {
      case ANSWER.readyForQuery: {
        if (end - start !== 1) malformed("ReadyForQuery has a wrong length");
        this.#status = String.fromCharCode(bytes[start]!);
        if (operation === undefined) malformed("an answer has no question");
        this.#underWay.shift();
        this.#finish(operation);
        return;
      }
      case 0x4e: { // N: NoticeResponse
        const fields = readServerFields(new MessageReader(bytes, start, end));
        guarded(() => this.#options.onNotice?.(fields));
        return;
      }
      case 0x53: { // S: ParameterStatus
        const message = new MessageReader(bytes, start, end);
        const [name, value] = setParameter(this.#session.parameters, message);
        guarded(() => this.#options.onParameter?.(name, value));
        return;
      }
      case 0x41: { // A: NotificationResponse
        const message = new MessageReader(bytes, start, end);
        const processId = message.int32();
        const channel = message.cstring();
        const payload = message.cstring();
        guarded(() => this.onNotification?.({ channel, payload, processId }));
        return;
      }
      case ANSWER.error: {
        const fields = readServerFields(new MessageReader(bytes, start, end));
        const fatal = fields.severity === "FATAL" || fields.severity === "PANIC";
        // One without a question announces the end as well.
        if (fatal || operation === undefined) {
          throw this.#fatal = new PostgresError(fields, operation?.text);
        }
        operation.refused(this.#channel, fields);
        return;
      }
    }
    if (operation === undefined) malformed("a message has no question");
    operation.handle(this.#channel, type, start, end);
    if (type === ANSWER.commandComplete) this.#watchCommand(start, end);
  }

  /** Ends an operation that the server is ready after. */
  #finish(operation: Operation): void {
    if (operation.cancellable && this.#blocker === operation) this.#blocker = undefined;
    operation.sent = false;
    operation.ready(this.#channel);
    if (this.#queue.size > 0) this.#schedule();
    else if (this.#underWay.size === 0) this.#onIdle();
  }

  /** Some commands drop the prepared statements on the server, or leave something in the session. */
  #watchCommand(start: number, end: number): void {
    // The most frequent ones are told by a letter: SELECT, UPDATE, INSERT, DELETE.
    const { bytes } = this.#channel;
    const first = bytes[start]!;
    const second = bytes[start + 1]!;
    if (first === 0x53 && second === 0x45 && bytes[start + 2] === 0x4c) return;
    if (first === 0x55 && second === 0x50) return;
    if (first === 0x49 || (first === 0x44 && second === 0x45 && bytes[start + 2] === 0x4c)) return;
    const tag = bytes.latin1Slice(start, end - 1);
    if (tag === "DEALLOCATE ALL" || tag === "DISCARD ALL") this.#statements.clear();
    if (TOUCHES.test(tag)) this.#touched = true;
  }

  /**
   * Whether a command ran, since this was asked last, that may have left something in the session:
   * settings, a temporary table, a LISTEN. What functions leave is not seen.
   */
  takeTouched(): boolean {
    const touched = this.#touched;
    this.#touched = false;
    return touched;
  }

  /** Ends everything that waits or runs. */
  readonly #lose = (reason: unknown): void => {
    if (this.#lost !== undefined) return;
    this.#lost = this.#fatal ?? reason ?? new ConnectError("The connection is closed");
    this.#transport.close();
    this.#blocker = undefined;
    let status = this.#status;
    let first = true;
    for (let operation; (operation = this.#underWay.shift()) !== undefined;) {
      // A FATAL answers the first of them; none of those behind it was run.
      const fatal = this.#fatal;
      if (first && fatal !== undefined) {
        operation.fail(new PostgresError(fatal.fields, operation.text));
      } else operation.fail(this.#lossOf(operation, status, fatal === undefined));
      status = statusAfter(operation.text, status);
      first = false;
    }
    for (const queue of [this.#priority, this.#queue]) {
      for (let operation; (operation = queue.shift()) !== undefined;) {
        operation.fail(this.#lossOf(operation, "I"));
      }
    }
    for (const resolve of this.#waitingToWrite.splice(0)) resolve();
    this.#onIdle();
    this.#ended();
  };

  /** What an operation is told that the connection's end left without an answer. */
  #lossOf(operation: Operation, status: string, mayHaveRun = true): DatabaseError {
    const { sent, text } = operation;
    const inCommit = COMMITS.test(text);
    const maybeCommitted = sent && mayHaveRun &&
      (inCommit || (status === "I" && !READS.test(text)));
    const cause = this.#lost;
    const message = cause instanceof Error ? cause.message : String(cause);
    const outcome = !sent
      ? "the statement was not sent"
      : maybeCommitted
      ? "the statement may have taken effect"
      : "the statement had no effect";
    return new ConnectionLostError(`The connection was lost (${message}): ${outcome}`, {
      sent,
      inCommit,
      maybeCommitted,
      cause,
      query: text,
    });
  }

  #cancelHead(operation: Operation): void {
    if (this.#cancelling !== undefined || this.#underWay.first !== operation) return;
    // The next query waits until the server has passed the request on: it must not hit that one.
    const cancelling = this.cancel().catch(noop).then(() => {
      this.#cancelling = undefined;
      if (this.#lost === undefined) this.#pump();
    });
    this.#cancelling = cancelling;
  }

  /**
   * Asks the server, over a connection of its own, to give up whatever this one runs now. The server
   * does not say whether it did.
   *
   * @throws {ConnectError} If the server cannot be reached.
   */
  async cancel(): Promise<void> {
    const { connectTimeoutMs = 10_000 } = this.#options;
    let transport: Transport | undefined;
    let end = noop;
    const timer = setTimeout(() => end(), connectTimeoutMs || 10_000);
    try {
      transport = await openTransport(this.#options, (close) => end = close);
      end = () => transport?.close();
      const { processId, secretKey } = this.#session;
      const request = new Uint8Array(16);
      const view = new DataView(request.buffer);
      view.setInt32(0, 16);
      view.setInt32(4, 80_877_102);
      view.setInt32(8, processId);
      view.setInt32(12, secretKey);
      await transport.write(request);
      // The server closes when it has passed the request on.
      await transport.read(new Uint8Array(1)).catch(noop);
    } catch (cause) {
      throw new ConnectError("Cannot reach the server to cancel a query", { cause });
    } finally {
      clearTimeout(timer);
      transport?.close();
    }
  }

  /**
   * Waits for the queries under way, then says goodbye. Later queries are refused. A second call
   * waits for the first.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    while (this.pending > 0 && this.#lost === undefined) {
      await new Promise<void>((resolve) => this.#onIdle = resolve);
    }
    if (this.#cancelling !== undefined) await this.#cancelling;
    if (this.#lost === undefined) {
      while (this.#writing) await new Promise((resolve) => setTimeout(resolve, 0));
      this.#lost ??= new DatabaseError("closed", "The connection is closed");
      const { writer } = this.#channel;
      writeEmpty(writer, MESSAGE.terminate);
      await this.#transport.write(writer.take()).catch(noop);
      this.#transport.close();
      this.#ended();
    }
  }

  /** Ends at once; what waits or runs fails. */
  destroy(): void {
    this.#closing ??= Promise.resolve();
    this.#lose(new DatabaseError("closed", "The connection was destroyed"));
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
