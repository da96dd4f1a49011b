/**
 * `env--helper`: variables of the environment read as settings.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { parseBool, parseInt64 } from "../config.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git env--helper`, which Git's own scripts use to read switches. */
export function envHelper(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "type= default= exit-code",
    "git env--helper --type=[bool|ulong] <options> <env-var>",
  );
  const name = o.rest[0];
  const type = o.text("type");
  if (name === undefined || (type !== "bool" && type !== "ulong")) {
    throw usageError("", "git env--helper --type=[bool|ulong] <options> <env-var>");
  }
  const fallback = o.text("default");
  const check = (text: ByteString): number => {
    if (type === "bool") {
      const value = parseBool(text);
      if (value === undefined) die(`bad boolean environment value '${text}' for '${name}'`);
      return value ? 1 : 0;
    }
    const value = parseInt64(text);
    if (value === undefined) die(`failed to parse ulong number '${text}'`);
    return value;
  };
  if (fallback !== undefined && type === "bool" && parseBool(fallback) === undefined) {
    throw new Exit(
      129,
      `error: option \`--default' expects a boolean value with \`--type=bool\`, not \`${fallback}\`\n`,
    );
  }
  const text = cli.env.get(name);
  const value = text === undefined
    ? check(fallback ?? (type === "bool" ? "false" : "0"))
    : check(text);
  if (!o.flag("exit-code")) cli.out(type === "bool" ? `${value !== 0}\n` : `${value}\n`);
  return value !== 0 ? 0 : 1;
}
