/** Commands on hashes. */
import type { Client } from "./_client.ts";
import type { Db } from "./_db.ts";
import type { CommandRow } from "./_engine.ts";
import { bigInteger, integer } from "./_args.ts";
import { floatSum } from "./_cmd_string.ts";
import { INT64_MAX, INT64_MIN, isInt64, parseDouble } from "./_numbers.ts";
import { CommandError, HashValue, SYNTAX_ERROR } from "./_values.ts";
import { scanTable } from "./_scan.ts";

/** A hash to write into, made when absent. */
function open(db: Db, key: string): HashValue {
  let hash = db.writeHash(key);
  if (hash === undefined) {
    hash = new HashValue();
    db.put(key, hash);
  }
  return hash;
}

function hset(client: Client, args: string[]): void {
  const { db, engine } = client;
  if (args.length % 2 !== 0) {
    throw new CommandError(`ERR wrong number of arguments for '${engine.currentName}' command`);
  }
  const hash = open(db, args[1]!);
  let added = 0;
  for (let i = 2; i < args.length; i += 2) if (hash.fields.set(args[i]!, args[i + 1]!)) added++;
  db.touch(args[1]!, hash);
  engine.dirty += (args.length - 2) / 2 - 1;
  if (engine.notifyFlags !== 0) engine.notify("h", "hset", args[1]!, db.index);
  if (engine.currentName === "hmset") client.ok();
  else client.int(added);
}

function hsetnx(client: Client, args: string[]): void {
  const { db, engine } = client;
  const present = db.readHash(args[1]!)?.fields.has(args[2]!) ?? false;
  if (present) return client.int(0);
  const hash = open(db, args[1]!);
  hash.fields.set(args[2]!, args[3]!);
  db.touch(args[1]!, hash);
  engine.notify("h", "hset", args[1]!, db.index);
  client.int(1);
}

function hmget(client: Client, args: string[]): void {
  const hash = client.db.readHash(args[1]!);
  client.array(args.length - 2);
  for (let i = 2; i < args.length; i++) client.bulkOrNull(hash?.fields.get(args[i]!));
}

function hdel(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const hash = db.writeHash(key);
  if (hash === undefined) return client.int(0);
  let removed = 0;
  for (let i = 2; i < args.length; i++) {
    if (hash.fields.delete(args[i]!)) removed++;
    if (hash.fields.size === 0) break;
  }
  if (removed > 0) {
    engine.notify("h", "hdel", key, db.index);
    if (hash.fields.size === 0) {
      db.remove(key);
      engine.notify("g", "del", key, db.index);
      db.touch(key);
    } else db.touch(key, hash);
    engine.dirty += removed - 1;
  }
  client.int(removed);
}

function hgetall(client: Client, args: string[]): void {
  const hash = client.db.readHash(args[1]!);
  if (hash === undefined) return client.map(0);
  const { keys, values } = hash.fields;
  client.map(keys.length);
  for (let i = 0; i < keys.length; i++) {
    client.bulk(keys[i]!);
    client.bulk(values[i]!);
  }
}

function hincrby(client: Client, args: string[]): void {
  const { db, engine } = client;
  const by = bigInteger(args[3]!);
  const hash = open(db, args[1]!);
  const current = hash.fields.get(args[2]!) ?? "0";
  if (!isInt64(current)) throw new CommandError("ERR hash value is not an integer");
  const sum = BigInt(current) + by;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    throw new CommandError("ERR increment or decrement would overflow");
  }
  hash.fields.set(args[2]!, sum.toString());
  db.touch(args[1]!, hash);
  engine.notify("h", "hincrby", args[1]!, db.index);
  client.int(sum);
}

function hincrbyfloat(client: Client, args: string[]): void {
  const { db, engine } = client;
  const by = parseDouble(args[3]!);
  if (by === undefined) throw new CommandError("ERR value is not a valid float");
  if (!Number.isFinite(by)) throw new CommandError("ERR value is NaN or Infinity");
  const current = db.writeHash(args[1]!)?.fields.get(args[2]!) ?? "0";
  const sum = floatSum(current, args[3]!, "ERR hash value is not a float");
  const hash = open(db, args[1]!);
  hash.fields.set(args[2]!, sum);
  db.touch(args[1]!, hash);
  engine.rewritten = [["HSET", args[1]!, args[2]!, sum]];
  engine.notify("h", "hincrbyfloat", args[1]!, db.index);
  client.bulk(sum);
}

