import { DatabaseError } from "../errors.ts";
import { malformed } from "./_bytes.ts";
import {
  ANSWER,
  type Channel,
  describes,
  MESSAGE,
  Operation,
  type QueryResult,
  type ReadSettings,
  RowCollector,
  type Settle,
  Statement,
  statementKey,
  unknownTypes,
  writeBind,
  writeClose,
  writeCopyFail,
  writeDescribe,
  writeEmpty,
  writeExecute,
  writeParse,
  writeQuery,
} from "./_operations.ts";
import { PostgresError, type ServerFields } from "./errors.ts";

/** Has a statement parsed and described, and its types looked up. */
export class DescribeOperation extends Operation {
  readonly text: string;
  readonly #keep: boolean;
  readonly #types: readonly number[] | undefined;
  readonly #settle: Settle<Statement>;
  #statement: Statement | undefined;
  #error: DatabaseError | undefined;

  constructor(
    text: string,
    types: readonly number[] | undefined,
    keep: boolean,
    settle: Settle<Statement>,
  ) {
    super();
    this.text = text;
    this.#types = types;
    this.#keep = keep;
    this.#settle = settle;
  }

  start(channel: Channel): boolean {
    const keep = this.#keep && channel.keepsStatements;
    const key = statementKey(this.text, this.#types);
    const known = keep ? channel.findStatement(key) : undefined;
    this.#statement = known ?? (keep ? channel.makeStatement(key) : new Statement("", key));
    if (known === undefined) {
      writeParse(channel.writer, this.#statement.name, this.text, this.#types);
      writeDescribe(channel.writer, "S", this.#statement.name);
    }
    writeEmpty(channel.writer, MESSAGE.sync);
    return true;
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    if (type === ANSWER.parseComplete) this.#statement!.parsed = true;
    else if (type !== ANSWER.closeComplete) {
      const last = describes(this.#statement!, channel, type, start, end);
      if (!last && type !== ANSWER.parameterDescription) {
        malformed("a message has no place in a description");
      }
    }
  }

  refused(_channel: Channel, fields: ServerFields): void {
    this.#error ??= this.errorOf(fields);
  }

  ready(channel: Channel): void {
    const statement = this.#statement!;
    if (this.#error !== undefined) {
      channel.dropStatement(statement);
      return this.#settle.reject(this.#error);
    }
    const unknown = unknownTypes(channel.types, statement);
    if (unknown.length === 0) return this.#settle.resolve(statement);
    channel.learnTypes(unknown).then(
      () => this.#settle.resolve(statement),
      (error) => this.#settle.reject(error),
    );
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  whenSettled(call: () => void): void {
    this.#settle.before(call);
  }
}

/** Rows that a cursor gave, and whether there are no more. */
export interface CursorBatch {
  rows: unknown[];
  done: boolean;
}

/** What the operations of one cursor share. */
export class CursorState {
  readonly text: string;
  readonly statement: Statement;
  readonly settings: ReadSettings;
  readonly values: readonly unknown[];
  readonly batchRows: number;
  /** The portal's name: none where nothing else may run until it is closed. */
  portal = "";
  /** Whether it was opened within a transaction, where other statements may come in between. */
  shared = false;
  done = false;

  constructor(
    text: string,
    statement: Statement,
    values: readonly unknown[],
    settings: ReadSettings,
    batchRows: number,
  ) {
    this.text = text;
    this.statement = statement;
    this.values = values;
    this.settings = settings;
    this.batchRows = batchRows;
  }
}

/**
 * Opens a cursor. Outside a transaction a Sync would close it: there the operation lasts, and holds
 * everything else back, until the cursor is closed.
 */
export class CursorOperation extends Operation {
  readonly text: string;
  readonly #state: CursorState;
  readonly #name: string;
  #settle: Settle<CursorBatch>;
  #collector = new RowCollector();
  #error: DatabaseError | undefined;
  #channel: Channel | undefined;
  #closed: (() => void) | undefined;
  #finished = false;
  #beforeEnd: (() => void) | undefined;

  constructor(state: CursorState, name: string, settle: Settle<CursorBatch>) {
    super();
    this.text = state.text;
    this.#state = state;
    this.#name = name;
    this.#settle = settle;
  }

  start(channel: Channel): boolean {
    // Only then is it known whether a transaction is open.
    if (channel.underWay > 0) return false;
    const { statement, settings, values, batchRows } = this.#state;
    const { writer } = channel;
    this.#state.shared = channel.status === "T";
    this.#state.portal = this.#state.shared ? this.#name : "";
    if (statement.name === "") writeParse(writer, "", this.text, settings.parameterTypes);
    const prefix = new TextEncoder().encode(`${this.#state.portal}\0${statement.name}\0`);
    const formats = statement.resultFormats(channel.types, settings);
    writeBind(channel, prefix, statement.parameters, values, formats, settings.format === "text");
    writeExecute(writer, this.#state.portal, batchRows);
    writeEmpty(writer, this.#state.shared ? MESSAGE.sync : MESSAGE.flush);
    if (!this.#state.shared) channel.block(this);
    this.#channel = channel;
    this.#collector.read = statement.rowReader(channel.types, settings);
    return true;
  }

  /** Asks for more rows, of a cursor that holds everything else back. */
  fetch(settle: Settle<CursorBatch>): void {
    const channel = this.#channel!;
    // The signal may have come while the server had nothing to do.
    this.#error ??= this.aborted;
    if (this.#error !== undefined) return settle.reject(this.#error);
    this.#settle = settle;
    writeExecute(channel.writer, "", this.#state.batchRows);
    writeEmpty(channel.writer, MESSAGE.flush);
    channel.flush();
  }

  /** Closes a cursor that holds everything else back. */
  close(): Promise<void> {
    if (this.#finished || this.#channel === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closed = resolve;
      if (!this.#state.done) {
        this.#state.done = true;
        writeEmpty(this.#channel!.writer, MESSAGE.sync);
        this.#channel!.flush();
      }
    });
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    switch (type) {
      case ANSWER.dataRow:
        this.#collector.row(channel, start, end, this.#state.statement.fields!.length);
        return;
      case ANSWER.parseComplete:
      case ANSWER.bindComplete:
      case ANSWER.closeComplete:
        return;
      case ANSWER.portalSuspended:
        if (!this.#state.shared) this.#deliver(false);
        return;
      case ANSWER.commandComplete:
      case ANSWER.emptyQuery:
        this.#state.done = true;
        if (!this.#state.shared) {
          writeEmpty(channel.writer, MESSAGE.sync);
          channel.flush();
        }
        return;
    }
    malformed("a message has no place in a cursor");
  }

  #deliver(done: boolean): void {
    const { rows, failure } = this.#collector;
    this.#collector.rows = [];
    if (failure === undefined) this.#settle.resolve({ rows, done });
    else this.#settle.reject(failure);
  }

  refused(channel: Channel, fields: ServerFields): void {
    const first = this.#error === undefined;
    this.#error ??= this.errorOf(fields);
    if (first && !this.#state.shared && !this.#state.done) {
      this.#state.done = true;
      writeEmpty(channel.writer, MESSAGE.sync);
      channel.flush();
    }
  }

  ready(channel: Channel): void {
    this.#finished = true;
    channel.unblock(this);
    if (this.#error === undefined) this.#deliver(this.#state.done);
    else {
      this.#state.done = true;
      this.#settle.reject(this.#error);
    }
    this.#beforeEnd?.();
    this.#closed?.();
  }

  fail(error: unknown): void {
    this.#finished = true;
    this.#state.done = true;
    this.#error ??= error as DatabaseError;
    this.#beforeEnd?.();
    this.#settle.reject(error);
    this.#closed?.();
  }

  whenSettled(call: () => void): void {
    this.#beforeEnd = call;
  }
}

/** Asks for more rows of a cursor within a transaction, or closes it. */
export class FetchOperation extends Operation {
  readonly text: string;
  readonly #state: CursorState;
  readonly #settle: Settle<CursorBatch>;
  readonly #close: boolean;
  #collector = new RowCollector();
  #error: DatabaseError | undefined;

  constructor(state: CursorState, close: boolean, settle: Settle<CursorBatch>) {
    super();
    this.text = state.text;
    this.#state = state;
    this.#close = close;
    this.#settle = settle;
  }

  start(channel: Channel): boolean {
    const { statement, settings, portal, batchRows } = this.#state;
    if (this.#close) writeClose(channel.writer, "P", portal);
    else writeExecute(channel.writer, portal, batchRows);
    writeEmpty(channel.writer, MESSAGE.sync);
    this.#collector.read = statement.rowReader(channel.types, settings);
    return true;
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    switch (type) {
      case ANSWER.dataRow:
        this.#collector.row(channel, start, end, this.#state.statement.fields!.length);
        return;
      case ANSWER.portalSuspended:
        return;
      case ANSWER.closeComplete:
      case ANSWER.commandComplete:
        this.#state.done = true;
        return;
    }
    malformed("a message has no place in a cursor");
  }

  refused(_channel: Channel, fields: ServerFields): void {
    this.#state.done = true;
    this.#error ??= this.errorOf(fields);
  }

  ready(): void {
    const error = this.#error ?? this.#collector.failure;
    if (error !== undefined) this.#settle.reject(error);
    else this.#settle.resolve({ rows: this.#collector.rows, done: this.#state.done });
  }

  fail(error: unknown): void {
    this.#state.done = true;
    this.#settle.reject(error);
  }

  whenSettled(call: () => void): void {
    this.#settle.before(call);
  }
}

/** One statement of a batch. */
export interface BatchQuery {
  /** The statement. */
  readonly text: string;
  /** Its parameters; none by default. */
  readonly parameters?: readonly unknown[];
}

interface BatchItem {
  readonly statement: Statement;
  /** Whether this item has it parsed. */
  readonly parses: boolean;
  readonly settings: ReadSettings;
  readonly collector: RowCollector;
}

/**
 * Several statements with one Sync: one round trip, and, outside a transaction, all or none. What
 * has not been described before takes and gives text.
 */
export class BatchOperation extends Operation {
  readonly #queries: readonly BatchQuery[];
  readonly #settings: ReadSettings;
  readonly #settle: Settle<QueryResult<unknown>[]>;
  readonly #make: (text: string) => Statement;
  readonly #items: BatchItem[] = [];
  #at = 0;
  #error: DatabaseError | undefined;

  constructor(
    queries: readonly BatchQuery[],
    settings: ReadSettings,
    make: (text: string) => Statement,
    settle: Settle<QueryResult<unknown>[]>,
  ) {
    super();
    this.#queries = queries;
    this.#settings = settings;
    this.#make = make;
    this.#settle = settle;
  }

  get text(): string {
    return this.#queries.map(({ text }) => text).join(";\n");
  }

  start(channel: Channel): boolean {
    const { writer, types } = channel;
    this.#items.length = 0;
    /** The statements that this batch parses: a later one of the same text uses them too. */
    const parsed = new Map<string, Statement>();
    for (const { text, parameters = [] } of this.#queries) {
      let statement = parsed.get(text) ?? channel.findStatement(text);
      const described = statement?.fields !== undefined &&
        unknownTypes(types, statement).length === 0;
      const parses = statement === undefined;
      if (statement === undefined) {
        // Not kept yet: a batch with many texts would drop what it is about to use.
        statement = this.#make(text);
        parsed.set(text, statement);
        writeParse(writer, statement.name, text);
        writeDescribe(writer, "S", statement.name);
      }
      const settings: ReadSettings = described
        ? this.#settings
        : { ...this.#settings, format: "text" };
      writeBind(
        channel,
        statement.prefix,
        described ? statement.parameters : undefined,
        parameters,
        described ? statement.resultFormats(types, settings) : undefined,
        this.#settings.format === "text",
      );
      writeExecute(writer, "", 0);
      this.#items.push({ statement, parses, settings, collector: new RowCollector() });
    }
    // Those that were parsed for this batch go with it.
    for (const statement of parsed.values()) {
      if (statement.name !== "") writeClose(writer, "S", statement.name);
    }
    writeEmpty(writer, MESSAGE.sync);
    return true;
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    const item = this.#items[this.#at];
    if (item === undefined) {
      if (type === ANSWER.closeComplete) return;
      malformed("a batch has more answers than questions");
    }
    const { statement, collector } = item;
    switch (type) {
      case ANSWER.dataRow:
        collector.row(channel, start, end, statement.fields!.length);
        return;
      case ANSWER.parseComplete:
      case ANSWER.closeComplete:
        return;
      case ANSWER.bindComplete:
        if (statement.fields === undefined) malformed("rows come before their description");
        collector.read = statement.rowReader(channel.types, item.settings);
        return;
      case ANSWER.commandComplete:
        collector.complete(channel, start, end);
        this.#at++;
        return;
      case ANSWER.emptyQuery:
        this.#at++;
        return;
      case ANSWER.copyIn:
        this.#error ??= new DatabaseError("bad_query", "Cannot run COPY in a batch");
        writeCopyFail(channel.writer);
        writeEmpty(channel.writer, MESSAGE.sync);
        channel.flush();
        return;
      case ANSWER.copyOut:
      case ANSWER.copyData:
      case ANSWER.copyDone:
        this.#error ??= new DatabaseError("bad_query", "Cannot run COPY in a batch");
        return;
    }
    describes(statement, channel, type, start, end);
  }

  refused(_channel: Channel, fields: ServerFields): void {
    this.#error ??= fields.sqlState === "57014" && this.aborted !== undefined
      ? this.aborted
      : new PostgresError(fields, this.#queries[this.#at]?.text);
  }

  ready(): void {
    const failed = this.#items.find(({ collector }) => collector.failure !== undefined);
    const error = this.#error ?? failed?.collector.failure;
    if (error !== undefined) return this.#settle.reject(error);
    this.#settle.resolve(
      this.#items.map(({ collector, statement }) => collector.result(statement.fields ?? [])),
    );
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  whenSettled(call: () => void): void {
    this.#settle.before(call);
  }
}

/** Statements that COPY from or to here, by the simple protocol. */
abstract class CopyOperation extends Operation {
  readonly text: string;
  protected readonly settle: Settle<number>;
  protected error: DatabaseError | undefined;
  protected channel: Channel | undefined;
  #collector = new RowCollector();

  constructor(text: string, settle: Settle<number>) {
    super();
    this.text = text;
    this.settle = settle;
  }

  start(channel: Channel): boolean {
    writeQuery(channel.writer, this.text);
    channel.block(this);
    this.channel = channel;
    return true;
  }

  /** Takes a message that both directions share; `false` if it has no place. */
  protected common(channel: Channel, type: number, start: number, end: number): boolean {
    if (type === ANSWER.commandComplete) {
      this.#collector.complete(channel, start, end);
      return true;
    }
    if (type === ANSWER.rowDescription || type === ANSWER.dataRow || type === ANSWER.emptyQuery) {
      this.error ??= new DatabaseError("bad_query", "The statement is no COPY of this direction", {
        query: this.text,
      });
      return true;
    }
    return false;
  }

  refused(_channel: Channel, fields: ServerFields): void {
    this.error ??= this.errorOf(fields);
  }

  ready(channel: Channel): void {
    channel.unblock(this);
    this.ended(this.error);
    if (this.error === undefined) this.settle.resolve(this.#collector.rowCount);
    else this.settle.reject(this.error);
  }

  fail(error: unknown): void {
    this.error ??= error as DatabaseError;
    this.ended(error);
    this.settle.reject(error);
  }

  whenSettled(call: () => void): void {
    this.settle.before(call);
  }

  /** Called when nothing follows. */
  protected abstract ended(error: unknown): void;
}

/** The most that one CopyData message carries. */
const MAX_COPY_BYTES = 256 * 1024;
const encoder = new TextEncoder();

/** COPY … FROM STDIN. */
export class CopyInOperation extends CopyOperation {
  /** Where the program writes. */
  readonly writable: WritableStream<Uint8Array | string>;
  #begin: () => void = () => {};
  #begun: Promise<void>;
  #controller: WritableStreamDefaultController | undefined;
  #over = false;
  readonly #drained: () => Promise<void> | undefined;

  constructor(text: string, drained: () => Promise<void> | undefined, settle: Settle<number>) {
    super(text, settle);
    this.#drained = drained;
    this.#begun = new Promise((resolve) => this.#begin = resolve);
    const done = new Promise<void>((resolve) => settle.before(resolve));
    this.writable = new WritableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      write: (chunk) => this.#write(chunk),
      close: async () => {
        await this.#begun;
        if (!this.#over) {
          this.#over = true;
          writeEmpty(this.channel!.writer, MESSAGE.copyDone);
          this.channel!.flush();
        }
        await done;
        if (this.error !== undefined) throw this.error;
      },
      abort: async (reason) => {
        await this.#begun;
        if (!this.#over) {
          this.#over = true;
          writeCopyFail(this.channel!.writer, String(reason ?? "aborted"));
          this.channel!.flush();
        }
        await done;
      },
    });
  }

  async #write(chunk: Uint8Array | string): Promise<void> {
    await this.#begun;
    const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
    for (let at = 0; at < bytes.length; at += MAX_COPY_BYTES) {
      if (this.error !== undefined) throw this.error;
      const { writer } = this.channel!;
      const part = bytes.subarray(at, at + MAX_COPY_BYTES);
      const start = writer.begin(MESSAGE.copyData);
      writer.raw(part);
      writer.end(start);
      const wait = this.#drained();
      if (wait !== undefined) await wait;
    }
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    if (type === ANSWER.copyIn) this.#begin();
    else if (type === ANSWER.copyOut) {
      this.error ??= new DatabaseError("bad_query", "The statement copies out: use copyOut()");
    } else if (type !== ANSWER.copyData && type !== ANSWER.copyDone) {
      if (!this.common(channel, type, start, end)) malformed("a message has no place in a COPY");
    }
  }

  override refused(channel: Channel, fields: ServerFields): void {
    super.refused(channel, fields);
    // The server skips what is still on its way up to the end of the copy.
    this.#over = true;
    this.#controller?.error(this.error);
  }

  protected ended(error: unknown): void {
    this.#over = true;
    this.#begin();
    if (error !== undefined) this.#controller?.error(error);
  }
}

/** From this many bytes on a chunk is handed over. */
const COPY_CHUNK_BYTES = 64 * 1024;

/** COPY … TO STDOUT. */
export class CopyOutOperation extends CopyOperation {
  /** Where the program reads: chunks end anywhere. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #chunk = new Uint8Array(COPY_CHUNK_BYTES);
  #length = 0;
  #resume: (() => void) | undefined;
  #cancelled = false;

  constructor(text: string, cancel: (operation: Operation) => void, settle: Settle<number>) {
    super(text, settle);
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#go(),
      cancel: () => {
        this.#cancelled = true;
        this.#go();
        cancel(this);
      },
    }, { highWaterMark: 4 });
  }

  #go(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    if (type === ANSWER.copyData) {
      if (!this.#cancelled) this.#take(channel, start, end);
    } else if (type === ANSWER.copyIn) {
      this.error ??= new DatabaseError("bad_query", "The statement copies in: use copyIn()");
      writeCopyFail(channel.writer);
      channel.flush();
    } else if (type !== ANSWER.copyOut && type !== ANSWER.copyDone) {
      if (!this.common(channel, type, start, end)) malformed("a message has no place in a COPY");
    }
  }

  #take(channel: Channel, start: number, end: number): void {
    const count = end - start;
    if (this.#length + count > this.#chunk.length) {
      this.#hand();
      if (count > this.#chunk.length) this.#chunk = new Uint8Array(count);
    }
    this.#chunk.set(channel.bytes.subarray(start, end), this.#length);
    this.#length += count;
    if (this.#length >= COPY_CHUNK_BYTES) this.#hand();
    const desired = this.#controller?.desiredSize ?? 1;
    if (desired <= 0 && this.#resume === undefined) {
      channel.pauseUntil(new Promise((resolve) => this.#resume = resolve));
    }
  }

  #hand(): void {
    if (this.#length === 0) return;
    this.#controller!.enqueue(this.#chunk.slice(0, this.#length));
    this.#length = 0;
    if (this.#chunk.length > COPY_CHUNK_BYTES) this.#chunk = new Uint8Array(COPY_CHUNK_BYTES);
  }

  /** Called when nothing more has come yet. */
  override paused(): void {
    if (!this.#cancelled) this.#hand();
  }

  protected ended(error: unknown): void {
    this.#go();
    if (this.#cancelled) return;
    if (error !== undefined) this.#controller!.error(error);
    else {
      this.#hand();
      this.#controller!.close();
    }
  }
}
