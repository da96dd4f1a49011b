/**
 * How commands reach other repositories: the transport for an address, credentials of the user,
 * hooks of a repository that is pushed to on this machine.
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
import { stat } from "../_files.ts";
import { diffTreeIndex } from "../status.ts";
import type { GitIndex } from "../index_file.ts";
import { commitLinks } from "../merge_base.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import type { Config } from "../config.ts";
import { isBundle } from "../bundle.ts";
import { GitError } from "../errors.ts";
import {
  type Credential,
  type CredentialSource,
  httpSettings,
  HttpTransport,
} from "../http_transport.ts";
import type { PushCommand, PushContext, ReceivePackOptions } from "../receive_pack.ts";
import { parseRemoteAddress } from "../remote.ts";
import { Repository } from "../repository.ts";
import { receiveSettings, uploadSettings } from "../service_settings.ts";
import {
  BundleTransport,
  DaemonTransport,
  findServedRepository,
  LocalTransport,
  ProcessTransport,
  type Transport,
} from "../transport.ts";
import type { Cli } from "./_context.ts";
import { traced } from "./_packet_trace.ts";
import { die } from "./_context.ts";

/** Variables that belong to one repository and must not reach another. */
export const LOCAL_VARIABLES: readonly string[] = [
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_CONFIG",
  "GIT_CONFIG_PARAMETERS",
  "GIT_CONFIG_COUNT",
  "GIT_OBJECT_DIRECTORY",
  "GIT_DIR",
  "GIT_WORK_TREE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_GRAFT_FILE",
  "GIT_INDEX_FILE",
  "GIT_NO_REPLACE_OBJECTS",
  "GIT_REPLACE_REF_BASE",
  "GIT_PREFIX",
  "GIT_SHALLOW_FILE",
  "GIT_COMMON_DIR",
];

/** The environment of another repository. */
function foreignEnvironment(cli: Cli): { get(name: string): ByteString | undefined } {
  return { get: (name) => LOCAL_VARIABLES.includes(name) ? undefined : cli.env.get(name) };
}

/** Opens a repository on this machine that a transport serves. */
export function openServed(cli: Cli, gitDir: ByteString): Repository {
  return Repository.open(decodeText(gitDir), {
    environment: foreignEnvironment(cli),
    fsync: cli.env.get("GIT_TEST_FSYNC") !== "0",
  });
}

/** Runs a hook of a repository that is pushed to; its output goes to the client. */
function runServedHook(
  repository: Repository,
  name: string,
  args: readonly ByteString[],
  input: ByteString | undefined,
  context: PushContext,
  environment: Record<string, string> = {},
): number {
  const { gitDir, commonDir } = repository.paths;
  const directory = repository.config.get("core.hookspath") ?? `${commonDir}/hooks`;
  const path = directory.startsWith("/")
    ? `${directory}/${name}`
    : `${gitDir}/${directory}/${name}`;
  const info = stat(path);
  if (info === undefined || info.isDirectory || ((info.mode ?? 0) & 0o111) === 0) return 0;
  const env: Record<string, string> = { ...Deno.env.toObject(), ...environment, GIT_DIR: "." };
  for (const key of LOCAL_VARIABLES) {
    if (!(key in environment) && key !== "GIT_DIR") delete env[key];
  }
  env.GIT_PUSH_OPTION_COUNT = String(context.options.length);
  context.options.forEach((option, i) => env[`GIT_PUSH_OPTION_${i}`] = decodeText(option));
  if (context.options.length === 0) delete env.GIT_PUSH_OPTION_COUNT;
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(file, fromByteString(input ?? ""));
    const { code, stdout, signal } = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$@" <"$0" 2>&1', file, decodeText(path), ...args.map(decodeText)],
      cwd: decodeText(gitDir),
      env,
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).outputSync();
    if (stdout.length > 0) context.say(toByteString(stdout));
    return signal === null ? code : 143;
  } finally {
    Deno.removeSync(file);
  }
}

