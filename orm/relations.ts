import type { Executor } from "./_executor.ts";
import { fieldsOf } from "./_mapper.ts";
import type { Column } from "./column.ts";
import { DatabaseError } from "./errors.ts";
import { and, asc, eq, gt, inArray, lte, type Order, over, rowNumber } from "./expressions.ts";
import { Select } from "./query.ts";
import type { Sql } from "./sql.ts";
import { type InferSelect, TABLE, type TableBase, type TableInfo } from "./table.ts";

/** How deep relations may nest in one call. */
const MAX_DEPTH = 16;
/** The most parents' keys in one statement. */
const MAX_KEYS = 5_000;
/** Names of helper columns: no property of a table is called so. */
const PARENT_KEY = "\u0001parent";
const ROW_NUMBER = "\u0001row";

/** Tables by the names under which a program knows them. */
export type TableMap = { readonly [name: string]: TableBase };

/** A relation from one table to another. */
export interface Relation<
  To extends string = string,
  Kind extends "one" | "many" = "one" | "many",
> {
  /** The other table's name in the {@linkcode Schema}. */
  readonly to: To;
  /** Whether there is at most one row, or a list. */
  readonly kind: Kind;
  /** The property here. */
  readonly from: string;
  /** The property there that equals it. */
  readonly target: string;
  /** The table between the two, of a many-to-many relation. */
  readonly through?: {
    /** Its name in the schema. */
    readonly table: string;
    /** The property that equals `from`. */
    readonly from: string;
    /** The property that equals `target`. */
    readonly to: string;
  };
}

/** The relations of each table. */
export type RelationMap<T extends TableMap> = {
  readonly [K in keyof T]?: { readonly [name: string]: Relation<keyof T & string> };
};

/** A relation to at most one row: `from` is the property here, `to` the one there. */
export function one<const To extends string>(
  to: To,
  keys: { from: string; to: string },
): Relation<To, "one"> {
  return { to, kind: "one", from: keys.from, target: keys.to };
}

/** A relation to many rows. */
export function many<const To extends string>(
  to: To,
  keys: { from: string; to: string },
): Relation<To, "many"> {
  return { to, kind: "many", from: keys.from, target: keys.to };
}

/** A relation to many rows by way of a table between the two. */
export function manyThrough<const To extends string>(
  to: To,
  keys: { from: string; through: string; throughFrom: string; throughTo: string; to: string },
): Relation<To, "many"> {
  const through = { table: keys.through, from: keys.throughFrom, to: keys.throughTo };
  return { to, kind: "many", from: keys.from, target: keys.to, through };
}

/**
 * The relations of one table. A lookup of one name, since `K extends keyof R` would write out the
 * names of all tables at every use; the index gives tables that have none `unknown`.
 */
export type RelationsOf<R, K> = NonNullable<(R & { readonly [name: string]: unknown })[K & string]>;

/** The names of a table's relations. */
export type RelationNames<R, K> = K extends string ? keyof RelationsOf<R, K> & string : never;

/** One relation of a table. */
export type RelationOf<R, K, P> = K extends string
  ? P extends keyof RelationsOf<R, K> ? RelationsOf<R, K>[P] : never
  : never;

/** One relation of a table; `unknown` where it has none of the name. */
export type RelationAt<R, K, P> =
  (RelationsOf<R, K> & { readonly [name: string]: unknown })[P & string];

/** The table that a relation leads to. */
export type TargetOf<R, K, P> = RelationAt<R, K, P> extends Relation<infer To> ? To : never;

/** Which rows to read, and what with them. In a relation, limit and offset count per parent. */
export interface FindOptions<T extends TableMap, R, K> {
  /** The condition. */
  where?: Sql;
  /** The order. */
  orderBy?: readonly (Sql | Order)[];
  /** The most rows. */
  limit?: number;
  /** How many rows to leave out first. */
  offset?: number;
  /** The relations to read. */
  with?: Include<T, R, K>;
}

/** The relations to read: `true`, or more closely. */
export type Include<T extends TableMap, R, K> = {
  readonly [P in RelationNames<R, K>]?: true | FindOptions<T, R, TargetOf<R, K, P>>;
};

