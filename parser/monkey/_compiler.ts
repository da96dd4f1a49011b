/** From the tree of one function to bytecode. */
import type {
  AssignNode,
  BlockNode,
  CallNode,
  Expression,
  ForNode,
  FunctionNode,
  IdentifierNode,
  IfNode,
  InfixNode,
  LetNode,
  Statement,
  WhileNode,
} from "./ast.ts";
import { type Bytecode, type HotLoop, Op, type OpName } from "./_code.ts";
import { containsReturn, literalValue } from "./_evaluator.ts";
import { MonkeyError } from "./errors.ts";
import { binary, negate, truthy } from "./_operators.ts";
import type { Runtime } from "./_runtime.ts";
import type { Binding, FunctionCode } from "./ast.ts";
import { isTailCall } from "./_scope.ts";
import type { Value } from "./values.ts";

/** Options of {@linkcode compileFunction}. */
export interface CompileOptions {
  /** Fold constants and use combined instructions. */
  optimize: boolean;
  /** Put a marker before each statement, for the debugger. */
  statements: boolean;
}

/** Words of one function's code; a longer one is an error. */
const MAX_WORDS = 1 << 24;
const INFIX_OPS: Record<string, OpName> = {
  "+": "Add",
  "-": "Sub",
  "*": "Mul",
  "/": "Div",
  "%": "Mod",
  "==": "Equal",
  "!=": "NotEqual",
  "<": "LessThan",
  ">": "GreaterThan",
  "<=": "LessEqual",
  ">=": "GreaterEqual",
};
/** What each instruction adds to the height of the stack; those with a variable number are in `#grow`. */
const HEIGHT: Partial<Record<OpName, number>> = {
  Constant: 1,
  Pop: -1,
  Add: -1,
  Sub: -1,
  Mul: -1,
  Div: -1,
  Mod: -1,
  True: 1,
  False: 1,
  Null: 1,
  Equal: -1,
  NotEqual: -1,
  GreaterThan: -1,
  LessThan: -1,
  GreaterEqual: -1,
  LessEqual: -1,
  JumpNotTruthy: -1,
  GetGlobal: 1,
  SetGlobal: -1,
  Index: -1,
  GetLocal: 1,
  SetLocal: -1,
  GetBuiltin: 1,
  Closure: 1,
  GetFree: 1,
  GetGlobalChecked: 1,
  GetLocalChecked: 1,
  GetCell: 1,
  NewCell: -1,
  GetFreeCell: 1,
  Dup: 1,
  Dup2: 2,
  SetIndex: -2,
  Iterate: -1,
  Import: 1,
  Integer: 1,
  AddLocalInteger: 1,
  SubLocalInteger: 1,
  AddLocals: 1,
  JumpNotLess: -2,
  JumpNotGreater: -2,
  JumpNotEqual: -2,
  SetLocalPop: -1,
  ReturnValue: -1,
};

interface Loop {
  readonly start: number;
  readonly height: number;
  readonly breaks: number[];
}

/** Compiles one function; those inside it are compiled when they are first called. */
export function compileFunction(
  code: FunctionCode,
  runtime: Runtime,
  options: CompileOptions,
): Bytecode {
  return new FunctionCompiler(code, runtime, options).compile();
}

class FunctionCompiler {
  readonly #code: FunctionCode;
  readonly #runtime: Runtime;
  readonly #optimize: boolean;
  readonly #markStatements: boolean;
  readonly #words: number[] = [];
  readonly #offsets: number[] = [];
  readonly #positions: number[] = [];
  readonly #constants: unknown[] = [];
  readonly #folded = new Map<Expression, Value | undefined>();
  readonly #loops: Loop[] = [];
  #height = 0;
  #position = 0;

  constructor(code: FunctionCode, runtime: Runtime, options: CompileOptions) {
    this.#code = code;
    this.#runtime = runtime;
    this.#optimize = options.optimize;
    this.#markStatements = options.statements;
  }

