/**
 * Command-line options the way Git takes them: bundled short ones, abbreviated long ones, `--no-x`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { parseInt64 } from "../config.ts";
import { type Cli, Exit } from "./_context.ts";

/** What was given: flags as booleans, counts as numbers, values as text. */
export class Options {
  readonly values: Map<string, boolean | number | ByteString | ByteString[]> = new Map();
  /** Every option in the order given; the value is `false` for `--no-x`. */
  readonly order: [string, ByteString | boolean][] = [];
  /** What is left. */
  rest: ByteString[] = [];
  /** How many of {@linkcode rest} came before `--`; -1 without one. */
  dashes = -1;

  /** Whether a flag is on. */
  flag(name: string): boolean {
    const value = this.values.get(name);
    return value !== undefined && value !== false && value !== 0;
  }
  /** Whether it was given at all. */
  given(name: string): boolean {
    return this.values.has(name);
  }
  /** Whether it was given as `--no-x`. */
  negated(name: string): boolean {
    return this.values.get(name) === false;
  }
  /** The text of an option. */
  text(name: string): ByteString | undefined {
    const value = this.values.get(name);
    return typeof value === "string" ? value : undefined;
  }
  /** All texts of a repeatable option. */
  list(name: string): ByteString[] {
    const value = this.values.get(name);
    return Array.isArray(value) ? value : [];
  }
  /** How often a flag was given. */
  count(name: string): number {
    const value = this.values.get(name);
    return typeof value === "number" ? value : value === true ? 1 : 0;
  }
}

interface Spec {
  key: string;
  names: string[];
  kind: "flag" | "count" | "value" | "list" | "optional" | "number" | "last";
  negatable: boolean;
  hidden: boolean;
}

const cache = new Map<string, Spec[]>();

/**
 * The grammar of one spec: names separated by commas, then nothing for a flag, `+` for a count,
 * `=` for a value, `*` for a list of values, `?` for an optional value (only with `=`), `#` for a
 * number, `~` for a value that may be missing where it would be the last argument. A leading `!` means there is no `--no-` form. The last name is the key.
 */
function parseSpecs(text: string): Spec[] {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const specs = text.trim().split(/\s+/).filter((word) => word !== "").map((word): Spec => {
    const negatable = !word.startsWith("!");
    const body = negatable ? word : word.slice(1);
    const mark = body.at(-1)!;
    const kinds: Record<string, Spec["kind"]> = {
      "+": "count",
      "=": "value",
      "*": "list",
      "?": "optional",
      "#": "number",
      "~": "last",
    };
    const kind = kinds[mark] ?? "flag";
    const names = (kind === "flag" ? body : body.slice(0, -1)).split(",");
    return { key: names.at(-1)!, names, kind, negatable, hidden: false };
  });
  cache.set(text, specs);
  return specs;
}

/** How {@linkcode parseOptions} treats what it does not know. */
export interface ParseSettings {
  /** Stop at the first argument that is not an option. */
  stopAtArgument?: boolean;
  /** Leave unknown options in the rest. */
  keepUnknown?: boolean;
  /** Leave `--` in the rest. */
  keepDashes?: boolean;
  /** A number such as `-5` sets this key. */
  numberKey?: string;
}

/** Fails for the modes that ask about each hunk, which would otherwise change everything unasked. */
export function refusePatchMode(options: Options, command: string): void {
  if (!options.flag("patch") && !options.flag("interactive")) return;
  if (options.flag("dry-run")) {
    throw new Exit(
      128,
      "fatal: options '--dry-run' and '--interactive/--patch' cannot be used together\n",
    );
  }
  throw new Exit(
    128,
    `fatal: '${command} --patch' and '--interactive' are not available; name the paths instead\n`,
  );
}

/** The message and exit of a usage error. */
export function usageError(text: ByteString, usage: string): Exit {
  return new Exit(129, `${text}${text === "" ? "" : "\n"}usage: ${usage}\n`);
}

/** The options of a command, one a line, below its usage. */
function optionList(specs: readonly Spec[]): string {
  const lines = specs.filter((spec) => !spec.hidden).map((spec) => {
    const names = spec.names.map((name) => name.length === 1 ? `-${name}` : `--${name}`).join(", ");
    const long = spec.names.some((name) => name.length > 1);
    switch (spec.kind) {
      case "value":
      case "list":
      case "last":
        return `    ${names} <value>\n`;
      case "number":
        return `    ${names} <n>\n`;
      case "optional":
        return `    ${names}${long ? "[=<value>]" : "[<value>]"}\n`;
      default:
        return `    ${names}\n`;
    }
  });
  return lines.length === 0 ? "" : `\n${lines.join("")}\n`;
}

