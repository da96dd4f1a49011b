/** Commands on streams and their consumer groups. */
import type { Client } from "./_client.ts";
import type { CommandRow } from "./_engine.ts";
import { integer, natural, timeoutMs } from "./_args.ts";
import { help } from "./_cmd_keys.ts";
import { parseInteger, parseUint64 } from "./_numbers.ts";
import { SortedMap } from "./_sorted_map.ts";
import {
  CommandError,
  type Consumer,
  type Group,
  type Pending,
  StreamValue,
  SYNTAX_ERROR,
} from "./_values.ts";

const SEQUENCE_MASK = 2n ** 64n - 1n;
const MAX_ID = 2n ** 128n - 1n;
const INVALID_ID = new CommandError("ERR Invalid stream ID specified as stream command argument");
const NO_KEY = new CommandError(
  "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);

/** `ms-seq` of an id. */
export function formatId(id: bigint): string {
  return `${id >> 64n}-${id & SEQUENCE_MASK}`;
}

/** An id; a missing sequence becomes `sequence`. @throws the reply. */
function parseId(text: string, sequence: bigint): bigint {
  const dash = text.indexOf("-", 1);
  const ms = parseUint64(dash < 0 ? text : text.slice(0, dash));
  const seq = dash < 0 ? sequence : parseUint64(text.slice(dash + 1));
  if (ms === undefined || seq === undefined) throw INVALID_ID;
  return ms << 64n | seq;
}

/** An end of a range: `-`, `+`, an id, or an id after "(". */
function parseBound(text: string, start: boolean): bigint {
  if (text === "-") return 0n;
  if (text === "+") return MAX_ID;
  if (text.startsWith("(")) {
    if (text === "(-" || text === "(+") throw INVALID_ID;
    const id = parseId(text.slice(1), start ? 0n : SEQUENCE_MASK);
    if (start && id === MAX_ID) throw new CommandError("ERR invalid start ID for the interval");
    if (!start && id === 0n) throw new CommandError("ERR invalid end ID for the interval");
    return start ? id + 1n : id - 1n;
  }
  return parseId(text, start ? 0n : SEQUENCE_MASK);
}

/** An id of XGROUP, where `-` and `+` are allowed. */
function parseGroupId(text: string): bigint {
  return text === "-" ? 0n : text === "+" ? MAX_ID : parseId(text, 0n);
}

interface Trim {
  by: "maxlen" | "minid";
  length: number;
  minimum: bigint;
  approximate: boolean;
  limit: number | undefined;
}

/** Reads MAXLEN or MINID at `at`; returns the trim and the next position. */
function parseTrim(args: string[], at: number): [Trim, number] {
  const by = args[at]!.toLowerCase() as Trim["by"];
  let approximate = false;
  at++;
  if (args[at] === "~") {
    approximate = true;
    at++;
  } else if (args[at] === "=") at++;
  const text = args[at];
  if (text === undefined) throw SYNTAX_ERROR;
  let length = 0;
  let minimum = 0n;
  if (by === "maxlen") {
    length = natural(text, new CommandError("ERR The MAXLEN argument must be >= 0."));
  } else minimum = parseId(text, 0n);
  at++;
  let limit: number | undefined;
  if (args[at]?.toLowerCase() === "limit" && args[at + 1] !== undefined) {
    limit = natural(args[at + 1]!, new CommandError("ERR The LIMIT argument must be >= 0."));
    if (!approximate) {
      throw new CommandError("ERR syntax error, LIMIT cannot be used without the special ~ option");
    }
    at += 2;
  }
  return [{ by, length, minimum, approximate, limit }, at];
}

/** Removes the oldest entries; returns how many. */
function trim(client: Client, stream: StreamValue, how: Trim): number {
  const { entries } = stream;
  const { config } = client.engine;
  const nodeSize = Math.max(1, config.number("stream-node-max-entries") || 100);
  let excess: number;
  if (how.by === "maxlen") excess = Math.max(0, entries.size - how.length);
  else {
    excess = 0;
    for (const [id] of entries) {
      if (id >= how.minimum) break;
      excess++;
    }
  }
  if (how.approximate) {
    // Whole nodes only, as a tree of listpacks would do it.
    const limit = how.limit ?? 100 * nodeSize;
    if (limit > 0) excess = Math.min(excess, limit);
    const head = nodeSize - stream.trimmed % nodeSize;
    excess = excess < head ? 0 : excess - (excess - head) % nodeSize;
  }
  const doomed: bigint[] = [];
  for (const [id] of entries) {
    if (doomed.length >= excess) break;
    doomed.push(id);
  }
  for (const id of doomed) stream.delete(id);
  stream.trimmed += doomed.length;
  return doomed.length;
}

function xadd(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  let make = true;
  let how: Trim | undefined;
  let at = 2;
  for (; at < args.length; at++) {
    const option = args[at]!.toLowerCase();
    if (option === "nomkstream") make = false;
    else if (option === "maxlen" || option === "minid") {
      if (how !== undefined) {
        throw new CommandError(
          "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
        );
      }
      [how, at] = parseTrim(args, at);
      at--;
    } else break;
  }
  const idText = args[at];
  if (idText === undefined) throw SYNTAX_ERROR;
  let explicit: bigint | undefined;
  let autoSequence = false;
  if (idText !== "*") {
    if (idText.endsWith("-*")) {
      autoSequence = true;
      explicit = parseId(idText.slice(0, -2), 0n);
    } else explicit = parseId(idText, 0n);
  }
  const fields = args.slice(at + 1);
  if (fields.length < 2 || fields.length % 2 !== 0) {
    throw new CommandError("ERR wrong number of arguments for 'xadd' command");
  }
  if (explicit === 0n && !autoSequence) {
    throw new CommandError("ERR The ID specified in XADD must be greater than 0-0");
  }
  let stream = db.writeStream(key);
  const isNew = stream === undefined;
  if (stream === undefined) {
    if (!make) return client.null();
    stream = new StreamValue();
  }
  if (stream.lastId === MAX_ID) {
    throw new CommandError(
      "ERR The stream has exhausted the last possible ID, unable to add more items",
    );
  }
  let id: bigint;
  if (explicit === undefined) {
    id = BigInt(engine.now) << 64n;
    if (id <= stream.lastId) id = stream.lastId + 1n;
  } else {
    id = explicit;
    if (autoSequence) {
      const lastMs = stream.lastId >> 64n;
      const ms = explicit >> 64n;
      if (ms === lastMs) {
        if ((stream.lastId & SEQUENCE_MASK) === SEQUENCE_MASK) {
          throw new CommandError(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
          );
        }
        id = stream.lastId + 1n;
      }
    }
    if (id <= stream.lastId) {
      throw new CommandError(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
      );
    }
  }
  if (isNew) db.put(key, stream);
  stream.append(id, fields);
  stream.lastId = id;
  stream.added++;
  if (how !== undefined && trim(client, stream, how) > 0) {
    engine.notify("t", "xtrim", key, db.index);
  }
  engine.rewritten = [["XADD", key, formatId(id), ...fields]];
  if (how !== undefined) {
    engine.rewritten.push(["XTRIM", key, "MAXLEN", "=", String(stream.entries.size)]);
  }
  db.touch(key, stream);
  engine.notify("t", "xadd", key, db.index);
  client.bulk(formatId(id));
}

function replyEntry(client: Client, id: bigint, fields: readonly string[] | undefined): void {
  client.array(2);
  client.bulk(formatId(id));
  if (fields === undefined) client.nullArray();
  else client.bulks(fields);
}

function replyEntries(client: Client, entries: readonly [bigint, string[]][]): void {
  client.array(entries.length);
  for (const [id, fields] of entries) replyEntry(client, id, fields);
}

function collect<V>(walk: Generator<[bigint, V]>, count: number): [bigint, V][] {
  const found: [bigint, V][] = [];
  if (count === 0) return found;
  for (const each of walk) {
    found.push(each);
    if (found.length === count) break;
  }
  return found;
}

function xrange(client: Client, args: string[], reverse: boolean): void {
  const start = parseBound(args[reverse ? 3 : 2]!, true);
  const end = parseBound(args[reverse ? 2 : 3]!, false);
  let count = -1;
  for (let i = 4; i < args.length; i++) {
    if (args[i]!.toLowerCase() === "count" && args[i + 1] !== undefined) {
      count = Math.max(0, integer(args[++i]!));
    } else throw SYNTAX_ERROR;
  }
  const stream = client.db.readStream(args[1]!);
  if (stream === undefined) return client.array(0);
  if (count === 0) return client.nullArray();
  const walk = reverse ? stream.entries.reverseRange(start, end) : stream.entries.range(start, end);
  replyEntries(client, start > end ? [] : collect(walk, count));
}

function xdel(client: Client, args: string[]): void {
  const { db, engine } = client;
  const ids = args.slice(2).map((text) => parseId(text, 0n));
  const stream = db.writeStream(args[1]!);
  if (stream === undefined) return client.int(0);
  let count = 0;
  for (const id of ids) {
    if (!stream.delete(id)) continue;
    count++;
    if (id > stream.maxDeletedId) stream.maxDeletedId = id;
  }
  if (count > 0) {
    db.touch(args[1]!, stream);
    engine.notify("t", "xdel", args[1]!, db.index);
  }
  client.int(count);
}

function xtrim(client: Client, args: string[]): void {
  const { db, engine } = client;
  const by = args[2]!.toLowerCase();
  if (by !== "maxlen" && by !== "minid") throw SYNTAX_ERROR;
  const [how, at] = parseTrim(args, 2);
  if (at !== args.length) {
    const extra = args[at]!.toLowerCase();
    if (extra === "maxlen" || extra === "minid") {
      throw new CommandError(
        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
      );
    }
    throw SYNTAX_ERROR;
  }
  const stream = db.writeStream(args[1]!);
  if (stream === undefined) return client.int(0);
  const count = trim(client, stream, how);
  if (count > 0) {
    db.touch(args[1]!, stream);
    engine.rewritten = [["XTRIM", args[1]!, "MAXLEN", "=", String(stream.entries.size)]];
    engine.notify("t", "xtrim", args[1]!, db.index);
  }
  client.int(count);
}

function xsetid(client: Client, args: string[]): void {
  const { db, engine } = client;
  const id = parseId(args[2]!, 0n);
  let added = -1;
  let maxDeleted: bigint | undefined;
  for (let i = 3; i < args.length; i += 2) {
    const option = args[i]!.toLowerCase();
    if (args[i + 1] === undefined) throw SYNTAX_ERROR;
    if (option === "entriesadded") {
      added = integer(args[i + 1]!);
      if (added < 0) throw new CommandError("ERR entries_added must be positive");
    } else if (option === "maxdeletedid") {
      maxDeleted = parseId(args[i + 1]!, 0n);
      if (id < maxDeleted) {
        throw new CommandError(
          "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
        );
      }
    } else throw SYNTAX_ERROR;
  }
  const stream = db.writeStream(args[1]!);
  if (stream === undefined) throw new CommandError("ERR no such key");
  if (id < stream.maxDeletedId) {
    throw new CommandError(
      "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
    );
  }
  if (stream.entries.size > 0) {
    if (id < stream.entries.last()!) {
      throw new CommandError(
        "ERR The ID specified in XSETID is smaller than the target stream top item",
      );
    }
    if (added !== -1 && added < stream.entries.size) {
      throw new CommandError(
        "ERR The entries_added specified in XSETID is smaller than the target stream length",
      );
    }
  }
  stream.lastId = id;
  if (added !== -1) stream.added = added;
  if (maxDeleted !== undefined && maxDeleted !== 0n) stream.maxDeletedId = maxDeleted;
  db.touch(args[1]!, stream);
  engine.notify("t", "xsetid", args[1]!, db.index);
  client.ok();
}

/** Whether entries were deleted after an id, so that counting forward is not possible. */
function hasTombstones(stream: StreamValue, after: bigint): boolean {
  return stream.entries.size > 0 && stream.maxDeletedId !== 0n && stream.maxDeletedId >= after;
}

/** Entries ever added up to an id, or -1 when that cannot be told. */
export function counterAt(stream: StreamValue, id: bigint): number {
  if (stream.added === 0) return 0;
  if (stream.entries.size === 0 && id <= stream.lastId) return stream.added;
  if (id !== 0n && id < stream.maxDeletedId) return -1;
  if (id === stream.lastId) return stream.added;
  if (id > stream.lastId) return -1;
  const first = stream.entries.first();
  if (stream.maxDeletedId === 0n || (first !== undefined && stream.maxDeletedId < first)) {
    if (first !== undefined && id < first) return stream.added - stream.entries.size;
    if (id === first) return stream.added - stream.entries.size + 1;
  }
  return -1;
}

function lagOf(stream: StreamValue, group: Group): number | undefined {
  if (stream.added === 0) return 0;
  if (group.read !== -1 && !hasTombstones(stream, group.lastId)) return stream.added - group.read;
  const counter = counterAt(stream, group.lastId);
  return counter === -1 ? undefined : stream.added - counter;
}

function groupNamed(stream: StreamValue | undefined, key: string, name: string): Group {
  const group = stream?.groups.get(name);
  if (group === undefined) {
    throw new CommandError(`NOGROUP No such consumer group '${name}' for key name '${key}'`);
  }
  return group;
}

function newConsumer(
  client: Client,
  group: Group,
  key: string,
  name: string,
  notify = true,
): Consumer {
  const { engine } = client;
  const consumer: Consumer = {
    name,
    seen: engine.now,
    active: -1,
    pending: new SortedMap<Pending>(),
  };
  group.consumers.set(name, consumer);
  engine.dirty++;
  if (notify) engine.notify("t", "xgroup-createconsumer", key, client.db.index);
  return consumer;
}

/** Delivers new entries to a consumer; returns how many. The reply is written. */
function deliver(
  client: Client,
  key: string,
  groupName: string,
  stream: StreamValue,
  group: Group,
  consumer: Consumer,
  count: number,
  noAck: boolean,
): void {
  const { db, engine } = client;
  const entries = collect(stream.entries.range(group.lastId + 1n, MAX_ID), count);
  const effects: string[][] = [];
  for (const [id] of entries) {
    if (
      group.read !== -1 && group.lastId >= (stream.entries.first() ?? 0n) &&
      !hasTombstones(stream, group.lastId)
    ) group.read++;
    else if (stream.added > 0) group.read = counterAt(stream, id);
    group.lastId = id;
    if (noAck) continue;
    const known = group.pending.get(id);
    if (known !== undefined) known.consumer.pending.delete(id);
    const pending: Pending = { consumer, time: engine.now, count: 1 };
    group.pending.set(id, pending);
    consumer.pending.set(id, pending);
    effects.push([
      "XCLAIM",
      key,
      groupName,
      consumer.name,
      "0",
      formatId(id),
      "TIME",
      String(engine.now),
      "RETRYCOUNT",
      "1",
      "FORCE",
      "JUSTID",
      "LASTID",
      formatId(group.lastId),
    ]);
  }
  if (entries.length > 0) {
    consumer.active = engine.now;
    if (noAck || effects.length > 0) {
      effects.push([
        "XGROUP",
        "SETID",
        key,
        groupName,
        formatId(group.lastId),
        "ENTRIESREAD",
        String(group.read),
      ]);
    }
    // XCLAIM makes the consumer by itself.
    const earlier = (engine.rewritten ?? []).filter((effect) =>
      noAck || effect[1] !== "CREATECONSUMER" || effect[2] !== key
    );
    engine.rewritten = [...earlier, ...effects];
    db.touch(key, stream);
  }
  replyEntries(client, entries);
}

function xread(client: Client, args: string[], grouped: boolean): void {
  const { db, engine } = client;
  let count = -1;
  let block: number | undefined;
  let noAck = false;
  let groupName = "";
  let consumerName = "";
  let hasGroup = false;
  let at = 1;
  let streamsAt = 0;
  for (; at < args.length; at++) {
    const option = args[at]!.toLowerCase();
    const rest = args.length - at - 1;
    if (option === "block" && rest >= 1) block = timeoutMs(args[++at]!);
    else if (option === "count" && rest >= 1) {
      count = integer(args[++at]!);
      if (count <= 0) count = -1;
    } else if (option === "streams" && rest >= 1) {
      streamsAt = at + 1;
      break;
    } else if (option === "group" && rest >= 2) {
      if (!grouped) {
        throw new CommandError(
          "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
        );
      }
      hasGroup = true;
      groupName = args[++at]!;
      consumerName = args[++at]!;
    } else if (option === "noack") {
      if (!grouped) {
        throw new CommandError(
          "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
        );
      }
      noAck = true;
    } else throw SYNTAX_ERROR;
  }
  if (streamsAt === 0) throw SYNTAX_ERROR;
  const number = (args.length - streamsAt) / 2;
  const name = engine.currentName;
  if (!Number.isInteger(number)) {
    const symbol = grouped ? "ID or '>'" : "ID or '$'";
    throw new CommandError(
      `ERR Unbalanced '${name}' list of streams: for each stream key an ${symbol} must be specified.`,
    );
  }
  if (grouped && !hasGroup) throw new CommandError("ERR Missing GROUP option for XREADGROUP");
  const keys = args.slice(streamsAt, streamsAt + number);
  const ids: (bigint | ">" | "+")[] = [];
  for (let i = 0; i < number; i++) {
    const text = args[streamsAt + number + i]!;
    const stream = db.readStream(keys[i]!);
    if (grouped && stream?.groups.get(groupName) === undefined) {
      throw new CommandError(
        `NOGROUP No such key '${keys[
          i
        ]!}' or consumer group '${groupName}' in XREADGROUP with GROUP option`,
      );
    }
    if (text === "$") {
      if (grouped) {
        throw new CommandError(
          "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
        );
      }
      ids.push(stream?.lastId ?? 0n);
    } else if (text === "+") {
      if (grouped) {
        throw new CommandError(
          "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.",
        );
      }
      ids.push(stream !== undefined && stream.entries.size > 0 ? "+" : stream?.lastId ?? 0n);
    } else if (text === ">") {
      if (!grouped) {
        throw new CommandError(
          "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        );
      }
      ids.push(">");
    } else ids.push(parseId(text, 0n));
  }
  const begin = (some: number): void => client.resp === 2 ? client.array(some) : client.map(some);
  const stream = (key: string): void => {
    if (client.resp === 2) client.array(2);
    client.bulk(key);
  };
  const consumerOf = (group: Group, key: string, value: StreamValue): Consumer => {
    const consumer = group.consumers.get(consumerName);
    if (consumer !== undefined) {
      consumer.seen = engine.now;
      return consumer;
    }
    const made = newConsumer(client, group, key, consumerName);
    (engine.rewritten ??= []).push(["XGROUP", "CREATECONSUMER", key, groupName, consumerName]);
    db.touch(key, value);
    return made;
  };
  const serve = (i: number, value: StreamValue, alone: boolean): void => {
    const id = ids[i]!;
    const key = keys[i]!;
    if (alone) begin(1);
    stream(key);
    if (!grouped) {
      if (id === "+") {
        return replyEntries(client, collect(value.entries.reverseRange(0n, MAX_ID), 1));
      }
      return replyEntries(client, collect(value.entries.range(id as bigint + 1n, MAX_ID), count));
    }
    const group = value.groups.get(groupName)!;
    const consumer = consumerOf(group, key, value);
    if (id === ">") return deliver(client, key, groupName, value, group, consumer, count, noAck);
    const held = collect(consumer.pending.range(id as bigint + 1n, MAX_ID), count);
    client.array(held.length);
    for (const [each, pending] of held) {
      replyEntry(client, each, value.entries.get(each));
      pending.time = engine.now;
      pending.count++;
    }
    if (held.length > 0) consumer.active = engine.now;
  };
  const hasNews = (i: number, value: StreamValue): boolean => {
    const id = ids[i]!;
    if (id === "+") return value.entries.size > 0;
    if (id === ">") {
      const group = value.groups.get(groupName);
      const last = value.entries.last();
      return group !== undefined && last !== undefined && last > group.lastId;
    }
    if (grouped) return true;
    const last = value.entries.last();
    return last !== undefined && last > id;
  };
  const ready: number[] = [];
  keys.forEach((key, i) => {
    const value = grouped ? db.writeStream(key) : db.peek(key) as StreamValue | undefined;
    if (value === undefined) return;
    if (hasNews(i, value)) ready.push(i);
    else if (grouped) consumerOf(value.groups.get(groupName)!, key, value);
  });
  if (grouped) engine.rewritten ??= [];
  if (ready.length > 0) {
    begin(ready.length);
    for (const i of ready) serve(i, db.peek(keys[i]!) as StreamValue, false);
    return;
  }
  if (block === undefined || client.inExec) return client.nullArray();
  engine.block(client, [...new Set(keys)], block, (key) => {
    const value = db.peek(key);
    if (grouped) {
      if (value === undefined) {
        client.error(
          `NOGROUP No such key '${key}' or consumer group '${groupName}' in XREADGROUP with GROUP option`,
        );
        return true;
      }
      if (!(value instanceof StreamValue)) {
        client.error("WRONGTYPE Operation against a key holding the wrong kind of value");
        return true;
      }
      if (!value.groups.has(groupName)) {
        client.error(
          `NOGROUP No such key '${key}' or consumer group '${groupName}' in XREADGROUP with GROUP option`,
        );
        return true;
      }
    }
    if (!(value instanceof StreamValue)) return false;
    const i = keys.findIndex((each, n) => each === key && hasNews(n, value));
    if (i < 0) return false;
    if (engine.snapshot !== null) engine.snapshot.beforeWrite(db, key);
    serve(i, value, true);
    return true;
  }, () => client.nullArray());
}

function readKeys(args: string[]): number[] | undefined {
  for (let i = 1; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "group") i += 2;
    else if (option === "block" || option === "count") i++;
    else if (option === "streams") {
      const number = Math.floor((args.length - i - 1) / 2);
      if ((args.length - i - 1) % 2 !== 0) return undefined;
      return Array.from({ length: number }, (_, n) => i + 1 + n);
    }
  }
  return undefined;
}

function xgroup(client: Client, args: string[]): void {
  const { db, engine } = client;
  const what = args[1]!.toLowerCase();
  const key = args[2]!;
  const groupName = args[3]!;
  let make = false;
  let read = -1;
  if (what === "create" || what === "setid") {
    for (let i = 5; i < args.length; i++) {
      const option = args[i]!.toLowerCase();
      if (option === "mkstream" && what === "create") make = true;
      else if (option === "entriesread" && args[i + 1] !== undefined) {
        read = integer(args[++i]!);
        if (read < -1) throw new CommandError("ERR value for ENTRIESREAD must be positive or -1");
      } else throw SYNTAX_ERROR;
    }
  }
  let stream = db.writeStream(key);
  if (stream === undefined && !make) throw NO_KEY;
  if (what === "create") {
    const last = stream?.lastId ?? 0n;
    const id = args[4] === "$" ? last : parseGroupId(args[4]!);
    if (stream === undefined) {
      stream = new StreamValue();
      db.put(key, stream);
    }
    if (stream.groups.has(groupName)) {
      throw new CommandError("BUSYGROUP Consumer Group name already exists");
    }
    stream.groups.set(groupName, {
      lastId: id,
      read,
      pending: new SortedMap<Pending>(),
      consumers: new Map(),
    });
    db.touch(key, stream);
    engine.notify("t", "xgroup-create", key, db.index);
    return client.ok();
  }
  if (what === "destroy") {
    const found = stream!.groups.delete(groupName);
    if (found) {
      db.touch(key, stream);
      engine.notify("t", "xgroup-destroy", key, db.index);
    }
    return client.int(found ? 1 : 0);
  }
  const group = groupNamed(stream, key, groupName);
  if (what === "setid") {
    group.lastId = args[4] === "$" ? stream!.lastId : parseGroupId(args[4]!);
    group.read = read;
    db.touch(key, stream);
    engine.notify("t", "xgroup-setid", key, db.index);
    return client.ok();
  }
  if (what === "createconsumer") {
    if (group.consumers.has(args[4]!)) return client.int(0);
    newConsumer(client, group, key, args[4]!);
    db.touch(key, stream);
    return client.int(1);
  }
  const consumer = group.consumers.get(args[4]!);
  if (consumer === undefined) return client.int(0);
  for (const [id] of consumer.pending) group.pending.delete(id);
  group.consumers.delete(args[4]!);
  db.touch(key, stream);
  engine.notify("t", "xgroup-delconsumer", key, db.index);
  client.int(consumer.pending.size);
}

function xack(client: Client, args: string[]): void {
  const { db } = client;
  const stream = db.writeStream(args[1]!);
  const group = stream?.groups.get(args[2]!);
  if (group === undefined) return client.int(0);
  const ids = args.slice(3).map((text) => parseId(text, 0n));
  let count = 0;
  for (const id of ids) {
    const pending = group.pending.get(id);
    if (pending === undefined) continue;
    group.pending.delete(id);
    pending.consumer.pending.delete(id);
    count++;
  }
  if (count > 0) db.touch(args[1]!, stream);
  client.int(count);
}

function xpending(client: Client, args: string[]): void {
  const { db, engine } = client;
  let at = 3;
  let minIdle = 0;
  if (args.length > 3) {
    if (args[at]!.toLowerCase() === "idle") {
      if (args.length < 5) throw SYNTAX_ERROR;
      minIdle = integer(args[4]!);
      at += 2;
      if (args.length < 8) throw SYNTAX_ERROR;
    }
    if (args.length < at + 3 || args.length > at + 4) throw SYNTAX_ERROR;
  }
  let start = 0n;
  let end = MAX_ID;
  let count = 0;
  if (args.length > 3) {
    count = Math.max(0, integer(args[at + 2]!));
    start = parseBound(args[at]!, true);
    end = parseBound(args[at + 1]!, false);
  }
  const stream = db.readStream(args[1]!);
  const group = stream?.groups.get(args[2]!);
  if (group === undefined) {
    throw new CommandError(`NOGROUP No such key '${args[1]!}' or consumer group '${args[2]!}'`);
  }
  if (args.length === 3) {
    client.array(4);
    client.int(group.pending.size);
    if (group.pending.size === 0) {
      client.null();
      client.null();
      client.nullArray();
      return;
    }
    client.bulk(formatId(group.pending.first()!));
    client.bulk(formatId(group.pending.last()!));
    const holders = [...group.consumers.values()].filter((each) => each.pending.size > 0);
    client.array(holders.length);
    for (const holder of holders) {
      client.array(2);
      client.bulk(holder.name);
      client.bulk(String(holder.pending.size));
    }
    return;
  }
  const only = args[at + 3];
  const source = only === undefined ? group.pending : group.consumers.get(only)?.pending;
  const found: [bigint, Pending][] = [];
  if (source !== undefined && count > 0) {
    for (const each of source.range(start, end)) {
      if (minIdle > 0 && engine.now - each[1].time < minIdle) continue;
      found.push(each);
      if (found.length === count) break;
    }
  }
  client.array(found.length);
  for (const [id, pending] of found) {
    client.array(4);
    client.bulk(formatId(id));
    client.bulk(pending.consumer.name);
    client.int(Math.max(0, engine.now - pending.time));
    client.int(pending.count);
  }
}

function claimEffect(
  key: string,
  group: string,
  id: bigint,
  pending: Pending,
  last: bigint,
): string[] {
  return [
    "XCLAIM",
    key,
    group,
    pending.consumer.name,
    "0",
    formatId(id),
    "TIME",
    String(pending.time),
    "RETRYCOUNT",
    String(pending.count),
    "FORCE",
    "JUSTID",
    "LASTID",
    formatId(last),
  ];
}

function xclaim(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const stream = db.writeStream(key);
  const group = stream?.groups.get(args[2]!);
  if (stream === undefined || group === undefined) {
    throw new CommandError(`NOGROUP No such key '${key}' or consumer group '${args[2]!}'`);
  }
  const minIdle = Math.max(
    0,
    integer(args[4]!, new CommandError("ERR Invalid min-idle-time argument for XCLAIM")),
  );
  const ids: bigint[] = [];
  let at = 5;
  for (; at < args.length; at++) {
    if (!/^[0-9]/.test(args[at]!)) break;
    ids.push(parseId(args[at]!, 0n));
  }
  let time = -1;
  let retry = -1;
  let force = false;
  let justId = false;
  for (; at < args.length; at++) {
    const option = args[at]!.toLowerCase();
    const next = args[at + 1];
    if (option === "force") force = true;
    else if (option === "justid") justId = true;
    else if (option === "idle" && next !== undefined) {
      time = engine.now -
        integer(next, new CommandError("ERR Invalid IDLE option argument for XCLAIM"));
      at++;
    } else if (option === "time" && next !== undefined) {
      time = integer(next, new CommandError("ERR Invalid TIME option argument for XCLAIM"));
      at++;
    } else if (option === "retrycount" && next !== undefined) {
      retry = integer(next, new CommandError("ERR Invalid RETRYCOUNT option argument for XCLAIM"));
      at++;
    } else if (option === "lastid" && next !== undefined) {
      const last = parseId(next, 0n);
      if (last > group.lastId) {
        group.lastId = last;
        engine.dirty++;
      }
      at++;
    } else throw new CommandError(`ERR Unrecognized XCLAIM option '${args[at]!}'`);
  }
  if (time === -1 || time > engine.now || time < 0) time = engine.now;
  let consumer = group.consumers.get(args[3]!);
  const effects: string[][] = [];
  if (consumer === undefined) consumer = newConsumer(client, group, key, args[3]!);
  consumer.seen = engine.now;
  const claimed: bigint[] = [];
  for (const id of ids) {
    let pending = group.pending.get(id);
    if (!stream.entries.get(id)) {
      if (pending !== undefined) {
        effects.push(["XACK", key, args[2]!, formatId(id)]);
        group.pending.delete(id);
        pending.consumer.pending.delete(id);
        engine.dirty++;
      }
      continue;
    }
    if (pending === undefined) {
      if (!force) continue;
      pending = { consumer, time, count: 0 };
      group.pending.set(id, pending);
    } else if (minIdle > 0 && engine.now - pending.time < minIdle) continue;
    if (pending.consumer !== consumer) pending.consumer.pending.delete(id);
    pending.consumer = consumer;
    consumer.pending.set(id, pending);
    pending.time = time;
    if (retry >= 0) pending.count = retry;
    else if (!justId) pending.count++;
    consumer.active = engine.now;
    claimed.push(id);
    effects.push(claimEffect(key, args[2]!, id, pending, group.lastId));
  }
  client.array(claimed.length);
  for (const id of claimed) {
    if (justId) client.bulk(formatId(id));
    else replyEntry(client, id, stream.entries.get(id));
  }
  engine.rewritten = [["XGROUP", "CREATECONSUMER", key, args[2]!, args[3]!], ...effects];
  if (effects.length > 0) db.touch(key, stream);
}

function xautoclaim(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  const minIdle = Math.max(
    0,
    integer(args[4]!, new CommandError("ERR Invalid min-idle-time argument for XAUTOCLAIM")),
  );
  const start = parseBound(args[5]!, true);
  let count = 100;
  let justId = false;
  for (let i = 6; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "count" && args[i + 1] !== undefined) {
      const value = parseInteger(args[++i]!);
      if (value === undefined || value < 1 || value > 2 ** 59) {
        throw new CommandError("ERR COUNT must be > 0");
      }
      count = value;
    } else if (option === "justid") justId = true;
    else throw SYNTAX_ERROR;
  }
  const stream = db.writeStream(key);
  const group = stream?.groups.get(args[2]!);
  if (stream === undefined || group === undefined) {
    throw new CommandError(`NOGROUP No such key '${key}' or consumer group '${args[2]!}'`);
  }
  let consumer = group.consumers.get(args[3]!);
  const effects: string[][] = [["XGROUP", "CREATECONSUMER", key, args[2]!, args[3]!]];
  if (consumer === undefined) consumer = newConsumer(client, group, key, args[3]!);
  consumer.seen = engine.now;
  let attempts = count * 10;
  let next = 0n;
  const claimed: bigint[] = [];
  const deleted: bigint[] = [];
  const walk = [...collect(group.pending.range(start, MAX_ID), attempts + 1)];
  for (const [id, pending] of walk) {
    if (attempts-- <= 0 || claimed.length + deleted.length >= count) {
      next = id;
      break;
    }
    if (stream.entries.get(id) === undefined) {
      group.pending.delete(id);
      pending.consumer.pending.delete(id);
      deleted.push(id);
      effects.push(["XACK", key, args[2]!, formatId(id)]);
      continue;
    }
    if (minIdle > 0 && engine.now - pending.time < minIdle) continue;
    if (pending.consumer !== consumer) {
      pending.consumer.pending.delete(id);
      pending.consumer = consumer;
      consumer.pending.set(id, pending);
    }
    pending.time = engine.now;
    if (!justId) pending.count++;
    consumer.active = engine.now;
    claimed.push(id);
    effects.push(claimEffect(key, args[2]!, id, pending, group.lastId));
  }
  client.array(3);
  client.bulk(formatId(next));
  client.array(claimed.length);
  for (const id of claimed) {
    if (justId) client.bulk(formatId(id));
    else replyEntry(client, id, stream.entries.get(id));
  }
  client.bulks(deleted.map(formatId));
  engine.rewritten = effects;
  if (effects.length > 1) db.touch(key, stream);
}

