/**
 * HyperLogLog commands; values are strings in the layout of Redis.
 *
 * Header of 16 bytes: "HYLL", encoding (0 dense, 1 sparse), three zeros, cached cardinality (little
 * endian, top bit set when stale). Dense: 16384 registers of 6 bits, least significant bits first. Sparse:
 * run-length opcodes ZERO `00xxxxxx`, XZERO `01xxxxxx yyyyyyyy`, VAL `1vvvvvxx`.
 *
 * The estimator is Ertl's improved one (arXiv 1702.01284), the hash MurmurHash64A with seed 0xadc83b19.
 */
import type { Client } from "./_client.ts";
import type { CommandRow } from "./_engine.ts";
import { BytesValue, CommandError, toBytes, toByteString } from "./_values.ts";

const REGISTERS = 16_384;
const DENSE_BYTES = 16 + REGISTERS * 6 / 8;
const BITS = 50;

const NOT_HLL = new CommandError("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPT = new CommandError("INVALIDOBJ Corrupted HLL object detected");

const M_LOW = 0x5bd1e995;
const M_HIGH = 0xc6a4a793;

/** Low and high halves of a 64-bit product. */
function multiply(aLow: number, aHigh: number, bLow: number, bHigh: number): [number, number] {
  const a0 = aLow & 0xffff;
  const a1 = aLow >>> 16;
  const b0 = bLow & 0xffff;
  const b1 = bLow >>> 16;
  const p00 = a0 * b0;
  const middle = a1 * b0 + (p00 >>> 16);
  const middle2 = a0 * b1 + (middle & 0xffff);
  const low = ((middle2 & 0xffff) << 16 | (p00 & 0xffff)) >>> 0;
  const carry = a1 * b1 + Math.floor(middle / 65_536) + Math.floor(middle2 / 65_536);
  const high = (carry + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)) >>> 0;
  return [low, high];
}

/** MurmurHash64A of a byte string: low and high halves. */
function murmur64(text: string): [number, number] {
  const length = text.length;
  let [low, high] = multiply(length >>> 0, 0, M_LOW, M_HIGH);
  low = (low ^ 0xadc83b19) >>> 0;
  const blocks = length & ~7;
  for (let i = 0; i < blocks; i += 8) {
    let kLow = (text.charCodeAt(i) | text.charCodeAt(i + 1) << 8 | text.charCodeAt(i + 2) << 16 |
      text.charCodeAt(i + 3) << 24) >>> 0;
    let kHigh =
      (text.charCodeAt(i + 4) | text.charCodeAt(i + 5) << 8 | text.charCodeAt(i + 6) << 16 |
        text.charCodeAt(i + 7) << 24) >>> 0;
    [kLow, kHigh] = multiply(kLow, kHigh, M_LOW, M_HIGH);
    kLow = (kLow ^ kHigh >>> 15) >>> 0; // k ^= k >> 47
    [kLow, kHigh] = multiply(kLow, kHigh, M_LOW, M_HIGH);
    low = (low ^ kLow) >>> 0;
    high = (high ^ kHigh) >>> 0;
    [low, high] = multiply(low, high, M_LOW, M_HIGH);
  }
  if (length > blocks) {
    for (let i = blocks; i < length; i++) {
      const shift = (i - blocks) * 8;
      if (shift < 32) low = (low ^ text.charCodeAt(i) << shift) >>> 0;
      else high = (high ^ text.charCodeAt(i) << (shift - 32)) >>> 0;
    }
    [low, high] = multiply(low, high, M_LOW, M_HIGH);
  }
  low = (low ^ high >>> 15) >>> 0;
  [low, high] = multiply(low, high, M_LOW, M_HIGH);
  low = (low ^ high >>> 15) >>> 0;
  return [low, high];
}

/** Register and rank of an element. */
function positionOf(text: string): [number, number] {
  const [low, high] = murmur64(text);
  const index = low & (REGISTERS - 1);
  const restLow = (low >>> 14 | high << 18) >>> 0;
  const restHigh = (high >>> 14 | 1 << (BITS - 32)) >>> 0;
  const zeros = restLow !== 0
    ? 31 - Math.clz32(restLow & -restLow)
    : 32 + 31 - Math.clz32(restHigh & -restHigh);
  return [index, zeros + 1];
}

