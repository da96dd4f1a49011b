import { LruCache } from "./lru.ts";
import { PeerError } from "./peer_error.ts";
import { Singleflight } from "./singleflight.ts";

/** The most bytes a key may have as UTF-8. */
export const MAX_KEY_BYTES = 2_048;

const DEFAULT_HOT_QPS = 10;
const DEFAULT_HOT_TTL_MS = 10_000;
/** The share of a group's memory that copies of other peers' hot keys may have. */
const HOT_SHARE = 1 / 8;
/** Keys whose request rate is followed. */
const RATED_KEYS = 4_096;
/** The time over which a rate is averaged. */
const RATE_WINDOW_MS = 60_000;

/** A value as a loader returns it when it does not hold for ever. */
export interface ExpiringValue {
  /** The bytes. */
  value: Uint8Array<ArrayBuffer>;
  /** When it is out of date, in milliseconds since the epoch. */
  expiresAtMs: number;
}

/** Makes the value of a key; called by the peer that owns the key, or by any when that peer fails. */
export type GroupLoader = (
  key: string,
  signal: AbortSignal,
) => Promise<Uint8Array<ArrayBuffer> | ExpiringValue>;

/** What a group is made of. */
export interface GroupOptions {
  /** The same on every peer; part of the URL. Not empty. */
  name: string;
  /** Bytes of keys and values that this process may hold for the group. */
  maxBytes: number;
  /** Makes a value that no peer holds. */
  load: GroupLoader;
  /**
   * Requests for a key per second at its owner from which on other peers keep a copy of their own.
   *
   * @default {10}
   */
  hotQps?: number;
  /**
   * How long such a copy, or a value loaded for a peer that failed, is kept at most, in
   * milliseconds. It bounds how long a copy outlives a removal that did not reach this peer.
   *
   * @default {10000}
   */
  hotTtlMs?: number;
}

/** What a peer answers, with what the group needs to keep it. */
export interface PeerValue {
  /** The bytes. */
  value: Uint8Array<ArrayBuffer>;
  /** Requests for the key at its owner, per second, over about the last minute. */
  minuteQps: number;
  /** When it is out of date, in milliseconds since the epoch; `Infinity` for never. */
  expiresAtMs: number;
}

/** Where a group finds the owners of its keys; {@linkcode PeerPool} is one over HTTP. */
export interface PeerDirectory {
  /** Returns the peer that owns the key, `undefined` where it is this process or the peer is down. */
  pick(key: string): Peer | undefined;
  /** All other peers that may hold copies. */
  others(): Iterable<Peer>;
}

/** Another process that holds a part of the group. */
export interface Peer {
  /** Asks the peer for a value. */
  get(group: string, key: string, signal: AbortSignal): Promise<PeerValue>;
  /** Makes the peer drop what it holds under the key. */
  remove(group: string, key: string): Promise<void>;
}

/** Counters of a group since it was made. */
export interface GroupStats {
  /** Calls of `get()`. */
  gets: number;
  /** Those answered from this process's memory. */
  hits: number;
  /** Values that came from a peer. */
  peerLoads: number;
  /** Peers that failed, so that the value was loaded here. */
  peerErrors: number;
  /** Values loaded here. */
  localLoads: number;
  /** Loads here that failed. */
  localLoadErrors: number;
  /** Requests that came from peers. */
  peerRequests: number;
  /** Bytes held as owner. */
  mainBytes: number;
  /** Bytes held as copies of other peers' hot keys. */
  hotBytes: number;
}

interface Entry {
  value: Uint8Array<ArrayBuffer>;
  expiresAtMs: number;
}

/** A rate that fades: each request adds one, and the sum halves about every 40 seconds. */
interface Rate {
  sum: number;
  atMs: number;
}

const encoder = new TextEncoder();

/**
 * A cache that many processes fill together: each key has one owner among the peers, only the
 * owner loads it, and concurrent requests for it share one load. A request that finds its owner
 * down loads the value here instead. Values don't change in place: give a changed value another key,
 * let it expire, or {@linkcode Group.remove} it everywhere.
 *
 * After Go's groupcache, with mailgun's expiry and removal.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Group } from "@groundwork/std/cache";
 *
 * const squares = new Group({
 *   name: "squares",
 *   maxBytes: 1_000_000,
 *   load: (key) => Promise.resolve(new TextEncoder().encode(String(Number(key) ** 2))),
 * });
 * assertEquals(new TextDecoder().decode(await squares.get("12")), "144");
 * ```
 */
export class Group {
  /** The name, the same on every peer. */
  readonly name: string;
  readonly #options: Required<GroupOptions>;
  readonly #main: LruCache<string, Entry>;
  readonly #hot: LruCache<string, Entry>;
  readonly #rates = new LruCache<string, Rate>({ maxEntries: RATED_KEYS });
  readonly #flights = new Singleflight<string, Uint8Array<ArrayBuffer>>();
  readonly #ownFlights = new Singleflight<string, Entry>();
  #peers: PeerDirectory | undefined;
  #gets = 0;
  #hits = 0;
  #peerLoads = 0;
  #peerErrors = 0;
  #localLoads = 0;
  #localLoadErrors = 0;
  #peerRequests = 0;

  /**
   * Makes an empty group without peers.
   *
   * @throws {RangeError} If the name is empty or `maxBytes` is not positive.
   */
  constructor(options: GroupOptions) {
    if (options.name === "") throw new RangeError("A group's name must not be empty");
    this.name = options.name;
    this.#options = { hotQps: DEFAULT_HOT_QPS, hotTtlMs: DEFAULT_HOT_TTL_MS, ...options };
    const sizeOf = (entry: Entry, key: string) => entry.value.length + key.length;
    const hotBytes = options.maxBytes * HOT_SHARE;
    this.#main = new LruCache({ maxBytes: options.maxBytes - hotBytes, sizeOf });
    this.#hot = new LruCache({ maxBytes: hotBytes, sizeOf });
  }

