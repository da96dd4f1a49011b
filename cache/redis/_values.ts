/** What a key can hold, and the errors that commands answer with. */
import { Buffer } from "node:buffer";
import { Dict } from "./_dict.ts";
import { ListValue } from "./_list.ts";
import { OrderTree } from "./_order_tree.ts";
import { SortedMap } from "./_sorted_map.ts";

/** `Buffer` with the byte-to-character methods that its types leave out. */
export interface Latin1Buffer extends Buffer {
  /** Bytes as a string of one character a byte. */
  latin1Slice(start: number, end: number): string;
}

/** A new buffer with undefined contents. */
export function allocate(size: number): Latin1Buffer {
  return Buffer.allocUnsafe(size) as Latin1Buffer;
}

const ENCODER = new TextEncoder();
/** Texts up to this length are written faster by a loop. */
const SHORT_TEXT = 16;

/**
 * Writes a byte string, one byte a character.
 *
 * UTF-8 is the same as long as all is ASCII, and its encoder is several times faster than a loop; it stops
 * short where a character above 127 needs a second byte.
 */
export function writeLatin1(target: Uint8Array, text: string, offset = 0): void {
  const { length } = text;
  let done = 0;
  if (length > SHORT_TEXT) {
    const end = offset + length;
    const space = offset === 0 && target.length === length ? target : target.subarray(offset, end);
    const { read, written } = ENCODER.encodeInto(text, space);
    if (read === length) return;
    // All that was read is ASCII when as many bytes were written.
    if (read === written) done = read;
  }
  for (let i = done; i < length; i++) target[offset + i] = text.charCodeAt(i);
}

/** A view of bytes with the latin1 methods. */
export function viewOf(bytes: Uint8Array): Latin1Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Latin1Buffer;
}

/** Bytes as a byte string. */
export function toByteString(bytes: Uint8Array): string {
  return viewOf(bytes).latin1Slice(0, bytes.length);
}

/** A byte string as bytes. */
export function toBytes(text: string): Latin1Buffer {
  const buffer = allocate(text.length);
  writeLatin1(buffer, text);
  return buffer;
}

/** UTF-8 text as a byte string. */
export function utf8(text: string): string {
  return toByteString(new TextEncoder().encode(text));
}

/** A string value that is written in place: SETBIT, SETRANGE, BITFIELD and HyperLogLogs. */
export class BytesValue {
  /** Tag. */
  readonly type = "string";
  /** Storage; only the first `length` bytes count. */
  buffer: Latin1Buffer;
  /** Bytes in use. */
  length: number;
  /** What the key space has accounted for this value. */
  accounted = 0;

  /** @param text The initial contents. */
  constructor(text: string) {
    this.buffer = toBytes(text);
    this.length = text.length;
  }

  /** Estimated bytes. */
  get bytes(): number {
    return this.buffer.length + 48;
  }

  /** Extends with zeros to at least `length` bytes. */
  grow(length: number): void {
    if (length <= this.length) return;
    if (length > this.buffer.length) {
      const next = Buffer.alloc(
        length > 1 << 20 ? length + (1 << 20) : Math.max(length * 2, 32),
      ) as Latin1Buffer;
      next.set(this.buffer.subarray(0, this.length));
      this.buffer = next;
    } else this.buffer.fill(0, this.length, length);
    this.length = length;
  }

  /** The contents as a byte string. */
  toString(): string {
    return this.buffer.latin1Slice(0, this.length);
  }
}

/** A hash value. */
export class HashValue {
  /** Tag. */
  readonly type = "hash";
  /** Fields. */
  readonly fields: Dict<string> = new Dict<string>();
  /** What the key space has accounted for this value. */
  accounted = 0;
  /** Estimated bytes. */
  get bytes(): number {
    return this.fields.bytes;
  }
}

/** A set value. */
export class SetValue {
  /** Tag. */
  readonly type = "set";
  /** Members. */
  readonly members: Dict<undefined> = new Dict<undefined>();
  /** What the key space has accounted for this value. */
  accounted = 0;
  /** Whether it has left the integer encoding: OBJECT ENCODING. */
  encoding: "intset" | "listpack" | "hashtable" = "intset";
  /** Estimated bytes. */
  get bytes(): number {
    return this.members.bytes;
  }
}