/** A row with the relations that were asked for. */
export type Loaded<T extends TableMap, R, K, O> = K extends string
  ? O extends { with: infer W } ? InferSelect<T[K]> & LoadedRelations<T, R, K, W>
  : InferSelect<T[K]>
  : never;

/** The relations that were asked for: a row or null, or a list. */
export type LoadedRelations<T extends TableMap, R, K, W> = {
  [P in keyof W]: RelationAt<R, K, P> extends Relation<infer To, infer Kind>
    ? Kind extends "many" ? Loaded<T, R, To, W[P]>[] : Loaded<T, R, To, W[P]> | null
    : never;
};

type AnyRow = Record<string, unknown>;
type AnyOptions = {
  where?: Sql;
  orderBy?: readonly (Sql | Order)[];
  limit?: number;
  offset?: number;
  with?: Readonly<Record<string, unknown>>;
};

/** Rows whose relation is read together. */
interface Batch {
  readonly name: string;
  readonly relation: string;
  readonly options: unknown;
  readonly parents: AnyRow[];
  done: Promise<void>;
}

/**
 * Tables with the relations between them.
 *
 * Relations are read in batches: one statement for each relation at each level, whatever the number
 * of rows (one for every 5,000 parents), so rows are never multiplied by each other.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { desc, integer, many, memory, one, Schema, table, text } from "@groundwork/std/orm";
 *
 * const users = table("users", { id: integer().primaryKey(), name: text().notNull() });
 * const posts = table("posts", {
 *   id: integer().primaryKey(),
 *   authorId: integer().notNull().references(() => users.id),
 * });
 * const schema = new Schema({ users, posts }, {
 *   users: { posts: many("posts", { from: "id", to: "authorId" }) },
 *   posts: { author: one("users", { from: "authorId", to: "id" }) },
 * });
 *
 * await using db = memory();
 * await db.createTable(users);
 * await db.createTable(posts);
 * await db.insert(users).values([{ name: "Ada" }, { name: "Bob" }]).run();
 * await db.insert(posts).values([{ authorId: 1 }, { authorId: 1 }]).run();
 * const found = await schema.find(db, "users", {
 *   with: { posts: { orderBy: [desc(posts.id)], limit: 1 } },
 * });
 * assertEquals(found, [
 *   { id: 1, name: "Ada", posts: [{ id: 2, authorId: 1 }] },
 *   { id: 2, name: "Bob", posts: [] },
 * ]);
 * ```
 */
export class Schema<T extends TableMap, const R extends RelationMap<T>> {
  readonly #tables: ReadonlyMap<string, TableBase>;
  readonly #relations: ReadonlyMap<string, ReadonlyMap<string, Relation>>;
  /** What {@linkcode related} has been asked for and has not begun to read. */
  readonly #waiting = new WeakMap<Executor, Batch[]>();

  /**
   * Checks and keeps the relations.
   *
   * @throws {DatabaseError} With code `bad_query` if a relation names a table or a property that
   * does not exist, or is called like a column.
   */
  constructor(tables: T, relations: R) {
    this.#tables = new Map(Object.entries(tables));
    const all = new Map<string, ReadonlyMap<string, Relation>>();
    for (const [name, own] of Object.entries(relations)) {
      const map = new Map(Object.entries((own ?? {}) as Record<string, Relation>));
      for (const [key, relation] of map) {
        if (this.#info(name).columns.has(key)) {
          throw new DatabaseError("bad_query", `Relation ${name}.${key} is called like a column`);
        }
        this.#column(name, relation.from);
        this.#column(relation.to, relation.target);
        if (relation.through) {
          this.#column(relation.through.table, relation.through.from);
          this.#column(relation.through.table, relation.through.to);
        }
      }
      all.set(name, map);
    }
    this.#relations = all;
  }

