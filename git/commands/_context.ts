/**
 * What every command gets: arguments, environment, streams and the repository.
 *
 * @module
 */
import {
  type ByteString,
  decodeText,
  encodeText,
  fromByteString,
  toByteString,
} from "../_bytes.ts";
import { isDirectory, joinPath, nativePath, normalisePath, stat } from "../_files.ts";
import { type Config, expandHome } from "../config.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { LockFile } from "../lock_file.ts";
import { type Environment, identity, type IdentityOptions } from "../ident.ts";
import {
  absolutePath,
  commonDirectory,
  discoverRepository,
  isGitDirectory,
  loadConfig,
  readGitFile,
  Repository,
} from "../repository.ts";
import {
  abbreviate,
  AmbiguousIdError,
  defaultAbbreviation,
  resolveRevision,
  type RevisionOptions,
} from "../revision.ts";
import { commandPromisor } from "./_promisor.ts";
import { streams } from "./_streams.ts";

/** Ends a command with a message and an exit code. */
export class Exit extends Error {
  readonly code: number;
  /** Text for standard error; may be empty. */
  readonly text: ByteString;
  constructor(code: number, text: ByteString = "") {
    super(text);
    this.code = code;
    this.text = text;
  }
}

/** Fails with `fatal: …` and 128. */
export function die(message: ByteString, code = 128): never {
  throw new Exit(code, `fatal: ${message}\n`);
}

/** Whether an error says that the reader of a pipe has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || (error as { code?: string })?.code === "EPIPE";
}

const environment: Environment = {
  get(name: string): ByteString | undefined {
    const value = Deno.env.get(name);
    return value === undefined ? undefined : encodeText(value);
  },
};

/** Options from the command line before the command's name. */
export interface GlobalOptions {
  gitDir?: ByteString;
  workTree?: ByteString;
  bare?: boolean;
  overrides: [ByteString, ByteString | undefined][];
  noPager: boolean;
  paginate: boolean;
}

/** What is gathered before it is written to standard output (bytes). */
const OUT_SIZE = 65536;

/** One run of the command line. */
export class Cli {
  /** Environment variables. */
  readonly env: Environment = environment;
  readonly global: GlobalOptions;
  /** Where the command started, below the top of the worktree, with a trailing slash; or "". */
  prefix: ByteString = "";
  /** The directory in which the command was started. */
  readonly startDirectory: ByteString;
  #out: Uint8Array | undefined;
  #outSize = 0;
  #repository: Repository | undefined;
  #looked = false;
  #config: Config | undefined;
  #abbrev: number | undefined;
  /** Whether the command works without a repository, even where `GIT_DIR` names none. */
  gentle = false;
  /** Receives output instead of standard output, when set. */
  capture: ((data: Uint8Array) => void) | undefined;

  constructor(global: GlobalOptions) {
    this.global = global;
    this.startDirectory = currentDirectory();
  }

