/**
 * The interface of the npm package `postgres` over this driver, as far as that package's own test
 * file needs it. For tests only: it shows that the driver underneath bears all of it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { Readable, Writable } from "node:stream";
import { DatabaseError } from "../errors.ts";
import type { PostgresConnection, QueryOptions, QueryResult } from "./connection.ts";
import { ConnectError, ConnectionLostError, PostgresError as DriverError } from "./errors.ts";
import { PostgresListener, type Subscription } from "./listener.ts";
import {
  type ConnectionOptions,
  type HostOptions,
  parseConnectionUrl,
  type ServerSocket,
} from "./options.ts";
import { type PoolLease, PostgresPool } from "./pool.ts";
import { TypeRegistry } from "./types.ts";
import { json } from "./values.ts";

type Row = Record<string, unknown>;
type Anything = unknown;

/** The array types of those that values are taken for. */
const ARRAYS: Readonly<Record<number, number>> = {
  16: 1000,
  17: 1001,
  20: 1016,
  25: 1009,
  600: 1017,
  1184: 1185,
};

interface Transforms {
  undefined?: unknown;
  column: { from?: (name: string) => string; to?: (name: string) => string };
  value: { from?: (value: unknown, column: Column) => unknown };
  row: { from?: (row: unknown) => unknown };
}

interface Column {
  name: string;
  type: number;
  table: number;
  number: number;
}

/** Rows with what the package adds to them. */
interface Result extends Array<unknown> {
  count: number;
  command: string;
  columns: Column[];
  statement: { name: string; string: string; types: number[]; columns: Column[] };
  state: { pid: number };
}

/** An error of the server, with the package's names. */
export class PostgresError extends Error {
  override name = "PostgresError";
  declare code: string;

  constructor(error: DriverError) {
    super(error.message);
    const { fields } = error;
    Object.assign(this, fields, { code: fields.sqlState });
  }
}

function failure(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code });
}

class Parameter {
  constructor(readonly value: unknown, readonly type: number) {}
}

class Identifier {
  constructor(readonly text: string) {}
}

function escapeName(name: string): string {
  return `"${name.replaceAll('"', '""').replaceAll(".", '"."')}"`;
}

function inferType(value: unknown): number {
  if (value instanceof Parameter) return value.type;
  if (value instanceof Date) return 1184;
  if (value instanceof Uint8Array) return 17;
  if (typeof value === "boolean") return 16;
  if (typeof value === "bigint") return 20;
  return Array.isArray(value) ? inferType(value[0]) : 0;
}

/** A statement in the making. */
interface Compilation {
  text: string;
  values: unknown[];
  types: number[];
}

const NOT_TAGGED = () =>
  failure("NOT_TAGGED_CALL", "Query not called as a tagged template literal");

/** `sql(…)` with values, which becomes part of a statement. */
class Builder {
  constructor(readonly first: unknown, readonly rest: unknown[]) {}

  then(): never {
    throw NOT_TAGGED();
  }
  catch(): never {
    throw NOT_TAGGED();
  }
  finally(): never {
    throw NOT_TAGGED();
  }
}

const CLOSE = {};

interface Settings {
  url: string | undefined;
  given: Row;
  transform: Transforms;
  registry: TypeRegistry;
  prepare: boolean;
  debug: unknown;
  max: number;
  connection: () => ConnectionOptions;
}

function toCamel(text: string): string {
  return text.replace(/_([^_])/g, (_, letter: string) => letter.toUpperCase());
}
function toPascal(text: string): string {
  return toCamel(`_${text}`);
}
function toKebab(text: string): string {
  return text.replaceAll("_", "-");
}
function fromCamel(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
function fromPascal(text: string): string {
  return fromCamel(text).replace(/^_/, "");
}
function fromKebab(text: string): string {
  return text.replaceAll("-", "_");
}

/** Gives the keys of JSON values other names, at any depth. */
function renameKeys(rename: (name: string) => string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => renameKeys(rename, one));
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [rename(key), renameKeys(rename, one)]),
  );
}

const isJson = (type: number) => type === 114 || type === 3802;

function caseTransform(
  from: (name: string) => string,
  to: (name: string) => string,
): Row {
  const value = (one: unknown, column: Column) => isJson(column.type) ? renameKeys(from, one) : one;
  return { column: { from, to }, value: { from: value } };
}

function readTransforms(given: Row): Transforms {
  const side = (value: unknown): Row =>
    typeof value === "function" ? { from: value } : { ...(value as Row | undefined) };
  const transforms: Row = {
    column: side(given.column),
    value: side(given.value),
    row: side(given.row),
  };
  if ("undefined" in given) transforms.undefined = given.undefined;
  return transforms as unknown as Transforms;
}