function hrandfield(client: Client, args: string[]): void {
  const { db } = client;
  if (args.length === 2) {
    const fields = db.readHash(args[1]!)?.fields;
    return client.bulkOrNull(fields?.keys[fields.randomAt()]);
  }
  const count = integer(args[2]!);
  if (args.length > 4 || (args.length === 4 && args[3]!.toLowerCase() !== "withvalues")) {
    throw SYNTAX_ERROR;
  }
  const withValues = args.length === 4;
  if (Math.abs(count) >= MAX_RANDOM) throw new CommandError("ERR value is out of range");
  const fields = db.readHash(args[1]!)?.fields;
  if (fields === undefined || count === 0) return client.array(0);
  const positions = randomPositions(fields.size, count);
  const nested = withValues && client.resp === 3;
  client.array(withValues && !nested ? positions.length * 2 : positions.length);
  for (const at of positions) {
    if (nested) client.array(2);
    client.bulk(fields.keys[at]!);
    if (withValues) client.bulk(fields.values[at]!);
  }
}

/** Elements that one random command gives at most. */
export const MAX_RANDOM = 2 ** 27;

/** `count` distinct positions, or `-count` that may repeat, of `size`. */
export function randomPositions(size: number, count: number): number[] {
  const positions: number[] = [];
  if (count < 0) {
    for (let i = 0; i < -count; i++) positions.push(Math.floor(Math.random() * size));
    return positions;
  }
  if (count >= size) {
    for (let i = 0; i < size; i++) positions.push(i);
    return positions;
  }
  if (count * 3 > size) {
    for (let i = 0; i < size; i++) positions.push(i);
    for (let i = 0; i < count; i++) {
      const other = i + Math.floor(Math.random() * (size - i));
      const held = positions[i]!;
      positions[i] = positions[other]!;
      positions[other] = held;
    }
    positions.length = count;
    return positions;
  }
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(Math.floor(Math.random() * size));
  return [...chosen];
}

function hscan(client: Client, args: string[]): void {
  let noValues = false;
  const rest = args.slice(3).filter((arg) => {
    if (arg.toLowerCase() !== "novalues") return true;
    noValues = true;
    return false;
  });
  scanTable(client, args[2]!, rest, () => client.db.readHash(args[1]!)?.fields, (fields, at) => {
    return noValues ? [fields.keys[at]!] : [fields.keys[at]!, fields.values[at]!];
  });
}

function names(client: Client, args: string[], which: "keys" | "values"): void {
  client.bulks(client.db.readHash(args[1]!)?.fields[which] ?? []);
}

/** The table. */
export const HASH_COMMANDS: readonly CommandRow[] = [
  ["hset", -4, "wmF", 1, 1, 1, hset, "Sets fields of a hash"],
  ["hmset", -4, "wmF", 1, 1, 1, hset, "Sets fields of a hash (old name)"],
  ["hsetnx", 4, "wmF", 1, 1, 1, hsetnx, "Sets a field of a hash unless it exists"],
  [
    "hget",
    3,
    "rF",
    1,
    1,
    1,
    (c, a) => c.bulkOrNull(c.db.readHash(a[1]!)?.fields.get(a[2]!)),
    "A field of a hash",
  ],
  ["hmget", -3, "rF", 1, 1, 1, hmget, "Fields of a hash"],
  ["hdel", -3, "wF", 1, 1, 1, hdel, "Removes fields of a hash"],
  [
    "hlen",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readHash(a[1]!)?.fields.size ?? 0),
    "Number of fields of a hash",
  ],
  [
    "hstrlen",
    3,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readHash(a[1]!)?.fields.get(a[2]!)?.length ?? 0),
    "Length of a field's value",
  ],
  [
    "hexists",
    3,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readHash(a[1]!)?.fields.has(a[2]!) ? 1 : 0),
    "Whether a hash has a field",
  ],
  ["hkeys", 2, "r", 1, 1, 1, (c, a) => names(c, a, "keys"), "Names of the fields of a hash"],
  ["hvals", 2, "r", 1, 1, 1, (c, a) => names(c, a, "values"), "Values of the fields of a hash"],
  ["hgetall", 2, "r", 1, 1, 1, hgetall, "Fields and values of a hash"],
  ["hincrby", 4, "wmF", 1, 1, 1, hincrby, "Adds to an integer in a hash"],
  ["hincrbyfloat", 4, "wmF", 1, 1, 1, hincrbyfloat, "Adds to a number in a hash"],
  ["hrandfield", -2, "r", 1, 1, 1, hrandfield, "Random fields of a hash"],
  ["hscan", -3, "r", 1, 1, 1, hscan, "Walks over the fields of a hash"],
];
