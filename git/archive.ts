/**
 * Archives of a tree: tar (POSIX ustar with pax headers) and zip (deflate, UTF-8 names).
 *
 * @module
 */
import { type ByteString, concatBytes, decodeText, fromByteString } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import type { ObjectId } from "./hash_algorithm.ts";

/** One file, directory or link of an archive. */
export interface ArchiveEntry {
  /** Path; directories end with a slash. */
  readonly path: ByteString;
  /** Git's mode. */
  readonly mode: number;
  /** Content; the target of a link. */
  readonly data: Uint8Array;
  /** Its id, after which headers for long names are called. */
  readonly id?: ObjectId;
}

/** What holds for a whole archive. */
export interface ArchiveOptions {
  /** Time of every entry (seconds). */
  readonly time: number;
  /** The commit, recorded as a comment. */
  readonly commit?: ObjectId | undefined;
  /** Bits taken from modes (`tar.umask`). Default 0o002. */
  readonly umask?: number;
  /** Level of compression, 0 to 9. */
  readonly level?: number | undefined;
}

const BLOCK = 512;

function octal(header: Uint8Array, at: number, length: number, value: number): void {
  header.set(fromByteString(value.toString(8).padStart(length - 1, "0")), at);
}

function tarHeader(
  name: ByteString,
  prefix: ByteString,
  type: string,
  mode: number,
  size: number,
  time: number,
  link: ByteString,
): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const text = (at: number, value: ByteString): void => header.set(fromByteString(value), at);
  text(0, name);
  octal(header, 100, 8, mode & 0o7777);
  octal(header, 108, 8, 0);
  octal(header, 116, 8, 0);
  octal(header, 124, 12, size);
  octal(header, 136, 12, time);
  text(148, "        ");
  text(156, type);
  text(157, link);
  text(257, "ustar\0");
  text(263, "00");
  text(265, "root");
  text(297, "root");
  octal(header, 329, 8, 0);
  octal(header, 337, 8, 0);
  text(345, prefix);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.set(fromByteString(`${sum.toString(8).padStart(7, "0")}\0`), 148);
  return header;
}

function paxRecord(key: string, value: ByteString): ByteString {
  let length = key.length + value.length + 3;
  let digits = String(length).length;
  while (String(length + digits).length > digits) digits++;
  length += digits;
  return `${length} ${key}=${value}\n`;
}

function padded(data: Uint8Array): Uint8Array {
  const rest = data.length % BLOCK;
  return rest === 0 ? data : concatBytes([data, new Uint8Array(BLOCK - rest)]);
}

/** Writes a tar archive piece by piece. */
export function* writeTar(
  entries: Iterable<ArchiveEntry>,
  options: ArchiveOptions,
): Generator<Uint8Array> {
  const umask = options.umask ?? 0o002;
  const { time } = options;
  let written = 0;
  function* put(data: Uint8Array): Generator<Uint8Array> {
    written += data.length;
    yield data;
  }
  const extended = (name: ByteString, type: string, text: ByteString): Uint8Array => {
    const data = fromByteString(text);
    return concatBytes([
      tarHeader(name, "", type, 0o100666, data.length, time, ""),
      padded(data),
    ]);
  };
  if (options.commit !== undefined) {
    yield* put(extended("pax_global_header", "g", paxRecord("comment", options.commit)));
  }
  for (const { path, mode, data, id = "0".repeat(40) } of entries) {
    const directory = path.endsWith("/");
    const link = mode === 0o120000;
    const type = directory ? "5" : link ? "2" : "0";
    const shown = (directory || mode === 0o160000
      ? 0o777
      : link
      ? 0o777
      : (mode & 0o100) !== 0
      ? 0o777
      : 0o666) & (link ? 0o7777 : ~umask);
    let name = path, prefix = "", pax = "";
    if (path.length > 100) {
      let slash = path.lastIndexOf("/", Math.min(path.length - 2, 155));
      if (slash <= 0 || path.length - slash - 1 > 100) {
        slash = -1;
      }
      if (slash > 0) {
        prefix = path.slice(0, slash);
        name = path.slice(slash + 1);
      } else {
        name = `${id}.data`;
        pax += paxRecord("path", path);
      }
    }
    let target: ByteString = "";
    if (link) {
      target = decodeLatin(data);
      if (target.length > 100) {
        pax += paxRecord("linkpath", target);
        target = `see ${id}.paxheader`;
      }
    }
    if (pax !== "") {
      yield* put(extended(`${id}.paxheader`, "x", pax));
    }
    const size = directory || link ? 0 : data.length;
    yield* put(tarHeader(name, prefix, type, shown, size, time, target));
    if (size > 0) {
      yield* put(padded(data));
    }
  }
  // The end: two empty blocks, then up to a full record of 20.
  const record = BLOCK * 20;
  const tail = record - (written % record);
  yield new Uint8Array(tail < 2 * BLOCK ? tail + record : tail);
}

