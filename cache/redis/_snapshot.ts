/**
 * A point-in-time image of all databases, written in small steps beside the running server.
 *
 * The walk goes from the highest position of each table to 0. Before a key that was not reached yet is
 * changed, it is written first; tables that are dropped whole (FLUSHALL) stay with the walk. What is held in
 * memory beside the data is the set of keys written early and the bytes that wait for the file.
 */
import type { Db, SnapshotObserver } from "./_db.ts";
import type { Dict } from "./_dict.ts";
import type { Engine } from "./_engine.ts";
import { Crc64, RDB_VERSION, RdbWriter, writeType, writeValue } from "./_rdb.ts";
import type { Value } from "./_values.ts";

interface Part {
  index: number;
  dict: Dict<Value>;
  expires: Dict<number>;
  cursor: number;
  done: Set<string>;
}

/** Tables up to this size are written when the snapshot starts. */
const SMALL_TABLE = 16;
/** Bytes that are collected before they go to the file. */
const FLUSH_BYTES = 128 * 1024;

/** A snapshot that is being written. */
export class Snapshot implements SnapshotObserver {
  readonly #parts: Part[] = [];
  readonly #byDict: Map<Dict<Value>, Part> = new Map<Dict<Value>, Part>();
  readonly #writer: RdbWriter = new RdbWriter();
  readonly #crc: Crc64 = new Crc64();
  readonly #write: (bytes: Uint8Array) => void;
  #selected = -1;

  /**
   * @param engine The server's state.
   * @param write Takes the bytes of the file, in order.
   * @param aofPreamble Whether the file is the base of an append-only set.
   */
  constructor(engine: Engine, write: (bytes: Uint8Array) => void, aofPreamble: boolean) {
    this.#write = write;
    const writer = this.#writer;
    writer.raw(`REDIS${String(RDB_VERSION).padStart(4, "0")}`);
    const aux: [string, string][] = [
      ["redis-ver", "7.0.0"],
      ["redis-bits", "64"],
      ["ctime", String(Math.floor(engine.now / 1000))],
      ["used-mem", String(engine.usedMemory())],
      ["aof-base", aofPreamble ? "1" : "0"],
    ];
    for (const [name, value] of aux) {
      writer.byte(0xfa);
      writer.string(name);
      writer.string(value);
    }
    for (const db of engine.dbs) {
      if (db.size === 0) continue;
      const part = {
        index: db.index,
        dict: db.dict,
        expires: db.expires,
        cursor: db.size,
        done: new Set<string>(),
      };
      this.#parts.push(part);
      this.#byDict.set(db.dict, part);
      // Small tables close holes by shifting: they are written at once.
      if (db.size <= SMALL_TABLE) {
        while (part.cursor > 0) {
          const at = --part.cursor;
          this.#save(part, part.dict.keys[at]!, part.dict.values[at]!);
        }
      }
    }
  }

  #save(part: Part, key: string, value: Value): void {
    const writer = this.#writer;
    if (this.#selected !== part.index) {
      this.#selected = part.index;
      writer.byte(0xfe);
      writer.size(part.index);
    }
    const expiry = part.expires.get(key);
    if (expiry !== undefined) {
      writer.byte(0xfc);
      writer.millis(expiry);
    }
    writeType(writer, value);
    writer.string(key);
    writeValue(writer, value);
    if (writer.length > FLUSH_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = this.#writer.take();
    this.#crc.update(bytes);
    this.#write(bytes);
  }

  beforeWrite(db: Db, key: string): void {
    const part = this.#byDict.get(db.dict);
    if (part === undefined) return;
    const at = part.dict.find(key);
    if (at < 0 || at >= part.cursor || part.done.has(key)) return;
    part.done.add(key);
    this.#save(part, key, part.dict.values[at]!);
  }

  added(db: Db, key: string, at: number): void {
    const part = this.#byDict.get(db.dict);
    if (part !== undefined && at < part.cursor) part.done.add(key);
  }

  moved(db: Db, key: string, at: number): void {
    const part = this.#byDict.get(db.dict);
    // It came from the end: when that was passed already, the hole below must not be written again.
    if (part !== undefined && at < part.cursor && part.dict.size >= part.cursor) part.done.add(key);
  }

  beforeClear(): void {
    // The tables stay with the walk: the database gets new ones.
  }

  /** Goes on for about `budgetMs`; true when everything was written. */
  step(budgetMs: number): boolean {
    const until = performance.now() + budgetMs;
    for (const part of this.#parts) {
      let checks = 0;
      while (part.cursor > 0) {
        const at = --part.cursor;
        if (at >= part.dict.size) {
          part.cursor = part.dict.size;
          continue;
        }
        const key = part.dict.keys[at]!;
        if (!part.done.delete(key)) this.#save(part, key, part.dict.values[at]!);
        if ((++checks & 31) === 0 && performance.now() > until) return false;
      }
    }
    return true;
  }

  /** Writes the end of the file. */
  end(): void {
    this.#writer.byte(0xff);
    this.#flush();
    this.#write(this.#crc.bytes());
  }
}
