/**
 * `git config`
 *
 * @module
 */
import { PosixRegex } from "../posix_regex.ts";
import { type ByteString, fromByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny, stat } from "../_files.ts";
import {
  canonicalKey,
  type Config,
  Config as ConfigClass,
  type ConfigEntry,
  editConfig,
  expandHome,
  parseBool,
  parseInt64,
  readConfigText,
  renameSection,
  updateConfigFile,
} from "../config.ts";
import { GitError } from "../errors.ts";
import { colorSequence } from "../color.ts";
import { approximateDate, isApproximateDate } from "../date.ts";
import { configPaths, loadConfig } from "../repository.ts";
import { settingsForUrl } from "../url_match.ts";
import { type Cli, die, Exit, quotePath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

const TYPES = ["bool", "int", "bool-or-int", "bool-or-str", "path", "expiry-date", "color"];

/** Actions whose last argument is a pattern of values, and the arguments they then have. */
const PATTERN_ARGUMENTS: Record<string, number> = {
  get: 2,
  "get-all": 2,
  "get-regexp": 2,
  unset: 2,
  "unset-all": 2,
  "set-matching": 3,
  "replace-all": 3,
};

/** `git config` */
export function configCommand(cli: Cli, args: ByteString[]): number {
  const usage = "git config [<options>]";
  const o = parseOptions(
    cli,
    args,
    "global system local worktree f,file= blob= get get-all get-regexp get-urlmatch replace-all add unset unset-all rename-section remove-section l,list fixed-value e,edit get-color get-colorbool t,type= bool int bool-or-int bool-or-str path expiry-date z,null name-only includes show-origin show-scope default=",
    usage,
    { stopAtArgument: true },
  );
  const scopes = ["global", "system", "local", "worktree", "file", "blob"].filter((name) =>
    o.given(name)
  );
  if (scopes.length > 1) throw usageError("error: only one config file at a time", usage);
  const actions = [
    "get",
    "get-all",
    "get-regexp",
    "get-urlmatch",
    "replace-all",
    "add",
    "unset",
    "unset-all",
    "rename-section",
    "remove-section",
    "list",
    "edit",
    "get-color",
    "get-colorbool",
  ].filter((name) => o.flag(name));
  if (actions.length > 1) throw usageError("error: only one action at a time", usage);
  let type: string | undefined;
  for (const [name, value] of o.order) {
    if (name === "type" && value === false) type = undefined;
    else if (name === "type" || (TYPES.includes(name) && name !== "color")) {
      const wanted = name === "type" ? String(value) : name;
      if (!TYPES.includes(wanted)) die(`unrecognized --type argument, ${wanted}`);
      if (type !== undefined && type !== wanted) {
        throw usageError("error: only one type at a time", usage);
      }
      type = wanted;
    }
  }
  let action = actions[0];
  const rest = o.rest;
  if (action === undefined) {
    if (rest.length === 1) action = "get";
    else if (rest.length === 2) action = "set";
    else if (rest.length === 3) action = "set-matching";
    else throw usageError("", usage);
  }
  const arity: Record<string, [number, number]> = {
    get: [1, 2],
    "get-all": [1, 2],
    "get-regexp": [1, 2],
    "get-urlmatch": [2, 2],
    "replace-all": [2, 3],
    add: [2, 2],
    unset: [1, 2],
    "unset-all": [1, 2],
    "rename-section": [2, 2],
    "remove-section": [1, 1],
    list: [0, 0],
    edit: [0, 0],
    "get-color": [1, 2],
    "get-colorbool": [1, 2],
    set: [2, 2],
    "set-matching": [3, 3],
  };
  const [least, most] = arity[action]!;
  if (rest.length < least || rest.length > most) {
    throw usageError(
      `error: wrong number of arguments, should be ${
        least === most ? least : `from ${least} to ${most}`
      }`,
      usage,
    );
  }
  if (o.flag("name-only") && action !== "list" && action !== "get-regexp") {
    throw usageError("error: --name-only is only applicable to --list or --get-regexp", usage);
  }
  if (o.given("default") && action !== "get") {
    throw usageError("error: --default is only applicable to --get", usage);
  }
  if (o.flag("show-origin") && !/^(get|get-all|get-regexp|list)$/.test(action)) {
    throw usageError(
      "error: --show-origin is only applicable to --get, --get-all, --get-regexp, and --list",
      usage,
    );
  }
  if (type !== undefined && action.startsWith("get-color")) {
    throw usageError("error: --get-color and variable type are incoherent", usage);
  }
  if (o.flag("fixed-value") && rest.length !== PATTERN_ARGUMENTS[action]) {
    throw usageError("error: --fixed-value only applies with 'value-pattern'", usage);
  }
  const paths = configPaths(cli.env);
  const home = cli.env.get("HOME");
  let file: ByteString | undefined;
  if (o.flag("global")) {
    if (paths.global.length === 0) die("$HOME not set");
    file = paths.global.length > 1 && stat(paths.global[1]!) === undefined &&
        stat(paths.global[0]!) !== undefined
      ? paths.global[0]
      : paths.global.at(-1);
  } else if (o.flag("system")) file = cli.env.get("GIT_CONFIG_SYSTEM") ?? "/etc/gitconfig";
  else if (o.flag("local")) {
    if (cli.findRepository() === undefined) die("--local can only be used inside a git repository");
    file = shownPath(cli);
  } else if (o.flag("worktree")) {
    if (cli.findRepository() === undefined) {
      die("--worktree can only be used inside a git repository");
    }
    file = cli.config.bool("extensions.worktreeconfig", false)
      ? `${cli.repo.paths.gitDir}/config.worktree`
      : shownPath(cli);
  } else if (o.given("file")) file = o.text("file") === "-" ? "-" : o.text("file")!;
  else if (cli.env.get("GIT_CONFIG") !== undefined) file = cli.env.get("GIT_CONFIG");
  const given = file !== undefined && (o.given("file") || cli.env.get("GIT_CONFIG") !== undefined);
  if (given && file !== "-" && !file!.startsWith("/")) cli.findRepository();
  const filePath = given && file !== "-" ? cli.fileArgument(file!) : file;
  const load = (): Config => {
    if (o.given("blob")) {
      const id = cli.revision(o.text("blob")!);
      const entries: ConfigEntry[] = [];
      readConfigText(
        new TextDecoder("latin1").decode(cli.repo.objects.read(id)!.data),
        { scope: "command", originType: "blob", origin: o.text("blob")! },
        { includes: false },
        entries,
      );
      return new ConfigClass(entries);
    }
    if (file === undefined) return o.negated("includes") ? loadPlain(cli) : cli.config;
    const entries: ConfigEntry[] = [];
    const includes = o.flag("includes");
    const scope = o.flag("global")
      ? "global"
      : o.flag("system")
      ? "system"
      : o.flag("local")
      ? "local"
      : o.flag("worktree")
      ? "worktree"
      : "command";
    if (file === "-") {
      const bytes = cli.readStdin();
      readConfigText(
        Array.from(bytes, (c) => String.fromCharCode(c)).join(""),
        { scope, originType: "stdin", origin: "" },
        { includes, home },
        entries,
      );
    } else {
      const files = o.flag("global") ? paths.global : [filePath!];
      let any = false;
      for (const one of files) {
        const text = readTextIfAny(one);
        if (text === undefined) continue;
        any = true;
        readConfigText(text, { scope, originType: "file", origin: given ? file! : one }, {
          includes,
          home,
        }, entries);
      }
      if (!any && action === "list") {
        die(`unable to read config file '${file}': No such file or directory`);
      }
    }
    return new ConfigClass(entries);
  };
  const end = o.flag("null") ? "\0" : "\n";
  const normalise = (
    value: ByteString | undefined,
    key: ByteString,
    entry?: ConfigEntry,
  ): ByteString => {
    const where = entry?.originType === "file"
      ? ` in file ${relativeOrigin(cli, entry.origin)}`
      : entry?.originType === "stdin"
      ? " in standard input"
      : entry?.originType === "blob"
      ? ` in blob ${entry.origin}`
      : entry?.originType === "command line"
      ? " in command line"
      : "";
    const missing = (): never => {
      const from = entry?.originType === "file"
        ? `fatal: bad config variable '${key}' in file '${
          relativeOrigin(cli, entry.origin)
        }' at line ${entry.line}\n`
        : "";
      throw new Exit(128, `error: missing value for '${key}'\n${from}`);
    };
    switch (type) {
      case "bool": {
        const bool = parseBool(value);
        if (bool === undefined) die(`bad boolean config value '${value}' for '${key}'`);
        return String(bool);
      }
      case "int": {
        const n = value === undefined ? undefined : parseInt64(value);
        if (n === undefined) {
          die(`bad numeric config value '${value ?? ""}' for '${key}'${where}: invalid unit`);
        }
        return String(n);
      }
      case "bool-or-int": {
        const n = value === undefined ? undefined : parseInt64(value);
        if (n !== undefined) return String(n);
        const bool = parseBool(value);
        if (bool === undefined) {
          die(`bad numeric config value '${value}' for '${key}'${where}: invalid unit`);
        }
        return String(bool);
      }
      case "bool-or-str": {
        const bool = value !== undefined && /^\d+$/.test(value)
          ? parseBool(value)
          : parseBool(value);
        return bool === undefined ? value! : String(bool);
      }
      case "path":
        return expandHome(value ?? missing(), home);
      case "expiry-date": {
        if (value === undefined) missing();
        if (value === "never" || value === "false") return "0";
        if (value === "now" || value === "all") return "18446744073709551615";
        if (!isApproximateDate(value!)) {
          throw new Exit(
            128,
            `error: '${value}' for '${key}' is not a valid timestamp\n` +
              (entry?.originType === "file"
                ? `fatal: bad config variable '${key}' in file '${
                  relativeOrigin(cli, entry.origin)
                }' at line ${entry.line}\n`
                : ""),
          );
        }
        return String(approximateDate(value!));
      }
      case "color":
        return colorSequence(value ?? missing());
      default:
        return value ?? "";
    }
  };
  const origin = (entry: ConfigEntry): ByteString => {
    let out = "";
    if (o.flag("show-scope")) out += `${entry.scope}${o.flag("null") ? "\0" : "\t"}`;
    if (o.flag("show-origin")) {
      out += `${entry.originType === "stdin" ? "standard input" : entry.originType}:${
        entry.originType === "file" && !o.flag("null")
          ? quotePath(relativeOrigin(cli, entry.origin))
          : relativeOrigin(cli, entry.origin)
      }${o.flag("null") ? "\0" : "\t"}`;
    }
    return out;
  };
  const valueTest = (pattern: ByteString | undefined): (value: ByteString) => boolean => {
    if (pattern === undefined) return () => true;
    if (o.flag("fixed-value")) return (value) => value === pattern;
    const negate = pattern.startsWith("!");
    let expression: PosixRegex;
    try {
      expression = new PosixRegex(negate ? pattern.slice(1) : pattern, { extended: true });
    } catch {
      throw new Exit(6, `error: invalid pattern: ${pattern}\n`);
    }
    return (value) => expression.test(value) !== negate;
  };
  const key = (text: ByteString): ByteString => {
    try {
      return canonicalKey(text);
    } catch (error) {
      if (error instanceof GitError) {
        throw new Exit(
          error.message.startsWith("key does not") ? 2 : 1,
          `error: ${error.message}\n`,
        );
      }
      throw error;
    }
  };
  switch (action) {
    case "list":
      for (const entry of load().entries) {
        if (o.flag("name-only")) cli.out(`${origin(entry)}${entry.key}${end}`);
        else if (type !== undefined) {
          cli.out(
            `${origin(entry)}${entry.key}${o.flag("null") ? "\n" : "="}${
              normalise(entry.value, entry.key, entry)
            }${end}`,
          );
        } else {cli.out(
            entry.value === undefined
              ? `${origin(entry)}${entry.key}${end}`
              : `${origin(entry)}${entry.key}${o.flag("null") ? "\n" : "="}${entry.value}${end}`,
          );}
      }
      return 0;
    case "get":
    case "get-all": {
      const name = key(rest[0]!);
      const test = valueTest(rest[1]);
      const found = load().entries.filter((entry) => entry.key === name && test(entry.value ?? ""));
      if (found.length === 0) {
        const fallback = o.text("default");
        if (fallback === undefined || action !== "get") return 1;
        cli.out(`${normalise(fallback, name)}${end}`);
        return 0;
      }
      for (const entry of action === "get" ? found.slice(-1) : found) {
        cli.out(`${origin(entry)}${normalise(entry.value, name, entry)}${end}`);
      }
      return 0;
    }
    case "get-regexp": {
      const at = rest[0]!.lastIndexOf(".");
      const pattern = new PosixRegex(
        at < 0
          ? rest[0]!.toLowerCase()
          : rest[0]!.slice(0, at).replace(/^[^.[\\]*/, (head) => head.toLowerCase()) +
            rest[0]!.slice(at).toLowerCase(),
        { extended: true },
      );
      const test = valueTest(rest[1]);
      const found = load().entries.filter((entry) =>
        pattern.test(entry.key) && test(entry.value ?? "")
      );
      for (const entry of found) {
        if (o.flag("name-only")) cli.out(`${origin(entry)}${entry.key}${end}`);
        else {
          const text = normalise(entry.value, entry.key, entry);
          cli.out(
            `${origin(entry)}${entry.key}${
              entry.value === undefined && type === undefined
                ? ""
                : `${o.flag("null") ? "\n" : " "}${text}`
            }${end}`,
          );
        }
      }
      return found.length > 0 ? 0 : 1;
    }
    case "get-urlmatch": {
      const [section, ...tail] = rest[0]!.toLowerCase().split(".");
      const name = tail.length === 0 ? undefined : tail.join(".");
      const found = settingsForUrl(load(), section!, rest[1]!);
      const names = [...found.keys()].filter((one) => name === undefined || one === name).sort();
      for (const one of names) {
        const entry = found.get(one)!;
        const full = `${section}.${one}`;
        if (o.flag("show-scope")) cli.out(`${entry.scope}${o.flag("null") ? "\0" : "\t"}`);
        const text = entry.value === undefined && type === undefined
          ? undefined
          : normalise(entry.value, full, entry);
        if (name !== undefined) cli.out(`${text ?? ""}${end}`);
        else {
          cli.out(
            `${full}${text === undefined ? "" : `${o.flag("null") ? "\n" : " "}${text}`}${end}`,
          );
        }
      }
      return names.length > 0 ? 0 : 1;
    }
    case "get-color": {
      const entry = rest[0] === "" ? undefined : load().entry(key(rest[0]!));
      try {
        cli.out(colorSequence(entry?.value ?? rest[1] ?? ""));
      } catch (error) {
        if (!(error instanceof GitError) || entry?.value !== undefined) throw error;
        throw new Exit(
          128,
          `error: ${error.message}\nfatal: unable to parse default color value\n`,
        );
      }
      return 0;
    }
    case "get-colorbool": {
      const config = load();
      const slot = key(rest[0]!);
      const value = (config.entry(slot) ??
        (slot === "color.diff" ? config.entry("diff.color") : undefined) ??
        config.entry("color.ui"))?.value ?? "auto";
      const terminal = rest[1] === undefined ? Deno.stdout.isTerminal() : parseBool(rest[1]);
      if (terminal === undefined) {
        die(`bad boolean config value '${rest[1]}' for 'command line'`);
      }
      const on = value === "always"
        ? true
        : value === "never" || parseBool(value) === false
        ? false
        : terminal;
      if (rest[1] !== undefined) {
        cli.out(`${on}\n`);
        return 0;
      }
      return on ? 0 : 1;
    }
  }
  // Everything below writes.
  const editing = action === "edit";
  if (file === undefined && !o.given("blob") && cli.findRepository() === undefined) {
    die("not in a git directory");
  }
  if (file === "-") {
    die(editing ? "editing stdin is not supported" : "writing to stdin is not supported");
  }
  if (o.given("blob")) {
    die(editing ? "editing blobs is not supported" : "writing config blobs is not supported");
  }
  const target = filePath ?? shownPath(cli);
  const describe = `file ${file ?? target}`;
  if (editing) {
    if (o.flag("global") && stat(target) === undefined) {
      const identity = cli.ident("committer", { strict: false });
      const [, name, mail] = /^(.*) <(.*)> \d+ \S+$/.exec(identity) ?? ["", "", ""];
      Deno.writeFileSync(
        nativePath(target),
        fromByteString(
          `# This is Git's per-user configuration file.\n[user]\n# Please adapt and uncomment the following lines:\n#\tname = ${name}\n#\temail = ${mail}\n`,
        ),
        { createNew: true },
      );
    }
    cli.edit(target);
    return 0;
  }
  let code = 0;
  try {
    updateConfigFile(target, (text) => {
      if (action === "rename-section" || action === "remove-section") {
        if (action === "rename-section" && !/^[A-Za-z0-9-]+(\..*)?$/s.test(rest[1]!)) {
          throw new Exit(255, `error: invalid section name: ${rest[1]}\n`);
        }
        const out = renameSection(
          text,
          describe,
          rest[0]!,
          action === "rename-section" ? rest[1]! : undefined,
        );
        if (out === undefined) die(`no such section: ${rest[0]}`);
        return out;
      }
      const name = rest[0]!;
      key(name);
      if (type === "color" && !action!.startsWith("unset")) {
        try {
          colorSequence(rest[1]!);
        } catch (error) {
          if (!(error instanceof GitError)) throw error;
          throw new Exit(128, `error: ${error.message}\nfatal: cannot parse color '${rest[1]}'\n`);
        }
      }
      const value = action!.startsWith("unset")
        ? undefined
        : type === undefined || type === "path" || type === "expiry-date" || type === "color"
        ? rest[1]!
        : normalise(rest[1], name);
      const pattern = action === "set-matching" || action === "replace-all"
        ? rest[2]
        : action!.startsWith("unset")
        ? rest[1]
        : undefined;
      const result = editConfig(text, describe, name, value, {
        matches: valueTest(pattern),
        all: action === "replace-all" || action === "unset-all",
        add: action === "add",
      });
      if (result.result === "several") {
        code = 5;
        if (action!.startsWith("unset")) cli.err(`warning: ${name} has multiple values\n`);
        else {cli.err(
            `warning: ${name} has multiple values\nerror: cannot overwrite multiple values with a single value\n       Use a regexp, --add or --replace-all to change ${name}.\n`,
          );}
        return undefined;
      }
      if (result.result === "none") {
        code = 5;
        return undefined;
      }
      return result.text;
    });
  } catch (error) {
    if (
      error instanceof GitError && error.code === "invalid" &&
      error.message.startsWith("bad config line")
    ) throw new Exit(3, `error: ${error.message}\n`);
    if (error instanceof GitError && error.code === "limit") {
      throw new Exit(255, `error: ${error.message}\n`);
    }
    if (error instanceof GitError && (error.code === "locked" || error.code === "io")) {
      throw new Exit(error.code === "locked" ? 255 : 4, `error: ${error.message}\n`);
    }
    throw error;
  }
  return code;
}

function shownPath(cli: Cli): ByteString {
  const { paths } = cli.repo;
  return paths.workTree !== undefined && paths.commonDir === `${paths.workTree}/.git` &&
      cli.startDirectory === paths.workTree
    ? ".git/config"
    : `${paths.commonDir}/config`;
}

function relativeOrigin(cli: Cli, origin: ByteString): ByteString {
  const repository = cli.findRepository();
  if (repository !== undefined && origin === `${repository.paths.commonDir}/config`) {
    return shownPath(cli);
  }
  return origin;
}

function loadPlain(cli: Cli): Config {
  return loadConfig({
    environment: cli.env,
    paths: cli.findRepository()?.paths,
    includes: false,
    overrides: cli.global.overrides,
  });
}
