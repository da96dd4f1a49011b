/**
 * Remotes: addresses, refspecs and settings under a name, from the configuration or the older
 * files `remotes/` and `branches/`.
 *
 * @module
 */
import { trimSpace } from "./_bytes.ts";
import type { ByteString } from "./_bytes.ts";
import { readTextIfAny } from "./_files.ts";
import type { Config } from "./config.ts";
import { GitError } from "./errors.ts";
import { parseRefspec, type Refspec } from "./refspec.ts";
import type { Repository } from "./repository.ts";

/** A remote repository as configured. */
export interface Remote {
  /** Its name, or its address when it has none. */
  readonly name: ByteString;
  /** Whether anything is configured under the name. */
  readonly configured: boolean;
  /** Addresses to fetch from, rewritten by `url.*.insteadOf`. */
  readonly urls: readonly ByteString[];
  /** Addresses to push to. */
  readonly pushUrls: readonly ByteString[];
  /** What fetch takes when it is not told. */
  readonly fetch: readonly Refspec[];
  /** What push sends when it is not told. */
  readonly push: readonly Refspec[];
  /** `--tags` or `--no-tags`. */
  readonly tagOption: ByteString | undefined;
  /** Whether a fetch removes refs that are gone. */
  readonly prune: boolean | undefined;
  /** Whether a fetch removes tags that are gone. */
  readonly pruneTags: boolean | undefined;
  /** Push everything as it is. */
  readonly mirror: boolean;
  /** Leave out of `fetch --all` and `remote update`. */
  readonly skipDefault: boolean;
  /** The program that serves fetches. */
  readonly uploadPack: ByteString | undefined;
  /** The program that serves pushes. */
  readonly receivePack: ByteString | undefined;
  /** Objects missing here can be had there. */
  readonly promisor: boolean;
  /** The filter of a partial clone. */
  readonly filter: ByteString | undefined;
}

/** Applies `url.<base>.insteadOf` (the longest match wins). */
export function rewriteUrl(
  config: Config,
  url: ByteString,
  key: "insteadof" | "pushinsteadof" = "insteadof",
): ByteString | undefined {
  let best = -1;
  let out: ByteString | undefined;
  for (const base of config.subsections("url")) {
    for (const prefix of config.all(`url.${base}.${key}`)) {
      if (url.startsWith(prefix) && prefix.length > best) {
        best = prefix.length;
        out = base + url.slice(prefix.length);
      }
    }
  }
  return out;
}

/** Whether a word can name a remote in the older files. */
function isPlainName(name: ByteString): boolean {
  return name !== "" && name !== "." && name !== ".." && !name.includes("/");
}

/** Names of all configured remotes, sorted. */
export function remoteNames(repository: Repository): ByteString[] {
  return repository.config.subsections("remote").filter((name) =>
    repository.config.entries.some((entry) =>
      entry.key.startsWith(`remote.${name}.`) && !entry.key.slice(name.length + 8).includes(".")
    )
  ).sort();
}

/** The branch that `HEAD` names, short. */
export function currentBranch(repository: Repository): ByteString | undefined {
  const head = repository.headBranch();
  return head?.startsWith("refs/heads/") ? head.slice(11) : undefined;
}

/** The remote that fetch uses when it is not told: the branch's, the only one, or `origin`. */
export function defaultRemoteName(
  repository: Repository,
  branch: ByteString | undefined = currentBranch(repository),
): ByteString {
  const own = branch === undefined
    ? undefined
    : repository.config.entry(`branch.${branch}.remote`)?.value;
  if (own !== undefined) return own;
  const names = remoteNames(repository);
  return names.length === 1 ? names[0]! : "origin";
}

/** The remote that push uses when it is not told. */
export function defaultPushRemoteName(
  repository: Repository,
  branch: ByteString | undefined = currentBranch(repository),
): ByteString {
  return (branch === undefined
    ? undefined
    : repository.config.entry(`branch.${branch}.pushremote`)?.value) ??
    repository.config.get("remote.pushdefault") ?? defaultRemoteName(repository, branch);
}

