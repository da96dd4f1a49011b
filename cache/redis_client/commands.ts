import * as replies from "./_replies.ts";
import { unexpected } from "./_command.ts";
import { isBlocking } from "./_command_table.ts";
import type { RedisArgument, RedisReply, RedisString } from "./reply.ts";

/** How one command, or all of a view, is run. */
export interface RedisCommandOptions {
  /** Whether strings in replies are given as bytes. Default false. */
  bytes?: boolean;
  /**
   * Aborts the wait. A command that was not written yet is not sent; one that was keeps its place, and its
   * reply is dropped.
   */
  signal?: AbortSignal;
  /** Milliseconds from the call to the reply, instead of the client's; 0 for no limit. */
  timeoutMs?: number;
}

/** What runs commands: a client, a cluster, a transaction that collects them, or a wrapper of one. */
export interface RedisExecutor {
  /**
   * Runs a command.
   *
   * @param words The name and the arguments.
   * @param decode Makes the value of the reply; an error it throws rejects. Without it the reply is the value.
   * @param options How to run it.
   */
  execute<T>(
    words: readonly RedisArgument[],
    decode: ((reply: RedisReply) => T) | undefined,
    options: RedisCommandOptions,
  ): Promise<T>;
  /** Runs a command that may wait for other clients, where others need not wait behind it. */
  executeBlocking<T>(
    words: readonly RedisArgument[],
    decode: ((reply: RedisReply) => T) | undefined,
    options: RedisCommandOptions,
  ): Promise<T>;
}

/** Fields and values: an object, a `Map`, or pairs. Use pairs or a map for fields that are bytes. */
export type RedisFields =
  | Readonly<Record<string, RedisArgument>>
  | Iterable<readonly [RedisString, RedisArgument]>;

/** A member of a sorted set with its score. */
export interface RedisScored<S extends RedisString = string> {
  /** The member. */
  member: S;
  /** The score. */
  score: number;
}

/** An entry of a stream. */
export interface RedisStreamEntry<S extends RedisString = string> {
  /** Its ID, `milliseconds-sequence`. */
  id: string;
  /** Fields and values in order; a field may repeat. Empty for an entry that was deleted meanwhile. */
  fields: [S, S][];
}

/** What one stream gave. */
export interface RedisStreamRead<S extends RedisString = string> {
  /** The key of the stream. */
  stream: S;
  /** Its entries. */
  entries: RedisStreamEntry<S>[];
}

/** When a key that is written expires; one of them at most. */
export interface RedisExpiryOptions {
  /** Seconds from now. */
  ex?: number;
  /** Milliseconds from now. */
  px?: number;
  /** Seconds since the epoch. */
  exat?: number;
  /** Milliseconds since the epoch. */
  pxat?: number;
}

/** How {@linkcode RedisCommands.set} writes. */
export interface RedisSetOptions extends RedisExpiryOptions {
  /** Whether the time to live stays as it was. */
  keepttl?: boolean;
  /** `nx`: only if the key is absent; `xx`: only if it is there. */
  only?: "nx" | "xx";
}

/** When a time to live is changed: if there is none, if there is one, if it grows, if it shrinks. */
export type RedisExpireCondition = "nx" | "xx" | "gt" | "lt";

/** What {@linkcode RedisCommands.scan} and its kin give. */
export interface RedisScanOptions {
  /** A glob that keys (members, fields) must match. */
  match?: RedisString;
  /** About how many the server looks at each time. Default: the server's, 10. */
  count?: number;
}

/** How {@linkcode RedisCommands.zadd} writes. */
export interface RedisZaddOptions {
  /** `nx`: only new members; `xx`: only those that are there. */
  only?: "nx" | "xx";
  /** Only scores that grow, or shrink. New members are added all the same. */
  compare?: "gt" | "lt";
  /** Whether changed members are counted too. */
  changed?: boolean;
}

/** What {@linkcode RedisCommands.zrange} selects. */
export interface RedisRangeOptions {
  /** Whether the bounds are ranks, scores or, with equal scores, members. Default rank. */
  by?: "rank" | "score" | "lex";
  /** Whether from high to low; then the first bound is the higher. */
  reverse?: boolean;
  /** Skips so many, then gives so many at most (-1: all); not for ranks. */
  limit?: readonly [offset: number, count: number];
}

/** How sorted sets are combined. */
export interface RedisCombineOptions {
  /** A factor for each set's scores. Default 1. */
  weights?: readonly number[];
  /** How scores of one member are combined. Default sum. */
  aggregate?: "sum" | "min" | "max";
}

/** How a stream is cut when it is written or trimmed. */
export interface RedisTrimOptions {
  /** How many entries stay. */
  maxlen?: number;
  /** The ID from which entries stay. */
  minid?: string;
  /** Whether the server may keep some more, which is much cheaper. */
  approximate?: boolean;
  /** How many entries are removed at most; only with `approximate`. */
  limit?: number;
}

/** How {@linkcode RedisCommands.xadd} writes. */
export interface RedisXaddOptions extends RedisTrimOptions {
  /** The ID. Default `*`, the server's. */
  id?: string;
  /** Whether a stream that is absent stays so. */
  nomkstream?: boolean;
}

/** How {@linkcode RedisCommands.xread} reads. */
export interface RedisXreadOptions {
  /** How many entries a stream at most. */
  count?: number;
  /** Milliseconds to wait for an entry, 0 forever. Without it there is no wait. */
  block?: number;
}

/** How {@linkcode RedisCommands.geosearch} selects: from where, and how far. */
export interface RedisGeoSearch {
  /** The centre: a member, or a longitude and a latitude in degrees. */
  from: RedisString | readonly [longitude: number, latitude: number];
  /** The radius, or width and height of a box, in `unit`. */
  within: number | readonly [width: number, height: number];
  /** The unit. Default metres. */
  unit?: "m" | "km" | "ft" | "mi";
  /** Nearest or farthest first. Default: in no order. */
  order?: "asc" | "desc";
  /** How many at most. */
  count?: number;
  /** With `count`, whether any will do, which is cheaper. */
  any?: boolean;
}

/** A place that {@linkcode RedisCommands.geosearch} found. */
export interface RedisGeoFound<S extends RedisString = string> {
  /** The member. */
  member: S;
  /** The distance in the unit that was asked for. */
  distance: number;
  /** Longitude and latitude in degrees. */
  position: [longitude: number, latitude: number];
}

/** A message that is pending in a consumer group. */
export interface RedisPendingEntry<S extends RedisString = string> {
  /** The entry's ID. */
  id: string;
  /** Who has it. */
  consumer: S;
  /** Milliseconds since it was delivered last. */
  idleMs: number;
  /** How often it was delivered. */
  deliveries: number;
}

function pushFields(words: RedisArgument[], fields: RedisFields): RedisArgument[] {
  if (Symbol.iterator in fields) {
    for (const [field, value] of fields as Iterable<readonly [RedisString, RedisArgument]>) {
      words.push(field, value);
    }
  } else {
    for (const field of Object.keys(fields)) words.push(field, fields[field]!);
  }
  return words;
}

function pushExpiry(words: RedisArgument[], options: RedisExpiryOptions): RedisArgument[] {
  if (options.ex !== undefined) words.push("EX", options.ex);
  if (options.px !== undefined) words.push("PX", options.px);
  if (options.exat !== undefined) words.push("EXAT", options.exat);
  if (options.pxat !== undefined) words.push("PXAT", options.pxat);
  return words;
}

function pushScan(words: RedisArgument[], options: RedisScanOptions): RedisArgument[] {
  if (options.match !== undefined) words.push("MATCH", options.match);
  if (options.count !== undefined) words.push("COUNT", options.count);
  return words;
}

function pushTrim(words: RedisArgument[], options: RedisTrimOptions): RedisArgument[] {
  const exactness = options.approximate ? "~" : "=";
  if (options.maxlen !== undefined) words.push("MAXLEN", exactness, options.maxlen);
  else if (options.minid !== undefined) words.push("MINID", exactness, options.minid);
  if (options.limit !== undefined) words.push("LIMIT", options.limit);
  return words;
}

