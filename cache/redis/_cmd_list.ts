/** Commands on lists. */
import type { Client } from "./_client.ts";
import type { Db } from "./_db.ts";
import type { CommandRow } from "./_engine.ts";
import { integer, natural, timeout } from "./_args.ts";
import { parseInteger } from "./_numbers.ts";
import { CommandError, ListValue, NO_SUCH_KEY, OUT_OF_RANGE, SYNTAX_ERROR } from "./_values.ts";

function push(client: Client, args: string[], left: boolean, onlyExisting: boolean): void {
  const { db, engine } = client;
  const key = args[1]!;
  let list = db.writeList(key);
  if (list === undefined) {
    if (onlyExisting) return client.int(0);
    list = new ListValue();
    db.put(key, list);
  }
  for (let i = 2; i < args.length; i++) {
    if (left) list.pushLeft(args[i]!);
    else list.pushRight(args[i]!);
  }
  client.int(list.length);
  db.touch(key, list);
  engine.dirty += args.length - 3;
  if (engine.notifyFlags !== 0) engine.notify("l", left ? "lpush" : "rpush", key, db.index);
}

/** Deletes the key of a list that became empty; tells about the change. */
function afterPop(client: Client, db: Db, key: string, list: ListValue, event: string): void {
  const { engine } = client;
  engine.notify("l", event, key, db.index);
  if (list.length === 0) {
    db.remove(key);
    engine.notify("g", "del", key, db.index);
    db.touch(key);
  } else db.touch(key, list);
}

function pop(client: Client, args: string[], left: boolean): void {
  if (args.length > 3) {
    throw new CommandError(
      `ERR wrong number of arguments for '${client.engine.currentName}' command`,
    );
  }
  const { db } = client;
  const key = args[1]!;
  const counted = args.length === 3;
  const count = counted ? natural(args[2]!) : 1;
  const list = db.writeList(key);
  if (list === undefined) return counted ? client.nullArray() : client.null();
  if (counted) {
    const take = Math.min(count, list.length);
    client.array(take);
    if (take === 0) return;
    for (let i = 0; i < take; i++) client.bulk((left ? list.popLeft() : list.popRight())!);
  } else client.bulk((left ? list.popLeft() : list.popRight())!);
  afterPop(client, db, key, list, left ? "lpop" : "rpop");
}

/** Start and stop of a range over `length` elements; null when empty. */
export function clampRange(start: number, stop: number, length: number): [number, number] | null {
  if (start < 0) start = Math.max(0, length + start);
  if (stop < 0) stop = length + stop;
  if (start > stop || start >= length) return null;
  return [start, Math.min(stop, length - 1)];
}

function lrange(client: Client, args: string[]): void {
  const start = integer(args[2]!);
  const stop = integer(args[3]!);
  const list = client.db.readList(args[1]!);
  const range = list === undefined ? null : clampRange(start, stop, list.length);
  if (range === null) return client.array(0);
  client.array(range[1] - range[0] + 1);
  list!.forRange(range[0], range[1], (value) => client.bulk(value));
}

function lindex(client: Client, args: string[]): void {
  const list = client.db.readList(args[1]!);
  if (list === undefined) return client.null();
  const index = integer(args[2]!);
  client.bulkOrNull(list.at(index < 0 ? list.length + index : index));
}

function lset(client: Client, args: string[]): void {
  const { db, engine } = client;
  const list = db.writeList(args[1]!);
  if (list === undefined) throw NO_SUCH_KEY;
  let index = integer(args[2]!);
  if (index < 0) index += list.length;
  if (index < 0 || index >= list.length) throw OUT_OF_RANGE;
  list.setAt(index, args[3]!);
  db.touch(args[1]!, list);
  engine.notify("l", "lset", args[1]!, db.index);
  client.ok();
}

