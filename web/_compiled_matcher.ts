/**
 * A matcher that is generated from the tree when it is built: one function a method, whose code is
 * a decision tree over the characters of the raw path. Literals cost a look at the characters that
 * tell them apart and one comparison at the end, parameters one search for the next slash; nothing is
 * split, and nothing but the answer is allocated.
 *
 * Nothing from a pattern gets into the code but string literals made by `JSON.stringify()`, numbers,
 * and parameter names, which are identifiers by the grammar of patterns and quoted besides. Routes
 * and expressions are passed in by reference.
 *
 * A path with a percent sign where it could matter goes to the tree walk, which decodes.
 */
import {
  type Leaf,
  type Matcher,
  MAX_CONSTRAINED_LENGTH,
  NO_PARAMS,
  type RouteMatch,
  type TreeNode,
} from "./_route_tree.ts";

type Find<T> = (method: string, path: string) => RouteMatch<T> | undefined;

/**
 * Trees with more nodes are walked: the engine does not optimise a function of more than 60 KiB of
 * bytecode, and from about here on the walk was measured to be as fast.
 */
export const MAX_COMPILED_NODES = 1_000;

/** Most paths of one length that are compared one by one. */
const MAX_COMPARED = 3;

/** Longest literal that is compared character by character; measured on the GitHub API's routes. */
const MAX_UNROLLED = 8;

/** Finds routes with generated code; see the top of the file. */
export class CompiledMatcher<T> implements Matcher<T> {
  readonly #finds: ReadonlyMap<string, Find<T>>;
  readonly #get: Find<T>;
  readonly #others: Find<T>;

  /** Whether this process may generate code. */
  static isAllowed(): boolean {
    try {
      return new Function("return true")() === true;
    } catch {
      return false;
    }
  }

  /** Compiles each tree; `fallback` is what walks them. */
  constructor(
    trees: ReadonlyMap<string, TreeNode<T>>,
    otherMethods: TreeNode<T>,
    fallback: Matcher<T>,
  ) {
    const walk: Find<T> = (method, path) => fallback.match(method, path);
    const compiled = new Map<TreeNode<T>, Find<T>>();
    // Methods share trees (HEAD and GET), and the walk finds a tree by the method it is given.
    const compile = (tree: TreeNode<T>): Find<T> => {
      let find = compiled.get(tree);
      if (!find) compiled.set(tree, find = compileTree(tree, walk));
      return find;
    };
    this.#others = compile(otherMethods);
    this.#finds = new Map([...trees].map(([method, tree]) => [method, compile(tree)]));
    this.#get = this.#finds.get("GET") ?? this.#others;
  }

  match(method: string, path: string): RouteMatch<T> | undefined {
    if (method === "GET") return this.#get(method, path);
    return (this.#finds.get(method) ?? this.#others)(method, path);
  }
}

function countNodes<T>(node: TreeNode<T>): number {
  let count = 1;
  for (const child of childrenOf(node)) count += countNodes(child);
  return count;
}

function* childrenOf<T>(node: TreeNode<T>): Generator<TreeNode<T>> {
  yield* node.statics.values();
  for (const child of node.constrained) yield child.node;
  if (node.param !== undefined) yield node.param;
}

function hasChildren<T>(node: TreeNode<T>): boolean {
  return !childrenOf(node).next().done || node.wildcard !== undefined;
}

function compileTree<T>(tree: TreeNode<T>, walk: Find<T>): Find<T> {
  if (countNodes(tree) > MAX_COMPILED_NODES) return walk;
  const generator = new CodeGenerator<T>();
  const source = generator.generate(tree);
  return new Function("walk", "data", source)(walk, generator.data) as Find<T>;
}

/** A position in the path: a variable and an offset, or a constant. */
interface Position {
  readonly base: string | undefined;
  readonly offset: number;
}

function at(position: Position, delta = 0): string {
  const offset = position.offset + delta;
  if (position.base === undefined) return String(offset);
  return offset === 0 ? position.base : `${position.base}+${offset}`;
}

/** A captured parameter: the expressions of its start and end. */
interface Capture {
  readonly start: string;
  readonly end: string;
}

/** Literals below a node, merged by their characters. */
interface Trie<T> {
  /** The node of the tree that ends here, if one does. */
  node: TreeNode<T> | undefined;
  readonly next: Map<number, { label: string; trie: Trie<T> }>;
}

/** Where the code is: what was verified, and what was captured. */
interface Place {
  /** The last position up to which the path is known to be right. */
  readonly verified: Position;
  /** The literal that must stand there, not verified yet. */
  readonly pending: string;
  readonly captures: readonly Capture[];
}

function end(place: Place): Position {
  return { base: place.verified.base, offset: place.verified.offset + place.pending.length };
}

class CodeGenerator<T> {
  readonly data: unknown[] = [];
  #variables = 0;

