/** What is done to a database that is not open: repairing and destroying it. */
import { visitBatch } from "./_batch_format.ts";
import { CompactionJob } from "./_compaction.ts";
import type { Cursor } from "./_cursor.ts";
import { isMark, LOG_BLOCK, LogWriter, readLog } from "./_log.ts";
import { Memtable } from "./_memtable.ts";
import { breathe } from "./_maintenance.ts";
import { type ManifestState, readManifest, writeManifest } from "./_recovery.ts";
import { TableReader } from "./_table_reader.ts";
import { LEVELDB_COMPARATOR, LEVELS, MAX_FILE, type Table, Version } from "./_version.ts";
import { CorruptionError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";

const FILE = /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log|dbtmp))$/;
const LOST = "lost";

/** What `Database.repair()` did. */
export interface RepairReport {
  /** Entries that the database has now. */
  readonly entries: number;
  /** Tables that it has now. */
  readonly tables: number;
  /** Tables and logs that were read. */
  readonly files: number;
  /** What could not be read; the files are in the folder `lost`. */
  readonly problems: readonly CorruptionError[];
}

/** Merges all that can be read into new tables; the old files go to the folder `lost`. */
export async function repair(
  fs: FileSystem,
  path: string,
  comparator: string | undefined,
  signal: AbortSignal | undefined,
): Promise<RepairReport> {
  const names = fs.list(path);
  const problems: CorruptionError[] = [];
  const note = (error: unknown) => {
    if (!(error instanceof CorruptionError)) throw error;
    problems.push(error);
  };
  let state: ManifestState | undefined;
  try {
    if (names.includes("CURRENT")) state = readManifest(fs, path);
    else note(new CorruptionError(`${path}/CURRENT`, 0, "it is missing"));
  } catch (error) {
    note(error);
  }
  const numbersOf = (pattern: RegExp) =>
    names.filter((name) => pattern.test(name)).map((name) => ({
      name,
      number: parseInt(name, 10),
    }));
  // With a manifest only what it names counts: other tables are what compaction has left behind.
  const live = state && new Set(state.tables.flat().map((table) => table.number));
  const tables = numbersOf(/^\d+\.(ldb|sst)$/).filter(({ number }) => live?.has(number) ?? true);
  for (const number of live ?? []) {
    if (tables.some((table) => table.number === number)) continue;
    const name = `${path}/${String(number).padStart(6, "0")}.ldb`;
    note(new CorruptionError(name, 0, "the table is missing"));
  }
  const logs = numbersOf(/^\d+\.log$/).filter(({ number }) => number >= (state?.logNumber ?? 0))
    .sort((a, b) => a.number - b.number);
  let nextFile = Math.max(state?.nextFile ?? 2, 2);
  for (const name of names) {
    const number = Number(/\d+/.exec(name)?.[0] ?? 0);
    if (number < MAX_FILE) nextFile = Math.max(nextFile, number + 1);
  }
  let sequence = state?.lastSequence ?? 0;
  const cursors: Cursor[] = [];
  const readers: TableReader[] = [];
  let job: CompactionJob | undefined;
  try {
    for (const { name } of logs) {
      const memtable = new Memtable();
      sequence = Math.max(sequence, salvageLog(fs, `${path}/${name}`, memtable, note));
      cursors.push(memtable.cursor());
    }
    for (const { name, number } of tables) {
      const file = fs.open(`${path}/${name}`);
      let reader: TableReader;
      try {
        reader = new TableReader(file, `${path}/${name}`, number, undefined);
      } catch (error) {
        file.close();
        note(error);
        continue;
      }
      readers.push(reader);
      cursors.push(reader.cursor(false, note));
    }
    const plan = {
      oldest: Infinity,
      expired: undefined,
      deeper: [],
      compression: "snappy" as const,
      blockBytes: 4096,
      tolerant: true,
    };
    const create = () => {
      const number = nextFile++;
      return { number, file: fs.create(`${path}/${String(number).padStart(6, "0")}.ldb`) };
    };
    job = new CompactionJob(plan, cursors, { create }, path);
    while (!job.step(2 ** 20)) {
      await breathe();
      signal?.throwIfAborted();
    }
    sequence = Math.max(sequence, job.newest);
    const levels: Table[][] = Array.from({ length: LEVELS }, () => []);
    levels[LEVELS - 1]!.push(...job.added);
    const logNumber = nextFile++;
    const log = new LogWriter(fs.create(`${path}/${String(logNumber).padStart(6, "0")}.log`));
    try {
      log.mark(sequence);
      log.drain();
      log.file.sync();
    } finally {
      log.file.close();
    }
    const manifest = nextFile++;
    writeManifest(fs, path, manifest, {
      comparator: state?.comparator ?? comparator ?? LEVELDB_COMPARATOR,
      logNumber,
      nextFile,
      lastSequence: sequence,
      version: new Version(levels),
    }).file.close();
    fs.makeDirectory(`${path}/${LOST}`);
    for (const name of names) {
      if (FILE.test(name) && name !== "CURRENT") {
        fs.rename(`${path}/${name}`, `${path}/${LOST}/${name}`);
      }
    }
    fs.syncDirectory(`${path}/${LOST}`);
    fs.syncDirectory(path);
    const { entriesOut, added } = job;
    const files = logs.length + tables.length;
    return { entries: entriesOut, tables: added.length, files, problems };
  } catch (error) {
    job?.abort();
    throw error;
  } finally {
    for (const cursor of cursors) cursor.close();
    for (const reader of readers) reader.release();
  }
}

/** Reads the whole batches of a log, also those behind damage; the last sequence number. */
function salvageLog(
  fs: FileSystem,
  name: string,
  memtable: Memtable,
  note: (error: unknown) => void,
): number {
  const file = fs.open(name);
  let newest = 0;
  try {
    for (let from = 0;;) {
      const end = readLog(
        file,
        (data, start, length, offset) => {
          if (isMark(data, start, length)) return;
          // Twice over the batch: a malformed one must not leave its first half behind.
          const last = visitBatch(data, start, length, () => {});
          if (last < newest) {
            note(new CorruptionError(name, offset, "a batch is malformed or out of order"));
            return;
          }
          visitBatch(data, start, length, (sequence, data, keyStart, keyLength, at, size) => {
            memtable.add(data, keyStart, keyLength, sequence, data, at, size);
          });
          newest = last;
        },
        undefined,
        from,
      );
      if (end.damage === undefined) return newest;
      note(new CorruptionError(name, end.end, end.damage));
      from = end.stopped - end.stopped % LOG_BLOCK + LOG_BLOCK;
    }
  } finally {
    file.close();
  }
}

/** Removes the files of a database, and its directory where nothing else is in it. */
export function destroy(fs: FileSystem, path: string): void {
  for (const name of fs.list(path)) if (FILE.test(name)) fs.remove(`${path}/${name}`);
  if (fs.list(path).includes(LOST)) {
    for (const name of fs.list(`${path}/${LOST}`)) {
      if (FILE.test(name)) fs.remove(`${path}/${LOST}/${name}`);
    }
    if (fs.list(`${path}/${LOST}`).length === 0) fs.removeDirectory(`${path}/${LOST}`);
  }
  if (fs.list(path).every((name) => name === "LOCK")) {
    if (fs.list(path).includes("LOCK")) fs.remove(`${path}/LOCK`);
    fs.removeDirectory(path);
  }
}
