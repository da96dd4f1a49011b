/** Commands on sorted sets. */
import type { Client } from "./_client.ts";
import type { Db } from "./_db.ts";
import type { CommandRow } from "./_engine.ts";
import { double, integer, natural, timeout } from "./_args.ts";
import { MAX_RANDOM, randomPositions } from "./_cmd_hash.ts";
import { clampRange, countedKeys } from "./_cmd_list.ts";
import { formatDouble, parseDouble, parseInteger } from "./_numbers.ts";
import { scanTable } from "./_scan.ts";
import {
  CommandError,
  SetValue,
  SYNTAX_ERROR,
  type Value,
  WRONG_TYPE,
  ZSetValue,
} from "./_values.ts";

const MIN_MAX_FLOAT = new CommandError("ERR min or max is not a float");
const MIN_MAX_LEX = new CommandError("ERR min or max not valid string range item");
const NAN_SCORE = new CommandError("ERR resulting score is not a number (NaN)");

/** Ranks [first, last] in ascending order; empty when first > last. */
interface Span {
  first: number;
  last: number;
}

interface ScoreBound {
  value: number;
  exclusive: boolean;
}

function scoreBound(text: string): ScoreBound {
  const exclusive = text.startsWith("(");
  const value = parseDouble(exclusive ? text.slice(1) : text);
  if (value === undefined) throw MIN_MAX_FLOAT;
  return { value, exclusive };
}

function spanByScore(zset: ZSetValue, min: ScoreBound, max: ScoreBound): Span {
  const { order } = zset;
  const first = order.countWhile((score) => min.exclusive ? score <= min.value : score < min.value);
  const last = order.countWhile((score) => max.exclusive ? score < max.value : score <= max.value) -
    1;
  return { first, last };
}

type LexBound = { kind: "-" | "+" } | { kind: "[" | "("; text: string };

function lexBound(text: string): LexBound {
  if (text === "-" || text === "+") return { kind: text };
  const mark = text[0];
  if (mark !== "[" && mark !== "(") throw MIN_MAX_LEX;
  return { kind: mark, text: text.slice(1) };
}

/** How many members are below a bound; `orEqual` counts members equal to it. */
function countBelow(zset: ZSetValue, bound: LexBound, orEqual: boolean): number {
  if (!("text" in bound)) return bound.kind === "-" ? 0 : zset.size;
  const { text } = bound;
  return zset.order.countWhile((score, member) =>
    // The bound of the tree's first child is below every member.
    (score === -Infinity && member === "") || (orEqual ? member <= text : member < text)
  );
}

function spanByLex(zset: ZSetValue, min: LexBound, max: LexBound): Span {
  return {
    first: countBelow(zset, min, min.kind === "("),
    last: countBelow(zset, max, max.kind === "[") - 1,
  };
}

function created(client: Client, key: string, zset: ZSetValue | undefined): ZSetValue {
  if (zset !== undefined) return zset;
  const fresh = new ZSetValue();
  client.db.put(key, fresh);
  return fresh;
}

