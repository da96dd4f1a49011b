/**
 * WebAssembly for functions that are proved to work on integers only: parameters, locals and results are 64-bit integers or
 * truth values, nothing outside is read or written, and every function called is of the same kind and defined once. Such a
 * function has no effects, so a call that cannot go on (a division by zero, the host's stack used up) is simply run again
 * from its start by another engine, which then reports the error with its trace.
 *
 * A small function's calls of itself are inlined twice; steps and depth are counted as if they were calls.
 */
import type {
  BlockNode,
  CallNode,
  Expression,
  FunctionNode,
  IfNode,
  InfixNode,
  Statement,
} from "./ast.ts";
import { childrenOf } from "./ast.ts";
import { toInteger } from "./_operators.ts";
import { FUEL, HOST_BUDGET, type Runtime } from "./_runtime.ts";
import type { FunctionCode, Variable } from "./ast.ts";
import { isTailCall } from "./_scope.ts";
import { MonkeyFunction, type Value } from "./values.ts";
import { walk } from "../mod.ts";

/** Runs a call in WebAssembly; undefined where the arguments are no integers or the call has to be run elsewhere. */
export interface WasmCall {
  (self: MonkeyFunction, rest: readonly unknown[]): Value | undefined;
  /** Set after a call had to be run elsewhere. */
  disabled: boolean;
}

type Type = "int" | "bool";
/** What a piece of code leaves on the stack: a value, nothing that can be used, or it never ends. */
type Result = Type | "null" | "never";

/** Thrown inside this file where a function is not integer-only. */
class Decline extends Error {}

const I64 = 0x7e;
const I32 = 0x7f;
const VOID = 0x40;
/** Estimated bytes of the host's stack for a call. */
const FRAME_BYTES = 400;
const INLINE_NODES = 60;
const INLINE_LEVELS = 2;
const MAX_FUNCTIONS = 50;
const COMPARISONS: Record<string, number> = {
  "==": 0x51,
  "!=": 0x52,
  "<": 0x53,
  ">": 0x55,
  "<=": 0x57,
  ">=": 0x59,
};

export class Wasm {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Compiles a function that is integer-only and has a loop or a call in it, else returns undefined. */
  compile(code: FunctionCode): WasmCall | undefined {
    if (code.node.kind !== "Function" || !isWorthwhile(code.node)) return undefined;
    for (const result of ["int", "bool"] as const) {
      try {
        return this.#instantiate(code, result);
      } catch (error) {
        if (!(error instanceof Decline)) throw error;
      }
    }
    return undefined;
  }

  #instantiate(code: FunctionCode, result: Type): WasmCall {
    const runtime = this.#runtime;
    const module = new ModuleBuilder(runtime, result);
    module.indexOf(code);
    const bytes = module.build();
    const { state, limits } = runtime;
    const imports = {
      m: {
        r: () => {
          state[FUEL] = -1;
          runtime.refill();
          exports.g.value = state[FUEL];
        },
      },
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    const { exports } = instance as unknown as {
      exports: { f: (...args: unknown[]) => unknown; g: WebAssembly.Global; l: WebAssembly.Global };
    };
    const fuel = exports.g;
    const count = code.parameters.length;
    const call: WasmCall = (_self, rest) => {
      const depth = rest[count] as number;
      const args: unknown[] = [];
      for (let i = 0; i < count; i++) {
        const arg = rest[i];
        if (typeof arg === "number") args.push(BigInt(arg));
        else if (typeof arg === "bigint") args.push(arg);
        else return undefined;
      }
      if (call.disabled) return undefined;
      const restore = runtime.snapshot();
      const room = Math.max(0, Math.floor((HOST_BUDGET - runtime.hostUsed) / FRAME_BYTES));
      fuel.value = state[FUEL];
      exports.l.value = Math.min(limits.maxDepth, depth + room);
      try {
        const value = exports.f(...args, depth);
        state[FUEL] = fuel.value;
        return result === "bool" ? value === 1 : toInteger(value as bigint);
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof RangeError)) {
          throw runtime.attach(error, runtime.sites[depth - 1] ?? 0, Math.max(0, depth - 1));
        }
        call.disabled = true;
        restore();
        return undefined;
      }
    };
    call.disabled = false;
    return call;
  }
}

