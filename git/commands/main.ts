/**
 * The entry of the command line: options before the command, aliases, the table of commands.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { concatBytes, decodeText, encodeText } from "../_bytes.ts";
import { nativePath } from "../_files.ts";
import { canonicalKey } from "../config.ts";
import { GitError } from "../errors.ts";
import { Pager, pagerCommand } from "./_pager.ts";
import { streams } from "./_streams.ts";
import { splitWords } from "./_options.ts";
import { Cli, Exit, type GlobalOptions, isBrokenPipe, runChild } from "./_context.ts";

type Command = (cli: Cli, args: ByteString[], name: string) => number | Promise<number>;
type Module = Record<string, Command>;

const history = (): Promise<unknown> => import("./history.ts");
const fsck = (): Promise<unknown> => import("./fsck.ts");
const packs = (): Promise<unknown> => import("./packs.ts");
const repack = (): Promise<unknown> => import("./repack.ts");
const merges = (): Promise<unknown> => import("./merges.ts");

/** Every command: where it is and what the function is called. */
const COMMANDS: Record<string, [() => Promise<unknown>, string]> = {
  "hash-object": [() => import("./hash_object.ts"), "hashObjectCommand"],
  "cat-file": [() => import("./cat_file.ts"), "catFile"],
  "ls-tree": [() => import("./ls_tree.ts"), "lsTree"],
  "mktree": [() => import("./mktree.ts"), "mktree"],
  "mktag": [() => import("./mktag.ts"), "mktag"],
  "commit-tree": [() => import("./commit_tree.ts"), "commitTree"],
  "write-tree": [() => import("./write_tree.ts"), "writeTree"],
  "read-tree": [() => import("./read_tree.ts"), "readTreeCommand"],
  "ls-files": [() => import("./ls_files.ts"), "lsFiles"],
  "update-index": [() => import("./update_index.ts"), "updateIndex"],
  "checkout-index": [() => import("./checkout_index.ts"), "checkoutIndex"],
  "check-ignore": [() => import("./check_ignore.ts"), "checkIgnore"],
  "check-attr": [() => import("./check_attr.ts"), "checkAttr"],
  "rev-parse": [() => import("./rev_parse.ts"), "revParse"],
  "var": [() => import("./var.ts"), "varCommand"],
  "env--helper": [() => import("./env_helper.ts"), "envHelper"],
  "init": [() => import("./init.ts"), "init"],
  "init-db": [() => import("./init.ts"), "init"],
  "remote": [() => import("./remote.ts"), "remoteCommand"],
  "upload-pack": [() => import("./serve_pack.ts"), "uploadPackCommand"],
  "receive-pack": [() => import("./serve_pack.ts"), "receivePackCommand"],
  "fetch-pack": [() => import("./serve_pack.ts"), "fetchPackCommand"],
  "send-pack": [() => import("./serve_pack.ts"), "sendPackCommand"],
  "pull": [() => import("./pull.ts"), "pullCommand"],
  "fmt-merge-msg": [() => import("./pull.ts"), "fmtMergeMsg"],
  "rebase": [() => import("./rebase.ts"), "rebase"],
  "stash": [() => import("./stash.ts"), "stashCommand"],
  "describe": [() => import("./describe.ts"), "describe"],
  "name-rev": [() => import("./describe.ts"), "nameRev"],
  "shortlog": [() => import("./describe.ts"), "shortlog"],
  "check-mailmap": [() => import("./describe.ts"), "checkMailmap"],
  "grep": [() => import("./grep.ts"), "grep"],
  "worktree": [() => import("./worktree.ts"), "worktreeCommand"],
  "archive": [() => import("./archive.ts"), "archive"],
  "get-tar-commit-id": [() => import("./archive.ts"), "getTarCommitId"],
  "apply": [() => import("./apply.ts"), "apply"],
  "gc": [() => import("./gc.ts"), "gc"],
  "prune": [() => import("./gc.ts"), "prune"],
  "maintenance": [() => import("./gc.ts"), "maintenance"],
  "fast-export": [() => import("./fast_export.ts"), "fastExport"],
  "fast-import": [() => import("./fast_import.ts"), "fastImport"],
  "bisect": [() => import("./bisect.ts"), "bisectCommand"],
  "bundle": [() => import("./bundle.ts"), "bundleCommand"],
  "push": [() => import("./push.ts"), "pushCommand"],
  "fetch": [() => import("./fetch.ts"), "fetchCommand"],
  "clone": [() => import("./clone.ts"), "cloneCommand"],
  "ls-remote": [() => import("./clone.ts"), "lsRemote"],
  "serve": [() => import("./serve.ts"), "serveCommand"],
  "config": [() => import("./config_command.ts"), "configCommand"],
  "update-ref": [() => import("./update_ref.ts"), "updateRef"],
  "symbolic-ref": [() => import("./symbolic_ref.ts"), "symbolicRef"],
  "show-ref": [() => import("./show_ref.ts"), "showRef"],
  "for-each-ref": [() => import("./for_each_ref.ts"), "forEachRef"],
  "check-ref-format": [() => import("./check_ref_format.ts"), "checkRefFormat"],
  "pack-refs": [() => import("./pack_refs.ts"), "packRefs"],
  "reflog": [() => import("./reflog.ts"), "reflog"],
  "branch": [() => import("./branch.ts"), "branch"],
  "credential": [() => import("./credential.ts"), "credentialCommand"],
  "credential-store": [() => import("./credential.ts"), "credentialStore"],
  "verify-tag": [() => import("./verify.ts"), "verifyTag"],
  "verify-commit": [() => import("./verify.ts"), "verifyCommit"],
  "tag": [() => import("./tag.ts"), "tag"],
  "add": [() => import("./add.ts"), "add"],
  "stage": [() => import("./add.ts"), "add"],
  "rm": [() => import("./rm.ts"), "rm"],
  "mv": [() => import("./mv.ts"), "mv"],
  "status": [() => import("./status.ts"), "status"],
  "commit": [() => import("./commit.ts"), "commit"],
  "checkout": [() => import("./checkout.ts"), "checkout"],
  "switch": [() => import("./switch.ts"), "switchCommand"],
  "restore": [() => import("./restore.ts"), "restore"],
  "reset": [() => import("./reset.ts"), "reset"],
  "clean": [() => import("./clean.ts"), "clean"],
  "stripspace": [() => import("./stripspace.ts"), "stripspace"],
  "log": [history, "log"],
  "show": [history, "show"],
  "whatchanged": [history, "whatchanged"],
  "diff": [history, "diff"],
  "diff-tree": [history, "diffTree"],
  "diff-index": [history, "diffIndex"],
  "diff-files": [history, "diffFiles"],
  "replace": [() => import("./replace.ts"), "replaceCommand"],
  "commit-graph": [() => import("./pack_indexes.ts"), "commitGraphCommand"],
  "multi-pack-index": [() => import("./pack_indexes.ts"), "multiPackIndexCommand"],
  "notes": [() => import("./notes.ts"), "notesCommand"],
  "format-patch": [() => import("./format_patch.ts"), "formatPatchCommand"],
  "rev-list": [history, "revListCommand"],
  "blame": [history, "blame"],
  "annotate": [history, "blame"],
  "merge-base": [merges, "mergeBaseCommand"],
  "merge": [() => import("./merge.ts"), "merge"],
  "merge-tree": [merges, "mergeTree"],
  "merge-file": [merges, "mergeFileCommand"],
  "cherry-pick": [() => import("./cherry_pick.ts"), "cherryPick"],
  "revert": [() => import("./cherry_pick.ts"), "cherryPick"],
  "index-pack": [packs, "indexPackCommand"],
  "verify-pack": [packs, "verifyPack"],
  "show-index": [packs, "showIndex"],
  "unpack-objects": [packs, "unpackObjects"],
  "pack-objects": [packs, "packObjects"],
  "repack": [repack, "repack"],
  "prune-packed": [repack, "prunePacked"],
  "count-objects": [repack, "countObjects"],
  "fsck": [fsck, "fsckCommand"],
};

