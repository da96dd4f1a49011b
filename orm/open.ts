import { DatabaseError } from "./errors.ts";
import { postgresDialect } from "./postgres_dialect.ts";
import { PostgresDriver } from "./postgres/driver.ts";
import { Database, sqlite, type SqliteDatabaseOptions } from "./session.ts";

/** Options of {@linkcode open}; those of SQLite count for SQLite only. */
export interface OpenOptions extends SqliteDatabaseOptions {
  /** The most connections to a server at a time; 10 by default. For SQLite see `workers`. */
  connections?: number;
}

/**
 * Opens the database that a URL names: `sqlite:PATH`, `sqlite::memory:`, or
 * `postgres://USER:PASSWORD@HOST:PORT/DATABASE` with the parameters of
 * {@linkcode PostgresDriver}'s URLs, which needs `--allow-net` for the server.
 * A server is reached when it is first needed.
 *
 * @throws {DatabaseError} With code `bad_query` for another URL, `connection` if a file cannot be
 * opened.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { open, sql } from "@groundwork/std/orm";
 *
 * await using db = open("sqlite::memory:");
 * assertEquals(await db.query(sql`SELECT 1 AS one`), [{ one: 1 }]);
 * ```
 */
export function open(url: string, options: OpenOptions = {}): Database {
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path !== undefined) return sqlite(path, options);
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    const { connections: max } = options;
    const pool = max === undefined ? {} : { max };
    return new Database(new PostgresDriver(url, postgresDialect, pool), options);
  }
  throw new DatabaseError("bad_query", "Give the database as sqlite:PATH or postgres://…");
}
