/** One numbered database: keys, expiry, and the hooks that every change passes through. */
import { Dict } from "./_dict.ts";
import type { Client } from "./_client.ts";
import type { Engine } from "./_engine.ts";
import {
  BytesValue,
  HashValue,
  ListValue,
  SetValue,
  StreamValue,
  type Value,
  WRONG_TYPE,
  ZSetValue,
} from "./_values.ts";

/** Estimated bytes that a key costs beside its characters and its value. */
export const KEY_OVERHEAD = 80;
/** Estimated bytes that an expiry costs. */
const EXPIRE_OVERHEAD = 64;

/** Estimated bytes of a value. */
export function sizeOfValue(value: Value): number {
  return typeof value === "string" ? value.length + 24 : value.bytes;
}

/** A point-in-time walk over one database; told of every change before it happens. */
export interface SnapshotObserver {
  /** A key is about to change or go. */
  beforeWrite(db: Db, key: string): void;
  /** A new key was added at this position. */
  added(db: Db, key: string, at: number): void;
  /** The last entry was moved to this position, into the hole that a removal left. */
  moved(db: Db, key: string, at: number): void;
  /** Everything is about to go; the tables may be kept by the observer. */
  beforeClear(db: Db): void;
}

/** One numbered database. */
export class Db {
  /** Keys and values. */
  dict: Dict<Value> = new Dict<Value>(true);
  /** Expiry of keys that have one, epoch milliseconds. */
  expires: Dict<number> = new Dict<number>();
  /** Clients that wait for a key, in order of arrival. */
  readonly blocked: Map<string, Set<Client>> = new Map<string, Set<Client>>();
  /** Clients that watch a key. */
  readonly watched: Map<string, Set<Client>> = new Map<string, Set<Client>>();
  /** Estimated bytes of all keys. */
  bytes = 0;
  /** Average time to live, as sampled by the expiry cycle. */
  averageTtl = 0;

  /**
   * @param engine The server's state.
   * @param index The number.
   */
  constructor(readonly engine: Engine, public index: number) {}

  /** Number of keys. */
  get size(): number {
    return this.dict.size;
  }

  /** Whether a key has an expiry that has passed. */
  isExpired(key: string): boolean {
    if (this.expires.size === 0) return false;
    const at = this.expires.get(key);
    return at !== undefined && at <= this.engine.now && !this.engine.loading;
  }

  /** Deletes a key when its time has passed; true when it did. */
  expireIfNeeded(key: string): boolean {
    if (this.expires.size === 0 || !this.isExpired(key)) return false;
    if (this.engine.pausedWrites) return true;
    this.expireNow(key);
    return true;
  }

  /** Deletes a key whose time has passed, tells everybody. */
  expireNow(key: string): void {
    this.remove(key);
    this.engine.stats.expiredKeys++;
    this.engine.alsoPropagate(this.index, [this.engine.expiryDeletion, key]);
    this.engine.notify("x", "expired", key, this.index);
    this.changed(key);
  }

  /** The value of a live key for reading, with hit statistics. */
  read(key: string): Value | undefined {
    const at = this.dict.find(key);
    const stats = this.engine.stats;
    if (at < 0 || (this.expires.size > 0 && this.expireIfNeeded(key))) {
      stats.keyspaceMisses++;
      if (this.engine.notifyFlags !== 0) this.engine.notify("m", "keymiss", key, this.index);
      return undefined;
    }
    stats.keyspaceHits++;
    this.engine.touchAccess(this.dict, at);
    return this.dict.values[at];
  }

  /** The value of a live key without statistics or access time. */
  peek(key: string): Value | undefined {
    if (this.expires.size > 0 && this.expireIfNeeded(key)) return undefined;
    return this.dict.get(key);
  }

  /** The value of a live key, about to be changed in place. */
  write(key: string): Value | undefined {
    if (this.expires.size > 0 && this.expireIfNeeded(key)) return undefined;
    const at = this.dict.find(key);
    if (at < 0) return undefined;
    if (this.engine.snapshot !== null) this.engine.snapshot.beforeWrite(this, key);
    this.engine.touchAccess(this.dict, at);
    return this.dict.values[at];
  }

