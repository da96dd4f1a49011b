import { SourceText } from "../mod.ts";
import type { FunctionCode } from "./ast.ts";
import { childrenOf, type MonkeyNode } from "./ast.ts";
import { MonkeyError } from "./errors.ts";
import { Monkey, type MonkeyOptions } from "./monkey.ts";
import { monkeyLexer } from "./lexer.ts";
import type { Runtime } from "./_runtime.ts";
import { Cell, inspect, MonkeyFunction, type Value } from "./values.ts";
import { type OpenFrame, Vm } from "./_vm.ts";
import { walk } from "../mod.ts";

/** Where a debugged program stands. */
export type DebuggerState =
  /** Before the statement on this line. */
  | { readonly status: "paused"; readonly line: number; readonly functionName: string }
  /** At its end, with this value. */
  | { readonly status: "done"; readonly value: Value }
  /** Ended by this error. */
  | { readonly status: "failed"; readonly error: MonkeyError };

/** One open call, innermost first. */
export interface DebuggerFrame {
  /** Name of the function. */
  readonly functionName: string;
  /** Line (1-based) of the statement or call that is running. */
  readonly line: number;
}

type Mode = "step" | "next" | "finish" | "continue";

/**
 * A step debugger on the VM. It pauses before statements: at the first one, at those on a line with a breakpoint, and where
 * {@linkcode MonkeyDebugger.step} and its like say. Functions that builtins call (`map`, `sort`) run through without a pause.
 *
 * @example
 * ```ts
 * import { MonkeyDebugger } from "@groundwork/std/parser/monkey";
 * import { assertEquals } from "@std/assert";
 *
 * const session = new MonkeyDebugger("let f = fn(n) {\n  let m = n * 2;\n  m + 1\n};\nf(20) + 1");
 * session.breakAt(3);
 * assertEquals(session.continue(), { status: "paused", line: 3, functionName: "f" });
 * assertEquals(session.print("m + n"), "60");
 * assertEquals(session.backtrace().map((frame) => frame.line), [3, 5]);
 * assertEquals(session.continue(), { status: "done", value: 42 });
 * ```
 */
export class MonkeyDebugger {
  readonly #monkey: Monkey;
  readonly #runtime: Runtime;
  readonly #vm: Vm;
  readonly #source: SourceText;
  readonly #breakpoints = new Set<number>();
  #mode: Mode = "step";
  #depth = 0;
  #position = -1;
  #state: DebuggerState;

  /**
   * Compiles a program and pauses before its first statement. The option `engine` has no meaning here.
   *
   * @throws {MonkeySyntaxError} If it cannot be parsed.
   */
  constructor(source: string | SourceText, options: MonkeyOptions = {}) {
    this.#source = typeof source === "string" ? new SourceText(source) : source;
    this.#monkey = new Monkey({ ...options, engine: "vm" });
    const { runtime, load } = this.#monkey.internals();
    this.#runtime = runtime;
    this.#vm = new Vm(runtime, { optimize: false, statements: true }, load);
    runtime.invoke = runtime.invokeVm = (fn, args, depth) => this.#vm.invoke(fn, args, depth);
    this.#vm.hook = (vm) => this.#onStatement(vm);
    const main = new MonkeyFunction(this.#monkey.compile(this.#source), []);
    runtime.begin();
    this.#state = this.#advance(() => this.#vm.start(main));
  }

  /** Where the program stands. */
  get state(): DebuggerState {
    return this.#state;
  }

  /** Lines with breakpoints, ascending. */
  get breakpoints(): number[] {
    return [...this.#breakpoints].sort((a, b) => a - b);
  }

  /** Sets a breakpoint on a line (1-based). */
  breakAt(line: number): void {
    this.#breakpoints.add(line);
  }

  /** Removes a breakpoint. */
  clear(line: number): void {
    this.#breakpoints.delete(line);
  }

  /** Goes to the next statement, into calls too. */
  step(): DebuggerState {
    return this.#go("step");
  }

  /** Goes to the next statement of this function, or of its caller at its end. */
  next(): DebuggerState {
    return this.#go("next");
  }

  /** Goes on until this function has returned. */
  finish(): DebuggerState {
    return this.#go("finish");
  }

  /** Goes on to the next breakpoint. */
  continue(): DebuggerState {
    return this.#go("continue");
  }

  /** The open calls, innermost first. */
  backtrace(): DebuggerFrame[] {
    if (this.#state.status !== "paused") return [];
    return this.#vm.frames().map((frame) => ({
      functionName: frame.code.name,
      line: frame.code.source.line(frame.position),
    }));
  }

