/**
 * `git push`.
 *
 * @module
 */
import { type ByteString, encodeText } from "../_bytes.ts";
import { GitError } from "../errors.ts";
import { FetchSession, type RemoteRef } from "../fetch_pack.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor } from "../merge_base.ts";
import { peelTo } from "../object_store.ts";
import {
  isLeftOut,
  mapRef,
  matchAbbreviated,
  parseRefspec,
  prettyRef,
  type Refspec,
} from "../refspec.ts";
import {
  anonymousUrl,
  currentBranch,
  defaultPushRemoteName,
  defaultRemoteName,
  readRemote,
  type Remote,
} from "../remote.ts";
import { PushSession } from "../send_pack.ts";
import { connect, remoteMessages } from "./_connect.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions } from "./_options.ts";
import { setUpstreamConfig } from "./fetch.ts";

const USAGE = "git push [<options>] [<repository> [<refspec>...]]";

type Status =
  | "none"
  | "uptodate"
  | "ok"
  | "non-fast-forward"
  | "already-exists"
  | "fetch-first"
  | "needs-force"
  | "stale"
  | "remote-updated"
  | "no-delete"
  | "remote-rejected"
  | "no-report"
  | "atomic";

/** A ref of the other side and what is to become of it. */
interface PushRef {
  readonly name: ByteString;
  readonly oldId: ObjectId;
  newId: ObjectId;
  /** What it is pushed from: a ref, or an expression. */
  source: ByteString | undefined;
  matched: boolean;
  force: boolean;
  forced: boolean;
  expect: ObjectId | undefined;
  checkReachable: boolean;
  status: Status;
  message: ByteString | undefined;
}

interface LocalRef {
  readonly name: ByteString;
  readonly id: ObjectId;
}

interface Lease {
  readonly name: ByteString;
  readonly expect: ObjectId | undefined;
}

/** How many refs a short name means, and which. */
function countMatches<T extends { readonly name: ByteString }>(
  short: ByteString,
  refs: readonly T[],
): { count: number; match: T | undefined } {
  const strong: T[] = [], weak: T[] = [];
  for (const ref of refs) {
    if (matchAbbreviated(short, ref.name) === 0) continue;
    const plain = ref.name === short || ref.name.length - 5 === short.length ||
      ref.name.startsWith("refs/heads/") || ref.name.startsWith("refs/tags/");
    (plain ? strong : weak).push(ref);
  }
  if (strong.length > 0) return { count: strong.length, match: strong.at(-1) };
  return { count: weak.length, match: weak.at(-1) };
}

class Matcher {
  readonly refs = new Map<ByteString, PushRef>();
  readonly errors: ByteString[] = [];
  readonly #cli: Cli;
  readonly #local: readonly LocalRef[];
  readonly #zero: ObjectId;

  constructor(cli: Cli, local: readonly LocalRef[], remote: readonly RemoteRef[]) {
    this.#cli = cli;
    this.#local = local;
    this.#zero = cli.repo.algorithm.zero;
    for (const ref of remote) {
      if (ref.id !== undefined && ref.name.startsWith("refs/")) this.#add(ref.name, ref.id);
    }
  }