  /** Sets a key; its expiry goes unless it is to be kept. */
  put(key: string, value: Value, keepExpiry = false): void {
    const { dict, engine } = this;
    const at = dict.find(key);
    const size = sizeOfValue(value);
    if (at >= 0) {
      if (engine.snapshot !== null) engine.snapshot.beforeWrite(this, key);
      const old = dict.values[at]!;
      if (old !== value) {
        this.bytes += size - (typeof old === "string" ? old.length + 24 : old.accounted);
      } else if (typeof value !== "string") this.bytes += size - value.accounted;
      dict.values[at] = value;
      engine.touchAccess(dict, at);
      if (!keepExpiry && this.expires.size > 0) this.dropExpiry(key);
    } else {
      const added = dict.add(key, value);
      this.bytes += KEY_OVERHEAD + key.length + size;
      engine.newAccess(dict, added);
      if (engine.snapshot !== null) engine.snapshot.added(this, key, added);
      if (engine.notifyFlags !== 0) engine.notify("n", "new", key, this.index);
    }
    if (typeof value !== "string") value.accounted = size;
  }

  /** Replaces the string at a key that exists, keeping its expiry. */
  putString(key: string, value: string): void {
    this.put(key, value, true);
  }

  /** Removes a key; false when absent. */
  remove(key: string): boolean {
    const { dict, engine } = this;
    const at = dict.find(key);
    if (at < 0) return false;
    if (engine.snapshot !== null) engine.snapshot.beforeWrite(this, key);
    const old = dict.values[at]!;
    this.bytes -= KEY_OVERHEAD + key.length +
      (typeof old === "string" ? old.length + 24 : old.accounted);
    dict.deleteAt(at);
    if (engine.snapshot !== null && at < dict.size) engine.snapshot.moved(this, dict.keys[at]!, at);
    if (this.expires.size > 0) this.dropExpiry(key);
    return true;
  }

  /** Expiry of a key in epoch milliseconds, or -1. */
  expiry(key: string): number {
    if (this.expires.size === 0) return -1;
    return this.expires.get(key) ?? -1;
  }

  /** Sets the expiry of a key that exists. */
  setExpiry(key: string, at: number): void {
    if (this.engine.snapshot !== null) this.engine.snapshot.beforeWrite(this, key);
    if (this.expires.set(key, at)) this.bytes += EXPIRE_OVERHEAD;
  }

  /** Drops the expiry of a key; false when it has none. */
  dropExpiry(key: string): boolean {
    const at = this.expires.find(key);
    if (at < 0) return false;
    if (this.engine.snapshot !== null) this.engine.snapshot.beforeWrite(this, key);
    this.expires.deleteAt(at);
    this.bytes -= EXPIRE_OVERHEAD;
    return true;
  }

  /** Says that a key changed: watchers, caches of clients, waiting clients, persistence. */
  touch(key: string, value?: Value): void {
    if (value !== undefined && typeof value !== "string") {
      const size = value.bytes;
      this.bytes += size - value.accounted;
      value.accounted = size;
    }
    this.engine.dirty++;
    this.changed(key);
  }

  /** The part of {@linkcode Db.touch} that does not count as a change of data by a command. */
  changed(key: string): void {
    if (this.watched.size > 0) {
      const watchers = this.watched.get(key);
      if (watchers !== undefined) {
        for (const client of watchers) {
          // A key that had expired already when it was watched has not changed by its removal.
          if (client.staleWatches > 0 && this.#leavesStale(client, key)) continue;
          client.markDirty();
        }
      }
    }
    const engine = this.engine;
    if (engine.tracking.active) engine.tracking.invalidate(key);
    if (this.blocked.size > 0 && this.blocked.has(key)) engine.readyKeys.push({ db: this, key });
  }

  /** Whether a watched key was expired from the start and is gone now; it counts as absent from then on. */
  #leavesStale(client: Client, key: string): boolean {
    const entry = client.watching.find((each) => each.db === this && each.key === key);
    if (entry === undefined || !entry.expired || this.dict.has(key)) return false;
    entry.expired = false;
    client.staleWatches--;
    return true;
  }

  /** Tells watchers that everything goes, or is exchanged for what another database holds. */
  touchWatched(replacement?: Db): void {
    for (const [key, clients] of this.watched) {
      const present = this.dict.has(key);
      const replaced = replacement !== undefined && replacement.dict.has(key);
      if (!present && !replaced) continue;
      for (const client of clients) {
        const entry = client.watching.find((each) => each.db === this && each.key === key)!;
        if (entry.expired && !replaced) {
          entry.expired = false;
          client.staleWatches--;
          continue;
        }
        if (replaced && replacement.isExpired(key) && (entry.expired || !present)) {
          if (!entry.expired) client.staleWatches++;
          entry.expired = true;
          continue;
        }
        client.markDirty();
      }
    }
  }

