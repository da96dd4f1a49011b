/** The builtins of the books, those that a usable language needs beside them, and the modules of the standard library. */
import { JsonNumber, JsonSyntaxError, parse } from "../json/mod.ts";
import { MonkeyError } from "./errors.ts";
import { binary, concat, equals, hashKey, MAX_SMALL, toInteger } from "./_operators.ts";
import { quoteString } from "./print.ts";
import {
  type BuiltinContext,
  type HashKey,
  inspect,
  MonkeyArray,
  MonkeyBuiltin,
  MonkeyErrorValue,
  MonkeyFloat,
  MonkeyHash,
  typeName,
  type Value,
} from "./values.ts";

type Call = (runtime: BuiltinContext, args: readonly Value[]) => Value;

const TYPES = {
  ARRAY: (value: Value): value is MonkeyArray => value instanceof MonkeyArray,
  HASH: (value: Value): value is MonkeyHash => value instanceof MonkeyHash,
  STRING: (value: Value): value is string => typeof value === "string",
  INTEGER: (value: Value): value is number => typeof value === "number",
};

/** Throws unless there are `want` arguments. */
function arity(args: readonly Value[], want: number, most = want): void {
  if (args.length >= want && args.length <= most) return;
  const wanted = want === most ? String(want) : `${want} to ${most}`;
  throw new MonkeyError(`wrong number of arguments. got=${args.length}, want=${wanted}`);
}

function expectType<T extends Value>(
  name: string,
  type: keyof typeof TYPES,
  value: Value | undefined,
): T {
  if (value !== undefined && TYPES[type](value)) return value as T;
  throw new MonkeyError(`argument to \`${name}\` must be ${type}, got ${typeName(value ?? null)}`);
}

const array = (name: string, value: Value | undefined) =>
  expectType<MonkeyArray>(name, "ARRAY", value).items;
const text = (name: string, value: Value | undefined) => expectType<string>(name, "STRING", value);
const integer = (name: string, value: Value | undefined) =>
  expectType<number>(name, "INTEGER", value);

function newArray(runtime: BuiltinContext, items: Value[]): MonkeyArray {
  runtime.charge(items.length);
  runtime.allocate(2 + items.length);
  return new MonkeyArray(items);
}

function newText(runtime: BuiltinContext, value: string): string {
  runtime.charge(value.length);
  runtime.allocate(value.length >> 4);
  return value;
}

function toNumber(name: string, value: Value | undefined): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof MonkeyFloat) return value.value;
  throw new MonkeyError(`argument to \`${name}\` must be a number, got ${typeName(value ?? null)}`);
}

function float(runtime: BuiltinContext, value: number): MonkeyFloat {
  runtime.allocate(1);
  return new MonkeyFloat(value);
}

/** An integer from a double: cut off, and an error where 64 bits do not hold it. */
function toInt(runtime: BuiltinContext, name: string, value: number): number | bigint {
  const whole = Math.trunc(value) + 0;
  if (Math.abs(whole) <= MAX_SMALL) return whole;
  if (!(whole >= -(2 ** 63) && whole < 2 ** 63)) {
    throw new MonkeyError(`${name}: ${value} does not fit into 64 bits`);
  }
  runtime.allocate(1);
  return toInteger(BigInt(whole));
}

