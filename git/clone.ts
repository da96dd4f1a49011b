/**
 * Cloning as a library: a copy of another repository in one call.
 *
 * @module
 */
import { type ByteString, encodeText } from "./_bytes.ts";
import { nativePath, stat } from "./_files.ts";
import { editConfig, updateConfigFile } from "./config.ts";
import { GitError } from "./errors.ts";
import { FetchSession, isConnected, type RemoteRef } from "./fetch_pack.ts";
import { hashAlgorithm } from "./hash_algorithm.ts";
import { type CredentialSource, HttpTransport } from "./http_transport.ts";
import { commitLinks } from "./merge_base.ts";
import { peelTo } from "./object_store.ts";
import { isRefName } from "./ref_name.ts";
import { parseRemoteAddress } from "./remote.ts";
import { Repository } from "./repository.ts";
import { writeIndexTree } from "./status.ts";
import { DaemonTransport, LocalTransport, ProcessTransport, type Transport } from "./transport.ts";
import { switchTree } from "./worktree.ts";

/** Options of {@linkcode openTransport}. */
export interface TransportOptions {
  /** Credentials for HTTP. */
  credentials?: CredentialSource | undefined;
  /** The program for `ssh://` and `host:path`. Default `ssh`. */
  ssh?: string;
  /** Stops requests. */
  signal?: AbortSignal;
}

/**
 * Connects to an address: `https://`, `ssh://`, `host:path`, `git://`, `file://` or a path.
 *
 * Throws `GitError`: "unsafe" for an address that a program could take for an option, "invalid"
 * for a protocol that is not known, "not_found" for a path without a repository.
 */
