/** Typed facade of `@std/media-types` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/media_types/mod.js";

export const contentType: (extensionOrType: string) => string | undefined = npm.contentType;
export const typeByExtension: (extension: string) => string | undefined = npm.typeByExtension;
export const extension: (type: string) => string | undefined = npm.extension;
export const parseMediaType: (
  type: string,
) => [mediaType: string, params: Record<string, string> | undefined] = npm.parseMediaType;
