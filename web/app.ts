import { type Chain, checkResponse, compose } from "./_compose.ts";
import { isStreaming } from "./_headers.ts";
import { escapeControls, pathOf } from "./_path.ts";
import { peekBody } from "./_peek.ts";
import { Context, type ContextHost, type Middleware, type RouteHandler } from "./context.ts";
import type { ConnectionInfo } from "./handler.ts";
import { HttpError } from "./http_error.ts";
import type { JoinedPathParams } from "./path_params.ts";
import { MalformedPathError, type RouteMatch, Router, type RouterOptions } from "./router.ts";

/** What an {@linkcode App} does with a failure that nothing below it handled. */
export type ErrorHandler<Variables extends object> = (
  error: unknown,
  context: Context<Record<string, string | undefined>, Variables>,
) => Response | Promise<Response>;

/** Options of an {@linkcode App}. */
export interface AppOptions extends RouterOptions {
  /**
   * Takes each error that became a 500 or broke a stream; with its trace, which the client never
   * sees.
   *
   * @default {console.error}
   */
  logError?: (error: unknown, context: Context) => void;
}

/** Registers a route: a pattern, any middleware of its own, and the handler. */
export interface RouteMethod<Prefix extends string, Variables extends object, Self> {
  /** Registers a handler. */
  <Pattern extends string>(
    pattern: Pattern,
    handler: RouteHandler<JoinedPathParams<Prefix, Pattern>, Variables>,
  ): Self;
  /** Registers a handler behind a middleware. */
  <Pattern extends string>(
    pattern: Pattern,
    middleware: Middleware<Variables>,
    handler: RouteHandler<JoinedPathParams<Prefix, Pattern>, Variables>,
  ): Self;
  /** Registers a handler behind two middlewares. */
  <Pattern extends string>(
    pattern: Pattern,
    middleware1: Middleware<Variables>,
    middleware2: Middleware<Variables>,
    handler: RouteHandler<JoinedPathParams<Prefix, Pattern>, Variables>,
  ): Self;
  /** Registers a handler behind a list of middleware. */
  <Pattern extends string>(
    pattern: Pattern,
    middleware: readonly Middleware<Variables>[],
    handler: RouteHandler<JoinedPathParams<Prefix, Pattern>, Variables>,
  ): Self;
}

type Registered = Middleware | readonly Middleware[] | RouteHandler;

/** A route's value in the router. */
interface Endpoint {
  readonly chain: Chain;
  /** What runs around an automatic answer (OPTIONS, 405) for the route's path. */
  readonly middleware: readonly Middleware[];
}

/** The part of an application that groups register with. */
interface Registry {
  readonly router: Router<Endpoint>;
}

const DEFAULT_INFO: ConnectionInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
} as ConnectionInfo;

/**
 * Routes that share a prefix and middleware; see {@linkcode App.group}.
 *
 * Middleware runs for the routes that are registered after it, first registered outermost, and a
 * group's inside its parent's.
 */
export class RouteGroup<
  Prefix extends string = "",
  Variables extends object = Record<string, unknown>,