function xinfo(client: Client, args: string[]): void {
  const { db, engine } = client;
  const what = args[1]!.toLowerCase();
  const stream = db.readStream(args[2]!);
  if (stream === undefined) throw new CommandError("ERR no such key");
  if (what === "groups") {
    client.array(stream.groups.size);
    for (const [name, group] of stream.groups) {
      client.map(6);
      client.bulk("name");
      client.bulk(name);
      client.bulk("consumers");
      client.int(group.consumers.size);
      client.bulk("pending");
      client.int(group.pending.size);
      client.bulk("last-delivered-id");
      client.bulk(formatId(group.lastId));
      client.bulk("entries-read");
      if (group.read === -1) client.null();
      else client.int(group.read);
      client.bulk("lag");
      const lag = lagOf(stream, group);
      if (lag === undefined) client.null();
      else client.int(lag);
    }
    return;
  }
  if (what === "consumers") {
    const group = groupNamed(stream, args[2]!, args[3]!);
    const consumers = [...group.consumers.values()].sort((a, b) => a.name < b.name ? -1 : 1);
    client.array(consumers.length);
    for (const consumer of consumers) {
      client.map(4);
      client.bulk("name");
      client.bulk(consumer.name);
      client.bulk("pending");
      client.int(consumer.pending.size);
      client.bulk("idle");
      client.int(Math.max(0, engine.now - consumer.seen));
      client.bulk("inactive");
      client.int(consumer.active === -1 ? -1 : Math.max(0, engine.now - consumer.active));
    }
    return;
  }
  const full = args[3]?.toLowerCase() === "full";
  let count = 10;
  if (args.length > 3) {
    if (!full || (args.length !== 4 && args.length !== 6)) throw SYNTAX_ERROR;
    if (args.length === 6) {
      if (args[4]!.toLowerCase() !== "count") throw SYNTAX_ERROR;
      count = integer(args[5]!);
      if (count < 0) count = 10;
      if (count === 0) count = -1;
    }
  }
  const nodes = Math.ceil(stream.entries.size / 100);
  client.map(full ? 9 : 10);
  client.bulk("length");
  client.int(stream.entries.size);
  client.bulk("radix-tree-keys");
  client.int(nodes);
  client.bulk("radix-tree-nodes");
  client.int(nodes + 1);
  client.bulk("last-generated-id");
  client.bulk(formatId(stream.lastId));
  client.bulk("max-deleted-entry-id");
  client.bulk(formatId(stream.maxDeletedId));
  client.bulk("entries-added");
  client.int(stream.added);
  client.bulk("recorded-first-entry-id");
  client.bulk(formatId(stream.entries.first() ?? 0n));
  if (!full) {
    client.bulk("groups");
    client.int(stream.groups.size);
    for (
      const [label, id] of [["first-entry", stream.entries.first()], [
        "last-entry",
        stream.entries.last(),
      ]] as const
    ) {
      client.bulk(label);
      if (id === undefined) client.null();
      else replyEntry(client, id, stream.entries.get(id));
    }
    return;
  }
  client.bulk("entries");
  replyEntries(client, collect(stream.entries.range(0n, MAX_ID), count));
  client.bulk("groups");
  client.array(stream.groups.size);
  for (const [name, group] of stream.groups) {
    client.map(7);
    client.bulk("name");
    client.bulk(name);
    client.bulk("last-delivered-id");
    client.bulk(formatId(group.lastId));
    client.bulk("entries-read");
    if (group.read === -1) client.null();
    else client.int(group.read);
    client.bulk("lag");
    const lag = lagOf(stream, group);
    if (lag === undefined) client.null();
    else client.int(lag);
    client.bulk("pel-count");
    client.int(group.pending.size);
    client.bulk("pending");
    const pending = collect(group.pending.range(0n, MAX_ID), count);
    client.array(pending.length);
    for (const [id, each] of pending) {
      client.array(4);
      client.bulk(formatId(id));
      client.bulk(each.consumer.name);
      client.int(each.time);
      client.int(each.count);
    }
    client.bulk("consumers");
    client.array(group.consumers.size);
    for (const consumer of group.consumers.values()) {
      client.map(5);
      client.bulk("name");
      client.bulk(consumer.name);
      client.bulk("seen-time");
      client.int(consumer.seen);
      client.bulk("active-time");
      client.int(consumer.active);
      client.bulk("pel-count");
      client.int(consumer.pending.size);
      client.bulk("pending");
      const held = collect(consumer.pending.range(0n, MAX_ID), count);
      client.array(held.length);
      for (const [id, each] of held) {
        client.array(3);
        client.bulk(formatId(id));
        client.int(each.time);
        client.int(each.count);
      }
    }
  }
}

