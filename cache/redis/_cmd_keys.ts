/** Commands on keys of any type. */
import type { Client } from "./_client.ts";
import { type Db, KEY_OVERHEAD, sizeOfValue } from "./_db.ts";
import { type CommandRow, lfuDecay } from "./_engine.ts";
import { bigInteger, integer } from "./_args.ts";
import { globMatch, isLiteral } from "./_glob.ts";
import { INT64_MAX, INT64_MIN, isInt64, parseDouble, parseInteger } from "./_numbers.ts";
import { parseCursor, scanOptions } from "./_scan.ts";
import { orderedMembers } from "./_cmd_set.ts";
import {
  BytesValue,
  CommandError,
  HashValue,
  ListValue,
  NO_SUCH_KEY,
  SetValue,
  StreamValue,
  SYNTAX_ERROR,
  typeOf,
  type Value,
  WRONG_TYPE,
  ZSetValue,
} from "./_values.ts";

function del(client: Client, args: string[]): void {
  const { db, engine } = client;
  let count = 0;
  for (let i = 1; i < args.length; i++) {
    const key = args[i]!;
    db.expireIfNeeded(key);
    if (!db.remove(key)) continue;
    count++;
    db.touch(key);
    engine.notify("g", "del", key, db.index);
  }
  client.int(count);
}

function exists(client: Client, args: string[]): void {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (client.db.read(args[i]!) !== undefined) count++;
  client.int(count);
}

/** EXPIRE and its relatives. */
function expire(client: Client, args: string[], seconds: boolean, relative: boolean): void {
  const { db, engine } = client;
  const key = args[1]!;
  let at = bigInteger(args[2]!);
  const invalid = (): CommandError =>
    new CommandError(`ERR invalid expire time in '${engine.currentName}' command`);
  if (seconds) {
    if (at > INT64_MAX / 1000n || at < INT64_MIN / 1000n) throw invalid();
    at *= 1000n;
  }
  if (relative) {
    at += BigInt(engine.now);
    if (at > INT64_MAX) throw invalid();
  }
  let nx = false;
  let xx = false;
  let gt = false;
  let lt = false;
  for (let i = 3; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "nx") nx = true;
    else if (option === "xx") xx = true;
    else if (option === "gt") gt = true;
    else if (option === "lt") lt = true;
    else throw new CommandError(`ERR Unsupported option ${args[i]!}`);
  }
  if (nx && (xx || gt || lt)) {
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (gt && lt) throw new CommandError("ERR GT and LT options at the same time are not compatible");
  if (db.write(key) === undefined) return client.int(0);
  const current = db.expiry(key);
  const when = Number(at);
  if (nx && current !== -1) return client.int(0);
  if (xx && current === -1) return client.int(0);
  if (gt && (current === -1 || when <= current)) return client.int(0);
  if (lt && current !== -1 && when >= current) return client.int(0);
  if (when <= engine.now && !engine.loading) {
    db.remove(key);
    db.touch(key);
    engine.rewritten = [[engine.deletion, key]];
    engine.notify("g", "del", key, db.index);
    return client.int(1);
  }
  db.setExpiry(key, when);
  db.touch(key);
  engine.rewritten = [["PEXPIREAT", key, at.toString()]];
  engine.notify("g", "expire", key, db.index);
  client.int(1);
}

function ttl(client: Client, args: string[], seconds: boolean, relative: boolean): void {
  const { db, engine } = client;
  if (db.peek(args[1]!) === undefined) return client.int(-2);
  const at = db.expiry(args[1]!);
  if (at === -1) return client.int(-1);
  const value = relative ? Math.max(0, at - engine.now) : at;
  client.int(seconds ? Math.floor((value + 500) / 1000) : value);
}

function persist(client: Client, args: string[]): void {
  const { db, engine } = client;
  if (db.write(args[1]!) === undefined || !db.dropExpiry(args[1]!)) return client.int(0);
  db.touch(args[1]!);
  engine.notify("g", "persist", args[1]!, db.index);
  client.int(1);
}

