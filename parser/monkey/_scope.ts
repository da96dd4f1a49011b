/**
 * The resolver: decides once, for every engine, where each name lives. Names are resolved in the order of the text; a
 * function is one scope and blocks are none, as in the books. A `let` inside a function makes a fresh binding each time it
 * runs. A local that a closure captures lives in a cell if it can change after the capture, else its value is copied.
 */
import type { SourceText } from "../mod.ts";
import {
  type AssignNode,
  type Binding,
  type BlockNode,
  type CallNode,
  type Expression,
  type ForNode,
  FunctionCode,
  type FunctionNode,
  type GlobalSlot,
  type IdentifierNode,
  type LetNode,
  type ProgramNode,
  type Statement,
  Variable,
} from "./ast.ts";
import type { Value } from "./values.ts";

/** The top-level names of one module or one session. */
export class GlobalScope {
  readonly names: Map<string, GlobalSlot> = new Map();
  readonly #allocate: () => number;

  /** `allocate` reserves a slot in the array of all globals. */
  constructor(allocate: () => number) {
    this.#allocate = allocate;
  }

  slot(name: string): GlobalSlot {
    let found = this.names.get(name);
    if (found === undefined) {
      found = { name, slot: this.#allocate(), writes: 0, literal: undefined };
      this.names.set(name, found);
    }
    return found;
  }
}

interface FunctionScope {
  readonly code: FunctionCode;
  readonly outer: FunctionScope | undefined;
  readonly names: Map<string, Variable>;
  readonly free: Map<Variable, number>;
  /** Variables and top-level names that surely have a value here. */
  definite: Set<Variable | GlobalSlot>;
}

/** Calls whose frame may be replaced by the callee's. */
const tailCalls = new WeakSet<CallNode>();

/** Whether a call is the last thing its function does. */
export function isTailCall(node: CallNode): boolean {
  return tailCalls.has(node);
}

/** Resolves a program. `declared` are names of the session that have a value already. */
export function resolveProgram(
  program: ProgramNode,
  source: SourceText,
  globals: GlobalScope,
  builtins: ReadonlyMap<string, Value>,
  declared: ReadonlySet<GlobalSlot>,
): FunctionCode {
  return new Resolver(source, globals, builtins).program(program, declared);
}

class Resolver {
  readonly #source: SourceText;
  readonly #globals: GlobalScope;
  readonly #builtins: ReadonlyMap<string, Value>;
  readonly #seen = new Set<string>();
  #scope!: FunctionScope;

  constructor(
    source: SourceText,
    globals: GlobalScope,
    builtins: ReadonlyMap<string, Value>,
  ) {
    this.#source = source;
    this.#globals = globals;
    this.#builtins = builtins;
  }

  program(program: ProgramNode, declared: ReadonlySet<GlobalSlot>): FunctionCode {
    const code = new FunctionCode("<main>", program, this.#source, []);
    for (const slot of declared) this.#seen.add(slot.name);
    this.#scope = {
      code,
      outer: undefined,
      names: new Map(),
      free: new Map(),
      definite: new Set(declared),
    };
    this.#statements(program.statements);
    return code;
  }

  #statements(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #block(block: BlockNode): void {
    this.#statements(block.statements);
  }

  #statement(node: Statement): void {
    switch (node.kind) {
      case "Let":
        this.#let(node);
        break;
      case "Return":
        if (node.value !== null) {
          this.#expression(node.value);
          if (!this.#scope.code.isProgram) markTail(node.value);
        }
        break;
      case "ExpressionStatement":
        this.#expression(node.expression);
        break;
      case "While":
        this.#expression(node.condition);
        this.#maybe(() => this.#block(node.body));
        break;
      case "For":
        this.#for(node);
        break;
    }
  }

