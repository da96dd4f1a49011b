/**
 * Names for objects (gitrevisions): ids and their prefixes, refs, `@{…}`, `^`, `~`, `:path`.
 *
 * @module
 */
import { PosixRegex } from "./posix_regex.ts";
import type { ByteString } from "./_bytes.ts";
import { approximateDate, currentTime, formatDate } from "./date.ts";
import { GitError } from "./errors.ts";
import type { ObjectId, ObjectType } from "./hash_algorithm.ts";
import { parseSignature } from "./objects.ts";
import { findEntry } from "./_tree_walk.ts";
import { type ObjectStore, peelTo, readCommit, readTag, readTyped } from "./object_store.ts";
import { expandRule, isRefName, REF_RULES } from "./ref_name.ts";
import type { Repository } from "./repository.ts";

/** A name that could be a prefix of several objects. */
export class AmbiguousIdError extends GitError {
  /** The objects it could mean. */
  readonly candidates: readonly ObjectId[];
  /** Reports a prefix. */
  constructor(prefix: string, candidates: readonly ObjectId[]) {
    super("conflict", `short object ID ${prefix} is ambiguous`);
    this.candidates = candidates;
  }
}

/** Options of {@linkcode resolveRevision}. */
export interface RevisionOptions {
  /** Prefer objects of this kind when a prefix is ambiguous. */
  prefer?: "commit" | "committish" | "tree" | "treeish" | "blob" | "tag";
  /** Path of the current directory below the worktree, for `:./x`. */
  prefix?: ByteString;
  /** Receives warnings. */
  warn?: (message: ByteString) => void;
}

/** Finds the ref a short name means. */
export function expandRef(
  repository: Repository,
  short: ByteString,
): { name: ByteString; id: ObjectId }[] {
  const out: { name: ByteString; id: ObjectId }[] = [];
  for (const rule of REF_RULES) {
    const name = expandRule(rule, short);
    if (!isRefName(name, { oneLevel: true })) continue;
    const id = repository.refs.id(name);
    if (id !== undefined) out.push({ name, id });
  }
  return out;
}

/** Replaces `@`, `@{-n}` and `@{upstream}` at the start of a branch name. */
export function interpretBranchName(repository: Repository, name: ByteString): ByteString {
  if (name === "@") return "HEAD";
  const back = /^@\{-(\d+)\}/.exec(name);
  if (back !== null) {
    const branch = previousBranch(repository, Number(back[1]));
    if (branch === undefined) return name;
    return interpretBranchName(repository, branch + name.slice(back[0].length));
  }
  const upstream = /^(.*?)@\{(u|upstream|push)\}$/i.exec(name);
  if (upstream !== null) {
    const branch = upstream[1] === "" || upstream[1] === "@"
      ? currentBranchShort(repository)
      : interpretBranchName(repository, upstream[1]!);
    const ref = branch === undefined
      ? undefined
      : upstream[2]!.toLowerCase() === "push"
      ? pushTarget(repository, branch)
      : trackingRef(repository, branch);
    if (ref !== undefined) return ref.startsWith("refs/heads/") ? ref.slice(11) : ref;
  }
  return name;
}

function currentBranchShort(repository: Repository): ByteString | undefined {
  const head = repository.headBranch();
  return head?.startsWith("refs/heads/") ? head.slice(11) : undefined;
}

/** The n-th branch that was checked out before, from `HEAD`'s reflog. */
export function previousBranch(repository: Repository, n: number): ByteString | undefined {
  const log = repository.refs.readLog("HEAD") ?? [];
  for (let i = log.length - 1; i >= 0; i--) {
    const match = /^checkout: moving from ([^ ]+) to [^ ]+/.exec(log[i]!.message);
    if (match !== null && --n === 0) return match[1]!;
  }
  return undefined;
}

/** Applies a refspec to a ref; `undefined` when it does not match. */
export function mapRefspec(spec: ByteString, name: ByteString): ByteString | undefined {
  const bare = spec.startsWith("+") ? spec.slice(1) : spec;
  const colon = bare.indexOf(":");
  if (colon < 0) return undefined;
  const from = bare.slice(0, colon), to = bare.slice(colon + 1);
  const star = from.indexOf("*");
  if (star < 0) return from === name ? to : undefined;
  const head = from.slice(0, star), tail = from.slice(star + 1);
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) {
    return undefined;
  }
  return to.replace("*", () => name.slice(head.length, name.length - tail.length));
}

