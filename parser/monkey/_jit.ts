/**
 * The JIT: one JavaScript function for each hot function of the program.
 *
 * Nothing from the source text gets into the generated code: variables are `v` and a number, every constant that is not a
 * small integer comes from an array. Each operand is computed into a variable of its own before the next one, so the order
 * of evaluation is that of the other engines.
 *
 * Speculation: the first version of a function takes those parameters for small integers that were small integers when it
 * was compiled; its entry checks that, and a call that does not fit moves the function to a version without assumptions
 * (the deopt path). Calls of top-level functions that are defined once are bound directly; a later definition of the name
 * (in a session) throws the compiled code away.
 */
import type {
  AssignNode,
  BlockNode,
  CallNode,
  Expression,
  FunctionNode,
  IdentifierNode,
  InfixNode,
  Statement,
  WhileNode,
} from "./ast.ts";
import {
  containsCall,
  containsReturn,
  joinTemplate,
  literalValue,
  makeHash,
} from "./_evaluator.ts";
import { binary, equals, index, iterate, negate, setIndex } from "./_operators.ts";
import { buildQuote } from "./_quote.ts";
import type { HotLoop } from "./_code.ts";
import { FUEL, HOST_BUDGET, JIT_LIMIT, type Runtime, type Slot } from "./_runtime.ts";
import type { FunctionCode } from "./ast.ts";
import { isTailCall } from "./_scope.ts";
import type { Wasm } from "./_wasm.ts";
import {
  Cell,
  MonkeyArray,
  MonkeyBuiltin,
  MonkeyFunction,
  typeName,
  type Value,
} from "./values.ts";

type JitFunction = (self: MonkeyFunction, ...rest: unknown[]) => Value;

/** A function's place in the JIT; calls go through `run`, which a deopt replaces. */
export interface JitEntry {
  run: JitFunction;
  /** Times a call did not fit the assumptions. */
  deopts: number;
  /** JavaScript of the version in use; empty where the JIT declined. */
  source: string;
}

const LEAVE = "// leave";
/** Stands for the function's own name in generated lines. */
const OWN = "@";
const MAX_TWIN_LINES = 60;
/** Estimated bytes of the host's stack for a call of generated code. */
const FRAME_BYTES = 1000;
/** Variables of a generated function; one with more stays in the VM. */
const MAX_VARIABLES = 100;
const TAIL = { signal: "tail" } as unknown as Value;

export class Jit {
  readonly runtime: Runtime;
  readonly #load: (specifier: string, code: FunctionCode) => Value;
  #baseDepth = 0;
  #baseHost = 0;
  #tailFunction!: MonkeyFunction;
  #tailArgs: readonly Value[] = [];
  readonly #helpers: Record<string, unknown>;
  /** Asked first for functions that are integer-only, if set. */
  wasm: Wasm | undefined;

  constructor(runtime: Runtime, load: (specifier: string, code: FunctionCode) => Value) {
    this.runtime = runtime;
    this.#load = load;
    this.#helpers = this.#makeHelpers();
  }

