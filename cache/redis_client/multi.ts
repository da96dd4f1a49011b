import type { RedisCommands } from "./commands.ts";
import type { RedisString } from "./reply.ts";

/** The names of the typed commands. */
export type RedisMethod = {
  [K in keyof RedisCommands]: RedisCommands[K] extends (...args: never[]) => Promise<unknown> ? K
    : never;
}[keyof RedisCommands];

/** What a transaction offers beside the commands. */
export interface RedisMultiExec<R extends unknown[]> {
  /** How many commands it holds. */
  readonly length: number;
  /**
   * Runs the commands, all or none, with nobody else's in between; a transaction is run once at most.
   *
   * @returns The values in order, or null when a key that was watched has changed, so that nothing ran.
   * @throws {RedisReplyError} `EXECABORT` when the server refused a command, so that nothing ran; its cause
   * is the refusal.
   * @throws {RedisTransactionError} when commands failed as they ran; the others' effects stay.
   */
  exec(): Promise<R | null>;
}

/**
 * A transaction that is being put together: every command adds itself, and its type to what
 * {@linkcode RedisMultiExec.exec} gives.
 */
export type RedisMulti<S extends RedisString = string, R extends unknown[] = []> =
  & {
    [K in RedisMethod]: (
      ...args: Parameters<RedisCommands<S>[K]>
    ) => RedisMulti<S, [...R, Awaited<ReturnType<RedisCommands<S>[K]>>]>;
  }
  & RedisMultiExec<R>;