function linsert(client: Client, args: string[]): void {
  const { db, engine } = client;
  const where = args[2]!.toLowerCase();
  if (where !== "before" && where !== "after") throw SYNTAX_ERROR;
  const list = db.writeList(args[1]!);
  if (list === undefined) return client.int(0);
  if (!list.insert(args[3]!, args[4]!, where === "after")) return client.int(-1);
  db.touch(args[1]!, list);
  engine.notify("l", "linsert", args[1]!, db.index);
  client.int(list.length);
}

function lrem(client: Client, args: string[]): void {
  const { db, engine } = client;
  const count = integer(args[2]!);
  const list = db.writeList(args[1]!);
  if (list === undefined) return client.int(0);
  const removed = list.remove(args[3]!, count === 0 ? Infinity : Math.abs(count), count < 0);
  if (removed > 0) {
    engine.notify("l", "lrem", args[1]!, db.index);
    if (list.length === 0) {
      db.remove(args[1]!);
      engine.notify("g", "del", args[1]!, db.index);
    }
    db.touch(args[1]!, list.length === 0 ? undefined : list);
  }
  client.int(removed);
}

function ltrim(client: Client, args: string[]): void {
  const { db, engine } = client;
  const start = integer(args[2]!);
  const stop = integer(args[3]!);
  const list = db.writeList(args[1]!);
  if (list === undefined) return client.ok();
  const range = clampRange(start, stop, list.length);
  engine.notify("l", "ltrim", args[1]!, db.index);
  if (range === null) {
    db.remove(args[1]!);
    engine.notify("g", "del", args[1]!, db.index);
    db.touch(args[1]!);
  } else {
    list.trim(range[0], range[1]);
    db.touch(args[1]!, list);
  }
  client.ok();
}