/** Where a tagged template is called: the first line of the stack beyond this file. */
function callers(): string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 20;
  const lines = (new Error().stack ?? "").split("\n").slice(1);
  Error.stackTraceLimit = limit;
  return lines.filter((line) => !line.includes("_test_porsager.ts"));
}

/** What runs statements: a pool, a reserved connection or a transaction. */
interface Runner {
  /** Runs something on a connection, which nobody else uses meanwhile. */
  use<T>(run: (connection: PostgresConnection) => Promise<T>): Promise<T>;
  /** Takes a connection until it is given back. */
  take(): Promise<{ connection: PostgresConnection; release(): Promise<void> }>;
}

type Mode = "rows" | "values" | "raw";

/** A query: it runs when it is awaited. */
class Query implements PromiseLike<Result> {
  readonly settings: Settings;
  readonly runner: Runner;
  readonly compile: () => Compilation;
  /** Whether `sql.unsafe()` or `sql.file()` made it. */
  readonly plain: boolean;
  readonly keep: boolean;
  #simple: boolean;
  #mode: Mode = "rows";
  #promise: Promise<Result> | undefined;
  #describes = false;
  #each: ((row: unknown, result: Result) => void) | undefined;
  #abort = new AbortController();
  readonly #origin = callers();
  /** For a fragment within another statement. */
  readonly parts: { strings: readonly string[]; values: unknown[] } | undefined;

  constructor(
    settings: Settings,
    runner: Runner,
    compile: () => Compilation,
    how: { simple: boolean; keep: boolean; plain: boolean },
    parts?: { strings: readonly string[]; values: unknown[] },
  ) {
    this.settings = settings;
    this.runner = runner;
    this.compile = compile;
    this.#simple = how.simple;
    this.keep = how.keep;
    this.plain = how.plain;
    this.parts = parts;
  }

  simple(): this {
    this.#simple = true;
    return this;
  }
  values(): this {
    this.#mode = "values";
    return this;
  }
  raw(): this {
    this.#mode = "raw";
    return this;
  }
  describe(): this {
    this.#describes = true;
    return this;
  }
  execute(): this {
    this.#start().catch(() => {});
    return this;
  }
  forEach(each: (row: unknown, result: Result) => void): this {
    this.#each = each;
    this.#start().catch(() => {});
    return this;
  }
  cancel(): void {
    this.#abort.abort();
  }

  then<A, B>(
    resolve?: ((value: Result) => A | PromiseLike<A>) | null,
    reject?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#start().then(resolve, reject);
  }
  catch<B>(reject: (error: unknown) => B | PromiseLike<B>): Promise<Result | B> {
    return this.#start().catch(reject);
  }
  finally(run: () => void): Promise<Result> {
    return this.#start().finally(run);
  }

