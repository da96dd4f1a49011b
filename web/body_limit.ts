import type { Middleware } from "./context.ts";
import { HttpError } from "./http_error.ts";

/** Options of {@linkcode bodyLimit}. */
export interface BodyLimitOptions {
  /** The largest body, in bytes. */
  maxBytes: number;
}

/**
 * Refuses larger request bodies with 413: at once where `Content-Length` tells, else when the
 * reading passes the limit, which makes `c.req.json()` and the like reject.
 *
 * @example Usage
 * ```ts
 * import { App, bodyLimit } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.post("/", bodyLimit({ maxBytes: 4 }), async (c) => c.text(await c.req.text()));
 *
 * assertEquals((await app.request("/", { method: "POST", body: "1234" })).status, 200);
 * assertEquals((await app.request("/", { method: "POST", body: "12345" })).status, 413);
 * ```
 *
 * @throws {RangeError} If the limit is not a whole number of bytes.
 */
export function bodyLimit(options: BodyLimitOptions): Middleware {
  const { maxBytes } = options;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError(`Cannot limit bodies to ${maxBytes} bytes`);
  }
  return (c, next) => {
    const { req } = c;
    const length = req.headers.get("content-length");
    if (length !== null && Number(length) > maxBytes) throw new HttpError(413);
    if (req.body === null) return next();
    c.req = new Request(req.url, {
      method: req.method,
      headers: req.headers,
      body: req.body.pipeThrough(limitStream(maxBytes)),
      signal: req.signal,
    });
    return next();
  };
}

function limitStream(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) controller.error(new HttpError(413));
      else controller.enqueue(chunk);
    },
  });
}
