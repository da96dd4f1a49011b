/**
 * The stack VM. Frames are in arrays of their own, so the depth of calls is limited by `maxDepth` and not by the host's
 * stack; the current frame's code, position and base are local variables of one loop.
 */
import { type Bytecode, type HotLoop, Op, positionOf } from "./_code.ts";
import { compileFunction, type CompileOptions } from "./_compiler.ts";
import { MonkeyError } from "./errors.ts";
import { joinTemplate, makeHash } from "./_evaluator.ts";
import {
  binary,
  index,
  iterate,
  MAX_SMALL,
  type MonkeyIterator,
  negate,
  OPERATORS,
  setIndex,
} from "./_operators.ts";
import { buildQuote } from "./_quote.ts";
import { FUEL, type Runtime, type Slot } from "./_runtime.ts";
import type { FunctionCode } from "./ast.ts";
import type { QuoteNode } from "./ast.ts";
import {
  Cell,
  MonkeyArray,
  MonkeyBuiltin,
  MonkeyFunction,
  typeName,
  type Value,
} from "./values.ts";

/** Runs a hot function in another engine; undefined where that one declines. */
export type Tier = (
  fn: MonkeyFunction,
  stack: readonly Slot[],
  base: number,
  depth: number,
) => Value | undefined;

/** Runs a hot loop to its end in another engine; false where that one declines. */
export type LoopTier = (
  loop: HotLoop,
  fn: MonkeyFunction,
  stack: Slot[],
  base: number,
  depth: number,
) => boolean;

/** What a debugger sees and says when a statement begins; false pauses the VM there. */
export type StatementHook = (vm: Vm) => boolean;

/** A call that is open. */
export interface OpenFrame {
  readonly code: FunctionCode;
  readonly fn: MonkeyFunction;
  /** Source offset of the statement or call that is running. */
  readonly position: number;
  /** Index of slot 0 in the stack. */
  readonly base: number;
}

const PAUSED = { paused: true } as unknown as Value;

export class Vm {
  readonly #runtime: Runtime;
  readonly #options: CompileOptions;
  readonly #load: (specifier: string, code: FunctionCode) => Value;
  tier: Tier | undefined;
  loopTier: LoopTier | undefined;
  /** Calls of a function, or turns of a loop, before a tier is asked for it. */
  hotAfter = 500;
  hook: StatementHook | undefined;
  /** When to hand control back to the host (`performance.now()`); Infinity for never. */
  yieldAt = Infinity;
  // Frames below the current one, of all nested runs.
  readonly #codes: Bytecode[] = [];
  readonly #functions: MonkeyFunction[] = [];
  #ips = new Int32Array(64);
  #bases = new Int32Array(64);
  #returns = new Int32Array(64);
  #top = 0;
  /** Runs that a builtin or another engine waits for; they cannot pause. */
  #nesting = 0;
  // The frame that was running when the VM paused or called out.
  #current:
    | { bytecode: Bytecode; fn: MonkeyFunction; ip: number; base: number; floor: number }
    | undefined;

  constructor(
    runtime: Runtime,
    options: CompileOptions,
    load: (specifier: string, code: FunctionCode) => Value,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#load = load;
  }

