import type { Context, Middleware } from "./context.ts";
import { addVary } from "./_headers.ts";

/** Options of {@linkcode cors}. */
export interface CorsOptions {
  /**
   * The origins that may read the answers: `"*"`, one, several, or a function that returns whether
   * one may. Origins are compared as text, scheme and port included.
   *
   * @default {"*"}
   */
  origin?: string | readonly string[] | ((origin: string, context: Context) => boolean);
  /**
   * The methods a preflight allows.
   *
   * @default {["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"]}
   */
  methods?: readonly string[];
  /** The headers a preflight allows; by default those that it asks for. */
  allowHeaders?: readonly string[];
  /** The headers of the answer that scripts may read, beyond the ones they always may. */
  exposeHeaders?: readonly string[];
  /** How long a browser may keep the answer to a preflight, in seconds. */
  maxAgeSeconds?: number;
  /**
   * Whether requests may carry cookies and credentials. Not together with the origin `"*"`.
   *
   * @default {false}
   */
  credentials?: boolean;
}

const DEFAULT_METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"];

/**
 * Cross-origin resource sharing (the Fetch standard): answers preflights, and marks the answers,
 * errors included, that other origins may read. Put it before what authenticates: a preflight
 * carries no credentials.
 *
 * @example Usage
 * ```ts
 * import { App, cors } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.use(cors({ origin: "https://example.com" }));
 * app.put("/a", (c) => c.text("saved"));
 *
 * const headers = { origin: "https://example.com", "access-control-request-method": "PUT" };
 * const response = await app.request("/a", { method: "OPTIONS", headers });
 * assertEquals(response.status, 204);
 * assertEquals(response.headers.get("access-control-allow-origin"), "https://example.com");
 * ```
 *
 * @throws {TypeError} If credentials are allowed for the origin `"*"`.
 */
export function cors(options: CorsOptions = {}): Middleware {
  const origin = options.origin ?? "*";
  if (origin === "*" && options.credentials) {
    throw new TypeError(`Cannot allow credentials for the origin "*": name the origins`);
  }
  const isAllowed = originTest(origin);
  const methods = (options.methods ?? DEFAULT_METHODS).join(", ");
  return (c, next) => {
    const asked = c.req.headers.get("origin");
    if (origin !== "*") c.header("vary", "Origin", "append");
    const mayRead = asked !== null && isAllowed(asked, c);
    if (mayRead) {
      c.header("access-control-allow-origin", origin === "*" ? "*" : asked);
      if (options.credentials) c.header("access-control-allow-credentials", "true");
      if (options.exposeHeaders?.length) {
        c.header("access-control-expose-headers", options.exposeHeaders.join(", "));
      }
    }
    const isPreflight = c.method === "OPTIONS" && asked !== null &&
      c.req.headers.has("access-control-request-method");
    return isPreflight ? preflight(c, options, methods, mayRead) : next();
  };
}

function preflight(c: Context, options: CorsOptions, methods: string, mayRead: boolean): Response {
  const response = c.body(null, 204);
  const { headers } = response;
  addVary(headers, "Access-Control-Request-Method");
  addVary(headers, "Access-Control-Request-Headers");
  // An origin that may not is told nothing, and the browser refuses for us.
  if (!mayRead) return response;
  headers.set("access-control-allow-methods", methods);
  const allowHeaders = options.allowHeaders?.join(", ") ??
    c.req.headers.get("access-control-request-headers");
  if (allowHeaders) headers.set("access-control-allow-headers", allowHeaders);
  if (options.maxAgeSeconds !== undefined) {
    headers.set("access-control-max-age", String(options.maxAgeSeconds));
  }
  return response;
}

function originTest(
  origin: NonNullable<CorsOptions["origin"]>,
): (origin: string, context: Context) => boolean {
  if (typeof origin === "function") return origin;
  if (origin === "*") return () => true;
  const allowed = new Set(typeof origin === "string" ? [origin] : origin);
  return (asked) => allowed.has(asked);
}
