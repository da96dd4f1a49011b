import type { PostgresConnection } from "./connection.ts";
import { ConnectError, PostgresError } from "./errors.ts";
import { DatabaseError } from "../errors.ts";
import { placeOf } from "./_transport.ts";
import type { ConnectionOptions, TargetSessionAttributes } from "./options.ts";

/** The server is starting up, shutting down or recovering: another may serve (libpq does so from 14). */
const CANNOT_CONNECT_NOW = "57P03";

/** For a server that does not report these settings (before 14, or a pooler before it). */
const STATE = "SELECT pg_catalog.pg_is_in_recovery(), " +
  "pg_catalog.current_setting('transaction_read_only') = 'on'";

/** What a server lets its sessions do. */
async function stateOf(
  connection: PostgresConnection,
  connectTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<{ standby: boolean; readOnly: boolean }> {
  const standby = connection.parameters.get("in_hot_standby");
  const readOnly = connection.parameters.get("default_transaction_read_only");
  if (standby !== undefined && readOnly !== undefined) {
    return { standby: standby === "on", readOnly: standby === "on" || readOnly === "on" };
  }
  const timer = connectTimeoutMs === 0
    ? undefined
    : setTimeout(() => connection.destroy(), connectTimeoutMs);
  try {
    const { rows } = await connection.query<unknown[]>(STATE, [], {
      asArray: true,
      prepare: false,
      ...(signal && { signal }),
    });
    const [inRecovery, cannotWrite] = rows[0]!;
    return { standby: inRecovery === true, readOnly: inRecovery === true || cannotWrite === true };
  } finally {
    clearTimeout(timer);
  }
}

function fits(
  { standby, readOnly }: { standby: boolean; readOnly: boolean },
  wanted: TargetSessionAttributes,
): boolean {
  switch (wanted) {
    case "read-write":
      return !readOnly;
    case "read-only":
      return readOnly;
    case "primary":
      return !standby;
    case "standby":
      return standby;
    default:
      return true;
  }
}

/** Whether another server may be better: this one cannot be reached, or cannot serve now. */
function isWorthAnother(error: unknown): error is DatabaseError {
  if (error instanceof PostgresError) return error.sqlState === CANNOT_CONNECT_NOW;
  return error instanceof DatabaseError && error.code === "connection";
}

/** Options of one server alone. */
type OneServer = Omit<ConnectionOptions, "hosts">;

/**
 * Connects to the first server that will do, as libpq does (PostgreSQL 15, section 34.1.1.3). For
 * `prefer-standby` it goes through them a second time, and then takes any.
 */
export async function connectToFirst(
  options: ConnectionOptions,
  connect: (options: OneServer) => Promise<PostgresConnection>,
  signal: AbortSignal | undefined,
): Promise<PostgresConnection> {
  const { hosts = [], host, port, targetSessionAttributes: wanted = "any", ...rest } = options;
  const places = hosts.length > 0
    ? hosts
    : [{ ...(host !== undefined && { host }), ...(port !== undefined && { port }) }];
  const { connectTimeoutMs = 10_000 } = options;
  let errors: DatabaseError[] = [];
  const passes = wanted === "prefer-standby" ? ["standby", "any"] as const : [wanted];
  for (const pass of passes) {
    errors = [];
    for (const place of places) {
      let connection: PostgresConnection | undefined;
      try {
        const one = { ...rest, ...place };
        connection = await connect(one);
        if (pass === "any") return connection;
        if (fits(await stateOf(connection, connectTimeoutMs, signal), pass)) return connection;
        await connection.close();
        errors.push(new ConnectError(`Cannot use ${placeOf(one)}: its session is not ${pass}`));
      } catch (error) {
        connection?.destroy();
        if (!isWorthAnother(error)) throw error;
        errors.push(error);
      }
    }
  }
  if (errors.length === 1) throw errors[0]!;
  const reasons = errors.map(({ message }) => message).join("; ");
  throw new ConnectError(`Cannot connect to any of ${errors.length} servers: ${reasons}`, {
    cause: new AggregateError(errors),
  });
}
