/**
 * LevelDB's log format, for write-ahead logs and manifests.
 *
 *     file   := blocks of 32 KiB
 *     record := masked CRC-32C of type and data(fixed32)  length(2 bytes)  type(1 byte)  data
 *     type   := 1 full | 2 first | 3 middle | 4 last
 *
 * Under seven bytes at the end of a block are zeros. A write-ahead log holds batches:
 *
 *     batch     := sequence number of the first operation(fixed64)  count(fixed32)  operation*
 *     operation := 1 key(prefixed) value(prefixed) | 0 key(prefixed)
 *
 * A batch without operations is a mark of ours, which LevelDB passes over: every batch before its
 * sequence number is durable. Each log that we begin starts with one.
 */
import { readFixed32, readFixed64, writeFixed32, writeFixed64 } from "./_bytes.ts";
import { copyRange, EMPTY } from "./_bytes.ts";
import { crc32c, maskCrc } from "./_crc32c.ts";
import { CorruptionError } from "./errors.ts";
import type { StorageFile } from "./file_system.ts";

/** The size of a block. */
export const LOG_BLOCK = 32768;
const HEADER = 7;
/** The bytes in front of the operations of a batch. */
export const BATCH_HEADER = 12;
/** The chunk is handed to the file when it has grown to this. */
export const CHUNK_BYTES = 2 ** 20;

const TYPE_CRC: readonly number[] = [0, 1, 2, 3, 4].map((type) =>
  crc32c(Uint8Array.of(type), 0, 1)
);

/** Appends records to a file, many in one call to it. */
export class LogWriter {
  file: StorageFile;
  /** Bytes of the file, those still in the chunk among them. */
  sizeBytes: number;
  chunk: Uint8Array<ArrayBuffer> = new Uint8Array(65536);
  chunkLength = 0;
  recordStart = -1;

  /** Goes on behind `sizeBytes` bytes of the file. */
  constructor(file: StorageFile, sizeBytes = 0) {
    this.file = file;
    this.sizeBytes = sizeBytes;
  }

  reserve(bytes: number): void {
    const needed = this.chunkLength + bytes;
    if (needed <= this.chunk.length) return;
    const grown = new Uint8Array(
      Math.max(needed, Math.min(this.chunk.length * 2, needed + 2 ** 20)),
    );
    grown.set(this.chunk.subarray(0, this.chunkLength));
    this.chunk = grown;
  }

  /**
   * Where in `chunk` a record of this length is to be put, when it fits the block; -1 when it does
   * not and has to go through {@linkcode LogWriter.append}. Then {@linkcode LogWriter.finish}.
   */
  begin(length: number): number {
    let left = LOG_BLOCK - this.sizeBytes % LOG_BLOCK;
    if (left < HEADER) {
      this.pad(left);
      left = LOG_BLOCK;
    }
    if (length > left - HEADER) return -1;
    this.reserve(HEADER + length);
    this.recordStart = this.chunkLength;
    return this.chunkLength + HEADER;
  }

  /** Completes the record that {@linkcode LogWriter.begin} began. */
  finish(length: number): void {
    this.seal(this.recordStart, length, 1);
    this.chunkLength = this.recordStart + HEADER + length;
    this.sizeBytes += HEADER + length;
  }

  pad(bytes: number): void {
    this.reserve(bytes);
    this.chunk.fill(0, this.chunkLength, this.chunkLength + bytes);
    this.chunkLength += bytes;
    this.sizeBytes += bytes;
  }

  seal(at: number, length: number, type: number): void {
    const chunk = this.chunk;
    writeFixed32(chunk, at, maskCrc(crc32c(chunk, at + HEADER, length, TYPE_CRC[type]!)));
    chunk[at + 4] = length;
    chunk[at + 5] = length >>> 8;
    chunk[at + 6] = type;
  }

