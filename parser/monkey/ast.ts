import type { SourceText } from "../mod.ts";

/** What every node of a Monkey syntax tree has. */
export interface NodeBase {
  /** Offset of the first character in the source. */
  readonly start: number;
  /** Offset behind the last character. */
  readonly end: number;
  /** Height of the tree below, 1 for a leaf. The parser and `quote` refuse trees beyond {@linkcode MAX_TREE_DEPTH}. */
  readonly depth: number;
}

/** A tree may not be higher than this; it keeps every pass over trees within the host's stack. */
export const MAX_TREE_DEPTH = 1000;

/** `5`; a bigint where a double would not be exact. */
export interface IntegerNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Integer";
  /** Its value. */
  readonly value: number | bigint;
}
/** `1.5` */
export interface FloatNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Float";
  /** Its value. */
  readonly value: number;
}
/** `true`, `false` */
export interface BooleanNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Boolean";
  /** Its value. */
  readonly value: boolean;
}
/** `null` */
export interface NullNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Null";
}
/** `"text"`, escapes resolved */
export interface StringNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "String";
  /** Its value. */
  readonly value: string;
}
/** `"a ${b} c"` */
export interface TemplateNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Template";
  /** Text and expressions in turn. */
  readonly parts: readonly Expression[];
}
/** `name` */
export interface IdentifierNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Identifier";
  /** The name. */
  readonly name: string;
  /**
   * Where the value lives; set by the resolver.
   * @ignore
   */
  binding?: Binding;
  /** Whether the value may not be there yet; set by the resolver. */
  unsure?: boolean;
}
/** `!a`, `-a` */
export interface PrefixNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Prefix";
  /** The operator. */
  readonly operator: "!" | "-";
  /** The right operand. */
  readonly right: Expression;
}
/** Operators that evaluate both sides. */
export type InfixOperator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | ">" | "<=" | ">=";
/** `a + b` */
export interface InfixNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Infix";
  /** The operator. */
  readonly operator: InfixOperator;
  /** The left operand. */
  readonly left: Expression;
  /** The right operand. */
  readonly right: Expression;
}
/** `a && b`, `a || b`: the right side is evaluated only if it is needed */
export interface LogicalNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Logical";
  /** The operator. */
  readonly operator: "&&" | "||";
  /** The left operand. */
  readonly left: Expression;
  /** The right operand. */
  readonly right: Expression;
}
/** `if (a) { b } else { c }`; `else if` is an alternative with one statement */
export interface IfNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "If";
  /** What is tested. */
  readonly condition: Expression;
  /** Runs if it holds. */
  readonly consequence: BlockNode;
  /** Runs if it does not; null where there is none. */
  readonly alternative: BlockNode | null;
}
/** `fn(a, b) { … }` */
export interface FunctionNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Function";
  /** Name of the `let` it is the value of, or `""`. */
  readonly name: string;
  /** The parameters. */
  readonly parameters: readonly IdentifierNode[];
  /** The body. */
  readonly body: BlockNode;
  /**
   * Slots and captures; set by the resolver.
   * @ignore
   */
  code?: FunctionCode;
}
/** `macro(a) { … }` */
export interface MacroNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Macro";
  /** The parameters. */
  readonly parameters: readonly IdentifierNode[];
  /** The body. */
  readonly body: BlockNode;
}
/** `f(a, b)` */
export interface CallNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Call";
  /** What is called. */
  readonly callee: Expression;
  /** The arguments. */
  readonly args: readonly Expression[];
}
/** `[a, b]` */
export interface ArrayNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Array";
  /** The elements. */
  readonly items: readonly Expression[];
}
/** `{a: b}` */
export interface HashNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Hash";
  /** Keys and values. */
  readonly pairs: readonly (readonly [Expression, Expression])[];
}
/** `a[b]`, and `a.b` with a string for the index */
export interface IndexNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Index";
  /** What is indexed. */
  readonly object: Expression;
  /** The index. */
  readonly index: Expression;
}
/** `a = b`, `a[i] = b`; `a += b` is `a = a + b` with `operator` set and the target evaluated once */
export interface AssignNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Assign";
  /** What is assigned to. */
  readonly target: IdentifierNode | IndexNode;
  /** The operator. */
  readonly operator: InfixOperator | null;
  /** Its value. */
  readonly value: Expression;
}
/** `quote(a)`; `holes` are the operands of the `unquote`s inside, in order, where `template` has {@linkcode HoleNode}s */
export interface QuoteNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Quote";
  /** The quoted tree. */
  readonly template: Expression;
  /** What is unquoted. */
  readonly holes: readonly Expression[];
}
/** Stands in a quoted tree for the value of an `unquote` */
export interface HoleNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Hole";
  /** The index. */
  readonly index: number;
}
/** `import("name")` */
export interface ImportNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Import";
  /** Name of the module. */
  readonly specifier: string;
}
/** What has a value. */
export type Expression =
  | IntegerNode
  | FloatNode
  | BooleanNode
  | NullNode
  | StringNode
  | TemplateNode
  | IdentifierNode
  | PrefixNode
  | InfixNode
  | LogicalNode
  | IfNode
  | FunctionNode
  | MacroNode
  | CallNode
  | ArrayNode
  | HashNode
  | IndexNode
  | AssignNode
  | QuoteNode
  | HoleNode
  | ImportNode;

