import type { Diagnostic } from "../mod.ts";
import type { BlockNode, Expression, MonkeyNode, ProgramNode, Statement } from "./ast.ts";
import { CORE_BUILTINS } from "./_builtins.ts";

type Type =
  | { tag: "int" | "float" | "num" | "bool" | "string" | "null" | "any" }
  | { tag: "array"; item: Type }
  | { tag: "hash"; value: Type }
  | { tag: "fn"; parameters: Type[]; result: Type }
  | Unknown;

interface Unknown {
  tag: "unknown";
  /** What it turned out to be. */
  is: Type | undefined;
  /** How deep in `let`s it was made; a `let` makes those of its own depth general. */
  level: number;
}

interface Entry {
  type: Type;
  general: boolean;
}

const INT: Type = { tag: "int" };
const FLOAT: Type = { tag: "float" };
const NUM: Type = { tag: "num" };
const BOOL: Type = { tag: "bool" };
const STRING: Type = { tag: "string" };
const NULL: Type = { tag: "null" };
const ANY: Type = { tag: "any" };
/** Types that are compared deeper than this count as equal. */
const MAX_DEPTH = 100;

/**
 * Finds type errors without running a program, by inference (after R. Milner, "A theory of type polymorphism in programming",
 * 1978): operands that cannot go together, calls of what is no function or with the wrong number or kind of arguments,
 * names that do not exist. What Monkey leaves open stays open: arrays of several kinds, values that may be null and
 * branches of different types are taken for anything, so a good program is seldom refused.
 *
 * @example
 * ```ts
 * import { checkTypes, parseMonkey } from "@groundwork/std/parser/monkey";
 * import { assertEquals } from "@std/assert";
 *
 * const { program } = parseMonkey('let twice = fn(n) { n * 2 }; twice(3); twice("3")');
 * assertEquals(checkTypes(program).map((d) => d.message), [
 *   "expected a number, got a string",
 * ]);
 * ```
 */
export function checkTypes(program: ProgramNode): Diagnostic[] {
  return new Checker().program(program);
}

class Checker {
  readonly #found: Diagnostic[] = [];
  #scopes: Map<string, Entry>[] = [new Map()];
  #results: Type[][] = [];
  #level = 0;
  #hoisted = new Set<string>();

  program(program: ProgramNode): Diagnostic[] {
    for (const statement of program.statements) {
      if (statement.kind === "Let") this.#hoisted.add(statement.name.name);
    }
    this.#results.push([]);
    this.#statements(program.statements);
    return this.#found;
  }

