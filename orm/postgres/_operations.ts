import { DatabaseError } from "../errors.ts";
import { type Bytes, bytesOf, malformed, MessageReader, readText } from "./_bytes.ts";
import { compileRow, type Field, readFields, type RowReader } from "./_rows.ts";
import type { Reader } from "./_readers.ts";
import type { MessageWriter } from "./_writer.ts";
import { PostgresError, ProtocolError, type ServerFields } from "./errors.ts";
import type { IntegerMode } from "./options.ts";
import type { TypeCatalog } from "./_types.ts";

/** The types of messages, by their letter. Those of the two directions overlap. */
export const MESSAGE = {
  bind: 0x42, // B
  close: 0x43, // C
  describe: 0x44, // D
  execute: 0x45, // E
  flush: 0x48, // H
  parse: 0x50, // P
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
  password: 0x70, // p
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
} as const;

/** The kinds of server messages that operations get. */
export const ANSWER = {
  parseComplete: 0x31,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43, // C
  dataRow: 0x44, // D
  error: 0x45, // E
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  emptyQuery: 0x49, // I
  copyBoth: 0x57, // W
  rowDescription: 0x54, // T
  readyForQuery: 0x5a, // Z
  copyDone: 0x63, // c
  copyData: 0x64, // d
  noData: 0x6e, // n
  portalSuspended: 0x73, // s
  parameterDescription: 0x74, // t
} as const;

/** What a statement gave. */
export interface QueryResult<Row = Record<string, unknown>> {
  /** The rows. */
  rows: Row[];
  /** The columns. */
  fields: readonly Field[];
  /** The command's tag without its count: `SELECT`, `INSERT`, `CREATE TABLE`. */
  command: string;
  /** How many rows were read or changed; 0 where the command does not say. */
  rowCount: number;
}

/** A statement that the server has parsed under a name. */
export class Statement {
  readonly name: string;
  /** What it is kept by; see {@linkcode statementKey}. */
  readonly key: string;
  /** The parameters' types, once they are known. */
  parameters: readonly number[] | undefined;
  /** The columns, once they are known; empty for none. */
  fields: readonly Field[] | undefined;
  /** Whether the server has said that it parsed it. */
  parsed = false;
  /** When it was last used, in uses of statements. */
  used = 0;
  /** The row reader made last, and what for. */
  #reader: RowReader | undefined;
  #readerFor = "";
  #formats: Uint8Array = new Uint8Array();
  #prefix: Uint8Array | undefined;

  constructor(name: string, key: string) {
    this.name = name;
    this.key = key;
  }

  /** The names of the portal (none) and of this statement, as Bind has them. */
  get prefix(): Uint8Array {
    return this.#prefix ??= new TextEncoder().encode(`\0${this.name}\0`);
  }