  /** Reads rows of a table with its relations. */
  async find<K extends keyof T & string, const O extends FindOptions<T, R, K>>(
    session: Executor,
    name: K,
    options: O = {} as O,
  ): Promise<Loaded<T, R, K, O>[]> {
    const wanted = options as AnyOptions;
    let query = new Select(session).from(this.#table(name)).where(wanted.where);
    if (wanted.orderBy) query = query.orderBy(...wanted.orderBy);
    if (wanted.limit !== undefined) query = query.limit(wanted.limit);
    if (wanted.offset !== undefined) query = query.offset(wanted.offset);
    const rows = await query.find() as AnyRow[];
    await this.#include(session, name, rows, wanted.with, 1);
    return rows as Loaded<T, R, K, O>[];
  }

  /** Reads the first row with its relations; `undefined` where there is none. */
  async first<K extends keyof T & string, const O extends FindOptions<T, R, K>>(
    session: Executor,
    name: K,
    options: O = {} as O,
  ): Promise<Loaded<T, R, K, O> | undefined> {
    return (await this.find(session, name, { ...options, limit: 1 } as O))[0];
  }

  /** Reads the relations of rows that a program has already, and puts them into the rows. */
  async load<K extends keyof T & string, const W extends Include<T, R, K>>(
    session: Executor,
    name: K,
    rows: readonly InferSelect<T[K]>[],
    include: W,
  ): Promise<Loaded<T, R, K, { with: W }>[]> {
    const list = rows as unknown as AnyRow[];
    await this.#include(session, name, list, include as Record<string, unknown>, 1);
    return list as unknown as Loaded<T, R, K, { with: W }>[];
  }

  /**
   * Reads one relation of one row, lazily: calls for the same relation that are made before the
   * caller next waits are read together, by one statement. The row stays as it is.
   */
  async related<
    K extends keyof T & string,
    P extends RelationNames<R, K>,
    const O extends true | FindOptions<T, R, TargetOf<R, K, P>> = true,
  >(
    session: Executor,
    name: K,
    row: InferSelect<T[K]>,
    relation: P,
    options: O = true as O,
  ): Promise<LoadedRelations<T, R, K, { readonly [Q in P]: O }>[P]> {
    const from = this.#relations.get(name)?.get(relation)?.from;
    if (from === undefined) {
      throw new DatabaseError("bad_query", `Table ${name} has no relation ${relation}`);
    }
    // Only what the relation needs: the caller's row must not get a property more.
    const parent: AnyRow = { [from]: (row as AnyRow)[from] };
    await this.#join(session, name, relation, parent, options);
    return parent[relation] as LoadedRelations<T, R, K, { readonly [Q in P]: O }>[P];
  }

  /** Puts a row into the batch that is read next. */
  #join(
    session: Executor,
    name: string,
    relation: string,
    parent: AnyRow,
    options: unknown,
  ): Promise<void> {
    const waiting = this.#waiting.get(session) ?? [];
    this.#waiting.set(session, waiting);
    const open = waiting.find((batch) =>
      batch.name === name && batch.relation === relation && batch.options === options
    );
    if (open !== undefined) {
      open.parents.push(parent);
      return open.done;
    }
    const parents = [parent];
    const run = async () => {
      await Promise.resolve();
      waiting.splice(waiting.indexOf(batch), 1);
      await this.#include(session, name, parents, { [relation]: options }, 1);
    };
    const batch: Batch = { name, relation, options, parents, done: Promise.resolve() };
    waiting.push(batch);
    return batch.done = run();
  }

