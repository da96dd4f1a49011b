/**
 * Packet lines (gitprotocol-common): four hexadecimal digits of length, then the payload; 0000
 * ends a section, 0001 separates, 0002 ends a response.
 *
 * @module
 */
import { type ByteString, concatBytes, fromByteString, toByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";

/** The flush packet. */
export const FLUSH: Uint8Array = fromByteString("0000");
/** The delimiter packet. */
export const DELIMITER: Uint8Array = fromByteString("0001");
/** The largest payload of a packet. */
export const MAX_PAYLOAD = 65516;

/** One packet with a payload. */
export function packet(payload: Uint8Array | ByteString): Uint8Array {
  const body = typeof payload === "string" ? fromByteString(payload) : payload;
  if (body.length > MAX_PAYLOAD) throw new GitError("protocol", "packet is too long");
  return concatBytes([fromByteString((body.length + 4).toString(16).padStart(4, "0")), body]);
}

/** Splits data into packets of a side band: 1 data, 2 progress, 3 error. */
export function sideBand(
  band: number,
  data: Uint8Array,
  size: number = MAX_PAYLOAD - 1,
): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size) {
    out.push(packet(concatBytes([Uint8Array.of(band), data.subarray(at, at + size)])));
  }
  return out;
}

/** Where packets come from, one line at a time. */
export interface PacketSource {
  /** The next packet as a line without its line feed; `undefined` at the end. */
  line(): ByteString | "flush" | "delimiter" | "end" | undefined;
}

/** A packet as read: a payload, or which special packet it was. */
export type Packet = Uint8Array | "flush" | "delimiter" | "end";

/** Reads packets from bytes in memory. */
export class PacketReader implements PacketSource {
  readonly #data: Uint8Array;
  /** Where the next packet starts. */
  position = 0;

  /** Reads from the start of `data`. */
  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** The next packet; `undefined` at the end. Throws `GitError` ("protocol"). */
  next(): Packet | undefined {
    if (this.position >= this.#data.length) return undefined;
    if (this.position + 4 > this.#data.length) {
      throw new GitError("protocol", "packet is truncated");
    }
    const text = toByteString(this.#data, this.position, this.position + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(text)) throw new GitError("protocol", "bad line length character");
    const length = parseInt(text, 16);
    this.position += 4;
    if (length === 0) return "flush";
    if (length === 1) return "delimiter";
    if (length === 2) return "end";
    if (length < 4 || this.position + length - 4 > this.#data.length) {
      throw new GitError("protocol", "packet is truncated");
    }
    const payload = this.#data.subarray(this.position, this.position + length - 4);
    this.position += length - 4;
    return payload;
  }

  /** The next packet as a line without its line feed. */
  line(): ByteString | "flush" | "delimiter" | "end" | undefined {
    const next = this.next();
    return next instanceof Uint8Array ? toByteString(next).replace(/\n$/, "") : next;
  }

  /** What has not been read. */
  rest(): Uint8Array {
    return this.#data.subarray(this.position);
  }
}