> {
  readonly #registry: Registry;
  readonly #parent: RouteGroup<string, Variables> | undefined;
  readonly #prefix: string;
  readonly #middleware: Middleware[] = [];

  /** Registers a route for `GET`, and `HEAD` unless that has its own. */
  readonly get: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for `POST`. */
  readonly post: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for `PUT`. */
  readonly put: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for `PATCH`. */
  readonly patch: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for `DELETE`. */
  readonly delete: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for `HEAD`, in place of the automatic one. */
  readonly head: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for `OPTIONS`, in place of the automatic one. */
  readonly options: RouteMethod<Prefix, Variables, this>;
  /** Registers a route for every method that has none of its own with the same pattern. */
  readonly all: RouteMethod<Prefix, Variables, this>;

  /** Made by {@linkcode App.group}. */
  constructor(
    registry: Registry,
    prefix: string,
    parent: RouteGroup<string, Variables> | undefined,
  ) {
    this.#registry = registry;
    this.#prefix = prefix;
    this.#parent = parent;
    const method = (name: string): RouteMethod<Prefix, Variables, this> => {
      return (pattern: string, ...handlers: Registered[]) => this.#add(name, pattern, handlers);
    };
    this.get = method("GET");
    this.post = method("POST");
    this.put = method("PUT");
    this.patch = method("PATCH");
    this.delete = method("DELETE");
    this.head = method("HEAD");
    this.options = method("OPTIONS");
    this.all = method("*");
  }

  /**
   * Registers a route for one method of any name, or for several.
   *
   * @throws {RoutePatternError} If the pattern is malformed or conflicts with an earlier one.
   */
  on<Pattern extends string>(
    methods: string | readonly string[],
    pattern: Pattern,
    handler: RouteHandler<JoinedPathParams<Prefix, Pattern>, Variables>,
  ): this {
    for (const method of typeof methods === "string" ? [methods] : methods) {
      this.#add(method, pattern, [handler]);
    }
    return this;
  }

  /**
   * Adds middleware around the routes that are registered from now on. With a pattern first, it
   * runs only for the paths that match it, where `/admin/*` includes `/admin` itself; the pattern
   * is below the group's prefix.
   *
   * @throws {RoutePatternError} If the pattern is malformed.
   */
  use(...middleware: Middleware<Variables>[]): this;
  /** Adds middleware around the routes whose path matches a pattern. */
  use(pattern: string, ...middleware: Middleware<Variables>[]): this;
  use(first: string | Middleware<Variables>, ...rest: Middleware<Variables>[]): this {
    if (typeof first !== "string") this.#middleware.push(first, ...rest);
    else this.#middleware.push(...rest.map((entry) => this.#onlyFor(first, entry)));
    return this;
  }

  /**
   * Makes a group of routes under a prefix, which may hold parameters, with middleware of its own.
   *
   * @example Usage
   * ```ts
   * import { App, bearerAuth } from "@groundwork/std/web";
   * import { assertEquals } from "@std/assert";
   *
   * const app = new App();
   * const api = app.group("/api/v1");
   * api.use(bearerAuth({ token: "secret" }));
   * api.get("/profile", (c) => c.json({ name: "Ada" }));
   *
   * assertEquals((await app.request("/api/v1/profile")).status, 401);
   * const headers = { authorization: "Bearer secret" };
   * assertEquals((await app.request("/api/v1/profile", { headers })).status, 200);
   * ```
   *
   * @throws {TypeError} If the prefix does not start with a slash, or ends with one.
   */
  group<Inner extends string>(
    prefix: Inner,
    define?: (group: RouteGroup<`${Prefix}${Inner}`, Variables>) => void,
  ): RouteGroup<`${Prefix}${Inner}`, Variables> {
    if (!prefix.startsWith("/") || prefix.endsWith("/")) {
      throw new TypeError(
        `Cannot make a group: "${prefix}" must start with a slash, not end with one`,
      );
    }
    const group = new RouteGroup<`${Prefix}${Inner}`, Variables>(
      this.#registry,
      this.#prefix + prefix,
      this as unknown as RouteGroup<string, Variables>,
    );
    define?.(group);
    return group;
  }

  /** The middleware in force now, outermost first. */
  protected chainOfMiddleware(): Middleware[] {
    const outer = this.#parent === undefined ? [] : this.#parent.chainOfMiddleware();
    return [...outer, ...this.#middleware];
  }

  #join(pattern: string): string {
    if (pattern === "*") return `${this.#prefix}/*`;
    return pattern === "/" && this.#prefix !== "" ? this.#prefix : this.#prefix + pattern;
  }

  #add(method: string, pattern: string, handlers: readonly Registered[]): this {
    const own = handlers.slice(0, -1).flat() as Middleware[];
    const middleware = [...this.chainOfMiddleware(), ...own];
    const chain = compose(middleware, handlers.at(-1) as RouteHandler);
    this.#registry.router.add(method, this.#join(pattern), { chain, middleware });
    return this;
  }

  #onlyFor(pattern: string, middleware: Middleware): Middleware {
    // A matcher of its own, as which paths match is not known before they come.
    const router = new Router<true>({ trailingSlash: "ignore" });
    router.add("*", this.#join(pattern), true);
    return (context, next) => {
      // A malformed path throws here, and is answered with 400.
      return router.match("*", context.path) === undefined ? next() : middleware(context, next);
    };
  }
}

/**
 * A web application: routes, middleware and error handling behind one fetch-style handler.
 *
 * `HEAD` is answered by `GET` routes without their body, `OPTIONS` with the methods of the path,
 * a method that a path has no route for with 405 and `Allow`, a path that is not valid
 * percent-encoding with 400. What a handler throws becomes its status if it is an
 * {@linkcode HttpError}, else a 500 whose trace goes to the log only.
 *
 * @example Usage
 * ```ts
 * import { App, logger, recovery } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.use(logger({ write: () => {} }), recovery());
 * app.get("/users/:id", (c) => c.json({ id: c.param("id"), name: "John" }));
 *
 * const response = await app.request("/users/7");
 * assertEquals(await response.json(), { id: "7", name: "John" });
 * ```
 *
 * @example On a server
 * ```ts ignore
 * import { App, serve } from "@groundwork/std/web";
 *
 * const app = new App();
 * app.get("/", (c) => c.text("Hello"));
 * await serve({ port: 8080 }, app.fetch).finished;
 * ```
 *
 * @typeParam Variables The variables that middleware sets with {@linkcode Context.set}.
 */
