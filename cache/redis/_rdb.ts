/**
 * RDB files: values as Redis stores them, read in every version up to 11 and written in version 10.
 *
 * A file is `REDISnnnn`, then opcodes and key records, then EOF (0xff) and a CRC-64 (Jones) of everything
 * before it, little endian. Lengths: 00xxxxxx six bits, 01 fourteen, 0x80 32 bits big endian, 0x81 64 bits, 11xxxxxx
 * special (integers of 8, 16, 32 bits little endian; LZF). What this writes: strings (0), quicklists of plain nodes
 * and listpacks (18), sets (2), hashes (4), sorted sets with binary doubles (5), streams (19), all of which Redis 7.0 loads.
 */
import {
  allocate,
  BytesValue,
  type Consumer,
  type Group,
  HashValue,
  type Latin1Buffer,
  ListValue,
  type Pending,
  SetValue,
  StreamValue,
  toByteString,
  type Value,
  viewOf,
  writeLatin1,
  ZSetValue,
} from "./_values.ts";
import { counterAt } from "./_cmd_stream.ts";
import { isInt64 } from "./_numbers.ts";
import { SortedMap } from "./_sorted_map.ts";

/** Version that is written: Redis 7.0 reads it. */
export const RDB_VERSION = 10;
/** Newest version that is read. */
const MAX_VERSION = 11;
/** Deepest recursion is none: every structure is flat. Longest string that is accepted. */
const MAX_STRING = 536_870_000;

/** Bytes that are no RDB file or value. */
export class RdbError extends Error {
  /** Always `"RdbError"`. */
  override readonly name = "RdbError";
  /**
   * @param message What is wrong.
   * @param offset Where, in bytes.
   */
  constructor(message: string, readonly offset: number) {
    super(`${message} (at byte ${offset})`);
  }
}