  /** Runs a function from outside generated code. */
  invoke(fn: MonkeyFunction, args: readonly Value[], depth: number): Value {
    return this.#within(depth, () => {
      // The caller has counted the step of this call, and generated code counts it at its entry.
      if (!fn.code.isProgram) this.runtime.state[FUEL]!++;
      const value = this.entry(fn.code, args).run(fn, ...args, depth);
      return value === TAIL ? this.#bounce(depth) : value;
    });
  }

  /** Gives generated code its share of the host's stack. */
  #within<T>(depth: number, action: () => T): T {
    const { runtime } = this;
    const { state, hostUsed } = runtime;
    const baseDepth = this.#baseDepth;
    const baseHost = this.#baseHost;
    const limit = state[JIT_LIMIT]!;
    this.#baseDepth = depth;
    this.#baseHost = hostUsed;
    const room = Math.max(0, Math.floor((HOST_BUDGET - hostUsed) / FRAME_BYTES));
    state[JIT_LIMIT] = Math.min(runtime.limits.maxDepth, depth + room);
    try {
      return action();
    } finally {
      this.#baseDepth = baseDepth;
      this.#baseHost = baseHost;
      state[JIT_LIMIT] = limit;
      runtime.hostUsed = hostUsed;
    }
  }

  /** Runs a hot loop to its end, between two of its turns, on the slots of its frame in the VM's stack. */
  loop(loop: HotLoop, fn: MonkeyFunction, stack: Slot[], base: number, depth: number): boolean {
    const { runtime } = this;
    if (runtime.hostUsed > HOST_BUDGET / 2) return false;
    if (loop.run === undefined) {
      const generated = new Generator(this, loop.code, []).generateLoop(loop.node);
      loop.run = generated === undefined ? null : this.#make(generated.source, generated.constants);
    }
    if (loop.run === null) return false;
    const run = loop.run as (self: MonkeyFunction, slots: Slot[], depth: number) => void;
    const slots = stack.slice(base, base + loop.code.slotCount);
    const { rootTop } = runtime;
    runtime.hostUsed += 2000;
    try {
      this.#within(depth, () => run(fn, slots, depth));
    } finally {
      runtime.hostUsed -= 2000;
    }
    runtime.rootTop = rootTop;
    for (let i = 0; i < slots.length; i++) stack[base + i] = slots[i];
    return true;
  }

  #make(source: string, constants: readonly unknown[]): JitFunction {
    const names = Object.keys(this.#helpers);
    const make = new Function(...names, "K", source);
    return make(...names.map((name) => this.#helpers[name]), constants);
  }

  /** Runs a hot function with its arguments on the VM's stack; declines where the host's stack is used up. */
  tier(fn: MonkeyFunction, stack: readonly Slot[], base: number, depth: number): Value | undefined {
    const { runtime } = this;
    if (runtime.hostUsed > HOST_BUDGET / 2) return undefined;
    const count = fn.code.parameters.length;
    const args = stack.slice(base, base + count) as Value[];
    if (this.entry(fn.code, args).source === "") return undefined;
    runtime.hostUsed += 2000;
    try {
      return this.invoke(fn, args, depth);
    } finally {
      runtime.hostUsed -= 2000;
    }
  }

  /** Compiles a function on first use, assuming parameters to stay small integers where `args` are. */
  entry(code: FunctionCode, args: readonly Value[]): JitEntry {
    if (code.jit !== undefined) return code.jit as JitEntry;
    const entry: JitEntry = { run: undefined as unknown as JitFunction, deopts: 0, source: "" };
    code.jit = entry;
    this.runtime.compiled.push(code);
    entry.run = this.#compile(code, entry, args.map((arg) => typeof arg === "number"));
    const integers = this.wasm?.compile(code);
    if (integers !== undefined) {
      entry.source ||= "// WebAssembly";
      const plain = entry.run;
      entry.run = (self, ...rest) => {
        const value = integers(self, rest);
        if (value !== undefined) return value;
        // Not integers, or a call that failed and is run again where its trace is kept.
        if (integers.disabled) entry.run = plain;
        return plain(self, ...rest);
      };
    }
    return entry;
  }

  #compile(code: FunctionCode, entry: JitEntry, small: readonly boolean[]): JitFunction {
    const generated = new Generator(this, code, small).generate();
    if (generated === undefined) {
      entry.source = "";
      return (self, ...rest) => {
        const depth = rest.pop() as number;
        this.#checkDepth(depth);
        this.runtime.step();
        const { hostUsed } = this.runtime;
        const value = this.runtime.invokeVm(self, rest as Value[], depth);
        this.runtime.hostUsed = hostUsed;
        return value;
      };
    }
    entry.source = generated.source;
    return this.#make(generated.source, generated.constants);
  }

  #checkDepth(depth: number): void {
    const { runtime } = this;
    if (depth > runtime.limits.maxDepth) {
      runtime.overflow(runtime.sites[depth - 1]!, depth - 1);
    }
  }

  /** A call that does not fit: from now on the version without assumptions. */
  deopt(self: MonkeyFunction, args: readonly Value[], depth: number): Value {
    const entry = self.code.jit as JitEntry;
    entry.deopts++;
    if (entry.deopts === 1) {
      entry.run = this.#compile(self.code, entry, args.map(() => false));
    }
    return entry.run(self, ...args, depth);
  }

  #bounce(depth: number): Value {
    for (;;) {
      const fn = this.#tailFunction;
      const args = this.#tailArgs;
      const value = this.entry(fn.code, args).run(fn, ...args, depth);
      if (value !== TAIL) return value;
    }
  }

  #call(callee: Value, args: readonly Value[], depth: number, site: number): Value {
    const { runtime } = this;
    if (callee instanceof MonkeyFunction) {
      const want = callee.code.parameters.length;
      if (want !== args.length) {
        runtime.fail(`wrong number of arguments: want=${want}, got=${args.length}`, site, depth);
      }
      const value = this.entry(callee.code, args).run(callee, ...args, depth + 1);
      return value === TAIL ? this.#bounce(depth + 1) : value;
    }
    return this.#callBuiltin(callee, args, depth, site);
  }

  #callBuiltin(callee: Value, args: readonly Value[], depth: number, site: number): Value {
    const { runtime } = this;
    if (!(callee instanceof MonkeyBuiltin)) {
      return runtime.fail(`not a function: ${typeName(callee)}`, site, depth);
    }
    const { rootTop, hostUsed } = runtime;
    runtime.depth = depth;
    runtime.hostUsed = this.#baseHost + (depth - this.#baseDepth) * FRAME_BYTES;
    if (callee.reenters) { for (const arg of args) runtime.root(arg); }
    try {
      const value = callee.call(runtime, args);
      runtime.rootTop = rootTop;
      return value;
    } catch (error) {
      throw runtime.attach(error, site, depth);
    } finally {
      runtime.hostUsed = hostUsed;
    }
  }

  #makeHelpers(): Record<string, unknown> {
    const { runtime } = this;
    const attached = <T>(site: number, depth: number, action: () => T): T => {
      try {
        return action();
      } catch (error) {
        throw runtime.attach(error, site, depth);
      }
    };
    return {
      S: runtime.state,
      P: runtime.sites,
      G: runtime.globals,
      R: runtime.roots,
      rt: runtime,
      TAIL,
      MonkeyArray,
      Cell,
      equals,
      refill: (depth: number) => {
        try {
          runtime.refill();
        } catch (error) {
          throw runtime.attach(error, runtime.sites[depth - 1] ?? 0, Math.max(0, depth - 1));
        }
      },
      turn: (site: number, depth: number) => attached(site, depth, () => runtime.refill()),
      deep: (self: MonkeyFunction, args: readonly Value[], depth: number) => {
        this.#checkDepth(depth);
        runtime.step();
        const { hostUsed } = runtime;
        runtime.hostUsed = HOST_BUDGET + 1;
        const value = runtime.invokeVm(self, args, depth);
        runtime.hostUsed = hostUsed;
        return value;
      },
      deopt: (self: MonkeyFunction, args: readonly Value[], depth: number) =>
        this.deopt(self, args, depth),
      binary: (operator: string, a: Value, b: Value, site: number, depth: number) =>
        attached(site, depth, () => binary(runtime, operator, a, b)),
      negate: (a: Value, site: number, depth: number) =>
        attached(site, depth, () => negate(runtime, a)),
      index: (a: Value, b: Value, site: number, depth: number) =>
        attached(site, depth, () => index(a, b)),
      setIndex: (a: Value, b: Value, c: Value, site: number, depth: number) =>
        attached(site, depth, () => setIndex(runtime, a, b, c)),
      array: (items: Value[], site: number, depth: number) => {
        attached(site, depth, () => runtime.allocate(2 + items.length));
        return new MonkeyArray(items);
      },
      hash: (items: Value[], site: number, depth: number) =>
        attached(site, depth, () => makeHash(runtime, items)),
      template: (items: Value[], site: number, depth: number) =>
        attached(site, depth, () => joinTemplate(runtime, items)),
      quote: (node: never, items: Value[], site: number, depth: number) =>
        attached(site, depth, () => {
          runtime.allocate(8);
          return buildQuote(node, items);
        }),
      closure: (code: FunctionCode, free: (Value | Cell)[], site: number, depth: number) => {
        attached(site, depth, () => runtime.allocate(2 + free.length));
        return new MonkeyFunction(code, free);
      },
      iterate: (value: Value, site: number, depth: number) =>
        attached(site, depth, () => iterate(runtime, value)),
      missing: (name: string, site: number, depth: number) =>
        runtime.fail(`identifier not found: ${name}`, site, depth),
      fail: (message: string, site: number, depth: number) => runtime.fail(message, site, depth),
      load: (specifier: string, code: FunctionCode, site: number, depth: number) => {
        runtime.depth = depth;
        return attached(site, depth, () => this.#load(specifier, code));
      },
      call: (callee: Value, args: readonly Value[], depth: number, site: number) =>
        this.#call(callee, args, depth, site),
      call1: (callee: Value, arg: Value, depth: number, site: number) => {
        if (callee instanceof MonkeyFunction && callee.code.parameters.length === 1) {
          const entry = (callee.code.jit ?? this.entry(callee.code, [arg])) as JitEntry;
          const value = entry.run(callee, arg, depth + 1);
          return value === TAIL ? this.#bounce(depth + 1) : value;
        }
        return this.#call(callee, [arg], depth, site);
      },
      call2: (callee: Value, a: Value, b: Value, depth: number, site: number) => {
        if (callee instanceof MonkeyFunction && callee.code.parameters.length === 2) {
          const entry = (callee.code.jit ?? this.entry(callee.code, [a, b])) as JitEntry;
          const value = entry.run(callee, a, b, depth + 1);
          return value === TAIL ? this.#bounce(depth + 1) : value;
        }
        return this.#call(callee, [a, b], depth, site);
      },
      bounce: (depth: number) => this.#bounce(depth),
      tail: (callee: Value, args: readonly Value[], depth: number, site: number) => {
        if (!(callee instanceof MonkeyFunction)) {
          return this.#callBuiltin(callee, args, depth, site);
        }
        const want = callee.code.parameters.length;
        if (want !== args.length) {
          runtime.fail(`wrong number of arguments: want=${want}, got=${args.length}`, site, depth);
        }
        this.#tailFunction = callee;
        this.#tailArgs = args;
        return TAIL;
      },
    };
  }
}