function decodeLatin(data: Uint8Array): ByteString {
  let out = "";
  for (const byte of data) out += String.fromCharCode(byte);
  return out;
}

function dosTime(time: number): [number, number] {
  const date = new Date(time * 1000);
  return [
    (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1),
    ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate(),
  ];
}

/** Writes a zip archive piece by piece. Entries of 4 GiB and more are not possible. */
export function* writeZip(
  entries: Iterable<ArchiveEntry>,
  options: ArchiveOptions,
): Generator<Uint8Array> {
  const central: Uint8Array[] = [];
  let offset = 0, count = 0;
  const [clock, day] = dosTime(options.time);
  for (const { path, mode, data: content } of entries) {
    const directory = path.endsWith("/");
    const data = directory ? new Uint8Array(0) : content;
    const name = fromByteString(path);
    const crc = zlib().crc32(data) >>> 0;
    let packed: Uint8Array = data, method = 0;
    if (data.length > 0 && options.level !== 0 && mode !== 0o120000) {
      const deflated = zlib().deflateRawSync(data, { level: options.level ?? -1 });
      if (deflated.length < data.length) {
        packed = deflated;
        method = 8;
      }
    }
    // deno-lint-ignore no-control-regex
    const flags = /[^\x00-\x7f]/.test(path) && !decodeText(path).includes("\ufffd") ? 0x800 : 0;
    const link = mode === 0o120000;
    const executable = (mode & 0o111) !== 0 && !directory;
    const attributes = directory
      ? 16
      : link
      ? ((mode | 0o777) << 16) >>> 0
      : executable
      ? (mode << 16) >>> 0
      : 0;
    const extra = new Uint8Array(9);
    const extraView = new DataView(extra.buffer);
    extraView.setUint16(0, 0x5455, true);
    extraView.setUint16(2, 5, true);
    extra[4] = 1;
    extraView.setUint32(5, options.time, true);
    const local = new Uint8Array(30);
    const view = new DataView(local.buffer);
    view.setUint32(0, 0x04034b50, true);
    view.setUint16(4, 10, true);
    view.setUint16(6, flags, true);
    view.setUint16(8, method, true);
    view.setUint16(10, clock, true);
    view.setUint16(12, day, true);
    view.setUint32(14, crc, true);
    view.setUint32(18, packed.length, true);
    view.setUint32(22, data.length, true);
    view.setUint16(26, name.length, true);
    view.setUint16(28, extra.length, true);
    const head = new Uint8Array(46);
    const own = new DataView(head.buffer);
    own.setUint32(0, 0x02014b50, true);
    own.setUint16(4, link || executable ? 0x0317 : 0, true);
    own.setUint16(6, 10, true);
    head.set(local.subarray(6, 30), 8);
    own.setUint16(28, name.length, true);
    own.setUint16(30, extra.length, true);
    own.setUint32(38, attributes, true);
    own.setUint32(42, offset, true);
    central.push(head, name, extra);
    yield local;
    yield name;
    yield extra;
    if (packed.length > 0) yield packed;
    offset += local.length + name.length + extra.length + packed.length;
    count++;
  }
  const directory = concatBytes(central);
  yield directory;
  const comment = fromByteString(options.commit ?? "");
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, directory.length, true);
  view.setUint32(16, offset, true);
  view.setUint16(20, comment.length, true);
  yield end;
  yield comment;
}