  /** Connects the group with its peers; {@linkcode PeerPool.register} does it. */
  connect(peers: PeerDirectory): void {
    this.#peers = peers;
  }

  /**
   * Returns the value from memory, from the key's owner, or from the loader.
   *
   * @param signal Ends this caller's wait; a load goes on as long as somebody waits for it.
   * @returns The bytes. They are shared: don't change them.
   * @throws {PeerError} With code `limit` if the key is longer than {@linkcode MAX_KEY_BYTES}.
   * Anything else is what the loader threw.
   */
  async get(key: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkKey(key);
    this.#gets++;
    const entry = this.#held(key);
    if (entry !== undefined) {
      this.#hits++;
      this.#countRequest(key);
      return entry.value;
    }
    return await this.#flights.run(key, async (flight) => {
      const peer = this.#peers?.pick(key);
      if (peer !== undefined) {
        try {
          const answer = await peer.get(this.name, key, flight.signal);
          this.#peerLoads++;
          if (!flight.forgotten && answer.minuteQps >= this.#options.hotQps) {
            this.#keepCopy(key, answer);
          }
          return answer.value;
        } catch (error) {
          if (flight.signal.aborted) throw error;
          this.#peerErrors++;
          const loaded = await this.#load(key, flight.signal);
          if (!flight.forgotten) this.#keepCopy(key, loaded);
          return loaded.value;
        }
      }
      this.#countRequest(key);
      return (await this.#loadOwned(key, flight.signal)).value;
    }, signal);
  }

  /**
   * Answers a peer that holds this process for the owner: never asks another peer, so that two
   * processes whose lists of peers differ cannot send a request round in circles.
   *
   * @throws As {@linkcode Group.get}.
   */
  async getForPeer(key: string, signal?: AbortSignal): Promise<PeerValue> {
    checkKey(key);
    this.#peerRequests++;
    const minuteQps = this.#countRequest(key);
    const entry = this.#held(key) ?? await this.#loadOwned(key, signal);
    return { ...entry, minuteQps };
  }

  /**
   * Drops a key here, at its owner and at every other peer; loads that are under way here are not
   * stored.
   *
   * @throws {AggregateError} If peers could not be told; each copy then ends with its time.
   */
  async remove(key: string): Promise<void> {
    this.removeLocally(key);
    const peers = [...(this.#peers?.others() ?? [])];
    const results = await Promise.allSettled(peers.map((peer) => peer.remove(this.name, key)));
    const errors = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
    if (errors.length > 0) {
      throw new AggregateError(errors, `Cannot remove a key at ${errors.length} of its peers`);
    }
  }

  /** Drops a key in this process only; what a peer's removal calls. */
  removeLocally(key: string): void {
    this.#flights.forget(key);
    this.#ownFlights.forget(key);
    this.#main.delete(key);
    this.#hot.delete(key);
  }

  /** The counters so far. */
  stats(): GroupStats {
    return {
      gets: this.#gets,
      hits: this.#hits,
      peerLoads: this.#peerLoads,
      peerErrors: this.#peerErrors,
      localLoads: this.#localLoads,
      localLoadErrors: this.#localLoadErrors,
      peerRequests: this.#peerRequests,
      mainBytes: this.#main.sizeBytes,
      hotBytes: this.#hot.sizeBytes,
    };
  }

  #held(key: string): Entry | undefined {
    const entry = this.#main.get(key) ?? this.#hot.get(key);
    if (entry === undefined || entry.expiresAtMs > Date.now()) return entry;
    this.#main.delete(key);
    this.#hot.delete(key);
    return undefined;
  }

  /** Loads as the owner: kept in the main cache, shared by local callers and peers. */
  #loadOwned(key: string, signal: AbortSignal | undefined): Promise<Entry> {
    return this.#ownFlights.run(key, async (flight) => {
      // Another flight may have ended between the caller's look and this one's start.
      const held = this.#held(key);
      if (held !== undefined) return held;
      const entry = await this.#load(key, flight.signal);
      if (!flight.forgotten) this.#main.set(key, entry);
      return entry;
    }, signal);
  }

  async #load(key: string, signal: AbortSignal): Promise<Entry> {
    try {
      const loaded = await this.#options.load(key, signal);
      this.#localLoads++;
      return loaded instanceof Uint8Array ? { value: loaded, expiresAtMs: Infinity } : loaded;
    } catch (error) {
      this.#localLoadErrors++;
      throw error;
    }
  }

  #keepCopy(key: string, { value, expiresAtMs }: Entry): void {
    const copyEndsMs = Date.now() + this.#options.hotTtlMs;
    this.#hot.set(key, { value, expiresAtMs: Math.min(expiresAtMs, copyEndsMs) });
  }

  /** Counts a request and returns the key's rate per second. */
  #countRequest(key: string): number {
    const nowMs = performance.now();
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      rate = { sum: 0, atMs: nowMs };
      this.#rates.set(key, rate);
    }
    rate.sum = rate.sum * Math.exp((rate.atMs - nowMs) / RATE_WINDOW_MS) + 1;
    rate.atMs = nowMs;
    return rate.sum / (RATE_WINDOW_MS / 1_000);
  }
}

function checkKey(key: string): void {
  if (key.length * 3 <= MAX_KEY_BYTES || encoder.encode(key).length <= MAX_KEY_BYTES) return;
  throw new PeerError("limit", `A key may have ${MAX_KEY_BYTES} bytes: this one has more`);
}
