/**
 * A Redis-compatible server, and the protocol it speaks.
 *
 * - {@linkcode RedisServer} runs in this process: `await using redis = await RedisServer.start({ port: 0 })`.
 * - {@linkcode RequestParser}, {@linkcode ReplyParser} and {@linkcode encodeRequest} are the protocol.
 *
 * @module
 */
export * from "./resp.ts";
export * from "./server.ts";
