/** Typed facade of `@std/http` over the plain JavaScript build on npm. */
import * as cookie from "npm:deno-std@1.4.0/http/cookie.js";
import * as negotiation from "npm:deno-std@1.4.0/http/negotiation.js";
import * as status from "npm:deno-std@1.4.0/http/status.js";

// Not the package's mod.js: its file server imports a module that the package lacks.
const npm = { ...cookie, ...negotiation, ...status };

export interface Cookie {
  name: string;
  value: string;
  expires?: Date | number;
  maxAge?: number;
  domain?: string;
  path?: string;
  secure?: boolean;
  httpOnly?: boolean;
  partitioned?: boolean;
  sameSite?: "Strict" | "Lax" | "None";
  unparsed?: string[];
}
interface Negotiate {
  (request: Pick<Request, "headers">): string[];
  (request: Pick<Request, "headers">, ...choices: string[]): string | undefined;
}

export const accepts: Negotiate = npm.accepts;
export const acceptsEncodings: Negotiate = npm.acceptsEncodings;
export const acceptsLanguages: Negotiate = npm.acceptsLanguages;
export const getCookies: (headers: Headers) => Record<string, string> = npm.getCookies;
export const setCookie: (headers: Headers, cookie: Cookie) => void = npm.setCookie;
export const deleteCookie: (
  headers: Headers,
  name: string,
  attributes?: Pick<Cookie, "path" | "domain" | "secure" | "httpOnly" | "partitioned">,
) => void = npm.deleteCookie;
export const STATUS_TEXT: Readonly<Record<number, string>> = npm.STATUS_TEXT;
