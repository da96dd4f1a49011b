/** Evaluates a compiled JSONPath: for `JsonPath` and for the streams. */
import { equal } from "./equal.ts";
import { IRegexp, IRegexpError } from "./i_regexp.ts";
import { JsonPathError } from "./_path_error.ts";
import {
  type Call,
  type Comparable,
  type Logical,
  type Operator,
  parseQuery,
  type Query,
  type Segment,
  type Selector,
} from "./_path_syntax.ts";
import { JsonNumber } from "./value.ts";

/** The way to a node, back to front. */
export interface Location {
  parent: Location | null;
  key: string | number;
}

/** Values, and their ways where they are asked for. */
export interface Nodes {
  values: unknown[];
  locations: (Location | null)[] | null;
}

/** "No value", the result of a query or function that has none. */
const NOTHING: unique symbol = Symbol("nothing");

const DEFAULT_MAX_NODES = 10_000_000;
/** Nodes that filters may visit on the way, for each node of the limit. */
const VISITS_PER_NODE = 10;
const MAX_CACHED_EXPRESSIONS = 50;

export class PathEvaluator {
  readonly segments: readonly Segment[];
  readonly #maxNodes: number;
  readonly #maxVisits: number;
  #visited = 0;
  readonly #expressions = new Map<string, IRegexp | null>();

  constructor(query: string, maxNodes: number = DEFAULT_MAX_NODES) {
    this.segments = parseQuery(query).segments;
    this.#maxNodes = maxNodes;
    this.#maxVisits = maxNodes * VISITS_PER_NODE;
  }

  /** What the segments from `first` on select from `value`, with ways where `locations` is given. */
  select(first: number, value: unknown, locations: (Location | null)[] | null): Nodes {
    this.#visited = 0;
    return this.#evaluate(this.segments, first, value, locations, value);
  }

  /** Tells whether a filter lets `value` through; without a document around it. */
  test(test: Logical, value: unknown): boolean {
    this.#visited = 0;
    return this.#test(test, value, value);
  }

  #evaluate(
    segments: readonly Segment[],
    first: number,
    start: unknown,
    locations: (Location | null)[] | null,
    root: unknown,
  ): Nodes {
    let nodes: Nodes = { values: [start], locations };
    for (let i = first; i < segments.length && nodes.values.length > 0; i++) {
      nodes = this.#step(segments[i]!, nodes, root);
    }
    return nodes;
  }

  #step(segment: Segment, nodes: Nodes, root: unknown): Nodes {
    const result: Nodes = { values: [], locations: nodes.locations === null ? null : [] };
    const { selectors } = segment;
    if (!segment.descendant) {
      for (let i = 0; i < nodes.values.length; i++) {
        const location = nodes.locations === null ? null : nodes.locations[i]!;
        for (const selector of selectors) {
          this.#select(selector, nodes.values[i], location, result, root);
        }
      }
      return result;
    }
    for (let i = 0; i < nodes.values.length; i++) {
      // The node and everything below it, each before its children, in order.
      const pending: unknown[] = [nodes.values[i]];
      const places: (Location | null)[] = [nodes.locations === null ? null : nodes.locations[i]!];
      while (pending.length > 0) {
        const value = pending.pop();
        const location = places.pop()!;
        if (!isContainer(value)) continue;
        for (const selector of selectors) {
          this.#select(selector, value, location, result, root);
        }
        const below: Nodes = { values: [], locations: nodes.locations === null ? null : [] };
        this.#select({ kind: "wildcard" }, value, location, below, root);
        for (let child = below.values.length - 1; child >= 0; child--) {
          pending.push(below.values[child]);
          places.push(below.locations === null ? null : below.locations[child]!);
        }
      }
    }
    return result;
  }

  /** Adds the children of `value` that `selector` selects. */
  #select(
    selector: Selector,
    value: unknown,
    location: Location | null,
    result: Nodes,
    root: unknown,
  ): void {
    if (!isContainer(value)) return;
    const isArray = Array.isArray(value);
    switch (selector.kind) {
      case "name":
        if (!isArray && Object.hasOwn(value, selector.name)) {
          this.#add(result, value[selector.name], location, selector.name);
        }
        return;
      case "index": {
        if (!isArray) return;
        const index = selector.index < 0 ? value.length + selector.index : selector.index;
        if (index >= 0 && index < value.length) this.#add(result, value[index], location, index);
        return;
      }
      case "slice": {
        if (!isArray || selector.step === 0) return;
        const [from, to] = sliceBounds(selector, value.length);
        const { step } = selector;
        for (let i = from; step > 0 ? i < to : i > to; i += step) {
          this.#add(result, value[i], location, i);
        }
        return;
      }
      default: {
        const test = selector.kind === "filter" ? selector.test : null;
        if (isArray) {
          for (let i = 0; i < value.length; i++) {
            if (test === null || this.#test(test, value[i], root)) {
              this.#add(result, value[i], location, i);
            }
          }
        } else {
          for (const key of Object.keys(value)) {
            if (test === null || this.#test(test, value[key], root)) {
              this.#add(result, value[key], location, key);
            }
          }
        }
      }
    }
  }

  #add(result: Nodes, value: unknown, parent: Location | null, key: string | number): void {
    if (result.values.length >= this.#maxNodes || ++this.#visited > this.#maxVisits) {
      throw new JsonPathError(
        "too-large",
        0,
        `Cannot evaluate the JSONPath: it selects or visits too many nodes (limit ${this.#maxNodes})`,
      );
    }
    result.values.push(value);
    result.locations?.push({ parent, key });
  }

  #test(test: Logical, current: unknown, root: unknown): boolean {
    switch (test.kind) {
      case "or":
        for (const item of test.items) if (this.#test(item, current, root)) return true;
        return false;
      case "and":
        for (const item of test.items) if (!this.#test(item, current, root)) return false;
        return true;
      case "not":
        return !this.#test(test.item, current, root);
      case "exists":
        return this.#nodesOf(test.query, current, root).length > 0;
      case "call":
        return this.#call(test.call, current, root) === true;
      case "compare":
        return compare(
          test.operator,
          this.#valueOf(test.left, current, root),
          this.#valueOf(test.right, current, root),
        );
    }
  }

  #nodesOf(query: Query, current: unknown, root: unknown): unknown[] {
    const start = query.absolute ? root : current;
    return this.#evaluate(query.segments, 0, start, null, root).values;
  }

  #valueOf(item: Comparable, current: unknown, root: unknown): unknown {
    switch (item.kind) {
      case "literal":
        return item.value;
      case "call":
        return this.#call(item.call, current, root);
      case "query": {
        const nodes = this.#nodesOf(item.query, current, root);
        return nodes.length === 1 ? nodes[0] : NOTHING;
      }
    }
  }

  #call(call: Call, current: unknown, root: unknown): unknown {
    const [first, second] = call.args;
    switch (call.name) {
      case "count":
        return first!.kind === "query"
          ? this.#nodesOf(first!.query, current, root).length
          : NOTHING;
      case "value": {
        if (first!.kind !== "query") return NOTHING;
        const nodes = this.#nodesOf(first!.query, current, root);
        return nodes.length === 1 ? nodes[0] : NOTHING;
      }
      case "length": {
        const value = this.#valueOf(first!, current, root);
        if (typeof value === "string") return codePointLength(value);
        if (Array.isArray(value)) return value.length;
        return isContainer(value) ? Object.keys(value).length : NOTHING;
      }
      default: {
        const text = this.#valueOf(first!, current, root);
        const pattern = this.#valueOf(second!, current, root);
        if (typeof text !== "string" || typeof pattern !== "string") return false;
        const expression = this.#expression(pattern);
        if (expression === null) return false;
        return call.name === "match" ? expression.matches(text) : expression.isFoundIn(text);
      }
    }
  }

  /** The compiled expression, or null where the text is not one (section 2.4.6: no match). */
  #expression(pattern: string): IRegexp | null {
    let expression = this.#expressions.get(pattern);
    if (expression === undefined) {
      try {
        expression = new IRegexp(pattern);
      } catch (error) {
        if (!(error instanceof IRegexpError)) throw error;
        expression = null;
      }
      if (this.#expressions.size >= MAX_CACHED_EXPRESSIONS) this.#expressions.clear();
      this.#expressions.set(pattern, expression);
    }
    return expression;
  }
}