  #add(name: ByteString, oldId: ObjectId): PushRef {
    const made: PushRef = {
      name,
      oldId,
      newId: this.#zero,
      source: undefined,
      matched: false,
      force: false,
      forced: false,
      expect: undefined,
      checkReachable: false,
      status: "none",
      message: undefined,
    };
    this.refs.set(name, made);
    return made;
  }

  #assign(to: PushRef, source: ByteString | undefined, id: ObjectId, force: boolean): boolean {
    if (to.matched) {
      this.errors.push(`dst ref ${to.name} receives from more than one src`);
      return false;
    }
    to.matched = true;
    to.source = source;
    to.newId = id;
    to.force = force;
    return true;
  }

  /** A refspec without a pattern. */
  explicit(refspec: Refspec): void {
    const cli = this.#cli;
    let source: LocalRef | undefined;
    if (refspec.source !== "") {
      const { count, match } = countMatches(refspec.source, this.#local);
      if (count > 1) {
        this.errors.push(`src refspec ${refspec.source} matches more than one`);
        return;
      }
      source = match;
      if (source === undefined) {
        let id: ObjectId | undefined;
        try {
          id = cli.tryRevision(refspec.source);
        } catch (error) {
          if (!(error instanceof GitError)) throw error;
        }
        if (id === undefined) {
          this.errors.push(`src refspec ${refspec.source} does not match any`);
          return;
        }
        source = { name: refspec.source, id };
      }
    }
    let target = refspec.destination;
    if (target === undefined) {
      const full = cli.repo.refs.resolve(source!.name)?.target;
      if (full === undefined || (source!.name === "HEAD" && !full.startsWith("refs/heads/"))) {
        throw new Exit(128, `fatal: ${source!.name} cannot be resolved to branch\n`);
      }
      target = full;
    }
    const { count, match } = countMatches(target, [...this.refs.values()]);
    let to = match;
    if (count > 1) {
      this.errors.push(`dst refspec ${target} matches more than one`);
      return;
    }
    if (to === undefined) {
      if (target.startsWith("refs/")) to = this.#add(target, this.#zero);
      else if (source === undefined) {
        this.errors.push(`unable to delete '${target}': remote ref does not exist`);
        return;
      } else {
        const full = this.#guess(source, target);
        if (full === undefined) {
          this.errors.push(
            `The destination you provided is not a full refname (i.e.,\nstarting with "refs/"). We tried to guess what you meant by:\n\n` +
              `- Looking for a ref that matches '${target}' on the remote side.\n` +
              `- Checking if the <src> being pushed ('${source.name}')\n  is a ref in "refs/{heads,tags}/". If so we add a corresponding\n  refs/{heads,tags}/ prefix on the remote side.\n\n` +
              "Neither worked, so we gave up. You must fully qualify the ref.",
          );
          return;
        }
        to = this.refs.get(full) ?? this.#add(full, this.#zero);
      }
    }
    this.#assign(to, source?.name, source?.id ?? this.#zero, refspec.force);
  }

  #guess(source: LocalRef, target: ByteString): ByteString | undefined {
    const full = this.#cli.repo.refs.resolve(source.name)?.target ?? source.name;
    if (full.startsWith("refs/heads/")) return `refs/heads/${target}`;
    if (full.startsWith("refs/tags/")) return `refs/tags/${target}`;
    return undefined;
  }

  /** Refspecs with patterns, and `:`. */
  patterns(refspecs: readonly Refspec[], all: boolean): void {
    const matching = refspecs.find((refspec) => refspec.matching);
    for (const local of this.#local) {
      if (!local.name.startsWith("refs/") || isLeftOut(refspecs, local.name)) continue;
      let to: ByteString | undefined;
      let force = false;
      for (const refspec of refspecs) {
        if (!refspec.pattern || refspec.negative) continue;
        const mapped = mapRef(
          refspec.destination === undefined ? { ...refspec, destination: refspec.source } : refspec,
          local.name,
        );
        if (mapped !== undefined) {
          to = mapped;
          force = refspec.force;
          break;
        }
      }
      if (to === undefined) {
        if (matching === undefined || !local.name.startsWith("refs/heads/")) continue;
        if (!all && !this.refs.has(local.name)) continue;
        to = local.name;
        force = matching.force;
      }
      const there = this.refs.get(to) ?? this.#add(to, this.#zero);
      if (there.matched) continue;
      this.#assign(there, local.name, local.id, force);
    }
  }
}

/** Tags that point into what is pushed and are not there yet. */
function missingTags(cli: Cli, matcher: Matcher, local: readonly LocalRef[]): void {
  const { repo } = cli;
  const zero = repo.algorithm.zero;
  const tips: ObjectId[] = [];
  for (const ref of matcher.refs.values()) {
    if (ref.matched && ref.newId !== zero) {
      const commit = peelTo(repo.objects, ref.newId, "commit");
      if (commit !== undefined) tips.push(commit);
    }
  }
  for (const tag of local) {
    if (!tag.name.startsWith("refs/tags/") || matcher.refs.has(tag.name)) continue;
    if (repo.objects.describe(tag.id)?.type !== "tag") continue;
    const commit = peelTo(repo.objects, tag.id, "commit");
    if (commit === undefined || !tips.some((tip) => isAncestor(repo.objects, commit, tip))) {
      continue;
    }
    matcher.explicit(parseRefspec(`${tag.name}:${tag.name}`, "push"));
  }
}

function trackingName(remote: Remote, name: ByteString): ByteString | undefined {
  for (const refspec of remote.fetch) {
    const to = mapRef(refspec, name);
    if (to !== undefined) return to;
  }
  return undefined;
}

