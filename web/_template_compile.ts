/**
 * Turns trees into closures. Each node is compiled once for each context it appears in, with the
 * escaper of that context bound in, so running a template chooses nothing.
 */
import {
  type Context,
  ContextError,
  contextKey,
  describe,
  join,
  nudge,
  scanText,
  TEXT,
} from "./_template_context.ts";
import { TemplateError, type TemplateSource } from "./_template_error.ts";
import { type Escaper, escaperFor, toText } from "./_template_escape.ts";
import type { TemplateFunction } from "./_template_functions.ts";
import { isTrue, lookUp } from "./_template_functions.ts";
import type {
  ActionNode,
  BranchNode,
  CallNode,
  Definition,
  Node,
  Operand,
  Pipe,
  TextNode,
} from "./_template_parse.ts";

/** What a compilation needs from the set that it is for. */
export interface Environment {
  /** The function named so. */
  function(name: string): TemplateFunction | undefined;
  /** The template that `name` means when it is called from `caller`. */
  resolve(name: string, caller: Definition): Definition | string;
  /** Whether text is HTML and actions are escaped. */
  escapes: boolean;
  /** Whether a name that a value lacks is an error. */
  strict: boolean;
  limits: RunLimits;
}

/** Limits of one run. */
export interface RunLimits {
  maxDepth: number;
  maxIterations: number;
  maxOutputLength: number;
}

/** A run in progress. */
interface State {
  output: string;
  variables: unknown[];
  depth: number;
  iterations: number;
}

const NORMAL = 0;
const BREAK = 1;
const CONTINUE = 2;
type Signal = typeof NORMAL | typeof BREAK | typeof CONTINUE;
type Run = (state: State, dot: unknown) => Signal;
type Evaluate = (state: State, dot: unknown) => unknown;

interface Compiled {
  run: Run;
  end: Context;
}

/** The contexts in which a loop's body is left early. */
interface Loop {
  exits: { context: Context; offset: number }[];
}

/** Names to slots, within one template. */
interface Scope {
  names: Map<string, number>;
  parent: Scope | undefined;
}

interface Frame {
  definition: Definition;
  scope: Scope;
  /** Slots used so far; the count of a template is known when all of it is compiled. */
  slots: { count: number };
  loop: Loop | undefined;
}

interface Entry {
  run: Run | undefined;
  end: Context;
  isRecursive: boolean;
}

const MAX_CONTEXTS = 10_000;

/** Compiles `root` to a function from data to text. */
export function compile(root: Definition, environment: Environment): (data: unknown) => string {
  const compiler = new Compiler(environment);
  const { run, end } = compiler.template(root, TEXT);
  if (environment.escapes && end.html !== "text") {
    throw new TemplateError(
      "ERR_TEMPLATE_CONTEXT",
      `the template ends inside ${describe(end)}`,
      root.source,
      root.source.text.length,
    );
  }
  const { maxOutputLength } = environment.limits;
  return (data) => {
    const state: State = { output: "", variables: [], depth: 0, iterations: 0 };
    run(state, data);
    if (state.output.length > maxOutputLength) throw tooLong(root.source, 0, maxOutputLength);
    return state.output;
  };
}

function tooLong(source: TemplateSource, offset: number, limit: number): TemplateError {
  const message = `the output is longer than ${limit} characters`;
  return new TemplateError("ERR_TEMPLATE_LIMIT", message, source, offset);
}

class Compiler {
  readonly #environment: Environment;
  readonly #entries = new Map<Definition, Map<string, Entry>>();
  #contexts = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The template's code for a call in `context`, which gets a frame of variables of its own. */
  template(definition: Definition, context: Context): Compiled {
    let entries = this.#entries.get(definition);
    if (entries === undefined) this.#entries.set(definition, entries = new Map());
    const key = contextKey(context);
    const known = entries.get(key);
    if (known !== undefined) {
      if (known.run !== undefined) return { run: known.run, end: known.end };
      // A recursive call: taken to end where it starts, which is checked below.
      known.isRecursive = true;
      return { run: (state, dot) => known.run!(state, dot), end: context };
    }
    if (++this.#contexts > MAX_CONTEXTS) {
      this.#fail(definition, 0, "templates are used in too many contexts", "ERR_TEMPLATE_LIMIT");
    }
    const entry: Entry = { run: undefined, end: context, isRecursive: false };
    entries.set(key, entry);
    const frame: Frame = {
      definition,
      scope: { names: new Map([["$", 0]]), parent: undefined },
      slots: { count: 1 },
      loop: undefined,
    };
    const body = this.#list(definition.body, context, frame);
    if (entry.isRecursive && contextKey(body.end) !== key) {
      this.#fail(definition, 0, `template "${definition.name}" calls itself in another context`);
    }
    const { run } = body;
    const { maxDepth } = this.#environment.limits;
    entry.end = body.end;
    entry.run = (state, dot) => {
      if (++state.depth > maxDepth) {
        const message = `templates call each other deeper than ${maxDepth}`;
        throw new TemplateError("ERR_TEMPLATE_LIMIT", message, definition.source, 0);
      }
      const outer = state.variables;
      const variables = new Array(frame.slots.count);
      variables[0] = dot;
      state.variables = variables;
      run(state, dot);
      state.variables = outer;
      state.depth--;
      return NORMAL;
    };
    return { run: entry.run, end: body.end };
  }

