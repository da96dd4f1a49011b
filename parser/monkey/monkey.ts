import { SourceText } from "../mod.ts";
import { makeNode, type ProgramNode } from "./ast.ts";
import { CORE_BUILTINS, type MonkeyFiles, standardModule } from "./_builtins.ts";
import { disassemble } from "./_code.ts";
import { MonkeyError, MonkeySyntaxError } from "./errors.ts";
import { Evaluator } from "./_evaluator.ts";
import { fromHost, type HostValue, toHost } from "./host.ts";
import { Jit } from "./_jit.ts";
import { expandMacros, type MacroTable } from "./_macro.ts";
import { parseMonkey } from "./parser.ts";
import { Runtime } from "./_runtime.ts";
import { FunctionCode, type GlobalSlot } from "./ast.ts";
import { GlobalScope, resolveProgram } from "./_scope.ts";
import { MonkeyBuiltin, MonkeyFunction, MonkeyHash, type Value } from "./values.ts";
import { Vm } from "./_vm.ts";
import { Wasm } from "./_wasm.ts";

/**
 * How a program is run. `auto` starts in the VM and moves hot functions to the JIT, and hot integer-only functions to
 * WebAssembly; `wasm` runs integer-only functions in WebAssembly from their first call and the rest in the JIT.
 */
export type MonkeyEngine = "auto" | "eval" | "vm" | "jit" | "wasm";

/** A function of the host; called with what {@linkcode Monkey.toHost} makes of the arguments. */
export type HostFunction = (...args: HostValue[]) => HostValue | void;

/** Options of a {@linkcode Monkey}. */
export interface MonkeyOptions {
  /** Default `"auto"`. */
  engine?: MonkeyEngine;
  /** Calls of a function or turns of a loop after which `auto` compiles it. Default 500. */
  hotAfter?: number;
  /** Receives the lines that `puts` prints. Default: nowhere. */
  output?: (line: string) => void;
  /** Calls that may be open, those in tail position not counted. Default 10,000; at most 1,000,000. */
  maxDepth?: number;
  /** Steps in one run: calls, turns of loops, and one for 16 elements that a builtin walks over. Default: no limit. */
  maxSteps?: number;
  /**
   * Budget of live memory in cells. Default 8,388,608; at most 33,554,432. A cell is a slot of an array, a third of a pair,
   * a captured variable, a boxed float or 16 units of a string; at most about 64 bytes. When the count since the last mark
   * reaches the budget, all that can be reached from names, frames and temporaries is marked, and the count becomes what is
   * alive; a program fails when that is more than 15/16 of the budget.
   */
  maxCells?: number;
  /** Longest run in milliseconds. Default: no limit. */
  timeoutMs?: number;
  /** Ends a run with the error `aborted`. Only {@linkcode Monkey.runAsync} lets the host's events happen meanwhile. */
  signal?: AbortSignal;
  /** Functions of the host that programs may call by name. Default: none. */
  functions?: Readonly<Record<string, HostFunction>>;
  /** Returns the text of a module for `import`. Default: only the standard library can be imported. */
  readModule?: (specifier: string, importer: string) => string;
  /** File access for the module `files`. Default: none. */
  files?: MonkeyFiles;
}

const MAX_DEPTH = 1_000_000;
const MAX_CELLS = 1 << 25;

/**
 * A Monkey session: the names that one run defines are there in the next. Nothing of the host can be reached from a program
 * but what the options give it.
 *
 * Integers have 64 bits and wrap, division truncates. `if`, functions and blocks have the value of their last expression.
 * Errors of a program are thrown as {@linkcode MonkeyError} with a trace in lines of the source, wherever they happen; the
 * five engines give the same results, messages and counts of steps.
 *
 * @example
 * ```ts
 * import { inspect, Monkey } from "@groundwork/std/parser/monkey";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const monkey = new Monkey({ functions: { host_add: (a, b) => Number(a) + Number(b) } });
 * monkey.run("let fib = fn(n) { if (n < 2) { n } else { fib(n - 1) + fib(n - 2) } };");
 * assertEquals(inspect(monkey.run("[fib(20), host_add(1, 2)]")), "[6765, 3]");
 * assertThrows(() => monkey.run("1 + true"), Error, "type mismatch: INTEGER + BOOLEAN");
 * ```
 */