  #start(): Promise<Result> {
    return this.#promise ??= this.#run();
  }

  /** Gives an error the package's codes, the statement, and the place of the call. */
  async #failing<T>(run: (compiled: Compilation) => Promise<T>): Promise<T> {
    let compiled: Compilation | undefined;
    try {
      compiled = this.compile();
      return await run(compiled);
    } catch (error) {
      const translated = translate(error, this.settings);
      if (translated instanceof PostgresError && compiled !== undefined) {
        const enumerable = Boolean(this.settings.debug);
        const { text, values, types } = compiled;
        const define = (name: string, value: unknown) =>
          Object.defineProperty(translated, name, { value, enumerable, configurable: true });
        define("query", text);
        define("parameters", values);
        define("args", values);
        define("types", types);
        const lines = this.settings.debug === true ? this.#origin : this.#origin.slice(0, 1);
        translated.stack = [`PostgresError: ${translated.message}`, ...lines].join("\n");
      }
      throw translated;
    }
  }

  #options(compiled: Compilation): QueryOptions {
    return {
      integers: "string",
      prepare: this.keep && this.settings.prepare,
      asArray: true,
      format: this.#mode === "raw" ? "raw" : "auto",
      parameterTypes: compiled.types,
      signal: this.#abort.signal,
    };
  }

  #run(): Promise<Result> {
    return this.#failing((compiled) =>
      this.runner.use(async (connection) => {
        const { text, values } = compiled;
        const { debug } = this.settings;
        if (typeof debug === "function") debug(connection.processId, text, values, compiled.types);
        if (this.#abort.signal.aborted) throw cancelled();
        if (this.#describes) {
          const { parameters, fields } = await connection.describe(text);
          const result = this.#result(
            { rows: [], fields, command: "", rowCount: 0 },
            connection,
            text,
          );
          return Object.assign(result, { string: text, types: parameters });
        }
        const options = this.#options(compiled);
        if (this.#simple) {
          const results = await connection.script(text, { ...options, parameterTypes: [] });
          const all = results.map((one) => this.#result(one as never, connection, text));
          return (all.length === 1 ? all[0] : all) as Result;
        }
        const result = this.#result(
          await connection.query<unknown[]>(text, values, options),
          connection,
          text,
        );
        if (
          result.command === "BEGIN" && this.settings.max !== 1 && this.runner instanceof Shared
        ) {
          throw failure("UNSAFE_TRANSACTION", "Only use sql.begin, sql.reserved or max: 1");
        }
        return result;
      })
    );
  }

  /** Makes the package's result. */
  #result(
    result: QueryResult<unknown[]>,
    connection: PostgresConnection,
    text: string,
  ): Result {
    const { transform } = this.settings;
    const { from } = transform.column;
    const columns = result.fields.map((field): Column => ({
      name: from === undefined ? field.name : from(field.name),
      type: field.type,
      table: field.table,
      number: field.column,
    }));
    const made = result.rows.map((cells): unknown => {
      const raw = this.#mode === "raw";
      const values = cells.map((cell, index) => {
        if (raw) return cell === null ? null : Buffer.from(cell as Uint8Array<ArrayBuffer>);
        return transform.value.from?.(cell, columns[index]!) ?? cell;
      });
      const row = this.#mode === "rows"
        ? Object.fromEntries(columns.map((column, index) => [column.name, values[index]]))
        : values;
      return transform.row.from === undefined || raw ? row : transform.row.from(row);
    });
    const name = this.keep && this.settings.prepare && !this.#simple ? "kept" : "";
    const rows = Object.assign(this.#each === undefined ? made : [], {
      count: result.rowCount,
      command: result.command,
      columns,
      statement: { name, string: text, types: [], columns },
      state: { pid: connection.processId },
    }) as Result;
    for (const row of this.#each === undefined ? [] : made) this.#each!(row, rows);
    return rows;
  }

  /** Reads in batches: to a function, or as an iterator. */
  cursor(first?: unknown, second?: unknown): Anything {
    const batchRows = typeof first === "number" ? first : 1;
    const each = (typeof first === "function" ? first : second) as
      | ((rows: unknown) => unknown)
      | undefined;
    if (each === undefined) return this.#iterate(batchRows);
    return (async () => {
      for await (const rows of this.#iterate(batchRows)) {
        if (await each(rows) === CLOSE) break;
      }
    })();
  }

  async *#iterate(batchRows: number): AsyncGenerator<Result> {
    const taken = await this.runner.take();
    const { connection } = taken;
    try {
      const compiled = this.compile();
      const options = { ...this.#options(compiled), batchRows };
      const { fields } = await this.#failing(() => connection.describe(compiled.text));
      const cursor = connection.cursor<unknown[]>(compiled.text, compiled.values, options);
      try {
        for (;;) {
          const { done, value } = await this.#failing(() => cursor.next());
          if (done) break;
          const result = { rows: value!, fields, command: "SELECT", rowCount: value!.length };
          yield this.#result(result, connection, compiled.text);
        }
      } finally {
        await cursor.return();
      }
    } finally {
      await taken.release();
    }
  }

  /** The output of a COPY as a Node stream: a chunk for each row. */
  async readable(): Promise<Readable> {
    const taken = await this.runner.take();
    const stream = taken.connection.copyOut(this.compile().text);
    async function* rows() {
      let rest = "";
      for await (const chunk of stream) {
        const lines = (rest + Buffer.from(chunk).toString("latin1")).split("\n");
        rest = lines.pop()!;
        for (const line of lines) yield Buffer.from(`${line}\n`, "latin1");
      }
      await taken.release();
    }
    return Readable.from(rows());
  }

  /** The input of a COPY as a Node stream. */
  async writable(): Promise<Writable> {
    const taken = await this.runner.take();
    const { writable, rowCount } = taken.connection.copyIn(this.compile().text);
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const shared = this.runner instanceof Shared ? this.runner : undefined;
    if (shared !== undefined) shared.copying++;
    const end = () => taken.release();
    return new Writable({
      write(chunk, _encoding, done) {
        writer.write(chunk).then(() => done(), done);
      },
      final(done) {
        if (shared !== undefined) shared.copying--;
        writer.close().then(() => rowCount).then(end).then(() => done(), (error) => {
          end();
          done(error);
        });
      },
      destroy(error, done) {
        if (error !== null) {
          if (shared !== undefined) shared.copying--;
          writer.abort(error).catch(() => {}).then(end);
        }
        done(error);
      },
    });
  }
}

