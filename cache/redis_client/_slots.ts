/** Where keys are in a cluster. Source: the Redis cluster specification, "Key distribution model". */
import type { Words } from "./_encode.ts";
import { array, integer, pairs, text, textMap } from "./_replies.ts";
import { RedisProtocolError } from "./errors.ts";
import type { RedisReply } from "./reply.ts";

/** How many slots there are. */
export const SLOTS = 16_384;

/** CRC-16/XMODEM: polynomial 0x1021, starting from 0, not reflected. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

const encoder = new TextEncoder();

/** The CRC16 of bytes. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < bytes.length; i++) {
    crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ bytes[i]!]!;
  }
  return crc;
}

/** The slot of a key: of what is between its first braces, if anything is. */
export function keySlot(key: Words[number]): number {
  if (typeof key !== "object") return textSlot(String(key));
  let bytes = key;
  const open = bytes.indexOf(123);
  if (open >= 0) {
    const close = bytes.indexOf(125, open + 1);
    if (close > open + 1) bytes = bytes.subarray(open + 1, close);
  }
  return crc16(bytes) % SLOTS;
}

function textSlot(key: string): number {
  let from = 0;
  let to = key.length;
  const open = key.indexOf("{");
  if (open >= 0) {
    const close = key.indexOf("}", open + 1);
    if (close > open + 1) {
      from = open + 1;
      to = close;
    }
  }
  let crc = 0;
  for (let i = from; i < to; i++) {
    const code = key.charCodeAt(i);
    if (code > 127) return crc16(encoder.encode(key.slice(from, to))) % SLOTS;
    crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ code]!;
  }
  return crc % SLOTS;
}

/** A node by its address. */
export interface NodeAddress {
  /** The host. */
  hostname: string;
  /** The port. */
  port: number;
}

/** Some slots and who serves them. */
export interface SlotRange {
  /** The first slot. */
  start: number;
  /** The last slot. */
  end: number;
  /** Who takes writes. */
  master: NodeAddress;
  /** Who has copies. */
  replicas: NodeAddress[];
}

function slotNumber(reply: RedisReply | undefined): number {
  const slot = integer(reply ?? null);
  if (slot < 0 || slot >= SLOTS) throw new RedisProtocolError(`The server sent the slot ${slot}`);
  return slot;
}

/**
 * An address as a node tells it: no host means the one that was asked, `?` that it is not known.
 */
function address(
  host: RedisReply | undefined,
  port: RedisReply | undefined,
  asked: string,
): NodeAddress | undefined {
  const hostname = host === null || host === undefined ? "" : text(host);
  const number = integer(port ?? null);
  if (hostname === "?" || number < 1 || number > 65_535) return undefined;
  return { hostname: hostname === "" ? asked : hostname, port: number };
}

/** Reads the reply to `CLUSTER SLOTS`. */
export function slotsReply(reply: RedisReply, asked: string): SlotRange[] {
  const ranges: SlotRange[] = [];
  for (const item of array(reply)) {
    const [start, end, ...nodes] = array(item);
    const [master, ...replicas] = nodes.map((node) => {
      const [host, port] = array(node);
      return address(host, port, asked);
    });
    if (master === undefined) continue;
    ranges.push({
      start: slotNumber(start),
      end: slotNumber(end),
      master,
      replicas: replicas.filter((node) => node !== undefined),
    });
  }
  return ranges;
}

/** Reads the reply to `CLUSTER SHARDS`. */
export function shardsReply(reply: RedisReply, asked: string, tls: boolean): SlotRange[] {
  const ranges: SlotRange[] = [];
  for (const item of array(reply)) {
    const shard = textMap(item);
    let master: NodeAddress | undefined;
    const replicas: NodeAddress[] = [];
    for (const entry of array(shard.get("nodes") ?? null)) {
      const node = textMap(entry);
      const port = (tls ? node.get("tls-port") : undefined) ?? node.get("port");
      const at = address(node.get("endpoint") ?? node.get("ip"), port, asked);
      if (at === undefined) continue;
      if (text(node.get("role") ?? null) === "master") master = at;
      else if (text(node.get("health") ?? "online") === "online") replicas.push(at);
    }
    if (master === undefined) continue;
    for (const [start, end] of pairs(shard.get("slots") ?? null)) {
      ranges.push({ start: slotNumber(start), end: slotNumber(end), master, replicas });
    }
  }
  return ranges;
}

/** A redirection: `MOVED 3999 127.0.0.1:6381`, or the same with ASK. */
export interface Redirection {
  /** The slot. */
  slot: number;
  /** Who is to be asked. */
  to: NodeAddress;
}

/** Reads a redirection; undefined when it is malformed. */
export function redirection(message: string, asked: string): Redirection | undefined {
  const match = /^(?:MOVED|ASK) ([0-9]{1,5}) (.*):([0-9]{1,5})$/.exec(message);
  if (match === null) return undefined;
  const slot = Number(match[1]);
  const hostname = match[2] === "" ? asked : match[2]!.replace(/^\[(.*)\]$/, "$1");
  const port = Number(match[3]);
  if (slot >= SLOTS || port < 1 || port > 65_535) return undefined;
  return { slot, to: { hostname, port } };
}
