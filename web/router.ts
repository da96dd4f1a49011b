import { CompiledMatcher } from "./_compiled_matcher.ts";
import { parsePattern, type PatternSegment, RoutePatternError, shapeOf } from "./_pattern.ts";
import {
  createNode,
  insertForm,
  type Leaf,
  type Matcher,
  type Route,
  type RouteMatch,
  type TreeNode,
} from "./_route_tree.ts";
import { TreeMatcher } from "./_tree_matcher.ts";

export { MalformedPathError } from "./_path.ts";
export { RoutePatternError } from "./_pattern.ts";
export type { Params, Route, RouteMatch } from "./_route_tree.ts";

/** Options of a {@linkcode Router}. */
export interface RouterOptions {
  /**
   * What a trailing slash means. `"strict"`: `/a` and `/a/` are two paths. `"redirect"`: a path
   * that differs from a pattern in it only matches with {@linkcode RouteMatch.redirect} set.
   * `"ignore"`: both match, and `/a/*rest` also matches `/a`.
   *
   * @default {"strict"}
   */
  trailingSlash?: "strict" | "redirect" | "ignore";
  /**
   * How routes are found. `"compiled"` generates one function a method on the first match, four to
   * nine times as fast as `"tree"`, which walks the tree. `"auto"` compiles where code generation is
   * allowed, and walks where it is not.
   *
   * @default {"auto"}
   */
  matcher?: "auto" | "compiled" | "tree";
}

interface Registration<T> {
  readonly route: Route<T>;
  readonly forms: readonly (readonly PatternSegment[])[];
}

/** Methods that a catch-all route reports in `Allow`. */
const COMMON_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Longest method name; what follows from RFC 9110's registry with room to spare. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;

/**
 * Finds the value that was registered for a method and a path.
 *
 * A pattern's segments are literals, parameters (`:id`, with a constraint `:id{[0-9]+}`, optional
 * `:id?`) or, at the end, a wildcard (`*path`, or `*` under the name `"*"`) that takes the rest of
 * the path, which may be empty. At each segment a literal is tried before a constrained parameter
 * (in order of registration), before a parameter, before the wildcard, and a branch that leads
 * nowhere is given up for the next one. Two patterns that match the same paths under the same
 * method are refused.
 *
 * The path is split while it is raw and each segment is decoded once: `a%2Fb` is one segment and
 * gives the parameter `a/b`. In a wildcard's value an encoded slash stays `%2F`.
 *
 * A constraint is an ordinary regular expression with the `u` flag that must match the whole
 * segment. It runs on data from strangers, and JavaScript's engine backtracks: write expressions
 * that are linear (no nested quantifiers such as `(a+)+`). A segment longer than 256 UTF-16 units
 * never satisfies a constraint, which bounds the damage but does not remove it.
 *
 * Registering costs time linear in the pattern; the first match after it builds the trees of all
 * routes. A match costs time linear in the path, and with backtracking at most in the routes too.
 *
 * @example Usage
 * ```ts
 * import { Router } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const router = new Router<string>();
 * router.add("GET", "/users/:id{[0-9]+}", "user");
 * router.add("GET", "/static/*path", "file");
 *
 * const match = router.match("GET", "/users/42");
 * assertEquals(match?.route.value, "user");
 * assertEquals(match?.params, { id: "42" });
 * assertEquals(router.match("GET", "/static/css/a%20b.css")?.params, { path: "css/a b.css" });
 * assertEquals(router.match("GET", "/users/me"), undefined);
 * assertEquals(router.allowedMethods("/users/42"), ["GET", "HEAD", "OPTIONS"]);
 * ```
 */
export class Router<T> {
  readonly #trailingSlash: "strict" | "redirect" | "ignore";
  readonly #strategy: "auto" | "compiled" | "tree";
  readonly #registrations: Registration<T>[] = [];
  /** The pattern that owns each shape of each method. */
  readonly #shapes = new Map<string, string>();
  #matcher: Matcher<T> | undefined;
  #methods: string[] = [];

  /** Makes an empty router. */
  constructor(options: RouterOptions = {}) {
    this.#trailingSlash = options.trailingSlash ?? "strict";
    this.#strategy = options.matcher ?? "auto";
  }

  /** The routes in the order of registration. */
  get routes(): readonly Route<T>[] {
    return this.#registrations.map((registration) => registration.route);
  }

  /**
   * Registers a value for a method (case-sensitive; `"*"` for every method that has no route of
   * its own with the same pattern) and a pattern.
   *
   * @throws {RoutePatternError} If the pattern is malformed, or matches the same paths as an
   * earlier one of the same method; the message names both.
   * @throws {TypeError} If the method is not a token of at most 32 characters.
   */
  add(method: string, pattern: string, value: T): this {
    if (!METHOD.test(method)) {
      throw new TypeError(`Cannot add a route: "${method}" is not an HTTP method`);
    }
    const parsed = parsePattern(pattern);
    const forms = this.#trailingSlash === "ignore"
      ? parsed.forms.map(withoutTrailingSlash)
      : parsed.forms;
    const shapes = forms.map((form) => `${method} ${shapeOf(form)}`);
    if (new Set(shapes).size < shapes.length) {
      throw new RoutePatternError(
        `Cannot add the route ${method} "${pattern}": its optional segments make it ambiguous`,
        pattern,
      );
    }
    for (const shape of shapes) {
      const earlier = this.#shapes.get(shape);
      if (earlier === undefined) continue;
      throw new RoutePatternError(
        `Cannot add the route ${method} "${pattern}": it matches the same paths as "${earlier}"`,
        pattern,
        earlier,
      );
    }
    for (const shape of shapes) this.#shapes.set(shape, pattern);
    this.#registrations.push({ route: { method, pattern, value }, forms });
    this.#matcher = undefined;
    return this;
  }