/** The package begins with the host after the one that it used last. */
function rotate(hosts: ConnectionOptions["hosts"]): void {
  const list = hosts as HostOptions[] | undefined;
  if (list !== undefined) list.push(list.shift()!);
}

function cancelled(): Error {
  return failure("57014", "canceling statement due to user request");
}

/** Gives errors of the driver the package's codes. */
function translate(error: unknown, settings: Settings): unknown {
  if (error instanceof DriverError) return new PostgresError(error);
  if (!(error instanceof DatabaseError)) return error;
  if (error.code === "aborted") return cancelled();
  if (error.code === "closed") return failure("CONNECTION_DESTROYED", error.message);
  const { cause, message } = error;
  const { host = "localhost", port = 5432 } = settings.connection();
  if (/within [\d.]+ ms/.test(message)) {
    return failure("CONNECT_TIMEOUT", `write CONNECT_TIMEOUT ${host}:${port}`);
  }
  if (error instanceof ConnectionLostError) {
    return failure("CONNECTION_CLOSED", message);
  }
  const code = (cause as { code?: string } | undefined)?.code;
  if (code !== undefined && cause instanceof Error) return failure(code, cause.message);
  return error;
}

/** The connections of a pool. */
class Shared implements Runner {
  #pool: PostgresPool | undefined;
  readonly settings: Settings;
  readonly parameters: Row = {};
  /** How many connections are within a COPY. */
  copying = 0;
  /** How it was ended. */
  ended: "ended" | "destroyed" | undefined;
  readonly closes: (() => Promise<void>)[] = [];
  #end: Promise<void> | undefined;
  #destroy: ((error: Error) => void)[] = [];

  constructor(settings: Settings) {
    this.settings = settings;
  }

