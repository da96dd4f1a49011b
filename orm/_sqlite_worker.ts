/**
 * The other side of {@linkcode SqliteWorkerDriver}: a SQLite database in a thread of its own.
 *
 * Requests come as `{ id, op, … }` and are answered, in their order, by `{ id, result }` or
 * `{ id, error }`.
 */
import type { DriverValue } from "./dialect.ts";
import type { DriverConnection, DriverResult } from "./driver.ts";
import { DatabaseError, type DatabaseErrorCode, type DatabaseErrorDetails } from "./errors.ts";
import { SqliteDriver, type SqliteOptions } from "./sqlite_driver.ts";

/** What the worker is asked. */
export type WorkerRequest =
  | { op: "open"; path: string; options: SqliteOptions }
  | { op: "execute"; text: string; parameters: readonly DriverValue[]; wide: boolean }
  | { op: "script"; text: string }
  | {
    op: "stream";
    text: string;
    parameters: readonly DriverValue[];
    wide: boolean;
    batchRows: number;
  }
  | { op: "next"; stream: number }
  | { op: "return"; stream: number }
  | { op: "close" };

/** What the worker answers. */
export interface WorkerAnswer {
  /** Which request it answers. */
  readonly id: number;
  /** What came of it. */
  readonly result?: DriverResult | DriverValue[][] | number | null;
  /** Why it failed. */
  readonly error?: {
    readonly code: DatabaseErrorCode;
    readonly message: string;
    readonly details: DatabaseErrorDetails;
  };
}

interface Scope {
  onmessage: ((event: MessageEvent<{ id: number } & WorkerRequest>) => void) | null;
  postMessage(answer: WorkerAnswer): void;
}

let connection: DriverConnection | undefined;
let driver: SqliteDriver | undefined;
const streams = new Map<number, AsyncIterableIterator<DriverValue[][]>>();

async function answer(id: number, request: WorkerRequest): Promise<WorkerAnswer> {
  switch (request.op) {
    case "open":
      driver = new SqliteDriver(request.path, request.options);
      connection = await driver.acquire();
      return { id, result: null };
    case "execute":
      return { id, result: await connection!.execute(request, request) };
    case "script":
      await connection!.script(request.text);
      return { id, result: null };
    case "stream":
      streams.set(id, connection!.stream(request, request));
      return { id, result: id };
    case "next": {
      const next = await streams.get(request.stream)?.next();
      if (next !== undefined && !next.done) return { id, result: next.value };
      streams.delete(request.stream);
      return { id, result: null };
    }
    case "return":
      await streams.get(request.stream)?.return?.();
      streams.delete(request.stream);
      return { id, result: null };
    case "close":
      connection?.release();
      await driver?.close();
      return { id, result: null };
  }
}

function failure(id: number, error: unknown): WorkerAnswer {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof DatabaseError ? error.code : "other";
  const { table, column, constraint, sqlState, query } = error instanceof DatabaseError
    ? error
    : {} as Partial<DatabaseError>;
  return { id, error: { code, message, details: { table, column, constraint, sqlState, query } } };
}

// Imported by the driver's module for its types only: it works in a worker alone.
const scope = globalThis as unknown as Scope;
let last: Promise<void> = Promise.resolve();
scope.onmessage = ({ data }) => {
  const { id, ...request } = data;
  last = last.then(async () => {
    try {
      scope.postMessage(await answer(id, request as WorkerRequest));
    } catch (error) {
      scope.postMessage(failure(id, error));
    }
  });
};
