import { digest, isSameDigest } from "./_credentials.ts";
import { quote } from "./_headers.ts";
import type { Context, Middleware } from "./context.ts";
import { HttpError } from "./http_error.ts";

/** Options of {@linkcode bearerAuth}: one of `token` and `verify` must be there. */
export interface BearerAuthOptions {
  /** The token, or all that are good. */
  token?: string | readonly string[];
  /** Decides itself. It must take care that its time does not tell how much was right. */
  verify?: (token: string, context: Context) => boolean | Promise<boolean>;
  /** What the token is for. */
  realm?: string;
}

/** Longest header that is looked at, in characters. */
const MAX_CREDENTIALS_LENGTH = 8192;

/**
 * Asks for a bearer token (RFC 6750); it is then the variable `token`. No token is 401, one that is
 * not right 401 with `invalid_token`, a malformed header 400 with `invalid_request`. The time of
 * the check does not depend on the tokens: each side is hashed, and every token is compared.
 *
 * @example Usage
 * ```ts
 * import { App, bearerAuth } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.use(bearerAuth({ token: ["secret-1", "secret-2"] }));
 * app.get("/", (c) => c.text("in"));
 *
 * const response = await app.request("/", { headers: { authorization: "Bearer guess" } });
 * assertEquals(response.headers.get("www-authenticate"), `Bearer error="invalid_token"`);
 * const headers = { authorization: "Bearer secret-2" };
 * assertEquals((await app.request("/", { headers })).status, 200);
 * ```
 *
 * @throws {TypeError} If there is neither `token` nor `verify`, a token is empty, or the realm is
 * not ASCII.
 */
export function bearerAuth(options: BearerAuthOptions): Middleware {
  const verify = options.verify ?? verifierOf(options.token);
  const realm = options.realm === undefined ? undefined : `realm=${quote(options.realm)}`;
  const refuse = (status: 400 | 401, error?: string): HttpError => {
    const details = [realm, error && `error="${error}"`].filter((detail) => detail);
    return new HttpError(status, status === 401 ? "Unauthorized" : "Bad Request", {
      headers: { "www-authenticate": `Bearer ${details.join(", ")}`.trim() },
    });
  };
  return async (c, next) => {
    const header = c.req.headers.get("authorization");
    if (header === null) throw refuse(401);
    if (!/^Bearer(?: |$)/i.test(header)) throw refuse(401);
    const token = header.length > MAX_CREDENTIALS_LENGTH
      ? undefined
      : /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header)?.[1];
    if (token === undefined) throw refuse(400, "invalid_request");
    if (!await verify(token, c)) throw refuse(401, "invalid_token");
    c.set("token", token);
    return await next();
  };
}

function verifierOf(token: string | readonly string[] | undefined): (token: string) => boolean {
  const tokens = typeof token === "string" ? [token] : token ?? [];
  if (tokens.length === 0 || tokens.includes("")) {
    throw new TypeError("Cannot authenticate: there is no token, or an empty one");
  }
  const digests = tokens.map(digest);
  return (candidate) => {
    const given = digest(candidate);
    let isValid = false;
    for (const known of digests) isValid = isSameDigest(known, given) || isValid;
    return isValid;
  };
}
