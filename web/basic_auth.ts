import { decodeBase64 } from "@std/encoding";
import { digest, isSameDigest } from "./_credentials.ts";
import { quote } from "./_headers.ts";
import type { Context, Middleware } from "./context.ts";
import { HttpError } from "./http_error.ts";

/** Options of {@linkcode basicAuth}: one of `users` and `verify` must be there. */
export interface BasicAuthOptions {
  /** Passwords by user name. */
  users?: Readonly<Record<string, string>>;
  /** Decides itself. It must take care that its time does not tell what was right. */
  verify?: (username: string, password: string, context: Context) => boolean | Promise<boolean>;
  /**
   * What the browser tells the user that the password is for.
   *
   * @default {"Restricted"}
   */
  realm?: string;
}

/** Longest header that is looked at, in characters. */
const MAX_CREDENTIALS_LENGTH = 4096;

/**
 * Asks for a user name and a password (RFC 7617); the name is then the variable `username`. The
 * time of the check depends neither on the user nor on the password: each side is hashed, and every
 * user is compared.
 *
 * @example Usage
 * ```ts
 * import { App, basicAuth } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App<{ username: string }>();
 * app.use(basicAuth({ users: { ada: "lovelace" } }));
 * app.get("/", (c) => c.text(`Hello ${c.get("username")}`));
 *
 * assertEquals((await app.request("/")).status, 401);
 * const headers = { authorization: `Basic ${btoa("ada:lovelace")}` };
 * assertEquals(await (await app.request("/", { headers })).text(), "Hello ada");
 * ```
 *
 * @throws {TypeError} If there is neither `users` nor `verify`, a user name has a colon in it, or
 * the realm is not ASCII.
 */
export function basicAuth(options: BasicAuthOptions): Middleware {
  const verify = options.verify ?? verifierOf(options.users);
  const challenge = `Basic realm=${quote(options.realm ?? "Restricted")}, charset="UTF-8"`;
  return async (c, next) => {
    const credentials = parseBasic(c.req.headers.get("authorization"));
    if (credentials === undefined || !await verify(...credentials, c)) {
      throw new HttpError(401, "Unauthorized", { headers: { "www-authenticate": challenge } });
    }
    c.set("username", credentials[0]);
    return await next();
  };
}

function verifierOf(
  users: Readonly<Record<string, string>> | undefined,
): (username: string, password: string) => boolean {
  if (users === undefined) throw new TypeError("Cannot authenticate: there are no users");
  const known = Object.entries(users).map(([username, password]) => {
    if (username.includes(":")) {
      throw new TypeError(`Cannot use the name "${username}": it has a colon in it`);
    }
    return { username: digest(username), password: digest(password) };
  });
  return (username, password) => {
    const name = digest(username);
    const secret = digest(password);
    let isValid = false;
    for (const user of known) {
      const isUser = isSameDigest(user.username, name);
      const isPassword = isSameDigest(user.password, secret);
      isValid = (isUser && isPassword) || isValid;
    }
    return isValid;
  };
}

function parseBasic(header: string | null): [username: string, password: string] | undefined {
  if (header === null || header.length > MAX_CREDENTIALS_LENGTH) return undefined;
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64(encoded));
    const colon = text.indexOf(":");
    return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
  } catch {
    return undefined;
  }
}