function pushCombine(words: RedisArgument[], options: RedisCombineOptions): RedisArgument[] {
  if (options.weights !== undefined) words.push("WEIGHTS", ...options.weights.map(score));
  if (options.aggregate !== undefined) words.push("AGGREGATE", options.aggregate.toUpperCase());
  return words;
}

function pushRange(words: RedisArgument[], options: RedisRangeOptions): RedisArgument[] {
  if (options.by === "score") words.push("BYSCORE");
  if (options.by === "lex") words.push("BYLEX");
  if (options.reverse) words.push("REV");
  if (options.limit !== undefined) words.push("LIMIT", ...options.limit);
  return words;
}

function pushGeo(words: RedisArgument[], search: RedisGeoSearch): RedisArgument[] {
  const { from, within, unit = "m" } = search;
  if (typeof from === "string" || from instanceof Uint8Array) words.push("FROMMEMBER", from);
  else words.push("FROMLONLAT", from[0], from[1]);
  if (typeof within === "number") words.push("BYRADIUS", within, unit);
  else words.push("BYBOX", within[0], within[1], unit);
  if (search.order !== undefined) words.push(search.order.toUpperCase());
  if (search.count !== undefined) {
    words.push("COUNT", search.count);
    if (search.any) words.push("ANY");
  }
  return words;
}

/** Redis spells infinities its own way. */
function score(value: number): string {
  return value === Infinity ? "+inf" : value === -Infinity ? "-inf" : String(value);
}

function bound(value: number | string): string {
  return typeof value === "number" ? score(value) : value;
}

function entry<S extends RedisString>(reply: RedisReply): RedisStreamEntry<S> {
  const [id, fields] = replies.array(reply);
  return {
    id: replies.text(id ?? null),
    fields: replies.stringPairs<S>(fields ?? null),
  };
}

function entries<S extends RedisString>(reply: RedisReply): RedisStreamEntry<S>[] {
  return replies.arrayOrEmpty(reply).filter((item) => item !== null).map((item) => entry<S>(item));
}

function streamReads<S extends RedisString>(reply: RedisReply): RedisStreamRead<S>[] {
  return replies.pairs(reply).map(([stream, items]) => ({
    stream: replies.string<S>(stream),
    entries: entries<S>(items),
  }));
}

function cursorAndItems(reply: RedisReply): [string, RedisReply[]] {
  const [cursor, items] = replies.array(reply);
  return [replies.text(cursor ?? null), replies.array(items ?? null)];
}

function position(reply: RedisReply): [number, number] | null {
  if (reply === null) return null;
  const [longitude, latitude] = replies.array(reply);
  return [replies.double(longitude ?? null), replies.double(latitude ?? null)];
}

function keyAndValue<S extends RedisString>(reply: RedisReply): { key: S; value: S } | null {
  if (reply === null) return null;
  const [key, value] = replies.array(reply);
  return { key: replies.string<S>(key ?? null), value: replies.string<S>(value ?? null) };
}

function keyAndValues<S extends RedisString>(reply: RedisReply): { key: S; values: S[] } | null {
  if (reply === null) return null;
  const [key, values] = replies.array(reply);
  return { key: replies.string<S>(key ?? null), values: replies.strings<S>(values ?? null) };
}

function keyAndScored<S extends RedisString>(
  reply: RedisReply,
): { key: S; members: RedisScored<S>[] } | null {
  if (reply === null) return null;
  const [key, members] = replies.array(reply);
  return { key: replies.string<S>(key ?? null), members: replies.scored<S>(members ?? null) };
}

function keyAndMember<S extends RedisString>(
  reply: RedisReply,
): { key: S; member: S; score: number } | null {
  if (reply === null) return null;
  const [key, member, value] = replies.array(reply);
  return {
    key: replies.string<S>(key ?? null),
    member: replies.string<S>(member ?? null),
    score: replies.double(value ?? null),
  };
}

function pushSort(
  words: RedisArgument[],
  options: {
    by?: RedisString;
    limit?: readonly [number, number];
    get?: readonly RedisString[];
    order?: "asc" | "desc";
    alpha?: boolean;
  },
): RedisArgument[] {
  if (options.by !== undefined) words.push("BY", options.by);
  if (options.limit !== undefined) words.push("LIMIT", ...options.limit);
  for (const pattern of options.get ?? []) words.push("GET", pattern);
  if (options.order !== undefined) words.push(options.order.toUpperCase());
  if (options.alpha) words.push("ALPHA");
  return words;
}

function pushSet(words: RedisArgument[], options: RedisSetOptions): RedisArgument[] {
  pushExpiry(words, options);
  if (options.keepttl) words.push("KEEPTTL");
  if (options.only !== undefined) words.push(options.only.toUpperCase());
  return words;
}

function pushZadd(
  words: RedisArgument[],
  members: readonly RedisScored<RedisString>[],
  options: RedisZaddOptions,
): RedisArgument[] {
  if (options.only !== undefined) words.push(options.only.toUpperCase());
  if (options.compare !== undefined) words.push(options.compare.toUpperCase());
  if (options.changed) words.push("CH");
  for (const item of members) words.push(score(item.score), item.member);
  return words;
}

function pushXadd(
  words: RedisArgument[],
  fields: RedisFields,
  options: RedisXaddOptions,
): RedisArgument[] {
  if (options.nomkstream) words.push("NOMKSTREAM");
  pushTrim(words, options).push(options.id ?? "*");
  return pushFields(words, fields);
}

function pushStreams(
  words: RedisArgument[],
  streams: Readonly<Record<string, string>> | Iterable<readonly [RedisString, string]>,
  options: RedisXreadOptions & { noack?: boolean },
): RedisArgument[] {
  if (options.count !== undefined) words.push("COUNT", options.count);
  if (options.block !== undefined) words.push("BLOCK", options.block);
  if (options.noack) words.push("NOACK");
  const pairs = Symbol.iterator in streams
    ? [...streams as Iterable<readonly [RedisString, string]>]
    : Object.entries(streams);
  words.push("STREAMS", ...pairs.map(([key]) => key), ...pairs.map(([, id]) => id));
  return words;
}

function pushPending(
  words: RedisArgument[],
  options: {
    start?: string;
    end?: string;
    count: number;
    consumer?: RedisString;
    idleMs?: number;
  },
): RedisArgument[] {
  if (options.idleMs !== undefined) words.push("IDLE", options.idleMs);
  words.push(options.start ?? "-", options.end ?? "+", options.count);
  if (options.consumer !== undefined) words.push(options.consumer);
  return words;
}

function positions(reply: RedisReply): ([number, number] | null)[] {
  return replies.array(reply).map(position);
}

function textsOrNull(reply: RedisReply): (string | null)[] {
  return replies.array(reply).map(replies.textOrNull);
}

function geoFound<S extends RedisString>(reply: RedisReply): RedisGeoFound<S>[] {
  return replies.array(reply).map((item) => {
    const [member, distance, at] = replies.array(item);
    const found = position(at ?? null);
    if (found === null) throw unexpected(item, "a place");
    return {
      member: replies.string<S>(member ?? null),
      distance: replies.double(distance ?? null),
      position: found,
    };
  });
}

function pendingEntries<S extends RedisString>(reply: RedisReply): RedisPendingEntry<S>[] {
  return replies.array(reply).map((item) => {
    const [id, consumer, idle, deliveries] = replies.array(item);
    return {
      id: replies.text(id ?? null),
      consumer: replies.string<S>(consumer ?? null),
      idleMs: replies.integer(idle ?? null),
      deliveries: replies.integer(deliveries ?? null),
    };
  });
}

function autoclaimed<S extends RedisString>(
  reply: RedisReply,
): { next: string; entries: RedisStreamEntry<S>[]; deleted: string[] } {
  const [next, claimed, deleted] = replies.array(reply);
  return {
    next: replies.text(next ?? null),
    entries: entries<S>(claimed ?? null),
    deleted: replies.arrayOrEmpty(deleted ?? null).map(replies.text),
  };
}

function textMaps(reply: RedisReply): Map<string, RedisReply>[] {
  return replies.array(reply).map(replies.textMap);
}

function textTextMap(reply: RedisReply): Map<string, string> {
  return new Map(
    replies.pairs(reply).map(([key, value]) => [replies.text(key), replies.text(value)]),
  );
}

function numsub(reply: RedisReply): Map<string, number> {
  return new Map(
    replies.pairs(reply).map(([key, value]) => [replies.text(key), replies.integer(value)]),
  );
}