  /** Writes to standard output (buffered). Data is copied. */
  out(data: ByteString | Uint8Array): void {
    if (this.capture !== undefined) {
      this.capture(typeof data === "string" ? fromByteString(data) : data.slice());
      return;
    }
    const size = data.length;
    if (size > OUT_SIZE) {
      this.flush();
      streams.out(typeof data === "string" ? fromByteString(data) : data);
      return;
    }
    if (this.#outSize + size > OUT_SIZE) this.flush();
    const out = this.#out ??= new Uint8Array(OUT_SIZE);
    let at = this.#outSize;
    if (typeof data !== "string") out.set(data, at);
    else for (let i = 0; i < size; i++) out[at++] = data.charCodeAt(i);
    this.#outSize += size;
  }

  /** Writes the first `length` bytes of `data`, which may be used again afterwards. */
  outBytes(data: Uint8Array, length: number): void {
    if (this.capture !== undefined || length > 256 || this.#outSize + length > OUT_SIZE) {
      this.out(data.subarray(0, length));
      return;
    }
    const out = this.#out ??= new Uint8Array(OUT_SIZE);
    for (let i = 0, at = this.#outSize; i < length; i++) out[at++] = data[i]!;
    this.#outSize += length;
  }

  /** Writes what is buffered. */
  flush(): void {
    const size = this.#outSize;
    this.#outSize = 0;
    if (size > 0) streams.out(this.#out!.subarray(0, size));
  }

  /** Writes to standard error. */
  err(text: ByteString): void {
    this.flush();
    const bytes = fromByteString(text);
    try {
      streams.err(bytes);
    } catch { /* Nobody listens. */ }
  }

  /** `warning: …` on standard error. */
  warn(text: ByteString): void {
    this.err(`warning: ${text}\n`);
  }

  /** `error: …` on standard error; returns `code`. */
  error(text: ByteString, code = 1): number {
    this.err(`error: ${text}\n`);
    return code;
  }

  /** Reads all of standard input. */
  readStdin(): Uint8Array {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const chunk = new Uint8Array(65536);
      const n = Deno.stdin.readSync(chunk);
      if (n === null) break;
      chunks.push(chunk.subarray(0, n));
      size += n;
    }
    const out = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  /** Lines of standard input as they come. */
  *stdinLines(delimiter = "\n"): Generator<ByteString> {
    let rest = "";
    const chunk = new Uint8Array(65536);
    for (;;) {
      const n = Deno.stdin.readSync(chunk);
      if (n === null) break;
      rest += toByteString(chunk, 0, n);
      let at = 0;
      for (let end = rest.indexOf(delimiter, at); end >= 0; end = rest.indexOf(delimiter, at)) {
        yield rest.slice(at, end);
        at = end + 1;
      }
      rest = rest.slice(at);
    }
    if (rest !== "") yield rest;
  }

  /** The repository; fails when there is none. */
  get repo(): Repository {
    const repository = this.findRepository();
    if (repository === undefined) {
      die("not a git repository (or any of the parent directories): .git");
    }
    return repository;
  }

  /** The repository, or `undefined`. Changes to the top of the worktree when inside one. */
  findRepository(): Repository | undefined {
    if (this.#looked) return this.#repository;
    this.#looked = true;
    const { env, global } = this;
    const gitDirText = global.gitDir ?? env.get("GIT_DIR");
    const workTreeText = global.workTree ?? env.get("GIT_WORK_TREE");
    const start = this.startDirectory;
    let gitDir: ByteString, commonDir: ByteString, workTree: ByteString | undefined;
    if (gitDirText !== undefined && gitDirText !== "") {
      let resolved = gitDirText;
      const info = stat(gitDirText);
      if (info?.isFile) resolved = readGitFile(gitDirText) ?? gitDirText;
      if (!isGitDirectory(resolved, env)) {
        if (this.gentle) return undefined;
        die(`not a git repository: '${gitDirText}'`);
      }
      gitDir = resolved;
      commonDir = commonDirectory(gitDir, env);
      const probe = loadConfig({
        environment: env,
        paths: { gitDir, commonDir, workTree: undefined },
        includes: false,
      });
      const configured = probe.entries.findLast((entry) =>
        entry.key === "core.worktree" && entry.scope !== "global"
      )?.value;
      if (workTreeText !== undefined) workTree = workTreeText;
      else if (configured !== undefined) {
        workTree = configured.startsWith("/")
          ? configured
          : joinPath(absolutePath(gitDir), configured);
      } else if (
        probe.bool("core.bare", false) || global.bare || env.get("GIT_IMPLICIT_WORK_TREE") === "0"
      ) {
        workTree = undefined;
      } else workTree = ".";
      gitDir = absolutePath(gitDir);
      commonDir = absolutePath(commonDir);
      if (workTree !== undefined) workTree = realPath(absolutePath(workTree));
    } else {
      const found = discoverRepository(start, env);
      if (found === undefined) return undefined;
      gitDir = found.gitDir;
      commonDir = found.commonDir;
      workTree = found.workTree;
      const probe = loadConfig({
        environment: env,
        paths: { gitDir, commonDir, workTree: undefined },
        includes: false,
      });
      const bare = probe.entries.findLast((entry) =>
        entry.key === "core.bare" && (entry.scope === "local" || entry.scope === "worktree")
      );
      const isBare = bare !== undefined && probe.bool("core.bare", false) && gitDir === commonDir;
      const configured = probe.entries.findLast((entry) =>
        entry.key === "core.worktree" && (entry.scope === "local" || entry.scope === "worktree")
      )?.value;
      if (isBare && configured !== undefined && workTreeText === undefined) {
        // Git warns only; the worktree setting loses.
        this.warn("core.bare and core.worktree do not make sense");
      }
      if (workTreeText !== undefined) workTree = realPath(absolutePath(workTreeText));
      else if (configured !== undefined && !isBare) {
        workTree = realPath(
          configured.startsWith("/") ? configured : normalisePath(joinPath(gitDir, configured)),
        );
      } else if (isBare || global.bare) workTree = undefined;
      else if (
        workTree === undefined && probe.bool("core.bare", true) === false &&
        gitDir.endsWith("/.git")
      ) {
        workTree = gitDir.slice(0, -5) || "/";
      }
    }
    this.#repository = Repository.at({ gitDir, commonDir, workTree }, {
      environment: env,
      overrides: global.overrides,
      fsync: env.get("GIT_TEST_FSYNC") === undefined ? true : env.get("GIT_TEST_FSYNC") !== "0",
    });
    this.#config = this.#repository.config;
    commandPromisor(this);
    this.#watchRefs();
    if (workTree !== undefined) {
      const at = realPath(start);
      if (at === workTree || at.startsWith(workTree === "/" ? "/" : `${workTree}/`)) {
        const inGitDir = at === gitDir || at.startsWith(`${gitDir}/`);
        if (!inGitDir || workTreeText !== undefined) {
          this.prefix = at === workTree
            ? ""
            : `${at.slice(workTree === "/" ? 1 : workTree.length + 1)}/`;
          if (isDirectory(workTree)) Deno.chdir(nativePath(workTree));
        }
      }
    }
    return this.#repository;
  }

  /** Lets the hook `reference-transaction` see, and refuse, changes of refs. */
  #watchRefs(): void {
    this.#repository!.refs.options.hook = (state, lines) => {
      const code = this.runHook("reference-transaction", [state], { input: lines });
      if (code !== 0 && state === "prepared") {
        throw new GitError("refused", "ref updates aborted by hook");
      }
    };
  }