  async #lease(): Promise<PoolLease> {
    this.#check();
    // Made anew where connecting has failed, since its time may be another then.
    const { given, max } = this.settings;
    const seconds = (name: string, fallback: number) => {
      const value = given[name];
      return value === undefined || value === null ? fallback : Number(value) * 1000;
    };
    const options = this.settings.connection();
    this.#pool ??= new PostgresPool({
      ...options,
      max,
      reset: "never",
      connectTimeoutMs: seconds("connect_timeout", 30_000),
      idleTimeoutMs: seconds("idle_timeout", 0),
      maxLifetimeMs: seconds("max_lifetime", 0),
      types: this.settings.registry,
      onParameter: (name, value) => {
        // It comes once at each login.
        if (name === "server_version") rotate(options.hosts);
        this.parameters[name] = value;
        (given.onparameter as ((name: string, value: string) => void) | undefined)?.(name, value);
      },
      onNotice: (notice) => {
        const { onnotice } = given;
        if (typeof onnotice === "function") onnotice(notice);
        else if (onnotice !== false) console.log(notice);
      },
    });
    const pool = this.#pool;
    try {
      return await pool.acquire();
    } catch (error) {
      if (this.#pool === pool && pool.statistics.open === 0) this.#pool = undefined;
      // What a program's socket function throws need be no error, and is passed on as it is.
      if (options.socket && error instanceof ConnectError && !(error.cause instanceof Error)) {
        throw error.cause;
      }
      throw error;
    }
  }

  #check(): void {
    if (this.ended === "ended") throw failure("CONNECTION_ENDED", "write CONNECTION_ENDED");
    if (this.ended === "destroyed") {
      throw failure("CONNECTION_DESTROYED", "write CONNECTION_DESTROYED");
    }
  }

  async use<T>(run: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    if (this.copying > 0 && this.copying >= this.settings.max) {
      throw failure("COPY_IN_PROGRESS", "You cannot execute queries during copy");
    }
    let lease: PoolLease;
    try {
      lease = await this.#lease();
    } catch (error) {
      if (error instanceof Error) throw error;
      throw new Error(String(error));
    }
    try {
      return await Promise.race([
        run(lease.connection),
        new Promise<never>((_, reject) => this.#destroy.push(reject)),
      ]);
    } finally {
      await lease.release();
    }
  }

  async take(): Promise<{ connection: PostgresConnection; release(): Promise<void> }> {
    const lease = await this.#lease();
    return { connection: lease.connection, release: () => lease.release() };
  }

  end(timeoutMs: number | undefined): Promise<void> {
    if (this.#end !== undefined) return this.#end;
    this.ended = timeoutMs === 0 ? "destroyed" : "ended";
    if (timeoutMs === 0) {
      const error = failure("CONNECTION_DESTROYED", "write CONNECTION_DESTROYED");
      for (const reject of this.#destroy) reject(error);
    }
    const closing = [
      this.#pool?.close(timeoutMs === undefined ? {} : { timeoutMs }),
      ...this.closes.map((close) => close()),
    ];
    return this.#end = Promise.all(closing).then(() => undefined);
  }
}

/** One connection. */
class Single implements Runner {
  constructor(readonly connection: PostgresConnection) {}

  use<T>(run: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    return run(this.connection);
  }
  take(): Promise<{ connection: PostgresConnection; release(): Promise<void> }> {
    return Promise.resolve({ connection: this.connection, release: () => Promise.resolve() });
  }
}

/** The word before a value that says what a builder becomes. */
const KEYWORDS = /.*(?:^|[\s(])(values|in|select|as|returning|update|set|insert|\()(?:[\s(]|$)/is;

/** Turns templates into statements. */
class Compiler {
  readonly #compilation: Compilation = { text: "", values: [], types: [] };
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  template(strings: readonly string[], values: readonly unknown[]): Compilation {
    this.#fragment(strings, values);
    const { values: bound } = this.#compilation;
    if (bound.length > 65_534) {
      throw failure("MAX_PARAMETERS_EXCEEDED", "Max number of parameters (65534) exceeded");
    }
    return this.#compilation;
  }

  #add(text: string): void {
    this.#compilation.text += text;
  }

  #fragment(strings: readonly string[], values: readonly unknown[]): void {
    this.#add(strings[0] ?? "");
    values.forEach((value, index) => {
      this.value(value);
      this.#add(strings[index + 1] ?? "");
    });
  }

  value(value: unknown): void {
    if (value instanceof Query) this.#fragment(value.parts!.strings, value.parts!.values);
    else if (value instanceof Identifier) this.#add(value.text);
    else if (value instanceof Builder) this.#build(value);
    else if (Array.isArray(value) && value[0] instanceof Query) {
      value.forEach((one, index) => {
        if (index > 0) this.#add(" ");
        this.value(one);
      });
    } else this.#bind(value);
  }

  #bind(given: unknown): void {
    const { values, types } = this.#compilation;
    const type = inferType(given);
    const value = this.#plain(given);
    if (value === undefined) {
      throw failure("UNDEFINED_VALUE", "Undefined values are not allowed");
    }
    values.push(value);
    types.push(Array.isArray(given) ? ARRAYS[type] ?? 0 : type);
    this.#add(`$${values.length}`);
  }

  /** A value without what marks it. */
  #plain(given: unknown): unknown {
    const { transform } = this.#settings;
    if (given === undefined && "undefined" in transform) return transform.undefined;
    if (Array.isArray(given)) {
      return given.map((one) => {
        const value = this.#plain(one);
        if (value === undefined) {
          throw failure("UNDEFINED_VALUE", "Undefined values are not allowed");
        }
        return value;
      });
    }
    if (!(given instanceof Parameter)) return given;
    return isJson(given.type) ? json(given.value) : this.#plain(given.value);
  }

  #name(name: string): string {
    return escapeName(this.#settings.transform.column.to?.(name) ?? name);
  }

  #list<T>(values: readonly T[], write: (value: T) => void): void {
    values.forEach((value, index) => {
      if (index > 0) this.#add(",");
      write(value);
    });
  }

  #build({ first, rest }: Builder): void {
    const keyword = KEYWORDS.exec(this.#compilation.text)?.[1]?.toLowerCase() ?? "";
    const columns = (row: Row) =>
      (rest.length > 0 ? rest.flat() as string[] : Object.keys(row)).filter((name) =>
        row[name] !== undefined || "undefined" in this.#settings.transform || rest.length > 0
      );
    const group = (values: readonly unknown[]) => {
      this.#add("(");
      this.#list(values, (value) => this.value(value));
      this.#add(")");
    };
    const names = () =>
      this.#add([first, ...rest].flat().map((name) => this.#name(name as string)).join(","));
    switch (keyword) {
      case "values":
      case "in":
      case "(": {
        const list = first as unknown[];
        if (keyword === "in" && list.length === 0) return this.#add("(null)");
        if (keyword === "values" && Array.isArray(list[0])) {
          return this.#list(list as unknown[][], group);
        }
        return group(list);
      }
      case "select":
      case "as":
      case "returning": {
        if (typeof first === "string" || Array.isArray(first)) return names();
        const row = first as Row;
        return this.#list(columns(row), (name) => {
          this.value(row[name]);
          this.#add(` as ${this.#name(name)}`);
        });
      }
      case "update":
      case "set": {
        const row = first as Row;
        return this.#list(columns(row), (name) => {
          this.#add(`${this.#name(name)}=`);
          this.value(row[name]);
        });
      }
      case "insert": {
        const rows = (Array.isArray(first) ? first : [first]) as Row[];
        const keys = columns(rows[0]!);
        this.#add(`(${keys.map((name) => this.#name(name)).join(",")})values`);
        return this.#list(rows, (row) => group(keys.map((name) => row[name])));
      }
      default:
        throw failure("HELPER", "The helper has no keyword before it");
    }
  }
}

