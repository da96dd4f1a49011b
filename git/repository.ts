/**
 * A repository on disk: finding it, opening it, making it.
 *
 * @module
 */
import {
  type ByteString,
  decodeText,
  encodeText,
  fromByteString,
  trimSpace,
  trimSpaceEnd,
} from "./_bytes.ts";
import {
  directoryName,
  isDirectory,
  joinPath,
  listDirectory,
  lstat,
  makeDirectories,
  nativePath,
  normalisePath,
  readTextIfAny,
  stat,
} from "./_files.ts";
import {
  Config,
  type ConfigEntry,
  type ConfigScope,
  editConfig,
  expandHome,
  type IncludeContext,
  isRemoteUrlKey,
  readConfigText,
  updateConfigFile,
} from "./config.ts";
import { GitError } from "./errors.ts";
import { FileObjectStore, type FileObjectStoreOptions } from "./file_object_store.ts";
import { type HashAlgorithm, hashAlgorithm, type ObjectId, SHA1 } from "./hash_algorithm.ts";
import { type Environment, identity } from "./ident.ts";
import { commitIndex, type GitIndex, readIndex } from "./index_file.ts";
import { LockFile } from "./lock_file.ts";
import { setShallow } from "./merge_base.ts";
import { isHex } from "./objects.ts";
import { peelTo } from "./object_store.ts";
import { isRefName } from "./ref_name.ts";
import { FileRefStore } from "./ref_store.ts";
import { readShallow } from "./shallow.ts";
import { smudgeRacyEntries } from "./status.ts";

/** Where a repository's parts are. */
export interface RepositoryPaths {
  /** The directory of this worktree (`.git`, or `.git/worktrees/x`). */
  gitDir: ByteString;
  /** The directory shared by all worktrees. */
  commonDir: ByteString;
  /** The top of the worktree; `undefined` when bare. */
  workTree: ByteString | undefined;
}

/** Options of {@linkcode Repository.open}. */
export interface OpenOptions {
  /** Environment variables; none by default. */
  environment?: Environment;
  /** `key` and `value` pairs that win over files (`git -c`). */
  overrides?: readonly (readonly [ByteString, ByteString | undefined])[];
  /** Flush writes to disk. Default true. */
  fsync?: boolean;
}

/** Options of {@linkcode Repository.init}. */
export interface InitOptions extends OpenOptions {
  /** No worktree. */
  bare?: boolean;
  /** Name of the first branch. Default `init.defaultBranch`, else `master`. */
  initialBranch?: ByteString | undefined;
  /** Hash. Default SHA-1. */
  algorithm?: HashAlgorithm | undefined;
  /** Put the Git directory here and a `.git` file into the worktree. */
  separateGitDir?: ByteString | undefined;
  /** Directory whose files are copied into the new Git directory. */
  template?: ByteString | undefined;
  /** `core.sharedRepository` as an octal word, `group`, `all`. */
  shared?: ByteString | undefined;
}

const NO_ENVIRONMENT: Environment = { get: () => undefined };

/** Whether a directory looks like a Git directory: `HEAD`, `objects/`, `refs/`. */
export function isGitDirectory(
  path: ByteString,
  environment: Environment = NO_ENVIRONMENT,
): boolean {
  const head = lstat(`${path}/HEAD`);
  if (head === undefined) return false;
  if (head.isSymlink) {
    try {
      if (!Deno.readLinkSync(nativePath(`${path}/HEAD`)).startsWith("refs/")) return false;
    } catch {
      return false;
    }
  } else {
    const text = readTextIfAny(`${path}/HEAD`);
    if (text === undefined) return false;
    const trimmed = trimSpace(text);
    if (
      !(text.startsWith("ref:") && trimSpace(trimmed.slice(4)).startsWith("refs/")) &&
      !isHex(trimmed, 40) && !isHex(trimmed, 64)
    ) {
      return false;
    }
  }
  const common = commonDirectory(path, environment);
  const objects = environment.get("GIT_OBJECT_DIRECTORY") ?? `${common}/objects`;
  return isDirectory(objects) && isDirectory(`${common}/refs`);
}