  /** Adds one record of any length. */
  append(data: Uint8Array, length: number = data.length): void {
    let at = 0;
    let first = true;
    do {
      let left = LOG_BLOCK - this.sizeBytes % LOG_BLOCK;
      if (left < HEADER) {
        this.pad(left);
        left = LOG_BLOCK;
      }
      const part = Math.min(left - HEADER, length - at);
      const last = at + part === length;
      this.reserve(HEADER + part);
      copyRange(data, at, part, this.chunk, this.chunkLength + HEADER);
      this.seal(this.chunkLength, part, first ? (last ? 1 : 2) : last ? 4 : 3);
      this.chunkLength += HEADER + part;
      this.sizeBytes += HEADER + part;
      at += part;
      first = false;
      if (this.chunkLength >= CHUNK_BYTES) this.drain(); // a record of gigabytes must not pile up
    } while (at < length);
  }

  /** Adds a mark: every batch up to the sequence number `durable` is durable. */
  mark(durable: number): void {
    const data = new Uint8Array(BATCH_HEADER);
    writeFixed64(data, 0, durable + 1);
    this.append(data);
  }

  /** Hands the chunk to the file. */
  drain(): void {
    if (this.chunkLength === 0) return;
    const length = this.chunkLength;
    this.chunkLength = 0;
    this.file.append(this.chunk.subarray(0, length));
    if (this.chunk.length > 2 * CHUNK_BYTES) this.chunk = new Uint8Array(65536);
  }
}

/** What reading a log came to. */
export interface LogEnd {
  /** The offset behind the last whole record. */
  readonly end: number;
  /** The bytes of the file. */
  readonly sizeBytes: number;
  /** Why reading ended before the end of the file. */
  readonly damage: string | undefined;
  /** Where reading stopped: behind `end` when that is inside a record of several parts. */
  readonly stopped: number;
  /** Whether the log begins with a mark, so that it is one of ours. */
  readonly marked: boolean;
}

/** Reads a file through a window of a few blocks. */
class Window {
  file: StorageFile;
  sizeBytes: number;
  bytes = new Uint8Array(4 * LOG_BLOCK);
  start = -5 * LOG_BLOCK; // nowhere yet
  length = 0;

  constructor(file: StorageFile, sizeBytes: number) {
    this.file = file;
    this.sizeBytes = sizeBytes;
  }

  /** Makes the block of `at` lie in `bytes`; gives the place of `at` there. */
  place(at: number): number {
    const block = at - at % LOG_BLOCK;
    if (block < this.start || block + LOG_BLOCK > this.start + this.bytes.length) {
      this.start = block;
      this.length = this.file.read(
        this.sizeBytes - block < this.bytes.length
          ? this.bytes.subarray(0, this.sizeBytes - block)
          : this.bytes,
        block,
      );
    }
    return at - this.start;
  }

  /** The type of the whole record at `at`, or 0; `recordLength` is then its length. */
  whole(at: number): number {
    const left = LOG_BLOCK - at % LOG_BLOCK;
    if (left < HEADER || at + HEADER > this.sizeBytes) return 0;
    const p = this.place(at);
    const { bytes, length } = this;
    if (p + HEADER > length) return 0;
    const size = bytes[p + 4]! | bytes[p + 5]! << 8;
    const type = bytes[p + 6]!;
    if (type < 1 || type > 4 || HEADER + size > left || p + HEADER + size > length) return 0;
    recordLength = size;
    return maskCrc(crc32c(bytes, p + HEADER, size, TYPE_CRC[type]!)) === readFixed32(bytes, p)
      ? type
      : 0;
  }
}

let recordLength = 0;

/**
 * Reads records in order, in memory of four blocks and the longest record. The callback gets each
 * one as (buffer, start, length), good until it returns, with its offset in the file. Reading ends
 * at the first damage; what that means is for the caller to decide, see {@linkcode provesLoss}.
 */