export class App<Variables extends object = Record<string, unknown>>
  extends RouteGroup<"", Variables>
  implements ContextHost {
  readonly #router: Router<Endpoint>;
  readonly #options: AppOptions;
  #errorHandler: ErrorHandler<Variables> | undefined;
  #notFoundHandler: RouteHandler = (c) => c.text("Not Found", 404);
  #fallback: Chain | undefined;

  /**
   * Answers a request: a handler for any server that is fetch-style. Bound to the application, so
   * it can be handed over as it is. Never throws, unless the error handler's own answer fails twice.
   */
  readonly fetch: (request: Request, info?: ConnectionInfo) => Response | Promise<Response>;

  /** Makes an application without routes. */
  constructor(options: AppOptions = {}) {
    const router = new Router<Endpoint>(options);
    super({ router }, "", undefined);
    this.#router = router;
    this.#options = options;
    this.fetch = (request, info = DEFAULT_INFO) => this.#handle(request, info);
  }

  /** The routes in the order of registration. */
  get routes(): readonly { readonly method: string; readonly pattern: string }[] {
    return this.#router.routes.map(({ method, pattern }) => ({ method, pattern }));
  }

  /** Sets what answers where no route matches. The application's middleware runs around it. */
  notFound(handler: RouteHandler<Record<string, string | undefined>, Variables>): this {
    this.#notFoundHandler = handler;
    this.#fallback = undefined;
    return this;
  }

  /** Sets what answers for an error that nothing below handled. It is not logged then. */
  onError(handler: ErrorHandler<Variables>): this {
    this.#errorHandler = handler;
    return this;
  }

  /** Adds middleware around the routes that are registered from now on; see {@linkcode RouteGroup}. */
  override use(...middleware: Middleware<Variables>[]): this;
  /** Adds middleware around the routes whose path matches a pattern. */
  override use(pattern: string, ...middleware: Middleware<Variables>[]): this;
  override use(first: string | Middleware<Variables>, ...rest: Middleware<Variables>[]): this {
    this.#fallback = undefined;
    return typeof first === "string" ? super.use(first, ...rest) : super.use(first, ...rest);
  }

  /**
   * Makes a request of the application without a server: for tests.
   *
   * @throws {TypeError} If the path and the options make no valid request.
   */
  async request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = input instanceof Request
      ? new Request(input, init)
      : new Request(new URL(input, "http://localhost"), init);
    return await this.fetch(request);
  }

  /** Logs an error that became a 500 or broke a stream. */
  reportError(error: unknown, context: Context): void {
    if (this.#options.logError !== undefined) return this.#options.logError(error, context);
    console.error(`Error: ${context.method} ${escapeControls(context.path)}:`, error);
  }

  /** Turns an error into an answer: by the error handler, else by the defaults. */
  async errorResponse(error: unknown, context: Context): Promise<Response> {
    let cause = error;
    if (this.#errorHandler !== undefined) {
      try {
        return checkResponse(await this.#errorHandler(error, context));
      } catch (thrown) {
        cause = thrown;
      }
    }
    const known = toHttpError(cause, context);
    if (known === undefined || known.status >= 500) this.reportError(cause, context);
    return (known ?? new HttpError(500)).toResponse();
  }

  #handle(request: Request, info: ConnectionInfo): Response | Promise<Response> {
    const path = pathOf(request.url);
    let match: RouteMatch<Endpoint> | undefined;
    try {
      match = this.#router.match(request.method, path);
    } catch (error) {
      const context = new Context(this, request, info, {}, undefined, path);
      const handler: RouteHandler = () => {
        throw error;
      };
      return this.#run(compose(this.chainOfMiddleware(), handler), context);
    }
    if (match === undefined || match.redirect !== undefined) {
      return this.#handleUnmatched(request, info, path, match?.redirect);
    }
    const { route } = match;
    const context: Context = new Context(this, request, info, match.params, route.pattern, path);
    return this.#run(route.value.chain, context);
  }

  /** A redirect of the trailing slash, automatic OPTIONS, 405 or 404. */
  #handleUnmatched(
    request: Request,
    info: ConnectionInfo,
    path: string,
    redirect: "add" | "remove" | undefined,
  ): Response | Promise<Response> {
    const context = new Context(this, request, info, {}, undefined, path);
    if (redirect !== undefined) {
      const handler: RouteHandler = (c) => c.redirect(toggleSlash(c.req.url, path, redirect), 308);
      return this.#run(compose(this.chainOfMiddleware(), handler), context);
    }
    const isOptions = request.method === "OPTIONS";
    const isWholeServer = isOptions && (path === "*" || path === "/*");
    // What a preflight asks about decides whose middleware answers it.
    const wanted = isOptions ? request.headers.get("access-control-request-method") : null;
    const allowed: string[] = [];
    let neighbour: Endpoint | undefined;
    for (const method of this.#router.candidateMethods()) {
      const match = isWholeServer ? undefined : this.#router.match(method, path);
      if (match === undefined && !isWholeServer) continue;
      allowed.push(method);
      if (match !== undefined && (neighbour === undefined || method === wanted)) {
        neighbour = match.route.value;
      }
    }
    if (allowed.length === 0 && !isWholeServer) {
      this.#fallback ??= compose(this.chainOfMiddleware(), (c) => this.#notFoundHandler(c));
      return this.#run(this.#fallback, context);
    }
    if (!allowed.includes("OPTIONS")) allowed.push("OPTIONS");
    const allow = allowed.join(", ");
    const handler: RouteHandler = isOptions
      ? (c) => c.body(null, 204, { allow })
      : refuse(405, "Method Not Allowed", { allow });
    return this.#run(compose(neighbour?.middleware ?? this.chainOfMiddleware(), handler), context);
  }

  #run(chain: Chain, context: Context): Response | Promise<Response> {
    let result: Response | Promise<Response>;
    try {
      result = chain(context);
      if (!(result instanceof Promise)) return this.#finish(result, context);
    } catch (error) {
      return this.#fail(error, context);
    }
    return this.#runLater(result, context);
  }

  async #runLater(result: Promise<Response>, context: Context): Promise<Response> {
    try {
      return await this.#finish(await result, context);
    } catch (error) {
      return await this.#fail(error, context);
    }
  }

  #finish(result: Response, context: Context): Response | Promise<Response> {
    const response = context.accept(checkResponse(result));
    context.clearDeadline();
    return context.method === "HEAD" && response.body !== null ? headOf(response) : response;
  }

  async #fail(error: unknown, context: Context): Promise<Response> {
    try {
      return await this.#finish(await context.errorResponse(error), context);
    } catch (thrown) {
      // A header that middleware set cannot be sent, or the log is broken.
      context.clearDeadline();
      console.error("Error: cannot answer with an error:", thrown);
      return new HttpError(500).toResponse();
    }
  }
}