/** A function without a loop or a call does too little to pay for the way in and out. */
function isWorthwhile(node: FunctionNode): boolean {
  return !walk(node.body, childrenOf, {
    enter: (at) => at.kind === "While" || at.kind === "Call" ? "stop" : undefined,
  });
}

function signed(value: bigint | number): number[] {
  const out: number[] = [];
  let rest = BigInt(value);
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0);
    out.push(done ? byte : byte | 0x80);
    if (done) return out;
  }
}

function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return out;
}

/** Appends without spreading: a spread of a large array would use up the host's stack. */
function append(to: number[], from: readonly number[]): void {
  for (const byte of from) to.push(byte);
}

function section(id: number, content: readonly number[]): number[] {
  const out = [id, ...unsigned(content.length)];
  append(out, content);
  return out;
}

/** One module of the function and all it calls. Function 0 is the import that refills the step counter. */
class ModuleBuilder {
  readonly runtime: Runtime;
  readonly #result: Type;
  readonly #codes: FunctionCode[] = [];

  constructor(runtime: Runtime, result: Type) {
    this.runtime = runtime;
    this.#result = result;
  }

  indexOf(code: FunctionCode): number {
    let at = this.#codes.indexOf(code);
    if (at < 0) {
      if (this.#codes.length >= MAX_FUNCTIONS || code.node.kind !== "Function") throw new Decline();
      if (code.captures.length > 0) throw new Decline();
      at = this.#codes.push(code) - 1;
    }
    return at + 1;
  }

  /** The first function's result is tried as each type; all others must give integers. */
  resultOf(code: FunctionCode): Type {
    return code === this.#codes[0] ? this.#result : "int";
  }

  build(): Uint8Array<ArrayBuffer> {
    const bodies: number[][] = [];
    for (let i = 0; i < this.#codes.length; i++) {
      bodies.push(new BodyBuilder(this, this.#codes[i]!).build());
    }
    const types = [[0x60, 0, 0]];
    const typeIndexes: number[] = [];
    for (const code of this.#codes) {
      const parameters = code.parameters.map(() => I64);
      const result = this.resultOf(code) === "int" ? I64 : I32;
      types.push([0x60, ...unsigned(parameters.length + 1), ...parameters, I32, 1, result]);
      typeIndexes.push(...unsigned(types.length - 1));
    }
    const code = unsigned(bodies.length);
    for (const body of bodies) {
      append(code, unsigned(body.length));
      append(code, body);
    }
    const out = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    append(out, section(1, [...unsigned(types.length), ...types.flat()]));
    append(out, section(2, [1, 1, 0x6d, 1, 0x72, 0, 0]));
    append(out, section(3, [...unsigned(bodies.length), ...typeIndexes]));
    append(out, section(6, [2, I32, 1, 0x41, 0, 0x0b, I32, 1, 0x41, 0, 0x0b]));
    append(out, section(7, [3, 1, 0x66, 0, 1, 1, 0x67, 3, 0, 1, 0x6c, 3, 1]));
    append(out, section(10, code));
    return new Uint8Array(out);
  }
}

/** One activation inside a body: the function itself, or a call of itself inlined into it. */
interface Activation {
  readonly locals: Map<Variable, { index: number; type: Type }>;
  /** Calls inlined around it. */
  readonly level: number;
  /** Height of labels at which a `return` leaves; undefined for the function itself. */
  readonly exit: number | undefined;
  readonly loops: { breakAt: number; continueAt: number }[];
}

class BodyBuilder {
  readonly #module: ModuleBuilder;
  readonly #code: FunctionCode;
  readonly #result: Type;
  readonly #types: number[] = [];
  readonly #depth: number;
  readonly #inline: boolean;
  #out: number[] = [];
  #labels = 0;
  #activation: Activation;

  constructor(module: ModuleBuilder, code: FunctionCode) {
    this.#module = module;
    this.#code = code;
    this.#result = module.resultOf(code);
    this.#depth = code.parameters.length;
    let nodes = 0;
    walk(code.node, childrenOf, { enter: () => void nodes++ });
    this.#inline = nodes <= INLINE_NODES;
    const locals = new Map<Variable, { index: number; type: Type }>();
    code.parameters.forEach((variable, index) => {
      if (variable.captured) throw new Decline();
      locals.set(variable, { index, type: "int" });
    });
    this.#activation = { locals, level: 0, exit: undefined, loops: [] };
  }

  build(): number[] {
    this.#entry(0);
    this.#body();
    this.#out.push(0x0b);
    const locals = unsigned(this.#types.length);
    for (const type of this.#types) locals.push(1, type);
    append(locals, this.#out);
    return locals;
  }

  /** The checks of a call: depth, then one step. */
  #entry(level: number): void {
    this.#currentDepth(level);
    this.#emit(0x23, 1, 0x4a, 0x04, VOID, 0x00, 0x0b);
    this.#step();
  }

  #step(): void {
    this.#emit(0x23, 0, 0x41, 1, 0x6b, 0x24, 0, 0x23, 0, 0x41, 0, 0x48, 0x04, VOID, 0x10, 0, 0x0b);
  }

  #currentDepth(level: number): void {
    this.#emit(0x20, ...unsigned(this.#depth));
    if (level > 0) this.#emit(0x41, ...signed(level), 0x6a);
  }

  #emit(...bytes: number[]): void {
    append(this.#out, bytes);
  }

  #local(type: Type): number {
    this.#types.push(type === "int" ? I64 : I32);
    return this.#depth + this.#types.length;
  }

  /** Emits a body; its value is left on the stack, or it has returned. */
  #body(): void {
    const result = this.#valueOf(this.#code.statements, true);
    if (result === "never") this.#emit(0x00);
    else if (result !== this.#result) throw new Decline();
  }

  /** Emits into a buffer of its own. */
  #apart(action: () => Result): { bytes: number[]; result: Result } {
    const outer = this.#out;
    this.#out = [];
    const result = action();
    const bytes = this.#out;
    this.#out = outer;
    return { bytes, result };
  }

  #valueOf(statements: readonly Statement[], tail: boolean): Result {
    for (const [i, statement] of statements.entries()) {
      const last = i === statements.length - 1;
      if (last && statement.kind === "ExpressionStatement") {
        return this.#expression(statement.expression, tail);
      }
      if (this.#statement(statement) === "never") return "never";
    }
    return "null";
  }

  #effectOf(block: BlockNode): Result {
    for (const statement of block.statements) {
      if (this.#statement(statement) === "never") return "never";
    }
    return "null";
  }

  /** Emits a statement that leaves nothing on the stack. */
  #statement(node: Statement): Result {
    switch (node.kind) {
      case "Let": {
        const binding = node.name.binding!;
        if (binding.scope !== "local" || binding.variable.captured) throw new Decline();
        const type = this.#value(node.value);
        const known = this.#activation.locals.get(binding.variable);
        const index = known?.index ?? this.#local(type);
        if (known !== undefined && known.type !== type) throw new Decline();
        this.#activation.locals.set(binding.variable, { index, type });
        this.#emit(0x21, ...unsigned(index));
        return "null";
      }
      case "Return": {
        if (node.value === null) throw new Decline();
        const result = this.#expression(node.value, true);
        if (result === "never") return "never";
        if (result !== this.#result) throw new Decline();
        const { exit } = this.#activation;
        if (exit === undefined) this.#emit(0x0f);
        else this.#emit(0x0c, ...unsigned(this.#labels - exit));
        return "never";
      }
      case "ExpressionStatement": {
        const { expression } = node;
        if (expression.kind === "If") return this.#ifEffect(expression);
        const result = this.#expression(expression, false);
        if (result === "int" || result === "bool") this.#emit(0x1a);
        return result === "never" ? "never" : "null";
      }
      case "While": {
        // block { loop { if not condition: leave; body; again } }
        this.#emit(0x02, VOID, 0x03, VOID);
        this.#labels += 2;
        const loop = { breakAt: this.#labels - 1, continueAt: this.#labels };
        this.#condition(node.condition);
        this.#emit(0x45, 0x0d, 1);
        this.#step();
        this.#activation.loops.push(loop);
        this.#effectOf(node.body);
        this.#activation.loops.pop();
        this.#emit(0x0c, 0, 0x0b, 0x0b);
        this.#labels -= 2;
        return "null";
      }
      case "Break":
      case "Continue": {
        const loop = this.#activation.loops.at(-1);
        if (loop === undefined) throw new Decline();
        const target = node.kind === "Break" ? loop.breakAt : loop.continueAt;
        this.#emit(0x0c, ...unsigned(this.#labels - target));
        return "never";
      }
      case "For":
        throw new Decline();
    }
  }

  #ifEffect(node: IfNode): Result {
    this.#condition(node.condition);
    this.#labels++;
    const { bytes: first, result: one } = this.#apart(() => this.#effectOf(node.consequence));
    const { alternative } = node;
    const { bytes: second, result: two } = alternative === null
      ? { bytes: [], result: "null" }
      : this.#apart(() => this.#effectOf(alternative));
    this.#labels--;
    this.#emit(0x04, VOID);
    append(this.#out, first);
    if (second.length > 0) this.#emit(0x05);
    append(this.#out, second);
    this.#emit(0x0b);
    if (one !== "never" || two !== "never") return "null";
    this.#emit(0x00);
    return "never";
  }

  #condition(node: Expression): void {
    // Every integer counts as true.
    if (this.#value(node) === "int") this.#emit(0x1a, 0x41, 1);
  }

  #value(node: Expression): Type {
    const result = this.#expression(node, false);
    if (result === "int" || result === "bool") return result;
    throw new Decline();
  }

  #integer(node: Expression): void {
    if (this.#value(node) !== "int") throw new Decline();
  }

  #expression(node: Expression, tail: boolean): Result {
    switch (node.kind) {
      case "Integer":
        this.#emit(0x42, ...signed(node.value));
        return "int";
      case "Boolean":
        this.#emit(0x41, node.value ? 1 : 0);
        return "bool";
      case "Identifier": {
        const { binding } = node;
        if (binding!.scope !== "local" || node.unsure === true) throw new Decline();
        const local = this.#activation.locals.get(binding!.variable);
        if (local === undefined) throw new Decline();
        this.#emit(0x20, ...unsigned(local.index));
        return local.type;
      }
      case "Prefix":
        if (node.operator === "!") {
          if (this.#value(node.right) === "int") this.#emit(0x1a, 0x41, 0);
          else this.#emit(0x45);
          return "bool";
        }
        this.#emit(0x42, 0);
        this.#integer(node.right);
        this.#emit(0x7d);
        return "int";
      case "Infix":
        return this.#infix(node);
      case "Logical": {
        if (this.#value(node.left) !== "bool") throw new Decline();
        this.#emit(0x04, I32);
        if (node.operator === "||") this.#emit(0x41, 1, 0x05);
        this.#labels++;
        if (this.#value(node.right) !== "bool") throw new Decline();
        this.#labels--;
        if (node.operator === "&&") this.#emit(0x05, 0x41, 0);
        this.#emit(0x0b);
        return "bool";
      }
      case "If":
        return this.#if(node, tail);
      case "Call":
        return this.#call(node, tail);
      case "Assign": {
        if (node.target.kind !== "Identifier" || node.target.binding!.scope !== "local") {
          throw new Decline();
        }
        const local = this.#activation.locals.get(node.target.binding!.variable);
        if (local === undefined || node.target.unsure === true) throw new Decline();
        if (node.operator === null) {
          if (this.#value(node.value) !== local.type) throw new Decline();
        } else {
          const { target: left, value: right, operator } = node;
          const { start, end, depth } = node;
          const sum: InfixNode = { kind: "Infix", operator, left, right, start, end, depth };
          if (this.#infix(sum) !== local.type) throw new Decline();
        }
        this.#emit(0x22, ...unsigned(local.index));
        return local.type;
      }
      default:
        throw new Decline();
    }
  }

  #infix(node: InfixNode): Result {
    const { operator } = node;
    const comparison = COMPARISONS[operator];
    const left = this.#value(node.left);
    if (left === "bool") {
      if (operator !== "==" && operator !== "!=") throw new Decline();
      if (this.#value(node.right) !== "bool") throw new Decline();
      this.#emit(operator === "==" ? 0x46 : 0x47);
      return "bool";
    }
    if (operator === "/") return this.#divide(node.right);
    this.#integer(node.right);
    if (comparison !== undefined) {
      this.#emit(comparison);
      return "bool";
    }
    this.#emit(operator === "+" ? 0x7c : operator === "-" ? 0x7d : operator === "*" ? 0x7e : 0x81);
    return "int";
  }

  /** The machine's division traps for the least integer by -1, which has to wrap. */
  #divide(right: Expression): Result {
    if (right.kind === "Integer" && right.value > 0) {
      this.#emit(0x42, ...signed(right.value), 0x7f);
      return "int";
    }
    const a = this.#local("int");
    const b = this.#local("int");
    this.#emit(0x21, ...unsigned(a));
    this.#integer(right);
    this.#emit(0x22, ...unsigned(b), 0x42, 0x7f, 0x51, 0x04, I64);
    this.#emit(0x42, 0, 0x20, ...unsigned(a), 0x7d, 0x05);
    this.#emit(0x20, ...unsigned(a), 0x20, ...unsigned(b), 0x7f, 0x0b);
    return "int";
  }

  #if(node: IfNode, tail: boolean): Result {
    if (node.alternative === null) throw new Decline();
    const { alternative } = node;
    this.#condition(node.condition);
    this.#labels++;
    const first = this.#apart(() => this.#valueOf(node.consequence.statements, tail));
    const second = this.#apart(() => this.#valueOf(alternative.statements, tail));
    this.#labels--;
    const result = first.result === "never" ? second.result : first.result;
    if (result === "null") throw new Decline();
    const fits = (other: Result) => other === result || other === "never";
    if (!fits(first.result) || !fits(second.result)) throw new Decline();
    this.#emit(0x04, result === "never" ? VOID : result === "int" ? I64 : I32);
    for (const part of [first, second]) {
      if (part === second) this.#emit(0x05);
      append(this.#out, part.bytes);
      if (part.result === "never") this.#emit(0x00);
    }
    this.#emit(0x0b);
    if (result === "never") this.#emit(0x00);
    return result;
  }

  #call(node: CallNode, tail: boolean): Result {
    const { callee, args } = node;
    if (callee.kind !== "Identifier" || callee.binding!.scope !== "global") throw new Decline();
    const { global } = callee.binding!;
    const value = this.#module.runtime.globals[global.slot];
    if (global.writes !== 1 || !(value instanceof MonkeyFunction)) throw new Decline();
    const { code } = value;
    if (global.literal?.code !== code || code.parameters.length !== args.length) {
      throw new Decline();
    }
    const index = this.#module.indexOf(code);
    const result = this.#module.resultOf(code);
    const { level, exit } = this.#activation;
    for (const arg of args) this.#integer(arg);
    const isTail = tail && isTailCall(node);
    if (isTail) {
      if (result !== this.#result) throw new Decline();
      this.#currentDepth(level);
      if (exit === undefined) {
        this.#emit(0x12, ...unsigned(index));
        return "never";
      }
      this.#emit(0x10, ...unsigned(index));
      return result;
    }
    if (code === this.#code && this.#inline && level < INLINE_LEVELS) {
      this.#inlineCall(args.length);
      return result;
    }
    this.#currentDepth(level + 1);
    this.#emit(0x10, ...unsigned(index));
    return result;
  }

  /** Puts the function's own body in place of a call; the arguments are on the stack. */
  #inlineCall(count: number): void {
    const outer = this.#activation;
    const locals = new Map<Variable, { index: number; type: Type }>();
    const indexes = Array.from({ length: count }, () => this.#local("int"));
    for (const index of [...indexes].reverse()) this.#emit(0x21, ...unsigned(index));
    this.#code.parameters.forEach((variable, i) => {
      locals.set(variable, { index: indexes[i]!, type: "int" });
    });
    this.#emit(0x02, this.#result === "int" ? I64 : I32);
    this.#labels++;
    this.#activation = { locals, level: outer.level + 1, exit: this.#labels, loops: [] };
    this.#entry(outer.level + 1);
    this.#body();
    this.#activation = outer;
    this.#labels--;
    this.#emit(0x0b);
  }
}
