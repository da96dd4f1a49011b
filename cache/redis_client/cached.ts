import { checkCommand, execute } from "./_core.ts";
import type { Decode, Pending } from "./_command.ts";
import { isCacheable, isReadOnly } from "./_command_table.ts";
import type { Words } from "./_encode.ts";
import { Link } from "./_link.ts";
import type { Settings } from "./_settings.ts";
import { type RedisCommandOptions, RedisCommands, type RedisExecutor } from "./commands.ts";
import { RedisReplyError, RedisUsageError } from "./errors.ts";
import type { RedisReply } from "./reply.ts";

/** How {@linkcode RedisClient.cached} caches. */
export interface RedisCacheOptions {
  /** How many replies are kept; the one that was used least recently goes first. Default 10,000. */
  maxEntries?: number;
  /** Replies of more elements, or longer strings, are not kept. Default 65,536. */
  maxReplySize?: number;
}

/** What a cache has done. */
export interface RedisCacheStats {
  /** Reads that were answered from memory. */
  hits: number;
  /** Reads that went to the server. */
  misses: number;
  /** Keys that the server said have changed. */
  invalidations: number;
  /** Replies that are kept. */
  entries: number;
}

interface Entry {
  key: string;
  reply: RedisReply;
}

/** A key as the server names it in invalidations, which are read as bytes. */
function keyOf(key: RedisReply | Words[number] | undefined): string {
  const bytes = key instanceof Uint8Array ? key : new TextEncoder().encode(String(key));
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A copy that its caller may change. */
function copyOf(reply: RedisReply): RedisReply {
  return reply === null || typeof reply !== "object" ? reply : structuredClone(reply);
}

function sizeOf(reply: RedisReply): number {
  if (typeof reply === "string" || reply instanceof Uint8Array) return reply.length;
  if (Array.isArray(reply)) return reply.reduce<number>((sum, item) => sum + 1 + sizeOf(item), 0);
  if (reply instanceof Map) {
    let sum = 0;
    for (const [key, value] of reply) sum += sizeOf(key) + sizeOf(value);
    return sum;
  }
  if (reply instanceof Set) {
    let sum = 0;
    for (const item of reply) sum += 1 + sizeOf(item);
    return sum;
  }
  return 1;
}

/**
 * Runs commands on a connection that tracks what it has read.
 *
 * Replies and invalidations come in one order on one connection, so a reply is kept the moment it is read,
 * and an invalidation that follows removes it.
 */
class CachingExecutor implements RedisExecutor {
  readonly #link: Link;
  readonly #blocking: RedisExecutor;
  readonly #maxEntries: number;
  readonly #maxReplySize: number;
  /** By request; the order is that of use. */
  readonly #entries = new Map<string, Entry>();
  /** The requests that depend on a key. */
  readonly #byKey = new Map<string, Set<string>>();
  readonly stats = { hits: 0, misses: 0, invalidations: 0 };
  readonly #send = (command: Pending): void => this.#link.execute(command);

  constructor(settings: Settings, options: RedisCacheOptions, blocking: RedisExecutor) {
    this.#maxEntries = options.maxEntries ?? 10_000;
    this.#maxReplySize = options.maxReplySize ?? 65_536;
    this.#blocking = blocking;
    const link = new Link({
      ...settings,
      protocol: 3,
      greeting: [["CLIENT", "TRACKING", "ON"]],
      onState: undefined,
    });
    link.onConnect = (connection) => connection.pushBytes = true;
    link.onPush = (items) => this.#invalidate(items);
    // What changed while there was no connection was told to nobody.
    link.onLost = () => this.clear();
    this.#link = link;
  }

  get size(): number {
    return this.#entries.size;
  }

  async open(): Promise<void> {
    await this.#link.open();
    if (this.#link.connection?.protocol === 3) return;
    await this.#link.destroy();
    throw new RedisUsageError("Cannot cache: the server does not speak RESP3");
  }

  close(): Promise<void> {
    this.clear();
    return this.#link.close();
  }

  clear(): void {
    this.#entries.clear();
    this.#byKey.clear();
  }

  #invalidate(items: RedisReply[] | RedisReplyError): void {
    if (items instanceof RedisReplyError || keyOf(items[0]) !== "invalidate") return;
    const keys = items[1];
    if (!Array.isArray(keys)) return this.clear();
    for (const key of keys) {
      this.stats.invalidations++;
      this.#remove(keyOf(key));
    }
  }

  #remove(key: string): void {
    const requests = this.#byKey.get(key);
    if (requests === undefined) return;
    this.#byKey.delete(key);
    for (const request of requests) this.#entries.delete(request);
  }

  #keep(request: string, key: string, reply: RedisReply): void {
    if (reply instanceof RedisReplyError || sizeOf(reply) > this.#maxReplySize) return;
    this.#entries.set(request, { key, reply: copyOf(reply) });
    const requests = this.#byKey.get(key);
    if (requests === undefined) this.#byKey.set(key, new Set([request]));
    else requests.add(request);
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest, { key: oldKey }] = this.#entries.entries().next().value!;
    this.#entries.delete(oldest);
    const rest = this.#byKey.get(oldKey)!;
    rest.delete(oldest);
    if (rest.size === 0) this.#byKey.delete(oldKey);
  }

  execute<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    const finish = (reply: RedisReply): T => decode === undefined ? reply as T : decode(reply);
    if (isCacheable(words)) {
      const request = (options.bytes ? "b" : "t") + words.map((word) => {
        const text = keyOf(word);
        return `${text.length}:${text}`;
      }).join("");
      const entry = this.#entries.get(request);
      if (entry !== undefined) {
        this.stats.hits++;
        this.#entries.delete(request);
        this.#entries.set(request, entry);
        return new Promise((resolve) => resolve(finish(copyOf(entry.reply))));
      }
      this.stats.misses++;
      const key = keyOf(words[1]);
      return execute(
        words,
        (reply) => {
          this.#keep(request, key, reply);
          return finish(reply);
        },
        options,
        this.#send,
      );
    }
    try {
      if (decode === undefined) checkCommand(words);
    } catch (error) {
      return Promise.reject(error);
    }
    if (isReadOnly(words)) return execute(words, decode, options, this.#send);
    // Whoever writes here reads what was written, even before the invalidation arrives: any word may be a key.
    const forget = (): void => {
      for (let i = 1; i < words.length && this.#byKey.size > 0; i++) this.#remove(keyOf(words[i]));
    };
    return execute(
      words,
      (reply) => {
        forget();
        return finish(reply);
      },
      options,
      this.#send,
    );
  }

  executeBlocking<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    return this.#blocking.executeBlocking(words, decode, options);
  }
}