  /** The function that reads rows. */
  rowReader(types: TypeCatalog, settings: ReadSettings): RowReader {
    const wanted = `${settings.asArray}${settings.integers}${settings.format}${types.version}`;
    if (this.#readerFor === wanted && this.#reader !== undefined) return this.#reader;
    const fields = this.fields ?? [];
    const columns = fields.map(({ name, type }) => {
      if (settings.format === "raw") return { name, reader: RAW, binary: true };
      const reader = types.reader(type, settings.integers);
      const binary = isBinary(reader, settings.format);
      return { name, reader, binary };
    });
    this.#reader = compileRow(columns, settings.asArray);
    this.#readerFor = wanted;
    return this.#reader;
  }

  #formatsFor = "";

  /** The columns' formats as Bind has them: their number and each. */
  resultFormats(types: TypeCatalog, settings: ReadSettings): Uint8Array {
    const wanted = `${settings.integers}${settings.format}${types.version}`;
    if (this.#formatsFor === wanted) return this.#formats;
    const fields = this.fields ?? [];
    const formats = new Uint8Array(2 + fields.length * 2);
    formats[0] = fields.length >> 8;
    formats[1] = fields.length & 255;
    fields.forEach(({ type }, index) => {
      if (isBinary(types.reader(type, settings.integers), settings.format)) {
        formats[3 + index * 2] = 1;
      }
    });
    this.#formats = formats;
    this.#formatsFor = wanted;
    return formats;
  }
}

function isBinary(
  reader: { binary?: unknown; prefersBinary?: boolean },
  format: ReadSettings["format"],
): boolean {
  if (reader.binary === undefined || format === "text" || format === "raw") return false;
  return format === "binary" || reader.prefersBinary === true;
}

/** Takes a value as the bytes that came. */
const RAW: Reader = {
  text: (text) => text,
  binary: (bytes, start, end) => new Uint8Array(bytes.subarray(start, end)),
};

/** How values are written and rows read. */
export interface ReadSettings {
  readonly asArray: boolean;
  readonly integers: IntegerMode;
  readonly format: "auto" | "text" | "binary" | "raw";
  /** The parameters' types, of which 0 leaves one to the server; all of them by default. */
  readonly parameterTypes?: readonly number[];
}

/** What a statement is kept by: its text, and the types that were given for its parameters. */
export function statementKey(text: string, types: readonly number[] | undefined): string {
  return types === undefined ? text : `${types.join(",")}\0${text}`;
}

/** What an operation uses of its connection. */
export interface Channel {
  readonly writer: MessageWriter;
  readonly types: TypeCatalog;
  readonly bytes: Bytes;
  readonly view: DataView;
  /** Whether statements are kept under names. */
  readonly keepsStatements: boolean;
  /** The kept statement of this key. */
  findStatement(key: string): Statement | undefined;
  /** Makes a statement of this key, to be kept; may write messages that drop an older one. */
  makeStatement(key: string): Statement;
  /** Forgets a statement that the server does not have any more. */
  dropStatement(statement: Statement): void;
  /** Keeps everything that follows from being sent. */
  block(operation: Operation): void;
  /** Lets it be sent again. */
  unblock(operation: Operation): void;
  /** Sends what was written. */
  flush(): void;
  /** Puts an operation before everything that was not sent. */
  restart(operation: Operation): void;
  /** Looks types up, with an operation before everything that was not sent. */
  learnTypes(oids: readonly number[]): Promise<void>;
  /** The transaction's state: `I` for none, `T`, or `E` for failed. */
  readonly status: string;
  /** How many operations are under way. */
  readonly underWay: number;
  /** Stops reading from the server until the promise settles. */
  pauseUntil(promise: Promise<void>): void;
}

/** Something that the connection does from its messages to the server's ReadyForQuery. */
export abstract class Operation {
  /** The statement, for errors. */
  abstract readonly text: string;
  /** Whether it has been sent. */
  sent = false;
  /** Whether a signal belongs to it, so that nothing may be sent behind it. */
  cancellable = false;
  /** What the caller is told if the server gave up because of the signal. */
  aborted: DatabaseError | undefined;

  /** Writes its messages; `false` to be called again when what is under way has ended. */
  abstract start(channel: Channel): boolean;
  /** Takes a message; `start` and `end` are the bounds of its content. */
  abstract handle(channel: Channel, type: number, start: number, end: number): void;
  /** Takes an error of the server. */
  abstract refused(channel: Channel, fields: ServerFields): void;
  /** Takes the end. */
  abstract ready(channel: Channel): void;
  /** Takes the connection's end, or an error before it was sent. */
  abstract fail(error: unknown): void;

  /** Called when everything that has come was taken. */
  paused(): void {}

  /** Calls something once the operation has given its result or error. */
  abstract whenSettled(call: () => void): void;

  /** The error of a server that refused it. */
  protected errorOf(fields: ServerFields): DatabaseError {
    return fields.sqlState === QUERY_CANCELED && this.aborted !== undefined
      ? this.aborted
      : new PostgresError(fields, this.text);
  }
}

const QUERY_CANCELED = "57014";

/** Writes a Parse of a statement; the server finds the types of parameters that are not given. */
export function writeParse(
  writer: MessageWriter,
  name: string,
  text: string,
  types: readonly number[] = [],
): void {
  const at = writer.begin(MESSAGE.parse);
  writer.cstring(name);
  writer.cstring(text);
  writer.int16(types.length);
  for (const type of types) writer.int32(type);
  writer.end(at);
}

/** Writes a Describe of a statement or a portal. */
export function writeDescribe(writer: MessageWriter, kind: "S" | "P", name: string): void {
  const at = writer.begin(MESSAGE.describe);
  writer.uint8(kind.charCodeAt(0));
  writer.cstring(name);
  writer.end(at);
}

/** Writes a Close of a statement or a portal. */
export function writeClose(writer: MessageWriter, kind: "S" | "P", name: string): void {
  const at = writer.begin(MESSAGE.close);
  writer.uint8(kind.charCodeAt(0));
  writer.cstring(name);
  writer.end(at);
}

/** Writes a message that has no content. */
export function writeEmpty(writer: MessageWriter, type: number): void {
  writer.end(writer.begin(type));
}

/** Writes a script. */
export function writeQuery(writer: MessageWriter, text: string): void {
  const at = writer.begin(MESSAGE.query);
  writer.cstring(text);
  writer.end(at);
}

/** Writes an Execute of a portal; 0 rows stands for all. */
export function writeExecute(writer: MessageWriter, portal: string, rows: number): void {
  const at = writer.begin(MESSAGE.execute);
  writer.cstring(portal);
  writer.int32(rows);
  writer.end(at);
}

/** Execute of the portal without a name and of all rows, then Sync. */
const EXECUTE_AND_SYNC = Uint8Array.of(0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4);
const EXECUTE = EXECUTE_AND_SYNC.subarray(0, 10);

/** The most parameters of a statement: their number has 16 bits. */
const MAX_PARAMETERS = 65_535;

/** Writes a Bind. Without `formats` the results are text. */
export function writeBind(
  channel: Pick<Channel, "writer" | "types">,
  prefix: Uint8Array,
  types: readonly number[] | undefined,
  values: readonly unknown[],
  formats: Uint8Array | undefined,
  textOnly: boolean,
): void {
  const { writer } = channel;
  const count = values.length;
  if (count > MAX_PARAMETERS) {
    throw new DatabaseError("bad_query", `Cannot send ${count} parameters: at most 65535`);
  }
  if (types !== undefined && types.length !== count) {
    throw new DatabaseError(
      "bad_query",
      `The statement has ${types.length} parameters, and ${count} values were given`,
    );
  }
  const at = writer.begin(MESSAGE.bind);
  writer.raw(prefix);
  if (types === undefined || textOnly) {
    // No formats at all stands for text throughout.
    writer.int16(0);
    writer.int16(count);
    for (let i = 0; i < count; i++) channel.types.write(writer, types?.[i] ?? 0, values[i], true);
  } else {
    writer.int16(count);
    const formatsAt = writer.length;
    writer.reserve(count * 2);
    writer.length += count * 2;
    writer.int16(count);
    for (let i = 0; i < count; i++) {
      const format = channel.types.write(writer, types[i]!, values[i], false);
      writer.patchInt16(formatsAt + i * 2, format);
    }
  }
  if (formats === undefined) writer.int16(0);
  else writer.raw(formats);
  writer.end(at);
}

/** Whether the values say themselves how they are written, whatever their types are. */
export function areSimple(types: TypeCatalog, values: readonly unknown[]): boolean {
  if (types.hasSerializers) return values.length === 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === "object" ? value !== null : typeof value === "undefined") return false;
  }
  return true;
}

