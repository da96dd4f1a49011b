/**
 * The body of a peer's answer: groupcache's protobuf message
 *
 *     message GetResponse { optional bytes value = 1; optional double minute_qps = 2; }
 *
 * Source: golang/groupcache, groupcachepb/groupcache.proto; the wire format is protobuf's.
 */
import { PeerError } from "./peer_error.ts";

export interface GetResponse {
  value: Uint8Array<ArrayBuffer>;
  /** Requests for the key at its owner, per second, over about the last minute. */
  minuteQps: number;
}

const VALUE_TAG = 0x0a;
const MINUTE_QPS_TAG = 0x11;

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_LENGTH = 2;
const WIRE_FIXED32 = 5;

const MAX_VARINT_BYTES = 10;

export function encodeGetResponse({ value, minuteQps }: GetResponse): Uint8Array<ArrayBuffer> {
  const length: number[] = [];
  let rest = value.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  length.push(rest);
  const message = new Uint8Array(1 + length.length + value.length + 9);
  message[0] = VALUE_TAG;
  message.set(length, 1);
  message.set(value, 1 + length.length);
  const tail = 1 + length.length + value.length;
  message[tail] = MINUTE_QPS_TAG;
  new DataView(message.buffer).setFloat64(tail + 1, minuteQps, true);
  return message;
}

/**
 * Reads a message; unknown fields are passed over, absent ones are empty and 0.
 *
 * @throws {PeerError} With code `protocol` if the bytes are no such message.
 */
export function decodeGetResponse(message: Uint8Array<ArrayBuffer>): GetResponse {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const response: GetResponse = { value: new Uint8Array(0), minuteQps: 0 };
  let offset = 0;

  function take(count: number): number {
    const start = offset;
    if (count > message.length - start) throw broken("it ends early");
    offset += count;
    return start;
  }
  function varint(): number {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      const byte = message[take(1)]!;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw broken("a varint is too long");
  }

  while (offset < message.length) {
    const tag = varint();
    const wire = tag % 8;
    if (tag === VALUE_TAG) {
      const length = varint();
      const start = take(length);
      response.value = message.slice(start, start + length);
    } else if (tag === MINUTE_QPS_TAG) {
      response.minuteQps = view.getFloat64(take(8), true);
    } else if (wire === WIRE_VARINT) {
      varint();
    } else if (wire === WIRE_FIXED64) {
      take(8);
    } else if (wire === WIRE_FIXED32) {
      take(4);
    } else if (wire === WIRE_LENGTH) {
      take(varint());
    } else {
      throw broken(`wire type ${wire} is unknown`);
    }
  }
  return response;
}

function broken(why: string): PeerError {
  return new PeerError("protocol", `Cannot read a peer's answer: ${why}`);
}