function zadd(client: Client, args: string[]): void {
  const { db, engine } = client;
  const key = args[1]!;
  let increment = engine.currentName === "zincrby";
  let nx = false;
  let xx = false;
  let gt = false;
  let lt = false;
  let ch = false;
  let at = 2;
  if (!increment) {
    for (; at < args.length; at++) {
      const option = args[at]!.toLowerCase();
      if (option === "nx") nx = true;
      else if (option === "xx") xx = true;
      else if (option === "gt") gt = true;
      else if (option === "lt") lt = true;
      else if (option === "ch") ch = true;
      else if (option === "incr") increment = true;
      else break;
    }
  }
  const count = args.length - at;
  if (count % 2 !== 0 || count === 0) throw SYNTAX_ERROR;
  if (nx && xx) throw new CommandError("ERR XX and NX options at the same time are not compatible");
  if ((gt && nx) || (lt && nx) || (gt && lt)) {
    throw new CommandError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (increment && count > 2) {
    throw new CommandError("ERR INCR option supports a single increment-element pair");
  }
  const scores: number[] = [];
  for (let i = at; i < args.length; i += 2) scores.push(double(args[i]!));
  let zset = db.writeZSet(key);
  if (zset === undefined && xx) return increment ? client.null() : client.int(0);
  zset = created(client, key, zset);
  let added = 0;
  let updated = 0;
  let processed = 0;
  let result: number | undefined;
  for (let i = 0; i < scores.length; i++) {
    const member = args[at + 1 + i * 2]!;
    let score = scores[i]!;
    const place = zset.scores.find(member);
    if (place >= 0) {
      const old = zset.scores.values[place]!;
      if (nx) continue;
      if (increment) {
        score += old;
        if (Number.isNaN(score)) throw NAN_SCORE;
      }
      if ((lt && score >= old) || (gt && score <= old)) continue;
      result = score;
      if (score !== old) {
        zset.setAt(place, member, score);
        updated++;
      }
      processed++;
    } else if (!xx) {
      if (member.length > engine.config.number("zset-max-listpack-value")) zset.big = true;
      zset.setAt(-1, member, score);
      result = score;
      added++;
      processed++;
    }
  }
  if (zset.size > engine.config.number("zset-max-listpack-entries")) zset.big = true;
  if (added > 0 || updated > 0) {
    db.touch(key, zset);
    engine.dirty += added + updated - 1;
    engine.notify("z", increment ? "zincr" : "zadd", key, db.index);
  }
  if (zset.size === 0) db.remove(key);
  if (increment) {
    if (processed > 0) client.double(result!);
    else client.null();
  } else client.int(ch ? added + updated : added);
}

function afterRemoval(client: Client, key: string, zset: ZSetValue, event: string): void {
  const { db, engine } = client;
  engine.notify("z", event, key, db.index);
  if (zset.size === 0) {
    db.remove(key);
    engine.notify("g", "del", key, db.index);
    db.touch(key);
  } else db.touch(key, zset);
}

function zrem(client: Client, args: string[]): void {
  const zset = client.db.writeZSet(args[1]!);
  if (zset === undefined) return client.int(0);
  let count = 0;
  for (let i = 2; i < args.length; i++) if (zset.delete(args[i]!)) count++;
  if (count > 0) {
    afterRemoval(client, args[1]!, zset, "zrem");
    client.engine.dirty += count - 1;
  }
  client.int(count);
}

function removeSpan(client: Client, key: string, zset: ZSetValue, span: Span, event: string): void {
  const doomed: string[] = [];
  zset.order.forRange(span.first, span.last, false, (member) => doomed.push(member));
  for (const member of doomed) zset.delete(member);
  if (doomed.length > 0) {
    afterRemoval(client, key, zset, event);
    client.engine.dirty += doomed.length - 1;
  }
  client.int(doomed.length);
}

function zremrange(client: Client, args: string[], by: "rank" | "score" | "lex"): void {
  const key = args[1]!;
  const find = rangeFinder(by, args[2]!, args[3]!);
  const zset = client.db.writeZSet(key);
  if (zset === undefined) return client.int(0);
  removeSpan(client, key, zset, find(zset), `zremrangeby${by}`);
}

function rangeFinder(
  by: "rank" | "score" | "lex",
  from: string,
  to: string,
): (zset: ZSetValue) => Span {
  if (by === "rank") {
    const start = integer(from);
    const stop = integer(to);
    return (zset) => {
      const range = clampRange(start, stop, zset.size);
      return range === null ? { first: 1, last: 0 } : { first: range[0], last: range[1] };
    };
  }
  if (by === "score") {
    const min = scoreBound(from);
    const max = scoreBound(to);
    return (zset) => spanByScore(zset, min, max);
  }
  const min = lexBound(from);
  const max = lexBound(to);
  return (zset) => spanByLex(zset, min, max);
}

/** ZRANGE and its relatives; `storeTo` writes the result instead of replying it. */
function zrangeGeneric(
  client: Client,
  args: string[],
  at: number,
  preset: { by: "rank" | "score" | "lex"; reverse: boolean } | undefined,
  storeTo: string | undefined,
): void {
  const { db, engine } = client;
  const key = args[at]!;
  let by = preset?.by ?? "rank";
  let reverse = preset?.reverse ?? false;
  let withScores = false;
  let offset = 0;
  let limit = -1;
  let limited = false;
  for (let i = at + 3; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (option === "withscores" && storeTo === undefined) withScores = true;
    else if (option === "limit" && i + 2 < args.length) {
      offset = integer(args[i + 1]!);
      limit = integer(args[i + 2]!);
      limited = true;
      i += 2;
    } else if (preset === undefined && option === "byscore") by = "score";
    else if (preset === undefined && option === "bylex") by = "lex";
    else if (preset === undefined && option === "rev") reverse = true;
    else throw SYNTAX_ERROR;
  }
  if (limited && limit !== -1 && by === "rank") {
    throw new CommandError(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  }
  if (withScores && by === "lex") {
    throw new CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  const [low, high] = reverse && by !== "rank"
    ? [args[at + 2]!, args[at + 1]!]
    : [args[at + 1]!, args[at + 2]!];
  const find = rangeFinder(by, low, high);
  const zset = db.readZSet(key);
  const members: string[] = [];
  const scores: number[] = [];
  if (zset !== undefined && offset >= 0) {
    const span = find(zset);
    let first = span.first;
    let last = span.last;
    if (by !== "rank" && reverse) {
      first = zset.size - 1 - span.last;
      last = zset.size - 1 - span.first;
    }
    first += offset;
    if (limit >= 0) last = Math.min(last, first + limit - 1);
    zset.order.forRange(first, last, reverse, (member, score) => {
      members.push(member);
      scores.push(score);
    });
  }
  if (storeTo !== undefined) {
    if (members.length === 0) {
      if (db.peek(storeTo) !== undefined && db.remove(storeTo)) {
        db.touch(storeTo);
        engine.notify("g", "del", storeTo, db.index);
      }
      return client.int(0);
    }
    const result = new ZSetValue();
    members.forEach((member, i) => result.set(member, scores[i]!));
    storeResult(client, storeTo, result, "zrangestore");
    return;
  }
  replyPairs(client, members, scores, withScores);
}

function replyPairs(
  client: Client,
  members: string[],
  scores: number[],
  withScores: boolean,
): void {
  const nested = withScores && client.resp === 3;
  client.array(withScores && !nested ? members.length * 2 : members.length);
  for (let i = 0; i < members.length; i++) {
    if (nested) client.array(2);
    client.bulk(members[i]!);
    if (withScores) client.double(scores[i]!);
  }
}

function storeResult(client: Client, key: string, result: ZSetValue, event: string): void {
  const { db, engine } = client;
  if (result.size > engine.config.number("zset-max-listpack-entries")) result.big = true;
  if (result.size === 0) {
    if (db.peek(key) !== undefined && db.remove(key)) {
      db.touch(key);
      engine.notify("g", "del", key, db.index);
    }
    return client.int(0);
  }
  db.put(key, result);
  db.touch(key, result);
  engine.notify("z", event, key, db.index);
  client.int(result.size);
}

function zcount(client: Client, args: string[], by: "score" | "lex"): void {
  const find = rangeFinder(by, args[2]!, args[3]!);
  const zset = client.db.readZSet(args[1]!);
  if (zset === undefined) return client.int(0);
  const span = find(zset);
  client.int(Math.max(0, span.last - span.first + 1));
}

function zrank(client: Client, args: string[], reverse: boolean): void {
  const withScore = args.length === 4 && args[3]!.toLowerCase() === "withscore";
  if (args.length > 4 || (args.length === 4 && !withScore)) throw SYNTAX_ERROR;
  const zset = client.db.readZSet(args[1]!);
  const score = zset?.scores.get(args[2]!);
  if (zset === undefined || score === undefined) {
    return withScore ? client.nullArray() : client.null();
  }
  const rank = zset.order.rank(score, args[2]!);
  if (withScore) client.array(2);
  client.int(reverse ? zset.size - 1 - rank : rank);
  if (withScore) client.double(score);
}

function zmscore(client: Client, args: string[]): void {
  const zset = client.db.readZSet(args[1]!);
  client.array(args.length - 2);
  for (let i = 2; i < args.length; i++) {
    const score = zset?.scores.get(args[i]!);
    if (score === undefined) client.null();
    else client.double(score);
  }
}

function zscore(client: Client, args: string[]): void {
  const score = client.db.readZSet(args[1]!)?.scores.get(args[2]!);
  if (score === undefined) client.null();
  else client.double(score);
}

/** Takes up to `count` members from one end. */
function take(zset: ZSetValue, count: number, highest: boolean): [string[], number[]] {
  const members: string[] = [];
  const scores: number[] = [];
  zset.order.forRange(0, count - 1, highest, (member, score) => {
    members.push(member);
    scores.push(score);
  });
  for (const member of members) zset.delete(member);
  return [members, scores];
}

function zpop(client: Client, args: string[], highest: boolean): void {
  if (args.length > 3) throw SYNTAX_ERROR;
  const key = args[1]!;
  const counted = args.length === 3;
  const count = counted ? natural(args[2]!) : 1;
  const zset = client.db.writeZSet(key);
  if (zset === undefined || count === 0) return client.array(0);
  const [members, scores] = take(zset, count, highest);
  if (counted) replyPairs(client, members, scores, true);
  else {
    client.array(2);
    client.bulk(members[0]!);
    client.double(scores[0]!);
  }
  afterRemoval(client, key, zset, highest ? "zpopmax" : "zpopmin");
  client.engine.dirty += members.length - 1;
}

function bzpop(client: Client, args: string[], highest: boolean): void {
  const { db, engine } = client;
  const wait = timeout(args[args.length - 1]!);
  const keys = args.slice(1, -1);
  const attempt = (key: string): boolean => {
    const zset = db.writeZSet(key);
    if (zset === undefined) return false;
    const [members, scores] = take(zset, 1, highest);
    client.array(3);
    client.bulk(key);
    client.bulk(members[0]!);
    client.double(scores[0]!);
    engine.rewritten = [[highest ? "ZPOPMAX" : "ZPOPMIN", key]];
    afterRemoval(client, key, zset, highest ? "zpopmax" : "zpopmin");
    return true;
  };
  for (const key of keys) if (attempt(key)) return;
  if (client.inExec) return client.nullArray();
  engine.block(client, [...new Set(keys)], wait, (key) => {
    return db.peek(key) instanceof ZSetValue && attempt(key);
  }, () => client.nullArray());
}

function zmpop(client: Client, args: string[], blocking: boolean): void {
  const { db, engine } = client;
  const base = blocking ? 2 : 1;
  const wait = blocking ? timeout(args[1]!) : 0;
  const number = parseInteger(args[base]!);
  if (number === undefined || number <= 0) {
    throw new CommandError("ERR numkeys should be greater than 0");
  }
  const whereAt = base + number + 1;
  if (whereAt >= args.length) throw SYNTAX_ERROR;
  const where = args[whereAt]!.toLowerCase();
  if (where !== "min" && where !== "max") throw SYNTAX_ERROR;
  let count = -1;
  for (let i = whereAt + 1; i < args.length; i++) {
    if (args[i]!.toLowerCase() === "count" && count === -1 && args[i + 1] !== undefined) {
      const value = parseInteger(args[++i]!);
      if (value === undefined || value <= 0) {
        throw new CommandError("ERR count should be greater than 0");
      }
      count = value;
    } else throw SYNTAX_ERROR;
  }
  if (count === -1) count = 1;
  const keys = args.slice(base + 1, whereAt);
  const attempt = (key: string): boolean => {
    const zset = db.writeZSet(key);
    if (zset === undefined) return false;
    const [members, scores] = take(zset, count, where === "max");
    client.array(2);
    client.bulk(key);
    client.array(members.length);
    members.forEach((member, i) => {
      client.array(2);
      client.bulk(member);
      client.double(scores[i]!);
    });
    engine.rewritten = [[where === "max" ? "ZPOPMAX" : "ZPOPMIN", key, String(members.length)]];
    afterRemoval(client, key, zset, where === "max" ? "zpopmax" : "zpopmin");
    return true;
  };
  for (const key of keys) if (attempt(key)) return;
  if (!blocking || client.inExec) return client.nullArray();
  engine.block(client, [...new Set(keys)], wait, (key) => {
    return db.peek(key) instanceof ZSetValue && attempt(key);
  }, () => client.nullArray());
}

function zrandmember(client: Client, args: string[]): void {
  const { db } = client;
  if (args.length === 2) {
    const scores = db.readZSet(args[1]!)?.scores;
    return client.bulkOrNull(scores?.keys[scores.randomAt()]);
  }
  const count = integer(args[2]!);
  if (args.length > 4 || (args.length === 4 && args[3]!.toLowerCase() !== "withscores")) {
    throw SYNTAX_ERROR;
  }
  const withScores = args.length === 4;
  if (Math.abs(count) >= MAX_RANDOM) throw new CommandError("ERR value is out of range");
  const scores = db.readZSet(args[1]!)?.scores;
  if (scores === undefined || count === 0) return client.array(0);
  const positions = randomPositions(scores.size, count);
  replyPairs(
    client,
    positions.map((at) => scores.keys[at]!),
    positions.map((at) => scores.values[at]!),
    withScores,
  );
}

type Source = Map<string, number>;

function sourceOf(value: Value | undefined): Source {
  const source: Source = new Map<string, number>();
  if (value === undefined) return source;
  if (value instanceof SetValue) { for (const member of value.members.keys) source.set(member, 1); }
  else if (value instanceof ZSetValue) {
    value.scores.keys.forEach((member, i) => source.set(member, value.scores.values[i]!));
  } else throw WRONG_TYPE;
  return source;
}

type Operation = "zunion" | "zinter" | "zdiff";

/** ZUNION, ZINTER, ZDIFF and what stores them. `at` is the position of numkeys. */
function combine(client: Client, args: string[], operation: Operation, at: number): void {
  const { db, engine } = client;
  const name = engine.currentName;
  const count = integer(args[at]!);
  if (count < 1) throw new CommandError(`ERR at least 1 input key is needed for '${name}' command`);
  if (count > args.length - at - 1) throw SYNTAX_ERROR;
  const keys = args.slice(at + 1, at + 1 + count);
  const storing = at === 2;
  const values = keys.map((key) => db.read(key));
  for (const value of values) {
    if (value !== undefined && !(value instanceof SetValue) && !(value instanceof ZSetValue)) {
      throw WRONG_TYPE;
    }
  }
  const weights = new Array<number>(count).fill(1);
  let aggregate = "sum";
  let withScores = false;
  for (let i = at + 1 + count; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    if (operation !== "zdiff" && option === "weights" && args.length - i - 1 >= count) {
      for (let w = 0; w < count; w++) {
        weights[w] = double(args[++i]!, new CommandError("ERR weight value is not a float"));
      }
    } else if (operation !== "zdiff" && option === "aggregate" && args[i + 1] !== undefined) {
      aggregate = args[++i]!.toLowerCase();
      if (!["sum", "min", "max"].includes(aggregate)) throw SYNTAX_ERROR;
    } else if (option === "withscores" && !storing) withScores = true;
    else throw SYNTAX_ERROR;
  }
  const sources = values.map(sourceOf);
  const merge = (a: number, b: number): number => {
    if (aggregate === "min") return Math.min(a, b);
    if (aggregate === "max") return Math.max(a, b);
    const sum = a + b;
    return Number.isNaN(sum) ? 0 : sum;
  };
  const weighted = (score: number, weight: number): number => {
    const value = score * weight;
    return Number.isNaN(value) ? 0 : value;
  };
  const result = new ZSetValue();
  const add = (member: string, score: number): void => {
    if (member.length > engine.config.number("zset-max-listpack-value")) result.big = true;
    result.set(member, score);
  };
  if (operation === "zunion") {
    const merged: Source = new Map<string, number>();
    sources.forEach((source, s) => {
      for (const [member, score] of source) {
        const value = weighted(score, weights[s]!);
        const old = merged.get(member);
        merged.set(member, old === undefined ? value : merge(old, value));
      }
    });
    for (const [member, score] of merged) add(member, score);
  } else if (operation === "zinter") {
    const order = sources.map((_, i) => i).sort((a, b) => sources[a]!.size - sources[b]!.size);
    outer: for (const [member, score] of sources[order[0]!]!) {
      let value = weighted(score, weights[order[0]!]!);
      for (const s of order.slice(1)) {
        const other = sources[s]!.get(member);
        if (other === undefined) continue outer;
        value = merge(value, weighted(other, weights[s]!));
      }
      add(member, value);
    }
  } else {
    for (const [member, score] of sources[0]!) {
      if (!sources.slice(1).some((source) => source.has(member))) add(member, score);
    }
  }
  if (storing) return storeResult(client, args[1]!, result, operation + "store");
  const members: string[] = [];
  const scores: number[] = [];
  result.order.forRange(0, result.size - 1, false, (member, score) => {
    members.push(member);
    scores.push(score);
  });
  replyPairs(client, members, scores, withScores);
}

function zintercard(client: Client, args: string[]): void {
  const count = parseInteger(args[1]!);
  if (count === undefined) throw new CommandError("ERR value is not an integer or out of range");
  if (count < 1) {
    throw new CommandError("ERR at least 1 input key is needed for 'zintercard' command");
  }
  if (count + 2 > args.length) throw SYNTAX_ERROR;
  const values = args.slice(2, 2 + count).map((key) => client.db.read(key));
  for (const value of values) {
    if (value !== undefined && !(value instanceof SetValue) && !(value instanceof ZSetValue)) {
      throw WRONG_TYPE;
    }
  }
  let limit = 0;
  for (let i = 2 + count; i < args.length; i++) {
    if (args[i]!.toLowerCase() === "limit" && args[i + 1] !== undefined) {
      limit = natural(args[++i]!, new CommandError("ERR LIMIT can't be negative"));
    } else throw SYNTAX_ERROR;
  }
  const sources = values.map(sourceOf).sort((a, b) => a.size - b.size);
  let found = 0;
  for (const member of sources[0]!.keys()) {
    if (!sources.every((source) => source.has(member))) continue;
    if (++found === limit) break;
  }
  client.int(found);
}

function zscan(client: Client, args: string[]): void {
  let noScores = false;
  const rest = args.slice(3).filter((arg) => {
    if (arg.toLowerCase() !== "noscores") return true;
    noScores = true;
    return false;
  });
  scanTable(client, args[2]!, rest, () => client.db.readZSet(args[1]!)?.scores, (table, at) => {
    return noScores ? [table.keys[at]!] : [table.keys[at]!, formatDouble(table.values[at]!)];
  });
}

/** A sorted set of a database, for other groups of commands. */
export function writeZSet(db: Db, key: string): ZSetValue {
  let zset = db.writeZSet(key);
  if (zset === undefined) {
    zset = new ZSetValue();
    db.put(key, zset);
  }
  return zset;
}

const storeKeys = (args: string[]): number[] | undefined => {
  const sources = countedKeys(2)([...args, ""]);
  return sources === undefined ? undefined : [1, ...sources];
};
const sourceKeys = (args: string[]): number[] | undefined => countedKeys(1)([...args, ""]);

/** The table. */
export const ZSET_COMMANDS: readonly CommandRow[] = [
  ["zadd", -4, "wmF", 1, 1, 1, zadd, "Adds members to a sorted set or changes their scores"],
  ["zincrby", 4, "wmF", 1, 1, 1, zadd, "Adds to the score of a member"],
  ["zrem", -3, "wF", 1, 1, 1, zrem, "Removes members of a sorted set"],
  [
    "zremrangebyrank",
    4,
    "w",
    1,
    1,
    1,
    (c, a) => zremrange(c, a, "rank"),
    "Removes members by rank",
  ],
  [
    "zremrangebyscore",
    4,
    "w",
    1,
    1,
    1,
    (c, a) => zremrange(c, a, "score"),
    "Removes members by score",
  ],
  ["zremrangebylex", 4, "w", 1, 1, 1, (c, a) => zremrange(c, a, "lex"), "Removes members by name"],
  [
    "zrange",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => zrangeGeneric(c, a, 1, undefined, undefined),
    "Members by rank, score or name",
  ],
  [
    "zrangestore",
    -5,
    "wm",
    1,
    2,
    1,
    (c, a) => zrangeGeneric(c, a, 2, undefined, a[1]!),
    "Stores members by rank, score or name",
  ],
  [
    "zrevrange",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => zrangeGeneric(c, a, 1, { by: "rank", reverse: true }, undefined),
    "Members by rank, downward",
  ],
  [
    "zrangebyscore",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => zrangeGeneric(c, a, 1, { by: "score", reverse: false }, undefined),
    "Members by score",
  ],
  [
    "zrevrangebyscore",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => zrangeGeneric(c, a, 1, { by: "score", reverse: true }, undefined),
    "Members by score, downward",
  ],
  [
    "zrangebylex",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => zrangeGeneric(c, a, 1, { by: "lex", reverse: false }, undefined),
    "Members by name",
  ],
  [
    "zrevrangebylex",
    -4,
    "r",
    1,
    1,
    1,
    (c, a) => zrangeGeneric(c, a, 1, { by: "lex", reverse: true }, undefined),
    "Members by name, downward",
  ],
  ["zcount", 4, "rF", 1, 1, 1, (c, a) => zcount(c, a, "score"), "Number of members by score"],
  ["zlexcount", 4, "rF", 1, 1, 1, (c, a) => zcount(c, a, "lex"), "Number of members by name"],
  [
    "zcard",
    2,
    "rF",
    1,
    1,
    1,
    (c, a) => c.int(c.db.readZSet(a[1]!)?.size ?? 0),
    "Number of members of a sorted set",
  ],
  ["zscore", 3, "rF", 1, 1, 1, zscore, "Score of a member"],
  ["zmscore", -3, "rF", 1, 1, 1, zmscore, "Scores of members"],
  ["zrank", -3, "rF", 1, 1, 1, (c, a) => zrank(c, a, false), "Rank of a member"],
  ["zrevrank", -3, "rF", 1, 1, 1, (c, a) => zrank(c, a, true), "Rank of a member from the highest"],
  ["zpopmin", -2, "wF", 1, 1, 1, (c, a) => zpop(c, a, false), "Takes the lowest members"],
  ["zpopmax", -2, "wF", 1, 1, 1, (c, a) => zpop(c, a, true), "Takes the highest members"],
  [
    "bzpopmin",
    -3,
    "wbF",
    1,
    -2,
    1,
    (c, a) => bzpop(c, a, false),
    "Takes the lowest member, waiting for one",
  ],
  [
    "bzpopmax",
    -3,
    "wbF",
    1,
    -2,
    1,
    (c, a) => bzpop(c, a, true),
    "Takes the highest member, waiting for one",
  ],
  [
    "zmpop",
    -4,
    "wk",
    0,
    0,
    0,
    (c, a) => zmpop(c, a, false),
    "Takes members of the first sorted set that has any",
    countedKeys(1),
  ],
  [
    "bzmpop",
    -5,
    "wkb",
    0,
    0,
    0,
    (c, a) => zmpop(c, a, true),
    "Takes members of a sorted set, waiting for some",
    countedKeys(2),
  ],
  ["zrandmember", -2, "r", 1, 1, 1, zrandmember, "Random members of a sorted set"],
  [
    "zunion",
    -3,
    "rk",
    0,
    0,
    0,
    (c, a) => combine(c, a, "zunion", 1),
    "Members of any of the sorted sets",
    sourceKeys,
  ],
  [
    "zinter",
    -3,
    "rk",
    0,
    0,
    0,
    (c, a) => combine(c, a, "zinter", 1),
    "Members that all sorted sets share",
    sourceKeys,
  ],
  [
    "zdiff",
    -3,
    "rk",
    0,
    0,
    0,
    (c, a) => combine(c, a, "zdiff", 1),
    "Members of the first sorted set only",
    sourceKeys,
  ],
  [
    "zunionstore",
    -4,
    "wmk",
    1,
    1,
    1,
    (c, a) => combine(c, a, "zunion", 2),
    "Stores the members of any of the sorted sets",
    storeKeys,
  ],
  [
    "zinterstore",
    -4,
    "wmk",
    1,
    1,
    1,
    (c, a) => combine(c, a, "zinter", 2),
    "Stores the members that all sorted sets share",
    storeKeys,
  ],
  [
    "zdiffstore",
    -4,
    "wmk",
    1,
    1,
    1,
    (c, a) => combine(c, a, "zdiff", 2),
    "Stores the members of the first sorted set only",
    storeKeys,
  ],
  [
    "zintercard",
    -3,
    "rk",
    0,
    0,
    0,
    zintercard,
    "Number of members that all sorted sets share",
    sourceKeys,
  ],
  ["zscan", -3, "r", 1, 1, 1, zscan, "Walks over the members of a sorted set"],
];