/** Splits a command's tag into its words and its count. */
function readTag(bytes: Bytes, start: number, end: number): [string, number] {
  const tag = readText(bytes, start, end - 1);
  const space = tag.lastIndexOf(" ");
  if (space < 0) return [tag, 0];
  const count = tag.charCodeAt(space + 1) <= 0x39 ? Number(tag.slice(space + 1)) : NaN;
  if (Number.isNaN(count)) return [tag, 0];
  // The tag of an insert has the number 0 before the count.
  return [tag.startsWith("INSERT ") ? "INSERT" : tag.slice(0, space), count];
}

const NO_FIELDS: readonly Field[] = [];
const COPY_REFUSED = "Cannot run COPY as a query: use copyIn() or copyOut()";

/** Reads the rows of one statement: what queries, batches and cursors have in common. */
export class RowCollector {
  rows: unknown[] = [];
  command = "";
  rowCount = 0;
  /** Why a row could not be read. */
  failure: unknown;
  read: RowReader | undefined;

  /** Takes a DataRow. */
  row(channel: Channel, start: number, end: number, columns: number): void {
    if (end - start < 2 || channel.view.getInt16(start) !== columns || this.read === undefined) {
      malformed("a row has other columns than its description");
    }
    try {
      this.rows.push(this.read(channel.bytes, channel.view, start + 2, end));
    } catch (error) {
      // A value that the program's codec or its integers do not take ends the query alone.
      if (error instanceof ProtocolError) throw error;
      this.failure ??= error instanceof RangeError
        ? new DatabaseError("bad_value", "Cannot read a value that is too long", { cause: error })
        : error;
    }
  }