  #fail(
    { source }: { source: TemplateSource },
    offset: number,
    message: string,
    code: "ERR_TEMPLATE_CONTEXT" | "ERR_TEMPLATE_SYNTAX" | "ERR_TEMPLATE_LIMIT" =
      "ERR_TEMPLATE_CONTEXT",
  ): never {
    throw new TemplateError(code, message, source, offset);
  }

  #list(nodes: readonly Node[], start: Context, frame: Frame): Compiled {
    const runs: Run[] = [];
    let context = start;
    for (const node of nodes) {
      const compiled = this.#node(node, context, frame);
      if (compiled.run !== undefined) runs.push(compiled.run);
      context = compiled.end;
    }
    if (runs.length === 0) return { run: () => NORMAL, end: context };
    if (runs.length === 1) return { run: runs[0]!, end: context };
    const run: Run = (state, dot) => {
      for (let i = 0; i < runs.length; i++) {
        const signal = runs[i]!(state, dot);
        if (signal !== NORMAL) return signal;
      }
      return NORMAL;
    };
    return { run, end: context };
  }

  #node(node: Node, context: Context, frame: Frame): { run: Run | undefined; end: Context } {
    if (node.kind === "text") return this.#text(node, context, frame);
    if (node.kind === "exit") {
      frame.loop!.exits.push({ context, offset: node.offset });
      const signal = node.keyword === "break" ? BREAK : CONTINUE;
      return { run: () => signal, end: context };
    }
    const { context: start, text } = this.#environment.escapes
      ? nudge(context)
      : { context, text: "" };
    const compiled = node.kind === "action"
      ? this.#action(node, start, frame)
      : node.kind === "template"
      ? this.#call(node, start, frame)
      : this.#branch(node, start, frame);
    if (text === "") return compiled;
    const { run } = compiled;
    return {
      run: (state, dot) => {
        state.output += text;
        return run(state, dot);
      },
      end: compiled.end,
    };
  }

  #text(
    node: TextNode,
    context: Context,
    { definition }: Frame,
  ): { run: Run; end: Context } {
    let { text } = node;
    let end = context;
    if (this.#environment.escapes) {
      try {
        ({ text, context: end } = scanText(context, text));
      } catch (error) {
        if (!(error instanceof ContextError)) throw error;
        this.#fail(definition, node.offset + error.at, error.message);
      }
    }
    return {
      run: (state) => {
        state.output += text;
        return NORMAL;
      },
      end,
    };
  }

  #action(node: ActionNode, context: Context, frame: Frame): Compiled {
    const { definition } = frame;
    const { source } = definition;
    const { offset, pipe } = node;
    const evaluate = this.#pipe(pipe, frame);
    if (pipe.variables.length > 0) {
      return {
        run: (state, dot) => {
          evaluate(state, dot);
          return NORMAL;
        },
        end: context,
      };
    }
    let escape: Escaper = toText;
    let end = context;
    if (this.#environment.escapes) {
      const found = escaperFor(context);
      if (typeof found === "string") this.#fail(definition, offset, found);
      ({ escape, context: end } = found);
    }
    const { maxOutputLength } = this.#environment.limits;
    const run: Run = (state, dot) => {
      const value = evaluate(state, dot);
      try {
        state.output += escape(value);
      } catch (error) {
        throw executionError(error, source, offset);
      }
      if (state.output.length > maxOutputLength) throw tooLong(source, offset, maxOutputLength);
      return NORMAL;
    };
    return { run, end };
  }

  #call(node: CallNode, context: Context, frame: Frame): Compiled {
    const { definition } = frame;
    const target = this.#environment.resolve(node.name, definition);
    if (typeof target === "string") {
      throw new TemplateError("ERR_TEMPLATE_NOT_FOUND", target, definition.source, node.offset);
    }
    const evaluate = node.pipe === undefined ? () => undefined : this.#pipe(node.pipe, frame);
    const called = this.template(target, context);
    return {
      run: (state, dot) => called.run(state, evaluate(state, dot)),
      end: called.end,
    };
  }

  #branch(
    node: BranchNode,
    context: Context,
    outer: Frame,
  ): Compiled {
    if (node.keyword === "range") return this.#range(node, context, outer);
    const frame: Frame = { ...outer, scope: { names: new Map(), parent: outer.scope } };
    const evaluate = this.#pipe(node.pipe, frame);
    const body = this.#list(node.body, context, inner(frame));
    const otherwise = this.#list(node.otherwise, context, inner(frame));
    const end = this.#join(body.end, otherwise.end, node.offset, frame);
    const [runBody, runOtherwise] = [body.run, otherwise.run];
    const run: Run = node.keyword === "with"
      ? (state, dot) => {
        const value = evaluate(state, dot);
        return isTrue(value) ? runBody(state, value) : runOtherwise(state, dot);
      }
      : (state, dot) =>
        isTrue(evaluate(state, dot)) ? runBody(state, dot) : runOtherwise(state, dot);
    return { run, end };
  }

  #join(a: Context, b: Context, offset: number, { definition }: Frame): Context {
    const joined = join(a, b);
    if (joined === undefined) {
      this.#fail(definition, offset, `branches end in ${describe(a)} and in ${describe(b)}`);
    }
    return joined;
  }

  #range(node: BranchNode, context: Context, outer: Frame): Compiled {
    const frame: Frame = { ...outer, scope: { names: new Map(), parent: outer.scope } };
    const { pipe, offset } = node;
    const evaluate = this.#commands(pipe, frame);
    const slots = pipe.variables.map((name) => this.#slot(name, pipe, frame));
    const [keySlot, valueSlot] = slots.length === 2 ? slots : [undefined, slots[0]];
    const compileBody = (start: Context): Compiled => {
      const loop: Loop = { exits: [] };
      const body = this.#list(node.body, start, { ...inner(frame), loop });
      let end = this.#join(start, body.end, offset, frame);
      for (const exit of loop.exits) end = this.#join(end, exit.context, exit.offset, frame);
      return { run: body.run, end };
    };
    let body = compileBody(context);
    if (contextKey(body.end) !== contextKey(context)) {
      // The second turn starts where the first ended; from there on nothing may change any more.
      const start = body.end;
      body = compileBody(start);
      if (contextKey(body.end) !== contextKey(start)) {
        this.#fail(frame.definition, offset, "every turn of the loop ends in another context");
      }
    }
    const otherwise = this.#list(node.otherwise, context, inner(frame));
    const end = this.#join(body.end, otherwise.end, offset, frame);
    const { source } = frame.definition;
    const { maxIterations, maxOutputLength } = this.#environment.limits;
    const turn = (state: State, key: unknown, value: unknown): Signal => {
      if (++state.iterations > maxIterations) {
        const message = `loops take more than ${maxIterations} turns`;
        throw new TemplateError("ERR_TEMPLATE_LIMIT", message, source, offset);
      }
      if (state.output.length > maxOutputLength) throw tooLong(source, offset, maxOutputLength);
      if (keySlot !== undefined) state.variables[keySlot] = key;
      if (valueSlot !== undefined) state.variables[valueSlot] = value;
      return body.run(state, value);
    };
    const run: Run = (state, dot) => {
      const value = evaluate(state, dot);
      let count = 0;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
          count++;
          if (turn(state, i, value[i]) === BREAK) break;
        }
      } else if (typeof value === "number") {
        for (let i = 0; i < value; i++) {
          count++;
          if (turn(state, i, i) === BREAK) break;
        }
      } else if (value !== undefined && value !== null && value !== false && value !== "") {
        if (typeof value !== "object") {
          const message = `range cannot go over a ${typeof value}`;
          throw new TemplateError("ERR_TEMPLATE_EXECUTION", message, source, offset);
        }
        const isKeyed = value instanceof Map || !(Symbol.iterator in value);
        const items = value instanceof Map
          ? value
          : isKeyed
          ? Object.entries(value)
          : value as Iterable<unknown>;
        try {
          for (const item of items) {
            const [key, element] = isKeyed ? item as [unknown, unknown] : [count, item];
            count++;
            if (turn(state, key, element) === BREAK) break;
          }
        } catch (error) {
          throw executionError(error, source, offset);
        }
      }
      return count === 0 ? otherwise.run(state, dot) : NORMAL;
    };
    return { run, end };
  }

  /** Declares or finds the slot of a variable that `pipe` sets. */
  #slot(name: string, pipe: Pipe, frame: Frame): number {
    if (pipe.declares) {
      const slot = frame.slots.count++;
      frame.scope.names.set(name, slot);
      return slot;
    }
    return this.#find(name, pipe.offset, frame);
  }

  #find(name: string, offset: number, frame: Frame): number {
    for (let scope: Scope | undefined = frame.scope; scope !== undefined; scope = scope.parent) {
      const slot = scope.names.get(name);
      if (slot !== undefined) return slot;
    }
    this.#fail(frame.definition, offset, `variable ${name} is not declared`, "ERR_TEMPLATE_SYNTAX");
  }

  #pipe(pipe: Pipe, frame: Frame): Evaluate {
    const evaluate = this.#commands(pipe, frame);
    const [name] = pipe.variables;
    if (name === undefined) return evaluate;
    const slot = this.#slot(name, pipe, frame);
    return (state, dot) => state.variables[slot] = evaluate(state, dot);
  }

  #commands(pipe: Pipe, frame: Frame): Evaluate {
    let evaluate: Evaluate | undefined;
    for (const command of pipe.commands) evaluate = this.#command(command, evaluate, frame);
    return evaluate!;
  }

  #command(operands: readonly Operand[], piped: Evaluate | undefined, frame: Frame): Evaluate {
    const [first, ...rest] = operands as [Operand, ...Operand[]];
    const { source } = frame.definition;
    const { offset } = first;
    const args = rest.map((operand) => this.#operand(operand, frame));
    if (piped !== undefined) args.push(piped);
    const evaluateArgs = (state: State, dot: unknown): unknown[] => {
      const values = new Array<unknown>(args.length);
      for (let i = 0; i < args.length; i++) values[i] = args[i]!(state, dot);
      return values;
    };
    const { base } = first;
    if (base.kind === "function") {
      const { name } = base;
      if (name === "and" || name === "or") {
        const stopsAt = name === "or";
        if (args.length === 0) {
          this.#fail(frame.definition, offset, `${name} wants an argument`, "ERR_TEMPLATE_SYNTAX");
        }
        return (state, dot) => {
          let value: unknown;
          for (let i = 0; i < args.length; i++) {
            value = args[i]!(state, dot);
            if (isTrue(value) === stopsAt) break;
          }
          return value;
        };
      }
      const called = this.#environment.function(name);
      if (called === undefined) {
        this.#fail(
          frame.definition,
          offset,
          `function "${name}" is not defined`,
          "ERR_TEMPLATE_SYNTAX",
        );
      }
      return (state, dot) => {
        const values = evaluateArgs(state, dot);
        try {
          return called(...values);
        } catch (error) {
          throw executionError(error, source, offset, name);
        }
      };
    }
    if (args.length === 0) return this.#operand(first, frame);
    if (base.kind === "literal" || (first.path.length === 0 && base.kind !== "variable")) {
      this.#fail(frame.definition, offset, "this cannot take arguments", "ERR_TEMPLATE_SYNTAX");
    }
    const path = first.path.slice(0, -1);
    const name = first.path.at(-1);
    const receiver = this.#operand({ ...first, path }, frame);
    return (state, dot) => {
      const target = receiver(state, dot);
      const values = evaluateArgs(state, dot);
      try {
        const method = name === undefined ? target : lookUp(target, name);
        if (typeof method !== "function") {
          throw new TypeError(`${name ?? "this"} is not a function and cannot take arguments`);
        }
        return Reflect.apply(method, name === undefined ? undefined : target, values);
      } catch (error) {
        throw executionError(error, source, offset);
      }
    };
  }

  #operand(operand: Operand, frame: Frame): Evaluate {
    const { base, path, offset } = operand;
    let evaluate: Evaluate;
    switch (base.kind) {
      case "dot":
        evaluate = (_state, dot) => dot;
        break;
      case "variable": {
        const slot = this.#find(base.name, offset, frame);
        evaluate = (state) => state.variables[slot];
        break;
      }
      case "literal":
        return () => base.value;
      case "function":
        return this.#command([operand], undefined, frame);
      case "pipe":
        evaluate = this.#pipe(base.pipe, frame);
        break;
    }
    const { source } = frame.definition;
    const { strict } = this.#environment;
    for (const name of path) {
      const receiver = evaluate;
      evaluate = (state, dot) => {
        const target = receiver(state, dot);
        try {
          const value = lookUp(target, name);
          if (typeof value === "function") return Reflect.apply(value, target, []);
          if (value === undefined && strict) throw new TypeError(`there is no value "${name}"`);
          return value;
        } catch (error) {
          throw executionError(error, source, offset);
        }
      };
    }
    return evaluate;
  }
}

function inner(frame: Frame): Frame {
  return { ...frame, scope: { names: new Map(), parent: frame.scope } };
}

function executionError(
  error: unknown,
  source: TemplateSource,
  offset: number,
  name?: string,
): TemplateError {
  if (error instanceof TemplateError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TemplateError(
    "ERR_TEMPLATE_EXECUTION",
    name === undefined ? message : `${name}: ${message}`,
    source,
    offset,
    { cause: error },
  );
}