/** The ref that tracks what a branch merges from. */
export function trackingRef(repository: Repository, branch: ByteString): ByteString | undefined {
  const remote = repository.config.get(`branch.${branch}.remote`);
  const merge = repository.config.get(`branch.${branch}.merge`);
  if (remote === undefined || merge === undefined) return undefined;
  if (remote === ".") return merge;
  for (const spec of repository.config.all(`remote.${remote}.fetch`)) {
    const mapped = mapRefspec(spec, merge);
    if (mapped !== undefined) return mapped;
  }
  return undefined;
}

/** The remote that a branch is pushed to. */
export function pushRemote(repository: Repository, branch: ByteString | undefined): ByteString {
  const { config } = repository;
  return (branch === undefined ? undefined : config.get(`branch.${branch}.pushremote`)) ??
    config.get("remote.pushdefault") ??
    (branch === undefined ? undefined : config.get(`branch.${branch}.remote`)) ?? "origin";
}

/** The tracking ref of what a push of a branch would update. */
export function pushTarget(repository: Repository, branch: ByteString): ByteString | undefined {
  const { config } = repository;
  const remote = pushRemote(repository, branch);
  const track = (name: ByteString): ByteString | undefined => {
    for (const spec of config.all(`remote.${remote}.fetch`)) {
      const mapped = mapRefspec(spec, name);
      if (mapped !== undefined) return mapped;
    }
    return undefined;
  };
  for (const spec of config.all(`remote.${remote}.push`)) {
    const mapped = mapRefspec(
      spec.includes(":") ? spec : `${spec}:${spec}`,
      `refs/heads/${branch}`,
    );
    if (mapped !== undefined) return track(mapped);
  }
  const mode = config.get("push.default") ?? "simple";
  if (mode === "nothing") return undefined;
  if (mode === "upstream" || mode === "tracking") return trackingRef(repository, branch);
  if (mode === "simple") {
    const upstream = trackingRef(repository, branch);
    const current = track(`refs/heads/${branch}`);
    if (config.get(`branch.${branch}.remote`) !== remote) return current;
    return upstream !== undefined && upstream === current ? current : undefined;
  }
  return track(`refs/heads/${branch}`);
}

const KIND_OF: Record<string, ObjectType[]> = {
  commit: ["commit"],
  committish: ["commit", "tag"],
  tree: ["tree"],
  treeish: ["commit", "tree", "tag"],
  blob: ["blob"],
  tag: ["tag"],
};

function byPrefix(
  repository: Repository,
  prefix: string,
  prefer: string | undefined,
): ObjectId | undefined {
  const low = prefix.toLowerCase();
  let found = repository.objects.withPrefix(low, 5000);
  if (found.length > 1 && prefer !== undefined) {
    const kinds = KIND_OF[prefer]!;
    const fitting = found.filter((id) => {
      const type = repository.objects.describe(id)?.type;
      if (type === "tag" && (prefer === "committish" || prefer === "treeish")) {
        return peelTo(repository.objects, id, prefer === "committish" ? "commit" : "tree") !==
          undefined;
      }
      return type !== undefined && kinds.includes(type);
    });
    if (fitting.length > 0) found = fitting;
  }
  if (found.length > 1) {
    throw new AmbiguousIdError(prefix, repository.objects.withPrefix(low, 5000));
  }
  return found[0];
}