function applyLeases(
  cli: Cli,
  remote: Remote,
  refs: readonly PushRef[],
  leases: readonly Lease[],
  everywhere: boolean,
  ifIncludes: boolean,
): void {
  const { repo } = cli;
  const zero = repo.algorithm.zero;
  const fromTracking = (ref: PushRef): void => {
    const tracking = trackingName(remote, ref.name);
    const id = tracking === undefined ? undefined : repo.refs.id(tracking);
    // A lease without a tracking ref can never hold.
    ref.expect = tracking === undefined || id === undefined ? "missing" : id;
    if (ref.oldId === zero && id === undefined && tracking !== undefined) ref.expect = zero;
    if (!ifIncludes || tracking === undefined || id === undefined) return;
    // The tip we saw must have been part of the branch that is pushed.
    const source = ref.source === undefined ? undefined : repo.refs.resolve(ref.source)?.target;
    const log = source === undefined ? undefined : repo.refs.readLog(source);
    const tips = [ref.newId, ...(log ?? []).map((entry) => entry.newId)].filter((one) =>
      one !== zero && repo.objects.has(one)
    );
    ref.checkReachable = !tips.some((tip) => isAncestor(repo.objects, id, tip));
  };
  for (const ref of refs) {
    const lease = leases.find((one) =>
      matchAbbreviated(one.name, ref.name) > 0 || one.name === ref.name
    );
    if (lease !== undefined) {
      if (lease.expect !== undefined) ref.expect = lease.expect;
      else fromTracking(ref);
    } else if (everywhere) fromTracking(ref);
  }
}

function judge(cli: Cli, refs: readonly PushRef[], mirror: boolean, forceAll: boolean): void {
  const { repo } = cli;
  const zero = repo.algorithm.zero;
  const store = repo.objects;
  for (const ref of refs) {
    if (!ref.matched && !mirror) continue;
    const deletion = ref.newId === zero;
    if (!deletion && ref.oldId === ref.newId) {
      ref.status = "uptodate";
      continue;
    }
    let force = ref.force || forceAll;
    let reason: Status | undefined;
    if (ref.expect !== undefined) {
      if (ref.oldId !== ref.expect) reason = "stale";
      else if (ref.checkReachable) reason = "remote-updated";
      else force = true;
    }
    if (reason === undefined && !deletion && ref.oldId !== zero) {
      if (ref.name.startsWith("refs/tags/")) reason = "already-exists";
      else if (!store.has(ref.oldId)) reason = "fetch-first";
      else {
        const before = peelTo(store, ref.oldId, "commit"),
          after = peelTo(store, ref.newId, "commit");
        if (before === undefined || after === undefined) reason = "needs-force";
        else if (!isAncestor(store, before, after)) reason = "non-fast-forward";
      }
    }
    if (reason !== undefined && !force) ref.status = reason;
    else {
      ref.status = "ok";
      ref.forced = reason !== undefined;
    }
  }
}

const REASONS: Partial<Record<Status, string>> = {
  "non-fast-forward": "non-fast-forward",
  "already-exists": "already exists",
  "fetch-first": "fetch first",
  "needs-force": "needs force",
  "stale": "stale info",
  "remote-updated": "remote ref updated since checkout",
  "no-delete": "remote does not support deleting refs",
  "atomic": "atomic push failed",
};

function summaryWidth(cli: Cli, refs: readonly PushRef[]): number {
  const zero = cli.repo.algorithm.zero;
  let most = -1;
  for (const ref of refs) {
    for (const id of [ref.oldId, ref.newId]) {
      if (id !== zero) most = Math.max(most, cli.abbrev(id).length);
    }
  }
  return 2 * (most < 0 ? 7 : most) + 3;
}

