/** Commands on strings. */
import type { Client } from "./_client.ts";
import type { CommandRow } from "./_engine.ts";
import { bigInteger, integer } from "./_args.ts";
import { addLongDoubles, INT64_MAX, INT64_MIN, isInt64, parseInteger } from "./_numbers.ts";
import { BytesValue, CommandError, NOT_INTEGER, SYNTAX_ERROR, writeLatin1 } from "./_values.ts";

const TOO_LONG = new CommandError("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
const OVERFLOW = new CommandError("ERR increment or decrement would overflow");

/** Absolute expiry in epoch milliseconds from an argument in seconds or milliseconds, relative or not. */
export function absoluteExpiry(
  client: Client,
  text: string,
  seconds: boolean,
  relative: boolean,
  name = client.engine.currentName,
): number {
  let at = bigInteger(text);
  const invalid = (): CommandError =>
    new CommandError(`ERR invalid expire time in '${name}' command`);
  if (at <= 0n) throw invalid();
  if (seconds) at *= 1000n;
  if (at > INT64_MAX) throw invalid();
  if (relative) at += BigInt(client.engine.now);
  if (at > INT64_MAX) throw invalid();
  return Number(at);
}

function get(client: Client, args: string[]): void {
  const value = client.db.read(args[1]!);
  if (typeof value === "string") client.raw("$" + value.length + "\r\n" + value + "\r\n");
  else client.bulkOrNull(client.db.readStringOf(value));
}

function set(client: Client, args: string[]): void {
  const key = args[1]!;
  const value = args[2]!;
  const { db, engine } = client;
  if (args.length === 3) {
    db.put(key, value);
    db.touch(key);
    if (engine.notifyFlags !== 0) engine.notify("$", "set", key, db.index);
    client.raw("+OK\r\n");
    return;
  }
  let condition = "";
  let wantOld = false;
  let keep = false;
  let expiry = 0;
  let absolute = false;
  let compare: string | undefined;
  for (let i = 3; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    const next = args[i + 1];
    if ((option === "nx" || option === "xx") && condition === "") condition = option;
    else if (option === "ifeq" && condition === "" && next !== undefined) {
      condition = option;
      compare = next;
      i++;
    } else if (option === "get") wantOld = true;
    else if (option === "keepttl" && expiry === 0 && !keep) keep = true;
    else if (
      (option === "ex" || option === "px" || option === "exat" || option === "pxat") &&
      next !== undefined && expiry === 0 && !keep
    ) {
      expiry = absoluteExpiry(client, next, option[0] === "e", option.length === 2, "set");
      absolute = option === "pxat";
      i++;
    } else throw SYNTAX_ERROR;
  }
  let old: string | undefined;
  if (wantOld || condition === "ifeq") old = db.readString(key);
  const exists = db.peek(key) !== undefined;
  if (
    (condition === "nx" && exists) || (condition === "xx" && !exists) ||
    (condition === "ifeq" && (!exists || old !== compare))
  ) {
    if (wantOld) client.bulkOrNull(old);
    else client.null();
    return;
  }
  if (expiry > 0 && expiry <= engine.now && !engine.loading) {
    // It would be gone at once: what was there goes instead.
    if (exists) {
      db.remove(key);
      db.touch(key);
      engine.rewritten = [[engine.deletion, key]];
      engine.notify("g", "del", key, db.index);
    }
    if (wantOld) client.bulkOrNull(old);
    else client.ok();
    return;
  }
  db.put(key, value, keep);
  if (expiry > 0) {
    db.setExpiry(key, expiry);
    // What is absolute already goes on as it was sent.
    if (!absolute) engine.rewritten = [["SET", key, value, "PXAT", String(expiry)]];
  } else if (condition !== "" || wantOld) {
    engine.rewritten = [keep ? ["SET", key, value, "KEEPTTL"] : ["SET", key, value]];
  }
  db.touch(key);
  engine.notify("$", "set", key, db.index);
  if (expiry > 0) engine.notify("g", "expire", key, db.index);
  if (wantOld) client.bulkOrNull(old);
  else client.ok();
}

function setnx(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  if (db.peek(key) !== undefined) return client.int(0);
  db.put(key, args[2]!);
  db.touch(key);
  engine.notify("$", "set", key, db.index);
  client.int(1);
}

function setWithExpiry(client: Client, args: string[], seconds: boolean): void {
  const { db, engine } = client;
  const key = args[1]!;
  const expiry = absoluteExpiry(client, args[2]!, seconds, true);
  db.put(key, args[3]!);
  db.setExpiry(key, expiry);
  db.touch(key);
  engine.rewritten = [["SET", key, args[3]!, "PXAT", String(expiry)]];
  engine.notify("$", "set", key, db.index);
  engine.notify("g", "expire", key, db.index);
  client.ok();
}

function getset(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const old = db.readString(key);
  db.put(key, args[2]!);
  db.touch(key);
  engine.rewritten = [["SET", key, args[2]!]];
  engine.notify("$", "set", key, db.index);
  client.bulkOrNull(old);
}

function getdel(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const old = db.readString(key);
  if (old !== undefined) {
    db.remove(key);
    db.touch(key);
    engine.rewritten = [["DEL", key]];
    engine.notify("g", "del", key, db.index);
  }
  client.bulkOrNull(old);
}

function getex(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  let expiry = 0;
  let persist = false;
  for (let i = 2; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "persist" && expiry === 0 && !persist) persist = true;
    else if (
      (option === "ex" || option === "px" || option === "exat" || option === "pxat") &&
      args[i + 1] !== undefined && expiry === 0 && !persist
    ) expiry = absoluteExpiry(client, args[++i]!, option[0] === "e", option.length === 2, "getex");
    else throw SYNTAX_ERROR;
  }
  const value = db.readString(key);
  if (value === undefined) return client.null();
  client.bulk(value);
  if (persist) {
    if (db.dropExpiry(key)) {
      db.touch(key);
      engine.rewritten = [["PERSIST", key]];
      engine.notify("g", "persist", key, db.index);
    }
  } else if (expiry > 0) {
    if (expiry <= engine.now && !engine.loading) {
      db.remove(key);
      engine.rewritten = [[engine.deletion, key]];
      engine.notify("g", "del", key, db.index);
    } else {
      db.setExpiry(key, expiry);
      engine.rewritten = [["PEXPIREAT", key, String(expiry)]];
      engine.notify("g", "expire", key, db.index);
    }
    db.touch(key);
  }
}

