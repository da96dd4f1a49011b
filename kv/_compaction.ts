/**
 * Compaction: merges tables of one level with those that they overlap in the next, and drops
 * versions that nobody can see. A job runs in steps, in this thread or in a worker.
 */
import { compareBytes, compareRanges, EMPTY } from "./_bytes.ts";
import { type Cursor, Merge } from "./_cursor.ts";
import { expiryOf } from "./_envelope.ts";
import { userKey } from "./_internal_key.ts";
import { type Compression, TableBuilder } from "./_table_builder.ts";
import { compareInternal, LEVELS, newTable, type Table, type Version } from "./_version.ts";
import { CorruptionError } from "./errors.ts";
import type { StorageFile } from "./file_system.ts";

/** Size at which a table of a level from 1 on is closed. */
export const TABLE_BYTES: number = 2 * 2 ** 20;
/** Tables of level 0 that make it worth compacting. */
export const LEVEL_0_TABLES = 4;
const GRANDPARENT_BYTES = 10 * TABLE_BYTES;

/** A range of user keys with the bytes that lie in it. */
export interface Extent {
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly sizeBytes: number;
}

/** What a job has to know, apart from its inputs; it can be sent to a worker. */
export interface CompactionPlan {
  /** Versions older than the newest one up to this sequence number are not seen by anybody. */
  readonly oldest: number;
  /** Values that ended at or before this time are not seen either; set where values have envelopes. */
  readonly expired: number | undefined;
  /** For each level below the result, its tables' ranges in order; undefined: anything may be there. */
  readonly deeper: readonly (readonly Extent[])[] | undefined;
  readonly compression: Compression;
  readonly blockBytes: number;
  /** Leaves out entries that are out of order, for repairs. */
  readonly tolerant?: boolean;
}

/** What to compact. */
export interface Picked {
  readonly level: number;
  /** Where the result goes: the next level, or the same for a rewrite in place. */
  readonly target: number;
  /** The tables of the level, then those of the next. */
  readonly inputs: readonly Table[];
  /** How many of them are of the level itself. */
  readonly upper: number;
  /** The inputs only change their level. */
  readonly move: boolean;
}

/** How full the levels are: level 0 by count, the others by bytes; 1 is due. */
export function scoreOf(version: Version, level: number): number {
  return level === 0
    ? version.levels[0]!.length / LEVEL_0_TABLES
    : version.bytes[level]! / (10 ** level * 2 ** 20);
}

/** Chooses by score; then a table that look-ups passed through in vain too often. */
export function pick(
  version: Version,
  pointers: readonly (Uint8Array | undefined)[],
  seek: Table | undefined,
): Picked | undefined {
  let level = -1;
  let best = 1;
  for (let i = 0; i < LEVELS - 1; i++) {
    const score = scoreOf(version, i);
    if (score < best) continue;
    best = score;
    level = i;
  }
  if (level >= 0) {
    const tables = version.levels[level]!;
    const pointer = pointers[level];
    const next = level > 0 && pointer
      ? tables.find((table) => compareInternal(table.largest, pointer) > 0)
      : undefined;
    return widen(version, level, [next ?? tables.at(level === 0 ? -1 : 0)!]);
  }
  if (seek === undefined) return undefined;
  level = version.levels.findIndex((tables) => tables.includes(seek));
  return level >= 0 && level < LEVELS - 1 ? widen(version, level, [seek]) : undefined;
}

/** Takes in what must go along: overlapping tables of level 0, and of the next level. */
export function widen(version: Version, level: number, picked: readonly Table[]): Picked {
  let tables = picked;
  let [from, to] = rangeOf(tables);
  // Also above level 0: LevelDB may have cut the versions of one key over two tables.
  for (;;) {
    const more = version.overlapping(level, from, to);
    if (more.length === tables.length) break;
    tables = more;
    [from, to] = rangeOf(tables);
  }
  const next = level + 1 < LEVELS ? version.overlapping(level + 1, from, to) : [];
  const below = level + 2 < LEVELS ? version.overlapping(level + 2, from, to) : [];
  const weight = below.reduce((sum, table) => sum + table.sizeBytes, 0);
  const move = tables.length === 1 && next.length === 0 && weight <= GRANDPARENT_BYTES;
  return { level, target: level + 1, inputs: [...tables, ...next], upper: tables.length, move };
}

function rangeOf(tables: readonly Table[]): [Uint8Array, Uint8Array] {
  let from = userKey(tables[0]!.smallest);
  let to = userKey(tables[0]!.largest);
  for (const table of tables) {
    if (compareBytes(userKey(table.smallest), from) < 0) from = userKey(table.smallest);
    if (compareBytes(userKey(table.largest), to) > 0) to = userKey(table.largest);
  }
  return [from, to];
}

/** The ranges of the tables in the levels below `level`. */
export function extentsBelow(version: Version, level: number): Extent[][] {
  return version.levels.slice(level + 1).map((tables) =>
    tables.map(({ smallest, largest, sizeBytes }) => ({
      smallest: userKey(smallest),
      largest: userKey(largest),
      sizeBytes,
    }))
  );
}

/** Where the tables of a job go. */
export interface TableSink {
  create(): { number: number; file: StorageFile };
}

