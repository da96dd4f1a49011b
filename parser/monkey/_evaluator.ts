/**
 * The tree-walking evaluator. Each node of the tree becomes a closure once ("closure generation", M. Feeley and G. Lapalme,
 * 1987), and running a program is calling the closures along the tree. Frames are arrays: the function itself in slot 0,
 * its variables behind it.
 */
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
  MonkeyNode,
  Statement,
  WhileNode,
} from "./ast.ts";
import { childrenOf } from "./ast.ts";
import {
  binary,
  concat,
  hashKey,
  index,
  iterate,
  MAX_SMALL,
  type Memory,
  type MonkeyIterator,
  negate,
  setIndex,
  truthy,
} from "./_operators.ts";
import { buildQuote } from "./_quote.ts";
import { FUEL, HOST_BUDGET, type Runtime, type Slot } from "./_runtime.ts";
import type { Binding, FunctionCode } from "./ast.ts";
import { isTailCall } from "./_scope.ts";
import {
  Cell,
  type HashKey,
  inspect,
  MonkeyArray,
  MonkeyBuiltin,
  MonkeyFloat,
  MonkeyFunction,
  MonkeyHash,
  typeName,
  type Value,
} from "./values.ts";
import { walk } from "../mod.ts";

type Frame = Slot[];
type Run = (frame: Frame) => Value;

// Signals travel as values where statements are; no expression of the language can make them.
const RETURN = { signal: "return" } as unknown as Value;
const BREAK = { signal: "break" } as unknown as Value;
const CONTINUE = { signal: "continue" } as unknown as Value;
const TAIL = { signal: "tail" } as unknown as Value;

/** A signal that has to leave the middle of an expression. */
class Escape {
  constructor(readonly signal: Value, readonly frame: Frame) {}
}

interface Compiled {
  readonly run: Run;
  readonly size: number;
  /** Estimated bytes of the host's stack for one call. */
  readonly cost: number;
  readonly escapes: boolean;
}

/** Whether a node calls anything, so that what was computed before it must be kept as a root. */
export function containsCall(node: MonkeyNode): boolean {
  return !walk(node, (at) => at.kind === "Function" ? [] : childrenOf(at), {
    enter: (at) => at.kind === "Call" || at.kind === "Import" ? "stop" : undefined,
  });
}

/** Whether a `return` of this function stands inside. */
export function containsReturn(...nodes: MonkeyNode[]): boolean {
  return nodes.some((node) =>
    !walk(node, (at) => at.kind === "Function" ? [] : childrenOf(at), {
      enter: (at) => at.kind === "Return" ? "stop" : undefined,
    })
  );
}

function isHeap(value: Value): boolean {
  return typeof value === "object" ? value !== null : typeof value === "string";
}

export class Evaluator {
  readonly #runtime: Runtime;
  readonly #load: (specifier: string, code: FunctionCode) => Value;
  #returned: Value = null;
  #tailFunction!: MonkeyFunction;
  #tailArgs: Value[] = [];

  constructor(runtime: Runtime, load: (specifier: string, code: FunctionCode) => Value) {
    this.#runtime = runtime;
    this.#load = load;
  }

  /** Runs a function of the program (or a whole program, which has no parameters) at a depth. */
  invoke(fn: MonkeyFunction, args: readonly Value[], depth: number): Value {
    const compiled = this.#compiled(fn.code);
    this.#runtime.depth = depth - 1;
    return this.#enter(compiled, this.#frame(fn, compiled, args));
  }