/** Reads what is known of a remote; an unknown name is taken for an address. */
export function readRemote(repository: Repository, name: ByteString): Remote {
  const { config } = repository;
  const text = (key: string): ByteString | undefined =>
    config.entry(`remote.${name}.${key}`)?.value;
  let urls = config.all(`remote.${name}.url`);
  let fetchTexts = config.all(`remote.${name}.fetch`);
  let pushTexts = config.all(`remote.${name}.push`);
  let configured = config.entries.some((entry) => entry.key.startsWith(`remote.${name}.`)) &&
    config.subsections("remote").includes(name);
  if (urls.length === 0 && isPlainName(name)) {
    const old = readTextIfAny(`${repository.paths.commonDir}/remotes/${name}`);
    const branch = readTextIfAny(`${repository.paths.commonDir}/branches/${name}`);
    if (old !== undefined) {
      const take = (word: string): ByteString[] =>
        old.split("\n").filter((line) => line.startsWith(`${word}:`)).map((line) =>
          trimSpace(line.slice(word.length + 1))
        );
      urls = take("URL");
      fetchTexts = [...fetchTexts, ...take("Pull")];
      pushTexts = [...pushTexts, ...take("Push")];
      configured = true;
    } else if (branch !== undefined && trimSpace(branch) !== "") {
      const line = trimSpace(branch.split("\n")[0]!);
      const hash = line.indexOf("#");
      const head = hash < 0
        ? repository.environment.get("GIT_TEST_DEFAULT_INITIAL_BRANCH_NAME") ??
          config.get("init.defaultbranch") ?? "master"
        : line.slice(hash + 1);
      urls = [hash < 0 ? line : line.slice(0, hash)];
      fetchTexts = [...fetchTexts, `refs/heads/${head}:refs/heads/${name}`];
      pushTexts = [...pushTexts, `HEAD:refs/heads/${head}`];
      configured = true;
    }
  }
  const pushUrls = config.all(`remote.${name}.pushurl`);
  if (urls.length === 0 && name !== "") urls = [name];
  const rewritten = urls.map((url) => rewriteUrl(config, url) ?? url);
  const filter = text("partialclonefilter");
  const promised = config.entry("extensions.partialclone")?.value === name;
  return {
    name,
    configured,
    urls: rewritten,
    pushUrls: pushUrls.length > 0
      ? pushUrls.map((url) => rewriteUrl(config, url) ?? url)
      : urls.map((url) =>
        rewriteUrl(config, url, "pushinsteadof") ?? rewriteUrl(config, url) ?? url
      ),
    fetch: fetchTexts.map((spec) => parseRefspec(spec, "fetch")),
    push: pushTexts.map((spec) => parseRefspec(spec, "push")),
    tagOption: text("tagopt"),
    prune: config.bool(`remote.${name}.prune`),
    pruneTags: config.bool(`remote.${name}.prunetags`),
    mirror: config.bool(`remote.${name}.mirror`, false) ?? false,
    skipDefault: config.bool(`remote.${name}.skipdefaultupdate`) ??
      config.bool(`remote.${name}.skipfetchall`) ?? false,
    uploadPack: text("uploadpack"),
    receivePack: text("receivepack"),
    promisor: promised || (config.bool(`remote.${name}.promisor`, false) ?? false),
    filter,
  };
}

/** How an address is reached. */
export type RemoteAddress =
  | { readonly kind: "http"; readonly url: ByteString }
  | { readonly kind: "file"; readonly path: ByteString; readonly explicit: boolean }
  | {
    readonly kind: "ssh";
    readonly host: ByteString;
    readonly port: ByteString | undefined;
    readonly path: ByteString;
  }
  | {
    readonly kind: "git";
    readonly host: ByteString;
    readonly port: number;
    readonly path: ByteString;
  };

