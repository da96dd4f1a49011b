/** Stable codes of the errors that this module throws. */
export type KvErrorCode =
  | "KV_CHANGES_GONE"
  | "KV_CLOSED"
  | "KV_CONFLICT"
  | "KV_CORRUPTION"
  | "KV_ENCODING"
  | "KV_EXISTS"
  | "KV_LIMIT"
  | "KV_LOCKED"
  | "KV_NOT_FOUND"
  | "KV_OPTIONS"
  | "KV_ORDER"
  | "KV_READ_ONLY";

/**
 * The base of every error of this module. `code` is stable; the message is for people.
 *
 * Errors of the operating system (a permission that is missing, a full disk while a checkpoint is
 * written) pass through as they are, except where they make the database read-only.
 */
export abstract class KvError extends Error {
  /** Names the kind of failure; programs switch on it. */
  abstract readonly code: KvErrorCode;
}

/** A file of the database does not hold what its format demands. The data is never guessed. */
export class CorruptionError extends KvError {
  /** Always `"KV_CORRUPTION"`. */
  readonly code = "KV_CORRUPTION";
  /** The name of this class. */
  override readonly name = "CorruptionError";
  /** The damaged file. */
  readonly file: string;
  /** Byte offset in the file at which the damage was found. */
  readonly offset: number;

  /** Makes the error for `reason` at `offset` bytes into `file`. */
  constructor(file: string, offset: number, reason: string) {
    super(`Corrupted database file ${file} at byte ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
  }
}

/** Somebody else has the database open. */
export class DatabaseLockedError extends KvError {
  /** Always `"KV_LOCKED"`. */
  readonly code = "KV_LOCKED";
  /** The name of this class. */
  override readonly name = "DatabaseLockedError";
  /** The directory of the database. */
  readonly path: string;
  /** The process that holds the lock, where it could be found out. */
  readonly pid: number | undefined;

  /** Makes the error for the database at `path`, held by process `pid`. */
  constructor(path: string, pid: number | undefined) {
    const holder = pid === undefined ? "another process" : `process ${pid}`;
    super(`Cannot open database ${path}: the lock file is held by ${holder}`);
    this.path = path;
    this.pid = pid;
  }
}

/** The database, iterator or transaction was closed before this call. */
export class DatabaseClosedError extends KvError {
  /** Always `"KV_CLOSED"`. */
  readonly code = "KV_CLOSED";
  /** The name of this class. */
  override readonly name = "DatabaseClosedError";

  /** Makes the error for `what`, such as `"database"`. */
  constructor(what: string) {
    super(`Cannot use the ${what}: it is closed`);
  }
}

/** There is no database at the path and none was to be created. */
export class DatabaseNotFoundError extends KvError {
  /** Always `"KV_NOT_FOUND"`. */
  readonly code = "KV_NOT_FOUND";
  /** The name of this class. */
  override readonly name = "DatabaseNotFoundError";
  /** The directory that was looked at. */
  readonly path: string;

  /** Makes the error for the directory `path`. */
  constructor(path: string) {
    super(`Cannot open database ${path}: it does not exist (createIfMissing is off)`);
    this.path = path;
  }
}

/** There is something at the path already and it was to be new. */
export class DatabaseExistsError extends KvError {
  /** Always `"KV_EXISTS"`. */
  readonly code = "KV_EXISTS";
  /** The name of this class. */
  override readonly name = "DatabaseExistsError";
  /** The directory that was looked at. */
  readonly path: string;

  /** Makes the error for the directory `path`. */
  constructor(path: string) {
    super(`Cannot create database ${path}: it already exists`);
    this.path = path;
  }
}

/**
 * A write or an fsync failed earlier, so the database accepts no more writes. Reads go on. What is
 * on disk is decided by opening it again: an fsync is never retried, because after a failed one
 * the operating system may report success for pages that it dropped.
 */
export class ReadOnlyError extends KvError {
  /** Always `"KV_READ_ONLY"`. */
  readonly code = "KV_READ_ONLY";
  /** The name of this class. */
  override readonly name = "ReadOnlyError";

  /** Makes the error; `cause` is the failure that ended writing. */
  constructor(what: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The database is read-only since ${what} failed: ${reason}. Close and reopen it`, {
      cause,
    });
  }
}