function lpos(client: Client, args: string[]): void {
  let rank = 1;
  let count = -1;
  let maximum = 0;
  for (let i = 3; i < args.length; i += 2) {
    const option = args[i]!.toLowerCase();
    const next = args[i + 1];
    if (next === undefined) throw SYNTAX_ERROR;
    if (option === "rank") {
      rank = integer(next);
      if (next === "-9223372036854775808") {
        throw new CommandError(
          "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        );
      }
      if (rank === 0) {
        throw new CommandError(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
            "or use negative to start from the end of the list",
        );
      }
    } else if (option === "count") {
      count = natural(next, new CommandError("ERR COUNT can't be negative"));
    } else if (option === "maxlen") {
      maximum = natural(next, new CommandError("ERR MAXLEN can't be negative"));
    } else throw SYNTAX_ERROR;
  }
  const list = client.db.readList(args[1]!);
  if (list === undefined) return count === -1 ? client.null() : client.array(0);
  const found: number[] = [];
  const items = [...list];
  const back = rank < 0;
  let skip = Math.abs(rank) - 1;
  const wanted = count === -1 ? 1 : count === 0 ? Infinity : count;
  const limit = maximum === 0 ? items.length : Math.min(maximum, items.length);
  for (let n = 0; n < limit && found.length < wanted; n++) {
    const at = back ? items.length - 1 - n : n;
    if (items[at] !== args[2]) continue;
    if (skip > 0) skip--;
    else found.push(at);
  }
  if (count === -1) {
    if (found.length === 0) client.null();
    else client.int(found[0]!);
    return;
  }
  client.array(found.length);
  for (const at of found) client.int(at);
}

function side(text: string): boolean {
  const where = text.toLowerCase();
  if (where === "left") return true;
  if (where === "right") return false;
  throw SYNTAX_ERROR;
}

/** Moves one element; undefined when the source is absent. */
function move(
  client: Client,
  db: Db,
  source: string,
  target: string,
  fromLeft: boolean,
  toLeft: boolean,
): string | undefined {
  const { engine } = client;
  const from = db.writeList(source);
  if (from === undefined) return undefined;
  let to = db.writeList(target);
  const value = (fromLeft ? from.popLeft() : from.popRight())!;
  if (to === undefined) {
    to = new ListValue();
    db.put(target, to);
  }
  if (toLeft) to.pushLeft(value);
  else to.pushRight(value);
  engine.notify("l", toLeft ? "lpush" : "rpush", target, db.index);
  db.touch(target, to);
  engine.notify("l", fromLeft ? "lpop" : "rpop", source, db.index);
  if (from.length === 0) {
    db.remove(source);
    engine.notify("g", "del", source, db.index);
    db.touch(source);
  } else db.touch(source, from);
  engine.dirty--; // a move counts as one change
  engine.rewritten = [[
    "LMOVE",
    source,
    target,
    fromLeft ? "left" : "right",
    toLeft ? "left" : "right",
  ]];
  return value;
}

function lmove(client: Client, args: string[]): void {
  const pair = client.engine.currentName === "rpoplpush"
    ? [false, true]
    : [side(args[3]!), side(args[4]!)];
  client.bulkOrNull(move(client, client.db, args[1]!, args[2]!, pair[0]!, pair[1]!));
}

function blmove(client: Client, args: string[]): void {
  const old = client.engine.currentName === "brpoplpush";
  const [fromLeft, toLeft] = old ? [false, true] : [side(args[3]!), side(args[4]!)];
  const wait = timeout(args[old ? 3 : 5]!);
  const { db, engine } = client;
  const attempt = (): boolean => {
    const value = move(client, db, args[1]!, args[2]!, fromLeft!, toLeft!);
    if (value === undefined) return false;
    client.bulk(value);
    return true;
  };
  if (attempt()) return;
  if (client.inExec) return client.null();
  engine.block(client, [args[1]!], wait, () => {
    const value = db.peek(args[1]!);
    if (!(value instanceof ListValue)) return false;
    return attempt();
  }, () => client.null());
}

function blockingPop(client: Client, args: string[], left: boolean): void {
  const { db, engine } = client;
  const wait = timeout(args[args.length - 1]!);
  const keys = args.slice(1, -1);
  const attempt = (key: string): boolean => {
    const list = db.writeList(key);
    if (list === undefined) return false;
    client.array(2);
    client.bulk(key);
    client.bulk((left ? list.popLeft() : list.popRight())!);
    engine.rewritten = [[left ? "LPOP" : "RPOP", key]];
    afterPop(client, db, key, list, left ? "lpop" : "rpop");
    return true;
  };
  for (const key of keys) if (attempt(key)) return;
  if (client.inExec) return client.nullArray();
  engine.block(client, [...new Set(keys)], wait, (key) => {
    return db.peek(key) instanceof ListValue && attempt(key);
  }, () => client.nullArray());
}

const NUMKEYS = new CommandError("ERR numkeys should be greater than 0");
const COUNT_POSITIVE = new CommandError("ERR count should be greater than 0");

function multiPop(client: Client, args: string[], blocking: boolean): void {
  const { db, engine } = client;
  const base = blocking ? 2 : 1;
  const wait = blocking ? timeout(args[1]!) : 0;
  const count = parseInteger(args[base]!);
  if (count === undefined || count <= 0) throw NUMKEYS;
  const whereAt = base + count + 1;
  if (whereAt >= args.length) throw SYNTAX_ERROR;
  const left = side(args[whereAt]!);
  let take = -1;
  for (let i = whereAt + 1; i < args.length; i++) {
    if (args[i]!.toLowerCase() === "count" && take === -1 && args[i + 1] !== undefined) {
      const value = parseInteger(args[++i]!);
      if (value === undefined || value <= 0) throw COUNT_POSITIVE;
      take = value;
    } else throw SYNTAX_ERROR;
  }
  if (take === -1) take = 1;
  const keys = args.slice(base + 1, whereAt);
  const attempt = (key: string): boolean => {
    const list = db.writeList(key);
    if (list === undefined) return false;
    const number = Math.min(take, list.length);
    client.array(2);
    client.bulk(key);
    client.array(number);
    for (let i = 0; i < number; i++) client.bulk((left ? list.popLeft() : list.popRight())!);
    engine.rewritten = [[left ? "LPOP" : "RPOP", key, String(number)]];
    afterPop(client, db, key, list, left ? "lpop" : "rpop");
    return true;
  };
  for (const key of keys) if (attempt(key)) return;
  if (!blocking || client.inExec) return client.nullArray();
  engine.block(client, [...new Set(keys)], wait, (key) => {
    return db.peek(key) instanceof ListValue && attempt(key);
  }, () => client.nullArray());
}

/** Positions of keys after a count at `at`. */
export function countedKeys(at: number): (args: string[]) => number[] | undefined {
  return (args) => {
    const count = parseInteger(args[at] ?? "");
    if (count === undefined || count <= 0 || at + count >= args.length) return undefined;
    return Array.from({ length: count }, (_, i) => at + 1 + i);
  };
}

/** The table. */
export const LIST_COMMANDS: readonly CommandRow[] = [
  ["lpush", -3, "wmF", 1, 1, 1, (c, a) => push(c, a, true, false), "Adds to the head of a list"],
  ["rpush", -3, "wmF", 1, 1, 1, (c, a) => push(c, a, false, false), "Adds to the tail of a list"],
  [
    "lpushx",
    -3,
    "wmF",
    1,
    1,
    1,
    (c, a) => push(c, a, true, true),
    "Adds to the head of a list that exists",
  ],
  [
    "rpushx",
    -3,
    "wmF",
    1,
    1,
    1,
    (c, a) => push(c, a, false, true),
    "Adds to the tail of a list that exists",
  ],
  ["lpop", -2, "wF", 1, 1, 1, (c, a) => pop(c, a, true), "Takes from the head of a list"],
  ["rpop", -2, "wF", 1, 1, 1, (c, a) => pop(c, a, false), "Takes from the tail of a list"],
  [
    "llen",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readList(a[1]!)?.length ?? 0),
    "Length of a list",
  ],
  ["lrange", 4, "r", 1, 1, 1, lrange, "A range of a list"],
  ["lindex", 3, "r", 1, 1, 1, lindex, "An element of a list"],
  ["lset", 4, "wm", 1, 1, 1, lset, "Replaces an element of a list"],
  ["linsert", 5, "wm", 1, 1, 1, linsert, "Adds beside an element of a list"],
  ["lrem", 4, "w", 1, 1, 1, lrem, "Removes equal elements of a list"],
  ["ltrim", 4, "w", 1, 1, 1, ltrim, "Keeps a range of a list"],
  ["lpos", -3, "r", 1, 1, 1, lpos, "Where an element is in a list"],
  ["lmove", 5, "wm", 1, 2, 1, lmove, "Moves an element between lists"],
  ["rpoplpush", 3, "wm", 1, 2, 1, lmove, "Moves an element from a tail to a head"],
  ["blmove", 6, "wmb", 1, 2, 1, blmove, "Moves an element between lists, waiting for one"],
  [
    "brpoplpush",
    4,
    "wmb",
    1,
    2,
    1,
    blmove,
    "Moves an element from a tail to a head, waiting for one",
  ],
  [
    "blpop",
    -3,
    "wb",
    1,
    -2,
    1,
    (c, a) => blockingPop(c, a, true),
    "Takes from a head, waiting for an element",
  ],
  [
    "brpop",
    -3,
    "wb",
    1,
    -2,
    1,
    (c, a) => blockingPop(c, a, false),
    "Takes from a tail, waiting for an element",
  ],
  [
    "lmpop",
    -4,
    "wk",
    0,
    0,
    0,
    (c, a) => multiPop(c, a, false),
    "Takes elements from the first list that has any",
    countedKeys(1),
  ],
  [
    "blmpop",
    -5,
    "wkb",
    0,
    0,
    0,
    (c, a) => multiPop(c, a, true),
    "Takes elements from a list, waiting for some",
    countedKeys(2),
  ],
];