function reflogAt(
  repository: Repository,
  base: ByteString,
  spec: ByteString,
  warn: ((message: ByteString) => void) | undefined,
): ObjectId | undefined {
  const refs = base === ""
    ? [{ name: repository.headBranch() ?? "HEAD", id: repository.head() ?? "" }]
    : expandRef(repository, base);
  let chosen = refs.find((ref) => repository.refs.hasLog(ref.name));
  chosen ??= refs.map((ref) => ({
    name: repository.refs.resolve(ref.name)?.target ?? ref.name,
    id: ref.id,
  })).find((ref) => repository.refs.hasLog(ref.name));
  if (chosen === undefined) {
    if (refs.length === 0) return undefined;
    throw new GitError(
      "not_found",
      `log for '${
        base === "" ? refs[0]!.name.replace(/^refs\/heads\//, "") : base
      }' only has 0 entries`,
    );
  }
  const log = repository.refs.readLog(chosen.name) ?? [];
  if (/^\d+$/.test(spec) && spec.length < 9) {
    const n = Number(spec);
    if (n === 0 && log.length === 0) return chosen.id;
    if (n < log.length) return log[log.length - 1 - n]!.newId;
    if (n === log.length && log.length > 0 && !/^0+$/.test(log[0]!.oldId)) return log[0]!.oldId;
    throw new GitError(
      "not_found",
      `log for '${
        base === "" ? chosen.name.replace(/^refs\/heads\//, "") : base
      }' only has ${log.length} entries`,
    );
  }
  const time = approximateDate(spec, currentTime(repository.environment.get("GIT_TEST_DATE_NOW")));
  const dateOf = (who: ByteString): ByteString => {
    const { time, zone } = parseSignature(who);
    return formatDate(time, zone, { type: "rfc" });
  };
  for (let i = log.length - 1; i >= 0; i--) {
    const entry = log[i]!;
    const at = parseSignature(entry.who).time;
    if (at > time) continue;
    const next = log[i + 1];
    if (next !== undefined && next.oldId !== entry.newId && !/^0+$/.test(next.oldId)) {
      warn?.(`log for ref ${chosen.name} has gap after ${dateOf(entry.who)}`);
    } else if (next === undefined && at !== time && entry.newId !== chosen.id) {
      warn?.(`log for ref ${chosen.name} unexpectedly ended on ${dateOf(entry.who)}`);
      return chosen.id;
    }
    return entry.newId;
  }
  if (log.length === 0) return chosen.id;
  warn?.(
    `log for '${base === "" ? chosen.name : base}' only goes back to ${dateOf(log[0]!.who)}`,
  );
  return /^0+$/.test(log[0]!.oldId) ? log[0]!.newId : log[0]!.oldId;
}

function basic(
  repository: Repository,
  name: ByteString,
  options: RevisionOptions,
): ObjectId | undefined {
  const hex = repository.algorithm.hexSize;
  if (name.length === hex && /^[0-9a-fA-F]+$/.test(name)) return name.toLowerCase();
  if (name === "@") return repository.head();
  const at = /^(.*)@\{([^{}]*)\}$/s.exec(name);
  if (at !== null && name !== "@{") {
    const [, base, spec] = at as unknown as [string, string, string];
    const previous = /^-(\d+)$/.exec(spec);
    if (previous !== null && base === "") {
      const branch = previousBranch(repository, Number(previous[1]));
      return branch === undefined ? undefined : basic(repository, branch, options);
    }
    if (/^(u|upstream|push)$/i.test(spec)) {
      const full = interpretBranchName(repository, base === "" ? "HEAD" : base);
      const branch = full === "HEAD" ? currentBranchShort(repository) : full;
      if (branch === undefined) throw new GitError("invalid", "HEAD does not point to a branch");
      if (
        base !== "" && full !== "HEAD" && repository.refs.id(`refs/heads/${branch}`) === undefined
      ) {
        throw new GitError("invalid", `no such branch: '${branch}'`);
      }
      const ref = spec.toLowerCase() === "push"
        ? pushTarget(repository, branch)
        : trackingRef(repository, branch);
      if (ref === undefined) {
        if (
          spec.toLowerCase() !== "push" &&
          repository.config.get(`branch.${branch}.merge`) !== undefined
        ) {
          throw new GitError(
            "invalid",
            `upstream branch '${
              repository.config.get(`branch.${branch}.merge`)
            }' not stored as a remote-tracking branch`,
          );
        }
        throw new GitError("invalid", `no upstream configured for branch '${branch}'`);
      }
      return repository.refs.id(ref);
    }
    const inner = base === "" ? "" : interpretBranchName(repository, base === "@" ? "HEAD" : base);
    const id = reflogAt(repository, inner, spec, options.warn);
    if (id !== undefined) return id;
  }
  const refs = expandRef(repository, name);
  if (refs.length > 0) {
    if (
      refs.length > 1 && options.warn !== undefined &&
      repository.config.bool("core.warnambiguousrefs", true)
    ) {
      options.warn(`refname '${name}' is ambiguous.`);
    }
    return refs[0]!.id;
  }
  if (/^[0-9a-fA-F]+$/.test(name) && name.length >= 4 && name.length < hex) {
    return byPrefix(repository, name, options.prefer);
  }
  const described = /-g([0-9a-fA-F]{4,})$/.exec(name);
  if (described !== null) return byPrefix(repository, described[1]!, "commit");
  return undefined;
}