  /**
   * Finds the route for a method and a raw path (it starts with a slash and has no query).
   * `HEAD` falls back to the routes of `GET`. Returns `undefined` where nothing matches.
   *
   * @throws {MalformedPathError} If the path is not valid percent-encoded UTF-8.
   */
  match(method: string, path: string): RouteMatch<T> | undefined {
    return (this.#matcher ?? this.#build()).match(method, path);
  }

  /**
   * The methods that a raw path has routes for, as an `Allow` header lists them: with `HEAD` where
   * there is `GET`, and with `OPTIONS`. Empty where there are none. Costs a match for each method.
   *
   * @throws {MalformedPathError} If the path is not valid percent-encoded UTF-8.
   */
  allowedMethods(path: string): string[] {
    const allowed = new Set<string>();
    for (const method of this.candidateMethods()) {
      if (allowed.has(method) || this.match(method, path) === undefined) continue;
      allowed.add(method);
    }
    if (allowed.size > 0) allowed.add("OPTIONS");
    return [...allowed];
  }

  /** The methods that have routes at all, `GET` with `HEAD`; a `"*"` route counts as the usual ones. */
  candidateMethods(): readonly string[] {
    if (this.#matcher === undefined) this.#build();
    return this.#methods;
  }

  #build(): Matcher<T> {
    const own = new Set(this.#registrations.map((registration) => registration.route.method));
    const candidates = new Set<string>();
    const trees = new Map<string, TreeNode<T>>();
    for (const method of [...own, ...(own.has("*") ? COMMON_METHODS : [])]) {
      if (method === "*") continue;
      candidates.add(method);
      if (method === "GET") candidates.add("HEAD");
    }
    for (const method of own) {
      if (method !== "*") trees.set(method, this.#tree(method));
    }
    const others = this.#tree("*");
    if (!own.has("HEAD")) trees.set("HEAD", trees.get("GET") ?? others);
    this.#methods = [...candidates];
    return this.#matcher = createMatcher(this.#strategy, trees, others);
  }

  /** Builds the tree of a method: its own routes win over those it falls back to. */
  #tree(method: string): TreeNode<T> {
    const methods = method === "HEAD"
      ? ["HEAD", "GET", "*"]
      : method === "*"
      ? ["*"]
      : [method, "*"];
    const root = createNode<T>();
    const redirects: (() => void)[] = [];
    for (const own of methods) {
      for (const registration of this.#registrations) {
        if (registration.route.method !== own) continue;
        for (const form of registration.forms) {
          insertLeaf(root, form, registration.route, undefined);
          if (this.#trailingSlash === "strict") continue;
          const other = toggleTrailingSlash(form);
          if (other === undefined) continue;
          const redirect = this.#trailingSlash === "ignore"
            ? undefined
            : hasTrailingSlash(other)
            ? "remove"
            : "add";
          redirects.push(() => insertLeaf(root, other, registration.route, redirect, form));
        }
      }
    }
    // After all others, so that an explicit route is never shadowed by one that was derived.
    for (const insert of redirects) insert();
    return root;
  }
}

function createMatcher<T>(
  strategy: "auto" | "compiled" | "tree",
  trees: ReadonlyMap<string, TreeNode<T>>,
  others: TreeNode<T>,
): Matcher<T> {
  const tree = new TreeMatcher(trees, others);
  if (strategy === "tree") return tree;
  if (strategy === "auto" && !CompiledMatcher.isAllowed()) return tree;
  return new CompiledMatcher(trees, others, tree);
}

function insertLeaf<T>(
  root: TreeNode<T>,
  form: readonly PatternSegment[],
  route: Route<T>,
  redirect: "add" | "remove" | undefined,
  derivedFrom?: readonly PatternSegment[],
): void {
  const node = insertForm(root, form);
  const last = form.at(-1)!;
  const names = form.flatMap((segment) => segment.kind === "static" ? [] : [segment.name]);
  const origin = derivedFrom?.at(-1);
  const leaf: Leaf<T> = {
    route,
    names,
    emptyName: origin?.kind === "wildcard" && redirect === undefined ? origin.name : undefined,
    redirect,
  };
  if (last.kind === "wildcard") node.wildcard ??= leaf;
  else node.leaf ??= leaf;
}

function hasTrailingSlash(form: readonly PatternSegment[]): boolean {
  const last = form.at(-1)!;
  return form.length > 1 && last.kind === "static" && last.text === "";
}

function withoutTrailingSlash(form: readonly PatternSegment[]): readonly PatternSegment[] {
  return hasTrailingSlash(form) ? form.slice(0, -1) : form;
}

/** The form with its trailing slash added or taken away; the root has none. */
function toggleTrailingSlash(
  form: readonly PatternSegment[],
): readonly PatternSegment[] | undefined {
  const last = form.at(-1)!;
  if (last.kind === "wildcard") return form.length > 1 ? form.slice(0, -1) : undefined;
  if (hasTrailingSlash(form)) return form.slice(0, -1);
  if (last.kind === "static" && last.text === "") return undefined;
  return [...form, { kind: "static", text: "" }];
}
