import type { Dialect, DriverValue, ValueKind } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";

/** A value that is sent beside the statement, never inside its text. */
export interface Parameter {
  /** What part it is. */
  readonly type: "parameter";
  /** The value. */
  readonly value: unknown;
  /** How it is stored. */
  readonly kind: ValueKind | undefined;
}

/** A value that is given when a prepared query runs. */
export interface NamedPlaceholder {
  /** What part it is. */
  readonly type: "placeholder";
  /** Its name. */
  readonly name: string;
  /** How its value is stored. */
  readonly kind: ValueKind | undefined;
}

/** Many values that are sent as one. */
export interface ParameterList {
  /** What part it is. */
  readonly type: "list";
  /** The values. */
  readonly values: readonly unknown[];
  /** How they are stored. */
  readonly kind: ValueKind | undefined;
  /** Whether they are to be left out. */
  readonly negated: boolean;
}

/** One or more names, joined by dots. */
export interface Identifier {
  /** What part it is. */
  readonly type: "identifier";
  /** The names, unquoted. */
  readonly names: readonly string[];
}

/** Text that depends on the dialect. */
export interface DialectText {
  /** What part it is. */
  readonly type: "dialect";
  /** Gives the text. */
  readonly render: (dialect: Dialect) => string;
}

/** A part of a statement. */
export type SqlChunk =
  | string
  | Parameter
  | ParameterList
  | NamedPlaceholder
  | Identifier
  | DialectText;

/**
 * Something that can stand in a statement as a whole: a query in parentheses. A class, since data
 * with a method of that name must stay data.
 */
export abstract class SqlSource {
  /** The piece. */
  abstract toSql(): Sql;
}

/** A statement as a driver gets it. */
export interface CompiledQuery {
  /** The text, with the dialect's placeholders. */
  readonly text: string;
  /** One value a placeholder. */
  readonly parameters: readonly DriverValue[];
}

/** A statement whose named placeholders are still open. */
export interface CompiledTemplate {
  /** The text, with the dialect's placeholders. */
  readonly text: string;
  /** Fills in the placeholders. */
  bind(values: Readonly<Record<string, unknown>>): CompiledQuery;
}

/**
 * A piece of SQL: text, names and values, kept apart until it is compiled for a dialect. Immutable.
 * `T` is the type of its value where it is an expression.
 */
export class Sql<T = unknown> {
  /** Never set: it carries the type only. */
  declare readonly valueType: T;
  /** The parts. */
  readonly chunks: readonly SqlChunk[];
  /** How the value is read from a row; as the driver gives it where it is not set. */
  readonly kind: ValueKind | undefined;

  /** Makes a piece of SQL; programs write {@linkcode sql} instead. */
  constructor(chunks: readonly SqlChunk[], kind?: ValueKind) {
    this.chunks = chunks;
    this.kind = kind;
  }

  /**
   * Compiles the piece.
   *
   * @throws {DatabaseError} With code `bad_value` or `bad_query` if a value does not fit or a named
   * placeholder is open.
   */
  compile(dialect: Dialect): CompiledQuery {
    return this.prepare(dialect).bind({});
  }

  /** Compiles everything but the values of named placeholders. */
  prepare(dialect: Dialect): CompiledTemplate {
    let text = "";
    const parameters: (Parameter | ParameterList | NamedPlaceholder)[] = [];
    for (const chunk of this.chunks) {
      if (typeof chunk === "string") {
        text += chunk;
        continue;
      }
      switch (chunk.type) {
        case "dialect":
          text += chunk.render(dialect);
          break;
        case "identifier":
          for (let at = 0; at < chunk.names.length; at++) {
            text += at === 0
              ? dialect.identifier(chunk.names[at]!)
              : `.${dialect.identifier(chunk.names[at]!)}`;
          }
          break;
        case "list": {
          const number = parameters.push(chunk);
          const kind = chunk.kind ?? inferKind(chunk.values[0]);
          text += dialect.membership(
            kind,
            chunk.negated,
            dialect.placeholder(number, undefined, 0),
          );
          break;
        }
        default: {
          const number = parameters.push(chunk);
          const loose = chunk.kind === undefined && chunk.type === "parameter" &&
              chunk.value !== null && chunk.value !== undefined
            ? inferKind(chunk.value)
            : undefined;
          text += dialect.placeholder(
            number,
            loose,
            chunk.type === "parameter" ? chunk.value : undefined,
          );
        }
      }
    }
    if (parameters.length > dialect.maxParameters) {
      throw new DatabaseError(
        "bad_query",
        `A statement may have ${dialect.maxParameters} parameters: this one has ${parameters.length}`,
      );
    }
    const bind = (values: Readonly<Record<string, unknown>>): CompiledQuery => {
      const bound = new Array<DriverValue>(parameters.length);
      for (let at = 0; at < bound.length; at++) {
        const parameter = parameters[at]!;
        if (parameter.type === "parameter") {
          bound[at] = encode(dialect, parameter.value, parameter.kind);
        } else if (parameter.type === "list") {
          const kind = parameter.kind ?? inferKind(parameter.values[0]);
          bound[at] = dialect.encodeList(kind, parameter.values);
        } else {
          if (!Object.hasOwn(values, parameter.name)) {
            throw new DatabaseError(
              "bad_query",
              `No value for the placeholder ${parameter.name}`,
            );
          }
          bound[at] = encode(dialect, values[parameter.name], parameter.kind);
        }
      }
      return { text, parameters: bound };
    };
    return { text, bind };
  }