function keys(client: Client, args: string[]): void {
  const { db } = client;
  const pattern = args[1]!;
  if (isLiteral(pattern)) {
    return client.bulks(db.peek(pattern) === undefined ? [] : [pattern]);
  }
  const all = pattern === "*";
  client.bulks(
    db.dict.keys.filter((key) => (all || globMatch(pattern, key)) && !db.isExpired(key)),
  );
}

function scan(client: Client, args: string[]): void {
  const { db } = client;
  const cursor = parseCursor(args[1]!);
  const { pattern, count, type } = scanOptions(args.slice(2), true);
  const found: string[] = [];
  const expired: string[] = [];
  const { dict } = db;
  const next = dict.scan(cursor, count, (at) => {
    const key = dict.keys[at]!;
    if (pattern !== undefined && !globMatch(pattern, key)) return;
    if (type !== undefined && typeOf(dict.values[at]!) !== type) return;
    if (db.isExpired(key)) expired.push(key);
    else found.push(key);
  });
  for (const key of expired) db.expireIfNeeded(key);
  client.array(2);
  client.bulk(String(next));
  client.bulks(found);
}

function randomkey(client: Client): void {
  const { db } = client;
  for (let tries = 0; db.size > 0; tries++) {
    const key = db.dict.keys[db.dict.randomAt()]!;
    if (tries > 100 && db.size === db.expires.size) return client.bulk(key);
    if (!db.expireIfNeeded(key)) return client.bulk(key);
  }
  client.null();
}

function rename(client: Client, args: string[], onlyNew: boolean): void {
  const { db, engine } = client;
  const [, source, target] = args as [string, string, string];
  const value = db.write(source);
  if (value === undefined) throw NO_SUCH_KEY;
  if (source === target) return onlyNew ? client.int(0) : client.ok();
  if (db.peek(target) !== undefined) {
    if (onlyNew) return client.int(0);
    db.remove(target);
  }
  const expiry = db.expiry(source);
  db.remove(source);
  db.put(target, value);
  if (expiry !== -1) db.setExpiry(target, expiry);
  db.touch(source);
  db.touch(target, value);
  engine.notify("g", "rename_from", source, db.index);
  engine.notify("g", "rename_to", target, db.index);
  if (onlyNew) client.int(1);
  else client.ok();
}

/** A database by number. @throws the reply. */
export function dbOf(
  client: Client,
  text: string,
  error = "ERR value is not an integer or out of range",
): Db {
  const index = parseInteger(text);
  if (index === undefined) throw new CommandError(error);
  const db = client.engine.dbs[index];
  if (db === undefined) throw new CommandError("ERR DB index is out of range");
  return db;
}

function move(client: Client, args: string[]): void {
  const { db, engine } = client;
  const target = dbOf(client, args[2]!);
  if (target === db) throw new CommandError("ERR source and destination objects are the same");
  const key = args[1]!;
  const value = db.write(key);
  if (value === undefined || target.peek(key) !== undefined) return client.int(0);
  const expiry = db.expiry(key);
  db.remove(key);
  target.put(key, value);
  if (expiry !== -1) target.setExpiry(key, expiry);
  db.touch(key);
  target.touch(key);
  engine.notify("g", "move_from", key, db.index);
  engine.notify("g", "move_to", key, target.index);
  client.int(1);
}

function copy(client: Client, args: string[]): void {
  const { db, engine } = client;
  const [, source, target] = args as [string, string, string];
  let to = db;
  let replace = false;
  for (let i = 3; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "replace") replace = true;
    else if (option === "db" && args[i + 1] !== undefined) to = dbOf(client, args[++i]!);
    else throw SYNTAX_ERROR;
  }
  if (to === db && source === target) {
    throw new CommandError("ERR source and destination objects are the same");
  }
  const value = db.read(source);
  if (value === undefined) return client.int(0);
  if (to.peek(target) !== undefined) {
    if (!replace) return client.int(0);
    to.remove(target);
  }
  const expiry = db.expiry(source);
  to.put(target, clone(value));
  if (expiry !== -1) to.setExpiry(target, expiry);
  to.touch(target);
  engine.notify("g", "copy_to", target, to.index);
  client.int(1);
}

