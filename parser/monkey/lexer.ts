import { Lexer, type TokenRule } from "../mod.ts";

const KEYWORDS = [
  "fn",
  "let",
  "true",
  "false",
  "null",
  "if",
  "else",
  "return",
  "while",
  "for",
  "in",
  "break",
  "continue",
  "macro",
  "import",
] as const;

const SYMBOLS = [
  "=",
  "+",
  "-",
  "!",
  "*",
  "/",
  "%",
  "==",
  "!=",
  "<",
  ">",
  "<=",
  ">=",
  "&&",
  "||",
  "+=",
  "-=",
  "*=",
  "/=",
  "%=",
  ",",
  ";",
  ":",
  ".",
  "(",
  ")",
  "[",
  "]",
] as const;

/** Kinds of Monkey's tokens: keywords and symbols are called what they look like. */
export type MonkeyToken =
  | "fn"
  | "let"
  | "true"
  | "false"
  | "null"
  | "if"
  | "else"
  | "return"
  | "while"
  | "for"
  | "in"
  | "break"
  | "continue"
  | "macro"
  | "import"
  | "="
  | "+"
  | "-"
  | "!"
  | "*"
  | "/"
  | "%"
  | "=="
  | "!="
  | "<"
  | ">"
  | "<="
  | ">="
  | "&&"
  | "||"
  | "+="
  | "-="
  | "*="
  | "/="
  | "%="
  | ","
  | ";"
  | ":"
  | "."
  | "("
  | ")"
  | "["
  | "]"
  | "space"
  | "comment"
  | "{"
  | "}"
  | "${"
  | "name"
  | "integer"
  | "float"
  | "string"
  | "string-open"
  | "string-text"
  | "string-close";

// A string body is plain characters, escapes, and dollar signs that no brace follows.
const BODY = '([^"\\\\$]|\\$*\\\\[^]|\\$+[^"\\\\${])';

const RULES: TokenRule<MonkeyToken>[] = [
  { name: "space", pattern: "[ \\t\\r\\n\\f\\u{feff}]+", skip: true },
  { name: "comment", pattern: "//[^\\n]*", skip: true },
  { name: "comment", pattern: "/\\*([^*]|\\*+[^*/])*\\*+/", skip: true },
  ...KEYWORDS.map((name) => ({ name, literal: name })),
  { name: "name", pattern: "[\\p{L}_][\\p{L}\\p{Mn}\\p{Nd}_]*" },
  { name: "integer", pattern: "\\d+" },
  { name: "float", pattern: "\\d+\\.\\d+([eE][+\\-]?\\d+)?|\\d+[eE][+\\-]?\\d+" },
  ...SYMBOLS.map((name) => ({ name, literal: name })),
  { name: "{", literal: "{", push: "main" },
  { name: "}", literal: "}", pop: true },
  { name: "string", pattern: `"${BODY}*\\$*"` },
  { name: "string-open", literal: '"', push: "string" },
  { name: "string-text", pattern: `${BODY}+|\\$`, modes: ["string"] },
  { name: "${", literal: "${", modes: ["string"], push: "main" },
  { name: "string-close", literal: '"', modes: ["string"], pop: true },
];

/**
 * The lexer of Monkey. A string without interpolation is one `string` token; one with it is `string-open`, then
 * `string-text` and `${` … `}` in turn, then `string-close`. A `/*` that is never closed is two operators, as in the books.
 */
export const monkeyLexer: Lexer<MonkeyToken> = new Lexer(RULES);

/** A token with its text; what {@linkcode tokenizeMonkey} returns. */
export interface MonkeyTokenText {
  /** Its kind, or `error`, or `end`. */
  readonly kind: MonkeyToken | "error" | "end";
  /** Its characters. */
  readonly text: string;
  /** Offset of the first character. */
  readonly start: number;
}

/** Splits a program into tokens; for highlighting and for reading along. Comments and white space are left out. */
export function tokenizeMonkey(source: string): MonkeyTokenText[] {
  const tokens = monkeyLexer.tokenize(source);
  return Array.from({ length: tokens.length }, (_, i) => ({
    kind: monkeyLexer.nameOf(tokens.kinds[i]!) as MonkeyToken | "error" | "end",
    text: source.slice(tokens.starts[i]!, tokens.ends[i]!),
    start: tokens.starts[i]!,
  }));
}
