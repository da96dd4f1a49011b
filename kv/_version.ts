/**
 * The manifest (a log of edits to the set of tables), and the sets that they make.
 *
 *     edit := (tag(varint) fields)*
 *     1 comparator name | 2 log number | 3 next file number | 4 last sequence | 9 previous log
 *     5 level, internal key (where compaction goes on) | 6 level, number of a table that went
 *     7 level, number, size, smallest and largest internal key of a table that came
 *
 * The comparator's name says who may open the database: LevelDB refuses one that it does not know.
 */
import { ByteWriter, compareRanges, readVarint, varintEnd } from "./_bytes.ts";
import { MAX_SEQUENCE, readSequence, TRAILER_BYTES } from "./_internal_key.ts";
import { compareUser } from "./_table_builder.ts";
import type { TableReader } from "./_table_reader.ts";
import { CorruptionError } from "./errors.ts";

/** LevelDB's own order; every value is stored as it is. */
export const LEVELDB_COMPARATOR = "leveldb.BytewiseComparator";
/** The same order, in tables that LevelDB cannot read. */
export const OWN_COMPARATOR = "groundwork.BytewiseComparator";
/** As before, and values in the envelope of `_envelope.ts`. */
export const TTL_COMPARATOR = "groundwork.BytewiseComparator.ttl";
const COMPARATORS: readonly string[] = [LEVELDB_COMPARATOR, OWN_COMPARATOR, TTL_COMPARATOR];

/** Files are numbered one by one, so a greater number is damage. */
export const MAX_FILE: number = 2 ** 48;
/** How many levels LevelDB has. */
export const LEVELS = 7;

/** One table of the database. */
export interface Table {
  readonly number: number;
  readonly sizeBytes: number;
  /** Internal keys. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  /** Set while the table is open. */
  reader: TableReader | undefined;
  /** How many versions hold it. */
  versions: number;
  /** Look-ups in vain until it is worth compacting. */
  seeksLeft: number;
}

/** Makes the record of a table. */
export function newTable(
  number: number,
  sizeBytes: number,
  smallest: Uint8Array,
  largest: Uint8Array,
): Table {
  // As LevelDB: one seek costs about as much as compacting 16 KiB.
  const seeksLeft = Math.max(100, Math.floor(sizeBytes / 16384));
  return { number, sizeBytes, smallest, largest, reader: undefined, versions: 0, seeksLeft };
}

/** What an edit says. */
export interface Edit {
  comparator?: string | undefined;
  logNumber?: number | undefined;
  nextFile?: number | undefined;
  lastSequence?: number | undefined;
  removed: { level: number; number: number }[];
  added: { level: number; table: Table }[];
}

/** Encodes an edit. */
export function encodeEdit(edit: Edit): Uint8Array {
  const out = new ByteWriter();
  if (edit.comparator !== undefined) {
    out.varint(1);
    out.prefixed(new TextEncoder().encode(edit.comparator));
  }
  const numbers = [[2, edit.logNumber], [3, edit.nextFile], [4, edit.lastSequence]] as const;
  for (const [tag, value] of numbers) {
    if (value === undefined) continue;
    out.varint(tag);
    out.varint(value);
  }
  for (const { level, number } of edit.removed) {
    for (const value of [6, level, number]) out.varint(value);
  }
  for (const { level, table } of edit.added) {
    for (const value of [7, level, table.number, table.sizeBytes]) out.varint(value);
    out.prefixed(table.smallest);
    out.prefixed(table.largest);
  }
  return out.view();
}

