/** DEBUG DIGEST: a digest of the data that does not depend on the order of tables. */
import { createHash } from "node:crypto";
import type { Db } from "./_db.ts";
import { formatId } from "./_cmd_stream.ts";
import { formatG17 } from "./_numbers.ts";
import {
  BytesValue,
  HashValue,
  ListValue,
  SetValue,
  toBytes,
  type Value,
  ZSetValue,
} from "./_values.ts";

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}

function xor(digest: Uint8Array, bytes: Uint8Array): void {
  const hash = sha1(bytes);
  for (let i = 0; i < 20; i++) digest[i]! ^= hash[i]!;
}

function mix(digest: Uint8Array, bytes: Uint8Array): void {
  xor(digest, bytes);
  digest.set(sha1(digest));
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function addValue(digest: Uint8Array, value: Value, expires: boolean): void {
  const text = (part: string): Uint8Array => toBytes(part);
  if (typeof value === "string" || value instanceof BytesValue) {
    mix(digest, number(0));
    mix(digest, text(value.toString()));
  } else if (value instanceof ListValue) {
    mix(digest, number(1));
    for (const item of value) mix(digest, text(item));
  } else if (value instanceof SetValue) {
    mix(digest, number(2));
    for (const member of value.members.keys) xor(digest, text(member));
  } else if (value instanceof ZSetValue) {
    mix(digest, number(3));
    value.scores.keys.forEach((member, i) => {
      const part = new Uint8Array(20);
      mix(part, text(member));
      mix(part, text(formatG17(value.scores.values[i]!)));
      xor(digest, part);
    });
  } else if (value instanceof HashValue) {
    mix(digest, number(4));
    value.fields.keys.forEach((field, i) => {
      const part = new Uint8Array(20);
      mix(part, text(field));
      mix(part, text(value.fields.values[i]!));
      xor(digest, part);
    });
  } else {
    mix(digest, number(6));
    for (const [id, fields] of value.entries) {
      mix(digest, text(formatId(id).replace("-", ".")));
      for (const field of fields) mix(digest, text(field));
    }
  }
  if (expires) xor(digest, text("!!expire!!"));
}

function hex(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Digest of all databases. */
export function digestOf(dbs: readonly Db[]): string {
  const whole = new Uint8Array(20);
  for (const db of dbs) {
    if (db.size === 0) continue;
    mix(whole, number(db.index));
    db.dict.keys.forEach((key, i) => {
      const digest = new Uint8Array(20);
      mix(digest, toBytes(key));
      addValue(digest, db.dict.values[i]!, db.expiry(key) !== -1);
      xor(whole, digest);
    });
  }
  return hex(whole);
}

/** Digest of the value of a key. */
export function digestOfKey(db: Db, key: string): string {
  const digest = new Uint8Array(20);
  const value = db.peek(key);
  if (value !== undefined) addValue(digest, value, db.expiry(key) !== -1);
  return hex(digest);
}