function statusLine(cli: Cli, ref: PushRef, porcelain: boolean, width: number): ByteString {
  const zero = cli.repo.algorithm.zero;
  const deletion = ref.newId === zero;
  let flag = "!", summary: ByteString = "[rejected]", message: ByteString | undefined;
  let from: ByteString | undefined = deletion ? undefined : ref.source;
  switch (ref.status) {
    case "uptodate":
      [flag, summary] = ["=", "[up to date]"];
      break;
    case "ok":
      if (deletion) {
        [flag, summary, from] = ["-", "[deleted]", undefined];
      } else if (ref.oldId === zero) {
        flag = "*";
        summary = ref.name.startsWith("refs/tags/")
          ? "[new tag]"
          : ref.name.startsWith("refs/heads/")
          ? "[new branch]"
          : "[new reference]";
      } else {
        flag = ref.forced ? "+" : " ";
        summary = `${cli.abbrev(ref.oldId)}${ref.forced ? "..." : ".."}${cli.abbrev(ref.newId)}`;
        if (ref.forced) message = "forced update";
      }
      break;
    case "remote-rejected":
      summary = "[remote rejected]";
      message = ref.message;
      break;
    case "no-report":
      summary = "[remote failure]";
      message = "remote failed to report status";
      break;
    default:
      message = REASONS[ref.status];
  }
  if (porcelain) {
    return `${flag}\t${from ?? ""}:${ref.name}\t${summary}${
      message === undefined ? "" : ` (${message})`
    }\n`;
  }
  return ` ${flag} ${summary.padEnd(width)} ${
    from === undefined ? prettyRef(ref.name) : `${prettyRef(from)} -> ${prettyRef(ref.name)}`
  }${message === undefined ? "" : ` (${message})`}\n`;
}

function advise(cli: Cli, refs: readonly PushRef[]): void {
  const head = currentBranch(cli.repo);
  const hint = (key: string, text: ByteString): void => {
    if (
      cli.config.bool(`advice.${key.toLowerCase()}`, true) &&
      cli.config.bool("advice.pushupdaterejected", true)
    ) cli.err(text.split("\n").map((line) => `hint: ${line}`.trimEnd() + "\n").join(""));
  };
  const note = "See the 'Note about fast-forwards' in 'git push --help' for details.";
  const behind = refs.filter((ref) => ref.status === "non-fast-forward");
  const own = head === undefined
    ? undefined
    : behind.find((ref) => ref.source === `refs/heads/${head}` || ref.source === "HEAD");
  if (own !== undefined) {
    hint(
      "pushNonFFCurrent",
      `Updates were rejected because the tip of your current branch is behind\nits remote counterpart. Integrate the remote changes (e.g.\n'git pull ...') before pushing again.\n${note}`,
    );
  } else if (behind.length > 0) {
    hint(
      "pushNonFFMatching",
      `Updates were rejected because a pushed branch tip is behind its remote\ncounterpart. Check out this branch and integrate the remote changes\n(e.g. 'git pull ...') before pushing again.\n${note}`,
    );
  } else if (refs.some((ref) => ref.status === "already-exists")) {
    hint(
      "pushAlreadyExists",
      "Updates were rejected because the tag already exists in the remote.",
    );
  } else if (refs.some((ref) => ref.status === "fetch-first")) {
    hint(
      "pushFetchFirst",
      `Updates were rejected because the remote contains work that you do\nnot have locally. This is usually caused by another repository pushing\nto the same ref. You may want to first integrate the remote changes\n(e.g., 'git pull ...') before pushing again.\n${note}`,
    );
  } else if (refs.some((ref) => ref.status === "needs-force")) {
    hint(
      "pushNeedsForce",
      "You cannot update a remote ref that points at a non-commit object,\nor update a remote ref to make it point at a non-commit object,\nwithout using the '--force' option.",
    );
  } else if (refs.some((ref) => ref.status === "remote-updated")) {
    hint(
      "pushRefNeedsUpdate",
      `Updates were rejected because the tip of the remote-tracking\nbranch has been updated since the last checkout. You may want\nto integrate those changes locally (e.g., 'git pull ...')\nbefore forcing an update.`,
    );
  }
}