/** Decodes an edit; throws `CorruptionError` at `offset` of `file`. */
export function decodeEdit(bytes: Uint8Array, file: string, offset: number): Edit {
  const edit: Edit = { removed: [], added: [] };
  let at = 0;
  const bad = (reason: string) => new CorruptionError(file, offset, reason);
  const number = () => {
    const value = readVarint(bytes, at, bytes.length);
    if (varintEnd < 0) throw bad("a number of an edit is malformed");
    at = varintEnd;
    return value;
  };
  const fileNumber = () => {
    const value = number();
    if (value > MAX_FILE) throw bad("the number of a file is too large");
    return value;
  };
  const level = () => {
    const value = number();
    if (value >= LEVELS) throw bad("an edit names a level that does not exist");
    return value;
  };
  const text = () => {
    const length = number();
    if (length > bytes.length - at) throw bad("a string of an edit is cut short");
    at += length;
    return bytes.slice(at - length, at);
  };
  const key = () => {
    const found = text();
    if (found.length < TRAILER_BYTES || found[found.length - TRAILER_BYTES]! > 1) {
      throw bad("a key of an edit is malformed");
    }
    return found;
  };
  while (at < bytes.length) {
    const tag = number();
    if (tag === 1) {
      edit.comparator = new TextDecoder().decode(text());
      if (!COMPARATORS.includes(edit.comparator)) {
        throw bad(`the comparator ${JSON.stringify(edit.comparator.slice(0, 80))} is not known`);
      }
    } else if (tag === 2) edit.logNumber = fileNumber();
    else if (tag === 3) edit.nextFile = fileNumber();
    else if (tag === 4) {
      edit.lastSequence = number();
      if (edit.lastSequence > MAX_SEQUENCE) throw bad("the last sequence number is too large");
    } else if (tag === 9) number();
    else if (tag === 5) {
      level();
      text();
    } else if (tag === 6) edit.removed.push({ level: level(), number: number() });
    else if (tag === 7) {
      edit.added.push({ level: level(), table: newTable(fileNumber(), number(), key(), key()) });
    } else throw bad(`the tag ${tag} of an edit is not known`);
  }
  return edit;
}

/** Orders internal keys. */
export function compareInternal(a: Uint8Array, b: Uint8Array): number {
  const order = compareUser(a, 0, a.length - TRAILER_BYTES, b);
  return order !== 0
    ? order
    : readSequence(b, b.length - TRAILER_BYTES) - readSequence(a, a.length - TRAILER_BYTES);
}

/** The tables of one moment, which no edit changes; it lives while somebody reads in it. */
export class Version {
  /** Level 0 from the newest file to the oldest; the others by key. */
  levels: readonly (readonly Table[])[];
  /** Bytes of each level. */
  bytes: readonly number[];
  references = 1;

  constructor(levels: readonly Table[][]) {
    for (const [level, tables] of levels.entries()) {
      tables.sort((a, b) =>
        level === 0 ? b.number - a.number : compareInternal(a.smallest, b.smallest)
      );
      for (const table of tables) table.versions++;
    }
    this.levels = levels;
    this.bytes = levels.map((tables) => tables.reduce((sum, table) => sum + table.sizeBytes, 0));
  }

  /** The version that an edit makes of this one. */
  apply(edit: Edit): Version {
    const gone = new Set(edit.removed.map(({ level, number }) => `${level}:${number}`));
    const levels = this.levels.map((tables, level) =>
      tables.filter((table) => !gone.has(`${level}:${table.number}`))
    );
    for (const { level, table } of edit.added) levels[level]!.push(table);
    return new Version(levels);
  }

  /** Every table. */
  all(): Table[] {
    return this.levels.flat();
  }

  /** The place in a level of the first table that does not end before (key, sequence). */
  locate(level: number, key: Uint8Array, length: number, sequence: number): number {
    const tables = this.levels[level]!;
    let low = 0;
    let high = tables.length;
    while (low < high) {
      const middle = low + high >>> 1;
      const largest = tables[middle]!.largest;
      const size = largest.length - TRAILER_BYTES;
      const order = compareRanges(largest, 0, size, key, 0, length);
      if (order < 0 || order === 0 && readSequence(largest, size) > sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The tables of a level with keys of a range of user keys, both ends among them. */
  overlapping(
    level: number,
    from: Uint8Array | undefined,
    to: Uint8Array | undefined,
  ): Table[] {
    return this.levels[level]!.filter((table) =>
      (from === undefined || compareUser(from, 0, from.length, table.largest) <= 0) &&
      (to === undefined || compareUser(to, 0, to.length, table.smallest) >= 0)
    );
  }

  /** Throws when tables contradict each other. */
  check(file: string): void {
    for (const [level, tables] of this.levels.entries()) {
      for (const [i, table] of tables.entries()) {
        const before = tables[i - 1];
        const wrong = compareInternal(table.smallest, table.largest) > 0 ||
          level > 0 && before && compareInternal(before.largest, table.smallest) >= 0;
        if (wrong) {
          throw new CorruptionError(file, 0, `the range of table ${table.number} is wrong`);
        }
      }
    }
  }
}