  /** Opens the repository again, after its configuration changed. */
  reopen(): Repository {
    const { paths } = this.repo;
    this.#repository!.close();
    this.#repository = Repository.at(paths, {
      environment: this.env,
      overrides: this.global.overrides,
      fsync: this.#repository!.fsync,
    });
    this.#config = this.#repository.config;
    this.#watchRefs();
    return this.#repository;
  }

  /** The repository if one is open. */
  repositoryIfAny(): Repository | undefined {
    return this.#repository;
  }

  /** Uses a repository that was just made. */
  adopt(repository: Repository): void {
    this.#looked = true;
    this.#repository = repository;
    this.#config = repository.config;
  }

  /** Fails unless there is a worktree. */
  needWorkTree(): ByteString {
    const { workTree } = this.repo.paths;
    if (workTree === undefined) die("this operation must be run in a work tree");
    const here = currentDirectory();
    if (here !== workTree) {
      // Started inside the Git directory or outside the worktree.
      if (realPath(here) !== workTree) {
        const inside = this.repo.paths.gitDir;
        if (
          (here === inside || here.startsWith(`${inside}/`)) &&
          this.env.get("GIT_WORK_TREE") === undefined
        ) {
          die("this operation must be run in a work tree");
        }
        Deno.chdir(nativePath(workTree));
      }
    }
    return workTree;
  }

  /** Settings: the repository's, or the user's where there is none. */
  get config(): Config {
    if (this.#config === undefined) {
      this.findRepository();
      this.#config ??= loadConfig({ environment: this.env, overrides: this.global.overrides });
    }
    return this.#config;
  }

  /** The object a name means; fails when there is none. */
  revision(name: ByteString, options: RevisionOptions = {}): ObjectId {
    const id = this.tryRevision(name, options);
    if (id === undefined) {
      die(
        `ambiguous argument '${name}': unknown revision or path not in the working tree.\n` +
          "Use '--' to separate paths from revisions, like this:\n'git <command> [<revision>...] -- [<file>...]'",
      );
    }
    return id;
  }

  /** The object a name means, or `undefined`; ambiguity is reported on standard error. */
  tryRevision(name: ByteString, options: RevisionOptions = {}): ObjectId | undefined {
    try {
      return resolveRevision(this.repo, name, {
        prefix: this.prefix,
        warn: (text) => this.warn(text),
        ...options,
      });
    } catch (error) {
      if (error instanceof AmbiguousIdError) {
        this.err(`error: ${error.message}\n${this.#candidates(error)}`);
        return undefined;
      }
      throw error;
    }
  }

  #candidates(error: AmbiguousIdError): ByteString {
    const order = ["tag", "commit", "tree", "blob"];
    const lines = error.candidates.map((id) => {
      const type = this.repo.objects.describe(id)?.type ?? "bad";
      return { id, type };
    }).sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type) || (a.id < b.id ? -1 : 1));
    return `hint: The candidates are:\n${
      lines.map(({ id, type }) => `hint:   ${this.abbrev(id)} ${type}\n`).join("")
    }`;
  }

  /** A short unique form of an id. */
  abbrev(id: ObjectId, length?: number): string {
    this.#abbrev ??= defaultAbbreviation(this.repo);
    return abbreviate(this.repo, id, length ?? this.#abbrev);
  }

  /** The default length of abbreviations. */
  get abbrevLength(): number {
    return this.#abbrev ??= defaultAbbreviation(this.repo);
  }

  /** `Name <mail> seconds zone`. */
  ident(role: "author" | "committer", options: IdentityOptions = {}): ByteString {
    try {
      return identity(role, this.config, this.env, options);
    } catch (error) {
      if (error instanceof GitError && error.message.startsWith("\n***")) {
        const label = role === "author" ? "Author" : "Committer";
        throw new Exit(128, `${label} identity unknown\n${error.message}\n`);
      }
      throw error;
    }
  }

  /** A path argument as a path from the top of the worktree. */
  pathArgument(argument: ByteString): ByteString {
    const { workTree } = this.repo.paths;
    let path: ByteString;
    if (argument.startsWith("/")) {
      const top = workTree ?? "";
      const clean = normalisePath(argument);
      if (clean === top) return "";
      if (clean.startsWith(`${top}/`)) path = clean.slice(top.length + 1);
      else {
        const real = realPath(clean);
        if (real === top) return "";
        if (!real.startsWith(`${top}/`)) {
          die(`${argument}: '${argument}' is outside repository at '${top}'`);
        }
        path = real.slice(top.length + 1);
      }
    } else path = normalisePath(this.prefix + argument);
    if (path === ".." || path.startsWith("../")) {
      die(
        `${argument}: '${argument}' is outside repository at '${
          workTree ?? this.repo.paths.gitDir
        }'`,
      );
    }
    return path;
  }

  /** A file argument as a path from where the process is now. */
  fileArgument(argument: ByteString): ByteString {
    return argument.startsWith("/") ? argument : `${this.startDirectory}/${argument}`;
  }

  /** The file of a hook, or `undefined` when there is none that can run. */
  hookPath(name: string): ByteString | undefined {
    const directory = this.config.get("core.hookspath") ?? `${this.repo.paths.commonDir}/hooks`;
    const path = absolutePath(
      `${expandHome(directory, this.env.get("HOME"))}/${name}`,
    );
    const info = stat(path);
    if (info === undefined || info.isDirectory) return undefined;
    if (((info.mode ?? 0) & 0o111) !== 0) return path;
    if (this.config.bool("advice.ignoredhook", true)) {
      const { workTree } = this.repo.paths;
      this.err(
        `hint: The '${
          path.startsWith(`${workTree}/`) ? path.slice(workTree!.length + 1) : path
        }' hook was ignored because it's not set as executable.\n` +
          "hint: You can disable this warning with `git config advice.ignoredHook false`.\n",
      );
    }
    return undefined;
  }

  /** Runs a hook if there is one; returns its exit code (0 when there is none). */
  runHook(
    name: string,
    args: ByteString[] = [],
    options: { input?: ByteString; env?: Record<string, string>; cwd?: ByteString } = {},
  ): number {
    const path = this.hookPath(name);
    if (path === undefined) return 0;
    this.flush();
    const env: Record<string, string> = {
      GIT_DIR: decodeText(
        this.repo.paths.workTree !== undefined &&
          this.repo.paths.gitDir === `${this.repo.paths.workTree}/.git`
          ? ".git"
          : this.repo.paths.gitDir,
      ),
      ...options.env,
    };
    const cwd = options.cwd ?? this.repo.paths.workTree ?? this.repo.paths.gitDir;
    // Files of the Git directory are named as from the top of the worktree, where hooks start.
    const { workTree } = this.repo.paths;
    const shown = workTree === undefined || cwd !== workTree
      ? args
      : args.map((one) =>
        one.startsWith(`${workTree}/.git/`) ? one.slice(workTree.length + 1) : one
      );
    const code = runChild([path, ...shown], {
      cwd,
      env,
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    return code;
  }

  /** Opens the user's editor on a file; fails when the editor does. */
  edit(path: ByteString, env: Record<string, string> = {}): void {
    const editor = this.editor();
    if (editor === ":") return;
    this.flush();
    // Ctrl-C is the editor's. Should a signal end this process all the same, the shell that waits
    // for the editor takes away the locks that nobody holds any more.
    const ignore = (): void => {};
    Deno.addSignalListener("SIGINT", ignore);
    let code: number;
    try {
      const script =
        `trap : INT; ${editor} "$1"; code=$?; shift; kill -0 $PPID 2>/dev/null || rm -f -- "$@"; exit $code`;
      code = runChild(["/bin/sh", "-c", script, editor, path, ...LockFile.heldFiles()], {
        inherit: true,
        env,
      });
    } finally {
      Deno.removeSignalListener("SIGINT", ignore);
    }
    if (code !== 0) {
      throw new Exit(1, `error: There was a problem with the editor '${editor}'.\n`);
    }
  }

  /** The editor's command line. */
  editor(): ByteString {
    const terminal = this.env.get("TERM");
    const dumb = terminal === undefined || terminal === "dumb";
    const editor = this.env.get("GIT_EDITOR") ?? this.config.get("core.editor") ??
      (dumb ? undefined : this.env.get("VISUAL")) ??
      this.env.get("EDITOR");
    if (editor === undefined && dumb) {
      throw new Exit(1, "error: terminal is dumb, but EDITOR unset\n");
    }
    return editor ?? "editor";
  }

  /** Whether a stream takes colour for a `color.*` setting. */
  useColor(key: ByteString): boolean {
    const value = this.config.entry(key)?.value ?? this.config.entry("color.ui")?.value ?? "auto";
    if (value === "always") return true;
    if (value === "never" || value === "false" || value === "no" || value === "off") return false;
    return Deno.stdout.isTerminal() && this.env.get("TERM") !== "dumb";
  }
}

/** Runs a program and waits. `input` goes to its standard input; otherwise input is inherited. */
export function runChild(
  command: ByteString[],
  options: {
    cwd?: ByteString;
    env?: Record<string, string>;
    input?: ByteString;
    inherit?: boolean;
  } = {},
): number {
  let inputFile: string | undefined;
  let argv = command.map(decodeText);
  if (options.input !== undefined) {
    // A synchronous child cannot be fed through a pipe, so its input is a file.
    inputFile = Deno.makeTempFileSync();
    Deno.writeFileSync(inputFile, fromByteString(options.input));
    argv = ["/bin/sh", "-c", `exec "$@" <"$GIT_INPUT_FILE"`, "sh", ...argv];
  }
  try {
    const child = new Deno.Command(argv[0]!, {
      args: argv.slice(1),
      stdin: options.inherit ? "inherit" : "null",
      stdout: "inherit",
      stderr: "inherit",
      ...(options.cwd === undefined ? {} : { cwd: decodeText(options.cwd) }),
      env: { ...options.env, ...(inputFile === undefined ? {} : { GIT_INPUT_FILE: inputFile }) },
    });
    const result = child.outputSync();
    return result.signal !== null ? 128 + 15 : result.code;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ENOEXEC") {
      return 127;
    }
    throw error;
  } finally {
    if (inputFile !== undefined) Deno.removeSync(inputFile);
  }
}

/** The current directory; `PWD` decides between several names for it. */
export function currentDirectory(): ByteString {
  try {
    return encodeText(Deno.cwd());
  } catch {
    die("Unable to read current working directory: No such file or directory");
  }
}

/** The path without symbolic links, or as it is when nothing is there. */
export function realPath(path: ByteString): ByteString {
  try {
    return encodeText(Deno.realPathSync(nativePath(path)));
  } catch {
    return path;
  }
}

/** Quotes a path as Git does in output: C-style when it has unusual bytes. */
export function quotePath(path: ByteString, quoteHigh = true): ByteString {
  let plain = true;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c < 32 || c === 34 || c === 92 || c === 127 || (quoteHigh && c > 127)) {
      plain = false;
      break;
    }
  }
  return plain ? path : `"${quoteBody(path, quoteHigh)}"`;
}

