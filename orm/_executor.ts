import type { Dialect, DriverValue } from "./dialect.ts";
import type { DriverResult } from "./driver.ts";
import type { CompiledQuery } from "./sql.ts";
import type { TableInfo } from "./table.ts";

/** What a hook is told. */
export interface HookEvent {
  /** What happens. */
  readonly operation: "select" | "insert" | "update" | "delete";
  /** The table's name. */
  readonly table: string;
  /** The rows of an insert or the values of an update, before; a hook may change them. */
  readonly values: Record<string, unknown>[];
  /** The rows that were read or returned, after. */
  readonly rows: readonly unknown[];
  /** How many rows were changed or read, after. */
  readonly changes: number;
}

/** A hook. It throws to refuse the operation. */
export type Hook = (event: HookEvent) => void | Promise<void>;

/** The moments at which hooks run. */
export type HookMoment = "before" | "after";

/** What a query needs from a session to run. */
export interface Executor {
  /** How the database spells things. */
  readonly dialect: Dialect;
  /** Runs one statement. */
  execute(query: CompiledQuery, wide: boolean): DriverResult | Promise<DriverResult>;
  /** Reads rows in batches. */
  stream(
    query: CompiledQuery,
    wide: boolean,
    options: { batchRows: number; signal?: AbortSignal },
  ): AsyncIterableIterator<DriverValue[][]>;
  /** Runs a function whose statements happen all or not at all. */
  atomic<T>(run: (executor: Executor) => Promise<T>): Promise<T>;
  /** The hooks on a table, `undefined` where there are none. */
  hooks(
    moment: HookMoment,
    operation: HookEvent["operation"],
    table: TableInfo,
  ): readonly Hook[] | undefined;
}

/** What a hook is told before anything has happened. */
export function event(operation: HookEvent["operation"], info: TableInfo): HookEvent {
  return { operation, table: info.name, values: [], rows: [], changes: 0 };
}
