/**
 * The manifest: a log of edits to the set of tables.
 *
 *     edit := (tag(varint) fields)*
 *     1 comparator name | 2 log number | 3 next file number | 4 last sequence | 9 previous log
 *     5 level, internal key (where compaction goes on) | 6 level, number of a table that went
 *     7 level, number, size, smallest and largest internal key of a table that came
 */
import { ByteWriter, readVarint, varintEnd } from "./_bytes.ts";
import { parseInternalKey, type TableReader } from "./_table.ts";
import { CorruptionError } from "./errors.ts";

const COMPARATOR = "leveldb.BytewiseComparator";
/** How many levels LevelDB has. */
export const LEVELS = 7;

/** One table of the database. */
export interface Table {
  readonly level: number;
  readonly number: number;
  readonly sizeBytes: number;
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly reader: TableReader | undefined;
}

/** What an edit says. */
export interface Edit {
  logNumber?: number;
  nextFile?: number;
  lastSequence?: number;
  removed: { level: number; number: number }[];
  added: Table[];
}

/** Encodes an edit. */
export function encodeEdit(edit: Edit, withComparator: boolean): Uint8Array {
  const out = new ByteWriter();
  if (withComparator) {
    out.varint(1);
    out.prefixed(new TextEncoder().encode(COMPARATOR));
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
  for (const table of edit.added) {
    for (const value of [7, table.level, table.number, table.sizeBytes]) out.varint(value);
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
    if (!parseInternalKey(found)) throw bad("a key of an edit is malformed");
    return found;
  };
  while (at < bytes.length) {
    const tag = number();
    if (tag === 1) {
      const name = new TextDecoder().decode(text());
      if (name !== COMPARATOR) throw bad(`the comparator ${JSON.stringify(name)} is not known`);
    } else if (tag === 2) edit.logNumber = number();
    else if (tag === 3) edit.nextFile = number();
    else if (tag === 4) edit.lastSequence = number();
    else if (tag === 9) number();
    else if (tag === 5) {
      level();
      key();
    } else if (tag === 6) edit.removed.push({ level: level(), number: number() });
    else if (tag === 7) {
      const table = { level: level(), number: number(), sizeBytes: number(), reader: undefined };
      edit.added.push({ ...table, smallest: key(), largest: key() });
    } else throw bad(`the tag ${tag} of an edit is not known`);
  }
  return edit;
}
