/** Values of replies, the same from both protocols: RESP2 has no maps, sets, doubles and booleans. */
import { unexpected } from "./_command.ts";
import type { RedisReply, RedisString } from "./reply.ts";

const decoder = new TextDecoder();

/** Text, whichever way it was read. */
export function text(reply: RedisReply): string {
  if (typeof reply === "string") return reply;
  if (reply instanceof Uint8Array) return decoder.decode(reply);
  throw unexpected(reply, "a string");
}

/** Text or null. */
export function textOrNull(reply: RedisReply): string | null {
  return reply === null ? null : text(reply);
}

/** Nothing: the reply is OK. */
export function nothing(_reply: RedisReply): void {}

/** Whether the reply is OK rather than null. */
export function isOk(reply: RedisReply): boolean {
  return reply !== null;
}

/** A count or another integer that a number holds. */
export function integer(reply: RedisReply): number {
  if (typeof reply === "number") return reply;
  throw unexpected(reply, "an integer up to 2^53 - 1");
}

/** An integer or null. */
export function integerOrNull(reply: RedisReply): number | null {
  return reply === null ? null : integer(reply);
}

/** A double; RESP2 sends it as text. */
export function double(reply: RedisReply): number {
  if (typeof reply === "number") return reply;
  const value = text(reply);
  if (/^[+-]?inf/.test(value)) return value[0] === "-" ? -Infinity : Infinity;
  if (value === "" || (Number.isNaN(Number(value)) && !/^-?nan$/.test(value))) {
    throw unexpected(reply, "a number");
  }
  return Number(value);
}

/** A double or null. */
export function doubleOrNull(reply: RedisReply): number | null {
  return reply === null ? null : double(reply);
}

/** A boolean; RESP2 sends 1 and 0. */
export function boolean(reply: RedisReply): boolean {
  if (reply === 1 || reply === true) return true;
  if (reply === 0 || reply === false) return false;
  throw unexpected(reply, "a boolean");
}

/** The elements of an array or a set. */
export function array(reply: RedisReply): RedisReply[] {
  if (Array.isArray(reply)) return reply;
  if (reply instanceof Set) return [...reply];
  throw unexpected(reply, "an array");
}

/** The elements of an array, null standing for none. */
export function arrayOrEmpty(reply: RedisReply): RedisReply[] {
  return reply === null ? [] : array(reply);
}

/** Booleans. */
export function booleans(reply: RedisReply): boolean[] {
  return array(reply).map(boolean);
}

/** Integers. */
export function integers(reply: RedisReply): number[] {
  return array(reply).map(integer);
}

/** Integers or null each. */
export function integersOrNull(reply: RedisReply): (number | null)[] {
  return array(reply).map(integerOrNull);
}

/** Doubles or null each. */
export function doublesOrNull(reply: RedisReply): (number | null)[] {
  return array(reply).map(doubleOrNull);
}

/** Texts. */
export function texts(reply: RedisReply): string[] {
  return array(reply).map(text);
}

/** A string as the caller asked for it. */
export function string<S extends RedisString>(reply: RedisReply): S {
  if (typeof reply === "string" || reply instanceof Uint8Array) return reply as S;
  throw unexpected(reply, "a string");
}

/** A string or null. */
export function stringOrNull<S extends RedisString>(reply: RedisReply): S | null {
  if (typeof reply === "string" || reply === null || reply instanceof Uint8Array) {
    return reply as S | null;
  }
  throw unexpected(reply, "a string");
}

/** Strings. */
export function strings<S extends RedisString>(reply: RedisReply): S[] {
  const items = array(reply);
  for (const item of items) string(item);
  return items as S[];
}

/** Strings, null standing for none. */
export function stringsOrNull<S extends RedisString>(reply: RedisReply): S[] | null {
  return reply === null ? null : strings<S>(reply);
}

/** Strings or null each. */
export function nullableStrings<S extends RedisString>(reply: RedisReply): (S | null)[] {
  const items = array(reply);
  for (const item of items) stringOrNull(item);
  return items as (S | null)[];
}

/** A set of strings. */
export function set<S extends RedisString>(reply: RedisReply): Set<S> {
  if (reply instanceof Set) {
    for (const item of reply) string(item);
    return reply as Set<S>;
  }
  return new Set(strings<S>(reply));
}

/** Pairs: of a map, of an array of pairs, or of an array where key and value alternate. */
export function pairs(reply: RedisReply): [RedisReply, RedisReply][] {
  if (reply instanceof Map) return [...reply];
  const items = arrayOrEmpty(reply);
  if (items.length > 0 && Array.isArray(items[0])) {
    return items.map((item) => {
      const pair = array(item);
      if (pair.length !== 2) throw unexpected(reply, "pairs");
      return pair as [RedisReply, RedisReply];
    });
  }
  if (items.length % 2 !== 0) throw unexpected(reply, "pairs");
  const found: [RedisReply, RedisReply][] = [];
  for (let i = 0; i < items.length; i += 2) found.push([items[i]!, items[i + 1]!]);
  return found;
}

/** A map of strings to strings. */
export function map<S extends RedisString>(reply: RedisReply): Map<S, S> {
  if (reply instanceof Map) {
    for (const [key, value] of reply) {
      string(key);
      string(value);
    }
    return reply as Map<S, S>;
  }
  return new Map(pairs(reply).map(([key, value]) => [string<S>(key), string<S>(value)]));
}

/** Pairs of strings. */
export function stringPairs<S extends RedisString>(reply: RedisReply): [S, S][] {
  return pairs(reply).map(([key, value]) => [string<S>(key), string<S>(value)]);
}

/** A tree of maps by text, from maps or from arrays where key and value alternate: INFO-like replies. */
export function textMap(reply: RedisReply): Map<string, RedisReply> {
  return new Map(pairs(reply).map(([key, value]) => [text(key), value]));
}

/** Members with their scores. */
export function scored<S extends RedisString>(
  reply: RedisReply,
): { member: S; score: number }[] {
  return pairs(reply).map(([member, score]) => ({
    member: string<S>(member),
    score: double(score),
  }));
}