/** `let a = b;` */
export interface LetNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Let";
  /** The name. */
  readonly name: IdentifierNode;
  /** Its value. */
  readonly value: Expression;
}
/** `return a;` */
export interface ReturnNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Return";
  /** Its value. */
  readonly value: Expression | null;
}
/** An expression for its effect, or the value of a block if it is last. */
export interface ExpressionStatementNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "ExpressionStatement";
  /** The expression. */
  readonly expression: Expression;
}
/** `while (a) { … }` */
export interface WhileNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "While";
  /** What is tested. */
  readonly condition: Expression;
  /** The body. */
  readonly body: BlockNode;
}
/** `for (a in b) { … }` */
export interface ForNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "For";
  /** The name. */
  readonly name: IdentifierNode;
  /** What is walked over. */
  readonly iterable: Expression;
  /** The body. */
  readonly body: BlockNode;
  /**
   * Slot of the iterator; set by the resolver.
   * @ignore
   */
  iterator?: Binding;
}
/** `break;` */
export interface BreakNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Break";
}
/** `continue;` */
export interface ContinueNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Continue";
}
/** What stands in a block. */
export type Statement =
  | LetNode
  | ReturnNode
  | ExpressionStatementNode
  | WhileNode
  | ForNode
  | BreakNode
  | ContinueNode;

/** `{ … }` */
export interface BlockNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Block";
  /** The statements. */
  readonly statements: readonly Statement[];
}
/** A whole file. */
export interface ProgramNode extends NodeBase {
  /** Which node this is. */
  readonly kind: "Program";
  /** The statements. */
  readonly statements: readonly Statement[];
}
/** Any node. */
export type MonkeyNode = Expression | Statement | BlockNode | ProgramNode;

/** The children of a node in the order of evaluation; for `walk` and `fold` of the toolkit. */
export function childrenOf(node: MonkeyNode): readonly MonkeyNode[] {
  switch (node.kind) {
    case "Template":
      return node.parts;
    case "Prefix":
      return [node.right];
    case "Infix":
    case "Logical":
      return [node.left, node.right];
    case "If":
      return node.alternative === null
        ? [node.condition, node.consequence]
        : [node.condition, node.consequence, node.alternative];
    case "Function":
    case "Macro":
      return [...node.parameters, node.body];
    case "Call":
      return [node.callee, ...node.args];
    case "Array":
      return node.items;
    case "Hash":
      return node.pairs.flat();
    case "Index":
      return [node.object, node.index];
    case "Assign":
      return [node.target, node.value];
    case "Quote":
      return [node.template, ...node.holes];
    case "Let":
      return [node.name, node.value];
    case "Return":
      return node.value === null ? [] : [node.value];
    case "ExpressionStatement":
      return [node.expression];
    case "While":
      return [node.condition, node.body];
    case "For":
      return [node.name, node.iterable, node.body];
    case "Block":
    case "Program":
      return node.statements;
    default:
      return [];
  }
}

/** Height of a tree with these children. */
export function depthOf(children: readonly { readonly depth: number }[]): number {
  let depth = 0;
  for (const child of children) if (child.depth > depth) depth = child.depth;
  return depth + 1;
}

type Distribute<N> = N extends MonkeyNode ? Omit<N, "depth"> : never;

/**
 * Makes a node and computes its height.
 * @ignore
 */
export function makeNode<N extends MonkeyNode>(node: Distribute<N>): N {
  const made = node as unknown as N & { depth: number };
  made.depth = depthOf(childrenOf(made));
  return made;
}

/**
 * A local variable or parameter of one function.
 * @ignore
 */
export class Variable {
  readonly name: string;
  readonly slot: number;
  captured = false;
  /** Assigned after its `let`, or captured before it. */
  changes = false;
  /** A parameter: there when the function starts. */
  readonly parameter: boolean;

  constructor(name: string, slot: number, parameter: boolean) {
    this.name = name;
    this.slot = slot;
    this.parameter = parameter;
  }

  get boxed(): boolean {
    return this.captured && this.changes;
  }
}

/**
 * A top-level name.
 * @ignore
 */
export interface GlobalSlot {
  readonly name: string;
  readonly slot: number;
  /** `let`s and assignments seen; the compilers may rely on a slot that has exactly one. */
  writes: number;
  /** The function literal of that one `let`, if it is one. */
  literal: FunctionNode | undefined;
}

/**
 * Where a name's value is.
 * @ignore
 */
export type Binding =
  | { readonly scope: "global"; readonly global: GlobalSlot }
  | { readonly scope: "local"; readonly variable: Variable }
  | { readonly scope: "free"; readonly index: number; readonly variable: Variable }
  | { readonly scope: "builtin"; readonly value: unknown };

/**
 * One captured variable: from a slot of the function around, or from its own captures.
 * @ignore
 */
export interface Capture {
  readonly variable: Variable;
  readonly fromSlot: boolean;
  readonly index: number;
}

/**
 * What all engines know about one function literal, and where each keeps its compiled form.
 * @ignore
 */
export class FunctionCode {
  readonly name: string;
  readonly node: FunctionNode | ProgramNode;
  readonly source: SourceText;
  readonly parameters: readonly Variable[];
  readonly captures: Capture[] = [];
  /** Slots of a frame: parameters, then locals. */
  slotCount = 0;
  /** Calls and loop turns seen by the VM; decides when the JIT compiles. */
  heat = 0;
  /** Compiled forms, made on first use by their engines. */
  evaluator: unknown;
  bytecode: unknown;
  jit: unknown;
  wasm: unknown;

  constructor(
    name: string,
    node: FunctionNode | ProgramNode,
    source: SourceText,
    parameters: readonly Variable[],
  ) {
    this.name = name;
    this.node = node;
    this.source = source;
    this.parameters = parameters;
    this.slotCount = parameters.length;
  }

  get statements(): readonly Statement[] {
    return this.node.kind === "Program" ? this.node.statements : this.node.body.statements;
  }

  get isProgram(): boolean {
    return this.node.kind === "Program";
  }
}
