import { fold, group, hardLine, indent, join, line, printDocument, softLine } from "../mod.ts";
import type { Document } from "../mod.ts";
import { childrenOf, type MonkeyNode } from "./ast.ts";

/**
 * Prints a tree on one line with every grouping in parentheses, as the books do: `-a * b` is `((-a) * b)`.
 */
export function printNode(node: MonkeyNode): string {
  return fold(node, childrenOf, (at: MonkeyNode, parts: string[]): string => {
    switch (at.kind) {
      case "Integer":
        return String(at.value);
      case "Float":
        return formatFloat(at.value);
      case "Boolean":
        return String(at.value);
      case "Null":
        return "null";
      case "String":
        return quoteString(at.value);
      case "Template":
        return `"${
          at.parts.map((part, i) =>
            part.kind === "String" ? escapeString(part.value) : `\${${parts[i]}}`
          ).join("")
        }"`;
      case "Identifier":
        return at.name;
      case "Prefix":
        return `(${at.operator}${parts[0]})`;
      case "Infix":
      case "Logical":
        return `(${parts[0]} ${at.operator} ${parts[1]})`;
      case "If":
        return `if (${parts[0]}) ${parts[1]}${parts.length > 2 ? ` else ${parts[2]}` : ""}`;
      case "Function":
      case "Macro": {
        const keyword = at.kind === "Function" ? "fn" : "macro";
        return `${keyword}(${parts.slice(0, -1).join(", ")}) ${parts.at(-1)}`;
      }
      case "Call":
        return `${parts[0]}(${parts.slice(1).join(", ")})`;
      case "Array":
        return `[${parts.join(", ")}]`;
      case "Hash":
        return `{${at.pairs.map((_, i) => `${parts[2 * i]}: ${parts[2 * i + 1]}`).join(", ")}}`;
      case "Index":
        return `(${parts[0]}[${parts[1]}])`;
      case "Assign":
        return `(${parts[0]} ${at.operator ?? ""}= ${parts[1]})`;
      case "Quote":
        return `quote(${fillHoles(parts[0]!, parts.slice(1))})`;
      case "Hole":
        return `\u0000${at.index}\u0000`;
      case "Import":
        return `import(${quoteString(at.specifier)})`;
      case "Let":
        return `let ${parts[0]} = ${parts[1]};`;
      case "Return":
        return parts.length === 0 ? "return;" : `return ${parts[0]};`;
      case "ExpressionStatement":
        return parts[0]!;
      case "While":
        return `while (${parts[0]}) ${parts[1]}`;
      case "For":
        return `for (${parts[0]} in ${parts[1]}) ${parts[2]}`;
      case "Break":
        return "break;";
      case "Continue":
        return "continue;";
      case "Block":
        return parts.length === 0 ? "{ }" : `{ ${parts.join(" ")} }`;
      case "Program":
        return parts.join("");
    }
  });
}

function fillHoles(text: string, holes: readonly string[]): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\u0000(\d+)\u0000/g, (_, index) => `unquote(${holes[Number(index)]})`);
}

/** Writes a float so that it reads back as a float: `1.0`, `1e+21`, `NaN`. */
export function formatFloat(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${Object.is(value, -0) ? "-0" : text}.0` : text;
}

/** Writes a string literal. */
export function quoteString(text: string): string {
  return `"${escapeString(text)}"`;
}

function escapeString(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/["\\\u0000-\u001f\u007f]|\$(?=\{)/g, (char) => {
    if (char === '"' || char === "\\" || char === "$") return `\\${char}`;
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    if (char === "\r") return "\\r";
    return `\\u{${char.charCodeAt(0).toString(16)}}`;
  });
}

const POWER: Record<string, number> = {
  "||": 2,
  "&&": 3,
  "==": 4,
  "!=": 4,
  "<": 5,
  ">": 5,
  "<=": 5,
  ">=": 5,
  "+": 6,
  "-": 6,
  "*": 7,
  "/": 7,
  "%": 7,
};

function powerOf(node: MonkeyNode): number {
  if (node.kind === "Assign") return 1;
  if (node.kind === "Infix" || node.kind === "Logical") return POWER[node.operator]!;
  if (node.kind === "Prefix") return 8;
  return 10;
}

/**
 * Formats a program: one statement a line, two spaces a level, only the parentheses that are needed, lists broken where
 * they do not fit. Comments are not in the tree and are lost.
 *
 * @example
 * ```ts
 * import { formatProgram, parseMonkey } from "@groundwork/std/parser/monkey";
 * import { assertEquals } from "@std/assert";
 *
 * const { program } = parseMonkey("let f=fn(x){if(x<(1+2)){return x}; ((x*2))+1}; f( 3 )");
 * assertEquals(formatProgram(program), `let f = fn(x) {
 *   if (x < 1 + 2) {
 *     return x;
 *   }
 *   x * 2 + 1;
 * };
 * f(3);
 * `);
 * ```
 */
export function formatProgram(program: MonkeyNode, width = 80): string {
  const document = fold(program, childrenOf, formatNode);
  return `${printDocument(document, { width })}\n`;
}

function formatNode(node: MonkeyNode, parts: Document[]): Document {
  const wrap = (child: MonkeyNode, document: Document, power: number): Document =>
    powerOf(child) < power ? ["(", document, ")"] : document;
  switch (node.kind) {
    case "Template":
      return printNode(node);
    case "Prefix":
      return [node.operator, wrap(node.right, parts[0]!, 8)];
    case "Infix":
    case "Logical": {
      const power = POWER[node.operator]!;
      const left = wrap(node.left, parts[0]!, power);
      return group(left, ` ${node.operator}`, line, wrap(node.right, parts[1]!, power + 1));
    }
    case "If": {
      const tail = node.alternative === null ? [] : [" else ", parts[2]!];
      return ["if (", parts[0]!, ") ", parts[1]!, tail];
    }
    case "Function":
    case "Macro": {
      const keyword = node.kind === "Function" ? "fn(" : "macro(";
      return [keyword, join(", ", parts.slice(0, -1)), ") ", parts.at(-1)!];
    }
    case "Call":
      return [wrap(node.callee, parts[0]!, 10), bracketed("(", parts.slice(1), ")")];
    case "Array":
      return bracketed("[", parts, "]");
    case "Hash":
      return bracketed(
        "{",
        node.pairs.map((_, i) => [parts[2 * i]!, ": ", parts[2 * i + 1]!]),
        "}",
      );
    case "Index":
      return [wrap(node.object, parts[0]!, 10), "[", parts[1]!, "]"];
    case "Assign":
      return [parts[0]!, ` ${node.operator ?? ""}= `, parts[1]!];
    case "Quote":
      return printNode(node);
    case "Let":
      return ["let ", parts[0]!, " = ", parts[1]!, ";"];
    case "Return":
      return parts.length === 0 ? "return;" : ["return ", parts[0]!, ";"];
    case "ExpressionStatement":
      return node.expression.kind === "If" ? parts[0]! : [parts[0]!, ";"];
    case "While":
      return ["while (", parts[0]!, ") ", parts[1]!];
    case "For":
      return ["for (", parts[0]!, " in ", parts[1]!, ") ", parts[2]!];
    case "Block":
      if (parts.length === 0) return "{}";
      return ["{", indent(hardLine, join(hardLine, parts)), hardLine, "}"];
    case "Program":
      return join(hardLine, parts);
    default:
      return printNode(node);
  }
}

function bracketed(open: string, items: readonly Document[], close: string): Document {
  if (items.length === 0) return open + close;
  return group(open, indent(softLine, join([",", line], items)), softLine, close);
}