/** What is known of a value: a number, something of fixed size, a truth value, nothing. */
type Kind = "num" | "bool" | "scalar" | "any";
interface Atom {
  readonly js: string;
  readonly kind: Kind;
}

class Generator {
  readonly #jit: Jit;
  readonly #runtime: Runtime;
  readonly #code: FunctionCode;
  readonly #small: readonly boolean[];
  readonly #constants: unknown[] = [];
  readonly #lines: string[] = [];
  #rooted: boolean;
  #isLoop = false;
  #temporaries = 0;
  #maxTemporaries = 0;
  #roots = 0;
  #selfTail = false;
  #callsItself = false;

  constructor(jit: Jit, code: FunctionCode, small: readonly boolean[]) {
    this.#jit = jit;
    this.#runtime = jit.runtime;
    this.#code = code;
    this.#small = small;
    this.#rooted = containsCall(code.node.kind === "Program" ? code.node : code.node.body);
  }

  generate(): { source: string; constants: unknown[] } | undefined {
    const { parameters, slotCount } = this.#code;
    // Slots come first, so that every slot that may hold something big has a root of the same number.
    this.#roots = this.#rooted && this.#needsSlotRoots() ? slotCount : 0;
    this.#body();
    const variables = slotCount + this.#maxTemporaries;
    if (variables > MAX_VARIABLES || this.#lines.length > 20_000) return undefined;
    const names = parameters.map((_, i) => `v${i}`);
    const locals: string[] = [];
    for (let i = parameters.length; i < slotCount; i++) locals.push(`v${i}`);
    for (let i = 0; i < this.#maxTemporaries; i++) locals.push(`t${i}`);
    const head = [`if (d > S[1]) return deep(self, [${names}], d);`, "if (--S[0] < 0) refill(d);"];
    const guards = parameters.flatMap((_, i) =>
      this.#small[i] ? [`typeof v${i} !== "number"`] : []
    );
    if (guards.length > 0) {
      head.unshift(`if (${guards.join(" || ")}) return deopt(self, [${names}], d);`);
    }
    if (this.#code.isProgram) head.length = 0;
    const start: string[] = [];
    if (this.#roots > 0) {
      head.push(`const b = rt.rootTop; rt.rootTop = b + ${this.#roots};`);
      for (let i = 0; i < this.#roots; i++) {
        start.push(`R[b + ${i}] = ${i < parameters.length ? `v${i}` : "undefined"};`);
      }
    }
    for (const { boxed, slot } of parameters) {
      if (boxed) start.push(`v${slot} = new Cell(v${slot});`);
    }
    // Whether there are roots to give back is known only now.
    const body = this.#lines.flatMap((line) =>
      line !== LEAVE ? [line] : this.#roots > 0 ? ["rt.rootTop = b;"] : []
    );
    const lines = [...start, ...body];
    if (this.#selfTail) {
      for (let i = parameters.length; i < slotCount; i++) lines.unshift(`v${i} = undefined;`);
      lines.unshift("entry: for (;;) {");
      lines.push("}");
    }
    const copy = (name: string, other: string) =>
      [
        `function ${name}(${["self", ...names, "d"]}) {`,
        ...head,
        locals.length > 0 ? `let ${locals.join(", ")};` : "",
        ...lines.map((line) => line.replaceAll(OWN, other)),
        "}",
      ].join("\n");
    // A small function that calls itself is written twice, each copy calling the other: the engine's compiler puts one into
    // the other, which it does not do with a function and itself.
    const isTwin = this.#callsItself && lines.length < MAX_TWIN_LINES;
    const functions = isTwin ? [copy("f", "g"), copy("g", "f")] : [copy("f", "f")];
    const source = ["const MAX = 9007199254740991;", ...functions, "return f;"].join("\n");
    return { source, constants: this.#constants };
  }

  /** Generates a function that runs a loop of this function to its end on an array of its slots. */
  generateLoop(node: WhileNode): { source: string; constants: unknown[] } | undefined {
    const { slotCount } = this.#code;
    this.#isLoop = true;
    this.#rooted = containsCall(node);
    this.#roots = this.#rooted ? slotCount : 0;
    this.#statement(node);
    if (slotCount + this.#maxTemporaries > MAX_VARIABLES || this.#lines.length > 20_000) {
      return undefined;
    }
    const slots = Array.from({ length: slotCount }, (_, i) => i);
    const locals = slots.map((i) => `v${i} = F[${i}]`);
    for (let i = 0; i < this.#maxTemporaries; i++) locals.push(`t${i}`);
    const roots: string[] = [];
    if (this.#roots > 0) {
      roots.push(`const b = rt.rootTop; rt.rootTop = b + ${this.#roots};`);
      for (let i = 0; i < this.#roots; i++) {
        roots.push(`R[b + ${i}] = ${i < slotCount ? `v${i}` : "undefined"};`);
      }
    }
    const source = [
      "const MAX = 9007199254740991;",
      "return function (self, F, d) {",
      locals.length > 0 ? `let ${locals.join(", ")};` : "",
      ...roots,
      ...this.#lines,
      ...slots.map((i) => `F[${i}] = v${i};`),
      "};",
    ].join("\n");
    return { source, constants: this.#constants };
  }

  /** Roots are needed for slots unless all of them are parameters that are small integers. */
  #needsSlotRoots(): boolean {
    const { parameters, slotCount } = this.#code;
    return slotCount > parameters.length || parameters.some((p, i) => !this.#small[i] || p.changes);
  }

  #body(): void {
    this.#block(this.#code.statements, (node) => this.#returnValue(node), () => this.#returnNull());
  }

  #emit(line: string): void {
    this.#lines.push(line);
  }

  #temporary(): string {
    const name = `t${this.#temporaries++}`;
    if (this.#temporaries > this.#maxTemporaries) this.#maxTemporaries = this.#temporaries;
    return name;
  }

  #constant(value: unknown): string {
    this.#constants.push(value);
    return `K[${this.#constants.length - 1}]`;
  }

  #site(node: { start: number }): number {
    return this.#runtime.site(this.#code, node.start);
  }

  /** Emits statements; the last one's value goes to `use` if it is an expression, else `none` runs. */
  #block(
    statements: readonly Statement[],
    use: (node: Expression) => void,
    none: () => void,
  ): void {
    for (const [i, node] of statements.entries()) {
      const base = this.#temporaries;
      const isLast = i === statements.length - 1;
      if (isLast && node.kind === "ExpressionStatement") use(node.expression);
      else {
        this.#statement(node);
        if (isLast && node.kind !== "Return") none();
      }
      this.#temporaries = base;
    }
    if (statements.length === 0) none();
  }

