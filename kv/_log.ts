/**
 * LevelDB's log format, for write-ahead logs and manifests.
 *
 *     file   := blocks of 32 KiB
 *     record := masked CRC-32C of type and data(fixed32)  length(2 bytes)  type(1 byte)  data
 *     type   := 1 full | 2 first | 3 middle | 4 last
 *
 * Under seven bytes at the end of a block are zeros.
 */
import { ByteWriter, concatBytes, readFixed32 } from "./_bytes.ts";
import { crc32c, maskCrc } from "./_crc32c.ts";
import { CorruptionError } from "./errors.ts";
import type { StorageFile } from "./file_system.ts";

const BLOCK = 32768;
const HEADER = 7;

/** Appends records to a new file. */
export class LogWriter {
  readonly file: StorageFile;
  #offset = 0;
  #out = new ByteWriter(4096);

  constructor(file: StorageFile) {
    this.file = file;
  }

  /** Writes one record in one call to the file. */
  append(data: Uint8Array): void {
    const out = this.#out;
    out.length = 0;
    let at = 0;
    let first = true;
    do {
      let left = BLOCK - this.#offset;
      if (left < HEADER) {
        for (; left > 0; left--) out.byte(0);
        this.#offset = 0;
        left = BLOCK;
      }
      const length = Math.min(left - HEADER, data.length - at);
      const last = at + length === data.length;
      const type = first ? (last ? 1 : 2) : last ? 4 : 3;
      const seed = crc32c(Uint8Array.of(type), 0, 1);
      out.fixed32(maskCrc(crc32c(data, at, length, seed)));
      out.byte(length & 255);
      out.byte(length >>> 8);
      out.byte(type);
      out.range(data, at, length);
      at += length;
      this.#offset += HEADER + length;
      first = false;
    } while (at < data.length);
    this.file.append(out.view());
  }
}

function readWhole(file: StorageFile): Uint8Array {
  const bytes = new Uint8Array(file.size());
  return bytes.subarray(0, file.read(bytes, 0));
}

function isWhole(bytes: Uint8Array, at: number): boolean {
  if (at % BLOCK > BLOCK - HEADER || at + HEADER > bytes.length) return false;
  const length = bytes[at + 4]! | bytes[at + 5]! << 8;
  const type = bytes[at + 6]!;
  if (type < 1 || type > 4 || at % BLOCK + HEADER + length > BLOCK) return false;
  if (at + HEADER + length > bytes.length) return false;
  return maskCrc(crc32c(bytes, at + 6, length + 1)) === readFixed32(bytes, at);
}

/**
 * Reads every record. Damage with nothing whole behind it is the tail of a write that a crash cut
 * short: `torn` is its offset. Damage with a whole record behind it is a `CorruptionError`.
 */
export function readLog(
  file: StorageFile,
  name: string,
): { records: { data: Uint8Array; offset: number }[]; torn: number | undefined } {
  const bytes = readWhole(file);
  const records: { data: Uint8Array; offset: number }[] = [];
  let parts: Uint8Array[] = [];
  let started = 0;
  let at = 0;
  while (at < bytes.length) {
    const left = BLOCK - at % BLOCK;
    if (left < HEADER) {
      at += left;
      continue;
    }
    if (!isWhole(bytes, at)) {
      const behind = at + HEADER + ((bytes[at + 4] ?? 0) | (bytes[at + 5] ?? 0) << 8);
      if (isWhole(bytes, behind)) throw new CorruptionError(name, at, "a log record is damaged");
      for (let block = at - at % BLOCK + BLOCK; block < bytes.length; block += BLOCK) {
        if (isWhole(bytes, block)) throw new CorruptionError(name, at, "a log record is damaged");
      }
      return { records, torn: parts.length > 0 ? started : at };
    }
    const length = bytes[at + 4]! | bytes[at + 5]! << 8;
    const type = bytes[at + 6]!;
    const data = bytes.subarray(at + HEADER, at + HEADER + length);
    if ((type <= 2) !== (parts.length === 0)) {
      throw new CorruptionError(name, at, "a fragment of a log record is missing");
    }
    if (parts.length === 0) started = at;
    parts.push(data);
    if (type === 1 || type === 4) {
      records.push({ data: parts.length === 1 ? data : concatBytes(...parts), offset: started });
      parts = [];
    }
    at += HEADER + length;
  }
  return { records, torn: parts.length > 0 ? started : undefined };
}
