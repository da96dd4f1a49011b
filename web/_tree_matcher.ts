import { decodeSegments, joinWildcard } from "./_path.ts";
import {
  type Leaf,
  type Matcher,
  matchOf,
  MAX_CONSTRAINED_LENGTH,
  type RouteMatch,
  type TreeNode,
} from "./_route_tree.ts";

/**
 * Finds routes by walking the tree: over decoded segments, a static child before a constrained
 * parameter before a parameter before the wildcard, and back up where a branch ends nowhere.
 */
export class TreeMatcher<T> implements Matcher<T> {
  readonly #trees: ReadonlyMap<string, TreeNode<T>>;
  readonly #otherMethods: TreeNode<T>;

  /** Takes one tree a method, and the one for methods that have none. */
  constructor(trees: ReadonlyMap<string, TreeNode<T>>, otherMethods: TreeNode<T>) {
    this.#trees = trees;
    this.#otherMethods = otherMethods;
  }

  match(method: string, path: string): RouteMatch<T> | undefined {
    const root = this.#trees.get(method) ?? this.#otherMethods;
    if (path.charCodeAt(0) !== 47 /* / */) return undefined;
    const values: string[] = [];
    const leaf = walk(root, decodeSegments(path), 0, values);
    return leaf === undefined ? undefined : matchOf(leaf, values);
  }
}

/** Depth is bounded by the tree's, which the longest pattern bounds. */
function walk<T>(
  node: TreeNode<T>,
  segments: readonly string[],
  depth: number,
  values: string[],
): Leaf<T> | undefined {
  if (depth === segments.length) return node.leaf;
  const segment = segments[depth]!;
  const next = node.statics.get(segment);
  if (next !== undefined) {
    const leaf = walk(next, segments, depth + 1, values);
    if (leaf !== undefined) return leaf;
  }
  if (segment !== "" && (node.param !== undefined || node.constrained.length > 0)) {
    const leaf = walkParams(node, segments, depth, values);
    if (leaf !== undefined) return leaf;
  }
  if (node.wildcard !== undefined) values.push(joinWildcard(segments, depth));
  return node.wildcard;
}

function walkParams<T>(
  node: TreeNode<T>,
  segments: readonly string[],
  depth: number,
  values: string[],
): Leaf<T> | undefined {
  const segment = segments[depth]!;
  values.push(segment);
  if (segment.length <= MAX_CONSTRAINED_LENGTH) {
    for (const child of node.constrained) {
      if (!child.expression.test(segment)) continue;
      const leaf = walk(child.node, segments, depth + 1, values);
      if (leaf !== undefined) return leaf;
    }
  }
  if (node.param !== undefined) {
    const leaf = walk(node.param, segments, depth + 1, values);
    if (leaf !== undefined) return leaf;
  }
  values.pop();
  return undefined;
}