  compile(): Bytecode {
    const code = this.#code;
    const { statements } = code;
    const last = statements.at(-1);
    if (last?.kind === "ExpressionStatement") {
      this.#statements(statements.slice(0, -1));
      this.#mark(last);
      this.#returned(last.expression);
    } else {
      this.#statements(statements);
      if (last?.kind !== "Return") this.#emit("Return");
    }
    return {
      code,
      words: Int32Array.from(this.#words),
      constants: this.#constants,
      offsets: Int32Array.from(this.#offsets),
      positions: Int32Array.from(this.#positions),
      parameterCount: code.parameters.length,
      slotCount: code.slotCount,
      boxed: code.parameters.filter((p) => p.boxed).map((p) => p.slot),
    };
  }

  #emit(op: OpName, ...operands: number[]): number {
    const offset = this.#words.length;
    if (offset > MAX_WORDS) throw new MonkeyError(`the function ${this.#code.name} is too long`);
    this.#offsets.push(offset);
    this.#positions.push(this.#position);
    this.#words.push(Op[op], ...operands);
    this.#height += HEIGHT[op] ?? 0;
    return offset;
  }

  /** Emits a jump whose target is not known yet; returns where to write it. */
  #jump(op: OpName, ...operands: number[]): number {
    this.#emit(op, ...operands, -1);
    return this.#words.length - 1;
  }

  #land(hole: number): void {
    this.#words[hole] = this.#words.length;
  }