  #compiled(code: FunctionCode): Compiled {
    return (code.evaluator ??= new FunctionCompiler(this, code).compile()) as Compiled;
  }

  #frame(fn: MonkeyFunction, compiled: Compiled, args: readonly Value[]): Frame {
    const frame: Frame = [fn, ...args];
    while (frame.length < compiled.size) frame.push(undefined);
    return frame;
  }

  #enter(compiled: Compiled, frame: Frame): Value {
    const runtime = this.#runtime;
    const { hostUsed, rootTop } = runtime;
    runtime.hostUsed = hostUsed + compiled.cost;
    runtime.depth++;
    runtime.frames[runtime.frameTop++] = frame;
    let value = compiled.escapes ? this.#guarded(compiled, frame) : compiled.run(frame);
    while (value === TAIL) value = this.#tail(hostUsed);
    if (value === RETURN) value = this.#returned;
    runtime.frameTop--;
    runtime.depth--;
    runtime.hostUsed = hostUsed;
    runtime.rootTop = rootTop;
    return value;
  }

  /** The caller's frame is gone: its place is taken by the callee's. */
  #tail(hostUsed: number): Value {
    const runtime = this.#runtime;
    const fn = this.#tailFunction;
    const compiled = this.#compiled(fn.code);
    const frame = this.#frame(fn, compiled, this.#tailArgs);
    runtime.frames[runtime.frameTop - 1] = frame;
    runtime.hostUsed = hostUsed + compiled.cost;
    const value = compiled.escapes ? this.#guarded(compiled, frame) : compiled.run(frame);
    return value === RETURN ? this.#returned : value;
  }

  #guarded(compiled: Compiled, frame: Frame): Value {
    const { depth, frameTop, rootTop } = this.#runtime;
    try {
      return compiled.run(frame);
    } catch (error) {
      if (!(error instanceof Escape) || error.frame !== frame) throw error;
      this.#runtime.depth = depth;
      this.#runtime.frameTop = frameTop;
      this.#runtime.rootTop = rootTop;
      return error.signal;
    }
  }

  get runtime(): Runtime {
    return this.#runtime;
  }

  setReturned(value: Value): Value {
    this.#returned = value;
    return RETURN;
  }

  load(specifier: string, code: FunctionCode): Value {
    return this.#load(specifier, code);
  }

  /** Calls a value from a call site. */
  call(callee: Value, args: Value[], site: number): Value {
    const runtime = this.#runtime;
    if (callee instanceof MonkeyFunction) {
      this.#check(callee, args.length, site);
      const compiled = this.#compiled(callee.code);
      if (runtime.hostUsed > HOST_BUDGET) return this.#handOver(callee, args);
      return this.#enter(compiled, this.#frame(callee, compiled, args));
    }
    return this.#callBuiltin(callee, args, site);
  }

  /** The common case of {@linkcode Evaluator.call} without an array of arguments. */
  call1(callee: Value, arg: Value, site: number): Value {
    if (!(callee instanceof MonkeyFunction)) return this.#callBuiltin(callee, [arg], site);
    const runtime = this.#runtime;
    this.#check(callee, 1, site);
    const compiled = (callee.code.evaluator ?? this.#compiled(callee.code)) as Compiled;
    if (runtime.hostUsed > HOST_BUDGET) return this.#handOver(callee, [arg]);
    const frame: Frame = [callee, arg];
    for (let i = 2; i < compiled.size; i++) frame.push(undefined);
    return this.#enter(compiled, frame);
  }

  #check(callee: MonkeyFunction, got: number, site: number): void {
    const runtime = this.#runtime;
    const { depth, state } = runtime;
    if (callee.code.parameters.length !== got) {
      const want = callee.code.parameters.length;
      runtime.fail(`wrong number of arguments: want=${want}, got=${got}`, site, depth);
    }
    if (depth >= runtime.limits.maxDepth) runtime.overflow(site, depth);
    runtime.sites[depth] = site;
    if (--state[FUEL]! < 0) this.#refill(site);
  }

  #refill(site: number): void {
    try {
      this.#runtime.refill();
    } catch (error) {
      throw this.#runtime.attach(error, site, this.#runtime.depth);
    }
  }

  #handOver(callee: MonkeyFunction, args: readonly Value[]): Value {
    const { depth, hostUsed } = this.#runtime;
    const value = this.#runtime.invokeVm(callee, args, depth + 1);
    this.#runtime.depth = depth;
    this.#runtime.hostUsed = hostUsed;
    return value;
  }

  #callBuiltin(callee: Value, args: Value[], site: number): Value {
    const runtime = this.#runtime;
    const { depth, rootTop } = runtime;
    if (!(callee instanceof MonkeyBuiltin)) {
      return runtime.fail(`not a function: ${typeName(callee)}`, site, depth);
    }
    runtime.sites[depth] = site;
    if (callee.reenters) { for (const arg of args) runtime.roots[runtime.rootTop++] = arg; }
    try {
      return callee.call(runtime, args);
    } catch (error) {
      throw runtime.attach(error, site, depth);
    } finally {
      runtime.rootTop = rootTop;
    }
  }

  /** Leaves the frame to the callee. */
  tailCall(callee: Value, args: Value[], site: number): Value {
    if (!(callee instanceof MonkeyFunction)) return this.#callBuiltin(callee, args, site);
    const runtime = this.#runtime;
    const want = callee.code.parameters.length;
    if (want !== args.length) {
      const message = `wrong number of arguments: want=${want}, got=${args.length}`;
      runtime.fail(message, site, runtime.depth);
    }
    if (--runtime.state[FUEL]! < 0) this.#refill(site);
    this.#tailFunction = callee;
    this.#tailArgs = args;
    return TAIL;
  }
}

