/**
 * SHA-1 (FIPS 180-4) for the many small inputs of a short-lived command, where loading
 * `node:crypto` costs more than hashing.
 *
 * @module
 */
import { toHex, writeU32 } from "./_bytes.ts";
import { candidateVectors, isCollision } from "./_sha1_collision.ts";
import { GitError } from "./errors.ts";

const W = new Int32Array(80);

/** Incremental SHA-1 that notices collision attacks. */
export class Sha1 {
  #a = 0x67452301;
  #b = 0xefcdab89 | 0;
  #c = 0x98badcfe | 0;
  #d = 0x10325476;
  #e = 0xc3d2e1f0 | 0;
  #block = new Uint8Array(64);
  #used = 0;
  #length = 0;
  #isAttack = false;

  update(data: Uint8Array): this {
    this.#length += data.length;
    let at = 0;
    if (this.#used > 0) {
      const take = Math.min(64 - this.#used, data.length);
      this.#block.set(data.subarray(0, take), this.#used);
      this.#used += take;
      at = take;
      if (this.#used === 64) {
        this.#compress(this.#block, 0);
        this.#used = 0;
      }
    }
    while (at + 64 <= data.length) {
      this.#compress(data, at);
      at += 64;
    }
    if (at < data.length) {
      this.#block.set(data.subarray(at), 0);
      this.#used = data.length - at;
    }
    return this;
  }

  /** @throws {GitError} Of code `unsafe`, where a block was the last of one message of a colliding pair. */
  digest(): Uint8Array {
    const block = this.#block;
    let used = this.#used;
    block[used++] = 0x80;
    if (used > 56) {
      block.fill(0, used);
      this.#compress(block, 0);
      used = 0;
    }
    block.fill(0, used);
    writeU32(block, 56, Math.floor(this.#length / 0x20000000));
    writeU32(block, 60, (this.#length * 8) >>> 0);
    this.#compress(block, 0);
    const out = new Uint8Array(20);
    writeU32(out, 0, this.#a);
    writeU32(out, 4, this.#b);
    writeU32(out, 8, this.#c);
    writeU32(out, 12, this.#d);
    writeU32(out, 16, this.#e);
    if (this.#isAttack) {
      throw new GitError("unsafe", `SHA-1 appears to be part of a collision attack: ${toHex(out)}`);
    }
    return out;
  }

  #compress(data: Uint8Array, at: number): void {
    const w = W;
    for (let i = 0; i < 16; i++, at += 4) {
      w[i] = (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
    }
    for (let i = 16; i < 80; i++) {
      const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
      w[i] = (x << 1) | (x >>> 31);
    }
    const candidates = candidateVectors(w);
    if (candidates !== 0) {
      const before = [this.#a, this.#b, this.#c, this.#d, this.#e];
      this.#isAttack ||= isCollision(w, before, candidates);
    }
    let a = this.#a, b = this.#b, c = this.#c, d = this.#d, e = this.#e;
    for (let i = 0; i < 20; i++) {
      const f = (d ^ (b & (c ^ d))) + 0x5a827999;
      const t = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = t;
    }
    for (let i = 20; i < 40; i++) {
      const f = (b ^ c ^ d) + 0x6ed9eba1;
      const t = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = t;
    }
    for (let i = 40; i < 60; i++) {
      const f = ((b & c) | (d & (b | c))) - 0x70e44324;
      const t = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = t;
    }
    for (let i = 60; i < 80; i++) {
      const f = (b ^ c ^ d) - 0x359d3e2a;
      const t = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = t;
    }
    this.#a = (this.#a + a) | 0;
    this.#b = (this.#b + b) | 0;
    this.#c = (this.#c + c) | 0;
    this.#d = (this.#d + d) | 0;
    this.#e = (this.#e + e) | 0;
  }
}