/** A deep copy of a value. */
function clone(value: Value): Value {
  if (typeof value === "string") return value;
  if (value instanceof BytesValue) return new BytesValue(value.toString());
  if (value instanceof ListValue) {
    const list = new ListValue();
    for (const item of value) list.pushRight(item);
    list.big = value.big;
    return list;
  }
  if (value instanceof HashValue) {
    const hash = new HashValue();
    value.fields.keys.forEach((field, i) => hash.fields.set(field, value.fields.values[i]!));
    return hash;
  }
  if (value instanceof SetValue) {
    const set = new SetValue();
    for (const member of value.members.keys) set.members.set(member, undefined);
    set.encoding = value.encoding;
    return set;
  }
  if (value instanceof ZSetValue) {
    const zset = new ZSetValue();
    value.scores.keys.forEach((member, i) => zset.set(member, value.scores.values[i]!));
    zset.big = value.big;
    return zset;
  }
  const stream = new StreamValue();
  for (const [id, fields] of value.entries) stream.append(id, fields);
  stream.lastId = value.lastId;
  stream.maxDeletedId = value.maxDeletedId;
  stream.added = value.added;
  for (const [name, group] of value.groups) {
    const twin = {
      lastId: group.lastId,
      read: group.read,
      pending: new (group.pending.constructor as new () => typeof group.pending)(),
      consumers: new Map(),
    };
    for (const [consumerName, consumer] of group.consumers) {
      const other = {
        name: consumerName,
        seen: consumer.seen,
        active: consumer.active,
        pending: new (group.pending.constructor as new () => typeof group.pending)(),
      };
      for (const [id, pending] of consumer.pending) {
        const entry = { consumer: other, time: pending.time, count: pending.count };
        other.pending.set(id, entry);
        twin.pending.set(id, entry);
      }
      twin.consumers.set(consumerName, other);
    }
    stream.groups.set(name, twin);
  }
  return stream;
}

/** OBJECT ENCODING of a value, as Redis would have stored it. */
export function encodingOf(client: Client, value: Value): string {
  const { config } = client.engine;
  if (typeof value === "string") {
    if (isInt64(value)) return "int";
    return value.length <= 44 ? "embstr" : "raw";
  }
  if (value instanceof BytesValue) return "raw";
  if (value instanceof ListValue) {
    const size = config.number("list-max-listpack-size");
    let bytes = 0;
    if (value.length <= 1024) { for (const item of value) bytes += item.length + 2; }
    else bytes = Infinity;
    const limit = [4096, 8192, 16_384, 32_768, 65_536][-size - 1];
    const small = size >= 0 ? value.length <= size && bytes <= 8192 : bytes <= (limit ?? 8192);
    return small ? "listpack" : "quicklist";
  }
  if (value instanceof HashValue) {
    const { keys, values, size } = value.fields;
    if (size > config.number("hash-max-listpack-entries")) return "hashtable";
    const max = config.number("hash-max-listpack-value");
    const long = keys.some((key) => key.length > max) || values.some((text) => text.length > max);
    return long ? "hashtable" : "listpack";
  }
  if (value instanceof SetValue) return value.encoding;
  if (value instanceof ZSetValue) {
    const small = !value.big && value.size <= config.number("zset-max-listpack-entries");
    return small ? "listpack" : "skiplist";
  }
  return "stream";
}

