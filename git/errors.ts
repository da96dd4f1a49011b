/**
 * The errors of this module.
 *
 * @module
 */

/** What went wrong, as a stable word for programs. */
export type GitErrorCode =
  | "corrupt"
  | "not_found"
  | "invalid"
  | "conflict"
  | "locked"
  | "exists"
  | "limit"
  | "unsafe"
  | "protocol"
  | "refused"
  | "usage"
  | "io";

/**
 * Every failure of the module: hostile or damaged data, names that do not resolve, locks that are
 * held, transactions that lost a race.
 */
export class GitError extends Error {
  /** A stable word for programs. */
  readonly code: GitErrorCode;
  /** Always `GitError`. */
  override readonly name = "GitError";

  /** Makes an error. */
  constructor(code: GitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Shorthand for "this data is damaged". */
export function corrupt(message: string): GitError {
  return new GitError("corrupt", message);
}
