/** Commands on the bits of strings. */
import type { Client } from "./_client.ts";
import type { CommandRow } from "./_engine.ts";
import { integer } from "./_args.ts";
import { parseInteger } from "./_numbers.ts";
import {
  BytesValue,
  CommandError,
  type Latin1Buffer,
  NOT_INTEGER,
  SYNTAX_ERROR,
  toBytes,
  toByteString,
} from "./_values.ts";

const BIT_OFFSET = new CommandError("ERR bit offset is not an integer or out of range");
const BIT_VALUE = new CommandError("ERR bit is not an integer or out of range");

/** Bytes of a live string for reading, without a copy where it is stored as bytes. */
function bytesOf(client: Client, key: string): Uint8Array | undefined {
  const value = client.db.read(key);
  if (value instanceof BytesValue) return value.buffer.subarray(0, value.length);
  const text = client.db.readStringOf(value);
  return text === undefined ? undefined : toBytes(text);
}

/** A live string to change in place, made when absent, with at least `length` bytes. */
export function openBytes(client: Client, key: string, length: number): BytesValue {
  let bytes = client.db.writeBytes(key);
  if (bytes === undefined) {
    bytes = new BytesValue("");
    client.db.put(key, bytes);
  }
  bytes.grow(length);
  return bytes;
}

function bitOffset(client: Client, text: string): number {
  const offset = parseInteger(text);
  if (offset === undefined || offset < 0 || offset >= client.engine.maxBulkBytes * 8) {
    throw BIT_OFFSET;
  }
  return offset;
}

function setbit(client: Client, args: string[]): void {
  const { db, engine } = client;
  const offset = bitOffset(client, args[2]!);
  if (args[3] !== "0" && args[3] !== "1") throw BIT_VALUE;
  const at = Math.floor(offset / 8);
  const mask = 0x80 >> (offset % 8);
  const before = db.peek(args[1]!);
  const bytes = openBytes(client, args[1]!, 0);
  const grows = at >= bytes.length;
  bytes.grow(at + 1);
  const old = bytes.buffer[at]! & mask;
  const wanted = args[3] === "1";
  if (before === undefined || grows || (old !== 0) !== wanted) {
    if (wanted) bytes.buffer[at]! |= mask;
    else bytes.buffer[at]! &= ~mask;
    db.touch(args[1]!, bytes);
    engine.notify("$", "setbit", args[1]!, db.index);
  }
  client.int(old === 0 ? 0 : 1);
}

function getbit(client: Client, args: string[]): void {
  const offset = bitOffset(client, args[2]!);
  const at = Math.floor(offset / 8);
  const value = client.db.read(args[1]!);
  let byte = 0;
  if (value instanceof BytesValue) byte = at < value.length ? value.buffer[at]! : 0;
  else {
    const text = client.db.readStringOf(value) ?? "";
    if (at < text.length) byte = text.charCodeAt(at);
  }
  client.int(byte >> (7 - offset % 8) & 1);
}

const ONES = new Uint8Array(256);
for (let i = 1; i < 256; i++) ONES[i] = ONES[i >> 1]! + (i & 1);

interface BitRange {
  /** First bit. */
  from: number;
  /** Bit after the last. */
  to: number;
}

/** A range of bytes or bits; null when empty. */
function rangeOf(start: number, end: number, length: number, bits: boolean): BitRange | null {
  const total = bits ? length * 8 : length;
  if (start < 0 && end < 0 && start > end) return null;
  if (start < 0) start = Math.max(0, total + start);
  if (end < 0) end = Math.max(0, total + end);
  if (end >= total) end = total - 1;
  if (start > end) return null;
  return bits ? { from: start, to: end + 1 } : { from: start * 8, to: end * 8 + 8 };
}

function unitOf(text: string | undefined): boolean {
  const unit = (text ?? "byte").toLowerCase();
  if (unit === "bit") return true;
  if (unit === "byte") return false;
  throw SYNTAX_ERROR;
}

function bitcount(client: Client, args: string[]): void {
  if (args.length > 5) throw SYNTAX_ERROR;
  const bits = unitOf(args[4]);
  const start = args[2] === undefined ? 0 : integer(args[2]);
  const end = args[3] === undefined ? -1 : integer(args[3]);
  const bytes = bytesOf(client, args[1]!);
  const range = bytes === undefined ? null : rangeOf(start, end, bytes.length, bits);
  if (range === null) return client.int(0);
  let count = 0;
  let at = range.from;
  while (at < range.to && at % 8 !== 0) {
    count += bytes![at >> 3]! >> (7 - at % 8) & 1;
    at++;
  }
  const lastByte = Math.floor(range.to / 8);
  for (let i = Math.floor(at / 8); i < lastByte && at < range.to; i++) {
    count += ONES[bytes![i]!]!;
    at += 8;
  }
  for (; at < range.to; at++) count += bytes![Math.floor(at / 8)]! >> (7 - at % 8) & 1;
  client.int(count);
}

