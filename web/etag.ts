import { createHash } from "node:crypto";
import { isStreaming, withBody } from "./_headers.ts";
import { peekBody } from "./_peek.ts";
import type { Middleware } from "./context.ts";

/** Options of {@linkcode etag}. */
export interface EtagOptions {
  /**
   * Whether tags are weak: two answers with one tag are equivalent, not the same byte for byte.
   *
   * @default {false}
   */
  weak?: boolean;
  /**
   * The largest body that is hashed, in bytes; it waits in memory until it is.
   *
   * @default {1048576}
   */
  maxBytes?: number;
}

/**
 * Tags answers to `GET` and `HEAD` that have status 200 with a hash of their body, and answers 304
 * where the client has it already (`If-None-Match`, RFC 9110 section 13.1.2, compared weakly). A
 * tag that a handler set is used as it is. Streams and larger bodies pass untagged.
 *
 * @example Usage
 * ```ts
 * import { App, etag } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.use(etag());
 * app.get("/", (c) => c.text("hello"));
 *
 * const tag = (await app.request("/")).headers.get("etag")!;
 * const response = await app.request("/", { headers: { "if-none-match": tag } });
 * assertEquals(response.status, 304);
 * assertEquals(response.headers.get("etag"), tag);
 * ```
 */
export function etag(options: EtagOptions = {}): Middleware {
  const maxBytes = options.maxBytes ?? 1024 * 1024;
  return async (c, next) => {
    let response = await next();
    if ((c.method !== "GET" && c.method !== "HEAD") || response.status !== 200) return response;
    let tag = response.headers.get("etag");
    if (tag === null) {
      if (response.body === null || isStreaming(response.body)) return response;
      const length = response.headers.get("content-length");
      if (length !== null && Number(length) > maxBytes) return response;
      const { bytes, isComplete, body } = await peekBody(response.body, maxBytes + 1);
      response = withBody(response, body);
      if (!isComplete) return response;
      const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 27);
      tag = `${options.weak ? "W/" : ""}"${hash}"`;
      response.headers.set("etag", tag);
    }
    const candidates = c.req.headers.get("if-none-match");
    if (candidates === null || !matchesWeakly(candidates, tag)) return response;
    await response.body?.cancel();
    const notModified = new Response(null, { status: 304, headers: response.headers });
    // These describe the body that is not sent; a cache would take them for new values.
    for (const name of ["content-type", "content-length", "content-encoding", "content-range"]) {
      notModified.headers.delete(name);
    }
    return notModified;
  };
}

/** Whether one tag of a list is the tag, strong or weak (RFC 9110 section 8.8.3.2). */
export function matchesWeakly(list: string, tag: string): boolean {
  if (list.trim() === "*") return true;
  const opaque = tag.replace(/^W\//, "");
  for (const [candidate] of list.matchAll(/"[^"]*"/g)) {
    if (candidate === opaque) return true;
  }
  return false;
}
