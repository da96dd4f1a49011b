import { bodyFromSource, type StreamSource } from "./body_writer.ts";
import type { ConnectionInfo } from "./handler.ts";
import { markStreaming } from "./_headers.ts";
import { pathOf, plainQueryValue, queryOf } from "./_path.ts";
import { sseBody, type SseEvent, type SseOptions, type SseStream } from "./sse.ts";
import { serveFile, type ServeFileOptions } from "./static.ts";

/** Headers of an answer, as a plain record: the cheapest form. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** What a {@linkcode Context} needs from its application. */
export interface ContextHost {
  /** Makes the answer for an error. */
  errorResponse(error: unknown, context: Context): Promise<Response>;
  /** Takes an error that can no longer become an answer, as the answer has begun. */
  reportError(error: unknown, context: Context): void;
}

/**
 * What a middleware may return: the answer, or nothing if it awaited `next()` and the answer is to
 * stay as it is.
 */
export type MiddlewareResult = Response | void | Promise<Response | void>;

/** Runs the rest of the chain and resolves to its answer. May be called once. */
export type Next = () => Promise<Response>;

/**
 * A layer around the handlers below it. It may answer itself, or await `next()` and return the
 * answer, another one, or nothing, which stands for {@linkcode Context.res}.
 */
export type Middleware<
  // Middleware that does not care about variables fits every application.
  // deno-lint-ignore no-explicit-any
  Variables extends object = any,
> = (
  // deno-lint-ignore no-explicit-any
  context: Context<any, Variables>,
  next: Next,
) => MiddlewareResult;

/** The end of a chain: answers a request. */
export type RouteHandler<
  // deno-lint-ignore no-explicit-any
  PathParameters = any,
  // deno-lint-ignore no-explicit-any
  Variables extends object = any,
> = (context: Context<PathParameters, Variables>) => Response | Promise<Response>;

/** How {@linkcode Context.header} treats a header that is there already. */
export type HeaderMode = "set" | "append" | "default";

interface StagedHeader {
  readonly name: string;
  readonly value: string;
  readonly mode: HeaderMode;
}

/** A content type, and the same as what the platform makes a response of fastest. */
interface ContentType {
  readonly type: string;
  readonly init: ResponseInit;
}

function contentType(type: string): ContentType {
  return { type, init: { headers: { "content-type": type } } };
}

/** As the platform writes it, for a response without headers of its own is the cheapest there is. */
const TEXT = contentType("text/plain;charset=UTF-8");
const HTML = contentType("text/html; charset=utf-8");
const JSON_TYPE = contentType("application/json");
const EVENTS = contentType("text/event-stream; charset=utf-8");
const EVENT_HEADERS: HeaderRecord = {
  "cache-control": "no-cache, no-transform",
  // Tells nginx and its like not to collect the events before it passes them on.
  "x-accel-buffering": "no",
};

/**
 * One request on its way through an {@linkcode App}: what was asked, what the route captured, the
 * variables that middleware left, and helpers that make answers.
 *
 * @example Usage
 * ```ts
 * import { App } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.get("/users/:id", (c) => {
 *   c.header("cache-control", "no-store");
 *   return c.json({ id: c.param("id"), page: c.query("page", "1") });
 * });
 *
 * const response = await app.request("/users/7?page=2");
 * assertEquals(await response.json(), { id: "7", page: "2" });
 * assertEquals(response.headers.get("cache-control"), "no-store");
 * ```
 *
 * @typeParam PathParameters The parameters that the route's pattern captures.
 * @typeParam Variables The variables that middleware sets.
 */
export class Context<
  // deno-lint-ignore no-explicit-any
  PathParameters = any,
  // deno-lint-ignore no-explicit-any
  Variables extends object = any,
