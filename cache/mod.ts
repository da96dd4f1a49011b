/**
 * Caches: in the process, between processes, and as a server.
 *
 * - {@linkcode LruCache}, {@linkcode SieveCache}, {@linkcode S3FifoCache}, {@linkcode TinyLfuCache},
 *   {@linkcode FifoCache} and {@linkcode LfuCache} hold values in memory, bounded by entries or
 *   bytes, and share one interface, {@linkcode Cache}.
 * - {@linkcode Group} and {@linkcode PeerPool} spread one cache over many processes, after groupcache;
 *   {@linkcode HashRing} is the consistent hashing beneath.
 * - {@linkcode Singleflight} makes concurrent callers share one call.
 *
 * @module
 */
export * from "./cache.ts";
export * from "./bounded_cache.ts";
export * from "./eviction_policy.ts";
export * from "./fifo.ts";
export * from "./group.ts";
export * from "./hash_ring.ts";
export * from "./lfu.ts";
export * from "./lru.ts";
export * from "./peer_error.ts";
export * from "./peer_pool.ts";
export * from "./s3_fifo.ts";
export * from "./sieve.ts";
export * from "./singleflight.ts";
export * from "./tiny_lfu.ts";
