/**
 * The tree that both matchers are built from: one for each method, over decoded segments. A node is
 * a number of segments deep, so a walk with full backtracking visits each node at most once.
 */
import type { PatternSegment } from "./_pattern.ts";

/**
 * Longest segment in UTF-16 units that a constraint is run on; a longer one does not satisfy it.
 * The expression is the application's, the segment a stranger's.
 */
export const MAX_CONSTRAINED_LENGTH = 256;

/** Captured parameters by name. */
export type Params = Readonly<Record<string, string>>;

/** A registered route. */
export interface Route<T> {
  /** The method, or `"*"` for every method. */
  readonly method: string;
  /** The pattern as it was registered. */
  readonly pattern: string;
  /** What was registered with it. */
  readonly value: T;
}

/** What a path matched. */
export interface RouteMatch<T> {
  /** The route. */
  readonly route: Route<T>;
  /** The decoded parameters. Own properties only; a missing optional one is absent. */
  readonly params: Params;
  /**
   * Set where the path differs from the pattern in its trailing slash only, and the router's policy
   * is to redirect: what to do to the path.
   */
  readonly redirect?: "add" | "remove";
}

/** One strategy to find a route; see {@linkcode Router}. */
export interface Matcher<T> {
  /** Finds the route for a method and a raw path. */
  match(method: string, path: string): RouteMatch<T> | undefined;
}

/** The end of a form of a pattern. */
export interface Leaf<T> {
  readonly route: Route<T>;
  /** The parameters' names in the order in which the walk captures them. */
  readonly names: readonly string[];
  /** The wildcard that a path without its slash leaves empty. */
  readonly emptyName: string | undefined;
  readonly redirect: "add" | "remove" | undefined;
}

/** A parameter with a constraint, in the order of registration. */
export interface ConstrainedChild<T> {
  readonly source: string;
  readonly expression: RegExp;
  readonly node: TreeNode<T>;
}

/** A place in the tree: what may follow the segments that led here. */
export interface TreeNode<T> {
  readonly statics: Map<string, TreeNode<T>>;
  readonly constrained: ConstrainedChild<T>[];
  param: TreeNode<T> | undefined;
  wildcard: Leaf<T> | undefined;
  leaf: Leaf<T> | undefined;
}

/** Makes an empty node. */
export function createNode<T>(): TreeNode<T> {
  return {
    statics: new Map(),
    constrained: [],
    param: undefined,
    wildcard: undefined,
    leaf: undefined,
  };
}

/** Walks to the end of a form, making nodes on the way; a wildcard ends at its parent. */
export function insertForm<T>(root: TreeNode<T>, form: readonly PatternSegment[]): TreeNode<T> {
  let node = root;
  for (const segment of form) {
    if (segment.kind === "wildcard") break;
    node = childOf(node, segment);
  }
  return node;
}

function childOf<T>(
  node: TreeNode<T>,
  segment: Exclude<PatternSegment, { kind: "wildcard" }>,
): TreeNode<T> {
  if (segment.kind === "static") {
    let child = node.statics.get(segment.text);
    if (!child) node.statics.set(segment.text, child = createNode());
    return child;
  }
  const source = segment.constraint;
  if (source === undefined) return node.param ??= createNode();
  let child = node.constrained.find((entry) => entry.source === source);
  if (!child) {
    child = { source, expression: new RegExp(`^(?:${source})$`, "u"), node: createNode() };
    node.constrained.push(child);
  }
  return child.node;
}

/** A match without parameters allocates nothing. */
export const NO_PARAMS: Params = Object.freeze(Object.create(null));

/** Makes the match of a leaf from the captured values. */
export function matchOf<T>(leaf: Leaf<T>, values: readonly string[]): RouteMatch<T> {
  const params: Record<string, string> = {};
  for (let index = 0; index < leaf.names.length; index++) {
    params[leaf.names[index]!] = values[index]!;
  }
  if (leaf.emptyName !== undefined) params[leaf.emptyName] = "";
  if (leaf.redirect === undefined) return { route: leaf.route, params };
  return { route: leaf.route, params, redirect: leaf.redirect };
}
