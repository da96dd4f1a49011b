import type { Middleware } from "./context.ts";

/** Options of {@linkcode requestId}. */
export interface RequestIdOptions {
  /**
   * The header that carries the id, both ways.
   *
   * @default {"x-request-id"}
   */
  header?: string;
  /**
   * Whether an id that the client sends is kept, if it is 1 to 128 characters out of letters,
   * digits and `-._`.
   *
   * @default {true}
   */
  acceptIncoming?: boolean;
  /**
   * Makes an id.
   *
   * @default {crypto.randomUUID}
   */
  generate?: () => string;
}

const ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Gives each request an id: as the variable `requestId`, and in the answer's header.
 *
 * @example Usage
 * ```ts
 * import { App, requestId } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App<{ requestId: string }>();
 * app.use(requestId());
 * app.get("/", (c) => c.text(c.get("requestId")));
 *
 * const response = await app.request("/", { headers: { "x-request-id": "abc-1" } });
 * assertEquals(response.headers.get("x-request-id"), "abc-1");
 * assertEquals(await response.text(), "abc-1");
 * ```
 */
export function requestId(options: RequestIdOptions = {}): Middleware {
  const header = options.header ?? "x-request-id";
  const generate = options.generate ?? (() => crypto.randomUUID());
  return (c, next) => {
    const incoming = options.acceptIncoming === false ? null : c.req.headers.get(header);
    const id = incoming !== null && ID.test(incoming) ? incoming : generate();
    c.set("requestId", id);
    c.header(header, id);
    return next();
  };
}