  /** Takes a CommandComplete. */
  complete(channel: Channel, start: number, end: number): void {
    const [command, count] = readTag(channel.bytes, start, end);
    this.command = command;
    this.rowCount = count;
  }

  /** The result. */
  result(fields: readonly Field[]): QueryResult<unknown> {
    return { rows: this.rows, fields, command: this.command, rowCount: this.rowCount };
  }
}

/** Reads a ParameterDescription. */
function readParameters(channel: Channel, start: number, end: number): number[] {
  const message = new MessageReader(channel.bytes, start, end);
  const count = message.int16() & 0xffff;
  const oids: number[] = [];
  for (let i = 0; i < count; i++) oids.push(message.uint32());
  message.finish();
  return oids;
}

/** Takes the messages that describe a statement; whether this was one of them, and the last. */
export function describes(
  statement: Statement,
  channel: Channel,
  type: number,
  start: number,
  end: number,
): boolean {
  switch (type) {
    case ANSWER.parameterDescription:
      statement.parameters = readParameters(channel, start, end);
      return false;
    case ANSWER.rowDescription:
      statement.fields = readFields(new MessageReader(channel.bytes, start, end));
      return true;
    case ANSWER.noData:
      statement.fields = NO_FIELDS;
      return true;
  }
  return false;
}

/** The types that have to be looked up before a statement's values can be written and read. */
export function unknownTypes(types: TypeCatalog, statement: Statement): number[] {
  return types.unknown([
    ...statement.parameters ?? [],
    ...(statement.fields ?? []).map((field) => field.type),
  ]);
}

/** How an operation tells its caller what it came to. */
export class Settle<T> {
  resolve: (value: T) => void;
  reject: (error: unknown) => void;

  constructor(resolve: (value: T) => void, reject: (error: unknown) => void) {
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Calls something before either. */
  before(call: () => void): void {
    const { resolve, reject } = this;
    this.resolve = (value) => (call(), resolve(value));
    this.reject = (error) => (call(), reject(error));
  }
}

/** Codes of errors after which a kept statement has to be parsed again. */
const STALE_STATEMENT = new Set(["26000", "0A000"]);
/** The server's functions that report it, which no language changes. */
const STALE_ROUTINES = new Set(["RevalidateCachedQuery", "FetchPreparedStatement"]);
const STALE_PLAN = /cached plan must not change result type|prepared statement .* does not exist/;

/** A statement by the extended protocol, in one round trip where its values allow. */
export class QueryOperation extends Operation {
  readonly text: string;
  readonly #values: readonly unknown[];
  readonly #settings: ReadSettings;
  readonly #settle: Settle<QueryResult<unknown>>;
  readonly #keep: boolean;
  #statement: Statement | undefined;
  /** Whether this operation parses the statement. */
  #parses = false;
  /** Whether the Bind has been written. */
  #bound = false;
  /** Whether the Bind asked for text throughout, since the columns were not known. */
  #blind = false;
  /** A Sync without a Bind has been sent, to look types up first. */
  #lookup: number[] | undefined;
  #collector = new RowCollector();
  #columns = 0;
  /** Rows whose types have to be looked up before they can be read. */
  #raw: { bytes: Bytes; view: DataView }[] | undefined;
  #error: unknown;
  #retried = false;

