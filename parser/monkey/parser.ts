import { type Diagnostic, PrattParser, SourceText, TokenStream } from "../mod.ts";
import type { PrattGrammar } from "../mod.ts";
import {
  type BlockNode,
  type Expression,
  type FunctionNode,
  type HoleNode,
  type IdentifierNode,
  type IfNode,
  type InfixOperator,
  makeNode,
  MAX_TREE_DEPTH,
  type MonkeyNode,
  type ProgramNode,
  type Statement,
} from "./ast.ts";
import { monkeyLexer, type MonkeyToken } from "./lexer.ts";

/** Functions, blocks, hashes and templates inside one another; beyond it the program is refused. */
const MAX_NESTING = 200;

/** Result of {@linkcode parseMonkey}. */
export interface ParsedMonkey {
  /** The tree of what could be parsed. */
  readonly program: ProgramNode;
  /** The errors; empty for a good program. */
  readonly diagnostics: readonly Diagnostic[];
  /** The source that the offsets are in. */
  readonly source: SourceText;
  /** Whether more text could still complete the program (an open bracket, a missing operand at the end). */
  readonly incomplete: boolean;
}

/**
 * Parses a Monkey program. Errors are returned and not thrown; after each one parsing goes on with the next statement.
 *
 * @example
 * ```ts
 * import { parseMonkey, printNode } from "@groundwork/std/parser/monkey";
 * import { assertEquals } from "@std/assert";
 *
 * const { program, diagnostics } = parseMonkey("let x = 1 + 2 * 3; x");
 * assertEquals(diagnostics, []);
 * assertEquals(printNode(program), "let x = (1 + (2 * 3));x");
 * ```
 */
export function parseMonkey(text: string | SourceText): ParsedMonkey {
  const source = typeof text === "string" ? new SourceText(text) : text;
  const parser = new MonkeyParser(source);
  const program = parser.program();
  const incomplete = parser.incomplete;
  return { program, diagnostics: parser.stream.diagnostics, source, incomplete };
}

type Stream = TokenStream<MonkeyToken>;
const STATEMENT_STARTS: MonkeyToken[] = ["let", "return", "while", "for", "break", "continue", "}"];
const ASSIGNMENTS: [MonkeyToken, InfixOperator | null][] = [
  ["=", null],
  ["+=", "+"],
  ["-=", "-"],
  ["*=", "*"],
  ["/=", "/"],
  ["%=", "%"],
];
const INFIX: [InfixOperator, number][] = [
  ["==", 4],
  ["!=", 4],
  ["<", 5],
  [">", 5],
  ["<=", 5],
  [">=", 5],
  ["+", 6],
  ["-", 6],
  ["*", 7],
  ["/", 7],
  ["%", 7],
];
const ESCAPES: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "0": "\0",
  '"': '"',
  "\\": "\\",
  $: "$",
};

class MonkeyParser {
  readonly stream: Stream;
  incomplete = false;
  readonly #expressions: PrattParser<MonkeyToken, Expression>;
  #nesting = 0;
  #functions = 0;
  #loops = 0;
  #holes: Expression[] | undefined;