  #table(name: string): TableBase {
    const table = this.#tables.get(name);
    if (table === undefined) throw new DatabaseError("bad_query", `There is no table ${name}`);
    return table;
  }

  #info(name: string): TableInfo {
    return this.#table(name)[TABLE];
  }

  #column(name: string, key: string): Column {
    const column = this.#info(name).columns.get(key);
    if (column === undefined) {
      throw new DatabaseError("bad_query", `Table ${name} has no property ${key}`);
    }
    return column;
  }

  async #include(
    session: Executor,
    name: string,
    parents: readonly AnyRow[],
    include: Readonly<Record<string, unknown>> | undefined,
    depth: number,
  ): Promise<void> {
    if (include === undefined) return;
    if (depth > MAX_DEPTH) {
      throw new DatabaseError("bad_query", `Relations may nest ${MAX_DEPTH} levels`);
    }
    for (const [key, wanted] of Object.entries(include)) {
      const relation = this.#relations.get(name)?.get(key);
      if (relation === undefined) {
        throw new DatabaseError("bad_query", `Table ${name} has no relation ${key}`);
      }
      if (wanted === undefined) continue;
      const options = wanted === true ? {} : wanted as AnyOptions;
      const groups = new Map<unknown, AnyRow[]>();
      const children = await this.#children(session, relation, parents, options, groups);
      await this.#include(session, relation.to, children, options.with, depth + 1);
      for (const parent of parents) {
        const own = groups.get(identity(parent[relation.from])) ?? [];
        parent[key] = relation.kind === "many" ? own : own[0] ?? null;
      }
    }
  }

  /** Reads the children of all parents and sorts them into groups by the parents' keys. */
  async #children(
    session: Executor,
    relation: Relation,
    parents: readonly AnyRow[],
    options: AnyOptions,
    groups: Map<unknown, AnyRow[]>,
  ): Promise<AnyRow[]> {
    const keys = new Map<unknown, unknown>();
    for (const parent of parents) {
      const key = parent[relation.from];
      if (key === undefined) {
        throw new DatabaseError(
          "bad_query",
          `A row lacks ${relation.from}, which a relation needs`,
        );
      }
      if (key !== null) keys.set(identity(key), key);
    }
    const children: AnyRow[] = [];
    const list = [...keys.values()];
    for (let at = 0; at < list.length; at += MAX_KEYS) {
      const query = this.#batch(session, relation, list.slice(at, at + MAX_KEYS), options);
      for (const row of await query.find() as AnyRow[]) {
        const key = identity(row[PARENT_KEY]);
        delete row[PARENT_KEY];
        children.push(row);
        const group = groups.get(key);
        if (group) group.push(row);
        else groups.set(key, [row]);
      }
    }
    return children;
  }

  #batch(
    session: Executor,
    relation: Relation,
    keys: readonly unknown[],
    options: AnyOptions,
  ): { find(): Promise<unknown[]> } {
    const { to, target, through, kind } = relation;
    const parentKey = through
      ? this.#column(through.table, through.from)
      : this.#column(to, target);
    const fields: Record<string, Sql> = { ...fieldsOf(this.#info(to)), [PARENT_KEY]: parentKey };
    const condition = and(inArray(parentKey, keys as never), options.where);
    const orderBy = options.orderBy ?? [];
    const read = (selected: Record<string, Sql>) => {
      const query = new Select<Record<string, Sql>, Record<string, unknown>, boolean>(session, {
        fields: selected,
      }).from(this.#table(to));
      if (!through) return query.where(condition);
      const on = eq(this.#column(through.table, through.to), this.#column(to, target));
      return query.innerJoin(this.#table(through.table), on).where(condition);
    };
    const limit = options.limit ?? (kind === "one" ? 1 : undefined);
    const { offset = 0 } = options;
    if (kind === "one" || (limit === undefined && offset === 0)) {
      return read(fields).orderBy(...orderBy);
    }
    const position = over(rowNumber(), { partitionBy: [parentKey], orderBy });
    const ranked = read({ ...fields, [ROW_NUMBER]: position }).as("ranked");
    const columns = ranked as unknown as Record<string, Sql<number>>;
    const place = columns[ROW_NUMBER]!;
    const outer = Object.fromEntries(Object.keys(fields).map((key) => [key, columns[key]!]));
    return new Select(session, { fields: outer }).from(ranked as unknown as TableBase)
      .where(and(gt(place, offset), limit === undefined ? undefined : lte(place, offset + limit)))
      .orderBy(asc(place));
  }
}

/** A value that is equal for equal keys. */
function identity(key: unknown): unknown {
  if (key instanceof Date) return key.valueOf();
  if (key instanceof Uint8Array) return key.toHex();
  // A key may be an integer here and a bigint there.
  return typeof key === "bigint" && Number.isSafeInteger(Number(key)) ? Number(key) : key;
}