/** A sorted set value. */
export class ZSetValue {
  /** Tag. */
  readonly type = "zset";
  /** Score of each member. */
  readonly scores: Dict<number> = new Dict<number>();
  /** Members in order. */
  readonly order: OrderTree = new OrderTree();
  /** What the key space has accounted for this value. */
  accounted = 0;
  /** Whether it has ever been large: OBJECT ENCODING. */
  big = false;
  /** Estimated bytes. */
  get bytes(): number {
    return this.scores.bytes + this.scores.size * 20;
  }
  /** Number of members. */
  get size(): number {
    return this.scores.size;
  }
  /** Adds a member or moves it; true when it is new. */
  set(member: string, score: number): boolean {
    return this.setAt(this.scores.find(member), member, score);
  }
  /** The same, for a member whose position in `scores` is known already; -1 when it is absent. */
  setAt(at: number, member: string, score: number): boolean {
    if (at < 0) {
      this.scores.add(member, score);
      this.order.insert(score, member);
      return true;
    }
    const old = this.scores.values[at]!;
    if (old !== score) {
      this.order.remove(old, member);
      this.order.insert(score, member);
      this.scores.values[at] = score;
    }
    return false;
  }
  /** Removes a member; false when absent. */
  delete(member: string): boolean {
    const at = this.scores.find(member);
    if (at < 0) return false;
    this.order.remove(this.scores.values[at]!, member);
    this.scores.deleteAt(at);
    return true;
  }
}

/** An entry that was delivered and not acknowledged. */
export interface Pending {
  /** Who has it. */
  consumer: Consumer;
  /** When it was delivered last, epoch milliseconds. */
  time: number;
  /** How often it was delivered. */
  count: number;
}

/** A consumer of a group. */
export interface Consumer {
  /** Its name. */
  name: string;
  /** When it last tried to read. */
  seen: number;
  /** When it last got something, or -1. */
  active: number;
  /** What it holds. */
  pending: SortedMap<Pending>;
}

/** A consumer group. */
export interface Group {
  /** Last id delivered. */
  lastId: bigint;
  /** Entries read so far, or -1 when unknown. */
  read: number;
  /** Entries that are not acknowledged. */
  pending: SortedMap<Pending>;
  /** Consumers by name. */
  consumers: Map<string, Consumer>;
}

/** A stream value; ids are `milliseconds << 64 | sequence`. */
export class StreamValue {
  /** Tag. */
  readonly type = "stream";
  /** Fields and values of each entry. */
  readonly entries: SortedMap<string[]> = new SortedMap<string[]>();
  /** Largest id ever given. */
  lastId = 0n;
  /** Largest id that was deleted. */
  maxDeletedId = 0n;
  /** Entries ever added. */
  added = 0;
  /** Entries that trimming took from the start: where the nodes of a real stream would end. */
  trimmed = 0;
  /** Groups by name. */
  readonly groups: Map<string, Group> = new Map<string, Group>();
  /** What the key space has accounted for this value. */
  accounted = 0;
  /** Estimated bytes. */
  bytes = 128;
  /** Adds an entry. */
  append(id: bigint, fields: string[]): void {
    this.entries.set(id, fields);
    let size = 64;
    for (const text of fields) size += text.length + 24;
    this.bytes += size;
  }
  /** Removes an entry; false when absent. */
  delete(id: bigint): boolean {
    const fields = this.entries.get(id);
    if (fields === undefined) return false;
    let size = 64;
    for (const text of fields) size += text.length + 24;
    this.bytes -= size;
    return this.entries.delete(id);
  }
}

/** A value that is not a plain string. */
export type ObjectValue = BytesValue | ListValue | HashValue | SetValue | ZSetValue | StreamValue;
/** Any value. */
export type Value = string | ObjectValue;

/** TYPE of a value. */
export function typeOf(value: Value): ObjectValue["type"] {
  return typeof value === "string" ? "string" : value.type;
}

/** An error reply: the code, a space, the text. */
export class CommandError extends Error {
  /** Always `"CommandError"`. */
  override readonly name = "CommandError";
}

/** The reply for a key of another type. */
export const WRONG_TYPE: CommandError = new CommandError(
  "WRONGTYPE Operation against a key holding the wrong kind of value",
);
/** The reply for options that make no sense. */
export const SYNTAX_ERROR: CommandError = new CommandError("ERR syntax error");
/** The reply for something that is no int64. */
export const NOT_INTEGER: CommandError = new CommandError(
  "ERR value is not an integer or out of range",
);
/** The reply for something that is no double. */
export const NOT_FLOAT: CommandError = new CommandError("ERR value is not a valid float");
/** The reply for a missing key where one is needed. */
export const NO_SUCH_KEY: CommandError = new CommandError("ERR no such key");
/** The reply for an index beyond a list. */
export const OUT_OF_RANGE: CommandError = new CommandError("ERR index out of range");

export { ListValue };
