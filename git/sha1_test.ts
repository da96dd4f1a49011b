import { assertEquals, assertThrows } from "@std/assert";
import { decodeBase64, encodeHex } from "@std/encoding";
import { createHash } from "node:crypto";
import { Sha1 } from "./_sha1.ts";
import { INITIAL_STATE, Sha1Module } from "./_sha1_module.ts";
import { GitError } from "./errors.ts";
import { hashObject, SHA1 } from "./hash_algorithm.ts";

/** The first 320 bytes of the first document of the SHAttered pair (Stevens, Bursztein et al., 2017). */
const SHATTERED = decodeBase64(`
JVBERi0xLjMKJeLjz9MKCgoxIDAgb2JqCjw8L1dpZHRoIDIgMCBSL0hlaWdodCAzIDAgUi9UeXBlIDQgMCBSL1N1
YnR5cGUgNSAwIFIvRmlsdGVyIDYgMCBSL0NvbG9yU3BhY2UgNyAwIFIvTGVuZ3RoIDggMCBSL0JpdHNQZXJDb21w
b25lbnQgOD4+CnN0cmVhbQr/2P/+ACRTSEEtMSBpcyBkZWFkISEhISGFL+wJIzl1nDmxocY8TJfh//4Bc0bckWa2
fhGPApq2IbJWD/nKZ8yox/hbqEx5AwwrPeIY+G2zqQkB1d9FwU8m/t+z3DjpasIv571yjw5FvOBG0jxXD+sUE5i7
VS71oKgr4zH+pIA3uLXXHw4zLt+TrDUA603cDezBqGR5DHgsdiFWYN0wl5HQa9CvP5jNpLxGKbE=
`.replaceAll("\n", ""));

Deno.test("`Sha1` agrees with `node:crypto` at every length and cut", () => {
  const data = new Uint8Array(300);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7919) >>> 3;
  for (let length = 0; length <= data.length; length++) {
    const input = data.subarray(0, length);
    const hash = new Sha1();
    for (let at = 0; at < length; at += length % 70 + 1) {
      hash.update(input.subarray(at, at + length % 70 + 1));
    }
    assertEquals(encodeHex(hash.digest()), createHash("sha1").update(input).digest("hex"));
  }
});

Deno.test("`Sha1` takes data that is random, of one byte, and of many blocks for what it is", () => {
  const random = new Uint8Array(65_536);
  for (let round = 0; round < 20; round++) {
    crypto.getRandomValues(random);
    const expected = createHash("sha1").update(random).digest("hex");
    assertEquals(encodeHex(new Sha1().update(random).digest()), expected);
  }
  for (const byte of [0, 0x55, 0xff]) {
    random.fill(byte);
    const expected = createHash("sha1").update(random).digest("hex");
    assertEquals(encodeHex(new Sha1().update(random).digest()), expected);
  }
});

Deno.test("`Sha1` refuses one side of a collision, and only from the second block pair on", () => {
  const error = assertThrows(() => new Sha1().update(SHATTERED).digest(), GitError);
  assertEquals(error.code, "unsafe");
  assertEquals(
    error.message,
    "SHA-1 appears to be part of a collision attack: f92d74e3874587aaf443d1db961d4e26dde13e9c",
  );
  const before = SHATTERED.subarray(0, 192);
  assertEquals(new Sha1().update(before).digest().length, 20);
  for (const at of [200, 260, 300]) {
    const changed = SHATTERED.slice();
    changed[at]! ^= 1;
    assertEquals(
      encodeHex(new Sha1().update(changed).digest()),
      createHash("sha1").update(changed).digest("hex"),
    );
  }
});

Deno.test("`hashObject()` detects collisions only where asked to", () => {
  assertThrows(() =>
    SHA1.create(0, true).update(SHATTERED) && new Sha1().update(SHATTERED).digest()
  );
  // With an object's header before it the document is no attack.
  const id = createHash("sha1").update("blob 320\0").update(SHATTERED).digest("hex");
  assertEquals(hashObject(SHA1, "blob", SHATTERED), id);
  assertEquals(hashObject(SHA1, "blob", SHATTERED, true), id);
});

Deno.test("`Sha1Module` agrees with `node:crypto` and refuses what `Sha1` refuses", () => {
  const module = new Sha1Module();
  const nothing = new Uint8Array(0);
  const data = crypto.getRandomValues(new Uint8Array(60_000));
  for (const length of [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000, 49_000]) {
    const input = data.subarray(0, length);
    const digest = module.digest(data.subarray(0, 7), input)!;
    assertEquals(
      encodeHex(digest),
      createHash("sha1").update(data.subarray(0, 7)).update(input).digest("hex"),
    );
    assertEquals(module.isAttack, false);
  }
  // More than its memory holds goes in pieces.
  assertEquals(module.digest(nothing, data), undefined);
  const state = INITIAL_STATE.slice(), expected = INITIAL_STATE.slice();
  module.update(state, data, 0, 59_968);
  for (let at = 0; at < 59_968; at += 64) module.update(expected, data, at, at + 64);
  assertEquals(state, expected);
  assertEquals(
    encodeHex(module.digest(nothing, SHATTERED)!),
    "f92d74e3874587aaf443d1db961d4e26dde13e9c",
  );
  assertEquals(module.isAttack, true);
  const changed = SHATTERED.slice();
  changed[260]! ^= 1;
  module.digest(nothing, changed);
  assertEquals(module.isAttack, false);
});
