/** Typed facade of `@std/fmt/duration` over the plain JavaScript build on npm. */
import { format as npmFormat } from "npm:deno-std@1.4.0/fmt/duration.js";

export const format: (
  ms: number,
  options?: { style?: "narrow" | "full" | "digital"; ignoreZero?: boolean },
) => string = npmFormat;
