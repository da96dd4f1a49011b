/** What a {@linkcode walk} does after entering a node. */
export type WalkDecision = "skip" | "stop" | void;

/** Callbacks of {@linkcode walk}. */
export interface Visitor<N> {
  /** Called before the children. Return `"skip"` to leave them out, `"stop"` to end the walk. */
  enter?(node: N, parent: N | undefined, depth: number): WalkDecision;
  /** Called behind the children, also of a node whose children were skipped. */
  leave?(node: N, parent: N | undefined, depth: number): void;
}

/**
 * Walks a tree depth-first, children in order, on a stack of its own: the depth of the tree is limited by memory only.
 * Returns false if the walk was stopped. O(nodes).
 *
 * @example
 * ```ts
 * import { walk } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * interface Tree { name: string; items: Tree[] }
 * const tree: Tree = { name: "a", items: [{ name: "b", items: [] }, { name: "c", items: [] }] };
 * const seen: string[] = [];
 * walk(tree, (node) => node.items, {
 *   enter: (node) => { seen.push(node.name); },
 *   leave: (node) => { seen.push(`/${node.name}`); },
 * });
 * assertEquals(seen, ["a", "b", "/b", "c", "/c", "/a"]);
 * ```
 */
export function walk<N>(
  root: N,
  children: (node: N) => readonly N[],
  visitor: Visitor<N>,
): boolean {
  const nodes: N[] = [root];
  const lists: (readonly N[])[] = [];
  const places: number[] = [];
  const decide = (node: N, parent: N | undefined): boolean => {
    const decision = visitor.enter?.(node, parent, nodes.length - 1);
    if (decision === "stop") return false;
    lists.push(decision === "skip" ? [] : children(node));
    places.push(0);
    return true;
  };
  if (!decide(root, undefined)) return false;
  while (nodes.length > 0) {
    const top = nodes.length - 1;
    const node = nodes[top]!;
    const place = places[top]!;
    const list = lists[top]!;
    if (place < list.length) {
      places[top] = place + 1;
      nodes.push(list[place]!);
      if (!decide(list[place]!, node)) return false;
      continue;
    }
    visitor.leave?.(node, nodes[top - 1], top);
    nodes.pop();
    lists.pop();
    places.pop();
  }
  return true;
}

/**
 * Computes a value for every node from the values of its children, children first, without recursion: the general form
 * of a printer, an evaluator or a rewriter. O(nodes).
 *
 * @example
 * ```ts
 * import { fold } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * interface Tree { value: number; items: Tree[] }
 * const tree: Tree = { value: 1, items: [{ value: 2, items: [] }, { value: 3, items: [] }] };
 * const sum = fold(tree, (node) => node.items, (node, parts: number[]) => {
 *   return parts.reduce((a, b) => a + b, node.value);
 * });
 * assertEquals(sum, 6);
 * ```
 */
export function fold<N, R>(
  root: N,
  children: (node: N) => readonly N[],
  combine: (node: N, parts: R[]) => R,
): R {
  const results: R[] = [];
  const counts: number[] = [];
  walk(root, (node) => {
    const list = children(node);
    counts.push(list.length);
    return list;
  }, {
    leave(node) {
      const parts = results.splice(results.length - counts.pop()!);
      results.push(combine(node, parts));
    },
  });
  return results[0]!;
}