function percentDecode(text: ByteString): ByteString {
  return text.replace(
    /%([0-9a-fA-F]{2})/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/**
 * Takes an address apart: `https://`, `git://`, `ssh://`, `host:path`, `file://` or a path.
 *
 * Throws `GitError` ("unsafe") for one that a program could take for an option, "invalid" for a
 * protocol that is not known.
 */
export function parseRemoteAddress(url: ByteString): RemoteAddress {
  if (url.startsWith("-")) {
    throw new GitError("unsafe", `strange pathname '${url}' blocked`);
  }
  if (/[\n\0]/.test(url)) throw new GitError("unsafe", "newline in the address of a repository");
  const match = /^([A-Za-z0-9][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(url);
  if (match !== null) {
    const scheme = match[1]!.toLowerCase();
    const rest = match[2]!;
    if (scheme === "http" || scheme === "https") return { kind: "http", url };
    if (scheme === "file") {
      const path = percentDecode(rest);
      if (path === "") {
        throw new GitError(
          "invalid",
          `no path specified; see 'git help pull' for valid url syntax`,
        );
      }
      return { kind: "file", path, explicit: true };
    }
    if (scheme === "ssh" || scheme === "git+ssh" || scheme === "ssh+git" || scheme === "git") {
      const slash = rest.indexOf("/");
      if (slash < 0) {
        throw new GitError(
          "invalid",
          "no path specified; see 'git help pull' for valid url syntax",
        );
      }
      const authority = percentDecode(rest.slice(0, slash));
      let path = percentDecode(rest.slice(slash));
      if (path.startsWith("/~")) path = path.slice(1);
      const at = authority.lastIndexOf("@");
      const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority.slice(at + 1));
      if (parts === null) throw new GitError("invalid", `bad host in '${url}'`);
      const bare = parts[1]!.replace(/^\[(.*)\]$/, "$1");
      const host = authority.slice(0, at + 1) + bare;
      checkHost(host, path);
      if (scheme === "git" && /[\n\0]/.test(host + path)) {
        throw new GitError("unsafe", "newline is forbidden in git:// hosts and repo paths");
      }
      const port = parts[2] === undefined || parts[2] === "" ? undefined : parts[2];
      return scheme === "git"
        ? { kind: "git", host: bare, port: Number(port ?? 9418), path }
        : { kind: "ssh", host, port, path };
    }
    throw new GitError(
      "invalid",
      `git: 'remote-${scheme}' is not a git command. See 'git --help'.`,
    );
  }
  const colon = url.startsWith("[") ? url.indexOf("]:") + 1 : url.indexOf(":");
  const slash = url.indexOf("/");
  if (colon > 0 && (slash < 0 || colon < slash)) {
    if (url[colon + 1] === ":") {
      throw new GitError(
        "invalid",
        `git: 'remote-${url.slice(0, colon)}' is not a git command. See 'git --help'.`,
      );
    }
    let host = url.slice(0, colon);
    let port: ByteString | undefined;
    const bracket = /^\[(.*)\]$/.exec(host);
    if (bracket !== null) {
      const inner = /^(.*[^:]):(\d+)$/.exec(bracket[1]!);
      host = inner !== null && !inner[1]!.includes(":") ? inner[1]! : bracket[1]!;
      port = inner !== null && !inner[1]!.includes(":") ? inner[2]! : undefined;
    }
    const path = url.slice(colon + 1).replace(/^\/~/, "~");
    checkHost(host, path);
    return { kind: "ssh", host, port, path };
  }
  return { kind: "file", path: url, explicit: false };
}

function checkHost(host: ByteString, path: ByteString): void {
  if (host.startsWith("-")) {
    throw new GitError("unsafe", `strange hostname '${host}' blocked`);
  }
  if (path.startsWith("-")) {
    throw new GitError("unsafe", `strange pathname '${path}' blocked`);
  }
  if (path === "") {
    throw new GitError("invalid", "no path specified; see 'git help pull' for valid url syntax");
  }
}

/** An address without user name and password, to show and to record. */
export function anonymousUrl(url: ByteString): ByteString {
  const scheme = /^([A-Za-z0-9+.-]+:\/\/)[^/@]*@(.*)$/s.exec(url);
  if (scheme !== null) return scheme[1]! + scheme[2]!;
  const short = /^[^/:@]*@([^/]*:.*)$/s.exec(url);
  return short === null || url.includes("://") ? url : short[1]!;
}