function mget(client: Client, args: string[]): void {
  client.array(args.length - 1);
  for (let i = 1; i < args.length; i++) {
    const value = client.db.read(args[i]!);
    if (typeof value === "string") client.bulk(value);
    else if (value instanceof BytesValue) client.bulk(value.toString());
    else client.null();
  }
}

function mset(client: Client, args: string[]): void {
  if (args.length % 2 === 0) {
    throw new CommandError(
      `ERR wrong number of arguments for '${client.engine.currentName}' command`,
    );
  }
  const { db, engine } = client;
  const onlyNew = engine.currentName === "msetnx";
  if (onlyNew) {
    for (let i = 1; i < args.length; i += 2) {
      if (db.peek(args[i]!) !== undefined) return client.int(0);
    }
  }
  for (let i = 1; i < args.length; i += 2) {
    db.put(args[i]!, args[i + 1]!);
    db.touch(args[i]!);
    engine.notify("$", "set", args[i]!, db.index);
  }
  if (onlyNew) client.int(1);
  else client.ok();
}

function addTo(client: Client, key: string, by: number | bigint): void {
  const { db, engine } = client;
  const current = db.writeString(key);
  const base = current === undefined ? 0 : parseInteger(current);
  if (base === undefined) throw NOT_INTEGER;
  let text: string;
  const quick = typeof by === "number" ? base + by : NaN;
  if (Number.isSafeInteger(quick) && Number.isSafeInteger(base)) text = "" + quick;
  else {
    const sum = BigInt(current ?? "0") + BigInt(by);
    if (sum > INT64_MAX || sum < INT64_MIN) throw OVERFLOW;
    text = sum.toString();
  }
  if (current === undefined) db.put(key, text);
  else db.put(key, text, true);
  db.touch(key);
  if (engine.notifyFlags !== 0) engine.notify("$", "incrby", key, db.index);
  client.raw(":" + text + "\r\n");
}

function incrby(client: Client, args: string[]): void {
  const by = bigInteger(args[2]!);
  addTo(client, args[1]!, by >= -9007199254740991n && by <= 9007199254740991n ? Number(by) : by);
}

function decrby(client: Client, args: string[]): void {
  const by = bigInteger(args[2]!);
  if (by === INT64_MIN) throw new CommandError("ERR decrement would overflow");
  addTo(client, args[1]!, -by);
}