  constructor(
    text: string,
    values: readonly unknown[],
    settings: ReadSettings,
    keep: boolean,
    settle: Settle<QueryResult<unknown>>,
  ) {
    super();
    this.text = text;
    this.#values = values;
    this.#settings = settings;
    this.#keep = keep;
    this.#settle = settle;
  }

  start(channel: Channel): boolean {
    const { writer } = channel;
    const keep = this.#keep && channel.keepsStatements;
    const key = statementKey(this.text, this.#settings.parameterTypes);
    let statement = this.#statement ?? (keep ? channel.findStatement(key) : undefined);
    if (statement !== undefined && statement.fields !== undefined) {
      this.#statement = statement;
      if (!keep) this.#parse(writer, statement);
      this.#bind(channel, statement);
      writeEmpty(writer, MESSAGE.sync);
      return true;
    }
    // A value of a type that was given is written as one of that type.
    const simple = this.#settings.parameterTypes === undefined &&
      areSimple(channel.types, this.#values);
    if (statement !== undefined && !simple) {
      // Somebody ahead has it parsed; its description is on the way.
      if (channel.underWay > 0) return false;
      channel.dropStatement(statement);
      statement = undefined;
    }
    // A pooler hands the session on at the Sync of what is under way, and would not know of a Flush
    // behind it.
    if (!keep && !simple && channel.underWay > 0) return false;
    if (statement === undefined) {
      statement = keep ? channel.makeStatement(key) : new Statement("", key);
      this.#parse(writer, statement);
      writeDescribe(writer, "S", statement.name);
    }
    this.#statement = statement;
    if (simple) {
      this.#blind = true;
      try {
        this.#bind(channel, statement);
      } catch (error) {
        // Its Parse is not sent either.
        if (this.#parses) channel.dropStatement(statement);
        throw error;
      }
      writeEmpty(writer, MESSAGE.sync);
    } else {
      writeEmpty(writer, MESSAGE.flush);
      channel.block(this);
    }
    return true;
  }

  #parse(writer: MessageWriter, statement: Statement): void {
    this.#parses = true;
    writeParse(writer, statement.name, this.text, this.#settings.parameterTypes);
  }

  #bind(channel: Channel, statement: Statement): void {
    const settings = this.#blind ? TEXT_SETTINGS[this.#settings.integers] : this.#settings;
    const described = this.#blind ? undefined : statement;
    writeBind(
      channel,
      statement.prefix,
      described?.parameters,
      this.#values,
      described?.resultFormats(channel.types, settings),
      this.#settings.format === "text",
    );
    channel.writer.raw(EXECUTE);
    this.#bound = true;
  }

  #prepareRows(channel: Channel, statement: Statement): void {
    const { asArray, integers } = this.#settings;
    const settings: ReadSettings = this.#blind && this.#settings.format !== "raw"
      ? { asArray, integers, format: "text" }
      : this.#settings;
    this.#columns = statement.fields!.length;
    this.#collector.read = statement.rowReader(channel.types, settings);
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    const statement = this.#statement!;
    switch (type) {
      case ANSWER.dataRow:
        if (this.#raw !== undefined) {
          const copy = new Uint8Array(channel.bytes.subarray(start, end));
          this.#raw.push({ bytes: bytesOf(copy), view: new DataView(copy.buffer) });
        } else this.#collector.row(channel, start, end, this.#columns);
        return;
      case ANSWER.parseComplete:
        statement.parsed = true;
        return;
      case ANSWER.bindComplete:
        if (statement.fields === undefined) malformed("rows come before their description");
        this.#startRows(channel, statement);
        return;
      case ANSWER.commandComplete:
        this.#collector.complete(channel, start, end);
        return;
      case ANSWER.emptyQuery:
      case ANSWER.closeComplete:
        return;
      case ANSWER.copyIn:
        this.#error ??= new DatabaseError("bad_query", COPY_REFUSED, { query: this.text });
        writeCopyFail(channel.writer);
        // The server ignored the Sync that came while it copied.
        writeEmpty(channel.writer, MESSAGE.sync);
        channel.flush();
        return;
      case ANSWER.copyOut:
        this.#error ??= new DatabaseError("bad_query", COPY_REFUSED, { query: this.text });
        return;
      case ANSWER.copyData:
      case ANSWER.copyDone:
        return;
    }
    if (describes(statement, channel, type, start, end)) this.#described(channel, statement);
    else if (type !== ANSWER.parameterDescription) malformed("a message has no place in a query");
  }

  #startRows(channel: Channel, statement: Statement): void {
    const looksUp = this.#blind && this.#settings.format !== "raw";
    if (looksUp && unknownTypes(channel.types, statement).length > 0) this.#raw = [];
    else this.#prepareRows(channel, statement);
  }

