/** Typed facade of `@std/bytes` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/bytes/mod.js";

type Bytes = Uint8Array<ArrayBuffer>;

export const concat: (buffers: Iterable<Uint8Array>) => Bytes = npm.concat;
export const copy: (source: Uint8Array, target: Uint8Array, offset?: number) => number = npm.copy;
export const equals: (a: Uint8Array, b: Uint8Array) => boolean = npm.equals;
export const startsWith: (source: Uint8Array, prefix: Uint8Array) => boolean = npm.startsWith;
export const endsWith: (source: Uint8Array, suffix: Uint8Array) => boolean = npm.endsWith;
export const indexOfNeedle: (source: Uint8Array, needle: Uint8Array, start?: number) => number =
  npm.indexOfNeedle;
export const lastIndexOfNeedle: (
  source: Uint8Array,
  needle: Uint8Array,
  start?: number,
) => number = npm.lastIndexOfNeedle;
export const includesNeedle: (source: Uint8Array, needle: Uint8Array, start?: number) => boolean =
  npm.includesNeedle;
export const repeat: (source: Uint8Array, count: number) => Bytes = npm.repeat;
