/** Typed facade of `@std/encoding` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/encoding/mod.js";

type Bytes = Uint8Array<ArrayBuffer>;
type Data = ArrayBuffer | Uint8Array | string;

export const encodeHex: (data: Data) => string = npm.encodeHex;
export const decodeHex: (text: string) => Bytes = npm.decodeHex;
export const encodeBase64: (data: Data) => string = npm.encodeBase64;
export const decodeBase64: (text: string) => Bytes = npm.decodeBase64;
export const encodeBase64Url: (data: Data) => string = npm.encodeBase64Url;
export const decodeBase64Url: (text: string) => Bytes = npm.decodeBase64Url;