function timeOf(reply: RedisReply): number {
  const [seconds, microseconds] = replies.texts(reply);
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}

const NO_OPTIONS: RedisCommandOptions = {};

/**
 * The commands of Redis as methods; the names are Redis' own, in lower case. Subcommands are joined to them
 * (`xgroupCreate`), and where an option changes the kind of the reply it has a method of its own
 * (`lpopMany`, `zrangeWithScores`).
 *
 * Each gives the same value in both protocols. Keys and values may be text or bytes; strings in replies are
 * text, or bytes in a view with {@linkcode RedisCommandOptions.bytes}. Bytes that are no UTF-8 read as U+FFFD
 * in text, so that different keys or members may look the same: ask for bytes where they are not all text.
 * All reject with a `RedisReplyError`
 * when the server answers with an error, a `RedisConnectionError` when there is no connection or it ended,
 * a `RedisTimeoutError` when the reply took too long, and a `RedisProtocolError` for a reply of another
 * kind than the command has, integers beyond 2^53 - 1 among them ({@linkcode RedisCommands.command} gives
 * those as `bigint`). Arguments that are `Uint8Array` must not change before the reply.
 *
 * @example Values of every type
 * ```ts
 * import { RedisServer } from "@groundwork/std/cache/redis";
 * import { RedisClient } from "@groundwork/std/cache/redis_client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await RedisServer.start({ port: 0 });
 * await using redis = await RedisClient.connect({ port: server.port });
 * await redis.rpush("jobs", "first", "second");
 * assertEquals(await redis.lrange("jobs", 0, -1), ["first", "second"]);
 * await redis.zadd("scores", [{ member: "Alice", score: 7 }, { member: "Bob", score: 9 }]);
 * assertEquals(await redis.zrangeWithScores("scores", 0, 0, { reverse: true }), [
 *   { member: "Bob", score: 9 },
 * ]);
 * await redis.xadd("events", { type: "login" }, { id: "1-1" });
 * assertEquals(await redis.xrange("events", "-", "+"), [{ id: "1-1", fields: [["type", "login"]] }]);
 * assertEquals(await Array.fromAsync(redis.scan({ match: "sc*" })), ["scores"]);
 * assertEquals(await redis.command("OBJECT", "HELP") instanceof Array, true);
 * ```
 */
export class RedisCommands<S extends RedisString = string> {
  readonly #executor: RedisExecutor;
  readonly #options: RedisCommandOptions;

  /**
   * The commands on something that runs them.
   *
   * @param executor What runs them.
   * @param options How they are run.
   */
  constructor(executor: RedisExecutor, options: RedisCommandOptions = NO_OPTIONS) {
    this.#executor = executor;
    this.#options = options;
  }