/** Commands that work without a repository. */
const GENTLE = new Set([
  "apply",
  "archive",
  "bundle",
  "check-ref-format",
  "clone",
  "config",
  "credential",
  "credential-store",
  "diff",
  "env--helper",
  "get-tar-commit-id",
  "grep",
  "hash-object",
  "index-pack",
  "init",
  "init-db",
  "ls-remote",
  "merge-file",
  "serve",
  "shortlog",
  "show-index",
  "stripspace",
  "var",
  "verify-pack",
]);

/** Commands that do not look at the settings `core.*`, so that those can be mended. */
const UNCHECKED = new Set([
  "check-ref-format",
  "clone",
  "config",
  "env--helper",
  "get-tar-commit-id",
  "init",
  "init-db",
  "merge-file",
  "serve",
  "show-index",
]);

const CORE_BOOLEANS = [
  "bare",
  "filemode",
  "ignorecase",
  "prefersymlinkrefs",
  "protecthfs",
  "protectntfs",
  "quotepath",
  "sparsecheckout",
  "symlinks",
  "trustctime",
  "warnambiguousrefs",
];

function checkCoreSettings(config: Cli["config"]): void {
  for (const name of CORE_BOOLEANS) config.bool(`core.${name}`);
  config.int("core.bigfilethreshold");
}