/** The common directory of a Git directory (`commondir` file). */
export function commonDirectory(
  gitDir: ByteString,
  environment: Environment = NO_ENVIRONMENT,
): ByteString {
  const forced = environment.get("GIT_COMMON_DIR");
  if (forced !== undefined) return forced;
  const text = readTextIfAny(`${gitDir}/commondir`);
  if (text === undefined) return gitDir;
  const path = joinPath(gitDir, trimSpaceEnd(text));
  return path.startsWith("/") ? normalisePath(path) : path;
}

/** Reads a `.git` file (`gitdir: …`). `undefined` when it is none. Throws when it leads nowhere. */
export function readGitFile(path: ByteString): ByteString | undefined {
  const info = stat(path);
  if (info === undefined || !info.isFile) return undefined;
  if (info.size > 1 << 20) throw new GitError("invalid", `too large to be a .git file: '${path}'`);
  const text = readTextIfAny(path);
  if (text === undefined || !text.startsWith("gitdir: ")) {
    throw new GitError("invalid", `invalid gitfile format: ${path}`);
  }
  const target = text.slice(8).replace(/[\r\n]+$/, "");
  if (target === "") throw new GitError("invalid", `no path in gitfile: ${path}`);
  const full = target.startsWith("/") ? target : joinPath(directoryName(path), target);
  if (!isGitDirectory(full)) throw new GitError("not_found", `not a git repository: ${full}`);
  return encodeText(Deno.realPathSync(nativePath(full)));
}

/** What discovery found. */
export interface Discovery extends RepositoryPaths {
  /** The path from the top of the worktree to where the search began, with a trailing slash. */
  prefix: ByteString;
  /** The directory in which the repository was found. */
  found: ByteString;
}

/**
 * Looks for a repository at a directory and those above it. `undefined` when there is none.
 *
 * Throws `GitError`: "unsafe" when it belongs to another user (`safe.directory`) or is bare where
 * `safe.bareRepository` is `explicit`, "invalid" for a `.git` file that leads nowhere.
 */
export function discoverRepository(
  start: ByteString,
  environment: Environment = NO_ENVIRONMENT,
): Discovery | undefined {
  const absolute = normalisePath(start) || "/";
  const ceilings = (environment.get("GIT_CEILING_DIRECTORIES") ?? "").split(":").filter((path) =>
    path.startsWith("/")
  )
    .map((path) => {
      const clean = normalisePath(path);
      try {
        return encodeText(Deno.realPathSync(nativePath(clean)));
      } catch {
        return clean;
      }
    });
  const device = environment.get("GIT_DISCOVERY_ACROSS_FILESYSTEM") === "1"
    ? undefined
    : stat(absolute)?.dev;
  let at = absolute;
  for (;;) {
    const dotGit = `${at === "/" ? "" : at}/.git`;
    const info = stat(dotGit);
    let gitDir: ByteString | undefined;
    if (info?.isFile) gitDir = readGitFile(dotGit);
    else if (info?.isDirectory && isGitDirectory(dotGit)) gitDir = dotGit;
    if (gitDir !== undefined) {
      ensureSafe(at, gitDir, environment);
      const prefix = absolute === at ? "" : `${absolute.slice(at === "/" ? 1 : at.length + 1)}/`;
      return {
        gitDir,
        commonDir: commonDirectory(gitDir, environment),
        workTree: at,
        prefix,
        found: at,
      };
    }
    if (isGitDirectory(at)) {
      ensureBareAllowed(at, environment);
      ensureSafe(at, at, environment);
      return {
        gitDir: at,
        commonDir: commonDirectory(at, environment),
        workTree: undefined,
        prefix: "",
        found: at,
      };
    }
    if (at === "/") return undefined;
    const above = directoryName(at);
    if (ceilings.includes(above) || (device !== undefined && stat(above)?.dev !== device)) {
      return undefined;
    }
    at = above;
  }
}

/** Settings that a repository cannot make for itself. */
function protectedSettings(environment: Environment, key: ByteString): ConfigEntry[] {
  return loadConfig({ environment, includes: true }).entries.filter((entry) =>
    entry.key === key && entry.scope !== "local" && entry.scope !== "worktree"
  );
}

