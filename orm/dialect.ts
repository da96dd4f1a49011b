/** The kinds of values that every database here can store; each names what a program sees. */
export type ValueKind =
  /** A safe integer (`number`). */
  | "integer"
  /** A 64-bit integer (`bigint`). */
  | "bigint"
  /** A double (`number`). */
  | "real"
  /** An exact decimal (`string`, as the database prints it). */
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

/** How one kind of database spells things. Small, so that a further one needs no change elsewhere. */
export interface Dialect {
  /** `sqlite` or `postgres`. */
  readonly name: string;
  /** The most parameters that one statement may have. */
  readonly maxParameters: number;
  /** Whether a row can be locked by a SELECT. */
  readonly hasRowLocks: boolean;
  /** The placeholder of the parameter with this number, counted from 1. */
  placeholder(number: number): string;
  /** A name in quotes, with what closes them doubled. */
  identifier(name: string): string;
  /** The column type that holds values of this kind. */
  typeName(kind: ValueKind): string;
  /** The clause that makes an integer primary key number itself. */
  readonly identity: string;
  /** Brings a value into the form that the driver takes; `null` never comes here. */
  encode(kind: ValueKind, value: unknown): DriverValue;
  /** Brings a value that the driver gave into the form that a program sees; `null` never comes here. */
  decode(kind: ValueKind, value: unknown): unknown;
  /** The query that gives a row if there is a table of the name that is its parameter. */
  readonly hasTable: string;
  /** The statement that starts a transaction. */
  begin(options: { isolation?: string; readOnly?: boolean }): string;
  /** The clause that stands for no limit where an offset needs one; empty where it does not. */
  readonly noLimit: string;
  /** What precedes a statement to see how it would run. */
  readonly explain: string;
  /** Reads the answer to that: one line a step, indented by depth. */
  readPlan(rows: readonly (readonly DriverValue[])[]): string[];
  /** Reads a part of a JSON column as text: `path` is a list of names and indexes. */
  jsonText(column: string, path: readonly (string | number)[]): string;
}
