/** Takes a sorted run in as tables, past the log and the memtable. */
import { compareBytes } from "./_bytes.ts";
import { TABLE_BYTES } from "./_compaction.ts";
import type { Engine } from "./_engine.ts";
import { MAX_KEY, MAX_VALUE } from "./_operations.ts";
import { wrapValue } from "./_envelope.ts";
import { MAX_SEQUENCE, userKey } from "./_internal_key.ts";
import { breathe } from "./_maintenance.ts";
import { TableBuilder } from "./_table_builder.ts";
import { LEVELS, newTable, type Table } from "./_version.ts";
import { LimitError, OrderError } from "./errors.ts";
import type { StorageFile } from "./file_system.ts";

/**
 * How far ahead the sequence number of the run lies. It is stored in each key of the tables before
 * it is known how many writes others make meanwhile; numbers in between are left out.
 */
const AHEAD = 2 ** 28;
const BREATH_MS = 10;

/** Entries in order of key. */
export type SortedRun =
  | Iterable<readonly [Uint8Array, Uint8Array]>
  | AsyncIterable<readonly [Uint8Array, Uint8Array]>;

/** Writes the tables, then shows them all at once; gives the number of entries. */
export async function ingest(
  engine: Engine,
  run: SortedRun,
  signal: AbortSignal | undefined,
): Promise<number> {
  engine.writable("an ingest");
  const sequence = engine.sequence + AHEAD;
  if (sequence > MAX_SEQUENCE) {
    throw new LimitError("sequence number", MAX_SEQUENCE, sequence);
  }
  const tables: Table[] = [];
  let open: { number: number; file: StorageFile; builder: TableBuilder } | undefined;
  const finish = () => {
    const { number, file, builder } = open!;
    const sizeBytes = builder.finish();
    file.close();
    open = undefined;
    tables.push(newTable(number, sizeBytes, builder.smallest, builder.largest));
  };
  let count = 0;
  let done = false;
  try {
    let last: Uint8Array | undefined;
    let started = performance.now();
    for await (const [key, value] of pausing(run)) {
      if (key.length > MAX_KEY) throw new LimitError("key", MAX_KEY, key.length);
      if (value.length > MAX_VALUE) throw new LimitError("value", MAX_VALUE, value.length);
      if (last && compareBytes(last, key) >= 0) throw new OrderError(count);
      last = key.slice();
      count++;
      if (!open) {
        const { number, file } = engine.createTable();
        const { compression, blockBytes } = engine.options;
        open = { number, file, builder: new TableBuilder(file, compression, blockBytes) };
      }
      const stored = engine.ttl ? wrapValue(value, undefined) : value;
      open.builder.add(key, 0, key.length, sequence, true, stored, 0, stored.length);
      if (open.builder.sizeBytes >= TABLE_BYTES) finish();
      if (performance.now() - started < BREATH_MS) continue;
      await breathe();
      signal?.throwIfAborted();
      engine.writable("an ingest");
      started = performance.now();
    }
    signal?.throwIfAborted();
    engine.writable("an ingest");
    if (open) finish();
    if (count > 0) install(engine, tables, sequence);
    done = true;
  } finally {
    open?.file.close();
    if (open) tables.push(newTable(open.number, 0, new Uint8Array(8), new Uint8Array(8)));
    for (const { number } of tables) {
      if (!done && !engine.closed) engine.removeFile(engine.fileName(number, "ldb"));
    }
  }
  return count;
}

async function* pausing(run: SortedRun): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  yield* run;
}

/** Puts the tables as deep as nothing older lies above or beside them. */
function install(engine: Engine, tables: Table[], sequence: number): void {
  if (engine.sequence >= sequence) {
    throw new LimitError("number of writes during an ingest", AHEAD, engine.sequence - sequence);
  }
  engine.guard("an ingest", () => {
    // The memtable is looked up first, and what is in it is older than the run.
    engine.flush();
    const first = userKey(tables[0]!.smallest);
    const last = userKey(tables.at(-1)!.largest);
    let level = 0;
    const { compactor, version } = engine;
    // A compaction that runs may be about to put tables beside them.
    if (!compactor.busy) {
      while (level < LEVELS - 1 && version.overlapping(level, first, last).length === 0) level++;
      if (version.overlapping(level, first, last).length > 0) level--;
    }
    let placed = tables;
    if (level <= 0) {
      level = 0;
      // The newest file of level 0 counts, and others may have come since these were numbered.
      placed = tables.map(({ number, sizeBytes, smallest, largest }) => {
        const newer = engine.nextFile++;
        engine.fs.rename(engine.fileName(number, "ldb"), engine.fileName(newer, "ldb"));
        return newTable(newer, sizeBytes, smallest, largest);
      });
    }
    const { sequence: before } = engine;
    engine.sequence = sequence;
    try {
      engine.apply({ removed: [], added: placed.map((table) => ({ level, table })) });
    } catch (error) {
      engine.sequence = before;
      throw error;
    }
    engine.durable = engine.marked = sequence;
    engine.rowCache.clear();
    const batch = { sequence, operations: [], ingested: { first, last } };
    engine.recorder?.([], sequence, batch.ingested);
    engine.notify(batch);
  });
  engine.compactor.wake();
}