  /** Removes everything; returns how many keys there were. */
  clear(): number {
    const count = this.dict.size;
    if (this.engine.snapshot !== null) this.engine.snapshot.beforeClear(this);
    this.touchWatched();
    for (const key of this.blocked.keys()) {
      if (this.dict.has(key)) this.engine.readyKeys.push({ db: this, key });
    }
    this.dict = new Dict<Value>(true);
    this.expires = new Dict<number>();
    this.bytes = 0;
    this.averageTtl = 0;
    return count;
  }

  /** A live list for reading. @throws the WRONGTYPE reply. */
  readList(key: string): ListValue | undefined {
    const value = this.read(key);
    if (value === undefined || value instanceof ListValue) return value;
    throw WRONG_TYPE;
  }

  /** A live list for writing. @throws the WRONGTYPE reply. */
  writeList(key: string): ListValue | undefined {
    const value = this.write(key);
    if (value === undefined || value instanceof ListValue) return value;
    throw WRONG_TYPE;
  }

  /** A live hash for reading. @throws the WRONGTYPE reply. */
  readHash(key: string): HashValue | undefined {
    const value = this.read(key);
    if (value === undefined || value instanceof HashValue) return value;
    throw WRONG_TYPE;
  }

  /** A live hash for writing. @throws the WRONGTYPE reply. */
  writeHash(key: string): HashValue | undefined {
    const value = this.write(key);
    if (value === undefined || value instanceof HashValue) return value;
    throw WRONG_TYPE;
  }

  /** A live set for reading. @throws the WRONGTYPE reply. */
  readSet(key: string): SetValue | undefined {
    const value = this.read(key);
    if (value === undefined || value instanceof SetValue) return value;
    throw WRONG_TYPE;
  }

  /** A live set for writing. @throws the WRONGTYPE reply. */
  writeSet(key: string): SetValue | undefined {
    const value = this.write(key);
    if (value === undefined || value instanceof SetValue) return value;
    throw WRONG_TYPE;
  }

  /** A live sorted set for reading. @throws the WRONGTYPE reply. */
  readZSet(key: string): ZSetValue | undefined {
    const value = this.read(key);
    if (value === undefined || value instanceof ZSetValue) return value;
    throw WRONG_TYPE;
  }

  /** A live sorted set for writing. @throws the WRONGTYPE reply. */
  writeZSet(key: string): ZSetValue | undefined {
    const value = this.write(key);
    if (value === undefined || value instanceof ZSetValue) return value;
    throw WRONG_TYPE;
  }

  /** A live stream for reading. @throws the WRONGTYPE reply. */
  readStream(key: string): StreamValue | undefined {
    const value = this.read(key);
    if (value === undefined || value instanceof StreamValue) return value;
    throw WRONG_TYPE;
  }

  /** A live stream for writing. @throws the WRONGTYPE reply. */
  writeStream(key: string): StreamValue | undefined {
    const value = this.write(key);
    if (value === undefined || value instanceof StreamValue) return value;
    throw WRONG_TYPE;
  }

  /** A value as a string. @throws the WRONGTYPE reply. */
  readStringOf(value: Value | undefined): string | undefined {
    if (value === undefined || typeof value === "string") return value;
    if (value instanceof BytesValue) return value.toString();
    throw WRONG_TYPE;
  }

  /** A live string for reading. @throws the WRONGTYPE reply. */
  readString(key: string): string | undefined {
    const value = this.read(key);
    if (value === undefined || typeof value === "string") return value;
    if (value instanceof BytesValue) return value.toString();
    throw WRONG_TYPE;
  }

  /** A live string for writing. @throws the WRONGTYPE reply. */
  writeString(key: string): string | undefined {
    const value = this.write(key);
    if (value === undefined || typeof value === "string") return value;
    if (value instanceof BytesValue) return value.toString();
    throw WRONG_TYPE;
  }

  /** A live string as bytes to change in place; made when absent. @throws the WRONGTYPE reply. */
  writeBytes(key: string): BytesValue | undefined {
    const value = this.write(key);
    if (value === undefined || value instanceof BytesValue) return value;
    if (typeof value !== "string") throw WRONG_TYPE;
    const bytes = new BytesValue(value);
    this.put(key, bytes, true);
    return bytes;
  }
}
