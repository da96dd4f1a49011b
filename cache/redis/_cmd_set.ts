/** Commands on sets. */
import type { Client } from "./_client.ts";
import type { Db } from "./_db.ts";
import type { CommandRow } from "./_engine.ts";
import { integer, natural } from "./_args.ts";
import { MAX_RANDOM, randomPositions } from "./_cmd_hash.ts";
import { countedKeys } from "./_cmd_list.ts";
import { isInt64, parseInteger } from "./_numbers.ts";
import { scanTable } from "./_scan.ts";
import { CommandError, SetValue, SYNTAX_ERROR } from "./_values.ts";

/** Adds a member and keeps track of the encoding that Redis would use. */
export function addMember(client: Client, set: SetValue, member: string): boolean {
  if (!set.members.set(member, undefined)) return false;
  if (set.encoding !== "hashtable") updateEncoding(client, set, member);
  return true;
}

function updateEncoding(client: Client, set: SetValue, member: string): void {
  const { config } = client.engine;
  const size = set.members.size;
  if (set.encoding === "intset") {
    if (isInt64(member)) {
      if (size > config.number("set-max-intset-entries")) {
        set.encoding = "hashtable";
      }
      return;
    }
    const longest = set.members.keys.reduce((most, key) => Math.max(most, key.length), 0);
    set.encoding = size <= config.number("set-max-listpack-entries") &&
        longest <= config.number("set-max-listpack-value")
      ? "listpack"
      : "hashtable";
  } else if (
    size > config.number("set-max-listpack-entries") ||
    member.length > config.number("set-max-listpack-value")
  ) set.encoding = "hashtable";
}

function sadd(client: Client, args: string[]): void {
  const { db, engine } = client;
  let set = db.writeSet(args[1]!);
  if (set === undefined) {
    set = new SetValue();
    db.put(args[1]!, set);
  }
  let added = 0;
  for (let i = 2; i < args.length; i++) if (addMember(client, set, args[i]!)) added++;
  if (added > 0) {
    db.touch(args[1]!, set);
    engine.dirty += added - 1;
    engine.notify("s", "sadd", args[1]!, db.index);
  }
  client.int(added);
}

function removed(client: Client, key: string, set: SetValue, event: string): void {
  const { db, engine } = client;
  engine.notify("s", event, key, db.index);
  if (set.members.size === 0) {
    db.remove(key);
    engine.notify("g", "del", key, db.index);
    db.touch(key);
  } else db.touch(key, set);
}

function srem(client: Client, args: string[]): void {
  const set = client.db.writeSet(args[1]!);
  if (set === undefined) return client.int(0);
  let count = 0;
  for (let i = 2; i < args.length; i++) if (set.members.delete(args[i]!)) count++;
  if (count > 0) {
    removed(client, args[1]!, set, "srem");
    client.engine.dirty += count - 1;
  }
  client.int(count);
}

function smove(client: Client, args: string[]): void {
  const { db, engine } = client;
  const [, source, target, member] = args as [string, string, string, string];
  const from = db.writeSet(source);
  const to = db.writeSet(target);
  if (from === undefined) return client.int(0);
  if (source === target) return client.int(from.members.has(member) ? 1 : 0);
  if (!from.members.delete(member)) return client.int(0);
  removed(client, source, from, "srem");
  let set = to;
  if (set === undefined) {
    set = new SetValue();
    db.put(target, set);
  }
  if (addMember(client, set, member)) {
    db.touch(target, set);
    engine.notify("s", "sadd", target, db.index);
  }
  client.int(1);
}

function smismember(client: Client, args: string[]): void {
  const set = client.db.readSet(args[1]!);
  client.array(args.length - 2);
  for (let i = 2; i < args.length; i++) client.int(set?.members.has(args[i]!) ? 1 : 0);
}

/** Members as SMEMBERS gives them: integers in order. */
export function orderedMembers(set: SetValue): readonly string[] {
  if (set.encoding !== "intset") return set.members.keys;
  return [...set.members.keys].sort((a, b) => {
    if (a.length < 16 && b.length < 16) return Number(a) - Number(b);
    return BigInt(a) < BigInt(b) ? -1 : 1;
  });
}

