/**
 * Bytecode of the VM: 32-bit words, an opcode and its operands one word each, so that a jump reaches any instruction. The
 * plain opcodes are those of "Writing A Compiler In Go" (with `<` evaluated left to right); the ones that name a local or an
 * integer are several of them in one.
 */
import { formatFloat, quoteString } from "./print.ts";
import type { FunctionCode, WhileNode } from "./ast.ts";
import { MonkeyFloat, type Value } from "./values.ts";

const DEFINITIONS = [
  ["Constant", "k"],
  ["Pop", ""],
  ["Add", ""],
  ["Sub", ""],
  ["Mul", ""],
  ["Div", ""],
  ["Mod", ""],
  ["True", ""],
  ["False", ""],
  ["Null", ""],
  ["Equal", ""],
  ["NotEqual", ""],
  ["GreaterThan", ""],
  ["LessThan", ""],
  ["GreaterEqual", ""],
  ["LessEqual", ""],
  ["Minus", ""],
  ["Bang", ""],
  ["JumpNotTruthy", "j"],
  ["Jump", "j"],
  ["GetGlobal", "g"],
  ["SetGlobal", "g"],
  ["Array", "n"],
  ["Hash", "n"],
  ["Index", ""],
  ["Call", "ns"],
  ["ReturnValue", ""],
  ["Return", ""],
  ["GetLocal", "l"],
  ["SetLocal", "l"],
  ["GetBuiltin", "k"],
  ["Closure", "fn"],
  ["GetFree", "n"],
  ["GetGlobalChecked", "g"],
  ["GetLocalChecked", "l"],
  ["GetCell", "l"],
  ["SetCell", "l"],
  ["NewCell", "l"],
  ["EmptyCell", "l"],
  ["GetFreeCell", "n"],
  ["SetFreeCell", "n"],
  ["TailCall", "ns"],
  ["CallGlobal", "gns"],
  ["Dup", ""],
  ["Dup2", ""],
  ["SetIndex", ""],
  ["JumpFalsyKeep", "j"],
  ["JumpTruthyKeep", "j"],
  ["Iterate", "l"],
  ["Next", "lj"],
  ["Turn", ""],
  ["Template", "n"],
  ["Quote", "k"],
  ["Import", "k"],
  ["Fail", "k"],
  ["Statement", ""],
  ["Integer", "i"],
  ["ReturnInteger", "i"],
  ["ReturnLocal", "l"],
  ["AddLocalInteger", "li"],
  ["SubLocalInteger", "li"],
  ["AddLocals", "ll"],
  ["JumpLocalNotEqualInteger", "lij"],
  ["JumpLocalEqualInteger", "lij"],
  ["JumpLocalNotLessInteger", "lij"],
  ["JumpLocalNotGreaterInteger", "lij"],
  ["JumpNotLess", "j"],
  ["JumpNotGreater", "j"],
  ["JumpNotEqual", "j"],
  ["SetLocalPop", "l"],
  ["SetGlobalKeep", "g"],
  ["SetLocalKeep", "l"],
  ["Loop", "jjk"],
] as const;

/** Name of an instruction. */
export type OpName = (typeof DEFINITIONS)[number][0];

/** Opcodes by name. */
export const Op: { readonly [name in OpName]: number } = Object.fromEntries(
  DEFINITIONS.map(([name], code) => [name, code]),
) as { [name in OpName]: number };

/** Letters of an instruction's operands: k constant, g global, l local, n number, s site, j jump, i integer, f function. */
export const OPERANDS: readonly string[] = DEFINITIONS.map(([, operands]) => operands);

/** A `while` that the VM may hand to another engine between two turns. */
export interface HotLoop {
  readonly node: WhileNode;
  readonly code: FunctionCode;
  /** Turns so far. */
  heat: number;
  /** Its compiled form. */
  run: unknown;
}

/** A compiled function. */
export interface Bytecode {
  readonly code: FunctionCode;
  readonly words: Int32Array;
  readonly constants: readonly unknown[];
  /** Offset of each instruction, ascending, and the source offset it came from. */
  readonly offsets: Int32Array;
  readonly positions: Int32Array;
  readonly parameterCount: number;
  readonly slotCount: number;
  /** Slots of parameters that live in cells. */
  readonly boxed: readonly number[];
}

/** Source offset of the instruction that `ip` is in or just behind. */
export function positionOf(bytecode: Bytecode, ip: number): number {
  const { offsets, positions } = bytecode;
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle]! < ip) low = middle;
    else high = middle - 1;
  }
  return positions[low] ?? 0;
}

/** Writes the instructions of a function, one a line, with what the operands stand for behind them. */
export function disassemble(bytecode: Bytecode): string {
  const { words, constants, code } = bytecode;
  const lines: string[] = [];
  for (const offset of bytecode.offsets) {
    const op = words[offset]!;
    const operands: string[] = [];
    const notes: string[] = [];
    [...OPERANDS[op]!].forEach((letter, i) => {
      const operand = words[offset + 1 + i]!;
      if (letter === "s") return;
      operands.push(letter === "j" ? pad(operand) : String(operand));
      if (letter === "k") notes.push(describe(constants[operand]));
      if (letter === "f") notes.push((constants[operand] as FunctionCode).name);
    });
    const text = `${pad(offset)} ${["Op" + DEFINITIONS[op]![0], ...operands].join(" ")}`;
    const line = code.source.line(bytecode.positions[lines.length] ?? 0);
    lines.push(`${text.padEnd(44)} ; line ${line}${notes.length > 0 ? `, ${notes.join()}` : ""}`);
  }
  return lines.join("\n");
}

function pad(offset: number): string {
  return String(offset).padStart(4, "0");
}

function describe(constant: unknown): string {
  const value = constant as Value;
  if (typeof value === "string") return quoteString(value.slice(0, 60));
  if (value instanceof MonkeyFloat) return formatFloat(value.value);
  if (typeof value === "object" && value !== null && "name" in value) return value.name;
  if (typeof value === "object" && value !== null && "heat" in value) return "loop";
  return typeof value === "object" ? "quote" : String(value);
}