function isContainer(value: unknown): value is unknown[] & Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof JsonNumber);
}

/** First index and the one to stop before, RFC 9535 section 2.3.4.2. */
function sliceBounds(
  { start, end, step }: { start: number | undefined; end: number | undefined; step: number },
  length: number,
): [number, number] {
  const normalize = (index: number) => index >= 0 ? index : length + index;
  if (step > 0) {
    return [
      Math.min(Math.max(normalize(start ?? 0), 0), length),
      Math.min(Math.max(normalize(end ?? length), 0), length),
    ];
  }
  return [
    Math.min(Math.max(normalize(start ?? length - 1), -1), length - 1),
    Math.min(Math.max(end === undefined ? -1 : normalize(end), -1), length - 1),
  ];
}

function codePointLength(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; count++) i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  return count;
}

function compare(operator: Operator, left: unknown, right: unknown): boolean {
  switch (operator) {
    case "==":
      return left === right || equal(left, right);
    case "!=":
      return left !== right && !equal(left, right);
    case "<":
      return isLess(left, right);
    case ">":
      return isLess(right, left);
    case "<=":
      return isLess(left, right) || left === right || equal(left, right);
    case ">=":
      return isLess(right, left) || left === right || equal(left, right);
  }
}

/** Numbers by value, strings by code points; nothing else has an order. */
function isLess(left: unknown, right: unknown): boolean {
  if (typeof left === "string" && typeof right === "string") {
    const length = Math.min(left.length, right.length);
    for (let i = 0; i < length; i++) {
      const a = left.charCodeAt(i);
      const b = right.charCodeAt(i);
      if (a !== b) {
        // Surrogates stand for code points above every other unit.
        const aHigh = a >= 0xd800 && a <= 0xdfff;
        const bHigh = b >= 0xd800 && b <= 0xdfff;
        return aHigh === bHigh ? a < b : bHigh;
      }
    }
    return left.length < right.length;
  }
  const a = left instanceof JsonNumber ? Number(left) : left;
  const b = right instanceof JsonNumber ? Number(right) : right;
  return (typeof a === "number" || typeof a === "bigint") &&
    (typeof b === "number" || typeof b === "bigint") && a < b;
}