  generate(tree: TreeNode<T>): string {
    const start: Place = { verified: { base: undefined, offset: 0 }, pending: "", captures: [] };
    const body = this.#literals(tree) + this.#slash(tree, start);
    const slots = this.data.map((_, index) => `d${index}=data[${index}]`);
    const declarations = slots.length === 0 ? "" : `const ${slots.join(",")};`;
    return `"use strict";${declarations}return function find(m,p){const n=p.length;` +
      `if(p.charCodeAt(0)!==47)return undefined;${body}` +
      `return p.includes("%")?walk(m,p):undefined;};`;
  }

  #slot(value: unknown): string {
    return `d${this.data.push(value) - 1}`;
  }

  /**
   * Paths without parameters, by their length: nothing is more specific, so they go first, and a
   * path of another length costs one jump.
   */
  #literals(tree: TreeNode<T>): string {
    const byLength = new Map<number, [path: string, result: string][]>();
    const add = (prefix: string, parent: TreeNode<T>): void => {
      for (const [text, child] of parent.statics) {
        if (isEncoded(text)) continue;
        const path = prefix + text;
        if (child.leaf !== undefined) {
          const group = byLength.get(path.length) ?? [];
          group.push([path, this.#result(child.leaf, [])]);
          byLength.set(path.length, group);
        }
        add(path + "/", child);
      }
    };
    add("/", tree);
    if (byLength.size === 0) return "";
    const arms = [...byLength].map(([length, paths]) =>
      `case ${length}:{${this.#choose(paths)}break;}`
    );
    return `switch(n){${arms.join("")}}`;
  }

  /** Compares with paths of one length: one by one if they are few, else after a telling character. */
  #choose(paths: readonly [path: string, result: string][]): string {
    if (paths.length > MAX_COMPARED) {
      const { position, groups } = bestSplit(paths);
      if (groups.size > 1) {
        const arms = [...groups].map(([char, group]) =>
          `case ${char}:{${this.#choose(group)}break;}`
        );
        return `switch(p.charCodeAt(${position})){${arms.join("")}}`;
      }
    }
    return paths.map(([path, result]) => `if(p===${JSON.stringify(path)})return ${result};`).join(
      "",
    );
  }