> {
  readonly #host: ContextHost;
  #request: Request;
  #response: Response | undefined = undefined;
  #staged: StagedHeader[] | undefined = undefined;
  #variables: Partial<Variables> | undefined = undefined;
  #search: URLSearchParams | undefined = undefined;
  #url: URL | undefined = undefined;
  #deadline: Deadline | undefined = undefined;

  /** The connection that the request came over. */
  readonly info: ConnectionInfo;
  /** The raw path: percent-encoded, without the query. */
  readonly path: string;
  /** The decoded parameters that the route captured. */
  readonly params: PathParameters;
  /** The pattern of the route, or `undefined` where none matched: a label for metrics. */
  readonly pattern: string | undefined;

  /** Made by {@linkcode App.fetch}; made by hand, `path` is taken from the request. */
  constructor(
    host: ContextHost,
    request: Request,
    info: ConnectionInfo,
    params: PathParameters,
    pattern: string | undefined,
    path: string = pathOf(request.url),
  ) {
    this.#host = host;
    this.#request = request;
    this.info = info;
    this.path = path;
    this.params = params;
    this.pattern = pattern;
  }

  /** The request, with `json()`, `text()`, `formData()` and `headers` as the platform has them. */
  get req(): Request {
    return this.#request;
  }

  /** Middleware replaces the request here, e.g. to put a limit on its body. */
  set req(request: Request) {
    this.#request = request;
    this.#search = undefined;
    this.#url = undefined;
  }

  /** The method of the request. */
  get method(): string {
    return this.#request.method;
  }

  /** The URL of the request, parsed on first use. */
  get url(): URL {
    return this.#url ??= new URL(this.#request.url);
  }

  /**
   * The answer, once there is one: what `next()` resolved to. Before that reading it throws.
   *
   * @throws {TypeError} If there is no answer yet.
   */
  get res(): Response {
    if (this.#response !== undefined) return this.#response;
    throw new TypeError("Cannot read the answer: there is none before next() has resolved");
  }

  set res(response: Response) {
    this.#response = response;
  }

  /** Whether there is an answer to read. */
  get hasRes(): boolean {
    return this.#response !== undefined;
  }

  /** A decoded parameter of the path. A missing optional one is `undefined`. */
  param<Name extends keyof PathParameters & string>(name: Name): PathParameters[Name] {
    const value = this.params[name];
    // The record inherits from Object, whose members are no parameters; none of them is a string.
    return typeof value === "string" ? value : undefined as PathParameters[Name];
  }

  /** The first value of a query parameter, decoded, or `undefined`, or the default given. */
  query(name: string): string | undefined;
  /** The first value of a query parameter, decoded, or the default. */
  query(name: string, defaultValue: string): string;
  query(name: string, defaultValue?: string): string | undefined {
    if (this.#search === undefined) {
      const value = plainQueryValue(this.#request.url, name);
      if (value !== false) return value ?? defaultValue;
    }
    return this.#searchParams().get(name) ?? defaultValue;
  }

  /** All values of a query parameter in their order, decoded. */
  queries(name: string): string[] {
    return this.#searchParams().getAll(name);
  }

  #searchParams(): URLSearchParams {
    if (this.#search !== undefined) return this.#search;
    return this.#search = new URLSearchParams(queryOf(this.#request.url));
  }

  /** A variable that earlier middleware set. */
  get<Name extends keyof Variables>(name: Name): Variables[Name] {
    return this.#variables?.[name] as Variables[Name];
  }

  /** Sets a variable for what runs after, and for what awaits `next()`. */
  set<Name extends keyof Variables>(name: Name, value: Variables[Name]): void {
    // No prototype: a variable named "constructor" is unset until it is set.
    this.#variables ??= Object.create(null) as Partial<Variables>;
    this.#variables[name] = value;
  }

  /**
   * Sets a header of the answer: of the one there is, or of the one to come, an error's included.
   * One that is there is replaced (`"set"`), joined (`"append"`) or kept (`"default"`).
   *
   * @throws {TypeError} If the name or the value is not allowed in a header, at the latest when the
   * answer is made.
   */
  header(name: string, value: string, mode: HeaderMode = "set"): void {
    const header = { name, value, mode };
    if (this.#response !== undefined) this.#response = withHeaders(this.#response, [header]);
    else (this.#staged ??= []).push(header);
  }

  /** An answer with any body. */
  body(
    body: BodyInit | null,
    status = 200,
    headers?: HeaderRecord,
  ): Response {
    return this.#answer(body, status, undefined, headers);
  }

  /** An answer of plain text. */
  text(text: string, status = 200, headers?: HeaderRecord): Response {
    if (status === 200 && headers === undefined) return new Response(text);
    return this.#answer(text, status, TEXT, headers);
  }

  /** An answer of HTML. The text is sent as it is: escaping is the template's work. */
  html(html: string, status = 200, headers?: HeaderRecord): Response {
    return this.#answer(html, status, HTML, headers);
  }

  /**
   * An answer of JSON.
   *
   * @throws {TypeError} If the value has no JSON form (`undefined`, a function, a cycle, a BigInt).
   */
  json(value: unknown, status = 200, headers?: HeaderRecord): Response {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError("Cannot answer with JSON: the value has none");
    return this.#answer(text, status, JSON_TYPE, headers);
  }

  /**
   * Sends the client elsewhere, by default with 302. The location is sent as it is: one that comes
   * from the request must be checked, or this is an open redirect.
   *
   * @throws {RangeError} If the status is not 301, 302, 303, 307 or 308.
   */
  redirect(location: string, status: 301 | 302 | 303 | 307 | 308 = 302): Response {
    if (![301, 302, 303, 307, 308].includes(status)) {
      throw new RangeError(`Cannot redirect with status ${status}`);
    }
    return this.#answer(null, status, undefined, { location: encodeLocation(location) });
  }

  /**
   * An answer whose body is made bit by bit: from a stream, an async iterable, or a function that
   * writes. The source is first asked when the client reads, waits where the client is slow, and is
   * stopped when it is gone. A failure breaks the connection and goes to the log.
   */
  stream(source: StreamSource, status = 200, headers?: HeaderRecord): Response {
    const body = bodyFromSource(source, this.#request.signal, this.#reporter());
    return this.#answer(markStreaming(body), status, undefined, headers);
  }

  /**
   * An answer of server-sent events, from an async iterable or a function that sends. Backpressure,
   * a client that leaves, and failures are treated as in {@linkcode stream}. A comment keeps a
   * silent stream open.
   *
   * @example Usage
   * ```ts
   * import { App } from "@groundwork/std/web";
   * import { assertEquals } from "@std/assert";
   *
   * const app = new App();
   * app.get("/ticks", (c) =>
   *   c.sse(async (stream) => {
   *     for (let tick = 1; tick <= 2; tick++) await stream.send({ event: "tick", data: tick });
   *   }));
   *
   * const response = await app.request("/ticks");
   * assertEquals(await response.text(), "event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n");
   * ```
   */
  sse(
    source: AsyncIterable<SseEvent> | ((stream: SseStream) => void | Promise<void>),
    options: SseOptions = {},
  ): Response {
    const lastEventId = this.#request.headers.get("last-event-id") ?? undefined;
    const { signal } = this.#request;
    const body = sseBody(source, lastEventId, options, signal, this.#reporter());
    return this.#answer(markStreaming(body), 200, EVENTS, EVENT_HEADERS);
  }

  /** Answers with a file; see {@linkcode serveFile}. The path is the application's, not a URL's. */
  file(path: string, options?: ServeFileOptions): Promise<Response> {
    return serveFile(this.#request, path, options);
  }

  /**
   * Aborted when the client is gone, or the deadline has passed. Hand it to everything that is
   * awaited on the request's behalf.
   */
  get signal(): AbortSignal {
    return this.#deadline === undefined
      ? this.#request.signal
      : this.#deadline.signalWith(this.#request.signal);
  }

  /** When the answer is due, in epoch milliseconds, or `undefined`. */
  get deadline(): number | undefined {
    return this.#deadline?.atMs;
  }

  /**
   * Gives the handlers below at most `timeoutMs` from now, and aborts {@linkcode signal} with a
   * `TimeoutError` when it has passed. A deadline is only ever moved closer; it ends when the
   * answer is made, so it does not cut a streamed body. Read {@linkcode signal} after it.
   */
  setDeadline(timeoutMs: number): void {
    const atMs = Date.now() + timeoutMs;
    if (this.#deadline !== undefined && this.#deadline.atMs <= atMs) return;
    this.#deadline?.clear();
    this.#deadline = new Deadline(atMs, timeoutMs, this.#deadline);
  }

  /** Ends the deadline; the application calls it when there is an answer. */
  clearDeadline(): void {
    this.#deadline?.clear();
  }

  /** Makes the answer that the application gives for an error, as if nothing had caught it. */
  errorResponse(error: unknown): Promise<Response> {
    // The answer that an outer layer may have had is void, and its headers with it.
    this.#response = undefined;
    return this.#host.errorResponse(error, this);
  }

  /** Makes a response the answer, with the headers that were set before there was one. */
  accept(response: Response): Response {
    if (this.#staged === undefined) return this.#response = response;
    const staged = this.#staged;
    this.#staged = undefined;
    return this.#response = withHeaders(response, staged);
  }

  #reporter(): (error: unknown) => void {
    return (error) => this.#host.reportError(error, this);
  }

  /** Sets headers one by one: a response that is made with several costs ten times as much. */
  #answer(
    body: BodyInit | null,
    status: number,
    contentType: ContentType | undefined,
    extra: HeaderRecord | undefined,
  ): Response {
    let response: Response;
    if (status === 200 && contentType !== undefined) {
      response = new Response(body, contentType.init);
    } else {
      response = new Response(body, { status });
      if (contentType !== undefined) response.headers.set("content-type", contentType.type);
    }
    if (extra !== undefined) {
      const { headers } = response;
      for (const name of Object.keys(extra)) headers.set(name, extra[name]!);
    }
    return response;
  }
}

/** A point in time that aborts a signal; one that replaces another aborts the other's signal too. */
class Deadline {
  readonly atMs: number;
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  #combined: AbortSignal | undefined;
  #with: AbortSignal | undefined;

  constructor(atMs: number, timeoutMs: number, replaced: Deadline | undefined) {
    this.atMs = atMs;
    this.#timer = setTimeout(() => {
      const reason = new DOMException("The deadline has passed", "TimeoutError");
      this.#controller.abort(reason);
      replaced?.abort(reason);
    }, timeoutMs);
  }

  signalWith(signal: AbortSignal): AbortSignal {
    if (this.#combined === undefined || this.#with !== signal) {
      this.#with = signal;
      this.#combined = AbortSignal.any([signal, this.#controller.signal]);
    }
    return this.#combined;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function applyHeaders(headers: Headers, staged: readonly StagedHeader[]): void {
  for (const { name, value, mode } of staged) {
    if (mode === "append") headers.append(name, value);
    else if (mode === "set" || !headers.has(name)) headers.set(name, value);
  }
}

/** Puts headers on an answer; one from `fetch()` is immutable and gets copied. */
function withHeaders(response: Response, staged: readonly StagedHeader[]): Response {
  try {
    applyHeaders(response.headers, staged);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Not possible for a network error or an opaque answer, whose status is 0: the copy throws.
    const copy = new Response(response.body, response);
    applyHeaders(copy.headers, staged);
    return copy;
  }
}

/** A header holds ASCII: the rest is encoded as a browser would, and so is the backslash. */
function encodeLocation(location: string): string {
  return location.replace(/[^\x21-\x7e]|\\/gu, (char) => {
    const code = char.codePointAt(0)!;
    return code >= 0xd800 && code <= 0xdfff ? "%EF%BF%BD" : encodeURIComponent(char);
  });
}
