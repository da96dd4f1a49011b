/** What happens to operations before they are written: limits, lifetimes, deletions of ranges. */
import { compareBytes } from "./_bytes.ts";
import type { Engine } from "./_engine.ts";
import { envelopeBytes, EXPIRING_BYTES, expiryOf, wrapValue } from "./_envelope.ts";
import { BATCH_HEADER } from "./_log.ts";
import { CorruptionError, DatabaseOptionsError, LimitError } from "./errors.ts";
import type { CommittedOperation, Operation } from "./operation.ts";

/** The longest key. */
export const MAX_KEY = 65536;
/** The longest value. */
export const MAX_VALUE: number = 2 ** 30;
/** The largest batch, with 16 bytes for each operation. */
export const MAX_BATCH: number = 2 ** 30 + 2 ** 20;
const OPERATION_BYTES = 16;

/** The operations as they are stored. */
export function prepare(
  engine: Engine,
  given: readonly Operation[],
): readonly CommittedOperation[] {
  let operations = given as readonly CommittedOperation[];
  for (let i = 0; i < given.length; i++) {
    const { type } = given[i]!;
    if (type === "deleteRange") {
      operations = expandRanges(engine, given);
      break;
    }
  }
  return engine.ttl ? wrapValues(operations) : operations;
}

function varintBytes(value: number): number {
  return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : value < 268435456 ? 4 : 5;
}

/** The bytes of the batch in the log. Throws for what is beyond a limit. */
export function sizeOfBatch(operations: readonly CommittedOperation[], ttl: boolean): number {
  let size = BATCH_HEADER;
  let limited = BATCH_HEADER;
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i]!;
    const keyLength = operation.key.length;
    if (keyLength > MAX_KEY) throw new LimitError("key", MAX_KEY, keyLength);
    size += 1 + varintBytes(keyLength) + keyLength;
    limited += keyLength + OPERATION_BYTES;
    if (operation.type === "put") {
      const valueLength = operation.value.length;
      if (valueLength > MAX_VALUE + (ttl ? EXPIRING_BYTES : 0)) {
        throw new LimitError("value", MAX_VALUE, valueLength);
      }
      if (!ttl && (operation.ttl !== undefined || operation.expires !== undefined)) {
        throw new DatabaseOptionsError(
          "Cannot give an entry a lifetime: the database was not created with `ttl: true`",
        );
      }
      size += varintBytes(valueLength) + valueLength;
      limited += valueLength;
    }
    if (limited > MAX_BATCH) throw new LimitError("batch", MAX_BATCH, limited);
  }
  return size;
}

/** Puts values into their envelopes. */
function wrapValues(operations: readonly CommittedOperation[]): CommittedOperation[] {
  const now = Date.now();
  return operations.map((operation) => {
    if (operation.type !== "put") return operation;
    const { key, ttl } = operation;
    let { expires } = operation;
    if (ttl !== undefined) {
      if (!(ttl > 0)) throw new DatabaseOptionsError(`A lifetime of ${ttl} ms is not positive`);
      expires = now + ttl;
    }
    if (expires !== undefined) {
      if (Number.isNaN(expires)) throw new DatabaseOptionsError("An end of life is not a number");
      expires = Math.min(Math.max(0, Math.ceil(expires)), Number.MAX_SAFE_INTEGER);
    }
    if (operation.value.length > MAX_VALUE) {
      throw new LimitError("value", MAX_VALUE, operation.value.length);
    }
    return { type: "put", key, value: wrapValue(operation.value, expires) };
  });
}

/** Replaces each deletion of a range by deletions of the keys that are there. */
function expandRanges(engine: Engine, operations: readonly Operation[]): CommittedOperation[] {
  const out: CommittedOperation[] = [];
  let bytes = BATCH_HEADER;
  const add = (operation: CommittedOperation) => {
    bytes += operation.key.length + OPERATION_BYTES;
    if (operation.type === "put") bytes += operation.value.length;
    if (bytes > MAX_BATCH) throw new LimitError("batch", MAX_BATCH, bytes);
    out.push(operation);
  };
  for (const operation of operations) {
    if (operation.type !== "deleteRange") {
      add(operation);
      continue;
    }
    const { from, to } = operation;
    const before = out.length;
    const scan = engine.scan({ from, to });
    try {
      while (scan.advance()) add({ type: "delete", key: scan.copyKey() });
    } finally {
      scan.close();
    }
    for (let i = 0; i < before; i++) {
      const { type, key } = out[i]!;
      if (type === "put" && compareBytes(key, from) >= 0 && compareBytes(key, to) < 0) {
        add({ type: "delete", key }); // a second deletion of one key does no harm
      }
    }
  }
  return out;
}

/** A stored value as an operation. */
export function readableValue(
  engine: Engine,
  key: Uint8Array,
  stored: Uint8Array,
): CommittedOperation {
  if (!engine.ttl) return { type: "put", key, value: stored };
  const expires = expiryOf(stored, 0, stored.length);
  if (Number.isNaN(expires)) throw new CorruptionError(engine.path, 0, "a value has no envelope");
  const value = stored.subarray(envelopeBytes(stored, 0));
  return expires === Infinity ? { type: "put", key, value } : { type: "put", key, value, expires };
}
