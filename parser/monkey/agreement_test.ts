import { assertEquals } from "@std/assert";
import { inspect, Monkey, type MonkeyEngine, MonkeyError, MonkeySyntaxError } from "./mod.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const PROGRAMS = Number(Deno.env.get("MONKEY_PROGRAMS") ?? (SOAK ? 100_000 : 600));
const ENGINES: MonkeyEngine[] = ["eval", "vm", "jit", "wasm", "auto"];

/** A small generator with a period long enough for this (mulberry32). */
function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const INTEGERS = [
  "0",
  "1",
  "2",
  "3",
  "7",
  "10",
  "100",
  "2147483647",
  "2147483648",
  "4294967296",
  "9007199254740991",
  "9007199254740992",
  "9223372036854775807",
];

type Type = "int" | "bool" | "text" | "list";
const TYPES: Type[] = ["int", "int", "int", "int", "bool", "text", "list"];

/** Writes a random program: mostly well-typed, always ending, sometimes failing. */
class ProgramWriter {
  readonly #random: () => number;
  #names: { name: string; type: Type }[] = [];
  #functions: { name: string; arity: number }[] = [];
  #next = 0;
  #inFunction = false;
  #inLoop = false;

  constructor(seed: number) {
    this.#random = randomSource(seed);
  }

  program(): string {
    const out: string[] = [];
    const functions = this.#below(4);
    for (let i = 0; i < functions; i++) out.push(this.#function());
    const count = 1 + this.#below(6);
    for (let i = 0; i < count; i++) out.push(this.#statement(3));
    out.push(`${this.#expression(4)};`);
    return out.join("\n");
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #type(): Type {
    return this.#pick(TYPES);
  }

  #let(name: string, type: Type): void {
    this.#names = [...this.#names.filter((known) => known.name !== name), { name, type }];
  }

  /** Runs an action whose names are forgotten behind it. */
  #scoped<T>(action: () => T): T {
    const names = this.#names;
    const result = action();
    this.#names = names;
    return result;
  }

