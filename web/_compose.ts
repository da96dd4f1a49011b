import type { Context, Middleware, RouteHandler } from "./context.ts";

/** A whole chain, composed once: middleware around middleware around a handler. */
export type Chain = (context: Context) => Response | Promise<Response>;

/**
 * Composes a chain when its route is registered. A request then costs one closure a layer (the
 * `next` it gets), and a chain without middleware costs nothing over its handler.
 */
export function compose(middleware: readonly Middleware[], handler: RouteHandler): Chain {
  let chain: Chain = handler;
  for (let index = middleware.length - 1; index >= 0; index--) {
    chain = layer(middleware[index]!, chain);
  }
  return chain;
}

function layer(middleware: Middleware, inner: Chain): Chain {
  return (context) => {
    let below: Promise<Response> | undefined;
    const next = (): Promise<Response> => {
      if (below !== undefined) {
        return Promise.reject(new Error("Cannot call next() twice in one middleware"));
      }
      return below = runInner(context, inner);
    };
    const result = middleware(context, next);
    // A layer that hands on what it got from next() costs no promise of its own.
    if (result === below && below !== undefined) return below;
    return result instanceof Promise ? settleLater(context, result) : settle(context, result);
  };
}

/** The function is asynchronous so that what the chain throws becomes a rejection too. */
async function runInner(context: Context, inner: Chain): Promise<Response> {
  const result = inner(context);
  const response = result instanceof Promise ? await result : result;
  return context.accept(checkResponse(response));
}

async function settleLater(context: Context, result: Promise<Response | void>): Promise<Response> {
  return settle(context, await result);
}

/** What a layer ends with: its own answer, or the one below it. */
function settle(context: Context, response: Response | void): Response {
  if (response !== undefined) return checkResponse(response);
  if (context.hasRes) return context.res;
  throw new TypeError("A middleware returned nothing, and did not await next()");
}

/** JavaScript callers return what they like; name the mistake instead of failing far from it. */
export function checkResponse(response: Response): Response {
  if (response instanceof Response) return response;
  throw new TypeError(`A handler must return a Response, not ${describe(response)}`);
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value;
}