function bitpos(client: Client, args: string[]): void {
  if (args[2] !== "0" && args[2] !== "1") {
    if (parseInteger(args[2]!) === undefined) throw NOT_INTEGER;
    throw new CommandError("ERR The bit argument must be 1 or 0.");
  }
  if (args.length > 6) throw SYNTAX_ERROR;
  const bit = Number(args[2]);
  const bits = unitOf(args[5]);
  const start = args[3] === undefined ? 0 : integer(args[3]);
  const endGiven = args.length >= 5;
  const end = endGiven ? integer(args[4]!) : -1;
  const bytes = bytesOf(client, args[1]!);
  if (bytes === undefined) return client.int(bit === 1 ? -1 : 0);
  const range = rangeOf(start, end, bytes.length, bits);
  if (range === null) return client.int(-1);
  const skip = bit === 1 ? 0 : 0xff;
  for (let at = range.from; at < range.to;) {
    if (at % 8 === 0 && at + 8 <= range.to && bytes[at / 8] === skip) {
      at += 8;
      continue;
    }
    if ((bytes[Math.floor(at / 8)]! >> (7 - at % 8) & 1) === bit) return client.int(at);
    at++;
  }
  client.int(bit === 0 && !endGiven ? bytes.length * 8 : -1);
}

function bitop(client: Client, args: string[]): void {
  const { db, engine } = client;
  const operation = args[1]!.toLowerCase();
  if (!["and", "or", "xor", "not"].includes(operation)) throw SYNTAX_ERROR;
  if (operation === "not" && args.length !== 4) {
    throw new CommandError("ERR BITOP NOT must be called with a single source key.");
  }
  const target = args[2]!;
  const sources = args.slice(3).map((key) => bytesOf(client, key) ?? new Uint8Array(0));
  const length = Math.max(...sources.map((source) => source.length));
  if (length === 0) {
    if (db.peek(target) !== undefined && db.remove(target)) {
      db.touch(target);
      engine.notify("g", "del", target, db.index);
    }
    return client.int(0);
  }
  const result = new Uint8Array(length);
  result.set(sources[0]!);
  if (operation === "not") { for (let i = 0; i < length; i++) result[i] = ~result[i]!; }
  else {
    for (const source of sources.slice(1)) {
      const common = Math.min(source.length, length);
      if (operation === "and") {
        for (let i = 0; i < common; i++) result[i]! &= source[i]!;
        result.fill(0, common);
      } else if (operation === "or") { for (let i = 0; i < common; i++) result[i]! |= source[i]!; }
      else for (let i = 0; i < common; i++) result[i]! ^= source[i]!;
    }
  }
  db.put(target, toByteString(result));
  db.touch(target);
  engine.notify("$", "set", target, db.index);
  client.int(length);
}

interface FieldOperation {
  kind: "get" | "set" | "incrby";
  signed: boolean;
  bits: number;
  offset: number;
  value: bigint;
  overflow: "wrap" | "sat" | "fail";
}

