import type { ValueKind } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";
import { Sql } from "./sql.ts";

/**
 * What an insert may say about a column: nothing or NULL (`optional`), always a value (`required`),
 * a value or else the default (`default`), never anything (`never`: the database computes it).
 */
export type InsertMode = "optional" | "required" | "default" | "never";

/** What happens to a row whose foreign key's target changes or goes. */
export type ReferentialAction = "cascade" | "restrict" | "set null" | "set default" | "no action";

/** Options of a foreign key. */
export interface ReferenceOptions {
  /** When the target is deleted; `no action` by default. */
  onDelete?: ReferentialAction;
  /** When the target's key changes; `no action` by default. */
  onUpdate?: ReferentialAction;
}

/** Everything a column's declaration said. */
export interface ColumnDefinition {
  /** How values are stored and read. */
  readonly kind: ValueKind;
  /** The name in the database, where it differs from the property's. */
  readonly name?: string;
  /** Whether NULL is refused. */
  readonly notNull?: boolean;
  /** Whether it is the primary key by itself. */
  readonly primaryKey?: boolean;
  /** Whether values are unique. */
  readonly unique?: boolean;
  /** A constant or an expression that the database puts in. */
  readonly default?: unknown;
  /** Makes the value of a row that names none. */
  readonly makeDefault?: () => unknown;
  /** Makes the value at every update that names none. */
  readonly makeOnUpdate?: () => unknown;
  /** The column that this one points at; a function, since tables may point at each other. */
  readonly references?: () => Column;
  /** How the reference behaves. */
  readonly referenceOptions?: ReferenceOptions;
  /** A condition on the column. */
  readonly check?: Sql;
  /** The expression of a generated column. */
  readonly generated?: Sql;
  /** Whether a generated column is stored rather than computed at each read. */
  readonly stored?: boolean;
  /** The only values allowed. */
  readonly values?: readonly string[];
  /** How many digits a decimal may have, before and after the point together. */
  readonly precision?: number;
  /** How many of them stand after the point. */
  readonly scale?: number;
}

/**
 * The declaration of a column, immutable: each method returns a new one. `T` is the type that a
 * select gives, `M` what an insert must say.
 */
export class ColumnBuilder<out T = unknown, out M extends InsertMode = InsertMode> {
  /** Never set: it carries the type only. */
  declare readonly valueType: T;
  /** Never set: it carries the type only. */
  declare readonly insertMode: M;
  /** What was declared. */
  readonly definition: ColumnDefinition;

  /** Makes a declaration; programs call {@linkcode integer}, {@linkcode text} and so on. */
  constructor(definition: ColumnDefinition) {
    this.definition = definition;
  }

  #with<U, N extends InsertMode>(more: Partial<ColumnDefinition>): ColumnBuilder<U, N> {
    return new ColumnBuilder<U, N>({ ...this.definition, ...more });
  }

  /** Gives the column another name in the database. */
  named(name: string): ColumnBuilder<T, M> {
    return this.#with({ name });
  }

  /** Refuses NULL. */
  notNull(): ColumnBuilder<NonNullable<T>, M extends "optional" ? "required" : M> {
    return this.#with({ notNull: true });
  }

  /** Makes it the primary key. An integer one numbers itself, and never uses a number twice. */
  primaryKey(): ColumnBuilder<
    NonNullable<T>,
    NonNullable<T> extends number | bigint ? "default" : M extends "optional" ? "required" : M
  > {
    return this.#with({ primaryKey: true, notNull: true });
  }

  /** Refuses a value that another row has. */
  unique(): ColumnBuilder<T, M> {
    return this.#with({ unique: true });
  }

  /** The value of a row that names none: a constant, or an expression that the database computes. */
  default(content: NonNullable<T> | Sql<T>): ColumnBuilder<T, "default"> {
    return this.#with({ default: content });
  }

  /** Computes the value of a row that names none, in the program. */
  defaultWith(make: () => NonNullable<T>): ColumnBuilder<T, "default"> {
    return this.#with({ makeDefault: make });
  }

  /** Computes the value at each update that names none, and at an insert that names none. */
  onUpdateWith(make: () => NonNullable<T>): ColumnBuilder<T, "default"> {
    return this.#with({
      makeOnUpdate: make,
      makeDefault: this.definition.makeDefault ?? make,
    });
  }

  /** Makes it a foreign key. */
  references(target: () => Column, options: ReferenceOptions = {}): ColumnBuilder<T, M> {
    return this.#with({ references: target, referenceOptions: options });
  }

  /** A condition that every value must meet. */
  check(condition: Sql): ColumnBuilder<T, M> {
    return this.#with({ check: condition });
  }

  /** Lets the database compute the column from others. */
  generatedAs(expression: Sql, options: { stored?: boolean } = {}): ColumnBuilder<T, "never"> {
    return this.#with({ generated: expression, stored: options.stored ?? false });
  }
}

