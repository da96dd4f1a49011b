/** What the client has to know of commands: which only read, which block, where the first key is. */
import type { Words } from "./_encode.ts";

/** Commands that change nothing, so that a lost one is asked again. Source: `COMMAND INFO` of Redis 7.0. */
const READ_ONLY = new Set(
  ("GET MGET STRLEN GETRANGE SUBSTR GETBIT BITCOUNT BITPOS BITFIELD_RO LCS EXISTS TYPE TTL PTTL " +
    "EXPIRETIME PEXPIRETIME KEYS SCAN RANDOMKEY DBSIZE DUMP OBJECT MEMORY SORT_RO HGET HMGET HGETALL " +
    "HKEYS HVALS HLEN HEXISTS HSTRLEN HRANDFIELD HSCAN LLEN LINDEX LRANGE LPOS SCARD SISMEMBER " +
    "SMISMEMBER SMEMBERS SRANDMEMBER SSCAN SINTER SUNION SDIFF SINTERCARD ZCARD ZCOUNT ZLEXCOUNT " +
    "ZRANGE ZRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZRANK ZREVRANK ZSCORE " +
    "ZMSCORE ZRANDMEMBER ZSCAN ZINTER ZUNION ZDIFF ZINTERCARD XLEN XRANGE XREVRANGE XREAD XPENDING " +
    "XINFO GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO PFCOUNT TOUCH " +
    "PING ECHO TIME INFO LASTSAVE COMMAND LOLWUT EVAL_RO EVALSHA_RO FCALL_RO").split(" "),
);

/** Commands that read one key, their first word, and give the same until it changes. */
const CACHEABLE = new Set(
  ("GET STRLEN GETRANGE SUBSTR GETBIT BITCOUNT BITPOS BITFIELD_RO TYPE HGET HMGET HGETALL HKEYS HVALS HLEN " +
    "HEXISTS HSTRLEN LLEN LINDEX LRANGE LPOS SCARD SISMEMBER SMISMEMBER SMEMBERS ZCARD ZCOUNT " +
    "ZLEXCOUNT ZRANGE ZRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZRANK " +
    "ZREVRANK ZSCORE ZMSCORE XLEN XRANGE XREVRANGE GEOPOS GEODIST GEOHASH GEOSEARCH").split(" "),
);

/** Commands that wait for other clients, and so get a connection of their own. */
const BLOCKING = new Set(
  "BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP".split(" "),
);

/** Commands that change what a connection is, with what to use instead. */
const REFUSED = new Map<string, string>([
  ["SUBSCRIBE", "subscribe()"],
  ["PSUBSCRIBE", "psubscribe()"],
  ["SSUBSCRIBE", "ssubscribe()"],
  ["UNSUBSCRIBE", "the subscription's close()"],
  ["PUNSUBSCRIBE", "the subscription's close()"],
  ["SUNSUBSCRIBE", "the subscription's close()"],
  ["MONITOR", "a connection of another tool"],
  ["MULTI", "multi()"],
  ["EXEC", "multi()"],
  ["DISCARD", "multi()"],
  ["WATCH", "session()"],
  ["UNWATCH", "session()"],
  ["HELLO", "the options of connect()"],
  ["AUTH", "the options of connect()"],
  ["SELECT", "the options of connect()"],
  ["RESET", "close()"],
  ["QUIT", "close()"],
  ["SYNC", "a connection of another tool"],
  ["PSYNC", "a connection of another tool"],
  ["ASKING", "RedisCluster"],
]);

/** The name of a command in upper case. */
export function nameOf(words: Words): string {
  return String(words[0]).toUpperCase();
}

function wordAt(words: Words, index: number): string {
  const word = words[index];
  return word === undefined || typeof word === "object" ? "" : String(word).toUpperCase();
}

/** Whether a command changes nothing. */
export function isReadOnly(words: Words): boolean {
  return READ_ONLY.has(nameOf(words));
}

/** Whether a reply may be kept until the command's key changes. */
export function isCacheable(words: Words): boolean {
  return words.length > 1 && CACHEABLE.has(nameOf(words));
}

/** Whether a command may wait for others. */
export function isBlocking(words: Words): boolean {
  const name = nameOf(words);
  if (BLOCKING.has(name)) return true;
  if (name !== "XREAD" && name !== "XREADGROUP") return false;
  for (let i = 1; i < words.length; i++) {
    const word = wordAt(words, i);
    if (word === "BLOCK") return true;
    if (word === "STREAMS") return false;
    if (word === "GROUP") i += 2;
  }
  return false;
}

/** What to use instead of a command that would break a shared connection; undefined when it is fine. */
export function refusal(words: Words): string | undefined {
  const name = nameOf(words);
  if (name !== "CLIENT") return REFUSED.get(name);
  const sub = wordAt(words, 1);
  return sub === "REPLY"
    ? "abort signals"
    : sub === "TRACKING" || sub === "CACHING"
    ? "cached()"
    : undefined;
}

/** Commands without a key. */
const KEYLESS = new Set(
  ("PING ECHO INFO TIME CONFIG CLIENT COMMAND DBSIZE FLUSHALL FLUSHDB KEYS SCAN RANDOMKEY LASTSAVE " +
    "SAVE BGSAVE BGREWRITEAOF SHUTDOWN SLOWLOG LATENCY ACL MODULE SCRIPT FUNCTION PUBLISH CLUSTER " +
    "READONLY READWRITE WAIT WAITAOF ROLE REPLICAOF FAILOVER LOLWUT PUBSUB SWAPDB").split(" "),
);
/** Commands whose second word names a subcommand and whose third is the key. */
const KEY_AT_TWO = new Set("OBJECT MEMORY XGROUP XINFO BITOP DEBUG".split(" "));
/** Commands with a count of keys at 1. */
const COUNT_AT_ONE = new Set(
  "SINTERCARD ZINTER ZUNION ZDIFF ZINTERCARD LMPOP ZMPOP".split(" "),
);
/** Commands with a count of keys at 2. */
const COUNT_AT_TWO = new Set(
  "EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO BLMPOP BZMPOP".split(" "),
);

/** The first key of a command, or undefined when it has none. */
export function firstKey(words: Words): Words[number] | undefined {
  const name = nameOf(words);
  if (KEYLESS.has(name)) return undefined;
  if (KEY_AT_TWO.has(name)) return words[2];
  if (COUNT_AT_ONE.has(name)) return words[2];
  if (COUNT_AT_TWO.has(name)) return Number(words[2]) > 0 ? words[3] : undefined;
  if (name === "XREAD" || name === "XREADGROUP") {
    for (let i = name === "XREAD" ? 1 : 4; i < words.length; i++) {
      if (wordAt(words, i) === "STREAMS") return words[i + 1];
    }
    return undefined;
  }
  if (name === "MIGRATE") {
    for (let i = 6; i < words.length; i++) if (wordAt(words, i) === "KEYS") return words[i + 1];
    return words[3];
  }
  return words[1];
}

/** How long a blocking command may block by its own argument: 0 forever, undefined when it cannot be told. */
export function blockingLimitMs(words: Words): number | undefined {
  const name = nameOf(words);
  let value: number;
  if (name === "BLMPOP" || name === "BZMPOP") value = Number(wordAt(words, 1)) * 1000;
  else if (name === "XREAD" || name === "XREADGROUP") {
    const at = words.findIndex((_, i) => wordAt(words, i) === "BLOCK");
    value = Number(wordAt(words, at + 1));
  } else value = Number(wordAt(words, words.length - 1)) * 1000;
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
