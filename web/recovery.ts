import type { Middleware } from "./context.ts";

/**
 * Turns what is thrown below it into the application's answer (an {@linkcode HttpError}'s status,
 * else a 500 whose trace goes to the log only), so that the middleware outside of it sees a
 * response. An {@linkcode App} does the same at its edge; without this, outer middleware sees the
 * exception pass.
 *
 * @example Usage
 * ```ts
 * import { App, recovery } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App({ logError: () => {} });
 * const statuses: number[] = [];
 * app.use(async (_c, next) => {
 *   const response = await next();
 *   statuses.push(response.status);
 * }, recovery());
 * app.get("/", () => {
 *   throw new Error("The database is at 10.0.0.7");
 * });
 *
 * const response = await app.request("/");
 * assertEquals(await response.text(), "Internal Server Error");
 * assertEquals(statuses, [500]);
 * ```
 */
export function recovery(): Middleware {
  return async (c, next) => {
    try {
      return await next();
    } catch (error) {
      return await c.errorResponse(error);
    }
  };
}