export class Monkey {
  readonly #engine: MonkeyEngine;
  readonly #options: MonkeyOptions;
  readonly #runtime: Runtime;
  readonly #builtins: ReadonlyMap<string, Value>;
  readonly #globals: GlobalScope;
  readonly #macros: MacroTable = new Map();
  readonly #modules = new Map<string, MonkeyHash | undefined>();
  readonly #evaluator: Evaluator;
  readonly #vm: Vm;
  readonly #jit: Jit;
  readonly #wasm: Wasm;
  readonly #loader: (specifier: string, code: FunctionCode) => Value;
  #busy = false;

  /** Makes a session. @throws {RangeError} If a limit is out of its range. */
  constructor(options: MonkeyOptions = {}) {
    const {
      engine = "auto",
      maxDepth = 10_000,
      maxSteps = Infinity,
      maxCells = 1 << 23,
      timeoutMs = Infinity,
    } = options;
    if (!(maxDepth >= 1 && maxDepth <= MAX_DEPTH)) {
      throw new RangeError(`Cannot use maxDepth ${maxDepth}: not between 1 and ${MAX_DEPTH}`);
    }
    if (!(maxCells >= 64 && maxCells <= MAX_CELLS)) {
      throw new RangeError(`Cannot use maxCells ${maxCells}: not between 64 and ${MAX_CELLS}`);
    }
    if (!(maxSteps >= 1) || !(timeoutMs > 0)) {
      throw new RangeError("Cannot use maxSteps or timeoutMs: not positive");
    }
    this.#engine = engine;
    this.#options = options;
    const limits = { maxDepth, maxSteps, maxCells, timeoutMs, signal: options.signal };
    const runtime = this.#runtime = new Runtime(limits);
    runtime.output = options.output ?? (() => {});
    let next = 0;
    this.#globals = new GlobalScope(() => next++);
    const load = this.#loader = (specifier: string, code: FunctionCode) =>
      this.#load(specifier, code, () => next++);
    this.#evaluator = new Evaluator(runtime, load);
    this.#vm = new Vm(runtime, { optimize: true, statements: false }, load);
    this.#jit = new Jit(runtime, load);
    this.#wasm = new Wasm(runtime);
    this.#builtins = new Map<string, Value>([
      ...CORE_BUILTINS,
      ...Object.entries(options.functions ?? {}).map(([name, fn]) =>
        [name, hostBuiltin(name, fn)] as const
      ),
    ]);
    runtime.invokeVm = (fn, args, depth) => this.#vm.invoke(fn, args, depth);
    if (engine === "eval") {
      runtime.invoke = (fn, args, depth) => this.#evaluator.invoke(fn, args, depth);
    } else if (engine === "jit" || engine === "wasm") {
      runtime.invoke = (fn, args, depth) => this.#jit.invoke(fn, args, depth);
      if (engine === "wasm") this.#jit.wasm = this.#wasm;
    } else runtime.invoke = runtime.invokeVm;
    if (engine === "auto") {
      this.#jit.wasm = this.#wasm;
      this.#vm.hotAfter = options.hotAfter ?? 500;
      this.#vm.tier = (fn, stack, base, depth) => this.#jit.tier(fn, stack, base, depth);
      this.#vm.loopTier = (loop, fn, stack, base, depth) =>
        this.#jit.loop(loop, fn, stack, base, depth);
    }
  }

  /** Steps that the last run took: calls and turns of loops. */
  get steps(): number {
    return this.#runtime.steps;
  }

  /** Cells counted in memory since the last mark, those alive then included. */
  get cells(): number {
    return this.#runtime.cells;
  }

  /** The top-level names that have values. */
  get names(): string[] {
    return [...this.#declared()].map((slot) => slot.name);
  }

  /** The value of a top-level name; undefined where it has none. */
  get(name: string): Value | undefined {
    const slot = this.#globals.names.get(name);
    return slot === undefined ? undefined : this.#runtime.globals[slot.slot];
  }

  /**
   * Runs a program and returns the value of its last statement, null if that is no expression.
   *
   * @throws {MonkeySyntaxError} If it cannot be parsed.
   * @throws {MonkeyError} If it fails or goes beyond a limit.
   */
  run(source: string | SourceText): Value {
    const main = new MonkeyFunction(this.compile(source), []);
    return this.#alone(() => this.#runtime.invoke(main, [], 0));
  }

  /**
   * Runs a program in the VM and gives control back to the host's event loop every few milliseconds, so that timers run and
   * the `signal` can end it. Otherwise as {@linkcode Monkey.run}. One run at a time.
   */
  async runAsync(source: string | SourceText): Promise<Value> {
    const main = new MonkeyFunction(this.compile(source), []);
    const vm = this.#vm;
    this.#enter();
    // What another engine runs cannot be paused.
    const { tier } = vm;
    vm.tier = undefined;
    try {
      const slice = () => vm.yieldAt = performance.now() + 8;
      let value = this.#guarded(() => (slice(), vm.start(main)));
      while (value === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        value = this.#guarded(() => (slice(), vm.resume()), false);
      }
      return value;
    } finally {
      vm.yieldAt = Infinity;
      vm.tier = tier;
      this.#busy = false;
    }
  }

  /** Calls a function value with values. @throws {MonkeyError} As {@linkcode Monkey.run}. */
  call(callee: Value, ...args: Value[]): Value {
    return this.#alone(() => this.#runtime.call(callee, args));
  }

  /** Copies a value to the host's side. @throws {MonkeyError} If it nests deeper than 500 levels. */
  toHost(value: Value): HostValue {
    return toHost(value, this.#runtime);
  }

  /** Copies a value of the host to the program's side. @throws {MonkeyError} If Monkey has no such kind of value. */
  fromHost(value: HostValue): Value {
    return fromHost(this.#runtime, value);
  }

  /** The bytecode of a program and of the functions in it, as text. @throws {MonkeySyntaxError} */
  disassemble(source: string | SourceText, options: { optimize?: boolean } = {}): string {
    const code = this.compile(source);
    const { optimize = true } = options;
    const load = () => null;
    const vm = new Vm(this.#runtime, { optimize, statements: false }, load);
    const out: string[] = [];
    const pending = [code];
    for (let item = pending.shift(); item !== undefined; item = pending.shift()) {
      item.bytecode = undefined;
      const bytecode = vm.bytecode(item);
      const { line } = item.source.position(item.node.start);
      const parameters = item.parameters.map((parameter) => parameter.name).join(", ");
      out.push(`${item.name}(${parameters}) line ${line}:`, disassemble(bytecode), "");
      pending.push(
        ...bytecode.constants.filter((c): c is FunctionCode => c instanceof FunctionCode),
      );
      item.bytecode = undefined;
    }
    return out.join("\n");
  }

  /** The JavaScript that the JIT has made of a function so far; empty where it has none. For reading. */
  generatedCode(fn: Value): string {
    if (!(fn instanceof MonkeyFunction)) return "";
    return (fn.code.jit as { source: string } | undefined)?.source ?? "";
  }

  /**
   * Parses, expands and resolves; what `run` does before it runs.
   * @ignore
   */
  compile(source: string | SourceText): FunctionCode {
    const text = typeof source === "string" ? new SourceText(source) : source;
    const before = new Map([...this.#globals.names.values()].map((slot) => [slot, slot.writes]));
    const program = this.#expand(text, this.#macros);
    const code = resolveProgram(program, text, this.#globals, this.#builtins, this.#declared());
    for (const [slot, writes] of before) {
      if (writes > 0 && slot.writes !== writes) {
        this.#runtime.invalidate();
        break;
      }
    }
    return code;
  }

  /**
   * The parts that a debugger drives.
   * @ignore
   */
  internals(): { runtime: Runtime; load: (specifier: string, code: FunctionCode) => Value } {
    const load = this.#loader;
    return { runtime: this.#runtime, load };
  }

  #declared(): Set<GlobalSlot> {
    const { globals } = this.#runtime;
    return new Set(
      [...this.#globals.names.values()].filter((slot) => globals[slot.slot] !== undefined),
    );
  }

  #expand(source: SourceText, macros: MacroTable): ProgramNode {
    const { program, diagnostics } = parseMonkey(source);
    if (diagnostics.length > 0) throw new MonkeySyntaxError(diagnostics, source);
    return expandMacros(program, source, macros, (macro, args) => {
      // A macro runs in a session of its own: it sees its arguments and the builtins.
      const { signal, timeoutMs = 10_000, maxSteps = 10_000_000 } = this.#options;
      const inner = new Monkey({
        engine: "eval",
        timeoutMs,
        maxSteps: Math.min(maxSteps, 10_000_000),
        ...(signal === undefined ? {} : { signal }),
      });
      const statement = makeNode<ProgramNode["statements"][number]>({
        kind: "ExpressionStatement",
        start: macro.start,
        end: macro.end,
        expression: macro,
      });
      const wrapper = makeNode<ProgramNode>({
        kind: "Program",
        start: macro.start,
        end: macro.end,
        statements: [statement],
      });
      const scope = new GlobalScope(() => 0);
      resolveProgram(wrapper, source, scope, inner.#builtins, new Set());
      return inner.call(new MonkeyFunction(macro.code!, []), ...args);
    });
  }

  /** One run at a time: the stacks belong to it. */
  #enter(): void {
    if (this.#busy) throw new MonkeyError("another run of this session is under way", "denied");
    this.#busy = true;
  }

  #alone<T>(action: () => T): T {
    this.#enter();
    try {
      return this.#guarded(action);
    } finally {
      this.#busy = false;
    }
  }

  #guarded<T>(action: () => T, begin = true): T {
    if (begin) {
      this.#vm.reset();
      this.#runtime.begin();
    }
    try {
      return action();
    } catch (error) {
      this.#vm.reset();
      // The engines count depth and stay far from the host's limit; a caller deep in its own stack may not.
      if (error instanceof RangeError && /call stack/.test(error.message)) {
        throw new MonkeyError("stack overflow: the host's stack is used up", "stack-overflow");
      }
      throw error;
    }
  }

  #load(specifier: string, importer: FunctionCode, allocate: () => number): Value {
    const cached = this.#modules.get(specifier);
    if (cached !== undefined) return cached;
    if (this.#modules.has(specifier)) {
      throw new MonkeyError(`cannot import "${specifier}": it imports itself`);
    }
    const standard = standardModule(specifier, this.#options.files);
    if (standard !== undefined) {
      this.#modules.set(specifier, standard);
      return standard;
    }
    const { readModule } = this.#options;
    if (readModule === undefined) {
      throw new MonkeyError(`cannot import "${specifier}": modules are not allowed`, "denied");
    }
    this.#modules.set(specifier, undefined);
    try {
      const module = this.#runModule(
        specifier,
        readModule(specifier, importer.source.name),
        allocate,
      );
      this.#modules.set(specifier, module);
      return module;
    } catch (error) {
      this.#modules.delete(specifier);
      if (error instanceof MonkeyError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new MonkeyError(`cannot import "${specifier}": ${reason}`);
    }
  }

  /** Runs a module in names of its own; its value is a hash of them. */
  #runModule(specifier: string, text: string, allocate: () => number): MonkeyHash {
    const runtime = this.#runtime;
    const source = new SourceText(text, specifier);
    const scope = new GlobalScope(allocate);
    const program = this.#expand(source, new Map());
    const code = resolveProgram(program, source, scope, this.#builtins, new Set());
    runtime.call(new MonkeyFunction(code, []), []);
    const pairs = new Map<string, Value>();
    for (const slot of scope.names.values()) {
      const value = runtime.globals[slot.slot];
      if (value !== undefined) pairs.set(slot.name, value);
    }
    runtime.allocate(2 + 3 * pairs.size);
    return new MonkeyHash(pairs);
  }
}

function hostBuiltin(name: string, fn: HostFunction): MonkeyBuiltin {
  return new MonkeyBuiltin(name, (runtime, args) => {
    try {
      return fromHost(runtime, fn(...args.map((arg) => toHost(arg, runtime))) ?? null);
    } catch (error) {
      if (error instanceof MonkeyError) throw error;
      throw new MonkeyError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }, true);
}

/**
 * Runs a program in a session of its own.
 *
 * @example
 * ```ts
 * import { runMonkey } from "@groundwork/std/parser/monkey";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * runMonkey('puts("${1 + 1} monkeys")', { output: (line) => lines.push(line) });
 * assertEquals(lines, ["2 monkeys"]);
 * ```
 *
 * @throws {MonkeySyntaxError} If it cannot be parsed.
 * @throws {MonkeyError} If it fails or goes beyond a limit.
 */
export function runMonkey(source: string | SourceText, options: MonkeyOptions = {}): Value {
  return new Monkey(options).run(source);
}