/** A bare repository that lies in a worktree may be part of its content, hooks included. */
function ensureBareAllowed(path: ByteString, environment: Environment): void {
  const value = protectedSettings(environment, "safe.barerepository").at(-1)?.value;
  if (value === "explicit") {
    throw new GitError(
      "unsafe",
      `cannot use bare repository '${path}' (safe.bareRepository is 'explicit')`,
    );
  }
}

function ensureSafe(workTree: ByteString, gitDir: ByteString, environment: Environment): void {
  let uid: number | null;
  try {
    uid = Deno.uid();
  } catch {
    return;
  }
  if (uid === null) return;
  const forced = environment.get("GIT_TEST_ASSUME_DIFFERENT_OWNER");
  const paths = workTree === gitDir ? [gitDir] : [workTree, gitDir];
  const foreign = paths.some((path) => {
    const owner = lstat(path)?.uid;
    if (owner === uid || owner === undefined || owner === null) return false;
    // sudo keeps the caller's own repositories usable.
    return !(uid === 0 && String(owner) === environment.get("SUDO_UID"));
  });
  if (!foreign && forced !== "1" && forced !== "true") return;
  let safe = false;
  for (const { value } of protectedSettings(environment, "safe.directory")) {
    if (value === undefined || value === "") safe = false;
    else if (value === "*") safe = true;
    else if (normalisePath(expandHome(value, environment.get("HOME"))) === workTree) safe = true;
  }
  if (!safe) {
    throw new GitError(
      "unsafe",
      `detected dubious ownership in repository at '${workTree}'\n` +
        `To add an exception for this directory, call:\n\n\tgit config --global --add safe.directory ${workTree}`,
    );
  }
}

/** What {@linkcode loadConfig} reads. */
export interface LoadConfigOptions {
  environment?: Environment;
  paths?: RepositoryPaths | undefined;
  overrides?: readonly (readonly [ByteString, ByteString | undefined])[];
  includes?: boolean;
  /** Take every `includeIf "hasconfig:…"` for true. */
  collecting?: boolean;
}

function collectRemoteUrls(options: LoadConfigOptions): ByteString[] {
  return loadConfig({ ...options, collecting: true }).entries
    .flatMap(({ key, value }) => isRemoteUrlKey(key) && value !== undefined ? [value] : []);
}

/** Paths of the configuration files outside repositories. */
export function configPaths(
  environment: Environment,
): { system: ByteString | undefined; global: ByteString[] } {
  const home = environment.get("HOME");
  const noSystem = /^(1|true|yes|on)$/i.test(environment.get("GIT_CONFIG_NOSYSTEM") ?? "");
  const system = noSystem ? undefined : environment.get("GIT_CONFIG_SYSTEM") ?? "/etc/gitconfig";
  const forced = environment.get("GIT_CONFIG_GLOBAL");
  if (forced !== undefined) return { system, global: forced === "" ? [] : [forced] };
  const xdg = environment.get("XDG_CONFIG_HOME") ||
    (home === undefined ? undefined : `${home}/.config`);
  const global: ByteString[] = [];
  if (xdg !== undefined) global.push(`${xdg}/git/config`);
  if (home !== undefined) global.push(`${home}/.gitconfig`);
  return { system, global };
}

