import type { Middleware } from "./context.ts";

/**
 * The headers that {@linkcode secureHeaders} sets if nothing is said, by their names in lower case.
 * There is no Content-Security-Policy among them: no one fits every application.
 */
export const DEFAULT_SECURE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "origin-agent-cluster": "?1",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=15552000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-dns-prefetch-control": "off",
  "x-download-options": "noopen",
  "x-frame-options": "SAMEORIGIN",
  "x-permitted-cross-domain-policies": "none",
  "x-xss-protection": "0",
});

/**
 * Sets headers that make browsers careful, on every answer, errors included. One that a handler
 * sets itself is kept.
 *
 * @param headers Values in place of the defaults, more headers, or `false` to leave one out.
 *
 * @example Usage
 * ```ts
 * import { App, secureHeaders } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.use(secureHeaders({
 *   "content-security-policy": "default-src 'self'",
 *   "strict-transport-security": false,
 * }));
 * const { headers } = await app.request("/");
 * assertEquals(headers.get("x-content-type-options"), "nosniff");
 * assertEquals(headers.get("content-security-policy"), "default-src 'self'");
 * assertEquals(headers.has("strict-transport-security"), false);
 * ```
 *
 * @throws {TypeError} If a name or a value is not allowed in a header.
 */
export function secureHeaders(headers: Readonly<Record<string, string | false>> = {}): Middleware {
  const merged: Record<string, string | false> = { ...DEFAULT_SECURE_HEADERS };
  for (const [name, value] of Object.entries(headers)) merged[name.toLowerCase()] = value;
  const entries: [string, string][] = [];
  for (const [name, value] of Object.entries(merged)) {
    if (value !== false) entries.push([name, value]);
  }
  new Headers(entries);
  return (c, next) => {
    for (const [name, value] of entries) c.header(name, value, "default");
    return next();
  };
}