function reply(client: Client, members: readonly string[]): void {
  client.set(members.length);
  for (const member of members) client.bulk(member);
}

function spop(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  if (args.length > 3) throw SYNTAX_ERROR;
  const counted = args.length === 3;
  const count = counted ? natural(args[2]!) : 1;
  const set = db.writeSet(key);
  if (set === undefined) return counted ? client.set(0) : client.null();
  if (count === 0) return client.set(0);
  const taken: string[] = [];
  if (count >= set.members.size) taken.push(...orderedMembers(set));
  else {
    for (let i = 0; i < count; i++) {
      const at = set.members.randomAt();
      taken.push(set.members.keys[at]!);
      set.members.deleteAt(at);
    }
  }
  engine.notify("s", "spop", key, db.index);
  if (count >= set.members.size && taken.length > 0 && set.members.has(taken[0]!)) {
    db.remove(key);
    engine.notify("g", "del", key, db.index);
    engine.rewritten = [[engine.deletion, key]];
    db.touch(key);
  } else {
    engine.rewritten = [];
    for (let i = 0; i < taken.length; i += 1024) {
      engine.rewritten.push(["SREM", key, ...taken.slice(i, i + 1024)]);
    }
    db.touch(key, set);
  }
  engine.dirty += taken.length - 1;
  if (counted) reply(client, taken);
  else client.bulk(taken[0]!);
}

function srandmember(client: Client, args: string[]): void {
  if (args.length > 3) throw SYNTAX_ERROR;
  if (args.length === 2) {
    const members = client.db.readSet(args[1]!)?.members;
    return client.bulkOrNull(members?.keys[members.randomAt()]);
  }
  const count = integer(args[2]!);
  if (Math.abs(count) >= MAX_RANDOM) throw new CommandError("ERR value is out of range");
  const set = client.db.readSet(args[1]!);
  if (set === undefined || count === 0) return client.array(0);
  const positions = randomPositions(set.members.size, count);
  client.array(positions.length);
  for (const at of positions) client.bulk(set.members.keys[at]!);
}

function intersect(db: Db, keys: readonly string[], limit: number): string[] {
  const sets: SetValue[] = [];
  let missing = false;
  for (const key of keys) {
    const set = db.readSet(key);
    if (set === undefined) missing = true;
    else sets.push(set);
  }
  if (missing) return [];
  sets.sort((a, b) => a.members.size - b.members.size);
  const found: string[] = [];
  const others = sets.slice(1);
  for (const member of orderedMembers(sets[0]!)) {
    if (!others.every((set) => set.members.has(member))) continue;
    found.push(member);
    if (found.length === limit) break;
  }
  return found;
}

function union(db: Db, keys: readonly string[]): string[] {
  const all = new Set<string>();
  for (const key of keys) {
    const set = db.readSet(key);
    if (set !== undefined) { for (const member of orderedMembers(set)) all.add(member); }
  }
  return [...all];
}

function difference(db: Db, keys: readonly string[]): string[] {
  const sets = keys.map((key) => db.readSet(key));
  const first = sets[0];
  if (first === undefined) return [];
  const others = sets.slice(1).filter((set) => set !== undefined);
  return orderedMembers(first).filter((member) => !others.some((set) => set.members.has(member)));
}

type Operation = "sinter" | "sunion" | "sdiff";

function compute(db: Db, operation: Operation, keys: readonly string[]): string[] {
  if (operation === "sinter") return intersect(db, keys, 0);
  return operation === "sunion" ? union(db, keys) : difference(db, keys);
}

function store(client: Client, args: string[], operation: Operation): void {
  const { db, engine } = client;
  const target = args[1]!;
  const members = compute(db, operation, args.slice(2));
  if (members.length === 0) {
    if (db.peek(target) !== undefined && db.remove(target)) {
      db.touch(target);
      engine.notify("g", "del", target, db.index);
    }
    return client.int(0);
  }
  const set = new SetValue();
  for (const member of members) addMember(client, set, member);
  db.put(target, set);
  db.touch(target, set);
  engine.notify("s", operation + "store", target, db.index);
  client.int(members.length);
}