/** A socket of Node's as the driver takes one. */
function socketOf(socket: Socket): ServerSocket {
  const chunks: Uint8Array[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  socket.on("data", (chunk: Uint8Array) => {
    chunks.push(chunk);
    wake?.();
  });
  socket.on("close", () => {
    ended = true;
    wake?.();
  });
  return {
    async read(into) {
      while (chunks.length === 0) {
        if (ended) return null;
        await new Promise<void>((resolve) => wake = resolve);
      }
      const chunk = chunks.shift()!;
      const count = Math.min(chunk.length, into.length);
      into.set(chunk.subarray(0, count));
      if (count < chunk.length) chunks.unshift(chunk.subarray(count));
      return count;
    },
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
      ),
    close: () => void socket.destroy(),
  };
}

/** Options from a URL, an object and the environment, with the package's names. */
function readSettings(target: unknown, extra: Row): Settings {
  const url = typeof target === "string" ? target : undefined;
  const given: Row = url === undefined ? { ...(target as Row | undefined), ...extra } : extra;
  const env = (name: string) => Deno.env.get(name);
  // Several hosts are no URL of the platform's; the package goes round them.
  const several = url === undefined ? undefined : parseConnectionUrl(url).hosts;
  const hosts = several === undefined ? undefined : [...several];
  const parsed = url === undefined || hosts !== undefined ? undefined : new URL(url);
  const query = Object.fromEntries(parsed?.searchParams ?? []);
  const host = given.host ?? given.hostname ?? (parsed?.hostname || query.host) ?? env("PGHOST") ??
    "localhost";
  const port = Number(given.port ?? (parsed?.port || env("PGPORT") || 5432));
  const user = () =>
    String(
      given.user ?? given.username ??
        (parsed?.username ? decodeURIComponent(parsed.username) : undefined) ??
        env("PGUSER") ?? "postgres",
    );
  const password = given.pass ?? given.password ??
    (parsed?.password ? decodeURIComponent(parsed.password) : undefined) ?? env("PGPASSWORD");
  const database = () =>
    String(
      given.database ?? given.db ?? (parsed?.pathname.slice(1) || undefined) ?? env("PGDATABASE") ??
        user(),
    );
  const ssl = given.ssl ?? query.sslmode;
  const sslMode = ssl === undefined || ssl === false || ssl === "disable"
    ? "disable"
    : ssl === "prefer"
    ? "prefer"
    : "require";
  const registry = new TypeRegistry();
  const date = (text: string) => new Date(text.replace(/^(\S+ \S+?)([+-]\d\d)$/, "$1$2:00"));
  registry.register(1082, { parse: (text) => new Date(text) });
  for (const type of [1114, 1184]) {
    registry.register(type, { parse: date });
  }
  registry.register(17, { parse: (text) => Buffer.from(text.slice(2), "hex") });
  registry.register(1186, { parse: (text) => text });
  for (const custom of Object.values((given.types ?? {}) as Record<string, Row>)) {
    const parse = custom.parse as (text: string) => unknown;
    const serialize = custom.serialize as ((value: unknown) => string) | undefined;
    for (const type of [custom.from ?? []].flat() as number[]) {
      registry.register(type, {
        parse,
        ...(serialize === undefined || type !== custom.to ? {} : { serialize }),
      });
    }
  }
  const settings: Settings = {
    url,
    given,
    transform: readTransforms((given.transform ?? {}) as Row),
    registry,
    prepare: given.no_prepare === true ? false : given.prepare !== false,
    debug: given.debug,
    max: Number(given.max ?? 10),
    connection: () => ({
      ...(hosts === undefined ? { host: String(host), port } : { hosts }),
      ...(typeof given.socket === "function" &&
        { socket: async () => socketOf(await (given.socket as () => Promise<Socket>)()) }),
      user: user(),
      database: database(),
      sslMode,
      allowCleartextPassword: true,
      ...(password === undefined ? {} : { password: password as string }),
      settings: {
        application_name: "postgres.js",
        ...(given.connection as Record<string, string>),
      },
    }),
  };
  return settings;
}