  /** The names that the current function has given values, with those. */
  locals(): Map<string, string> {
    const values = this.#state.status === "paused"
      ? this.#values(this.#vm.frames()[0]!)
      : new Map();
    return new Map([...values].map(([name, value]) => [name, inspect(value)]));
  }

  /**
   * Computes an expression with the names of the current function and returns its text. It may call functions and has
   * their effects.
   *
   * @throws {MonkeySyntaxError} If it cannot be parsed.
   * @throws {MonkeyError} If it fails.
   */
  print(expression: string): string {
    const paused = this.#state.status === "paused";
    const known = paused ? this.#values(this.#vm.frames()[0]!) : new Map<string, Value>();
    const tokens = monkeyLexer.tokenize(expression);
    const used = new Set<string>();
    for (let i = 0; i < tokens.length; i++) {
      const text = expression.slice(tokens.starts[i]!, tokens.ends[i]!);
      if (monkeyLexer.nameOf(tokens.kinds[i]!) === "name" && known.has(text)) used.add(text);
    }
    const source = new SourceText(`fn(${[...used].join(", ")}) {\n${expression}\n}`, "<print>");
    const { runtime } = this.#monkey.internals();
    const { depth, stackTop } = runtime;
    const { hook } = this.#vm;
    this.#vm.hook = undefined;
    try {
      const main = new MonkeyFunction(this.#monkey.compile(source), []);
      const fn = this.#vm.invoke(main, [], depth);
      return inspect(runtime.call(fn, [...used].map((name) => known.get(name)!)));
    } finally {
      this.#vm.hook = hook;
      runtime.depth = depth;
      runtime.stackTop = stackTop;
    }
  }

  #go(mode: Mode): DebuggerState {
    if (this.#state.status !== "paused") return this.#state;
    this.#mode = mode;
    this.#depth = this.#runtime.depth;
    return this.#state = this.#advance(() => this.#vm.resume());
  }

  #advance(run: () => Value | undefined): DebuggerState {
    try {
      const value = run();
      if (value !== undefined) return { status: "done", value };
    } catch (error) {
      if (error instanceof MonkeyError) return { status: "failed", error };
      throw error;
    }
    const [frame] = this.#vm.frames();
    const line = frame!.code.source.line(frame!.position);
    return { status: "paused", line, functionName: frame!.code.name };
  }

  /** Says whether to run on. */
  #onStatement(vm: Vm): boolean {
    if (vm.nested) return true;
    const { depth } = this.#runtime;
    const { code, position } = vm.frames()[0]!;
    const line = code.source.line(position);
    const known = code.source === this.#source && this.#breakpoints.has(line);
    const arrived = position !== this.#position || depth !== this.#depth;
    this.#position = position;
    if (known && (arrived || this.#mode !== "continue")) return false;
    if (this.#mode === "step") return false;
    if (this.#mode === "next") return depth > this.#depth;
    return this.#mode === "finish" ? depth >= this.#depth : true;
  }

  #values(frame: OpenFrame): Map<string, Value> {
    const values = new Map<string, Value>();
    const add = (name: string, slot: unknown) => {
      const value = slot instanceof Cell ? slot.value : slot;
      if (value !== undefined && name !== "") values.set(name, value as Value);
    };
    frame.code.captures.forEach(({ variable }, i) => add(variable.name, frame.fn.free[i]));
    for (const [name, slot] of slotsOf(frame.code)) add(name, this.#vm.slot(frame.base + slot));
    return values;
  }
}

/** Names and slots of a function's parameters and locals. */
function slotsOf(code: FunctionCode): [string, number][] {
  const slots: [string, number][] = [];
  walk<MonkeyNode>(code.node, (node) => {
    return node.kind === "Function" && node !== code.node ? [] : childrenOf(node);
  }, {
    enter(node) {
      if (node.kind !== "Identifier" || node.binding?.scope !== "local") return;
      slots.push([node.name, node.binding.variable.slot]);
    },
  });
  return slots;
}