export function openTransport(url: string, options: TransportOptions = {}): Transport {
  const address = parseRemoteAddress(encodeText(url));
  switch (address.kind) {
    case "http":
      return new HttpTransport(address.url, {
        credentials: options.credentials,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    case "git":
      return new DaemonTransport(address.host, address.port, address.path);
    case "ssh":
      return new ProcessTransport((service, version) => [
        options.ssh ?? "ssh",
        ...(version > 0 ? ["-o", "SendEnv=GIT_PROTOCOL"] : []),
        ...(address.port === undefined ? [] : ["-p", address.port]),
        address.host,
        `${service} '${address.path.replaceAll("'", "'\\''")}'`,
      ]);
    case "file":
      return new LocalTransport(address.path);
  }
}

/** Options of {@linkcode cloneRepository}. */
export interface CloneOptions extends TransportOptions {
  /** No worktree. Default false. */
  bare?: boolean;
  /** The branch or tag to check out. Default what the other side's `HEAD` names. */
  branch?: string;
  /** Only so many commits of each branch. */
  depth?: number;
  /** Partial clone filter, such as `blob:none`; such a clone is made bare. */
  filter?: string;
  /** Write files into the worktree. Default true. */
  checkout?: boolean;
  /** Flush writes to disk. Default true. */
  fsync?: boolean;
  /** Called with how many objects are indexed. */
  progress?: (done: number, total: number) => void;
}

/**
 * Clones a repository into a directory that does not exist or is empty. The caller closes what is
 * returned. On failure the directory may hold a part of a repository.
 *
 * Throws `GitError`: "exists" when something is in the way, what {@linkcode openTransport} throws,
 * "protocol", "refused" and "io" for what goes wrong on the way, "not_found" for an unknown branch.
 *
 * @example
 * ```ts
 * import { cloneRepository, Repository } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * Repository.init(`${root}/source`, { bare: true, initialBranch: "main" }).close();
 * using copy = await cloneRepository(`${root}/source`, `${root}/copy`);
 * assertEquals(copy.headBranch(), "refs/heads/main");
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function cloneRepository(
  url: string,
  directory: string,
  options: CloneOptions = {},
): Promise<Repository> {
  const target = encodeText(directory);
  if (stat(target) !== undefined && [...Deno.readDirSync(directory)].length > 0) {
    throw new GitError("exists", `destination path '${target}' already exists and is not empty`);
  }
  const bare = options.bare ?? options.filter !== undefined;
  const session = await FetchSession.open(openTransport(url, options));
  try {
    const refs = await session.listRefs(["HEAD", "refs/heads/", "refs/tags/"]);
    const algorithm = hashAlgorithm(session.objectFormat);
    if (algorithm === undefined) {
      throw new GitError("protocol", `unknown object format '${session.objectFormat}'`);
    }
    const there = refs.filter((ref) =>
      ref.id !== undefined && isRefName(ref.name, { oneLevel: true })
    );
    const head = chooseHead(
      refs,
      options.branch === undefined ? undefined : encodeText(options.branch),
    );
    const settings = { bare, fsync: options.fsync ?? true };
    Repository.init(directory, {
      ...settings,
      ...(algorithm.name === "sha1" ? {} : { algorithm }),
      initialBranch: head.name.startsWith("refs/heads/") ? head.name.slice(11) : undefined,
    }).close();
    configure(target, bare, encodeText(url), options.filter);
    const repository = Repository.open(directory, settings);
    try {
      if (there.length > 0) {
        await session.fetch(repository, {
          wants: there.map((ref) => ref.id!),
          remoteRefs: refs,
          cloning: true,
          depth: options.depth,
          filter: options.filter === undefined ? undefined : encodeText(options.filter),
          ...(options.progress === undefined ? {} : { progress: options.progress }),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
      }
      const tips = there.map((ref) => ref.id!).filter((id) => repository.objects.hasLocally(id));
      if (!isConnected(repository, tips, { promised: options.filter !== undefined })) {
        throw new GitError("protocol", "remote did not send all necessary objects");
      }
      writeRefs(repository, there, head, bare);
      if (!bare && head.id !== undefined && options.checkout !== false) checkOut(repository);
      return repository;
    } catch (error) {
      repository.close();
      throw error;
    }
  } finally {
    await session.close();
  }
}

function chooseHead(
  refs: readonly RemoteRef[],
  branch: ByteString | undefined,
): { name: ByteString; id: string | undefined } {
  if (branch !== undefined) {
    const found = refs.find((ref) => ref.name === `refs/heads/${branch}`) ??
      refs.find((ref) => ref.name === `refs/tags/${branch}`);
    if (found === undefined) {
      throw new GitError("not_found", `remote branch ${branch} not found`);
    }
    return { name: found.name, id: found.id };
  }
  const head = refs.find((ref) => ref.name === "HEAD");
  const name = head?.symbolic ??
    refs.find((ref) => ref.name.startsWith("refs/heads/") && ref.id === head?.id)?.name;
  return { name: name ?? (head === undefined ? "refs/heads/master" : "HEAD"), id: head?.id };
}

function configure(
  target: ByteString,
  bare: boolean,
  url: ByteString,
  filter: string | undefined,
): void {
  const file = bare ? `${target}/config` : `${target}/.git/config`;
  updateConfigFile(file, (text) => {
    const put = (key: ByteString, value: ByteString): void => {
      text = editConfig(text, `file ${file}`, key, value, { all: true }).text;
    };
    put("remote.origin.url", url);
    if (!bare) put("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
    if (filter !== undefined) {
      put("core.repositoryformatversion", "1");
      put("extensions.partialclone", "origin");
      put("remote.origin.promisor", "true");
      put("remote.origin.partialclonefilter", encodeText(filter));
    }
    return text;
  });
}

function writeRefs(
  repository: Repository,
  refs: readonly RemoteRef[],
  head: { name: ByteString; id: string | undefined },
  bare: boolean,
): void {
  repository.refs.rewritePacked((map) => {
    for (const { name, id } of refs) {
      if (name.startsWith("refs/tags/")) map.set(name, { id: id! });
      else if (name.startsWith("refs/heads/")) {
        map.set(bare ? name : `refs/remotes/origin/${name.slice(11)}`, { id: id! });
      }
    }
    return true;
  });
  if (head.name.startsWith("refs/heads/")) {
    repository.refs.setSymbolic("HEAD", head.name);
    if (!bare && head.id !== undefined) {
      repository.refs.update({ name: head.name, newId: head.id, message: "clone" });
    }
  } else if (head.id !== undefined) {
    const commit = peelTo(repository.objects, head.id, "commit");
    repository.refs.update({ name: "HEAD", newId: commit, noDeref: true, message: "clone" });
  }
}

function checkOut(repository: Repository): void {
  const head = repository.head();
  if (head === undefined) return;
  Deno.mkdirSync(nativePath(repository.paths.workTree!), { recursive: true });
  const index = repository.readIndex();
  const lock = repository.lockIndex();
  try {
    switchTree(repository, index, undefined, commitLinks(repository.objects, head).tree, {
      force: true,
    });
    writeIndexTree(repository, index, { dry: true });
    repository.writeIndex(index, lock);
  } finally {
    lock.rollback();
  }
}