/** Splits off the last `^…` or `~…` suffix. */
function splitSuffix(name: ByteString): { base: ByteString; suffix: ByteString } | undefined {
  if (name.endsWith("}")) {
    let depth = 0;
    for (let i = name.length - 1; i > 0; i--) {
      if (name[i] === "}") depth++;
      else if (name[i] === "{" && --depth === 0) {
        if (name[i - 1] === "^") return { base: name.slice(0, i - 1), suffix: name.slice(i - 1) };
        return undefined;
      }
    }
    return undefined;
  }
  const match = /([\^~])(\d*)$/.exec(name);
  return match === null ? undefined : { base: name.slice(0, match.index), suffix: match[0] };
}

/**
 * The object a name means, or `undefined`.
 *
 * Throws `GitError`: "conflict" for an ambiguous prefix, "not_found" past the end of a reflog.
 */
export function resolveRevision(
  repository: Repository,
  name: ByteString,
  options: RevisionOptions = {},
): ObjectId | undefined {
  const { objects } = repository;
  if (name.startsWith(":/")) return searchMessage(repository, name.slice(2), undefined);
  if (name.startsWith(":")) {
    const match = /^:(?:([0-3]):)?(.*)$/s.exec(name)!;
    const path = relativeTo(match[2]!, options.prefix ?? "");
    return repository.readIndex().get(path, Number(match[1] ?? 0))?.id;
  }
  const direct = name.includes(":") ? undefined : unsuffixed(repository, name, options);
  if (direct !== undefined) return direct;
  // `rev:path`; colons inside braces belong to `^{/text}` and `@{date}`.
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    const c = name[i];
    if (c === "{") depth++;
    else if (c === "}") depth--;
    else if (c === ":" && depth === 0) {
      const root = resolveRevision(repository, name.slice(0, i), { ...options, prefer: "treeish" });
      if (root === undefined) return undefined;
      const tree = peelTo(objects, root, "tree");
      if (tree === undefined) return undefined;
      return findInTree(repository, tree, relativeTo(name.slice(i + 1), options.prefix ?? ""))?.id;
    }
  }
  return unsuffixed(repository, name, options);
}

function unsuffixed(
  repository: Repository,
  name: ByteString,
  options: RevisionOptions,
): ObjectId | undefined {
  const { objects } = repository;
  const split = splitSuffix(name);
  if (split !== undefined && split.base !== "") {
    const { suffix } = split;
    const curly = suffix.startsWith("^{") ? suffix.slice(2, -1) : undefined;
    const prefer = curly === undefined || curly === "commit" || curly.startsWith("/")
      ? "committish"
      : curly === "tree"
      ? "treeish"
      : curly === "blob" || curly === "tag"
      ? curly
      : undefined;
    const base = resolveRevision(repository, split.base, {
      ...options,
      ...(prefer === undefined ? {} : { prefer }),
    });
    if (base === undefined) return undefined;
    if (curly !== undefined) {
      if (curly === "") return peelTo(objects, base, "any");
      if (curly === "object") return objects.has(base) ? base : undefined;
      if (curly.startsWith("/")) {
        const commit = peelTo(objects, base, "commit");
        return commit === undefined
          ? undefined
          : curly === "/"
          ? commit
          : searchMessage(repository, curly.slice(1), commit);
      }
      if (curly === "commit" || curly === "tree" || curly === "blob" || curly === "tag") {
        return peelTo(objects, base, curly);
      }
      return undefined;
    }
    let commit = peelTo(objects, base, "commit");
    if (commit === undefined) return undefined;
    const n = suffix.length === 1 ? 1 : Number(suffix.slice(1));
    if (suffix[0] === "^") {
      if (n === 0) return commit;
      return readCommit(objects, commit).parents[n - 1];
    }
    for (let i = 0; i < n && commit !== undefined; i++) {
      commit = readCommit(objects, commit).parents[0];
    }
    return commit;
  }
  return basic(repository, name, options);
}