/** Turns one function into closures. */
class FunctionCompiler {
  readonly #evaluator: Evaluator;
  readonly #runtime: Runtime;
  readonly #code: FunctionCode;
  #escapes = false;
  /** Above 0 inside an operand, where a signal cannot be handed up as a value. */
  #operand = 0;

  constructor(evaluator: Evaluator, code: FunctionCode) {
    this.#evaluator = evaluator;
    this.#runtime = evaluator.runtime;
    this.#code = code;
  }

  compile(): Compiled {
    const code = this.#code;
    const boxed = code.parameters.filter((parameter) => parameter.boxed);
    const body = this.#statements(code.statements, true);
    const run: Run = boxed.length === 0 ? body : (frame) => {
      for (const { slot } of boxed) frame[slot + 1] = new Cell(frame[slot + 1] as Value);
      return body(frame);
    };
    const cost = code.node.depth * 250 + 700;
    return { run, size: code.slotCount + 1, cost, escapes: this.#escapes };
  }

  #site(node: { start: number }): number {
    return this.#runtime.site(this.#code, node.start);
  }

  /** Compiles something that must give a value and not a signal. */
  #value(node: Expression): Run {
    this.#operand++;
    const run = this.#expression(node, false);
    this.#operand--;
    return run;
  }

  #statements(statements: readonly Statement[], tail: boolean): Run {
    const runs = statements.map((node, i) =>
      this.#statement(node, tail && i === statements.length - 1)
    );
    const last = statements.at(-1);
    const hasValue = last?.kind === "ExpressionStatement" || last?.kind === "Return";
    if (runs.length === 0) return () => null;
    if (runs.length === 1 && hasValue) return runs[0]!;
    const signals = statements.map((node) => maySignal(node));
    if (!signals.some(Boolean) && hasValue) {
      if (runs.length === 2) {
        const [a, b] = runs as [Run, Run];
        return (frame) => {
          a(frame);
          return b(frame);
        };
      }
      const final = runs.pop()!;
      return (frame) => {
        for (let i = 0; i < runs.length; i++) runs[i]!(frame);
        return final(frame);
      };
    }
    return (frame) => {
      let value: Value = null;
      for (let i = 0; i < runs.length; i++) {
        value = runs[i]!(frame);
        if (signals[i] && isSignal(value)) return value;
      }
      return hasValue ? value : null;
    };
  }

  #statement(node: Statement, tail: boolean): Run {
    switch (node.kind) {
      case "Let":
        return this.#let(node);
      case "Return":
        return this.#return(node.value, tail);
      case "ExpressionStatement":
        return this.#expression(node.expression, tail);
      case "While":
        return this.#while(node);
      case "For":
        return this.#for(node);
      case "Break":
        return this.#signal(BREAK);
      case "Continue":
        return this.#signal(CONTINUE);
    }
  }

  #signal(signal: Value): Run {
    if (this.#operand === 0) return () => signal;
    this.#escapes = true;
    return (frame) => {
      throw new Escape(signal, frame);
    };
  }

  #return(value: Expression | null, tail: boolean): Run {
    const evaluator = this.#evaluator;
    const operand = this.#operand;
    const direct = operand === 0;
    // What is returned is no operand, wherever the statement stands.
    this.#operand = 0;
    const run: Run = value === null ? () => null : this.#expression(value, !this.#code.isProgram);
    this.#operand = operand;
    // In tail position the value of the statement is the value of the function.
    if (tail && direct) return run;
    if (direct) {
      return (frame) => {
        const result = run(frame);
        return isSignal(result) ? result : evaluator.setReturned(result);
      };
    }
    this.#escapes = true;
    return (frame) => {
      const result = run(frame);
      throw new Escape(isSignal(result) ? result : evaluator.setReturned(result), frame);
    };
  }

  #let(node: LetNode): Run {
    const binding = node.name.binding!;
    const value = this.#value(node.value);
    if (binding.scope === "global") {
      const { globals } = this.#runtime;
      const { slot } = binding.global;
      return (frame) => {
        globals[slot] = value(frame);
        return null;
      };
    }
    const { variable } = binding as Extract<Binding, { scope: "local" }>;
    const slot = variable.slot + 1;
    if (!variable.boxed) {
      return (frame) => {
        frame[slot] = value(frame);
        return null;
      };
    }
    const early = node.value.kind === "Function";
    return (frame) => {
      const cell = new Cell(undefined);
      if (early) frame[slot] = cell;
      cell.value = value(frame);
      frame[slot] = cell;
      return null;
    };
  }

  #turn(site: number): () => void {
    const runtime = this.#runtime;
    const { state } = runtime;
    return () => {
      if (--state[FUEL]! >= 0) return;
      try {
        runtime.refill();
      } catch (error) {
        throw runtime.attach(error, site, runtime.depth);
      }
    };
  }

  /** A loop body runs as statements do, but a signal inside an operand of it still has to escape. */
  #loop(body: BlockNode): Run {
    const operand = this.#operand;
    if (operand === 0) return this.#statements(body.statements, false);
    const run = this.#statements(body.statements, false);
    return (frame) => {
      try {
        return run(frame);
      } catch (error) {
        const own = error instanceof Escape && error.frame === frame && error.signal !== RETURN;
        if (!own) throw error;
        return error.signal;
      }
    };
  }

  #guardLoop(body: BlockNode): Run {
    const run = this.#loop(body);
    if (this.#operand > 0 || !hasOperandSignal(body)) return run;
    const runtime = this.#runtime;
    return (frame) => {
      const { depth, frameTop, rootTop } = runtime;
      try {
        return run(frame);
      } catch (error) {
        const own = error instanceof Escape && error.frame === frame && error.signal !== RETURN;
        if (!own) throw error;
        runtime.depth = depth;
        runtime.frameTop = frameTop;
        runtime.rootTop = rootTop;
        return error.signal;
      }
    };
  }

  #while(node: WhileNode): Run {
    const condition = this.#value(node.condition);
    const body = this.#guardLoop(node.body);
    const turn = this.#turn(this.#site(node));
    return (frame) => {
      while (truthy(condition(frame))) {
        turn();
        const value = body(frame);
        if (value === BREAK) break;
        if (value === RETURN || value === TAIL) return value;
      }
      return null;
    };
  }

  #for(node: ForNode): Run {
    const runtime = this.#runtime;
    const iterable = this.#value(node.iterable);
    const body = this.#guardLoop(node.body);
    const site = this.#site(node);
    const turn = this.#turn(site);
    const slot = (node.iterator as Extract<Binding, { scope: "local" }>).variable.slot + 1;
    const set = this.#define(node.name);
    return (frame) => {
      const values = iterable(frame);
      let iterator: MonkeyIterator;
      try {
        iterator = iterate(runtime, values);
      } catch (error) {
        throw runtime.attach(error, site, runtime.depth);
      }
      frame[slot] = iterator;
      for (let item = iterator.next(); item !== undefined; item = iterator.next()) {
        turn();
        set(frame, item);
        const value = body(frame);
        if (value === BREAK) break;
        if (value === RETURN || value === TAIL) return value;
      }
      frame[slot] = undefined;
      return null;
    };
  }

  #define(name: IdentifierNode): (frame: Frame, value: Value) => void {
    const binding = name.binding!;
    if (binding.scope === "global") {
      const { globals } = this.#runtime;
      return (_, value) => void (globals[binding.global.slot] = value);
    }
    const { variable } = binding as Extract<Binding, { scope: "local" }>;
    const slot = variable.slot + 1;
    if (variable.boxed) return (frame, value) => void (frame[slot] = new Cell(value));
    return (frame, value) => void (frame[slot] = value);
  }

  #expression(node: Expression, tail: boolean): Run {
    const runtime = this.#runtime;
    switch (node.kind) {
      case "Integer":
      case "Float":
      case "Boolean":
      case "String":
      case "Null": {
        const value = literalValue(node);
        return () => value;
      }
      case "Template": {
        const collect = this.#list(node.parts);
        const site = this.#site(node);
        return (frame) => {
          const values = collect(frame);
          return this.#attached(site, () => joinTemplate(runtime, values));
        };
      }
      case "Identifier":
        return this.#identifier(node);
      case "Prefix": {
        const right = this.#value(node.right);
        if (node.operator === "!") return (frame) => !truthy(right(frame));
        const site = this.#site(node);
        return (frame) => {
          const value = right(frame);
          if (typeof value === "number") return 0 - value;
          return this.#attached(site, () => negate(runtime, value));
        };
      }
      case "Infix":
        return this.#infix(node);
      case "Logical": {
        const left = this.#value(node.left);
        const right = this.#value(node.right);
        if (node.operator === "&&") {
          return (frame) => {
            const value = left(frame);
            return truthy(value) ? right(frame) : value;
          };
        }
        return (frame) => {
          const value = left(frame);
          return truthy(value) ? value : right(frame);
        };
      }
      case "If":
        return this.#if(node, tail);
      case "Function":
        return this.#closure(node);
      case "Call":
        return this.#call(node, tail);
      case "Array": {
        const collect = this.#list(node.items);
        const site = this.#site(node);
        return (frame) => {
          const items = collect(frame);
          this.#attached(site, () => runtime.allocate(2 + items.length));
          return new MonkeyArray(items);
        };
      }
      case "Hash": {
        const collect = this.#list(node.pairs.flat());
        const site = this.#site(node);
        return (frame) => {
          const items = collect(frame);
          return this.#attached(site, () => makeHash(runtime, items));
        };
      }
      case "Index": {
        const collect = this.#list([node.object, node.index]);
        const site = this.#site(node);
        return (frame) => {
          const [object, key] = collect(frame) as [Value, Value];
          return this.#attached(site, () => index(object, key));
        };
      }
      case "Assign":
        return this.#assign(node);
      case "Quote": {
        const collect = this.#list(node.holes);
        const site = this.#site(node);
        return (frame) => {
          const values = collect(frame);
          return this.#attached(site, () => {
            runtime.allocate(8);
            return buildQuote(node, values);
          });
        };
      }
      case "Import": {
        const site = this.#site(node);
        return () => {
          runtime.sites[runtime.depth] = site;
          return this.#attached(site, () => this.#evaluator.load(node.specifier, this.#code));
        };
      }
      case "Macro":
      case "Hole": {
        const site = this.#site(node);
        const what = node.kind === "Macro" ? "a macro must be a top-level let" : "a stray unquote";
        return () => runtime.fail(what, site, runtime.depth);
      }
    }
  }

  #attached<T>(site: number, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#runtime.attach(error, site, this.#runtime.depth);
    }
  }

  /** Evaluates in order; what a later element may outlive is kept as a root meanwhile. */
  #list(nodes: readonly Expression[]): (frame: Frame) => Value[] {
    const runtime = this.#runtime;
    const runs = nodes.map((node) => this.#value(node));
    const keep = nodes.some((node, i) => i > 0 && containsCall(node));
    if (!keep) {
      return (frame) => {
        const values: Value[] = [];
        for (let i = 0; i < runs.length; i++) values.push(runs[i]!(frame));
        return values;
      };
    }
    return (frame) => {
      const { rootTop } = runtime;
      const values: Value[] = [];
      for (let i = 0; i < runs.length; i++) {
        const value = runs[i]!(frame);
        if (isHeap(value)) runtime.roots[runtime.rootTop++] = value;
        values.push(value);
      }
      runtime.rootTop = rootTop;
      return values;
    };
  }

  #identifier(node: IdentifierNode): Run {
    const binding = node.binding!;
    const runtime = this.#runtime;
    const site = node.unsure === true ? this.#site(node) : 0;
    const missing = () => runtime.fail(`identifier not found: ${node.name}`, site, runtime.depth);
    switch (binding.scope) {
      case "builtin": {
        const value = binding.value as Value;
        return () => value;
      }
      case "global": {
        const { globals } = runtime;
        const { slot } = binding.global;
        if (node.unsure !== true) return () => globals[slot] as Value;
        return () => globals[slot] ?? (globals[slot] === undefined ? missing() : null);
      }
      case "local": {
        const slot = binding.variable.slot + 1;
        if (!binding.variable.boxed) {
          if (node.unsure !== true) return (frame) => frame[slot] as Value;
          return (frame) => {
            const value = frame[slot] as Value | undefined;
            return value === undefined ? missing() : value;
          };
        }
        return (frame) => {
          const value = (frame[slot] as Cell | undefined)?.value;
          return value === undefined ? missing() : value;
        };
      }
      case "free": {
        const at = binding.index;
        if (!binding.variable.boxed) {
          return (frame) => (frame[0] as MonkeyFunction).free[at] as Value;
        }
        return (frame) => {
          const { value } = (frame[0] as MonkeyFunction).free[at] as Cell;
          return value === undefined ? missing() : value;
        };
      }
    }
  }

  #infix(node: InfixNode): Run {
    const runtime = this.#runtime;
    const { operator } = node;
    const site = this.#site(node);
    const slow = (a: Value, b: Value): Value => {
      try {
        return binary(runtime, operator, a, b);
      } catch (error) {
        throw runtime.attach(error, site, runtime.depth);
      }
    };
    const fast = this.#infixOfConstant(node, slow);
    if (fast !== undefined) return fast;
    const left = this.#value(node.left);
    const right = this.#value(node.right);
    const first: Run = containsCall(node.right)
      ? (frame) => {
        const value = left(frame);
        if (isHeap(value)) runtime.roots[runtime.rootTop++] = value;
        return value;
      }
      : left;
    // The root pushed by `first` stays until the frame is left; a loop around it must not pile them up.
    switch (operator) {
      case "+":
        return (frame) => {
          const { rootTop } = runtime;
          const a = first(frame);
          const b = right(frame);
          runtime.rootTop = rootTop;
          if (typeof a === "number" && typeof b === "number") {
            const sum = a + b;
            if (sum <= MAX_SMALL && sum >= -MAX_SMALL) return sum;
          }
          return slow(a, b);
        };
      case "-":
        return (frame) => {
          const { rootTop } = runtime;
          const a = first(frame);
          const b = right(frame);
          runtime.rootTop = rootTop;
          if (typeof a === "number" && typeof b === "number") {
            const difference = a - b;
            if (difference <= MAX_SMALL && difference >= -MAX_SMALL) return difference;
          }
          return slow(a, b);
        };
      case "<":
      case ">":
      case "==":
      case "!=": {
        const compare = COMPARE[operator];
        return (frame) => {
          const { rootTop } = runtime;
          const a = first(frame);
          const b = right(frame);
          runtime.rootTop = rootTop;
          return typeof a === "number" && typeof b === "number" ? compare(a, b) : slow(a, b);
        };
      }
      default:
        return (frame) => {
          const { rootTop } = runtime;
          const a = first(frame);
          const b = right(frame);
          runtime.rootTop = rootTop;
          return slow(a, b);
        };
    }
  }

  /** `x + 1`, `x == 0` and the like with a plain local on the left: one closure instead of three. */
  #infixOfConstant(node: InfixNode, slow: (a: Value, b: Value) => Value): Run | undefined {
    const { left, right } = node;
    if (left.kind !== "Identifier" || left.unsure === true || right.kind !== "Integer") return;
    const { binding } = left;
    if (binding?.scope !== "local" || binding.variable.boxed) return;
    const b = right.value;
    if (typeof b !== "number") return;
    const slot = binding.variable.slot + 1;
    switch (node.operator) {
      case "+":
        return (frame) => {
          const a = frame[slot] as Value;
          if (typeof a === "number") {
            const sum = a + b;
            if (sum <= MAX_SMALL && sum >= -MAX_SMALL) return sum;
          }
          return slow(a, b);
        };
      case "-":
        return (frame) => {
          const a = frame[slot] as Value;
          if (typeof a === "number") {
            const difference = a - b;
            if (difference <= MAX_SMALL && difference >= -MAX_SMALL) return difference;
          }
          return slow(a, b);
        };
      case "==":
        return (frame) => {
          const a = frame[slot] as Value;
          return typeof a === "number" ? a === b : slow(a, b);
        };
      case "<":
        return (frame) => {
          const a = frame[slot] as Value;
          return typeof a === "number" ? a < b : slow(a, b);
        };
    }
    return undefined;
  }

  #if(node: IfNode, tail: boolean): Run {
    const condition = this.#value(node.condition);
    const consequence = this.#statements(node.consequence.statements, tail);
    const alternative = node.alternative === null
      ? () => null
      : this.#statements(node.alternative.statements, tail);
    return (frame) => {
      const value = condition(frame);
      return value === true || (value !== false && value !== null)
        ? consequence(frame)
        : alternative(frame);
    };
  }

  #closure(node: FunctionNode): Run {
    const runtime = this.#runtime;
    const code = node.code!;
    const site = this.#site(node);
    const { captures } = code;
    return (frame) => {
      const self = frame[0] as MonkeyFunction;
      const free: (Value | Cell)[] = [];
      for (const { variable, fromSlot, index } of captures) {
        if (!fromSlot) free.push(self.free[index]!);
        else if (variable.boxed) free.push((frame[index + 1] ??= new Cell(undefined)) as Cell);
        else free.push(frame[index + 1] as Value);
      }
      this.#attached(site, () => runtime.allocate(2 + free.length));
      return new MonkeyFunction(code, free);
    };
  }

  #call(node: CallNode, tail: boolean): Run {
    const evaluator = this.#evaluator;
    const runtime = this.#runtime;
    const site = this.#site(node);
    const callee = this.#value(node.callee);
    if (tail && this.#operand === 0 && isTailCall(node)) {
      const collect = this.#list([node.callee, ...node.args]);
      return (frame) => {
        const values = collect(frame);
        return evaluator.tailCall(values[0]!, values.slice(1), site);
      };
    }
    const plainCallee = node.callee.kind === "Identifier";
    if (node.args.length === 1 && plainCallee) {
      const arg = this.#value(node.args[0]!);
      return (frame) => {
        const fn = callee(frame);
        return evaluator.call1(fn, arg(frame), site);
      };
    }
    const collect = this.#list([node.callee, ...node.args]);
    return (frame) => {
      const values = collect(frame);
      const { rootTop } = runtime;
      const result = evaluator.call(values[0]!, values.slice(1), site);
      runtime.rootTop = rootTop;
      return result;
    };
  }

  #assign(node: AssignNode): Run {
    const runtime = this.#runtime;
    const site = this.#site(node);
    const { operator } = node;
    const combine = (old: Value, value: Value): Value =>
      operator === null ? value : this.#attached(site, () => binary(runtime, operator, old, value));
    if (node.target.kind === "Index") {
      const { object, index: key } = node.target;
      const collect = this.#list([object, key]);
      const value = this.#value(node.value);
      return (frame) => {
        const { rootTop } = runtime;
        const [target, at] = collect(frame) as [Value, Value];
        runtime.roots[runtime.rootTop++] = target;
        runtime.roots[runtime.rootTop++] = at;
        const old = operator === null ? null : this.#attached(site, () => index(target, at));
        const result = combine(old, value(frame));
        runtime.rootTop = rootTop;
        this.#attached(site, () => setIndex(runtime, target, at, result));
        return result;
      };
    }
    const binding = node.target.binding!;
    const read = this.#identifier({ ...node.target, unsure: true });
    const value = this.#value(node.value);
    const write = this.#writer(binding);
    return (frame) => {
      const { rootTop } = runtime;
      const old = read(frame);
      if (operator !== null && isHeap(old)) runtime.roots[runtime.rootTop++] = old;
      const result = combine(old, value(frame));
      runtime.rootTop = rootTop;
      write(frame, result);
      return result;
    };
  }

  #writer(binding: Binding): (frame: Frame, value: Value) => void {
    if (binding.scope === "global") {
      const { globals } = this.#runtime;
      return (_, value) => void (globals[binding.global.slot] = value);
    }
    if (binding.scope === "free") {
      const at = binding.index;
      return (frame, value) => void (((frame[0] as MonkeyFunction).free[at] as Cell).value = value);
    }
    const { variable } = binding as Extract<Binding, { scope: "local" }>;
    const slot = variable.slot + 1;
    if (!variable.boxed) return (frame, value) => void (frame[slot] = value);
    return (frame, value) => void ((frame[slot] as Cell).value = value);
  }
}

