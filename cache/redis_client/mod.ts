/**
 * A client of Redis and its kin, for one server or a cluster.
 *
 * - {@linkcode RedisClient} talks to one server: pipelining without asking, typed commands, transactions,
 *   subscriptions, blocking commands, reconnection without repeated writes.
 * - {@linkcode RedisCluster} talks to a cluster: slots, redirections, replicas, commands split by slot.
 * - {@linkcode RedisCommands} is the table of typed commands; all clients share it.
 *
 * @module
 */
export { RedisCachedReads, type RedisCacheOptions, type RedisCacheStats } from "./cached.ts";
export * from "./client.ts";
export * from "./cluster.ts";
export * from "./commands.ts";
export * from "./errors.ts";
export * from "./multi.ts";
export * from "./options.ts";
export * from "./reply.ts";
export { RedisSession } from "./session.ts";
export {
  type RedisMessage,
  type RedisSubscribeOptions,
  RedisSubscription,
} from "./subscription.ts";
