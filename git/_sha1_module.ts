/**
 * SHA-1 with detection of collision attacks as a WebAssembly module, which is three times as fast as the same in
 * JavaScript. The module is written here, from the vectors and conditions in `_sha1_collision.ts`.
 *
 * One function takes whole blocks: it expands each, finds the vectors whose conditions it meets without a branch for
 * most of them, and does the 80 steps, all in local variables. The one block in twenty that meets all conditions of a
 * vector is tried with it by another function.
 *
 * @module
 */
import { writeU32 } from "./_bytes.ts";
import {
  type AttackCondition,
  attackConditions,
  blockDifferences,
  TRIED_FROM,
} from "./_sha1_collision.ts";
import {
  add,
  and,
  bitsFrom,
  block,
  branch,
  branchIf,
  call,
  type Code,
  constant,
  formatModule,
  get,
  isZero,
  lessSigned,
  load,
  loop,
  notEqual,
  or,
  rotateLeft,
  set,
  store,
  subtract,
  trailingZeros,
  type WasmFunction,
  when,
  xor,
} from "./_wasm.ts";

// Addresses in the module's memory.
const STATE = 0;
const IS_ATTACK = 32;
const MIDDLES: Readonly<Record<number, number>> = { 58: 64, 65: 96 };
const WORDS = 256;
const DIFFERENCES = 1024;
const STEP_TABLE = DIFFERENCES + 32 * 320;
const MIDDLE_TABLE = STEP_TABLE + 32 * 4;
const INPUT = 16384;
const PAGE = 65536;

/** What SHA-1 starts from. */
export const INITIAL_STATE: Int32Array = Int32Array.of(
  0x67452301,
  0xefcdab89,
  0x98badcfe,
  0x10325476,
  0xc3d2e1f0,
);

/** Conditions that nearly every block needs; those after them are skipped once no vector is left. */
const CONDITIONS_ALWAYS = 32;
const CONDITIONS_A_GROUP = 8;

const ROUND_CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];

function roundFunction(round: number, b: Code, c: Code, d: Code): Code {
  if (round === 0) return xor(d, and(b, xor(c, d)));
  if (round === 2) return or(and(b, c), and(d, or(b, c)));
  return xor(xor(b, c), d);
}

/** What a condition leaves of a mask of vectors. */
function afterCondition(mask: Code, condition: AttackCondition, words: number): Code {
  const { step, bit, otherStep, otherBit, differs, vectors } = condition;
  const a = get(words + step), b = get(words + otherStep);
  const difference = bit === otherBit
    ? bitsFrom(xor(a, b), bit)
    : xor(bitsFrom(a, bit), bitsFrom(b, otherBit));
  const isOne = and(difference, constant(1));
  // All ones where the condition is met.
  const met = differs ? subtract(constant(0), isOne) : subtract(isOne, constant(1));
  return and(mask, or(met, constant(~vectors)));
}

/** `blocks(from, to)`: the blocks of the memory between two addresses. */
function blocksFunction(tryVectors: number): WasmFunction {
  const from = 0, to = 1, mask = 2, temporary = 3, state = 4, words = 9;
  const word = (step: number): Code => get(words + step);
  const code: Code[] = [];
  for (let step = 0; step < 16; step++) {
    const loaded = load(get(from), step * 4);
    code.push(
      set(temporary, loaded),
      set(
        words + step,
        or(
          and(rotateLeft(get(temporary), 8), constant(0x00ff00ff)),
          and(rotateLeft(get(temporary), 24), constant(0xff00ff00)),
        ),
      ),
    );
  }
  for (let step = 16; step < 80; step++) {
    const mixed = xor(xor(word(step - 3), word(step - 8)), xor(word(step - 14), word(step - 16)));
    code.push(set(words + step, rotateLeft(mixed, 1)));
  }
  const conditions = attackConditions();
  code.push(set(mask, constant(-1)));
  for (const condition of conditions.slice(0, CONDITIONS_ALWAYS)) {
    code.push(set(mask, afterCondition(get(mask), condition, words)));
  }
  const rest: Code[] = [];
  for (let at = CONDITIONS_ALWAYS; at < conditions.length; at += CONDITIONS_A_GROUP) {
    rest.push(branchIf(0, isZero(get(mask))));
    for (const condition of conditions.slice(at, at + CONDITIONS_A_GROUP)) {
      rest.push(set(mask, afterCondition(get(mask), condition, words)));
    }
  }
  code.push(block(rest));
  for (let i = 0; i < 5; i++) code.push(set(state + i, load(constant(STATE), i * 4)));
  // The five variables change places instead of values.
  let [a, b, c, d, e] = [0, 1, 2, 3, 4].map((i) => state + i) as [
    number,
    number,
    number,
    number,
    number,
  ];
  for (let step = 0; step < 80; step++) {
    const middle = MIDDLES[step];
    if (middle !== undefined) {
      [a, b, c, d, e].forEach((variable, i) =>
        code.push(store(constant(middle), get(variable), i * 4))
      );
    }
    const round = Math.floor(step / 20);
    const sum = add(
      add(add(get(e), word(step)), constant(ROUND_CONSTANTS[round]!)),
      add(rotateLeft(get(a), 5), roundFunction(round, get(b), get(c), get(d))),
    );
    code.push(set(e, sum), set(b, rotateLeft(get(b), 30)));
    [a, b, c, d, e] = [e, a, b, c, d];
  }
  [a, b, c, d, e].forEach((variable, i) =>
    code.push(
      store(constant(STATE), add(get(variable), load(constant(STATE), i * 4)), i * 4),
    )
  );
  const stores: Code[] = [];
  for (let step = 0; step < 80; step++) stores.push(store(constant(WORDS), word(step), step * 4));
  code.push(when(get(mask), [stores, call(tryVectors, get(mask))]));
  return {
    name: "blocks",
    parameters: 2,
    locals: 7 + 80,
    body: block([
      loop([
        branchIf(1, isZero(notEqual(get(from), get(to)))),
        code,
        set(from, add(get(from), constant(64))),
        branch(0),
      ]),
    ]),
  };
}

