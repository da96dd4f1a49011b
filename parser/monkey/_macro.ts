/**
 * Macro expansion, between parsing and resolving, so that every engine sees the expanded tree. `let m = macro(a) { … }` at
 * the top level defines a macro; a call of it is replaced by the quoted tree that its body returns for the quoted
 * arguments. Macros are not hygienic: a name in the result means what it means where the macro is called.
 */
import {
  type BlockNode,
  type CallNode,
  type Expression,
  type FunctionNode,
  type MacroNode,
  makeNode,
  MAX_TREE_DEPTH,
  type MonkeyNode,
  type ProgramNode,
} from "./ast.ts";
import { childrenOf } from "./ast.ts";
import { MonkeyError, MonkeySyntaxError } from "./errors.ts";
import { copyTree } from "./_quote.ts";
import { inspect, MonkeyQuote, typeName, type Value } from "./values.ts";
import { type SourceText, walk } from "../mod.ts";

const MAX_EXPANSIONS = 10_000;
const MAX_NESTED = 100;

/** Runs a macro's body as a function, with quotes for arguments. */
export type RunMacro = (macro: FunctionNode, args: readonly MonkeyQuote[]) => Value;

/** Macros by name; kept between the inputs of a session. */
export type MacroTable = Map<string, MacroNode>;

/** Takes the macro definitions out of a program and expands its macro calls. */
export function expandMacros(
  program: ProgramNode,
  source: SourceText,
  macros: MacroTable,
  run: RunMacro,
): ProgramNode {
  const statements = program.statements.filter((statement) => {
    const isMacro = statement.kind === "Let" && statement.value.kind === "Macro";
    if (isMacro) macros.set(statement.name.name, statement.value as MacroNode);
    return !isMacro;
  });
  const remaining = makeNode<ProgramNode>({ ...program, statements });
  if (macros.size === 0 || !callsMacro(remaining, macros)) return remaining;
  return new Expander(source, macros, run).expand(remaining);
}

function callsMacro(node: MonkeyNode, macros: MacroTable): boolean {
  return !walk(node, childrenOf, {
    enter: (at) => macroOf(at, macros) !== undefined ? "stop" : undefined,
  });
}

function macroOf(node: MonkeyNode, macros: MacroTable): MacroNode | undefined {
  if (node.kind !== "Call" || node.callee.kind !== "Identifier") return undefined;
  return macros.get(node.callee.name);
}

class Expander {
  readonly #source: SourceText;
  readonly #macros: MacroTable;
  readonly #run: RunMacro;
  #count = 0;

  constructor(source: SourceText, macros: MacroTable, run: RunMacro) {
    this.#source = source;
    this.#macros = macros;
    this.#run = run;
  }

  expand(program: ProgramNode): ProgramNode {
    let expanded = program;
    for (let round = 0; callsMacro(expanded, this.#macros); round++) {
      if (round >= MAX_NESTED) {
        this.#fail(program, `macros expand to macros over ${MAX_NESTED} times`);
      }
      expanded = copyTree(expanded, (node) => {
        const macro = macroOf(node, this.#macros);
        return macro === undefined ? node : this.#expandCall(node as CallNode, macro);
      });
      if (expanded.depth > MAX_TREE_DEPTH + 2) {
        this.#fail(program, `the expanded program nests deeper than ${MAX_TREE_DEPTH} levels`);
      }
    }
    return expanded;
  }

  #fail(node: MonkeyNode, message: string): never {
    const { start, end } = node;
    throw new MonkeySyntaxError(
      [{ severity: "error", code: "macro", message, span: { start, end } }],
      this.#source,
    );
  }

  #expandCall(node: CallNode, macro: MacroNode): Expression {
    if (++this.#count > MAX_EXPANSIONS) {
      this.#fail(node, `more than ${MAX_EXPANSIONS} macro calls`);
    }
    if (node.args.length !== macro.parameters.length) {
      const want = macro.parameters.length;
      this.#fail(node, `wrong number of arguments: want=${want}, got=${node.args.length}`);
    }
    const { start, end } = macro;
    const fn = makeNode<FunctionNode>({
      kind: "Function",
      start,
      end,
      name: "<macro>",
      parameters: macro.parameters.map((parameter) => ({ ...parameter })),
      body: copyTree<BlockNode>(macro.body),
    });
    let result: Value;
    try {
      result = this.#run(fn, node.args.map((arg) => new MonkeyQuote(arg)));
    } catch (error) {
      if (!(error instanceof MonkeyError) || error.code !== "runtime") throw error;
      this.#fail(node, `in a macro: ${error.message}`);
    }
    if (!(result instanceof MonkeyQuote)) {
      this.#fail(node, `a macro must return a quote, got ${typeName(result)}: ${inspect(result)}`);
    }
    // A copy, because one tree may be spliced in more than once.
    return copyTree(result.node);
  }
}
