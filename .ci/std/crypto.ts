/** Typed facade of `@std/crypto` over the plain JavaScript build on npm. */
import { timingSafeEqual as equal } from "npm:deno-std@1.4.0/crypto/timing_safe_equal.js";

export const timingSafeEqual: (
  a: ArrayBufferView | ArrayBufferLike | DataView,
  b: ArrayBufferView | ArrayBufferLike | DataView,
) => boolean = equal;