/** Registers of a value. @throws the reply. */
function decode(value: Uint8Array): Uint8Array {
  if (
    value.length < 16 || value[0] !== 72 || value[1] !== 89 || value[2] !== 76 || value[3] !== 76 ||
    value[4]! > 1
  ) {
    throw NOT_HLL;
  }
  const registers = new Uint8Array(REGISTERS);
  if (value[4] === 0) {
    if (value.length !== DENSE_BYTES) throw NOT_HLL;
    for (let i = 0; i < REGISTERS; i++) {
      const bit = i * 6;
      const at = 16 + (bit >> 3);
      registers[i] = (value[at]! >> (bit & 7) | (value[at + 1] ?? 0) << (8 - (bit & 7))) & 63;
    }
    return registers;
  }
  let register = 0;
  for (let at = 16; at < value.length; at++) {
    const code = value[at]!;
    let run: number;
    let rank = 0;
    if (code >= 0x80) {
      run = (code & 3) + 1;
      rank = (code >> 2 & 31) + 1;
    } else if (code >= 0x40) run = ((code & 63) << 8 | value[++at]!) + 1;
    else run = code + 1;
    if (register + run > REGISTERS) throw CORRUPT;
    registers.fill(rank, register, register + run);
    register += run;
  }
  if (register !== REGISTERS) throw CORRUPT;
  return registers;
}

function header(encoding: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set([72, 89, 76, 76, encoding, 0, 0, 0]);
  return bytes;
}

/** Value with these registers: sparse while that is short, and no rank is above 32. */
function encode(registers: Uint8Array, maxSparse: number, forceDense: boolean): Uint8Array {
  if (!forceDense) {
    const codes: number[] = [];
    let sparse = true;
    for (let i = 0; i < REGISTERS && sparse;) {
      const rank = registers[i]!;
      let run = 1;
      while (i + run < REGISTERS && registers[i + run] === rank) run++;
      i += run;
      if (rank > 32) sparse = false;
      else if (rank === 0) {
        while (run > 0) {
          const part = Math.min(run, REGISTERS);
          if (part > 64) codes.push(0x40 | (part - 1) >> 8, (part - 1) & 0xff);
          else codes.push(part - 1);
          run -= part;
        }
      } else {
        for (; run > 0; run -= 4) codes.push(0x80 | (rank - 1) << 2 | (Math.min(run, 4) - 1));
      }
      if (codes.length + 16 > maxSparse) sparse = false;
    }
    if (sparse) {
      const bytes = header(1, 16 + codes.length);
      bytes.set(codes, 16);
      return bytes;
    }
  }
  const bytes = header(0, DENSE_BYTES);
  for (let i = 0; i < REGISTERS; i++) {
    const bit = i * 6;
    const at = 16 + (bit >> 3);
    bytes[at]! |= registers[i]! << (bit & 7) & 0xff;
    if ((bit & 7) > 2) bytes[at + 1]! |= registers[i]! >> (8 - (bit & 7));
  }
  return bytes;
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let y = 1;
  let z = 1 - x;
  let previous: number;
  do {
    x = Math.sqrt(x);
    previous = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  } while (previous !== z);
  return z / 3;
}

function sigma(x: number): number {
  if (x === 1) return Infinity;
  let y = 1;
  let z = x;
  let previous: number;
  do {
    x *= x;
    previous = z;
    z += x * y;
    y += y;
  } while (previous !== z);
  return z;
}

function estimate(registers: Uint8Array): number {
  const histogram = new Array<number>(64).fill(0);
  for (let i = 0; i < REGISTERS; i++) histogram[registers[i]!]!++;
  let z = REGISTERS * tau((REGISTERS - histogram[BITS + 1]!) / REGISTERS);
  for (let j = BITS; j >= 1; j--) z = 0.5 * (z + histogram[j]!);
  z += REGISTERS * sigma(histogram[0]! / REGISTERS);
  return Math.round(0.721347520444481703680 * REGISTERS * REGISTERS / z);
}

function readHll(client: Client, key: string): Uint8Array | undefined {
  const value = client.db.read(key);
  if (value instanceof BytesValue) return value.buffer.subarray(0, value.length);
  const text = client.db.readStringOf(value);
  return text === undefined ? undefined : toBytes(text);
}

function storeHll(client: Client, key: string, bytes: Uint8Array): void {
  bytes[15]! |= 0x80;
  client.db.put(key, toByteString(bytes), true);
}

