import { DatabaseError } from "../errors.ts";

const encoder = new TextEncoder();

/** Under this many units a loop is faster than the platform's encoder. */
const SHORT_TEXT = 48;

/** PostgreSQL's own limit. */
const MAX_MESSAGE_BYTES = 0x3fffffff;

/** The size of a writer's first buffer, kept between messages. */
const FIRST_SIZE_BYTES = 16 * 1024;
/** Larger buffers are not kept. */
const MAX_KEPT_BYTES = 1024 * 1024;

/** A growing buffer of outgoing messages. All integers are big-endian. */
export class MessageWriter {
  /** What has been written, up to {@linkcode length}. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_SIZE_BYTES);
  /** How many bytes have been written. */
  length = 0;
  #view = new DataView(this.bytes.buffer);
  #taken: Uint8Array<ArrayBuffer> | undefined;
  #spare: Uint8Array<ArrayBuffer> | undefined;

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  /** Takes what was written away, and starts anew; call {@linkcode giveBack} once it is sent. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.bytes.subarray(0, this.length);
    this.#taken = this.bytes;
    this.bytes = this.#spare ?? new Uint8Array(FIRST_SIZE_BYTES);
    this.#spare = undefined;
    this.#view = new DataView(this.bytes.buffer);
    this.length = 0;
    return taken;
  }

  /** Returns the buffer that was taken last, to be written again. */
  giveBack(): void {
    if (this.#taken !== undefined && this.#taken.length <= MAX_KEPT_BYTES) {
      this.#spare = this.#taken;
    }
    this.#taken = undefined;
  }

  /** Starts a message; its length is filled in by {@linkcode end}. */
  begin(type: number): number {
    this.reserve(5);
    const start = this.length;
    this.bytes[start] = type;
    this.length = start + 5;
    return start;
  }

  /**
   * Ends the message that started here.
   *
   * @throws {DatabaseError} With code `bad_value` if it is longer than a server takes.
   */
  end(start: number): void {
    if (this.length - start > MAX_MESSAGE_BYTES) {
      throw new DatabaseError("bad_value", "Cannot send a message of more than 1 GiB");
    }
    this.#view.setInt32(start + 1, this.length - start - 1);
  }

  /** One byte. */
  uint8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** 16 bits. */
  int16(value: number): void {
    this.reserve(2);
    this.#view.setInt16(this.length, value);
    this.length += 2;
  }

  /** 32 bits. */
  int32(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.length, value);
    this.length += 4;
  }

  /** 64 bits. */
  int64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.length, value);
    this.length += 8;
  }

  /** A double. */
  float64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** Sets 16 bits that were written before. */
  patchInt16(at: number, value: number): void {
    this.#view.setInt16(at, value);
  }

  /** Sets 32 bits that were written before. */
  patchInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    const { bytes } = this;
    let at = this.length;
    if (value.length < SHORT_TEXT) {
      for (let i = 0; i < value.length; i++) {
        bytes[at++] = value[i]!;
      }
    } else bytes.set(value, at);
    this.length += value.length;
  }

  /** Text as UTF-8, without an end. */
  text(value: string): void {
    const count = value.length;
    if (count < SHORT_TEXT) {
      this.reserve(count);
      const { bytes } = this;
      let at = this.length;
      let i = 0;
      for (; i < count; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[at++] = unit;
      }
      if (i === count) {
        this.length = at;
        return;
      }
    }
    if (!value.isWellFormed()) {
      throw new DatabaseError("bad_value", "Cannot send text with half of a surrogate pair");
    }
    this.reserve(count * 3);
    this.length += encoder.encodeInto(value, this.bytes.subarray(this.length)).written;
  }

  /**
   * Text with a closing NUL.
   *
   * @throws {DatabaseError} With code `bad_query` if it contains one itself.
   */
  cstring(value: string): void {
    if (value.includes("\0")) {
      throw new DatabaseError("bad_query", "Cannot send a statement or a name with a NUL in it");
    }
    this.text(value);
    this.uint8(0);
  }

  /** Text after its length in 32 bits, as a value of a Bind message. */
  sizedText(value: string): void {
    const at = this.length;
    this.int32(0);
    this.text(value);
    this.patchInt32(at, this.length - at - 4);
  }

  /** Bytes after their length in 32 bits. */
  sizedBytes(value: Uint8Array): void {
    this.int32(value.length);
    this.raw(value);
  }
}
