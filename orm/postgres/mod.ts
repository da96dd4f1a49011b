/**
 * PostgreSQL by its own wire protocol: connections, pools, transactions, cursors, COPY, LISTEN.
 *
 * @example Needs a server
 * ```ts ignore
 * import { PostgresPool } from "@groundwork/std/orm/postgres";
 *
 * await using pool = new PostgresPool("postgres://ada:secret@127.0.0.1/app?sslmode=verify-full");
 * const { rows } = await pool.query<{ id: number }>("SELECT id FROM users WHERE age > $1", [30]);
 * ```
 *
 * @module
 */

export { DatabaseError, type DatabaseErrorCode, type DatabaseErrorDetails } from "../errors.ts";
export * from "./connection.ts";
export * from "./errors.ts";
export * from "./listener.ts";
export * from "./options.ts";
export {
  PoolLease,
  type PoolOptions,
  type PoolStatistics,
  PostgresPool,
  PostgresTransaction,
  type Queryable,
  type TransactionOptions,
} from "./pool.ts";
export * from "./types.ts";
export * from "./values.ts";