/** Reads system, global, repository, worktree and command-line settings. */
export function loadConfig(options: LoadConfigOptions = {}): Config {
  const environment = options.environment ?? NO_ENVIRONMENT;
  const entries: ConfigEntry[] = [];
  const paths = options.paths;
  let urls: ByteString[] | undefined;
  const context: IncludeContext = {
    gitDir: paths === undefined ? undefined : absolutePath(paths.gitDir),
    home: environment.get("HOME"),
    includes: options.includes ?? true,
    branch: (): ByteString | undefined => {
      const text = paths === undefined ? undefined : readTextIfAny(`${paths.gitDir}/HEAD`);
      return text?.startsWith("ref: refs/heads/") ? trimSpace(text.slice(16)) : undefined;
    },
    remoteUrls: () => urls ??= collectRemoteUrls(options),
    collecting: options.collecting ?? false,
  };
  const top = paths?.workTree;
  const read = (path: ByteString, scope: ConfigScope): void => {
    const text = readTextIfAny(path);
    if (text === undefined) return;
    // Files of the worktree's own `.git` are named as from the top.
    const origin = top !== undefined && path.startsWith(`${top}/.git/`)
      ? path.slice(top.length + 1)
      : path;
    readConfigText(text, { scope, originType: "file", origin, path }, context, entries);
  };
  const { system, global } = configPaths(environment);
  if (system !== undefined) read(system, "system");
  for (const path of global) read(path, "global");
  if (paths !== undefined) {
    read(`${paths.commonDir}/config`, "local");
    const extension = entries.findLast((entry) => entry.key === "extensions.worktreeconfig");
    if (extension !== undefined && /^(true|1|yes|on)$/i.test(extension.value ?? "true")) {
      read(`${paths.gitDir}/config.worktree`, "worktree");
    }
  }
  for (const [key, value] of environmentOverrides(environment)) {
    pushOverride(entries, key, value, context);
  }
  for (const [key, value] of options.overrides ?? []) pushOverride(entries, key, value, context);
  return new Config(entries);
}

function pushOverride(
  entries: ConfigEntry[],
  key: ByteString,
  value: ByteString | undefined,
  context: IncludeContext,
): void {
  entries.push({ key, value, scope: "command", originType: "command line", origin: "", line: 0 });
  if (key === "include.path" && context.includes && value !== undefined) {
    const path = expandHome(value, context.home);
    if (!path.startsWith("/")) {
      throw new GitError("invalid", "relative config includes must come from files");
    }
    const text = readTextIfAny(path);
    if (text !== undefined) {
      readConfigText(
        text,
        { scope: "command", originType: "file", origin: path },
        context,
        entries,
        1,
      );
    }
  }
}

/** Settings in `GIT_CONFIG_COUNT` and `GIT_CONFIG_PARAMETERS`. Throws `GitError` ("invalid"). */
export function environmentOverrides(
  environment: Environment,
): [ByteString, ByteString | undefined][] {
  const out: [ByteString, ByteString | undefined][] = [];
  const parameters = environment.get("GIT_CONFIG_PARAMETERS");
  const countText = environment.get("GIT_CONFIG_COUNT");
  if (countText !== undefined && countText !== "") {
    if (!/^\s*\d+$/.test(countText)) {
      throw new GitError("invalid", "bogus count in GIT_CONFIG_COUNT");
    }
    const count = Number(countText);
    if (count > 0x7fffffff) throw new GitError("invalid", "too many entries in GIT_CONFIG_COUNT");
    for (let i = 0; i < count; i++) {
      const key = environment.get(`GIT_CONFIG_KEY_${i}`);
      const value = environment.get(`GIT_CONFIG_VALUE_${i}`);
      if (key === undefined) {
        throw new GitError("invalid", `missing config key GIT_CONFIG_KEY_${i}`);
      }
      if (value === undefined) {
        throw new GitError("invalid", `missing config value GIT_CONFIG_VALUE_${i}`);
      }
      out.push([overrideKey(key), value]);
    }
  }
  if (parameters !== undefined) {
    let at = 0;
    const bogus = (): GitError => new GitError("invalid", "bogus format in GIT_CONFIG_PARAMETERS");
    const word = (): string => {
      if (parameters[at] !== "'") throw bogus();
      let text = "";
      for (;;) {
        const end = parameters.indexOf("'", at + 1);
        if (end < 0) throw bogus();
        text += parameters.slice(at + 1, end);
        at = end + 1;
        if (
          parameters[at] === "\\" && (parameters[at + 1] === "'" || parameters[at + 1] === "!") &&
          parameters[at + 2] === "'"
        ) {
          text += parameters[at + 1];
          at += 2;
          continue;
        }
        return text;
      }
    };
    while (at < parameters.length) {
      while (parameters[at] === " ") at++;
      if (at >= parameters.length) break;
      const first = word();
      if (parameters[at] === "=") {
        at++;
        if (at >= parameters.length || parameters[at] === " ") {
          out.push([overrideKey(first), undefined]);
        } else out.push([overrideKey(first), word()]);
      } else if (at >= parameters.length || parameters[at] === " ") {
        const equals = first.indexOf("=");
        if (equals < 0) out.push([overrideKey(first), undefined]);
        else out.push([overrideKey(first.slice(0, equals)), first.slice(equals + 1)]);
      } else throw bogus();
    }
  }
  return out;
}

