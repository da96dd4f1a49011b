/** What a write consists of, and what a commit reports. */

/** Sets a key. */
export interface PutOperation {
  /** Tells the kinds of operations apart. */
  readonly type: "put";
  /** The key, up to 64 KiB. */
  readonly key: Uint8Array;
  /** The value, up to 1 GiB. */
  readonly value: Uint8Array;
  /** Lifetime in milliseconds from the write on; only in a database opened with `ttl`. */
  readonly ttl?: number;
  /** The end of its life in milliseconds since the epoch; only in a database opened with `ttl`. */
  readonly expires?: number;
}

/** Removes a key, if it is there. */
export interface DeleteOperation {
  /** Tells the kinds of operations apart. */
  readonly type: "delete";
  /** The key, up to 64 KiB. */
  readonly key: Uint8Array;
}

/** Removes every key of a range that exists at this place of the batch. */
export interface DeleteRangeOperation {
  /** Tells the kinds of operations apart. */
  readonly type: "deleteRange";
  /** The first key to go. */
  readonly from: Uint8Array;
  /** The end of the range; this key stays. */
  readonly to: Uint8Array;
}

/** One operation of a batch. */
export type Operation = PutOperation | DeleteOperation | DeleteRangeOperation;

/** One operation of a committed batch; a range that was deleted shows as the keys that went. */
export type CommittedOperation = PutOperation | DeleteOperation;

/** A batch that became visible. */
export interface CommittedBatch {
  /** The sequence number of its first operation; each further one takes the next. */
  readonly sequence: number;
  /** The operations in order, in copies that the receiver may keep. */
  readonly operations: readonly CommittedOperation[];
  /** The first and last key of a sorted run, where the commit was an `ingest()`; it lists no operations. */
  readonly ingested?: { readonly first: Uint8Array; readonly last: Uint8Array };
}

/** Options of a write. */
export interface WriteOptions {
  /** Resolve only once the write is durable. Default `false`. */
  readonly sync?: boolean;
}

/** Options of a `put()`. */
export interface PutOptions extends WriteOptions {
  /** Lifetime in milliseconds from the write on; only in a database opened with `ttl`. */
  readonly ttl?: number;
}
