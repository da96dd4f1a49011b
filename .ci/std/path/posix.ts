/** Typed facade of `@std/path/posix` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/path/posix/mod.js";

export interface ParsedPath {
  root: string;
  dir: string;
  base: string;
  ext: string;
  name: string;
}

export const basename: (path: string | URL, suffix?: string) => string = npm.basename;
export const dirname: (path: string | URL) => string = npm.dirname;
export const extname: (path: string | URL) => string = npm.extname;
export const fromFileUrl: (url: string | URL) => string = npm.fromFileUrl;
export const globToRegExp: (
  glob: string,
  options?: { extended?: boolean; globstar?: boolean; caseInsensitive?: boolean },
) => RegExp = npm.globToRegExp;
export const isAbsolute: (path: string) => boolean = npm.isAbsolute;
export const join: (path: string | URL, ...paths: string[]) => string = npm.join;
export const normalize: (path: string | URL) => string = npm.normalize;
export const parse: (path: string) => ParsedPath = npm.parse;
export const relative: (from: string, to: string) => string = npm.relative;
export const resolve: (...segments: string[]) => string = npm.resolve;
export const toFileUrl: (path: string) => URL = npm.toFileUrl;
export const SEPARATOR: "/" = npm.SEPARATOR;