/** One compaction in steps. */
export class CompactionJob {
  plan: CompactionPlan;
  merge: Merge;
  sink: TableSink;
  name: string;
  added: Table[] = [];
  open: { builder: TableBuilder; number: number; file: StorageFile } | undefined;
  key: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  keyLength = -1;
  sequence = 0;
  hidden = false;
  /** For each level below, the first table that does not end before the current key. */
  places: number[];
  grandparent = 0;
  overlapBytes = 0;
  overlapSeen = false;
  /** The greatest sequence number seen. */
  newest = 0;
  entriesOut = 0;

  /** Takes cursors over the inputs and closes them at the end. */
  constructor(plan: CompactionPlan, cursors: Cursor[], sink: TableSink, name: string) {
    this.plan = plan;
    this.sink = sink;
    this.name = name;
    this.places = plan.deeper?.map(() => 0) ?? [];
    this.merge = new Merge(cursors);
    try {
      this.merge.first();
    } catch (error) {
      this.merge.close();
      throw error;
    }
  }

  /** Whether a level below has a table over the current key. */
  isDeeper(): boolean {
    const { key, keyLength, places } = this;
    const { deeper } = this.plan;
    if (deeper === undefined) return true;
    for (let i = 0; i < places.length; i++) {
      const extents = deeper[i]!;
      let place = places[i]!;
      for (; place < extents.length; place++) {
        const { largest } = extents[place]!;
        if (compareRanges(largest, 0, largest.length, key, 0, keyLength) >= 0) break;
      }
      places[i] = place;
      if (place === extents.length) continue;
      const { smallest } = extents[place]!;
      if (compareRanges(smallest, 0, smallest.length, key, 0, keyLength) <= 0) return true;
    }
    return false;
  }

  /** As LevelDB: a table that overlaps too much of the level after the next is closed early. */
  isWide(): boolean {
    const extents = this.plan.deeper?.[0];
    if (extents === undefined) return false;
    for (; this.grandparent < extents.length; this.grandparent++) {
      const { largest, sizeBytes } = extents[this.grandparent]!;
      if (compareRanges(this.key, 0, this.keyLength, largest, 0, largest.length) <= 0) break;
      if (this.overlapSeen) this.overlapBytes += sizeBytes;
    }
    this.overlapSeen = true;
    if (this.overlapBytes <= GRANDPARENT_BYTES) return false;
    this.overlapBytes = 0;
    return true;
  }

  finishTable(): void {
    const { builder, number, file } = this.open!;
    const sizeBytes = builder.finish();
    this.open = undefined;
    file.close();
    this.added.push(newTable(number, sizeBytes, builder.smallest, builder.largest));
  }

  /** Works on about this many bytes of input; whether it is done. */
  step(bytes: number): boolean {
    const { merge, plan } = this;
    let left = bytes;
    for (;;) {
      const top = merge.top;
      if (top === undefined) {
        if (this.open) this.finishTable();
        merge.close();
        return true;
      }
      if (left <= 0) return false;
      left -= top.keyLength + (top.live ? top.valueLength : 0) + 8;
      const order = this.keyLength < 0
        ? 1
        : compareRanges(top.key, top.keyStart, top.keyLength, this.key, 0, this.keyLength);
      if (order === 0 && top.sequence === this.sequence) {
        merge.step(); // after a repair, a log and its table may both be there
        continue;
      }
      if (order < 0 || order === 0 && top.sequence > this.sequence) {
        if (plan.tolerant) {
          merge.step();
          continue;
        }
        throw new CorruptionError(this.name, 0, "the tables to be merged are out of order");
      }
      if (order > 0) {
        if (top.keyLength > this.key.length) this.key = new Uint8Array(top.keyLength * 2);
        const { key } = this;
        for (let i = 0; i < top.keyLength; i++) key[i] = top.key[top.keyStart + i]!;
        this.keyLength = top.keyLength;
        this.hidden = false;
        const { open } = this;
        const wide = this.isWide();
        if (open && (open.builder.sizeBytes >= TABLE_BYTES || wide)) this.finishTable();
      }
      this.sequence = top.sequence;
      if (top.sequence > this.newest) this.newest = top.sequence;
      if (!this.hidden) {
        this.hidden = top.sequence <= plan.oldest;
        let { live } = top;
        if (
          live && this.hidden && plan.expired !== undefined &&
          expiryOf(top.value, top.valueStart, top.valueLength) <= plan.expired
        ) live = false;
        if (live || !this.hidden || this.isDeeper()) this.put(top, live);
      }
      merge.step();
    }
  }

  put(top: Cursor, live: boolean): void {
    this.entriesOut++;
    if (this.open === undefined) {
      const { number, file } = this.sink.create();
      const builder = new TableBuilder(file, this.plan.compression, this.plan.blockBytes);
      this.open = { builder, number, file };
    }
    this.open.builder.add(
      top.key,
      top.keyStart,
      top.keyLength,
      top.sequence,
      live,
      live ? top.value : EMPTY,
      top.valueStart,
      live ? top.valueLength : 0,
    );
  }

  /** Gives up: closes what is open. The tables so far are left for the caller to remove. */
  abort(): void {
    this.merge.close();
    this.open?.file.close();
    this.open = undefined;
  }
}
