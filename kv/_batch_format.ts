/** Reads batches as the log holds them; their form is at the top of `_log.ts`. */
import { readFixed32, readFixed64, readVarint, varintEnd } from "./_bytes.ts";
import { MAX_SEQUENCE } from "./_internal_key.ts";
import { BATCH_HEADER } from "./_log.ts";

/** Called with each operation of a batch as ranges of `data`; a value length of -1 deletes. */
export type OperationVisitor = (
  sequence: number,
  data: Uint8Array,
  keyStart: number,
  keyLength: number,
  valueStart: number,
  valueLength: number,
) => void;

/** The sequence number of the first operation and how many there are; undefined when malformed. */
export function batchHeader(
  data: Uint8Array,
  start: number,
  length: number,
): { sequence: number; count: number } | undefined {
  if (length < BATCH_HEADER) return undefined;
  const sequence = readFixed64(data, start);
  const count = readFixed32(data, start + 8);
  return sequence + count <= MAX_SEQUENCE ? { sequence, count } : undefined;
}

/** Goes over the operations of a batch; the sequence number of the last one, or -1 when malformed. */
export function visitBatch(
  data: Uint8Array,
  start: number,
  length: number,
  visit: OperationVisitor,
): number {
  const header = batchHeader(data, start, length);
  if (header === undefined) return -1;
  const end = start + length;
  let { sequence } = header;
  let at = start + BATCH_HEADER;
  let seen = 0;
  for (; at < end; seen++) {
    const kind = data[at]!;
    if (kind > 1) return -1;
    const keyLength = readVarint(data, at + 1, end);
    const keyStart = varintEnd;
    if (keyStart < 0 || keyLength > end - keyStart) return -1;
    at = keyStart + keyLength;
    if (kind === 0) {
      visit(sequence++, data, keyStart, keyLength, at, -1);
      continue;
    }
    const valueLength = readVarint(data, at, end);
    const valueStart = varintEnd;
    if (valueStart < 0 || valueLength > end - valueStart) return -1;
    at = valueStart + valueLength;
    visit(sequence++, data, keyStart, keyLength, valueStart, valueLength);
  }
  return seen === header.count ? sequence - 1 : -1;
}