/** What is pushed when no refspec is given. */
function defaultRefspecs(cli: Cli, remote: Remote, fetchName: ByteString): {
  refspecs: ByteString[];
  setUpstream: boolean;
} {
  const { repo, config } = cli;
  const mode = config.get("push.default") ?? "simple";
  const branch = currentBranch(repo);
  const triangular = remote.name !== fetchName;
  const detached = (): never =>
    die(
      `You are not currently on a branch.\nTo push the history leading to the current (detached HEAD)\nstate now, use\n\n    git push ${remote.name} HEAD:<name-of-remote-branch>\n`,
    );
  const upstream = (): { refspecs: ByteString[]; setUpstream: boolean } => {
    const merges = config.all(`branch.${branch}.merge`);
    const from = config.entry(`branch.${branch}.remote`)?.value;
    if (triangular) {
      die(
        `You are pushing to remote '${remote.name}', which is not the upstream of\nyour current branch '${branch}', without telling me what to push\nto update which remote branch.`,
      );
    }
    if (merges.length === 0 || from === undefined) {
      if (config.bool("push.autosetupremote", false)) {
        return { refspecs: [`refs/heads/${branch}`], setUpstream: true };
      }
      die(
        `The current branch ${branch} has no upstream branch.\nTo push the current branch and set the remote as upstream, use\n\n    git push --set-upstream ${remote.name} ${branch}\n\nTo have this happen automatically for branches without a tracking\nupstream, see 'push.autoSetupRemote' in 'git help config'.\n`,
      );
    }
    if (merges.length > 1) {
      die(`The current branch ${branch} has multiple upstream branches, refusing to push.`);
    }
    if (mode !== "upstream" && mode !== "tracking" && merges[0] !== `refs/heads/${branch}`) {
      const short = merges[0]!.replace(/^refs\/heads\//, "");
      die(
        `The upstream branch of your current branch does not match\nthe name of your current branch.  To push to the upstream branch\non the remote, use\n\n    git push ${remote.name} HEAD:${short}\n\nTo push to the branch of the same name on the remote, use\n\n    git push ${remote.name} HEAD\n\nTo choose either option permanently, see push.default in 'git help config'.\n`,
      );
    }
    return { refspecs: [`refs/heads/${branch}:${merges[0]}`], setUpstream: false };
  };
  switch (mode) {
    case "matching":
      return { refspecs: [":"], setUpstream: false };
    case "nothing":
      return die(
        'You didn\'t specify any refspecs to push, and push.default is "nothing".',
      );
    case "current":
      if (branch === undefined) detached();
      return { refspecs: [`refs/heads/${branch}`], setUpstream: false };
    case "upstream":
    case "tracking":
      if (branch === undefined) detached();
      return upstream();
    case "simple":
      if (branch === undefined) detached();
      if (triangular) return { refspecs: [`refs/heads/${branch}`], setUpstream: false };
      return upstream();
    default:
      throw new Exit(
        128,
        `error: malformed value for push.default: ${mode}\nerror: must be one of nothing, matching, simple, upstream or current\nfatal: bad config variable 'push.default'\n`,
      );
  }
}

/** What both sides have, asked of the serving side of fetch (`push.negotiate`). */
async function negotiated(
  cli: Cli,
  url: ByteString,
  remote: Remote,
  sending: readonly PushRef[],
): Promise<ObjectId[]> {
  const transport = connect(cli, url, { command: "push", program: remote.uploadPack });
  try {
    const session = await FetchSession.open(transport, { version: 2 });
    const haveTips = sending.map((ref) => ref.newId).filter((id) => id !== cli.repo.algorithm.zero);
    const common = await session.negotiate(cli.repo, { wants: [], haveTips });
    await session.close();
    return common;
  } catch (error) {
    await transport.close();
    if (!(error instanceof GitError)) throw error;
    cli.warn(`push negotiation failed; proceeding anyway with push`);
    return [];
  }
}

/** `git push` */
export async function pushCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const o = parseOptions(
    cli,
    args,
    "v,verbose+ q,quiet repo= all mirror d,delete tags n,dry-run porcelain f,force force-with-lease? force-if-includes recurse-submodules? thin receive-pack= exec= u,set-upstream progress prune no-verify follow-tags signed? atomic o,push-option* 4,ipv4 6,ipv6",
    USAGE,
  );
  const { repo } = cli;
  if (o.flag("delete") && (o.flag("all") || o.flag("mirror") || o.flag("tags"))) {
    die("options '--delete' and '--all' cannot be used together".replace(
      "'--all'",
      o.flag("all") ? "'--all'" : o.flag("mirror") ? "'--mirror'" : "'--tags'",
    ));
  }
  const [first, ...rest] = o.rest;
  if (o.flag("delete") && rest.length === 0) die("--delete doesn't make sense without any refs");
  const name = first ?? o.text("repo") ?? defaultPushRemoteName(repo);
  const remote = readRemote(repo, name);
  if (first === undefined && o.text("repo") === undefined && !remote.configured) {
    const known = repo.config.subsections("remote").length > 0 || name !== "origin";
    if (!known || !remote.configured) {
      if (name === "origin" || name === "") {
        die(
          "No configured push destination.\nEither specify the URL from the command-line or configure a remote repository using\n\n    git remote add <name> <url>\n\nand then push using the remote name\n\n    git push <name>\n",
        );
      }
    }
  }
  if (name === "") die(`bad repository ''`);
  const mirror = o.flag("mirror") || (remote.mirror && rest.length === 0 && !o.flag("all"));
  if (o.flag("all")) {
    if (o.flag("tags")) die("options '--all' and '--tags' cannot be used together");
    if (rest.length > 0) die("--all can't be combined with refspecs");
  }
  if (o.flag("mirror")) {
    if (o.flag("tags")) die("options '--mirror' and '--tags' cannot be used together");
    if (rest.length > 0) die("--mirror can't be combined with refspecs");
  }
  if (o.flag("all") && o.flag("mirror")) {
    die("options '--all' and '--mirror' cannot be used together");
  }
  if (o.list("push-option").some((option) => option.includes("\n"))) {
    die("push options must not have new line characters");
  }
  const local: LocalRef[] = repo.refs.list().filter((ref) => !ref.broken).map((ref) => ({
    name: ref.name,
    id: ref.id,
  }));
  const headId = repo.head();
  if (headId !== undefined) local.push({ name: "HEAD", id: headId });
  const texts: ByteString[] = [];
  let setUpstream = o.flag("set-upstream");
  if (o.flag("tags")) texts.push("refs/tags/*");
  for (let i = 0; i < rest.length; i++) {
    const text = rest[i]!;
    if (text === "tag") {
      const tag = rest[++i];
      if (tag === undefined) die("tag shorthand without <tag>");
      texts.push(o.flag("delete") ? `:refs/tags/${tag}` : `refs/tags/${tag}:refs/tags/${tag}`);
    } else if (o.flag("delete")) {
      if (text.includes(":") || text === "") die("--delete only accepts plain target ref names");
      texts.push(`:${text}`);
    } else if (!text.includes(":") && !text.startsWith("^")) {
      texts.push(mapped(cli, remote, local, text));
    } else texts.push(text);
  }
  if (texts.length === 0 && !o.flag("all") && !mirror) {
    if (remote.push.length === 0) {
      const chosen = defaultRefspecs(cli, remote, defaultRemoteName(repo));
      texts.push(...chosen.refspecs);
      setUpstream ||= chosen.setUpstream;
    }
  }
  let refspecs = texts.map((text) => parseRefspec(text, "push"));
  if (refspecs.length === 0 && !o.flag("all") && !mirror) refspecs = [...remote.push];
  if (o.flag("all")) refspecs = [parseRefspec("refs/heads/*", "push")];
  if (mirror) refspecs = [parseRefspec("refs/*", "push")];
  const follow = o.given("follow-tags")
    ? o.flag("follow-tags")
    : cli.config.bool("push.followtags", false) ?? false;
  const leases: Lease[] = [];
  let everywhere = false;
  for (const [key, value] of o.order) {
    if (key !== "force-with-lease") continue;
    if (value === false) {
      leases.length = 0;
      everywhere = false;
    } else if (value === true) everywhere = true;
    else if (typeof value === "string") {
      const colon = value.indexOf(":");
      const expectText = colon < 0 ? undefined : value.slice(colon + 1);
      let expect: ObjectId | undefined;
      if (expectText !== undefined) {
        expect = expectText === "" ? repo.algorithm.zero : cli.tryRevision(expectText);
        if (expect === undefined) {
          throw new Exit(129, `error: cannot parse expected object name '${expectText}'\n`);
        }
      }
      leases.push({ name: colon < 0 ? value : value.slice(0, colon), expect });
    }
  }
  const ifIncludes = o.given("force-if-includes")
    ? o.flag("force-if-includes")
    : cli.config.bool("push.useforceifincludes", false) ?? false;
  let code = 0;
  for (const url of remote.pushUrls) {
    const one = await pushTo(cli, {
      o,
      remote,
      url,
      refspecs,
      local,
      mirror,
      follow,
      leases,
      everywhere,
      ifIncludes,
      setUpstream,
    });
    code ||= one;
  }
  return code;
}