/** Lines of a HELP subcommand. */
export function help(name: string, lines: readonly string[]): (client: Client) => void {
  return (client) => {
    client.array(lines.length + 3);
    client.simple(`${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
    for (const line of lines) client.simple(line);
    client.simple("HELP");
    client.simple("    Print this help.");
  };
}

function objectInfo(client: Client, args: string[]): void {
  const { db, engine } = client;
  const what = args[1]!.toLowerCase();
  db.expireIfNeeded(args[2]!);
  const at = db.dict.find(args[2]!);
  if (at < 0) return client.null();
  const value = db.dict.values[at]!;
  const word = db.dict.meta![at]!;
  if (what === "encoding") return client.bulk(encodingOf(client, value));
  if (what === "refcount") {
    return client.int(
      typeof value === "string" && isInt64(value) && Number(value) >= 0 && Number(value) < 10_000
        ? 2147483647
        : 1,
    );
  }
  if (what === "freq") {
    if (!engine.lfu) {
      throw new CommandError(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. " +
          "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
      );
    }
    return client.int(lfuDecay(word, engine.now, engine.config));
  }
  if (engine.lfu) {
    throw new CommandError(
      "ERR An LFU maxmemory policy is selected, idle time not tracked. " +
        "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
  }
  client.int(Math.max(0, Math.floor(engine.now / 1000) - word));
}

function touch(client: Client, args: string[]): void {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (client.db.read(args[i]!) !== undefined) count++;
  client.int(count);
}

function dump(client: Client, args: string[]): void {
  const value = client.db.read(args[1]!);
  if (value === undefined) return client.null();
  client.bulk(client.engine.host!.dump(value));
}

function restore(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  let replace = false;
  let absolute = false;
  let idle = -1;
  let frequency = -1;
  for (let i = 4; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    const next = args[i + 1];
    if (option === "replace") replace = true;
    else if (option === "absttl") absolute = true;
    else if (option === "idletime" && next !== undefined && frequency === -1) {
      idle = integer(next);
      if (idle < 0) throw new CommandError("ERR Invalid IDLETIME value, must be >= 0");
      i++;
    } else if (option === "freq" && next !== undefined && idle === -1) {
      frequency = integer(next);
      if (frequency < 0 || frequency > 255) {
        throw new CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
      i++;
    } else throw SYNTAX_ERROR;
  }
  if (!replace && db.peek(key) !== undefined) {
    throw new CommandError("BUSYKEY Target key name already exists.");
  }
  const time = integer(args[2]!);
  if (time < 0) throw new CommandError("ERR Invalid TTL value, must be >= 0");
  const value = engine.host!.restore(args[3]!);
  const existed = replace && db.peek(key) !== undefined && db.remove(key);
  const expiry = time === 0 ? 0 : absolute ? time : engine.now + time;
  if (expiry > 0 && expiry <= engine.now && !engine.loading) {
    if (existed) {
      db.touch(key);
      engine.rewritten = [[engine.deletion, key]];
      engine.notify("g", "del", key, db.index);
    }
    return client.ok();
  }
  db.put(key, value);
  if (expiry > 0) {
    db.setExpiry(key, expiry);
    if (!absolute) {
      engine.rewritten = [["RESTORE", key, String(expiry), ...args.slice(3), "ABSTTL"]];
    }
  }
  const at = db.dict.find(key);
  if (idle >= 0 && !engine.lfu) {
    db.dict.meta![at] = Math.max(0, Math.floor(engine.now / 1000) - idle);
  }
  if (frequency >= 0 && engine.lfu) {
    db.dict.meta![at] = (db.dict.meta![at]! & ~0xff | frequency) >>> 0;
  }
  db.touch(key);
  engine.notify("g", "restore", key, db.index);
  client.ok();
}

/** Value of a BY or GET pattern for an element; undefined when absent. */
function lookupPattern(client: Client, pattern: string, element: string): string | undefined {
  if (pattern === "#") return element;
  const star = pattern.indexOf("*");
  if (star < 0) return undefined;
  let key = pattern;
  let field: string | undefined;
  const arrow = pattern.indexOf("->", star + 1);
  if (arrow >= 0 && arrow + 2 < pattern.length) {
    key = pattern.slice(0, arrow);
    field = pattern.slice(arrow + 2);
  }
  key = key.slice(0, star) + element + key.slice(star + 1);
  const value = client.db.peek(key);
  if (value === undefined) return undefined;
  if (field !== undefined) return value instanceof HashValue ? value.fields.get(field) : undefined;
  if (typeof value === "string") return value;
  return value instanceof BytesValue ? value.toString() : undefined;
}

function sort(client: Client, args: string[]): void {
  const { db, engine } = client;
  const readOnly = engine.currentName === "sort_ro";
  let descending = false;
  let alpha = false;
  let offset = 0;
  let limit = -1;
  let by: string | undefined;
  let target: string | undefined;
  const gets: string[] = [];
  for (let i = 2; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    const next = args[i + 1];
    if (option === "asc") descending = false;
    else if (option === "desc") descending = true;
    else if (option === "alpha") alpha = true;
    else if (option === "limit" && i + 2 < args.length) {
      offset = integer(next!);
      limit = integer(args[i + 2]!);
      i += 2;
    } else if (option === "store" && next !== undefined && !readOnly) {
      target = next;
      i++;
    } else if (option === "by" && next !== undefined) {
      by = next;
      i++;
    } else if (option === "get" && next !== undefined) {
      gets.push(next);
      i++;
    } else throw SYNTAX_ERROR;
  }
  const unsorted = by !== undefined && !by.includes("*");
  const value = db.read(args[1]!);
  let items: string[] = [];
  if (value instanceof ListValue) items = [...value];
  else if (value instanceof SetValue) {
    items = [...orderedMembers(value)];
    if (unsorted && target !== undefined) {
      // A set has no order of its own: make what is stored the same everywhere.
      items.sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
    }
  } else if (value instanceof ZSetValue) {
    const reverse = unsorted && descending;
    value.order.forRange(0, value.size - 1, reverse, (member) => items.push(member));
  } else if (value !== undefined) throw WRONG_TYPE;
  if (!unsorted) {
    const weights = items.map((item) => by === undefined ? item : lookupPattern(client, by, item));
    if (alpha) {
      const order = items.map((_, i) => i).sort((a, b) => {
        const left = weights[a];
        const right = weights[b];
        let result = 0;
        if (left === undefined || right === undefined) {
          result = left === right ? 0 : left === undefined ? -1 : 1;
        } else result = left < right ? -1 : left > right ? 1 : 0;
        if (result === 0 && by !== undefined) {
          result = items[a]! < items[b]! ? -1 : items[a]! > items[b]! ? 1 : 0;
        }
        return descending ? -result : result;
      });
      items = order.map((i) => items[i]!);
    } else {
      const scores = weights.map((text) => {
        if (text === undefined) return 0;
        const score = parseDouble(text.trim());
        if (score === undefined) {
          throw new CommandError("ERR One or more scores can't be converted into double");
        }
        return score;
      });
      const order = items.map((_, i) => i).sort((a, b) => {
        let result = scores[a]! - scores[b]!;
        if (Number.isNaN(result)) {
          result = scores[a]! < scores[b]! ? -1 : scores[a]! > scores[b]! ? 1 : 0;
        }
        if (result === 0) result = items[a]! < items[b]! ? -1 : items[a]! > items[b]! ? 1 : 0;
        return descending ? -result : result;
      });
      items = order.map((i) => items[i]!);
    }
  }
  const start = Math.max(0, Math.min(offset, items.length));
  const end = limit < 0 ? items.length : Math.min(items.length, start + limit);
  items = items.slice(start, end);
  const results: (string | undefined)[] = [];
  for (const item of items) {
    if (gets.length === 0) results.push(item);
    else for (const pattern of gets) results.push(lookupPattern(client, pattern, item));
  }
  if (target === undefined) {
    client.array(results.length);
    for (const result of results) client.bulkOrNull(result);
    return;
  }
  if (results.length === 0) {
    if (db.peek(target) !== undefined && db.remove(target)) {
      db.touch(target);
      engine.notify("g", "del", target, db.index);
    }
    return client.int(0);
  }
  const list = new ListValue();
  for (const result of results) list.pushRight(result ?? "");
  db.put(target, list);
  db.touch(target, list);
  engine.notify("l", "sortstore", target, db.index);
  engine.dirty += results.length - 1;
  client.int(results.length);
}

function sortKeys(args: string[]): number[] {
  const positions = [1];
  for (let i = 2; i < args.length - 1; i++) {
    if (args[i]!.toLowerCase() === "store") positions[1] = i + 1;
  }
  return positions;
}

function flush(client: Client, args: string[], all: boolean): void {
  const { engine } = client;
  if (args.length > 2 || (args.length === 2 && !/^(?:a?sync)$/i.test(args[1]!))) throw SYNTAX_ERROR;
  const dbs = all ? engine.dbs : [client.db];
  let count = 0;
  for (const db of dbs) count += db.clear();
  engine.tracking.invalidateAll();
  engine.dirty += count + 1;
  if (all && !engine.loading) engine.host!.flushed();
  client.ok();
}

function swapdb(client: Client, args: string[]): void {
  const { engine } = client;
  for (const [at, which] of [[1, "first"], [2, "second"]] as const) {
    integer(args[at]!, new CommandError(`ERR invalid ${which} DB index`));
  }
  const a = dbOf(client, args[1]!);
  const b = dbOf(client, args[2]!);
  if (a !== b) {
    a.touchWatched(b);
    b.touchWatched(a);
    if (engine.snapshot !== null) {
      engine.snapshot.beforeClear(a);
      engine.snapshot.beforeClear(b);
    }
    [a.dict, b.dict] = [b.dict, a.dict];
    [a.expires, b.expires] = [b.expires, a.expires];
    [a.bytes, b.bytes] = [b.bytes, a.bytes];
    [a.averageTtl, b.averageTtl] = [b.averageTtl, a.averageTtl];
    for (const db of [a, b]) {
      for (const key of db.blocked.keys()) if (db.dict.has(key)) engine.readyKeys.push({ db, key });
    }
    engine.tracking.invalidateAll();
  }
  engine.dirty++;
  client.ok();
}

function memory(client: Client, args: string[]): void {
  const { db } = client;
  for (let i = 3; i < args.length; i += 2) {
    if (args[i]!.toLowerCase() !== "samples" || args[i + 1] === undefined) throw SYNTAX_ERROR;
    if (integer(args[i + 1]!) < 0) throw SYNTAX_ERROR;
  }
  const value = db.peek(args[2]!);
  if (value === undefined) return client.null();
  client.int(KEY_OVERHEAD + args[2]!.length + sizeOfValue(value));
}

/** MEMORY USAGE. */
export const memoryUsage = memory;

/** The table. */
export const KEY_COMMANDS: readonly CommandRow[] = [
  ["del", -2, "w", 1, -1, 1, del, "Deletes keys"],
  ["unlink", -2, "wF", 1, -1, 1, del, "Deletes keys; memory goes later"],
  ["exists", -2, "rF", 1, -1, 1, exists, "How many of the keys exist"],
  [
    "expire",
    -3,
    "wF",
    1,
    1,
    1,
    (c, a) => expire(c, a, true, true),
    "Gives a key some seconds to live",
  ],
  [
    "pexpire",
    -3,
    "wF",
    1,
    1,
    1,
    (c, a) => expire(c, a, false, true),
    "Gives a key some milliseconds to live",
  ],
  [
    "expireat",
    -3,
    "wF",
    1,
    1,
    1,
    (c, a) => expire(c, a, true, false),
    "Lets a key live until a second",
  ],
  [
    "pexpireat",
    -3,
    "wF",
    1,
    1,
    1,
    (c, a) => expire(c, a, false, false),
    "Lets a key live until a millisecond",
  ],
  ["ttl", 2, "rF", 1, 1, 1, (c, a) => ttl(c, a, true, true), "Seconds that a key has left"],
  ["pttl", 2, "rF", 1, 1, 1, (c, a) => ttl(c, a, false, true), "Milliseconds that a key has left"],
  [
    "expiretime",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => ttl(c, a, true, false),
    "Second at which a key expires",
  ],
  [
    "pexpiretime",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => ttl(c, a, false, false),
    "Millisecond at which a key expires",
  ],
  ["persist", 2, "wF", 1, 1, 1, persist, "Takes the expiry from a key"],
  ["keys", 2, "rd", 0, 0, 0, keys, "Keys that match a pattern"],
  ["scan", -2, "r", 0, 0, 0, scan, "Walks over the keys"],
  ["randomkey", 1, "r", 0, 0, 0, (c) => randomkey(c), "A random key"],
  ["type", 2, "rF", 1, 1, 1, (c, a) => {
    const value = c.db.peek(a[1]!);
    c.simple(value === undefined ? "none" : typeOf(value));
  }, "Type of a key"],
  ["rename", 3, "w", 1, 2, 1, (c, a) => rename(c, a, false), "Renames a key"],
  [
    "renamenx",
    3,
    "wF",
    1,
    2,
    1,
    (c, a) => rename(c, a, true),
    "Renames a key unless the new name exists",
  ],
  ["move", 3, "wF", 1, 1, 1, move, "Moves a key to another database"],
  ["copy", -3, "wm", 1, 2, 1, copy, "Copies a key"],
  ["touch", -2, "rF", 1, -1, 1, touch, "Counts keys and marks them as used"],
  ["dump", 2, "r", 1, 1, 1, dump, "Serialised form of a key"],
  ["restore", -4, "wmd", 1, 1, 1, restore, "Makes a key from its serialised form"],
  [
    "restore-asking",
    -4,
    "wmd",
    1,
    1,
    1,
    restore,
    "Makes a key from its serialised form (internal)",
  ],
  ["sort", -2, "wmkd", 1, 1, 1, sort, "Sorts a list, set or sorted set", sortKeys],
  ["sort_ro", -2, "rkd", 1, 1, 1, sort, "Sorts a list, set or sorted set, without storing"],
  ["object", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "How a key is stored"],
  ["flushdb", -1, "wd", 0, 0, 0, (c, a) => flush(c, a, false), "Deletes all keys of the database"],
  ["flushall", -1, "wd", 0, 0, 0, (c, a) => flush(c, a, true), "Deletes all keys of all databases"],
  ["swapdb", 3, "wFd", 0, 0, 0, swapdb, "Exchanges two databases"],
  ["dbsize", 1, "rF", 0, 0, 0, (c) => c.int(c.db.size), "Number of keys"],
];

/** Subcommands of OBJECT. */
export const OBJECT_COMMANDS: readonly CommandRow[] = [
  ["encoding", 3, "r", 2, 2, 1, objectInfo, "Encoding of a key's value"],
  ["freq", 3, "r", 2, 2, 1, objectInfo, "Access frequency of a key"],
  ["idletime", 3, "r", 2, 2, 1, objectInfo, "Seconds since a key was used"],
  ["refcount", 3, "r", 2, 2, 1, objectInfo, "References to a key's value"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("OBJECT", [
      "ENCODING <key>",
      "    Encoding of the value.",
      "FREQ <key>",
      "    Access frequency of the key.",
      "IDLETIME <key>",
      "    Seconds since the key was used.",
      "REFCOUNT <key>",
      "    References to the value.",
    ]),
    "Describes the subcommands",
  ],
];