const HELP = `usage: git [--version] [--help] [-C <path>] [-c <name>=<value>]
           [--exec-path[=<path>]] [--html-path] [--man-path] [--info-path]
           [-p | --paginate | -P | --no-pager] [--no-replace-objects] [--bare]
           [--git-dir=<path>] [--work-tree=<path>] [--namespace=<name>]
           [--super-prefix=<path>] [--config-env=<name>=<envvar>]
           <command> [<args>]
`;

/** Names of all commands. */
export function commandNames(): string[] {
  return Object.keys(COMMANDS).sort();
}

/** Runs the command line; returns the exit code. */
export async function main(args: ByteString[]): Promise<number> {
  let cli: Cli | undefined;
  try {
    const global: GlobalOptions = { overrides: [], noPager: false, paginate: false };
    let i = 0;
    for (; i < args.length; i++) {
      const argument = args[i]!;
      if (!argument.startsWith("-")) break;
      const value = (name: string): ByteString => {
        if (argument.startsWith(`${name}=`)) return argument.slice(name.length + 1);
        const next = args[++i];
        if (next === undefined) {
          throw new Exit(129, `no directory given for '${name}' option\n${HELP}`);
        }
        return next;
      };
      const is = (name: string): boolean => argument === name || argument.startsWith(`${name}=`);
      if (argument === "-C") {
        const directory = args[++i];
        if (directory === undefined) {
          throw new Exit(129, `no directory given for '-C' option\n${HELP}`);
        }
        if (directory !== "") {
          try {
            Deno.chdir(nativePath(directory));
          } catch {
            throw new Exit(
              128,
              `fatal: cannot change to '${directory}': No such file or directory\n`,
            );
          }
        }
      } else if (argument === "-c") {
        const text = args[++i];
        if (text === undefined) throw new Exit(129, `-c expects a configuration string\n${HELP}`);
        global.overrides.push(parseOverride(text));
      } else if (is("--config-env")) {
        if (argument === "--config-env" && i + 1 >= args.length) {
          throw new Exit(129, `no config key given for --config-env\n${HELP}`);
        }
        const text = value("--config-env");
        const at = text.lastIndexOf("=");
        if (at < 0) throw new Exit(128, `fatal: invalid config format: ${text}\n`);
        const variable = text.slice(at + 1);
        if (variable === "") {
          throw new Exit(
            128,
            `fatal: missing environment variable name for configuration '${text.slice(0, at)}'\n`,
          );
        }
        const content = Deno.env.get(variable);
        if (content === undefined) {
          throw new Exit(
            128,
            `fatal: missing environment variable '${variable}' for configuration '${
              text.slice(0, at)
            }'\n`,
          );
        }
        global.overrides.push([overrideKey(text.slice(0, at)), encodeText(content)]);
      } else if (is("--git-dir")) {
        global.gitDir = value("--git-dir");
        Deno.env.set("GIT_DIR", decodeText(global.gitDir));
      } else if (is("--work-tree")) {
        global.workTree = value("--work-tree");
        Deno.env.set("GIT_WORK_TREE", decodeText(global.workTree));
      } else if (is("--namespace")) Deno.env.set("GIT_NAMESPACE", decodeText(value("--namespace")));
      else if (is("--super-prefix")) value("--super-prefix");
      else if (argument === "--bare") {
        global.bare = true;
        Deno.env.set("GIT_IMPLICIT_WORK_TREE", "0");
        if (Deno.env.get("GIT_DIR") === undefined) Deno.env.set("GIT_DIR", Deno.cwd());
      } else if (argument === "-P" || argument === "--no-pager") global.noPager = true;
      else if (argument === "-p" || argument === "--paginate") global.paginate = true;
      else if (argument === "--no-replace-objects") Deno.env.set("GIT_NO_REPLACE_OBJECTS", "1");
      else if (argument === "--literal-pathspecs") Deno.env.set("GIT_LITERAL_PATHSPECS", "1");
      else if (argument === "--glob-pathspecs") Deno.env.set("GIT_GLOB_PATHSPECS", "1");
      else if (argument === "--noglob-pathspecs") Deno.env.set("GIT_NOGLOB_PATHSPECS", "1");
      else if (argument === "--icase-pathspecs") Deno.env.set("GIT_ICASE_PATHSPECS", "1");
      else if (argument === "--no-optional-locks") Deno.env.set("GIT_OPTIONAL_LOCKS", "0");
      else if (argument === "--exec-path") {
        print(`${Deno.env.get("GIT_EXEC_PATH") ?? ""}\n`);
        return 0;
      } else if (argument.startsWith("--exec-path=")) {
        Deno.env.set("GIT_EXEC_PATH", decodeText(argument.slice(12)));
      } else if (argument === "--version" || argument === "-v") {
        args = ["version", ...args.slice(i + 1)];
        i = 0;
        break;
      } else if (argument === "--help" || argument === "-h") {
        print(helpText());
        return 0;
      } else if (argument === "--list-cmds=builtins" || argument.startsWith("--list-cmds=")) {
        print(`${commandNames().join("\n")}\n`);
        return 0;
      } else throw new Exit(129, `unknown option: ${argument}\n${HELP}`);
    }
    // What -c set is passed on to hooks and aliases.
    if (global.overrides.length > 0) {
      const quoted = global.overrides.map(([key, value]) =>
        value === undefined ? `${quoteShell(key)}=` : `${quoteShell(key)}=${quoteShell(value)}`
      );
      const before = Deno.env.get("GIT_CONFIG_PARAMETERS");
      Deno.env.set(
        "GIT_CONFIG_PARAMETERS",
        [...(before === undefined ? [] : [before]), ...quoted.map(decodeText)].join(" "),
      );
      global.overrides = [];
    }
    cli = new Cli(global);
    const name = args[i];
    if (name === undefined) {
      cli.out(helpText());
      cli.flush();
      return 1;
    }
    const code = await dispatch(cli, name, args.slice(i + 1), 0);
    cli.flush();
    return code;
  } catch (error) {
    return report(cli, error);
  }
}