/** A plain name on the command line, through the refspecs of the remote. */
function mapped(
  cli: Cli,
  remote: Remote,
  local: readonly LocalRef[],
  text: ByteString,
): ByteString {
  const force = text.startsWith("+") ? "+" : "";
  const name = text.slice(force.length);
  const { count, match } = countMatches(name, local);
  if (count !== 1 || match === undefined) return text;
  for (const refspec of remote.push) {
    const to = mapRef(refspec, match.name);
    if (to !== undefined) return `${force || (refspec.force ? "+" : "")}${name}:${to}`;
  }
  const mode = cli.config.get("push.default");
  if ((mode === "upstream" || mode === "tracking") && match.name.startsWith("refs/heads/")) {
    const branch = match.name.slice(11);
    const merges = cli.config.all(`branch.${branch}.merge`);
    if (
      merges.length === 1 && cli.config.entry(`branch.${branch}.remote`)?.value === remote.name
    ) return `${force}${name}:${merges[0]}`;
  }
  return text;
}

interface PushRun {
  o: Options;
  remote: Remote;
  url: ByteString;
  refspecs: Refspec[];
  local: LocalRef[];
  mirror: boolean;
  follow: boolean;
  leases: Lease[];
  everywhere: boolean;
  ifIncludes: boolean;
  setUpstream: boolean;
}