function overrideKey(key: ByteString): ByteString {
  const trimmed = trimSpace(key);
  if (trimmed === "") throw new GitError("invalid", "empty config key");
  const last = trimmed.lastIndexOf(".");
  const first = trimmed.indexOf(".");
  if (last <= 0) throw new GitError("invalid", `bogus config parameter: ${trimmed}`);
  if (!/^[A-Za-z0-9-]+(\..*)?\.[A-Za-z][A-Za-z0-9-]*$/s.test(trimmed)) {
    throw new GitError("invalid", `invalid key: ${trimmed}`);
  }
  return trimmed.slice(0, first).toLowerCase() + trimmed.slice(first, last) +
    trimmed.slice(last).toLowerCase();
}

/** A path made absolute against the current directory. */
export function absolutePath(path: ByteString): ByteString {
  return path.startsWith("/")
    ? normalisePath(path)
    : normalisePath(`${encodeText(Deno.cwd())}/${path}`);
}

/** An open repository. */
export class Repository {
  /** Where its parts are. */
  readonly paths: RepositoryPaths;
  /** Its settings and those of the user. */
  readonly config: Config;
  /** The hash that names objects. */
  readonly algorithm: HashAlgorithm;
  /** Its objects. */
  readonly objects: FileObjectStore;
  /** Its refs. */
  readonly refs: FileRefStore;
  /** The environment it was opened with. */
  readonly environment: Environment;
  /** Whether writes are flushed to disk. */
  readonly fsync: boolean;

  private constructor(paths: RepositoryPaths, options: OpenOptions) {
    this.paths = paths;
    this.environment = options.environment ?? NO_ENVIRONMENT;
    this.config = loadConfig({
      environment: this.environment,
      paths,
      ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
    });
    this.fsync = options.fsync ?? true;
    const formatText = localValue(this.config, "core.repositoryformatversion");
    const format = formatText === undefined ? 0 : Number(formatText);
    if (format > 1) {
      throw new GitError("unsafe", `Expected git repo version <= 1, found ${format}`);
    }
    const name = localValue(this.config, "extensions.objectformat");
    if (name !== undefined && format === 0) {
      throw new GitError(
        "unsafe",
        "repo version is 0, but v1-only extension found:\n\n\tobjectformat",
      );
    }
    const algorithm = name === undefined ? SHA1 : hashAlgorithm(name);
    if (algorithm === undefined) {
      throw new GitError("unsafe", `invalid value for 'extensions.objectformat': '${name}'`);
    }
    this.algorithm = algorithm;
    if (format === 1) {
      const known = new Set([
        "noop",
        "noop-v1",
        "preciousobjects",
        "partialclone",
        "worktreeconfig",
        "objectformat",
      ]);
      const unknown = this.config.entries.filter((entry) =>
        entry.scope === "local" && entry.key.startsWith("extensions.") &&
        !known.has(entry.key.slice(11))
      );
      if (unknown.length > 0) {
        throw new GitError(
          "unsafe",
          `unknown repository extension${unknown.length > 1 ? "s" : ""} found:\n\n${
            unknown.map((entry) => `\t${entry.key.slice(11)}`).join("\n")
          }`,
        );
      }
    }
    const objectOptions: FileObjectStoreOptions = {
      fsync: this.fsync,
      alternates: (this.environment.get("GIT_ALTERNATE_OBJECT_DIRECTORIES") ?? "").split(":")
        .filter((path) => path !== ""),
      compression: this.config.int("core.loosecompression") ??
        this.config.int("core.compression") ?? -1,
    };
    this.objects = new FileObjectStore(
      this.environment.get("GIT_OBJECT_DIRECTORY") ?? `${paths.commonDir}/objects`,
      algorithm,
      objectOptions,
    );
    const replace = this.environment.get("GIT_NO_REPLACE_OBJECTS") === undefined &&
      this.config.bool("core.usereplacerefs", true);
    if (replace) {
      const prefix = this.environment.get("GIT_REPLACE_REF_BASE") ?? "refs/replace/";
      this.objects.setReplacements(() =>
        new Map(this.refs.list(prefix).map((ref) => [ref.name.slice(prefix.length), ref.id]))
      );
    }
    setShallow(this.objects, new Set(readShallow(paths.commonDir)));
    const logging = this.config.entry("core.logallrefupdates");
    const always = logging?.value?.toLowerCase() === "always";
    this.refs = new FileRefStore(paths.gitDir, paths.commonDir, algorithm, {
      fsync: this.fsync,
      logAllRefUpdates: always
        ? "always"
        : (this.config.bool("core.logallrefupdates") ?? !this.bare)
        ? "true"
        : "false",
      who: () => identity("committer", this.config, this.environment, { strict: false }),
      hasObject: (id) => this.objects.has(id),
      isCommit: (id) => this.objects.describe(id)?.type === "commit",
      peel: (id) => peelTo(this.objects, id, "any"),
      lockTimeoutMs: this.config.int("core.filesreflocktimeout") ?? 100,
      packedTimeoutMs: this.config.int("core.packedrefstimeout") ?? 1000,
    });
  }