  #described(channel: Channel, statement: Statement): void {
    if (this.#bound) return;
    const unknown = unknownTypes(channel.types, statement);
    if (unknown.length > 0) {
      this.#lookup = unknown;
      writeEmpty(channel.writer, MESSAGE.sync);
      channel.flush();
      return;
    }
    const mark = channel.writer.length;
    try {
      this.#bind(channel, statement);
    } catch (error) {
      channel.writer.length = mark;
      this.#error = error;
    }
    writeEmpty(channel.writer, MESSAGE.sync);
    channel.flush();
    channel.unblock(this);
  }

  refused(channel: Channel, fields: ServerFields): void {
    this.#error ??= this.errorOf(fields);
    if (!this.#bound && this.#lookup === undefined) {
      // It failed to parse, and waits for a Sync.
      writeEmpty(channel.writer, MESSAGE.sync);
      channel.flush();
    }
  }

  ready(channel: Channel): void {
    channel.unblock(this);
    const statement = this.#statement!;
    const error = this.#error ?? this.#collector.failure;
    if (error !== undefined) {
      if (this.#keep && (this.#parses && !statement.parsed || isStale(error))) {
        channel.dropStatement(statement);
      }
      if (isStale(error) && !this.#parses && !this.#retried && channel.status === "I") {
        this.#restart(channel);
        return;
      }
      this.#settle.reject(error);
      return;
    }
    if (this.#lookup !== undefined) {
      const lookup = this.#lookup;
      this.#lookup = undefined;
      this.sent = false;
      // The rest waits behind the lookup and this operation.
      channel.block(this);
      channel.learnTypes(lookup).then(() => {
        channel.unblock(this);
        channel.restart(this);
      }, (error) => this.#settle.reject(error));
      return;
    }
    if (this.#raw !== undefined) {
      const raw = this.#raw;
      channel.learnTypes(unknownTypes(channel.types, statement)).then(() => {
        this.#prepareRows(channel, statement);
        const read = this.#collector.read!;
        this.#collector.rows = raw.map(({ bytes, view }) => {
          if (bytes.length < 2 || view.getInt16(0) !== this.#columns) {
            malformed("a row has other columns than its description");
          }
          return read(bytes, view, 2, bytes.length);
        });
        this.#settle.resolve(this.#collector.result(statement.fields!));
      }).catch((error) => this.#settle.reject(error));
      return;
    }
    this.#settle.resolve(this.#collector.result(statement.fields ?? NO_FIELDS));
  }

