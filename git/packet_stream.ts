/**
 * Packet lines read from a stream as it arrives.
 *
 * @module
 */
import { type ByteString, concatBytes, toByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { Packet } from "./pkt_line.ts";

/** Reads packets, and bytes that are not packets, from chunks. */
export class PacketStream {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Uint8Array = new Uint8Array(0);
  #ended = false;
  #peeked: Packet | undefined;
  /** Called with each packet as it is taken. */
  onPacket: ((packet: Packet) => void) | undefined;

  /** Reads from an iterator of chunks. */
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #fill(length: number): Promise<boolean> {
    if (this.#buffer.length >= length) return true;
    const parts = [this.#buffer];
    let size = this.#buffer.length;
    while (size < length && !this.#ended) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else {
        parts.push(next.value);
        size += next.value.length;
      }
    }
    this.#buffer = parts.length === 1 ? parts[0]! : concatBytes(parts);
    return this.#buffer.length >= length;
  }

  /** The next packet without taking it. */
  async peek(): Promise<Packet | undefined> {
    return this.#peeked ??= await this.next();
  }

  /** The next packet; `undefined` at the end. Throws `GitError` ("protocol"). */
  async next(): Promise<Packet | undefined> {
    if (this.#peeked !== undefined) {
      const packet = this.#peeked;
      this.#peeked = undefined;
      return packet;
    }
    const packet = await this.#read();
    if (packet !== undefined) this.onPacket?.(packet);
    return packet;
  }

  async #read(): Promise<Packet | undefined> {
    if (!await this.#fill(4)) {
      if (this.#buffer.length === 0) return undefined;
      throw new GitError("protocol", "the remote end hung up unexpectedly");
    }
    const text = toByteString(this.#buffer, 0, 4);
    if (!/^[0-9a-fA-F]{4}$/.test(text)) {
      throw new GitError("protocol", `protocol error: bad line length character: ${text}`);
    }
    const length = parseInt(text, 16);
    if (length < 4) {
      this.#buffer = this.#buffer.subarray(4);
      if (length === 3) throw new GitError("protocol", "protocol error: bad line length 3");
      return length === 0 ? "flush" : length === 1 ? "delimiter" : "end";
    }
    if (!await this.#fill(length)) {
      throw new GitError("protocol", "the remote end hung up unexpectedly");
    }
    const payload = this.#buffer.subarray(4, length);
    this.#buffer = this.#buffer.subarray(length);
    return payload;
  }

  /** The next packet as a line without its line feed; a line that starts with `ERR ` throws. */
  async line(): Promise<ByteString | "flush" | "delimiter" | "end" | undefined> {
    const next = await this.next();
    if (!(next instanceof Uint8Array)) return next;
    const text = toByteString(next).replace(/\n$/, "");
    if (text.startsWith("ERR ")) {
      throw new GitError("protocol", `remote error: ${text.slice(4)}`);
    }
    return text;
  }

  /** Everything that is left, as it comes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#buffer.length > 0) {
      const data = this.#buffer;
      this.#buffer = new Uint8Array(0);
      yield data;
    }
    while (!this.#ended) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else yield next.value;
    }
  }

  /** Gives the source up. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#source.return?.();
  }
}