  #statement(node: Statement): void {
    switch (node.kind) {
      case "Let": {
        const binding = node.name.binding!;
        const boxed = binding.scope === "local" && binding.variable.boxed;
        const early = boxed && node.value.kind === "Function";
        if (early) this.#write(binding.variable.slot, "new Cell(undefined)");
        const value = this.#expression(node.value);
        if (early) this.#emit(`v${binding.variable.slot}.value = ${value.js};`);
        else this.#define(node.name, value.js);
        break;
      }
      case "Return":
        if (node.value === null) this.#returnNull();
        else this.#returnValue(node.value);
        break;
      case "ExpressionStatement":
        this.#effect(node.expression);
        break;
      case "While": {
        this.#emit("for (;;) {");
        this.#jumpUnless(node.condition, "break;");
        this.#turn(node);
        this.#loopBody(node.body);
        this.#emit("}");
        break;
      }
      case "For": {
        const slot = (node.iterator as { variable: { slot: number } }).variable.slot;
        const iterable = this.#expression(node.iterable);
        this.#write(slot, `iterate(${iterable.js}, ${this.#site(node)}, d)`);
        const item = this.#temporary();
        this.#emit(`while ((${item} = v${slot}.next()) !== undefined) {`);
        this.#turn(node);
        this.#define(node.name, item);
        this.#loopBody(node.body);
        this.#emit("}");
        this.#write(slot, "undefined");
        break;
      }
      case "Break":
        this.#emit("break;");
        break;
      case "Continue":
        this.#emit("continue;");
        break;
    }
  }

  #turn(node: { start: number }): void {
    this.#emit(`if (--S[0] < 0) turn(${this.#site(node)}, d);`);
  }

  #loopBody(body: BlockNode): void {
    this.#block(body.statements, (node) => this.#effect(node), () => {});
  }

  #write(slot: number, js: string): void {
    this.#emit(
      this.#roots > 0 ? `R[b + ${slot}] = v${slot} = ${js};` : `v${slot} = ${js};`,
    );
  }

  #define(name: IdentifierNode, js: string): void {
    const binding = name.binding!;
    if (binding.scope === "global") this.#emit(`G[${binding.global.slot}] = ${js};`);
    else if (binding.scope === "local") {
      const { slot, boxed } = binding.variable;
      this.#write(slot, boxed ? `new Cell(${js})` : js);
    }
  }

  #returnNull(): void {
    this.#leave("null");
  }

  #leave(js: string): void {
    this.#emit(LEAVE);
    this.#emit(`return ${js};`);
  }

  #returnValue(node: Expression): void {
    if (node.kind === "If") {
      this.#jumpUnless(node.condition, undefined);
      const use = (value: Expression) => this.#returnValue(value);
      this.#block(node.consequence.statements, use, () => this.#returnNull());
      this.#emit("} else {");
      if (node.alternative === null) this.#returnNull();
      else this.#block(node.alternative.statements, use, () => this.#returnNull());
      this.#emit("}");
      return;
    }
    if (node.kind === "Call" && isTailCall(node) && !this.#code.isProgram) {
      this.#tailCall(node);
      return;
    }
    this.#leave(this.#expression(node).js);
  }

  #tailCall(node: CallNode): void {
    const target = this.#direct(node);
    if (target?.code === this.#code) {
      const args = this.#list(node.args).map((arg, i) => this.#stable(arg, node.args[i]!));
      args.forEach((arg, i) => this.#emit(`v${i} = ${arg};`));
      const misfits = args.flatMap((_, i) => this.#small[i] ? [`typeof v${i} !== "number"`] : []);
      if (misfits.length > 0) {
        const names = args.map((_, i) => `v${i}`);
        this.#emit(`if (${misfits.join(" || ")}) {`);
        this.#leave(`deopt(self, [${names}], d)`);
        this.#emit("}");
      }
      this.#emit("if (--S[0] < 0) refill(d);");
      this.#emit("continue entry;");
      this.#selfTail = true;
      return;
    }
    const values = this.#list([node.callee, ...node.args]);
    const [callee, ...args] = values.map((value) => value.js);
    const result = this.#temporary();
    this.#emit(`P[d] = ${this.#site(node)};`);
    this.#emit(`${result} = tail(${callee}, [${args}], d, ${this.#site(node)});`);
    this.#leave(result);
  }

  #effect(node: Expression): void {
    if (node.kind === "If") {
      this.#jumpUnless(node.condition, undefined);
      this.#loopBody(node.consequence);
      if (node.alternative !== null) {
        this.#emit("} else {");
        this.#loopBody(node.alternative);
      }
      this.#emit("}");
      return;
    }
    this.#expression(node);
  }

  /** Emits a test: with `otherwise`, that statement when it fails; without, the head of an `if` that the caller closes. */
  #jumpUnless(condition: Expression, otherwise: string | undefined): void {
    const value = this.#expression(condition);
    const holds = value.kind === "bool"
      ? value.js
      : value.kind === "num"
      ? "true"
      : `${value.js} !== false && ${value.js} !== null`;
    this.#emit(otherwise === undefined ? `if (${holds}) {` : `if (!(${holds})) ${otherwise}`);
  }

  /** Computes expressions in order; each result survives the computation of those behind it. */
  #list(nodes: readonly Expression[]): Atom[] {
    const atoms: Atom[] = [];
    nodes.forEach((node, i) => {
      const later = nodes.slice(i + 1);
      let atom = this.#expression(node);
      if (this.#rooted && atom.kind === "any" && later.some((next) => containsCall(next))) {
        atom = { js: this.#keep(atom.js), kind: atom.kind };
      }
      atoms.push(atom);
    });
    return atoms;
  }

  /** Gives a temporary a root of its own. */
  #keep(js: string): string {
    if (this.#roots === 0) this.#roots = this.#code.slotCount;
    this.#emit(`R[b + ${this.#roots++}] = ${js};`);
    return js;
  }

  /** Copies what may be another variable's value, before parameters are overwritten. */
  #stable(atom: Atom, node: Expression): string {
    if (node.kind !== "Identifier") return atom.js;
    const name = this.#temporary();
    this.#emit(`${name} = ${atom.js};`);
    return name;
  }

  #assignTo(js: string, kind: Kind): Atom {
    const name = this.#temporary();
    this.#emit(`${name} = ${js};`);
    return { js: name, kind };
  }

  #expression(node: Expression): Atom {
    switch (node.kind) {
      case "Integer":
        if (typeof node.value === "number") return { js: String(node.value), kind: "num" };
        return { js: this.#constant(node.value), kind: "scalar" };
      case "Boolean":
        return { js: String(node.value), kind: "bool" };
      case "Null":
        return { js: "null", kind: "scalar" };
      case "Float":
        return { js: this.#constant(literalValue(node)), kind: "scalar" };
      case "String":
        return { js: this.#constant(node.value), kind: "any" };
      case "Template":
        return this.#helper("template", this.#array(node.parts), node);
      case "Identifier":
        return this.#identifier(node);
      case "Prefix": {
        const right = this.#expression(node.right);
        if (node.operator === "!") {
          if (right.kind === "bool") return this.#assignTo(`!${right.js}`, "bool");
          return this.#assignTo(`${right.js} === false || ${right.js} === null`, "bool");
        }
        if (right.kind === "num") return this.#assignTo(`0 - ${right.js}`, "num");
        const slow = `negate(${right.js}, ${this.#site(node)}, d)`;
        return this.#assignTo(
          `typeof ${right.js} === "number" ? 0 - ${right.js} : ${slow}`,
          "scalar",
        );
      }
      case "Infix":
        return this.#infix(node);
      case "Logical": {
        const result = this.#temporary();
        const left = this.#expression(node.left);
        this.#emit(`${result} = ${left.js};`);
        const holds = `${result} !== false && ${result} !== null`;
        this.#emit(node.operator === "&&" ? `if (${holds}) {` : `if (!(${holds})) {`);
        const right = this.#expression(node.right);
        this.#emit(`${result} = ${right.js};`);
        this.#emit("}");
        return { js: result, kind: left.kind === right.kind ? left.kind : "any" };
      }
      case "If": {
        const result = this.#temporary();
        const kinds = new Set<Kind>();
        const use = (value: Expression) => {
          const atom = this.#expression(value);
          kinds.add(atom.kind);
          this.#emit(`${result} = ${atom.js};`);
        };
        const none = () => {
          kinds.add("scalar");
          this.#emit(`${result} = null;`);
        };
        this.#jumpUnless(node.condition, undefined);
        this.#block(node.consequence.statements, use, none);
        this.#emit("} else {");
        if (node.alternative === null) none();
        else this.#block(node.alternative.statements, use, none);
        this.#emit("}");
        const kind = kinds.size === 1 ? [...kinds][0]! : kinds.has("any") ? "any" : "scalar";
        return { js: result, kind };
      }
      case "Function":
        return this.#closure(node);
      case "Call":
        return this.#call(node);
      case "Array":
        return this.#helper("array", this.#array(node.items), node);
      case "Hash":
        return this.#helper("hash", this.#array(node.pairs.flat()), node);
      case "Index": {
        const [object, key] = this.#list([node.object, node.index]) as [Atom, Atom];
        const fast = `${object.js} instanceof MonkeyArray && typeof ${key.js} === "number"`;
        const slow = `index(${object.js}, ${key.js}, ${this.#site(node)}, d)`;
        return this.#assignTo(`${fast} ? (${object.js}).items[${key.js}] ?? null : ${slow}`, "any");
      }
      case "Assign":
        return this.#assign(node);
      case "Quote":
        return this.#helper("quote", `${this.#constant(node)}, ${this.#array(node.holes)}`, node);
      case "Import":
        this.#emit(`P[d] = ${this.#site(node)};`);
        return this.#helper(
          "load",
          `${this.#constant(node.specifier)}, ${this.#constant(this.#code)}`,
          node,
        );
      case "Macro":
      case "Hole": {
        const what = node.kind === "Macro" ? "a macro must be a top-level let" : "a stray unquote";
        return this.#helper("fail", this.#constant(what), node);
      }
    }
  }

  #helper(name: string, args: string, node: { start: number }): Atom {
    return this.#assignTo(`${name}(${args}, ${this.#site(node)}, d)`, "any");
  }

  #array(nodes: readonly Expression[]): string {
    return `[${this.#list(nodes).map((atom) => atom.js)}]`;
  }

  #identifier(node: IdentifierNode): Atom {
    const binding = node.binding!;
    const check = (js: string): Atom => {
      const atom = this.#assignTo(js, "any");
      const name = this.#constant(node.name);
      this.#emit(`if (${atom.js} === undefined) missing(${name}, ${this.#site(node)}, d);`);
      return atom;
    };
    switch (binding.scope) {
      case "builtin":
        return { js: this.#constant(binding.value), kind: "any" };
      case "global":
        return node.unsure === true
          ? check(`G[${binding.global.slot}]`)
          : this.#assignTo(`G[${binding.global.slot}]`, "any");
      case "free": {
        const js = `self.free[${binding.index}]`;
        return binding.variable.boxed ? check(`${js}.value`) : this.#assignTo(js, "any");
      }
      case "local": {
        const { slot, boxed, changes, parameter } = binding.variable;
        if (boxed) return check(`v${slot}?.value`);
        if (node.unsure === true) return check(`v${slot}`);
        if (changes) return this.#assignTo(`v${slot}`, "any");
        return { js: `v${slot}`, kind: parameter && this.#small[slot] === true ? "num" : "any" };
      }
    }
  }

  #infix(node: InfixNode): Atom {
    const [a, b] = this.#list([node.left, node.right]) as [Atom, Atom];
    const { operator } = node;
    const numbers = [a, b].flatMap(({ js, kind }) =>
      kind === "num" ? [] : [`typeof ${js} === "number"`]
    );
    const both = numbers.join(" && ");
    const slow = `binary("${operator}", ${a.js}, ${b.js}, ${this.#site(node)}, d)`;
    switch (operator) {
      case "==":
      case "!=": {
        const same = operator === "==" ? "===" : "!==";
        const fast = `${a.js} ${same} ${b.js}`;
        if (both === "") return this.#assignTo(fast, "bool");
        const rest = `${operator === "==" ? "" : "!"}equals(${a.js}, ${b.js})`;
        return this.#assignTo(`${both} ? ${fast} : ${rest}`, "bool");
      }
      case "<":
      case ">":
      case "<=":
      case ">=": {
        const fast = `${a.js} ${operator} ${b.js}`;
        return this.#assignTo(both === "" ? fast : `${both} ? ${fast} : ${slow}`, "bool");
      }
    }
    const result = this.#temporary();
    const scalar = operator !== "+" || (a.kind !== "any" && b.kind !== "any");
    const parts = both === "" ? [] : [both];
    if (operator === "/" || operator === "%") {
      if (!/^[1-9]/.test(b.js)) parts.push(`${b.js} !== 0`);
      const fast = operator === "/" ? `Math.trunc(${a.js} / ${b.js})` : `${a.js} % ${b.js}`;
      const test = parts.join(" && ") || "true";
      this.#emit(`${result} = ${test} ? ${fast} + 0 : ${slow};`);
    } else {
      const raw = `${a.js} ${operator} ${b.js}${operator === "*" ? " + 0" : ""}`;
      const fits = `(${result} === (${result} | 0) || ${result} <= MAX && ${result} >= -MAX)`;
      parts.push(`((${result} = ${raw}), ${fits})`);
      this.#emit(`if (!(${parts.join(" && ")})) ${result} = ${slow};`);
    }
    return { js: result, kind: scalar ? "scalar" : "any" };
  }

  #closure(node: FunctionNode): Atom {
    const code = node.code!;
    const free = code.captures.map(({ variable, fromSlot, index }) => {
      if (!fromSlot) return `self.free[${index}]`;
      return variable.boxed ? `(v${index} ??= new Cell(undefined))` : `v${index}`;
    });
    return this.#helper("closure", `${this.#constant(code)}, [${free}]`, node);
  }

  /** The function that a call surely reaches. */
  #direct(node: CallNode): MonkeyFunction | undefined {
    const { callee } = node;
    if (callee.kind !== "Identifier" || callee.binding!.scope !== "global") return undefined;
    const { global } = callee.binding!;
    const value = this.#runtime.globals[global.slot];
    if (global.writes !== 1 || !(value instanceof MonkeyFunction)) return undefined;
    if (global.literal?.code !== value.code) return undefined;
    return value.code.parameters.length === node.args.length ? value : undefined;
  }

  #call(node: CallNode): Atom {
    const target = this.#direct(node);
    const site = this.#site(node);
    if (target !== undefined) {
      const atoms = this.#list(node.args);
      const args = atoms.map((atom) => atom.js);
      this.#emit(`P[d] = ${site};`);
      const own = target.code === this.#code && !this.#isLoop;
      if (own) this.#callsItself = true;
      const callee = own ? `${OWN}(self` : `${this.#link(target)}.run(${this.#constant(target)}`;
      const result = this.#assignTo(`${[callee, ...args, "d + 1 | 0"].join(", ")})`, "any");
      if (mayTail(target.code)) {
        this.#emit(`if (${result.js} === TAIL) ${result.js} = bounce(d + 1);`);
      }
      const scalar = own && atoms.every((atom) => atom.kind !== "any") && returnsScalar(this.#code);
      return scalar ? { js: result.js, kind: "scalar" } : result;
    }
    const values = this.#list([node.callee, ...node.args]);
    const [callee, ...args] = values.map((value) => value.js);
    this.#emit(`P[d] = ${site};`);
    if (args.length === 1 || args.length === 2) {
      return this.#assignTo(`call${args.length}(${[callee, ...args]}, d, ${site})`, "any");
    }
    return this.#assignTo(`call(${callee}, [${args}], d, ${site})`, "any");
  }

  /** The entry of another function; it is compiled when it is first called. */
  #link(target: MonkeyFunction): string {
    const jit = this.#jit;
    const { code } = target;
    if (code.jit === undefined) {
      const link = {
        run(self: MonkeyFunction, ...rest: unknown[]): Value {
          const entry = jit.entry(code, rest.slice(0, -1) as Value[]);
          link.run = (own, ...all) => entry.run(own, ...all);
          return entry.run(self, ...rest);
        },
      };
      return this.#constant(link);
    }
    return this.#constant(code.jit);
  }

  #assign(node: AssignNode): Atom {
    const site = this.#site(node);
    const combine = (old: string, value: string): string =>
      node.operator === null ? value : `binary("${node.operator}", ${old}, ${value}, ${site}, d)`;
    if (node.target.kind === "Index") {
      const { object, index } = node.target;
      const nodes = node.operator === null ? [object, index, node.value] : [object, index];
      const atoms = this.#list(nodes).map((atom) => atom.js);
      let value = atoms[2]!;
      if (node.operator !== null) {
        if (this.#rooted && containsCall(node.value)) atoms.forEach((js) => this.#keep(js));
        const old = this.#assignTo(`index(${atoms[0]}, ${atoms[1]}, ${site}, d)`, "any");
        if (this.#rooted && containsCall(node.value)) this.#keep(old.js);
        const right = this.#expression(node.value);
        value = this.#assignTo(combine(old.js, right.js), "any").js;
      }
      this.#emit(`setIndex(${atoms[0]}, ${atoms[1]}, ${value}, ${site}, d);`);
      return { js: value, kind: "any" };
    }
    const { binding } = node.target;
    const old = this.#identifier({ ...node.target, unsure: true });
    if (node.operator !== null && this.#rooted && containsCall(node.value)) this.#keep(old.js);
    const right = this.#expression(node.value);
    let value = right;
    if (node.operator !== null) value = this.#compound(node, old, right, site);
    if (binding!.scope === "global") this.#emit(`G[${binding!.global.slot}] = ${value.js};`);
    else if (binding!.scope === "free") {
      this.#emit(`self.free[${binding!.index}].value = ${value.js};`);
    } else if (binding!.scope === "local") {
      const { slot, boxed } = binding!.variable;
      if (boxed) this.#emit(`v${slot}.value = ${value.js};`);
      else this.#write(slot, value.js);
    }
    return value;
  }

  /** `x += 1` and the like, with the fast path of `+` and `-`. */
  #compound(node: AssignNode, old: Atom, right: Atom, site: number): Atom {
    const slow = `binary("${node.operator}", ${old.js}, ${right.js}, ${site}, d)`;
    const result = this.#temporary();
    if (node.operator !== "+" && node.operator !== "-") {
      this.#emit(`${result} = ${slow};`);
      return { js: result, kind: "any" };
    }
    const numbers = [old, right].map(({ js }) => `typeof ${js} === "number"`).join(" && ");
    const raw = `((${result} = ${old.js} ${node.operator} ${right.js}), `;
    const fits = `(${result} === (${result} | 0) || ${result} <= MAX && ${result} >= -MAX))`;
    this.#emit(`if (!(${numbers} && ${raw}${fits})) ${result} = ${slow};`);
    return { js: result, kind: "any" };
  }
}

