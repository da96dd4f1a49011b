/** Typed facade of `@std/fmt/bytes` over the plain JavaScript build on npm. */
import { format as npmFormat } from "npm:deno-std@1.4.0/fmt/bytes.js";

interface FormatOptions {
  bits?: boolean;
  binary?: boolean;
  signed?: boolean;
  locale?: boolean | string | string[];
  minimumFractionDigits?: number;
  maximumFractionDigits?: number;
}

export const format: (bytes: number, options?: FormatOptions) => string = npmFormat;
