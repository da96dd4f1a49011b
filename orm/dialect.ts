import type { DriverConnection } from "./driver.ts";
import type { Renames, SchemaDescription, SchemaDiff } from "./schema.ts";
import type { TableBase } from "./table.ts";

/** The kinds of values that every database here can store; each names what a program sees. */
export type ValueKind =
  /** A safe integer (`number`). */
  | "integer"
  /** A 64-bit integer (`bigint`). */
  | "bigint"
  /** A double (`number`). */
  | "real"
  /** An exact decimal (`string`, with the digits that were stored). */
  | "numeric"
  /** A `string` without NUL. */
  | "text"
  /** A `boolean`. */
  | "boolean"
  /** A `Date`, to the millisecond, in UTC. */
  | "timestamp"
  /** Bytes (`Uint8Array`). */
  | "blob"
  /** Anything that JSON can hold. */
  | "json";

/** A value as a driver takes and gives it. */
export type DriverValue =
  | null
  | string
  | number
  | bigint
  | boolean
  | Uint8Array<ArrayBuffer>;

/** What stands before and after an expression to make another of it. */
export type Wrapping = readonly [before: string, after: string];

/** How JSON is read. `column` is an expression of kind `json`, `path` names and indexes. */
export interface JsonDialect {
  /** A part as JSON. */
  value(column: string, path: readonly (string | number)[]): string;
  /** A part as text: a string without its quotes; NULL for JSON's null. */
  text(column: string, path: readonly (string | number)[]): string;
  /** A number as a double; NULL for everything else. */
  number(column: string, path: readonly (string | number)[]): string;
  /** Whether the part is there. */
  has(column: string, path: readonly (string | number)[]): string;
  /** How many elements an array has; NULL for everything else. */
  length(column: string, path: readonly (string | number)[]): string;
  /** What stands before, between and after two JSON values to ask whether the first contains the second. */
  readonly contains: readonly [before: string, between: string, after: string];
}

/** How a schema is read, compared and changed. */
export interface SchemaDialect {
  /** Describes what is there. Tables whose names start with an underscore are left out. */
  introspect(connection: DriverConnection): Promise<SchemaDescription>;
  /** The statements that create tables with their indexes, in an order that works. */
  create(tables: readonly TableBase[]): string[];
  /**
   * Runs a function in an empty schema that nobody else sees and that is gone afterwards. The
   * connection is in no transaction, and in none afterwards.
   */
  scratch<T>(
    connection: DriverConnection,
    run: (scratch: DriverConnection) => Promise<T>,
  ): Promise<T>;
  /** The statements that turn one schema into another. */
  diff(
    connection: DriverConnection,
    from: SchemaDescription,
    to: SchemaDescription,
    renames: Renames,
  ): Promise<SchemaDiff>;
  /** Takes the lock of migrations, or waits for it; returns what gives it back. */
  lock(connection: DriverConnection): Promise<() => Promise<void>>;
  /** The statement that starts a step. */
  readonly begin: string;
  /** Runs a step's text within its transaction, and checks what it must not break. */
  apply(connection: DriverConnection, text: string): Promise<void>;
}

/** How one kind of database spells things. Small, so that a further one needs no change elsewhere. */
export interface Dialect {
  /** `sqlite` or `postgres`. */
  readonly name: string;
  /** The most parameters that one statement may have. */
  readonly maxParameters: number;
  /** Whether a row can be locked by a SELECT; where not, locking clauses are left out. */
  readonly hasRowLocks: boolean;
  /**
   * The placeholder of the parameter with this number, counted from 1. `loose` is the kind of a
   * value that stands where nothing else says its type.
   */
  placeholder(number: number, loose: ValueKind | undefined, content: unknown): string;
  /** A name in quotes, with what closes them doubled. */
  identifier(name: string): string;
  /** A value within a statement that can have no parameters. */
  literal(content: DriverValue): string;
  /** The column type that holds values of this kind; of a decimal with a precision, that too. */
  typeName(kind: ValueKind, precision?: number, scale?: number): string;
  /** The type to cast to for values of this kind. */
  castName(kind: ValueKind): string;
  /** The clause that makes an integer primary key number itself. */
  readonly identity: string;
  /**
   * The statement that makes the numbers of such a key go on after the greatest there is, where
   * rows that bring their own key do not see to it; `undefined` where they do.
   */
  advanceIdentity(table: string, column: string): string | undefined;
  /** The word after the expression of a generated column. */
  generated(stored: boolean): string;
  /** Brings a value into the form that the driver takes; `null` never comes here. */
  encode(kind: ValueKind, value: unknown): DriverValue;
  /** Brings a list of values into one parameter, for {@linkcode membership}. */
  encodeList(kind: ValueKind, values: readonly unknown[]): DriverValue;
  /** Brings a value that the driver gave into the form that a program sees; `null` never comes here. */
  decode(kind: ValueKind, value: unknown): unknown;
  /**
   * Whether the driver gives values of this kind as a program sees them; `wide` as in a query,
   * `declared` for a column rather than an expression.
   */
  isPlain(kind: ValueKind, wide: boolean, declared: boolean): boolean;
  /** What follows an expression to ask whether it is in the list that is this parameter. */
  membership(kind: ValueKind, negated: boolean, placeholder: string): string;
  /** What makes values of this kind compare, sort and group by what they mean; `undefined` for nothing. */
  comparable(kind: ValueKind): Wrapping | undefined;
  /** What makes an aggregate of an expression of this kind. */
  aggregate(name: "sum" | "avg" | "min" | "max", kind: ValueKind | undefined): Wrapping;
  /** What stands before, between and after text and pattern. */
  like(insensitive: boolean): readonly [before: string, between: string, after: string];
  /** What puts NULL last when sorting upwards and first when downwards, where that is not so anyway. */
  nullOrder(direction: "ASC" | "DESC"): string;
  /** Whether ON CONFLICT DO UPDATE must name its columns. */
  readonly conflictNeedsColumns: boolean;
  /** The expression of the present moment, as a timestamp is stored. */
  readonly now: string;
  /** The query that gives a row if there is a table of the name that is its parameter. */
  readonly hasTable: string;
  /** The query that gives the names of the columns of the table whose name is its parameter. */
  readonly columnNames: string;
  /** The statement that starts a transaction. */
  begin(options: { isolation?: string; readOnly?: boolean }): string;
  /** The clause that stands for no limit where an offset needs one; empty where it does not. */
  readonly noLimit: string;
  /** What precedes a statement to see how it would run. */
  readonly explain: string;
  /** Reads the answer to that: one line a step, indented by two spaces a level. */
  readPlan(rows: readonly (readonly DriverValue[])[]): string[];
  /** How JSON is read. */
  readonly json: JsonDialect;
  /** How a schema is read, compared and changed. */
  readonly schema: SchemaDialect;
}
