/** Work on a whole open database: compaction of a range, sizes, checks, copies. */
import { type Picked, scoreOf, widen } from "./_compaction.ts";
import type { Engine } from "./_engine.ts";
import { TRAILER_BYTES } from "./_internal_key.ts";
import { LogWriter } from "./_log.ts";
import { writeManifest } from "./_recovery.ts";
import { boundsOf } from "./_scan.ts";
import { compareUser } from "./_table_builder.ts";
import { TableReader } from "./_table_reader.ts";
import { compareInternal, LEVELS, type Table } from "./_version.ts";
import { CorruptionError, DatabaseExistsError } from "./errors.ts";
import type { KeyRange } from "./iterator.ts";

/** Lets timers and sockets have their turn. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

const BREATH_MS = 10;

/** Bytes of tables that hold the keys of a range, to about a block; the memtable does not count. */
export function approximateSize(engine: Engine, range: KeyRange): number {
  engine.usable();
  const { from, to } = boundsOf(range, engine.slab);
  let size = 0;
  for (let level = 0; level < LEVELS; level++) {
    for (const table of engine.version.overlapping(level, from, to)) {
      const low = from === undefined || compareUser(from, 0, from.length, table.smallest) <= 0;
      const high = to === undefined || compareUser(to, 0, to.length, table.largest) > 0;
      if (low && high) size += table.sizeBytes;
      else {
        const reader = engine.reader(table);
        const end = to === undefined || high ? table.sizeBytes : offsetOf(reader, to);
        size += Math.max(0, end - (from === undefined || low ? 0 : offsetOf(reader, from)));
      }
    }
  }
  return size;
}

function offsetOf(reader: TableReader, key: Uint8Array): number {
  const number = reader.locate(key, 0, key.length, Infinity);
  return number < reader.count ? reader.offsets[number]! : reader.fileBytes;
}

/** Compacts every level with keys of the range into the next, down to the lowest that has any. */
export async function compactRange(
  engine: Engine,
  range: KeyRange,
  signal: AbortSignal | undefined,
): Promise<void> {
  engine.writable("a compaction");
  const { from, to } = boundsOf(range, engine.slab);
  engine.guard("a flush", () => engine.flush());
  let deepest = 0;
  for (let level = 0; level < LEVELS; level++) {
    if (engine.version.overlapping(level, from, to).length > 0) deepest = level;
  }
  // What is at the bottom and is not merged with anything above may still hold what has expired or
  // is deleted: it is rewritten in place.
  const old = deepest === 0 ? [] : engine.version.overlapping(deepest, from, to);
  const last = Math.max(1, deepest);
  for (let level = 0; level < last; level++) {
    const pending = engine.version.overlapping(level, from, to);
    await compactTables(engine, level, pending, signal, (left) => ({
      ...widen(engine.version, level, level === 0 ? left : [left[0]!]),
      move: false,
    }));
  }
  await compactTables(engine, last, old, signal, (left) => {
    const { upper, inputs } = widen(engine.version, last, [left[0]!]);
    return { level: last, target: last, inputs: inputs.slice(0, upper), upper, move: false };
  });
}

/** Compacts tables of a level until none of them is left, some at a time so that others may write. */
async function compactTables(
  engine: Engine,
  level: number,
  tables: readonly Table[],
  signal: AbortSignal | undefined,
  choose: (left: readonly Table[]) => Picked,
): Promise<void> {
  const pending = new Set(tables);
  const { compactor } = engine;
  for (;;) {
    signal?.throwIfAborted();
    engine.writable("a compaction");
    // No await may come between this check and the start: a write may start a job of its own.
    if (compactor.busy) {
      await compactor.settle();
      continue;
    }
    const left = engine.version.levels[level]!.filter((table) => pending.has(table));
    if (left.length === 0) return;
    compactor.start(choose(left));
  }
}

/** What {@linkcode verify} found. */
export interface VerifyReport {
  /** Tables that were read, every block of them. */
  readonly tables: number;
  /** Versions of keys in them. */
  readonly entries: number;
  /** Bytes of the tables. */
  readonly sizeBytes: number;
  /** What is wrong; empty for a sound database. */
  readonly problems: readonly CorruptionError[];
}