/** Makes the tag and all that hangs on it, over something that runs statements. */
function makeSql(settings: Settings, runner: Runner, extra: Row): Row {
  const tagged = (strings: TemplateStringsArray, values: unknown[]): Query =>
    new Query(
      settings,
      runner,
      () => new Compiler(settings).template(strings, values),
      { simple: false, keep: true, plain: false },
      { strings, values },
    );
  const sql = (first: unknown, ...rest: unknown[]): unknown => {
    if (Array.isArray(first) && "raw" in first) {
      return tagged(first as unknown as TemplateStringsArray, rest);
    }
    if (typeof first === "string" && rest.length === 0) {
      const { to } = settings.transform.column;
      const identifier = new Identifier(escapeName(to?.(first) ?? first));
      for (const name of ["then", "catch", "finally"]) {
        Object.defineProperty(identifier, name, {
          value: () => {
            throw NOT_TAGGED();
          },
        });
      }
      return identifier;
    }
    return new Builder(first, rest);
  };
  const unsafe = (text: unknown, given?: unknown, more: Row = {}): Query => {
    const values: unknown[] = Array.isArray(given) ? given : [];
    const options = Array.isArray(given) ? more : (given ?? {}) as Row;
    const compile = () => ({ text: String(text), values, types: values.map(inferType) });
    const simple = options.simple === true || values.length === 0;
    return new Query(settings, runner, compile, {
      simple,
      keep: options.prepare === true,
      plain: true,
    });
  };
  const file = (path: string | URL, given?: unknown): Query => {
    const values: unknown[] = Array.isArray(given) ? given : [];
    const text = readFile(path, "utf8");
    text.catch(() => {});
    const delayed: Runner = {
      use: async (run) => {
        loaded.text = await text;
        return await runner.use(run);
      },
      take: () => runner.take(),
    };
    const loaded: Compilation = { text: "", values, types: values.map(inferType) };
    return new Query(settings, delayed, () => loaded, {
      simple: values.length === 0,
      keep: false,
      plain: true,
    });
  };
  const types: Row = {};
  for (
    const [name, custom] of Object.entries((settings.given.types ?? {}) as Record<string, Row>)
  ) {
    types[name] = (value: unknown) => new Parameter(value, custom.to as number);
  }
  return Object.assign(sql, {
    unsafe,
    file,
    types,
    typed: types,
    json: (value: unknown) => new Parameter(value, 3802),
    array: (values: unknown[], type?: number) => {
      const inferred = values.length === 0 ? 0 : ARRAYS[inferType(values) || 25] ?? 1009;
      return new Parameter(values, type ?? inferred);
    },
    CLOSE,
    PostgresError,
    options: {
      get user() {
        return settings.connection().user;
      },
      get database() {
        return settings.connection().database;
      },
      get pass() {
        return settings.connection().password;
      },
    },
    ...extra,
  }) as unknown as Row;
}

/** Runs a function within a transaction or a savepoint. */
async function within(
  settings: Settings,
  connection: PostgresConnection,
  run: (sql: unknown) => unknown,
  words: { begin: string; commit: string; rollback: string },
  state: { depth: number },
): Promise<unknown> {
  const running: Promise<unknown>[] = [];
  let uncaught: unknown;
  let prepared: string | undefined;
  const runner: Runner = {
    use(work) {
      const result = work(connection);
      running.push(result.catch((error) => uncaught ??= error));
      return result;
    },
    take: () => new Single(connection).take(),
  };
  const sql = makeSql(settings, runner, {
    savepoint: (first: unknown, second?: unknown) => {
      const name = `s${++state.depth}_${typeof first === "string" ? first : ""}`;
      const call = (second ?? first) as (sql: unknown) => unknown;
      const escaped = escapeName(name);
      return within(settings, connection, call, {
        begin: `savepoint ${escaped}`,
        commit: `release savepoint ${escaped}`,
        rollback: `rollback to ${escaped}`,
      }, state);
    },
    prepare: (name: string) => {
      prepared = name.replace(/[^\w]/g, "");
    },
  });
  try {
    await connection.script(words.begin);
    const lost = connection.ended.then(() => {
      throw failure("CONNECTION_CLOSED", "write CONNECTION_CLOSED");
    });
    lost.catch(() => {});
    const result = await Promise.race([run(sql), lost]);
    const all = Array.isArray(result) && !("count" in result) ? Promise.all(result) : result;
    const value = await Promise.race([all, lost]);
    await Promise.all(running);
    if (uncaught !== undefined && state.depth === 0) throw uncaught;
    await connection.script(
      prepared === undefined ? words.commit : `prepare transaction '${prepared}'`,
    );
    return value;
  } catch (error) {
    await Promise.all(running);
    if (connection.transactionStatus !== "idle") {
      await connection.script(words.rollback).catch(() => {});
    }
    throw translate(error, settings);
  }
}

