/**
 * Reads template source into a tree. The language is that of Go's text/template: actions between
 * `{{` and `}}`, pipelines, `if`, `range`, `with`, `define`, `template`, `block`, `break`,
 * `continue`, variables, comments and trim markers, and one addition, `extends`.
 */
import { TemplateError, type TemplateSource } from "./_template_error.ts";

/** Deepest nesting of blocks, and of parentheses. */
export const MAX_NESTING = 100;

/** A value in a command: what it starts from, then the names looked up on it. */
export interface Operand {
  offset: number;
  base:
    | { kind: "dot" }
    | { kind: "variable"; name: string }
    | { kind: "literal"; value: unknown }
    | { kind: "function"; name: string }
    | { kind: "pipe"; pipe: Pipe };
  path: string[];
}

/** Commands whose results are handed to the next as its last argument. */
export interface Pipe {
  offset: number;
  /** Variables that take the result (two only in `range`). */
  variables: string[];
  /** Whether `variables` are declared (`:=`) rather than assigned (`=`). */
  declares: boolean;
  commands: Operand[][];
}

/** Text between actions. Offsets of nodes are in UTF-16 code units of the source. */
export interface TextNode {
  kind: "text";
  offset: number;
  text: string;
}

/** A pipeline whose result is written, or set to a variable. */
export interface ActionNode {
  kind: "action";
  offset: number;
  pipe: Pipe;
}

/** `if`, `with` or `range` with its two bodies. */
export interface BranchNode {
  kind: "branch";
  keyword: "if" | "with" | "range";
  offset: number;
  pipe: Pipe;
  body: Node[];
  otherwise: Node[];
}

/** `template`, and what `block` leaves where it stands. */
export interface CallNode {
  kind: "template";
  offset: number;
  name: string;
  pipe: Pipe | undefined;
}

/** Leaves a turn of a loop, or the loop. */
export interface ExitNode {
  kind: "exit";
  keyword: "break" | "continue";
  offset: number;
}

/** A node of the tree. */
export type Node = TextNode | ActionNode | BranchNode | CallNode | ExitNode;

/** A named body within a file. */
export interface Definition {
  source: TemplateSource;
  name: string;
  body: Node[];
}

/** What a file holds: its own body, the templates it defines, and the layout it extends. */
export interface ParsedFile {
  source: TemplateSource;
  main: Definition;
  definitions: Map<string, Definition>;
  layout: { name: string; offset: number } | undefined;
}

interface Token {
  kind: "name" | "field" | "variable" | "string" | "number" | "symbol";
  /** For a field its name; for strings and numbers the source. */
  text: string;
  value?: string | number;
  offset: number;
  /** Whether white space came before. */
  spaced: boolean;
}

const KEYWORDS = new Set([
  "if",
  "else",
  "end",
  "range",
  "with",
  "define",
  "template",
  "block",
  "break",
  "continue",
  "extends",
]);