function print(text: string): void {
  streams.out(new TextEncoder().encode(text));
}

const GROUPS: [title: string, names: string][] = [
  ["start a working area", "clone init"],
  ["work on the current change", "add mv restore rm"],
  ["examine the history and state", "bisect diff grep log show status"],
  ["grow, mark and tweak your common history", "branch commit merge rebase reset switch tag"],
  ["collaborate", "fetch pull push remote"],
];

/** The usage, the commands by what people do with them, and what the program may do. */
function helpText(all = false): string {
  const known = new Set(commandNames());
  const grouped = GROUPS.map(([title, names]) =>
    `${title}\n${
      names.split(" ").filter((name) => known.has(name)).map((name) => `   ${name}\n`).join("")
    }`
  );
  const rest = all
    ? `All commands\n${commandNames().map((name) => `   ${name}\n`).join("")}\n`
    : "'git help -a' lists every command.\n";
  return `${HELP}\n${
    all ? "" : `${grouped.join("\n")}\n`
  }${rest}Permissions: --allow-read --allow-write --allow-env --allow-run --allow-net --allow-sys\n`;
}

function quoteShell(text: ByteString): ByteString {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function parseOverride(text: ByteString): [ByteString, ByteString | undefined] {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  return [overrideKey(key), equals < 0 ? undefined : text.slice(equals + 1)];
}

function overrideKey(key: ByteString): ByteString {
  if (key === "") {
    throw new Exit(128, "error: empty config key\nfatal: unable to parse command-line config\n");
  }
  try {
    return canonicalKey(key.trim());
  } catch (error) {
    throw new Exit(
      128,
      `error: ${(error as Error).message}\nfatal: unable to parse command-line config\n`,
    );
  }
}

function report(cli: Cli | undefined, error: unknown): number {
  const say = (text: ByteString): void => {
    try {
      cli?.flush();
    } catch { /* The pipe is gone. */ }
    (cli ?? new Cli({ overrides: [], noPager: true, paginate: false })).err(text);
  };
  if (isBrokenPipe(error)) return 141;
  if (error instanceof Exit) {
    try {
      cli?.flush();
    } catch (inner) {
      if (isBrokenPipe(inner)) return 141;
      throw inner;
    }
    if (error.text !== "") say(error.text);
    return error.code;
  }
  if (error instanceof GitError) {
    say(`fatal: ${error.message}\n`);
    return 128;
  }
  const known = error instanceof Error ? error.message : String(error);
  if (
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.AlreadyExists
  ) {
    say(`fatal: ${known}\n`);
    return 128;
  }
  say(`fatal: unexpected failure: ${error instanceof Error ? error.stack ?? known : known}\n`);
  return 128;
}

async function dispatch(
  cli: Cli,
  name: ByteString,
  args: ByteString[],
  depth: number,
): Promise<number> {
  if (name === "version") {
    cli.out("git version 2.39.5\n");
    if (args.includes("--build-options")) {
      cli.out(
        "cpu: x86_64\nno commit associated with this build\nsizeof-long: 8\nsizeof-size_t: 8\nshell-path: /bin/sh\n",
      );
    }
    return 0;
  }
  if (name === "help") {
    const topic = args.find((one) => !one.startsWith("-"));
    if (topic !== undefined) {
      if (Object.hasOwn(COMMANDS, topic)) return await dispatch(cli, topic, ["-h"], 0);
      cli.err(`No manual entry for git${topic}\n`);
      return 1;
    }
    cli.out(helpText(args.includes("-a") || args.includes("--all")));
    return 0;
  }
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found !== undefined) {
    cli.gentle = GENTLE.has(name);
    if (!UNCHECKED.has(name)) checkCoreSettings(cli.config);
    const module = await found[0]() as Module;
    const command = pagerCommand(cli, name, args);
    const pager = command === undefined ? undefined : Pager.start(command);
    if (pager === undefined) return await module[found[1]]!(cli, args, name);
    try {
      const code = await module[found[1]]!(cli, args, name);
      cli.flush();
      return code;
    } finally {
      await pager.finish();
    }
  }
  const external = Deno.env.get("GIT_EXEC_PATH");
  const alias = cli.config.entry(`alias.${name.toLowerCase()}`)?.value ??
    cli.config.entry(`alias.${name}.command`)?.value;
  if (alias !== undefined && depth < 10) {
    if (alias.startsWith("!")) {
      cli.flush();
      return runChild(["/bin/sh", "-c", `${alias.slice(1)} "$@"`, alias.slice(1), ...args], {
        inherit: true,
        env: cli.prefix === "" ? {} : { GIT_PREFIX: decodeText(cli.prefix) },
      });
    }
    const words = splitWords(alias);
    // Options in front of the aliased command are taken as if typed.
    if (words[0]?.startsWith("-")) return await main([...words, ...args]);
    // The lookup may have moved to the top of the worktree; the command starts where it was typed.
    Deno.chdir(nativePath(cli.startDirectory));
    const inner = new Cli(cli.global);
    try {
      return await dispatch(inner, words[0]!, [...words.slice(1), ...args], depth + 1);
    } finally {
      inner.flush();
    }
  }
  for (
    const directory of [
      ...(external === undefined ? [] : [external]),
      ...(Deno.env.get("PATH") ?? "").split(":"),
    ]
  ) {
    try {
      const path = `${directory}/git-${decodeText(name)}`;
      const info = Deno.statSync(path);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) {
        cli.flush();
        return runChild([path, ...args], { inherit: true });
      }
    } catch { /* Not here. */ }
  }
  throw new Exit(1, `git: '${name}' is not a git command. See 'git --help'.\n`);
}