/** A large object as Node streams. */
async function largeObject(settings: Settings, shared: Shared, oid?: number): Promise<Row> {
  const taken = await shared.take();
  const { connection } = taken;
  await connection.script("begin");
  const call = async (text: string, values: unknown[] = []): Promise<unknown> =>
    Object.values((await connection.query(text, values, { integers: "number" })).rows[0]!)[0];
  const id = oid ?? await call("select lo_creat(-1)");
  const descriptor = await call("select lo_open($1, 393216)", [id]);
  void settings;
  return {
    writable: () =>
      Promise.resolve(
        new Writable({
          write(chunk, _encoding, done) {
            call("select lowrite($1, $2)", [descriptor, new Uint8Array(chunk)]).then(
              () => done(),
              done,
            );
          },
        }),
      ),
    readable: () => {
      async function* parts() {
        for (;;) {
          const part = await call("select loread($1, 16384)", [descriptor]) as Uint8Array;
          if (part.length === 0) return;
          yield Buffer.from(part as Uint8Array<ArrayBuffer>);
        }
      }
      return Promise.resolve(Readable.from(parts()));
    },
    seek: (at: number) => call("select lo_lseek64($1, $2, 0)", [descriptor, BigInt(at)]),
    close: async () => {
      await connection.script("commit");
      await taken.release();
    },
  };
}

/** Runs functions for the messages of channels. */
function listening(settings: Settings, shared: Shared): Row {
  let listener: PostgresListener | undefined;
  type Channel = {
    readers: ((payload: string) => void)[];
    restored: (() => void)[];
    source: Subscription;
  };
  const channels = new Map<string, Channel>();
  const open = (): PostgresListener => {
    listener ??= new PostgresListener(settings.connection(), {
      onRestored: () => {
        for (const { restored } of channels.values()) for (const call of restored) call();
      },
    });
    return listener;
  };
  shared.closes.push(async () => await listener?.close());
  return {
    async listen(name: string, read: (payload: string) => void, onlisten?: () => void) {
      let channel = channels.get(name);
      if (channel === undefined) {
        const source = open().listen(name);
        channel = { readers: [], restored: [], source };
        channels.set(name, channel);
        const { readers } = channel;
        (async () => {
          for await (const { payload } of source) for (const one of [...readers]) one(payload);
        })();
      }
      const { readers, restored, source } = channel;
      readers.push(read);
      if (onlisten !== undefined) restored.push(onlisten);
      await source.ready;
      onlisten?.();
      return {
        state: {
          get pid() {
            return listener?.processId;
          },
        },
        async unlisten() {
          readers.splice(readers.indexOf(read), 1);
          if (readers.length > 0) return;
          channels.delete(name);
          await source.return();
        },
      };
    },
  };
}

/** The package's default export. */
export default function postgres(target?: unknown, extra: Row = {}): Row {
  const settings = readSettings(target, extra);
  const shared = new Shared(settings);
  const sql: Row = makeSql(settings, shared, {
    parameters: shared.parameters,
    end: (options: Row = {}) =>
      shared.end(options.timeout === undefined ? undefined : Number(options.timeout) * 1000),
    close: () => shared.end(0),
    begin: async (first: unknown, second?: unknown) => {
      const words = typeof first === "string" ? first : "";
      const run = (second ?? first) as (sql: unknown) => unknown;
      const taken = await shared.take().catch((error) => {
        throw translate(error, settings);
      });
      try {
        return await within(settings, taken.connection, run, {
          begin: `begin ${words}`,
          commit: "commit",
          rollback: "rollback",
        }, { depth: 0 });
      } finally {
        await taken.release();
      }
    },
    reserve: async () => {
      const taken = await shared.take();
      return makeSql(settings, new Single(taken.connection), {
        release: () => void taken.release(),
      });
    },
    notify: (channel: string, payload = "") =>
      shared.use((connection) => connection.query("select pg_notify($1, $2)", [channel, payload])),
    largeObject: (oid?: number) => largeObject(settings, shared, oid),
    ...listening(settings, shared),
  });
  return sql;
}

Object.assign(postgres, {
  toCamel,
  toPascal: (text: string) => toPascal(text),
  toKebab,
  fromCamel: Object.assign((text: string) => fromCamel(text), { column: { to: fromCamel } }),
  fromPascal,
  fromKebab,
  camel: caseTransform(toCamel, fromCamel),
  pascal: caseTransform(toPascal, fromPascal),
  kebab: caseTransform(toKebab, fromKebab),
  PostgresError,
});
Object.assign(toCamel, { column: { from: toCamel } });