function sintercard(client: Client, args: string[]): void {
  const count = parseInteger(args[1]!);
  if (count === undefined || count <= 0) {
    throw new CommandError("ERR numkeys should be greater than 0");
  }
  if (count + 2 > args.length) {
    throw new CommandError("ERR Number of keys can't be greater than number of args");
  }
  let limit = 0;
  for (let i = count + 2; i < args.length; i++) {
    if (args[i]!.toLowerCase() === "limit" && args[i + 1] !== undefined) {
      limit = natural(args[++i]!, new CommandError("ERR LIMIT can't be negative"));
    } else throw SYNTAX_ERROR;
  }
  client.int(intersect(client.db, args.slice(2, count + 2), limit).length);
}

function sscan(client: Client, args: string[]): void {
  scanTable(
    client,
    args[2]!,
    args.slice(3),
    () => client.db.readSet(args[1]!)?.members,
    (table, at) => [table.keys[at]!],
  );
}

function members(client: Client, args: string[]): void {
  const set = client.db.readSet(args[1]!);
  reply(client, set === undefined ? [] : orderedMembers(set));
}

/** The table. */
export const SET_COMMANDS: readonly CommandRow[] = [
  ["sadd", -3, "wmF", 1, 1, 1, sadd, "Adds members to a set"],
  ["srem", -3, "wF", 1, 1, 1, srem, "Removes members of a set"],
  ["smove", 4, "wF", 1, 2, 1, smove, "Moves a member between sets"],
  [
    "sismember",
    3,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readSet(a[1]!)?.members.has(a[2]!) ? 1 : 0),
    "Whether a set has a member",
  ],
  ["smismember", -3, "rF", 1, 1, 1, smismember, "Which members a set has"],
  [
    "scard",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readSet(a[1]!)?.members.size ?? 0),
    "Number of members of a set",
  ],
  ["smembers", 2, "r", 1, 1, 1, members, "Members of a set"],
  ["spop", -2, "wF", 1, 1, 1, spop, "Takes random members of a set"],
  ["srandmember", -2, "r", 1, 1, 1, srandmember, "Random members of a set"],
  [
    "sinter",
    -2,
    "r",
    1,
    -1,
    1,
    (c, a) => reply(c, compute(c.db, "sinter", a.slice(1))),
    "Members that all sets share",
  ],
  [
    "sunion",
    -2,
    "r",
    1,
    -1,
    1,
    (c, a) => reply(c, compute(c.db, "sunion", a.slice(1))),
    "Members of any of the sets",
  ],
  [
    "sdiff",
    -2,
    "r",
    1,
    -1,
    1,
    (c, a) => reply(c, compute(c.db, "sdiff", a.slice(1))),
    "Members of the first set only",
  ],
  [
    "sinterstore",
    -3,
    "wm",
    1,
    -1,
    1,
    (c, a) => store(c, a, "sinter"),
    "Stores the members that all sets share",
  ],
  [
    "sunionstore",
    -3,
    "wm",
    1,
    -1,
    1,
    (c, a) => store(c, a, "sunion"),
    "Stores the members of any of the sets",
  ],
  [
    "sdiffstore",
    -3,
    "wm",
    1,
    -1,
    1,
    (c, a) => store(c, a, "sdiff"),
    "Stores the members of the first set only",
  ],
  [
    "sintercard",
    -3,
    "rk",
    0,
    0,
    0,
    sintercard,
    "Number of members that all sets share",
    (a) => countedKeysAtMost(a),
  ],
  ["sscan", -3, "r", 1, 1, 1, sscan, "Walks over the members of a set"],
];

function countedKeysAtMost(args: string[]): number[] | undefined {
  return countedKeys(1)([...args, ""]);
}