/** Reads every table past the caches and checks sums, order and ranges. */
export async function verify(
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<VerifyReport> {
  engine.usable();
  const { version } = engine;
  version.references++;
  const problems: CorruptionError[] = [];
  let entries = 0;
  let sizeBytes = 0;
  let tables = 0;
  try {
    for (const table of version.all()) {
      for (const step of checkTable(engine, table)) {
        if (step instanceof CorruptionError) problems.push(step);
        else entries += step;
        await breathe();
        signal?.throwIfAborted();
        engine.usable();
      }
      tables++;
      sizeBytes += table.sizeBytes;
    }
  } finally {
    engine.unref(version);
  }
  return { tables, entries, sizeBytes, problems };
}

/** Checks one table; yields how many entries it has read every few milliseconds, or the damage. */
function* checkTable(engine: Engine, table: Table): Generator<number | CorruptionError> {
  let entries = 0;
  let reader: TableReader | undefined;
  try {
    const { name, file } = engine.openTableFile(table.number);
    try {
      reader = new TableReader(file, name, table.number, undefined);
    } catch (error) {
      file.close();
      throw error;
    }
    const wrong = (offset: number, reason: string) => new CorruptionError(name, offset, reason);
    if (reader.fileBytes !== table.sizeBytes) {
      throw wrong(reader.fileBytes, "the size is not that of the manifest");
    }
    const cursor = reader.cursor();
    try {
      let last: Uint8Array = new Uint8Array(0);
      let started = performance.now();
      for (cursor.first(); cursor.valid; cursor.next()) {
        const key = cursor.key.slice(0, cursor.keyLength + TRAILER_BYTES);
        if (last.length > 0 && compareInternal(last, key) >= 0) {
          throw wrong(0, "the keys are out of order");
        }
        if (last.length === 0 && compareInternal(key, table.smallest) !== 0) {
          throw wrong(0, "the first key is not that of the manifest");
        }
        last = key;
        entries++;
        if (performance.now() - started < BREATH_MS) continue;
        yield entries;
        entries = 0;
        started = performance.now();
      }
      if (last.length === 0 || compareInternal(last, table.largest) !== 0) {
        throw wrong(0, "the last key is not that of the manifest");
      }
    } finally {
      cursor.close();
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    yield error;
  } finally {
    reader?.release();
  }
  yield entries;
}

/** Copies the state of this moment to a new directory; tables are linked where that works. */
export async function checkpoint(
  engine: Engine,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  engine.writable("a checkpoint");
  const { fs } = engine;
  if (fs.list(path).length > 0) throw new DatabaseExistsError(path);
  engine.guard("a flush", () => engine.flush());
  const { version, sequence, nextFile } = engine;
  version.references++;
  try {
    fs.makeDirectory(path);
    let started = performance.now();
    for (const { number } of version.all()) {
      const { name, file } = engine.openTableFile(number);
      file.close();
      fs.link(name, `${path}${name.slice(engine.path.length)}`);
      if (performance.now() - started < BREATH_MS) continue;
      await breathe();
      signal?.throwIfAborted();
      engine.usable();
      started = performance.now();
    }
    const { comparator } = engine;
    const log = new LogWriter(fs.create(`${path}/${String(nextFile).padStart(6, "0")}.log`));
    try {
      log.mark(sequence);
      log.drain();
      log.file.sync();
    } finally {
      log.file.close();
    }
    // `CURRENT` comes last: without it the copy does not open.
    writeManifest(fs, path, nextFile + 1, {
      comparator,
      logNumber: nextFile,
      nextFile: nextFile + 2,
      lastSequence: sequence,
      version,
    }).file.close();
  } finally {
    engine.unref(version);
  }
}

/** One level as `Database.stats()` shows it. */
export interface LevelStats {
  /** From 0, where the memtable is written to, down to 6. */
  readonly level: number;
  /** Its tables. */
  readonly tables: number;
  /** Their bytes. */
  readonly sizeBytes: number;
  /** How full it is: from 1 on it is due for compaction. */
  readonly score: number;
}

/** Figures of an open database. */
export interface DatabaseStats {
  /** The sequence number of the last visible write. */
  readonly sequence: number;
  /** The levels, 0 to 6. */
  readonly levels: readonly LevelStats[];
  /** Entries and bytes that are in memory and in the log only. */
  readonly memtable: { readonly entries: number; readonly sizeBytes: number };
  /** Bytes of the log that is being written. */
  readonly logBytes: number;
  /** Blocks and rows in memory, their bytes and the bound, and how often a block had to be read. */
  readonly blockCache: {
    readonly sizeBytes: number;
    readonly limitBytes: number;
    readonly misses: number;
  };
  /** Open tables and the bytes of their indexes and filters. */
  readonly tableCache: { readonly tables: number; readonly sizeBytes: number };
  /** Compactions since opening: jobs, tables that only changed level, bytes in and out. */
  readonly compaction: {
    readonly running: boolean;
    readonly jobs: number;
    readonly moves: number;
    readonly readBytes: number;
    readonly writtenBytes: number;
  };
  /** Calls since opening. */
  readonly counters: {
    readonly gets: number;
    readonly batches: number;
    readonly operations: number;
    readonly writtenBytes: number;
    readonly flushes: number;
    readonly syncs: number;
  };
  /** Snapshots and iterators that are open. */
  readonly open: { readonly snapshots: number; readonly iterators: number };
}

/** The figures of this moment. */
export function statsOf(engine: Engine): DatabaseStats {
  engine.usable();
  const { version, blockCache, tableCache, compactor, memtable } = engine;
  return {
    sequence: engine.sequence,
    levels: version.levels.map((tables, level) => ({
      level,
      tables: tables.length,
      sizeBytes: version.bytes[level]!,
      score: scoreOf(version, level),
    })),
    memtable: { entries: memtable.count, sizeBytes: memtable.sizeBytes },
    logBytes: engine.log!.sizeBytes,
    blockCache: {
      sizeBytes: blockCache.sizeBytes + engine.rowCache.sizeBytes,
      limitBytes: blockCache.limitBytes + engine.rowCache.limitBytes,
      misses: blockCache.misses,
    },
    tableCache: { tables: tableCache.tables.length, sizeBytes: tableCache.sizeBytes },
    compaction: {
      running: compactor.busy,
      ...compactor.counters,
    },
    counters: { ...engine.counters },
    open: { snapshots: engine.snapshots.size, iterators: engine.scans.size },
  };
}