  /** Code for what comes after a slash below `node`, where the slash is not yet read. */
  #slash(node: TreeNode<T>, place: Place): string {
    const trie = this.#trieOf(node, place.verified.base === undefined);
    const after: Place = { ...place, pending: place.pending + "/" };
    return this.#trie(trie, after) + this.#params(node, after);
  }

  #trieOf(node: TreeNode<T>, isFromRoot: boolean): Trie<T> {
    const root: Trie<T> = { node: undefined, next: new Map() };
    const add = (prefix: string, parent: TreeNode<T>): void => {
      for (const [text, child] of parent.statics) {
        if (isEncoded(text)) continue;
        if (isUseful(child, isFromRoot)) insert(root, prefix + text, child);
        add(prefix + text + "/", child);
      }
    };
    add("", node);
    return root;
  }

  #trie(trie: Trie<T>, place: Place): string {
    let code = trie.node === undefined ? "" : this.#leafAtEnd(trie.node, place);
    const cases: [number, string][] = [];
    for (const [char, { label, trie: child }] of trie.next) {
      const inner = this.#trie(child, { ...place, pending: place.pending + label });
      cases.push([char, inner]);
    }
    if (trie.node !== undefined) {
      const below = this.#params(trie.node, { ...place, pending: place.pending + "/" });
      if (below !== "") {
        const slash = cases.find(([char]) => char === 47);
        if (slash) slash[1] += below;
        else cases.push([47, below]);
      }
    }
    if (cases.length === 0) return code;
    const position = at(end(place));
    // Reading past the end is defined, but the engine throws optimised code away when it first sees
    // it happen in a place.
    code += `if(n>${position})`;
    if (cases.length === 1) {
      code += `if(p.charCodeAt(${position})===${cases[0]![0]}){${cases[0]![1]}}`;
    } else {
      const arms = cases.map(([char, body]) => `case ${char}:{${body}break;}`);
      code += `switch(p.charCodeAt(${position})){${arms.join("")}}`;
    }
    return code;
  }

  /** Returns the leaf if the path ends here. */
  #leafAtEnd(node: TreeNode<T>, place: Place): string {
    // Paths without parameters were compared before.
    if (node.leaf === undefined || place.verified.base === undefined) return "";
    const result = this.#result(node.leaf, place.captures);
    return `if(n===${at(end(place))}&&${this.#verify(place)})return ${result};`;
  }

  /**
   * Compares what is pending. Short literals are compared character by character, which the engine
   * turns into machine code; for longer ones its own comparison is faster.
   */
  #verify(place: Place): string {
    const { pending, verified } = place;
    // What ends a segment, or starts a path, is a slash: it was looked at.
    const skipped = pending.startsWith("/") ? 1 : 0;
    if (pending.length <= skipped) return "true";
    if (pending.length > MAX_UNROLLED) {
      return `p.startsWith(${JSON.stringify(pending)},${at(verified)})`;
    }
    const comparisons: string[] = [];
    for (let index = skipped; index < pending.length; index++) {
      comparisons.push(`p.charCodeAt(${at(verified, index)})===${pending.charCodeAt(index)}`);
    }
    return comparisons.join("&&");
  }

  #params(node: TreeNode<T>, place: Place): string {
    let code = "";
    const start = at(end(place));
    if (node.param !== undefined || node.constrained.length > 0) {
      const to = `e${this.#variables++}`;
      const capture: Capture = { start, end: to };
      const next: Place = {
        verified: { base: to, offset: 0 },
        pending: "",
        captures: [...place.captures, capture],
      };
      let inner = "";
      for (const child of node.constrained) {
        const expression = this.#slot(child.expression);
        inner +=
          `if(${to}-(${start})<=${MAX_CONSTRAINED_LENGTH}&&${expression}.test(p.slice(${start},${to}))){${
            this.#segmentEnd(child.node, next)
          }}`;
      }
      if (node.param !== undefined) inner += this.#segmentEnd(node.param, next);
      code += `if(${this.#verify(place)}){${this.#scan(node, place, start, to)}` +
        `if(${to}>${start}){${inner}}}`;
    }
    if (node.wildcard !== undefined) {
      const result = this.#result(node.wildcard, [...place.captures, { start, end: "n" }]);
      code += `if(${this.#verify(place)}){` +
        `if(p.includes("%",${start}))return walk(m,p);return ${result};}`;
    }
    return code;
  }

  /**
   * Finds the end of a segment, and hands the path on if it is encoded. Searching is faster than a
   * loop, but where the segment is the last one and the first to be looked at, one loop does both.
   */
  #scan(node: TreeNode<T>, place: Place, start: string, to: string): string {
    const isFirst = place.captures.length === 0;
    const isLast = node.constrained.length === 0 && node.wildcard === undefined &&
      !hasChildren(node.param!);
    if (isFirst && isLast) {
      return `let ${to}=${start},c;` +
        `for(;${to}<n&&(c=p.charCodeAt(${to}))!==47;${to}++)if(c===37)return walk(m,p);`;
    }
    const check = isFirst ? `if(p.includes("%"))return walk(m,p);` : "";
    return `${check}let ${to}=p.indexOf("/",${start});if(${to}<0)${to}=n;`;
  }

  /** Code for the end of a parameter's segment. */
  #segmentEnd(node: TreeNode<T>, place: Place): string {
    const leaf = node.leaf === undefined
      ? ""
      : `if(${place.verified.base}===n)return ${this.#result(node.leaf, place.captures)};`;
    const below = this.#slash(node, place);
    return below === "" ? leaf : `${leaf}if(${place.verified.base}<n){${below}}`;
  }

  #result(leaf: Leaf<T>, captures: readonly Capture[]): string {
    if (captures.length === 0 && leaf.emptyName === undefined) {
      return this.#slot(
        Object.freeze(
          leaf.redirect === undefined
            ? { route: leaf.route, params: NO_PARAMS }
            : { route: leaf.route, params: NO_PARAMS, redirect: leaf.redirect },
        ),
      );
    }
    const params = leaf.names.map((name, index) => {
      const { start, end } = captures[index]!;
      return `${JSON.stringify(name)}:p.substring(${start},${end})`;
    });
    if (leaf.emptyName !== undefined) params.push(`${JSON.stringify(leaf.emptyName)}:""`);
    const redirect = leaf.redirect === undefined ? "" : `,redirect:"${leaf.redirect}"`;
    return `{route:${this.#slot(leaf.route)},params:{${params.join(",")}}${redirect}}`;
  }
}