function pfadd(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const current = readHll(client, key);
  const fresh = current === undefined;
  const dense = current !== undefined && current.length > 4 && current[4] === 0;
  let changed = fresh;
  if (dense && current.length === DENSE_BYTES) {
    // In place: the common case of a value that has grown.
    decodeHeader(current);
    let bytes: BytesValue | undefined;
    for (let i = 2; i < args.length; i++) {
      const [index, rank] = positionOf(args[i]!);
      const bit = index * 6;
      const at = 16 + (bit >> 3);
      const source = bytes?.buffer ?? current;
      const old = (source[at]! >> (bit & 7) | (source[at + 1] ?? 0) << (8 - (bit & 7))) & 63;
      if (rank <= old) continue;
      bytes ??= db.writeBytes(key)!;
      const { buffer } = bytes;
      buffer[at] = buffer[at]! & ~(63 << (bit & 7)) | rank << (bit & 7) & 0xff;
      if ((bit & 7) > 2) {
        buffer[at + 1] = buffer[at + 1]! & ~(63 >> (8 - (bit & 7))) | rank >> (8 - (bit & 7));
      }
      buffer[15]! |= 0x80;
      changed = true;
    }
  } else {
    const registers = current === undefined ? new Uint8Array(REGISTERS) : decode(current);
    for (let i = 2; i < args.length; i++) {
      const [index, rank] = positionOf(args[i]!);
      if (rank > registers[index]!) {
        registers[index] = rank;
        changed = true;
      }
    }
    if (changed) {
      storeHll(client, key, encode(registers, engine.config.number("hll-sparse-max-bytes"), false));
    }
  }
  if (changed) {
    db.touch(key, db.dict.get(key));
    engine.notify("$", "pfadd", key, db.index);
  }
  client.int(changed ? 1 : 0);
}

function decodeHeader(value: Uint8Array): void {
  if (value[0] !== 72 || value[1] !== 89 || value[2] !== 76 || value[3] !== 76) throw NOT_HLL;
}

function mergeInto(registers: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < REGISTERS; i++) if (other[i]! > registers[i]!) registers[i] = other[i]!;
}

function pfcount(client: Client, args: string[]): void {
  const { db } = client;
  if (args.length > 2) {
    const registers = new Uint8Array(REGISTERS);
    for (const key of args.slice(1)) {
      const value = readHll(client, key);
      if (value !== undefined) mergeInto(registers, decode(value));
    }
    return client.int(estimate(registers));
  }
  const value = readHll(client, args[1]!);
  if (value === undefined) return client.int(0);
  if (value.length < 16) throw NOT_HLL;
  decodeHeader(value);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if ((value[15]! & 0x80) === 0) {
    decode(value);
    return client.int(view.getBigUint64(8, true));
  }
  const count = estimate(decode(value));
  const bytes = db.writeBytes(args[1]!)!;
  new DataView(bytes.buffer.buffer, bytes.buffer.byteOffset).setBigUint64(8, BigInt(count), true);
  db.touch(args[1]!, bytes);
  client.int(count);
}

function pfmerge(client: Client, args: string[]): void {
  const { db, engine } = client;
  const registers = new Uint8Array(REGISTERS);
  let dense = false;
  for (const key of args.slice(1)) {
    const value = readHll(client, key);
    if (value === undefined) continue;
    mergeInto(registers, decode(value));
    if (value[4] === 0) dense = true;
  }
  storeHll(
    client,
    args[1]!,
    encode(registers, engine.config.number("hll-sparse-max-bytes"), dense),
  );
  db.touch(args[1]!);
  engine.notify("$", "pfadd", args[1]!, db.index);
  client.ok();
}

function pfdebug(client: Client, args: string[]): void {
  const { db, engine } = client;
  const what = args[1]!.toLowerCase();
  const value = readHll(client, args[2]!);
  if (value === undefined) throw new CommandError("ERR The specified key does not exist");
  const registers = decode(value);
  if (what === "getreg") {
    if (value[4] === 1) storeHll(client, args[2]!, encode(registers, 0, true));
    client.array(REGISTERS);
    for (const register of registers) client.int(register);
  } else if (what === "encoding") client.simple(value[4] === 0 ? "dense" : "sparse");
  else if (what === "todense") {
    const convert = value[4] === 1;
    if (convert) {
      storeHll(
        client,
        args[2]!,
        encode(registers, engine.config.number("hll-sparse-max-bytes"), true),
      );
      db.touch(args[2]!);
    }
    client.int(convert ? 1 : 0);
  } else throw new CommandError(`ERR Unknown PFDEBUG subcommand '${args[1]!}'`);
}

function pfselftest(client: Client): void {
  const registers = new Uint8Array(REGISTERS);
  for (let i = 0; i < REGISTERS; i++) registers[i] = i * 7 & 63;
  const again = decode(encode(registers, 0, true));
  if (again.some((value, i) => value !== registers[i])) {
    throw new CommandError("ERR TESTFAILED dense registers");
  }
  client.ok();
}

/** The table. */
export const HYPERLOGLOG_COMMANDS: readonly CommandRow[] = [
  ["pfadd", -2, "wmF", 1, 1, 1, pfadd, "Adds elements to a HyperLogLog"],
  ["pfcount", -2, "r", 1, -1, 1, pfcount, "Estimated number of distinct elements"],
  ["pfmerge", -2, "wm", 1, -1, 1, pfmerge, "Merges HyperLogLogs"],
  ["pfdebug", 3, "wma", 2, 2, 1, pfdebug, "Internals of a HyperLogLog"],
  ["pfselftest", 1, "a", 0, 0, 0, (c) => pfselftest(c), "Checks the implementation"],
];