  constructor(source: SourceText) {
    this.stream = new TokenStream(monkeyLexer, source, {
      pairs: [["(", ")"], ["[", "]"], ["{", "}"], ["${", "}"]],
      describe: (kind) => kind === "name" ? "a name" : `'${kind}'`,
    });
    this.#expressions = new PrattParser(monkeyLexer, this.#grammar(), {
      maxDepth: MAX_TREE_DEPTH,
    });
  }

  program(): ProgramNode {
    const statements: Statement[] = [];
    const stream = this.stream;
    while (!stream.atEnd) {
      if (stream.at("}") && !stream.panicking) stream.unexpected("a statement");
      else this.#statement(statements);
      this.#recover();
      if (stream.at("}")) stream.advance();
    }
    return this.#finish(makeNode({ kind: "Program", start: 0, end: stream.start, statements }));
  }

  #finish(program: ProgramNode): ProgramNode {
    if (program.depth <= MAX_TREE_DEPTH + 2) return program;
    if (!this.stream.diagnostics.some((d) => d.code === "too-deep")) {
      this.stream.report({
        severity: "error",
        code: "too-deep",
        message: `the program nests deeper than ${MAX_TREE_DEPTH} levels`,
        span: { start: 0, end: 1 },
      });
    }
    return makeNode({ kind: "Program", start: 0, end: program.end, statements: [] });
  }

  #recover(): void {
    if (!this.stream.panicking) return;
    if (this.stream.atEnd) this.incomplete = true;
    do this.stream.synchronize(STATEMENT_STARTS, [";"]); while (
      // A stray bracket here belongs to the expression that failed.
      (this.stream.accept(")") || this.stream.accept("]")) && !this.stream.atEnd
    );
  }

  #statement(out: Statement[]): void {
    const stream = this.stream;
    const start = stream.start;
    const push = (statement: Parameters<typeof makeNode<Statement>>[0]) => {
      const made = makeNode<Statement>(statement);
      if (made.depth > MAX_TREE_DEPTH) this.#tooDeep(made);
      else out.push(made);
    };
    if (stream.accept(";")) return;
    if (stream.accept("let")) {
      const name = this.#name();
      if (name === undefined || !stream.expect("=")) return;
      let value = this.#expression();
      if (value === undefined) return;
      if (value.kind === "Function" && value.name === "") {
        value = { ...value, name: name.name };
      }
      this.#endStatement();
      push({ kind: "Let", start, end: stream.previousEnd, name, value });
    } else if (stream.accept("return")) {
      const bare = stream.at(";") || stream.at("}") || stream.atEnd;
      const value = bare ? null : this.#expression();
      if (value === undefined) return;
      this.#endStatement();
      push({ kind: "Return", start, end: stream.previousEnd, value });
    } else if (stream.accept("while")) {
      const condition = this.#parenthesized();
      const body = condition && this.#loopBody();
      if (body === undefined) return;
      push({ kind: "While", start, end: stream.previousEnd, condition: condition!, body });
    } else if (stream.accept("for")) {
      if (!stream.expect("(")) return;
      const name = this.#name();
      if (name === undefined || !stream.expect("in")) return;
      const iterable = this.#expression();
      if (iterable === undefined || !stream.expect(")")) return;
      const body = this.#loopBody();
      if (body === undefined) return;
      push({ kind: "For", start, end: stream.previousEnd, name, iterable, body });
    } else if (stream.at("break") || stream.at("continue")) {
      const kind = stream.at("break") ? "Break" : "Continue";
      if (this.#loops === 0) stream.error(`'${stream.text()}' outside a loop`);
      stream.advance();
      this.#endStatement();
      push({ kind, start, end: stream.previousEnd });
    } else {
      const expression = this.#expressionStatement();
      if (expression === undefined) return;
      this.#endStatement();
      push({ kind: "ExpressionStatement", start, end: stream.previousEnd, expression });
    }
  }

  /**
   * An `if` that starts a statement ends with its block unless an operator follows on the same line: `if (a) { b }` and a
   * line that starts with `(`, `[` or `-` are two statements.
   */
  #expressionStatement(): Expression | undefined {
    const stream = this.stream;
    if (!stream.at("if")) return this.#expression();
    const first = this.#if();
    if (first === undefined || stream.panicking) return undefined;
    const between = stream.source.text.slice(stream.previousEnd, stream.start);
    return between.includes("\n") ? first : this.#expression(first);
  }

  #endStatement(): void {
    if (!this.stream.panicking) this.stream.accept(";");
  }

  #expression(first?: Expression): Expression | undefined {
    const value = this.#expressions.parse(this.stream, 0, first);
    if (value !== undefined && value.depth > MAX_TREE_DEPTH) return this.#tooDeep(value);
    return value;
  }

  #tooDeep(node: MonkeyNode): undefined {
    this.stream.error(`this nests deeper than ${MAX_TREE_DEPTH} levels`, {
      code: "too-deep",
      span: { start: node.start, end: Math.min(node.end, node.start + 1) },
    });
    return undefined;
  }

  /** Runs a rule that uses the host's stack, up to the limit. */
  #nested<T>(rule: () => T | undefined): T | undefined {
    if (this.#nesting >= MAX_NESTING) {
      this.stream.error(`more than ${MAX_NESTING} blocks are open`, { code: "too-deep" });
      return undefined;
    }
    this.#nesting++;
    try {
      return rule();
    } finally {
      this.#nesting--;
    }
  }

  #name(): IdentifierNode | undefined {
    const stream = this.stream;
    if (!stream.at("name")) {
      stream.unexpected("a name");
      return undefined;
    }
    const index = stream.advance();
    return makeNode({ kind: "Identifier", ...stream.span(index), name: stream.text(index) });
  }

  #parenthesized(): Expression | undefined {
    if (!this.stream.expect("(")) return undefined;
    const value = this.#expression();
    return value !== undefined && this.stream.expect(")") ? value : undefined;
  }

  #block(): BlockNode | undefined {
    return this.#nested(() => {
      const stream = this.stream;
      const start = stream.start;
      if (!stream.expect("{")) return undefined;
      const statements: Statement[] = [];
      while (!stream.at("}")) {
        if (stream.atEnd) {
          stream.unexpected("'}'", {
            related: [{ span: { start, end: start + 1 }, message: "opened here" }],
          });
          return undefined;
        }
        this.#statement(statements);
        // The limit on nesting unwinds to the outermost statement; everything else recovers here.
        if (stream.diagnostics.at(-1)?.code === "too-deep" && stream.panicking) return undefined;
        this.#recover();
      }
      stream.advance();
      return makeNode<BlockNode>({ kind: "Block", start, end: stream.previousEnd, statements });
    });
  }

  #loopBody(): BlockNode | undefined {
    this.#loops++;
    const body = this.#block();
    this.#loops--;
    return body;
  }

  #functionBody(): BlockNode | undefined {
    const loops = this.#loops;
    this.#loops = 0;
    this.#functions++;
    const body = this.#block();
    this.#functions--;
    this.#loops = loops;
    return body;
  }

  #if(): IfNode | undefined {
    return this.#nested(() => {
      const stream = this.stream;
      const start = stream.start;
      stream.advance();
      const condition = this.#parenthesized();
      const consequence = condition && this.#block();
      if (consequence === undefined) return undefined;
      let alternative: BlockNode | null = null;
      if (stream.accept("else")) {
        const block = stream.at("if") ? this.#elseIf() : this.#block();
        if (block === undefined) return undefined;
        alternative = block;
      }
      const end = stream.previousEnd;
      return makeNode<IfNode>({
        kind: "If",
        start,
        end,
        condition: condition!,
        consequence,
        alternative,
      });
    });
  }

  #elseIf(): BlockNode | undefined {
    const expression = this.#if();
    if (expression === undefined) return undefined;
    const { start, end } = expression;
    const statement = makeNode<Statement>({ kind: "ExpressionStatement", start, end, expression });
    return makeNode<BlockNode>({ kind: "Block", start, end, statements: [statement] });
  }

  #parameters(): IdentifierNode[] | undefined {
    const stream = this.stream;
    if (!stream.expect("(")) return undefined;
    const parameters: IdentifierNode[] = [];
    const whole = stream.separated(",", ")", () => {
      const parameter = this.#name();
      if (parameter === undefined) return;
      if (parameters.some((other) => other.name === parameter.name)) {
        stream.report({
          severity: "error",
          code: "duplicate-parameter",
          message: `the parameter '${parameter.name}' is there twice`,
          span: { start: parameter.start, end: parameter.end },
        });
      }
      parameters.push(parameter);
    });
    return whole ? parameters : undefined;
  }

  #function(kind: "Function" | "Macro"): Expression | undefined {
    return this.#nested(() => {
      const stream = this.stream;
      const start = stream.start;
      stream.advance();
      const parameters = this.#parameters();
      const body = parameters && this.#functionBody();
      if (body === undefined) return undefined;
      const base = { start, end: stream.previousEnd, parameters: parameters!, body };
      return kind === "Function"
        ? makeNode<FunctionNode>({ kind, name: "", ...base })
        : makeNode<Expression>({ kind, ...base });
    });
  }

  #hash(): Expression | undefined {
    return this.#nested(() => {
      const stream = this.stream;
      const start = stream.start;
      stream.advance();
      const pairs: [Expression, Expression][] = [];
      const whole = stream.separated(",", "}", () => {
        const key = this.#expression();
        if (key === undefined || !stream.expect(":")) return;
        const value = this.#expression();
        if (value !== undefined) pairs.push([key, value]);
      }, { trailing: true });
      if (!whole) return undefined;
      return makeNode<Expression>({ kind: "Hash", start, end: stream.previousEnd, pairs });
    });
  }

  #template(): Expression | undefined {
    return this.#nested(() => {
      const stream = this.stream;
      const open = stream.advance();
      const start = stream.startOf(open);
      const parts: Expression[] = [];
      while (!stream.at("string-close")) {
        if (stream.atEnd) {
          stream.error("this string is not closed", { span: stream.span(open) });
          return undefined;
        }
        if (stream.at("string-text")) {
          const index = stream.advance();
          const span = stream.span(index);
          const value = this.#unescape(stream.text(index), span.start);
          parts.push(makeNode<Expression>({ kind: "String", ...span, value }));
          continue;
        }
        if (!stream.expect("${")) return undefined;
        const part = this.#expression();
        if (part === undefined || !stream.expect("}")) return undefined;
        parts.push(part);
      }
      stream.advance();
      return makeNode<Expression>({ kind: "Template", start, end: stream.previousEnd, parts });
    });
  }

  #string(): Expression {
    const index = this.stream.advance();
    const span = this.stream.span(index);
    const value = this.#unescape(this.stream.text(index).slice(1, -1), span.start + 1);
    return makeNode({ kind: "String", ...span, value });
  }

  #unescape(text: string, offset: number): string {
    if (!text.includes("\\")) return text;
    return text.replace(
      /\\(?:u\{([0-9a-fA-F]{1,6})\}|([^]))/g,
      (whole, hex: string | undefined, char: string, at: number) => {
        const point = hex === undefined ? 0 : parseInt(hex, 16);
        if (hex !== undefined && point <= 0x10ffff) return String.fromCodePoint(point);
        const plain = hex === undefined ? ESCAPES[char] : undefined;
        if (plain !== undefined) return plain;
        const start = offset + at;
        this.stream.report({
          severity: "error",
          code: "bad-escape",
          message: `unknown escape '${whole}'`,
          span: { start, end: start + whole.length },
          help: 'the escapes are \\n \\t \\r \\0 \\" \\\\ \\$ \\u{…}',
        });
        return "";
      },
    );
  }

  #integer(): Expression | undefined {
    const stream = this.stream;
    const index = stream.advance();
    const text = stream.text(index);
    const wide = text.length > 15 ? parseWide(text) : Number(text);
    if (wide === undefined) {
      stream.error(`the integer ${text.slice(0, 40)} does not fit into 64 bits`, {
        span: stream.span(index),
      });
      return undefined;
    }
    return makeNode({ kind: "Integer", ...stream.span(index), value: wide });
  }

  #grammar(): PrattGrammar<MonkeyToken, Expression> {
    const literal = (kind: "True" | "False" | "Null") => (stream: Stream): Expression => {
      const span = stream.span(stream.advance());
      if (kind === "Null") return makeNode({ kind: "Null", ...span });
      return makeNode({ kind: "Boolean", ...span, value: kind === "True" });
    };
    const prefix = (operator: "!" | "-") => ({
      power: 8,
      build: (token: number, right: Expression): Expression =>
        makeNode({
          kind: "Prefix",
          start: this.stream.startOf(token),
          end: right.end,
          operator,
          right,
        }),
    });
    const logical = (operator: "&&" | "||", power: number) => ({
      power,
      build: (left: Expression, _: number, right: Expression): Expression =>
        makeNode({ kind: "Logical", start: left.start, end: right.end, operator, left, right }),
    });
    const infix = (operator: InfixOperator, power: number) => ({
      power,
      build: (left: Expression, _: number, right: Expression): Expression =>
        makeNode({ kind: "Infix", start: left.start, end: right.end, operator, left, right }),
    });
    const assign = (operator: InfixOperator | null) => ({
      power: 1,
      associativity: "right" as const,
      build: (target: Expression, _: number, value: Expression): Expression | undefined => {
        if (target.kind !== "Identifier" && target.kind !== "Index") {
          this.stream.error("only a name or an element can be assigned to", { span: target });
          return undefined;
        }
        const { start } = target;
        return makeNode({ kind: "Assign", start, end: value.end, target, operator, value });
      },
    });
    return {
      atoms: {
        name: (stream) => this.#nameOrQuote(stream),
        integer: () => this.#integer(),
        float: (stream) => {
          const index = stream.advance();
          const value = Number(stream.text(index));
          return makeNode({ kind: "Float", ...stream.span(index), value });
        },
        string: () => this.#string(),
        "string-open": () => this.#template(),
        true: literal("True"),
        false: literal("False"),
        null: literal("Null"),
        if: () => this.#if(),
        fn: () => this.#function("Function"),
        macro: () => this.#function("Macro"),
        "{": () => this.#hash(),
        import: () => this.#import(),
      },
      prefix: { "!": prefix("!"), "-": prefix("-") },
      infix: {
        "||": logical("||", 2),
        "&&": logical("&&", 3),
        ...Object.fromEntries(INFIX.map(([name, power]) => [name, infix(name, power)])),
        ...Object.fromEntries(ASSIGNMENTS.map(([name, operator]) => [name, assign(operator)])),
      },
      postfix: { ".": { power: 10, build: (object) => this.#member(object) } },
      groups: {
        "(": { close: ")", build: ([inner]) => inner },
        "[": {
          close: "]",
          separator: ",",
          trailing: true,
          build: (items, open, close) =>
            makeNode({ kind: "Array", ...this.#between(open, close), items }),
        },
      },
      calls: {
        "(": {
          close: ")",
          separator: ",",
          trailing: true,
          power: 9,
          build: (args, _, close, callee) => {
            const start = callee!.start;
            const end = this.stream.endOf(close);
            return makeNode({ kind: "Call", start, end, callee: callee!, args });
          },
        },
        "[": {
          close: "]",
          power: 10,
          build: ([index], _, close, object) => {
            const start = object!.start;
            const end = this.stream.endOf(close);
            return makeNode({ kind: "Index", start, end, object: object!, index: index! });
          },
        },
      },
    };
  }

  #between(open: number, close: number): { start: number; end: number } {
    return { start: this.stream.startOf(open), end: this.stream.endOf(close) };
  }

  #member(object: Expression): Expression | undefined {
    const name = this.#name();
    if (name === undefined) return undefined;
    const { start, end } = name;
    const index = makeNode<Expression>({ kind: "String", start, end, value: name.name });
    return makeNode({ kind: "Index", start: object.start, end, object, index });
  }

  /** `quote(…)` and `unquote(…)` are syntax wherever they are called by name. */
  #nameOrQuote(stream: Stream): Expression | undefined {
    const index = stream.index;
    const name = stream.text(index);
    const isCall = stream.peek() === monkeyLexer.kind("(");
    if (!isCall || (name !== "quote" && name !== "unquote")) return this.#name();
    const start = stream.start;
    stream.advance();
    const outer = this.#holes;
    if (name === "unquote" && outer === undefined) {
      stream.error("'unquote' outside 'quote'", { span: stream.span(index) });
      return undefined;
    }
    return this.#nested(() => {
      const holes: Expression[] = [];
      this.#holes = name === "quote" ? holes : undefined;
      const inner = this.#parenthesized();
      this.#holes = outer;
      if (inner === undefined) return undefined;
      const end = stream.previousEnd;
      if (name === "unquote") {
        outer!.push(inner);
        return makeNode<HoleNode>({ kind: "Hole", start, end, index: outer!.length - 1 });
      }
      return makeNode<Expression>({ kind: "Quote", start, end, template: inner, holes });
    });
  }

  #import(): Expression | undefined {
    const stream = this.stream;
    const start = stream.start;
    stream.advance();
    if (!stream.expect("(")) return undefined;
    if (!stream.at("string")) {
      stream.unexpected("the name of a module in quotes");
      return undefined;
    }
    const specifier = this.#string();
    if (!stream.expect(")") || specifier.kind !== "String") return undefined;
    const end = stream.previousEnd;
    return makeNode({ kind: "Import", start, end, specifier: specifier.value });
  }
}

function parseWide(text: string): number | bigint | undefined {
  const digits = text.replace(/^0+(?=\d)/, "");
  if (digits.length > 19) return undefined;
  const value = BigInt(digits);
  if (value > 0x7fffffffffffffffn) return undefined;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