/** Such a literal stands for an encoded path, which the tree walk takes. */
function isEncoded(text: string): boolean {
  return /[%/]/.test(text);
}

/** Whether the literals that lead to a node have to be in the trie for its own sake. */
function isUseful<T>(node: TreeNode<T>, isFromRoot: boolean): boolean {
  return (node.leaf !== undefined && !isFromRoot) || node.param !== undefined ||
    node.constrained.length > 0 || node.wildcard !== undefined;
}

/** The position whose characters tell the most paths apart. */
function bestSplit<Entry extends readonly [path: string, result: string]>(
  paths: readonly Entry[],
): { position: number; groups: Map<number, Entry[]> } {
  let position = 0;
  let groups = new Map<number, Entry[]>();
  for (let candidate = 0; candidate < paths[0]![0].length; candidate++) {
    const split = Map.groupBy(paths, ([path]) => path.charCodeAt(candidate));
    if (split.size > groups.size) {
      groups = split;
      position = candidate;
    }
  }
  return { position, groups };
}

function insert<T>(root: Trie<T>, text: string, node: TreeNode<T>): void {
  let trie = root;
  let rest = text;
  while (rest !== "") {
    const char = rest.charCodeAt(0);
    const edge = trie.next.get(char);
    if (edge === undefined) {
      const leaf: Trie<T> = { node: undefined, next: new Map() };
      trie.next.set(char, { label: rest, trie: leaf });
      trie = leaf;
      break;
    }
    let common = 0;
    while (common < rest.length && rest[common] === edge.label[common]) common++;
    if (common < edge.label.length) {
      const middle: Trie<T> = { node: undefined, next: new Map() };
      middle.next.set(edge.label.charCodeAt(common), {
        label: edge.label.slice(common),
        trie: edge.trie,
      });
      trie.next.set(char, { label: edge.label.slice(0, common), trie: middle });
      trie = middle;
    } else {
      trie = edge.trie;
    }
    rest = rest.slice(common);
  }
  trie.node = node;
}
