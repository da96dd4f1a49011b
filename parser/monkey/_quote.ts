import {
  childrenOf,
  type Expression,
  makeNode,
  MAX_TREE_DEPTH,
  type MonkeyNode,
  type QuoteNode,
} from "./ast.ts";
import { MonkeyError } from "./errors.ts";
import { MonkeyFloat, MonkeyQuote, typeName, type Value } from "./values.ts";
import { fold } from "../mod.ts";

/** Copies a tree; `replace` may give another node for one whose children are copied already. */
export function copyTree<N extends MonkeyNode>(
  root: N,
  replace: (node: MonkeyNode) => MonkeyNode = (node) => node,
): N {
  return fold(root, childrenOf, (node: MonkeyNode, parts: MonkeyNode[]): MonkeyNode => {
    let next = 0;
    const take = () => parts[next++] as never;
    const base = { ...node } as unknown as Record<string, unknown>;
    delete base.binding;
    delete base.unsure;
    delete base.code;
    delete base.iterator;
    const list = (items: readonly unknown[]) => items.map(take);
    switch (node.kind) {
      case "Template":
        base.parts = list(node.parts);
        break;
      case "Prefix":
        base.right = take();
        break;
      case "Infix":
      case "Logical":
        base.left = take();
        base.right = take();
        break;
      case "If":
        base.condition = take();
        base.consequence = take();
        if (node.alternative !== null) base.alternative = take();
        break;
      case "Function":
      case "Macro":
        base.parameters = list(node.parameters);
        base.body = take();
        break;
      case "Call":
        base.callee = take();
        base.args = list(node.args);
        break;
      case "Array":
        base.items = list(node.items);
        break;
      case "Hash":
        base.pairs = node.pairs.map(() => [take(), take()]);
        break;
      case "Index":
        base.object = take();
        base.index = take();
        break;
      case "Assign":
        base.target = take();
        base.value = take();
        break;
      case "Quote":
        base.template = take();
        base.holes = list(node.holes);
        break;
      case "Let":
        base.name = take();
        base.value = take();
        break;
      case "Return":
        if (node.value !== null) base.value = take();
        break;
      case "ExpressionStatement":
        base.expression = take();
        break;
      case "While":
        base.condition = take();
        base.body = take();
        break;
      case "For":
        base.name = take();
        base.iterable = take();
        base.body = take();
        break;
      case "Block":
      case "Program":
        base.statements = list(node.statements);
        break;
    }
    return replace(makeNode(base as never));
  }) as N;
}

/** Makes the quote of a template whose holes have these values. */
export function buildQuote(node: QuoteNode, values: readonly Value[]): MonkeyQuote {
  // Holes of a quote inside the template are its own: they are filled when that one runs.
  const inner = new Set<MonkeyNode>();
  const pending: MonkeyNode[] = [node.template];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (item.kind === "Quote") inner.add(item.template);
    pending.push(...childrenOf(item));
  }
  if (inner.size === 0) return new MonkeyQuote(check(fillHoles(node.template, values)));
  if (node.holes.length === 0) return new MonkeyQuote(copyTree(node.template));
  throw new MonkeyError("a quote with 'unquote' around another quote is not supported");
}

function fillHoles(template: Expression, values: readonly Value[]): Expression {
  return copyTree(template, (node) => {
    if (node.kind !== "Hole") return node;
    return valueToNode(values[node.index]!, node.start, node.end);
  });
}

function check(node: Expression): Expression {
  if (node.depth > MAX_TREE_DEPTH) {
    throw new MonkeyError(`the quoted tree nests deeper than ${MAX_TREE_DEPTH} levels`);
  }
  return node;
}

function valueToNode(value: Value, start: number, end: number): Expression {
  if (value instanceof MonkeyQuote) return copyTree(value.node);
  const span = { start, end };
  switch (typeof value) {
    case "number":
    case "bigint": {
      if (value >= 0) return makeNode({ kind: "Integer", ...span, value });
      const right = makeNode<Expression>({
        kind: "Integer",
        ...span,
        value: -value,
      });
      return makeNode({ kind: "Prefix", ...span, operator: "-", right });
    }
    case "boolean":
      return makeNode({ kind: "Boolean", ...span, value });
    case "string":
      return makeNode({ kind: "String", ...span, value });
  }
  if (value === null) return makeNode({ kind: "Null", ...span });
  if (value instanceof MonkeyFloat) return makeNode({ kind: "Float", ...span, value: value.value });
  throw new MonkeyError(`cannot unquote ${typeName(value)}`);
}
