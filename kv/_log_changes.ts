/** Committed batches out of the log files. */
import { visitBatch } from "./_batch_format.ts";
import type { Engine } from "./_engine.ts";
import { isMark, readLog } from "./_log.ts";
import { readableValue } from "./_operations.ts";
import { ChangesGoneError, CorruptionError } from "./errors.ts";
import type { CommittedBatch, CommittedOperation } from "./operation.ts";

/** The batches behind `since`, log by log; the log files may go while this is not being read. */
export function* loggedBatches(engine: Engine, since: number): Generator<CommittedBatch> {
  let position = since;
  let done = -1;
  for (;;) {
    engine.usable();
    const logs = [...engine.oldLogs.map((log) => log.number), engine.logNumber];
    const number = logs.find((log) => log > done);
    if (number === undefined) break;
    done = number;
    if (number === engine.logNumber) engine.guard("a write", () => engine.log!.drain());
    for (const batch of readBatches(engine, number, position)) {
      if (batch.sequence > position + 1) {
        throw new ChangesGoneError(since, batch.sequence - 1);
      }
      position = batch.sequence + batch.operations.length - 1;
      yield batch;
    }
  }
  if (position < engine.sequence) throw new ChangesGoneError(since, engine.sequence);
}

/** The batches of one log that end behind `position`; a log is about as large as a memtable. */
function readBatches(engine: Engine, number: number, position: number): CommittedBatch[] {
  const name = engine.fileName(number, "log");
  const batches: CommittedBatch[] = [];
  let file;
  try {
    file = engine.fs.open(name);
  } catch {
    return batches; // trimmed: the gap shows in the sequence numbers
  }
  try {
    readLog(file, (data, start, length, offset) => {
      if (isMark(data, start, length)) return;
      const operations: CommittedOperation[] = [];
      let sequence = -1;
      const last = visitBatch(data, start, length, (own, data, keyStart, keyLength, at, size) => {
        if (sequence < 0) sequence = own;
        const key = data.slice(keyStart, keyStart + keyLength);
        operations.push(
          size < 0
            ? { type: "delete", key }
            : readableValue(engine, key, data.slice(at, at + size)),
        );
      });
      if (last < 0) throw new CorruptionError(name, offset, "a batch of the log is malformed");
      if (last > position && sequence >= 0) batches.push({ sequence, operations });
    });
  } finally {
    file.close();
  }
  return batches;
}