  #constant(value: unknown): number {
    this.#constants.push(value);
    return this.#constants.length - 1;
  }

  #site(node: { start: number }): number {
    return this.#runtime.site(this.#code, node.start);
  }

  #mark(node: Statement): void {
    this.#position = node.start;
    if (this.#markStatements) this.#emit("Statement");
  }

  #statements(statements: readonly Statement[]): void {
    for (const statement of statements) {
      this.#mark(statement);
      this.#statement(statement);
    }
  }

  #statement(node: Statement): void {
    switch (node.kind) {
      case "Let":
        this.#let(node);
        break;
      case "Return":
        if (node.value === null) this.#emit("Return");
        else this.#returned(node.value);
        break;
      case "ExpressionStatement":
        this.#effect(node.expression);
        break;
      case "While":
        this.#while(node);
        break;
      case "For":
        this.#for(node);
        break;
      case "Break":
      case "Continue":
        this.#leave(node.kind);
        break;
    }
  }

  /** Jumps out of or back in a loop, first dropping the operands that are waiting on the stack. */
  #leave(kind: "Break" | "Continue"): void {
    const loop = this.#loops.at(-1)!;
    const height = this.#height;
    while (this.#height > loop.height) this.#emit("Pop");
    if (kind === "Break") loop.breaks.push(this.#jump("Jump"));
    else this.#emit("Jump", loop.start);
    this.#height = height;
  }

  /** A block whose last expression is its value. */
  #blockValue(block: BlockNode, use: (node: Expression) => void, none: () => void): void {
    const last = block.statements.at(-1);
    if (last?.kind !== "ExpressionStatement") {
      this.#statements(block.statements);
      none();
      return;
    }
    this.#statements(block.statements.slice(0, -1));
    this.#mark(last);
    use(last.expression);
  }

  /** Compiles the value that the function returns. */
  #returned(node: Expression): void {
    const height = this.#height;
    if (this.#optimize && node.kind === "If" && this.#fold(node) === undefined) {
      const hole = this.#condition(node.condition);
      const use = (value: Expression) => this.#returned(value);
      const none = () => void this.#emit("Return");
      this.#blockValue(node.consequence, use, none);
      this.#land(hole);
      this.#height = height;
      if (node.alternative === null) none();
      else this.#blockValue(node.alternative, use, none);
    } else if (this.#optimize && isSmall(this.#fold(node))) {
      this.#position = node.start;
      this.#emit("ReturnInteger", this.#fold(node) as number);
    } else if (this.#optimize && node.kind === "Identifier" && plainLocal(node) !== undefined) {
      this.#emit("ReturnLocal", plainLocal(node)!);
    } else {
      this.#expression(node, !this.#code.isProgram);
      this.#emit("ReturnValue");
    }
    this.#height = height;
  }

  /** Compiles an expression whose value nobody needs. */
  #effect(node: Expression): void {
    if (this.#optimize && node.kind === "If" && this.#fold(node) === undefined) {
      const hole = this.#condition(node.condition);
      this.#statements(node.consequence.statements);
      if (node.alternative === null) {
        this.#land(hole);
        return;
      }
      const end = this.#jump("Jump");
      this.#land(hole);
      this.#statements(node.alternative.statements);
      this.#land(end);
      return;
    }
    if (this.#optimize && this.#fold(node) !== undefined) return;
    if (this.#optimize && node.kind === "Assign" && node.target.kind === "Identifier") {
      const { binding } = node.target;
      const slot = node.target.unsure === true ? undefined : plainLocal(node.target);
      if (slot !== undefined && binding!.scope === "local") {
        this.#assignedValue(node);
        this.#emit("SetLocalPop", slot);
        return;
      }
    }
    this.#expression(node);
    this.#emit("Pop");
  }

  #let(node: LetNode): void {
    const binding = node.name.binding!;
    const boxed = binding.scope === "local" && binding.variable.boxed;
    if (boxed && node.value.kind === "Function") this.#emit("EmptyCell", binding.variable.slot);
    this.#expression(node.value);
    this.#position = node.start;
    if (boxed && node.value.kind === "Function") {
      this.#emit("SetCell", binding.variable.slot);
      this.#emit("Pop");
    } else this.#define(node.name);
  }

  /** Gives a new binding the value on the stack. */
  #define(name: IdentifierNode): void {
    const binding = name.binding!;
    if (binding.scope === "global") this.#emit("SetGlobal", binding.global.slot);
    else if (binding.scope === "local") {
      this.#emit(binding.variable.boxed ? "NewCell" : "SetLocal", binding.variable.slot);
    }
  }

  #loop(start: number, body: () => void): void {
    const loop: Loop = { start, height: this.#height, breaks: [] };
    this.#loops.push(loop);
    body();
    this.#loops.pop();
    for (const hole of loop.breaks) this.#land(hole);
  }

  #while(node: WhileNode): void {
    const start = this.#words.length;
    this.#loop(start, () => {
      const hole = this.#condition(node.condition);
      this.#position = node.start;
      this.#emit("Turn");
      this.#statements(node.body.statements);
      const canMove = this.#optimize && !containsReturn(node.condition, node.body);
      if (canMove) {
        const loop: HotLoop = { node, code: this.#code, heat: 0, run: undefined };
        const at = this.#emit("Loop", start, 0, this.#constant(loop));
        this.#words[at + 2] = this.#words.length;
      } else this.#emit("Jump", start);
      this.#land(hole);
    });
  }

  #for(node: ForNode): void {
    const slot = (node.iterator as Extract<Binding, { scope: "local" }>).variable.slot;
    this.#expression(node.iterable);
    this.#position = node.start;
    this.#emit("Iterate", slot);
    const start = this.#words.length;
    this.#loop(start, () => {
      const hole = this.#jump("Next", slot);
      this.#emit("Turn");
      this.#height++;
      this.#define(node.name);
      this.#statements(node.body.statements);
      this.#emit("Jump", start);
      this.#land(hole);
    });
  }

  /** Compiles a condition and a jump that is taken when it does not hold; returns the hole of its target. */
  #condition(node: Expression): number {
    if (this.#optimize && node.kind === "Infix") {
      const slot = node.left.kind === "Identifier" ? plainLocal(node.left) : undefined;
      const right = this.#fold(node.right);
      this.#position = node.start;
      if (slot !== undefined && isSmall(right)) {
        const op = JUMP_LOCAL[node.operator];
        if (op !== undefined) return this.#jump(op, slot, right);
      }
      const op = JUMP_STACK[node.operator];
      if (op !== undefined && this.#fold(node) === undefined) {
        this.#expression(node.left);
        this.#expression(node.right);
        this.#position = node.start;
        return this.#jump(op);
      }
    }
    this.#expression(node);
    return this.#jump("JumpNotTruthy");
  }

  #expression(node: Expression, tail = false): void {
    if (this.#optimize) {
      const folded = this.#fold(node);
      if (folded !== undefined) {
        this.#position = node.start;
        this.#literal(folded);
        return;
      }
    }
    switch (node.kind) {
      case "Integer":
      case "Float":
      case "Boolean":
      case "String":
      case "Null":
        this.#position = node.start;
        this.#literal(literalValue(node));
        break;
      case "Template":
        for (const part of node.parts) this.#expression(part);
        this.#counted("Template", node.parts.length, node);
        break;
      case "Identifier":
        this.#identifier(node);
        break;
      case "Prefix":
        this.#expression(node.right);
        this.#position = node.start;
        this.#emit(node.operator === "!" ? "Bang" : "Minus");
        break;
      case "Infix":
        this.#infix(node);
        break;
      case "Logical": {
        this.#expression(node.left);
        const op = node.operator === "&&" ? "JumpFalsyKeep" : "JumpTruthyKeep";
        const hole = this.#jump(op);
        this.#emit("Pop");
        this.#expression(node.right);
        this.#land(hole);
        break;
      }
      case "If":
        this.#if(node, tail);
        break;
      case "Function":
        this.#closure(node);
        break;
      case "Call":
        this.#call(node, tail);
        break;
      case "Array":
        for (const item of node.items) this.#expression(item);
        this.#counted("Array", node.items.length, node);
        break;
      case "Hash":
        for (const item of node.pairs.flat()) this.#expression(item);
        this.#counted("Hash", node.pairs.length * 2, node);
        break;
      case "Index":
        this.#expression(node.object);
        this.#expression(node.index);
        this.#position = node.start;
        this.#emit("Index");
        break;
      case "Assign":
        this.#assign(node);
        break;
      case "Quote":
        for (const hole of node.holes) this.#expression(hole);
        this.#position = node.start;
        this.#emit("Quote", this.#constant(node));
        this.#height += 1 - node.holes.length;
        break;
      case "Import":
        this.#position = node.start;
        this.#emit("Import", this.#constant(node.specifier));
        break;
      case "Macro":
      case "Hole":
        this.#position = node.start;
        this.#emit(
          "Fail",
          this.#constant(
            node.kind === "Macro" ? "a macro must be a top-level let" : "a stray unquote",
          ),
        );
        this.#emit("Null");
        break;
    }
  }

  #literal(value: Value): void {
    if (value === true) this.#emit("True");
    else if (value === false) this.#emit("False");
    else if (value === null) this.#emit("Null");
    else if (this.#optimize && isSmall(value)) this.#emit("Integer", value);
    else this.#emit("Constant", this.#constant(value));
  }

  #counted(op: OpName, count: number, node: Expression): void {
    this.#position = node.start;
    this.#emit(op, count);
    this.#height += 1 - count;
  }

  #identifier(node: IdentifierNode): void {
    this.#position = node.start;
    const binding = node.binding!;
    switch (binding.scope) {
      case "builtin":
        this.#emit("GetBuiltin", this.#constant(binding.value));
        break;
      case "global":
        this.#emit(node.unsure === true ? "GetGlobalChecked" : "GetGlobal", binding.global.slot);
        break;
      case "local": {
        const { slot, boxed } = binding.variable;
        this.#emit(boxed ? "GetCell" : node.unsure ? "GetLocalChecked" : "GetLocal", slot);
        break;
      }
      case "free":
        this.#emit(binding.variable.boxed ? "GetFreeCell" : "GetFree", binding.index);
        break;
    }
  }

  #infix(node: InfixNode): void {
    if (this.#optimize && node.left.kind === "Identifier") {
      const slot = plainLocal(node.left);
      const right = this.#fold(node.right);
      if (slot !== undefined && isSmall(right)) {
        this.#position = node.start;
        if (node.operator === "+") {
          this.#emit("AddLocalInteger", slot, right);
          return;
        }
        if (node.operator === "-") {
          this.#emit("SubLocalInteger", slot, right);
          return;
        }
      }
      const other = node.right.kind === "Identifier" ? plainLocal(node.right) : undefined;
      if (slot !== undefined && other !== undefined && node.operator === "+") {
        this.#position = node.start;
        this.#emit("AddLocals", slot, other);
        return;
      }
    }
    this.#expression(node.left);
    this.#expression(node.right);
    this.#position = node.start;
    this.#emit(INFIX_OPS[node.operator]!);
  }

  #if(node: IfNode, tail: boolean): void {
    const hole = this.#condition(node.condition);
    const height = this.#height;
    const use = (value: Expression) => this.#expression(value, tail);
    const none = () => void this.#emit("Null");
    this.#blockValue(node.consequence, use, none);
    const end = this.#jump("Jump");
    this.#land(hole);
    this.#height = height;
    if (node.alternative === null) none();
    else this.#blockValue(node.alternative, use, none);
    this.#land(end);
    this.#height = height + 1;
  }

  #closure(node: FunctionNode): void {
    const code = node.code!;
    this.#position = node.start;
    this.#emit("Closure", this.#constant(code), code.captures.length);
  }

  #call(node: CallNode, tail: boolean): void {
    const { callee, args } = node;
    if (tail && isTailCall(node)) {
      this.#expression(callee);
      for (const arg of args) this.#expression(arg);
      this.#position = node.start;
      this.#emit("TailCall", args.length, this.#site(node));
      this.#height -= args.length;
      return;
    }
    const global = callee.kind === "Identifier" && callee.binding!.scope === "global"
      ? callee.binding!.global
      : undefined;
    // Nothing can change the callee while the arguments are computed, so it is read behind them.
    if (
      this.#optimize && global !== undefined && global.writes === 1 &&
      (callee as IdentifierNode).unsure !== true
    ) {
      for (const arg of args) this.#expression(arg);
      this.#position = node.start;
      this.#emit("CallGlobal", global.slot, args.length, this.#site(node));
      this.#height += 1 - args.length;
      return;
    }
    this.#expression(callee);
    for (const arg of args) this.#expression(arg);
    this.#position = node.start;
    this.#emit("Call", args.length, this.#site(node));
    this.#height -= args.length;
  }

  #assignedValue(node: AssignNode): void {
    if (node.operator !== null) {
      this.#identifier(node.target as IdentifierNode);
      this.#expression(node.value);
      this.#position = node.start;
      this.#emit(INFIX_OPS[node.operator]!);
    } else this.#expression(node.value);
  }

  #assign(node: AssignNode): void {
    if (node.target.kind === "Index") {
      this.#expression(node.target.object);
      this.#expression(node.target.index);
      if (node.operator !== null) {
        this.#emit("Dup2");
        this.#position = node.start;
        this.#emit("Index");
        this.#expression(node.value);
        this.#position = node.start;
        this.#emit(INFIX_OPS[node.operator]!);
      } else this.#expression(node.value);
      this.#position = node.start;
      this.#emit("SetIndex");
      return;
    }
    const binding = node.target.binding!;
    // Assigning to what has no value yet is an error, found before the value is computed.
    if (node.operator === null && (node.target.unsure === true || lateCell(binding))) {
      this.#identifier({ ...node.target, unsure: true });
      this.#emit("Pop");
    }
    if (node.operator !== null) {
      this.#identifier({ ...node.target, unsure: true });
      this.#expression(node.value);
      this.#position = node.start;
      this.#emit(INFIX_OPS[node.operator]!);
    } else this.#expression(node.value);
    this.#position = node.start;
    if (binding.scope === "global") this.#emit("SetGlobalKeep", binding.global.slot);
    else if (binding.scope === "free") this.#emit("SetFreeCell", binding.index);
    else if (binding.scope === "local") {
      const { boxed, slot } = binding.variable;
      this.#emit(boxed ? "SetCell" : "SetLocalKeep", slot);
    }
  }

  /** The value of a constant expression; undefined for any other, and for one that would fail. */
  #fold(node: Expression): Value | undefined {
    switch (node.kind) {
      case "Integer":
      case "Float":
      case "Boolean":
      case "String":
      case "Null":
        return literalValue(node);
      case "Infix":
      case "Prefix":
      case "Logical":
        break;
      case "If":
        return undefined;
      default:
        return undefined;
    }
    if (this.#folded.has(node)) return this.#folded.get(node);
    const value = this.#foldOperator(node);
    this.#folded.set(node, value);
    return value;
  }

  #foldOperator(node: Expression): Value | undefined {
    try {
      if (node.kind === "Prefix") {
        const right = this.#fold(node.right);
        if (right === undefined) return undefined;
        return node.operator === "!" ? !truthy(right) : negate(this.#runtime, right);
      }
      if (node.kind === "Logical") {
        const left = this.#fold(node.left);
        if (left === undefined) return undefined;
        const decided = truthy(left) === (node.operator === "||");
        return decided ? left : this.#fold(node.right);
      }
      if (node.kind === "Infix") {
        const left = this.#fold(node.left);
        const right = left === undefined ? undefined : this.#fold(node.right);
        if (left === undefined || right === undefined) return undefined;
        return binary(this.#runtime, node.operator, left, right);
      }
    } catch (error) {
      if (!(error instanceof MonkeyError)) throw error;
    }
    return undefined;
  }
}

const JUMP_LOCAL: Record<string, OpName> = {
  "==": "JumpLocalNotEqualInteger",
  "!=": "JumpLocalEqualInteger",
  "<": "JumpLocalNotLessInteger",
  ">": "JumpLocalNotGreaterInteger",
};
const JUMP_STACK: Record<string, OpName> = {
  "<": "JumpNotLess",
  ">": "JumpNotGreater",
  "==": "JumpNotEqual",
};

function isSmall(value: Value | undefined): value is number {
  return typeof value === "number" && (value | 0) === value;
}

/** Slot of a local that is surely set and lives in the frame itself. */
function plainLocal(node: IdentifierNode): number | undefined {
  const binding = node.binding!;
  if (binding.scope !== "local" || binding.variable.boxed || node.unsure === true) return undefined;
  return binding.variable.slot;
}

function lateCell(binding: Binding): boolean {
  return (binding.scope === "local" || binding.scope === "free") && binding.variable.boxed;
}