  #restart(channel: Channel): void {
    this.#retried = true;
    this.#statement = undefined;
    this.#error = undefined;
    this.#parses = false;
    this.#bound = false;
    this.#blind = false;
    this.#collector = new RowCollector();
    this.#raw = undefined;
    this.sent = false;
    channel.restart(this);
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  whenSettled(call: () => void): void {
    this.#settle.before(call);
  }
}

const TEXT_SETTINGS: Readonly<Record<IntegerMode, ReadSettings>> = {
  bigint: { asArray: true, integers: "bigint", format: "text" },
  number: { asArray: true, integers: "number", format: "text" },
  mixed: { asArray: true, integers: "mixed", format: "text" },
  string: { asArray: true, integers: "string", format: "text" },
};

/** Whether a kept statement does not fit the schema any more. Nothing of it has been run then. */
function isStale(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  const { sqlState, routine = "", message } = error.fields;
  // A parameter's type was taken from a column that has another one since.
  if (sqlState === "42804") return routine === "transformAssignedExpr";
  return STALE_STATEMENT.has(sqlState) && (STALE_ROUTINES.has(routine) || STALE_PLAN.test(message));
}

/** Writes a CopyFail. */
export function writeCopyFail(writer: MessageWriter, reason = COPY_REFUSED): void {
  const at = writer.begin(MESSAGE.copyFail);
  writer.cstring(reason.replaceAll("\0", " "));
  writer.end(at);
}

/** A script by the simple protocol: several statements, no parameters, everything as text. */
export class ScriptOperation extends Operation {
  readonly text: string;
  readonly #settings: ReadSettings;
  readonly #settle: Settle<QueryResult<unknown>[]>;
  readonly #results: QueryResult<unknown>[] = [];
  #collector = new RowCollector();
  #fields: readonly Field[] = NO_FIELDS;
  #error: unknown;

  constructor(text: string, settings: ReadSettings, settle: Settle<QueryResult<unknown>[]>) {
    super();
    this.text = text;
    this.#settings = { ...settings, format: "text" };
    this.#settle = settle;
  }

  start(channel: Channel): boolean {
    writeQuery(channel.writer, this.text);
    return true;
  }

  handle(channel: Channel, type: number, start: number, end: number): void {
    switch (type) {
      case ANSWER.dataRow:
        this.#collector.row(channel, start, end, this.#fields.length);
        return;
      case ANSWER.rowDescription: {
        const statement = new Statement("", this.text);
        this.#fields = statement.fields = readFields(
          new MessageReader(channel.bytes, start, end),
        );
        this.#collector.read = statement.rowReader(channel.types, this.#settings);
        return;
      }
      case ANSWER.commandComplete:
        this.#collector.complete(channel, start, end);
        this.#results.push(this.#collector.result(this.#fields));
        this.#error ??= this.#collector.failure;
        this.#collector = new RowCollector();
        this.#fields = NO_FIELDS;
        return;
      case ANSWER.emptyQuery:
        this.#results.push(this.#collector.result(NO_FIELDS));
        return;
      case ANSWER.copyIn:
        this.#error ??= new DatabaseError("bad_query", COPY_REFUSED, { query: this.text });
        writeCopyFail(channel.writer);
        channel.flush();
        return;
      case ANSWER.copyOut:
        this.#error ??= new DatabaseError("bad_query", COPY_REFUSED, { query: this.text });
        return;
      case ANSWER.copyData:
      case ANSWER.copyDone:
        return;
    }
    malformed("a message has no place in a script");
  }

  refused(_channel: Channel, fields: ServerFields): void {
    this.#error ??= this.errorOf(fields);
  }

  ready(): void {
    if (this.#error === undefined) this.#settle.resolve(this.#results);
    else this.#settle.reject(this.#error);
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  whenSettled(call: () => void): void {
    this.#settle.before(call);
  }
}