/** The sum of two float texts. @throws the reply. */
export function floatSum(base: string, by: string, baseError: string): string {
  const sum = addLongDoubles(base, by);
  if (typeof sum === "string") return sum;
  if (sum.fault === "base") throw new CommandError(baseError);
  if (sum.fault === "increment") throw new CommandError("ERR value is not a valid float");
  throw new CommandError("ERR increment would produce NaN or Infinity");
}

function incrbyfloat(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const current = db.writeString(key);
  const text = floatSum(current ?? "0", args[2]!, "ERR value is not a valid float");
  db.put(key, text, true);
  db.touch(key);
  engine.rewritten = [["SET", key, text, "KEEPTTL"]];
  engine.notify("$", "incrbyfloat", key, db.index);
  client.bulk(text);
}

function append(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const value = db.write(key);
  let length: number;
  if (value === undefined) {
    db.put(key, args[2]!);
    length = args[2]!.length;
  } else if (value instanceof BytesValue) {
    const at = value.length;
    if (at + args[2]!.length > engine.maxBulkBytes) throw TOO_LONG;
    value.grow(at + args[2]!.length);
    writeLatin1(value.buffer, args[2]!, at);
    length = value.length;
  } else {
    const current = db.writeString(key)!;
    length = current.length + args[2]!.length;
    if (length > engine.maxBulkBytes) throw TOO_LONG;
    if (length > 1024) {
      const bytes = db.writeBytes(key)!;
      bytes.grow(length);
      writeLatin1(bytes.buffer, args[2]!, current.length);
    } else db.put(key, current + args[2]!, true);
  }
  db.touch(key, db.dict.get(key));
  engine.notify("$", "append", key, db.index);
  client.int(length);
}

function strlen(client: Client, args: string[]): void {
  const value = client.db.read(args[1]!);
  if (value === undefined) client.int(0);
  else if (typeof value === "string" || value instanceof BytesValue) client.int(value.length);
  else client.db.readStringOf(value);
}

function setrange(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const offset = integer(args[2]!);
  const text = args[3]!;
  if (offset < 0) throw new CommandError("ERR offset is out of range");
  const current = db.write(key);
  if (current === undefined && text.length === 0) return client.int(0);
  if (current !== undefined && text.length === 0) return client.int(db.readString(key)!.length);
  if (offset + text.length > engine.maxBulkBytes) {
    db.writeString(key);
    throw TOO_LONG;
  }
  let bytes: BytesValue;
  if (current === undefined) {
    bytes = new BytesValue("");
    db.put(key, bytes);
  } else bytes = db.writeBytes(key)!;
  bytes.grow(offset + text.length);
  writeLatin1(bytes.buffer, text, offset);
  db.touch(key, bytes);
  engine.notify("$", "setrange", key, db.index);
  client.int(bytes.length);
}

function getrange(client: Client, args: string[]): void {
  let start = integer(args[2]!);
  let end = integer(args[3]!);
  const value = client.db.read(args[1]!);
  if (value === undefined) return client.bulk("");
  const length = typeof value === "string" || value instanceof BytesValue
    ? value.length
    : client.db.readStringOf(value)!.length;
  if (start < 0 && end < 0 && start > end) return client.bulk("");
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = Math.max(0, length + end);
  if (end >= length) end = length - 1;
  if (start > end || length === 0) return client.bulk("");
  client.bulk(
    typeof value === "string"
      ? value.slice(start, end + 1)
      : (value as BytesValue).buffer.latin1Slice(start, end + 1),
  );
}

