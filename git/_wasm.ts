/**
 * Writes WebAssembly modules (WebAssembly Core Specification 2.0, sections 5.3 to 5.5): what the few inner loops
 * need that JavaScript has no words for, such as rotations of 32-bit words.
 *
 * Code is a tree of bytes; an expression's operands come before its operation.
 *
 * @module
 */

/** Bytes of instructions. */
export type Code = readonly (number | Code)[];

function unsignedLeb(value: number): number[] {
  const out: number[] = [];
  do {
    const byte = value & 0x7f;
    value >>>= 7;
    out.push(value === 0 ? byte : byte | 0x80);
  } while (value !== 0);
  return out;
}

function signedLeb(value: number): number[] {
  const out: number[] = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && (byte & 0x40) === 0) || (value === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 0x80);
  }
}

const EMPTY_BLOCK = 0x40;
const I32 = 0x7f;
const ALIGN_WORD = 2;

/** A constant. */
export const constant = (value: number): Code => [0x41, signedLeb(value | 0)];
/** The value of a local variable. */
export const get = (local: number): Code => [0x20, unsignedLeb(local)];
/** Gives a local variable a value. */
export const set = (local: number, value: Code): Code => [value, 0x21, unsignedLeb(local)];

const binary = (operation: number) => (a: Code, b: Code): Code => [a, b, operation];
export const lessSigned: (a: Code, b: Code) => Code = binary(0x48);
export const notEqual: (a: Code, b: Code) => Code = binary(0x47);
export const add: (a: Code, b: Code) => Code = binary(0x6a);
export const subtract: (a: Code, b: Code) => Code = binary(0x6b);
export const and: (a: Code, b: Code) => Code = binary(0x71);
export const or: (a: Code, b: Code) => Code = binary(0x72);
export const xor: (a: Code, b: Code) => Code = binary(0x73);
export const shiftRight: (a: Code, b: Code) => Code = binary(0x76);

/** A word shifted right, without sign; by nothing it is itself. */
export const bitsFrom = (a: Code, bit: number): Code =>
  bit === 0 ? a : shiftRight(a, constant(bit));
/** A word rotated left. */
export const rotateLeft = (a: Code, count: number): Code => [a, constant(count), 0x77];
/** Whether a word is zero. */
export const isZero = (a: Code): Code => [a, 0x45];
/** How many zero bits a word ends in. */
export const trailingZeros = (a: Code): Code => [a, 0x68];

/** The little-endian word at an address. */
export const load = (address: Code, offset = 0): Code => [
  address,
  0x28,
  ALIGN_WORD,
  unsignedLeb(offset),
];
/** Stores a little-endian word. */
export const store = (address: Code, value: Code, offset = 0): Code => [
  address,
  value,
  0x36,
  ALIGN_WORD,
  unsignedLeb(offset),
];

/** Code that {@linkcode branch} leaves. */
export const block = (body: Code): Code => [0x02, EMPTY_BLOCK, body, 0x0b];
/** Code that {@linkcode branch} starts again. */
export const loop = (body: Code): Code => [0x03, EMPTY_BLOCK, body, 0x0b];
/** Code for when a condition holds; it counts as a block. */
export const when = (
  condition: Code,
  body: Code,
): Code => [condition, 0x04, EMPTY_BLOCK, body, 0x0b];
/** Leaves the block, or starts the loop again, that many levels out. */
export const branch = (levels: number): Code => [0x0c, unsignedLeb(levels)];
/** {@linkcode branch} when a condition holds. */
export const branchIf = (levels: number, condition: Code): Code => [
  condition,
  0x0d,
  unsignedLeb(levels),
];
/** Calls a function by its number. */
export const call = (number: number, ...operands: Code[]): Code => [
  operands,
  0x10,
  unsignedLeb(number),
];

/** A function of words that returns nothing. */
export interface WasmFunction {
  /** The name it is exported under, if it is. */
  readonly name?: string;
  /** How many parameters it takes; they are the first local variables. */
  readonly parameters: number;
  /** How many local variables it has beside them. */
  readonly locals: number;
  /** What it does. */
  readonly body: Code;
}

function flatten(code: Code, out: number[]): number[] {
  for (const part of code) {
    if (typeof part === "number") out.push(part);
    else flatten(part, out);
  }
  return out;
}

function section(id: number, entries: readonly Code[]): Code {
  const content = flatten([unsignedLeb(entries.length), entries], []);
  return [id, unsignedLeb(content.length), content];
}

function nameBytes(name: string): Code {
  return [name.length, [...name].map((letter) => letter.charCodeAt(0))];
}

/** The bytes of a module with a memory of so many pages (64 KiB), which is exported as `memory`. */
export function formatModule(
  pages: number,
  functions: readonly WasmFunction[],
): Uint8Array<ArrayBuffer> {
  const exported = functions.flatMap(({ name }, number) =>
    name === undefined ? [] : [[nameBytes(name), 0x00, unsignedLeb(number)]]
  );
  const bodies = functions.map(({ locals, body }) => {
    const content = flatten([1, unsignedLeb(locals), I32, body, 0x0b], []);
    return [unsignedLeb(content.length), content];
  });
  return Uint8Array.from(flatten([
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(
      1,
      functions.map(({ parameters }) => [0x60, parameters, Array(parameters).fill(I32), 0]),
    ),
    section(3, functions.map((_, number) => unsignedLeb(number))),
    section(5, [[0x00, unsignedLeb(pages)]]),
    section(7, [[nameBytes("memory"), 0x02, 0], ...exported]),
    section(10, bodies),
  ], []));
}