/** A column of a table, an expression wherever one is expected. `N` is the table's name. */
export class Column<out T = unknown, out N extends string = string> extends Sql<T> {
  /** The table's name, or its alias. */
  readonly table: N;
  /** The property's name. */
  readonly key: string;
  /** The name in the database. */
  readonly name: string;
  /** What was declared. */
  readonly definition: ColumnDefinition;

  /** Makes a reference; {@linkcode table} does it for every column. */
  constructor(table: N, key: string, definition: ColumnDefinition) {
    const name = definition.name ?? key;
    super([{ type: "identifier", names: [table, name] }], definition.kind);
    this.table = table;
    this.key = key;
    this.name = name;
    this.definition = definition;
  }
}

/** A safe integer. */
export function integer(): ColumnBuilder<number | null, "optional"> {
  return new ColumnBuilder({ kind: "integer" });
}

/** A 64-bit integer, read as `bigint`. */
export function bigint(): ColumnBuilder<bigint | null, "optional"> {
  return new ColumnBuilder({ kind: "bigint" });
}

/** A double. */
export function real(): ColumnBuilder<number | null, "optional"> {
  return new ColumnBuilder({ kind: "real" });
}

/**
 * An exact decimal, read as text: with every digit that was stored, or, where precision and scale are
 * said, rounded to so many digits after the point (half away from zero) and refused with code
 * `bad_value` if it has more than `precision` in all. Comparisons, orders, groups and aggregates go by
 * the value on every database; SQLite's unique constraints, `distinct()` and set operations go by the
 * digits, and there `1.0` is not `1.00`.
 *
 * @throws {DatabaseError} With code `bad_query` unless `1 <= precision <= 1000` and
 * `0 <= scale <= precision`.
 */
export function numeric(precision?: number, scale = 0): ColumnBuilder<string | null, "optional"> {
  if (precision === undefined) return new ColumnBuilder({ kind: "numeric" });
  const fits = Number.isSafeInteger(precision) && precision >= 1 && precision <= MAX_PRECISION &&
    Number.isSafeInteger(scale) && scale >= 0 && scale <= precision;
  if (!fits) throw new DatabaseError("bad_query", "There is no such precision and scale");
  return new ColumnBuilder({ kind: "numeric", precision, scale });
}

/** PostgreSQL's limit. */
const MAX_PRECISION = 1_000;

/** Text without NUL. */
export function text(): ColumnBuilder<string | null, "optional"> {
  return new ColumnBuilder({ kind: "text" });
}

/** One of a few texts; the table gets a check. */
export function enumeration<const V extends string>(
  ...values: readonly V[]
): ColumnBuilder<V | null, "optional"> {
  return new ColumnBuilder({ kind: "text", values });
}

/** True or false. */
export function boolean(): ColumnBuilder<boolean | null, "optional"> {
  return new ColumnBuilder({ kind: "boolean" });
}

/** A moment, to the millisecond, in UTC. */
export function timestamp(): ColumnBuilder<Date | null, "optional"> {
  return new ColumnBuilder({ kind: "timestamp" });
}

/** Bytes. */
export function blob(): ColumnBuilder<Uint8Array | null, "optional"> {
  return new ColumnBuilder({ kind: "blob" });
}

/** Anything that JSON can hold, of the type that the program says. It is not checked. */
export function json<T>(): ColumnBuilder<T | null, "optional"> {
  return new ColumnBuilder({ kind: "json" });
}