/** The settings and hooks of the serving side of push for a repository. */
export function receiveOptions(repository: Repository): ReceivePackOptions {
  const lines = (commands: readonly PushCommand[]): ByteString =>
    commands.map((one) => `${one.oldId} ${one.newId} ${one.name}\n`).join("");
  const quarantined = (context: PushContext): Record<string, string> => ({
    GIT_OBJECT_DIRECTORY: decodeText(context.quarantine),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: repository.objects.directories().map(decodeText).join(":"),
    GIT_QUARANTINE_PATH: decodeText(context.quarantine),
  });
  return {
    ...receiveSettings(repository.config),
    preReceive: (commands, context) =>
      runServedHook(
          repository,
          "pre-receive",
          [],
          lines(commands),
          context,
          quarantined(context),
        ) === 0
        ? undefined
        : "pre-receive hook declined",
    update: (command, context) =>
      runServedHook(
          repository,
          "update",
          [command.name, command.oldId, command.newId],
          undefined,
          context,
        ) === 0
        ? undefined
        : "hook declined",
    postReceive: (commands, context) => {
      runServedHook(repository, "post-receive", [], lines(commands), context);
      runServedHook(
        repository,
        "post-update",
        commands.map((command) => command.name),
        undefined,
        context,
      );
    },
    updateWorktree: (command) => updateWorktree(repository, command),
  };
}

/** Brings the worktree of a branch that was pushed to along. */
function updateWorktree(repository: Repository, command: PushCommand): string | undefined {
  const { index, dirty } = worktreeState(repository);
  if (dirty) return "Working directory has unstaged changes";
  const before = repository.head();
  const tree = (id: ByteString): ByteString => commitLinks(repository.objects, id).tree;
  try {
    using lock = repository.lockIndex();
    switchTree(
      repository,
      index,
      before === undefined ? undefined : tree(before),
      tree(command.newId),
      {},
    );
    repository.writeIndex(index, lock);
    return undefined;
  } catch (error) {
    if (error instanceof SwitchError || error instanceof GitError) {
      return "Could not update working tree to new HEAD";
    }
    throw error;
  }
}

function worktreeState(repository: Repository): { index: GitIndex; dirty: boolean } {
  const index = repository.readIndex();
  const head = repository.head();
  const staged = diffTreeIndex(
    repository,
    head === undefined ? undefined : commitLinks(repository.objects, head).tree,
    index,
    { cached: false },
  );
  return { index, dirty: staged.length > 0 };
}