/** Parses arguments; fails with 129 on what is not known. */
export function parseOptions(
  cli: Cli,
  args: readonly ByteString[],
  specText: string,
  usage: string,
  settings: ParseSettings = {},
): Options {
  const specs = parseSpecs(specText);
  const unknown = (text: string): Exit =>
    new Exit(129, `${text}\nusage: ${usage}\n${optionList(specs)}`);
  const out = new Options();
  const set = (spec: Spec, value: ByteString | boolean, shown: string): void => {
    out.order.push([spec.key, value]);
    if (value === false) {
      out.values.set(spec.key, spec.kind === "count" ? 0 : spec.kind === "list" ? [] : false);
      if (spec.kind !== "list" && spec.kind !== "count") out.values.set(spec.key, false);
    } else if (spec.kind === "count") out.values.set(spec.key, out.count(spec.key) + 1);
    else if (spec.kind === "list") {
      out.values.set(spec.key, [...out.list(spec.key), value as string]);
    } else if (spec.kind === "number") {
      const n = typeof value === "string" ? parseInt64(value) : undefined;
      if (n === undefined) {
        throw new Exit(129, `error: ${shown} expects a numerical value\n`);
      }
      out.values.set(spec.key, String(n));
    } else out.values.set(spec.key, value);
  };
  let i = 0;
  for (; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--") {
      out.dashes = out.rest.length;
      if (settings.keepDashes) out.rest.push("--");
      i++;
      break;
    }
    if (argument === "--end-of-options") {
      i++;
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      if (settings.stopAtArgument) break;
      out.rest.push(argument);
      continue;
    }
    if (argument === "-h" && args.length === 1) {
      cli.out(`usage: ${usage}\n${optionList(specs)}`);
      throw new Exit(129);
    }
    if (argument === "--help-all") {
      cli.out(`usage: ${usage}\n${optionList(specs)}`);
      throw new Exit(129);
    }
    if (argument.startsWith("--")) {
      const equals = argument.indexOf("=");
      const name = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
      const inline = equals < 0 ? undefined : argument.slice(equals + 1);
      const found = findLong(specs, name);
      if (found === "ambiguous") {
        throw new Exit(129, `error: ambiguous option: ${name}\nusage: ${usage}\n`);
      }
      if (found === undefined) {
        if (settings.keepUnknown) {
          out.rest.push(argument);
          continue;
        }
        throw unknown(`error: unknown option \`${argument.slice(2)}'`);
      }
      const { spec, negated } = found;
      if (negated) {
        if (inline !== undefined) throw new Exit(129, `error: option \`${name}' takes no value\n`);
        set(spec, false, `option \`${name}'`);
      } else if (spec.kind === "flag" || spec.kind === "count") {
        if (inline !== undefined) throw new Exit(129, `error: option \`${name}' takes no value\n`);
        set(spec, true, `option \`${name}'`);
      } else if (inline !== undefined) set(spec, inline, `option \`${name}'`);
      else if (spec.kind === "optional") set(spec, true, `option \`${name}'`);
      else if (i + 1 < args.length) set(spec, args[++i]!, `option \`${name}'`);
      else if (spec.kind === "last") set(spec, true, `option \`${name}'`);
      else throw new Exit(129, `error: option \`${name}' requires a value\n`);
      continue;
    }
    if (settings.numberKey !== undefined && /^-\d+$/.test(argument)) {
      out.values.set(settings.numberKey, argument.slice(1));
      out.order.push([settings.numberKey, argument.slice(1)]);
      continue;
    }
    for (let at = 1; at < argument.length; at++) {
      const letter = argument[at]!;
      const spec = specs.find((spec) => spec.names.includes(letter));
      if (spec === undefined) {
        if (settings.keepUnknown && at === 1) {
          out.rest.push(argument);
          break;
        }
        if (letter === "h") {
          cli.out(`usage: ${usage}\n${optionList(specs)}`);
          throw new Exit(129);
        }
        throw unknown(`error: unknown switch \`${letter}'`);
      }
      if (spec.kind === "flag" || spec.kind === "count") {
        set(spec, true, `switch \`${letter}'`);
        continue;
      }
      const tail = argument.slice(at + 1);
      if (tail !== "") set(spec, tail, `switch \`${letter}'`);
      else if (spec.kind === "optional") set(spec, true, `switch \`${letter}'`);
      else if (i + 1 < args.length) set(spec, args[++i]!, `switch \`${letter}'`);
      else throw new Exit(129, `error: switch \`${letter}' requires a value\n`);
      break;
    }
  }
  for (; i < args.length; i++) out.rest.push(args[i]!);
  return out;
}

function findLong(
  specs: Spec[],
  name: string,
): { spec: Spec; negated: boolean } | "ambiguous" | undefined {
  for (const spec of specs) {
    for (const own of spec.names) {
      if (own.length < 2) continue;
      if (own === name) return { spec, negated: false };
      if (spec.negatable && name === `no-${own}`) return { spec, negated: true };
      if (spec.negatable && own.startsWith("no-") && name === own.slice(3)) {
        return { spec, negated: true };
      }
    }
  }
  const found: { spec: Spec; negated: boolean }[] = [];
  for (const spec of specs) {
    for (const own of spec.names) {
      if (own.length < 2) continue;
      if (own.startsWith(name)) found.push({ spec, negated: false });
      else if (spec.negatable && name.length > 3 && `no-${own}`.startsWith(name)) {
        found.push({ spec, negated: true });
      }
    }
  }
  const keys = new Set(found.map((one) => `${one.spec.key}${one.negated}`));
  if (
    found.length > 0 &&
    /^(1|true|yes|on)$/i.test(Deno.env.get("GIT_TEST_DISALLOW_ABBREVIATED_OPTIONS") ?? "")
  ) throw new Exit(128, `fatal: disallowed abbreviated or ambiguous option '${name}'\n`);
  if (keys.size > 1) return "ambiguous";
  return found[0];
}

/** Splits text into words as a shell would, with quotes and backslashes. */
export function splitWords(text: ByteString): ByteString[] {
  const out: ByteString[] = [];
  let word: ByteString | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote === "" && /\s/.test(c)) {
      if (word !== undefined) out.push(word);
      word = undefined;
    } else if (quote === "" && (c === "'" || c === '"')) {
      quote = c;
      word ??= "";
    } else if (c === quote) quote = "";
    else {
      if (c === "\\" && quote !== "'" && i + 1 < text.length) i++;
      word = (word ?? "") + text[i];
    }
  }
  if (word !== undefined) out.push(word);
  return out;
}
