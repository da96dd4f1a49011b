/** Typed facade of `@std/html` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/html/mod.js";

export const escape: (text: string) => string = npm.escape;
export const unescape: (text: string) => string = npm.unescape;