async function pushTo(cli: Cli, push: PushRun): Promise<number> {
  const { o, remote, url, refspecs, local } = push;
  const { repo } = cli;
  const zero = repo.algorithm.zero;
  const shownUrl = anonymousUrl(url);
  const quiet = o.flag("quiet");
  const porcelain = o.flag("porcelain");
  if (o.count("verbose") > 0) cli.err(`Pushing to ${shownUrl}\n`);
  const failed = (): number => {
    cli.err(`error: failed to push some refs to '${shownUrl}'\n`);
    return 1;
  };
  const transport = connect(cli, url, {
    command: "push",
    program: o.text("receive-pack") ?? o.text("exec") ?? remote.receivePack,
  });
  const messages = remoteMessages(cli);
  try {
    const session = await PushSession.open(transport);
    const matcher = new Matcher(cli, local, session.refs);
    const explicit = refspecs.filter((one) => !one.pattern && !one.matching && !one.negative);
    for (const refspec of explicit) {
      matcher.explicit(refspec.source === "HEAD" ? headSource(cli, refspec) : refspec);
    }
    if (matcher.errors.length > 0) {
      for (const text of matcher.errors) cli.err(`error: ${text}\n`);
      await session.close();
      return failed();
    }
    matcher.patterns(refspecs, false);
    if (push.follow) missingTags(cli, matcher, local);
    if (o.flag("prune")) pruneRemote(cli, matcher, refspecs, local);
    const refs = [...matcher.refs.values()];
    if (push.mirror) {
      for (const ref of refs) {
        if (!ref.matched) {
          ref.matched = true;
          ref.newId = zero;
        }
      }
    }
    const chosen = refs.filter((ref) => ref.matched);
    applyLeases(cli, remote, chosen, push.leases, push.everywhere, push.ifIncludes);
    judge(cli, chosen, push.mirror, o.flag("force"));
    if (!session.capabilities.has("delete-refs")) {
      for (const ref of chosen) if (ref.newId === zero) ref.status = "no-delete";
    }
    if (!o.negated("verify") && !o.flag("no-verify")) {
      const lines = chosen.filter((ref) =>
        !["non-fast-forward", "stale", "remote-updated", "uptodate"].includes(ref.status)
      ).map((ref) =>
        `${ref.newId === zero ? "(delete)" : ref.source} ${ref.newId} ${ref.name} ${ref.oldId}\n`
      );
      if (cli.runHook("pre-push", [remote.name, url], { input: lines.join("") }) !== 0) {
        await session.close();
        return failed();
      }
    }
    if (session.refs.length === 0 && chosen.length === 0) {
      cli.err(
        "No refs in common and none specified; doing nothing.\nPerhaps you should specify a branch.\n",
      );
      await session.close();
      return failed();
    }
    const rejected = (ref: PushRef): boolean => ref.status !== "ok" && ref.status !== "uptodate";
    if (o.flag("atomic") && chosen.some(rejected)) {
      for (const ref of chosen) if (ref.status === "ok") ref.status = "atomic";
    }
    const sending = chosen.filter((ref) => ref.status === "ok");
    const options = o.list("push-option").length > 0
      ? o.list("push-option")
      : cli.config.all("push.pushoption");
    if (sending.length > 0 && !o.flag("dry-run")) {
      const report = await session.push(repo, sending, {
        atomic: o.flag("atomic"),
        thin: !o.negated("thin"),
        ...(cli.config.bool("push.negotiate", false)
          ? { common: await negotiated(cli, url, remote, sending) }
          : {}),
        pushOptions: options,
        quiet,
        remoteMessage: messages.write,
      });
      messages.end();
      if (report.reported) {
        if (report.unpack !== "ok") cli.err(`error: remote unpack failed: ${report.unpack}\n`);
        for (const ref of sending) {
          if (!report.refs.has(ref.name)) ref.status = "no-report";
          else if (report.refs.get(ref.name) !== undefined) {
            ref.status = "remote-rejected";
            ref.message = report.refs.get(ref.name);
          }
        }
      }
    }
    await session.close();
    finishPush(cli, push, chosen, shownUrl);
    const bad = chosen.some(rejected);
    if (!o.flag("dry-run")) updateTracking(cli, remote, chosen);
    if (porcelain) cli.out("Done\n");
    else if (!quiet && !bad && sending.length === 0) cli.err("Everything up-to-date\n");
    if (bad) {
      failed();
      advise(cli, chosen);
      return 1;
    }
    return 0;
  } catch (error) {
    messages.end();
    await transport.close();
    throw error;
  }
}