/** Makes a cache, and connects it. */
export let createCachedReads: (
  settings: Settings,
  options: RedisCacheOptions,
  blocking: RedisExecutor,
) => Promise<RedisCachedReads>;

/**
 * The commands of a client, with replies to reads kept in memory until the server says that their key has
 * changed (client-side caching, `CLIENT TRACKING`).
 *
 * Reads of one key are kept; everything else goes to the server. Others' writes are seen once their
 * invalidation has arrived, as a rule within a round trip; after a connection that died silently that is when
 * the loss is noticed, twice `keepAliveMs` at most. Writes made here are seen here at once.
 */
export class RedisCachedReads extends RedisCommands<string> implements AsyncDisposable {
  readonly #executor: CachingExecutor;
  /** The same commands, whose replies' strings are `Uint8Array`. */
  readonly bytes: RedisCommands<Uint8Array>;

  static {
    createCachedReads = async (settings, options, blocking) => {
      const executor = new CachingExecutor(settings, options, blocking);
      await executor.open();
      return new RedisCachedReads(executor);
    };
  }

  private constructor(executor: CachingExecutor) {
    super(executor);
    this.#executor = executor;
    this.bytes = new RedisCommands<Uint8Array>(executor, { bytes: true });
  }

  /** What the cache has done. */
  get stats(): RedisCacheStats {
    return { ...this.#executor.stats, entries: this.#executor.size };
  }

  /** Forgets all replies. */
  clear(): void {
    this.#executor.clear();
  }

  /** Ends the connection that tracks. */
  close(): Promise<void> {
    return this.#executor.close();
  }

  /** Same as {@linkcode RedisCachedReads.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