/** The table. */
export const STREAM_COMMANDS: readonly CommandRow[] = [
  ["xadd", -5, "wmF", 1, 1, 1, xadd, "Adds an entry to a stream"],
  [
    "xlen",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readStream(a[1]!)?.entries.size ?? 0),
    "Number of entries of a stream",
  ],
  ["xrange", -4, "r", 1, 1, 1, (c, a) => xrange(c, a, false), "Entries of a stream by id"],
  [
    "xrevrange",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => xrange(c, a, true),
    "Entries of a stream by id, downward",
  ],
  ["xdel", -3, "wF", 1, 1, 1, xdel, "Removes entries of a stream"],
  ["xtrim", -4, "w", 1, 1, 1, xtrim, "Removes the oldest entries of a stream"],
  ["xsetid", -3, "wmF", 1, 1, 1, xsetid, "Sets the last id of a stream"],
  [
    "xread",
    -4,
    "rbk",
    0,
    0,
    0,
    (c, a) => xread(c, a, false),
    "New entries of streams, waiting for some if asked",
    readKeys,
  ],
  [
    "xreadgroup",
    -7,
    "wbk",
    0,
    0,
    0,
    (c, a) => xread(c, a, true),
    "New or held entries for a consumer",
    readKeys,
  ],
  ["xack", -4, "wF", 1, 1, 1, xack, "Acknowledges entries"],
  ["xpending", -3, "r", 1, 1, 1, xpending, "Entries that are not acknowledged"],
  ["xclaim", -6, "wF", 1, 1, 1, xclaim, "Gives entries to another consumer"],
  ["xautoclaim", -6, "wF", 1, 1, 1, xautoclaim, "Gives old entries to another consumer"],
  ["xgroup", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Consumer groups"],
  ["xinfo", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "State of streams"],
];

/** Subcommands of XGROUP. */
export const XGROUP_COMMANDS: readonly CommandRow[] = [
  ["create", -5, "wm", 2, 2, 1, xgroup, "Makes a consumer group"],
  ["setid", -5, "w", 2, 2, 1, xgroup, "Sets the last delivered id of a group"],
  ["destroy", 4, "w", 2, 2, 1, xgroup, "Removes a consumer group"],
  ["createconsumer", 5, "wm", 2, 2, 1, xgroup, "Makes a consumer"],
  ["delconsumer", 5, "w", 2, 2, 1, xgroup, "Removes a consumer"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("XGROUP", ["CREATE <key> <group> <id|$> [MKSTREAM]", "    Makes a consumer group."]),
    "Describes the subcommands",
  ],
];

/** Subcommands of XINFO. */
export const XINFO_COMMANDS: readonly CommandRow[] = [
  ["stream", -3, "r", 2, 2, 1, xinfo, "State of a stream"],
  ["groups", 3, "r", 2, 2, 1, xinfo, "Groups of a stream"],
  ["consumers", 4, "r", 2, 2, 1, xinfo, "Consumers of a group"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("XINFO", ["STREAM <key> [FULL]", "    State of a stream."]),
    "Describes the subcommands",
  ],
];
