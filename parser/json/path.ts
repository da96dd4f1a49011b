import { JsonPathError } from "./_path_error.ts";
import { PathEvaluator } from "./_path_eval.ts";

export { JsonPathError };

/** A value that a query selected, and where it is. */
export interface JsonPathNode {
  /** The value itself, not a copy. */
  value: unknown;
  /** Its normalized path (RFC 9535 section 2.7), such as `$['items'][0]`. */
  path: string;
  /** Its keys and indices from the root. */
  keys: (string | number)[];
}

/** Limits of a query. */
export interface JsonPathOptions {
  /**
   * Most nodes that one step of the query may hold; ten times as many may be visited in all, filters included. 10,000,000
   * by default.
   */
  maxNodes?: number;
}

/**
 * A JSONPath query (RFC 9535), compiled once.
 *
 * Filters know the five functions of the standard; their regular expressions are I-Regexps and take
 * linear time. Nothing recurses over the value.
 *
 * @example
 * ```ts
 * import { JsonPath } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const store = { books: [{ title: "Go", price: 30 }, { title: "C", price: 20 }] };
 * const cheap = new JsonPath("$.books[?@.price < 25].title");
 * assertEquals(cheap.values(store), ["C"]);
 * assertEquals(cheap.nodes(store)[0]?.path, "$['books'][1]['title']");
 * ```
 */
export class JsonPath {
  /** The query's text. */
  readonly source: string;
  readonly #evaluator: PathEvaluator;

  /**
   * Compiles a query.
   *
   * @throws {JsonPathError} With code `syntax`, where it is malformed or not well-typed.
   */
  constructor(query: string, options: JsonPathOptions = {}) {
    this.source = query;
    this.#evaluator = new PathEvaluator(query, options.maxNodes);
  }

  /**
   * The selected values, in the standard's order.
   *
   * @throws {JsonPathError} With code `too-large`, beyond `maxNodes`.
   */
  values(value: unknown): unknown[] {
    return this.#evaluator.select(0, value, null).values;
  }

  /**
   * The selected values with their paths.
   *
   * @throws {JsonPathError} With code `too-large`, beyond `maxNodes`.
   */
  nodes(value: unknown): JsonPathNode[] {
    const { values, locations } = this.#evaluator.select(0, value, [null]);
    return values.map((item, index) => {
      const keys: (string | number)[] = [];
      for (let at = locations![index]!; at !== null; at = at.parent!) keys.push(at.key);
      keys.reverse();
      return { value: item, path: normalizedPath(keys), keys };
    });
  }
}

/** Writes keys and indices as a normalized path (RFC 9535 section 2.7). */
export function normalizedPath(keys: readonly (string | number)[]): string {
  let path = "$";
  for (const key of keys) {
    path += typeof key === "number" ? `[${key}]` : `['${key.replace(NAME_ESCAPES, escapeName)}']`;
  }
  return path;
}

// deno-lint-ignore no-control-regex
const NAME_ESCAPES = /[\u0000-\u001f'\\]/g;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\f": "\\f",
  "\r": "\\r",
  "'": "\\'",
  "\\": "\\\\",
};

function escapeName(character: string): string {
  return SHORT_ESCAPES[character] ??
    "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}
