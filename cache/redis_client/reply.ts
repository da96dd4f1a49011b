import type { RedisReplyError } from "./errors.ts";

/** A key, a value or any other argument: text is sent as UTF-8, bytes as they are, numbers in decimal. */
export type RedisArgument = string | Uint8Array | number | bigint;

/** Text or bytes, as the caller asked for. */
export type RedisString = string | Uint8Array;

/**
 * A reply as the server gave it.
 *
 * Integers beyond 2^53 - 1 and big numbers are `bigint`; maps and sets are `Map` and `Set`; both
 * protocols' null is `null`. An error stands for itself only inside an array; alone it rejects.
 */
export type RedisReply =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | null
  | RedisReplyError
  | RedisReply[]
  | Map<RedisReply, RedisReply>
  | Set<RedisReply>;