/** Resolves `./x` and `../x` against a prefix; other paths are from the top. */
export function relativeTo(path: ByteString, prefix: ByteString): ByteString {
  if (!path.startsWith("./") && !path.startsWith("../") && path !== "." && path !== "..") {
    return path;
  }
  const parts: string[] = [];
  for (const part of (prefix + path).split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.length === 0) throw new GitError("invalid", `'${path}' is outside repository`);
      parts.pop();
    } else parts.push(part);
  }
  return parts.join("/");
}

/** Finds a path in a tree; `undefined` when it is not there. */
export function findInTree(
  repository: { readonly objects: ObjectStore },
  tree: ObjectId,
  path: ByteString,
): { id: ObjectId; mode: number } | undefined {
  let at = { id: tree, mode: 0o40000 };
  for (const part of path.split("/")) {
    if (part === "") continue;
    if ((at.mode & 0o170000) !== 0o40000) return undefined;
    const { objects } = repository;
    if (at.id === objects.algorithm.emptyTree) return undefined;
    const entry = findEntry(readTyped(objects, at.id, "tree"), part, objects.algorithm);
    if (entry === undefined) return undefined;
    at = entry;
  }
  return at;
}

function searchMessage(
  repository: Repository,
  text: ByteString,
  from: ObjectId | undefined,
): ObjectId | undefined {
  let negate = false;
  if (text.startsWith("!")) {
    if (text.startsWith("!-")) {
      negate = true;
      text = text.slice(2);
    } else if (text.startsWith("!!")) text = text.slice(1);
    else return undefined;
  }
  let pattern: PosixRegex;
  try {
    pattern = new PosixRegex(text, { extended: true });
  } catch {
    return undefined;
  }
  const seen = new Set<ObjectId>();
  const queue: { id: ObjectId; time: number }[] = [];
  const push = (id: ObjectId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    queue.push({ id, time: parseSignature(readCommit(repository.objects, id).committer).time });
    queue.sort((a, b) => b.time - a.time);
  };
  if (from !== undefined) push(from);
  else {
    for (const ref of [{ name: "HEAD", id: repository.head() }, ...repository.refs.list()]) {
      const id = ref.id === undefined ? undefined : peelTo(repository.objects, ref.id, "commit");
      if (id !== undefined) push(id);
    }
  }
  while (queue.length > 0) {
    const { id } = queue.shift()!;
    const commit = readCommit(repository.objects, id);
    if (pattern.test(commit.message) !== negate) return id;
    for (const parent of commit.parents) push(parent);
  }
  return undefined;
}

/** The shortest prefix (at least `length` digits) that means only this object. */
export function abbreviate(
  repository: Pick<Repository, "objects" | "algorithm">,
  id: ObjectId,
  length: number,
): string {
  let n = Math.max(4, length);
  if (n >= repository.algorithm.hexSize) return id;
  const start = n;
  const others = repository.objects.withPrefix(id.slice(0, start), 100000);
  for (const other of others) {
    if (other === id) continue;
    let common = start;
    while (common < id.length && other[common] === id[common]) common++;
    if (common + 1 > n) n = common + 1;
  }
  return id.slice(0, n);
}

/** How long abbreviations are by default: `core.abbrev`, else by the number of objects. */
export function defaultAbbreviation(repository: Repository): number {
  const setting = repository.config.entry("core.abbrev")?.value?.toLowerCase();
  if (setting !== undefined && setting !== "auto") {
    if (setting === "no" || setting === "off" || setting === "false") {
      return repository.algorithm.hexSize;
    }
    const n = repository.config.int("core.abbrev") ?? 7;
    if (n < 4 || n > repository.algorithm.hexSize) {
      throw new GitError("invalid", `abbrev length out of range: ${n}`);
    }
    return n;
  }
  let count = 0;
  for (const pack of repository.objects.packs()) count += pack.index.count;
  let bits = 0;
  for (let n = count; n > 0; n = Math.floor(n / 2)) bits++;
  return Math.max(7, Math.ceil(bits / 2));
}

/** Follows tags to what a ref finally names. */
export function peelTag(repository: Repository, id: ObjectId): ObjectId {
  for (let depth = 0; depth < 1000 && repository.objects.describe(id)?.type === "tag"; depth++) {
    id = readTag(repository.objects, id).object;
  }
  return id;
}