const CRC_LOW = new Uint32Array(256 * 8);
const CRC_HIGH = new Uint32Array(256 * 8);
{
  // Jones polynomial, reflected: 0x95ac9329ac4bc9b5.
  const polynomial = 0x95ac9329ac4bc9b5n;
  for (let i = 0; i < 256; i++) {
    let crc = BigInt(i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? crc >> 1n ^ polynomial : crc >> 1n;
    CRC_LOW[i] = Number(crc & 0xffffffffn);
    CRC_HIGH[i] = Number(crc >> 32n);
  }
}

/** CRC-64 in two halves, carried from call to call. */
export class Crc64 {
  #low = 0;
  #high = 0;
  /** Takes bytes in. */
  update(bytes: Uint8Array, from = 0, to: number = bytes.length): void {
    let low = this.#low;
    let high = this.#high;
    for (let i = from; i < to; i++) {
      const index = (low ^ bytes[i]!) & 0xff;
      low = (low >>> 8 | high << 24) ^ CRC_LOW[index]!;
      high = high >>> 8 ^ CRC_HIGH[index]!;
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }
  /** The sum, little endian. */
  bytes(): Uint8Array {
    const result = new Uint8Array(8);
    const view = new DataView(result.buffer);
    view.setUint32(0, this.#low, true);
    view.setUint32(4, this.#high, true);
    return result;
  }
}

/** Growing buffer that RDB records are written into. */
export class RdbWriter {
  #buffer: Latin1Buffer = allocate(64 * 1024);
  /** Bytes written. */
  length = 0;

  #room(size: number): void {
    if (this.length + size <= this.#buffer.length) return;
    const grown = allocate(Math.max(this.#buffer.length * 2, this.length + size));
    grown.set(this.#buffer.subarray(0, this.length));
    this.#buffer = grown;
  }
  /** One byte. */
  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.length++] = value;
  }
  /** Bytes as they are. */
  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#buffer.set(value, this.length);
    this.length += value.length;
  }
  /** A byte string as it is. */
  raw(text: string): void {
    this.#room(text.length);
    writeLatin1(this.#buffer, text, this.length);
    this.length += text.length;
  }
  /** A length. */
  size(value: number): void {
    this.#room(9);
    if (value < 64) this.#buffer[this.length++] = value;
    else if (value < 16_384) {
      this.#buffer[this.length++] = 0x40 | value >> 8;
      this.#buffer[this.length++] = value & 0xff;
    } else if (value <= 0xffffffff) {
      this.#buffer[this.length++] = 0x80;
      this.#buffer.writeUInt32BE(value, this.length);
      this.length += 4;
    } else {
      this.#buffer[this.length++] = 0x81;
      this.#buffer.writeBigUInt64BE(BigInt(value), this.length);
      this.length += 8;
    }
  }
  /** A 64-bit number as a length. */
  bigSize(value: bigint): void {
    if (value <= 0xffffffffn) return this.size(Number(value));
    this.#room(9);
    this.#buffer[this.length++] = 0x81;
    this.#buffer.writeBigUInt64BE(value, this.length);
    this.length += 8;
  }
  /** A string; small integers in their short form. */
  string(text: string): void {
    if (text.length <= 11 && isInt64(text)) {
      const value = Number(text);
      if (value >= -128 && value <= 127) {
        this.#room(2);
        this.#buffer[this.length++] = 0xc0;
        this.length = this.#buffer.writeInt8(value, this.length);
        return;
      }
      if (value >= -32_768 && value <= 32_767) {
        this.#room(3);
        this.#buffer[this.length++] = 0xc1;
        this.length = this.#buffer.writeInt16LE(value, this.length);
        return;
      }
      if (value >= -2147483648 && value <= 2147483647) {
        this.#room(5);
        this.#buffer[this.length++] = 0xc2;
        this.length = this.#buffer.writeInt32LE(value, this.length);
        return;
      }
    }
    this.size(text.length);
    this.raw(text);
  }
  /** A double, little endian. */
  double(value: number): void {
    this.#room(8);
    this.length = this.#buffer.writeDoubleLE(value, this.length);
  }
  /** Milliseconds, 64 bits little endian. */
  millis(value: number): void {
    this.#room(8);
    this.length = this.#buffer.writeBigInt64LE(BigInt(value), this.length);
  }
  /** 128-bit id, big endian. */
  id(value: bigint): void {
    this.#room(16);
    this.length = this.#buffer.writeBigUInt64BE(value >> 64n, this.length);
    this.length = this.#buffer.writeBigUInt64BE(value & 0xffffffffffffffffn, this.length);
  }
  /** What was written; the writer starts again, with a buffer of its own. */
  take(): Uint8Array {
    const whole = this.#buffer.subarray(0, this.length);
    this.#buffer = allocate(64 * 1024);
    this.length = 0;
    return whole;
  }
}

/** Listpack of strings and integers, for stream nodes. */
function listpack(items: readonly (string | number)[]): string {
  const parts: string[] = [];
  let size = 6;
  for (const item of items) {
    let body: string;
    const text = String(item);
    if (/^(?:0|[1-9][0-9]{0,2})$/.test(text) && Number(text) <= 127) {
      body = String.fromCharCode(Number(text));
    } else if (typeof item === "number" || (text.length <= 20 && isInt64(text))) {
      const buffer = allocate(9);
      const value = BigInt(text);
      if (value >= -32_768n && value <= 32_767n) {
        buffer[0] = 0xf1;
        buffer.writeInt16LE(Number(value), 1);
        body = buffer.latin1Slice(0, 3);
      } else if (value >= -2147483648n && value <= 2147483647n) {
        buffer[0] = 0xf3;
        buffer.writeInt32LE(Number(value), 1);
        body = buffer.latin1Slice(0, 5);
      } else {
        buffer[0] = 0xf4;
        buffer.writeBigInt64LE(value, 1);
        body = buffer.latin1Slice(0, 9);
      }
    } else if (text.length < 64) body = String.fromCharCode(0x80 | text.length) + text;
    else if (text.length < 4096) {
      body = String.fromCharCode(0xe0 | text.length >> 8, text.length & 0xff) + text;
    } else {
      const n = text.length;
      body = String.fromCharCode(0xf0, n & 0xff, n >> 8 & 0xff, n >> 16 & 0xff, n >>> 24) + text;
    }
    parts.push(body, backLength(body.length));
    size += body.length + parts.at(-1)!.length;
  }
  const header = allocate(6);
  header.writeUInt32LE(size + 1, 0);
  header.writeUInt16LE(items.length < 65_535 ? items.length : 65_535, 4);
  return header.latin1Slice(0, 6) + parts.join("") + "\xff";
}

function backLength(size: number): string {
  if (size <= 127) return String.fromCharCode(size);
  if (size < 16_383) return String.fromCharCode(size >> 7, size & 127 | 128);
  if (size < 2_097_151) {
    return String.fromCharCode(size >> 14, size >> 7 & 127 | 128, size & 127 | 128);
  }
  if (size < 268_435_455) {
    return String.fromCharCode(
      size >> 21,
      size >> 14 & 127 | 128,
      size >> 7 & 127 | 128,
      size & 127 | 128,
    );
  }
  return String.fromCharCode(
    size >>> 28,
    size >> 21 & 127 | 128,
    size >> 14 & 127 | 128,
    size >> 7 & 127 | 128,
    size & 127 | 128,
  );
}

/** Writes the type byte of a value. */
export function writeType(writer: RdbWriter, value: Value): void {
  if (typeof value === "string" || value instanceof BytesValue) writer.byte(0);
  else if (value instanceof ListValue) writer.byte(18);
  else if (value instanceof SetValue) writer.byte(2);
  else if (value instanceof HashValue) writer.byte(4);
  else if (value instanceof ZSetValue) writer.byte(5);
  else writer.byte(19);
}

/** Entries in a node of a stream; bytes too are limited. */
const STREAM_NODE_ENTRIES = 100;
const STREAM_NODE_BYTES = 4096;
/** Elements in a node of a list. */
const LIST_NODE_ENTRIES = 128;
const LIST_NODE_BYTES = 8192;

/** Writes a value without its type. */
export function writeValue(writer: RdbWriter, value: Value): void {
  if (typeof value === "string") return writer.string(value);
  if (value instanceof BytesValue) return writer.string(value.toString());
  if (value instanceof ListValue) {
    const nodes: (string | string[])[] = [];
    let node: string[] = [];
    let bytes = 0;
    for (const item of value) {
      if (item.length > LIST_NODE_BYTES) {
        if (node.length > 0) nodes.push(node);
        nodes.push(item);
        node = [];
        bytes = 0;
        continue;
      }
      if (node.length >= LIST_NODE_ENTRIES || bytes + item.length > LIST_NODE_BYTES) {
        nodes.push(node);
        node = [];
        bytes = 0;
      }
      node.push(item);
      bytes += item.length;
    }
    if (node.length > 0) nodes.push(node);
    writer.size(nodes.length);
    for (const each of nodes) {
      writer.size(typeof each === "string" ? 1 : 2);
      const text = typeof each === "string" ? each : listpack(each);
      writer.size(text.length);
      writer.raw(text);
    }
    return;
  }
  if (value instanceof SetValue) {
    writer.size(value.members.size);
    for (const member of value.members.keys) writer.string(member);
    return;
  }
  if (value instanceof HashValue) {
    const { keys, values } = value.fields;
    writer.size(keys.length);
    for (let i = 0; i < keys.length; i++) {
      writer.string(keys[i]!);
      writer.string(values[i]!);
    }
    return;
  }
  if (value instanceof ZSetValue) {
    writer.size(value.size);
    value.order.forRange(0, value.size - 1, true, (member, score) => {
      writer.string(member);
      writer.double(score);
    });
    return;
  }
  writeStream(writer, value);
}

function writeStream(writer: RdbWriter, stream: StreamValue): void {
  const nodes: [bigint, string[]][][] = [];
  let node: [bigint, string[]][] = [];
  let bytes = 0;
  for (const [id, fields] of stream.entries) {
    const size = fields.reduce((sum, text) => sum + text.length, 0);
    if (
      node.length >= STREAM_NODE_ENTRIES || (node.length > 0 && bytes + size > STREAM_NODE_BYTES)
    ) {
      nodes.push(node);
      node = [];
      bytes = 0;
    }
    node.push([id, fields]);
    bytes += size;
  }
  if (node.length > 0) nodes.push(node);
  writer.size(nodes.length);
  for (const each of nodes) {
    const [master, first] = each[0]!;
    const names = first.filter((_, i) => i % 2 === 0);
    const items: (string | number)[] = [each.length, 0, names.length, ...names, 0];
    for (const [id, fields] of each) {
      const same = fields.length === names.length * 2 &&
        names.every((name, i) => fields[i * 2] === name);
      // Differences from the first id of the node.
      const ms = (id >> 64n) - (master >> 64n);
      const seq = (id & 0xffffffffffffffffn) - (master & 0xffffffffffffffffn);
      items.push(same ? 2 : 0, ms.toString(), BigInt.asIntN(64, seq).toString());
      if (same) {
        for (let i = 1; i < fields.length; i += 2) items.push(fields[i]!);
        items.push(names.length + 3);
      } else {
        items.push(fields.length / 2, ...fields, fields.length + 4);
      }
    }
    const key = new RdbWriter();
    key.id(master);
    writer.size(16);
    writer.bytes(key.take());
    const pack = listpack(items);
    writer.size(pack.length);
    writer.raw(pack);
  }
  const halves = (id: bigint): void => {
    writer.bigSize(id >> 64n);
    writer.bigSize(id & 0xffffffffffffffffn);
  };
  writer.size(stream.entries.size);
  halves(stream.lastId);
  halves(stream.entries.first() ?? 0n);
  halves(stream.maxDeletedId);
  writer.size(stream.added);
  writer.size(stream.groups.size);
  for (const [name, group] of stream.groups) {
    writer.string(name);
    halves(group.lastId);
    writer.bigSize(BigInt.asUintN(64, BigInt(group.read)));
    writer.size(group.pending.size);
    for (const [id, pending] of group.pending) {
      writer.id(id);
      writer.millis(pending.time);
      writer.size(pending.count);
    }
    writer.size(group.consumers.size);
    for (const consumer of group.consumers.values()) {
      writer.string(consumer.name);
      writer.millis(consumer.seen);
      writer.size(consumer.pending.size);
      for (const [id] of consumer.pending) writer.id(id);
    }
  }
}

/** Reader over the bytes of a file or of a DUMP payload. */
export class RdbReader {
  /** Where the next byte is. */
  at: number;
  readonly #buffer: Latin1Buffer;
  readonly #end: number;

  /**
   * @param bytes The bytes.
   * @param from First.
   * @param to After the last.
   */
  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#buffer = viewOf(bytes);
    this.at = from;
    this.#end = to;
  }
  /** Throws the error of damaged bytes. */
  fail(message: string): never {
    throw new RdbError(message, this.at);
  }
  #need(count: number): number {
    const at = this.at;
    if (count > this.#end - at) this.fail("unexpected end");
    this.at = at + count;
    return at;
  }
  /** Bytes left. */
  get left(): number {
    return this.#end - this.at;
  }
  /** One byte. */
  byte(): number {
    return this.#buffer[this.#need(1)]!;
  }
  /** Some bytes as a byte string. */
  text(count: number): string {
    const at = this.#need(count);
    return this.#buffer.latin1Slice(at, at + count);
  }
  /** 32-bit seconds. */
  seconds(): number {
    return this.#buffer.readInt32LE(this.#need(4));
  }
  /** 64-bit number, little endian, rounded to a double. */
  millis(): number {
    return Number(this.#buffer.readBigInt64LE(this.#need(8)));
  }
  /** Double, little endian. */
  double(): number {
    return this.#buffer.readDoubleLE(this.#need(8));
  }
  /** 128-bit id, big endian. */
  id(): bigint {
    const at = this.#need(16);
    return this.#buffer.readBigUInt64BE(at) << 64n | this.#buffer.readBigUInt64BE(at + 8);
  }
  /** 64-bit number as a length. */
  bigSize(): bigint {
    if (this.#buffer[this.at] === 0x81) {
      this.at++;
      return this.#buffer.readBigUInt64BE(this.#need(8));
    }
    return BigInt(this.size());
  }
  /** A length. */
  size(): number {
    const first = this.byte();
    const kind = first >> 6;
    if (kind === 0) return first & 63;
    if (kind === 1) return (first & 63) << 8 | this.byte();
    if (first === 0x80) return this.#buffer.readUInt32BE(this.#need(4));
    if (first === 0x81) {
      const value = this.#buffer.readBigUInt64BE(this.#need(8));
      if (value > 9007199254740991n) this.fail("length out of range");
      return Number(value);
    }
    this.fail("invalid length");
  }
  /** A number of elements, each at least `least` bytes: bounded by what is left. */
  count(least = 1): number {
    const count = this.size();
    if (count * least > this.left) this.fail("more elements than bytes");
    return count;
  }
  /** A string. */
  string(): string {
    const first = this.#buffer[this.at];
    if (first !== undefined && first >= 0xc0) {
      this.at++;
      switch (first & 63) {
        case 0:
          return String(this.#buffer.readInt8(this.#need(1)));
        case 1:
          return String(this.#buffer.readInt16LE(this.#need(2)));
        case 2:
          return String(this.#buffer.readInt32LE(this.#need(4)));
        case 3: {
          const packed = this.size();
          const size = this.size();
          if (size > MAX_STRING) this.fail("string too long");
          if (size > packed * 300 + 1024) this.fail("implausible compression");
          const at = this.#need(packed);
          return this.#lzf(at, packed, size);
        }
        default:
          this.fail("unknown string encoding");
      }
    }
    const size = this.size();
    if (size > MAX_STRING) this.fail("string too long");
    return this.text(size);
  }
  #lzf(from: number, packed: number, size: number): string {
    const input = this.#buffer;
    const end = from + packed;
    const output = allocate(size);
    let o = 0;
    let i = from;
    while (i < end) {
      const control = input[i++]!;
      if (control < 32) {
        const run = control + 1;
        if (i + run > end || o + run > size) this.fail("damaged LZF data");
        output.set(input.subarray(i, i + run), o);
        i += run;
        o += run;
        continue;
      }
      let run = control >> 5;
      if (run === 7) run += input[i++] ?? 0;
      const back = ((control & 31) << 8 | (input[i++] ?? 0)) + 1;
      run += 2;
      if (i > end || back > o || o + run > size) this.fail("damaged LZF data");
      for (let n = 0; n < run; n++, o++) output[o] = output[o - back]!;
    }
    if (o !== size) this.fail("damaged LZF data");
    return output.latin1Slice(0, size);
  }
}

function ziplistItems(text: string, fail: (message: string) => never): string[] {
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const buffer = viewOf(bytes);
  const items: string[] = [];
  if (buffer.length < 11) fail("ziplist too short");
  const end = buffer.length - 1;
  if (buffer[end] !== 0xff) fail("ziplist without end");
  let at = 10;
  while (at < end) {
    at += buffer[at]! < 254 ? 1 : 5;
    const code = buffer[at++];
    if (code === undefined) fail("damaged ziplist");
    let length = -1;
    if (code >> 6 === 0) length = code;
    else if (code >> 6 === 1) length = (code & 63) << 8 | buffer[at++]!;
    else if (code === 0x80) {
      if (at + 4 > end) fail("damaged ziplist");
      length = buffer.readUInt32BE(at);
      at += 4;
    }
    if (length >= 0) {
      if (at + length > end) fail("damaged ziplist");
      items.push(buffer.latin1Slice(at, at + length));
      at += length;
      continue;
    }
    const width = { 0xc0: 2, 0xd0: 4, 0xe0: 8, 0xf0: 3, 0xfe: 1 }[code];
    if (width !== undefined) {
      if (at + width > end) fail("damaged ziplist");
      items.push(
        width === 8 ? String(buffer.readBigInt64LE(at)) : String(buffer.readIntLE(at, width)),
      );
      at += width;
    } else if (code >= 0xf1 && code <= 0xfd) items.push(String((code & 15) - 1));
    else fail("damaged ziplist");
  }
  return items;
}

function listpackItems(text: string, fail: (message: string) => never): string[] {
  const bytes = allocate(text.length);
  writeLatin1(bytes, text);
  const items: string[] = [];
  const end = bytes.length - 1;
  if (end < 6 || bytes[end] !== 0xff || bytes.readUInt32LE(0) !== bytes.length) {
    fail("damaged listpack");
  }
  let at = 6;
  while (at < end) {
    const start = at;
    const code = bytes[at]!;
    let length = -1;
    let width = 0;
    if (code < 0x80) {
      items.push(String(code));
      at++;
    } else if (code < 0xc0) {
      length = code & 63;
      at++;
    } else if (code < 0xe0) {
      const value = (code & 31) << 8 | bytes[at + 1]!;
      items.push(String(value >= 4096 ? value - 8192 : value));
      at += 2;
    } else if (code < 0xf0) {
      length = (code & 15) << 8 | bytes[at + 1]!;
      at += 2;
    } else if (code === 0xf0) {
      if (at + 5 > end) fail("damaged listpack");
      length = bytes.readUInt32LE(at + 1);
      at += 5;
    } else {
      width = { 0xf1: 2, 0xf2: 3, 0xf3: 4, 0xf4: 8 }[code] ?? 0;
      if (width === 0 || at + 1 + width > end) fail("damaged listpack");
      items.push(
        width === 8 ? String(bytes.readBigInt64LE(at + 1)) : String(bytes.readIntLE(at + 1, width)),
      );
      at += 1 + width;
    }
    if (length >= 0) {
      if (at + length > end) fail("damaged listpack");
      items.push(bytes.latin1Slice(at, at + length));
      at += length;
    }
    const size = at - start;
    at += size <= 127 ? 1 : size < 16_383 ? 2 : size < 2_097_151 ? 3 : size < 268_435_455 ? 4 : 5;
  }
  if (at !== end) fail("damaged listpack");
  return items;
}

function zipmapItems(text: string, fail: (message: string) => never): string[] {
  const items: string[] = [];
  let at = 1;
  const length = (): number => {
    const first = text.charCodeAt(at++);
    if (Number.isNaN(first)) fail("damaged zipmap");
    if (first < 254) return first;
    if (at + 4 > text.length) fail("damaged zipmap");
    let value = 0;
    for (let i = 3; i >= 0; i--) value = value * 256 + text.charCodeAt(at + i);
    at += 4;
    return value;
  };
  while (at < text.length && text.charCodeAt(at) !== 0xff) {
    const keyLength = length();
    items.push(text.slice(at, at + keyLength));
    at += keyLength;
    const valueLength = length();
    const free = text.charCodeAt(at++);
    if (at + valueLength > text.length) fail("damaged zipmap");
    items.push(text.slice(at, at + valueLength));
    at += valueLength + free;
  }
  if (at >= text.length) fail("zipmap without end");
  return items;
}

function intsetItems(text: string, fail: (message: string) => never): string[] {
  const buffer = allocate(text.length);
  writeLatin1(buffer, text);
  if (buffer.length < 8) fail("damaged intset");
  const width = buffer.readUInt32LE(0);
  const count = buffer.readUInt32LE(4);
  if ((width !== 2 && width !== 4 && width !== 8) || buffer.length !== 8 + width * count) {
    fail("damaged intset");
  }
  const items: string[] = [];
  for (let i = 0; i < count; i++) {
    const at = 8 + i * width;
    items.push(
      width === 8
        ? String(buffer.readBigInt64LE(at))
        : String(width === 4 ? buffer.readInt32LE(at) : buffer.readInt16LE(at)),
    );
  }
  return items;
}

function setOf(members: readonly string[], fail: (message: string) => never): SetValue {
  const set = new SetValue();
  for (const member of members) {
    if (!set.members.set(member, undefined)) fail("member twice in a set");
  }
  if (members.length === 0) fail("empty set");
  set.encoding = members.length <= 512 && members.every(isInt64)
    ? "intset"
    : members.length <= 128 && members.every((member) => member.length <= 64)
    ? "listpack"
    : "hashtable";
  return set;
}

function hashOf(items: readonly string[], fail: (message: string) => never): HashValue {
  const hash = new HashValue();
  if (items.length % 2 !== 0 || items.length === 0) fail("odd or empty hash");
  for (let i = 0; i < items.length; i += 2) {
    if (!hash.fields.set(items[i]!, items[i + 1]!)) fail("field twice in a hash");
  }
  return hash;
}

function scoreOf(text: string, fail: (message: string) => never): number {
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  const value = Number(text);
  if (text === "" || Number.isNaN(value)) fail("score is not a number");
  return value;
}

function zsetOf(items: readonly string[], fail: (message: string) => never): ZSetValue {
  const zset = new ZSetValue();
  if (items.length % 2 !== 0 || items.length === 0) fail("odd or empty sorted set");
  for (let i = 0; i < items.length; i += 2) {
    if (!zset.set(items[i]!, scoreOf(items[i + 1]!, fail))) fail("member twice in a sorted set");
  }
  return zset;
}

/** Reads a value of a type; undefined for an empty one, which files of old versions may hold. */
export function readValue(reader: RdbReader, type: number): Value | undefined {
  const fail = (message: string): never => reader.fail(message);
  switch (type) {
    case 0:
      return reader.string();
    case 1: {
      const list = new ListValue();
      for (let left = reader.count(); left > 0; left--) list.pushRight(reader.string());
      return list.length === 0 ? undefined : list;
    }
    case 2: {
      const members: string[] = [];
      for (let left = reader.count(); left > 0; left--) members.push(reader.string());
      return members.length === 0 ? undefined : setOf(members, fail);
    }
    case 3:
    case 5: {
      const zset = new ZSetValue();
      for (let left = reader.count(2); left > 0; left--) {
        const member = reader.string();
        let score: number;
        if (type === 5) score = reader.double();
        else {
          const length = reader.byte();
          score = length === 253
            ? NaN
            : length === 254
            ? Infinity
            : length === 255
            ? -Infinity
            : scoreOf(reader.text(length), fail);
        }
        if (Number.isNaN(score)) fail("score is not a number");
        if (!zset.set(member, score)) fail("member twice in a sorted set");
      }
      zset.big = zset.size > 128;
      return zset.size === 0 ? undefined : zset;
    }
    case 4: {
      const items: string[] = [];
      for (let left = reader.count(2); left > 0; left--) {
        items.push(reader.string(), reader.string());
      }
      return items.length === 0 ? undefined : hashOf(items, fail);
    }
    case 9:
      return hashOf(zipmapItems(reader.string(), fail), fail);
    case 10: {
      const list = new ListValue();
      for (const item of ziplistItems(reader.string(), fail)) list.pushRight(item);
      return list.length === 0 ? undefined : list;
    }
    case 11:
      return setOf(intsetItems(reader.string(), fail), fail);
    case 12:
      return zsetOf(ziplistItems(reader.string(), fail), fail);
    case 13:
      return hashOf(ziplistItems(reader.string(), fail), fail);
    case 14: {
      const list = new ListValue();
      for (let left = reader.count(); left > 0; left--) {
        for (const item of ziplistItems(reader.string(), fail)) list.pushRight(item);
      }
      return list.length === 0 ? undefined : list;
    }
    case 16:
      return hashOf(listpackItems(reader.string(), fail), fail);
    case 17:
      return zsetOf(listpackItems(reader.string(), fail), fail);
    case 18: {
      const list = new ListValue();
      for (let left = reader.count(2); left > 0; left--) {
        const container = reader.size();
        const text = reader.string();
        if (container === 1) list.pushRight(text);
        else if (container === 2) {
          for (const item of listpackItems(text, fail)) list.pushRight(item);
        } else fail("unknown container in a list");
      }
      return list.length === 0 ? undefined : list;
    }
    case 20:
      return setOf(listpackItems(reader.string(), fail), fail);
    case 15:
    case 19:
    case 21:
      return readStream(reader, type, fail);
    case 6:
    case 7:
      fail("the file holds a value of a module, and modules are not supported");
      break;
    default:
      fail(`unknown value type ${type}`);
  }
}

function readStream(
  reader: RdbReader,
  type: number,
  fail: (message: string) => never,
): StreamValue {
  const stream = new StreamValue();
  const int = (text: string | undefined): bigint => {
    if (text === undefined || !isInt64(text)) fail("damaged stream node");
    return BigInt(text!);
  };
  for (let nodes = reader.count(2); nodes > 0; nodes--) {
    const keyText = reader.string();
    if (keyText.length !== 16) fail("damaged stream key");
    const key = new RdbReader(Uint8Array.from(keyText, (char) => char.charCodeAt(0)));
    const master = key.id();
    const items = listpackItems(reader.string(), fail);
    let at = 2;
    const total = Number(int(items[0])) + Number(int(items[1]));
    const names: string[] = [];
    const fieldCount = Number(int(items[at++]));
    if (fieldCount < 0 || fieldCount > items.length) fail("damaged stream node");
    for (let i = 0; i < fieldCount; i++) names.push(items[at++]!);
    at++;
    for (let n = 0; n < total; n++) {
      if (at >= items.length) fail("damaged stream node");
      const flags = Number(int(items[at++]));
      const ms = (master >> 64n) + int(items[at++]);
      const seq = BigInt.asUintN(64, (master & 0xffffffffffffffffn) + int(items[at++]));
      const fields: string[] = [];
      if (flags & 2) {
        for (const name of names) fields.push(name, items[at++]!);
      } else {
        const count = Number(int(items[at++]));
        if (count < 0 || count * 2 > items.length) fail("damaged stream node");
        for (let i = 0; i < count * 2; i++) fields.push(items[at++]!);
      }
      at++;
      if (at > items.length) fail("damaged stream node");
      if ((flags & 1) === 0) stream.append(BigInt.asUintN(64, ms) << 64n | seq, fields);
    }
  }
  const halves = (): bigint => {
    const ms = reader.bigSize();
    return ms << 64n | reader.bigSize();
  };
  const length = reader.size();
  if (length !== stream.entries.size) fail("stream length differs from its entries");
  stream.lastId = halves();
  if (type >= 19) {
    halves();
    stream.maxDeletedId = halves();
    stream.added = reader.size();
  } else stream.added = length;
  for (let groups = reader.count(); groups > 0; groups--) {
    const name = reader.string();
    const lastId = halves();
    let read = -1;
    if (type >= 19) read = Number(BigInt.asIntN(64, reader.bigSize()));
    else read = counterAt(stream, lastId);
    const group: Group = { lastId, read, pending: new SortedMap<Pending>(), consumers: new Map() };
    const loose = new Map<bigint, { time: number; count: number }>();
    for (let left = reader.count(25); left > 0; left--) {
      const id = reader.id();
      const time = reader.millis();
      loose.set(id, { time, count: reader.size() });
    }
    for (let left = reader.count(); left > 0; left--) {
      const consumerName = reader.string();
      const seen = reader.millis();
      const active = type >= 21 ? reader.millis() : seen;
      const consumer: Consumer = {
        name: consumerName,
        seen,
        active,
        pending: new SortedMap<Pending>(),
      };
      for (let held = reader.count(16); held > 0; held--) {
        const id = reader.id();
        const entry = loose.get(id);
        if (entry === undefined) fail("consumer holds an entry that its group does not");
        const pending: Pending = { consumer, time: entry!.time, count: entry!.count };
        consumer.pending.set(id, pending);
        group.pending.set(id, pending);
      }
      if (group.consumers.has(consumerName)) fail("consumer twice in a group");
      group.consumers.set(consumerName, consumer);
    }
    if (stream.groups.has(name)) fail("group twice in a stream");
    stream.groups.set(name, group);
  }
  return stream;
}

/** The payload of DUMP: type, value, version, CRC. */
export function dumpValue(value: Value): string {
  const writer = new RdbWriter();
  writeType(writer, value);
  writeValue(writer, value);
  writer.byte(RDB_VERSION);
  writer.byte(0);
  const body = writer.take();
  const crc = new Crc64();
  crc.update(body);
  return toByteString(body) + toByteString(crc.bytes());
}

/** The value of a DUMP payload, or undefined when it is damaged. */
export function restoreValue(payload: string): Value | undefined {
  const bytes = allocate(payload.length);
  writeLatin1(bytes, payload);
  if (bytes.length < 11) return undefined;
  const end = bytes.length - 10;
  if (bytes.readUInt16LE(end) > MAX_VERSION) return undefined;
  const crc = new Crc64();
  crc.update(bytes, 0, end + 2);
  if (!crc.bytes().every((byte, i) => byte === bytes[end + 2 + i])) return undefined;
  try {
    const reader = new RdbReader(bytes, 1, end);
    const value = readValue(reader, bytes[0]!);
    return reader.left === 0 ? value : undefined;
  } catch (error) {
    if (error instanceof RdbError) return undefined;
    throw error;
  }
}

/** What a file holds, as it is read. */
export interface RdbSink {
  /** A key. `expiry` is in epoch milliseconds, or -1. */
  key(db: number, key: string, value: Value, expiry: number, idle: number, frequency: number): void;
}

/**
 * Reads a file, or the part of one at `reader`.
 *
 * @returns the offset after the file.
 * @throws {RdbError} when the bytes are damaged.
 */
export function readRdb(bytes: Uint8Array, sink: RdbSink, checkSum = true): number {
  const reader = new RdbReader(bytes);
  const magic = bytes.length >= 9 ? reader.text(9) : "";
  const version = /^REDIS[0-9]{4}$/.test(magic) ? Number(magic.slice(5)) : 0;
  if (version < 1 || version > MAX_VERSION) {
    throw new RdbError("not an RDB file of a known version", 0);
  }
  let db = 0;
  let expiry = -1;
  let idle = -1;
  let frequency = -1;
  for (;;) {
    const type = reader.byte();
    if (type === 0xff) break;
    if (type === 0xfe) db = reader.size();
    else if (type === 0xfd) expiry = reader.seconds() * 1000;
    else if (type === 0xfc) expiry = reader.millis();
    else if (type === 0xfb) {
      reader.size();
      reader.size();
    } else if (type === 0xfa) {
      reader.string();
      reader.string();
    } else if (type === 0xf9) frequency = reader.byte();
    else if (type === 0xf8) idle = reader.size();
    else if (type === 0xf7) skipModule(reader);
    else if (type === 0xf5 || type === 0xf6) reader.string();
    else if (type === 0xf4) {
      reader.size();
      reader.size();
      reader.size();
    } else {
      const key = reader.string();
      const value = readValue(reader, type);
      if (value !== undefined) sink.key(db, key, value, expiry, idle, frequency);
      expiry = idle = frequency = -1;
    }
  }
  if (version >= 5) {
    const at = reader.at;
    const sum = reader.text(8);
    if (checkSum && sum !== "\0\0\0\0\0\0\0\0") {
      const crc = new Crc64();
      crc.update(bytes, 0, at);
      if (toByteString(crc.bytes()) !== sum) throw new RdbError("wrong checksum", at);
    }
  }
  return reader.at;
}

/** Skips what a module left beside the keys. */
function skipModule(reader: RdbReader): void {
  reader.bigSize();
  reader.size();
  reader.size();
  for (;;) {
    const kind = reader.size();
    if (kind === 0) return;
    if (kind === 1 || kind === 2) reader.bigSize();
    else if (kind === 3) reader.text(4);
    else if (kind === 4) reader.double();
    else if (kind === 5) reader.string();
    else reader.fail("unknown field of a module");
  }
}