  #report(node: MonkeyNode, message: string): Type {
    const { start, end } = node;
    this.#found.push({ severity: "error", code: "type", message, span: { start, end } });
    return ANY;
  }

  #unknown(): Unknown {
    return { tag: "unknown", is: undefined, level: this.#level };
  }

  #statements(statements: readonly Statement[]): Type {
    let value: Type = NULL;
    for (const statement of statements) value = this.#statement(statement);
    return value;
  }

  #block(block: BlockNode): Type {
    return this.#statements(block.statements);
  }

  #statement(node: Statement): Type {
    switch (node.kind) {
      case "Let": {
        this.#level++;
        const own = this.#unknown();
        const isFunction = node.value.kind === "Function";
        if (isFunction) this.#define(node.name.name, own, false);
        const value = this.#expression(node.value);
        if (isFunction) this.#unify(own, value);
        this.#level--;
        this.#define(node.name.name, value, isFunction);
        return NULL;
      }
      case "Return":
        this.#results.at(-1)!.push(node.value === null ? NULL : this.#expression(node.value));
        return this.#unknown();
      case "ExpressionStatement":
        return this.#expression(node.expression);
      case "While":
        this.#expression(node.condition);
        this.#block(node.body);
        return NULL;
      case "For": {
        const over = resolve(this.#expression(node.iterable));
        if (["int", "float", "num", "bool", "fn"].includes(over.tag)) {
          this.#report(node.iterable, `cannot walk over ${describe(over)}`);
        }
        const item = over.tag === "array" ? over.item : over.tag === "string" ? STRING : ANY;
        this.#define(node.name.name, item, false);
        this.#block(node.body);
        return NULL;
      }
      default:
        return NULL;
    }
  }

  #define(name: string, type: Type, general: boolean): void {
    this.#scopes.at(-1)!.set(name, { type, general });
  }

  #lookup(name: string): Type | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const entry = this.#scopes[i]!.get(name);
      if (entry !== undefined) {
        return entry.general ? this.#instance(entry.type, new Map()) : entry.type;
      }
    }
    if (CORE_BUILTINS.has(name)) return this.#builtin(name);
    return this.#hoisted.has(name) ? ANY : undefined;
  }

  #instance(type: Type, copies: Map<Type, Type>, depth = 0): Type {
    const at = resolve(type);
    if (depth > MAX_DEPTH) return ANY;
    switch (at.tag) {
      case "unknown": {
        if (at.level <= this.#level) return at;
        const copy = copies.get(at) ?? this.#unknown();
        copies.set(at, copy);
        return copy;
      }
      case "array":
        return { tag: "array", item: this.#instance(at.item, copies, depth + 1) };
      case "hash":
        return { tag: "hash", value: this.#instance(at.value, copies, depth + 1) };
      case "fn":
        return {
          tag: "fn",
          parameters: at.parameters.map((p) => this.#instance(p, copies, depth + 1)),
          result: this.#instance(at.result, copies, depth + 1),
        };
      default:
        return at;
    }
  }

  #builtin(name: string): Type {
    const item = this.#unknown();
    const list: Type = { tag: "array", item };
    const fn = (result: Type, ...parameters: Type[]): Type => ({ tag: "fn", parameters, result });
    switch (name) {
      case "len":
        return fn(INT, ANY);
      case "first":
      case "last":
        return fn(item, list);
      case "rest":
        return fn(list, list);
      case "push":
        return fn({ tag: "array", item: ANY }, { tag: "array", item: ANY }, ANY);
      case "str":
      case "type":
        return fn(STRING, ANY);
      case "int":
        return fn(INT, ANY);
      case "float":
        return fn(FLOAT, ANY);
      case "map": {
        const result = this.#unknown();
        return fn({ tag: "array", item: result }, list, fn(result, item));
      }
      case "filter":
        return fn(list, list, fn(ANY, item));
      default:
        return ANY;
    }
  }

  #expression(node: Expression): Type {
    switch (node.kind) {
      case "Integer":
        return INT;
      case "Float":
        return FLOAT;
      case "Boolean":
        return BOOL;
      case "String":
        return STRING;
      case "Null":
        return NULL;
      case "Template":
        for (const part of node.parts) this.#expression(part);
        return STRING;
      case "Identifier":
        return this.#lookup(node.name) ?? this.#report(node, `identifier not found: ${node.name}`);
      case "Prefix": {
        const right = this.#expression(node.right);
        return node.operator === "!" ? BOOL : this.#number(node.right, right);
      }
      case "Infix": {
        const left = this.#expression(node.left);
        const right = this.#expression(node.right);
        return this.#operator(node, node.operator, left, right);
      }
      case "Logical":
        return this.#join([this.#expression(node.left), this.#expression(node.right)]);
      case "If": {
        this.#expression(node.condition);
        const first = this.#block(node.consequence);
        if (node.alternative === null) return ANY;
        return this.#join([first, this.#block(node.alternative)]);
      }
      case "Function": {
        const parameters = node.parameters.map(() => this.#unknown());
        this.#scopes.push(new Map());
        node.parameters.forEach((name, i) => this.#define(name.name, parameters[i]!, false));
        this.#results.push([]);
        const value = this.#block(node.body);
        const result = this.#join([value, ...this.#results.pop()!]);
        this.#scopes.pop();
        return { tag: "fn", parameters, result };
      }
      case "Call":
        return this.#call(node.callee, node.args, node);
      case "Array":
        return { tag: "array", item: this.#join(node.items.map((item) => this.#expression(item))) };
      case "Hash": {
        for (const [key] of node.pairs) {
          const type = resolve(this.#expression(key));
          if (
            type.tag === "fn" || type.tag === "array" || type.tag === "hash" || type.tag === "float"
          ) {
            this.#report(key, `${describe(type)} cannot be a key`);
          }
        }
        return { tag: "hash", value: this.#join(node.pairs.map(([, v]) => this.#expression(v))) };
      }
      case "Index": {
        const object = resolve(this.#expression(node.object));
        const index = this.#expression(node.index);
        if (object.tag === "array") {
          this.#number(node.index, index);
          return object.item;
        }
        if (object.tag === "hash") return object.value;
        if (object.tag === "string") return STRING;
        if (object.tag === "unknown" || object.tag === "any" || object.tag === "null") return ANY;
        return this.#report(node.object, `cannot index ${describe(object)}`);
      }
      case "Assign": {
        const target = this.#expression(node.target);
        const value = this.#expression(node.value);
        const result = node.operator === null
          ? value
          : this.#operator(node, node.operator, target, value);
        if (!this.#unify(target, result)) {
          this.#report(node.value, `expected ${describe(target)}, got ${describe(result)}`);
        }
        return result;
      }
      default:
        return ANY;
    }
  }

  #call(callee: Expression, args: readonly Expression[], node: MonkeyNode): Type {
    const type = resolve(this.#expression(callee));
    const given = args.map((arg) => this.#expression(arg));
    if (type.tag === "unknown") {
      const result = this.#unknown();
      this.#unify(type, { tag: "fn", parameters: given, result });
      return result;
    }
    if (type.tag === "any" || type.tag === "null") return ANY;
    if (type.tag !== "fn") return this.#report(callee, `${describe(type)} is not a function`);
    const want = type.parameters.length;
    if (want !== args.length) {
      return this.#report(node, `wrong number of arguments: want=${want}, got=${args.length}`);
    }
    type.parameters.forEach((parameter, i) => {
      if (this.#unify(parameter, given[i]!)) return;
      this.#report(args[i]!, `expected ${describe(parameter)}, got ${describe(given[i]!)}`);
    });
    return type.result;
  }

  #number(node: MonkeyNode, type: Type): Type {
    if (this.#unify(type, NUM)) return resolve(type);
    return this.#report(node, `expected a number, got ${describe(type)}`);
  }

  #operator(node: MonkeyNode, operator: string, left: Type, right: Type): Type {
    if (operator === "==" || operator === "!=") return BOOL;
    const a = resolve(left);
    const b = resolve(right);
    const compares = operator.startsWith("<") || operator.startsWith(">");
    const texts = operator === "+" || compares;
    if (a.tag === "any" || b.tag === "any" || a.tag === "null" || b.tag === "null") {
      return compares ? BOOL : ANY;
    }
    if (a.tag === "unknown" && b.tag === "unknown" && texts) {
      this.#unify(a, b);
      return compares ? BOOL : a;
    }
    const isText = texts && (a.tag === "string" || b.tag === "string");
    const wanted = isText ? STRING : NUM;
    if (!this.#unify(a, wanted) || !this.#unify(b, wanted)) {
      return this.#report(node, `cannot use '${operator}' on ${describe(a)} and ${describe(b)}`);
    }
    if (compares) return BOOL;
    if (isText) return STRING;
    const [x, y] = [resolve(a).tag, resolve(b).tag];
    if (x === "float" || y === "float") return FLOAT;
    return x === "int" && y === "int" ? INT : NUM;
  }

  /** One type for several values: theirs if they agree, else anything. */
  #join(types: readonly Type[]): Type {
    const known = types.map(resolve);
    const first = known.find((type) => type.tag !== "unknown");
    if (first === undefined) {
      for (let i = 1; i < known.length; i++) this.#unify(known[0]!, known[i]!);
      return known[0] ?? this.#unknown();
    }
    const isNumber = (type: Type) => ["int", "float", "num"].includes(type.tag);
    if (known.every((type) => isNumber(type) || type.tag === "unknown")) {
      const alike = known.every((type) => type.tag === first.tag || type.tag === "unknown");
      const joined = alike ? first : NUM;
      for (const type of known) if (type.tag === "unknown") this.#unify(type, joined);
      return joined;
    }
    for (const type of known) {
      if (type.tag === "null" && first.tag !== "null") return ANY;
      if (type.tag !== "unknown" && !same(type, first)) return ANY;
    }
    for (const type of known) if (type.tag === "unknown") this.#unify(type, first);
    return first;
  }

  #unify(left: Type, right: Type, depth = 0): boolean {
    const a = resolve(left);
    const b = resolve(right);
    if (a === b || depth > MAX_DEPTH) return true;
    if (a.tag === "unknown") return bind(a, b);
    if (b.tag === "unknown") return bind(b, a);
    if (a.tag === "any" || b.tag === "any" || a.tag === "null" || b.tag === "null") return true;
    if (a.tag === "num" || b.tag === "num") {
      return ["num", "int", "float"].includes(a.tag) && ["num", "int", "float"].includes(b.tag);
    }
    if (a.tag === "array" && b.tag === "array") return this.#unify(a.item, b.item, depth + 1);
    if (a.tag === "hash" && b.tag === "hash") return this.#unify(a.value, b.value, depth + 1);
    if (a.tag === "fn" && b.tag === "fn") {
      if (a.parameters.length !== b.parameters.length) return false;
      const parameters = a.parameters.every((p, i) => this.#unify(p, b.parameters[i]!, depth + 1));
      return parameters && this.#unify(a.result, b.result, depth + 1);
    }
    return a.tag === b.tag;
  }
}

function resolve(type: Type): Type {
  let at = type;
  while (at.tag === "unknown" && at.is !== undefined) at = at.is;
  return at;
}

/** Gives an unknown its type; one that would contain itself may be anything. */
function bind(unknown: Unknown, type: Type): boolean {
  const pending: Type[] = [type];
  let steps = 0;
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const at = resolve(item);
    if (at === unknown || ++steps > 10_000) {
      unknown.is = ANY;
      return true;
    }
    if (at.tag === "unknown") at.level = Math.min(at.level, unknown.level);
    else if (at.tag === "array") pending.push(at.item);
    else if (at.tag === "hash") pending.push(at.value);
    else if (at.tag === "fn") pending.push(...at.parameters, at.result);
  }
  unknown.is = type;
  return true;
}

function same(left: Type, right: Type, depth = 0): boolean {
  const a = resolve(left);
  const b = resolve(right);
  if (a === b || depth > MAX_DEPTH) return true;
  if (a.tag === "array" && b.tag === "array") return same(a.item, b.item, depth + 1);
  if (a.tag === "hash" && b.tag === "hash") return same(a.value, b.value, depth + 1);
  if (a.tag === "fn" && b.tag === "fn") {
    return a.parameters.length === b.parameters.length &&
      a.parameters.every((p, i) => same(p, b.parameters[i]!, depth + 1)) &&
      same(a.result, b.result, depth + 1);
  }
  return a.tag === b.tag;
}

const NAMES: Record<string, string> = {
  int: "an integer",
  float: "a float",
  num: "a number",
  bool: "a boolean",
  string: "a string",
  null: "null",
  any: "anything",
  array: "an array",
  hash: "a hash",
  fn: "a function",
  unknown: "anything",
};

function describe(type: Type): string {
  return NAMES[resolve(type).tag]!;
}
