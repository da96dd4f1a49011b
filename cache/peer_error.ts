/**
 * What went wrong with a peer: it could not be reached or took too long (`unreachable`), it refused
 * the shared secret (`unauthorized`), its answer was no valid message (`protocol`), it failed to
 * load the value (`load`), or a key or value is over its limit (`limit`).
 */
export type PeerErrorCode = "unreachable" | "unauthorized" | "protocol" | "load" | "limit";

/** A peer of a distributed cache did not do what it was asked. */
export class PeerError extends Error {
  /** `PeerError`. */
  override readonly name = "PeerError";
  /** What went wrong. */
  readonly code: PeerErrorCode;

  /** Makes an error; `options.cause` holds what it came from, if anything. */
  constructor(code: PeerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