const COMPARE = {
  "<": (a: number, b: number) => a < b,
  ">": (a: number, b: number) => a > b,
  "==": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
};

function isSignal(value: Value): boolean {
  return value === RETURN || value === BREAK || value === CONTINUE || value === TAIL;
}

/** Whether running a statement can end in a signal instead of a value. */
function maySignal(node: MonkeyNode): boolean {
  return !walk(node, (at) => at.kind === "Function" ? [] : childrenOf(at), {
    enter: (at) =>
      at.kind === "Return" || at.kind === "Break" || at.kind === "Continue" ? "stop" : undefined,
  });
}

/** Whether a `break` or `continue` in a loop's body stands inside an operand. Rare, so this may say yes too often. */
function hasOperandSignal(body: BlockNode): boolean {
  return body.statements.some((statement) =>
    statement.kind !== "ExpressionStatement" && statement.kind !== "Break" &&
        statement.kind !== "Continue" && statement.kind !== "While" && statement.kind !== "For" ||
      statement.kind === "ExpressionStatement" && statement.expression.kind !== "If"
      ? maySignal(statement)
      : childrenOf(statement).some((child) => nestedOperandSignal(child))
  );
}

function nestedOperandSignal(node: MonkeyNode): boolean {
  if (node.kind === "Block") return hasOperandSignal(node);
  if (node.kind === "If") {
    return maySignal(node.condition) || hasOperandSignal(node.consequence) ||
      (node.alternative !== null && hasOperandSignal(node.alternative));
  }
  return maySignal(node);
}

/** The value of a literal. */
export function literalValue(node: Expression): Value {
  switch (node.kind) {
    case "Integer":
    case "Boolean":
    case "String":
      return node.value;
    case "Float":
      return new MonkeyFloat(node.value);
    default:
      return null;
  }
}

/** Makes a hash of keys and values in turn. */
export function makeHash(runtime: Memory, items: readonly Value[]): MonkeyHash {
  const pairs = new Map<HashKey, Value>();
  runtime.allocate(2 + (items.length >> 1) * 3);
  for (let i = 0; i < items.length; i += 2) pairs.set(hashKey(items[i]!), items[i + 1]!);
  return new MonkeyHash(pairs);
}

/** Joins the parts of an interpolated string. */
export function joinTemplate(runtime: Memory, values: readonly Value[]): string {
  let text = "";
  for (const value of values) text = concat(runtime, text, inspect(value));
  return text;
}