/** `tryVectors(mask)`: tries the last block with each of some vectors. */
function tryVectorsFunction(): WasmFunction {
  const mask = 0, vector = 1, step = 2, next = 3, state = 4, before = 9;
  const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((i) => state + i) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const ofVector = (table: number, size: number): Code => [
    get(vector),
    constant(size),
    0x6c,
    constant(table),
    0x6a,
  ];
  const stepAddress: Code = [get(step), constant(2), 0x74];
  const word = xor(
    load(stepAddress, WORDS),
    load(add(stepAddress, ofVector(DIFFERENCES, 320))),
  );
  const loadMiddle: Code = [0, 1, 2, 3, 4].map((i) =>
    set(state + i, load(load(ofVector(MIDDLE_TABLE, 4)), i * 4))
  );
  const added = (round: number): Code =>
    add(
      add(rotateLeft(get(a), 5), roundFunction(round, get(b), get(c), get(d))),
      add(constant(ROUND_CONSTANTS[round]!), word),
    );
  const backward: Code = [3, 2, 1, 0].map((round) =>
    block([
      loop([
        branchIf(1, lessSigned(get(step), constant(round * 20))),
        set(next, get(a)),
        set(a, get(b)),
        set(b, rotateLeft(get(c), 2)),
        set(c, get(d)),
        set(d, get(e)),
        set(e, subtract(get(next), added(round))),
        set(step, subtract(get(step), constant(1))),
        branch(0),
      ]),
    ])
  );
  const forward: Code = [2, 3].map((round) =>
    block([
      loop([
        branchIf(1, lessSigned(constant(round * 20 + 19), get(step))),
        set(next, add(get(e), added(round))),
        set(e, get(d)),
        set(d, get(c)),
        set(c, rotateLeft(get(b), 30)),
        set(b, get(a)),
        set(a, get(next)),
        set(step, add(get(step), constant(1))),
        branch(0),
      ]),
    ])
  );
  const different = [0, 1, 2, 3, 4].map((i) =>
    xor(add(get(before + i), get(state + i)), load(constant(STATE), i * 4))
  ).reduce((all, one) => or(all, one));
  return {
    parameters: 1,
    locals: 13,
    body: block([
      loop([
        branchIf(1, isZero(get(mask))),
        set(vector, trailingZeros(get(mask))),
        set(mask, and(get(mask), subtract(get(mask), constant(1)))),
        loadMiddle,
        set(step, subtract(load(ofVector(STEP_TABLE, 4)), constant(1))),
        backward,
        [0, 1, 2, 3, 4].map((i) => set(before + i, get(state + i))),
        loadMiddle,
        set(step, load(ofVector(STEP_TABLE, 4))),
        forward,
        when(isZero(different), store(constant(IS_ATTACK), constant(1))),
        branch(0),
      ]),
    ]),
  };
}

/** The module, at work. One computation at a time: what it holds lasts until the next call. */
export class Sha1Module {
  readonly #blocks: (from: number, to: number) => void;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;

  /** Compiles it. */
  constructor() {
    const module = new WebAssembly.Module(
      formatModule(1, [blocksFunction(1), tryVectorsFunction()]),
    );
    const { exports } = new WebAssembly.Instance(module);
    this.#blocks = exports.blocks as (from: number, to: number) => void;
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.#bytes = new Uint8Array(buffer);
    const words = this.#words = new Int32Array(buffer);
    blockDifferences().forEach((row, vector) => {
      words.set(row, (DIFFERENCES + vector * 320) / 4);
      words[STEP_TABLE / 4 + vector] = TRIED_FROM[vector]!;
      words[MIDDLE_TABLE / 4 + vector] = MIDDLES[TRIED_FROM[vector]!]!;
    });
  }

  /** Whether a block of the last call is the last of one message of a colliding pair. */
  get isAttack(): boolean {
    return this.#words[IS_ATTACK / 4] !== 0;
  }

  /** Takes the whole blocks of `data[from..to)` into a state of five words. */
  update(state: Int32Array, data: Uint8Array, from: number, to: number): void {
    const words = this.#words;
    words.set(state, STATE);
    words[IS_ATTACK / 4] = 0;
    for (let at = from; at < to; at += PAGE - INPUT) {
      const end = Math.min(to, at + PAGE - INPUT);
      this.#bytes.set(data.subarray(at, end), INPUT);
      this.#blocks(INPUT, INPUT + end - at);
    }
    for (let i = 0; i < 5; i++) state[i] = words[i]!;
  }

  /** The digest of a header and data at once, if they fit into the memory. */
  digest(header: Uint8Array, data: Uint8Array): Uint8Array | undefined {
    const length = header.length + data.length;
    const end = INPUT + ((length + 9 + 63) & ~63);
    if (end > PAGE) return undefined;
    const bytes = this.#bytes, words = this.#words;
    words.set(INITIAL_STATE, STATE);
    words[IS_ATTACK / 4] = 0;
    bytes.set(header, INPUT);
    bytes.set(data, INPUT + header.length);
    bytes.fill(0, INPUT + length, end);
    bytes[INPUT + length] = 0x80;
    writeU32(bytes, end - 4, length * 8);
    this.#blocks(INPUT, end);
    const out = new Uint8Array(20);
    for (let i = 0; i < 5; i++) writeU32(out, i * 4, words[i]!);
    return out;
  }
}
