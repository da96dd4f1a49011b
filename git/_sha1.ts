/**
 * SHA-1 (FIPS 180-4) with detection of collision attacks, for what comes from outside; and for the many small inputs
 * of a short-lived command, where loading `node:crypto` costs more than hashing.
 *
 * @module
 */
import { toHex, writeU32 } from "./_bytes.ts";
import { candidateVectors, isCollision } from "./_sha1_collision.ts";
import { INITIAL_STATE, Sha1Module } from "./_sha1_module.ts";
import { GitError } from "./errors.ts";

const W = new Int32Array(80);

/** After how many bytes a process that hashes is worth the module (some milliseconds). */
const MODULE_AFTER = 4 * 1024 * 1024;
let hashed = 0;
let module: Sha1Module | undefined;

/** Incremental SHA-1 that notices collision attacks. */
export class Sha1 {
  readonly #state = INITIAL_STATE.slice();
  readonly #block = new Uint8Array(64);
  #used = 0;
  #length = 0;
  #isAttack = false;

  update(data: Uint8Array): this {
    this.#length += data.length;
    let at = 0;
    if (this.#used > 0) {
      at = Math.min(64 - this.#used, data.length);
      this.#block.set(at === data.length ? data : data.subarray(0, at), this.#used);
      this.#used += at;
      if (this.#used < 64) return this;
      this.#compress(this.#block, 0, 64);
      this.#used = 0;
    }
    const whole = at + ((data.length - at) & ~63);
    if (whole > at) this.#compress(data, at, whole);
    if (whole < data.length) {
      this.#block.set(data.subarray(whole), 0);
      this.#used = data.length - whole;
    }
    return this;
  }

  /** @throws {GitError} Of code `unsafe`, where a block was the last of one message of a colliding pair. */
  digest(): Uint8Array {
    const used = this.#used;
    const tail = new Uint8Array(used < 56 ? 64 : 128);
    tail.set(this.#block.subarray(0, used));
    tail[used] = 0x80;
    writeU32(tail, tail.length - 8, Math.floor(this.#length / 0x20000000));
    writeU32(tail, tail.length - 4, (this.#length * 8) >>> 0);
    this.#compress(tail, 0, tail.length);
    const out = new Uint8Array(20);
    for (let i = 0; i < 5; i++) writeU32(out, i * 4, this.#state[i]!);
    if (this.#isAttack) throw attack(out);
    return out;
  }

  #compress(data: Uint8Array, from: number, to: number): void {
    if (module === undefined) {
      hashed += to - from;
      if (hashed < MODULE_AFTER) {
        for (let at = from; at < to; at += 64) {
          if (compress(this.#state, data, at)) this.#isAttack = true;
        }
        return;
      }
      module = new Sha1Module();
    }
    module.update(this.#state, data, from, to);
    if (module.isAttack) this.#isAttack = true;
  }
}

/**
 * The digest of a header and data, with detection.
 *
 * @throws {GitError} Of code `unsafe`, for one message of a colliding pair.
 */
export function sha1Detecting(header: Uint8Array, data: Uint8Array): Uint8Array {
  const out = module?.digest(header, data);
  if (out === undefined) return new Sha1().update(header).update(data).digest();
  if (module!.isAttack) throw attack(out);
  return out;
}

function attack(digest: Uint8Array): GitError {
  return new GitError("unsafe", `SHA-1 appears to be part of a collision attack: ${toHex(digest)}`);
}

/** Takes a block into the state; returns whether it is the last of one message of a colliding pair. */
function compress(state: Int32Array, data: Uint8Array, at: number): boolean {
  const w = W;
  for (let i = 0; i < 16; i++, at += 4) {
    w[i] = (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
  }
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (x << 1) | (x >>> 31);
  }
  const candidates = candidateVectors(w);
  const isAttack = candidates !== 0 && isCollision(w, [...state], candidates);
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!;
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
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
  state[4] = state[4]! + e;
  return isAttack;
}