const TYPE_ERROR = new CommandError(
  "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);

function parseFieldOperations(client: Client, args: string[], readOnly: boolean): FieldOperation[] {
  const operations: FieldOperation[] = [];
  let overflow: FieldOperation["overflow"] = "wrap";
  for (let i = 2; i < args.length;) {
    const word = args[i]!.toLowerCase();
    if (word === "overflow" && i + 1 < args.length) {
      const mode = args[i + 1]!.toLowerCase();
      if (mode !== "wrap" && mode !== "sat" && mode !== "fail") {
        throw new CommandError("ERR Invalid OVERFLOW type specified");
      }
      overflow = mode;
      i += 2;
      continue;
    }
    const size = word === "get" ? 3 : 4;
    if ((word !== "get" && word !== "set" && word !== "incrby") || i + size > args.length) {
      throw SYNTAX_ERROR;
    }
    const match = /^([iu])([0-9]{1,2})$/i.exec(args[i + 1]!);
    const signed = match?.[1]?.toLowerCase() === "i";
    const bits = Number(match?.[2] ?? 0);
    if (bits < 1 || bits > (signed ? 64 : 63)) throw TYPE_ERROR;
    const where = args[i + 2]!;
    const scaled = where.startsWith("#");
    let offset = parseInteger(scaled ? where.slice(1) : where);
    if (offset === undefined || offset < 0) throw BIT_OFFSET;
    if (scaled) offset *= bits;
    if (offset + bits - 1 >= client.engine.maxBulkBytes * 8) throw BIT_OFFSET;
    let value = 0n;
    if (word !== "get") {
      if (readOnly) throw new CommandError("ERR BITFIELD_RO only supports the GET subcommand");
      if (parseInteger(args[i + 3]!) === undefined) throw NOT_INTEGER;
      value = BigInt(args[i + 3]!);
    }
    operations.push({ kind: word, signed, bits, offset, value, overflow });
    i += size;
  }
  return operations;
}

function readField(bytes: Uint8Array, operation: FieldOperation): bigint {
  let value = 0n;
  for (let i = 0; i < operation.bits; i++) {
    const at = operation.offset + i;
    const byte = bytes[Math.floor(at / 8)] ?? 0;
    value = value << 1n | BigInt(byte >> (7 - at % 8) & 1);
  }
  return operation.signed ? BigInt.asIntN(operation.bits, value) : value;
}

function writeField(buffer: Latin1Buffer, operation: FieldOperation, value: bigint): void {
  for (let i = 0; i < operation.bits; i++) {
    const at = operation.offset + i;
    const mask = 0x80 >> (at % 8);
    const bit = value >> BigInt(operation.bits - 1 - i) & 1n;
    const byte = Math.floor(at / 8);
    if (bit === 1n) buffer[byte]! |= mask;
    else buffer[byte]! &= ~mask;
  }
}

/** A value brought into the range of a field; undefined when it does not fit and must not change. */
function fit(operation: FieldOperation, value: bigint): bigint | undefined {
  const { bits, signed, overflow } = operation;
  const low = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const high = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  if (value >= low && value <= high) return value;
  if (overflow === "fail") return undefined;
  if (overflow === "sat") return value < low ? low : high;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

function bitfield(client: Client, args: string[], readOnly: boolean): void {
  const { db, engine } = client;
  const operations = parseFieldOperations(client, args, readOnly);
  const writes = operations.filter((operation) => operation.kind !== "get");
  if (writes.length === 0) {
    const bytes = bytesOf(client, args[1]!) ?? new Uint8Array(0);
    client.array(operations.length);
    for (const operation of operations) client.int(readField(bytes, operation));
    return;
  }
  const needed = Math.max(
    ...writes.map((each) => Math.floor((each.offset + each.bits - 1) / 8) + 1),
  );
  const before = db.writeBytes(args[1]!)?.length ?? 0;
  const bytes = openBytes(client, args[1]!, needed);
  let changes = bytes.length > before ? 1 : 0;
  client.array(operations.length);
  for (const operation of operations) {
    const old = readField(bytes.buffer.subarray(0, bytes.length), operation);
    if (operation.kind === "get") {
      client.int(old);
      continue;
    }
    const wanted = operation.kind === "set"
      ? operation.signed ? operation.value : BigInt.asUintN(64, operation.value)
      : old + operation.value;
    const value = fit(operation, wanted);
    if (value === undefined) {
      client.null();
      continue;
    }
    writeField(bytes.buffer, operation, value);
    if (value !== old) changes++;
    client.int(operation.kind === "set" ? old : value);
  }
  if (changes > 0) {
    db.touch(args[1]!, bytes);
    engine.notify("$", "setbit", args[1]!, db.index);
  }
}

/** The table. */
export const BITMAP_COMMANDS: readonly CommandRow[] = [
  ["setbit", 4, "wm", 1, 1, 1, setbit, "Sets a bit of a string"],
  ["getbit", 3, "rF", 1, 1, 1, getbit, "A bit of a string"],
  ["bitcount", -2, "r", 1, 1, 1, bitcount, "Number of bits that are set"],
  ["bitpos", -3, "r", 1, 1, 1, bitpos, "First bit that is set or clear"],
  ["bitop", -4, "wm", 2, -1, 1, bitop, "Combines the bits of strings"],
  [
    "bitfield",
    -2,
    "wm",
    1,
    1,
    1,
    (c, a) => bitfield(c, a, false),
    "Reads and changes integers of any width in a string",
  ],
  [
    "bitfield_ro",
    -2,
    "rF",
    1,
    1,
    1,
    (c, a) => bitfield(c, a, true),
    "Reads integers of any width in a string",
  ],
];
