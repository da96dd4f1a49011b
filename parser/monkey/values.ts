import type { Expression } from "./ast.ts";
import type { MonkeyError } from "./errors.ts";
import { formatFloat, printNode, quoteString } from "./print.ts";
import type { FunctionCode } from "./ast.ts";

/**
 * A value of a Monkey program. Integers are numbers where a double is exact and bigints beyond (never both for one value);
 * `undefined` never is a value.
 */
export type Value =
  | number
  | bigint
  | string
  | boolean
  | null
  | MonkeyFloat
  | MonkeyArray
  | MonkeyHash
  | MonkeyFunction
  | MonkeyBuiltin
  | MonkeyQuote
  | MonkeyErrorValue;

/** A floating-point number; boxed, so that it differs from the integer. */
export class MonkeyFloat {
  /** The number. */
  readonly value: number;
  /** Boxes a number. */
  constructor(value: number) {
    this.value = value;
  }
}

/** An array. Monkey's builtins do not change it; an assignment to an element does. */
export class MonkeyArray {
  /** The elements. */
  readonly items: Value[];
  /** Wraps a list of values, which must not be used elsewhere. */
  constructor(items: Value[]) {
    this.items = items;
  }
}

/** What can be a key: integers, booleans and strings; `1`, `"1"` and `true` differ. */
export type HashKey = number | bigint | string | boolean;

/** A hash; keeps the order of insertion. */
export class MonkeyHash {
  /** The pairs. */
  readonly pairs: Map<HashKey, Value>;
  /** Wraps a map, which must not be used elsewhere. */
  constructor(pairs: Map<HashKey, Value> = new Map()) {
    this.pairs = pairs;
  }
}

/** Where a captured variable that can change lives. */
export class Cell {
  value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A function of the program together with what it captured. */
export class MonkeyFunction {
  /** @ignore */
  readonly code: FunctionCode;
  /** @ignore */
  readonly free: readonly (Value | Cell)[];
  /** @ignore */
  constructor(code: FunctionCode, free: readonly (Value | Cell)[]) {
    this.code = code;
    this.free = free;
  }
  /** Name in the source, `<anonymous>` without one. */
  get name(): string {
    return this.code.name;
  }
}

/**
 * What a builtin may ask of the runtime that calls it.
 * @ignore
 */
export interface BuiltinContext {
  readonly depth: number;
  readonly output: (line: string) => void;
  allocate(cells: number): void;
  charge(elements: number): void;
  step(): void;
  call(callee: Value, args: readonly Value[]): Value;
  root(value: Value): void;
  attach(error: unknown, site: number, depth: number): unknown;
}

/** A function of the host. */
export class MonkeyBuiltin {
  /** Name in messages. */
  readonly name: string;
  /** @ignore */
  readonly call: (runtime: BuiltinContext, args: readonly Value[]) => Value;
  /** @ignore Calls functions of the program, so its arguments must count as roots meanwhile. */
  readonly reenters: boolean;
  /** @ignore */
  constructor(
    name: string,
    call: (runtime: BuiltinContext, args: readonly Value[]) => Value,
    reenters = false,
  ) {
    this.name = name;
    this.call = call;
    this.reenters = reenters;
  }
}

/** A quoted piece of program. */
export class MonkeyQuote {
  /** The tree. */
  readonly node: Expression;
  /** Wraps a tree. */
  constructor(node: Expression) {
    this.node = node;
  }
}

/** An error as a value: what `try` returns for a failed call and `error` makes. */
export class MonkeyErrorValue {
  /** The error with its trace. */
  readonly error: MonkeyError;
  /** Wraps an error. */
  constructor(error: MonkeyError) {
    this.error = error;
  }
}

/** Name of a value's type, as error messages and `type` have it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case "number":
    case "bigint":
      return "INTEGER";
    case "string":
      return "STRING";
    case "boolean":
      return "BOOLEAN";
  }
  if (value === null) return "NULL";
  if (value instanceof MonkeyFloat) return "FLOAT";
  if (value instanceof MonkeyArray) return "ARRAY";
  if (value instanceof MonkeyHash) return "HASH";
  if (value instanceof MonkeyFunction) return "FUNCTION";
  if (value instanceof MonkeyBuiltin) return "BUILTIN";
  if (value instanceof MonkeyQuote) return "QUOTE";
  return "ERROR";
}

/** Longest text {@linkcode inspect} makes; the rest is cut. */
const MAX_INSPECT = 1 << 24;

/**
 * Writes a value as the REPL shows it; strings inside arrays and hashes are quoted. A container inside itself is `[...]`.
 * Not recursive; the text is cut at 16 million characters.
 */
export function inspect(value: Value): string {
  if (typeof value === "string") return value;
  const out: string[] = [];
  const open = new Set<object>();
  let length = 0;
  // The stack holds text to write, values to open, and containers to close.
  type Task = { text: string } | { value: Value } | { close: object };
  const stack: Task[] = [{ value }];
  for (let task = stack.pop(); task !== undefined; task = stack.pop()) {
    if (length > MAX_INSPECT) {
      out.push("…");
      break;
    }
    if ("close" in task) {
      open.delete(task.close);
      continue;
    }
    if ("text" in task) {
      out.push(task.text);
      length += task.text.length;
      continue;
    }
    const item = task.value;
    if (item instanceof MonkeyArray || item instanceof MonkeyHash) {
      const isArray = item instanceof MonkeyArray;
      if (open.has(item)) {
        out.push(isArray ? "[...]" : "{...}");
        continue;
      }
      open.add(item);
      const tasks: Task[] = [{ text: isArray ? "[" : "{" }];
      let first = true;
      const entries = isArray ? item.items.map((v) => [undefined, v] as const) : item.pairs;
      for (const [key, element] of entries) {
        if (!first) tasks.push({ text: ", " });
        first = false;
        if (key !== undefined) {
          tasks.push({ text: `${typeof key === "string" ? quoteString(key) : String(key)}: ` });
        }
        tasks.push({ value: element });
      }
      tasks.push({ text: isArray ? "]" : "}" }, { close: item });
      for (let i = tasks.length - 1; i >= 0; i--) stack.push(tasks[i]!);
      continue;
    }
    const text = inspectScalar(item);
    out.push(text);
    length += text.length;
  }
  return out.join("");
}

function inspectScalar(value: Exclude<Value, MonkeyArray | MonkeyHash>): string {
  if (typeof value === "string") return quoteString(value);
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof MonkeyFloat) return formatFloat(value.value);
  if (value instanceof MonkeyFunction) {
    return value.code.node.kind === "Function" ? printNode(value.code.node) : "<main>";
  }
  if (value instanceof MonkeyBuiltin) return `builtin function ${value.name}`;
  if (value instanceof MonkeyQuote) return `QUOTE(${printNode(value.node)})`;
  return `ERROR: ${value.error.message}`;
}