  #run<T>(words: readonly RedisArgument[], decode: (reply: RedisReply) => T): Promise<T> {
    return this.#executor.execute(words, decode, this.#options);
  }

  #block<T>(words: readonly RedisArgument[], decode: (reply: RedisReply) => T): Promise<T> {
    return this.#executor.executeBlocking(words, decode, this.#options);
  }

  /**
   * Runs any command, and gives its reply as the server sent it.
   *
   * @param name The name, such as `"OBJECT"`.
   * @param args The arguments.
   * @throws {RedisUsageError} for commands that change what a connection is (SUBSCRIBE, MULTI, SELECT …).
   */
  command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    const words = [name, ...args];
    return isBlocking(words)
      ? this.#executor.executeBlocking<RedisReply>(words, undefined, this.#options)
      : this.#executor.execute<RedisReply>(words, undefined, this.#options);
  }
  /** Removes keys; gives how many there were. */
  del(...keys: RedisString[]): Promise<number> {
    return this.#run(["DEL", ...keys], replies.integer);
  }

  /** Removes keys, freeing them later; gives how many there were. */
  unlink(...keys: RedisString[]): Promise<number> {
    return this.#run(["UNLINK", ...keys], replies.integer);
  }

  /** How many of the keys are there; one that is named twice counts twice. */
  exists(...keys: RedisString[]): Promise<number> {
    return this.#run(["EXISTS", ...keys], replies.integer);
  }

  /** Marks keys as used; gives how many there are. */
  touch(...keys: RedisString[]): Promise<number> {
    return this.#run(["TOUCH", ...keys], replies.integer);
  }

  /** The type of a value: `string`, `list`, `set`, `zset`, `hash`, `stream` or `none`. */
  type(key: RedisString): Promise<string> {
    return this.#run(["TYPE", key], replies.text);
  }

  /** Renames a key, replacing what is there. */
  rename(key: RedisString, to: RedisString): Promise<void> {
    return this.#run(["RENAME", key, to], replies.nothing);
  }

  /** Renames a key unless the new name is taken; gives whether it did. */
  renamenx(key: RedisString, to: RedisString): Promise<boolean> {
    return this.#run(["RENAMENX", key, to], replies.boolean);
  }

  /** Copies a value; gives whether it did. */
  copy(key: RedisString, to: RedisString, options: { replace?: boolean } = {}): Promise<boolean> {
    return this.#run(["COPY", key, to, ...(options.replace ? ["REPLACE"] : [])], replies.boolean);
  }

  /** All keys that match a glob. Blocks the server; {@linkcode RedisCommands.scan} does not. */
  keys(pattern: RedisString): Promise<S[]> {
    return this.#run(["KEYS", pattern], replies.strings<S>);
  }

  /** Some key. */
  randomkey(): Promise<S | null> {
    return this.#run(["RANDOMKEY"], replies.stringOrNull<S>);
  }

  /** How many keys there are. */
  dbsize(): Promise<number> {
    return this.#run(["DBSIZE"], replies.integer);
  }

  /** Removes all keys of the database. */
  flushdb(): Promise<void> {
    return this.#run(["FLUSHDB"], replies.nothing);
  }

  /** Removes all keys of all databases. */
  flushall(): Promise<void> {
    return this.#run(["FLUSHALL"], replies.nothing);
  }

  /** Sets the time to live in seconds; gives whether it was set. */
  expire(key: RedisString, seconds: number, condition?: RedisExpireCondition): Promise<boolean> {
    return this.#run(["EXPIRE", key, seconds, ...(condition ? [condition] : [])], replies.boolean);
  }

  /** Sets the time to live in milliseconds; gives whether it was set. */
  pexpire(
    key: RedisString,
    milliseconds: number,
    condition?: RedisExpireCondition,
  ): Promise<boolean> {
    return this.#run(
      ["PEXPIRE", key, milliseconds, ...(condition ? [condition] : [])],
      replies.boolean,
    );
  }

  /** Sets when a key expires, in seconds since the epoch; gives whether it was set. */
  expireat(key: RedisString, seconds: number, condition?: RedisExpireCondition): Promise<boolean> {
    return this.#run(
      ["EXPIREAT", key, seconds, ...(condition ? [condition] : [])],
      replies.boolean,
    );
  }

  /** Sets when a key expires, in milliseconds since the epoch; gives whether it was set. */
  pexpireat(
    key: RedisString,
    milliseconds: number,
    condition?: RedisExpireCondition,
  ): Promise<boolean> {
    return this.#run(
      ["PEXPIREAT", key, milliseconds, ...(condition ? [condition] : [])],
      replies.boolean,
    );
  }

  /** Removes the time to live; gives whether there was one. */
  persist(key: RedisString): Promise<boolean> {
    return this.#run(["PERSIST", key], replies.boolean);
  }

  /** Seconds to live; -1 without a limit, -2 without the key. */
  ttl(key: RedisString): Promise<number> {
    return this.#run(["TTL", key], replies.integer);
  }

  /** Milliseconds to live; -1 without a limit, -2 without the key. */
  pttl(key: RedisString): Promise<number> {
    return this.#run(["PTTL", key], replies.integer);
  }

  /** When a key expires in seconds since the epoch; -1 and -2 as in {@linkcode RedisCommands.ttl}. */
  expiretime(key: RedisString): Promise<number> {
    return this.#run(["EXPIRETIME", key], replies.integer);
  }

  /** When a key expires in milliseconds since the epoch; -1 and -2 as in {@linkcode RedisCommands.ttl}. */
  pexpiretime(key: RedisString): Promise<number> {
    return this.#run(["PEXPIRETIME", key], replies.integer);
  }

  /** Writes a value that DUMP gave; a time of 0 means no limit. Use a view with `bytes` to dump. */
  restore(
    key: RedisString,
    ttlMs: number,
    payload: Uint8Array,
    options: { replace?: boolean } = {},
  ): Promise<void> {
    return this.#run(
      ["RESTORE", key, ttlMs, payload, ...(options.replace ? ["REPLACE"] : [])],
      replies.nothing,
    );
  }

  /** A value in the server's own form. Only bytes hold it: use a view with `bytes`. */
  dump(key: RedisString): Promise<S | null> {
    return this.#run(["DUMP", key], replies.stringOrNull<S>);
  }

  /** How the server keeps a value. */
  objectEncoding(key: RedisString): Promise<string | null> {
    return this.#run(["OBJECT", "ENCODING", key], replies.textOrNull);
  }

  /** The elements of a list, set or sorted set in order. */
  sort(
    key: RedisString,
    options: {
      by?: RedisString;
      limit?: readonly [number, number];
      get?: readonly RedisString[];
      order?: "asc" | "desc";
      alpha?: boolean;
    } = {},
  ): Promise<(S | null)[]> {
    return this.#run(pushSort(["SORT", key], options), replies.nullableStrings<S>);
  }

  /** The value of a key. */
  get(key: RedisString): Promise<S | null> {
    return this.#run(["GET", key], replies.stringOrNull<S>);
  }

  /** Writes a value; gives whether it did, which `only` may prevent. */
  set(key: RedisString, value: RedisArgument, options?: RedisSetOptions): Promise<boolean> {
    return this.#run(
      options === undefined ? ["SET", key, value] : pushSet(["SET", key, value], options),
      replies.isOk,
    );
  }

  /** Writes a value and gives the one before. */
  setGet(key: RedisString, value: RedisArgument, options: RedisSetOptions = {}): Promise<S | null> {
    return this.#run([...pushSet(["SET", key, value], options), "GET"], replies.stringOrNull<S>);
  }

  /** Writes a value if there is none; gives whether it did. */
  setnx(key: RedisString, value: RedisArgument): Promise<boolean> {
    return this.#run(["SETNX", key, value], replies.boolean);
  }

  /** Writes a value with a time to live in seconds. */
  setex(key: RedisString, seconds: number, value: RedisArgument): Promise<void> {
    return this.#run(["SETEX", key, seconds, value], replies.nothing);
  }

  /** Writes a value with a time to live in milliseconds. */
  psetex(key: RedisString, milliseconds: number, value: RedisArgument): Promise<void> {
    return this.#run(["PSETEX", key, milliseconds, value], replies.nothing);
  }

  /** Gives a value and removes it. */
  getdel(key: RedisString): Promise<S | null> {
    return this.#run(["GETDEL", key], replies.stringOrNull<S>);
  }

  /** Gives a value and changes its time to live. */
  getex(
    key: RedisString,
    options: RedisExpiryOptions & { persist?: boolean } = {},
  ): Promise<S | null> {
    return this.#run(
      pushExpiry(["GETEX", key, ...(options.persist ? ["PERSIST"] : [])], options),
      replies.stringOrNull<S>,
    );
  }

  /** The values of many keys. */
  mget(...keys: RedisString[]): Promise<(S | null)[]> {
    return this.#run(["MGET", ...keys], replies.nullableStrings<S>);
  }

  /** Writes many values. */
  mset(fields: RedisFields): Promise<void> {
    return this.#run(pushFields(["MSET"], fields), replies.nothing);
  }

  /** Writes many values if none of the keys is there; gives whether it did. */
  msetnx(fields: RedisFields): Promise<boolean> {
    return this.#run(pushFields(["MSETNX"], fields), replies.boolean);
  }

  /** Adds to the end of a value; gives its length in bytes. */
  append(key: RedisString, value: RedisArgument): Promise<number> {
    return this.#run(["APPEND", key, value], replies.integer);
  }

  /** The length of a value in bytes. */
  strlen(key: RedisString): Promise<number> {
    return this.#run(["STRLEN", key], replies.integer);
  }

  /** A part of a value by offsets in bytes, both inclusive; negative ones count from the end. */
  getrange(key: RedisString, start: number, end: number): Promise<S> {
    return this.#run(["GETRANGE", key, start, end], replies.string<S>);
  }

  /** Overwrites a part of a value; gives its length. */
  setrange(key: RedisString, offset: number, value: RedisArgument): Promise<number> {
    return this.#run(["SETRANGE", key, offset, value], replies.integer);
  }

  /** Adds one; gives the sum. */
  incr(key: RedisString): Promise<number> {
    return this.#run(["INCR", key], replies.integer);
  }

  /** Adds an integer; gives the sum. */
  incrby(key: RedisString, by: number | bigint): Promise<number> {
    return this.#run(["INCRBY", key, by], replies.integer);
  }

  /** Adds a number; gives the sum. */
  incrbyfloat(key: RedisString, by: number): Promise<number> {
    return this.#run(["INCRBYFLOAT", key, by], replies.double);
  }

  /** Subtracts one; gives the difference. */
  decr(key: RedisString): Promise<number> {
    return this.#run(["DECR", key], replies.integer);
  }

  /** Subtracts an integer; gives the difference. */
  decrby(key: RedisString, by: number | bigint): Promise<number> {
    return this.#run(["DECRBY", key, by], replies.integer);
  }

  /** The longest common subsequence of two values. */
  lcs(first: RedisString, second: RedisString): Promise<S> {
    return this.#run(["LCS", first, second], replies.string<S>);
  }

  /** One bit. */
  getbit(key: RedisString, offset: number): Promise<number> {
    return this.#run(["GETBIT", key, offset], replies.integer);
  }

  /** Writes one bit; gives the one before. */
  setbit(key: RedisString, offset: number, bit: 0 | 1): Promise<number> {
    return this.#run(["SETBIT", key, offset, bit], replies.integer);
  }

  /** How many bits are set. */
  bitcount(
    key: RedisString,
    range?: readonly [start: number, end: number],
    unit?: "byte" | "bit",
  ): Promise<number> {
    return this.#run([
      "BITCOUNT",
      key,
      ...(range ?? []),
      ...(range && unit ? [unit.toUpperCase()] : []),
    ], replies.integer);
  }

  /** Where the first bit of a kind is, -1 for nowhere. */
  bitpos(
    key: RedisString,
    bit: 0 | 1,
    range: readonly number[] = [],
    unit?: "byte" | "bit",
  ): Promise<number> {
    return this.#run([
      "BITPOS",
      key,
      bit,
      ...range,
      ...(range.length === 2 && unit ? [unit.toUpperCase()] : []),
    ], replies.integer);
  }

  /** Combines values bit by bit; gives the length in bytes. */
  bitop(
    operation: "and" | "or" | "xor" | "not",
    to: RedisString,
    ...keys: RedisString[]
  ): Promise<number> {
    return this.#run(["BITOP", operation.toUpperCase(), to, ...keys], replies.integer);
  }

  /** Reads and writes integers of any width, by `GET u8 0`, `SET i5 #1 9`, `INCRBY`, `OVERFLOW`. */
  bitfield(key: RedisString, ...operations: RedisArgument[]): Promise<(number | null)[]> {
    return this.#run(["BITFIELD", key, ...operations], replies.integersOrNull);
  }

  /** Adds to a HyperLogLog; gives whether the estimate changed. */
  pfadd(key: RedisString, ...elements: RedisArgument[]): Promise<boolean> {
    return this.#run(["PFADD", key, ...elements], replies.boolean);
  }

  /** About how many different elements were added to any of the keys, to 0.81 %. */
  pfcount(...keys: RedisString[]): Promise<number> {
    return this.#run(["PFCOUNT", ...keys], replies.integer);
  }

  /** Merges HyperLogLogs into one. */
  pfmerge(to: RedisString, ...keys: RedisString[]): Promise<void> {
    return this.#run(["PFMERGE", to, ...keys], replies.nothing);
  }

  /** The value of a field. */
  hget(key: RedisString, field: RedisString): Promise<S | null> {
    return this.#run(["HGET", key, field], replies.stringOrNull<S>);
  }

  /** Writes fields; gives how many are new. */
  hset(key: RedisString, fields: RedisFields): Promise<number> {
    return this.#run(pushFields(["HSET", key], fields), replies.integer);
  }

  /** Writes a field if it is absent; gives whether it did. */
  hsetnx(key: RedisString, field: RedisString, value: RedisArgument): Promise<boolean> {
    return this.#run(["HSETNX", key, field, value], replies.boolean);
  }

  /** The values of many fields. */
  hmget(key: RedisString, ...fields: RedisString[]): Promise<(S | null)[]> {
    return this.#run(["HMGET", key, ...fields], replies.nullableStrings<S>);
  }

  /** All fields and values. With bytes the map's keys are bytes: iterate over it. */
  hgetall(key: RedisString): Promise<Map<S, S>> {
    return this.#run(["HGETALL", key], replies.map<S>);
  }

  /** Removes fields; gives how many there were. */
  hdel(key: RedisString, ...fields: RedisString[]): Promise<number> {
    return this.#run(["HDEL", key, ...fields], replies.integer);
  }

  /** Whether a field is there. */
  hexists(key: RedisString, field: RedisString): Promise<boolean> {
    return this.#run(["HEXISTS", key, field], replies.boolean);
  }

  /** How many fields there are. */
  hlen(key: RedisString): Promise<number> {
    return this.#run(["HLEN", key], replies.integer);
  }

  /** The length of a value in bytes. */
  hstrlen(key: RedisString, field: RedisString): Promise<number> {
    return this.#run(["HSTRLEN", key, field], replies.integer);
  }

  /** All fields. */
  hkeys(key: RedisString): Promise<S[]> {
    return this.#run(["HKEYS", key], replies.strings<S>);
  }

  /** All values. */
  hvals(key: RedisString): Promise<S[]> {
    return this.#run(["HVALS", key], replies.strings<S>);
  }

  /** Adds an integer to a field; gives the sum. */
  hincrby(key: RedisString, field: RedisString, by: number | bigint): Promise<number> {
    return this.#run(["HINCRBY", key, field, by], replies.integer);
  }

  /** Adds a number to a field; gives the sum. */
  hincrbyfloat(key: RedisString, field: RedisString, by: number): Promise<number> {
    return this.#run(["HINCRBYFLOAT", key, field, by], replies.double);
  }

  /** Some fields; with a negative count they may repeat. */
  hrandfield(key: RedisString, count: number): Promise<S[]> {
    return this.#run(["HRANDFIELD", key, count], replies.strings<S>);
  }

  /** Some fields and their values; with a negative count they may repeat. */
  hrandfieldWithValues(key: RedisString, count: number): Promise<[S, S][]> {
    return this.#run(["HRANDFIELD", key, count, "WITHVALUES"], replies.stringPairs<S>);
  }

  /** Adds to the head, one after another; gives the length. */
  lpush(key: RedisString, ...values: RedisArgument[]): Promise<number> {
    return this.#run(["LPUSH", key, ...values], replies.integer);
  }

  /** Adds to the tail; gives the length. */
  rpush(key: RedisString, ...values: RedisArgument[]): Promise<number> {
    return this.#run(["RPUSH", key, ...values], replies.integer);
  }

  /** Adds to the head of a list that is there; gives the length. */
  lpushx(key: RedisString, ...values: RedisArgument[]): Promise<number> {
    return this.#run(["LPUSHX", key, ...values], replies.integer);
  }

  /** Adds to the tail of a list that is there; gives the length. */
  rpushx(key: RedisString, ...values: RedisArgument[]): Promise<number> {
    return this.#run(["RPUSHX", key, ...values], replies.integer);
  }

  /** Takes the first element. */
  lpop(key: RedisString): Promise<S | null> {
    return this.#run(["LPOP", key], replies.stringOrNull<S>);
  }

  /** Takes the last element. */
  rpop(key: RedisString): Promise<S | null> {
    return this.#run(["RPOP", key], replies.stringOrNull<S>);
  }

  /** Takes up to so many elements from the head; null without the list. */
  lpopMany(key: RedisString, count: number): Promise<S[] | null> {
    return this.#run(["LPOP", key, count], replies.stringsOrNull<S>);
  }

  /** Takes up to so many elements from the tail; null without the list. */
  rpopMany(key: RedisString, count: number): Promise<S[] | null> {
    return this.#run(["RPOP", key, count], replies.stringsOrNull<S>);
  }

  /** How many elements there are. */
  llen(key: RedisString): Promise<number> {
    return this.#run(["LLEN", key], replies.integer);
  }

  /** Elements by index, both bounds inclusive; negative ones count from the end. */
  lrange(key: RedisString, start: number, stop: number): Promise<S[]> {
    return this.#run(["LRANGE", key, start, stop], replies.strings<S>);
  }

  /** One element. */
  lindex(key: RedisString, index: number): Promise<S | null> {
    return this.#run(["LINDEX", key, index], replies.stringOrNull<S>);
  }

  /** Overwrites one element. */
  lset(key: RedisString, index: number, value: RedisArgument): Promise<void> {
    return this.#run(["LSET", key, index, value], replies.nothing);
  }

  /** Inserts beside an element; gives the length, -1 without the element, 0 without the list. */
  linsert(
    key: RedisString,
    where: "before" | "after",
    pivot: RedisArgument,
    value: RedisArgument,
  ): Promise<number> {
    return this.#run(["LINSERT", key, where.toUpperCase(), pivot, value], replies.integer);
  }

  /** Removes elements that are equal: so many from the head, from the tail (negative), or all (0); gives how many. */
  lrem(key: RedisString, count: number, value: RedisArgument): Promise<number> {
    return this.#run(["LREM", key, count, value], replies.integer);
  }

  /** Keeps only a range. */
  ltrim(key: RedisString, start: number, stop: number): Promise<void> {
    return this.#run(["LTRIM", key, start, stop], replies.nothing);
  }

  /** The index of the first element that is equal. */
  lpos(key: RedisString, value: RedisArgument): Promise<number | null> {
    return this.#run(["LPOS", key, value], replies.integerOrNull);
  }

  /** The indexes of up to so many elements that are equal, 0 for all. */
  lposMany(key: RedisString, value: RedisArgument, count: number): Promise<number[]> {
    return this.#run(["LPOS", key, value, "COUNT", count], replies.integers);
  }

  /** Moves one element between lists, and gives it. */
  lmove(
    from: RedisString,
    to: RedisString,
    take: "left" | "right",
    put: "left" | "right",
  ): Promise<S | null> {
    return this.#run(
      ["LMOVE", from, to, take.toUpperCase(), put.toUpperCase()],
      replies.stringOrNull<S>,
    );
  }

  /** Takes elements of the first list that has any. */
  lmpop(
    keys: readonly RedisString[],
    end: "left" | "right",
    count = 1,
  ): Promise<{ key: S; values: S[] } | null> {
    return this.#run(
      ["LMPOP", keys.length, ...keys, end.toUpperCase(), "COUNT", count],
      keyAndValues<S>,
    );
  }

  /** Takes the first element of the first list that has any; waits for one, 0 forever. */
  blpop(
    keys: readonly RedisString[],
    timeoutSeconds: number,
  ): Promise<{ key: S; value: S } | null> {
    return this.#block(["BLPOP", ...keys, timeoutSeconds], keyAndValue<S>);
  }

  /** Takes the last element of the first list that has any; waits for one, 0 forever. */
  brpop(
    keys: readonly RedisString[],
    timeoutSeconds: number,
  ): Promise<{ key: S; value: S } | null> {
    return this.#block(["BRPOP", ...keys, timeoutSeconds], keyAndValue<S>);
  }

  /** {@linkcode RedisCommands.lmove} that waits for an element, 0 forever. */
  blmove(
    from: RedisString,
    to: RedisString,
    take: "left" | "right",
    put: "left" | "right",
    timeoutSeconds: number,
  ): Promise<S | null> {
    return this.#block(
      ["BLMOVE", from, to, take.toUpperCase(), put.toUpperCase(), timeoutSeconds],
      replies.stringOrNull<S>,
    );
  }

  /** {@linkcode RedisCommands.lmpop} that waits for an element, 0 forever. */
  blmpop(
    timeoutSeconds: number,
    keys: readonly RedisString[],
    end: "left" | "right",
    count = 1,
  ): Promise<{ key: S; values: S[] } | null> {
    return this.#block([
      "BLMPOP",
      timeoutSeconds,
      keys.length,
      ...keys,
      end.toUpperCase(),
      "COUNT",
      count,
    ], keyAndValues<S>);
  }

  /** Adds members; gives how many are new. */
  sadd(key: RedisString, ...members: RedisArgument[]): Promise<number> {
    return this.#run(["SADD", key, ...members], replies.integer);
  }

  /** Removes members; gives how many there were. */
  srem(key: RedisString, ...members: RedisArgument[]): Promise<number> {
    return this.#run(["SREM", key, ...members], replies.integer);
  }

  /** All members. */
  smembers(key: RedisString): Promise<Set<S>> {
    return this.#run(["SMEMBERS", key], replies.set<S>);
  }

  /** Whether it is a member. */
  sismember(key: RedisString, member: RedisArgument): Promise<boolean> {
    return this.#run(["SISMEMBER", key, member], replies.boolean);
  }

  /** Which are members. */
  smismember(key: RedisString, ...members: RedisArgument[]): Promise<boolean[]> {
    return this.#run(["SMISMEMBER", key, ...members], replies.booleans);
  }

  /** How many members there are. */
  scard(key: RedisString): Promise<number> {
    return this.#run(["SCARD", key], replies.integer);
  }

  /** Takes some member. */
  spop(key: RedisString): Promise<S | null> {
    return this.#run(["SPOP", key], replies.stringOrNull<S>);
  }

  /** Takes up to so many members. */
  spopMany(key: RedisString, count: number): Promise<S[]> {
    return this.#run(["SPOP", key, count], replies.strings<S>);
  }

  /** Some member. */
  srandmember(key: RedisString): Promise<S | null> {
    return this.#run(["SRANDMEMBER", key], replies.stringOrNull<S>);
  }

  /** Some members; with a negative count they may repeat. */
  srandmemberMany(key: RedisString, count: number): Promise<S[]> {
    return this.#run(["SRANDMEMBER", key, count], replies.strings<S>);
  }

  /** Moves a member; gives whether it was there. */
  smove(from: RedisString, to: RedisString, member: RedisArgument): Promise<boolean> {
    return this.#run(["SMOVE", from, to, member], replies.boolean);
  }

  /** Members of all sets. */
  sinter(...keys: RedisString[]): Promise<Set<S>> {
    return this.#run(["SINTER", ...keys], replies.set<S>);
  }

  /** Members of all sets, written to a key; gives how many. */
  sinterstore(to: RedisString, ...keys: RedisString[]): Promise<number> {
    return this.#run(["SINTERSTORE", to, ...keys], replies.integer);
  }

  /** Members of any set. */
  sunion(...keys: RedisString[]): Promise<Set<S>> {
    return this.#run(["SUNION", ...keys], replies.set<S>);
  }

  /** Members of any set, written to a key; gives how many. */
  sunionstore(to: RedisString, ...keys: RedisString[]): Promise<number> {
    return this.#run(["SUNIONSTORE", to, ...keys], replies.integer);
  }

  /** Members of the first set and of no other. */
  sdiff(...keys: RedisString[]): Promise<Set<S>> {
    return this.#run(["SDIFF", ...keys], replies.set<S>);
  }

  /** Members of the first set and of no other, written to a key; gives how many. */
  sdiffstore(to: RedisString, ...keys: RedisString[]): Promise<number> {
    return this.#run(["SDIFFSTORE", to, ...keys], replies.integer);
  }

  /** How many members all sets have, counted up to a limit, 0 for none. */
  sintercard(keys: readonly RedisString[], limit = 0): Promise<number> {
    return this.#run(["SINTERCARD", keys.length, ...keys, "LIMIT", limit], replies.integer);
  }

  /** Writes members; gives how many are new. */
  zadd(
    key: RedisString,
    members: readonly RedisScored<RedisString>[],
    options: RedisZaddOptions = {},
  ): Promise<number> {
    return this.#run(pushZadd(["ZADD", key], members, options), replies.integer);
  }

  /** Adds to a score; gives the sum. */
  zincrby(key: RedisString, by: number, member: RedisArgument): Promise<number> {
    return this.#run(["ZINCRBY", key, score(by), member], replies.double);
  }

  /** Removes members; gives how many there were. */
  zrem(key: RedisString, ...members: RedisArgument[]): Promise<number> {
    return this.#run(["ZREM", key, ...members], replies.integer);
  }

  /** The score of a member. */
  zscore(key: RedisString, member: RedisArgument): Promise<number | null> {
    return this.#run(["ZSCORE", key, member], replies.doubleOrNull);
  }

  /** The scores of members. */
  zmscore(key: RedisString, ...members: RedisArgument[]): Promise<(number | null)[]> {
    return this.#run(["ZMSCORE", key, ...members], replies.doublesOrNull);
  }

  /** How many members there are. */
  zcard(key: RedisString): Promise<number> {
    return this.#run(["ZCARD", key], replies.integer);
  }

  /** How many members have scores in a range; `"(5"` excludes the bound. */
  zcount(key: RedisString, min: number | string, max: number | string): Promise<number> {
    return this.#run(["ZCOUNT", key, bound(min), bound(max)], replies.integer);
  }

  /** How many members are in a range, `"[a"`, `"(b"`, `"-"`, `"+"`, where all scores are equal. */
  zlexcount(key: RedisString, min: RedisString, max: RedisString): Promise<number> {
    return this.#run(["ZLEXCOUNT", key, min, max], replies.integer);
  }

  /** Members in a range of ranks, scores (`"(5"` excludes) or members. */
  zrange(
    key: RedisString,
    start: number | string,
    stop: number | string,
    options: RedisRangeOptions = {},
  ): Promise<S[]> {
    return this.#run(
      pushRange(["ZRANGE", key, bound(start), bound(stop)], options),
      replies.strings<S>,
    );
  }

  /** Members in a range, with their scores. */
  zrangeWithScores(
    key: RedisString,
    start: number | string,
    stop: number | string,
    options: RedisRangeOptions = {},
  ): Promise<RedisScored<S>[]> {
    return this.#run([
      ...pushRange(["ZRANGE", key, bound(start), bound(stop)], options),
      "WITHSCORES",
    ], replies.scored<S>);
  }

  /** Members in a range, written to a key; gives how many. */
  zrangestore(
    to: RedisString,
    key: RedisString,
    start: number | string,
    stop: number | string,
    options: RedisRangeOptions = {},
  ): Promise<number> {
    return this.#run(
      pushRange(["ZRANGESTORE", to, key, bound(start), bound(stop)], options),
      replies.integer,
    );
  }

  /** The rank of a member from the lowest score, from 0. */
  zrank(key: RedisString, member: RedisArgument): Promise<number | null> {
    return this.#run(["ZRANK", key, member], replies.integerOrNull);
  }

  /** The rank of a member from the highest score, from 0. */
  zrevrank(key: RedisString, member: RedisArgument): Promise<number | null> {
    return this.#run(["ZREVRANK", key, member], replies.integerOrNull);
  }

  /** Takes the members with the lowest scores. */
  zpopmin(key: RedisString, count = 1): Promise<RedisScored<S>[]> {
    return this.#run(["ZPOPMIN", key, count], replies.scored<S>);
  }

  /** Takes the members with the highest scores. */
  zpopmax(key: RedisString, count = 1): Promise<RedisScored<S>[]> {
    return this.#run(["ZPOPMAX", key, count], replies.scored<S>);
  }

  /** Takes the lowest member of the first sorted set that has any; waits for one, 0 forever. */
  bzpopmin(
    keys: readonly RedisString[],
    timeoutSeconds: number,
  ): Promise<{ key: S; member: S; score: number } | null> {
    return this.#block(["BZPOPMIN", ...keys, timeoutSeconds], keyAndMember<S>);
  }

  /** Takes the highest member of the first sorted set that has any; waits for one, 0 forever. */
  bzpopmax(
    keys: readonly RedisString[],
    timeoutSeconds: number,
  ): Promise<{ key: S; member: S; score: number } | null> {
    return this.#block(["BZPOPMAX", ...keys, timeoutSeconds], keyAndMember<S>);
  }

  /** Takes members of the first sorted set that has any. */
  zmpop(
    keys: readonly RedisString[],
    end: "min" | "max",
    count = 1,
  ): Promise<{ key: S; members: RedisScored<S>[] } | null> {
    return this.#run(
      ["ZMPOP", keys.length, ...keys, end.toUpperCase(), "COUNT", count],
      keyAndScored<S>,
    );
  }

  /** {@linkcode RedisCommands.zmpop} that waits for a member, 0 forever. */
  bzmpop(
    timeoutSeconds: number,
    keys: readonly RedisString[],
    end: "min" | "max",
    count = 1,
  ): Promise<{ key: S; members: RedisScored<S>[] } | null> {
    return this.#block([
      "BZMPOP",
      timeoutSeconds,
      keys.length,
      ...keys,
      end.toUpperCase(),
      "COUNT",
      count,
    ], keyAndScored<S>);
  }

  /** Removes a range of ranks; gives how many. */
  zremrangebyrank(key: RedisString, start: number, stop: number): Promise<number> {
    return this.#run(["ZREMRANGEBYRANK", key, start, stop], replies.integer);
  }

  /** Removes a range of scores; gives how many. */
  zremrangebyscore(key: RedisString, min: number | string, max: number | string): Promise<number> {
    return this.#run(["ZREMRANGEBYSCORE", key, bound(min), bound(max)], replies.integer);
  }

  /** Removes a range of members; gives how many. */
  zremrangebylex(key: RedisString, min: RedisString, max: RedisString): Promise<number> {
    return this.#run(["ZREMRANGEBYLEX", key, min, max], replies.integer);
  }

  /** Some members; with a negative count they may repeat. */
  zrandmember(key: RedisString, count: number): Promise<S[]> {
    return this.#run(["ZRANDMEMBER", key, count], replies.strings<S>);
  }

  /** Members of all sorted sets, with their scores. */
  zinter(
    keys: readonly RedisString[],
    options: RedisCombineOptions = {},
  ): Promise<RedisScored<S>[]> {
    return this.#run(
      [...pushCombine(["ZINTER", keys.length, ...keys], options), "WITHSCORES"],
      replies.scored<S>,
    );
  }

  /** Members of all sorted sets, written to a key; gives how many. */
  zinterstore(
    to: RedisString,
    keys: readonly RedisString[],
    options: RedisCombineOptions = {},
  ): Promise<number> {
    return this.#run(
      pushCombine(["ZINTERSTORE", to, keys.length, ...keys], options),
      replies.integer,
    );
  }

  /** Members of any sorted set, with their scores. */
  zunion(
    keys: readonly RedisString[],
    options: RedisCombineOptions = {},
  ): Promise<RedisScored<S>[]> {
    return this.#run(
      [...pushCombine(["ZUNION", keys.length, ...keys], options), "WITHSCORES"],
      replies.scored<S>,
    );
  }

  /** Members of any sorted set, written to a key; gives how many. */
  zunionstore(
    to: RedisString,
    keys: readonly RedisString[],
    options: RedisCombineOptions = {},
  ): Promise<number> {
    return this.#run(
      pushCombine(["ZUNIONSTORE", to, keys.length, ...keys], options),
      replies.integer,
    );
  }

  /** Members of the first sorted set and of no other, with their scores. */
  zdiff(keys: readonly RedisString[]): Promise<RedisScored<S>[]> {
    return this.#run(["ZDIFF", keys.length, ...keys, "WITHSCORES"], replies.scored<S>);
  }

  /** Members of the first sorted set and of no other, written to a key; gives how many. */
  zdiffstore(to: RedisString, keys: readonly RedisString[]): Promise<number> {
    return this.#run(["ZDIFFSTORE", to, keys.length, ...keys], replies.integer);
  }

  /** How many members all sorted sets have, counted up to a limit, 0 for none. */
  zintercard(keys: readonly RedisString[], limit = 0): Promise<number> {
    return this.#run(["ZINTERCARD", keys.length, ...keys, "LIMIT", limit], replies.integer);
  }

  /** Writes places; gives how many are new. */
  geoadd(
    key: RedisString,
    places: readonly { member: RedisString; longitude: number; latitude: number }[],
  ): Promise<number> {
    return this.#run([
      "GEOADD",
      key,
      ...places.flatMap((at) => [at.longitude, at.latitude, at.member]),
    ], replies.integer);
  }

  /** Where members are, in degrees. */
  geopos(
    key: RedisString,
    ...members: RedisString[]
  ): Promise<([longitude: number, latitude: number] | null)[]> {
    return this.#run(["GEOPOS", key, ...members], positions);
  }

  /** The distance of two members. */
  geodist(
    key: RedisString,
    first: RedisString,
    second: RedisString,
    unit: "m" | "km" | "ft" | "mi" = "m",
  ): Promise<number | null> {
    return this.#run(["GEODIST", key, first, second, unit], replies.doubleOrNull);
  }

  /** The geohashes of members. */
  geohash(key: RedisString, ...members: RedisString[]): Promise<(string | null)[]> {
    return this.#run(["GEOHASH", key, ...members], textsOrNull);
  }

  /** Members in a circle or a box. */
  geosearch(key: RedisString, search: RedisGeoSearch): Promise<RedisGeoFound<S>[]> {
    return this.#run(
      [...pushGeo(["GEOSEARCH", key], search), "WITHDIST", "WITHCOORD"],
      geoFound<S>,
    );
  }

  /** Members in a circle or a box, written to a key; gives how many. */
  geosearchstore(to: RedisString, key: RedisString, search: RedisGeoSearch): Promise<number> {
    return this.#run(pushGeo(["GEOSEARCHSTORE", to, key], search), replies.integer);
  }

  /** Adds an entry; gives its ID, or null when `nomkstream` prevented it. */
  xadd(
    key: RedisString,
    fields: RedisFields,
    options: RedisXaddOptions = {},
  ): Promise<string | null> {
    return this.#run(pushXadd(["XADD", key], fields, options), replies.textOrNull);
  }

  /** How many entries there are. */
  xlen(key: RedisString): Promise<number> {
    return this.#run(["XLEN", key], replies.integer);
  }

  /** Removes entries; gives how many there were. */
  xdel(key: RedisString, ...ids: string[]): Promise<number> {
    return this.#run(["XDEL", key, ...ids], replies.integer);
  }

  /** Removes the oldest entries; gives how many. */
  xtrim(key: RedisString, options: RedisTrimOptions): Promise<number> {
    return this.#run(pushTrim(["XTRIM", key], options), replies.integer);
  }

  /** Entries from one ID to another, `-` and `+` being the ends. */
  xrange(
    key: RedisString,
    start: string,
    end: string,
    count?: number,
  ): Promise<RedisStreamEntry<S>[]> {
    return this.#run(
      ["XRANGE", key, start, end, ...(count === undefined ? [] : ["COUNT", count])],
      entries<S>,
    );
  }

  /** Entries from one ID down to another. */
  xrevrange(
    key: RedisString,
    end: string,
    start: string,
    count?: number,
  ): Promise<RedisStreamEntry<S>[]> {
    return this.#run([
      "XREVRANGE",
      key,
      end,
      start,
      ...(count === undefined ? [] : ["COUNT", count]),
    ], entries<S>);
  }

  /** Makes a consumer group that reads after an ID, `$` being the last. */
  xgroupCreate(
    key: RedisString,
    group: RedisString,
    id: string,
    options: { mkstream?: boolean } = {},
  ): Promise<void> {
    return this.#run([
      "XGROUP",
      "CREATE",
      key,
      group,
      id,
      ...(options.mkstream ? ["MKSTREAM"] : []),
    ], replies.nothing);
  }

  /** Removes a consumer group; gives whether there was one. */
  xgroupDestroy(key: RedisString, group: RedisString): Promise<boolean> {
    return this.#run(["XGROUP", "DESTROY", key, group], replies.boolean);
  }

  /** Moves a consumer group to an ID. */
  xgroupSetid(key: RedisString, group: RedisString, id: string): Promise<void> {
    return this.#run(["XGROUP", "SETID", key, group, id], replies.nothing);
  }

  /** Makes a consumer; gives whether it is new. */
  xgroupCreateconsumer(
    key: RedisString,
    group: RedisString,
    consumer: RedisString,
  ): Promise<boolean> {
    return this.#run(["XGROUP", "CREATECONSUMER", key, group, consumer], replies.boolean);
  }

  /** Removes a consumer; gives how many messages it had pending. */
  xgroupDelconsumer(key: RedisString, group: RedisString, consumer: RedisString): Promise<number> {
    return this.#run(["XGROUP", "DELCONSUMER", key, group, consumer], replies.integer);
  }

  /** Acknowledges messages; gives how many were pending. */
  xack(key: RedisString, group: RedisString, ...ids: string[]): Promise<number> {
    return this.#run(["XACK", key, group, ...ids], replies.integer);
  }

  /** Messages that were delivered and not acknowledged. */
  xpending(
    key: RedisString,
    group: RedisString,
    options: {
      start?: string;
      end?: string;
      count: number;
      consumer?: RedisString;
      idleMs?: number;
    },
  ): Promise<RedisPendingEntry<S>[]> {
    return this.#run(pushPending(["XPENDING", key, group], options), pendingEntries<S>);
  }

  /** Takes over messages that others left for so long. */
  xclaim(
    key: RedisString,
    group: RedisString,
    consumer: RedisString,
    minIdleMs: number,
    ...ids: string[]
  ): Promise<RedisStreamEntry<S>[]> {
    return this.#run(["XCLAIM", key, group, consumer, minIdleMs, ...ids], entries<S>);
  }

  /** Takes over messages from an ID on; `next` is where to go on, `0-0` at the end. */
  xautoclaim(
    key: RedisString,
    group: RedisString,
    consumer: RedisString,
    minIdleMs: number,
    start: string,
    count?: number,
  ): Promise<{ next: string; entries: RedisStreamEntry<S>[]; deleted: string[] }> {
    return this.#run([
      "XAUTOCLAIM",
      key,
      group,
      consumer,
      minIdleMs,
      start,
      ...(count === undefined ? [] : ["COUNT", count]),
    ], autoclaimed<S>);
  }

  /** Facts about a stream. */
  xinfoStream(key: RedisString): Promise<Map<string, RedisReply>> {
    return this.#run(["XINFO", "STREAM", key], replies.textMap);
  }

  /** Facts about consumer groups. */
  xinfoGroups(key: RedisString): Promise<Map<string, RedisReply>[]> {
    return this.#run(["XINFO", "GROUPS", key], textMaps);
  }

  /** Facts about consumers. */
  xinfoConsumers(key: RedisString, group: RedisString): Promise<Map<string, RedisReply>[]> {
    return this.#run(["XINFO", "CONSUMERS", key, group], textMaps);
  }

  /** `PONG`, or the message. */
  ping(message?: RedisString): Promise<S> {
    return this.#run(message === undefined ? ["PING"] : ["PING", message], replies.string<S>);
  }

  /** The message. */
  echo(message: RedisString): Promise<S> {
    return this.#run(["ECHO", message], replies.string<S>);
  }

  /** Sends a message; gives how many clients got it. */
  publish(channel: RedisString, message: RedisArgument): Promise<number> {
    return this.#run(["PUBLISH", channel, message], replies.integer);
  }

  /** Sends a message on a sharded channel; gives how many clients got it. */
  spublish(channel: RedisString, message: RedisArgument): Promise<number> {
    return this.#run(["SPUBLISH", channel, message], replies.integer);
  }

  /** The server's clock in milliseconds since the epoch, with a fraction. */
  time(): Promise<number> {
    return this.#run(["TIME"], timeOf);
  }

  /** What the server says of itself. */
  info(...sections: string[]): Promise<string> {
    return this.#run(["INFO", ...sections], replies.text);
  }

  /** Parameters of the server. */
  configGet(...patterns: string[]): Promise<Map<string, string>> {
    return this.#run(["CONFIG", "GET", ...patterns], textTextMap);
  }

  /** Changes parameters of the server. */
  configSet(fields: Readonly<Record<string, string | number>>): Promise<void> {
    return this.#run(pushFields(["CONFIG", "SET"], fields), replies.nothing);
  }

  /** About how many bytes a key and its value take. */
  memoryUsage(key: RedisString): Promise<number | null> {
    return this.#run(["MEMORY", "USAGE", key], replies.integerOrNull);
  }

  /** Channels that somebody subscribes to. */
  pubsubChannels(pattern: RedisString = "*"): Promise<S[]> {
    return this.#run(["PUBSUB", "CHANNELS", pattern], replies.strings<S>);
  }

  /** How many clients subscribe to each channel. */
  pubsubNumsub(...channels: RedisString[]): Promise<Map<string, number>> {
    return this.#run(["PUBSUB", "NUMSUB", ...channels], numsub);
  }

  /**
   * Waits until so many replicas have what was written before on this connection, at most for a time (0
   * forever); gives how many have. Commands that follow wait behind it.
   */
  waitReplicas(replicas: number, timeoutMs: number): Promise<number> {
    return this.#run(["WAIT", replicas, timeoutMs], replies.integer);
  }

  /**
   * Reads entries after an ID of each stream, `$` being the last and `0` the start; with `block` it waits for
   * one. Gives only streams that have any.
   */
  xread(
    streams: Readonly<Record<string, string>> | Iterable<readonly [RedisString, string]>,
    options: RedisXreadOptions = {},
  ): Promise<RedisStreamRead<S>[]> {
    const words = pushStreams(["XREAD"], streams, options);
    return options.block === undefined
      ? this.#run(words, streamReads<S>)
      : this.#block(words, streamReads<S>);
  }

  /**
   * Reads as a consumer of a group: `>` gives entries that nobody has, an ID those of this consumer that are
   * pending after it.
   */
  xreadgroup(
    group: RedisString,
    consumer: RedisString,
    streams: Readonly<Record<string, string>> | Iterable<readonly [RedisString, string]>,
    options: RedisXreadOptions & { noack?: boolean } = {},
  ): Promise<RedisStreamRead<S>[]> {
    const words = pushStreams(["XREADGROUP", "GROUP", group, consumer], streams, options);
    return options.block === undefined
      ? this.#run(words, streamReads<S>)
      : this.#block(words, streamReads<S>);
  }

  /**
   * All keys, a part at a time. One that is there throughout is given at least once, maybe twice; one
   * that comes or goes meanwhile may be missed.
   */
  async *scan(options: RedisScanOptions & { type?: string } = {}): AsyncGenerator<S, void> {
    const type = options.type === undefined ? [] : ["TYPE", options.type];
    let cursor = "0";
    do {
      const [next, items] = await this.#run(
        pushScan(["SCAN", cursor, ...type], options),
        cursorAndItems,
      );
      for (const item of items) yield replies.string<S>(item);
      cursor = next;
    } while (cursor !== "0");
  }

  /** All fields and values of a hash, a part at a time, as {@linkcode RedisCommands.scan} gives keys. */
  async *hscan(key: RedisString, options: RedisScanOptions = {}): AsyncGenerator<[S, S], void> {
    for await (const items of this.#scanKey("HSCAN", key, options)) {
      yield* replies.stringPairs<S>(items);
    }
  }

  /** All members of a set, a part at a time, as {@linkcode RedisCommands.scan} gives keys. */
  async *sscan(key: RedisString, options: RedisScanOptions = {}): AsyncGenerator<S, void> {
    for await (const items of this.#scanKey("SSCAN", key, options)) {
      yield* replies.strings<S>(items);
    }
  }

  /** All members of a sorted set, a part at a time, as {@linkcode RedisCommands.scan} gives keys. */
  async *zscan(
    key: RedisString,
    options: RedisScanOptions = {},
  ): AsyncGenerator<RedisScored<S>, void> {
    for await (const items of this.#scanKey("ZSCAN", key, options)) yield* replies.scored<S>(items);
  }

  async *#scanKey(
    name: string,
    key: RedisString,
    options: RedisScanOptions,
  ): AsyncGenerator<RedisReply[], void> {
    let cursor = "0";
    do {
      const [next, items] = await this.#run(pushScan([name, key, cursor], options), cursorAndItems);
      yield items;
      cursor = next;
    } while (cursor !== "0");
  }
}