  /** A function that counts its first argument down, so that it ends. */
  #function(): string {
    const name = `f${this.#next++}`;
    const arity = 1 + this.#below(3);
    const parameters = Array.from({ length: arity }, () => `p${this.#next++}`);
    const [counter] = parameters;
    const wasIn = this.#inFunction;
    this.#inFunction = true;
    const source = this.#scoped(() => {
      for (const parameter of parameters.slice(1)) this.#let(parameter, "int");
      const base = this.#expression(2, "int");
      const early = this.#random() < 0.5;
      const head = early
        ? `if (${counter} < 1) { return ${base}; }`
        : `if (!(${counter} > 0)) { ${base} } else {`;
      this.#let(counter!, "int");
      const body: string[] = [];
      for (let i = this.#below(3); i > 0; i--) body.push(this.#statement(2));
      const self = () => {
        const rest = parameters.slice(1).map(() => this.#expression(1, "int"));
        return `${name}(${[`${counter} - ${1 + this.#below(2)}`, ...rest].join(", ")})`;
      };
      const last = this.#pick([
        () => self(),
        () => `return ${self()};`,
        () => `${self()} + ${this.#expression(1, "int")}`,
        () => `${this.#expression(1, "int")} - ${self()}`,
        () => `${self()} + ${self()}`,
        () => `if (${this.#expression(1, "bool")}) { ${self()} } else { ${self()} }`,
        () => this.#expression(2, "int"),
      ])();
      return `${head} ${body.join(" ")} ${last}${early ? "" : " }"}`;
    });
    this.#inFunction = wasIn;
    // Names that the function assigned to are safe to forget: it cannot change their type.
    this.#functions.push({ name, arity });
    return `let ${name} = fn(${parameters.join(", ")}) { ${source} };`;
  }

  #statement(depth: number): string {
    const kind = this.#below(depth > 0 ? 12 : 4);
    if (kind < 3 || this.#names.length === 0) {
      const reused = this.#random() < 0.2 && this.#names.length > 0;
      const type = this.#type();
      const value = this.#expression(depth, type);
      const name = reused ? this.#pick(this.#names).name : `v${this.#next++}`;
      this.#let(name, type);
      return `let ${name} = ${value};`;
    }
    if (kind === 3) return `${this.#expression(depth)};`;
    if (kind < 6) {
      const { name, type } = this.#pick(this.#names);
      const operator = type === "int" ? this.#pick(["=", "+=", "-=", "*="]) : "=";
      return `${name} ${operator} ${this.#expression(depth, type)};`;
    }
    const loop = (name: string | undefined, action: () => string): string => {
      const wasIn = this.#inLoop;
      this.#inLoop = true;
      const body = this.#scoped(() => {
        if (name !== undefined) this.#let(name, "int");
        return action();
      });
      this.#inLoop = wasIn;
      return body;
    };
    if (kind === 6) {
      const counter = `c${this.#next++}`;
      const body = loop(undefined, () => this.#block(depth - 1));
      const times = 1 + this.#below(4);
      return `let ${counter} = 0; while (${counter} < ${times}) { ${counter} = ${counter} + 1; ${body} }`;
    }
    if (kind === 7) {
      const name = `i${this.#next++}`;
      const over = this.#pick(["[1, 2, 3]", "range(3)", "{2: 1, 3: true}", "range(9, 0, -3)"]);
      return `for (${name} in ${over}) { ${loop(name, () => this.#block(depth - 1))} }`;
    }
    if (kind === 8 && this.#inFunction) {
      return `if (${this.#expression(2, "bool")}) { return ${this.#expression(2, "int")}; }`;
    }
    if (kind === 9 && this.#inLoop) {
      const leave = this.#pick(["break", "continue"]);
      // Now and then in the middle of an operand.
      if (this.#random() < 0.3) {
        return `1 + if (${this.#expression(1, "bool")}) { ${leave}; } else { 2 };`;
      }
      return `if (${this.#expression(2, "bool")}) { ${leave}; }`;
    }
    if (kind === 10) return `puts(${this.#expression(depth - 1)});`;
    const condition = this.#expression(2, "bool");
    return `if (${condition}) { ${this.#block(depth - 1)} } else { ${this.#block(depth - 1)} }`;
  }

  #block(depth: number): string {
    const action = () => {
      const out: string[] = [];
      for (let i = 1 + this.#below(2); i > 0; i--) out.push(this.#statement(depth));
      return out.join(" ");
    };
    // What a branch defines is sometimes used behind it, where it may not be there.
    return this.#random() < 0.98 ? this.#scoped(action) : action();
  }

  #expression(depth: number, wanted?: Type): string {
    // Sometimes the wrong type, so that errors are seen too.
    const type = this.#random() < 0.004 || wanted === undefined ? this.#type() : wanted;
    if (depth <= 0 || this.#random() < 0.15) return this.#leaf(type);
    const sub = (of: Type) => this.#expression(depth - 1, of);
    switch (this.#below(12)) {
      case 0:
        return `if (${sub("bool")}) { ${sub(type)} } else { ${sub(type)} }`;
      case 1: {
        const name = `q${this.#next++}`;
        const given = sub(type);
        return this.#scoped(() => {
          this.#let(name, type);
          const first = this.#random() < 0.5 ? "" : this.#statement(1);
          // The statement may have given the name another type.
          return `fn(${name}) { ${first} ${sub(type)} }(${given})`;
        });
      }
      case 2:
        return `first([${sub(type)}, ${sub(this.#type())}])`;
      case 3:
        return `{"k": ${sub(type)}, ${this.#pick(["1", "true", '"1"'])}: 0}["k"]`;
    }
    switch (type) {
      case "int":
        return this.#integer(depth);
      case "bool": {
        const kind = this.#below(5);
        if (kind === 0) return `(!${sub(this.#type())})`;
        if (kind === 1) return `(${sub("bool")} ${this.#pick(["&&", "||"])} ${sub("bool")})`;
        if (kind === 2) {
          return `(${sub(this.#type())} ${this.#pick(["==", "!="])} ${sub(this.#type())})`;
        }
        return `(${sub("int")} ${this.#pick(["<", ">", "==", "!=", "<=", ">="])} ${sub("int")})`;
      }
      case "text": {
        const kind = this.#below(4);
        if (kind === 0) return `"x\${${sub(this.#type())}}"`;
        if (kind === 1) return `str(${sub(this.#type())})`;
        if (kind === 2) return `type(try(fn() { ${sub(this.#type())} / ${sub("int")} }))`;
        return `(${sub("text")} + ${sub("text")})`;
      }
      case "list": {
        const kind = this.#below(4);
        if (kind === 0) return `push(${sub("list")}, ${sub(this.#type())})`;
        if (kind === 1) return `sort([${sub("int")}, ${sub("int")}, ${sub("int")}])`;
        if (kind === 2) {
          return `map([${sub("int")}, 2], fn(m) { ${this.#random() < 0.5 ? "m" : sub("int")} })`;
        }
        return `[${sub(this.#type())}, ${sub(this.#type())}]`;
      }
    }
  }

  #integer(depth: number): string {
    const sub = () => this.#expression(depth - 1, "int");
    const kind = this.#below(10);
    if (kind === 0) return `(-${sub()})`;
    if (kind === 1) {
      return `(${sub()} ${this.#pick(["/", "%"])} ${this.#pick(["3", "-1", "7", sub()])})`;
    }
    if (kind === 2) return `len(${this.#expression(depth - 1, this.#pick(["text", "list"]))})`;
    if (kind === 3) {
      return `reduce([1, ${sub()}], ${sub()}, fn(a, b) { a ${this.#pick(["+", "*"])} b })`;
    }
    if (kind < 7 && this.#functions.length > 0) {
      const { name, arity } = this.#pick(this.#functions);
      const args = [String(this.#below(6))];
      for (let i = 1; i < arity; i++) args.push(sub());
      if (this.#random() < 0.02) args.push("1");
      return `${name}(${args.join(", ")})`;
    }
    return `(${sub()} ${this.#pick(["+", "-", "*"])} ${sub()})`;
  }

  #leaf(type: Type): string {
    const known = this.#names.filter((name) => name.type === type);
    if (known.length > 0 && this.#random() < 0.6) return this.#pick(known).name;
    if (this.#random() < 0.002) return this.#pick(["nowhere", "1.5", "null"]);
    if (type === "int") return this.#pick(INTEGERS);
    if (type === "bool") return this.#pick(["true", "false"]);
    return type === "text"
      ? this.#pick(['"a"', '"bc"', '""', '"añ🙂"'])
      : this.#pick(["[]", "[1]"]);
  }
}

/** Everything that can be seen of a run. */
function observe(source: string, engine: MonkeyEngine): string {
  const lines: string[] = [];
  const monkey = new Monkey({
    engine,
    hotAfter: 1,
    maxSteps: 20_000,
    maxCells: 100_000,
    maxDepth: 500,
    output: (line) => lines.push(line),
  });
  let result: string;
  try {
    const value = monkey.run(source);
    result = `${inspect(value)} in ${monkey.steps} steps`;
  } catch (error) {
    if (error instanceof MonkeySyntaxError) result = error.render();
    // Where a limit is noticed depends on how the work is cut up; that it is reached does not.
    else if (!(error instanceof MonkeyError)) result = `host: ${(error as Error).stack}`;
    else if (error.code === "runtime" || error.code === "stack-overflow") result = error.render();
    else return error.code;
  }
  return [...lines, result].join("\n");
}

Deno.test(`${PROGRAMS} random programs agree on all engines`, () => {
  const start = Number(Deno.env.get("MONKEY_SEED") ?? (SOAK ? Date.now() % 1e9 : 1));
  let good = 0;
  for (let i = 0; i < PROGRAMS; i++) {
    const seed = start + i;
    const source = new ProgramWriter(seed).program();
    const expected = observe(source, ENGINES[0]!);
    if (/steps$/.test(expected)) good++;
    for (const engine of ENGINES.slice(1)) {
      assertEquals(observe(source, engine), expected, `engine ${engine}, seed ${seed}:\n${source}`);
    }
  }
  // Most programs must get somewhere, or the test would say little.
  assertEquals(good > PROGRAMS / 5, true, `only ${good} of ${PROGRAMS} programs ran to their end`);
});