/** Whether a function may leave its frame to another one. */
function mayTail(code: FunctionCode): boolean {
  let found = false;
  const visit = (statements: readonly Statement[]): void => {
    for (const [i, statement] of statements.entries()) {
      if (statement.kind === "Return" && statement.value !== null) value(statement.value);
      else if (statement.kind === "ExpressionStatement") {
        if (i === statements.length - 1) value(statement.expression);
        else nested(statement.expression);
      } else if (statement.kind === "While" || statement.kind === "For") {
        visit(statement.body.statements);
      } else if (statement.kind === "Let") nested(statement.value);
    }
  };
  const value = (node: Expression): void => {
    if (node.kind === "Call" && isTailCall(node)) {
      const { callee } = node;
      const own = callee.kind === "Identifier" && callee.binding!.scope === "global" &&
        callee.binding!.global.writes === 1 && callee.binding!.global.literal === code.node;
      const builtin = callee.kind === "Identifier" && callee.binding!.scope === "builtin";
      if (!builtin && !own) found = true;
    } else nested(node);
  };
  const nested = (node: Expression): void => {
    if (node.kind === "If") {
      visit(node.consequence.statements);
      if (node.alternative !== null) visit(node.alternative.statements);
    } else if (containsReturn(node)) found = true;
  };
  visit(code.statements);
  return found;
}