/** What is no fault of the program's: it has a status of its own. */
function toHttpError(error: unknown, context: Context): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof MalformedPathError) return new HttpError(400, "Malformed path");
  const { signal } = context;
  if (!signal.aborted || error !== signal.reason) return undefined;
  // A handler handed on why it was stopped: its deadline, or a client that is gone and reads nothing.
  return new HttpError(context.req.signal.aborted ? 499 : 503);
}

function refuse(status: number, message: string, headers?: HeadersInit): RouteHandler {
  return () => {
    throw new HttpError(status, message, headers === undefined ? {} : { headers });
  };
}

/** Same path with the slash added or removed, same query. */
function toggleSlash(url: string, path: string, redirect: "add" | "remove"): string {
  const start = url.indexOf("?");
  const query = start < 0 ? "" : url.slice(start);
  return (redirect === "add" ? path + "/" : path.slice(0, -1)) + query;
}

/** Longest body that is made for `HEAD` only to tell its length. */
const MAX_HEAD_BYTES = 1024 * 1024;

/** The same headers without the body, and the body's length where it is there at once. */
async function headOf(response: Response): Promise<Response> {
  const body = response.body!;
  const { headers } = response;
  if (isStreaming(body) || headers.has("content-length") || headers.has("content-encoding")) {
    body.cancel().catch(() => {});
    return new Response(null, response);
  }
  const peeked = await peekBody(body, MAX_HEAD_BYTES, true);
  const head = new Response(null, response);
  if (peeked.isComplete) head.headers.set("content-length", String(peeked.bytes.byteLength));
  else if (peeked.body instanceof ReadableStream) peeked.body.cancel().catch(() => {});
  return head;
}
