/**
 * What the engines share while a program runs: globals, limits, the roots of all live values, call sites for stack traces,
 * and the way into a function of the program from the host.
 *
 * Steps: a step is one call of a function or one turn of a loop, the only ways a program can run long; builtins that walk
 * over their arguments charge for it. The counter runs down in slices, and at the end of each the clock and the signal are
 * looked at. Every engine counts the same steps.
 *
 * Memory: a cell is one slot of an array, a pair counts three, a closure two and one for each capture, a boxed float or a
 * 64-bit integer beyond 2^53 one, a string one for each 16 code units. When the count since the last mark reaches the
 * budget, everything that can be reached from the roots (globals, stacks, temporaries) is marked and the count set to what
 * is alive. A program fails when more than 15/16 of the budget is alive, so a mark always pays for itself.
 *
 * Depth: every call counts, except that a call in tail position takes over its caller's place. Engines that use the host's
 * stack hand a call over to the VM, which keeps its frames on the heap, once their share of that stack is used.
 */
import { MonkeyError, type MonkeyErrorCode, type MonkeyStackFrame } from "./errors.ts";
import type { MonkeyIterator } from "./_operators.ts";
import type { FunctionCode } from "./ast.ts";
import {
  Cell,
  MonkeyArray,
  MonkeyBuiltin,
  MonkeyErrorValue,
  MonkeyFunction,
  MonkeyHash,
  typeName,
  type Value,
} from "./values.ts";

/** Limits of a run; see {@linkcode Runtime}. */
export interface RuntimeLimits {
  maxDepth: number;
  maxSteps: number;
  maxCells: number;
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

const SLICE = 16_384;
const MAX_TRACE = 100;
/** Builtins that call the program, inside one another. */
const MAX_NATIVE = 64;
/** Bytes of the host's stack that engines may use before they hand over to the VM. */
export const HOST_BUDGET = 400_000;
/** Index of the step counter and of the JIT's depth limit in `Runtime.state`. */
export const FUEL = 0;
export const JIT_LIMIT = 1;

/** A value in a stack or a frame. */
export type Slot = Value | Cell | MonkeyIterator | undefined;

/** How a function of the program is run from outside the engine that is running. */
export type Invoke = (fn: MonkeyFunction, args: readonly Value[], depth: number) => Value;

export class Runtime {
  readonly globals: (Value | undefined)[] = [];
  readonly state: Int32Array = new Int32Array(2);
  /** The site at which the frame of each depth is calling. */
  sites: Int32Array = new Int32Array(64);
  readonly siteTable: { code: FunctionCode; start: number }[] = [];
  readonly limits: RuntimeLimits;
  depth = 0;
  hostUsed = 0;
  native = 0;
  /** Temporaries of the engines that use the host's stack. */
  readonly roots: Slot[] = [];
  rootTop = 0;
  /** Frames of the evaluator. */
  readonly frames: Slot[][] = [];
  frameTop = 0;
  /** The stack of the VM. */
  stack: Slot[] = [];
  stackTop = 0;
  invoke!: Invoke;
  /** Runs a function on the VM whatever the engine. */
  invokeVm!: Invoke;
  output: (line: string) => void = () => {};
  /** Functions with compiled forms that rely on top-level names staying what they are. */
  compiled: FunctionCode[] = [];
  #cells = 0;
  #slice = 0;
  #steps = 0;
  #deadline = Infinity;

  constructor(limits: RuntimeLimits) {
    this.limits = limits;
    this.sites = new Int32Array(limits.maxDepth + 2);
  }

  /** Starts a run: the clock and the steps count from here. */
  begin(): void {
    this.depth = 0;
    this.hostUsed = 0;
    this.native = 0;
    this.rootTop = 0;
    this.frameTop = 0;
    this.stackTop = 0;
    this.#steps = 0;
    this.#slice = 0;
    this.state[FUEL] = 0;
    this.#deadline = this.limits.timeoutMs === Infinity
      ? Infinity
      : performance.now() + this.limits.timeoutMs;
    this.refill();
    // No step has been taken yet.
    this.state[FUEL]!++;
  }

  /** Steps since `begin`. */
  get steps(): number {
    return this.#steps + this.#slice - Math.max(0, this.state[FUEL]!);
  }

  /** The step counters, to go back to where a call is run again from its start. */
  snapshot(): () => void {
    const steps = this.#steps;
    const slice = this.#slice;
    const fuel = this.state[FUEL]!;
    return () => {
      this.#steps = steps;
      this.#slice = slice;
      this.state[FUEL] = fuel;
    };
  }

  /** Cells counted since the last mark, those alive then included. */
  get cells(): number {
    return this.#cells;
  }

  /** Called when a slice of steps is used up. */
  refill(): void {
    this.#steps += this.#slice;
    this.#slice = 0;
    if (this.limits.signal?.aborted) throw new MonkeyError("the run was aborted", "aborted");
    if (performance.now() > this.#deadline) {
      throw new MonkeyError(`ran longer than ${this.limits.timeoutMs} ms`, "time-limit");
    }
    const left = this.limits.maxSteps - this.#steps;
    if (left <= 0) {
      throw new MonkeyError(`ran more than ${this.limits.maxSteps} steps`, "step-limit");
    }
    this.#slice = Math.min(SLICE, left);
    // The step that found the counter empty is the first of the new slice.
    this.state[FUEL] = this.#slice - 1;
  }

  /** Counts the work of a builtin, 16 elements to a step. */
  charge(elements: number): void {
    let steps = elements >> 4;
    while (steps > 0) {
      const part = Math.min(steps, this.state[FUEL]!);
      this.state[FUEL]! -= part;
      steps -= part;
      if (steps > 0) {
        this.state[FUEL] = 0;
        this.refill();
        steps--;
      }
    }
  }