  /** The same with every name of a column shorn of its table, as constraints need it. */
  unqualified(): Sql<T> {
    const chunks = this.chunks.map((chunk) =>
      typeof chunk === "object" && chunk.type === "identifier"
        ? { ...chunk, names: chunk.names.slice(-1) }
        : chunk
    );
    return new Sql<T>(chunks, this.kind);
  }

  /** Says how the value is read, and with it its type: `sql<number>\`…\`.reads("integer")`. */
  reads<U = T>(kind: ValueKind): Sql<U> {
    return new Sql<U>(this.chunks, kind);
  }
}

/** Stands for a value that is given when a prepared query runs. */
export function placeholder<T = unknown>(name: string, kind?: ValueKind): Sql<T> {
  return new Sql([{ type: "placeholder", name, kind }], kind);
}

/** A name in the statement's text, quoted for the dialect: a table or a column that is not a model's. */
export function identifier(...names: string[]): Sql {
  if (names.length === 0 || names.some((name) => name === "" || name.includes("\0"))) {
    throw new DatabaseError("bad_query", "A name must not be empty or hold NUL");
  }
  return new Sql([{ type: "identifier", names }]);
}

/** A value as a parameter. A piece of SQL is itself. */
export function value<T>(content: T | Sql<T> | SqlSource, kind?: ValueKind): Sql<T> {
  if (content instanceof SqlSource) {
    return new Sql<T>(["(", ...content.toSql().chunks, ")"], kind);
  }
  if (content instanceof Sql) {
    const open = content.chunks.length === 1 ? content.chunks[0] : undefined;
    if (
      kind !== undefined && typeof open === "object" && open.type === "placeholder" &&
      open.kind === undefined
    ) {
      return new Sql([{ ...open, kind }], kind);
    }
    return content;
  }
  return new Sql([{ type: "parameter", value: content, kind }], kind);
}

/** Text that is pasted into the statement as it is. Never give it what a user wrote. */
export function raw(text: string): Sql {
  return new Sql([text]);
}

/** Text that depends on the dialect. */
export function dialectText(render: (dialect: Dialect) => string): Sql {
  return new Sql([{ type: "dialect", render }]);
}

/** Joins pieces with a separator between them. */
export function join(pieces: Iterable<Sql>, separator = ", "): Sql {
  const chunks: SqlChunk[] = [];
  let first = true;
  for (const piece of pieces) {
    if (!first) chunks.push(separator);
    first = false;
    chunks.push(...piece.chunks);
  }
  return new Sql(chunks);
}

/**
 * SQL as a template: every value becomes a parameter, pieces of SQL nest, and placeholders are
 * numbered when the whole is compiled.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { sql, sqliteDialect } from "@groundwork/std/orm";
 *
 * const name = "Robert'); DROP TABLE students;--";
 * const condition = sql`name = ${name}`;
 * const { text, parameters } = sql`SELECT 1 WHERE ${condition} AND age > ${30}`
 *   .compile(sqliteDialect);
 * assertEquals(text, "SELECT 1 WHERE name = ? AND age > ?");
 * assertEquals(parameters, [name, 30n]);
 * ```
 */
export function sql<T = unknown>(
  strings: TemplateStringsArray,
  ...values: readonly unknown[]
): Sql<T> {
  const chunks: SqlChunk[] = [];
  for (const [index, text] of strings.entries()) {
    if (text !== "") chunks.push(text);
    if (index < values.length) chunks.push(...value(values[index]).chunks);
  }
  return new Sql<T>(chunks);
}

/**
 * Brings a value into the form that a driver takes.
 *
 * @throws {DatabaseError} With code `bad_value` if it is not of the kind.
 */
export function encode(
  dialect: Dialect,
  content: unknown,
  kind: ValueKind | undefined,
): DriverValue {
  if (content === undefined) {
    throw new DatabaseError("bad_value", "undefined is no value: use null, or leave it out");
  }
  if (content === null) return null;
  return dialect.encode(kind ?? inferKind(content), content);
}

function inferKind(content: unknown): ValueKind {
  switch (typeof content) {
    case "string":
      return "text";
    case "boolean":
      return "boolean";
    case "bigint":
      return "bigint";
    case "number":
      return Number.isSafeInteger(content) ? "integer" : "real";
  }
  if (content instanceof Date) return "timestamp";
  if (content instanceof Uint8Array) return "blob";
  throw new DatabaseError(
    "bad_value",
    `Cannot use a value of type ${
      describe(content)
    } as a parameter: state its kind, or turn it into text`,
  );
}

/** Names a value's type for a message, without the value itself. */
export function describe(content: unknown): string {
  if (content === null) return "null";
  if (typeof content !== "object") return typeof content;
  return Array.isArray(content) ? "array" : content.constructor?.name ?? "object";
}