  /** Whether it has no worktree. */
  get bare(): boolean {
    return this.paths.workTree === undefined;
  }

  /** Opens the repository whose parts are known. */
  static at(paths: RepositoryPaths, options: OpenOptions = {}): Repository {
    return new Repository(paths, options);
  }

  /** Opens another repository, such as a submodule's, in the same environment. @throws {GitError} Where there is none. */
  openAt(directory: string): Repository {
    return Repository.open(directory, { environment: this.environment });
  }

  /**
   * Opens the repository at a directory: its worktree, a `.git` directory, or a bare one.
   * Throws `GitError` ("not_found").
   */
  static open(path: string, options: OpenOptions = {}): Repository {
    const at = absolutePath(encodeText(path));
    const inner = stat(`${at}/.git`);
    const gitDir = inner?.isFile
      ? readGitFile(`${at}/.git`)!
      : inner?.isDirectory
      ? `${at}/.git`
      : at;
    if (!isGitDirectory(gitDir)) throw new GitError("not_found", `not a git repository: ${at}`);
    const commonDir = commonDirectory(gitDir);
    let workTree: ByteString | undefined = gitDir === at ? undefined : at;
    if (gitDir === at && at.endsWith("/.git")) workTree = directoryName(at);
    const probe = loadConfig({ paths: { gitDir, commonDir, workTree } });
    if (probe.bool("core.bare", false) && gitDir === commonDir) workTree = undefined;
    return new Repository({ gitDir, commonDir, workTree }, options);
  }

  /** Makes a repository, or completes one that exists. */
  static init(path: string, options: InitOptions = {}): Repository {
    return initRepository(absolutePath(encodeText(path)), options).repository;
  }

  /** Reads the index. */
  readIndex(): GitIndex {
    return readIndex(this.indexPath, this.algorithm);
  }

  /** Where the index is. */
  get indexPath(): ByteString {
    return this.environment.get("GIT_INDEX_FILE") ?? `${this.paths.gitDir}/index`;
  }

  /** Locks the index for writing. Throws `GitError` ("locked"). */
  lockIndex(): LockFile {
    return LockFile.take(this.indexPath);
  }

  /** Writes the index under its lock. */
  writeIndex(index: GitIndex, lock: LockFile = this.lockIndex()): void {
    smudgeRacyEntries(this, index);
    commitIndex(index, lock, { fsync: this.fsync });
  }

  /** The id that `HEAD` leads to, or `undefined` on an unborn branch. */
  head(): ObjectId | undefined {
    return this.refs.id("HEAD");
  }

  /** The branch that `HEAD` names (full ref name), or `undefined` when detached. */
  headBranch(): ByteString | undefined {
    const head = this.refs.read("HEAD");
    return head?.kind === "symbolic" ? head.target : undefined;
  }

  /** The full path of a file in the worktree. */
  worktreePath(path: ByteString): ByteString {
    return this.paths.workTree === undefined ? path : `${this.paths.workTree}/${path}`;
  }

