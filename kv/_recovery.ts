/**
 * Opening: the manifest says which tables there are and which logs are not in them yet; those are
 * replayed. What a crash leaves behind is cut or removed, damage that no crash explains is an error.
 */
import { visitBatch } from "./_batch_format.ts";
import type { Engine } from "./_engine.ts";
import { isMark, LogWriter, readLog, refuseLoss } from "./_log.ts";
import { Memtable } from "./_memtable.ts";
import {
  decodeEdit,
  encodeEdit,
  LEVELDB_COMPARATOR,
  LEVELS,
  MAX_FILE,
  type Table,
  Version,
} from "./_version.ts";
import { CorruptionError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";

/** A manifest larger than this is written anew at the next open. */
const MANIFEST_BYTES = 2 ** 20;

/** What a manifest says. */
export interface ManifestState {
  readonly name: string;
  readonly comparator: string;
  readonly logNumber: number;
  readonly nextFile: number;
  readonly lastSequence: number;
  readonly tables: Table[][];
  /** Its size when it can be added to, else undefined. */
  readonly reusable: number | undefined;
}

/** Reads `CURRENT` and the manifest that it names. */
export function readManifest(fs: FileSystem, path: string): ManifestState {
  const current = fs.open(`${path}/CURRENT`);
  const bytes = new Uint8Array(64);
  let text: string;
  try {
    text = new TextDecoder().decode(bytes.subarray(0, current.read(bytes, 0)));
  } finally {
    current.close();
  }
  if (!/^MANIFEST-\d{1,15}\n$/.test(text)) {
    throw new CorruptionError(`${path}/CURRENT`, 0, "it names no manifest");
  }
  const name = text.trim();
  const file = `${path}/${name}`;
  if (!fs.list(path).includes(name)) {
    throw new CorruptionError(file, 0, "the manifest is missing");
  }
  const live = new Map<number, { level: number; table: Table }>();
  let comparator: string | undefined;
  let logNumber: number | undefined;
  let nextFile = 2;
  let lastSequence = 0;
  const handle = fs.open(file);
  let reusable: number | undefined;
  try {
    const end = readLog(handle, (data, start, length, offset) => {
      const edit = decodeEdit(data.slice(start, start + length), file, offset);
      comparator = edit.comparator ?? comparator;
      for (const { number } of edit.removed) live.delete(number);
      for (const added of edit.added) live.set(added.table.number, added);
      logNumber = edit.logNumber ?? logNumber;
      nextFile = edit.nextFile ?? nextFile;
      lastSequence = edit.lastSequence ?? lastSequence;
    });
    refuseLoss(handle, file, { ...end, marked: false }, 0);
    if (end.damage === undefined && end.sizeBytes < MANIFEST_BYTES) reusable = end.sizeBytes;
  } finally {
    handle.close();
  }
  if (logNumber === undefined) throw new CorruptionError(file, 0, "the manifest holds no state");
  const tables: Table[][] = Array.from({ length: LEVELS }, () => []);
  for (const { level, table } of live.values()) tables[level]!.push(table);
  comparator ??= LEVELDB_COMPARATOR;
  return { name, comparator, logNumber, nextFile, lastSequence, tables, reusable };
}

const FILE = /^(?:MANIFEST-(\d+)|(\d+)\.(ldb|sst|log|dbtmp))$/;

/** Fills an engine from its files. `state` is undefined for a database that is to be created. */
export function recover(engine: Engine, state: ManifestState | undefined): void {
  const { fs, path } = engine;
  const names = fs.list(path);
  for (const name of names) {
    const [, manifest, file] = FILE.exec(name) ?? [];
    const number = Number(manifest ?? file ?? 0);
    if (number < MAX_FILE) engine.nextFile = Math.max(engine.nextFile, number + 1);
  }
  if (state === undefined) refuseOrphans(fs, path, names);
  else {
    engine.sequence = state.lastSequence;
    engine.logNumber = state.logNumber;
    engine.nextFile = Math.max(engine.nextFile, state.nextFile);
    engine.manifestNumber = Number(state.name.slice(9));
    engine.version = new Version(state.tables);
    engine.version.check(`${path}/${state.name}`);
    for (const { number } of engine.version.all()) {
      const base = String(number).padStart(6, "0");
      if (!names.includes(`${base}.ldb`) && !names.includes(`${base}.sst`)) {
        throw new CorruptionError(engine.fileName(number, "ldb"), 0, "the table is missing");
      }
    }
  }
  const logs = state === undefined ? [] : names.filter((name) => /^\d+\.log$/.test(name))
    .map((name) => parseInt(name, 10)).sort((a, b) => a - b);
  const replay = new Replay(engine);
  for (const number of logs) if (number >= engine.logNumber) replay.log(number);
  engine.oldLogs = logs.filter((number) => number < engine.logNumber).map((number) => {
    const file = fs.open(engine.fileName(number, "log"));
    try {
      return { number, sizeBytes: file.size() };
    } finally {
      file.close();
    }
  });
  const { reusable } = replay;
  const whole = state?.reusable !== undefined && replay.added.length === 0;
  if (whole && reusable !== undefined && reusable.number === state.logNumber) {
    engine.log = new LogWriter(
      fs.openToAppend(engine.fileName(reusable.number, "log")),
      reusable.sizeBytes,
    );
    openManifest(engine, state);
  } else start(engine, state, replay, logs);
  removeObsolete(engine);
  engine.trimLogs();
}

/** Without `CURRENT` there must be nothing that a user could miss. */
function refuseOrphans(fs: FileSystem, path: string, names: string[]): void {
  const missing = (what: string) =>
    new CorruptionError(`${path}/CURRENT`, 0, `it is missing but ${what} are there`);
  if (names.some((name) => /^\d+\.(ldb|sst)$/.test(name))) throw missing("tables");
  for (const name of names.filter((name) => /^\d+\.log$/.test(name))) {
    const file = fs.open(`${path}/${name}`);
    try {
      readLog(file, (data, start, length) => {
        if (!isMark(data, start, length)) throw missing("batches in logs");
      });
    } finally {
      file.close();
    }
  }
}

class Replay {
  engine: Engine;
  added: Table[] = [];
  cut: CorruptionError | undefined;
  /** The log, when it is the only one and writing can go on in it. */
  reusable: { number: number; sizeBytes: number } | undefined;
  count = 0;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  log(number: number): void {
    const { engine } = this;
    const name = engine.fileName(number, "log");
    const file = engine.fs.open(name);
    try {
      const end = readLog(file, (data, start, length, offset) => {
        if (isMark(data, start, length)) return;
        // A power cut while logs are switched leaves a torn log and an empty newer one; batches
        // behind a torn log would leave a hole.
        if (this.cut) throw this.cut;
        this.batch(data, start, length, name, offset);
      });
      refuseLoss(file, name, end, engine.sequence);
      this.reusable = undefined;
      if (end.damage === undefined) {
        if (this.count++ === 0 && end.marked) this.reusable = { number, sizeBytes: end.sizeBytes };
        return;
      }
      this.count++;
      this.cut = new CorruptionError(name, end.end, "the log is cut short and a newer one follows");
      engine.cuts.push({
        file: name,
        offset: end.end,
        droppedBytes: end.sizeBytes - end.end,
        reason: end.damage,
      });
    } finally {
      file.close();
    }
  }

  batch(data: Uint8Array, start: number, length: number, name: string, offset: number): void {
    const { engine } = this;
    if (engine.memtable.sizeBytes >= engine.options.memtableBytes) this.writeOut();
    const { memtable } = engine;
    const last = visitBatch(
      data,
      start,
      length,
      (sequence, data, keyStart, keyLength, at, size) => {
        memtable.add(data, keyStart, keyLength, sequence, data, at, size);
      },
    );
    if (last < 0) throw new CorruptionError(name, offset, "a batch of the log is malformed");
    engine.sequence = Math.max(engine.sequence, last);
    engine.replayedBatches++;
  }

  writeOut(): void {
    // The version knows nothing of the tables so far: what they hold may be deleted in these.
    this.added.push(...this.engine.writeMemtable(this.added.length === 0));
    this.engine.memtable = new Memtable();
  }
}

/** Goes on in the manifest that there is. */
function openManifest(engine: Engine, state: ManifestState): void {
  const file = engine.fs.openToAppend(`${engine.path}/${state.name}`);
  engine.manifest = new LogWriter(file, state.reusable!);
}

/** Puts what was replayed into tables and begins a log, and a manifest where it must. */
function start(
  engine: Engine,
  state: ManifestState | undefined,
  replay: Replay,
  logs: readonly number[],
): void {
  replay.writeOut();
  const { log, number } = engine.createLog();
  engine.log = log;
  engine.durable = engine.marked = engine.sequence;
  const old = engine.logNumber;
  engine.logNumber = number;
  const added = replay.added.map((table) => ({ level: 0, table }));
  if (state?.reusable !== undefined) {
    openManifest(engine, state);
    engine.apply({ logNumber: number, removed: [], added });
  } else {
    const levels = engine.version.levels.map((tables) => [...tables]);
    for (const table of replay.added) levels[0]!.push(table);
    engine.version = new Version(levels);
    engine.manifestNumber = engine.nextFile++;
    engine.manifest = writeManifest(engine.fs, engine.path, engine.manifestNumber, {
      comparator: engine.comparator,
      logNumber: number,
      nextFile: engine.nextFile,
      lastSequence: engine.sequence,
      version: engine.version,
    });
  }
  // They are in tables now, but readers of changes may still want them. One that was cut ends early.
  if (replay.cut === undefined) {
    for (const replayed of logs) {
      if (replayed < old) continue;
      const file = engine.fs.open(engine.fileName(replayed, "log"));
      engine.oldLogs.push({ number: replayed, sizeBytes: file.size() });
      file.close();
    }
  }
}

/** Writes a manifest with a whole state and makes `CURRENT` name it. */
export function writeManifest(
  fs: FileSystem,
  path: string,
  number: number,
  state: {
    comparator: string;
    logNumber: number;
    nextFile: number;
    lastSequence: number;
    version: Version;
  },
): LogWriter {
  const { comparator, logNumber, nextFile, lastSequence, version } = state;
  const name = `MANIFEST-${String(number).padStart(6, "0")}`;
  const added = version.levels.flatMap((tables, level) =>
    tables.map((table) => ({ level, table }))
  );
  const writer = new LogWriter(fs.create(`${path}/${name}`));
  try {
    const edit = { comparator, logNumber, nextFile, lastSequence, removed: [], added };
    writer.append(encodeEdit(edit));
    writer.drain();
    writer.file.sync();
    fs.syncDirectory(path);
    const temporary = `${path}/${String(number).padStart(6, "0")}.dbtmp`;
    const current = fs.create(temporary);
    try {
      current.append(new TextEncoder().encode(`${name}\n`));
      current.sync();
    } finally {
      current.close();
    }
    fs.rename(temporary, `${path}/CURRENT`);
    fs.syncDirectory(path);
  } catch (error) {
    writer.file.close();
    throw error;
  }
  return writer;
}

/** Removes what no state needs: the rest of what a crash interrupted. */
function removeObsolete(engine: Engine): void {
  const tables = new Set(engine.version.all().map((table) => table.number));
  const logs = new Set([engine.logNumber, ...engine.oldLogs.map((log) => log.number)]);
  for (const name of engine.fs.list(engine.path)) {
    const [, manifest, file, kind] = FILE.exec(name) ?? [];
    const number = Number(file);
    const keep = manifest !== undefined
      ? Number(manifest) === engine.manifestNumber
      : kind === undefined || (kind === "log" ? logs.has(number) : tables.has(number));
    if (!keep || kind === "dbtmp") engine.removeFile(`${engine.path}/${name}`);
  }
}