/** Where and as whom {@linkcode runCommand} runs. */
export interface RunSettings {
  /** Directory in which the command starts. */
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
}

/**
 * Runs one command line inside this process, one at a time, and returns what it printed. The
 * directory and the environment of the process are those of the command meanwhile.
 */
export async function runCommand(
  args: ByteString[],
  settings: RunSettings,
): Promise<{ code: number; out: Uint8Array; err: Uint8Array }> {
  const cwd = Deno.cwd(), env = Deno.env.toObject(), { out, err } = streams;
  const written: { out: Uint8Array[]; err: Uint8Array[] } = { out: [], err: [] };
  const replaceEnvironment = (wanted: Record<string, string>): void => {
    for (const key of Object.keys(Deno.env.toObject())) {
      if (!Object.hasOwn(wanted, key)) Deno.env.delete(key);
    }
    for (const [key, value] of Object.entries(wanted)) Deno.env.set(key, value);
  };
  try {
    Deno.chdir(settings.cwd);
    replaceEnvironment(settings.env);
    streams.out = (data) => void written.out.push(data.slice());
    streams.err = (data) => void written.err.push(data.slice());
    const code = await main(args);
    return { code, out: concatBytes(written.out), err: concatBytes(written.err) };
  } finally {
    streams.out = out;
    streams.err = err;
    replaceEnvironment(env);
    Deno.chdir(cwd);
  }
}