export function readLog(
  file: StorageFile,
  onRecord: (data: Uint8Array, start: number, length: number, offset: number) => void,
  limit?: number,
  from = 0,
): LogEnd {
  const sizeBytes = Math.min(limit ?? Infinity, file.size());
  const window = new Window(file, sizeBytes);
  let joined: Uint8Array<ArrayBuffer> = EMPTY;
  let joinedLength = 0;
  let started = -1;
  let marked = false;
  let end = from;
  let at = from;
  const stop = (damage: string | undefined): LogEnd => ({
    end,
    sizeBytes,
    damage,
    stopped: at,
    marked,
  });
  while (at < sizeBytes) {
    const left = LOG_BLOCK - at % LOG_BLOCK;
    if (left < HEADER) {
      at += left;
      continue;
    }
    const type = window.whole(at);
    if (type === 0) return stop("a record is cut short or damaged");
    const length = recordLength;
    if ((type <= 2) !== (started < 0)) return stop("a part of a record is missing");
    const p = at - window.start + HEADER;
    if (type === 1) {
      if (at === 0) marked = isMark(window.bytes, p, length);
      onRecord(window.bytes, p, length, at);
    } else {
      if (type === 2) {
        started = at;
        joinedLength = 0;
      }
      if (joinedLength + length > joined.length) {
        const grown = new Uint8Array(Math.max(joinedLength + length, joined.length * 2));
        grown.set(joined.subarray(0, joinedLength));
        joined = grown;
      }
      copyRange(window.bytes, p, length, joined, joinedLength);
      joinedLength += length;
      if (type === 4) {
        onRecord(joined, 0, joinedLength, started);
        started = -1;
      }
    }
    at += HEADER + length;
    if (started < 0) end = at;
  }
  return stop(started < 0 ? undefined : "the last record is cut short");
}

/** Whether a batch is one of our marks. */
export function isMark(data: Uint8Array, start: number, length: number): boolean {
  return length === BATCH_HEADER && readFixed32(data, start + 8) === 0;
}

/**
 * Whether what lies behind the damage at `offset` proves that durable batches were lost. A log of
 * ours proves it by a mark for batches behind `sequence`, the last one read: without such a mark
 * nothing behind the damage was ever acknowledged as durable, however whole it looks, since the
 * system may write the pages of an unsynced tail in any order. A log of LevelDB has no marks: any
 * whole record behind the damage counts as proof, which is its `paranoid_checks`.
 */
export function provesLoss(
  file: StorageFile,
  offset: number,
  marked: boolean,
  sequence: number,
): boolean {
  const sizeBytes = file.size();
  const window = new Window(file, sizeBytes);
  if (!marked) {
    const p = window.place(offset);
    const { bytes, length } = window;
    if (p + HEADER <= length) {
      if (window.whole(offset + HEADER + (bytes[p + 4]! | bytes[p + 5]! << 8)) > 0) return true;
    }
    for (let at = offset - offset % LOG_BLOCK + LOG_BLOCK; at < sizeBytes; at += LOG_BLOCK) {
      if (window.whole(at) > 0) return true;
    }
    return false;
  }
  for (let at = offset + 1; at + HEADER + BATCH_HEADER <= sizeBytes; at++) {
    const p = window.place(at);
    const { bytes } = window;
    if (bytes[p + 4] !== BATCH_HEADER || bytes[p + 5] !== 0 || bytes[p + 6] !== 1) continue;
    if (window.whole(at) !== 1 || !isMark(bytes, p + HEADER, BATCH_HEADER)) continue;
    const marks = readFixed64(bytes, p + HEADER);
    if (marks - 1 > sequence && Number.isSafeInteger(marks)) return true;
  }
  return false;
}

/** Throws where the log of `name` ended at damage that cannot be a cut tail. */
export function refuseLoss(
  file: StorageFile,
  name: string,
  end: LogEnd,
  sequence: number,
): void {
  if (end.damage === undefined || !provesLoss(file, end.end, end.marked, sequence)) return;
  throw new CorruptionError(name, end.end, end.damage);
}