function lcs(client: Client, args: string[]): void {
  const { db } = client;
  const strings = [args[1]!, args[2]!].map((key) => {
    const value = db.read(key);
    if (value === undefined) return "";
    if (typeof value === "string") return value;
    if (value instanceof BytesValue) return value.toString();
    throw new CommandError("ERR The specified keys must contain string values");
  });
  let wantLength = false;
  let wantIndexes = false;
  let withLengths = false;
  let minimum = 0;
  for (let i = 3; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "len") wantLength = true;
    else if (option === "idx") wantIndexes = true;
    else if (option === "withmatchlen") withLengths = true;
    else if (option === "minmatchlen" && args[i + 1] !== undefined) {
      minimum = Math.max(0, integer(args[++i]!));
    } else throw SYNTAX_ERROR;
  }
  if (wantLength && wantIndexes) {
    throw new CommandError("ERR If you want both the length and indexes, please just use IDX.");
  }
  const [a, b] = strings as [string, string];
  const width = b.length + 1;
  if ((a.length + 1) * width > 100_000_000) {
    throw new CommandError(
      "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    );
  }
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      table[i * width + j] = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
        ? table[(i - 1) * width + j - 1]! + 1
        : Math.max(table[(i - 1) * width + j]!, table[i * width + j - 1]!);
    }
  }
  const total = table[a.length * width + b.length]!;
  if (wantLength) return client.int(total);
  const ranges: [number, number, number, number][] = [];
  const common: string[] = [];
  let i = a.length;
  let j = b.length;
  let run = 0;
  const emit = (): void => {
    if (run > 0 && run >= minimum) ranges.push([i, i + run - 1, j, j + run - 1]);
    run = 0;
  };
  while (i > 0 && j > 0) {
    if (a.charCodeAt(i - 1) === b.charCodeAt(j - 1)) {
      common.push(a[i - 1]!);
      run++;
      i--;
      j--;
    } else {
      emit();
      if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i--;
      else j--;
    }
  }
  emit();
  if (!wantIndexes) return client.bulk(common.reverse().join(""));
  client.map(2);
  client.bulk("matches");
  client.array(ranges.length);
  for (const [a1, a2, b1, b2] of ranges) {
    client.array(withLengths ? 3 : 2);
    client.array(2);
    client.int(a1);
    client.int(a2);
    client.array(2);
    client.int(b1);
    client.int(b2);
    if (withLengths) client.int(a2 - a1 + 1);
  }
  client.bulk("len");
  client.int(total);
}

/** Whether a text is stored as an integer: OBJECT ENCODING. */
export function isIntegerEncoded(text: string): boolean {
  return isInt64(text);
}

/** The table. */
export const STRING_COMMANDS: readonly CommandRow[] = [
  ["get", 2, "rF", 1, 1, 1, get, "Value of a string"],
  ["set", -3, "wm", 1, 1, 1, set, "Stores a string, on conditions and with an expiry if asked"],
  ["setnx", 3, "wmF", 1, 1, 1, setnx, "Stores a string unless the key exists"],
  [
    "setex",
    4,
    "wm",
    1,
    1,
    1,
    (c, a) => setWithExpiry(c, a, true),
    "Stores a string that lives some seconds",
  ],
  [
    "psetex",
    4,
    "wm",
    1,
    1,
    1,
    (c, a) => setWithExpiry(c, a, false),
    "Stores a string that lives some milliseconds",
  ],
  ["getset", 3, "wmF", 1, 1, 1, getset, "Stores a string and gives the old one"],
  ["getdel", 2, "wF", 1, 1, 1, getdel, "Gives a string and deletes it"],
  ["getex", -2, "wF", 1, 1, 1, getex, "Gives a string and changes its expiry"],
  ["mget", -2, "rF", 1, -1, 1, mget, "Values of several strings"],
  ["mset", -3, "wm", 1, -1, 2, mset, "Stores several strings"],
  ["msetnx", -3, "wm", 1, -1, 2, mset, "Stores several strings if none of the keys exists"],
  ["incr", 2, "wmF", 1, 1, 1, (c, a) => addTo(c, a[1]!, 1), "Adds one to an integer"],
  ["decr", 2, "wmF", 1, 1, 1, (c, a) => addTo(c, a[1]!, -1), "Takes one from an integer"],
  ["incrby", 3, "wmF", 1, 1, 1, incrby, "Adds to an integer"],
  ["decrby", 3, "wmF", 1, 1, 1, decrby, "Takes from an integer"],
  ["incrbyfloat", 3, "wmF", 1, 1, 1, incrbyfloat, "Adds to a number"],
  ["append", 3, "wmF", 1, 1, 1, append, "Adds to the end of a string"],
  ["strlen", 2, "rF", 1, 1, 1, strlen, "Length of a string in bytes"],
  ["setrange", 4, "wm", 1, 1, 1, setrange, "Overwrites a part of a string"],
  ["getrange", 4, "r", 1, 1, 1, getrange, "A part of a string"],
  ["substr", 4, "r", 1, 1, 1, getrange, "A part of a string (old name)"],
  ["lcs", -3, "r", 1, 2, 1, lcs, "Longest common subsequence of two strings"],
];
