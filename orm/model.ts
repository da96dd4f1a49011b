import { DatabaseError } from "./errors.ts";
import { type InferSelect, TABLE, type TableBase } from "./table.ts";

/** A class whose objects are rows of a table. */
export interface ModelClass<T extends TableBase> {
  /** The table. */
  readonly table: T;
  /** Makes an object of a row. */
  new (row: InferSelect<T>): InferSelect<T>;
  /** Makes objects of rows. */
  of<M>(this: new (row: InferSelect<T>) => M, rows: readonly InferSelect<T>[]): M[];
}

/**
 * The class form of a table: extend it to give rows methods.
 *
 * @throws {DatabaseError} With code `bad_query`, when the class is made, if a column is called like
 * a member that every object has.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { integer, memory, model, table, text } from "@groundwork/std/orm";
 *
 * const users = table("users", { id: integer().primaryKey(), name: text().notNull() });
 *
 * class User extends model(users) {
 *   greet(): string {
 *     return `Hello, ${this.name}`;
 *   }
 * }
 *
 * await using db = memory();
 * await db.createTable(User.table);
 * await db.insert(User.table).values({ name: "Ada" }).run();
 * const [user] = User.of(await db.select().from(User.table).find());
 * assertEquals(user?.greet(), "Hello, Ada");
 * ```
 */
export function model<T extends TableBase>(table: T): ModelClass<T> {
  for (const key of table[TABLE].columns.keys()) {
    if (key in Object.prototype) {
      throw new DatabaseError("bad_query", `A column called ${key} does not fit a class`);
    }
  }
  class Row {
    static readonly table = table;

    constructor(row: InferSelect<T>) {
      Object.assign(this, row);
    }

    static of<M>(this: new (row: InferSelect<T>) => M, rows: readonly InferSelect<T>[]): M[] {
      return rows.map((row) => new this(row));
    }
  }
  return Row as unknown as ModelClass<T>;
}