/** The inside of a C-style quoted path. */
export function quoteBody(path: ByteString, quoteHigh = true): ByteString {
  let out = "";
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === 7) out += "\\a";
    else if (c === 8) out += "\\b";
    else if (c === 9) out += "\\t";
    else if (c === 10) out += "\\n";
    else if (c === 11) out += "\\v";
    else if (c === 12) out += "\\f";
    else if (c === 13) out += "\\r";
    else if (c === 34 || c === 92) out += `\\${path[i]}`;
    else if (c < 32 || c === 127 || (quoteHigh && c > 127)) {
      out += `\\${c.toString(8).padStart(3, "0")}`;
    } else out += path[i];
  }
  return out;
}

/** Reads a C-style quoted path; `undefined` when it is not one. */
export function unquotePath(text: ByteString): { path: ByteString; end: number } | undefined {
  if (!text.startsWith('"')) return undefined;
  let out = "";
  for (let i = 1; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') return { path: out, end: i + 1 };
    if (c !== "\\") {
      out += c;
      continue;
    }
    const e = text[++i];
    const simple: Record<string, string> = {
      a: "\x07",
      b: "\b",
      t: "\t",
      n: "\n",
      v: "\x0b",
      f: "\f",
      r: "\r",
      '"': '"',
      "\\": "\\",
    };
    if (e === undefined) return undefined;
    if (e in simple) out += simple[e];
    else if (e >= "0" && e <= "3") {
      const digits = text.slice(i, i + 3);
      if (!/^[0-3][0-7]{2}$/.test(digits)) return undefined;
      out += String.fromCharCode(parseInt(digits, 8));
      i += 2;
    } else return undefined;
  }
  return undefined;
}

/** A path from the top of the worktree as seen from a prefix such as `a/b/`. */
export function relativeToPrefix(path: ByteString, prefix: ByteString): ByteString {
  if (prefix === "" || path.startsWith(prefix)) {
    const rest = path.slice(prefix.length);
    return rest === "" ? "./" : rest;
  }
  const from = prefix.split("/").filter((part) => part !== "");
  const to = path.split("/");
  let i = 0;
  while (i < from.length && i < to.length - 1 && from[i] === to[i]) i++;
  if (i === to.length - 1 && path.endsWith("/") && from[i] === to[i]) i++;
  return "../".repeat(from.length - i) + to.slice(i).join("/");
}
