import { setCatalog, TypeCatalog } from "./_types.ts";

/** How a program reads and writes the values of one type, in their text form. */
export interface TypeCodec<T = unknown> {
  /** Reads a value. */
  parse(text: string): T;
  /** Writes a value; by default as for any type. Not called for `null`. */
  serialize?(value: unknown): string;
}

/** What is known about a type. */
export interface TypeInfo {
  /** Its object identifier. */
  readonly oid: number;
  /** Its name, without the schema. */
  readonly name: string;
  /** What kind of type it is. */
  readonly kind: "base" | "array" | "enum" | "composite" | "domain" | "range" | "multirange";
  /** The type of an array's elements, a range's bounds, or beneath a domain; else 0. */
  readonly element: number;
  /** What is between an array's elements. */
  readonly delimiter: string;
  /** A composite's fields. */
  readonly fields: readonly { readonly name: string; readonly oid: number }[];
}

/** Options of a {@linkcode TypeRegistry}. */
export interface TypeRegistryOptions {
  /**
   * Whether only integers, floats, booleans and bytea are read as such, and everything else is left
   * as the server's text; `false` by default.
   */
  plain?: boolean;
}

/**
 * What is known about types, and how their values are read and written. One is shared by the
 * connections of a pool: object identifiers beyond the built-in ones belong to one database.
 *
 * @example
 * ```ts
 * import { TypeRegistry } from "@groundwork/std/orm/postgres";
 * import { assertEquals } from "@std/assert";
 *
 * const types = new TypeRegistry();
 * const date = 1082;
 * types.register(date, { parse: (text) => new Date(`${text}T00:00:00Z`) });
 * assertEquals(types.info(date)?.name, "date");
 * ```
 */
export class TypeRegistry {
  readonly #catalog: TypeCatalog;

  /** Makes a registry that knows the built-in types. */
  constructor(options: TypeRegistryOptions = {}) {
    this.#catalog = new TypeCatalog(options);
    setCatalog(this, this.#catalog);
  }

  /** Sets how a type's values are read and written, in arrays, ranges and records too. */
  register(oid: number, codec: TypeCodec): void {
    this.#catalog.register(oid, codec);
  }

  /** What is known about a type; those that are not built in are looked up when they are met. */
  info(oid: number): TypeInfo | undefined {
    return this.#catalog.info(oid);
  }
}