  /** Closes open files. */
  close(): void {
    this.objects.close();
  }

  /** Closes open files. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function localValue(config: Config, key: ByteString): ByteString | undefined {
  return config.entries.findLast((entry) => entry.key === key && entry.scope === "local")?.value;
}

/** Makes or completes a repository and tells which. */
export function initRepository(
  target: ByteString,
  options: InitOptions & { gitDir?: ByteString | undefined; workTree?: ByteString | undefined },
): { repository: Repository; existed: boolean; gitDir: ByteString } {
  const environment = options.environment ?? NO_ENVIRONMENT;
  let gitDir = options.gitDir ?? (options.bare ? target : `${target}/.git`);
  makeDirectories(options.bare ? gitDir : target);
  let workTree: ByteString | undefined = options.bare ? undefined : options.workTree ?? target;
  const existing = stat(gitDir);
  if (options.separateGitDir !== undefined) {
    const separate = absolutePath(options.separateGitDir);
    if (existing !== undefined) {
      // A symbolic link at `.git` stays and gets the new address written through it.
      const from = existing.isFile
        ? readGitFile(gitDir)!
        : encodeText(Deno.realPathSync(nativePath(gitDir)));
      if (from !== separate) {
        makeDirectories(directoryName(separate));
        Deno.renameSync(nativePath(from), nativePath(separate));
        readdressWorktrees(separate);
      }
      if (existing.isDirectory) gitDir = from;
    }
    makeDirectories(separate);
    Deno.writeTextFileSync(nativePath(gitDir), `gitdir: ${decodeText(separate)}\n`);
    gitDir = separate;
  } else if (existing?.isFile) {
    gitDir = readGitFile(gitDir)!;
  }
  const existed = stat(`${gitDir}/HEAD`) !== undefined || lstat(`${gitDir}/HEAD`) !== undefined;
  makeDirectories(gitDir);
  const commonDir = commonDirectory(gitDir);
  const { template } = options;
  if (template === undefined) writeDefaultTemplate(commonDir);
  else if (template !== "") copyTemplate(template, commonDir);
  for (const directory of ["refs/heads", "refs/tags", "objects/info", "objects/pack"]) {
    if (directory.startsWith("objects") && environment.get("GIT_OBJECT_DIRECTORY") !== undefined) {
      makeDirectories(`${environment.get("GIT_OBJECT_DIRECTORY")}/${directory.slice(8)}`);
    } else makeDirectories(`${commonDir}/${directory}`);
  }
  const config = loadConfig({
    environment,
    paths: { gitDir, commonDir, workTree },
    ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
  });
  const known = localValue(config, "extensions.objectformat") ?? "sha1";
  if (existed && options.algorithm !== undefined && options.algorithm.name !== known) {
    throw new GitError("invalid", "attempt to reinitialize repository with different hash");
  }
  if (!existed) {
    const branch = options.initialBranch ?? config.get("init.defaultbranch") ?? "master";
    if (!isRefName(`refs/heads/${branch}`)) {
      throw new GitError("invalid", `invalid initial branch name: '${branch}'`);
    }
    Deno.writeTextFileSync(nativePath(`${gitDir}/HEAD`), `ref: refs/heads/${decodeText(branch)}\n`);
  }
  const sha256 = existed ? known === "sha256" : options.algorithm?.name === "sha256";
  const configFile = `${commonDir}/config`;
  const format = localValue(config, "core.repositoryformatversion");
  const settings: [string, string | undefined][] = [
    ["core.repositoryformatversion", existed && format !== undefined ? format : sha256 ? "1" : "0"],
    ["core.filemode", "true"],
    ["core.bare", workTree === undefined ? "true" : "false"],
  ];
  if (workTree !== undefined && config.entry("core.logallrefupdates") === undefined) {
    settings.push(["core.logallrefupdates", "true"]);
  }
  if (options.workTree !== undefined && `${options.workTree}/.git` !== gitDir) {
    settings.push(["core.worktree", options.workTree]);
  }
  if (sha256) settings.push(["extensions.objectformat", "sha256"]);
  const shared = options.shared;
  if (shared !== undefined) {
    settings.push(["core.sharedrepository", sharedValue(shared)]);
    settings.push(["receive.denyNonFastforwards", "true"]);
  }
  updateConfigFile(configFile, (text) => {
    for (const [key, value] of settings) {
      text = editConfig(text, `file ${configFile}`, key, value, { all: true }).text;
    }
    return text;
  });
  if (options.separateGitDir !== undefined && workTree !== undefined) {
    workTree = options.workTree ?? target;
  }
  if (shared !== undefined) shareFiles(gitDir, sharedValue(shared));
  const repository = Repository.at({ gitDir, commonDir, workTree }, options);
  return { repository, existed, gitDir };
}

/** Tells linked worktrees that the repository has moved. */
function readdressWorktrees(commonDir: ByteString): void {
  if (!isDirectory(`${commonDir}/worktrees`)) return;
  for (const { name } of listDirectory(`${commonDir}/worktrees`)) {
    const file = readTextIfAny(`${commonDir}/worktrees/${name}/gitdir`)?.trimEnd();
    if (file === undefined || !stat(file)?.isFile) continue;
    Deno.writeFileSync(
      nativePath(file),
      fromByteString(`gitdir: ${commonDir}/worktrees/${name}\n`),
    );
  }
}

/** What a repository has without a template of the user's. */
function writeDefaultTemplate(gitDir: ByteString): void {
  for (const directory of ["branches", "hooks", "info"]) makeDirectories(`${gitDir}/${directory}`);
  const files: [string, string][] = [
    [
      "description",
      "Unnamed repository; edit this file 'description' to name the repository.\n",
    ],
    [
      "info/exclude",
      "# Patterns of files that Git leaves alone in this repository only, one a line.\n# Patterns for everybody belong into .gitignore.\n",
    ],
  ];
  for (const [name, text] of files) {
    const path = `${gitDir}/${name}`;
    if (lstat(path) === undefined) Deno.writeTextFileSync(nativePath(path), text);
  }
}

/** Gives everything below a new repository the permissions of `core.sharedRepository`. */
function shareFiles(path: ByteString, shared: ByteString): void {
  const info = lstat(path);
  if (info === undefined || info.isSymlink || shared === "0") return;
  const old = (info.mode ?? 0) & 0o7777;
  const exact = shared.length > 1;
  let tweak = exact ? parseInt(shared, 8) : shared === "2" ? 0o664 : 0o660;
  if ((old & 0o200) === 0) tweak &= ~0o222;
  if ((old & 0o100) !== 0) tweak |= (tweak & 0o444) >> 2;
  let mode = exact ? (old & ~0o777) | tweak : old | tweak;
  if (info.isDirectory) {
    mode |= (mode & 0o444) >> 2;
    if ((mode & 0o60) !== 0) mode |= 0o2000;
  }
  if (mode !== old) Deno.chmodSync(nativePath(path), mode);
  if (!info.isDirectory) return;
  for (const { name } of listDirectory(path)) shareFiles(`${path}/${name}`, shared);
}

function sharedValue(shared: ByteString): ByteString {
  switch (shared) {
    case "":
    case "group":
    case "true":
    case "1":
      return "1";
    case "all":
    case "world":
    case "everybody":
    case "2":
      return "2";
    case "umask":
    case "false":
    case "0":
      return "0";
    default: {
      const mode = parseInt(shared, 8);
      if (Number.isNaN(mode) || (mode & 0o600) !== 0o600) {
        throw new GitError(
          "invalid",
          `problem with core.sharedRepository filemode value (0${shared}).\nThe owner of files must always have read and write permissions.`,
        );
      }
      return `0${mode.toString(8)}`;
    }
  }
}

function copyTemplate(from: ByteString, to: ByteString): void {
  for (const entry of listDirectory(from)) {
    if (entry.name.startsWith(".")) continue;
    const source = `${from}/${entry.name}`;
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory) {
      makeDirectories(target);
      copyTemplate(source, target);
    } else if (lstat(target) === undefined) {
      if (entry.isSymlink) {
        Deno.symlinkSync(Deno.readLinkSync(nativePath(source)), nativePath(target));
      } else Deno.copyFileSync(nativePath(source), nativePath(target));
    }
  }
}