/** Whether a function, given values of fixed size, returns one: then its results need no roots. */
function returnsScalar(code: FunctionCode): boolean {
  if (code.node.kind === "Program") return false;
  const scalar = (node: Expression): boolean => {
    switch (node.kind) {
      case "Integer":
      case "Float":
      case "Boolean":
      case "Null":
        return true;
      case "Prefix":
        return true;
      case "Infix":
        return node.operator !== "+" || (scalar(node.left) && scalar(node.right));
      case "Identifier":
        return node.binding!.scope === "local" && node.binding!.variable.parameter &&
          !node.binding!.variable.changes;
      case "If":
        return block(node.consequence.statements) &&
          (node.alternative === null || block(node.alternative.statements));
      case "Call": {
        const { callee } = node;
        return callee.kind === "Identifier" && callee.binding!.scope === "global" &&
          callee.binding!.global.writes === 1 && callee.binding!.global.literal === code.node &&
          node.args.every(scalar);
      }
      default:
        return false;
    }
  };
  const block = (statements: readonly Statement[]): boolean =>
    statements.every((statement, i) => {
      if (statement.kind === "Return") return statement.value === null || scalar(statement.value);
      if (statement.kind !== "ExpressionStatement") return false;
      return i < statements.length - 1
        ? !containsReturn(statement.expression) || scalar(statement.expression)
        : scalar(statement.expression);
    });
  return block(code.statements);
}