  /** Counts one step. */
  step(): void {
    if (--this.state[FUEL]! < 0) {
      this.state[FUEL] = 0;
      this.refill();
    }
  }

  /** Counts cells before they are made. */
  allocate(cells: number): void {
    this.#cells += cells;
    if (this.#cells > this.limits.maxCells) this.#mark(cells);
  }

  #mark(wanted: number): void {
    const alive = this.#countAlive() + wanted;
    this.#cells = alive;
    if (alive > this.limits.maxCells - this.limits.maxCells / 16) {
      throw new MonkeyError(`more than ${this.limits.maxCells} cells are alive`, "memory-limit");
    }
  }

  #countAlive(): number {
    const marked = new Set<object>();
    const pending: object[] = [];
    const strings = new Set<string>();
    let cells = 0;
    const visit = (value: unknown): void => {
      if (typeof value === "string") {
        if (value.length >= 16 && !strings.has(value)) {
          strings.add(value);
          cells += value.length >> 4;
        }
      } else if (typeof value === "object" && value !== null) {
        if (marked.has(value)) return;
        marked.add(value);
        pending.push(value);
      } else if (typeof value === "bigint") cells++;
    };
    for (const value of this.globals) visit(value);
    this.roots.fill(undefined, this.rootTop);
    for (let i = 0; i < this.rootTop; i++) visit(this.roots[i]);
    this.stack.fill(undefined, this.stackTop);
    for (let i = 0; i < this.stackTop; i++) visit(this.stack[i]);
    this.frames.length = this.frameTop;
    for (const frame of this.frames) for (const value of frame) visit(value);
    for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
      if (item instanceof MonkeyArray) {
        cells += 2 + item.items.length;
        for (const element of item.items) visit(element);
      } else if (item instanceof MonkeyHash) {
        cells += 2 + 3 * item.pairs.size;
        for (const [key, element] of item.pairs) {
          visit(key);
          visit(element);
        }
      } else if (item instanceof MonkeyFunction) {
        cells += 2 + item.free.length;
        for (const captured of item.free) visit(captured);
      } else if (item instanceof Cell) {
        cells++;
        visit(item.value);
      } else if (item instanceof MonkeyErrorValue) {
        cells += 2 + item.error.trace.length;
        visit(item.error.payload);
      } else if ("items" in item) {
        const { items } = item as MonkeyIterator;
        cells += items.length;
        for (const element of items) visit(element);
      } else if ("node" in item) cells += 8;
      else cells++;
    }
    return cells;
  }

  /** Reserves a number for a place in the source from which calls are made or errors come. */
  site(code: FunctionCode, start: number): number {
    this.siteTable.push({ code, start });
    return this.siteTable.length - 1;
  }

  /** Gives an error its trace, once: the place itself, then the calls that are open at `depth`. */
  attach(error: unknown, site: number, depth: number): unknown {
    if (!(error instanceof MonkeyError) || error.trace.length > 0) return error;
    const trace: MonkeyStackFrame[] = [];
    const add = (at: number) => {
      const entry = this.siteTable[at];
      if (entry === undefined) return;
      const { source, name } = entry.code;
      const { line, column } = source.position(entry.start);
      trace.push({ functionName: name, source: source.name, line, column });
    };
    add(site);
    for (let i = depth - 1; i >= 0 && trace.length < MAX_TRACE; i--) add(this.sites[i]!);
    error.trace = trace;
    return error;
  }

  /** Throws an error of the program at a place. */
  fail(message: string, site: number, depth: number, code: MonkeyErrorCode = "runtime"): never {
    throw this.attach(new MonkeyError(message, code), site, depth);
  }

  overflow(site: number, depth: number): never {
    this.fail(
      `stack overflow: more than ${this.limits.maxDepth} calls are open`,
      site,
      depth,
      "stack-overflow",
    );
  }

  /** Calls any value from a builtin. */
  call(callee: Value, args: readonly Value[]): Value {
    if (callee instanceof MonkeyBuiltin) return callee.call(this, args);
    if (!(callee instanceof MonkeyFunction)) {
      throw new MonkeyError(`not a function: ${typeName(callee)}`);
    }
    checkArity(callee, args.length);
    if (this.native >= MAX_NATIVE) {
      throw new MonkeyError(
        `stack overflow: more than ${MAX_NATIVE} builtins that call functions are open`,
        "stack-overflow",
      );
    }
    if (this.depth >= this.limits.maxDepth) {
      throw new MonkeyError(
        `stack overflow: more than ${this.limits.maxDepth} calls are open`,
        "stack-overflow",
      );
    }
    this.step();
    const { depth, hostUsed, rootTop, frameTop, stackTop } = this;
    this.native++;
    this.hostUsed += 2000;
    try {
      return this.invoke(callee, args, depth + 1);
    } finally {
      this.native--;
      this.depth = depth;
      this.hostUsed = hostUsed;
      this.rootTop = rootTop;
      this.frameTop = frameTop;
      this.stackTop = stackTop;
    }
  }

  /** Throws away what was compiled, after a name that it relies on was defined again. */
  invalidate(): void {
    for (const code of this.compiled) code.bytecode = code.jit = code.wasm = undefined;
    this.compiled = [];
  }

  /** Keeps a value alive until the builtin that made it returns to its engine. */
  root(value: Slot): void {
    this.roots[this.rootTop++] = value;
  }
}

/** Throws unless a function takes this many arguments. */
export function checkArity(fn: MonkeyFunction, got: number): void {
  const want = fn.code.parameters.length;
  if (want !== got) {
    throw new MonkeyError(`wrong number of arguments: want=${want}, got=${got}`);
  }
}
