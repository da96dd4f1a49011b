/** What went wrong with a connection; see {@linkcode RedisConnectionError}. */
export type RedisConnectionErrorCode =
  | "ERR_REDIS_CONNECT"
  | "ERR_REDIS_IN_FLIGHT"
  | "ERR_REDIS_CLOSED"
  | "ERR_REDIS_QUEUE_FULL";

/** What all errors of the client are. */
export abstract class RedisError extends Error {
  /** A stable code: `ERR_REDIS_…`, or the first word of the server's reply. */
  abstract readonly code: string;
}

/** The server answered with an error. */
export class RedisReplyError extends RedisError {
  /** Always `"RedisReplyError"`. */
  override readonly name = "RedisReplyError";
  /** The first word of the reply: `WRONGTYPE`, `MOVED`, `NOAUTH`, `ERR` … */
  readonly code: string;
  /** The name of the command that was answered, where it is known. */
  command: string | undefined;

  /**
   * Makes an error.
   *
   * @param reply The whole line as the server sent it.
   * @param command The command that was answered.
   */
  constructor(reply: string, command?: string) {
    super(reply);
    const space = reply.indexOf(" ");
    this.code = space < 0 ? reply : reply.slice(0, space);
    this.command = command;
  }
}

/**
 * There is no connection to give the command to, or it ended before the reply.
 *
 * - `ERR_REDIS_CONNECT`: the server could not be reached. The command was not sent.
 * - `ERR_REDIS_IN_FLIGHT`: the connection ended after the command was written and before it was
 *   answered. It may or may not have run; the client repeats only commands that read.
 * - `ERR_REDIS_CLOSED`: the client was closed. `sent` tells whether the command may have run.
 * - `ERR_REDIS_QUEUE_FULL`: too many commands wait. The command was not sent.
 */
export class RedisConnectionError extends RedisError {
  /** Always `"RedisConnectionError"`. */
  override readonly name = "RedisConnectionError";
  /** What went wrong. */
  readonly code: RedisConnectionErrorCode;
  /** Whether the command was written, so that it may have run. */
  readonly sent: boolean;

  /**
   * Makes an error.
   *
   * @param code What went wrong.
   * @param message The same for people.
   * @param options The cause, and whether the command was written.
   */
  constructor(
    code: RedisConnectionErrorCode,
    message: string,
    options: ErrorOptions & { sent?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.sent = options.sent ?? false;
  }
}

/** Something took longer than allowed: a connection (`sent` is false), or a command. */
export class RedisTimeoutError extends RedisError {
  /** Always `"RedisTimeoutError"`. */
  override readonly name = "RedisTimeoutError";
  /** Always `"ERR_REDIS_TIMEOUT"`. */
  readonly code = "ERR_REDIS_TIMEOUT";
  /** The time that was allowed, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the command was written, so that it may have run. */
  readonly sent: boolean;

  /**
   * Makes an error.
   *
   * @param message What took too long.
   * @param timeoutMs The time that was allowed.
   * @param sent Whether the command was written.
   */
  constructor(message: string, timeoutMs: number, sent = false) {
    super(message);
    this.timeoutMs = timeoutMs;
    this.sent = sent;
  }
}

/** The server sent bytes that are no reply, a reply over a limit, or one that nobody asked for. */
export class RedisProtocolError extends RedisError {
  /** Always `"RedisProtocolError"`. */
  override readonly name = "RedisProtocolError";
  /** Always `"ERR_REDIS_PROTOCOL"`. */
  readonly code = "ERR_REDIS_PROTOCOL";
}

/** The client was asked for what it cannot do: a malformed URL, a command that would break a shared connection. */
export class RedisUsageError extends RedisError {
  /** Always `"RedisUsageError"`. */
  override readonly name = "RedisUsageError";
  /** Always `"ERR_REDIS_USAGE"`. */
  readonly code = "ERR_REDIS_USAGE";
}

/** Commands of a transaction failed as it ran, and Redis does not undo the others; or it never got to run. */
export class RedisTransactionError extends RedisError {
  /** Always `"RedisTransactionError"`. */
  override readonly name = "RedisTransactionError";
  /** `ERR_REDIS_TRANSACTION`, or `ERR_REDIS_CONFLICT` when every attempt met a change by others. */
  readonly code: "ERR_REDIS_TRANSACTION" | "ERR_REDIS_CONFLICT";
  /**
   * One entry a command, in order: its value, or the {@linkcode RedisReplyError} it ended with. Empty when
   * nothing ran.
   */
  readonly replies: readonly unknown[];

  /**
   * Makes an error; its cause is the first error.
   *
   * @param replies What EXEC gave.
   * @param conflict What to say when nothing ran.
   */
  constructor(replies: readonly unknown[], conflict?: string) {
    const errors = replies.filter((reply) => reply instanceof RedisReplyError);
    super(
      conflict ??
        `${errors.length} of the transaction's ${replies.length} commands failed, first: ${
          errors[0]?.message
        }`,
      { cause: errors[0] },
    );
    this.code = conflict === undefined ? "ERR_REDIS_TRANSACTION" : "ERR_REDIS_CONFLICT";
    this.replies = replies;
  }
}

/** A cluster cannot run a command: keys of several slots, too many redirections, no node that answers. */
export class RedisClusterError extends RedisError {
  /** Always `"RedisClusterError"`. */
  override readonly name = "RedisClusterError";
  /** `ERR_REDIS_CROSSSLOT`, `ERR_REDIS_REDIRECTIONS` or `ERR_REDIS_NO_NODE`. */
  readonly code: "ERR_REDIS_CROSSSLOT" | "ERR_REDIS_REDIRECTIONS" | "ERR_REDIS_NO_NODE";

  /**
   * Makes an error.
   *
   * @param code What went wrong.
   * @param message The same for people.
   * @param options The cause.
   */
  constructor(
    code: "ERR_REDIS_CROSSSLOT" | "ERR_REDIS_REDIRECTIONS" | "ERR_REDIS_NO_NODE",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
  }
}
