/** Typed facade of `@std/cli` over the plain JavaScript build on npm. */
import * as args from "npm:deno-std@1.4.0/cli/parse_args.js";
import * as secret from "npm:deno-std@1.4.0/cli/prompt_secret.js";
import { eastAsianWidth } from "npm:get-east-asian-width@1.3.0";

/** Options that the command lines of this project use; the real type infers the result's shape. */
interface ParseOptions {
  boolean?: boolean | readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  negatable?: readonly string[];
  default?: Record<string, unknown>;
  alias?: Record<string, string | readonly string[]>;
  stopEarly?: boolean;
  "--"?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
interface Args {
  _: (string | number)[];
  "--"?: string[];
  // deno-lint-ignore no-explicit-any
  [name: string]: any;
}

export const parseArgs: (args: readonly string[], options?: ParseOptions) => Args = args.parseArgs;
export const promptSecret: (
  message?: string,
  options?: { mask?: string; clear?: boolean },
) => string | null = secret.promptSecret;

/** The npm build of the package lacks the table that the real function reads. */
export function unicodeWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (!/[\p{M}\p{Cf}\p{Cc}]/u.test(character)) width += eastAsianWidth(character.codePointAt(0)!);
  }
  return width;
}