function length(value: Value): number | undefined {
  if (typeof value === "string") {
    let count = value.length;
    for (let i = 1; i < value.length; i++) {
      const trail = (value.charCodeAt(i) & 0xfc00) === 0xdc00;
      if (trail && (value.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
    }
    return count;
  }
  if (value instanceof MonkeyArray) return value.items.length;
  return value instanceof MonkeyHash ? value.pairs.size : undefined;
}

/** Compares for `sort`: numbers with numbers, strings with strings. */
function order(runtime: BuiltinContext, a: Value, b: Value): number {
  if (binary(runtime, "<", a, b) === true) return -1;
  return binary(runtime, ">", a, b) === true ? 1 : 0;
}

/** A merge sort: stable, and an error inside a comparison leaves nothing half done. */
function sorted(runtime: BuiltinContext, items: readonly Value[], compare?: Value): Value[] {
  let from = [...items];
  let to = new Array<Value>(from.length);
  const inOrder = (a: Value, b: Value): boolean => {
    if (compare === undefined) return order(runtime, a, b) <= 0;
    const result = runtime.call(compare, [b, a]);
    return typeof result === "boolean" ? !result : !(typeof result === "number" && result < 0);
  };
  for (let width = 1; width < from.length; width *= 2) {
    runtime.charge(from.length);
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length);
      const end = Math.min(start + 2 * width, from.length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const takeLeft = right >= end ||
          (left < middle && inOrder(from[left]!, from[right]!));
        to[at] = takeLeft ? from[left++]! : from[right++]!;
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

const CORE: Record<string, Call> = {
  len(_, args) {
    arity(args, 1);
    const count = length(args[0]!);
    if (count === undefined) {
      throw new MonkeyError(`argument to \`len\` not supported, got ${typeName(args[0]!)}`);
    }
    return count;
  },
  first(_, args) {
    arity(args, 1);
    return array("first", args[0])[0] ?? null;
  },
  last(_, args) {
    arity(args, 1);
    return array("last", args[0]).at(-1) ?? null;
  },
  rest(runtime, args) {
    arity(args, 1);
    const items = array("rest", args[0]);
    return items.length === 0 ? null : newArray(runtime, items.slice(1));
  },
  push(runtime, args) {
    arity(args, 2);
    const items = array("push", args[0]);
    runtime.charge(items.length);
    runtime.allocate(3 + items.length);
    return new MonkeyArray([...items, args[1]!]);
  },
  puts(runtime, args) {
    for (const arg of args) runtime.output(inspect(arg));
    return null;
  },
  type(_, args) {
    arity(args, 1);
    return typeName(args[0]!);
  },
  str(runtime, args) {
    arity(args, 1);
    return newText(runtime, inspect(args[0]!));
  },
  int(runtime, args) {
    arity(args, 1);
    const [value] = args as [Value];
    if (typeof value === "number" || typeof value === "bigint") return value;
    if (typeof value === "string") {
      if (!/^\s*[+-]?\d{1,30}\s*$/.test(value)) {
        throw new MonkeyError(`int: not a number: ${quoteString(value.slice(0, 40))}`);
      }
      const wide = BigInt(value.trim().replace(/^\+/, ""));
      if (BigInt.asIntN(64, wide) !== wide) {
        throw new MonkeyError(`int: ${value.trim()} does not fit into 64 bits`);
      }
      return toInteger(wide);
    }
    return toInt(runtime, "int", toNumber("int", value));
  },
  float(runtime, args) {
    arity(args, 1);
    const [value] = args as [Value];
    if (typeof value !== "string") return float(runtime, toNumber("float", value));
    if (!/^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(value)) {
      throw new MonkeyError(`float: not a number: ${quoteString(value.slice(0, 40))}`);
    }
    return float(runtime, Number(value));
  },
  error(_, args) {
    arity(args, 1, 2);
    throw new MonkeyError(inspect(args[0]!), "runtime", args[1]);
  },
  is_error(_, args) {
    arity(args, 1);
    return args[0] instanceof MonkeyErrorValue;
  },
  keys(runtime, args) {
    arity(args, 1);
    return newArray(runtime, [...expectType<MonkeyHash>("keys", "HASH", args[0]).pairs.keys()]);
  },
  values(runtime, args) {
    arity(args, 1);
    return newArray(runtime, [...expectType<MonkeyHash>("values", "HASH", args[0]).pairs.values()]);
  },
  has(_, args) {
    arity(args, 2);
    return expectType<MonkeyHash>("has", "HASH", args[0]).pairs.has(hashKey(args[1]!));
  },
  delete(runtime, args) {
    arity(args, 2);
    const pairs = new Map(expectType<MonkeyHash>("delete", "HASH", args[0]).pairs);
    runtime.charge(pairs.size);
    runtime.allocate(2 + 3 * pairs.size);
    pairs.delete(hashKey(args[1]!));
    return new MonkeyHash(pairs);
  },
  range(runtime, args) {
    arity(args, 1, 3);
    const from = args.length === 1 ? 0 : integer("range", args[0]);
    const to = integer("range", args[args.length === 1 ? 0 : 1]);
    const step = args.length === 3 ? integer("range", args[2]) : 1;
    if (step === 0) throw new MonkeyError("range: the step is zero");
    const count = Math.max(0, Math.ceil((to - from) / step));
    runtime.charge(count);
    runtime.allocate(2 + count);
    return new MonkeyArray(Array.from({ length: count }, (_, i) => from + i * step));
  },
};

const CALLING: Record<string, Call> = {
  try(runtime, args) {
    arity(args, 1);
    try {
      return runtime.call(args[0]!, []);
    } catch (error) {
      if (!(error instanceof MonkeyError) || error.code !== "runtime") throw error;
      runtime.attach(error, -1, runtime.depth);
      runtime.allocate(2 + error.trace.length);
      return new MonkeyErrorValue(error);
    }
  },
  map(runtime, args) {
    arity(args, 2);
    const out: Value[] = [];
    const result = new MonkeyArray(out);
    runtime.root(result);
    for (const item of [...array("map", args[0])]) {
      runtime.allocate(1);
      out.push(runtime.call(args[1]!, [item]));
    }
    return result;
  },
  filter(runtime, args) {
    arity(args, 2);
    const out: Value[] = [];
    const result = new MonkeyArray(out);
    runtime.root(result);
    for (const item of [...array("filter", args[0])]) {
      runtime.allocate(1);
      const keep = runtime.call(args[1]!, [item]);
      if (keep !== false && keep !== null) out.push(item);
    }
    return result;
  },
  reduce(runtime, args) {
    arity(args, 3);
    const cell = new MonkeyArray([args[1]!]);
    runtime.root(cell);
    for (const item of [...array("reduce", args[0])]) {
      cell.items[0] = runtime.call(args[2]!, [cell.items[0]!, item]);
    }
    return cell.items[0]!;
  },
  sort(runtime, args) {
    arity(args, 1, 2);
    const items = array("sort", args[0]);
    runtime.allocate(2 + 2 * items.length);
    return new MonkeyArray(sorted(runtime, items, args[1]));
  },
};

const STRINGS: Record<string, Call> = {
  upper: (runtime, args) => newText(runtime, text("upper", args[0]).toUpperCase()),
  lower: (runtime, args) => newText(runtime, text("lower", args[0]).toLowerCase()),
  trim: (runtime, args) => newText(runtime, text("trim", args[0]).trim()),
  split(runtime, args) {
    arity(args, 2);
    const whole = text("split", args[0]);
    const by = text("split", args[1]);
    runtime.allocate(whole.length >> 2);
    return newArray(runtime, by === "" ? [...whole] : whole.split(by));
  },
  join(runtime, args) {
    arity(args, 2);
    const by = text("join", args[1]);
    let out = "";
    array("join", args[0]).forEach((item, i) => {
      out = concat(runtime, i === 0 ? out : out + by, inspect(item));
    });
    return out;
  },
  contains: (_, args) => text("contains", args[0]).includes(text("contains", args[1])),
  starts_with: (_, args) => text("starts_with", args[0]).startsWith(text("starts_with", args[1])),
  ends_with: (_, args) => text("ends_with", args[0]).endsWith(text("ends_with", args[1])),
  index_of(_, args) {
    const whole = text("index_of", args[0]);
    const at = whole.indexOf(text("index_of", args[1]));
    return at < 0 ? -1 : [...whole.slice(0, at)].length;
  },
  replace(runtime, args) {
    arity(args, 3);
    const [whole, from, to] = args.map((arg) => text("replace", arg)) as [string, string, string];
    const count = from === "" ? whole.length + 1 : whole.split(from).length - 1;
    runtime.allocate((whole.length + count * to.length) >> 4);
    return whole.replaceAll(from, () => to);
  },
  repeat(runtime, args) {
    arity(args, 2);
    const whole = text("repeat", args[0]);
    const count = Math.max(0, integer("repeat", args[1]));
    if (whole.length * count > 1 << 28) {
      throw new MonkeyError("a string is too long", "memory-limit");
    }
    runtime.allocate((whole.length * count) >> 4);
    return whole.repeat(count);
  },
  slice(runtime, args) {
    arity(args, 2, 3);
    const points = [...text("slice", args[0])];
    const to = args.length === 3 ? integer("slice", args[2]) : points.length;
    return newText(runtime, points.slice(integer("slice", args[1]), to).join(""));
  },
  code(_, args) {
    return text("code", args[0]).codePointAt(0) ?? null;
  },
  char(_, args) {
    const point = integer("char", args[0]);
    if (point < 0 || point > 0x10ffff) throw new MonkeyError(`char: no such character: ${point}`);
    return String.fromCodePoint(point);
  },
};

const unary = (name: string, apply: (value: number) => number): Call => (runtime, args) => {
  arity(args, 1);
  return float(runtime, apply(toNumber(name, args[0])));
};
const rounding = (name: string, apply: (value: number) => number): Call => (runtime, args) => {
  arity(args, 1);
  const [value] = args as [Value];
  if (typeof value === "number" || typeof value === "bigint") return value;
  return toInt(runtime, name, apply(toNumber(name, value)));
};
const MATH: Record<string, Call> = {
  sqrt: unary("sqrt", Math.sqrt),
  sin: unary("sin", Math.sin),
  cos: unary("cos", Math.cos),
  tan: unary("tan", Math.tan),
  exp: unary("exp", Math.exp),
  log: unary("log", Math.log),
  floor: rounding("floor", Math.floor),
  ceil: rounding("ceil", Math.ceil),
  round: rounding("round", Math.round),
  pow: (runtime, args) => float(runtime, toNumber("pow", args[0]) ** toNumber("pow", args[1])),
  abs: (runtime, args) =>
    binary(runtime, "<", args[0]!, 0) === true ? binary(runtime, "-", 0, args[0]!) : args[0]!,
  min: (runtime, args) => binary(runtime, "<", args[1]!, args[0]!) === true ? args[1]! : args[0]!,
  max: (runtime, args) => binary(runtime, ">", args[1]!, args[0]!) === true ? args[1]! : args[0]!,
};

const ARRAYS: Record<string, Call> = {
  reverse: (runtime, args) => newArray(runtime, [...array("reverse", args[0])].reverse()),
  concat: (runtime, args) =>
    newArray(runtime, [...array("concat", args[0]), ...array("concat", args[1])]),
  slice(runtime, args) {
    arity(args, 2, 3);
    const items = array("slice", args[0]);
    const to = args.length === 3 ? integer("slice", args[2]) : items.length;
    return newArray(runtime, items.slice(integer("slice", args[1]), to));
  },
  index_of(runtime, args) {
    const items = array("index_of", args[0]);
    runtime.charge(items.length);
    return items.findIndex((item) => equals(item, args[1]!));
  },
  contains(runtime, args) {
    const items = array("contains", args[0]);
    runtime.charge(items.length);
    return items.some((item) => equals(item, args[1]!));
  },
  zip(runtime, args) {
    const other = array("zip", args[1]);
    const items = array("zip", args[0]).slice(0, other.length);
    runtime.allocate(4 * items.length);
    return newArray(runtime, items.map((item, i) => new MonkeyArray([item, other[i]!])));
  },
  /** Deep equality, without recursion. */
  equal(runtime, args) {
    arity(args, 2);
    const pending: [Value, Value][] = [[args[0]!, args[1]!]];
    const seen = new Map<Value, Set<Value>>();
    for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
      const [a, b] = pair;
      if (equals(a, b)) continue;
      runtime.step();
      const met = seen.get(a) ?? new Set();
      if (met.has(b)) continue;
      seen.set(a, met.add(b));
      if (a instanceof MonkeyArray && b instanceof MonkeyArray) {
        if (a.items.length !== b.items.length) return false;
        a.items.forEach((item, i) => pending.push([item, b.items[i]!]));
      } else if (a instanceof MonkeyHash && b instanceof MonkeyHash) {
        if (a.pairs.size !== b.pairs.size) return false;
        for (const [key, value] of a.pairs) {
          const other = b.pairs.get(key);
          if (other === undefined) return false;
          pending.push([value, other]);
        }
      } else return false;
    }
    return true;
  },
};

const JSON_DEPTH = 1000;
const JSON_MODULE: Record<string, Call> = {
  parse(runtime, args) {
    arity(args, 1);
    const source = text("parse", args[0]);
    runtime.charge(source.length);
    let parsed: unknown;
    try {
      parsed = parse(source, { numbers: "source", maxDepth: JSON_DEPTH });
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      const reason = error.code === "too-deep"
        ? "nests too deeply"
        : error.message.slice(0, error.message.indexOf("\n"));
      throw new MonkeyError(`json: ${reason}`);
    }
    return fromJson(runtime, parsed);
  },
  stringify(runtime, args) {
    arity(args, 1);
    const out: string[] = [];
    toJson(args[0]!, out, 0);
    return newText(runtime, out.join(""));
  },
};

/** Digits of the longest 64-bit integer. */
const MAX_INTEGER = /^-?[0-9]{1,19}$/;

/** The levels are limited by the parser. */
function fromJson(runtime: BuiltinContext, value: unknown): Value {
  if (value instanceof JsonNumber) {
    if (MAX_INTEGER.test(value.source)) {
      const integer = BigInt(value.source);
      if (BigInt.asIntN(64, integer) === integer) return toInteger(integer);
    }
    return float(runtime, Number(value.source));
  }
  if (typeof value !== "object" || value === null) return value as Value;
  if (Array.isArray(value)) {
    runtime.allocate(2 + value.length);
    return new MonkeyArray(value.map((item) => fromJson(runtime, item)));
  }
  const pairs = new Map<HashKey, Value>();
  for (const [key, item] of Object.entries(value)) {
    runtime.allocate(3);
    pairs.set(key, fromJson(runtime, item));
  }
  return new MonkeyHash(pairs);
}

function toJson(value: Value, out: string[], depth: number): void {
  if (depth > JSON_DEPTH) throw new MonkeyError("json: nests too deeply");
  if (value instanceof MonkeyArray) {
    out.push("[");
    value.items.forEach((item, i) => {
      if (i > 0) out.push(",");
      toJson(item, out, depth + 1);
    });
    out.push("]");
  } else if (value instanceof MonkeyHash) {
    out.push("{");
    let first = true;
    for (const [key, item] of value.pairs) {
      out.push(first ? "" : ",", JSON.stringify(String(key)), ":");
      first = false;
      toJson(item, out, depth + 1);
    }
    out.push("}");
  } else if (typeof value === "string") out.push(JSON.stringify(value));
  else if (value instanceof MonkeyFloat) {
    if (!Number.isFinite(value.value)) throw new MonkeyError("json: not a finite number");
    out.push(inspect(value));
  } else if (value === null || typeof value !== "object") out.push(String(value));
  else throw new MonkeyError(`json: cannot write ${typeName(value)}`);
}

/** File access that an embedder gives to programs. */
export interface MonkeyFiles {
  /** Returns the text of a file; an exception becomes a Monkey error. */
  read?(path: string): string;
  /** Writes a file; an exception becomes a Monkey error. */
  write?(path: string, text: string): void;
}

function files(access: MonkeyFiles | undefined): Record<string, Call> {
  const guarded = (action: () => Value): Value => {
    try {
      return action();
    } catch (error) {
      if (error instanceof MonkeyError) throw error;
      throw new MonkeyError(`files: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return {
    read(runtime, args) {
      arity(args, 1);
      const path = text("read", args[0]);
      if (access?.read === undefined) {
        throw new MonkeyError("files: reading files is not allowed", "denied");
      }
      return guarded(() => newText(runtime, access.read!(path)));
    },
    write(_, args) {
      arity(args, 2);
      const path = text("write", args[0]);
      const content = text("write", args[1]);
      if (access?.write === undefined) {
        throw new MonkeyError("files: writing files is not allowed", "denied");
      }
      return guarded(() => {
        access.write!(path, content);
        return null;
      });
    },
  };
}

function wrap(calls: Record<string, Call>, reenters = false): Map<string, MonkeyBuiltin> {
  return new Map(
    Object.entries(calls).map(([name, call]) => [name, new MonkeyBuiltin(name, call, reenters)]),
  );
}

/** The names that every program has. */
export const CORE_BUILTINS: ReadonlyMap<string, MonkeyBuiltin> = new Map([
  ...wrap(CORE),
  ...wrap(CALLING, true),
]);

/** A module of the standard library; undefined for any other name. */
export function standardModule(
  name: string,
  access: MonkeyFiles | undefined,
): MonkeyHash | undefined {
  const modules: Record<string, () => Map<string, Value>> = {
    strings: () => wrap(STRINGS),
    math: () => new Map<string, Value>([...wrap(MATH), ["pi", new MonkeyFloat(Math.PI)]]),
    arrays: () => wrap(ARRAYS),
    json: () => wrap(JSON_MODULE),
    files: () => wrap(files(access)),
  };
  return Object.hasOwn(modules, name) ? new MonkeyHash(modules[name]!()) : undefined;
}