  #for(node: ForNode): void {
    this.#expression(node.iterable);
    const variable = new Variable("", this.#scope.code.slotCount++, false);
    node.iterator = { scope: "local", variable };
    this.#maybe(() => {
      this.#declare(node.name, undefined);
      this.#block(node.body);
    });
  }

  #let(node: LetNode): void {
    // A function may call itself; every other value is computed before its name exists.
    if (node.value.kind === "Function") {
      this.#declare(node.name, node.value);
      this.#expression(node.value);
    } else {
      this.#expression(node.value);
      this.#declare(node.name, undefined);
    }
  }

  #declare(name: IdentifierNode, literal: FunctionNode | undefined): void {
    const scope = this.#scope;
    if (scope.outer === undefined) {
      const global = this.#globals.slot(name.name);
      this.#seen.add(name.name);
      global.writes++;
      global.literal = global.writes === 1 ? literal : undefined;
      name.binding = { scope: "global", global };
      scope.definite.add(global);
      return;
    }
    const variable = new Variable(name.name, scope.code.slotCount++, false);
    scope.names.set(name.name, variable);
    scope.definite.add(variable);
    name.binding = { scope: "local", variable };
  }

  /** Resolves what may not run: what it declares is not sure behind it. */
  #maybe(body: () => void): Set<Variable | GlobalSlot> {
    const before = this.#scope.definite;
    this.#scope.definite = new Set(before);
    body();
    const after = this.#scope.definite;
    this.#scope.definite = before;
    return after;
  }

  #expression(node: Expression): void {
    switch (node.kind) {
      case "Template":
        for (const part of node.parts) this.#expression(part);
        break;
      case "Identifier":
        this.#identifier(node);
        break;
      case "Prefix":
        this.#expression(node.right);
        break;
      case "Infix":
        this.#expression(node.left);
        this.#expression(node.right);
        break;
      case "Logical":
        this.#expression(node.left);
        this.#maybe(() => this.#expression(node.right));
        break;
      case "If": {
        this.#expression(node.condition);
        const first = this.#maybe(() => this.#block(node.consequence));
        if (node.alternative === null) break;
        const second = this.#maybe(() => this.#block(node.alternative!));
        for (const item of first) if (second.has(item)) this.#scope.definite.add(item);
        break;
      }
      case "Function":
        this.#function(node);
        break;
      case "Call":
        this.#expression(node.callee);
        for (const arg of node.args) this.#expression(arg);
        break;
      case "Array":
        for (const item of node.items) this.#expression(item);
        break;
      case "Hash":
        for (const [key, value] of node.pairs) {
          this.#expression(key);
          this.#expression(value);
        }
        break;
      case "Index":
        this.#expression(node.object);
        this.#expression(node.index);
        break;
      case "Assign":
        this.#assign(node);
        break;
      case "Quote":
        for (const hole of node.holes) this.#expression(hole);
        break;
    }
  }

  #assign(node: AssignNode): void {
    if (node.target.kind === "Index") {
      this.#expression(node.target);
      this.#expression(node.value);
      return;
    }
    this.#identifier(node.target, true);
    this.#expression(node.value);
    const binding = node.target.binding!;
    if (binding.scope === "global") {
      binding.global.writes++;
      binding.global.literal = undefined;
    } else if (binding.scope !== "builtin") binding.variable.changes = true;
  }

  #identifier(node: IdentifierNode, assigned = false): void {
    const found = this.#lookup(this.#scope, node.name);
    if (found !== undefined) {
      node.binding = found.binding;
      node.unsure = !found.definite;
      return;
    }
    const builtin = this.#builtins.get(node.name);
    if (builtin !== undefined && !this.#seen.has(node.name) && !assigned) {
      node.binding = { scope: "builtin", value: builtin };
      return;
    }
    const global = this.#globals.slot(node.name);
    node.binding = { scope: "global", global };
    node.unsure = !this.#isDefinite(global);
  }

  #isDefinite(global: GlobalSlot): boolean {
    for (let scope: FunctionScope | undefined = this.#scope; scope; scope = scope.outer) {
      if (scope.definite.has(global)) return true;
    }
    return false;
  }

  #lookup(
    scope: FunctionScope,
    name: string,
  ): { binding: Binding; definite: boolean } | undefined {
    if (scope.outer === undefined) return undefined;
    const variable = scope.names.get(name);
    if (variable !== undefined) {
      const definite = scope.definite.has(variable);
      return { binding: { scope: "local", variable }, definite };
    }
    const outer = this.#lookup(scope.outer, name);
    if (outer === undefined || outer.binding.scope === "global") return outer;
    if (outer.binding.scope === "builtin") return outer;
    const captured = outer.binding.variable;
    captured.captured = true;
    if (!outer.definite) captured.changes = true;
    let index = scope.free.get(captured);
    if (index === undefined) {
      index = scope.code.captures.length;
      scope.free.set(captured, index);
      const fromSlot = outer.binding.scope === "local";
      const from = outer.binding.scope === "local" ? captured.slot : outer.binding.index;
      scope.code.captures.push({ variable: captured, fromSlot, index: from });
    }
    const binding: Binding = { scope: "free", index, variable: captured };
    return { binding, definite: outer.definite };
  }

  #function(node: FunctionNode): void {
    const outer = this.#scope;
    const parameters = node.parameters.map((parameter, slot) => {
      const variable = new Variable(parameter.name, slot, true);
      parameter.binding = { scope: "local", variable };
      return variable;
    });
    const name = node.name === "" ? "<anonymous>" : node.name;
    const code = new FunctionCode(name, node, this.#source, parameters);
    node.code = code;
    this.#scope = {
      code,
      outer,
      names: new Map(parameters.map((variable) => [variable.name, variable])),
      free: new Map(),
      definite: new Set(parameters),
    };
    this.#block(node.body);
    markTailBlock(node.body);
    this.#scope = outer;
    // A local function that names itself is captured by itself before its slot is written.
    const own = outer.names.get(node.name);
    if (own !== undefined && code.captures.some((c) => c.variable === own)) own.changes = true;
  }
}

function markTail(node: Expression): void {
  if (node.kind === "Call") tailCalls.add(node);
  else if (node.kind === "If") {
    markTailBlock(node.consequence);
    if (node.alternative !== null) markTailBlock(node.alternative);
  }
}

function markTailBlock(block: BlockNode): void {
  const last = block.statements.at(-1);
  if (last?.kind === "ExpressionStatement") markTail(last.expression);
}