const SPACE = /[ \t\r\n]/;
const NAME_START = /[\p{L}_]/u;
const NAME = /[\p{L}\p{N}_]*/uy;
const NUMBER = /[+-]?(?:0[xX][\da-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;

/** Reads one file. Throws `ERR_TEMPLATE_SYNTAX`, or `ERR_TEMPLATE_LIMIT` for too deep a nesting. */
export function parseTemplate(source: TemplateSource): ParsedFile {
  return new Parser(source).parse();
}

class Parser {
  readonly #source: TemplateSource;
  readonly #text: string;
  #at = 0;
  #tokens: Token[] = [];
  #next = 0;
  #actionOffset = 0;
  #actionEnd = 0;
  #depth = 0;
  readonly #definitions = new Map<string, Definition>();
  #layout: ParsedFile["layout"];

  constructor(source: TemplateSource) {
    this.#source = source;
    this.#text = source.text;
  }

  parse(): ParsedFile {
    const { nodes, end } = this.#parseList(false);
    if (end !== undefined) this.#fail(`unexpected {{${end}}}`, this.#actionOffset);
    if (this.#layout !== undefined) {
      for (const node of nodes) {
        if (node.kind !== "text" || node.text.trim() !== "") {
          this.#fail(
            "a template that extends a layout may hold only definitions at its top level",
            node.offset,
          );
        }
      }
    }
    const main: Definition = { source: this.#source, name: this.#source.name, body: nodes };
    return {
      source: this.#source,
      main,
      definitions: this.#definitions,
      layout: this.#layout,
    };
  }

  #fail(message: string, offset: number): never {
    throw new TemplateError("ERR_TEMPLATE_SYNTAX", message, this.#source, offset);
  }

  #enter(offset: number): void {
    if (++this.#depth > MAX_NESTING) {
      throw new TemplateError(
        "ERR_TEMPLATE_LIMIT",
        `nesting is deeper than ${MAX_NESTING}`,
        this.#source,
        offset,
      );
    }
  }

  /** Nodes up to `{{end}}` or `{{else…}}`, which is returned with its tokens still unread. */
  #parseList(inLoop: boolean): { nodes: Node[]; end: "end" | "else" | undefined } {
    const nodes: Node[] = [];
    let trimNext = false;
    const text = this.#text;
    const addText = (from: number, to: number, trimEnd: boolean): void => {
      let start = from;
      let stop = to;
      if (trimNext) { while (start < stop && SPACE.test(text[start]!)) start++; }
      if (trimEnd) { while (stop > start && SPACE.test(text[stop - 1]!)) stop--; }
      if (start === stop) return;
      const last = nodes.at(-1);
      // Text on both sides of a comment is one text: markup may go on across it.
      if (last?.kind === "text") last.text += text.slice(start, stop);
      else nodes.push({ kind: "text", offset: start, text: text.slice(start, stop) });
    };
    while (true) {
      const from = this.#at;
      if (this.#trimPending) {
        trimNext = true;
        this.#trimPending = false;
      }
      const open = text.indexOf("{{", from);
      if (open < 0) {
        addText(from, text.length, false);
        this.#at = text.length;
        return { nodes, end: undefined };
      }
      const trims = text[open + 2] === "-" && SPACE.test(text[open + 3] ?? "");
      addText(from, open, trims);
      trimNext = false;
      this.#actionOffset = open;
      this.#readAction(open, open + 2 + (trims ? 1 : 0));
      this.#at = this.#actionEnd;
      if (this.#tokens.length === 0) continue;
      const first = this.#tokens[0]!;
      const keyword = first.kind === "name" && KEYWORDS.has(first.text) ? first.text : "";
      if (keyword === "end" || keyword === "else") {
        this.#next = 1;
        return { nodes, end: keyword };
      }
      const node = this.#parseAction(keyword, first.offset, inLoop);
      if (node !== undefined) nodes.push(node);
    }
  }

  #trimPending = false;

  #parseAction(keyword: string, offset: number, inLoop: boolean): Node | undefined {
    if (keyword === "") {
      this.#next = 0;
      const pipe = this.#parsePipe(false);
      this.#finish();
      return { kind: "action", offset, pipe };
    }
    this.#next = 1;
    switch (keyword) {
      case "if":
      case "with":
      case "range":
        return this.#parseBranch(keyword, offset, inLoop);
      case "break":
      case "continue":
        this.#finish();
        if (!inLoop) this.#fail(`{{${keyword}}} outside {{range}}`, offset);
        return { kind: "exit", keyword, offset };
      case "extends": {
        const name = this.#name("extends");
        this.#finish();
        if (this.#layout !== undefined || this.#depth > 0) {
          this.#fail("{{extends}} must stand once, at the top level", offset);
        }
        this.#layout = { name, offset };
        return undefined;
      }
      case "template": {
        const name = this.#name("template");
        const pipe = this.#next < this.#tokens.length ? this.#parsePipe(false) : undefined;
        this.#finish();
        return { kind: "template", offset, name, pipe };
      }
      case "define": {
        const name = this.#name("define");
        this.#finish();
        if (this.#depth > 0) this.#fail("{{define}} must stand at the top level", offset);
        this.#define(name, offset);
        return undefined;
      }
      default: {
        const name = this.#name("block");
        const pipe = this.#parsePipe(false);
        this.#finish();
        this.#define(name, offset);
        return { kind: "template", offset, name, pipe };
      }
    }
  }

  #define(name: string, offset: number): void {
    if (this.#definitions.has(name)) this.#fail(`template "${name}" is defined twice`, offset);
    this.#enter(offset);
    const { nodes, end } = this.#parseList(false);
    if (end !== "end") this.#fail(`{{define}} or {{block}} "${name}" has no {{end}}`, offset);
    this.#finish();
    this.#depth--;
    if (this.#definitions.has(name)) this.#fail(`template "${name}" is defined twice`, offset);
    this.#definitions.set(name, { source: this.#source, name, body: nodes });
  }

  #parseBranch(kind: "if" | "with" | "range", offset: number, inLoop: boolean): Node {
    this.#enter(offset);
    const pipe = this.#parsePipe(kind === "range");
    this.#finish();
    const { nodes: body, end } = this.#parseList(inLoop || kind === "range");
    let otherwise: Node[] = [];
    if (end === undefined) this.#fail(`{{${kind}}} has no {{end}}`, offset);
    if (end === "else") {
      const next = this.#tokens[1];
      const chained = next?.kind === "name" && (next.text === "if" || next.text === "with");
      if (chained && next.text === kind) {
        // {{else if}} nests; the {{end}} of the inner one closes both.
        this.#next = 2;
        otherwise = [this.#parseBranch(kind, next.offset, inLoop)];
        this.#depth--;
        return { kind: "branch", keyword: kind, offset, pipe, body, otherwise };
      }
      this.#finish();
      const rest = this.#parseList(inLoop);
      if (rest.end !== "end") {
        this.#fail(
          rest.end === "else" ? "{{else}} after {{else}}" : `{{${kind}}} has no {{end}}`,
          rest.end === "else" ? this.#actionOffset : offset,
        );
      }
      otherwise = rest.nodes;
    }
    this.#finish();
    this.#depth--;
    return { kind: "branch", keyword: kind, offset, pipe, body, otherwise };
  }

  #name(keyword: string): string {
    const token = this.#tokens[this.#next++];
    if (token?.kind !== "string") {
      this.#fail(`{{${keyword}}} wants a name in quotes`, token?.offset ?? this.#actionOffset);
    }
    return token.value as string;
  }

  /** Refuses tokens that nothing read. */
  #finish(): void {
    const token = this.#tokens[this.#next];
    if (token !== undefined) this.#fail(`unexpected "${token.text}"`, token.offset);
  }

  #isSymbol(index: number, symbol: string): boolean {
    const token = this.#tokens[index];
    return token?.kind === "symbol" && token.text === symbol;
  }

  #parsePipe(isRange: boolean): Pipe {
    const first = this.#tokens[this.#next];
    const offset = first?.offset ?? this.#actionOffset;
    const pipe: Pipe = { offset, variables: [], declares: false, commands: [] };
    if (first?.kind === "variable") {
      let at = this.#next + 1;
      const variables = [first.text];
      if (isRange && this.#isSymbol(at, ",") && this.#tokens[at + 1]?.kind === "variable") {
        variables.push(this.#tokens[at + 1]!.text);
        at += 2;
      }
      if (this.#isSymbol(at, ":=") || this.#isSymbol(at, "=")) {
        pipe.variables = variables;
        pipe.declares = this.#isSymbol(at, ":=");
        this.#next = at + 1;
      }
    }
    pipe.commands.push(this.#parseCommand());
    while (this.#isSymbol(this.#next, "|")) {
      this.#next++;
      const at = this.#next;
      const command = this.#parseCommand();
      if (command[0]!.base.kind === "literal") {
        this.#fail("a literal cannot take a piped value", this.#tokens[at]!.offset);
      }
      pipe.commands.push(command);
    }
    return pipe;
  }

  #parseCommand(): Operand[] {
    const operands: Operand[] = [];
    while (this.#next < this.#tokens.length) {
      const token = this.#tokens[this.#next]!;
      if (token.kind === "symbol" && (token.text === "|" || token.text === ")")) break;
      if (operands.length > 0 && !token.spaced) {
        this.#fail(`unexpected "${token.text}"`, token.offset);
      }
      operands.push(this.#parseOperand());
    }
    if (operands.length === 0) {
      const token = this.#tokens[this.#next] ?? this.#tokens.at(-1);
      this.#fail("missing value", token?.offset ?? this.#actionOffset);
    }
    return operands;
  }

  #parseOperand(): Operand {
    const token = this.#tokens[this.#next++]!;
    const { offset } = token;
    const path: string[] = [];
    let base: Operand["base"];
    switch (token.kind) {
      case "field":
        base = { kind: "dot" };
        if (token.text !== "") path.push(token.text);
        break;
      case "variable":
        base = { kind: "variable", name: token.text };
        break;
      case "string":
      case "number":
        return { offset, base: { kind: "literal", value: token.value }, path };
      case "name":
        if (token.text === "true" || token.text === "false") {
          return { offset, base: { kind: "literal", value: token.text === "true" }, path };
        }
        if (token.text === "nil" || token.text === "null") {
          return { offset, base: { kind: "literal", value: null }, path };
        }
        if (KEYWORDS.has(token.text)) this.#fail(`unexpected {{${token.text}}}`, offset);
        return { offset, base: { kind: "function", name: token.text }, path };
      case "symbol": {
        if (token.text !== "(") this.#fail(`unexpected "${token.text}"`, offset);
        this.#enter(offset);
        const pipe = this.#parsePipe(false);
        if (pipe.variables.length > 0) {
          this.#fail("a variable cannot be set in parentheses", offset);
        }
        if (!this.#isSymbol(this.#next, ")")) this.#fail("this parenthesis is not closed", offset);
        this.#next++;
        this.#depth--;
        base = { kind: "pipe", pipe };
      }
    }
    while (true) {
      const field = this.#tokens[this.#next];
      if (field?.kind !== "field" || field.spaced || field.text === "") break;
      path.push(field.text);
      this.#next++;
    }
    return { offset, base, path };
  }

  /** Tokens of the action whose inside starts at `at`; sets where it ends. */
  #readAction(open: number, start: number): void {
    const text = this.#text;
    this.#tokens = [];
    let at = start;
    let spaced = false;
    if (text.startsWith("/*", skipSpace(text, at))) {
      const close = text.indexOf("*/", skipSpace(text, at) + 2);
      if (close < 0) this.#fail("this comment is not closed", open);
      at = close + 2;
      const match = /(?:[ \t\r\n]+(-))?[ \t\r\n]*\}\}/y;
      match.lastIndex = at;
      const found = match.exec(text);
      if (found === null) this.#fail("a comment must be all of its action", open);
      this.#trimPending = found[1] !== undefined;
      this.#actionEnd = match.lastIndex;
      return;
    }
    while (true) {
      const char = text[at];
      if (char === undefined) this.#fail("this action is not closed", open);
      if (SPACE.test(char)) {
        if (text.startsWith("-}}", at + 1)) {
          this.#trimPending = true;
          at += 4;
          break;
        }
        spaced = true;
        at++;
        continue;
      }
      if (text.startsWith("}}", at)) {
        at += 2;
        break;
      }
      const token = this.#readToken(at, spaced);
      this.#tokens.push(token);
      at = this.#tokenEnd;
      spaced = false;
    }
    if (this.#tokens.length === 0) this.#fail("this action is empty", open);
    this.#actionEnd = at;
  }

  #tokenEnd = 0;

  #readToken(offset: number, spaced: boolean): Token {
    const text = this.#text;
    const char = text[offset]!;
    if (char === '"' || char === "`") return this.#readString(char, offset, spaced);
    if (char === "." || char === "$") {
      const name = matchAt(NAME, text, offset + 1);
      if (char === "." && /^\d/.test(name)) this.#fail(`bad number ".${name}"`, offset);
      this.#tokenEnd = offset + 1 + name.length;
      return char === "."
        ? { kind: "field", text: name, offset, spaced }
        : { kind: "variable", text: "$" + name, offset, spaced };
    }
    const number = matchAt(NUMBER, text, offset);
    if (number !== "") {
      this.#tokenEnd = offset + number.length;
      const after = text.codePointAt(this.#tokenEnd);
      if (after !== undefined && /[\p{L}\p{N}_.]/u.test(String.fromCodePoint(after))) {
        this.#fail(`bad number "${number}${String.fromCodePoint(after)}"`, offset);
      }
      const sign = number.startsWith("-") ? -1 : 1;
      const value = sign * Number(number.replace(/^[+-]/, ""));
      return { kind: "number", text: number, value, offset, spaced };
    }
    if (NAME_START.test(String.fromCodePoint(text.codePointAt(offset)!))) {
      const name = matchAt(NAME, text, offset);
      this.#tokenEnd = offset + name.length;
      return { kind: "name", text: name, offset, spaced };
    }
    const symbol = text.startsWith(":=", offset) ? ":=" : char;
    if (!"|(),=:=".includes(symbol) || symbol === ":") this.#fail(`unexpected "${char}"`, offset);
    this.#tokenEnd = offset + symbol.length;
    return { kind: "symbol", text: symbol, offset, spaced };
  }

  #readString(quote: string, offset: number, spaced: boolean): Token {
    const text = this.#text;
    let end = offset + 1;
    while (text[end] !== quote) {
      if (end >= text.length || (quote === '"' && text[end] === "\n")) {
        this.#fail("this string is not closed", offset);
      }
      end += quote === '"' && text[end] === "\\" ? 2 : 1;
    }
    this.#tokenEnd = end + 1;
    const raw = text.slice(offset, end + 1);
    let value = raw.slice(1, -1);
    if (quote === '"') {
      try {
        value = JSON.parse(raw.replaceAll("\t", "\\t"));
      } catch {
        this.#fail(`bad escape in ${raw}`, offset);
      }
    }
    return { kind: "string", text: raw, value, offset, spaced };
  }
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && SPACE.test(text[at]!)) at++;
  return at;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
