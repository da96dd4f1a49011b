/**
 * Monkey: the language of "Writing An Interpreter In Go" and "Writing A Compiler In Go" (Thorsten Ball), with what a usable
 * language needs beside it, and five ways to run it that agree.
 *
 * @module
 */
export { childrenOf, depthOf, MAX_TREE_DEPTH } from "./ast.ts";
export type {
  ArrayNode,
  AssignNode,
  BlockNode,
  BooleanNode,
  BreakNode,
  CallNode,
  ContinueNode,
  Expression,
  ExpressionStatementNode,
  FloatNode,
  ForNode,
  FunctionNode,
  HashNode,
  HoleNode,
  IdentifierNode,
  IfNode,
  ImportNode,
  IndexNode,
  InfixNode,
  InfixOperator,
  IntegerNode,
  LetNode,
  LogicalNode,
  MacroNode,
  MonkeyNode,
  NodeBase,
  NullNode,
  PrefixNode,
  ProgramNode,
  QuoteNode,
  ReturnNode,
  Statement,
  StringNode,
  TemplateNode,
  WhileNode,
} from "./ast.ts";
export * from "./debugger.ts";
export * from "./errors.ts";
export type { HostValue } from "./host.ts";
export * from "./lexer.ts";
export * from "./monkey.ts";
export * from "./parser.ts";
export * from "./print.ts";
export * from "./repl.ts";
export { checkTypes } from "./types.ts";
export {
  type HashKey,
  inspect,
  MonkeyArray,
  MonkeyBuiltin,
  MonkeyErrorValue,
  MonkeyFloat,
  MonkeyFunction,
  MonkeyHash,
  MonkeyQuote,
  typeName,
  type Value,
} from "./values.ts";
export type { MonkeyFiles } from "./_builtins.ts";
export {
  type Diagnostic,
  type DiagnosticLabel,
  Lexer,
  type LexerOptions,
  type Severity,
  type SourcePosition,
  SourceText,
  type Span,
  TokenBuffer,
  type TokenRule,
} from "../mod.ts";