/** A program's name and arguments for the user's ssh. */
function sshCommand(
  cli: Cli,
  config: Config,
  host: ByteString,
  port: ByteString | undefined,
  program: ByteString,
  path: ByteString,
  version: number,
): ByteString[] {
  const line = cli.env.get("GIT_SSH_COMMAND") ?? config.get("core.sshcommand");
  const single = cli.env.get("GIT_SSH");
  const words = line !== undefined ? ["/bin/sh", "-c", `${line} "$@"`, line] : [single ?? "ssh"];
  let variant = cli.env.get("GIT_SSH_VARIANT") ?? config.get("ssh.variant") ?? "auto";
  if (variant === "auto") {
    const base =
      (line === undefined ? single ?? "ssh" : /^\s*("[^"]*"|'[^']*'|\S+)/.exec(line)?.[1] ?? "")
        .replace(/^['"]|['"]$/g, "").replace(/^.*[/\\]/, "").toLowerCase().replace(/\.exe$/, "");
    if (base === "ssh") variant = "ssh";
    else if (base === "plink") variant = "plink";
    else if (base === "tortoiseplink") variant = "tortoiseplink";
    else {
      // An unknown program that takes -G prints its settings as OpenSSH does.
      const probe = [...words, "-G", ...(version > 0 ? ["-o", "SendEnv=GIT_PROTOCOL"] : []), host];
      let code = 1;
      try {
        code = new Deno.Command(decodeText(probe[0]!), {
          args: probe.slice(1).map(decodeText),
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).outputSync().code;
      } catch { /* It will fail again below, with its message. */ }
      variant = code === 0 ? "ssh" : "simple";
    }
  }
  const args: ByteString[] = [];
  if (variant === "ssh" && version > 0) args.push("-o", "SendEnv=GIT_PROTOCOL");
  if (variant === "tortoiseplink") args.push("-batch");
  if (port !== undefined) {
    if (variant === "simple") die("ssh variant 'simple' does not support setting port");
    args.push(variant === "ssh" ? "-p" : "-P", port);
  }
  return [...words, ...args, host, `${program} '${path.replaceAll("'", "'\\''")}'`];
}

/** What {@linkcode connect} takes beside the address. */
export interface ConnectOptions {
  /** `--upload-pack`, `--receive-pack` or the setting of the remote. */
  program?: ByteString | undefined;
  /** Settings, when there is no repository yet. */
  config?: Config;
  /** The command's name in traces. Default `fetch`. */
  command?: string;
}

function allowed(cli: Cli, config: Config, scheme: string): void {
  const list = cli.env.get("GIT_ALLOW_PROTOCOL");
  let yes: boolean;
  if (list !== undefined) yes = list.split(":").includes(scheme);
  else {
    const key = config.has(`protocol.${scheme}.allow`)
      ? `protocol.${scheme}.allow`
      : "protocol.allow";
    // Paths are for users only: what a repository names, such as its submodules, may not use them.
    const policy = (config.get(key) ?? (scheme === "file" ? "user" : "always")).toLowerCase();
    if (!["always", "never", "user"].includes(policy)) {
      die(`unknown value for config '${key}': ${config.get(key)}`);
    }
    yes = policy === "always" ||
      (policy === "user" && cli.env.get("GIT_PROTOCOL_FROM_USER") !== "0");
  }
  if (!yes) die(`transport '${scheme}' not allowed`);
}

/** The connection to an address. Throws `GitError` or `Exit`. */
export function connect(cli: Cli, url: ByteString, options: ConnectOptions = {}): Transport {
  return traced(cli, connectTo(cli, url, options), options.command ?? "fetch");
}

function connectTo(cli: Cli, url: ByteString, options: ConnectOptions): Transport {
  const config = options.config ?? cli.config;
  const address = parseRemoteAddress(url);
  const custom = (program: ByteString, path: ByteString): Transport =>
    new ProcessTransport(() => ["/bin/sh", "-c", `${program} '${path.replaceAll("'", "'\\''")}'`]);
  switch (address.kind) {
    case "http":
      allowed(cli, config, /^https:/i.test(url) ? "https" : "http");
      return new HttpTransport(url, {
        config,
        credentials: new CommandCredentials(cli, config),
        warn: (text) => cli.warn(text),
      });
    case "ssh":
      allowed(cli, config, "ssh");
      return new ProcessTransport((service, version) =>
        sshCommand(
          cli,
          config,
          address.host,
          address.port,
          options.program ?? service,
          address.path,
          version,
        )
      );
    case "git":
      allowed(cli, config, "git");
      return new DaemonTransport(address.host, address.port, address.path);
    case "file": {
      allowed(cli, config, "file");
      const path = address.path.startsWith("/")
        ? address.path
        : `${encodeText(Deno.cwd())}/${address.path}`;
      if (options.program !== undefined && !isOwnProgram(options.program)) {
        return custom(options.program, address.path);
      }
      const found = findServedRepository(path);
      if (found === undefined && stat(path)?.isFile && isBundle(path)) {
        return new BundleTransport(path);
      }
      if (found === undefined) {
        // The words name the path as it was given.
        return new LocalTransport(address.path);
      }
      return new LocalTransport(path, {
        openRepository: (gitDir) => openServed(cli, gitDir),
        upload: ({ config }) => uploadSettings(config),
        receive: receiveOptions,
      });
    }
  }
}

function isOwnProgram(program: ByteString): boolean {
  return /^(?:git[ -])(?:upload-pack|receive-pack)$/.test(program.trim());
}

/** Credentials from helpers (`credential.helper`), `GIT_ASKPASS`, or the terminal. */
export class CommandCredentials implements CredentialSource {
  readonly #cli: Cli;
  readonly #config: Config;

  /** Reads helpers from the configuration. */
  constructor(cli: Cli, config: Config) {
    this.#cli = cli;
    this.#config = config;
  }

  #settings(url: URL, key: string): ByteString[] {
    // Matching is that of http.<url>.*; only the section differs.
    const renamed = this.#config.entries.filter((entry) => entry.key.startsWith("credential."))
      .map((entry) => ({ ...entry, key: `http.${entry.key.slice(11)}` }));
    return httpSettings({ entries: renamed } as unknown as Config, url, key);
  }

  #helpers(url: URL): ByteString[] {
    const all = this.#settings(url, "helper");
    return all.slice(all.lastIndexOf("") + 1);
  }

  /** Whether the path belongs to what a credential is for (`credential.useHttpPath`). */
  usesPath(url: URL): boolean {
    return this.#settings(url, "usehttppath").at(-1) === "true";
  }

  #describe(
    url: URL,
    credential: { username?: string | undefined; password?: string },
  ): ByteString {
    const usePath = this.usesPath(url) || !/^https?:$/.test(url.protocol);
    const lines = [
      `protocol=${url.protocol.slice(0, -1)}`,
      `host=${url.host}`,
      ...(usePath ? [`path=${url.pathname.replace(/^\/+/, "")}`] : []),
      ...(credential.username === undefined ? [] : [`username=${credential.username}`]),
      ...(credential.password === undefined ? [] : [`password=${credential.password}`]),
    ];
    if (lines.some((line) => /[\n\0]/.test(line))) {
      throw new GitError("unsafe", "credential value contains a newline");
    }
    return encodeText(lines.map((line) => `${line}\n`).join(""));
  }

  #run(helper: ByteString, action: string, input: ByteString): string {
    const line = helper.startsWith("!")
      ? helper.slice(1)
      : helper.startsWith("/")
      ? helper
      : `git credential-${helper}`;
    const file = Deno.makeTempFileSync();
    try {
      Deno.writeFileSync(file, fromByteString(input));
      const { stdout } = new Deno.Command("/bin/sh", {
        args: ["-c", `${decodeText(line)} "$@" <"$0"`, file, action],
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      }).outputSync();
      return new TextDecoder().decode(stdout);
    } finally {
      Deno.removeSync(file);
    }
  }

  #ask(question: string): string | undefined {
    const program = this.#cli.env.get("GIT_ASKPASS") ?? this.#config.get("core.askpass") ??
      this.#cli.env.get("SSH_ASKPASS");
    if (program !== undefined && program !== "") {
      const { code, stdout } = new Deno.Command(decodeText(program), {
        args: [question],
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      }).outputSync();
      return code === 0 ? new TextDecoder().decode(stdout).replace(/\r?\n$/, "") : undefined;
    }
    if (this.#cli.env.get("GIT_TERMINAL_PROMPT") === "0" || !Deno.stdin.isTerminal()) {
      return undefined;
    }
    return prompt(question) ?? undefined;
  }

  // deno-lint-ignore require-await
  async fill(url: URL, username: string | undefined): Promise<Credential | undefined> {
    let user = username ?? this.#settings(url, "username").map(decodeText).at(-1);
    let password: string | undefined;
    for (const helper of this.#helpers(url)) {
      const answer = this.#run(helper, "get", this.#describe(url, { username: user }));
      for (const line of answer.split("\n")) {
        if (line.startsWith("username=")) user = line.slice(9);
        else if (line.startsWith("password=")) password = line.slice(9);
        else if (line === "quit=1" || line === "quit=true") return undefined;
      }
      if (user !== undefined && password !== undefined) return { username: user, password };
    }
    user ??= this.#ask(`Username for '${url.origin}': `);
    if (user === undefined) return undefined;
    const named = new URL(url.origin);
    named.username = user;
    password ??= this.#ask(`Password for '${named.href.replace(/\/$/, "")}': `);
    return password === undefined ? undefined : { username: user, password };
  }

  // deno-lint-ignore require-await
  async approve(url: URL, credential: Credential): Promise<void> {
    for (const helper of this.#helpers(url)) {
      this.#run(helper, "store", this.#describe(url, credential));
    }
  }

  // deno-lint-ignore require-await
  async reject(url: URL, credential: Credential): Promise<void> {
    for (const helper of this.#helpers(url)) {
      this.#run(helper, "erase", this.#describe(url, credential));
    }
  }
}

/** The protocol version that the settings ask for. */
export function protocolVersion(cli: Cli, config: Config = cli.config): number {
  const text = config.get("protocol.version") ??
    (cli.env.get("GIT_TEST_PROTOCOL_VERSION") || undefined);
  if (text === undefined) return 2;
  if (text !== "0" && text !== "1" && text !== "2") {
    die(`unknown value for config 'protocol.version': ${text}`);
  }
  return Number(text);
}

/** Prints what the other side says, each line with `remote: ` in front. */
export function remoteMessages(cli: Cli): { write(text: ByteString): void; end(): void } {
  let line = "";
  return {
    write(text) {
      line += text;
      for (let end = /[\r\n]/.exec(line); end !== null; end = /[\r\n]/.exec(line)) {
        const at = end.index;
        const clear = at === 0 ? "" : Deno.stderr.isTerminal() ? "\x1b[K" : "        ";
        cli.err(`remote: ${line.slice(0, at)}${clear}${line[at]}`);
        line = line.slice(at + 1);
      }
    },
    end() {
      if (line !== "") cli.err(`remote: ${line}\n`);
      line = "";
    },
  };
}