  bytecode(code: FunctionCode): Bytecode {
    if (code.bytecode === undefined) {
      code.bytecode = compileFunction(code, this.#runtime, this.#options);
      this.#runtime.compiled.push(code);
    }
    return code.bytecode as Bytecode;
  }

  /** Forgets frames that an error left behind. */
  reset(): void {
    this.#top = 0;
    this.#nesting = 0;
    this.#current = undefined;
  }

  /** Runs a function of the program at a depth, on the stack above what is in use. */
  invoke(fn: MonkeyFunction, args: readonly Value[], depth: number): Value {
    const runtime = this.#runtime;
    const { stack, stackTop } = runtime;
    for (let i = 0; i < args.length; i++) stack[stackTop + i] = args[i];
    const top = this.#top;
    const current = this.#current;
    this.#nesting++;
    try {
      return this.#run(fn, this.bytecode(fn.code), 0, stackTop, true, depth, top);
    } finally {
      this.#nesting--;
      this.#top = top;
      this.#current = current;
      runtime.stackTop = stackTop;
    }
  }

  /** Starts a program under a debugger; undefined when it paused. */
  start(fn: MonkeyFunction): Value | undefined {
    this.reset();
    return this.#settle(this.#run(fn, this.bytecode(fn.code), 0, 0, true, 0, 0));
  }

  /** Goes on behind a pause; undefined when it paused again. */
  resume(): Value | undefined {
    const { bytecode, fn, ip, base, floor } = this.#current!;
    return this.#settle(this.#run(fn, bytecode, ip, base, false, this.#runtime.depth, floor));
  }

  /** Takes a new slice of steps; says whether the host wants control back. */
  #refill(): boolean {
    this.#runtime.refill();
    return this.#nesting === 0 && performance.now() > this.yieldAt;
  }