function headSource(cli: Cli, refspec: Refspec): Refspec {
  const target = cli.repo.headBranch();
  if (refspec.destination !== undefined) return refspec;
  if (target === undefined) return refspec;
  return { ...refspec, destination: target };
}

function pruneRemote(
  cli: Cli,
  matcher: Matcher,
  refspecs: readonly Refspec[],
  local: readonly LocalRef[],
): void {
  const here = new Set(local.map((ref) => ref.name));
  for (const ref of matcher.refs.values()) {
    if (ref.matched) continue;
    for (const refspec of refspecs) {
      const back = refspec.matching
        ? (ref.name.startsWith("refs/heads/") ? ref.name : undefined)
        : refspec.pattern
        ? mapRef(
          {
            ...refspec,
            source: refspec.destination ?? refspec.source,
            destination: refspec.source,
          },
          ref.name,
        )
        : undefined;
      if (back === undefined || here.has(back)) continue;
      ref.matched = true;
      ref.newId = cli.repo.algorithm.zero;
      break;
    }
  }
}

function finishPush(cli: Cli, push: PushRun, refs: readonly PushRef[], url: ByteString): void {
  const { o, remote } = push;
  const porcelain = o.flag("porcelain");
  const verbose = o.count("verbose") > 0;
  const width = summaryWidth(cli, refs);
  let shown = false;
  const show = (ref: PushRef): void => {
    const line = statusLine(cli, ref, porcelain, width);
    const head = shown ? "" : `To ${url}\n`;
    shown = true;
    if (porcelain) cli.out(head + line);
    else cli.err(head + line);
  };
  const quiet = o.flag("quiet");
  if (verbose || porcelain) {
    for (const ref of refs) if (ref.status === "uptodate") show(ref);
  }
  for (const ref of refs) if (ref.status === "ok" && (!quiet || porcelain)) show(ref);
  for (const ref of refs) if (ref.status !== "ok" && ref.status !== "uptodate") show(ref);
  if (push.setUpstream) {
    const zero = cli.repo.algorithm.zero;
    for (const ref of refs) {
      if ((ref.status !== "ok" && ref.status !== "uptodate") || ref.newId === zero) continue;
      if (ref.source === undefined) continue;
      const source = cli.repo.refs.resolve(ref.source)?.target ?? ref.source;
      if (!source.startsWith("refs/heads/") || !ref.name.startsWith("refs/heads/")) continue;
      const branch = source.slice(11);
      if (o.flag("dry-run")) {
        if (!quiet) {
          cli.out(
            `Would set upstream of '${branch}' to '${ref.name.slice(11)}' of '${remote.name}'\n`,
          );
        }
        continue;
      }
      setUpstreamConfig(cli, branch, remote.name, ref.name);
      if (!quiet) {
        const tracking = trackingName(remote, ref.name);
        cli.out(
          `branch '${branch}' set up to track '${
            tracking === undefined ? ref.name : prettyRef(tracking)
          }'.\n`,
        );
      }
    }
  }
}

function updateTracking(cli: Cli, remote: Remote, refs: readonly PushRef[]): void {
  const { repo } = cli;
  const zero = repo.algorithm.zero;
  for (const ref of refs) {
    if (ref.status !== "ok" && ref.status !== "uptodate") continue;
    const tracking = trackingName(remote, ref.name);
    if (tracking === undefined) continue;
    try {
      if (ref.newId === zero) {
        if (repo.refs.exists(tracking)) repo.refs.update({ name: tracking, newId: zero });
      } else if (repo.refs.id(tracking) !== ref.newId) {
        repo.refs.update({ name: tracking, newId: ref.newId, message: "update by push" });
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      cli.err(`error: ${encodeText(error.message)}\n`);
    }
  }
}