/** A key, value, batch or option is beyond its stated size. Nothing was written. */
export class LimitError extends KvError {
  /** Always `"KV_LIMIT"`. */
  readonly code = "KV_LIMIT";
  /** The name of this class. */
  override readonly name = "LimitError";
  /** What was too big: `"key"`, `"value"`, `"batch"` and so on. */
  readonly what: string;
  /** The greatest size allowed. */
  readonly limit: number;
  /** The size that was asked for. */
  readonly actual: number;

  /** Makes the error for `what` of size `actual` where `limit` is the greatest allowed. */
  constructor(what: string, limit: number, actual: number) {
    super(`The ${what} is too large: ${actual} where at most ${limit} is allowed`);
    this.what = what;
    this.limit = limit;
    this.actual = actual;
  }
}

/** The changes that were asked for are no longer in the log files. Start over from a full read. */
export class ChangesGoneError extends KvError {
  /** Always `"KV_CHANGES_GONE"`. */
  readonly code = "KV_CHANGES_GONE";
  /** The name of this class. */
  override readonly name = "ChangesGoneError";
  /** The sequence number behind which changes were wanted. */
  readonly since: number;
  /** The smallest `since` that can be served now. */
  readonly oldest: number;

  /** Makes the error for changes behind `since` where those behind `oldest` are the first kept. */
  constructor(since: number, oldest: number) {
    super(`The changes behind ${since} are gone: the logs begin behind ${oldest}`);
    this.since = since;
    this.oldest = oldest;
  }
}

/** A sorted run is not in ascending order of key, or has a key twice. Nothing was written. */
export class OrderError extends KvError {
  /** Always `"KV_ORDER"`. */
  readonly code = "KV_ORDER";
  /** The name of this class. */
  override readonly name = "OrderError";
  /** The place in the run, from 0, of the entry that does not come behind the one before. */
  readonly index: number;

  /** Makes the error for the entry of this index. */
  constructor(index: number) {
    super(`The run is not sorted: entry ${index} does not come behind the one before`);
    this.index = index;
  }
}

/** Options that contradict each other, or what the database was created with. */
export class DatabaseOptionsError extends KvError {
  /** Always `"KV_OPTIONS"`. */
  readonly code = "KV_OPTIONS";
  /** The name of this class. */
  override readonly name = "DatabaseOptionsError";
}

/**
 * Another transaction committed first. The transaction wrote nothing; run it again from its start,
 * which `Database.transaction()` does by itself as often as its `retries` say.
 */
export class TransactionConflictError extends KvError {
  /** Always `"KV_CONFLICT"`. */
  readonly code = "KV_CONFLICT";
  /** The name of this class. */
  override readonly name = "TransactionConflictError";
  /** The key that somebody else wrote; undefined where too much was committed to tell which. */
  readonly key: Uint8Array | undefined;
  /** How the transaction had used that key. */
  readonly use: "read" | "written" | undefined;

  /** Makes the error for the key that was used as `use` says, or for too long a transaction. */
  constructor(key: Uint8Array | undefined, use: "read" | "written" | undefined) {
    super(
      key === undefined
        ? "The transaction was open while too much was committed to check it; make it shorter"
        : `The transaction conflicts: key ${
          showKey(key)
        }, which it has ${use}, was written meanwhile`,
    );
    this.key = key;
    this.use = use;
  }
}

/** Text where the bytes are printable ASCII, else hexadecimal; at most 64 bytes of it. */
function showKey(key: Uint8Array): string {
  const start = key.subarray(0, 64);
  const more = key.length > 64 ? "…" : "";
  if (start.every((byte) => byte >= 0x20 && byte < 0x7f)) {
    return `${JSON.stringify(String.fromCharCode(...start))}${more}`;
  }
  return `0x${Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join("")}${more}`;
}

/** A value that a codec has no bytes for, or bytes that it has no value for. */
export class EncodingError extends KvError {
  /** Always `"KV_ENCODING"`. */
  readonly code = "KV_ENCODING";
  /** The name of this class. */
  override readonly name = "EncodingError";
  /** The name of the codec. */
  readonly codec: string;

  /** Makes the error of the codec of this name. */
  constructor(codec: string, reason: string, options?: ErrorOptions) {
    super(`Codec ${codec}: ${reason}`, options);
    this.codec = codec;
  }
}