  #pause(
    bytecode: Bytecode,
    fn: MonkeyFunction,
    ip: number,
    base: number,
    top: number,
    sp: number,
    depth: number,
  ): Value {
    this.#top = top;
    this.#current = { bytecode, fn, ip, base, floor: 0 };
    this.#runtime.stackTop = sp;
    this.#runtime.depth = depth;
    return PAUSED;
  }

  #settle(value: Value): Value | undefined {
    return value === PAUSED ? undefined : value;
  }

  /** Whether the running frame belongs to a run inside a builtin, which cannot pause. */
  get nested(): boolean {
    return this.#nesting > 0;
  }

  /** The open calls, innermost first; valid inside the hook and while paused. */
  frames(): OpenFrame[] {
    const out: OpenFrame[] = [];
    const { bytecode, fn, ip, base } = this.#current!;
    const add = (code: Bytecode, fun: MonkeyFunction, at: number, from: number) =>
      out.push({ code: code.code, fn: fun, position: positionOf(code, at), base: from });
    add(bytecode, fn, ip, base);
    for (let i = this.#top - 1; i >= 0; i--) {
      add(this.#codes[i]!, this.#functions[i]!, this.#ips[i]!, this.#bases[i]!);
    }
    return out;
  }

  /** Reads a slot of the stack. */
  slot(at: number): Slot {
    return this.#runtime.stack[at];
  }

  #grow(): void {
    const size = this.#ips.length * 2;
    for (const name of ["ips", "bases", "returns"] as const) {
      const grown = new Int32Array(size);
      if (name === "ips") grown.set(this.#ips), this.#ips = grown;
      else if (name === "bases") grown.set(this.#bases), this.#bases = grown;
      else grown.set(this.#returns), this.#returns = grown;
    }
  }

  #enterSlots(bytecode: Bytecode, base: number): void {
    const { stack } = this.#runtime;
    for (const slot of bytecode.boxed) stack[base + slot] = new Cell(stack[base + slot] as Value);
  }

  /** Complete form of an operator, with the stack's top published for the mark. */
  #binary(op: number, a: Value, b: Value, sp: number): Value {
    this.#runtime.stackTop = sp;
    return binary(this.#runtime, OPERATOR_OF[op]!, a, b);
  }

  #builtin(callee: Slot, first: number, count: number, site: number, depth: number): Value {
    const runtime = this.#runtime;
    if (!(callee instanceof MonkeyBuiltin)) {
      throw new MonkeyError(`not a function: ${typeName(callee as Value)}`);
    }
    const { rootTop, hostUsed } = runtime;
    const args = runtime.stack.slice(first, first + count) as Value[];
    runtime.stackTop = first + count;
    runtime.depth = depth;
    runtime.sites[depth] = site;
    const value = callee.call(runtime, args);
    runtime.rootTop = rootTop;
    runtime.hostUsed = hostUsed;
    return value;
  }

  #closure(code: FunctionCode, fn: MonkeyFunction, base: number, sp: number): MonkeyFunction {
    const { stack } = this.#runtime;
    const free: (Value | Cell)[] = [];
    for (const { variable, fromSlot, index } of code.captures) {
      if (!fromSlot) free.push(fn.free[index]!);
      else if (variable.boxed) free.push((stack[base + index] ??= new Cell(undefined)) as Cell);
      else free.push(stack[base + index] as Value);
    }
    this.#runtime.stackTop = sp;
    this.#runtime.allocate(2 + free.length);
    return new MonkeyFunction(code, free);
  }

  #missing(bytecode: Bytecode, ip: number): never {
    const { code } = bytecode;
    const start = positionOf(bytecode, ip);
    const name = /^[\p{L}_][\p{L}\p{Mn}\p{Nd}_]*/u.exec(code.source.text.slice(start, start + 200));
    throw new MonkeyError(`identifier not found: ${name?.[0] ?? "?"}`);
  }

  #checkCall(fn: MonkeyFunction, bytecode: Bytecode, count: number, depth: number): void {
    if (bytecode.parameterCount !== count) {
      const want = fn.code.parameters.length;
      throw new MonkeyError(`wrong number of arguments: want=${want}, got=${count}`);
    }
    const { maxDepth } = this.#runtime.limits;
    if (depth >= maxDepth) {
      throw new MonkeyError(
        `stack overflow: more than ${maxDepth} calls are open`,
        "stack-overflow",
      );
    }
  }

  /**
   * The interpreter. `fresh` prepares the slots of a new call whose arguments are at `base`; `floor` is the number of frames
   * that belong to runs around this one.
   */
  #run(
    fn: MonkeyFunction,
    bytecode: Bytecode,
    ip: number,
    base: number,
    fresh: boolean,
    depth: number,
    floor: number,
  ): Value {
    const runtime = this.#runtime;
    const { stack, globals, state, sites } = runtime;
    const { maxDepth } = runtime.limits;
    const { tier, hotAfter } = this;
    const codes = this.#codes;
    const functions = this.#functions;
    let top = this.#top;
    let words = bytecode.words;
    let sp = fresh ? base + bytecode.slotCount : runtime.stackTop;
    if (fresh) {
      for (let i = base + bytecode.parameterCount; i < sp; i++) stack[i] = undefined;
      if (bytecode.boxed.length > 0) this.#enterSlots(bytecode, base);
    }
    let callee: Slot;
    let count = 0;
    let site = 0;
    let returnTo = 0;
    let result: Value;
    try {
      for (;;) {
        dispatch: {
          // Literal numbers, or the switch would not become a jump table; a test holds them against `Op`.
          switch (words[ip++]) {
            case 0: // Constant
              stack[sp++] = bytecode.constants[words[ip++]!] as Value;
              continue;
            case 56: // Integer
              stack[sp++] = words[ip++]!;
              continue;
            case 1: // Pop
              sp--;
              continue;
            case 2: { // Add
              const b = stack[--sp] as Value;
              const a = stack[sp - 1] as Value;
              if (typeof a === "number" && typeof b === "number") {
                const sum = a + b;
                if (sum <= MAX_SMALL && sum >= -MAX_SMALL) {
                  stack[sp - 1] = sum;
                  continue;
                }
              }
              stack[sp - 1] = this.#binary(Op.Add, a, b, sp + 1);
              continue;
            }
            case 3: { // Sub
              const b = stack[--sp] as Value;
              const a = stack[sp - 1] as Value;
              if (typeof a === "number" && typeof b === "number") {
                const difference = a - b;
                if (difference <= MAX_SMALL && difference >= -MAX_SMALL) {
                  stack[sp - 1] = difference;
                  continue;
                }
              }
              stack[sp - 1] = this.#binary(Op.Sub, a, b, sp + 1);
              continue;
            }
            case 4: { // Mul
              const b = stack[--sp] as Value;
              const a = stack[sp - 1] as Value;
              if (typeof a === "number" && typeof b === "number") {
                const product = a * b + 0;
                if (product <= MAX_SMALL && product >= -MAX_SMALL) {
                  stack[sp - 1] = product;
                  continue;
                }
              }
              stack[sp - 1] = this.#binary(Op.Mul, a, b, sp + 1);
              continue;
            }
            case 59: { // AddLocalInteger
              const a = stack[base + words[ip]!] as Value;
              const b = words[ip + 1]!;
              ip += 2;
              if (typeof a === "number") {
                const sum = a + b;
                if (sum <= MAX_SMALL && sum >= -MAX_SMALL) {
                  stack[sp++] = sum;
                  continue;
                }
              }
              stack[sp] = this.#binary(Op.Add, a, b, sp);
              sp++;
              continue;
            }
            case 60: { // SubLocalInteger
              const a = stack[base + words[ip]!] as Value;
              const b = words[ip + 1]!;
              ip += 2;
              if (typeof a === "number") {
                const difference = a - b;
                if (difference <= MAX_SMALL && difference >= -MAX_SMALL) {
                  stack[sp++] = difference;
                  continue;
                }
              }
              stack[sp] = this.#binary(Op.Sub, a, b, sp);
              sp++;
              continue;
            }
            case 61: { // AddLocals
              const a = stack[base + words[ip]!] as Value;
              const b = stack[base + words[ip + 1]!] as Value;
              ip += 2;
              if (typeof a === "number" && typeof b === "number") {
                const sum = a + b;
                if (sum <= MAX_SMALL && sum >= -MAX_SMALL) {
                  stack[sp++] = sum;
                  continue;
                }
              }
              stack[sp] = this.#binary(Op.Add, a, b, sp);
              sp++;
              continue;
            }
            case 5: // Div
            case 6: // Mod
            case 10: // Equal
            case 11: // NotEqual
            case 12: // GreaterThan
            case 13: // LessThan
            case 14: // GreaterEqual
            case 15: { // LessEqual
              const b = stack[--sp] as Value;
              const a = stack[sp - 1] as Value;
              stack[sp - 1] = this.#binary(words[ip - 1]!, a, b, sp + 1);
              continue;
            }
            case 66: { // JumpNotLess
              const b = stack[--sp] as Value;
              const a = stack[--sp] as Value;
              const holds = typeof a === "number" && typeof b === "number"
                ? a < b
                : this.#binary(Op.LessThan, a, b, sp + 2) === true;
              ip = holds ? ip + 1 : words[ip]!;
              continue;
            }
            case 67: { // JumpNotGreater
              const b = stack[--sp] as Value;
              const a = stack[--sp] as Value;
              const holds = typeof a === "number" && typeof b === "number"
                ? a > b
                : this.#binary(Op.GreaterThan, a, b, sp + 2) === true;
              ip = holds ? ip + 1 : words[ip]!;
              continue;
            }
            case 68: { // JumpNotEqual
              const b = stack[--sp] as Value;
              const a = stack[--sp] as Value;
              const holds = typeof a === "number" && typeof b === "number"
                ? a === b
                : this.#binary(Op.Equal, a, b, sp + 2) === true;
              ip = holds ? ip + 1 : words[ip]!;
              continue;
            }
            case 62: { // JumpLocalNotEqualInteger
              const a = stack[base + words[ip]!] as Value;
              const holds = typeof a === "number"
                ? a === words[ip + 1]
                : this.#binary(Op.Equal, a, words[ip + 1]!, sp) === true;
              ip = holds ? ip + 3 : words[ip + 2]!;
              continue;
            }
            case 63: { // JumpLocalEqualInteger
              const a = stack[base + words[ip]!] as Value;
              const holds = typeof a === "number"
                ? a !== words[ip + 1]
                : this.#binary(Op.NotEqual, a, words[ip + 1]!, sp) === true;
              ip = holds ? ip + 3 : words[ip + 2]!;
              continue;
            }
            case 64: { // JumpLocalNotLessInteger
              const a = stack[base + words[ip]!] as Value;
              const holds = typeof a === "number"
                ? a < words[ip + 1]!
                : this.#binary(Op.LessThan, a, words[ip + 1]!, sp) === true;
              ip = holds ? ip + 3 : words[ip + 2]!;
              continue;
            }
            case 65: { // JumpLocalNotGreaterInteger
              const a = stack[base + words[ip]!] as Value;
              const holds = typeof a === "number"
                ? a > words[ip + 1]!
                : this.#binary(Op.GreaterThan, a, words[ip + 1]!, sp) === true;
              ip = holds ? ip + 3 : words[ip + 2]!;
              continue;
            }
            case 7: // True
              stack[sp++] = true;
              continue;
            case 8: // False
              stack[sp++] = false;
              continue;
            case 9: // Null
              stack[sp++] = null;
              continue;
            case 16: { // Minus
              const value = stack[sp - 1] as Value;
              runtime.stackTop = sp;
              stack[sp - 1] = typeof value === "number" ? 0 - value : negate(runtime, value);
              continue;
            }
            case 17: { // Bang
              const value = stack[sp - 1];
              stack[sp - 1] = value === false || value === null;
              continue;
            }
            case 18: { // JumpNotTruthy
              const value = stack[--sp];
              ip = value === false || value === null ? words[ip]! : ip + 1;
              continue;
            }
            case 46: { // JumpFalsyKeep
              const value = stack[sp - 1];
              ip = value === false || value === null ? words[ip]! : ip + 1;
              continue;
            }
            case 47: { // JumpTruthyKeep
              const value = stack[sp - 1];
              ip = value === false || value === null ? ip + 1 : words[ip]!;
              continue;
            }
            case 72: { // Loop
              if (tier !== undefined) {
                const loop = bytecode.constants[words[ip + 2]!] as HotLoop;
                if (++loop.heat > hotAfter) {
                  this.#top = top;
                  runtime.stackTop = sp;
                  if (this.loopTier!(loop, fn, stack, base, depth)) {
                    ip = words[ip + 1]!;
                    continue;
                  }
                  // Not now; asked again later.
                  loop.heat = -10 * hotAfter;
                }
              }
              ip = words[ip]!;
              continue;
            }
            case 19: // Jump
              ip = words[ip]!;
              continue;
            case 50: // Turn
              if (--state[FUEL]! < 0 && this.#refill()) {
                return this.#pause(bytecode, fn, ip, base, top, sp, depth);
              }
              continue;
            case 20: // GetGlobal
              stack[sp++] = globals[words[ip++]!];
              continue;
            case 33: { // GetGlobalChecked
              const value = globals[words[ip++]!];
              if (value === undefined) this.#missing(bytecode, ip);
              stack[sp++] = value;
              continue;
            }
            case 21: // SetGlobal
              globals[words[ip++]!] = stack[--sp] as Value;
              continue;
            case 70: // SetGlobalKeep
              globals[words[ip++]!] = stack[sp - 1] as Value;
              continue;
            case 28: // GetLocal
              stack[sp++] = stack[base + words[ip++]!];
              continue;
            case 34: { // GetLocalChecked
              const value = stack[base + words[ip++]!];
              if (value === undefined) this.#missing(bytecode, ip);
              stack[sp++] = value;
              continue;
            }
            case 29: // SetLocal
            case 69: // SetLocalPop
              stack[base + words[ip++]!] = stack[--sp];
              continue;
            case 71: // SetLocalKeep
              stack[base + words[ip++]!] = stack[sp - 1];
              continue;
            case 35: { // GetCell
              const value = (stack[base + words[ip++]!] as Cell | undefined)?.value;
              if (value === undefined) this.#missing(bytecode, ip);
              stack[sp++] = value;
              continue;
            }
            case 36: // SetCell
              (stack[base + words[ip++]!] as Cell).value = stack[sp - 1] as Value;
              continue;
            case 37: // NewCell
              stack[base + words[ip++]!] = new Cell(stack[--sp] as Value);
              continue;
            case 38: // EmptyCell
              stack[base + words[ip++]!] = new Cell(undefined);
              continue;
            case 32: // GetFree
              stack[sp++] = fn.free[words[ip++]!]!;
              continue;
            case 39: { // GetFreeCell
              const { value } = fn.free[words[ip++]!] as Cell;
              if (value === undefined) this.#missing(bytecode, ip);
              stack[sp++] = value;
              continue;
            }
            case 40: // SetFreeCell
              (fn.free[words[ip++]!] as Cell).value = stack[sp - 1] as Value;
              continue;
            case 30: // GetBuiltin
              stack[sp++] = bytecode.constants[words[ip++]!] as Value;
              continue;
            case 22: { // Array
              const length = words[ip++]!;
              runtime.stackTop = sp;
              runtime.allocate(2 + length);
              sp -= length;
              stack[sp] = new MonkeyArray(stack.slice(sp, sp + length) as Value[]);
              sp++;
              continue;
            }
            case 23: { // Hash
              const length = words[ip++]!;
              runtime.stackTop = sp;
              const hash = makeHash(runtime, stack.slice(sp - length, sp) as Value[]);
              sp -= length;
              stack[sp++] = hash;
              continue;
            }
            case 51: { // Template
              const length = words[ip++]!;
              runtime.stackTop = sp;
              const text = joinTemplate(runtime, stack.slice(sp - length, sp) as Value[]);
              sp -= length;
              stack[sp++] = text;
              continue;
            }
            case 52: { // Quote
              const node = bytecode.constants[words[ip++]!] as QuoteNode;
              const holes = node.holes.length;
              runtime.stackTop = sp;
              runtime.allocate(8);
              const quote = buildQuote(node, stack.slice(sp - holes, sp) as Value[]);
              sp -= holes;
              stack[sp++] = quote;
              continue;
            }
            case 24: { // Index
              const key = stack[--sp] as Value;
              const object = stack[sp - 1] as Value;
              if (object instanceof MonkeyArray && typeof key === "number") {
                const value = object.items[key];
                stack[sp - 1] = value === undefined ? null : value;
              } else stack[sp - 1] = index(object, key);
              continue;
            }
            case 45: { // SetIndex
              runtime.stackTop = sp;
              const value = stack[sp - 1] as Value;
              setIndex(runtime, stack[sp - 3] as Value, stack[sp - 2] as Value, value);
              sp -= 2;
              stack[sp - 1] = value;
              continue;
            }
            case 43: // Dup
              stack[sp] = stack[sp - 1];
              sp++;
              continue;
            case 44: // Dup2
              stack[sp] = stack[sp - 2];
              stack[sp + 1] = stack[sp - 1];
              sp += 2;
              continue;
            case 48: // Iterate
              runtime.stackTop = sp;
              stack[base + words[ip++]!] = iterate(runtime, stack[--sp] as Value);
              continue;
            case 49: { // Next
              const item = (stack[base + words[ip]!] as MonkeyIterator).next();
              if (item === undefined) {
                stack[base + words[ip]!] = undefined;
                ip = words[ip + 1]!;
              } else {
                stack[sp++] = item;
                ip += 2;
              }
              continue;
            }
            case 31: { // Closure
              const code = bytecode.constants[words[ip]!] as FunctionCode;
              ip += 2;
              stack[sp] = this.#closure(code, fn, base, sp);
              sp++;
              continue;
            }
            case 53: { // Import
              const specifier = bytecode.constants[words[ip++]!] as string;
              runtime.stackTop = sp;
              runtime.depth = depth;
              this.#top = top;
              stack[sp] = this.#load(specifier, bytecode.code);
              sp++;
              continue;
            }
            case 54: // Fail
              throw new MonkeyError(bytecode.constants[words[ip++]!] as string);
            case 55: { // Statement
              if (this.hook === undefined) continue;
              this.#top = top;
              this.#current = { bytecode, fn, ip, base, floor };
              runtime.stackTop = sp;
              runtime.depth = depth;
              if (!this.hook(this)) return PAUSED;
              continue;
            }
            case 42: // CallGlobal
              callee = globals[words[ip]!];
              count = words[ip + 1]!;
              site = words[ip + 2]!;
              ip += 3;
              returnTo = sp - count;
              break dispatch;
            case 25: // Call
              count = words[ip]!;
              site = words[ip + 1]!;
              ip += 2;
              returnTo = sp - count - 1;
              callee = stack[returnTo];
              break dispatch;
            case 41: { // TailCall
              count = words[ip]!;
              site = words[ip + 1]!;
              ip += 2;
              const first = sp - count;
              callee = stack[first - 1];
              if (!(callee instanceof MonkeyFunction)) {
                this.#top = top;
                stack[first - 1] = this.#builtin(callee, first, count, site, depth);
                sp = first;
                continue;
              }
              const next = (callee.code.bytecode ?? this.bytecode(callee.code)) as Bytecode;
              if (next.parameterCount !== count) this.#checkCall(callee, next, count, -1);
              const pause = --state[FUEL]! < 0 && this.#refill();
              for (let i = 0; i < count; i++) stack[base + i] = stack[first + i];
              fn = callee;
              bytecode = next;
              words = next.words;
              ip = 0;
              sp = base + next.slotCount;
              for (let i = base + count; i < sp; i++) stack[i] = undefined;
              if (next.boxed.length > 0) this.#enterSlots(next, base);
              if (pause) return this.#pause(bytecode, fn, ip, base, top, sp, depth);
              continue;
            }
            case 57: // ReturnInteger
              result = words[ip]!;
              break;
            case 58: // ReturnLocal
              result = stack[base + words[ip]!] as Value;
              break;
            case 26: // ReturnValue
              result = stack[sp - 1] as Value;
              break;
            case 27: // Return
              result = null;
              break;
            default:
              throw new Error(`Cannot run the instruction ${words[ip - 1]}`);
          }
          // A return: back to the caller's frame.
          if (top === floor) return result;
          top--;
          depth--;
          sp = this.#returns[top]!;
          bytecode = codes[top]!;
          words = bytecode.words;
          fn = functions[top]!;
          ip = this.#ips[top]!;
          base = this.#bases[top]!;
          stack[sp++] = result;
          continue;
        }
        // A call: `callee`, `count` arguments on the stack, the result goes to `returnTo`.
        if (callee instanceof MonkeyFunction) {
          const { code } = callee;
          const next = (code.bytecode ?? this.bytecode(code)) as Bytecode;
          if (next.parameterCount !== count || depth >= maxDepth) {
            this.#checkCall(callee, next, count, depth);
          }
          sites[depth] = site;
          const pause = --state[FUEL]! < 0 && this.#refill();
          const first = sp - count;
          if (tier !== undefined && ++code.heat > hotAfter) {
            this.#top = top;
            runtime.stackTop = sp;
            const value = tier(callee, stack, first, depth + 1);
            if (value !== undefined) {
              sp = returnTo;
              stack[sp++] = value;
              continue;
            }
          }
          if (top === this.#ips.length) this.#grow();
          codes[top] = bytecode;
          functions[top] = fn;
          this.#ips[top] = ip;
          this.#bases[top] = base;
          this.#returns[top] = returnTo;
          top++;
          depth++;
          fn = callee;
          bytecode = next;
          words = next.words;
          ip = 0;
          base = first;
          sp = first + next.slotCount;
          for (let i = first + count; i < sp; i++) stack[i] = undefined;
          if (next.boxed.length > 0) this.#enterSlots(next, first);
          if (pause) return this.#pause(bytecode, fn, ip, base, top, sp, depth);
          continue;
        }
        this.#top = top;
        const value = this.#builtin(callee, sp - count, count, site, depth);
        sp = returnTo;
        stack[sp++] = value;
      }
    } catch (error) {
      const { code } = bytecode;
      throw runtime.attach(error, runtime.site(code, positionOf(bytecode, ip)), depth);
    }
  }
}

const OPERATOR_OF: string[] = [];
(["Add", "Sub", "Mul", "Div", "Mod", "Equal", "NotEqual", "LessThan", "GreaterThan"] as const)
  .forEach((name, i) => OPERATOR_OF[Op[name]] = OPERATORS[i]!);
OPERATOR_OF[Op.LessEqual] = "<=";
OPERATOR_OF[Op.GreaterEqual] = ">=";
